//! Prompts: from what somebody asks to the segments that answer it.
//!
//! [`answer`] puts a whole prompt together from `fastsam::prompt`'s parts; [`Standing`] asks the
//! same prompt of frame after frame and follows what it found.

mod standing;
#[cfg(test)]
mod tests;

use fastsam::{
    Segment,
    cleanup::{Cleaner, Cleanup},
    prompt::{self, Canvas, Label, PointPrompt, PromptError},
};
use frame::{FramePoint, FrameRect};
use message::prompt::{BoxChoice, Choice, Prompt, Select, TextChoice};
use track::Track;

pub(crate) use standing::Standing;

/// How a union is smoothed: kernels that close the cracks between neighbours and keep their place.
const UNION_CLEANUP: Cleanup = Cleanup {
    close: 3,
    open: 3,
    min_island: 0,
    max_hole: 0,
};

/// What a prompt chooses from. Of a frame that nothing is followed in there are no tracks, and a segment's id
/// is its place.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) segments: &'a [Segment],
    /// The objects that the segments show, in the same order; or none at all.
    pub(crate) tracks: &'a [Track],
    pub(crate) canvas: Canvas,
}

impl Scene<'_> {
    /// Where the object with this id is in the list, if it is seen.
    fn place_of(&self, id: u64) -> Option<usize> {
        if self.tracks.is_empty() {
            return usize::try_from(id)
                .ok()
                .filter(|&id| id < self.segments.len());
        }
        self.tracks.iter().position(|track| track.id == id)
    }
}

/// What a prompt chose.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// Places of the chosen segments, each once: first what the points chose, then the boxes in
    /// their order, then the ids, then the text, the most alike first.
    pub(crate) places: Vec<usize>,
    /// Which part of the prompt chose which, by places.
    pub(crate) choice: Choice,
    /// All of them in one, where that was asked for.
    pub(crate) union: Option<Segment>,
}

/// Why a prompt can't be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It asks nothing.
    #[error("an empty prompt: expected points, boxes, ids or text")]
    Empty,
    /// Labels apart from the points, but not one for each.
    #[error("{labels} labels for {points} points: expected one for each")]
    Labels {
        /// How many labels.
        labels: usize,
        /// How many points.
        points: usize,
    },
    /// A label that says neither.
    #[error("label {0}: expected 1 for wanted or 0 for not")]
    Label(u8),
    /// There is no text model.
    #[error("text prompts need a text model: see 'text' in the configuration")]
    NoTextModel,
    /// A part of it can't be answered.
    #[error(transparent)]
    Part(#[from] PromptError),
}

/// Answers a prompt. `alike` are the segments that its text chose, the most alike first.
pub(crate) fn answer(
    prompt: &Prompt,
    scene: &Scene<'_>,
    alike: Option<Vec<TextChoice>>,
) -> Result<Answer, Refusal> {
    let Scene {
        segments, canvas, ..
    } = scene;
    let has_shapes = !prompt.points.is_empty() || !prompt.boxes.is_empty();
    if !has_shapes && prompt.ids.is_empty() && prompt.text.is_none() {
        return Err(Refusal::Empty);
    }
    let mut answer = Answer::default();
    if !prompt.points.is_empty() {
        let places = prompt::by_points(
            segments,
            canvas,
            &points(prompt, canvas)?,
            select(prompt.select),
        )?;
        answer.choice.points = Some(places.iter().map(|&place| place as u64).collect());
        answer.add(places);
    }
    for rect in boxes(prompt, canvas) {
        let found = prompt::by_box(segments, canvas, rect, prompt.min_iou)?;
        answer.choice.boxes.push(BoxChoice {
            segment: found.segment.map(|place| place as u64),
            iou: found.iou,
        });
        answer.add(found.segment);
    }
    let seen = prompt.ids.iter().filter_map(|&id| scene.place_of(id));
    let seen: Vec<usize> = seen.collect();
    answer.choice.ids = seen.iter().map(|&place| place as u64).collect();
    answer.add(seen);
    if prompt.text.is_some() {
        let alike = alike.ok_or(Refusal::NoTextModel)?;
        answer.add(alike.iter().map(|choice| choice.segment as usize));
        answer.choice.text = Some(alike);
    }
    if prompt.union {
        answer.unite(segments, canvas);
    }
    Ok(answer)
}

