//! Loading: from a definition's JSON to the compiled machine, or to a list of all its mistakes.
//!
//! Owns the fields of each state type and the checks that span states: targets, reachability, unique names, variables of
//! inner scopes. Refuses by name the features that this interpreter does not have: `JSONata`, task tokens, activities,
//! integrations other than Lambda and `states:startExecution`, items read from or results written to S3. The grammar of
//! paths, templates, calls and rules is in the modules of those names.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::{Map as Object, Value};

use crate::choice::{self, Rule};
use crate::diagnostic::Code;
use crate::expression::Expression;
use crate::machine::{
    Batcher, Catcher, ChoiceRule, Definition, Flow, Integration, Kind, Map, Mode, Next, Placement, Retrier, Selection,
    Setting, State, Task, Text, Wait,
};
use crate::moment::Moment;
use crate::path::{Path, Root, Step, Target, check_variable_name};
use crate::size;
use crate::template::Template;

/// The refusal of a definition. Its text lists every problem, one to a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct DefinitionError {
    problems: Vec<Problem>,
}

/// One mistake in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The state with the mistake; `None` for the machine itself.
    pub state: Option<String>,
    /// The field with the mistake, such as `Catch[0].Next`; empty for the document as a whole.
    pub field: String,
    pub message: String,
    pub code: Code,
    /// The place in the API's notation, such as `/States/Work/Next`; empty for the document as a whole.
    pub location: String,
}

