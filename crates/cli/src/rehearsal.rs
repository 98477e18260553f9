//! One execution on this machine: the real state machine and the real functions, against a simulated RDS, under virtual
//! time. The same event, world and seed give the same run.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use rds_simulator::{Simulator, World, WorldError};
use serde_json::Value;
use states_language::{
    Execution, ExecutionOptions, Outcome, StateMachine, TaskFailure, TaskHandler, TaskRequest, substitute,
};
use tokio::time::Instant;
use trapheus_common::clients;
use trapheus_common::document::{Options, SnapshotReplacement};
use trapheus_common::wait::poll::Pace;
use trapheus_email::EmailOptions;
use trapheus_preflight::validate::ValidateOptions;

use crate::cost::Usage;
use crate::fleet::{FUNCTIONS, Failure, Fleet, substitution};
use crate::report::Report;
use crate::timeline::{Audience, Timeline};

/// The definition that is deployed.
pub const DEFINITION: &str = include_str!("../../../statemachine/trapheus.asl.json");
/// The databases that the files in `events/` name, and bystanders with similar names.
pub const DEFAULT_WORLD: &str = include_str!("../worlds/default.json");

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";
/// Every rehearsal begins on the same Monday morning, 2026-01-05T08:00:00Z.
const BEGIN: Duration = Duration::from_secs(1_767_600_000);

/// The deployed machine, loaded once.
static MACHINE: LazyLock<StateMachine> = LazyLock::new(|| {
    let arns = FUNCTIONS.iter().map(|function| (substitution(function), function_arn(function))).collect();
    substitute(DEFINITION, &arns)
        .map_err(|error| error.to_string())
        .and_then(|definition| definition.parse::<StateMachine>().map_err(|error| error.to_string()))
        // The definition is compiled in, and a test loads it: this cannot fail in a build that passed its tests.
        .unwrap_or_else(|problems| panic!("statemachine/trapheus.asl.json: {problems}"))
});

fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}

/// What is rehearsed.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The execution's input, as a user would give it.
    pub event: Value,
    pub world: World,
    pub seed: u64,
    pub snapshot_replacement: SnapshotReplacement,
}

impl Rehearsal {
    /// An event in a world, with everything else as a deployment has it by default.
    pub fn new(event: Value, world: World) -> Self {
        Self { event, world, seed: 0, snapshot_replacement: SnapshotReplacement::default() }
    }

    /// Runs the execution on a clock of its own and tells the audience step by step.
    pub fn run(self, audience: &mut dyn Audience) -> Result<Report, WorldError> {
        // Everything is in this process: no I/O to drive, and time that passes whenever all of it sleeps.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("cannot set up a runtime without I/O: {error}"));
        runtime.block_on(self.run_here(audience))
    }

    /// Runs the execution on the current runtime's clock, which has to be paused.
    async fn run_here(self, audience: &mut dyn Audience) -> Result<Report, WorldError> {
        let start = SystemTime::UNIX_EPOCH + BEGIN;
        let options = rds_simulator::Options { seed: self.seed, start_time: start, speed: 1.0 };
        let simulator = Simulator::new(self.world.clone(), options)?;
        self.run_against(&simulator, audience).await
    }

    /// Runs the execution against a simulator that exists already.
    pub async fn run_against(self, simulator: &Simulator, audience: &mut dyn Audience) -> Result<Report, WorldError> {
        // Jitter in the functions and in the SDK's own retries comes from the thread's generator.
        fastrand::seed(self.seed);
        let start = SystemTime::UNIX_EPOCH + BEGIN + simulator.now();
        let before = simulator.state();
        let execution = self.execution_options(start);
        register(simulator, &execution, start);

        let functions = Functions { fleet: self.fleet(simulator, start), usage: Mutex::default() };
        let mut timeline = Timeline::new(audience);
        let outcome = Execution::new(&MACHINE, &functions, execution.clone()).observed_by(&mut timeline).run().await;
        let stopped = SystemTime::UNIX_EPOCH + BEGIN + simulator.now();
        simulator.set_execution_status(&execution.execution_arn, outcome.status.name(), Some(stopped));

        let usage = functions.usage(&outcome, simulator);
        Ok(Report::new(
            &self.event,
            &execution.execution_arn,
            outcome,
            timeline.into_steps(),
            usage,
            &before,
            simulator,
        ))
    }

