//! Finds the databases that an interrupted execution has left, so that the state machine can repair them.
//!
//! An execution that is stopped, times out, or fails with an uncatchable error leaves its databases as they are at that
//! moment. The task `recover` finds the databases with that execution's claim. The state machine then acts as after any
//! failure: it sends alerts, and runs the rollback on the present databases.
//!
//! | module | owns |
//! |---|---|
//! | `subject` | the input: an execution, or a database |
//! | `interrupted` | the execution: its end, its time and its input |
//! | `observation` | the databases and snapshots with its tags, as one read shows them |
//! | `instance`, `cluster` | that read, and the plan's `original` |
//! | `finding` | the repair: a pure decision |
//!
//! The recovery changes nothing, and returns an error while the execution can still work on the database.

mod cluster;
mod finding;
mod instance;
mod interrupted;
mod observation;
mod subject;

use std::time::Duration;

use aws_sdk_rds::types::{DbCluster, DbInstance};
use serde_json::{Value, json};
use tokio::time::Instant;
use trapheus_common::claim::Claim;
use trapheus_common::clients::Lazy;
use trapheus_common::document::{
    Caught, Finding, Names, RecoverEvent, RecoveryDocument, RecoveryOutput, Request, TaskName, ValidateEvent,
};
use trapheus_common::identifiers::{DatabaseKind, execution_machine};
use trapheus_common::input::{ValidateOptions, validate};
use trapheus_common::lambda::Invocation;
use trapheus_common::rds::Database;
use trapheus_common::tags::{self, Role};
use trapheus_common::timestamp::Timestamp;
use trapheus_common::{Error, ErrorKind, Result, rds};

use crate::finding::{Decision, decide};
use crate::interrupted::{Ending, Interrupted};
use crate::observation::Observation;
use crate::subject::Subject;

/// The time for which a function of the stopped execution may still be at work. The stop of an execution does not stop its
/// functions. Every function that makes a change has this time limit.
const AT_WORK: Duration = Duration::from_secs(180);
/// The time of the search for a database that does not answer: a rename takes minutes.
const PATIENCE: Duration = Duration::from_secs(600);
/// The time for questions about an execution that Step Functions does not know yet, or still calls running.
const ASKING: Duration = Duration::from_secs(300);
/// The pause between two reads, and the number of consecutive reads that have to agree.
const PAUSE: Duration = Duration::from_secs(5);
const CONSECUTIVE_READS: u32 = 3;
/// The time that the function leaves for its answer to arrive.
const MARGIN: Duration = Duration::from_secs(20);

/// Finds the databases that the execution, or the last execution on the database, has left.
pub async fn recover(
    rds: &aws_sdk_rds::Client,
    sfn: &Lazy<aws_sdk_sfn::Client>,
    options: ValidateOptions,
    event: RecoverEvent,
    at: Invocation,
) -> Result<RecoveryDocument> {
    let own_input = event.input.clone();
    let interrupted = match subject::parse(&event.input)? {
        Subject::Execution { arn, event: ended } => {
            check_machine(&event.execution, &arn)?;
            match interrupted::ended(sfn, &arn, ended.as_ref(), ASKING).await? {
                Some(interrupted) => interrupted,
                None => return Err(refused(None, format!("there is no execution {arn} in this account and region"))),
            }
        }
        Subject::Database { identifier, is_cluster } => {
            // The names follow from the identifier alone; the claims under them name the execution.
            let input = json!({"identifier": identifier, "task": "db_restore", "isCluster": is_cluster});
            let names =
                ValidateEvent { execution: event.execution.clone(), start_time: at.clock.now(), input: input.clone() };
            let names = validate(options, names)?;
            match claiming_execution(rds, &names).await? {
                Some(arn) => {
                    check_machine(&event.execution, &arn)?;
                    match interrupted::ended(sfn, &arn, None, ASKING).await? {
                        Some(interrupted) => interrupted.asked_for_by_name(),
                        None => Interrupted::forgotten(arn, at.clock.now(), input),
                    }
                }
                None => return Ok(nothing(own_input, None, format!("no execution has claimed {}", names.identifier))),
            }
        }
    };
    of_execution(rds, options, own_input, interrupted, at).await
}

