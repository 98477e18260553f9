//! Repeated reads: a database in a backup, or a snapshot in creation, will soon be ready.
//!
//! Preflight waits only while every problem passes by itself; otherwise the refusal lists all problems at once.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use trapheus_common::document::Request;
use trapheus_common::error::listed;
use trapheus_common::lambda::Invocation;
use trapheus_common::{Error, ErrorKind, Result};

use crate::checks;
use crate::facts::Facts;
use crate::problem::Problem;
use crate::scope::Scope;

/// The interval between two reads.
const INTERVAL: Duration = Duration::from_secs(15);
/// The time that a read and the answer need before Lambda ends the function.
const RESERVE: Duration = Duration::from_secs(30);

/// Reads until no problem is left; returns the facts and the original of the last read.
pub(crate) async fn until_fit<T>(
    request: &Request,
    scope: &Scope,
    invocation: Invocation,
    mut look: impl AsyncFnMut() -> Result<(Facts, Option<T>)>,
) -> Result<(Facts, T)> {
    let start = Instant::now();
    loop {
        let (facts, original) = look().await?;
        let problems = problems(request, scope, &facts);
        match original {
            Some(original) if problems.is_empty() => return Ok((facts, original)),
            _ if may_pass(&problems, start.elapsed()) && Instant::now() + INTERVAL + RESERVE < invocation.deadline => {
                tracing::info!(db.identifier = request.identifier.as_str(), problem = problems[0].text, "waiting");
                sleep(INTERVAL).await;
            }
            _ => return Err(refusal(request, &problems)),
        }
    }
}

/// Every reason against the run.
pub(crate) fn problems(request: &Request, scope: &Scope, facts: &Facts) -> Vec<Problem> {
    let mut problems = checks::problems(request, facts);
    problems.extend(scope.problems(request, facts));
    problems
}

fn may_pass(problems: &[Problem], waited: Duration) -> bool {
    !problems.is_empty() && problems.iter().all(|problem| waited < problem.patience)
}

fn refusal(request: &Request, problems: &[Problem]) -> Error {
    let intro = match problems.len() {
        1 => "a problem was found before anything was touched".to_owned(),
        count => format!("{count} problems were found before anything was touched"),
    };
    let text = listed(&intro, problems.iter().map(|problem| &problem.text));
    Error::new(ErrorKind::Preflight, &request.identifier, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Duration = Duration::from_secs(600);

    #[test]
    fn only_a_problem_that_passes_by_itself_is_awaited_and_not_for_ever() {
        let busy = || Problem::passing("busy", BUSY);
        assert!(may_pass(&[busy()], Duration::ZERO));
        assert!(!may_pass(&[busy()], BUSY));
        assert!(!may_pass(&[busy(), Problem::lasting("broken")], Duration::ZERO));
        assert!(!may_pass(&[], Duration::ZERO));
    }
}
