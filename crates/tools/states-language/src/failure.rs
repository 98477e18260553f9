//! The failure of a state: the error's name and cause, and the retriers and catchers that match it.
//!
//! Owns AWS's error names and cause texts and the matching of `ErrorEquals`. [`crate::frame`] makes the failures, because it
//! knows the failed field.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::execution::TaskFailure;
use crate::expression::EvaluationError;

pub(crate) const ALL: &str = "States.ALL";
pub(crate) const BRANCH_FAILED: &str = "States.BranchFailed";
pub(crate) const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
pub(crate) const EXCEED_TOLERATED_FAILURE_THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
pub(crate) const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
pub(crate) const INTRINSIC_FAILURE: &str = "States.IntrinsicFailure";
pub(crate) const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
pub(crate) const PARAMETER_PATH_FAILURE: &str = "States.ParameterPathFailure";
pub(crate) const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
pub(crate) const RUNTIME: &str = "States.Runtime";
pub(crate) const TASK_FAILED: &str = "States.TaskFailed";
pub(crate) const TIMEOUT: &str = "States.Timeout";

#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// `None` for a Fail state without an Error.
    pub(crate) error: Option<Cow<'static, str>>,
    pub(crate) cause: Option<String>,
    /// A second name that retriers and catchers may use for the error.
    alias: Option<&'static str>,
    reach: Reach,
    /// The last event before the failure, or 0 if it is not known.
    pub(crate) last_event: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Its name and the wildcards match.
    Anyone,
    /// Only its alias matches. AWS documents names such as `States.ParameterPathFailure`, but reports these errors as
    /// `States.Runtime`, which the wildcards do not match.
    ByAlias,
    /// No retrier and no catcher matches: the failure always ends the execution.
    Nobody,
}

impl From<TaskFailure> for Failure {
    fn from(TaskFailure { error, cause }: TaskFailure) -> Self {
        Self::named(Some(error.into()), Some(cause))
    }
}

impl Failure {
    /// An error that a task, a Fail state or the language itself raises by name.
    pub(crate) fn named(error: Option<Cow<'static, str>>, cause: Option<String>) -> Self {
        let reach = match error.as_deref() {
            Some(RUNTIME) => Reach::Nobody,
            _ => Reach::Anyone,
        };
        Self { error, cause, alias: None, reach, last_event: 0 }
    }

    pub(crate) fn known(error: &'static str, cause: Option<String>) -> Self {
        Self::named(Some(Cow::Borrowed(error)), cause)
    }

    /// `States.Runtime`, which always fails the execution.
    pub(crate) fn runtime(cause: String) -> Self {
        Self::known(RUNTIME, Some(cause))
    }

    /// `States.Runtime`, with the documented name of this kind of error as its alias.
    pub(crate) fn runtime_known_as(alias: &'static str, cause: String) -> Self {
        Self { alias: Some(alias), reach: Reach::ByAlias, ..Self::runtime(cause) }
    }

    /// The data between states exceeds AWS's limit, which always fails the execution.
    pub(crate) fn data_limit(state: &str) -> Self {
        Self { reach: Reach::Nobody, ..Self::result_limit(state) }
    }

    /// A task's result exceeds AWS's limit. It is retried and caught like any error of the task.
    pub(crate) fn result_limit(task: &str) -> Self {
        Self::known(
            DATA_LIMIT_EXCEEDED,
            Some(format!(
                "The state/task '{task}' returned a result with a size exceeding the maximum number of bytes \
                 service limit."
            )),
        )
    }

    /// The failure of a Parallel: the error of its branch, with the alias `States.BranchFailed`.
    pub(crate) fn of_branch(mut self) -> Self {
        if self.reach == Reach::Anyone {
            self.alias = Some(BRANCH_FAILED);
        }
        self
    }

    /// The failure outside of its state. There the alias of a failed evaluation no longer matches.
    pub(crate) fn leaving_state(mut self) -> Self {
        if self.reach == Reach::ByAlias {
            self.reach = Reach::Nobody;
        }
        self
    }

    /// This failure with `event` as the last event before it.
    pub(crate) fn after(mut self, event: u64) -> Self {
        self.last_event = event;
        self
    }

    /// Whether this failure always ends the execution.
    pub(crate) fn is_terminal(&self) -> bool {
        self.reach == Reach::Nobody
    }

    /// Whether `ErrorEquals` matches.
    pub(crate) fn matches(&self, names: &[Box<str>]) -> bool {
        let by_alias = self.alias.is_some_and(|alias| names.iter().any(|name| **name == *alias));
        match self.reach {
            Reach::Nobody => false,
            Reach::ByAlias => by_alias,
            Reach::Anyone => {
                by_alias
                    || names.iter().any(|name| match &**name {
                        ALL => true,
                        // https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
                        TASK_FAILED => !matches!(self.error.as_deref(), Some(TIMEOUT)),
                        TIMEOUT => matches!(self.error.as_deref(), Some(TIMEOUT | HEARTBEAT_TIMEOUT)),
                        name => self.error.as_deref() == Some(name),
                    })
            }
        }
    }

    /// The Error Output that a catcher passes on. It always has both fields.
    pub(crate) fn output(&self) -> Value {
        let text = |text: Option<&str>| Value::from(text.unwrap_or_default());
        let mut output = Map::new();
        output.insert("Error".to_owned(), text(self.error.as_deref()));
        output.insert("Cause".to_owned(), text(self.cause.as_deref()));
        Value::Object(output)
    }
}

/// AWS's text for a path or a call that failed in `field`.
pub(crate) fn evaluation_cause(field: &str, error: &EvaluationError<'_>, input: &Value) -> String {
    match error {
        EvaluationError::NotFound { path } => format!(
            "The JSONPath '{}' specified for the field '{field}' could not be found in the input '{input}'",
            path.text()
        ),
        EvaluationError::Intrinsic { .. } | EvaluationError::TooLarge => error.to_string(),
    }
}
