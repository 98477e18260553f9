//! Many databases restored at once in one account. Each is a copy of a database of the built-in world, with its own
//! execution. All executions start at the same moment, and share RDS's limit of requests per second.
//!
//! The result counts each execution's granted and throttled requests to RDS. It sets the total time beside the time of a
//! single execution and the least time that the limit allows. [`crate::overhead`] measures a single execution.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::SystemTime;

use clap::Args;
use futures::future::join_all;
use rds_simulator::{Limits, Outcome, Service, Simulator, World, WorldError};
use serde::Serialize;
use serde_json::{Value, json};
use states_language::Status;
use tokio::task::LocalSet;

use crate::environment::{Ended, Run};
use crate::rehearsal::{BEGIN, DEFAULT_WORLD, Rehearsal};
use crate::report::{clock, duration};
use crate::terminal::{self, TableStyle, Width};
use crate::timeline::said;

/// The kind and the number of restores.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The number of simultaneous restores, with a row for each.
    #[arg(value_name = "N", default_values_t = [1, 10, 100], value_parser = clap::value_parser!(u32).range(1..=999))]
    counts: Vec<u32>,
    /// The requests per second that RDS grants the account.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Use copies of this event's database, with its task; by default, restores of every kind of database.
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// The seed of all random choices.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print the table as Markdown, as docs/performance.md contains it.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Rehearses, and prints the table. The exit status is 0 if every execution succeeded, else 1.
    pub fn run(&self) -> Result<ExitCode, String> {
        let events = self.events()?;
        let bar = terminal::progress(events.len() * self.counts.len());
        let mut rows = Vec::new();
        for event in events {
            for count in &self.counts {
                let many = ConcurrentRuns { event: event.clone(), count: *count, limit: self.limit, seed: self.seed };
                bar.set_message(format!("{}, {count} at once", many.identifier()));
                rows.push(many.run().map_err(|error| error.to_string())?);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        if self.json {
            let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
            anstream::println!("{text}");
        } else {
            let style = if self.markdown { TableStyle::Markdown } else { TableStyle::Drawn(Width::of_stdout()) };
            anstream::print!("{}", table(&rows, style));
        }
        let failures = rows.iter().flat_map(|row| row.limited.failures.iter().chain(&row.unlimited.failures));
        for failure in failures.clone() {
            anstream::eprintln!("{failure}");
        }
        Ok(ExitCode::from(u8::from(failures.count() > 0)))
    }

    fn events(&self) -> Result<Vec<Value>, String> {
        let Some(path) = &self.event else {
            let restore = |(identifier, is_cluster)| json!({"identifier": identifier, "task": "db_restore", "isCluster": is_cluster});
            return Ok([("orders", false), ("shop", true), ("ledger", true)].map(restore).to_vec());
        };
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let event: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(vec![event])
    }
}

/// Executions of the same event on copies of its database.
#[derive(Clone, Debug)]
pub struct ConcurrentRuns {
    /// The event, about a database of the built-in world.
    pub event: Value,
    pub count: u32,
    /// The requests per second that RDS grants.
    pub limit: u32,
    pub seed: u64,
}

/// The results, under the limit and without it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub identifier: String,
    pub count: u32,
    pub limited: Figures,
    pub unlimited: Figures,
    /// The least time in which the limit grants this many requests.
    pub limit_seconds: f64,
}

/// Figures over all executions.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// The ends of the executions without success.
    pub failures: Vec<String>,
    /// Requests to RDS that were not throttled.
    pub granted: Spread,
    /// Requests to RDS that were throttled.
    pub throttled: Spread,
    /// Functions that had to be called again, because the throttling outlasted the SDK's own retries.
    pub retries: Spread,
    /// Seconds since the common start.
    pub seconds: Spread,
    /// Seconds without an answering database under the name.
    pub downtime_seconds: Spread,
}

/// A figure over several executions.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub min: f64,
    pub mean: f64,
    pub max: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let (mut min, mut max, mut sum, mut count) = (f64::INFINITY, 0.0_f64, 0.0, 0.0);
        for figure in figures {
            (min, max, sum, count) = (min.min(figure), max.max(figure), sum + figure, count + 1.0);
        }
        Self { min, mean: sum / count, max }
    }
}

/// Requests of one execution.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    granted: u32,
    throttled: u32,
}

impl ConcurrentRuns {
    /// Runs all executions under the limit, and then all without it.
    pub fn run(&self) -> Result<Row, WorldError> {
        let limited = self.run_within(Some(self.limit))?;
        Ok(Row {
            identifier: self.identifier().to_owned(),
            count: self.count,
            limit_seconds: limited.granted.mean * f64::from(self.count) / f64::from(self.limit),
            limited,
            unlimited: self.run_within(None)?,
        })
    }

