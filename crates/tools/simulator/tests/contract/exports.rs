//! Behaviours of exports to S3.

use aws_sdk_rds::types::{ExportTask, Filter};

use crate::support::{code, settle, simulated, watch};

const WORLD: &str = r#"{
    "instances": [
        {"identifier": "orders", "engine": "mysql"},
        {"identifier": "books", "engine": "oracle-ee"},
        {"identifier": "attic", "engine": "mysql", "settings": {"storageType": "standard"}}
    ],
    "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"}]}],
    "snapshots": [
        {"identifier": "orders-snapshot", "source": "orders"},
        {"identifier": "half", "source": "orders", "status": "creating"},
        {"identifier": "books-snapshot", "source": "books"},
        {"identifier": "attic-snapshot", "source": "attic"}
    ],
    "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}],
    "limits": {"exportTasks": 2},
    "timings": {"jitter": 0.0, "exportStarting": 100.0, "export": 200.0}
}"#;

const ROLE: &str = "arn:aws:iam::123456789012:role/export";

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:rds:us-east-1:123456789012:{kind}:{name}")
}

async fn export(client: &aws_sdk_rds::Client, name: &str, source: &str) -> Result<(), String> {
    let request = client.start_export_task().export_task_identifier(name).source_arn(source).s3_bucket_name("bucket");
    let answer = request.iam_role_arn(ROLE).kms_key_id("key").send().await;
    match answer {
        Ok(task) => {
            assert_eq!((task.export_task_identifier(), task.status()), (Some(name), Some("STARTING")));
            Ok(())
        }
        refused => Err(code(refused)),
    }
}

async fn described(client: &aws_sdk_rds::Client, name: &str) -> ExportTask {
    let answer = client.describe_export_tasks().export_task_identifier(name).send().await.expect("it exists");
    answer.export_tasks()[0].clone()
}

async fn progress(client: &aws_sdk_rds::Client, name: &str) -> (String, i32) {
    let task = described(client, name).await;
    (task.status().unwrap_or_default().to_owned(), task.percent_progress().unwrap_or_default())
}

async fn select(client: &aws_sdk_rds::Client, name: &str, value: &str) -> Vec<String> {
    let filter = Filter::builder().name(name).values(value).build();
    let answer = client.describe_export_tasks().filters(filter).send().await.expect("a list");
    answer.export_tasks().iter().filter_map(|task| task.export_task_identifier()).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn export_is_starting_then_in_progress_then_complete() {
    let (simulator, client) = simulated(WORLD);
    export(&client, "one", &arn("snapshot", "orders-snapshot")).await.unwrap();
    let seen = watch(&simulator, || progress(&client, "one")).await;
    let expected = [("STARTING", 0), ("IN_PROGRESS", 0), ("COMPLETE", 100)].map(|(status, at)| (status.to_owned(), at));
    assert_eq!(seen, expected);
    export(&client, "two", &arn("cluster-snapshot", "shop-snapshot")).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(150)).await;
    assert_eq!(progress(&client, "two").await, ("IN_PROGRESS".to_owned(), 25));
    let task = described(&client, "one").await;
    assert_eq!((task.s3_bucket(), task.kms_key_id(), task.iam_role_arn()), (Some("bucket"), Some("key"), Some(ROLE)));
    assert!(task.task_start_time() < task.task_end_time() && task.snapshot_time().is_some());
}

