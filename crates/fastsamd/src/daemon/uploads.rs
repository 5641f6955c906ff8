//! Pictures that people send to the page: each is segmented once, by the accelerator that works for the cameras.
//!
//! `bytes -> decode -> Stills (accelerator) -> segment -> masks message`, on a thread of its own: of the frames' path a
//! picture takes one turn of the accelerator and nothing else.
//!
//! Invariants: one picture is worked on and [`WAITING`] wait; what else comes is dropped, which its sender hears;
//! what a picture claims about itself decides over memory only within the bounds of `camera::images`.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use camera::{CameraError, images};
use configuration::{Publish, Segmentation};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use fastsam::{Segmenter, Segments};
use message::{FrameHeader, Latency, MasksWriter};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use web::{Options, Outcome, Refused, SegmentAnswer};

use super::{
    clock::Clock,
    pipeline::stills::Stills,
    process::{shutdown::Shutdown, threads::PATIENCE},
    settings::live::Live,
};

/// Pictures that wait, at most.
const WAITING: usize = 2;

/// How long the accelerator may take: the largest networks take ten seconds on a small processor.
const LONGEST_LOOK: Duration = Duration::from_secs(30);

/// What stands for the camera in messages.
const CAMERA: &str = "upload";

/// A picture that somebody sent.
pub(crate) struct Upload {
    pub(crate) picture: Vec<u8>,
    /// Settings in place of those in force.
    pub(crate) options: Options,
    pub(crate) answer: SegmentAnswer,
}

/// Works on pictures, one after the other.
pub(crate) struct Uploads {
    pub(crate) node: String,
    pub(crate) backend: &'static str,
    pub(crate) stills: Arc<Stills>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) inbox: Receiver<Upload>,
}

/// Where pictures wait.
pub(crate) fn queue() -> (Sender<Upload>, Receiver<Upload>) {
    bounded(WAITING)
}

