//! Renames a database of the run, from a name of the plan to another.
//!
//! [`instance`] and [`cluster`] find the database by its resource id under any name. The module `decide` chooses the next
//! act from the reads alone; the step carries it out and asks again, until the decision ends the step. This file contains
//! the common part: the two names (`Route`), a database's place between them (`Position`), and the call of a rename. Every
//! rename continues from any intermediate state, and requests each change once. The step refuses a name that another
//! database has; the delete crate deletes that database.
//!
//! After a failure the step makes all renames that are still possible, and reports the others.
//!
//! While RDS renames, the old name remains for a while, then neither name answers, then the new one does. So "not found"
//! does not mean "deleted": the step waits, and the status-waiter gives up after half an hour.

use aws_sdk_rds::Client;
use trapheus_common::claim::{self, Lookup};
use trapheus_common::document::{RenameEvent, Request, StepOutput, Target};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::rds::{Change, Changed, Changes, Database, Doing, Refusal};
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Phase};
use trapheus_common::{Error, ErrorKind, Result};

pub mod cluster;
mod decide;
pub mod instance;

/// The route of one database from one name to another.
#[derive(Clone, Copy, Debug)]
struct Route<'a> {
    target: &'a Target,
    from: &'a DatabaseIdentifier,
    to: &'a DatabaseIdentifier,
    /// Whether the run has failed.
    after_failure: bool,
}

impl<'a> Route<'a> {
    /// The route of a database, or of a member, between the names with these roles.
    fn of<O>(event: &RenameEvent<O>, target: &'a Target) -> Result<Self> {
        Ok(Self {
            target,
            from: target.names.of(event.from)?,
            to: target.names.of(event.to)?,
            after_failure: event.after_failure,
        })
    }

    /// The database, and every database under its names. After a failure the claim may be missing for good, which does not
    /// keep the original from its name.
    async fn find<D: Database>(self, rds: &Client) -> Result<Lookup<D>> {
        if self.after_failure {
            Lookup::find_surely(rds, self.target).await
        } else {
            Lookup::find_claimed(rds, self.target).await
        }
    }

    /// Refuses to rename a database that this execution does not claim.
    fn check_claim(self, request: &Request, database: &impl Database) -> Result<()> {
        if self.after_failure {
            claim::check_for_rollback(request, self.target, database.tags())
        } else {
            claim::check(request, self.target, database.tags())
        }
    }
}

/// The goal for a database between two names: the step continues once the database has one.
fn found_again(target: &Target) -> Goal {
    Goal::Settled { resource_id: target.resource_id.clone(), may_be_gone: false }
}

/// The place of a database on its route to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    /// The database has the name, and no rename is under way.
    There,
    /// The rename to the name is under way, or has only just ended.
    UnderWay,
    /// The database is busy under this name, or in a rename to it; the step can call afterwards.
    Busy { at: DatabaseIdentifier },
    /// The database has another name, and accepts a rename now.
    Elsewhere,
}

/// The position by RDS's facts: the name, the target of a rename under way, and the status.
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
        // The new name first shows as `renaming`; another rename has to wait for the end of this one.
        (false, _) if status == "renaming" => Position::Busy { at: DatabaseIdentifier::reported(present) },
        (false, _) => Position::Elsewhere,
    }
}

/// The place of a database on its route to a name.
fn position_of<D: Database>(database: &D, wanted: &DatabaseIdentifier) -> Position {
    position(
        D::KIND,
        database.name(),
        database.pending_identifier(),
        database.status().unwrap_or_default(),
        wanted.as_str(),
    )
}

/// A database on its route, as the last read or call showed it.
#[derive(Clone, Debug)]
struct Seen {
    kind: DatabaseKind,
    name: DatabaseIdentifier,
    position: Position,
    phase: Phase,
    status: String,
    /// RDS has accepted changes and not carried them out yet.
    has_pending_modifications: bool,
    /// Such changes besides a rename.
    has_other_modifications: bool,
    /// Another database under the new name.
    holder: Option<Holder>,
}

/// Another database that has the new name.
#[derive(Clone, Debug)]
struct Holder {
    resource_id: String,
    status: String,
}

impl Seen {
    fn of<D: Database>(database: &D, route: Route<'_>, holder: Option<&D>) -> Self {
        Self {
            kind: D::KIND,
            name: DatabaseIdentifier::reported(database.name()),
            position: position_of(database, route.to),
            phase: database.phase(),
            status: database.status().unwrap_or_default().to_owned(),
            has_pending_modifications: database.has_pending_modifications(),
            has_other_modifications: database.has_other_modifications(),
            holder: Holder::of(route, holder),
        }
    }

    /// The error if the database must not leave its name: the rename would apply other modifications, or another database
    /// has the new name.
    fn refusal(&self, route: Route<'_>) -> Option<Error> {
        if self.position != Position::Elsewhere {
            return None;
        }
        if self.has_other_modifications && !route.after_failure {
            return Some(failed(route.target, pending_modifications(self.kind)));
        }
        self.holder.as_ref().map(|holder| taken(self.kind, route, holder))
    }
}

