//! Removes all claims of this execution, and no other. A copy of a claim on another database stays.
//!
//! The release is the last step of every run. So it also checks that a database has the service name.
//!
//! If one resource cannot be untagged, the release continues with the others and then returns the first error.

use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Tag;
use tokio::time::Instant;
use trapheus_common::claim::Claim;
use trapheus_common::document::{Names, Request, StepOutput, Target, TaskName};
use trapheus_common::rds::{self, Database};
use trapheus_common::tags::Role;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Error, ErrorKind, Result, tags};

/// The time of the search for an original that does not answer after a failure. It is longer than a rename hides a
/// database, and shorter than the function's time limit.
const SEARCH: Duration = Duration::from_secs(120);
/// The time of the search if the run has seen the deletion.
const GLANCE: Duration = Duration::from_secs(10);
/// The pause between two reads.
const PAUSE: Duration = Duration::from_secs(5);

/// The place of the original at the end of the run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Location {
    /// The original has its own name, or is deleted.
    Settled,
    /// The original has another name.
    LeftOver,
    /// The original has another name and is being deleted, or no read succeeded.
    Uncertain,
}

/// Removes this execution's tags from one resource after the other.
pub(crate) struct Release<'a> {
    rds: &'a Client,
    request: &'a Request,
    done: Vec<String>,
    outcome: Result<()>,
    is_anothers: bool,
    original: Location,
    /// Whether no claim identifies the original: a recovery may run too late for that.
    is_unknown: bool,
    began: Instant,
}

impl<'a> Release<'a> {
    pub(crate) fn new(rds: &'a Client, request: &'a Request, original: &Target) -> Self {
        Self {
            rds,
            request,
            done: Vec::new(),
            outcome: Ok(()),
            is_anothers: false,
            original: Location::Settled,
            is_unknown: original.resource_id.is_empty(),
            began: Instant::now(),
        }
    }

    /// The result of a read; after a failed read, the default value. The error is kept for the end.
    pub(crate) fn found<T: Default>(&mut self, look: Result<T>) -> T {
        look.unwrap_or_else(|error| {
            self.remember(Err(error));
            T::default()
        })
    }

    /// Removes Trapheus's tags from a snapshot if this execution set them, or if only the role of a claim is left.
    pub(crate) async fn from(&mut self, arn: Option<&str>, found: &[Tag]) {
        let Some(arn) = arn.filter(|arn| !self.done.iter().any(|done| done == arn)) else { return };
        let is_half = tags::value(found, tags::EXECUTION).is_none() && tags::value(found, tags::ROLE).is_some();
        if is_half || tags::marked_by(found, &self.request.execution) {
            self.untag(arn).await;
        }
    }

    async fn untag(&mut self, arn: &str) {
        self.done.push(arn.to_owned());
        let outcome = rds::remove_tags(self.rds, arn, &tags::OURS).await;
        self.remember(outcome);
    }

    /// As [`Self::from`], for a database, unless its tags name another database.
    pub(crate) async fn off_database(&mut self, database: &impl Database) {
        let named = tags::value(database.tags(), tags::RESOURCE_ID);
        if named.is_none_or(|named| Some(named) == database.resource_id()) {
            self.from(database.arn(), database.tags()).await;
        }
    }

    /// As [`Self::off_database`], for a member of a cluster. The claim on a cluster holds for its members. So a cluster
    /// with this execution's claim also loses void claims of other executions on its members.
    pub(crate) async fn off_member<D: Database>(&mut self, member: &D, is_cluster_ours: bool) {
        match member.arn() {
            Some(arn) if is_cluster_ours && Claim::on(member).is_some_and(|claim| claim.is_proven) => {
                self.untag(arn).await;
            }
            _ => self.off_database(member).await,
        }
    }

    /// As [`Self::off_database`], for the database that has the service name. Its claim stays while the original is left
    /// over, because a recovery needs it to tell the two apart. A verified database succeeds the original; a rollback
    /// deletes an unverified one by its proofs.
    pub(crate) async fn of_holder<D: Database>(&mut self, holder: &D) {
        let claim = Claim::on(holder).filter(|claim| claim.is_by(&self.request.execution));
        let has_role = |role| claim.is_some_and(|claim| claim.has_role(role));
        let is_successor = self.original != Location::Settled && has_role(Role::Verified);
        let is_discarded_later = self.original == Location::LeftOver && has_role(Role::Restored);
        if !is_successor && !is_discarded_later {
            self.off_database(holder).await;
        }
    }

