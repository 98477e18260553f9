//! Advisory look-ups: the certificate authorities of RDS, its engine versions, and zero-ETL integrations with the database.
//!
//! The look-ups prevent a run that RDS would refuse later. A look-up that fails or is denied is reported and refuses
//! nothing.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbEngineVersion, Integration, IntegrationStatus};

use crate::answers::{Answer, OfferedVersion};

/// The certificate authorities in RDS.
pub(crate) async fn certificates(rds: &Client) -> Answer<Vec<String>> {
    let pages = rds.describe_certificates().into_paginator().items().send();
    match pages.collect::<Result<Vec<_>, _>>().await {
        Ok(found) => {
            Answer::Known(found.iter().filter_map(|one| Some(one.certificate_identifier()?.to_owned())).collect())
        }
        Err(error) => Answer::failed("the certificate authorities", &error),
    }
}

/// Whether RDS offers an engine version. If RDS lists no version of the engine at all, this proves nothing.
pub(crate) async fn engine_version(rds: &Client, engine: &str, version: &str) -> Answer<OfferedVersion> {
    let call = || rds.describe_db_engine_versions().engine(engine).include_all(true);
    let what = format!("the engine version {engine} {version}");
    let pages = call().engine_version(version).into_paginator().items().send();
    let found = match pages.collect::<Result<Vec<_>, _>>().await {
        Ok(found) => found.into_iter().find(|found| found.engine_version() == Some(version)),
        Err(error) => return Answer::failed(&what, &error),
    };
    if let Some(found) = found {
        return Answer::Known(OfferedVersion {
            is_offered: found.status() != Some("deprecated"),
            upgraded_to: upgraded_to(&found),
        });
    }
    match call().max_records(20).send().await {
        Ok(any) if any.db_engine_versions().is_empty() => Answer::Unasked,
        Ok(_) => Answer::Known(OfferedVersion { is_offered: false, upgraded_to: None }),
        Err(error) => Answer::failed(&what, &error),
    }
}

fn upgraded_to(version: &DbEngineVersion) -> Option<String> {
    let target = version.valid_upgrade_target().iter().find(|target| target.auto_upgrade() == Some(true))?;
    target.engine_version().map(str::to_owned)
}

/// The zero-ETL integrations that read the database and that its deletion would end.
pub(crate) async fn integrations(rds: &Client, arn: &str) -> Answer<Vec<String>> {
    let pages = rds.describe_integrations().into_paginator().items().send();
    match pages.collect::<Result<Vec<_>, _>>().await {
        Ok(found) => Answer::Known(found.iter().filter(|one| reads(one, arn)).map(name).collect()),
        Err(error) => Answer::failed("the zero-ETL integrations", &error),
    }
}

/// Whether the integration reads the database. An integration that has failed or is being deleted has nothing to lose.
fn reads(integration: &Integration, arn: &str) -> bool {
    let is_over = matches!(integration.status(), Some(IntegrationStatus::Failed | IntegrationStatus::Deleting));
    integration.source_arn() == Some(arn) && !is_over
}

fn name(integration: &Integration) -> String {
    let name = integration.integration_name().or(integration.integration_arn());
    name.unwrap_or_default().to_owned()
}
