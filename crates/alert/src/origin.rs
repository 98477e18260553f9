//! The origin of each database that the look found: a pure function of resource ids, claims and times of creation.
//!
//! A resource id proves the most, then a claim that names the database's own resource id. RDS copies tags onto databases
//! restored from a snapshot. So a claim that names another resource id is a copy and proves nothing. A claim without a
//! resource id counts only if it is the single candidate's. Without a proof, the origin is unproven, and the alert says so.

use aws_sdk_rds::types::Tag;
use trapheus_common::claim::Claim;
use trapheus_common::rds;
use trapheus_common::tags::{self, Role};
use trapheus_common::timestamp::Timestamp;

use crate::run::Run;

/// The origin of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The database that had the service name before the run.
    Original,
    /// The run restored it.
    Restored,
    /// A database with a copy of the run's tags, which name another database.
    Copy,
    /// Another database: it existed before the run began, or another execution claims it.
    Other,
    /// No fact proves whether the run restored it.
    Unproven,
}

/// The facts about a database that decide its origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DatabaseFacts<'a> {
    pub(crate) identifier: &'a str,
    pub(crate) resource_id: &'a str,
    pub(crate) tags: &'a [Tag],
    /// RDS does not report the time before the database is available for the first time.
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) is_available: bool,
}

/// The degree to which a database's tags prove that this execution restored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The tags name the database's own resource id.
    Proven,
    /// The tags name no resource id, but the name and the time of creation fit.
    Possible,
    /// The tags name another resource id, or a role that this database cannot have.
    Copied,
    /// The tags name another execution.
    Others,
    None,
}

impl DatabaseFacts<'_> {
    /// The execution that the tags name, unless the tags are a copy.
    pub(crate) fn claimed_by(&self) -> Option<&str> {
        Claim::of(self.tags, self.resource_id).map(|claim| claim.execution)
    }

    fn is_original(&self, run: &Run) -> bool {
        let mut originals =
            run.original.iter().flat_map(|original| std::iter::once(original.target()).chain(original.members()));
        !self.resource_id.is_empty() && originals.any(|original| original.resource_id == self.resource_id)
    }

    /// Whether the database existed when the run began. A database without a time of creation is still being created.
    fn is_older_than(&self, run: &Run) -> bool {
        let began = run.request.as_ref().map(|request| request.started_at);
        match (self.created_at, began) {
            (Some(created), Some(began)) => created < began,
            (None, _) => self.is_available,
            (Some(_), None) => false,
        }
    }

    fn has_a_planned_name(&self, run: &Run) -> bool {
        let original = run.original.iter();
        let targets = original.flat_map(|original| std::iter::once(original.target()).chain(original.members()));
        let mut homes = targets.map(|target| target.identifier().as_str());
        let aside = run.names.as_ref().map(|names| names.aside.as_str());
        homes.any(|name| name == self.identifier) || aside == Some(self.identifier)
    }

    fn proof(&self, run: &Run) -> Proof {
        let Some(claim) = Claim::of(self.tags, self.resource_id) else {
            let names_another = tags::value(self.tags, tags::EXECUTION).is_some();
            return if names_another { Proof::Copied } else { Proof::None };
        };
        if !claim.is_by(&run.execution) {
            return Proof::Others;
        }
        let is_restored = claim.has_role(Role::Restored) || claim.has_role(Role::Verified);
        // The original is known by its resource id, so its role on another database is a copy.
        if !is_restored || self.is_older_than(run) {
            return Proof::Copied;
        }
        if claim.is_proven { Proof::Proven } else { Proof::Possible }
    }
}

/// Whether the database has a name of the plan and is younger than a run that does not know its restored database. Tags
/// that look like a copy prove nothing then: a person may have changed the tags of the restored database.
fn may_be_restored(run: &Run, facts: &DatabaseFacts<'_>) -> bool {
    run.restored_id().is_none() && facts.has_a_planned_name(run) && !facts.is_older_than(run)
}

