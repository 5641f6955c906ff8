//! What a look at something shows, and what to do about it.

use std::fmt;

use serde::Serialize;

/// How something looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, or isn't needed; but somebody should know.
    Warning,
    /// The daemon can't work like this.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: `library`, `driver`, `device`, `hef`, `camera cam0`, `broker`, ...
    pub check: String,
    /// How it looks.
    #[serde(rename = "status")]
    pub outcome: Outcome,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub(crate) fn ok(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            outcome: Outcome::Ok,
            detail: detail.into(),
            fix: None,
        }
    }

    pub(crate) fn warning(
        check: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<Option<String>>,
    ) -> Self {
        Self {
            outcome: Outcome::Warning,
            fix: fix.into(),
            ..Self::ok(check, detail)
        }
    }

    pub(crate) fn failed(
        check: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<Option<String>>,
    ) -> Self {
        Self {
            outcome: Outcome::Failed,
            fix: fix.into(),
            ..Self::ok(check, detail)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8} {:12} {}", self.outcome, self.check, self.detail)?;
        match &self.fix {
            Some(fix) => write!(f, "\n{:21} fix: {fix}", ""),
            None => Ok(()),
        }
    }
}
