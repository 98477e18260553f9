//! The verdict on the databases after a failed run, and the commands that repair them, in order.
//!
//! A pure function: from the run and the look at its resources to a [`Verdict`]. A person runs the commands, so they are
//! cautious. They delete a restored database only if the run provably restored it, and the original only if its verified
//! successor is available. A restored database that was in service is moved aside first, and deleted with a final snapshot.
//! If any other database has the service name, a person decides: no command takes the name from it.

use std::borrow::Cow;

use trapheus_common::commands::{self, Cli, Kept};
use trapheus_common::document::{Member, Names, OriginalCluster, Request, Source, Target};
use trapheus_common::identifiers::{DatabaseKind, execution_machine};
use trapheus_common::tags;
use trapheus_common::wait::acceptor::{Phase, phase, was_never_in_service};

use crate::backup::Backup;
use crate::resources::{Database, Origin, Resources, SnapshotStatus};
use crate::run::{Described, Original, Progress, Recovery, Run};
use crate::words;

/// A deletion that keeps no data.
const NOTHING: Kept<'_> = Kept { snapshot: None, automated_backups: false };

/// The sentence before commands that change databases.
const IN_ORDER: &str =
    "Check the resource ids above first, then run these in order, each once the one before has succeeded:";

/// The state of the databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A database is available under the service name, and no database is left over.
    Well,
    /// A person has to act.
    ActionNeeded,
    /// RDS did not answer the look.
    Unknown,
}

/// The judgement on the databases that exist now.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub standing: Standing,
    /// The outcome in a few words, for the subject.
    pub summary: &'static str,
    /// The outcome in one sentence.
    pub headline: String,
    /// Whether the original is available under its name again, even if other work is left.
    pub is_back: bool,
    /// Whether the restored database, moved aside, is left over.
    pub has_leftover: bool,
    /// Further facts that a person needs before acting.
    pub remarks: Vec<String>,
    /// The sentence before the commands.
    pub introduction: &'static str,
    pub commands: Vec<Command>,
}

/// A command of the AWS CLI with its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub purpose: String,
    pub line: String,
}

impl Command {
    fn new(purpose: impl Into<String>, line: &commands::Command<'_>) -> Self {
        Self { purpose: purpose.into(), line: line.to_string() }
    }
}

/// Judges the databases that exist after the run.
pub fn judge(run: &Run, resources: &Resources, region: &str) -> Verdict {
    let Some(request) = &run.request else {
        return match &run.recovery {
            Some(recovery) => not_recovered(recovery, Commands(Cli::in_region(region))),
            None => well(words::NOTHING_TOUCHED, "Nothing was touched: the input was refused.".to_owned()),
        };
    };
    // This verdict needs no look: the run changed nothing.
    if run.progress == Progress::Untouched && run.recovery.is_none() {
        return well(words::NOTHING_TOUCHED, format!("Nothing was touched, {} included.", request.identifier));
    }
    let databases = match &resources.databases {
        Ok(databases) => databases,
        Err(reason) => {
            return Verdict {
                standing: Standing::Unknown,
                summary: words::BLIND,
                headline: format!("It is not known what exists now: RDS could not be looked at ({reason})."),
                is_back: false,
                has_leftover: false,
                remarks: vec![format!(
                    "Look at {} and {} in the RDS console.",
                    request.identifier,
                    run.names(request).database.parked
                )],
                introduction: IN_ORDER,
                commands: Vec::new(),
            };
        }
    };
    let Some(original) = &run.original else {
        if run.progress == Progress::Unresolved {
            return unresolved(request, databases);
        }
        return well(words::NOTHING_TOUCHED, format!("Nothing was touched, {} included.", request.identifier));
    };
    let snapshots = resources.snapshots.as_deref().unwrap_or_default();
    let place = Place { run, request, original, databases, snapshots, commands: Commands(Cli::in_region(region)) };
    if let Some(verdict) = place.of_another_run() {
        return verdict;
    }
    let mut verdict = place.as_far_as_it_came();
    place.look_after_snapshots(&mut verdict);
    place.look_after_tags(&mut verdict);
    verdict
}

/// A recovery that failed before it knew the interrupted run.
fn not_recovered(recovery: &Recovery, commands: Commands<'_>) -> Verdict {
    let mut verdict = action_needed(format!("It is not known what is left to do: {}.", words::FOUND_NOTHING_OUT));
    if let Some(execution) = &recovery.interrupted {
        verdict.remarks.push(format!(
            "The execution {execution} did not succeed. Look in the RDS console whether its database is under its \
             name. If a database with `-temp` behind its name exists too, that one is the original."
        ));
        verdict.commands.extend(commands.recover(&recovery.execution, execution));
    }
    verdict.introduction = "Remove the cause first, then start the recovery again:";
    if verdict.commands.is_empty() {
        verdict.remarks.push("Remove the cause, then start the recovery again with the same input.".to_owned());
    }
    verdict
}

/// No claim tells which database is the original.
fn unresolved(request: &Request, databases: &[Database]) -> Verdict {
    let name = &request.identifier;
    let is_there =
        databases.iter().any(|database| database.kind == request.kind && database.identifier == name.as_str());
    let headline = if is_there {
        format!("{name} answers, but no tag identifies the original.")
    } else {
        format!("No {} answers as {name}, and no tag identifies the original.", request.kind)
    };
    let mut verdict = action_needed(headline);
    verdict.remarks.push(format!(
        "The tags that identify the original were removed, or the database was renamed. Look for it in the RDS console, above \
         all under {} and by the tag {} = {}, and give it its name back. A tag {} that names another resource id is a copy.",
        Names::rename_first(request).database.parked,
        tags::EXECUTION,
        request.execution,
        tags::RESOURCE_ID
    ));
    verdict
}

impl Verdict {
    fn needs_action(&mut self) {
        self.standing = Standing::ActionNeeded;
        self.summary = words::ACTION_NEEDED;
    }
}

fn well(summary: &'static str, headline: String) -> Verdict {
    Verdict {
        standing: Standing::Well,
        summary,
        headline,
        is_back: summary == words::BACK,
        has_leftover: false,
        remarks: Vec::new(),
        introduction: IN_ORDER,
        commands: Vec::new(),
    }
}

fn action_needed(headline: String) -> Verdict {
    Verdict { standing: Standing::ActionNeeded, ..well(words::ACTION_NEEDED, headline) }
}

/// The run, with the databases and snapshots that exist after it.
struct Place<'a> {
    run: &'a Run,
    request: &'a Request,
    original: &'a Original,
    databases: &'a [Database],
    snapshots: &'a [SnapshotStatus],
    commands: Commands<'a>,
}

