//! Parameter, option and subnet groups: reads, and the refusal of groups that do not exist.

use super::Content;
use super::describe::Selection;
use crate::error::{ApiError, ApiResult};
use crate::query::Params;
use crate::state::State;
use crate::world::GroupSpec;
use crate::xml::Xml;

/// RDS creates default groups when they are first needed, so every default name exists.
fn exists(groups: &[GroupSpec], name: &str) -> bool {
    let default = name == "default" || name.starts_with("default.") || name.starts_with("default:");
    default || groups.iter().any(|group| group.name.eq_ignore_ascii_case(name))
}

fn check(groups: &[GroupSpec], name: Option<&String>, kind: &str, code: &'static str) -> ApiResult<()> {
    match name {
        Some(name) if !exists(groups, name) => Err(ApiError::new(code, format!("{kind} {name} not found."))),
        _ => Ok(()),
    }
}

impl State {
    pub(super) fn check_parameter_group(&self, name: Option<&String>) -> ApiResult<()> {
        check(&self.groups.parameter, name, "DBParameterGroup", "DBParameterGroupNotFound")
    }

    pub(super) fn check_cluster_parameter_group(&self, name: Option<&String>) -> ApiResult<()> {
        check(&self.groups.cluster_parameter, name, "DBClusterParameterGroup", "DBClusterParameterGroupNotFound")
    }

    pub(super) fn check_option_group(&self, name: Option<&String>) -> ApiResult<()> {
        check(&self.groups.option, name, "OptionGroup", "OptionGroupNotFoundFault")
    }

    pub(super) fn check_subnet_group(&self, name: Option<&String>) -> ApiResult<()> {
        check(&self.groups.subnet, name, "DBSubnetGroup", "DBSubnetGroupNotFoundFault")
    }
}

/// The requested groups. A default group is made up when the request names it.
fn matching(groups: &[GroupSpec], name: Option<&String>, code: &'static str) -> ApiResult<Vec<GroupSpec>> {
    let Some(name) = name else { return Ok(groups.to_vec()) };
    if let Some(group) = groups.iter().find(|group| group.name.eq_ignore_ascii_case(name)) {
        return Ok(vec![group.clone()]);
    }
    if exists(groups, name) {
        let family = name.trim_start_matches("default.").trim_start_matches("default:").to_owned();
        return Ok(vec![GroupSpec { name: name.clone(), family, ..GroupSpec::default() }]);
    }
    Err(ApiError::new(code, format!("Group {name} not found.")))
}

pub(super) fn parameter_groups(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.take("DBParameterGroupName");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeDBParameterGroups")?;
    let found = matching(&state.groups.parameter, name.as_ref(), "DBParameterGroupNotFound")?;
    Ok(selection.write("DBParameterGroups", &found, |xml, group| {
        xml.nest("DBParameterGroup", |xml| {
            xml.text("DBParameterGroupName", &group.name);
            xml.text("DBParameterGroupFamily", &group.family);
            xml.text("Description", &group.name);
            xml.text("DBParameterGroupArn", &state.arn("pg", &group.name));
        });
    }))
}

pub(super) fn cluster_parameter_groups(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.take("DBClusterParameterGroupName");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeDBClusterParameterGroups")?;
    // The service model has the same error for both kinds of parameter group here.
    let found = matching(&state.groups.cluster_parameter, name.as_ref(), "DBParameterGroupNotFound")?;
    Ok(selection.write("DBClusterParameterGroups", &found, |xml, group| {
        xml.nest("DBClusterParameterGroup", |xml| {
            xml.text("DBClusterParameterGroupName", &group.name);
            xml.text("DBParameterGroupFamily", &group.family);
            xml.text("Description", &group.name);
            xml.text("DBClusterParameterGroupArn", &state.arn("cluster-pg", &group.name));
        });
    }))
}

pub(super) fn option_groups(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.take("OptionGroupName");
    let (engine, major_version) = (params.take("EngineName"), params.take("MajorEngineVersion"));
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeOptionGroups")?;
    let mut found = matching(&state.groups.option, name.as_ref(), "OptionGroupNotFoundFault")?;
    found.retain(|group| {
        engine.as_ref().is_none_or(|engine| *engine == group.family)
            && major_version.as_ref().is_none_or(|version| *version == group.major_version)
    });
    Ok(selection.write("OptionGroupsList", &found, |xml, group| {
        xml.nest("OptionGroup", |xml| {
            xml.text("OptionGroupName", &group.name);
            xml.text("OptionGroupDescription", &group.name);
            xml.text("EngineName", &group.family);
            xml.text("MajorEngineVersion", &group.major_version);
            xml.text("OptionGroupArn", &state.arn("og", &group.name));
        });
    }))
}

pub(super) fn subnet_groups(state: &State, mut params: Params) -> ApiResult<Content> {
    let name = params.take("DBSubnetGroupName");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeDBSubnetGroups")?;
    let found = matching(&state.groups.subnet, name.as_ref(), "DBSubnetGroupNotFoundFault")?;
    let write =
        |xml: &mut Xml, group: &GroupSpec| xml.nest("DBSubnetGroup", |xml| state.subnet_group(xml, &group.name));
    Ok(selection.write("DBSubnetGroups", &found, write))
}