impl Holder {
    fn of<D: Database>(route: Route<'_>, found: Option<&D>) -> Option<Self> {
        found.filter(|found| !found.is(&route.target.resource_id)).map(|found| Self {
            resource_id: found.resource_id().unwrap_or("of unknown resource id").to_owned(),
            status: found.status().unwrap_or("unknown").to_owned(),
        })
    }
}

/// Refuses a name that another database has.
fn check_name_is_free<D: Database>(route: Route<'_>, found: Option<&D>) -> Result<()> {
    match Holder::of(route, found) {
        Some(holder) => Err(taken(D::KIND, route, &holder)),
        None => Ok(()),
    }
}

/// The end of a step.
#[derive(Debug)]
enum End {
    Fail(Error),
    Done,
    /// The run waits for the goal. With `more`, the step then has further calls to make.
    Wait {
        goal: Goal,
        more: bool,
    },
}

impl End {
    fn output(self, output: StepOutput) -> Result<StepOutput> {
        match self {
            Self::Fail(error) => Err(error),
            Self::Done => Ok(output),
            Self::Wait { goal, more: true } => Ok(output.then_more(goal)),
            Self::Wait { goal, more: false } => Ok(output.waiting_for(goal)),
        }
    }
}

/// Requests the rename of a database that is [`Position::Elsewhere`], and returns its new position.
///
/// After a failure, a name that RDS calls taken without a visible holder is pending. The holder shows late, or has just
/// lost the name.
async fn ask<D: Changes>(rds: &Client, database: &D, route: Route<'_>) -> Result<Position> {
    let Route { target, to: wanted, .. } = route;
    let at = || DatabaseIdentifier::reported(database.name());
    let doing = format!("cannot rename {} to {wanted}", database.name());
    let doing = Doing { kind: ErrorKind::Rename, identifier: target.identifier().as_str(), doing: &doing };
    let (now, refused) = match database.change(rds, Change::Rename(wanted), doing).await? {
        Changed::Accepted | Changed::Failed { now: None, .. } => return Ok(Position::UnderWay),
        Changed::Failed { now: Some(now), refused } => (now, refused),
    };
    match (position_of(&*now, wanted), refused.refusal) {
        (Position::Elsewhere, Refusal::NameTaken) if route.after_failure => {
            check_name_is_free(route, D::of_name(rds, wanted.as_str()).await?.as_ref())?;
            Ok(Position::Busy { at: at() })
        }
        (Position::Elsewhere, Refusal::Status) if now.phase() == Phase::Passing => Ok(Position::Busy { at: at() }),
        (Position::Elsewhere, _) => Err(refused.error),
        (elsewhere, _) => Ok(elsewhere),
    }
}

/// The output for a database without an answer: it is between two names, or deleted.
fn not_found<D: Database>(route: Route<'_>, output: StepOutput, holder: Option<&D>) -> Result<StepOutput> {
    let Route { target, from, .. } = route;
    match holder {
        Some(_) if route.after_failure => Ok(noted(output, is_gone(route))),
        Some(holder) => Err(failed(
            target,
            format!(
                "{from} is now another {}, {}; the one this run began with, {}, is gone. Nothing was renamed",
                D::KIND,
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

/// The holder of the decisive name if the database does not answer. After a failure that is the new name, else the old one.
fn displacing<'a, D: Database>(named: &'a Lookup<D>, route: Route<'_>) -> Option<&'a D> {
    named.at(if route.after_failure { route.to } else { route.from })
}

fn noted(mut output: StepOutput, note: String) -> StepOutput {
    output.notes.push(note);
    output
}

fn pending_modifications(kind: DatabaseKind) -> String {
    format!(
        "this {kind} has modifications pending, and renaming it would carry them out: apply them or take them back, then \
         start the run again"
    )
}

fn taken(kind: DatabaseKind, Route { target, to: wanted, .. }: Route<'_>, holder: &Holder) -> Error {
    let Holder { resource_id, status } = holder;
    failed(
        target,
        format!(
            "cannot rename {} to {wanted}: that name belongs to another {kind}, {resource_id} (status {status}). Rename or \
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
    fn a_database_has_arrived_only_when_no_rename_leads_away() {
        assert_eq!(going_home("orders", None, "available"), Position::There);
        assert_eq!(going_home("orders", Some("orders-temp"), "available"), busy("orders-temp"));
        assert_eq!(going_home("orders", None, "renaming"), Position::UnderWay);
        assert_eq!(going_home("orders", None, "rebooting"), Position::UnderWay);
        assert_eq!(going_home("orders", None, "storage-full"), Position::There);
    }

    #[test]
    fn a_requested_rename_is_not_requested_again() {
        assert_eq!(going_home("orders-temp", Some("orders"), "available"), Position::UnderWay);
        assert_eq!(going_home("orders-temp", Some("orders"), "renaming"), Position::UnderWay);
    }

    #[test]
    fn another_rename_finishes_first() {
        assert_eq!(going_home("orders-temp", None, "renaming"), busy("orders-temp"));
        assert_eq!(going_home("orders-temp", Some("orders-x"), "available"), busy("orders-x"));
    }

    #[test]
    fn no_other_status_prevents_a_rename() {
        for status in ["available", "backing-up", "modifying", "storage-full", "stopped"] {
            assert_eq!(going_home("orders-temp", None, status), Position::Elsewhere, "{status}");
        }
    }
}
