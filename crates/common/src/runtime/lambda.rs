//! The entry point of a function: tracing, then one typed handler with the facts of its invocation.
//!
//! Every function answers the payload `{"wake": true}` here. Lambda deactivates functions in a VPC after weeks without a
//! call, and the state machine wakes them before any change.
//!
//! A redriven execution continues with its old document, while its recovery works on the same databases. A step that
//! receives the execution beside its plan refuses a redriven one here.
//!
//! This module parses the payload itself, so a malformed one becomes [`ErrorKind::Internal`] rather than a type name of the
//! runtime's. A rehearsal calls [`invoke`]: the same parsing, the same handler.
//!
//! [`ErrorKind::Internal`]: crate::ErrorKind::Internal

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use lambda_runtime::Error as StartError;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::document::ExecutionContext;
use crate::error::{Error, ErrorKind, Result};

/// The facts of an invocation for its handler.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    pub clock: Clock,
    /// The time at which Lambda ends the function.
    pub deadline: Instant,
}

impl Invocation {
    /// An invocation that begins at `now` and may take `remaining`.
    pub fn new(now: SystemTime, remaining: Duration) -> Self {
        Self { clock: Clock::showing(now), deadline: Instant::now() + remaining }
    }

    fn of(context: &lambda_runtime::Context) -> Self {
        let now = SystemTime::now();
        let end = UNIX_EPOCH + Duration::from_millis(context.deadline);
        Self::new(now, end.duration_since(now).unwrap_or_default())
    }
}

/// JSON lines on standard output, as CloudWatch Logs reads them. `RUST_LOG` may name a plain level.
pub fn init_tracing() {
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(tracing::Level::INFO);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_ansi(false)
        .without_time()
        .with_max_level(level)
        .init();
}

/// Serves invocations until Lambda ends the process.
pub async fn run<E, R>(handler: impl AsyncFn(E, Invocation) -> Result<R>) -> std::result::Result<(), StartError>
where
    E: DeserializeOwned,
    R: Serialize,
{
    let handler = &handler;
    // Boxed, because the runtime's layers around an SDK call nest deeper than the compiler allows.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        Box::pin(async move {
            if is_wake(event.payload.get()) {
                return Ok(Answer::Awake { awake: true });
            }
            check_plan(&*event.payload)?;
            answer(handler, &*event.payload, Invocation::of(&event.context)).await.map(Answer::Of)
        })
    }))
    .await
}

/// Calls a handler with a payload as Step Functions sends it.
pub async fn invoke<E, R>(
    handler: &impl AsyncFn(E, Invocation) -> Result<R>,
    payload: Value,
    invocation: Invocation,
) -> Result<Value>
where
    E: DeserializeOwned,
    R: Serialize,
{
    let output = if is_wake(&payload.to_string()) {
        Answer::Awake { awake: true }
    } else {
        check_plan(&payload)?;
        Answer::Of(answer(handler, payload, invocation).await?)
    };
    serde_json::to_value(output).map_err(|error| Error::internal("the answer is not JSON").caused_by(error))
}

/// A payload that only wakes the function.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wake {
    wake: bool,
}

/// The greatest length of a wake payload, with room for blanks.
const LONGEST_WAKE: usize = 64;

fn is_wake(payload: &str) -> bool {
    payload.len() <= LONGEST_WAKE && serde_json::from_str(payload).is_ok_and(|Wake { wake }| wake)
}

/// The answer of a function.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<R> {
    Awake { awake: bool },
    Of(R),
}

/// The part of a payload that decides whether the step may use its plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Basis {
    #[serde(default)]
    plan: Option<IgnoredAny>,
    /// The context object of the execution; alerts receive its ARN instead.
    #[serde(default)]
    execution: Option<Value>,
    /// Present in a step of the rollback, which works on the databases as they are now, not on the plan.
    #[serde(default)]
    rollback_started_at: Option<IgnoredAny>,
}

