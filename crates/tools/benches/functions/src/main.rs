//! Measures the cost of the functions: it starts every given bootstrap as Lambda does, and measures it from outside.
//!
//! A round starts each function anew, one after the other. Each is served by a Runtime API and a simulator in this process.
//! The rounds alternate, so that other load on the machine affects all functions alike. The output shows medians, beside
//! those of a function that does nothing ([`bare`]). Every machine has its own figures for that function.
//!
//! The program builds no function and checks no limit. See `docs/performance.md` for the commands, the figures and their
//! limits. [`lambda`] is the Runtime API, [`payloads`] holds the inputs of the functions, and [`aws`] is the account that
//! they call.
//!
//! [`bare`]: ../../bare/src/main.rs

mod aws;
mod figures;
mod lambda;
mod payloads;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use serde_json::Value;
use trapheus_common::trust;

use aws::{Account, Scheme};
use figures::{Measured, Subject};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measures start, calls, memory and size of built functions.
#[derive(Parser)]
struct Arguments {
    /// The functions' bootstraps, each in a file with the function's name
    #[arg(required = true)]
    functions: Vec<PathBuf>,
    /// The bootstrap of the bare function, built with the same profile
    #[arg(long, value_name = "FILE")]
    bare: PathBuf,
    /// Another implementation: a command that uses the Runtime API, and the function whose payload it gets
    #[arg(long, value_name = "FUNCTION=COMMAND")]
    other: Vec<String>,
    /// The number of starts of each function
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// A file of trusted certificates in place of Amazon's; the simulator's are always added
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// Write all figures as JSON as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let subjects = subjects(&arguments, &payloads::recorded()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let authorities = match &arguments.authorities {
        Some(path) => std::fs::read_to_string(path)?,
        None => trust::AMAZON.to_owned(),
    };
    let measured = runtime.block_on(measure(&subjects, &authorities, arguments.rounds))?;
    print!("{}", measured.table());
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&measured)?)?;
    }
    Ok(())
}

async fn measure(subjects: &[Subject], authorities: &str, rounds: usize) -> Result<Measured> {
    let mut measured: BTreeMap<(usize, Scheme), Vec<lambda::Sample>> = BTreeMap::new();
    for round in 0..=rounds {
        for (index, subject) in subjects.iter().enumerate() {
            for scheme in [Scheme::Http, Scheme::Https] {
                let account = Account::serve(scheme, authorities).await?;
                let sample = lambda::measure(subject, &account)
                    .await
                    .map_err(|error| format!("{} over {scheme:?}: {error}", subject.name))?;
                // The first round only brings the files into memory, so its results are dropped.
                if round > 0 {
                    measured.entry((index, scheme)).or_default().push(sample);
                }
            }
        }
    }
    Measured::of(subjects, &measured)
}

/// The bare function first, then the functions, then the other implementations.
fn subjects(arguments: &Arguments, payloads: &BTreeMap<String, Value>) -> Result<Vec<Subject>> {
    let payload = |function: &str| {
        payloads.get(function).cloned().ok_or_else(|| format!("no rehearsal calls a function `{function}`"))
    };
    let mut subjects = vec![Subject::bootstrap("bare", &arguments.bare, Value::Null)?];
    for path in &arguments.functions {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        subjects.push(Subject::bootstrap(&name, path, payload(&name)?)?);
    }
    for other in &arguments.other {
        let (function, command) = other.split_once('=').ok_or("--other takes FUNCTION=COMMAND")?;
        subjects.push(Subject::command(command, payload(function)?));
    }
    Ok(subjects)
}
