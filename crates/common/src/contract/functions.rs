//! The functions of the deployment: one row for each step, with all facts about it.
//!
//! The command calls functions by these names, and the waits take their errors and intervals from here. Tests compare the
//! state machine and the template with the table. `tests/deployment/functions.json` is this table for programs in other
//! languages; a test writes it.

use std::time::Duration;

use crate::ErrorKind;
use crate::document::TaskName;
use crate::identifiers::DatabaseKind;

/// A step of the pipeline and its functions.
#[derive(Clone, Copy, Debug)]
pub struct PipelineStep {
    /// The stems of the functions' binaries: first DB instances, then DB clusters; or the only one.
    pub functions: &'static [&'static str],
    /// The state document's key for the step's output.
    pub key: Option<&'static str>,
    /// The `taskname` of the output.
    pub task: Option<TaskName>,
    /// The error of a wait whose goal has become impossible.
    pub error: ErrorKind,
    /// The time after which Lambda stops a function.
    pub time_limit: Duration,
    /// The intervals that a wait lets pass before its first read, because RDS needs longer. The first is for a DB instance,
    /// the second for a DB cluster.
    pub intervals_before_first_look: [u32; 2],
    /// Whether the database may answer under its old name for a while.
    pub changes_name: bool,
}

/// The limit of a function that only reads or makes one change.
const SHORT: Duration = Duration::from_secs(180);
/// The limit of a function that waits inside Lambda.
const LONG: Duration = Duration::from_secs(900);

const STEP: PipelineStep = PipelineStep {
    functions: &[],
    key: None,
    task: None,
    error: ErrorKind::InstanceUnavailable,
    time_limit: SHORT,
    intervals_before_first_look: [0, 0],
    changes_name: false,
};

/// The keys of the state document that other states than steps write.
const OTHER_KEYS: [&str; 8] = ["wake", "error", "recovery", "downtime", "failure", "rollback", "notice", "alerts"];

/// In the order of a run.
pub const STEPS: &[PipelineStep] = &[
    PipelineStep { functions: &["validate-input"], key: Some("request"), ..STEP },
    PipelineStep {
        functions: &["preflight-instance", "preflight-cluster"],
        key: Some("plan"),
        time_limit: LONG,
        ..STEP
    },
    PipelineStep {
        functions: &["claim-instance", "claim-cluster"],
        key: Some("claim"),
        task: Some(TaskName::Claim),
        ..STEP
    },
    PipelineStep {
        functions: &["snapshot-instance", "snapshot-cluster"],
        key: Some("snapshot"),
        task: Some(TaskName::SnapshotCreation),
        error: ErrorKind::SnapshotCreation,
        intervals_before_first_look: [1, 1],
        ..STEP
    },
    PipelineStep {
        functions: &["export-instance", "export-cluster"],
        key: Some("export"),
        task: Some(TaskName::SnapshotExport),
        error: ErrorKind::Export,
        time_limit: LONG,
        ..STEP
    },
    PipelineStep {
        functions: &["rename-instance", "rename-cluster"],
        key: Some("rename"),
        task: Some(TaskName::Rename),
        error: ErrorKind::Rename,
        // A rename reboots the database.
        intervals_before_first_look: [1, 2],
        changes_name: true,
        ..STEP
    },
    PipelineStep {
        functions: &["restore-instance"],
        key: Some("restore"),
        task: Some(TaskName::Restore),
        error: ErrorKind::InstanceRestore,
        intervals_before_first_look: [4, 4],
        ..STEP
    },
    PipelineStep {
        functions: &["restore-cluster"],
        key: Some("restore"),
        task: Some(TaskName::ClusterRestore),
        error: ErrorKind::ClusterRestore,
        // A cluster takes minutes, and its members take more.
        intervals_before_first_look: [8, 8],
        ..STEP
    },
    PipelineStep {
        functions: &["configure-instance", "configure-cluster"],
        key: Some("settings"),
        task: Some(TaskName::Settings),
        error: ErrorKind::Settings,
        ..STEP
    },
    PipelineStep {
        functions: &["verify-instance", "verify-cluster"],
        key: Some("verification"),
        task: Some(TaskName::Verification),
        error: ErrorKind::Verification,
        ..STEP
    },
    PipelineStep {
        functions: &["commit-instance", "commit-cluster"],
        key: Some("commit"),
        task: Some(TaskName::Commit),
        error: ErrorKind::Verification,
        ..STEP
    },
    PipelineStep {
        functions: &["protect-instance", "protect-cluster"],
        key: Some("protection"),
        task: Some(TaskName::Protection),
        error: ErrorKind::Settings,
        ..STEP
    },
    PipelineStep {
        functions: &["delete-instance", "delete-cluster"],
        key: Some("delete"),
        task: Some(TaskName::Delete),
        error: ErrorKind::Deletion,
        intervals_before_first_look: [3, 3],
        ..STEP
    },
    PipelineStep {
        functions: &["discard-instance", "discard-cluster"],
        task: Some(TaskName::Discard),
        error: ErrorKind::Deletion,
        intervals_before_first_look: [4, 4],
        ..STEP
    },
    PipelineStep {
        functions: &["release-instance", "release-cluster"],
        key: Some("release"),
        task: Some(TaskName::Release),
        ..STEP
    },
    PipelineStep { functions: &["wait-instance", "wait-cluster"], time_limit: LONG, ..STEP },
    PipelineStep { functions: &["wait-export"], key: Some("export"), time_limit: LONG, ..STEP },
    PipelineStep { functions: &["recover"], task: Some(TaskName::Recovery), time_limit: LONG, ..STEP },
    PipelineStep { functions: &["email"], ..STEP },
    PipelineStep { functions: &["slack"], ..STEP },
];

