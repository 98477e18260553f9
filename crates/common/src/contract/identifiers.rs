//! RDS's rules for names of databases and snapshots, and the names that a run derives from the user's.
//!
//! Names are in lower case, as RDS stores them. A derived name that does not fit is refused here, before any change. Source
//! of the rules: the RDS API reference, `CreateDBInstance`, `CreateDBCluster`, `CreateDBSnapshot`,
//! `CreateDBClusterSnapshot`.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::timestamp::Timestamp;

/// The suffix of the original's parked name, and of the temporary name of a replacement snapshot.
const TEMPORARY_SUFFIX: &str = "-temp";
/// The suffix of the snapshot that a run restores.
const SNAPSHOT_SUFFIX: &str = "-snapshot";
/// The part of a final snapshot's name before the execution's hash, for the original.
const FINAL_INFIX: &str = "-final";
/// The part of an aside name before the execution's hash. The final snapshot of that database has the same name.
const ASIDE_INFIX: &str = "-failed";
/// The bytes of the execution's hash in such a name.
const NAME_HASH_BYTES: usize = 3;

/// The longest identifier of an export task, according to the RDS console; the API reference gives no limit.
const LONGEST_EXPORT_IDENTIFIER: usize = 60;
/// The bytes of the execution's hash in an export identifier.
const HASH_BYTES: usize = 6;

/// DB instance or DB cluster: the two kinds of database that a run restores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    Instance,
    Cluster,
}

impl DatabaseKind {
    /// The kind for the user's `isCluster`.
    pub const fn of(is_cluster: bool) -> Self {
        if is_cluster { Self::Cluster } else { Self::Instance }
    }

    /// RDS's own term.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Instance => "DB instance",
            Self::Cluster => "DB cluster",
        }
    }

    const fn longest_identifier() -> usize {
        63
    }

    const fn longest_snapshot_identifier(self) -> usize {
        match self {
            Self::Instance => 255,
            Self::Cluster => 63,
        }
    }
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())
    }
}

/// A DB instance or DB cluster identifier that RDS accepts, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseIdentifier(String);

/// A DB snapshot or DB cluster snapshot identifier that RDS accepts, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotIdentifier(String);

/// The identifier of an export task, and so the name of its folder in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportIdentifier(String);

