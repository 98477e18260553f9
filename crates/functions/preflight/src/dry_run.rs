//! The answer of preflight: the plan of a run, or the report of a dry run.
//!
//! A dry run decides everything and changes nothing. Its report lists every problem, and the calls that the run would make.
//! A problem does not fail a dry run, because the list of problems is its result.

use serde::Serialize;
use trapheus_common::commands::Cli;
use trapheus_common::document::{Member, Original, Plan, Request, Source, SourceKind};
use trapheus_common::identifiers::DatabaseKind;

use crate::problem::Problem;

/// The answer of preflight.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Preflight<O> {
    Plan(Box<Plan<O>>),
    DryRun(Box<DryRun<O>>),
}

impl<O> Preflight<O> {
    /// The plan of a run that is not a dry run.
    pub fn plan(self) -> Option<Plan<O>> {
        match self {
            Self::Plan(plan) => Some(*plan),
            Self::DryRun(_) => None,
        }
    }
}

/// The report of a dry run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun<O> {
    /// Whether a run with this input would begin.
    pub fits: bool,
    /// Every reason against the run, with its remedy.
    pub problems: Vec<String>,
    /// The chosen backup, if there is one. A run that takes its own snapshot has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The age of the data, and other facts for a reader.
    pub notes: Vec<String>,
    /// Settings of the original that the restored database will not have.
    pub not_carried_over: Vec<String>,
    /// The changes that the run would make, in their order.
    pub steps: Vec<PlannedStep>,
    /// References to the original by its resource id, which the restored database does not keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<References>,
    /// The names and settings of the run; absent if the database does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan<O>>,
}

/// A change that the run would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    pub step: &'static str,
    /// The RDS operations with their databases or snapshots.
    pub operations: Vec<String>,
}

/// Commands that search other services for the resource id of the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct References {
    pub resource_id: String,
    pub commands: Vec<String>,
}

impl<O: Original> DryRun<O> {
    pub(crate) fn new(
        request: &Request,
        problems: &[Problem],
        source: Option<Source>,
        plan: Option<Plan<O>>,
        (notes, not_carried_over): (Vec<String>, Vec<String>),
    ) -> Self {
        Self {
            fits: problems.is_empty() && plan.is_some(),
            problems: problems.iter().map(|problem| problem.text.clone()).collect(),
            source,
            notes,
            not_carried_over,
            steps: plan.as_ref().map(|plan| steps(request, plan)).unwrap_or_default(),
            references: plan.as_ref().filter(|_| request.task.restores()).map(|plan| references(request, plan)),
            plan,
        }
    }
}

/// The changes of a run, in their order.
fn steps<O: Original>(request: &Request, plan: &Plan<O>) -> Vec<PlannedStep> {
    let (name, parked) = (plan.names.database.service.as_str(), plan.names.database.parked.as_str());
    let on = |operation: &str, what: &str| format!("{operation} {what}");
    let step = |step, operations| PlannedStep { step, operations };
    let verb = |verb: &str| format!("{verb}{}", noun(request.kind));
    let mut steps = vec![step("claim", vec![on("AddTagsToResource", name)])];
    if request.task.takes_snapshot() {
        let create = format!("Create{}Snapshot", noun(request.kind));
        steps.push(step("snapshot", vec![on(&create, request.snapshot_identifier.as_str())]));
    }
    if request.task.restores() {
        let renamed = members(plan).map(|member| {
            format!("ModifyDBInstance {} -> {}", member.target.names.service, member.target.names.parked)
        });
        let last = format!("{} {name} -> {parked}", verb("Modify"));
        steps.push(step("rename", renamed.chain([last]).collect()));
        let restore = plan.source.as_ref().map_or_else(
            || format!("{} {name} from {}", restore_call(request.kind, None), request.snapshot_identifier),
            |source| format!("{} {name} from {source}", restore_call(request.kind, Some(source))),
        );
        let created = members(plan).map(|member| on("CreateDBInstance", member.target.names.service.as_str()));
        steps.push(step("restore", [restore].into_iter().chain(created).collect()));
        steps.push(step("settings", vec![on(&verb("Modify"), name)]));
        steps.push(step("commit", vec![on("AddTagsToResource", name)]));
        let deleted = members(plan).map(|member| on("DeleteDBInstance", member.target.names.parked.as_str()));
        steps.push(step("delete", deleted.chain([on(&verb("Delete"), parked)]).collect()));
    }
    steps.push(step("release", vec![on("RemoveTagsFromResource", name)]));
    steps
}

/// The members of an Aurora cluster, which the run renames, creates and deletes one by one.
fn members<O: Original>(plan: &Plan<O>) -> impl Iterator<Item = &Member> {
    plan.original.members().iter().filter(|member| member.target.names.parked != member.target.names.service)
}

fn restore_call(kind: DatabaseKind, source: Option<&Source>) -> &'static str {
    let is_snapshot = source.is_none_or(|source| source.kind == SourceKind::Snapshot);
    match (kind, is_snapshot) {
        (DatabaseKind::Instance, true) => "RestoreDBInstanceFromDBSnapshot",
        (DatabaseKind::Instance, false) => "RestoreDBInstanceToPointInTime",
        (DatabaseKind::Cluster, true) => "RestoreDBClusterFromSnapshot",
        (DatabaseKind::Cluster, false) => "RestoreDBClusterToPointInTime",
    }
}

const fn noun(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "DBInstance",
        DatabaseKind::Cluster => "DBCluster",
    }
}

/// RDS gives the restored database a new resource id. A reference to the old one no longer reaches a database.
fn references<O: Original>(request: &Request, plan: &Plan<O>) -> References {
    let id = plan.original.resource_id();
    let cli = Cli::in_region_of(&request.execution);
    let query = |list: &str| format!("{list}[?contains(to_string(@), '{id}')]");
    let commands = [
        cli.of("iam", "get-account-authorization-details").with("--query", [query("Policies").as_str()]),
        cli.of("iam", "get-account-authorization-details").with("--query", [query("RoleDetailList").as_str()]),
        cli.of("cloudwatch", "describe-alarms").with("--query", [query("MetricAlarms").as_str()]),
        cli.of("backup", "list-protected-resources").with("--query", [query("Results").as_str()]),
        cli.of("ram", "list-resources")
            .with("--resource-owner", ["SELF"])
            .with("--query", [query("resources").as_str()]),
    ];
    References { resource_id: id.to_owned(), commands: commands.iter().map(ToString::to_string).collect() }
}
