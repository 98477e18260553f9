//! Decides whether a fault hindered the rollback itself, so that it could only ask a person for help.
//!
//! A fault gives a run an allowance under three conditions:
//!
//! - The fault struck in the last rollback.
//! - A step of that rollback gave up because of the fault.
//! - That step had used up the retries of the deployed state machine.
//!
//! Any other fault, or one that passes by itself, gives no allowance: the run has to restore the original without help. A
//! person gives a run an allowance from the moment at which that person removed something that the rollback needs.

use std::ops::RangeInclusive;
use std::time::Duration;

use rds_simulator::{Fault, IdleFunctions, Outcome, RecordedRequest};
use states_language::StateType;

use super::roles::{Roles, Taken};
use super::{Claimant, Evidence};
use crate::injection::{FunctionFaultKind, InjectedFault};
use crate::rehearsal::{ROLLBACK, WEBHOOKS, deployed};
use crate::steps;
use crate::struck::Struck;
use crate::timeline::{Step, StepStatus};

/// The degree to which a run need not restore the original by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Allowance {
    None,
    /// Only the release failed. The original is back all the same.
    Release,
    /// The rollback's own requests or functions failed. A person can finish it with the mail's commands.
    Help,
    /// The database itself is damaged, or people have taken it. No command is certain to help.
    Beyond,
}

pub(super) fn of(evidence: &Evidence<'_>, roles: &Roles<'_>, claimant: &Claimant<'_>) -> Allowance {
    let rollback = Rollback::last(claimant);
    let by_people = roles.removals().into_iter().map(|removal| match removal.taken {
        _ if removal.at > claimant.end => Allowance::None,
        // The commands find the database by its resource id. A recovery can find it only by the claim.
        Taken::Claim if rollback.as_ref().is_none_or(|rollback| rollback.is_own) => Allowance::Help,
        Taken::Running | Taken::Cluster => Allowance::Help,
        Taken::Result if !steps::any_succeeded(claimant.steps, "verify") => Allowance::None,
        Taken::Claim | Taken::Database | Taken::Result => Allowance::Beyond,
    });
    let lasting = evidence.report.struck.iter().filter(|strike| !is_past_lookup(strike, evidence));
    let by_faults = lasting.map(|strike| {
        let over = rollback.as_ref().map_or(Allowance::None, |rollback| rollback.given_up_over(strike));
        over.max(of_spoiled(strike, evidence, roles))
    });
    by_people.chain(by_faults).fold(Allowance::None, Allowance::max)
}

/// The last rollback, by the run itself or by a recovery.
struct Rollback<'a> {
    during: RangeInclusive<Duration>,
    execution: &'a str,
    /// The start of its execution.
    began: f64,
    steps: &'a [Step],
    /// Whether the run itself did it. Its state document identifies the database.
    is_own: bool,
}

impl<'a> Rollback<'a> {
    fn last(claimant: &Claimant<'a>) -> Option<Self> {
        let of_itself = steps::failure_handling(claimant.steps).map(|step| {
            let during = period(claimant.began + step.started_seconds, claimant.lasted - step.started_seconds);
            Self { during, execution: claimant.execution, began: claimant.began, steps: claimant.steps, is_own: true }
        });
        // A recovery that finds no work rolls nothing back. Another check decides whether it may report that.
        let worked = claimant.recoveries.iter().filter(|other| other.changes > 0 || other.status != "SUCCEEDED");
        let recoveries = worked.map(|other| Self {
            during: period(other.started_seconds, other.duration_seconds),
            execution: &other.execution,
            began: other.started_seconds,
            steps: &other.steps,
            is_own: false,
        });
        of_itself.into_iter().chain(recoveries).max_by_key(|rollback| *rollback.during.start())
    }

    /// The part of the rollback that was given up because of this fault.
    fn given_up_over(&self, strike: &Struck) -> Allowance {
        let given_up = self.steps.iter().filter(|step| {
            let end = seconds(self.began + step.started_seconds + step.seconds);
            step.status == StepStatus::Failed
                && self.during.contains(&end)
                && !steps::is_alert(&step.state)
                && has_persisted(step)
        });
        let is_cause = |step: &&Step| match &strike.fault {
            // The names of Lambda's errors contain a dot. Those of a function's own errors do not.
            InjectedFault::Function(_) => {
                self.is_in(strike, step) && step.error.as_deref().is_some_and(|error| error.contains('.'))
            }
            InjectedFault::Request(rule) => match rule.fault {
                // The fault shows in a later step, which waits for a change that never happens.
                Fault::Stuck { .. } | Fault::NotFoundFor { .. } => {
                    outlasts_a_rollback(&rule.fault) && self.during.contains(&seconds(strike.at_seconds))
                }
                Fault::EndsIn { .. } => false,
                _ => self.is_in(strike, step),
            },
            _ => false,
        };
        let mut because = given_up.filter(is_cause).map(|step| steps::does(&step.state, "release"));
        because.next().map_or(Allowance::None, |is_last| if is_last { Allowance::Release } else { Allowance::Help })
    }

