//! Decides whether a rehearsed run kept the promises I1 to I8.
//!
//! The oracle is pure. Its input is the world before the run, the settled world afterwards, and all requests and messages
//! in between. Its output is the list of broken promises. It believes the pipeline's own statements only where a promise is
//! about them. A person's change relaxes only the promises about the databases and snapshots that it touched.
//!
//! | module | owns |
//! |---|---|
//! | [`manual_recovery`] | runs the commands of the final mail, as a person would |
//! | `backup` | whether a restored database comes from the backup that the run chose |
//! | `mails` | whether the mails are true, and the effects of their commands |
//! | `trace` | whether data that clients could write is kept |
//! | `roles` | who is who: the target and its members, the run's own names, bystanders, databases that people created |
//! | `allowance` | whether a fault hindered the rollback itself, so that a person has to help |
//!
//! The oracle does not guess. A run without a target before it is held only to the promises about bystanders.

mod allowance;
mod backup;
mod mails;
pub mod manual_recovery;
mod roles;
mod trace;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use rds_simulator::{Mail, OPERATOR, Post, RecordedRequest, Service, World, WorldState};
use serde::Serialize;
use serde_json::Value;
use trapheus_alert::words;
use trapheus_common::document::{AlertPhase, SnapshotReplacement};
use trapheus_common::{ErrorKind, functions};

use crate::injection::InjectedFault;
use crate::rehearsal::WEBHOOKS;
use crate::report::{OtherRun, Report, RunRole};
use crate::steps;
use crate::timeline::{Step, StepStatus};
use allowance::Allowance;
use manual_recovery::ManualRecovery;
use roles::{Home, Roles, Stray};

/// A promise, by its number in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Promise {
    /// A database is available under the identifier.
    I1,
    /// `SUCCEEDED` means that the task is done. Every other end states its reason. No run hangs.
    I2,
    /// People receive alerts.
    I3,
    /// Neither the original nor the snapshot is lost.
    I4,
    /// Nothing is left behind.
    I5,
    /// Bystanders are left alone.
    I6,
    /// Settings are kept.
    I7,
    /// The database comes from the backup that the run chose.
    I8,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::I1 => "I1 availability",
            Self::I2 => "I2 truth",
            Self::I3 => "I3 alarm",
            Self::I4 => "I4 no data loss",
            Self::I5 => "I5 no strays",
            Self::I6 => "I6 bystanders",
            Self::I7 => "I7 settings",
            Self::I8 => "I8 pinned backup",
        };
        f.write_str(name)
    }
}

/// A broken promise, and how it was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub promise: Promise,
    pub what: String,
}

/// All evidence about a run.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub report: &'a Report,
    /// The world at the start, with its quotas and unverified answers.
    pub world: &'a World,
    pub faults: &'a [InjectedFault],
    pub snapshot_replacement: SnapshotReplacement,
    /// Whether the deployment takes a final snapshot of the original before its deletion.
    pub final_snapshot: bool,
    /// Whether the deployment sends an alert for a success.
    pub success_notice: bool,
    /// Whether all faults are ones that a run overcomes by itself.
    pub must_succeed: bool,
    pub requests: &'a [RecordedRequest],
    /// The world after all work in it has ended.
    pub after: &'a WorldState,
    /// The world at the same time, if only people had acted.
    pub without: &'a WorldState,
    /// The result of the final mail's commands, if it had any.
    pub manual_recovery: Option<&'a ManualRecovery>,
}

/// The longest time of a run: its deadline, the rollback's, and the most that a function may exceed them by.
const LONGEST_SECONDS: f64 = (24.0 + 6.0 + 2.0) * 3_600.0;
/// A change in this last part of a run is too late for the run to notice.
const LAST_MOMENT: Duration = Duration::from_secs(5);
/// The most mails about one run and its recovery: two each, and one that is sent twice because its answer was lost.
const MOST_MAILS: usize = 6;
/// The most copies of one alert if its answers are always lost. The sender cannot know that it was sent.
const MOST_COPIES: usize = 3;

/// The longest wait for a restored database that a person has renamed. The rename hides it for minutes, and the next read
/// has to show it. A run waits longer for a database that does not answer at all.
const NOTICED_SECONDS: f64 = 1_200.0;

