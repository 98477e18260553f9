//! The answers of RDS about the account and its offers. The modules that ask fill them in, and the facts carry them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_sdk_rds::types::AccountQuota;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use trapheus_common::{Error, ErrorKind};

/// RDS's answer to one question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    Known(T),
    /// The region has no such feature, or preflight did not ask.
    #[default]
    Unasked,
    /// The look-up failed; a sentence for a reader of the run.
    Failed(String),
}

impl<T> Answer<T> {
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unasked | Self::Failed(_) => None,
        }
    }

    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Self::Failed(note) => Some(note.clone()),
            Self::Known(_) | Self::Unasked => None,
        }
    }

    pub(crate) fn failed<E>(what: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        if is_unknown_here(error) {
            return Self::Unasked;
        }
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("no answer");
        Self::Failed(format!("{what} could not be looked up ({code}): if RDS refuses it, the run is rolled back"))
    }
}

/// An engine version as RDS offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfferedVersion {
    pub(crate) is_offered: bool,
    /// The version to which RDS itself upgrades databases of this version.
    pub(crate) upgraded_to: Option<String>,
}

/// The options that AWS offers for the requested classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OrderableOptions {
    /// The requested classes and storage that AWS would refuse, in words such as `the class db.m3.large of orders`.
    pub(crate) deprecated: Vec<String>,
    /// By owner, the Availability Zones in which AWS offers the rest; none if AWS does not list them.
    pub(crate) zones: BTreeMap<String, BTreeSet<String>>,
}

impl OrderableOptions {
    /// Whether AWS offers the class of this owner, but not in this zone.
    pub(crate) fn elsewhere_only(&self, owner: &str, zone: &str) -> bool {
        self.zones.get(owner).is_some_and(|zones| !zones.is_empty() && !zones.contains(zone))
    }
}

/// The used part of a quota, and the quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) name: String,
    pub(crate) used: i64,
    pub(crate) max: i64,
}

/// The known quotas of the account in this region.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room {
    pub(crate) quotas: Vec<Quota>,
    /// The number of automated backups of deleted databases, of the run's kind.
    pub(crate) retained_backups: Option<usize>,
}

impl Room {
    pub(crate) fn quota(&self, name: &str) -> Option<&Quota> {
        self.quotas.iter().find(|quota| quota.name == name)
    }
}

impl From<&AccountQuota> for Quota {
    fn from(quota: &AccountQuota) -> Self {
        Self {
            name: quota.account_quota_name().unwrap_or_default().to_owned(),
            used: quota.used().unwrap_or_default(),
            max: quota.max().unwrap_or(i64::MAX),
        }
    }
}

/// Whether RDS has no such action: in a region without the feature no database can use it.
pub(crate) fn is_unknown_here<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("InvalidAction")
}

/// The error of a failed call of preflight.
pub(crate) fn failed<E>(identifier: &str, doing: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Error::from_aws(ErrorKind::Preflight, identifier, doing, error)
}
