//! Runs one flow: state after state, with its variables and its place in the history.
//!
//! Owns the work of every state (input and output fields, assignments, limits, retry and catch) and the simple states. Tasks
//! are in [`crate::task`], Parallel and Map in [`crate::fan_out`].

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::bookmark::{Inner, Place, Places};
use crate::execution::TaskHandler;
use crate::expression::{Context, Dice, EvaluationError, ExecutionContext, MapItem, Scope, Variables};
use crate::failure::{self, Failure};
use crate::history::{Details, EventType};
use crate::journal::{Clock, Journal};
use crate::machine::{
    Catcher, ChoiceRule, Flow, Kind, Next, Placement, Retrier, Selection, Setting, State, StateType, Text, Wait,
};
use crate::moment::Moment;
use crate::nested::Family;
use crate::path::Path;
use crate::size;
use crate::template::{Template, TemplateError};

/// The longest wait. A longer one fails at once.
const LONGEST_WAIT: Duration = Duration::from_secs(1 << 31);

/// The data that all flows of one execution share.
pub(crate) struct Run<'r> {
    pub(crate) handler: &'r dyn TaskHandler,
    pub(crate) context: &'r ExecutionContext,
    pub(crate) dice: Dice,
    pub(crate) clock: Clock,
    pub(crate) journal: &'r dyn Journal,
    /// The bytes of all variables of the execution.
    pub(crate) stored: Cell<usize>,
    pub(crate) family: &'r Family,
    /// The number of executions that wait for this one.
    pub(crate) nesting: usize,
    pub(crate) places: &'r Places,
}

/// A running flow: of a machine, a branch or an iteration.
pub(crate) struct Frame<'f> {
    pub(crate) run: &'f Run<'f>,
    pub(crate) flow: &'f Flow,
    pub(crate) variables: Variables<'f>,
    pub(crate) item: Option<MapItem<'f>>,
    /// The id of the latest event of this flow.
    pub(crate) previous: u64,
    /// The position of the flow among the places, if a bookmark is kept for it.
    pub(crate) position: Option<usize>,
}

/// One stay in a state, from entering it to leaving it.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'f> {
    pub(crate) state: &'f State,
    pub(crate) event_id: u64,
    pub(crate) entered: Timestamp,
    pub(crate) retry_count: u32,
    /// The flows within the state that a redrive continues, at the first attempt.
    pub(crate) resumed: Option<Inner>,
}

/// The next state and its input.
type Step = (Next, Value);

/// A state's output and the variables that it assigns. Neither is in effect yet.
type Settled = (Value, Option<Map<String, Value>>);

impl Visit<'_> {
    /// `States.Runtime`, with the first words of AWS's cause.
    pub(crate) fn runtime(&self, problem: &str) -> Failure {
        Failure::runtime(self.cause(problem))
    }

    pub(crate) fn cause(&self, problem: &str) -> String {
        format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {problem}",
            self.state.name, self.event_id
        )
    }

    /// Applies `ResultPath`. Takes the input only once no failure is possible.
    fn place(&self, placement: &Placement, input: &mut Value, result: Value) -> Result<Value, Failure> {
        match placement {
            Placement::Replace => Ok(result),
            Placement::Discard => Ok(std::mem::take(input)),
            Placement::At(target) if target.fits(input) => Ok(target.place(std::mem::take(input), result)),
            Placement::At(target) => Err(Failure::known(
                failure::RESULT_PATH_MATCH_FAILURE,
                Some(self.cause(&format!("Unable to apply ReferencePath {} to input {input}", target.text()))),
            )),
        }
    }

    /// The failure of a path or call in `field`.
    pub(crate) fn unevaluable(&self, field: &str, error: &EvaluationError<'_>, input: &Value) -> Failure {
        let cause = self.cause(&failure::evaluation_cause(field, error, input));
        match error {
            EvaluationError::NotFound { .. } => Failure::runtime(cause),
            EvaluationError::Intrinsic { .. } => Failure::runtime_known_as(failure::INTRINSIC_FAILURE, cause),
            EvaluationError::TooLarge => Failure::data_limit(&self.state.name),
        }
    }

    fn unfillable(&self, error: &TemplateError<'_>, input: &Value) -> Failure {
        let cause = self.cause(&failure::evaluation_cause(error.field, &error.error, input));
        let alias = match error.error {
            EvaluationError::NotFound { .. } => failure::PARAMETER_PATH_FAILURE,
            EvaluationError::Intrinsic { .. } => failure::INTRINSIC_FAILURE,
            EvaluationError::TooLarge => return Failure::data_limit(&self.state.name),
        };
        Failure::runtime_known_as(alias, cause)
    }
}

