//! From the configuration to an accelerator.

use std::{
    fs::{self, DirEntry},
    io,
    num::NonZeroUsize,
    path::Path,
    time::Duration,
};

use ::onnx::{Engine, SessionOptions};
use accelerator::{
    Accelerator, AcceleratorError, Pace,
    hailo::{self, HailoSettings},
    onnx::{self, Model, OnnxSettings, built_in},
    replay::ReplayError,
};
use configuration::{Backend, Config, Onnx, OnnxEngine, WrongInput};
use hailort::{
    Versions,
    host::{Chip, SysFs},
};
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

/// Whether a Hailo chip is here, with the HEF that `fastsamd fetch` gets for it.
pub(crate) fn has_chip() -> bool {
    let is_another = matches!(SysFs::default().chips()[..], [Chip::Other(_), ..]);
    !is_another && has_chip_below(Path::new("/dev"), &configuration::Hailo::default().hef)
}

/// The driver makes a node for each chip: `hailo0`, `hailo1`, ...
fn has_chip_below(devices: &Path, hef: &Path) -> bool {
    let is_chip = |entry: &io::Result<DirEntry>| {
        let name = entry.as_ref().map(DirEntry::file_name).unwrap_or_default();
        let number = name
            .to_string_lossy()
            .strip_prefix("hailo")
            .map(str::to_owned);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    hef.exists()
        && fs::read_dir(devices).is_ok_and(|mut entries| entries.any(|entry| is_chip(&entry)))
}

/// The accelerator's section, with an input for the built-in network that is as flat as the frames of
/// all cameras are, where the user leaves that open.
pub(crate) fn fitted(config: &Config) -> configuration::Accelerator {
    let mut section = config.accelerator.clone();
    let mut sizes = config.cameras.iter().map(|camera| camera.source.size());
    let first = sizes.next().flatten().map(built_in::input_for_frames);
    let alike = sizes.all(|size| size.map(built_in::input_for_frames) == first);
    if let Backend::Onnx(onnx @ Onnx { model: None, .. }) = &mut section.backend {
        onnx.input = onnx.input.or(first.filter(|_| alike));
    }
    section
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

/// How to open a network on the CPU.
pub(crate) fn onnx_settings(in_flight: Option<usize>, onnx: &configuration::Onnx) -> OnnxSettings {
    let defaults = OnnxSettings::new(Model::of(onnx.model.as_deref()));
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

#[cfg(test)]
mod tests {
    use configuration::{Camera, Images, Source, Synthetic};
    use frame::InputSize;

    use super::*;

    #[test]
    fn the_built_in_networks_input_is_that_of_the_frames() {
        let camera = |width, height| Camera {
            source: Source::Synthetic(Synthetic {
                width,
                height,
                ..Synthetic::default()
            }),
            ..Camera::default()
        };
        let open = Camera {
            source: Source::Images(Images {
                path: "pictures".into(),
                fps: 1.0,
                repeat: true,
            }),
            ..Camera::default()
        };
        let input = |cameras: Vec<Camera>, backend| {
            let config = Config {
                cameras,
                accelerator: configuration::Accelerator {
                    backend,
                    ..configuration::Accelerator::default()
                },
                ..Config::default()
            };
            match fitted(&config).backend {
                Backend::Onnx(onnx) => onnx.input,
                _ => None,
            }
        };
        let built_in = || Backend::Onnx(Onnx::default());
        let flat = InputSize::new(320, 192).ok();
        assert_eq!(input(vec![camera(1280, 720)], built_in()), flat);
        assert_eq!(
            input(vec![camera(1280, 720), camera(640, 360)], built_in()),
            flat
        );
        assert_eq!(
            input(vec![camera(1280, 720), camera(640, 480)], built_in()),
            None
        );
        assert_eq!(input(vec![camera(1280, 720), open], built_in()), None);
        let asked = Onnx {
            input: InputSize::new(512, 512).ok(),
            ..Onnx::default()
        };
        assert_eq!(
            input(vec![camera(1280, 720)], Backend::Onnx(asked.clone())),
            asked.input
        );
        let file = Onnx {
            model: Some("FastSAM-s.onnx".into()),
            ..Onnx::default()
        };
        assert_eq!(input(vec![camera(1280, 720)], Backend::Onnx(file)), None);
    }

    #[test]
    fn a_chip_is_a_node_and_a_hef() {
        let folder = tempfile::tempdir().unwrap();
        let (devices, hef) = (folder.path().join("dev"), folder.path().join("a.hef"));
        fs::create_dir(&devices).unwrap();
        assert!(!has_chip_below(&folder.path().join("none"), &hef));
        fs::write(devices.join("hailo0"), "").unwrap();
        assert!(!has_chip_below(&devices, &hef), "without a HEF");
        fs::write(&hef, "").unwrap();
        assert!(has_chip_below(&devices, &hef));
        fs::rename(devices.join("hailo0"), devices.join("hailort")).unwrap();
        assert!(!has_chip_below(&devices, &hef), "without a node");
    }
}
