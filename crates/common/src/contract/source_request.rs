//! The backup that an input chooses: the field `source`, from its JSON to a [`SourceRequest`].
//!
//! Preflight finds the backup and decides whether it fits.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::identifiers::{DatabaseIdentifier, DatabaseKind};
use crate::timestamp::Timestamp;

/// The backup that an input chooses, in place of `<identifier>-snapshot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", untagged)]
pub enum SourceRequest {
    /// A snapshot by its name, or by the ARN of any snapshot that the account may restore.
    Snapshot {
        snapshot: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
    },
    /// The newest available snapshot of one database.
    Latest {
        latest_snapshot: SnapshotChoice,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
    },
    /// A moment within the retention of automated backups.
    PointInTime {
        point_in_time: Moment,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
    },
    /// The present state of an Aurora cluster, which shares its storage until either changes.
    Clone { clone: DatabaseIdentifier },
}

/// The snapshots among which the newest is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SnapshotChoice {
    Automated,
    Manual,
    Any,
}

/// A moment to restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Moment {
    At(Timestamp),
    Latest(LatestMoment),
}

/// The latest moment that RDS can restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LatestMoment {
    Latest,
}

/// The fields of a choice, of which an input gives exactly one.
const CHOICES: [&str; 4] = ["snapshot", "latestSnapshot", "pointInTime", "clone"];
const OF: &str = "of";
/// No name of a snapshot and no ARN is longer.
const LONGEST: usize = 512;

impl SourceRequest {
    /// Parses the field `source` of an input; otherwise every problem with it.
    pub fn parse(kind: Option<DatabaseKind>, value: &Value) -> Result<Self, Vec<String>> {
        let form = format!("an object with one of {}", quoted(CHOICES));
        let Value::Object(fields) = value else {
            return Err(vec![format!("`source` is not {form}")]);
        };
        let mut problems: Vec<String> = fields
            .keys()
            .filter(|field| !CHOICES.contains(&field.as_str()) && *field != OF)
            .map(|field| {
                let known = quoted(CHOICES.into_iter().chain([OF]));
                format!("`source.{field}` is not a known field; the fields are {known}")
            })
            .collect();
        let given: Vec<&str> = CHOICES.into_iter().filter(|choice| fields.contains_key(*choice)).collect();
        let [choice] = given.as_slice() else {
            problems.push(format!("`source` has {}; it is {form}", count(given.len())));
            return Err(problems);
        };
        let of = keep(of(fields), &mut problems);
        let chosen = keep(Self::chosen(kind, choice, fields, of.flatten()), &mut problems);
        chosen.filter(|_| problems.is_empty()).ok_or(problems)
    }

    fn chosen(
        kind: Option<DatabaseKind>,
        choice: &str,
        fields: &Map<String, Value>,
        of: Option<String>,
    ) -> Result<Self, String> {
        let text = text(fields, choice)?;
        match choice {
            "snapshot" => Ok(Self::Snapshot { snapshot: snapshot(kind, text)?, of }),
            "latestSnapshot" => Ok(Self::Latest { latest_snapshot: snapshot_choice(text)?, of }),
            "pointInTime" => Ok(Self::PointInTime { point_in_time: moment(text)?, of }),
            _ if of.is_some() => Err("`source.of` is given, but `source.clone` already names the cluster".to_owned()),
            _ if kind == Some(DatabaseKind::Instance) => {
                Err("`source.clone` is given, but `isCluster` is false: RDS clones Aurora clusters only".to_owned())
            }
            _ => {
                let clone = DatabaseIdentifier::parse(DatabaseKind::Cluster, text);
                clone.map(|clone| Self::Clone { clone }).map_err(|error| format!("`source.clone`: {error}"))
            }
        }
    }

    /// The database that the input names as the backup's source, by name or resource id.
    pub fn of(&self) -> Option<&str> {
        match self {
            Self::Snapshot { of, .. } | Self::Latest { of, .. } | Self::PointInTime { of, .. } => of.as_deref(),
            Self::Clone { clone } => Some(clone.as_str()),
        }
    }
}

