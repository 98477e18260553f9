//! Runs recorded cases and compares the results with AWS's. The format is in `README.md`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::Value;
use states_language::{
    EventType, Execution, ExecutionOptions, RecordedEvent, Recorder, StateMachine, TaskFailure, TaskHandler,
    TaskRequest,
};

/// The recordings whose output no interpreter can repeat, with the reason. The rest of each recording is compared.
pub(crate) const BY_CHANCE: [(&str, &str); 1] =
    [("test_math_random#2", "States.MathRandom without a seed: the recording has a word in the place of the number")];

#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    name: String,
    /// The kind of recording, such as `invoke`: names repeat across kinds.
    set: Option<String>,
    definition: Value,
    input: Value,
    /// The responses of the tasks, in order. The functions of unlisted states answer with their payload.
    #[serde(default)]
    script: Vec<Response>,
    expected: Expected,
    events: Vec<String>,
}

/// One response of a task.
#[derive(Clone, Debug, Deserialize)]
struct Response {
    state: String,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    /// No answer until the time-out.
    Hang {
        #[serde(rename = "hang")]
        _hang: bool,
    },
    Error {
        error: String,
        #[serde(default)]
        cause: String,
    },
    Output {
        output: Value,
    },
}

#[derive(Debug, Deserialize)]
struct Expected {
    status: String,
    output: Option<Value>,
    error: Option<String>,
    cause: Option<String>,
}

/// A difference from the recording.
#[derive(Debug)]
pub(crate) struct Difference {
    what: &'static str,
    expected: String,
    actual: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, expected, actual } = self;
        write!(f, "  {what}\n    expected: {expected}\n    actual:   {actual}")
    }
}

/// Reads a file of cases.
pub(crate) fn read(text: &str) -> Result<Vec<Case>, serde_json::Error> {
    serde_json::from_str(text)
}

impl Case {
    /// The name, with the kind of recording if it has one.
    pub(crate) fn title(&self) -> String {
        match &self.set {
            Some(set) => format!("{set}: {}", self.name),
            None => self.name.clone(),
        }
    }

