//! The intrinsic functions: `States.Format`, `States.ArrayRange` and their like.
//!
//! Owns the grammar of a call, the check of its argument count at load, and the functions. They check their arguments as in
//! the [developer guide](https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html). Refuses calls
//! nested deeper than ten, as AWS does.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::{Map, Value};
use sha1::Digest as _;

use crate::expression::Scope;
use crate::java;
use crate::path::{Path, length_until};
use crate::size::Sum;

/// AWS: "You can nest up to 10 intrinsic functions within a field".
const MAXIMUM_NESTING: usize = 10;
/// The longest text in characters for `Base64Encode`, `Base64Decode` and Hash.
const MAXIMUM_TEXT: usize = 10_000;
const MAXIMUM_RANGE: i64 = 1_000;
/// The number of arguments up to which their size need not be checked.
const FEW_ARGUMENTS: usize = 16;
const TOO_LARGE: &str = "The result is too large";

/// A compiled call.
#[derive(Debug)]
pub(crate) struct Call {
    text: Box<str>,
    function: Function,
    arguments: Box<[Argument]>,
}

#[derive(Debug)]
enum Argument {
    Literal(Value),
    /// The quoted template of States.Format, whose escapes are not resolved yet.
    Template(Template),
    Path(Path),
    Call(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

impl Function {
    /// The function of this name, with the least and the greatest number of arguments.
    fn named(name: &str) -> Option<(Self, usize, usize)> {
        Some(match name {
            "States.Format" => (Self::Format, 1, usize::MAX),
            "States.StringToJson" => (Self::StringToJson, 1, 1),
            "States.JsonToString" => (Self::JsonToString, 1, 1),
            "States.Array" => (Self::Array, 0, usize::MAX),
            "States.ArrayPartition" => (Self::ArrayPartition, 2, 2),
            "States.ArrayContains" => (Self::ArrayContains, 2, 2),
            "States.ArrayRange" => (Self::ArrayRange, 3, 3),
            "States.ArrayGetItem" => (Self::ArrayGetItem, 2, 2),
            "States.ArrayLength" => (Self::ArrayLength, 1, 1),
            "States.ArrayUnique" => (Self::ArrayUnique, 1, 1),
            "States.Base64Encode" => (Self::Base64Encode, 1, 1),
            "States.Base64Decode" => (Self::Base64Decode, 1, 1),
            "States.Hash" => (Self::Hash, 2, 2),
            "States.JsonMerge" => (Self::JsonMerge, 3, 3),
            "States.MathRandom" => (Self::MathRandom, 2, 3),
            "States.MathAdd" => (Self::MathAdd, 2, 2),
            "States.StringSplit" => (Self::StringSplit, 2, 2),
            "States.UUID" => (Self::Uuid, 0, 0),
            _ => return None,
        })
    }
}

impl Call {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let call = parser.call(1)?;
        if parser.rest().trim().is_empty() {
            Ok(call)
        } else {
            Err(format!("unexpected \"{}\" after the call", parser.rest().trim()))
        }
    }

    pub(crate) fn visit_paths<'e>(&'e self, visit: &mut dyn FnMut(&'e Path)) {
        for argument in &self.arguments {
            match argument {
                Argument::Path(path) => visit(path),
                Argument::Call(call) => call.visit_paths(visit),
                Argument::Literal(_) | Argument::Template(_) => {}
            }
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The result of the call, or the reason why there is none.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, String> {
        let mut template = None;
        let mut values: Vec<Cow<'_, Value>> = Vec::with_capacity(self.arguments.len());
        let mut sum = Sum::new();
        for argument in &self.arguments {
            if let Some(value) = values.last()
                && self.arguments.len() > FEW_ARGUMENTS
            {
                sum.add(value).ok_or(TOO_LARGE)?;
            }
            values.push(match argument {
                Argument::Literal(value) => Cow::Borrowed(value),
                Argument::Template(compiled) => {
                    template = Some(compiled);
                    continue;
                }
                Argument::Path(path) => scope.resolve(path).map_err(|_| {
                    let (path, input) = (path.text(), scope.input);
                    format!("The JsonPath argument for the field '{path}' could not be found in the input '{input}'")
                })?,
                Argument::Call(call) => Cow::Owned(call.evaluate(scope)?),
            });
        }
        let result = self.apply(template, values, scope)?;
        Sum::new().add(&result).ok_or(TOO_LARGE)?;
        Ok(result)
    }

    fn apply(
        &self,
        template: Option<&Template>,
        mut values: Vec<Cow<'_, Value>>,
        scope: &Scope<'_>,
    ) -> Result<Value, String> {
        if let Some(template) = template {
            return template.fill(&values);
        }
        match (self.function, &mut values[..]) {
            (Function::Format, [template, values @ ..]) => Template::parse(text(template, "first")?)?.fill(values),
            (Function::StringToJson, [value]) => string_to_json(text(value, "first")?),
            (Function::JsonToString, [value]) => Ok(Value::String(value.to_string())),
            (Function::Array, _) => Ok(values.into_iter().map(Cow::into_owned).collect()),
            (Function::ArrayPartition, [items, size]) => partition(array(items)?, integer(size, "second")?),
            (Function::ArrayContains, [items, wanted]) => Ok(array(items)?.contains(wanted).into()),
            (Function::ArrayRange, [first, last, step]) => {
                range(integer(first, "first")?, integer(last, "second")?, integer(step, "third")?)
            }
            (Function::ArrayGetItem, [items, index]) => item(array(items)?, integer(index, "second")?),
            (Function::ArrayLength, [items]) => Ok(array(items)?.len().into()),
            (Function::ArrayUnique, [items]) => Ok(unique(array(items)?)),
            (Function::Base64Encode, [value]) => Ok(STANDARD.encode(bounded(text(value, "first")?)?).into()),
            (Function::Base64Decode, [value]) => base64_decode(bounded(text(value, "first")?)?),
            (Function::Hash, [data, algorithm]) => hash(data, text(algorithm, "second")?),
            (Function::JsonMerge, [first, second, deep]) => merge(first, second, deep),
            (Function::MathRandom, [start, end, seed @ ..]) => {
                let seed = seed.first().map(|seed| integer(seed, "third")).transpose()?;
                random(integer(start, "first")?, integer(end, "second")?, seed, scope)
            }
            (Function::MathAdd, [first, second]) => integer(first, "first")?
                .checked_add(integer(second, "second")?)
                .map(Value::from)
                .ok_or_else(|| "The sum does not fit an integer".to_owned()),
            (Function::StringSplit, [value, splitter]) => Ok(split(text(value, "first")?, text(splitter, "second")?)),
            (Function::Uuid, _) => Ok(scope.dice.uuid().into()),
            // Parsing has checked the number of arguments.
            _ => Err("Invalid number of arguments".to_owned()),
        }
    }
}

/// A template of States.Format, split at its `{}`.
#[derive(Debug)]
struct Template(Vec<String>);

impl Template {
    /// Splits a text at its `{}`. The escapes are as written.
    fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = vec![String::new()];
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let piece = pieces.last_mut().expect("there is always one piece");
            match character {
                '\\' => piece.push(unescape(characters.next())?),
                '{' if characters.next_if_eq(&'}').is_some() => pieces.push(String::new()),
                _ => piece.push(character),
            }
        }
        Ok(Self(pieces))
    }

    fn fill(&self, values: &[Cow<'_, Value>]) -> Result<Value, String> {
        let Self(pieces) = self;
        if pieces.len() != values.len() + 1 {
            return Err(format!(
                "The number of arguments ({}) does not match the number of occurrences of {{}} ({})",
                values.len(),
                pieces.len() - 1
            ));
        }
        let mut filled = pieces[0].clone();
        for (value, piece) in values.iter().zip(&pieces[1..]) {
            filled.push_str(&java::text(value));
            filled.push_str(piece);
        }
        Ok(Value::String(filled))
    }
}

/// The character that a backslash stands for. The specification has no other escapes.
fn unescape(escaped: Option<char>) -> Result<char, String> {
    match escaped {
        Some(reserved @ ('\'' | '{' | '}' | '\\')) => Ok(reserved),
        Some(other) => Err(format!("\\{other} is no escape: a backslash comes before ', {{, }} or \\ only")),
        None => Err("the text ends with a backslash".to_owned()),
    }
}

fn text<'v>(value: &'v Value, which: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("The {which} argument must be a string"))
}

