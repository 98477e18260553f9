//! The reads that both kinds of preflight share: groups, global databases, deployments, proxies.
//!
//! A denied call ends preflight with that denial, because preflight could not check the resource. "Not found" is an answer.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbProxyTarget, Tag, TargetType};
use serde::Serialize;
use trapheus_common::document::{self, Names, Original, Plan, Request, Strategy};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::lambda::Invocation;
use trapheus_common::{Error, ErrorKind, Result, tags};

use crate::answers::{failed, is_unknown_here};
use crate::dry_run::{DryRun, Preflight};
use crate::facts::{Database, Facts, zones_of};
use crate::problem::Problem;
use crate::scope::Scope;
use crate::{checks, cli_advice, wait};

/// A group that a database names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group<'a> {
    Parameter(&'a str),
    ClusterParameter(&'a str),
    Option(&'a str),
    Subnet(&'a str),
}

impl<'a> Group<'a> {
    const fn noun(self) -> &'static str {
        match self {
            Self::Parameter(_) => "DB parameter group",
            Self::ClusterParameter(_) => "DB cluster parameter group",
            Self::Option(_) => "option group",
            Self::Subnet(_) => "DB subnet group",
        }
    }

    const fn name(self) -> &'a str {
        match self {
            Self::Parameter(name) | Self::ClusterParameter(name) | Self::Option(name) | Self::Subnet(name) => name,
        }
    }

    /// RDS itself creates default groups when needed, and reserves their names.
    pub(crate) fn is_default(self) -> bool {
        let name = self.name();
        name == "default" || name.starts_with("default.") || name.starts_with("default:")
    }

    async fn exists(self, rds: &Client) -> Result<bool> {
        let doing = || format!("cannot describe the {} {}", self.noun(), self.name());
        match self {
            Self::Parameter(name) => {
                match rds.describe_db_parameter_groups().db_parameter_group_name(name).send().await {
                    Ok(_) => Ok(true),
                    Err(e) if e.as_service_error().is_some_and(|e| e.is_db_parameter_group_not_found_fault()) => {
                        Ok(false)
                    }
                    Err(error) => Err(failed(name, &doing(), &error)),
                }
            }
            Self::ClusterParameter(name) => {
                match rds.describe_db_cluster_parameter_groups().db_cluster_parameter_group_name(name).send().await {
                    Ok(_) => Ok(true),
                    Err(e) if e.as_service_error().is_some_and(|e| e.is_db_parameter_group_not_found_fault()) => {
                        Ok(false)
                    }
                    Err(error) => Err(failed(name, &doing(), &error)),
                }
            }
            Self::Option(name) => match rds.describe_option_groups().option_group_name(name).send().await {
                Ok(_) => Ok(true),
                Err(e) if e.as_service_error().is_some_and(|e| e.is_option_group_not_found_fault()) => Ok(false),
                Err(error) => Err(failed(name, &doing(), &error)),
            },
            Self::Subnet(name) => match rds.describe_db_subnet_groups().db_subnet_group_name(name).send().await {
                Ok(_) => Ok(true),
                Err(e) if e.as_service_error().is_some_and(|e| e.is_db_subnet_group_not_found_fault()) => Ok(false),
                Err(error) => Err(failed(name, &doing(), &error)),
            },
        }
    }
}

/// A database's groups that no longer exist.
pub(crate) async fn missing_groups<'a>(
    rds: &Client,
    groups: impl IntoIterator<Item = (&'a str, Group<'a>)>,
) -> Result<Vec<String>> {
    let mut asked: Vec<(Group<'a>, bool)> = Vec::new();
    let mut missing = Vec::new();
    for (owner, group) in groups {
        if group.is_default() {
            continue;
        }
        let known = asked.iter().find(|(other, _)| *other == group).map(|(_, exists)| *exists);
        let exists = match known {
            Some(exists) => exists,
            None => group.exists(rds).await?,
        };
        asked.push((group, exists));
        if !exists {
            missing.push(format!("the {} `{}` of `{owner}`", group.noun(), group.name()));
        }
    }
    Ok(missing)
}

/// The Availability Zones of a subnet group; none if RDS does not list them.
pub(crate) async fn covered_zones(rds: &Client, group: Option<&str>) -> Vec<String> {
    let Some(group) = group else { return Vec::new() };
    let answer = match rds.describe_db_subnet_groups().db_subnet_group_name(group).send().await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::info!(%error, group, "the zones of the subnet group cannot be looked up");
            return Vec::new();
        }
    };
    answer.db_subnet_groups().first().map(|group| zones_of(group.subnets())).unwrap_or_default()
}

