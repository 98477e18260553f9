//! Reads of the offers of RDS, its events, and zero-ETL integrations.

use jiff::Timestamp;

use super::Content;
use super::describe::Selection;
use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::events::Event;
use crate::offers::Integration;
use crate::query::Params;
use crate::state::State;
use crate::world::{CertificateSpec, EngineVersionSpec, Offer, OrderableSpec};
use crate::xml::Xml;

const MINUTE_MILLIS: i64 = 60_000;
/// AWS: "By default, RDS returns events that were generated in the past hour". RDS keeps events for fourteen days.
const DEFAULT_MINUTES: u32 = 60;
const MOST_MINUTES: u32 = 20_160;
/// The source types that have events in the simulator, and others that RDS has.
const SOURCE_TYPES: &[&str] = &[
    "db-instance",
    "db-parameter-group",
    "db-security-group",
    "db-snapshot",
    "db-cluster",
    "db-cluster-snapshot",
    "custom-engine-version",
    "db-proxy",
    "blue-green-deployment",
    "db-shard-group",
    "zero-etl",
];
/// The class shown if the request names none.
const ANY_CLASS: &str = "db.m7g.large";

pub(super) fn certificates(state: &State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.take("CertificateIdentifier");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeCertificates")?;
    state.check_certificate(identifier.as_ref())?;
    let wanted = |known: &&CertificateSpec| identifier.as_ref().is_none_or(|wanted| *wanted == known.identifier);
    let found: Vec<&CertificateSpec> = state.offers.certificates.iter().filter(wanted).collect();
    let mut xml = Xml::with_capacity(2048);
    xml.text_if("DefaultCertificateForNewLaunches", state.default_certificate().as_ref());
    selection.write_into(&mut xml, "Certificates", &found, |xml, certificate| {
        xml.nest("Certificate", |xml| {
            xml.text("CertificateIdentifier", &certificate.identifier);
            xml.text("CertificateType", "CA");
            xml.text("ValidTill", &certificate.valid_till);
            xml.text("CertificateArn", &state.arn("cert", &certificate.identifier));
            xml.plain("CustomerOverride", false);
        });
    });
    Ok(Content::Result(xml.into_string()))
}

pub(super) fn engine_versions(state: &State, mut params: Params) -> ApiResult<Content> {
    let (engine, version) = (params.take("Engine"), params.take("EngineVersion"));
    let family = params.take("DBParameterGroupFamily");
    let default_only: bool = params.get("DefaultOnly")?.unwrap_or(false);
    let include_all: bool = params.get("IncludeAll")?.unwrap_or(false);
    for listing in ["ListSupportedCharacterSets", "ListSupportedTimezones"] {
        let _: Option<bool> = params.get(listing)?;
    }
    let selection = Selection::take(
        &mut params,
        &["db-parameter-group-family", "engine", "engine-mode", "engine-version", "status"],
    )?;
    params.finish("DescribeDBEngineVersions")?;
    let mut found: Vec<&EngineVersionSpec> = state.offers.versions.iter().collect();
    found.sort_by(|one, other| (&one.engine, &one.version).cmp(&(&other.engine, &other.version)));
    found.retain(|known| {
        (include_all || known.offer == Offer::Offered)
            && engine.as_ref().is_none_or(|wanted| *wanted == known.engine)
            && version.as_ref().is_none_or(|wanted| is_version(wanted, &known.version))
            && family.as_ref().is_none_or(|wanted| *wanted == family_of(known))
            && (!default_only || known.version == engines::default_version(&known.engine))
            && selection.admits(|filter| match filter {
                "db-parameter-group-family" => vec![family_of(known)],
                "engine" => vec![known.engine.clone()],
                "engine-mode" => vec!["provisioned".to_owned()],
                "engine-version" => vec![known.version.clone()],
                _ => vec![status_of(known).to_owned()],
            })
    });
    Ok(selection.write("DBEngineVersions", &found, |xml, known| {
        xml.nest("DBEngineVersion", |xml| engine_version(state, xml, known));
    }))
}

/// Whether a version is the requested one, or belongs to the requested major version.
fn is_version(wanted: &str, version: &str) -> bool {
    version == wanted || version.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

fn family_of(known: &EngineVersionSpec) -> String {
    format!("{}{}", known.engine, engines::major_version(&known.engine, &known.version))
}

fn status_of(known: &EngineVersionSpec) -> &'static str {
    if known.offer == Offer::Offered { "available" } else { "deprecated" }
}