impl Run<'_> {
    pub(crate) fn record(
        &self,
        previous: u64,
        kind: EventType,
        state: &State,
        details: Details<'_>,
    ) -> Result<u64, Failure> {
        self.journal.append(previous, kind, &state.name, details).map_err(|_full| {
            Failure::runtime("The execution reached the maximum number of history events (25000).".to_owned())
        })
    }
}

/// Records that a state was cut off, if it is dropped before [`done`](Self::done).
pub(crate) struct CutOff<'f> {
    run: &'f Run<'f>,
    state: &'f State,
    kind: EventType,
    index: Option<usize>,
    previous: u64,
    done: bool,
}

impl<'f> CutOff<'f> {
    pub(crate) fn new(run: &'f Run<'f>, state: &'f State, kind: EventType, previous: u64) -> Self {
        Self { run, state, kind, index: None, previous, done: false }
    }

    pub(crate) fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    pub(crate) fn done(&mut self) {
        self.done = true;
    }
}

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        if !self.done {
            let details = Details { index: self.index, ..Details::default() };
            // No caller is left to receive the error of a full history.
            let _ = self.run.record(self.previous, self.kind, self.state, details);
        }
    }
}

impl<'f> Frame<'f> {
    pub(crate) fn outermost(run: &'f Run<'f>, flow: &'f Flow) -> Self {
        // The execution's own first event has the id 1.
        let variables = Variables::outermost(&run.stored);
        Self { run, flow, variables, item: None, previous: 1, position: Some(0) }
    }

