//! The addresses of incoming webhooks in the text of a secret.
//!
//! This module refuses all addresses but Slack's own. A person who may write the secret must not be able to send alerts, or
//! requests from inside the VPC, elsewhere. An address never shows, neither in an error nor in a `Debug`.

use std::fmt;

use aws_smithy_runtime_api::http::Headers;
use serde_json::Value;
use trapheus_common::ErrorKind;

use crate::failure::PostFailure;

/// The prefix of an incoming webhook's address, in Slack and in `GovSlack`.
/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
const BEGINNINGS: [&str; 2] = ["https://hooks.slack.com/services/", "https://hooks.slack-gov.com/services/"];

/// An incoming webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The webhook's position among all configured ones, from 1.
    pub number: usize,
    address: String,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Webhook {
    /// The address, for the request alone.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// Adds the webhooks of a text, each once; any other text becomes a trouble.
pub fn read(text: &str, found: &mut Vec<Webhook>, troubles: &mut Vec<PostFailure>) {
    for address in addresses(text) {
        let number = found.len() + troubles.len() + 1;
        if !is_slacks(&address) {
            let reason = "its address is not one of a Slack incoming webhook (https://hooks.slack.com/services/…)";
            troubles.push(PostFailure::new(number, ErrorKind::Alert, reason));
        } else if found.iter().all(|known| known.address != address) {
            found.push(Webhook { number, address });
        }
    }
}

/// The addresses in a text. The text is a JSON list, a JSON object with the addresses as values, or separated by commas or
/// white space. The Secrets Manager console writes the object.
fn addresses(text: &str) -> Vec<String> {
    let texts: Vec<String> = match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items.iter().map(plain).collect(),
        Ok(Value::Object(fields)) => fields.values().map(plain).collect(),
        Ok(Value::String(text)) => vec![text],
        _ => vec![text.to_owned()],
    };
    let split = texts.iter().flat_map(|text| text.split([',', ' ', '\t', '\r', '\n']));
    split.filter(|address| !address.is_empty()).map(str::to_owned).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the address is Slack's with a path of plain words, so that it cannot lead to another host.
fn is_slacks(address: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    let path = BEGINNINGS.iter().find_map(|beginning| address.strip_prefix(beginning));
    path.is_some_and(|path| !path.is_empty() && path.chars().all(is_plain))
}

/// The headers of every message.
pub(crate) fn headers() -> Headers {
    let mut headers = Headers::new();
    headers.insert("content-type", "application/json; charset=utf-8");
    headers.insert("user-agent", "trapheus");
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "https://hooks.slack.com/services/T000/B000/one";
    const TWO: &str = "https://hooks.slack-gov.com/services/T000/B000/two";

    fn read_all(text: &str) -> (Vec<String>, usize) {
        let (mut found, mut troubles) = (Vec::new(), Vec::new());
        read(text, &mut found, &mut troubles);
        (found.into_iter().map(|webhook| webhook.address).collect(), troubles.len())
    }

    #[test]
    fn a_secret_may_be_a_list_an_object_or_lines() {
        for text in [
            format!("[\"{ONE}\", \"{TWO}\"]"),
            format!("{{\"alerts\": \"{ONE}\", \"dba\": \"{TWO}\"}}"),
            format!("{ONE}\n{TWO}\n"),
            format!(" {ONE}, {TWO},{ONE}"),
        ] {
            assert_eq!(read_all(&text), (vec![ONE.to_owned(), TWO.to_owned()], 0), "{text}");
        }
        assert_eq!(read_all(&format!("\"{ONE}\"")), (vec![ONE.to_owned()], 0));
        assert_eq!(read_all(" \n"), (Vec::new(), 0));
    }

    #[test]
    fn only_slacks_own_addresses_are_taken() {
        for address in [
            "http://hooks.slack.com/services/T/B/x",
            "https://hooks.slack.com.evil.example/services/T/B/x",
            "https://hooks.slack.com@evil.example/services/T/B/x",
            "https://user:hooks.slack.com/services/T/B/x@evil.example",
            "https://hooks.slack.com:8443/services/T/B/x",
            "https://hooks.slack.com/services/",
            "https://hooks.slack.com/services/../x",
            "https://hooks.slack.com/services/T?x=http://169.254.169.254/",
            "https://169.254.169.254/latest/meta-data/",
            "{\"a\": 1}",
        ] {
            let (found, troubles) = read_all(address);
            assert_eq!((found.len(), troubles), (0, 1), "{address}");
        }
    }

    #[test]
    fn no_output_contains_an_address() {
        let (mut found, mut troubles) = (Vec::new(), Vec::new());
        read(&format!("{ONE} https://elsewhere.example/hidden"), &mut found, &mut troubles);
        let shown = format!("{found:?} {troubles:?} {}", troubles[0]);
        assert!(!shown.contains("T000") && !shown.contains("elsewhere") && !shown.contains("hidden"), "{shown}");
        assert!(shown.contains("webhook 2"), "{shown}");
    }
}
