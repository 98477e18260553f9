//! Checks a definition as the API `ValidateStateMachineDefinition` does, with its diagnostic codes.
//!
//! Owns the codes, the warnings, and the one error that loading ([`crate::load`]) does not know: a flow without an end. The
//! API promises neither the wording nor the number of its messages, so only codes and results are AWS's here.
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html>

use std::fmt;

use serde_json::Value;

use crate::load::{self, Problem};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// The kind of a diagnostic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name),+
        }

        impl Code {
            /// The code as the API spells it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text),+
                }
            }
        }
    };
}

codes! {
    /// The text is not JSON.
    InvalidJsonDescription = "INVALID_JSON_DESCRIPTION",
    /// There is no text, or it is `null`.
    MissingDescription = "MISSING_DESCRIPTION",
    /// A field is missing or unknown, or has an invalid value.
    SchemaValidationFailed = "SCHEMA_VALIDATION_FAILED",
    InvalidResource = "INVALID_RESOURCE",
    MissingEndState = "MISSING_END_STATE",
    DuplicateStateName = "DUPLICATE_STATE_NAME",
    InvalidStateName = "INVALID_STATE_NAME",
    DuplicateLabelName = "DUPLICATE_LABEL_NAME",
    InvalidLabelName = "INVALID_LABEL_NAME",
    /// A transition names no state of its flow, or no transition leads to a state.
    MissingTransitionTarget = "MISSING_TRANSITION_TARGET",
    TooDeeplyNested = "TOO_DEEPLY_NESTED",
    /// A text in a payload template looks like a path or a call, but its field's name does not end in `.$`.
    NoDollar = "NO_DOLLAR",
    /// A value looks like a path, but its field's name does not end in `Path`.
    NoPath = "NO_PATH",
    /// A Pass state's `Result` has paths, which are not evaluated there.
    PassResultIsStatic = "PASS_RESULT_IS_STATIC",
    /// Not one of AWS's codes: AWS may accept the definition, but this interpreter does not run it.
    NotInterpreted = "NOT_INTERPRETED",
}

/// Whether AWS accepts a definition despite a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One error or suspicious part of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub message: String,
    /// The place, such as `/States/Work/Next`; empty for the document as a whole.
    pub location: String,
}

