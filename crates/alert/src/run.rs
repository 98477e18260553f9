//! The facts about a run that a state document of any shape contains: the request, the progress and the failure.
//!
//! A run that failed in `ValidateInput` has no request, and its `identifier` is any text that the user typed. So nothing
//! here fails: a missing or malformed value is simply unknown. The document's keys and their writers:
//! [`trapheus_common::document`].

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use trapheus_common::document::{
    ClusterKind, Finding, Names, OriginalCluster, OriginalInstance, Request, Source, Target, Task,
};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::rds;
use trapheus_common::timestamp::Timestamp;

use crate::plain;

/// The longest shown text of the user: an identifier has at most 63 characters.
const LONGEST_NAME: usize = 80;
/// The longest shown line of an error.
const LONGEST_LINE: usize = 2_000;
/// The most lines of an error, and the most notes.
const MOST_LINES: usize = 40;

/// A run, as far as its state document describes it.
#[derive(Clone, Debug)]
pub struct Run {
    /// The execution that failed, whose claim is on the databases of the run.
    pub execution: String,
    /// The recovery of the execution, if this is one.
    pub recovery: Option<Recovery>,
    /// The identifier that the user gave, made safe to show.
    identifier: Option<String>,
    task: Option<String>,
    /// The input, if it is no JSON object.
    pub input: Option<String>,
    pub request: Option<Request>,
    pub original: Option<Original>,
    /// Every name the run gives.
    pub names: Option<Names>,
    /// The pinned backup.
    pub source: Option<Source>,
    /// The state whose `Catch` began the failure handling, if the state machine names it.
    pub failed_state: Option<String>,
    pub failure: Failure,
    /// The state that ended the rollback.
    pub failed_rollback_state: Option<String>,
    pub rollback_failure: Option<Failure>,
    /// The reason why the export failed, which fails no run.
    pub export_failure: Option<Failure>,
    /// The time without an available database under the service name, in a run that restored it.
    pub downtime: Option<Duration>,
    /// The differences from the original that caused no rollback.
    pub differences: Vec<String>,
    /// The resource id of the verified database, which stays.
    pub restored_resource_id: Option<String>,
    /// The resource id in RDS's answer to the restore.
    answered_id: Option<String>,
    pub progress: Progress,
    /// The notes of all steps, also those of the rollback, for a person to read.
    pub notes: Vec<String>,
}

/// A recovery of an interrupted execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The recovery's own execution.
    pub execution: String,
    /// The execution that the recovery's input names.
    pub interrupted: Option<String>,
    /// The recovery's finding; `None` if it could not read RDS.
    pub found: Option<Found>,
}

/// The finding of a recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub finding: Finding,
    pub reason: String,
    /// The final status of the execution in Step Functions.
    pub status: String,
}

impl Recovery {
    fn read(execution: &str, document: &Value) -> Option<Self> {
        let is_one = document.pointer("/input/task").and_then(Value::as_str) == Some("recover");
        is_one.then(|| Self {
            execution: plain::line(execution, 2 * LONGEST_LINE),
            interrupted: document
                .pointer("/input/execution")
                .map(|execution| plain::value(execution, 2 * LONGEST_LINE)),
            found: typed(document, "/recovery/finding").map(|finding| Found {
                finding,
                reason: typed(document, "/recovery/reason").unwrap_or_default(),
                status: typed(document, "/recovery/status").unwrap_or_default(),
            }),
        })
    }
}

/// The progress of the run before its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// The run has changed no database.
    Untouched,
    /// The run has claimed the database, and perhaps taken a snapshot; the database kept its name.
    Claimed,
    /// The rename has begun, so clients may have found no database under the service name.
    Renamed,
    /// The databases do not prove which one a recovery may change, so it changes none.
    Unresolved,
    /// The restored database is verified and stays.
    Verified,
}

/// The database as it was before the run changed it.
#[derive(Clone, Debug)]
pub struct Original {
    target: Target,
    pub described: Described,
}

/// The original as the plan describes it.
#[derive(Clone, Debug)]
pub enum Described {
    Instance(Box<OriginalInstance>),
    Cluster(Box<OriginalCluster>),
}

