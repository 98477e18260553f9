//! Amazon SES v2, limited to `SendEmail` with a simple message: every mail is kept, none is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ApiResult};
use crate::resources::Millis;

/// The actions of Amazon SES v2 that the simulator supports.
pub const MAIL_ACTIONS: &[&str] = &["SendEmail"];

/// The path at which SES v2 takes mails.
pub(crate) const PATH: &str = "/v2/email/outbound-emails";

/// A mail that SES took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// Since the start, on the simulator's clock.
    #[serde(serialize_with = "crate::dispatch::as_seconds")]
    pub at: Duration,
    pub from: String,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    #[serde(default)]
    destination: Destination,
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Destination {
    #[serde(rename = "ToAddresses")]
    to: Vec<String>,
    #[serde(rename = "CcAddresses")]
    cc: Vec<String>,
    #[serde(rename = "BccAddresses")]
    bcc: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Text,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Text>,
    html: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data: String,
}

fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new("BadRequestException", message)
}

pub(crate) fn read(body: &[u8], now: Millis) -> ApiResult<Mail> {
    let request: SendEmail = serde_json::from_slice(body).map_err(|error| bad_request(error.to_string()))?;
    let simple = request.content.simple.ok_or_else(|| bad_request("The simulator takes simple messages only."))?;
    let Destination { to, cc, bcc } = request.destination;
    if to.is_empty() && cc.is_empty() && bcc.is_empty() {
        return Err(bad_request("Missing destination."));
    }
    if simple.body.text.is_none() && simple.body.html.is_none() {
        return Err(bad_request("Missing body."));
    }
    Ok(Mail {
        at: Duration::from_millis(now),
        from: request.from_email_address.ok_or_else(|| bad_request("Missing FromEmailAddress."))?,
        to,
        cc,
        bcc,
        subject: simple.subject.data,
        text: simple.body.text.map(|text| text.data),
        html: simple.body.html.map(|html| html.data),
    })
}

pub(crate) fn answer(message_id: &str) -> String {
    serde_json::json!({ "MessageId": message_id }).to_string()
}

/// The recorded parameters of a request: the sender, the recipients and the subject.
pub(crate) fn summary(body: &[u8]) -> BTreeMap<String, String> {
    let Ok(request) = serde_json::from_slice::<SendEmail>(body) else { return BTreeMap::new() };
    let written = [
        ("FromEmailAddress", request.from_email_address),
        ("ToAddresses", Some(request.destination.to.join(","))),
        ("Subject", request.content.simple.map(|simple| simple.subject.data)),
    ];
    written.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
