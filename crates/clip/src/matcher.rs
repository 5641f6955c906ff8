//! Which segments look like a text.
//!
//! A segment matches where the cosine of its embedding and the text's is at least a threshold: unlike
//! the softmax over all segments of the reference, this can say that nothing matches, and that
//! several do. What cosines a good match has depends on the model; OpenAI's ViT-B/32 gives 0.25 to
//! 0.3.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use fastsam::{Mask, Segment};

use crate::{ClipError, Cropper, Embedding, ImageEncoder, Picture, Texts};

/// Two masks of one thing that has not changed: its embedding still holds.
const UNCHANGED_IOU: f64 = 0.9;
/// So long. Colours may change where outlines don't.
const HOLDS_FOR: Duration = Duration::from_secs(5);

/// Segments that are cut out and embedded together: more only need more memory.
const TOGETHER: usize = 8;

/// What is looked at, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Segments of fewer pixels are not looked at.
    pub min_area: u32,
    /// Of all others the largest so many.
    pub most_segments: NonZeroUsize,
    /// Room around a segment, as a share of its longer side.
    pub margin: f32,
    /// The least cosine of a match.
    pub threshold: f64,
}

/// A segment that looks like the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Its place in the frame's list.
    pub place: usize,
    /// The cosine of both embeddings.
    pub similarity: f64,
}

/// Both encoders.
pub struct Matcher {
    texts: Texts,
    images: Box<dyn ImageEncoder>,
    settings: Settings,
    cropper: Cropper,
    crops: Vec<u8>,
}

/// What objects of one camera looked like a moment ago.
#[derive(Debug, Default)]
pub struct Recollection {
    /// By the objects' ids.
    seen: HashMap<u64, Seen>,
}

#[derive(Debug)]
struct Seen {
    mask: Mask,
    embedding: Embedding,
    at: Instant,
}

impl Matcher {
    /// A matcher with these encoders.
    pub fn new(texts: Texts, images: Box<dyn ImageEncoder>, settings: Settings) -> Self {
        Self {
            texts,
            images,
            settings,
            cropper: Cropper::default(),
            crops: Vec::new(),
        }
    }

    /// What texts are embedded with.
    pub fn texts(&mut self) -> &mut Texts {
        &mut self.texts
    }

    /// Embeds a frame's segments: place and embedding of each that is looked at. `ids` are those of the objects
    /// that they show, in their order. Objects whose mask is as `recollection` has it are not embedded anew. Calls `progress` after every few of the
    /// others, which may take a second.
    ///
    /// # Errors
    /// What the image encoder says.
    pub fn look(
        &mut self,
        picture: Picture<'_>,
        segments: &[Segment],
        ids: &[u64],
        recollection: &mut Recollection,
        now: Instant,
        mut progress: impl FnMut(),
    ) -> Result<Vec<(usize, Embedding)>, ClipError> {
        let mut places: Vec<usize> = (0..segments.len())
            .filter(|&place| segments[place].area >= self.settings.min_area.max(1))
            .collect();
        places.sort_by_key(|&place| std::cmp::Reverse(segments[place].area));
        places.truncate(self.settings.most_segments.get());

        let mut looked = Vec::with_capacity(places.len());
        let mut unseen = Vec::new();
        recollection.forget(now);
        for place in places {
            match recollection.recall(ids.get(place), &segments[place].mask) {
                Some(embedding) => looked.push((place, embedding)),
                None => unseen.push(place),
            }
        }
        let (margin, side) = (self.settings.margin, self.images.side());
        for places in unseen.chunks(TOGETHER) {
            self.crops.clear();
            for &place in places {
                let mask = &segments[place].mask;
                self.cropper
                    .crop(picture, mask, margin, side, &mut self.crops);
            }
            let embedded = self.images.embed(&self.crops)?;
            for (&place, embedding) in places.iter().zip(embedded) {
                if let Some(&id) = ids.get(place) {
                    let seen = Seen {
                        mask: segments[place].mask.clone(),
                        embedding: embedding.clone(),
                        at: now,
                    };
                    recollection.seen.insert(id, seen);
                }
                looked.push((place, embedding));
            }
            progress();
        }
        Ok(looked)
    }

    /// Those that match a text, the most alike first. `threshold` overrides the settings'.
    ///
    /// # Errors
    /// What [`Texts::embed`] says; [`ClipError::Dimensions`].
    pub fn choose(
        &mut self,
        text: &str,
        looked: &[(usize, Embedding)],
        threshold: Option<f64>,
    ) -> Result<Vec<Match>, ClipError> {
        let threshold = threshold.unwrap_or(self.settings.threshold);
        let wanted = self.texts.embed(text)?;
        let mut matches = Vec::new();
        for (place, embedding) in looked {
            let similarity = wanted.cosine(embedding)?;
            if similarity >= threshold {
                matches.push(Match {
                    place: *place,
                    similarity,
                });
            }
        }
        matches.sort_by(|a, b| {
            b.similarity
                .total_cmp(&a.similarity)
                .then(a.place.cmp(&b.place))
        });
        Ok(matches)
    }
}

impl Recollection {
    fn recall(&self, id: Option<&u64>, mask: &Mask) -> Option<Embedding> {
        let seen = self.seen.get(id?)?;
        let is_same = seen.mask.size() == mask.size() && seen.mask.iou(mask) >= UNCHANGED_IOU;
        is_same.then(|| seen.embedding.clone())
    }

    fn forget(&mut self, now: Instant) {
        self.seen
            .retain(|_, seen| now.saturating_duration_since(seen.at) < HOLDS_FOR);
    }
}

#[cfg(test)]
mod tests;
