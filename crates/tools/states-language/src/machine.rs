//! A loaded state machine: its compiled form and its description.
//!
//! Owns the types that [`crate::load`] fills and the crate's executor runs. The public methods are for diagrams and contract
//! tests: states, transitions, resources, error names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;

use crate::choice::Rule;
use crate::diagnostic;
use crate::expression::Expression;
use crate::load::{self, DefinitionError};
use crate::moment::Moment;
use crate::path::{Path, Target};
use crate::template::Template;

/// A state machine, validated and compiled. Cloning shares it.
#[derive(Clone, Debug)]
pub struct StateMachine(Arc<Definition>);

#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) comment: Option<String>,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) flow: Flow,
}

impl StateMachine {
    /// Loads a definition, or refuses it with every problem it has.
    pub fn load(definition: &Value) -> Result<Self, DefinitionError> {
        load::definition(definition).map(|definition| Self(Arc::new(definition)))
    }

    pub fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    /// The time limit of an execution, in seconds.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.0.timeout_seconds
    }

    /// The states at the top level.
    pub fn flow(&self) -> &Flow {
        &self.0.flow
    }

    /// Every state, including those of nested flows. Each comes before the states nested in it.
    pub fn all_states(&self) -> Vec<&State> {
        let mut all = Vec::new();
        self.0.flow.collect(&mut all);
        all
    }
}

impl FromStr for StateMachine {
    type Err = DefinitionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        load::check_size(text.len())?;
        let definition = diagnostic::parse(text).map_err(|problem| DefinitionError::new(vec![problem]))?;
        Self::load(&definition)
    }
}

/// A set of states with a start: a whole machine, a branch of a Parallel or the processor of a Map.
#[derive(Debug)]
pub struct Flow {
    pub(crate) start: usize,
    pub(crate) states: Box<[State]>,
}

impl Flow {
    /// The state at which the flow starts.
    pub fn start(&self) -> &State {
        &self.states[self.start]
    }

    /// The states of this flow in the order of the definition, without nested ones.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// The state with this name in this flow.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| *state.name == *name)
    }

    fn collect<'m>(&'m self, all: &mut Vec<&'m State>) {
        for state in &self.states {
            all.push(state);
            for flow in state.flows() {
                flow.collect(all);
            }
        }
    }
}

/// One state.
#[derive(Debug)]
pub struct State {
    pub(crate) name: Box<str>,
    pub(crate) comment: Option<String>,
    pub(crate) input_path: Selection,
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: Placement,
    pub(crate) output_path: Selection,
    pub(crate) assign: Option<Template>,
    pub(crate) retry: Box<[Retrier]>,
    pub(crate) catch: Box<[Catcher]>,
    pub(crate) next: Next,
    pub(crate) kind: Kind,
}

/// `InputPath` and `OutputPath`.
#[derive(Debug)]
pub(crate) enum Selection {
    Whole,
    /// `null`: an empty object.
    Nothing,
    Path(Path),
}

/// `ResultPath`.
#[derive(Debug)]
pub(crate) enum Placement {
    /// `$`: the result is the output.
    Replace,
    /// `null`: the input is the output.
    Discard,
    At(Target),
}

/// The state or the end that follows a state. States are named by their position in their flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    State(usize),
    End,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Pass { result: Option<Value> },
    Task(Task),
    Choice { rules: Box<[ChoiceRule]>, default: Option<(usize, Box<str>)> },
    Wait(Wait),
    Succeed,
    Fail { error: Text, cause: Text },
    Parallel { branches: Box<[Flow]> },
    Map(Box<Map>),
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resource: Box<str>,
    pub(crate) integration: Integration,
    pub(crate) timeout: Option<Setting<u64>>,
    pub(crate) heartbeat: Option<Setting<u64>>,
}

/// The way in which a task calls its Lambda function or starts an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integration {
    /// The resource is the function's ARN, and the function's answer is the result.
    Function,
    /// `arn:aws:states:::lambda:invoke`. The result is the whole response of the Invoke API.
    Invoke,
    /// `arn:aws:states:::states:startExecution`. The result is the response of the `StartExecution` API.
    StartExecution,
    /// `arn:aws:states:::states:startExecution.sync:2`. The result is the description of the ended execution.
    RunExecution,
}

#[derive(Debug)]
pub(crate) struct ChoiceRule {
    pub(crate) rule: Rule,
    pub(crate) assign: Option<Template>,
    pub(crate) next: usize,
    pub(crate) target: Box<str>,
}

#[derive(Debug)]
pub(crate) enum Wait {
    Seconds(u64),
    SecondsPath(Path),
    Until(Moment),
    UntilPath(Path),
}

/// `Error` and `Cause` of a Fail state.
#[derive(Debug)]
pub(crate) enum Text {
    Absent,
    Fixed(Box<str>),
    Expression(Box<str>, Expression),
}

#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) mode: Mode,
    pub(crate) label: Option<String>,
    pub(crate) items_path: Option<Path>,
    pub(crate) item_selector: Option<Template>,
    pub(crate) batcher: Option<Batcher>,
    pub(crate) max_concurrency: Option<Setting<u64>>,
    pub(crate) tolerated_count: Option<Setting<u64>>,
    pub(crate) tolerated_percentage: Option<Setting<f64>>,
    pub(crate) processor: Flow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Inline,
    /// Every item, or batch of items, has its own child execution.
    Distributed,
}