impl DefinitionError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Problem {
    pub(crate) fn of_document(code: Code, message: String) -> Self {
        Self { state: None, field: String::new(), message, code, location: String::new() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Some(state) => write!(f, "state \"{state}\"")?,
            None => f.write_str("state machine")?,
        }
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const MAXIMUM_DEFINITION: usize = 1024 * 1024;
const MAXIMUM_SECONDS: u64 = 99_999_999;
const MAXIMUM_NAME: usize = 80;
const MAXIMUM_LABEL: usize = 40;
/// The greatest nesting depth of flows. AWS has a limit as well, but does not document it.
const MAXIMUM_DEPTH: usize = 32;

/// The predefined error names. <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>
const PREDEFINED_ERRORS: [&str; 17] = [
    "States.ALL",
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// Refuses a definition with more bytes than AWS accepts.
pub(crate) fn check_size(bytes: usize) -> Result<(), DefinitionError> {
    if bytes <= MAXIMUM_DEFINITION {
        return Ok(());
    }
    let message = format!("has {bytes} bytes; a definition has at most {MAXIMUM_DEFINITION}");
    Err(DefinitionError::new(vec![Problem::of_document(Code::SchemaValidationFailed, message)]))
}

pub(crate) fn definition(definition: &Value) -> Result<Definition, DefinitionError> {
    check_size(size::length(definition))?;
    let mut loader = Loader::default();
    let Some(fields) = definition.as_object() else {
        let problem = Problem::of_document(Code::SchemaValidationFailed, "must be a JSON object".to_owned());
        return Err(DefinitionError::new(vec![problem]));
    };
    let (prefix, path) = (String::new(), String::new());
    let mut reader = Reader { loader: &mut loader, state: None, prefix, path, depth: 0, fields };
    reader.only(&["Comment", "Version", "QueryLanguage", "StartAt", "States", "TimeoutSeconds"]);
    reader.query_language();
    if let Some(version) = reader.string("Version")
        && version != "1.0"
    {
        reader.problem("Version", "must be \"1.0\"");
    }
    let comment = reader.comment();
    let timeout_seconds = reader.integer("TimeoutSeconds", 1, MAXIMUM_SECONDS);
    let flow = reader.flow(&HashSet::new());
    match flow {
        Some(flow) if loader.problems.is_empty() => Ok(Definition { comment, timeout_seconds, flow }),
        _ => Err(DefinitionError::new(loader.problems)),
    }
}

#[derive(Default)]
struct Loader {
    problems: Vec<Problem>,
    /// Every state name seen so far. Names are unique across the whole machine.
    names: HashSet<String>,
    /// The labels of Maps, which are unique as well.
    labels: HashSet<String>,
}

/// Reads the fields of one object and reports its problems under their state.
struct Reader<'l, 'd> {
    loader: &'l mut Loader,
    state: Option<&'d str>,
    prefix: String,
    /// The place of the object in the document.
    path: String,
    /// The number of flows around the object.
    depth: usize,
    fields: &'d Object<String, Value>,
}

/// The states that a transition may name: those of its own flow.
type Targets<'d> = HashMap<&'d str, usize>;

impl<'d> Reader<'_, 'd> {
    fn problem(&mut self, field: &str, message: impl Into<String>) {
        self.problem_of(Code::SchemaValidationFailed, field, message);
    }

    fn problem_of(&mut self, code: Code, field: &str, message: impl Into<String>) {
        let location = match field {
            "" => self.path.clone(),
            // Inside a template, field names may contain dots.
            field => format!("{}/{}", self.path, field.replacen('.', "/", 1)),
        };
        self.loader.problems.push(Problem {
            state: self.state.map(ToOwned::to_owned),
            field: format!("{}{field}", self.prefix),
            message: message.into(),
            code,
            location,
        });
    }

    /// A reader for an object inside this one.
    fn inside(&mut self, field: &str, fields: &'d Object<String, Value>) -> Reader<'_, 'd> {
        let prefix = format!("{}{field}.", self.prefix);
        let path = format!("{}/{field}", self.path);
        Reader { loader: self.loader, state: self.state, prefix, path, depth: self.depth, fields }
    }

    /// A reader for a state of this flow.
    fn of_state(&mut self, name: &'d str, fields: &'d Object<String, Value>) -> Reader<'_, 'd> {
        let path = format!("{}/States/{name}", self.path);
        Reader { loader: self.loader, state: Some(name), prefix: String::new(), path, depth: self.depth + 1, fields }
    }

    /// A reader for the element of a list of objects. An element of another type is a problem.
    fn element(&mut self, list: &str, at: usize, element: &'d Value) -> Option<Reader<'_, 'd>> {
        let field = format!("{list}[{at}]");
        let Some(fields) = element.as_object() else {
            self.problem(&field, "must be an object");
            return None;
        };
        Some(self.inside(&field, fields))
    }

    fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    fn only(&mut self, allowed: &[&str]) {
        for field in self.fields.keys() {
            if !allowed.contains(&field.as_str()) {
                self.unknown(field);
            }
        }
    }

    fn unknown(&mut self, field: &str) {
        let (code, message) = match field {
            "Arguments" | "Output" | "Items" | "Condition" => {
                (Code::NotInterpreted, "belongs to JSONata, which is not supported")
            }
            "ItemReader" => (Code::NotInterpreted, "reading items from Amazon S3 is not supported"),
            "ResultWriter" => (Code::NotInterpreted, "writing results to Amazon S3 is not supported"),
            _ => (Code::SchemaValidationFailed, "there is no such field here"),
        };
        self.problem_of(code, field, message);
    }

    fn exclusive(&mut self, first: &str, second: &str) {
        if self.has(first) && self.has(second) {
            self.problem(second, format!("cannot be given together with {first}"));
        }
    }

    fn comment(&mut self) -> Option<String> {
        self.string("Comment").map(ToOwned::to_owned)
    }

    fn query_language(&mut self) {
        match self.string("QueryLanguage") {
            None | Some("JSONPath") => {}
            Some("JSONata") => self.problem_of(Code::NotInterpreted, "QueryLanguage", "JSONata is not supported"),
            Some(_) => self.problem("QueryLanguage", "must be \"JSONPath\""),
        }
    }

    fn typed<T>(&mut self, field: &str, read: impl FnOnce(&'d Value) -> Option<T>, noun: &str) -> Option<T> {
        let value = self.fields.get(field)?;
        let read = read(value);
        if read.is_none() {
            self.problem(field, format!("must be {noun}, not {value}"));
        }
        read
    }

    fn string(&mut self, field: &str) -> Option<&'d str> {
        self.typed(field, Value::as_str, "a string")
    }

    fn object(&mut self, field: &str) -> Option<&'d Object<String, Value>> {
        self.typed(field, Value::as_object, "an object")
    }

    fn array(&mut self, field: &str) -> Option<&'d [Value]> {
        self.typed(field, |value| value.as_array().map(Vec::as_slice), "an array")
    }

    fn integer(&mut self, field: &str, least: u64, most: u64) -> Option<u64> {
        let noun = format!("an integer from {least} to {most}");
        self.typed(field, |value| value.as_u64().filter(|number| (least..=most).contains(number)), &noun)
    }

    fn path(&mut self, field: &str) -> Option<Path> {
        let text = self.string(field)?;
        match Path::parse(text) {
            Ok(path) => {
                self.check_path(field, &path);
                Some(path)
            }
            Err(problem) => {
                self.problem(field, format!("\"{text}\" is not a path: {problem}"));
                None
            }
        }
    }

    fn reference_path(&mut self, field: &str) -> Option<Path> {
        let path = self.path(field)?;
        if !path.is_reference() {
            self.problem(field, format!("\"{}\" is not a Reference Path: names and indices only", path.text()));
            return None;
        }
        Some(path)
    }

