//! Answers from recordings, whatever the input: one after another, then again from the first.

use crate::{
    Accelerator, AcceleratorError, Fault, FaultKind,
    simulated::{Chip, Compute, Pace},
};
use recording::{Recording, RecordingError};
use tensors::Tensors;

/// Starts an accelerator that repeats these recordings, which must come from one network.
pub fn open(
    name: &str,
    recordings: Vec<Recording>,
    pace: Pace,
) -> Result<Box<dyn Accelerator>, AcceleratorError> {
    let Some(layout) = recordings.first().map(|recording| recording.layout.clone()) else {
        return Err(ReplayError::NoRecording.into());
    };
    if let Some(other) = recordings
        .iter()
        .find(|recording| !recording.layout.is_like(&layout))
    {
        return Err(ReplayError::Mixed {
            first: recordings[0].name.clone(),
            other: other.name.clone(),
        }
        .into());
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

/// Why recordings can't be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Nothing to replay.
    #[error("no recording was given: expected at least one")]
    NoRecording,
    /// Recordings with different outputs.
    #[error(
        "recordings '{first}' and '{other}' come from different networks: their outputs differ"
    )]
    Mixed {
        /// The first recording's name.
        first: String,
        /// The first that differs.
        other: String,
    },
    /// A recording can't be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

impl From<ReplayError> for AcceleratorError {
    fn from(error: ReplayError) -> Self {
        let is_users = match &error {
            ReplayError::Recording(error) => error.is_users_fault(),
            _ => true,
        };
        let kind = if is_users {
            FaultKind::Users
        } else {
            FaultKind::Lasting
        };
        Fault::new(kind, error).into()
    }
}

struct Replay {
    /// At least one.
    answers: Vec<Tensors>,
    next: usize,
}

impl Compute for Replay {
    fn compute(&mut self, _input: &[u8], tensors: &mut Tensors) -> Result<(), AcceleratorError> {
        tensors.clone_from(&self.answers[self.next]);
        self.next = (self.next + 1) % self.answers.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use frame::{InputSize, Size};

    use super::*;
    use crate::mock::Network;
    use tensors::{ElementType, Elements, Layout, Role, TensorInfo};

    const LONG: Duration = Duration::from_secs(30);

    fn recording(layout: &Layout, name: &str, value: u16) -> Recording {
        let mut tensors = Tensors::for_layout(layout);
        if let Some(elements) = tensors.u16_mut(Role::Prototypes) {
            elements.fill(value);
        }
        Recording {
            frame: Size::new(640, 480),
            layout: layout.clone(),
            tensors,
            name: name.into(),
            picture: None,
        }
    }

    #[test]
    fn recordings_come_one_after_another_and_again() {
        let layout = Network::layout(InputSize::DEFAULT);
        let recordings = vec![recording(&layout, "a", 1), recording(&layout, "b", 2)];
        let replay = open("two", recordings, Pace::unlimited()).unwrap();
        assert_eq!(replay.description().network, "two");
        let mut tensors = Tensors::for_layout(replay.layout());
        let (mut submit, mut collect) = replay.split();
        let input = vec![0; InputSize::DEFAULT.bytes()];
        for ticket in 0..5 {
            submit.submit(ticket, &input, LONG).unwrap();
            assert_eq!(collect.collect(&mut tensors, LONG).unwrap(), ticket);
            let Elements::U16(prototypes) = tensors.view(Role::Prototypes).elements else {
                panic!("the mock's prototypes are u16");
            };
            assert!(prototypes.iter().all(|q| *q == 1 + ticket as u16 % 2));
        }
    }

    #[test]
    fn recordings_of_two_networks_are_refused() {
        let layout = Network::layout(InputSize::DEFAULT);
        let other: Vec<_> = Role::ALL
            .map(|role| TensorInfo {
                element_type: ElementType::U8,
                ..layout.info(role).clone()
            })
            .into();
        let other = Layout::bind(&other, layout.input()).unwrap();
        let recordings = vec![recording(&layout, "a", 1), recording(&other, "b", 2)];
        let error = open("mixed", recordings, Pace::unlimited()).err().unwrap();
        assert_eq!(
            error.to_string(),
            "recordings 'a' and 'b' come from different networks: their outputs differ"
        );
    }

    #[test]
    fn the_input_has_the_size_of_the_recordings() {
        let small = InputSize::new(320, 192).unwrap();
        let layout = Network::layout(small);
        let replay = open("small", vec![recording(&layout, "a", 7)], Pace::unlimited()).unwrap();
        assert_eq!(replay.layout().input(), small);
        let mut tensors = Tensors::for_layout(replay.layout());
        let (mut submit, mut collect) = replay.split();
        let wrong = submit.submit(0, &vec![0; InputSize::DEFAULT.bytes()], LONG);
        assert!(
            matches!(wrong, Err(AcceleratorError::InputSize { expected, .. }) if expected == small.bytes())
        );
        submit.submit(0, &vec![0; small.bytes()], LONG).unwrap();
        assert_eq!(collect.collect(&mut tensors, LONG).unwrap(), 0);

        let large = Network::layout(InputSize::DEFAULT);
        let recordings = vec![recording(&layout, "a", 1), recording(&large, "b", 2)];
        let error = open("mixed", recordings, Pace::unlimited()).err().unwrap();
        assert!(matches!(
            error.of_backend(),
            Some(ReplayError::Mixed { .. })
        ));
    }

    #[test]
    fn nothing_to_replay_is_an_error() {
        let error = open("none", Vec::new(), Pace::unlimited()).err().unwrap();
        assert!(matches!(error.of_backend(), Some(ReplayError::NoRecording)));
        assert!(error.is_users_fault());
    }
}
