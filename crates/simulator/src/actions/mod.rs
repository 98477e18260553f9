//! What each action of RDS does, one module per kind of resource.
//!
//! Every action has the same three parts: take the parameters, refuse what is left over
//! ([`Params::finish`]), then check and change the world. So a request is refused before it changes anything.

mod clusters;
mod describe;
mod groups;
mod instances;
mod snapshots;
mod tagging;

use crate::error::{ApiError, ApiResult};
use crate::query::Params;
use crate::resources::Key;
use crate::state::State;
use crate::xml::Xml;

/// What an action answers with.
#[derive(Debug)]
pub(crate) enum Content {
    /// The content of the result element.
    Result(String),
    /// The action has no result element.
    Nothing,
}

/// Performs an action.
pub(crate) fn perform(state: &mut State, action: &str, params: Params) -> ApiResult<Content> {
    match action {
        "DescribeDBInstances" => describe::instances(state, params),
        "DescribeDBClusters" => describe::clusters(state, params),
        "DescribeDBSnapshots" => describe::snapshots(state, params),
        "DescribeDBClusterSnapshots" => describe::cluster_snapshots(state, params),
        "DescribeDBInstanceAutomatedBackups" => describe::instance_automated_backups(state, params),
        "DescribeDBClusterAutomatedBackups" => describe::cluster_automated_backups(state, params),
        "DescribeGlobalClusters" => describe::global_clusters(state, params),
        "DescribeBlueGreenDeployments" => describe::blue_green_deployments(state, params),
        "DescribeDBClusterEndpoints" => describe::cluster_endpoints(state, params),
        "DescribeDBProxies" => describe::proxies(state, params),
        "DescribeDBProxyTargets" => describe::proxy_targets(state, params),
        "DescribeDBProxyTargetGroups" => describe::proxy_target_groups(state, params),
        "DescribeDBParameterGroups" => groups::parameter_groups(state, params),
        "DescribeDBClusterParameterGroups" => groups::cluster_parameter_groups(state, params),
        "DescribeOptionGroups" => groups::option_groups(state, params),
        "DescribeDBSubnetGroups" => groups::subnet_groups(state, params),
        "CreateDBInstance" => instances::create(state, params),
        "ModifyDBInstance" => instances::modify(state, params),
        "RebootDBInstance" => instances::reboot(state, params),
        "StopDBInstance" => instances::stop(state, params),
        "StartDBInstance" => instances::start(state, params),
        "DeleteDBInstance" => instances::delete(state, params),
        "RestoreDBInstanceFromDBSnapshot" => instances::restore(state, params),
        "CreateDBCluster" => clusters::create(state, params),
        "ModifyDBCluster" => clusters::modify(state, params),
        "RebootDBCluster" => clusters::reboot(state, params),
        "EnableHttpEndpoint" => clusters::set_http_endpoint(state, params, true),
        "DisableHttpEndpoint" => clusters::set_http_endpoint(state, params, false),
        "StopDBCluster" => clusters::stop(state, params),
        "StartDBCluster" => clusters::start(state, params),
        "DeleteDBCluster" => clusters::delete(state, params),
        "RestoreDBClusterFromSnapshot" => clusters::restore(state, params),
        "CreateDBSnapshot" => snapshots::create(state, params),
        "CopyDBSnapshot" => snapshots::copy(state, params),
        "DeleteDBSnapshot" => snapshots::delete(state, params),
        "CreateDBClusterSnapshot" => snapshots::create_of_cluster(state, params),
        "CopyDBClusterSnapshot" => snapshots::copy_of_cluster(state, params),
        "DeleteDBClusterSnapshot" => snapshots::delete_of_cluster(state, params),
        "AddTagsToResource" => tagging::add(state, params),
        "RemoveTagsFromResource" => tagging::remove(state, params),
        "ListTagsForResource" => tagging::list(state, params),
        _ => Err(ApiError::new("InvalidAction", format!("Could not find operation {action} for version 2014-10-31"))),
    }
}

/// The answer that shows one resource.
fn one(name: &str, content: impl FnOnce(&mut Xml)) -> Content {
    let mut xml = Xml::with_capacity(4096);
    xml.nest(name, content);
    Content::Result(xml.into_string())
}

fn show_instance(state: &State, key: Key) -> Content {
    one("DBInstance", |xml| state.instance(xml, key))
}

fn show_cluster(state: &State, key: Key) -> Content {
    one("DBCluster", |xml| state.cluster(xml, key))
}

/// How deletes are asked for, the same for instances and clusters.
struct Deletion {
    skip_final_snapshot: Option<bool>,
    final_snapshot: Option<String>,
    delete_automated_backups: bool,
}

impl Deletion {
    fn take(params: &mut Params) -> ApiResult<Self> {
        Ok(Self {
            skip_final_snapshot: params.get("SkipFinalSnapshot")?,
            final_snapshot: params.take("FinalDBSnapshotIdentifier"),
            delete_automated_backups: params.get("DeleteAutomatedBackups")?.unwrap_or(true),
        })
    }

    /// The name of the final snapshot, or none where it is skipped.
    fn final_snapshot(&self) -> ApiResult<Option<&str>> {
        match (self.skip_final_snapshot.unwrap_or(false), self.final_snapshot.as_deref()) {
            (true, Some(_)) => Err(ApiError::combination(
                "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is true.",
            )),
            (false, None) => Err(ApiError::combination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            )),
            (_, name) => Ok(name),
        }
    }
}
