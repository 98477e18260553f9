//! Exports the snapshot that a run takes to S3, and reports the progress of the export.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`], [`cluster`] | the read of the snapshot of each kind; the start is the same for both, and here |
//! | [`wait`] | the read of the export at the end of the run, and the wait for it |
//!
//! An export only reads: it changes no database, and RDS allows the deletion of its snapshot meanwhile. So the export needs
//! neither the claim nor a rollback, and an abort leaves nothing to undo. The tags of the snapshot prove that this
//! execution took it. A failure here fails only the export; the state machine keeps it apart from the run's failures.

use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_rds::error::ProvideErrorMetadata as _;
use aws_sdk_rds::types::{ExportTask, Tag};
use trapheus_common::document::{Caught, ExportEvent, ExportOutput, ExportRequest, Request, TaskName, WaitStatus};
use trapheus_common::lambda::Invocation;
use trapheus_common::poll::{self, Limits, Look, Outcome, PollPolicy};
use trapheus_common::tags;
use trapheus_common::timestamp::Timestamp;
use trapheus_common::wait::acceptor::{Backoff, Verdict};
use trapheus_common::{Error, ErrorKind, Result};

pub mod cluster;
pub mod instance;
pub mod wait;

/// The time that the function leaves for its answer to arrive.
const MARGIN: Duration = Duration::from_secs(10);
/// The time of the wait for a free export in the account, before the run continues without one. A run that waits for its
/// export anyway uses half of its remaining time.
const PATIENCE_SECONDS: u64 = 15 * 60;
/// The pause between two attempts: exports take many minutes.
const ATTEMPT_SECONDS: u64 = 60;
/// RDS's error for one export too many. RDS's service model does not contain the error, so the SDK has no type for it. Its
/// text is "You have reached the limit of 5 concurrent export tasks".
const NO_PLACE: &str = "ExportTaskLimitReachedFault";
/// The status of an export that waits until the account has fewer exports.
const QUEUED: &str = "QUEUED";
/// The status of an export that RDS does not describe.
const UNKNOWN: &str = "UNKNOWN";

/// The bucket of the exports, and the role with which RDS writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    pub bucket: String,
    pub role_arn: String,
    pub kms_key_arn: String,
}

/// The snapshot to export.
struct ExportedSnapshot {
    arn: String,
    status: String,
    /// Whether this execution took the snapshot.
    is_ours: bool,
}

impl ExportedSnapshot {
    fn new(arn: Option<&str>, status: Option<&str>, tag_list: &[Tag], request: &Request) -> Self {
        Self {
            arn: arn.unwrap_or_default().to_owned(),
            status: status.unwrap_or_default().to_owned(),
            is_ours: tags::marked_by(tag_list, &request.execution),
        }
    }
}

/// Starts the export, unless it has started, and waits while the account's export quota is used up.
async fn start(
    rds: &Client,
    options: &ExportOptions,
    event: ExportEvent,
    at: Invocation,
    look: impl AsyncFn() -> Result<Option<ExportedSnapshot>>,
) -> Result<ExportOutput> {
    let request = &event.request;
    let plan = planned(request)?;
    let queued_until = event.export.queued_until.unwrap_or_else(|| give_up_at(request, plan, at.clock.now()));
    let mut started = None;
    let attempt = async || {
        let (verdict, seen) = match attempt(rds, options, request, plan, &look).await? {
            Attempt::Started(task) => {
                let seen = seen(&task);
                started = Some(*task);
                (Verdict::Complete, seen)
            }
            Attempt::Queued(why) => (Verdict::Pending, why.to_owned()),
        };
        Ok(Look { verdict, seen, absent: false, backoff: Backoff::Growing })
    };
    let limits = Limits { clock: at.clock, invocation: at.deadline - MARGIN, deadline: queued_until };
    let policy = once(PollPolicy::every(ATTEMPT_SECONDS));
    match poll::until(attempt, policy, limits, (ErrorKind::Export, plan.identifier.as_str()), None).await? {
        Outcome::Complete { seen, .. } => {
            tracing::info!(export = plan.identifier.as_str(), seen, "exporting the snapshot");
            Ok(output(plan, started.as_ref(), WaitStatus::Complete))
        }
        Outcome::Pending { .. } => Ok(ExportOutput {
            status: QUEUED.to_owned(),
            queued_until: Some(queued_until),
            ..output(plan, None, WaitStatus::Pending)
        }),
    }
}

