//! Failed calls of AWS, sorted by their code and status, never by their text.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::connect_error::ConnectError;
use crate::error::{Error, ErrorKind, with_causes};

impl Error {
    /// A failed AWS call. Throttling, server errors, connect errors and denials have kinds of their own for every call. Any
    /// other error has the kind that the step gives.
    pub fn from_aws<E>(
        kind: ErrorKind,
        identifier: impl Into<String>,
        doing: impl Into<String>,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let kind = AwsFailure::of(error).kind().unwrap_or(kind);
        Self::new(kind, identifier, doing).caused_by(words(error))
    }
}

/// The kind of an AWS call's failure that all calls have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsFailure {
    /// The call was throttled: a later call may succeed.
    Throttled,
    /// No answer, or a server error: AWS may or may not have carried out the call.
    Unavailable,
    /// No connection: the call was not sent.
    Unreachable,
    /// Not permitted: a further call changes nothing.
    Denied,
    /// The service's own answer, which the step matches as a typed error.
    Answered,
}

impl AwsFailure {
    /// Sorts an SDK error by its code and status, never by its text.
    pub fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some(
                "Throttling"
                | "ThrottlingException"
                | "ThrottledException"
                | "RequestLimitExceeded"
                | "RequestThrottled"
                | "RequestThrottledException"
                | "TooManyRequestsException"
                | "SlowDown",
            ) => return Self::Throttled,
            Some(
                "AccessDenied"
                | "AccessDeniedException"
                | "UnauthorizedOperation"
                | "NotAuthorized"
                | "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "SignatureDoesNotMatch"
                | "OptInRequired",
            ) => return Self::Denied,
            // The role's credentials have expired, and the next call has new ones: no permission is missing.
            Some("ExpiredToken" | "ExpiredTokenException" | "RequestExpired") => return Self::Unavailable,
            _ => {}
        }
        let server_error = error.raw_response().is_some_and(|response| response.status().is_server_error());
        match error {
            SdkError::DispatchFailure(failure) if no_connection(failure).is_some() => Self::Unreachable,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => Self::Unavailable,
            _ if server_error => Self::Unavailable,
            _ => Self::Answered,
        }
    }

    const fn kind(self) -> Option<ErrorKind> {
        match self {
            Self::Throttled => Some(ErrorKind::RateExceeded),
            Self::Unavailable => Some(ErrorKind::ServiceUnavailable),
            Self::Unreachable => Some(ErrorKind::EndpointUnreachable),
            Self::Denied => Some(ErrorKind::AccessDenied),
            Self::Answered => None,
        }
    }
}

fn no_connection(failure: &DispatchFailure) -> Option<&ConnectError> {
    ConnectError::of(failure.as_connector_error()?)
}

/// An AWS error in words for a person: the service's code and message rather than the SDK's `service error`. Without an
/// answer, the text has the whole chain: only its last link names the reason of a connect error.
fn words<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let SdkError::DispatchFailure(failure) = error
        && let Some(unreachable) = no_connection(failure)
    {
        return with_causes(unreachable);
    }
    match error.as_service_error().map(|answer| (answer.code(), answer.message())) {
        Some((Some(code), Some(message))) => format!("{code}: {message}"),
        Some((Some(code), None)) => code.to_owned(),
        _ => with_causes(error),
    }
}
