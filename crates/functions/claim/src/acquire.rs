//! The acquisition of a claim: which execution may claim a database, and whether its claim has held.
//!
//! A claim of an execution that has ended is void. A claim holds if its execution runs, may be redriven, or is unknown to
//! AWS. So does the claim of another state machine, about which this one may not ask. Tags that RDS copied from another
//! database are no claim.

use std::time::Duration;

use aws_sdk_rds::types::Tag;
use aws_sdk_sfn::types::ExecutionStatus;
use tokio::time::Instant;
use trapheus_common::claim::Claim;
use trapheus_common::clients::Lazy;
use trapheus_common::document::{Plan, Request, SourceKind, Target};
use trapheus_common::identifiers::execution_machine;
use trapheus_common::lambda::Invocation;
use trapheus_common::rds::{self, Database};
use trapheus_common::source_request::SourceRequest;
use trapheus_common::tags::Role;
use trapheus_common::{Error, ErrorKind, Result, tags};

/// The pause between writing the claim and reading it, and between reads.
const PAUSE: Duration = Duration::from_secs(3);
/// The number of consecutive reads that have to show this execution's claim.
const CONSECUTIVE_READS: u32 = 3;
/// The time for questions about the execution that claims the database. The answer of Step Functions may be out of date.
const ASKING: Duration = Duration::from_secs(75);
/// The pause between two of these questions.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(5);
/// The time within which RDS has to show this execution's claim.
const SHOWING: Duration = Duration::from_secs(150);
/// The time that the function leaves for its answer to arrive.
const MARGIN: Duration = Duration::from_secs(10);
/// The number of times that another execution's claim may appear between the read and the write.
const CHANGES: u32 = 3;

/// Refuses a plan that is not of this request: during a deployment, functions of two versions may have made them.
pub(crate) fn check_plan<O>(request: &Request, plan: &Plan<O>, original: &Target) -> Result<()> {
    let wanted = match &request.source {
        None | Some(SourceRequest::Snapshot { .. } | SourceRequest::Latest { .. }) => SourceKind::Snapshot,
        Some(SourceRequest::PointInTime { .. }) => SourceKind::PointInTime,
        Some(SourceRequest::Clone { .. }) => SourceKind::Clone,
    };
    let fits = plan.source.as_ref().is_none_or(|source| source.kind == wanted);
    if fits && !request.dry_run {
        return Ok(());
    }
    let why =
        "its plan does not belong to its request, as during a deployment. Nothing was touched; start a new execution";
    Err(refusal(original, why))
}

/// A plan that is too old no longer describes the database.
pub(crate) fn check_age<O>(plan: &Plan<O>, original: &Target, at: Invocation) -> Result<()> {
    let age = at.clock.now().since(plan.read_at).as_secs();
    if age <= Plan::<O>::FRESH_SECONDS {
        return Ok(());
    }
    Err(refusal(
        original,
        &format!(
            "its plan was made at {}, which is too long ago: an execution that was redriven goes on with what it once read. \
             Nothing was touched; start a new execution instead",
            plan.read_at
        ),
    ))
}

/// Claims the database that `look` finds by the original's resource id.
pub(crate) async fn claim<D: Database>(
    rds: &aws_sdk_rds::Client,
    sfn: &Lazy<aws_sdk_sfn::Client>,
    request: &Request,
    original: &Target,
    at: Invocation,
    look: impl AsyncFn() -> Result<Option<D>>,
) -> Result<()> {
    let mut held = as_planned(original, look().await?)?;
    let mut former = None;
    // A question takes time, in which another execution may claim the database. So the last read, right before the write,
    // has to show the same claim as the one in question.
    for _ in 0..CHANGES {
        let holder = holder(request, original, &held);
        if holder == former {
            break;
        }
        if let Some(holder) = &holder {
            give_way_if_running(sfn, request, original, holder).await?;
            tracing::info!(
                db.identifier = original.identifier().as_str(),
                holder,
                "taking over from an ended execution"
            );
        }
        former = holder;
        held = as_planned(original, look().await?)?;
    }
    if holder(request, original, &held) != former {
        return Err(refusal(original, "one execution after the other claims it"));
    }
    let written = Instant::now();
    if !is_ours(request, original, held.tags()) {
        let claim = tags::claim(&request.execution, Role::Original, &original.resource_id);
        rds::add_tags(rds, held.arn().unwrap_or_default(), claim).await?;
    }
    let end = (written + SHOWING).min(at.deadline - MARGIN);
    has_held(request, original, former.as_deref(), written..end, look).await
}

