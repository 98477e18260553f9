//! The discard: a restored database gives up its name, and the rollback deletes it once the original has returned.
//!
//! A DB instance and a DB cluster have the same ways out of a name. The step deletes the members of a cluster one by one; a
//! DB instance has none.

use aws_sdk_rds::Client;
use trapheus_common::claim::Ownership;
use trapheus_common::document::{DiscardEvent, Names, Planned, Request, StepOutput};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::lambda::Invocation;
use trapheus_common::rds::{Change, Changed, Changes, Database, Deletion, Refusal};
use trapheus_common::timestamp::Timestamp;
use trapheus_common::wait::acceptor::{self, Phase};
use trapheus_common::{Error, Result};

use crate::{
    DeletionOutcome, Members, NotDeleted, at_rest, delete_database, doing, failed, found_again, gone, is_unprotected,
    is_verified, noted, settled, storage_work_ended,
};

/// A rollback at work on the restored database.
pub(crate) struct Discard<'a> {
    pub(crate) rds: &'a Client,
    pub(crate) request: &'a Request,
    /// The name of the restored database.
    pub(crate) name: &'a DatabaseIdentifier,
    pub(crate) names: &'a Names,
    pub(crate) planned: Planned<'a>,
    pub(crate) members: Members,
    pub(crate) patience: Patience,
}

