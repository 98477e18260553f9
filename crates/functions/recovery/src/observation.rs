//! The databases and snapshots with the tags of an interrupted execution, as one read shows them.

use aws_sdk_rds::types::Tag;
use serde::Serialize;
use serde_json::Value;
use trapheus_common::claim::{Claim, Ownership};
use trapheus_common::document::{Names, Plan, Planned, Request, Strategy};
use trapheus_common::rds::Database;
use trapheus_common::tags::Role;
use trapheus_common::wait::acceptor::{Phase, phase};
use trapheus_common::{Error, Result, tags};

/// The database that the execution claimed as the original.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Original {
    #[default]
    NotFound,
    Deleting,
    Here,
}

/// The database that the execution restored, unless RDS is deleting it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    pub(crate) resource_id: String,
    pub(crate) is_verified: bool,
    /// Whether the database has the service name.
    pub(crate) is_in_place: bool,
}

impl Original {
    pub(crate) fn of<D: Database>(claimed: &Claimed<'_, D>, request: &Request) -> Self {
        match claimed.original {
            Some(original) if is_deleting(request, original) => Self::Deleting,
            Some(_) => Self::Here,
            None => Self::NotFound,
        }
    }
}

impl Restored {
    pub(crate) fn of<D: Database>(claimed: &Claimed<'_, D>, request: &Request) -> Option<Self> {
        let restored = claimed.restored?;
        Some(Self {
            resource_id: restored.resource_id()?.to_owned(),
            is_verified: claimed.is_verified,
            is_in_place: restored.identifier() == Some(request.identifier.as_str()),
        })
    }
}

/// The names that any database has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The service name.
    pub(crate) own: bool,
    /// The parked name of the original.
    pub(crate) parked: bool,
}

/// The facts that one read shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Observation {
    pub(crate) original: Original,
    pub(crate) restored: Option<Restored>,
    /// The reason why the claims do not identify the databases.
    pub(crate) doubt: Option<&'static str>,
    pub(crate) taken: Taken,
    /// Whether a release has tags to remove. They are the execution's on the snapshot, or a role without an execution on
    /// the database under the service name.
    pub(crate) has_tags_to_remove: bool,
    /// Whether a database has the execution's tag without a role, which a person removed.
    pub(crate) has_claim_without_role: bool,
    /// Whether a member of the original does not answer, because it is between two names.
    pub(crate) is_incomplete: bool,
    /// The plan for the state document, with the known facts about the original.
    pub(crate) document: Option<Value>,
}

/// The databases that an execution claims, without copied claims.
#[derive(Debug)]
pub(crate) struct Claimed<'a, D> {
    pub(crate) original: Option<&'a D>,
    pub(crate) restored: Option<&'a D>,
    /// Whether the execution has committed to the restored database.
    pub(crate) is_verified: bool,
    pub(crate) doubt: Option<&'static str>,
    pub(crate) has_claim_without_role: bool,
}

impl<'a, D: Database> Claimed<'a, D> {
    /// Sorts the databases by their roles in the execution.
    ///
    /// A claim counts only if it names its database's own resource id; a copy names another. A restored database whose
    /// claim has no resource id yet counts if the four proofs hold. It was created during the run under a name of the plan.
    /// No such proof exists for an original. If two databases claim the same role, neither counts.
    pub(crate) fn among(databases: impl IntoIterator<Item = &'a D>, request: &Request) -> Self {
        let mut found =
            Self { original: None, restored: None, is_verified: false, doubt: None, has_claim_without_role: false };
        let mut unproven_originals = Vec::new();
        let mut unproven = Vec::new();
        for database in databases {
            let Some(claim) = Claim::on(database).filter(|claim| claim.is_by(&request.execution)) else { continue };
            let is_original = claim.has_role(Role::Original);
            let is_verified = claim.has_role(Role::Verified);
            let is_restored = is_verified || claim.has_role(Role::Restored);
            match claim.is_proven {
                _ if claim.role.is_none() => found.has_claim_without_role = true,
                true if is_original && found.original.is_some() => found.doubt = Some(TWO_ORIGINALS),
                true if is_original => found.original = Some(database),
                // A database in deletion is no successor.
                _ if is_deleting(request, database) => {}
                true if is_restored && found.restored.is_some() => found.doubt = Some(TWO_RESTORED),
                true if is_restored => (found.restored, found.is_verified) = (Some(database), is_verified),
                false if is_original => unproven_originals.push(database),
                false if is_restored => unproven.push(database),
                _ => {}
            }
        }
        if found.doubt == Some(TWO_ORIGINALS) {
            // An alert that names one of the two would lead a person to move it.
            found.original = None;
        } else if found.original.is_none() && !unproven_originals.is_empty() {
            found.doubt = Some(UNPROVEN_ORIGINAL);
        }
        if found.restored.is_none() {
            found.add_unproven(&unproven, request);
        }
        found
    }

