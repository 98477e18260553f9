//! Each recorded account, captured, and each of its databases rehearsed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_sdk_rds::Client;
use aws_sdk_rds::config::{BehaviorVersion, Credentials, Region};
use serde_json::{Value, json};
use trapheus_cli::capture::{Asked, Captured, capture};
use trapheus_cli::rehearsal::{BEGIN, Rehearsal};

use crate::endpoint::{Answer, Endpoint, Parameters};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/recorded");

/// Parameters that select resources by the field of the same name, and the error if there is none.
const SELECTORS: &[(&str, &str)] = &[
    ("DBInstanceIdentifier", "DBInstanceNotFound"),
    ("DBClusterIdentifier", "DBClusterNotFoundFault"),
    ("DBSnapshotIdentifier", "DBSnapshotNotFound"),
    ("DBClusterSnapshotIdentifier", "DBClusterSnapshotNotFoundFault"),
    ("DBParameterGroupName", "DBParameterGroupNotFound"),
    ("DBSubnetGroupName", "DBSubnetGroupNotFoundFault"),
    ("SnapshotType", ""),
    ("Engine", ""),
    ("EngineVersion", ""),
];

/// Filters, and the fields that they compare.
const FILTERS: &[(&str, &str)] = &[
    ("db-instance-id", "DBInstanceIdentifier"),
    ("db-cluster-id", "DBClusterIdentifier"),
    ("dbi-resource-id", "DbiResourceId"),
    ("db-cluster-resource-id", "DbClusterResourceId"),
];

/// One recording: answers by action, in order.
#[derive(Clone)]
struct Recording {
    name: String,
    calls: BTreeMap<String, Vec<Value>>,
}

impl Recording {
    fn all() -> Vec<Self> {
        let files = fs::read_dir(FOLDER).expect("the folder of recordings").map(|file| file.expect("a file").path());
        let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect();
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a recording");
        let calls: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).expect("JSON");
        let answers = |calls: Vec<Value>| calls.into_iter().map(|mut call| call["answer"].take()).collect();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        Self { name, calls: calls.into_iter().map(|(action, calls)| (action, answers(calls))).collect() }
    }

    /// The answers of one action at a moment: the last one stays.
    fn at(&self, action: &str, moment: usize) -> Option<&Value> {
        let answers = self.calls.get(action)?;
        answers.get(moment).or(answers.last())
    }

    /// Every database at a moment, as kind and recorded fields.
    fn databases(&self, moment: usize) -> Vec<(&'static str, &Value)> {
        let listed = |action, list: &'static str, kind: &'static str| {
            let databases = self.at(action, moment).and_then(|answer| answer[list].as_array());
            databases.into_iter().flatten().map(move |database| (kind, database))
        };
        let instances = listed("DescribeDBInstances", "DBInstances", "instance");
        instances.chain(listed("DescribeDBClusters", "DBClusters", "cluster")).collect()
    }

    /// The moments that differ from the one before.
    fn moments(&self) -> Vec<usize> {
        let count = |action: &str| self.calls.get(action).map_or(0, Vec::len);
        let count = count("DescribeDBInstances").max(count("DescribeDBClusters"));
        (0..count).filter(|moment| *moment == 0 || self.databases(*moment) != self.databases(moment - 1)).collect()
    }

    fn serve(&self, moment: usize) -> Endpoint {
        let recording = self.clone();
        let mut lists_of_tags = 0;
        Endpoint::serving(move |action, parameters| {
            let mut moment = moment;
            if action == "ListTagsForResource" {
                moment += lists_of_tags;
                lists_of_tags += 1;
            }
            let denied = || (403, "AccessDenied", format!("the recording has no {action}"));
            let answer = recording.at(action, moment).ok_or_else(denied)?;
            selected(answer.clone(), parameters)
        })
    }
}

/// The resources in an answer that the parameters ask for.
fn selected(mut answer: Value, parameters: &Parameters) -> Answer {
    let Some(list) = answer.as_object_mut().and_then(|fields| fields.values_mut().find_map(Value::as_array_mut)) else {
        return Ok(answer);
    };
    for (parameter, code) in SELECTORS {
        let Some(wanted) = parameters.get(*parameter) else { continue };
        list.retain(|item| item[*parameter] == wanted.as_str());
        if list.is_empty() && !code.is_empty() {
            return Err((404, code, format!("{wanted} not found.")));
        }
    }
    for (filter, field) in FILTERS {
        if parameters.get("Filters.Filter.1.Name").is_some_and(|name| name == filter) {
            list.retain(|item| item[*field] == parameters["Filters.Filter.1.Values.Value.1"].as_str());
        }
    }
    Ok(answer)
}

fn client(endpoint: &Endpoint) -> Client {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = aws_sdk_rds::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .endpoint_url(endpoint.url())
        .http_client(trapheus_common::clients::http_client(trapheus_common::trust::Trust::System));
    Client::from_conf(config.build())
}

