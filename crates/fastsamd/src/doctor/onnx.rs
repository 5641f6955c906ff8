//! A network on the processor: its file, and an inference.

use accelerator::onnx::{self, built_in};
use configuration::{Backend, OnnxEngine};

use super::finding::Finding;
use crate::open::accelerator::{expectation, onnx_settings};

/// What makes a network on the processor faster.
const FASTER: &str = "python3 -m pip install onnxruntime, and set accelerator.backend.onnx.library to its \
                      onnxruntime/capi/libonnxruntime.so.*: up to twice as fast";

/// Looks at the file and runs it, where the configuration has one.
pub(super) fn examine(section: &configuration::Accelerator) -> Vec<Finding> {
    let Backend::Onnx(onnx) = &section.backend else {
        return Vec::new();
    };
    let report = onnx::examine(&onnx_settings(section.in_flight, onnx))
        .and_then(|examined| examined.try_out());
    let report = match report {
        Ok(report) => report,
        Err(error) => return vec![Finding::failed("model", error.to_string(), None)],
    };
    let name = match &onnx.model {
        Some(file) => format!("{}: FastSAM's form", file.display()),
        None => built_in::NOTICE.to_owned(),
    };
    let (input, classes) = (report.kind.input, report.kind.classes.count());
    let model = match classes {
        1 => format!("{name}, for an input of {input}"),
        _ => format!("{name}, for an input of {input}, {classes} classes"),
    };
    let mut inference = Finding::ok("inference", expectation(&report));
    if let Some(note) = &report.note {
        inference.detail += &format!("; {note}");
    }
    if onnx.engine == OnnxEngine::Auto && report.engine.starts_with("rten") {
        inference.fix = Some(FASTER.to_owned());
    }
    vec![Finding::ok("model", model), inference]
}
