//! One message to one webhook.
//!
//! Slack has no token by which it recognises a repeated message. So this module retries after an answer that says "not
//! now", and after a connect error. It does not retry a message without an answer: Slack may have posted it. The state
//! machine posts such a message at most twice more.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use trapheus_common::{ErrorKind, connect_error};

use crate::failure::PostFailure;
use crate::webhook::{self, Webhook};

/// The time limit of one try, including the connection.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The waits before each further try. Slack accepts one message a second. <https://docs.slack.dev/apis/web-api/rate-limits>
const BETWEEN_TRIES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];
/// The longest word of Slack's that an error repeats.
const LONGEST_WORD: usize = 40;

/// Posts the message, and retries after a failure that may pass.
pub(crate) async fn post(http: &SharedHttpConnector, webhook: &Webhook, message: &str) -> Result<(), PostFailure> {
    let mut waits = BETWEEN_TRIES.into_iter();
    loop {
        let (kind, reason) = match once(http, webhook, message).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        let may_pass =
            matches!(kind, ErrorKind::RateExceeded | ErrorKind::ServiceUnavailable | ErrorKind::EndpointUnreachable);
        match waits.next().filter(|_| may_pass) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(PostFailure::new(webhook.number, kind, &reason)),
        }
    }
}

async fn once(http: &SharedHttpConnector, webhook: &Webhook, message: &str) -> Result<(), (ErrorKind, String)> {
    let mut request = HttpRequest::new(SdkBody::from(message));
    *request.headers_mut() = webhook::headers();
    let is_request = request.set_method("POST").is_ok() && request.set_uri(webhook.address()).is_ok();
    if !is_request {
        return Err((ErrorKind::Alert, "its address cannot be requested".to_owned()));
    }
    match tokio::time::timeout(PATIENCE, answer(http, request)).await {
        Ok(answered) => answered,
        Err(_) => Err((ErrorKind::Unanswered, format!("no answer within {} seconds", PATIENCE.as_secs()))),
    }
}

/// The words of a connect error are left out: they are not Trapheus's own, and may contain the address.
async fn answer(http: &SharedHttpConnector, request: HttpRequest) -> Result<(), (ErrorKind, String)> {
    let response = http.call(request).await.map_err(|error| match error {
        error if error.is_timeout() => (ErrorKind::EndpointUnreachable, "no connection in time".to_owned()),
        error if connect_error::was_never_connected(&error) => {
            (ErrorKind::EndpointUnreachable, "no connection could be made".to_owned())
        }
        _ => (ErrorKind::Unanswered, "the connection broke before an answer".to_owned()),
    })?;
    let status = response.status().as_u16();
    let kind = match status {
        200..=299 => return Ok(()),
        300..=399 => return Err((ErrorKind::Alert, format!("HTTP {status}, and redirects are not followed"))),
        429 => ErrorKind::RateExceeded,
        // A gateway waited for Slack until its timeout, so Slack may have posted the message.
        502 | 504 => ErrorKind::Unanswered,
        500..=599 => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::Alert,
    };
    Err((kind, format!("HTTP {status}{}", word_of(response).await)))
}

/// Slack gives its reason in one word, such as `no_service` or `channel_is_archived`; any other text is not Slack's.
async fn word_of(response: HttpResponse) -> String {
    let body = ByteStream::new(response.into_body()).collect().await;
    let body = body.map(|body| body.into_bytes()).unwrap_or_default();
    let is_word = !body.is_empty()
        && body.len() <= LONGEST_WORD
        && body.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    if is_word { format!(" ({})", String::from_utf8_lossy(&body)) } else { String::new() }
}
