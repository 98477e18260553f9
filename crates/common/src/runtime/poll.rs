//! Polling: reads until the goal is met, the function's time is up, or the run's deadline has passed.
//!
//! A single read proves little. After a rename RDS shows the old name for a while, then nothing, then a false `available`
//! before the reboot. So a goal counts as met only after several consecutive reads. Every read is an API call of an account
//! that others share. So the interval grows during a status that is known to last, and is short when the end may be near.
//! Throttling slows the polling down. After a broken connection or a server error, the poll reads again. If no database
//! answers for long, the poll gives up.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::timestamp::Timestamp;
use crate::wait::acceptor::{Backoff, Verdict};

/// The intervals between reads, and the number of consecutive reads that a goal needs.
#[derive(Clone, Copy, Debug)]
pub struct PollPolicy {
    /// The delay before the first read: the requested change does not show yet.
    pub initial_delay: Duration,
    /// The shortest backoff during a status that lasts long; the backoff grows with the time that the status has lasted.
    pub min_backoff: Duration,
    /// The longest backoff.
    pub max_backoff: Duration,
    /// The interval when the end may be near.
    pub short_interval: Duration,
    /// The interval between consecutive reads that meet the goal, after a read that did not: the poll has seen the change
    /// begin.
    pub confirm_interval: Duration,
    /// The interval between reads that meet the goal from the beginning, or in the middle of a rename. The requested change
    /// may not have begun yet.
    pub confirm_interval_in_doubt: Duration,
    /// The number of consecutive reads that have to meet the goal.
    pub consecutive_reads: u32,
    /// The number of consecutive reads that have to meet the goal in doubt.
    pub consecutive_reads_in_doubt: u32,
    /// The time without any answer after which a database counts as deleted: longer than any rename hides a database.
    pub absence_limit: Duration,
    /// The number of consecutive reads with another name than the wanted one before the poll believes it.
    pub consecutive_reads_elsewhere: u32,
}

impl PollPolicy {
    /// The interval for slow operations, unless the deployment sets another.
    pub const DEFAULT_SECONDS: u64 = 30;

    /// Reads slow operations every so many seconds, at least once a second.
    pub fn every(seconds: u64) -> Self {
        let interval = Duration::from_secs(seconds.max(1));
        Self {
            initial_delay: interval.min(Duration::from_secs(15)),
            min_backoff: interval,
            max_backoff: interval * 2,
            short_interval: interval.min(Duration::from_secs(15)),
            confirm_interval: interval.min(Duration::from_secs(5)),
            confirm_interval_in_doubt: interval.min(Duration::from_secs(10)),
            consecutive_reads: 2,
            consecutive_reads_in_doubt: 3,
            absence_limit: Duration::from_secs(30 * 60),
            consecutive_reads_elsewhere: 4,
        }
    }

    /// The policy for a rename: RDS shows the old name for a while, and may show the change late.
    #[must_use]
    pub const fn for_renames(self) -> Self {
        Self { consecutive_reads_elsewhere: 40, ..self }
    }

    /// The policy for a rollback, the last wait of a run, with more consecutive reads. No step reads again after it, so a
    /// false `available` must not end it.
    #[must_use]
    pub const fn for_rollbacks(self) -> Self {
        Self {
            consecutive_reads: self.consecutive_reads * 3,
            consecutive_reads_in_doubt: self.consecutive_reads_in_doubt * 2,
            confirm_interval: self.confirm_interval_in_doubt,
            ..self
        }
    }

    /// The policy for an operation of at least this many intervals: an earlier read shows nothing.
    #[must_use]
    pub fn with_initial_delay(self, intervals: u32) -> Self {
        Self { initial_delay: self.min_backoff * intervals, ..self }
    }

    /// The policy for a resource without false statuses: a single read decides.
    #[must_use]
    pub const fn with_single_read(self) -> Self {
        Self { consecutive_reads: 1, consecutive_reads_in_doubt: 1, ..self }
    }

    /// The policy for an operation of seconds, without false statuses.
    #[must_use]
    pub const fn for_quick_operations(self) -> Self {
        let soon = self.confirm_interval;
        Self {
            initial_delay: soon,
            min_backoff: soon,
            confirm_interval_in_doubt: soon,
            consecutive_reads_in_doubt: self.consecutive_reads,
            ..self
        }
    }

