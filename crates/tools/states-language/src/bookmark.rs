//! The position of an execution, from which a redrive continues.
//!
//! Owns the place of every flow: its state, with the input and the variables of that moment, and the progress of the flows
//! within that state. A flow is identified by its position in the [`Places`]; the machine's own flow is the first. An
//! execution without a bookmark records nothing.

use std::cell::RefCell;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::execution::ExecutionOptions;
use crate::machine::{Flow, Kind, Mode};

/// The position of an execution that did not succeed, and the options that it was started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Bookmark {
    pub(crate) options: ExecutionOptions,
    pub(crate) redrive_count: u32,
    pub(crate) seed: u64,
    pub(crate) places: Vec<Progress>,
}

/// The progress of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Progress {
    /// The flow has entered no state.
    #[default]
    Untouched,
    At(Box<Place>),
    Done {
        output: Value,
        /// The id of the flow's last event.
        last: u64,
    },
}

/// One stay in a state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) state: usize,
    pub(crate) input: Value,
    pub(crate) variables: Map<String, Value>,
    /// The id and the time of the event that entered the state.
    pub(crate) event_id: u64,
    pub(crate) entered: Timestamp,
    pub(crate) inner: Option<Inner>,
}

/// The flows within a state: those of its latest attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Inner {
    first: usize,
    count: usize,
    /// The id of the event that started the flows.
    pub(crate) started: u64,
}

impl Inner {
    /// The position of the flow with this index.
    pub(crate) fn flow(self, index: usize) -> usize {
        self.first + index
    }
}

/// The places of all flows of an execution.
pub(crate) struct Places(Option<RefCell<Vec<Progress>>>);

impl Places {
    /// The places of an execution that is never redriven.
    pub(crate) fn unknown() -> Self {
        Self(None)
    }

    pub(crate) fn kept(places: Vec<Progress>) -> Self {
        Self(Some(RefCell::new(places)))
    }

    pub(crate) fn take(&self) -> Option<Vec<Progress>> {
        self.0.as_ref().map(RefCell::take)
    }

    fn with<T>(&self, with: impl FnOnce(&mut Vec<Progress>) -> T) -> Option<T> {
        self.0.as_ref().map(|places| with(&mut places.borrow_mut()))
    }

    /// The place from which this flow continues.
    pub(crate) fn resumed(&self, flow: usize) -> Option<Place> {
        self.with(|places| match places.get(flow) {
            Some(Progress::At(place)) => Some((**place).clone()),
            _ => None,
        })?
    }

    /// The output and the last event of a flow that has succeeded.
    pub(crate) fn done(&self, flow: Option<usize>) -> Option<(Value, u64)> {
        self.with(|places| match places.get(flow?) {
            Some(Progress::Done { output, last }) => Some((output.clone(), *last)),
            _ => None,
        })?
    }

    /// Records that the flow enters a state.
    pub(crate) fn enter(&self, flow: usize, place: impl FnOnce() -> Place) {
        self.put(flow, || Progress::At(Box::new(place())));
    }

    pub(crate) fn end(&self, flow: Option<usize>, output: &Value, last: u64) {
        if let Some(flow) = flow {
            self.put(flow, || Progress::Done { output: output.clone(), last });
        }
    }

    fn put(&self, flow: usize, progress: impl FnOnce() -> Progress) {
        self.with(|places| {
            forget_inner(places, flow);
            if let Some(place) = places.get_mut(flow) {
                *place = progress();
            }
        });
    }

    /// Records that the present state of this flow starts `count` flows. Returns `None` without a bookmark.
    pub(crate) fn split(&self, flow: usize, count: usize, started: u64) -> Option<Inner> {
        self.with(|places| {
            forget_inner(places, flow);
            let inner = Inner { first: places.len(), count, started };
            places.resize_with(inner.first + count, Progress::default);
            if let Some(Progress::At(place)) = places.get_mut(flow) {
                place.inner = Some(inner);
            }
            inner
        })
    }

    /// Records that the present state of this flow starts again from its beginning.
    pub(crate) fn forget(&self, flow: usize) {
        self.with(|places| forget_inner(places, flow));
    }
}

/// Forgets the flows within the present state of this flow.
fn forget_inner(places: &mut [Progress], flow: usize) {
    let Some(Progress::At(place)) = places.get_mut(flow) else { return };
    let Some(inner) = place.inner.take() else { return };
    for index in 0..inner.count {
        forget_inner(places, inner.flow(index));
        places[inner.flow(index)] = Progress::Untouched;
    }
}

impl Bookmark {
    /// Whether a redrive would continue within a Map whose items are child executions.
    pub(crate) fn is_in_distributed_map(&self, flow: &Flow) -> bool {
        self.is_distributed(flow, 0)
    }

    fn is_distributed(&self, flow: &Flow, position: usize) -> bool {
        let Some(Progress::At(place)) = self.places.get(position) else { return false };
        let state = &flow.states[place.state];
        if let Kind::Map(map) = &state.kind
            && map.mode == Mode::Distributed
        {
            return true;
        }
        let Some(inner) = place.inner else { return false };
        let flow_of = |index: usize| match &state.kind {
            Kind::Parallel { branches } => branches.get(index),
            Kind::Map(map) => Some(&map.processor),
            _ => None,
        };
        (0..inner.count).any(|index| flow_of(index).is_some_and(|flow| self.is_distributed(flow, inner.flow(index))))
    }
}
