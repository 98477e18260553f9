//! Zones, subnet groups, VPCs and security groups: the zones that a group covers, and the VPC that it belongs to.

use crate::error::{ApiError, ApiResult};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::state::State;
use crate::world::GroupSpec;

/// The VPC of a subnet group that names none.
const DEFAULT_VPC: &str = "vpc-0simulator";
/// The default security group of that VPC.
const DEFAULT_SECURITY_GROUP: &str = "sg-0default";
/// The zones of an Aurora cluster's storage, and of a Multi-AZ DB cluster's members.
const CLUSTER_ZONES: usize = 3;

impl State {
    /// The default zones of the region.
    pub(crate) fn zones(&self) -> Vec<String> {
        ["a", "b", "c"].iter().map(|zone| format!("{}{zone}", self.region)).collect()
    }

    fn subnet_group_spec(&self, name: Option<&str>) -> Option<&GroupSpec> {
        let name = name.unwrap_or("default");
        self.groups.subnet.iter().find(|group| group.name.eq_ignore_ascii_case(name))
    }

    /// The zones that a subnet group covers.
    pub(crate) fn covered_zones(&self, subnet_group: Option<&str>) -> Vec<String> {
        let named = self.subnet_group_spec(subnet_group).map(|group| group.availability_zones.clone());
        named.filter(|zones| !zones.is_empty()).unwrap_or_else(|| self.zones())
    }

    /// The VPC of a subnet group.
    pub(crate) fn vpc(&self, subnet_group: Option<&str>) -> &str {
        self.subnet_group_spec(subnet_group).and_then(|group| group.vpc.as_deref()).unwrap_or(DEFAULT_VPC)
    }

    pub(crate) fn is_on_outpost(&self, subnet_group: Option<&str>) -> bool {
        self.subnet_group_spec(subnet_group).is_some_and(|group| group.outpost)
    }

    /// The default security group of a VPC.
    pub(crate) fn default_security_group(&self, vpc: &str) -> String {
        let listed = self.security_groups.iter().find(|group| group.default && group.vpc == vpc);
        match listed {
            Some(group) => group.id.clone(),
            None if vpc == DEFAULT_VPC => DEFAULT_SECURITY_GROUP.to_owned(),
            None => format!("{DEFAULT_SECURITY_GROUP}-{}", vpc.trim_start_matches("vpc-")),
        }
    }

    /// The zones of a cluster's storage: always three.
    pub(crate) fn storage_zones(&self, settings: &ClusterSettings) -> Vec<String> {
        let mut zones = settings.availability_zones.clone().unwrap_or_default();
        for zone in self.covered_zones(settings.subnet_group.as_deref()).into_iter().chain(self.zones()) {
            if zones.len() < CLUSTER_ZONES && !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        zones
    }

    /// The zone of an instance whose request names none.
    pub(crate) fn usual_zone(&self, subnet_group: Option<&str>) -> Option<String> {
        self.covered_zones(subnet_group).into_iter().next()
    }

    /// Refuses zones that a subnet group does not cover.
    pub(crate) fn check_zones(&self, asked: &[String], subnet_group: Option<&str>) -> ApiResult<()> {
        let covered = self.covered_zones(subnet_group);
        let foreign: Vec<&str> = asked.iter().filter(|zone| !covered.contains(zone)).map(String::as_str).collect();
        if foreign.is_empty() {
            return Ok(());
        }
        let message = format!(
            "Availability zone [{}] is unavailable in this region, please choose another zone set.",
            foreign.join(", ")
        );
        Err(ApiError::new("InvalidVPCNetworkStateFault", message))
    }

    /// Refuses a subnet group with fewer zones than a database needs.
    pub(crate) fn check_coverage(&self, needed: usize, subnet_group: Option<&str>) -> ApiResult<()> {
        let covered = self.covered_zones(subnet_group).len();
        if covered >= needed {
            return Ok(());
        }
        let message = format!(
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement: it covers {covered}, and {needed} are needed."
        );
        Err(ApiError::new("DBSubnetGroupDoesNotCoverEnoughAZs", message))
    }

    /// Refuses security groups of another VPC than that of the subnet group.
    pub(crate) fn check_security_groups(
        &self,
        asked: Option<&Vec<String>>,
        subnet_group: Option<&str>,
    ) -> ApiResult<()> {
        let vpc = self.vpc(subnet_group);
        let foreign = asked
            .into_iter()
            .flatten()
            .find_map(|id| self.security_groups.iter().find(|known| known.id == *id && known.vpc != vpc));
        match foreign {
            Some(group) => Err(ApiError::combination(format!(
                "The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc} and the EC2 security group is in {}",
                group.vpc
            ))),
            None => Ok(()),
        }
    }

    /// Gives a new instance a zone and security groups, unless the request names them.
    pub(crate) fn settle_network(&self, settings: &mut InstanceSettings, asked: &InstanceSettings) {
        let group = settings.subnet_group.clone();
        if asked.availability_zone.is_none() {
            settings.availability_zone = self.usual_zone(group.as_deref());
        }
        settings.vpc_security_groups = self.groups_or_default(asked.vpc_security_groups.as_ref(), group.as_deref());
    }

    /// The requested security groups, or the default group: a database always has one.
    pub(crate) fn groups_or_default(
        &self,
        asked: Option<&Vec<String>>,
        subnet_group: Option<&str>,
    ) -> Option<Vec<String>> {
        let asked = asked.filter(|groups| !groups.is_empty()).cloned();
        asked.or_else(|| Some(vec![self.default_security_group(self.vpc(subnet_group))]))
    }
}
