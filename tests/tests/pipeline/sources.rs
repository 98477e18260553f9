//! The backup of a restore: a named snapshot, the latest one, a moment, a clone; and dry runs.

use std::time::Duration;

use rds_simulator::{ClusterSnapshotSpec, SnapshotSpec, SourceKind};
use trapheus_cli::rehearsal::BEGIN;
use trapheus_common::timestamp::Timestamp;

use super::*;

/// The input of a restore from a chosen backup.
fn from(identifier: &str, is_cluster: bool, source: Value) -> Value {
    let mut event = event(identifier, "db_restore", is_cluster);
    event["source"] = source;
    event
}

/// The built-in world with further snapshots of these databases.
fn with_snapshots(identifier: &str, is_cluster: bool, more: &Value) -> World {
    let mut world = world();
    let all = more.as_array().expect("a list").iter().cloned().map(|mut one| {
        if one.get("source").is_none() {
            one["source"] = json!(identifier);
        }
        one
    });
    for one in all {
        if is_cluster {
            world.cluster_snapshots.push(serde_json::from_value::<ClusterSnapshotSpec>(one).expect("a snapshot"));
        } else {
            world.snapshots.push(serde_json::from_value::<SnapshotSpec>(one).expect("a snapshot"));
        }
    }
    world
}

/// The backup of the database that has the name at the end.
fn restored_from(report: &Report, identifier: &str, is_cluster: bool) -> String {
    let (resource_id, _) = database(&report.world, identifier, is_cluster).expect("the restored database");
    let made = report.world.made.iter().find(|made| made.resource_id == resource_id);
    made.and_then(|made| made.from.as_ref()).map(|from| from.identifier.clone()).unwrap_or_default()
}

/// The kind and the moment of the backup of the database that has the name at the end, and its database.
fn restored_moment(report: &Report, identifier: &str, is_cluster: bool) -> (SourceKind, f64, String) {
    let (resource_id, _) = database(&report.world, identifier, is_cluster).expect("the restored database");
    let made = report.world.made.iter().find(|made| made.resource_id == resource_id).expect("its making");
    let from = made.from.as_ref().expect("its backup");
    (from.kind, from.created_seconds, from.source_resource_id.clone())
}

/// A moment before the start of the rehearsal.
fn before_the_start(seconds: u64) -> String {
    Timestamp::from_epoch_seconds(BEGIN.as_secs() - seconds).to_string()
}

fn assert_restored(report: &Report, identifier: &str, is_cluster: bool, backup: &str) {
    assert_eq!(report.status, "SUCCEEDED", "{identifier} {backup}: {:?} {:?}", report.error, report.cause);
    assert_eq!(restored_from(report, identifier, is_cluster), backup, "{identifier}");
    assert_eq!(inventory(&report.world), inventory(&report.world_before), "{identifier} {backup}");
    assert_eq!(marks(&report.world), Vec::<String>::new(), "{identifier} {backup}");
    assert_bystanders_untouched(report, identifier);
}

/// A refusal before any change, with these words.
fn assert_refused(event: Value, world: World, words: &[&str]) {
    let report = rehearse(event, world);
    assert_eq!(report.error.as_deref(), Some("PreflightException"), "{words:?}: {:?}", report.cause);
    let cause = report.cause.as_deref().unwrap_or_default();
    for word in words {
        assert!(cause.contains(word), "{word}: {cause}");
    }
    assert_untouched(&report, words[0]);
}

#[test]
fn a_named_snapshot_of_each_type_is_restored() {
    for (identifier, is_cluster) in KINDS {
        for (name, kind) in [("nightly", "manual"), ("rds:orders-2026-01-01-06-00", "automated")] {
            let world = with_snapshots(identifier, is_cluster, &json!([{"identifier": name, "type": kind}]));
            let report = rehearse(from(identifier, is_cluster, json!({"snapshot": name})), world);
            assert_restored(&report, identifier, is_cluster, name);
        }
    }
}

#[test]
fn a_snapshot_of_this_account_may_be_named_by_its_arn() {
    for (identifier, is_cluster) in KINDS {
        let noun = if is_cluster { "cluster-snapshot" } else { "snapshot" };
        let world = with_snapshots(identifier, is_cluster, &json!([{"identifier": "nightly"}]));
        let arn = format!("arn:aws:rds:us-east-1:123456789012:{noun}:nightly");
        let report = rehearse(from(identifier, is_cluster, json!({"snapshot": arn})), world);
        assert_restored(&report, identifier, is_cluster, "nightly");
    }
}

