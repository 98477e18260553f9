//! Filters in paths, `[?(@.price < 10 && @.isbn)]`, with Jayway's operators and comparisons.
//!
//! Owns parsing and evaluating one predicate. Refuses placeholders (`[?]`) and script expressions. The paths inside are
//! [`crate::path::Path`]s: `@` is the node under test, `$` the document.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex_lite::Regex;
use serde_json::Value;

use crate::path::{MAXIMUM_NESTING, Path, Visits, length_until};

#[derive(Debug)]
pub(crate) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    /// `!@.name`. Step Functions treats `null` like a missing field here.
    Absent(Operand),
    Compare(Operand, Operator, Operand),
    Matches(Operand, Regex),
}

#[derive(Debug)]
pub(crate) enum Operand {
    Node(Path),
    Document(Path),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    Size,
    Empty,
    Contains,
}

/// Longer spellings first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 14] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in ", Operator::In),
    ("nin ", Operator::NotIn),
    ("subsetof ", Operator::SubsetOf),
    ("anyof ", Operator::AnyOf),
    ("noneof ", Operator::NoneOf),
    ("size ", Operator::Size),
    ("empty ", Operator::Empty),
    ("contains ", Operator::Contains),
];

impl Filter {
    /// Parses a predicate at a nesting depth of `depth` filters, itself included.
    pub(crate) fn parse(text: &str, depth: usize) -> Result<Self, String> {
        let mut parser = Parser { rest: text, depth };
        let filter = parser.deeper(Parser::any)?;
        if parser.rest.trim().is_empty() {
            Ok(filter)
        } else {
            Err(format!("the filter has unexpected text \"{}\"", parser.rest.trim()))
        }
    }

    pub(crate) fn accepts(&self, node: &Value, document: &Value, visits: &Visits) -> bool {
        match self {
            Self::Any(filters) => filters.iter().any(|filter| filter.accepts(node, document, visits)),
            Self::All(filters) => filters.iter().all(|filter| filter.accepts(node, document, visits)),
            Self::Not(filter) => !filter.accepts(node, document, visits),
            Self::Exists(operand) => operand.value(node, document, visits).is_some(),
            Self::Absent(operand) => operand.value(node, document, visits).is_none_or(|value| value.is_null()),
            Self::Compare(left, operator, right) => operator
                .holds(left.value(node, document, visits).as_deref(), right.value(node, document, visits).as_deref()),
            Self::Matches(operand, regex) => match operand.value(node, document, visits).as_deref() {
                Some(Value::String(text)) => regex.is_match(text),
                _ => false,
            },
        }
    }
}

impl Operand {
    fn value<'v>(&'v self, node: &'v Value, document: &'v Value, visits: &Visits) -> Option<Cow<'v, Value>> {
        match self {
            Self::Node(path) => path.select_within(visits, 0, node),
            Self::Document(path) => path.select_within(visits, 0, document),
            Self::Literal(value) => Some(Cow::Borrowed(value)),
        }
    }
}

impl Operator {
    /// A side is `None` if its path finds nothing. It is unequal to every value.
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        match self {
            Self::Equal => equal(left, right),
            Self::NotEqual => !equal(left, right),
            Self::Less => compare(left, right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => compare(left, right).is_some_and(Ordering::is_le),
            Self::Greater => compare(left, right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => compare(left, right).is_some_and(Ordering::is_ge),
            Self::In => within(left, right).unwrap_or(false),
            Self::NotIn => !within(left, right).unwrap_or(false),
            Self::SubsetOf => both_arrays(left, right).is_some_and(|(a, b)| a.iter().all(|item| has(b, item))),
            Self::AnyOf => both_arrays(left, right).is_some_and(|(a, b)| a.iter().any(|item| has(b, item))),
            Self::NoneOf => both_arrays(left, right).is_some_and(|(a, b)| !a.iter().any(|item| has(b, item))),
            Self::Size => length(left).is_some_and(|size| right.and_then(Value::as_u64) == Some(size)),
            Self::Empty => length(left).is_some_and(|size| right.and_then(Value::as_bool) == Some(size == 0)),
            Self::Contains => match (left, right) {
                (Some(Value::Array(items)), Some(item)) => has(items, item),
                (Some(Value::String(text)), Some(Value::String(part))) => text.contains(part.as_str()),
                _ => false,
            },
        }
    }
}

fn has(items: &[Value], wanted: &Value) -> bool {
    items.iter().any(|item| equal(Some(item), Some(wanted)))
}

fn equal(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(Value::Number(_)), Some(Value::Number(_))) => compare(left, right) == Some(Ordering::Equal),
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}