impl fmt::Display for SourceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot { snapshot, .. } => write!(f, "the snapshot {snapshot}"),
            Self::Latest { latest_snapshot: SnapshotChoice::Any, .. } => write!(f, "the latest snapshot"),
            Self::Latest { latest_snapshot: SnapshotChoice::Automated, .. } => {
                write!(f, "the latest automated snapshot")
            }
            Self::Latest { latest_snapshot: SnapshotChoice::Manual, .. } => write!(f, "the latest manual snapshot"),
            Self::PointInTime { point_in_time: Moment::At(time), .. } => write!(f, "the automated backup at {time}"),
            Self::PointInTime { point_in_time: Moment::Latest(_), .. } => {
                write!(f, "the latest moment of the automated backup")
            }
            Self::Clone { .. } => write!(f, "a clone"),
        }?;
        self.of().map_or(Ok(()), |of| write!(f, " of {of}"))
    }
}

/// Whether a text has the form of a resource id, which no identifier has: RDS stores identifiers in lower case.
pub fn is_resource_id(text: &str) -> bool {
    let rest = text.strip_prefix("db-").or_else(|| text.strip_prefix("cluster-"));
    rest.is_some_and(|rest| {
        let has_letter = rest.bytes().any(|byte| byte.is_ascii_uppercase());
        has_letter && rest.len() >= 10 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

fn of(fields: &Map<String, Value>) -> Result<Option<String>, String> {
    if !fields.contains_key(OF) {
        return Ok(None);
    }
    let of = text(fields, OF)?;
    if is_resource_id(of) {
        return Ok(Some(of.to_owned()));
    }
    let name = DatabaseIdentifier::parse(DatabaseKind::Instance, of);
    name.map(|name| Some(name.to_string())).map_err(|error| {
        format!("`source.of` is the name or the resource id (`db-…` or `cluster-…`) of a database: {error}")
    })
}

/// A name of letters, digits and hyphens, with a prefix such as `rds:` for a snapshot that AWS takes itself; or an ARN.
fn snapshot(kind: Option<DatabaseKind>, text: &str) -> Result<String, String> {
    let is_arn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("arn:"));
    if is_arn && !text.starts_with("arn:") {
        return Err(format!("`source.snapshot` is `{text}`; an ARN begins with `arn:` in lower case"));
    }
    if !is_arn {
        let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-:".contains(&byte));
        let problem = || format!("`source.snapshot` is `{text}`, which is neither a snapshot's name nor its ARN");
        return is_name.then(|| text.to_ascii_lowercase()).ok_or_else(problem);
    }
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    let form = |noun: &str| format!("arn:aws:rds:<region>:<account>:{noun}:<name>");
    let nouns: &[&str] = match kind {
        Some(DatabaseKind::Instance) => &["snapshot"],
        Some(DatabaseKind::Cluster) => &["cluster-snapshot"],
        None => &["snapshot", "cluster-snapshot"],
    };
    match parts.as_slice() {
        ["arn", _, "rds", region, account, noun, name]
            if nouns.contains(noun) && [region, account, name].iter().all(|part| !part.is_empty()) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!("`source.snapshot` is `{text}`; the ARN of such a snapshot is `{}`", form(nouns[0]))),
    }
}

fn snapshot_choice(text: &str) -> Result<SnapshotChoice, String> {
    match text {
        "automated" => Ok(SnapshotChoice::Automated),
        "manual" => Ok(SnapshotChoice::Manual),
        "any" => Ok(SnapshotChoice::Any),
        _ => {
            let known = quoted(["automated", "manual", "any"]);
            Err(format!("`source.latestSnapshot` is \"{text}\"; it is one of {known}"))
        }
    }
}

fn moment(text: &str) -> Result<Moment, String> {
    if text == "latest" {
        return Ok(Moment::Latest(LatestMoment::Latest));
    }
    Timestamp::parse(text).map(Moment::At).ok_or_else(|| {
        format!("`source.pointInTime` is \"{text}\"; it is \"latest\" or a time such as \"2026-01-31T08:00:00Z\"")
    })
}

fn text<'a>(fields: &'a Map<String, Value>, field: &str) -> Result<&'a str, String> {
    match fields.get(field) {
        Some(Value::String(text)) if (1..=LONGEST).contains(&text.len()) => Ok(text),
        Some(Value::String(text)) if text.is_empty() => Err(format!("`source.{field}` is empty")),
        Some(Value::String(_)) => Err(format!("`source.{field}` is longer than {LONGEST} characters")),
        _ => Err(format!("`source.{field}` is not a string")),
    }
}