/// Every promise that was broken.
pub fn examine(evidence: &Evidence<'_>) -> Vec<Broken> {
    let (roles, claimant) = (Roles::of(evidence), Claimant::of(evidence.report));
    let allowance = allowance::of(evidence, &roles, &claimant);
    let case = Case { e: *evidence, roles, claimant, allowance };
    let mut broken = Vec::new();
    case.availability(&mut broken);
    case.truth(&mut broken);
    case.alarm(&mut broken);
    case.loss(&mut broken);
    case.strays(&mut broken);
    case.bystanders(&mut broken);
    case.settings(&mut broken);
    backup::examine(&case, &mut broken);
    mails::examine(&case, &mut broken);
    trace::examine(&case, &mut broken);
    broken.sort_by_key(|one| one.promise);
    broken
}

/// The last mail about the run that claimed the database last, including its recovery. `None` if no mail was sent.
pub fn final_mail(report: &Report) -> Option<&Mail> {
    final_mail_about(report, Claimant::of(report).execution)
}

fn final_mail_about<'a>(report: &'a Report, execution: &'a str) -> Option<&'a Mail> {
    let arns: Vec<&str> = family(report, execution).collect();
    report.mails.iter().rev().find(|mail| is_about(mail, &arns))
}

/// An execution and its recoveries.
fn family<'a>(report: &'a Report, execution: &'a str) -> impl Iterator<Item = &'a str> {
    let recoveries = recoveries(report, execution);
    std::iter::once(execution).chain(recoveries.map(|other| other.execution.as_str()))
}

fn recoveries<'a>(report: &'a Report, execution: &'a str) -> impl Iterator<Item = &'a OtherRun> {
    let recoveries = report.others.iter().filter(|other| is_recovery(other));
    recoveries.filter(move |other| other.input["execution"] == execution)
}

/// Whether the execution is a recovery of another one, started by the rule or by a person.
fn is_recovery(other: &OtherRun) -> bool {
    other.role == RunRole::Recovery || other.input["task"] == "recover"
}

/// Runs beside the requested one, with their own task.
fn runs_beside(report: &Report) -> impl Iterator<Item = &OtherRun> {
    report.others.iter().filter(|other| other.role == RunRole::Second && !is_recovery(other))
}

/// Whether a mail states that it is about one of the executions. It may mention others, such as the holder of the claim.
fn is_about(mail: &Mail, executions: &[&str]) -> bool {
    let mut facts = mail.text.as_deref().unwrap_or_default().lines();
    facts.any(|line| {
        let fact = |label: &&str| line.strip_prefix(*label)?.strip_prefix(':');
        let about = [words::EXECUTION, words::RECOVERY].iter().find_map(fact);
        about.is_some_and(|arn| executions.contains(&arn.trim()))
    })
}

/// Whether a message to Slack states that it is about one of the executions.
fn is_post_about(post: &Post, executions: &[&str]) -> bool {
    let blocks = post.body["blocks"].as_array().into_iter().flatten();
    let mut lines = blocks.filter_map(|block| block["text"]["text"].as_str()).flat_map(str::lines);
    lines.any(|line| {
        let fact = |label: &&str| line.strip_prefix(&format!("*{label}:* "));
        let about = [words::EXECUTION, words::RECOVERY].iter().find_map(fact);
        about.is_some_and(|arn| executions.contains(&arn.trim()))
    })
}

/// The period in which an execution had the claim, in seconds since the world began.
fn hold(steps: &[Step], started: f64, duration: f64) -> Option<(f64, f64)> {
    let claimed =
        steps.iter().find(|step| steps::does(&step.state, "claim") && step.status == StepStatus::Succeeded)?;
    let released = steps.iter().find(|step| steps::does(&step.state, "release"));
    let released = released.map_or(duration, |step| step.started_seconds);
    Some((started + claimed.started_seconds + claimed.seconds, started + released))
}

/// Whether an execution lost its claim. If two write a claim at the same moment, the last writer has it.
fn has_lost(steps: &[Step]) -> bool {
    let is_refused =
        |step: &Step| step.error.as_deref() == Some(ErrorKind::Claim.name()) && !steps::does(&step.state, "claim");
    steps::any_succeeded(steps, "claim") && steps.iter().any(is_refused)
}

/// The run that claimed the database last, and is therefore responsible for the result.
struct Claimant<'a> {
    execution: &'a str,
    status: &'a str,
    steps: &'a [Step],
    /// The start of the run, in seconds since the world began, and its duration.
    began: f64,
    lasted: f64,
    recoveries: Vec<&'a OtherRun>,
    /// The end of the run and its recoveries.
    end: Duration,
    /// Whether it is the requested run, not one beside it.
    is_first: bool,
}

