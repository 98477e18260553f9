//! The task `recover`, started by hand or by the rule: it puts right what an execution could not, and nothing else.
//!
//! That an execution stopped at any state is put right is the campaign's affair.

use std::time::SystemTime;

use rds_simulator::{Execution, Options, Simulator};

use trapheus_cli::rehearsal::BEGIN;

use super::*;

const STATES: &str = "arn:aws:states:us-east-1:123456789012";

fn arn(name: &str) -> String {
    format!("{STATES}:execution:trapheus-DBRestoreStateMachine:{name}")
}

fn by_hand(identifier: &str, is_cluster: bool) -> Value {
    json!({"task": "recover", "identifier": identifier, "isCluster": is_cluster})
}

fn by_rule(name: &str) -> Value {
    json!({"task": "recover", "execution": arn(name)})
}

/// Runs a recovery in a world in which these executions are known, by name, status and input.
fn recover(event: Value, world: World, known: &[(&str, &str, Value)]) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let start_time = SystemTime::UNIX_EPOCH + BEGIN;
        let simulator = Simulator::new(world, Options { start_time, ..Options::default() }).expect("a possible world");
        for (name, status, input) in known {
            simulator.register_execution(Execution {
                arn: arn(name),
                state_machine_arn: format!("{STATES}:stateMachine:Trapheus"),
                status: (*status).to_owned(),
                input: input.to_string(),
                start_date: SystemTime::UNIX_EPOCH,
                stop_date: Some(SystemTime::UNIX_EPOCH),
                error: None,
                cause: None,
            });
        }
        Rehearsal::new(event, World::default()).run_against(&simulator, &mut ()).await.expect("it runs")
    })
}

fn mark(name: &str, role: &str) -> Value {
    json!({"trapheus:execution": arn(name), "trapheus:role": role})
}

/// A world with the original under its `-temp` name and, unless there is none, a restored database in its place.
fn left_behind(name: &str, restored: Option<&str>) -> World {
    let mut instances =
        vec![json!({"identifier": "orders-temp", "engine": "postgres", "tags": mark(name, "original")})];
    instances
        .extend(restored.map(|role| json!({"identifier": "orders", "engine": "postgres", "tags": mark(name, role)})));
    let world = json!({
        "instances": instances,
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders", "engine": "postgres"}],
    });
    serde_json::from_value(world).expect("a world")
}

fn is_unchanged(report: &Report) -> bool {
    let (before, now) = (&report.world_before, &report.world);
    before.instances == now.instances
        && before.clusters == now.clusters
        && before.snapshots == now.snapshots
        && before.cluster_snapshots == now.cluster_snapshots
}

fn resource_id(world: &WorldState, identifier: &str) -> Option<String> {
    world.instance(identifier).map(|found| found.resource_id.clone())
}

#[test]
fn of_a_healthy_database_nothing_is_changed_and_nobody_is_told() {
    for (identifier, is_cluster) in KINDS {
        let report = recover(by_hand(identifier, is_cluster), world(), &[]);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        assert!(is_unchanged(&report), "{identifier}");
        assert!(report.rds_calls.keys().all(|action| action.starts_with("Describe")), "{:?}", report.rds_calls);
        assert_eq!(report.mails.len(), 0, "{identifier}");
    }
}

#[test]
fn an_execution_that_ended_well_leaves_nothing_to_do() {
    for (status, task) in [("SUCCEEDED", "db_restore"), ("FAILED", "db_restore"), ("ABORTED", "recover")] {
        let report = recover(by_rule("run"), world(), &[("run", status, event("orders", task, false))]);
        assert_eq!(report.status, "SUCCEEDED", "{status}: {:?} {:?}", report.error, report.cause);
        assert!(is_unchanged(&report), "{status}");
        assert_eq!(report.mails.len(), 0, "{status}");
    }
}

#[test]
fn an_execution_that_was_stopped_before_it_touched_anything_is_only_told_of() {
    for (identifier, is_cluster) in KINDS {
        let known = [("run", "ABORTED", event(identifier, "db_restore", is_cluster))];
        let report = recover(by_rule("run"), world(), &known);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        assert!(is_unchanged(&report), "{identifier}");
        let [first, last] = report.mails.as_slice() else { panic!("{identifier}: {:?}", report.mails) };
        assert!(first.subject.contains("was stopped"), "{first:?}");
        assert!(last.subject.ends_with("was stopped (final: nothing is left to undo)"), "{last:?}");
        // For all that can be seen, it may as well have been stopped after its last step.
        let text = last.text.as_deref().expect("a text");
        assert!(!text.contains("the original"), "{text}");
    }
}

#[test]
fn half_a_mark_that_is_left_on_the_database_is_lifted() {
    let tags = json!({"trapheus:role": "original", "team": "payments"});
    let world = json!({"instances": [{"identifier": "orders", "engine": "postgres", "tags": tags}]});
    let known = [("run", "FAILED", event("orders", "create_snapshot", false))];
    let report = recover(by_rule("run"), serde_json::from_value(world).expect("a world"), &known);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    let tags = &report.world.instance("orders").expect("the database").tags;
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["team"]);
}

#[test]
fn an_execution_that_still_runs_is_left_alone() {
    let known = [("run", "RUNNING", event("orders", "db_restore", false))];
    for recovery in [by_rule("run"), by_hand("orders", false)] {
        let report = recover(recovery, left_behind("run", Some("restored")), &known);
        assert_eq!(report.error.as_deref(), Some("ClaimException"), "{:?}", report.cause);
        assert!(report.cause.as_deref().is_some_and(|cause| cause.contains("still runs")), "{:?}", report.cause);
        assert!(is_unchanged(&report));
    }
}

