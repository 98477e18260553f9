//! The offers of RDS in the region: certificate authorities, engine versions, instance classes. Also zero-ETL integrations,
//! which end with their source.
//!
//! Refuses offers that RDS has withdrawn, with RDS's codes. A database that already uses one keeps it.

use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::state::State;
use crate::world::{CertificateSpec, EngineVersionSpec, IntegrationSpec, Offer, OrderableSpec, Shortage};

/// Everything that RDS offers, or has withdrawn.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    pub(crate) certificates: Vec<CertificateSpec>,
    /// Every version that RDS knows: the current ones, and those that the world file names or lists.
    pub(crate) versions: Vec<EngineVersionSpec>,
    pub(crate) orderable: Vec<OrderableSpec>,
    pub(crate) withdrawn_classes: Vec<String>,
}

/// A zero-ETL integration.
#[derive(Clone, Debug)]
pub(crate) struct Integration {
    pub(crate) spec: IntegrationSpec,
    pub(crate) id: String,
    /// The resource id of the source.
    pub(crate) resource_id: Option<String>,
    /// Unix milliseconds.
    pub(crate) created: i64,
}

impl Offers {
    /// Adds the standard offers and the versions of the databases, unless the world file lists them.
    pub(crate) fn complete(&mut self, named: impl Iterator<Item = (String, String)>) {
        let current = engines::CURRENT.iter().map(|(engine, version)| ((*engine).to_owned(), (*version).to_owned()));
        for (engine, version) in named.chain(current) {
            if self.version(&engine, &version).is_none() {
                let offer = if engines::is_withdrawn(&engine, &version) { Offer::Withdrawn } else { Offer::Offered };
                self.versions.push(EngineVersionSpec { engine, version, offer, upgraded_to: None });
            }
        }
    }

    pub(crate) fn version(&self, engine: &str, version: &str) -> Option<&EngineVersionSpec> {
        self.versions.iter().find(|known| known.engine == engine && known.version == version)
    }

    fn offers_version(&self, engine: &str, version: &str) -> bool {
        version == engines::default_version(engine)
            || self.version(engine, version).is_some_and(|known| known.offer == Offer::Offered)
    }

    /// The combinations in which a class can be ordered for an engine. A class without any row gets one unrestricted
    /// combination.
    pub(crate) fn combinations(&self, engine: &str, version: Option<&str>, class: &str) -> Vec<OrderableSpec> {
        if self.withdrawn_classes.iter().any(|withdrawn| withdrawn == class)
            || version.is_some_and(|version| !self.offers_version(engine, version))
        {
            return Vec::new();
        }
        let rows: Vec<&OrderableSpec> = self.orderable.iter().filter(|row| row.class == class).collect();
        if rows.is_empty() {
            let class = class.to_owned();
            return vec![OrderableSpec { class, engine: None, engine_version: None, availability_zones: Vec::new() }];
        }
        let fits = |wanted: &Option<String>, has: Option<&str>| {
            has.is_none() || wanted.as_deref().is_none_or(|wanted| Some(wanted) == has)
        };
        let fitting =
            rows.into_iter().filter(|row| fits(&row.engine, Some(engine)) && fits(&row.engine_version, version));
        fitting.cloned().collect()
    }
}

impl State {
    /// Refuses a certificate authority that RDS does not have, even if a database still reports it.
    pub(crate) fn check_certificate(&self, certificate: Option<&String>) -> ApiResult<()> {
        let known = |wanted: &String| self.offers.certificates.iter().any(|known| known.identifier == *wanted);
        match certificate.filter(|certificate| !known(certificate)) {
            Some(gone) => Err(ApiError::new("CertificateNotFound", format!("Certificate {gone} not found."))),
            None => Ok(()),
        }
    }

    /// The certificate authority of new databases.
    pub(crate) fn default_certificate(&self) -> Option<String> {
        self.offers.certificates.first().map(|certificate| certificate.identifier.clone())
    }

    /// Refuses a version that new databases cannot have.
    pub(crate) fn check_version(&self, engine: &str, version: Option<&String>) -> ApiResult<()> {
        match version.filter(|version| !self.offers.offers_version(engine, version)) {
            Some(gone) => Err(ApiError::combination(format!("Cannot find version {gone} for {engine}"))),
            None => Ok(()),
        }
    }

