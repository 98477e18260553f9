//! A restored DB instance: `configure`, `verify`, `protect`.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::document::{OriginalInstance, RestoredEvent, StepOutput, TaskName, Verification};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::restored::Pair;
use trapheus_common::settings::InstanceSettings;
use trapheus_common::wait::Goal;
use trapheus_common::{ErrorKind, Result, rds, tags};

use crate::calls;
use crate::findings::Findings;
use crate::{KIND, changes, database, user_tags};

/// Requests the settings that the restore could not set, and all other differences. The order is: tags, a reboot for
/// waiting parameters, all other settings. The essential ones have a call of their own.
pub async fn configure(rds: &Client, event: RestoredEvent<OriginalInstance>) -> Result<StepOutput> {
    let original = &event.plan.original;
    let name = event.plan.names.database.of(event.at)?;
    let Pair { original: original_now, restored } = pair(rds, &event, KIND).await?;
    let output = StepOutput::done(TaskName::Settings, name);
    let available = available(name, &restored);
    if !database::is_settled(KIND, &restored)? {
        return Ok(output.then_more(available));
    }
    let own_tags = tags::of_the_user(original_now.tag_list());
    user_tags::same_tags(rds, restored.db_instance_arn(), &own_tags, restored.tag_list()).await?;
    if database::waits_for_reboot(&restored) {
        calls::reboot_instance(rds, name.as_str()).await?;
        return Ok(output.then_more(available));
    }
    let changes = changes::of_instance(&original.settings, &InstanceSettings::from(&restored), &original.engine);
    let identifier = name.as_str();
    let configured =
        calls::configure(changes, false, async |changes| calls::modify_instance(rds, identifier, changes).await)
            .await?;
    if configured.is_unfinished {
        return Ok(output.then_more(available));
    }
    let mut output = if configured.is_under_way { output.waiting_for(available) } else { output };
    output.notes = configured.notes;
    let restored = configured.answer.unwrap_or(restored);
    let is_managed = original.settings.managed_master_password;
    output.notes.extend(database::secret_note(is_managed, restored.master_user_secret()));
    Ok(output)
}

/// Compares the restored instance with the original; changes nothing.
pub async fn verify(rds: &Client, event: RestoredEvent<OriginalInstance>) -> Result<Verification> {
    let RestoredEvent { plan, at, .. } = &event;
    let original = &plan.original;
    let restored = pair(rds, &event, ErrorKind::Verification).await?.restored;
    let pinned = plan.pinned()?;
    let own = restored.db_instance_arn().unwrap_or_default();
    let snapshot = rds::source::snapshot_now(rds, pinned, own).await?;
    let mut findings = Findings::default();
    findings.status("its ", restored.db_instance_status().unwrap_or_default());
    findings.source(pinned, &rds::source::seen_beside(pinned, snapshot.as_ref(), rds::source::of_snapshot));
    let of_backup =
        snapshot.as_ref().and_then(|snapshot| snapshot.engine_version()).or(pinned.engine_version.as_deref());
    findings.engine_version(&original.engine_version, (pinned.kind, of_backup), restored.engine_version());
    findings.compare("", (&original.settings, &InstanceSettings::from(&restored)), |_| true);
    for problem in database::groups_not_in_force(&restored) {
        findings.essential(problem);
    }
    findings.concluded(plan.names.database.of(*at)?, restored.dbi_resource_id().unwrap_or_default())
}

/// Turns deletion protection on again if the original had it.
pub async fn protect(rds: &Client, event: RestoredEvent<OriginalInstance>) -> Result<StepOutput> {
    let restored = pair(rds, &event, KIND).await?.restored;
    let name = event.plan.names.database.of(event.at)?;
    let available = available(name, &restored);
    let output = StepOutput::done(TaskName::Protection, name);
    let has_protection = event.plan.original.settings.deletion_protection == Some(true);
    let unprotected = has_protection && restored.deletion_protection() != Some(true);
    if !unprotected {
        return Ok(output);
    }
    if !database::is_settled(KIND, &restored)? {
        return Ok(output.then_more(available));
    }
    let is_passing = async |name: &str| calls::instance_is_passing(rds, name).await;
    database::protect(rds, &restored, output, available, is_passing).await
}

async fn pair(rds: &Client, event: &RestoredEvent<OriginalInstance>, kind: ErrorKind) -> Result<Pair<DbInstance>> {
    Pair::find(rds, &event.request, &event.plan, event.at, kind).await
}

fn available(name: &DatabaseIdentifier, restored: &DbInstance) -> Goal {
    Goal::Available { identifier: name.clone(), resource_id: restored.dbi_resource_id.clone(), members: Vec::new() }
}
