//! Everything around the databases that preflight reads: groups, certificates, versions, classes, proxies, integrations,
//! deployments, endpoints, global databases and backups.
//!
//! Each part of the world is left as a new world has it if its look is denied, and the denial is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use aws_sdk_rds::primitives::DateTimeFormat;
use aws_sdk_rds::types::{DbInstance, DbSubnetGroup, Filter, OrderableDbInstanceOption, Subnet, TargetType};
use rds_simulator::{
    BlueGreenSpec, CertificateSpec, ClusterEndpointSpec, EngineVersionSpec, GroupSpec, IntegrationSpec, Offer,
    OrderableSpec, ProxySpec, SecurityGroupSpec, World,
};
use serde_json::{Value, json};

use super::databases::Databases;
use super::look::{ACCOUNT, Account};
use super::snapshots::Snapshots;
use super::specs::{self, spec};

/// Fills in the surroundings of the databases.
pub(super) async fn read(
    account: &mut Account,
    databases: &Databases,
    snapshots: &Snapshots,
    world: &mut World,
    now: SystemTime,
) -> Result<(), String> {
    parameter_groups(account, databases, world).await?;
    option_groups(account, databases, world).await?;
    subnet_groups(account, databases, world).await?;
    certificates(account, world).await?;
    engine_versions(account, databases, snapshots, world).await?;
    orderable_options(account, databases, snapshots, world).await?;
    let arns = arns(databases);
    proxies(account, databases, world).await?;
    cluster_endpoints(account, databases, world).await?;
    integrations(account, &arns, world).await?;
    blue_green_deployments(account, &arns, world).await?;
    retained_backups(account, world, now).await
}

fn arns(databases: &Databases) -> BTreeSet<String> {
    let instances = databases.instances.values().filter_map(|instance| instance.db_instance_arn());
    let clusters = databases.clusters.values().filter_map(|cluster| cluster.db_cluster_arn());
    instances.chain(clusters).map(str::to_owned).collect()
}

/// RDS itself makes default groups, so a world has them all.
fn is_default(group: &str) -> bool {
    group == "default" || group.starts_with("default.") || group.starts_with("default:")
}

/// Groups by name, with the first database that names each.
fn groups<'a>(named: impl Iterator<Item = (&'a String, Option<&'a str>)>) -> BTreeMap<String, &'a String> {
    let mut groups = BTreeMap::new();
    for (owner, group) in named {
        if let Some(group) = group.filter(|group| !group.is_empty() && !is_default(group)) {
            groups.entry(group.to_owned()).or_insert(owner);
        }
    }
    groups
}

/// A world makes every group that a database names, so it cannot show that one is missing.
fn report_missing(account: &mut Account, owner: &str, field: &str, group: &str) {
    let problem = format!("the group `{group}` no longer exists, and a world makes every group that a database names");
    account.report(format!("`{owner}`"), field, problem);
}

async fn parameter_groups(account: &mut Account, databases: &Databases, world: &mut World) -> Result<(), String> {
    let of = |instance: &'_ DbInstance| {
        instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name().map(str::to_owned))
    };
    let named: Vec<(&String, Option<String>)> =
        databases.instances.iter().map(|(owner, instance)| (owner, of(instance))).collect();
    for (name, owner) in groups(named.iter().map(|(owner, group)| (*owner, group.as_deref()))) {
        let answer = account.rds.describe_db_parameter_groups().db_parameter_group_name(&name).send().await;
        if answer
            .as_ref()
            .err()
            .and_then(|e| e.as_service_error())
            .is_some_and(|e| e.is_db_parameter_group_not_found_fault())
        {
            report_missing(account, owner, "DBParameterGroups", &name);
            continue;
        }
        let answer = account.answer(&format!("`{owner}`"), "DescribeDBParameterGroups", answer)?;
        let found = answer.and_then(|answer| answer.db_parameter_groups.unwrap_or_default().into_iter().next());
        world.parameter_groups.extend(found.map(|found| GroupSpec {
            name,
            family: found.db_parameter_group_family.unwrap_or_default(),
            ..GroupSpec::default()
        }));
    }
    let named = databases.clusters.iter().map(|(owner, cluster)| (owner, cluster.db_cluster_parameter_group()));
    for (name, owner) in groups(named) {
        let answer = account.rds.describe_db_cluster_parameter_groups().db_cluster_parameter_group_name(&name).send();
        let answer = answer.await;
        if answer
            .as_ref()
            .err()
            .and_then(|e| e.as_service_error())
            .is_some_and(|e| e.is_db_parameter_group_not_found_fault())
        {
            report_missing(account, owner, "DBClusterParameterGroup", &name);
            continue;
        }
        let answer = account.answer(&format!("`{owner}`"), "DescribeDBClusterParameterGroups", answer)?;
        let found = answer.and_then(|answer| answer.db_cluster_parameter_groups.unwrap_or_default().into_iter().next());
        world.cluster_parameter_groups.extend(found.map(|found| GroupSpec {
            name,
            family: found.db_parameter_group_family.unwrap_or_default(),
            ..GroupSpec::default()
        }));
    }
    Ok(())
}

