//! Deletes databases: the renamed original after success (`delete`), or the databases of a failed restore (`discard`).
//!
//! [`instance`] and [`cluster`] contain both for their kind; this file contains the common part. `delete` needs the
//! original under the name that the state machine passes, this execution's claim, and an available committed successor.
//! `discard` deletes a restored database only if all four proofs of [`trapheus_common::claim::Ownership`] hold. Otherwise
//! the step returns an error and keeps both databases. A database in deletion needs no further call; for one that does
//! not answer, the step searches again.
//!
//! A restored database that was in service contains writes of clients. So `discard` first clears the name (`Way`), and the
//! original takes it. Only then `discard` deletes the aside database, with a final snapshot.
//!
//! A committed run is not rolled back: `discard` then reports the restored database and does not touch it.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::claim::{self, Claim, Lookup};
use trapheus_common::commands::Cli;
use trapheus_common::document::{DeleteEvent, Original, Request, StepOutput, Target, TaskName};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::rds::{Change, Changed, Changes, Database, Deletion, Doing, Refusal};
use trapheus_common::tags::Role;
use trapheus_common::timestamp::Timestamp;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Phase};
use trapheus_common::{Error, ErrorKind, Result, tags};

pub mod cluster;
mod discard;
pub mod instance;

/// The outcome of a requested deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeletionOutcome {
    Accepted,
    /// The database has a status that passes; ask again later.
    Busy,
}

fn available(identifier: &DatabaseIdentifier, resource_id: &str) -> Goal {
    Goal::Available { identifier: identifier.clone(), resource_id: Some(resource_id.to_owned()), members: Vec::new() }
}

/// The goal for an original between two names that no other database has. The original answers again under one of them.
fn between_names(target: &Target) -> Goal {
    Goal::Settled { resource_id: target.resource_id.clone(), may_be_gone: false }
}

/// The goal for a database without an answer, or with a requested rename: it answers again, or is deleted.
fn found_again(resource_id: &str) -> Goal {
    Goal::FoundAgain { resource_id: resource_id.to_owned(), until: None }
}

/// The goal for a restored database that RDS works on: afterwards it accepts a rename or a final snapshot.
fn at_rest(resource_id: &str, until: Timestamp) -> Goal {
    Goal::FoundAgain { resource_id: resource_id.to_owned(), until: Some(until) }
}

/// The goal for a database that takes no final snapshot while RDS works on its storage.
fn storage_work_ended(resource_id: &str, until: Timestamp) -> Goal {
    Goal::StorageWorkEnded { resource_id: resource_id.to_owned(), until }
}

/// The goal for a database that RDS is busy with: once RDS has finished, the step can call again.
fn settled(resource_id: Option<&str>) -> Goal {
    Goal::Settled { resource_id: resource_id.unwrap_or_default().to_owned(), may_be_gone: true }
}

fn gone(resource_id: &str) -> Goal {
    Goal::Gone { resource_ids: vec![resource_id.to_owned()] }
}

fn failed(request: &Request, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Deletion, request.identifier.as_str(), message)
}

fn noted(mut output: StepOutput, note: impl Into<String>) -> StepOutput {
    output.notes.push(note.into());
    output
}

/// Whether the database's own tags say that this execution has committed to it. The tags are new, so they may show late.
fn is_verified(request: &Request, database: &impl Database) -> bool {
    Claim::on(database).is_some_and(|claim| claim.is_by(&request.execution) && claim.has_role(Role::Verified))
}

/// Whether the database shows a claim: the tags of its creation may show late. A database in deletion shows nothing more.
fn shows_whose_it_is(database: &impl Database) -> bool {
    Claim::on(database).is_some() || database.phase() == Phase::Deleting
}

/// Whether the run may delete the original: its successor has to be the verified database, and available.
///
/// `Busy` if the successor has a status that passes, such as during its first automated backup.
fn check_successor<D: Database>(
    request: &Request,
    places: Places<'_>,
    verified: &str,
    successor: Option<&D>,
) -> Result<DeletionOutcome> {
    let Places { target, at: kept, successor_at: name } = places;
    let Some(successor) = successor else {
        return Err(failed(request, format!("{kept} was not deleted, because nothing is under {name} any more")));
    };
    let resource_id = successor.resource_id().unwrap_or_default();
    if resource_id != verified || resource_id == target.resource_id {
        return Err(failed(
            request,
            format!(
                "{kept} was not deleted, because {name} is {resource_id} now, not the database that was restored and \
                 verified, {verified}"
            ),
        ));
    }
    if !is_verified(request, successor) {
        return Err(failed(
            request,
            format!(
                "{kept} was not deleted, because {name} does not carry the claim that says it was verified by this \
                 execution: its tags were changed. Delete {kept} by hand once you do not need it"
            ),
        ));
    }
    match successor.phase() {
        Phase::Available => Ok(DeletionOutcome::Accepted),
        Phase::Passing => Ok(DeletionOutcome::Busy),
        Phase::Deleting | Phase::Stopped | Phase::Broken => Err(failed(
            request,
            format!(
                "{kept} was not deleted, because the restored database {name} is in status {}. Delete {kept} by hand \
                 once that one works",
                successor.status().unwrap_or_default()
            ),
        )),
    }
}

