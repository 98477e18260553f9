//! AWS clients for the functions: lean (rustls on ring, one HTTP stack) and impatient, so that a connection that cannot
//! be made fails fast instead of using up the function's time.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};

use crate::reach;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Region, credentials and endpoints from the function's environment; time-outs and retries from here.
///
/// The SDK repeats a throttled call within the function, which would otherwise have to begin anew; what takes longer than
/// that is left to the state machine's `Retry`.
pub async fn config() -> SdkConfig {
    loader().load().await
}

/// As [`config`], for who wants to say more about it.
pub fn loader() -> ConfigLoader {
    let https = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(reach::telling(https))
        .timeout_config(timeouts())
        .retry_config(retries())
}

/// Plain HTTP requests to others than AWS, over the same stack. It follows no redirect and repeats nothing; how long a request
/// may take is up to who makes it.
pub fn connector() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let connector = Connector::builder().connector_settings(settings).tls_provider(Provider::Rustls(CryptoMode::Ring));
    SharedHttpConnector::new(connector.build())
}

/// How long one call may take, wherever it runs.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(90))
        .build()
}

/// How often the SDK itself repeats a call: with a second of backoff that doubles up to twenty, half of it by chance, so for
/// about half a minute. An account's limit is shared with whoever else calls RDS.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(7)
}