async fn option_groups(account: &mut Account, databases: &Databases, world: &mut World) -> Result<(), String> {
    let of_instances = databases.instances.iter().map(|(owner, instance)| {
        (owner, instance.option_group_memberships().first().and_then(|group| group.option_group_name()))
    });
    let of_clusters = databases.clusters.iter().map(|(owner, cluster)| {
        let groups = cluster.db_cluster_option_group_memberships();
        (owner, groups.first().and_then(|group| group.db_cluster_option_group_name()))
    });
    for (name, owner) in groups(of_instances.chain(of_clusters)) {
        let answer = account.rds.describe_option_groups().option_group_name(&name).send().await;
        if answer.as_ref().err().and_then(|e| e.as_service_error()).is_some_and(|e| e.is_option_group_not_found_fault())
        {
            report_missing(account, owner, "OptionGroupMemberships", &name);
            continue;
        }
        let answer = account.answer(&format!("`{owner}`"), "DescribeOptionGroups", answer)?;
        let found = answer.and_then(|answer| answer.option_groups_list.unwrap_or_default().into_iter().next());
        world.option_groups.extend(found.map(|found| GroupSpec {
            name,
            family: found.engine_name.unwrap_or_default(),
            major_version: found.major_engine_version.unwrap_or_default(),
            ..GroupSpec::default()
        }));
    }
    Ok(())
}

/// The subnet groups, and the security groups of their databases, which are in the same VPC.
async fn subnet_groups(account: &mut Account, databases: &Databases, world: &mut World) -> Result<(), String> {
    let mut known: BTreeMap<String, GroupSpec> = BTreeMap::new();
    for instance in databases.instances.values() {
        if let Some(group) = instance.db_subnet_group()
            && let Some(name) = group.db_subnet_group_name()
        {
            known.insert(name.to_owned(), subnet_group(name, group));
        }
    }
    for (owner, cluster) in &databases.clusters {
        let Some(name) = cluster.db_subnet_group().filter(|name| !name.is_empty() && !known.contains_key(*name)) else {
            continue;
        };
        let answer = account.rds.describe_db_subnet_groups().db_subnet_group_name(name).send().await;
        if answer
            .as_ref()
            .err()
            .and_then(|e| e.as_service_error())
            .is_some_and(|e| e.is_db_subnet_group_not_found_fault())
        {
            report_missing(account, owner, "DBSubnetGroup", name);
            continue;
        }
        let answer = account.answer(&format!("`{owner}`"), "DescribeDBSubnetGroups", answer)?;
        if let Some(group) = answer.as_ref().and_then(|answer| answer.db_subnet_groups().first()) {
            known.insert(name.to_owned(), subnet_group(name, group));
        }
    }
    let mut vpcs: BTreeMap<&str, &str> = BTreeMap::new();
    for instance in databases.instances.values() {
        if let Some(vpc) = instance.db_subnet_group().and_then(|group| group.vpc_id()) {
            let groups = instance.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id());
            vpcs.extend(groups.map(|group| (group, vpc)));
        }
    }
    for cluster in databases.clusters.values() {
        let group = cluster.db_subnet_group().and_then(|name| known.get(name));
        if let Some(vpc) = group.and_then(|group| group.vpc.as_deref()) {
            let groups = cluster.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id());
            vpcs.extend(groups.map(|group| (group, vpc)));
        }
    }
    world.security_groups =
        vpcs.into_iter().map(|(id, vpc)| spec::<SecurityGroupSpec>(json!({"id": id, "vpc": vpc}))).collect();
    world.subnet_groups = known.into_values().collect();
    Ok(())
}

