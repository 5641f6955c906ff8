//! Opening the accelerator, as often as it takes.
//!
//! A chip that another program holds, or that is not there yet, may come; whatever else keeps it
//! from opening won't go away by itself. After as many attempts as the configuration allows the
//! daemon gives up, so that the service manager can start it afresh.

use std::{thread, time::Duration};

use accelerator::{Accelerator, AcceleratorError};
use anyhow::Context;
use configuration::Backend;
use crossbeam_channel::{RecvTimeoutError, bounded};
use hailort::{VersionSupport, Versions};
use tracing::{info, warn};

use super::collect::AcceleratorWatcher;
use crate::{
    daemon::process::{
        backoff::Backoff, shutdown::Shutdown, systemd::Service, threads::leave_behind,
    },
    open::accelerator::{self as open, Opened, blame},
};

/// First and longest pause between two attempts, as between those of a running backend.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(2));

/// How often the shutdown is looked at while the accelerator is being opened.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Tries once, before anything else is begun: what can't be cured by waiting ends the start here.
pub(crate) fn first_attempt(
    section: &configuration::Accelerator,
) -> anyhow::Result<Result<Opened, AcceleratorError>> {
    match open::accelerator(section) {
        Err(error) if !error.is_transient() => Err(blame(error)),
        attempt => Ok(attempt),
    }
}

/// Tries again until the accelerator opens, and says that it has; `None` when the shutdown comes
/// first.
pub(crate) fn accelerator(
    section: &configuration::Accelerator,
    first_attempt: Result<Opened, AcceleratorError>,
    watcher: &mut impl AcceleratorWatcher,
    service: &Service,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Box<dyn Accelerator>>> {
    let attempts = match &section.backend {
        Backend::Hailo(hailo) => hailo.restart_attempts,
        Backend::Mock(_) | Backend::Onnx(_) | Backend::Replay(_) => 1,
    };
    let heartbeat = service.heartbeat("start");
    let mut backoff = BACKOFF;
    let mut outcome = first_attempt;
    let mut attempt = 1;
    let opened = loop {
        let error = match outcome {
            Ok(opened) => break opened,
            Err(error) => error,
        };
        watcher.not_opened(&error);
        if !error.is_transient() {
            return Err(blame(error));
        }
        if attempt >= attempts {
            return Err(error).context(format!("given up after {attempts} attempts"));
        }
        let pause = backoff.pause();
        warn!(attempt, retry_in_s = pause.as_secs_f32(), "{error}");
        service.ready();
        heartbeat.beat();
        if shutdown.wait(pause) {
            return Ok(None);
        }
        let Some(next) = open_unless_ended(section, shutdown) else {
            return Ok(None);
        };
        outcome = next;
        attempt += 1;
    };

    let description = opened.accelerator.description();
    info!(
        backend = description.backend,
        network = description.network,
        in_flight = description.in_flight,
        batch_size = description.batch_size,
        "accelerator ready"
    );
    if let Some(monitor) = &opened.monitor {
        let device = monitor.device();
        if device.library_version.support() == VersionSupport::Untried {
            warn!(
                "libhailort {} is untried, and opened only because {} is set: if masks are wrong \
                 or the daemon crashes, install HailoRT 4.20 to 4.23",
                device.library_version,
                Versions::VARIABLE
            );
        }
        if let Some(link) = device.pcie_link.filter(|link| link.is_slow()) {
            warn!(
                "the PCIe link runs at {} GT/s, which slows the network: put dtparam=pciex1_gen=3 \
                 into /boot/firmware/config.txt and reboot",
                link.speed
            );
        }
    }
    if let Some(report) = &opened.onnx {
        if let Some(note) = &report.note {
            info!("{note}");
        }
        info!(
            engine = report.engine,
            input = %report.kind.input,
            inference_ms = report.inference.as_millis(),
            frames_per_second = format_args!("{:.1}", report.frames_per_second()),
            "a network on the CPU"
        );
    }
    watcher.opened(&description, opened.monitor, opened.onnx.as_ref())?;
    Ok(Some(opened.accelerator))
}

/// Opens the accelerator on a thread of its own, since that may take a while; `None` when the
/// shutdown comes first.
fn open_unless_ended(
    section: &configuration::Accelerator,
    shutdown: &Shutdown,
) -> Option<Result<Opened, AcceleratorError>> {
    let (sender, opened) = bounded(1);
    let section = section.clone();
    let spawned = thread::Builder::new()
        .name("open".to_owned())
        .spawn(move || drop(sender.send(open::accelerator(&section))));
    if let Err(error) = spawned {
        return Some(Err(AcceleratorError::Thread(error)));
    }
    loop {
        match opened.recv_timeout(LOOK_EVERY) {
            Ok(opened) => return Some(opened),
            Err(RecvTimeoutError::Timeout) if shutdown.is_requested() => {
                leave_behind();
                return None;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Some(Err(AcceleratorError::Closed)),
        }
    }
}
