//! Reads: every resource that is described by identifier, filter and page.

use std::collections::BTreeMap;

use super::Content;
use crate::error::{ApiError, ApiResult};
use crate::lag::View;
use crate::query::Params;
use crate::render::Shown;
use crate::resources::{Key, Life, Snapshot};
use crate::sharing::Foreign;
use crate::state::State;
use crate::xml::Xml;

/// Filters and page of a describe request.
pub(super) struct Selection {
    filters: Vec<(String, Vec<String>)>,
    most: usize,
    from: usize,
}

impl Selection {
    /// Takes the parameters that every describe action accepts, and refuses unknown filters.
    pub(super) fn take(params: &mut Params, known: &[&str]) -> ApiResult<Self> {
        let filters = params.filters()?;
        if let Some((name, _)) = filters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(ApiError::value(format!("Unrecognized filter name: {name}")));
        }
        let most: u32 = params.get("MaxRecords")?.unwrap_or(100);
        if !(20..=100).contains(&most) {
            return Err(ApiError::value(format!("Invalid value {most} for MaxRecords. Must be between 20 and 100")));
        }
        let from = match params.take("Marker").filter(|marker| !marker.is_empty()) {
            Some(marker) => marker.parse().map_err(|_| ApiError::value(format!("Invalid Marker: {marker}")))?,
            None => 0,
        };
        Ok(Self { filters, most: most as usize, from })
    }

    /// Whether a resource passes every filter. `values` gives its values for the name of a filter.
    pub(super) fn admits(&self, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.filters.iter().all(|(name, wanted)| {
            values(name).iter().any(|value| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)))
        })
    }

    /// Writes the page, and the marker of the next one.
    pub(super) fn write<T>(&self, list: &str, found: &[T], mut member: impl FnMut(&mut Xml, &T)) -> Content {
        let mut xml = Xml::with_capacity(4096);
        self.write_into(&mut xml, list, found, &mut member);
        Content::Result(xml.into_string())
    }

    /// Writes the page into an answer that shows more than the list.
    pub(super) fn write_into<T>(&self, xml: &mut Xml, list: &str, found: &[T], mut member: impl FnMut(&mut Xml, &T)) {
        let page = found.iter().skip(self.from).take(self.most);
        xml.nest(list, |xml| page.for_each(|item| member(xml, item)));
        let next = self.from.saturating_add(self.most);
        if next < found.len() {
            xml.plain("Marker", next);
        }
    }
}

/// Sorted by name, as RDS lists them.
fn sorted<'a, T>(all: &'a BTreeMap<Key, T>, life: impl Fn(&T) -> &Life, seen: View<'_>) -> Vec<(&'a Key, &'a T)> {
    let mut found: Vec<_> = all.iter().filter(|(_, item)| seen.shows(life(item))).collect();
    found.sort_by(|(_, one), (_, other)| seen.identifier(life(one)).cmp(seen.identifier(life(other))));
    found
}

/// Returns the name in an identifier parameter, which may also be an ARN.
fn name_of<'a>(given: &'a str, kind: &str) -> &'a str {
    given.rsplit_once(&format!(":{kind}:")).map_or(given, |(_, name)| name)
}

pub(super) fn instances(state: &State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.take("DBInstanceIdentifier");
    let selection =
        Selection::take(&mut params, &["db-instance-id", "dbi-resource-id", "db-cluster-id", "engine", "domain"])?;
    params.finish("DescribeDBInstances")?;
    let seen = state.seen();
    let mut found = sorted(&state.instances, |instance| &instance.life, seen);
    if let Some(identifier) = identifier.as_deref() {
        found.retain(|(_, instance)| seen.is_named(&instance.life, name_of(identifier, "db")));
        if found.is_empty() {
            return Err(ApiError::instance_not_found(identifier));
        }
    }
    found.retain(|(_, instance)| {
        selection.admits(|filter| match filter {
            "db-instance-id" => vec![seen.identifier(&instance.life).to_owned(), seen.instance_arn(instance)],
            "dbi-resource-id" => vec![instance.resource_id.clone()],
            "db-cluster-id" => {
                let cluster = instance.cluster.and_then(|key| state.clusters.get(&key));
                cluster
                    .map(|cluster| vec![seen.identifier(&cluster.life).to_owned(), seen.cluster_arn(cluster)])
                    .unwrap_or_default()
            }
            "engine" => vec![instance.engine.clone()],
            _ => instance.settings.domain.clone().into_iter().collect(),
        })
    });
    Ok(selection.write("DBInstances", &found, |xml, (key, _)| xml.nest("DBInstance", |xml| seen.instance(xml, **key))))
}

