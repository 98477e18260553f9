//! The part of Step Functions that looks up executions: `DescribeExecution` and `ListExecutions` over the executions that
//! the embedder registered.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::json;

use crate::error::{ApiError, ApiResult};

/// The actions of Step Functions that the simulator supports.
pub const EXECUTION_ACTIONS: &[&str] = &["DescribeExecution", "ListExecutions"];

/// An execution of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    pub arn: String,
    pub state_machine_arn: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// The input as JSON text.
    pub input: String,
    pub start_date: SystemTime,
    pub stop_date: Option<SystemTime>,
    /// The name and the cause of the error that ended the execution.
    pub error: Option<String>,
    pub cause: Option<String>,
    /// Set if the execution was redriven: it runs again under the same ARN.
    pub redriven: Option<Redriven>,
}

/// The number of redrives, and the time of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redriven {
    pub count: u32,
    pub at: SystemTime,
}

impl Execution {
    /// Lets the execution run again: it has neither stopped nor failed.
    pub fn redrive(&mut self, at: SystemTime) {
        let count = self.redriven.map_or(0, |redriven| redriven.count) + 1;
        self.redriven = Some(Redriven { count, at });
        "RUNNING".clone_into(&mut self.status);
        (self.stop_date, self.error, self.cause) = (None, None, None);
    }

    fn name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    fn summary(&self) -> serde_json::Value {
        let mut summary = json!({
            "executionArn": self.arn,
            "stateMachineArn": self.state_machine_arn,
            "name": self.name(),
            "status": self.status,
            "startDate": epoch_seconds(self.start_date),
            "redriveCount": self.redriven.map_or(0, |redriven| redriven.count),
        });
        if let Some(redriven) = self.redriven {
            summary["redriveDate"] = epoch_seconds(redriven.at).into();
        }
        if let Some(stop_date) = self.stop_date {
            summary["stopDate"] = epoch_seconds(stop_date).into();
        }
        summary
    }
}

/// An execution, and the delays after which reads show its start and its end. AWS: "The results are best effort and may not
/// reflect very recent updates and changes."
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) execution: Execution,
    pub(crate) start_lag: Duration,
    pub(crate) end_lag: Duration,
}

impl Known {
    /// The execution in a read that misses at least the changes of the last `stale`.
    fn seen(&self, now: SystemTime, stale: Duration) -> Option<Execution> {
        let shows = |change: SystemTime, lag: Duration| {
            let lag = lag.max(stale);
            lag.is_zero() || now >= change + lag
        };
        let execution = &self.execution;
        if !shows(execution.start_date, self.start_lag) {
            return None;
        }
        match execution.stop_date {
            Some(stopped) if !shows(stopped, self.end_lag) => Some(Execution {
                status: "RUNNING".to_owned(),
                stop_date: None,
                error: None,
                cause: None,
                ..execution.clone()
            }),
            _ => Some(execution.clone()),
        }
    }
}

/// The executions as reads show them at a moment. `stale` is the delay that a fault adds.
pub(crate) fn seen(executions: &[Known], now: SystemTime, stale: Duration) -> Vec<Execution> {
    executions.iter().filter_map(|known| known.seen(now, stale)).collect()
}

fn epoch_seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    execution_arn: Option<String>,
    state_machine_arn: Option<String>,
    status_filter: Option<String>,
}

fn asked(body: &[u8]) -> Asked {
    serde_json::from_slice(body).unwrap_or_default()
}

pub(crate) fn answer(executions: &[Execution], action: &str, body: &[u8]) -> ApiResult<String> {
    let asked = asked(body);
    match action {
        "DescribeExecution" => {
            let arn = asked.execution_arn.unwrap_or_default();
            let execution = executions.iter().find(|execution| execution.arn == arn);
            let execution = execution
                .ok_or_else(|| ApiError::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'")))?;
            let mut answer = execution.summary();
            answer["input"] = execution.input.clone().into();
            for (name, value) in [("error", &execution.error), ("cause", &execution.cause)] {
                if let Some(value) = value {
                    answer[name] = value.clone().into();
                }
            }
            Ok(answer.to_string())
        }
        "ListExecutions" => {
            let of_machine = |execution: &&Execution| {
                asked.state_machine_arn.as_ref().is_none_or(|arn| *arn == execution.state_machine_arn)
                    && asked.status_filter.as_ref().is_none_or(|status| *status == execution.status)
            };
            // Newest first, as Step Functions lists them.
            let found: Vec<_> = executions.iter().rev().filter(of_machine).map(Execution::summary).collect();
            Ok(json!({ "executions": found }).to_string())
        }
        _ => Err(ApiError::new(
            "UnknownOperationException",
            format!("The simulator has no action {action} of Step Functions."),
        )),
    }
}

/// The recorded parameters of a request.
pub(crate) fn summary(body: &[u8]) -> BTreeMap<String, String> {
    let asked = asked(body);
    let named = [
        ("executionArn", asked.execution_arn),
        ("stateMachineArn", asked.state_machine_arn),
        ("statusFilter", asked.status_filter),
    ];
    named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
