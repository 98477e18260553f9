//! The decisions of a DB cluster's rename: pure functions from the last reads and calls to the next act.
//!
//! Members move before their cluster, because a cluster in a rename refuses changes of its members. Before the first rename
//! of a run that has not failed, every known obstacle ends the step. After a failure one obstacle does not stop the other
//! renames, and the step reports it once they are done.

use trapheus_common::Error;
use trapheus_common::document::Target;
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::wait::{Goal, MemberGoal};

use crate::{End, Position, Route, Seen, failed};

/// The cluster, its members, and the results of the calls so far.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) route: Route<'a>,
    pub(crate) cluster: Seen,
    /// Whether RDS refused the rename of the cluster.
    pub(crate) is_refused: bool,
    /// Absent until the step has looked for them.
    pub(crate) members: Option<Vec<Member<'a>>>,
    /// Whether the step looked for longer than a rename hides a member. Then a member that does not answer is deleted.
    pub(crate) has_searched: bool,
    /// The members that a person added during the run; absent until the step has looked for them.
    pub(crate) added: Option<Vec<String>>,
}

/// A member that the step renames.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) route: Route<'a>,
    pub(crate) found: Found,
    /// Whether RDS refused its rename.
    pub(crate) is_refused: bool,
}

/// A member as one read showed it.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Here(Seen),
    /// The member is between two names: the cluster lists it, and it does not answer.
    Moving {
        to: DatabaseIdentifier,
    },
    /// A person is deleting the member.
    Leaving,
    /// The member does not answer, and the cluster does not list it by a name of the plan.
    Absent,
}

/// The next act of the step.
#[derive(Debug)]
pub(crate) enum Act {
    LookForMembers,
    /// Look for members that a person added during the run.
    LookForAdded,
    /// Rename the member with this index.
    RenameMember(usize),
    RenameCluster,
    /// Report the refused renames.
    Report,
    End(End),
}

impl World<'_> {
    /// The next act. Every act changes the world, so a step ends after a few more acts than the cluster has members.
    pub(crate) fn decide(&self) -> Act {
        let Some(members) = &self.members else {
            return match &self.cluster.position {
                // A cluster in a rename refuses changes of its members.
                Position::Busy { at } => Act::End(End::Wait { goal: self.goal(at, Vec::new()), more: true }),
                _ => Act::LookForMembers,
            };
        };
        if !self.route.after_failure
            && let Some(error) = self.obstacle(members)
        {
            return Act::End(End::Fail(error));
        }
        if let Some(index) = members.iter().position(Member::has_to_move) {
            return Act::RenameMember(index);
        }
        let is_elsewhere = self.cluster.position == Position::Elsewhere;
        let is_moving = members.iter().any(Member::is_moving);
        if is_moving && is_elsewhere {
            return Act::End(End::Wait { goal: self.goal(&self.cluster.name, goals(members)), more: true });
        }
        if self.added.is_none() {
            return Act::LookForAdded;
        }
        match (is_elsewhere, self.is_refused) {
            (true, false) => Act::RenameCluster,
            (true, true) => Act::Report,
            (false, _) => self.end(members, is_moving),
        }
    }

    /// Whether the look for members lasts longer than a rename hides one. A deleted member does not keep its cluster from its
    /// name, so after a failure the step first gives the cluster its name.
    pub(crate) fn searches_longer(&self) -> bool {
        !self.route.after_failure || self.cluster.position == Position::There
    }

    /// The end of a step whose calls are made.
    fn end(&self, members: &[Member<'_>], is_moving: bool) -> Act {
        let has_refused = members.iter().any(|member| member.is_refused);
        let is_unfinished = has_refused || members.iter().any(|member| self.is_unfinished(member));
        let goals = goals(members);
        let (at, is_there, is_busy) = match &self.cluster.position {
            Position::Busy { at } => (at, false, true),
            position => (self.route.to, *position == Position::There, false),
        };
        if has_refused && is_there && !is_moving {
            return Act::Report;
        }
        if is_there && self.lasting_state().is_some() {
            let is_done = !is_moving && !is_unfinished;
            return Act::End(if is_done { End::Done } else { End::Wait { goal: settled(&goals), more: true } });
        }
        Act::End(End::Wait { goal: self.goal(at, goals), more: is_unfinished || is_busy })
    }

    /// The first fact that forbids the whole rename.
    fn obstacle(&self, members: &[Member<'_>]) -> Option<Error> {
        let target = self.route.target;
        if self.cluster.phase == Phase::Deleting {
            return Some(failed(target, "a person is deleting this DB cluster; nothing was renamed"));
        }
        let of_member = |member: &Member<'_>| match &member.found {
            Found::Leaving | Found::Absent => {
                let Route { from, target: gone, .. } = member.route;
                let message =
                    format!("its member {from} ({}) is gone: it was removed during the run", gone.resource_id);
                Some(failed(target, message))
            }
            Found::Moving { .. } => None,
            Found::Here(seen) => seen.refusal(member.route),
        };
        members.iter().find_map(of_member).or_else(|| self.cluster.refusal(self.route))
    }

    /// The facts for a reader of the run.
    pub(crate) fn notes(&self) -> Vec<String> {
        let Some(members) = &self.members else { return Vec::new() };
        let mut notes: Vec<String> = members.iter().filter_map(|member| self.note(member)).collect();
        if let Some(added) = self.added.as_ref().filter(|added| !added.is_empty()) {
            let added = added.join(", ");
            notes.push(format!("added to the cluster during the run, and left under the name it has: {added}"));
        }
        let state = self.lasting_state().filter(|_| self.cluster.position == Position::There);
        notes.extend(state.map(|state| format!("{} is under its own name, {state}", self.route.to)));
        notes
    }

    fn note(&self, member: &Member<'_>) -> Option<String> {
        let Target { resource_id, .. } = member.route.target;
        let identifier = member.route.target.identifier();
        match &member.found {
            Found::Leaving => Some(format!("the member {identifier} ({resource_id}) is being deleted")),
            Found::Absent if self.has_searched => {
                Some(format!("the member {identifier} ({resource_id}) no longer exists"))
            }
            Found::Here(seen) if member.is_left(seen) => {
                let pending = if seen.phase == Phase::Available { ", with modifications pending" } else { "" };
                let (to, status) = (member.route.to, &seen.status);
                Some(format!("the member {to} is under its own name in status {status}{pending}"))
            }
            _ => None,
        }
    }

    /// The state of the cluster that waiting does not change. After a failure the step does not wait for such a cluster.
    fn lasting_state(&self) -> Option<String> {
        if !self.route.after_failure {
            return None;
        }
        if self.cluster.phase != Phase::Available {
            return Some(format!("in status {}", self.cluster.status));
        }
        self.cluster.has_other_modifications.then(|| "with modifications pending".to_owned())
    }

    /// Whether the step has to call again for the member.
    fn is_unfinished(&self, member: &Member<'_>) -> bool {
        match &member.found {
            Found::Moving { to } => to != member.route.to,
            Found::Absent => !self.has_searched,
            Found::Here(seen) => matches!(seen.position, Position::Busy { .. }),
            Found::Leaving => false,
        }
    }

    fn goal(&self, identifier: &DatabaseIdentifier, members: Vec<MemberGoal>) -> Goal {
        let resource_id = Some(self.route.target.resource_id.clone());
        Goal::Available { identifier: identifier.clone(), resource_id, members }
    }
}

