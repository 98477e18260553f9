//! Faults, by action and occurrence, and interventions: requests that an operator makes beside the run.
//!
//! Owns the rules, their counters and the record of the rules that struck. `dispatch.rs` applies a fault that hides, delays
//! or spoils an *answer*, around the action. A fault that spoils the *outcome* goes to the sequence that the action starts
//! (`state.rs`). An intervention is an ordinary request by another caller.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

fn once() -> u32 {
    1
}

/// When a fault happens, and which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// Action such as `ModifyDBInstance` or `SendEmail`; `*` is any.
    pub action: String,
    /// Only requests in which some parameter has this value, such as an identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Only requests of this caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The first matching request that meets the fault, counted from 1.
    #[serde(default = "once")]
    pub occurrence: u32,
    /// How many matching requests in a row meet it.
    #[serde(default = "once")]
    pub times: u32,
    pub fault: Fault,
}

fn throttling() -> String {
    "Throttling".to_owned()
}

fn unavailable() -> u16 {
    503
}

/// The fault of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// Too many requests.
    Throttle {
        /// `Throttling` (in the spelling of the service that was asked), `ThrottlingException` or
        /// `RequestLimitExceeded`.
        #[serde(default = "throttling")]
        code: String,
    },
    /// RDS itself fails; nothing was applied.
    ServerError {
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// The caller's policy does not allow it.
    Denied {},
    /// Any error by its wire code.
    Error {
        code: String,
        #[serde(default)]
        message: String,
    },
    /// The request is applied, and the connection breaks before the answer arrives.
    ResponseLost {},
    /// The request is applied, and the connection is reset in the middle of the answer.
    ConnectionReset {},
    /// No connection; nothing was applied.
    ConnectionRefused {},
    /// The answer takes a while.
    Slow { seconds: f64 },
    /// A read does not find the resource that this request creates or renames, for a while. Nothing else is hidden.
    NotFoundFor { seconds: f64 },
    /// The tags that this request writes, or the rename that it starts, show so much later. Writes act on the true state.
    Late { seconds: f64 },
    /// This look at an execution does not see what happened in so many seconds before it: an end, or the start.
    Stale { seconds: f64 },
    /// The operation that this request starts ends in this status instead of `available`.
    EndsIn { status: String },
    /// The operation that this request starts takes this much longer, or never ends.
    Stuck {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
}

/// Something a person does meanwhile, through the same API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Intervention {
    pub when: When,
    /// Action such as `DeleteDBInstance`.
    pub action: String,
    /// Its parameters, spelled as on the wire.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// The moment of an intervention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum When {
    /// So many seconds after the start.
    At(f64),
    /// After the given request was handled.
    After {
        action: String,
        #[serde(default = "once")]
        occurrence: u32,
        /// Wait so much longer.
        #[serde(default)]
        delay_seconds: f64,
    },
}

/// A rule that took effect: the request failed, changed or waited because of it.
///
/// A rule that matched a request without an effect has not struck. Examples are a `ResponseLost` on a request that was
/// refused, and an `EndsIn` on a request that starts nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    pub by: StruckBy,
    /// Since the start, on the simulator's clock.
    pub at: Duration,
    /// The number of the matching request, counted from 1.
    pub occurrence: u32,
    /// The position of the request in [`crate::Simulator::requests`].
    pub request: usize,
}

/// The rule behind a strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StruckBy {
    /// Its position in [`crate::Simulator::faults`].
    Fault(usize),
    /// Its position in [`crate::Simulator::interventions`].
    Intervention(usize),
}

/// A fault that applies to a request.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) rule: usize,
    pub(crate) occurrence: u32,
    pub(crate) fault: Fault,
}

/// Rules with their counters.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, u32)>,
}

impl Faults {
    pub(crate) fn new(rules: Vec<FaultRule>) -> Self {
        Self { rules: rules.into_iter().map(|rule| (rule, 0)).collect() }
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push((rule, 0));
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &FaultRule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// The faults that apply to this request. Every matching rule counts the request.
    pub(crate) fn meet(&mut self, action: &str, caller: &str, parameters: &BTreeMap<String, String>) -> Vec<Met> {
        let mut met = Vec::new();
        for (index, (rule, seen)) in self.rules.iter_mut().enumerate() {
            let action_matches = rule.action == "*" || rule.action == action;
            let caller_matches = rule.caller.as_deref().is_none_or(|wanted| wanted == caller);
            let identifier_matches = rule
                .identifier
                .as_deref()
                .is_none_or(|wanted| parameters.values().any(|value| value.eq_ignore_ascii_case(wanted)));
            if action_matches && caller_matches && identifier_matches {
                *seen += 1;
                let last = rule.occurrence.saturating_add(rule.times.saturating_sub(1));
                if (rule.occurrence..=last).contains(seen) {
                    met.push(Met { rule: index, occurrence: *seen, fault: rule.fault.clone() });
                }
            }
        }
        met
    }
}
