//! What one look shows of an interrupted execution: which databases and snapshots carry its marks.

use aws_sdk_rds::types::Tag;
use serde::Serialize;
use serde_json::Value;
use trapheus_common::claim::{Claim, Proofs};
use trapheus_common::document::{Names, Plan, Planned, Request, Strategy};
use trapheus_common::rds::Database;
use trapheus_common::tags::Role;
use trapheus_common::wait::acceptor::{Phase, phase};
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

/// Which of the two names are taken, by whatever database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The name the execution was about.
    pub(crate) own: bool,
    /// The name that an original is parked under.
    pub(crate) parked: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Traces {
    pub(crate) original: Original,
    pub(crate) restored: Option<Restored>,
    /// Why the claims do not tell which database is which.
    pub(crate) doubt: Option<&'static str>,
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

/// The databases that an execution claims, by claims that are their own.
#[derive(Debug)]
pub(crate) struct Claimed<'a, D> {
    pub(crate) original: Option<&'a D>,
    pub(crate) restored: Option<&'a D>,
    /// Whether that is what the execution committed itself to.
    pub(crate) is_verified: bool,
    pub(crate) doubt: Option<&'static str>,
    pub(crate) is_half_marked: bool,
}

impl<'a, D: Database> Claimed<'a, D> {
    /// Sorts the databases by what they are to the execution.
    ///
    /// Only a claim that names its database's own resource id is believed; a copy names another. A restored database whose
    /// claim does not name it yet counts if the four proofs hold, since it was created during the run under a name of the
    /// plan. No such proof exists for an original. Where two databases claim to be the same, neither is believed.
    pub(crate) fn among(databases: impl IntoIterator<Item = &'a D>, request: &Request) -> Self {
        let mut found = Self { original: None, restored: None, is_verified: false, doubt: None, is_half_marked: false };
        let mut unproven_originals = Vec::new();
        let mut unproven = Vec::new();
        for database in databases {
            let Some(claim) = Claim::on(database).filter(|claim| claim.is_by(&request.execution)) else { continue };
            let is_original = claim.has_role(Role::Original);
            let is_verified = claim.has_role(Role::Verified);
            let is_restored = is_verified || claim.has_role(Role::Restored);
            match claim.is_proven {
                _ if claim.role.is_none() => found.is_half_marked = true,
                true if is_original && found.original.is_some() => found.doubt = Some(TWO_ORIGINALS),
                true if is_original => found.original = Some(database),
                // What is being deleted is no successor.
                _ if is_deleting(request, database) => {}
                true if is_restored && found.restored.is_some() => found.doubt = Some(TWO_RESTORED),
                true if is_restored => (found.restored, found.is_verified) = (Some(database), is_verified),
                false if is_original => unproven_originals.push(database),
                false if is_restored => unproven.push(database),
                _ => {}
            }
        }
        if found.doubt == Some(TWO_ORIGINALS) {
            // An alert that names one of them would have a person move it.
            found.original = None;
        } else if found.original.is_none() && !unproven_originals.is_empty() {
            found.doubt = Some(UNPROVEN_ORIGINAL);
        }
        if found.restored.is_none() {
            found.add_unproven(&unproven, request);
        }
        found
    }

    /// The database that an alert may call the original: claimed as such, or with what is left of a claim of its own under the
    /// name that an original is moved to.
    pub(crate) fn known(&self, parked: Option<&'a D>) -> Option<&'a D> {
        let is_left = |one: &&D| self.doubt != Some(TWO_ORIGINALS) && names_itself(*one);
        self.original.or(parked.filter(is_left))
    }

    fn add_unproven(&mut self, unproven: &[&'a D], request: &Request) {
        let names = Names::rename_first(request);
        let originals = self.original.and_then(Database::resource_id).into_iter().collect();
        let planned = Planned { originals, names: names.of_databases().collect() };
        let is_ours = |one: &&&D| Proofs::of(**one).missing(request, &planned).is_none();
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

/// Whether a run has tagged the database itself, whatever is left of that: the tag names its own resource id.
fn names_itself<D: Database>(database: &D) -> bool {
    let named = tags::value(database.tags(), tags::RESOURCE_ID);
    named.is_some() && named == database.resource_id()
}

/// Whether tags say what a database was to some execution, and not to which.
pub(crate) fn is_stray_role(found: &[Tag]) -> bool {
    tags::value(found, tags::EXECUTION).is_none() && tags::value(found, tags::ROLE).is_some()
}

/// The original's resource id, as far as anything proves it. Without a claim, a database is taken for the original only if
/// it has the name and nothing has the name an original is moved to: then it was never moved, or is back.
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
