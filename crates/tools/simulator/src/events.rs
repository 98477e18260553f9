//! The events that RDS records. `DescribeEvents` shows them for fourteen days.
//!
//! Owns the messages of the events and their categories. RDS delivers events on a best-effort basis, so a missing event
//! proves nothing. <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html>

use crate::state::{State, Step, Target};

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Unix milliseconds.
    pub(crate) at: i64,
    /// `db-instance`, `db-cluster`, `db-snapshot` or `db-cluster-snapshot`.
    pub(crate) source_type: &'static str,
    pub(crate) identifier: String,
    pub(crate) arn: String,
    pub(crate) category: &'static str,
    pub(crate) message: String,
}

/// The resource that an event is about.
struct Source {
    kind: &'static str,
    /// The resource type in an ARN.
    resource: &'static str,
    words: &'static str,
}

fn source(target: Target) -> Option<Source> {
    let (kind, resource, words) = match target {
        Target::Instance(_) => ("db-instance", "db", "DB instance"),
        Target::Cluster(_) => ("db-cluster", "cluster", "DB cluster"),
        Target::Snapshot(_) => ("db-snapshot", "snapshot", "snapshot"),
        Target::ClusterSnapshot(_) => ("db-cluster-snapshot", "cluster-snapshot", "cluster snapshot"),
        Target::Export(_) => return None,
    };
    Some(Source { kind, resource, words })
}

impl State {
    /// Records the event of a step, if RDS has one for it, just before the step is taken.
    pub(crate) fn note(&mut self, target: Target, step: &Step) {
        let Some(source) = source(target) else { return };
        let is_new = match target {
            Target::Instance(key) => self.instances.get(&key).is_some_and(|found| found.created.is_none()),
            _ => false,
        };
        let at = self.wall_clock();
        let Some(life) = self.life(target) else { return };
        let words = source.words;
        let is_snapshot = matches!(target, Target::Snapshot(_) | Target::ClusterSnapshot(_));
        let mut identifier = life.identifier.clone();
        let (category, message) = match step {
            Step::Show(status) if status == "backing-up" && !is_snapshot => ("backup", format!("Backing up {words}")),
            Step::Show(status) if status == "rebooting" => ("availability", format!("{words} shutdown")),
            Step::TakeName => {
                let new = life.renaming_to.clone().unwrap_or_default();
                let message = format!("Renamed {words} from {identifier} to {new}");
                identifier = new;
                ("notification", message)
            }
            Step::Available if is_snapshot => ("creation", format!("Manual {words} created")),
            Step::Available if is_new => ("creation", format!("{words} created")),
            Step::Available if life.status == "rebooting" => ("availability", format!("{words} restarted")),
            Step::Available if life.status == "backing-up" => ("backup", format!("Finished {words} backup")),
            Step::FailOver(_) => ("failover", format!("Completed failover of {words}")),
            Step::Apply => ("configuration change", format!("Finished applying modification to {words}")),
            Step::End(status) if status == "stopped" => ("notification", format!("{words} stopped")),
            Step::End(status) => ("failure", format!("{words} put into {status}")),
            Step::Gone => ("deletion", format!("{words} deleted")),
            _ => return,
        };
        let arn = self.arn(source.resource, &identifier);
        self.events.push(Event { at, source_type: source.kind, identifier, arn, category, message });
    }
}
