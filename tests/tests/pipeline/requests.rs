//! The recording of the requests for the proof of the permissions: the function of each request, and its resources.

use std::collections::BTreeMap;

use rds_simulator::RecordedRequest;
use trapheus_cli::campaign::{Case, Changes, examined, families};
use trapheus_common::functions;

use crate::{KINDS, event};

/// The requests of a restore that is stopped and recovered, with one request of a person.
fn requests(identifier: &str, is_cluster: bool) -> Vec<RecordedRequest> {
    let kind = if is_cluster { "cluster" } else { "db" };
    let tagging = format!(
        "at:1=AddTagsToResource:ResourceName=arn:aws:rds:us-east-1:123456789012:{kind}:{identifier},\
         Tags.Tag.1.Key=team,Tags.Tag.1.Value=payments"
    );
    let faults = ["VerifyDbInstance=abort", "VerifyCluster=abort", &tagging];
    let faults = faults.map(|fault| fault.parse().expect("a fault"));
    let case = Case::new(families::ABORT, &event(identifier, "db_restore", is_cluster)).with(faults);
    examined(&case, &Changes::default()).expect("a world that can exist").requests
}

#[test]
fn every_request_except_a_persons_names_its_function() {
    for (identifier, is_cluster) in KINDS {
        let requests = requests(identifier, is_cluster);
        let (people, functions): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.caller == "meddler");
        assert_eq!(people.len(), 1);
        assert_eq!(people[0].role, "");
        for request in &functions {
            assert!(functions::names().any(|function| function == request.role), "{request:?}");
        }
        let made = |function: &str| functions.iter().any(|request| request.role == function);
        let discard = if is_cluster { "discard-cluster" } else { "discard-instance" };
        assert!(made("recover") && made("email") && made(discard));
    }
}

#[test]
fn a_request_is_recorded_with_its_resources_in_their_state_before_it() {
    let requests = requests("orders", false);
    let role_of = |action: &str, name: &str| {
        let named = |request: &RecordedRequest| {
            let (_, found) = request.resources.iter().find(|(found, _)| found.starts_with(name))?;
            (request.action == action).then(|| found.tags.get("trapheus:role").cloned())
        };
        requests.iter().find_map(named).unwrap_or_else(|| panic!("no {action} of {name}"))
    };
    // The run claims and renames the original, and the recovery removes the restored database.
    assert_eq!(role_of("AddTagsToResource", "db:orders"), None);
    assert_eq!(role_of("ModifyDBInstance", "db:orders").as_deref(), Some("original"));
    assert_eq!(role_of("DeleteDBInstance", "db:orders-failed-").as_deref(), Some("restored"));
}

#[test]
fn the_members_of_a_multi_az_cluster_are_named_with_it_and_those_of_aurora_are_not() {
    let members = |identifier: &str| {
        let requests = requests(identifier, true);
        let renamed = requests.iter().find(|request| request.action == "ModifyDBCluster").expect("a rename");
        let engines: BTreeMap<_, _> =
            renamed.resources.iter().filter_map(|(name, what)| Some((name.clone(), what.engine.clone()?))).collect();
        assert_eq!(renamed.resources[&format!("cluster:{identifier}")].members.len(), engines.len());
        engines
    };
    assert_eq!(members("ledger").len(), 3);
    assert_eq!(members("shop").len(), 0);
}
