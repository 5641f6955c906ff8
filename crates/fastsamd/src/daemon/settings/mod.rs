//! What may change while the daemon runs, and what changes it.

mod adjustable;
pub(crate) mod live;
pub(crate) mod registry;
pub(crate) mod reload;
mod table;