/// The origins of these databases, in their order; no database is a member.
pub(crate) fn origins(run: &Run, all: &[DatabaseFacts<'_>]) -> Vec<Origin> {
    let known = run.restored_id();
    let others: Vec<_> = all.iter().filter(|facts| !facts.is_original(run)).collect();
    let count = |wanted: Proof| others.iter().filter(|facts| facts.proof(run) == wanted).count();
    let (proven, possible) = (count(Proof::Proven), count(Proof::Possible));
    let origin = |facts: &DatabaseFacts<'_>| {
        if facts.is_original(run) {
            return Origin::Original;
        }
        if known.is_some_and(|known| !known.is_empty() && known == facts.resource_id) {
            return Origin::Restored;
        }
        match facts.proof(run) {
            Proof::Proven if known.is_none() && proven == 1 => Origin::Restored,
            Proof::Possible if known.is_none() && proven == 0 && possible == 1 && facts.has_a_planned_name(run) => {
                Origin::Restored
            }
            Proof::Copied if may_be_restored(run, facts) => Origin::Unproven,
            Proof::Copied => Origin::Copy,
            Proof::Others | Proof::None if facts.is_older_than(run) => Origin::Other,
            Proof::Proven | Proof::Possible | Proof::Others | Proof::None => Origin::Unproven,
        }
    };
    all.iter().map(origin).collect()
}

