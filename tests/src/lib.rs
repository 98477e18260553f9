//! The shared parts of the handler tests: a world, clients that talk to it, and the state document at a step of a run.
//!
//! Tests run under paused time (`#[tokio::test(start_paused = true)]`), so a wait for RDS takes no real time.

pub mod web;

use std::borrow::Borrow;
use std::time::{Duration, SystemTime};

use rds_simulator::{Execution, Options, Simulator, World};
use serde_json::{Value, json};
use trapheus_cli::rehearsal::Clients;
use trapheus_common::document::{
    CommitEvent, DiscardEvent, NameRole, OriginalCluster, OriginalInstance, PreflightEvent, RenameEvent, Request,
    RestoreEvent, RestoredEvent, SnapshotReplacement, StepEvent, StepOutput, Task, ValidateEvent, WaitEvent,
    WaitOutput, WaitStatus,
};
use trapheus_common::input::{self, ValidateOptions};
use trapheus_common::lambda::Invocation;
use trapheus_common::poll::PollPolicy;
use trapheus_common::{Result, document};
use trapheus_preflight::scope::Scope;

/// The execution of every harness.
pub const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:trapheus-DBRestoreStateMachine:this-run";
/// Another execution, for claims that are not ours.
pub const OTHER_EXECUTION: &str =
    "arn:aws:states:us-east-1:123456789012:execution:trapheus-DBRestoreStateMachine:another-run";

const BEGIN: Duration = Duration::from_secs(1_767_600_000);

/// A world and the clients of the functions that work on it.
pub struct Harness {
    pub simulator: Simulator,
    pub clients: Clients,
}

impl Harness {
    /// Builds a world from the content of a world file. Our execution is known and runs.
    pub fn new(world: Value) -> Self {
        let world: World = serde_json::from_value(world).expect("a world");
        let options = Options { seed: 7, start_time: SystemTime::UNIX_EPOCH + BEGIN, speed: 1.0 };
        let simulator = Simulator::new(world, options).expect("a possible world");
        let clients = Clients::of(&simulator);
        let harness = Self { simulator, clients };
        harness.register(EXECUTION, "RUNNING");
        harness
    }

    /// Registers an execution with this status.
    pub fn register(&self, arn: &str, status: &str) {
        self.simulator.register_execution(Execution {
            arn: arn.to_owned(),
            state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:Trapheus".to_owned(),
            status: status.to_owned(),
            input: "{}".to_owned(),
            start_date: self.wall_clock(),
            stop_date: None,
            error: None,
            cause: None,
            redriven: None,
        });
    }

    pub fn rds(&self) -> &aws_sdk_rds::Client {
        &self.clients.rds
    }

