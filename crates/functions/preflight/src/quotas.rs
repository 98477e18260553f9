//! Checks that the account has room for the second database: the original exists until the restored database has replaced
//! it.
//!
//! The check prevents a run that would end in a rollback. If a quota cannot be read, preflight skips its check. The restore
//! itself fails if there is no room. The check counts only resources that the run certainly adds.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Filter;
use trapheus_common::document::{Request, SnapshotReplacement};
use trapheus_common::identifiers::DatabaseKind;

use crate::answers::{Quota, Room};
use crate::facts::Facts;
use crate::problem::Problem;

/// Reads the account's quotas, as far as the permissions allow.
pub(crate) async fn look(rds: &Client, request: &Request) -> Room {
    let quotas = match rds.describe_account_attributes().send().await {
        Ok(answer) => answer.account_quotas().iter().map(Quota::from).collect(),
        Err(error) => {
            tracing::info!(%error, "the account's quotas cannot be looked up");
            Vec::new()
        }
    };
    let retained_backups =
        if request.options.keep_automated_backups { retained(rds, request.kind).await } else { None };
    Room { quotas, retained_backups }
}

async fn retained(rds: &Client, kind: DatabaseKind) -> Option<usize> {
    let retained = Filter::builder().name("status").values("retained").build();
    let counted = match kind {
        DatabaseKind::Instance => {
            let pages = rds.describe_db_instance_automated_backups().filters(retained).into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await.map(|found| found.len()).map_err(|error| error.to_string())
        }
        DatabaseKind::Cluster => {
            let pages = rds.describe_db_cluster_automated_backups().filters(retained).into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await.map(|found| found.len()).map_err(|error| error.to_string())
        }
    };
    counted.inspect_err(|error| tracing::info!(error, "retained automated backups cannot be counted")).ok()
}

/// Quotas that the run would exceed.
pub(crate) fn have_room(request: &Request, facts: &Facts) -> Vec<Problem> {
    let exceeded = needs(request, facts).into_iter().filter_map(|Need { quota, added, what }| {
        let Quota { used, max, .. } = facts.room.quota(quota).filter(|quota| quota.used + added > quota.max)?;
        Some(format!(
            "the account's quota of {what} has no room: {used} of {max} are used. Until the original is deleted, the \
             run needs {added} more. Raise the quota in Service Quotas, or delete unused databases and backups"
        ))
    });
    exceeded.chain(backups_have_no_room(request, facts)).map(Problem::lasting).collect()
}

/// The resources that a run adds to a quota for a while.
struct Need {
    quota: &'static str,
    added: i64,
    what: &'static str,
}

fn needs(request: &Request, facts: &Facts) -> Vec<Need> {
    let Some(target) = &facts.target else { return Vec::new() };
    let snapshots = snapshots_added(request, facts);
    let instances = |added| Need { quota: "DBInstances", added, what: "DB instances" };
    match request.kind {
        DatabaseKind::Instance => {
            let of_snapshot = facts.snapshot.as_ref().map_or(0, |snapshot| snapshot.allocated_gib);
            vec![
                instances(1),
                Need {
                    quota: "AllocatedStorage",
                    added: target.allocated_gib.max(of_snapshot),
                    what: "database storage in GiB",
                },
                Need { quota: "ManualSnapshots", added: snapshots, what: "manual DB snapshots" },
            ]
        }
        DatabaseKind::Cluster => vec![
            Need { quota: "DBClusters", added: 1, what: "DB clusters" },
            // RDS itself creates the members of a Multi-AZ DB cluster, always the same number.
            instances(count(facts.members.len())),
            Need { quota: "ManualClusterSnapshots", added: snapshots, what: "manual DB cluster snapshots" },
        ],
    }
}

/// The greatest number of additional snapshots: the replacement of the old one, and the final one of the original.
fn snapshots_added(request: &Request, facts: &Facts) -> i64 {
    let keeps_both = request.options.snapshot_replacement == SnapshotReplacement::KeepUntilReplaced;
    let taken = request.task.takes_snapshot() && (keeps_both || facts.snapshot.is_none());
    let is_resumed = facts.temporary_snapshot.is_some();
    i64::from(taken && !is_resumed) + i64::from(request.options.final_snapshot)
}

/// The quota of retained backups equals that of databases: `DBInstanceAutomatedBackupQuotaExceededFault` and its twin in
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html>
fn backups_have_no_room(request: &Request, facts: &Facts) -> Option<String> {
    let target = facts.target.as_ref()?;
    // Aurora and Multi-AZ DB clusters always have backups; an instance may have none.
    if !request.options.keep_automated_backups || target.backup_days == 0 {
        return None;
    }
    let name = match request.kind {
        DatabaseKind::Instance => "DBInstances",
        DatabaseKind::Cluster => "DBClusters",
    };
    let (retained, most) = (count(facts.room.retained_backups?), facts.room.quota(name)?.max);
    (retained >= most).then(|| {
        format!(
            "the automated backups of `{}` are to be kept when it is deleted. But the account already holds \
             {retained} of {most} retained automated backups. Delete some that are not needed (RDS console, Automated \
             backups, Retained), or raise the quota of {}s",
            target.identifier, request.kind
        )
    })
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}
