//! The chip and the way to it: library, driver, device, HEF, link, temperature, an inference.
//!
//! What goes wrong for users, and the row it shows in:
//!
//! | situation | HailoRT's status | row |
//! |---|---|---|
//! | libhailort missing, or of a line that serves other chips | | `library` |
//! | library and kernel driver of different versions | 76, 85, 86 | `driver` |
//! | no device | 74, 64 | `device` |
//! | another process holds the device | 74, 73, 2 | `device` |
//! | device node missing, or not for this user | 36 | `device` |
//! | firmware not loaded; `hailort_service` missing or down | 6, 77 | `device` |
//! | firmware of another version | 16 | `firmware` |
//! | HEF missing, damaged, for another chip, network or HailoRT, or one that kills the library | 93, 26, 91, 92 | `hef` |
//! | descriptor pages larger than the host takes | 8 | `device` |
//! | PCIe link at Gen 2 | | `pcie` |
//! | no result in time; too hot | 4, 87; 63 | `inference`, `temperature` |
//!
//! Power is not read: reading it can turn the chip's over-current protection off.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use accelerator::{
    Accelerator, AcceleratorError,
    hailo::{self, Hailo, HailoError, HailoSettings, Monitor},
};
use frame::PAD_VALUE;
use hailort::{CheckedHef, DeviceId, Library, Status, Trial, VersionSupport, Versions, host::Chip};
use tensors::Tensors;

use super::{
    finding::{Finding, Outcome},
    machine::{DriverFiles, Machine},
};
use crate::open::accelerator as open;
use configuration::Backend;

/// Inferences that are timed.
const INFERENCES: u64 = 10;

/// The longest one may take, and a start after a fault.
const PATIENCE: Duration = Duration::from_secs(3);

/// What it takes to have all of HailoRT, of one version.
const INSTALL: &str = "sudo apt update && sudo apt install hailo-all && sudo reboot";
const ALIGN: &str = "sudo apt update && sudo apt full-upgrade && sudo reboot";
const HOLDER: &str = "sudo fuser -v /dev/hailo0";
const FETCH: &str = "sudo fastsamd fetch fast_sam_s --for hailo8 (for a Hailo-8L: hailo8l), and set \
                     accelerator.backend.hailo.hef to what it prints";

pub(super) fn examine(section: &configuration::Accelerator, machine: &Machine) -> Vec<Finding> {
    if let Backend::Hailo(hailo) = &section.backend {
        return examine_hailo(&open::hailo_settings(section, hailo), machine);
    }
    if !machine.has_trace_of_hailo() {
        let backend = section.backend.name();
        return vec![Finding::ok(
            "device",
            format!("no Hailo chip on this machine, and backend {backend} needs none"),
        )];
    }
    // Nothing of this is needed; but who plans for a chip wants to know.
    let settings = open::hailo_settings(section, &configuration::Hailo::default());
    let mut findings = examine_hailo(&settings, machine);
    for finding in &mut findings {
        if finding.outcome == Outcome::Failed {
            finding.outcome = Outcome::Warning;
            finding.detail += &format!(" (backend {} needs none)", section.backend.name());
        }
    }
    findings
}

fn examine_hailo(settings: &HailoSettings, machine: &Machine) -> Vec<Finding> {
    // All else would be about a chip that is not there.
    if let [Chip::Other(name), ..] = machine.sysfs.chips()[..] {
        return vec![Finding::failed(
            "device",
            HailoError::OtherChip(name).to_string(),
            "set accelerator.backend to onnx, or put a Hailo-8 or 8L in its place".to_owned(),
        )];
    }
    let mut findings = Vec::new();
    let library = match Library::open(settings.library.as_deref(), settings.library_versions) {
        Ok(library) => {
            findings.push(judge_library(&library));
            Some(library)
        }
        Err(error) => {
            findings.push(no_library(&error, settings));
            None
        }
    };
    let devices = library.as_ref().map(Library::scan);
    let is_there = matches!(&devices, Some(Ok(found)) if !found.is_empty());
    findings.push(driver(library.as_ref(), is_there, machine));
    findings.push(hef(settings, library.as_ref()));
    let hef_is_usable = findings
        .last()
        .is_some_and(|hef| hef.outcome == Outcome::Ok);
    match devices {
        None => {}
        Some(Err(error)) => findings.push(from_runtime("device", &error, machine)),
        Some(Ok(found)) if found.is_empty() => findings.push(no_device(machine)),
        Some(Ok(found)) => {
            links(&found, machine, &mut findings);
            if hef_is_usable {
                use_device(settings, &found, machine, &mut findings);
            } else {
                findings.push(Finding::warning(
                    "device",
                    format!("{}; not opened, since the HEF can't be used", list(&found)),
                    None,
                ));
            }
        }
    }
    findings
}

