//! One execution on this machine: the real state machine and the real functions, against a simulated RDS, under virtual
//! time. The same event, world and seed give the same run.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rds_simulator::{Simulator, World, WorldError};
use serde_json::Value;
use states_language::{StateMachine, substitute};
use tokio::task::LocalSet;
use tokio::time::Instant;
use trapheus_common::clients::{self, Lazy, lazy};
use trapheus_common::connect_error;
use trapheus_common::document::{RunOptions, SnapshotReplacement};
use trapheus_common::functions;
use trapheus_common::input::ValidateOptions;
use trapheus_common::poll::PollPolicy;
use trapheus_email::EmailOptions;
use trapheus_export::ExportOptions;
use trapheus_slack::SlackOptions;

use crate::cost::Usage;
use crate::environment::{Environment, Interceptor, Run};
use crate::fleet::Fleet;
use crate::injection::InjectedFault;
use crate::lambda::Idle;
use crate::report::Report;
use crate::timeline::Audience;

/// The deployed definition.
pub const DEFINITION: &str = include_str!("../../../../statemachine/trapheus.asl.json");
/// The databases that the files in `events/` name, and bystanders with similar names.
pub const DEFAULT_WORLD: &str = include_str!("../worlds/default.json");

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCOUNT: &str = "123456789012";
/// The name of the state machine in a stack called `trapheus`.
pub(crate) const STATE_MACHINE: &str = "trapheus-DBRestoreStateMachine";

/// The ARN of the state machine's execution of this name.
pub(crate) fn execution_arn(name: &str) -> String {
    format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:{STATE_MACHINE}:{name}")
}

/// The default name of a rehearsal's execution.
pub(crate) fn execution_name(seed: u64) -> String {
    format!("rehearsal-{seed}")
}

/// The places in which a rehearsal's deployment stores the addresses of its webhooks, one in each.
const SLACK_SECRET: &str = "trapheus/slack";
const SLACK_PARAMETER: &str = "/trapheus/slack";
/// The paths of the webhooks, which distinguish them in faults.
pub const WEBHOOKS: [&str; 2] = ["/services/T0/B0/oncall", "/services/T0/B0/dba"];
/// The longest rollback in a rehearsal's deployment.
pub const ROLLBACK: Duration = Duration::from_secs(6 * 3_600);
/// Every rehearsal begins on the same Monday morning, 2026-01-05T08:00:00Z.
pub const BEGIN: Duration = Duration::from_secs(1_767_600_000);

/// The deployed machine, loaded once.
static MACHINE: LazyLock<StateMachine> = LazyLock::new(|| {
    // The definition is compiled in, and a test loads it. Loading therefore cannot fail in a build whose tests passed.
    load(DEFINITION).unwrap_or_else(|problems| panic!("statemachine/trapheus.asl.json: {problems}"))
});

/// The deployed state machine.
pub fn deployed() -> &'static StateMachine {
    &MACHINE
}

/// Loads a definition, with the ARNs of the fleet's functions that it uses.
pub fn load(definition: &str) -> Result<StateMachine, String> {
    let arns = functions::names().map(|function| (functions::substitution(function), function_arn(function)));
    let arns = arns.filter(|(name, _)| definition.contains(&format!("${{{name}}}"))).collect();
    let definition = substitute(definition, &arns).map_err(|error| error.to_string())?;
    definition.parse::<StateMachine>().map_err(|error| error.to_string())
}

/// A definition's text with a Lambda function in place of every name that AWS SAM replaces.
pub fn filled_in(definition: &str) -> String {
    let names = match substitute(definition, &BTreeMap::new()) {
        Ok(_) => return definition.to_owned(),
        Err(error) => error.unknown,
    };
    let arns = names.into_iter().map(|name| (name.clone(), function_arn(&name))).collect();
    substitute(definition, &arns).unwrap_or_else(|_| definition.to_owned())
}

fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}