#[test]
fn the_arn_of_another_region_never_restores_a_snapshot_of_the_same_name_here() {
    for (identifier, is_cluster) in KINDS {
        let noun = if is_cluster { "cluster-snapshot" } else { "snapshot" };
        let here = json!([{"identifier": "nightly"}]);
        let far = json!({"snapshot": format!("arn:aws:rds:eu-west-1:123456789012:{noun}:nightly")});
        let world = with_snapshots(identifier, is_cluster, &here);
        assert_refused(from(identifier, is_cluster, far), world, &["only in its own region", "eu-west-1"]);
    }
}

#[test]
fn the_latest_available_snapshot_of_the_resource_id_is_chosen() {
    for (identifier, is_cluster) in KINDS {
        let more = json!([
            {"identifier": "oldest", "ageHours": 90},
            {"identifier": "newest", "ageHours": 3},
            {"identifier": "in-creation", "ageHours": 1, "status": "creating"},
            {"identifier": "broken", "ageHours": 2, "status": "failed"},
            {"identifier": "of-an-earlier-database", "ageHours": 1, "sourceResourceId": "db-EARLIER"},
            {"identifier": "rds:automated", "ageHours": 5, "type": "automated"},
        ]);
        for (choice, expected) in [("any", "newest"), ("manual", "newest"), ("automated", "rds:automated")] {
            let world = with_snapshots(identifier, is_cluster, &more);
            let report = rehearse(from(identifier, is_cluster, json!({"latestSnapshot": choice})), world);
            assert_restored(&report, identifier, is_cluster, expected);
        }
    }
}

#[test]
fn a_database_without_a_snapshot_of_its_own_lists_those_of_earlier_ones() {
    for (identifier, is_cluster) in KINDS {
        let id = if is_cluster { "cluster-EARLIER00000" } else { "db-EARLIER00000" };
        let more = json!([{"identifier": "rds:before", "type": "automated", "sourceResourceId": id}]);
        let world = || with_snapshots(identifier, is_cluster, &more);
        let automated = json!({"latestSnapshot": "automated"});
        assert_refused(from(identifier, is_cluster, automated), world(), &["no available snapshot", id, "source.of"]);
        let of = json!({"latestSnapshot": "automated", "of": id});
        let report = rehearse(from(identifier, is_cluster, of), world());
        assert_restored(&report, identifier, is_cluster, "rds:before");
    }
}

#[test]
fn a_snapshot_of_another_database_needs_its_name_or_resource_id() {
    for (identifier, is_cluster) in KINDS {
        let engine = if identifier == "shop" { "aurora-mysql" } else { "postgres" };
        let more = json!([{
            "identifier": "theirs", "source": "production", "engine": engine, "sourceResourceId": "db-PRODUCTION00",
        }]);
        let world = || {
            let mut world = with_snapshots(identifier, is_cluster, &more);
            // The settings of a snapshot whose source no longer exists are those of the database that it replaces.
            if is_cluster {
                let of = world.clusters.iter().find(|found| found.identifier == identifier).expect("a cluster").clone();
                let taken = world.cluster_snapshots.last_mut().expect("the snapshot");
                taken.settings = of.settings;
                taken.engine = Some(of.engine);
            } else {
                let of = world.instances.iter().find(|found| found.identifier == identifier).expect("it").clone();
                let taken = world.snapshots.last_mut().expect("the snapshot");
                taken.settings = of.settings;
                taken.engine = Some(of.engine);
            }
            world
        };
        let plain = json!({"snapshot": "theirs"});
        assert_refused(from(identifier, is_cluster, plain), world(), &["`theirs` is of `production`", "source.of"]);
        let wrong = json!({"snapshot": "theirs", "of": "billing"});
        assert_refused(from(identifier, is_cluster, wrong), world(), &["not of `billing`"]);
        for of in ["production", "db-PRODUCTION00"] {
            let report = rehearse(from(identifier, is_cluster, json!({"snapshot": "theirs", "of": of})), world());
            assert_restored(&report, identifier, is_cluster, "theirs");
        }
    }
}

#[test]
fn a_snapshot_that_does_not_exist_is_refused_before_any_change() {
    for (identifier, is_cluster) in KINDS {
        let source = json!({"snapshot": "missing"});
        assert_refused(from(identifier, is_cluster, source), world(), &["the snapshot `missing` does not exist"]);
    }
}