    /// Runs all executions on their own clock.
    fn run_within(&self, limit: Option<u32>) -> Result<Figures, WorldError> {
        // The whole rehearsal is in this process. It needs no I/O, and the clock advances when all tasks sleep.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("cannot set up a runtime without I/O: {error}"));
        runtime.block_on(self.run_here(limit))
    }

    async fn run_here(&self, limit: Option<u32>) -> Result<Figures, WorldError> {
        fastrand::seed(self.seed);
        let start_time = SystemTime::UNIX_EPOCH + BEGIN;
        let options = rds_simulator::Options { seed: self.seed, start_time, speed: 1.0 };
        let simulator = Simulator::new(self.world(limit)?, options)?;
        // The simulator has its world already.
        let mut rehearsal = Rehearsal::new(Value::Null, World::default());
        let environment = Rc::new(rehearsal.environment(&simulator));
        let runs: Vec<Run> = self
            .copies()
            .map(|(number, identifier)| {
                let mut input = self.event.clone();
                input["identifier"] = identifier.clone().into();
                // Each execution has its own caller, which distinguishes its requests from those of others.
                let fleet = rehearsal.fleet(&simulator.on_behalf_of(&identifier), start_time);
                let seed = self.seed.wrapping_add(number.into());
                Run { role: None, name: identifier, input, seed, fleet: Rc::new(fleet) }
            })
            .collect();
        let local = LocalSet::new();
        let executions = runs.iter().map(async |run| environment.execute(run, &mut ()).await);
        let ended = local.run_until(join_all(executions)).await;
        // Waits for recoveries, and functions that outlive their execution.
        local.await;
        Ok(self.figures(&runs, &ended, &simulator))
    }

    fn identifier(&self) -> &str {
        self.event["identifier"].as_str().unwrap_or_default()
    }

    /// The numbers and names of the copies.
    fn copies(&self) -> impl Iterator<Item = (u32, String)> {
        (1..=self.count).map(|number| (number, format!("{}-{number:03}", self.identifier())))
    }

    /// The built-in world with only the copies of one database, its members and its snapshot. Quotas on databases do not
    /// matter here, so there are none.
    fn world(&self, requests_per_second: Option<u32>) -> Result<World, WorldError> {
        let all = World::from_json(DEFAULT_WORLD)?;
        let limits = Limits {
            instances: usize::MAX,
            clusters: usize::MAX,
            allocated_storage: u64::MAX,
            manual_snapshots: usize::MAX,
            manual_cluster_snapshots: usize::MAX,
            retained_backups: usize::MAX,
            requests_per_second,
            ..all.limits
        };
        let mut world = World { limits, timings: all.timings, ..World::default() };
        let identifier = self.identifier();
        let rename = |name: &mut String, copy: &str| {
            if let Some(rest) = name.strip_prefix(identifier) {
                *name = format!("{copy}{rest}");
            }
        };
        for (_, copy) in self.copies() {
            for mut instance in all.instances.iter().filter(|one| one.identifier == identifier).cloned() {
                rename(&mut instance.identifier, &copy);
                world.instances.push(instance);
            }
            for mut cluster in all.clusters.iter().filter(|one| one.identifier == identifier).cloned() {
                rename(&mut cluster.identifier, &copy);
                cluster.members.iter_mut().for_each(|member| rename(&mut member.identifier, &copy));
                world.clusters.push(cluster);
            }
            for mut snapshot in all.snapshots.iter().filter(|one| one.source == identifier).cloned() {
                rename(&mut snapshot.identifier, &copy);
                rename(&mut snapshot.source, &copy);
                world.snapshots.push(snapshot);
            }
            for mut snapshot in all.cluster_snapshots.iter().filter(|one| one.source == identifier).cloned() {
                rename(&mut snapshot.identifier, &copy);
                rename(&mut snapshot.source, &copy);
                world.cluster_snapshots.push(snapshot);
            }
        }
        Ok(world)
    }

