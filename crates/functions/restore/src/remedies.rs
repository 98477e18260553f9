//! What to do about each way AWS may refuse to restore or create a database: the words an error ends with.
//!
//! One list per call, because each call has its own error type. What is not listed speaks for itself.

use aws_sdk_rds::operation::create_db_instance::CreateDBInstanceError;
use aws_sdk_rds::operation::restore_db_cluster_from_snapshot::RestoreDBClusterFromSnapshotError;
use aws_sdk_rds::operation::restore_db_instance_from_db_snapshot::RestoreDBInstanceFromDBSnapshotError;

/// An error that may know what to do about it.
pub(crate) trait Remedy {
    fn remedy(&self) -> Option<&'static str>;
}

const INSTANCE_QUOTA: &str = "the account's quota of DB instances is used up, and the original counts too until it is \
                              deleted: raise the quota in Service Quotas, or delete instances nobody needs";
const CLUSTER_QUOTA: &str = "the account's quota of DB clusters is used up, and the original counts too until it is \
                             deleted: raise the quota in Service Quotas, or delete clusters nobody needs";
const STORAGE_QUOTA: &str = "the account's quota of database storage is used up, and the original counts too until it \
                             is deleted: raise the quota in Service Quotas";
const CAPACITY: &str = "AWS has no capacity for this instance class in this Availability Zone at the moment: try again \
                        later, or change the original's class or zone first";
const KMS: &str = "the KMS key is disabled, being deleted, or not open to this function's role: enable the key and \
                   allow the role in its key policy";
const SUBNET_GROUP: &str = "the original's subnet group is gone or its subnets do not fit: it has to exist and to \
                            cover at least two Availability Zones, the original's among them";
const NETWORK: &str = "the VPC or its subnets do not allow it: check that the subnet group's subnets exist, have free \
                       addresses and offer the original's network type";
const PARAMETER_GROUP: &str = "the original's parameter group is gone: create it again, or change the original's";
const OPTION_GROUP: &str = "the original's option group is gone: create it again, or change the original's";
const SNAPSHOT: &str = "the snapshot has to exist and be available: take it again with the task create_snapshot_only";
const STORAGE: &str = "the original's storage type or IOPS are not available here: change the original's storage, or \
                       its Availability Zone";
const CERTIFICATE: &str = "the original's certificate authority is no longer offered: change the original's first";
const DOMAIN: &str = "the original's Active Directory domain cannot be found: restore the domain, or remove the \
                      original from it";

impl Remedy for RestoreDBInstanceFromDBSnapshotError {
    fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::InstanceQuotaExceededFault(_) => INSTANCE_QUOTA,
            Self::StorageQuotaExceededFault(_) => STORAGE_QUOTA,
            Self::InsufficientDbInstanceCapacityFault(_) => CAPACITY,
            Self::KmsKeyNotAccessibleFault(_) => KMS,
            Self::DbSubnetGroupNotFoundFault(_) | Self::DbSubnetGroupDoesNotCoverEnoughAZs(_) => SUBNET_GROUP,
            Self::InvalidSubnet(_) | Self::InvalidVpcNetworkStateFault(_) | Self::NetworkTypeNotSupported(_) => NETWORK,
            Self::DbParameterGroupNotFoundFault(_) => PARAMETER_GROUP,
            Self::OptionGroupNotFoundFault(_) => OPTION_GROUP,
            Self::DbSnapshotNotFoundFault(_) | Self::InvalidDbSnapshotStateFault(_) | Self::InvalidRestoreFault(_) => {
                SNAPSHOT
            }
            Self::StorageTypeNotSupportedFault(_) | Self::ProvisionedIopsNotAvailableInAzFault(_) => STORAGE,
            Self::CertificateNotFoundFault(_) => CERTIFICATE,
            Self::DomainNotFoundFault(_) => DOMAIN,
            _ => return None,
        })
    }
}

impl Remedy for RestoreDBClusterFromSnapshotError {
    fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::DbClusterQuotaExceededFault(_) => CLUSTER_QUOTA,
            Self::StorageQuotaExceededFault(_) => STORAGE_QUOTA,
            Self::InsufficientDbClusterCapacityFault(_)
            | Self::InsufficientDbInstanceCapacityFault(_)
            | Self::InsufficientStorageClusterCapacityFault(_) => CAPACITY,
            Self::KmsKeyNotAccessibleFault(_) => KMS,
            Self::DbSubnetGroupNotFoundFault(_) | Self::DbSubnetGroupDoesNotCoverEnoughAZs(_) => SUBNET_GROUP,
            Self::InvalidSubnet(_) | Self::InvalidVpcNetworkStateFault(_) | Self::NetworkTypeNotSupported(_) => NETWORK,
            Self::DbClusterParameterGroupNotFoundFault(_) => PARAMETER_GROUP,
            Self::OptionGroupNotFoundFault(_) => OPTION_GROUP,
            Self::DbClusterSnapshotNotFoundFault(_)
            | Self::DbSnapshotNotFoundFault(_)
            | Self::InvalidDbClusterSnapshotStateFault(_)
            | Self::InvalidDbSnapshotStateFault(_)
            | Self::InvalidRestoreFault(_) => SNAPSHOT,
            Self::StorageTypeNotSupportedFault(_) => STORAGE,
            Self::DomainNotFoundFault(_) => DOMAIN,
            _ => return None,
        })
    }
}

impl Remedy for CreateDBInstanceError {
    fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::InstanceQuotaExceededFault(_) => INSTANCE_QUOTA,
            Self::StorageQuotaExceededFault(_) => STORAGE_QUOTA,
            Self::InsufficientDbInstanceCapacityFault(_) => CAPACITY,
            Self::KmsKeyNotAccessibleFault(_) => KMS,
            Self::DbSubnetGroupNotFoundFault(_) | Self::DbSubnetGroupDoesNotCoverEnoughAZs(_) => SUBNET_GROUP,
            Self::InvalidSubnet(_) | Self::InvalidVpcNetworkStateFault(_) | Self::NetworkTypeNotSupported(_) => NETWORK,
            Self::DbParameterGroupNotFoundFault(_) => PARAMETER_GROUP,
            Self::OptionGroupNotFoundFault(_) => OPTION_GROUP,
            Self::StorageTypeNotSupportedFault(_) | Self::ProvisionedIopsNotAvailableInAzFault(_) => STORAGE,
            Self::CertificateNotFoundFault(_) => CERTIFICATE,
            Self::DomainNotFoundFault(_) => DOMAIN,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::error::{InstanceQuotaExceededFault, KmsKeyNotAccessibleFault};

    use super::*;

    #[test]
    fn a_used_up_quota_says_that_the_original_counts_too() {
        let quota = InstanceQuotaExceededFault::builder().build();
        let error = RestoreDBInstanceFromDBSnapshotError::InstanceQuotaExceededFault(quota);
        assert!(error.remedy().is_some_and(|words| words.contains("the original counts too")));
    }

    #[test]
    fn a_key_that_cannot_be_used_says_so_whatever_the_call() {
        let fault = || KmsKeyNotAccessibleFault::builder().build();
        let remedies = [
            RestoreDBInstanceFromDBSnapshotError::KmsKeyNotAccessibleFault(fault()).remedy(),
            RestoreDBClusterFromSnapshotError::KmsKeyNotAccessibleFault(fault()).remedy(),
            CreateDBInstanceError::KmsKeyNotAccessibleFault(fault()).remedy(),
        ];
        assert_eq!(remedies, [Some(KMS); 3]);
    }
}
