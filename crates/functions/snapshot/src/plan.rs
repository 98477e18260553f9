//! The next act of the snapshot step: pure decisions from the present snapshots.
//!
//! Two snapshots matter: the one that a run restores (`<identifier>-snapshot`, here [`Name::Final`]) and the temporary one
//! of a replacement (`<identifier>-temp`, [`Name::Staging`]). The step keeps no memory between calls: it decides from
//! statuses and tags alone. So any run continues an interrupted replacement. Unless the deployment sets
//! [`Way::DeleteFirst`], no decision deletes the only available snapshot: a test tries every pair of snapshots. The crate's
//! root makes the calls.

use trapheus_common::document::SnapshotReplacement;

/// One of the two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Final,
    Staging,
}

/// A snapshot as one read showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) state: State,
    /// The execution that took the snapshot, if a run did.
    pub(crate) taken_by: Option<String>,
    /// The reason why a run may not replace the snapshot.
    pub(crate) foreign: Option<String>,
}

/// The snapshot's status, as far as the decision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Available,
    /// The snapshot is in creation, as an original or a copy.
    Passing,
    Deleting,
    /// The snapshot failed for good: it contains no data.
    Failed,
}

impl State {
    pub(crate) fn of(status: &str) -> Self {
        match status {
            "available" => Self::Available,
            "deleting" | "deleted" => Self::Deleting,
            "failed" | "error" | "incompatible-restore" => Self::Failed,
            _ => Self::Passing,
        }
    }
}

/// The way in which a new snapshot replaces an existing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Take the new snapshot under the staging name, delete the old one, copy the new one to the final name.
    Copy,
    /// As [`Way::Copy`], but with a second snapshot in place of the copy, if RDS copies no snapshots of this kind.
    TakeAgain,
    /// Delete the old snapshot, take the new one.
    DeleteFirst,
}

impl Way {
    pub(crate) fn of(replacement: SnapshotReplacement, can_be_copied: bool) -> Self {
        match (replacement, can_be_copied) {
            (SnapshotReplacement::DeleteFirst, _) => Self::DeleteFirst,
            (SnapshotReplacement::KeepUntilReplaced, true) => Self::Copy,
            (SnapshotReplacement::KeepUntilReplaced, false) => Self::TakeAgain,
        }
    }
}

/// The next act of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Done,
    Create(Name),
    /// Copy the staging snapshot to the final one.
    Copy,
    Delete(Name),
    /// This run's own snapshot failed: delete it, and fail the step.
    GiveUp(Name),
    AwaitAvailable(Name),
    AwaitGone(Name),
}

/// The reason why the snapshot of this name stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) name: Name,
    pub(crate) why: String,
}

/// The next act of `execution`, or the reason why no act is safe.
pub(crate) fn next(way: Way, execution: &str, current: Option<&Seen>, staging: Option<&Seen>) -> Result<Act, Refused> {
    let pair = SeenPair { execution, current, staging };
    match way {
        Way::DeleteFirst => pair.delete_first(),
        Way::Copy => pair.keep_until_replaced(Act::Copy),
        Way::TakeAgain => pair.keep_until_replaced(Act::Create(Name::Final)),
    }
}

#[derive(Clone, Copy)]
struct SeenPair<'a> {
    execution: &'a str,
    current: Option<&'a Seen>,
    staging: Option<&'a Seen>,
}

