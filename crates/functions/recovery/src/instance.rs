//! Finds the databases of an interrupted execution on a DB instance.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use serde_json::Value;
use trapheus_common::document::{Names, OriginalInstance, Request};
use trapheus_common::settings::InstanceSettings;
use trapheus_common::{Result, rds, tags};

use crate::observation::{
    Claimed, Observation, Original, Restored, Taken, is_stray_role, plan_document, resource_id_of_original,
};

/// One read. The execution's databases are found by their claims, under any name.
pub(crate) async fn look(client: &Client, request: &Request) -> Result<Observation> {
    let instances = rds::instances(client).await?;
    // Members belong to the recovery of their cluster.
    let alone = || instances.iter().filter(|instance| instance.db_cluster_identifier().is_none());
    let claimed = Claimed::among(alone(), request);
    let named = |name: &str| alone().find(|instance| instance.db_instance_identifier() == Some(name));
    let home = named(request.identifier.as_str());
    let parked = named(Names::rename_first(request).database.parked.as_str());
    let snapshot = rds::snapshot(client, request.snapshot_identifier.as_str()).await?;
    let source = snapshot.as_ref().and_then(|snapshot| snapshot.dbi_resource_id());
    let known = claimed.known(parked);
    Ok(Observation {
        original: Original::of(&claimed, request),
        restored: Restored::of(&claimed, request),
        document: document(request, known, parked.or(home), claimed.restored, source)?,
        doubt: claimed.doubt,
        taken: Taken { own: home.is_some(), parked: parked.is_some() },
        has_tags_to_remove: snapshot.is_some_and(|s| tags::marked_by(s.tag_list(), &request.execution))
            || home.is_some_and(|instance| is_stray_role(instance.tag_list())),
        has_claim_without_role: claimed.has_claim_without_role,
        is_incomplete: false,
    })
}

/// The original as it is now. If it is unknown, the facts come from the database under one of its names, its successor and
/// its snapshot.
fn document(
    request: &Request,
    original: Option<&DbInstance>,
    named: Option<&DbInstance>,
    restored: Option<&DbInstance>,
    source: Option<&str>,
) -> Result<Option<Value>> {
    let Some(seen) = original.or(named) else { return Ok(None) };
    let resource_id = resource_id_of_original(request, original, named, restored, source);
    let original = OriginalInstance {
        resource_id: resource_id.unwrap_or_default().to_owned(),
        engine: seen.engine().unwrap_or_default().to_owned(),
        engine_version: seen.engine_version().unwrap_or_default().to_owned(),
        tags: tags::digest(&tags::of_the_user(seen.tag_list())),
        settings: InstanceSettings::from(seen),
        not_carried_over: Vec::new(),
    };
    plan_document(request, original).map(Some)
}
