//! The reason why an alert did not reach a webhook.

use std::fmt;

use trapheus_common::{Error, ErrorKind};

/// The reason why a webhook did not accept the alert, in words without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostFailure {
    /// The kind of the failure, which decides about retries.
    pub kind: ErrorKind,
    what: String,
}

impl PostFailure {
    pub(crate) fn new(number: usize, kind: ErrorKind, reason: &str) -> Self {
        Self { kind, what: format!("webhook {number}: {reason}") }
    }

    /// The secret or parameter with the addresses could not be read.
    pub(crate) fn of(error: &Error) -> Self {
        let report = error.report();
        // The line that names the secret is left out, because it contains no reason.
        let what = report.split_once(" \n").map_or(report.as_str(), |(_, what)| what).to_owned();
        Self { kind: error.kind(), what }
    }
}

impl fmt::Display for PostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
