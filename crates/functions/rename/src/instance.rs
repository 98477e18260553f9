//! The rename of a DB instance.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::document::{OriginalInstance, RenameEvent, StepOutput, TaskName};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Error, Result, tags};

use crate::{End, Position, Route, Seen, ask, displacing, failed, is_going, not_found, noted};

/// Renames the instance, one step at a time.
pub async fn rename(rds: &Client, event: RenameEvent<OriginalInstance>) -> Result<StepOutput> {
    let target = &event.target();
    let route = Route::of(&event, target)?;
    let mut output = StepOutput::done(TaskName::Rename, route.to.as_str());
    let instances = route.find::<DbInstance>(rds).await?;
    let Some(instance) = &instances.original else {
        return not_found(route, output, displacing(&instances, route));
    };
    let mut seen = Seen::of(instance, route, instances.at(route.to));
    let was_claimed = tags::value(instance.tag_list(), tags::EXECUTION).is_some();
    if let Some(notes) = unmoved(route, &seen, was_claimed) {
        output.notes.extend(notes);
        return Ok(output);
    }
    route.check_claim(&event.request, instance)?;
    loop {
        match decide(route, &seen) {
            Act::Rename => {
                if seen.has_other_modifications {
                    output = noted(output, "the rename carries out modifications that were pending".to_owned());
                }
                seen.position = ask(rds, instance, route).await?;
            }
            Act::End(end) => return end.output(output),
        }
    }
}

/// The next act of the step.
#[derive(Debug)]
enum Act {
    Rename,
    End(End),
}

/// Chooses the next act from the instance alone.
fn decide(route: Route<'_>, seen: &Seen) -> Act {
    let goal = |identifier: &DatabaseIdentifier| Goal::Available {
        identifier: identifier.clone(),
        resource_id: Some(route.target.resource_id.clone()),
        members: Vec::new(),
    };
    match &seen.position {
        Position::There | Position::UnderWay => Act::End(End::Wait { goal: goal(route.to), more: false }),
        Position::Busy { at } => Act::End(End::Wait { goal: goal(at), more: true }),
        Position::Elsewhere => match refusal(route, seen) {
            Some(error) => Act::End(End::Fail(error)),
            None => Act::Rename,
        },
    }
}

fn refusal(route: Route<'_>, seen: &Seen) -> Option<Error> {
    if seen.phase == Phase::Deleting && !route.after_failure {
        return Some(failed(route.target, "a person is deleting this DB instance; nothing was renamed"));
    }
    seen.refusal(route)
}

/// The notes for a reader if the step leaves the instance alone after a failure. A person deletes the instance, it has its
/// name and waiting would not change its status, or the run never renamed it.
fn unmoved(route: Route<'_>, seen: &Seen, was_claimed: bool) -> Option<Vec<String>> {
    if !route.after_failure {
        return None;
    }
    let Route { to, .. } = route;
    match (&seen.position, seen.phase) {
        (_, Phase::Deleting) => Some(vec![is_going(route, seen.holder.is_some())]),
        (Position::There, Phase::Available) if seen.has_other_modifications => {
            Some(vec![format!("{to} is under its own name and has modifications pending")])
        }
        (Position::There, Phase::Available) => (!was_claimed).then(Vec::new),
        (Position::There, _) => Some(vec![format!("{to} is under its own name, in status {}", seen.status)]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use trapheus_common::document::{DatabaseNames, Target};
    use trapheus_common::identifiers::DatabaseKind;

    use super::*;
    use crate::Holder;

    fn seen(position: Position, phase: Phase) -> Seen {
        Seen {
            kind: DatabaseKind::Instance,
            name: DatabaseIdentifier::reported("orders"),
            position,
            phase,
            status: "seen".to_owned(),
            has_pending_modifications: false,
            has_other_modifications: false,
            holder: None,
        }
    }

    fn in_route<T>(after_failure: bool, check: impl FnOnce(Route<'_>) -> T) -> T {
        let name = DatabaseIdentifier::reported;
        let names = DatabaseNames { service: name("orders"), parked: name("orders-temp"), staged: None };
        let target = &Target { names, resource_id: "db-1".to_owned() };
        check(Route { target, from: &target.names.service, to: &target.names.parked, after_failure })
    }

    #[test]
    fn an_instance_is_renamed_only_from_another_name_and_without_an_obstacle() {
        let busy = Position::Busy { at: DatabaseIdentifier::reported("orders-x") };
        let holder = || Some(Holder { resource_id: "db-2".to_owned(), status: "available".to_owned() });
        for after_failure in [false, true] {
            for position in [Position::There, Position::UnderWay, busy.clone(), Position::Elsewhere] {
                for phase in [Phase::Available, Phase::Passing, Phase::Deleting, Phase::Stopped, Phase::Broken] {
                    for (others, holder) in [(false, None), (true, None), (false, holder()), (true, holder())] {
                        let blocked = holder.is_some() || !after_failure && (others || phase == Phase::Deleting);
                        let plain = seen(position.clone(), phase);
                        let world = Seen { has_other_modifications: others, holder, ..plain };
                        let act = in_route(after_failure, |route| decide(route, &world));
                        match (&position, blocked) {
                            (Position::Elsewhere, true) => assert!(matches!(act, Act::End(End::Fail(_))), "{world:?}"),
                            (Position::Elsewhere, false) => assert!(matches!(act, Act::Rename), "{world:?}"),
                            (Position::Busy { .. }, _) => {
                                assert!(matches!(act, Act::End(End::Wait { more: true, .. })), "{world:?}");
                            }
                            _ => assert!(matches!(act, Act::End(End::Wait { more: false, .. })), "{world:?}"),
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_step_before_a_failure_never_leaves_an_instance_alone() {
        for phase in [Phase::Available, Phase::Deleting, Phase::Stopped] {
            assert_eq!(in_route(false, |route| unmoved(route, &seen(Position::There, phase), false)), None);
        }
    }

    #[test]
    fn an_instance_that_the_run_never_renamed_is_left_alone_after_a_failure() {
        let there =
            |phase, was_claimed| in_route(true, |route| unmoved(route, &seen(Position::There, phase), was_claimed));
        assert_eq!(there(Phase::Available, false), Some(Vec::new()));
        assert_eq!(there(Phase::Available, true), None);
        assert!(there(Phase::Stopped, true).unwrap()[0].contains("in status seen"));
        assert!(there(Phase::Deleting, true).unwrap()[0].contains("is being deleted"));
        assert_eq!(in_route(true, |route| unmoved(route, &seen(Position::Elsewhere, Phase::Available), false)), None);
    }
}
