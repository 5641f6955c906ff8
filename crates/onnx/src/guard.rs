//! rten behind a guard: what is wrong with a model is an error of one line, and so is a panic.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use rten::ModelOptions;

use crate::{EngineError, OnnxError, outline};

/// Makes a model of a file's content; `path` names it in errors.
pub(crate) fn load(bytes: Vec<u8>, path: &Path) -> Result<rten::Model, OnnxError> {
    outline::check(&bytes)
        .map_err(EngineError::new)
        .and_then(|()| guarded(|| ModelOptions::with_all_ops().load(bytes)))
        .and_then(|loaded| loaded.map_err(EngineError::new))
        .map_err(|source| OnnxError::Model {
            path: path.to_owned(),
            source,
        })
}

/// Makes an error of a panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|said| (*said).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        EngineError::new(said.unwrap_or_else(|| "the engine gave up".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_engine_is_an_error_of_one_line() {
        let caught = guarded(|| -> () { panic!("index out\nof bounds") });
        assert_eq!(caught.unwrap_err().to_string(), "index out of bounds");
    }

    #[test]
    fn what_is_no_model_is_refused_with_its_path() {
        let Err(error) = load(b"GIF89a".to_vec(), Path::new("cat.onnx")) else {
            panic!("a picture was taken for a model");
        };
        let said = error.to_string();
        assert!(said.starts_with("cat.onnx: "), "{said}");
        assert_eq!(said.lines().count(), 1);
    }
}