/// Refuses the plan of a redriven execution. A recovery takes that execution for ended, so it may already have put the
/// original back. It cannot tell further changes of the execution from the old ones.
fn check_plan<'de>(payload: impl Deserializer<'de, Error = serde_json::Error>) -> Result<()> {
    // The handler refuses a payload of another shape.
    let Ok(Basis { plan: Some(_), execution: Some(context @ Value::Object(_)), rollback_started_at: None }) =
        Basis::deserialize(payload)
    else {
        return Ok(());
    };
    let context: ExecutionContext = serde_json::from_value(context)
        .map_err(|error| Error::internal("the execution is not a context object").caused_by(error))?;
    match context.redrive_time {
        Some(redriven) => Err(Error::without_identifier(
            ErrorKind::Claim,
            format!(
                "the execution was redriven at {redriven}, while its recovery works on what it left: its plan is not \
                 carried out. This step changes nothing; start a new execution instead"
            ),
        )),
        None => Ok(()),
    }
}

async fn answer<'de, E, R>(
    handler: &impl AsyncFn(E, Invocation) -> Result<R>,
    payload: impl Deserializer<'de, Error = serde_json::Error>,
    invocation: Invocation,
) -> Result<R>
where
    E: DeserializeOwned,
{
    let event = E::deserialize(payload)
        .map_err(|error| Error::internal("the payload is not what this function takes").caused_by(error))?;
    handler(event, invocation).await
}

/// The deployment's setting in the function's environment; `default` if it is not set.
pub fn setting<T>(name: &str, default: T) -> Result<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|error| Error::internal(format!("the environment variable {name} is `{text}`: {error}"))),
        Err(_) => Ok(default),
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.kind().name().to_owned(), error_message: error.report() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Sum {
        left: i64,
        right: i64,
    }

    #[tokio::test]
    async fn a_payload_of_the_wrong_shape_is_an_error_with_our_name() {
        let invocation = Invocation::new(SystemTime::now(), Duration::from_secs(1));
        let sum = async |sum: Sum, _| Ok(sum.left + sum.right);
        let answer = invoke(&sum, serde_json::json!({"left": 1, "right": 2}), invocation).await.unwrap();
        assert_eq!(answer, 3);
        let error = invoke(&sum, serde_json::json!({"left": 1}), invocation).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.report().contains("missing field `right`"), "{}", error.report());
    }

    #[tokio::test]
    async fn the_plan_of_a_redriven_execution_is_not_carried_out() {
        let invocation = Invocation::new(SystemTime::now(), Duration::from_secs(1));
        let done = async |_: serde_json::Value, _| Ok(true);
        let payload = |execution: serde_json::Value| serde_json::json!({"plan": {"names": {}}, "execution": execution});
        let redriven = |time: &str| serde_json::json!({"Id": "arn", "RedriveCount": 1, "RedriveTime": time});
        let error = invoke(&done, payload(redriven("2026-01-05T08:00:01.000Z")), invocation).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Claim);
        assert!(error.report().contains("was redriven at 2026-01-05T08:00:01Z"), "{}", error.report());
        let error = invoke(&done, payload(redriven("soon")), invocation).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        let mut of_rollback = redriven("2026-01-05T08:00:01.000Z");
        of_rollback["rollbackStartedAt"] = serde_json::json!("2026-01-05T08:00:00Z");
        for fine in [
            payload(serde_json::json!({"Id": "arn", "RedriveCount": 0})),
            payload(serde_json::json!("arn")),
            of_rollback,
            serde_json::json!({"execution": redriven("2026-01-05T09:00:00.000Z")}),
        ] {
            assert_eq!(invoke(&done, fine, invocation).await.unwrap(), true);
        }
    }

    #[tokio::test]
    async fn a_function_that_is_only_woken_does_nothing() {
        let invocation = Invocation::new(SystemTime::now(), Duration::from_secs(1));
        let never = async |_: Sum, _| -> Result<i64> { panic!("it was called") };
        let answer = invoke(&never, serde_json::json!({"wake": true}), invocation).await.unwrap();
        assert_eq!(answer, serde_json::json!({"awake": true}));
        for other in [serde_json::json!({"wake": false}), serde_json::json!({"wake": true, "left": 1})] {
            assert_eq!(invoke(&never, other, invocation).await.unwrap_err().kind(), ErrorKind::Internal);
        }
    }
}
