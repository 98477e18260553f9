//! The claim on the original, and the proofs of ownership that a run needs before it deletes a database.
//!
//! Three tags on a database are a claim. They name the execution that works on it or created it, its role in that
//! execution, and its own resource id. RDS copies tags into snapshots and onto databases restored from them. Such a copy
//! names another database, and is no claim. Every step that makes a change first finds the original by its resource id and
//! checks its claim. A rollback deletes a database only if all four proofs of its [`Ownership`]
//! hold.

use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, Tag};
use tokio::time::Instant;

use crate::document::{DatabaseNames, NameRole, Planned, Request, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::identifiers::DatabaseIdentifier;
use crate::rds::Database;
use crate::tags::Role;
use crate::timestamp::Timestamp;
use crate::{rds, tags};

/// The time that a step waits for a claim, or for a database that a rename may hide. Reads are eventually consistent, and a
/// step has three minutes in all.
const PATIENCE: Duration = Duration::from_secs(130);
/// The pause between two reads.
const PAUSE: Duration = Duration::from_secs(5);

/// The claim that a database's tags make, unless they are a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    pub execution: &'a str,
    /// The database's role in the execution; `None` if a person removed that tag.
    pub role: Option<&'a str>,
    /// Whether the claim names the database's own resource id. A claim without a resource id may be a copy, so it counts
    /// only if another fact identifies the database.
    pub is_proven: bool,
}

impl<'a> Claim<'a> {
    /// The claim on the database with this resource id; `None` if its tags make no claim, or name another database.
    pub fn of(found: &'a [Tag], resource_id: &str) -> Option<Self> {
        let execution = tags::value(found, tags::EXECUTION)?;
        let named = tags::value(found, tags::RESOURCE_ID);
        if named.is_some_and(|named| named != resource_id) {
            return None;
        }
        let is_proven = named.is_some() && !resource_id.is_empty();
        Some(Self { execution, role: tags::value(found, tags::ROLE), is_proven })
    }

    /// The claim on a database.
    pub fn on<D: Database>(database: &'a D) -> Option<Self> {
        Self::of(database.tags(), database.resource_id().unwrap_or_default())
    }

    pub fn is_by(&self, execution: &str) -> bool {
        self.execution == execution
    }

    pub fn has_role(&self, role: Role) -> bool {
        self.role == Some(role.value())
    }

    /// Whether the database shows a claim of the execution: RDS may show a new tag late.
    pub fn is_shown_by<D: Database>(database: &D, execution: &str) -> bool {
        Claim::on(database).is_some_and(|claim| claim.is_by(execution))
    }

    /// Whether the execution claims the database in this role, and the claim is no copy.
    pub fn says(&self, execution: &str, role: Role) -> bool {
        self.is_by(execution) && self.has_role(role) && self.is_proven
    }
}

/// Writes an execution's claim, unless the database shows it already.
pub async fn write<D: Database>(rds: &Client, database: &D, execution: &str, role: Role) -> Result<()> {
    if Claim::on(database).is_some_and(|claim| claim.says(execution, role)) {
        return Ok(());
    }
    let resource_id = database.resource_id().unwrap_or_default();
    rds::add_tags(rds, database.arn().unwrap_or_default(), tags::claim(execution, role, resource_id)).await
}

