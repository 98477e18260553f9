//! `${Name}` in a definition's text.

use std::collections::BTreeMap;

use states_language::substitute;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_placeholder_is_filled() {
    let text =
        substitute(r#"{"a": "${A}", "b": "${B}${A}", "c": "$.x ${not a name} $"}"#, &values(&[("A", "1"), ("B", "2")]));
    assert_eq!(text.unwrap(), r#"{"a": "1", "b": "21", "c": "$.x ${not a name} $"}"#);
}

#[test]
fn unknown_and_unused_names_are_refused() {
    let error = substitute("${A} ${B}", &values(&[("A", "1"), ("C", "3")])).unwrap_err();
    assert_eq!(error.to_string(), "no value is given for ${B}; the definition does not use ${C}");
}