fn array(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| "The first argument must be an array".to_owned())
}

/// An integer argument. As AWS documents, other numbers are rounded to the nearest integer.
fn integer(value: &Value, which: &str) -> Result<i64, String> {
    if let Some(integer) = value.as_i64() {
        return Ok(integer);
    }
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "out of range saturates, as Java's rounding does")]
        Some(number) => Ok((number + 0.5).floor() as i64),
        None => Err(format!("The {which} argument must be an integer")),
    }
}

fn bounded(text: &str) -> Result<&str, String> {
    if text.len() > MAXIMUM_TEXT && text.chars().count() > MAXIMUM_TEXT {
        Err(format!("The first argument must have at most {MAXIMUM_TEXT} characters"))
    } else {
        Ok(text)
    }
}

fn string_to_json(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&without_negative_zero(text))
        .map_err(|error| format!("The first argument is not valid JSON: {error}"))
}

/// Jackson reads `-0` as the integer 0, but `serde_json` as a float.
fn without_negative_zero(text: &str) -> Cow<'_, str> {
    if !text.contains("-0") {
        return Cow::Borrowed(text);
    }
    let mut changed = String::with_capacity(text.len());
    let mut quoted = false;
    let mut previous = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            _ if quoted && previous == '\\' => {
                // The character is escaped, so it starts no escape itself.
                changed.push(character);
                previous = ' ';
                continue;
            }
            '"' => quoted = !quoted,
            '-' if !quoted && !previous.is_ascii_alphanumeric() && characters.peek() == Some(&'0') => {
                let mut after = characters.clone().skip(1);
                if !after.next().is_some_and(|next| next == '.' || next.is_ascii_alphanumeric()) {
                    previous = '-';
                    continue;
                }
            }
            _ => {}
        }
        changed.push(character);
        previous = character;
    }
    Cow::Owned(changed)
}

