//! Deleting the original DB instance, or what a failed restore left under its name.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, PendingModifiedValues};
use trapheus_common::claim::{self, Named, Proofs};
use trapheus_common::document::{
    DeleteEvent, DiscardEvent, Names, OriginalInstance, Planned, Request, StepOutput, TaskName,
};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::lambda::Invocation;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Result, rds};

use crate::{
    Asked, Deletion, Moved, NotDeleted, Patience, Places, Successor, Way, at_rest, available, awaited_long_enough,
    backups_kept, between_names, check_place, check_successor, committed, delete_instance, discarded, final_snapshot,
    foreign, found_again, gone, is_unprotected, is_untouched, is_verified, kept_aside, leaving, left_aside, move_aside,
    noted, nothing_to_keep, phase, settled, shows_whose_it_is, storage_work_ended, survivor, way,
};

/// Deletes the original once its successor is verified, one step at a time.
pub async fn delete(rds: &Client, event: DeleteEvent<OriginalInstance>) -> Result<StepOutput> {
    let target = &event.plan.target();
    let places = Places::of(&event, target)?;
    let DeleteEvent { request, plan, successor_at, commit, .. } = &event;
    let output = StepOutput::done(TaskName::Delete, places.at.as_str());
    let shows = |successor: Option<&DbInstance>| {
        successor.is_some_and(|one| is_verified(request, one.tag_list(), one.dbi_resource_id().unwrap_or_default()))
    };
    let instances = Named::<DbInstance>::find_beside(rds, target, *successor_at, shows).await?;
    let Some(instance) = &instances.original else {
        // Between two names neither answers, so one look does not prove that it is gone.
        return Ok(output.then_more(found_again(&target.resource_id)));
    };
    if phase(DatabaseKind::Instance, instance.db_instance_status()) == Phase::Deleting {
        return Ok(output.waiting_for(gone(&target.resource_id)));
    }
    claim::check(request, target, instance.tag_list())?;
    let moving_to = instance.pending_modified_values().and_then(PendingModifiedValues::db_instance_identifier);
    check_place(request, places, instance.db_instance_identifier(), moving_to)?;
    let holder = instances.at(places.successor_at).map(successor);
    if check_successor(request, places, &commit.resource_id, holder.as_ref())? == Asked::Busy {
        return Ok(output.then_more(available(places.successor_at, &commit.resource_id)));
    }
    let how = Deletion {
        final_snapshot: final_snapshot(request, &plan.names),
        delete_automated_backups: Some(!request.options.keep_automated_backups),
    };
    let again = found_again(&target.resource_id);
    if instance.deletion_protection() == Some(true) && !is_unprotected(rds, request, instance).await? {
        return Ok(output.then_more(again));
    }
    match delete_instance(rds, request, instance, how).await {
        Ok(Asked::Accepted) => Ok(output.waiting_for(gone(&target.resource_id))),
        Ok(Asked::Busy) => Ok(output.then_more(again)),
        Err(refusal) => Err(refusal.into_error(request, instance.db_instance_identifier())),
    }
}

