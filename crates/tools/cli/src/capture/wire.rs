//! RDS's answers as they arrive: every element of a database or snapshot, whether or not the SDK and the world know it.
//!
//! The comparison of an account's answer with that of a world finds what the world does not hold. It needs no list of what
//! a world holds, so a new element of RDS is reported at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_rds::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_rds::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_rds::error::BoxError;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

/// A kind of resource, by the name of its element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Instance,
    Cluster,
    Snapshot,
    ClusterSnapshot,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Instance, Self::Cluster, Self::Snapshot, Self::ClusterSnapshot];

    const fn element(self) -> &'static str {
        match self {
            Self::Instance => "DBInstance",
            Self::Cluster => "DBCluster",
            Self::Snapshot => "DBSnapshot",
            Self::ClusterSnapshot => "DBClusterSnapshot",
        }
    }

    fn of(element: &str, list: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.element() == element && list == Some(&format!("{element}s")))
    }

    fn identifier(self, elements: &Elements) -> Option<&String> {
        elements.get(&format!("{}Identifier", self.element()))?.first()
    }
}

/// The texts of a resource's elements, by path. The texts of equal paths are sorted.
pub(super) type Elements = BTreeMap<String, Vec<String>>;

/// The resources that the answers to a client's calls have shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire(Arc<Mutex<BTreeMap<(Kind, String), Elements>>>);

impl Wire {
    /// The elements of a resource in its latest answer.
    pub(super) fn resource(&self, kind: Kind, identifier: &str) -> Option<Elements> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&(kind, identifier.to_ascii_lowercase())).cloned()
    }

    fn note(&self, answer: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, elements) in resources(answer) {
            if let Some(identifier) = kind.identifier(&elements) {
                seen.insert((kind, identifier.to_ascii_lowercase()), elements);
            }
        }
    }
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "Wire"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // The body of an answer that the SDK has read is in memory.
        if let Some(answer) = context.response().body().bytes().and_then(|body| std::str::from_utf8(body).ok()) {
            self.note(answer);
        }
        Ok(())
    }
}

/// Every database and snapshot that an answer lists. Malformed XML ends the list: the SDK has refused it already.
fn resources(answer: &str) -> Vec<(Kind, Elements)> {
    let mut reader = Reader::from_str(answer);
    reader.config_mut().expand_empty_elements = true;
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    // The resource being read, and the number of elements open around it.
    let mut current: Option<(Kind, usize)> = None;
    let mut elements = Elements::new();
    let (mut text, mut is_leaf) = (String::new(), false);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let name = start.local_name().as_ref().to_owned();
                if current.is_none()
                    && let Some(kind) = Kind::of(&name, open.last().map(String::as_str))
                {
                    current = Some((kind, open.len()));
                }
                open.push(name);
                text.clear();
                is_leaf = true;
            }
            Ok(Event::Text(part)) => text.push_str(&part),
            Ok(Event::GeneralRef(reference)) => {
                text.push('&');
                text.push_str(&reference);
                text.push(';');
            }
            Ok(Event::End(_)) => {
                if let Some((kind, around)) = current {
                    let value = unescape(text.trim()).unwrap_or_default();
                    if is_leaf && !value.is_empty() {
                        let path = open[around + 1..].join(".");
                        elements.entry(path).or_default().push(value.into_owned());
                    }
                    if open.len() == around + 1 {
                        for texts in elements.values_mut() {
                            texts.sort();
                        }
                        found.push((kind, std::mem::take(&mut elements)));
                        current = None;
                    }
                }
                open.pop();
                text.clear();
                is_leaf = false;
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

/// Elements that follow from others, that RDS chooses anew, or that every world makes up: addresses, ARNs of AWS's own,
/// texts of a group, the present state of a connection. A world holds the age of a resource in hours, so times differ.
const DERIVED: &[&str] = &[
    "AssociatedRoles.DBClusterRole.Status",
    "AssociatedRoles.DBInstanceRole.Status",
    "CertificateDetails.ValidTill",
    "ClusterCreateTime",
    "DBSubnetGroup.DBSubnetGroupArn",
    "DBSubnetGroup.DBSubnetGroupDescription",
    "DBSubnetGroup.SubnetGroupStatus",
    "DBSubnetGroup.Subnets.Subnet.SubnetIdentifier",
    "DBSubnetGroup.Subnets.Subnet.SubnetOutpost",
    "DBSubnetGroup.Subnets.Subnet.SubnetStatus",
    "DBSubnetGroup.SupportedNetworkTypes",
    "DbInstancePort",
    "DomainMemberships.DomainMembership.Status",
    "EarliestBacktrackTime",
    "EarliestRestorableTime",
    "Endpoint",
    "EnhancedMonitoringResourceArn",
    "HostedZoneId",
    "InstanceCreateTime",
    "LatestRestorableTime",
    "ListenerEndpoint",
    "MasterUserSecret.SecretArn",
    "MasterUserSecret.SecretStatus",
    "OriginalSnapshotCreateTime",
    "PercentProgress",
    "ReaderEndpoint",
    "SnapshotCreateTime",
    "SnapshotDatabaseTime",
    "StorageEncryptionType",
    "VpcSecurityGroups.VpcSecurityGroupMembership.Status",
];

/// An element of the account that the world lacks or shows with other texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) texts: Vec<String>,
    /// The texts in the world.
    pub(super) instead: Vec<String>,
}