impl Original {
    fn read(document: &Value, request: &Request) -> Option<Self> {
        let described = match request.kind {
            DatabaseKind::Instance => Described::Instance(typed(document, "/plan/original")?),
            DatabaseKind::Cluster => Described::Cluster(typed(document, "/plan/original")?),
        };
        let names = typed::<Names>(document, "/plan/names").unwrap_or_else(|| Names::rename_first(request)).database;
        let resource_id = match &described {
            Described::Instance(instance) => instance.resource_id.clone(),
            Described::Cluster(cluster) => cluster.resource_id.clone(),
        };
        Some(Self { target: Target { names, resource_id }, described })
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Every member, also those that RDS owns.
    pub fn members(&self) -> impl Iterator<Item = &Target> {
        let members = match &self.described {
            Described::Instance(_) => &[],
            Described::Cluster(cluster) => cluster.members.as_slice(),
        };
        members.iter().map(|member| &member.target)
    }

    /// The members that the run renames and deletes one by one. Readers of Aurora Auto Scaling keep their names.
    pub fn own_members(&self) -> impl Iterator<Item = &Target> {
        let own = !self.is_multi_az_cluster();
        self.members().filter(move |member| own && !rds::is_auto_scaled(member.identifier().as_str()))
    }

    /// Whether the original is a Multi-AZ DB cluster: RDS owns its members, and copies none of its snapshots.
    pub fn is_multi_az_cluster(&self) -> bool {
        matches!(&self.described, Described::Cluster(cluster) if cluster.cluster_kind == ClusterKind::MultiAz)
    }

    pub fn deletion_protection(&self) -> bool {
        match &self.described {
            Described::Instance(instance) => instance.settings.deletion_protection,
            Described::Cluster(cluster) => cluster.settings.deletion_protection,
        }
        .unwrap_or(false)
    }
}

/// An error as a `Catch` stores it, with the error of the function unwrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub name: String,
    /// Each problem of a list, or each line of the message.
    pub lines: Vec<String>,
}

impl Failure {
    pub fn new(name: &str, cause: &str) -> Self {
        // A failed function's cause is its error as JSON text. The cause of a time-out or a service error is plain text.
        let thrown: Option<Value> = serde_json::from_str(cause).ok();
        let message = thrown.as_ref().and_then(|thrown| thrown.get("errorMessage")).and_then(Value::as_str);
        let message = message.unwrap_or(cause);
        // An error of Trapheus begins with a line of its own that names the database.
        let own = message.strip_prefix("Identifier:").and_then(|rest| rest.split_once(" \n"));
        let mut lines: Vec<String> = Vec::new();
        for line in plain::lines(own.map_or(message, |(_, own)| own), LONGEST_LINE) {
            match lines.last_mut() {
                // A problem that quotes the user's line break continues on the next line.
                Some(problem) if problem.starts_with("- ") && !line.starts_with("- ") => {
                    problem.push(' ');
                    problem.push_str(&line);
                }
                _ => lines.push(line),
            }
        }
        lines.truncate(MOST_LINES);
        Self { name: plain::line(name, LONGEST_NAME), lines }
    }

    fn read(caught: &Value) -> Option<Self> {
        let name = caught.get("Error").and_then(Value::as_str)?;
        let cause = caught.get("Cause").and_then(Value::as_str).unwrap_or_default();
        Some(Self::new(name, cause))
    }

    pub fn message(&self) -> String {
        self.lines.join("\n")
    }
}

