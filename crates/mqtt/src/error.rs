//! What can go wrong before a connection is tried. What happens to a connection later is no error
//! but a state: it is logged, counted, and tried again.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use thiserror::Error;

/// Why there can be no client or broker.
#[derive(Debug, Error)]
pub enum MqttError {
    /// The broker's host name is empty.
    #[error("no broker: expected a host name or address")]
    NoHost,
    /// The client id is empty, or longer than every broker has to take.
    #[error("'{0}' is no client id: expected 1 to 128 characters without control characters")]
    ClientId(String),
    /// The time without traffic after which to ask is out of range.
    #[error("a keep-alive of {0:?} is out of range: expected 5 s to 65535 s")]
    KeepAlive(Duration),
    /// The largest payload is out of range.
    #[error("a largest payload of {bytes} bytes is out of range: expected 1 to {limit}")]
    MaxPayload {
        /// What was asked for.
        bytes: usize,
        /// The most that MQTT allows.
        limit: usize,
    },
    /// Certificates or their key can't be read.
    #[error("{}: {cause}", path.display())]
    Certificates {
        /// Their file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// No version of TLS can be spoken.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// The operating system gives no event loop.
    #[error("the MQTT client can't start: {0}")]
    Runtime(#[source] io::Error),
    /// The embedded broker can't listen.
    #[error("the embedded broker can't listen on {address}: {source}")]
    Listen {
        /// Where it should.
        address: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The embedded broker did not start.
    #[error("the embedded broker on {0} did not start within {1:?}")]
    BrokerSilent(SocketAddr, Duration),
}

impl MqttError {
    /// Whether the same call may succeed later. Wrong names and settings never do.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Runtime(_) | Self::Listen { .. } | Self::BrokerSilent(..)
        )
    }
}
