//! The alert as data: this module words every text that a person reads, once, for every channel.
//!
//! A renderer knows [`Block`]s and nothing of runs, so text, HTML and every later format say the same.

use trapheus_common::document::{Request, SourceKind, Task};
use trapheus_common::rds;
use trapheus_common::timestamp::Timestamp;

use crate::cause;
use crate::link::Console;
use crate::plain;
use crate::resources::{Database, Look, Origin, Resources, SnapshotStatus};
use crate::run::{Failure, Progress, Recovery, Run};
use crate::verdict::{self, Command, Standing, Verdict};
use crate::words;

/// The longest subject: mail programs show less, and SES refuses much longer ones.
const LONGEST_SUBJECT: usize = 180;

/// The longest reason in a headline; the whole error is below it.
const LONGEST_REASON: usize = 300;

/// An alert, ready to be rendered and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The database, for logs and errors of the sender.
    pub about: String,
    /// The subject line.
    pub subject: String,
    /// The whole alert in one sentence.
    pub headline: String,
    pub sections: Vec<Section>,
    pub links: Vec<Link>,
}

/// A titled part of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: &'static str,
    pub blocks: Vec<Block>,
}

/// A piece of a section. Its text is plain: a renderer escapes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    Paragraph(String),
    /// An error's own words, line by line.
    Quote(Vec<String>),
    List(Vec<String>),
    /// Labels with their values.
    Facts(Vec<(&'static str, String)>),
    /// Commands in the order in which a person runs them.
    Commands(Vec<Command>),
}

/// An address with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub label: String,
    pub address: String,
}

impl Alert {
    /// The first alert, sent at once: the failure and the next step.
    pub fn first(run: &Run, region: &str) -> Self {
        let mut said = Said::default();
        let why = said.reason(&run.failure);
        let mut sections = vec![asked(run)];
        sections.extend(failed(run, &mut said));
        sections.push(Section { title: "What happens next", blocks: vec![Block::Paragraph(next(run))] });
        Self {
            about: about(run),
            subject: subject("Trapheus", run, next_in_short(run)),
            headline: format!("{}. {why}", what_failed(run)).trim_end().to_owned(),
            sections,
            links: links(run, region, run.name()),
        }
    }

    /// The only alert of a run that succeeded except for the export of its snapshot.
    pub fn export(run: &Run, region: &str) -> Self {
        let name = run.name().unwrap_or("an unnamed database");
        let failure = run.export_failure.as_ref().unwrap_or(&run.failure);
        let mut blocks =
            vec![Block::Facts(vec![(words::STEP, words::EXPORT.to_owned()), ("Error", failure.name.clone())])];
        blocks.extend(words_of(failure));
        let mut sections = vec![
            Section { title: "What exists now", blocks: vec![Block::Paragraph(done_without_export(run))] },
            Section { title: "What failed", blocks },
        ];
        sections.extend(Said::default().explanation(failure));
        sections.push(asked(run));
        let headline = format!("The export of the snapshot of {name} failed");
        Self {
            about: about(run),
            subject: plain::line(&format!("Trapheus: {headline} (the database is well)"), LONGEST_SUBJECT),
            headline: format!("{headline}; the database is well."),
            sections,
            links: links(run, region, run.name()),
        }
    }

    /// The final alert: the failure and the databases that exist now.
    pub fn last(run: &Run, resources: &Resources, region: &str) -> Self {
        let console = Console::of(&run.execution, region);
        let verdict = verdict::judge(run, resources, console.as_ref().map_or(region, Console::region));
        let mut said = Said::default();
        let why = said.reason(&run.failure);
        let mut sections: Vec<Section> = now(run, resources, &verdict.remarks).into_iter().collect();
        if !verdict.commands.is_empty() {
            sections.push(remedy(&verdict));
        }
        sections.extend(failed(run, &mut said));
        sections.extend(rollback(run, verdict.is_back, &mut said));
        sections.extend(export(run, &mut said));
        if !run.notes.is_empty() {
            sections.push(Section { title: "Notes of the steps", blocks: vec![Block::List(run.notes.clone())] });
        }
        sections.push(asked(run));
        let subject = match verdict.standing {
            Standing::ActionNeeded => {
                let outcome = match (verdict.is_back, verdict.has_leftover) {
                    (true, true) => format!("{}: {}", words::FINAL, words::BACK_WITH_LEFTOVERS),
                    (true, false) => format!("{}: {}", words::FINAL, words::BACK),
                    (false, _) => words::FINAL.to_owned(),
                };
                subject(&format!("Trapheus: {}", words::ACTION_NEEDED), run, &outcome)
            }
            Standing::Well | Standing::Unknown => {
                subject("Trapheus", run, &format!("{}: {}", words::FINAL, verdict.summary))
            }
        };
        let parts = [format!("{}.", what_failed(run)), why, verdict.headline];
        let headline = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        Self { about: about(run), subject, headline, sections, links: links(run, region, existing(run, resources)) }
    }