/// Clears the original's name of what the restore left there, and removes it: the first step of a rollback and, once the
/// original is back, the last but one.
pub async fn discard(rds: &Client, event: DiscardEvent<OriginalInstance>, at: Invocation) -> Result<StepOutput> {
    let patience = Patience::of(&event, at);
    let DiscardEvent { request, plan, at: role, .. } = &event;
    let target = &plan.target();
    let name = target.names.of(*role)?;
    let output = StepOutput::done(TaskName::Discard, name.as_str());
    let is_original = |holder: &DbInstance| holder.dbi_resource_id() == Some(target.resource_id.as_str());
    let is_sure = |found: &Named<DbInstance>| {
        let holder = found.at(name);
        holder.is_none_or(|holder| is_original(holder) || shows_whose_it_is(DatabaseKind::Instance, holder))
    };
    let instances = claim::look_until(async || Named::<DbInstance>::find(rds, target).await, is_sure).await?;
    let holder = instances.at(name);
    let Some(instance) = &instances.original else {
        return Ok(match holder {
            // One look proves nothing: a rename hides it for minutes.
            Some(_) => {
                noted(output.then_more(found_again(&target.resource_id)), survivor(target, "no longer exists", true))
            }
            None => output.then_more(between_names(target)),
        });
    };
    if phase(DatabaseKind::Instance, instance.db_instance_status()) == Phase::Deleting {
        let has_survivor = holder.is_some_and(|holder| !is_original(holder));
        return Ok(noted(output, survivor(target, "is being deleted", has_survivor)));
    }
    let planned = plan.planned();
    let present = instance.db_instance_identifier();
    let discard = Discard { rds, request, name, names: &plan.names, planned, present, patience };
    if is_untouched(request, instance.db_instance_identifier(), instance.tag_list()) {
        return discard.remove_what_was_moved_aside(output).await;
    }
    claim::check_for_rollback(request, target, instance.tag_list())?;
    match holder {
        Some(holder) if !is_original(holder) => discard.clear_the_name(holder, output).await,
        Some(_) => discard.remove_what_was_moved_aside(output).await,
        None => discard.note_on_aside(output).await,
    }
}

struct Discard<'a> {
    rds: &'a Client,
    request: &'a Request,
    /// The name that the restored database is removed from.
    name: &'a DatabaseIdentifier,
    names: &'a Names,
    planned: Planned<'a>,
    /// The name that the original has now.
    present: Option<&'a str>,
    patience: Patience,
}

