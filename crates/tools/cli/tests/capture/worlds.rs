//! A captured world beside the account that it was captured from, both simulated: preflight reads the same in both.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_sdk_rds::Client;
use rds_simulator::{Fault, FaultRule, Options, Simulator, World};
use serde_json::{Value, json};
use trapheus_cli::capture::{Asked, Captured, capture, redact};
use trapheus_cli::rehearsal::{BEGIN, Clients, DEFAULT_WORLD};
use trapheus_common::document::{PreflightEvent, RunOptions, SnapshotReplacement, ValidateEvent};
use trapheus_common::input::{ValidateOptions, validate};
use trapheus_common::lambda::Invocation;
use trapheus_preflight::scope::Scope;

/// The time at which every rehearsal begins.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + BEGIN
}

fn simulator(world: World) -> Simulator {
    Simulator::new(world, Options { seed: 7, start_time: now(), speed: 1.0 }).expect("a possible world")
}

fn rds(simulator: &Simulator) -> Client {
    Clients::of(simulator).rds
}

fn world(fields: Value) -> World {
    serde_json::from_value(fields).expect("a world")
}

async fn all_of(simulator: &Simulator) -> Captured {
    Box::pin(capture(&rds(simulator), None, &Asked::default(), now())).await.expect("a capture")
}

async fn only(simulator: &Simulator, identifiers: &[&str]) -> Captured {
    let identifiers = identifiers.iter().map(|&name| name.to_owned()).collect();
    let asked = Asked { identifiers, clusters_only: false };
    Box::pin(capture(&rds(simulator), None, &asked, now())).await.expect("a capture")
}

/// Preflight's plan or refusal in a world, without ARNs of secrets, which each world makes up.
async fn preflight(simulator: &Simulator, event: &Value) -> Result<Value, String> {
    let options = ValidateOptions {
        run_seconds: 86_400,
        export_snapshots: false,
        options: RunOptions {
            snapshot_replacement: SnapshotReplacement::KeepUntilReplaced,
            keep_automated_backups: true,
            final_snapshot: false,
            rollback_seconds: 21_600,
            success_notice: false,
        },
    };
    let execution =
        "arn:aws:states:us-east-1:123456789012:execution:trapheus-DBRestoreStateMachine:this-run".to_owned();
    let event = ValidateEvent { execution, start_time: now().into(), input: event.clone() };
    let request = validate(options, event).map_err(|error| error.report())?;
    let (rds, invocation) = (rds(simulator), Invocation::new(now(), Duration::from_secs(60)));
    let is_cluster = serde_json::to_value(&request).expect("JSON")["kind"] == "cluster";
    let event = PreflightEvent { request };
    let plan = if is_cluster {
        let plan = Box::pin(trapheus_preflight::cluster::preflight(&rds, &Scope::default(), invocation, event)).await;
        plan.map(|plan| serde_json::to_value(plan).expect("JSON"))
    } else {
        let plan = Box::pin(trapheus_preflight::instance::preflight(&rds, &Scope::default(), invocation, event)).await;
        plan.map(|plan| serde_json::to_value(plan).expect("JSON"))
    };
    let mut plan = plan.map_err(|error| error.report())?;
    plan.as_object_mut().expect("a plan").remove("readAt");
    without_secrets(&mut plan);
    Ok(plan)
}

fn without_secrets(value: &mut Value) {
    match value {
        Value::String(text) => {
            let words = text.split(' ').map(|word| if word.contains(":secret:") { "SECRET" } else { word });
            *text = words.collect::<Vec<_>>().join(" ");
        }
        Value::Array(items) => items.iter_mut().for_each(without_secrets),
        Value::Object(fields) => fields.values_mut().for_each(without_secrets),
        _ => {}
    }
}