/// The other execution that claims the database.
fn holder(request: &Request, original: &Target, held: &impl Database) -> Option<String> {
    let claim = Claim::of(held.tags(), &original.resource_id)?;
    (!claim.is_by(&request.execution)).then(|| claim.execution.to_owned())
}

/// The database, if it has not changed since preflight.
fn as_planned<D: Database>(original: &Target, held: Option<D>) -> Result<D> {
    match held {
        Some(held) if held.is_named(original.identifier().as_str()) => Ok(held),
        Some(held) => Err(refusal(
            original,
            &format!("it was renamed to `{}` since the preflight: another person or job works on it", held.name()),
        )),
        None => Err(refusal(
            original,
            &format!(
                "no database answers with its resource id {} any more: since the preflight it was deleted, or is being renamed",
                original.resource_id
            ),
        )),
    }
}

/// Returns an error while the execution that claims the database can still work on it.
async fn give_way_if_running(
    sfn: &Lazy<aws_sdk_sfn::Client>,
    request: &Request,
    original: &Target,
    holder: &str,
) -> Result<()> {
    // A person wrote a tag that is no execution's ARN.
    let Some(machine) = execution_machine(holder) else { return Ok(()) };
    if execution_machine(&request.execution) != Some(machine) {
        return Err(refusal(
            original,
            &format!(
                "the execution {holder} of another state machine holds it, and this one cannot ask whether that has ended. \
                 Once it has, have it recovered there, or remove the tags `trapheus:…` from the database"
            ),
        ));
    }
    let end = Instant::now() + ASKING;
    loop {
        let status = match sfn.describe_execution().execution_arn(holder).send().await {
            Ok(execution) => Some(execution.status),
            // Step Functions keeps a history for 90 days, and does not know a new execution at once.
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist() || e.is_invalid_arn()) =>
            {
                None
            }
            Err(error) => {
                let doing = format!("cannot find out whether the execution that holds the claim still runs: {holder}");
                return Err(Error::from_aws(ErrorKind::Claim, original.identifier(), doing, &error));
            }
        };
        let is_late = Instant::now() + BETWEEN_QUESTIONS >= end;
        match status {
            Some(
                ExecutionStatus::Succeeded
                | ExecutionStatus::Failed
                | ExecutionStatus::Aborted
                | ExecutionStatus::TimedOut,
            ) => return Ok(()),
            None if is_late => return Ok(()),
            Some(status) if is_late => {
                return Err(refusal(
                    original,
                    &format!(
                        "the execution {holder} (status {status}) works on it: wait until that has ended, or stop it"
                    ),
                ));
            }
            _ => tokio::time::sleep(BETWEEN_QUESTIONS).await,
        }
    }
}

/// Reads the claim again until enough reads have shown it; gives way to another claim.
///
/// If two executions claim at the same moment, the tags of the later one remain. Tags show late, so the claim has to show
/// for as long as its first appearance took. Another claim that shows before this one may be the claim that this one
/// replaced.
async fn has_held<D: Database>(
    request: &Request,
    original: &Target,
    former: Option<&str>,
    time: std::ops::Range<Instant>,
    look: impl AsyncFn() -> Result<Option<D>>,
) -> Result<()> {
    let mut consecutive = 0;
    let mut shown = None;
    let mut other = None;
    while Instant::now() + PAUSE < time.end {
        tokio::time::sleep(PAUSE).await;
        let held = as_planned(original, look().await?)?;
        if is_ours(request, original, held.tags()) {
            let since = *shown.get_or_insert_with(Instant::now);
            consecutive += 1;
            if consecutive >= CONSECUTIVE_READS && since.elapsed() + PAUSE >= since - time.start {
                return Ok(());
            }
            continue;
        }
        consecutive = 0;
        other = holder(request, original, &held).filter(|holder| Some(holder.as_str()) != former);
        if other.is_some() && shown.is_some() {
            break;
        }
    }
    if let Some(holder) = other {
        let text = format!("the execution {holder} claimed it at the same time: this one gives way");
        return Err(refusal(original, &text));
    }
    if consecutive >= CONSECUTIVE_READS {
        return Ok(());
    }
    let text = format!("the tag `{}` was written and does not show: a person or a job removes it", tags::EXECUTION);
    Err(refusal(original, &text))
}

fn is_ours(request: &Request, original: &Target, tags: &[Tag]) -> bool {
    Claim::of(tags, &original.resource_id).is_some_and(|claim| claim.says(&request.execution, Role::Original))
}

fn refusal(original: &Target, why: &str) -> Error {
    Error::new(ErrorKind::Claim, original.identifier(), format!("cannot claim this database: {why}"))
}