pub(super) fn clusters(state: &State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.take("DBClusterIdentifier");
    let _: Option<bool> = params.get("IncludeShared")?;
    let known = ["db-cluster-id", "db-cluster-resource-id", "clone-group-id", "domain", "engine"];
    let selection = Selection::take(&mut params, &known)?;
    params.finish("DescribeDBClusters")?;
    let seen = state.seen();
    let mut found = sorted(&state.clusters, |cluster| &cluster.life, seen);
    if let Some(identifier) = identifier.as_deref() {
        found.retain(|(_, cluster)| seen.is_named(&cluster.life, name_of(identifier, "cluster")));
        if found.is_empty() {
            return Err(ApiError::cluster_not_found(identifier));
        }
    }
    found.retain(|(_, cluster)| {
        selection.admits(|filter| match filter {
            "db-cluster-id" => vec![seen.identifier(&cluster.life).to_owned(), seen.cluster_arn(cluster)],
            "db-cluster-resource-id" => vec![cluster.resource_id.clone()],
            "engine" => vec![cluster.engine.clone()],
            "domain" => cluster.settings.domain.clone().into_iter().collect(),
            _ => cluster.clone_group.iter().map(|group| group.id.clone()).collect(),
        })
    });
    Ok(selection.write("DBClusters", &found, |xml, (key, _)| xml.nest("DBCluster", |xml| seen.cluster(xml, **key))))
}

/// The parameters of a request for snapshots, the same for both kinds.
struct Wanted {
    snapshot: Option<String>,
    source: Option<String>,
    source_resource_id: Option<String>,
    kind: Option<String>,
    includes_shared: bool,
    includes_public: bool,
    selection: Selection,
}

/// The types of snapshots that a request can name.
const SNAPSHOT_TYPES: &[&str] = &["automated", "manual", "shared", "public", "awsbackup"];

impl Wanted {
    fn take(params: &mut Params, action: &str, names: [&str; 3], filters: &[&str]) -> ApiResult<Self> {
        let wanted = Self {
            snapshot: params.take(names[0]),
            source: params.take(names[1]),
            source_resource_id: params.take(names[2]),
            kind: params.take("SnapshotType"),
            includes_shared: params.get("IncludeShared")?.unwrap_or(false),
            includes_public: params.get("IncludePublic")?.unwrap_or(false),
            selection: Selection::take(params, filters)?,
        };
        params.finish(action)?;
        match wanted.kind.as_deref() {
            Some(kind) if !SNAPSHOT_TYPES.contains(&kind) => {
                Err(ApiError::value(format!("Invalid SnapshotType: {kind}")))
            }
            _ => Ok(wanted),
        }
    }

    /// Whether snapshots of this type are asked for. A single automated snapshot needs `SnapshotType` too.
    fn includes(&self, kind: &str) -> bool {
        match self.kind.as_deref() {
            Some(wanted) => wanted == kind,
            None => match kind {
                "manual" => true,
                "automated" => self.snapshot.is_none(),
                "shared" => self.includes_shared,
                "public" => self.includes_public,
                _ => false,
            },
        }
    }