#[derive(Debug)]
pub(crate) struct Batcher {
    pub(crate) input: Option<Template>,
    pub(crate) max_items: Option<Setting<u64>>,
    pub(crate) max_bytes: Option<Setting<u64>>,
}

/// A value given in the definition, or by a path.
#[derive(Debug)]
pub(crate) enum Setting<T> {
    Fixed(T),
    Path(Path),
}

#[derive(Debug)]
pub(crate) struct Retrier {
    pub(crate) errors: Box<[Box<str>]>,
    pub(crate) interval_seconds: u64,
    pub(crate) max_attempts: u64,
    pub(crate) backoff_rate: f64,
    pub(crate) max_delay_seconds: Option<u64>,
    pub(crate) full_jitter: bool,
}

#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) errors: Box<[Box<str>]>,
    pub(crate) result_path: Placement,
    pub(crate) assign: Option<Template>,
    pub(crate) next: usize,
    pub(crate) target: Box<str>,
}

/// The type of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateType {
    Pass,
    Task,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

impl StateType {
    /// The type in the spelling of a definition.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Task => "Task",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

impl StateType {
    /// Whether a state of this type can be retried.
    pub(crate) fn has_attempts(self) -> bool {
        matches!(self, Self::Task | Self::Parallel | Self::Map)
    }
}

impl fmt::Display for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A transition from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition<'m> {
    pub target: &'m str,
    pub reason: Reason<'m>,
}

/// The reason for a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason<'m> {
    /// `Next`.
    Next,
    /// A choice rule, in words such as `$.isCluster == true`.
    Rule(String),
    /// `Default`.
    Default,
    /// A catcher of these errors.
    Catch(Vec<&'m str>),
}

impl State {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    pub fn state_type(&self) -> StateType {
        match self.kind {
            Kind::Pass { .. } => StateType::Pass,
            Kind::Task(_) => StateType::Task,
            Kind::Choice { .. } => StateType::Choice,
            Kind::Wait(_) => StateType::Wait,
            Kind::Succeed => StateType::Succeed,
            Kind::Fail { .. } => StateType::Fail,
            Kind::Parallel { .. } => StateType::Parallel,
            Kind::Map(_) => StateType::Map,
        }
    }

    /// Whether the flow can end at this state.
    pub fn is_end(&self) -> bool {
        match self.kind {
            Kind::Choice { .. } => false,
            Kind::Succeed | Kind::Fail { .. } => true,
            _ => self.next == Next::End,
        }
    }

    /// A Task's `Resource`.
    pub fn resource(&self) -> Option<&str> {
        match &self.kind {
            Kind::Task(task) => Some(&task.resource),
            _ => None,
        }
    }

    /// The Lambda function that a Task calls, if the definition itself names it.
    pub fn function(&self) -> Option<&str> {
        match &self.kind {
            Kind::Task(task) => match task.integration {
                Integration::Function => Some(&task.resource),
                Integration::Invoke => self.parameters.as_ref()?.constant("FunctionName")?.as_str(),
                Integration::StartExecution | Integration::RunExecution => None,
            },
            _ => None,
        }
    }

    /// The flows nested in this state: the branches of a Parallel, the processor of a Map.
    pub fn flows(&self) -> Vec<&Flow> {
        match &self.kind {
            Kind::Parallel { branches } => branches.iter().collect(),
            Kind::Map(map) => vec![&map.processor],
            _ => Vec::new(),
        }
    }

    /// The transitions of this state, within its own flow.
    pub fn transitions<'m>(&'m self, flow: &'m Flow) -> Vec<Transition<'m>> {
        let mut transitions = Vec::new();
        if let Kind::Choice { rules, default } = &self.kind {
            transitions.extend(
                rules
                    .iter()
                    .map(|rule| Transition { target: &rule.target, reason: Reason::Rule(rule.rule.to_string()) }),
            );
            transitions.extend(default.iter().map(|(_, target)| Transition { target, reason: Reason::Default }));
        } else if let Next::State(next) = self.next {
            transitions.push(Transition { target: &flow.states[next].name, reason: Reason::Next });
        }
        transitions.extend(self.catch.iter().map(|catcher| Transition {
            target: &catcher.target,
            reason: Reason::Catch(catcher.errors.iter().map(|error| &**error).collect()),
        }));
        transitions
    }

    /// The error names of every retrier, in order.
    pub fn retried_errors(&self) -> impl Iterator<Item = &str> {
        self.retry.iter().flat_map(|retrier| retrier.errors.iter().map(|error| &**error))
    }

    /// The number of retries for this error.
    pub fn attempts_after(&self, error: &str) -> u64 {
        let matches = |name: &str| name == error || matches!(name, "States.ALL" | "States.TaskFailed");
        let retrier = self.retry.iter().find(|retrier| retrier.errors.iter().any(|name| matches(name)));
        retrier.map_or(0, |retrier| retrier.max_attempts)
    }

    /// The error names of every catcher, in order.
    pub fn caught_errors(&self) -> impl Iterator<Item = &str> {
        self.catch.iter().flat_map(|catcher| catcher.errors.iter().map(|error| &**error))
    }
}