fn list(devices: &[DeviceId]) -> String {
    let names: Vec<_> = devices.iter().map(DeviceId::as_str).collect();
    names.join(", ")
}

fn judge_library(library: &Library) -> Finding {
    let seen = format!(
        "libhailort {} ({})",
        library.version(),
        library.path().display()
    );
    match library.version().support() {
        VersionSupport::Supported => Finding::ok("library", seen),
        VersionSupport::Untried | VersionSupport::Refused => Finding::warning(
            "library",
            format!(
                "{seen} is untried, and opened only because {} is set",
                Versions::VARIABLE
            ),
            ALIGN.to_owned(),
        ),
    }
}

fn no_library(error: &hailort::Error, settings: &HailoSettings) -> Finding {
    let fix = match (error, &settings.library) {
        (hailort::Error::Open { .. }, Some(_)) => {
            format!(
                "correct accelerator.backend.hailo.library, or leave it out and install it: {INSTALL}"
            )
        }
        (hailort::Error::Open { .. }, None) => format!(
            "{INSTALL} (Raspberry Pi OS); elsewhere install the hailort package 4.23 from Hailo"
        ),
        _ => format!("install HailoRT 4.23 in its place: {INSTALL}"),
    };
    Finding::failed("library", error.to_string(), fix)
}

fn driver(library: Option<&Library>, device_is_there: bool, machine: &Machine) -> Finding {
    let check = "driver";
    match (machine.sysfs.driver_version(), library) {
        (None, _) if device_is_there => {
            Finding::warning(check, "a device is there, but no hailo_pci in /sys", None)
        }
        (None, _) => Finding::failed(
            check,
            "the kernel driver hailo_pci is not loaded",
            format!(
                "sudo modprobe hailo_pci; where there is no such module: {INSTALL}; after a kernel \
                 update: sudo dkms autoinstall"
            ),
        ),
        (Some(driver), Some(library)) if driver != library.version().to_string() => {
            let version = library.version();
            different(&driver, &version.to_string(), &machine.driver_files())
        }
        (Some(driver), _) => Finding::ok(check, format!("hailo_pci {driver}")),
    }
}

fn different(driver: &str, library: &str, files: &DriverFiles) -> Finding {
    let seen = format!("hailo_pci is {driver}, libhailort {library}: they must be of one version");
    let (Some(taken), [_, _, ..]) = (&files.taken, &files.all[..]) else {
        return Finding::failed("driver", seen, ALIGN.to_owned());
    };
    let all: Vec<_> = files
        .all
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let taken = taken.display();
    Finding::failed(
        "driver",
        format!(
            "{seen}; there are {} modules for this kernel ({}), and {taken} is the one that is loaded",
            all.len(),
            all.join(", ")
        ),
        format!(
            "`modinfo -F version FILE` tells the version of each; remove the other one's package (`dpkg -S \
             {taken}`; of DKMS: `dkms status`, `sudo dkms remove`), or move it away (`sudo mv {taken} ~`); \
             then sudo depmod -a && sudo reboot"
        ),
    )
}

/// The HEF: read, judged, and tried with the library if there is one.
fn hef(settings: &HailoSettings, library: Option<&Library>) -> Finding {
    let check = "hef";
    let hef = match CheckedHef::read(&settings.hef, settings.sha256) {
        Ok(hef) => hef,
        Err(error) => return Finding::failed(check, error.to_string(), FETCH.to_owned()),
    };
    let path = settings.hef.display();
    let contents = hef.contents();
    let group = match hailo::fitting_group(contents) {
        Ok(group) => group,
        Err(why) => {
            let fix = format!("fastsamd hef {path} shows what it holds; {FETCH}");
            return Finding::failed(check, format!("{path}: {why}"), fix);
        }
    };
    if let Some(library) = library {
        let (oldest, found) = (contents.oldest_library, library.version());
        if found.major == 4 && found.minor < oldest {
            return Finding::failed(
                check,
                format!("{path} needs HailoRT 4.{oldest}, and libhailort is {found}"),
                format!("update HailoRT: {ALIGN}; or get the HEF for this one: {FETCH}"),
            );
        }
        if let Some(program) = &settings.trial
            && let Err(error) = Trial::by(program).run(settings.library.as_deref(), &hef)
        {
            return Finding::failed(check, error.to_string(), FETCH.to_owned());
        }
    }
    Finding::ok(
        check,
        format!(
            "{path}: {} for a {}",
            group.name.escape_debug(),
            contents.architecture
        ),
    )
}