impl PipelineStep {
    /// The step with this output. A test checks that every task name has a step.
    pub fn of_task(task: TaskName) -> &'static Self {
        STEPS.iter().find(|step| step.task == Some(task)).unwrap_or(&STEP)
    }

    /// The step of this function. A function that is not deployed has no step of its own.
    pub fn of_function(function: &str) -> &'static Self {
        STEPS.iter().find(|step| step.functions.contains(&function)).unwrap_or(&STEP)
    }

    /// [`Self::intervals_before_first_look`] for a database of this kind.
    pub const fn intervals(&self, kind: DatabaseKind) -> u32 {
        let [instance, cluster] = self.intervals_before_first_look;
        match kind {
            DatabaseKind::Instance => instance,
            DatabaseKind::Cluster => cluster,
        }
    }
}

/// Every function, by the stem of its binary.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    STEPS.iter().flat_map(|step| step.functions.iter().copied())
}

/// Every key that the state machine writes at the top of the state document, besides `input`.
pub fn keys() -> impl Iterator<Item = &'static str> + Clone {
    STEPS.iter().filter_map(|step| step.key).chain(OTHER_KEYS)
}

/// The name of the substitution for a function's ARN in the definition: `${RenameInstanceFunctionArn}`.
pub fn substitution(function: &str) -> String {
    let mut name: String = function
        .split('-')
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_ascii_uppercase(), rest.to_owned()]
        })
        .collect();
    name.push_str("FunctionArn");
    name
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::*;

    /// Every task name. Serde lists them when it refuses another one.
    fn task_names() -> Vec<TaskName> {
        let refusal = serde_json::from_value::<TaskName>(json!("")).unwrap_err().to_string();
        let quoted = refusal.split('`').skip(1).step_by(2);
        let names = quoted.filter_map(|name| serde_json::from_value(json!(name)).ok()).collect::<Vec<_>>();
        assert!(names.contains(&TaskName::Claim) && names.contains(&TaskName::Recovery), "{refusal}");
        names
    }

    #[test]
    fn every_task_name_belongs_to_one_step() {
        for task in task_names() {
            assert_eq!(STEPS.iter().filter(|step| step.task == Some(task)).count(), 1, "{task:?}");
        }
    }

    #[test]
    fn every_function_is_named_once() {
        let mut seen = HashSet::new();
        assert!(names().all(|name| seen.insert(name)));
    }

    #[test]
    fn a_substitution_is_named_after_its_function() {
        assert_eq!(substitution("rename-instance"), "RenameInstanceFunctionArn");
        assert_eq!(substitution("email"), "EmailFunctionArn");
    }

    #[test]
    fn the_checks_of_the_template_read_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/deployment/functions.json");
        let rows = STEPS.iter().flat_map(|step| {
            step.functions.iter().map(|name| json!({"name": name, "timeLimitSeconds": step.time_limit.as_secs()}))
        });
        let table: Value = rows.collect();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, format!("{table:#}\n")).unwrap();
        }
        let written: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(written, table, "UPDATE_GOLDEN=1 cargo test -p trapheus-common writes {path}");
    }
}