fn subnet_group(name: &str, group: &DbSubnetGroup) -> GroupSpec {
    let zone = |subnet: &Subnet| subnet.subnet_availability_zone().and_then(|zone| zone.name().map(str::to_owned));
    let zones: BTreeSet<String> = group.subnets().iter().filter_map(zone).collect();
    let on_outpost = |subnet: &Subnet| subnet.subnet_outpost().is_some_and(|outpost| outpost.arn().is_some());
    GroupSpec {
        name: name.to_owned(),
        availability_zones: zones.into_iter().collect(),
        vpc: group.vpc_id().map(str::to_owned),
        outpost: group.subnets().iter().any(on_outpost),
        ..GroupSpec::default()
    }
}

async fn certificates(account: &mut Account, world: &mut World) -> Result<(), String> {
    let (mut found, mut default, mut marker) = (Vec::new(), None, None);
    loop {
        let answer = account.rds.describe_certificates().set_marker(marker).send().await;
        let Some(page) = account.answer(ACCOUNT, "DescribeCertificates", answer)? else { return Ok(()) };
        found.extend(page.certificates.unwrap_or_default());
        default = page.default_certificate_for_new_launches.or(default);
        marker = page.marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            break;
        }
    }
    let certificates = found.iter().filter_map(|certificate| {
        let valid_till = certificate.valid_till().and_then(|end| end.fmt(DateTimeFormat::DateTime).ok());
        let mut fields = json!({"identifier": certificate.certificate_identifier()?});
        if let Some(end) = valid_till {
            fields["validTill"] = end.into();
        }
        Some(spec::<CertificateSpec>(fields))
    });
    let mut certificates: Vec<CertificateSpec> = certificates.collect();
    // The first is the default of new databases.
    certificates.sort_by_key(|certificate| Some(&certificate.identifier) != default.as_ref());
    world.certificates = certificates;
    Ok(())
}

/// The engine and version of every database and snapshot, now and after a pending modification.
fn versions(databases: &Databases, snapshots: &Snapshots) -> BTreeSet<(String, String)> {
    let instances = databases.instances.values().flat_map(|instance| {
        let pending = instance.pending_modified_values().and_then(|pending| pending.engine_version());
        [(instance.engine(), instance.engine_version()), (instance.engine(), pending)]
    });
    let clusters = databases.clusters.values().flat_map(|cluster| {
        let pending = cluster.pending_modified_values().and_then(|pending| pending.engine_version());
        [(cluster.engine(), cluster.engine_version()), (cluster.engine(), pending)]
    });
    let of_instances = snapshots.of_instances.values().map(|one| (one.engine(), one.engine_version()));
    let of_clusters = snapshots.of_clusters.values().map(|one| (one.engine(), one.engine_version()));
    let all = instances.chain(clusters).chain(of_instances).chain(of_clusters);
    all.filter_map(|(engine, version)| Some((engine?.to_owned(), version?.to_owned()))).collect()
}

