//! The read of the export at the end of a run, and the wait for it if the input asks for one.
//!
//! A run that does not wait reads once, so that it reports an export that has already failed. A failed export is an answer
//! here, not an error: only failed reads are errors.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::ExportTask;
use trapheus_common::document::{ExportEvent, ExportOutput, WaitStatus};
use trapheus_common::lambda::Invocation;
use trapheus_common::poll::{self, Limits, Look, Outcome, PollPolicy};
use trapheus_common::wait::acceptor::{Backoff, Verdict};
use trapheus_common::{ErrorKind, Result};

use crate::{MARGIN, Phase, find, once, output, planned, seen};

/// The present state of the export, or its end.
pub async fn wait(rds: &Client, policy: PollPolicy, event: ExportEvent, at: Invocation) -> Result<ExportOutput> {
    let plan = planned(&event.request)?;
    let mut last: Option<ExportTask> = None;
    let look = async || {
        let task = find(rds, plan).await?;
        let look = match &task {
            Some(task) if plan.wait && Phase::of(task) == Phase::UnderWay => under_way(task),
            Some(task) => Look { verdict: Verdict::Complete, seen: seen(task), absent: false, backoff: Backoff::Short },
            None => {
                Look { verdict: Verdict::Pending, seen: "not found".to_owned(), absent: true, backoff: Backoff::Short }
            }
        };
        if last.as_ref().map(seen) != task.as_ref().map(seen) {
            tracing::info!(export = plan.identifier.as_str(), seen = look.seen, "looked at the export");
        }
        last = task;
        Ok(look)
    };
    let limits = Limits { clock: at.clock, invocation: at.deadline - MARGIN, deadline: event.request.deadline };
    let status =
        match poll::until(look, once(policy), limits, (ErrorKind::Export, plan.identifier.as_str()), None).await? {
            Outcome::Complete { .. } => WaitStatus::Complete,
            Outcome::Pending { .. } => WaitStatus::Pending,
        };
    Ok(output(plan, last.as_ref(), status))
}

fn under_way(task: &ExportTask) -> Look {
    Look { verdict: Verdict::Pending, seen: seen(task), absent: false, backoff: Backoff::Growing }
}
