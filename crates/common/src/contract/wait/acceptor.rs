//! Checks of goals: pure functions from an observation to a verdict.
//!
//! The statuses are RDS's: "Viewing Amazon RDS DB instance status" and "Viewing DB cluster status" in the user guides. An
//! unknown status counts as passing; the run's deadline bounds every wait.

use crate::identifiers::DatabaseKind;

/// The verdict of a single read on a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Complete,
    Pending,
    /// No database answers, which meets the goal once it has lasted longer than a rename hides a database.
    Absent,
    /// The database has another name than the wanted one, and no rename leads there. Several consecutive reads have to
    /// agree, because a rename may show late.
    Elsewhere(String),
    /// Waiting cannot meet the goal; the text gives the reason.
    Failed(String),
}

impl Verdict {
    /// The verdict on two goals that both have to be met: a failure decides first, then a pending goal.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (failed @ Self::Failed(_), _) | (_, failed @ Self::Failed(_)) => failed,
            (elsewhere @ Self::Elsewhere(_), _) | (_, elsewhere @ Self::Elsewhere(_)) => elsewhere,
            (Self::Complete, Self::Complete) => Self::Complete,
            _ => Self::Pending,
        }
    }
}

/// A database as one read showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub identifier: String,
    pub status: String,
    /// RDS has accepted a change, and not carried it out yet.
    pub pending_modifications: bool,
    /// That change is a rename.
    pub pending_rename: bool,
}

/// The meaning of a status for a wait and for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In service, and accepts changes: `available`, or a status that may last for days meanwhile.
    Available,
    /// The status passes by itself.
    Passing,
    Deleting,
    /// The status lasts until a person acts.
    Stopped,
    /// The database is broken for good.
    Broken,
}

/// Statuses of a broken database of either kind.
const BROKEN: [&str; 3] =
    ["failed", "inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable"];
/// Further statuses of a broken DB instance.
const BROKEN_INSTANCE: [&str; 9] = [
    "incompatible-create",
    "incompatible-credentials",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
];
/// Further statuses of a broken DB cluster.
const BROKEN_CLUSTER: [&str; 4] = ["migration-failed", "cloning-failed", "incompatible-restore", "restore-error"];

/// Statuses in which a database is in service and accepts changes, and which may last for days.
const LASTING_IN_SERVICE: [&str; 3] = ["storage-optimization", "storage-initialization", "storage-config-upgrade"];
/// Statuses in which a database is in service while RDS works on it. All `configuring-…` statuses are such, too.
const PASSING_IN_SERVICE: [&str; 4] = ["backing-up", "modifying", "resetting-master-credentials", "converting-to-vpc"];
/// Statuses of an unfinished creation.
const IN_CREATION: [&str; 3] = ["creating", "migrating", "incompatible-create"];
/// Statuses of a creation that ended before the database was ever in service. RDS gives a cluster its time of creation at
/// once, so only the status shows this. An instance has that time only after it was available.
const CREATION_FAILED: [&str; 4] = ["incompatible-restore", "restore-error", "migration-failed", "cloning-failed"];

/// Whether clients can use a database in this status.
pub fn is_in_service(status: &str) -> bool {
    status == "available"
        || is_lasting_in_service(status)
        || PASSING_IN_SERVICE.contains(&status)
        || status.starts_with("configuring-")
}

/// Whether a database in this status is in service while RDS works on its storage, which may take days.
pub fn is_lasting_in_service(status: &str) -> bool {
    LASTING_IN_SERVICE.contains(&status)
}

/// Whether a database has never been in service under any name, so that it contains no data of clients. In doubt, it was in
/// service.
///
/// `was_available` means that RDS reports a time of creation. For an instance, RDS does so only after it was available for
/// the first time.
pub fn was_never_in_service(kind: DatabaseKind, status: &str, was_available: bool) -> bool {
    let may_serve = matches!(phase(kind, status), Phase::Available | Phase::Deleting);
    let is_failed_creation = kind == DatabaseKind::Cluster && CREATION_FAILED.contains(&status);
    IN_CREATION.contains(&status) || is_failed_creation || !was_available && !may_serve
}

