//! The variables that a function's clients honour, in a process of its own for each set of them.
//!
//! A proxy on this machine stands for every host. It takes a `CONNECT`, and then answers itself over TLS, with a certificate for
//! [`HOSTS`] from an authority that only `SSL_CERT_FILE` names.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_sdk_rds::Client;
use aws_sdk_rds::config::retry::RetryConfig;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use trapheus_common::trust::Trust;
use trapheus_common::{Error, ErrorKind, clients};

const RDS: &str = "rds.us-east-1.amazonaws.com";
const ELSEWHERE: &str = "webhooks.example.com";
const HOSTS: [&str; 3] = [RDS, ELSEWHERE, "localhost"];
const NO_DATABASES: &str = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances/>\
                            </DescribeDBInstancesResult></DescribeDBInstancesResponse>";

/// The proxy, and the hosts that clients asked it for.
struct Proxy {
    address: SocketAddr,
    authority: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Serves until the process ends. `name` keeps the files of the tests apart.
    fn start(name: &str) -> Self {
        let (config, pem) = certified();
        let authority = std::env::temp_dir().join(format!("trapheus-{name}-{}.pem", std::process::id()));
        std::fs::write(&authority, pem).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                serve(TcpListener::from_std(listener).unwrap(), TlsAcceptor::from(Arc::new(config)), heard).await;
            });
        });
        Self { address, authority, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn proxy(&self) -> (&'static str, String) {
        ("HTTPS_PROXY", format!("http://{}", self.address))
    }

    fn authority(&self) -> (&'static str, String) {
        ("SSL_CERT_FILE", self.authority.display().to_string())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.authority);
    }
}

/// The output of one of the tests below that make a request, with the environment of a function and these variables.
fn output_of(request: &str, variables: &[(&str, String)]) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([request, "--exact", "--ignored", "--nocapture"])
        .env_clear()
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    String::from_utf8(child.stdout).unwrap()
}

/// A server's certificate for the hosts, and the PEM of its authority.
fn certified() -> (ServerConfig, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(HOSTS.map(str::to_owned)).unwrap().signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (config, authority.pem())
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, asked: Arc<Mutex<Vec<String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, tls.clone(), Arc::clone(&asked)));
    }
}

/// A tunnel begins with plain text, and a direct connection with a TLS record.
async fn converse(mut stream: TcpStream, tls: TlsAcceptor, asked: Arc<Mutex<Vec<String>>>) {
    let mut first = [0];
    stream.peek(&mut first).await.unwrap();
    if first == *b"C" {
        let request = head(&mut stream).await;
        asked.lock().unwrap().push(request.split(' ').nth(1).unwrap().to_owned());
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    }
    // A client that refuses the certificate ends the handshake.
    let Ok(mut stream) = tls.accept(stream).await else { return };
    head(&mut stream).await;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{NO_DATABASES}", NO_DATABASES.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    // Open until the client closes it.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn head(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
#[ignore = "the tests below run it with variables of their own"]
async fn describe() {
    let config = clients::config().await.into_builder().retry_config(RetryConfig::disabled()).build();
    match Client::new(&config).describe_db_instances().send().await {
        Ok(answer) => println!("{} databases", answer.db_instances().len()),
        Err(error) => {
            println!("{}", Error::from_aws(ErrorKind::Preflight, "orders", "cannot describe", &error).report());
        }
    }
}

#[tokio::test]
#[ignore = "the tests below run it with variables of their own"]
async fn get_over_the_pinned_connector() {
    let connector = clients::connector(Trust::Pinned);
    for host in [RDS, ELSEWHERE] {
        let request = HttpRequest::get(format!("https://{host}/")).unwrap();
        match connector.call(request).await {
            Ok(answer) => println!("{host}: {}", answer.status().as_u16()),
            Err(error) => println!("{host}: {error:?}"),
        }
    }
}

#[test]
fn a_function_uses_the_proxy_and_the_authority_of_its_environment() {
    let proxy = Proxy::start("proxy");
    let output = output_of("describe", &[proxy.proxy(), proxy.authority()]);
    assert!(output.contains("0 databases"), "{output}");
    assert_eq!(proxy.asked(), [format!("{RDS}:443")]);
}

#[test]
fn a_function_refuses_an_authority_that_its_environment_does_not_name() {
    let proxy = Proxy::start("refused");
    let output = output_of("describe", &[proxy.proxy()]);
    assert!(output.contains(&format!("cannot connect to {RDS}")) && output.contains("UnknownIssuer"), "{output}");
    assert_eq!(proxy.asked(), [format!("{RDS}:443")]);
}

#[test]
fn no_proxy_and_an_endpoint_of_its_own_lead_past_the_proxy() {
    let proxy = Proxy::start("past");
    let endpoint = ("AWS_ENDPOINT_URL_RDS", format!("https://localhost:{}", proxy.address.port()));
    let except = ("NO_PROXY", "localhost".to_owned());
    let output = output_of("describe", &[proxy.proxy(), proxy.authority(), endpoint, except]);
    assert!(output.contains("0 databases"), "{output}");
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn a_pinned_connector_trusts_the_systems_authorities_only_beyond_aws() {
    let proxy = Proxy::start("pinned");
    let output = output_of("get_over_the_pinned_connector", &[proxy.proxy(), proxy.authority()]);
    let line = |host: &str| output.lines().find(|line| line.starts_with(host)).unwrap_or_default().to_owned();
    assert!(line(RDS).contains("UnknownIssuer"), "{output}");
    assert_eq!(line(ELSEWHERE), format!("{ELSEWHERE}: 200"));
}