    fn admits<S>(&self, snapshot: &Snapshot<S>, shown: &Shown<'_>) -> bool {
        let same = |wanted: &Option<String>, has: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(has))
        };
        let is_named = |wanted: &str| wanted == shown.arn || (shown.is_own && snapshot.life.is_named(wanted));
        self.includes(shown.kind)
            && self.snapshot.as_deref().is_none_or(is_named)
            && same(&self.source, &snapshot.source)
            && same(&self.source_resource_id, &snapshot.source_resource_id)
            && self.selection.admits(|filter| match filter {
                "db-instance-id" | "db-cluster-id" => vec![snapshot.source.clone()],
                "db-snapshot-id" | "db-cluster-snapshot-id" => {
                    vec![snapshot.life.identifier.clone(), shown.arn.clone()]
                }
                "dbi-resource-id" => vec![snapshot.source_resource_id.clone()],
                "snapshot-type" => vec![shown.kind.to_owned()],
                _ => vec![snapshot.engine.clone()],
            })
    }

    /// The snapshots that the request selects: the account's own in the region, then those of other accounts. A client of
    /// another region sees the snapshots that are there, if the world has any.
    fn select<'a, S>(
        &self,
        state: &'a State,
        own: &'a BTreeMap<Key, Snapshot<S>>,
        foreign: &'a [Foreign<S>],
        resource: &str,
    ) -> Vec<(&'a Snapshot<S>, Shown<'a>)> {
        let is_there = |region: &&String| foreign.iter().any(|found| found.region == **region);
        let elsewhere = state.asked_region.as_ref().filter(|region| **region != state.region).filter(is_there);
        let region = elsewhere.unwrap_or(&state.region);
        let own = sorted(own, |snapshot| &snapshot.life, state.seen()).into_iter().filter(|_| elsewhere.is_none());
        let own = own.map(|(_, snapshot)| (snapshot, Shown::own(state, snapshot, resource)));
        let foreign = foreign.iter().filter(|found| found.region == *region);
        let foreign = foreign.map(|found| (&found.snapshot, Shown::foreign(state, found, resource)));
        own.chain(foreign).filter(|(snapshot, shown)| self.admits(snapshot, shown)).collect()
    }
}

pub(super) fn snapshots(state: &State, mut params: Params) -> ApiResult<Content> {
    let names = ["DBSnapshotIdentifier", "DBInstanceIdentifier", "DbiResourceId"];
    let filters = ["db-instance-id", "db-snapshot-id", "dbi-resource-id", "snapshot-type", "engine"];
    let wanted = Wanted::take(&mut params, "DescribeDBSnapshots", names, &filters)?;
    let found = wanted.select(state, &state.snapshots, &state.foreign_snapshots, "snapshot");
    if let (Some(identifier), true) = (&wanted.snapshot, found.is_empty()) {
        return Err(ApiError::snapshot_not_found(identifier));
    }
    Ok(wanted.selection.write("DBSnapshots", &found, |xml, (snapshot, shown)| {
        xml.nest("DBSnapshot", |xml| state.seen().snapshot(xml, snapshot, shown));
    }))
}

pub(super) fn cluster_snapshots(state: &State, mut params: Params) -> ApiResult<Content> {
    let names = ["DBClusterSnapshotIdentifier", "DBClusterIdentifier", "DbClusterResourceId"];
    let filters = ["db-cluster-id", "db-cluster-snapshot-id", "snapshot-type", "engine"];
    let wanted = Wanted::take(&mut params, "DescribeDBClusterSnapshots", names, &filters)?;
    let found = wanted.select(state, &state.cluster_snapshots, &state.foreign_cluster_snapshots, "cluster-snapshot");
    if let (Some(identifier), true) = (&wanted.snapshot, found.is_empty()) {
        return Err(ApiError::cluster_snapshot_not_found(identifier));
    }
    Ok(wanted.selection.write("DBClusterSnapshots", &found, |xml, (snapshot, shown)| {
        xml.nest("DBClusterSnapshot", |xml| state.seen().cluster_snapshot(xml, snapshot, shown));
    }))
}

/// The account's quotas for the resources that the simulator counts.
#[expect(clippy::needless_pass_by_value, reason = "every action is called alike")]
pub(super) fn account_attributes(state: &State, params: Params) -> ApiResult<Content> {
    params.finish("DescribeAccountAttributes")?;
    let manual = |kinds: Vec<&String>| kinds.into_iter().filter(|kind| *kind == "manual").count();
    let quotas = [
        ("DBInstances", state.instances.len(), state.limits.instances),
        ("DBClusters", state.clusters.len(), state.limits.clusters),
        (
            "ManualSnapshots",
            manual(state.snapshots.values().map(|one| &one.kind).collect()),
            state.limits.manual_snapshots,
        ),
        (
            "ManualClusterSnapshots",
            manual(state.cluster_snapshots.values().map(|one| &one.kind).collect()),
            state.limits.manual_cluster_snapshots,
        ),
    ];
    let mut xml = Xml::with_capacity(1024);
    xml.nest("AccountQuotas", |xml| {
        let mut quota = |name: &str, used: u64, max: u64| {
            xml.nest("AccountQuota", |xml| {
                xml.text("AccountQuotaName", name);
                xml.plain("Used", used);
                xml.plain("Max", max);
            });
        };
        for (name, used, max) in quotas {
            quota(name, used as u64, max as u64);
        }
        quota("AllocatedStorage", state.stored_gib(), state.limits.allocated_storage);
    });
    Ok(Content::Result(xml.into_string()))
}