impl Member<'_> {
    fn has_to_move(&self) -> bool {
        let is_elsewhere = matches!(&self.found, Found::Here(seen) if seen.position == Position::Elsewhere);
        is_elsewhere && !self.is_refused
    }

    fn is_moving(&self) -> bool {
        match &self.found {
            Found::Moving { .. } => true,
            Found::Here(seen) => matches!(seen.position, Position::UnderWay | Position::Busy { .. }),
            Found::Leaving | Found::Absent => false,
        }
    }

    /// Whether the step leaves the member in its state: after a failure a stopped or broken member does not delay its
    /// cluster.
    fn is_left(&self, seen: &Seen) -> bool {
        let lasts = seen.phase != Phase::Available || seen.has_pending_modifications;
        self.route.after_failure && seen.position == Position::There && lasts
    }

    fn goal(&self) -> Option<MemberGoal> {
        let at = match &self.found {
            Found::Moving { to } => to,
            Found::Here(seen) if self.is_left(seen) => return None,
            Found::Here(seen) => match &seen.position {
                Position::There | Position::UnderWay => self.route.to,
                Position::Busy { at } => at,
                Position::Elsewhere => return None,
            },
            Found::Leaving | Found::Absent => return None,
        };
        let resource_id = Some(self.route.target.resource_id.clone()).filter(|id| !id.is_empty());
        Some(MemberGoal { identifier: at.clone(), resource_id })
    }
}

