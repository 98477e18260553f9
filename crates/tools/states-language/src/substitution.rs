//! Fills `${Name}` in a definition's text, as `DefinitionSubstitutions` of AWS SAM does.
//!
//! Refuses a name without a value and a value without a place: either is a mistake in the template.

use std::collections::{BTreeMap, BTreeSet};

/// Names that do not match between a definition and its substitutions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(.unknown, .unused))]
pub struct SubstitutionError {
    /// Names in the definition without a value.
    pub unknown: BTreeSet<String>,
    /// Names with a value that the definition does not use.
    pub unused: BTreeSet<String>,
}

fn describe(unknown: &BTreeSet<String>, unused: &BTreeSet<String>) -> String {
    let list =
        |names: &BTreeSet<String>| names.iter().map(|name| format!("${{{name}}}")).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if !unknown.is_empty() {
        parts.push(format!("no value is given for {}", list(unknown)));
    }
    if !unused.is_empty() {
        parts.push(format!("the definition does not use {}", list(unused)));
    }
    parts.join("; ")
}

/// Replaces every `${Name}` in `definition` with the value of that name.
pub fn substitute(definition: &str, values: &BTreeMap<String, String>) -> Result<String, SubstitutionError> {
    let mut text = String::with_capacity(definition.len());
    let mut used = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    let mut rest = definition;
    while let Some(start) = rest.find("${") {
        let (before, placeholder) = rest.split_at(start);
        text.push_str(before);
        let Some((name, after)) = name(placeholder) else {
            text.push_str("${");
            rest = &placeholder[2..];
            continue;
        };
        match values.get(name) {
            Some(value) => {
                used.insert(name);
                text.push_str(value);
            }
            None => {
                unknown.insert(name.to_owned());
            }
        }
        rest = after;
    }
    text.push_str(rest);
    let unused: BTreeSet<String> = values.keys().filter(|name| !used.contains(name.as_str())).cloned().collect();
    if unknown.is_empty() && unused.is_empty() { Ok(text) } else { Err(SubstitutionError { unknown, unused }) }
}

/// The name at the start of `${Name}…`, and the text after it. Other uses of `${` stay unchanged.
fn name(placeholder: &str) -> Option<(&str, &str)> {
    let (name, after) = placeholder.strip_prefix("${")?.split_once('}')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, after))
}
