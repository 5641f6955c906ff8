//! Who may set what under way: the settings by name, their values, and who is told of changes.
//!
//! A value that was set stands before the configuration's until [`AS_CONFIGURED`] is set in its place, over restarts
//! too where there is a state folder. Invariants: the values in force are those of the configuration with all values
//! that were set; whoever listens is told of each change once, in order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use configuration::{Config, Level, WrongInput};
use message::Setting;
use tracing::{info, warn};

use super::{
    adjustable::Adjustable,
    live::Live,
    table::{ENABLED, Handler, OF_NODE, PROMPT},
};
use crate::daemon::{prompts::desk::Desk, store::Store};

/// Set in place of a value: what the configuration says is in force again.
pub(crate) const AS_CONFIGURED: &str = "default";

/// The file of values that were set.
const SETTINGS: &str = "settings.json";

/// Bytes of a value, at most: a long text has room in it.
const MAX_VALUE: usize = 8 * 1024;

/// Told of a setting's name and its new value.
type Listener = Box<dyn Fn(&str, &str) + Send + Sync>;

/// All settings.
pub(crate) struct Registry {
    rows: Vec<Row>,
    values: Mutex<Values>,
    live: Arc<Live>,
    desk: Arc<Desk>,
    set_log_level: Box<dyn Fn(Level) + Send + Sync>,
    store: Option<Store>,
    listeners: Mutex<Vec<Listener>>,
    version: AtomicU64,
}

/// A setting by its whole name.
struct Row {
    name: String,
    handler: Handler,
    camera: usize,
}

struct Values {
    configured: Adjustable,
    set: BTreeMap<String, String>,
    in_force: Adjustable,
}

/// What became of a value that was set.
#[derive(Debug, PartialEq)]
pub(crate) struct Changed {
    /// The value in force now.
    pub(crate) value: String,
    /// Whether it is kept over a restart.
    pub(crate) is_kept: bool,
}

impl Registry {
    /// The settings of a configuration, with the values that were set before a restart.
    pub(crate) fn new(
        config: &Config,
        live: Arc<Live>,
        desk: Arc<Desk>,
        set_log_level: impl Fn(Level) + Send + Sync + 'static,
        store: Option<Store>,
    ) -> Result<Self, WrongInput> {
        let of_node = OF_NODE.into_iter().map(|handler| Row {
            name: handler.name.to_owned(),
            handler,
            camera: 0,
        });
        let of_camera = config
            .cameras
            .iter()
            .enumerate()
            .flat_map(|(index, camera)| {
                let prompt = desk.understands_text().then_some(PROMPT);
                [ENABLED].into_iter().chain(prompt).map(move |handler| Row {
                    name: format!("{}/{}", camera.name, handler.name),
                    handler,
                    camera: index,
                })
            });
        let configured = Adjustable::of(config);
        let registry = Self {
            rows: of_node.chain(of_camera).collect(),
            values: Mutex::new(Values {
                in_force: configured.clone(),
                configured,
                set: BTreeMap::new(),
            }),
            live,
            desk,
            set_log_level: Box::new(set_log_level),
            store,
            listeners: Mutex::default(),
            version: AtomicU64::new(0),
        };
        registry.restore()?;
        Ok(registry)
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        // What is in force is replaced as a whole.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in force what was set before a restart. What can't be any more is left out with a line.
    fn restore(&self) -> Result<(), WrongInput> {
        let kept = self.store.as_ref().map(|store| store.read(SETTINGS));
        let kept: BTreeMap<String, String> = match kept {
            Some(Ok(kept)) => kept.unwrap_or_default(),
            Some(Err(error)) => {
                warn!("the kept settings are left out: {error:#}");
                BTreeMap::new()
            }
            None => BTreeMap::new(),
        };
        let mut values = self.values();
        let mut new = values.configured.clone();
        for (name, text) in kept {
            let applied = self.row(&name).and_then(|row| row.apply(&mut new, &text));
            match applied {
                Ok(()) => {
                    values.set.insert(name, text);
                }
                Err(cause) => warn!("the kept setting {name} is left out: {cause}"),
            }
        }
        self.put_in_force(&mut values, new)
    }

    fn row(&self, name: &str) -> Result<&Row, String> {
        let found = self.rows.iter().find(|row| row.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
            format!("no such setting: expected one of {}", names.join(", "))
        })
    }

