//! The objects in front of the cameras: who they are, and what is watched for.
//!
//! What an object is and when something happens to it stands in the crate [`track`]; here is what a daemon
//! adds: ids that outlive a restart, zones and lines that change under way, and the time.

pub(crate) mod areas;
pub(crate) mod following;
pub(crate) mod ids;
