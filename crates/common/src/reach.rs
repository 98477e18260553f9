//! Connect errors, told apart from every other failure of a call, with their likely causes.
//!
//! The SDK's error says that it could not connect, but does not name the host. Only the connector knows the host, so
//! [`telling`] wraps it. This module does not decide about retries: see [`crate::error`].

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;

/// A client with this connector only, whose errors are [`Unreachable`] if no connection was made.
pub fn telling(connector: SharedHttpConnector) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Telling(connector));
    http_client_fn(move |_, _| connector.clone())
}

/// The request was not sent, because no connection was made.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {host}{}", advice(host))]
pub struct Unreachable {
    host: String,
    source: BoxError,
}

impl Unreachable {
    /// The connect error inside a connector's error, if it is one.
    pub fn of(error: &ConnectorError) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

/// The network path that a function needs to an AWS service; nothing for another host.
fn advice(host: &str) -> String {
    let Some((service, region)) = host.strip_suffix(".amazonaws.com").and_then(|name| name.split_once('.')) else {
        return String::new();
    };
    format!(
        ". A function in a VPC needs the interface endpoint com.amazonaws.{region}.{service}, with private DNS, or a route \
         from its subnets to a NAT gateway, and security groups that let port 443 out of the function and into the endpoint"
    )
}

#[derive(Debug)]
struct Telling(SharedHttpConnector);

impl HttpConnector for Telling {
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
    // Only the connection has a time limit of its own here: see `transport::CONNECT_TIMEOUT`.
    if error.is_timeout() {
        ConnectorError::timeout(Unreachable { host, source: error.into_source() }.into())
    } else if error.is_io() && was_never_connected(&error) {
        ConnectorError::io(Unreachable { host, source: error.into_source() }.into())
    } else {
        error
    }
}

/// Whether a connector's error says that no connection was made, so that the request was not sent.
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
            ("rds.eu-central-1.amazonaws.com", "com.amazonaws.eu-central-1.rds,"),
            ("states.us-east-1.amazonaws.com", "com.amazonaws.us-east-1.states,"),
            ("email.us-west-2.amazonaws.com", "com.amazonaws.us-west-2.email,"),
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
