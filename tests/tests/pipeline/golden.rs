//! Compares the timelines of runs with the files in `tests/golden`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p trapheus-tests --test pipeline golden` writes them anew.

use std::fs;

use trapheus_cli::injection::InjectedFault;
use trapheus_cli::rehearsal::Rehearsal;
use trapheus_cli::screen;

use super::world;

/// A name, a file in `events`, and the faults.
type Scene = (&'static str, &'static str, &'static [&'static str]);

const SCENES: &[Scene] = &[
    ("instance", "instance-restore", &[]),
    ("aurora-cluster", "aurora-cluster-restore", &[]),
    (
        "restored-instance-ends-in-incompatible-parameters",
        "instance-restore",
        &["RestoreDBInstanceFromDBSnapshot=endsIn:incompatible-parameters"],
    ),
    ("rename-of-second-member-denied", "aurora-cluster-restore", &["ModifyDBInstance#2=denied"]),
    (
        "mail-down-during-rollback",
        "instance-restore",
        &[
            "RestoreDBInstanceFromDBSnapshot=endsIn:failed",
            "SendEmail#1x999=error:MessageRejected:Email address is not verified.",
        ],
    ),
    ("instance-export-fails", "instance-snapshot-only-export", &["StartExportTask=endsIn:failed"]),
    (
        "cluster-export-waited-for",
        "aurora-cluster-snapshot-only-export",
        &["StartExportTask=error:ExportTaskLimitReachedFault"],
    ),
    ("abort-after-rename", "instance-restore", &["RestoreDbInstanceFromSnapshot=abort"]),
    ("second-run-refused", "instance-restore", &["GetDbInstanceStatusPostRestore=secondRun"]),
];

fn rehearse(event: &str, faults: &[&str]) -> String {
    let file = format!("{}/../events/{event}.json", env!("CARGO_MANIFEST_DIR"));
    let input = serde_json::from_str(&fs::read_to_string(file).expect("an event")).expect("JSON");
    let parsed = faults.iter().map(|fault| fault.parse::<InjectedFault>().expect("a fault")).collect();
    let rehearsal = Rehearsal { faults: parsed, ..Rehearsal::new(input, world()) };
    let (_, text) = screen::plain(rehearsal).expect("a world that can exist");
    let faults: Vec<String> = faults.iter().map(|fault| format!(" --fault '{fault}'")).collect();
    format!("$ trapheus rehearse events/{event}.json{}\n{text}", faults.concat())
}

#[test]
fn the_timelines_are_those_of_the_checked_in_files() {
    for (name, event, faults) in SCENES {
        let path = format!("{}/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = rehearse(event, faults);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &text).expect("the folder can be written");
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert!(golden == text, "{path} differs; check it after UPDATE_GOLDEN=1:\n{text}");
    }
}

#[test]
fn the_readme_shows_the_timeline_of_a_restore() {
    let read = |path: &str| fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect(path);
    let timeline =
        |text: &str| -> Vec<String> { text.lines().filter(|line| line.starts_with("+0")).map(str::to_owned).collect() };
    let (shown, rehearsed) = (timeline(&read("../README.md")), timeline(&read("golden/instance.txt")));
    assert_eq!(shown.len(), rehearsed.len(), "README.md shows another number of steps than the rehearsal");
    for (shown, rehearsed) in shown.iter().zip(&rehearsed) {
        // The README shortens a remark.
        assert!(rehearsed.starts_with(shown.trim_end_matches('…')), "README.md: {shown}\nrehearsal: {rehearsed}");
    }
}
