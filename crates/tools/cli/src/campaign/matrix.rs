//! Every kind of fault at every moment of a run. A run without faults is recorded, and a fault then hits each of its
//! actions once.
//!
//! This module also owns the building blocks that [`super::random`] combines.

use std::collections::BTreeMap;
use std::sync::Arc;

use rds_simulator::{
    Fault, FaultRule, GroupSpec, IdleFunctions, InstanceSettings, Intervention, Lambda, Limits, ProxySpec, Service,
    Timings, Unverified, When, World,
};
use serde_json::{Value, json};
use trapheus_common::document::{AlertPhase, SnapshotReplacement};
use trapheus_common::functions::PipelineStep;
use trapheus_common::tags::{self, Role};

use super::families::{self as f, Family};
use super::{Case, Changes, examined, field, restarts, sources};
use crate::injection::{Beside, FunctionFault, FunctionFaultKind, InjectedFault};
use crate::lambda::LambdaError;
use crate::rehearsal::{WEBHOOKS, execution_arn};
use crate::steps;

/// The databases of the built-in world, one of each kind.
pub const TARGETS: [(&str, bool); 3] = [("orders", false), ("shop", true), ("ledger", true)];
pub const TASKS: [&str; 3] = ["create_snapshot", "db_restore", "create_snapshot_only"];

pub fn event(identifier: &str, task: &str, is_cluster: bool) -> Value {
    json!({"identifier": identifier, "task": task, "isCluster": is_cluster})
}

/// Every task on every kind of database.
pub fn events() -> Vec<Value> {
    TARGETS.iter().flat_map(|(identifier, is_cluster)| TASKS.map(|task| event(identifier, task, *is_cluster))).collect()
}

/// The actions of a run, counted by the kinds that a fault can affect.
#[derive(Clone, Debug)]
pub struct Recording {
    pub event: Value,
    /// Requests that change something, by action.
    pub changes: BTreeMap<String, u32>,
    /// Requests that only read, by action.
    pub looks: BTreeMap<String, u32>,
    /// Invocations by function.
    pub functions: BTreeMap<String, u32>,
    /// Entries by state, of Task states only.
    pub states: BTreeMap<String, u32>,
}

impl Recording {
    /// Rehearses the case and records its actions. With `after`, actions before the state that sends this alert are left out.
    pub fn of(case: &Case, after: Option<AlertPhase>) -> Result<Self, String> {
        let ended = examined(case, &Changes::default()).map_err(|error| error.to_string())?;
        let steps = &ended.report.steps;
        let since = after.and_then(|phase| steps::DEPLOYED.alerting(phase));
        let since = since.and_then(|state| steps.iter().find(|step| step.state == state));
        let since = since.map_or(0.0, |step| step.started_seconds);
        let mut recording = Self {
            event: case.event.clone(),
            changes: BTreeMap::new(),
            looks: BTreeMap::new(),
            functions: BTreeMap::new(),
            states: BTreeMap::new(),
        };
        // An action before that state still counts as an occurrence. All actions are therefore counted, and names without a
        // later one removed.
        for request in ended.requests.iter().filter(|request| request.service == Service::Rds) {
            let looks = request.action.starts_with("Describe") || request.action.starts_with("List");
            let counts = if looks { &mut recording.looks } else { &mut recording.changes };
            *counts.entry(request.action.clone()).or_default() += 1;
        }
        for step in steps {
            if let Some(function) = steps::function(&step.state) {
                *recording.functions.entry(function.to_owned()).or_default() += 1 + step.retries;
                *recording.states.entry(step.state.clone()).or_default() += 1;
            }
        }
        if since > 0.0 {
            recording.only_since(&ended, since);
        }
        Ok(recording)
    }

    /// Keeps the actions since then.
    fn only_since(&mut self, ended: &super::Examined, since: f64) {
        let later = |action: &String| {
            ended.requests.iter().any(|request| request.action == *action && request.at.as_secs_f64() >= since)
        };
        self.changes.retain(|action, _| later(action));
        let steps: Vec<_> = ended.report.steps.iter().filter(|step| step.started_seconds >= since).collect();
        self.states.retain(|state, _| steps.iter().any(|step| step.state == *state));
        self.functions.retain(|function, _| steps.iter().any(|step| steps::calls(&step.state, function)));
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.event["isCluster"] == true
    }

    pub(super) fn identifier(&self) -> &str {
        self.event["identifier"].as_str().unwrap_or_default()
    }

    pub(super) fn restores(&self) -> bool {
        self.event["task"] != "create_snapshot_only"
    }

    /// A run with both tasks: it differs from the plain restore only in its first half.
    pub(super) fn is_half(&self) -> bool {
        self.event["task"] == "create_snapshot"
    }

    pub fn takes_snapshot(&self) -> bool {
        self.event["task"] != "db_restore"
    }
}

/// Every occurrence of every name: the name and its number, from 1.
pub(super) fn each(counts: &BTreeMap<String, u32>) -> impl Iterator<Item = (&str, u32)> {
    counts.iter().flat_map(|(name, count)| (1..=*count).map(move |number| (name.as_str(), number)))
}

