//! Deletes databases: the renamed original after success (`delete`), or what a failed restore left (`discard`).
//!
//! [`instance`] and [`cluster`] hold both for their kind; this file has what they share. The original is deleted only under
//! the name that the state machine passes, claimed by this execution, with its committed successor available. A restored
//! database is discarded only if all four proofs of [`trapheus_common::claim::Proofs`] hold. Anything else is refused with
//! both databases kept. A database that is being deleted is done; one that does not answer is looked for again.
//!
//! A restored database that was in service holds what clients wrote. So `discard` first clears the name (`Way`), the original
//! gets it back, and only then `discard` deletes the database moved aside, with a final snapshot.
//!
//! A run that has committed is not rolled back: `discard` then reports the restored database and leaves it.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::delete_db_instance::DeleteDBInstanceError;
use aws_sdk_rds::operation::modify_db_instance::ModifyDBInstanceError;
use aws_sdk_rds::types::{DbInstance, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use trapheus_common::claim::Claim;
use trapheus_common::clock::Timestamp;
use trapheus_common::document::{DeleteEvent, DiscardEvent, Names, Original, Request, StepOutput, Target};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind, SnapshotIdentifier};
use trapheus_common::lambda::Invocation;
use trapheus_common::tags::Role;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Phase};
use trapheus_common::{Error, ErrorKind, Result, rds, tags};

pub mod cluster;
pub mod instance;

/// What came of asking RDS to delete something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Accepted,
    /// It is in a status that passes; ask again later.
    Busy,
}

fn available(identifier: &DatabaseIdentifier, resource_id: &str) -> Goal {
    Goal::Available { identifier: identifier.clone(), resource_id: Some(resource_id.to_owned()), members: Vec::new() }
}

/// The original, between two names while none of them has a holder: wherever it comes out, it is found again then.
fn between_names(target: &Target) -> Goal {
    Goal::Settled { resource_id: target.resource_id.clone(), may_be_gone: false }
}

/// A database that answers under no name, or has been asked to change its name: it is found again, or it is gone.
fn found_again(resource_id: &str) -> Goal {
    Goal::FoundAgain { resource_id: resource_id.to_owned(), until: None }
}

/// A restored database that RDS works on, and that takes a rename or a final snapshot afterwards.
fn at_rest(resource_id: &str, until: Timestamp) -> Goal {
    Goal::FoundAgain { resource_id: resource_id.to_owned(), until: Some(until) }
}

/// A database that takes no final snapshot while RDS works on its storage.
fn storage_work_ended(resource_id: &str, until: Timestamp) -> Goal {
    Goal::StorageWorkEnded { resource_id: resource_id.to_owned(), until }
}

/// What RDS is still busy with: however that ends, it can be asked again then.
fn settled(resource_id: Option<&str>) -> Goal {
    Goal::Settled { resource_id: resource_id.unwrap_or_default().to_owned(), may_be_gone: true }
}

fn gone(resource_id: &str) -> Goal {
    Goal::Gone { resource_ids: vec![resource_id.to_owned()] }
}

fn phase(kind: DatabaseKind, status: Option<&str>) -> Phase {
    acceptor::phase(kind, status.unwrap_or_default())
}

/// How a restored database gives up the name that clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is being deleted.
    Going,
    /// It is being renamed, and takes no other change before it has its new name.
    BeingRenamed,
    /// It is busy, and takes a rename afterwards.
    Await,
    /// It is renamed, and deleted once the original is back.
    MoveAside,
    /// It was never in service, and RDS refuses a final snapshot: it is deleted in place.
    DeleteUnused,
    /// It was in service, and RDS refuses both a rename and a final snapshot: its automated backups keep its data.
    DeleteKeepingBackups,
}

