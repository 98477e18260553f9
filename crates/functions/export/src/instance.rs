//! The export of a DB instance's snapshot.

use aws_sdk_rds::Client;
use trapheus_common::document::{ExportEvent, ExportOutput};
use trapheus_common::lambda::Invocation;
use trapheus_common::{Result, rds};

use crate::{ExportOptions, ExportedSnapshot, start};

/// Exports `<identifier>-snapshot`, which this run took.
pub async fn export(
    client: &Client,
    options: &ExportOptions,
    event: ExportEvent,
    at: Invocation,
) -> Result<ExportOutput> {
    let request = event.request.clone();
    let look = async || {
        let found = rds::snapshot(client, request.snapshot_identifier.as_str()).await?;
        Ok(found
            .map(|found| ExportedSnapshot::new(found.db_snapshot_arn(), found.status(), found.tag_list(), &request)))
    };
    start(client, options, event, at, look).await
}