#[test]
fn a_moment_of_the_present_database_is_restored() {
    for (identifier, is_cluster) in KINDS {
        for ago in [1_800, 7_200] {
            let moment = before_the_start(ago);
            let report = rehearse(from(identifier, is_cluster, json!({"pointInTime": moment})), world());
            assert_eq!(report.status, "SUCCEEDED", "{identifier} {moment}: {:?} {:?}", report.error, report.cause);
            let (kind, at, of) = restored_moment(&report, identifier, is_cluster);
            let (original, _) = database(&report.world_before, identifier, is_cluster).expect("the original");
            assert_eq!((kind, of.as_str()), (SourceKind::PointInTime, original), "{identifier}");
            assert!((at + Duration::from_secs(ago).as_secs_f64()).abs() < 1.0, "{identifier}: {at}");
            assert_eq!(inventory(&report.world), inventory(&report.world_before), "{identifier}");
            assert_eq!(marks(&report.world), Vec::<String>::new(), "{identifier}");
            assert_bystanders_untouched(&report, identifier);
        }
    }
}

#[test]
fn the_latest_moment_is_pinned_before_the_rename() {
    for (identifier, is_cluster) in KINDS {
        let report = rehearse(from(identifier, is_cluster, json!({"pointInTime": "latest"})), world());
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        let (kind, at, _) = restored_moment(&report, identifier, is_cluster);
        assert_eq!(kind, SourceKind::PointInTime, "{identifier}");
        assert!((-600.0..=0.0).contains(&at), "{identifier}: {at}");
        let pinned = report.output.as_ref().expect("an output")["plan"]["source"]["createdAt"].clone();
        let pinned = Timestamp::parse(pinned.as_str().expect("a time")).expect("a time");
        let pinned = Duration::from_secs(BEGIN.as_secs() - pinned.epoch_seconds());
        assert!((pinned.as_secs_f64() + at).abs() < 1.0, "{identifier}: {pinned:?} {at}");
    }
}

#[test]
fn a_moment_outside_the_window_is_refused_before_any_change() {
    for (identifier, is_cluster) in KINDS {
        let early = json!({"pointInTime": before_the_start(400 * 86_400)});
        assert_refused(from(identifier, is_cluster, early), world(), &["RDS can restore", "from 20"]);
        let late = json!({"pointInTime": "2030-01-01T00:00:00Z"});
        assert_refused(from(identifier, is_cluster, late), world(), &["at the latest", "start the run again later"]);
    }
}

#[test]
fn a_moment_that_a_full_window_is_about_to_lose_is_refused() {
    let mut full = world();
    full.instances[0].settings.backup_retention_period = Some(7);
    let nearly = json!({"pointInTime": before_the_start(7 * 86_400 - 60)});
    assert_refused(from("orders", false, nearly), full.clone(), &["The window moves while the run begins"]);
    let inside = json!({"pointInTime": before_the_start(7 * 86_400 - 3 * 3_600)});
    let report = rehearse(from("orders", false, inside), full);
    assert_eq!(report.status, "SUCCEEDED", "{:?}", report.cause);
}

#[test]
fn a_moment_just_ahead_of_the_stored_logs_is_awaited() {
    for (identifier, is_cluster) in KINDS {
        let report = rehearse(from(identifier, is_cluster, json!({"pointInTime": before_the_start(1)})), world());
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
    }
}

#[test]
fn a_moment_of_an_instance_without_automated_backups_is_refused() {
    let mut world = world();
    world.instances[0].settings.backup_retention_period = Some(0);
    assert_refused(from("orders", false, json!({"pointInTime": "latest"})), world, &["automated backups", "are off"]);
}

#[test]
fn the_retained_backups_of_a_deleted_database_are_restored_by_its_resource_id() {
    let first = rehearse(from("orders", false, json!({"pointInTime": "latest"})), world());
    let (deleted, _) = database(&first.world_before, "orders", false).expect("the original");
    let mut with_retained = world();
    with_retained.retained_backups = serde_json::from_value(json!([{
        "instance": "orders", "resourceId": "db-DELETED00000", "engine": "postgres",
    }]))
    .expect("a retained backup");
    let of = world().instances[0].clone();
    with_retained.retained_backups[0].settings = of.settings.clone();
    let source = json!({"pointInTime": "latest", "of": "db-DELETED00000"});
    let report = rehearse(from("orders", false, source), with_retained);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    let (kind, _, id) = restored_moment(&report, "orders", false);
    assert_eq!((kind, id.as_str()), (SourceKind::PointInTime, "db-DELETED00000"));
    assert_ne!(deleted, "db-DELETED00000");
    let unknown = json!({"pointInTime": "latest", "of": "db-NEVERSEEN00"});
    assert_refused(from("orders", false, unknown), world(), &["there is no automated backup of `db-NEVERSEEN00`"]);
}

