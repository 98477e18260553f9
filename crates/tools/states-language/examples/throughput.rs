//! Prints how many executions of a machine of 30 states one core runs in a second.
//!
//! `cargo run --profile campaign -p states-language --example throughput [-- SECONDS]`
//!
//! The machine is shaped like a real pipeline: tasks with retriers and catchers, choices, waits and a
//! polling loop, over a state document that grows as it goes. The clock is paused.

use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use serde_json::{Value, json};
use states_language::{Execution, ExecutionOptions, StateMachine, Status, TaskFailure, TaskRequest};

const STAGES: usize = 6;

/// Six stages of five states each, and the end.
fn machine() -> Value {
    let mut states =
        json!({ "Complete": { "Type": "Succeed" }, "Failed": { "Type": "Fail", "ErrorPath": "$.error.Error" } });
    for stage in 0..STAGES {
        let next = if stage + 1 == STAGES { "Complete".to_owned() } else { format!("Prepare{}", stage + 1) };
        let task = |function: &str, result: &str, next: &str| {
            json!({
                "Type": "Task",
                "Resource": format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
                "Parameters": { "identifier.$": "$.identifier", "execution.$": "$$.Execution.Id", "stage": stage },
                "ResultPath": result,
                "Retry": [{ "ErrorEquals": ["RateExceededException"], "MaxAttempts": 5, "JitterStrategy": "FULL" }],
                "Catch": [{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failed" }],
                "Next": next,
            })
        };
        states[format!("Prepare{stage}")] = json!({
            "Type": "Pass", "Parameters": { "name.$": "States.Format('{}-{}', $.identifier, 'temp')" },
            "ResultPath": format!("$.stage{stage}"), "Next": format!("Start{stage}"),
        });
        states[format!("Start{stage}")] = task("start", &format!("$.started{stage}"), &format!("Poll{stage}"));
        states[format!("Poll{stage}")] = task("poll", "$.status", &format!("Done{stage}"));
        states[format!("Done{stage}")] = json!({
            "Type": "Choice",
            "Choices": [{ "Variable": "$.status.attempt", "NumericGreaterThanEquals": 1, "Next": next }],
            "Default": format!("Wait{stage}"),
        });
        states[format!("Wait{stage}")] = json!({ "Type": "Wait", "Seconds": 60, "Next": format!("Poll{stage}") });
    }
    json!({ "StartAt": "Prepare0", "States": states })
}

fn call(task: TaskRequest<'_>) -> LocalBoxFuture<'_, Result<Value, TaskFailure>> {
    async move {
        // Every stage is done at its second poll.
        thread_local! { static POLLS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) }; }
        let attempt = POLLS.with(|polls| polls.replace(polls.get() + u64::from(task.function.ends_with("poll"))));
        Ok(json!({ "attempt": attempt % 2, "identifier": task.payload["identifier"], "status": "available" }))
    }
    .boxed_local()
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let machine = StateMachine::load(&machine()).expect("the machine is well-formed");
    let input = json!({ "identifier": "orders", "task": "db_restore", "isCluster": false });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without input and output can be built");

    let handler = call;
    runtime.block_on(async {
        let outcome = Execution::new(&machine, &handler, ExecutionOptions::new(input.clone())).run().await;
        println!(
            "{} states, {} transitions, {} events, {} of virtual time",
            machine.all_states().len(),
            outcome.state_transitions,
            outcome.event_count,
            outcome.ended.duration_since(outcome.started),
        );
        let started = Instant::now();
        let mut executions = 0_u32;
        while started.elapsed() < Duration::from_secs(seconds) {
            let options = ExecutionOptions { seed: u64::from(executions), ..ExecutionOptions::new(input.clone()) };
            let outcome = Execution::new(&machine, &handler, options).run().await;
            assert_eq!(outcome.status, Status::Succeeded);
            executions += 1;
        }
        let each = started.elapsed() / executions;
        println!("{:.0} executions per second, {each:?} each", f64::from(executions) / started.elapsed().as_secs_f64());
    });
}
