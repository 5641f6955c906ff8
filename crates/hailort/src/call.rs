//! Calls into the library: a function of its table, and what it answered.

use crate::{Error, Status};

/// A function of the library's table, if the library has it.
macro_rules! function {
    ($library:expr, $function:ident) => {
        $library
            .table
            .$function
            .as_ref()
            .map_err(|_| $crate::Error::MissingFunction {
                function: stringify!($function),
            })
    };
}
pub(crate) use function;

/// What a call answered, as a result.
pub(crate) fn check(function: &'static str, status: u32) -> Result<(), Error> {
    Status::check(status).map_err(|status| Error::Call { function, status })
}
