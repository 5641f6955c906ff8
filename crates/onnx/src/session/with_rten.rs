//! A session that rten runs.

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use rten::{DataType, NodeId, RunOptions, ThreadPool, ValueType};
use rten_tensor::{Layout as _, TensorView};

use super::port::{ElementType, SessionPort, Take};
use crate::{
    EngineError, OnnxError,
    guard::{guarded, load},
    model::sizes,
};

/// The engine and its version.
pub(super) const NAME: &str = "rten 0.27";

/// A model that rten runs.
pub(super) struct RtenSession {
    model: rten::Model,
    /// A pool of its own, or rten's for the whole process.
    options: RunOptions,
    /// Outputs of the run at hand.
    wanted: Vec<NodeId>,
}

impl RtenSession {
    pub(super) fn load(
        bytes: Vec<u8>,
        path: &Path,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, OnnxError> {
        let pool = threads.map(|threads| Arc::new(ThreadPool::with_num_threads(threads.get())));
        Ok(Self {
            model: load(bytes, path)?,
            options: RunOptions::default().with_thread_pool(pool),
            wanted: Vec::new(),
        })
    }

    pub(super) fn inputs(&self) -> Vec<SessionPort> {
        self.ports(self.model.input_ids())
    }

    pub(super) fn outputs(&self) -> Vec<SessionPort> {
        self.ports(self.model.output_ids())
    }

    fn ports(&self, ids: &[NodeId]) -> Vec<SessionPort> {
        let port = |id: &NodeId| {
            let info = self.model.node_info(*id);
            let info = info.as_ref();
            SessionPort {
                name: info
                    .and_then(|info| info.name())
                    .unwrap_or_default()
                    .to_owned(),
                element_type: element_type(info.and_then(|info| info.dtype())),
                shape: info
                    .and_then(|info| info.shape())
                    .map_or_else(Vec::new, |shape| sizes(&shape)),
            }
        };
        ids.iter().map(port).collect()
    }

    pub(super) fn metadata(&self, key: &str) -> Option<String> {
        self.model.metadata().get(key).map(str::to_owned)
    }

    pub(super) fn run(
        &mut self,
        shape: &[usize],
        input: &[f32],
        outputs: &[usize],
        take: &mut Take<'_>,
    ) -> Result<(), EngineError> {
        let Some(&input_id) = self.model.input_ids().first() else {
            return Err(EngineError::new("the model has no input"));
        };
        let view = TensorView::try_from_data(shape, input).map_err(EngineError::new)?;
        let ids = self.model.output_ids();
        self.wanted.clear();
        self.wanted
            .extend(outputs.iter().filter_map(|&output| ids.get(output)));
        let inputs = vec![(input_id, view.into())];
        let options = Some(self.options.clone());
        let values = guarded(|| self.model.run(inputs, &self.wanted, options))
            .and_then(|outcome| outcome.map_err(EngineError::new))?;
        for (&output, value) in outputs.iter().zip(&values) {
            let Some(tensor) = value.as_tensor_view::<f32>() else {
                let found = element_type(Some(value.dtype()));
                return Err(EngineError::new(format!(
                    "output {output} holds {found}, no floating point"
                )));
            };
            let tensor = tensor.to_contiguous();
            take(output, tensor.shape(), tensor.data());
        }
        Ok(())
    }
}

fn element_type(found: Option<ValueType>) -> ElementType {
    match found {
        Some(ValueType::Tensor(DataType::Float)) => ElementType::F32,
        // What rten has of whole numbers.
        Some(ValueType::Tensor(DataType::Int32)) => ElementType::Other("i32"),
        Some(ValueType::Tensor(DataType::Int8)) => ElementType::Other("i8"),
        Some(ValueType::Tensor(DataType::UInt8)) => ElementType::Other("u8"),
        Some(ValueType::Sequence(_)) => ElementType::Other("a sequence"),
        _ => ElementType::Other("an unknown type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_version_that_is_built() {
        let manifest = include_str!("../../../../Cargo.toml");
        let version = NAME.trim_start_matches("rten ");
        assert!(manifest.contains(&format!("rten = {{ version = \"{version}\"")));
    }
}
