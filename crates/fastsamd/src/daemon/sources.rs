//! From the configuration to cameras and accelerators.

use std::time::Duration;

use accelerator::{Accelerator, Pace, Recording};
use camera::{
    CameraError, Source,
    images::{Images, ImagesSettings},
    synthetic::{SceneSettings, Synthetic},
};
use frame::Size;

use crate::config::{self, Backend};

/// Makes a source anew; called again after each failure.
pub(crate) type SourceFactory = Box<dyn FnMut() -> Result<Box<dyn Source>, CameraError> + Send>;

/// How to open a camera.
pub(crate) fn camera(camera: &config::Camera) -> SourceFactory {
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
    }
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

/// Starts the accelerator.
pub(crate) fn accelerator(section: &config::Accelerator) -> anyhow::Result<Box<dyn Accelerator>> {
    let pace = Pace {
        in_flight: section.in_flight,
        batch_size: section.batch_size,
        ..Pace::default()
    };
    Ok(match &section.backend {
        Backend::Mock(mock) => accelerator::mock::open(Pace {
            fps_batch_1: mock.fps,
            fps_batch_8: mock.fps_batch_8,
            latency: Duration::from_millis(u64::from(mock.latency_ms)),
            ..pace
        })?,
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
    })
}
