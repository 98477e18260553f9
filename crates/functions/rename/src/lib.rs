//! Renames a database of the run, from a name of the plan to another.
//!
//! [`instance`] and [`cluster`] find the database by its resource id, whatever its name is, and ask for what is missing. This
//! file has what they share: the two names (`Route`), where a database is between them (`Position`), and the rename of a DB
//! instance, which may be a member. Every rename continues from any half-way state, and is asked for once. A name that
//! another database has is refused; the delete crate removes that database.
//!
//! After a failure a rename does what it still can, and reports what it cannot.
//!
//! While RDS renames, the old name lingers, then neither name answers, then the new one does. So "not found" is not "gone":
//! it is waited for, and the status-waiter gives up after half an hour.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::modify_db_instance::ModifyDBInstanceError;
use aws_sdk_rds::types::{ClusterPendingModifiedValues, DbInstance, PendingModifiedValues};
use trapheus_common::claim::Named;
use trapheus_common::document::{RenameEvent, StepOutput, Target};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::rds::{self, Database};
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Phase};
use trapheus_common::{Error, ErrorKind, Result};

pub mod cluster;
pub mod instance;

/// The way of one database from a name to another.
#[derive(Clone, Copy, Debug)]
struct Route<'a> {
    target: &'a Target,
    from: &'a DatabaseIdentifier,
    to: &'a DatabaseIdentifier,
    /// Whether the run has failed.
    after_failure: bool,
}

impl<'a> Route<'a> {
    /// The way of a database, or of a member, between the names that have these roles.
    fn of<O>(event: &RenameEvent<O>, target: &'a Target) -> Result<Self> {
        Ok(Self {
            target,
            from: target.names.of(event.from)?,
            to: target.names.of(event.to)?,
            after_failure: event.after_failure,
        })
    }
}

/// The database is between two names: the step continues once it has one.
fn found_again(target: &Target) -> Goal {
    Goal::Settled { resource_id: target.resource_id.clone(), may_be_gone: false }
}

/// Where a database is on its way to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    /// It has the name, and is going nowhere.
    There,
    /// It has been asked to take the name, or has only just taken it.
    UnderWay,
    /// It is busy at this name, or moving to it, and can be asked afterwards.
    Busy { at: DatabaseIdentifier },
    /// It has another name and can be asked now.
    Elsewhere,
}

/// Reads a position from what RDS shows: the name, the name a rename under way leads to, and the status.
///
/// `PendingModifiedValues` names the new identifier of a rename "that is being renamed" or in progress:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PendingModifiedValues.html>
fn position(kind: DatabaseKind, present: &str, pending: Option<&str>, status: &str, wanted: &str) -> Position {
    match pending {
        Some(next) if next == wanted => return Position::UnderWay,
        Some(next) if next != present => return Position::Busy { at: DatabaseIdentifier::reported(next) },
        _ => {}
    }
    let is_passing = acceptor::phase(kind, status) == Phase::Passing;
    match (present == wanted, is_passing) {
        (true, true) => Position::UnderWay,
        (true, false) => Position::There,
        // The new name shows first as `renaming`; another rename has to wait for the end of this one.
        (false, _) if status == "renaming" => Position::Busy { at: DatabaseIdentifier::reported(present) },
        (false, _) => Position::Elsewhere,
    }
}

fn position_of_instance(instance: &DbInstance, wanted: &DatabaseIdentifier) -> Position {
    position(
        DatabaseKind::Instance,
        instance.db_instance_identifier().unwrap_or_default(),
        instance.pending_modified_values().and_then(PendingModifiedValues::db_instance_identifier),
        instance.db_instance_status().unwrap_or_default(),
        wanted.as_str(),
    )
}

/// Whether anything but a rename is pending: renaming at once would carry it out as well.
fn has_other_modifications(pending: Option<&PendingModifiedValues>) -> bool {
    pending.is_some_and(|pending| {
        let rename = pending.db_instance_identifier().map(str::to_owned);
        *pending != PendingModifiedValues::builder().set_db_instance_identifier(rename).build()
    })
}

/// As [`has_other_modifications`], for a cluster.
fn cluster_has_other_modifications(pending: Option<&ClusterPendingModifiedValues>) -> bool {
    pending.is_some_and(|pending| {
        let rename = pending.db_cluster_identifier().map(str::to_owned);
        *pending != ClusterPendingModifiedValues::builder().set_db_cluster_identifier(rename).build()
    })
}

