//! Known causes of a failure: one sentence on the meaning of each, and one on the remedy. Every function and every alert
//! uses these sentences, so each is written once.
//!
//! A code of AWS, the name of a Trapheus error, or the status of a database identifies a row. A few failures share all of
//! these, and only their texts differ: [`Row::wordings`] is for them, and the only search in a text. A wrong guess there
//! only makes a sentence less helpful, because no decision depends on it.

use crate::ErrorKind;

/// A cause that a person can remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    pub meaning: &'static str,
    pub remedy: &'static str,
}

impl Cause {
    /// The remedy as an error appends it to its own words. An alert removes it again, because the remedy has a section
    /// there.
    pub fn in_brackets(&self) -> String {
        let remedy = self.remedy.trim_end_matches('.');
        let (first, rest) = remedy.split_at(1);
        format!(" ({}{rest})", first.to_ascii_lowercase())
    }
}

/// A cause, and the signs that identify it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub cause: Cause,
    /// Trapheus errors that always have this cause.
    pub kinds: &'static [ErrorKind],
    /// Codes of RDS, Lambda and Step Functions.
    pub codes: &'static [&'static str],
    /// Statuses of a database.
    pub statuses: &'static [&'static str],
    /// Parts of texts, for failures that no code identifies. `*` stands for one word.
    pub wordings: &'static [&'static str],
}

impl Row {
    /// The signs that are single words: codes, names of errors, statuses.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let kinds = self.kinds.iter().map(|kind| kind.name());
        kinds.chain(self.codes.iter().copied()).chain(self.statuses.iter().copied())
    }
}

/// The cause that a code of AWS stands for.
pub fn of_code(code: &str) -> Option<Cause> {
    TABLE.iter().find(|row| row.codes.contains(&code)).map(|row| row.cause)
}

/// A row without signs.
const fn row(meaning: &'static str, remedy: &'static str) -> Row {
    Row { cause: Cause { meaning, remedy }, kinds: &[], codes: &[], statuses: &[], wordings: &[] }
}

