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
use trapheus_common::document::{Options, SnapshotReplacement};
use trapheus_common::functions;
use trapheus_common::input::ValidateOptions;
use trapheus_common::poll::Pace;
use trapheus_email::EmailOptions;
use trapheus_export::ExportOptions;
use trapheus_slack::SlackOptions;

use crate::cost::Usage;
use crate::disturbance::Disturbance;
use crate::fleet::Fleet;
use crate::lambda::Idle;
use crate::report::Report;
use crate::stage::{Around, Run, Stage};
use crate::timeline::Audience;

/// The definition that is deployed.
pub const DEFINITION: &str = include_str!("../../../../statemachine/trapheus.asl.json");
/// The databases that the files in `events/` name, and bystanders with similar names.
pub const DEFAULT_WORLD: &str = include_str!("../worlds/default.json");

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCOUNT: &str = "123456789012";
/// What a stack called `trapheus` calls its state machine.
pub(crate) const STATE_MACHINE: &str = "trapheus-DBRestoreStateMachine";

/// The ARN of the state machine's execution of this name.
pub(crate) fn execution_arn(name: &str) -> String {
    format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:{STATE_MACHINE}:{name}")
}

/// The name of a rehearsal's execution, unless it is given another.
pub(crate) fn execution_name(seed: u64) -> String {
    format!("rehearsal-{seed}")
}

/// Where a rehearsal's deployment keeps the addresses of its webhooks, one in each place.
const SLACK_SECRET: &str = "trapheus/slack";
const SLACK_PARAMETER: &str = "/trapheus/slack";
/// The paths of the webhooks, by which faults tell them apart.
pub const WEBHOOKS: [&str; 2] = ["/services/T0/B0/oncall", "/services/T0/B0/dba"];
/// How long a rollback may take in a rehearsal's deployment.
pub const ROLLBACK: Duration = Duration::from_secs(6 * 3_600);
/// Every rehearsal begins on the same Monday morning, 2026-01-05T08:00:00Z.
pub const BEGIN: Duration = Duration::from_secs(1_767_600_000);

/// The deployed machine, loaded once.
static MACHINE: LazyLock<StateMachine> = LazyLock::new(|| {
    // The definition is compiled in, and a test loads it: this cannot fail in a build that passed its tests.
    load(DEFINITION).unwrap_or_else(|problems| panic!("statemachine/trapheus.asl.json: {problems}"))
});

/// The state machine that is deployed.
pub fn deployed() -> &'static StateMachine {
    &MACHINE
}

/// Loads a definition with the functions of the fleet put in, as far as it uses them.
pub fn load(definition: &str) -> Result<StateMachine, String> {
    let arns = functions::names().map(|function| (functions::substitution(function), function_arn(function)));
    let arns = arns.filter(|(name, _)| definition.contains(&format!("${{{name}}}"))).collect();
    let definition = substitute(definition, &arns).map_err(|error| error.to_string())?;
    definition.parse::<StateMachine>().map_err(|error| error.to_string())
}

/// A definition's text with a Lambda function in the place of every name that AWS SAM would fill in.
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

/// What is rehearsed.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The execution's input, as a user would give it.
    pub event: Value,
    pub world: World,
    pub seed: u64,
    /// The name of the execution; one of the seed if none is given.
    pub name: Option<String>,
    pub snapshot_replacement: SnapshotReplacement,
    /// Whether the deployment wants a last snapshot of what it replaces.
    pub final_snapshot: bool,
    /// Whether people are told of a success, too.
    pub success_notice: bool,
    /// What goes wrong, besides what the world says.
    pub disturbances: Vec<Disturbance>,
    /// Whether an execution that did not succeed is followed by its recovery, as in a deployment.
    pub recovery: bool,
    /// Another state machine than the deployed one.
    pub definition: Option<StateMachine>,
    /// What stands between the state machine and the functions.
    pub around: Option<Rc<dyn Around>>,
}

impl Rehearsal {
    /// An event in a world, with everything else as a deployment has it by default.
    pub fn new(event: Value, world: World) -> Self {
        Self {
            event,
            world,
            seed: 0,
            name: None,
            snapshot_replacement: SnapshotReplacement::default(),
            final_snapshot: false,
            success_notice: false,
            disturbances: Vec::new(),
            recovery: true,
            definition: None,
            around: None,
        }
    }

