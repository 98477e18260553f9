//! `PreflightCluster`: reads a DB cluster before a run, and refuses a run that cannot succeed.
//!
//! This module reads RDS and writes the plan's `original`; `checks` decides against a run. The run renames and creates anew
//! the members of an Aurora cluster. The members of a Multi-AZ DB cluster only have to be in order.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, LocalWriteForwardingStatus};
use trapheus_common::document::{
    ClusterKind, DatabaseNames, Member, Names, OriginalCluster, PreflightEvent, Request, Target,
};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::lambda::Invocation;
use trapheus_common::settings::{ClusterSettings, InstanceSettings};
use trapheus_common::{Result, rds, tags};

use crate::checks::{later_writes, other_version, to_be_restored, upgrade_note};
use crate::dry_run::Preflight;
use crate::facts::{Database, Facts, Snapshot, cluster_kind, streams};
use crate::orderable::{self, RequestedClass};
use crate::read::{self, Group};
use crate::scope::Scope;
use crate::{advisory, backup, fit, quotas};

/// Reads everything that a run with this request will find. Changes nothing.
pub async fn preflight(
    client: &Client,
    scope: &Scope,
    invocation: Invocation,
    event: PreflightEvent,
) -> Result<Preflight<OriginalCluster>> {
    let request = &event.request;
    let look = async || Box::pin(look(client, request)).await;
    read::preflight(request, scope, invocation, look, |original| original.not_carried_over.clone()).await
}

async fn look(client: &Client, request: &Request) -> Result<(Facts, Option<OriginalCluster>)> {
    let identifier = request.identifier.as_str();
    let planned = Names::rename_first(request);
    let mut facts = Facts {
        temporary_snapshot: rds::cluster_snapshot(client, planned.replacement_snapshot.as_str())
            .await?
            .as_ref()
            .map(Snapshot::from),
        ..Facts::default()
    };
    let names = [identifier, planned.database.parked.as_str()];
    let names = if request.task.restores() { &names[..] } else { &names[..1] };
    let mut clusters = rds::clusters_named(client, names).await?;
    let is_target = |cluster: &DbCluster| cluster.db_cluster_identifier() == Some(identifier);
    let target = clusters.iter().position(is_target).map(|at| clusters.swap_remove(at));
    facts.occupants = clusters.iter().map(Database::from).collect();
    facts.target = target.as_ref().map(Database::from);
    facts.add_backup(backup::find(client, request, facts.target.as_ref()).await?);
    if request.task.restores() && request.options.final_snapshot {
        let name = &planned.final_snapshot;
        facts.final_snapshot = rds::cluster_snapshot(client, name.as_str()).await?.as_ref().map(Snapshot::from);
    }
    let Some(cluster) = target else {
        facts.namesake = rds::instance(client, identifier).await?.as_ref().map(Database::from);
        return Ok((facts, None));
    };
    let Some(kind) = cluster_kind(&cluster) else { return Ok((facts, None)) };
    facts.cluster_kind = Some(kind);

    let instances = rds::instances_of_cluster(client, identifier).await?;
    facts.members = members_seen(&cluster, &instances);
    let mut members = members(request, kind, &cluster, &instances);
    let mut settings = ClusterSettings::from(&cluster);
    let mut not_carried_over = Vec::new();
    if request.task.restores() {
        add_what_matters_to_a_restore(client, &mut facts, &cluster, &instances, &members).await?;
        // Boxed, because the futures of these calls would make every caller's as large.
        facts.room = Box::pin(quotas::look(client, request)).await;
        facts.covered_zones = Box::pin(read::covered_zones(client, cluster.db_subnet_group())).await;
        facts.orderable =
            Box::pin(orderable::look(client, request, &facts, requested_classes(kind, &cluster, &instances))).await;
        not_carried_over = notes(identifier, &cluster, &instances);
        not_carried_over.extend(read::proxy_notes(client, request).await?);
        not_carried_over.extend(other_version(request, &facts));
        let arn = cluster.db_cluster_arn().unwrap_or_default();
        facts.certificates = Box::pin(advisory::certificates(client)).await;
        facts.integrations = Box::pin(advisory::integrations(client, arn)).await;
        if let Some((engine, version)) = to_be_restored(request, &facts) {
            facts.version = Box::pin(advisory::engine_version(client, engine, version)).await;
        }
        not_carried_over.extend(upgrade_note(&facts));
        fit::zones(&mut settings, &facts.covered_zones);
        let known = facts.certificates.known();
        not_carried_over.extend(fit::certificate(identifier, &mut settings.ca_certificate, known));
        for member in &mut members {
            let name = member.target.names.service.as_str();
            not_carried_over.extend(fit::certificate(name, &mut member.settings.ca_certificate, known));
            not_carried_over.extend(fit::zone(name, &mut member.settings, &facts.covered_zones, &facts.orderable));
        }
        not_carried_over.extend(later_writes(request));
    }
    let original = OriginalCluster {
        resource_id: cluster.db_cluster_resource_id().unwrap_or_default().to_owned(),
        cluster_kind: kind,
        engine: cluster.engine().unwrap_or_default().to_owned(),
        engine_version: cluster.engine_version().unwrap_or_default().to_owned(),
        tags: tags::digest(&tags::of_the_user(cluster.tag_list())),
        settings,
        members,
        not_carried_over,
    };
    Ok((facts, Some(original)))
}