/// The end of the wait for a free export: the restore after it must not wait for long.
fn give_up_at(request: &Request, plan: &ExportRequest, now: Timestamp) -> Timestamp {
    let left = request.deadline.since(now).as_secs();
    now.plus_seconds(if plan.wait { left / 2 } else { left.min(PATIENCE_SECONDS) })
}

/// The outcome of one attempt to start an export.
enum Attempt {
    Started(Box<ExportTask>),
    /// The reason for a later attempt.
    Queued(&'static str),
}

impl Attempt {
    /// The outcome when RDS says that the export exists.
    async fn look(rds: &Client, plan: &ExportRequest) -> Result<Self> {
        let task = find(rds, plan).await?;
        Ok(task.map_or(Self::Queued("RDS does not show the export yet"), |task| Self::Started(Box::new(task))))
    }
}

/// One attempt: the export if it exists, else a request for it.
async fn attempt(
    rds: &Client,
    options: &ExportOptions,
    request: &Request,
    plan: &ExportRequest,
    look: &impl AsyncFn() -> Result<Option<ExportedSnapshot>>,
) -> Result<Attempt> {
    if let Some(task) = find(rds, plan).await? {
        return Ok(Attempt::Started(Box::new(task)));
    }
    let snapshot = exportable(request, look().await?)?;
    let call = rds
        .start_export_task()
        .export_task_identifier(&plan.identifier)
        .source_arn(&snapshot.arn)
        .s3_bucket_name(&options.bucket)
        .iam_role_arn(&options.role_arn)
        .kms_key_id(&options.kms_key_arn);
    let Err(error) = call.send().await else { return Attempt::look(rds, plan).await };
    match error.as_service_error() {
        // The answer of an earlier call was lost.
        Some(refusal) if refusal.is_export_task_already_exists_fault() => Attempt::look(rds, plan).await,
        Some(refusal) if refusal.code() == Some(NO_PLACE) => {
            Ok(Attempt::Queued("the account has no place for another export to S3"))
        }
        // An earlier run's snapshot had the same name, and its export continues although the snapshot has been replaced.
        Some(refusal) if refusal.is_invalid_export_source_state_fault() && is_exported(rds, &snapshot.arn).await? => {
            Ok(Attempt::Queued("an earlier export of a snapshot of this name is still in progress"))
        }
        _ => {
            let doing = format!("cannot export the snapshot {} to S3", request.snapshot_identifier);
            Err(Error::from_aws(ErrorKind::Export, request.identifier.as_str(), doing, &error))
        }
    }
}

/// Whether an export of this snapshot, or of an earlier one with its name, is under way.
async fn is_exported(rds: &Client, arn: &str) -> Result<bool> {
    let mut pages = rds.describe_export_tasks().source_arn(arn).into_paginator().items().send();
    while let Some(task) = pages.next().await {
        match task {
            Ok(task) if Phase::of(&task) == Phase::UnderWay => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(Error::from_aws(ErrorKind::Export, arn, "cannot describe the exports", &error)),
        }
    }
    Ok(false)
}

/// The snapshot, if this execution took it.
fn exportable(request: &Request, snapshot: Option<ExportedSnapshot>) -> Result<ExportedSnapshot> {
    let name = &request.snapshot_identifier;
    let problem = match snapshot {
        None => format!("the snapshot {name} is gone"),
        Some(snapshot) if !snapshot.is_ours => format!("the snapshot {name} is not the one this run took"),
        Some(snapshot) if snapshot.status != "available" => format!("the snapshot {name} is {}", snapshot.status),
        Some(snapshot) => return Ok(snapshot),
    };
    Err(Error::new(ErrorKind::Export, request.identifier.as_str(), format!("{problem}, so it is not exported")))
}

fn planned(request: &Request) -> Result<&ExportRequest> {
    request.export.as_ref().ok_or_else(|| Error::internal("no export was asked for"))
}

async fn find(rds: &Client, plan: &ExportRequest) -> Result<Option<ExportTask>> {
    match rds.describe_export_tasks().export_task_identifier(&plan.identifier).send().await {
        Ok(answer) => Ok(answer.export_tasks.unwrap_or_default().into_iter().next()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_export_task_not_found_fault()) => Ok(None),
        Err(error) => {
            Err(Error::from_aws(ErrorKind::Export, plan.identifier.as_str(), "cannot describe the export", &error))
        }
    }
}

/// A single read decides: an export has no false statuses.
const fn once(policy: PollPolicy) -> PollPolicy {
    PollPolicy { initial_delay: Duration::ZERO, absence_limit: Duration::from_secs(600), ..policy.with_single_read() }
}

/// The outcome of an export, by its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    UnderWay,
    Complete,
    Failed,
}

