//! A restored DB cluster, with the members of an Aurora cluster: `configure`, `verify`, `protect`.
//!
//! RDS owns the members of a Multi-AZ DB cluster: they have the settings of the cluster.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbClusterMember, DbInstance};
use trapheus_common::claim::Ownership;
use trapheus_common::document::{
    ClusterKind, Member, NameRole, OriginalCluster, RestoredEvent, StepOutput, TaskName, Verification,
};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::restored::Pair;
use trapheus_common::settings::{ClusterSettings, InstanceSettings, SettingCall};
use trapheus_common::tags::{self, Tags};
use trapheus_common::wait::{Goal, MemberGoal};
use trapheus_common::{ErrorKind, Result, rds};

use crate::calls::{self, CallOutcome};
use crate::findings::Findings;
use crate::{KIND, changes, database, user_tags};

/// Requests the settings that the restore could not set, and all other differences. The order is: tags, reboots for waiting
/// parameters, all other settings, members first.
pub async fn configure(rds: &Client, event: RestoredEvent<OriginalCluster>) -> Result<StepOutput> {
    let original = &event.plan.original;
    let restored = Restored::find(rds, &event, KIND).await?;
    let mut output = StepOutput::done(TaskName::Settings, restored.name);
    let available = restored.available();
    if !restored.is_settled(KIND)? {
        return Ok(output.then_more(available));
    }
    restored.same_tags(rds).await?;
    if restored.reboot_for_parameters(rds, original.cluster_kind).await? {
        return Ok(output.then_more(available));
    }
    let mut under_way = false;
    for (member, instance) in &restored.members {
        let changes = changes::of_member(&member.settings, &InstanceSettings::from(instance), &original.engine);
        let name = instance.db_instance_identifier().unwrap_or_default();
        let configured =
            calls::configure(changes, false, async |changes| calls::modify_instance(rds, name, changes).await).await?;
        if configured.is_unfinished {
            return Ok(output.then_more(available));
        }
        under_way |= configured.is_under_way;
        output.notes.extend(configured.notes);
    }
    let cluster = restored.cluster;
    if original.settings.http_endpoint == Some(true) && cluster.http_endpoint_enabled() != Some(true) {
        match calls::enable_http_endpoint(rds, &cluster).await? {
            CallOutcome::NotNow => return Ok(output.then_more(available)),
            CallOutcome::Refused(error) | CallOutcome::NotInThisStatus(error) => output.notes.push(calls::note(&error)),
            CallOutcome::Accepted(()) => under_way = true,
        }
    }
    let changes = changes::of_cluster(&original.settings, &ClusterSettings::from(&cluster), &original.engine);
    let identifier = restored.name.as_str();
    let configured =
        calls::configure(changes, under_way, async |changes| calls::modify_cluster(rds, identifier, changes).await)
            .await?;
    if configured.is_unfinished {
        return Ok(output.then_more(available));
    }
    under_way = configured.is_under_way;
    output.notes.extend(configured.notes);
    let cluster = configured.answer.unwrap_or(cluster);
    let is_managed = original.settings.managed_master_password;
    output.notes.extend(database::secret_note(is_managed, cluster.master_user_secret()));
    Ok(if under_way { output.waiting_for(available) } else { output })
}

/// Compares the restored cluster and its members with the original; changes nothing.
pub async fn verify(rds: &Client, event: RestoredEvent<OriginalCluster>) -> Result<Verification> {
    let (original, pinned) = (&event.plan.original, event.plan.pinned()?);
    let restored = Restored::find(rds, &event, ErrorKind::Verification).await?;
    let cluster = &restored.cluster;
    let own = cluster.db_cluster_arn().unwrap_or_default();
    let snapshot = rds::source::cluster_snapshot_now(rds, pinned, own).await?;
    let mut findings = Findings::default();
    findings.status("its ", cluster.status().unwrap_or_default());
    findings.source(pinned, &rds::source::seen_beside(pinned, snapshot.as_ref(), rds::source::of_cluster_snapshot));
    let of_backup =
        snapshot.as_ref().and_then(|snapshot| snapshot.engine_version()).or(pinned.engine_version.as_deref());
    findings.engine_version(&original.engine_version, (pinned.kind, of_backup), cluster.engine_version());
    findings.compare("", (&original.settings, &ClusterSettings::from(cluster)), |_| true);
    for name in restored.waiting_for_cluster_parameters() {
        findings.essential(format!("the cluster parameter group is not in force on {name}: pending-reboot"));
    }
    restored.compare_members(original, &mut findings)?;
    findings.concluded(restored.name, cluster.db_cluster_resource_id().unwrap_or_default())
}

/// Turns deletion protection on again if the original had it. The cluster protects its members.
pub async fn protect(rds: &Client, event: RestoredEvent<OriginalCluster>) -> Result<StepOutput> {
    let restored = Restored::find(rds, &event, KIND).await?;
    let available = restored.available();
    let output = StepOutput::done(TaskName::Protection, restored.name);
    let cluster = &restored.cluster;
    let has_protection = event.plan.original.settings.deletion_protection == Some(true);
    let unprotected = has_protection && cluster.deletion_protection() != Some(true);
    if !unprotected {
        return Ok(output);
    }
    if !restored.is_settled(KIND)? {
        return Ok(output.then_more(available));
    }
    let is_passing = async |name: &str| calls::cluster_is_passing(rds, name).await;
    database::protect(rds, cluster, output, available, is_passing).await
}

/// The cluster that this execution restored.
struct Restored<'a> {
    name: &'a DatabaseIdentifier,
    at: NameRole,
    cluster: DbCluster,
    /// The original's own tags.
    own_tags: Tags,
    /// The members that this execution created, each with its original.
    members: Vec<(&'a Member, DbInstance)>,
    /// Names of members in the cluster that this execution did not create.
    strangers: Vec<String>,
}

