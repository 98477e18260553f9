//! Measures how many whole executions one core rehearses in a second: state machine, functions, SDK clients and simulator
//! together.
//!
//! `cargo run --profile campaign -p trapheus-cli --example rehearsals [SECONDS]`

use std::time::{Duration, Instant};

use rds_simulator::World;
use serde_json::json;
use trapheus_cli::rehearsal::{DEFAULT_WORLD, Rehearsal};

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let world = World::from_json(DEFAULT_WORLD).expect("the built-in world");
    println!("{:<16} {:>14} {:>18} {:>22}", "database", "executions/s", "state transitions", "RDS requests per run");
    for (identifier, is_cluster) in [("orders", false), ("shop", true), ("ledger", true)] {
        let event = json!({"identifier": identifier, "task": "db_restore", "isCluster": is_cluster});
        let begin = Instant::now();
        let (mut runs, mut transitions, mut requests) = (0_u32, 0, 0);
        while begin.elapsed() < Duration::from_secs(seconds) {
            let rehearsal = Rehearsal { seed: runs.into(), ..Rehearsal::new(event.clone(), world.clone()) };
            let report = rehearsal.run(&mut ()).expect("a world that can exist");
            assert!(report.succeeded(), "{:?} {:?}", report.error, report.cause);
            runs += 1;
            transitions += report.state_transitions;
            requests += report.rds_calls.values().sum::<u64>();
        }
        let rate = f64::from(runs) / begin.elapsed().as_secs_f64();
        let runs = u64::from(runs);
        println!("{identifier:<16} {rate:>14.1} {:>18} {:>22}", transitions / runs, requests / runs);
    }
}
