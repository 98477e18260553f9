//! `PreflightDbInstance`: reads a DB instance before a run, and refuses a run that cannot succeed.
//!
//! This module reads RDS and writes the plan's `original`; `checks` decides against a run.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::document::{Names, OriginalInstance, PreflightEvent, Request};
use trapheus_common::lambda::Invocation;
use trapheus_common::settings::InstanceSettings;
use trapheus_common::{Result, rds, tags};

use crate::checks::{later_writes, other_version, to_be_restored, upgrade_note};
use crate::dry_run::Preflight;
use crate::facts::{Database, Facts, Snapshot, streams, subnet_zones};
use crate::orderable::{self, RequestedClass};
use crate::read::{self, Group};
use crate::scope::Scope;
use crate::{advisory, backup, fit, quotas};

/// Reads everything that a run with this request will find. Changes nothing.
pub async fn preflight(
    client: &Client,
    scope: &Scope,
    invocation: Invocation,
    event: PreflightEvent,
) -> Result<Preflight<OriginalInstance>> {
    let request = &event.request;
    let look = async || Box::pin(look(client, request)).await;
    read::preflight(request, scope, invocation, look, |original| original.not_carried_over.clone()).await
}

async fn look(client: &Client, request: &Request) -> Result<(Facts, Option<OriginalInstance>)> {
    let identifier = request.identifier.as_str();
    let planned = Names::rename_first(request);
    let names = [identifier, planned.database.parked.as_str()];
    let names = if request.task.restores() { &names[..] } else { &names[..1] };
    let mut instances = rds::instances_named(client, names).await?;
    let is_target = |instance: &DbInstance| instance.db_instance_identifier() == Some(identifier);
    let instance = instances.iter().position(is_target).map(|at| instances.swap_remove(at));
    let mut facts = Facts {
        target: instance.as_ref().map(Database::from),
        occupants: instances.iter().map(Database::from).collect(),
        temporary_snapshot: rds::snapshot(client, planned.replacement_snapshot.as_str())
            .await?
            .as_ref()
            .map(Snapshot::from),
        ..Facts::default()
    };
    facts.add_backup(backup::find(client, request, facts.target.as_ref()).await?);
    if request.task.restores() && request.options.final_snapshot {
        let name = &planned.final_snapshot;
        facts.final_snapshot = rds::snapshot(client, name.as_str()).await?.as_ref().map(Snapshot::from);
    }
    let Some(instance) = instance else {
        facts.namesake = rds::cluster(client, identifier).await?.as_ref().map(Database::from);
        return Ok((facts, None));
    };
    let mut not_carried_over = Vec::new();
    let mut settings = InstanceSettings::from(&instance);
    if request.task.restores() {
        facts.missing_groups = read::missing_groups(client, groups(identifier, &instance)).await?;
        facts.blue_green_deployment =
            read::blue_green_deployment(client, instance.db_instance_arn().unwrap_or_default()).await?;
        // Boxed, because the futures of these calls would make every caller's as large.
        facts.room = Box::pin(quotas::look(client, request)).await;
        facts.covered_zones = subnet_zones(&instance);
        facts.orderable =
            Box::pin(orderable::look(client, request, &facts, requested_class(identifier, &instance))).await;
        not_carried_over = notes(identifier, &instance);
        not_carried_over.extend(read::proxy_notes(client, request).await?);
        not_carried_over.extend(other_version(request, &facts));
        facts.certificates = Box::pin(advisory::certificates(client)).await;
        facts.integrations =
            Box::pin(advisory::integrations(client, instance.db_instance_arn().unwrap_or_default())).await;
        if let Some((engine, version)) = to_be_restored(request, &facts) {
            facts.version = Box::pin(advisory::engine_version(client, engine, version)).await;
        }
        not_carried_over.extend(upgrade_note(&facts));
        let known = facts.certificates.known();
        not_carried_over.extend(fit::certificate(identifier, &mut settings.ca_certificate, known));
        not_carried_over.extend(fit::zone(identifier, &mut settings, &facts.covered_zones, &facts.orderable));
        not_carried_over.extend(later_writes(request));
    }
    let original = OriginalInstance {
        resource_id: instance.dbi_resource_id().unwrap_or_default().to_owned(),
        engine: instance.engine().unwrap_or_default().to_owned(),
        engine_version: instance.engine_version().unwrap_or_default().to_owned(),
        tags: tags::digest(&tags::of_the_user(instance.tag_list())),
        settings,
        not_carried_over,
    };
    Ok((facts, Some(original)))
}

/// The groups that a restore names.
fn groups<'a>(owner: &'a str, instance: &'a DbInstance) -> Vec<(&'a str, Group<'a>)> {
    let parameter = instance.db_parameter_groups().iter().filter_map(|group| group.db_parameter_group_name());
    let option = instance.option_group_memberships().iter().filter_map(|group| group.option_group_name());
    let subnet = instance.db_subnet_group().and_then(|group| group.db_subnet_group_name());
    let groups = parameter.map(Group::Parameter).chain(option.map(Group::Option)).chain(subnet.map(Group::Subnet));
    groups.map(|group| (owner, group)).collect()
}

fn requested_class<'a>(owner: &'a str, instance: &'a DbInstance) -> Option<RequestedClass<'a>> {
    Some(RequestedClass { owner, class: instance.db_instance_class()?, storage_type: instance.storage_type() })
}

/// Settings that RDS does not restore and that no call of the pipeline sets again.
fn notes(identifier: &str, instance: &DbInstance) -> Vec<String> {
    let roles = instance.associated_roles().iter();
    let mut notes: Vec<String> = roles.map(|role| read::role_note(role.role_arn(), role.feature_name())).collect();
    notes.extend(instance.db_instance_automated_backups_replications().iter().map(|replication| {
        format!(
            "the replication of automated backups to {} follows the original: start it again for the restored database",
            replication.db_instance_automated_backups_arn().unwrap_or("another region")
        )
    }));
    notes.extend(instance.master_user_secret().map(|secret| read::managed_password_note(secret.secret_arn())));
    notes.extend((instance.customer_owned_ip_enabled() == Some(true)).then(|| {
        "a customer-owned IP address (RDS on Outposts) is not asked for again: enable it for the restored database"
            .to_owned()
    }));
    notes.extend(streams(instance.activity_stream_status()).then(|| read::ACTIVITY_STREAM_NOTE.to_owned()));
    notes.extend(read::reserved_tags_note(identifier, instance.tag_list()));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_owned_address_is_noted() {
        let instance = |owned| DbInstance::builder().customer_owned_ip_enabled(owned).build();
        assert_eq!(notes("orders", &instance(false)), Vec::<String>::new());
        assert!(notes("orders", &instance(true))[0].contains("customer-owned IP"));
    }
}