/// Refuses to rename a DB instance to a name that `holder` has, or with modifications that the rename would carry out.
fn check_instance_may_leave(instance: &DbInstance, route: Route<'_>, holder: Option<&DbInstance>) -> Result<()> {
    if has_other_modifications(instance.pending_modified_values()) {
        return Err(failed(route.target, pending_modifications(DatabaseKind::Instance)));
    }
    check_name_is_free(DatabaseKind::Instance, route, holder)
}

/// Refuses a name that another database has.
fn check_name_is_free<D: Database>(kind: DatabaseKind, route: Route<'_>, holder: Option<&D>) -> Result<()> {
    match holder {
        Some(holder) if holder.resource_id() != Some(route.target.resource_id.as_str()) => {
            Err(taken(kind, route, holder.resource_id(), holder.status()))
        }
        _ => Ok(()),
    }
}

/// Asks for the rename of a DB instance that is [`Position::Elsewhere`], and says where that leaves it.
///
/// A name that RDS calls taken and shows no holder of is pending in a rollback: the holder shows late, or has just left.
async fn rename_instance(rds: &Client, instance: &DbInstance, route: Route<'_>) -> Result<Position> {
    let Route { target, to: wanted, .. } = route;
    let present = instance.db_instance_identifier().unwrap_or_default();
    let call = rds
        .modify_db_instance()
        .db_instance_identifier(present)
        .new_db_instance_identifier(wanted)
        .apply_immediately(true);
    // Boxed, because the future of a call with so many parameters would make every caller's as large.
    let Err(error) = Box::pin(call.send()).await else {
        tracing::info!(db.identifier = present, db.new_identifier = wanted.as_str(), "renaming the DB instance");
        return Ok(Position::UnderWay);
    };
    // The answer may have been lost while the call was carried out, so what is there now decides.
    let Some(now) = rds::instance_by_resource_id(rds, &target.resource_id).await? else {
        return Ok(Position::UnderWay);
    };
    let is_about_status = error
        .as_service_error()
        .is_some_and(|e| e.is_invalid_db_instance_state_fault() || e.is_invalid_db_cluster_state_fault());
    let is_taken = error.as_service_error().is_some_and(ModifyDBInstanceError::is_db_instance_already_exists_fault);
    match position_of_instance(&now, wanted) {
        Position::Elsewhere if is_taken && route.after_failure => {
            let holder = rds::instance(rds, wanted.as_str()).await?;
            check_name_is_free(DatabaseKind::Instance, route, holder.as_ref())?;
            Ok(Position::Busy { at: DatabaseIdentifier::reported(present) })
        }
        Position::Elsewhere if is_about_status && is_passing(DatabaseKind::Instance, now.db_instance_status()) => {
            Ok(Position::Busy { at: DatabaseIdentifier::reported(present) })
        }
        Position::Elsewhere => {
            Err(Error::from_aws(ErrorKind::Rename, target.identifier().as_str(), cannot(present, wanted), &error))
        }
        elsewhere => Ok(elsewhere),
    }
}

/// The database answers under no name: it is between two, or it is gone.
fn not_found<D: Database>(
    kind: DatabaseKind,
    route: Route<'_>,
    output: StepOutput,
    holder: Option<&D>,
) -> Result<StepOutput> {
    let Route { target, from, .. } = route;
    match holder {
        Some(_) if route.after_failure => Ok(noted(output, is_gone(route))),
        Some(holder) => Err(failed(
            target,
            format!(
                "{from} is now another {kind}, {}; the one this run began with, {}, is gone. Nothing was renamed",
                holder.resource_id().unwrap_or("of unknown resource id"),
                target.resource_id
            ),
        )),
        None => Ok(output.then_more(found_again(target))),
    }
}

fn is_gone(Route { target, to, .. }: Route<'_>) -> String {
    format!(
        "the original ({}) no longer exists, so it cannot be put back: the database under {to} stays",
        target.resource_id
    )
}

fn is_going(Route { target, to, .. }: Route<'_>, has_survivor: bool) -> String {
    let end = if has_survivor { "keeps the database that it has now" } else { "has no other database" };
    format!("the original ({}) is being deleted, so it cannot be put back: {to} {end}", target.resource_id)
}

