//! The time that the pipeline adds to RDS's own, as a table. The rehearsed restores take RDS ten minutes, an hour and six
//! hours.
//!
//! RDS works from the moment it accepts a request until the operation's last status. The simulator records these times.
//! Every other second of a run is the pipeline's. A run depends on chance: on jitter, and on the moments of its reads. Each
//! row is therefore the mean of several seeds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use indicatif::ProgressBar;
use rds_simulator::{World, WorldError};
use serde::Serialize;
use serde_json::json;

use crate::cost::{Cost, MEMORY};
use crate::rehearsal::{DEFAULT_WORLD, Rehearsal};
use crate::report::{Report, clock};
use crate::terminal::{self, TableStyle, Width};

/// The options of the measurement.
#[derive(Args, Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command")]
pub struct Options {
    /// The number of rehearsals for each row.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one)]
    seeds: u32,
    /// Replace the snapshot first in each run.
    #[arg(long)]
    snapshot: bool,
    /// Also show the time that each step of the runs adds.
    #[arg(long)]
    steps: bool,
    /// Print the tables as Markdown, as docs/performance.md contains them.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
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
        let bar = terminal::progress(DATABASES.len() * RESTORES.len() * self.seeds as usize);
        let mut rows = Vec::new();
        for database in DATABASES {
            for restore in RESTORES {
                bar.set_message(format!("{}, restore of {}", database.0, restore.0));
                rows.push(self.row(database, restore, &bar).map_err(|error| error.to_string())?);
            }
        }
        bar.finish_and_clear();
        if self.json {
            let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
            anstream::println!("{text}");
            return Ok(());
        }
        let style = if self.markdown { TableStyle::Markdown } else { TableStyle::Drawn(Width::of_stdout()) };
        anstream::print!("{}", table(&rows, style));
        if self.steps {
            anstream::print!("{}", steps(&rows, style));
        }
        Ok(())
    }

    fn row(
        self,
        (database, identifier, is_cluster): (&'static str, &str, bool),
        (restore, seconds): (&'static str, f64),
        bar: &ProgressBar,
    ) -> Result<Row, WorldError> {
        let mut row = Row { database, restore, ..Row::default() };
        let task = if self.snapshot { "create_snapshot" } else { "db_restore" };
        let event = json!({"identifier": identifier, "task": task, "isCluster": is_cluster});
        for seed in 0..self.seeds {
            let rehearsal = Rehearsal { seed: seed.into(), ..Rehearsal::new(event.clone(), world(seconds)?) };
            row.add(&rehearsal.run(&mut ())?, 1.0 / f64::from(self.seeds));
            bar.inc(1);
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

fn at_least_one(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "give a whole number of at least 1".to_owned())
}

fn table(rows: &[Row], style: TableStyle) -> String {
    const HEADER: [&str; 10] = [
        "database",
        "restore",
        "whole run",
        "RDS at work",
        "pipeline adds",
        "name down",
        "RDS calls",
        "transitions",
        "GB-s",
        "cost",
    ];
    let cells = |row: &Row| {
        vec![
            row.database.to_owned(),
            row.restore.to_owned(),
            clock(row.seconds),
            clock(row.rds_seconds),
            clock(row.overhead_seconds),
            clock(row.downtime_seconds),
            format!("{:.0}", row.rds_calls),
            format!("{:.0}", row.transitions),
            format!("{:.0}", row.gigabyte_seconds),
            format!("${:.4}", row.dollars),
        ]
    };
    terminal::table(&HEADER, 2, &rows.iter().map(cells).collect::<Vec<_>>(), style)
}

fn steps(rows: &[Row], style: TableStyle) -> String {
    let mut text = String::new();
    for row in rows {
        let cells = |(state, seconds): (&String, &f64)| vec![state.clone(), format!("{seconds:.1} s")];
        let cells: Vec<Vec<String>> = row.steps.iter().map(cells).collect();
        let table = terminal::table(&["state", "pipeline adds"], 1, &cells, style);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}, restore of {}\n\n{table}", row.database, row.restore);
    }
    text
}