    /// The time of day in this world.
    pub fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + BEGIN + self.simulator.now()
    }

    /// An invocation that begins now and may take 15 minutes.
    pub fn invocation(&self) -> Invocation {
        Invocation::new(self.wall_clock(), Duration::from_secs(900))
    }

    /// The request that `ValidateInput` makes of an input.
    pub fn request(&self, identifier: &str, task: Task, is_cluster: bool) -> Request {
        let event = ValidateEvent {
            execution: EXECUTION.to_owned(),
            start_time: self.wall_clock().into(),
            input: json!({"identifier": identifier, "task": task.name(), "isCluster": is_cluster}),
        };
        input::validate(Self::validate_options(), event).expect("a valid request")
    }

    /// The default options of a deployment.
    pub fn validate_options() -> ValidateOptions {
        ValidateOptions {
            run_seconds: 86_400,
            export_snapshots: false,
            options: document::RunOptions {
                snapshot_replacement: SnapshotReplacement::KeepUntilReplaced,
                keep_automated_backups: true,
                final_snapshot: false,
                rollback_seconds: 21_600,
                success_notice: false,
            },
        }
    }

    /// The payload of a step on a DB instance, after preflight and before the claim.
    pub async fn instance(&self, identifier: &str, task: Task) -> StepEvent<OriginalInstance> {
        let request = self.request(identifier, task, false);
        let event = PreflightEvent { request: request.clone() };
        let plan =
            Box::pin(trapheus_preflight::instance::preflight(self.rds(), &Scope::default(), self.invocation(), event))
                .await;
        StepEvent { request, plan: plan.expect("a preflight that passes").plan().expect("no dry run") }
    }

    /// As [`Self::instance`], after the claim of our execution.
    pub async fn claimed_instance(&self, identifier: &str, task: Task) -> StepEvent<OriginalInstance> {
        let event = self.instance(identifier, task).await;
        let claimed =
            Box::pin(trapheus_claim::instance::claim(self.rds(), &self.clients.sfn, event.clone(), self.invocation()))
                .await;
        claimed.expect("a claim that is granted");
        event
    }

    /// The payload of a step on a DB cluster, after preflight and before the claim.
    pub async fn cluster(&self, identifier: &str, task: Task) -> StepEvent<OriginalCluster> {
        let request = self.request(identifier, task, true);
        let event = PreflightEvent { request: request.clone() };
        let plan =
            Box::pin(trapheus_preflight::cluster::preflight(self.rds(), &Scope::default(), self.invocation(), event))
                .await;
        StepEvent { request, plan: plan.expect("a preflight that passes").plan().expect("no dry run") }
    }

    /// As [`Self::cluster`], after the claim of our execution.
    pub async fn claimed_cluster(&self, identifier: &str, task: Task) -> StepEvent<OriginalCluster> {
        let event = self.cluster(identifier, task).await;
        let claimed =
            Box::pin(trapheus_claim::cluster::claim(self.rds(), &self.clients.sfn, event.clone(), self.invocation()))
                .await;
        claimed.expect("a claim that is granted");
        event
    }

    /// The payload of a discard in a rollback that begins now.
    pub fn discarding<O: Clone>(&self, event: &StepEvent<O>) -> DiscardEvent<O> {
        let StepEvent { request, plan } = event.clone();
        let rollback_started_at = self.wall_clock().into();
        DiscardEvent { request, plan, at: NameRole::Service, rollback_started_at, execution: None }
    }

    /// The payload of the rename of an original to its parked name.
    pub fn parking<O: Clone>(event: impl Borrow<StepEvent<O>>) -> RenameEvent<O> {
        let StepEvent { request, plan } = event.borrow().clone();
        let (from, to) = (NameRole::Service, NameRole::Parked);
        RenameEvent { request, plan, resource_id: None, from, to, after_failure: false }
    }

    /// The payload of the rename that gives an original its name back after a failure.
    pub fn returning<O: Clone>(event: impl Borrow<StepEvent<O>>) -> RenameEvent<O> {
        let (from, to) = (NameRole::Parked, NameRole::Service);
        RenameEvent { from, to, after_failure: true, ..Self::parking(event) }
    }

    /// The payload of a restore under the service name.
    pub fn restoring<O: Clone>(event: impl Borrow<StepEvent<O>>) -> RestoreEvent<O> {
        let StepEvent { request, plan } = event.borrow().clone();
        RestoreEvent { request, plan, to: NameRole::Service, original_at: NameRole::Parked }
    }

    /// The payload of a step on a database restored under the service name.
    pub fn restored<O: Clone>(event: impl Borrow<StepEvent<O>>) -> RestoredEvent<O> {
        let StepEvent { request, plan } = event.borrow().clone();
        RestoredEvent { request, plan, at: NameRole::Service }
    }

    /// The payload of the commit to a database restored under the service name.
    pub fn committing<O: Clone>(event: &StepEvent<O>, verified: &str) -> CommitEvent<O> {
        let StepEvent { request, plan } = event.clone();
        CommitEvent { request, plan, at: NameRole::Service, verified: verified.to_owned() }
    }

    /// Waits after a step on a DB instance, as the state machine does.
    pub async fn wait_instance(&self, request: &Request, step: StepOutput) -> Result<StepOutput> {
        let mut step = step;
        loop {
            let event = Self::wait_event(request, &step);
            let answer =
                trapheus_status_waiter::instance::wait(self.rds(), Self::poll_policy(), event, self.invocation())
                    .await?;
            if Self::is_over(&mut step, answer) {
                return Ok(step);
            }
        }
    }

    /// Waits after a step on a DB cluster, as the state machine does.
    pub async fn wait_cluster(&self, request: &Request, step: StepOutput) -> Result<StepOutput> {
        let mut step = step;
        loop {
            let event = Self::wait_event(request, &step);
            let answer =
                trapheus_status_waiter::cluster::wait(self.rds(), Self::poll_policy(), event, self.invocation())
                    .await?;
            if Self::is_over(&mut step, answer) {
                return Ok(step);
            }
        }
    }

    /// Calls a step on a DB instance and waits, until the step has no more to do, as the state machine does.
    pub async fn run_instance(
        &self,
        request: &Request,
        mut step: impl AsyncFnMut() -> Result<StepOutput>,
    ) -> Result<StepOutput> {
        loop {
            // The future of a step is large. Without the box, every caller's future would be as large.
            let output = self.wait_instance(request, Box::pin(step()).await?).await?;
            if !output.more || Self::is_gone(&output) {
                return Ok(output);
            }
        }
    }

    /// As [`Self::run_instance`], for a step on a DB cluster.
    pub async fn run_cluster(
        &self,
        request: &Request,
        mut step: impl AsyncFnMut() -> Result<StepOutput>,
    ) -> Result<StepOutput> {
        loop {
            let output = self.wait_cluster(request, Box::pin(step()).await?).await?;
            if !output.more || Self::is_gone(&output) {
                return Ok(output);
            }
        }
    }

    /// Waits until every operation in the world has ended.
    pub async fn settle(&self) {
        while let Some(due) = self.simulator.next_change() {
            tokio::time::sleep(due.saturating_sub(self.simulator.now()) + Duration::from_secs(1)).await;
        }
    }

    fn is_gone(output: &StepOutput) -> bool {
        output.wait.as_ref().is_some_and(|wait| wait.gone)
    }

    fn wait_event(request: &Request, step: &StepOutput) -> WaitEvent {
        WaitEvent { request: request.clone(), task: step.clone(), rollback_started_at: None, execution: None }
    }

    fn is_over(step: &mut StepOutput, answer: WaitOutput) -> bool {
        let complete = answer.task == WaitStatus::Complete;
        step.wait = Some(answer);
        complete
    }

    fn poll_policy() -> PollPolicy {
        PollPolicy::every(PollPolicy::DEFAULT_SECONDS)
    }
}