/// The meaning of an RDS status.
pub fn phase(kind: DatabaseKind, status: &str) -> Phase {
    let broken_of_its_kind: &[&str] = match kind {
        DatabaseKind::Instance => &BROKEN_INSTANCE,
        DatabaseKind::Cluster => &BROKEN_CLUSTER,
    };
    match status {
        "available" => Phase::Available,
        _ if is_lasting_in_service(status) => Phase::Available,
        "deleting" => Phase::Deleting,
        "stopped" | "stopping" => Phase::Stopped,
        _ if BROKEN.contains(&status) || broken_of_its_kind.contains(&status) => Phase::Broken,
        _ => Phase::Passing,
    }
}

/// The backoff after a read that did not meet its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backoff {
    /// A short interval: the end may be near.
    Short,
    /// An interval that grows: the status lasts long, compared with the other statuses of an operation.
    Growing,
    /// A short interval during a rename: `available` may show before the reboot, and be false.
    Renaming,
}

/// The backoff during a status; a database without an answer is in the middle of a rename.
pub fn backoff(status: Option<&str>) -> Backoff {
    match status {
        None | Some("renaming") => Backoff::Renaming,
        Some("creating" | "migrating" | "backing-up" | "deleting" | "copying" | "upgrading") => Backoff::Growing,
        Some(status) if is_lasting_in_service(status) => Backoff::Growing,
        Some(_) => Backoff::Short,
    }
}

/// The goal that a database is available under a name.
pub fn available(kind: DatabaseKind, wanted: &str, seen: Option<&Sighting>) -> Verdict {
    let Some(seen) = seen else {
        // The database is between two names, or not visible yet. The poll limits how long that may last.
        return Verdict::Pending;
    };
    if seen.identifier != wanted && !seen.pending_rename && phase(kind, &seen.status) != Phase::Deleting {
        return Verdict::Elsewhere(format!(
            "{kind} {wanted} has been renamed to {0} by hand (status {1}): rename it back, or delete it if it is not needed",
            seen.identifier, seen.status
        ));
    }
    match phase(kind, &seen.status) {
        Phase::Available if seen.identifier == wanted && !seen.pending_modifications => Verdict::Complete,
        Phase::Available | Phase::Passing => Verdict::Pending,
        Phase::Deleting => Verdict::Failed(format!("{kind} {} is being deleted", seen.identifier)),
        Phase::Stopped => Verdict::Failed(format!("{kind} {} is {}: start it", seen.identifier, seen.status)),
        Phase::Broken => Verdict::Failed(format!("{kind} {} is in status {}", seen.identifier, seen.status)),
    }
}

/// The goal that a database has reached a lasting status, under any name and in any condition. A step can then change it.
pub fn settled(kind: DatabaseKind, seen: Option<&Sighting>, may_be_gone: bool) -> Verdict {
    match seen {
        Some(seen) if phase(kind, &seen.status) != Phase::Passing && !seen.pending_rename => Verdict::Complete,
        None if may_be_gone => Verdict::Complete,
        // The database changes, or is between two names and answers under neither.
        _ => Verdict::Pending,
    }
}

/// The goal that a database without an answer reaches a lasting status under some name, or is deleted.
pub fn found_again(kind: DatabaseKind, seen: Option<&Sighting>) -> Verdict {
    if seen.is_none() { Verdict::Absent } else { settled(kind, seen, false) }
}

/// The goal that RDS has finished its work on the storage of a database in service, or that the database is deleted.
pub fn storage_work_ended(kind: DatabaseKind, seen: Option<&Sighting>) -> Verdict {
    match seen {
        Some(seen) if is_lasting_in_service(&seen.status) => Verdict::Pending,
        seen => found_again(kind, seen),
    }
}

