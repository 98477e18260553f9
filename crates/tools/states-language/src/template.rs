//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `BatchInput`, `Assign`.
//!
//! Owns compiling a template once, with constant parts unchanged, and filling it. The value of an [`Expression`] replaces a
//! field whose name ends in `.$`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::expression::{EvaluationError, Expression, Scope};
use crate::path::Path;
use crate::size::Sum;

#[derive(Debug)]
pub(crate) enum Template {
    Constant(Value),
    Object(Box<[(String, Template)]>),
    Array(Box<[Template]>),
    /// A field `name.$`. The field's name is kept for the error message.
    Expression(Box<str>, Expression),
}

/// The amount of data filled in. The size of the first few values is not counted.
struct Filled {
    values: usize,
    sum: Sum,
}

impl Filled {
    const FEW: usize = 64;

    fn add(&mut self, value: &Value) -> Option<()> {
        self.values += 1;
        if self.values <= Self::FEW { Some(()) } else { self.sum.add(value) }
    }
}

/// The field at which filling failed, and the error.
pub(crate) struct TemplateError<'d> {
    pub(crate) field: &'d str,
    pub(crate) error: EvaluationError<'d>,
}

impl Template {
    /// Compiles `definition`. Every problem is reported with its place, such as `a.b.$`.
    pub(crate) fn compile(definition: &Value, place: &str, report: &mut dyn FnMut(&str, String)) -> Self {
        match definition {
            Value::Object(fields) => Self::compile_object(fields, place, report),
            Value::Array(items) => {
                let items: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::compile(item, &format!("{place}[{index}]"), report))
                    .collect();
                if items.iter().all(|item| matches!(item, Self::Constant(_))) {
                    Self::Constant(definition.clone())
                } else {
                    Self::Array(items.into())
                }
            }
            scalar => Self::Constant(scalar.clone()),
        }
    }

    fn compile_object(fields: &Map<String, Value>, place: &str, report: &mut dyn FnMut(&str, String)) -> Self {
        let mut compiled: Vec<(String, Self)> = Vec::with_capacity(fields.len());
        let mut names = HashSet::with_capacity(fields.len());
        for (name, definition) in fields {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            let (name, template) = match name.strip_suffix(".$") {
                None => (name.as_str(), Self::compile(definition, &place, report)),
                Some(stripped) => (stripped, Self::compile_expression(name, definition, &place, report)),
            };
            if !names.insert(name) {
                report(&place, format!("there is a second field \"{name}\" once \".$\" is stripped"));
            }
            compiled.push((name.to_owned(), template));
        }
        if compiled.iter().all(|(_, template)| matches!(template, Self::Constant(_))) {
            Self::Constant(Value::Object(fields.clone()))
        } else {
            Self::Object(compiled.into())
        }
    }

    fn compile_expression(name: &str, definition: &Value, place: &str, report: &mut dyn FnMut(&str, String)) -> Self {
        let expression = match definition {
            Value::String(text) => Expression::parse(text),
            other => Err(format!("{other} must be a string: a path or an intrinsic function")),
        };
        match expression {
            Ok(expression) => Self::Expression(name.into(), expression),
            Err(problem) => {
                report(place, problem);
                // A placeholder: the definition is refused once all of it has been read.
                Self::Expression(name.into(), Expression::Path(Path::parse("$").expect("\"$\" is a path")))
            }
        }
    }

    pub(crate) fn fill<'v>(&'v self, scope: &Scope<'v>) -> Result<Value, TemplateError<'v>> {
        self.fill_more(scope, &mut Filled { values: 0, sum: Sum::new() })
    }

    fn fill_more<'v>(&'v self, scope: &Scope<'v>, filled: &mut Filled) -> Result<Value, TemplateError<'v>> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Object(fields) => fields
                .iter()
                .map(|(name, template)| Ok((name.clone(), template.fill_more(scope, filled)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            Self::Array(items) => {
                items.iter().map(|item| item.fill_more(scope, filled)).collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Expression(field, expression) => {
                let value = expression.evaluate_in_template(scope);
                let value = value.map_err(|error| TemplateError { field, error })?;
                filled.add(&value).ok_or(TemplateError { field, error: EvaluationError::TooLarge })?;
                Ok(value.into_owned())
            }
        }
    }

    /// Whether this template is an object with the field `name`.
    pub(crate) fn names(&self, name: &str) -> bool {
        match self {
            Self::Constant(Value::Object(fields)) => fields.contains_key(name),
            Self::Object(fields) => fields.iter().any(|(field, _)| field == name),
            _ => false,
        }
    }

    /// The constant value of the field `name`, if it has one.
    pub(crate) fn constant(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Constant(value) => value.get(name),
            Self::Object(fields) => fields.iter().find_map(|(field, template)| match template {
                Self::Constant(value) if field == name => Some(value),
                _ => None,
            }),
            _ => None,
        }
    }

    /// The names of the fields, if this is an object.
    pub(crate) fn field_names(&self) -> Vec<&str> {
        match self {
            Self::Constant(Value::Object(fields)) => fields.keys().map(String::as_str).collect(),
            Self::Object(fields) => fields.iter().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Visits every path in this template.
    pub(crate) fn visit_paths<'e>(&'e self, visit: &mut dyn FnMut(&'e Path)) {
        match self {
            Self::Constant(_) => {}
            Self::Object(fields) => fields.iter().for_each(|(_, template)| template.visit_paths(visit)),
            Self::Array(items) => items.iter().for_each(|item| item.visit_paths(visit)),
            Self::Expression(_, expression) => expression.visit_paths(visit),
        }
    }
}