/// The origin of a member, judged by its cluster's. `of_cluster` is `None` if the look did not find the cluster.
pub(crate) fn member(
    run: &Run,
    facts: &DatabaseFacts<'_>,
    of_cluster: Option<Origin>,
    may_lack_the_claim: bool,
) -> Origin {
    if facts.is_original(run) {
        return Origin::Original;
    }
    let claim = Claim::of(facts.tags, facts.resource_id).filter(|claim| claim.is_by(&run.execution));
    let is_claimed_original = claim.is_some_and(|claim| claim.is_proven && claim.has_role(Role::Original));
    let is_reader_of_auto_scaling = rds::is_auto_scaled(facts.identifier);
    match (of_cluster, facts.proof(run)) {
        (Some(cluster), _) if is_reader_of_auto_scaling => cluster,
        (Some(Origin::Original), _) if is_claimed_original => Origin::Original,
        // A recovery knows the members of the original only by their claims.
        (Some(Origin::Original), Proof::None | Proof::Copied) if run.recovery.is_some() => Origin::Unproven,
        (Some(Origin::Restored), Proof::Proven | Proof::Possible) => Origin::Restored,
        (Some(Origin::Restored), Proof::None) if may_lack_the_claim => Origin::Restored,
        (_, Proof::Copied) if may_be_restored(run, facts) => Origin::Unproven,
        (Some(Origin::Copy), _) | (_, Proof::Copied) => Origin::Copy,
        (_, Proof::Others | Proof::None) if facts.is_older_than(run) => Origin::Other,
        _ => Origin::Unproven,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use trapheus_common::document::Finding;

    use super::*;
    use crate::fixtures::{EXECUTION, after, instance, recovering, run};

    const OTHER: &str = "arn:aws:states:eu-west-1:123456789012:execution:trapheus-dev:run-2";
    const BEFORE: u64 = 1_700_000_000;
    /// After 2026-01-31T08:00:00Z, when the run of the fixtures begins.
    const DURING: u64 = 1_800_000_000;

    fn tags(execution: &str, role: &str, resource_id: Option<&str>) -> Vec<Tag> {
        let all = [(tags::EXECUTION, Some(execution)), (tags::ROLE, Some(role)), (tags::RESOURCE_ID, resource_id)];
        let given = all.into_iter().filter_map(|(key, value)| Some(Tag::builder().key(key).value(value?).build()));
        given.collect()
    }

    type Row = (&'static str, &'static str, Vec<Tag>, Option<u64>);

    fn judged(document: &Value, rows: &[Row]) -> Vec<Origin> {
        let facts: Vec<DatabaseFacts<'_>> = rows
            .iter()
            .map(|(identifier, resource_id, tags, created)| DatabaseFacts {
                identifier,
                resource_id,
                tags,
                created_at: created.map(Timestamp::from_epoch_seconds),
                is_available: created.is_some(),
            })
            .collect();
        origins(&run(document), &facts)
    }

    fn renamed() -> Value {
        after(instance(), &["claim", "rename"])
    }

    /// The document after a restore whose answer named this resource id.
    fn restored() -> Value {
        let mut document = after(instance(), &["claim", "rename", "restore"]);
        document["restore"]["waitFor"] = json!({"goal": "available", "identifier": "orders", "resourceId": "db-NEW"});
        document
    }

    #[test]
    fn one_database_is_judged_by_its_id_its_claim_and_its_age() {
        let ours = |resource_id| tags(EXECUTION, "restored", resource_id);
        for (case, document, row, expected) in [
            ("the original", renamed(), ("x", "db-ORIGINAL", Vec::new(), Some(BEFORE)), Origin::Original),
            (
                "no tags, named by the document",
                restored(),
                ("orders", "db-NEW", vec![], Some(DURING)),
                Origin::Restored,
            ),
            (
                "a claim on itself",
                renamed(),
                ("orders", "db-NEW", ours(Some("db-NEW")), Some(DURING)),
                Origin::Restored,
            ),
            (
                "verified",
                renamed(),
                ("orders", "db-NEW", tags(EXECUTION, "verified", Some("db-NEW")), Some(DURING)),
                Origin::Restored,
            ),
            ("creating, without an id", renamed(), ("orders", "db-NEW", ours(None), None), Origin::Restored),
            ("moved aside", renamed(), ("orders-failed-3fa2c1", "db-NEW", ours(None), Some(DURING)), Origin::Restored),
            ("a copied claim", restored(), ("orders", "db-X", ours(Some("db-NEW")), Some(DURING)), Origin::Copy),
            ("copied or changed", renamed(), ("orders", "db-X", ours(Some("db-NEW")), Some(DURING)), Origin::Unproven),
            ("copied elsewhere", renamed(), ("copy", "db-X", ours(Some("db-NEW")), Some(DURING)), Origin::Copy),
            (
                "a copy of the original's claim",
                restored(),
                ("orders", "db-X", tags(EXECUTION, "original", Some("db-ORIGINAL")), Some(DURING)),
                Origin::Copy,
            ),
            (
                "a copy without an id",
                restored(),
                ("orders", "db-X", tags(EXECUTION, "original", None), Some(DURING)),
                Origin::Copy,
            ),
            ("a claim under another name", renamed(), ("copy", "db-X", ours(None), Some(DURING)), Origin::Unproven),
            ("forged on an old one", renamed(), ("orders", "db-X", ours(Some("db-X")), Some(BEFORE)), Origin::Copy),
            ("not the documents", restored(), ("orders", "db-X", ours(Some("db-X")), Some(DURING)), Origin::Unproven),
            (
                "another execution's",
                renamed(),
                ("orders", "db-X", tags(OTHER, "restored", Some("db-X")), Some(DURING)),
                Origin::Unproven,
            ),
            (
                "another execution's, and old",
                renamed(),
                ("orders", "db-X", tags(OTHER, "restored", Some("db-X")), Some(BEFORE)),
                Origin::Other,
            ),
            ("older than the run", renamed(), ("orders", "db-X", vec![], Some(BEFORE)), Origin::Other),
            ("new and unclaimed", renamed(), ("orders", "db-X", vec![], Some(DURING)), Origin::Unproven),
            ("creating and unclaimed", renamed(), ("orders", "db-X", vec![], None), Origin::Unproven),
        ] {
            assert_eq!(judged(&document, &[row]), [expected], "{case}");
        }
    }

    #[test]
    fn of_two_candidates_only_a_proven_one_is_the_restored_database() {
        let ours = |resource_id| tags(EXECUTION, "restored", resource_id);
        let at = |identifier, resource_id, tags| (identifier, resource_id, tags, Some(DURING));
        let two = [at("orders", "db-A", ours(None)), at("orders-failed-3fa2c1", "db-B", ours(None))];
        assert_eq!(judged(&renamed(), &two), [Origin::Unproven, Origin::Unproven]);
        let proven = [at("orders", "db-A", ours(None)), at("orders-failed-3fa2c1", "db-B", ours(Some("db-B")))];
        assert_eq!(judged(&renamed(), &proven), [Origin::Unproven, Origin::Restored]);
        let both = [at("orders", "db-A", ours(Some("db-A"))), at("orders-failed-3fa2c1", "db-B", ours(Some("db-B")))];
        assert_eq!(judged(&renamed(), &both), [Origin::Unproven, Origin::Unproven]);
        let copied = [at("orders", "db-NEW", ours(Some("db-NEW"))), at("orders-temp", "db-B", ours(Some("db-NEW")))];
        assert_eq!(judged(&renamed(), &copied), [Origin::Restored, Origin::Copy]);
        let named = [at("orders", "db-NEW", vec![]), at("orders-temp", "db-B", ours(None))];
        assert_eq!(judged(&restored(), &named), [Origin::Restored, Origin::Unproven]);
    }

    #[test]
    fn a_member_is_judged_by_its_cluster() {
        let document = renamed();
        let run = run(&document);
        let judged = |identifier, tags: &[Tag], created, cluster, may_lack| {
            let created_at = Some(Timestamp::from_epoch_seconds(created));
            member(
                &run,
                &DatabaseFacts { identifier, resource_id: "db-M", tags, created_at, is_available: true },
                cluster,
                may_lack,
            )
        };
        let ours = tags(EXECUTION, "restored", None);
        let scaled = "application-autoscaling-6b9c1a5e-0b8f-4a36-9f0c-1d1f7b9c2e11";
        assert_eq!(judged("orders-a", &ours, DURING, Some(Origin::Restored), false), Origin::Restored);
        assert_eq!(judged("orders-instance-1", &[], DURING, Some(Origin::Restored), true), Origin::Restored);
        assert_eq!(judged("reports", &[], DURING, Some(Origin::Restored), false), Origin::Unproven);
        assert_eq!(judged("reports", &[], BEFORE, Some(Origin::Original), false), Origin::Other);
        assert_eq!(judged(scaled, &[], DURING, Some(Origin::Restored), false), Origin::Restored);
        assert_eq!(judged(scaled, &[], BEFORE, Some(Origin::Original), false), Origin::Original);
        assert_eq!(judged("orders-a", &ours, DURING, Some(Origin::Copy), true), Origin::Copy);
        assert_eq!(judged("orders-a", &ours, DURING, None, true), Origin::Unproven);
    }

    #[test]
    fn a_recovery_knows_the_members_of_the_original_only_by_their_claims() {
        let document = recovering(&instance(), Finding::Release, "FAILED");
        let run = run(&document);
        let judged = |tags: &[Tag]| {
            let created_at = Some(Timestamp::from_epoch_seconds(BEFORE));
            let facts =
                DatabaseFacts { identifier: "orders-a", resource_id: "db-M", tags, created_at, is_available: true };
            member(&run, &facts, Some(Origin::Original), false)
        };
        assert_eq!(judged(&tags(EXECUTION, "original", Some("db-M"))), Origin::Original);
        assert_eq!(judged(&tags(EXECUTION, "original", Some("db-X"))), Origin::Unproven);
        assert_eq!(judged(&[]), Origin::Unproven);
    }
}