impl Answer {
    /// Adds places that are not there yet.
    fn add(&mut self, places: impl IntoIterator<Item = usize>) {
        for place in places {
            if !self.places.contains(&place) {
                self.places.push(place);
            }
        }
    }

    /// Makes the union of what was chosen, unless that is nothing.
    fn unite(&mut self, segments: &[Segment], canvas: &Canvas) {
        let chosen = || self.places.iter().filter_map(|&place| segments.get(place));
        let Some(mut mask) = prompt::union(segments, &self.places, canvas.size()) else {
            return;
        };
        Cleaner::new().apply(&UNION_CLEANUP, &mut mask);
        if mask.is_empty() {
            return;
        }
        let start = FrameRect {
            x1: f32::INFINITY,
            y1: f32::INFINITY,
            x2: f32::NEG_INFINITY,
            y2: f32::NEG_INFINITY,
        };
        let around = |around: FrameRect, segment: &Segment| FrameRect {
            x1: around.x1.min(segment.detection_bbox.x1),
            y1: around.y1.min(segment.detection_bbox.y1),
            x2: around.x2.max(segment.detection_bbox.x2),
            y2: around.y2.max(segment.detection_bbox.y2),
        };
        self.union = Some(Segment {
            score: chosen().map(|segment| segment.score).fold(0.0, f32::max),
            class: 0,
            bbox: mask.bounding_box(),
            detection_bbox: chosen().fold(start, around),
            area: mask.area(),
            mask,
        });
    }
}

fn select(select: Select) -> prompt::Select {
    match select {
        Select::Smallest => prompt::Select::Smallest,
        Select::Best => prompt::Select::Best,
        Select::All => prompt::Select::All,
    }
}

/// Pixels per unit of the prompt's coordinates.
fn scale(prompt: &Prompt, canvas: &Canvas) -> (f64, f64) {
    let frame = canvas.letterbox.frame;
    if prompt.normalized {
        (f64::from(frame.width), f64::from(frame.height))
    } else {
        (1.0, 1.0)
    }
}

fn points(prompt: &Prompt, canvas: &Canvas) -> Result<Vec<PointPrompt>, Refusal> {
    let apart = !prompt.labels.is_empty();
    if apart && prompt.labels.len() != prompt.points.len() {
        return Err(Refusal::Labels {
            labels: prompt.labels.len(),
            points: prompt.points.len(),
        });
    }
    let (along_x, along_y) = scale(prompt, canvas);
    let points = prompt.points.iter().enumerate();
    points
        .map(|(i, point)| {
            let apart = prompt.labels.get(i).copied();
            let label = match point.label.or(apart).unwrap_or(1) {
                0 => Label::Background,
                1 => Label::Foreground,
                other => return Err(Refusal::Label(other)),
            };
            Ok(PointPrompt {
                position: FramePoint {
                    x: (point.x * along_x) as f32,
                    y: (point.y * along_y) as f32,
                },
                label,
            })
        })
        .collect()
}

fn boxes(prompt: &Prompt, canvas: &Canvas) -> impl Iterator<Item = FrameRect> {
    let (along_x, along_y) = scale(prompt, canvas);
    prompt.boxes.iter().map(move |&[x1, y1, x2, y2]| FrameRect {
        x1: (x1 * along_x) as f32,
        y1: (y1 * along_y) as f32,
        x2: (x2 * along_x) as f32,
        y2: (y2 * along_y) as f32,
    })
}
