//! Paths as Step Functions reads them: Jayway's `JSONPath`, not RFC 9535.
//!
//! Owns the grammar, the compiled form and its evaluation over one JSON value. A path is *definite* if it can only name one
//! node. A definite path that finds nothing has no result. An indefinite path gives an array, which may be empty. The
//! document of a path (`$`, `$$`, `$name`) is recorded here and resolved in [`crate::expression`]. Filters are in
//! [`crate::filter`].

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde_json::{Map, Value};

use crate::filter::Filter;
use crate::java;
use crate::size::Sum;

/// The class with which Jayway reads JSON on AWS. Some causes show its name.
const PROVIDER: &str = "com.jayway.jsonpath.spi.json.JacksonJsonProvider";

/// The document a path starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `$`: the data the field is applied to.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a variable.
    Variable(Box<str>),
}

#[derive(Debug)]
pub(crate) enum Step {
    Name(Box<str>),
    /// `['a','b']`: at the end of a path, one object of the existing fields; otherwise each of them.
    Names(Box<[Box<str>]>),
    Index(i64),
    Indices(Box<[i64]>),
    Slice {
        from: Option<i64>,
        to: Option<i64>,
    },
    Wildcard,
    /// `..`: the following steps apply to this node and all nodes below it.
    Descend,
    Filter(Box<Filter>),
}

/// A function at the end of a path, such as `$.items.length()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    Keys,
    Min,
    Max,
    Sum,
    Avg,
    Stddev,
    First,
    Last,
    Index(i64),
}

/// A compiled path.
pub(crate) struct Path {
    text: Box<str>,
    root: Root,
    steps: Box<[Step]>,
    function: Option<Function>,
    definite: bool,
    /// Only names and indices: evaluated without any allocation.
    plain: bool,
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The notation of Jayway's messages.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |parts: &mut dyn Iterator<Item = String>| parts.collect::<Vec<_>>().join(",");
        let bound = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        match self {
            Self::Name(name) => write!(f, "['{name}']"),
            Self::Names(names) => write!(f, "[{}]", join(&mut names.iter().map(|name| format!("'{name}'")))),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Indices(indices) => write!(f, "[{}]", join(&mut indices.iter().map(ToString::to_string))),
            Self::Slice { from, to } => write!(f, "[{}:{}]", bound(from), bound(to)),
            Self::Wildcard => f.write_str("[*]"),
            Self::Descend => f.write_str(".."),
            Self::Filter(_) => f.write_str("[?]"),
        }
    }
}

fn fragments(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect()
}

/// A node that a definite part of a path needs is missing, or the path has visited too many nodes.
struct NotFound;

/// The number of nodes that one path may visit, including the visits of its filters. Every `..` in the path multiplies them.
const MAXIMUM_VISITS: u32 = 1_000_000;
const MAXIMUM_STEPS: usize = 256;
/// The greatest nesting depth of filters in paths, and of parentheses in filters.
pub(crate) const MAXIMUM_NESTING: usize = 16;

/// The number of nodes that a path may still visit.
pub(crate) struct Visits(Cell<u32>);

