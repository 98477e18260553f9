//! Runs one attempt of a Task state: a Lambda function, by its ARN or by `lambda:invoke`, or another execution.
//!
//! Owns the events of the integrations, the response of `lambda:invoke` around a result, and the time limits. Executions
//! that a task starts are in [`crate::nested`], retrying and catching in [`crate::frame`].

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::execution::TaskRequest;
use crate::failure::{self, Failure};
use crate::frame::{Frame, Visit, plain, seconds};
use crate::history::{Details, EventType};
use crate::machine::{Integration, Setting, Task};
use crate::size;

/// The events of one integration.
struct Events {
    scheduled: EventType,
    started: EventType,
    succeeded: EventType,
    failed: EventType,
    timed_out: EventType,
}

impl Events {
    fn of(integration: Integration) -> Self {
        match integration {
            Integration::Function => Self {
                scheduled: EventType::LambdaFunctionScheduled,
                started: EventType::LambdaFunctionStarted,
                succeeded: EventType::LambdaFunctionSucceeded,
                failed: EventType::LambdaFunctionFailed,
                timed_out: EventType::LambdaFunctionTimedOut,
            },
            Integration::Invoke | Integration::StartExecution | Integration::RunExecution => Self {
                scheduled: EventType::TaskScheduled,
                started: EventType::TaskStarted,
                succeeded: EventType::TaskSucceeded,
                failed: EventType::TaskFailed,
                timed_out: EventType::TaskTimedOut,
            },
        }
    }
}

/// A time limit of a task, and the error after it.
struct Limit {
    after: Duration,
    error: &'static str,
}

impl<'f> Frame<'f> {
    pub(crate) async fn task(&mut self, visit: &Visit<'f>, task: &'f Task, input: &Value) -> Result<Value, Failure> {
        let state = visit.state;
        let effective = self.effective(visit, input)?;
        let limit = self.limit(visit, task, &effective)?;
        let payload = self.payload(visit, effective)?;
        if !size::is_within_limit(&payload) {
            return Err(Failure::data_limit(&state.name));
        }
        let events = Events::of(task.integration);
        if matches!(task.integration, Integration::StartExecution | Integration::RunExecution) {
            return self.start_execution(visit, task, payload, limit, &events).await;
        }
        let invoked;
        let (function, payload) = if task.integration == Integration::Function {
            (&*task.resource, payload)
        } else {
            let (name, payload) = invocation(visit, payload)?;
            invoked = name;
            (&*invoked, payload)
        };
        let details = Details { function: Some(function), retry_count: Some(visit.retry_count), ..Details::default() };
        self.record(events.scheduled, state, Details { input: Some(&payload), ..details })?;
        self.record(events.started, state, details)?;

        let call = self.run.handler.invoke(TaskRequest {
            function,
            payload,
            state: &state.name,
            retry_count: visit.retry_count,
            execution: &self.run.context.id,
        });
        match within(limit, call).await {
            Err(error) => self.timed_out(visit, &events, error, details),
            Ok(Ok(result)) => {
                let (result, task) = match task.integration {
                    Integration::Function => (result, &*task.resource),
                    _ => (self.response(result), "lambda"),
                };
                self.answered(visit, &events, result, task, details)
            }
            Ok(Err(failure)) => self.failed(visit, &events, failure.into(), details),
        }
    }

    /// Starts an execution. Waits for its end if the integration does.
    async fn start_execution(
        &mut self,
        visit: &Visit<'f>,
        task: &Task,
        parameters: Value,
        limit: Option<Limit>,
        events: &Events,
    ) -> Result<Value, Failure> {
        let details = Details { retry_count: Some(visit.retry_count), ..Details::default() };
        self.record(events.scheduled, visit.state, Details { input: Some(&parameters), ..details })?;
        self.record(events.started, visit.state, details)?;
        let child = match self.run.start(visit, parameters)? {
            Ok(child) => child,
            Err(failure) => return self.failed(visit, events, failure.into(), details),
        };
        let response = child.response(&self.run.dice);
        if task.integration == Integration::StartExecution {
            self.run.let_go(child);
            return self.answered(visit, events, response, "states", details);
        }
        self.record(EventType::TaskSubmitted, visit.state, Details { output: Some(&response), ..details })?;
        match within(limit, self.run.wait_for(child)).await {
            Err(error) => self.timed_out(visit, events, error, details),
            Ok(Ok(description)) => self.answered(visit, events, description, "states", details),
            Ok(Err(failure)) => self.failed(visit, events, failure.into(), details),
        }
    }