impl SeenPair<'_> {
    fn keep_until_replaced(self, fill: Act) -> Result<Act, Refused> {
        match self.staging {
            None => self.without_staging(),
            Some(staging) if staging.taken_by.is_some() && staging.foreign.is_none() => {
                self.with_staging(staging, fill)
            }
            // The staging snapshot appeared after its deletion: the run already has its result.
            Some(_) if self.current.is_some_and(|current| self.is_new(current)) => Ok(Act::Done),
            Some(staging) => {
                let why = staging.foreign.clone().unwrap_or_else(|| "no run of ours took it".to_owned());
                Err(Refused { name: Name::Staging, why })
            }
        }
    }

    fn without_staging(self) -> Result<Act, Refused> {
        let Some(current) = self.current else { return Ok(Act::Create(Name::Final)) };
        match current.state {
            State::Deleting => Ok(Act::AwaitGone(Name::Final)),
            State::Passing => Ok(Act::AwaitAvailable(Name::Final)),
            State::Available if self.is_ours(current) => Ok(Act::Done),
            State::Failed if self.is_ours(current) => Ok(Act::GiveUp(Name::Final)),
            State::Available | State::Failed => replaceable(current, Act::Create(Name::Staging)),
        }
    }

    /// The act while a replacement is under way: this run's, or an interrupted one, which the run finishes first. `fill` is
    /// the act that creates the snapshot under the final name once that name is free.
    fn with_staging(self, staging: &Seen, fill: Act) -> Result<Act, Refused> {
        match staging.state {
            State::Deleting => return Ok(Act::AwaitGone(Name::Staging)),
            State::Passing => return Ok(Act::AwaitAvailable(Name::Staging)),
            State::Failed if self.is_ours(staging) => return Ok(Act::GiveUp(Name::Staging)),
            State::Failed => return Ok(Act::Delete(Name::Staging)),
            State::Available => {}
        }
        let Some(current) = self.current else { return Ok(fill) };
        match current.state {
            State::Deleting => Ok(Act::AwaitGone(Name::Final)),
            State::Passing => Ok(Act::AwaitAvailable(Name::Final)),
            // Either the new snapshot exists, or an interrupted run left a superfluous staging snapshot.
            State::Available if self.is_ours(current) || !self.is_ours(staging) => Ok(Act::Delete(Name::Staging)),
            State::Failed if self.is_ours(current) => Ok(Act::GiveUp(Name::Final)),
            State::Available | State::Failed => replaceable(current, Act::Delete(Name::Final)),
        }
    }

    fn delete_first(self) -> Result<Act, Refused> {
        let Some(current) = self.current else { return Ok(Act::Create(Name::Final)) };
        match current.state {
            State::Deleting => Ok(Act::AwaitGone(Name::Final)),
            State::Passing => Ok(Act::AwaitAvailable(Name::Final)),
            State::Available if self.is_ours(current) => Ok(self.leftover_staging()),
            State::Failed if self.is_ours(current) => Ok(Act::GiveUp(Name::Final)),
            State::Available | State::Failed => replaceable(current, Act::Delete(Name::Final)),
        }
    }

    /// The act for the leftover of an interrupted run, from before the deployment set `DeleteFirst`.
    fn leftover_staging(self) -> Act {
        match self.staging {
            Some(staging) if staging.taken_by.is_some() && staging.foreign.is_none() => match staging.state {
                State::Deleting => Act::AwaitGone(Name::Staging),
                State::Passing => Act::AwaitAvailable(Name::Staging),
                State::Available | State::Failed => Act::Delete(Name::Staging),
            },
            _ => Act::Done,
        }
    }

    fn is_ours(self, seen: &Seen) -> bool {
        seen.taken_by.as_deref() == Some(self.execution)
    }

    fn is_new(self, seen: &Seen) -> bool {
        self.is_ours(seen) && seen.state == State::Available
    }
}

