//! Every task for every kind of database, with inputs like those in `events/`.

use std::fs;
use std::path::Path;

use rds_simulator::{ApplyStatus, InstanceSettings, MemberSpec};

use super::*;

#[test]
fn every_task_succeeds_for_every_kind_of_database() {
    for (identifier, is_cluster) in KINDS {
        for task in TASKS {
            let report = rehearse(event(identifier, task, is_cluster), world());
            assert_eq!(report.status, "SUCCEEDED", "{identifier} {task}: {:?} {:?}", report.error, report.cause);
            assert_eq!(marks(&report.world), Vec::<String>::new(), "{identifier} {task}");
            assert_eq!(inventory(&report.world), inventory(&report.world_before), "{identifier} {task}");
            assert_eq!(report.mails.len(), 0, "{identifier} {task}");
            assert_bystanders_untouched(&report, identifier);
            let (before, _) = database(&report.world_before, identifier, is_cluster).expect("the old database");
            let (now, status) = database(&report.world, identifier, is_cluster).expect("the database");
            assert_eq!(status, "available", "{identifier} {task}");
            assert_eq!(before != now, task != "create_snapshot_only", "{identifier} {task}");
        }
    }
}

#[test]
fn a_new_snapshot_is_available_under_the_name_of_the_old_one() {
    for (identifier, is_cluster) in KINDS {
        for task in ["create_snapshot", "create_snapshot_only"] {
            let report = rehearse(event(identifier, task, is_cluster), world());
            let name = format!("{identifier}-snapshot");
            let (status, created) = if is_cluster {
                report.world.cluster_snapshot(&name).map(|found| (found.status.to_string(), found.created_seconds))
            } else {
                report.world.snapshot(&name).map(|found| (found.status.to_string(), found.created_seconds))
            }
            .expect("the snapshot");
            assert_eq!(status, "available", "{identifier} {task}");
            assert!(created > 0.0, "{identifier} {task}: the old snapshot is still there");
        }
    }
}

#[test]
fn every_member_is_back_under_its_name_and_the_same_one_is_the_writer() {
    let report = rehearse(event("shop", "db_restore", true), world());
    let before = report.world_before.cluster("shop").expect("the old database");
    let now = report.world.cluster("shop").expect("the database");
    assert_eq!(now.members[0], "shop-2", "the writer");
    let sorted = |members: &[String]| {
        let mut members = members.to_vec();
        members.sort();
        members
    };
    assert_eq!(sorted(&now.members), sorted(&before.members));
    for member in &now.members {
        let (old, new) = (report.world_before.instance(member), report.world.instance(member));
        let (old, new) = (old.expect("the old database"), new.expect("the database"));
        assert_ne!(old.resource_id, new.resource_id, "{member}");
        assert_eq!(new.status.as_ref(), "available", "{member}");
        assert_eq!(old.settings.class, new.settings.class, "{member}");
        assert_eq!(old.settings.promotion_tier, new.settings.promotion_tier, "{member}");
    }
}

#[test]
fn the_restored_database_has_the_originals_settings_and_tags() {
    let report = rehearse(event("orders", "db_restore", false), world());
    let before = report.world_before.instance("orders").expect("the old database");
    let now = report.world.instance("orders").expect("the database");
    let settings = |found: &rds_simulator::InstanceState| {
        // RDS chooses the zone of a Multi-AZ instance.
        rds_simulator::InstanceSettings { availability_zone: None, ..found.settings.clone() }
    };
    assert_eq!(settings(now), settings(before));
    let mut tags = before.tags.clone();
    tags.retain(|key, _| !key.starts_with("aws:"));
    assert_eq!(now.tags, tags);
}

/// A restore cannot give a cluster another option group than its engine's default.
#[test]
fn a_clusters_own_option_group_is_reported_from_the_start_and_does_not_fail_the_run() {
    for identifier in ["shop", "ledger"] {
        let mut world = world();
        let group = json!({"name": "payments", "family": "mysql", "majorVersion": "8.0"});
        world.option_groups.push(serde_json::from_value(group).expect("a group"));
        for cluster in &mut world.clusters {
            cluster.settings.option_group = Some("payments".to_owned());
        }
        let report = rehearse(event(identifier, "db_restore", true), world);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        let output = report.output.expect("an output");
        for reported in ["/plan/original/notCarriedOver", "/verification/differences"] {
            let lines = output.pointer(reported).map(ToString::to_string).unwrap_or_default();
            assert!(lines.contains("option group") && lines.contains("payments"), "{identifier} {reported}: {lines}");
        }
    }
}

