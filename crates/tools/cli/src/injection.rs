//! All faults of a rehearsal: of requests, people, functions and the execution itself.
//!
//! This module owns the kinds of injected faults, and the names that they may use. It refuses an unknown name, and suggests
//! the closest known one. The short form of `--fault` is in `injection/short.rs`. The simulator owns the effect on RDS
//! ([`rds_simulator::Fault`]), and `environment.rs` the effect on functions and executions.

mod short;

use std::fmt;
use std::str::FromStr;

use rds_simulator::{
    EXECUTION_ACTIONS, Fault, FaultRule, Intervention, LASTING_STATUSES, MAIL_ACTIONS, PARAMETER_ACTIONS, POST_ACTIONS,
    RDS_ACTIONS, SECRET_ACTIONS, When, World, WorldError,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use states_language::StateType;
use trapheus_common::functions;

use crate::lambda::LambdaError;
use crate::rehearsal::deployed;

/// One fault of a rehearsal. Its text is the short form of `--fault`, or JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum InjectedFault {
    /// An AWS request meets a fault.
    Request(FaultRule),
    /// A person makes a request of RDS during the run.
    #[serde(rename = "meddling")]
    Intervention(Intervention),
    /// A function fails.
    Function(FunctionFault),
    /// A person stops the execution as it enters a state, before the call of the state's function.
    Abort {
        state: String,
        #[serde(default = "once")]
        occurrence: u32,
    },
    /// A person stops the execution while it is in a state. The state's function has done its work, and its answer is lost.
    AbortAfter {
        state: String,
        #[serde(default = "once")]
        occurrence: u32,
    },
    /// A person redrives the execution this long after it ended without success.
    Redrive {
        /// The number of that end, counted from 1.
        #[serde(default = "once")]
        occurrence: u32,
        seconds: f64,
    },
    /// A person starts another execution as this one enters a state.
    SecondRun {
        state: String,
        #[serde(default = "once")]
        occurrence: u32,
        /// The execution that enters the state: the first, or a recovery that the rule started.
        #[serde(default, skip_serializing_if = "Beside::is_first")]
        beside: Beside,
        /// The input of the other execution; by default, the same as this one's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event: Option<Value>,
    },
}

/// The execution beside which another one starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Beside {
    #[default]
    First,
    Recovery,
}

impl Beside {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
    fn is_first(&self) -> bool {
        *self == Self::First
    }
}

/// A function that fails, by invocation. The invocations of all executions count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FunctionFault {
    /// The name of its binary, such as `rename-instance`.
    pub function: String,
    /// The first invocation that fails, counted from 1.
    #[serde(default = "once")]
    pub occurrence: u32,
    /// The number of invocations in a row that fail.
    #[serde(default = "once")]
    pub times: u32,
    pub fault: FunctionFaultKind,
}

/// The failure of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FunctionFaultKind {
    /// The process ends before the handler runs.
    Crash,
    /// The handler does its work, and the process ends before it answers.
    AnswerLost,
    /// Lambda itself fails; the function is not invoked.
    ServiceException,
    /// Lambda has no capacity for another invocation.
    TooManyRequests,
    /// The handler does its work, and the function then hangs until Lambda ends it.
    TimeOut,
    /// Lambda refuses the invocation with this error; the function is not invoked.
    Lambda(LambdaError),
    /// The function is inactive. Lambda refuses every call until this many seconds after the first, which wakes the
    /// function.
    Asleep(u32),
}

const fn once() -> u32 {
    1
}

/// The reason why a fault is impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedFaultError(String);

impl fmt::Display for InjectedFaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InjectedFaultError {}

impl FromStr for InjectedFault {
    type Err = InjectedFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let parsed = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|error| format!("it is not a disturbance in JSON: {error}"))
        } else {
            short::parse(text)
        };
        parsed.and_then(|fault| fault.check().map(|()| fault)).map_err(InjectedFaultError)
    }
}

impl InjectedFault {
    /// Reads the faults of a world file: each is a string in the short form, or an object.
    pub fn of_world(world: &World) -> Result<Vec<Self>, WorldError> {
        let read = |(index, value): (usize, &Value)| {
            let parsed = value.as_str().map_or_else(|| value.to_string().parse(), str::parse);
            parsed.map_err(|InjectedFaultError(problem)| WorldError::Impossible {
                place: format!("disturbances[{index}]"),
                problem,
            })
        };
        world.disturbances.iter().enumerate().map(read).collect()
    }

    /// Refuses unknown names and impossible faults.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Request(rule) => check_request(rule),
            Self::Intervention(intervention) => check_intervention(intervention),
            Self::Function(fault) => {
                check_occurrence(fault.occurrence, fault.times)?;
                if matches!(fault.fault, FunctionFaultKind::Asleep(_)) && fault.times != 1 {
                    return Err("a function falls asleep once: `FUNCTION#2=asleep:120`".to_owned());
                }
                known("function", &fault.function, functions::names())
            }
            Self::Redrive { occurrence, seconds } => {
                check_occurrence(*occurrence, 1)?;
                check_seconds(*seconds)
            }
            Self::Abort { state, occurrence } | Self::SecondRun { state, occurrence, .. } => {
                check_occurrence(*occurrence, 1)?;
                check_state(state).map(|_| ())
            }
            Self::AbortAfter { state, occurrence } => {
                check_occurrence(*occurrence, 1)?;
                match check_state(state)? {
                    StateType::Task => Ok(()),
                    other => Err(format!("{state} is a {other:?} state and calls no function; use `{state}=abort`")),
                }
            }
        }
    }
}

