//! Lambda's own part in an invocation: the errors with which it refuses one, and functions that sleep.
//!
//! This module owns the table of those errors, as Step Functions reports them. It also owns the list of a world's idle
//! functions. `environment.rs` decides when a function meets one of the errors.

use std::collections::BTreeMap;
use std::time::Duration;

use rds_simulator::{IdleFunctions, World, WorldError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trapheus_common::functions;

use crate::injection::known;

/// An error with which Lambda refuses an invocation.
#[derive(Clone, Copy, Debug)]
pub struct LambdaError(&'static Refusal);

/// A row of the table.
#[derive(Debug)]
struct Refusal {
    /// The name that Step Functions reports.
    name: &'static str,
    /// The HTTP status of Lambda's answer; `None` without an answer.
    status: Option<u16>,
    message: &'static str,
    passes: Passes,
}

/// Whether a refusal ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passes {
    Yes,
    No,
    /// The refusal ends by itself, and meets only functions with this feature.
    Only(&'static str),
}

const fn refusal(name: &'static str, status: u16, passes: Passes, message: &'static str) -> Refusal {
    Refusal { name, status: Some(status), message, passes }
}

const fn unanswered(name: &'static str, message: &'static str) -> Refusal {
    Refusal { name, status: None, message, passes: Passes::Yes }
}

const FILE_SYSTEM: Passes = Passes::Only("a file system");
const SNAP_START: Passes = Passes::Only("SnapStart");

/// The errors of `Invoke` in Lambda's service model (2015-03-31), and those of Step Functions for a call without an answer.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>
/// <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception>
static REFUSALS: &[Refusal] = &[
    unanswered("Lambda.AWSLambdaException", "Lambda failed."),
    unanswered("Lambda.SdkClientException", "Unable to execute HTTP request."),
    unanswered("Lambda.ClientExecutionTimeoutException", "The call of Lambda did not end in time."),
    unanswered("Lambda.Unknown", "The cause could not be determined because Lambda did not return an error type."),
    refusal("Lambda.ServiceException", 500, Passes::Yes, "Service error."),
    refusal("Lambda.TooManyRequestsException", 429, Passes::Yes, "Rate Exceeded."),
    refusal(
        "Lambda.ResourceNotReadyException",
        502,
        Passes::Yes,
        "The function is inactive and its VPC connection is no longer available. Wait for the VPC connection to reestablish and try again.",
    ),
    refusal(
        "Lambda.ResourceConflictException",
        409,
        Passes::Yes,
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    ),
    refusal(
        "Lambda.CodeArtifactUserPendingException",
        409,
        Passes::Yes,
        "The Lambda function couldn't be invoked because its code artifact user is still being provisioned.",
    ),
    refusal(
        "Lambda.CodeArtifactUserDeletedException",
        409,
        Passes::No,
        "The Lambda function couldn't be invoked because its code artifact user has been deleted.",
    ),
    refusal(
        "Lambda.CodeArtifactUserFailedException",
        409,
        Passes::No,
        "The Lambda function couldn't be invoked because provisioning of its code artifact user failed.",
    ),
    refusal("Lambda.EC2ThrottledException", 502, Passes::Yes, "Amazon EC2 throttled Lambda during initialization."),
    refusal(
        "Lambda.EC2UnexpectedException",
        502,
        Passes::Yes,
        "Lambda received an unexpected Amazon EC2 client exception while setting up for the Lambda function.",
    ),
    refusal(
        "Lambda.EC2AccessDeniedException",
        502,
        Passes::No,
        "Need additional permissions to configure VPC settings.",
    ),
    refusal(
        "Lambda.ENILimitReachedException",
        502,
        Passes::Yes,
        "Lambda couldn't create an elastic network interface in the VPC: the limit for network interfaces has been reached.",
    ),
    refusal(
        "Lambda.ENINotReadyException",
        502,
        Passes::Yes,
        "The elastic network interface configured for the function's VPC connection isn't ready yet.",
    ),
    refusal(
        "Lambda.SubnetIPAddressLimitReachedException",
        502,
        Passes::Yes,
        "Lambda couldn't set up VPC access: one or more configured subnets has no available IP addresses.",
    ),
    refusal(
        "Lambda.InvalidSecurityGroupIDException",
        502,
        Passes::No,
        "The security group ID provided in the Lambda function VPC configuration is not valid.",
    ),
    refusal(
        "Lambda.InvalidSubnetIDException",
        502,
        Passes::No,
        "The subnet ID provided in the Lambda function VPC configuration is not valid.",
    ),
    refusal(
        "Lambda.KMSAccessDeniedException",
        502,
        Passes::No,
        "Lambda couldn't decrypt the environment variables because KMS access was denied.",
    ),
    refusal(
        "Lambda.KMSDisabledException",
        502,
        Passes::Yes,
        "Lambda couldn't decrypt the environment variables because the KMS key used is disabled.",
    ),
    refusal(
        "Lambda.KMSInvalidStateException",
        502,
        Passes::Yes,
        "Lambda couldn't decrypt the environment variables because the state of the KMS key used is not valid for Decrypt.",
    ),
    refusal(
        "Lambda.KMSNotFoundException",
        502,
        Passes::Yes,
        "Lambda couldn't decrypt the environment variables because the KMS key was not found.",
    ),
    refusal(
        "Lambda.EFSMountConnectivityException",
        408,
        FILE_SYSTEM,
        "The Lambda function couldn't make a network connection to the configured file system.",
    ),
    refusal(
        "Lambda.EFSMountTimeoutException",
        408,
        FILE_SYSTEM,
        "The Lambda function made a network connection to the configured file system, but the mount operation timed out.",
    ),
    refusal(
        "Lambda.EFSIOException",
        410,
        FILE_SYSTEM,
        "An error occurred when reading from or writing to a connected file system.",
    ),
    refusal(
        "Lambda.EFSMountFailureException",
        403,
        Passes::No,
        "The Lambda function couldn't mount the configured file system due to a permission or configuration issue.",
    ),
    refusal(
        "Lambda.S3FilesMountConnectivityException",
        408,
        FILE_SYSTEM,
        "The Lambda function couldn't make a network connection to the configured S3 Files access point.",
    ),
    refusal(
        "Lambda.S3FilesMountTimeoutException",
        408,
        FILE_SYSTEM,
        "The mount operation of the configured S3 Files access point timed out.",
    ),
    refusal(
        "Lambda.S3FilesMountFailureException",
        403,
        Passes::No,
        "The Lambda function couldn't mount the configured S3 Files access point due to a permission or configuration issue.",
    ),
    refusal(
        "Lambda.SnapStartNotReadyException",
        409,
        SNAP_START,
        "Lambda is initializing your function. You can invoke the function when the function state becomes Active.",
    ),
    refusal(
        "Lambda.SnapStartTimeoutException",
        408,
        SNAP_START,
        "Lambda couldn't restore the snapshot within the timeout limit.",
    ),
    refusal(
        "Lambda.SnapStartRegenerationFailureException",
        409,
        SNAP_START,
        "Lambda couldn't regenerate the SnapStart snapshot for the function.",
    ),
    refusal("Lambda.SnapStartException", 400, Passes::No, "The afterRestore() runtime hook encountered an error."),
    refusal(
        "Lambda.RuntimeAliasDeletedException",
        409,
        Passes::No,
        "The runtime alias for your function is no longer available.",
    ),
    refusal(
        "Lambda.RuntimeVersionDeletedException",
        409,
        Passes::No,
        "The runtime version used by your function is no longer available.",
    ),
    refusal(
        "Lambda.InvalidRuntimeException",
        502,
        Passes::No,
        "The runtime or runtime version specified is not supported.",
    ),
    refusal("Lambda.InvalidZipFileException", 502, Passes::No, "Lambda could not unzip the deployment package."),
    refusal(
        "Lambda.InvalidParameterValueException",
        400,
        Passes::No,
        "One of the parameters in the request is not valid.",
    ),
    refusal(
        "Lambda.InvalidRequestContentException",
        400,
        Passes::No,
        "The request body could not be parsed as JSON, or a request header is invalid.",
    ),
    refusal(
        "Lambda.UnsupportedMediaTypeException",
        415,
        Passes::No,
        "The content type of the Invoke request body is not JSON.",
    ),
    refusal(
        "Lambda.RequestTooLargeException",
        413,
        Passes::No,
        "The request payload exceeded the Invoke request body JSON input quota.",
    ),
    refusal(
        "Lambda.SerializedRequestEntityTooLargeException",
        413,
        Passes::No,
        "The request payload exceeded the maximum allowed size for serialized request entities.",
    ),
    refusal(
        "Lambda.ResourceNotFoundException",
        404,
        Passes::No,
        "The resource specified in the request does not exist.",
    ),
    refusal("Lambda.NoPublishedVersionException", 400, Passes::No, "The function has no published versions available."),
    refusal("Lambda.ServiceQuotaExceededException", 402, Passes::No, "The request would exceed a service quota."),
    refusal(
        "Lambda.ModeNotSupportedException",
        400,
        Passes::No,
        "The Lambda function doesn't support the invocation mode requested.",
    ),
    refusal(
        "Lambda.RecursiveInvocationException",
        400,
        Passes::No,
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources.",
    ),
    refusal(
        "Lambda.DurableExecutionAlreadyStartedException",
        409,
        Passes::No,
        "The durable execution with the specified name has already been started.",
    ),
];

impl LambdaError {
    /// The errors that pass by themselves and can meet any function.
    pub(crate) fn passing() -> impl Iterator<Item = Self> + Clone {
        REFUSALS.iter().filter(|refusal| refusal.passes == Passes::Yes).map(Self)
    }

    /// The error with this name, either Step Functions' or Lambda's own. Otherwise a message about the name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let full = if name.starts_with(PREFIX) { name.to_owned() } else { format!("{PREFIX}{name}") };
        known("error of Lambda", &full, REFUSALS.iter().map(|refusal| refusal.name))?;
        let found = REFUSALS.iter().find(|refusal| refusal.name == full);
        found.map(Self).ok_or_else(|| format!("there is no error of Lambda `{full}`"))
    }

    /// Every error in the table.
    pub fn all() -> impl Iterator<Item = Self> {
        REFUSALS.iter().map(Self)
    }

    /// The name that Step Functions reports.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Whether a later attempt may succeed.
    pub fn passes(self) -> bool {
        self.0.passes != Passes::No
    }

    /// The feature of the functions that meet the error, if not all functions do.
    pub fn only_with(self) -> Option<&'static str> {
        match self.0.passes {
            Passes::Only(feature) => Some(feature),
            Passes::Yes | Passes::No => None,
        }
    }

    /// The cause that Step Functions reports with the error.
    pub(crate) fn cause(self) -> String {
        let Refusal { message, status, .. } = self.0;
        status.map_or_else(
            || (*message).to_owned(),
            |status| format!("{message} (Service: Lambda, Status Code: {status})"),
        )
    }
}

