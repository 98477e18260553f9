//! The resources that a request names, as the conditions of an IAM policy see them.
//!
//! A policy decides by the tags and the engine of the resource at the time of the request. So both are recorded with the
//! request. This module does not evaluate policies.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::query::Tags;
use crate::resources::{Cluster, Life};
use crate::state::State;

/// A database or snapshot that a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// The resource id of a database. No policy reads it.
    #[serde(skip)]
    pub resource_id: String,
    pub tags: BTreeMap<String, String>,
    /// The engine of a DB instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The key that encrypts the resource, if the key is customer managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// The members of a Multi-AZ DB cluster, which change with it. Each member is named in the map as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// The keys are type and name: `db:orders`, `cluster:shop`, `snapshot:orders-snapshot`, `cluster-snapshot:shop-snapshot`.
pub(crate) fn named(state: &State, parameters: &BTreeMap<String, String>) -> BTreeMap<String, Named> {
    let named = |kind: &str, life: &Life| {
        let arn = state.arn(kind, &life.identifier);
        let names = |value: &String| value.eq_ignore_ascii_case(&life.identifier) || value.eq_ignore_ascii_case(&arn);
        life.answers && parameters.values().any(names)
    };
    let mut found = BTreeMap::new();
    let mut add = |kind: &str, life: &Life, what: Named| found.insert(format!("{kind}:{}", life.identifier), what);
    for cluster in state.clusters.values().filter(|cluster| named("cluster", &cluster.life)) {
        let members = members_of_multi_az(state, cluster);
        add(
            "cluster",
            &cluster.life,
            Named {
                resource_id: cluster.resource_id.clone(),
                members,
                kms_key_id: cluster.settings.kms_key_id.clone(),
                ..tagged(cluster.tags.truth())
            },
        );
    }
    for instance in state.instances.values() {
        let cluster = instance.cluster.and_then(|key| state.clusters.get(&key));
        let goes_along = cluster.is_some_and(|cluster| !cluster.is_aurora() && named("cluster", &cluster.life));
        if goes_along || named("db", &instance.life) {
            let engine = Some(instance.engine.clone());
            add(
                "db",
                &instance.life,
                Named {
                    resource_id: instance.resource_id.clone(),
                    engine,
                    kms_key_id: instance.settings.kms_key_id.clone(),
                    ..tagged(instance.tags.truth())
                },
            );
        }
    }
    for snapshot in state.snapshots.values().filter(|snapshot| named("snapshot", &snapshot.life)) {
        add(
            "snapshot",
            &snapshot.life,
            Named { kms_key_id: snapshot.settings.kms_key_id.clone(), ..tagged(snapshot.tags.truth()) },
        );
    }
    for snapshot in state.cluster_snapshots.values().filter(|snapshot| named("cluster-snapshot", &snapshot.life)) {
        add(
            "cluster-snapshot",
            &snapshot.life,
            Named { kms_key_id: snapshot.settings.kms_key_id.clone(), ..tagged(snapshot.tags.truth()) },
        );
    }
    found
}

fn tagged(tags: &Tags) -> Named {
    Named { tags: tags.iter().cloned().collect(), ..Named::default() }
}

fn members_of_multi_az(state: &State, cluster: &Cluster) -> Vec<String> {
    if cluster.is_aurora() {
        return Vec::new();
    }
    let members = cluster.members.iter().filter_map(|key| state.instances.get(key));
    members.map(|member| member.life.identifier.clone()).collect()
}