    /// The database that an alert may call the original. It is claimed as the original, or has the rest of its own claim
    /// under the parked name.
    pub(crate) fn known(&self, parked: Option<&'a D>) -> Option<&'a D> {
        let is_left = |one: &&D| self.doubt != Some(TWO_ORIGINALS) && names_itself(*one);
        self.original.or(parked.filter(is_left))
    }

    fn add_unproven(&mut self, unproven: &[&'a D], request: &Request) {
        let names = Names::rename_first(request);
        let originals = self.original.and_then(Database::resource_id).into_iter().collect();
        let planned = Planned { originals, names: names.of_databases().collect() };
        let is_ours = |one: &&&D| Ownership::of(**one).missing(request, &planned).is_none();
        match unproven.iter().filter(is_ours).collect::<Vec<_>>()[..] {
            [restored] => self.restored = Some(restored),
            [] if unproven.iter().any(|one| one.identifier() == Some(request.identifier.as_str())) => {
                self.doubt = self.doubt.or(Some(UNPROVEN_RESTORED));
            }
            [] => {}
            _ => self.doubt = self.doubt.or(Some(TWO_RESTORED)),
        }
    }
}

const TWO_ORIGINALS: &str = "two databases claim to be the execution's original, so neither is touched";
const TWO_RESTORED: &str = "two databases claim to be what the execution restored, so neither is touched";
const UNPROVEN_ORIGINAL: &str = "a database carries the tags of the execution's original and not its own resource id in \
                                 them, so they may be a copy";
const UNPROVEN_RESTORED: &str = "the database under the name carries the tags of what the execution restored, but nothing \
                                 proves that the execution created it";

fn is_deleting<D: Database>(request: &Request, database: &D) -> bool {
    phase(request.kind, database.status().unwrap_or_default()) == Phase::Deleting
}

/// Whether a run has tagged the database itself, even if other tags are missing. The tag names the database's own resource
/// id.
fn names_itself<D: Database>(database: &D) -> bool {
    let named = tags::value(database.tags(), tags::RESOURCE_ID);
    named.is_some() && named == database.resource_id()
}

/// Whether tags give the database's role without an execution.
pub(crate) fn is_stray_role(found: &[Tag]) -> bool {
    tags::value(found, tags::EXECUTION).is_none() && tags::value(found, tags::ROLE).is_some()
}

/// The original's resource id, as far as it is proven. A database without a claim counts as the original only if it has the
/// service name and no database has the parked name. Then the original was never moved, or has returned.
pub(crate) fn resource_id_of_original<'a, D: Database>(
    request: &Request,
    original: Option<&'a D>,
    named: Option<&'a D>,
    restored: Option<&D>,
    source: Option<&'a str>,
) -> Option<&'a str> {
    match (original, restored) {
        (Some(original), _) => original.resource_id(),
        (None, Some(_)) => source,
        (None, None) => named.filter(|one| one.identifier() == Some(request.identifier.as_str()))?.resource_id(),
    }
}

/// The plan of the interrupted execution: its request determines the names, and only its source is unknown.
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