    /// Makes the backoff of lasting statuses a tenth longer.
    #[must_use]
    pub fn less_often(self) -> Self {
        Self { min_backoff: self.min_backoff * 11 / 10, max_backoff: self.max_backoff * 11 / 10, ..self }
    }

    /// The interval after an observation that has lasted for so long. A growing backoff is a twentieth of that time, within
    /// the limits of the policy.
    fn interval(self, backoff: Backoff, lasted: Duration) -> Duration {
        match backoff {
            Backoff::Growing => (lasted / 20).clamp(self.min_backoff, self.max_backoff),
            Backoff::Short | Backoff::Renaming => self.short_interval,
        }
    }
}

/// The limits of a poll.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub clock: Clock,
    /// The time at which this invocation has to answer, before Lambda ends the function.
    pub invocation: Instant,
    /// The time at which the run, or its rollback, gives up.
    pub deadline: Timestamp,
}

/// The result of one read.
#[derive(Clone, Debug)]
pub struct Look {
    pub verdict: Verdict,
    /// The observation in words, for logs and alerts.
    pub seen: String,
    /// No database answered, although one should exist.
    pub absent: bool,
    /// The backoff before the next read.
    pub backoff: Backoff,
}

/// The data that one invocation passes to the next of the same wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last observation.
    pub seen: String,
    /// The time since which the observation has been the same.
    pub since: Timestamp,
    /// The time since which no database has answered.
    pub absent_since: Option<Timestamp>,
}

/// The end of a poll without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Complete {
        seen: String,
        /// Whether the reason is that no database has answered for so long.
        gone: bool,
    },
    /// The invocation's time is up; the state machine calls the function again.
    Pending(Progress),
}

/// Polls. `kind` and `identifier` name the error of a failed goal; `last` comes from the last invocation of this wait.
pub async fn until(
    mut look: impl AsyncFnMut() -> Result<Look>,
    policy: PollPolicy,
    limits: Limits,
    (kind, identifier): (ErrorKind, &str),
    last: Option<Progress>,
) -> Result<Outcome> {
    let now = || limits.clock.now();
    let mut pause = if last.is_none() { policy.initial_delay } else { Duration::ZERO };
    let mut is_in_doubt = last.is_none();
    let mut progress =
        last.unwrap_or_else(|| Progress { seen: "nothing yet".to_owned(), since: now(), absent_since: None });
    let (mut consecutive, mut elsewhere) = (0, 0);
    let mut throttled = 1;
    loop {
        give_up(&limits, identifier, &progress)?;
        if Instant::now() + pause >= limits.invocation {
            return Ok(Outcome::Pending(progress));
        }
        tokio::time::sleep(pause).await;
        let Ok(found) = tokio::time::timeout_at(limits.invocation, look()).await else {
            return Ok(Outcome::Pending(progress));
        };
        let found = match found {
            Ok(found) => found,
            Err(error) if error.kind().retryable() => {
                consecutive = 0;
                // The interval doubles, up to eight times.
                throttled = if error.kind() == ErrorKind::RateExceeded { (throttled * 2).min(8) } else { 1 };
                pause = jittered(policy.min_backoff * throttled);
                progress.seen = error.report();
                continue;
            }
            Err(error) => return Err(error),
        };
        throttled = 1;
        tracing::debug!(db.identifier = identifier, seen = found.seen, "looked");
        if found.seen != progress.seen {
            (progress.seen, progress.since) = (found.seen, now());
        }
        progress.absent_since = if found.absent { progress.absent_since.or_else(|| Some(now())) } else { None };
        elsewhere = if matches!(found.verdict, Verdict::Elsewhere(_)) { elsewhere + 1 } else { 0 };
        match found.verdict {
            Verdict::Elsewhere(why) if elsewhere >= policy.consecutive_reads_elsewhere => {
                return Err(Error::new(kind, identifier, why));
            }
            Verdict::Absent
                if progress.absent_since.is_some_and(|since| now().since(since) >= policy.absence_limit) =>
            {
                return Ok(Outcome::Complete { seen: progress.seen, gone: true });
            }
            Verdict::Failed(why) => return Err(Error::new(kind, identifier, why)),
            Verdict::Pending | Verdict::Absent | Verdict::Elsewhere(_) => {
                if let Some(since) = progress.absent_since
                    && now().since(since) >= policy.absence_limit
                {
                    return Err(Error::new(
                        kind,
                        identifier,
                        format!("nothing has answered under this name since {since}"),
                    ));
                }
                consecutive = 0;
                is_in_doubt = found.backoff == Backoff::Renaming;
                pause = jittered(policy.interval(found.backoff, now().since(progress.since)));
            }
            Verdict::Complete => {
                consecutive += 1;
                let needed = if is_in_doubt { policy.consecutive_reads_in_doubt } else { policy.consecutive_reads };
                if consecutive >= needed {
                    return Ok(Outcome::Complete { seen: progress.seen, gone: false });
                }
                pause = if is_in_doubt { policy.confirm_interval_in_doubt } else { policy.confirm_interval };
            }
        }
    }
}