impl Discard<'_> {
    /// The reason why this execution may not delete the database.
    pub(crate) fn missing(&self, database: &impl Database) -> Option<String> {
        Ownership::of(database).missing(self.request, &self.planned)
    }

    /// The output for a database to which the run has committed.
    pub(crate) fn committed(&self, restored: &impl Database, output: &StepOutput) -> Option<StepOutput> {
        let is_committed = restored.phase() != Phase::Deleting && is_verified(self.request, restored);
        is_committed.then(|| {
            let resource_id = restored.resource_id().unwrap_or_default();
            let note = format!("the restored database {} ({resource_id}) is verified, so it stays", self.name);
            noted(StepOutput { committed: Some(resource_id.to_owned()), ..output.clone() }, note)
        })
    }

    /// Clears the name of a database that is proven to be the run's.
    pub(crate) async fn clear_the_name<D: Changes>(
        &self,
        restored: &D,
        way: Way,
        output: StepOutput,
    ) -> Result<StepOutput> {
        let resource_id = restored.resource_id().unwrap_or_default();
        match way {
            Way::Going | Way::DeleteUnused => self.delete(restored, Deletion::ENTIRELY, output).await,
            Way::BeingRenamed => Ok(output.then_more(found_again(resource_id))),
            Way::DeleteKeepingBackups => self.delete_keeping_backups(restored, output).await,
            Way::Await if !self.patience.is_over => Ok(output.then_more(at_rest(resource_id, self.patience.until))),
            Way::Await | Way::MoveAside => match self.move_aside(restored).await? {
                Moved::UnderWay => Ok(output.then_more(found_again(resource_id))),
                Moved::Busy if self.patience.is_over => {
                    let status = restored.status().unwrap_or_default();
                    let output = noted(output, awaited_long_enough(self.name.as_str(), status));
                    self.delete_keeping_backups(restored, output).await
                }
                Moved::Busy => Ok(output.then_more(at_rest(resource_id, self.patience.until))),
                Moved::Refused => self.delete_keeping_backups(restored, output).await,
            },
        }
    }

    /// The output for a restored database whose deletion has begun, by an earlier call or a person.
    pub(crate) fn leaving(&self, restored: &impl Database, output: StepOutput, was_in_service: bool) -> StepOutput {
        let resource_id = restored.resource_id().unwrap_or_default();
        let output = output.waiting_for(gone(resource_id));
        if was_in_service { noted(output, leaving(self.name.as_str(), resource_id)) } else { output }
    }

    /// The output while a database that was moved aside waits for its deletion.
    pub(crate) fn kept_aside(&self, aside: &impl Database, output: StepOutput) -> StepOutput {
        noted(output, kept_aside(self.names, aside.resource_id().unwrap_or_default()))
    }

    /// Requests the rename of a restored database that has the service name.
    async fn move_aside<D: Changes>(&self, restored: &D) -> Result<Moved> {
        if restored.pending_identifier().is_some() {
            return Ok(Moved::UnderWay);
        }
        let what = format!("cannot rename the restored {} to {}", restored.name(), self.names.aside);
        let change = Change::Rename(&self.names.aside);
        let (now, refused) = match restored.change(self.rds, change, doing(self.request, &what)).await? {
            Changed::Accepted | Changed::Failed { now: None, .. } => return Ok(Moved::UnderWay),
            Changed::Failed { now: Some(now), refused } => (now, refused),
        };
        if now.identifier() != restored.identifier() || now.pending_identifier().is_some() {
            return Ok(Moved::UnderWay);
        }
        let is_about_status = matches!(refused.refusal, Refusal::Status | Refusal::NotFound);
        match now.phase() {
            Phase::Passing | Phase::Deleting if is_about_status => Ok(Moved::Busy),
            Phase::Broken | Phase::Stopped if is_about_status => Ok(Moved::Refused),
            _ => Err(refused.error),
        }
    }

    /// Deletes the database that was moved aside, with a final snapshot.
    pub(crate) async fn remove_aside<D: Changes>(&self, aside: &D, output: StepOutput) -> Result<StepOutput> {
        let resource_id = aside.resource_id().unwrap_or_default();
        if let Some(why) = self.missing(aside) {
            return Ok(noted(output, left_aside(self.names, &why)));
        }
        let status = aside.status().unwrap_or_default();
        let Patience { aside_until, aside_is_over, .. } = self.patience;
        match way(D::KIND, aside.status(), true) {
            Way::Going => Ok(noted(output.waiting_for(settled(Some(resource_id))), discarded(self.names, resource_id))),
            Way::BeingRenamed => Ok(output.then_more(found_again(resource_id))),
            Way::Await if !aside_is_over => Ok(output.then_more(at_rest(resource_id, aside_until))),
            Way::DeleteKeepingBackups => self.delete_keeping_backups(aside, output).await,
            Way::Await | Way::MoveAside | Way::DeleteUnused => {
                if aside.is_protected() && !is_unprotected(self.rds, self.request, aside).await? {
                    return Ok(output.then_more(found_again(resource_id)));
                }
                let how = Deletion {
                    final_snapshot: Some(self.names.discarded_snapshot.clone()),
                    delete_automated_backups: Some(true),
                };
                match delete_database(self.rds, self.request, aside, &Members::default(), how).await {
                    // The deletion takes as long as its final snapshot, and no step needs to wait for it.
                    Ok(DeletionOutcome::Accepted) => {
                        Ok(noted(output.waiting_for(settled(Some(resource_id))), discarded(self.names, resource_id)))
                    }
                    Ok(DeletionOutcome::Busy) if !aside_is_over => {
                        Ok(output.then_more(at_rest(resource_id, aside_until)))
                    }
                    Err(NotDeleted::StorageWork(_)) if !aside_is_over => {
                        Ok(output.then_more(storage_work_ended(resource_id, aside_until)))
                    }
                    Ok(DeletionOutcome::Busy) | Err(NotDeleted::StorageWork(_)) => {
                        let output = noted(output, awaited_long_enough(self.names.aside.as_str(), status));
                        self.delete_keeping_backups(aside, output).await
                    }
                    Err(NotDeleted::Status(_)) => self.delete_keeping_backups(aside, output).await,
                    Err(refusal) => Err(refusal.into_error(self.request, aside.name())),
                }
            }
        }
    }

    async fn delete_keeping_backups<D: Changes>(&self, restored: &D, output: StepOutput) -> Result<StepOutput> {
        let resource_id = restored.resource_id().unwrap_or_default();
        let status = restored.status().unwrap_or_default();
        if !restored.has_automated_backups() {
            return Err(nothing_to_keep(self.request, restored.name(), resource_id, status));
        }
        let note = backups_kept(restored.name(), resource_id, status);
        Ok(noted(self.delete(restored, Deletion::KEEPING_BACKUPS, output).await?, note))
    }

    /// Deletes the members, then their database.
    async fn delete<D: Changes>(&self, restored: &D, how: Deletion, output: StepOutput) -> Result<StepOutput> {
        let resource_id = restored.resource_id();
        let is_deleting = restored.phase() == Phase::Deleting;
        if !is_deleting && restored.is_protected() && !is_unprotected(self.rds, self.request, restored).await? {
            return Ok(output.then_more(settled(resource_id)));
        }
        if self.members.delete(self.rds, self.request).await? == DeletionOutcome::Busy {
            return Ok(output.then_more(self.members.settled()));
        }
        let going = gone(resource_id.unwrap_or_default());
        if is_deleting {
            return Ok(output.waiting_for(going));
        }
        // The deletion follows at once, because without members no fact would show whether the cluster was in service.
        match delete_database(self.rds, self.request, restored, &self.members, how).await {
            Ok(DeletionOutcome::Accepted) => Ok(output.waiting_for(going)),
            Ok(DeletionOutcome::Busy) if self.members.0.is_empty() => Ok(output.then_more(settled(resource_id))),
            Ok(DeletionOutcome::Busy) => Ok(output.then_more(self.members.gone())),
            Err(refusal) => Err(refusal.into_error(self.request, restored.name())),
        }
    }
}