impl Place<'_> {
    fn named(&self, kind: DatabaseKind, identifier: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.kind == kind && database.identifier == identifier)
    }

    /// The database under the run's service name.
    fn home(&self) -> Option<&Database> {
        self.named(self.request.kind, self.request.identifier.as_str())
    }

    /// The database under the aside name: the restored one if its origin is proven, else any database of that name.
    fn aside(&self) -> Option<&Database> {
        self.named(self.request.kind, self.run.names.as_ref()?.aside.as_str())
    }

    /// The status of the final snapshot of the database that was moved aside, if that snapshot exists.
    fn discarded(&self) -> Option<&str> {
        let name = &self.run.names.as_ref()?.discarded_snapshot;
        self.snapshots.iter().skip(2).find(|snapshot| snapshot.identifier == *name)?.status.as_deref()
    }

    fn find(&self, target: &Target) -> Option<&Database> {
        self.databases.iter().find(|database| database.resource_id == target.resource_id)
    }

    fn members_of<'b>(&'b self, cluster: &'b str) -> impl Iterator<Item = &'b Database> {
        self.databases.iter().filter(move |database| database.member_of.as_deref() == Some(cluster))
    }

    /// The verdict by the progress of the run before its failure.
    fn as_far_as_it_came(&self) -> Verdict {
        match self.run.progress {
            Progress::Verified => self.after_verification(),
            Progress::Untouched | Progress::Claimed | Progress::Renamed | Progress::Unresolved => self.after_rollback(),
        }
    }

    /// The verdict if another execution claims the original: that execution, while it runs, decides about the databases.
    fn of_another_run(&self) -> Option<Verdict> {
        let original = self.find(self.original.target())?;
        let claim = original.claim.as_deref().filter(|claim| *claim != self.run.execution)?;
        let name = &self.request.identifier;
        let is_available = phase(original.kind, &original.status) == Phase::Available;
        let is_home = |target: &Target| self.find(target).is_some_and(|found| at_home(found, target));
        let is_well = is_home(self.original.target()) && self.original.own_members().all(is_home) && is_available;
        let mut verdict = if is_well {
            well(words::ANOTHER_RUN, format!("Another execution works on {name}; this one changes nothing more."))
        } else {
            let mut verdict = self.as_far_as_it_came();
            verdict.needs_action();
            if self.run.progress == Progress::Verified {
                // That execution's rollback may need the original.
                verdict.commands.clear();
                verdict.remarks.insert(0, format!("{claim} claims the original: have that execution recovered first."));
                return Some(verdict);
            }
            verdict
                .remarks
                .insert(0, format!("Run the commands only if {claim} no longer runs: it claims the original."));
            self.look_after_tags(&mut verdict);
            return Some(verdict);
        };
        verdict.remarks.push(format!("That execution is {claim}. It may have changed everything that is listed here."));
        let machine = execution_machine(claim);
        let is_of_another = machine.is_some() && machine != execution_machine(&self.run.execution);
        verdict.remarks.push(if is_of_another {
            format!(
                "It is of another state machine, whose claims this one respects. If it no longer runs, have that one recover \
                 it, or remove the tags {} from {name}.",
                tags::OURS.join(", ")
            )
        } else {
            "If it no longer runs, starting the task again takes the database over.".to_owned()
        });
        Some(verdict)
    }

    /// The verdict without a verified database: the original belongs under its name.
    fn after_rollback(&self) -> Verdict {
        let name = &self.request.identifier;
        let target = self.original.target();
        let Some(original) = self.find(target) else {
            return self.without_original("no longer exists");
        };
        let is_going = phase(original.kind, &original.status) == Phase::Deleting;
        if is_going && (!at_home(original, target) || self.last_copy().is_some()) {
            return self.without_original("is being deleted");
        }
        let strays = self.original.own_members().any(|member| self.find(member).is_some_and(|m| !at_home(m, member)));
        if at_home(original, target) && !strays {
            let mut verdict = self.original_at_home(original);
            self.look_after_aside(&mut verdict, Members::Left);
            return verdict;
        }
        let mut verdict = action_needed(match self.home() {
            None => {
                format!("No {} answers as {name}: the original is still called {}.", original.kind, original.identifier)
            }
            Some(home) if home.origin == Origin::Original => {
                format!("{name} is the original again, but not every member is back under its name.")
            }
            Some(home) => {
                format!("{name} is {}; the original is still called {}.", in_words(home.origin), original.identifier)
            }
        });
        self.put_back(original, &mut verdict);
        self.look_after_aside(&mut verdict, Members::Deleted);
        verdict.remarks.push(self.try_again());
        verdict
    }

    /// The same repair, done by the state machine.
    fn try_again(&self) -> String {
        format!(
            "Instead of the commands, you can start a recovery. Remove the cause, then start the state machine with \
             the input {{\"task\": \"recover\", \"execution\": \"{}\"}}.",
            self.run.execution
        )
    }

    fn original_at_home(&self, original: &Database) -> Verdict {
        let name = &self.request.identifier;
        let never_left = self.run.progress < Progress::Renamed;
        let mut verdict = match phase(original.kind, &original.status) {
            Phase::Available if self.run.cannot_tell_original() => {
                well(words::NOTHING_TO_UNDO, format!("{name} is available, and the run has left nothing to undo."))
            }
            Phase::Available if never_left => {
                well(words::UNTOUCHED, format!("{name} is the original, untouched and available."))
            }
            Phase::Available => well(words::BACK, format!("{name} is the original again, and available.")),
            Phase::Passing => action_needed(format!(
                "{name} is the original, but not available yet: its status is {}.",
                original.status
            )),
            Phase::Stopped | Phase::Deleting | Phase::Broken => {
                action_needed(format!("{name} is the original, but its status is {}.", original.status))
            }
        };
        self.make_available(original, &mut verdict);
        for member in self.original.own_members().filter_map(|member| self.find(member)) {
            if phase(member.kind, &member.status) != Phase::Available {
                verdict.remarks.push(format!("Its member {} is in status {}.", member.identifier, member.status));
                verdict.needs_action();
                verdict.is_back = false;
                self.make_available(member, &mut verdict);
            }
        }
        self.look_after_failed_members(&original.identifier, &mut verdict);
        if self.original.deletion_protection() && !original.deletion_protection {
            verdict.needs_action();
            verdict.commands.push(self.commands.protect(original.kind, &original.identifier, true));
        }
        verdict
    }

    /// Adds the remedy for a status that is not `available`.
    fn make_available(&self, database: &Database, verdict: &mut Verdict) {
        let Database { kind, identifier, status, .. } = database;
        match phase(*kind, status) {
            Phase::Available => {}
            Phase::Passing => verdict.commands.push(self.commands.wait(*kind, "available", identifier)),
            Phase::Stopped => verdict.commands.push(self.commands.start(*kind, identifier)),
            Phase::Deleting => verdict.remarks.push(format!("RDS is deleting {identifier}.")),
            Phase::Broken => verdict.remarks.push(format!(
                "The status {status} does not pass by itself: look at the recent events of {identifier} in the RDS console."
            )),
        }
    }

    /// As [`Self::make_available`], before a rename: RDS renames an available database only. A database that is being
    /// renamed soon loses the name that a command would wait for.
    fn await_available(&self, database: &Database, verdict: &mut Verdict) {
        if database.status == "renaming" {
            return;
        }
        self.make_available(database, verdict);
        if phase(database.kind, &database.status) == Phase::Stopped {
            verdict.commands.push(self.commands.wait(database.kind, "available", &database.identifier));
        }
    }

    /// RDS repairs the members of a Multi-AZ DB cluster, but a failed member needs a person.
    fn look_after_failed_members(&self, cluster: &str, verdict: &mut Verdict) {
        let is_own =
            |database: &Database| self.original.own_members().any(|member| member.resource_id == database.resource_id);
        for member in self.members_of(cluster).filter(|member| !is_own(member)) {
            if phase(member.kind, &member.status) == Phase::Broken {
                verdict.needs_action();
                verdict.remarks.push(format!(
                    "The member {} is in status {}, which does not pass by itself: look at its recent events in the RDS console.",
                    member.identifier, member.status
                ));
            }
        }
    }

    /// Clears the name, then gives the original and its members their names back.
    fn put_back(&self, original: &Database, verdict: &mut Verdict) {
        let target = self.original.target();
        let mut moved = None;
        if !at_home(original, target) {
            match self.home() {
                Some(home) if home.origin == Origin::Restored => moved = self.clear_the_name(home, verdict),
                Some(home) => verdict.remarks.push(format!(
                    "{} ({}) is in the way and is {}: decide what becomes of it, then run the commands.",
                    home.identifier,
                    home.resource_id,
                    in_words(home.origin)
                )),
                None => {}
            }
            self.await_available(original, verdict);
            verdict.commands.extend(self.commands.rename(
                original.kind,
                &original.identifier,
                target.identifier().as_str(),
            ));
        }
        let aside = self.aside().filter(|aside| is_deletable(aside));
        for restored in moved.map(|(home, _)| home).into_iter().chain(aside) {
            self.free_member_names(restored, verdict);
        }
        for member in self.original.own_members() {
            let named = self.named(DatabaseKind::Instance, member.identifier().as_str());
            match self.find(member) {
                Some(found) if !at_home(found, member) => {
                    // An earlier command deletes a restored member, with its cluster.
                    if let Some(other) = named.filter(|other| other.origin != Origin::Restored) {
                        verdict.remarks.push(format!(
                            "{} ({}) has the name of the member {} and is {}: decide what becomes of it, then give the \
                             member its name.",
                            other.identifier,
                            other.resource_id,
                            member.resource_id,
                            in_words(other.origin)
                        ));
                        continue;
                    }
                    verdict.commands.extend(self.commands.rename(
                        DatabaseKind::Instance,
                        &found.identifier,
                        member.identifier().as_str(),
                    ));
                }
                Some(_) => {}
                None => verdict.remarks.push(format!("The member {} no longer exists.", member.identifier())),
            }
        }
        if let Some((database, aside)) = moved {
            self.discard(database, aside, verdict);
        }
    }

    /// Frees the service name. Moves a restored database aside if it was in service; deletes it otherwise. Returns the
    /// moved database and its new name.
    fn clear_the_name<'b>(&'b self, home: &'b Database, verdict: &mut Verdict) -> Option<(&'b Database, &'b str)> {
        let Database { kind, identifier, status, .. } = home;
        if was_never_in_service(*kind, status, home.was_available) {
            self.delete(home, "the database this run restored, which was never in service", NOTHING, verdict);
            return None;
        }
        match phase(*kind, status) {
            Phase::Available | Phase::Passing | Phase::Stopped => self.await_available(home, verdict),
            Phase::Deleting => {
                verdict.commands.push(self.commands.wait(*kind, "deleted", identifier));
                return None;
            }
            Phase::Broken => {
                verdict.remarks.push(format!(
                    "Clients may have written to {identifier}. Its status {status} allows neither a rename nor a final snapshot, \
                     so the commands keep its automated backups. If it has none, its data is lost: decide first."
                ));
                let kept = Kept { snapshot: None, automated_backups: true };
                self.delete(home, "the database this run restored", kept, verdict);
                return None;
            }
        }
        let aside = self.run.names.as_ref().map(|names| names.aside.as_str())?;
        if self.aside().is_some() {
            verdict.remarks.push(format!("The name {aside} is taken: choose another one for the first rename."));
        }
        let mut rename = self.commands.rename(*kind, identifier, aside);
        rename[0].purpose = format!("move {identifier}, the database this run restored, aside");
        verdict.commands.extend(rename);
        Some((home, aside))
    }

    /// Deletes the members of a restored cluster: they hold no data, and the original's members need their names.
    fn free_member_names(&self, restored: &Database, verdict: &mut Verdict) {
        self.delete_members(restored, verdict);
        let deleted = self.own_members_of(restored).filter(|member| member.origin == restored.origin);
        let waits = deleted.map(|member| self.commands.wait(DatabaseKind::Instance, "deleted", &member.identifier));
        verdict.commands.extend(waits);
    }

    /// Deletes the database that was moved aside, with a final snapshot, because clients may have written to it.
    fn discard(&self, database: &Database, name: &str, verdict: &mut Verdict) {
        let Some(names) = &self.run.names else { return };
        if self.has_strangers(database) {
            return;
        }
        if database.deletion_protection {
            verdict.commands.push(self.commands.protect(database.kind, name, false));
        }
        let snapshot = &names.discarded_snapshot;
        let (what, kept) = match self.discarded() {
            Some("available") => (format!("whose final snapshot {snapshot} is available"), NOTHING),
            _ => (
                format!("the database this run restored, with the final snapshot {snapshot}"),
                Kept { snapshot: Some(snapshot.as_str()), automated_backups: false },
            ),
        };
        verdict.commands.push(self.commands.delete(database.kind, name, &what, kept));
        verdict.commands.push(self.commands.wait(database.kind, "deleted", name));
    }

    /// The database that a rollback moved aside, and its final snapshot.
    fn look_after_aside(&self, verdict: &mut Verdict, members: Members) {
        let Some(names) = &self.run.names else { return };
        let snapshot = &names.discarded_snapshot;
        let kept = self.discarded().map(|status| {
            format!(
                "Data that clients wrote to the restored database is in its final snapshot {snapshot}, status {status}."
            )
        });
        match self.aside() {
            None => verdict.remarks.extend(kept),
            Some(aside) if aside.origin != Origin::Restored => verdict.remarks.push(format!(
                "{} ({}) is {}: no command changes it.",
                aside.identifier,
                aside.resource_id,
                in_words(aside.origin)
            )),
            Some(aside) if phase(aside.kind, &aside.status) == Phase::Deleting => {
                let none = || format!("RDS shows no final snapshot {snapshot} yet.");
                verdict.remarks.push(format!(
                    "{}, the database this run restored, is being deleted. {}",
                    aside.identifier,
                    kept.unwrap_or_else(none)
                ));
            }
            Some(aside) => {
                verdict.needs_action();
                let left = format!(" {}, the database that this run restored, is left over.", aside.identifier);
                verdict.headline.push_str(&left);
                verdict.has_leftover = true;
                verdict.remarks.push(format!(
                    "{} is the database this run restored. It had the name, so clients may have written to it. Keep it as long \
                     as that data is needed.",
                    aside.identifier
                ));
                verdict.remarks.extend(kept);
                if members == Members::Left {
                    self.delete_members(aside, verdict);
                }
                self.discard(aside, &aside.identifier, verdict);
            }
        }
    }

    /// The members of an Aurora cluster. RDS owns the members of a Multi-AZ DB cluster.
    fn own_members_of<'b>(&'b self, cluster: &'b Database) -> impl Iterator<Item = &'b Database> {
        let is_aurora = self.original.own_members().next().is_some();
        self.members_of(&cluster.identifier).filter(move |_| is_aurora)
    }

    /// Deletes the members of an Aurora cluster.
    fn delete_members(&self, cluster: &Database, verdict: &mut Verdict) {
        let identifier = &cluster.identifier;
        for member in self.own_members_of(cluster).filter(|member| member.origin == cluster.origin) {
            verdict.commands.push(self.commands.delete_member(&member.identifier, identifier));
        }
        self.remark_on_strangers(cluster, verdict);
    }

    /// Whether the cluster has a member of another origin: a person decides about that member first.
    fn has_strangers(&self, cluster: &Database) -> bool {
        self.own_members_of(cluster).any(|member| member.origin != cluster.origin)
    }

    fn remark_on_strangers(&self, cluster: &Database, verdict: &mut Verdict) {
        let identifier = &cluster.identifier;
        for member in self.own_members_of(cluster).filter(|member| member.origin != cluster.origin) {
            verdict.remarks.push(format!(
                "{} ({}) is a member of {identifier}, but not one this run knows: decide what becomes of it. While it exists, \
                 {identifier} cannot be deleted, so no command deletes it.",
                member.identifier, member.resource_id
            ));
        }
    }

    /// Deletes a database, after the members of a cluster.
    fn delete(&self, database: &Database, what: &str, kept: Kept<'_>, verdict: &mut Verdict) {
        let Database { kind, identifier, .. } = database;
        if self.has_strangers(database) {
            self.remark_on_strangers(database, verdict);
            return;
        }
        if database.deletion_protection {
            verdict.commands.push(self.commands.protect(*kind, identifier, false));
        }
        self.delete_members(database, verdict);
        verdict.commands.push(self.commands.delete(*kind, identifier, what, kept));
        verdict.commands.push(self.commands.wait(*kind, "deleted", identifier));
    }

    /// The restored database that a rollback moved aside, unless RDS already deletes it.
    fn last_copy(&self) -> Option<&Database> {
        let is_kept =
            |aside: &&Database| aside.origin == Origin::Restored && phase(aside.kind, &aside.status) != Phase::Deleting;
        self.aside().filter(is_kept)
    }

    /// The verdict if the original is deleted or being deleted, although no restored database was verified.
    fn without_original(&self, how: &str) -> Verdict {
        let name = &self.request.identifier;
        let gone = format!("The original ({}) {how}", self.original.target().resource_id);
        let original = self.home().filter(|home| home.origin == Origin::Original);
        match (self.home().filter(|home| home.origin != Origin::Original), self.last_copy()) {
            (Some(home), _) if home.origin == Origin::Restored => {
                let mut verdict = action_needed(format!(
                    "{gone}; {name} is the database that this run restored, in status {}, and was not verified.",
                    home.status
                ));
                verdict
                    .remarks
                    .push(format!("Do not delete {name}: compare its settings and data with what you expect."));
                verdict
            }
            (Some(home), _) => {
                action_needed(format!("{gone}; {name} ({}) is {}.", home.resource_id, in_words(home.origin)))
            }
            (None, Some(aside)) => {
                let mut verdict = action_needed(format!(
                    "{gone}, so {name} has no database; the database that this run restored is {}.",
                    aside.identifier
                ));
                verdict.remarks.push(format!(
                    "Do not delete {}: no other copy is left under a name of this run. It was not verified, so compare its \
                     settings and data with what you expect. The commands give it the name {name}.",
                    aside.identifier
                ));
                if let Some(original) = original {
                    verdict.commands.push(self.commands.wait(original.kind, "deleted", &original.identifier));
                }
                self.await_available(aside, &mut verdict);
                verdict.commands.extend(self.commands.rename(aside.kind, &aside.identifier, name.as_str()));
                if let Described::Cluster(cluster) = &self.original.described {
                    let is_there = |member: &&Member| {
                        self.named(DatabaseKind::Instance, member.target.identifier().as_str()).is_some()
                    };
                    let missing = cluster.own_members().iter().filter(|member| !is_there(member));
                    verdict
                        .commands
                        .extend(missing.map(|member| self.commands.create_member(name.as_str(), cluster, member)));
                }
                verdict
            }
            (None, None) => {
                let mut verdict = action_needed(format!("{gone}, and no {} answers as {name}.", self.request.kind));
                verdict.remarks.push("The commands restore it from its backup with its main settings.".to_owned());
                self.look_after_aside(&mut verdict, Members::Left);
                verdict.commands = self.commands.restore(self.request, self.run.source.as_ref(), self.original);
                verdict
            }
        }
    }

    /// The verified database, under any name.
    fn verified(&self) -> Option<&Database> {
        let resource_id = self.run.restored_resource_id.as_deref()?;
        self.databases.iter().find(|database| database.kind == self.request.kind && database.resource_id == resource_id)
    }

    /// The verdict if the verified database does not have the service name.
    fn verified_elsewhere(&self) -> Verdict {
        let name = &self.request.identifier;
        let home = self.home();
        let mut verdict = action_needed(match (self.verified(), home) {
            (Some(verified), _) => {
                format!("The restored database was verified, but it is now called {}.", verified.identifier)
            }
            (None, Some(home)) => format!(
                "The restored database was verified, but it no longer exists; {name} ({}) is another one.",
                home.resource_id
            ),
            (None, None) => "The restored database was verified, but it no longer exists.".to_owned(),
        });
        if let (Some(verified), None) = (self.verified(), home) {
            verdict.commands.extend(self.commands.rename(verified.kind, &verified.identifier, name.as_str()));
        }
        if let Some(leftover) = self.find(self.original.target()) {
            verdict.remarks.push(format!(
                "The original still exists as {}: do not delete it before {name} is available again.",
                leftover.identifier
            ));
        }
        verdict
    }

    /// The verdict after the verification: the restored database stays, and the original is no longer needed.
    fn after_verification(&self) -> Verdict {
        let name = &self.request.identifier;
        let leftover = self.find(self.original.target());
        let Some(home) = self.home().filter(|home| home.origin == Origin::Restored) else {
            return self.verified_elsewhere();
        };
        let is_available = phase(home.kind, &home.status) == Phase::Available;
        let parked_name = &self.original.target().names.parked;
        let parked = self.named(self.request.kind, parked_name.as_str());
        let mut verdict = match leftover {
            None if parked.is_some() => action_needed(format!(
                "{name} is the restored database, verified, in status {}; nothing proves whether {parked_name} is the original.",
                home.status
            )),
            Some(leftover) => action_needed(format!(
                "{name} is the restored database, verified, in status {}; the original is left over as {}.",
                home.status, leftover.identifier
            )),
            None if is_available => well(
                words::IN_PLACE,
                format!("{name} is the restored database, verified and available; the original is gone."),
            ),
            None => action_needed(format!("{name} is the restored database, verified, but in status {}.", home.status)),
        };
        self.make_available(home, &mut verdict);
        self.look_after_failed_members(&home.identifier, &mut verdict);
        if self.original.deletion_protection() && !home.deletion_protection {
            verdict.needs_action();
            verdict.commands.push(self.commands.protect(home.kind, &home.identifier, true));
        }
        match leftover {
            Some(leftover) if is_available => {
                verdict.remarks.push(format!(
                    "Delete {} only when no person or program needs it any more, and only if its resource id is {}.",
                    leftover.identifier, leftover.resource_id
                ));
                self.delete(leftover, "the original, which is no longer needed", self.of_original(), &mut verdict);
            }
            Some(leftover) => {
                verdict.remarks.push(format!("Do not delete {} before {name} is available.", leftover.identifier));
            }
            None => {}
        }
        verdict
    }

    /// The data that the deletion of the original keeps: the same as in a run.
    fn of_original(&self) -> Kept<'_> {
        let options = &self.request.options;
        let names = self.run.names.as_ref().filter(|_| options.final_snapshot);
        Kept {
            snapshot: names.map(|names| names.final_snapshot.as_str()),
            automated_backups: options.keep_automated_backups,
        }
    }

    fn look_after_snapshots(&self, verdict: &mut Verdict) {
        let available = |snapshot: &&SnapshotStatus| snapshot.status.as_deref() == Some("available");
        let [main, temporary, ..] = self.snapshots else { return };
        if available(&main) {
            return;
        }
        if let Some(temporary) = Some(temporary).filter(available) {
            let is_copied = !self.original.is_multi_az_cluster();
            let next = if is_copied { "the copy of it" } else { "a second one under the right name" };
            verdict.remarks.push(format!(
                "The snapshot {} is not available; its replacement {} is, and {next} is still to be made.",
                main.identifier, temporary.identifier
            ));
            if main.status.is_none() {
                verdict.needs_action();
                let names = self.run.names(self.request);
                verdict.commands.push(self.commands.finish_replacement(self.request, &names, is_copied));
            }
        } else if self.request.task.takes_snapshot() {
            verdict.remarks.push(format!("There is no available snapshot {} now.", main.identifier));
        }
    }

    /// Removes leftover claims, which are harmless but no longer true. The command names the database as it is called after
    /// the other commands. Copied claims and claims of unproven origin stay.
    fn look_after_tags(&self, verdict: &mut Verdict) {
        let stays = if self.run.progress == Progress::Verified { Origin::Restored } else { Origin::Original };
        let aside = self.aside().map(|aside| aside.identifier.as_str());
        for database in self.databases.iter().filter(|database| database.claim.as_deref() == Some(&self.run.execution))
        {
            let is_ours = matches!(database.origin, Origin::Original | Origin::Restored);
            let is_aside =
                aside == Some(&database.identifier) || aside.is_some() && database.member_of.as_deref() == aside;
            if !is_ours || is_aside || database.origin != stays && verdict.standing != Standing::Well {
                continue;
            }
            let home = self.home_of(database);
            let arn = database.arn.rsplit_once(':').map(|(place, _)| format!("{place}:{home}"));
            verdict.commands.push(self.commands.untag(&home, &arn.unwrap_or_else(|| database.arn.clone())));
        }
    }

    /// The name of a database when all is in order. RDS renames the members of a Multi-AZ DB cluster together with the
    /// cluster.
    fn home_of<'b>(&'b self, database: &'b Database) -> Cow<'b, str> {
        let original = self.original.target();
        let cluster = database.member_of.as_deref().filter(|_| self.original.own_members().next().is_none());
        let number = cluster.and_then(|cluster| database.identifier.strip_prefix(cluster));
        if let Some(number) = number.filter(|_| database.origin == Origin::Original) {
            return Cow::Owned(format!("{}{number}", original.identifier()));
        }
        let mut targets = std::iter::once(self.original.target()).chain(self.original.own_members());
        let target = targets.find(|target| target.resource_id == database.resource_id);
        Cow::Borrowed(target.map_or(database.identifier.as_str(), |target| target.identifier().as_str()))
    }
}