    /// Refuses paths to the task token, which belongs to unsupported integrations.
    fn check_path(&mut self, field: &str, path: &Path) {
        if *path.root() == Root::Context && matches!(path.steps().first(), Some(Step::Name(name)) if **name == *"Task")
        {
            let message = format!("{}: task tokens are not supported", path.text());
            self.problem_of(Code::NotInterpreted, field, message);
        }
    }

    /// `InputPath` or `OutputPath`.
    fn selection(&mut self, field: &str) -> Selection {
        match self.fields.get(field) {
            None => Selection::Whole,
            Some(Value::Null) => Selection::Nothing,
            Some(_) => match self.path(field) {
                Some(path) if !(path.is_whole() && *path.root() == Root::Input) => Selection::Path(path),
                _ => Selection::Whole,
            },
        }
    }

    fn placement(&mut self, field: &str) -> Placement {
        match self.fields.get(field) {
            None => Placement::Replace,
            Some(Value::Null) => Placement::Discard,
            Some(_) => match self.path(field).map(Target::new) {
                Some(Ok(target)) if target.text() != "$" => Placement::At(target),
                Some(Err(problem)) => {
                    self.problem(field, problem);
                    Placement::Replace
                }
                _ => Placement::Replace,
            },
        }
    }

    fn template(&mut self, field: &str) -> Option<Template> {
        let fields = self.object(field)?;
        Some(self.compile(field, &Value::Object(fields.clone())))
    }

    /// `Parameters` and `ItemSelector`, which may be any JSON value on AWS.
    fn any_template(&mut self, field: &str) -> Option<Template> {
        let definition = self.fields.get(field)?;
        Some(self.compile(field, definition))
    }

    fn compile(&mut self, field: &str, definition: &Value) -> Template {
        let mut problems = Vec::new();
        let template = Template::compile(definition, "", &mut |place, problem| {
            problems.push((place.to_owned(), problem));
        });
        for (place, problem) in problems {
            self.problem(&format!("{field}.{place}"), problem);
        }
        let mut paths = Vec::new();
        template.visit_paths(&mut |path| paths.push(path));
        for path in paths {
            self.check_path(field, path);
        }
        template
    }

    fn assign(&mut self) -> Option<Template> {
        let template = self.template("Assign")?;
        for name in template.field_names() {
            if let Err(problem) = check_variable_name(name) {
                self.problem("Assign", problem);
            }
        }
        Some(template)
    }

    fn target(&mut self, field: &str, targets: &Targets<'d>) -> Option<(usize, Box<str>)> {
        let name = self.string(field)?;
        let target = targets.get(name).map(|&index| (index, name.into()));
        if target.is_none() {
            self.problem_of(Code::MissingTransitionTarget, field, format!("there is no state \"{name}\" here"));
        }
        target
    }

    fn required(&mut self, field: &str) {
        if !self.has(field) {
            self.problem(field, "is missing");
        }
    }

    /// `StartAt` and `States` of the machine, a branch or a processor.
    fn flow(&mut self, outer_variables: &HashSet<&'d str>) -> Option<Flow> {
        if self.depth > MAXIMUM_DEPTH {
            let message = format!("flows may be nested {MAXIMUM_DEPTH} deep");
            self.problem_of(Code::TooDeeplyNested, "States", message);
            return None;
        }
        self.required("StartAt");
        self.required("States");
        let states = self.object("States")?;
        if states.is_empty() {
            self.problem("States", "there must be at least one state");
            return None;
        }
        let targets: Targets<'d> = states.keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let variables = self.variables(states, outer_variables);
        let compiled: Vec<Option<State>> =
            states.iter().map(|(name, state)| self.state(name, state, &targets, &variables)).collect();
        let start = self.target("StartAt", &targets)?.0;
        let compiled: Option<Box<[State]>> = compiled.into_iter().collect();
        let flow = Flow { start, states: compiled? };
        self.check_reachable(&flow);
        Some(flow)
    }