/// The holder of the name that matters if the database does not answer: after a failure the one that it shall get, else the
/// one that it has.
fn displacing<'a, D: Database>(named: &'a Named<D>, route: Route<'_>) -> Option<&'a D> {
    named.at(if route.after_failure { route.to } else { route.from })
}

fn noted(mut output: StepOutput, note: String) -> StepOutput {
    output.notes.push(note);
    output
}

fn is_passing(kind: DatabaseKind, status: Option<&str>) -> bool {
    acceptor::phase(kind, status.unwrap_or_default()) == Phase::Passing
}

fn is_deleting(kind: DatabaseKind, status: Option<&str>) -> bool {
    acceptor::phase(kind, status.unwrap_or_default()) == Phase::Deleting
}

fn cannot(present: &str, wanted: &DatabaseIdentifier) -> String {
    format!("cannot rename {present} to {wanted}")
}

fn pending_modifications(kind: DatabaseKind) -> String {
    format!(
        "this {kind} has modifications pending, and renaming it would carry them out: apply them or take them back, then \
         start the run again"
    )
}

fn taken(
    kind: DatabaseKind,
    Route { target, to: wanted, .. }: Route<'_>,
    holder: Option<&str>,
    status: Option<&str>,
) -> Error {
    let (holder, status) = (holder.unwrap_or("of unknown resource id"), status.unwrap_or("unknown"));
    failed(
        target,
        format!(
            "cannot rename {} to {wanted}: that name belongs to another {kind}, {holder} (status {status}). Rename or \
             delete that one; it was not touched",
            target.resource_id
        ),
    )
}

fn failed(target: &Target, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Rename, target.identifier().as_str(), message)
}

#[cfg(test)]
mod tests {
    use super::DatabaseKind::Instance;
    use super::*;

    fn going_home(present: &str, pending: Option<&str>, status: &str) -> Position {
        position(Instance, present, pending, status, "orders")
    }

    fn busy(at: &str) -> Position {
        Position::Busy { at: DatabaseIdentifier::reported(at) }
    }

    #[test]
    fn a_database_is_there_only_when_it_is_not_on_its_way_elsewhere() {
        assert_eq!(going_home("orders", None, "available"), Position::There);
        assert_eq!(going_home("orders", Some("orders-temp"), "available"), busy("orders-temp"));
        assert_eq!(going_home("orders", None, "renaming"), Position::UnderWay);
        assert_eq!(going_home("orders", None, "rebooting"), Position::UnderWay);
        assert_eq!(going_home("orders", None, "storage-full"), Position::There);
    }

    #[test]
    fn a_rename_asked_for_is_not_asked_for_again() {
        assert_eq!(going_home("orders-temp", Some("orders"), "available"), Position::UnderWay);
        assert_eq!(going_home("orders-temp", Some("orders"), "renaming"), Position::UnderWay);
    }

    #[test]
    fn another_rename_is_let_finish_first() {
        assert_eq!(going_home("orders-temp", None, "renaming"), busy("orders-temp"));
        assert_eq!(going_home("orders-temp", Some("orders-x"), "available"), busy("orders-x"));
    }

    #[test]
    fn any_other_status_does_not_keep_a_rename_from_being_tried() {
        for status in ["available", "backing-up", "modifying", "storage-full", "stopped"] {
            assert_eq!(going_home("orders-temp", None, status), Position::Elsewhere, "{status}");
        }
    }

    #[test]
    fn a_rename_under_way_is_no_pending_modification_but_anything_else_is() {
        let rename = PendingModifiedValues::builder().db_instance_identifier("orders-temp");
        assert!(!has_other_modifications(None));
        assert!(!has_other_modifications(Some(&PendingModifiedValues::builder().build())));
        assert!(!has_other_modifications(Some(&rename.clone().build())));
        assert!(has_other_modifications(Some(&rename.engine_version("17").build())));
        let cluster = ClusterPendingModifiedValues::builder().db_cluster_identifier("orders-temp");
        assert!(!cluster_has_other_modifications(Some(&cluster.clone().build())));
        assert!(cluster_has_other_modifications(Some(&cluster.engine_version("17").build())));
    }
}
