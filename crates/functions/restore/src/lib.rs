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

use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rds::primitives::DateTime;
use trapheus_common::causes;
use trapheus_common::claim::Ownership;
use trapheus_common::document::{Original, RestoreEvent, Source};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::rds::Database;
use trapheus_common::source::{self, Seen};
use trapheus_common::{Error, ErrorKind, Result};

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