async fn engine_versions(
    account: &mut Account,
    databases: &Databases,
    snapshots: &Snapshots,
    world: &mut World,
) -> Result<(), String> {
    for (engine, version) in versions(databases, snapshots) {
        let rds = account.rds.clone();
        let call = || rds.describe_db_engine_versions().engine(&engine).include_all(true);
        let pages = call().engine_version(&version).into_paginator().items().send();
        let found = pages.collect::<Result<Vec<_>, _>>().await;
        let subject = format!("{engine} {version}");
        let Some(found) = account.answer(&subject, "DescribeDBEngineVersions", found)? else { continue };
        let found = found.into_iter().find(|found| found.engine_version() == Some(&version));
        let offer = match &found {
            Some(found) if found.status() != Some("deprecated") => Offer::Offered,
            Some(_) => Offer::Withdrawn,
            None => {
                // If RDS lists no version of the engine at all, that proves nothing.
                let any = call().max_records(20).send().await;
                let any = account.answer(&subject, "DescribeDBEngineVersions", any)?;
                if any.is_none_or(|any| any.db_engine_versions().is_empty()) {
                    continue;
                }
                Offer::Withdrawn
            }
        };
        let upgrade = found
            .as_ref()
            .and_then(|found| found.valid_upgrade_target().iter().find(|target| target.auto_upgrade() == Some(true)));
        let upgraded_to = upgrade.and_then(|target| target.engine_version().map(str::to_owned));
        // A world upgrades to versions that it offers only.
        if let Some(target) = &upgraded_to {
            add_version(world, json!({"engine": engine, "version": target, "offer": Offer::Offered}));
        }
        add_version(world, json!({"engine": engine, "version": version, "offer": offer, "upgradedTo": upgraded_to}));
    }
    Ok(())
}

/// Adds a version in the place of an earlier row, which may be that of an upgrade's target.
fn add_version(world: &mut World, row: Value) {
    let row: EngineVersionSpec = spec(row);
    let versions = &mut world.engine_versions;
    match versions.iter_mut().find(|known| (&known.engine, &known.version) == (&row.engine, &row.version)) {
        Some(known) if row.upgraded_to.is_some() || row.offer == Offer::Withdrawn => *known = row,
        Some(_) => {}
        None => versions.push(row),
    }
}

/// A class in use, with the engine version that a restored database may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    class: String,
    engine: String,
    version: String,
    /// `None` for a member of an Aurora cluster, whose class alone decides.
    storage_type: Option<String>,
    owner: String,
}

fn classes(databases: &Databases, snapshots: &Snapshots) -> BTreeSet<Wanted> {
    let mut wanted = BTreeSet::new();
    let mut add =
        |owner: &str, class: Option<&str>, engine: Option<&str>, versions: BTreeSet<&str>, storage: Option<&str>| {
            let (Some(class), Some(engine)) = (class, engine) else { return };
            wanted.extend(versions.into_iter().map(|version| Wanted {
                class: class.to_owned(),
                engine: engine.to_owned(),
                version: version.to_owned(),
                storage_type: storage.map(str::to_owned),
                owner: owner.to_owned(),
            }));
        };
    for (name, instance) in databases.standalone() {
        let of = snapshots.of_instances.values().filter(|one| one.db_instance_identifier() == Some(name));
        let versions = instance.engine_version().into_iter().chain(of.filter_map(|one| one.engine_version())).collect();
        add(name, instance.db_instance_class(), instance.engine(), versions, instance.storage_type());
    }
    for (name, cluster) in &databases.clusters {
        let of = snapshots.of_clusters.values().filter(|one| one.db_cluster_identifier() == Some(name));
        let versions: BTreeSet<&str> =
            cluster.engine_version().into_iter().chain(of.filter_map(|one| one.engine_version())).collect();
        let class = cluster.db_cluster_instance_class();
        if class.is_some() {
            add(name, class, cluster.engine(), versions, cluster.storage_type());
            continue;
        }
        for member in databases.members_of(name) {
            let owner = member.db_instance_identifier().unwrap_or_default();
            add(owner, member.db_instance_class(), cluster.engine(), versions.clone(), None);
        }
    }
    wanted
}