async fn add_what_matters_to_a_restore(
    client: &Client,
    facts: &mut Facts,
    cluster: &DbCluster,
    instances: &[DbInstance],
    members: &[Member],
) -> Result<()> {
    let arn = cluster.db_cluster_arn().unwrap_or_default();
    let mut groups = groups(cluster);
    if facts.cluster_kind == Some(ClusterKind::Aurora) {
        groups.extend(instances.iter().flat_map(member_groups));
        let moved = members.iter().filter(|member| is_moved(member));
        let names: Vec<&str> = moved.map(|member| member.target.names.parked.as_str()).collect();
        facts.occupants.extend(rds::instances_named(client, &names).await?.iter().map(Database::from));
        facts.global_cluster = match cluster.global_cluster_identifier().filter(|global| !global.is_empty()) {
            Some(global) => Some(global.to_owned()),
            None => read::global_cluster(client, arn).await?,
        };
    }
    facts.missing_groups = read::missing_groups(client, groups).await?;
    facts.blue_green_deployment = read::blue_green_deployment(client, arn).await?;
    Ok(())
}

/// Every member that the cluster lists or that says it belongs to it.
fn members_seen(cluster: &DbCluster, instances: &[DbInstance]) -> Vec<Database> {
    let mut seen: Vec<Database> = instances.iter().map(Database::from).collect();
    let listed = cluster.db_cluster_members().iter().filter_map(|member| member.db_instance_identifier());
    let unseen: Vec<&str> = listed.filter(|listed| !seen.iter().any(|member| member.identifier == *listed)).collect();
    seen.extend(unseen.into_iter().map(|member| Database::unseen_member(member, cluster)));
    seen.retain(|member| !rds::is_auto_scaled(&member.identifier));
    seen
}

/// The members in the form of the state document: the writer first, then by promotion tier and name.
fn members(request: &Request, kind: ClusterKind, cluster: &DbCluster, instances: &[DbInstance]) -> Vec<Member> {
    let is_writer = |identifier: &str| {
        let mut listed = cluster.db_cluster_members().iter();
        listed.any(|member| {
            member.db_instance_identifier() == Some(identifier) && member.is_cluster_writer() == Some(true)
        })
    };
    let mut members: Vec<Member> = instances
        .iter()
        .filter(|instance| !instance.db_instance_identifier().is_some_and(rds::is_auto_scaled))
        .map(|instance| {
            let identifier = DatabaseIdentifier::reported(instance.db_instance_identifier().unwrap_or_default());
            Member {
                is_writer: is_writer(identifier.as_str()),
                target: Target {
                    names: DatabaseNames {
                        parked: parked(request, kind, &identifier),
                        service: identifier,
                        staged: None,
                    },
                    resource_id: instance.dbi_resource_id().unwrap_or_default().to_owned(),
                },
                tags: tags::digest(&tags::of_the_user(instance.tag_list())),
                settings: InstanceSettings::from(instance),
            }
        })
        .collect();
    members.sort_by(|one, other| order(one).cmp(&order(other)));
    members
}

fn order(member: &Member) -> (bool, Option<i32>, &str) {
    (!member.is_writer, member.settings.promotion_tier, member.target.identifier().as_str())
}