/// The input and the settings of a rehearsal.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The execution's input, as a user gives it.
    pub event: Value,
    pub world: World,
    pub seed: u64,
    /// The name of the execution; by default, one made from the seed.
    pub name: Option<String>,
    pub snapshot_replacement: SnapshotReplacement,
    /// Whether the deployment takes a final snapshot of the original before its deletion.
    pub final_snapshot: bool,
    /// Whether the deployment sends an alert for a success.
    pub success_notice: bool,
    /// The faults, besides those of the world.
    pub faults: Vec<InjectedFault>,
    /// Whether a recovery follows an execution without success, as in a deployment.
    pub recovery: bool,
    /// A state machine to use in place of the deployed one.
    pub definition: Option<StateMachine>,
    /// The interceptor between the state machine and the functions.
    pub interceptor: Option<Rc<dyn Interceptor>>,
}

impl Rehearsal {
    /// An event in a world, with the default settings of a deployment.
    pub fn new(event: Value, world: World) -> Self {
        Self {
            event,
            world,
            seed: 0,
            name: None,
            snapshot_replacement: SnapshotReplacement::default(),
            final_snapshot: false,
            success_notice: false,
            faults: Vec::new(),
            recovery: true,
            definition: None,
            interceptor: None,
        }
    }

    /// Runs the execution on its own clock, and reports each step to the audience.
    pub fn run(self, audience: &mut dyn Audience) -> Result<Report, WorldError> {
        // The whole rehearsal is in this process. It needs no I/O, and the clock advances when all tasks sleep.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("cannot set up a runtime without I/O: {error}"));
        runtime.block_on(self.run_here(audience))
    }

    /// Runs the execution on the current runtime's clock, which has to be paused.
    async fn run_here(mut self, audience: &mut dyn Audience) -> Result<Report, WorldError> {
        let start = SystemTime::UNIX_EPOCH + BEGIN;
        let options = rds_simulator::Options { seed: self.seed, start_time: start, speed: 1.0 };
        self.faults.extend(InjectedFault::of_world(&self.world)?);
        let simulator = Simulator::new(self.world.clone(), options)?;
        self.run_against(&simulator, audience).await
    }

    /// Runs the execution against an existing simulator.
    pub async fn run_against(
        mut self,
        simulator: &Simulator,
        audience: &mut dyn Audience,
    ) -> Result<Report, WorldError> {
        // The jitter of the functions and of the SDK's own retries comes from the thread's generator.
        fastrand::seed(self.seed);
        let before = simulator.state();
        let fleet = self.fleet(simulator, SystemTime::UNIX_EPOCH + BEGIN + simulator.now());
        let idle = Idle::of_world(&self.world)?;
        let mut environment = self.environment(simulator);
        environment.idle = idle.into();
        let run = Run {
            role: None,
            name: self.name.take().unwrap_or_else(|| execution_name(self.seed)),
            input: self.event,
            seed: self.seed,
            fleet: Rc::new(fleet),
        };

        let environment = Rc::new(environment);
        let local = LocalSet::new();
        let ended = Box::pin(local.run_until(environment.execute(&run, audience))).await;
        // Waits for recoveries, second runs, and functions that outlive their execution.
        local.await;
        let usage = Usage { mails: simulator.mails().len() as u64, ..environment.usage() };
        let strikes = environment.take_strikes(&run);
        Ok(Report::new(&run, ended, environment.take_others(), strikes, usage, before, simulator))
    }

    /// The environment that the executions share, with all faults.
    pub(crate) fn environment(&mut self, simulator: &Simulator) -> Environment {
        let [in_secret, in_parameter] = WEBHOOKS.map(|path| format!("https://hooks.slack.com{path}"));
        simulator.put_secret(SLACK_SECRET, &in_secret);
        simulator.put_parameter(SLACK_PARAMETER, &in_parameter);
        let machine = self.definition.take().unwrap_or_else(|| deployed().clone());
        let mut environment = Environment::new(simulator.clone(), machine, SystemTime::UNIX_EPOCH + BEGIN);
        environment.recovers = self.recovery;
        environment.interceptor = self.interceptor.take();
        environment.inject(std::mem::take(&mut self.faults));
        environment
    }

