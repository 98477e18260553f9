//! Takes the snapshot that a run restores, or replaces the existing one.
//!
//! [`instance`] and [`cluster`] make the calls of their kind; `plan` decides on the next call from the present snapshots;
//! this file joins the two. Each invocation makes one change and returns the goal of the wait. The state machine calls
//! again until no change is left. The step refuses to replace a snapshot that no run took, or that belongs to another
//! database. The tags on the final snapshot stay: the release at the end of the run removes them.

use aws_sdk_rds::types::Tag;
use plan::{Act, Name, Refused, Seen, State, Way};
use trapheus_common::document::{Names, Request, Source, StepOutput, TaskName};
use trapheus_common::identifiers::{DatabaseIdentifier, SnapshotIdentifier};
use trapheus_common::tags::{self, Role, Tags};
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{self, Phase};
use trapheus_common::{Error, ErrorKind, Result, claim};

pub mod cluster;
pub mod instance;
mod plan;

/// The calls of one kind of database.
trait Snapshots {
    /// Whether RDS copies snapshots of this database.
    fn can_be_copied(&self) -> bool;
    /// The database, claimed by this execution.
    async fn database(&self) -> Result<Database>;
    async fn look(&self, name: &SnapshotIdentifier) -> Result<Option<Found>>;
    async fn create(&self, name: &SnapshotIdentifier, tags: Vec<Tag>) -> std::result::Result<(), Refusal>;
    async fn copy(&self, from: &SnapshotIdentifier, to: &SnapshotIdentifier, tags: Vec<Tag>) -> Result<()>;
    /// Deletes the snapshot; an already deleted one is no error.
    async fn delete(&self, name: &SnapshotIdentifier) -> Result<()>;
}

/// The source of the snapshot.
struct Database {
    identifier: DatabaseIdentifier,
    resource_id: String,
    phase: Phase,
    /// The tags that its snapshot gets besides Trapheus's own.
    tags: Tags,
}

impl Database {
    fn new(
        request: &Request,
        (identifier, resource_id): (Option<&str>, &str),
        status: Option<&str>,
        tags: Tags,
    ) -> Self {
        Self {
            identifier: DatabaseIdentifier::reported(identifier.unwrap_or_default()),
            resource_id: resource_id.to_owned(),
            phase: acceptor::phase(request.kind, status.unwrap_or_default()),
            tags,
        }
    }
}

/// A snapshot, with the tags for its copy.
struct Found {
    seen: Seen,
    tags: Tags,
    /// Its identity, once RDS reports it.
    pinned: Option<Source>,
}

impl Found {
    fn new(status: Option<&str>, tag_list: &[Tag], foreign: Option<String>, pinned: Option<Source>) -> Self {
        let taken = tags::value(tag_list, tags::ROLE) == Some(Role::Snapshot.value());
        let taken_by = tags::value(tag_list, tags::EXECUTION).filter(|_| taken).map(str::to_owned);
        let seen = Seen { state: State::of(status.unwrap_or_default()), taken_by, foreign };
        Self { seen, tags: tags::of_the_user(tag_list), pinned }
    }
}

/// RDS's refusal to take a snapshot.
struct Refusal {
    error: Error,
    /// Whether the database's status is the reason.
    is_about_status: bool,
}

/// One step towards the snapshot.
async fn step(snapshots: &impl Snapshots, request: &Request, names: &Names) -> Result<StepOutput> {
    let step = SnapshotStep { snapshots, request, names };
    let database = snapshots.database().await?;
    if database.identifier != request.identifier {
        let message =
            format!("it was renamed to {} during the run; nothing was done to its snapshots", database.identifier);
        return Err(step.failed(message));
    }
    let (act, pair) = step.next().await?;
    match step.carry_out(act, &pair, &database).await {
        Ok(output) => Ok(output),
        Err(error) if matches!(act, Act::GiveUp(_)) => Err(error),
        // RDS may have carried out the call although its answer was lost, so the present snapshots decide.
        Err(error) => match step.next().await {
            Ok((act @ (Act::Done | Act::AwaitAvailable(_) | Act::AwaitGone(_)), pair)) => {
                step.carry_out(act, &pair, &database).await
            }
            Err(refused) if refused.kind() == ErrorKind::SnapshotCreation => Err(refused.caused_by(error)),
            _ => Err(error),
        },
    }
}

/// The two snapshots as they are now.
struct SnapshotPair {
    current: Option<Found>,
    staging: Option<Found>,
}

struct SnapshotStep<'a, S> {
    snapshots: &'a S,
    request: &'a Request,
    names: &'a Names,
}