    /// Searches for the original, and stores its place.
    ///
    /// A single read that does not find the original proves nothing: between two names a database does not answer. A
    /// successful run has just seen the deletion; after a failure the search lasts as long as a step may. A read without a
    /// claim proves nothing either. A failed step may have written the claim just before, and tags show late.
    pub(crate) async fn find_original<D: Database>(
        &mut self,
        look: impl AsyncFn() -> Result<Option<D>>,
        after_failure: bool,
    ) {
        let patience = match (self.is_unknown, after_failure) {
            (true, _) => Duration::ZERO,
            (false, true) => SEARCH,
            (false, false) => GLANCE,
        };
        let end = self.began + patience;
        let mut found = look().await;
        while is_unsettled(&found, after_failure) && Instant::now() + PAUSE < end {
            tokio::time::sleep(PAUSE).await;
            found = look().await;
        }
        self.look_at_original(found);
    }

    /// The databases of a read after a failure, once each of them shows a claim or has had the time to show one. A failed
    /// step may have claimed some of them just before.
    pub(crate) async fn find_claimed<D: Database>(
        &mut self,
        look: impl AsyncFn() -> Result<Vec<D>>,
        may_be_claimed: impl Fn(&D) -> bool,
    ) -> Vec<D> {
        let end = self.began + SEARCH;
        let mut found = look().await;
        let is_late = |found: &Result<Vec<D>>| {
            let mut databases = found.iter().flatten();
            databases.any(|database| may_be_claimed(database) && Claim::on(database).is_none())
        };
        while !self.is_anothers && is_late(&found) && Instant::now() + PAUSE < end {
            tokio::time::sleep(PAUSE).await;
            found = look().await;
        }
        self.found(found)
    }

    /// Stores the place of the original. If another execution works on the original by now, that execution is responsible
    /// for its end.
    fn look_at_original<D: Database>(&mut self, look: Result<Option<D>>) {
        self.original = match &look {
            Err(_) => Location::Uncertain,
            Ok(None) => Location::Settled,
            Ok(Some(now)) if now.is_named(self.request.identifier.as_str()) => Location::Settled,
            Ok(Some(now)) => match now.phase() {
                Phase::Deleting => Location::Uncertain,
                Phase::Available | Phase::Passing | Phase::Stopped | Phase::Broken => Location::LeftOver,
            },
        };
        let holder = self.found(look).and_then(|now| Some(Claim::on(&now)?.execution.to_owned()));
        self.is_anothers = holder.is_some_and(|holder| holder != self.request.execution);
    }

    /// Whether a rollback is at work: the original has not returned, and RDS is renaming the database under its name. That
    /// rollback, or the recovery after it, proves by the claims which databases it may delete, so all claims stay.
    pub(crate) fn is_rolled_back_now<D: Database>(&self, holder: Option<&D>) -> bool {
        self.original != Location::Settled && holder.is_none_or(|holder| holder.pending_identifier().is_some())
    }

    /// Checks the database under the service name at the end of the run. A run that moved the database fails without one.
    pub(crate) fn check_end<D: Database>(&mut self, holder: Option<&D>) {
        let Request { kind, identifier, .. } = self.request;
        let Some(holder) = holder else {
            return self.ends_badly(&format!("no {kind} answers as {identifier}"));
        };
        match holder.pending_identifier() {
            Some(next) => self.ends_badly(&format!("{identifier} is being renamed to {next}")),
            None => self.check_status(holder),
        }
    }

    /// As [`Self::check_end`], for the status of the database or of one of its members.
    pub(crate) fn check_status<D: Database>(&mut self, database: &D) {
        match database.phase() {
            Phase::Available | Phase::Passing => {}
            Phase::Stopped | Phase::Deleting | Phase::Broken => {
                let status = database.status().unwrap_or_default();
                self.ends_badly(&format!("the {} {} is in status {status}", D::KIND, database.name()));
            }
        }
    }

    fn ends_badly(&mut self, problem: &str) {
        if self.request.task.restores() && !self.is_anothers {
            let message = format!("at the end, {problem}");
            self.remember(Err(Error::new(ErrorKind::InstanceUnavailable, &self.request.identifier, message)));
        }
    }

    /// The step's output, or the first error.
    pub(crate) fn output(self) -> Result<StepOutput> {
        self.outcome.map(|()| StepOutput::done(TaskName::Release, &self.request.identifier))
    }

    fn remember(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            tracing::warn!(db.identifier = self.request.identifier.as_str(), error = error.report(), "mark not lifted");
            if self.outcome.is_ok() {
                self.outcome = Err(error);
            }
        }
    }
}

/// Whether a read of the original may be too early for a conclusion.
fn is_unsettled<D: Database>(look: &Result<Option<D>>, after_failure: bool) -> bool {
    match look {
        Ok(None) => true,
        Ok(Some(now)) => after_failure && Claim::on(now).is_none(),
        Err(_) => false,
    }
}

/// Whether the snapshot is a replacement under way, which keeps its tags so that the next run finishes it. A snapshot that
/// a person took under the same name has only the tags that RDS copied from the database.
pub(crate) fn is_replacement(names: &Names, identifier: Option<&str>, found: &[Tag]) -> bool {
    identifier == Some(names.replacement_snapshot.as_str())
        && tags::value(found, tags::ROLE) == Some(tags::Role::Snapshot.value())
}
