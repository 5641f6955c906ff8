//! From the configuration to an accelerator.

use std::{num::NonZeroUsize, time::Duration};

use ::onnx::{Engine, SessionOptions};
use accelerator::{
    Accelerator, AcceleratorError, Pace,
    hailo::{self, HailoSettings},
    onnx::{self, OnnxSettings},
    replay::ReplayError,
};
use configuration::{Backend, OnnxEngine, WrongInput};
use hailort::Versions;
use recording::Recording;

use crate::trial;

/// An accelerator that has been opened.
pub(crate) struct Opened {
    pub(crate) accelerator: Box<dyn Accelerator>,
    /// A window on the chip, where there is one.
    pub(crate) monitor: Option<hailo::Monitor>,
    /// What was found out about an ONNX file.
    pub(crate) onnx: Option<onnx::Report>,
}

/// Opens the accelerator, and names the classes of its network as the configuration has it.
pub(crate) fn accelerator(
    section: &configuration::Accelerator,
) -> Result<Opened, AcceleratorError> {
    let mut opened = backend(section)?;
    if let Some(names) = &section.class_names {
        opened.accelerator.name_classes(names.clone())?;
    }
    Ok(opened)
}

fn backend(section: &configuration::Accelerator) -> Result<Opened, AcceleratorError> {
    let pace = Pace {
        in_flight: section.frames_in_flight(),
        batch_size: section.batch_size,
        ..Pace::default()
    };
    let accelerator = match &section.backend {
        Backend::Mock(mock) => {
            let pace = Pace {
                fps_batch_1: mock.fps,
                fps_batch_8: mock.fps_batch_8,
                latency: Duration::from_millis(u64::from(mock.latency_ms)),
                ..pace
            };
            accelerator::mock::open(mock.input, pace)?
        }
        Backend::Hailo(hailo) => {
            let hailo = accelerator::hailo::open(hailo_settings(section, hailo))?;
            return Ok(Opened {
                monitor: Some(hailo.monitor()),
                onnx: None,
                accelerator: Box::new(hailo),
            });
        }
        Backend::Onnx(onnx) => {
            let (accelerator, report) =
                accelerator::onnx::open(&onnx_settings(section.in_flight, onnx))?;
            return Ok(Opened {
                accelerator,
                monitor: None,
                onnx: Some(report),
            });
        }
        Backend::Replay(replay) => {
            let name = replay.recording.display().to_string();
            let recordings = Recording::open_all(&replay.recording).map_err(ReplayError::from)?;
            let pace = Pace {
                fps_batch_1: replay.fps,
                fps_batch_8: replay.fps,
                ..pace
            };
            accelerator::replay::open(&name, recordings, pace)?
        }
    };
    Ok(Opened {
        accelerator,
        monitor: None,
        onnx: None,
    })
}

/// Opens the accelerator for a verb of the command line, which can't wait for it.
pub(crate) fn for_user(section: &configuration::Accelerator) -> anyhow::Result<Opened> {
    accelerator(section).map_err(blame)
}

/// What a network on the processor lets a camera expect, for people.
pub(crate) fn expectation(report: &onnx::Report) -> String {
    format!(
        "one inference takes {:.1} ms here with {}: {:.1} frames per second",
        report.inference.as_secs_f64() * 1000.0,
        report.engine,
        report.frames_per_second()
    )
}

/// A file that the user named is the user's to mend; all else is a failure at work.
pub(crate) fn blame(error: AcceleratorError) -> anyhow::Error {
    if error.is_users_fault() {
        WrongInput::new(error).into()
    } else {
        error.into()
    }
}

/// How to open an ONNX file.
pub(crate) fn onnx_settings(in_flight: Option<usize>, onnx: &configuration::Onnx) -> OnnxSettings {
    let defaults = OnnxSettings::new(&onnx.model);
    OnnxSettings {
        input: onnx.input,
        session: SessionOptions {
            engine: match onnx.engine {
                OnnxEngine::Auto => Engine::Auto,
                OnnxEngine::Rten => Engine::Rten,
                OnnxEngine::OnnxRuntime => Engine::OnnxRuntime,
            },
            library: onnx.library.clone(),
            threads: onnx
                .threads
                .and_then(|threads| NonZeroUsize::new(threads as usize)),
        },
        in_flight: in_flight.unwrap_or(defaults.in_flight),
        ..defaults
    }
}

/// How to open a Hailo chip.
pub(crate) fn hailo_settings(
    section: &configuration::Accelerator,
    hailo: &configuration::Hailo,
) -> HailoSettings {
    HailoSettings {
        sha256: hailo.sha256.map(|sum| sum.0),
        library: hailo.library.clone(),
        trial: trial::program(),
        library_versions: Versions::from_environment(),
        device: hailo.device.clone(),
        group_id: hailo.group_id.clone(),
        multi_process_service: hailo.multi_process_service,
        in_flight: section.frames_in_flight(),
        batch_size: section.batch_size,
        scheduler_timeout: Duration::from_millis(hailo.scheduler_timeout_ms.into()),
        priority: hailo.priority,
        timeout: Duration::from_millis(hailo.timeout_ms.into()),
        vdevice_attempts: hailo.restart_attempts,
        ..HailoSettings::new(&hailo.hef)
    }
}
