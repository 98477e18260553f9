//! Compares the alerts of runs with the files in `tests/golden/alerts`, each as text, as HTML and for Slack.
//!
//! `UPDATE_GOLDEN=1 cargo test -p trapheus-tests --test pipeline alerts` writes them anew. `tests/alerts/render.sh` shows the HTML in
//! a browser.

use std::fs;
use std::path::PathBuf;

use rds_simulator::World;
use trapheus_cli::injection::InjectedFault;
use trapheus_cli::preview::{self, Format, Which};
use trapheus_cli::rehearsal::Rehearsal;

use super::{event, world};

/// A name, a database and whether it is a cluster, the faults, and words that the alert must contain.
type Scene = (&'static str, (&'static str, bool), &'static [&'static str], &'static [&'static str]);

const SCENES: &[Scene] = &[
    (
        "quota",
        ("orders", false),
        &["RestoreDBInstanceFromDBSnapshot=error:InstanceQuotaExceeded:DB Instance quota exceeded"],
        &[
            "The account has reached an RDS quota",
            "ask for a higher quota",
            "orders is the original again, and available.",
        ],
    ),
    (
        "key",
        ("orders", false),
        &["RestoreDBInstanceFromDBSnapshot=endsIn:inaccessible-encryption-credentials"],
        &["The KMS key that encrypts the snapshot cannot be used.", "kms:CreateGrant", "orders is the original again"],
    ),
    (
        "subnet-group",
        ("shop", true),
        &["RestoreDBClusterFromSnapshot=error:DBSubnetGroupNotFoundFault:DB subnet group private does not exist."],
        &["subnet group is missing", "Repair the DB subnet group", "shop is the original again"],
    ),
    (
        "deletion-protection",
        ("orders", false),
        &["DeleteDBInstance=error:InvalidParameterCombination:Cannot delete protected DB Instance, please disable \
           deletion protection and try again."],
        &["Deletion protection is on", "orders is the restored database, verified", "aws rds delete-db-instance"],
    ),
    (
        "missing-snapshot",
        ("orders", false),
        &["after:ModifyDBInstance=DeleteDBSnapshot:DBSnapshotIdentifier=orders-snapshot"],
        &[
            "The snapshot to restore from does not exist.",
            "create_snapshot_only",
            "No snapshot is named orders-snapshot.",
        ],
    ),
    (
        "throttling",
        ("ledger", true),
        &["RestoreDBClusterFromSnapshot#1x1000=throttle"],
        &["AWS throttled the calls of this account", "at a quieter time", "ledger is the original again"],
    ),
    (
        "no-route",
        ("orders", false),
        &["DescribeDBInstances#1x10000=connectionRefused"],
        &["could not connect to AWS", "route to a NAT gateway", "Nothing was touched"],
    ),
    ("stopped", ("orders", false), &["RestoreDbInstanceFromSnapshot=abort"], &["was stopped", "is the original again"]),
    ("success", ("shop", true), &[], &["is verified.", "Duration:", "Downtime:", "nothing to do"]),
];

fn alert((identifier, is_cluster): (&str, bool), faults: &[&str], format: Format) -> String {
    let faults = faults.iter().map(|fault| fault.parse::<InjectedFault>().expect("a fault")).collect();
    let world: World = world();
    let rehearsal = Rehearsal { faults, ..Rehearsal::new(event(identifier, "db_restore", is_cluster), world) };
    preview::alert(rehearsal, Which::Final, format).expect("a world that can exist").expect("an alert")
}

#[test]
fn the_alerts_are_those_of_the_checked_in_files() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/alerts");
    for (name, database, faults, said) in SCENES {
        let text = alert(*database, faults, Format::Text);
        for words in *said {
            assert!(text.contains(words), "{name} does not say {words:?}:\n{text}");
        }
        let others = [("html", Format::Html), ("json", Format::Slack)];
        let others = others.map(|(extension, format)| (extension, alert(*database, faults, format)));
        for (extension, rendered) in [("txt", text)].into_iter().chain(others) {
            let path = folder.join(name).with_extension(extension);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &rendered).expect("the folder can be written");
            }
            let golden = fs::read_to_string(&path).unwrap_or_default();
            assert!(golden == rendered, "{} differs; check it after UPDATE_GOLDEN=1:\n{rendered}", path.display());
        }
    }
}
