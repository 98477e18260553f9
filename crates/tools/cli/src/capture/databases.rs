//! The databases of a capture: those asked for, and those that a rehearsal of them meets.
//!
//! A member brings its cluster, a cluster its members, and a replica its source and the reverse. The databases under the
//! names that a run gives to originals come too, since a run is refused if such a name is taken.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{DbCluster, DbInstance, Filter};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};

use super::Refused;
use super::look::{ACCOUNT, Account};

/// The databases to capture.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// All databases of the region if there is none.
    pub identifiers: Vec<String>,
    /// Whether the identifiers are those of clusters only.
    pub clusters_only: bool,
}

/// The databases of the world, by identifier.
#[derive(Debug, Default)]
pub(super) struct Databases {
    pub(super) instances: BTreeMap<String, DbInstance>,
    pub(super) clusters: BTreeMap<String, DbCluster>,
    pub(super) refused: Vec<Refused>,
    /// Names that were looked for, so that no name is looked for twice.
    sought: Vec<(DatabaseKind, String)>,
    /// The kinds of which every database of the region has been read.
    complete: Vec<DatabaseKind>,
}

/// The reason why no world holds an engine that RDS lists.
fn engine_refusal(engine: &str) -> Option<&'static str> {
    match engine {
        "docdb" => Some("it is an Amazon DocumentDB database, which RDS only lists"),
        "neptune" => Some("it is an Amazon Neptune database, which RDS only lists"),
        "aurora" => Some(
            "RDS has retired its engine `aurora` (Aurora MySQL 1, compatible with MySQL 5.6) and makes no database of it any \
             more",
        ),
        _ => None,
    }
}

const fn action(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "DescribeDBInstances",
        DatabaseKind::Cluster => "DescribeDBClusters",
    }
}

const fn code_of_not_found(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "DBInstanceNotFound",
        DatabaseKind::Cluster => "DBClusterNotFoundFault",
    }
}

impl Databases {
    /// Reads what was asked for, and everything that belongs to it.
    pub(super) async fn read(account: &mut Account, asked: &Asked) -> Result<Self, String> {
        let mut databases = Self::default();
        if asked.identifiers.is_empty() {
            databases.add_all(account).await?;
        }
        for identifier in &asked.identifiers {
            databases.add_asked(account, &identifier.to_lowercase(), asked.clusters_only).await?;
        }
        databases.add_related(account).await?;
        databases.refuse_what_no_world_holds();
        databases.read_missing_tags(account).await?;
        Ok(databases)
    }

    /// The instances that belong to no cluster.
    pub(super) fn standalone(&self) -> impl Iterator<Item = (&String, &DbInstance)> {
        self.instances.iter().filter(|(_, instance)| instance.db_cluster_identifier().is_none())
    }

    pub(super) fn members_of(&self, cluster: &str) -> Vec<&DbInstance> {
        let is_member = |instance: &&DbInstance| instance.db_cluster_identifier() == Some(cluster);
        self.instances.values().filter(is_member).collect()
    }

    /// Takes a database, with the members of a cluster, out of the world.
    pub(super) fn refuse(&mut self, kind: DatabaseKind, identifier: &str, reason: &str) {
        self.refused.push(Refused { kind, identifier: identifier.to_owned(), reason: reason.to_owned() });
        match kind {
            DatabaseKind::Instance => {
                self.instances.remove(identifier);
            }
            DatabaseKind::Cluster => {
                self.clusters.remove(identifier);
                let members = self.members_of(identifier);
                let names: Vec<String> =
                    members.iter().filter_map(|member| member.db_instance_identifier().map(str::to_owned)).collect();
                for name in names {
                    self.refuse(DatabaseKind::Instance, &name, reason);
                }
            }
        }
    }

