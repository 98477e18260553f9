//! The results of the runs by family: the table at the end of a campaign, and the table in the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::Finished;
use super::families::{self, Family};

/// Counts of one family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    pub runs: u64,
    /// Counts by the final status.
    pub statuses: BTreeMap<String, u64>,
    /// Runs that broke a promise.
    pub broken: u64,
}

impl Count {
    fn of(&self, status: &str) -> u64 {
        self.statuses.get(status).copied().unwrap_or_default()
    }

    fn others(&self) -> u64 {
        self.runs - self.of("SUCCEEDED") - self.of("FAILED") - self.of("ABORTED")
    }
}

/// Counts by family.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<&'static str, Count>);

impl Tally {
    pub fn add(&mut self, run: &Finished) {
        let count = self.0.entry(run.case.family.name).or_default();
        count.runs += 1;
        *count.statuses.entry(run.status.clone()).or_default() += 1;
        count.broken += u64::from(!run.broken.is_empty());
    }

    pub fn runs(&self) -> u64 {
        self.0.values().map(|count| count.runs).sum()
    }

    pub fn broken(&self) -> u64 {
        self.0.values().map(|count| count.broken).sum()
    }

    /// The families in their order, with their counts.
    fn rows(&self) -> impl Iterator<Item = (&'static Family, &Count)> {
        families::ALL.iter().filter_map(|family| Some((*family, self.0.get(family.name)?)))
    }

    /// The table at the end of a campaign.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<22} {:>7} {:>10} {:>8} {:>8} {:>7} {:>8}",
            "family", "runs", "SUCCEEDED", "FAILED", "ABORTED", "other", "broken"
        );
        for (family, count) in self.rows() {
            let _ = writeln!(
                text,
                "{:<22} {:>7} {:>10} {:>8} {:>8} {:>7} {:>8}",
                family.name,
                count.runs,
                count.of("SUCCEEDED"),
                count.of("FAILED"),
                count.of("ABORTED"),
                count.others(),
                count.broken
            );
        }
        text
    }

    /// The content of `docs/faults.md`.
    pub fn document(&self) -> String {
        let mut text = String::from(HEAD);
        for (family, count) in self.rows().filter(|(family, _)| **family != *families::RANDOM) {
            let outcomes: Vec<String> =
                count.statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
            let outcomes = match count.broken {
                0 => outcomes.join(", "),
                broken => format!("{}; **{broken} broke a promise**", outcomes.join(", ")),
            };
            let Family { name, what, original, ours } = family;
            let _ = writeln!(text, "| `{name}` | {what} | {original} | {ours} | {}: {outcomes} |", count.runs);
        }
        let _ = write!(text, "\n{} runs in all; {} of them broke a promise.\n", self.runs(), self.broken());
        text
    }
}

const HEAD: &str = "\
# Faults of a run

Every row is a family of rehearsals. A family has its fault at every moment of a run, with every task. The databases are a DB
instance, an Aurora cluster and a Multi-AZ DB cluster. The campaign judges each run on the eight promises of
[the architecture](architecture.md), from what exists at its end. A run that ends `FAILED` or `ABORTED` has kept the promises
too. The original is back under its name, and alerts have reported the failure.

`trapheus campaign` runs every family, `--family NAME` one of them, and `--seeds N` random combinations as well. The command
`trapheus campaign --table docs/faults.md` writes this page; `--check` compares it instead.

| family | fault | the original project | Trapheus | runs |
|---|---|---|---|---|
";
