//! Keeps the history of one execution: numbers the events, counts transitions, informs the observer.
//!
//! Owns the limit of 25,000 events. The events themselves are in [`crate::history`].

use std::cell::RefCell;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::history::{Details, EventType, HistoryEvent, Observer};

/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
pub(crate) const MAXIMUM_EVENTS: u64 = 25_000;

/// Maps Tokio's clock, which tests and rehearsals may pause, to wall-clock time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    start_time: Timestamp,
}

impl Clock {
    pub(crate) fn starting_at(start_time: Timestamp) -> Self {
        Self { started: Instant::now(), start_time }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.start_time.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// The history has no room for another event.
pub(crate) struct Full;

/// The destination of an execution's events.
pub(crate) trait Journal {
    /// Appends an event and returns its id.
    fn append(&self, previous: u64, kind: EventType, state: &str, details: Details<'_>) -> Result<u64, Full>;

    /// Counts a retry of a state.
    fn count_retry(&self);

    /// Ends the history: flows that are cut off from now on record no events.
    fn close(&self);
}

pub(crate) struct Log<'o> {
    clock: Clock,
    pages: RefCell<Pages<'o>>,
}

struct Pages<'o> {
    last_id: u64,
    transitions: u64,
    closed: bool,
    observer: Option<&'o mut dyn Observer>,
}

impl<'o> Log<'o> {
    pub(crate) fn new(clock: Clock, observer: Option<&'o mut dyn Observer>) -> Self {
        Self::going_on(clock, observer, 0, 0)
    }

    /// Continues a history that already has `last_id` events and `transitions` transitions.
    pub(crate) fn going_on(
        clock: Clock,
        observer: Option<&'o mut dyn Observer>,
        last_id: u64,
        transitions: u64,
    ) -> Self {
        Self { clock, pages: RefCell::new(Pages { last_id, transitions, closed: false, observer }) }
    }

    /// Appends an event of the execution itself: it starts, ends or is redriven.
    pub(crate) fn milestone(&self, kind: EventType, details: Details<'_>) -> u64 {
        self.with_pages(|pages| {
            let previous = pages.last_id;
            pages.write(self.clock, previous, kind, None, details)
        })
    }

    /// Appends the event that continues an ended history. A redrive counts as a transition.
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>
    pub(crate) fn redriven(&self, details: Details<'_>) {
        self.with_pages(|pages| pages.transitions += 1);
        self.milestone(EventType::ExecutionRedriven, details);
    }

    pub(crate) fn event_count(&self) -> u64 {
        self.with_pages(|pages| pages.last_id)
    }

    pub(crate) fn transitions(&self) -> u64 {
        self.with_pages(|pages| pages.transitions)
    }

    fn with_pages<T>(&self, with: impl FnOnce(&mut Pages<'o>) -> T) -> T {
        // Never borrowed twice: an observer cannot call back into the log.
        with(&mut self.pages.borrow_mut())
    }
}

impl Pages<'_> {
    fn write(
        &mut self,
        clock: Clock,
        previous_id: u64,
        kind: EventType,
        state: Option<&str>,
        details: Details<'_>,
    ) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        if let Some(observer) = &mut self.observer {
            let timestamp = clock.now();
            observer.on_event(&HistoryEvent { id, previous_id, timestamp, kind, state, details });
        }
        id
    }
}

impl Journal for Log<'_> {
    fn append(&self, previous: u64, kind: EventType, state: &str, details: Details<'_>) -> Result<u64, Full> {
        self.with_pages(|pages| {
            // The last event is reserved for the end of the execution.
            if pages.closed || pages.last_id + 1 >= MAXIMUM_EVENTS {
                return Err(Full);
            }
            if kind.is_entry() {
                pages.transitions += 1;
            }
            Ok(pages.write(self.clock, previous, kind, Some(state), details))
        })
    }

    fn count_retry(&self) {
        self.with_pages(|pages| pages.transitions += 1);
    }

    fn close(&self) {
        self.with_pages(|pages| pages.closed = true);
    }
}
