//! From the configuration to cameras and accelerators.

use std::time::Duration;

use accelerator::{
    Accelerator, AcceleratorError, Pace, Recording,
    hailo::{self, HailoSettings},
};
use camera::{
    CameraError, Log, Source,
    ffmpeg::{Ffmpeg, FfmpegSettings},
    images::{Images, ImagesSettings},
    rpicam::{Rpicam, RpicamSettings},
    synthetic::{SceneSettings, Synthetic},
    v4l2::{Controls, Encoding, Level, PowerLine, V4l2, V4l2Settings},
};
use frame::Size;
use tracing::info;

use crate::config::{self, Backend};

/// Makes a source anew; called again after each failure.
pub(crate) type SourceFactory = Box<dyn FnMut() -> Result<Box<dyn Source>, CameraError> + Send>;

/// How to open a camera.
pub(crate) fn camera(camera: &config::Camera) -> SourceFactory {
    let name = camera.name.clone();
    match camera.source.clone() {
        config::Source::Synthetic(section) => {
            let settings = scene(&section);
            Box::new(move || Ok(Box::new(Synthetic::new(settings)?)))
        }
        config::Source::Images(section) => {
            let settings = ImagesSettings {
                fps: section.fps,
                repeat: section.repeat,
            };
            Box::new(move || Ok(Box::new(Images::open(&section.path, settings)?)))
        }
        config::Source::V4l2(section) => {
            let settings = v4l2_settings(&section);
            Box::new(move || Ok(Box::new(V4l2::open(&settings)?)))
        }
        config::Source::Rpicam(section) => {
            let settings = RpicamSettings {
                camera: section.camera,
                size: Size::new(section.width, section.height),
                fps: section.fps,
                arguments: section.arguments,
                ..RpicamSettings::default()
            };
            Box::new(move || Ok(Box::new(Rpicam::open(&settings, log(&name))?)))
        }
        config::Source::Ffmpeg(section) => {
            let settings = FfmpegSettings {
                size: section
                    .width
                    .zip(section.height)
                    .map(|(width, height)| Size::new(width, height)),
                fps: section.fps,
                repeat: section.repeat,
                timeout: Duration::from_secs_f64(section.timeout_s),
                ..FfmpegSettings::new(section.input.expose())
            };
            Box::new(move || Ok(Box::new(Ffmpeg::open(&settings, log(&name))?)))
        }
    }
}

/// What to ask of a V4L2 device.
fn v4l2_settings(section: &config::V4l2) -> V4l2Settings {
    let level = |level: config::CameraLevel| match level {
        config::CameraLevel::Auto(_) => Level::Auto,
        config::CameraLevel::Value(value) => Level::Value(value),
    };
    V4l2Settings {
        size: Size::new(section.width, section.height),
        fps: section.fps,
        encoding: section.format.map(|format| match format {
            config::Encoding::Mjpeg => Encoding::Mjpeg,
            config::Encoding::Yuyv => Encoding::Yuyv,
            config::Encoding::Nv12 => Encoding::Nv12,
            config::Encoding::I420 => Encoding::I420,
            config::Encoding::Grey => Encoding::Grey8,
            config::Encoding::Rgb => Encoding::Rgb8,
            config::Encoding::Bgr => Encoding::Bgr8,
        }),
        controls: Controls {
            exposure: section.exposure.map(level),
            gain: section.gain.map(level),
            focus: section.focus.map(level),
            white_balance: section.white_balance.map(level),
            power_line: section.power_line.map(|frequency| match frequency {
                config::PowerLine::Off => PowerLine::Off,
                config::PowerLine::Hz50 => PowerLine::Hz50,
                config::PowerLine::Hz60 => PowerLine::Hz60,
                config::PowerLine::Auto => PowerLine::Auto,
            }),
        },
        full_size: section.full_size,
        timeout: Duration::from_secs_f64(section.timeout_s),
        ..V4l2Settings::new(&section.device)
    }
}

/// Takes what a child process says into our log.
fn log(camera: &str) -> Log {
    let camera = camera.to_owned();
    Box::new(move |line| info!(camera, "{line}"))
}

/// The scene that a synthetic camera plays.
fn scene(section: &config::Synthetic) -> SceneSettings {
    SceneSettings {
        size: Size::new(section.width, section.height),
        objects: section.objects,
        seed: section.seed,
        fps: section.fps,
    }
}

/// An accelerator that has been opened.
pub(crate) struct Opened {
    pub(crate) accelerator: Box<dyn Accelerator>,
    /// A window on the chip, where there is one.
    pub(crate) monitor: Option<hailo::Monitor>,
}

/// Opens the accelerator.
pub(crate) fn accelerator(section: &config::Accelerator) -> Result<Opened, AcceleratorError> {
    let pace = Pace {
        in_flight: section.frames_in_flight(),
        batch_size: section.batch_size,
        ..Pace::default()
    };
    let accelerator = match &section.backend {
        Backend::Mock(mock) => accelerator::mock::open(Pace {
            fps_batch_1: mock.fps,
            fps_batch_8: mock.fps_batch_8,
            latency: Duration::from_millis(u64::from(mock.latency_ms)),
            ..pace
        })?,
        Backend::Hailo(hailo) => {
            let hailo = accelerator::hailo::open(hailo_settings(section, hailo))?;
            return Ok(Opened {
                monitor: Some(hailo.monitor()),
                accelerator: Box::new(hailo),
            });
        }
        Backend::Replay(replay) => {
            let name = replay.recording.display().to_string();
            let recordings = Recording::open_all(&replay.recording)?;
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
    })
}

/// How to open a Hailo chip.
pub(crate) fn hailo_settings(
    section: &config::Accelerator,
    hailo: &config::Hailo,
) -> HailoSettings {
    HailoSettings {
        sha256: hailo.sha256.map(|sum| sum.0),
        library: hailo.library.clone(),
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
