//! Anybody's endpoint that takes JSON by `POST`, such as a chat's webhook: every message is kept.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// The name by which faults know a message, as if it were an action.
pub const POST_ACTIONS: &[&str] = &["PostMessage"];

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Post {
    /// Since the start, on the simulator's clock.
    #[serde(serialize_with = "crate::dispatch::as_seconds")]
    pub at: Duration,
    /// The path it was sent to.
    pub path: String,
    pub body: Value,
}
