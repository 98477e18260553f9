//! Whether a goal is met: pure functions from what was seen to a verdict.
//!
//! The statuses are RDS's: "Viewing Amazon RDS DB instance status" and "Viewing DB cluster status" in the user guides. A
//! status this table does not know is taken as passing; every wait is bounded by the run's deadline.

use crate::identifiers::DatabaseKind;

/// What a single look says about a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Complete,
    Pending,
    /// It will not be met by waiting; the text says why.
    Failed(String),
}

impl Verdict {
    /// The verdict on two things of which both are wanted: a failure decides, then what is still pending.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (failed @ Self::Failed(_), _) | (_, failed @ Self::Failed(_)) => failed,
            (Self::Complete, Self::Complete) => Self::Complete,
            _ => Self::Pending,
        }
    }
}

/// A database as one look showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub identifier: String,
    pub status: String,
    /// A change is accepted but not carried out yet.
    pub pending_modifications: bool,
    /// That change gives it another name.
    pub pending_rename: bool,
}

/// What a status means to somebody who waits for `available`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Available,
    /// Passes by itself.
    Passing,
    Deleting,
    /// Stays until a person acts.
    Stopped,
    /// Bad for good.
    Broken,
}

/// Statuses that are bad for good, whatever the database.
const BROKEN: [&str; 3] =
    ["failed", "inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable"];
/// Those a DB instance has besides.
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
/// Those a DB cluster has besides.
const BROKEN_CLUSTER: [&str; 4] = ["migration-failed", "cloning-failed", "incompatible-restore", "restore-error"];

/// Sorts a status of RDS's.
pub fn phase(kind: DatabaseKind, status: &str) -> Phase {
    let broken_of_its_kind: &[&str] = match kind {
        DatabaseKind::Instance => &BROKEN_INSTANCE,
        DatabaseKind::Cluster => &BROKEN_CLUSTER,
    };
    match status {
        "available" => Phase::Available,
        "deleting" => Phase::Deleting,
        "stopped" | "stopping" => Phase::Stopped,
        _ if BROKEN.contains(&status) || broken_of_its_kind.contains(&status) => Phase::Broken,
        _ => Phase::Passing,
    }
}

/// What a look that did not meet its goal lets expect of the next ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlook {
    /// The end may be near.
    Ending,
    /// What it shows lasts long, compared with everything else of an operation.
    Lasting,
    /// In the middle of a rename: `available` may show before the reboot, and not be meant.
    Renaming,
}

/// The outlook of a status; nothing answers in the middle of a rename.
pub fn outlook(status: Option<&str>) -> Outlook {
    match status {
        None | Some("renaming") => Outlook::Renaming,
        Some("creating" | "migrating" | "backing-up" | "deleting" | "copying" | "upgrading") => Outlook::Lasting,
        Some(_) => Outlook::Ending,
    }
}

/// Waiting for a database to be available under a name.
pub fn available(kind: DatabaseKind, wanted: &str, seen: Option<&Sighting>) -> Verdict {
    let Some(seen) = seen else {
        // Between two names, or not visible yet. How long that may last is the poll's affair.
        return Verdict::Pending;
    };
    match phase(kind, &seen.status) {
        Phase::Available if seen.identifier == wanted && !seen.pending_modifications => Verdict::Complete,
        Phase::Available | Phase::Passing => Verdict::Pending,
        Phase::Deleting => Verdict::Failed(format!("{kind} {} is being deleted", seen.identifier)),
        Phase::Stopped => Verdict::Failed(format!("{kind} {} is {}: start it", seen.identifier, seen.status)),
        Phase::Broken => Verdict::Failed(format!("{kind} {} is in status {}", seen.identifier, seen.status)),
    }
}

/// Waiting for a database to come to rest, whatever its name and however it ends: it can be worked on then.
pub fn settled(kind: DatabaseKind, seen: Option<&Sighting>, may_be_gone: bool) -> Verdict {
    match seen {
        Some(seen) if phase(kind, &seen.status) != Phase::Passing && !seen.pending_rename => Verdict::Complete,
        None if may_be_gone => Verdict::Complete,
        // It changes, or is between two names and answers under neither.
        _ => Verdict::Pending,
    }
}

/// Waiting for a database to be gone: RDS shows `deleting`, then nothing.
pub fn gone(seen: Option<&Sighting>) -> Verdict {
    if seen.is_none() { Verdict::Complete } else { Verdict::Pending }
}

/// Waiting for a snapshot to be available.
pub fn snapshot_available(identifier: &str, status: Option<&str>) -> Verdict {
    match status {
        Some("available") => Verdict::Complete,
        Some(status @ ("failed" | "error" | "deleting" | "deleted" | "incompatible-restore")) => {
            Verdict::Failed(format!("snapshot {identifier} is in status {status}"))
        }
        _ => Verdict::Pending,
    }
}

/// Waiting for a snapshot to be gone.
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
        let old_name = available(Instance, "orders-temp", Some(&seen("orders", "available")));
        assert_eq!(old_name, Verdict::Pending);
        let pending = Sighting { pending_modifications: true, ..seen("orders", "available") };
        assert_eq!(available(Instance, "orders", Some(&pending)), Verdict::Pending);
        assert_eq!(available(Instance, "orders", None), Verdict::Pending);
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
    fn what_is_at_rest_is_settled_under_whatever_name_and_in_whatever_lasting_status() {
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
    fn a_failure_outweighs_what_is_pending_and_that_what_is_complete() {
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