    fn timed_out(
        &mut self,
        visit: &Visit<'f>,
        events: &Events,
        error: &'static str,
        details: Details<'_>,
    ) -> Result<Value, Failure> {
        self.record(events.timed_out, visit.state, Details { error: Some(error), ..details })?;
        Err(Failure::known(error, None))
    }

    /// Ends a task with a result, unless the result is too large to pass on.
    fn answered(
        &mut self,
        visit: &Visit<'f>,
        events: &Events,
        result: Value,
        task: &str,
        details: Details<'_>,
    ) -> Result<Value, Failure> {
        if !size::is_within_limit(&result) {
            return self.failed(visit, events, Failure::result_limit(task), details);
        }
        self.record(events.succeeded, visit.state, Details { output: Some(&result), ..details })?;
        Ok(result)
    }

    fn failed(
        &mut self,
        visit: &Visit<'f>,
        events: &Events,
        failure: Failure,
        details: Details<'_>,
    ) -> Result<Value, Failure> {
        let details = Details { error: failure.error.as_deref(), cause: failure.cause.as_deref(), ..details };
        self.record(events.failed, visit.state, details)?;
        Err(failure)
    }

    /// The response of the Invoke API around a function's result.
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html>
    fn response(&self, result: Value) -> Value {
        let mut response = Map::new();
        response.insert("ExecutedVersion".to_owned(), json!("$LATEST"));
        response.insert("Payload".to_owned(), result);
        response.insert("SdkHttpMetadata".to_owned(), json!({ "HttpStatusCode": 200 }));
        response.insert("SdkResponseMetadata".to_owned(), json!({ "RequestId": self.run.dice.uuid() }));
        response.insert("StatusCode".to_owned(), json!(200));
        Value::Object(response)
    }

    /// The shorter of the task's two time limits. A Lambda function sends no heartbeats, so the heartbeat limit counts from
    /// the start.
    fn limit(&self, visit: &Visit<'_>, task: &Task, input: &Value) -> Result<Option<Limit>, Failure> {
        let timeout = self.duration(visit, "TimeoutSeconds", task.timeout.as_ref(), input)?;
        let heartbeat = self.duration(visit, "HeartbeatSeconds", task.heartbeat.as_ref(), input)?;
        let timeout = timeout.map(|after| Limit { after, error: failure::TIMEOUT });
        let heartbeat = heartbeat.map(|after| Limit { after, error: failure::HEARTBEAT_TIMEOUT });
        Ok([timeout, heartbeat].into_iter().flatten().min_by_key(|limit| limit.after))
    }

    fn duration(
        &self,
        visit: &Visit<'_>,
        field: &str,
        setting: Option<&Setting<u64>>,
        input: &Value,
    ) -> Result<Option<Duration>, Failure> {
        let path = match setting {
            None => return Ok(None),
            Some(Setting::Fixed(seconds)) => return Ok(Some(Duration::from_secs(*seconds))),
            Some(Setting::Path(path)) => path,
        };
        let value = self.resolve(visit, path, input)?;
        let problem = match seconds(&value) {
            Ok(0) => "references a value that is not positive",
            Ok(seconds) => return Ok(Some(Duration::from_secs(seconds))),
            Err(problem) => problem,
        };
        Err(visit.runtime(&format!("The {field}Path parameter {problem}: {} == {}", path.text(), plain(&value))))
    }
}

/// The result of a call, or the error of the limit that it exceeds.
async fn within<T>(limit: Option<Limit>, call: impl Future<Output = T>) -> Result<T, &'static str> {
    match limit {
        None => Ok(call.await),
        Some(Limit { after, error }) => tokio::time::timeout(after, call).await.map_err(|_elapsed| error),
    }
}

/// The function and its payload, from the Parameters of `lambda:invoke`.
fn invocation(visit: &Visit<'_>, parameters: Value) -> Result<(String, Value), Failure> {
    let Value::Object(mut parameters) = parameters else {
        return Err(visit.runtime("The Parameters of lambda:invoke must be an object"));
    };
    let payload = parameters.swap_remove("Payload").unwrap_or_else(|| Value::Object(Map::new()));
    match parameters.swap_remove("FunctionName") {
        Some(Value::String(function)) => Ok((function, payload)),
        other => Err(visit.runtime(&format!(
            "The parameter FunctionName of lambda:invoke must be a string, not {}",
            other.unwrap_or_default()
        ))),
    }
}