    /// The version of a restored database. Without extended support, RDS upgrades a version that is past its standard
    /// support.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html>
    pub(crate) fn restored_version(
        &self,
        engine: &str,
        version: Option<String>,
        lifecycle: Option<&str>,
    ) -> Option<String> {
        let known = version.as_deref().and_then(|version| self.offers.version(engine, version));
        let upgraded = known.and_then(|known| known.upgraded_to.clone());
        upgraded.filter(|_| lifecycle == Some("open-source-rds-extended-support-disabled")).or(version)
    }

    /// Refuses a class that cannot be ordered for the engine and version, or not in any of the zones.
    pub(crate) fn check_orderable(
        &self,
        (engine, version): (&str, Option<&String>),
        class: Option<&String>,
        zones: &[String],
    ) -> ApiResult<()> {
        let Some(class) = class else { return Ok(()) };
        if self.offers.withdrawn_classes.contains(class) {
            return Err(ApiError::combination(format!("RDS does not support creating a DB instance with {class}.")));
        }
        let rows = self.offers.combinations(engine, version.map(String::as_str), class);
        if rows.is_empty() {
            let version = version.map(String::as_str).unwrap_or_default();
            return Err(ApiError::combination(format!(
                "RDS does not support creating a DB instance with the following combination: DBInstanceClass={class}, Engine={engine}, EngineVersion={version}."
            )));
        }
        let covers = |row: &OrderableSpec| {
            row.availability_zones.is_empty() || row.availability_zones.iter().any(|zone| zones.contains(zone))
        };
        if zones.is_empty() || rows.iter().any(covers) {
            return Ok(());
        }
        let message = format!("The DB instance class {class} isn't available in {}.", zones.join(", "));
        Err(ApiError::new("InsufficientDBInstanceCapacity", message))
    }

    /// Refuses the start of an instance for which RDS has no capacity, if it says so at once.
    pub(crate) fn check_capacity_to_start(&self, identifier: &str) -> ApiResult<()> {
        if self.without_capacity.get(&identifier.to_ascii_lowercase()) != Some(&Shortage::Refused) {
            return Ok(());
        }
        let message = format!("There is no capacity for the class of {identifier} in its Availability Zone.");
        Err(ApiError::new("InsufficientDBInstanceCapacity", message))
    }

    /// Refuses a call that needs an action which the callers are not granted.
    pub(crate) fn check_granted(&self, action: &str) -> ApiResult<()> {
        if self.granted.iter().any(|granted| granted == action) {
            return Ok(());
        }
        let message = format!(
            "User is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        );
        Err(ApiError::new("AccessDenied", message))
    }

    /// Fails the integrations of a deleted source.
    pub(crate) fn fail_integrations(&mut self, resource_id: &str) {
        for integration in &mut self.integrations {
            if integration.resource_id.as_deref() == Some(resource_id) {
                "failed".clone_into(&mut integration.spec.status);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(version: &str, offer: Offer) -> EngineVersionSpec {
        EngineVersionSpec { engine: "postgres".to_owned(), version: version.to_owned(), offer, upgraded_to: None }
    }

    #[test]
    fn a_version_in_the_world_file_overrides_the_same_version_of_a_database() {
        let mut offers = Offers { versions: vec![spec("15.4", Offer::Withdrawn)], ..Offers::default() };
        let named = ["15.4", "15.7", "9.6.24"].map(|version| ("postgres".to_owned(), version.to_owned()));
        offers.complete(named.into_iter());
        let offered = ["15.4", "15.7", "9.6.24", "1.0"].map(|version| offers.offers_version("postgres", version));
        assert_eq!(offered, [false, true, false, false]);
    }

    #[test]
    fn a_class_without_a_row_can_be_ordered_for_every_engine() {
        let row = OrderableSpec {
            class: "db.r6g.large".to_owned(),
            engine: Some("mysql".to_owned()),
            engine_version: None,
            availability_zones: Vec::new(),
        };
        let offers = Offers { orderable: vec![row], ..Offers::default() };
        let count = |engine, class| offers.combinations(engine, None, class).len();
        assert_eq!(
            [count("mysql", "db.r6g.large"), count("postgres", "db.r6g.large"), count("postgres", "db.t4g.micro")],
            [1, 0, 1]
        );
    }
}