/// The global database that a cluster belongs to.
///
/// This call can filter only by region, so preflight reads all: few accounts have more than a page.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeGlobalClusters.html>
pub(crate) async fn global_cluster(rds: &Client, cluster_arn: &str) -> Result<Option<String>> {
    let mut pages = rds.describe_global_clusters().into_paginator().items().send();
    while let Some(global) = pages.next().await {
        if global.as_ref().is_err_and(is_unknown_here) {
            break;
        }
        let global = global.map_err(|error| failed(cluster_arn, "cannot describe global databases", &error))?;
        if global.global_cluster_members().iter().any(|member| member.db_cluster_arn() == Some(cluster_arn)) {
            return Ok(Some(global.global_cluster_identifier().unwrap_or_default().to_owned()));
        }
    }
    Ok(None)
}

/// The blue/green deployment whose source or target is the database, before its switchover.
pub(crate) async fn blue_green_deployment(rds: &Client, arn: &str) -> Result<Option<String>> {
    let mut pages = rds.describe_blue_green_deployments().into_paginator().items().send();
    while let Some(deployment) = pages.next().await {
        if deployment.as_ref().is_err_and(is_unknown_here) {
            break;
        }
        let deployment = deployment.map_err(|error| failed(arn, "cannot describe blue/green deployments", &error))?;
        let tied = deployment.status() != Some("SWITCHOVER_COMPLETED");
        if tied && [deployment.source(), deployment.target()].contains(&Some(arn)) {
            let name = deployment.blue_green_deployment_name().or(deployment.blue_green_deployment_identifier());
            return Ok(Some(name.unwrap_or_default().to_owned()));
        }
    }
    Ok(None)
}

/// Notes on the RDS proxies of the database: they stay connected to the original.
pub(crate) async fn proxy_notes(rds: &Client, request: &Request) -> Result<Vec<String>> {
    let identifier = request.identifier.as_str();
    let mut notes = Vec::new();
    let mut proxies = rds.describe_db_proxies().into_paginator().items().send();
    while let Some(proxy) = proxies.next().await {
        if proxy.as_ref().is_err_and(is_unknown_here) {
            break;
        }
        let proxy = proxy.map_err(|error| failed(identifier, "cannot describe RDS proxies", &error))?;
        let Some(name) = proxy.db_proxy_name() else { continue };
        if points_at(rds, name, request).await? {
            notes.push(format!(
                "the RDS proxy `{name}` points at the original: register the restored database with it, with {}",
                cli_advice::register_with_proxy(request, name)
            ));
        }
    }
    Ok(notes)
}

async fn points_at(rds: &Client, proxy: &str, request: &Request) -> Result<bool> {
    let mut targets = rds.describe_db_proxy_targets().db_proxy_name(proxy).into_paginator().items().send();
    while let Some(target) = targets.next().await {
        match target {
            Ok(target) if is_target(&target, request) => return Ok(true),
            Ok(_) => {}
            // The proxy was deleted after the list was read.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_proxy_not_found_fault()) => break,
            Err(error) => {
                let doing = format!("cannot describe the targets of the RDS proxy {proxy}");
                return Err(failed(request.identifier.as_str(), &doing, &error));
            }
        }
    }
    Ok(false)
}

/// A cluster is a target itself, and its instances are targets through it.
fn is_target(target: &DbProxyTarget, request: &Request) -> bool {
    let is_it = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(request.identifier.as_str()));
    match (request.kind, target.r#type()) {
        (DatabaseKind::Instance, Some(TargetType::RdsInstance)) => is_it(target.rds_resource_id()),
        (DatabaseKind::Cluster, Some(TargetType::TrackedCluster)) => {
            is_it(target.rds_resource_id()) || is_it(target.tracked_cluster_id())
        }
        (DatabaseKind::Cluster, _) => is_it(target.tracked_cluster_id()),
        (DatabaseKind::Instance, _) => false,
    }
}

