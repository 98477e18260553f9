//! AWS clients of the functions and the command: `aws-config` and the SDK's HTTP client, with rustls on ring.
//!
//! Owned here: time limits, retries, the choice of authorities and the use of proxies. Region, credentials and endpoints are
//! those that `aws-config` finds. Not decided here: the words of a failed connection, see [`crate::connect_error`].

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::connect_error;
use crate::trust::{self, Trust};

/// The time limit of a connection: name, TCP, proxy and TLS. A missing route must not use up the function's time.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A function's configuration from its environment.
///
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the pinned authorities, as a proxy that inspects TLS requires.
pub async fn config() -> SdkConfig {
    let is_named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    Box::pin(loader(if is_named { Trust::System } else { Trust::Pinned }).load()).await
}

/// The settings that the functions and the command share. `aws-config` adds region, credentials and endpoints.
pub fn loader(trust: Trust) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(trust))
        .timeout_config(timeouts())
        .retry_config(retries())
}

/// A client that not every invocation uses, created at its first use. A new client reads its service's partitions, which
/// prolongs a function's start by a tenth. The certificates that the system trusts take several times as long.
pub type Lazy<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

/// A value that `make` creates at its first use.
pub fn lazy<C>(make: impl FnOnce() -> C + Send + 'static) -> Lazy<C> {
    Arc::new(LazyLock::new(Box::new(make)))
}

/// The HTTP client of every AWS client here.
pub fn http_client(trust: Trust) -> SharedHttpClient {
    connect_error::reporting(connector(trust))
}

/// The connector below that client, also for plain requests to other hosts than AWS's. It follows no redirect and repeats no
/// request. Its only time limit is [`CONNECT_TIMEOUT`]; the caller limits the rest.
pub fn connector(trust: Trust) -> SharedHttpConnector {
    match trust {
        Trust::Pinned => SharedHttpConnector::new(Pinned {
            amazon: over_tls(trust::amazon()),
            system: lazy(|| over_tls(trust::system())),
        }),
        Trust::System => over_tls(trust::system()),
    }
}

/// How long one call may take, wherever it runs.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(90))
        .build()
}

/// How often the SDK itself repeats a call: with a second of backoff that doubles up to twenty, half of it by chance, so for
/// about half a minute. The account's limit is shared with every other caller of RDS. The state machine's `Retry` repeats
/// a call that takes longer.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(7)
}

/// The SDK's connector. It reads its certificates here, not at its first use, and the proxies from `HTTPS_PROXY`, `HTTP_PROXY`,
/// `ALL_PROXY` and `NO_PROXY`.
fn over_tls(authorities: TrustStore) -> SharedHttpConnector {
    let tls = match TlsContext::builder().with_trust_store(authorities).build() {
        Ok(tls) => tls,
        Err(error) => unreachable!("a TLS context that consists of a trust store is complete: {error}"),
    };
    let connector = Connector::builder()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build();
    SharedHttpConnector::new(connector)
}

/// Sends each request over the connector that trusts the right authorities for its host.
#[derive(Debug)]
struct Pinned {
    amazon: SharedHttpConnector,
    system: Lazy<SharedHttpConnector>,
}

impl HttpConnector for Pinned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // An address without a host fails over either connector.
        let uri = request.uri().parse::<http::Uri>().ok();
        let is_elsewhere = uri.as_ref().and_then(http::Uri::host).is_some_and(|host| !trust::is_amazons(host));
        if is_elsewhere { self.system.call(request) } else { self.amazon.call(request) }
    }
}
