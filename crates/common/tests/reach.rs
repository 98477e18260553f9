//! A service without a connection, called by the real SDK client with the HTTP client of the functions.

use std::net::TcpListener;

use aws_sdk_rds::Client;
use aws_sdk_rds::config::retry::RetryConfig;
use aws_sdk_rds::config::{Credentials, Region, SharedCredentialsProvider};
use trapheus_common::{Error, ErrorKind, clients};

/// The functions' client, with another endpoint and without retries.
fn client(endpoint: &str) -> Client {
    let config = clients::config()
        .into_builder()
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test")))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .build();
    Client::new(&config)
}

async fn failure(endpoint: &str) -> Error {
    let error = client(endpoint).describe_db_instances().send().await.expect_err("no server answers there");
    Error::from_aws(ErrorKind::InstanceUnavailable, "orders", "cannot describe", &error)
}

/// A port without a listener.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("127.0.0.1:{}", listener.local_addr().expect("its address").port())
}

#[tokio::test]
async fn a_refused_connection_is_an_endpoint_that_is_unreachable() {
    let port = closed_port();
    let error = failure(&format!("http://{port}")).await;
    assert_eq!(error.kind(), ErrorKind::EndpointUnreachable, "{}", error.report());
    assert!(error.report().starts_with(&format!("Identifier:orders \ncannot describe: cannot connect to {port}: ")));
}

#[tokio::test]
async fn an_unknown_host_name_is_an_endpoint_that_is_unreachable() {
    let error = failure("https://rds.nowhere.invalid").await;
    assert_eq!(error.kind(), ErrorKind::EndpointUnreachable, "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_an_answer_is_an_endpoint_that_is_unreachable() {
    // The listener accepts the connection and never answers, as when a route or a security group is missing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let error = failure(&format!("https://{}", silent.local_addr().expect("its address"))).await;
    assert_eq!(error.kind(), ErrorKind::EndpointUnreachable, "{}", error.report());
    assert!(error.report().contains("timeout"), "{}", error.report());
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_endpoint_that_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let closing = std::thread::spawn(move || drop(listener.accept()));
    let error = failure(&format!("http://{address}")).await;
    closing.join().expect("it accepted");
    assert_eq!(error.kind(), ErrorKind::ServiceUnavailable, "{}", error.report());
}
