//! Restores a database from the pinned backup, under a name of the plan.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`] | a DB instance: one call |
//! | [`cluster`] | a DB cluster: Aurora in three phases (cluster, writer, other members), Multi-AZ in one |
//! | `calls` | the parameters of settings in the calls that restore and create |
//!
//! The table in [`trapheus_common::settings`] says which setting a call takes. The settings crate, which comes next, sets
//! those that no restore call takes. If a database already has the name, the step waits for it if this execution created
//! it, and refuses it otherwise. All databases are restored without deletion protection, so that a rollback can always
//! delete them.

mod calls;
pub mod cluster;
pub mod instance;

use aws_sdk_rds::Client;
use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::Tag;
use trapheus_common::causes;
use trapheus_common::claim::{self, Claim, Lookup, Ownership};
use trapheus_common::document::{Original, RestoreEvent, Source, SourceKind};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::rds::Database;
use trapheus_common::rds::source::seen_beside;
use trapheus_common::source::{self, Seen};
use trapheus_common::tags::{self, Role};
use trapheus_common::{Error, ErrorKind, Result};

/// The calls that restore a database of one kind.
trait Restores: Database {
    type Original: Original;
    type Snapshot;
    /// The error of the step.
    const ERROR: ErrorKind;

    /// The pinned snapshot as it is now; none for a moment or a clone. `own` is an ARN of the run's account.
    fn snapshot_now(rds: &Client, pinned: &Source, own: &str) -> impl Future<Output = Result<Option<Self::Snapshot>>>;
    /// The identity of a snapshot.
    fn pin(snapshot: &Self::Snapshot) -> Option<Source>;
    fn from_snapshot(
        rds: &Client,
        wanted: Wanted<'_, Self::Original>,
        snapshot: &Self::Snapshot,
    ) -> impl Future<Output = Result<Self>>;
    /// Restores a moment, or the present state as a clone.
    fn to_moment(rds: &Client, wanted: Wanted<'_, Self::Original>) -> impl Future<Output = Result<Self>>;
}

/// The parameters of a restore that its source does not decide.
struct Wanted<'a, O> {
    identifier: &'a str,
    original: &'a O,
    pinned: &'a Source,
    own: &'a str,
    tags: Vec<Tag>,
    subject: Subject<'a>,
}

impl<O> Wanted<'_, O> {
    /// The snapshot as the call names it.
    fn snapshot(&self) -> Option<String> {
        self.pinned.snapshot_for_calls(self.own).map(str::to_owned)
    }
}

/// The subject of a refused restore.
#[derive(Clone, Copy)]
struct Subject<'a> {
    kind: ErrorKind,
    identifier: &'a str,
    pinned: &'a Source,
}

impl Subject<'_> {
    fn refused<E>(self, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        refused(self.kind, self.identifier, &format!("cannot restore from {}", self.pinned), error)
    }
}

/// The restored database, once its restore is requested and its tags name its resource id. If a database already has the
/// name, it has to be this execution's.
async fn requested<D: Restores>(
    rds: &Client,
    event: &RestoreEvent<D::Original>,
    identifier: &DatabaseIdentifier,
) -> Result<D> {
    let RestoreEvent { request, plan, to, .. } = event;
    let target = &plan.target();
    let databases = Lookup::<D>::find_beside(rds, target, *to, |restored| {
        restored.is_none_or(|restored| Claim::is_shown_by(restored, &request.execution))
    })
    .await?;
    let claimed = databases.claimed(request, target)?;
    check_original(D::ERROR, event, claimed.identifier())?;
    let pinned = plan.pinned()?;
    let restored = match restored_by_us(D::ERROR, databases.at(identifier), event, identifier)? {
        Some(found) => found.clone(),
        // Boxed, because the call has room for some forty parameters.
        None => match Box::pin(ask::<D>(rds, event, identifier.as_str(), claimed)).await {
            Ok(answer) => answer,
            // If the database exists all the same, the answer to its creation was lost.
            Err(failure) => {
                let found = claim::created(rds, identifier.as_str(), &request.execution).await?;
                restored_by_us(D::ERROR, found.as_ref(), event, identifier)?.cloned().ok_or(failure)?
            }
        },
    };
    claim::complete(rds, &restored, &request.execution).await?;
    let snapshot = D::snapshot_now(rds, pinned, claimed.arn().unwrap_or_default()).await?;
    unchanged(D::ERROR, identifier.as_str(), pinned, &seen_beside(pinned, snapshot.as_ref(), D::pin))?;
    Ok(restored)
}

