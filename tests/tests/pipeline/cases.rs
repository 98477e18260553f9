//! The cases from the field in `tests/cases`: each case has the end in the table, and each folder has a row.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use rds_simulator::{Options, Simulator};
use trapheus_cli::environment::{Call, Interceptor};
use trapheus_cli::fleet::Failure;
use trapheus_cli::injection::InjectedFault;
use trapheus_cli::rehearsal::BEGIN;

use super::*;

/// The right end of a case.
enum End {
    /// The restored database has the name, and the notes of the run contain these words.
    Succeeds(&'static [&'static str]),
    /// The same, in this status, which lasts longer than the run.
    Serves(&'static str, &'static [&'static str]),
    /// Refused with this error before any change. The cause contains these words.
    Refused(&'static str, &'static [&'static str]),
    /// The execution has this status, and the original has its name again. The last mail contains these words.
    PutBack(&'static str, &'static [&'static str]),
    /// The restored database has the name, and the original is left over under this one. The last mail names both.
    LeftOver(&'static str),
}

use End::{LeftOver, PutBack, Refused, Serves, Succeeds};

const PREFLIGHT: &str = "PreflightException";

/// The resources that people create in a case. No other new resource may exist at its end.
const MADE_BY_PEOPLE: [&str; 5] =
    ["instance orders-copy", "snapshot manual", "cluster shop-copy", "instance shop-copy-1", "cluster snapshot manual"];

const ABORTED: &str = "ABORTED";
const FAILED: &str = "FAILED";

const CASES: &[(&str, End)] = &[
    ("01-inactive-functions", PutBack(FAILED, &["quota of database storage"])),
    ("01-inactive-functions-of-a-cluster", PutBack(FAILED, &["its member shop-1 cannot be created"])),
    ("01-inactive-functions-of-a-recovery", PutBack(ABORTED, &["ledger is the original again, and available."])),
    ("02-storage-initialization", Serves("storage-initialization", &["status is storage-initialization"])),
    ("02-multi-az-storage-initialization", Serves("storage-initialization", &["status is storage-initialization"])),
    ("03-expired-ca", Succeeds(&["certificate authority rds-ca-2019 of `orders` is no longer offered"])),
    ("03-expired-ca-of-members", Succeeds(&["certificate authority rds-ca-2019 of `shop-2` is no longer offered"])),
    ("03-expired-ca-of-a-multi-az-cluster", Succeeds(&["certificate authority rds-ca-2019 of `ledger`"])),
    ("04-snapshot-above-gp3-threshold", Succeeds(&["the provisioned IOPS: 12000, was 3000"])),
    ("06-one-refusal-takes-all-settings", Succeeds(&["the maximum of storage autoscaling"])),
    ("06-another-setting-refused", Succeeds(&[])),
    (
        "06-no-growth-while-storage-is-initialized",
        Serves("storage-initialization", &["cannot set the allocated storage", "the allocated storage: 200, was 500"]),
    ),
    (
        "07-one-refusal-undoes-the-restore",
        Succeeds(&["the master password is a new one", "the maximum of storage autoscaling"]),
    ),
    ("07-another-setting-refused", Succeeds(&["the master password is a new one"])),
    ("07-an-essential-setting-refused-twice", PutBack(FAILED, &["cannot set the managed master password"])),
    (
        "07-an-essential-setting-of-a-cluster-refused-twice",
        PutBack(FAILED, &["cannot set the managed master password"]),
    ),
    ("08-aurora-autoscaled-reader", Succeeds(&["of Aurora Auto Scaling is not restored"])),
    ("10-aurora-zones-beyond-subnets", Succeeds(&[])),
    (
        "10-aurora-subnets-of-one-zone",
        Refused(PREFLIGHT, &["subnet group of `shop` covers 1", "Aurora cluster needs 2"]),
    ),
    ("10-zone-not-offered-for-the-class", Succeeds(&["us-east-1c of `orders` does not offer the class db.m4.large"])),
    ("10-zone-not-offered-for-a-member", Succeeds(&["us-east-1c of `shop-2` does not offer the class db.r4.large"])),
    ("10-class-not-offered-in-the-subnets", Refused(PREFLIGHT, &["db.m4.large of `orders` in the Availability Zones"])),
    ("13-pending-reboot-before-rename", Refused(PREFLIGHT, &["orders-broken (pending-reboot)", "reboot the database"])),
    ("13-member-pending-reboot-before-rename", Refused(PREFLIGHT, &["shop-broken (pending-reboot) of `shop-2`"])),
    ("18-started-by-another-machine", Succeeds(&[])),
    ("33-aurora-version-withdrawn", Refused(PREFLIGHT, &["which RDS no longer offers", "upgrade the snapshot first"])),
    ("33-version-of-the-snapshot-withdrawn", Refused(PREFLIGHT, &["postgres 12.14, which RDS no longer offers"])),
    (
        "33-version-of-a-new-snapshot-withdrawn",
        Refused(PREFLIGHT, &["`ledger` runs postgres 13.9", "upgrade it first"]),
    ),
    ("33-version-upgraded-by-rds", Succeeds(&["13.20, was 12.22 (RDS upgraded the restored database itself)"])),
    ("33-aurora-version-upgraded-by-rds", Succeeds(&["13.20, was 12.22 (RDS upgraded the restored database itself)"])),
    ("39-execution-name-not-a-tag-value", Refused("InvalidInputException", &["`refresh-(weekly)`", "`()`"])),
    ("40-oracle-multi-tenant", Refused(PREFLIGHT, &["multi-tenant Oracle database"])),
    ("41-zero-etl-source", Refused(PREFLIGHT, &["`shop-to-warehouse` reads `shop`", "aws rds delete-integration"])),
    ("41-zero-etl-source-instance", Refused(PREFLIGHT, &["`orders-to-warehouse` reads `orders`"])),
    ("60-copied-claim", PutBack(ABORTED, &["orders is the original again, and available."])),
    ("60-copied-claim-of-a-cluster", PutBack(ABORTED, &["shop is the original again, and available."])),
    ("60-copied-claim-of-a-run-that-succeeds", Succeeds(&[])),
    ("62-large-document", PutBack(ABORTED, &["shop is the original again, and available."])),
    ("63-snapshot-of-another-database", Refused(PREFLIGHT, &["was taken of `billing`", "not of `orders`"])),
    ("63-cluster-snapshot-of-another-cluster", Refused(PREFLIGHT, &["was taken of `billing`", "not of `shop`"])),
    ("64-discarded-after-service", PutBack(ABORTED, &["in its final snapshot orders-failed-21e428"])),
    ("64-aurora-discarded-after-service", PutBack(ABORTED, &["in its final snapshot shop-failed-21e428"])),
    ("64-multi-az-discarded-after-service", PutBack(ABORTED, &["in its final snapshot ledger-failed-21e428"])),
    ("64-discarded-in-storage-initialization", PutBack(ABORTED, &["its automated backups are retained"])),
    ("64-multi-az-discarded-in-storage-initialization", PutBack(ABORTED, &["its automated backups are retained"])),
    ("64-discarded-in-storage-optimization", PutBack(ABORTED, &["its automated backups are retained"])),
    ("64-discarded-while-backing-up", PutBack(ABORTED, &["in its final snapshot orders-failed-21e428"])),
    ("64-discarded-when-full", PutBack(FAILED, &["status storage-full", "its automated backups are retained"])),
    ("65-stale-execution", PutBack(ABORTED, &["orders is the original again, and available."])),
    ("65-stale-execution-of-an-aurora-cluster", PutBack(ABORTED, &["shop is the original again, and available."])),
    ("65-stale-execution-of-a-multi-az-cluster", PutBack(ABORTED, &["ledger is the original again, and available."])),
    ("65-unknown-execution", PutBack(ABORTED, &["orders is the original again, and available."])),
    ("65-unknown-execution-of-an-aurora-cluster", PutBack(ABORTED, &["shop is the original again, and available."])),
    ("65-unknown-execution-of-a-multi-az-cluster", PutBack(ABORTED, &["ledger is the original again, and available."])),
    ("66-nameless-for-a-moment", LeftOver("orders-old")),
    ("66-aurora-nameless-for-a-moment", LeftOver("shop-old")),
    ("66-multi-az-nameless-for-a-moment", LeftOver("ledger-old")),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// The words of a command line. Some are in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn rehearse_case(case: &str) -> Report {
    let mut rehearsal = rehearsal_of(case);
    let read = fs::read_to_string(folder().join(case).join("args")).unwrap_or_default();
    let args = words(&read);
    let mut args = args.iter();
    while let Some(option) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{case}: {option} has no value"));
        match option.as_str() {
            "--fault" => rehearsal.faults.push(value().parse::<InjectedFault>().expect("a fault")),
            "--name" => rehearsal.name = Some(value().clone()),
            "--success-notice" => rehearsal.success_notice = true,
            other => panic!("{case}: {other}"),
        }
    }
    rehearsal.run(&mut ()).expect("a world that can exist")
}

/// The rehearsal of a case, without its arguments.
fn rehearsal_of(case: &str) -> Rehearsal {
    let read = |file: &str| fs::read_to_string(folder().join(case).join(file)).expect(file);
    let event = serde_json::from_str(&read("event.json")).expect("an event in JSON");
    Rehearsal::new(event, World::from_json(&read("world.json")).expect("a world in JSON"))
}

/// Checks that the last mail contains these words.
fn assert_told(report: &Report, expected: &[&str], case: &str) {
    let text = report.mails.last().and_then(|mail| mail.text.as_deref()).unwrap_or_default();
    for words in expected {
        assert!(text.contains(words), "{case}: {words}: {text}");
    }
}

/// The report without the resources that people created meanwhile.
fn without_what_people_made(mut report: Report) -> Report {
    let is_theirs = |noun: &str, name: &str| MADE_BY_PEOPLE.contains(&format!("{noun} {name}").as_str());
    report.world.instances.retain(|found| !is_theirs("instance", &found.identifier));
    report.world.clusters.retain(|found| !is_theirs("cluster", &found.identifier));
    report.world.snapshots.retain(|found| !is_theirs("snapshot", &found.identifier));
    report.world.cluster_snapshots.retain(|found| !is_theirs("cluster snapshot", &found.identifier));
    report
}

/// The output of a run, which contains its notes.
fn notes(report: &Report) -> String {
    report.output.as_ref().map(Value::to_string).unwrap_or_default()
}

#[test]
fn each_case_from_the_field_has_the_end_of_its_row() {
    for (case, end) in CASES {
        let report = rehearse_case(case);
        let (identifier, is_cluster) =
            (report.input["identifier"].as_str().unwrap_or_default(), report.input["isCluster"] == json!(true));
        let told = format!("{case}: {} {:?} {:?}", report.status, report.error, report.cause);
        let before = database(&report.world_before, identifier, is_cluster).map(|(id, _)| id);
        let now = database(&report.world, identifier, is_cluster);
        if case.starts_with("60-") {
            let copy = database(&report.world, &format!("{identifier}-copy"), is_cluster);
            assert_eq!(copy.map(|(_, status)| status), Some("available"), "{told}");
        }
        match end {
            Succeeds(expected) | Serves(_, expected) => {
                let serving = if let Serves(status, _) = end { status } else { "available" };
                assert_eq!(report.status, "SUCCEEDED", "{told}");
                let (id, status) = now.expect(case);
                assert!(status == serving && Some(id) != before, "{told}");
                assert_eq!(marks(&without_what_people_made(report.clone()).world), Vec::<String>::new(), "{told}");
                let left = inventory(&report.world).into_iter().filter(|name| name.ends_with("-temp"));
                assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new(), "{told}");
                for words in *expected {
                    assert!(notes(&report).contains(words), "{told}: {words}: {}", notes(&report));
                }
            }
            Refused(error, expected) => {
                assert_eq!((report.status.as_str(), report.error.as_deref()), ("FAILED", Some(*error)), "{told}");
                for words in *expected {
                    assert!(report.cause.as_ref().is_some_and(|cause| cause.contains(words)), "{told}: {words}");
                }
                assert_untouched(&report, case);
                assert_eq!(report.mails.len(), 2, "{told}");
            }
            PutBack(status, expected) => {
                assert_eq!(report.status, *status, "{told}");
                assert!(report.others.iter().all(|other| other.status == "SUCCEEDED"), "{told}: {:?}", report.others);
                assert_untouched(&without_what_people_made(report.clone()), case);
                assert_eq!(report.mails.len(), 2, "{told}");
                assert_told(&report, expected, case);
            }
            LeftOver(name) => {
                assert_eq!(
                    (report.status.as_str(), report.error.as_deref()),
                    (FAILED, Some("DeletionException")),
                    "{told}"
                );
                let (id, status) = now.expect(case);
                assert!(status == "available" && Some(id) != before, "{told}");
                assert_eq!(database(&report.world, name, is_cluster).map(|(id, _)| id), before, "{told}");
                let deletions: Vec<_> =
                    report.steps.iter().filter(|step| step.state.starts_with("DeleteOriginal")).collect();
                let is_looked_for_again = deletions.len() > 1 || deletions.iter().any(|step| step.seconds > 0.0);
                assert!(is_looked_for_again, "{case}: the original was not read again: {deletions:?}");
                assert_told(&report, &["is the restored database, verified", name], case);
            }
        }
    }
}

#[test]
fn every_case_has_a_row() {
    let folders = fs::read_dir(folder()).expect("the cases").filter_map(|entry| {
        let entry = entry.expect("a case");
        entry.path().is_dir().then(|| entry.file_name().to_string_lossy().into_owned())
    });
    for case in folders {
        assert!(CASES.iter().any(|(name, _)| *name == case), "{case}");
    }
}

/// A cluster of 16 members with 46 maximal tags each.
#[test]
fn a_document_stays_small_with_maximal_tags() {
    let report = rehearsal_of("62-large-document").run(&mut ()).expect("a world that can exist");
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    let size = report.output.as_ref().map(|output| output.to_string().len()).unwrap_or_default();
    assert!(size < trapheus_common::document::MOST_BYTES, "{size}");
    assert!(size > 10 * 1024, "the whole document is the output: {size}");
}

/// Runs one event three times in a row from one snapshot. Every restored database has a resource id of its own.
#[tokio::test(start_paused = true)]
async fn an_event_can_be_repeated_from_the_same_snapshot() {
    for (identifier, is_cluster) in KINDS {
        let options = Options { seed: 7, start_time: std::time::SystemTime::UNIX_EPOCH + BEGIN, speed: 1.0 };
        let simulator = Simulator::new(world(), options).expect("a world that can exist");
        let mut ids = Vec::new();
        for run in 0..3 {
            let mut rehearsal = Rehearsal::new(event(identifier, "db_restore", is_cluster), World::default());
            rehearsal.name = Some(format!("run-{run}"));
            let report = rehearsal.run_against(&simulator, &mut ()).await.expect("a run");
            assert_eq!(report.status, "SUCCEEDED", "{identifier} {run}: {:?} {:?}", report.error, report.cause);
            ids.push(database(&report.world, identifier, is_cluster).expect("a database").0.to_owned());
        }
        ids.dedup();
        assert_eq!(ids.len(), 3, "{identifier}");
    }
}

/// The size in bytes of the largest payload or answer of a function.
#[derive(Debug, Default)]
struct Largest(Cell<usize>);

impl Interceptor for Largest {
    fn call<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        async move {
            let asked = call.payload.to_string().len();
            let answer = call.proceed().await;
            let answered = answer.as_ref().map(|answer| answer.to_string().len()).unwrap_or_default();
            self.0.set(self.0.get().max(asked).max(answered));
            answer
        }
        .boxed_local()
    }
}

/// Rehearses the large cluster with these faults. Returns the report and the size of the largest payload or answer.
fn rehearse_large_cluster(faults: &[&str]) -> (Report, usize) {
    let largest = Rc::new(Largest::default());
    let mut rehearsal = rehearsal_of("62-large-document");
    rehearsal.interceptor = Some(largest.clone());
    rehearsal.faults = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
    (rehearsal.run(&mut ()).expect("a world that can exist"), largest.0.get())
}

/// One stop for each state of this run: after the state's function, or before the state if it has no function.
fn stops(run: &Report) -> Vec<String> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut stops = vec!["ValidateInput=abort".to_owned()];
    for step in &run.steps {
        let occurrence = seen.entry(&step.state).or_default();
        *occurrence += 1;
        let at = |what| format!("{}#{occurrence}={what}", step.state);
        let after = at("abortAfter");
        stops.push(if after.parse::<InjectedFault>().is_ok() { after } else { at("abort") });
    }
    stops
}

/// Checks the large cluster after its run was stopped and recovered.
fn assert_recovered(report: &Report, largest: usize, mails: usize, stop: &str) {
    let told = format!("{stop}: {:?} {:?}", report.status, report.others);
    assert_eq!(report.status, ABORTED, "{told}");
    assert!(!report.others.is_empty() && report.others.iter().all(|other| other.status != "RUNNING"), "{told}");
    assert_eq!(report.mails.len(), mails, "{told}");
    assert!(largest < trapheus_common::document::MOST_BYTES, "{told}: {largest} bytes");
    let before = database(&report.world_before, "shop", true).expect("the original").0;
    let (home, status) = database(&report.world, "shop", true).expect(&told);
    if home == before {
        assert!(report.others.iter().all(|other| other.status == "SUCCEEDED"), "{told}");
        return assert_untouched(report, &told);
    }
    // The restored cluster was verified, so it stays. Its original is left over or in deletion.
    let members = report.world.instances.iter().filter(|found| found.cluster.as_deref() == Some("shop"));
    assert_eq!((status, members.filter(|member| member.status == "available").count()), ("available", 16), "{told}");
    let original = report.world.clusters.iter().find(|found| found.resource_id == before);
    assert!(original.is_none_or(|found| found.identifier == "shop-temp"), "{told}");
    if report.others.iter().any(|other| other.status != "SUCCEEDED") {
        assert!(original.is_some_and(|found| found.status == "available"), "{told}");
    }
}

#[test]
fn a_run_of_the_large_cluster_is_recovered_after_a_stop_at_any_step() {
    let (happy, _) = rehearse_large_cluster(&[]);
    // A stop at the last state changes nothing.
    let stops = stops(&happy).into_iter().filter(|stop| !stop.starts_with("RestorePipelineComplete"));
    for stop in stops {
        let (report, largest) = rehearse_large_cluster(&[&stop]);
        assert_recovered(&report, largest, 2, &stop);
    }
}

#[test]
fn a_rollback_of_the_large_cluster_is_recovered_after_a_stop_at_any_step() {
    const ROLLBACK: [&str; 6] = [
        "Discard",
        "GetClusterStatusPostDiscard",
        "Revert",
        "GetClusterStatusPostRenameRevert",
        "GetClusterStatusPostAside",
        "Release",
    ];
    let refused = "CreateDBInstance#3x9=error:InsufficientDBInstanceCapacity";
    let (failed, _) = rehearse_large_cluster(&[refused]);
    assert_eq!(failed.status, FAILED);
    let mut stops = stops(&failed);
    stops.retain(|stop| ROLLBACK.iter().any(|state| stop.starts_with(state)));
    assert!(stops.len() >= ROLLBACK.len(), "{stops:?}");
    for stop in stops {
        let (report, largest) = rehearse_large_cluster(&[refused, &stop]);
        // The first alert of the failed run was sent before it was stopped.
        assert_recovered(&report, largest, 3, &stop);
    }
}
