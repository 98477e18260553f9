//! The errors of RDS: HTTP status, wire code and message.
//!
//! Owns the wire table. An action calls a constructor of this module and never spells a code itself. So one code has one
//! status everywhere. Failures below HTTP, such as a dropped connection, are a [`crate::ConnectionError`].

use std::borrow::Cow;

/// One error document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// Wire codes with the status 404. Every unlisted code has the status 400.
const NOT_FOUND: &[&str] = &[
    "DBInstanceNotFound",
    "DBSnapshotNotFound",
    "DBParameterGroupNotFound",
    "DBClusterParameterGroupNotFound",
    "DBClusterNotFoundFault",
    "DBClusterSnapshotNotFoundFault",
    "DBSubnetGroupNotFoundFault",
    "OptionGroupNotFoundFault",
    "ExportTaskNotFound",
    "IamRoleNotFound",
    "DBProxyNotFoundFault",
    "GlobalClusterNotFoundFault",
    "BlueGreenDeploymentNotFoundFault",
    "DBInstanceAutomatedBackupNotFound",
    "DBClusterAutomatedBackupNotFoundFault",
    "CertificateNotFound",
    "DomainNotFoundFault",
];

/// Wire codes with the status 403.
const FORBIDDEN: &[&str] = &["DBClusterQuotaExceededFault", "InsufficientDBClusterCapacityFault", "AccessDenied"];

/// The HTTP status of a wire code.
pub(crate) fn http_status(code: &str) -> u16 {
    if NOT_FOUND.contains(&code) {
        404
    } else if FORBIDDEN.contains(&code) {
        403
    } else if matches!(code, "InternalFailure" | "InternalError") {
        500
    } else if code == "ServiceUnavailable" {
        503
    } else {
        400
    }
}

impl ApiError {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let code = code.into();
        Self { status: http_status(&code), code, message: message.into() }
    }

    pub(crate) fn instance_not_found(identifier: &str) -> Self {
        Self::new("DBInstanceNotFound", format!("DBInstance {identifier} not found."))
    }

    pub(crate) fn cluster_not_found(identifier: &str) -> Self {
        Self::new("DBClusterNotFoundFault", format!("DBCluster {identifier} not found."))
    }

    pub(crate) fn snapshot_not_found(identifier: &str) -> Self {
        Self::new("DBSnapshotNotFound", format!("DBSnapshot {identifier} not found."))
    }

    pub(crate) fn cluster_snapshot_not_found(identifier: &str) -> Self {
        Self::new("DBClusterSnapshotNotFoundFault", format!("DBClusterSnapshot {identifier} not found."))
    }

    pub(crate) fn instance_exists() -> Self {
        Self::new("DBInstanceAlreadyExists", "DB Instance already exists")
    }

    pub(crate) fn cluster_exists() -> Self {
        Self::new("DBClusterAlreadyExistsFault", "DB Cluster already exists")
    }

    pub(crate) fn snapshot_exists(identifier: &str) -> Self {
        let message =
            format!("Cannot create the snapshot because a snapshot with the identifier {identifier} already exists.");
        Self::new("DBSnapshotAlreadyExists", message)
    }

    pub(crate) fn cluster_snapshot_exists(identifier: &str) -> Self {
        let message =
            format!("Cannot create the cluster snapshot because one with the identifier {identifier} already exists.");
        Self::new("DBClusterSnapshotAlreadyExistsFault", message)
    }

    pub(crate) fn instance_state(message: impl Into<String>) -> Self {
        Self::new("InvalidDBInstanceState", message)
    }

    pub(crate) fn cluster_state(message: impl Into<String>) -> Self {
        Self::new("InvalidDBClusterStateFault", message)
    }

    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(crate) fn key_not_accessible(key: &str) -> Self {
        let message = format!(
            "The target KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it."
        );
        Self::new("KMSKeyNotAccessibleFault", message)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}."))
    }
}