/// Requests the restore from the pinned backup.
async fn ask<D: Restores>(rds: &Client, event: &RestoreEvent<D::Original>, identifier: &str, claimed: &D) -> Result<D> {
    let RestoreEvent { request, plan, .. } = event;
    let (pinned, own) = (plan.pinned()?, claimed.arn().unwrap_or_default());
    let tags = tags::with_mark(&tags::of_the_user(claimed.tags()), &request.execution, Role::Restored);
    let subject = Subject { kind: D::ERROR, identifier, pinned };
    let wanted = Wanted { identifier, original: &plan.original, pinned, own, tags, subject };
    if pinned.kind != SourceKind::Snapshot {
        return D::to_moment(rds, wanted).await;
    }
    let snapshot = D::snapshot_now(rds, pinned, own)
        .await?
        .ok_or_else(|| Error::new(D::ERROR, identifier, format!("cannot restore: {pinned} does not exist")))?;
    // The check is right before the call, because a name does not identify a snapshot.
    unchanged(D::ERROR, identifier, pinned, &Seen::of(Some(&snapshot), D::pin))?;
    D::from_snapshot(rds, wanted, &snapshot).await
}

/// Refuses to restore unless the original has the name that the state machine passes.
fn check_original<O: Original>(kind: ErrorKind, event: &RestoreEvent<O>, name_now: Option<&str>) -> Result<()> {
    let names = &event.plan.names.database;
    let (expected, wanted) = (names.of(event.original_at)?, names.of(event.to)?);
    match name_now {
        Some(name) if expected == name => Ok(()),
        name => Err(Error::new(
            kind,
            &event.request.identifier,
            format!(
                "nothing was restored: the original ({}) is called {}, but it has to be called {expected} before a \
                 database can be restored as {wanted}",
                event.plan.original.resource_id(),
                name.unwrap_or("nothing")
            ),
        )),
    }
}

/// Returns an error if the snapshot is not the pinned one. A deleted snapshot proves nothing about the restored database.
fn unchanged(kind: ErrorKind, identifier: &str, pinned: &Source, now: &Seen) -> Result<()> {
    match source::difference(pinned, now) {
        Some(difference) => Err(Error::new(kind, identifier, format!("the restore is not used: {difference}"))),
        None => Ok(()),
    }
}

/// The error for a name that another database has.
fn taken(kind: ErrorKind, identifier: &str, why: &str) -> Error {
    Error::new(
        kind,
        identifier,
        format!(
            "cannot restore: the name {identifier} is taken by a database that is not the run's own ({why}). Rename \
             or delete that database, then start the run again"
        ),
    )
}

/// The moment of a restore, as RDS's calls take it.
fn moment(source: &Source) -> DateTime {
    DateTime::from_secs(i64::try_from(source.created_at.epoch_seconds()).unwrap_or(i64::MAX))
}

/// AWS refused the call: the failed action, and the remedy if it is known.
fn refused<E>(kind: ErrorKind, identifier: &str, doing: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let remedy = code.and_then(causes::of_code).map(|cause| cause.in_brackets()).unwrap_or_default();
    Error::from_aws(kind, identifier, format!("{doing}{remedy}"), error)
}

/// The database under the name, if this execution restored it; an error for any other.
fn restored_by_us<'a, D: Database, O: Original>(
    kind: ErrorKind,
    found: Option<&'a D>,
    event: &RestoreEvent<O>,
    identifier: &DatabaseIdentifier,
) -> Result<Option<&'a D>> {
    match found.and_then(|found| Ownership::of(found).missing(&event.request, &event.plan.planned())) {
        Some(why) => Err(taken(kind, identifier.as_str(), &why)),
        None => Ok(found),
    }
}
