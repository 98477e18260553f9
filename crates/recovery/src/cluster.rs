//! The look for what an execution on a DB cluster left, its members included.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use serde_json::Value;
use trapheus_common::document::{ClusterKind, Member, OriginalCluster, Request, Target};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::settings::{ClusterSettings, InstanceSettings};
use trapheus_common::tags::{self, Role};
use trapheus_common::wait::acceptor::{Phase, phase};
use trapheus_common::{Result, rds};

use crate::traces::{Original, Restored, Taken, Traces, is_half_marked, is_stray_role, plan_document};

/// One look. What the execution marked is found by that mark, under whatever name.
pub(crate) async fn look(client: &Client, request: &Request) -> Result<Traces> {
    let clusters = rds::clusters(client).await?;
    let marked = |role: Role| {
        clusters.iter().find(|cluster| {
            tags::marked_by(cluster.tag_list(), &request.execution)
                && tags::value(cluster.tag_list(), tags::ROLE) == Some(role.value())
        })
    };
    let original = marked(Role::Original);
    let named = |name: &str| clusters.iter().find(|cluster| cluster.db_cluster_identifier() == Some(name));
    let home = named(request.identifier.as_str());
    let temporary = named(request.temporary_identifier.as_str());
    // What the state document calls the original, so that an alert can speak of it.
    let known = original.or(temporary);
    let restored = [(Role::Verified, true), (Role::Restored, false)].into_iter().find_map(|(role, is_verified)| {
        let cluster = marked(role).filter(|cluster| !is_deleting(cluster))?;
        let is_in_place = cluster.db_cluster_identifier() == Some(request.identifier.as_str());
        Some(Restored { resource_id: cluster.db_cluster_resource_id()?.to_owned(), is_verified, is_in_place })
    });
    let snapshot = rds::cluster_snapshot(client, request.snapshot_identifier.as_str()).await?;
    let source = snapshot.as_ref().and_then(|snapshot| snapshot.db_cluster_resource_id());
    // One that answers under its name without any mark is taken for the original, with its members.
    let members = match known.or(home.filter(|_| restored.is_none())) {
        Some(cluster) => rds::instances_of_cluster(client, cluster.db_cluster_identifier().unwrap_or_default()).await?,
        None => Vec::new(),
    };
    let answers = |listed: &str| members.iter().any(|member| member.db_instance_identifier() == Some(listed));
    let listed = known.map(DbCluster::db_cluster_members).unwrap_or_default();
    Ok(Traces {
        original: match original {
            Some(cluster) if is_deleting(cluster) => Original::Deleting,
            Some(_) => Original::Here,
            None => Original::NotFound,
        },
        document: document(request, known, home, &members, restored.as_ref(), source)?,
        restored,
        taken: Taken { own: home.is_some(), temporary: temporary.is_some() },
        has_mark_to_lift: snapshot.is_some_and(|s| tags::marked_by(s.tag_list(), &request.execution))
            || home.is_some_and(|cluster| is_stray_role(cluster.tag_list())),
        is_half_marked: clusters.iter().any(|cluster| is_half_marked(request, cluster.tag_list())),
        is_incomplete: listed.iter().filter_map(|member| member.db_instance_identifier()).any(|name| !answers(name)),
    })
}

/// The original as it is now, or what has its `-temp` name; if it is gone, what can be said of it from its successor and its snapshot.
fn document(
    request: &Request,
    original: Option<&DbCluster>,
    home: Option<&DbCluster>,
    members: &[DbInstance],
    restored: Option<&Restored>,
    source: Option<&str>,
) -> Result<Option<Value>> {
    let Some(seen) = original.or(home) else { return Ok(None) };
    let Some(kind) = ClusterKind::of_engine(seen.engine().unwrap_or_default()) else { return Ok(None) };
    let is_its_successor = original.is_none() && restored.is_some();
    let resource_id = if is_its_successor { source } else { seen.db_cluster_resource_id() };
    let original = OriginalCluster {
        target: Target {
            identifier: request.identifier.clone(),
            temporary_identifier: request.temporary_identifier.clone(),
            resource_id: resource_id.unwrap_or_default().to_owned(),
        },
        cluster_kind: kind,
        engine: seen.engine().unwrap_or_default().to_owned(),
        engine_version: seen.engine_version().unwrap_or_default().to_owned(),
        tags: tags::digest(&tags::of_the_user(seen.tag_list())),
        settings: ClusterSettings::from(seen),
        members: members.iter().map(|instance| member(request, kind, seen, instance)).collect(),
        not_carried_over: Vec::new(),
    };
    plan_document(request, original).map(Some)
}

/// A member with both its names, of which it has one now. The preflight refuses members whose own name looks like one that
/// a run has moved, so the suffix tells.
fn member(request: &Request, kind: ClusterKind, cluster: &DbCluster, instance: &DbInstance) -> Member {
    let present = DatabaseIdentifier::reported(instance.db_instance_identifier().unwrap_or_default());
    let is_moved = kind == ClusterKind::Aurora
        && tags::marked_by(instance.tag_list(), &request.execution)
        && tags::value(instance.tag_list(), tags::ROLE) == Some(Role::Original.value());
    let home = present.before_temporary().filter(|_| is_moved).unwrap_or_else(|| present.clone());
    let temporary = match kind {
        ClusterKind::Aurora => home.temporary(DatabaseKind::Instance).ok(),
        ClusterKind::MultiAz => None,
    };
    let is_writer = cluster.db_cluster_members().iter().any(|member| {
        member.db_instance_identifier() == Some(present.as_str()) && member.is_cluster_writer() == Some(true)
    });
    Member {
        target: Target {
            temporary_identifier: temporary.unwrap_or_else(|| home.clone()),
            identifier: home,
            resource_id: instance.dbi_resource_id().unwrap_or_default().to_owned(),
        },
        is_writer,
        tags: tags::digest(&tags::of_the_user(instance.tag_list())),
        settings: InstanceSettings::from(instance),
    }
}

fn is_deleting(cluster: &DbCluster) -> bool {
    phase(DatabaseKind::Cluster, cluster.status().unwrap_or_default()) == Phase::Deleting
}
