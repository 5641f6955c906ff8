//! The daemon: the pipeline's threads, what wakes them, and what ends them.
//!
//! [`run`] makes everything a daemon needs, starts one named thread per stage, waits for the
//! shutdown and joins the threads in the order in which frames pass them. Errors that a retry can
//! cure are handled inside a stage; any other ends the daemon with exit code 1, and the service
//! manager starts it anew.

mod checks;
mod clock;
mod health;
mod keep;
mod objects;
mod pipeline;
mod process;
mod prompts;
mod publish;
mod rate;
mod run;
mod settings;
mod store;
mod uploads;
mod web;

pub(crate) use process::threads::left_behind as threads_left_behind;
pub(crate) use prompts::requests::REQUESTS;
pub(crate) use publish::connection::{client_id, options as connection_options};
pub(crate) use run::run_with;
pub use run::{Extent, run};