async fn of_execution(
    rds: &aws_sdk_rds::Client,
    options: ValidateOptions,
    own_input: Value,
    interrupted: Interrupted,
    at: Invocation,
) -> Result<RecoveryDocument> {
    if interrupted.ending == Ending::Running {
        return Err(refused(
            Some(&interrupted),
            format!("the execution {} still runs: wait until it has ended, or stop it first", interrupted.arn),
        ));
    }
    if interrupted.ending == Ending::RunsAgain {
        return Ok(nothing(own_input, Some(&interrupted), "it was redriven and runs again".to_owned()));
    }
    if interrupted.is_recovery() {
        return Ok(nothing(own_input, Some(&interrupted), "a recovery is not recovered".to_owned()));
    }
    let asked = ValidateEvent {
        execution: interrupted.arn.clone(),
        start_time: interrupted.started_at,
        input: interrupted.input.clone(),
    };
    // The former default for exports is unknown, and an input that only waits for an export is refused without one.
    let Ok(request) = validate(ValidateOptions { export_snapshots: true, ..options }, asked) else {
        let told = nothing(own_input, Some(&interrupted), "its input was refused, so it touched nothing".to_owned());
        // An execution that ended without an alert is reported all the same.
        let finding = if interrupted.ending == Ending::Silent { Finding::Release } else { Finding::Nothing };
        return Ok(RecoveryDocument { recovery: RecoveryOutput { finding, ..told.recovery }, ..told });
    };
    until_at_rest(&interrupted, at).await;
    let (finding, reason, observation) = find(rds, &interrupted, &request, at).await?;
    tracing::info!(db.identifier = request.identifier.as_str(), ?finding, reason, "looked for what was left behind");
    if finding == Finding::Nothing {
        return Ok(nothing(own_input, Some(&interrupted), reason.to_owned()));
    }
    let verified = observation.restored.filter(|restored| restored.is_verified).map(|restored| restored.resource_id);
    let unfinished = nothing(own_input, Some(&interrupted), reason.to_owned());
    Ok(RecoveryDocument {
        recovery: RecoveryOutput { finding, verified, ..unfinished.recovery },
        request: Some(request),
        plan: observation.document,
        ..unfinished
    })
}

/// Checks that the execution is one of this stack: the names and functions of another stack's are unknown.
fn check_machine(own: &str, asked: &str) -> Result<()> {
    // A person wrote a claim that is no ARN. The same may hold if Step Functions does not know the execution.
    match execution_machine(asked) {
        Some(machine) if execution_machine(own) != Some(machine) => Err(refused(
            None,
            format!("{asked} is an execution of another state machine: have it recovered by that one"),
        )),
        _ => Ok(()),
    }
}

/// The execution that claims a database under the database's names, or its snapshot.
async fn claiming_execution(rds: &aws_sdk_rds::Client, names: &Request) -> Result<Option<String>> {
    let of_database = match names.kind {
        DatabaseKind::Instance => claimant::<DbInstance>(rds, names).await?,
        DatabaseKind::Cluster => claimant::<DbCluster>(rds, names).await?,
    };
    if of_database.is_some() {
        return Ok(of_database);
    }
    let snapshot = names.snapshot_identifier.as_str();
    let tags = match names.kind {
        DatabaseKind::Instance => rds::snapshot(rds, snapshot).await?.and_then(|snapshot| snapshot.tag_list),
        DatabaseKind::Cluster => rds::cluster_snapshot(rds, snapshot).await?.and_then(|snapshot| snapshot.tag_list),
    };
    Ok(tags::value(&tags.unwrap_or_default(), tags::EXECUTION).map(str::to_owned))
}