impl Run {
    pub fn read(execution: &str, document: &Value) -> Self {
        let request: Option<Request> = typed(document, "/request");
        let original = request.as_ref().and_then(|request| Original::read(document, request));
        let derived = request.as_ref().map(Names::rename_first);
        let recovery = Recovery::read(execution, document);
        // A recovery works on another execution, whose claim identifies its databases.
        let execution = request.as_ref().map_or(execution, |request| request.execution.as_str());
        let input = document.get("input");
        let shown = |key: &str| input.and_then(|input| input.get(key)).map(|value| plain::value(value, LONGEST_NAME));
        Self {
            execution: plain::line(execution, 2 * LONGEST_LINE),
            identifier: shown("identifier"),
            task: shown("task"),
            input: input.filter(|input| !input.is_object()).map(|input| plain::value(input, LONGEST_LINE)),
            progress: match &recovery {
                Some(recovery) => recovered_progress(recovery, document),
                None => progress(document, original.is_some()),
            },
            failure: document
                .get("error")
                .and_then(Failure::read)
                .unwrap_or_else(|| Failure::new("an unknown error", "The state document does not say what failed.")),
            failed_rollback_state: failed_rollback_state(document),
            rollback_failure: rollback_failure(document),
            export_failure: export_failure(document),
            downtime: downtime(document),
            differences: differences(document),
            notes: notes(document),
            request,
            original,
            names: typed(document, "/plan/names").or(derived),
            source: typed(document, "/plan/source").or_else(|| typed(document, "/snapshot/source")),
            failed_state: None,
            restored_resource_id: COMMITTED.iter().find_map(|pointer| typed(document, pointer)),
            answered_id: typed(document, "/restore/waitFor/resourceId"),
            recovery,
        }
    }

    /// The same run, with the name of the failed state. The state machine passes an empty text if no state failed, as in a
    /// recovery of another execution.
    #[must_use]
    pub fn failed_in(self, state: Option<&str>) -> Self {
        Self { failed_state: state.and_then(state_name), ..self }
    }

    /// The resource id of the restored database, verified or not, as far as the document names it.
    pub fn restored_id(&self) -> Option<&str> {
        self.restored_resource_id.as_deref().or(self.answered_id.as_deref())
    }

    /// Whether the recovery found the database under its name without a claim. The database may be the original or its
    /// successor.
    pub fn cannot_tell_original(&self) -> bool {
        let found = self.recovery.as_ref().and_then(|recovery| recovery.found.as_ref());
        found.is_some_and(|found| matches!(found.finding, Finding::Nothing | Finding::Release))
            && self.restored_resource_id.is_none()
    }

    /// Every name of the run.
    pub fn names(&self, request: &Request) -> Names {
        self.names.clone().unwrap_or_else(|| Names::rename_first(request))
    }

    /// The database's name: as parsed, else as typed. A recovery that could not read RDS knows at most the execution's
    /// name.
    pub fn name(&self) -> Option<&str> {
        let parsed = self.request.as_ref().map(|request| request.identifier.as_str());
        let typed = self.identifier.as_deref().filter(|identifier| !identifier.is_empty());
        let execution = self.recovery.as_ref().and_then(|recovery| recovery.interrupted.as_deref());
        parsed.or(typed).or(execution)
    }

    pub fn kind(&self) -> Option<DatabaseKind> {
        self.request.as_ref().map(|request| request.kind)
    }

    /// The task as the user typed it.
    pub fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// The task of the run, as a noun.
    pub fn operation(&self) -> &'static str {
        match self.request.as_ref().map(|request| request.task) {
            Some(Task::CreateSnapshot) => "snapshot and restore",
            Some(Task::DbRestore) => "restore",
            Some(Task::CreateSnapshotOnly) => "snapshot",
            None if self.recovery.is_some() => "recovery",
            None => "run",
        }
    }
}

fn typed<T: DeserializeOwned>(document: &Value, pointer: &str) -> Option<T> {
    document.pointer(pointer).and_then(|value| serde_json::from_value(value.clone()).ok())
}

/// The keys of the committed database's resource id: from the commit, or from a rollback or recovery that found it.
const COMMITTED: [&str; 4] =
    ["/commit/resourceId", "/rollback/discard/committed", "/failure/rollback/discard/committed", "/recovery/verified"];

fn progress(document: &Value, has_original: bool) -> Progress {
    let has = |key: &str| document.get(key).is_some();
    if COMMITTED.iter().any(|pointer| document.pointer(pointer).is_some_and(Value::is_string)) {
        Progress::Verified
    } else if has("downtime") || has("rename") {
        // The state machine writes the downtime just before the call of the rename, whose response may be lost.
        Progress::Renamed
    } else if has_original {
        Progress::Claimed
    } else {
        Progress::Untouched
    }
}

