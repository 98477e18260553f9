//! The size of a JSON text, computed without writing it, for the limit on the data between states.

use serde_json::{Number, Value};

/// The limit on the data that one state passes to another, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
pub(crate) const MAXIMUM_DATA: usize = 256 * 1024;

/// The limit on the intermediate data of one evaluation: a path that finds a node many times, a call, a template, the
/// outputs of a Map. It bounds the memory of an execution. AWS does not document its own limit.
pub(crate) const MAXIMUM_RESULT: usize = 16 * MAXIMUM_DATA;

/// The greatest depth of data. Every level is another call on the stack for each read, copy or drop.
const MAXIMUM_DEPTH: usize = 1_000;

/// Whether `value` is within [`MAXIMUM_DATA`] and not nested too deeply.
pub(crate) fn is_within_limit(value: &Value) -> bool {
    // Documents are checked at every state and are almost always small, so a cheap bound comes before the exact count.
    let mut budget = MAXIMUM_DATA;
    if spend(value, &mut budget, MAXIMUM_DEPTH, &Bound).is_some() {
        return true;
    }
    let mut budget = MAXIMUM_DATA;
    spend(value, &mut budget, MAXIMUM_DEPTH, &Exact).is_some()
}

/// The length of `value` as compact JSON.
pub(crate) fn length(value: &Value) -> usize {
    let mut budget = usize::MAX;
    // No value that fits in memory exceeds the budget.
    let _ = spend(value, &mut budget, usize::MAX, &Exact);
    usize::MAX - budget
}

/// The lengths of scalars.
trait Measure {
    fn string(&self, text: &str) -> usize;
    fn number(&self, number: &Number) -> usize;
}

struct Exact;

impl Measure for Exact {
    fn string(&self, text: &str) -> usize {
        let escapes: usize = text
            .bytes()
            .map(|byte| match byte {
                b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 1,
                0x00..0x20 => 5,
                _ => 0,
            })
            .sum();
        text.len() + escapes + 2
    }

    fn number(&self, number: &Number) -> usize {
        match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => digits(number),
            (None, Some(number)) => 1 + digits(number.unsigned_abs()),
            _ => number.to_string().len(),
        }
    }
}

/// An upper bound of the exact length, computed without reading the characters.
struct Bound;

impl Measure for Bound {
    fn string(&self, text: &str) -> usize {
        text.len() * 6 + 2
    }

    fn number(&self, _number: &Number) -> usize {
        25
    }
}

/// Subtracts the length of `value` from `budget`. `None` if the budget is too small, or `value` has more levels than
/// `depth`.
fn spend(value: &Value, budget: &mut usize, depth: usize, measure: &impl Measure) -> Option<()> {
    let own = match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => measure.number(number),
        Value::String(text) => measure.string(text),
        Value::Array(items) => 2 + items.len().saturating_sub(1),
        Value::Object(fields) => {
            2 + fields.len().saturating_sub(1) + fields.keys().map(|key| measure.string(key) + 1).sum::<usize>()
        }
    };
    *budget = budget.checked_sub(own)?;
    match value {
        Value::Array(items) if !items.is_empty() => {
            let depth = depth.checked_sub(1)?;
            items.iter().try_for_each(|item| spend(item, budget, depth, measure))
        }
        Value::Object(fields) if !fields.is_empty() => {
            let depth = depth.checked_sub(1)?;
            fields.values().try_for_each(|field| spend(field, budget, depth, measure))
        }
        _ => Some(()),
    }
}

/// Adds up the lengths of values that are made one after the other, up to [`MAXIMUM_RESULT`].
pub(crate) struct Sum(usize);

impl Sum {
    pub(crate) fn new() -> Self {
        Self(MAXIMUM_RESULT)
    }

    /// `None` once the sum exceeds the limit.
    pub(crate) fn add(&mut self, value: &Value) -> Option<()> {
        spend(value, &mut self.0, usize::MAX, &Exact)
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}
