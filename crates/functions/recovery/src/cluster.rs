//! Finds the databases of an interrupted execution on a DB cluster, with the members.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use serde_json::Value;
use trapheus_common::claim::Claim;
use trapheus_common::document::{ClusterKind, DatabaseNames, Member, Names, OriginalCluster, Request, Target};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::settings::{ClusterSettings, InstanceSettings};
use trapheus_common::tags::{self, Role};
use trapheus_common::{Result, rds};

use crate::observation::{
    Claimed, Observation, Original, Restored, Taken, is_stray_role, plan_document, resource_id_of_original,
};

/// One read. The execution's databases are found by their claims, under any name.
pub(crate) async fn look(client: &Client, request: &Request) -> Result<Observation> {
    let clusters = rds::clusters(client).await?;
    let claimed = Claimed::among(&clusters, request);
    let named = |name: &str| clusters.iter().find(|cluster| cluster.db_cluster_identifier() == Some(name));
    let home = named(request.identifier.as_str());
    let parked = named(Names::rename_first(request).database.parked.as_str());
    let known = claimed.known(parked);
    let snapshot = rds::cluster_snapshot(client, request.snapshot_identifier.as_str()).await?;
    let source = snapshot.as_ref().and_then(|snapshot| snapshot.db_cluster_resource_id());
    // A cluster under its name without any claim counts as the original, with its members.
    let mut members = match known.or(home.filter(|_| claimed.restored.is_none())) {
        Some(cluster) => rds::instances_of_cluster(client, cluster.db_cluster_identifier().unwrap_or_default()).await?,
        None => Vec::new(),
    };
    members.retain(|member| !rds::is_auto_scaled(member.db_instance_identifier().unwrap_or_default()));
    let answers = |listed: &str| members.iter().any(|member| member.db_instance_identifier() == Some(listed));
    let listed = known.map(DbCluster::db_cluster_members).unwrap_or_default().iter();
    let mut listed = listed.filter_map(|member| member.db_instance_identifier());
    let is_incomplete = listed.any(|name| !rds::is_auto_scaled(name) && !answers(name));
    Ok(Observation {
        original: Original::of(&claimed, request),
        restored: Restored::of(&claimed, request),
        document: document(request, known, parked.or(home), &members, claimed.restored, source)?,
        doubt: claimed.doubt,
        taken: Taken { own: home.is_some(), parked: parked.is_some() },
        has_tags_to_remove: snapshot.is_some_and(|s| tags::marked_by(s.tag_list(), &request.execution))
            || home.is_some_and(|cluster| is_stray_role(cluster.tag_list())),
        has_claim_without_role: claimed.has_claim_without_role,
        is_incomplete,
    })
}

/// The original as it is now. If it is unknown, the facts come from the database under one of its names, its successor and
/// its snapshot.
fn document(
    request: &Request,
    original: Option<&DbCluster>,
    named: Option<&DbCluster>,
    members: &[DbInstance],
    restored: Option<&DbCluster>,
    source: Option<&str>,
) -> Result<Option<Value>> {
    let Some(seen) = original.or(named) else { return Ok(None) };
    let Some(kind) = ClusterKind::of_engine(seen.engine().unwrap_or_default()) else { return Ok(None) };
    let resource_id = resource_id_of_original(request, original, named, restored, source);
    let original = OriginalCluster {
        resource_id: resource_id.unwrap_or_default().to_owned(),
        cluster_kind: kind,
        engine: seen.engine().unwrap_or_default().to_owned(),
        engine_version: seen.engine_version().unwrap_or_default().to_owned(),
        tags: tags::digest(&tags::of_the_user(seen.tag_list())),
        settings: ClusterSettings::from(seen),
        members: members_of(request, kind, seen, members),
        not_carried_over: Vec::new(),
    };
    plan_document(request, original).map(Some)
}

