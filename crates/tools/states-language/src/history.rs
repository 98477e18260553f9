//! The history of an execution: its events, as `GetExecutionHistory` lists them, and the observers that receive them.
//!
//! Owns the event types and their AWS names. Events borrow their data, so an execution without an observer copies nothing. A
//! [`Recorder`] keeps the events for a test or a report.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

/// Receives every event of an execution as it happens. An execution that a task starts has its own history and [its own
/// observer](crate::TaskHandler::observe). The child executions of a distributed Map have no observer.
pub trait Observer {
    fn on_event(&mut self, event: &HistoryEvent<'_>);
}

impl<F: FnMut(&HistoryEvent<'_>)> Observer for F {
    fn on_event(&mut self, event: &HistoryEvent<'_>) {
        self(event);
    }
}

/// One event. Ids count from 1. The previous event is the one that led to this event.
#[derive(Clone, Copy, Debug)]
pub struct HistoryEvent<'e> {
    pub id: u64,
    pub previous_id: u64,
    pub timestamp: Timestamp,
    pub kind: EventType,
    /// The state that the event is about; `None` for an event of the execution itself.
    pub state: Option<&'e str>,
    pub details: Details<'e>,
}

/// The data of an event besides its type. The type decides which fields are present.
#[derive(Clone, Copy, Debug, Default)]
pub struct Details<'e> {
    pub input: Option<&'e Value>,
    pub output: Option<&'e Value>,
    pub error: Option<&'e str>,
    pub cause: Option<&'e str>,
    /// The Lambda function of a task's events.
    pub function: Option<&'e str>,
    /// The number of earlier retries of the state.
    pub retry_count: Option<u32>,
    /// The position of a Map's iteration.
    pub index: Option<usize>,
    /// The number of items of a Map.
    pub length: Option<usize>,
    /// The number of redrives, including this one.
    pub redrive_count: Option<u32>,
}

macro_rules! event_types {
    ($($name:ident),+ $(,)?) => {
        /// The type of an event, with AWS's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($name),+
        }

        impl EventType {
            /// The type with this AWS name.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// AWS's name of this type.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }
        }
    };
}

event_types! {
    ExecutionStarted, ExecutionSucceeded, ExecutionFailed, ExecutionTimedOut, ExecutionAborted, ExecutionRedriven,
    PassStateEntered, PassStateExited,
    TaskStateEntered, TaskStateExited, TaskStateAborted,
    LambdaFunctionScheduled, LambdaFunctionStarted, LambdaFunctionSucceeded, LambdaFunctionFailed,
    LambdaFunctionTimedOut,
    TaskScheduled, TaskStarted, TaskSubmitted, TaskSucceeded, TaskFailed, TaskTimedOut,
    ChoiceStateEntered, ChoiceStateExited,
    WaitStateEntered, WaitStateExited, WaitStateAborted,
    SucceedStateEntered, SucceedStateExited,
    FailStateEntered,
    ParallelStateEntered, ParallelStateStarted, ParallelStateSucceeded, ParallelStateFailed, ParallelStateAborted,
    ParallelStateExited,
    MapStateEntered, MapStateStarted, MapStateSucceeded, MapStateFailed, MapStateAborted, MapStateExited,
    MapIterationStarted, MapIterationSucceeded, MapIterationFailed, MapIterationAborted,
    MapRunStarted, MapRunSucceeded, MapRunFailed, MapRunAborted,
}

impl EventType {
    /// Whether the event enters a state.
    pub fn is_entry(self) -> bool {
        matches!(
            self,
            Self::PassStateEntered
                | Self::TaskStateEntered
                | Self::ChoiceStateEntered
                | Self::WaitStateEntered
                | Self::SucceedStateEntered
                | Self::FailStateEntered
                | Self::ParallelStateEntered
                | Self::MapStateEntered
        )
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Keeps every event with all its data.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    events: Vec<RecordedEvent>,
}

/// An event that a [`Recorder`] kept.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    pub id: u64,
    pub previous_id: u64,
    pub timestamp: Timestamp,
    pub kind: EventType,
    pub state: Option<String>,
    pub input: Option<Value>,
    pub output: Option<Value>,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub function: Option<String>,
    pub retry_count: Option<u32>,
    pub index: Option<usize>,
    pub length: Option<usize>,
    pub redrive_count: Option<u32>,
}

impl Recorder {
    pub fn events(&self) -> &[RecordedEvent] {
        &self.events
    }

    pub fn into_events(self) -> Vec<RecordedEvent> {
        self.events
    }

    /// The types of the events, in order.
    pub fn types(&self) -> Vec<EventType> {
        self.events.iter().map(|event| event.kind).collect()
    }
}

impl Observer for Recorder {
    fn on_event(&mut self, event: &HistoryEvent<'_>) {
        let Details { input, output, error, cause, function, retry_count, index, length, redrive_count } =
            event.details;
        self.events.push(RecordedEvent {
            id: event.id,
            previous_id: event.previous_id,
            timestamp: event.timestamp,
            kind: event.kind,
            state: event.state.map(ToOwned::to_owned),
            input: input.cloned(),
            output: output.cloned(),
            error: error.map(ToOwned::to_owned),
            cause: cause.map(ToOwned::to_owned),
            function: function.map(ToOwned::to_owned),
            retry_count,
            index,
            length,
            redrive_count,
        });
    }
}
