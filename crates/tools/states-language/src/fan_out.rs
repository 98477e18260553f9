//! Runs one attempt of a Parallel or a Map: flows side by side, in the same task.
//!
//! Owns concurrency, failure tolerance, batching and the child executions of a distributed Map. When one flow fails, the
//! others are dropped, and each records that it was cut off ([`crate::frame::CutOff`]). Retrying and catching are in
//! [`crate::frame`].

use std::borrow::Cow;
use std::cell::Cell;

use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::bookmark::{Inner, Places};
use crate::expression::{Dice, ExecutionContext, MapItem, Variables};
use crate::failure::{self, Failure};
use crate::frame::{CutOff, Frame, Run, Visit, plain};
use crate::history::{Details, EventType};
use crate::journal::Log;
use crate::machine::{Batcher, Flow, Map, Mode, Setting};
use crate::size;

/// The number of iterations that run at once if the definition sets no limit.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html>
const INLINE_CONCURRENCY: usize = 40;
const DISTRIBUTED_CONCURRENCY: usize = 10_000;
/// The limit for the inputs of all child executions together, because all are made before the first starts.
const MAXIMUM_INPUTS: usize = 64 * size::MAXIMUM_RESULT;

/// One iteration, which returns its output and the id of its last event.
type Iteration<'i> = LocalBoxFuture<'i, (usize, Result<(Value, u64), Failure>)>;

/// The number of failed items that a Map tolerates.
struct Tolerance {
    count: Option<u64>,
    percentage: Option<f64>,
}

impl Tolerance {
    fn is_exceeded(&self, failed: usize, total: usize) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "item counts are far below 2^52")]
        let percentage = failed as f64 * 100.0 / total as f64;
        match (self.count, self.percentage) {
            (None, None) => failed > 0,
            (count, limit) => {
                count.is_some_and(|count| failed as u64 > count) || limit.is_some_and(|limit| percentage > limit)
            }
        }
    }

    fn is_given(&self) -> bool {
        self.count.is_some() || self.percentage.is_some()
    }
}

impl<'f> Frame<'f> {
    pub(crate) async fn parallel(
        &mut self,
        visit: &Visit<'f>,
        branches: &'f [Flow],
        input: &Value,
    ) -> Result<Value, Failure> {
        let payload = self.payload(visit, self.effective(visit, input)?)?;
        #[expect(clippy::single_match_else, reason = "both ways set the place in the history")]
        let inner = match visit.resumed {
            Some(inner) => {
                self.previous = inner.started;
                Some(inner)
            }
            None => {
                self.record(EventType::ParallelStateStarted, visit.state, Details::default())?;
                self.split(branches.len(), self.previous)
            }
        };
        let mut outputs = vec![Value::Null; branches.len()];
        let mut last = self.previous;
        for (index, slot) in outputs.iter_mut().enumerate() {
            if let Some((output, id)) = self.done(inner, index) {
                *slot = output;
                last = last.max(id);
            }
        }
        let this = &*self;
        let mut running: FuturesUnordered<_> = branches
            .iter()
            .enumerate()
            .filter(|(index, _)| this.done(inner, *index).is_none())
            .map(|(index, flow)| {
                let branch = this.within(flow, this.item, position(inner, index)).run_boxed(payload.clone());
                branch.map(move |end| (index, end))
            })
            .collect();
        while let Some((index, end)) = running.next().await {
            match end {
                Ok((output, id)) => {
                    outputs[index] = output;
                    last = id;
                }
                Err(failure) => {
                    self.cut_off(&failure);
                    return Err(failure.of_branch());
                }
            }
        }
        drop(running);
        self.previous = last;
        self.record(EventType::ParallelStateSucceeded, visit.state, Details::default())?;
        Ok(Value::Array(outputs))
    }