fn recovered_progress(recovery: &Recovery, document: &Value) -> Progress {
    match recovery.found.as_ref().map(|found| found.finding) {
        Some(Finding::Release) if document.pointer("/recovery/verified").is_some_and(Value::is_string) => {
            Progress::Verified
        }
        None | Some(Finding::Nothing) => Progress::Untouched,
        Some(Finding::Release) => Progress::Claimed,
        Some(Finding::RollBack) => Progress::Renamed,
        Some(Finding::Unresolved) => Progress::Unresolved,
        Some(Finding::LeftOver) => Progress::Verified,
    }
}

/// The rollback's own error, or the error of the whole state `FailedState`.
fn rollback_failure(document: &Value) -> Option<Failure> {
    ["/rollback/error", "/failure/rollback/error", "/failure"]
        .into_iter()
        .find_map(|pointer| document.pointer(pointer).and_then(Failure::read))
}

fn failed_rollback_state(document: &Value) -> Option<String> {
    document.pointer("/failure/rollback/failed/state").and_then(Value::as_str).and_then(state_name)
}

fn state_name(state: &str) -> Option<String> {
    (!state.is_empty()).then(|| plain::line(state, LONGEST_NAME))
}

/// The failure that the export's step, or the `Catch` after it, stores.
fn export_failure(document: &Value) -> Option<Failure> {
    document.pointer("/export/failure").and_then(Failure::read)
}

/// The time from just before the rename until a wait sees the restored database available.
fn downtime(document: &Value) -> Option<Duration> {
    let moment = |pointer| typed::<Timestamp>(document, pointer);
    Some(moment("/restore/wait/at")?.since(moment("/downtime/since")?))
}

/// The differences that the verification found, and those that preflight predicted.
fn differences(document: &Value) -> Vec<String> {
    let lists = ["/verification/differences", "/plan/original/notCarriedOver"].into_iter();
    let lists = lists.filter_map(|pointer| typed::<Vec<String>>(document, pointer)).flatten();
    lists.map(|difference| plain::line(&difference, LONGEST_LINE)).take(MOST_LINES).collect()
}

