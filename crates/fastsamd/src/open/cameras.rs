//! From the configuration to cameras.

use std::time::Duration;

use camera::{
    CameraError, Log, Source,
    ffmpeg::{Ffmpeg, FfmpegSettings, Transport},
    images::{Images, ImagesSettings},
    rpicam::{Rpicam, RpicamSettings},
    synthetic::{SceneSettings, Synthetic},
    v4l2::{Controls, V4l2, V4l2Settings},
};
use frame::{InputSize, Size};
use tracing::info;

/// Makes a source anew; called again after each failure.
pub(crate) type SourceFactory = Box<dyn FnMut() -> Result<Box<dyn Source>, CameraError> + Send>;

/// How to open a camera for a network with an `input` of this size; without one, its pictures are not
/// made smaller for any.
pub(crate) fn camera(camera: &configuration::Camera, input: Option<InputSize>) -> SourceFactory {
    let name = camera.name.clone();
    match camera.source.clone() {
        configuration::Source::Synthetic(section) => {
            let settings = scene(&section);
            Box::new(move || Ok(Box::new(Synthetic::new(settings)?)))
        }
        configuration::Source::Images(section) => {
            let settings = ImagesSettings {
                fps: section.fps,
                repeat: section.repeat,
            };
            Box::new(move || Ok(Box::new(Images::open(&section.path, settings)?)))
        }
        configuration::Source::V4l2(section) => {
            let settings = v4l2_settings(&section, input);
            Box::new(move || Ok(Box::new(V4l2::open(&settings)?)))
        }
        configuration::Source::Rpicam(section) => {
            let settings = RpicamSettings {
                camera: section.camera,
                size: Size::new(section.width, section.height),
                fps: section.fps,
                arguments: section.arguments,
                ..RpicamSettings::default()
            };
            Box::new(move || Ok(Box::new(Rpicam::open(&settings, log(&name))?)))
        }
        configuration::Source::Ffmpeg(section) => {
            let settings = FfmpegSettings {
                size: section
                    .width
                    .zip(section.height)
                    .map(|(width, height)| Size::new(width, height)),
                fps: section.fps,
                repeat: section.repeat,
                login: section.login(),
                transport: match section.transport {
                    configuration::Transport::Any => Transport::Any,
                    configuration::Transport::Tcp => Transport::Tcp,
                    configuration::Transport::Udp => Transport::Udp,
                },
                options: section.options.clone(),
                timeout: Duration::from_secs_f64(section.timeout_s),
                ..FfmpegSettings::new(section.input.expose())
            };
            Box::new(move || Ok(Box::new(Ffmpeg::open(&settings, log(&name))?)))
        }
    }
}

/// What to ask of a V4L2 device.
fn v4l2_settings(section: &configuration::V4l2, input: Option<InputSize>) -> V4l2Settings {
    V4l2Settings {
        size: Size::new(section.width, section.height),
        fps: section.fps,
        encoding: section.format,
        controls: Controls {
            exposure: section.exposure,
            gain: section.gain,
            focus: section.focus,
            white_balance: section.white_balance,
            power_line: section.power_line,
        },
        input: input.filter(|_| !section.full_size),
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
fn scene(section: &configuration::Synthetic) -> SceneSettings {
    SceneSettings {
        size: Size::new(section.width, section.height),
        objects: section.objects,
        seed: section.seed,
        fps: section.fps,
    }
}