    /// The functions of this deployment, at a time of day.
    pub(crate) fn fleet(&self, simulator: &Simulator, start: SystemTime) -> Fleet {
        let Clients { rds, ses, sfn, webhooks } = Clients::of(simulator);
        Fleet {
            rds,
            ses,
            sfn,
            validate: ValidateOptions {
                run_seconds: 24 * 3_600,
                export_snapshots: false,
                options: RunOptions {
                    snapshot_replacement: self.snapshot_replacement,
                    keep_automated_backups: true,
                    final_snapshot: self.final_snapshot,
                    rollback_seconds: ROLLBACK.as_secs(),
                    success_notice: self.success_notice,
                },
            },
            poll_policy: PollPolicy::every(PollPolicy::DEFAULT_SECONDS),
            email: EmailOptions::new("trapheus@example.com", "oncall@example.com", REGION),
            export: ExportOptions {
                bucket: "rds-snapshots-123456789012-us-east-1-rehearsal".to_owned(),
                role_arn: "arn:aws:iam::123456789012:role/SnapshotExportRole".to_owned(),
                kms_key_arn: "arn:aws:kms:us-east-1:123456789012:key/SnapshotExportKmsKey".to_owned(),
            },
            slack: SlackOptions::new(SLACK_SECRET, SLACK_PARAMETER, REGION),
            webhooks,
            epoch: (start, Instant::now()),
        }
    }
}

/// AWS clients that talk to a simulator in this process.
#[derive(Clone, Debug)]
pub struct Clients {
    pub rds: aws_sdk_rds::Client,
    pub ses: Lazy<aws_sdk_sesv2::Client>,
    pub sfn: Lazy<aws_sdk_sfn::Client>,
    pub webhooks: trapheus_slack::Clients,
}

impl Clients {
    /// Clients with the time-outs and retries of the deployed functions.
    ///
    /// They leave out signatures, endpoint rules and the watch over slow streams. These are a fifth of the cost of a
    /// request here, and the simulator needs none of them. The clients also leave out the quota of retries, which the SDK
    /// keeps for the whole process. In a deployment, each function is its own process.
    pub fn of(simulator: &Simulator) -> Self {
        macro_rules! client {
            ($sdk:ident, $service:literal) => {
                $sdk::Client::from_conf(
                    $sdk::Config::builder()
                        .behavior_version_latest()
                        .region($sdk::config::Region::from_static(REGION))
                        .allow_no_auth()
                        .endpoint_url(format!("https://{}.{REGION}.amazonaws.com", $service))
                        .stalled_stream_protection($sdk::config::StalledStreamProtectionConfig::disabled())
                        .http_client(connect_error::reporting(simulator.http_connector()))
                        .timeout_config(clients::timeouts())
                        .retry_config(clients::retries())
                        .retry_partition(
                            $sdk::config::retry::RetryPartition::custom("rehearsal")
                                .token_bucket($sdk::config::retry::TokenBucket::unlimited())
                                .build(),
                        )
                        .build(),
                )
            };
        }
        let rds = client!(aws_sdk_rds, "rds");
        let (ses, sfn) = (client!(aws_sdk_sesv2, "email"), client!(aws_sdk_sfn, "states"));
        let (secrets, parameters) = (client!(aws_sdk_secretsmanager, "secretsmanager"), client!(aws_sdk_ssm, "ssm"));
        let http = simulator.http_connector();
        let webhooks = trapheus_slack::Clients {
            secrets: lazy(|| secrets),
            parameters: lazy(|| parameters),
            rds: rds.clone(),
            http: lazy(|| http),
        };
        Self { rds, ses: lazy(|| ses), sfn: lazy(|| sfn), webhooks }
    }
}
