//! Whether what exists after a failed run is as it should be and, if not, the commands that put it right, in order.
//!
//! Pure: from the run and the look at the world to a [`Verdict`]. The commands are for a person to run, so they are
//! cautious: a database is only to be deleted if this run restored it, or if it is the original after its successor was
//! verified. Where a database of neither kind is in the way, the person decides.

use trapheus_common::document::{Request, Target};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::tags;
use trapheus_common::wait::acceptor::{Phase, phase};

use crate::run::{Original, Progress, Recovery, Run};
use crate::words;
use crate::world::{Database, Origin, Snapshot, World};

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A database is available under the name, and nothing is left over.
    Well,
    /// A person has to act.
    ActionNeeded,
    /// RDS could not be looked at.
    Unknown,
}

/// The judgement on what exists now.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub standing: Standing,
    /// A few words for the subject.
    pub summary: &'static str,
    /// One sentence.
    pub headline: String,
    /// What else a person should know before acting.
    pub remarks: Vec<String>,
    pub commands: Vec<Command>,
}

/// A command of the AWS CLI and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub purpose: String,
    pub line: String,
}

/// Judges what exists after the run.
pub fn judge(run: &Run, world: &World, region: &str) -> Verdict {
    let Some(request) = &run.request else {
        return match &run.recovery {
            Some(recovery) => not_recovered(recovery),
            None => well(words::NOTHING_TOUCHED, "Nothing was touched: the input was refused.".to_owned()),
        };
    };
    // So it is, whatever exists and whether or not it can be looked at.
    if run.progress == Progress::Untouched && run.recovery.is_none() {
        return well(words::NOTHING_TOUCHED, format!("Nothing was touched, {} included.", request.identifier));
    }
    let databases = match &world.databases {
        Ok(databases) => databases,
        Err(reason) => {
            return Verdict {
                standing: Standing::Unknown,
                summary: words::BLIND,
                headline: format!("It is not known what exists now: RDS could not be looked at ({reason})."),
                remarks: vec![format!(
                    "Look at {} and {} in the RDS console.",
                    request.identifier, request.temporary_identifier
                )],
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
    let place = Place { run, request, original, databases, cli: Cli { region } };
    if let Some(verdict) = place.of_another_run() {
        return verdict;
    }
    let mut verdict = match run.progress {
        Progress::Verified => place.after_verification(),
        Progress::Untouched | Progress::Claimed | Progress::Renamed | Progress::Unresolved => place.after_rollback(),
    };
    if let Ok(snapshots) = &world.snapshots {
        place.look_after_snapshots(snapshots, &mut verdict);
    }
    place.look_after_tags(&mut verdict);
    verdict
}

/// A recovery that did not get as far as to know what it is about.
fn not_recovered(recovery: &Recovery) -> Verdict {
    let mut verdict = action_needed(format!("It is not known what is left to do: {}.", words::FOUND_NOTHING_OUT));
    if let Some(execution) = &recovery.interrupted {
        verdict.remarks.push(format!(
            "The execution {execution} did not succeed. Look in the RDS console whether its database is under its name; if a \
             database with `-temp` behind its name is there too, that is the original."
        ));
    }
    verdict.remarks.push("Remove the cause, then start the recovery again with the same input.".to_owned());
    verdict
}

/// Nothing carries a mark that would tell which database is which.
fn unresolved(request: &Request, databases: &[Database]) -> Verdict {
    let name = &request.identifier;
    let is_there =
        databases.iter().any(|database| database.kind == request.kind && database.identifier == name.as_str());
    let headline = if is_there {
        format!("{name} answers, but nothing tells any more which database it is.")
    } else {
        format!("No {} answers as {name}, and nothing tells any more which database was called so.", request.kind)
    };
    let mut verdict = action_needed(headline);
    verdict.remarks.push(format!(
        "Somebody has removed the tags that told, or renamed the database. Look for it in the RDS console, above all under {} \
         and by the tag {} = {}, and give it its name back.",
        request.temporary_identifier,
        tags::EXECUTION,
        request.execution
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
    Verdict { standing: Standing::Well, summary, headline, remarks: Vec::new(), commands: Vec::new() }
}

fn action_needed(headline: String) -> Verdict {
    Verdict { standing: Standing::ActionNeeded, ..well(words::ACTION_NEEDED, headline) }
}

/// What is known of a run and of the world after it.
struct Place<'a> {
    run: &'a Run,
    request: &'a Request,
    original: &'a Original,
    databases: &'a [Database],
    cli: Cli<'a>,
}

impl Place<'_> {
    fn named(&self, kind: DatabaseKind, identifier: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.kind == kind && database.identifier == identifier)
    }

    /// What answers under the name the run was about.
    fn home(&self) -> Option<&Database> {
        self.named(self.request.kind, self.request.identifier.as_str())
    }

    fn find(&self, target: &Target) -> Option<&Database> {
        self.databases.iter().find(|database| database.resource_id == target.resource_id)
    }

    fn members_of<'b>(&'b self, cluster: &'b str) -> impl Iterator<Item = &'b Database> {
        self.databases.iter().filter(move |database| database.member_of.as_deref() == Some(cluster))
    }

    /// Another execution's claim on the original: what exists is that one's business, as long as it runs.
    fn of_another_run(&self) -> Option<Verdict> {
        let original = self.find(self.original.target())?;
        let claim = original.claim.as_deref().filter(|claim| *claim != self.run.execution)?;
        let name = &self.request.identifier;
        let is_well = at_home(original, self.original.target()) && original.status == "available";
        let mut verdict = if is_well {
            well(words::ANOTHER_RUN, format!("Another execution works on {name}; this one touches nothing more."))
        } else {
            let mut verdict = self.after_rollback();
            verdict.needs_action();
            verdict
                .remarks
                .insert(0, format!("Run the commands only if {claim} no longer runs: it has marked the original."));
            return Some(verdict);
        };
        verdict.remarks.push(format!("That execution is {claim}. What is listed here is its doing."));
        verdict.remarks.push("If it no longer runs, starting the task again takes the database over.".to_owned());
        Some(verdict)
    }

    /// No restored database was verified: the original belongs under its name.
    fn after_rollback(&self) -> Verdict {
        let name = &self.request.identifier;
        let target = self.original.target();
        let Some(original) = self.find(target) else {
            return self.without_original();
        };
        let strays = self.original.own_members().any(|member| self.find(member).is_some_and(|m| !at_home(m, member)));
        if at_home(original, target) && !strays {
            return self.original_at_home(original);
        }
        let mut verdict = action_needed(match self.home() {
            None => {
                format!("No {} answers as {name}: the original is still called {}.", original.kind, original.identifier)
            }
            Some(home) if home.origin == Origin::Original => {
                format!("{name} is the original again, but not every member is back under its name.")
            }
            Some(home) if home.origin == Origin::Restored => format!(
                "{name} is the database that this run restored and did not verify; the original is still called {}.",
                original.identifier
            ),
            Some(_) => format!("{name} {}; the original is still called {}.", words::NOT_CREATED, original.identifier),
        });
        self.put_back(original, &mut verdict);
        verdict.remarks.push(self.try_again());
        verdict
    }

    /// The same, done by the state machine.
    fn try_again(&self) -> String {
        format!(
            "Instead of running the commands, you can have it tried again: once the cause is removed, start the state machine \
             with the input {{\"task\": \"recover\", \"execution\": \"{}\"}}.",
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
                self.make_available(member, &mut verdict);
            }
        }
        if self.original.deletion_protection() && !original.deletion_protection {
            verdict.needs_action();
            verdict.commands.push(self.cli.protect(original.kind, &original.identifier, true));
        }
        verdict
    }

    /// What can be done about a status that is not `available`.
    fn make_available(&self, database: &Database, verdict: &mut Verdict) {
        let Database { kind, identifier, status, .. } = database;
        match phase(*kind, status) {
            Phase::Available => {}
            Phase::Passing => verdict.commands.push(self.cli.wait(*kind, "available", identifier)),
            Phase::Stopped => verdict.commands.push(self.cli.start(*kind, identifier)),
            Phase::Deleting => verdict.remarks.push(format!("Somebody is deleting {identifier}.")),
            Phase::Broken => verdict.remarks.push(format!(
                "The status {status} does not pass by itself: look at the recent events of {identifier} in the RDS console."
            )),
        }
    }

    /// Remove what the run restored, then give the original and its members their names back.
    fn put_back(&self, original: &Database, verdict: &mut Verdict) {
        let target = self.original.target();
        if !at_home(original, target) {
            match self.home() {
                Some(home) if home.origin == Origin::Restored => {
                    self.delete(home, "the database this run restored", "", verdict);
                }
                Some(home) => {
                    verdict.remarks.push(format!(
                        "{} ({}) is in the way and is {}: decide what becomes of it, then run the commands.",
                        home.identifier,
                        home.resource_id,
                        words::FOREIGN
                    ));
                }
                None => {}
            }
            verdict.commands.extend(self.cli.rename(original.kind, &original.identifier, target.identifier.as_str()));
        }
        for member in self.original.own_members() {
            match self.find(member) {
                Some(found) if !at_home(found, member) => {
                    verdict.commands.extend(self.cli.rename(
                        DatabaseKind::Instance,
                        &found.identifier,
                        member.identifier.as_str(),
                    ));
                }
                Some(_) => {}
                None => verdict.remarks.push(format!("The member {} no longer exists.", member.identifier)),
            }
        }
    }

    /// Deletes a database, a cluster's members before it.
    fn delete(&self, database: &Database, what: &str, options: &str, verdict: &mut Verdict) {
        let Database { kind, identifier, origin, .. } = database;
        if database.deletion_protection {
            verdict.commands.push(self.cli.protect(*kind, identifier, false));
        }
        if self.original.own_members().next().is_some() {
            for member in self.members_of(identifier) {
                if member.origin == *origin {
                    let what = format!("a member of {identifier}");
                    verdict.commands.push(self.cli.delete(DatabaseKind::Instance, &member.identifier, &what, ""));
                } else {
                    verdict.remarks.push(format!(
                        "{} ({}) is a member of {identifier}, but not one this run knows: decide what becomes of it; while \
                         it exists, {identifier} cannot be deleted.",
                        member.identifier, member.resource_id
                    ));
                }
            }
        }
        let options = format!(" --skip-final-snapshot{options}");
        verdict.commands.push(self.cli.delete(*kind, identifier, what, &options));
        verdict.commands.push(self.cli.wait(*kind, "deleted", identifier));
    }

    /// The original is gone although nothing that succeeded it was verified.
    fn without_original(&self) -> Verdict {
        let name = &self.request.identifier;
        let resource_id = &self.original.target().resource_id;
        match self.home() {
            Some(home) if home.origin == Origin::Restored => {
                let mut verdict = action_needed(format!(
                    "The original ({resource_id}) no longer exists; {name} is the database that this run restored, in \
                     status {}, and was not verified.",
                    home.status
                ));
                verdict
                    .remarks
                    .push(format!("Do not delete {name}: compare its settings and data with what you expect."));
                verdict
            }
            Some(home) => action_needed(format!(
                "The original ({resource_id}) no longer exists; {name} ({}) {}.",
                home.resource_id,
                words::NOT_CREATED
            )),
            None => {
                let mut verdict = action_needed(format!(
                    "The original ({resource_id}) no longer exists, and no {} answers as {name}.",
                    self.request.kind
                ));
                verdict.remarks.push("The commands restore it from its snapshot with its main settings.".to_owned());
                verdict.commands = self.cli.restore(self.request, self.original);
                verdict
            }
        }
    }

    /// The restored database is verified and stays; what is left of the original is superfluous.
    fn after_verification(&self) -> Verdict {
        let name = &self.request.identifier;
        let leftover = self.find(self.original.target());
        let Some(home) = self.home().filter(|home| home.origin == Origin::Restored) else {
            let mut verdict = action_needed(format!(
                "The restored database was verified, but {name} is not it any more: somebody renamed or deleted it."
            ));
            if let Some(leftover) = leftover {
                verdict.remarks.push(format!(
                    "The original still exists as {}: do not delete it before {name} is sorted out.",
                    leftover.identifier
                ));
            }
            return verdict;
        };
        let is_available = phase(home.kind, &home.status) == Phase::Available;
        let mut verdict = match leftover {
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
        if self.original.deletion_protection() && !home.deletion_protection {
            verdict.needs_action();
            verdict.commands.push(self.cli.protect(home.kind, &home.identifier, true));
        }
        if let Some(leftover) = leftover {
            verdict.remarks.push(format!(
                "Delete {} only when nobody needs it any more, and only if its resource id is {}.",
                leftover.identifier, leftover.resource_id
            ));
            let keep = if self.request.options.keep_automated_backups { " --no-delete-automated-backups" } else { "" };
            self.delete(leftover, "the original, which is no longer needed", keep, &mut verdict);
        }
        verdict
    }

    fn look_after_snapshots(&self, snapshots: &[Snapshot], verdict: &mut Verdict) {
        let available = |snapshot: &&Snapshot| snapshot.status.as_deref() == Some("available");
        let [main, temporary] = snapshots else { return };
        if available(&main) {
            return;
        }
        if let Some(temporary) = Some(temporary).filter(available) {
            verdict.remarks.push(format!(
                "The snapshot {} is not available; its replacement {} is, and the copy of it is still to be made.",
                main.identifier, temporary.identifier
            ));
            if main.status.is_none() {
                verdict.needs_action();
                verdict.commands.push(self.cli.copy_snapshot(self.request));
            }
        } else if self.request.task.takes_snapshot() {
            verdict.remarks.push(format!("There is no available snapshot {} now.", main.identifier));
        }
    }

    /// Marks that are left over are harmless, but say something that is no longer true. They are taken off where the
    /// database is once the other commands have run.
    fn look_after_tags(&self, verdict: &mut Verdict) {
        let stays = if self.run.progress == Progress::Verified { Origin::Restored } else { Origin::Original };
        for database in self.databases.iter().filter(|database| database.claim.as_deref() == Some(&self.run.execution))
        {
            if database.origin != stays && verdict.standing != Standing::Well {
                continue;
            }
            let home = self.home_of(database);
            let arn = database.arn.rsplit_once(':').map(|(place, _)| format!("{place}:{home}"));
            verdict.commands.push(self.cli.untag(home, &arn.unwrap_or_else(|| database.arn.clone())));
        }
    }

    /// The name a database has when everything is in its place.
    fn home_of<'b>(&'b self, database: &'b Database) -> &'b str {
        let mut targets = std::iter::once(self.original.target()).chain(self.original.own_members());
        let target = targets.find(|target| target.resource_id == database.resource_id);
        target.map_or(database.identifier.as_str(), |target| target.identifier.as_str())
    }
}

fn at_home(database: &Database, target: &Target) -> bool {
    database.identifier == target.identifier.as_str()
}

/// The words of the AWS CLI.
#[derive(Clone, Copy)]
struct Cli<'a> {
    region: &'a str,
}

impl Cli<'_> {
    fn command(self, purpose: impl Into<String>, arguments: &str) -> Command {
        let region = if self.region.is_empty() { String::new() } else { format!(" --region {}", word(self.region)) };
        Command { purpose: purpose.into(), line: format!("aws rds {arguments}{region}") }
    }

    fn wait(self, kind: DatabaseKind, goal: &str, identifier: &str) -> Command {
        let (noun, option) = (noun(kind), option(kind));
        self.command(
            format!("wait until {identifier} is {goal}"),
            &format!("wait {noun}-{goal} {option} {}", word(identifier)),
        )
    }

    fn start(self, kind: DatabaseKind, identifier: &str) -> Command {
        let (noun, option) = (noun(kind), option(kind));
        self.command(format!("start {identifier}"), &format!("start-{noun} {option} {}", word(identifier)))
    }

    fn protect(self, kind: DatabaseKind, identifier: &str, on: bool) -> Command {
        let (noun, option) = (noun(kind), option(kind));
        let (flag, purpose) = if on {
            ("--deletion-protection", "turn deletion protection back on")
        } else {
            ("--no-deletion-protection", "turn deletion protection off")
        };
        self.command(
            format!("{purpose} for {identifier}"),
            &format!("modify-{noun} {option} {} {flag} --apply-immediately", word(identifier)),
        )
    }

    fn delete(self, kind: DatabaseKind, identifier: &str, what: &str, options: &str) -> Command {
        let (noun, option) = (noun(kind), option(kind));
        self.command(
            format!("delete {identifier}, {what}"),
            &format!("delete-{noun} {option} {}{options}", word(identifier)),
        )
    }

    /// The CLI's waiter ends at once while the new name does not answer yet, so it may have to be repeated.
    fn rename(self, kind: DatabaseKind, from: &str, to: &str) -> [Command; 2] {
        let (noun, option) = (noun(kind), option(kind));
        let mut wait = self.wait(kind, "available", to);
        wait.purpose.push_str("; repeat it while the new name is not found, a rename takes minutes");
        [
            self.command(
                format!("rename {from} back to {to}"),
                &format!(
                    "modify-{noun} {option} {} --new-{noun}-identifier {} --apply-immediately",
                    word(from),
                    word(to)
                ),
            ),
            wait,
        ]
    }

    fn untag(self, identifier: &str, arn: &str) -> Command {
        self.command(
            format!("take this run's claim off {identifier} (harmless: the next run takes it over)"),
            &format!("remove-tags-from-resource --resource-name {} --tag-keys {}", word(arn), tags::OURS.join(" ")),
        )
    }

    fn copy_snapshot(self, request: &Request) -> Command {
        let Request { snapshot_identifier: to, temporary_snapshot_identifier: from, .. } = request;
        let noun = match request.kind {
            DatabaseKind::Instance => "db-snapshot",
            DatabaseKind::Cluster => "db-cluster-snapshot",
        };
        let (source, target) = (word(from.as_str()), word(to.as_str()));
        self.command(
            format!("finish the replacement of the snapshot {to} (or let the next create_snapshot run do it)"),
            &format!("copy-{noun} --source-{noun}-identifier {source} --target-{noun}-identifier {target}"),
        )
    }

    /// The settings that decide who can reach the database and how it behaves; the rest is left to its owner.
    fn restore(self, request: &Request, original: &Original) -> Vec<Command> {
        let name = request.identifier.as_str();
        let snapshot = request.snapshot_identifier.as_str();
        match original {
            Original::Instance(instance) => {
                let settings = &instance.settings;
                let line = Line::new("restore-db-instance-from-db-snapshot")
                    .with("--db-instance-identifier", [name])
                    .with("--db-snapshot-identifier", [snapshot])
                    .with("--db-instance-class", settings.instance_class.as_deref())
                    .with("--db-subnet-group-name", settings.subnet_group.as_deref())
                    .with("--vpc-security-group-ids", settings.security_groups.iter().map(String::as_str))
                    .with("--db-parameter-group-name", settings.parameter_group.as_deref())
                    .with("--option-group-name", settings.option_group.as_deref());
                vec![
                    self.command(format!("restore {name} from {snapshot}"), &line.0),
                    self.wait(request.kind, "available", name),
                ]
            }
            Original::Cluster(cluster) => {
                let settings = &cluster.settings;
                let line = Line::new("restore-db-cluster-from-snapshot")
                    .with("--db-cluster-identifier", [name])
                    .with("--snapshot-identifier", [snapshot])
                    .with("--engine", [cluster.engine.as_str()])
                    .with("--db-cluster-instance-class", settings.instance_class.as_deref())
                    .with("--db-subnet-group-name", settings.subnet_group.as_deref())
                    .with("--vpc-security-group-ids", settings.security_groups.iter().map(String::as_str))
                    .with("--db-cluster-parameter-group-name", settings.parameter_group.as_deref());
                let mut commands = vec![
                    self.command(format!("restore {name} from {snapshot}"), &line.0),
                    self.wait(request.kind, "available", name),
                ];
                commands.extend(cluster.own_members().iter().map(|member| {
                    let line = Line::new("create-db-instance")
                        .with("--db-instance-identifier", [member.target.identifier.as_str()])
                        .with("--db-cluster-identifier", [name])
                        .with("--engine", [cluster.engine.as_str()])
                        .with("--db-instance-class", member.settings.instance_class.as_deref())
                        .with("--db-parameter-group-name", member.settings.parameter_group.as_deref());
                    self.command(format!("create its member {}", member.target.identifier), &line.0)
                }));
                commands
            }
        }
    }
}

