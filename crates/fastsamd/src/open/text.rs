//! Text models: as configured, or the one of the demonstration.

use std::{num::NonZeroUsize, time::Duration};

use clip::{Known, Matcher, OnnxImageEncoder, Settings, TextEncoder, Texts};

use configuration::WrongInput;

/// What texts are understood with.
pub(crate) struct TextModel {
    pub(crate) matcher: Matcher,
    /// How long what a standing prompt has found holds.
    pub(crate) refresh: Duration,
}

impl TextModel {
    /// Opens both encoders, which may take seconds.
    ///
    /// # Errors
    /// A file that can't be read or is no encoder.
    pub(crate) fn open(section: &configuration::Text) -> Result<Self, WrongInput> {
        let encoder = section.text_encoder.as_deref().map(TextEncoder::open);
        let encoder = encoder.transpose().map_err(WrongInput::new)?;
        let known = section.embeddings.as_deref().map(Known::read);
        let known = known.transpose().map_err(WrongInput::new)?;
        let images = OnnxImageEncoder::open(&section.image_encoder).map_err(WrongInput::new)?;
        let settings = Settings {
            min_area: section.min_area,
            most_segments: section.max_segments,
            margin: section.margin as f32,
            threshold: section.threshold,
        };
        let texts = Texts::new(encoder, &section.templates, known);
        Ok(Self {
            matcher: Matcher::new(texts, Box::new(images), settings),
            refresh: Duration::from_secs_f64(section.refresh_s),
        })
    }

    /// A model that knows the colours of the synthetic scene.
    pub(crate) fn of_colours() -> Result<Self, clip::ClipError> {
        let (text, images) = clip::tiny_encoders()?;
        let settings = Settings {
            min_area: 100,
            most_segments: NonZeroUsize::MAX,
            margin: 0.1,
            threshold: clip::TINY_THRESHOLD,
        };
        let texts = Texts::new(Some(text), &[], None);
        Ok(Self {
            matcher: Matcher::new(texts, Box::new(images), settings),
            refresh: Duration::from_millis(500),
        })
    }
}
