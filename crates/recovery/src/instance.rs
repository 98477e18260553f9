//! The look for what an execution on a DB instance left.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use serde_json::Value;
use trapheus_common::document::{OriginalInstance, Request, Target};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::settings::InstanceSettings;
use trapheus_common::tags::{self, Role};
use trapheus_common::wait::acceptor::{Phase, phase};
use trapheus_common::{Result, rds};

use crate::traces::{Original, Restored, Taken, Traces, is_half_marked, is_stray_role, plan_document};

/// One look. What the execution marked is found by that mark, under whatever name.
pub(crate) async fn look(client: &Client, request: &Request) -> Result<Traces> {
    let instances = rds::instances(client).await?;
    // A cluster's member is the cluster's affair.
    let alone = || instances.iter().filter(|instance| instance.db_cluster_identifier().is_none());
    let marked = |role: Role| {
        alone().find(|instance| {
            tags::marked_by(instance.tag_list(), &request.execution)
                && tags::value(instance.tag_list(), tags::ROLE) == Some(role.value())
        })
    };
    let original = marked(Role::Original);
    let named = |name: &str| alone().find(|instance| instance.db_instance_identifier() == Some(name));
    let home = named(request.identifier.as_str());
    let temporary = named(request.temporary_identifier.as_str());
    let restored = [(Role::Verified, true), (Role::Restored, false)].into_iter().find_map(|(role, is_verified)| {
        let instance = marked(role).filter(|instance| !is_deleting(instance))?;
        let is_in_place = instance.db_instance_identifier() == Some(request.identifier.as_str());
        Some(Restored { resource_id: instance.dbi_resource_id()?.to_owned(), is_verified, is_in_place })
    });
    let snapshot = rds::snapshot(client, request.snapshot_identifier.as_str()).await?;
    let source = snapshot.as_ref().and_then(|snapshot| snapshot.dbi_resource_id());
    Ok(Traces {
        original: match original {
            Some(instance) if is_deleting(instance) => Original::Deleting,
            Some(_) => Original::Here,
            None => Original::NotFound,
        },
        document: document(request, original.or(temporary), home, restored.as_ref(), source)?,
        restored,
        taken: Taken { own: home.is_some(), temporary: temporary.is_some() },
        has_mark_to_lift: snapshot.is_some_and(|s| tags::marked_by(s.tag_list(), &request.execution))
            || home.is_some_and(|instance| is_stray_role(instance.tag_list())),
        is_half_marked: alone().any(|instance| is_half_marked(request, instance.tag_list())),
        is_incomplete: false,
    })
}

/// The original as it is now, or what has its `-temp` name; if it is gone, what can be said of it from its successor and its snapshot.
fn document(
    request: &Request,
    original: Option<&DbInstance>,
    home: Option<&DbInstance>,
    restored: Option<&Restored>,
    source: Option<&str>,
) -> Result<Option<Value>> {
    let Some(seen) = original.or(home) else { return Ok(None) };
    let is_its_successor = original.is_none() && restored.is_some();
    let resource_id = if is_its_successor { source } else { seen.dbi_resource_id() };
    let original = OriginalInstance {
        target: Target {
            identifier: request.identifier.clone(),
            temporary_identifier: request.temporary_identifier.clone(),
            resource_id: resource_id.unwrap_or_default().to_owned(),
        },
        engine: seen.engine().unwrap_or_default().to_owned(),
        engine_version: seen.engine_version().unwrap_or_default().to_owned(),
        tags: tags::digest(&tags::of_the_user(seen.tag_list())),
        settings: InstanceSettings::from(seen),
        not_carried_over: Vec::new(),
    };
    plan_document(request, original).map(Some)
}

pub(crate) fn is_deleting(instance: &DbInstance) -> bool {
    phase(DatabaseKind::Instance, instance.db_instance_status().unwrap_or_default()) == Phase::Deleting
}