/// The faults of a request, with the number of occurrences in a row.
pub fn request_faults() -> Vec<(&'static Family, Fault, u32)> {
    let throttle = |code: &str| Fault::Throttle { code: code.to_owned() };
    let error = |code: &str| Fault::Error { code: code.to_owned(), message: "no".to_owned() };
    let ends_in = |status: &str| Fault::EndsIn { status: status.to_owned() };
    vec![
        (f::THROTTLED, throttle("Throttling"), 1),
        (f::THROTTLED, throttle("RequestLimitExceeded"), 4),
        (f::UNAVAILABLE, Fault::ServerError { status: 500 }, 1),
        (f::UNAVAILABLE, Fault::ServerError { status: 503 }, 4),
        (f::UNAVAILABLE, Fault::ConnectionRefused {}, 2),
        (f::OUTAGE, throttle("Throttling"), 10_000),
        (f::OUTAGE, Fault::ServerError { status: 503 }, 10_000),
        (f::DENIED, Fault::Denied {}, 1),
        (f::REFUSED, error("InvalidParameterCombination"), 1),
        (f::REFUSED, error("InvalidDBInstanceState"), 1),
        (f::REFUSED, error("InvalidDBClusterStateFault"), 1),
        (f::ANSWER_LOST, Fault::ResponseLost {}, 1),
        (f::ANSWER_LOST, Fault::ResponseLost {}, 3),
        (f::ANSWER_LOST, Fault::ConnectionReset {}, 1),
        (f::LATE, Fault::Late { seconds: 60.0 }, 1),
        (f::LATE, Fault::Late { seconds: 80.0 }, 1),
        (f::SLOW, Fault::Slow { seconds: 120.0 }, 1),
        (f::SLOW, Fault::NotFoundFor { seconds: 60.0 }, 1),
        (f::LONG, Fault::Stuck { seconds: Some(21_600.0) }, 1),
        (f::STUCK, Fault::Stuck { seconds: None }, 1),
        (f::BAD_STATUS, ends_in("failed"), 1),
        (f::BAD_STATUS, ends_in("incompatible-parameters"), 1),
        (f::BAD_STATUS, ends_in("incompatible-restore"), 1),
        (f::BAD_STATUS, ends_in("storage-full"), 1),
    ]
}

pub fn request(action: &str, occurrence: u32, times: u32, fault: Fault) -> InjectedFault {
    InjectedFault::Request(FaultRule {
        action: action.to_owned(),
        identifier: None,
        caller: None,
        occurrence,
        times,
        fault,
    })
}

/// The failures of functions, with the number of occurrences in a row.
pub fn function_faults() -> Vec<(&'static Family, FunctionFaultKind, u32)> {
    vec![
        (f::FUNCTION_CRASH, FunctionFaultKind::Crash, 1),
        (f::FUNCTION_CRASH, FunctionFaultKind::Crash, 4),
        (f::FUNCTION_LOST, FunctionFaultKind::AnswerLost, 1),
        (f::FUNCTION_LOST, FunctionFaultKind::AnswerLost, 4),
        (f::FUNCTION_LOST, FunctionFaultKind::TimeOut, 1),
        (f::FUNCTION_SERVICE, FunctionFaultKind::ServiceException, 2),
        (f::FUNCTION_SERVICE, FunctionFaultKind::TooManyRequests, 5),
    ]
}

pub fn function(function: &str, occurrence: u32, times: u32, fault: FunctionFaultKind) -> InjectedFault {
    InjectedFault::Function(FunctionFault { function: function.to_owned(), occurrence, times, fault })
}