impl Visits {
    fn take(&self) -> Result<(), NotFound> {
        let left = self.0.get().checked_sub(1).ok_or(NotFound)?;
        self.0.set(left);
        Ok(())
    }
}

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser::new(text);
        let root = parser.root()?;
        let path = parser.finish(root)?;
        Ok(path)
    }

    /// Parses a path inside a filter: `@` stands for the node under test, `$` for the document.
    pub(crate) fn parse_in_filter(text: &str, depth: usize) -> Result<Self, String> {
        let parser = Parser { text, at: 1, depth };
        parser.finish(Root::Input)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether this is the whole document, `$`.
    pub(crate) fn is_whole(&self) -> bool {
        self.steps.is_empty() && self.function.is_none()
    }

    /// Whether this is a Reference Path, which can only name a single node.
    pub(crate) fn is_reference(&self) -> bool {
        self.plain
    }

    /// Whether this path always gives an array, even an empty one.
    pub(crate) fn is_indefinite(&self) -> bool {
        !self.definite && self.function.is_none()
    }

    /// Jayway's reason why this path finds nothing in `document`, which stands at `trail`.
    pub(crate) fn reason(&self, document: &Value, mut trail: String) -> String {
        let start = trail.len();
        let mut node = document;
        for (at, step) in self.steps.iter().enumerate() {
            let is_leaf = at + 1 == self.steps.len();
            node = match (step, node) {
                (Step::Name(name), Value::Object(fields)) => {
                    trail += &step.to_string();
                    match fields.get(&**name) {
                        Some(value) => value,
                        None if is_leaf => break,
                        None => return format!("Missing property in path {trail}"),
                    }
                }
                (Step::Name(_) | Step::Names(_), _) if !node.is_object() => {
                    let (mut property, class) = (String::new(), java::class(node));
                    property += &step.to_string();
                    return format!(
                        "Expected to find an object with property {property} in path {trail} but found '{class}'. \
                         This is not a json object according to the JsonProvider: '{PROVIDER}'."
                    );
                }
                (Step::Index(_) | Step::Indices(_) | Step::Slice { .. }, Value::Null) => {
                    return format!("The path {trail} is null");
                }
                (Step::Index(_) | Step::Indices(_) | Step::Slice { .. }, node) if !node.is_array() => {
                    let (rest, context) = (fragments(&self.steps[at..]), java::text(node));
                    return format!("Filter: {rest} can only be applied to arrays. Current context is: {context}");
                }
                (Step::Filter(_), node) if !node.is_array() && !node.is_object() => {
                    let (rest, context) = (fragments(&self.steps[at..]), java::text(node));
                    return format!("Filter: {rest} can not be applied to primitives. Current context is: {context}");
                }
                (Step::Index(index), Value::Array(items)) => {
                    trail += &step.to_string();
                    match offset(*index, items.len()).and_then(|at| items.get(at)) {
                        Some(item) => item,
                        None => break,
                    }
                }
                // From here on, a path that finds nothing does not fail.
                _ => break,
            };
        }
        match self.function {
            Some(function) if function.is_aggregate() => {
                "Aggregation function attempted to calculate value using empty array".to_owned()
            }
            _ => format!("No results for path: {}{}", &trail[..start], fragments(&self.steps)),
        }
    }

    /// Whether this path finds nothing because one of its indices is beyond the end of its array.
    pub(crate) fn is_beyond_an_array(&self, document: &Value) -> bool {
        let mut node = document;
        for step in self.steps.iter().filter(|_| self.plain) {
            match (step, node) {
                (Step::Index(index), Value::Array(items)) => {
                    match offset(*index, items.len()).and_then(|at| items.get(at)) {
                        Some(item) => node = item,
                        None => return true,
                    }
                }
                (Step::Name(name), Value::Object(fields)) => match fields.get(&**name) {
                    Some(value) => node = value,
                    None => return false,
                },
                _ => return false,
            }
        }
        false
    }

    /// The result of this path on `document`, or `None` if a definite path finds nothing.
    pub(crate) fn select<'v>(&self, document: &'v Value) -> Option<Cow<'v, Value>> {
        self.select_from(0, document)
    }

    /// As [`Path::select`], from `node`, which the first `skip` steps have reached.
    pub(crate) fn select_from<'v>(&self, skip: usize, node: &'v Value) -> Option<Cow<'v, Value>> {
        self.select_within(&Visits(Cell::new(MAXIMUM_VISITS)), skip, node)
    }

    /// As [`Path::select_from`], for a path within a filter. It shares the visits of the path around it.
    pub(crate) fn select_within<'v>(&self, visits: &Visits, skip: usize, node: &'v Value) -> Option<Cow<'v, Value>> {
        let steps = &self.steps[skip..];
        if self.plain {
            return descend_plainly(steps, node).map(Cow::Borrowed);
        }
        let mut found = Vec::new();
        Walk { document: node, visits }.walk(steps, node, true, &mut found).ok()?;
        let value = if self.definite {
            found.into_iter().next()?
        } else {
            let mut sum = Sum::new();
            found.iter().try_for_each(|value| sum.add(value))?;
            Cow::Owned(Value::Array(found.into_iter().map(Cow::into_owned).collect()))
        };
        match self.function {
            None => Some(value),
            Some(function) => function.apply(&value).map(Cow::Owned),
        }
    }
}

fn descend_plainly<'v>(steps: &[Step], mut node: &'v Value) -> Option<&'v Value> {
    for step in steps {
        node = match (step, node) {
            (Step::Name(name), Value::Object(fields)) => fields.get(&**name)?,
            (Step::Index(index), Value::Array(items)) => items.get(offset(*index, items.len())?)?,
            _ => return None,
        };
    }
    Some(node)
}

