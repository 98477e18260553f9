//! Amazon RDS as a restore orchestrator sees it: the real wire format, statuses over time, faults.
//!
//! The real SDKs talk to the simulator unmodified, in process ([`Simulator::http_client`]) or over HTTP ([`serve()`]).
//! Besides RDS (AWS Query protocol), the simulator takes mails for Amazon SES v2 and looks up executions for Step Functions.
//! It returns texts for Secrets Manager and Parameter Store, and takes messages that are posted to any other endpoint. It
//! knows nothing about its callers.
//!
//! ```
//! use rds_simulator::{Options, Simulator, World};
//!
//! let world = World::from_json(r#"{"instances": [{"identifier": "orders", "engine": "postgres"}]}"#)?;
//! let simulator = Simulator::new(world, Options::default())?;
//! assert_eq!(simulator.state().instance("orders").map(|orders| orders.status.as_ref()), Some("available"));
//! # Ok::<(), rds_simulator::WorldError>(())
//! ```
//!
//! **Time** is Tokio's: under `tokio::time::pause` a restore of six hours takes milliseconds. Nothing runs in the
//! background; a read or a request first applies every step that has fallen due. The same world, seed and requests give the
//! same run.
//!
//! Further reading: `world.rs` has the file format, `state.rs` the changes over time, `actions/` the effect of each request,
//! `faults.rs` the faults. [`BEHAVIOURS`] lists the modelled behaviours with their evidence.

mod actions;
mod backups;
mod behaviours;
mod build;
mod connector;
mod dispatch;
mod engines;
mod error;
mod events;
mod executions;
mod faults;
mod history;
mod lag;
mod mail;
mod named;
mod names;
mod network;
mod offers;
mod origins;
mod post;
mod query;
mod render;
mod report;
mod resources;
mod secrets;
mod server;
mod settings;
mod sharing;
mod state;
mod storage;
mod tags;
mod world;
mod xml;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};
use bytes::Bytes;
use tokio::time::Instant;

pub use actions::RDS_ACTIONS;
pub use behaviours::{BEHAVIOURS, Behaviour, Evidence};
pub use dispatch::{ConnectionError, OPERATOR, Outcome, RecordedRequest, Service};
pub use executions::{EXECUTION_ACTIONS, Execution, Redriven};
pub use faults::{Fault, FaultRule, Intervention, Strike, StruckBy, When};
pub use history::NameHistory;
pub use mail::{MAIL_ACTIONS, Mail};
pub use named::Named;
pub use origins::{Made, Served, Source, SourceKind};
pub use post::{POST_ACTIONS, Post};
pub use report::{ClusterState, ExportState, InstanceState, SnapshotState, WorldState};
pub use resources::LASTING_STATUSES;
pub use secrets::{PARAMETER_ACTIONS, SECRET_ACTIONS};
pub use server::serve;
pub use settings::{ClusterSettings, InstanceSettings, ProcessorFeatures, ServerlessV2Scaling, StorageVolume};
pub use world::{
    ApplyStatus, BlueGreenSpec, CertificateSpec, ClusterEndpointSpec, ClusterSnapshotSpec, ClusterSpec,
    EngineVersionSpec, GroupSpec, IdleFunctions, InstanceSpec, IntegrationSpec, Lag, Lambda, Limits, MemberSpec, Offer,
    OrderableSpec, ProxySpec, RetainedBackupSpec, RetainedClusterBackupSpec, RoleSpec, SecurityGroupSpec, Shortage,
    SnapshotSpec, Timings, Unverified, World, WorldError,
};

use connector::Connector;
use dispatch::Desk;
use executions::Known;
use resources::Millis;

tokio::task_local! {
    static ROLE: Arc<str>;
    static STEP: Arc<str>;
}

/// Runs `work` and records its requests under a role. This holds for requests made in this process and in its own task.
pub async fn in_role<T>(role: &str, work: impl Future<Output = T>) -> T {
    ROLE.scope(role.into(), work).await
}

/// The role under which a request is being made; empty outside of [`in_role`].
fn current_role() -> String {
    ROLE.try_with(|role| role.as_ref().to_owned()).unwrap_or_default()
}

/// Runs `work` and records its requests in a step of a larger operation. This holds for requests made in this process and in
/// its own task.
pub async fn in_step<T>(step: &str, work: impl Future<Output = T>) -> T {
    STEP.scope(step.into(), work).await
}

/// The step in which a request is being made; empty outside of [`in_step`].
fn current_step() -> String {
    STEP.try_with(|step| step.as_ref().to_owned()).unwrap_or_default()
}

/// How a simulator runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Decides every jitter, generated id and probability.
    pub seed: u64,
    /// The time of the wall clock at the start.
    pub start_time: SystemTime,
    /// Simulated seconds to one second of Tokio's clock.
    pub speed: f64,
}

impl Default for Options {
    /// Seed 0, the present time, real speed.
    fn default() -> Self {
        Self { seed: 0, start_time: SystemTime::now(), speed: 1.0 }
    }
}

