//! The actions of RDS, one module per kind of resource.
//!
//! Every action has the same three parts. It takes the parameters, refuses the rest ([`Params::finish`]), then checks and
//! changes the world. So a request is refused before it changes anything.

mod backups;
mod clusters;
mod copies;
mod describe;
mod exports;
mod groups;
mod instances;
mod offers;
mod point_in_time;
mod snapshots;
mod tagging;

use crate::error::{ApiError, ApiResult};
use crate::query::Params;
use crate::resources::Key;
use crate::state::State;
use crate::xml::Xml;

/// The answer of an action.
#[derive(Debug)]
pub(crate) enum Content {
    /// The content of the result element.
    Result(String),
    /// The action has no result element.
    Nothing,
}

/// The names of the actions, and the function that performs each.
macro_rules! actions {
    ($($name:literal => $perform:expr,)+) => {
        /// Every action of RDS that the simulator supports.
        pub const RDS_ACTIONS: &[&str] = &[$($name),+];

        /// Performs an action.
        pub(crate) fn perform(state: &mut State, action: &str, params: Params) -> ApiResult<Content> {
            match action {
                $($name => $perform(state, params),)+
                _ => {
                    let message = format!("Could not find operation {action} for version 2014-10-31");
                    Err(ApiError::new("InvalidAction", message))
                }
            }
        }
    };
}

actions! {
    "DescribeDBInstances" => describe::instances,
    "DescribeDBClusters" => describe::clusters,
    "DescribeDBSnapshots" => describe::snapshots,
    "DescribeDBClusterSnapshots" => describe::cluster_snapshots,
    "DescribeDBInstanceAutomatedBackups" => backups::of_instances,
    "DescribeDBClusterAutomatedBackups" => backups::of_clusters,
    "DescribeAccountAttributes" => describe::account_attributes,
    "DescribeOrderableDBInstanceOptions" => offers::orderable_options,
    "DescribeCertificates" => offers::certificates,
    "DescribeDBEngineVersions" => offers::engine_versions,
    "DescribeIntegrations" => offers::integrations,
    "DescribeEvents" => offers::events,
    "DescribeGlobalClusters" => describe::global_clusters,
    "DescribeBlueGreenDeployments" => describe::blue_green_deployments,
    "DescribeDBClusterEndpoints" => describe::cluster_endpoints,
    "DescribeDBProxies" => describe::proxies,
    "DescribeDBProxyTargets" => describe::proxy_targets,
    "DescribeDBProxyTargetGroups" => describe::proxy_target_groups,
    "DescribeDBParameterGroups" => groups::parameter_groups,
    "DescribeDBClusterParameterGroups" => groups::cluster_parameter_groups,
    "DescribeOptionGroups" => groups::option_groups,
    "DescribeDBSubnetGroups" => groups::subnet_groups,
    "CreateDBInstance" => instances::create,
    "ModifyDBInstance" => instances::modify,
    "RebootDBInstance" => instances::reboot,
    "StopDBInstance" => instances::stop,
    "StartDBInstance" => instances::start,
    "DeleteDBInstance" => instances::delete,
    "RestoreDBInstanceFromDBSnapshot" => instances::restore,
    "RestoreDBInstanceToPointInTime" => point_in_time::restore_instance,
    "CreateDBCluster" => clusters::create,
    "ModifyDBCluster" => clusters::modify,
    "RebootDBCluster" => clusters::reboot,
    "FailoverDBCluster" => clusters::fail_over,
    "EnableHttpEndpoint" => clusters::enable_http_endpoint,
    "DisableHttpEndpoint" => clusters::disable_http_endpoint,
    "StopDBCluster" => clusters::stop,
    "StartDBCluster" => clusters::start,
    "DeleteDBCluster" => clusters::delete,
    "RestoreDBClusterFromSnapshot" => clusters::restore,
    "RestoreDBClusterToPointInTime" => point_in_time::restore_cluster,
    "CreateDBSnapshot" => snapshots::create,
    "CopyDBSnapshot" => copies::copy,
    "ModifyDBSnapshot" => snapshots::modify,
    "DeleteDBSnapshot" => snapshots::delete,
    "CreateDBClusterSnapshot" => snapshots::create_of_cluster,
    "CopyDBClusterSnapshot" => copies::copy_of_cluster,
    "DeleteDBClusterSnapshot" => snapshots::delete_of_cluster,
    "StartExportTask" => exports::start,
    "CancelExportTask" => exports::cancel,
    "DescribeExportTasks" => exports::describe,
    "AddTagsToResource" => tagging::add,
    "RemoveTagsFromResource" => tagging::remove,
    "ListTagsForResource" => tagging::list,
}

/// The answer that shows one resource.
fn one(name: &str, content: impl FnOnce(&mut Xml)) -> Content {
    let mut xml = Xml::with_capacity(4096);
    xml.nest(name, content);
    Content::Result(xml.into_string())
}

fn show_instance(state: &State, key: Key) -> Content {
    one("DBInstance", |xml| state.truth().instance(xml, key))
}

fn show_cluster(state: &State, key: Key) -> Content {
    one("DBCluster", |xml| state.truth().cluster(xml, key))
}

/// The parameters of a deletion, the same for instances and clusters.
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

    /// The name of the final snapshot, or none if the request skips it.
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