fn compare(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    match (left?, right?) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn within(left: Option<&Value>, right: Option<&Value>) -> Option<bool> {
    Some(has(right?.as_array()?, left?))
}

fn both_arrays<'v>(left: Option<&'v Value>, right: Option<&'v Value>) -> Option<(&'v [Value], &'v [Value])> {
    Some((left?.as_array()?, right?.as_array()?))
}

fn length(value: Option<&Value>) -> Option<u64> {
    let length = match value? {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.chars().count(),
        _ => return None,
    };
    u64::try_from(length).ok()
}

struct Parser<'t> {
    rest: &'t str,
    /// The number of filters and parentheses around this place.
    depth: usize,
}

impl<'t> Parser<'t> {
    fn take(&mut self, token: &str) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut filters = vec![self.all()?];
        while self.take("||") {
            filters.push(self.all()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::Any(filters) })
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut filters = vec![self.one()?];
        while self.take("&&") {
            filters.push(self.one()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::All(filters) })
    }

    /// Parses a part that is nested one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth >= MAXIMUM_NESTING {
            return Err(format!("filters may be nested {MAXIMUM_NESTING} deep"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.take("!") {
            return Ok(match self.deeper(Self::one)? {
                Filter::Exists(operand) => Filter::Absent(operand),
                filter => Filter::Not(Box::new(filter)),
            });
        }
        if self.take("(") {
            let filter = self.deeper(Self::any)?;
            return if self.take(")") { Ok(filter) } else { Err("a \")\" is missing in the filter".into()) };
        }
        let left = self.operand()?;
        if self.take("=~") {
            return Ok(Filter::Matches(left, self.regex()?));
        }
        for (token, operator) in OPERATORS {
            if self.take(token) {
                return Ok(Filter::Compare(left, operator, self.operand()?));
            }
        }
        match left {
            Operand::Literal(_) => Err("a filter must test a path".into()),
            path => Ok(Filter::Exists(path)),
        }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next() {
            Some('@') => Path::parse_in_filter(self.path_text(), self.depth).map(Operand::Node),
            Some('$') => Path::parse_in_filter(self.path_text(), self.depth).map(Operand::Document),
            Some('\'') => self.quoted().map(Operand::Literal),
            Some('"' | '[' | '{') => self.deeper(Self::json).map(Operand::Literal),
            Some(_) => self.word().map(Operand::Literal),
            None => Err("the filter ends too early".into()),
        }
    }

    /// A path ends at a blank, an operator or a closing parenthesis outside its brackets and calls.
    fn path_text(&mut self) -> &'t str {
        let ends = |character: char| character.is_whitespace() || ")=!<>&|,".contains(character);
        let end = length_until(self.rest, ends).unwrap_or(self.rest.len());
        let (path, rest) = self.rest.split_at(end);
        self.rest = rest;
        path
    }

    fn quoted(&mut self) -> Result<Value, String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\'' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(Value::String(text));
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => text.push(character),
            }
        }
        Err("a ' is missing in the filter".into())
    }

    /// A JSON literal. Inside a list, strings may be in apostrophes.
    fn json(&mut self) -> Result<Value, String> {
        if self.take("[") {
            let mut items = Vec::new();
            if self.take("]") {
                return Ok(Value::Array(items));
            }
            loop {
                match self.operand()? {
                    Operand::Literal(value) => items.push(value),
                    _ => return Err("a list in a filter holds literals only".into()),
                }
                if self.take("]") {
                    return Ok(Value::Array(items));
                }
                if !self.take(",") {
                    return Err("a \"]\" is missing in the filter".into());
                }
            }
        }
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = values.next().ok_or("a value is missing in the filter")?.map_err(|e| e.to_string())?;
        self.rest = &self.rest[values.byte_offset()..];
        Ok(value)
    }

    fn word(&mut self) -> Result<Value, String> {
        let end = self.rest.find(|c: char| c.is_whitespace() || ")]=!<>&|,".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        serde_json::from_str(word).map_err(|_| format!("\"{word}\" is not a value a filter can compare with"))
    }

    fn regex(&mut self) -> Result<Regex, String> {
        let pattern = self.rest.trim_start().strip_prefix('/').ok_or("a regular expression is written /…/")?;
        let mut escaped = false;
        let end = pattern
            .find(|character| {
                let ends = character == '/' && !escaped;
                escaped = character == '\\' && !escaped;
                ends
            })
            .ok_or("a \"/\" is missing in the filter")?;
        let flags = &pattern[end + 1..];
        let flags_end = flags.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(flags.len());
        self.rest = &flags[flags_end..];
        // Jayway matches the whole text.
        let flags = match &flags[..flags_end] {
            "" => String::new(),
            set if set.chars().all(|c| "ims".contains(c)) => format!("(?{set})"),
            other => return Err(format!("unknown regular expression flags \"{other}\"")),
        };
        Regex::new(&format!("{flags}^(?:{})$", &pattern[..end])).map_err(|e| e.to_string())
    }
}
