//! An [Amazon States Language](https://states-language.net) interpreter for one machine.
//!
//! It executes `JSONPath` state machines as AWS Step Functions (Standard) does: all state types, input and
//! output fields, intrinsic functions, the context object, variables, retries, catchers and limits, with
//! AWS's error names, causes and history events. It runs on Tokio's clock, so that under
//! [`tokio::time::pause`](https://docs.rs/tokio/latest/tokio/time/fn.pause.html) an execution of hours takes
//! milliseconds, and the same seed gives the same execution.
//!
//! It refuses at load, by name: `JSONata`, task tokens, activities, integrations other than Lambda and `states:startExecution`
//! (with `.sync:2` or without), `ItemReader` and `ResultWriter`; and every mistake in a definition, all at once
//! ([`DefinitionError`]).
//!
//! ```
//! use futures::FutureExt as _;
//! use futures::future::LocalBoxFuture;
//! use serde_json::{Value, json};
//! use states_language::{Execution, ExecutionOptions, StateMachine, TaskFailure, TaskRequest};
//!
//! fn call(task: TaskRequest<'_>) -> LocalBoxFuture<'_, Result<Value, TaskFailure>> {
//!     async move { Ok(json!({ "greeting": format!("Hello, {}", task.payload["name"]) })) }.boxed_local()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), states_language::DefinitionError> {
//! let machine: StateMachine = r#"{
//!     "StartAt": "Greet",
//!     "States": {"Greet": {
//!         "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:greet", "End": true
//!     }}
//! }"#
//! .parse()?;
//! let outcome = Execution::new(&machine, &call, ExecutionOptions::new(json!({ "name": 7 }))).run().await;
//! assert_eq!(outcome.output, Some(json!({ "greeting": "Hello, 7" })));
//! # Ok(())
//! # }
//! ```
//!
//! Where AWS does other than its documentation says, this crate does as AWS:
//! - A path or call that fails in a payload template fails the execution with `States.Runtime`, which no wildcard
//!   catches. A retrier or catcher of that same state may still name it `States.ParameterPathFailure` or
//!   `States.IntrinsicFailure`, as documented.
//! - A Parallel fails with its branch's own error; a catcher may also name it `States.BranchFailed`.
//! - In a payload template, an index beyond the end of an array is `null`.
//!
//! Where nobody but AWS could know, it does as the specification says: a function called with
//! `HeartbeatSeconds` fails with `States.HeartbeatTimeout` if it runs longer, and a Choice without a match and a default
//! fails with `States.NoChoiceMatched`.
//!
//! An execution that failed, was stopped or ran out of time is redriven ([`Execution::redrive`]) as AWS does it: it goes on in the
//! state it was in, with that state's input and the variables of that moment. Nobody documents these: a state that is gone on
//! with keeps its `EnteredTime`, a Wait of so many seconds waits for all of them again, and the flows of a Parallel or
//! a Map are gone on with without another event of their start. A distributed Map is not redriven.
//!
//! Where to go next: [`StateMachine`] loads and describes, [`validate`] checks, [`Execution`] runs, [`Observer`] watches.
//! The recorded cases it is held to are in `tests/conformance`.

mod bookmark;
mod choice;
mod diagnostic;
mod execution;
mod expression;
mod failure;
mod fan_out;
mod filter;
mod frame;
mod history;
mod intrinsic;
mod java;
mod journal;
mod load;
mod machine;
mod moment;
mod nested;
mod path;
mod size;
mod substitution;
mod task;
mod template;

pub use bookmark::Bookmark;
pub use diagnostic::{Code, Diagnostic, Severity, validate};
pub use execution::{
    Execution, ExecutionOptions, NotRedrivable, Outcome, Status, StopHandle, TaskFailure, TaskHandler, TaskRequest,
};
pub use history::{Details, EventType, HistoryEvent, Observer, RecordedEvent, Recorder};
pub use load::{DefinitionError, Problem};
pub use machine::{Flow, Reason, State, StateMachine, StateType, Transition};
pub use substitution::{SubstitutionError, substitute};