    fn execution_options(&self, start: SystemTime) -> ExecutionOptions {
        let name = format!("rehearsal-{}", self.seed);
        ExecutionOptions {
            execution_arn: format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:Trapheus:{name}"),
            execution_name: name,
            state_machine_arn: format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Trapheus"),
            state_machine_name: "Trapheus".to_owned(),
            role_arn: format!("arn:aws:iam::{ACCOUNT}:role/Trapheus"),
            start_time: start.try_into().unwrap_or_default(),
            seed: self.seed,
            ..ExecutionOptions::new(self.event.clone())
        }
    }

    fn fleet(&self, simulator: &Simulator, start: SystemTime) -> Fleet {
        let Clients { rds, ses, sfn } = Clients::of(simulator);
        Fleet {
            rds,
            ses,
            sfn,
            validate: ValidateOptions {
                run_seconds: 24 * 3_600,
                options: Options {
                    snapshot_replacement: self.snapshot_replacement,
                    keep_automated_backups: true,
                    final_snapshot: false,
                    rollback_seconds: 6 * 3_600,
                },
            },
            pace: Pace::polling_every(Pace::DEFAULT_SECONDS),
            email: EmailOptions::new("trapheus@example.com", "oncall@example.com", REGION),
            epoch: (start, Instant::now()),
        }
    }
}

/// AWS clients that talk to a simulator in this process.
#[derive(Clone, Debug)]
pub struct Clients {
    pub rds: aws_sdk_rds::Client,
    pub ses: aws_sdk_sesv2::Client,
    pub sfn: aws_sdk_sfn::Client,
}

impl Clients {
    /// With the time-outs and retries the deployed functions have.
    pub fn of(simulator: &Simulator) -> Self {
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Client::from_conf(
                    $sdk::Config::builder()
                        .behavior_version_latest()
                        .region($sdk::config::Region::from_static(REGION))
                        .credentials_provider(Credentials::for_tests())
                        .http_client(simulator.http_client())
                        .timeout_config(clients::timeouts())
                        .retry_config(clients::retries())
                        .build(),
                )
            };
        }
        Self { rds: client!(aws_sdk_rds), ses: client!(aws_sdk_sesv2), sfn: client!(aws_sdk_sfn) }
    }
}

/// Makes the execution known to those who look it up, such as the claim.
fn register(simulator: &Simulator, execution: &ExecutionOptions, start: SystemTime) {
    simulator.register_execution(rds_simulator::Execution {
        arn: execution.execution_arn.clone(),
        state_machine_arn: execution.state_machine_arn.clone(),
        status: "RUNNING".to_owned(),
        input: execution.input.to_string(),
        start_date: start,
        stop_date: None,
    });
}

/// The fleet as the interpreter's tasks, with a count of what it used.
struct Functions {
    fleet: Fleet,
    usage: Mutex<Usage>,
}

impl Functions {
    async fn call(&self, task: TaskRequest<'_>) -> Result<Value, TaskFailure> {
        let function = task.function.rsplit(':').next().unwrap_or_default();
        let begin = Instant::now();
        let answer = self.fleet.call(function, task.payload).await;
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.invocations += 1;
        usage.function_time += begin.elapsed();
        answer.map_err(|Failure { error, cause }| TaskFailure { error, cause })
    }

    fn usage(&self, outcome: &Outcome, simulator: &Simulator) -> Usage {
        let usage = *self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        Usage { transitions: outcome.state_transitions, mails: simulator.mails().len() as u64, ..usage }
    }
}

impl TaskHandler for Functions {
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>> {
        self.call(task).boxed_local()
    }
}
