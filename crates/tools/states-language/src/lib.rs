//! An [Amazon States Language](https://states-language.net) interpreter for one machine.
//!
//! It executes `JSONPath` state machines as AWS Step Functions (Standard) does: all state types, input and output fields,
//! intrinsic functions, the context object, variables, retries, catchers and limits. Error names, causes and history events
//! are AWS's. It runs on Tokio's clock: under [`tokio::time::pause`](https://docs.rs/tokio/latest/tokio/time/fn.pause.html)
//! an execution of hours takes milliseconds. The same seed gives the same execution.
//!
//! It refuses at load, by name: `JSONata`, task tokens, activities, integrations other than Lambda and
//! `states:startExecution` (with `.sync:2` or without), `ItemReader` and `ResultWriter`. It also reports every mistake in a
//! definition at once ([`DefinitionError`]).
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
//! If AWS differs from its documentation, this crate follows AWS:
//! - A path or call that fails in a payload template fails the execution with `States.Runtime`, which no wildcard catches. A
//!   retrier or catcher of that same state may still name it `States.ParameterPathFailure` or `States.IntrinsicFailure`, as
//!   documented.
//! - A Parallel fails with its branch's own error; a catcher may also name it `States.BranchFailed`.
//! - In a payload template, an index beyond the end of an array is `null`.
//!
//! If AWS's behaviour is not known, the crate follows the specification. A function called with `HeartbeatSeconds` fails
//! with `States.HeartbeatTimeout` if it runs longer. A Choice without a match and a default fails with
//! `States.NoChoiceMatched`.
//!
//! An execution that failed, was stopped or ran out of time is redriven ([`Execution::redrive`]) as on AWS. It continues in
//! its last state, with that state's input and the variables of that moment. Three details are not documented. A continued
//! state keeps its `EnteredTime`. A Wait with `Seconds` waits for its full time again. The flows of a Parallel or a Map
//! continue without another start event. A distributed Map is not redriven.
//!
//! Further reading: [`StateMachine`] loads and describes, [`validate`] checks, [`Execution`] runs, [`Observer`] watches. The
//! crate passes the recorded cases in `tests/conformance`.

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
