//! What one look shows of an interrupted execution: which databases and snapshots carry its marks.

use serde_json::Value;

/// The database the execution marked as the original.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Original {
    #[default]
    NotFound,
    Deleting,
    Here,
}

/// The database it restored, unless that is being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    pub(crate) resource_id: String,
    pub(crate) is_verified: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Traces {
    pub(crate) original: Original,
    pub(crate) restored: Option<Restored>,
    /// A database answers under the name the execution was about.
    pub(crate) is_name_taken: bool,
    /// The snapshot a restore is made from still carries the execution's mark.
    pub(crate) is_snapshot_marked: bool,
    /// A member that belongs to the original does not answer: it is between two names.
    pub(crate) is_incomplete: bool,
    /// The original for the state document, as far as it is known.
    pub(crate) document: Option<Value>,
}
