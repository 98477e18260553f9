//! The measured programs and their results: medians, and their ratio to those of the bare function.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::{Compression, write::DeflateEncoder};
use serde::Serialize;
use serde_json::Value;

use crate::Result;
use crate::aws::Scheme;
use crate::lambda::{Cost, Sample};

/// A process to start, and the payload to call it with.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) payload: Value,
    size: Option<Size>,
}

#[derive(Clone, Copy, Serialize)]
struct Size {
    file: u64,
    /// The size of the uploaded archive.
    zip: u64,
}

impl Subject {
    pub(crate) fn bootstrap(name: &str, path: &Path, payload: Value) -> Result<Self> {
        let cannot = |error| format!("{}: {error}", path.display());
        let content = std::fs::read(path).map_err(cannot)?;
        let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
        zip.write_all(&content)?;
        let size = Size { file: content.len() as u64, zip: zip.finish()?.len() as u64 };
        let program = path.canonicalize().map_err(cannot)?;
        Ok(Self { name: name.to_owned(), program, arguments: Vec::new(), payload, size: Some(size) })
    }

    /// Splits a command into the program and its arguments.
    pub(crate) fn command(command: &str, payload: Value) -> Self {
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = words.next().unwrap_or_default().into();
        Self { name: command.to_owned(), program, arguments: words.collect(), payload, size: None }
    }
}

/// All figures, the bare function's first.
#[derive(Serialize)]
pub(crate) struct Measured {
    rounds: usize,
    functions: Vec<Figures>,
}

/// Medians, in milliseconds and KiB.
#[derive(Serialize)]
struct Figures {
    name: String,
    size: Option<Size>,
    start_ms: f64,
    start_cpu_ms: f64,
    /// The ratio of CPU times, which depend less on the load of the machine.
    start_to_bare: f64,
    http: Calls,
    https: Calls,
    peak_kib: u64,
    outcome: String,
}

#[derive(Serialize)]
struct Calls {
    first: Milliseconds,
    second: Milliseconds,
}

#[derive(Serialize)]
struct Milliseconds {
    time: f64,
    cpu: f64,
}

impl Calls {
    fn of(samples: &[Sample]) -> Self {
        Self {
            first: Milliseconds::of(samples, |sample| sample.first),
            second: Milliseconds::of(samples, |sample| sample.second),
        }
    }
}

impl Milliseconds {
    fn of(samples: &[Sample], cost: impl Fn(&Sample) -> Cost) -> Self {
        Self { time: median(samples, |sample| cost(sample).time), cpu: median(samples, |sample| cost(sample).cpu) }
    }
}

impl Measured {
    pub(crate) fn of(subjects: &[Subject], samples: &BTreeMap<(usize, Scheme), Vec<Sample>>) -> Result<Self> {
        let mut functions: Vec<Figures> = Vec::new();
        for (index, subject) in subjects.iter().enumerate() {
            let of = |scheme| samples.get(&(index, scheme)).ok_or("nothing was measured");
            let (http, https) = (of(Scheme::Http)?, of(Scheme::Https)?);
            // The cost of a start must not depend on the later calls, and HTTPS needs more preparation. All starts are
            // therefore taken from HTTPS.
            let start_cpu_ms = median(https, |sample| sample.start.cpu);
            let bare = functions.first().map_or(start_cpu_ms, |bare| bare.start_cpu_ms);
            functions.push(Figures {
                name: subject.name.clone(),
                size: subject.size,
                start_ms: median(https, |sample| sample.start.time),
                start_cpu_ms,
                start_to_bare: start_cpu_ms / bare,
                http: Calls::of(http),
                https: Calls::of(https),
                peak_kib: https.iter().map(|sample| sample.peak_kib).max().unwrap_or_default(),
                outcome: https.last().map(|sample| sample.outcome.clone()).unwrap_or_default(),
            });
        }
        Ok(Self { rounds: samples.values().next().map_or(0, Vec::len), functions })
    }

    /// Markdown, as the documentation has it. The table leaves out the time of a call, because this unoptimised process
    /// adds to it. The JSON has it.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from(
            "| function | file, zip (MB) | start (ms, CPU) | to bare | first call: HTTP, HTTPS (CPU ms) | beyond bare | \
             second call: HTTP, HTTPS (CPU ms) | peak (MiB) | answers |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        let bare = self.functions.first().map_or(0.0, |bare| bare.https.first.cpu);
        for each in &self.functions {
            let size = each.size.map_or_else(|| "–".to_owned(), |size| format!("{}, {}", mb(size.file), mb(size.zip)));
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "| `{}` | {size} | {:.2}, {:.2} | {:.2} | {:.2}, {:.2} | {:.2} | {:.2}, {:.2} | {:.1} | {} |",
                each.name,
                each.start_ms,
                each.start_cpu_ms,
                each.start_to_bare,
                each.http.first.cpu,
                each.https.first.cpu,
                each.https.first.cpu - bare,
                each.http.second.cpu,
                each.https.second.cpu,
                thousandths(each.peak_kib * 1_000 / 1_024),
                each.outcome,
            );
        }
        table
    }
}

fn mb(bytes: u64) -> String {
    format!("{:.2}", thousandths(bytes / 1_000))
}

fn thousandths(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX)) / 1_000.0
}

/// The median in milliseconds.
fn median(samples: &[Sample], of: impl Fn(&Sample) -> Duration) -> f64 {
    let mut values: Vec<Duration> = samples.iter().map(of).collect();
    values.sort_unstable();
    let middle = values.len() / 2;
    let median = match values.get(middle.wrapping_sub(1)) {
        Some(below) if values.len().is_multiple_of(2) => (*below + values[middle]) / 2,
        _ => values.get(middle).copied().unwrap_or_default(),
    };
    median.as_secs_f64() * 1_000.0
}