fn notes(document: &Value) -> Vec<String> {
    let parts = ["", "/rollback", "/failure/rollback"].into_iter().filter_map(|pointer| document.pointer(pointer));
    let outputs = parts.filter_map(Value::as_object).flat_map(|part| part.values());
    let lists = outputs.filter_map(|output| output.get("notes").and_then(Value::as_array));
    let mut notes = Vec::new();
    for note in lists.flatten().filter_map(Value::as_str).map(|note| plain::line(note, LONGEST_LINE)) {
        if !notes.contains(&note) && notes.len() < MOST_LINES {
            notes.push(note);
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::instance;

    #[test]
    fn the_failed_state_is_the_one_that_the_state_machine_names() {
        let failed_in = |state: Option<&str>| Run::read("arn", &instance()).failed_in(state).failed_state;
        assert_eq!(failed_in(Some("DbInstanceRename")).as_deref(), Some("DbInstanceRename"));
        assert_eq!(failed_in(Some("")), None);
        assert_eq!(failed_in(None), None);
    }

    #[test]
    fn the_failed_state_of_a_rollback_is_read_where_the_rollback_leaves_it() {
        let failed_in = |document: Value| Run::read("arn", &document).failed_rollback_state;
        let rollback = |failed: Value| json!({"failure": {"rollback": {"failed": failed}}});
        let named = failed_in(rollback(json!({"state": "RevertOldClusterRename"})));
        assert_eq!(named.as_deref(), Some("RevertOldClusterRename"));
        assert_eq!(failed_in(rollback(json!({"state": null}))), None);
        assert_eq!(failed_in(json!({})), None);
    }

    #[test]
    fn the_error_of_a_function_is_unwrapped() {
        let cause = r#"{"errorType":"RenameException","errorMessage":"Identifier:orders \ncannot rename: why"}"#;
        assert_eq!(Failure::new("RenameException", cause).lines, ["cannot rename: why"]);
        assert_eq!(Failure::new("States.Timeout", "").lines, [""; 0]);
        assert_eq!(Failure::new("Lambda.Unknown", "{\"a\": 1}").lines, ["{\"a\": 1}"]);
        assert_eq!(Failure::new("X", "42").lines, ["42"]);
        let quoting = "Identifier:or\nders \nrefused:\n- `or\nders` holds a line break\n- and more";
        assert_eq!(Failure::new("X", quoting).lines, ["refused:", "- `or ders` holds a line break", "- and more"]);
    }

    #[test]
    fn the_progress_of_a_run_tells_which_databases_it_may_have_changed() {
        let progress = |document: &Value| Run::read("arn", document).progress;
        assert_eq!(progress(&json!({})), Progress::Untouched);
        assert_eq!(progress(&instance()), Progress::Claimed);
        let mut document = instance();
        document["claim"] = json!({});
        assert_eq!(progress(&document), Progress::Claimed);
        // The run called the rename; its response may be lost.
        document["downtime"] = json!({"since": "2026-01-31T08:05:00Z"});
        assert_eq!(progress(&document), Progress::Renamed);
        document["verification"] =
            json!({"taskname": "Verification", "identifier": "orders", "resourceId": "db-NEW", "differences": []});
        assert_eq!(progress(&document), Progress::Renamed, "a run that has not committed is rolled back");
        let mut found = document.clone();
        found["failure"] = json!({"rollback": {"discard": {"committed": "db-NEW"}}});
        document["commit"] = json!({"taskname": "Commit", "identifier": "orders", "resourceId": "db-NEW"});
        for committed in [document, found] {
            assert_eq!(progress(&committed), Progress::Verified);
            assert_eq!(Run::read("arn", &committed).restored_resource_id.as_deref(), Some("db-NEW"));
        }
    }

    #[test]
    fn a_document_of_any_shape_is_read() {
        for document in
            [json!(null), json!([1]), json!("x"), json!({"input": {"identifier": {"a": 1}}, "error": 5, "request": []})]
        {
            let run = Run::read("arn", &document);
            assert_eq!(run.progress, Progress::Untouched);
            assert_eq!(run.failure.name, "an unknown error");
        }
    }

    #[test]
    fn the_rollbacks_failure_is_found_under_every_key_of_the_state_machine() {
        let error = json!({"Error": "RenameException", "Cause": "no"});
        for document in [
            json!({"rollback": {"error": error}}),
            json!({"failure": {"rollback": {"error": error}}}),
            json!({"failure": error}),
        ] {
            assert_eq!(Run::read("arn", &document).rollback_failure.unwrap().name, "RenameException", "{document}");
        }
        assert_eq!(Run::read("arn", &json!({"rollback": {"startedAt": "x"}})).rollback_failure, None);
    }

    #[test]
    fn a_failed_export_is_known_by_the_output_of_its_step() {
        let failure = |export: Value| Run::read("arn", &json!({"export": export})).export_failure;
        let failed = failure(json!({"status": "FAILED", "failure": {"Error": "ExportException", "Cause": "no key"}}));
        assert_eq!(failed.map(|failed| (failed.name.clone(), failed.message())).unwrap().1, "no key");
        assert_eq!(failure(json!({"status": "COMPLETE"})), None);
    }

    #[test]
    fn the_downtime_is_from_the_rename_until_the_restored_database_is_seen() {
        let document = json!({"downtime": {"since": "2026-01-31T08:00:00.500Z"},
                              "restore": {"wait": {"task": "TASK_COMPLETE", "at": "2026-01-31T08:20:00Z"}}});
        assert_eq!(Run::read("arn", &document).downtime, Some(Duration::from_secs(1_200)));
        assert_eq!(Run::read("arn", &json!({"downtime": {"since": "2026-01-31T08:00:00Z"}})).downtime, None);
    }

    #[test]
    fn notes_of_every_step_are_gathered_once() {
        let document = json!({"restore": {"notes": ["a", "b"]}, "settings": {"notes": ["a"]},
                              "rollback": {"discard": {"notes": ["c"]}}});
        assert_eq!(Run::read("arn", &document).notes, ["a", "b", "c"]);
    }
}
