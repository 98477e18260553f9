//! Snapshots beyond the account or the region: shared by another account, public, or kept in another region.
//!
//! Owns the search for a snapshot that a request names. Such a snapshot is found by its ARN only, is never changed, and
//! does not count against a quota. `actions/copies.rs` has the rules of copies.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html>

use std::collections::BTreeMap;

use crate::error::{ApiError, ApiResult};
use crate::resources::{Key, Snapshot};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::state::State;

/// A snapshot of another account or region.
#[derive(Clone, Debug)]
pub(crate) struct Foreign<S> {
    pub(crate) account: String,
    pub(crate) region: String,
    /// Whether every account may restore it.
    pub(crate) is_public: bool,
    pub(crate) snapshot: Snapshot<S>,
}

/// The encryption of a database or snapshot.
pub(crate) trait Encryption {
    fn is_encrypted(&self) -> bool;
    fn key(&self) -> Option<&str>;
    fn encrypt(&mut self, key: String);
}

macro_rules! encryption {
    ($($settings:ty),*) => {$(
        impl Encryption for $settings {
            fn is_encrypted(&self) -> bool {
                self.storage_encrypted == Some(true)
            }

            fn key(&self) -> Option<&str> {
                self.kms_key_id.as_deref()
            }

            fn encrypt(&mut self, key: String) {
                self.storage_encrypted = Some(true);
                self.kms_key_id = Some(key);
            }
        }
    )*};
}
encryption!(InstanceSettings, ClusterSettings);

/// A snapshot that a request names.
#[derive(Clone, Debug)]
pub(crate) struct Found<S> {
    /// Absent for a snapshot of another account or region.
    pub(crate) key: Option<Key>,
    pub(crate) arn: String,
    /// Whether another account owns it.
    pub(crate) is_shared: bool,
    /// The region, if it is another one.
    pub(crate) region: Option<String>,
    pub(crate) snapshot: Snapshot<S>,
}

impl<S: Encryption> Found<S> {
    pub(crate) fn is_encrypted(&self) -> bool {
        self.snapshot.settings.is_encrypted()
    }

    /// Refuses a shared snapshot under the default key of RDS, which no other account can use.
    pub(crate) fn check_key(&self) -> ApiResult<()> {
        let has_default_key = self.snapshot.settings.key().is_some_and(is_default_key);
        if self.is_shared && self.is_encrypted() && has_default_key {
            return Err(ApiError::key_not_accessible(self.snapshot.settings.key().unwrap_or_default()));
        }
        Ok(())
    }
}

/// Whether a key is the one that AWS manages for RDS.
pub(crate) fn is_default_key(key: &str) -> bool {
    key.ends_with("key/aws-rds") || key.ends_with("alias/aws/rds")
}

impl State {
    /// The name in an identifier that may also be an ARN of this account in this region. Another ARN stays as it is.
    pub(crate) fn own_name<'a>(&self, given: &'a str, kind: &str) -> &'a str {
        given.strip_prefix(self.arn(kind, "").as_str()).unwrap_or(given)
    }

    pub(crate) fn foreign_arn<S>(&self, foreign: &Foreign<S>, kind: &str) -> String {
        let Foreign { region, account, snapshot, .. } = foreign;
        format!("arn:{}:rds:{region}:{account}:{kind}:{}", self.partition(), snapshot.life.identifier)
    }

    /// Finds an instance snapshot of this region: by its name or ARN, or a shared one by its ARN.
    pub(crate) fn restorable_snapshot(&self, given: &str) -> ApiResult<Found<InstanceSettings>> {
        let found = self.any_snapshot(given)?;
        if found.region.is_some() { Err(ApiError::snapshot_not_found(given)) } else { Ok(found) }
    }

    pub(crate) fn restorable_cluster_snapshot(&self, given: &str) -> ApiResult<Found<ClusterSettings>> {
        let found = self.any_cluster_snapshot(given)?;
        if found.region.is_some() { Err(ApiError::cluster_snapshot_not_found(given)) } else { Ok(found) }
    }

    /// Finds an instance snapshot, also of another region by its ARN.
    pub(crate) fn any_snapshot(&self, given: &str) -> ApiResult<Found<InstanceSettings>> {
        let found = self.find(&self.snapshots, &self.foreign_snapshots, "snapshot", given);
        found.ok_or_else(|| ApiError::snapshot_not_found(given))
    }

    pub(crate) fn any_cluster_snapshot(&self, given: &str) -> ApiResult<Found<ClusterSettings>> {
        let found = self.find(&self.cluster_snapshots, &self.foreign_cluster_snapshots, "cluster-snapshot", given);
        found.ok_or_else(|| ApiError::cluster_snapshot_not_found(given))
    }

    fn find<S: Clone>(
        &self,
        own: &BTreeMap<Key, Snapshot<S>>,
        foreign: &[Foreign<S>],
        kind: &str,
        given: &str,
    ) -> Option<Found<S>> {
        let name = self.own_name(given, kind);
        if let Some((key, snapshot)) = own.iter().find(|(_, snapshot)| snapshot.life.is_named(name)) {
            return Some(Found {
                key: Some(*key),
                arn: self.arn(kind, &snapshot.life.identifier),
                is_shared: false,
                region: None,
                snapshot: snapshot.clone(),
            });
        }
        let found = foreign.iter().find(|found| self.foreign_arn(found, kind) == given)?;
        Some(Found {
            key: None,
            arn: given.to_owned(),
            is_shared: found.account != self.account,
            region: Some(found.region.clone()).filter(|region| *region != self.region),
            snapshot: found.snapshot.clone(),
        })
    }
}