/// The position of `index` in an array of `length`. A negative index counts from the end.
pub(crate) fn offset(index: i64, length: usize) -> Option<usize> {
    if index < 0 {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    } else {
        usize::try_from(index).ok()
    }
}

/// One evaluation of an arbitrary path.
struct Walk<'v, 'b> {
    document: &'v Value,
    visits: &'b Visits,
}

impl<'v> Walk<'v, '_> {
    /// Applies `steps` to `node`. If all earlier steps were definite, a missing or unsuitable node on the way fails the
    /// path. Otherwise the node is skipped.
    fn walk(
        &self,
        steps: &[Step],
        node: &'v Value,
        definite: bool,
        found: &mut Vec<Cow<'v, Value>>,
    ) -> Result<(), NotFound> {
        self.visits.take()?;
        let Some((step, rest)) = steps.split_first() else {
            found.push(Cow::Borrowed(node));
            return Ok(());
        };
        let misfit = || if definite { Err(NotFound) } else { Ok(()) };
        match (step, node) {
            (Step::Name(name), Value::Object(fields)) => match fields.get(&**name) {
                Some(value) => self.walk(rest, value, definite, found),
                None if rest.is_empty() => Ok(()),
                None => misfit(),
            },
            (Step::Names(names), Value::Object(fields)) => self.names(names, fields, rest, definite, found),
            (Step::Index(index), Value::Array(items)) => {
                match offset(*index, items.len()).and_then(|at| items.get(at)) {
                    Some(item) => self.walk(rest, item, definite, found),
                    None => Ok(()),
                }
            }
            (Step::Indices(indices), Value::Array(items)) => indices
                .iter()
                .filter_map(|index| items.get(offset(*index, items.len())?))
                .try_for_each(|item| self.walk(rest, item, false, found)),
            (Step::Slice { from, to }, Value::Array(items)) => {
                slice(items, *from, *to).iter().try_for_each(|item| self.walk(rest, item, false, found))
            }
            (Step::Wildcard, Value::Array(items)) => {
                items.iter().try_for_each(|item| self.walk(rest, item, false, found))
            }
            (Step::Wildcard, Value::Object(fields)) => {
                fields.values().try_for_each(|value| self.walk(rest, value, false, found))
            }
            (Step::Wildcard, _) => Ok(()),
            (Step::Filter(filter), Value::Array(items)) => items
                .iter()
                .filter(|item| filter.accepts(item, self.document, self.visits))
                .try_for_each(|item| self.walk(rest, item, false, found)),
            (Step::Filter(filter), Value::Object(_)) => {
                if filter.accepts(node, self.document, self.visits) {
                    self.walk(rest, node, false, found)?;
                }
                Ok(())
            }
            (Step::Descend, _) => self.everywhere(rest, node, found),
            _ => misfit(),
        }
    }

    fn names(
        &self,
        names: &[Box<str>],
        fields: &'v Map<String, Value>,
        rest: &[Step],
        definite: bool,
        found: &mut Vec<Cow<'v, Value>>,
    ) -> Result<(), NotFound> {
        let present = names.iter().filter_map(|name| fields.get_key_value(&**name));
        if !rest.is_empty() {
            return present.map(|(_, value)| value).try_for_each(|value| self.walk(rest, value, false, found));
        }
        let object: Map<String, Value> = present.map(|(name, value)| (name.clone(), value.clone())).collect();
        if definite || !object.is_empty() {
            found.push(Cow::Owned(Value::Object(object)));
        }
        Ok(())
    }

    fn everywhere(&self, rest: &[Step], node: &'v Value, found: &mut Vec<Cow<'v, Value>>) -> Result<(), NotFound> {
        match node {
            Value::Object(fields) => {
                self.walk(rest, node, false, found)?;
                fields.values().try_for_each(|value| self.everywhere(rest, value, found))
            }
            Value::Array(items) => {
                // A filter is tested on the items below when the scan reaches them.
                self.walk(rest, node, false, found)?;
                let skip_objects = matches!(rest.first(), Some(Step::Filter(_)));
                items.iter().try_for_each(|item| {
                    if skip_objects { self.below(rest, item, found) } else { self.everywhere(rest, item, found) }
                })
            }
            _ => Ok(()),
        }
    }

    /// As [`Walk::everywhere`], for an item that has already been tested itself.
    fn below(&self, rest: &[Step], node: &'v Value, found: &mut Vec<Cow<'v, Value>>) -> Result<(), NotFound> {
        match node {
            Value::Object(fields) => fields.values().try_for_each(|value| self.everywhere(rest, value, found)),
            _ => self.everywhere(rest, node, found),
        }
    }
}

