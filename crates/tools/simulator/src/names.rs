//! Identifier rules of RDS: length, alphabet, case.

use crate::error::{ApiError, ApiResult};

/// The limit for instances, clusters and cluster snapshots.
const SHORT: usize = 63;
/// The limit for instance snapshots.
const LONG: usize = 255;
/// The limit for export tasks, as the console states it.
const EXPORT: usize = 60;

/// An identifier of a DB instance, DB cluster or DB cluster snapshot, in lower case.
pub(crate) fn identifier(parameter: &str, text: &str) -> ApiResult<String> {
    check(parameter, text, SHORT)
}

/// An identifier of a DB snapshot, in lower case.
pub(crate) fn snapshot_identifier(parameter: &str, text: &str) -> ApiResult<String> {
    check(parameter, text, LONG)
}

/// An identifier of an export task. Its case is kept, because it names the folder in the bucket.
pub(crate) fn export_identifier(parameter: &str, text: &str) -> ApiResult<String> {
    check(parameter, text, EXPORT).map(|_| text.to_owned())
}

fn check(parameter: &str, text: &str, longest: usize) -> ApiResult<String> {
    let well_formed = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        && !text.ends_with('-')
        && !text.contains("--");
    if !well_formed {
        return Err(ApiError::value(format!(
            "The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )));
    }
    if text.len() > longest {
        return Err(ApiError::value(format!("The parameter {parameter} is longer than {longest} characters.")));
    }
    Ok(text.to_ascii_lowercase())
}