impl Uploads {
    /// Runs until the shutdown; the body of its thread.
    pub(crate) fn run(self, shutdown: &Shutdown) {
        let mut count = 0;
        while !shutdown.is_requested() {
            match self.inbox.recv_timeout(PATIENCE) {
                Ok(upload) => {
                    count += 1;
                    let outcome = self.work_on(count, &upload, shutdown);
                    (upload.answer)(outcome);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn work_on(&self, sequence: u64, upload: &Upload, shutdown: &Shutdown) -> Outcome {
        let captured_at = self.clock.time_of_day();
        if self.backend == "replay" {
            let why = "the backend replay repeats a recording, whatever the picture shows";
            return Err(Refused::Unable(why.to_owned()));
        }
        let (segmentation, publish) = with(&upload.options, self.live.segmentation())?;
        let started = Instant::now();
        let frame = images::read(upload.picture.as_slice(), Path::new("picture"));
        let mut frame = frame.map_err(|error| match error {
            // It has no name that its sender knows.
            CameraError::File { cause, .. } => Refused::Wrong(cause),
            error => Refused::Wrong(error.to_string()),
        })?;
        let size = frame.size;
        let layout = self.stills.layout().ok_or_else(|| {
            Refused::Unable("the accelerator is not ready yet: try again".to_owned())
        })?;
        let settings = segmentation
            .settings(layout.classes())
            .map_err(|error| Refused::Wrong(format!("classes: {error}")))?;
        (frame.sequence, frame.captured_at) = (sequence, Instant::now());
        let decoded = started.elapsed();
        let deadline = Instant::now() + LONGEST_LOOK;
        let look = self
            .stills
            .look(frame, deadline, PATIENCE, || shutdown.is_requested());
        let look = look.ok_or_else(|| {
            let seconds = LONGEST_LOOK.as_secs();
            Refused::Unable(format!(
                "the accelerator has not answered within {seconds} s: /api/v1/health says how it is"
            ))
        })?;
        let answered = Instant::now();
        let mut segments = Segments::new();
        Segmenter::new(layout)
            .segment(&look.tensors, &look.letterbox, &settings, &mut segments)
            .map_err(|error| Refused::Wrong(error.to_string()))?;
        let header = FrameHeader {
            node: &self.node,
            camera: CAMERA,
            backend: self.backend,
            input: None,
            sequence,
            captured_at,
            size,
            classes: segments.classes(),
            tracks: &[],
            texts: None,
            latency: Latency {
                capture: decoded,
                infer: look.infer,
                segment: answered.elapsed(),
                total: started.elapsed(),
            },
        };
        let mut message = Vec::new();
        let (list, format) = (segments.as_slice(), publish.format());
        MasksWriter::new().write(&header, list, format, usize::MAX, &mut message);
        Ok(message)
    }
}

/// The settings with the options in place of what they name.
fn with(
    options: &Options,
    (mut segmentation, mut publish): (Segmentation, Publish),
) -> Result<(Segmentation, Publish), Refused> {
    for (key, text) in options {
        let outcome = match key.as_str() {
            "confidence" | "iou" | "max_segments" | "min_area" | "mask_size" => {
                put(&mut segmentation, key, value(text))
            }
            "mask_format" | "polygon_tolerance" => put(&mut publish, key, value(text)),
            "classes" => {
                let classes = text.split(',').filter(|class| !class.is_empty());
                put(&mut segmentation, key, classes.map(value).collect())
            }
            "cleanup" => {
                let text = if text.is_empty() {
                    configuration::Cleanup::USUAL
                } else {
                    text
                };
                text.parse().map(|cleanup| segmentation.cleanup = cleanup)
            }
            _ => Err(format!(
                "unknown option: expected one of {}",
                web::OPTIONS.join(", ")
            )),
        };
        outcome.map_err(|error| Refused::Wrong(format!("{key}: {error}")))?;
    }
    Ok((segmentation, publish))
}

/// A number where it is one, else text.
fn value(text: &str) -> Value {
    match text.parse::<serde_json::Number>() {
        Ok(number) => number.into(),
        Err(_) => text.into(),
    }
}

/// Puts a value in the place of another, by the rules of the configuration.
fn put<T: Serialize + DeserializeOwned>(
    settings: &mut T,
    key: &str,
    value: Value,
) -> Result<(), String> {
    let said = |error: serde_json::Error| configuration::revealed(&error.to_string());
    let mut all = serde_json::to_value(&*settings).map_err(said)?;
    all[key] = value;
    *settings = serde_json::from_value(all).map_err(said)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use configuration::{Cleanup, MaskFormat, MaskSize};

    use super::*;

    fn asked(options: &[(&str, &str)]) -> Result<(Segmentation, Publish), String> {
        let pair = |&(key, text): &(&str, &str)| (key.to_owned(), text.to_owned());
        let options = options.iter().map(pair).collect();
        with(&options, Default::default()).map_err(|refused| match refused {
            Refused::Wrong(why) | Refused::Unable(why) => why,
        })
    }

    #[test]
    fn options_stand_in_for_settings_by_the_same_rules() {
        let (segmentation, publish) = asked(&[
            ("confidence", "0.5"),
            ("max_segments", "7"),
            ("mask_size", "network"),
            ("classes", "3,cup"),
            ("cleanup", "max_hole=9"),
            ("mask_format", "polygon"),
            ("polygon_tolerance", "0"),
        ])
        .unwrap();
        assert_eq!((segmentation.confidence, segmentation.iou), (0.5, 0.7));
        assert_eq!(segmentation.max_segments, 7);
        assert_eq!(segmentation.mask_size, MaskSize::Network);
        assert_eq!(segmentation.classes.len(), 2);
        let cleanup = Cleanup {
            max_hole: 9,
            ..Cleanup::default()
        };
        assert_eq!(segmentation.cleanup, cleanup);
        assert_eq!(publish.mask_format, MaskFormat::Polygon);
        assert_eq!(publish.polygon_tolerance, 0.0);
        assert_eq!(asked(&[("cleanup", "")]).unwrap().0.cleanup.close, 3);

        for (key, text, words) in [
            ("confidence", "1.5", "out of range"),
            ("confidence", "high", "expected"),
            ("max_segments", "0", "out of range"),
            ("min_area", "-1", "expected u32"),
            ("mask_size", "huge", "unknown variant"),
            ("mask_format", "png", "mask_format"),
            ("cleanup", "close=2", "odd"),
            (
                "colour",
                "red",
                "unknown option: expected one of confidence, ",
            ),
        ] {
            let why = asked(&[(key, text)]).unwrap_err();
            assert!(
                why.contains(words) && why.starts_with(key) && !why.contains('\u{e000}'),
                "{key}={text}: {why}"
            );
        }
    }

    #[test]
    fn every_option_that_is_described_is_taken() {
        for key in web::OPTIONS {
            let why = asked(&[(key, "x=")]).err().unwrap_or_default();
            assert!(!why.contains("unknown option"), "{key}: {why}");
        }
    }
}