/// If in doubt, the database was in service; `was_available` as for [`acceptor::was_never_in_service`].
fn way(kind: DatabaseKind, status: Option<&str>, was_available: bool) -> Way {
    let status = status.unwrap_or_default();
    match acceptor::phase(kind, status) {
        Phase::Deleting => Way::Going,
        _ if acceptor::was_never_in_service(kind, status, was_available) => Way::DeleteUnused,
        Phase::Available => Way::MoveAside,
        Phase::Passing if status == "renaming" => Way::BeingRenamed,
        Phase::Passing => Way::Await,
        // RDS lets a full database be modified: that is how it gets more storage.
        Phase::Broken if status == "storage-full" => Way::MoveAside,
        Phase::Stopped | Phase::Broken => Way::DeleteKeepingBackups,
    }
}

/// How long a discard waits for RDS to end its work on a restored database. After that it takes the next way.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For a database that has the service name.
    until: Timestamp,
    is_over: bool,
    /// For a database that was moved aside: that one keeps no name from the original.
    aside_until: Timestamp,
    aside_is_over: bool,
}

impl Patience {
    fn of<O>(event: &DiscardEvent<O>, at: Invocation) -> Self {
        let now = at.clock.now();
        let (until, aside_until) = (event.awaits_until(), event.awaits_aside_until());
        Self { until, is_over: now >= until, aside_until, aside_is_over: now >= aside_until }
    }
}

/// What came of asking RDS to rename a restored database aside.
enum Moved {
    /// It is on its way, or another rename of it is.
    UnderWay,
    /// It is in a status that passes.
    Busy,
    /// It does not take a rename, and waiting does not help.
    Refused,
}

/// What a person has to know of a database that was moved aside and waits for its deletion.
fn kept_aside(names: &Names, resource_id: &str) -> String {
    format!(
        "the restored database ({resource_id}) may have been in service, so it was renamed to {}. Once the original has its name \
         back, {0} is deleted with the final snapshot {}",
        names.aside, names.discarded_snapshot
    )
}

/// Why a restored database is awaited no longer.
fn awaited_long_enough(identifier: &str, status: &str) -> String {
    format!(
        "RDS still works on the restored database {identifier} (status {status}), and the part of the rollback's time that \
         may be spent on waiting for that is over"
    )
}

/// What a person has to know of a database that was moved aside and is being deleted.
fn discarded(names: &Names, resource_id: &str) -> String {
    format!(
        "the restored database ({resource_id}) may have been in service, so it was renamed to {} and is being deleted with the final \
         snapshot {}, which holds everything that clients wrote to it. Delete that snapshot once you do not need it",
        names.aside, names.discarded_snapshot
    )
}

/// What a person has to know of a database whose automated backups are all that is kept of it.
fn backups_kept(identifier: &str, resource_id: &str, status: &str) -> String {
    format!(
        "the restored database {identifier} ({resource_id}) may have been in service and took neither a rename nor a final snapshot in \
         status {status}, so it is being deleted and its automated backups are retained: restore it to a point in time with \
         the source resource id {resource_id}"
    )
}

/// Why a restored database stays that was in service and of which nothing could be kept.
fn nothing_to_keep(request: &Request, identifier: &str, resource_id: &str, status: &str) -> Error {
    failed(
        request,
        format!(
            "the restored database {identifier} ({resource_id}) was not deleted: it may have been in service, its status {status} takes \
             neither a rename nor a final snapshot, and it has no automated backups, so its deletion would lose what clients \
             wrote. Save that, then delete it by hand"
        ),
    )
}

/// What a person has to know of a restored database that an earlier call, or a person, has begun to delete.
fn leaving(identifier: &str, resource_id: &str) -> String {
    format!(
        "the restored database {identifier} ({resource_id}) is being deleted: look for its final snapshot or its retained \
         automated backups if clients wrote to it"
    )
}

/// Why a database under the aside name is left alone.
fn left_aside(names: &Names, why: &str) -> String {
    format!("the database under {} was not removed: {why}", names.aside)
}

fn failed(request: &Request, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Deletion, request.identifier.as_str(), message)
}

fn noted(mut output: StepOutput, note: impl Into<String>) -> StepOutput {
    output.notes.push(note.into());
    output
}

/// The name of the snapshot RDS takes of the original before it goes, if the deployment wants one.
fn final_snapshot(request: &Request, names: &Names) -> Option<SnapshotIdentifier> {
    request.options.final_snapshot.then(|| names.final_snapshot.clone())
}