impl<'a> Restored<'a> {
    async fn find(rds: &Client, event: &'a RestoredEvent<OriginalCluster>, kind: ErrorKind) -> Result<Self> {
        let RestoredEvent { request, plan, at } = event;
        let original = &plan.original;
        let pair: Pair<DbCluster> = Pair::find(rds, request, plan, *at, kind).await?;
        let name = plan.names.database.of(*at)?;
        let mut restored = Self {
            name,
            at: *at,
            cluster: pair.restored,
            own_tags: tags::of_the_user(pair.original.tag_list()),
            members: Vec::new(),
            strangers: Vec::new(),
        };
        if original.cluster_kind == ClusterKind::MultiAz {
            return Ok(restored);
        }
        let planned = plan.planned();
        for instance in rds::instances_of_cluster(rds, name.as_str()).await? {
            let member_name = instance.db_instance_identifier().unwrap_or_default().to_owned();
            let ours = Ownership::of_instance(&instance).missing(request, &planned).is_none();
            let is_named = |member: &&Member| member.target.names.of(*at).is_ok_and(|name| *name == *member_name);
            match original.members.iter().find(is_named) {
                Some(member) if ours => restored.members.push((member, instance)),
                // Auto Scaling adds and removes this reader with the load.
                _ if rds::is_auto_scaled(&member_name) => {}
                _ => restored.strangers.push(member_name),
            }
        }
        Ok(restored)
    }

    /// Sets the tags of the cluster and its members to those of the originals.
    async fn same_tags(&self, rds: &Client) -> Result<()> {
        user_tags::same_tags(rds, self.cluster.db_cluster_arn(), &self.own_tags, self.cluster.tag_list()).await?;
        let ids: Vec<&str> = self.members.iter().map(|(member, _)| member.target.resource_id.as_str()).collect();
        let originals = rds::instances_by_resource_ids(rds, &ids).await?;
        for (member, instance) in &self.members {
            // The tags of an original that does not answer are unknown.
            if let Some(original) = rds::with_resource_id(&originals, &member.target.resource_id) {
                let own_tags = tags::of_the_user(original.tag_list());
                user_tags::same_tags(rds, instance.db_instance_arn(), &own_tags, instance.tag_list()).await?;
            }
        }
        Ok(())
    }

    fn is_settled(&self, kind: ErrorKind) -> Result<bool> {
        let mut settled = database::is_settled(kind, &self.cluster)?;
        for (_, instance) in &self.members {
            settled &= database::is_settled(kind, instance)?;
        }
        Ok(settled)
    }

    fn available(&self) -> Goal {
        let members = self.members.iter().map(|(_, instance)| MemberGoal {
            identifier: DatabaseIdentifier::reported(instance.db_instance_identifier().unwrap_or_default()),
            resource_id: instance.dbi_resource_id.clone(),
        });
        Goal::Available {
            identifier: self.name.clone(),
            resource_id: self.cluster.db_cluster_resource_id.clone(),
            members: members.collect(),
        }
    }

    /// Names of the members on which the cluster's parameters wait for a reboot.
    fn waiting_for_cluster_parameters(&self) -> Vec<&str> {
        self.cluster
            .db_cluster_members()
            .iter()
            .filter(|member| member.db_cluster_parameter_group_status() == Some("pending-reboot"))
            .filter_map(DbClusterMember::db_instance_identifier)
            .collect()
    }

    /// Reboots the waiting members; returns whether there were any.
    async fn reboot_for_parameters(&self, rds: &Client, kind: ClusterKind) -> Result<bool> {
        let waiting = self.waiting_for_cluster_parameters();
        if kind == ClusterKind::MultiAz {
            if !waiting.is_empty() {
                calls::reboot_cluster(rds, self.cluster.db_cluster_identifier().unwrap_or_default()).await?;
            }
            return Ok(!waiting.is_empty());
        }
        let mut rebooted = false;
        for (_, instance) in &self.members {
            let name = instance.db_instance_identifier().unwrap_or_default();
            if waiting.contains(&name) || database::waits_for_reboot(instance) {
                calls::reboot_instance(rds, name).await?;
                rebooted = true;
            }
        }
        Ok(rebooted)
    }

    /// Checks that all members exist, that the same one is the writer, and that each has its own settings.
    fn compare_members(&self, original: &OriginalCluster, findings: &mut Findings) -> Result<()> {
        for member in original.own_members() {
            let name = member.target.names.of(self.at)?.as_str();
            let Some((_, instance)) = self.members.iter().find(|(one, _)| one.target == member.target) else {
                findings.essential(format!("the member {name} is missing"));
                continue;
            };
            findings.status(&format!("the member {name}'s "), instance.db_instance_status().unwrap_or_default());
            let settings = (&member.settings, &InstanceSettings::from(instance));
            findings.compare(&format!("member {name}: "), settings, |setting| setting.is_set_by(SettingCall::Create));
            for problem in database::groups_not_in_force(instance) {
                findings.essential(format!("member {name}: {problem}"));
            }
        }
        for stranger in &self.strangers {
            findings.report(format!("the member {stranger} is none of this run's"));
        }
        let wanted = original.own_members().iter().find(|member| member.is_writer);
        let members = self.cluster.db_cluster_members();
        let writer = members.iter().find(|member| member.is_cluster_writer() == Some(true));
        let writer = writer.and_then(DbClusterMember::db_instance_identifier).unwrap_or("missing");
        if let Some(wanted) = wanted
            && wanted.target.names.of(self.at)? != writer
        {
            findings.essential(format!("the writer is {writer}, was {}", wanted.target.identifier()));
        }
        Ok(())
    }
}