/// Ends a wait that has lasted too long, with the last observation.
fn give_up(limits: &Limits, identifier: &str, progress: &Progress) -> Result<()> {
    if limits.clock.now() >= limits.deadline {
        let message = format!("the deadline {} has passed; last seen: {}", limits.deadline, progress.seen);
        return Err(Error::new(ErrorKind::WaitTimedOut, identifier, message));
    }
    Ok(())
}

/// Varies the interval by a tenth, so that runs started together do not read together.
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
        Look { verdict, seen: "seen".into(), absent: false, backoff: Backoff::Short }
    }

    const ABSENT: fn() -> Result<Look> =
        || Ok(Look { verdict: Verdict::Pending, seen: "nothing".into(), absent: true, backoff: Backoff::Short });

    fn throttled() -> Result<Look> {
        Err(Error::new(ErrorKind::RateExceeded, "orders", "cannot describe"))
    }

    /// Polls a script, whose last entry repeats; returns the outcome and the time of each read.
    async fn poll(
        script: Vec<fn() -> Result<Look>>,
        limits: Limits,
        last: Option<Progress>,
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
        let outcome = until(look, PollPolicy::every(PollPolicy::DEFAULT_SECONDS), limits, STEP, last).await;
        (outcome, times.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_false_available_is_not_believed() {
        let complete = || Ok(saw(Verdict::Complete));
        let pending = || Ok(saw(Verdict::Pending));
        let (outcome, times) = poll(vec![complete, pending, complete], limits(900, 900), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Complete { .. }));
        assert_eq!(times.len(), 4, "one unconfirmed read, one that did not agree, two that agree");
    }

    #[tokio::test(start_paused = true)]
    async fn the_poll_answers_before_lambda_ends_the_function() {
        let (outcome, times) = poll(vec![|| Ok(saw(Verdict::Pending))], limits(900, 86_400), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Pending(Progress { absent_since: None, .. })));
        assert!(times.iter().all(|&time| time < 900), "{times:?}");
        assert!(times.last().is_some_and(|&time| time > 850), "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_runs_deadline_ends_the_wait_with_the_last_observation() {
        let (outcome, _) = poll(vec![|| Ok(saw(Verdict::Pending))], limits(900, 100), None).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WaitTimedOut);
        assert!(error.report().contains("last seen: seen"), "{}", error.report());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_goal_raises_the_steps_own_error_at_once() {
        let (outcome, times) = poll(vec![|| Ok(saw(Verdict::Failed("broken".into())))], limits(900, 900), None).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rename);
        assert_eq!(times, [15]);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_slows_the_polling_down_and_fails_no_wait() {
        let complete = || Ok(saw(Verdict::Complete));
        let (outcome, times) = poll(vec![throttled, throttled, throttled, complete], limits(900, 900), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Complete { .. }));
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).take(3).collect();
        assert!(gaps[0] >= 26 && gaps[1] > gaps[0] && gaps[2] > gaps[1], "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_cannot_succeed_is_not_repeated() {
        let denied = || Err(Error::new(ErrorKind::AccessDenied, "orders", "cannot describe"));
        let (outcome, times) = poll(vec![denied], limits(900, 900), None).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::AccessDenied);
        assert_eq!(times.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn absence_lasts_across_invocations_and_ends_the_wait_after_half_an_hour() {
        let (outcome, _) = poll(vec![ABSENT], limits(900, 86_400), None).await;
        let Outcome::Pending(left) = outcome.unwrap() else { panic!("not pending") };
        assert_eq!(left.absent_since.map(Timestamp::epoch_seconds), Some(1_015));
        tokio::time::advance(Duration::from_secs(900)).await;
        let later = Limits {
            clock: Clock::showing(SystemTime::UNIX_EPOCH + Duration::from_secs(2_800)),
            ..limits(900, 86_400)
        };
        let (outcome, _) = poll(vec![ABSENT], later, Some(left)).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rename);
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_counts_as_gone_only_after_half_an_hour_without_an_answer() {
        let absent = || Ok(Look { verdict: Verdict::Absent, ..ABSENT()? });
        let (outcome, times) = poll(vec![absent], limits(3_600, 86_400), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Complete { gone: true, .. }));
        assert!(times.last().is_some_and(|&last| last >= 1_800 + 15), "{times:?}");
        let (outcome, _) = poll(vec![absent, || Ok(saw(Verdict::Complete))], limits(3_600, 86_400), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Complete { gone: false, .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn another_name_is_believed_after_several_agreeing_reads() {
        let elsewhere = || Ok(saw(Verdict::Elsewhere("orders-x".into())));
        let (outcome, times) = poll(vec![elsewhere], limits(900, 86_400), None).await;
        let error = outcome.unwrap_err();
        assert!(error.kind() == ErrorKind::Rename && error.report().contains("orders-x"), "{}", error.report());
        assert_eq!(times.len(), 4);
        let complete = || Ok(saw(Verdict::Complete));
        let (outcome, _) = poll(vec![elsewhere, elsewhere, elsewhere, complete], limits(900, 86_400), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Complete { .. }), "a name that shows late does not fail the wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_answers_again_is_no_longer_absent() {
        let (outcome, _) = poll(vec![ABSENT, || Ok(saw(Verdict::Pending))], limits(900, 86_400), None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Pending(Progress { absent_since: None, .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn reads_of_a_lasting_status_become_ever_rarer() {
        let creating = || {
            Ok(Look { verdict: Verdict::Pending, seen: "creating".into(), absent: false, backoff: Backoff::Growing })
        };
        let (outcome, times) = poll(vec![creating], limits(6 * 3_600, 86_400), None).await;
        let gaps = |from: usize| times[from + 1] - times[from];
        assert!((26..=34).contains(&gaps(1)), "{times:?}");
        assert!((53..=66).contains(&gaps(times.len() - 2)), "{times:?}");
        let Outcome::Pending(left) = outcome.unwrap() else { panic!("not pending") };
        assert_eq!(left.since.epoch_seconds(), 1_000 + 15, "since the first look");
        // The next invocation continues with that interval, and reads at once.
        let clock = Clock::showing(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + 6 * 3_600));
        let (_, times) = poll(vec![creating], Limits { clock, ..limits(900, 86_400) }, Some(left)).await;
        assert_eq!(times[0], 0);
        assert!(times[1] >= 53, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_goal_that_is_met_from_the_beginning_needs_more_reads() {
        let complete = || Ok(saw(Verdict::Complete));
        let (_, times) = poll(vec![complete], limits(900, 900), None).await;
        assert_eq!(times, [15, 25, 35]);
        let (_, times) = poll(vec![|| Ok(saw(Verdict::Pending)), complete], limits(900, 900), None).await;
        assert_eq!((times.len(), times[2] - times[1]), (3, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_takes_too_long_passes_to_the_next_invocation() {
        let hangs = async || {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            Ok(saw(Verdict::Complete))
        };
        let limits = limits(900, 86_400);
        let outcome = until(hangs, PollPolicy::every(PollPolicy::DEFAULT_SECONDS), limits, STEP, None).await;
        assert!(matches!(outcome.unwrap(), Outcome::Pending(_)));
        assert_eq!(Instant::now(), limits.invocation);
    }
}