impl<'a> Claimant<'a> {
    fn of(report: &'a Report) -> Self {
        let own = hold(&report.steps, 0.0, report.duration_seconds);
        let later = |other: &&OtherRun| {
            let theirs = hold(&other.steps, other.started_seconds, other.duration_seconds);
            theirs.is_some_and(|(since, _)| own.is_none_or(|(_, until)| until <= since)) && !has_lost(&other.steps)
        };
        let seconds = runs_beside(report);
        let last = seconds.filter(later).max_by(|one, other| one.started_seconds.total_cmp(&other.started_seconds));
        match last {
            Some(other) => Self::new(
                report,
                (&other.execution, &other.status, &other.steps),
                (other.started_seconds, other.duration_seconds),
                false,
            ),
            None => Self::new(
                report,
                (&report.execution, &report.status, &report.steps),
                (0.0, report.duration_seconds),
                true,
            ),
        }
    }

    fn new(
        report: &'a Report,
        (execution, status, steps): (&'a str, &'a str, &'a [Step]),
        (began, lasted): (f64, f64),
        is_first: bool,
    ) -> Self {
        let recoveries: Vec<&OtherRun> = recoveries(report, execution).collect();
        let ends = recoveries.iter().map(|other| other.started_seconds + other.duration_seconds);
        let end = Duration::from_secs_f64(ends.fold(began + lasted, f64::max));
        Self { execution, status, steps, began, lasted, recoveries, end, is_first }
    }

    fn succeeded(&self) -> bool {
        self.status == "SUCCEEDED"
    }
}

struct Case<'a> {
    e: Evidence<'a>,
    roles: Roles<'a>,
    claimant: Claimant<'a>,
    allowance: Allowance,
}