/// The size that the document needs besides request and plan: goals, notes and differences of the steps.
const FOR_STEPS: usize = 24 * 1024;

/// Reads until the run fits and answers with its plan. A dry run reads once and answers with its report.
pub(crate) async fn preflight<O: Original + Serialize>(
    request: &Request,
    scope: &Scope,
    invocation: Invocation,
    mut look: impl AsyncFnMut() -> Result<(Facts, Option<O>)>,
    not_carried_over: impl Fn(&O) -> Vec<String>,
) -> Result<Preflight<O>> {
    if !request.dry_run {
        let fit = wait::until_fit(request, scope, invocation, look).await?;
        return Ok(Preflight::Plan(Box::new(plan(request, invocation, fit)?)));
    }
    let (facts, original) = look().await?;
    let mut problems = wait::problems(request, scope, &facts);
    let source = checks::pinned(request, &facts);
    let settings = original.as_ref().map(not_carried_over).unwrap_or_default();
    let claimed = facts.target.as_ref().and_then(Database::execution).map(|execution| {
        format!("the execution {execution} claims the database: a run begins only if that execution has ended")
    });
    let plan = match original.map(|original| plan(request, invocation, (facts, original))).transpose() {
        Ok(plan) => plan,
        Err(error) => {
            problems.push(Problem::lasting(error.report()));
            None
        }
    };
    let notes = plan.iter().flat_map(|plan| plan.notes.clone()).chain(claimed).collect();
    Ok(Preflight::DryRun(Box::new(DryRun::new(request, &problems, source, plan, (notes, settings)))))
}

/// The plan of the run. Returns an error if the state document has no room for it.
pub(crate) fn plan<O: Serialize>(
    request: &Request,
    invocation: Invocation,
    (facts, original): (Facts, O),
) -> Result<Plan<O>> {
    let plan = Plan {
        strategy: Strategy::RenameFirst,
        read_at: invocation.clock.now(),
        source: checks::pinned(request, &facts),
        names: Names::rename_first(request),
        original,
        notes: checks::age_note(request, &facts).into_iter().chain(facts.unanswered()).collect(),
    };
    let text = serde_json::to_string(&(request, &plan));
    let size = text.map_err(|error| Error::internal("the plan is not JSON").caused_by(error))?.len();
    if size + FOR_STEPS <= document::MOST_BYTES {
        return Ok(plan);
    }
    let members = facts.members.len();
    let message = format!(
        "a problem was found before anything was touched:\n- the settings of `{}` and its {members} members take \
         {size} bytes in the state document, which has room for {}. Remove members before the run and add them again \
         after it",
        request.identifier,
        document::MOST_BYTES - FOR_STEPS
    );
    Err(Error::new(ErrorKind::Preflight, &request.identifier, message))
}

/// A note on tags whose keys AWS reserves: only AWS itself can set them.
pub(crate) fn reserved_tags_note(owner: &str, tags: &[Tag]) -> Option<String> {
    let reserved: Vec<&str> = tags
        .iter()
        .filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())))
        .filter(|(key, value)| tags::is_reserved(key, value))
        .map(|(key, _)| key)
        .collect();
    (!reserved.is_empty())
        .then(|| format!("tags of `{owner}` whose keys AWS reserves cannot be set: {}", reserved.join(", ")))
}

/// A note on an associated IAM role, which a restore does not associate again.
pub(crate) fn role_note(role_arn: Option<&str>, feature: Option<&str>) -> String {
    let feature = feature.filter(|feature| !feature.is_empty()).map(|feature| format!(" for {feature}"));
    format!(
        "the IAM role {}{} is not associated with a restored database: add it again",
        role_arn.unwrap_or_default(),
        feature.unwrap_or_default()
    )
}

/// A note on a password that Secrets Manager keeps.
pub(crate) fn managed_password_note(secret_arn: Option<&str>) -> String {
    format!(
        "the master password kept in {} is not restored: the restored database gets a new secret with another ARN and \
         password",
        secret_arn.unwrap_or("Secrets Manager")
    )
}

pub(crate) const ACTIVITY_STREAM_NOTE: &str = "the database activity stream is not restored: start it again";
