//! AWS clients for the functions: small (rustls on ring, one HTTP stack) and with short time limits. A connection that
//! cannot be made fails fast instead of using up the function's time.
//!
//! Lambda puts a client's configuration into the environment. Profiles, metadata services and single sign-on belong to
//! people's machines and do not exist in a function. So only the command uses `aws-config`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::trust::{self, Trust};
use crate::{reach, transport};

/// Region, credentials and endpoints from the function's environment; time-outs and retries from this module.
///
/// The SDK repeats a throttled call within the function, which saves a new invocation. If the throttling lasts longer, the
/// state machine's `Retry` takes over.
pub fn config() -> SdkConfig {
    Environment::of_process().config()
}

/// A client, or a part of one, that not every invocation needs at its start. A client reads its service's partitions, which
/// takes a tenth of a function's start. The system's certificates take several times as long. So the first use creates the
/// client.
pub type Late<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

/// A value that its first use creates.
pub fn late<C>(make: impl FnOnce() -> C + Send + 'static) -> Late<C> {
    Arc::new(LazyLock::new(Box::new(make)))
}

/// The HTTPS connection of every client here.
pub fn http_client(trust: Trust) -> SharedHttpClient {
    reach::telling(transport::connector(trust))
}

/// Plain HTTP requests to other services than AWS, over the same stack. The connector follows no redirect and repeats
/// nothing. The caller limits the time of a request.
pub fn connector() -> SharedHttpConnector {
    transport::connector(Trust::System)
}

/// The time limit of one call, in a function and in the command.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(90))
        .build()
}

/// The SDK's own retries. The backoff begins at one second and doubles up to twenty, half of it random. It lasts about half
/// a minute in all. Every caller of RDS in the account shares the account's limit.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(7)
}

/// The variables with the addresses and credentials of AWS.
#[derive(Clone, Debug)]
struct Environment(BTreeMap<String, String>);

/// The endpoint of every service; with `_` and a service's name appended, the endpoint of that service.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

impl Environment {
    fn of_process() -> Self {
        let text = |name: std::ffi::OsString| name.into_string().ok();
        let known = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        Self(known.filter(|(name, value)| is_about_aws(name) && !value.trim().is_empty()).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn config(self) -> SdkConfig {
        let is_on = |name| self.get(name).map(|value| value.eq_ignore_ascii_case("true"));
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region().map(|region| Region::new(region.to_owned())))
            .http_client(http_client(self.trust()))
            .timeout_config(timeouts())
            .retry_config(retries());
        config.set_credentials_provider(self.credentials().map(SharedCredentialsProvider::new));
        config.set_endpoint_url(self.get(ENDPOINT).map(str::to_owned));
        config.set_use_fips(is_on("AWS_USE_FIPS_ENDPOINT"));
        config.set_use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
        config.service_config(self).build()
    }

    fn region(&self) -> Option<&str> {
        self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"))
    }

    /// The credentials of the function's role. They are valid for as long as Lambda keeps the process.
    fn credentials(&self) -> Option<Credentials> {
        let (key, secret) = (self.get("AWS_ACCESS_KEY_ID")?, self.get("AWS_SECRET_ACCESS_KEY")?);
        let token = self.get("AWS_SESSION_TOKEN").map(str::to_owned);
        Some(Credentials::new(key, secret, token, None, "environment"))
    }

    /// Trusts only Amazon's authorities in the regions for which they sign. Elsewhere, or with custom endpoints or
    /// certificates, the system's store counts.
    fn trust(&self) -> Trust {
        let is_said = self.0.keys().any(|name| name.starts_with(ENDPOINT) || name.starts_with("SSL_CERT_"));
        if !is_said && self.region().is_some_and(trust::is_amazons) { Trust::Amazon } else { Trust::System }
    }
}

/// A service's client asks for its endpoint when it is created.
impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        self.get(&format!("{}_{service}", key.env())).map(str::to_owned)
    }
}

fn is_about_aws(name: &str) -> bool {
    name.starts_with("AWS_") || name.starts_with("SSL_CERT_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn trusts_amazon_alone(variables: &[(&str, &str)]) -> bool {
        environment(variables).trust() == Trust::Amazon
    }

    #[test]
    fn a_function_finds_its_role_and_region_where_lambda_puts_them() {
        use aws_credential_types::provider::ProvideCredentials as _;
        use futures::FutureExt as _;
        let config = environment(&[
            ("AWS_REGION", "eu-central-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ])
        .config();
        assert_eq!(config.region().map(AsRef::as_ref), Some("eu-central-1"));
        let provider = config.credentials_provider().expect("a role");
        let role = provider.provide_credentials().now_or_never().expect("nothing to wait for").expect("a role");
        assert_eq!((role.access_key_id(), role.secret_access_key()), ("key", "secret"));
        assert_eq!((role.session_token(), role.expiry()), (Some("token"), None));
    }

    #[test]
    fn a_service_uses_its_own_endpoint_before_the_endpoint_of_all_services() {
        let config =
            environment(&[("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://secrets")])
                .config();
        let key =
            |service| ServiceConfigKey::builder().service_id(service).env(ENDPOINT).profile("endpoint_url").build();
        let said = |service| config.service_config().expect("one").load_config(key(service).expect("a key"));
        assert_eq!(config.endpoint_url(), Some("http://all"));
        assert_eq!(said("Secrets Manager").as_deref(), Some("http://secrets"));
        assert_eq!(said("RDS"), None);
    }

    #[test]
    fn aws_regions_trust_only_amazons_authorities() {
        for region in ["us-east-1", "eu-central-2", "ap-southeast-7", "mx-central-1", "us-gov-west-1"] {
            assert!(trusts_amazon_alone(&[("AWS_REGION", region)]), "{region}");
        }
    }

    #[test]
    fn other_regions_and_custom_endpoints_trust_the_systems_authorities() {
        for region in ["cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "nowhere"] {
            assert!(!trusts_amazon_alone(&[("AWS_REGION", region)]), "{region}");
        }
        for said in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_RDS", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            assert!(!trusts_amazon_alone(&[("AWS_REGION", "us-east-1"), (said, "something")]), "{said}");
        }
    }
}
