//! The tags that a run sets on its databases and snapshots, and the database tags that a restore may carry.
//!
//! None of Trapheus's tags remains after a successful run. RDS refuses more than 50 tags on one resource. It also refuses
//! tag keys that begin with `aws:` or `rds:`, which every database made by CloudFormation has. Source: "Tagging Amazon RDS
//! resources", RDS user guide.

use std::collections::BTreeMap;

use aws_sdk_rds::types::Tag;
use sha2::{Digest as _, Sha256};

use crate::document::TagDigest;

/// The ARN of the execution that works on this resource, or created it.
pub const EXECUTION: &str = "trapheus:execution";
/// The resource's role in that execution: one of [`Role`].
pub const ROLE: &str = "trapheus:role";
/// The resource id of the database with this tag. RDS copies tags into snapshots and from them onto restored databases. So
/// a claim that names another database's id is a copy and proves nothing.
pub const RESOURCE_ID: &str = "trapheus:resource-id";
/// All three keys, for their removal.
pub const OURS: [&str; 3] = [EXECUTION, ROLE, RESOURCE_ID];
/// RDS's limit of tags on one resource.
pub const MOST: usize = 50;
/// The most tags of its own that a database may have. Trapheus's tags need the rest, with one in reserve.
pub const MOST_OWN: usize = MOST - OURS.len() - 1;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The role of a resource in the execution that tagged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The database that had the service name before the run.
    Original,
    /// The database, or member, that the run restored.
    Restored,
    /// The restored database once it is verified and stays. The run may delete the original, and no rollback deletes this
    /// one.
    Verified,
    /// A snapshot that the run takes.
    Snapshot,
}

impl Role {
    pub const fn value(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Restored => "restored",
            Self::Verified => "verified",
            Self::Snapshot => "snapshot",
        }
    }
}

/// The value of a tag, in a list as RDS returns it.
pub fn value<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key)).and_then(Tag::value)
}

/// Whether this execution tagged the snapshot. For a database, see [`crate::claim::Claim`].
pub fn marked_by(tags: &[Tag], execution: &str) -> bool {
    value(tags, EXECUTION) == Some(execution)
}

/// Whether RDS refuses this tag because its key or its value is reserved; a step leaves it out and reports it.
pub fn is_reserved(key: &str, value: &str) -> bool {
    [key, value].iter().any(|text| {
        let text = text.to_ascii_lowercase();
        text.starts_with("aws:") || text.starts_with("rds:")
    })
}

/// The user's own tags: neither Trapheus's nor reserved.
pub fn of_the_user(tags: &[Tag]) -> Tags {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())))
        .filter(|(key, value)| !OURS.contains(key) && !is_reserved(key, value))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The number of tags and their hash, independent of RDS's order.
pub fn digest(tags: &Tags) -> TagDigest {
    let mut hasher = Sha256::new();
    for (key, value) in tags {
        for text in [key, value] {
            // The length distinguishes `ab`, `c` from `a`, `bc`.
            hasher.update(text.len().to_be_bytes());
            hasher.update(text);
        }
    }
    let sha256 = hasher.finalize().iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    TagDigest { count: tags.len(), sha256 }
}

/// The user's tags and Trapheus's two tags, for a create or restore call.
pub fn with_mark(tags: &Tags, execution: &str, role: Role) -> Vec<Tag> {
    let mut all: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    all.extend(mark(execution, role));
    all
}

/// Trapheus's three tags on the database with this resource id: a claim that proves itself.
pub fn claim(execution: &str, role: Role, resource_id: &str) -> [Tag; 3] {
    let [by, as_role] = mark(execution, role);
    [by, as_role, Tag::builder().key(RESOURCE_ID).value(resource_id).build()]
}

/// Trapheus's two tags on a database without a resource id yet, and on snapshots.
pub fn mark(execution: &str, role: Role) -> [Tag; 2] {
    [Tag::builder().key(EXECUTION).value(execution).build(), Tag::builder().key(ROLE).value(role.value()).build()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_users_own_tags_are_carried_over() {
        let mut tags: Vec<Tag> = ["team", "aws:cloudformation:stack-name", "RDS:foo", EXECUTION, ROLE]
            .map(|key| Tag::builder().key(key).value("x").build())
            .into();
        tags.push(Tag::builder().key("origin").value("aws:backup").build());
        assert_eq!(of_the_user(&tags).into_keys().collect::<Vec<_>>(), ["team"]);
    }

    #[test]
    fn a_digest_differs_for_different_tags_and_ignores_their_order() {
        let digest = |pairs: &[(&str, &str)]| {
            super::digest(&pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect())
        };
        assert_eq!(digest(&[("a", "1"), ("b", "2")]), digest(&[("b", "2"), ("a", "1")]));
        assert_eq!(digest(&[("a", "1")]).count, 1);
        assert_ne!(digest(&[("ab", "c")]), digest(&[("a", "bc")]));
        assert_ne!(digest(&[]), digest(&[("a", "")]));
    }

    #[test]
    fn a_tag_identifies_the_execution_that_it_names() {
        let tags = mark("arn:1", Role::Restored);
        assert!(marked_by(&tags, "arn:1"));
        assert!(!marked_by(&tags, "arn:2"));
        assert!(!marked_by(&[], "arn:1"));
    }
}