/// The database that took the original's place, as one look showed it.
struct Successor<'a> {
    resource_id: &'a str,
    status: &'a str,
    tags: &'a [Tag],
}

/// Whether a database says itself that this execution has verified it. The tags were written right before, so they may show
/// late.
fn is_verified(request: &Request, tags: &[Tag], resource_id: &str) -> bool {
    Claim::of(tags, resource_id).is_some_and(|claim| claim.is_by(&request.execution) && claim.has_role(Role::Verified))
}

/// Whether a database shows whose it is: its tags, written when it was created, may show late. One that is going tells
/// nothing more.
fn shows_whose_it_is(kind: DatabaseKind, database: &impl rds::Database) -> bool {
    Claim::on(database).is_some() || phase(kind, database.status()) == Phase::Deleting
}

/// Whether the original may go: its successor has to be the verified one, and available.
///
/// `Busy` where the successor is in a status that passes, such as its first automated backup.
fn check_successor(
    request: &Request,
    places: Places<'_>,
    verified: &str,
    successor: Option<&Successor<'_>>,
) -> Result<Asked> {
    let Places { target, at: kept, successor_at: name } = places;
    let Some(&Successor { resource_id, status, tags }) = successor else {
        return Err(failed(request, format!("{kept} was not deleted, because nothing is under {name} any more")));
    };
    if resource_id != verified || resource_id == target.resource_id {
        return Err(failed(
            request,
            format!(
                "{kept} was not deleted, because {name} is {resource_id} now, not the database that was restored and \
                 verified, {verified}"
            ),
        ));
    }
    if !is_verified(request, tags, resource_id) {
        return Err(failed(
            request,
            format!(
                "{kept} was not deleted, because {name} does not carry the claim that says it was verified by this \
                 execution: its tags were changed. Delete {kept} by hand once you do not need it"
            ),
        ));
    }
    match acceptor::phase(request.kind, status) {
        Phase::Available => Ok(Asked::Accepted),
        Phase::Passing => Ok(Asked::Busy),
        Phase::Deleting | Phase::Stopped | Phase::Broken => Err(failed(
            request,
            format!(
                "{kept} was not deleted, because the restored database {name} is in status {status}. Delete {kept} by \
                 hand once that one works"
            ),
        )),
    }
}

/// The original that is deleted, with the names that it and its successor have to have.
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

/// The original is deleted only under the name that it was renamed to, never under the name that clients connect to.
fn check_place(request: &Request, places: Places<'_>, present: Option<&str>, moving_to: Option<&str>) -> Result<()> {
    let Places { target, at, .. } = places;
    let present = present.unwrap_or_default();
    if present != at.as_str() || present == request.identifier.as_str() {
        return Err(failed(
            request,
            format!(
                "the original ({}) was not deleted, because it is under {present}, not under {at}",
                target.resource_id
            ),
        ));
    }
    match moving_to {
        None => Ok(()),
        Some(next) => Err(failed(request, format!("{present} was not deleted, because it is being renamed to {next}"))),
    }
}

fn backup_quota(request: &Request, identifier: &str) -> Error {
    failed(
        request,
        format!(
            "{0} was not deleted: its automated backups are to be kept, and the account holds its quota of retained \
             automated backups (40 in a region). Delete retained backups that are not needed (RDS console, Automated \
             backups, Retained) or have the quota raised, then delete {0} by hand; the restored {1} works",
            identifier, request.identifier
        ),
    )
}

/// Databases that this execution may not remove keep a rollback from the name.
fn foreign(request: &Request, present: Option<&str>, noun: &str, found: &[String]) -> Error {
    failed(
        request,
        format!(
            "nothing was removed and the original stays under {temporary}, because not everything under its names was made \
             by this execution: {found}. To put the original back by hand: `aws rds modify-db-{noun} --db-{noun}-identifier \
             {home} --new-db-{noun}-identifier <another name> --apply-immediately`, and once that is done `aws rds \
             modify-db-{noun} --db-{noun}-identifier {temporary} --new-db-{noun}-identifier {home} --apply-immediately`",
            temporary = present.unwrap_or_default(),
            home = request.identifier,
            found = found.join("; "),
        ),
    )
}

