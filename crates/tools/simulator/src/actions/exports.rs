//! Exports of snapshots to S3: start, describe, cancel.
//!
//! A task keeps the data that it needs of its snapshot, which may be deleted meanwhile. No data is written. The bucket, the
//! role and the key are accepted unless a fault refuses them. Exports of clusters themselves are not modelled.

use super::Content;
use super::describe::Selection;
use crate::error::{ApiError, ApiResult};
use crate::names;
use crate::query::{Param, Params};
use crate::resources::{AVAILABLE, ExportTask, Key, Life};
use crate::state::{State, Step, Target};
use crate::xml::Xml;

/// The engines whose snapshots RDS exports.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.RDS_Fea_Regions_DB-eng.Feature.ExportSnapshotToS3.html>
const EXPORTABLE: &[&str] = &["mariadb", "mysql", "postgres", "aurora-mysql", "aurora-postgresql"];
/// The statuses of an export under way.
const UNDER_WAY: &[&str] = &["starting", "in_progress"];

fn show(state: &State, key: Key) -> Content {
    let mut xml = Xml::with_capacity(1024);
    if let Some(task) = state.exports.get(&key) {
        state.truth().export(&mut xml, task);
    }
    Content::Result(xml.into_string())
}

/// The properties of the snapshot to export.
struct Source {
    arn: String,
    taken: i64,
}

impl State {
    fn export_named(&self, identifier: &str) -> Option<Key> {
        self.exports.iter().find(|(_, task)| task.life.is_named(identifier)).map(|(key, _)| *key)
    }

    fn source_of_export(&self, arn: &str) -> ApiResult<Source> {
        let (arn, status, engine, is_magnetic, taken) = if arn.contains(":cluster-snapshot:") {
            let key = self.cluster_snapshot_named(arn).ok_or_else(|| ApiError::cluster_snapshot_not_found(arn))?;
            let found = &self.cluster_snapshots[&key];
            let arn = self.arn("cluster-snapshot", &found.life.identifier);
            (arn, &found.life.status, &found.engine, false, found.created)
        } else if arn.contains(":snapshot:") {
            let key = self.snapshot_named(arn).ok_or_else(|| ApiError::snapshot_not_found(arn))?;
            let found = &self.snapshots[&key];
            let is_magnetic = found.settings.storage_type.as_deref() == Some("standard");
            let arn = self.arn("snapshot", &found.life.identifier);
            (arn, &found.life.status, &found.engine, is_magnetic, found.created)
        } else {
            return Err(ApiError::value(format!("Invalid resource name: {arn}")));
        };
        let refused = |why: String| Err(ApiError::new("InvalidExportSourceState", why));
        if *status != AVAILABLE {
            return refused(format!("The snapshot {arn} is in status {status}."));
        }
        if !EXPORTABLE.contains(&engine.as_str()) {
            return refused(format!("Snapshots of the engine {engine} cannot be exported."));
        }
        if is_magnetic {
            return refused("Snapshots of DB instances that use magnetic storage cannot be exported.".to_owned());
        }
        Ok(Source { arn, taken })
    }

    fn exports_under_way(&self) -> impl Iterator<Item = &ExportTask> {
        self.exports.values().filter(|task| UNDER_WAY.contains(&task.life.status.as_ref()))
    }
}

pub(super) fn start(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let name = names::export_identifier("ExportTaskIdentifier", &params.require("ExportTaskIdentifier")?)?;
    let source = params.require("SourceArn")?;
    let bucket = params.require("S3BucketName")?;
    let role = params.require("IamRoleArn")?;
    let key = params.require("KmsKeyId")?;
    let prefix = params.take("S3Prefix");
    let export_only = Vec::<String>::take(&mut params, "ExportOnly.member")?;
    params.finish("StartExportTask")?;
    if state.exports.values().any(|task| task.life.claims(&name)) {
        return Err(ApiError::new(
            "ExportTaskAlreadyExists",
            format!("The export task with the ID {name} already exists."),
        ));
    }
    let source = state.source_of_export(&source)?;
    if state.exports_under_way().any(|task| task.source == source.arn) {
        let message = format!("Another export of {} is in progress.", source.arn);
        return Err(ApiError::new("InvalidExportSourceState", message));
    }
    let most = state.limits.export_tasks;
    if state.exports_under_way().count() >= most {
        let message = format!("You have reached the limit of {most} concurrent export tasks");
        return Err(ApiError::new("ExportTaskLimitReachedFault", message));
    }
    let task = ExportTask {
        life: Life::new(name, "starting"),
        source: source.arn,
        snapshot_taken: source.taken,
        bucket,
        prefix,
        role,
        kms_key_id: key,
        export_only: export_only.unwrap_or_default(),
        extracting_since: None,
        ended: None,
    };
    let key = state.fresh_key();
    state.exports.insert(key, task);
    let (restoring, extracting) = (state.timings.export_starting, state.timings.export);
    let steps = vec![(restoring, Step::Show("in_progress".into())), (extracting, Step::End("complete".into()))];
    state.start(Target::Export(key), steps);
    Ok(show(state, key))
}

pub(super) fn cancel(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let name = params.require("ExportTaskIdentifier")?;
    params.finish("CancelExportTask")?;
    let key = state.export_named(&name).ok_or_else(|| not_found(&name))?;
    let status = &state.exports[&key].life.status;
    if !UNDER_WAY.contains(&status.as_ref()) {
        let message = format!("Cannot cancel the export task {name} in status {status}.");
        return Err(ApiError::new("InvalidExportTaskStateFault", message));
    }
    let seconds = state.timings.cancel_export;
    let steps = vec![(0.0, Step::Show("canceling".into())), (seconds, Step::End("canceled".into()))];
    state.start(Target::Export(key), steps);
    Ok(show(state, key))
}

pub(super) fn describe(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.take("ExportTaskIdentifier");
    let source = params.take("SourceArn");
    let source_type = params.take("SourceType");
    let selection = Selection::take(&mut params, &["export-task-identifier", "s3-bucket", "source-arn", "status"])?;
    params.finish("DescribeExportTasks")?;
    let mut found: Vec<&ExportTask> =
        state.exports.values().filter(|task| task.life.visible_from <= state.now).collect();
    if let Some(name) = &name {
        found.retain(|task| task.life.is_named(name));
        if found.is_empty() {
            return Err(not_found(name));
        }
    }
    found.retain(|task| {
        source.as_ref().is_none_or(|arn| *arn == task.source)
            && source_type.as_deref().is_none_or(|wanted| wanted == "SNAPSHOT")
            && selection.admits(|filter| {
                vec![match filter {
                    "export-task-identifier" => task.life.identifier.clone(),
                    "s3-bucket" => task.bucket.clone(),
                    "source-arn" => task.source.clone(),
                    _ => task.life.status.to_string(),
                }]
            })
    });
    found.sort_by(|one, other| one.life.identifier.cmp(&other.life.identifier));
    Ok(selection.write("ExportTasks", &found, |xml, task| xml.nest("ExportTask", |xml| state.seen().export(xml, task))))
}

fn not_found(name: &str) -> ApiError {
    ApiError::new("ExportTaskNotFound", format!("The export task {name} does not exist."))
}