impl Case<'_> {
    fn succeeded(&self) -> bool {
        self.e.report.succeeded()
    }

    fn recoveries(&self) -> impl Iterator<Item = &OtherRun> {
        recoveries(self.e.report, &self.e.report.execution)
    }

    /// Mails about the run and its recoveries.
    fn mails(&self) -> impl Iterator<Item = &Mail> {
        let own: Vec<&str> = family(self.e.report, &self.e.report.execution).collect();
        self.e.report.mails.iter().filter(move |mail| is_about(mail, &own))
    }

    /// Whether this run created the database, rather than a run beside it or a person.
    fn is_made_by_the_run(&self, resource_id: &str) -> bool {
        let seconds = runs_beside(self.e.report);
        let beside: Vec<&str> = seconds.filter_map(|other| other.execution.rsplit(':').next()).collect();
        let mut made = self.roles.made_by_runs();
        made.any(|made| made.resource_id == resource_id && !beside.contains(&made.caller.as_str()))
    }

    /// Whether any run compared a restored database with the original successfully.
    fn is_verified(&self) -> bool {
        let runs = self.e.report.others.iter().map(|other| &other.steps).chain([&self.e.report.steps]);
        runs.into_iter().any(|run| steps::any_succeeded(run, "verify"))
    }

    /// Whether a run beside this one did the whole task, and so replaced the original in its own right.
    fn another_succeeded(&self) -> bool {
        runs_beside(self.e.report).any(|other| other.status == "SUCCEEDED")
    }

    /// Whether the final mail asks for help, or explains why it cannot say which help.
    fn asks_for_help(&self) -> bool {
        // The run respects a claim that a person wrote, and the mail names its owner.
        let gives_way = |mail: &Mail| mail.subject.contains(words::ANOTHER_RUN);
        final_mail(self.e.report)
            .is_some_and(|mail| mail.subject.contains(words::ACTION_NEEDED) || self.is_blind() || gives_way(mail))
    }

    /// Whether the final mail could not read RDS, because the fault that hindered the rollback lasted to the end. Such a
    /// mail cannot have commands for RDS. It has to say where to look, or how to start the failed recovery again.
    fn is_blind(&self) -> bool {
        let says_so = final_mail(self.e.report).is_some_and(|mail| {
            let text = mail.text.as_deref().unwrap_or_default();
            if text.contains(words::FOUND_NOTHING_OUT) {
                let restarts =
                    manual_recovery::recovered(text).is_some_and(|execution| execution == self.claimant.execution);
                return restarts && allowance::search_failed(&self.e);
            }
            let is_blind = mail.subject.contains(words::BLIND) && text.contains(&self.roles.identifier);
            is_blind && allowance::look_of_alert_failed(&self.e)
        });
        says_so && self.allowance >= Allowance::Help
    }

    /// The world in which a failed run is examined. It is the world after the final mail's commands, if a fault hindered the
    /// rollback and the mail has any. Otherwise it is the world as the run left it.
    fn in_the_end(&self) -> &WorldState {
        match self.e.manual_recovery {
            Some(manual_recovery) if self.allowance != Allowance::None => &manual_recovery.after,
            _ => self.e.after,
        }
    }

    /// Whether a verified restored database stands beside an original that the run could not delete. The mail's commands
    /// finish that run.
    fn is_leftover(&self) -> bool {
        let mut worlds = [self.in_the_end(), self.world_of_the_run()].into_iter();
        let is_in_place = worlds.any(|world| self.roles.home(world) == Home::Restored);
        self.is_verified() && !self.succeeded() && is_in_place
    }

    fn availability(&self, broken: &mut Vec<Broken>) {
        if self.roles.original().is_none() {
            return;
        }
        let mut say = |what: String| broken.push(Broken { promise: Promise::I1, what });
        let home = self.roles.home(self.world_of_the_run());
        if matches!(home, Home::Wrong(_)) && self.people_acted_last() {
            return;
        }
        if self.succeeded() && self.claimant.is_first {
            match home {
                Home::Restored if self.roles.restores() || self.another_succeeded() => {}
                Home::Original if !self.roles.restores() => {}
                // The run has created the requested snapshot. It need not repair a person's change of the database.
                Home::Wrong(_) if !self.roles.restores() && self.allowance >= Allowance::Help => {}
                other => say(format!("the run succeeded, but {}", self.roles.describe(&other))),
            }
            if let Some(why) = self.not_yet() {
                say(format!("the run succeeded too early: {why}"));
            }
            return;
        }
        if self.is_good(&home) {
            if let Some(why) = self.not_yet() {
                say(format!("the run ended {} too early: {why}", self.e.report.status));
            }
            return;
        }
        let described = self.roles.describe(&home);
        if self.allowance < Allowance::Help {
            say(format!("{described}, though nothing stood in the way of putting the original back"));
            return;
        }
        if !self.asks_for_help() {
            // If the mail itself failed, the run cannot alert people.
            if !allowance::mail_failed(&self.e) {
                say(format!("{described}, and no final mail asks for action"));
            }
            return;
        }
        match self.e.manual_recovery {
            _ if self.allowance == Allowance::Beyond => {}
            None if self.is_blind() => {}
            None => say(format!("{described}, and the final mail has no commands")),
            Some(manual_recovery) => {
                let home = self.roles.home(&manual_recovery.after);
                if !self.is_good(&home) {
                    let problem = manual_recovery.problem.as_deref().unwrap_or("all of them were accepted");
                    let described = self.roles.describe(&home);
                    say(format!("after the final mail's commands {described} ({problem})"));
                }
            }
        }
    }

    /// The reason why the database was available only after the end of the run. A stopped run has not waited, so it is
    /// exempt.
    fn not_yet(&self) -> Option<String> {
        let has_ended = matches!(self.e.report.status.as_str(), "SUCCEEDED" | "FAILED");
        // A recovery that finds no work has not waited either.
        let is_quiet = |other: &OtherRun| is_recovery(other) && other.changes == 0;
        let has_waited = has_ended && self.e.report.others.iter().all(is_quiet);
        if !has_waited
            || self.allowance != Allowance::None
            || self.roles.reboots_of_home().any(|at| self.is_in_the_last_moment(at))
        {
            return None;
        }
        self.roles.not_serving(&self.e.report.world)
    }

    /// Whether a failed run may leave this database under the service name.
    fn is_good(&self, home: &Home) -> bool {
        match home {
            Home::Original => true,
            Home::Restored => self.is_verified(),
            Home::Wrong(_) => false,
        }
    }

    /// The world as the run left it. The run need not repair later changes by people.
    fn world_of_the_run(&self) -> &WorldState {
        let removals = self.roles.removals();
        let is_later = !removals.is_empty() && removals.iter().all(|removal| removal.at > self.claimant.end);
        if is_later { &self.e.report.world } else { self.e.after }
    }

    /// Whether people removed or renamed the database in the run's last moment.
    fn people_acted_last(&self) -> bool {
        self.roles.takings_from_home().any(|at| self.is_in_the_last_moment(at))
    }

    /// Whether the time is after the run's last read, or within a moment before it. Reads of an export do not count, since
    /// the run waits for them after the database is finished.
    fn is_in_the_last_moment(&self, at: Duration) -> bool {
        let own = self.e.requests.iter().filter(|request| request.caller != OPERATOR);
        let looks = own.filter(|request| request.action != "DescribeExportTasks");
        let last = looks.map(|request| request.at).max().unwrap_or_default();
        at + LAST_MOMENT >= last && at <= self.claimant.end
    }

    /// The failure of an export that the output reports.
    fn failed_export(&self) -> Option<&Value> {
        self.e.report.output.as_ref()?.pointer("/export/failure")
    }

    /// The missing or untrue statement about the requested export in a successful run's output.
    fn untrue_of_export(&self) -> Option<String> {
        if self.e.report.input["export"] != true {
            return None;
        }
        let output = self.e.report.output.as_ref()?;
        let is_the_task = self.e.report.input["task"] == "create_snapshot_only";
        if self.failed_export().is_some() {
            return is_the_task.then(|| "its export failed".to_owned());
        }
        let Some(identifier) = output.pointer("/export/identifier").and_then(Value::as_str) else {
            return Some("its output does not speak of the export".to_owned());
        };
        let export = self.e.report.world.exports.iter().find(|export| export.identifier == identifier);
        match export.map(|export| export.status.as_ref()) {
            None => Some(format!("there is no export {identifier}")),
            Some("complete") => None,
            Some(status) if self.e.report.input["waitForExport"] == true => Some(format!("its export is {status}")),
            Some("failed" | "canceled") => Some("its export had ended without its data".to_owned()),
            Some(_) => None,
        }
    }

    /// The step that sent the run into its rollback.
    fn first_failure(&self) -> Option<&Step> {
        let all = &self.e.report.steps;
        let rolled_back = steps::failure_handling(all)?.started_seconds;
        let mut before =
            all.iter().take_while(|step| !steps::mails(&step.state, AlertPhase::First)).collect::<Vec<_>>();
        before.retain(|step| step.started_seconds + step.seconds <= rolled_back);
        before.into_iter().rev().find(|step| step.status == StepStatus::Failed)
    }

    /// The error that sent the run into its rollback. A function that does not wake causes an error of its own.
    fn first_error(&self) -> Option<&str> {
        self.first_failure().filter(|step| steps::of_run(step) == step.state)?.error.as_deref()
    }

    /// The time from a person's rename of the restored database to the start of the rollback.
    fn time_until_noticed(&self) -> Option<f64> {
        let renamed = self.roles.result_renamed()?.as_secs_f64() - self.claimant.began;
        let rolled_back = steps::failure_handling(self.claimant.steps)?.started_seconds;
        (rolled_back > renamed).then_some(rolled_back - renamed)
    }

    /// An input field that has the name of a key of the state document, if the run still changed RDS.
    fn accepted_key(&self) -> Option<&str> {
        let changes = |request: &&RecordedRequest| {
            let looks = request.action.starts_with("Describe") || request.action.starts_with("List");
            request.service == Service::Rds && request.caller != OPERATOR && !looks
        };
        self.e.requests.iter().find(changes)?;
        let fields = self.e.report.input.as_object()?;
        fields
            .keys()
            .map(String::as_str)
            .find(|name| *name != "export" && functions::keys().chain(["input"]).any(|key| key == *name))
    }

    /// Whether a run beside this one began to replace the snapshot and did not finish.
    fn another_left_the_snapshot(&self) -> bool {
        let seconds = runs_beside(self.e.report);
        let mut failed = seconds.filter(|other| other.status != "SUCCEEDED");
        failed.any(|other| steps::any(&other.steps, |state| steps::does(state, "snapshot")))
    }

    fn truth(&self, broken: &mut Vec<Broken>) {
        let mut say = |what: String| broken.push(Broken { promise: Promise::I2, what });
        let report = self.e.report;
        if self.succeeded() {
            // A later run is responsible for its own unfinished work, such as the next replacement of the snapshot.
            let is_begun = |missing: &String| {
                !self.claimant.is_first && (self.allowance != Allowance::None || self.claimant.succeeded())
                    || self.another_left_the_snapshot() && missing.contains("snapshot")
            };
            if let Some(what) = self.untrue_of_export() {
                say(format!("the run succeeded, but {what}"));
            }
            for missing in self.roles.undone(self.e.after).into_iter().filter(|missing| !is_begun(missing)) {
                say(format!("the run succeeded, but {missing}"));
            }
        } else if report.status == "FAILED" {
            if report.error.as_deref().unwrap_or_default().is_empty() {
                say("it failed without an error".to_owned());
            }
            if let Some(first) = self.first_error().filter(|first| report.error.as_deref() != Some(first)) {
                say(format!("it failed with {:?}, though what failed first was {first}", report.error));
            }
            if report.cause.as_deref().unwrap_or_default().is_empty() {
                say(format!("it failed with {:?} and no cause", report.error.as_deref().unwrap_or_default()));
            }
        }
        if self.e.must_succeed && !self.succeeded() {
            let error = report.error.as_deref().unwrap_or_default();
            say(format!("it ended {} {error}, though all that went wrong passes by itself", report.status));
        }
        if let Some(seconds) = self.time_until_noticed().filter(|seconds| *seconds > NOTICED_SECONDS) {
            say(format!("a person renamed the restored database, which the run noticed after {seconds:.0} seconds"));
        }
        if let Some(key) = self.accepted_key() {
            say(format!("it changed something, though its input has the field {key}"));
        }
        if report.duration_seconds > LONGEST_SECONDS {
            say(format!("it took {:.0} hours", report.duration_seconds / 3_600.0));
        }
        for recovery in self.recoveries() {
            if recovery.duration_seconds > LONGEST_SECONDS {
                say(format!("its recovery took {:.0} hours", recovery.duration_seconds / 3_600.0));
            }
            if recovery.status == "FAILED" && recovery.error.as_deref().unwrap_or_default().is_empty() {
                say("its recovery failed without an error".to_owned());
            }
            if recovery.status == "SUCCEEDED"
                && !self.is_good(&self.roles.home(self.e.after))
                && self.roles.original().is_some()
                && self.roles.removals().is_empty()
                && self.claimant.is_first
            {
                let home = self.roles.describe(&self.roles.home(self.e.after));
                say(format!("its recovery succeeded, but {home}"));
            }
        }
    }

    fn alarm(&self, broken: &mut Vec<Broken>) {
        let mut say = |what: String| broken.push(Broken { promise: Promise::I3, what });
        let report = self.e.report;
        let own: Vec<&str> = family(report, &report.execution).collect();
        let sent = self.mails().count();
        let mail_failed = allowance::mail_failed(&self.e);
        let is_told = self.failed_export().is_some() || self.e.success_notice;
        let least = self.least_messages(&report.status, &report.steps).max(usize::from(is_told && self.succeeded()));
        // An end that a redrive followed caused its own alerts.
        let ends = report.redriven.len();
        // A person's recovery of a running execution is refused, and sends two mails about it.
        let refused = self.recoveries().filter(|one| one.role == RunRole::Second && one.status != "SUCCEEDED").count();
        let is_quiet = self.succeeded() && !is_told && ends == 0;
        if is_quiet && sent > 2 * refused || sent < least && !mail_failed {
            say(format!("{sent} mails were sent about a run that ended {}", report.status));
        }
        // A sender that gets no answer has to send the mail again.
        let answers_are_lost = allowance::answers_are_lost(&self.e);
        let notices = usize::from(self.e.success_notice);
        let most =
            if answers_are_lost { (own.len() * 2 + notices) * MOST_COPIES } else { MOST_MAILS * (1 + ends) + notices };
        if sent > most {
            say(format!("{sent} mails were sent about one run"));
        }
        for webhook in WEBHOOKS {
            let posted = report.posts.iter().filter(|post| post.path == webhook && is_post_about(post, &own)).count();
            if posted < least && !allowance::slack_failed(&self.e, webhook) {
                say(format!("{posted} messages were posted to {webhook} about a run that ended {}", report.status));
            }
            if posted > most {
                say(format!("{posted} messages were posted to {webhook} about one run"));
            }
        }
        for other in runs_beside(report).filter(|other| other.status != "SUCCEEDED") {
            let own: Vec<&str> = family(report, &other.execution).collect();
            let sent = report.mails.iter().filter(|mail| is_about(mail, &own)).count();
            if sent < self.least_messages(&other.status, &other.steps) && !mail_failed {
                say(format!("{sent} mails were sent about the second run, which ended {}", other.status));
            }
        }
    }

    /// The least number of messages that a run sends on each way. A failed run sends one at once and one at the end. A run
    /// of which only the export failed sends one. A run that reaches the notice sends that as well.
    fn least_messages(&self, status: &str, run: &[Step]) -> usize {
        let goes_on = |state: &str| ["delete", "release"].iter().any(|verb| steps::does_in_run(state, verb));
        let alerts = match () {
            () if steps::any(run, |state| steps::mails(state, AlertPhase::Export)) => 1,
            () if status == "SUCCEEDED" => 0,
            () => 2,
        };
        alerts + usize::from(self.e.success_notice && steps::any(run, goes_on))
    }

    fn loss(&self, broken: &mut Vec<Broken>) {
        let mut say = |what: String| broken.push(Broken { promise: Promise::I4, what });
        // A recovery cannot know that a database is verified before its tag says so.
        let has_committed = steps::any_succeeded(&self.e.report.steps, "commit");
        if self.is_leftover() && has_committed && self.allowance == Allowance::None {
            let rolls_back = |run: &&OtherRun| steps::any(&run.steps, |state| steps::does(state, "discard"));
            for recovery in self.recoveries().filter(rolls_back) {
                let name = &self.roles.identifier;
                say(format!("the recovery {} tried to roll back, though {name} is verified", recovery.execution));
            }
            for mail in
                self.mails().filter(|mail| mail.text.as_deref().is_some_and(|text| text.contains(words::FOREIGN)))
            {
                say(format!("{:?} calls a verified database foreign", mail.subject));
            }
        }
        for original in self.roles.originals() {
            let is_there = original.is_in(self.e.after);
            if is_there || self.roles.is_deleted_by_people(&original.resource_id) {
                continue;
            }
            match self.roles.home(self.e.after) {
                Home::Restored if self.is_verified() => {}
                // The person renamed the successor.
                Home::Wrong(_) if self.is_verified() && self.roles.people_renamed_home() => {}
                // The person deleted the successor when the deletion of the original had already begun.
                Home::Wrong(_) if self.is_verified() && self.roles.people_deleted_the_successor(self.e.requests) => {}
                // The stopped database can be started again.
                Home::Wrong(_) if self.is_verified() && self.roles.people_stopped_home(self.e.after) => {}
                home => say(format!(
                    "the original {} ({}) is gone, and {}",
                    original.identifier,
                    original.resource_id,
                    self.roles.describe(&home)
                )),
            }
        }
        if self.e.snapshot_replacement == SnapshotReplacement::KeepUntilReplaced
            && self.roles.had_snapshot()
            && !self.roles.has_snapshot(self.e.after)
            && !self.roles.people_took_the_snapshot()
        {
            say(format!("{}-snapshot was available, and neither it nor its successor is now", self.roles.identifier));
        }
    }

    fn strays(&self, broken: &mut Vec<Broken>) {
        let mut say = |what: String| broken.push(Broken { promise: Promise::I5, what });
        if self.succeeded() && self.claimant.is_first || self.another_succeeded() {
            // `undone` has checked this, or another run has replaced all of it.
            return;
        }
        // An alert has asked a person to decide about the rest, or no mail could be sent.
        let is_told = self.asks_for_help() || allowance::mail_failed(&self.e);
        if (self.allowance == Allowance::Beyond || self.is_blind()) && is_told
            || self.allowance != Allowance::None && allowance::mail_failed(&self.e)
        {
            return;
        }
        let world = self.in_the_end();
        let is_stuck = |stray: &Stray| {
            let of_cluster = stray.cluster.as_ref().and_then(|name| world.cluster(name));
            let cluster = of_cluster.map(|found| (found.identifier.as_str(), found.status.as_ref()));
            let mut all = [Some((stray.identifier.as_str(), stray.status.as_str())), cluster].into_iter().flatten();
            all.any(|(identifier, status)| allowance::is_at_work_for_ever(&self.e, identifier, status))
        };
        let problem = self.e.manual_recovery.and_then(|manual_recovery| manual_recovery.problem.as_deref());
        let problem = problem.map_or_else(String::new, |problem| format!(" ({problem})"));
        let (stuck, left): (Vec<_>, Vec<_>) = self.roles.restored(world).into_iter().partition(is_stuck);
        if !self.is_leftover() {
            for stray in left.iter().filter(|stray| !self.is_of_the_first(stray)) {
                say(format!("{stray} is left, restored by this run{problem}"));
            }
        }
        for mark in self.roles.marks(world) {
            let is_on_stuck = stuck.iter().any(|stray| mark.on.starts_with(&format!("{stray} (")));
            if !(is_on_stuck || self.is_leftover() && mark.on_database) {
                say(format!("a mark of this run is left on {}{problem}", mark.on));
            }
        }
    }

    /// Whether the first run replaced the original with this database, before the last run with the claim began.
    fn is_of_the_first(&self, stray: &Stray) -> bool {
        self.succeeded() && !self.claimant.is_first && self.is_made_by_the_run(&stray.resource_id)
    }

    fn bystanders(&self, broken: &mut Vec<Broken>) {
        for what in self.roles.harmed_bystanders(self.e.without, self.e.after) {
            broken.push(Broken { promise: Promise::I6, what });
        }
        for what in self.roles.changes_of_strangers() {
            broken.push(Broken { promise: Promise::I6, what });
        }
        let report = self.e.report;
        let Some(own) = hold(&report.steps, 0.0, report.duration_seconds) else { return };
        for other in runs_beside(report) {
            let Some(theirs) = hold(&other.steps, other.started_seconds, other.duration_seconds) else { continue };
            let claims = [(report.execution.as_str(), own), (other.execution.as_str(), theirs)];
            if let Some(what) = self.harm_of_two(claims) {
                broken.push(Broken { promise: Promise::I6, what: what.to_owned() });
            }
        }
    }

    /// The harm of two executions whose claims overlap. Tags show late, and no run can know of a claim before it shows. So two
    /// executions may claim at the same moment. The one that wrote its claim last wins, and the other one changes nothing once
    /// that claim shows.
    fn harm_of_two(&self, claims: [(&str, (f64, f64)); 2]) -> Option<&'static str> {
        let mut claims = claims.map(|(execution, hold)| (self.claimed_at(execution, hold), execution, hold));
        claims.sort_by(|((one, first), ..), ((other, second), ..)| one.total_cmp(other).then(first.cmp(second)));
        let [((first, _), loser, held), ((last, _), _, theirs)] = claims;
        let until = held.1.min(theirs.1);
        if until <= last {
            return None;
        }
        let shows_after = self.e.world.lag.tags_seconds + LAST_MOMENT.as_secs_f64();
        if last > first + shows_after {
            return Some("two runs had claimed the database at the same time");
        }
        let mut changes = self.roles.changes_by(self.is_caller(loser)).map(|request| request.at.as_secs_f64());
        changes
            .any(|at| at > last + shows_after && at < until)
            .then_some("two runs changed the database at the same time")
    }

    /// The moment of the last claim that an execution wrote in its claim step, and its place among the requests: two may come
    /// in the same moment.
    fn claimed_at(&self, execution: &str, (claimed, _): (f64, f64)) -> (f64, usize) {
        let writes = self.roles.claims_by(self.is_caller(execution));
        let writes = writes.map(|(place, request)| (request.at.as_secs_f64(), place));
        writes.filter(|(at, _)| *at <= claimed).last().unwrap_or((claimed, usize::MAX))
    }

    /// Whether a caller of RDS is this execution. Requests of the first run may have no label.
    fn is_caller<'c>(&self, execution: &'c str) -> impl Fn(&str) -> bool + use<'c> {
        let name = execution.rsplit(':').next().unwrap_or_default();
        let is_first = execution == self.e.report.execution;
        move |caller| caller == name || is_first && caller.is_empty()
    }

    fn settings(&self, broken: &mut Vec<Broken>) {
        let mut say = |what: String| broken.push(Broken { promise: Promise::I7, what });
        let (world, reported) = if self.succeeded() {
            // A successful run may leave behind only the differences that its output reports.
            (self.e.after, self.e.report.output.as_ref().map(ToString::to_string).unwrap_or_default())
        } else {
            (self.in_the_end(), String::new())
        };
        let home = self.roles.home(world);
        let expects_restored = self.succeeded() && self.roles.restores();
        let is_comparable = match home {
            Home::Original => !expects_restored,
            Home::Restored => expects_restored,
            Home::Wrong(_) => false,
        };
        if !is_comparable {
            return;
        }
        let unreported: BTreeSet<String> = self
            .roles
            .changed_settings(self.e.without, world)
            .into_iter()
            .filter(|found| !found.is_in(&reported))
            .map(|found| found.to_string())
            .collect();
        for difference in unreported {
            say(difference);
        }
    }
}