/// A slice as Jayway reads it: a missing bound is open, a negative bound counts from the end, and there is no step.
fn slice(items: &[Value], from: Option<i64>, to: Option<i64>) -> &[Value] {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let clamp = |bound: i64| {
        let bound = if bound < 0 { bound + length } else { bound };
        usize::try_from(bound.clamp(0, length)).unwrap_or(0)
    };
    let start = clamp(from.unwrap_or(0));
    let end = clamp(to.unwrap_or(length));
    items.get(start..end).unwrap_or(&[])
}

impl Function {
    fn is_aggregate(self) -> bool {
        matches!(self, Self::Min | Self::Max | Self::Sum | Self::Avg | Self::Stddev)
    }

    fn apply(self, value: &Value) -> Option<Value> {
        match self {
            Self::Length => match value {
                Value::Array(items) => Some(items.len().into()),
                Value::Object(fields) => Some(fields.len().into()),
                _ => Some(Value::Null),
            },
            Self::Keys => value.as_object().map(|fields| fields.keys().map(|key| Value::from(key.as_str())).collect()),
            Self::First => value.as_array()?.first().cloned(),
            Self::Last => value.as_array()?.last().cloned(),
            Self::Index(index) => {
                let items = value.as_array()?;
                items.get(offset(index, items.len())?).cloned()
            }
            Self::Min | Self::Max | Self::Sum | Self::Avg | Self::Stddev => {
                let numbers: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
                self.aggregate(&numbers).map(Value::from)
            }
        }
    }

    fn aggregate(self, numbers: &[f64]) -> Option<f64> {
        if numbers.is_empty() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a document holds far fewer than 2^52 numbers")]
        let count = numbers.len() as f64;
        let sum: f64 = numbers.iter().sum();
        Some(match self {
            Self::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Avg => sum / count,
            Self::Stddev => {
                let squares: f64 = numbers.iter().map(|number| number * number).sum();
                (squares / count - (sum / count).powi(2)).sqrt()
            }
            _ => sum,
        })
    }
}

/// The target of a state's result: the Reference Path of `ResultPath`.
#[derive(Debug)]
pub(crate) struct Target(Path);

impl Target {
    pub(crate) fn new(path: Path) -> Result<Self, String> {
        if *path.root() != Root::Input {
            return Err("must point into the state's input, not into the context object or a variable".into());
        }
        if !path.is_reference() {
            return Err("must be a Reference Path: names and indices only".into());
        }
        Ok(Self(path))
    }

    pub(crate) fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether [`Target::place`] can succeed on this document.
    pub(crate) fn fits(&self, document: &Value) -> bool {
        let mut node = document;
        for step in self.0.steps() {
            node = match (step, node) {
                (Step::Name(name), Value::Object(fields)) => match fields.get(&**name) {
                    Some(value) => value,
                    // From here on, new objects are created, and only objects.
                    None => return self.creatable_after(name),
                },
                (Step::Index(index), Value::Array(items)) => {
                    match offset(*index, items.len()).and_then(|at| items.get(at)) {
                        Some(item) => item,
                        None => return false,
                    }
                }
                _ => return false,
            };
        }
        true
    }

    fn creatable_after(&self, missing: &str) -> bool {
        self.0
            .steps()
            .iter()
            .skip_while(|step| !matches!(step, Step::Name(name) if **name == *missing))
            .all(|step| matches!(step, Step::Name(_)))
    }

