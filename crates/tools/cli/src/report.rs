//! The result of a rehearsal: its end, the databases that exist now, the downtime of the name, the effort.
//! [`crate::summary`] words it for a person.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rds_simulator::{Mail, Outcome as RequestOutcome, Post, Service, Simulator, WorldState};
use serde::Serialize;
use serde_json::Value;
use states_language::{Outcome, Status};

use crate::cost::{Cost, Usage};
use crate::environment::{Ended, Run};
use crate::injection::InjectedFault;
use crate::struck::{Strikes, Struck};
use crate::summary;
use crate::terminal::Width;
use crate::timeline::{Step, said};

/// The whole result, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The error's message, taken out of the function's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    pub execution: String,
    pub input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The age of the backup that the run chose; absent without an output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// Virtual time from the start to the last end.
    pub duration_seconds: f64,
    /// Ends that a redrive followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redriven: Vec<Redriven>,
    pub steps: Vec<Step>,
    /// Recoveries and second runs, in the order of their start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherRun>,
    /// Every effect of a requested fault, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub struck: Vec<Struck>,
    /// Requested faults that never took effect, in the short form of `--fault`.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "crate::struck::as_texts")]
    pub never_struck: Vec<InjectedFault>,
    /// Seconds without an available database that answers under the identifier; absent if none ever existed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downtime_seconds: Option<f64>,
    pub world_before: WorldState,
    pub world: WorldState,
    pub mails: Vec<Mail>,
    /// Messages that Slack accepted.
    pub posts: Vec<Post>,
    /// RDS requests by action.
    pub rds_calls: BTreeMap<String, u64>,
    pub rds_calls_failed: u64,
    pub state_transitions: u64,
    pub function_invocations: u64,
    pub function_seconds: f64,
    pub cost: Cost,
}

/// The age of a backup's data.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// The time of the backup, in UTC.
    pub as_of: String,
    /// Seconds from the backup to the start of the run; negative for a backup that the run took itself.
    pub age_seconds: f64,
}

impl Data {
    fn of(output: &Value) -> Option<Self> {
        let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
        let as_of = time(&output["plan"]["source"]["createdAt"])?;
        let age = time(&output["request"]["startedAt"])?.duration_since(as_of);
        Some(Self { as_of: as_of.to_string(), age_seconds: age.as_secs_f64() })
    }

    /// The time and the age, in words.
    pub fn text(&self) -> String {
        let age = match Duration::try_from_secs_f64(self.age_seconds) {
            Ok(age) => format!("{} when the run started", trapheus_alert::plain::age(age)),
            Err(_) => "taken by this run".to_owned(),
        };
        format!("as of {}, {age}", self.as_of)
    }
}

/// An end of the execution that was not its last, since a person redrove it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redriven {
    /// The status of that end.
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The times of that end and of the redrive, since the world began.
    pub ended_seconds: f64,
    pub at_seconds: f64,
}

/// The reason for another execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunRole {
    /// The rule for the end of an execution started it.
    Recovery,
    /// A person started it during the run.
    Second,
}

/// An execution besides the requested one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherRun {
    pub role: RunRole,
    pub execution: String,
    pub input: Value,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    pub steps: Vec<Step>,
    /// The start of the execution, since the world began.
    pub started_seconds: f64,
    pub duration_seconds: f64,
    /// The number of its requests that do more than read, whether RDS granted them or not.
    pub changes: u64,
}

impl OtherRun {
    pub(crate) fn new(
        role: RunRole,
        execution: String,
        input: Value,
        outcome: Outcome,
        steps: Vec<Step>,
        started_seconds: f64,
        changes: u64,
    ) -> Self {
        Self {
            role,
            execution,
            input,
            status: outcome.status.name().to_owned(),
            duration_seconds: duration(&outcome),
            error: outcome.error,
            cause: outcome.cause.as_deref().map(said),
            steps,
            started_seconds,
            changes,
        }
    }
}

impl OtherRun {
    /// Whether the execution is more than a recovery that found no work.
    pub fn is_worth_showing(&self) -> bool {
        self.role != RunRole::Recovery || self.changes > 0 || self.status != Status::Succeeded.name()
    }
}

/// Seconds from its start to its end.
pub(crate) fn duration(outcome: &Outcome) -> f64 {
    Duration::try_from(outcome.ended.duration_since(outcome.started)).unwrap_or_default().as_secs_f64()
}

impl Report {
    pub(crate) fn new(
        run: &Run,
        Ended { outcome, steps, redriven }: Ended,
        others: Vec<OtherRun>,
        strikes: Strikes,
        usage: Usage,
        before: WorldState,
        simulator: &Simulator,
    ) -> Self {
        let event = &run.input;
        let world = simulator.state();
        let mut rds_calls = BTreeMap::new();
        let mut rds_calls_failed = 0;
        for request in simulator.requests() {
            if request.service == Service::Rds {
                *rds_calls.entry(request.action).or_default() += 1;
                rds_calls_failed += u64::from(request.outcome != RequestOutcome::Ok);
            }
        }
        let identifier = event["identifier"].as_str().unwrap_or_default().to_ascii_lowercase();
        let is_cluster = event["isCluster"].as_bool().unwrap_or_default();
        Self {
            status: outcome.status.name().to_owned(),
            duration_seconds: duration(&outcome),
            error: outcome.error,
            cause: outcome.cause.as_deref().map(said),
            execution: run.arn(),
            input: event.clone(),
            data: outcome.output.as_ref().and_then(Data::of),
            output: outcome.output,
            redriven,
            steps,
            others,
            struck: strikes.struck,
            never_struck: strikes.never,
            downtime_seconds: world.downtime_seconds(&identifier, is_cluster),
            world_before: before,
            world,
            mails: simulator.mails(),
            posts: simulator.posts(),
            rds_calls,
            rds_calls_failed,
            state_transitions: usage.transitions,
            function_invocations: usage.invocations,
            function_seconds: usage.function_time.as_secs_f64(),
            cost: Cost::of(usage),
        }
    }

    pub fn succeeded(&self) -> bool {
        self.status == Status::Succeeded.name()
    }

    /// The summary below a timeline, as a pipe gets it.
    pub fn summary(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory cannot fail.
        let _ = summary::write(self, Width::UNLIMITED, &mut anstream::StripStream::new(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// `1h 02m 03s`, in the shortest form.
pub fn clock(seconds: f64) -> String {
    let total = Duration::from_secs_f64(seconds.max(0.0)).as_secs();
    let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m {seconds:02}s"),
        _ => format!("{hours}h {minutes:02}m {seconds:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_age_of_a_backup_counts_from_the_start_of_the_run() {
        let output = |created: &str| json!({"plan": {"source": {"createdAt": created}}, "request": {"startedAt": "2026-01-05T08:00:00Z"}});
        for (created, text) in [
            ("2026-01-02T08:00:00Z", "as of 2026-01-02T08:00:00Z, 3 days old when the run started"),
            ("2026-01-05T08:05:00Z", "as of 2026-01-05T08:05:00Z, taken by this run"),
        ] {
            assert_eq!(Data::of(&output(created)).unwrap().text(), text);
        }
        assert_eq!(Data::of(&json!({"plan": {}})), None, "a run that only takes a snapshot chooses no backup");
    }

    #[test]
    fn durations_read_as_people_write_them() {
        for (seconds, text) in [(0.4, "0s"), (59.0, "59s"), (61.0, "1m 01s"), (3_723.0, "1h 02m 03s")] {
            assert_eq!(clock(seconds), text);
        }
    }
}
