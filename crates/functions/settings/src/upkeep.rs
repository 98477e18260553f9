//! The common part of both kinds of database: whether they accept changes now, their tags, their parameter groups.

use std::collections::BTreeSet;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, MasterUserSecret, Tag};
use trapheus_common::document::StepOutput;
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::rds::{self, Changes, Database, Doing, Refusal};
use trapheus_common::tags::{self, Tags};
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{Phase, phase};
use trapheus_common::{Error, ErrorKind, Result};

use crate::KIND;

/// Whether the database accepts changes now: `false` if the step has to wait, an error if waiting would not help.
pub(crate) fn takes_changes(kind: ErrorKind, database: DatabaseKind, identifier: &str, status: &str) -> Result<bool> {
    match phase(database, status) {
        Phase::Available => Ok(true),
        Phase::Passing => Ok(false),
        Phase::Deleting | Phase::Stopped | Phase::Broken => {
            let message = format!("the restored {database} {identifier} is in status {status}");
            Err(Error::new(kind, identifier, message))
        }
    }
}

/// As [`takes_changes`], and no earlier change is pending.
pub(crate) fn is_settled<D: Database>(kind: ErrorKind, database: &D) -> Result<bool> {
    let status = database.status().unwrap_or_default();
    Ok(takes_changes(kind, D::KIND, database.name(), status)? && !database.has_pending_modifications())
}

/// Turns the deletion protection of a settled database on again, unless it has become busy.
pub(crate) async fn protect<D: Changes>(
    rds: &Client,
    restored: &D,
    output: StepOutput,
    available: Goal,
    is_passing: impl AsyncFnOnce(&str) -> Result<bool>,
) -> Result<StepOutput> {
    let identifier = restored.name();
    let doing = Doing { kind: KIND, identifier, doing: "cannot switch deletion protection back on" };
    let Err(refused) = restored.protect(rds, true, doing).await else {
        // RDS turns the protection on at once; if it does not show yet, this function reads again.
        let is_on = D::of_name(rds, identifier).await?.is_some_and(|now| now.is_protected());
        return Ok(if is_on { output } else { output.then_more(available) });
    };
    if refused.refusal == Refusal::Status && is_passing(identifier).await? {
        return Ok(output.then_more(available));
    }
    Err(refused.error)
}

/// Sets the user's tags to the original's. Trapheus's tags stay; the release removes them.
pub(crate) async fn same_tags(rds: &Client, arn: Option<&str>, wanted: &Tags, present: &[Tag]) -> Result<()> {
    let arn = arn.unwrap_or_default();
    let (missing, surplus) = tag_changes(wanted, &tags::of_the_user(present));
    if !missing.is_empty() {
        rds::add_tags(rds, arn, missing).await?;
    }
    if !surplus.is_empty() {
        let surplus: Vec<&str> = surplus.iter().map(String::as_str).collect();
        rds::remove_tags(rds, arn, &surplus).await?;
    }
    Ok(())
}

/// The tags to set, and the keys to remove.
fn tag_changes(wanted: &Tags, present: &Tags) -> (Vec<Tag>, BTreeSet<String>) {
    let missing = wanted
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(value))
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    let surplus = present.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    (missing, surplus)
}

/// Whether parameters wait for a reboot.
pub(crate) fn waits_for_reboot(instance: &DbInstance) -> bool {
    instance.db_parameter_groups().iter().any(|group| group.parameter_apply_status() == Some("pending-reboot"))
}

/// The groups of an instance with the right name that are not in force.
pub(crate) fn groups_not_in_force(instance: &DbInstance) -> Vec<String> {
    let parameters = instance.db_parameter_groups().iter().filter_map(|group| {
        let status = group.parameter_apply_status()?;
        let name = group.db_parameter_group_name().unwrap_or_default();
        ["pending-reboot", "failed-to-apply"]
            .contains(&status)
            .then(|| format!("the parameter group {name} is not in force: {status}"))
    });
    let options = instance.option_group_memberships().iter().filter_map(|group| {
        let name = group.option_group_name().unwrap_or_default();
        (group.status() == Some("failed")).then(|| format!("the option group {name} is not in force: failed"))
    });
    parameters.chain(options).collect()
}

/// The note on a managed master password: it is a new one, in a new secret.
pub(crate) fn secret_note(original_is_managed: bool, secret: Option<&MasterUserSecret>) -> Option<String> {
    if !original_is_managed {
        return None;
    }
    let arn = secret.and_then(MasterUserSecret::secret_arn).unwrap_or("(RDS has not named it yet)");
    Some(format!(
        "the master password is a new one, in the new secret {arn}: point its readers there; the old secret goes with \
         the original"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags_of(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn missing_or_different_tags_are_set_and_additional_ones_removed() {
        let wanted = tags_of(&[("team", "shop"), ("stage", "prod"), ("same", "same")]);
        let present = tags_of(&[("stage", "dev"), ("same", "same"), ("stray", "x")]);
        let (missing, surplus) = tag_changes(&wanted, &present);
        let missing: Vec<_> = missing.iter().map(|tag| (tag.key().unwrap(), tag.value().unwrap())).collect();
        assert_eq!(missing, [("stage", "prod"), ("team", "shop")]);
        assert_eq!(surplus.into_iter().collect::<Vec<_>>(), ["stray"]);
    }

    #[test]
    fn a_passing_status_is_waited_for_and_a_bad_one_is_an_error() {
        let takes = |status| takes_changes(ErrorKind::Settings, DatabaseKind::Instance, "orders", status);
        assert!(takes("available").unwrap());
        assert!(!takes("modifying").unwrap());
        for status in ["stopped", "deleting", "failed"] {
            assert_eq!(takes(status).unwrap_err().kind(), ErrorKind::Settings, "{status}");
        }
    }

    #[test]
    fn only_a_managed_password_is_worth_a_note() {
        let secret = MasterUserSecret::builder().secret_arn("arn:new").build();
        assert_eq!(secret_note(false, Some(&secret)), None);
        assert!(secret_note(true, Some(&secret)).unwrap().contains("arn:new"));
    }
}
