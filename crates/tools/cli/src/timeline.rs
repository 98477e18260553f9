//! An execution's history as steps that a person follows: state, time, duration, retries, end.
//!
//! The execution counts states that only move data (Choice, Pass). They are not listed here.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use states_language::{EventType, HistoryEvent, Observer};

/// The end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepStatus {
    Running,
    Succeeded,
    /// A wait whose goal is not met yet: the machine waits again.
    Pending,
    Failed,
    /// The execution was stopped, or timed out, while it was in this state.
    Aborted,
}

/// One visit to a state.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    pub state: String,
    pub status: StepStatus,
    /// Seconds since the execution began.
    pub started_seconds: f64,
    pub seconds: f64,
    pub retries: u32,
    /// The last error, whether it was retried, caught or fatal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The function's own words about the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The function answered that it needs another call.
    #[serde(skip)]
    is_pending: bool,
    /// The place among the steps in the order of their ends.
    #[serde(skip)]
    pub(crate) ended: usize,
}

/// Receives steps as they begin and end.
pub trait Audience: Send {
    fn step_began(&mut self, step: &Step);
    fn step_ended(&mut self, step: &Step);
}

/// An audience that ignores all steps.
impl Audience for () {
    fn step_began(&mut self, _: &Step) {}
    fn step_ended(&mut self, _: &Step) {}
}

/// Collects steps from an execution's events, and reports them to the audience.
pub struct Timeline<'a> {
    steps: Vec<Step>,
    began: Option<Timestamp>,
    /// The number of ended steps.
    ended: usize,
    /// The states that the end of the execution interrupted. A redrive continues them.
    cut_off: Vec<String>,
    audience: &'a mut dyn Audience,
}

impl<'a> Timeline<'a> {
    pub fn new(audience: &'a mut dyn Audience) -> Self {
        Self { steps: Vec::new(), began: None, ended: 0, cut_off: Vec::new(), audience }
    }

    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    fn seconds(&self, at: Timestamp) -> f64 {
        let began = self.began.unwrap_or(at);
        Duration::try_from(at.duration_since(began)).unwrap_or_default().as_secs_f64()
    }

    /// The running step in this state. Branches run side by side, but the names of states are unique.
    fn running(&mut self, state: Option<&str>) -> Option<&mut Step> {
        let state = state?;
        self.steps.iter_mut().rev().find(|step| step.status == StepStatus::Running && step.state == state)
    }

    fn begin(&mut self, event: &HistoryEvent<'_>) {
        self.begin_in(event.state.unwrap_or_default().to_owned(), event);
    }

    fn begin_in(&mut self, state: String, event: &HistoryEvent<'_>) {
        let step = Step {
            state,
            status: StepStatus::Running,
            started_seconds: self.seconds(event.timestamp),
            seconds: 0.0,
            retries: 0,
            error: None,
            detail: None,
            is_pending: false,
            ended: usize::MAX,
        };
        self.audience.step_began(&step);
        self.steps.push(step);
    }

    /// Ends the steps that still ran when the execution ended.
    fn cut_off(&mut self, event: &HistoryEvent<'_>) {
        let now = self.seconds(event.timestamp);
        for step in self.steps.iter_mut().filter(|step| step.status == StepStatus::Running) {
            step.seconds = now - step.started_seconds;
            step.status = StepStatus::Aborted;
            step.ended = self.ended;
            self.ended += 1;
            self.cut_off.push(step.state.clone());
            self.audience.step_ended(step);
        }
    }

    /// Continues the interrupted states, which the execution does not enter again.
    fn go_on(&mut self, event: &HistoryEvent<'_>) {
        for state in std::mem::take(&mut self.cut_off) {
            self.begin_in(state, event);
        }
    }

    fn end(&mut self, event: &HistoryEvent<'_>, status: StepStatus) {
        let now = self.seconds(event.timestamp);
        let ended = self.ended;
        let Some(step) = self.running(event.state) else { return };
        step.ended = ended;
        step.seconds = now - step.started_seconds;
        step.status = if step.is_pending { StepStatus::Pending } else { status };
        let step = step.clone();
        self.ended += 1;
        self.audience.step_ended(&step);
    }
}

impl Observer for Timeline<'_> {
    fn on_event(&mut self, event: &HistoryEvent<'_>) {
        use EventType as E;
        match event.kind {
            E::ExecutionStarted => self.began = Some(event.timestamp),
            E::TaskStateEntered | E::ParallelStateEntered | E::WaitStateEntered | E::MapStateEntered => {
                self.begin(event);
            }
            E::LambdaFunctionScheduled => {
                let retries = event.details.retry_count.unwrap_or_default();
                if let Some(step) = self.running(event.state) {
                    step.retries = retries;
                }
            }
            E::LambdaFunctionSucceeded => {
                if let Some(step) = self.running(event.state) {
                    step.error = None;
                    step.detail = event.details.output.and_then(detail);
                    step.is_pending = event.details.output.is_some_and(|output| output["task"] == "TASK_PENDING");
                }
            }
            E::LambdaFunctionFailed | E::LambdaFunctionTimedOut => {
                let error = event.details.error.unwrap_or("States.Timeout").to_owned();
                let cause = event.details.cause.map(said);
                if let Some(step) = self.running(event.state) {
                    step.error = Some(error);
                    step.detail = cause;
                }
            }
            E::TaskStateExited | E::WaitStateExited | E::MapStateExited | E::ParallelStateExited => {
                let failed = self.running(event.state).is_some_and(|step| step.error.is_some());
                self.end(event, if failed { StepStatus::Failed } else { StepStatus::Succeeded });
            }
            E::TaskStateAborted | E::WaitStateAborted | E::MapStateAborted | E::ParallelStateAborted => {
                self.end(event, StepStatus::Failed);
            }
            E::SucceedStateEntered | E::FailStateEntered => {
                self.begin(event);
                let status = if event.kind == E::FailStateEntered { StepStatus::Failed } else { StepStatus::Succeeded };
                self.end(event, status);
            }
            E::ExecutionAborted | E::ExecutionTimedOut | E::ExecutionFailed => self.cut_off(event),
            E::ExecutionRedriven => self.go_on(event),
            _ => {}
        }
    }
}

/// A function's answer in a few words.
fn detail(output: &Value) -> Option<String> {
    if let Some(observed) = output["observed"].as_str() {
        return Some(observed.to_owned());
    }
    if let (Some(status), Some(percent)) = (output["status"].as_str(), output["percentProgress"].as_i64()) {
        return Some(format!("{status} {percent} %"));
    }
    let notes = output["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let notes: Vec<&str> = notes.collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// The message inside a Lambda function's cause, which is JSON.
pub fn said(cause: &str) -> String {
    let message =
        serde_json::from_str::<Value>(cause).ok().and_then(|cause| Some(cause["errorMessage"].as_str()?.to_owned()));
    message.unwrap_or_else(|| cause.to_owned())
}