/// As [`write()`], for a database that the execution has just created. A restore call cannot set a tag with a resource id
/// that does not exist yet. Until then, its name and its age identify the database, so a final refusal is no failure.
pub async fn complete<D: Database>(rds: &Client, created: &D, execution: &str) -> Result<()> {
    if created.resource_id().is_none() {
        return Ok(());
    }
    match write(rds, created, execution, Role::Restored).await {
        Err(error) if !error.kind().retryable() => {
            tracing::warn!(db.identifier = created.identifier(), error = error.report(), "claim not completed");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Claims the visible members of a Multi-AZ DB cluster in the role of their cluster. RDS creates them without tags, and may
/// check the permission for each member. An instance is a member only if RDS says that it belongs to the cluster.
pub async fn write_on_members(rds: &Client, cluster: &DbCluster, execution: &str, role: Role) -> Result<()> {
    let name = cluster.db_cluster_identifier().unwrap_or_default();
    for member in rds::instances_of_cluster(rds, name).await? {
        write(rds, &member, execution, role).await?;
    }
    Ok(())
}

/// Claims a database for an execution, and waits until RDS shows the claim, because the next step checks it.
pub async fn hold<D: Database>(rds: &Client, database: &D, execution: &str, role: Role) -> Result<()> {
    write(rds, database, execution, role).await?;
    let resource_id = database.resource_id().unwrap_or_default();
    let shows = |now: &Option<D>| now.as_ref().and_then(Claim::on).is_some_and(|claim| claim.says(execution, role));
    let now = look_until(async || D::of_resource_id(rds, resource_id).await, shows).await?;
    if shows(&now) {
        return Ok(());
    }
    let identifier = database.identifier().unwrap_or_default();
    let message = format!("the tags of {identifier} were written and do not show yet");
    Err(Error::new(ErrorKind::ServiceUnavailable, identifier, message))
}

/// The original DB instance (or cluster member) under its present name; an error if it is deleted or another execution
/// claims it.
pub async fn original_instance(rds: &Client, request: &Request, original: &Target) -> Result<DbInstance> {
    claimed(rds, request, original).await
}

/// The original DB cluster under its present name; an error if it is deleted or another execution claims it.
pub async fn original_cluster(rds: &Client, request: &Request, original: &Target) -> Result<DbCluster> {
    claimed(rds, request, original).await
}

async fn claimed<D: Database>(rds: &Client, request: &Request, original: &Target) -> Result<D> {
    let look = async || D::of_resource_id(rds, &original.resource_id).await;
    let is_sure = |found: &Option<D>| found.as_ref().is_some_and(|one| !shows_no_claim(original, one.tags()));
    let database = look_until(look, is_sure).await?.ok_or_else(|| gone(original))?;
    check(request, original, database.tags())?;
    Ok(database)
}

/// The database of this name after a failed call to create it, because the answer may have been lost. If the database shows
/// no claim of the execution, the function reads again for minutes. No database under the name means that RDS refused the
/// call.
pub async fn created<D: Database>(rds: &Client, identifier: &str, execution: &str) -> Result<Option<D>> {
    let look = async || Ok(D::of_names(rds, &[identifier]).await?.pop());
    look_until(look, |found| found.as_ref().is_none_or(|one| Claim::is_shown_by(one, execution))).await
}

/// Reads until a result is certain, for about two minutes at most; then the last result counts.
pub async fn look_until<T>(look: impl AsyncFn() -> Result<T>, is_sure: impl Fn(&T) -> bool) -> Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        // Boxed, because the future of a read would make every caller's future as large.
        let found = Box::pin(look()).await?;
        if is_sure(&found) || Instant::now() + PAUSE >= end {
            return Ok(found);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the tags show no claim. RDS may show a tag late, so a missing claim counts only after further reads.
fn shows_no_claim(original: &Target, tags: &[Tag]) -> bool {
    Claim::of(tags, &original.resource_id).is_none()
}

/// A lookup of the original, and of every database that has one of its planned names now.
#[derive(Debug)]
pub struct Lookup<D> {
    /// The original, found by its resource id under any name.
    pub original: Option<D>,
    holders: Vec<D>,
}

impl<D: Database> Lookup<D> {
    /// A single read if the database has one of its planned names, which is nearly always the case.
    pub async fn find(rds: &Client, target: &Target) -> Result<Self> {
        let planned: Vec<&str> = target.names.all().map(DatabaseIdentifier::as_str).collect();
        let holders = D::of_names(rds, &planned).await?;
        let original = match holders.iter().find(|one| one.resource_id() == Some(target.resource_id.as_str())) {
            Some(found) => Some(found.clone()),
            None => D::of_resource_id(rds, &target.resource_id).await?,
        };
        Ok(Self { original, holders })
    }

    /// As [`Self::find`], for a step that acts on the absence of a database. A rename hides a database. So a read that
    /// finds only another database under the name proves nothing. The function reads again for longer than a rename takes.
    ///
    /// If no database has the name either, the step waits for the database.
    pub async fn find_surely(rds: &Client, target: &Target) -> Result<Self> {
        look_until(async || Self::find(rds, target).await, |found: &Self| !found.is_displaced()).await
    }

    /// As [`Self::find_surely`], for a step that needs the claim. If the database shows no claim, the function also reads
    /// again for minutes.
    pub async fn find_claimed(rds: &Client, target: &Target) -> Result<Self> {
        let is_unclaimed = |found: &Self| found.original.as_ref().is_some_and(|one| shows_no_claim(target, one.tags()));
        let is_sure = |found: &Self| !is_unclaimed(found) && !found.is_displaced();
        look_until(async || Self::find(rds, target).await, is_sure).await
    }

    /// As [`Self::find_claimed`], for a step that also needs the database beside the original. That database has the name
    /// of this role. The function reads again for minutes until RDS shows both with their tags.
    pub async fn find_beside(
        rds: &Client,
        target: &Target,
        role: NameRole,
        shows: impl Fn(Option<&D>) -> bool,
    ) -> Result<Self> {
        let name = target.names.of(role)?;
        let is_sure = |found: &Self| {
            let is_claimed = found.original.as_ref().is_some_and(|one| !shows_no_claim(target, one.tags()));
            is_claimed && shows(found.at(name))
        };
        look_until(async || Self::find(rds, target).await, is_sure).await
    }

    /// Whether the original does not answer and another database has one of its names.
    fn is_displaced(&self) -> bool {
        self.original.is_none() && !self.holders.is_empty()
    }

    /// The original; an error if it is deleted or another execution claims it.
    pub fn claimed(&self, request: &Request, target: &Target) -> Result<&D> {
        let original = self.original.as_ref().ok_or_else(|| gone(target))?;
        check(request, target, original.tags())?;
        Ok(original)
    }

    /// The database under this name, which is one of the target's.
    pub fn at(&self, identifier: &DatabaseIdentifier) -> Option<&D> {
        self.holders.iter().find(|one| one.identifier() == Some(identifier.as_str()))
    }
}

/// Returns an error unless the tags say that this execution works on the original.
pub fn check(request: &Request, original: &Target, tags: &[Tag]) -> Result<()> {
    match Claim::of(tags, &original.resource_id) {
        Some(claim) if claim.is_by(&request.execution) => Ok(()),
        Some(other) => Err(Error::new(
            ErrorKind::Claim,
            original.identifier(),
            format!(
                "another execution works on this database now: {}; nothing more is touched by this one",
                other.execution
            ),
        )),
        None => Err(Error::new(
            ErrorKind::Claim,
            original.identifier(),
            format!(
                "the tag `{}` that claims this database for the run is gone; a person or a recovery removed it, so \
                 nothing more is touched",
                tags::EXECUTION
            ),
        )),
    }
}

/// As [`check`], for a rollback: a claim that a person removed does not keep the original from its name. Only another
/// execution's claim does.
pub fn check_for_rollback(request: &Request, original: &Target, tags: &[Tag]) -> Result<()> {
    match Claim::of(tags, &original.resource_id) {
        None => Ok(()),
        Some(_) => check(request, original, tags),
    }
}

fn gone(original: &Target) -> Error {
    Error::new(
        ErrorKind::InstanceUnavailable,
        original.identifier(),
        format!("no database has the resource id {} any more", original.resource_id),
    )
}

/// The facts that prove that a database is the run's own. A rollback deletes a database only if they do.
#[derive(Clone, Copy, Debug)]
pub struct Ownership<'a> {
    pub identifier: &'a str,
    pub resource_id: &'a str,
    pub tags: &'a [Tag],
    /// RDS does not report the time before the database is available for the first time.
    pub created_at: Option<Timestamp>,
    /// Whether the database is available. If not, a missing time of creation means that its creation is unfinished or has
    /// failed. So it began in this execution, whose claim the database has carried since its creation.
    pub is_available: bool,
}

impl<'a> Ownership<'a> {
    pub fn of_instance(instance: &'a DbInstance) -> Self {
        Self::of(instance)
    }

    pub fn of_cluster(cluster: &'a DbCluster) -> Self {
        Self::of(cluster)
    }

    pub fn of<D: Database>(database: &'a D) -> Self {
        Self {
            identifier: database.identifier().unwrap_or_default(),
            resource_id: database.resource_id().unwrap_or_default(),
            tags: database.tags(),
            created_at: database.created_at(),
            is_available: database.status() == Some("available"),
        }
    }

    /// The reason why this execution may not delete the database; `None` if it may.
    ///
    /// All four proofs have to hold. The database carries this execution's claim, and no copy of one. It is none of the
    /// originals. It was created while this execution ran. The run planned its name. A verified database stays, whatever
    /// fails afterwards.
    pub fn missing(&self, request: &Request, planned: &Planned<'_>) -> Option<String> {
        self.missing_in(&[Role::Restored], request, planned)
    }

    /// As [`Self::missing`], for a step that deletes nothing and may find the database already verified.
    pub fn missing_verified_or_not(&self, request: &Request, planned: &Planned<'_>) -> Option<String> {
        self.missing_in(&[Role::Restored, Role::Verified], request, planned)
    }

    fn missing_in(&self, roles: &[Role], request: &Request, planned: &Planned<'_>) -> Option<String> {
        let Self { identifier, resource_id, .. } = self;
        if tags::marked_by(self.tags, &request.execution)
            && let Some(other) = tags::value(self.tags, tags::RESOURCE_ID).filter(|other| other != resource_id)
        {
            return Some(format!(
                "{identifier} ({resource_id}) carries a copy of the tags of another database, {other}"
            ));
        }
        let Some(claim) = Claim::of(self.tags, resource_id).filter(|claim| claim.is_by(&request.execution)) else {
            return Some(format!("{identifier} does not carry the tag of this execution"));
        };
        if !roles.iter().any(|&role| claim.has_role(role)) {
            let role = claim.role.unwrap_or_default();
            return Some(format!("{identifier} is not marked as restored by this execution, but as `{role}`"));
        }
        if resource_id.is_empty() || planned.originals.contains(resource_id) {
            return Some(format!("{identifier} ({resource_id}) is the original"));
        }
        match self.created_at {
            Some(created_at) if created_at >= request.started_at => {}
            Some(created_at) => {
                return Some(format!("{identifier} was created at {created_at}, before this execution began"));
            }
            None if !self.is_available => {}
            None => return Some(format!("RDS does not say when {identifier} was created")),
        }
        if !planned.names.iter().any(|name| name.as_str() == *identifier) {
            return Some(format!("{identifier} is not a name this execution restores"));
        }
        None
    }
}

/// The reason why a run may not replace this snapshot; `None` if it is the database's own, taken by hand or by a run.
pub fn not_replaceable(
    names: &DatabaseNames,
    resource_id: &str,
    snapshot_type: Option<&str>,
    source: Option<&str>,
    source_resource_id: Option<&str>,
) -> Option<String> {
    if let Some(other) = snapshot_type.filter(|&of_type| of_type != "manual") {
        return Some(format!("it is of type {other}, and only manual snapshots are replaced"));
    }
    let is_of_the_name = names.all().any(|name| source == Some(name.as_str()));
    if is_of_the_name || source_resource_id == Some(resource_id) {
        return None;
    }
    Some(format!("it was taken of another database, {}", source.unwrap_or("which RDS does not name")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Names;

    const RUN: &str = "arn:run";

    #[test]
    fn a_claim_that_names_another_database_is_a_copy_and_no_claim() {
        let own = tags::claim(RUN, Role::Original, "db-OWN");
        let claim = Claim::of(&own, "db-OWN").unwrap();
        assert!(
            claim.says(RUN, Role::Original) && !claim.says(RUN, Role::Restored) && !claim.says("x", Role::Original)
        );
        assert_eq!(Claim::of(&own, "db-COPY"), None);
        assert_eq!(Claim::of(&own, ""), None);
    }

    #[test]
    fn a_claim_that_names_no_database_is_not_proven() {
        let two = tags::mark(RUN, Role::Restored);
        let claim = Claim::of(&two, "db-OWN").unwrap();
        assert!(claim.is_by(RUN) && claim.has_role(Role::Restored) && !claim.is_proven);
        assert!(!claim.says(RUN, Role::Restored));
        assert_eq!(Claim::of(&two[1..], "db-OWN"), None, "a role alone says nothing");
    }

    fn request() -> Request {
        serde_json::from_value(serde_json::json!({
            "identifier": "orders",
            "snapshotIdentifier": "orders-snapshot",
            "task": "db_restore",
            "kind": "instance",
            "execution": RUN,
            "startedAt": "2026-01-31T08:00:00Z",
            "deadline": "2026-02-01T08:00:00Z",
            "snapshotReplacement": "KeepUntilReplaced",
            "keepAutomatedBackups": true,
            "finalSnapshot": true,
            "rollbackSeconds": 3600,
        }))
        .unwrap()
    }

    #[test]
    fn a_database_is_removed_only_if_all_four_proofs_hold() {
        let request = request();
        let own = tags::claim(RUN, Role::Restored, "db-NEW");
        let two = tags::mark(RUN, Role::Restored);
        let names = Names::rename_first(&request);
        let planned = Planned { originals: vec!["db-OLD"], names: names.of_databases().collect() };
        let ours = Ownership {
            identifier: "orders",
            resource_id: "db-NEW",
            tags: &own,
            created_at: Some(request.started_at.plus_seconds(1)),
            is_available: true,
        };
        let creating = Ownership { tags: &two, created_at: None, is_available: false, ..ours };
        for proven in [ours, creating, Ownership { identifier: names.aside.as_str(), ..ours }] {
            assert_eq!(proven.missing(&request, &planned), None, "{proven:?}");
        }
        let copied = tags::claim(RUN, Role::Restored, "db-ANOTHER");
        let verified = tags::claim(RUN, Role::Verified, "db-NEW");
        let others = tags::claim("arn:other", Role::Restored, "db-NEW");
        let original = tags::claim(RUN, Role::Restored, "db-OLD");
        for (unproven, why) in [
            (Ownership { tags: &copied, ..ours }, "copy of the tags of another database, db-ANOTHER"),
            (Ownership { tags: &verified, ..ours }, "`verified`"),
            (Ownership { tags: &others, ..ours }, "does not carry the tag"),
            (Ownership { tags: &[], ..ours }, "does not carry the tag"),
            (Ownership { tags: &original, resource_id: "db-OLD", ..ours }, "is the original"),
            (Ownership { created_at: Some(Timestamp::from_epoch_seconds(1)), ..ours }, "before this execution began"),
            (Ownership { created_at: None, ..ours }, "does not say when"),
            (Ownership { identifier: "orders-copy", ..ours }, "is not a name"),
        ] {
            let missing = unproven.missing(&request, &planned).expect(why);
            assert!(missing.contains(why), "{missing}");
        }
    }
}