    /// The variables of this scope and of the scopes around it. An inner scope must not reuse an outer name.
    fn variables(&mut self, states: &'d Object<String, Value>, outer: &HashSet<&'d str>) -> HashSet<&'d str> {
        let mut all = outer.clone();
        for (state, fields) in states {
            for name in assigned(fields) {
                if outer.contains(name)
                    && let Some(fields) = fields.as_object()
                {
                    let message = format!("the variable \"{name}\" belongs to an outer scope");
                    self.of_state(state, fields).problem("Assign", message);
                }
                all.insert(name);
            }
        }
        all
    }

    fn check_reachable(&mut self, flow: &Flow) {
        let mut reached = vec![false; flow.states.len()];
        let mut open = vec![flow.start];
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut reached[at], true) {
                continue;
            }
            let state = &flow.states[at];
            match &state.kind {
                Kind::Choice { rules, default } => {
                    open.extend(rules.iter().map(|rule| rule.next));
                    open.extend(default.iter().map(|(next, _)| *next));
                }
                _ => {
                    if let Next::State(next) = state.next {
                        open.push(next);
                    }
                }
            }
            open.extend(state.catch.iter().map(|catcher| catcher.next));
        }
        for (state, _) in flow.states.iter().zip(&reached).filter(|(_, reached)| !**reached) {
            self.loader.problems.push(Problem {
                state: Some(state.name.to_string()),
                field: String::new(),
                message: "cannot be reached".to_owned(),
                code: Code::MissingTransitionTarget,
                location: format!("{}/States/{}", self.path, state.name),
            });
        }
    }

    fn state(
        &mut self,
        name: &'d str,
        definition: &'d Value,
        targets: &Targets<'d>,
        variables: &HashSet<&'d str>,
    ) -> Option<State> {
        let Some(fields) = definition.as_object() else {
            let location = format!("{}/States/{name}", self.path);
            let (message, code) = ("must be an object".to_owned(), Code::SchemaValidationFailed);
            let problem = Problem { state: Some(name.to_owned()), field: String::new(), message, code, location };
            self.loader.problems.push(problem);
            return None;
        };
        let mut reader = self.of_state(name, fields);
        if name.is_empty() || name.chars().count() > MAXIMUM_NAME {
            reader.problem_of(Code::InvalidStateName, "", format!("a name has 1 to {MAXIMUM_NAME} characters"));
        }
        if !reader.loader.names.insert(name.to_owned()) {
            reader.problem_of(Code::DuplicateStateName, "", "there is another state of this name");
        }
        reader.read_state(name, targets, variables)
    }

    fn read_state(&mut self, name: &str, targets: &Targets<'d>, variables: &HashSet<&'d str>) -> Option<State> {
        self.required("Type");
        let state_type = self.string("Type")?;
        let Some(allowed) = fields_of(state_type) else {
            self.problem("Type", format!("there is no state type \"{state_type}\""));
            return None;
        };
        self.only(allowed);
        self.query_language();
        let kind = match state_type {
            "Pass" => Some(Kind::Pass { result: self.fields.get("Result").cloned() }),
            "Task" => self.task(),
            "Choice" => self.choice(targets),
            "Wait" => self.wait(),
            "Succeed" => Some(Kind::Succeed),
            "Fail" => Some(self.fail()),
            "Parallel" => self.parallel(variables),
            _ => self.map(variables),
        };
        // In a Map, Parameters is the deprecated name of ItemSelector.
        let parameters = if state_type == "Map" { None } else { self.any_template("Parameters") };
        let state = State {
            name: name.into(),
            comment: self.comment(),
            input_path: self.selection("InputPath"),
            parameters,
            result_selector: self.template("ResultSelector"),
            result_path: self.placement("ResultPath"),
            output_path: self.selection("OutputPath"),
            assign: self.assign(),
            retry: self.retry(),
            catch: self.catch(targets),
            next: if allowed.contains(&"Next") { self.next(targets)? } else { Next::End },
            kind: kind?,
        };
        self.check_integration(&state);
        Some(state)
    }

    fn next(&mut self, targets: &Targets<'d>) -> Option<Next> {
        let end = self.typed("End", Value::as_bool, "true or false");
        if self.has("Next") {
            if end == Some(true) {
                self.problem("End", "cannot be given together with Next");
            }
            return self.target("Next", targets).map(|(index, _)| Next::State(index));
        }
        if end != Some(true) {
            self.problem("Next", "is missing: a state needs Next, or \"End\": true");
            return None;
        }
        Some(Next::End)
    }

    fn task(&mut self) -> Option<Kind> {
        self.required("Resource");
        let timeout = self.setting("TimeoutSeconds", 1);
        let heartbeat = self.setting("HeartbeatSeconds", 1);
        if let (Some(Setting::Fixed(timeout)), Some(Setting::Fixed(heartbeat))) = (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            self.problem("HeartbeatSeconds", "must be smaller than TimeoutSeconds");
        }
        self.template("Credentials");
        let resource = self.string("Resource")?;
        match integration(resource) {
            Ok(integration) => Some(Kind::Task(Task { resource: resource.into(), integration, timeout, heartbeat })),
            Err((code, problem)) => {
                self.problem_of(code, "Resource", problem);
                None
            }
        }
    }

    /// Checks the Parameters of the integrations.
    fn check_integration(&mut self, state: &State) {
        let Kind::Task(Task { integration, .. }) = state.kind else {
            return;
        };
        let (api, needed, allowed): (_, _, &[&str]) = match integration {
            Integration::Function => return,
            Integration::Invoke => (
                "lambda:invoke",
                "FunctionName",
                &["FunctionName", "Payload", "Qualifier", "LogType", "ClientContext", "InvocationType"],
            ),
            Integration::StartExecution | Integration::RunExecution => {
                ("states:startExecution", "StateMachineArn", &["StateMachineArn", "Input", "Name", "TraceHeader"])
            }
        };
        let Some(parameters) = &state.parameters else {
            self.problem("Parameters", format!("is missing: {api} needs {needed}"));
            return;
        };
        for name in parameters.field_names() {
            if !allowed.contains(&name) {
                self.problem("Parameters", format!("{api} has no parameter \"{name}\""));
            }
        }
        if !parameters.names(needed) {
            self.problem("Parameters", format!("{api} needs {needed}"));
        }
        if parameters.names("InvocationType")
            && parameters.constant("InvocationType").and_then(Value::as_str) != Some("RequestResponse")
        {
            let message = "of lambda:invoke, only the InvocationType \"RequestResponse\" is supported";
            self.problem_of(Code::NotInterpreted, "Parameters", message);
        }
    }

    /// A whole number of seconds or items, fixed or by the field's variant with a path.
    fn setting(&mut self, field: &str, least: u64) -> Option<Setting<u64>> {
        let by_path = format!("{field}Path");
        self.exclusive(field, &by_path);
        if let Some(number) = self.integer(field, least, MAXIMUM_SECONDS) {
            return Some(Setting::Fixed(number));
        }
        self.reference_path(&by_path).map(Setting::Path)
    }

    fn choice(&mut self, targets: &Targets<'d>) -> Option<Kind> {
        self.required("Choices");
        let default = self.target("Default", targets);
        let rules = self.array("Choices")?;
        if rules.is_empty() {
            self.problem("Choices", "there must be at least one rule");
        }
        let rules: Vec<Option<ChoiceRule>> = rules
            .iter()
            .enumerate()
            .map(|(at, rule)| {
                let mut reader = self.element("Choices", at, rule)?;
                let rule = reader.rule(true);
                reader.required("Next");
                let assign = reader.assign();
                let (next, target) = reader.target("Next", targets)?;
                Some(ChoiceRule { rule: rule?, assign, next, target })
            })
            .collect();
        let rules: Option<Box<[ChoiceRule]>> = rules.into_iter().collect();
        Some(Kind::Choice { rules: rules?, default })
    }

    fn rule(&mut self, top: bool) -> Option<Rule> {
        let common: &[&str] = if top { &["Next", "Assign", "Comment"] } else { &["Comment"] };
        let mut rule = None;
        let mut operators = Vec::new();
        for (name, value) in self.fields {
            match name.as_str() {
                "Variable" => {}
                _ if common.contains(&name.as_str()) => {}
                "Next" | "Assign" => self.problem(name, "belongs to a rule at the top level only"),
                "And" | "Or" | "Not" => {
                    operators.push(name.as_str());
                    rule = self.combination(name, value);
                }
                _ => match choice::operator(name, value) {
                    Some(test) => {
                        operators.push(name.as_str());
                        rule = self.test(name, test);
                    }
                    None => self.unknown(name),
                },
            }
        }
        match operators[..] {
            [] => {
                self.problem("", "the rule has no comparison");
                None
            }
            [_] => rule,
            [_, second, ..] => {
                self.problem(second, format!("a rule has one comparison; this one has {}", operators.join(", ")));
                None
            }
        }
    }

    fn test(&mut self, operator: &str, test: Result<choice::Test, String>) -> Option<Rule> {
        self.required("Variable");
        let variable = self.path("Variable");
        match test {
            Ok(test) => Some(Rule::Test { variable: variable?, test }),
            Err(problem) => {
                self.problem(operator, problem);
                None
            }
        }
    }

    fn combination(&mut self, operator: &str, value: &'d Value) -> Option<Rule> {
        if self.has("Variable") {
            self.problem("Variable", format!("does not belong beside {operator}"));
        }
        if operator == "Not" {
            let fields = self.object("Not")?;
            return self.inside("Not", fields).rule(false).map(|rule| Rule::Not(Box::new(rule)));
        }
        let rules = match value.as_array() {
            Some(rules) if !rules.is_empty() => rules,
            _ => {
                self.problem(operator, "must be an array of at least one rule");
                return None;
            }
        };
        let rules: Vec<Option<Rule>> =
            rules.iter().enumerate().map(|(at, rule)| self.element(operator, at, rule)?.rule(false)).collect();
        let rules: Option<Vec<Rule>> = rules.into_iter().collect();
        Some(if operator == "And" { Rule::And(rules?) } else { Rule::Or(rules?) })
    }

    fn wait(&mut self) -> Option<Kind> {
        let given: Vec<&str> = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]
            .into_iter()
            .filter(|field| self.has(field))
            .collect();
        let [field] = given[..] else {
            self.problem("Seconds", "one of Seconds, SecondsPath, Timestamp and TimestampPath must be given");
            return None;
        };
        let wait = match field {
            "Seconds" => Wait::Seconds(self.integer(field, 0, MAXIMUM_SECONDS)?),
            "SecondsPath" => Wait::SecondsPath(self.reference_path(field)?),
            "Timestamp" => Wait::Until(self.typed(
                field,
                |value| Moment::parse(value.as_str()?),
                "a timestamp such as \"2016-03-14T01:59:00Z\"",
            )?),
            _ => Wait::UntilPath(self.reference_path(field)?),
        };
        Some(Kind::Wait(wait))
    }

    fn fail(&mut self) -> Kind {
        Kind::Fail { error: self.text("Error"), cause: self.text("Cause") }
    }

    fn text(&mut self, field: &str) -> Text {
        let by_path = format!("{field}Path");
        self.exclusive(field, &by_path);
        if let Some(text) = self.string(field) {
            return Text::Fixed(text.into());
        }
        let Some(text) = self.string(&by_path) else {
            return Text::Absent;
        };
        match Expression::parse(text) {
            Ok(expression) => {
                let mut paths = Vec::new();
                expression.visit_paths(&mut |path| paths.push(path));
                for path in paths {
                    self.check_path(&by_path, path);
                }
                Text::Expression(by_path.into(), expression)
            }
            Err(problem) => {
                self.problem(&by_path, problem);
                Text::Absent
            }
        }
    }

    fn parallel(&mut self, variables: &HashSet<&'d str>) -> Option<Kind> {
        self.required("Branches");
        let branches = self.array("Branches")?;
        if branches.is_empty() {
            self.problem("Branches", "there must be at least one branch");
        }
        let branches: Vec<Option<Flow>> = branches
            .iter()
            .enumerate()
            .map(|(at, branch)| {
                let mut reader = self.element("Branches", at, branch)?;
                reader.only(&["Comment", "StartAt", "States", "QueryLanguage"]);
                reader.query_language();
                reader.flow(variables)
            })
            .collect();
        let branches: Option<Box<[Flow]>> = branches.into_iter().collect();
        Some(Kind::Parallel { branches: branches? })
    }

    fn map(&mut self, variables: &HashSet<&'d str>) -> Option<Kind> {
        self.exclusive("ItemProcessor", "Iterator");
        self.exclusive("ItemSelector", "Parameters");
        let field = if self.has("Iterator") { "Iterator" } else { "ItemProcessor" };
        self.required(field);
        let items_path = self.reference_path("ItemsPath");
        let selector = if self.has("Parameters") { "Parameters" } else { "ItemSelector" };
        let item_selector = self.any_template(selector);
        let max_concurrency = self.setting("MaxConcurrency", 0);
        let tolerated_count = self.setting("ToleratedFailureCount", 0);
        let tolerated_percentage = self.percentage();
        let batcher = self.batcher();
        let label = self.label();

        let processor = self.object(field)?;
        let mut reader = self.inside(field, processor);
        reader.only(&["Comment", "StartAt", "States", "QueryLanguage", "ProcessorConfig"]);
        reader.query_language();
        let mode = reader.mode();
        // A child execution sees no variables of its parent.
        let none = HashSet::new();
        let flow = reader.flow(if mode == Mode::Distributed { &none } else { variables });
        if mode == Mode::Inline {
            for field in ["ItemBatcher", "Label"] {
                if self.has(field) {
                    self.problem(field, "belongs to the DISTRIBUTED mode");
                }
            }
        }
        Some(Kind::Map(Box::new(Map {
            mode,
            label,
            items_path,
            item_selector,
            batcher,
            max_concurrency,
            tolerated_count,
            tolerated_percentage,
            processor: flow?,
        })))
    }

    fn mode(&mut self) -> Mode {
        let Some(config) = self.object("ProcessorConfig") else {
            return Mode::Inline;
        };
        let mut reader = self.inside("ProcessorConfig", config);
        reader.only(&["Mode", "ExecutionType"]);
        let mode = match reader.string("Mode") {
            None | Some("INLINE") => Mode::Inline,
            Some("DISTRIBUTED") => Mode::Distributed,
            Some(_) => {
                reader.problem("Mode", "must be \"INLINE\" or \"DISTRIBUTED\"");
                Mode::Inline
            }
        };
        match reader.string("ExecutionType") {
            None if mode == Mode::Distributed => {
                reader.problem("ExecutionType", "is missing: the DISTRIBUTED mode needs it");
            }
            None | Some("STANDARD" | "EXPRESS") => {}
            Some(_) => reader.problem("ExecutionType", "must be \"STANDARD\" or \"EXPRESS\""),
        }
        mode
    }

    fn label(&mut self) -> Option<String> {
        let label = self.string("Label")?;
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(c);
        if label.is_empty() || label.chars().count() > MAXIMUM_LABEL || label.contains(forbidden) {
            let message = format!("must be 1 to {MAXIMUM_LABEL} characters without blanks and special characters");
            self.problem_of(Code::InvalidLabelName, "Label", message);
        }
        if !self.loader.labels.insert(label.to_owned()) {
            self.problem_of(Code::DuplicateLabelName, "Label", "there is another Map of this label");
        }
        Some(label.to_owned())
    }

    fn percentage(&mut self) -> Option<Setting<f64>> {
        const FIELD: &str = "ToleratedFailurePercentage";
        const BY_PATH: &str = "ToleratedFailurePercentagePath";
        self.exclusive(FIELD, BY_PATH);
        let range = 0.0..=100.0;
        if let Some(number) =
            self.typed(FIELD, |value| value.as_f64().filter(|n| range.contains(n)), "a number from 0 to 100")
        {
            return Some(Setting::Fixed(number));
        }
        self.reference_path(BY_PATH).map(Setting::Path)
    }

    fn batcher(&mut self) -> Option<Batcher> {
        let fields = self.object("ItemBatcher")?;
        let mut reader = self.inside("ItemBatcher", fields);
        reader.only(&[
            "BatchInput",
            "MaxItemsPerBatch",
            "MaxItemsPerBatchPath",
            "MaxInputBytesPerBatch",
            "MaxInputBytesPerBatchPath",
        ]);
        let batcher = Batcher {
            input: reader.any_template("BatchInput"),
            max_items: reader.setting("MaxItemsPerBatch", 1),
            max_bytes: reader.setting("MaxInputBytesPerBatch", 1),
        };
        if batcher.max_items.is_none() && batcher.max_bytes.is_none() {
            reader.problem("MaxItemsPerBatch", "is missing: a batch needs a limit, of items or of bytes");
        }
        Some(batcher)
    }

    fn retry(&mut self) -> Box<[Retrier]> {
        let retriers = self.array("Retry").unwrap_or_default();
        let last = retriers.len().saturating_sub(1);
        retriers
            .iter()
            .enumerate()
            .filter_map(|(at, retrier)| self.element("Retry", at, retrier)?.retrier(at == last))
            .collect()
    }

    fn retrier(&mut self, last: bool) -> Option<Retrier> {
        self.only(&[
            "Comment",
            "ErrorEquals",
            "IntervalSeconds",
            "MaxAttempts",
            "BackoffRate",
            "MaxDelaySeconds",
            "JitterStrategy",
        ]);
        let interval_seconds = self.integer("IntervalSeconds", 1, MAXIMUM_SECONDS).unwrap_or(1);
        let max_delay_seconds = self.integer("MaxDelaySeconds", 1, 31_622_400);
        if max_delay_seconds.is_some_and(|delay| delay <= interval_seconds) {
            self.problem("MaxDelaySeconds", "must be greater than IntervalSeconds");
        }
        let full_jitter = match self.string("JitterStrategy") {
            None | Some("NONE") => false,
            Some("FULL") => true,
            Some(_) => {
                self.problem("JitterStrategy", "must be \"FULL\" or \"NONE\"");
                false
            }
        };
        let rate =
            self.typed("BackoffRate", |value| value.as_f64().filter(|rate| *rate >= 1.0), "a number of at least 1.0");
        Some(Retrier {
            interval_seconds,
            max_attempts: self.integer("MaxAttempts", 0, MAXIMUM_SECONDS).unwrap_or(3),
            backoff_rate: rate.unwrap_or(2.0),
            max_delay_seconds,
            full_jitter,
            errors: self.errors(last)?,
        })
    }

    fn catch(&mut self, targets: &Targets<'d>) -> Box<[Catcher]> {
        let catchers = self.array("Catch").unwrap_or_default();
        let last = catchers.len().saturating_sub(1);
        catchers
            .iter()
            .enumerate()
            .filter_map(|(at, catcher)| self.element("Catch", at, catcher)?.catcher(at == last, targets))
            .collect()
    }

    fn catcher(&mut self, last: bool, targets: &Targets<'d>) -> Option<Catcher> {
        self.only(&["Comment", "ErrorEquals", "Next", "ResultPath", "Assign"]);
        self.required("Next");
        let errors = self.errors(last);
        let result_path = self.placement("ResultPath");
        let assign = self.assign();
        let (next, target) = self.target("Next", targets)?;
        Some(Catcher { errors: errors?, result_path, assign, next, target })
    }

    /// `ErrorEquals`.
    fn errors(&mut self, last: bool) -> Option<Box<[Box<str>]>> {
        const FIELD: &str = "ErrorEquals";
        self.required(FIELD);
        let errors = self.array(FIELD)?;
        if errors.is_empty() {
            self.problem(FIELD, "there must be at least one error name");
        }
        for error in errors {
            match error.as_str() {
                None => self.problem(FIELD, format!("{error} must be a string")),
                Some(name) if name.starts_with("States.") && !PREDEFINED_ERRORS.contains(&name) => {
                    self.problem(FIELD, format!("there is no predefined error \"{name}\""));
                }
                Some("States.ALL") => {
                    if errors.len() > 1 {
                        self.problem(FIELD, "States.ALL must stand alone");
                    }
                    if !last {
                        self.problem(FIELD, "States.ALL must come last");
                    }
                }
                Some(_) => {}
            }
        }
        Some(errors.iter().filter_map(Value::as_str).map(Into::into).collect())
    }
}