/// The execution in a claim. The original's claim comes before the restored database's, and a renamed original's before
/// another's. A proven claim comes before an unproven one, and a copy does not count.
async fn claimant<D: Database>(rds: &aws_sdk_rds::Client, names: &Request) -> Result<Option<String>> {
    let planned = Names::rename_first(names);
    let parked = planned.database.parked.as_str();
    let found = D::of_names(rds, &[names.identifier.as_str(), parked]).await?;
    let mut claims: Vec<_> = found.iter().filter_map(|database| Some((database, Claim::on(database)?))).collect();
    claims.sort_by_key(|(database, claim)| {
        (!claim.is_proven, !claim.has_role(Role::Original), database.identifier() != Some(parked))
    });
    Ok(claims.first().map(|(_, claim)| claim.execution.to_owned()))
}

/// Waits until no function of the stopped execution can still be at work.
async fn until_at_rest(interrupted: &Interrupted, at: Invocation) {
    if let (Ending::Silent, Some(stopped_at)) = (interrupted.ending, interrupted.stopped_at) {
        let rest = AT_WORK.saturating_sub(at.clock.now().since(stopped_at));
        tokio::time::sleep(rest.min(remaining(at))).await;
    }
}

/// Reads until several consecutive reads lead to the same finding, or the time is up.
async fn find(
    rds: &aws_sdk_rds::Client,
    interrupted: &Interrupted,
    request: &Request,
    at: Invocation,
) -> Result<(Finding, &'static str, Observation)> {
    let end = Instant::now() + PATIENCE.min(remaining(at));
    let (mut consecutive, mut last) = (0, None);
    loop {
        let look = match request.kind {
            DatabaseKind::Instance => instance::look(rds, request).await,
            DatabaseKind::Cluster => cluster::look(rds, request).await,
        };
        let is_late = Instant::now() + PAUSE >= end;
        match look {
            Ok(observation) => {
                let Decision { finding, reason, is_final } = decide(interrupted.ending, &observation);
                consecutive = if is_final && last == Some(finding) { consecutive + 1 } else { u32::from(is_final) };
                last = Some(finding);
                if consecutive >= CONSECUTIVE_READS || is_late {
                    return Ok((finding, reason, observation));
                }
            }
            // No step runs after a recovery, so it reads again after each error that may pass.
            Err(error) if error.kind() == ErrorKind::AccessDenied || is_late => return Err(error),
            Err(error) => {
                tracing::warn!(error = error.report(), "cannot look for what was left behind yet");
                consecutive = 0;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn remaining(at: Invocation) -> Duration {
    at.deadline.saturating_duration_since(Instant::now() + MARGIN)
}

fn nothing(input: Value, interrupted: Option<&Interrupted>, reason: String) -> RecoveryDocument {
    RecoveryDocument {
        input,
        recovery: RecoveryOutput {
            taskname: TaskName::Recovery,
            finding: Finding::Nothing,
            reason,
            execution: interrupted.map(|interrupted| interrupted.arn.clone()),
            status: interrupted.map(|interrupted| interrupted.status.clone()),
            verified: None,
        },
        request: None,
        plan: None,
        error: interrupted.map(caught),
    }
}

/// The interruption in the terms of Step Functions, for the recovery's alerts and its own failure.
fn caught(interrupted: &Interrupted) -> Caught {
    let (name, how) = match interrupted.status.as_str() {
        "ABORTED" => ("ExecutionAborted", "was stopped"),
        "TIMED_OUT" => ("ExecutionTimedOut", "ran out of time"),
        "FAILED" => ("ExecutionFailed", "failed"),
        _ => ("ExecutionEnded", "is over"),
    };
    let cause = format!("The execution {} {how} before it had put everything in its place.", interrupted.arn);
    Caught {
        error: interrupted.error.clone().unwrap_or_else(|| name.to_owned()),
        cause: interrupted.cause.clone().unwrap_or(cause),
    }
}

fn refused(interrupted: Option<&Interrupted>, message: String) -> Error {
    match interrupted.and_then(|interrupted| interrupted.input.get("identifier")?.as_str()) {
        Some(identifier) => Error::new(ErrorKind::Claim, identifier, message),
        None => Error::without_identifier(ErrorKind::InvalidInput, message),
    }
}

/// AWS's time, to the second.
fn timestamp(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    u64::try_from(time.secs()).ok().map(Timestamp::from_epoch_seconds)
}
