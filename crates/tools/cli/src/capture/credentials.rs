//! Credentials that are missing, expired or refused: one sentence with the command that helps.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};

/// The sentence, if the credentials are the reason of the failure.
pub(super) fn problem<E>(error: &SdkError<E, HttpResponse>, profile: Option<&str>) -> Option<String>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let of_profile = profile.map(|profile| format!(" of the profile `{profile}`")).unwrap_or_default();
    let option = profile.map(|profile| format!(" --profile {profile}")).unwrap_or_default();
    let sign_in = format!("sign in with `aws sso login{option}`, or run `aws configure{option}`");
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("ExpiredToken" | "ExpiredTokenException" | "RequestExpired") => {
            return Some(format!("the AWS credentials{of_profile} have expired: {sign_in}"));
        }
        Some(
            code @ ("InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"),
        ) => return Some(format!("AWS does not accept the credentials{of_profile} ({code}): {sign_in}")),
        _ => {}
    }
    let cause = credentials_error(error)?;
    let reason = match cause {
        CredentialsError::CredentialsNotLoaded(_) => String::new(),
        _ => innermost(cause).map(|reason| format!(" ({reason})")).unwrap_or_default(),
    };
    Some(format!("there are no AWS credentials{of_profile}{reason}: {sign_in}"))
}

fn credentials_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a CredentialsError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<CredentialsError>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn innermost(error: &dyn std::error::Error) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}
