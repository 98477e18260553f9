//! The references that a field may use, and their resolution: `$`, `$$`, `$name` and intrinsic calls.
//!
//! Owns the scope of an expression (input, context object, variables) and the errors of its evaluation. The path grammar is
//! in [`crate::path`], the functions are in [`crate::intrinsic`].

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::intrinsic::Call;
use crate::path::{Path, Root, Step};
use crate::size;

/// A path or a call of an intrinsic function.
#[derive(Debug)]
pub(crate) enum Expression {
    Path(Path),
    Call(Box<Call>),
}

/// The reason why an expression has no value. Borrows from the compiled definition.
#[derive(Debug)]
pub(crate) enum EvaluationError<'d> {
    /// The path finds nothing in its document.
    NotFound { path: &'d Path },
    /// An intrinsic function refused its arguments.
    Intrinsic { call: &'d str, reason: String },
    /// The result is larger than an execution can hold.
    TooLarge,
}

impl Expression {
    /// Parses a path, if the text begins with `$`, or else an intrinsic call.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('$') {
            Path::parse(text).map(Self::Path)
        } else if text.starts_with("States.") {
            Call::parse(text).map(|call| Self::Call(Box::new(call)))
        } else {
            Err(format!("\"{text}\" must be a path or an intrinsic function"))
        }
    }

    pub(crate) fn evaluate<'v>(&'v self, scope: &Scope<'v>) -> Result<Cow<'v, Value>, EvaluationError<'v>> {
        match self {
            Self::Path(path) => scope.resolve(path),
            Self::Call(call) => match call.evaluate(scope) {
                Ok(value) => Ok(Cow::Owned(value)),
                Err(reason) => Err(EvaluationError::Intrinsic { call: call.text(), reason }),
            },
        }
    }

    /// As [`Expression::evaluate`], with the leniency that AWS has only in payload templates. An index beyond the end of an
    /// array gives null. A path to any number of items finds none if a node on the way is missing.
    pub(crate) fn evaluate_in_template<'v>(&'v self, scope: &Scope<'v>) -> Result<Cow<'v, Value>, EvaluationError<'v>> {
        match (self, self.evaluate(scope)) {
            (Self::Path(path), Err(_)) if path.is_indefinite() => Ok(Cow::Owned(Value::Array(Vec::new()))),
            (Self::Path(path), Err(_)) if scope.is_beyond_an_array(path) => Ok(Cow::Owned(Value::Null)),
            (_, evaluated) => evaluated,
        }
    }

    /// Visits every path in this expression, including those in arguments.
    pub(crate) fn visit_paths<'e>(&'e self, visit: &mut dyn FnMut(&'e Path)) {
        match self {
            Self::Path(path) => visit(path),
            Self::Call(call) => call.visit_paths(visit),
        }
    }
}

/// The data that an expression may refer to.
pub(crate) struct Scope<'v> {
    pub(crate) input: &'v Value,
    pub(crate) context: Context<'v>,
    pub(crate) variables: &'v Variables<'v>,
    pub(crate) dice: &'v Dice,
}

impl<'v> Scope<'v> {
    pub(crate) fn resolve(&self, path: &'v Path) -> Result<Cow<'v, Value>, EvaluationError<'v>> {
        let found = match path.root() {
            Root::Input => path.select(self.input),
            Root::Context => self.context.select(path),
            Root::Variable(name) => self.variables.get(name).and_then(|value| path.select(value)),
        };
        found.ok_or(EvaluationError::NotFound { path })
    }

    /// Jayway's reason why `path` finds nothing. A variable is a field of the document that holds all variables.
    pub(crate) fn reason(&self, path: &Path) -> String {
        match path.root() {
            Root::Input => path.reason(self.input, "$".to_owned()),
            Root::Context => path.reason(&self.context.whole(), "$".to_owned()),
            Root::Variable(name) => {
                let trail = format!("$['{name}']");
                match self.variables.get(name) {
                    Some(value) => path.reason(value, trail),
                    None if path.steps().is_empty() => format!("No results for path: {trail}"),
                    None => format!("Missing property in path {trail}"),
                }
            }
        }
    }

    fn is_beyond_an_array(&self, path: &Path) -> bool {
        match path.root() {
            Root::Input => path.is_beyond_an_array(self.input),
            Root::Context => path.is_beyond_an_array(&self.context.whole()),
            Root::Variable(name) => self.variables.get(name).is_some_and(|value| path.is_beyond_an_array(value)),
        }
    }
}

/// The context object, `$$`. Only the parts that a path asks for are assembled.
#[derive(Clone, Copy)]
pub(crate) struct Context<'v> {
    pub(crate) execution: &'v ExecutionContext,
    pub(crate) state: &'v str,
    pub(crate) entered: Timestamp,
    /// Present in the states that can be retried.
    pub(crate) retry_count: Option<u32>,
    pub(crate) item: Option<MapItem<'v>>,
}

/// `$$.Execution` and `$$.StateMachine`.
pub(crate) struct ExecutionContext {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) input: Value,
    pub(crate) role_arn: String,
    pub(crate) start_time: Timestamp,
    pub(crate) redrive_count: u32,
    /// The time of the last redrive.
    pub(crate) redrive_time: Option<Timestamp>,
    pub(crate) machine_id: String,
    pub(crate) machine_name: String,
}

/// `$$.Map.Item`.
#[derive(Clone, Copy)]
pub(crate) struct MapItem<'v> {
    pub(crate) index: usize,
    pub(crate) value: &'v Value,
}

