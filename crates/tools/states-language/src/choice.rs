//! Choice rules: comparison operators, their variants with a path, and the boolean combinations.
//!
//! Owns compiling and testing one rule. A comparison of values of the wrong type is false. A path that finds nothing is an
//! error, except under `IsPresent`. [`crate::load`] reads the fields of the Choice state.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use crate::expression::{EvaluationError, Scope};
use crate::moment::Moment;
use crate::path::Path;

#[derive(Debug)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test { variable: Path, test: Test },
}

#[derive(Debug)]
pub(crate) enum Test {
    Compare { kind: Kind, relation: Relation, with: Operand },
    Matches(Pattern),
    Is { property: Property, expected: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Numeric,
    Boolean,
    Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

#[derive(Debug)]
pub(crate) enum Operand {
    Literal(Value),
    Path(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    Present,
    Null,
    Numeric,
    String,
    Boolean,
    Timestamp,
}

/// The pattern of `StringMatches`: the literal texts between each `*`.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    pieces: Vec<String>,
}

/// The operators of a test, apart from the boolean combinations.
pub(crate) fn operator(name: &str, value: &Value) -> Option<Result<Test, String>> {
    if let Some(property) = property(name) {
        let expected = value.as_bool().ok_or_else(|| format!("{value} must be true or false"));
        return Some(expected.map(|expected| Test::Is { property, expected }));
    }
    if name == "StringMatches" {
        let pattern = match value {
            Value::String(text) => Pattern::parse(text),
            other => Err(format!("{other} must be a string")),
        };
        return Some(pattern.map(Test::Matches));
    }
    let (name, by_path) = match name.strip_suffix("Path") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (kind, relation) = comparison(name)?;
    let with = if by_path {
        match value {
            Value::String(text) => Path::parse(text).map(Operand::Path),
            other => Err(format!("{other} must be a path")),
        }
    } else if kind.of(value) {
        Ok(Operand::Literal(value.clone()))
    } else {
        Err(format!("{value} must be {}", kind.noun()))
    };
    Some(with.map(|with| Test::Compare { kind, relation, with }))
}

fn property(name: &str) -> Option<Property> {
    Some(match name {
        "IsPresent" => Property::Present,
        "IsNull" => Property::Null,
        "IsNumeric" => Property::Numeric,
        "IsString" => Property::String,
        "IsBoolean" => Property::Boolean,
        "IsTimestamp" => Property::Timestamp,
        _ => return None,
    })
}

fn comparison(name: &str) -> Option<(Kind, Relation)> {
    let kinds = [
        ("String", Kind::String),
        ("Numeric", Kind::Numeric),
        ("Boolean", Kind::Boolean),
        ("Timestamp", Kind::Timestamp),
    ];
    let (kind, relation) = kinds.into_iter().find_map(|(prefix, kind)| Some((kind, name.strip_prefix(prefix)?)))?;
    let relation = match relation {
        "Equals" => Relation::Equals,
        _ if kind == Kind::Boolean => return None,
        "LessThan" => Relation::LessThan,
        "GreaterThan" => Relation::GreaterThan,
        "LessThanEquals" => Relation::LessThanEquals,
        "GreaterThanEquals" => Relation::GreaterThanEquals,
        _ => return None,
    };
    Some((kind, relation))
}

impl Rule {
    /// Whether the rule matches. The error names the path that finds nothing.
    pub(crate) fn matches<'v>(&'v self, scope: &Scope<'v>) -> Result<bool, EvaluationError<'v>> {
        match self {
            Self::And(rules) => {
                for rule in rules {
                    if !rule.matches(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.matches(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => rule.matches(scope).map(|matches| !matches),
            Self::Test { variable, test: Test::Is { property: Property::Present, expected } } => {
                Ok(scope.resolve(variable).is_ok() == *expected)
            }
            Self::Test { variable, test } => test.holds(&*scope.resolve(variable)?, scope),
        }
    }
}

impl Test {
    fn holds<'v>(&'v self, value: &Value, scope: &Scope<'v>) -> Result<bool, EvaluationError<'v>> {
        Ok(match self {
            Self::Compare { kind, relation, with: Operand::Literal(with) } => relation.holds(kind.compare(value, with)),
            Self::Compare { kind, relation, with: Operand::Path(path) } => {
                relation.holds(kind.compare(value, &*scope.resolve(path)?))
            }
            Self::Matches(pattern) => value.as_str().is_some_and(|text| pattern.matches(text)),
            Self::Is { property, expected } => property.of(value) == *expected,
        })
    }
}

impl Kind {
    fn of(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Numeric => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => value.as_str().and_then(Moment::parse).is_some(),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Numeric => "a number",
            Self::Boolean => "true or false",
            Self::Timestamp => "a timestamp such as \"2016-03-14T01:59:00Z\"",
        }
    }

    /// The order of two values of this kind, or `None` if one of them has another kind.
    fn compare(self, left: &Value, right: &Value) -> Option<Ordering> {
        match self {
            // Java compares strings by UTF-16 code units.
            Self::String => Some(left.as_str()?.encode_utf16().cmp(right.as_str()?.encode_utf16())),
            Self::Numeric => match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
            },
            Self::Boolean => Some(left.as_bool()?.cmp(&right.as_bool()?)),
            Self::Timestamp => Some(Moment::parse(left.as_str()?)?.cmp(&Moment::parse(right.as_str()?)?)),
        }
    }
}

impl Relation {
    fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Equals => ordering.is_eq(),
            Self::LessThan => ordering.is_lt(),
            Self::GreaterThan => ordering.is_gt(),
            Self::LessThanEquals => ordering.is_le(),
            Self::GreaterThanEquals => ordering.is_ge(),
        })
    }
}

impl Property {
    fn of(self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Null => value.is_null(),
            Self::Numeric => value.is_number(),
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => value.as_str().and_then(Moment::parse).is_some(),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let piece = pieces.last_mut().expect("there is always one piece");
            match character {
                '*' => pieces.push(String::new()),
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => piece.push(escaped),
                    _ => return Err(format!("\"{text}\" has a backslash that escapes neither * nor \\")),
                },
                _ => piece.push(character),
            }
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &self.pieces[..] else {
            return self.pieces.first().is_some_and(|piece| piece == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        for piece in middle {
            match rest.find(piece.as_str()) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        true
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(rules) => join(f, rules, " and "),
            Self::Or(rules) => join(f, rules, " or "),
            Self::Not(rule) => write!(f, "not ({rule})"),
            Self::Test { variable, test } => write!(f, "{} {test}", variable.text()),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, rules: &[Rule], word: &str) -> fmt::Result {
    for (at, rule) in rules.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        match rule {
            Rule::And(_) | Rule::Or(_) => write!(f, "({rule})")?,
            _ => write!(f, "{rule}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare { relation, with, .. } => {
                let sign = match relation {
                    Relation::Equals => "==",
                    Relation::LessThan => "<",
                    Relation::GreaterThan => ">",
                    Relation::LessThanEquals => "<=",
                    Relation::GreaterThanEquals => ">=",
                };
                match with {
                    Operand::Literal(value) => write!(f, "{sign} {value}"),
                    Operand::Path(path) => write!(f, "{sign} {}", path.text()),
                }
            }
            Self::Matches(pattern) => write!(f, "matches {:?}", pattern.text),
            Self::Is { property, expected } => {
                let noun = match property {
                    Property::Present => "present",
                    Property::Null => "null",
                    Property::Numeric => "a number",
                    Property::String => "a string",
                    Property::Boolean => "a boolean",
                    Property::Timestamp => "a timestamp",
                };
                write!(f, "is {}{noun}", if *expected { "" } else { "not " })
            }
        }
    }
}
