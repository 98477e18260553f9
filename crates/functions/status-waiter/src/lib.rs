//! Waits inside Lambda for what a step has set going, and tells the Choice behind it whether to go on.
//!
//! Whether a goal is met is decided by the tables in [`trapheus_common::wait::acceptor`], how often to ask by
//! [`trapheus_common::poll`]; here is the looking. It changes nothing, and refuses nothing: a goal that waiting
//! cannot meet raises the step's own error, the deadline raises `WaitTimedOutException`.

use std::time::Duration;

use trapheus_common::Result;
use trapheus_common::timestamp::Timestamp;
use trapheus_common::document::{StepOutput, WaitEvent, WaitOutput, WaitStatus};
use trapheus_common::functions::PipelineStep;
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::lambda::Invocation;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Outlook, Sighting, Verdict};
use trapheus_common::poll::{self, Limits, Look, Outcome, Pace, Progress};

pub mod cluster;
pub mod instance;

/// The time that the function leaves for its answer to arrive.
const MARGIN: Duration = Duration::from_secs(10);

/// Polls until the step's goal is met; a step that waits for nothing is complete at once.
async fn wait(
    look: impl AsyncFn(&Goal) -> Result<Look>,
    pace: Pace,
    event: WaitEvent,
    invocation: Invocation,
) -> Result<WaitOutput> {
    let deadline = event.deadline();
    let pace = if event.rollback_started_at.is_some() { pace.careful() } else { pace };
    let StepOutput { taskname, identifier, wait_for, soon, wait: last, .. } = event.task;
    let complete = |observed| WaitOutput {
        task: WaitStatus::Complete,
        taskname,
        identifier: identifier.clone(),
        observed,
        at: Some(invocation.clock.now()),
        since: None,
        absent_since: None,
        gone: false,
    };
    let Some(goal) = wait_for else {
        return Ok(complete("nothing to wait for".to_owned()));
    };
    let of_task = PipelineStep::of_task(taskname);
    let pace = if soon { pace } else { pace_of(pace, event.request.kind, of_task, &goal) };
    let limits = Limits { clock: invocation.clock, invocation: invocation.deadline - MARGIN, deadline };
    let step = (of_task.error, event.request.identifier.as_str());
    let last = last.map(|last| Progress {
        seen: last.observed,
        since: last.since.unwrap_or_else(|| invocation.clock.now()),
        absent_since: last.absent_since,
    });
    let look = async || Ok(until(goal.until(), invocation.clock.now(), look(&goal).await?));
    match poll::until(look, pace, limits, step, last).await? {
        Outcome::Complete { seen, gone } => Ok(WaitOutput { gone, ..complete(seen) }),
        Outcome::Pending(Progress { seen, since, absent_since }) => {
            Ok(WaitOutput { task: WaitStatus::Pending, since: Some(since), absent_since, ..complete(seen) })
        }
    }
}

/// A look at a database that is awaited only until a moment: after that the step goes on as it is.
fn until(end: Option<Timestamp>, now: Timestamp, look: Look) -> Look {
    if look.verdict == Verdict::Pending && end.is_some_and(|end| now >= end) {
        let seen = format!("{}, not awaited any longer", look.seen);
        return Look { verdict: Verdict::Complete, seen, ..look };
    }
    look
}

/// The first look waits until RDS can be done: [`PipelineStep::intervals_before_first_look`]. A cluster takes more operations one after
/// the other, so each gets fewer looks. A snapshot is looked at again by the step that asked for it, and removed within
/// seconds, whatever its size.
fn pace_of(pace: Pace, kind: DatabaseKind, step: &PipelineStep, goal: &Goal) -> Pace {
    let pace = match goal {
        Goal::SnapshotAvailable { .. } => pace.trusting(),
        Goal::SnapshotGone { .. } => return pace.brisk(),
        _ => pace,
    };
    let pace = if step.changes_name { pace.patient_with_the_old_name() } else { pace };
    let intervals = step.intervals(kind);
    let pace = if intervals > 0 { pace.beginning_after(intervals) } else { pace };
    if kind == DatabaseKind::Cluster { pace.rarer() } else { pace }
}

/// A look at one database that has to be available under a name.
fn look_for_available(kind: DatabaseKind, wanted: &str, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::available(kind, wanted, seen),
        seen: words(wanted, seen),
        absent: seen.is_none(),
        outlook: outlook(seen),
    }
}

/// A look at one database that has to come to rest, under whatever name.
fn look_for_settled(kind: DatabaseKind, resource_id: &str, may_be_gone: bool, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::settled(kind, seen, may_be_gone),
        seen: words(resource_id, seen),
        absent: seen.is_none() && !may_be_gone,
        outlook: outlook(seen),
    }
}

/// A look at one database that did not answer when it was to be worked on.
fn look_for_found_again(kind: DatabaseKind, resource_id: &str, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::found_again(kind, seen),
        seen: words(resource_id, seen),
        absent: seen.is_none(),
        outlook: outlook(seen),
    }
}

/// A look at one database whose storage RDS works on.
fn look_for_storage_work(kind: DatabaseKind, resource_id: &str, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::storage_work_ended(kind, seen),
        seen: words(resource_id, seen),
        absent: seen.is_none(),
        outlook: outlook(seen),
    }
}

fn outlook(seen: Option<&Sighting>) -> Outlook {
    acceptor::outlook(seen.map(|seen| seen.status.as_str()))
}

/// A look at databases that have to be gone, by resource id.
fn look_for_gone(seen: &[(&str, Option<Sighting>)]) -> Look {
    let verdict = seen.iter().map(|(_, seen)| acceptor::gone(seen.as_ref())).fold(Verdict::Complete, Verdict::and);
    let words: Vec<String> = seen.iter().map(|(id, seen)| words(id, seen.as_ref())).collect();
    Look { verdict, seen: words.join(", "), absent: false, outlook: Outlook::Lasting }
}

/// A look at a snapshot that has to be available.
fn look_for_snapshot(identifier: &str, status: Option<&str>) -> Look {
    Look {
        verdict: acceptor::snapshot_available(identifier, status),
        seen: format!("{identifier} {}", status.unwrap_or("not found")),
        absent: status.is_none(),
        outlook: acceptor::outlook(Some(status.unwrap_or("creating"))),
    }
}

/// A look at a snapshot that has to be gone.
fn look_for_snapshot_gone(identifier: &str, status: Option<&str>) -> Look {
    Look {
        verdict: acceptor::snapshot_gone(status),
        seen: format!("{identifier} {}", status.unwrap_or("not found")),
        absent: false,
        outlook: Outlook::Lasting,
    }
}

/// Two looks of which both goals are wanted.
fn both(one: Look, other: Look) -> Look {
    Look {
        verdict: one.verdict.and(other.verdict),
        seen: if one.seen.is_empty() { other.seen } else { format!("{}, {}", one.seen, other.seen) },
        absent: one.absent || other.absent,
        outlook: one.outlook.max(other.outlook),
    }
}

fn words(wanted: &str, seen: Option<&Sighting>) -> String {
    match seen {
        Some(seen) if seen.pending_modifications => format!("{} {} (changes pending)", seen.identifier, seen.status),
        Some(seen) => format!("{} {}", seen.identifier, seen.status),
        None => format!("{wanted} not found"),
    }
}