/// Refuses to replace a snapshot unless it is this database's.
fn replaceable(current: &Seen, act: Act) -> Result<Act, Refused> {
    match &current.foreign {
        None => Ok(act),
        Some(why) => Err(Refused { name: Name::Final, why: why.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "arn:this";
    const OTHER: &str = "arn:another";
    const ALL: [Way; 3] = [Way::Copy, Way::TakeAgain, Way::DeleteFirst];

    fn seen(state: State, taken_by: Option<&str>) -> Seen {
        Seen { state, taken_by: taken_by.map(str::to_owned), foreign: None }
    }

    fn of_another_database(taken_by: Option<&str>) -> Seen {
        Seen { foreign: Some("it was taken of billing".into()), ..seen(State::Available, taken_by) }
    }

    fn keep(current: Option<&Seen>, staging: Option<&Seen>) -> Result<Act, Refused> {
        next(Way::Copy, OURS, current, staging)
    }

    /// Every possible snapshot, and none.
    fn all() -> Vec<Option<Seen>> {
        let states = [State::Available, State::Passing, State::Deleting, State::Failed];
        let mut all = vec![None];
        for state in states {
            for taken_by in [None, Some(OURS), Some(OTHER)] {
                for foreign in [None, Some("it was taken of billing".to_owned())] {
                    all.push(Some(Seen { foreign, ..seen(state, taken_by) }));
                }
            }
        }
        all
    }

    fn is_available(seen: Option<&Seen>) -> bool {
        seen.is_some_and(|seen| seen.state == State::Available)
    }

    #[test]
    fn an_available_snapshot_is_never_removed_without_an_available_successor() {
        for way in [Way::Copy, Way::TakeAgain] {
            for current in &all() {
                for staging in &all() {
                    let (current, staging) = (current.as_ref(), staging.as_ref());
                    let (removed, other) = match next(way, OURS, current, staging) {
                        Ok(Act::Delete(Name::Final) | Act::GiveUp(Name::Final)) => (current, staging),
                        Ok(Act::Delete(Name::Staging) | Act::GiveUp(Name::Staging)) => (staging, current),
                        _ => continue,
                    };
                    assert!(!is_available(removed) || is_available(other), "{way:?} {current:?} {staging:?}");
                }
            }
        }
    }

    #[test]
    fn a_snapshot_of_another_database_is_never_removed() {
        for way in ALL {
            for current in &all() {
                for staging in &all() {
                    let (current, staging) = (current.as_ref(), staging.as_ref());
                    let removed = match next(way, OURS, current, staging) {
                        Ok(Act::Delete(Name::Final)) => current,
                        Ok(Act::Delete(Name::Staging)) => {
                            assert!(staging.unwrap().taken_by.is_some(), "{current:?} {staging:?}");
                            staging
                        }
                        _ => continue,
                    };
                    assert_eq!(removed.unwrap().foreign, None, "{current:?} {staging:?}");
                }
            }
        }
    }

    #[test]
    fn the_step_is_done_only_with_a_new_available_snapshot() {
        for way in ALL {
            for current in &all() {
                for staging in &all() {
                    let (current, staging) = (current.as_ref(), staging.as_ref());
                    if next(way, OURS, current, staging) == Ok(Act::Done) {
                        let current = current.unwrap();
                        assert_eq!((current.state, current.taken_by.as_deref()), (State::Available, Some(OURS)));
                    }
                }
            }
        }
    }

    /// Plays an act: an operation that it begins ends at once.
    fn played(act: Act, current: &mut Option<Seen>, staging: &mut Option<Seen>) {
        match act {
            Act::Create(Name::Final) => *current = Some(seen(State::Available, Some(OURS))),
            Act::Create(Name::Staging) => *staging = Some(seen(State::Available, Some(OURS))),
            Act::Copy => current.clone_from(staging),
            Act::Delete(Name::Final) | Act::AwaitGone(Name::Final) => *current = None,
            Act::Delete(Name::Staging) | Act::AwaitGone(Name::Staging) => *staging = None,
            Act::AwaitAvailable(Name::Final) => current.as_mut().unwrap().state = State::Available,
            Act::AwaitAvailable(Name::Staging) => staging.as_mut().unwrap().state = State::Available,
            Act::Done | Act::GiveUp(_) => {}
        }
    }

    #[test]
    fn the_acts_end_from_every_world() {
        for way in ALL {
            for first in &all() {
                for second in &all() {
                    let (mut current, mut staging) = (first.clone(), second.clone());
                    let mut acts = Vec::new();
                    while let Ok(act) = next(way, OURS, current.as_ref(), staging.as_ref()) {
                        acts.push(act);
                        if matches!(act, Act::Done | Act::GiveUp(_)) {
                            break;
                        }
                        assert!(acts.len() < 12, "{first:?} {second:?}: {acts:?}");
                        played(act, &mut current, &mut staging);
                    }
                }
            }
        }
    }

    #[test]
    fn a_first_snapshot_is_taken_directly() {
        assert_eq!(keep(None, None), Ok(Act::Create(Name::Final)));
        assert_eq!(keep(Some(&seen(State::Passing, Some(OURS))), None), Ok(Act::AwaitAvailable(Name::Final)));
        assert_eq!(keep(Some(&seen(State::Available, Some(OURS))), None), Ok(Act::Done));
    }

    #[test]
    fn a_replacement_is_taken_copied_and_cleaned_up_in_this_order() {
        let (old, new) = (seen(State::Available, None), seen(State::Available, Some(OURS)));
        assert_eq!(keep(Some(&old), None), Ok(Act::Create(Name::Staging)));
        assert_eq!(keep(Some(&old), Some(&seen(State::Passing, Some(OURS)))), Ok(Act::AwaitAvailable(Name::Staging)));
        assert_eq!(keep(Some(&old), Some(&new)), Ok(Act::Delete(Name::Final)));
        assert_eq!(keep(Some(&seen(State::Deleting, None)), Some(&new)), Ok(Act::AwaitGone(Name::Final)));
        assert_eq!(keep(None, Some(&new)), Ok(Act::Copy));
        assert_eq!(keep(Some(&seen(State::Passing, Some(OURS))), Some(&new)), Ok(Act::AwaitAvailable(Name::Final)));
        assert_eq!(keep(Some(&new), Some(&new)), Ok(Act::Delete(Name::Staging)));
    }

    #[test]
    fn a_snapshot_that_cannot_be_copied_is_taken_again() {
        let take_again = |current: Option<&Seen>, staging: &Seen| next(Way::TakeAgain, OURS, current, Some(staging));
        let new = seen(State::Available, Some(OURS));
        assert_eq!(take_again(Some(&seen(State::Available, None)), &new), Ok(Act::Delete(Name::Final)));
        assert_eq!(take_again(None, &new), Ok(Act::Create(Name::Final)));
        assert_eq!(take_again(Some(&new), &new), Ok(Act::Delete(Name::Staging)));
        assert_eq!(take_again(None, &seen(State::Available, Some(OTHER))), Ok(Act::Create(Name::Final)));
    }

    #[test]
    fn the_way_is_the_deployments_unless_rds_cannot_copy() {
        let keep = SnapshotReplacement::KeepUntilReplaced;
        assert_eq!((Way::of(keep, true), Way::of(keep, false)), (Way::Copy, Way::TakeAgain));
        assert_eq!(Way::of(SnapshotReplacement::DeleteFirst, true), Way::DeleteFirst);
    }

    #[test]
    fn an_interrupted_replacement_is_finished_before_this_runs_own_begins() {
        let stale = seen(State::Available, Some(OTHER));
        assert_eq!(keep(None, Some(&stale)), Ok(Act::Copy));
        assert_eq!(keep(Some(&seen(State::Failed, Some(OTHER))), Some(&stale)), Ok(Act::Delete(Name::Final)));
        assert_eq!(keep(Some(&seen(State::Available, None)), Some(&stale)), Ok(Act::Delete(Name::Staging)));
        assert_eq!(keep(Some(&stale), None), Ok(Act::Create(Name::Staging)), "its copy is not this run's snapshot");
        assert_eq!(keep(None, Some(&seen(State::Failed, Some(OTHER)))), Ok(Act::Delete(Name::Staging)));
    }

    #[test]
    fn a_failed_snapshot_of_this_run_ends_the_step() {
        let failed = seen(State::Failed, Some(OURS));
        let new = seen(State::Available, Some(OURS));
        assert_eq!(keep(Some(&seen(State::Available, None)), Some(&failed)), Ok(Act::GiveUp(Name::Staging)));
        assert_eq!(keep(Some(&failed), Some(&new)), Ok(Act::GiveUp(Name::Final)));
        assert_eq!(keep(Some(&failed), None), Ok(Act::GiveUp(Name::Final)));
    }

    #[test]
    fn a_staging_snapshot_that_a_person_took_is_refused() {
        assert!(keep(None, Some(&seen(State::Available, None))).is_err());
        let refused = keep(None, Some(&of_another_database(Some(OTHER)))).unwrap_err();
        assert_eq!(refused.name, Name::Staging);
        assert!(refused.why.contains("billing"), "{}", refused.why);
    }

    #[test]
    fn a_snapshot_of_another_database_is_refused() {
        let foreign = of_another_database(None);
        assert!(keep(Some(&foreign), None).unwrap_err().why.contains("billing"));
        assert!(next(Way::DeleteFirst, OURS, Some(&foreign), None).unwrap_err().why.contains("billing"));
    }

    #[test]
    fn delete_first_deletes_then_creates() {
        let delete_first = |current: Option<&Seen>| next(Way::DeleteFirst, OURS, current, None);
        assert_eq!(delete_first(Some(&seen(State::Available, None))), Ok(Act::Delete(Name::Final)));
        assert_eq!(delete_first(None), Ok(Act::Create(Name::Final)));
        assert_eq!(delete_first(Some(&seen(State::Available, Some(OURS)))), Ok(Act::Done));
    }

    #[test]
    fn delete_first_removes_an_interrupted_replacement_last() {
        let stale = seen(State::Available, Some(OTHER));
        assert_eq!(next(Way::DeleteFirst, OURS, None, Some(&stale)), Ok(Act::Create(Name::Final)));
        let new = seen(State::Available, Some(OURS));
        assert_eq!(next(Way::DeleteFirst, OURS, Some(&new), Some(&stale)), Ok(Act::Delete(Name::Staging)));
    }
}