    /// Puts `result` into `document`, and creates the objects on the way. The document must [fit](Target::fits).
    pub(crate) fn place(&self, mut document: Value, result: Value) -> Value {
        let mut node = &mut document;
        for step in self.0.steps() {
            node = match step {
                Step::Name(name) => {
                    if !node.is_object() {
                        *node = Value::Object(Map::new());
                    }
                    &mut node[&**name]
                }
                Step::Index(index) => {
                    let Some(at) = node.as_array().and_then(|items| offset(*index, items.len())) else {
                        return document;
                    };
                    &mut node[at]
                }
                _ => return document,
            };
        }
        *node = result;
        document
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// The number of filters around this path.
    depth: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, expected: char) -> bool {
        let matches = self.peek() == Some(expected);
        if matches {
            self.at += expected.len_utf8();
        }
        matches
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn root(&mut self) -> Result<Root, String> {
        if !self.take('$') {
            return Err("a path must begin with \"$\"".into());
        }
        if self.take('$') {
            return Ok(Root::Context);
        }
        let name: &str = {
            let rest = self.rest();
            let end = rest.find(|c: char| !is_variable_character(c)).unwrap_or(rest.len());
            &rest[..end]
        };
        self.at += name.len();
        if name.is_empty() {
            return Ok(Root::Input);
        }
        check_variable_name(name)?;
        Ok(Root::Variable(name.into()))
    }

    fn finish(mut self, root: Root) -> Result<Path, String> {
        let mut steps = Vec::new();
        let mut function = None;
        while let Some(next) = self.peek() {
            if function.is_some() {
                return Err("a function must end the path".into());
            }
            match next {
                '.' => function = self.after_dot(&mut steps)?,
                '[' => steps.push(self.bracket()?),
                other => return Err(format!("unexpected \"{other}\" at position {}", self.at)),
            }
        }
        if steps.len() > MAXIMUM_STEPS {
            return Err(format!("a path has at most {MAXIMUM_STEPS} steps"));
        }
        if matches!(steps.last(), Some(Step::Descend)) {
            return Err("a path must not end with \"..\"".into());
        }
        let last = steps.len().saturating_sub(1);
        let definite = steps.iter().enumerate().all(|(at, step)| match step {
            Step::Name(_) | Step::Index(_) => true,
            Step::Names(_) => at == last,
            _ => false,
        });
        let plain = function.is_none() && steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)));
        Ok(Path { text: self.text.into(), root, steps: steps.into(), function, definite, plain })
    }

    fn after_dot(&mut self, steps: &mut Vec<Step>) -> Result<Option<Function>, String> {
        self.take('.');
        if self.take('.') {
            steps.push(Step::Descend);
        }
        match self.peek() {
            None => Err("a path must not end with \".\"".into()),
            Some('.') => Err(format!("unexpected \".\" at position {}", self.at)),
            Some('[') => Ok(None),
            Some('*') => {
                self.at += 1;
                steps.push(Step::Wildcard);
                Ok(None)
            }
            Some(_) => {
                let name = self.name()?;
                if self.peek() == Some('(') {
                    return self.function(&name).map(Some);
                }
                steps.push(Step::Name(name.into()));
                Ok(None)
            }
        }
    }

    /// A name in dot notation. A backslash takes the next character as it is.
    fn name(&mut self) -> Result<String, String> {
        let mut name = String::new();
        let start = self.at;
        while let Some(character) = self.peek() {
            match character {
                '.' | '[' | '(' => break,
                '\\' => {
                    self.at += 1;
                    let escaped = self.peek().ok_or("a path must not end with a backslash")?;
                    self.at += escaped.len_utf8();
                    name.push(escaped);
                    continue;
                }
                space if space.is_whitespace() => {
                    return Err(format!("a blank at position {}: write ['name'] for names with blanks", self.at));
                }
                quote @ ('\'' | '"' | ']' | ')' | ',') => {
                    return Err(format!("unexpected {quote} at position {}", self.at));
                }
                _ => {}
            }
            self.at += character.len_utf8();
            name.push(character);
        }
        if name.is_empty() {
            return Err(format!("a name is missing at position {start}"));
        }
        Ok(name)
    }

    fn function(&mut self, name: &str) -> Result<Function, String> {
        let rest = self.rest();
        let close = rest.find(')').ok_or("a \")\" is missing")?;
        let argument = rest[1..close].trim();
        self.at += close + 1;
        let function = match name {
            "length" | "size" => Function::Length,
            "keys" => Function::Keys,
            "min" => Function::Min,
            "max" => Function::Max,
            "sum" => Function::Sum,
            "avg" => Function::Avg,
            "stddev" => Function::Stddev,
            "first" => Function::First,
            "last" => Function::Last,
            "index" => {
                return argument
                    .parse()
                    .map(Function::Index)
                    .map_err(|_| format!("index() takes one integer, not \"{argument}\""));
            }
            other => return Err(format!("there is no path function \"{other}\"")),
        };
        if !argument.is_empty() {
            return Err(format!("{name}() takes no argument"));
        }
        Ok(function)
    }

    fn bracket(&mut self) -> Result<Step, String> {
        self.take('[');
        self.spaces();
        match self.peek() {
            Some('\'' | '"') => self.quoted_names(),
            Some('?') => self.filter(),
            Some('*') => {
                self.at += 1;
                self.close_bracket()?;
                Ok(Step::Wildcard)
            }
            Some(_) => self.numbers(),
            None => Err("a \"]\" is missing".into()),
        }
    }

    fn close_bracket(&mut self) -> Result<(), String> {
        self.spaces();
        if self.take(']') { Ok(()) } else { Err(format!("a \"]\" is missing at position {}", self.at)) }
    }

    fn quoted_names(&mut self) -> Result<Step, String> {
        let mut names = Vec::new();
        loop {
            self.spaces();
            names.push(self.quoted()?.into_boxed_str());
            self.spaces();
            if !self.take(',') {
                break;
            }
        }
        self.close_bracket()?;
        Ok(match <[_; 1]>::try_from(names) {
            Ok([name]) => Step::Name(name),
            Err(names) => Step::Names(names.into()),
        })
    }

    fn quoted(&mut self) -> Result<String, String> {
        let quote = self.peek().filter(|c| matches!(c, '\'' | '"')).ok_or("a quoted name is missing")?;
        self.at += 1;
        let mut name = String::new();
        while let Some(character) = self.peek() {
            self.at += character.len_utf8();
            match character {
                _ if character == quote => return Ok(name),
                '\\' if self.peek() == Some('"') => {
                    // Jayway keeps this backslash.
                    self.at += 1;
                    name.push_str("\\\"");
                }
                '\\' => name.push(self.escaped()?),
                _ => name.push(character),
            }
        }
        Err(format!("a {quote} is missing"))
    }

    /// The character after a backslash in a quoted name, with Java's escapes.
    fn escaped(&mut self) -> Result<char, String> {
        let escaped = self.peek().ok_or("a path must not end with a backslash")?;
        self.at += escaped.len_utf8();
        Ok(match escaped {
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let code = self.rest().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                self.at += 4;
                code.and_then(char::from_u32).ok_or("\\u must be followed by four digits")?
            }
            other => other,
        })
    }

    fn numbers(&mut self) -> Result<Step, String> {
        let rest = self.rest();
        let close = rest.find(']').ok_or("a \"]\" is missing")?;
        let inside = &rest[..close];
        self.at += close + 1;
        let number = |text: &str| -> Result<i64, String> {
            text.trim().parse().map_err(|_| format!("\"{}\" is not an array index", text.trim()))
        };
        if inside.contains(':') {
            let mut bounds = inside.split(':').map(|text| match text.trim() {
                "" => Ok(None),
                bound => number(bound).map(Some),
            });
            let from = bounds.next().transpose()?.flatten();
            let to = bounds.next().transpose()?.flatten();
            // Jayway reads two bounds and no step. https://github.com/json-path/JsonPath#operators
            if bounds.next().is_some() {
                return Err("a slice has two bounds; steps are not supported".into());
            }
            if from.is_none() && to.is_none() {
                return Err("a slice needs at least one bound".into());
            }
            return Ok(Step::Slice { from, to });
        }
        let indices = inside.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
        Ok(match indices[..] {
            [index] => Step::Index(index),
            _ => Step::Indices(indices.into()),
        })
    }

    fn filter(&mut self) -> Result<Step, String> {
        self.take('?');
        self.spaces();
        if self.peek() != Some('(') {
            return Err("a filter is written [?(…)]".into());
        }
        let after = &self.rest()[1..];
        let length = length_until(after, |character| character == ')').ok_or("the filter's \")\" is missing")?;
        let inside = &after[..length];
        self.at += length + 2;
        self.close_bracket()?;
        Ok(Step::Filter(Box::new(Filter::parse(inside, self.depth + 1)?)))
    }
}

/// The length of the text before the first character that `ends` accepts, outside quotes and brackets.
pub(crate) fn length_until(text: &str, ends: impl Fn(char) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), _) => {
                if open == character {
                    quote = None;
                }
            }
            (None, _) if depth == 0 && ends(character) => return Some(at),
            (None, '\'' | '"') => quote = Some(character),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    None
}

fn is_variable_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Checks the name of a variable: a letter or `_`, then letters, digits and `_`, up to 80 in all.
pub(crate) fn check_variable_name(name: &str) -> Result<(), String> {
    if name == "states" {
        return Err("the variable \"states\" is reserved".into());
    }
    let starts_well = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(is_variable_character) || name.chars().count() > 80 {
        return Err(format!("\"{name}\" is not a name for a variable"));
    }
    Ok(())
}