    /// The notice that a restored database is verified, or a snapshot taken, whether or not its export succeeds.
    pub fn success(run: &Run, resources: &Resources, at: Timestamp, region: &str) -> Self {
        let mut said = Said::default();
        let why = run.export_failure.as_ref().map(|failure| format!(" {}", said.reason(failure)));
        let mut sections = vec![course(run, at)];
        sections.extend(what_is_left(run));
        sections.extend(export(run, &mut said));
        sections.push(differences(run));
        sections.extend(now(run, resources, &[]));
        if !run.notes.is_empty() {
            sections.push(Section { title: "Notes of the steps", blocks: vec![Block::List(run.notes.clone())] });
        }
        sections.push(asked(run));
        let done = if run.restored_resource_id.is_some() { words::VERIFIED } else { words::TAKEN };
        let (how, outcome) = match &run.export_failure {
            Some(_) => (format!("{done}, but its export failed"), "the database is in order"),
            None => (done.to_owned(), "nothing to do"),
        };
        let data = run
            .restored_resource_id
            .as_ref()
            .and_then(|_| age(run))
            .map(|age| format!(" The restored database has {age}."));
        let name = run.name().unwrap_or("an unnamed database");
        let subject = format!("Trapheus: {} of {name} {how} ({outcome})", run.operation());
        Self {
            about: about(run),
            subject: plain::line(&subject, LONGEST_SUBJECT),
            headline: format!("{} {how}.{}{}", what(run), data.unwrap_or_default(), why.unwrap_or_default()),
            sections,
            links: links(run, region, existing(run, resources)),
        }
    }
}

/// The name of the database, for the senders of the alert.
fn about(run: &Run) -> String {
    run.name().unwrap_or("unknown").to_owned()
}

/// The databases of the run's kind that the look found.
fn existing<'a>(run: &Run, resources: &'a Resources) -> impl Iterator<Item = &'a str> {
    let kind = run.kind();
    let databases = resources.databases.as_deref().unwrap_or_default().iter();
    databases
        .filter(move |database| Some(database.kind) == kind && database.member_of.is_none())
        .map(|database| database.identifier.as_str())
}

