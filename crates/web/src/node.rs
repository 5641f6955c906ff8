//! The daemon, as the server sees it.

use message::Status;

/// What the server asks the daemon for.
pub trait Node: Send + Sync + 'static {
    /// How the node is: as on `status`.
    fn status(&self) -> Status;
    /// What it is: as on `info`, without secrets.
    fn info(&self) -> serde_json::Value;
}