/// The reason why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    #[error("`{name}` is empty")]
    Empty { name: &'static str },
    #[error("`{identifier}` is {length} characters long; a {noun} identifier has at most {longest}")]
    TooLong { identifier: String, length: usize, noun: &'static str, longest: usize },
    #[error("`{identifier}` does not begin with a letter")]
    FirstNotALetter { identifier: String },
    #[error("`{}` holds `{}`; only letters, digits and hyphens are allowed", .identifier.escape_debug(), .character.escape_debug())]
    BadCharacter { identifier: String, character: char },
    #[error("`{identifier}` ends with a hyphen or holds two in a row")]
    BadHyphen { identifier: String },
}

impl DatabaseIdentifier {
    /// Checks a name that the user gave.
    pub fn parse(kind: DatabaseKind, text: &str) -> Result<Self, IdentifierError> {
        check(text, kind.noun(), DatabaseKind::longest_identifier()).map(Self)
    }

    /// `<identifier>-temp`, the parked name of the original.
    pub fn temporary(&self, kind: DatabaseKind) -> Result<Self, IdentifierError> {
        Self::parse(kind, &format!("{self}{TEMPORARY_SUFFIX}"))
    }

    /// The name that has this one as its [`temporary`](Self::temporary) name.
    pub fn before_temporary(&self) -> Option<Self> {
        self.0.strip_suffix(TEMPORARY_SUFFIX).filter(|name| !name.is_empty()).map(Self::reported)
    }

    /// `<identifier>-snapshot`, the snapshot that a run restores.
    pub fn snapshot(&self, kind: DatabaseKind) -> Result<SnapshotIdentifier, IdentifierError> {
        SnapshotIdentifier::parse(kind, &format!("{self}{SNAPSHOT_SUFFIX}"))
    }

    /// `<identifier>-temp`, the temporary name of a replacement snapshot.
    pub fn temporary_snapshot(&self, kind: DatabaseKind) -> Result<SnapshotIdentifier, IdentifierError> {
        SnapshotIdentifier::parse(kind, &format!("{self}{TEMPORARY_SUFFIX}"))
    }

    /// [`Self::temporary`], or a name of the execution if that name is too long.
    #[must_use]
    pub fn parked(&self, execution: &str) -> Self {
        let longest = DatabaseKind::longest_identifier();
        self.temporary(DatabaseKind::Instance)
            .unwrap_or_else(|_| Self(self.of_execution(TEMPORARY_SUFFIX, execution, longest)))
    }

    /// [`Self::temporary_snapshot`], or a name of the execution if that name is too long.
    pub fn replacement_snapshot(&self, kind: DatabaseKind, execution: &str) -> SnapshotIdentifier {
        let longest = kind.longest_snapshot_identifier();
        self.temporary_snapshot(kind)
            .unwrap_or_else(|_| SnapshotIdentifier(self.of_execution(TEMPORARY_SUFFIX, execution, longest)))
    }

    /// `<identifier>-failed-<hash>`, the name that a rollback gives a restored database that was in service.
    #[must_use]
    pub fn aside(&self, execution: &str) -> Self {
        Self(self.of_execution(ASIDE_INFIX, execution, DatabaseKind::longest_identifier()))
    }

    /// `<identifier>-final-<hash>`, the final snapshot of this execution's original.
    pub fn final_snapshot_of(&self, kind: DatabaseKind, execution: &str) -> SnapshotIdentifier {
        SnapshotIdentifier(self.of_execution(FINAL_INFIX, execution, kind.longest_snapshot_identifier()))
    }

    /// `<identifier>-failed-<hash>`, the final snapshot of the database that this execution's rollback moved aside.
    pub fn discarded_snapshot_of(&self, kind: DatabaseKind, execution: &str) -> SnapshotIdentifier {
        SnapshotIdentifier(self.of_execution(ASIDE_INFIX, execution, kind.longest_snapshot_identifier()))
    }

    /// A name of one execution. A stem that leaves no room is shortened, so every identifier has such a name.
    fn of_execution(&self, infix: &str, execution: &str, longest: usize) -> String {
        let suffix = format!("{infix}-{}", hash(execution, NAME_HASH_BYTES));
        // Identifiers are ASCII, so every byte is a character.
        let stem = &self.0[..self.0.len().min(longest.saturating_sub(suffix.len()))];
        format!("{}{suffix}", stem.trim_end_matches('-'))
    }

    /// The name before its `-temp` suffix; `None` if it has no such suffix.
    pub fn without_temporary(text: &str) -> Option<&str> {
        text.strip_suffix(TEMPORARY_SUFFIX)
    }

    /// A name that RDS itself reported, which needs no check.
    pub fn reported(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SnapshotIdentifier {
    /// Checks the name of a snapshot of a database of this kind.
    pub fn parse(kind: DatabaseKind, text: &str) -> Result<Self, IdentifierError> {
        let noun = match kind {
            DatabaseKind::Instance => "DB snapshot",
            DatabaseKind::Cluster => "DB cluster snapshot",
        };
        check(text, noun, kind.longest_snapshot_identifier()).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ExportIdentifier {
    /// `<identifier>-<execution's start>-<execution's hash>`: readable, and unique to this execution. RDS never takes an
    /// identifier twice, even if the export with it failed.
    pub fn of_execution(identifier: &DatabaseIdentifier, execution: &str, started_at: Timestamp) -> Self {
        let start: String = started_at.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let suffix = format!("-{}-{}", start.to_lowercase(), hash(execution, HASH_BYTES));
        let room = LONGEST_EXPORT_IDENTIFIER.saturating_sub(suffix.len());
        // Identifiers are ASCII, so every byte is a character.
        let name = &identifier.0[..identifier.0.len().min(room)];
        Self(format!("{}{suffix}", name.trim_end_matches('-')))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first bytes of the execution's SHA-256, in hexadecimal digits.
fn hash(execution: &str, bytes: usize) -> String {
    Sha256::digest(execution).iter().take(bytes).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}

fn check(text: &str, noun: &'static str, longest: usize) -> Result<String, IdentifierError> {
    let identifier = text.to_ascii_lowercase();
    let Some(first) = identifier.chars().next() else {
        return Err(IdentifierError::Empty { name: "identifier" });
    };
    if let Some(character) = identifier.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
        return Err(IdentifierError::BadCharacter { identifier, character });
    }
    if !first.is_ascii_alphabetic() {
        return Err(IdentifierError::FirstNotALetter { identifier });
    }
    if identifier.ends_with('-') || identifier.contains("--") {
        return Err(IdentifierError::BadHyphen { identifier });
    }
    if identifier.len() > longest {
        let length = identifier.len();
        return Err(IdentifierError::TooLong { identifier, length, noun, longest });
    }
    Ok(identifier)
}

macro_rules! text {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<$type> for String {
            fn from(identifier: $type) -> Self {
                identifier.0
            }
        }
        impl From<&$type> for String {
            fn from(identifier: &$type) -> Self {
                identifier.0.clone()
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }
    };
}
text!(DatabaseIdentifier);
text!(SnapshotIdentifier);
text!(ExportIdentifier);

/// The state machine in an execution's ARN, without the execution's own name. `None` if the text is no such ARN:
/// `arn:aws:states:<region>:<account>:execution:<state machine>:<name>`, in any partition.
pub fn execution_machine(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "states", _, _, "execution", machine, name] if !machine.is_empty() && !name.is_empty() => {
            arn.rsplit_once(':').map(|(machine, _)| machine)
        }
        _ => None,
    }
}

/// Whether RDS accepts this text as the value of a tag: letters, digits, spaces and `_ . : / = + - @`, at most 256.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html>
pub fn is_tag_value(text: &str) -> bool {
    text.chars().count() <= 256 && unfit_in_tag_value(text).is_empty()
}

/// The characters of a text that no tag value may contain.
pub fn unfit_in_tag_value(text: &str) -> String {
    let mut unfit = String::new();
    for char in text.chars().filter(|char| !char.is_alphanumeric() && !" _.:/=+-@".contains(*char)) {
        if !unfit.contains(char) {
            unfit.push(char);
        }
    }
    unfit
}

#[cfg(test)]
mod tests {
    use super::DatabaseKind::{Cluster, Instance};
    use super::*;

    #[test]
    fn names_that_rds_accepts_are_stored_in_lower_case() {
        for (text, stored) in [("orders", "orders"), ("Orders-2", "orders-2"), ("a", "a"), ("A1-b2", "a1-b2")] {
            assert_eq!(DatabaseIdentifier::parse(Instance, text).unwrap().as_str(), stored);
        }
    }

    #[test]
    fn names_that_rds_refuses_are_refused_with_the_reason() {
        let long = "a".repeat(64);
        for (text, reason) in [
            ("", "empty"),
            ("1orders", "begin with a letter"),
            ("-orders", "begin with a letter"),
            ("orders-", "hyphen"),
            ("or--ders", "two in a row"),
            ("or_ders", "`_`"),
            ("ördérs", "`ö`"),
            ("orders ", "` `"),
            ("or\nders", r"`or\nders` holds `\n`"),
            (long.as_str(), "at most 63"),
        ] {
            let error = DatabaseIdentifier::parse(Instance, text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_temporary_name_needs_five_characters_of_room() {
        for kind in [Instance, Cluster] {
            let fits = DatabaseIdentifier::parse(kind, &"a".repeat(58)).unwrap();
            assert_eq!(fits.temporary(kind).unwrap().as_str().len(), 63);
            let too_long = DatabaseIdentifier::parse(kind, &"a".repeat(59)).unwrap();
            assert!(matches!(too_long.temporary(kind), Err(IdentifierError::TooLong { length: 64, .. })));
        }
    }

    #[test]
    fn an_export_identifier_is_valid_and_unique_to_its_execution() {
        let export = |identifier: &str, execution: &str| {
            let identifier = DatabaseIdentifier::parse(Instance, identifier).unwrap();
            ExportIdentifier::of_execution(&identifier, execution, Timestamp::from_epoch_seconds(1_767_600_000))
        };
        assert_eq!(export("orders", "arn:run").as_str(), "orders-20260105t080000z-2fba530fcd1c");
        assert_ne!(export("orders", "arn:run"), export("orders", "arn:another"));
        for name in ["a".repeat(58), format!("{}-b", "a".repeat(29)), format!("{}-{}", "a".repeat(30), "b".repeat(20))]
        {
            let export = export(&name, "arn:run");
            assert!(check(export.as_str(), "export task", LONGEST_EXPORT_IDENTIFIER).is_ok(), "{export}");
        }
    }

    #[test]
    fn every_identifier_has_valid_names_of_one_execution() {
        for name in ["orders".to_owned(), "a".repeat(63), format!("{}-b", "a".repeat(48))] {
            let name = DatabaseIdentifier::parse(Cluster, &name).unwrap();
            let aside = name.aside("arn:run");
            assert!(DatabaseIdentifier::parse(Cluster, aside.as_str()).is_ok(), "{aside}");
            assert_ne!(aside, name.aside("arn:another"));
            for kind in [Instance, Cluster] {
                for snapshot in [name.final_snapshot_of(kind, "arn:run"), name.discarded_snapshot_of(kind, "arn:run")] {
                    assert!(SnapshotIdentifier::parse(kind, snapshot.as_str()).is_ok(), "{snapshot}");
                    assert!(snapshot.as_str().ends_with("-2fba53"), "{snapshot}");
                }
            }
        }
        let orders = DatabaseIdentifier::parse(Instance, "orders").unwrap();
        assert_eq!(orders.aside("arn:run").as_str(), "orders-failed-2fba53");
        assert_eq!(orders.final_snapshot_of(Instance, "arn:run").as_str(), "orders-final-2fba53");
    }

    #[test]
    fn a_cluster_snapshot_has_less_room_than_an_instance_snapshot() {
        let name = DatabaseIdentifier::parse(Cluster, &"a".repeat(55)).unwrap();
        assert!(name.snapshot(Instance).is_ok());
        assert!(matches!(name.snapshot(Cluster), Err(IdentifierError::TooLong { length: 64, longest: 63, .. })));
        let fits = DatabaseIdentifier::parse(Cluster, &"a".repeat(54)).unwrap();
        assert_eq!(fits.snapshot(Cluster).unwrap().as_str().len(), 63);
    }

    #[test]
    fn an_execution_names_its_state_machine() {
        let arn = "arn:aws-cn:states:cn-north-1:123456789012:execution:trapheus:run-1";
        let machine = "arn:aws-cn:states:cn-north-1:123456789012:execution:trapheus";
        assert_eq!(execution_machine(arn), Some(machine));
        for other in ["run-1", "written by hand", machine, &arn.replace("execution", "express")] {
            assert_eq!(execution_machine(other), None, "{other}");
        }
    }
}
