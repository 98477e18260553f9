//! Tags of anything that has an ARN.

use super::Content;
use super::describe::Selection;
use crate::error::{ApiError, ApiResult};
use crate::query::{Params, Tags};
use crate::render::tag_members;
use crate::state::State;
use crate::tags as rules;
use crate::xml::Xml;

impl State {
    /// The tags of the resource with this ARN.
    fn tags_of(&mut self, arn: &str) -> ApiResult<&mut Tags> {
        let malformed = || ApiError::value(format!("Invalid resource name: {arn}"));
        let prefix = self.arn("", "");
        let rest = arn
            .strip_prefix(prefix.trim_end_matches(':'))
            .and_then(|rest| rest.strip_prefix(':'))
            .ok_or_else(malformed)?;
        let (kind, name) = rest.split_once(':').ok_or_else(malformed)?;
        match kind {
            "db" => {
                let key = self.instance_named(name);
                let found = key.and_then(|key| self.instances.get_mut(&key));
                found.map(|found| &mut found.tags).ok_or_else(|| ApiError::instance_not_found(name))
            }
            "cluster" => {
                let key = self.cluster_named(name);
                let found = key.and_then(|key| self.clusters.get_mut(&key));
                found.map(|found| &mut found.tags).ok_or_else(|| ApiError::cluster_not_found(name))
            }
            "snapshot" => {
                let key = self.snapshot_named(name);
                let found = key.and_then(|key| self.snapshots.get_mut(&key));
                found.map(|found| &mut found.tags).ok_or_else(|| ApiError::snapshot_not_found(name))
            }
            "cluster-snapshot" => {
                let key = self.cluster_snapshot_named(name);
                let found = key.and_then(|key| self.cluster_snapshots.get_mut(&key));
                found.map(|found| &mut found.tags).ok_or_else(|| ApiError::cluster_snapshot_not_found(name))
            }
            _ => Err(ApiError::value(format!("The simulator keeps no tags for {arn}."))),
        }
    }
}

pub(super) fn add(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let arn = params.require("ResourceName")?;
    let new = params.tags()?.ok_or_else(|| ApiError::missing("Tags"))?;
    params.finish("AddTagsToResource")?;
    rules::add(state.tags_of(&arn)?, new)?;
    Ok(Content::Nothing)
}

pub(super) fn remove(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let arn = params.require("ResourceName")?;
    let keys: Vec<String> = params.get("TagKeys.member")?.ok_or_else(|| ApiError::missing("TagKeys"))?;
    params.finish("RemoveTagsFromResource")?;
    state.tags_of(&arn)?.retain(|(key, _)| !keys.contains(key));
    Ok(Content::Nothing)
}

pub(super) fn list(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let arn = params.require("ResourceName")?;
    Selection::take(&mut params, &[])?;
    params.finish("ListTagsForResource")?;
    let mut xml = Xml::with_capacity(512);
    let tags = state.tags_of(&arn)?;
    xml.nest("TagList", |xml| tag_members(xml, tags));
    Ok(Content::Result(xml.into_string()))
}