    /// Runs the case on a paused clock.
    pub(crate) fn run(&self) -> Vec<Difference> {
        let machine = match StateMachine::load(&self.definition) {
            Ok(machine) => machine,
            Err(error) => {
                return vec![difference("the definition is refused", &self.expected.status, &error.to_string())];
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without input and output can be built");
        let mut recorder = Recorder::default();
        let options = ExecutionOptions::new(self.input.clone());
        let tasks = Tasks::new(&self.script);
        let outcome = runtime.block_on(Execution::new(&machine, &tasks, options).observed_by(&mut recorder).run());

        let mut differences = Vec::new();
        let Expected { status, output, error, cause } = &self.expected;
        let words = Words::of(&self.input);
        if outcome.status.name() != *status {
            differences.push(difference("status", status, outcome.status.name()));
        }
        let by_chance = BY_CHANCE.iter().any(|(name, _)| *name == self.name);
        if !by_chance && !words.match_values(output.as_ref(), outcome.output.as_ref()) {
            differences.push(difference("output", &show(output.as_ref()), &show(outcome.output.as_ref())));
        }
        if !words.match_texts(error.as_deref(), outcome.error.as_deref()) {
            differences.push(difference("error", &format!("{error:?}"), &format!("{:?}", outcome.error)));
        }
        if !words.match_texts(cause.as_deref(), outcome.cause.as_deref()) {
            differences.push(difference("cause", &format!("{cause:?}"), &format!("{:?}", outcome.cause)));
        }
        let events = recorder.events();
        if !same_history(&self.events, events) {
            let actual: Vec<&str> = events.iter().map(|event| event.kind.name()).collect();
            differences.push(difference("events", &self.events.join(" "), &actual.join(" ")));
        }
        let unused = tasks.unused();
        if !unused.is_empty() {
            differences.push(difference("calls", "every response of the script is used", &unused.join(", ")));
        }
        differences
    }
}

/// The functions of one case. They answer by its script, state by state.
struct Tasks(RefCell<HashMap<String, VecDeque<Answer>>>);

impl Tasks {
    fn new(script: &[Response]) -> Self {
        let mut by_state: HashMap<String, VecDeque<Answer>> = HashMap::new();
        for Response { state, answer } in script {
            by_state.entry(state.clone()).or_default().push_back(answer.clone());
        }
        Self(RefCell::new(by_state))
    }

    fn answer(&self, task: &TaskRequest<'_>) -> Answer {
        match self.0.borrow_mut().get_mut(task.state) {
            None => Answer::Output { output: task.payload.clone() },
            Some(answers) => answers.pop_front().unwrap_or_else(|| Answer::Error {
                error: "Unscripted".to_owned(),
                cause: format!("the script has no further response for the state '{}'", task.state),
            }),
        }
    }

    /// The states that were called less often than in the recording.
    fn unused(&self) -> Vec<String> {
        let script = self.0.borrow();
        let mut left: Vec<String> = script
            .iter()
            .filter(|(_, answers)| !answers.is_empty())
            .map(|(state, answers)| format!("{} of the state '{state}' left", answers.len()))
            .collect();
        left.sort();
        left
    }
}

impl TaskHandler for Tasks {
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>> {
        let answer = self.answer(&task);
        async move {
            match answer {
                Answer::Hang { .. } => std::future::pending().await,
                Answer::Error { error, cause } => Err(TaskFailure { error, cause }),
                Answer::Output { output } => Ok(output),
            }
        }
        .boxed_local()
    }
}

fn difference(what: &'static str, expected: &str, actual: &str) -> Difference {
    Difference { what, expected: expected.to_owned(), actual: actual.to_owned() }
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// The words that stand for a recorded text in a case's input.
struct Words(bool);

impl Words {
    const TIME: &'static str = "timestamp";

    fn of(input: &Value) -> Self {
        fn holds(value: &Value) -> bool {
            match value {
                Value::String(text) => text == Words::TIME,
                Value::Array(items) => items.iter().any(holds),
                Value::Object(fields) => fields.values().any(holds),
                _ => false,
            }
        }
        Self(holds(input))
    }

    /// The parts of the Invoke API's response that differ at every call and are not compared.
    const OF_THE_CALL: [&str; 3] = ["AllHttpHeaders", "HttpHeaders", "RequestId"];

    fn match_values(&self, expected: Option<&Value>, actual: Option<&Value>) -> bool {
        match (expected, actual) {
            (Some(Value::String(expected)), Some(Value::String(actual))) => {
                self.match_texts(Some(expected), Some(actual))
            }
            (Some(Value::Array(expected)), Some(Value::Array(actual))) => {
                expected.len() == actual.len()
                    && expected
                        .iter()
                        .zip(actual)
                        .all(|(expected, actual)| self.match_values(Some(expected), Some(actual)))
            }
            (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
                let compared = |name: &&String| !Self::OF_THE_CALL.contains(&name.as_str());
                expected.keys().filter(compared).count() == actual.keys().filter(compared).count()
                    && expected
                        .iter()
                        .filter(|(name, _)| compared(name))
                        .all(|(name, value)| self.match_values(Some(value), actual.get(name)))
            }
            // The output of a failed execution may be recorded as null.
            (None | Some(Value::Null), None | Some(Value::Null)) => true,
            (expected, actual) => expected == actual,
        }
    }

    fn match_texts(&self, expected: Option<&str>, actual: Option<&str>) -> bool {
        match (expected, actual) {
            (Some(expected), Some(actual)) => {
                pieces(expected).is_match(actual)
                    || (self.0 && Pieces(actual.split(Self::TIME).collect()).is_match(expected))
            }
            (expected, actual) => expected == actual,
        }
    }
}

/// A text with gaps that match anything.
struct Pieces<'t>(Vec<&'t str>);

/// Splits at tokens such as `<timestamp>` and `<json-input:1>`.
fn pieces(text: &str) -> Pieces<'_> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(open) = text[at..].find('<').map(|offset| at + offset) {
        at = open + 1;
        let Some(close) = text[open..].find('>').map(|offset| open + offset) else {
            break;
        };
        let inside = &text[open + 1..close];
        if !inside.is_empty() && inside.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c)) {
            pieces.push(&text[start..open]);
            start = close + 1;
            at = start;
        }
    }
    pieces.push(&text[start..]);
    Pieces(pieces)
}