/// Whether a database is under its own name and was never claimed, so never touched: nothing to undo, nothing to check.
fn is_untouched(request: &Request, present: Option<&str>, tag_list: &[Tag]) -> bool {
    present == Some(request.identifier.as_str()) && tags::value(tag_list, tags::EXECUTION).is_none()
}

/// The output of a rollback that finds the run committed: the restored database stays.
fn committed(output: StepOutput, identifier: &DatabaseIdentifier, resource_id: &str) -> StepOutput {
    let output = StepOutput { committed: Some(resource_id.to_owned()), ..output };
    noted(output, format!("the restored database {identifier} ({resource_id}) is verified, so it stays"))
}

/// Why nothing is removed beside an original that is gone or going: what is left may be the only copy.
fn survivor(target: &Target, why: &str, has_survivor: bool) -> String {
    let what = if has_survivor { "is the survivor" } else { "has no other database" };
    format!("the original ({}) {why}; {} {what}, and nothing was removed", target.resource_id, target.identifier())
}

/// Lifts the protection of a DB instance, and says whether that shows already.
async fn is_unprotected(rds: &Client, request: &Request, instance: &DbInstance) -> Result<bool> {
    let identifier = instance.db_instance_identifier().unwrap_or_default();
    let call =
        rds.modify_db_instance().db_instance_identifier(identifier).deletion_protection(false).apply_immediately(true);
    // Boxed, because the future of a call with so many parameters would make every caller's as large.
    let refused = Box::pin(call.send()).await.err();
    let Some(now) = look_again(rds, instance).await? else { return Ok(false) };
    if now.deletion_protection() != Some(true) {
        return Ok(true);
    }
    let is_about_status = |e: &ModifyDBInstanceError| e.is_invalid_db_instance_state_fault();
    match refused {
        None => Ok(false),
        Some(error) if error.as_service_error().is_some_and(is_about_status) && is_passing(&now) => Ok(false),
        Some(error) => {
            let doing = format!("{identifier} was not deleted: cannot lift its deletion protection");
            Err(Error::from_aws(ErrorKind::Deletion, request.identifier.as_str(), doing, &error))
        }
    }
}

/// How a DB instance goes.
struct Deletion {
    final_snapshot: Option<SnapshotIdentifier>,
    /// Absent for a member of an Aurora cluster, whose backups are the cluster's.
    delete_automated_backups: Option<bool>,
}

impl Deletion {
    /// All its automated backups are kept.
    const KEEPING_BACKUPS: Self = Self { final_snapshot: None, delete_automated_backups: Some(false) };
    /// Nothing of it is kept.
    const ENTIRELY: Self = Self { final_snapshot: None, delete_automated_backups: Some(true) };
    const OF_A_MEMBER: Self = Self { final_snapshot: None, delete_automated_backups: None };
}

/// Deletes a DB instance.
async fn delete_instance(
    rds: &Client,
    request: &Request,
    instance: &DbInstance,
    how: Deletion,
) -> std::result::Result<Asked, NotDeleted> {
    let identifier = instance.db_instance_identifier().unwrap_or_default();
    let call = rds
        .delete_db_instance()
        .db_instance_identifier(identifier)
        .skip_final_snapshot(how.final_snapshot.is_none())
        .set_final_db_snapshot_identifier(how.final_snapshot.map(String::from))
        .set_delete_automated_backups(how.delete_automated_backups);
    let Err(error) = Box::pin(call.send()).await else {
        tracing::info!(db.identifier = identifier, "deleting the DB instance");
        return Ok(Asked::Accepted);
    };
    // The answer may have been lost while the call was carried out, so what is there now decides.
    let Some(now) = look_again(rds, instance).await? else { return Ok(Asked::Busy) };
    if phase(DatabaseKind::Instance, now.db_instance_status()) == Phase::Deleting {
        return Ok(Asked::Accepted);
    }
    let is_about_status =
        |e: &DeleteDBInstanceError| e.is_invalid_db_instance_state_fault() || e.is_invalid_db_cluster_state_fault();
    if error.as_service_error().is_some_and(is_about_status) {
        return if is_passing(&now) {
            Ok(Asked::Busy)
        } else {
            Err(NotDeleted::of_status(now.db_instance_status(), cannot_delete(request, identifier, &error)))
        };
    }
    Err(NotDeleted::of_instance(request, identifier, &error))
}