    async fn add_all(&mut self, account: &mut Account) -> Result<(), String> {
        let pages = account.rds.describe_db_instances().into_paginator().items().send();
        let instances = pages.collect::<Result<Vec<_>, _>>().await;
        let instances = account.answer(ACCOUNT, "DescribeDBInstances", instances)?;
        let pages = account.rds.describe_db_clusters().into_paginator().items().send();
        let clusters = pages.collect::<Result<Vec<_>, _>>().await;
        let clusters = account.answer(ACCOUNT, "DescribeDBClusters", clusters)?;
        if instances.is_none() && clusters.is_none() {
            return Err(
                "RDS denies DescribeDBInstances and DescribeDBClusters: allow `rds:Describe*` for these credentials"
                    .to_owned(),
            );
        }
        self.complete.extend(instances.is_some().then_some(DatabaseKind::Instance));
        self.complete.extend(clusters.is_some().then_some(DatabaseKind::Cluster));
        self.note_instances(instances.unwrap_or_default());
        self.note_clusters(clusters.unwrap_or_default());
        Ok(())
    }

    fn note_instances(&mut self, instances: Vec<DbInstance>) {
        for instance in instances {
            if let Some(identifier) = instance.db_instance_identifier().map(str::to_owned) {
                self.sought.push((DatabaseKind::Instance, identifier.clone()));
                self.instances.insert(identifier, instance);
            }
        }
    }

    fn note_clusters(&mut self, clusters: Vec<DbCluster>) {
        for cluster in clusters {
            if let Some(identifier) = cluster.db_cluster_identifier().map(str::to_owned) {
                self.sought.push((DatabaseKind::Cluster, identifier.clone()));
                self.clusters.insert(identifier, cluster);
            }
        }
    }

    /// Finds an instance of this name, or else a cluster.
    async fn add_asked(&mut self, account: &mut Account, identifier: &str, only_cluster: bool) -> Result<(), String> {
        let mut denial = None;
        for kind in [DatabaseKind::Instance, DatabaseKind::Cluster] {
            if only_cluster && kind == DatabaseKind::Instance {
                continue;
            }
            match self.find(account, kind, identifier).await? {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(code) => denial = Some((kind, code)),
            }
        }
        let kind = if only_cluster { DatabaseKind::Cluster } else { DatabaseKind::Instance };
        let (kind, reason) = match denial {
            Some((kind, code)) => (kind, format!("the {kind} could not be read ({code})")),
            None if only_cluster => (
                kind,
                "there is no DB cluster of this name in this account and region: check the name, `--profile` and `--region`"
                    .to_owned(),
            ),
            None => (
                kind,
                "there is neither a DB instance nor a DB cluster of this name in this account and region: check the name, \
                 `--profile` and `--region`"
                    .to_owned(),
            ),
        };
        self.refuse(kind, identifier, &reason);
        Ok(())
    }

    /// Adds the database of this name if it exists; the inner error is the code of a denial.
    async fn find(
        &mut self,
        account: &mut Account,
        kind: DatabaseKind,
        identifier: &str,
    ) -> Result<Result<bool, String>, String> {
        self.sought.push((kind, identifier.to_owned()));
        let code = match kind {
            DatabaseKind::Instance => {
                match account.rds.describe_db_instances().db_instance_identifier(identifier).send().await {
                    Ok(answer) => {
                        self.note_instances(answer.db_instances.unwrap_or_default());
                        return Ok(Ok(self.instances.contains_key(identifier)));
                    }
                    Err(error) => account.left_out(action(kind), &error)?,
                }
            }
            DatabaseKind::Cluster => {
                match account.rds.describe_db_clusters().db_cluster_identifier(identifier).send().await {
                    Ok(answer) => {
                        self.note_clusters(answer.db_clusters.unwrap_or_default());
                        return Ok(Ok(self.clusters.contains_key(identifier)));
                    }
                    Err(error) => account.left_out(action(kind), &error)?,
                }
            }
        };
        Ok(if code == code_of_not_found(kind) { Ok(false) } else { Err(code) })
    }

