//! The rename of a DB instance.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::document::{OriginalInstance, RenameEvent, StepOutput, TaskName};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::rds::Database;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Result, tags};

use crate::{
    Position, Route, ask, check_may_leave, check_name_is_free, displacing, failed, is_going, not_found, noted,
    position_of,
};

/// Renames the instance, one step at a time.
pub async fn rename(rds: &Client, event: RenameEvent<OriginalInstance>) -> Result<StepOutput> {
    let target = &event.target();
    let route = Route::of(&event, target)?;
    let mut output = StepOutput::done(TaskName::Rename, route.to.as_str());
    let instances = route.find::<DbInstance>(rds).await?;
    let Some(instance) = &instances.original else {
        return not_found(route, output, displacing(&instances, route));
    };
    let position = position_of(instance, route.to);
    if route.after_failure {
        if instance.phase() == Phase::Deleting {
            let has_survivor = instances.at(route.to).is_some_and(|holder| !holder.is(&target.resource_id));
            return Ok(noted(output, is_going(route, has_survivor)));
        }
        if let Some(output) = already_there(route, instance, &position, output.clone()) {
            return Ok(output);
        }
    }
    route.check_claim(&event.request, instance)?;
    let is_carried_out = position == Position::Elsewhere && instance.has_other_modifications();
    let position = match position {
        Position::Elsewhere => move_it(rds, instance, route, instances.at(route.to)).await?,
        position => position,
    };
    if is_carried_out {
        output.notes.push("the rename carries out modifications that were pending".to_owned());
    }
    let goal = |identifier: &DatabaseIdentifier| Goal::Available {
        identifier: identifier.clone(),
        resource_id: Some(target.resource_id.clone()),
        members: Vec::new(),
    };
    Ok(match &position {
        Position::There | Position::UnderWay => output.waiting_for(goal(route.to)),
        Position::Busy { at } => output.then_more(goal(at)),
        Position::Elsewhere => output.then_more(goal(route.to)),
    })
}

async fn move_it(
    rds: &Client,
    instance: &DbInstance,
    route: Route<'_>,
    holder: Option<&DbInstance>,
) -> Result<Position> {
    if route.after_failure {
        check_name_is_free(route, holder)?;
    } else {
        if instance.phase() == Phase::Deleting {
            return Err(failed(route.target, "a person is deleting this DB instance; nothing was renamed"));
        }
        check_may_leave(instance, route, holder)?;
    }
    ask(rds, instance, route).await
}

/// The output after a failure for a database that was never renamed, or has its name and needs no wait.
fn already_there(
    route: Route<'_>,
    instance: &DbInstance,
    position: &Position,
    output: StepOutput,
) -> Option<StepOutput> {
    if *position != Position::There {
        return None;
    }
    if instance.phase() != Phase::Available {
        let status = instance.status().unwrap_or_default();
        return Some(noted(output, format!("{} is under its own name, in status {status}", route.to)));
    }
    if instance.has_other_modifications() {
        return Some(noted(output, format!("{} is under its own name and has modifications pending", route.to)));
    }
    // A database without a claim was never renamed.
    tags::value(instance.tag_list(), tags::EXECUTION).is_none().then_some(output)
}