fn engine_version(state: &State, xml: &mut Xml, known: &EngineVersionSpec) {
    xml.text("Engine", &known.engine);
    xml.text("MajorEngineVersion", &engines::major_version(&known.engine, &known.version));
    xml.text("EngineVersion", &known.version);
    xml.text("DBParameterGroupFamily", &family_of(known));
    xml.text("DBEngineDescription", &known.engine);
    xml.text("DBEngineVersionDescription", &format!("{} {}", known.engine, known.version));
    xml.nest("ValidUpgradeTarget", |xml| {
        let major = engines::major_version(&known.engine, &known.version);
        let targets = state.offers.versions.iter().filter(|target| {
            target.engine == known.engine && target.offer == Offer::Offered && is_later(&target.version, &known.version)
        });
        for target in targets {
            xml.nest("UpgradeTarget", |xml| {
                xml.text("Engine", &target.engine);
                xml.text("EngineVersion", &target.version);
                xml.text("Description", &format!("{} {}", target.engine, target.version));
                xml.plain("AutoUpgrade", known.upgraded_to.as_ref() == Some(&target.version));
                xml.plain("IsMajorVersionUpgrade", engines::major_version(&target.engine, &target.version) != major);
            });
        }
    });
    xml.text("Status", status_of(known));
    xml.plain("SupportsCertificateRotationWithoutRestart", known.engine == "postgres");
    let authorities: Vec<String> =
        state.offers.certificates.iter().map(|certificate| certificate.identifier.clone()).collect();
    xml.list("SupportedCACertificateIdentifiers", "member", &authorities);
}

/// Compares versions part by part, numbers as numbers.
fn is_later(one: &str, other: &str) -> bool {
    let parts = |version: &str| -> Vec<Result<u64, String>> {
        version.split(['.', '_', '-']).map(|part| part.parse().map_err(|_| part.to_owned())).collect()
    };
    parts(one) > parts(other)
}

/// The options of new databases: each class that is not withdrawn, with each storage type.
pub(super) fn orderable_options(state: &State, mut params: Params) -> ApiResult<Content> {
    let engine = params.require("Engine")?;
    let (version, class) = (params.take("EngineVersion"), params.take("DBInstanceClass"));
    let license = params.take("LicenseModel");
    let _ = params.take("AvailabilityZoneGroup");
    let _: Option<bool> = params.get("Vpc")?;
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeOrderableDBInstanceOptions")?;
    let is_aurora = engine.starts_with("aurora");
    let class = class.unwrap_or_else(|| ANY_CLASS.to_owned());
    let storage: &[&str] =
        if is_aurora { &["aurora", "aurora-iopt1"] } else { &["standard", "gp2", "gp3", "io1", "io2"] };
    let rows = state.offers.combinations(&engine, version.as_deref(), &class);
    let found: Vec<(&OrderableSpec, &str)> =
        rows.iter().flat_map(|row| storage.iter().map(move |storage| (row, *storage))).collect();
    Ok(selection.write("OrderableDBInstanceOptions", &found, |xml, (row, storage)| {
        xml.nest("OrderableDBInstanceOption", |xml| {
            xml.text("Engine", &engine);
            xml.text_if("EngineVersion", version.as_ref());
            xml.text("DBInstanceClass", &class);
            xml.text("LicenseModel", license.as_deref().unwrap_or_else(|| engines::license(&engine)));
            let every_zone = state.zones();
            let zones = if row.availability_zones.is_empty() { &every_zone } else { &row.availability_zones };
            xml.nest("AvailabilityZones", |xml| {
                for zone in zones {
                    xml.nest("AvailabilityZone", |xml| xml.text("Name", zone));
                }
            });
            xml.plain("MultiAZCapable", !is_aurora);
            xml.plain("Vpc", true);
            xml.text("StorageType", storage);
            xml.plain("SupportsIops", matches!(*storage, "gp3" | "io1" | "io2"));
            xml.plain("SupportsStorageThroughput", *storage == "gp3");
        });
    }))
}