async fn orderable_options(
    account: &mut Account,
    databases: &Databases,
    snapshots: &Snapshots,
    world: &mut World,
) -> Result<(), String> {
    let mut known: BTreeMap<(String, String, String), Option<Vec<OrderableDbInstanceOption>>> = BTreeMap::new();
    // A row without zones has three of a world's own, which a subnet group need not cover.
    let every_zone: BTreeSet<String> =
        world.subnet_groups.iter().flat_map(|group| group.availability_zones.iter().cloned()).collect();
    let wanted = classes(databases, snapshots);
    for one in &wanted {
        let Wanted { class, engine, version, storage_type, owner } = one;
        let key = (class.clone(), engine.clone(), version.clone());
        if !known.contains_key(&key) {
            let options = options_of(account, class, engine, version).await?;
            known.insert(key.clone(), options);
        }
        let Some(options) = &known[&key] else {
            // A class that is not judged can be ordered, whatever the other rows say.
            add_row(world, row(class, engine, version, &every_zone));
            continue;
        };
        if options.is_empty() {
            offer_another_class(account, &wanted, one, world);
            continue;
        }
        let offered: BTreeSet<&str> = options.iter().filter_map(|option| option.storage_type()).collect();
        if let Some(storage) = storage_type.as_deref().filter(|one| !offered.is_empty() && !offered.contains(one)) {
            account.report(
                format!("`{owner}`"),
                "StorageType",
                format!(
                    "RDS does not offer `{storage}` with {class} and {engine} {version}, and a world offers every type"
                ),
            );
        }
        let fits = |option: &&OrderableDbInstanceOption| {
            storage_type.is_none()
                || option.storage_type().is_none()
                || option.storage_type() == storage_type.as_deref()
        };
        let zones = options.iter().filter(fits).flat_map(|option| option.availability_zones());
        let zones: BTreeSet<String> = zones.filter_map(|zone| zone.name().map(str::to_owned)).collect();
        let new = row(class, engine, version, if zones.is_empty() { &every_zone } else { &zones });
        let same = |row: &&mut OrderableSpec| {
            (&row.class, &row.engine, &row.engine_version) == (&new.class, &new.engine, &new.engine_version)
        };
        match world.orderable_options.iter_mut().find(same) {
            Some(known) if known.availability_zones != new.availability_zones => account.report(
                format!("`{owner}`"),
                "AvailabilityZones",
                format!("{class} has other zones with this storage type, and a world knows the zones of a class only"),
            ),
            Some(_) => {}
            None => world.orderable_options.push(new),
        }
    }
    // A class without a row can be ordered in every world, so one that RDS offers for no version here is withdrawn.
    let classes: BTreeSet<String> = wanted.into_iter().map(|wanted| wanted.class).collect();
    let is_offered = |class: &String| world.orderable_options.iter().any(|row| row.class == *class);
    world.withdrawn_classes = classes.into_iter().filter(|class| !is_offered(class)).collect();
    Ok(())
}

fn add_row(world: &mut World, row: OrderableSpec) {
    if !world.orderable_options.contains(&row) {
        world.orderable_options.push(row);
    }
}

/// The class that a world lists if a look names none.
const LISTED_CLASS: &str = "db.m7g.large";

/// Preflight judges a class only if RDS lists another one of the version. A world lists one class, which needs a row if other
/// versions have one.
fn offer_another_class(account: &mut Account, wanted: &BTreeSet<Wanted>, refused: &Wanted, world: &mut World) {
    let Wanted { engine, version, owner, .. } = refused;
    let is_judged = |one: &Wanted| (one.class.as_str(), &one.engine, &one.version) == (LISTED_CLASS, engine, version);
    if refused.class == LISTED_CLASS {
        let problem =
            format!("RDS does not offer {LISTED_CLASS} with {engine} {version}, and a world does not refuse it");
        account.report(format!("`{owner}`"), "DBInstanceClass", problem);
    } else if !wanted.iter().any(is_judged) {
        add_row(world, row(LISTED_CLASS, engine, version, &BTreeSet::new()));
    }
}

fn row(class: &str, engine: &str, version: &str, zones: &BTreeSet<String>) -> OrderableSpec {
    spec(json!({"class": class, "engine": engine, "engineVersion": version, "availabilityZones": zones}))
}

