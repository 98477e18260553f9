//! Connect errors: a connection that cannot be made, apart from every other failure of a call, with advice.
//!
//! The SDK's error says that it could not connect, but not to which host. Only the connector knows the host, so
//! [`reporting`] wraps the connector. The decision whether to try again is in [`crate::error`].

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;

/// A client that uses this connector for every request. Its error is a [`ConnectError`] if no connection was made.
pub fn reporting(connector: SharedHttpConnector) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Reporting(connector));
    http_client_fn(move |_, _| connector.clone())
}

/// No connection could be made, so no request was sent.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {host}{}", advice(host))]
pub struct ConnectError {
    host: String,
    source: BoxError,
}

impl ConnectError {
    /// The connect error inside a connector's error, if there is one.
    pub fn of(error: &ConnectorError) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

/// The parts of a VPC that a function needs to reach an AWS service; empty for any other host.
fn advice(host: &str) -> String {
    let Some((service, region)) = host.strip_suffix(".amazonaws.com").and_then(|name| name.split_once('.')) else {
        return String::new();
    };
    format!(
        ". A function's VPC needs the interface endpoint com.amazonaws.{region}.{service} with private DNS, or a \
         route from the subnets to a NAT gateway. Security groups must let port 443 out of the function and into the \
         endpoint"
    )
}

#[derive(Debug)]
struct Reporting(SharedHttpConnector);

impl HttpConnector for Reporting {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let host = host(request.uri()).to_owned();
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move { answer.await.map_err(|error| explained(error, host)) })
    }
}

/// `rds.us-east-1.amazonaws.com` of `https://rds.us-east-1.amazonaws.com/`.
fn host(uri: &str) -> &str {
    let authority = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    authority.split(['/', '?']).next().unwrap_or_default()
}

fn explained(error: ConnectorError, host: String) -> ConnectorError {
    // The connector limits only the time of connecting, see `clients::connector`. So its timeout is a connect error.
    if error.is_timeout() {
        ConnectorError::timeout(ConnectError { host, source: error.into_source() }.into())
    } else if error.is_io() && was_never_connected(&error) {
        ConnectorError::io(ConnectError { host, source: error.into_source() }.into())
    } else {
        error
    }
}

/// Whether a connector's error says that no connection was made, so that no request was sent.
pub fn was_never_connected(error: &ConnectorError) -> bool {
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let mut chain = chain.map(|cause| {
        let hyper = cause.downcast_ref::<hyper_util::client::legacy::Error>();
        let io = cause.downcast_ref::<std::io::Error>();
        hyper.is_some_and(hyper_util::client::legacy::Error::is_connect)
            || io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
    });
    chain.any(|is_so| is_so)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_the_endpoint_of_the_service() {
        for (host, endpoint) in [
            ("rds.eu-central-1.amazonaws.com", "com.amazonaws.eu-central-1.rds with"),
            ("states.us-east-1.amazonaws.com", "com.amazonaws.us-east-1.states with"),
            ("email.us-west-2.amazonaws.com", "com.amazonaws.us-west-2.email with"),
        ] {
            assert!(advice(host).contains(endpoint), "{}", advice(host));
        }
    }

    #[test]
    fn another_host_gets_no_advice() {
        assert_eq!(advice("127.0.0.1:4510"), "");
        assert_eq!(advice("amazonaws.com"), "");
    }

    #[test]
    fn the_host_is_that_of_the_request() {
        assert_eq!(host("https://rds.us-east-1.amazonaws.com/"), "rds.us-east-1.amazonaws.com");
        assert_eq!(host("http://127.0.0.1:4510/v2/email?x=1"), "127.0.0.1:4510");
    }
}