fn goals(members: &[Member<'_>]) -> Vec<MemberGoal> {
    members.iter().filter_map(Member::goal).collect()
}

fn settled(members: &[MemberGoal]) -> Goal {
    Goal::MembersSettled { resource_ids: members.iter().filter_map(|member| member.resource_id.clone()).collect() }
}

#[cfg(test)]
mod tests {
    use trapheus_common::document::DatabaseNames;
    use trapheus_common::identifiers::DatabaseKind;

    use super::*;
    use crate::Holder;

    fn name(text: &str) -> DatabaseIdentifier {
        DatabaseIdentifier::reported(text)
    }

    fn target(stem: &str) -> Target {
        let names = DatabaseNames { service: name(stem), parked: name(&format!("{stem}-temp")), staged: None };
        Target { names, resource_id: format!("id-of-{stem}") }
    }

    fn positions() -> Vec<Position> {
        vec![Position::There, Position::UnderWay, Position::Busy { at: name("elsewhere") }, Position::Elsewhere]
    }

    fn seen(position: Position) -> Seen {
        Seen {
            kind: DatabaseKind::Cluster,
            name: name("shop-temp"),
            position,
            phase: Phase::Available,
            status: "available".to_owned(),
            has_pending_modifications: false,
            has_other_modifications: false,
            holder: None,
        }
    }

    /// A database in every state that changes a decision.
    fn states() -> Vec<Seen> {
        let mut all = Vec::new();
        for position in positions() {
            let plain = seen(position);
            let holder = Some(Holder { resource_id: "another".to_owned(), status: "available".to_owned() });
            all.push(Seen { holder, ..plain.clone() });
            all.push(Seen { has_other_modifications: true, has_pending_modifications: true, ..plain.clone() });
            for (phase, status) in [(Phase::Deleting, "deleting"), (Phase::Stopped, "stopped")] {
                all.push(Seen { phase, status: status.to_owned(), ..plain.clone() });
            }
            all.push(plain);
        }
        all
    }

    fn findings() -> Vec<Found> {
        let here = states().into_iter().map(Found::Here);
        let moving = ["shop-1", "shop-1-temp"].map(|to| Found::Moving { to: name(to) });
        here.chain(moving).chain([Found::Leaving, Found::Absent]).collect()
    }

    /// The results of a call: RDS accepts it, is busy, has carried out an earlier one, or refuses it.
    #[derive(Clone, Copy, Debug)]
    enum Answer {
        Accepted,
        Busy,
        There,
        Refused,
    }

    impl Answer {
        const ALL: [Self; 4] = [Self::Accepted, Self::Busy, Self::There, Self::Refused];

        fn position(self) -> Option<Position> {
            match self {
                Self::Accepted => Some(Position::UnderWay),
                Self::Busy => Some(Position::Busy { at: name("elsewhere") }),
                Self::There => Some(Position::There),
                Self::Refused => None,
            }
        }
    }

    /// Every act of one step, in its order. Before a failure, a refused call of a member ends the step.
    fn acts<'a>(mut world: World<'a>, members: &[(Route<'a>, Found)], answer: Answer) -> Vec<Act> {
        let mut acts = Vec::new();
        for _ in 0..members.len() + 5 {
            let act = world.decide();
            match &act {
                Act::LookForMembers => {
                    world.has_searched = world.searches_longer();
                    let found = members.iter().cloned();
                    world.members =
                        Some(found.map(|(route, found)| Member { route, found, is_refused: false }).collect());
                }
                Act::LookForAdded => world.added = Some(Vec::new()),
                Act::RenameMember(index) => {
                    let member = &mut world.members.as_mut().unwrap()[*index];
                    match (answer.position(), &mut member.found) {
                        (Some(position), Found::Here(seen)) => seen.position = position,
                        (None, _) if world.route.after_failure => member.is_refused = true,
                        (None, _) => {
                            acts.push(act);
                            return acts;
                        }
                        (Some(_), found) => panic!("a rename was requested for {found:?}"),
                    }
                }
                Act::RenameCluster => match answer.position() {
                    Some(position) => world.cluster.position = position,
                    None => world.is_refused = true,
                },
                Act::Report | Act::End(_) => {
                    acts.push(act);
                    return acts;
                }
            }
            acts.push(act);
        }
        panic!("the step does not end: {acts:?}");
    }

    /// Calls `check` with every world of a cluster with two members, and with the acts of a step in it.
    fn in_every_world(mut check: impl FnMut(bool, &Seen, &[Found; 2], Answer, &[Act])) {
        let (cluster, one, two) = (target("shop"), target("shop-1"), target("shop-2"));
        for after_failure in [false, true] {
            let route = |target| route(target, after_failure);
            for of_cluster in states() {
                for first in findings() {
                    for second in findings() {
                        for answer in Answer::ALL {
                            let found = [first.clone(), second.clone()];
                            let members = [(route(&one), found[0].clone()), (route(&two), found[1].clone())];
                            let acts = acts(world(route(&cluster), of_cluster.clone()), &members, answer);
                            check(after_failure, &of_cluster, &found, answer, &acts);
                        }
                    }
                }
            }
        }
    }

    fn route(target: &Target, after_failure: bool) -> Route<'_> {
        Route { target, from: &target.names.parked, to: &target.names.service, after_failure }
    }

    fn world(route: Route<'_>, cluster: Seen) -> World<'_> {
        World { route, cluster, is_refused: false, members: None, has_searched: false, added: None }
    }

    fn renames(acts: &[Act]) -> usize {
        acts.iter().filter(|act| matches!(act, Act::RenameMember(_) | Act::RenameCluster)).count()
    }

    #[test]
    fn every_step_ends_and_requests_each_rename_at_most_once() {
        in_every_world(|_, cluster, found, answer, acts| {
            for (at, act) in acts.iter().enumerate() {
                let again = acts[at + 1..].iter().any(|later| match (act, later) {
                    (Act::RenameMember(one), Act::RenameMember(other)) => one == other,
                    (Act::RenameCluster, Act::RenameCluster) => true,
                    _ => false,
                });
                assert!(!again, "{cluster:?} {found:?} {answer:?} {acts:?}");
            }
        });
    }

    #[test]
    fn an_obstacle_before_a_failure_leaves_every_name_as_it_was() {
        let blocks = |seen: &Seen| {
            seen.position == Position::Elsewhere && (seen.has_other_modifications || seen.holder.is_some())
        };
        let mut worlds = 0;
        in_every_world(|after_failure, cluster, found, answer, acts| {
            let is_blocked = blocks(cluster)
                || cluster.phase == Phase::Deleting
                || found.iter().any(|found| match found {
                    Found::Here(seen) => blocks(seen),
                    Found::Leaving | Found::Absent => true,
                    Found::Moving { .. } => false,
                });
            if after_failure || !is_blocked || matches!(cluster.position, Position::Busy { .. }) {
                return;
            }
            worlds += 1;
            assert_eq!(renames(acts), 0, "{cluster:?} {found:?} {answer:?} {acts:?}");
            assert!(matches!(acts.last(), Some(Act::End(End::Fail(_)))), "{cluster:?} {found:?} {acts:?}");
        });
        assert!(worlds > 1_000, "{worlds}");
    }

    #[test]
    fn a_cluster_is_renamed_only_once_no_member_is_between_two_names() {
        in_every_world(|_, cluster, found, answer, acts| {
            if !acts.iter().any(|act| matches!(act, Act::RenameCluster)) {
                return;
            }
            let moves = |found: &Found| match found {
                Found::Moving { .. } => true,
                Found::Here(seen) => match seen.position {
                    Position::UnderWay | Position::Busy { .. } => true,
                    Position::Elsewhere => matches!(answer, Answer::Accepted | Answer::Busy),
                    Position::There => false,
                },
                Found::Leaving | Found::Absent => false,
            };
            assert!(!found.iter().any(moves), "{cluster:?} {found:?} {answer:?} {acts:?}");
        });
    }

    #[test]
    fn a_refused_rename_after_a_failure_does_not_stop_the_others_and_is_reported() {
        let is_elsewhere = |found: &Found| matches!(found, Found::Here(seen) if seen.position == Position::Elsewhere);
        in_every_world(|after_failure, cluster, found, answer, acts| {
            if !after_failure || matches!(cluster.position, Position::Busy { .. }) || !matches!(answer, Answer::Refused)
            {
                return;
            }
            let asked = acts.iter().filter(|act| matches!(act, Act::RenameMember(_))).count();
            assert_eq!(
                asked,
                found.iter().filter(|found| is_elsewhere(found)).count(),
                "{cluster:?} {found:?} {acts:?}"
            );
            let is_done = matches!(acts.last(), Some(Act::End(End::Done | End::Wait { more: false, .. })));
            assert!(renames(acts) == 0 || !is_done, "{cluster:?} {found:?} {acts:?}");
        });
    }

    #[test]
    fn a_step_is_done_only_if_the_cluster_and_every_member_that_exists_have_their_names() {
        in_every_world(|_, cluster, found, answer, acts| {
            let is_done = matches!(acts.last(), Some(Act::End(End::Done | End::Wait { more: false, .. })));
            if !is_done {
                return;
            }
            let arrives = |position: &Position| match position {
                Position::There | Position::UnderWay => true,
                Position::Busy { .. } => false,
                Position::Elsewhere => matches!(answer, Answer::Accepted | Answer::There),
            };
            assert!(arrives(&cluster.position), "{cluster:?} {found:?} {answer:?} {acts:?}");
            for found in found {
                let is_fine = match found {
                    Found::Here(seen) => arrives(&seen.position),
                    Found::Moving { .. } | Found::Leaving => true,
                    Found::Absent => cluster.position != Position::Elsewhere,
                };
                assert!(is_fine, "{cluster:?} {found:?} {answer:?} {acts:?}");
            }
        });
    }
}