impl Discard<'_> {
    async fn clear_the_name(&self, restored: &DbInstance, output: StepOutput) -> Result<StepOutput> {
        let resource_id = restored.dbi_resource_id().unwrap_or_default();
        let status = restored.db_instance_status().unwrap_or_default();
        let way = way(DatabaseKind::Instance, restored.db_instance_status(), restored.instance_create_time().is_some());
        if way == Way::Going {
            let output = output.waiting_for(gone(resource_id));
            let was_in_service = restored.instance_create_time().is_some();
            return Ok(if was_in_service { noted(output, leaving(self.name.as_str(), resource_id)) } else { output });
        }
        if is_verified(self.request, restored.tag_list(), resource_id) {
            return Ok(committed(output, self.name, resource_id));
        }
        if let Some(why) = self.missing(restored) {
            return Err(foreign(self.request, self.present, "instance", &[why]));
        }
        match way {
            Way::Going | Way::BeingRenamed => Ok(output.then_more(found_again(resource_id))),
            Way::DeleteUnused => self.delete(restored, Deletion::ENTIRELY, output).await,
            Way::DeleteKeepingBackups => self.delete_keeping_backups(restored, output).await,
            Way::Await if !self.patience.is_over => Ok(output.then_more(at_rest(resource_id, self.patience.until))),
            Way::Await | Way::MoveAside => match move_aside(self.rds, self.request, self.names, restored).await? {
                Moved::UnderWay => Ok(output.then_more(found_again(resource_id))),
                Moved::Busy if self.patience.is_over => {
                    let output = noted(output, awaited_long_enough(self.name.as_str(), status));
                    self.delete_keeping_backups(restored, output).await
                }
                Moved::Busy => Ok(output.then_more(at_rest(resource_id, self.patience.until))),
                Moved::Refused => self.delete_keeping_backups(restored, output).await,
            },
        }
    }

    async fn aside(&self) -> Result<Option<DbInstance>> {
        rds::instance(self.rds, self.names.aside.as_str()).await
    }

    async fn note_on_aside(&self, output: StepOutput) -> Result<StepOutput> {
        let aside = self.aside().await?.filter(|aside| self.missing(aside).is_none());
        Ok(match aside {
            Some(aside) => noted(output, kept_aside(self.names, aside.dbi_resource_id().unwrap_or_default())),
            None => output,
        })
    }

    async fn remove_what_was_moved_aside(&self, output: StepOutput) -> Result<StepOutput> {
        let Some(aside) = self.aside().await? else { return Ok(output) };
        let resource_id = aside.dbi_resource_id().unwrap_or_default();
        if let Some(why) = self.missing(&aside) {
            return Ok(noted(output, left_aside(self.names, &why)));
        }
        let with_snapshot = Deletion {
            final_snapshot: Some(self.names.discarded_snapshot.clone()),
            delete_automated_backups: Some(true),
        };
        let status = aside.db_instance_status().unwrap_or_default();
        let Patience { aside_until, aside_is_over, .. } = self.patience;
        match way(DatabaseKind::Instance, aside.db_instance_status(), true) {
            Way::Going => Ok(noted(output.waiting_for(settled(Some(resource_id))), discarded(self.names, resource_id))),
            Way::BeingRenamed => Ok(output.then_more(found_again(resource_id))),
            Way::Await if !aside_is_over => Ok(output.then_more(at_rest(resource_id, aside_until))),
            Way::DeleteKeepingBackups => self.delete_keeping_backups(&aside, output).await,
            Way::Await | Way::MoveAside | Way::DeleteUnused => {
                if aside.deletion_protection() == Some(true) && !is_unprotected(self.rds, self.request, &aside).await? {
                    return Ok(output.then_more(found_again(resource_id)));
                }
                match delete_instance(self.rds, self.request, &aside, with_snapshot).await {
                    // The deletion takes as long as its snapshot, which is nothing to wait for.
                    Ok(Asked::Accepted) => {
                        Ok(noted(output.waiting_for(settled(Some(resource_id))), discarded(self.names, resource_id)))
                    }
                    Ok(Asked::Busy) if !aside_is_over => Ok(output.then_more(at_rest(resource_id, aside_until))),
                    Err(NotDeleted::StorageWork(_)) if !aside_is_over => {
                        Ok(output.then_more(storage_work_ended(resource_id, aside_until)))
                    }
                    Ok(Asked::Busy) | Err(NotDeleted::StorageWork(_)) => {
                        let output = noted(output, awaited_long_enough(self.names.aside.as_str(), status));
                        self.delete_keeping_backups(&aside, output).await
                    }
                    Err(NotDeleted::Status(_)) => self.delete_keeping_backups(&aside, output).await,
                    Err(refusal) => Err(refusal.into_error(self.request, aside.db_instance_identifier())),
                }
            }
        }
    }

    async fn delete_keeping_backups(&self, restored: &DbInstance, output: StepOutput) -> Result<StepOutput> {
        let identifier = restored.db_instance_identifier().unwrap_or_default();
        let resource_id = restored.dbi_resource_id().unwrap_or_default();
        let status = restored.db_instance_status().unwrap_or_default();
        // RDS names the time as soon as there is a backup.
        let has_backups = restored.latest_restorable_time().is_some();
        if restored.backup_retention_period().unwrap_or_default() <= 0 || !has_backups {
            return Err(nothing_to_keep(self.request, identifier, resource_id, status));
        }
        let note = backups_kept(identifier, resource_id, status);
        Ok(noted(self.delete(restored, Deletion::KEEPING_BACKUPS, output).await?, note))
    }

    async fn delete(&self, restored: &DbInstance, how: Deletion, output: StepOutput) -> Result<StepOutput> {
        let resource_id = restored.dbi_resource_id().unwrap_or_default();
        if restored.deletion_protection() == Some(true) && !is_unprotected(self.rds, self.request, restored).await? {
            return Ok(output.then_more(settled(Some(resource_id))));
        }
        match delete_instance(self.rds, self.request, restored, how).await {
            Ok(Asked::Accepted) => Ok(output.waiting_for(gone(resource_id))),
            Ok(Asked::Busy) => Ok(output.then_more(settled(Some(resource_id)))),
            Err(refusal) => Err(refusal.into_error(self.request, restored.db_instance_identifier())),
        }
    }

    fn missing(&self, restored: &DbInstance) -> Option<String> {
        Proofs::of_instance(restored).missing(self.request, &self.planned)
    }
}

fn successor(instance: &DbInstance) -> Successor<'_> {
    Successor {
        resource_id: instance.dbi_resource_id().unwrap_or_default(),
        status: instance.db_instance_status().unwrap_or_default(),
        tags: instance.tag_list(),
    }
}
