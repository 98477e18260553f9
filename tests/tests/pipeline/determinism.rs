//! The same event, world and seed give the same run.

use super::*;

fn run(seed: u64) -> String {
    let rehearsal = Rehearsal { seed, ..Rehearsal::new(event("shop", "create_snapshot", true), world()) };
    let report = rehearsal.run(&mut ()).expect("a world that can exist");
    serde_json::to_string(&report).expect("JSON")
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