/// An intervention to rehearse: its family, its action and its parameters.
pub type PlannedIntervention = (&'static Family, &'static str, Vec<(&'static str, String)>);

/// The actions that people may do to a database and its parts.
pub fn interventions(identifier: &str, is_cluster: bool) -> Vec<PlannedIntervention> {
    let temporary = format!("{identifier}-temp");
    let snapshot = format!("{identifier}-snapshot");
    let kind = if is_cluster { "cluster" } else { "db" };
    let arn = |name: &str| format!("arn:aws:rds:us-east-1:123456789012:{kind}:{name}");
    let yes = || "true".to_owned();
    let mut all = Vec::new();
    let (name, new_name, modify, delete, stop) = if is_cluster {
        ("DBClusterIdentifier", "NewDBClusterIdentifier", "ModifyDBCluster", "DeleteDBCluster", "StopDBCluster")
    } else {
        ("DBInstanceIdentifier", "NewDBInstanceIdentifier", "ModifyDBInstance", "DeleteDBInstance", "StopDBInstance")
    };
    for found in [identifier, temporary.as_str()] {
        let this = || (name, found.to_owned());
        all.push((
            f::PEOPLE_RENAME,
            modify,
            vec![this(), (new_name, format!("{identifier}-old")), ("ApplyImmediately", yes())],
        ));
        all.push((f::PEOPLE_DELETE, delete, vec![this(), ("SkipFinalSnapshot", yes())]));
        all.push((f::PEOPLE_STOP, stop, vec![this()]));
        all.push((
            f::PEOPLE_MODIFY,
            modify,
            vec![this(), ("BackupRetentionPeriod", "9".to_owned()), ("ApplyImmediately", yes())],
        ));
        all.push((f::PEOPLE_MODIFY, modify, vec![this(), ("DeletionProtection", yes())]));
        for key in [tags::EXECUTION, tags::ROLE] {
            all.push((
                f::PEOPLE_TAGS,
                "RemoveTagsFromResource",
                vec![("ResourceName", arn(found)), ("TagKeys.member.1", key.to_owned())],
            ));
        }
        all.push((
            f::PEOPLE_TAGS,
            "AddTagsToResource",
            vec![
                ("ResourceName", arn(found)),
                ("Tags.Tag.1.Key", tags::EXECUTION.to_owned()),
                ("Tags.Tag.1.Value", execution_arn("another")),
            ],
        ));
        all.push(made(identifier, is_cluster, found));
    }
    all.extend(of_members(identifier));
    let (delete_snapshot, create_snapshot, snapshot_name) = if is_cluster {
        ("DeleteDBClusterSnapshot", "CreateDBClusterSnapshot", "DBClusterSnapshotIdentifier")
    } else {
        ("DeleteDBSnapshot", "CreateDBSnapshot", "DBSnapshotIdentifier")
    };
    all.push((f::PEOPLE_SNAPSHOTS, delete_snapshot, vec![(snapshot_name, snapshot)]));
    all.push((f::PEOPLE_SNAPSHOTS, delete_snapshot, vec![(snapshot_name, temporary.clone())]));
    all.push((f::PEOPLE_SNAPSHOTS, create_snapshot, vec![(snapshot_name, temporary), (name, identifier.to_owned())]));
    all
}

/// A person's own database under one of the run's names.
fn made(identifier: &str, is_cluster: bool, name: &str) -> PlannedIntervention {
    let text = str::to_owned;
    if is_cluster {
        let engine = if identifier == "shop" { "aurora-postgresql" } else { "aurora-mysql" };
        (
            f::PEOPLE_NAMES,
            "CreateDBCluster",
            vec![
                ("DBClusterIdentifier", text(name)),
                ("Engine", text(engine)),
                ("MasterUsername", text("person")),
                ("MasterUserPassword", text("secret-secret")),
            ],
        )
    } else {
        (
            f::PEOPLE_NAMES,
            "CreateDBInstance",
            vec![
                ("DBInstanceIdentifier", text(name)),
                ("Engine", text("mysql")),
                ("DBInstanceClass", text("db.t4g.micro")),
                ("AllocatedStorage", text("20")),
                ("MasterUsername", text("person")),
                ("MasterUserPassword", text("secret-secret")),
            ],
        )
    }
}

/// The actions that people do to the members of the Aurora cluster.
fn of_members(identifier: &str) -> Vec<PlannedIntervention> {
    if identifier != "shop" {
        return Vec::new();
    }
    let text = str::to_owned;
    let mut all = Vec::new();
    for member in ["shop-1", "shop-2", "shop-1-temp", "shop-2-temp"] {
        all.push((f::PEOPLE_MEMBERS, "DeleteDBInstance", vec![("DBInstanceIdentifier", text(member))]));
        all.push((
            f::PEOPLE_RENAME,
            "ModifyDBInstance",
            vec![
                ("DBInstanceIdentifier", text(member)),
                ("NewDBInstanceIdentifier", text("shop-9")),
                ("ApplyImmediately", text("true")),
            ],
        ));
    }
    for (name, cluster) in [("shop-9", "shop"), ("shop-9", "shop-temp"), ("shop-3", "shop")] {
        all.push((
            f::PEOPLE_MEMBERS,
            "CreateDBInstance",
            vec![
                ("DBInstanceIdentifier", text(name)),
                ("DBClusterIdentifier", text(cluster)),
                ("Engine", text("aurora-postgresql")),
                ("DBInstanceClass", text("db.r6g.large")),
            ],
        ));
    }
    all
}

pub fn intervention(action: &str, parameters: &[(&str, String)], when: When) -> InjectedFault {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    InjectedFault::Intervention(Intervention { when, action: action.to_owned(), parameters })
}

/// A number of seconds after the given request.
pub fn after(action: &str, occurrence: u32, delay_seconds: f64) -> When {
    When::After { action: action.to_owned(), occurrence, delay_seconds }
}

/// Restores that fail, for faults in their rollback.
pub fn failing_restores(identifier: &str) -> Vec<Vec<InjectedFault>> {
    let failed = || Fault::EndsIn { status: "failed".to_owned() };
    match identifier {
        "orders" => vec![
            vec![request("RestoreDBInstanceFromDBSnapshot", 1, 1, failed())],
            vec![request("RestoreDBInstanceFromDBSnapshot", 1, 1, Fault::Denied {})],
        ],
        "shop" => vec![
            vec![request("CreateDBInstance", 2, 1, failed())],
            vec![request("RestoreDBClusterFromSnapshot", 1, 1, Fault::Denied {})],
            // The rename of the second member fails, so the cluster is half renamed.
            vec![request("ModifyDBInstance", 2, 1, Fault::Denied {})],
        ],
        _ => vec![vec![request(
            "RestoreDBClusterFromSnapshot",
            1,
            1,
            Fault::EndsIn { status: "migration-failed".to_owned() },
        )]],
    }
}

/// Every case of the matrix, for these events.
pub fn cases(events: &[Value]) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for event in events {
        let happy = Recording::of(&Case::new(f::HAPPY, event), None)?;
        if happy.changes.is_empty() {
            return Err(format!(
                "{event} changes nothing even if nothing goes wrong: is the database in the built-in world?"
            ));
        }
        cases.extend(worlds(&happy));
        cases.extend(requests(&happy));
        cases.extend(invocations(&happy));
        cases.extend(sleeping(&happy)?);
        cases.extend(executions(&happy));
        cases.extend(people(&happy));
        cases.extend(notices(event)?);
        cases.extend(restarts::redriven(&happy));
        cases.extend(field::cases(&happy)?);
        cases.extend(sources::cases(event)?);
        if happy.takes_snapshot() {
            cases.extend(exports(event)?);
        } else {
            cases.extend(rollbacks(event)?);
            cases.extend(restarts::redriven_rollbacks(event)?);
            cases.extend(restarts::recovered_twice(&happy)?);
            cases.extend(restored(event)?);
        }
    }
    cases.extend(inputs());
    // The families' order is the order in which the cases run and are counted.
    cases.sort_by_key(|case| f::ALL.iter().position(|family| *family == case.family));
    Ok(cases)
}

fn requests(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    for (action, occurrence) in each(&happy.changes) {
        for (family, fault, times) in request_faults() {
            cases.push(Case::new(family, &happy.event).with([request(action, occurrence, times, fault)]));
        }
    }
    let denied =
        || [Fault::Denied {}, Fault::Error { code: "InvalidParameterValue".to_owned(), message: String::new() }];
    for (action, count) in &happy.looks {
        // The first reads decide and the last ones confirm. The reads between them only wait.
        let numbers = (1..=*count).filter(|number| *number <= 4 || *number == *count || number % 29 == 0);
        for occurrence in numbers {
            for fault in denied() {
                cases.push(Case::new(f::READS, &happy.event).with([request(action, occurrence, 1, fault)]));
            }
            let lasting = Fault::Throttle { code: "Throttling".to_owned() };
            cases.push(Case::new(f::READS, &happy.event).with([request(action, occurrence, 6, lasting)]));
        }
    }
    cases
}

fn invocations(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, occurrence) in each(&happy.functions) {
        for (family, fault, times) in function_faults() {
            cases.push(Case::new(family, &happy.event).with([function(name, occurrence, times, fault)]));
        }
    }
    // Each call meets one of Lambda's errors, and each error meets several calls.
    for ((name, occurrence), error) in each(&happy.functions).zip(LambdaError::passing().cycle()) {
        let refused = function(name, occurrence, 3, FunctionFaultKind::Lambda(error));
        cases.push(Case::new(f::FUNCTION_SERVICE, &happy.event).with([refused]));
    }
    cases
}