/// The prefix of Step Functions for the names of Lambda's errors.
const PREFIX: &str = "Lambda.";
/// The error of the first call to a function whose network interface Lambda removed.
pub(crate) const INACTIVE: &str = "Lambda.ResourceNotReadyException";
pub(crate) const SERVICE_FAILED: &str = "Lambda.ServiceException";
pub(crate) const THROTTLED: &str = "Lambda.TooManyRequestsException";

impl PartialEq for LambdaError {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for LambdaError {}

impl Serialize for LambdaError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for LambdaError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).map_err(D::Error::custom)
    }
}

/// Functions without a call for weeks, whose network interfaces Lambda removed. The first call makes Lambda create new
/// ones.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    /// The functions, with the time of their first call.
    functions: BTreeMap<String, Option<Duration>>,
    /// The time from the first call until a function works. `None` means that it never works.
    wakes_after: Option<Duration>,
}

impl Idle {
    /// The idle functions of a world.
    pub(crate) fn of_world(world: &World) -> Result<Self, WorldError> {
        let lambda = &world.lambda;
        let impossible = |place: &str, problem| WorldError::Impossible { place: format!("lambda.{place}"), problem };
        let names = match &lambda.idle_functions {
            IdleFunctions::All(false) => Vec::new(),
            IdleFunctions::All(true) => functions::names().map(str::to_owned).collect(),
            IdleFunctions::Named(names) => names.clone(),
        };
        for name in &names {
            known("function", name, functions::names()).map_err(|problem| impossible("idleFunctions", problem))?;
        }
        let wakes_after = Duration::try_from_secs_f64(lambda.wake_seconds)
            .map_err(|error| impossible("wakeSeconds", error.to_string()))?;
        let functions = names.into_iter().map(|name| (name, None)).collect();
        Ok(Self { functions, wakes_after: lambda.ever_wakes.then_some(wakes_after) })
    }