/// The Availability Zones of a subnet group. A world holds each zone once, however many subnets are in it.
const ZONES: &str = "DBSubnetGroup.Subnets.Subnet.SubnetAvailabilityZone.Name";

/// The elements that a world does not hold.
pub(super) fn not_held(kind: Kind, account: &Elements, world: &Elements) -> Vec<Difference> {
    let differ = account.iter().filter(|(path, texts)| {
        let shown = world.get(*path);
        // An element that says `false` says no more than a missing one.
        let says_nothing = shown.is_none() && texts.iter().all(|text| text == "false");
        let is_same = match shown {
            Some(shown) if path.as_str() == ZONES => distinct(shown) == distinct(texts),
            shown => shown == Some(*texts),
        };
        !is_same && !says_nothing && !is_derived(kind, path)
    });
    differ
        .map(|(path, texts)| Difference {
            path: path.clone(),
            texts: texts.clone(),
            instead: world.get(path).cloned().unwrap_or_default(),
        })
        .collect()
}

fn distinct(texts: &[String]) -> BTreeSet<&String> {
    texts.iter().collect()
}

fn is_derived(kind: Kind, path: &str) -> bool {
    let below = |parent: &str| path == parent || path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'));
    // The certificate authority of an instance has an element of its own as well.
    let repeats = kind == Kind::Instance && path == "CertificateDetails.CAIdentifier";
    // No call of a restore reads the zones of the storage that a cluster's snapshot came from.
    let is_past = kind == Kind::ClusterSnapshot && path.starts_with("AvailabilityZones");
    repeats || is_past || DERIVED.iter().any(|parent| below(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>
      <DBInstance>
        <DBInstanceIdentifier>Orders</DBInstanceIdentifier>
        <TagList><Tag><Key>team</Key><Value>R&amp;D</Value></Tag><Tag><Key>a</Key><Value/></Tag></TagList>
        <Brand.New>7</Brand.New><Switch>false</Switch><InstanceCreateTime>2020</InstanceCreateTime>
        <CertificateDetails><CAIdentifier>ca</CAIdentifier></CertificateDetails>
      </DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>";

    fn only(answer: &str) -> Elements {
        let wire = Wire::default();
        wire.note(answer);
        wire.resource(Kind::Instance, "orders").expect("the instance")
    }

    #[test]
    fn every_text_of_an_instance_is_found_under_its_path() {
        let elements = only(ANSWER);
        assert_eq!(elements["TagList.Tag.Key"], ["a", "team"]);
        assert_eq!(elements["TagList.Tag.Value"], ["R&D"]);
        assert_eq!(elements["DBInstanceIdentifier"], ["Orders"]);
    }

    #[test]
    fn an_element_that_no_world_knows_is_a_difference_and_a_time_or_a_false_is_none() {
        let account = only(ANSWER);
        let mut world = account.clone();
        for path in ["Brand.New", "Switch", "InstanceCreateTime", "CertificateDetails.CAIdentifier"] {
            world.remove(path);
        }
        world.insert("TagList.Tag.Key".to_owned(), vec!["a".to_owned()]);
        let paths: Vec<String> =
            not_held(Kind::Instance, &account, &world).into_iter().map(|difference| difference.path).collect();
        assert_eq!(paths, ["Brand.New", "TagList.Tag.Key"]);
    }
}