    /// A frame for a flow inside this one.
    fn within<'s>(&'s self, flow: &'s Flow, item: Option<MapItem<'s>>, position: Option<usize>) -> Frame<'s> {
        let variables = Variables::within(&self.variables);
        Frame { run: self.run, flow, variables, item, previous: self.previous, position }
    }

    /// Places for `count` flows inside this one, if a bookmark is kept.
    fn split(&self, count: usize, started: u64) -> Option<Inner> {
        self.run.places.split(self.position?, count, started)
    }

    /// The output and the last event of a flow inside this one that succeeded before the redrive.
    fn done(&self, inner: Option<Inner>, index: usize) -> Option<(Value, u64)> {
        self.run.places.done(position(inner, index))
    }

    /// Closes the history if a failure ends the execution. The flows that are dropped then record no events.
    fn cut_off(&self, failure: &Failure) {
        if failure.is_terminal() {
            self.run.journal.close();
        }
    }

    pub(crate) async fn map(&mut self, visit: &Visit<'f>, map: &'f Map, input: &Value) -> Result<Value, Failure> {
        let effective = self.effective(visit, input)?.into_owned();
        let items = self.items(visit, map, &effective)?;
        // AWS checks before the Map starts that the value is a number, and afterwards that it is not negative.
        let concurrency = match &map.max_concurrency {
            None => Ok(0),
            Some(Setting::Fixed(number)) => Ok(*number),
            Some(Setting::Path(path)) => {
                let number = self.integer(visit, "MaxConcurrency", path, &effective)?;
                u64::try_from(number).map_err(|_| number)
            }
        };
        let length = Details { length: Some(items.len()), ..Details::default() };
        // The items may borrow from this frame's variables, so the history position is a separate variable.
        let (mut previous, mut inner) = match visit.resumed {
            Some(inner) => (inner.started, Some(inner)),
            None => (self.run.record(self.previous, EventType::MapStateStarted, visit.state, length)?, None),
        };
        let concurrency = concurrency.map_err(|number| {
            visit.runtime(&format!("Expected non-negative integer for MaxConcurrency, got '{number}' instead."))
        })?;
        let tolerance = self.tolerance(visit, map, &effective)?;
        let outputs = match map.mode {
            Mode::Inline => {
                let concurrency = limit(concurrency, INLINE_CONCURRENCY);
                inner = inner.or_else(|| self.split(items.len(), previous));
                let start = |index: usize| {
                    let item = MapItem { index, value: &items[index] };
                    self.iteration(visit, map, &effective, item, previous, position(inner, index))
                };
                let done = (0..items.len()).map(|index| self.done(inner, index)).collect();
                self.iterate(done, concurrency, &tolerance, start).await
            }
            Mode::Distributed => {
                previous = self.run.record(previous, EventType::MapRunStarted, visit.state, Details::default())?;
                let concurrency = limit(concurrency, DISTRIBUTED_CONCURRENCY);
                let inputs = self.child_inputs(visit, map, &effective, &items)?;
                let start = |index: usize| self.child(visit, map, inputs[index].clone(), index);
                let outputs = self.iterate(vec![None; inputs.len()], concurrency, &tolerance, start).await;
                let ended = if outputs.is_ok() { EventType::MapRunSucceeded } else { EventType::MapRunFailed };
                let details = match &outputs {
                    Ok(_) => Details::default(),
                    Err(failure) => Details {
                        error: failure.error.as_deref(),
                        cause: failure.cause.as_deref(),
                        ..Details::default()
                    },
                };
                previous = self.run.record(previous, ended, visit.state, details)?;
                outputs
            }
        };
        drop(items);
        self.previous = previous;
        let outputs = outputs?;
        if outputs.is_too_large {
            return Err(Failure::data_limit(&visit.state.name));
        }
        self.previous = outputs.last_event.unwrap_or(previous);
        self.record(EventType::MapStateSucceeded, visit.state, Details::default())?;
        Ok(Value::Array(outputs.values))
    }

    /// The Items Array.
    fn items<'v>(&'v self, visit: &Visit<'v>, map: &'v Map, effective: &'v Value) -> Result<Cow<'v, [Value]>, Failure> {
        let (items, path) = match &map.items_path {
            Some(path) => (self.resolve(visit, path, effective)?, path.text()),
            None => (Cow::Borrowed(effective), "$"),
        };
        match items {
            Cow::Borrowed(Value::Array(items)) => Ok(Cow::Borrowed(items)),
            Cow::Owned(Value::Array(items)) => Ok(Cow::Owned(items)),
            _ => Err(visit.runtime(&format!("Reference path \"{path}\" must point to array."))),
        }
    }

    fn tolerance(&self, visit: &Visit<'_>, map: &Map, input: &Value) -> Result<Tolerance, Failure> {
        let count = match &map.tolerated_count {
            Some(setting) => Some(self.whole_number(visit, "ToleratedFailureCount", setting, input)?),
            None => None,
        };
        let percentage = match &map.tolerated_percentage {
            None => None,
            Some(Setting::Fixed(percentage)) => Some(*percentage),
            Some(Setting::Path(path)) => {
                let value = self.resolve(visit, path, input)?;
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
                let number = number.ok_or_else(|| {
                    visit.runtime(&format!(
                        "The ToleratedFailurePercentagePath field refers to value \"{}\" which is not a valid float: {}",
                        plain(&value),
                        path.text()
                    ))
                })?;
                if !(0.0..=100.0).contains(&number) {
                    return Err(visit.runtime("ToleratedFailurePercentage must be between 0 and 100."));
                }
                Some(number)
            }
        };
        Ok(Tolerance { count, percentage })
    }

    /// Runs the iterations that are not done, `concurrency` at once, until all have ended or too many have failed.
    async fn iterate<'i>(
        &self,
        done: Vec<Option<(Value, u64)>>,
        concurrency: usize,
        tolerance: &Tolerance,
        mut start: impl FnMut(usize) -> Iteration<'i>,
    ) -> Result<Outputs, Failure> {
        let total = done.len();
        let mut last_event = done.iter().flatten().map(|(_, id)| *id).max();
        let mut outputs: Vec<Option<Value>> = done.into_iter().map(|done| done.map(|(output, _)| output)).collect();
        let mut sum = size::Sum::new();
        let mut is_too_large = outputs.iter().flatten().any(|output| sum.add(output).is_none());
        let waiting: Vec<usize> = (0..total).filter(|index| outputs[*index].is_none()).collect();
        let mut waiting = waiting.into_iter();
        let mut running: FuturesUnordered<Iteration<'i>> = waiting.by_ref().take(concurrency).map(&mut start).collect();
        let mut failed = 0;
        while let Some((index, end)) = running.next().await {
            match end {
                Ok((output, id)) => {
                    is_too_large |= sum.add(&output).is_none();
                    outputs[index] = Some(if is_too_large { Value::Null } else { output });
                    last_event = (id > 0).then_some(id);
                }
                Err(failure) if failure.is_terminal() => {
                    self.cut_off(&failure);
                    return Err(failure);
                }
                Err(failure) => {
                    failed += 1;
                    if tolerance.is_exceeded(failed, total) {
                        return Err(if tolerance.is_given() { threshold_exceeded() } else { failure });
                    }
                }
            }
            running.extend(waiting.next().map(&mut start));
        }
        Ok(Outputs { values: outputs.into_iter().flatten().collect(), last_event, is_too_large })
    }

    /// One iteration of an inline Map.
    fn iteration<'i>(
        &'i self,
        visit: &'i Visit<'f>,
        map: &'i Map,
        effective: &'i Value,
        item: MapItem<'i>,
        started: u64,
        position: Option<usize>,
    ) -> Iteration<'i> {
        let index = item.index;
        let iteration = async move {
            let details = Details { index: Some(index), ..Details::default() };
            let frame = self.within(&map.processor, Some(item), position);
            let previous = match frame.resume() {
                Some(place) => place.event_id,
                None => self.run.record(started, EventType::MapIterationStarted, visit.state, details)?,
            };
            let mut cut_off = CutOff::new(self.run, visit.state, EventType::MapIterationAborted, previous).at(index);
            let frame = Frame { previous, ..frame };
            let end = match self.item_input(visit, map, effective, item) {
                Ok(input) => frame.run_boxed(input).await,
                Err(failure) => Err(failure.leaving_state()),
            };
            cut_off.done();
            match end {
                Ok((output, last)) => {
                    let id = self.run.record(last, EventType::MapIterationSucceeded, visit.state, details)?;
                    Ok((output, id))
                }
                Err(failure) if failure.is_terminal() => Err(failure),
                Err(failure) => {
                    let previous = failure.last_event.max(previous);
                    let id = self.run.record(previous, EventType::MapIterationFailed, visit.state, details)?;
                    Err(failure.after(id))
                }
            }
        };
        iteration.map(move |end| (index, end)).boxed_local()
    }

    /// The input of one item by `ItemSelector`. The context object names the item.
    fn item_input(&self, visit: &Visit<'_>, map: &Map, effective: &Value, item: MapItem<'_>) -> Result<Value, Failure> {
        match &map.item_selector {
            None => Ok(item.value.clone()),
            Some(selector) => self.within(self.flow, Some(item), None).fill(visit, selector, effective),
        }
    }

    /// The inputs of a distributed Map's child executions: selected items, in batches if the definition says so.
    fn child_inputs(
        &self,
        visit: &Visit<'_>,
        map: &Map,
        effective: &Value,
        items: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let mut bytes = 0;
        let selected = items
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let input = self.item_input(visit, map, effective, MapItem { index, value })?;
                bytes += size::length(&input);
                if bytes > MAXIMUM_INPUTS { Err(Failure::data_limit(&visit.state.name)) } else { Ok(input) }
            })
            .collect::<Result<Vec<_>, _>>()?;
        match &map.batcher {
            None => Ok(selected),
            Some(batcher) => self.batches(visit, batcher, effective, selected),
        }
    }

    fn batches(
        &self,
        visit: &Visit<'_>,
        batcher: &Batcher,
        effective: &Value,
        items: Vec<Value>,
    ) -> Result<Vec<Value>, Failure> {
        let number = |field: &str, setting: Option<&Setting<u64>>| match setting {
            None => Ok(usize::MAX),
            Some(setting) => self
                .whole_number(visit, field, setting, effective)
                .map(|number| usize::try_from(number).unwrap_or(usize::MAX).max(1)),
        };
        let max_items = number("MaxItemsPerBatch", batcher.max_items.as_ref())?;
        let max_bytes = number("MaxInputBytesPerBatch", batcher.max_bytes.as_ref())?.min(size::MAXIMUM_DATA);
        let common = batcher.input.as_ref().map(|template| self.fill(visit, template, effective)).transpose()?;
        let envelope = |items: Vec<Value>| match &common {
            None => json!({ "Items": items }),
            Some(common) => json!({ "BatchInput": common, "Items": items }),
        };
        let empty = size::length(&envelope(Vec::new()));
        let mut full = Vec::new();
        let mut batch = Vec::new();
        let mut bytes = empty;
        for item in items {
            let length = size::length(&item) + 1;
            if !batch.is_empty() && (batch.len() == max_items || bytes + length > max_bytes) {
                full.push(envelope(std::mem::take(&mut batch)));
                bytes = empty;
            }
            bytes += length;
            batch.push(item);
        }
        if !batch.is_empty() {
            full.push(envelope(batch));
        }
        Ok(full)
    }

    /// One child execution of a distributed Map, with its own history and variables.
    fn child<'i>(&'i self, visit: &'i Visit<'f>, map: &'i Map, input: Value, index: usize) -> Iteration<'i> {
        let parent = self.run;
        let label = map.label.as_deref().unwrap_or(&visit.state.name);
        let child = async move {
            let name = parent.dice.uuid();
            let context = ExecutionContext {
                id: child_arn(&parent.context.machine_id, label, &name),
                name,
                input: input.clone(),
                role_arn: parent.context.role_arn.clone(),
                start_time: parent.clock.now(),
                redrive_count: 0,
                redrive_time: None,
                machine_id: format!("{}/{label}", parent.context.machine_id),
                machine_name: format!("{}/{label}", parent.context.machine_name),
            };
            let log = Log::new(parent.clock, None);
            log.milestone(EventType::ExecutionStarted, Details::default());
            let dice = Dice::new(parent.dice.roll().u64(..));
            let places = Places::unknown();
            let run = Run {
                handler: parent.handler,
                context: &context,
                dice,
                clock: parent.clock,
                journal: &log,
                stored: Cell::new(0),
                family: parent.family,
                nesting: parent.nesting,
                places: &places,
            };
            let end = Frame::outermost(&run, &map.processor).run_boxed(input).await;
            // Every failure of a child only fails its item, and the parent sees only this error.
            end.map(|(output, _)| (output, 0)).map_err(|_| threshold_exceeded())
        };
        child.map(move |end| (index, end)).boxed_local()
    }
}

struct Outputs {
    /// In the order of the items, without the failed items that were tolerated.
    values: Vec<Value>,
    /// The last event of the iteration that ended last, if iterations record events here.
    last_event: Option<u64>,
    /// The outputs were larger than an execution can hold, and were dropped.
    is_too_large: bool,
}

fn threshold_exceeded() -> Failure {
    Failure::known(
        failure::EXCEED_TOLERATED_FAILURE_THRESHOLD,
        Some("The specified tolerated failure threshold was exceeded".to_owned()),
    )
}

/// The place of a flow inside a state, if a bookmark is kept.
fn position(inner: Option<Inner>, index: usize) -> Option<usize> {
    inner.map(|inner| inner.flow(index))
}

fn limit(wanted: u64, most: usize) -> usize {
    match usize::try_from(wanted) {
        Ok(0) | Err(_) => most,
        Ok(wanted) => wanted.min(most),
    }
}

fn child_arn(machine: &str, label: &str, name: &str) -> String {
    let machine = machine.replacen(":stateMachine:", ":execution:", 1);
    format!("{machine}/{label}:{name}")
}