    /// All settings with their values in force.
    pub(crate) fn list(&self) -> Vec<Setting> {
        let values = self.values();
        let describe = |row: &Row| Setting {
            name: row.name.clone(),
            label: row.handler.label.into(),
            kind: (row.handler.kind)(),
            value: row.read(&values.in_force),
            is_set: values.set.contains_key(&row.name),
        };
        self.rows.iter().map(describe).collect()
    }

    /// Counts changes: whoever has seen this version has seen everything.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Sets one by its name, or has the configuration's value in force again.
    ///
    /// # Errors
    /// What is expected instead; nothing changes.
    pub(crate) fn set(&self, name: &str, text: &str) -> Result<Changed, String> {
        let row = self.row(name)?;
        if text.len() > MAX_VALUE {
            return Err(format!("{name}: expected at most {MAX_VALUE} bytes"));
        }
        let mut values = self.values();
        let mut new = values.in_force.clone();
        let is_set = text.trim() != AS_CONFIGURED;
        let wanted = if is_set {
            text.to_owned()
        } else {
            row.read(&values.configured)
        };
        let said = |cause: String| format!("{name}: {cause}");
        row.apply(&mut new, &wanted).map_err(said)?;
        self.put_in_force(&mut values, new)
            .map_err(|wrong| said(wrong.to_string()))?;
        let value = row.read(&values.in_force);
        if is_set {
            values.set.insert(name.to_owned(), value.clone());
        } else {
            values.set.remove(name);
        }
        let is_kept = self.keep(&values.set);
        info!("{name} is {value:?}");
        Ok(Changed { value, is_kept })
    }

    /// Takes another configuration; what was set stands before it.
    ///
    /// # Errors
    /// A class that is wanted and that the network does not have; nothing changes.
    pub(crate) fn configure(&self, config: &Config) -> Result<(), WrongInput> {
        let mut values = self.values();
        let mut configured = Adjustable::of(config);
        // Cameras are those of the start.
        configured.cameras.clone_from(&values.configured.cameras);
        let mut new = configured.clone();
        for (name, text) in &values.set {
            // What was taken once is taken again.
            let applied = self.row(name).and_then(|row| row.apply(&mut new, text));
            debug_assert_eq!(applied, Ok(()));
        }
        self.put_in_force(&mut values, new)?;
        values.configured = configured;
        Ok(())
    }

    /// Has `listener` told of all values now, and of each change from now on. It must not ask this registry.
    pub(crate) fn listen(&self, listener: impl Fn(&str, &str) + Send + Sync + 'static) {
        let values = self.values();
        for row in &self.rows {
            listener(&row.name, &row.read(&values.in_force));
        }
        self.listeners().push(Box::new(listener));
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        // A list that only grows.
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other values in force, and tells of those that have changed.
    fn put_in_force(&self, values: &mut Values, new: Adjustable) -> Result<(), WrongInput> {
        self.live.replace(&new)?;
        let old = std::mem::replace(&mut values.in_force, new);
        let new = &values.in_force;
        if new.log != old.log {
            (self.set_log_level)(new.log);
        }
        for (camera, of_camera) in new.cameras.iter().enumerate() {
            if old.cameras[camera].prompt != of_camera.prompt {
                self.desk.look_for(camera, &of_camera.prompt);
            }
        }
        let listeners = self.listeners();
        for row in &self.rows {
            let value = row.read(new);
            if value != row.read(&old) {
                listeners
                    .iter()
                    .for_each(|listener| listener(&row.name, &value));
            }
        }
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn keep(&self, set: &BTreeMap<String, String>) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        let kept = store.write(SETTINGS, set);
        if let Err(error) = &kept {
            warn!("settings are not kept over a restart: {error:#}");
        }
        kept.is_ok()
    }
}

impl Row {
    fn read(&self, values: &Adjustable) -> String {
        (self.handler.read)(values, self.camera)
    }