/// Why a deletion was not accepted.
enum NotDeleted {
    /// The quota of retained automated backups.
    BackupQuota,
    /// RDS works on the storage of the database, which may take days, and takes no final snapshot meanwhile.
    StorageWork(Error),
    /// The status, which does not pass.
    Status(Error),
    Failed(Error),
}

fn cannot_delete(request: &Request, identifier: &str, error: &SdkError<DeleteDBInstanceError, HttpResponse>) -> Error {
    let doing = format!("cannot delete the DB instance {identifier}");
    Error::from_aws(ErrorKind::Deletion, request.identifier.as_str(), doing, error)
}

impl NotDeleted {
    fn of_status(status: Option<&str>, error: Error) -> Self {
        let is_storage_work = status.is_some_and(acceptor::is_lasting_in_service);
        if is_storage_work { Self::StorageWork(error) } else { Self::Status(error) }
    }

    fn of_instance(request: &Request, identifier: &str, error: &SdkError<DeleteDBInstanceError, HttpResponse>) -> Self {
        if error.as_service_error().is_some_and(|e| e.is_db_instance_automated_backup_quota_exceeded_fault()) {
            return Self::BackupQuota;
        }
        Self::Failed(cannot_delete(request, identifier, error))
    }

    fn into_error(self, request: &Request, identifier: Option<&str>) -> Error {
        match self {
            Self::BackupQuota => backup_quota(request, identifier.unwrap_or_default()),
            Self::StorageWork(error) | Self::Status(error) | Self::Failed(error) => error,
        }
    }
}

impl From<Error> for NotDeleted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Asks for the rename of a restored DB instance that is in the way.
async fn move_aside(rds: &Client, request: &Request, names: &Names, restored: &DbInstance) -> Result<Moved> {
    let present = restored.db_instance_identifier().unwrap_or_default();
    if has_pending_rename(restored) {
        return Ok(Moved::UnderWay);
    }
    let call = rds
        .modify_db_instance()
        .db_instance_identifier(present)
        .new_db_instance_identifier(&names.aside)
        .apply_immediately(true);
    let Err(error) = Box::pin(call.send()).await else {
        tracing::info!(
            db.identifier = present,
            db.new_identifier = names.aside.as_str(),
            "moving the restored DB instance aside"
        );
        return Ok(Moved::UnderWay);
    };
    // The answer may have been lost while the call was carried out, so what is there now decides.
    let Some(now) = look_again(rds, restored).await? else { return Ok(Moved::UnderWay) };
    if now.db_instance_identifier() != Some(present) || has_pending_rename(&now) {
        return Ok(Moved::UnderWay);
    }
    let is = |fault: fn(&ModifyDBInstanceError) -> bool| error.as_service_error().is_some_and(fault);
    let is_about_status = is(ModifyDBInstanceError::is_invalid_db_instance_state_fault)
        || is(ModifyDBInstanceError::is_db_instance_not_found_fault);
    match phase(DatabaseKind::Instance, now.db_instance_status()) {
        Phase::Passing | Phase::Deleting if is_about_status => Ok(Moved::Busy),
        Phase::Broken | Phase::Stopped if is_about_status => Ok(Moved::Refused),
        _ => {
            let doing = format!("cannot rename the restored {present} to {}", names.aside);
            Err(Error::from_aws(ErrorKind::Deletion, request.identifier.as_str(), doing, &error))
        }
    }
}

fn has_pending_rename(instance: &DbInstance) -> bool {
    instance.pending_modified_values().is_some_and(|pending| pending.db_instance_identifier().is_some())
}

async fn look_again(rds: &Client, instance: &DbInstance) -> Result<Option<DbInstance>> {
    rds::instance_by_resource_id(rds, instance.dbi_resource_id().unwrap_or_default()).await
}

