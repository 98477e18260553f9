//! Handlers of the export crate, for a DB instance and for a DB cluster.

use std::time::Duration;

use rds_simulator::{ExportState, Fault, FaultRule, Outcome};
use serde_json::{Value, json};
use trapheus_common::document::{
    ExportEvent, ExportOutput, ExportRequest, ExportSoFar, Finding, RecoverEvent, Request, Task, WaitStatus,
};
use trapheus_common::identifiers::ExportIdentifier;
use trapheus_common::poll::PollPolicy;
use trapheus_common::{ErrorKind, Result, tags};
use trapheus_export::{ExportOptions, cluster, instance, wait};
use trapheus_recovery::recover;
use trapheus_tests::{EXECUTION, Harness, OTHER_EXECUTION};

const KINDS: [(&str, bool); 2] = [("orders", false), ("shop", true)];

/// Both databases with a snapshot that this execution took.
fn world(limits: &Value) -> Harness {
    taken_by(EXECUTION, limits)
}

fn taken_by(execution: &str, limits: &Value) -> Harness {
    let mark = json!({tags::EXECUTION: execution, tags::ROLE: "snapshot"});
    Harness::new(json!({
        "instances": [{"identifier": "orders", "engine": "postgres"}, {"identifier": "billing", "engine": "mysql"}],
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"}]}],
        "snapshots": [
            {"identifier": "orders-snapshot", "source": "orders", "tags": mark},
            {"identifier": "billing-snapshot", "source": "billing"},
        ],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop", "tags": mark}],
        "limits": limits,
        "timings": {"jitter": 0.0, "exportStarting": 1200.0, "export": 1500.0},
    }))
}

/// The run's request, with an export that the run waits for or not.
fn request(harness: &Harness, identifier: &str, is_cluster: bool, wait: bool) -> Request {
    let mut request = harness.request(identifier, Task::CreateSnapshot, is_cluster);
    let identifier = ExportIdentifier::of_execution(&request.identifier, EXECUTION, request.started_at);
    request.export = Some(ExportRequest { identifier, wait });
    request
}

fn options() -> ExportOptions {
    ExportOptions {
        bucket: "exports".into(),
        role_arn: "arn:aws:iam::123456789012:role/export".into(),
        kms_key_arn: "arn:aws:kms:us-east-1:123456789012:key/1".into(),
    }
}

async fn start(harness: &Harness, request: &Request, so_far: ExportSoFar) -> Result<ExportOutput> {
    let event = ExportEvent { request: request.clone(), export: so_far };
    let (rds, at) = (harness.rds(), harness.invocation());
    match request.kind {
        trapheus_common::identifiers::DatabaseKind::Instance => instance::export(rds, &options(), event, at).await,
        trapheus_common::identifiers::DatabaseKind::Cluster => cluster::export(rds, &options(), event, at).await,
    }
}

/// Starts the export, and repeats the call as the state machine does.
async fn started(harness: &Harness, request: &Request) -> Result<ExportOutput> {
    let mut queued_until = None;
    loop {
        let output = start(harness, request, ExportSoFar { queued_until }).await?;
        if output.task == WaitStatus::Complete {
            return Ok(output);
        }
        assert_eq!(output.status, "QUEUED");
        queued_until = output.queued_until;
    }
}

async fn look(harness: &Harness, request: &Request) -> Result<ExportOutput> {
    let event = ExportEvent { request: request.clone(), export: ExportSoFar::default() };
    wait::wait(harness.rds(), PollPolicy::every(30), event, harness.invocation()).await
}

fn inject(harness: &Harness, action: &str, times: u32, fault: Fault) {
    let rule = FaultRule { action: action.into(), identifier: None, caller: None, occurrence: 1, times, fault };
    harness.simulator.inject(rule);
}

fn no_place() -> Fault {
    Fault::Error { code: "ExportTaskLimitReachedFault".into(), message: "You have reached the limit".into() }
}

fn exports(harness: &Harness) -> Vec<ExportState> {
    harness.simulator.state().exports
}

