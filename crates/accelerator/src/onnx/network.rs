//! A network that runs: from a letterboxed input to tensors.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use onnx::Session;
use tensors::{ElementType, Layout, QuantInfo, Role, Tensors};

use super::{
    error::OnnxBackendError,
    fill,
    kind::{Heads, Kind, channels_first, predictions_shape},
    model::Model,
};
use crate::{AcceleratorError, simulated::Compute};

/// The largest element of a picture.
const WHITE: f32 = 255.0;

/// A session, and what is known of its file.
pub(super) struct Network {
    session: Session,
    kind: Kind,
    path: PathBuf,
    /// What its outputs' names begin with.
    prefix: &'static str,
    /// The outputs that are wanted, and the same with what they are.
    places: Vec<usize>,
    outputs: Vec<Output>,
    /// The input: planes of red, green and blue, 0 to 1.
    picture: Vec<f32>,
    /// Scores were seen that are logits.
    are_logits: bool,
}

/// An output that is wanted.
struct Output {
    place: usize,
    /// `None` for boxes, scores and coefficients together.
    role: Option<Role>,
    shape: Vec<usize>,
    channels_last: bool,
}

fn outputs(kind: &Kind) -> Vec<Output> {
    let prototypes = channels_first(Role::Prototypes.shape(kind.input, 1)).to_vec();
    match &kind.heads {
        Heads::Two {
            predictions,
            prototypes: place,
        } => vec![
            Output {
                place: *predictions,
                role: None,
                shape: predictions_shape(kind.input, kind.classes.count()).to_vec(),
                channels_last: false,
            },
            Output {
                place: *place,
                role: Some(Role::Prototypes),
                shape: prototypes,
                channels_last: false,
            },
        ],
        Heads::Ten {
            places,
            channels_last,
        } => {
            let output = |(place, role): (&usize, Role)| {
                let [rows, columns, channels] = role.shape(kind.input, kind.classes.count());
                Output {
                    place: *place,
                    role: Some(role),
                    shape: if *channels_last {
                        vec![1, rows, columns, channels]
                    } else {
                        channels_first([rows, columns, channels]).to_vec()
                    },
                    channels_last: *channels_last,
                }
            };
            places.iter().zip(Role::ALL).map(output).collect()
        }
    }
}

impl Network {
    pub(super) fn new(session: Session, kind: Kind, model: &Model) -> Self {
        let outputs = outputs(&kind);
        Self {
            session,
            places: outputs.iter().map(|output| output.place).collect(),
            outputs,
            picture: vec![0.0; kind.input.bytes()],
            kind,
            path: model.path().to_owned(),
            prefix: model.prefix(),
            are_logits: false,
        }
    }

    /// The tensors that it fills. Their scales are those of the first frame.
    pub(super) fn layout(&self) -> Layout {
        Layout::of_roles(self.kind.input, self.kind.classes.clone(), |role| {
            let quant = match role {
                Role::Scores(_) => fill::SCORES,
                _ => QuantInfo {
                    scale: 1.0,
                    zero_point: 0.0,
                },
            };
            (format!("{}/{role:?}", self.prefix), ElementType::U16, quant)
        })
    }

    /// Runs it on noise, and says how long that took. A network whose scores are all 0 then can find
    /// nothing in any picture.
    pub(super) fn try_out(&mut self) -> Result<Duration, OnnxBackendError> {
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..self.kind.input.bytes())
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let mut tensors = Tensors::for_layout(&self.layout());
        let mut alive = false;
        // The first run makes the engine's buffers.
        self.infer(&noise, &mut tensors, &mut alive)?;
        let begun = Instant::now();
        self.infer(&noise, &mut tensors, &mut alive)?;
        if alive {
            Ok(begun.elapsed())
        } else {
            Err(OnnxBackendError::Dead {
                path: self.path.clone(),
            })
        }
    }

    /// Fills `tensors` with the answer to a letterboxed picture; `alive` is set where any score is
    /// not 0.
    fn infer(
        &mut self,
        input: &[u8],
        tensors: &mut Tensors,
        alive: &mut bool,
    ) -> Result<(), OnnxBackendError> {
        let Self {
            session,
            kind,
            path,
            places,
            outputs,
            picture,
            are_logits,
            ..
        } = self;
        let (size, classes) = (kind.input, kind.classes.count());
        let pixels = picture.len() / 3;
        for (at, pixel) in input.chunks_exact(3).take(pixels).enumerate() {
            for (plane, value) in pixel.iter().enumerate() {
                picture[plane * pixels + at] = f32::from(*value) / WHITE;
            }
        }
        let shape = [1, 3, size.height() as usize, size.width() as usize];
        let mut misfit = None;
        let run = session.run(&shape, picture, places, |place, found, numbers| {
            let Some(output) = outputs.iter().find(|output| output.place == place) else {
                return;
            };
            let expected = &output.shape;
            if found != expected || numbers.len() != expected.iter().product::<usize>() {
                misfit = Some(OnnxBackendError::Shape {
                    path: path.clone(),
                    place,
                    found: found.to_vec(),
                    expected: expected.clone(),
                });
                return;
            }
            let scores = match output.role {
                None => fill::scores_of(numbers, size, classes),
                Some(Role::Scores(_)) => numbers,
                Some(_) => &[],
            };
            *alive |= scores.iter().any(|score| *score != 0.0);
            match output.role {
                None => fill::predictions(tensors, numbers),
                Some(role) => {
                    *are_logits |= fill::are_logits(scores);
                    let channels_last = output.channels_last;
                    fill::head(tensors, role, numbers, channels_last, *are_logits);
                }
            }
        });
        if let Some(misfit) = misfit {
            return Err(misfit);
        }
        run.map_err(|source| OnnxBackendError::Engine {
            path: path.clone(),
            source,
        })
    }
}

impl Compute for Network {
    fn compute(&mut self, input: &[u8], tensors: &mut Tensors) -> Result<(), AcceleratorError> {
        Ok(self.infer(input, tensors, &mut false)?)
    }
}