#[test]
fn of_two_marks_the_originals_names_the_execution_and_then_that_under_the_temporary_name() {
    let known = [("run", "RUNNING", event("orders", "db_restore", false))];
    for (own, temporary) in [
        (mark("other", "restored"), mark("run", "original")),
        (mark("run", "original"), mark("other", "restored")),
        (mark("other", "original"), mark("run", "original")),
    ] {
        let world = json!({"instances": [
            {"identifier": "orders", "engine": "postgres", "tags": own.clone()},
            {"identifier": "orders-temp", "engine": "postgres", "tags": temporary.clone()},
        ]});
        let report = recover(by_hand("orders", false), serde_json::from_value(world).expect("a world"), &known);
        let cause = report.cause.as_deref().unwrap_or_default();
        assert!(cause.contains(&format!("the execution {} still runs", arn("run"))), "{own} {temporary}: {cause}");
    }
}

#[test]
fn what_is_no_recovery_is_refused_before_anything_is_looked_at() {
    for (input, problem) in [
        (json!({"task": "recover"}), "do not say what"),
        (json!({"task": "recover", "identifier": "orders", "isCluster": "true"}), "do not say what"),
        (json!({"task": "recover", "identifier": "or ders", "isCluster": true}), "letters, digits and hyphens"),
        (json!({"task": "recover", "execution": "run"}), "not the ARN"),
        (by_rule("unheard-of"), "there is no execution"),
    ] {
        let report = recover(input, world(), &[]);
        assert_eq!(report.error.as_deref(), Some("InvalidInputException"), "{:?}", report.cause);
        assert!(report.cause.as_deref().is_some_and(|cause| cause.contains(problem)), "{:?}", report.cause);
        assert!(is_unchanged(&report));
        assert_eq!(report.mails.len(), 2, "people are told that it was for nothing");
    }
}

#[test]
fn an_original_that_was_moved_away_is_put_back_by_rule_and_by_hand() {
    let known = [("run", "TIMED_OUT", event("orders", "db_restore", false))];
    for recovery in [by_rule("run"), by_hand("orders", false)] {
        let report = recover(recovery, left_behind("run", None), &known);
        assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
        assert_eq!(resource_id(&report.world, "orders"), resource_id(&report.world_before, "orders-temp"));
        assert_eq!(marks(&report.world), Vec::<String>::new());
        assert_eq!(report.mails.len(), 2);
    }
}

#[test]
fn an_execution_that_nobody_remembers_is_put_right_where_nothing_has_to_be_removed() {
    let report = recover(by_hand("orders", false), left_behind("long-ago", None), &[]);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert_eq!(resource_id(&report.world, "orders"), resource_id(&report.world_before, "orders-temp"));
    // When it began is not known, so it cannot be proven that it made what stands in the way.
    let report = recover(by_hand("orders", false), left_behind("long-ago", Some("restored")), &[]);
    assert_eq!(report.status, "FAILED");
    assert_eq!(inventory(&report.world), inventory(&report.world_before));
    assert!(report.mails.last().is_some_and(|mail| mail.subject.contains("ACTION NEEDED")), "{:?}", report.mails);
}

#[test]
fn what_is_verified_stays_and_the_leftover_is_for_a_person_to_delete() {
    let known = [("run", "ABORTED", event("orders", "db_restore", false))];
    let report = recover(by_rule("run"), left_behind("run", Some("verified")), &known);
    assert_eq!(report.status, "FAILED");
    assert_eq!(inventory(&report.world), inventory(&report.world_before));
    assert_eq!(resource_id(&report.world, "orders"), resource_id(&report.world_before, "orders"));
    let mail = report.mails.last().expect("a final mail");
    assert!(mail.subject.contains("ACTION NEEDED"), "{}", mail.subject);
    let text = mail.text.as_deref().unwrap_or_default();
    assert!(text.contains("delete-db-instance --db-instance-identifier orders-temp"), "{text}");
}

#[test]
fn of_a_leftover_that_people_know_of_only_a_person_who_asks_is_told_again() {
    let known = [("run", "FAILED", event("orders", "db_restore", false))];
    let report = recover(by_rule("run"), left_behind("run", Some("verified")), &known);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert!(is_unchanged(&report));
    assert_eq!(report.mails.len(), 0);

    let report = recover(by_hand("orders", false), left_behind("run", Some("verified")), &known);
    assert_eq!(report.status, "FAILED");
    assert!(is_unchanged(&report), "the mark that proves it stays as well");
    let text = report.mails.last().and_then(|mail| mail.text.as_deref()).unwrap_or_default();
    assert!(text.contains("delete-db-instance --db-instance-identifier orders-temp"), "{text}");
}

#[test]
fn a_newer_run_that_works_on_the_database_is_left_alone() {
    let known = [
        ("old", "ABORTED", event("orders", "db_restore", false)),
        ("new", "RUNNING", event("orders", "db_restore", false)),
    ];
    let report = recover(by_rule("old"), left_behind("new", Some("restored")), &known);
    assert!(is_unchanged(&report));
    assert!(report.rds_calls.keys().all(|action| action.starts_with("Describe")), "{:?}", report.rds_calls);
}