fn check_request(rule: &FaultRule) -> Result<(), String> {
    check_occurrence(rule.occurrence, rule.times)?;
    if rule.action != "*" {
        known("action", &rule.action, request_actions())?;
    }
    match &rule.fault {
        Fault::EndsIn { status } => known("lasting status", status, LASTING_STATUSES.iter().copied()),
        Fault::Slow { seconds }
        | Fault::NotFoundFor { seconds }
        | Fault::Late { seconds }
        | Fault::Stuck { seconds: Some(seconds) } => check_seconds(*seconds),
        Fault::Stale { seconds } => {
            check_seconds(*seconds)?;
            check_look_at_executions(&rule.action)
        }
        Fault::ServerError { status } if !(500..=599).contains(status) => {
            Err(format!("{status} is not an HTTP status of a server error, which are 500 to 599"))
        }
        _ => Ok(()),
    }
}

fn check_look_at_executions(action: &str) -> Result<(), String> {
    if EXECUTION_ACTIONS.contains(&action) {
        return Ok(());
    }
    Err(format!("`{action}` does not look at executions; what does: {}", EXECUTION_ACTIONS.join(", ")))
}

fn check_intervention(intervention: &Intervention) -> Result<(), String> {
    known("action", &intervention.action, RDS_ACTIONS.iter().copied())?;
    match &intervention.when {
        When::At(seconds) => check_seconds(*seconds),
        When::After { action, occurrence, delay_seconds } => {
            check_occurrence(*occurrence, 1)?;
            check_seconds(*delay_seconds)?;
            known("action", action, request_actions())
        }
    }
}

fn check_occurrence(occurrence: u32, times: u32) -> Result<(), String> {
    match (occurrence, times) {
        (0, _) => Err("occurrences count from 1".to_owned()),
        (_, 0) => Err("a fault that happens 0 times does not happen".to_owned()),
        _ => Ok(()),
    }
}

fn check_seconds(seconds: f64) -> Result<(), String> {
    if seconds.is_finite() && seconds >= 0.0 { Ok(()) } else { Err(format!("{seconds} is no number of seconds")) }
}

fn check_state(name: &str) -> Result<StateType, String> {
    let states = deployed().all_states();
    let found = states.iter().find(|state| state.name() == name);
    found.map(|state| state.state_type()).ok_or_else(|| unknown("state", name, state_names()))
}

/// Every action of a request, for all services.
fn request_actions() -> impl Iterator<Item = &'static str> + Clone {
    let others = MAIL_ACTIONS.iter().chain(EXECUTION_ACTIONS).chain(SECRET_ACTIONS).chain(PARAMETER_ACTIONS);
    RDS_ACTIONS.iter().chain(others).chain(POST_ACTIONS).copied()
}

fn state_names() -> impl Iterator<Item = &'static str> {
    deployed().all_states().into_iter().map(|state| state.name())
}

pub(crate) fn known<'a>(what: &str, name: &str, all: impl IntoIterator<Item = &'a str> + Clone) -> Result<(), String> {
    if all.clone().into_iter().any(|known| known == name) { Ok(()) } else { Err(unknown(what, name, all)) }
}

/// The names that a fault may strike, by kind.
pub(crate) fn places() -> [(&'static str, Vec<&'static str>); 3] {
    [
        ("Actions", request_actions().collect()),
        ("Functions", functions::names().collect()),
        ("States", state_names().collect()),
    ]
}

/// The longest list of known names that an error contains. `--fault help` has the others.
const SHORT_LIST: usize = 20;

/// The message for an unknown name.
fn unknown<'a>(what: &str, name: &str, all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.into_iter().collect();
    let suggestion = suggestion(name, all.iter().copied());
    if all.len() > SHORT_LIST {
        return format!("there is no {what} `{name}`{suggestion}; {LISTED}");
    }
    format!("there is no {what} `{name}`{suggestion}; known are: {}", all.join(", "))
}

/// The place of a long list.
const LISTED: &str = "`--fault help` lists all names";
/// The greatest number of suggestions.
const SUGGESTIONS: usize = 3;

/// ` (did you mean …?)`, if known names are close, the closest first.
fn suggestion<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> String {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase());
    let mut close: Vec<(f64, &str)> =
        all.map(|known| (likeness(known), known)).filter(|(likeness, _)| *likeness > 0.6).collect();
    close.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let close: Vec<String> = close.iter().take(SUGGESTIONS).map(|(_, known)| format!("`{known}`")).collect();
    match close.split_last() {
        None => String::new(),
        Some((only, [])) => format!(" (did you mean {only}?)"),
        Some((last, others)) => format!(" (did you mean {} or {last}?)", others.join(", ")),
    }
}
