//! Who may touch what: the claim on the original, and the proofs that something is this execution's own.
//!
//! A tag on the original names the execution that works on it. Every step that changes anything looks the original up by
//! its resource id and checks that tag first. What a rollback removes has to pass [`Proofs`], all four.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, Tag};

use crate::clock::Timestamp;
use crate::document::{Request, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::identifiers::DatabaseIdentifier;
use crate::rds::Database;
use crate::tags::Role;
use crate::{rds, tags};

/// The original DB instance (or cluster member) wherever it is now; an error if it is gone or another execution's.
pub async fn original_instance(rds: &Client, request: &Request, original: &Target) -> Result<DbInstance> {
    let instance = rds::instance_by_resource_id(rds, &original.resource_id).await?.ok_or_else(|| gone(original))?;
    check(request, original, instance.tag_list())?;
    Ok(instance)
}

/// The original DB cluster wherever it is now; an error if it is gone or another execution's.
pub async fn original_cluster(rds: &Client, request: &Request, original: &Target) -> Result<DbCluster> {
    let cluster = rds::cluster_by_resource_id(rds, &original.resource_id).await?.ok_or_else(|| gone(original))?;
    check(request, original, cluster.tag_list())?;
    Ok(cluster)
}

/// The original, and whatever has one of its two names now.
#[derive(Debug)]
pub struct Named<D> {
    /// By its resource id, whatever its name is.
    pub original: Option<D>,
    named: Vec<D>,
}

impl<D: Database> Named<D> {
    /// One look where the original has one of its names, which it nearly always has.
    pub async fn find(rds: &Client, target: &Target) -> Result<Self> {
        let either = [target.identifier.as_str(), target.temporary_identifier.as_str()];
        let named = D::of_names(rds, &either).await?;
        let original = match named.iter().find(|one| one.resource_id() == Some(target.resource_id.as_str())) {
            Some(found) => Some(found.clone()),
            None => D::of_resource_id(rds, &target.resource_id).await?,
        };
        Ok(Self { original, named })
    }

    /// The original; an error if it is gone or another execution's.
    pub fn claimed(&self, request: &Request, target: &Target) -> Result<&D> {
        let original = self.original.as_ref().ok_or_else(|| gone(target))?;
        check(request, target, original.tags())?;
        Ok(original)
    }

    /// What answers under this name, which is one of the two.
    pub fn at(&self, identifier: &DatabaseIdentifier) -> Option<&D> {
        self.named.iter().find(|one| one.identifier() == Some(identifier.as_str()))
    }
}

/// Refuses to go on unless the tags say that this execution works on the original.
pub fn check(request: &Request, original: &Target, tags: &[Tag]) -> Result<()> {
    match tags::value(tags, tags::EXECUTION) {
        Some(execution) if execution == request.execution => Ok(()),
        Some(other) => Err(Error::new(
            ErrorKind::Claim,
            &original.identifier,
            format!("another execution works on this database now: {other}; nothing more is touched by this one"),
        )),
        None => Err(Error::new(
            ErrorKind::Claim,
            &original.identifier,
            format!(
                "the tag `{}` that claims this database for the run is gone; somebody removed it, so nothing more is \
                 touched",
                tags::EXECUTION
            ),
        )),
    }
}

/// As [`check`], for a rollback: that somebody took the claim away does not keep the original from its name. Only another
/// execution's claim does.
pub fn check_for_rollback(request: &Request, original: &Target, tags: &[Tag]) -> Result<()> {
    match tags::value(tags, tags::EXECUTION) {
        None => Ok(()),
        Some(_) => check(request, original, tags),
    }
}

fn gone(original: &Target) -> Error {
    Error::new(
        ErrorKind::InstanceUnavailable,
        &original.identifier,
        format!("no database has the resource id {} any more", original.resource_id),
    )
}

/// What has to be known of a database before a rollback may remove it.
#[derive(Clone, Copy, Debug)]
pub struct Proofs<'a> {
    pub identifier: &'a str,
    pub resource_id: &'a str,
    pub tags: &'a [Tag],
    /// Not reported by RDS before the database is available for the first time.
    pub created_at: Option<Timestamp>,
    /// Whether the database is available: if not, a missing time of creation means that its creation is not finished or has
    /// failed, so it began in this execution, whose mark it has carried from its first moment.
    pub is_available: bool,
}

impl<'a> Proofs<'a> {
    pub fn of_instance(instance: &'a DbInstance) -> Self {
        Self {
            identifier: instance.db_instance_identifier().unwrap_or_default(),
            resource_id: instance.dbi_resource_id().unwrap_or_default(),
            tags: instance.tag_list(),
            created_at: instance.instance_create_time().and_then(timestamp),
            is_available: instance.db_instance_status() == Some("available"),
        }
    }

    pub fn of_cluster(cluster: &'a DbCluster) -> Self {
        Self {
            identifier: cluster.db_cluster_identifier().unwrap_or_default(),
            resource_id: cluster.db_cluster_resource_id().unwrap_or_default(),
            tags: cluster.tag_list(),
            created_at: cluster.cluster_create_time().and_then(timestamp),
            is_available: cluster.status() == Some("available"),
        }
    }

    /// Why this database is not this execution's to remove; nothing if it is.
    ///
    /// All four have to hold: it carries our tag with this execution; it is none of the originals; it was created while
    /// this execution ran; its name is one the run planned to create. What is verified stays, whatever failed after.
    pub fn missing(&self, request: &Request, originals: &[&Target]) -> Option<String> {
        self.missing_in(&[Role::Restored], request, originals)
    }

    /// As [`Self::missing`], for a step that removes nothing and may find the database verified already.
    pub fn missing_verified_or_not(&self, request: &Request, originals: &[&Target]) -> Option<String> {
        self.missing_in(&[Role::Restored, Role::Verified], request, originals)
    }

    fn missing_in(&self, roles: &[Role], request: &Request, originals: &[&Target]) -> Option<String> {
        let Self { identifier, resource_id, .. } = self;
        if !tags::marked_by(self.tags, &request.execution) {
            return Some(format!("{identifier} does not carry the tag of this execution"));
        }
        let role = tags::value(self.tags, tags::ROLE).unwrap_or_default();
        if !roles.iter().any(|one| one.value() == role) {
            return Some(format!("{identifier} is not marked as restored by this execution, but as `{role}`"));
        }
        if resource_id.is_empty() || originals.iter().any(|original| original.resource_id == *resource_id) {
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
        if !originals.iter().any(|original| original.identifier.as_str() == *identifier) {
            return Some(format!("{identifier} is not a name this execution restores"));
        }
        None
    }
}

/// Why a run may not replace this snapshot; nothing if it is one of the database's own, taken by hand or by a run.
pub fn not_replaceable(
    request: &Request,
    resource_id: &str,
    snapshot_type: Option<&str>,
    source: Option<&str>,
    source_resource_id: Option<&str>,
) -> Option<String> {
    if let Some(other) = snapshot_type.filter(|&of_type| of_type != "manual") {
        return Some(format!("it is of type {other}, and only manual snapshots are replaced"));
    }
    let is_of_the_name =
        [&request.identifier, &request.temporary_identifier].iter().any(|&name| source == Some(name.as_str()));
    if is_of_the_name || source_resource_id == Some(resource_id) {
        return None;
    }
    Some(format!("it was taken of another database, {}", source.unwrap_or("which RDS does not name")))
}

fn timestamp(time: &aws_sdk_rds::primitives::DateTime) -> Option<Timestamp> {
    u64::try_from(time.secs()).ok().map(Timestamp::from_epoch_seconds)
}