/// A command under construction: options without a value are left out.
struct Line(String);

impl Line {
    fn new(action: &str) -> Self {
        Self(action.to_owned())
    }

    fn with<'a>(mut self, option: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        for (position, value) in values.into_iter().enumerate() {
            if position == 0 {
                self.0.push(' ');
                self.0.push_str(option);
            }
            self.0.push(' ');
            self.0.push_str(&word(value));
        }
        self
    }
}

const fn noun(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "db-instance",
        DatabaseKind::Cluster => "db-cluster",
    }
}

const fn option(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "--db-instance-identifier",
        DatabaseKind::Cluster => "--db-cluster-identifier",
    }
}

/// One word of a shell command, quoted where a shell would take it apart.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/=@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use trapheus_common::document::Finding;
    use trapheus_common::identifiers::DatabaseKind::{Cluster, Instance};

    use super::*;
    use crate::fixtures::{EXECUTION, after, aurora, database, instance, member, recovering, run, world};

    fn judged(document: &Value, databases: Vec<Database>) -> Verdict {
        let run = run(document);
        judge(&run, &world(&run, databases), "eu-west-1")
    }

    fn lines(verdict: &Verdict) -> Vec<&str> {
        verdict.commands.iter().map(|command| command.line.trim_end_matches(" --region eu-west-1")).collect()
    }

    /// A restore of an instance that failed somewhere between rename and verification.
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

    #[test]
    fn an_original_under_its_name_and_available_needs_nothing() {
        let home = || protected(database(Instance, "orders", "available", Origin::Original));
        let verdict = judged(&renamed(), vec![home()]);
        assert_eq!((verdict.standing, verdict.summary), (Standing::Well, "original is back"));
        assert!(verdict.commands.is_empty());
        // It failed before the rename was called.
        assert_eq!(judged(&instance(), vec![home()]).summary, "original untouched");
    }

    #[test]
    fn an_original_left_under_its_temporary_name_is_renamed_back() {
        let verdict = judged(&renamed(), vec![database(Instance, "orders-temp", "available", Origin::Original)]);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert_eq!(lines(&verdict), RENAME_BACK);
    }

    #[test]
    fn a_database_nobody_knows_is_never_deleted() {
        let databases = vec![
            database(Instance, "orders", "available", Origin::Other),
            database(Instance, "orders-temp", "available", Origin::Original),
        ];
        let verdict = judged(&renamed(), databases);
        assert_eq!(lines(&verdict), RENAME_BACK);
        assert!(verdict.remarks[0].contains("db-OTHER"), "{:?}", verdict.remarks);
    }

    #[test]
    fn what_the_run_restored_is_removed_before_the_original_is_renamed_back() {
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
    fn an_original_that_is_not_available_gets_what_helps_its_status() {
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
    fn a_member_that_is_not_home_is_renamed_back() {
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
    fn a_member_somebody_added_is_never_deleted() {
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Restored),
            database(Cluster, "orders-temp", "available", Origin::Original),
            member("orders-a", "db-NEW", "orders", Origin::Restored),
            member("reports", "db-REPORTS", "orders", Origin::Other),
        ];
        let verdict = judged(&after(aurora(), &["claim", "snapshot", "rename"]), databases);
        assert_eq!(lines(&verdict)[0], "aws rds delete-db-instance --db-instance-identifier orders-a");
        assert!(lines(&verdict).iter().all(|line| !line.contains("reports")), "{:?}", lines(&verdict));
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
        assert_eq!(verdict.commands.len(), 4);
        assert!(lines(&verdict).iter().all(|line| !line.contains("db-instance")), "{:?}", lines(&verdict));
    }

    #[test]
    fn what_another_execution_works_on_is_left_to_it() {
        let claim = Some("arn:another".to_owned());
        let home = Database { claim: claim.clone(), ..database(Instance, "orders", "available", Origin::Original) };
        let verdict = judged(&renamed(), vec![home]);
        assert_eq!(verdict.standing, Standing::Well);
        assert!(verdict.commands.is_empty());
        assert!(verdict.remarks[0].contains("arn:another"), "{:?}", verdict.remarks);
        // The tag may be wrong, and nothing answers under the name: that is for a person to judge.
        let away = Database { claim, ..database(Instance, "orders-temp", "available", Origin::Original) };
        let verdict = judged(&renamed(), vec![away]);
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert_eq!(lines(&verdict), RENAME_BACK);
        assert!(verdict.remarks[0].contains("only if arn:another no longer runs"), "{:?}", verdict.remarks);
    }

    #[test]
    fn what_carries_no_mark_any_more_is_not_called_the_original() {
        let home = protected(database(Instance, "orders", "available", Origin::Original));
        let verdict = judged(&recovering(&instance(), Finding::Release, "ABORTED"), vec![home]);
        assert_eq!((verdict.standing, verdict.summary), (Standing::Well, "nothing is left to undo"));
        assert!(!verdict.headline.contains("original"), "{}", verdict.headline);
    }

    #[test]
    fn without_any_mark_a_person_has_to_look() {
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
    fn after_verification_nothing_is_deleted_but_the_leftover() {
        let verified = after(renamed(), &["restore", "settings", "verification"]);
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

    #[test]
    fn an_interrupted_replacement_of_the_snapshot_can_be_finished() {
        let run = run(&after(aurora(), &["claim"]));
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Original),
            member("orders-a", "db-ORDERS-A", "orders", Origin::Original),
            member("orders-b", "db-ORDERS-B", "orders", Origin::Original),
        ];
        let mut world = world(&run, databases);
        let snapshots = world.snapshots.as_mut().unwrap();
        snapshots[0].status = None;
        snapshots[1].status = Some("available".to_owned());
        let verdict = judge(&run, &world, "eu-west-1");
        assert_eq!(verdict.standing, Standing::ActionNeeded);
        assert_eq!(
            lines(&verdict),
            ["aws rds copy-db-cluster-snapshot --source-db-cluster-snapshot-identifier orders-temp \
              --target-db-cluster-snapshot-identifier orders-snapshot"]
        );
    }

    #[test]
    fn a_word_of_a_command_cannot_become_another_command() {
        assert_eq!(word("orders-temp"), "orders-temp");
        assert_eq!(word("a; rm -rf 'x'"), r"'a; rm -rf '\''x'\'''");
        assert_eq!(word(""), "''");
    }
}