fn count(given: usize) -> String {
    if given == 0 { "no choice".to_owned() } else { format!("{given} choices") }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn keep<T>(outcome: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    outcome.map_err(|problem| problems.push(problem)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_choice_is_parsed_and_passes_unchanged_through_the_document() {
        let arn = "arn:aws:rds:us-east-1:210987654321:snapshot:rds:orders-2026-01-01-06-00";
        for (given, words) in [
            (json!({"snapshot": "nightly"}), "the snapshot nightly"),
            (json!({"snapshot": "rds:orders-2026-01-01-06-00"}), "the snapshot rds:orders-2026-01-01-06-00"),
            (
                json!({"snapshot": arn, "of": "db-ABCDEFGHIJKLMNOP"}),
                &format!("the snapshot {arn} of db-ABCDEFGHIJKLMNOP"),
            ),
            (json!({"latestSnapshot": "automated"}), "the latest automated snapshot"),
            (json!({"latestSnapshot": "any", "of": "billing"}), "the latest snapshot of billing"),
            (json!({"pointInTime": "2026-01-31T08:00:00Z"}), "the automated backup at 2026-01-31T08:00:00Z"),
            (json!({"pointInTime": "latest"}), "the latest moment of the automated backup"),
        ] {
            let parsed = SourceRequest::parse(Some(DatabaseKind::Instance), &given).unwrap();
            assert_eq!(parsed.to_string(), words);
            let carried = serde_json::to_value(&parsed).unwrap();
            assert_eq!(carried, given);
            assert_eq!(serde_json::from_value::<SourceRequest>(carried).unwrap(), parsed);
        }
        let clone = SourceRequest::parse(Some(DatabaseKind::Cluster), &json!({"clone": "shop"})).unwrap();
        assert_eq!((clone.to_string(), clone.of()), ("a clone of shop".to_owned(), Some("shop")));
    }

    #[test]
    fn each_problem_of_a_choice_is_named() {
        let instance = Some(DatabaseKind::Instance);
        for (given, expected) in [
            (json!("nightly"), "`source` is not an object"),
            (json!({}), "`source` has no choice"),
            (json!({"of": "orders"}), "`source` has no choice"),
            (json!({"snapshot": "a", "clone": "b"}), "`source` has 2 choices"),
            (json!({"snapshot": "a", "at": "b"}), "`source.at` is not a known field"),
            (json!({"snapshot": ""}), "`source.snapshot` is empty"),
            (json!({"snapshot": 5}), "`source.snapshot` is not a string"),
            (json!({"snapshot": "a b"}), "neither a snapshot's name nor its ARN"),
            (json!({"snapshot": "x".repeat(600)}), "longer than 512"),
            (
                json!({"snapshot": "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:a"}),
                "arn:aws:rds:<region>:<account>:snapshot:<name>",
            ),
            (json!({"snapshot": "arn:aws:rds:us-east-1::snapshot:a"}), "the ARN of such a snapshot"),
            (json!({"snapshot": "ARN:aws:rds:us-east-1:123456789012:cluster-snapshot:a"}), "in lower case"),
            (json!({"snapshot": "a", "of": "or_ders"}), "`source.of` is the name or the resource id"),
            (json!({"snapshot": "a", "of": null}), "`source.of` is not a string"),
            (json!({"latestSnapshot": "newest"}), "`automated`, `manual`, `any`"),
            (json!({"pointInTime": "yesterday"}), "`source.pointInTime` is \"yesterday\""),
            (json!({"clone": "shop"}), "RDS clones Aurora clusters only"),
        ] {
            let problems = SourceRequest::parse(instance, &given).unwrap_err().join("; ");
            assert!(problems.contains(expected), "{given}: {problems}");
        }
        let problems = SourceRequest::parse(Some(DatabaseKind::Cluster), &json!({"clone": "shop", "of": "x"}));
        assert!(problems.unwrap_err()[0].contains("already names the cluster"));
    }

    #[test]
    fn a_resource_id_has_a_form_that_no_identifier_has() {
        for id in ["db-TDVFN9FVQC0EVCO2EL5LCEAB8Z", "cluster-ABCDEFGHIJ"] {
            assert!(is_resource_id(id), "{id}");
        }
        for name in ["db-2024010112", "db-orders-production", "orders", "cluster-1", "db-", "DB-ABCDEFGHIJ"] {
            assert!(!is_resource_id(name), "{name}");
        }
    }
}
