//! A reason against a run.

use std::time::Duration;

/// A reason against the run, with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) text: String,
    /// The longest useful wait for the problem to pass by itself.
    pub(crate) patience: Duration,
}

impl Problem {
    pub(crate) fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), patience: Duration::ZERO }
    }

    pub(crate) fn passing(text: impl Into<String>, patience: Duration) -> Self {
        Self { text: text.into(), patience }
    }
}