pub(super) fn global_clusters(state: &State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.take("GlobalClusterIdentifier");
    let selection = Selection::take(&mut params, &["db-cluster-id"])?;
    params.finish("DescribeGlobalClusters")?;
    let seen = state.seen();
    let mut names: Vec<&String> =
        state.clusters.values().filter_map(|cluster| cluster.member_of_global.as_ref()).collect();
    names.sort_unstable();
    names.dedup();
    let members = |name: &str| -> Vec<&crate::resources::Cluster> {
        state.clusters.values().filter(|cluster| cluster.member_of_global.as_deref() == Some(name)).collect()
    };
    names.retain(|name| {
        identifier.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
            && selection.admits(|_| {
                members(name)
                    .into_iter()
                    .flat_map(|cluster| [seen.identifier(&cluster.life).to_owned(), seen.cluster_arn(cluster)])
                    .collect()
            })
    });
    if let (Some(identifier), true) = (identifier, names.is_empty()) {
        return Err(ApiError::new("GlobalClusterNotFoundFault", format!("Global cluster {identifier} not found.")));
    }
    Ok(selection.write("GlobalClusters", &names, |xml, name| {
        xml.nest("GlobalClusterMember", |xml| {
            xml.text("GlobalClusterIdentifier", name);
            xml.text("Status", "available");
            xml.nest("GlobalClusterMembers", |xml| {
                for cluster in members(name) {
                    xml.nest("GlobalClusterMember", |xml| {
                        xml.text("DBClusterArn", &seen.cluster_arn(cluster));
                        xml.plain("IsWriter", cluster.replication_source.is_none());
                    });
                }
            });
        });
    }))
}

pub(super) fn blue_green_deployments(state: &State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.take("BlueGreenDeploymentIdentifier");
    let known = ["blue-green-deployment-identifier", "blue-green-deployment-name", "source", "target"];
    let selection = Selection::take(&mut params, &known)?;
    params.finish("DescribeBlueGreenDeployments")?;
    let found: Vec<_> = state
        .blue_green_deployments
        .iter()
        .filter(|deployment| identifier.as_deref().is_none_or(|wanted| wanted == format!("bgd-{}", deployment.name)))
        .filter(|deployment| {
            selection.admits(|filter| match filter {
                "source" => vec![deployment.source.clone()],
                "target" => deployment.target.clone().into_iter().collect(),
                "blue-green-deployment-name" => vec![deployment.name.clone()],
                _ => vec![format!("bgd-{}", deployment.name)],
            })
        })
        .collect();
    if let (Some(identifier), true) = (identifier, found.is_empty()) {
        return Err(ApiError::new(
            "BlueGreenDeploymentNotFoundFault",
            format!("Blue/green deployment {identifier} not found."),
        ));
    }
    Ok(selection.write("BlueGreenDeployments", &found, |xml, deployment| {
        xml.nest("member", |xml| {
            xml.text("BlueGreenDeploymentIdentifier", &format!("bgd-{}", deployment.name));
            xml.text("BlueGreenDeploymentName", &deployment.name);
            xml.text("Source", &deployment.source);
            xml.text_if("Target", deployment.target.as_ref());
            xml.text("Status", &deployment.status);
        });
    }))
}

