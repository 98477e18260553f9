//! An invalid input: the run refuses it, names every problem in its error and its mails, and changes nothing.

use super::*;

/// Invalid events, with the error and the words that its cause must contain.
fn bad_events() -> Vec<(Value, &'static str, Vec<&'static str>)> {
    let invalid = "InvalidInputException";
    let preflight = "PreflightException";
    let sixty = "a".repeat(60);
    vec![
        (json!({}), invalid, vec!["identifier", "task", "isCluster"]),
        (json!({"identifier": "orders"}), invalid, vec!["task", "isCluster"]),
        (json!({"identifier": "", "task": "db_restore", "isCluster": false}), invalid, vec!["identifier", "empty"]),
        (json!({"identifier": 7, "task": ["db_restore"], "isCluster": false}), invalid, vec!["identifier", "task"]),
        (
            json!({"identifier": "orders", "task": "db_restore", "isCluster": "true"}),
            invalid,
            vec!["isCluster", "\"true\""],
        ),
        (
            json!({"identifier": "orders", "task": "drop", "isCluster": false}),
            invalid,
            vec!["drop", "create_snapshot_only"],
        ),
        (
            json!({"identifier": "orders", "task": "db_restore", "isCluster": false, "isclustr": 1, "force": true}),
            invalid,
            vec!["isclustr", "force"],
        ),
        (json!({"identifier": sixty, "task": "db_restore", "isCluster": false}), invalid, vec!["-temp", "58"]),
        (json!({"identifier": "or_ders", "task": "drop", "isCluster": 0}), invalid, vec!["`_`", "drop", "isCluster"]),
        (json!("orders"), invalid, vec!["object"]),
        (json!(["orders"]), invalid, vec!["object"]),
        (json!(null), invalid, vec!["object"]),
        (event("nowhere", "db_restore", false), preflight, vec!["nowhere"]),
        (event("nowhere", "db_restore", true), preflight, vec!["nowhere"]),
        (event("orders", "db_restore", true), preflight, vec!["orders", "DB instance"]),
        (event("shop", "db_restore", false), preflight, vec!["shop", "cluster"]),
        (event("shop-2", "db_restore", false), preflight, vec!["shop-2", "shop"]),
        (event("orders-2", "db_restore", false), preflight, vec!["orders-2-snapshot"]),
    ]
}

#[test]
fn a_bad_event_fails_with_every_problem_named_and_changes_nothing() {
    for (event, error, named) in bad_events() {
        let report = rehearse(event.clone(), world());
        assert_eq!(report.status, "FAILED", "{event}");
        assert_eq!(report.error.as_deref(), Some(error), "{event}: {:?}", report.cause);
        let cause = report.cause.as_deref().unwrap_or_default();
        for name in &named {
            assert!(cause.contains(name), "{event}: `{name}` is not named in: {cause}");
        }
        assert_untouched(&report, &event.to_string());
    }
}

#[test]
fn the_mails_about_a_bad_event_name_every_problem_too() {
    for (event, _, named) in bad_events() {
        let report = rehearse(event.clone(), world());
        assert_eq!(report.mails.len(), 2, "{event}");
        for mail in &report.mails {
            let text = mail.text.as_deref().unwrap_or_default();
            for name in &named {
                assert!(text.contains(name), "{event}: `{name}` is not named in the mail: {text}");
            }
        }
    }
}

#[test]
fn a_bad_event_leads_only_to_reads_and_mails() {
    for (event, _, _) in bad_events() {
        let report = rehearse(event.clone(), world());
        for action in report.rds_calls.keys() {
            assert!(action.starts_with("Describe") || action.starts_with("List"), "{event}: {action}");
        }
    }
}