/// The sentences on causes and remedies that an alert has given so far: each occurs once.
#[derive(Default)]
struct Said(Vec<&'static str>);

impl Said {
    fn once(&mut self, sentence: &'static str) -> Option<&'static str> {
        let is_new = !self.0.contains(&sentence);
        is_new.then(|| {
            self.0.push(sentence);
            sentence
        })
    }

    /// The reason of a failure in one sentence, for the headline; `None` if the error needs several.
    fn reason(&mut self, failure: &Failure) -> String {
        match (cause::of(failure), failure.lines.as_slice()) {
            (Some(cause), _) => self.once(cause.meaning).unwrap_or_default().to_owned(),
            (None, [line]) => {
                let line = plain::line(line, LONGEST_REASON);
                let stop = if line.ends_with(['.', '…', '!', '?']) { "" } else { "." };
                format!("The reason: {line}{stop}")
            }
            (None, _) => String::new(),
        }
    }

    /// The sentences on a failure's cause and remedy that the alert has not given yet.
    fn rest(&mut self, failure: &Failure) -> Vec<Block> {
        let sentences = cause::of(failure).into_iter().flat_map(|cause| [cause.meaning, cause.remedy]);
        sentences.filter_map(|sentence| self.once(sentence)).map(|said| Block::Paragraph(said.to_owned())).collect()
    }

    /// The sentences of [`Self::rest`] as a section.
    fn explanation(&mut self, failure: &Failure) -> Option<Section> {
        let blocks = self.rest(failure);
        let title = if blocks.len() > 1 { "What it means" } else { "How to remove the cause" };
        (!blocks.is_empty()).then_some(Section { title, blocks })
    }
}

/// The successful part of a run that could not export its snapshot.
fn done_without_export(run: &Run) -> String {
    match &run.request {
        Some(Request { task: Task::CreateSnapshotOnly, snapshot_identifier, .. }) => format!(
            "The snapshot {snapshot_identifier} was taken and is available. As its export was part of the task, the run ends FAILED; \
             nothing else was touched."
        ),
        Some(Request { kind, identifier, snapshot_identifier, .. }) => format!(
            "The {kind} {identifier} was restored from {snapshot_identifier} and verified; the export is all that is missing, so \
             the run ends SUCCEEDED."
        ),
        None => "Everything but the export was done.".to_owned(),
    }
}

/// `<lead>: restore of orders failed at RestoreDbInstanceFromSnapshot (<outcome>)`, on one line.
fn subject(lead: &str, run: &Run, outcome: &str) -> String {
    plain::line(&format!("{lead}: {} ({outcome})", short_of_failure(run)), LONGEST_SUBJECT)
}

fn short_of_failure(run: &Run) -> String {
    let name = run.name().unwrap_or("an unnamed database");
    format!("{} of {name} {}", run.operation(), how_it_ended(run))
}

fn what_failed(run: &Run) -> String {
    format!("{} {}", what(run), how_it_ended(run))
}

fn what(run: &Run) -> String {
    let name = match (run.kind(), run.name()) {
        (Some(kind), Some(name)) => format!("{kind} {name}"),
        (None, Some(name)) => format!("`{name}`"),
        (_, None) if run.recovery.is_some() => "an execution".to_owned(),
        (_, None) => "a database that the input does not name".to_owned(),
    };
    format!("The {} of {name}", run.operation())
}

fn how_it_ended(run: &Run) -> String {
    let state = run.failed_state.as_ref().map(|state| format!(" at {state}")).unwrap_or_default();
    let status = run.recovery.as_ref().and_then(|recovery| recovery.found.as_ref()).map(|found| found.status.as_str());
    match status {
        Some("ABORTED") => "was stopped".to_owned(),
        Some("TIMED_OUT") => "ran out of time".to_owned(),
        _ => format!("failed{state}"),
    }
}

fn asked(run: &Run) -> Section {
    let mut facts = run.request.as_ref().map_or_else(|| as_typed(run), as_understood);
    facts.extend(data(run).map(|data| ("Backup", data)));
    match &run.recovery {
        Some(Recovery { execution, found, .. }) => {
            facts.extend(found.is_some().then(|| (words::EXECUTION, run.execution.clone())));
            facts.push((words::RECOVERY, execution.clone()));
        }
        None => facts.push((words::EXECUTION, run.execution.clone())),
    }
    Section { title: "What was asked", blocks: vec![Block::Facts(facts)] }
}

fn as_understood(request: &Request) -> Vec<(&'static str, String)> {
    let (database, snapshot) = (&request.identifier, &request.snapshot_identifier);
    let what = match request.task {
        Task::CreateSnapshot => format!("take the snapshot {snapshot} anew, then restore {database} from it"),
        Task::DbRestore => match &request.source {
            None => format!("restore {database} from its snapshot {snapshot}"),
            Some(source) => format!("restore {database} from {source}"),
        },
        Task::CreateSnapshotOnly => format!("take the snapshot {snapshot} anew, and stop"),
    };
    vec![
        ("Task", format!("{}: {what}", request.task.name())),
        ("Database", format!("{} {database}", request.kind)),
        ("Started", request.started_at.to_string()),
    ]
}

/// `data as of 2026-01-28 08:00 UTC, 3 days old when the run started`: the age of the pinned backup, if there is one.
///
/// The function leaves out a backup that the run takes itself: it is new.
pub fn age(run: &Run) -> Option<String> {
    let (request, source) = (run.request.as_ref()?, run.source.as_ref()?);
    let as_of = match source.kind {
        SourceKind::Clone => return Some("the state of the clone's source when RDS made the clone".to_owned()),
        _ => format!("data as of {}", plain::moment(source.created_at)),
    };
    if request.task.takes_snapshot() {
        return Some(as_of);
    }
    let age = plain::age(request.started_at.since(source.created_at));
    Some(format!("{as_of}, {age} when the run started"))
}

/// The age of the data, and the writes that a restored database lacks.
fn data(run: &Run) -> Option<String> {
    let request = run.request.as_ref()?;
    let age = age(run);
    let lost = "writes between the snapshot and the rename are not in the restored database";
    Some(match (request.task, age) {
        (Task::DbRestore, Some(age)) => format!("{age}; later writes are not in the restored database"),
        (Task::DbRestore, None) if run.recovery.is_some() => {
            "not known to the recovery: the output of the execution's Preflight state has it".to_owned()
        }
        (Task::DbRestore, None) => "not chosen: the run ended before that".to_owned(),
        (Task::CreateSnapshot, Some(age)) => format!("{age}, from the snapshot that this run took; {lost}"),
        (Task::CreateSnapshot, None) => format!("from the snapshot that this run takes; {lost}"),
        (Task::CreateSnapshotOnly, Some(age)) => format!("{age}, in the snapshot that this run took"),
        (Task::CreateSnapshotOnly, None) => return None,
    })
}

fn as_typed(run: &Run) -> Vec<(&'static str, String)> {
    let shown = |value: Option<&str>| value.map_or_else(|| "not given".to_owned(), |value| format!("`{value}`"));
    let what = match run.recovery.as_ref().and_then(|recovery| recovery.interrupted.as_deref()) {
        Some(execution) => (words::EXECUTION, execution.to_owned()),
        None => ("Database", shown(run.name())),
    };
    let mut facts = vec![("Task", shown(run.task())), what];
    facts.extend(run.input.as_deref().map(|input| ("Input", shown(Some(input)))));
    facts
}

/// The failed step, its error, and the known cause.
fn failed(run: &Run, said: &mut Said) -> Vec<Section> {
    let failure = &run.failure;
    let mut facts = vec![("Error", failure.name.clone())];
    if run.recovery.as_ref().is_none_or(|recovery| recovery.found.is_none()) {
        facts.insert(0, (words::STEP, run.failed_state.clone().unwrap_or_else(|| "not known".to_owned())));
    }
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(words_of(failure));
    let mut sections = vec![Section { title: "What failed", blocks }];
    sections.extend(said.explanation(failure));
    sections
}

/// One line as a paragraph; several lines as a list of problems under their first line.
fn words_of(failure: &Failure) -> Vec<Block> {
    let lines = cause::without_remedy(failure);
    let (introduction, problems) = match lines.as_slice() {
        [] => return Vec::new(),
        [_] => return vec![Block::Quote(lines)],
        [first, rest @ ..] if first.ends_with(':') => (Some(first), rest),
        lines => (None, lines),
    };
    let unmarked = |line: &String| line.trim_start_matches(['-', '*', '•']).trim_start().to_owned();
    let list = Block::List(problems.iter().map(unmarked).collect());
    introduction.map(|line| Block::Paragraph(line.clone())).into_iter().chain([list]).collect()
}

fn next_in_short(run: &Run) -> &'static str {
    match run.progress {
        Progress::Untouched if run.recovery.is_some() => "it could not look",
        Progress::Untouched => words::NOTHING_TOUCHED,
        Progress::Claimed => "the database kept its name",
        Progress::Renamed => words::ROLLING_BACK,
        Progress::Unresolved => "a person has to decide",
        Progress::Verified => "the restored database stays",
    }
}

fn next(run: &Run) -> String {
    let name = run.name().unwrap_or("the database");
    let first = match run.progress {
        Progress::Untouched if run.recovery.is_some() => {
            return "The recovery could not find out what is left to do. A second mail says what to look at."
                .to_owned();
        }
        Progress::Untouched => {
            return "Nothing was touched, so there is nothing to undo. A last mail closes the run.".to_owned();
        }
        Progress::Unresolved => {
            let found = run.recovery.as_ref().and_then(|recovery| recovery.found.as_ref());
            let reason = found.map(|found| format!(", because {}", found.reason)).unwrap_or_default();
            format!("Nothing is changed{reason}.")
        }
        Progress::Claimed => format!("{name} kept its name and was not changed; the run releases its claim."),
        Progress::Renamed => format!(
            "The rollback has begun: it clears the name {name} of a database that the run restored, and the original gets its \
             name back. Until then {name} may be unavailable."
        ),
        Progress::Verified => {
            format!(
                "The restored database is verified and stays as {name}; nothing is rolled back. The original stays too, as far as it still exists."
            )
        }
    };
    format!("{first} A second mail says what exists then, and lists the commands if a person has to act.")
}

fn rollback(run: &Run, is_back: bool, said: &mut Said) -> Option<Section> {
    let failure = run.rollback_failure.as_ref()?;
    let how = if is_back {
        "The original has its name back. A later step of the rollback failed."
    } else {
        "The rollback did not finish."
    };
    let step = run.failed_rollback_state.clone().map(|state| (words::STEP, state));
    let facts = step.into_iter().chain([("Error", failure.name.clone())]).collect();
    let mut blocks = vec![Block::Paragraph(how.to_owned()), Block::Facts(facts)];
    blocks.extend(words_of(failure));
    blocks.extend(said.rest(failure));
    Some(Section { title: "The rollback", blocks })
}

/// Duration and downtime.
fn course(run: &Run, at: Timestamp) -> Section {
    let mut facts = Vec::new();
    if let Some(request) = &run.request {
        facts.push(("Duration", plain::duration(at.since(request.started_at))));
    }
    if let Some(downtime) = run.downtime {
        facts.push(("Downtime", format!("{} without an available database under the name", plain::duration(downtime))));
    }
    facts.push((if run.restored_resource_id.is_some() { "Verified" } else { "Taken" }, at.to_string()));
    Section { title: "How it went", blocks: vec![Block::Facts(facts)] }
}

/// Work that continues after the database is available.
fn what_is_left(run: &Run) -> Option<Section> {
    let request = run.request.as_ref()?;
    let original = request.task.restores().then(|| {
        format!(
            "The original, {}, is deleted next; if that fails, an alert says so.",
            run.names(request).database.parked
        )
    });
    let export = request.export.as_ref().filter(|_| run.export_failure.is_none()).map(|export| {
        let how = if export.wait { "is waited for; if it fails, an alert says so" } else { "goes on by itself" };
        format!("The export of the snapshot to S3 {how}.")
    });
    let left: Vec<Block> = original.into_iter().chain(export).map(Block::Paragraph).collect();
    (!left.is_empty()).then_some(Section { title: "What happens next", blocks: left })
}

fn differences(run: &Run) -> Section {
    let none = || Block::Paragraph("None: the restored database has the original's settings.".to_owned());
    let block = match run.differences.as_slice() {
        [] if run.restored_resource_id.is_none() => Block::Paragraph("Nothing was restored.".to_owned()),
        [] => none(),
        differences => Block::List(differences.to_vec()),
    };
    Section { title: "Differences from the original", blocks: vec![block] }
}

/// The failed export: nothing else depends on it.
fn export(run: &Run, said: &mut Said) -> Option<Section> {
    let failure = run.export_failure.as_ref()?;
    let mut blocks = vec![Block::Paragraph(
        "The snapshot was not exported. The snapshot itself is not affected, and neither is the database.".to_owned(),
    )];
    blocks.push(Block::Facts(vec![("Error", failure.name.clone())]));
    blocks.extend(words_of(failure));
    blocks.extend(said.rest(failure));
    Some(Section { title: "The export", blocks })
}

/// The databases under both names. If the run never knew its names, the section shows only the remarks.
fn now(run: &Run, resources: &Resources, remarks: &[String]) -> Option<Section> {
    let remarks = || remarks.iter().cloned().map(Block::Paragraph);
    let Some(request) = &run.request else {
        let blocks: Vec<Block> = remarks().collect();
        return (!blocks.is_empty()).then_some(Section { title: "What exists now", blocks });
    };
    let mut seen = Vec::new();
    match &resources.databases {
        Ok(databases) => {
            seen.extend(databases.iter().map(|database| described(run, database)));
            for name in [&request.identifier, &run.names(request).database.parked] {
                let is_there =
                    |database: &Database| database.kind == request.kind && database.identifier == name.as_str();
                if !databases.iter().any(is_there) {
                    seen.push(format!("No {} is named {name}.", request.kind));
                }
            }
        }
        Err(reason) => seen.push(format!("The databases could not be looked at: {reason}")),
    }
    seen.extend(described_snapshots(&resources.snapshots));
    let mut blocks = vec![Block::List(seen)];
    blocks.extend(remarks());
    Some(Section { title: "What exists now", blocks })
}

fn described(run: &Run, database: &Database) -> String {
    let Database { kind, identifier, status, resource_id, origin, deletion_protection, .. } = database;
    let member = match &database.member_of {
        Some(cluster) if database.is_writer => format!(", writer of {cluster}"),
        Some(cluster) => format!(", member of {cluster}"),
        None => String::new(),
    };
    let origin = match origin {
        Origin::Original if run.cannot_tell_original() => None,
        Origin::Original => Some(words::THE_ORIGINAL),
        _ if database.member_of.is_some() && rds::is_auto_scaled(identifier) => Some("added by Aurora Auto Scaling"),
        Origin::Restored => Some(words::RESTORED),
        Origin::Copy => Some(words::COPY),
        Origin::Other => run.original.is_some().then_some(words::FOREIGN),
        Origin::Unproven => run.original.is_some().then_some(words::UNPROVEN),
    };
    let origin = origin.map(|origin| format!(", {origin}")).unwrap_or_default();
    let protection = match (&database.member_of, deletion_protection) {
        // A member has no protection of its own: its cluster has it.
        (Some(_), _) => "",
        (None, true) => ", deletion protection on",
        (None, false) => ", deletion protection off",
    };
    format!("{kind} {identifier}: {status}{origin} ({resource_id}){member}{protection}")
}

fn described_snapshots(snapshots: &Look<Vec<SnapshotStatus>>) -> Vec<String> {
    match snapshots {
        Ok(snapshots) => snapshots
            .iter()
            .map(|SnapshotStatus { identifier, status }| match status {
                Some(status) => format!("Snapshot {identifier}: {status}"),
                None => format!("No snapshot is named {identifier}."),
            })
            .collect(),
        Err(reason) => vec![format!("The snapshots could not be looked at: {reason}")],
    }
}

fn remedy(verdict: &Verdict) -> Section {
    Section {
        title: "How to put it right",
        blocks: vec![Block::Paragraph(verdict.introduction.to_owned()), Block::Commands(verdict.commands.clone())],
    }
}

/// Links to the execution, and to these databases of the run's kind.
fn links<'a>(run: &Run, region: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<Link> {
    let Some(console) = Console::of(&run.execution, region) else {
        return Vec::new();
    };
    let mut links =
        vec![Link { label: "The execution in the console".to_owned(), address: console.execution(&run.execution) }];
    links.extend(run.kind().into_iter().zip([names]).flat_map(|(kind, names)| {
        let link = move |name: &str, console: &Console| Link {
            label: format!("{kind} {name} in the console"),
            address: console.database(kind, name),
        };
        names.into_iter().map(|name| link(name, &console)).collect::<Vec<_>>()
    }));
    links
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};
    use trapheus_common::document::Finding;
    use trapheus_common::identifiers::DatabaseKind::{Cluster, Instance};

    use super::*;
    use crate::fixtures::{
        EXECUTION, RECOVERY, after, aurora, database, failing, instance, member, recovering, resources, run,
    };
    use crate::{html, text};

    const REGION: &str = "eu-west-1";

    /// Compares an alert with the checked-in text; `UPDATE_GOLDEN=1` writes it anew.
    fn check(name: &str, alert: &Alert) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let rendered =
            [("txt", format!("Subject: {}\n\n{}", alert.subject, text::render(alert))), ("html", html::render(alert))];
        for (extension, rendered) in rendered {
            let path = path.with_extension(extension);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &rendered).unwrap();
            }
            let golden = std::fs::read_to_string(&path).unwrap();
            assert_eq!(rendered, golden, "{} has changed", path.display());
        }
    }

    const IN_RESTORE: Option<&str> = Some("RestoreDbInstanceFromSnapshot");

    fn quota_document() -> Value {
        failing(
            after(instance(), &["claim", "rename"]),
            "InstanceRestoreException",
            "cannot restore orders from orders-snapshot: InstanceQuotaExceeded: DB Instance quota exceeded",
        )
    }

    fn quota_in_restore() -> Run {
        run(&quota_document()).failed_in(IN_RESTORE)
    }

    #[test]
    fn first_alert_of_a_restore_that_exceeds_a_quota() {
        check("first-instance-quota", &Alert::first(&quota_in_restore(), REGION));
    }

    #[test]
    fn final_alert_after_a_rollback_that_succeeded() {
        let mut document = quota_document();
        document["rollback"] =
            json!({"startedAt": "2026-01-31T08:30:00Z", "discard": {"notes": ["nothing to discard"]}});
        let run = run(&document).failed_in(IN_RESTORE);
        let home =
            Database { deletion_protection: true, ..database(Instance, "orders", "available", Origin::Original) };
        check("final-instance-rolled-back", &Alert::last(&run, &resources(&run, vec![home]), REGION));
    }

    #[test]
    fn alert_of_an_export_that_failed_though_the_restore_succeeded() {
        let mut document = after(instance(), &["claim", "rename"]);
        document["request"]["task"] = json!("create_snapshot");
        document["export"] = json!({"identifier": "orders-1", "status": "FAILED", "failure":
            {"Error": "ExportException", "Cause": "the export orders-1 ended FAILED: KMS key check failed."}});
        check("export-failed", &Alert::export(&run(&document), REGION));
    }

    #[test]
    fn alerts_of_a_recovery_are_about_the_interrupted_execution() {
        let document = recovering(&instance(), Finding::RollBack, "ABORTED");
        let run = Run::read(RECOVERY, &document);
        check("recovery-first", &Alert::first(&run, REGION));
        let back =
            Database { deletion_protection: true, ..database(Instance, "orders", "available", Origin::Original) };
        check("recovery-final", &Alert::last(&run, &resources(&run, vec![back]), REGION));
    }

    #[test]
    fn a_recovery_that_could_not_read_rds_says_so() {
        let document = json!({"input": {"task": "recover", "execution": EXECUTION},
                              "error": {"Error": "AccessDeniedException", "Cause": "no"}});
        let run = Run::read(RECOVERY, &document).failed_in(Some("FindInterruptedExecution"));
        let nothing_seen = Resources { databases: Ok(Vec::new()), snapshots: Ok(Vec::new()) };
        let alert = Alert::last(&run, &nothing_seen, REGION);
        assert!(alert.headline.contains("could not find out"), "{}", alert.headline);
        assert!(
            alert.subject.contains("ACTION NEEDED") && alert.subject.contains(":run-1 failed"),
            "{}",
            alert.subject
        );
        let text = text::render(&alert);
        assert!(text.contains(&format!("Execution: {EXECUTION}\n")) && text.contains("`-temp`"), "{text}");
        let start = "aws stepfunctions start-execution --state-machine-arn \
                     arn:aws:states:eu-west-1:123456789012:stateMachine:trapheus-dev --input";
        assert!(text.contains("Remove the cause first") && text.contains(start), "{text}");
        assert!(text.contains(&format!(r#"--input '{{"task":"recover","execution":"{EXECUTION}"}}'"#)), "{text}");
    }

    #[test]
    fn final_alert_after_a_rollback_that_failed() {
        let mut document = failing(
            after(instance(), &["claim", "rename"]),
            "InstanceRestoreException",
            "DB instance orders is in status incompatible-network",
        );
        document["restore"] = json!({"more": false, "waitFor": {}});
        document["rollback"] = json!({
            "startedAt": "2026-01-31T08:30:00Z",
            "error": {"Error": "DeletionException", "Cause": "{\"errorMessage\": \"cannot delete orders\"}"}
        });
        let run = run(&document).failed_in(Some("GetDbInstanceStatusPostRestore"));
        let databases = vec![
            database(Instance, "orders", "incompatible-network", Origin::Restored),
            Database { deletion_protection: true, ..database(Instance, "orders-temp", "available", Origin::Original) },
        ];
        check("final-instance-action-needed", &Alert::last(&run, &resources(&run, databases), REGION));
    }

    #[test]
    fn an_alert_names_the_states_that_failed_and_says_so_if_none_is_known() {
        let mut document = quota_document();
        document["failure"]["rollback"] = json!({
            "error": {"Error": "DeletionException", "Cause": "no"},
            "failed": {"state": "DiscardFailedDbInstanceRestore"}
        });
        let text = |run: &Run| text::render(&Alert::last(run, &resources(run, Vec::new()), REGION));
        let named = text(&run(&document).failed_in(IN_RESTORE));
        let of_rollback = "Step:  DiscardFailedDbInstanceRestore\nError: DeletionException";
        assert!(named.contains("Step:  RestoreDbInstanceFromSnapshot\n") && named.contains(of_rollback), "{named}");
        // The state document of an execution that began before the state machine named the failed states.
        document["failure"]["rollback"].as_object_mut().unwrap().remove("failed");
        let unnamed = text(&run(&document));
        assert!(unnamed.contains("Step:  not known\n") && unnamed.contains("The restore of DB instance orders failed"));
        assert_eq!(unnamed.matches("Step:").count(), 1, "{unnamed}");
    }

    #[test]
    fn final_alert_of_an_input_that_was_refused() {
        let document = failing(
            json!({"input": {"identifier": "or<b>ders", "task": "restore_all", "isCluster": "true"}}),
            "InvalidInputException",
            "the input is not a request that can be run:\n- `or<b>ders` holds `<`\n- there is no task `restore_all`\n\
             - `isCluster` is neither true nor false",
        );
        let run = run(&document).failed_in(Some("ValidateInput"));
        let nothing = Resources { databases: Ok(Vec::new()), snapshots: Ok(Vec::new()) };
        check("final-invalid-input", &Alert::last(&run, &nothing, REGION));
    }

    #[test]
    fn final_alert_of_a_cluster_left_half_renamed() {
        let mut document = failing(
            after(aurora(), &["claim", "snapshot"]),
            "RenameException",
            "cannot rename orders-b to orders-b-temp: DBInstanceAlreadyExists: DB instance already exists",
        );
        document["downtime"] = json!({"since": "2026-01-31T08:10:00Z"});
        let run = run(&document).failed_in(Some("ClusterRename"));
        let databases = vec![
            database(Cluster, "orders", "available", Origin::Restored),
            database(Cluster, "orders-temp", "available", Origin::Original),
            member("orders-a", "db-NEW", "orders", Origin::Restored),
            Database { is_writer: true, ..member("orders-a-temp", "db-ORDERS-A", "orders-temp", Origin::Original) },
            member("orders-b", "db-ORDERS-B", "orders-temp", Origin::Original),
        ];
        check("final-cluster-action-needed", &Alert::last(&run, &resources(&run, databases), REGION));
    }

    #[test]
    fn final_alert_of_a_leftover_after_verification() {
        let document = failing(
            after(instance(), &["claim", "rename", "restore", "settings", "verification", "commit", "protection"]),
            "DeletionException",
            "cannot delete orders-temp: DBInstanceAutomatedBackupQuotaExceeded: quota exceeded",
        );
        let run = run(&document).failed_in(Some("DeleteOriginalDbInstance"));
        let databases = vec![
            Database { deletion_protection: true, ..database(Instance, "orders", "available", Origin::Restored) },
            database(Instance, "orders-temp", "available", Origin::Original),
        ];
        check("final-instance-leftover", &Alert::last(&run, &resources(&run, databases), REGION));
    }

    #[test]
    fn notice_of_a_run_whose_export_failed() {
        let mut document =
            after(instance(), &["claim", "snapshot", "rename", "restore", "settings", "verification", "commit"]);
        document["request"]["task"] = json!("create_snapshot");
        document["downtime"] = json!({"since": "2026-01-31T08:10:00Z"});
        document["restore"]["wait"]["at"] = json!("2026-01-31T08:40:20Z");
        document["verification"]["differences"] = json!(["the instance class is db.t3.small instead of db.t3.medium"]);
        document["export"] =
            json!({"failure": {"Error": "ExportException", "Cause": "the key is disabled: KMSKeyNotAccessibleFault"}});
        let run = run(&document);
        let databases = vec![
            Database { deletion_protection: true, ..database(Instance, "orders", "available", Origin::Restored) },
            database(Instance, "orders-temp", "available", Origin::Original),
        ];
        let verified = Timestamp::parse("2026-01-31T09:02:03Z").unwrap();
        check("success-export-failed", &Alert::success(&run, &resources(&run, databases), verified, REGION));
    }

    #[test]
    fn a_notice_names_the_work_that_continues() {
        let steps = ["claim", "snapshot", "rename", "restore", "settings", "verification", "commit"];
        let (deleted, waited_for, by_itself) = ("is deleted next", "is waited for", "goes on by itself");
        for (task, steps, export, said) in [
            ("db_restore", &steps[..], json!(null), &[deleted][..]),
            ("create_snapshot", &steps, json!({"identifier": "orders-1", "wait": true}), &[deleted, waited_for]),
            ("create_snapshot_only", &steps[..2], json!({"identifier": "orders-1", "wait": false}), &[by_itself]),
            ("create_snapshot_only", &steps[..2], json!(null), &[]),
        ] {
            let mut document = after(instance(), steps);
            document["request"]["task"] = json!(task);
            document["request"]["export"] = export;
            let run = run(&document);
            let at = Timestamp::parse("2026-01-31T09:02:03Z").unwrap();
            let text = text::render(&Alert::success(&run, &resources(&run, Vec::new()), at, REGION));
            for words in [deleted, waited_for, by_itself] {
                assert_eq!(text.contains(words), said.contains(&words), "{task}: {text}");
            }
        }
    }

    #[test]
    fn an_alert_is_sent_although_rds_did_not_answer() {
        let run = quota_in_restore();
        let blind =
            Resources { databases: Err("AccessDenied: no".to_owned()), snapshots: Err("RDS is down".to_owned()) };
        let alert = Alert::last(&run, &blind, REGION);
        let text = text::render(&alert);
        assert!(text.contains("RDS could not be looked at (AccessDenied: no)"), "{text}");
        assert!(text.contains("The snapshots could not be looked at: RDS is down"), "{text}");
        assert!(alert.subject.contains("final: could not look at RDS"), "{}", alert.subject);
    }

    #[test]
    fn subjects_name_database_phase_and_state() {
        let run = quota_in_restore();
        assert_eq!(
            Alert::first(&run, REGION).subject,
            "Trapheus: restore of orders failed at RestoreDbInstanceFromSnapshot (rolling back)"
        );
        let away = vec![database(Instance, "orders-temp", "available", Origin::Original)];
        assert_eq!(
            Alert::last(&run, &resources(&run, away), REGION).subject,
            "Trapheus: ACTION NEEDED: restore of orders failed at RestoreDbInstanceFromSnapshot (final)"
        );
    }

    #[test]
    fn a_subject_is_one_line_of_bounded_length_whatever_the_user_typed() {
        for identifier in
            [json!("a\r\nBcc: all@example.com"), json!("ä".repeat(9_000)), json!({"a": ["\n"]}), json!(null)]
        {
            let run = run(&json!({"input": {"identifier": identifier}})).failed_in(Some("ValidateInput"));
            let subject = Alert::first(&run, REGION).subject;
            assert!(subject.chars().count() <= LONGEST_SUBJECT, "{subject}");
            assert!(!subject.chars().any(char::is_control), "{subject:?}");
            assert!(subject.ends_with("failed at ValidateInput (nothing was touched)"), "{subject}");
        }
    }

    #[test]
    fn no_size_of_a_document_makes_an_alert_that_is_too_large_to_send() {
        let mut document =
            failing(after(aurora(), &["claim", "snapshot", "rename"]), "X", &"long line\n".repeat(20_000));
        let member = document["plan"]["original"]["members"][0].clone();
        document["plan"]["original"]["members"] = (0..16).map(|_| member.clone()).collect();
        document["restore"]["notes"] = json!(vec!["note ".repeat(2_000); 500]);
        document["input"]["extra"] = json!("x".repeat(200_000));
        let run = run(&document);
        let databases = (0..60).map(member_of_many).collect();
        let alert = Alert::last(&run, &resources(&run, databases), REGION);
        // SES takes 40 MB, and Lambda 6 MB of a function's payload.
        let size = text::render(&alert).len() + html::render(&alert).len();
        assert!(size < 1_000_000, "{size}");
        assert!(alert.subject.chars().count() <= LONGEST_SUBJECT, "{}", alert.subject);
    }

    fn member_of_many(n: usize) -> Database {
        member(&format!("{}-{n}", "m".repeat(60)), &format!("db-{n}"), "orders", Origin::Unproven)
    }

    #[test]
    fn the_longest_names_leave_the_subject_whole() {
        let mut document = aurora();
        document["request"]["identifier"] = json!("a".repeat(58));
        let run = run(&after(document, &["claim", "snapshot", "rename"]));
        let subject = Alert::first(&run.failed_in(Some("RestoreClusterFromSnapshot")), REGION).subject;
        assert!(subject.ends_with("RestoreClusterFromSnapshot (rolling back)"), "{subject}");
    }
}