#[test]
fn an_aurora_cluster_is_cloned_and_no_other_kind() {
    let mut with_production = world();
    let mut production = with_production.clusters.iter().find(|found| found.identifier == "shop").expect("it").clone();
    production.identifier = "production".to_owned();
    production.resource_id = Some("cluster-PRODUCTION".to_owned());
    for (at, member) in production.members.iter_mut().enumerate() {
        member.identifier = format!("production-{at}");
        member.resource_id = None;
    }
    with_production.clusters.push(production);
    let report = rehearse(from("shop", true, json!({"clone": "production"})), with_production.clone());
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    let (kind, _, of) = restored_moment(&report, "shop", true);
    assert_eq!((kind, of.as_str()), (SourceKind::Clone, "cluster-PRODUCTION"));
    assert_bystanders_untouched(&report, "shop");
    assert_refused(from("shop", true, json!({"clone": "nowhere"})), with_production.clone(), &["`nowhere`"]);
    assert_refused(from("shop", true, json!({"clone": "ledger"})), with_production, &["clones Aurora clusters only"]);
}

#[test]
fn a_failed_restore_of_each_source_puts_the_original_back() {
    for (identifier, is_cluster) in KINDS {
        let action = if is_cluster { "RestoreDBClusterToPointInTime" } else { "RestoreDBInstanceToPointInTime" };
        for fault in [json!({"kind": "denied"}), json!({"kind": "endsIn", "status": "restore-error"})] {
            let faulty = world_with(json!([{"action": action, "fault": fault}]));
            let report = rehearse(from(identifier, is_cluster, json!({"pointInTime": "latest"})), faulty);
            assert_eq!(report.status, "FAILED", "{identifier} {fault}");
            assert_untouched(&report, identifier);
            assert_eq!(report.mails.len(), 2, "{identifier} {fault}");
        }
    }
}

#[test]
fn a_dry_run_of_every_task_reports_the_plan_and_changes_nothing() {
    for (identifier, is_cluster) in KINDS {
        for task in TASKS {
            let mut event = event(identifier, task, is_cluster);
            event["dryRun"] = json!(true);
            let report = rehearse(event, world());
            assert_eq!(report.status, "SUCCEEDED", "{identifier} {task}: {:?}", report.cause);
            assert_eq!(report.world, report.world_before, "{identifier} {task}");
            assert!(report.mails.is_empty());
            let reads_only = |action: &&String| !action.starts_with("Describe") && !action.starts_with("List");
            assert_eq!(report.rds_calls.keys().find(reads_only), None, "{identifier} {task}");
            let plan = &report.output.as_ref().expect("an output")["plan"];
            assert_eq!(plan["fits"], json!(true), "{plan}");
            let steps: Vec<&str> =
                plan["steps"].as_array().expect("steps").iter().filter_map(|s| s["step"].as_str()).collect();
            let restores = task != "create_snapshot_only";
            assert_eq!(steps.contains(&"restore"), restores, "{steps:?}");
            assert_eq!(steps.contains(&"snapshot"), task != "db_restore", "{steps:?}");
            assert_eq!(plan["references"].is_object(), restores, "{plan}");
            assert_eq!(plan["source"].is_object(), task == "db_restore", "{plan}");
        }
    }
}

#[test]
fn a_dry_run_lists_every_problem_and_succeeds() {
    let mut event = from("orders", false, json!({"snapshot": "missing"}));
    event["dryRun"] = json!(true);
    let mut world = world();
    world.instances[0].settings.deletion_protection = Some(true);
    world
        .instances
        .push(serde_json::from_value(json!({"identifier": "orders-temp", "engine": "postgres"})).expect("one"));
    let report = rehearse(event, world);
    assert_eq!(report.status, "SUCCEEDED", "{:?}", report.cause);
    assert_eq!(report.world, report.world_before);
    let plan = &report.output.as_ref().expect("an output")["plan"];
    assert_eq!(plan["fits"], json!(false));
    let problems = plan["problems"].to_string();
    assert!(problems.contains("`missing` does not exist"), "{problems}");
}

#[test]
fn a_dry_run_of_a_database_that_does_not_exist_succeeds_with_that_problem() {
    for is_cluster in [false, true] {
        let mut event = event("nowhere", "db_restore", is_cluster);
        event["dryRun"] = json!(true);
        let report = rehearse(event, world());
        assert_eq!(report.status, "SUCCEEDED", "{:?}", report.cause);
        let plan = &report.output.as_ref().expect("an output")["plan"];
        assert_eq!((&plan["fits"], plan.get("plan")), (&json!(false), None));
        assert!(plan["problems"].to_string().contains("there is no"), "{plan}");
        assert!(report.mails.is_empty());
    }
}
