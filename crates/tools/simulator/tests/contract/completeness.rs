//! The table of behaviours and the contract tests agree.

use std::collections::BTreeSet;

use rds_simulator::{BEHAVIOURS, Evidence};

const MODULES: &[&str] = &[
    include_str!("backups.rs"),
    include_str!("clones.rs"),
    include_str!("clusters.rs"),
    include_str!("copies.rs"),
    include_str!("exports.rs"),
    include_str!("instances.rs"),
    include_str!("lag.rs"),
    include_str!("network.rs"),
    include_str!("offers.rs"),
    include_str!("point_in_time.rs"),
    include_str!("restores.rs"),
    include_str!("sharing.rs"),
    include_str!("snapshots.rs"),
    include_str!("storage.rs"),
    include_str!("wire.rs"),
];

/// Names of the functions that follow a test attribute.
fn tests() -> BTreeSet<&'static str> {
    let after_attribute = MODULES.iter().flat_map(|source| source.split("#[tokio::test").skip(1));
    after_attribute.filter_map(|rest| rest.split("async fn ").nth(1)?.split('(').next()).collect()
}

#[test]
fn every_behaviour_has_its_test_and_every_test_its_behaviour() {
    let behaviours: BTreeSet<&str> = BEHAVIOURS.iter().map(|behaviour| behaviour.id).collect();
    assert_eq!(behaviours.len(), BEHAVIOURS.len(), "an id is used twice");
    let tests = tests();
    let untested: Vec<_> = behaviours.difference(&tests).collect();
    let unlisted: Vec<_> = tests.difference(&behaviours).collect();
    assert!(untested.is_empty() && unlisted.is_empty(), "without a test: {untested:?}, without an entry: {unlisted:?}");
}

#[test]
fn every_statement_is_a_sentence_with_its_source() {
    for behaviour in BEHAVIOURS {
        assert!(behaviour.statement.ends_with('.'), "{}", behaviour.id);
        if let Evidence::Documented { source } | Evidence::Recorded { source } = behaviour.evidence {
            assert!(!source.is_empty(), "{}", behaviour.id);
        }
    }
}