/// The members of the original. The execution claimed all of them before its first change. So once one shows such a claim,
/// a person has added each instance without one.
fn members_of(request: &Request, kind: ClusterKind, cluster: &DbCluster, instances: &[DbInstance]) -> Vec<Member> {
    let is_claimed = |instance: &&DbInstance| Claim::is_shown_by(*instance, &request.execution);
    let is_any_claimed = instances.iter().any(|instance| is_claimed(&instance));
    let own = instances.iter().filter(|instance| !is_any_claimed || is_claimed(instance));
    own.map(|instance| member(request, kind, cluster, instance)).collect()
}

/// A member with both its names, of which it has one now. Preflight refuses members whose own name looks like a parked one,
/// so the suffix decides.
fn member(request: &Request, kind: ClusterKind, cluster: &DbCluster, instance: &DbInstance) -> Member {
    let present = DatabaseIdentifier::reported(instance.db_instance_identifier().unwrap_or_default());
    let claim = Claim::on(instance).filter(|claim| claim.is_by(&request.execution));
    let is_moved = kind == ClusterKind::Aurora && claim.is_some_and(|claim| claim.has_role(Role::Original));
    let home = present.before_temporary().filter(|_| is_moved).unwrap_or_else(|| present.clone());
    let parked = match kind {
        ClusterKind::Aurora => home.temporary(DatabaseKind::Instance).ok(),
        ClusterKind::MultiAz => None,
    };
    let is_writer = cluster.db_cluster_members().iter().any(|member| {
        member.db_instance_identifier() == Some(present.as_str()) && member.is_cluster_writer() == Some(true)
    });
    Member {
        target: Target {
            names: DatabaseNames { parked: parked.unwrap_or_else(|| home.clone()), service: home, staged: None },
            resource_id: instance.dbi_resource_id().unwrap_or_default().to_owned(),
        },
        is_writer,
        tags: tags::digest(&tags::of_the_user(instance.tag_list())),
        settings: InstanceSettings::from(instance),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::Tag;
    use serde_json::json;

    use super::*;

    const EXECUTION: &str = "arn:aws:states:eu-west-1:123456789012:execution:trapheus-dev:run-1";

    fn instance(identifier: &str, is_claimed: bool) -> DbInstance {
        let resource_id = format!("db-{identifier}");
        let tags = [(tags::EXECUTION, EXECUTION), (tags::ROLE, "original"), (tags::RESOURCE_ID, &resource_id)];
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let built = DbInstance::builder().db_instance_identifier(identifier).dbi_resource_id(&resource_id);
        built.set_tag_list(is_claimed.then(|| tags.to_vec())).build()
    }

    fn homes(instances: &[DbInstance]) -> Vec<String> {
        let request: Request = serde_json::from_value(json!({
            "identifier": "orders", "task": "db_restore", "kind": "cluster", "execution": EXECUTION,
            "startedAt": "2026-01-31T08:00:00Z", "deadline": "2026-02-01T08:00:00Z",
            "snapshotIdentifier": "orders-snapshot", "snapshotReplacement": "KeepUntilReplaced",
            "keepAutomatedBackups": true, "finalSnapshot": false, "rollbackSeconds": 21_600,
        }))
        .expect("a request");
        let members = members_of(&request, ClusterKind::Aurora, &DbCluster::builder().build(), instances);
        members.into_iter().map(|member| member.target.identifier().as_str().to_owned()).collect()
    }

    #[test]
    fn once_a_member_shows_a_claim_only_claimed_members_belong_to_the_original() {
        let claimed = [instance("orders-a-temp", true), instance("orders-b", true)];
        assert_eq!(homes(&claimed), ["orders-a", "orders-b"]);
        let joined = [claimed[0].clone(), instance("orders-a", false), instance("reports", false)];
        assert_eq!(homes(&joined), ["orders-a"]);
        let unclaimed = [instance("orders-a", false), instance("orders-b", false)];
        assert_eq!(homes(&unclaimed), ["orders-a", "orders-b"]);
    }
}