    /// Runs the execution on a clock of its own and tells the audience step by step.
    pub fn run(self, audience: &mut dyn Audience) -> Result<Report, WorldError> {
        // Everything is in this process: no I/O to drive, and time that passes whenever all of it sleeps.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("cannot set up a runtime without I/O: {error}"));
        runtime.block_on(self.run_here(audience))
    }

    /// Runs the execution on the current runtime's clock, which has to be paused.
    async fn run_here(mut self, audience: &mut dyn Audience) -> Result<Report, WorldError> {
        let start = SystemTime::UNIX_EPOCH + BEGIN;
        let options = rds_simulator::Options { seed: self.seed, start_time: start, speed: 1.0 };
        self.disturbances.extend(Disturbance::of_world(&self.world)?);
        let simulator = Simulator::new(self.world.clone(), options)?;
        self.run_against(&simulator, audience).await
    }

    /// Runs the execution against a simulator that exists already.
    pub async fn run_against(
        mut self,
        simulator: &Simulator,
        audience: &mut dyn Audience,
    ) -> Result<Report, WorldError> {
        // Jitter in the functions and in the SDK's own retries comes from the thread's generator.
        fastrand::seed(self.seed);
        let before = simulator.state();
        let fleet = self.fleet(simulator, SystemTime::UNIX_EPOCH + BEGIN + simulator.now());
        let idle = Idle::of_world(&self.world)?;
        let mut stage = self.stage(simulator);
        stage.idle = idle.into();
        let run = Run {
            role: None,
            name: self.name.take().unwrap_or_else(|| execution_name(self.seed)),
            input: self.event,
            seed: self.seed,
            fleet: Rc::new(fleet),
        };

        let stage = Rc::new(stage);
        let local = LocalSet::new();
        let ended = Box::pin(local.run_until(stage.execute(&run, audience))).await;
        // Recoveries, second runs, and functions that work on though nobody waits for them.
        local.await;
        let usage = Usage { mails: simulator.mails().len() as u64, ..stage.usage() };
        let strikes = stage.take_strikes(&run);
        Ok(Report::new(&run, ended, stage.take_others(), strikes, usage, before, simulator))
    }

    /// What its executions share, with everything that goes wrong handed over to it.
    pub(crate) fn stage(&mut self, simulator: &Simulator) -> Stage {
        let [in_secret, in_parameter] = WEBHOOKS.map(|path| format!("https://hooks.slack.com{path}"));
        simulator.put_secret(SLACK_SECRET, &in_secret);
        simulator.put_parameter(SLACK_PARAMETER, &in_parameter);
        let machine = self.definition.take().unwrap_or_else(|| deployed().clone());
        let mut stage = Stage::new(simulator.clone(), machine, SystemTime::UNIX_EPOCH + BEGIN);
        stage.recovers = self.recovery;
        stage.around = self.around.take();
        stage.disturb(std::mem::take(&mut self.disturbances));
        stage
    }

    /// The functions as this deployment has them, at a time of day.
    pub(crate) fn fleet(&self, simulator: &Simulator, start: SystemTime) -> Fleet {
        let Clients { rds, ses, sfn, webhooks } = Clients::of(simulator);
        Fleet {
            rds,
            ses,
            sfn,
            validate: ValidateOptions {
                run_seconds: 24 * 3_600,
                export_snapshots: false,
                options: Options {
                    snapshot_replacement: self.snapshot_replacement,
                    keep_automated_backups: true,
                    final_snapshot: self.final_snapshot,
                    rollback_seconds: ROLLBACK.as_secs(),
                    success_notice: self.success_notice,
                },
            },
            pace: Pace::polling_every(Pace::DEFAULT_SECONDS),
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
    /// With the time-outs and retries the deployed functions have. Signatures, endpoint rules and the watch over slow streams
    /// are left out: they are a fifth of what a request costs here, and the simulator asks for none of them. So is the quota
    /// of retries, which the SDK keeps for the whole process: in a deployment each function is a process of its own.
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
