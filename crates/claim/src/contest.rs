//! Who may claim a database, and whether the claim has held.
//!
//! A mark of an execution that has ended means nothing any more. One that runs, or may be redriven, or of which AWS does
//! not say, is respected.

use std::time::Duration;

use aws_sdk_rds::types::Tag;
use aws_sdk_sfn::types::ExecutionStatus;
use trapheus_common::clients::Late;
use trapheus_common::document::{Request, Target};
use trapheus_common::{Error, ErrorKind, Result, rds, tags};

/// Between writing the mark and reading it, and between readings.
const PAUSE: Duration = Duration::from_secs(3);
/// How many readings in a row have to show our mark.
const AGREEING: u32 = 3;
/// How many readings there are at most: a mark that does not show by then has not held.
const READINGS: u32 = 10;

/// The database as one look showed it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) identifier: String,
    pub(crate) arn: String,
    pub(crate) tags: Vec<Tag>,
}

/// Claims the database that `look` finds by the original's resource id.
pub(crate) async fn claim(
    rds: &aws_sdk_rds::Client,
    sfn: &Late<aws_sdk_sfn::Client>,
    request: &Request,
    original: &Target,
    look: impl AsyncFn() -> Result<Option<Held>>,
) -> Result<()> {
    let held = at_home(original, look().await?)?;
    let holder = tags::value(&held.tags, tags::EXECUTION).filter(|holder| *holder != request.execution);
    if let Some(holder) = holder {
        give_way_if_running(sfn, original, holder).await?;
        tracing::info!(db.identifier = original.identifier.as_str(), holder, "taking over from an ended execution");
    }
    if !is_ours(request, &held.tags) {
        rds::add_tags(rds, &held.arn, tags::mark(&request.execution, tags::Role::Original)).await?;
    }
    has_held(request, original, holder, look).await
}

/// The database, if it is still what the preflight saw.
fn at_home(original: &Target, held: Option<Held>) -> Result<Held> {
    match held {
        Some(held) if held.identifier == original.identifier.as_str() => Ok(held),
        Some(held) => Err(refusal(
            original,
            &format!("it was renamed to `{}` since the preflight: somebody else works on it", held.identifier),
        )),
        None => Err(refusal(
            original,
            &format!(
                "no database has its resource id {} any more: it was deleted since the preflight",
                original.resource_id
            ),
        )),
    }
}

/// Refuses while the execution that holds the database can still work on it.
async fn give_way_if_running(sfn: &Late<aws_sdk_sfn::Client>, original: &Target, holder: &str) -> Result<()> {
    let status = match sfn.describe_execution().execution_arn(holder).send().await {
        Ok(execution) => execution.status,
        // Its history is kept for 90 days. A tag that is no execution's ARN was written by hand.
        Err(error)
            if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist() || e.is_invalid_arn()) =>
        {
            return Ok(());
        }
        Err(error) => {
            let doing = format!("cannot find out whether the execution that holds the claim still runs: {holder}");
            return Err(Error::from_aws(ErrorKind::Claim, &original.identifier, doing, &error));
        }
    };
    match status {
        ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Aborted | ExecutionStatus::TimedOut => {
            Ok(())
        }
        status => Err(refusal(
            original,
            &format!("the execution {holder} (status {status}) works on it: wait until that has ended, or stop it"),
        )),
    }
}

/// Reads the mark again until it has shown often enough; gives way to another one.
async fn has_held(
    request: &Request,
    original: &Target,
    former: Option<&str>,
    look: impl AsyncFn() -> Result<Option<Held>>,
) -> Result<()> {
    let mut agreed = 0;
    for _ in 0..READINGS {
        tokio::time::sleep(PAUSE).await;
        let held = at_home(original, look().await?)?;
        match tags::value(&held.tags, tags::EXECUTION) {
            _ if is_ours(request, &held.tags) => agreed += 1,
            Some(holder) if holder != request.execution && Some(holder) != former => {
                let text = format!("the execution {holder} claimed it at the same time: this one gives way");
                return Err(refusal(original, &text));
            }
            // Tags take a moment to show: this is what was there before.
            _ => agreed = 0,
        }
        if agreed == AGREEING {
            return Ok(());
        }
    }
    let text = format!("the tag `{}` was written and does not show: somebody removes it", tags::EXECUTION);
    Err(refusal(original, &text))
}

fn is_ours(request: &Request, tags: &[Tag]) -> bool {
    tags::marked_by(tags, &request.execution) && tags::value(tags, tags::ROLE) == Some(tags::Role::Original.value())
}

fn refusal(original: &Target, why: &str) -> Error {
    Error::new(ErrorKind::Claim, &original.identifier, format!("cannot claim this database: {why}"))
}
