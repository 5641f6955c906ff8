//! What can go wrong between an input and its answer, whatever the backend.
//!
//! A backend's own faults come as [`Fault`]: what the daemon has to decide (try again? blame whom?)
//! is answered here, and the backend's error stands behind it as the source.

use std::{error::Error, fmt, time::Duration};

use tensors::NamesError;

/// Why an accelerator can't be opened, takes no input, or gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum AcceleratorError {
    /// Nothing came, or nothing was taken, in time.
    #[error("the accelerator did not answer within {0:?}")]
    Timeout(Duration),
    /// The other half, or the chip's worker, is gone.
    #[error("the accelerator has shut down")]
    Closed,
    /// The input has not the network's size.
    #[error("an input of {found} bytes can't be submitted: the network takes {expected}")]
    InputSize {
        /// Bytes given.
        found: usize,
        /// Bytes the network takes.
        expected: usize,
    },
    /// The names given to classes are not as many as those.
    #[error("class_names: {0}")]
    ClassNames(#[from] NamesError),
    /// A worker thread could not be started.
    #[error("no thread for the accelerator: {0}")]
    Thread(#[source] std::io::Error),
    /// The backend, or what it was given.
    #[error(transparent)]
    Backend(#[from] Fault),
}

impl AcceleratorError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout(_) => true,
            Self::Backend(fault) => fault.kind == FaultKind::Transient,
            _ => false,
        }
    }

    /// Whether something that the user named is wrong, and only the user can mend it.
    pub fn is_users_fault(&self) -> bool {
        match self {
            Self::Backend(fault) => fault.kind == FaultKind::Users,
            Self::ClassNames(_) => true,
            _ => false,
        }
    }

    /// The backend's own error, where it is of this type.
    pub fn of_backend<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Backend(fault) => fault.source.downcast_ref(),
            _ => None,
        }
    }
}

/// What can be done about a backend's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Trying again may help: the backend is recovering, or a device may come free.
    Transient,
    /// Something that the user named is wrong.
    Users,
    /// Nothing that this program can do helps.
    Lasting,
}

/// A fault of one backend. Shows what the backend's error says.
#[derive(Debug)]
pub struct Fault {
    kind: FaultKind,
    source: Box<dyn Error + Send + Sync>,
}

impl Fault {
    /// A fault with the backend's own error behind it.
    pub fn new(kind: FaultKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            kind,
            source: Box::new(source),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for Fault {
    // The error itself is what this one shows: its causes come next.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_backends_error_decides_and_can_be_had_back() {
        let fault = |kind| {
            let source = io::Error::new(io::ErrorKind::NotFound, "no such chip");
            AcceleratorError::from(Fault::new(kind, source))
        };
        let cases = [
            (FaultKind::Transient, true, false),
            (FaultKind::Users, false, true),
            (FaultKind::Lasting, false, false),
        ];
        for (kind, is_transient, is_users_fault) in cases {
            let error = fault(kind);
            assert_eq!(error.is_transient(), is_transient, "{kind:?}");
            assert_eq!(error.is_users_fault(), is_users_fault, "{kind:?}");
            assert_eq!(error.to_string(), "no such chip");
            assert!(error.of_backend::<io::Error>().is_some());
            assert!(error.of_backend::<fmt::Error>().is_none());
        }
    }
}
