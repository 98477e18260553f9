//! Orderable options: checks that AWS still offers the classes and storage that a restore requests. A database keeps a class
//! or a kind of storage that new databases can no longer have. A snapshot may have an older engine version, which knows
//! fewer of them. AWS may offer a class in fewer Availability Zones than before.
//!
//! As with quotas, a failed or denied look-up does not stop a run. A class that AWS does not list at all is not judged.

use std::collections::BTreeSet;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::OrderableDbInstanceOption;
use trapheus_common::document::Request;

use crate::answers::OrderableOptions;
use crate::facts::Facts;
use crate::problem::Problem;

/// The class and storage that a restore requests for one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedClass<'a> {
    pub(crate) owner: &'a str,
    pub(crate) class: &'a str,
    /// `None` if the class alone decides.
    pub(crate) storage_type: Option<&'a str>,
}

/// Looks up the options that AWS offers for the requested classes.
pub(crate) async fn look(
    rds: &Client,
    request: &Request,
    facts: &Facts,
    requested_classes: impl IntoIterator<Item = RequestedClass<'_>>,
) -> OrderableOptions {
    let mut orderable = OrderableOptions::default();
    let Some(target) = &facts.target else { return orderable };
    let of_snapshot = facts.snapshot.as_ref().filter(|_| !request.task.takes_snapshot());
    let version = of_snapshot.map_or(&target.engine_version, |snapshot| &snapshot.engine_version);
    let engine_version = EngineVersion { rds, engine: &target.engine, version };
    let mut known: Vec<(&str, Vec<OrderableDbInstanceOption>)> = Vec::new();
    for requested in requested_classes {
        let options = match known.iter().find(|(class, _)| *class == requested.class) {
            Some((_, options)) => options.clone(),
            None => match engine_version.options_of(requested.class).await {
                Some(options) => options,
                None => continue,
            },
        };
        orderable.deprecated.extend(missing(&requested, &options, version, &facts.covered_zones));
        orderable.zones.insert(requested.owner.to_owned(), zones(&requested, &options));
        known.push((requested.class, options));
    }
    orderable
}

/// The engine version of the restored database.
struct EngineVersion<'a> {
    rds: &'a Client,
    engine: &'a str,
    version: &'a str,
}

impl EngineVersion<'_> {
    /// The options of the class, perhaps none; `None` if AWS does not tell.
    async fn options_of(&self, class: &str) -> Option<Vec<OrderableDbInstanceOption>> {
        let call =
            || self.rds.describe_orderable_db_instance_options().engine(self.engine).engine_version(self.version);
        let pages = call().db_instance_class(class).into_paginator().items().send();
        let listed = async {
            let options = pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| error.to_string())?;
            if !options.is_empty() {
                return Ok(Some(options));
            }
            // A version that new databases cannot have has no options at all, and can be restored all the same.
            let any = call().max_records(20).send().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((!any.orderable_db_instance_options().is_empty()).then_some(options))
        };
        listed.await.unwrap_or_else(|error| {
            tracing::info!(error, "what AWS offers cannot be looked up");
            None
        })
    }
}

fn missing(
    requested: &RequestedClass<'_>,
    options: &[OrderableDbInstanceOption],
    version: &str,
    covered: &[String],
) -> Option<String> {
    let RequestedClass { owner, class, storage_type } = requested;
    if options.is_empty() {
        return Some(format!("the class {class} of `{owner}` with engine version {version}"));
    }
    let offered: BTreeSet<&str> = options.iter().filter_map(OrderableDbInstanceOption::storage_type).collect();
    if let Some(storage) = storage_type.filter(|storage| !offered.is_empty() && !offered.contains(storage)) {
        return Some(format!(
            "the storage type {storage} of `{owner}` with the class {class} and engine version {version}"
        ));
    }
    let zones = zones(requested, options);
    let is_out_of_reach = !zones.is_empty() && !covered.is_empty() && !covered.iter().any(|zone| zones.contains(zone));
    is_out_of_reach.then(|| {
        let covered = covered.join(", ");
        format!("the class {class} of `{owner}` in the Availability Zones of its subnet group ({covered})")
    })
}

/// The Availability Zones in which AWS offers the requested class and storage.
fn zones(requested: &RequestedClass<'_>, options: &[OrderableDbInstanceOption]) -> BTreeSet<String> {
    let fits = |option: &&OrderableDbInstanceOption| {
        requested.storage_type.is_none()
            || option.storage_type().is_none()
            || option.storage_type() == requested.storage_type
    };
    let zones = options.iter().filter(fits).flat_map(OrderableDbInstanceOption::availability_zones);
    zones.filter_map(|zone| zone.name().map(str::to_owned)).collect()
}

/// The requested classes and storage that AWS would refuse.
pub(crate) fn has_requested_classes(_: &Request, facts: &Facts) -> Vec<Problem> {
    let refused = facts.orderable.deprecated.iter().map(|what| {
        Problem::lasting(format!(
            "{what} is not offered for new databases, and a restored one is new: modify the original to something that is \
             offered first, or take a newer snapshot"
        ))
    });
    refused.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_rds::types::AvailabilityZone;

    use super::*;

    fn option(storage_type: &str) -> OrderableDbInstanceOption {
        OrderableDbInstanceOption::builder().storage_type(storage_type).build()
    }

    #[test]
    fn a_class_and_a_storage_type_have_to_be_offered() {
        let requested = |storage_type| RequestedClass { owner: "orders", class: "db.m3.large", storage_type };
        let gp2 = [option("gp2"), option("standard")];
        let missing = |requested: &RequestedClass<'_>, options: &[OrderableDbInstanceOption]| {
            missing(requested, options, "15.4", &[])
        };
        assert_eq!(missing(&requested(Some("gp2")), &gp2), None);
        assert_eq!(missing(&requested(None), &gp2), None);
        let words = missing(&requested(Some("gp3")), &gp2).unwrap();
        assert!(words.contains("gp3") && words.contains("db.m3.large") && words.contains("15.4"), "{words}");
        let words = missing(&requested(Some("gp2")), &[]).unwrap();
        assert!(words.starts_with("the class db.m3.large of `orders`"), "{words}");
    }

    #[test]
    fn a_class_has_to_be_offered_in_a_zone_that_the_subnet_group_covers() {
        let requested = RequestedClass { owner: "orders", class: "db.m4.large", storage_type: Some("gp3") };
        let zone = |name: &str| AvailabilityZone::builder().name(name).build();
        let option = |storage: &str, zones: &[&str]| {
            let zones = zones.iter().map(|name| zone(name)).collect();
            OrderableDbInstanceOption::builder().storage_type(storage).set_availability_zones(Some(zones)).build()
        };
        // AWS offers magnetic storage in more zones than the requested storage.
        let options = [option("gp3", &["a", "b"]), option("standard", &["a", "b", "c"])];
        for (covered, refused) in [(&["b", "c"][..], false), (&["c"], true), (&[], false)] {
            let covered: Vec<String> = covered.iter().map(|&zone| zone.to_owned()).collect();
            assert_eq!(missing(&requested, &options, "15.4", &covered).is_some(), refused, "{covered:?}");
        }
        let zones = BTreeMap::from([("orders".to_owned(), zones(&requested, &options))]);
        let orderable = OrderableOptions { zones, ..OrderableOptions::default() };
        for (owner, zone, expected) in [("orders", "a", false), ("orders", "c", true), ("unknown", "c", false)] {
            assert_eq!(orderable.elsewhere_only(owner, zone), expected, "{owner} {zone}");
        }
    }
}