fn is_passing(instance: &DbInstance) -> bool {
    phase(DatabaseKind::Instance, instance.db_instance_status()) == Phase::Passing
}

#[cfg(test)]
mod tests {
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

    fn seen(resource_id: &'static str, status: &'static str) -> Successor<'static> {
        let tags = tags::mark("arn:this", Role::Verified).to_vec();
        Successor { resource_id, status, tags: tags.leak() }
    }

    #[test]
    fn the_original_may_go_only_when_the_verified_one_is_available() {
        let check =
            |found: Option<Successor<'_>>| check_successor(&request(), places(&target()), "db-NEW", found.as_ref());
        assert_eq!(check(Some(seen("db-NEW", "available"))).unwrap(), Asked::Accepted);
        assert_eq!(check(Some(seen("db-NEW", "backing-up"))).unwrap(), Asked::Busy);
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
    fn the_successor_has_to_say_itself_that_it_is_verified() {
        for tags in [vec![], tags::mark("arn:this", Role::Restored).into(), tags::mark("arn:x", Role::Verified).into()]
        {
            let found = Successor { tags: &tags, ..seen("db-NEW", "available") };
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
    fn only_what_was_moved_out_of_the_way_is_deleted() {
        let check = |present, moving_to| check_place(&request(), places(&target()), Some(present), moving_to);
        assert!(check("orders-temp", None).is_ok());
        assert!(check("orders", None).is_err());
        assert!(check("orders-old", None).is_err());
        assert!(check("orders-temp", Some("orders-old")).unwrap_err().report().contains("orders-old"));
    }

    #[test]
    fn the_way_out_of_the_name_depends_on_the_status_and_on_former_service() {
        use DatabaseKind::{Cluster, Instance};
        for (kind, status, was_available, expected) in [
            (Instance, "creating", false, Way::DeleteUnused),
            (Instance, "failed", false, Way::DeleteUnused),
            (Instance, "incompatible-network", false, Way::DeleteUnused),
            (Instance, "incompatible-restore", false, Way::DeleteUnused),
            (Instance, "incompatible-restore", true, Way::DeleteKeepingBackups),
            (Cluster, "incompatible-restore", true, Way::DeleteUnused),
            (Instance, "storage-full", false, Way::DeleteUnused),
            (Instance, "failed", true, Way::DeleteKeepingBackups),
            (Instance, "incompatible-parameters", true, Way::DeleteKeepingBackups),
            (Instance, "inaccessible-encryption-credentials", true, Way::DeleteKeepingBackups),
            (Instance, "stopped", true, Way::DeleteKeepingBackups),
            (Instance, "storage-full", true, Way::MoveAside),
            (Instance, "available", true, Way::MoveAside),
            // In doubt it was in service.
            (Instance, "available", false, Way::MoveAside),
            (Instance, "storage-initialization", true, Way::MoveAside),
            (Instance, "backing-up", true, Way::Await),
            // Without a time of creation it has never been available.
            (Instance, "modifying", false, Way::DeleteUnused),
            (Instance, "modifying", true, Way::Await),
            (Instance, "a-status-of-tomorrow", true, Way::Await),
            (Instance, "renaming", true, Way::BeingRenamed),
            (Instance, "deleting", true, Way::Going),
            (Cluster, "migrating", true, Way::DeleteUnused),
            (Cluster, "migration-failed", true, Way::DeleteUnused),
            (Cluster, "failed", true, Way::DeleteKeepingBackups),
            (Cluster, "available", true, Way::MoveAside),
        ] {
            assert_eq!(way(kind, Some(status), was_available), expected, "{kind} {status} {was_available}");
        }
    }

    #[test]
    fn a_final_snapshot_is_taken_where_the_deployment_wants_one() {
        let names = Names::rename_first(&request());
        assert_eq!(final_snapshot(&request(), &names), Some(names.final_snapshot.clone()));
        let mut without = request();
        without.options.final_snapshot = false;
        assert_eq!(final_snapshot(&without, &names), None);
    }
}