/// The sleep of functions in the campaign, in seconds.
const SLEEP_SECONDS: u32 = 200;

/// Functions that sleep: all functions of a world, or one at a time, in a run without other faults or in a rollback.
fn sleeping(happy: &Recording) -> Result<Vec<Case>, String> {
    let idle = |idle_functions, ever_wakes| {
        let mut case = Case::new(f::SLEEPING, &happy.event);
        let wake_seconds = f64::from(SLEEP_SECONDS);
        Arc::make_mut(&mut case.world).lambda = Lambda { idle_functions, wake_seconds, ever_wakes };
        case
    };
    let mut cases = vec![
        Case { must_succeed: true, ..idle(IdleFunctions::All(true), true) },
        idle(IdleFunctions::All(true), false),
    ];
    let asleep = |name: &str, occurrence| [function(name, occurrence, 1, FunctionFaultKind::Asleep(SLEEP_SECONDS))];
    for (name, occurrence) in each(&happy.functions) {
        cases.push(Case { must_succeed: true, ..Case::new(f::SLEEPING, &happy.event) }.with(asleep(name, occurrence)));
        cases.push(idle(IdleFunctions::Named(vec![name.to_owned()]), false));
    }
    if !happy.takes_snapshot() {
        for failing in failing_restores(happy.identifier()) {
            let base = Case::new(f::SLEEPING, &happy.event).with(failing);
            let recording = Recording::of(&base, Some(AlertPhase::First))?;
            cases.extend(
                each(&recording.functions).map(|(name, occurrence)| base.clone().with(asleep(name, occurrence))),
            );
        }
    }
    Ok(cases)
}

fn executions(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    for (state, occurrence) in each(&happy.states) {
        let state = state.to_owned();
        cases.push(Case::new(f::ABORT, &happy.event).with([InjectedFault::Abort { state: state.clone(), occurrence }]));
        cases.push(
            Case::new(f::ABORT, &happy.event).with([InjectedFault::AbortAfter { state: state.clone(), occurrence }]),
        );
        cases.push(Case::new(f::SECOND_RUN, &happy.event).with([InjectedFault::SecondRun {
            state,
            occurrence,
            beside: Beside::First,
            event: None,
        }]));
    }
    cases
}

fn people(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    let is_half = happy.is_half();
    let delays: &[f64] = if is_half { &[0.0] } else { &[0.0, 100.0] };
    for (family, action, parameters) in interventions(happy.identifier(), happy.is_cluster()) {
        for (moment, occurrence) in each(&happy.changes).filter(|(moment, _)| !is_half || moment.contains("Snapshot")) {
            for delay in delays.iter().copied() {
                let when = after(moment, occurrence, delay);
                cases.push(Case::new(family, &happy.event).with([intervention(action, &parameters, when)]));
            }
        }
    }
    cases
}

/// Changes of a restored database shortly before its settings are compared.
fn restored(event: &Value) -> Result<Vec<Case>, String> {
    let mut base = Case::new(f::PEOPLE_RESTORED, event);
    let world = Arc::make_mut(&mut base.world);
    kept_by_the_customer(world);
    let others = GroupSpec { name: "others".to_owned(), ..GroupSpec::default() };
    world.parameter_groups.push(others.clone());
    world.cluster_parameter_groups.push(others);
    let ended = examined(&base, &Changes::default()).map_err(|error| error.to_string())?;
    let applied = ended.report.steps.iter().find(|step| steps::does_in_run(&step.state, "configure"));
    let applied = applied.ok_or(format!("{event} applies no settings"))?.started_seconds;
    let identifier = event["identifier"].as_str().unwrap_or_default();
    let interventions = interventions_on_restored(identifier, event["isCluster"] == true);
    let mut cases = Vec::new();
    // Either the change has just begun and the step does not see it, or the step sees it and waits. A member may have been
    // created only a few seconds ago.
    for seconds in [1.0, 12.0, 20.0] {
        for (action, parameters) in &interventions {
            cases.push(base.clone().with([intervention(action, parameters, When::At(applied - seconds))]));
        }
    }
    // The restored database gets deletion protection, and the rollback has to discard it all the same.
    let verify = ended.report.steps.iter().find(|step| steps::does_in_run(&step.state, "verify"));
    let verify = &verify.ok_or(format!("{event} verifies nothing"))?.state;
    let modify = if event["isCluster"] == true {
        ["ModifyDBCluster", "DBClusterIdentifier"]
    } else {
        ["ModifyDBInstance", "DBInstanceIdentifier"]
    };
    let protect = [(modify[1], identifier.to_owned()), ("DeletionProtection", "true".to_owned())];
    cases.push(base.with([
        intervention(modify[0], &protect, When::At(applied - 1.0)),
        InjectedFault::Abort { state: verify.clone(), occurrence: 1 },
    ]));
    Ok(cases)
}

/// The changes that the run itself reverts.
fn interventions_on_restored(identifier: &str, is_cluster: bool) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let text = str::to_owned;
    let kind = if is_cluster { "cluster" } else { "db" };
    let mut tagged = vec![format!("arn:aws:rds:us-east-1:123456789012:{kind}:{identifier}")];
    let mut modified = vec![if is_cluster {
        ("ModifyDBCluster", "DBClusterIdentifier", identifier, "DBClusterParameterGroupName")
    } else {
        ("ModifyDBInstance", "DBInstanceIdentifier", identifier, "DBParameterGroupName")
    }];
    if identifier == "shop" {
        tagged.push(text("arn:aws:rds:us-east-1:123456789012:db:shop-1"));
        modified.push(("ModifyDBInstance", "DBInstanceIdentifier", "shop-1", "DBParameterGroupName"));
    }
    let mut all = Vec::new();
    for arn in tagged {
        all.push(("RemoveTagsFromResource", vec![("ResourceName", arn.clone()), ("TagKeys.member.1", text("team"))]));
        let stray = vec![("Tags.Tag.1.Key", text("stray")), ("Tags.Tag.1.Value", text("yes"))];
        all.push(("AddTagsToResource", [vec![("ResourceName", arn)], stray].concat()));
    }
    for (action, parameter, name, group) in modified {
        let now = || vec![(parameter, text(name)), ("ApplyImmediately", text("true"))];
        all.push((action, [now(), vec![(group, text("others"))]].concat()));
        // RDS monitors the members of an Aurora cluster one by one.
        if (action, identifier) != ("ModifyDBCluster", "shop") {
            all.push((action, [now(), vec![("EnablePerformanceInsights", text("false"))]].concat()));
            all.push((action, [now(), vec![("MonitoringInterval", text("0"))]].concat()));
        }
    }
    all
}

