//! From a text to its embedding: known beforehand, kept from before, or encoded now.
//!
//! A text is put into each template ("a photo of a {}"), as in CLIP's paper (section 3.1.4): the
//! models have seen sentences, not words. The directions of all are averaged.

use std::path::Path;

use onnx::Port;
use rten_tensor::NdTensor;
use sha2::{Digest as _, Sha256};

use crate::{
    ClipError, Embedding, Known, Tokens,
    encoder::{self, Encoder},
    tokens::{CONTEXT, tidy},
};

/// Where the text goes in a template.
const PLACE: &str = "{}";

/// A text encoder from an ONNX file.
///
/// Inputs: `input_ids` of 1 x 77 tokens and, where the model has one, `attention_mask`. Output:
/// `text_embeds`, or the only one of two dimensions.
pub struct TextEncoder {
    model: Encoder,
    ids: Port,
    mask: Option<Port>,
    tokens: Tokens,
}

impl TextEncoder {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ClipError::Onnx`], [`ClipError::Model`].
    pub fn open(path: &Path) -> Result<Self, ClipError> {
        Self::new(encoder::read(path)?, path)
    }

    /// A file's content; `path` names it in errors.
    pub(crate) fn new(bytes: Vec<u8>, path: &Path) -> Result<Self, ClipError> {
        let model = Encoder::new(bytes, path, "text", "text_embeds")?;
        let mut ids = None;
        let mut mask = None;
        let mut others = Vec::new();
        for input in model.inputs() {
            match input.name.as_str() {
                "input_ids" => ids = Some(input),
                "attention_mask" => mask = Some(input),
                _ => others.push(input.name),
            }
        }
        let wrong = |cause: String| ClipError::Model {
            path: path.to_owned(),
            cause,
        };
        if !others.is_empty() {
            return Err(wrong(format!(
                "no text encoder: it wants {}, expected 'input_ids' and perhaps 'attention_mask'",
                others.join(", ")
            )));
        }
        let ids =
            ids.ok_or_else(|| wrong("no text encoder: expected an input 'input_ids'".into()))?;
        if let &[_, Some(length)] = ids.shape.as_deref().unwrap_or_default()
            && length != CONTEXT
        {
            return Err(wrong(format!(
                "it reads {length} tokens: expected {CONTEXT}"
            )));
        }
        Ok(Self {
            model,
            ids,
            mask,
            tokens: Tokens::new(),
        })
    }

    fn encode(&self, text: &str) -> Result<Embedding, ClipError> {
        let (tokens, length) = self.tokens.encode(text)?;
        let ids = NdTensor::from_data([1, CONTEXT], tokens.to_vec());
        let mut inputs = vec![(self.ids.id, ids.into())];
        if let Some(mask) = &self.mask {
            let seen: Vec<_> = (0..CONTEXT)
                .map(|place| i32::from(place < length))
                .collect();
            let seen: NdTensor<i32, 2> = NdTensor::from_data([1, CONTEXT], seen);
            inputs.push((mask.id, seen.into()));
        }
        let rows = self.model.run(inputs, 1)?;
        Embedding::new(rows.first().map_or(&[], Vec::as_slice))
    }
}

/// Everything that texts are embedded with.
#[derive(Default)]
pub struct Texts {
    encoder: Option<TextEncoder>,
    templates: Vec<String>,
    /// Made elsewhere, without templates of ours.
    known: Option<Known>,
    /// Made here.
    kept: Known,
    /// Whether something was made since it was last kept.
    has_news: bool,
}

impl Texts {
    /// At least one of both is needed. A template without `{}` stands for itself and the text.
    pub fn new(encoder: Option<TextEncoder>, templates: &[String], known: Option<Known>) -> Self {
        let mut texts = Self {
            encoder,
            templates: templates.to_vec(),
            known,
            kept: Known::default(),
            has_news: false,
        };
        texts.kept = Known::of_model(texts.key());
        texts
    }

    /// What embeddings depend on: the encoder and the templates.
    fn key(&self) -> String {
        let mut hash = Sha256::new();
        if let Some(encoder) = &self.encoder {
            hash.update(encoder.model.sha256());
        }
        for template in &self.templates {
            hash.update([0]);
            hash.update(template);
        }
        format!("{:x}", hash.finalize())
    }

    /// Takes up what was kept before a restart, if it was made with the same encoder and templates.
    ///
    /// # Errors
    /// [`ClipError::Embeddings`], [`ClipError::File`]: nothing is taken up then.
    pub fn restore(&mut self, path: &Path) -> Result<(), ClipError> {
        let kept = Known::read(path)?;
        if kept.model() == self.kept.model() {
            self.kept = kept;
        }
        Ok(())
    }

    /// Whether something was made that is not kept yet.
    pub fn has_news(&self) -> bool {
        self.has_news
    }

    /// Keeps what was made so far for [`Texts::restore`]. Tried once for each news.
    ///
    /// # Errors
    /// [`ClipError::File`].
    pub fn keep(&mut self, path: &Path) -> Result<(), ClipError> {
        self.has_news = false;
        self.kept.write(path)
    }

    /// The embedding of a text.
    ///
    /// # Errors
    /// [`ClipError::NoWords`], [`ClipError::TooLong`], [`ClipError::Unknown`], [`ClipError::Run`].
    pub fn embed(&mut self, text: &str) -> Result<Embedding, ClipError> {
        let text = tidy(text).to_lowercase();
        if text.is_empty() {
            return Err(ClipError::NoWords);
        }
        let known = self.known.as_ref().and_then(|known| known.get(&text));
        if let Some(embedding) = known.or_else(|| self.kept.get(&text)) {
            return Ok(embedding.clone());
        }
        let Some(encoder) = &self.encoder else {
            return Err(ClipError::Unknown {
                known: self.known.as_ref().map_or_else(String::new, Known::names),
                text,
            });
        };
        let sentences: Vec<String> = if self.templates.is_empty() {
            vec![text.clone()]
        } else {
            let fill = |template: &String| template.replace(PLACE, &text);
            self.templates.iter().map(fill).collect()
        };
        let embeddings: Vec<Embedding> = sentences
            .iter()
            .map(|sentence| encoder.encode(sentence))
            .collect::<Result<_, _>>()?;
        let embedding = Embedding::mean(&embeddings).ok_or(ClipError::NotFinite)?;
        self.kept.insert(text, embedding.clone());
        self.has_news = true;
        Ok(embedding)
    }
}