impl<'v> Context<'v> {
    fn select(&self, path: &Path) -> Option<Cow<'v, Value>> {
        let execution = self.execution;
        if let [Step::Name(section), Step::Name(field), rest @ ..] = path.steps() {
            let text = |text: &str| rest.is_empty().then(|| Cow::Owned(Value::from(text)));
            match (&**section, &**field) {
                ("Execution", "Input") => return path.select_from(2, &execution.input),
                ("Execution", "Id") => return text(&execution.id),
                ("Execution", "Name") => return text(&execution.name),
                ("State", "Name") => return text(self.state),
                ("Map", "Item") => {
                    if let [Step::Name(field), ..] = rest
                        && **field == *"Value"
                    {
                        return path.select_from(3, self.item?.value);
                    }
                }
                _ => {}
            }
        }
        path.select(&self.whole()).map(|value| Cow::Owned(value.into_owned()))
    }

    fn whole(&self) -> Value {
        let execution = self.execution;
        let mut context = json!({
            "Execution": {
                "Id": execution.id,
                "Input": execution.input,
                "StartTime": timestamp(execution.start_time),
                "Name": execution.name,
                "RoleArn": execution.role_arn,
                "RedriveCount": execution.redrive_count,
            },
            "StateMachine": { "Id": execution.machine_id, "Name": execution.machine_name },
            "State": {
                "Name": self.state,
                "EnteredTime": timestamp(self.entered),
            },
        });
        if let Some(retry_count) = self.retry_count {
            context["State"]["RetryCount"] = json!(retry_count);
        }
        // https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
        if let Some(time) = execution.redrive_time {
            context["Execution"]["RedriveTime"] = Value::from(timestamp(time));
        }
        if let Some(item) = self.item {
            context["Map"] = json!({ "Item": { "Index": item.index, "Value": item.value } });
        }
        context
    }
}

/// The format in which Step Functions writes a time: UTC, milliseconds.
pub(crate) fn timestamp(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The variables of one scope and of the scopes around it.
pub(crate) struct Variables<'v> {
    own: Map<String, Value>,
    outer: Option<&'v Variables<'v>>,
    /// The bytes of this scope's variables, and of all variables in the execution.
    bytes: usize,
    stored: &'v Cell<usize>,
}

impl<'v> Variables<'v> {
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
    const MAXIMUM_STORED: usize = 10 * 1024 * 1024;

    pub(crate) fn outermost(stored: &'v Cell<usize>) -> Self {
        Self { own: Map::new(), outer: None, bytes: 0, stored }
    }

    pub(crate) fn within(outer: &'v Variables<'v>) -> Self {
        Self { own: Map::new(), outer: Some(outer), bytes: 0, stored: outer.stored }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.own.get(name).or_else(|| self.outer?.get(name))
    }

    /// The variables of this scope alone.
    pub(crate) fn own(&self) -> &Map<String, Value> {
        &self.own
    }

    /// Restores the variables of a redriven flow. They were within the limits when they were assigned.
    pub(crate) fn restore(&mut self, values: Map<String, Value>) {
        self.bytes = values.values().map(size::length).sum();
        self.stored.update(|stored| stored + self.bytes);
        self.own = values;
    }

    /// Assigns all values of one `Assign`. The error names the limit that they exceed.
    pub(crate) fn assign(&mut self, values: Map<String, Value>) -> Result<(), String> {
        let (mut assigned, mut replaced) = (0, 0);
        for (name, value) in &values {
            let bytes = size::length(value);
            if bytes > size::MAXIMUM_DATA {
                return Err(format!("The variable '{name}' has {bytes} bytes, more than {}.", size::MAXIMUM_DATA));
            }
            assigned += bytes;
            replaced += self.own.get(name).map_or(0, size::length);
        }
        if assigned > size::MAXIMUM_DATA {
            return Err(format!("One Assign has {assigned} bytes, more than {}.", size::MAXIMUM_DATA));
        }
        self.own.extend(values);
        self.bytes = self.bytes + assigned - replaced;
        let stored = self.stored.get() + assigned - replaced;
        self.stored.set(stored);
        if stored > Self::MAXIMUM_STORED {
            return Err(format!("All variables have {stored} bytes, more than {}.", Self::MAXIMUM_STORED));
        }
        Ok(())
    }
}

impl Drop for Variables<'_> {
    fn drop(&mut self) {
        self.stored.set(self.stored.get() - self.bytes);
    }
}

/// The execution's source of randomness: the same seed gives the same sequence.
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The seed that continues the sequence.
    pub(crate) fn seed(&self) -> u64 {
        self.0.get()
    }

    pub(crate) fn roll(&self) -> fastrand::Rng {
        // Neighbouring seeds give unrelated generators, so adding a constant is enough.
        let seed = self.0.get();
        self.0.set(seed.wrapping_add(0x9E37_79B9_7F4A_7C15));
        fastrand::Rng::with_seed(seed)
    }

    pub(crate) fn uuid(&self) -> String {
        let mut generator = self.roll();
        let bits = generator.u128(..);
        let bits = bits & !(0xF << 76) | (0x4 << 76);
        let bits = bits & !(0x3 << 62) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Display for EvaluationError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { path } => write!(f, "the path {} finds nothing", path.text()),
            Self::Intrinsic { call, reason } => {
                write!(f, "The function '{call}' had the following error: {reason}")
            }
            Self::TooLarge => f.write_str("the value is too large"),
        }
    }
}