impl Pieces<'_> {
    fn is_match(&self, text: &str) -> bool {
        let [first, rest @ ..] = &self.0[..] else {
            return text.is_empty();
        };
        let Some(mut text) = text.strip_prefix(first) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return text.is_empty();
        };
        for piece in middle {
            match text.find(piece) {
                Some(at) => text = &text[at + piece.len()..],
                None => return false,
            }
        }
        text.ends_with(last)
    }
}

/// Whether the recorded types are those of `actual`, in a possible order.
fn same_history(expected: &[String], actual: &[RecordedEvent]) -> bool {
    let Some((recorded, event)) = expected.first().zip(actual.first()) else {
        return expected.is_empty() && actual.is_empty();
    };
    if *recorded != event.kind.name() {
        return false;
    }
    let end = match event.kind {
        EventType::ParallelStateStarted => "Parallel",
        EventType::MapStateStarted => "Map",
        _ => return same_history(&expected[1..], &actual[1..]),
    };
    let length = region(&actual[1..], end);
    let (inside, after) = actual[1..].split_at(length);
    // A recording without some events has a shorter region, so every possible end is tried.
    (0..expected.len()).any(|length| {
        let (recorded, rest) = expected[1..].split_at(length);
        same_region(recorded, inside) && same_history(rest, after)
    })
}

/// The number of events until the Parallel or Map that has just started is left or fails.
fn region(events: &[RecordedEvent], name: &str) -> usize {
    let mut depth = 0_usize;
    for (at, event) in events.iter().enumerate() {
        let Some(what) = event.kind.name().strip_prefix(name) else {
            continue;
        };
        match what {
            "StateStarted" | "StateExited" | "StateFailed" | "StateAborted" if depth == 0 => return at,
            "StateEntered" => depth += 1,
            "StateExited" | "StateAborted" => depth -= 1,
            _ => {}
        }
    }
    events.iter().position(|event| event.kind == EventType::ExecutionFailed).unwrap_or(events.len())
}

/// Whether a recorded region could be this one.
fn same_region(recorded: &[String], actual: &[RecordedEvent]) -> bool {
    let mut bag: BTreeMap<&str, i64> = BTreeMap::new();
    for event in actual {
        *bag.entry(event.kind.name()).or_default() += 1;
    }
    for kind in recorded {
        *bag.entry(kind).or_default() -= 1;
    }
    bag.retain(|_, count| *count != 0);
    if bag.is_empty() && is_interleaving(recorded, actual) {
        return true;
    }
    // Sorting by name puts entries before exits.
    let canonical = recorded.is_sorted();
    canonical
        && bag.get("ParallelStateSucceeded").is_none_or(|count| *count > 0)
        && bag
            .iter()
            .all(|(kind, count)| *count > 0 && matches!(*kind, "ParallelStateSucceeded" | "ParallelStateExited"))
}

/// Whether `recorded` is an order of `actual` in which every event follows the event that led to it.
fn is_interleaving(recorded: &[String], actual: &[RecordedEvent]) -> bool {
    let ids: HashSet<u64> = actual.iter().map(|event| event.id).collect();
    let mut dead_ends = HashSet::new();
    place(recorded, actual, &ids, vec![false; actual.len()], &mut dead_ends)
}

fn place(
    recorded: &[String],
    actual: &[RecordedEvent],
    ids: &HashSet<u64>,
    placed: Vec<bool>,
    dead_ends: &mut HashSet<Vec<bool>>,
) -> bool {
    let Some((kind, rest)) = recorded.split_first() else {
        return true;
    };
    if dead_ends.contains(&placed) {
        return false;
    }
    for (at, event) in actual.iter().enumerate() {
        let is_next = !placed[at]
            && event.kind.name() == kind
            && (!ids.contains(&event.previous_id)
                || actual.iter().zip(&placed).any(|(other, placed)| *placed && other.id == event.previous_id));
        if is_next {
            let mut placed = placed.clone();
            placed[at] = true;
            if place(rest, actual, ids, placed, dead_ends) {
                return true;
            }
        }
    }
    dead_ends.insert(placed);
    false
}
