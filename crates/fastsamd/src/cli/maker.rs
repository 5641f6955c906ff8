//! What the command line says of answers that aren't FastSAM's, so that nobody takes them for it.

use accelerator::{mock, onnx};
use configuration::{Backend, Onnx};
use tensors::{Layout, Role};

/// Who answered in FastSAM's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// The mock: no network at all.
    Mock,
    /// The network that is part of the program.
    BuiltIn,
}

impl Maker {
    /// Whose answers have this layout, now or in a recording: both give their outputs names of their
    /// own. `None`: a network's of the user's.
    pub(super) fn of(layout: &Layout) -> Option<Self> {
        let mock = mock::Network::layout(layout.input());
        let is_mock = Role::ALL
            .iter()
            .all(|&role| layout.info(role).name == mock.info(role).name);
        if is_mock {
            Some(Self::Mock)
        } else {
            onnx::is_built_in(layout).then_some(Self::BuiltIn)
        }
    }

    /// Who answers where this is configured.
    pub(super) fn of_backend(backend: &Backend) -> Option<Self> {
        match backend {
            Backend::Mock(_) => Some(Self::Mock),
            Backend::Onnx(Onnx { model: None, .. }) => Some(Self::BuiltIn),
            Backend::Onnx(_) | Backend::Hailo(_) | Backend::Replay(_) => None,
        }
    }

    /// What is written on pictures.
    pub(super) fn caption(self) -> &'static str {
        match self {
            Self::Mock => "mock",
            Self::BuiltIn => "built-in network",
        }
    }

    /// What is said once on standard error.
    pub(super) fn notice(self) -> String {
        let what = match self {
            Self::Mock => "the mock backend finds regions of similar colour; it is not FastSAM",
            Self::BuiltIn => onnx::built_in::NOTICE,
        };
        format!(
            "{what}. For FastSAM's masks use a Hailo chip, an ONNX file (--model FastSAM-s.onnx), or \
             a recording of what either answered"
        )
    }
}
