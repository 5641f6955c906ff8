//! What the end-to-end tests share: a real broker, the real binary, a subscriber.
//!
//! Every port is free when it is chosen, every wait has a deadline, and every child process ends
//! with the test that started it.

// All of this is test code: what can't go on may panic.
#![allow(clippy::expect_used, clippy::panic)]

mod binary;
mod broker;
mod node;
mod subscriber;

pub use binary::{Daemon, binary, fastsamd};
pub use broker::{Mosquitto, free_port};
pub use node::Node;
pub use subscriber::{Message, Subscriber};

use std::time::Duration;

/// How long a test waits for what must come. Generous: these machines are shared.
pub const DEADLINE: Duration = Duration::from_secs(60);
