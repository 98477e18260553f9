//! The commit: `CommitDbInstance` and `CommitCluster`.
//!
//! The step writes the role `verified` on the restored database, and waits until RDS shows it. No other step writes that
//! role. Before the commit, every failure puts the original back. After it, the restored database stays, no rollback
//! deletes it, and the run may delete the original.
//!
//! A DB instance and a DB cluster are committed in the same way. The members of a cluster stay with it.

use aws_sdk_rds::Client;
use trapheus_common::claim::{self, Claim};
use trapheus_common::document::{Commit, CommitEvent, Original, TaskName};
use trapheus_common::rds::Database;
use trapheus_common::restored::Pair;
use trapheus_common::tags::Role;
use trapheus_common::wait::acceptor::{Phase, phase};
use trapheus_common::{Error, ErrorKind, Result};

const KIND: ErrorKind = ErrorKind::Verification;

/// Commits the run to its restored database, unless an earlier call has done so.
pub async fn commit<D: Database, O: Original>(rds: &Client, event: CommitEvent<O>) -> Result<Commit> {
    let CommitEvent { request, plan, at, verified } = &event;
    let restored = Pair::<D>::find(rds, request, plan, *at, KIND).await?.restored;
    let identifier = restored.identifier().unwrap_or_default();
    let resource_id = restored.resource_id().unwrap_or_default();
    if resource_id != verified {
        let message = format!("{identifier} is {resource_id} now, not the database that was verified, {verified}");
        return Err(Error::new(KIND, identifier, message));
    }
    let status = restored.status().unwrap_or_default();
    if matches!(phase(request.kind, status), Phase::Deleting | Phase::Stopped | Phase::Broken) {
        let message = format!("the restored {} {identifier} is in status {status}", request.kind);
        return Err(Error::new(KIND, identifier, message));
    }
    if !Claim::on(&restored).is_some_and(|claim| claim.says(&request.execution, Role::Verified)) {
        claim::hold(rds, &restored, &request.execution, Role::Verified).await?;
        tracing::info!(db.identifier = identifier, db.resource_id = resource_id, "the run is committed");
    }
    Ok(Commit { taskname: TaskName::Commit, identifier: identifier.to_owned(), resource_id: resource_id.to_owned() })
}
