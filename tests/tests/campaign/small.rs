//! A sample of the whole campaign, small enough for every test run.

use trapheus_cli::campaign::families::{self, Family};
use trapheus_cli::campaign::{self, Case, matrix, random::Pool};

/// Runs the cases in parallel and lists every broken promise with the command that replays it.
fn broken_promises(cases: &[Case]) -> Vec<String> {
    let mut broken = Vec::new();
    campaign::run(
        cases.len(),
        |number| cases[number].clone(),
        2,
        |run| {
            for one in &run.broken {
                broken.push(format!("{}: {}\n  {}", one.promise, one.what, run.case.replay().expect("a command")));
            }
        },
    );
    broken
}

fn assert_kept(cases: &[Case]) {
    let broken = broken_promises(cases);
    assert!(broken.is_empty(), "{} broken promises in {} runs\n{}", broken.len(), cases.len(), broken.join("\n"));
}

#[test]
fn every_run_of_a_sample_of_the_matrix_keeps_the_promises() {
    let cases = matrix::cases(&matrix::events()).expect("runs that succeed if nothing goes wrong");
    // A prime step gives the sample cases of every family, with other moments in each.
    let sample: Vec<Case> = cases.into_iter().step_by(401).collect();
    assert_kept(&sample);
}

#[test]
fn random_combinations_keep_the_promises() {
    let pool = Pool::of(&matrix::events()).expect("runs that succeed if nothing goes wrong");
    let cases: Vec<Case> = (0..12).map(|seed| pool.case(seed)).collect();
    assert_kept(&cases);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let pool =
        Pool::of(&[matrix::event("shop", "create_snapshot", true)]).expect("runs that succeed if nothing goes wrong");
    let report = || {
        let run = campaign::examined(&pool.case(7), &campaign::Changes::default()).expect("a world that can exist");
        serde_json::to_string(&run.report).expect("JSON")
    };
    assert_eq!(report(), report());
}

#[test]
fn the_documentation_lists_every_family_of_faults_in_its_own_words() {
    let document = include_str!("../../../docs/faults.md");
    let shown = families::ALL.iter().filter(|family| **family != families::RANDOM);
    for Family { name, what, original, ours } in shown {
        let row = format!("| `{name}` | {what} | {original} | {ours} | ");
        assert!(document.contains(&row), "`trapheus campaign --table docs/faults.md` has not been run: {row}");
    }
}
