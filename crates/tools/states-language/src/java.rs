//! The texts and classes of values in the JVM behind Step Functions, which `States.Format` and some causes show.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Number, Value};

/// `String.valueOf` of the value as Jackson reads it: maps and lists in Java's notation, texts without quotes.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => {
            let mut text = String::new();
            write(other, &mut text);
            Cow::Owned(text)
        }
    }
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&self::number(number)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(at, out);
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                separate(at, out);
                out.push_str(name);
                out.push('=');
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn separate(at: usize, out: &mut String) {
    if at > 0 {
        out.push_str(", ");
    }
}

fn number(number: &Number) -> String {
    match number.as_f64() {
        Some(double) if number.is_f64() => self::double(double),
        _ => number.to_string(),
    }
}

/// `Double.toString`: decimal from a thousandth to ten million, scientific beyond.
/// <https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Double.html#toString(double)>
fn double(double: f64) -> String {
    let magnitude = double.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{double:?}");
    }
    // Rust and Java find the same shortest digits; only the exponent is written differently.
    let scientific = format!("{double:E}");
    let mut text = String::with_capacity(scientific.len() + 2);
    match scientific.split_once('E') {
        Some((digits, exponent)) => {
            let point = if digits.contains('.') { "" } else { ".0" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{digits}{point}E{exponent}");
        }
        None => text.push_str(&scientific),
    }
    text
}

/// The Java class of the value as Jackson reads it.
pub(crate) fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        Value::Number(number) => match number.as_i64() {
            Some(integer) if i32::try_from(integer).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None => "java.math.BigInteger",
        },
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}
