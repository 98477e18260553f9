//! What one look shows of an interrupted execution: which databases and snapshots carry its marks.

use aws_sdk_rds::types::Tag;
use serde::Serialize;
use serde_json::Value;
use trapheus_common::document::{Names, Plan, Request, Strategy};
use trapheus_common::{Error, Result, tags};

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
    /// Whether it has the name the execution was about.
    pub(crate) is_in_place: bool,
}

/// Which of the two names are taken, by whatever database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The name the execution was about.
    pub(crate) own: bool,
    /// The name an original is moved to.
    pub(crate) temporary: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Traces {
    pub(crate) original: Original,
    pub(crate) restored: Option<Restored>,
    pub(crate) taken: Taken,
    /// A mark is left that a release lifts: the execution's on the snapshot a restore is made from, or half of one, of nobody's,
    /// on what has the name.
    pub(crate) has_mark_to_lift: bool,
    /// A database carries the execution's mark without what it was to it: somebody took that off.
    pub(crate) is_half_marked: bool,
    /// A member that belongs to the original does not answer: it is between two names.
    pub(crate) is_incomplete: bool,
    /// The plan for the state document, with the original as far as it is known.
    pub(crate) document: Option<Value>,
}

/// Whether tags name the execution and not what the database was to it.
pub(crate) fn is_half_marked(request: &Request, found: &[Tag]) -> bool {
    tags::marked_by(found, &request.execution) && tags::value(found, tags::ROLE).is_none()
}

/// Whether tags say what a database was to some execution, and not to which.
pub(crate) fn is_stray_role(found: &[Tag]) -> bool {
    tags::value(found, tags::EXECUTION).is_none() && tags::value(found, tags::ROLE).is_some()
}

/// The plan of the interrupted execution: its names follow from its request, and only its source is not known any more.
pub(crate) fn plan_document<O: Serialize>(request: &Request, original: O) -> Result<Value> {
    let plan = Plan {
        strategy: Strategy::RenameFirst,
        read_at: request.started_at,
        source: None,
        names: Names::rename_first(request),
        original,
        notes: Vec::new(),
    };
    serde_json::to_value(plan).map_err(|error| Error::internal("the plan is not JSON").caused_by(error))
}
