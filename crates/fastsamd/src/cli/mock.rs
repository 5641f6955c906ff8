//! What the command line says about the mock backend, so that nobody takes its answers for
//! FastSAM's.

use accelerator::mock::Network;
use tensors::{Layout, Role};

/// What is written on pictures of the mock's answers.
pub(super) const CAPTION: &str = "mock";

/// What is said once on standard error wherever the mock answers.
pub(super) const NOTICE: &str = "the mock backend finds regions of similar colour; it is not \
     FastSAM. For FastSAM's masks use a Hailo chip, an ONNX file (--model FastSAM-s.onnx), or a \
     recording of what either answered";

/// Whether a recording holds the mock's answers, which bear names of their own.
pub(super) fn answered(layout: &Layout) -> bool {
    let mock = Network::layout(layout.input());
    Role::ALL
        .iter()
        .all(|&role| layout.info(role).name == mock.info(role).name)
}
