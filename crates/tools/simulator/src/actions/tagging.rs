//! The tags of every resource that has an ARN.

use super::Content;
use super::describe::Selection;
use crate::error::{ApiError, ApiResult};
use crate::lag::View;
use crate::query::{Params, Tags};
use crate::render::tag_members;
use crate::state::{State, Target};
use crate::tags as rules;
use crate::xml::Xml;

/// The resource with this ARN, by the name under which the view shows it.
fn target_of(view: View<'_>, arn: &str) -> ApiResult<Target> {
    let malformed = || ApiError::value(format!("Invalid resource name: {arn}"));
    let prefix = view.arn("", "");
    let rest =
        arn.strip_prefix(prefix.trim_end_matches(':')).and_then(|rest| rest.strip_prefix(':')).ok_or_else(malformed)?;
    let (kind, name) = rest.split_once(':').ok_or_else(malformed)?;
    match kind {
        "db" => {
            let key = view.instance_named(name).ok_or_else(|| ApiError::instance_not_found(name))?;
            Ok(Target::Instance(key))
        }
        "cluster" => {
            let key = view.cluster_named(name).ok_or_else(|| ApiError::cluster_not_found(name))?;
            Ok(Target::Cluster(key))
        }
        "snapshot" => {
            let key = view.snapshot_named(name).ok_or_else(|| ApiError::snapshot_not_found(name))?;
            Ok(Target::Snapshot(key))
        }
        "cluster-snapshot" => {
            let key = view.cluster_snapshot_named(name).ok_or_else(|| ApiError::cluster_snapshot_not_found(name))?;
            Ok(Target::ClusterSnapshot(key))
        }
        _ => Err(ApiError::value(format!("The simulator keeps no tags for {arn}."))),
    }
}

/// Changes the tags of a resource.
fn change(state: &mut State, arn: &str, change: impl FnOnce(&mut Tags) -> ApiResult<()>) -> ApiResult<Content> {
    let target = target_of(state.truth(), arn)?;
    let Some(mut tagged) = state.tagged(target).cloned() else { return Ok(Content::Nothing) };
    let mut tags = tagged.truth().clone();
    change(&mut tags)?;
    state.retag(&mut tagged, tags);
    if let Some(found) = state.tagged(target) {
        *found = tagged;
    }
    Ok(Content::Nothing)
}

pub(super) fn add(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let arn = params.require("ResourceName")?;
    let new = params.tags()?.ok_or_else(|| ApiError::missing("Tags"))?;
    params.finish("AddTagsToResource")?;
    change(state, &arn, |tags| rules::add(tags, new))
}

pub(super) fn remove(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let arn = params.require("ResourceName")?;
    let keys: Vec<String> = params.get("TagKeys.member")?.ok_or_else(|| ApiError::missing("TagKeys"))?;
    params.finish("RemoveTagsFromResource")?;
    change(state, &arn, |tags| {
        tags.retain(|(key, _)| !keys.contains(key));
        Ok(())
    })
}

pub(super) fn list(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let arn = params.require("ResourceName")?;
    Selection::take(&mut params, &[])?;
    params.finish("ListTagsForResource")?;
    let mut xml = Xml::with_capacity(512);
    let target = target_of(state.seen(), &arn)?;
    let tagged = state.tagged(target).cloned().unwrap_or_default();
    xml.nest("TagList", |xml| tag_members(xml, state.seen().tags(&tagged)));
    Ok(Content::Result(xml.into_string()))
}