fn no_device(machine: &Machine) -> Finding {
    let node = machine.dev.join("hailo0");
    let seen = if node.exists() {
        format!("libhailort finds none, though there is {}", node.display())
    } else {
        format!("none found, and no {}", node.display())
    };
    Finding::failed(
        "device",
        seen,
        "lspci -d 1e60: (nothing: check the module's seat and cable, and dtparam=pciex1 in \
         /boot/firmware/config.txt); ls -l /dev/hailo0; sudo dmesg | grep -i hailo; dkms status"
            .to_owned(),
    )
}

/// Whether the device node is there, and for whom.
fn node(machine: &Machine) -> String {
    let path = machine.dev.join("hailo0");
    match fs::metadata(&path) {
        Ok(found) => format!(
            "{} has mode {:04o} and belongs to user {} and group {}",
            path.display(),
            found.mode() & 0o7777,
            found.uid(),
            found.gid()
        ),
        Err(error) => format!("{}: {error}", path.display()),
    }
}

/// The speed of each device's link.
fn links(devices: &[DeviceId], machine: &Machine, findings: &mut Vec<Finding>) {
    for device in devices {
        let Some(link) = machine.sysfs.pcie_link(device) else {
            continue;
        };
        let seen = format!("{device}: {} GT/s, {} lanes", link.speed, link.width);
        findings.push(if link.is_slow() {
            Finding::warning(
                "pcie",
                format!("{seen}: slower than Gen 3, which slows FastSAM"),
                "put dtparam=pciex1_gen=3 into /boot/firmware/config.txt and reboot".to_owned(),
            )
        } else {
            Finding::ok("pcie", seen)
        });
    }
}

/// Opens the device and runs the network.
fn use_device(
    settings: &HailoSettings,
    devices: &[DeviceId],
    machine: &Machine,
    findings: &mut Vec<Finding>,
) {
    let settings = HailoSettings {
        sysfs: machine.sysfs.clone(),
        // One answer is enough to know.
        vdevice_attempts: 1,
        // The HEF was tried just now.
        trial: None,
        ..settings.clone()
    };
    let hailo = match hailo::open(settings) {
        Ok(hailo) => hailo,
        Err(error) => {
            findings.push(explain(&error, devices, machine));
            return;
        }
    };
    let monitor = hailo.monitor();
    let device = monitor.device();
    let name = |what: Option<String>| what.unwrap_or_else(|| "unknown".to_owned());
    findings.push(Finding::ok(
        "device",
        format!(
            "{} at {}, firmware {}",
            name(
                device
                    .architecture
                    .map(|architecture| architecture.to_string())
            ),
            name(device.device.clone()),
            name(device.firmware.map(|version| version.to_string())),
        ),
    ));
    findings.push(infer(hailo));
    findings.push(temperature(&monitor));
}

fn temperature(monitor: &Monitor) -> Finding {
    match monitor.health().temperature {
        Some(degrees) => Finding::ok("temperature", format!("{degrees:.1} °C on the chip")),
        None => Finding::warning("temperature", "the chip does not say", None),
    }
}