    fn apply(&self, values: &mut Adjustable, text: &str) -> Result<(), String> {
        (self.handler.apply)(values, self.camera, text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::daemon::clock::Clock;

    fn registry(config: &Config, folder: Option<&Path>) -> (Arc<Registry>, Arc<Live>) {
        let live = Live::new(config).unwrap();
        let desk = Arc::new(Desk::new(config, None, Clock::standing()).unwrap());
        let store = folder.map(Store::at);
        let registry = Registry::new(config, Arc::clone(&live), desk, |_| (), store).unwrap();
        (Arc::new(registry), live)
    }

    fn value(registry: &Registry, name: &str) -> (String, bool) {
        let all = registry.list();
        let found = all
            .into_iter()
            .find(|setting| setting.name == name)
            .unwrap();
        (found.value, found.is_set)
    }

    #[test]
    fn a_value_is_in_force_at_once_and_told_once() {
        let (registry, live) = registry(&Config::default(), None);
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        registry.listen(move |name, value| heard.lock().unwrap().push(format!("{name}={value}")));
        let first: Vec<String> = told.lock().unwrap().drain(..).collect();
        assert_eq!(first.len(), registry.list().len());
        assert!(first.contains(&"cam0/enabled=ON".to_owned()), "{first:?}");

        let changed = registry.set("confidence", "0.5").unwrap();
        assert_eq!((changed.value.as_str(), changed.is_kept), ("0.5", false));
        registry.set("confidence", "0.50").unwrap();
        registry.set("cam0/enabled", "off").unwrap();
        registry.set("detection", "off").unwrap();
        let mut reader = live.reader();
        let now = reader.now();
        assert_eq!((now.segmentation.confidence, now.detection), (0.5, false));
        assert!(!now.is_enabled(0));
        for (name, text, cause) in [
            ("confidence", "2", "confidence: expected a number"),
            (
                "confidance",
                "0.5",
                "no such setting: expected one of detection",
            ),
            ("cam9/enabled", "ON", "no such setting"),
            ("cam0/prompt", "cup", "no such setting"),
        ] {
            let error = registry.set(name, text).unwrap_err();
            assert!(error.contains(cause), "{error}");
        }
        let told = told.lock().unwrap().clone();
        assert_eq!(
            told,
            ["confidence=0.5", "cam0/enabled=OFF", "detection=OFF"]
        );
    }

    #[test]
    fn what_was_set_outlives_a_restart_and_a_reload_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        let (first, _) = registry(&config, Some(folder.path()));
        assert!(first.set("iou", "0.9").unwrap().is_kept);
        first.set("mask_format", "polygon").unwrap();
        config.segmentation.iou = 0.6;
        config.segmentation.confidence = 0.4;
        first.configure(&config).unwrap();
        assert_eq!(value(&first, "iou"), ("0.9".to_owned(), true));
        assert_eq!(value(&first, "confidence"), ("0.4".to_owned(), false));

        // Another version may know other settings and other values.
        let file = folder.path().join(SETTINGS);
        let kept = std::fs::read_to_string(&file).unwrap();
        let kept = kept.replace('{', r#"{"colour": "red", "confidence": "high","#);
        std::fs::write(&file, kept).unwrap();
        let (second, live) = registry(&config, Some(folder.path()));
        assert_eq!(value(&second, "iou"), ("0.9".to_owned(), true));
        assert_eq!(live.reader().now().segmentation.iou, 0.9);
        assert_eq!(value(&second, "mask_format"), ("polygon".to_owned(), true));
        assert_eq!(value(&second, "confidence"), ("0.4".to_owned(), false));
        assert_eq!(second.set("iou", AS_CONFIGURED).unwrap().value, "0.6");
        let (third, _) = registry(&config, Some(folder.path()));
        assert_eq!(value(&third, "iou"), ("0.6".to_owned(), false));

        std::fs::write(&file, "{").unwrap();
        let (fourth, _) = registry(&config, Some(folder.path()));
        assert_eq!(value(&fourth, "mask_format"), ("rle".to_owned(), false));
    }
}
