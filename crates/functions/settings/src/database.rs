//! The common part of both kinds of database: whether they accept changes now, their protection, their parameter groups.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, MasterUserSecret};
use trapheus_common::document::StepOutput;
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::rds::{Change, Changed, Changes, Database, Doing, Refusal};
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
    match restored.change(rds, Change::Protect(true), doing).await? {
        // RDS turns the protection on at once; if it does not show yet, this function reads again.
        Changed::Accepted => {
            let is_on = D::of_name(rds, identifier).await?.is_some_and(|now| now.is_protected());
            Ok(if is_on { output } else { output.then_more(available) })
        }
        Changed::Failed { now: Some(now), .. } if now.is_protected() => Ok(output),
        Changed::Failed { refused, .. } if refused.refusal == Refusal::Status && is_passing(identifier).await? => {
            Ok(output.then_more(available))
        }
        Changed::Failed { refused, .. } => Err(refused.error),
    }
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
