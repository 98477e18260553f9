//! Waits inside Lambda for the goal of a step, and tells the Choice state behind the wait whether to continue.
//!
//! The tables in [`trapheus_common::wait::acceptor`] decide whether a goal is met, and [`trapheus_common::poll`] sets
//! the intervals; this crate reads RDS. It changes nothing, and refuses nothing. An impossible goal raises the step's own
//! error, the deadline raises `WaitTimedOutException`.

use std::time::Duration;

use trapheus_common::Result;
use trapheus_common::document::{StepOutput, WaitEvent, WaitOutput, WaitStatus};
use trapheus_common::functions::PipelineStep;
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::lambda::Invocation;
use trapheus_common::poll::{self, Limits, Look, Outcome, PollPolicy, Progress};
use trapheus_common::timestamp::Timestamp;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Backoff, Sighting, Verdict};

pub mod cluster;
pub mod instance;
mod reads;

/// The time that the function leaves for its answer to arrive.
const MARGIN: Duration = Duration::from_secs(10);

/// Polls until the step's goal is met; a step without a goal is complete at once.
async fn wait(
    look: impl AsyncFn(&Goal) -> Result<Look>,
    policy: PollPolicy,
    event: WaitEvent,
    invocation: Invocation,
) -> Result<WaitOutput> {
    let deadline = event.deadline();
    let policy = if event.rollback_started_at.is_some() { policy.for_rollbacks() } else { policy };
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
    let policy = if soon { policy } else { policy_of(policy, event.request.kind, of_task, &goal) };
    let limits = Limits { clock: invocation.clock, invocation: invocation.deadline - MARGIN, deadline };
    let step = (of_task.error, event.request.identifier.as_str());
    let last = last.map(|last| Progress {
        seen: last.observed,
        since: last.since.unwrap_or_else(|| invocation.clock.now()),
        absent_since: last.absent_since,
    });
    let look = async || Ok(until(goal.until(), invocation.clock.now(), look(&goal).await?));
    match poll::until(look, policy, limits, step, last).await? {
        Outcome::Complete { seen, gone } => Ok(WaitOutput { gone, ..complete(seen) }),
        Outcome::Pending(Progress { seen, since, absent_since }) => {
            Ok(WaitOutput { task: WaitStatus::Pending, since: Some(since), absent_since, ..complete(seen) })
        }
    }
}

/// A read of a database with an end of its wait: after it the step continues with the present state.
fn until(end: Option<Timestamp>, now: Timestamp, look: Look) -> Look {
    if look.verdict == Verdict::Pending && end.is_some_and(|end| now >= end) {
        let seen = format!("{}, not awaited any longer", look.seen);
        return Look { verdict: Verdict::Complete, seen, ..look };
    }
    look
}

/// The first read waits until RDS can be done: [`PipelineStep::intervals_before_first_look`]. A cluster takes more
/// consecutive operations, so each gets fewer reads. The snapshot step itself reads a snapshot in deletion again, and RDS
/// deletes it within seconds, whatever its size.
fn policy_of(policy: PollPolicy, kind: DatabaseKind, step: &PipelineStep, goal: &Goal) -> PollPolicy {
    let policy = match goal {
        Goal::SnapshotAvailable { .. } => policy.with_single_read(),
        Goal::SnapshotGone { .. } => return policy.for_quick_operations(),
        _ => policy,
    };
    let policy = if step.changes_name { policy.for_renames() } else { policy };
    let intervals = step.intervals(kind);
    let policy = if intervals > 0 { policy.with_initial_delay(intervals) } else { policy };
    if kind == DatabaseKind::Cluster { policy.less_often() } else { policy }
}

/// A read of one database that has to be available under a name.
fn look_for_available(kind: DatabaseKind, wanted: &str, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::available(kind, wanted, seen),
        seen: words(wanted, seen),
        absent: seen.is_none(),
        backoff: backoff(seen),
    }
}

/// A read of one database that has to reach a lasting status, under any name.
fn look_for_settled(kind: DatabaseKind, resource_id: &str, may_be_gone: bool, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::settled(kind, seen, may_be_gone),
        seen: words(resource_id, seen),
        absent: seen.is_none() && !may_be_gone,
        backoff: backoff(seen),
    }
}

/// A read of one database that did not answer a step.
fn look_for_found_again(kind: DatabaseKind, resource_id: &str, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::found_again(kind, seen),
        seen: words(resource_id, seen),
        absent: seen.is_none(),
        backoff: backoff(seen),
    }
}

/// A read of one database whose storage RDS works on.
fn look_for_storage_work(kind: DatabaseKind, resource_id: &str, seen: Option<&Sighting>) -> Look {
    Look {
        verdict: acceptor::storage_work_ended(kind, seen),
        seen: words(resource_id, seen),
        absent: seen.is_none(),
        backoff: backoff(seen),
    }
}

fn backoff(seen: Option<&Sighting>) -> Backoff {
    acceptor::backoff(seen.map(|seen| seen.status.as_str()))
}

/// A read of databases that have to be deleted, by resource id.
fn look_for_gone(seen: &[(&str, Option<Sighting>)]) -> Look {
    let verdict = seen.iter().map(|(_, seen)| acceptor::gone(seen.as_ref())).fold(Verdict::Complete, Verdict::and);
    let words: Vec<String> = seen.iter().map(|(id, seen)| words(id, seen.as_ref())).collect();
    Look { verdict, seen: words.join(", "), absent: false, backoff: Backoff::Growing }
}

/// A read of a snapshot that has to be available.
fn look_for_snapshot(identifier: &str, status: Option<&str>) -> Look {
    Look {
        verdict: acceptor::snapshot_available(identifier, status),
        seen: format!("{identifier} {}", status.unwrap_or("not found")),
        absent: status.is_none(),
        backoff: acceptor::backoff(Some(status.unwrap_or("creating"))),
    }
}

/// A read of a snapshot that has to be deleted.
fn look_for_snapshot_gone(identifier: &str, status: Option<&str>) -> Look {
    Look {
        verdict: acceptor::snapshot_gone(status),
        seen: format!("{identifier} {}", status.unwrap_or("not found")),
        absent: false,
        backoff: Backoff::Growing,
    }
}

/// Joins two reads whose goals both have to be met.
fn both(one: Look, other: Look) -> Look {
    Look {
        verdict: one.verdict.and(other.verdict),
        seen: if one.seen.is_empty() { other.seen } else { format!("{}, {}", one.seen, other.seen) },
        absent: one.absent || other.absent,
        backoff: one.backoff.max(other.backoff),
    }
}

fn words(wanted: &str, seen: Option<&Sighting>) -> String {
    match seen {
        Some(seen) if seen.pending_modifications => format!("{} {} (changes pending)", seen.identifier, seen.status),
        Some(seen) => format!("{} {}", seen.identifier, seen.status),
        None => format!("{wanted} not found"),
    }
}