/// A simulated region of an AWS account. Clones share it.
#[derive(Clone, Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    label: Option<Arc<str>>,
}

#[derive(Debug)]
struct Shared {
    begin: Instant,
    speed: f64,
    desk: Mutex<Desk>,
}

impl Simulator {
    /// Builds the world; its clock starts now.
    pub fn new(world: World, options: Options) -> Result<Self, WorldError> {
        let since_epoch = options.start_time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let start = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX / 2);
        let state = build::build(&world, options.seed, start)?;
        let desk = Desk::new(state, faults::Faults::new(world.faults), world.meddling);
        let speed = if options.speed > 0.0 { options.speed } else { 1.0 };
        let shared = Shared { begin: Instant::now(), speed, desk: Mutex::new(desk) };
        Ok(Self { shared: Arc::new(shared), label: None })
    }

    /// The same simulator, which records the requests under this caller.
    #[must_use]
    pub fn on_behalf_of(&self, caller: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), label: Some(caller.into()) }
    }

    /// An HTTP client for any AWS SDK client in this process.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(Connector(self.clone()))
    }

    /// An HTTP connector for plain HTTP requests to any host.
    pub fn http_connector(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.clone()))
    }

    /// Answers a request to any of the services. It waits only if a fault makes the answer slow.
    pub async fn handle(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ConnectionError> {
        let answer = self.desk().handle(request, self.label.as_deref());
        if answer.delay_seconds > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(answer.delay_seconds / self.shared.speed)).await;
        }
        answer.result
    }

    /// The present state of the world.
    pub fn state(&self) -> WorldState {
        report::report(&self.desk().state)
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.desk().requests.clone()
    }

    /// The number of requests by this caller that were not reads, granted or refused.
    pub fn changes_by(&self, caller: &str) -> u64 {
        let desk = self.desk();
        let looks = |action: &str| action.starts_with("Describe") || action.starts_with("List");
        desk.requests.iter().filter(|request| request.caller == caller && !looks(&request.action)).count() as u64
    }

    /// Every mail so far, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.desk().mails.clone()
    }

    /// Every message that was posted to an endpoint outside of AWS so far, in order.
    pub fn posts(&self) -> Vec<Post> {
        self.desk().posts.clone()
    }

    /// Puts a text into Secrets Manager under this name.
    pub fn put_secret(&self, name: &str, text: &str) {
        self.desk().secrets.insert(name.to_owned(), text.to_owned());
    }

    /// Puts a `SecureString` into Parameter Store under this name.
    pub fn put_parameter(&self, name: &str, text: &str) {
        self.desk().parameters.insert(name.to_owned(), text.to_owned());
    }

    /// Time since the start, on the simulator's clock.
    pub fn now(&self) -> Duration {
        Duration::from_millis(self.millis())
    }

    /// The time of the next change of a status, counted from the start; `None` if nothing is under way.
    pub fn next_change(&self) -> Option<Duration> {
        self.desk().state.next_step().map(Duration::from_millis)
    }

    /// Adds a fault; its occurrences count from now.
    pub fn inject(&self, rule: FaultRule) {
        self.desk().faults.add(rule);
    }

    /// Adds a request that a person will make. Its occurrences count from now.
    pub fn intervene(&self, intervention: Intervention) {
        self.desk().add_intervention(intervention);
    }

    /// Every fault rule: those of the world file, then those added, in order.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.desk().faults.rules().cloned().collect()
    }

    /// Every intervention: those of the world file, then those added, in order.
    pub fn interventions(&self) -> Vec<Intervention> {
        self.desk().interventions.clone()
    }

    /// Every fault and every intervention that took effect so far, in order.
    pub fn strikes(&self) -> Vec<Strike> {
        self.desk().strikes.clone()
    }

    /// Makes an execution known to `DescribeExecution` and `ListExecutions`. It replaces an execution with the same ARN.
    pub fn register_execution(&self, execution: Execution) {
        let mut desk = self.desk();
        let [start_lag, end_lag] = [(); 2].map(|()| {
            let bound = desk.state.lag.execution_seconds;
            Duration::from_millis(desk.state.delay(bound))
        });
        desk.executions.retain(|known| known.execution.arn != execution.arn);
        desk.executions.push(Known { execution, start_lag, end_lag });
    }

    /// Changes a registered execution, for example to end it. Returns false if no execution has this ARN.
    pub fn update_execution(&self, arn: &str, update: impl FnOnce(&mut Execution)) -> bool {
        let mut desk = self.desk();
        let known = desk.executions.iter_mut().find(|known| known.execution.arn == arn);
        known.map(|known| update(&mut known.execution)).is_some()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn millis(&self) -> Millis {
        (self.shared.begin.elapsed().as_secs_f64() * self.shared.speed * 1000.0).round() as Millis
    }

    /// The world, moved to now. A panic in one request does not break the others.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        let mut desk = self.shared.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.advance(self.millis());
        desk
    }
}
