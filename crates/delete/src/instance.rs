//! Deleting the original DB instance, or what a failed restore left under its name.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, PendingModifiedValues};
use trapheus_common::Result;
use trapheus_common::claim::{self, Named, Proofs};
use trapheus_common::document::{DeleteEvent, OriginalInstance, Request, StepEvent, StepOutput, Target, TaskName};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::wait::acceptor::Phase;

use crate::{
    Asked, Deletion, Successor, available, check_place, check_successor, delete_instance, final_snapshot, foreign,
    found_again, gone, is_unprotected, is_untouched, noted, phase, settled, survivor,
};

/// Deletes the original once its successor is verified, one step at a time.
pub async fn delete(rds: &Client, event: DeleteEvent<OriginalInstance>) -> Result<StepOutput> {
    let DeleteEvent { request, plan, verification } = event;
    let original = &plan.original;
    let target = &original.target;
    let output = StepOutput::done(TaskName::Delete, target.temporary_identifier.as_str());
    let instances = Named::<DbInstance>::find_claimed(rds, target).await?;
    let Some(instance) = &instances.original else { return Ok(output) };
    if phase(DatabaseKind::Instance, instance.db_instance_status()) == Phase::Deleting {
        return Ok(output.waiting_for(gone(&target.resource_id)));
    }
    claim::check(&request, target, instance.tag_list())?;
    let moving_to = instance.pending_modified_values().and_then(PendingModifiedValues::db_instance_identifier);
    check_place(&request, target, instance.db_instance_identifier(), moving_to)?;
    let holder = instances.at(&request.identifier).map(successor);
    if check_successor(&request, target, &verification.resource_id, holder.as_ref())? == Asked::Busy {
        return Ok(output.then_more(available(&request.identifier, &verification.resource_id)));
    }
    let how = Deletion {
        final_snapshot: final_snapshot(&request, &plan.names),
        delete_automated_backups: Some(!request.options.keep_automated_backups),
    };
    let again = available(&target.temporary_identifier, &target.resource_id);
    if instance.deletion_protection() == Some(true) && !is_unprotected(rds, &request, instance).await? {
        return Ok(output.then_more(again));
    }
    match delete_instance(rds, &request, instance, how).await {
        Ok(Asked::Accepted) => Ok(output.waiting_for(gone(&target.resource_id))),
        Ok(Asked::Busy) => Ok(output.then_more(again)),
        Err(refusal) => Err(refusal.into_error(&request, target)),
    }
}

/// The first step of a rollback: removes what the restore left under the original's name.
pub async fn discard(rds: &Client, event: StepEvent<OriginalInstance>) -> Result<StepOutput> {
    let StepEvent { request, plan } = event;
    let original = &plan.original;
    let target = &original.target;
    let output = StepOutput::done(TaskName::Discard, request.identifier.as_str());
    let instances = Named::<DbInstance>::find(rds, target).await?;
    let holder = instances.at(&request.identifier);
    let Some(instance) = &instances.original else {
        return Ok(match holder {
            Some(_) => noted(output, survivor(target, "no longer exists")),
            // Between two names neither answers, and this is not the moment to conclude that it is gone.
            None => output.then_more(found_again(target)),
        });
    };
    if phase(DatabaseKind::Instance, instance.db_instance_status()) == Phase::Deleting {
        return Ok(noted(output, survivor(target, "is being deleted")));
    }
    if is_untouched(&request, instance.db_instance_identifier(), instance.tag_list()) {
        return Ok(output);
    }
    claim::check_for_rollback(&request, target, instance.tag_list())?;
    match holder {
        Some(holder) if holder.dbi_resource_id() != Some(target.resource_id.as_str()) => {
            remove(rds, &request, target, holder, output).await
        }
        _ => Ok(output),
    }
}

async fn remove(
    rds: &Client,
    request: &Request,
    target: &Target,
    restored: &DbInstance,
    output: StepOutput,
) -> Result<StepOutput> {
    let resource_id = restored.dbi_resource_id().unwrap_or_default();
    if phase(DatabaseKind::Instance, restored.db_instance_status()) == Phase::Deleting {
        return Ok(output.waiting_for(gone(resource_id)));
    }
    if let Some(why) = Proofs::of_instance(restored).missing(request, &[target]) {
        return Err(foreign(request, target, "instance", &[why]));
    }
    if restored.deletion_protection() == Some(true) && !is_unprotected(rds, request, restored).await? {
        return Ok(output.then_more(settled(Some(resource_id))));
    }
    match delete_instance(rds, request, restored, Deletion::ENTIRELY).await {
        Ok(Asked::Accepted) => Ok(output.waiting_for(gone(resource_id))),
        Ok(Asked::Busy) => Ok(output.then_more(settled(Some(resource_id)))),
        Err(refusal) => Err(refusal.into_error(request, target)),
    }
}

fn successor(instance: &DbInstance) -> Successor<'_> {
    Successor {
        resource_id: instance.dbi_resource_id().unwrap_or_default(),
        status: instance.db_instance_status().unwrap_or_default(),
        tags: instance.tag_list(),
    }
}