impl<S: Snapshots> SnapshotStep<'_, S> {
    /// The next act. Tags show late, so a snapshot that this run has just taken may seem to be another's. A refusal counts
    /// only after minutes.
    async fn next(&self) -> Result<(Act, SnapshotPair)> {
        let decision = claim::look_until(async || self.decide().await, std::result::Result::is_ok).await?;
        decision.map_err(|refused| self.refused(&refused))
    }

    async fn decide(&self) -> Result<std::result::Result<(Act, SnapshotPair), Refused>> {
        let pair = SnapshotPair {
            current: self.snapshots.look(self.name(Name::Final)).await?,
            staging: self.snapshots.look(self.name(Name::Staging)).await?,
        };
        let seen = |found: &Option<Found>| found.as_ref().map(|found| found.seen.clone());
        let way = Way::of(self.request.options.snapshot_replacement, self.snapshots.can_be_copied());
        let (current, staging) = (seen(&pair.current), seen(&pair.staging));
        let act = plan::next(way, &self.request.execution, current.as_ref(), staging.as_ref());
        Ok(act.map(|act| (act, pair)))
    }

    async fn carry_out(&self, act: Act, pair: &SnapshotPair, database: &Database) -> Result<StepOutput> {
        let output = StepOutput::done(TaskName::SnapshotCreation, self.request.snapshot_identifier.as_str());
        match act {
            Act::Done => {
                let source = pair.current.as_ref().and_then(|current| current.pinned.clone());
                let source = source.ok_or_else(|| self.failed("RDS does not report when it was taken".to_owned()))?;
                Ok(StepOutput { source: Some(source), ..self.with_bystander_noted(output, pair) })
            }
            Act::AwaitAvailable(name) => Ok(output.then_more(self.available(name))),
            Act::AwaitGone(name) => Ok(output.then_more(self.gone(name))),
            Act::Create(name) => self.create(name, database, output).await,
            Act::Copy => {
                self.copy(pair).await?;
                Ok(output.then_more(self.available(Name::Final)))
            }
            Act::Delete(name) => {
                self.snapshots.delete(self.name(name)).await?;
                tracing::info!(db.snapshot = self.name(name).as_str(), "deleting the snapshot");
                Ok(output.then_more(self.gone(name)))
            }
            Act::GiveUp(name) => {
                self.snapshots.delete(self.name(name)).await?;
                Err(self.gave_up(name, pair))
            }
        }
    }

    async fn create(&self, name: Name, database: &Database, output: StepOutput) -> Result<StepOutput> {
        let tags = tags::with_mark(&database.tags, &self.request.execution, Role::Snapshot);
        match self.snapshots.create(self.name(name), tags).await {
            Ok(()) => {
                tracing::info!(db.snapshot = self.name(name).as_str(), "taking the snapshot");
                Ok(output.then_more(self.available(name)))
            }
            Err(Refusal { is_about_status: true, .. }) if self.is_busy(database).await? => {
                Ok(output.then_more(Goal::Available {
                    identifier: database.identifier.clone(),
                    resource_id: Some(database.resource_id.clone()),
                    members: Vec::new(),
                }))
            }
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Whether the database has a passing status, after RDS refused because of its status.
    async fn is_busy(&self, before: &Database) -> Result<bool> {
        Ok(before.phase == Phase::Passing || self.snapshots.database().await?.phase == Phase::Passing)
    }

    /// The copy gets the tags of its source: a copy that finishes another run's replacement is not this run's snapshot.
    async fn copy(&self, pair: &SnapshotPair) -> Result<()> {
        let Some(Found { seen: Seen { taken_by: Some(execution), .. }, tags, .. }) = &pair.staging else {
            return Err(Error::internal("a copy was decided on without a staging snapshot of ours"));
        };
        let marked = tags::with_mark(tags, execution, Role::Snapshot);
        self.snapshots.copy(self.name(Name::Staging), self.name(Name::Final), marked).await
    }

    fn name(&self, name: Name) -> &SnapshotIdentifier {
        match name {
            Name::Final => &self.request.snapshot_identifier,
            Name::Staging => &self.names.replacement_snapshot,
        }
    }

    fn available(&self, name: Name) -> Goal {
        Goal::SnapshotAvailable { identifier: self.name(name).clone() }
    }

    fn gone(&self, name: Name) -> Goal {
        Goal::SnapshotGone { identifier: self.name(name).clone() }
    }

    fn with_bystander_noted(&self, mut output: StepOutput, pair: &SnapshotPair) -> StepOutput {
        if pair.staging.is_some() {
            output
                .notes
                .push(format!("the snapshot {} is not this run's and was left alone", self.names.replacement_snapshot));
        }
        output
    }

    fn refused(&self, Refused { name, why }: &Refused) -> Error {
        self.failed(format!(
            "the run's snapshot needs the name {}, but the snapshot of that name is not touched, because {why}. Copy \
             it to another name if it is needed, delete it, and start the run again",
            self.name(*name)
        ))
    }

    fn gave_up(&self, name: Name, pair: &SnapshotPair) -> Error {
        let taken = self.name(name);
        let kept = match (name, &pair.current, &pair.staging) {
            (Name::Staging, Some(_), _) => format!("{} is kept", self.name(Name::Final)),
            (Name::Final, _, Some(_)) => {
                format!(
                    "the new snapshot is kept as {}; the next run finishes the replacement",
                    self.name(Name::Staging)
                )
            }
            _ => "there is no other".to_owned(),
        };
        self.failed(format!(
            "the snapshot {taken} ended in status failed and was removed; {kept}. Look at RDS's events"
        ))
    }

    fn failed(&self, message: String) -> Error {
        Error::new(ErrorKind::SnapshotCreation, self.request.identifier.as_str(), message)
    }
}