/// A refusal without the figures of quotas: a world that holds a part of an account has other figures, and the same room.
fn without_figures(refusal: &str) -> String {
    let is_of_quota = |line: &str| line.contains("has no room") || line.contains("retained automated backups. Delete");
    let masked =
        |line: &str| line.replace(|letter: char| letter.is_ascii_digit(), "#").replace("##", "#").replace("##", "#");
    let lines = refusal.lines().map(|line| if is_of_quota(line) { masked(line) } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

/// The part of a world that an account shows, and its events.
fn visible(world: World) -> World {
    let hidden = World::default();
    World {
        granted: hidden.granted,
        failing_members: hidden.failing_members,
        timings: hidden.timings,
        lag: hidden.lag,
        lambda: hidden.lambda,
        unverified: hidden.unverified,
        faults: hidden.faults,
        meddling: hidden.meddling,
        disturbances: hidden.disturbances,
        ..world
    }
}

fn cases() -> BTreeMap<String, (World, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/cases");
    let folders = fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("a case").path());
    let mut cases: BTreeMap<String, (World, Value)> = folders
        .filter(|path| path.is_dir())
        .map(|path| {
            let read = |file: &str| fs::read_to_string(path.join(file)).expect("a file of a case");
            let world = World::from_json(&read("world.json")).expect("a world");
            let event = serde_json::from_str(&read("event.json")).expect("an event");
            (path.file_name().expect("a name").to_string_lossy().into_owned(), (visible(world), event))
        })
        .collect();
    for (identifier, is_cluster) in [("orders", false), ("shop", true), ("ledger", true), ("shop-1", false)] {
        for task in ["db_restore", "create_snapshot"] {
            let event = json!({"identifier": identifier, "task": task, "isCluster": is_cluster});
            let world = World::from_json(DEFAULT_WORLD).expect("the built-in world");
            cases.insert(format!("default {identifier} {task}"), (world, event));
        }
    }
    for (name, (fields, event)) in surroundings() {
        cases.insert(name.to_owned(), (world(fields), event));
    }
    cases
}

/// Worlds in which preflight meets each of the surroundings of a database.
fn surroundings() -> Vec<(&'static str, (Value, Value))> {
    let restore = |identifier: &str, is_cluster: bool| json!({"identifier": identifier, "task": "db_restore", "isCluster": is_cluster});
    let orders = json!({"identifier": "orders", "engine": "postgres", "managedMasterPassword": true,
        "associatedRoles": [{"roleArn": "arn:aws:iam::123456789012:role/s3", "feature": "s3Import"}],
        "backupReplications": ["arn:aws:rds:eu-west-1:123456789012:auto-backup:ab-1"]});
    let crowded = json!({"identifier": "orders", "engine": "postgres", "settings": {"class": "db.r5.large"}});
    let snapshot = json!([{"identifier": "orders-snapshot", "source": "orders"}]);
    let shop = json!({"identifier": "shop", "engine": "aurora-mysql", "members": [
        {"identifier": "shop-1", "settings": {"class": "db.r6g.large"}, "clusterParameterStatus": "pending-reboot"},
        {"identifier": "shop-2", "writer": true, "pending": {"class": "db.r6g.xlarge"}}]});
    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders";
    vec![
        (
            "a replica, its source, and a taken name",
            (
                json!({"instances": [orders, {"identifier": "orders-r", "engine": "postgres", "replicaOf": "orders"},
                    {"identifier": "orders-temp", "engine": "postgres"}], "snapshots": snapshot}),
                restore("orders", false),
            ),
        ),
        (
            "a proxy, a blue/green deployment and an integration",
            (
                json!({"instances": [orders], "snapshots": snapshot,
                    "proxies": [{"name": "p", "instances": ["orders"]}, {"name": "q"}],
                    "blueGreenDeployments": [{"name": "green", "source": arn}],
                    "integrations": [{"name": "etl", "source": arn, "target": "arn:aws:redshift:x"}]}),
                restore("orders", false),
            ),
        ),
        (
            "no room, and a class that is not offered",
            (
                json!({"instances": [crowded, {"identifier": "other", "engine": "mysql"}], "snapshots": snapshot,
                    "withdrawnClasses": ["db.r5.large"],
                    "limits": {"instances": 2, "allocatedStorage": 250, "manualSnapshots": 1},
                    "retainedBackups": [{"instance": "a", "resourceId": "db-A"}, {"instance": "b", "resourceId": "db-B"}]}),
                json!({"identifier": "orders", "task": "create_snapshot", "isCluster": false}),
            ),
        ),
        (
            "a cluster with pending changes, an endpoint of its own and a global database",
            (
                json!({"clusters": [{"identifier": "shop", "engine": "aurora-mysql", "globalCluster": "world",
                        "cloneGroup": "group-1", "members": shop["members"]}],
                    "retainedClusterBackups": [{"cluster": "old", "resourceId": "cluster-OLD", "engine": "aurora-mysql"}],
                    "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop", "status": "creating"}],
                    "clusterEndpoints": [{"identifier": "reports", "cluster": "shop", "staticMembers": ["shop-1"]}],
                    "proxies": [{"name": "p", "clusters": ["shop"]}]}),
                restore("shop", true),
            ),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn preflight_says_the_same_of_a_captured_world_and_of_its_account() {
    let mut refused = 0;
    for (name, (world, event)) in cases() {
        let account = simulator(world);
        let identifier = event["identifier"].as_str().expect("an identifier");
        let expected = preflight(&account, &event).await;
        refused += usize::from(expected.is_err());
        let exists = account.state().instance(identifier).is_some() || account.state().cluster(identifier).is_some();
        let captures = if exists {
            vec![all_of(&account).await, only(&account, &[identifier]).await]
        } else {
            vec![all_of(&account).await]
        };
        for captured in captures {
            let said = preflight(&simulator(captured.world), &event).await;
            let (said, expected) = (said.map_err(|text| without_figures(&text)), expected.clone());
            assert_eq!(said, expected.map_err(|text| without_figures(&text)), "{name}: {:#?}", captured.findings);
        }
    }
    // Both kinds of answers are compared.
    assert!((15..50).contains(&refused), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_world_holds_everything_that_a_simulated_account_shows() {
    for (name, (world, _)) in cases() {
        let findings = all_of(&simulator(world)).await.findings;
        assert!(findings.is_empty(), "{name}: {findings:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_capture_by_name_leaves_no_look_out() {
    let account = simulator(World::from_json(DEFAULT_WORLD).expect("the built-in world"));
    for identifier in ["orders", "shop", "ledger"] {
        let captured = only(&account, &[identifier]).await;
        let refused: Vec<String> = captured.findings.iter().map(ToString::to_string).collect();
        assert!(refused.iter().all(|finding| !finding.contains("Snapshots")), "{identifier}: {refused:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_capture_calls_only_describe_and_list_actions() {
    let account = simulator(World::from_json(DEFAULT_WORLD).expect("the built-in world"));
    all_of(&account).await;
    only(&account, &["orders", "shop", "ledger"]).await;
    let requests = account.requests();
    assert!(requests.len() > 20, "{}", requests.len());
    for request in requests {
        assert!(request.action.starts_with("Describe") || request.action.starts_with("List"), "{}", request.action);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_of_several_pages_is_captured_whole() {
    let instances: Vec<Value> =
        (0..250).map(|number| json!({"identifier": format!("db-{number}"), "engine": "postgres"})).collect();
    let snapshots: Vec<Value> = (0..250)
        .map(|number| json!({"identifier": format!("db-{number}-snapshot"), "source": format!("db-{number}")}))
        .collect();
    let account = simulator(world(json!({"instances": instances, "snapshots": snapshots, "limits": {"instances": 400,
        "manualSnapshots": 400}})));
    let captured = all_of(&account).await;
    assert_eq!((captured.world.instances.len(), captured.world.snapshots.len()), (250, 250));
    assert_eq!(only(&account, &["db-7"]).await.world.limits.instances, 151);
}

fn rule(action: &str, times: u32, fault: &Fault) -> FaultRule {
    serde_json::from_value(json!({"action": action, "times": times, "fault": fault})).expect("a fault")
}

#[tokio::test(start_paused = true)]
async fn a_throttled_look_is_repeated() {
    let account = simulator(World::from_json(DEFAULT_WORLD).expect("the built-in world"));
    account.inject(rule("DescribeDBSnapshots", 3, &Fault::Throttle { code: "Throttling".to_owned() }));
    let captured = all_of(&account).await;
    assert_eq!((captured.world.snapshots.len(), captured.findings), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_denied_look_is_reported_and_left_out() {
    let account = simulator(World::from_json(DEFAULT_WORLD).expect("the built-in world"));
    for action in ["DescribeDBProxies", "DescribeAccountAttributes", "DescribeCertificates"] {
        account.inject(rule(action, 99, &Fault::Denied {}));
    }
    let captured = all_of(&account).await;
    let fields: Vec<&str> = captured.findings.iter().map(|finding| finding.field.as_str()).collect();
    assert_eq!(fields, ["DescribeAccountAttributes", "DescribeCertificates", "DescribeDBProxies"]);
    assert!(captured.findings.iter().all(|finding| finding.problem.starts_with("AccessDenied")));
    assert_eq!(captured.world.instances.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_denied_or_missing_database_is_refused_by_name() {
    let account = simulator(World::from_json(DEFAULT_WORLD).expect("the built-in world"));
    let captured = only(&account, &["orders", "nowhere"]).await;
    assert_eq!((captured.refused.len(), captured.refused[0].identifier.as_str()), (1, "nowhere"));
    assert!(captured.refused[0].reason.contains("neither a DB instance nor a DB cluster"));
    account.inject(rule("DescribeDBInstances", 99, &Fault::Denied {}));
    let captured = only(&account, &["orders"]).await;
    assert!(captured.refused[0].reason.contains("could not be read (AccessDenied"), "{:?}", captured.refused);
}

#[tokio::test(start_paused = true)]
async fn a_member_stands_for_its_cluster_and_a_replica_for_its_source() {
    let account = simulator(world(json!({
        "instances": [{"identifier": "orders", "engine": "mysql"},
            {"identifier": "orders-r", "engine": "mysql", "replicaOf": "orders"},
            {"identifier": "bystander", "engine": "mysql"}],
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"},
            {"identifier": "shop-2"}]}],
    })));
    let captured = only(&account, &["shop-2", "orders-r"]).await;
    assert_eq!(captured.world.clusters[0].members.len(), 2);
    let names: Vec<&str> = captured.world.instances.iter().map(|instance| instance.identifier.as_str()).collect();
    assert_eq!(names, ["orders", "orders-r"]);
    assert_eq!(captured.world.instances[1].replica_of.as_deref(), Some("orders"));
}

#[tokio::test(start_paused = true)]
async fn redaction_hides_the_values_of_tags_and_keeps_keys_and_claims() {
    let account = simulator(world(json!({
        "instances": [{"identifier": "orders", "engine": "mysql", "tags": {"team": "secret", "trapheus:role": "original",
            "aws:cloudformation:stack-name": "secret", "origin": "aws:backup"}}],
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "tags": {"team": "secret"},
            "members": [{"identifier": "shop-1", "tags": {"team": "secret"}}]}],
        "snapshots": [{"identifier": "s", "source": "orders", "tags": {"team": "secret"}}],
        "clusterSnapshots": [{"identifier": "s", "source": "shop", "tags": {"team": "secret"}}],
    })));
    let mut captured = all_of(&account).await.world;
    redact(&mut captured);
    let text = serde_json::to_string(&captured).expect("JSON");
    assert!(!text.contains("secret"), "{text}");
    let tags = &captured.instances[0].tags;
    assert_eq!((tags["trapheus:role"].as_str(), tags["team"].as_str()), ("original", "hidden"));
    assert_eq!((tags["origin"].as_str(), tags.len()), ("aws:backup", 4));
}