#[tokio::test(start_paused = true)]
async fn export_identifier_that_is_taken_is_refused() {
    let (simulator, client) = simulated(WORLD);
    let source = arn("snapshot", "orders-snapshot");
    export(&client, "one", &source).await.unwrap();
    settle(&simulator).await;
    assert_eq!(export(&client, "one", &source).await, Err("ExportTaskAlreadyExists".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn export_identifiers_keep_their_rules() {
    let (_, client) = simulated(WORLD);
    for name in ["1one", "one-", "o--ne", "o_ne", &"o".repeat(61)] {
        let refused = export(&client, name, &arn("snapshot", "orders-snapshot")).await;
        assert_eq!(refused, Err("InvalidParameterValue".to_owned()), "{name}");
    }
    export(&client, &"o".repeat(60), &arn("snapshot", "orders-snapshot")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn export_needs_an_available_snapshot() {
    let (_, client) = simulated(WORLD);
    let refused = async |source: String| export(&client, "one", &source).await.unwrap_err();
    assert_eq!(refused(arn("snapshot", "half")).await, "InvalidExportSourceState");
    assert_eq!(refused(arn("snapshot", "none")).await, "DBSnapshotNotFound");
    assert_eq!(refused(arn("cluster-snapshot", "none")).await, "DBClusterSnapshotNotFoundFault");
}

#[tokio::test(start_paused = true)]
async fn snapshot_is_exported_once_at_a_time() {
    let (simulator, client) = simulated(WORLD);
    let source = arn("snapshot", "orders-snapshot");
    export(&client, "one", &source).await.unwrap();
    assert_eq!(export(&client, "two", &source).await, Err("InvalidExportSourceState".to_owned()));
    settle(&simulator).await;
    export(&client, "two", &source).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn exports_have_a_quota() {
    let (simulator, client) = simulated(&WORLD.replace("\"exportTasks\": 2", "\"exportTasks\": 1"));
    export(&client, "one", &arn("snapshot", "orders-snapshot")).await.unwrap();
    let shop = arn("cluster-snapshot", "shop-snapshot");
    assert_eq!(export(&client, "two", &shop).await, Err("ExportTaskLimitReachedFault".to_owned()));
    settle(&simulator).await;
    export(&client, "two", &shop).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn snapshot_being_exported_can_be_deleted() {
    let (simulator, client) = simulated(WORLD);
    export(&client, "one", &arn("snapshot", "orders-snapshot")).await.unwrap();
    client.delete_db_snapshot().db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    settle(&simulator).await;
    assert!(simulator.state().snapshot("orders-snapshot").is_none());
    assert_eq!(progress(&client, "one").await.0, "COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn only_some_engines_can_be_exported() {
    let (_, client) = simulated(WORLD);
    for name in ["books-snapshot", "attic-snapshot"] {
        assert_eq!(
            export(&client, "one", &arn("snapshot", name)).await,
            Err("InvalidExportSourceState".to_owned()),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn export_that_fails_says_why() {
    let fault = r#"{"faults": [{"action": "StartExportTask", "fault": {"kind": "endsIn", "status": "failed"}}],"#;
    let (simulator, client) = simulated(&WORLD.replacen('{', fault, 1));
    export(&client, "one", &arn("snapshot", "orders-snapshot")).await.unwrap();
    settle(&simulator).await;
    let task = described(&client, "one").await;
    assert_eq!(task.status(), Some("FAILED"));
    assert!(task.failure_cause().is_some() && task.task_end_time().is_some());
}

#[tokio::test(start_paused = true)]
async fn canceled_export_is_canceling_then_canceled() {
    let (simulator, client) = simulated(WORLD);
    let cancel = || client.cancel_export_task().export_task_identifier("one").send();
    assert_eq!(code(cancel().await), "ExportTaskNotFound");
    export(&client, "one", &arn("snapshot", "orders-snapshot")).await.unwrap();
    assert_eq!(cancel().await.unwrap().status(), Some("CANCELING"));
    settle(&simulator).await;
    assert_eq!(progress(&client, "one").await.0, "CANCELED");
    assert_eq!(code(cancel().await), "InvalidExportTaskStateFault");
}

#[tokio::test(start_paused = true)]
async fn exports_are_described_by_identifier_and_filter() {
    let (simulator, client) = simulated(WORLD);
    let unknown = client.describe_export_tasks().export_task_identifier("one").send().await;
    assert_eq!(code(unknown), "ExportTaskNotFound");
    let source = arn("snapshot", "orders-snapshot");
    export(&client, "one", &source).await.unwrap();
    settle(&simulator).await;
    export(&client, "two", &arn("cluster-snapshot", "shop-snapshot")).await.unwrap();
    assert_eq!(select(&client, "status", "starting").await, ["two"]);
    assert_eq!(select(&client, "source-arn", &source).await, ["one"]);
    assert_eq!(select(&client, "s3-bucket", "bucket").await, ["one", "two"]);
    assert_eq!(select(&client, "export-task-identifier", "none").await, Vec::<String>::new());
}
