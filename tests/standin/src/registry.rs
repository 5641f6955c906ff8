//! Handles, and what callers do wrong with them.
//!
//! A handle is a number that is never used twice and never dereferenced, so a released or invented
//! one is always recognised. What the real library would answer with a crash is answered here with
//! a line in the report and `HAILO_INVALID_ARGUMENT`.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use frame::InputSize;
use hailort::hef_file::HefArchitecture;
use tensors::TensorInfo;

use crate::{
    alarm::{Alarm, Listener},
    chip::Chip,
    script::{Script, ScriptFile, beside},
};

/// What a handle stands for.
#[derive(Clone)]
pub(crate) enum Object {
    VDevice(Arc<VDevice>),
    /// A vdevice's physical device, by the vdevice's handle.
    Device(usize),
    Hef(Arc<Hef>),
    Group(Arc<Group>),
    Input(Arc<VStream>),
    Output(Arc<VStream>),
    Released(&'static str),
}

pub(crate) struct VDevice {
    /// The device went away under it.
    pub(crate) lost: AtomicBool,
    busy: AtomicBool,
}

pub(crate) struct Hef {
    pub(crate) architecture: HefArchitecture,
    pub(crate) network: String,
    /// What its network takes.
    pub(crate) input: InputSize,
}

pub(crate) struct Group {
    pub(crate) vdevice: usize,
    pub(crate) hef: usize,
    pub(crate) chip: Arc<Chip>,
    pub(crate) input: InputSize,
    /// The outputs, by name, in the types that the script asks for.
    pub(crate) outputs: Vec<TensorInfo>,
}

pub(crate) struct VStream {
    pub(crate) group: Arc<Group>,
    /// Which output; 0 for the input.
    pub(crate) index: usize,
    /// The longest that a transfer blocks.
    pub(crate) timeout: Duration,
    busy: AtomicBool,
}

impl VDevice {
    pub(crate) fn new() -> Self {
        Self {
            lost: AtomicBool::new(false),
            busy: AtomicBool::new(false),
        }
    }
}

impl VStream {
    pub(crate) fn new(group: Arc<Group>, index: usize, timeout: Duration) -> Self {
        Self {
            group,
            index,
            timeout,
            busy: AtomicBool::new(false),
        }
    }
}

impl Object {
    fn kind(&self) -> &'static str {
        match self {
            Self::VDevice(_) => "vdevice",
            Self::Device(_) => "device",
            Self::Hef(_) => "HEF",
            Self::Group(_) => "network group",
            Self::Input(_) => "input vstream",
            Self::Output(_) => "output vstream",
            Self::Released(kind) => kind,
        }
    }
}

/// Everything that is known between calls.
pub(crate) struct Standin {
    objects: Mutex<BTreeMap<usize, Object>>,
    next: AtomicU64,
    script: Mutex<ScriptFile>,
    report_path: PathBuf,
    report: Mutex<Option<File>>,
    /// Frames written since the library was opened.
    pub(crate) frames: AtomicU64,
    /// Readings of the temperature.
    pub(crate) readings: AtomicU64,
    /// The chip hangs, and nothing helps.
    pub(crate) hung_for_good: AtomicBool,
    listeners: Mutex<Vec<Listener>>,
    /// A vdevice of a device that was removed is being released, for ever; no other can be made.
    pub(crate) stuck: AtomicBool,
}

/// `None` before the first call, and after the library was closed.
static STANDIN: RwLock<Option<Arc<Standin>>> = RwLock::new(None);

