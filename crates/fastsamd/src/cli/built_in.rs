//! The built-in network for pictures of any size: its inputs are chosen by the picture, so that nothing is spent on
//! padding.

use configuration::{Accelerator, Backend, Onnx};
use frame::InputSize;

use super::inference::Inference;
use crate::open::accelerator::for_user;

/// Inputs that are kept open at once: two for portraits, landscapes and squares each.
const MOST_OPEN: usize = 6;

/// The network, opened for the inputs that were asked for.
pub(super) struct BuiltIn {
    section: Accelerator,
    onnx: Onnx,
    /// The latest last.
    open: Vec<(InputSize, Inference)>,
}

impl BuiltIn {
    /// The built-in network where the configuration asks for it and leaves its input open.
    pub(super) fn wanted(section: &Accelerator) -> Option<Self> {
        match &section.backend {
            Backend::Onnx(
                onnx @ Onnx {
                    model: None,
                    input: None,
                    ..
                },
            ) => Some(Self {
                onnx: onnx.clone(),
                section: section.clone(),
                open: Vec::new(),
            }),
            _ => None,
        }
    }

    /// The network, opened for this input.
    pub(super) fn for_input(&mut self, input: InputSize) -> anyhow::Result<&mut Inference> {
        let known = self.open.iter().position(|(size, _)| *size == input);
        let inference = match known {
            Some(place) => self.open.remove(place).1,
            None => self.open_for(input)?,
        };
        if self.open.len() == MOST_OPEN {
            self.open.remove(0);
        }
        self.open.push((input, inference));
        let latest = self.open.len() - 1;
        Ok(&mut self.open[latest].1)
    }

    fn open_for(&self, input: InputSize) -> anyhow::Result<Inference> {
        let onnx = Onnx {
            input: Some(input),
            ..self.onnx.clone()
        };
        let section = Accelerator {
            backend: Backend::Onnx(onnx),
            ..self.section.clone()
        };
        Ok(Inference::new(for_user(&section)?.accelerator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_open_for_the_latest_pictures() {
        let mut network = BuiltIn::wanted(&Accelerator::default()).unwrap();
        for width in [96, 128, 160, 192, 96, 224, 256, 288] {
            let input = InputSize::new(width, 96).unwrap();
            let inference = network.for_input(input).unwrap();
            assert_eq!(inference.layout().input(), input);
            assert!(network.open.len() <= MOST_OPEN);
        }
        // The one that was asked for again is there; the one that was not made room.
        let kept: Vec<_> = network.open.iter().map(|(size, _)| size.width()).collect();
        assert_eq!(kept, [160, 192, 96, 224, 256, 288]);
    }

    #[test]
    fn a_size_of_the_users_holds_for_all_pictures() {
        for backend in [
            Backend::Onnx(Onnx {
                input: Some(InputSize::DEFAULT),
                ..Onnx::default()
            }),
            Backend::Onnx(Onnx {
                model: Some("FastSAM-s.onnx".into()),
                ..Onnx::default()
            }),
            Backend::Mock(configuration::Mock::default()),
        ] {
            let section = Accelerator {
                backend,
                ..Accelerator::default()
            };
            assert!(BuiltIn::wanted(&section).is_none());
        }
    }
}