/// Whether a database under the aside name is the run's, and RDS does not delete it already.
fn is_deletable(aside: &Database) -> bool {
    aside.origin == Origin::Restored && phase(aside.kind, &aside.status) != Phase::Deleting
}

/// The state of an aside cluster's members after the commands so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    Left,
    Deleted,
}

/// The origin in the words of an alert, which claim no more than is proven.
const fn in_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Original => "the original",
        Origin::Restored => "the database that this run restored and did not verify",
        Origin::Copy => "a database that this run did not create: its tags are a copy",
        Origin::Other => "a database that this run did not create",
        Origin::Unproven => "a database of unproven origin: no resource id or claim shows whether this run restored it",
    }
}

fn at_home(database: &Database, target: &Target) -> bool {
    database.identifier == target.identifier().as_str()
}

/// The commands of a verdict, each with its purpose.
#[derive(Clone, Copy)]
struct Commands<'a>(Cli<'a>);

impl Commands<'_> {
    /// Starts another recovery on the same state machine; `None` if this recovery's ARN is no ARN.
    fn recover(self, recovery: &str, interrupted: &str) -> Option<Command> {
        let (machine, _) = recovery.rsplit_once(':')?;
        let machine = machine.replacen(":execution:", ":stateMachine:", 1);
        let input = format!(r#"{{"task":"recover","execution":{}}}"#, serde_json::Value::from(interrupted));
        let line = self.0.start_execution(&machine, &input);
        machine.starts_with("arn:").then(|| Command::new("start the recovery again", &line))
    }

    fn wait(self, kind: DatabaseKind, goal: &str, identifier: &str) -> Command {
        Command::new(format!("wait until {identifier} is {goal}"), &self.0.wait(kind, goal, identifier))
    }

    fn start(self, kind: DatabaseKind, identifier: &str) -> Command {
        Command::new(format!("start {identifier}"), &self.0.start(kind, identifier))
    }

    fn protect(self, kind: DatabaseKind, identifier: &str, on: bool) -> Command {
        let purpose = if on { "turn deletion protection back on" } else { "turn deletion protection off" };
        Command::new(format!("{purpose} for {identifier}"), &self.0.protect(kind, identifier, on))
    }

    fn delete(self, kind: DatabaseKind, identifier: &str, what: &str, kept: Kept<'_>) -> Command {
        Command::new(format!("delete {identifier}, {what}"), &self.0.delete(kind, identifier, kept))
    }

    fn delete_member(self, identifier: &str, cluster: &str) -> Command {
        Command::new(format!("delete {identifier}, a member of {cluster}"), &self.0.delete_member(identifier))
    }

    /// The CLI's waiter fails at once while no database has the new name yet. So a person may have to repeat it.
    fn rename(self, kind: DatabaseKind, from: &str, to: &str) -> [Command; 2] {
        let mut wait = self.wait(kind, "available", to);
        wait.purpose.push_str("; repeat it while the new name is not found, a rename takes minutes");
        [Command::new(format!("rename {from} back to {to}"), &self.0.rename(kind, from, to)), wait]
    }

    fn untag(self, identifier: &str, arn: &str) -> Command {
        Command::new(
            format!("take this run's claim off {identifier} (harmless: the next run takes it over)"),
            &self.0.remove_tags(arn, tags::OURS),
        )
    }

    /// RDS copies no snapshot of a Multi-AZ DB cluster, so the command takes a second one, as the run does.
    fn finish_replacement(self, request: &Request, names: &Names, is_copied: bool) -> Command {
        let (to, from) = (&request.snapshot_identifier, &names.replacement_snapshot);
        let line = if is_copied {
            self.0.copy_snapshot(request.kind, from.as_str(), to.as_str())
        } else {
            self.0.create_snapshot(request.kind, request.identifier.as_str(), to.as_str())
        };
        let purpose =
            format!("finish the replacement of the snapshot {to} (or let the next create_snapshot run do it)");
        Command::new(purpose, &line)
    }

    fn create_member(self, name: &str, cluster: &OriginalCluster, member: &Member) -> Command {
        let line = self
            .0
            .rds("create-db-instance")
            .with("--db-instance-identifier", [member.target.identifier().as_str()])
            .with("--db-cluster-identifier", [name])
            .with("--engine", [cluster.engine.as_str()])
            .with("--db-instance-class", member.settings.instance_class.as_deref())
            .with("--db-parameter-group-name", member.settings.parameter_group.as_deref());
        Command::new(format!("create its member {}", member.target.identifier()), &line)
    }

    /// The settings that decide on access and behaviour; the owner sets the rest.
    fn restore(self, request: &Request, source: Option<&Source>, original: &Original) -> Vec<Command> {
        let name = request.identifier.as_str();
        let backup = Backup::of(request, source, original.target().resource_id.as_str());
        let purpose = format!("restore {name} from {backup}");
        match &original.described {
            Described::Instance(instance) => {
                let settings = &instance.settings;
                let line = backup
                    .restore_instance(self.0, name)
                    .with("--db-instance-class", settings.instance_class.as_deref())
                    .with("--db-subnet-group-name", settings.subnet_group.as_deref())
                    .with("--vpc-security-group-ids", settings.security_groups.iter().map(String::as_str))
                    .with("--db-parameter-group-name", settings.parameter_group.as_deref())
                    .with("--option-group-name", settings.option_group.as_deref());
                vec![Command::new(purpose, &line), self.wait(request.kind, "available", name)]
            }
            Described::Cluster(cluster) => {
                let settings = &cluster.settings;
                let line = backup
                    .restore_cluster(self.0, name, &cluster.engine)
                    .with("--db-cluster-instance-class", settings.instance_class.as_deref())
                    .with("--db-subnet-group-name", settings.subnet_group.as_deref())
                    .with("--vpc-security-group-ids", settings.security_groups.iter().map(String::as_str))
                    .with("--db-cluster-parameter-group-name", settings.parameter_group.as_deref());
                let mut commands = vec![Command::new(purpose, &line), self.wait(request.kind, "available", name)];
                let members = cluster.own_members().iter();
                commands.extend(members.map(|member| self.create_member(name, cluster, member)));
                commands
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use trapheus_common::document::{ClusterKind, Finding};
    use trapheus_common::identifiers::DatabaseKind::{Cluster, Instance};

    use super::*;
    use crate::fixtures::{EXECUTION, after, aurora, database, instance, member, recovering, resources, run};

    fn judged(document: &Value, databases: Vec<Database>) -> Verdict {
        let run = run(document);
        judge(&run, &resources(&run, databases), "eu-west-1")
    }

    fn lines(verdict: &Verdict) -> Vec<&str> {
        verdict.commands.iter().map(|command| command.line.trim_end_matches(" --region eu-west-1")).collect()
    }

    /// A restore of an instance that failed between the rename and the verification.
    fn renamed() -> Value {
        after(instance(), &["claim", "rename"])
    }

    fn protected(database: Database) -> Database {
        Database { deletion_protection: true, ..database }
    }

    const RENAME_BACK: [&str; 2] = [
        "aws rds modify-db-instance --db-instance-identifier orders-temp --new-db-instance-identifier orders \
         --apply-immediately",
        "aws rds wait db-instance-available --db-instance-identifier orders",
    ];

    /// A restore that failed after the verification.
    fn verified(document: Value) -> Value {
        after(document, &["claim", "rename", "restore", "settings", "verification", "commit"])
    }

    #[test]
    fn an_original_under_its_name_and_available_needs_nothing() {
        let home = || protected(database(Instance, "orders", "available", Origin::Original));
        let verdict = judged(&renamed(), vec![home()]);
        assert_eq!((verdict.standing, verdict.summary), (Standing::Well, "original is back"));
        assert!(verdict.commands.is_empty());
        // The run failed before the call of the rename.
        assert_eq!(judged(&instance(), vec![home()]).summary, "original untouched");
    }

    #[test]
    fn an_original_left_under_its_temporary_name_is_renamed_back() {
        let verdict = judged(&renamed(), vec![database(Instance, "orders-temp", "available", Origin::Original)]);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert_eq!(lines(&verdict), RENAME_BACK);
    }

    #[test]
    fn an_original_under_its_temporary_name_is_available_before_its_rename() {
        let wait = "aws rds wait db-instance-available --db-instance-identifier orders-temp";
        let start = "aws rds start-db-instance --db-instance-identifier orders-temp";
        for (status, before) in [("stopped", &[start, wait][..]), ("backing-up", &[wait]), ("renaming", &[])] {
            let verdict = judged(&renamed(), vec![database(Instance, "orders-temp", status, Origin::Original)]);
            assert_eq!(lines(&verdict), [before, &RENAME_BACK[..]].concat(), "{status}");
        }
    }

    #[test]
    fn an_unknown_database_is_never_deleted() {
        let databases = vec![
            database(Instance, "orders", "available", Origin::Other),
            database(Instance, "orders-temp", "available", Origin::Original),
        ];
        let verdict = judged(&renamed(), databases);
        assert_eq!(lines(&verdict), RENAME_BACK);
        assert!(verdict.remarks[0].contains("db-OTHER"), "{:?}", verdict.remarks);
    }

    #[test]
    fn the_restored_database_is_removed_before_the_original_is_renamed_back() {
        let databases = vec![
            protected(database(Instance, "orders", "failed", Origin::Restored)),
            database(Instance, "orders-temp", "available", Origin::Original),
        ];
        let verdict = judged(&renamed(), databases);
        let removal = [
            "aws rds modify-db-instance --db-instance-identifier orders --no-deletion-protection --apply-immediately",
            "aws rds delete-db-instance --db-instance-identifier orders --skip-final-snapshot",
            "aws rds wait db-instance-deleted --db-instance-identifier orders",
        ];
        assert_eq!(lines(&verdict), [&removal[..], &RENAME_BACK[..]].concat());
    }

    #[test]
    fn an_original_that_is_not_available_gets_the_command_for_its_status() {
        for (status, command) in [
            ("stopped", Some("aws rds start-db-instance --db-instance-identifier orders")),
            ("rebooting", Some("aws rds wait db-instance-available --db-instance-identifier orders")),
            ("storage-full", None),
            ("deleting", None),
        ] {
            let verdict = judged(&renamed(), vec![protected(database(Instance, "orders", status, Origin::Original))]);
            assert_eq!(verdict.standing, Standing::ActionNeeded, "{status}");
            assert_eq!(lines(&verdict), Vec::from_iter(command), "{status}");
            assert_eq!(verdict.remarks.is_empty(), command.is_some(), "{status}");
        }
    }

    #[test]
    fn lost_deletion_protection_is_turned_back_on() {
        let verdict = judged(&renamed(), vec![database(Instance, "orders", "available", Origin::Original)]);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert_eq!(
            lines(&verdict),
            ["aws rds modify-db-instance --db-instance-identifier orders --deletion-protection --apply-immediately"]
        );
    }

    #[test]
    fn with_the_original_gone_the_restored_database_is_never_deleted() {
        let verdict = judged(&renamed(), vec![database(Instance, "orders", "available", Origin::Restored)]);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert!(verdict.commands.is_empty());
        assert!(verdict.remarks[0].starts_with("Do not delete orders"), "{:?}", verdict.remarks);
    }

    #[test]
    fn with_nothing_left_the_commands_restore_from_the_snapshot() {
        let verdict = judged(&renamed(), Vec::new());
        assert_eq!(
            lines(&verdict)[0],
            "aws rds restore-db-instance-from-db-snapshot --db-instance-identifier orders --db-snapshot-identifier \
             orders-snapshot --db-instance-class db.t3.medium --db-subnet-group-name private --vpc-security-group-ids \
             sg-1 sg-2 --db-parameter-group-name orders-pg16"
        );
        let verdict = judged(&after(aurora(), &["claim", "snapshot", "rename"]), Vec::new());
        assert_eq!(
            lines(&verdict),
            [
                "aws rds restore-db-cluster-from-snapshot --db-cluster-identifier orders --snapshot-identifier \
                 orders-snapshot --engine aurora-postgresql --db-subnet-group-name private",
                "aws rds wait db-cluster-available --db-cluster-identifier orders",
                "aws rds create-db-instance --db-instance-identifier orders-a --db-cluster-identifier orders --engine \
                 aurora-postgresql --db-instance-class db.r6g.large",
                "aws rds create-db-instance --db-instance-identifier orders-b --db-cluster-identifier orders --engine \
                 aurora-postgresql --db-instance-class db.r6g.large",
            ]
        );
    }

    #[test]
    fn a_member_under_another_name_is_renamed_back() {
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Original),
            member("orders-a", "db-ORDERS-A", "orders", Origin::Original),
            member("orders-b-temp", "db-ORDERS-B", "orders", Origin::Original),
        ];
        let verdict = judged(&after(aurora(), &["claim", "snapshot", "rename"]), databases);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert_eq!(
            lines(&verdict),
            [
                "aws rds modify-db-instance --db-instance-identifier orders-b-temp --new-db-instance-identifier \
                 orders-b --apply-immediately",
                "aws rds wait db-instance-available --db-instance-identifier orders-b",
            ]
        );
    }

    #[test]
    fn members_of_the_cluster_moved_aside_give_their_names_to_the_originals_members() {
        let databases = vec![
            database(Cluster, "orders-failed-3fa2c1", "available", Origin::Restored),
            database(Cluster, "orders-temp", "available", Origin::Original),
            member("orders-a", "db-NEW", "orders-failed-3fa2c1", Origin::Restored),
            member("orders-a-temp", "db-ORDERS-A", "orders-temp", Origin::Original),
        ];
        let verdict = judged(&after(aurora(), &["claim", "snapshot", "rename"]), databases);
        assert_eq!(
            lines(&verdict),
            [
                "aws rds modify-db-cluster --db-cluster-identifier orders-temp --new-db-cluster-identifier orders \
                 --apply-immediately",
                "aws rds wait db-cluster-available --db-cluster-identifier orders",
                "aws rds delete-db-instance --db-instance-identifier orders-a",
                "aws rds wait db-instance-deleted --db-instance-identifier orders-a",
                "aws rds modify-db-instance --db-instance-identifier orders-a-temp --new-db-instance-identifier orders-a \
                 --apply-immediately",
                "aws rds wait db-instance-available --db-instance-identifier orders-a",
                "aws rds delete-db-cluster --db-cluster-identifier orders-failed-3fa2c1 --final-db-snapshot-identifier \
                 orders-failed-3fa2c1",
                "aws rds wait db-cluster-deleted --db-cluster-identifier orders-failed-3fa2c1",
            ]
        );
    }

    #[test]
    fn a_member_whose_name_another_database_has_is_renamed_by_no_command() {
        let databases = vec![
            database(Cluster, "orders-temp", "available", Origin::Original),
            member("orders-a-temp", "db-ORDERS-A", "orders-temp", Origin::Original),
            member("orders-a", "db-STRANGER", "orders-temp", Origin::Unproven),
        ];
        let verdict = judged(&after(aurora(), &["claim", "rename"]), databases);
        assert!(lines(&verdict).iter().all(|line| !line.contains("orders-a")), "{:?}", lines(&verdict));
        let told =
            |remark: &String| remark.starts_with("orders-a (db-STRANGER) has the name of the member db-ORDERS-A");
        assert!(verdict.remarks.iter().any(told), "{:?}", verdict.remarks);
    }

    #[test]
    fn a_cluster_of_another_run_is_well_only_with_its_members_under_their_names() {
        let another = "arn:aws:states:eu-west-1:123456789012:execution:trapheus-dev:run-2";
        let claimed = |member_name: &str| {
            let cluster = protected(database(Cluster, "orders", "available", Origin::Original));
            let member = member(member_name, "db-ORDERS-A", "orders", Origin::Original);
            let members = [
                member.clone(),
                Database { identifier: "orders-b".to_owned(), resource_id: "db-ORDERS-B".to_owned(), ..member },
            ];
            let members = members.map(|member| Database { claim: Some(EXECUTION.to_owned()), ..member });
            let cluster = Database { claim: Some(another.to_owned()), ..cluster };
            judged(&after(aurora(), &["claim", "rename"]), std::iter::once(cluster).chain(members).collect())
        };
        assert_eq!(claimed("orders-a").standing, Standing::Well);
        let verdict = claimed("orders-a-temp");
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert!(lines(&verdict)[0].contains("--new-db-instance-identifier orders-a "), "{:?}", lines(&verdict));
        let untagged = lines(&verdict).into_iter().filter(|line| line.contains("remove-tags-from-resource")).count();
        assert_eq!(untagged, 2, "the other run does not need the members' claims: {:?}", lines(&verdict));
    }

    #[test]
    fn claims_of_multi_az_members_are_removed_under_the_names_that_they_get_with_their_cluster() {
        let mut document = after(aurora(), &["claim", "rename"]);
        document["plan"]["original"]["clusterKind"] = json!(ClusterKind::MultiAz);
        let claimed = |database: Database| Database { claim: Some(EXECUTION.to_owned()), ..database };
        let databases = vec![
            claimed(database(Cluster, "orders-temp", "available", Origin::Original)),
            claimed(member("orders-temp-instance-1", "db-ORDERS-A", "orders-temp", Origin::Original)),
        ];
        let verdict = judged(&document, databases);
        let last = lines(&verdict).pop().unwrap_or_default();
        assert!(last.contains("remove-tags-from-resource"), "{:?}", lines(&verdict));
        assert!(last.contains(":db:orders-instance-1 "), "{:?}", lines(&verdict));
    }

    #[test]
    fn a_recovery_that_releases_a_verified_database_calls_it_verified() {
        let mut document = recovering(&instance(), Finding::Release, "ABORTED");
        document["recovery"]["verified"] = json!("db-RESTORED");
        let home = protected(database(Instance, "orders", "available", Origin::Restored));
        let verdict = judged(&document, vec![home]);
        assert_eq!((verdict.standing, verdict.summary), (Standing::Well, words::IN_PLACE));
        assert_eq!(lines(&verdict), Vec::<&str>::new());
    }

    #[test]
    fn an_original_with_a_member_that_a_person_added_is_deleted_by_no_command() {
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Restored),
            database(Cluster, "orders-temp", "available", Origin::Original),
            member("orders-a-temp", "db-A", "orders-temp", Origin::Original),
            member("reports", "db-REPORTS", "orders-temp", Origin::Unproven),
        ];
        let document = verified(aurora());
        let verdict = judged(&document, databases);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert!(lines(&verdict).iter().all(|line| !line.contains("delete")), "{:?}", lines(&verdict));
        assert!(
            verdict.remarks.iter().any(|remark| remark.starts_with("reports (db-REPORTS)")),
            "{:?}",
            verdict.remarks
        );
    }

    #[test]
    fn the_database_under_the_temporary_name_is_named_beside_a_verified_database() {
        let document = verified(instance());
        let databases = vec![
            database(Instance, "orders", "available", Origin::Restored),
            database(Instance, "orders-temp", "available", Origin::Unproven),
        ];
        let verdict = judged(&document, databases);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert!(
            verdict.headline.contains("nothing proves whether orders-temp is the original"),
            "{}",
            verdict.headline
        );
        assert!(lines(&verdict).iter().all(|line| !line.contains("delete-db-instance")), "{:?}", lines(&verdict));
    }

    #[test]
    fn an_original_that_another_execution_claims_is_deleted_by_no_command() {
        let claimed = |claim: &str| {
            let original = database(Instance, "orders-temp", "available", Origin::Original);
            let document = verified(instance());
            let restored = database(Instance, "orders", "available", Origin::Restored);
            judged(&document, vec![restored, Database { claim: Some(claim.to_owned()), ..original }])
        };
        let verdict = claimed("arn:aws:states:eu-west-1:123456789012:execution:trapheus-dev:another");
        assert_eq!((verdict.standing, lines(&verdict)), (Standing::ActionNeeded, Vec::new()));
        assert!(verdict.remarks[0].contains("have that execution recovered first"), "{:?}", verdict.remarks);
    }

    #[test]
    fn only_a_claim_of_another_state_machine_is_said_to_be_one() {
        let told = |claim: &str| {
            let original = protected(database(Instance, "orders", "available", Origin::Original));
            let verdict = judged(&renamed(), vec![Database { claim: Some(claim.to_owned()), ..original }]);
            verdict.remarks.iter().any(|remark| remark.contains("of another state machine"))
        };
        assert!(told("arn:aws:states:eu-west-1:123456789012:execution:other:run"));
        assert!(!told("arn:aws:states:eu-west-1:123456789012:execution:trapheus-dev:run-2"));
        assert!(!told("written by hand"));
    }

    #[test]
    fn a_member_that_a_person_added_is_never_deleted() {
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Restored),
            database(Cluster, "orders-temp", "available", Origin::Original),
            member("orders-a", "db-NEW", "orders", Origin::Restored),
            member("reports", "db-REPORTS", "orders", Origin::Other),
        ];
        let verdict = judged(&after(aurora(), &["claim", "snapshot", "rename"]), databases);
        assert_eq!(
            lines(&verdict),
            [
                "aws rds modify-db-cluster --db-cluster-identifier orders --new-db-cluster-identifier \
                 orders-failed-3fa2c1 --apply-immediately",
                "aws rds wait db-cluster-available --db-cluster-identifier orders-failed-3fa2c1",
                "aws rds modify-db-cluster --db-cluster-identifier orders-temp --new-db-cluster-identifier orders \
                 --apply-immediately",
                "aws rds wait db-cluster-available --db-cluster-identifier orders",
                "aws rds delete-db-instance --db-instance-identifier orders-a",
                "aws rds wait db-instance-deleted --db-instance-identifier orders-a",
            ]
        );
        assert!(verdict.remarks[0].starts_with("reports (db-REPORTS)"), "{:?}", verdict.remarks);
    }

    #[test]
    fn a_multi_az_clusters_members_are_left_to_rds() {
        let mut document = after(aurora(), &["claim", "snapshot", "rename"]);
        document["plan"]["original"]["clusterKind"] = "multi-az".into();
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Restored),
            database(Cluster, "orders-temp", "available", Origin::Original),
            member("orders-instance-1", "db-NEW", "orders", Origin::Restored),
        ];
        let verdict = judged(&document, databases);
        assert_eq!(verdict.commands.len(), 6);
        assert!(lines(&verdict).iter().all(|line| !line.contains("db-instance")), "{:?}", lines(&verdict));
    }

    #[test]
    fn a_database_that_another_execution_claims_is_left_to_it() {
        let claim = Some("arn:another".to_owned());
        let home = Database { claim: claim.clone(), ..database(Instance, "orders", "available", Origin::Original) };
        let verdict = judged(&renamed(), vec![home]);
        assert_eq!(verdict.standing, Standing::Well);
        assert!(verdict.commands.is_empty());
        assert!(verdict.remarks[0].contains("arn:another"), "{:?}", verdict.remarks);
        // The tag may be wrong, and no database has the service name, so a person has to judge.
        let away = Database { claim, ..database(Instance, "orders-temp", "available", Origin::Original) };
        let verdict = judged(&renamed(), vec![away]);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert_eq!(lines(&verdict), RENAME_BACK);
        assert!(verdict.remarks[0].contains("only if arn:another no longer runs"), "{:?}", verdict.remarks);
    }

    #[test]
    fn a_database_without_a_claim_is_not_called_the_original() {
        let home = protected(database(Instance, "orders", "available", Origin::Original));
        let verdict = judged(&recovering(&instance(), Finding::Release, "ABORTED"), vec![home]);
        assert_eq!((verdict.standing, verdict.summary), (Standing::Well, "nothing is left to undo"));
        assert!(!verdict.headline.contains("original"), "{}", verdict.headline);
    }

    #[test]
    fn without_any_claim_a_person_has_to_look() {
        let mut document = recovering(&instance(), Finding::Unresolved, "FAILED");
        document.as_object_mut().unwrap().remove("plan");
        let verdict = judged(&document, vec![database(Instance, "orders-temp", "available", Origin::Other)]);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert!(verdict.headline.contains("No DB instance answers as orders"), "{}", verdict.headline);
        assert!(verdict.remarks[0].contains("orders-temp"), "{:?}", verdict.remarks);
    }

    #[test]
    fn a_claim_that_is_left_over_can_be_taken_off() {
        let original = Database {
            claim: Some(EXECUTION.to_owned()),
            ..protected(database(Instance, "orders", "available", Origin::Original))
        };
        let verdict = judged(&renamed(), vec![original]);
        assert_eq!(verdict.standing, Standing::Well);
        assert_eq!(
            lines(&verdict),
            ["aws rds remove-tags-from-resource --resource-name arn:aws:rds:eu-west-1:123456789012:db:orders \
              --tag-keys trapheus:execution trapheus:role trapheus:resource-id"]
        );
    }

    #[test]
    fn readers_of_an_alert_find_the_words_for_a_database_that_the_run_did_not_create() {
        for origin in [Origin::Other, Origin::Copy] {
            assert!(format!("orders is {}", in_words(origin)).contains(words::NOT_CREATED), "{origin:?}");
        }
    }

    #[test]
    fn no_command_touches_a_database_that_carries_a_copied_or_unproven_claim() {
        for origin in [Origin::Copy, Origin::Unproven, Origin::Other] {
            let home = protected(database(Instance, "orders", "available", Origin::Original));
            let claim = Some(EXECUTION.to_owned());
            let beside = Database { claim, ..database(Instance, "orders-temp", "available", origin) };
            let verdict = judged(&renamed(), vec![home, beside]);
            assert_eq!((verdict.standing, verdict.commands.len()), (Standing::Well, 0), "{origin:?}");
        }
    }

    #[test]
    fn after_verification_nothing_is_deleted_but_the_leftover() {
        let verified = verified(instance());
        let restored = || protected(database(Instance, "orders", "available", Origin::Restored));
        let original = || protected(database(Instance, "orders-temp", "available", Origin::Original));
        let done = judged(&verified, vec![restored()]);
        assert_eq!((done.standing, done.commands.len()), (Standing::Well, 0));
        let leftover = judged(&verified, vec![restored(), original()]);
        assert_eq!(leftover.standing, Standing::ActionNeeded);
        assert_eq!(
            lines(&leftover),
            [
                "aws rds modify-db-instance --db-instance-identifier orders-temp --no-deletion-protection \
                 --apply-immediately",
                "aws rds delete-db-instance --db-instance-identifier orders-temp --skip-final-snapshot \
                 --no-delete-automated-backups",
                "aws rds wait db-instance-deleted --db-instance-identifier orders-temp",
            ]
        );
        let vanished = judged(&verified, vec![original()]);
        assert_eq!((vanished.standing, vanished.commands.len()), (Standing::ActionNeeded, 0));
    }

    /// Tries every place of the original, with every database that may have the service name or the aside name.
    #[test]
    fn commands_take_the_name_only_from_a_database_that_the_run_restored() {
        let origins = [Origin::Restored, Origin::Copy, Origin::Other, Origin::Unproven];
        let statuses = ["creating", "available", "failed", "stopped", "storage-full", "deleting"];
        for original in [None, Some("orders-temp"), Some("orders")] {
            for (home, aside) in origins.iter().flat_map(|home| origins.map(|aside| (*home, aside))) {
                for (status, has_aside) in statuses.iter().flat_map(|status| [(status, false), (status, true)]) {
                    let mut databases = Vec::new();
                    databases.extend(original.map(|name| database(Instance, name, "available", Origin::Original)));
                    if original != Some("orders") {
                        databases.push(Database {
                            claim: Some(EXECUTION.to_owned()),
                            ..database(Instance, "orders", status, home)
                        });
                    }
                    if has_aside {
                        databases.push(database(Instance, "orders-failed-3fa2c1", status, aside));
                    }
                    let case = format!("original {original:?}, {home:?} {status}, aside {aside:?} {has_aside}");
                    let verdict = judged(&renamed(), databases);
                    let lines = lines(&verdict);
                    let touches = |name: &str| {
                        lines.iter().any(|line| {
                            let changes = !line.contains(" wait ") && !line.contains(" start-");
                            changes && line.contains(&format!("--db-instance-identifier {name} "))
                        })
                    };
                    let all = format!("{} {:?}", verdict.headline, verdict.remarks);
                    if original != Some("orders") {
                        assert_eq!(
                            all.contains("did not create"),
                            has(&[Origin::Copy, Origin::Other], home, aside, has_aside && original.is_some()),
                            "{case}: {all}"
                        );
                        if home != Origin::Restored || original.is_none() {
                            assert!(!touches("orders"), "{case}: {lines:?}");
                        }
                        let tags = lines.iter().any(|line| line.contains("remove-tags"));
                        assert!(!tags, "{case}: {lines:?}");
                    }
                    if has_aside && aside != Origin::Restored {
                        let own = original == Some("orders-temp") && home == Origin::Restored;
                        assert!(own || !touches("orders-failed-3fa2c1"), "{case}: {lines:?}");
                    }
                    for line in &lines {
                        let in_service = ["available", "stopped"].contains(status);
                        let loses = line.contains("delete-") && line.contains("--skip-final-snapshot");
                        assert!(!(loses && in_service), "{case}: {line}");
                    }
                }
            }
        }
    }

    fn has(of: &[Origin], home: Origin, aside: Origin, has_aside: bool) -> bool {
        of.contains(&home) || has_aside && of.contains(&aside)
    }

    #[test]
    fn the_mail_names_the_database_that_was_moved_aside_and_its_final_snapshot() {
        let aside = |status| database(Instance, "orders-failed-3fa2c1", status, Origin::Restored);
        let home = || protected(database(Instance, "orders", "available", Origin::Original));
        let look = |aside: Option<Database>, snapshot: Option<&str>| {
            let run = run(&renamed());
            let mut resources = resources(&run, std::iter::once(home()).chain(aside).collect());
            let identifier = run.names.as_ref().unwrap().discarded_snapshot.clone();
            let status = snapshot.map(str::to_owned);
            resources
                .snapshots
                .as_mut()
                .unwrap()
                .extend(status.map(|status| SnapshotStatus { identifier, status: Some(status) }));
            judge(&run, &resources, "eu-west-1")
        };
        let deleting = look(Some(aside("deleting")), Some("creating"));
        assert_eq!((deleting.standing, deleting.commands.len()), (Standing::Well, 0));
        assert!(deleting.remarks[0].contains("orders-failed-3fa2c1, the database this run restored, is being deleted"));
        assert!(deleting.remarks[0].contains("final snapshot orders-failed-3fa2c1, status creating"));
        let unseen = look(Some(aside("deleting")), None);
        assert!(unseen.remarks[0].contains("RDS shows no final snapshot orders-failed-3fa2c1 yet"));
        let gone = look(None, Some("available"));
        assert_eq!(gone.standing, Standing::Well);
        assert!(gone.remarks[0].contains("final snapshot orders-failed-3fa2c1, status available"));
        let left = look(Some(aside("available")), None);
        assert_eq!(left.standing, Standing::ActionNeeded);
        assert_eq!(
            lines(&left),
            [
                "aws rds delete-db-instance --db-instance-identifier orders-failed-3fa2c1 --final-db-snapshot-identifier \
                 orders-failed-3fa2c1",
                "aws rds wait db-instance-deleted --db-instance-identifier orders-failed-3fa2c1",
            ]
        );
        let kept = look(Some(aside("available")), Some("available"));
        assert!(lines(&kept)[0].ends_with("orders-failed-3fa2c1 --skip-final-snapshot"), "{:?}", lines(&kept));
    }

    #[test]
    fn with_the_original_gone_or_going_the_database_that_was_moved_aside_gets_the_name_and_is_not_deleted() {
        let aside = || database(Instance, "orders-failed-3fa2c1", "available", Origin::Restored);
        for original in [None, Some("orders-temp"), Some("orders")] {
            let original = original.map(|name| database(Instance, name, "deleting", Origin::Original));
            let is_home = original.as_ref().is_some_and(|original| original.identifier == "orders");
            let verdict = judged(&renamed(), original.into_iter().chain([aside()]).collect());
            assert!(verdict.headline.contains("so orders has no database"), "{}", verdict.headline);
            assert!(verdict.remarks[0].starts_with("Do not delete orders-failed-3fa2c1"), "{:?}", verdict.remarks);
            let commands = lines(&verdict);
            assert_eq!(
                commands[usize::from(is_home)],
                "aws rds modify-db-instance --db-instance-identifier orders-failed-3fa2c1 --new-db-instance-identifier \
                 orders --apply-immediately"
            );
            assert!(!commands.iter().any(|line| line.contains("delete-db")), "{commands:?}");
        }
        let cluster = database(Cluster, "orders-failed-3fa2c1", "available", Origin::Restored);
        let verdict = judged(&after(aurora(), &["claim", "snapshot", "rename"]), vec![cluster]);
        let commands = lines(&verdict);
        assert!(commands[0].contains("--new-db-cluster-identifier orders "), "{commands:?}");
        let created = commands.iter().filter(|line| line.contains("create-db-instance"));
        assert_eq!(created.count(), 2, "its members were deleted: {commands:?}");
    }

    #[test]
    fn a_failed_deletion_of_the_database_that_was_moved_aside_does_not_hide_that_the_original_is_back() {
        let home = protected(database(Instance, "orders", "available", Origin::Original));
        let aside = database(Instance, "orders-failed-3fa2c1", "available", Origin::Restored);
        let verdict = judged(&renamed(), vec![home, aside]);
        assert!(verdict.is_back && verdict.has_leftover && verdict.standing == Standing::ActionNeeded);
        let said =
            "orders is the original again, and available. orders-failed-3fa2c1, the database that this run restored";
        assert!(verdict.headline.starts_with(said), "{}", verdict.headline);
    }

    #[test]
    fn a_failed_database_that_was_in_service_keeps_its_automated_backups() {
        let was_available = true;
        let home = Database { was_available, ..database(Instance, "orders", "failed", Origin::Restored) };
        let original = database(Instance, "orders-temp", "available", Origin::Original);
        let verdict = judged(&renamed(), vec![home, original]);
        assert_eq!(
            lines(&verdict)[0],
            "aws rds delete-db-instance --db-instance-identifier orders --skip-final-snapshot --no-delete-automated-backups"
        );
    }

    #[test]
    fn the_original_is_not_deleted_beside_a_successor_that_is_not_available() {
        let verified = verified(instance());
        let databases = vec![
            protected(database(Instance, "orders", "storage-full", Origin::Restored)),
            database(Instance, "orders-temp", "available", Origin::Original),
        ];
        let verdict = judged(&verified, databases);
        assert!(verdict.commands.is_empty(), "{:?}", verdict.commands);
        assert!(verdict.remarks.iter().any(|remark| remark.starts_with("Do not delete orders-temp")));
    }

    #[test]
    fn a_failed_member_of_a_multi_az_cluster_needs_a_person() {
        let mut document = after(aurora(), &["claim", "snapshot", "rename"]);
        document["plan"]["original"]["clusterKind"] = "multi-az".into();
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Original),
            Database { status: "failed".to_owned(), ..member("orders-instance-1", "db-X", "orders", Origin::Original) },
        ];
        let verdict = judged(&document, databases);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert!(verdict.remarks[0].contains("orders-instance-1 is in status failed"), "{:?}", verdict.remarks);
    }

    #[test]
    fn an_interrupted_replacement_of_the_snapshot_can_be_finished() {
        let copied = "aws rds copy-db-cluster-snapshot --source-db-cluster-snapshot-identifier orders-temp \
                      --target-db-cluster-snapshot-identifier orders-snapshot";
        let taken = "aws rds create-db-cluster-snapshot --db-cluster-identifier orders \
                     --db-cluster-snapshot-identifier orders-snapshot";
        for (kind, command) in [(ClusterKind::Aurora, copied), (ClusterKind::MultiAz, taken)] {
            let mut document = after(aurora(), &["claim"]);
            document["plan"]["original"]["clusterKind"] = json!(kind);
            let run = run(&document);
            let databases = vec![
                database(Cluster, "orders", "available", Origin::Original),
                member("orders-a", "db-ORDERS-A", "orders", Origin::Original),
                member("orders-b", "db-ORDERS-B", "orders", Origin::Original),
            ];
            let mut resources = resources(&run, databases);
            let snapshots = resources.snapshots.as_mut().unwrap();
            snapshots[0].status = None;
            snapshots[1].status = Some("available".to_owned());
            let verdict = judge(&run, &resources, "eu-west-1");
            assert_eq!(verdict.standing, Standing::ActionNeeded);
            assert_eq!(lines(&verdict), [command]);
        }
    }
}