/// The original to delete, with the names that it and its successor must have.
#[derive(Clone, Copy)]
struct Places<'a> {
    target: &'a Target,
    at: &'a DatabaseIdentifier,
    successor_at: &'a DatabaseIdentifier,
}

impl<'a> Places<'a> {
    fn of<O: Original>(event: &DeleteEvent<O>, target: &'a Target) -> Result<Self> {
        Ok(Self { target, at: target.names.of(event.at)?, successor_at: target.names.of(event.successor_at)? })
    }
}

/// The run deletes the original only under the name that it was renamed to, never under the service name.
fn check_place<D: Database>(request: &Request, places: Places<'_>, original: &D) -> Result<()> {
    let Places { target, at, .. } = places;
    let present = original.name();
    if present != at.as_str() || present == request.identifier.as_str() {
        return Err(failed(
            request,
            format!(
                "the original ({}) was not deleted, because it is under {present}, not under {at}",
                target.resource_id
            ),
        ));
    }
    match original.pending_identifier() {
        None => Ok(()),
        Some(next) => Err(failed(request, format!("{present} was not deleted, because it is being renamed to {next}"))),
    }
}

fn backup_quota(request: &Request, identifier: &str) -> Error {
    failed(
        request,
        format!(
            "{0} was not deleted, because its automated backups are to be kept. The account holds its quota of \
             retained automated backups (40 in a region). Delete retained backups that are not needed (RDS console, \
             Automated backups, Retained), or ask for a higher quota. Then delete {0} by hand; the restored {1} works",
            identifier, request.identifier
        ),
    )
}

/// The error for databases that this execution may not delete, and that block the rollback's name.
fn foreign(request: &Request, present: &str, found: &[String]) -> Error {
    let home = request.identifier.as_str();
    let rename = |from: &str, to: &str| Cli::in_region_of(&request.execution).rename(request.kind, from, to);
    failed(
        request,
        format!(
            "nothing was removed and the original stays under {present}, because not everything under its names was made by \
             this execution: {found}. To put the original back by hand: `{clear}`, and once that is done `{put_back}`",
            found = found.join("; "),
            clear = rename(home, "<another name>"),
            put_back = rename(present, home),
        ),
    )
}

/// Whether the database has its own name and no claim. The run has not changed it then, so there is nothing to undo or to
/// check.
fn is_untouched(request: &Request, database: &impl Database) -> bool {
    database.is_named(request.identifier.as_str()) && tags::value(database.tags(), tags::EXECUTION).is_none()
}

/// The reason to delete nothing beside an original that is deleted or in deletion. The other database may be the only copy.
fn survivor(target: &Target, why: &str, has_survivor: bool) -> String {
    let what = if has_survivor { "is the survivor" } else { "has no other database" };
    format!("the original ({}) {why}; {} {what}, and nothing was removed", target.resource_id, target.identifier())
}