/// Captures all databases of the endpoint, at the time when every rehearsal begins.
fn captured(endpoint: &Endpoint) -> Result<Captured, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let now = SystemTime::UNIX_EPOCH + BEGIN;
    runtime.block_on(Box::pin(capture(&client(endpoint), None, &Asked::default(), now)))
}

/// How a captured database ended: rehearsed to its end, or refused by preflight, with the reason.
fn rehearsed(captured: &Captured, kind: &str, identifier: &str) -> (&'static str, String) {
    let mut world = captured.world.clone();
    let name = format!("{identifier}-snapshot");
    let snapshot = json!({"identifier": name, "source": identifier, "ageHours": 1});
    if kind == "cluster" {
        world.cluster_snapshots.push(serde_json::from_value(snapshot).expect("a snapshot"));
    } else {
        world.snapshots.push(serde_json::from_value(snapshot).expect("a snapshot"));
    }
    let event = json!({"identifier": identifier, "task": "db_restore", "isCluster": kind == "cluster"});
    let report = Rehearsal::new(event, world).run(&mut ()).expect("a world that can exist");
    let cause = report.cause.clone().unwrap_or_default();
    match (report.status.as_str(), report.error.as_deref()) {
        ("SUCCEEDED", _) => ("rehearsed", String::new()),
        ("FAILED", Some("PreflightException")) => ("refused by preflight", problems(&cause)),
        _ => panic!("{identifier}: {} {:?}: {cause}", report.status, report.error),
    }
}

/// The problems in a refusal of preflight, in one line.
fn problems(cause: &str) -> String {
    let problems = cause.split_once("before anything was touched:").map_or(cause, |(_, problems)| problems);
    problems.trim().trim_start_matches("- ").replace("\n- ", "; ").replace('\n', " ")
}

#[derive(Default)]
struct Tally {
    databases: usize,
    rehearsed: usize,
    refused_by_preflight: usize,
    refused_by_capture: usize,
}

/// The outcome of every database of every recording, as Markdown.
fn outcomes() -> String {
    let mut rows = String::new();
    let mut tally = Tally::default();
    for recording in Recording::all() {
        for moment in recording.moments() {
            let endpoint = recording.serve(moment);
            let captured = captured(&endpoint);
            for action in endpoint.actions() {
                assert!(action.starts_with("Describe") || action == "ListTagsForResource", "{action}");
            }
            for (kind, database) in recording.databases(moment) {
                let field = |names: [&str; 2]| names.iter().find_map(|name| database[*name].as_str()).unwrap_or("–");
                let identifier = field(["DBInstanceIdentifier", "DBClusterIdentifier"]);
                let identifier = if kind == "cluster" { field(["DBClusterIdentifier", ""]) } else { identifier };
                let status = field(["DBInstanceStatus", "Status"]);
                let engine = format!("{} {}", field(["Engine", ""]), field(["EngineVersion", ""]));
                let (outcome, reason) = outcome(&captured, kind, identifier);
                tally.databases += 1;
                match outcome {
                    "rehearsed" => tally.rehearsed += 1,
                    "refused by preflight" => tally.refused_by_preflight += 1,
                    _ => tally.refused_by_capture += 1,
                }
                let place = format!("{}.{}", recording.name, moment + 1);
                writeln!(rows, "| {place} | {kind} | `{identifier}` | {engine} | {status} | {outcome} | {reason} |")
                    .expect("a text");
            }
        }
    }
    let Tally { databases, rehearsed, refused_by_preflight, refused_by_capture } = tally;
    let captured = databases - refused_by_capture;
    format!(
        "# Outcomes of the recorded databases\n\n\
         Written by `UPDATE_GOLDEN=1 cargo test -p trapheus-cli --test capture recorded`. The number behind the point is the \
         moment of a recording; a moment that equals the one before has no rows. *Rehearsed*: a restore ran to its end. The \
         test added the snapshot `<identifier>-snapshot`, which no recording has. If a recording does not say whether RDS offers \
         an engine version, the simulator's own table decides.\n\n\
         {databases} databases: {captured} captured, {refused_by_capture} refused by capture. Of those captured, {rehearsed} \
         were rehearsed and {refused_by_preflight} refused by preflight.\n\n\
         | recording | kind | database | engine | status | outcome | reason |\n|---|---|---|---|---|---|---|\n{rows}"
    )
}

fn outcome(captured: &Result<Captured, String>, kind: &str, identifier: &str) -> (&'static str, String) {
    const REFUSED: &str = "refused by capture";
    let captured = match captured {
        Ok(captured) => captured,
        Err(reason) => return (REFUSED, reason.clone()),
    };
    if let Some(refused) = captured.refused.iter().find(|refused| refused.identifier == identifier) {
        return (REFUSED, refused.reason.clone());
    }
    rehearsed(captured, kind, identifier)
}