/// A restore that fails, and then a fault in its rollback.
fn rollbacks(event: &Value) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for failing in failing_restores(event["identifier"].as_str().unwrap_or_default()) {
        let base = |family| Case::new(family, event).with(failing.clone());
        let recording = Recording::of(&base(f::ROLLBACK_REQUEST), Some(AlertPhase::First))?;
        for (action, occurrence) in each(&recording.changes) {
            for (_, fault, times) in request_faults() {
                cases.push(base(f::ROLLBACK_REQUEST).with([request(action, occurrence, times, fault)]));
            }
        }
        for (name, occurrence) in each(&recording.functions) {
            for (_, fault, times) in function_faults() {
                cases.push(base(f::ROLLBACK_FUNCTION).with([function(name, occurrence, times, fault)]));
            }
        }
        for (state, occurrence) in each(&recording.states) {
            let state = state.to_owned();
            cases.push(base(f::ROLLBACK_ABORT).with([InjectedFault::Abort { state: state.clone(), occurrence }]));
            cases.push(base(f::ROLLBACK_ABORT).with([InjectedFault::AbortAfter { state: state.clone(), occurrence }]));
            cases.push(base(f::SECOND_RUN).with([InjectedFault::SecondRun {
                state,
                occurrence,
                beside: Beside::First,
                event: None,
            }]));
        }
        for fault in mail_faults() {
            cases.push(base(f::MAIL).with([fault]));
        }
        for fault in slack_faults() {
            cases.push(base(f::SLACK).with([fault]));
        }
    }
    Ok(cases)
}

/// The same event with an export of its snapshot.
pub fn exporting(event: &Value, wait: bool) -> Value {
    let mut event = event.clone();
    event["export"] = json!(true);
    event["waitForExport"] = json!(wait);
    event
}

/// A run that reports its success, and faults during the report and after it.
fn notices(event: &Value) -> Result<Vec<Case>, String> {
    let told = || Case { success_notice: true, ..Case::new(f::NOTICE, event) };
    let mut faults: Vec<InjectedFault> = mail_faults().into_iter().chain(slack_faults()).collect();
    let since = Recording::of(&told(), Some(AlertPhase::Success))?;
    for (action, occurrence) in each(&since.changes) {
        faults.push(request(action, occurrence, 10_000, Fault::Denied {}));
    }
    for (state, occurrence) in each(&since.states) {
        let state = state.to_owned();
        faults.push(InjectedFault::Abort { state: state.clone(), occurrence });
        faults.push(InjectedFault::AbortAfter { state: state.clone(), occurrence });
        faults.push(InjectedFault::SecondRun { state, occurrence, beside: Beside::First, event: None });
    }
    Ok(std::iter::once(told()).chain(faults.into_iter().map(|fault| told().with([fault]))).collect())
}

/// The cases of exports, for runs that wait for them and for runs that do not.
fn exports(event: &Value) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for event in [exporting(event, false), exporting(event, true)] {
        let happy = Recording::of(&Case::new(f::HAPPY, &event), None)?;
        cases.push(Case::new(f::HAPPY, &event));
        cases.extend(faults_of_exports(&happy));
        cases.extend(failing_exports(&event)?);
    }
    Ok(cases)
}

fn faults_of_exports(happy: &Recording) -> Vec<Case> {
    let of_exports = |action: &str| action.contains("Export");
    let is_of_exports = |state: &str| steps::writes(state, "export") || steps::alerts(state, AlertPhase::Export);
    let calls_of_exports = |function: &str| PipelineStep::of_function(function).key == Some("export");
    let base = || Case::new(f::EXPORT, &happy.event);
    let mut cases = Vec::new();
    for (action, occurrence) in each(&happy.changes).filter(|(action, _)| of_exports(action)) {
        for (_, fault, times) in request_faults() {
            cases.push(base().with([request(action, occurrence, times, fault)]));
        }
    }
    for (action, count) in happy.looks.iter().filter(|(action, _)| of_exports(action)) {
        for occurrence in (1..=*count).filter(|number| *number <= 4 || number == count) {
            cases.push(base().with([request(action, occurrence, 1, Fault::Denied {})]));
            cases.push(base().with([request(action, occurrence, 10_000, Fault::ServerError { status: 503 })]));
        }
    }
    for (name, occurrence) in each(&happy.functions).filter(|(name, _)| calls_of_exports(name)) {
        for (_, fault, times) in function_faults() {
            cases.push(base().with([function(name, occurrence, times, fault)]));
        }
        cases.push(base().with([function(name, occurrence, 10_000, FunctionFaultKind::Crash)]));
    }
    for (state, occurrence) in each(&happy.states).filter(|(state, _)| is_of_exports(state)) {
        let state = state.to_owned();
        cases.push(base().with([InjectedFault::Abort { state: state.clone(), occurrence }]));
        cases.push(base().with([InjectedFault::AbortAfter { state: state.clone(), occurrence }]));
        cases.push(base().with([InjectedFault::SecondRun { state, occurrence, beside: Beside::First, event: None }]));
    }
    for fault in mail_faults() {
        cases.push(base().with([request("StartExportTask", 1, 1, Fault::Denied {}), fault]));
    }
    // A restore that fails, with or without a failed export.
    if happy.restores() {
        for failing in failing_restores(happy.identifier()) {
            cases.push(base().with(failing.clone()));
            cases.push(base().with(failing).with([request("StartExportTask", 1, 1, Fault::Denied {})]));
        }
    }
    cases
}