/// Runs the network on a grey picture, one frame after the other.
fn infer(hailo: Hailo) -> Finding {
    let check = "inference";
    let mut tensors = Tensors::for_layout(hailo.layout());
    let picture = vec![PAD_VALUE; hailo.layout().input().bytes()];
    let (mut submit, mut collect) = Box::new(hailo).split();
    let mut times = Vec::new();
    for ticket in 0..INFERENCES {
        let started = Instant::now();
        let answered = submit
            .submit(ticket, &picture, PATIENCE)
            .and_then(|()| collect.collect(&mut tensors, PATIENCE));
        match answered {
            Ok(_) => times.push(started.elapsed()),
            Err(error) => {
                return Finding::failed(
                    check,
                    format!("picture {} of {INFERENCES}: {error}", ticket + 1),
                    "check power supply and cable, let the chip cool down, switch the power off \
                     and on"
                        .to_owned(),
                );
            }
        }
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Finding::ok(
        check,
        format!("{:.1} ms a frame, one by one", median.as_secs_f64() * 1e3),
    )
}

/// Why the device could not be opened.
fn explain(error: &AcceleratorError, devices: &[DeviceId], machine: &Machine) -> Finding {
    let Some(error) = error.of_backend::<HailoError>() else {
        return Finding::failed("device", error.to_string(), None);
    };
    match error {
        HailoError::NoDevice { .. } => no_device(machine),
        HailoError::InUse { device } => in_use(device, machine),
        HailoError::DriverVersion { library, driver } => {
            different(driver, &library.to_string(), &machine.driver_files())
        }
        HailoError::Architecture {
            hef,
            made_for,
            device,
        } => Finding::failed(
            "hef",
            format!(
                "{} is made for a {made_for}, the device is a {device}",
                hef.display()
            ),
            format!(
                "sudo fastsamd fetch fast_sam_s --for {}, and set accelerator.backend.hailo.hef to \
                 what it prints",
                match device {
                    hailort::Architecture::Hailo8L => "hailo8l",
                    _ => "hailo8",
                }
            ),
        ),
        HailoError::Misfit { .. }
        | HailoError::Input { .. }
        | HailoError::Layout(_)
        | HailoError::Format { .. } => Finding::failed(
            "hef",
            error.to_string(),
            "fastsamd hef FILE shows what it holds; fastsamd fetch fast_sam_s gets FastSAM"
                .to_owned(),
        ),
        HailoError::Runtime(error) => from_runtime("device", error, machine),
        error => Finding::failed("device", format!("{}: {error}", list(devices)), None),
    }
}

/// A failed call, in the row of what it is about.
fn from_runtime(check: &'static str, error: &hailort::Error, machine: &Machine) -> Finding {
    let (function, status, hef) = match error {
        hailort::Error::Call { function, status } => (function, status, None),
        hailort::Error::HefRefused {
            path,
            function,
            status,
        } => (function, status, Some(path)),
        error if error.is_of_hef() => {
            return Finding::failed("hef", error.to_string(), FETCH.to_owned());
        }
        error => return Finding::failed(check, error.to_string(), None),
    };
    let about = hef.map_or_else(String::new, |path| format!("{}: ", path.display()));
    let check = match *status {
        Status::UNSUPPORTED_FW_VERSION => "firmware",
        Status::INVALID_HEF
        | Status::HEF_NOT_COMPATIBLE_WITH_DEVICE
        | Status::HEF_FILE_CORRUPTED
        | Status::HEF_NOT_SUPPORTED => "hef",
        Status::INVALID_DRIVER_VERSION
        | Status::DRIVER_INVALID_RESPONSE
        | Status::DRIVER_INVALID_IOCTL => "driver",
        _ => check,
    };
    let fix = status.advice().map(str::to_owned);
    let node = match *status {
        Status::DRIVER_OPERATION_FAILED => format!("; {}", node(machine)),
        _ => String::new(),
    };
    Finding::failed(
        check,
        format!("{about}{function} answers {status}{node}"),
        fix,
    )
}

/// Somebody has the device: who? If it is a fastsamd, all is well.
fn in_use(device: &str, machine: &Machine) -> Finding {
    let holders = holders(machine);
    let detail = format!(
        "{device} is in use by {}",
        if holders.is_empty() {
            "another process".to_owned()
        } else {
            holders.join(", ")
        }
    );
    if holders.iter().any(|holder| holder.starts_with("fastsamd ")) {
        return Finding::warning(
            "device",
            detail,
            "to have it examined, stop the daemon first: sudo systemctl stop fastsamd".to_owned(),
        );
    }
    Finding::failed(
        "device",
        detail,
        format!(
            "{HOLDER} names it; end it (sudo kill PID), or share the chip: sudo systemctl enable --now hailort, \
             and multi_process_service: true in both programs"
        ),
    )
}

/// Who has a device node open, as far as we may see: `name (process id)`.
fn holders(machine: &Machine) -> Vec<String> {
    let is_node = |target: &Path| {
        target.parent() == Some(&machine.dev)
            && target
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("hailo"))
    };
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let holds = |process: &Path| {
        entries(&process.join("fd"))
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| is_node(&target))
    };
    entries(&machine.proc)
        .filter(|process| holds(&process.path()))
        .map(|process| {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            let stopped = if is_stopped(&process.path()) {
                ", which is stopped"
            } else {
                ""
            };
            format!(
                "{} ({}){stopped}",
                name.trim(),
                process.file_name().display()
            )
        })
        .collect()
}

/// Whether a process was stopped, by ctrl-z or a debugger: it keeps the device, and never answers.
fn is_stopped(process: &Path) -> bool {
    // proc_pid_stat(5): the state stands behind the name, which may hold anything but ends with ')'.
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().next());
    matches!(state, Some("T" | "t"))
}
