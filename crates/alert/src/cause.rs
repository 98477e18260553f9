//! Known causes of a failure: what they mean in one plain sentence, and what to do about them.
//!
//! This only explains. It reads the words of an error that has already been decided upon, so here, and only here, a code
//! is looked for in a text: nothing follows from a wrong guess but a less helpful mail.

use crate::run::Failure;

/// A cause a person can do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    pub meaning: &'static str,
    pub remedy: &'static str,
}

/// What is known of this failure; nothing if it is of no known kind.
pub fn of(failure: &Failure) -> Option<Cause> {
    let text = format!("{} {}", failure.name, failure.message());
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.')))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| !word.is_empty())
        .collect();
    let shows = |sign: &&str| if sign.contains(' ') { is_said(sign, &words) } else { words.contains(sign) };
    KNOWN.iter().find(|(signs, _)| signs.iter().any(shows)).map(|(_, cause)| *cause)
}

/// Whether a sign of several words is said, in whatever case; `*` is any word, such as a name.
fn is_said(phrase: &str, words: &[&str]) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let is_here =
        |said: &[&str]| phrase.iter().zip(said).all(|(sign, word)| *sign == "*" || sign.eq_ignore_ascii_case(word));
    words.windows(phrase.len()).any(is_here)
}

/// From the particular to the general: the first row with a matching sign decides.
const KNOWN: &[(&[&str], Cause)] = &[
    (
        &["DBInstanceAutomatedBackupQuotaExceeded", "DBInstanceAutomatedBackupQuotaExceededFault"],
        Cause {
            meaning: "The region holds as many retained automated backups as its quota allows.",
            remedy: "Delete retained automated backups that nobody needs (RDS console, Automated backups, Retained) or \
                     ask for a higher quota; then delete the leftover -temp database.",
        },
    ),
    (
        &[
            "InstanceQuotaExceeded",
            "InstanceQuotaExceededFault",
            "DBClusterQuotaExceededFault",
            "StorageQuotaExceeded",
            "StorageQuotaExceededFault",
            "SnapshotQuotaExceeded",
            "SnapshotQuotaExceededFault",
        ],
        Cause {
            meaning: "The account has reached an RDS quota in this region; during a restore the original and the restored \
                      database exist side by side.",
            remedy: "Remove what is not needed, or ask for a higher quota in Service Quotas, then start the run again.",
        },
    ),
    (
        &["ExportTaskLimitReachedFault"],
        Cause {
            meaning: "The account has as many exports in progress as RDS allows, and none ended while a place was waited for.",
            remedy: "Export the snapshot when one has ended, or cancel one that nobody needs (aws rds cancel-export-task); \
                     \"waitForExport\": true waits longer for a place.",
        },
    ),
    (
        &["IamRoleNotFound", "IamRoleMissingPermissions", "InvalidS3BucketFault"],
        Cause {
            meaning: "RDS could not use the bucket of the stack, or its role for exports.",
            remedy: "Deploy the stack again, which brings both back as they were; then export the snapshot again.",
        },
    ),
    (
        &[
            "InsufficientDBInstanceCapacity",
            "InsufficientDBInstanceCapacityFault",
            "InsufficientDBClusterCapacityFault",
            "InsufficientStorageClusterCapacity",
            "insufficient-capacity",
        ],
        Cause {
            meaning: "AWS has no room for this DB instance class in the Availability Zone at the moment.",
            remedy: "Start the run again later, or change the database to a class that is available and start again.",
        },
    ),
    (
        &[
            "KMSKeyNotAccessibleFault",
            "KMSKeyNotAccessible",
            "inaccessible-encryption-credentials",
            "inaccessible-encryption-credentials-recoverable",
        ],
        Cause {
            meaning: "The KMS key that encrypts the snapshot cannot be used.",
            remedy: "Check that the key is enabled, not scheduled for deletion, and that its policy lets the restore \
                     function's role use it (kms:DescribeKey, kms:CreateGrant); then start the run again.",
        },
    ),
    (
        &[
            "DBSubnetGroupNotFoundFault",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "InvalidSubnet",
            "InvalidVPCNetworkStateFault",
            "incompatible-network",
        ],
        Cause {
            meaning: "The database's network is not usable: its subnet group is gone, or has no free address or too few \
                      Availability Zones.",
            remedy: "Repair the DB subnet group (it must exist, cover two zones, and have free addresses in each); then \
                     start the run again.",
        },
    ),
    (
        &[
            "DBParameterGroupNotFound",
            "DBClusterParameterGroupNotFound",
            "OptionGroupNotFoundFault",
            "incompatible-parameters",
            "incompatible-option-group",
        ],
        Cause {
            meaning: "A parameter group or option group of the database is missing or does not fit the snapshot's engine \
                      version.",
            remedy: "Give the database groups that exist and fit its engine version, then start the run again.",
        },
    ),
    (
        &["disable deletion protection"],
        Cause {
            meaning: "Deletion protection is on, so RDS refuses to delete the database.",
            remedy: "If the database is to go, turn its deletion protection off and delete it by hand.",
        },
    ),
    (
        &["snapshot * was taken of", "snapshot was replaced"],
        Cause {
            meaning: "The snapshot is not a backup of this database, or another snapshot has its name since the run began.",
            remedy: "Check which database the snapshot was taken of, and when. Take a new one with create_snapshot_only, then \
                     start the run again.",
        },
    ),
    (
        &["maximumAge allows", "older than maximumAge"],
        Cause {
            meaning: "The backup is older than the input's maximumAge allows.",
            remedy: "Take a new snapshot with create_snapshot_only, or give a higher maximumAge; then start the run again.",
        },
    ),
    (
        &["no longer offers", "version is withdrawn", "DBEngineVersionNotFoundFault"],
        Cause {
            meaning: "RDS no longer offers the engine version of the snapshot.",
            remedy: "Upgrade the snapshot (aws rds modify-db-snapshot --engine-version), or take a new one of the upgraded \
                     database; then start the run again.",
        },
    ),
    (
        &["CertificateNotFound", "CertificateNotFoundFault"],
        Cause {
            meaning: "RDS no longer has the certificate authority that the database names.",
            remedy: "Give the database a certificate authority that RDS lists (aws rds describe-certificates), then start the \
                     run again.",
        },
    ),
    (
        &["tags RDS allows", "more than 46 tags", "TagLimitExceeded"],
        Cause {
            meaning: "The database has so many tags that the run has no room for its claim.",
            remedy: "Remove tags until 46 are left, then start the run again.",
        },
    ),
    (
        &["in the state document", "States.DataLimitExceeded"],
        Cause {
            meaning: "The state document would be larger than Step Functions allows.",
            remedy: "Remove members that can be added again later, then start the run again.",
        },
    ),
    (
        &["DatabaseNames"],
        Cause {
            meaning: "The database, a member or a name that the run needs is outside the parameter DatabaseNames of the stack.",
            remedy: "Check the identifier. If the run is right, add the prefix to DatabaseNames, deploy, and start the run again.",
        },
    ),
    (
        &["RequireOptIn", "trapheus allowed"],
        Cause {
            meaning: "The stack accepts only databases with the tag trapheus:allowed = true.",
            remedy: "If the run is right, add this tag to the database, then start the run again.",
        },
    ),
    (
        &["plan was made at", "execution was redriven"],
        Cause {
            meaning: "The plan is too old: RDS may have changed since it was read, as after a redrive.",
            remedy: "Start a new execution with the same input instead of the redrive.",
        },
    ),
    (
        &["of another state machine"],
        Cause {
            meaning: "An execution of another state machine claims the database.",
            remedy: "Let that machine finish or recover its execution, then start this run again.",
        },
    ),
    (
        &["did not wake", "ResourceNotReadyException", "Lambda.ResourceNotReadyException"],
        Cause {
            meaning: "Lambda deactivated a function in the VPC after weeks without a call, and did not activate it in time.",
            remedy: "Start the run again in some minutes. If it fails again, check the subnets of the functions for free addresses.",
        },
    ),
    (
        &["ExpiredToken", "ExpiredTokenException", "RequestExpired"],
        Cause {
            meaning: "The credentials of a function expired during a call. No permission is missing.",
            remedy: "Start the run again; Lambda gives the function new credentials.",
        },
    ),
    (
        &[
            "DBSnapshotNotFound",
            "DBSnapshotNotFoundFault",
            "DBClusterSnapshotNotFoundFault",
            "snapshot * does not exist",
        ],
        Cause {
            meaning: "The snapshot to restore from does not exist.",
            remedy: "Start the task create_snapshot_only first, or check the identifier and the region.",
        },
    ),
    (
        &["storage-full"],
        Cause {
            meaning: "The database has no free storage left.",
            remedy: "Increase its allocated storage, then start the run again.",
        },
    ),
    (
        &["incompatible-restore", "restore-error", "InvalidRestoreFault"],
        Cause {
            meaning: "RDS cannot restore this snapshot.",
            remedy: "Look at the database's recent events in the RDS console; take a new snapshot, or restore from another.",
        },
    ),
    (
        &["RateExceededException", "Throttling", "ThrottlingException"],
        Cause {
            meaning: "AWS throttled the calls of this account for longer than the retries last.",
            remedy: "Start the run again at a quieter time; if it happens often, find who calls RDS so much in this account.",
        },
    ),
    (
        &["EndpointUnreachableException"],
        Cause {
            meaning: "A function could not connect to AWS.",
            remedy: "The error names the interface endpoint, or the route to a NAT gateway, that its VPC needs, and the \
                     security groups to look at; then start the run again.",
        },
    ),
    (
        &["ServiceUnavailableException"],
        Cause {
            meaning: "AWS answered with server errors, or not at all, for longer than the retries last.",
            remedy: "Look at the AWS Health Dashboard; start the run again when it is over.",
        },
    ),
    (
        &["AccessDeniedException"],
        Cause {
            meaning: "A permission is missing.",
            remedy: "The error names the action that was refused: check the function's role, permissions boundaries, \
                     service control policies and the policy of the key; then start the run again.",
        },
    ),
    (
        &["ClaimException"],
        Cause {
            meaning: "Another execution works on this database, or took it over.",
            remedy: "Let that one finish; start this run again afterwards if it is still needed.",
        },
    ),
    (
        &["WaitTimedOutException"],
        Cause {
            meaning: "RDS did not get there before the run's deadline.",
            remedy: "Look at the database's recent events in the RDS console; if it is only slow, raise the deadline and \
                     start the run again.",
        },
    ),
    (
        &["InternalException", "States.Runtime", "States.ParameterPathFailure", "Runtime.UserCodeError"],
        Cause {
            meaning: "This is a defect in Trapheus, not in the database or the input.",
            remedy: "Please report it with the execution's history.",
        },
    ),
    (
        &[
            "Lambda.Unknown",
            "Runtime.ExitError",
            "Sandbox.Timedout",
            "States.Timeout",
            "Lambda.ServiceException",
            "Lambda.TooManyRequestsException",
        ],
        Cause {
            meaning: "A Lambda function crashed, was cut off, or could not be started, also when tried again.",
            remedy: "Look at the function's log for memory, time limit or network trouble; then start the run again.",
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table in docs/errors.md.
    fn table() -> String {
        let rows = KNOWN.iter().map(|(_, Cause { meaning, remedy })| format!("| {meaning} | {remedy} |"));
        rows.collect::<Vec<_>>().join("\n") + "\n"
    }

    #[test]
    fn every_known_cause_is_documented_in_the_same_words() {
        const HEAD: &str = "| what an alert says | and advises |\n|---|---|\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, after) = page.split_once(HEAD).unwrap();
        let (rows, rest) = after.split_once("\n\n").map_or((after, ""), |(rows, rest)| (rows, rest));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let rest = if rest.is_empty() { String::new() } else { format!("\n{rest}") };
            std::fs::write(path, format!("{before}{HEAD}{}{rest}", table())).unwrap();
        } else {
            assert_eq!(rows.trim_end(), table().trim_end(), "UPDATE_GOLDEN=1 writes docs/errors.md anew");
        }
    }

    fn meaning(name: &str, message: &str) -> Option<&'static str> {
        of(&Failure::new(name, message)).map(|cause| cause.meaning)
    }

    #[test]
    fn the_particular_cause_wins_over_the_general_one() {
        let quota = meaning("InstanceRestoreException", "cannot restore: InstanceQuotaExceeded: too many").unwrap();
        assert!(quota.contains("quota"), "{quota}");
        let key = meaning("AccessDeniedException", "cannot: KMSKeyNotAccessibleFault: no").unwrap();
        assert!(key.contains("KMS key"), "{key}");
        let place =
            meaning("ExportException", "cannot export: ExportTaskLimitReachedFault: limit of 5 reached").unwrap();
        assert!(place.contains("exports in progress"), "{place}");
        let protection = meaning(
            "DeletionException",
            "cannot delete: InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection and try again.",
        );
        assert!(protection.unwrap().contains("Deletion protection"));
        let permission = meaning(
            "AccessDeniedException",
            "orders-temp was not deleted: cannot lift its deletion protection: AccessDenied: not authorized",
        );
        assert!(permission.unwrap().contains("permission"), "{permission:?}");
    }

    #[test]
    fn every_refusal_before_the_first_change_is_explained() {
        for (name, message, said) in [
            (
                "PreflightException",
                "the snapshot `orders-snapshot` was taken of `billing` (db-1), not of `orders`",
                "not a backup",
            ),
            (
                "InstanceRestoreException",
                "the restore is not used: the snapshot was replaced: it is x now",
                "not a backup",
            ),
            (
                "PreflightException",
                "the snapshot `x` holds data as of y, 3 days old, and `maximumAge` allows 36 hours",
                "older",
            ),
            ("PreflightException", "RDS no longer offers version 11.9 of aurora-postgresql", "engine version"),
            ("InstanceRestoreException", "cannot restore: CertificateNotFound: rds-ca-2019", "certificate authority"),
            (
                "PreflightException",
                "`orders` has 47 tags; RDS allows 50, and a run needs room",
                "no room for its claim",
            ),
            (
                "PreflightException",
                "the settings take 120000 bytes in the state document, which has room for",
                "state document",
            ),
            ("PreflightException", "`billing` is not among DatabaseNames", "DatabaseNames"),
            ("PreflightException", "`orders` lacks the tag `trapheus:allowed`", "trapheus:allowed"),
            ("ClaimException", "cannot claim it: its plan was made at x, which is too long ago", "too old"),
            (
                "ClaimException",
                "the execution arn:aws:states:us-east-1:123456789012:execution:Other:1 of another state machine holds it",
                "another state machine claims",
            ),
            ("Lambda.ResourceNotReadyException", "The function is inactive", "deactivated"),
            (
                "ServiceUnavailableException",
                "cannot describe: ExpiredToken: the token has expired",
                "No permission is missing",
            ),
        ] {
            let meaning = meaning(name, message).unwrap_or_default();
            assert!(meaning.contains(said), "{message}: {meaning}");
        }
    }

    #[test]
    fn a_phrase_is_found_around_a_name() {
        let missing =
            meaning("InstanceRestoreException", "cannot restore: the DB snapshot orders-snapshot does not exist");
        assert!(missing.unwrap().contains("snapshot"));
        assert_eq!(meaning("RenameException", "the snapshot is there, and orders does not exist"), None);
    }

    #[test]
    fn a_status_in_the_text_is_recognised() {
        let network = meaning("InstanceRestoreException", "DB instance orders is in status incompatible-network.");
        assert!(network.unwrap().contains("network"));
    }

    #[test]
    fn a_name_that_merely_looks_like_a_code_explains_nothing() {
        assert_eq!(meaning("RenameException", "cannot rename storage-full-backup"), None);
        assert_eq!(meaning("RenameException", ""), None);
    }
}