impl Code {
    pub fn severity(self) -> Severity {
        match self {
            Self::NoDollar | Self::NoPath | Self::PassResultIsStatic | Self::NotInterpreted => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.code.severity() {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        };
        write!(f, "{severity} {}", self.code)?;
        if !self.location.is_empty() {
            write!(f, " at {}", self.location)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl From<Problem> for Diagnostic {
    fn from(Problem { code, message, location, .. }: Problem) -> Self {
        Self { code, message, location }
    }
}

/// All errors and warnings for a definition's text, errors first. AWS accepts a definition without errors.
pub fn validate(definition: &str) -> Vec<Diagnostic> {
    let checked = load::check_size(definition.len()).map_err(|error| error.into_problems().remove(0));
    let mut diagnostics = match checked.and_then(|()| parse(definition)) {
        Err(problem) => vec![problem.into()],
        Ok(definition) => {
            let mut diagnostics: Vec<Diagnostic> = match load::definition(&definition) {
                Ok(_) => Vec::new(),
                Err(error) => error.into_problems().into_iter().map(Diagnostic::from).collect(),
            };
            look_at_states(&definition, "", &mut |code, location, message| {
                diagnostics.push(Diagnostic { code, message, location });
            });
            diagnostics
        }
    };
    diagnostics.sort_by_key(|diagnostic| diagnostic.code.severity());
    diagnostics
}

/// The JSON of a definition's text.
pub(crate) fn parse(definition: &str) -> Result<Value, Problem> {
    if definition.trim().is_empty() {
        return Err(Problem::of_document(Code::MissingDescription, "is empty".to_owned()));
    }
    match serde_json::from_str(definition) {
        Ok(Value::Null) => Err(Problem::of_document(Code::MissingDescription, "is null".to_owned())),
        Ok(definition) => Ok(definition),
        Err(error) => Err(Problem::of_document(Code::InvalidJsonDescription, format!("not JSON: {error}"))),
    }
}

type Report<'r> = dyn FnMut(Code, String, String) + 'r;

/// The fields that have a variant with a path.
const WITH_PATH: [&str; 11] = [
    "Seconds",
    "Timestamp",
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "Error",
    "Cause",
    "MaxConcurrency",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
    "MaxItemsPerBatch",
    "MaxInputBytesPerBatch",
];

const TEMPLATES: [&str; 5] = ["Parameters", "ResultSelector", "ItemSelector", "BatchInput", "Assign"];

/// Checks the states of a flow at any depth.
fn look_at_states(flow: &Value, location: &str, report: &mut Report<'_>) {
    let Some(states) = flow.get("States").and_then(Value::as_object) else {
        return;
    };
    let is_end = |state: &Value| {
        state.get("End").is_some_and(|end| end == true)
            || state.get("Type").is_some_and(|kind| kind == "Succeed" || kind == "Fail")
    };
    if !states.is_empty() && states.values().all(Value::is_object) && !states.values().any(is_end) {
        // Loading accepts such a machine, because its executions still end, with a failure.
        report(Code::MissingEndState, format!("{location}/States"), "no state ends the flow".to_owned());
    }
    for (name, state) in states {
        look_at(state, &format!("{location}/States/{name}"), report);
    }
}

/// Checks a state, or an object within a state that has fields of its own.
fn look_at(owner: &Value, location: &str, report: &mut Report<'_>) {
    let Some(fields) = owner.as_object() else {
        return;
    };
    for (name, value) in fields {
        let place = format!("{location}/{name}");
        let is_comparison = ["String", "Numeric", "Boolean", "Timestamp"].iter().any(|kind| name.starts_with(kind));
        match name.as_str() {
            "Result" if owner.get("Type").is_some_and(|kind| kind == "Pass") && has_expression(value) => {
                let message = "the Result of a Pass state is taken as it is; use Parameters to evaluate paths";
                report(Code::PassResultIsStatic, place, message.to_owned());
            }
            name if TEMPLATES.contains(&name) => look_for_dollars(value, &place, report),
            name if (WITH_PATH.contains(&name) || (is_comparison && !name.ends_with("Path")))
                && value.as_str().is_some_and(is_path) =>
            {
                report(Code::NoPath, place, format!("{value} looks like a path; {name}Path takes one"));
            }
            "Choices" | "Catch" | "Retry" | "And" | "Or" | "Branches" => {
                for (at, element) in value.as_array().into_iter().flatten().enumerate() {
                    let place = format!("{place}[{at}]");
                    look_at(element, &place, report);
                    look_at_states(element, &place, report);
                }
            }
            "Not" | "ItemBatcher" => look_at(value, &place, report),
            "ItemProcessor" | "Iterator" => look_at_states(value, &place, report),
            _ => {}
        }
    }
}

fn look_for_dollars(template: &Value, location: &str, report: &mut Report<'_>) {
    match template {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = format!("{location}/{name}");
                match value {
                    Value::String(text) if !name.ends_with(".$") && is_expression(text) => {
                        let message = format!("{value} is taken as it is; \"{name}.$\" would evaluate it");
                        report(Code::NoDollar, place, message);
                    }
                    nested => look_for_dollars(nested, &place, report),
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                look_for_dollars(item, &format!("{location}[{at}]"), report);
            }
        }
        _ => {}
    }
}

fn has_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => is_expression(text),
        Value::Array(items) => items.iter().any(has_expression),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.ends_with(".$") || has_expression(value)),
        _ => false,
    }
}

fn is_path(text: &str) -> bool {
    text == "$" || text == "$$" || ["$.", "$[", "$$.", "$$["].iter().any(|start| text.starts_with(start))
}

fn is_expression(text: &str) -> bool {
    is_path(text) || (text.starts_with("States.") && text.contains('(') && text.ends_with(')'))
}
