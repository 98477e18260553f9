//! One message to one webhook.
//!
//! Slack knows no token by which it would recognise a message that is sent again. So an answer that says "not now" and a
//! connection that was never made are tried again here. A message that was written and not answered is not: Slack may have
//! posted it, and the state machine posts it twice more at most.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use trapheus_common::{Error, ErrorKind, connect_error};

use crate::webhook::{self, Webhook};

/// How long one try may take, connection included.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before each further try. Slack takes one message a second.
/// <https://docs.slack.dev/apis/web-api/rate-limits>
const BETWEEN_TRIES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];
/// The longest word of Slack's that is repeated.
const LONGEST_WORD: usize = 40;

/// Why a webhook did not take the alert, in words without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What the failure means to who tries again.
    pub kind: ErrorKind,
    what: String,
}

impl Trouble {
    pub(crate) fn new(number: usize, kind: ErrorKind, reason: &str) -> Self {
        Self { kind, what: format!("webhook {number}: {reason}") }
    }

    /// What keeps the addresses could not be read.
    pub(crate) fn of(error: &Error) -> Self {
        let report = error.report();
        // The line that names the secret says nothing more.
        let what = report.split_once(" \n").map_or(report.as_str(), |(_, what)| what).to_owned();
        Self { kind: error.kind(), what }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Posts, and tries again what may pass.
pub(crate) async fn post(http: &SharedHttpConnector, webhook: &Webhook, message: &str) -> Result<(), Trouble> {
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
            None => return Err(Trouble::new(webhook.number, kind, &reason)),
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

/// The words of a connection error are left out: they are not ours, and may hold the address.
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
        // A gateway that has waited for Slack in vain: the message may have been posted.
        502 | 504 => ErrorKind::Unanswered,
        500..=599 => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::Alert,
    };
    Err((kind, format!("HTTP {status}{}", word_of(response).await)))
}

/// Slack says what it refuses in one word, such as `no_service` or `channel_is_archived`; anything else is not Slack's.
async fn word_of(response: HttpResponse) -> String {
    let body = ByteStream::new(response.into_body()).collect().await;
    let body = body.map(|body| body.into_bytes()).unwrap_or_default();
    let is_word = !body.is_empty()
        && body.len() <= LONGEST_WORD
        && body.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    if is_word { format!(" ({})", String::from_utf8_lossy(&body)) } else { String::new() }
}