    /// Whether the step met the fault.
    fn is_in(&self, strike: &Struck, step: &Step) -> bool {
        let is_its =
            strike.execution.as_deref() == Some(self.execution) && strike.state.as_deref() == Some(&step.state);
        is_its && period(self.began + step.started_seconds, step.seconds).contains(&seconds(strike.at_seconds))
    }
}

/// Whether the step used all retries that the deployed definition gives it for its final error.
fn has_persisted(step: &Step) -> bool {
    let states = deployed().all_states();
    let Some(state) = states.into_iter().find(|state| state.name() == step.state) else { return false };
    let is_task = state.state_type() == StateType::Task;
    let error = step.error.as_deref().unwrap_or_default();
    is_task && u64::from(step.retries) >= state.attempts_after(error)
}

fn outlasts_a_rollback(fault: &Fault) -> bool {
    let lasting = |seconds: f64| seconds >= ROLLBACK.as_secs_f64();
    match fault {
        Fault::Stuck { seconds } => seconds.is_none_or(lasting),
        Fault::NotFoundFor { seconds } => lasting(*seconds),
        _ => false,
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}

/// The exact period. A rollback may end at the very moment of the request that failed it.
fn period(started_seconds: f64, lasted_seconds: f64) -> RangeInclusive<Duration> {
    let [from, lasted] = [started_seconds, lasted_seconds].map(seconds);
    from..=from + lasted
}

/// The request that met the fault.
fn request_of<'a>(strike: &Struck, evidence: &Evidence<'a>) -> Option<&'a RecordedRequest> {
    evidence.requests.get(strike.request.as_ref()?.position)
}

/// The least number of reads in a row before a recovery gives up.
const LOOKUPS: u32 = 50;

/// Whether a read of an execution met a fault that passed, or would have passed. A recovery repeats the read for minutes.
fn is_past_lookup(strike: &Struck, evidence: &Evidence<'_>) -> bool {
    let InjectedFault::Request(rule) = &strike.fault else { return false };
    let last = rule.occurrence.saturating_add(rule.times.saturating_sub(1));
    let has_passed = |other: &Struck| other.fault == strike.fault && other.occurrence == last;
    let passes = rule.times < LOOKUPS && rule.fault != Fault::Denied {};
    rule.action == "DescribeExecution" && (passes || evidence.report.struck.iter().any(has_passed))
}

/// The damage that a fault did to the database itself, at any time.
fn of_spoiled(strike: &Struck, evidence: &Evidence<'_>, roles: &Roles<'_>) -> Allowance {
    let (InjectedFault::Request(rule), Some(request)) = (&strike.fault, request_of(strike, evidence)) else {
        return Allowance::None;
    };
    let is_beyond = match &rule.fault {
        // The original accepts no rename any more.
        Fault::EndsIn { .. } => roles.changes_original(request),
        Fault::Stuck { .. } if outlasts_a_rollback(&rule.fault) => {
            // In some worlds, RDS cannot delete a database that is stuck in its creation.
            let cannot_be_removed = !evidence.world.unverified.delete_while_creating;
            let makes = request.action.starts_with("Restore") || request.action == "CreateDBInstance";
            roles.changes_original(request) || roles.removes_from_home(request) || makes && cannot_be_removed
        }
        _ => false,
    };
    if is_beyond { Allowance::Beyond } else { Allowance::None }
}

/// Whether this database keeps its status because a fault makes its deletion or its rename last for ever.
pub(super) fn is_at_work_for_ever(evidence: &Evidence<'_>, identifier: &str, status: &str) -> bool {
    let work = match status {
        "deleting" => "DeleteDB",
        "renaming" => "ModifyDB",
        _ => return false,
    };
    evidence.report.struck.iter().any(|strike| {
        let lasts = |fault: &Fault| matches!(fault, Fault::Stuck { .. }) && outlasts_a_rollback(fault);
        let is_stuck = matches!(&strike.fault, InjectedFault::Request(rule) if lasts(&rule.fault));
        let is_its = |request: &RecordedRequest| {
            request.action.starts_with(work) && request.parameters.values().any(|value| value == identifier)
        };
        is_stuck && request_of(strike, evidence).is_some_and(is_its)
    })
}

