//! The size of a JSON text, without writing it: for the limit on what states pass on.

use serde_json::{Number, Value};

/// What one state may pass to another, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
pub(crate) const MAXIMUM_DATA: usize = 256 * 1024;

/// What one evaluation may make on the way to such data: a path that finds a node many times, a call, a template, the outputs
/// of a Map. It bounds what an execution can hold; AWS does not say where it stops.
pub(crate) const MAXIMUM_RESULT: usize = 16 * MAXIMUM_DATA;

/// How deep data is nested: every level is another call on the stack, wherever it is read, copied or dropped.
const MAXIMUM_DEPTH: usize = 1_000;

/// Whether `value` is within [`MAXIMUM_DATA`] and not nested too deeply.
pub(crate) fn is_within_limit(value: &Value) -> bool {
    // Documents are checked at every state and are almost always small: bound them before counting.
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
    // The budget cannot be exceeded by anything that fits in memory.
    let _ = spend(value, &mut budget, usize::MAX, &Exact);
    usize::MAX - budget
}

/// How long scalars are.
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

/// Never less than the exact length, and found without looking at the characters.
struct Bound;

impl Measure for Bound {
    fn string(&self, text: &str) -> usize {
        text.len() * 6 + 2
    }

    fn number(&self, _number: &Number) -> usize {
        25
    }
}

/// Takes the length of `value` from `budget`; `None` if that is not enough, or `value` has more levels than `depth`.
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

/// Adds up the lengths of values that are made one after the other, until they are more than [`MAXIMUM_RESULT`].
pub(crate) struct Sum(usize);

impl Sum {
    pub(crate) fn new() -> Self {
        Self(MAXIMUM_RESULT)
    }

    /// `None` once there is too much.
    pub(crate) fn add(&mut self, value: &Value) -> Option<()> {
        spend(value, &mut self.0, usize::MAX, &Exact)
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}