    fn figures(&self, runs: &[Run], ended: &[Ended], simulator: &Simulator) -> Figures {
        let is_cluster = self.event["isCluster"] == true;
        let (asked, world) = (asked(simulator), simulator.state());
        let asked = |run: &Run| asked.get(&run.name).copied().unwrap_or_default();
        let over_runs = |figure: &dyn Fn(&Run) -> f64| Spread::of(runs.iter().map(figure));
        let over_ends = |figure: fn(&Ended) -> f64| Spread::of(ended.iter().map(figure));
        let has_failed = |(_, ended): &(&Run, &Ended)| ended.outcome.status != Status::Succeeded;
        Figures {
            failures: runs.iter().zip(ended).filter(has_failed).map(|(run, ended)| failure(run, ended)).collect(),
            granted: over_runs(&|run| asked(run).granted.into()),
            throttled: over_runs(&|run| asked(run).throttled.into()),
            retries: over_ends(|ended| ended.steps.iter().map(|step| f64::from(step.retries)).sum()),
            seconds: over_ends(|ended| duration(&ended.outcome)),
            downtime_seconds: over_runs(&|run| world.downtime_seconds(&run.name, is_cluster).unwrap_or_default()),
        }
    }
}

fn failure(run: &Run, Ended { outcome, .. }: &Ended) -> String {
    let error = outcome.error.as_deref().unwrap_or_default();
    let cause = outcome.cause.as_deref().map(said).unwrap_or_default();
    format!("{} ended {}: {error}: {cause}", run.name, outcome.status)
}

/// The requests of each caller to RDS.
fn asked(simulator: &Simulator) -> HashMap<String, Asked> {
    let mut asked: HashMap<String, Asked> = HashMap::new();
    for request in simulator.requests().into_iter().filter(|request| request.service == Service::Rds) {
        let is_throttled = request.outcome == Outcome::Error("Throttling".to_owned());
        let asked = asked.entry(request.caller).or_default();
        *if is_throttled { &mut asked.throttled } else { &mut asked.granted } += 1;
    }
    asked
}

fn table(rows: &[Row], style: TableStyle) -> String {
    const HEADER: [&str; 10] = [
        "database",
        "at once",
        "succeeded",
        "RDS calls per run",
        "throttled per run",
        "functions called again",
        "name down",
        "time of all",
        "without limit",
        "minimum by the limit",
    ];
    let spread = |Spread { min, mean, max }: Spread| format!("{min:.0}, {mean:.0}, {max:.0}");
    let cells = |Row { identifier, count, limited, unlimited, limit_seconds }: &Row| {
        vec![
            identifier.clone(),
            count.to_string(),
            (*count as usize - limited.failures.len()).to_string(),
            spread(limited.granted),
            spread(limited.throttled),
            format!("{:.1}", limited.retries.mean),
            clock(limited.downtime_seconds.mean),
            clock(limited.seconds.max),
            clock(unlimited.seconds.max),
            clock(*limit_seconds),
        ]
    };
    terminal::table(&HEADER, 1, &rows.iter().map(cells).collect::<Vec<_>>(), style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eight(identifier: &str, is_cluster: bool) -> Row {
        let event = json!({"identifier": identifier, "task": "db_restore", "isCluster": is_cluster});
        ConcurrentRuns { event, count: 8, limit: 1, seed: 0 }.run().expect("a world that can exist")
    }

    #[test]
    fn simultaneous_restores_all_succeed_and_the_limit_adds_no_more_than_its_own_time() {
        for (identifier, is_cluster) in [("orders", false), ("shop", true)] {
            let Row { limited, unlimited, limit_seconds, .. } = eight(identifier, is_cluster);
            assert!(limited.failures.is_empty() && unlimited.failures.is_empty(), "{limited:?} {unlimited:?}");
            assert!(limited.throttled.min > 0.0 && unlimited.throttled.max == 0.0, "{limited:?} {unlimited:?}");
            let flat = limited.granted.mean / unlimited.granted.mean;
            assert!((0.5..1.2).contains(&flat), "{limited:?} {unlimited:?}");
            assert!(limited.seconds.max <= unlimited.seconds.max + limit_seconds, "{limited:?} {unlimited:?}");
        }
    }

    #[test]
    fn a_copy_has_its_own_members_and_snapshot() {
        let event = json!({"identifier": "shop", "task": "db_restore", "isCluster": true});
        let world = ConcurrentRuns { event, count: 2, limit: 10, seed: 0 }.world(None).expect("the built-in world");
        let copy = world.clusters.last().expect("a copy");
        assert_eq!((copy.identifier.as_str(), copy.members[0].identifier.as_str()), ("shop-002", "shop-002-1"));
        let snapshot = world.cluster_snapshots.last().expect("a copy's snapshot");
        assert_eq!((snapshot.identifier.as_str(), snapshot.source.as_str()), ("shop-002-snapshot", "shop-002"));
        assert_eq!((world.clusters.len(), world.instances.len()), (2, 0));
    }
}