/// The code with which RDS refuses an export because the account has too many.
const NO_PLACE: &str = "ExportTaskLimitReachedFault";

/// Exports that fail or are late.
fn failing_exports(event: &Value) -> Result<Vec<Case>, String> {
    let base = || Case::new(f::EXPORT_FAILED, event);
    let refused = |code: &str, times: u32| {
        let fault = Fault::Error { code: code.to_owned(), message: "no".to_owned() };
        base().with([request("StartExportTask", 1, times, fault)])
    };
    let changed = |change: Change| {
        let mut case = base();
        change(Arc::make_mut(&mut case.world));
        case
    };
    let mut cases = vec![
        refused(NO_PLACE, 1),
        refused(NO_PLACE, 8),
        refused(NO_PLACE, 10_000),
        refused("IamRoleNotFound", 1),
        refused("IamRoleMissingPermissions", 1),
        refused("InvalidS3BucketFault", 1),
        refused("KMSKeyNotAccessibleFault", 1),
        refused("InvalidExportSourceState", 1),
        changed(|world| world.limits.export_tasks = 0),
        changed(|world| world.timings.export = 40.0 * 3_600.0),
        changed(|world| world.timings.export_starting = 40.0 * 3_600.0),
        changed(|world| (world.timings.export_starting, world.timings.export) = (1.0, 1.0)),
    ];
    for status in ["failed", "canceled"] {
        cases.push(base().with([request("StartExportTask", 1, 1, Fault::EndsIn { status: status.to_owned() })]));
    }
    // A failure before the run ends, and one afterwards.
    let mut soon = changed(|world| (world.timings.export_starting, world.timings.export) = (60.0, 60.0));
    soon = soon.with([request("StartExportTask", 1, 1, Fault::EndsIn { status: "failed".to_owned() })]);
    cases.push(soon);
    for (_, action, parameters) in interventions_on_exports(event)? {
        for delay in [0.0, 600.0, 1_500.0] {
            let when = after("StartExportTask", 1, delay);
            cases.push(base().with([intervention(action, &parameters, when)]));
        }
    }
    Ok(cases)
}

/// The actions that people may do to an export and its snapshot.
fn interventions_on_exports(event: &Value) -> Result<Vec<PlannedIntervention>, String> {
    let ended = examined(&Case::new(f::HAPPY, event), &Changes::default()).map_err(|error| error.to_string())?;
    let started = ended.requests.iter().find(|request| request.action == "StartExportTask");
    let Some(export) = started.and_then(|request| request.parameters.get("ExportTaskIdentifier")) else {
        return Err(format!("{event} exports nothing even if nothing goes wrong"));
    };
    let mut all = interventions(event["identifier"].as_str().unwrap_or_default(), event["isCluster"] == true);
    all.retain(|(family, action, _)| *family == f::PEOPLE_SNAPSHOTS && action.starts_with("Delete"));
    all.push((f::PEOPLE_SNAPSHOTS, "CancelExportTask", vec![("ExportTaskIdentifier", export.clone())]));
    Ok(all)
}

pub fn mail_faults() -> Vec<InjectedFault> {
    let rejected = || Fault::Error { code: "MessageRejected".to_owned(), message: "not verified".to_owned() };
    vec![
        request("SendEmail", 1, 10_000, rejected()),
        request("SendEmail", 1, 1, rejected()),
        request("SendEmail", 2, 1, rejected()),
        request("SendEmail", 1, 5, Fault::Throttle { code: "TooManyRequestsException".to_owned() }),
        request("SendEmail", 1, 10_000, Fault::ConnectionRefused {}),
        request("SendEmail", 1, 10_000, Fault::Slow { seconds: 170.0 }),
        request("SendEmail", 1, 1, Fault::ResponseLost {}),
        request("SendEmail", 1, 10_000, Fault::ResponseLost {}),
        function("email", 1, 10_000, FunctionFaultKind::Crash),
        function("email", 1, 1, FunctionFaultKind::Crash),
        function("email", 1, 10_000, FunctionFaultKind::TimeOut),
    ]
}

/// Slack is down, slow or refuses, for one or both webhooks, or their addresses cannot be read.
pub fn slack_faults() -> Vec<InjectedFault> {
    let gone = || Fault::Error { code: "no_service".to_owned(), message: String::new() };
    let of_one = |fault| {
        InjectedFault::Request(FaultRule {
            action: "PostMessage".to_owned(),
            identifier: Some(WEBHOOKS[0].to_owned()),
            caller: None,
            occurrence: 1,
            times: 10_000,
            fault,
        })
    };
    vec![
        of_one(Fault::ConnectionRefused {}),
        of_one(Fault::ServerError { status: 500 }),
        of_one(Fault::Slow { seconds: 3_600.0 }),
        of_one(gone()),
        request("PostMessage", 1, 10_000, Fault::ConnectionRefused {}),
        request("PostMessage", 1, 10_000, Fault::ServerError { status: 503 }),
        request("PostMessage", 1, 10_000, Fault::Slow { seconds: 3_600.0 }),
        request("PostMessage", 1, 10_000, Fault::ResponseLost {}),
        request("PostMessage", 1, 10_000, gone()),
        request("PostMessage", 1, 3, Fault::Throttle { code: "Throttling".to_owned() }),
        request("GetSecretValue", 1, 10_000, Fault::Denied {}),
        request("GetParameter", 1, 10_000, Fault::Slow { seconds: 3_600.0 }),
        function("slack", 1, 10_000, FunctionFaultKind::Crash),
        function("slack", 1, 1, FunctionFaultKind::AnswerLost),
        function("slack", 1, 10_000, FunctionFaultKind::TimeOut),
    ]
}

/// A change of the built-in world.
pub type Change = fn(&mut World);