    /// Adds databases until none is missing that another names.
    async fn add_related(&mut self, account: &mut Account) -> Result<(), String> {
        let mut with_members = BTreeSet::new();
        loop {
            let clusters = self.clusters.keys().filter(|_| !self.complete.contains(&DatabaseKind::Instance));
            let clusters: Vec<String> = clusters.filter(|cluster| !with_members.contains(*cluster)).cloned().collect();
            for cluster in clusters {
                self.add_members(account, &cluster).await?;
                with_members.insert(cluster);
            }
            let mut related = self.related();
            related.retain(|wanted| !self.sought.contains(wanted) && !self.complete.contains(&wanted.0));
            if related.is_empty() {
                return Ok(());
            }
            for (kind, identifier) in related {
                if let Err(code) = self.find(account, kind, &identifier).await? {
                    account.report(format!("`{identifier}`"), action(kind), format!("{code}: left out"));
                }
            }
        }
    }

    async fn add_members(&mut self, account: &mut Account, cluster: &str) -> Result<(), String> {
        let filter = Filter::builder().name("db-cluster-id").values(cluster).build();
        let pages = account.rds.describe_db_instances().filters(filter).into_paginator().items().send();
        let members = pages.collect::<Result<Vec<_>, _>>().await;
        let members = account.answer(&format!("`{cluster}`"), "DescribeDBInstances", members)?;
        let is_member = |instance: &DbInstance| instance.db_cluster_identifier() == Some(cluster);
        self.note_instances(members.unwrap_or_default().into_iter().filter(is_member).collect());
        Ok(())
    }

    /// Every database that a captured one names, and every name that its run needs.
    fn related(&self) -> Vec<(DatabaseKind, String)> {
        let mut related = Vec::new();
        for (identifier, instance) in &self.instances {
            related.extend(instance.db_cluster_identifier().map(|cluster| (DatabaseKind::Cluster, cluster.to_owned())));
            let replicas = instance.read_replica_db_instance_identifiers().iter().map(String::as_str);
            let source = instance.read_replica_source_db_instance_identifier();
            // An ARN is that of another region, which a world does not have.
            let here = replicas.chain(source).filter(|name| !name.contains(':'));
            related.extend(here.map(|name| (DatabaseKind::Instance, name.to_owned())));
            related.extend(parked(DatabaseKind::Instance, identifier));
        }
        related.extend(self.clusters.keys().filter_map(|identifier| parked(DatabaseKind::Cluster, identifier)));
        related
    }

    fn refuse_what_no_world_holds(&mut self) {
        let clusters: Vec<(String, String)> = self
            .clusters
            .iter()
            .filter_map(|(name, cluster)| Some((name.clone(), engine_refusal(cluster.engine()?)?.to_owned())))
            .collect();
        for (name, reason) in clusters {
            self.refuse(DatabaseKind::Cluster, &name, &reason);
        }
        let reason = |instance: &DbInstance| {
            let engine = engine_refusal(instance.engine()?).map(str::to_owned);
            let unseen = instance.db_cluster_identifier().filter(|cluster| !self.clusters.contains_key(*cluster));
            engine.or_else(|| {
                unseen.map(|cluster| format!("it is a member of DB cluster `{cluster}`, which could not be read"))
            })
        };
        let instances: Vec<(String, String)> =
            self.instances.iter().filter_map(|(name, instance)| Some((name.clone(), reason(instance)?))).collect();
        for (name, reason) in instances {
            self.refuse(DatabaseKind::Instance, &name, &reason);
        }
        self.refused.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    }

    async fn read_missing_tags(&mut self, account: &mut Account) -> Result<(), String> {
        for (identifier, instance) in &mut self.instances {
            let (arn, shown) = (instance.db_instance_arn.clone(), instance.tag_list.take());
            instance.tag_list = account.tags(&format!("`{identifier}`"), arn.as_deref(), shown).await?;
        }
        for (identifier, cluster) in &mut self.clusters {
            let (arn, shown) = (cluster.db_cluster_arn.clone(), cluster.tag_list.take());
            cluster.tag_list = account.tags(&format!("`{identifier}`"), arn.as_deref(), shown).await?;
        }
        Ok(())
    }
}

/// The name under which a run parks the database, unless that name itself is such a name.
fn parked(kind: DatabaseKind, identifier: &str) -> Option<(DatabaseKind, String)> {
    if DatabaseIdentifier::without_temporary(identifier).is_some() {
        return None;
    }
    let parked = DatabaseIdentifier::reported(identifier).temporary(kind).ok()?;
    Some((kind, parked.to_string()))
}
