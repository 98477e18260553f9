//! `trapheus campaign`: reads its options, shows progress, prints the results.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::families::{self, Family};
use super::matrix;
use super::random::Pool;
use super::requests::Requests;
use super::tally::Tally;
use super::{Case, Finished};
use crate::report::clock;
use crate::timeline::Step;

/// The options of a campaign.
#[derive(Args, Debug)]
pub struct Options {
    /// Run this many random combinations of two or three faults after the matrix.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seeds: u64,
    /// The first of those seeds.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first_seed: u64,
    /// Run only this event, on a database of the built-in world; by default, every task on every kind of database.
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// Run only this family; may be given more than once. `random` leaves the matrix out.
    #[arg(long, value_name = "NAME")]
    family: Vec<String>,
    /// The number of simultaneous runs; by default, the number of cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Write the table of faults for the documentation to this file.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Compare the table with the existing file, and write nothing.
    #[arg(long, requires = "table")]
    check: bool,
    /// Write every distinct request that the functions made to this file, one JSON object in each line, for
    /// tests/deployment/permissions.
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
}

impl Options {
    /// Runs the campaign. The exit status is 0 if the runs kept every promise, else 1.
    pub fn run(&self) -> Result<ExitCode, String> {
        let families = self.families()?;
        let events = self.events()?;
        let wanted = |family: &Family| families.is_empty() || families.contains(&family);
        let only_random = families == [families::RANDOM];
        let mut cases = if only_random { Vec::new() } else { matrix::cases(&events)? };
        cases.retain(|case| wanted(case.family));
        let seeds = if wanted(families::RANDOM) { self.seeds } else { 0 };
        let pool = if seeds == 0 { None } else { Some(Pool::of(&events)?) };

        let count = cases.len() + usize::try_from(seeds).map_err(|error| error.to_string())?;
        let case = |number: usize| match (&pool, number.checked_sub(cases.len())) {
            (Some(pool), Some(past)) => pool.case(self.first_seed + past as u64),
            _ => cases[number].clone(),
        };
        let jobs = self.jobs.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
        let begin = Instant::now();
        let (tally, mut failures) = self.go(count, case, jobs)?;
        let seconds = begin.elapsed().as_secs_f64();
        failures.sort_by_key(|failure| failure.number);
        if self.json {
            print_json(&tally, &failures, seconds)?;
        } else {
            print(&tally, seconds);
        }
        let is_outdated = self.document(&tally)?;
        Ok(ExitCode::from(u8::from(is_outdated || !failures.is_empty())))
    }

    fn families(&self) -> Result<Vec<&'static Family>, String> {
        let known = || families::ALL.iter().map(|family| family.name).collect::<Vec<_>>().join(", ");
        let find = |name: &String| {
            families::named(name).ok_or_else(|| format!("there is no family `{name}`; known are: {}", known()))
        };
        self.family.iter().map(find).collect()
    }

    fn events(&self) -> Result<Vec<Value>, String> {
        let Some(path) = &self.event else { return Ok(matrix::events()) };
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let event = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(vec![event])
    }

    /// Runs all cases, with a progress bar on a terminal.
    fn go(
        &self,
        count: usize,
        case: impl Fn(usize) -> Case + Sync,
        jobs: usize,
    ) -> Result<(Tally, Vec<Finished>), String> {
        // The bar hides itself if stderr is no terminal.
        let bar = ProgressBar::new(count as u64);
        if bar.is_hidden() {
            anstream::eprintln!("{count} runs");
        }
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta} left  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut tally = Tally::default();
        let mut failures = Vec::new();
        let mut requests = Requests::default();
        super::run(count, case, jobs, |run| {
            tally.add(&run);
            if self.requests.is_some() {
                requests.add(&run.requests);
            }
            bar.set_message(format!("{}{}", run.case.family.name, broken_so_far(tally.broken())));
            bar.inc(1);
            if run.broken.is_empty() {
                return;
            }
            if !self.json {
                // The failure is shown at once: a campaign may be long, and a person may stop it.
                bar.suspend(|| show_failure(&run));
            }
            failures.push(run);
        });
        bar.finish_and_clear();
        if let Some(path) = &self.requests {
            requests.write(path)?;
        }
        Ok((tally, failures))
    }

    /// Writes the documentation's table, or compares it. Returns whether the file is out of date.
    fn document(&self, tally: &Tally) -> Result<bool, String> {
        let Some(path) = &self.table else { return Ok(false) };
        let text = tally.document();
        if self.check {
            let is_outdated = fs::read_to_string(path).ok().as_ref() != Some(&text);
            if is_outdated {
                anstream::eprintln!("{} is not up to date: run `trapheus campaign --table {0}`", path.display());
            }
            return Ok(is_outdated);
        }
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(false)
    }
}

fn broken_so_far(broken: u64) -> String {
    if broken == 0 { String::new() } else { format!(", {broken} broken") }
}

#[expect(clippy::cast_precision_loss, reason = "no campaign has 2^52 runs")]
fn print(tally: &Tally, seconds: f64) {
    anstream::println!("{}", tally.table());
    let runs = tally.runs();
    let rate = runs as f64 / seconds.max(0.001);
    anstream::println!("{runs} runs in {}, {rate:.0} runs/s; {} broke a promise", clock(seconds), tally.broken());
}

/// Prints the broken promises, the command that replays the run, and the timeline.
fn show_failure(failure: &Finished) {
    let Finished { number, case, status, error, broken, report, .. } = failure;
    anstream::println!("run {number} ({}) ended {status} {}", case.family.name, error.as_deref().unwrap_or_default());
    for one in broken {
        anstream::println!("  broken: {}: {}", one.promise, one.what);
    }
    match case.replay() {
        Ok(command) => anstream::println!("  replay: {command}"),
        Err(problem) => anstream::println!("  it cannot be replayed: {problem}"),
    }
    if let Some(report) = report {
        report.steps.iter().for_each(show);
        for other in &report.others {
            anstream::println!("  {:?} {} {}", other.role, other.execution, other.status);
            other.steps.iter().for_each(show);
        }
    }
    anstream::println!();
}

fn show(step: &Step) {
    let detail = step.detail.as_deref().unwrap_or_default().lines().last().unwrap_or_default();
    let error = step.error.as_deref().unwrap_or_default();
    anstream::println!(
        "    {:>12} +{:<9} {:<10} {:<40} {error} {detail}",
        clock(step.started_seconds),
        clock(step.seconds),
        format!("{:?}", step.status),
        step.state,
    );
}

#[expect(clippy::cast_precision_loss, reason = "no campaign has 2^52 runs")]
fn print_json(tally: &Tally, failures: &[Finished], seconds: f64) -> Result<(), String> {
    let mut listed = Vec::new();
    for failure in failures {
        listed.push(json!({
            "run": failure.number,
            "family": failure.case.family.name,
            "seed": failure.case.seed,
            "status": failure.status,
            "error": failure.error,
            "broken": failure.broken,
            "replay": failure.case.replay()?,
        }));
    }
    let runs = tally.runs();
    let whole = json!({
        "runs": runs,
        "seconds": seconds,
        "runsPerSecond": runs as f64 / seconds.max(0.001),
        "broken": tally.broken(),
        "families": tally,
        "failures": listed,
    });
    let text = serde_json::to_string_pretty(&whole).map_err(|error| error.to_string())?;
    anstream::println!("{text}");
    Ok(())
}