/// The way in which a restored database gives up the service name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// RDS is deleting the database.
    Going,
    /// RDS is renaming the database, which accepts no other change before it has its new name.
    BeingRenamed,
    /// The database is busy, and accepts a rename afterwards.
    Await,
    /// The step renames the database, and deletes it once the original has returned.
    MoveAside,
    /// The database was never in service, and RDS refuses a final snapshot: the step deletes it in place.
    DeleteUnused,
    /// The database was in service, and RDS refuses both a rename and a final snapshot. Its automated backups keep its
    /// data.
    DeleteKeepingBackups,
}

/// In doubt, the database was in service; `was_available` as for [`acceptor::was_never_in_service`].
pub(crate) fn way(kind: DatabaseKind, status: Option<&str>, was_available: bool) -> Way {
    let status = status.unwrap_or_default();
    match acceptor::phase(kind, status) {
        Phase::Deleting => Way::Going,
        _ if acceptor::was_never_in_service(kind, status, was_available) => Way::DeleteUnused,
        Phase::Available => Way::MoveAside,
        Phase::Passing if status == "renaming" => Way::BeingRenamed,
        Phase::Passing => Way::Await,
        // RDS allows modifications of a full database, which give it more storage.
        Phase::Broken if status == "storage-full" => Way::MoveAside,
        Phase::Stopped | Phase::Broken => Way::DeleteKeepingBackups,
    }
}

/// The end of a discard's wait for RDS to finish its work on a restored database. After it, the discard takes the next way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The end for a database that has the service name.
    until: Timestamp,
    is_over: bool,
    /// The end for an aside database, which blocks no name of the original.
    aside_until: Timestamp,
    aside_is_over: bool,
}

impl Patience {
    pub(crate) fn of<O>(event: &DiscardEvent<O>, at: Invocation) -> Self {
        let now = at.clock.now();
        let (until, aside_until) = (event.awaits_until(), event.awaits_aside_until());
        Self { until, is_over: now >= until, aside_until, aside_is_over: now >= aside_until }
    }
}

/// The outcome of the rename to the aside name.
enum Moved {
    /// This rename, or another one, is under way.
    UnderWay,
    /// The database has a status that passes.
    Busy,
    /// RDS refuses the rename, and waiting does not help.
    Refused,
}

/// The note on a database that was moved aside and waits for its deletion.
fn kept_aside(names: &Names, resource_id: &str) -> String {
    format!(
        "the restored database ({resource_id}) may have been in service, so it was renamed to {}. Once the original has its name \
         back, {0} is deleted with the final snapshot {}",
        names.aside, names.discarded_snapshot
    )
}

/// The reason why the discard no longer waits for a restored database.
fn awaited_long_enough(identifier: &str, status: &str) -> String {
    format!(
        "RDS still works on the restored database {identifier} (status {status}), and the rollback's time for this \
         wait is over"
    )
}

/// The note on an aside database that is being deleted.
fn discarded(names: &Names, resource_id: &str) -> String {
    format!(
        "the restored database ({resource_id}) may have been in service, so it was renamed to {}. RDS is deleting it \
         with the final snapshot {}, which holds everything that clients wrote to it. Delete that snapshot once you \
         do not need it",
        names.aside, names.discarded_snapshot
    )
}

/// The note on a deleted database of which RDS keeps only the automated backups.
fn backups_kept(identifier: &str, resource_id: &str, status: &str) -> String {
    format!(
        "the restored database {identifier} ({resource_id}) may have been in service and took no rename or final \
         snapshot in status {status}. RDS is deleting it, and its automated backups are retained. Restore it to a \
         point in time with the source resource id {resource_id}"
    )
}

/// The error for a restored database that was in service and of which RDS can keep nothing.
fn nothing_to_keep(request: &Request, identifier: &str, resource_id: &str, status: &str) -> Error {
    failed(
        request,
        format!(
            "the restored database {identifier} ({resource_id}) was not deleted: it may have been in service. Its \
             status {status} takes neither a rename nor a final snapshot, and it has no automated backups. A deletion \
             would lose the writes of clients. Save them, then delete the database by hand"
        ),
    )
}

/// The note on a restored database whose deletion has begun, by an earlier call or a person.
fn leaving(identifier: &str, resource_id: &str) -> String {
    format!(
        "the restored database {identifier} ({resource_id}) is being deleted: look for its final snapshot or its retained \
         automated backups if clients wrote to it"
    )
}

/// The reason why the discard does not touch a database under the aside name.
fn left_aside(names: &Names, why: &str) -> String {
    format!("the database under {} was not removed: {why}", names.aside)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            // In doubt, the database was in service.
            (Instance, "available", false, Way::MoveAside),
            (Instance, "storage-initialization", true, Way::MoveAside),
            (Instance, "backing-up", true, Way::Await),
            // Without a time of creation the database has never been available.
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
}
