//! The fixed words of an alert, each spelled once. A program that reads alerts, such as a test, compares with these.
//!
//! A subject contains one outcome in parentheses, or [`ACTION_NEEDED`] after the product's name.

/// In the subject and the verdict of every final alert after which a person has to act.
pub const ACTION_NEEDED: &str = "ACTION NEEDED";
/// The outcome where another execution claims the original, and the original is available under its name.
pub const ANOTHER_RUN: &str = "another run has it";
/// The outcome where RDS did not answer the look.
pub const BLIND: &str = "could not look at RDS";
/// In the headline of a recovery that does not know what the interrupted execution left.
pub const FOUND_NOTHING_OUT: &str = "the recovery could not find out";

/// The outcome of a run that changed no database.
pub const NOTHING_TOUCHED: &str = "nothing was touched";
/// The outcome where the original never left its name.
pub const UNTOUCHED: &str = "original untouched";
/// The outcome of a rollback that succeeded.
pub const BACK: &str = "original is back";
/// The outcome of a rollback that succeeded and left work for a person.
pub const BACK_WITH_LEFTOVERS: &str = "original is back, restored database is left over";
/// The outcome of a recovery that finds the database under its name, without a claim.
pub const NOTHING_TO_UNDO: &str = "nothing is left to undo";
/// The outcome where the restored database is verified and the original is deleted.
pub const IN_PLACE: &str = "restored database is in place";

/// In the subject of every final alert.
pub const FINAL: &str = "final";
/// In the subject of a first alert while the rollback runs.
pub const ROLLING_BACK: &str = "rolling back";
/// In the subject of a success notice.
pub const VERIFIED: &str = "is verified";
/// In the subject of a success notice after a `create_snapshot_only`.
pub const TAKEN: &str = "is taken";

/// The label before the state that failed.
pub const STEP: &str = "Step";
/// The step that the alert of an export names.
pub const EXPORT: &str = "export to S3";
/// The label before the execution that an alert is about.
pub const EXECUTION: &str = "Execution";
/// The label before the execution that recovers it.
pub const RECOVERY: &str = "Recovery";
/// The origin of a database that existed before the run.
pub const THE_ORIGINAL: &str = "the original";
/// The origin of a database that the run restored.
pub const RESTORED: &str = "restored by this run";
/// The origin of any other database.
pub const FOREIGN: &str = "neither the original nor restored by this run";
/// The origin of a database with a copy of the run's tags.
pub const COPY: &str = "another database with copied tags";
/// The origin of a database without a proof.
pub const UNPROVEN: &str = "of unproven origin";
/// The predicate for a foreign database, or a copy, under the service name.
pub const NOT_CREATED: &str = "is a database that this run did not create";
