//! Answers from recordings, whatever the input: one after another, then again from the first.

use crate::{
    Accelerator, AcceleratorError, Recording, Tensors,
    chip::{Chip, Compute, Pace},
};

/// Starts an accelerator that repeats these recordings, which must come from one network.
pub fn open(
    name: &str,
    recordings: Vec<Recording>,
    pace: Pace,
) -> Result<Box<dyn Accelerator>, AcceleratorError> {
    let Some(layout) = recordings.first().map(|recording| recording.layout.clone()) else {
        return Err(AcceleratorError::NoRecording);
    };
    if let Some(other) = recordings
        .iter()
        .find(|recording| recording.layout != layout)
    {
        return Err(AcceleratorError::MixedRecordings {
            first: recordings[0].name.clone(),
            other: other.name.clone(),
        });
    }
    let answers = recordings
        .into_iter()
        .map(|recording| recording.tensors)
        .collect();
    let chip = Chip::start(
        "replay",
        name.to_owned(),
        layout,
        pace,
        Replay { answers, next: 0 },
    )?;
    Ok(Box::new(chip))
}

struct Replay {
    /// At least one.
    answers: Vec<Tensors>,
    next: usize,
}

impl Compute for Replay {
    fn compute(&mut self, _input: &[u8], tensors: &mut Tensors) {
        tensors.clone_from(&self.answers[self.next]);
        self.next = (self.next + 1) % self.answers.len();
    }
}
