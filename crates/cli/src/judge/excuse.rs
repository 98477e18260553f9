//! Whether something stood in the rollback's own way, so that asking a person for help is all it could do.
//!
//! One fault anywhere else, or one that passes by itself, excuses nothing: the original has to be back without help.

use std::ops::RangeInclusive;
use std::time::Duration;

use rds_simulator::{Fault, FaultRule, Outcome, RecordedRequest};

use super::scene::{self, doings};
use super::{Evidence, RunRole};
use crate::disturbance::{Disturbance, FunctionFaultKind};

/// How far a run is excused for not having put the original back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Excuse {
    None,
    /// The rollback's own requests or functions failed: a person with the mail's commands can do it.
    Hand,
    /// The database itself is in a bad way, or people have intervened: no command can be sure to help.
    Beyond,
}

/// More than all the retries of a step together: what lasts that long does not pass by itself.
const LASTING: u32 = 20;
/// A crash is retried three times, so the fourth in a row ends a step.
const LASTING_CRASHES: u32 = 4;
/// Lambda's own errors are retried eight times.
const LASTING_SERVICE_ERRORS: u32 = 9;
/// What does not answer for half an hour is given up.
const LASTING_SECONDS: f64 = 1_800.0;

pub(super) fn of(evidence: &Evidence<'_>) -> Excuse {
    let rollbacks = rollbacks(evidence);
    let by_people = if people_intervened(evidence) { Excuse::Beyond } else { Excuse::None };
    let by_faults = all_faults(evidence).map(|disturbance| match disturbance {
        Disturbed::Request(rule) => of_request(rule, evidence, &rollbacks),
        Disturbed::Function(function, fault, times) => of_function(function, fault, times),
    });
    by_faults.fold(by_people, Excuse::max)
}

/// A fault, wherever it was declared.
enum Disturbed<'a> {
    Request(&'a FaultRule),
    Function(&'a str, FunctionFaultKind, u32),
}

fn all_faults<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = Disturbed<'a>> {
    let declared = evidence.disturbances.iter().filter_map(|disturbance| match disturbance {
        Disturbance::Request(rule) => Some(Disturbed::Request(rule)),
        Disturbance::Function(fault) => Some(Disturbed::Function(&fault.function, fault.fault, fault.times)),
        _ => None,
    });
    declared.chain(evidence.world.faults.iter().map(Disturbed::Request))
}

/// When something was being put back.
fn rollbacks(evidence: &Evidence<'_>) -> Vec<RangeInclusive<Duration>> {
    let report = evidence.report;
    let of_itself = report.steps.iter().find(|step| step.state == "FailedState");
    let of_itself = of_itself.map(|step| (step.started_seconds, report.duration_seconds - step.started_seconds));
    let recoveries = report.others.iter().filter(|other| other.role == RunRole::Recovery);
    let recoveries = recoveries.map(|other| (other.started_seconds, other.duration_seconds));
    of_itself.into_iter().chain(recoveries).map(|(started, lasted)| period(started, lasted)).collect()
}

/// From and to, exact: a rollback may end in the moment of the request that made it fail.
fn period(started_seconds: f64, lasted_seconds: f64) -> RangeInclusive<Duration> {
    let [from, lasted] = [started_seconds, lasted_seconds].map(Duration::from_secs_f64);
    from..=from + lasted
}

/// The requests that met this fault.
fn struck<'a>(rule: &'a FaultRule, requests: &'a [RecordedRequest]) -> impl Iterator<Item = &'a RecordedRequest> {
    let last = rule.occurrence.saturating_add(rule.times.saturating_sub(1));
    let matching = requests.iter().filter(|request| {
        let about = |wanted: &str| request.parameters.values().any(|value| value.eq_ignore_ascii_case(wanted));
        request.caller != scene::PEOPLE
            && (rule.action == "*" || rule.action == request.action)
            && rule.caller.as_deref().is_none_or(|caller| caller == request.caller)
            && rule.identifier.as_deref().is_none_or(about)
    });
    let numbered = (1_u32..).zip(matching);
    numbered.filter(move |(number, _)| (rule.occurrence..=last).contains(number)).map(|(_, request)| request)
}

