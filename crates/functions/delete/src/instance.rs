//! Deletes the original DB instance, or the instance that a failed restore left under its name.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::claim::{self, Lookup};
use trapheus_common::document::{DeleteEvent, DiscardEvent, OriginalInstance, StepOutput, TaskName};
use trapheus_common::lambda::Invocation;
use trapheus_common::rds::Database;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Result, rds};

use crate::discard::{Discard, Patience, Way, way};
use crate::{
    Members, between_names, delete_original, foreign, found_again, is_untouched, noted, shows_whose_it_is, survivor,
};

/// Deletes the original once its successor is committed, one step at a time.
pub async fn delete(rds: &Client, event: DeleteEvent<OriginalInstance>) -> Result<StepOutput> {
    delete_original(rds, &event, async |_: &DbInstance, _| Ok(Members::default())).await
}

/// Clears a name of the restored instance, and deletes the instance. This is the first step of a rollback and, once the
/// original has returned, the last but one.
pub async fn discard(rds: &Client, event: DiscardEvent<OriginalInstance>, at: Invocation) -> Result<StepOutput> {
    let patience = Patience::of(&event, at);
    let DiscardEvent { request, plan, at: role, .. } = &event;
    let target = &plan.target();
    let name = target.names.of(*role)?;
    let output = StepOutput::done(TaskName::Discard, name.as_str());
    let is_original = |holder: &DbInstance| holder.is(&target.resource_id);
    let is_sure = |found: &Lookup<DbInstance>| {
        found.at(name).is_none_or(|holder| is_original(holder) || shows_whose_it_is(holder))
    };
    let instances = claim::look_until(async || Lookup::<DbInstance>::find(rds, target).await, is_sure).await?;
    let holder = instances.at(name);
    let Some(instance) = &instances.original else {
        return Ok(match holder {
            // A single read proves nothing: a rename hides the original for minutes.
            Some(_) => {
                noted(output.then_more(found_again(&target.resource_id)), survivor(target, "no longer exists", true))
            }
            None => output.then_more(between_names(target)),
        });
    };
    if instance.phase() == Phase::Deleting {
        let has_survivor = holder.is_some_and(|holder| !is_original(holder));
        return Ok(noted(output, survivor(target, "is being deleted", has_survivor)));
    }
    let (names, planned, members) = (&plan.names, plan.planned(), Members::default());
    let discard = Discard { rds, request, name, names, planned, members, patience };
    let aside = async || rds::instance(rds, names.aside.as_str()).await;
    let untouched = is_untouched(request, instance);
    if !untouched {
        claim::check_for_rollback(request, target, instance.tag_list())?;
    }
    match holder {
        Some(restored) if !untouched && !is_original(restored) => {
            if let Some(output) = discard.committed(restored, &output) {
                return Ok(output);
            }
            let was_in_service = restored.created_at().is_some();
            let way = way(DbInstance::KIND, restored.status(), was_in_service);
            if way == Way::Going {
                return Ok(discard.leaving(restored, output, was_in_service));
            }
            if let Some(why) = discard.missing(restored) {
                return Err(foreign(request, instance.name(), &[why]));
            }
            discard.clear_the_name(restored, way, output).await
        }
        None if !untouched => Ok(match aside().await?.filter(|aside| discard.missing(aside).is_none()) {
            Some(aside) => discard.kept_aside(&aside, output),
            None => output,
        }),
        _ => match aside().await? {
            Some(aside) => discard.remove_aside(&aside, output).await,
            None => Ok(output),
        },
    }
}