pub(super) fn integrations(state: &State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.take("IntegrationIdentifier");
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeIntegrations")?;
    let arn = |integration: &Integration| state.arn("integration", &integration.id);
    let found: Vec<&Integration> = state
        .integrations
        .iter()
        .filter(|integration| {
            identifier.as_ref().is_none_or(|wanted| *wanted == arn(integration) || *wanted == integration.id)
        })
        .collect();
    if let (Some(identifier), true) = (identifier, found.is_empty()) {
        return Err(ApiError::new("IntegrationNotFoundFault", format!("Integration {identifier} not found.")));
    }
    Ok(selection.write("Integrations", &found, |xml, integration| {
        let spec = &integration.spec;
        xml.nest("Integration", |xml| {
            xml.text("SourceArn", &spec.source);
            xml.text("TargetArn", &spec.target);
            xml.text("IntegrationName", &spec.name);
            xml.text("IntegrationArn", &arn(integration));
            xml.text("Status", &spec.status);
            xml.plain_if("CreateTime", Timestamp::from_millisecond(integration.created).ok());
            if spec.status == "failed" {
                xml.nest("Errors", |xml| {
                    xml.nest("IntegrationError", |xml| {
                        xml.text("ErrorCode", "SourceDeleted");
                        xml.text("ErrorMessage", "The source of the integration no longer exists.");
                    });
                });
            }
        });
    }))
}

/// The events that the request asks for.
struct Asked {
    source: Option<String>,
    source_type: Option<String>,
    /// Unix milliseconds, both included.
    between: (i64, i64),
    categories: Vec<String>,
}

impl Asked {
    fn take(state: &State, params: &mut Params) -> ApiResult<Self> {
        let (source, source_type) = (params.take("SourceIdentifier"), params.take("SourceType"));
        if source.is_some() && source_type.is_none() {
            return Err(ApiError::combination("SourceType must be supplied with SourceIdentifier."));
        }
        if let Some(unknown) = source_type.as_ref().filter(|kind| !SOURCE_TYPES.contains(&kind.as_str())) {
            return Err(ApiError::value(format!("Invalid source type: {unknown}")));
        }
        let (start, end) = (moment(params, "StartTime")?, moment(params, "EndTime")?);
        let minutes: Option<u32> = params.get("Duration")?;
        if minutes.is_some_and(|minutes| minutes > MOST_MINUTES) {
            return Err(ApiError::value(format!("Duration is at most {MOST_MINUTES} minutes.")));
        }
        let length = i64::from(minutes.unwrap_or(DEFAULT_MINUTES)) * MINUTE_MILLIS;
        let now = state.wall_clock();
        let until = end.or_else(|| start.filter(|_| minutes.is_some()).map(|start| start + length)).unwrap_or(now);
        let since = start.unwrap_or(until - length).max(now - i64::from(MOST_MINUTES) * MINUTE_MILLIS);
        let categories: Option<Vec<String>> = params.get("EventCategories.EventCategory")?;
        Ok(Self { source, source_type, between: (since, until), categories: categories.unwrap_or_default() })
    }

    fn admits(&self, event: &Event) -> bool {
        (self.between.0..=self.between.1).contains(&event.at)
            && self.source_type.as_deref().is_none_or(|wanted| wanted == event.source_type)
            && self.source.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&event.identifier))
            && (self.categories.is_empty() || self.categories.iter().any(|wanted| wanted == event.category))
    }
}

fn moment(params: &mut Params, name: &str) -> ApiResult<Option<i64>> {
    Ok(params.get::<Timestamp>(name)?.map(Timestamp::as_millisecond))
}

pub(super) fn events(state: &State, mut params: Params) -> ApiResult<Content> {
    let asked = Asked::take(state, &mut params)?;
    let selection = Selection::take(&mut params, &[])?;
    params.finish("DescribeEvents")?;
    let found: Vec<&Event> = state.events.iter().filter(|event| asked.admits(event)).collect();
    Ok(selection.write("Events", &found, |xml, event| {
        xml.nest("Event", |xml| {
            xml.text("SourceIdentifier", &event.identifier);
            xml.text("SourceType", event.source_type);
            xml.text("Message", &event.message);
            xml.list("EventCategories", "EventCategory", &[event.category.to_owned()]);
            xml.plain_if("Date", Timestamp::from_millisecond(event.at).ok());
            xml.text("SourceArn", &event.arn);
        });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (one, other, later) in [
            ("16.10", "16.9", true),
            ("16.9", "16.10", false),
            ("16.9", "16.9", false),
            ("8.0.mysql_aurora.3.08.2", "8.0.mysql_aurora.3.04.0", true),
            ("8.4.5", "8.0.42", true),
        ] {
            assert_eq!(is_later(one, other), later, "{one} {other}");
        }
    }
}