/// Worlds in which a run succeeds, but with other steps or times.
pub const OTHER_WORLDS: &[Change] = &[
    |_| {},
    |world| world.timings = Timings { jitter: 0.9, false_available_probability: 1.0, ..Timings::default() },
    |world| world.timings = Timings { jitter: 0.0, false_available_probability: 0.0, ..Timings::default() },
    |world| {
        world.timings = Timings {
            restore_instance: 21_600.0,
            restore_cluster: 21_600.0,
            create_member: 7_200.0,
            ..Timings::default()
        };
    },
    |world| {
        world.timings = Timings {
            rename_lingering: 180.0,
            rename_nameless: 400.0,
            rename_false_available: 20.0,
            ..Timings::default()
        };
    },
    |world| {
        world.unverified =
            Unverified { delete_while_creating: false, protection_in_any_status: false, ..Unverified::default() }
    },
    |world| world.limits.requests_per_second = Some(3),
    |world| {
        for instance in &mut world.instances {
            instance.settings.copy_tags_to_snapshot = Some(instance.settings.copy_tags_to_snapshot != Some(true));
            instance.settings.deletion_protection = Some(false);
            instance.tags.clear();
        }
        for cluster in &mut world.clusters {
            cluster.settings.copy_tags_to_snapshot = Some(true);
            cluster.settings.deletion_protection = Some(cluster.settings.deletion_protection != Some(true));
        }
    },
    |world| {
        for instance in &mut world.instances {
            instance.managed_master_password = true;
            instance.settings.monitoring_interval = Some(60);
            instance.settings.monitoring_role_arn = Some("arn:aws:iam::123456789012:role/monitoring".to_owned());
            instance.settings.maintenance_window = Some("sun:03:00-sun:04:00".to_owned());
        }
        for cluster in &mut world.clusters {
            cluster.managed_master_password = true;
            cluster.settings.maintenance_window = Some("sun:03:00-sun:04:00".to_owned());
            cluster.settings.iam_database_authentication = Some(true);
        }
    },
    kept_by_the_customer,
];

/// Databases with the account's own keys, roles and groups. Functions need permissions for these beside those of RDS.
fn kept_by_the_customer(world: &mut World) {
    const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0b9e5d8c-1111-2222-3333-444455556666";
    const WATCH: &str = "arn:aws:iam::123456789012:role/monitoring";
    let ours = || Some("payments".to_owned());
    let watch = |settings: &mut InstanceSettings| {
        settings.monitoring_interval = Some(60);
        settings.monitoring_role_arn = Some(WATCH.to_owned());
        settings.performance_insights = Some(true);
        settings.performance_insights_kms_key_id = Some(KEY.to_owned());
    };
    world.proxies.push(ProxySpec {
        name: "pool".to_owned(),
        instances: vec!["orders".to_owned()],
        clusters: vec!["shop".to_owned(), "ledger".to_owned()],
    });
    for instance in &mut world.instances {
        watch(&mut instance.settings);
        instance.managed_master_password = true;
        instance.master_secret_kms_key_id = Some(KEY.to_owned());
        instance.settings.option_group = ours();
        instance.settings.subnet_group = ours();
        instance.settings.storage_encrypted = Some(true);
        instance.settings.kms_key_id = Some(KEY.to_owned());
        instance.settings.parameter_group = ours();
        instance.settings.domain = Some("d-1234567890".to_owned());
        instance.settings.domain_iam_role = Some("directory".to_owned());
    }
    for cluster in &mut world.clusters {
        cluster.managed_master_password = true;
        cluster.master_secret_kms_key_id = Some(KEY.to_owned());
        cluster.settings.option_group = ours();
        cluster.settings.subnet_group = ours();
        cluster.settings.storage_encrypted = Some(true);
        cluster.settings.kms_key_id = Some(KEY.to_owned());
        cluster.settings.parameter_group = ours();
        if cluster.members.is_empty() {
            cluster.settings.monitoring_interval = Some(60);
            cluster.settings.monitoring_role_arn = Some(WATCH.to_owned());
            cluster.settings.performance_insights = Some(true);
            cluster.settings.performance_insights_kms_key_id = Some(KEY.to_owned());
        } else {
            cluster.settings.http_endpoint = Some(true);
        }
        for member in &mut cluster.members {
            watch(&mut member.settings);
            member.settings.parameter_group = ours();
            member.tags.insert("team".to_owned(), "storefront".to_owned());
        }
    }
}

fn no_snapshots(world: &mut World) {
    world.snapshots.clear();
    world.cluster_snapshots.clear();
}

fn of_every_database(world: &mut World, status: &str) {
    world.instances.iter_mut().for_each(|instance| status.clone_into(&mut instance.status));
    for cluster in &mut world.clusters {
        status.clone_into(&mut cluster.status);
        cluster.members.iter_mut().for_each(|member| status.clone_into(&mut member.status));
    }
}

/// The tags of an execution that Step Functions does not know.
fn of_a_run_that_is_gone(role: Role) -> [(String, String); 2] {
    [(tags::EXECUTION.to_owned(), execution_arn("gone")), (tags::ROLE.to_owned(), role.value().to_owned())]
}