/// Whether a fault hit a recovery's search for leftovers, so that it may have found none.
pub(super) fn search_failed(evidence: &Evidence<'_>) -> bool {
    let is_of_search = |strike: &&Struck| strike.state.as_deref().is_some_and(steps::is_search);
    let mut strikes = evidence.report.struck.iter().filter(is_of_search);
    strikes.any(|strike| !is_past_lookup(strike, evidence))
}

/// Whether a step that sends mails gave up because of a fault of the mail itself.
pub(super) fn mail_failed(evidence: &Evidence<'_>) -> bool {
    let is_of_mail = |strike: &Struck| match &strike.fault {
        InjectedFault::Function(fault) => fault.function == "email",
        InjectedFault::Request(_) => strike.request.as_ref().is_some_and(|request| request.action == "SendEmail"),
        _ => false,
    };
    gave_up(evidence, "email") && (never_wakes(evidence, "email") || evidence.report.struck.iter().any(is_of_mail))
}

/// Whether this function is idle in the world, and Lambda never wakes it.
fn never_wakes(evidence: &Evidence<'_>, function: &str) -> bool {
    let lambda = &evidence.world.lambda;
    let is_idle = match &lambda.idle_functions {
        IdleFunctions::All(all) => *all,
        IdleFunctions::Named(functions) => functions.iter().any(|idle| idle == function),
    };
    is_idle && !lambda.ever_wakes
}

/// Whether a step that writes a mail failed to read RDS, so that the mail cannot say what exists.
pub(super) fn look_of_alert_failed(evidence: &Evidence<'_>) -> bool {
    let looks = evidence.requests.iter().filter(|request| request.action.starts_with("DescribeDB"));
    looks.filter(|request| request.role == "email").any(|request| request.outcome != Outcome::Ok)
}

/// Whether any step of this function failed after all its retries.
fn gave_up(evidence: &Evidence<'_>, function: &str) -> bool {
    let others = evidence.report.others.iter().flat_map(|other| &other.steps);
    let mut all = evidence.report.steps.iter().chain(others);
    all.any(|step| step.status == StepStatus::Failed && steps::calls(&step.state, function) && has_persisted(step))
}

/// Whether alerts arrive without an answer to their sender, more than once.
pub(super) fn answers_are_lost(evidence: &Evidence<'_>) -> bool {
    let is_lost = |strike: &&Struck| match &strike.fault {
        InjectedFault::Function(fault) => {
            let loses = matches!(fault.fault, FunctionFaultKind::AnswerLost | FunctionFaultKind::TimeOut);
            matches!(fault.function.as_str(), "email" | "slack") && loses
        }
        InjectedFault::Request(rule) => {
            let loses = matches!(rule.fault, Fault::Slow { .. } | Fault::ResponseLost {} | Fault::ConnectionReset {});
            let request = request_of(strike, evidence);
            let is_taken = request.is_some_and(|request| {
                let is_alert = matches!(request.action.as_str(), "SendEmail" | "PostMessage");
                is_alert && matches!(request.outcome, Outcome::Ok | Outcome::ResponseLost)
            });
            loses && is_taken
        }
        _ => false,
    };
    evidence.report.struck.iter().filter(is_lost).count() > 1
}

/// Whether no message reached this webhook because of a fault of Slack, or of the store of its address.
pub(super) fn slack_failed(evidence: &Evidence<'_>, webhook: &str) -> bool {
    let [in_secret, in_parameter] = WEBHOOKS;
    if never_wakes(evidence, "slack") && gave_up(evidence, "slack") {
        return true;
    }
    evidence.report.struck.iter().any(|strike| match (&strike.fault, &strike.request) {
        (InjectedFault::Function(fault), _) => fault.function == "slack" && gave_up(evidence, "slack"),
        (InjectedFault::Request(_), Some(request)) => match request.action.as_str() {
            "GetSecretValue" => webhook == in_secret,
            "GetParameter" => webhook == in_parameter,
            "PostMessage" => request.parameters.values().any(|path| path == webhook),
            _ => false,
        },
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_includes_its_last_moment() {
        let (started, lasted, end) = (932.79, 290.754, Duration::from_millis(1_223_544));
        assert!(started + lasted < end.as_secs_f64(), "a sum that a float rounds down");
        assert!(period(started, lasted).contains(&end));
    }
}
