//! Polling: asks until the goal is met, the function's time is up, or the run's deadline has passed.
//!
//! One look proves little. After a rename RDS shows the old name for a while, then nothing, then a false `available`
//! before the reboot, so a goal counts as met only when several looks in a row agree. Throttling slows the asking down;
//! a broken connection or a server error is asked again. What does not exist at all for long is given up.

use std::time::Duration;

use tokio::time::Instant;

use super::acceptor::Verdict;
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result};

/// How often to look, and how sure to be.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between the first looks: most changes are short.
    pub first: Duration,
    /// Between looks, once a change has turned out to take long.
    pub longest: Duration,
    /// Between looks that agree.
    pub confirm: Duration,
    /// How many looks in a row have to agree.
    pub agreeing: u32,
    /// How long nothing at all may answer before it is taken as gone for good.
    pub absent: Duration,
}

impl Pace {
    /// How often to look at what takes long, unless the deployment says otherwise.
    pub const DEFAULT_SECONDS: u64 = 30;

    /// Looks at what takes long every so many seconds, at least once a second.
    pub fn polling_every(seconds: u64) -> Self {
        let longest = Duration::from_secs(seconds.max(1));
        Self {
            first: longest.min(Duration::from_secs(5)),
            longest,
            confirm: longest.min(Duration::from_secs(10)),
            agreeing: 3,
            absent: Duration::from_secs(30 * 60),
        }
    }

    /// Surer, for the last wait of a run: nobody looks again after a rollback, so a false `available` must not end it.
    #[must_use]
    pub const fn careful(self) -> Self {
        Self { agreeing: self.agreeing * 2, ..self }
    }
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub clock: Clock,
    /// When this invocation has to answer: before Lambda ends the function.
    pub invocation: Instant,
    /// When the run, or its rollback, gives up.
    pub deadline: Timestamp,
}

/// One look at the world.
#[derive(Clone, Debug)]
pub struct Look {
    pub verdict: Verdict,
    /// What was seen, in words, for logs and alerts.
    pub seen: String,
    /// Nothing answered that should be there.
    pub absent: bool,
}

/// How the polling ended without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Complete {
        seen: String,
    },
    /// The invocation's time is up; the state machine calls again.
    Pending {
        seen: String,
        absent_since: Option<Timestamp>,
    },
}

/// Polls. `kind` and `identifier` name the error a failed goal raises; `absent_since` is carried from the last call.
pub async fn until(
    mut look: impl AsyncFnMut() -> Result<Look>,
    pace: Pace,
    limits: Limits,
    (kind, identifier): (ErrorKind, &str),
    mut absent_since: Option<Timestamp>,
) -> Result<Outcome> {
    let mut agreed = 0;
    let mut interval = pace.first;
    loop {
        let seen = match look().await {
            Ok(look) => {
                tracing::debug!(db.identifier = identifier, seen = look.seen, "looked");
                absent_since = if look.absent { absent_since.or_else(|| Some(limits.clock.now())) } else { None };
                match look.verdict {
                    Verdict::Complete => agreed += 1,
                    Verdict::Pending => agreed = 0,
                    Verdict::Failed(why) => return Err(Error::new(kind, identifier, why)),
                }
                interval = interval.min(pace.longest);
                look.seen
            }
            Err(error) if error.kind().retryable() => {
                agreed = 0;
                if error.kind() == ErrorKind::RateExceeded {
                    interval = (interval * 2).clamp(pace.longest, pace.longest * 8);
                }
                error.report()
            }
            Err(error) => return Err(error),
        };
        if agreed >= pace.agreeing {
            return Ok(Outcome::Complete { seen });
        }
        give_up(&limits, pace, (kind, identifier), &seen, absent_since)?;
        let pause = if agreed > 0 { pace.confirm } else { jittered(interval) };
        if Instant::now() + pause >= limits.invocation {
            return Ok(Outcome::Pending { seen, absent_since });
        }
        tokio::time::sleep(pause).await;
        interval = (interval * 3 / 2).min(pace.longest.max(interval));
    }
}

/// Ends a wait that has lasted too long, saying what was seen last.
fn give_up(
    limits: &Limits,
    pace: Pace,
    (kind, identifier): (ErrorKind, &str),
    seen: &str,
    absent_since: Option<Timestamp>,
) -> Result<()> {
    let now = limits.clock.now();
    if now >= limits.deadline {
        let message = format!("the deadline {} has passed; last seen: {seen}", limits.deadline);
        return Err(Error::new(ErrorKind::WaitTimedOut, identifier, message));
    }
    match absent_since {
        Some(since) if now.since(since) >= pace.absent => {
            Err(Error::new(kind, identifier, format!("nothing has answered under this name since {since}")))
        }
        _ => Ok(()),
    }
}