/// The variables that one state assigns, including its rules and its catchers.
fn assigned(state: &Value) -> impl Iterator<Item = &str> {
    let nested = ["Choices", "Catch"].into_iter().filter_map(|field| state.get(field)?.as_array()).flatten();
    std::iter::once(state)
        .chain(nested)
        .filter_map(|owner| owner.get("Assign")?.as_object())
        .flat_map(Object::keys)
        .map(|name| name.strip_suffix(".$").unwrap_or(name))
}

fn fields_of(state_type: &str) -> Option<&'static [&'static str]> {
    Some(match state_type {
        "Pass" => &[
            "Type",
            "Comment",
            "QueryLanguage",
            "Next",
            "End",
            "InputPath",
            "OutputPath",
            "Assign",
            "Parameters",
            "Result",
            "ResultPath",
        ],
        "Task" => &[
            "Type",
            "Comment",
            "QueryLanguage",
            "Next",
            "End",
            "InputPath",
            "OutputPath",
            "Assign",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "Retry",
            "Catch",
            "Resource",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Credentials",
        ],
        "Choice" => &["Type", "Comment", "QueryLanguage", "InputPath", "OutputPath", "Assign", "Choices", "Default"],
        "Wait" => &[
            "Type",
            "Comment",
            "QueryLanguage",
            "Next",
            "End",
            "InputPath",
            "OutputPath",
            "Assign",
            "Seconds",
            "SecondsPath",
            "Timestamp",
            "TimestampPath",
        ],
        "Succeed" => &["Type", "Comment", "QueryLanguage", "InputPath", "OutputPath"],
        "Fail" => &["Type", "Comment", "QueryLanguage", "Error", "ErrorPath", "Cause", "CausePath"],
        "Parallel" => &[
            "Type",
            "Comment",
            "QueryLanguage",
            "Next",
            "End",
            "InputPath",
            "OutputPath",
            "Assign",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "Retry",
            "Catch",
            "Branches",
        ],
        "Map" => &[
            "Type",
            "Comment",
            "QueryLanguage",
            "Next",
            "End",
            "InputPath",
            "OutputPath",
            "Assign",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "Retry",
            "Catch",
            "ItemsPath",
            "ItemSelector",
            "ItemBatcher",
            "ItemProcessor",
            "Iterator",
            "MaxConcurrency",
            "MaxConcurrencyPath",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
            "Label",
        ],
        _ => return None,
    })
}