    /// Whether a call at this time meets a sleeping function.
    pub(crate) fn sleeps(&mut self, function: &str, now: Duration) -> bool {
        let Some(called) = self.functions.get_mut(function) else { return false };
        let first = *called.get_or_insert(now);
        self.wakes_after.is_none_or(|wakes_after| now < first + wakes_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::deployed;

    #[test]
    fn every_error_is_listed_once_and_found_by_both_its_names() {
        for error in LambdaError::all() {
            assert_eq!(REFUSALS.iter().filter(|other| other.name == error.name()).count(), 1, "{}", error.name());
            let own = error.name().strip_prefix(PREFIX).expect("the prefix of Step Functions");
            assert_eq!(LambdaError::named(own), Ok(error));
            assert_eq!(LambdaError::named(error.name()), Ok(error));
        }
        for named in [INACTIVE, SERVICE_FAILED, THROTTLED] {
            assert!(LambdaError::named(named).is_ok(), "{named}");
        }
    }

    #[test]
    fn every_error_that_passes_is_retried_wherever_a_function_is_called() {
        let passing = LambdaError::all().filter(|error| error.passes() && error.only_with().is_none());
        for error in passing {
            let calling = deployed().all_states().into_iter().filter(|state| state.function().is_some());
            for state in calling {
                assert!(state.attempts_after(error.name()) > 0, "{}: {}", state.name(), error.name());
            }
        }
    }

    #[test]
    fn a_denial_is_not_retried() {
        for denied in ["Lambda.KMSAccessDeniedException", "Lambda.EC2AccessDeniedException"] {
            let error = LambdaError::named(denied).expect("it is listed");
            assert!(!error.passes());
            let retried = deployed().all_states().into_iter().find(|state| state.attempts_after(error.name()) > 0);
            assert_eq!(retried.map(|state| state.name().to_owned()), None, "{denied}");
        }
    }

    #[test]
    fn a_sleeping_function_works_again_after_the_wake_time_since_its_first_call() {
        let world = |lambda: &str| World::from_json(&format!(r#"{{"lambda": {lambda}}}"#)).expect("a world");
        let seconds = Duration::from_secs;
        let mut idle = Idle::of_world(&world(r#"{"idleFunctions": ["email"], "wakeSeconds": 120}"#)).expect("possible");
        assert!(!idle.sleeps("recover", seconds(0)));
        assert!(idle.sleeps("email", seconds(1000)), "the wake time counts from the first call");
        assert!(idle.sleeps("email", seconds(1119)));
        assert!(!idle.sleeps("email", seconds(1120)));
        let mut idle = Idle::of_world(&world(r#"{"idleFunctions": true, "everWakes": false}"#)).expect("possible");
        assert!(functions::names().all(|function| idle.sleeps(function, seconds(0))));
        assert!(idle.sleeps("email", seconds(1_000_000)));
        let mut none = Idle::of_world(&world("{}")).expect("possible");
        assert!(!none.sleeps("email", seconds(0)));
    }

    #[test]
    fn idle_functions_are_those_of_the_deployment() {
        for (lambda, said) in [
            (r#"{"idleFunctions": ["emial"]}"#, "did you mean `email`?"),
            (r#"{"idleFunctions": true, "wakeSeconds": -1}"#, "lambda.wakeSeconds"),
        ] {
            let world = World::from_json(&format!(r#"{{"lambda": {lambda}}}"#)).expect("a world");
            let error = Idle::of_world(&world).expect_err(lambda).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