impl Phase {
    /// An unknown status counts as passing; every wait has a limit.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ExportTask.html>
    fn of(task: &ExportTask) -> Self {
        match task.status().unwrap_or_default().to_ascii_uppercase().as_str() {
            "COMPLETE" => Self::Complete,
            "FAILED" | "CANCELED" => Self::Failed,
            _ => Self::UnderWay,
        }
    }
}

fn seen(task: &ExportTask) -> String {
    format!("{} {} %", task.status().unwrap_or(UNKNOWN), task.percent_progress().unwrap_or_default())
}

/// The export in the form of the state document.
fn output(plan: &ExportRequest, task: Option<&ExportTask>, status: WaitStatus) -> ExportOutput {
    ExportOutput {
        taskname: TaskName::SnapshotExport,
        identifier: plan.identifier.clone(),
        task: status,
        status: task.and_then(ExportTask::status).unwrap_or(UNKNOWN).to_owned(),
        percent_progress: task.and_then(ExportTask::percent_progress).unwrap_or_default(),
        bucket: task.and_then(ExportTask::s3_bucket).map(str::to_owned),
        queued_until: None,
        failure: task.filter(|task| Phase::of(task) == Phase::Failed).map(failure),
        notes: task.and_then(ExportTask::warning_message).map(warning).into_iter().collect(),
    }
}

fn warning(text: &str) -> String {
    format!("the export is complete, with a warning: {text}")
}

/// A failed export in the form of a `Catch`.
fn failure(task: &ExportTask) -> Caught {
    let name = task.export_task_identifier().unwrap_or_default();
    let ended = format!("the export {name} ended {}", task.status().unwrap_or(UNKNOWN));
    let cause = match task.failure_cause() {
        Some(cause) => format!("{ended}: {cause}"),
        None => ended,
    };
    Caught { error: ErrorKind::Export.name().to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind, ExportIdentifier};

    use super::*;

    fn plan(wait: bool) -> ExportRequest {
        let orders = DatabaseIdentifier::parse(DatabaseKind::Instance, "orders").unwrap();
        let start = Timestamp::from_epoch_seconds(0);
        ExportRequest { identifier: ExportIdentifier::of_execution(&orders, "arn", start), wait }
    }

    fn task(status: &str) -> ExportTask {
        ExportTask::builder().status(status).export_task_identifier("orders-1").percent_progress(40).build()
    }

    #[test]
    fn an_export_that_ended_without_its_data_has_a_failure() {
        for (status, failed) in [
            ("STARTING", false),
            ("IN_PROGRESS", false),
            ("COMPLETE", false),
            ("CANCELING", false),
            ("CANCELED", true),
            ("FAILED", true),
        ] {
            let output = output(&plan(true), Some(&task(status)), WaitStatus::Complete);
            assert_eq!(output.failure.is_some(), failed, "{status}");
            assert_eq!((output.status.as_str(), output.percent_progress), (status, 40));
        }
    }

    #[test]
    fn a_failure_repeats_the_words_of_rds() {
        let failed = ExportTask::builder().status("FAILED").failure_cause("KMS key check failed.").build();
        let caught = failure(&failed);
        assert_eq!(caught.error, "ExportException");
        assert!(caught.cause.ends_with("ended FAILED: KMS key check failed."), "{}", caught.cause);
    }
}