fn partition(items: &[Value], size: i64) -> Result<Value, String> {
    match usize::try_from(size) {
        Ok(size) if size > 0 => Ok(items.chunks(size).map(|chunk| Value::from(chunk.to_vec())).collect()),
        _ => Err("The second argument must be a positive integer".to_owned()),
    }
}

fn range(first: i64, last: i64, step: i64) -> Result<Value, String> {
    if step == 0 {
        return Err("The third argument must not be zero".to_owned());
    }
    let count = (i128::from(last) - i128::from(first)) / i128::from(step) + 1;
    if (step > 0) != (last >= first) && last != first {
        return Ok(Value::Array(Vec::new()));
    }
    if count > i128::from(MAXIMUM_RANGE) {
        return Err(format!("The array must not have more than {MAXIMUM_RANGE} items"));
    }
    let mut next = Some(first);
    let within = |value: &i64| if step > 0 { *value <= last } else { *value >= last };
    Ok(std::iter::from_fn(|| {
        let value = next.filter(within)?;
        next = value.checked_add(step);
        Some(Value::from(value))
    })
    .collect())
}

fn item(items: &[Value], index: i64) -> Result<Value, String> {
    usize::try_from(index)
        .ok()
        .and_then(|index| items.get(index))
        .cloned()
        .ok_or_else(|| format!("The index {index} is outside an array of {} items", items.len()))
}

