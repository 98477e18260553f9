//! The errors of the functions, by the names that the state machine's `Retry` and `Catch` match.
//!
//! Each name is spelled once, in [`ErrorKind::name`]; a test checks every name in the state machine against
//! [`ErrorKind::ALL`]. An [`Error`] names the failed action, the database and the reason. Its `Display` leaves the cause to
//! `source()`, and [`Error::report`] joins the chain into the one text that Lambda passes on.

use std::fmt;

/// The result of a function's logic.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a step failed: the part of an error that the state machine sees by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The user's input is no valid request.
    InvalidInput,
    /// Preflight refuses the run; no database was changed.
    Preflight,
    /// Another execution works on this database, or took it over.
    Claim,
    /// The status or absence of the database stops the step.
    InstanceUnavailable,
    /// AWS throttled the call.
    RateExceeded,
    /// AWS answered with a server error, or not at all.
    ServiceUnavailable,
    /// No connection to AWS was possible.
    EndpointUnreachable,
    /// The function's role, or the caller's, may not do this.
    AccessDenied,
    /// A snapshot could not be taken or replaced.
    SnapshotCreation,
    /// A database could not be renamed, away or back.
    Rename,
    /// A DB instance could not be restored.
    InstanceRestore,
    /// A DB cluster or one of its members could not be restored.
    ClusterRestore,
    /// A setting that the restore does not carry could not be applied.
    Settings,
    /// A snapshot could not be exported to S3. Never ends a restore.
    Export,
    /// The restored database differs from the original in an essential setting.
    Verification,
    /// A database or snapshot could not be deleted.
    Deletion,
    /// The alert could not be sent.
    Alert,
    /// A message was sent without an acknowledgement, so it may have arrived.
    Unanswered,
    /// The wait passed the run's deadline.
    WaitTimedOut,
    /// The state document does not fit the function: a defect, never the user's mistake.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tests of the contract with the state machine.
    pub const ALL: [Self; 20] = [
        Self::InvalidInput,
        Self::Preflight,
        Self::Claim,
        Self::InstanceUnavailable,
        Self::RateExceeded,
        Self::ServiceUnavailable,
        Self::EndpointUnreachable,
        Self::AccessDenied,
        Self::SnapshotCreation,
        Self::Rename,
        Self::InstanceRestore,
        Self::ClusterRestore,
        Self::Settings,
        Self::Export,
        Self::Verification,
        Self::Deletion,
        Self::Alert,
        Self::Unanswered,
        Self::WaitTimedOut,
        Self::Internal,
    ];

    /// The name in JSON: `errorType` of the function, `Error` in the state machine.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInputException",
            Self::Preflight => "PreflightException",
            Self::Claim => "ClaimException",
            Self::InstanceUnavailable => "InstanceUnavailableException",
            Self::RateExceeded => "RateExceededException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::EndpointUnreachable => "EndpointUnreachableException",
            Self::AccessDenied => "AccessDeniedException",
            Self::SnapshotCreation => "SnapshotCreationException",
            Self::Rename => "RenameException",
            Self::InstanceRestore => "InstanceRestoreException",
            Self::ClusterRestore => "ClusterRestoreException",
            Self::Settings => "SettingsException",
            Self::Export => "ExportException",
            Self::Verification => "VerificationException",
            Self::Deletion => "DeletionException",
            Self::Alert => "AlertException",
            Self::Unanswered => "UnansweredException",
            Self::WaitTimedOut => "WaitTimedOutException",
            Self::Internal => "InternalException",
        }
    }

    /// Whether the same call may succeed later without any other change.
    pub const fn retryable(self) -> bool {
        match self {
            Self::RateExceeded | Self::ServiceUnavailable | Self::EndpointUnreachable | Self::Unanswered => true,
            Self::InvalidInput
            | Self::Preflight
            | Self::Claim
            | Self::InstanceUnavailable
            | Self::AccessDenied
            | Self::SnapshotCreation
            | Self::Rename
            | Self::InstanceRestore
            | Self::ClusterRestore
            | Self::Settings
            | Self::Export
            | Self::Verification
            | Self::Deletion
            | Self::Alert
            | Self::WaitTimedOut
            | Self::Internal => false,
        }
    }
}

/// A failed step: its kind, the database, the failed action, and the cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    identifier: Option<String>,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error that Trapheus itself found: `message` names the problem and the remedy.
    pub fn new(kind: ErrorKind, identifier: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, identifier: Some(identifier.into()), message: message.into(), source: None }
    }

    /// An error that concerns no database yet, such as input without an identifier.
    pub fn without_identifier(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, identifier: None, message: message.into(), source: None }
    }

    /// The state document lacks a value that a function needs, or contains a malformed one.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::without_identifier(ErrorKind::Internal, message)
    }

    /// Adds the error that led to this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The whole chain in one text, in the original project's shape: `Identifier:<id> \n<action> : <reason>`.
    pub fn report(&self) -> String {
        match &self.identifier {
            Some(identifier) => format!("Identifier:{identifier} \n{}", with_causes(self)),
            None => with_causes(self),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An error with its whole chain of causes.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// One text for all problems, one to a line.
pub fn listed(intro: &str, problems: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    problems.into_iter().fold(format!("{intro}:"), |text, problem| text + "\n- " + problem.as_ref())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_its_own_name() {
        let names: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
        assert!(names.iter().all(|name| name.ends_with("Exception")));
    }

    #[test]
    fn the_report_joins_the_cause_chain_behind_the_identifier() {
        let inner = Error::without_identifier(ErrorKind::Internal, "the disk is full");
        let error = Error::new(ErrorKind::Rename, "orders", "cannot rename to orders-temp").caused_by(inner);
        assert_eq!(error.report(), "Identifier:orders \ncannot rename to orders-temp: the disk is full");
    }

    #[test]
    fn display_does_not_repeat_the_cause() {
        let error = Error::new(ErrorKind::Rename, "orders", "cannot rename").caused_by("because");
        assert_eq!(error.to_string(), "cannot rename");
    }
}
