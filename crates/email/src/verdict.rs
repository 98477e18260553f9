//! Whether what exists after a failed run is as it should be and, if not, the commands that put it right, in order.
//!
//! Pure: from the run and the look at the world to a [`Verdict`]. The commands are for a person to run, so they are
//! cautious: a database is only to be deleted if this run restored it, or if it is the original after its successor was
//! verified. Where a database of neither kind is in the way, the person decides.

use trapheus_common::document::{ClusterKind, Request, Target};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::tags;
use trapheus_common::wait::acceptor::{Phase, phase};

use crate::run::{Original, Progress, Run};
use crate::world::{Database, Origin, Snapshot, World};

/// The summary of every [`Standing::ActionNeeded`].
const ACTION_NEEDED: &str = "ACTION NEEDED";

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
        return well("nothing was touched", "Nothing was touched: the input was refused.".to_owned());
    };
    let databases = match &world.databases {
        Ok(databases) => databases,
        Err(reason) => {
            return Verdict {
                standing: Standing::Unknown,
                summary: "could not look at RDS",
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
        return well("nothing was touched", format!("Nothing was touched, {} included.", request.identifier));
    };
    let place = Place { run, request, original, databases, cli: Cli { region } };
    if let Some(verdict) = place.of_another_run() {
        return verdict;
    }
    let mut verdict = match run.progress {
        Progress::Verified => place.after_verification(),
        _ => place.after_rollback(),
    };
    if let Ok(snapshots) = &world.snapshots {
        place.look_after_snapshots(snapshots, &mut verdict);
    }
    place.look_after_tags(&mut verdict);
    verdict
}

impl Verdict {
    fn needs_action(&mut self) {
        self.standing = Standing::ActionNeeded;
        self.summary = ACTION_NEEDED;
    }
}

fn well(summary: &'static str, headline: String) -> Verdict {
    Verdict { standing: Standing::Well, summary, headline, remarks: Vec::new(), commands: Vec::new() }
}

fn action_needed(headline: String) -> Verdict {
    Verdict { standing: Standing::ActionNeeded, ..well(ACTION_NEEDED, headline) }
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

    /// Another execution's claim on the original: what exists is that one's business.
    fn of_another_run(&self) -> Option<Verdict> {
        let claim = self.find(self.original.target())?.claim.as_deref().filter(|claim| *claim != self.run.execution)?;
        let name = &self.request.identifier;
        let mut verdict =
            well("another run has it", format!("Another execution works on {name}; this one touches nothing more."));
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
            Some(_) => format!(
                "{name} is a database that this run did not create; the original is still called {}.",
                original.identifier
            ),
        });
        self.put_back(original, &mut verdict);
        verdict
    }

    fn original_at_home(&self, original: &Database) -> Verdict {
        let name = &self.request.identifier;
        let never_left = self.run.progress < Progress::Renamed;
        let mut verdict = match phase(original.kind, &original.status) {
            Phase::Available if never_left => {
                well("original untouched", format!("{name} is the original, untouched and available."))
            }
            Phase::Available => well("original is back", format!("{name} is the original again, and available.")),
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
                    verdict.commands.extend(self.delete(home, "the database this run restored", ""));
                }
                Some(home) => {
                    verdict.remarks.push(format!(
                        "{} ({}) is in the way and is neither the original nor restored by this run: decide what becomes of \
                         it, then run the commands.",
                        home.identifier, home.resource_id
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
    fn delete(&self, database: &Database, what: &str, options: &str) -> Vec<Command> {
        let Database { kind, identifier, .. } = database;
        let mut commands = Vec::new();
        if database.deletion_protection {
            commands.push(self.cli.protect(*kind, identifier, false));
        }
        let rds_owns_members = match self.original {
            Original::Instance(_) => true,
            Original::Cluster(cluster) => cluster.cluster_kind == ClusterKind::MultiAz,
        };
        if *kind == DatabaseKind::Cluster && !rds_owns_members {
            for member in self.members_of(identifier) {
                commands.push(self.cli.delete(DatabaseKind::Instance, &member.identifier, "its member", ""));
            }
        }
        let options = format!(" --skip-final-snapshot{options}");
        commands.push(self.cli.delete(*kind, identifier, what, &options));
        commands.push(self.cli.wait(*kind, "deleted", identifier));
        commands
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
                "The original ({resource_id}) no longer exists; {name} ({}) is a database that this run did not create.",
                home.resource_id
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
                "restored database is in place",
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
            let keep = match (leftover.kind, self.request.options.keep_automated_backups) {
                (_, true) => " --no-delete-automated-backups",
                (_, false) => "",
            };
            verdict.commands.extend(self.delete(leftover, "the original, which is no longer needed", keep));
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

    /// A claim that is left over is harmless, but says something that is no longer true.
    fn look_after_tags(&self, verdict: &mut Verdict) {
        for database in self.databases.iter().filter(|database| database.claim.as_deref() == Some(&self.run.execution))
        {
            let is_settled = verdict.standing == Standing::Well;
            let is_home = database.identifier == self.request.identifier.as_str();
            if is_home && (is_settled || database.origin == Origin::Original) {
                verdict.commands.push(self.cli.untag(&database.identifier, &database.arn));
            }
        }
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