fn golden(file: &str, text: &str) {
    let path = Path::new(FOLDER).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).expect("the folder of recordings can be written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{file} has drifted; see tests/recorded/README.md. It would be:\n{text}");
}

#[test]
fn every_recorded_database_is_captured_and_rehearsed_or_refused_with_its_reason() {
    golden("outcomes.md", &outcomes());
}

#[test]
fn everything_that_the_worlds_of_recordings_do_not_hold_is_reported() {
    let mut text = String::new();
    for recording in Recording::all() {
        for moment in recording.moments() {
            let Ok(captured) = captured(&recording.serve(moment)) else { continue };
            writeln!(text, "{}.{}", recording.name, moment + 1).expect("a text");
            for finding in captured.findings.iter().filter(|finding| !finding.problem.starts_with("AccessDenied")) {
                writeln!(text, "  {finding}").expect("a text");
            }
        }
    }
    golden("findings.txt", &text);
}

#[test]
fn a_recorded_instance_keeps_its_groups_tags_zones_and_statuses() {
    let recording = Recording::all().into_iter().find(|recording| recording.name == "11").expect("recording 11");
    let captured = captured(&recording.serve(0)).expect("a capture");
    let world = trapheus_cli::capture::command::concise(&captured.world).expect("JSON");
    let find = |name: &str| {
        let instances = world["instances"].as_array().expect("instances");
        instances.iter().find(|instance| instance["identifier"] == name).expect("the instance").clone()
    };
    let instance = find("mysql-non-compliance02");
    assert_eq!((&instance["status"], &instance["parameterApplyStatus"]), (&json!("modifying"), &json!("applying")));
    let settings = &instance["settings"];
    assert_eq!((&settings["iops"], &settings["storageType"]), (&json!(3000), &json!("io1")));
    assert_eq!(settings["parameterGroup"], "test-pg-mysql-nc");
    assert_eq!(settings["caCertificate"], "rds-ca-2019");
    let group = json!({
        "name": "test-subnet-group", "family": "", "majorVersion": "", "vpc": "vpc-0fba368c467ca4c10",
        "availabilityZones": ["us-west-2a", "us-west-2b"], "outpost": false, "incompatible": false,
    });
    assert_eq!(world["subnetGroups"], json!([group]));
    // From its creation at 2022-09-28T05:12:37Z to 2026-01-05T08:00:00Z.
    assert_eq!(instance["ageHours"], 28682);
}

#[test]
fn tags_that_an_old_answer_does_not_show_are_listed() {
    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders";
    let instance = json!({"DBInstanceIdentifier": "orders", "Engine": "mysql", "DBInstanceArn": arn});
    let endpoint = Endpoint::serving(move |action, parameters| match action {
        "DescribeDBInstances" => Ok(json!({"DBInstances": [instance]})),
        "ListTagsForResource" if parameters["ResourceName"] == arn => {
            Ok(json!({"TagList": [{"Key": "team", "Value": "R&D"}]}))
        }
        _ => Ok(json!({})),
    });
    let captured = captured(&endpoint).expect("a capture");
    assert_eq!(captured.world.instances[0].tags, BTreeMap::from([("team".to_owned(), "R&D".to_owned())]));
}

#[test]
fn a_snapshot_that_no_world_can_hold_is_reported_and_the_rest_is_captured() {
    let instance = json!({"DBInstanceIdentifier": "orders", "Engine": "mysql", "TagList": [], "DBInstanceStatus": "available",
        "DBInstanceArn": "arn:aws:rds:eu-central-1:123456789012:db:orders", "BrandNew": {"Element": "<7>"}});
    let snapshot = json!({"DBSnapshotIdentifier": "elsewhere:job-1", "DBInstanceIdentifier": "orders", "Engine": "mysql",
        "SnapshotType": "awsbackup"});
    let endpoint = Endpoint::serving(move |action, parameters| match action {
        "DescribeDBInstances" => Ok(json!({"DBInstances": [instance]})),
        "DescribeDBSnapshots" if parameters.contains_key("SnapshotType") => Ok(json!({"DBSnapshots": [snapshot]})),
        _ => Ok(json!({})),
    });
    let captured = captured(&endpoint).expect("a capture");
    assert_eq!((captured.world.region.as_str(), captured.world.account.as_str()), ("eu-central-1", "123456789012"));
    assert_eq!((captured.world.instances.len(), captured.world.snapshots.len()), (1, 0));
    let findings: Vec<String> = captured.findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings[0], "`orders`: BrandNew.Element: `<7>`: a world has no place for it");
    assert!(findings[1].starts_with("`orders`: the snapshot `elsewhere:job-1`: "), "{findings:?}");
    assert_eq!(findings.len(), 2);
}