/// Worlds in which not every run can succeed.
pub const ADVERSE_WORLDS: &[(&Family, Change)] = &[
    (f::SNAPSHOT, no_snapshots),
    (f::SNAPSHOT, |world| {
        world.snapshots.iter_mut().for_each(|snapshot| "failed".clone_into(&mut snapshot.status));
        world.cluster_snapshots.iter_mut().for_each(|snapshot| "failed".clone_into(&mut snapshot.status));
    }),
    (f::SNAPSHOT, |world| {
        world.snapshots.iter_mut().for_each(|snapshot| snapshot.engine = Some("mysql".to_owned()));
        world.cluster_snapshots.iter_mut().for_each(|snapshot| snapshot.engine = Some("aurora-mysql".to_owned()));
    }),
    (f::SNAPSHOT, |world| {
        // A person has just begun to take it.
        no_snapshots(world);
        for (action, source, snapshot) in [
            ("CreateDBSnapshot", "DBInstanceIdentifier", "DBSnapshotIdentifier"),
            ("CreateDBClusterSnapshot", "DBClusterIdentifier", "DBClusterSnapshotIdentifier"),
        ] {
            for (identifier, is_cluster) in TARGETS {
                if is_cluster == action.contains("Cluster") {
                    let parameters = [(source, identifier.to_owned()), (snapshot, format!("{identifier}-snapshot"))];
                    let InjectedFault::Intervention(taken) = intervention(action, &parameters, When::At(0.0)) else {
                        continue;
                    };
                    world.meddling.push(taken);
                }
            }
        }
    }),
    (f::QUOTA, |world| world.limits = Limits { instances: 9, clusters: 40, ..Limits::default() }),
    (f::QUOTA, |world| world.limits = Limits { clusters: 2, ..Limits::default() }),
    (f::QUOTA, |world| world.limits = Limits { manual_snapshots: 1, manual_cluster_snapshots: 2, ..Limits::default() }),
    (f::QUOTA, |world| world.limits = Limits { retained_backups: 0, ..Limits::default() }),
    (f::UNFIT, |world| of_every_database(world, "stopped")),
    (f::UNFIT, |world| of_every_database(world, "storage-full")),
    (f::UNFIT, |world| of_every_database(world, "modifying")),
    (f::UNFIT, |world| {
        world.instances.retain(|instance| instance.identifier != "orders");
        world.clusters.clear();
        no_snapshots(world);
    }),
    (f::UNFIT, |world| {
        let taken = |identifier: &str| rds_simulator::InstanceSpec {
            identifier: identifier.to_owned(),
            ..world.instances[1].clone()
        };
        let more = [taken("orders-temp"), taken("shop-2-temp")];
        world.instances.extend(more);
        let mut cluster = world.clusters[1].clone();
        "ledger-temp".clone_into(&mut cluster.identifier);
        world.clusters.push(cluster);
    }),
    (f::UNFIT, |world| {
        let replica = rds_simulator::InstanceSpec {
            identifier: "orders-replica".to_owned(),
            replica_of: Some("orders".to_owned()),
            ..world.instances[0].clone()
        };
        world.instances.push(replica);
        world.clusters.iter_mut().for_each(|cluster| cluster.global_cluster = Some("planet".to_owned()));
    }),
    (f::LEFTOVER, |world| {
        let claim = of_a_run_that_is_gone(Role::Original);
        for tags in world
            .instances
            .iter_mut()
            .take(1)
            .map(|found| &mut found.tags)
            .chain(world.clusters.iter_mut().map(|found| &mut found.tags))
        {
            tags.extend(claim.clone());
        }
    }),
    (f::LEFTOVER, |world| {
        let tags = of_a_run_that_is_gone(Role::Snapshot);
        let mut replacement = world.snapshots[0].clone();
        "orders-temp".clone_into(&mut replacement.identifier);
        replacement.tags.extend(tags.clone());
        world.snapshots.push(replacement);
        for position in 0..world.cluster_snapshots.len() {
            let mut replacement = world.cluster_snapshots[position].clone();
            replacement.identifier = format!("{}-temp", replacement.source);
            replacement.tags.extend(tags.clone());
            world.cluster_snapshots.push(replacement);
        }
    }),
    (f::LEFTOVER, |world| {
        // Snapshots with those names that are not leftovers of a run.
        let mut taken = world.snapshots[0].clone();
        "orders-temp".clone_into(&mut taken.identifier);
        world.snapshots.push(taken);
        for position in 0..world.cluster_snapshots.len() {
            let mut taken = world.cluster_snapshots[position].clone();
            taken.identifier = format!("{}-temp", taken.source);
            world.cluster_snapshots.push(taken);
        }
    }),
];

fn worlds(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    for change in OTHER_WORLDS {
        for replacement in [SnapshotReplacement::KeepUntilReplaced, SnapshotReplacement::DeleteFirst] {
            let mut case = Case { snapshot_replacement: replacement, ..Case::new(f::HAPPY, &happy.event) };
            change(Arc::make_mut(&mut case.world));
            cases.push(case);
        }
    }
    for (family, change) in ADVERSE_WORLDS {
        let mut case = Case::new(family, &happy.event);
        change(Arc::make_mut(&mut case.world));
        cases.push(case);
    }
    if happy.restores() {
        cases.push(Case { final_snapshot: true, ..Case::new(f::HAPPY, &happy.event) });
        // A restored database that RDS cannot delete during its creation.
        for failing in failing_restores(happy.identifier()) {
            let mut case = Case::new(f::BAD_STATUS, &happy.event).with(failing);
            Arc::make_mut(&mut case.world).unverified =
                Unverified { delete_while_creating: false, protection_in_any_status: false, ..Unverified::default() };
            cases.push(case);
        }
    }
    cases
}

fn inputs() -> Vec<Case> {
    let inputs = [
        json!({"identifier": "orders", "task": "restore", "isCluster": false}),
        json!({"identifier": "orders", "task": "db_restore", "isCluster": true}),
        json!({"identifier": "shop", "task": "db_restore", "isCluster": false}),
        json!({"identifier": "shop-1", "task": "db_restore", "isCluster": false}),
        json!({"identifier": "orders", "task": "db_restore"}),
        json!({"identifier": "orders", "task": "db_restore", "isCluster": "false"}),
        json!({"identifier": "orders", "task": "db_restore", "isCluster": false, "force": true}),
        // Keys of the state document.
        json!({"identifier": "orders", "task": "db_restore", "isCluster": false, "plan": {"original": {}}}),
        json!({"identifier": "orders", "task": "db_restore", "isCluster": false, "verification": {"differences": []}}),
        json!({"identifier": "shop", "task": "create_snapshot", "isCluster": true, "error": {"Error": "none"}}),
        json!({"identifier": "orders", "task": "db_restore", "isCluster": false, "request": null, "input": {}}),
        json!({"identifier": "nobody", "task": "create_snapshot", "isCluster": false}),
        json!({"identifier": "-orders", "task": "db_restore", "isCluster": false}),
        json!({"task": "db_restore"}),
        json!({}),
        json!([]),
        json!("orders"),
    ];
    inputs.iter().map(|input| Case::new(f::INPUT, input)).collect()
}