    /// As [`Frame::run`], for flows within flows.
    pub(crate) fn run_boxed(self, input: Value) -> LocalBoxFuture<'f, Result<(Value, u64), Failure>> {
        self.run(input).boxed_local()
    }

    /// Runs the flow. Returns its output and the id of its last event.
    pub(crate) async fn run(mut self, input: Value) -> Result<(Value, u64), Failure> {
        let mut at = self.flow.start;
        let mut value = input;
        let mut resumed = self.resume();
        if let Some(place) = &mut resumed {
            at = place.state;
            value = std::mem::take(&mut place.input);
            self.variables.restore(std::mem::take(&mut place.variables));
        }
        loop {
            let step = self.state(at, value, resumed.take()).await;
            let (next, output) = step.map_err(|failure| failure.leaving_state().after(self.previous))?;
            value = output;
            match next {
                Next::State(state) => at = state,
                Next::End => {
                    self.run.places.end(self.position, &value, self.previous);
                    return Ok((value, self.previous));
                }
            }
        }
    }

    /// The place from which a redrive continues this flow.
    pub(crate) fn resume(&self) -> Option<Place> {
        self.run.places.resumed(self.position?)
    }

    /// Enters a state, or continues one that was entered before the redrive.
    #[expect(clippy::needless_pass_by_value, reason = "a place is gone on from once")]
    fn enter(&mut self, at: usize, input: &Value, resumed: Option<Place>) -> Result<Visit<'f>, Failure> {
        let state = &self.flow.states[at];
        if let Some(place) = &resumed {
            // As recorded on AWS, another attempt follows the event that entered the state.
            self.previous = place.event_id;
        }
        match resumed {
            // https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html: a Fail state is entered again.
            Some(Place { event_id, entered, inner, .. }) if state.state_type() != StateType::Fail => {
                Ok(Visit { state, event_id, entered, retry_count: 0, resumed: inner })
            }
            _ => {
                let details = Details { input: Some(input), ..Details::default() };
                self.record(entry(state.state_type()), state, details)?;
                let (event_id, entered) = (self.previous, self.run.clock.now());
                if let Some(position) = self.position {
                    self.run.places.enter(position, || Place {
                        state: at,
                        input: input.clone(),
                        variables: self.variables.own().clone(),
                        event_id,
                        entered,
                        inner: None,
                    });
                }
                Ok(Visit { state, event_id, entered, retry_count: 0, resumed: None })
            }
        }
    }

    async fn state(&mut self, at: usize, input: Value, resumed: Option<Place>) -> Result<Step, Failure> {
        let visit = self.enter(at, &input, resumed)?;
        let state = visit.state;
        match &state.kind {
            Kind::Pass { result } => self.pass(visit, result.as_ref(), input),
            Kind::Choice { rules, default } => {
                self.choose(visit, rules, default.as_ref().map(|(state, _)| *state), input)
            }
            Kind::Wait(wait) => self.wait(visit, wait, input).await,
            Kind::Succeed => {
                let effective = self.select(&visit, &state.input_path, input)?;
                let output = self.select(&visit, &state.output_path, effective)?;
                self.leave(visit, (output, None)).map(|output| (Next::End, output))
            }
            Kind::Fail { error, cause } => {
                let error = self.text(&visit, "Error", error, &input)?;
                let cause = self.text(&visit, "Cause", cause, &input)?;
                Err(Failure::named(error.map(Cow::Owned), cause))
            }
            Kind::Task(_) | Kind::Parallel { .. } | Kind::Map(_) => self.attempts(visit, input).await,
        }
    }

    /// Records an event of this frame.
    pub(crate) fn record(&mut self, kind: EventType, state: &State, details: Details<'_>) -> Result<(), Failure> {
        self.previous = self.run.record(self.previous, kind, state, details)?;
        Ok(())
    }

    pub(crate) fn scope<'s>(&'s self, visit: &Visit<'s>, input: &'s Value) -> Scope<'s> {
        Scope {
            input,
            context: Context {
                execution: self.run.context,
                state: &visit.state.name,
                entered: visit.entered,
                retry_count: visit.state.state_type().has_attempts().then_some(visit.retry_count),
                item: self.item,
            },
            variables: &self.variables,
            dice: &self.run.dice,
        }
    }

    /// `InputPath` or `OutputPath` applied to a document that is no longer needed.
    fn select(&self, visit: &Visit<'_>, selection: &Selection, document: Value) -> Result<Value, Failure> {
        match selection {
            Selection::Whole => Ok(document),
            Selection::Nothing => Ok(Value::Object(Map::new())),
            Selection::Path(path) => self.resolve(visit, path, &document).map(Cow::into_owned),
        }
    }

    /// The effective input before Parameters.
    pub(crate) fn effective<'v>(&'v self, visit: &Visit<'v>, input: &'v Value) -> Result<Cow<'v, Value>, Failure> {
        match &visit.state.input_path {
            Selection::Whole => Ok(Cow::Borrowed(input)),
            Selection::Nothing => Ok(Cow::Owned(Value::Object(Map::new()))),
            Selection::Path(path) => self.resolve(visit, path, input),
        }
    }

    pub(crate) fn resolve<'v>(
        &'v self,
        visit: &Visit<'v>,
        path: &'v Path,
        input: &'v Value,
    ) -> Result<Cow<'v, Value>, Failure> {
        let scope = self.scope(visit, input);
        scope
            .resolve(path)
            .map_err(|_| visit.runtime(&format!("Invalid path '{}' : {}", path.text(), scope.reason(path))))
    }

    pub(crate) fn fill(&self, visit: &Visit<'_>, template: &Template, input: &Value) -> Result<Value, Failure> {
        template.fill(&self.scope(visit, input)).map_err(|error| visit.unfillable(&error, input))
    }

    /// The effective input after Parameters.
    pub(crate) fn payload(&self, visit: &Visit<'_>, effective: Cow<'_, Value>) -> Result<Value, Failure> {
        match &visit.state.parameters {
            Some(template) => self.fill(visit, template, &effective),
            None => Ok(effective.into_owned()),
        }
    }

    /// The new values of variables, by an `Assign` whose `$` is `input`.
    fn assigned(
        &self,
        visit: &Visit<'_>,
        assign: Option<&Template>,
        input: &Value,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let Some(template) = assign else {
            return Ok(None);
        };
        match self.fill(visit, template, input)? {
            Value::Object(values) => Ok(Some(values)),
            // Loading has checked that Assign is an object.
            _ => Ok(None),
        }
    }

    /// Applies the output and the assignments, and leaves the state.
    fn leave(&mut self, visit: Visit<'f>, (output, assigned): Settled) -> Result<Value, Failure> {
        if !size::is_within_limit(&output) {
            return Err(Failure::data_limit(&visit.state.name));
        }
        if let Some(assigned) = assigned {
            self.variables.assign(assigned).map_err(|problem| visit.runtime(&problem))?;
        }
        let details = Details { output: Some(&output), ..Details::default() };
        self.record(exit(visit.state.state_type()), visit.state, details)?;
        Ok(output)
    }

    fn pass(&mut self, visit: Visit<'f>, result: Option<&Value>, mut input: Value) -> Result<Step, Failure> {
        let state = visit.state;
        let untouched = result.is_none() && state.parameters.is_none();
        let settled = if untouched && matches!(state.result_path, Placement::Replace) {
            // The most common kind of Pass moves its data without a copy.
            let result = self.select(&visit, &state.input_path, input)?;
            let assigned = self.assigned(&visit, state.assign.as_ref(), &result)?;
            (self.select(&visit, &state.output_path, result)?, assigned)
        } else {
            let result = match result {
                Some(result) => result.clone(),
                None => self.payload(&visit, self.effective(&visit, &input)?)?,
            };
            self.settle(&visit, &mut input, result)?
        };
        self.leave(visit, settled).map(|output| (state.next, output))
    }

    /// Turns a state's result into its output.
    fn settle(&self, visit: &Visit<'_>, input: &mut Value, result: Value) -> Result<Settled, Failure> {
        let state = visit.state;
        let assigned = self.assigned(visit, state.assign.as_ref(), &result)?;
        let result = match &state.result_selector {
            Some(selector) => self.fill(visit, selector, &result)?,
            None => result,
        };
        let output = visit.place(&state.result_path, input, result)?;
        Ok((self.select(visit, &state.output_path, output)?, assigned))
    }

    fn choose(
        &mut self,
        visit: Visit<'f>,
        rules: &'f [ChoiceRule],
        default: Option<usize>,
        input: Value,
    ) -> Result<Step, Failure> {
        let state = visit.state;
        let effective = self.select(&visit, &state.input_path, input)?;
        let chosen = self.first_match(&visit, rules, &effective)?;
        let (next, assign) = match (chosen, default) {
            (Some(rule), _) => (rule.next, rule.assign.as_ref()),
            (None, Some(default)) => (default, state.assign.as_ref()),
            (None, None) => {
                let problem = "Failed to transition out of the state. The state does not point to a next state.";
                return Err(Failure::known(failure::NO_CHOICE_MATCHED, Some(visit.cause(problem))));
            }
        };
        let assigned = self.assigned(&visit, assign, &effective)?;
        let output = self.select(&visit, &state.output_path, effective)?;
        self.leave(visit, (output, assigned)).map(|output| (Next::State(next), output))
    }

    fn first_match(
        &self,
        visit: &Visit<'_>,
        rules: &'f [ChoiceRule],
        input: &Value,
    ) -> Result<Option<&'f ChoiceRule>, Failure> {
        let scope = self.scope(visit, input);
        for rule in rules {
            let matches = rule.rule.matches(&scope).map_err(|error| match error {
                EvaluationError::NotFound { path } => visit.runtime(&format!(
                    "Invalid path '{}': The choice state's condition path references an invalid value.",
                    path.text()
                )),
                EvaluationError::Intrinsic { .. } | EvaluationError::TooLarge => {
                    visit.unevaluable("Choices", &error, input)
                }
            })?;
            if matches {
                return Ok(Some(rule));
            }
        }
        Ok(None)
    }

    async fn wait(&mut self, visit: Visit<'f>, wait: &'f Wait, input: Value) -> Result<Step, Failure> {
        let state = visit.state;
        let effective = self.select(&visit, &state.input_path, input)?;
        let pause = self.pause(&visit, wait, &effective)?;
        if !pause.is_zero() {
            let mut cut_off = CutOff::new(self.run, state, EventType::WaitStateAborted, self.previous);
            tokio::time::sleep(pause).await;
            cut_off.done();
        }
        let assigned = self.assigned(&visit, state.assign.as_ref(), &effective)?;
        let output = self.select(&visit, &state.output_path, effective)?;
        self.leave(visit, (output, assigned)).map(|output| (state.next, output))
    }

    fn pause(&self, visit: &Visit<'_>, wait: &Wait, input: &Value) -> Result<Duration, Failure> {
        let until = |time: Moment| {
            // A time in the past ends the wait at once.
            Duration::try_from(time.since(self.run.clock.now())).unwrap_or(Duration::ZERO)
        };
        let value = |field: &str, path: &Path| {
            self.scope(visit, input).resolve(path).map(Cow::into_owned).map_err(|_| {
                visit.runtime(&format!("The {field} parameter does not reference an input value: {}", path.text()))
            })
        };
        let pause = match wait {
            Wait::Seconds(seconds) => Duration::from_secs(*seconds),
            Wait::Until(time) => until(*time),
            Wait::SecondsPath(path) => {
                let value = value("SecondsPath", path)?;
                seconds(&value).map(Duration::from_secs).map_err(|problem| {
                    visit.runtime(&format!("The SecondsPath parameter {problem}: {} == {}", path.text(), plain(&value)))
                })?
            }
            Wait::UntilPath(path) => {
                let value = value("TimestampPath", path)?;
                value.as_str().and_then(Moment::parse).map(until).ok_or_else(|| {
                    visit.runtime(&format!(
                        "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time \
                         format string: {} == {}",
                        path.text(),
                        plain(&value)
                    ))
                })?
            }
        };
        if pause > LONGEST_WAIT {
            return Err(visit.runtime("Wait state delay is too long."));
        }
        Ok(pause)
    }

    fn text(&self, visit: &Visit<'_>, field: &str, text: &Text, input: &Value) -> Result<Option<String>, Failure> {
        match text {
            Text::Absent => Ok(None),
            Text::Fixed(text) => Ok(Some(text.to_string())),
            Text::Expression(by_path, expression) => {
                let value = expression
                    .evaluate(&self.scope(visit, input))
                    .map_err(|error| visit.unevaluable(by_path, &error, input))?;
                match value.into_owned() {
                    Value::String(text) => Ok(Some(text)),
                    other => Err(visit.runtime(&format!(
                        "The {by_path} field must refer to a string to be used as {field}, not {other}"
                    ))),
                }
            }
        }
    }

    /// A number that must not be negative, fixed or given by a path.
    pub(crate) fn whole_number(
        &self,
        visit: &Visit<'_>,
        field: &str,
        setting: &Setting<u64>,
        input: &Value,
    ) -> Result<u64, Failure> {
        match setting {
            Setting::Fixed(number) => Ok(*number),
            Setting::Path(path) => {
                let number = self.integer(visit, field, path, input)?;
                u64::try_from(number).map_err(|_| visit.runtime(&format!("{field} cannot be negative.")))
            }
        }
    }

    /// A number given by a path: an integer, or a string with an integer.
    pub(crate) fn integer(&self, visit: &Visit<'_>, field: &str, path: &Path, input: &Value) -> Result<i64, Failure> {
        let value = self.resolve(visit, path, input)?;
        integer(&value).ok_or_else(|| {
            visit.runtime(&format!(
                "The {field}Path field refers to value \"{}\" which is not a valid integer: {}",
                plain(&value),
                path.text()
            ))
        })
    }

    /// Runs a Task, Parallel or Map until it succeeds, is caught or fails.
    async fn attempts(&mut self, mut visit: Visit<'f>, mut input: Value) -> Result<Step, Failure> {
        let state = visit.state;
        let mut cut_off = CutOff::new(self.run, state, aborted(state.state_type()), self.previous);
        let mut visits = vec![0; state.retry.len()];
        let outcome = loop {
            let outcome = match self.attempt(&visit, &input).await {
                Ok(result) => self.settle(&visit, &mut input, result),
                Err(failure) => Err(failure),
            };
            let failure = match outcome {
                Ok(settled) => break self.leave(visit, settled).map(|output| (state.next, output)),
                Err(failure) => failure,
            };
            self.previous = self.previous.max(failure.last_event);
            let Some(pause) = self.retry(state, &failure, &mut visits) else {
                break self.catch(visit, failure, input);
            };
            visit.retry_count += 1;
            visit.resumed = None;
            self.run.journal.count_retry();
            tokio::time::sleep(pause).await;
        };
        cut_off.done();
        if let Err(failure) = &outcome {
            self.forget_after(failure);
        }
        outcome
    }

    /// Lets a redrive repeat the whole state if it failed because its data was too large.
    fn forget_after(&self, failure: &Failure) {
        if failure.error.as_deref() == Some(failure::DATA_LIMIT_EXCEEDED)
            && let Some(position) = self.position
        {
            self.run.places.forget(position);
        }
    }

    async fn attempt(&mut self, visit: &Visit<'f>, input: &Value) -> Result<Value, Failure> {
        match &visit.state.kind {
            Kind::Task(task) => self.task(visit, task, input).await,
            Kind::Parallel { branches } => self.parallel(visit, branches, input).await,
            Kind::Map(map) => self.map(visit, map, input).await,
            // The other kinds have no attempts.
            _ => Ok(Value::Null),
        }
    }

    /// The pause before the next attempt, if a retrier allows one.
    fn retry(&self, state: &State, failure: &Failure, visits: &mut [u64]) -> Option<Duration> {
        let (retrier, visits) = state.retry.iter().zip(visits).find(|(retrier, _)| failure.matches(&retrier.errors))?;
        if *visits >= retrier.max_attempts {
            return None;
        }
        let pause = interval(retrier, *visits);
        *visits += 1;
        Some(if retrier.full_jitter { pause.mul_f64(self.run.dice.roll().f64()) } else { pause })
    }

    fn catch(&mut self, visit: Visit<'f>, failure: Failure, mut input: Value) -> Result<Step, Failure> {
        let state = visit.state;
        let catcher = state.catch.iter().find(|catcher| failure.matches(&catcher.errors));
        let failure = if catcher.is_some() { failure } else { failure.leaving_state() };
        if failure.is_terminal() {
            return Err(failure);
        }
        let failed = match state.state_type() {
            StateType::Parallel => Some(EventType::ParallelStateFailed),
            StateType::Map => Some(EventType::MapStateFailed),
            _ => None,
        };
        if let Some(failed) = failed {
            let details =
                Details { error: failure.error.as_deref(), cause: failure.cause.as_deref(), ..Details::default() };
            self.record(failed, state, details)?;
        }
        let Some(Catcher { result_path, assign, next, .. }) = catcher else {
            return Err(failure);
        };
        let error = failure.output();
        let assigned = self.assigned(&visit, assign.as_ref(), &error)?;
        let output = visit.place(result_path, &mut input, error)?;
        self.leave(visit, (output, assigned)).map(|output| (Next::State(*next), output))
    }
}

