//! The rename of a DB instance.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::claim::{self, Named};
use trapheus_common::document::{Destination, OriginalInstance, RenameEvent, Request, StepOutput, Target, TaskName};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Phase};
use trapheus_common::{Result, tags};

use crate::{
    Position, check_instance_may_leave, check_instance_name_is_free, failed, found_again, has_other_modifications,
    is_deleting, position_of_instance, rename_instance, wanted,
};

/// Moves the original to its destination, one step at a time.
pub async fn rename(rds: &Client, event: RenameEvent<OriginalInstance>) -> Result<StepOutput> {
    let RenameEvent { request, plan, destination } = event;
    let original = &plan.original;
    let target = &original.target;
    let wanted = wanted(target, destination);
    let mut output = StepOutput::done(TaskName::Rename, wanted.as_str());
    // On the way home the claim may be gone for good, and keeps nothing from its name.
    let instances = match destination {
        Destination::Temporary => Named::<DbInstance>::find_claimed(rds, target).await?,
        Destination::Home => Named::<DbInstance>::find_surely(rds, target).await?,
    };
    let Some(instance) = &instances.original else {
        return not_found(target, destination, output, instances.at(&target.identifier));
    };
    let position = position_of_instance(instance, wanted);
    if destination == Destination::Home {
        if is_deleting(DatabaseKind::Instance, instance.db_instance_status()) {
            let holder = instances.at(&target.identifier);
            let has_survivor = holder.is_some_and(|holder| holder.dbi_resource_id() != instance.dbi_resource_id());
            return Ok(noted(output, original_is_going(target, has_survivor)));
        }
        if let Some(output) = at_home(&request, instance, &position, output.clone()) {
            return Ok(output);
        }
    }
    match destination {
        Destination::Temporary => claim::check(&request, target, instance.tag_list())?,
        Destination::Home => claim::check_for_rollback(&request, target, instance.tag_list())?,
    }
    let is_carried_out = position == Position::Elsewhere && has_other_modifications(instance.pending_modified_values());
    let position = match position {
        Position::Elsewhere => move_it(rds, instance, target, destination, instances.at(wanted)).await?,
        position => position,
    };
    if is_carried_out {
        output.notes.push("modifications that somebody left pending are carried out with the rename".to_owned());
    }
    let goal = |identifier: &DatabaseIdentifier| Goal::Available {
        identifier: identifier.clone(),
        resource_id: Some(target.resource_id.clone()),
        members: Vec::new(),
    };
    Ok(match &position {
        Position::There | Position::UnderWay => output.waiting_for(goal(wanted)),
        Position::Busy { at } => output.then_more(goal(at)),
        Position::Elsewhere => output.then_more(goal(wanted)),
    })
}

async fn move_it(
    rds: &Client,
    instance: &DbInstance,
    target: &Target,
    destination: Destination,
    holder: Option<&DbInstance>,
) -> Result<Position> {
    let wanted = wanted(target, destination);
    match destination {
        Destination::Temporary => {
            if is_deleting(DatabaseKind::Instance, instance.db_instance_status()) {
                return Err(failed(target, "somebody is deleting this DB instance; nothing was renamed"));
            }
            check_instance_may_leave(instance, target, holder)?;
        }
        Destination::Home => check_instance_name_is_free(holder, target, wanted)?,
    }
    rename_instance(rds, instance, target, destination).await
}

/// Nothing to do in a rollback for an original that never left, or has nothing to wait for at home.
fn at_home(request: &Request, instance: &DbInstance, position: &Position, output: StepOutput) -> Option<StepOutput> {
    if *position != Position::There {
        return None;
    }
    let status = instance.db_instance_status().unwrap_or_default();
    if acceptor::phase(DatabaseKind::Instance, status) != Phase::Available {
        let note = format!("{} is under its own name, in status {status}", request.identifier);
        return Some(noted(output, note));
    }
    if has_other_modifications(instance.pending_modified_values()) {
        let note = format!("{} is under its own name and has modifications pending", request.identifier);
        return Some(noted(output, note));
    }
    // Never claimed, so never moved.
    tags::value(instance.tag_list(), tags::EXECUTION).is_none().then_some(output)
}

/// The original answers under no name: it is between two, or it is gone.
fn not_found(
    target: &Target,
    destination: Destination,
    output: StepOutput,
    holder: Option<&DbInstance>,
) -> Result<StepOutput> {
    match (destination, holder) {
        (Destination::Home, Some(_)) => Ok(noted(output, original_is_gone(target))),
        (Destination::Temporary, Some(holder)) => Err(failed(
            target,
            format!(
                "{} is now another database, {}; the one this run began with, {}, is gone. Nothing was renamed",
                target.identifier,
                holder.dbi_resource_id().unwrap_or("of unknown resource id"),
                target.resource_id
            ),
        )),
        (_, None) => Ok(output.then_more(found_again(target))),
    }
}

pub(crate) fn original_is_gone(target: &Target) -> String {
    format!(
        "the original ({}) no longer exists, so it cannot be put back: what is under {} now stays",
        target.resource_id, target.identifier
    )
}

pub(crate) fn original_is_going(target: &Target, has_survivor: bool) -> String {
    let what = if has_survivor { "keeps the database that it has now" } else { "has no other database" };
    format!(
        "the original ({}) is being deleted, so it cannot be put back: {} {what}",
        target.resource_id, target.identifier
    )
}

pub(crate) fn noted(mut output: StepOutput, note: String) -> StepOutput {
    output.notes.push(note);
    output
}