/// A tenth either way, so that runs started together do not ask together.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + 0.2 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::time::SystemTime;

    use super::*;

    const STEP: (ErrorKind, &str) = (ErrorKind::Rename, "orders");

    fn limits(invocation_seconds: u64, deadline_seconds: u64) -> Limits {
        let clock = Clock::showing(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000));
        Limits {
            clock,
            invocation: Instant::now() + Duration::from_secs(invocation_seconds),
            deadline: clock.now().plus_seconds(deadline_seconds),
        }
    }

    fn saw(verdict: Verdict) -> Look {
        Look { verdict, seen: "seen".into(), absent: false }
    }

    const ABSENT: fn() -> Result<Look> =
        || Ok(Look { verdict: Verdict::Pending, seen: "nothing".into(), absent: true });

    fn throttled() -> Result<Look> {
        Err(Error::new(ErrorKind::RateExceeded, "orders", "cannot describe"))
    }

    /// Polls a script, whose last entry repeats; returns the outcome and when each look was taken.
    async fn poll(
        script: Vec<fn() -> Result<Look>>,
        limits: Limits,
        absent_since: Option<Timestamp>,
    ) -> (Result<Outcome>, Vec<u64>) {
        let start = Instant::now();
        let times = RefCell::new(Vec::new());
        let script = RefCell::new(VecDeque::from(script));
        let look = async || {
            times.borrow_mut().push(start.elapsed().as_secs());
            let mut script = script.borrow_mut();
            let next = if script.len() > 1 { script.pop_front() } else { script.front().copied() };
            next.expect("a script has an entry")()
        };
        let outcome = until(look, Pace::polling_every(Pace::DEFAULT_SECONDS), limits, STEP, absent_since).await;
        (outcome, times.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_false_available_is_not_believed() {
        let complete = || Ok(saw(Verdict::Complete));
        let pending = || Ok(saw(Verdict::Pending));
        let (outcome, times) = poll(vec![complete, complete, pending, complete], limits(900, 900), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Complete { .. }));
        assert_eq!(times.len(), 6, "two that agreed, one that did not, three that agree");
    }

    #[tokio::test(start_paused = true)]
    async fn the_poll_answers_before_lambda_ends_the_function() {
        let (outcome, times) = poll(vec![|| Ok(saw(Verdict::Pending))], limits(900, 86_400), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Pending { absent_since: None, .. }));
        assert!(times.iter().all(|&time| time < 900), "{times:?}");
        assert!(times.last().is_some_and(|&time| time > 850), "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_runs_deadline_ends_the_wait_with_what_was_seen_last() {
        let (outcome, _) = poll(vec![|| Ok(saw(Verdict::Pending))], limits(900, 100), None).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WaitTimedOut);
        assert!(error.report().contains("last seen: seen"), "{}", error.report());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_goal_raises_the_steps_own_error_at_once() {
        let (outcome, times) = poll(vec![|| Ok(saw(Verdict::Failed("broken".into())))], limits(900, 900), None).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rename);
        assert_eq!(times, [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_slows_the_asking_down_and_fails_nothing() {
        let complete = || Ok(saw(Verdict::Complete));
        let (outcome, times) = poll(vec![throttled, throttled, throttled, complete], limits(900, 900), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Complete { .. }));
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).take(3).collect();
        assert!(gaps[0] >= 26 && gaps[1] > gaps[0] && gaps[2] > gaps[1], "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_succeed_is_not_asked_again() {
        let denied = || Err(Error::new(ErrorKind::AccessDenied, "orders", "cannot describe"));
        let (outcome, times) = poll(vec![denied], limits(900, 900), None).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::AccessDenied);
        assert_eq!(times.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn absence_is_carried_from_one_invocation_to_the_next_and_given_up_after_half_an_hour() {
        let (outcome, _) = poll(vec![ABSENT], limits(900, 86_400), None).await;
        let Outcome::Pending { absent_since: Some(since), .. } = outcome.unwrap() else { panic!("not pending") };
        assert_eq!(since.epoch_seconds(), 1_000);
        tokio::time::advance(Duration::from_secs(900)).await;
        let later = Limits {
            clock: Clock::showing(SystemTime::UNIX_EPOCH + Duration::from_secs(2_700)),
            ..limits(900, 86_400)
        };
        let (outcome, _) = poll(vec![ABSENT], later, Some(since)).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rename);
    }

    #[tokio::test(start_paused = true)]
    async fn what_answers_again_is_no_longer_absent() {
        let (outcome, _) = poll(vec![ABSENT, || Ok(saw(Verdict::Pending))], limits(900, 86_400), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Pending { absent_since: None, .. }));
    }
}
