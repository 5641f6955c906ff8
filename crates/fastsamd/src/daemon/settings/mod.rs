//! What may change while the daemon runs, and what changes it.

pub(crate) mod live;
pub(crate) mod reload;