/// Deletes the original once its successor is committed, one step at a time. `members` are the checked members that the
/// step deletes one by one.
async fn delete_original<D: Changes, O: Original>(
    rds: &Client,
    event: &DeleteEvent<O>,
    members: impl AsyncFnOnce(&D, Places<'_>) -> Result<Members>,
) -> Result<StepOutput> {
    let target = &event.plan.target();
    let places = Places::of(event, target)?;
    let DeleteEvent { request, plan, successor_at, commit, .. } = event;
    let output = StepOutput::done(TaskName::Delete, places.at.as_str());
    let shows = |successor: Option<&D>| successor.is_some_and(|one| is_verified(request, one));
    let databases = Lookup::<D>::find_beside(rds, target, *successor_at, shows).await?;
    let Some(original) = &databases.original else {
        // Between two names a database does not answer, so a single read does not prove the deletion.
        return Ok(output.then_more(found_again(&target.resource_id)));
    };
    if original.phase() == Phase::Deleting {
        return Ok(output.waiting_for(gone(&target.resource_id)));
    }
    claim::check(request, target, original.tags())?;
    check_place(request, places, original)?;
    let successor = check_successor(request, places, &commit.resource_id, databases.at(places.successor_at))?;
    if successor == DeletionOutcome::Busy {
        return Ok(output.then_more(available(places.successor_at, &commit.resource_id)));
    }
    let members = members(original, places).await?;
    if original.is_protected() && !is_unprotected(rds, request, original).await? {
        return Ok(output.then_more(found_again(&target.resource_id)));
    }
    if members.delete(rds, request).await? == DeletionOutcome::Busy {
        return Ok(output.then_more(members.settled()));
    }
    let how = Deletion {
        final_snapshot: request.options.final_snapshot.then(|| plan.names.final_snapshot.clone()),
        delete_automated_backups: Some(!request.options.keep_automated_backups),
    };
    match delete_database(rds, request, original, &members, how).await {
        Ok(DeletionOutcome::Accepted) => Ok(output.waiting_for(gone(&target.resource_id))),
        Ok(DeletionOutcome::Busy) if members.0.is_empty() => Ok(output.then_more(found_again(&target.resource_id))),
        Ok(DeletionOutcome::Busy) => Ok(output.then_more(members.gone())),
        Err(refusal) => Err(refusal.into_error(request, original.name())),
    }
}

/// The members that the step deletes one by one before their cluster. A DB instance and a Multi-AZ DB cluster have none.
#[derive(Clone, Debug, Default)]
struct Members(Vec<DbInstance>);

impl Members {
    /// Requests the deletion of all members at once; busy if one of them needs another call.
    async fn delete(&self, rds: &Client, request: &Request) -> Result<DeletionOutcome> {
        let mut all = DeletionOutcome::Accepted;
        for member in self.0.iter().filter(|member| member.phase() != Phase::Deleting) {
            match delete_database(rds, request, member, &Self::default(), Deletion::OF_A_MEMBER).await {
                Ok(DeletionOutcome::Accepted) => {}
                Ok(DeletionOutcome::Busy) => all = DeletionOutcome::Busy,
                Err(refusal) => return Err(refusal.into_error(request, member.name())),
            }
        }
        Ok(all)
    }

    fn gone(&self) -> Goal {
        Goal::MembersGone { resource_ids: self.resource_ids() }
    }

    fn settled(&self) -> Goal {
        Goal::MembersSettled { resource_ids: self.resource_ids() }
    }

    fn resource_ids(&self) -> Vec<String> {
        self.0.iter().filter_map(DbInstance::dbi_resource_id).map(str::to_owned).collect()
    }
}

fn doing<'a>(request: &'a Request, doing: &'a str) -> Doing<'a> {
    Doing { kind: ErrorKind::Deletion, identifier: request.identifier.as_str(), doing }
}

/// Turns the deletion protection off, and returns whether RDS shows that already.
async fn is_unprotected<D: Changes>(rds: &Client, request: &Request, database: &D) -> Result<bool> {
    let what = format!("{} was not deleted: cannot lift its deletion protection", database.name());
    match database.change(rds, Change::Protect(false), doing(request, &what)).await? {
        Changed::Accepted => Ok(database.now(rds).await?.is_some_and(|now| !now.is_protected())),
        Changed::Failed { now: None, .. } => Ok(false),
        Changed::Failed { now: Some(now), .. } if !now.is_protected() => Ok(true),
        Changed::Failed { now: Some(now), refused } => match refused.refusal {
            Refusal::Status if now.phase() == Phase::Passing => Ok(false),
            _ => Err(refused.error),
        },
    }
}

/// Deletes a database whose members, if it has any, are in deletion. RDS accepts that for a cluster: it refuses only with
/// instances "in non-deleting state". If RDS does wait for the members, the step calls again afterwards.
async fn delete_database<D: Changes>(
    rds: &Client,
    request: &Request,
    database: &D,
    leaving: &Members,
    how: Deletion,
) -> std::result::Result<DeletionOutcome, NotDeleted> {
    let what = format!("cannot delete the {} {}", D::KIND, database.name());
    let (now, refused) = match database.change(rds, Change::Delete(how), doing(request, &what)).await? {
        Changed::Accepted => return Ok(DeletionOutcome::Accepted),
        Changed::Failed { now: None, .. } => return Ok(DeletionOutcome::Busy),
        Changed::Failed { now: Some(now), refused } => (now, refused),
    };
    let phase = now.phase();
    let is_storage_work = now.status().is_some_and(acceptor::is_lasting_in_service);
    match refused.refusal {
        _ if phase == Phase::Deleting => Ok(DeletionOutcome::Accepted),
        Refusal::BackupQuota => Err(NotDeleted::BackupQuota),
        Refusal::Status if phase == Phase::Passing || !leaving.0.is_empty() => Ok(DeletionOutcome::Busy),
        Refusal::Status if is_storage_work => Err(NotDeleted::StorageWork(refused.error)),
        Refusal::Status => Err(NotDeleted::Status(refused.error)),
        Refusal::NotFound | Refusal::NameTaken | Refusal::Other => Err(NotDeleted::Failed(refused.error)),
    }
}

/// The reason why RDS did not accept a deletion.
enum NotDeleted {
    /// The quota of retained automated backups.
    BackupQuota,
    /// RDS works on the storage of the database, which may take days, and takes no final snapshot during that time.
    StorageWork(Error),
    /// The status, which does not pass.
    Status(Error),
    Failed(Error),
}

impl NotDeleted {
    fn into_error(self, request: &Request, identifier: &str) -> Error {
        match self {
            Self::BackupQuota => backup_quota(request, identifier),
            Self::StorageWork(error) | Self::Status(error) | Self::Failed(error) => error,
        }
    }
}

impl From<Error> for NotDeleted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::PendingModifiedValues;

    use super::*;
    use serde_json::json;

    fn request() -> Request {
        serde_json::from_value(json!({
            "identifier": "orders",
            "snapshotIdentifier": "orders-snapshot",
            "task": "db_restore",
            "kind": "instance",
            "execution": "arn:this",
            "startedAt": "2026-01-31T08:00:00Z",
            "deadline": "2026-02-01T08:00:00Z",
            "snapshotReplacement": "KeepUntilReplaced",
            "keepAutomatedBackups": true,
            "finalSnapshot": true,
            "rollbackSeconds": 3600,
        }))
        .unwrap()
    }

    fn target() -> Target {
        let names = json!({"service": "orders", "parked": "orders-temp"});
        serde_json::from_value(json!({"names": names, "resourceId": "db-OLD"})).unwrap()
    }

    fn places(target: &Target) -> Places<'_> {
        Places { target, at: &target.names.parked, successor_at: &target.names.service }
    }

    fn seen(resource_id: &str, status: &str) -> DbInstance {
        let tags = tags::mark("arn:this", Role::Verified).to_vec();
        DbInstance::builder().dbi_resource_id(resource_id).db_instance_status(status).set_tag_list(Some(tags)).build()
    }

    fn named(identifier: &str, pending: Option<&str>) -> DbInstance {
        let pending = PendingModifiedValues::builder().set_db_instance_identifier(pending.map(str::to_owned)).build();
        DbInstance::builder().db_instance_identifier(identifier).pending_modified_values(pending).build()
    }

    #[test]
    fn the_original_is_deleted_only_when_the_verified_database_is_available() {
        let check =
            |found: Option<DbInstance>| check_successor(&request(), places(&target()), "db-NEW", found.as_ref());
        assert_eq!(check(Some(seen("db-NEW", "available"))).unwrap(), DeletionOutcome::Accepted);
        assert_eq!(check(Some(seen("db-NEW", "backing-up"))).unwrap(), DeletionOutcome::Busy);
        for (found, why) in [
            (None, "nothing is under orders"),
            (Some(seen("db-X", "available")), "db-X"),
            (Some(seen("db-NEW", "storage-full")), "storage-full"),
            (Some(seen("db-NEW", "stopped")), "stopped"),
            (Some(seen("db-NEW", "deleting")), "deleting"),
        ] {
            let error = check(found).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Deletion);
            assert!(error.report().contains(why) && error.report().contains("orders-temp"), "{}", error.report());
        }
    }

    #[test]
    fn the_successors_own_tags_have_to_say_that_it_is_verified() {
        for tags in [vec![], tags::mark("arn:this", Role::Restored).into(), tags::mark("arn:x", Role::Verified).into()]
        {
            let mut found = seen("db-NEW", "available");
            found.tag_list = Some(tags);
            let error = check_successor(&request(), places(&target()), "db-NEW", Some(&found)).unwrap_err();
            assert!(error.report().contains("does not carry the claim"), "{}", error.report());
        }
    }

    #[test]
    fn the_original_is_never_its_own_successor() {
        let error =
            check_successor(&request(), places(&target()), "db-OLD", Some(&seen("db-OLD", "available"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deletion);
    }

    #[test]
    fn only_a_renamed_original_is_deleted() {
        let check = |present, moving_to| check_place(&request(), places(&target()), &named(present, moving_to));
        assert!(check("orders-temp", None).is_ok());
        assert!(check("orders", None).is_err());
        assert!(check("orders-old", None).is_err());
        assert!(check("orders-temp", Some("orders-old")).unwrap_err().report().contains("orders-old"));
    }
}
