//! Any endpoint that takes JSON by `POST`, such as a chat's webhook: every message is kept.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// The action name of a message in fault rules.
pub const POST_ACTIONS: &[&str] = &["PostMessage"];

/// A message that the endpoint took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Post {
    /// Since the start, on the simulator's clock.
    #[serde(serialize_with = "crate::dispatch::as_seconds")]
    pub at: Duration,
    /// The path of the request.
    pub path: String,
    pub body: Value,
}
