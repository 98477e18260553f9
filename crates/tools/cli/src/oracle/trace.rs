//! Decides whether data that clients could write was destroyed without a backup.
//!
//! The check is about databases that accepted connections under the service name and no longer exist. Each must have left a
//! snapshot, taken at its deletion, or its automated backups. The world's own memory identifies these databases. People are
//! responsible for their own deletions, unless they only follow the commands of a mail.

use rds_simulator::{RecordedRequest, Served, WorldState};

use super::roles::{is_granted, touched};
use super::{Broken, Case, Promise};

/// A deletion takes its snapshot at the same moment. Times have a resolution of milliseconds.
const ACCURACY_SECONDS: f64 = 0.01;

pub(super) fn examine(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let mut say = |what: String| broken.push(Broken { promise: Promise::I4, what });
    let requests = case.e.requests;
    for served in lost(case, case.e.after) {
        let deletions = requests.iter().filter(|request| deletes(request, &served.resource_id));
        let since = deletions.map(|request| request.at.as_secs_f64()).fold(f64::INFINITY, f64::min);
        if !has_left_data(case, case.e.after, served, since) && !may_leave_nothing(case, served) {
            say(format!(
                "{} took connections as {} and was deleted without a trace",
                served.resource_id, served.identifier
            ));
        }
    }
    let Some(manual_recovery) = case.e.manual_recovery else { return };
    let was_there = |served: &&Served| exists(case.e.after, served);
    for served in lost(case, &manual_recovery.after).filter(was_there) {
        if !has_left_data(case, &manual_recovery.after, served, case.e.after.at_seconds)
            && !may_leave_nothing(case, served)
        {
            say(format!(
                "the mail's commands delete {}, which took connections as {}, without a trace",
                served.resource_id, served.identifier
            ));
        }
    }
}

/// Deleted databases that accepted connections under the service name, and that no person removed.
fn lost<'a>(case: &'a Case<'_>, world: &'a WorldState) -> impl Iterator<Item = &'a Served> {
    let roles = &case.roles;
    let of_service = world.served.iter().filter(|served| roles.is_service(served.is_cluster, &served.identifier));
    of_service.filter(|served| !exists(world, served) && !roles.is_deleted_by_people(&served.resource_id))
}

fn exists(world: &WorldState, served: &Served) -> bool {
    world.instances.iter().any(|found| found.resource_id == served.resource_id)
        || world.clusters.iter().any(|found| found.resource_id == served.resource_id)
}

fn deletes(request: &RecordedRequest, resource_id: &str) -> bool {
    let is_deletion = matches!(request.action.as_str(), "DeleteDBInstance" | "DeleteDBCluster");
    is_deletion && is_granted(request) && touched(request).any(|id| id == resource_id)
}

/// Whether all data of the clients is in a snapshot, or in automated backups if no snapshot was requested.
fn has_left_data(case: &Case<'_>, world: &WorldState, served: &Served, since: f64) -> bool {
    let is_last = |source: &str, created: f64| source == served.resource_id && created + ACCURACY_SECONDS >= since;
    let has_snapshot = world.snapshots.iter().any(|found| is_last(&found.source_resource_id, found.created_seconds))
        || world.cluster_snapshots.iter().any(|found| is_last(&found.source_resource_id, found.created_seconds))
        || case.roles.people_deleted_a_snapshot();
    let needs_snapshot = case.e.final_snapshot && case.roles.is_original(&served.resource_id);
    // RDS deletes retained backups after their retention, which is not a loss by the run.
    let mut backups = world.retained_backups.iter().chain(&world.expired_backups);
    has_snapshot || !needs_snapshot && backups.any(|id| *id == served.resource_id)
}

/// Whether the deployment deletes the original without a final snapshot, and RDS keeps no backups of it.
fn may_leave_nothing(case: &Case<'_>, served: &Served) -> bool {
    !case.e.final_snapshot && case.roles.has_no_backups(&served.resource_id)
}
