//! The time that the pipeline adds to RDS's own, as a table. The rehearsed restores take RDS ten minutes, an hour and six
//! hours.
//!
//! RDS works from the moment it accepts a request until the operation's last status. The simulator records these times.
//! Every other second of a run is the pipeline's. A run depends on chance: on jitter, and on the moments of its reads. Each
//! row is therefore the mean of several seeds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use rds_simulator::{World, WorldError};
use serde::Serialize;
use serde_json::json;

use crate::cost::{Cost, MEMORY};
use crate::rehearsal::{DEFAULT_WORLD, Rehearsal};
use crate::report::{Report, clock};

/// The options of the measurement.
#[derive(Args, Clone, Copy, Debug)]
pub struct Options {
    /// The number of rehearsals for each row.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seeds: u32,
    /// Replace the snapshot first in each run.
    #[arg(long)]
    snapshot: bool,
    /// Also show the time that each step of the runs adds.
    #[arg(long)]
    steps: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// The databases of the built-in world, one of each kind.
const DATABASES: [(&str, &str, bool); 3] =
    [("DB instance", "orders", false), ("Aurora, 3 members", "shop", true), ("Multi-AZ DB cluster", "ledger", true)];
/// The time until RDS makes the restored database available.
const RESTORES: [(&str, f64); 3] = [("10 minutes", 600.0), ("1 hour", 3_600.0), ("6 hours", 21_600.0)];

/// Means over all seeds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    database: &'static str,
    restore: &'static str,
    seconds: f64,
    /// The part of these seconds in which RDS worked.
    rds_seconds: f64,
    overhead_seconds: f64,
    downtime_seconds: f64,
    rds_calls: f64,
    transitions: f64,
    invocations: f64,
    gigabyte_seconds: f64,
    dollars: f64,
    /// Seconds beyond RDS's own, by state, over all its visits in a run.
    steps: BTreeMap<String, f64>,
}

impl Options {
    /// Rehearses the restores, and prints the table.
    pub fn run(self) -> Result<(), String> {
        let mut rows = Vec::new();
        for database in DATABASES {
            for restore in RESTORES {
                rows.push(self.row(database, restore).map_err(|error| error.to_string())?);
            }
        }
        if self.json {
            let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
            anstream::println!("{text}");
            return Ok(());
        }
        anstream::println!("{}", table(&rows));
        if self.steps {
            anstream::println!("{}", steps(&rows));
        }
        Ok(())
    }

    fn row(
        self,
        (database, identifier, is_cluster): (&'static str, &str, bool),
        (restore, seconds): (&'static str, f64),
    ) -> Result<Row, WorldError> {
        let mut row = Row { database, restore, ..Row::default() };
        let task = if self.snapshot { "create_snapshot" } else { "db_restore" };
        let event = json!({"identifier": identifier, "task": task, "isCluster": is_cluster});
        let seeds = self.seeds.max(1);
        for seed in 0..seeds {
            let rehearsal = Rehearsal { seed: seed.into(), ..Rehearsal::new(event.clone(), world(seconds)?) };
            row.add(&rehearsal.run(&mut ())?, 1.0 / f64::from(seeds));
        }
        Ok(row)
    }
}

/// The built-in world, with this time from the request of a restore to `available`.
fn world(seconds: f64) -> Result<World, WorldError> {
    let mut world = World::from_json(DEFAULT_WORLD)?;
    let timings = &mut world.timings;
    timings.restore_instance = (seconds - timings.restore_backing_up - timings.restore_modifying).max(1.0);
    timings.restore_cluster = seconds;
    Ok(world)
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "no run makes 2^52 calls")]
    fn add(&mut self, report: &Report, weight: f64) {
        let rds_seconds = report.world.working_seconds(0.0, report.duration_seconds);
        self.seconds += weight * report.duration_seconds;
        self.rds_seconds += weight * rds_seconds;
        self.overhead_seconds += weight * (report.duration_seconds - rds_seconds);
        self.downtime_seconds += weight * report.downtime_seconds.unwrap_or_default();
        self.rds_calls += weight * report.rds_calls.values().sum::<u64>() as f64;
        self.transitions += weight * report.state_transitions as f64;
        self.invocations += weight * report.function_invocations as f64;
        self.gigabyte_seconds += weight * report.function_seconds * MEMORY;
        self.dollars += weight * Cost::total(&report.cost);
        for step in &report.steps {
            let end = step.started_seconds + step.seconds;
            let added = step.seconds - report.world.working_seconds(step.started_seconds, end);
            *self.steps.entry(step.state.clone()).or_default() += weight * added;
        }
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| database | restore | whole run | RDS at work | pipeline adds | name down | RDS calls | transitions | GB-s | cost |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.0} | {:.0} | {:.0} | ${:.4} |",
            row.database,
            row.restore,
            clock(row.seconds),
            clock(row.rds_seconds),
            clock(row.overhead_seconds),
            clock(row.downtime_seconds),
            row.rds_calls,
            row.transitions,
            row.gigabyte_seconds,
            row.dollars
        );
    }
    text
}

fn steps(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{}, {}\n", row.database, row.restore);
        let _ = writeln!(text, "| state | pipeline adds |\n|---|---|");
        for (state, seconds) in &row.steps {
            let _ = writeln!(text, "| `{state}` | {seconds:.1} s |");
        }
        text.push('\n');
    }
    text
}