/// The options of a class, perhaps none; `None` if RDS does not say. A version that new databases cannot have has no
/// options at all.
async fn options_of(
    account: &mut Account,
    class: &str,
    engine: &str,
    version: &str,
) -> Result<Option<Vec<OrderableDbInstanceOption>>, String> {
    const ACTION: &str = "DescribeOrderableDBInstanceOptions";
    let rds = account.rds.clone();
    let call = || rds.describe_orderable_db_instance_options().engine(engine).engine_version(version);
    let subject = format!("{class} with {engine} {version}");
    let pages = call().db_instance_class(class).into_paginator().items().send();
    let options = pages.collect::<Result<Vec<_>, _>>().await;
    let Some(options) = account.answer(&subject, ACTION, options)? else { return Ok(None) };
    if !options.is_empty() {
        return Ok(Some(options));
    }
    let any = call().max_records(20).send().await;
    let any = account.answer(&subject, ACTION, any)?;
    Ok(any.filter(|any| !any.orderable_db_instance_options().is_empty()).map(|_| options))
}

async fn proxies(account: &mut Account, databases: &Databases, world: &mut World) -> Result<(), String> {
    let found = account.rds.describe_db_proxies().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let found = account.answer(ACCOUNT, "DescribeDBProxies", found)?.unwrap_or_default();
    for proxy in found.iter().filter_map(|proxy| proxy.db_proxy_name()) {
        let pages = account.rds.describe_db_proxy_targets().db_proxy_name(proxy).into_paginator().items().send();
        let targets = pages.collect::<Result<Vec<_>, _>>().await;
        let subject = format!("the proxy `{proxy}`");
        let targets = account.answer(&subject, "DescribeDBProxyTargets", targets)?.unwrap_or_default();
        let mut spec: ProxySpec = spec(json!({"name": proxy}));
        for target in &targets {
            let (instance, cluster) = match target.r#type() {
                Some(TargetType::RdsInstance) => (target.rds_resource_id(), target.tracked_cluster_id()),
                Some(TargetType::TrackedCluster) => (None, target.rds_resource_id().or(target.tracked_cluster_id())),
                _ => (None, target.tracked_cluster_id()),
            };
            if let Some(cluster) = cluster.filter(|name| databases.clusters.contains_key(*name)) {
                if !spec.clusters.iter().any(|known| known == cluster) {
                    spec.clusters.push(cluster.to_owned());
                }
            } else if let Some(instance) = instance.filter(|name| databases.instances.contains_key(*name)) {
                spec.instances.push(instance.to_owned());
            } else {
                continue;
            }
            if let Some(state) = target.target_health().and_then(|health| health.state()) {
                let target = instance.or(cluster).unwrap_or_default();
                account.report(
                    format!("`{target}`"),
                    "TargetHealth",
                    format!("`{state}` at the proxy `{proxy}`: a world has no place for it"),
                );
            }
        }
        if !spec.instances.is_empty() || !spec.clusters.is_empty() {
            world.proxies.push(spec);
        }
    }
    Ok(())
}

async fn cluster_endpoints(account: &mut Account, databases: &Databases, world: &mut World) -> Result<(), String> {
    for (name, cluster) in &databases.clusters {
        // Only Aurora has endpoints of one's own.
        if !cluster.engine().is_some_and(|engine| engine.starts_with("aurora")) {
            continue;
        }
        let pages = account.rds.describe_db_cluster_endpoints().db_cluster_identifier(name).into_paginator().items();
        let endpoints = pages.send().collect::<Result<Vec<_>, _>>().await;
        let subject = format!("`{name}`");
        let endpoints = account.answer(&subject, "DescribeDBClusterEndpoints", endpoints)?.unwrap_or_default();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.endpoint_type() == Some("CUSTOM")) {
            let Some(identifier) = endpoint.db_cluster_endpoint_identifier() else { continue };
            if !endpoint.excluded_members().is_empty() {
                let excluded = endpoint.excluded_members().join(", ");
                let problem = format!("`{excluded}` at the endpoint `{identifier}`: a world has no place for it");
                account.report(&subject, "ExcludedMembers", problem);
            }
            world.cluster_endpoints.push(spec::<ClusterEndpointSpec>(json!({
                "identifier": identifier,
                "cluster": name,
                "kind": endpoint.custom_endpoint_type().unwrap_or("ANY"),
                "staticMembers": endpoint.static_members(),
            })));
        }
    }
    Ok(())
}

