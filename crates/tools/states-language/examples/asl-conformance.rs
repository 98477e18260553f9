//! Runs files of recorded cases, as `tests/conformance/README.md` describes them.
//!
//! `cargo run -p states-language --example asl-conformance -- FILE…`
//!
//! Exit status: 0 if all cases pass, 1 if a case fails, 2 if a file cannot be read.

use std::process::ExitCode;

#[path = "../tests/conformance/mod.rs"]
mod cases;

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: asl-conformance FILE…");
        return ExitCode::from(2);
    }
    let (mut passed, mut failed, mut unreadable) = (0_usize, 0_usize, false);
    for file in &files {
        let cases = std::fs::read_to_string(file).map_err(|error| error.to_string());
        let cases = match cases.and_then(|text| cases::read(&text).map_err(|error| error.to_string())) {
            Ok(cases) => cases,
            Err(error) => {
                eprintln!("{file}: {error}");
                unreadable = true;
                continue;
            }
        };
        for case in &cases {
            let differences = case.run();
            if differences.is_empty() {
                passed += 1;
                println!("ok      {}", case.title());
            } else {
                failed += 1;
                println!("FAILED  {}", case.title());
                for difference in &differences {
                    println!("{difference}");
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    match (unreadable, failed) {
        (true, _) => ExitCode::from(2),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(1),
    }
}