/// The goal that a database is deleted. The deletion has begun: RDS shows `deleting`, then nothing, and no longer renames
/// it.
pub fn gone(seen: Option<&Sighting>) -> Verdict {
    if seen.is_none() { Verdict::Complete } else { Verdict::Pending }
}

/// The goal that a snapshot is available.
pub fn snapshot_available(identifier: &str, status: Option<&str>) -> Verdict {
    match status {
        Some("available") => Verdict::Complete,
        Some(status @ ("failed" | "error" | "deleting" | "deleted" | "incompatible-restore")) => {
            Verdict::Failed(format!("snapshot {identifier} is in status {status}"))
        }
        _ => Verdict::Pending,
    }
}

/// The goal that a snapshot is deleted.
pub fn snapshot_gone(status: Option<&str>) -> Verdict {
    match status {
        None | Some("deleted") => Verdict::Complete,
        Some(_) => Verdict::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseKind::{Cluster, Instance};
    use super::*;

    fn seen(identifier: &str, status: &str) -> Sighting {
        Sighting {
            identifier: identifier.into(),
            status: status.into(),
            pending_modifications: false,
            pending_rename: false,
        }
    }

    #[test]
    fn a_database_is_available_only_under_the_wanted_name_with_nothing_pending() {
        let complete = available(Instance, "orders", Some(&seen("orders", "available")));
        assert_eq!(complete, Verdict::Complete);
        let moving = Sighting { pending_rename: true, pending_modifications: true, ..seen("orders", "available") };
        assert_eq!(available(Instance, "orders-temp", Some(&moving)), Verdict::Pending);
        let pending = Sighting { pending_modifications: true, ..seen("orders", "available") };
        assert_eq!(available(Instance, "orders", Some(&pending)), Verdict::Pending);
        assert_eq!(available(Instance, "orders", None), Verdict::Pending);
    }

    #[test]
    fn another_name_is_reported_unless_a_rename_is_under_way() {
        for status in ["available", "backing-up", "modifying", "renaming"] {
            let verdict = available(Instance, "orders", Some(&seen("orders-x", status)));
            assert!(matches!(&verdict, Verdict::Elsewhere(why) if why.contains("orders-x")), "{status}: {verdict:?}");
        }
        let deleting = available(Instance, "orders", Some(&seen("orders-x", "deleting")));
        assert!(matches!(deleting, Verdict::Failed(_)), "{deleting:?}");
    }

    #[test]
    fn a_database_in_service_in_a_lasting_status_counts_as_available() {
        for status in ["storage-optimization", "storage-initialization", "storage-config-upgrade"] {
            assert_eq!(available(Instance, "x", Some(&seen("x", status))), Verdict::Complete, "{status}");
            assert!(is_in_service(status) && phase(Instance, status) == Phase::Available, "{status}");
        }
        for status in ["backing-up", "modifying", "configuring-enhanced-monitoring"] {
            assert!(is_in_service(status) && phase(Instance, status) == Phase::Passing, "{status}");
        }
        for status in ["creating", "rebooting", "renaming", "stopped", "storage-full", "deleting"] {
            assert!(!is_in_service(status), "{status}");
        }
    }

    #[test]
    fn a_database_that_does_not_answer_is_not_taken_as_gone_at_once() {
        assert_eq!(found_again(Instance, None), Verdict::Absent);
        assert_eq!(found_again(Instance, Some(&seen("orders-old", "available"))), Verdict::Complete);
        assert_eq!(found_again(Instance, Some(&seen("orders-old", "renaming"))), Verdict::Pending);
    }

    #[test]
    fn only_the_goal_of_storage_work_waits_for_the_storage_of_a_database_in_service() {
        for status in LASTING_IN_SERVICE {
            assert_eq!(storage_work_ended(Instance, Some(&seen("x", status))), Verdict::Pending, "{status}");
        }
        assert_eq!(storage_work_ended(Instance, Some(&seen("x", "modifying"))), Verdict::Pending);
        assert_eq!(storage_work_ended(Instance, None), Verdict::Absent);
        for status in ["available", "deleting", "storage-full"] {
            assert_eq!(storage_work_ended(Instance, Some(&seen("x", status))), Verdict::Complete, "{status}");
        }
    }

    #[test]
    fn passing_statuses_are_waited_for() {
        for kind in [Instance, Cluster] {
            for status in ["creating", "backing-up", "modifying", "renaming", "rebooting", "a-status-of-tomorrow"] {
                assert_eq!(available(kind, "x", Some(&seen("x", status))), Verdict::Pending, "{kind} {status}");
            }
        }
    }

    #[test]
    fn statuses_that_do_not_pass_end_the_wait_at_once() {
        let instance = [
            "failed",
            "incompatible-network",
            "incompatible-option-group",
            "incompatible-parameters",
            "incompatible-restore",
            "restore-error",
            "inaccessible-encryption-credentials",
            "insufficient-capacity",
            "storage-full",
            "stopped",
            "deleting",
        ];
        let cluster =
            ["migration-failed", "cloning-failed", "inaccessible-encryption-credentials", "stopped", "deleting"];
        for (kind, statuses) in [(Instance, instance.as_slice()), (Cluster, cluster.as_slice())] {
            for status in statuses {
                let verdict = available(kind, "x", Some(&seen("x", status)));
                assert!(matches!(&verdict, Verdict::Failed(why) if why.contains('x')), "{kind} {status}: {verdict:?}");
            }
        }
    }

    #[test]
    fn a_database_in_a_lasting_status_is_settled_under_any_name() {
        for status in ["available", "failed", "storage-full", "stopped", "deleting"] {
            assert_eq!(settled(Instance, Some(&seen("x", status)), false), Verdict::Complete, "{status}");
        }
        for status in ["creating", "renaming", "rebooting", "backing-up"] {
            assert_eq!(settled(Instance, Some(&seen("x", status)), false), Verdict::Pending, "{status}");
        }
        let moving = Sighting { pending_rename: true, ..seen("x", "available") };
        assert_eq!(settled(Instance, Some(&moving), false), Verdict::Pending);
        assert_eq!(settled(Instance, None, false), Verdict::Pending);
        assert_eq!(settled(Instance, None, true), Verdict::Complete);
        let changing = Sighting { pending_modifications: true, ..seen("x", "available") };
        assert_eq!(
            settled(Instance, Some(&changing), false),
            Verdict::Complete,
            "it may wait for its maintenance window"
        );
    }

    #[test]
    fn a_failure_outweighs_a_pending_goal_and_a_pending_goal_a_complete_one() {
        let failed = || Verdict::Failed("no".into());
        assert_eq!(Verdict::Complete.and(Verdict::Pending), Verdict::Pending);
        assert_eq!(Verdict::Pending.and(failed()), failed());
        assert_eq!(failed().and(Verdict::Complete), failed());
        assert_eq!(Verdict::Complete.and(Verdict::Complete), Verdict::Complete);
    }

    #[test]
    fn a_snapshot_is_waited_for_until_it_is_available_or_has_failed() {
        assert_eq!(snapshot_available("s", Some("available")), Verdict::Complete);
        assert_eq!(snapshot_available("s", Some("creating")), Verdict::Pending);
        assert_eq!(snapshot_available("s", Some("copying")), Verdict::Pending);
        assert_eq!(snapshot_available("s", None), Verdict::Pending);
        assert!(matches!(snapshot_available("s", Some("failed")), Verdict::Failed(_)));
        assert_eq!(snapshot_gone(Some("deleting")), Verdict::Pending);
        assert_eq!(snapshot_gone(None), Verdict::Complete);
    }
}