#[test]
fn a_run_that_takes_the_first_snapshot_of_a_database_succeeds() {
    let mut world = world();
    world.snapshots.clear();
    let report = rehearse(event("orders", "create_snapshot", false), world);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert!(report.world.snapshot("orders-snapshot").is_some());
}

#[test]
fn a_run_succeeds_in_a_region_without_proxies_deployments_and_global_databases() {
    let absent = ["DescribeDBProxies", "DescribeBlueGreenDeployments", "DescribeGlobalClusters"]
        .map(|action| json!({"action": action, "times": 100, "fault": {"kind": "error", "code": "InvalidAction"}}));
    for (identifier, is_cluster) in KINDS {
        let report = rehearse(event(identifier, "db_restore", is_cluster), world_with(json!(absent)));
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
    }
}

#[test]
fn an_identifier_in_capitals_names_the_same_database() {
    let report = rehearse(event("Orders", "db_restore", false), world());
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert!(report.downtime_seconds.is_some_and(|seconds| seconds > 0.0));
}

#[test]
fn a_restore_of_six_hours_succeeds() {
    let mut world = world();
    world.timings.restore_instance = 6.0 * 3_600.0;
    world.timings.jitter = 0.0;
    let report = rehearse(event("orders", "db_restore", false), world);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert!(report.duration_seconds > 6.0 * 3_600.0);
}

#[test]
fn every_file_in_events_starts_a_run_that_succeeds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder of events") {
        let path = entry.expect("an entry").path();
        let event = serde_json::from_str(&fs::read_to_string(&path).expect("an event")).expect("JSON");
        let report = rehearse(event, world());
        assert!(report.succeeded(), "{}: {:?} {:?}", path.display(), report.error, report.cause);
        count += 1;
    }
    // Every task for every kind, two tasks with an export, a recovery of an instance and of a cluster, six sources, a dry run.
    assert_eq!(count, KINDS.len() * (TASKS.len() + 2) + 2 + 6 + 1);
}

/// The name of an instance or a member with `-temp`, and that of a cluster with `-snapshot`, must fit into 63 characters. The
/// original project has no other limit.
#[test]
fn the_longest_names_that_the_original_project_takes_fit_the_run_and_its_rollback() {
    let (instance, cluster) = ("i".repeat(58), "c".repeat(54));
    let members = ["m", "n"].map(|letter| json!({"identifier": letter.repeat(58)}));
    let longest: World = serde_json::from_value(json!({
        "instances": [{"identifier": instance, "engine": "postgres"}],
        "clusters": [{"identifier": cluster, "engine": "aurora-postgresql", "members": members}],
        "snapshots": [{"identifier": format!("{instance}-snapshot"), "source": instance}],
        "clusterSnapshots": [{"identifier": format!("{cluster}-snapshot"), "source": cluster}],
    }))
    .expect("a world");
    for (identifier, is_cluster) in [(&instance, false), (&cluster, true)] {
        for task in TASKS {
            let event = event(identifier, task, is_cluster);
            let report = rehearse(event.clone(), longest.clone());
            assert_eq!(report.status, "SUCCEEDED", "{task} {identifier}: {:?} {:?}", report.error, report.cause);
            assert_eq!(marks(&report.world), Vec::<String>::new(), "{task} {identifier}");
        }
        let verify = if is_cluster { "VerifyCluster=abort" } else { "VerifyDbInstance=abort" };
        let mut rehearsal = Rehearsal::new(event(identifier, "db_restore", is_cluster), longest.clone());
        rehearsal.faults.push(verify.parse().expect("a fault"));
        let report = rehearsal.run(&mut ()).expect("a world that can exist");
        assert!(report.others.iter().all(|other| other.status == "SUCCEEDED"), "{identifier}: {:?}", report.others);
        assert_untouched(&report, identifier);
    }
}

#[test]
fn a_reader_of_auto_scaling_refuses_no_run_in_any_state() {
    let mut world = world();
    let shop = world.clusters.iter_mut().find(|cluster| cluster.identifier == "shop").expect("the database");
    shop.members.push(MemberSpec {
        identifier: "application-autoscaling-3f2c1d9e-7a54-4b0e-9c1a-0d1e2f3a4b5c".to_owned(),
        writer: false,
        parameter_apply_status: ApplyStatus::PendingReboot,
        pending: InstanceSettings { port: Some(6_000), ..InstanceSettings::default() },
        tags: (0..49).map(|number| (format!("tag-{number}"), "value".to_owned())).collect(),
        ..shop.members[0].clone()
    });
    // Three instances, the cluster's four members, three of a Multi-AZ DB cluster, and room for three members more.
    world.limits.instances = 13;
    let report = rehearse(event("shop", "db_restore", true), world);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
}
