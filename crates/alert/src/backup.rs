//! The backup in a command by which a person restores a database.
//!
//! The plan names the pinned backup. An alert without a plan, such as that of a recovery, has only the input's choice.

use std::fmt;

use trapheus_common::arn::name_for_calls;
use trapheus_common::commands::{Cli, Command};
use trapheus_common::document::{Request, Source, SourceKind};
use trapheus_common::source_request::{LatestMoment, Moment, SourceRequest, is_resource_id};

/// A backup for the AWS CLI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Backup<'a> {
    Snapshot(String),
    /// A moment of the database with this resource id.
    Moment {
        of: &'a str,
        at: Moment,
    },
    /// The present state of the cluster with this resource id or name.
    Clone(&'a str),
}

impl<'a> Backup<'a> {
    /// The pinned backup, or else the one that the input chooses for the database with the resource id `original`.
    pub(crate) fn of(request: &'a Request, pinned: Option<&'a Source>, original: &'a str) -> Self {
        if let Some(source) = pinned {
            let of = source.source_resource_id.as_deref().unwrap_or(original);
            return match source.kind {
                SourceKind::Snapshot => Self::Snapshot(name_for_calls(&source.arn, &request.execution).to_owned()),
                SourceKind::PointInTime => Self::Moment { of, at: Moment::At(source.created_at) },
                SourceKind::Clone => Self::Clone(of),
            };
        }
        match &request.source {
            None => Self::Snapshot(request.snapshot_identifier.to_string()),
            Some(SourceRequest::Snapshot { snapshot, .. }) => Self::Snapshot(snapshot.clone()),
            Some(latest @ SourceRequest::Latest { .. }) => Self::Snapshot(format!("<{latest}>")),
            Some(SourceRequest::PointInTime { point_in_time, of }) => {
                Self::Moment { of: of.as_deref().unwrap_or(original), at: *point_in_time }
            }
            Some(SourceRequest::Clone { clone }) => Self::Clone(clone.as_str()),
        }
    }

    pub(crate) fn restore_instance(&self, cli: Cli<'a>, name: &str) -> Command<'a> {
        match self {
            Self::Snapshot(snapshot) => cli
                .rds("restore-db-instance-from-db-snapshot")
                .with("--db-instance-identifier", [name])
                .with("--db-snapshot-identifier", [snapshot.as_str()]),
            Self::Moment { of, at } => {
                let source =
                    if is_resource_id(of) { "--source-dbi-resource-id" } else { "--source-db-instance-identifier" };
                let command = cli.rds("restore-db-instance-to-point-in-time");
                at_moment(
                    command.with("--target-db-instance-identifier", [name]).with(source, [*of]),
                    "--restore-time",
                    *at,
                )
            }
            // RDS clones no DB instance, and preflight refuses the input.
            Self::Clone(of) => cli.rds("restore-db-instance-to-point-in-time").with("--source-dbi-resource-id", [*of]),
        }
    }

    pub(crate) fn restore_cluster(&self, cli: Cli<'a>, name: &str, engine: &str) -> Command<'a> {
        let source = |of: &str| {
            if is_resource_id(of) { "--source-db-cluster-resource-id" } else { "--source-db-cluster-identifier" }
        };
        let to_moment = |of: &str| {
            let command = cli.rds("restore-db-cluster-to-point-in-time").with("--db-cluster-identifier", [name]);
            command.with(source(of), [of])
        };
        match self {
            Self::Snapshot(snapshot) => cli
                .rds("restore-db-cluster-from-snapshot")
                .with("--db-cluster-identifier", [name])
                .with("--snapshot-identifier", [snapshot.as_str()])
                .with("--engine", [engine]),
            Self::Moment { of, at } => at_moment(to_moment(of), "--restore-to-time", *at),
            Self::Clone(of) => {
                to_moment(of).with("--restore-type", ["copy-on-write"]).flag("--use-latest-restorable-time")
            }
        }
    }
}

fn at_moment<'a>(command: Command<'a>, option: &str, at: Moment) -> Command<'a> {
    match at {
        Moment::At(time) => command.with(option, [time.to_string().as_str()]),
        Moment::Latest(LatestMoment::Latest) => command.flag("--use-latest-restorable-time"),
    }
}

impl fmt::Display for Backup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(snapshot) => f.write_str(snapshot),
            Self::Moment { of, at: Moment::At(time) } => write!(f, "the automated backup of {of} at {time}"),
            Self::Moment { of, at: Moment::Latest(_) } => {
                write!(f, "the latest moment of the automated backup of {of}")
            }
            Self::Clone(of) => write!(f, "a clone of {of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trapheus_common::timestamp::Timestamp;

    use super::*;
    use crate::fixtures::{instance, run};

    fn request(source: serde_json::Value) -> Request {
        let mut document = instance();
        document["request"]["source"] = source;
        run(&document).request.unwrap()
    }

    fn pinned(kind: SourceKind, arn: &str) -> Source {
        Source {
            kind,
            arn: arn.to_owned(),
            created_at: Timestamp::from_epoch_seconds(0),
            taken_at: Timestamp::from_epoch_seconds(0),
            source_identifier: None,
            source_resource_id: Some("db-ABCDEFGHIJ".to_owned()),
            engine_version: None,
            allocated_gib: None,
        }
    }

    #[test]
    fn the_command_names_the_pinned_backup_or_else_the_inputs_choice() {
        let cli = Cli::in_region("");
        let line = |request: &Request, source: Option<&Source>| {
            Backup::of(request, source, "db-OWNOWNOWNO").restore_instance(cli, "orders").to_string()
        };
        let plain = request(json!(null));
        assert!(line(&plain, None).ends_with("--db-snapshot-identifier orders-snapshot"));
        let moment = pinned(SourceKind::PointInTime, "arn:aws:rds:eu-west-1:123456789012:db:orders");
        let text = line(&plain, Some(&moment));
        assert!(text.contains("--source-dbi-resource-id db-ABCDEFGHIJ"), "{text}");
        assert!(text.contains("--restore-time 1970-01-01T00:00:00Z"), "{text}");
        let foreign = "arn:aws:rds:eu-west-1:210987654321:snapshot:theirs";
        assert!(line(&plain, Some(&pinned(SourceKind::Snapshot, foreign))).ends_with(foreign));
        let latest = line(&request(json!({"pointInTime": "latest"})), None);
        assert!(latest.contains("db-OWNOWNOWNO") && latest.ends_with("--use-latest-restorable-time"), "{latest}");
        let of_name = line(&request(json!({"pointInTime": "latest", "of": "billing"})), None);
        assert!(of_name.contains("--source-db-instance-identifier billing"), "{of_name}");
        let newest = line(&request(json!({"latestSnapshot": "automated"})), None);
        assert!(newest.contains("<the latest automated snapshot>"), "{newest}");
    }

    #[test]
    fn a_clone_is_a_copy_on_write() {
        let request = request(json!({"clone": "shop"}));
        let line = Backup::of(&request, None, "").restore_cluster(Cli::in_region(""), "staging", "aurora-mysql");
        let line = line.to_string();
        assert!(line.contains("--source-db-cluster-identifier shop"), "{line}");
        assert!(line.contains("--restore-type copy-on-write --use-latest-restorable-time"), "{line}");
    }
}
