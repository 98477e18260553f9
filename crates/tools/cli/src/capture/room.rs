//! The quotas of a world: those that leave as much room as the account has.
//!
//! A world may hold a part of the account's databases. A run needs the room that is left, so a limit of the world is its own
//! use and that room.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::AccountQuota;
use rds_simulator::World;

use super::look::{ACCOUNT, Account};

const ACTION: &str = "DescribeAccountAttributes";

/// Sets the limits of the world. `client` describes the world.
pub(super) async fn set_limits(account: &mut Account, world: &mut World, client: &Client) -> Result<(), String> {
    let answer = account.rds.describe_account_attributes().send().await;
    let Some(answer) = account.answer(ACCOUNT, ACTION, answer)? else { return Ok(()) };
    let of_world = client.describe_account_attributes().send().await;
    let of_world = of_world.map_err(|error| format!("cannot describe the captured world: {error}"))?;
    let limit = |name: &str| limit(name, answer.account_quotas(), of_world.account_quotas());
    let limits = &mut world.limits;
    set(&mut limits.instances, limit("DBInstances"));
    set(&mut limits.clusters, limit("DBClusters"));
    set(&mut limits.allocated_storage, limit("AllocatedStorage"));
    set(&mut limits.manual_snapshots, limit("ManualSnapshots"));
    set(&mut limits.manual_cluster_snapshots, limit("ManualClusterSnapshots"));
    let most = |name: &str| quota(name, answer.account_quotas())?.max().and_then(|most| usize::try_from(most).ok());
    let (most_of_instances, most_of_clusters) = (most("DBInstances"), most("DBClusters"));
    if let Some(most) = most_of_instances {
        let action = "DescribeDBInstanceAutomatedBackups";
        let kept = keep_room(account, action, &mut world.retained_backups, (world.limits.instances, most));
        world.limits.retained_backups = kept;
    }
    if let Some(most) = most_of_clusters {
        let action = "DescribeDBClusterAutomatedBackups";
        let kept = keep_room(account, action, &mut world.retained_cluster_backups, (world.limits.clusters, most));
        // A world has one limit for both kinds: the stricter one.
        world.limits.retained_backups = world.limits.retained_backups.min(kept);
    }
    Ok(())
}

fn set<N: TryFrom<i64>>(limit: &mut N, found: Option<i64>) {
    if let Some(found) = found.and_then(|found| N::try_from(found).ok()) {
        *limit = found;
    }
}

fn quota<'q>(name: &str, quotas: &'q [AccountQuota]) -> Option<&'q AccountQuota> {
    quotas.iter().find(|quota| quota.account_quota_name() == Some(name))
}

/// The use of the world and the room of the account.
fn limit(name: &str, account: &[AccountQuota], world: &[AccountQuota]) -> Option<i64> {
    let quota_of_account = quota(name, account)?;
    let room = quota_of_account.max()? - quota_of_account.used()?;
    Some(quota(name, world)?.used()? + room.max(0))
}

/// The quota of databases is that of retained backups as well. The world keeps so many of them that the same number has room.
/// Returns the limit.
fn keep_room<B>(account: &mut Account, action: &str, retained: &mut Vec<B>, (limit, most): (usize, usize)) -> usize {
    let found = retained.len();
    let kept = (limit + found).saturating_sub(most).min(found);
    if kept < found {
        retained.truncate(kept);
        let problem =
            format!("{kept} of {found} retained automated backups are in the world, which leaves the same room");
        account.report(ACCOUNT, action, problem);
    }
    kept + most.saturating_sub(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(used: i64, max: i64) -> [AccountQuota; 1] {
        [AccountQuota::builder().account_quota_name("DBInstances").used(used).max(max).build()]
    }

    #[test]
    fn a_limit_leaves_the_room_of_the_account() {
        for (account, in_world, expected) in [((38, 40), 1, 3), ((1, 40), 1, 40), ((41, 40), 2, 2)] {
            assert_eq!(limit("DBInstances", &quotas(account.0, account.1), &quotas(in_world, 40)), Some(expected));
        }
        assert_eq!(limit("DBClusters", &quotas(1, 40), &quotas(1, 40)), None);
    }
}