/// The first row with a matching sign decides, so particular causes come before general ones.
pub const TABLE: &[Row] = &[
    Row {
        codes: &["DBInstanceAutomatedBackupQuotaExceeded", "DBInstanceAutomatedBackupQuotaExceededFault"],
        ..row(
            "The region holds as many retained automated backups as its quota allows.",
            "Delete retained automated backups that are not needed (RDS console, Automated backups, Retained), or \
             ask for a higher quota. Then delete the leftover -temp database.",
        )
    },
    Row {
        codes: &["StorageQuotaExceeded", "StorageQuotaExceededFault"],
        ..row(
            "The account has reached its quota of database storage in this region. During a restore, the original \
             and the restored database both exist.",
            "Remove databases that are not needed, or ask for a higher quota in Service Quotas. Then start the run \
             again.",
        )
    },
    Row {
        codes: &[
            "InstanceQuotaExceeded",
            "InstanceQuotaExceededFault",
            "DBClusterQuotaExceededFault",
            "SnapshotQuotaExceeded",
            "SnapshotQuotaExceededFault",
        ],
        ..row(
            "The account has reached an RDS quota in this region. During a restore, the original and the restored \
             database both exist.",
            "Remove databases or snapshots that are not needed, or ask for a higher quota in Service Quotas. Then \
             start the run again.",
        )
    },
    Row {
        codes: &["ExportTaskLimitReachedFault"],
        ..row(
            "The account has as many exports in progress as RDS allows, and none ended while the run waited.",
            "Export the snapshot when another export has ended, or cancel one (aws rds cancel-export-task). With \
             \"waitForExport\": true, the run waits longer for a place.",
        )
    },
    Row {
        codes: &["IamRoleNotFound", "IamRoleMissingPermissions", "InvalidS3BucketFault"],
        ..row(
            "RDS could not use the bucket of the stack, or its role for exports.",
            "Deploy the stack again, which brings both back as they were; then export the snapshot again.",
        )
    },
    Row {
        codes: &[
            "InsufficientDBInstanceCapacity",
            "InsufficientDBInstanceCapacityFault",
            "InsufficientDBClusterCapacityFault",
            "InsufficientStorageClusterCapacity",
        ],
        statuses: &["insufficient-capacity"],
        ..row(
            "AWS has no room for this DB instance class in the Availability Zone at the moment.",
            "Start the run again later, or change the database to a class that is available and start again.",
        )
    },
    Row {
        codes: &["StorageTypeNotSupported", "StorageTypeNotSupportedFault", "ProvisionedIopsNotAvailableInAZFault"],
        ..row(
            "The storage type or the IOPS of the original are not available in its Availability Zone.",
            "Change the storage or the Availability Zone of the original, then start the run again.",
        )
    },
    Row {
        codes: &["KMSKeyNotAccessibleFault", "KMSKeyNotAccessible"],
        statuses: &["inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable"],
        ..row(
            "The KMS key that encrypts the snapshot cannot be used.",
            "Check that the key is enabled and not scheduled for deletion. Its policy must let the restore \
             function's role use it (kms:DescribeKey, kms:CreateGrant). Then start the run again.",
        )
    },
    Row {
        codes: &[
            "DBSubnetGroupNotFoundFault",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "InvalidSubnet",
            "InvalidVPCNetworkStateFault",
        ],
        statuses: &["incompatible-network"],
        ..row(
            "The database's network is not usable. Its subnet group is missing, or has no free address or too few \
             Availability Zones.",
            "Repair the DB subnet group, or create it again: it needs two zones, with free addresses in each. Then \
             start the run again.",
        )
    },
    Row {
        codes: &["NetworkTypeNotSupported"],
        ..row(
            "The subnets of the database do not support its network type.",
            "Give the DB subnet group subnets with IPv6, or change the network type of the original. Then start the \
             run again.",
        )
    },
    Row {
        codes: &["DBParameterGroupNotFound", "DBClusterParameterGroupNotFound", "OptionGroupNotFoundFault"],
        statuses: &["incompatible-parameters", "incompatible-option-group"],
        ..row(
            "A parameter group or option group of the database is missing or does not fit the snapshot's engine \
                      version.",
            "Give the database groups that exist and fit its engine version, then start the run again.",
        )
    },
    Row {
        wordings: &["disable deletion protection"],
        ..row(
            "Deletion protection is on, so RDS refuses to delete the database.",
            "If the database is to go, turn its deletion protection off and delete it by hand.",
        )
    },
    Row {
        wordings: &["snapshot * was taken of", "snapshot was replaced"],
        ..row(
            "The snapshot is not a backup of this database, or another snapshot has its name since the run began.",
            "Check which database the snapshot was taken of, and when. Take a new one with create_snapshot_only, then \
                     start the run again.",
        )
    },
    Row {
        wordings: &["maximumAge allows", "older than maximumAge"],
        ..row(
            "The backup is older than the input's maximumAge allows.",
            "Take a new snapshot with create_snapshot_only, or give a higher maximumAge. Then start the run again.",
        )
    },
    Row {
        codes: &["DBEngineVersionNotFoundFault"],
        wordings: &["no longer offers", "version is withdrawn"],
        ..row(
            "RDS no longer offers the engine version of the snapshot.",
            "Upgrade the snapshot (aws rds modify-db-snapshot --engine-version), or take a new one of the upgraded \
             database. Then start the run again.",
        )
    },
    Row {
        codes: &["CertificateNotFound", "CertificateNotFoundFault"],
        ..row(
            "RDS no longer has the certificate authority that the database names.",
            "Give the database a certificate authority that RDS lists (aws rds describe-certificates), then start the \
                     run again.",
        )
    },
    Row {
        codes: &["DomainNotFoundFault"],
        ..row(
            "The Active Directory domain of the original does not exist.",
            "Restore the domain, or remove the original from it; then start the run again.",
        )
    },
    Row {
        codes: &["TagLimitExceeded"],
        wordings: &["tags RDS allows", "more than 46 tags"],
        ..row(
            "The database has so many tags that the run has no room for its claim.",
            "Remove tags until 46 are left, then start the run again.",
        )
    },
    Row {
        codes: &["States.DataLimitExceeded"],
        wordings: &["in the state document"],
        ..row(
            "The state document would be larger than Step Functions allows.",
            "Remove members that can be added again later, then start the run again.",
        )
    },
    Row {
        wordings: &["DatabaseNames"],
        ..row(
            "The database, a member or a name that the run needs is outside the parameter DatabaseNames of the stack.",
            "Check the identifier. If the run is right, add the prefix to DatabaseNames, deploy, and start the run \
             again.",
        )
    },
    Row {
        wordings: &["RequireOptIn", "trapheus allowed"],
        ..row(
            "The stack accepts only databases with the tag trapheus:allowed = true.",
            "If the run is right, add this tag to the database, then start the run again.",
        )
    },
    Row {
        wordings: &["plan was made at", "execution was redriven"],
        ..row(
            "The plan is too old: RDS may have changed since it was read, as after a redrive.",
            "Start a new execution with the same input instead of the redrive.",
        )
    },
    Row {
        wordings: &["of another state machine"],
        ..row(
            "An execution of another state machine claims the database.",
            "Let that machine finish or recover its execution, then start this run again.",
        )
    },
    Row {
        codes: &["ResourceNotReadyException", "Lambda.ResourceNotReadyException"],
        wordings: &["did not wake"],
        ..row(
            "Lambda deactivated a function in the VPC after weeks without a call, and did not activate it in time.",
            "Start the run again in some minutes. If it fails again, check the subnets of the functions for free \
             addresses.",
        )
    },
    Row {
        codes: &["ExpiredToken", "ExpiredTokenException", "RequestExpired"],
        ..row(
            "The credentials of a function expired during a call. No permission is missing.",
            "Start the run again; Lambda gives the function new credentials.",
        )
    },
    Row {
        codes: &["DBSnapshotNotFound", "DBSnapshotNotFoundFault", "DBClusterSnapshotNotFoundFault"],
        wordings: &["snapshot * does not exist"],
        ..row(
            "The snapshot to restore from does not exist.",
            "Start the task create_snapshot_only first, or check the identifier and the region.",
        )
    },
    Row {
        codes: &["InvalidDBSnapshotState", "InvalidDBSnapshotStateFault", "InvalidDBClusterSnapshotStateFault"],
        ..row(
            "The snapshot is not available.",
            "Wait until the snapshot is available, or take it again with create_snapshot_only. Then start the run \
             again.",
        )
    },
    Row {
        statuses: &["storage-full"],
        ..row("The database has no free storage left.", "Increase its allocated storage, then start the run again.")
    },
    Row {
        codes: &["InvalidRestoreFault"],
        statuses: &["incompatible-restore", "restore-error"],
        ..row(
            "RDS cannot restore this snapshot.",
            "Look at the database's recent events in the RDS console; take a new snapshot, or restore from another.",
        )
    },
    Row {
        kinds: &[ErrorKind::RateExceeded],
        codes: &["Throttling", "ThrottlingException"],
        ..row(
            "AWS throttled the calls of this account for longer than the retries last.",
            "Start the run again at a quieter time. If throttling repeats, find the caller with the most RDS calls \
             in this account.",
        )
    },
    Row {
        kinds: &[ErrorKind::EndpointUnreachable],
        ..row(
            "A function could not connect to AWS.",
            "The error names the missing interface endpoint or route to a NAT gateway, and the security groups to \
             check. Then start the run again.",
        )
    },
    Row {
        kinds: &[ErrorKind::ServiceUnavailable],
        ..row(
            "AWS answered with server errors, or not at all, for longer than the retries last.",
            "Look at the AWS Health Dashboard. Start the run again when the outage is over.",
        )
    },
    Row {
        kinds: &[ErrorKind::AccessDenied],
        ..row(
            "A permission is missing.",
            "The error names the refused action. Check the function's role, permissions boundaries, service control \
             policies and the key's policy. Then start the run again.",
        )
    },
    Row {
        kinds: &[ErrorKind::Claim],
        ..row(
            "Another execution works on this database, or took it over.",
            "Let that one finish; start this run again afterwards if it is still needed.",
        )
    },
    Row {
        kinds: &[ErrorKind::WaitTimedOut],
        ..row(
            "RDS did not finish its work before the run's deadline.",
            "Look at the database's recent events in the RDS console. If RDS is only slow, raise the deadline and \
             start the run again.",
        )
    },
    Row {
        kinds: &[ErrorKind::Internal],
        codes: &["States.Runtime", "States.ParameterPathFailure", "Runtime.UserCodeError"],
        ..row(
            "The failure is a defect in Trapheus, not in the database or the input.",
            "Please report it with the execution's history.",
        )
    },
    Row {
        codes: &[
            "Lambda.Unknown",
            "Runtime.ExitError",
            "Sandbox.Timedout",
            "States.Timeout",
            "Lambda.ServiceException",
            "Lambda.TooManyRequestsException",
        ],
        ..row(
            "A Lambda function crashed, was cut off, or could not be started, also when tried again.",
            "Look at the function's log for memory, time limit or network trouble; then start the run again.",
        )
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_sign_identifies_one_cause() {
        let mut seen = HashSet::new();
        for sign in TABLE.iter().flat_map(|row| row.names().chain(row.wordings.iter().copied())) {
            assert!(seen.insert(sign), "{sign} is in two rows");
        }
    }

    #[test]
    fn a_sentence_occurs_in_one_row_and_ends_with_a_full_stop() {
        let mut seen = HashSet::new();
        for Row { cause: Cause { meaning, remedy }, .. } in TABLE {
            assert!(meaning.ends_with('.') && remedy.ends_with('.'), "{meaning} {remedy}");
            assert!(seen.insert(meaning) && seen.insert(remedy), "{meaning} {remedy}");
        }
    }

    #[test]
    fn every_row_has_a_sign() {
        for row in TABLE {
            assert!(row.names().next().is_some() || !row.wordings.is_empty(), "{}", row.cause.meaning);
        }
    }

    #[test]
    fn a_remedy_in_brackets_continues_the_sentence() {
        let cause = of_code("DomainNotFoundFault").unwrap();
        let said = " (restore the domain, or remove the original from it; then start the run again)";
        assert_eq!(cause.in_brackets(), said);
        assert_eq!(of_code("NoSuchCode"), None);
    }
}