async fn integrations(account: &mut Account, arns: &BTreeSet<String>, world: &mut World) -> Result<(), String> {
    let pages = account.rds.describe_integrations().into_paginator().items().send();
    let found = account.answer(ACCOUNT, "DescribeIntegrations", pages.collect::<Result<Vec<_>, _>>().await)?;
    let found = found.unwrap_or_default();
    let of_captured = found.iter().filter(|one| one.source_arn().is_some_and(|source| arns.contains(source)));
    world.integrations = of_captured
        .map(|one| {
            spec::<IntegrationSpec>(json!({
                "name": one.integration_name().or(one.integration_arn()).unwrap_or_default(),
                "source": one.source_arn(),
                "target": one.target_arn().unwrap_or_default(),
                "status": one.status().map_or("active", |status| status.as_str()),
            }))
        })
        .collect();
    Ok(())
}

async fn blue_green_deployments(
    account: &mut Account,
    arns: &BTreeSet<String>,
    world: &mut World,
) -> Result<(), String> {
    let pages = account.rds.describe_blue_green_deployments().into_paginator().items().send();
    let found = account.answer(ACCOUNT, "DescribeBlueGreenDeployments", pages.collect::<Result<Vec<_>, _>>().await)?;
    let found = found.unwrap_or_default();
    let of_captured =
        found.iter().filter(|one| [one.source(), one.target()].into_iter().flatten().any(|arn| arns.contains(arn)));
    world.blue_green_deployments = of_captured
        .map(|one| {
            let mut fields = json!({
                "name": one.blue_green_deployment_name().or(one.blue_green_deployment_identifier()).unwrap_or_default(),
                "source": one.source().unwrap_or_default(),
                "target": one.target(),
            });
            if let Some(status) = one.status() {
                fields["status"] = status.into();
            }
            spec::<BlueGreenSpec>(fields)
        })
        .collect();
    Ok(())
}

/// Global databases by the ARN of a cluster in them. A cluster of today names its own.
pub(super) async fn global_clusters(
    account: &mut Account,
    databases: &Databases,
) -> Result<BTreeMap<String, String>, String> {
    let mut globals = BTreeMap::new();
    if databases.clusters.values().all(|cluster| cluster.global_cluster_identifier().is_some()) {
        return Ok(globals);
    }
    let pages = account.rds.describe_global_clusters().into_paginator().items().send();
    let found = account.answer(ACCOUNT, "DescribeGlobalClusters", pages.collect::<Result<Vec<_>, _>>().await)?;
    for global in found.unwrap_or_default() {
        let name = global.global_cluster_identifier().unwrap_or_default();
        let members = global.global_cluster_members().iter().filter_map(|member| member.db_cluster_arn());
        globals.extend(members.map(|arn| (arn.to_owned(), name.to_owned())));
    }
    Ok(globals)
}

async fn retained_backups(account: &mut Account, world: &mut World, now: SystemTime) -> Result<(), String> {
    let retained = || Filter::builder().name("status").values("retained").build();
    let pages =
        account.rds.describe_db_instance_automated_backups().filters(retained()).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await;
    let found = account.answer(ACCOUNT, "DescribeDBInstanceAutomatedBackups", found)?.unwrap_or_default();
    world.retained_backups = found.iter().map(|backup| specs::retained_backup(backup, now)).collect();
    let pages = account.rds.describe_db_cluster_automated_backups().filters(retained()).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await;
    let found = account.answer(ACCOUNT, "DescribeDBClusterAutomatedBackups", found)?.unwrap_or_default();
    world.retained_cluster_backups = found.iter().map(|backup| specs::retained_cluster_backup(backup, now)).collect();
    Ok(())
}