fn of_request(rule: &FaultRule, evidence: &Evidence<'_>, rollbacks: &[RangeInclusive<Duration>]) -> Excuse {
    let in_rollback = |request: &RecordedRequest| rollbacks.iter().any(|during| during.contains(&request.at));
    let mut struck = struck(rule, evidence.requests).filter(|request| !is_alert(request));
    let is_excused = match &rule.fault {
        Fault::Throttle { .. } | Fault::ServerError { .. } | Fault::ConnectionRefused {} | Fault::ResponseLost {} => {
            rule.times >= LASTING && struck.any(in_rollback)
        }
        Fault::Denied {} | Fault::Error { .. } => struck.any(in_rollback),
        Fault::Slow { seconds } | Fault::NotFoundFor { seconds } => *seconds >= LASTING_SECONDS,
        Fault::EndsIn { .. } => {
            return if struck.any(moves_the_original) { Excuse::Beyond } else { Excuse::None };
        }
        Fault::Stuck { seconds } if seconds.is_none_or(|seconds| seconds >= LASTING_SECONDS) => {
            // What is stuck while it is made cannot be removed everywhere.
            let cannot_be_removed = !evidence.world.unverified.delete_while_creating;
            let blocks = |request: &RecordedRequest| {
                let makes = request.action.starts_with("Restore") || request.action == "CreateDBInstance";
                moves_the_original(request) || request.action.starts_with("DeleteDB") || makes && cannot_be_removed
            };
            return if struck.any(blocks) { Excuse::Beyond } else { Excuse::None };
        }
        Fault::Stuck { .. } => false,
    };
    if is_excused { Excuse::Hand } else { Excuse::None }
}

/// A rename, or a change of what has been renamed.
fn moves_the_original(request: &RecordedRequest) -> bool {
    let renames = ["NewDBInstanceIdentifier", "NewDBClusterIdentifier"];
    let named = ["DBInstanceIdentifier", "DBClusterIdentifier"];
    request.action.starts_with("Modify")
        && (renames.iter().any(|name| request.parameters.contains_key(*name))
            || named.iter().filter_map(|name| request.parameters.get(*name)).any(|name| name.ends_with("-temp")))
}

/// Whether a request serves nothing but to tell people.
fn is_alert(request: &RecordedRequest) -> bool {
    request.action == "SendEmail" || is_slack(&request.action)
}

fn is_slack(action: &str) -> bool {
    matches!(action, "GetSecretValue" | "GetParameter" | "PostMessage")
}

fn of_function(function: &str, fault: FunctionFaultKind, times: u32) -> Excuse {
    let takes_part = ["discard-", "rename-", "release-", "wait-instance", "wait-cluster", "recover"];
    let lasting = match fault {
        FunctionFaultKind::Crash | FunctionFaultKind::AnswerLost | FunctionFaultKind::TimeOut => LASTING_CRASHES,
        FunctionFaultKind::ServiceException | FunctionFaultKind::TooManyRequests => LASTING_SERVICE_ERRORS,
    };
    let is_excused = times >= lasting && takes_part.iter().any(|name| function.starts_with(name));
    if is_excused { Excuse::Hand } else { Excuse::None }
}

/// Whether people deleted, renamed, stopped or made something the run works with, or took its marks off.
fn people_intervened(evidence: &Evidence<'_>) -> bool {
    let doings: Vec<&RecordedRequest> = doings(evidence.requests).collect();
    scene::touches_target(&doings, evidence)
}

/// Whether mails could not be sent, by a fault of the mail itself.
pub(super) fn mail_failed(evidence: &Evidence<'_>) -> bool {
    all_faults(evidence).any(|fault| match fault {
        Disturbed::Function(function, ..) => function == "email",
        Disturbed::Request(rule) => struck(rule, evidence.requests).any(|request| {
            request.action == "SendEmail" && matches!(request.outcome, Outcome::Error(_) | Outcome::ConnectionRefused)
        }),
    })
}

/// Whether alerts are taken, and nobody hears of it, more than once.
pub(super) fn answers_are_lost(evidence: &Evidence<'_>) -> bool {
    all_faults(evidence).any(|fault| match fault {
        Disturbed::Function(function, fault, times) => {
            let loses = matches!(fault, FunctionFaultKind::AnswerLost | FunctionFaultKind::TimeOut);
            matches!(function, "email" | "slack") && loses && times > 1
        }
        Disturbed::Request(rule) => {
            let loses = matches!(rule.fault, Fault::Slow { .. } | Fault::ResponseLost {});
            let concerns = matches!(rule.action.as_str(), "SendEmail" | "PostMessage" | "*");
            concerns && loses && rule.times > 1
        }
    })
}

/// Whether messages could not be posted to a webhook, by a fault of Slack or of where its address is kept.
pub(super) fn slack_failed(evidence: &Evidence<'_>) -> bool {
    all_faults(evidence).any(|fault| match fault {
        Disturbed::Function(function, ..) => function == "slack",
        Disturbed::Request(rule) => struck(rule, evidence.requests).any(|request| is_slack(&request.action)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_includes_the_moment_it_ends_in() {
        let (started, lasted, end) = (932.79, 290.754, Duration::from_millis(1_223_544));
        assert!(started + lasted < end.as_secs_f64(), "a sum that a float rounds down");
        assert!(period(started, lasted).contains(&end));
    }
}