fn unique(items: &[Value]) -> Value {
    let mut seen: Vec<&Value> = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen.into_iter().cloned().collect()
}

fn base64_decode(text: &str) -> Result<Value, String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    // Base64 in MIME has line breaks.
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = LENIENT.decode(text).map_err(|error| format!("The first argument is not Base64: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn hash(data: &Value, algorithm: &str) -> Result<Value, String> {
    let data: Cow<'_, str> = match data {
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    };
    let data = bounded(&data)?.as_bytes();
    let digest = match algorithm {
        "MD5" => hex(&md5::Md5::digest(data)),
        "SHA-1" => hex(&sha1::Sha1::digest(data)),
        "SHA-256" => hex(&sha2::Sha256::digest(data)),
        "SHA-384" => hex(&sha2::Sha384::digest(data)),
        "SHA-512" => hex(&sha2::Sha512::digest(data)),
        other => {
            return Err(format!("The algorithm must be one of MD5, SHA-1, SHA-256, SHA-384 and SHA-512, not {other}"));
        }
    };
    Ok(digest.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn merge(first: &mut Cow<'_, Value>, second: &Value, deep: &Value) -> Result<Value, String> {
    // AWS: "Currently, Step Functions only supports the shallow merging mode".
    if deep.as_bool() != Some(false) {
        return Err("The third argument must be false: only shallow merging is supported".to_owned());
    }
    let Value::Object(second) = second else {
        return Err("The second argument must be an object".to_owned());
    };
    match std::mem::take(first).into_owned() {
        Value::Object(mut merged) => {
            merged.extend(Map::clone(second));
            Ok(Value::Object(merged))
        }
        _ => Err("The first argument must be an object".to_owned()),
    }
}

fn random(start: i64, end: i64, seed: Option<i64>, scope: &Scope<'_>) -> Result<Value, String> {
    if start >= end {
        return Err("The first argument must be less than the second".to_owned());
    }
    Ok(match seed {
        Some(seed) => JavaRandom::new(seed).within(start, end),
        None => scope.dice.roll().i64(start..end),
    }
    .into())
}

/// `java.util.Random`, from which a seeded States.MathRandom draws.
/// <https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/Random.html>
struct JavaRandom(i64);

impl JavaRandom {
    const MULTIPLIER: i64 = 0x5_DEEC_E66D;
    const MASK: i64 = (1 << 48) - 1;

    fn new(seed: i64) -> Self {
        Self((seed ^ Self::MULTIPLIER) & Self::MASK)
    }

    #[expect(clippy::cast_possible_truncation, reason = "Java takes the lower 32 bits")]
    fn next_int(&mut self) -> i32 {
        self.0 = self.0.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB) & Self::MASK;
        (self.0 >> 16) as i32
    }

    fn next_long(&mut self) -> i64 {
        (i64::from(self.next_int()) << 32).wrapping_add(i64::from(self.next_int()))
    }

    /// Java's `nextLong(start, end)`.
    fn within(&mut self, start: i64, end: i64) -> i64 {
        let mut drawn = self.next_long();
        let width = end.wrapping_sub(start);
        let most = width.wrapping_sub(1);
        if width & most == 0 {
            return (drawn & most).wrapping_add(start);
        }
        if width > 0 {
            loop {
                // Rejects the values that would make the first results more likely than the last.
                let half = (drawn.cast_unsigned() >> 1).cast_signed();
                let value = half % width;
                if half.wrapping_add(most).wrapping_sub(value) >= 0 {
                    return value.wrapping_add(start);
                }
                drawn = self.next_long();
            }
        }
        // The range is wider than half of all numbers.
        while !(start..end).contains(&drawn) {
            drawn = self.next_long();
        }
        drawn
    }
}

/// Splits at each character of `splitter` and drops empty parts, as Java's tokenizer does.
fn split(text: &str, splitter: &str) -> Value {
    text.split(|character| splitter.contains(character)).filter(|part| !part.is_empty()).map(Value::from).collect()
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start();
        if trimmed.starts_with(expected) {
            self.at += rest.len() - trimmed.len() + expected.len_utf8();
            true
        } else {
            false
        }
    }

    fn call(&mut self, depth: usize) -> Result<Call, String> {
        if depth > MAXIMUM_NESTING {
            return Err(format!("intrinsic functions may be nested {MAXIMUM_NESTING} deep"));
        }
        let start = self.at;
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).unwrap_or(rest.len());
        let name = &rest[..end];
        let (function, least, most) =
            Function::named(name).ok_or_else(|| format!("there is no intrinsic function \"{name}\""))?;
        self.at += end;
        if !self.take('(') {
            return Err(format!("a \"(\" is missing after {name}"));
        }
        let mut arguments = Vec::new();
        if !self.take(')') {
            loop {
                arguments.push(self.argument(function, arguments.is_empty(), depth)?);
                if self.take(')') {
                    break;
                }
                if !self.take(',') {
                    return Err(format!("a \")\" is missing in the call of {name}"));
                }
            }
        }
        if !(least..=most).contains(&arguments.len()) {
            let wanted = match (least, most) {
                (least, most) if least == most => least.to_string(),
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) => format!("{least} to {most}"),
            };
            return Err(format!("{name} takes {wanted} arguments, not {}", arguments.len()));
        }
        if let [Argument::Template(Template(pieces)), values @ ..] = &arguments[..]
            && pieces.len() != values.len() + 1
        {
            return Err(format!("{name} has {} {{}} for {} arguments", pieces.len() - 1, values.len()));
        }
        Ok(Call { text: self.text[start..self.at].into(), function, arguments: arguments.into() })
    }

    fn argument(&mut self, function: Function, first: bool, depth: usize) -> Result<Argument, String> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        match self.rest().chars().next() {
            Some('\'') => {
                let quoted = self.quoted()?;
                Ok(if first && function == Function::Format {
                    Argument::Template(Template::parse(quoted)?)
                } else {
                    Argument::Literal(literal(quoted)?.into())
                })
            }
            Some('$') => Path::parse(self.until_delimiter()).map(Argument::Path),
            Some('S') => self.call(depth + 1).map(Argument::Call),
            Some(_) => {
                let word = self.until_delimiter();
                serde_json::from_str(word)
                    .ok()
                    .filter(|value: &Value| !value.is_array() && !value.is_object() && !value.is_string())
                    .map(Argument::Literal)
                    .ok_or_else(|| {
                        format!(
                            "\"{word}\" is not an argument: write 'text', a number, true, false, null, a path or a call"
                        )
                    })
            }
            None => Err("a \")\" is missing".to_owned()),
        }
    }

    /// The text between apostrophes. The escapes are as written.
    fn quoted(&mut self) -> Result<&'t str, String> {
        let inside = &self.rest()[1..];
        let mut escaped = false;
        for (at, character) in inside.char_indices() {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\'' => {
                    self.at += at + 2;
                    return Ok(&inside[..at]);
                }
                _ => {}
            }
        }
        Err("a ' is missing".to_owned())
    }

    /// The text up to the comma or parenthesis that ends this argument.
    fn until_delimiter(&mut self) -> &'t str {
        let rest = self.rest();
        let end = length_until(rest, |character| matches!(character, ',' | ')')).unwrap_or(rest.len());
        self.at += end;
        rest[..end].trim_end()
    }
}

/// A quoted text with its escapes resolved.
fn literal(quoted: &str) -> Result<String, String> {
    let mut characters = quoted.chars();
    let mut text = String::with_capacity(quoted.len());
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { unescape(characters.next())? } else { character });
    }
    Ok(text)
}