fn starts(harness: &Harness) -> usize {
    let requests = harness.simulator.requests();
    requests.iter().filter(|one| one.action == "StartExportTask" && one.outcome != Outcome::ConnectionRefused).count()
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_is_exported_to_the_stacks_bucket_under_the_executions_name() {
    for (identifier, is_cluster) in KINDS {
        let harness = world(&json!({}));
        let request = request(&harness, identifier, is_cluster, false);
        let output = started(&harness, &request).await.unwrap();
        let plan = request.export.clone().unwrap();
        assert_eq!((output.identifier, output.status.as_str()), (plan.identifier.clone(), "STARTING"));
        assert_eq!((output.percent_progress, output.failure), (0, None));
        let found = exports(&harness);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].identifier.as_str(), found[0].bucket.as_str()), (plan.identifier.as_str(), "exports"));
        assert!(found[0].source.ends_with(&format!(":{identifier}-snapshot")), "{}", found[0].source);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_start_changes_nothing_and_gives_the_same_answer() {
    for (identifier, is_cluster) in KINDS {
        let harness = world(&json!({}));
        let request = request(&harness, identifier, is_cluster, false);
        let first = started(&harness, &request).await.unwrap();
        assert_eq!(started(&harness, &request).await.unwrap(), first);
        assert_eq!(starts(&harness), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_starts_only_one_export() {
    for (identifier, is_cluster) in KINDS {
        let harness = world(&json!({}));
        inject(&harness, "StartExportTask", 4, Fault::ResponseLost {});
        let request = request(&harness, identifier, is_cluster, false);
        assert_eq!(started(&harness, &request).await.unwrap().status, "STARTING");
        assert_eq!(exports(&harness).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_that_shows_late_is_read_again() {
    for (identifier, is_cluster) in KINDS {
        let harness = world(&json!({}));
        inject(&harness, "StartExportTask", 1, Fault::NotFoundFor { seconds: 90.0 });
        let request = request(&harness, identifier, is_cluster, false);
        assert_eq!(started(&harness, &request).await.unwrap().status, "STARTING");
        assert_eq!(exports(&harness).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_this_run_did_not_take_is_not_exported() {
    for (identifier, is_cluster) in KINDS {
        let harness = taken_by(OTHER_EXECUTION, &json!({}));
        let request = request(&harness, identifier, is_cluster, false);
        let error = started(&harness, &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Export);
        assert!(error.report().contains("not the one this run took"), "{}", error.report());
        assert_eq!(starts(&harness), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_rds_is_reported_as_an_error_of_the_export() {
    for (identifier, is_cluster) in KINDS {
        for (fault, kind) in [
            (Fault::Error { code: "KMSKeyNotAccessibleFault".into(), message: "no".into() }, ErrorKind::Export),
            (Fault::Denied {}, ErrorKind::AccessDenied),
        ] {
            let harness = world(&json!({}));
            inject(&harness, "StartExportTask", 1, fault);
            let request = request(&harness, identifier, is_cluster, false);
            assert_eq!(started(&harness, &request).await.unwrap_err().kind(), kind);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_waits_for_a_place_among_the_accounts_exports() {
    for (identifier, is_cluster) in KINDS {
        let harness = world(&json!({"exportTasks": 1}));
        let call = harness.rds().start_export_task().export_task_identifier("another").s3_bucket_name("theirs");
        let source = "arn:aws:rds:us-east-1:123456789012:snapshot:billing-snapshot";
        call.source_arn(source).iam_role_arn("role").kms_key_id("key").send().await.unwrap();
        // The other export needs ten minutes more.
        tokio::time::sleep(Duration::from_secs(2100)).await;
        let request = request(&harness, identifier, is_cluster, false);
        assert_eq!(started(&harness, &request).await.unwrap().status, "STARTING");
        assert_eq!(exports(&harness).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_waits_for_the_export_of_an_earlier_snapshot_of_the_same_name() {
    for (identifier, is_cluster) in KINDS {
        let harness = world(&json!({}));
        let kind = if is_cluster { "cluster-snapshot" } else { "snapshot" };
        let source = format!("arn:aws:rds:us-east-1:123456789012:{kind}:{identifier}-snapshot");
        let call = harness.rds().start_export_task().export_task_identifier("earlier").s3_bucket_name("exports");
        call.source_arn(source).iam_role_arn("role").kms_key_id("key").send().await.unwrap();
        tokio::time::sleep(Duration::from_secs(2100)).await;
        let request = request(&harness, identifier, is_cluster, false);
        assert_eq!(started(&harness, &request).await.unwrap().status, "STARTING");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restore_waits_a_quarter_of_an_hour_for_a_place() {
    for (identifier, is_cluster) in KINDS {
        let harness = world(&json!({"exportTasks": 0}));
        let request = request(&harness, identifier, is_cluster, false);
        let begin = harness.simulator.now();
        let error = started(&harness, &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WaitTimedOut);
        assert!(error.report().contains("no place for another export"), "{}", error.report());
        let waited = harness.simulator.now().saturating_sub(begin).as_secs();
        assert!((900..1_000).contains(&waited), "{waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_its_export_leaves_half_of_its_time_to_the_restore() {
    let harness = world(&json!({}));
    inject(&harness, "StartExportTask", 10_000, no_place());
    let request = request(&harness, "orders", false, true);
    let begin = harness.simulator.now();
    assert_eq!(started(&harness, &request).await.unwrap_err().kind(), ErrorKind::WaitTimedOut);
    let waited = harness.simulator.now().saturating_sub(begin).as_secs();
    assert!((43_200..43_300).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_wait_reads_the_status_once() {
    let harness = world(&json!({}));
    let request = request(&harness, "orders", false, false);
    started(&harness, &request).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1950)).await;
    let begin = harness.simulator.now();
    for _ in 0..2 {
        let output = look(&harness, &request).await.unwrap();
        assert_eq!((output.status.as_str(), output.percent_progress), ("IN_PROGRESS", 50));
        assert_eq!((output.task, output.failure), (WaitStatus::Complete, None));
    }
    assert_eq!(harness.simulator.now(), begin);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_reads_the_progress_until_the_export_is_complete() {
    let harness = world(&json!({}));
    let request = request(&harness, "shop", true, true);
    started(&harness, &request).await.unwrap();
    let mut told = Vec::new();
    let last = loop {
        let output = look(&harness, &request).await.unwrap();
        if output.task == WaitStatus::Complete {
            break output;
        }
        told.push((output.status, output.percent_progress > 0));
    };
    assert_eq!(
        told,
        [("STARTING".to_owned(), false), ("IN_PROGRESS".to_owned(), true), ("IN_PROGRESS".to_owned(), true)]
    );
    assert_eq!((last.status.as_str(), last.percent_progress, last.failure), ("COMPLETE", 100, None));
    assert_eq!(last.bucket.as_deref(), Some("exports"));
    let again = look(&harness, &request).await.unwrap();
    assert_eq!((again.status.as_str(), again.task), ("COMPLETE", WaitStatus::Complete));
}

#[tokio::test(start_paused = true)]
async fn a_failed_or_canceled_export_is_answered_with_its_cause() {
    for waits in [false, true] {
        let harness = world(&json!({}));
        inject(&harness, "StartExportTask", 1, Fault::EndsIn { status: "failed".into() });
        let request = request(&harness, "orders", false, waits);
        started(&harness, &request).await.unwrap();
        harness.settle().await;
        for _ in 0..2 {
            let output = look(&harness, &request).await.unwrap();
            let failure = output.failure.expect("a failure");
            assert_eq!((output.status.as_str(), failure.error.as_str()), ("FAILED", "ExportException"));
            assert!(failure.cause.contains("An unknown internal error occurred."), "{}", failure.cause);
        }
    }
    let harness = world(&json!({}));
    let request = request(&harness, "orders", false, true);
    let identifier = started(&harness, &request).await.unwrap().identifier;
    harness.rds().cancel_export_task().export_task_identifier(identifier.as_str()).send().await.unwrap();
    assert_eq!(look(&harness, &request).await.unwrap().failure.unwrap().error, "ExportException");
}

#[tokio::test(start_paused = true)]
async fn an_export_that_never_ends_is_given_up_at_the_runs_deadline() {
    let harness = world(&json!({}));
    inject(&harness, "StartExportTask", 1, Fault::Stuck { seconds: None });
    let request = request(&harness, "orders", false, true);
    started(&harness, &request).await.unwrap();
    let error = loop {
        match look(&harness, &request).await {
            Ok(output) => assert_eq!(output.task, WaitStatus::Pending),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WaitTimedOut);
    assert!(error.report().contains("IN_PROGRESS 99 %"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn an_export_that_rds_no_longer_shows_is_given_up() {
    let harness = world(&json!({}));
    let request = request(&harness, "orders", false, false);
    assert_eq!(look(&harness, &request).await.unwrap_err().kind(), ErrorKind::Export);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waited_for_an_export_by_default_is_recovered_after_the_default_has_changed() {
    let harness = world(&json!({}));
    harness.claimed_instance("orders", Task::CreateSnapshotOnly).await;
    harness.simulator.update_execution(EXECUTION, |execution| {
        "ABORTED".clone_into(&mut execution.status);
        let input =
            json!({"identifier": "orders", "task": "create_snapshot_only", "isCluster": false, "waitForExport": true});
        execution.input = input.to_string();
    });
    let event = RecoverEvent {
        execution: format!("{EXECUTION}-recovery"),
        input: json!({"task": "recover", "execution": EXECUTION}),
    };
    let options = Harness::validate_options();
    assert!(!options.export_snapshots);
    let found = recover(harness.rds(), &harness.clients.sfn, options, event, harness.invocation()).await.unwrap();
    assert_eq!(found.recovery.finding, Finding::RollBack, "{}", found.recovery.reason);
}