/// The pause before a retry, without jitter.
fn interval(retrier: &Retrier, visits: u64) -> Duration {
    /// Longer than any execution: a year and a day.
    const LONGEST: f64 = 366.0 * 86_400.0;
    #[expect(clippy::cast_precision_loss, reason = "seconds and attempts are far below 2^52")]
    let seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powf(visits as f64);
    #[expect(clippy::cast_precision_loss, reason = "at most a year")]
    let longest = retrier.max_delay_seconds.map_or(LONGEST, |seconds| seconds as f64);
    Duration::from_secs_f64(seconds.min(longest))
}

/// An integer as Java's `Long.parseLong` reads it from a value's text.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Seconds given by a path. The error says what is wrong with the value.
pub(crate) fn seconds(value: &Value) -> Result<u64, &'static str> {
    let number = integer(value).ok_or("cannot be parsed as a long value")?;
    u64::try_from(number).map_err(|_| "references a negative value")
}

/// A value as it is printed in a cause: a string has no quotes.
pub(crate) fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn entry(state_type: StateType) -> EventType {
    match state_type {
        StateType::Pass => EventType::PassStateEntered,
        StateType::Task => EventType::TaskStateEntered,
        StateType::Choice => EventType::ChoiceStateEntered,
        StateType::Wait => EventType::WaitStateEntered,
        StateType::Succeed => EventType::SucceedStateEntered,
        StateType::Fail => EventType::FailStateEntered,
        StateType::Parallel => EventType::ParallelStateEntered,
        StateType::Map => EventType::MapStateEntered,
    }
}

fn exit(state_type: StateType) -> EventType {
    match state_type {
        StateType::Pass => EventType::PassStateExited,
        StateType::Task => EventType::TaskStateExited,
        StateType::Choice => EventType::ChoiceStateExited,
        StateType::Wait => EventType::WaitStateExited,
        // A Fail state is never left; this arm only completes the match.
        StateType::Succeed | StateType::Fail => EventType::SucceedStateExited,
        StateType::Parallel => EventType::ParallelStateExited,
        StateType::Map => EventType::MapStateExited,
    }
}

fn aborted(state_type: StateType) -> EventType {
    match state_type {
        StateType::Parallel => EventType::ParallelStateAborted,
        StateType::Map => EventType::MapStateAborted,
        StateType::Wait => EventType::WaitStateAborted,
        _ => EventType::TaskStateAborted,
    }
}