/// The integration of a Resource, or the reason for its refusal.
fn integration(resource: &str) -> Result<Integration, (Code, String)> {
    let invalid = || Err((Code::InvalidResource, format!("\"{resource}\" is not the ARN of a Lambda function")));
    let not_interpreted = |problem: String| Err((Code::NotInterpreted, problem));
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let [arn, partition, service, _, _, rest] = parts[..] else {
        return invalid();
    };
    match (arn, service, rest) {
        ("arn", "lambda", rest) if partition.starts_with("aws") && rest.starts_with("function:") => {
            Ok(Integration::Function)
        }
        ("arn", "states", "lambda:invoke") => Ok(Integration::Invoke),
        ("arn", "states", "states:startExecution") => Ok(Integration::StartExecution),
        ("arn", "states", "states:startExecution.sync:2") => Ok(Integration::RunExecution),
        ("arn", "states", rest) if rest.ends_with(".waitForTaskToken") => {
            not_interpreted(format!("{rest}: task tokens are not supported"))
        }
        ("arn", "states", rest) if rest.contains(".sync") => {
            not_interpreted(format!("{rest}: waiting for a job is not supported"))
        }
        ("arn", "states", rest) if rest.starts_with("activity:") => {
            not_interpreted(format!("{rest}: activities are not supported"))
        }
        ("arn", "states", rest) => not_interpreted(format!("the integration {rest} is not supported")),
        _ => invalid(),
    }
}
