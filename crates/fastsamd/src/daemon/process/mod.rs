//! What every long-running process needs: threads, signals, a shutdown, a log, a service manager.

pub(crate) mod backoff;
pub(crate) mod errands;
pub(crate) mod logging;
pub(crate) mod shutdown;
pub(crate) mod signals;
pub(crate) mod systemd;
pub(crate) mod threads;