/// Every Aurora cluster has a writer and a reader endpoint besides its custom ones.
pub(super) fn cluster_endpoints(state: &State, mut params: Params) -> ApiResult<Content> {
    let cluster = params.take("DBClusterIdentifier");
    let endpoint = params.take("DBClusterEndpointIdentifier");
    let known = [
        "db-cluster-endpoint-type",
        "db-cluster-endpoint-custom-type",
        "db-cluster-endpoint-id",
        "db-cluster-endpoint-status",
    ];
    let selection = Selection::take(&mut params, &known)?;
    params.finish("DescribeDBClusterEndpoints")?;
    let seen = state.seen();
    let is_known = |name: &String| state.clusters.values().any(|found| seen.is_named(&found.life, name));
    if let Some(cluster) = &cluster
        && !is_known(cluster)
    {
        return Err(ApiError::cluster_not_found(cluster));
    }
    let mut found: Vec<(String, &str, Option<&crate::world::ClusterEndpointSpec>)> = Vec::new();
    for existing in state.clusters.values().filter(|existing| seen.shows(&existing.life) && existing.is_aurora()) {
        let name = seen.identifier(&existing.life);
        found.push((name.to_owned(), "WRITER", None));
        found.push((name.to_owned(), "READER", None));
    }
    for custom in &state.cluster_endpoints {
        found.push((custom.cluster.clone(), "CUSTOM", Some(custom)));
    }
    found.retain(|(owner, kind, custom)| {
        cluster.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(owner))
            && endpoint
                .as_ref()
                .is_none_or(|wanted| custom.is_some_and(|custom| custom.identifier.eq_ignore_ascii_case(wanted)))
            && selection.admits(|filter| match filter {
                "db-cluster-endpoint-type" => vec![(*kind).to_owned()],
                "db-cluster-endpoint-custom-type" => custom.map(|custom| custom.kind.clone()).into_iter().collect(),
                "db-cluster-endpoint-id" => custom.map(|custom| custom.identifier.clone()).into_iter().collect(),
                _ => vec!["available".to_owned()],
            })
    });
    Ok(selection.write("DBClusterEndpoints", &found, |xml, (owner, kind, custom)| {
        xml.nest("DBClusterEndpointList", |xml| {
            xml.text("DBClusterIdentifier", owner);
            xml.text("Status", "available");
            xml.text("EndpointType", kind);
            if let Some(custom) = custom {
                xml.text("DBClusterEndpointIdentifier", &custom.identifier);
                xml.text("CustomEndpointType", &custom.kind);
                xml.list("StaticMembers", "member", &custom.static_members);
            }
        });
    }))
}

pub(super) fn proxies(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.take("DBProxyName");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeDBProxies")?;
    let found: Vec<_> =
        state.proxies.iter().filter(|proxy| name.as_ref().is_none_or(|wanted| *wanted == proxy.name)).collect();
    if let (Some(name), true) = (name, found.is_empty()) {
        return Err(ApiError::new("DBProxyNotFoundFault", format!("DBProxy {name} not found.")));
    }
    Ok(selection.write("DBProxies", &found, |xml, proxy| {
        xml.nest("member", |xml| {
            xml.text("DBProxyName", &proxy.name);
            xml.text("DBProxyArn", &state.arn("db-proxy", &proxy.name));
            xml.text("Status", "available");
        });
    }))
}

pub(super) fn proxy_targets(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.require("DBProxyName")?;
    params.take("TargetGroupName");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeDBProxyTargets")?;
    let proxy = state.proxies.iter().find(|proxy| proxy.name == name);
    let proxy = proxy.ok_or_else(|| ApiError::new("DBProxyNotFoundFault", format!("DBProxy {name} not found.")))?;
    let instances = proxy.instances.iter().map(|target| ("RDS_INSTANCE", target));
    let clusters = proxy.clusters.iter().map(|target| ("TRACKED_CLUSTER", target));
    let found: Vec<_> = instances.chain(clusters).collect();
    Ok(selection.write("Targets", &found, |xml, (kind, target)| {
        xml.nest("member", |xml| {
            xml.text("RdsResourceId", target);
            xml.text("Type", kind);
        });
    }))
}

/// The proxies of the simulator have only the default target group.
pub(super) fn proxy_target_groups(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.require("DBProxyName")?;
    params.take("TargetGroupName");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeDBProxyTargetGroups")?;
    let found: Vec<_> = state.proxies.iter().filter(|proxy| proxy.name == name).collect();
    if found.is_empty() {
        return Err(ApiError::new("DBProxyNotFoundFault", format!("DBProxy {name} not found.")));
    }
    Ok(selection.write("TargetGroups", &found, |xml, proxy| {
        xml.nest("member", |xml| {
            xml.text("DBProxyName", &proxy.name);
            xml.text("TargetGroupName", "default");
            xml.plain("IsDefault", true);
            xml.text("Status", "available");
        });
    }))
}