fn existing() -> Option<Arc<Standin>> {
    STANDIN
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// The stand-in, made with the first call.
pub(crate) fn standin() -> Arc<Standin> {
    if let Some(standin) = existing() {
        return standin;
    }
    let mut place = STANDIN.write().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(place.get_or_insert_with(|| Arc::new(Standin::new())))
}

/// The file that this code was loaded from.
fn own_path() -> PathBuf {
    let here = own_path as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines()
        .find_map(|line| {
            // 7f12a000-7f12b000 r-xp 00001000 08:01 1234   /path
            let (from, rest) = line.split_once('-')?;
            let (to, rest) = rest.split_once(' ')?;
            let from = usize::from_str_radix(from, 16).ok()?;
            let to = usize::from_str_radix(to, 16).ok()?;
            (from..to)
                .contains(&here)
                .then(|| PathBuf::from(rest.find('/').map_or("", |at| &rest[at..])))
        })
        .unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An object in use by one call, until this is dropped.
pub(crate) struct InUse<T: AsRef<AtomicBool>>(Arc<T>);

impl<T: AsRef<AtomicBool>> Drop for InUse<T> {
    fn drop(&mut self) {
        (*self.0).as_ref().store(false, Ordering::SeqCst);
    }
}

impl<T: AsRef<AtomicBool>> std::ops::Deref for InUse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl AsRef<AtomicBool> for VDevice {
    fn as_ref(&self) -> &AtomicBool {
        &self.busy
    }
}

impl AsRef<AtomicBool> for VStream {
    fn as_ref(&self) -> &AtomicBool {
        &self.busy
    }
}

impl Standin {
    fn new() -> Self {
        let library = own_path();
        let mut script = ScriptFile::new(&library);
        let wrong = script.start();
        let standin = Self {
            objects: Mutex::default(),
            next: AtomicU64::new(1),
            script: Mutex::new(script),
            report_path: beside(&library, "HAILORT_STANDIN_REPORT", ".report"),
            report: Mutex::new(None),
            frames: AtomicU64::new(0),
            readings: AtomicU64::new(0),
            hung_for_good: AtomicBool::new(false),
            listeners: Mutex::default(),
            stuck: AtomicBool::new(false),
        };
        for entry in wrong {
            standin.report("violation", &format!("the script does not know '{entry}'"));
        }
        standin
    }

    /// The script as it stands now.
    pub(crate) fn script(&self) -> Script {
        let (script, wrong) = lock(&self.script).now();
        for entry in wrong {
            self.report("violation", &format!("the script does not know '{entry}'"));
        }
        script
    }

    pub(crate) fn report(&self, kind: &str, what: &str) {
        let mut report = lock(&self.report);
        if report.is_none() {
            *report = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.report_path)
                .ok();
        }
        if let Some(report) = report.as_mut() {
            // A report that can't be written can't be reported.
            let _ = writeln!(report, "{kind}: {what}");
        }
    }

    /// Notes what the caller did wrong.
    pub(crate) fn violation(&self, function: &str, what: &str) {
        self.report("violation", &format!("{function}: {what}"));
    }

    /// Somebody wants to be told of alarms.
    pub(crate) fn listen(&self, listener: Listener) {
        lock(&self.listeners).push(listener);
    }

    /// Tells them.
    pub(crate) fn tell(&self, alarm: Alarm) {
        let listeners = lock(&self.listeners).clone();
        alarm.tell(&listeners);
    }

    /// A handle for an object.
    pub(crate) fn add(&self, object: Object) -> usize {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        // Looks like a pointer to a debugger, and is none.
        let handle = 0x5a00_0000 + usize::try_from(number).unwrap_or(0) * 64;
        lock(&self.objects).insert(handle, object);
        handle
    }

    /// What a handle stands for; a wrong one is a violation.
    pub(crate) fn get<T>(
        &self,
        function: &str,
        handle: usize,
        wanted: &str,
        pick: impl FnOnce(&Object) -> Option<T>,
    ) -> Option<T> {
        let objects = lock(&self.objects);
        let what = match objects.get(&handle) {
            Some(object) => match pick(object) {
                Some(picked) => return Some(picked),
                None if matches!(object, Object::Released(_)) => {
                    format!("the {} was released before", object.kind())
                }
                None => format!("the handle is a {}, not a {wanted}", object.kind()),
            },
            None if handle == 0 => format!("NULL is no {wanted}"),
            None => format!("the handle was never a {wanted}"),
        };
        drop(objects);
        self.violation(function, &what);
        None
    }

    /// Marks something as in use by one call; a second at the same time is a violation.
    pub(crate) fn enter<T: AsRef<AtomicBool>>(
        &self,
        function: &str,
        object: Arc<T>,
    ) -> Option<InUse<T>> {
        if (*object).as_ref().swap(true, Ordering::SeqCst) {
            self.violation(function, "two threads use the same object at once");
            return None;
        }
        Some(InUse(object))
    }

    /// Marks a handle as released.
    pub(crate) fn release(&self, handle: usize) {
        if let Some(object) = lock(&self.objects).get_mut(&handle) {
            *object = Object::Released(object.kind());
        }
    }

    /// How many live objects match.
    pub(crate) fn count(&self, matches: impl Fn(&Object) -> bool) -> usize {
        lock(&self.objects)
            .values()
            .filter(|object| matches(object))
            .count()
    }

    /// The handles of live objects that match.
    pub(crate) fn handles(&self, matches: impl Fn(&Object) -> bool) -> Vec<usize> {
        let objects = lock(&self.objects);
        objects
            .iter()
            .filter(|(_, object)| matches(object))
            .map(|(handle, _)| *handle)
            .collect()
    }

    /// Objects that the caller must still release.
    pub(crate) fn live(&self) -> usize {
        self.count(|object| {
            !matches!(
                object,
                Object::Released(_) | Object::Device(_) | Object::Group(_)
            )
        })
    }
}

/// Objects that the caller has made and not released: for tests that stay in the process.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn hailo_standin_live() -> usize {
    existing().map_or(0, |standin| standin.live())
}

/// Runs when the library is closed or the process exits.
extern "C" fn at_exit() {
    let standin = STANDIN
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(standin) = standin {
        let live = standin.handles(|object| {
            !matches!(
                object,
                Object::Released(_) | Object::Device(_) | Object::Group(_)
            )
        });
        let objects = lock(&standin.objects);
        let kinds: Vec<_> = live
            .iter()
            .filter_map(|handle| objects.get(handle))
            .map(Object::kind)
            .collect();
        drop(objects);
        for kind in kinds {
            standin.report("leak", kind);
        }
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_EXIT: extern "C" fn() = at_exit;
