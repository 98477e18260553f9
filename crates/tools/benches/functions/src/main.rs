//! What the functions cost: every bootstrap given is started as Lambda starts it, and measured from outside.
//!
//! A round starts each of them anew, one after the other, behind a Runtime API of this process and against a simulator that
//! this process serves; the rounds alternate, so that whatever else the machine does meets all alike. Medians are shown,
//! beside those of a function that does nothing ([`bare`]), which every machine has its own figures for.
//!
//! It builds nothing, and judges nothing: see `docs/performance.md` for the commands, the figures and the limits they are
//! held to. [`lambda`] is the Runtime API, [`payloads`] what the functions are called with, [`aws`] what they call.
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
    /// The function that does nothing, built with the same profile
    #[arg(long, value_name = "FILE")]
    bare: PathBuf,
    /// Another implementation: any command that speaks to a Runtime API; it is called as FUNCTION is
    #[arg(long, value_name = "FUNCTION=COMMAND")]
    other: Vec<String>,
    /// How often each is started
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// The certificates a function trusts besides the simulator's: Amazon's, if not those in a file
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
                // The first round only brings the files into memory.
                if round > 0 {
                    measured.entry((index, scheme)).or_default().push(sample);
                }
            }
        }
    }
    Measured::of(subjects, &measured)
}

/// The bare function first, then the functions, then whatever else is compared.
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