/// The parked name of a member. A member keeps its own if it is never renamed, or if a check refuses the run.
fn parked(request: &Request, kind: ClusterKind, member: &DatabaseIdentifier) -> DatabaseIdentifier {
    let moved = request.task.restores() && kind == ClusterKind::Aurora;
    let temporary = moved.then(|| member.temporary(DatabaseKind::Instance).ok()).flatten();
    temporary.unwrap_or_else(|| member.clone())
}

fn is_moved(member: &Member) -> bool {
    member.target.names.parked != member.target.names.service
}

/// The groups that the restore of the cluster names.
fn groups(cluster: &DbCluster) -> Vec<(&str, Group<'_>)> {
    let owner = cluster.db_cluster_identifier().unwrap_or_default();
    let parameter = cluster.db_cluster_parameter_group();
    let options = cluster.db_cluster_option_group_memberships().iter();
    let option = options.filter_map(|group| group.db_cluster_option_group_name());
    let subnet = cluster.db_subnet_group();
    let groups = parameter
        .map(Group::ClusterParameter)
        .into_iter()
        .chain(option.map(Group::Option))
        .chain(subnet.map(Group::Subnet));
    groups.map(|group| (owner, group)).collect()
}

/// The groups that the creation of a member names.
fn member_groups(member: &DbInstance) -> Vec<(&str, Group<'_>)> {
    let owner = member.db_instance_identifier().unwrap_or_default();
    let parameter = member.db_parameter_groups().iter().filter_map(|group| group.db_parameter_group_name());
    parameter.map(|name| (owner, Group::Parameter(name))).collect()
}

/// The requested classes and storage. An Aurora cluster has the storage, and its members have the classes.
fn requested_classes<'a>(
    kind: ClusterKind,
    cluster: &'a DbCluster,
    instances: &'a [DbInstance],
) -> Vec<RequestedClass<'a>> {
    let owner = cluster.db_cluster_identifier().unwrap_or_default();
    let of_member = |member: &'a DbInstance| {
        let owner = member.db_instance_identifier().unwrap_or_default();
        Some(RequestedClass { owner, class: member.db_instance_class()?, storage_type: None })
    };
    match kind {
        ClusterKind::Aurora => {
            instances.iter().filter_map(of_member).filter(|requested| !rds::is_auto_scaled(requested.owner)).collect()
        }
        ClusterKind::MultiAz => {
            let class = cluster.db_cluster_instance_class();
            class
                .map(|class| RequestedClass { owner, class, storage_type: cluster.storage_type() })
                .into_iter()
                .collect()
        }
    }
}

/// Settings that RDS does not restore and that no call of the pipeline sets again.
fn notes(identifier: &str, cluster: &DbCluster, instances: &[DbInstance]) -> Vec<String> {
    let roles = cluster.associated_roles().iter();
    let mut notes: Vec<String> = roles.map(|role| read::role_note(role.role_arn(), role.feature_name())).collect();
    notes.extend(
        cluster
            .custom_endpoints()
            .iter()
            .map(|endpoint| format!("the custom endpoint {endpoint} stays with the original: create it again")),
    );
    let scaled =
        instances.iter().filter_map(DbInstance::db_instance_identifier).filter(|name| rds::is_auto_scaled(name));
    notes.extend(scaled.map(|name| {
        format!("the reader {name} of Aurora Auto Scaling is not restored: register the restored cluster with Auto Scaling again")
    }));
    let options = cluster.db_cluster_option_group_memberships().iter();
    let own_options = options.filter_map(|group| group.db_cluster_option_group_name());
    notes.extend(own_options.filter(|name| !Group::Option(name).is_default()).map(|name| {
        format!("the option group {name} is not restored: RDS gives a cluster the default one of its engine")
    }));
    notes.extend(cluster.master_user_secret().map(|secret| read::managed_password_note(secret.secret_arn())));
    notes.extend(streams(cluster.activity_stream_status()).then(|| read::ACTIVITY_STREAM_NOTE.to_owned()));
    let forwards = matches!(
        cluster.local_write_forwarding_status(),
        Some(
            LocalWriteForwardingStatus::Enabled
                | LocalWriteForwardingStatus::Enabling
                | LocalWriteForwardingStatus::Requested
        )
    );
    notes.extend(forwards.then(|| "local write forwarding is not restored: enable it again".to_owned()));
    notes.extend(read::reserved_tags_note(identifier, cluster.tag_list()));
    notes.extend(instances.iter().filter_map(|member| {
        read::reserved_tags_note(member.db_instance_identifier().unwrap_or_default(), member.tag_list())
    }));
    notes
}
