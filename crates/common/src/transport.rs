//! HTTP/1.1 over TCP and TLS: the transport of every request of a function.
//!
//! The SDK's own connector contains HTTP/2, which none of the called services needs. It takes an eighth of a function's
//! size, to be loaded at each start. This is the same hyper and rustls without HTTP/2.
//!
//! This module sets the connect timeout, and classifies hyper's failures for the retries. Other modules choose the trusted
//! authorities ([`crate::trust`]), explain connect errors ([`crate::reach`]), and retry (the SDK).

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector as TcpConnector, capture_connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::trust::Trust;

/// The timeout of a connection: name, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connector that keeps its connections. It reads the certificates at its creation, not at its first use.
pub fn connector(trust: Trust) -> SharedHttpConnector {
    SharedHttpConnector::new(Transport::trusting(trust.roots()))
}

#[derive(Debug)]
struct Transport(Client<InTime, SdkBody>);

impl Transport {
    fn trusting(roots: RootCertStore) -> Self {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls(roots)).https_or_http().enable_http1();
        let connecting = InTime(https.wrap_connector(tcp));
        Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connecting))
    }
}

fn tls(roots: RootCertStore) -> ClientConfig {
    match ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()
    {
        Ok(config) => config.with_root_certificates(roots).with_no_client_auth(),
        Err(error) => unreachable!("ring has cipher suites for every version of TLS that rustls speaks: {error}"),
    }
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let connection = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&connection));
        }
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let response = answer.await.map_err(failure)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The handle by which the SDK keeps a connection with a bad answer from being used again.
fn metadata(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    let is_proxied = connection.connection_metadata().as_ref()?.is_proxied();
    let connection = connection.clone();
    let poison = move || connection.connection_metadata().iter().for_each(|connected| connected.poison());
    Some(ConnectionMetadata::builder().proxied(is_proxied).poison_fn(poison).build())
}

/// The failure as the SDK classifies it: the SDK repeats a call without an answer if the reason may pass.
fn failure(error: legacy::Error) -> ConnectorError {
    let hyper = cause::<hyper::Error>(&error);
    let is = |what: fn(&hyper::Error) -> bool| hyper.is_some_and(what);
    if cause::<TooLate>(&error).is_some() || is(hyper::Error::is_timeout) {
        ConnectorError::timeout(error.into())
    } else if is(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else if is(|hyper| hyper.is_closed() || hyper.is_canceled()) || cause::<std::io::Error>(&error).is_some() {
        ConnectorError::io(error.into())
    } else {
        let ended_early = is(hyper::Error::is_incomplete_message).then_some(ErrorKind::TransientError);
        ConnectorError::other(error.into(), ended_early)
    }
}

fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// Connects within [`CONNECT_TIMEOUT`], or fails.
#[derive(Clone, Debug)]
struct InTime(HttpsConnector<TcpConnector>);

impl Service<Uri> for InTime {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move { tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| TooLate)? })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("timeout: no connection within {} seconds", CONNECT_TIMEOUT.as_secs())]
struct TooLate;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_smithy_types::byte_stream::ByteStream;
    use rustls::ServerConfig;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

    /// Serves every connection, and returns its address.
    async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection));
            }
        });
        address
    }

    /// Gives every request on a connection the same answer.
    async fn answer(mut connection: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) {
        let mut request = [0; 1024];
        while connection.read(&mut request).await.is_ok_and(|read| read > 0) {
            connection.write_all(answer).await.unwrap();
        }
    }

    fn get(uri: &str) -> HttpRequest {
        HttpRequest::get(uri).unwrap()
    }

    async fn body(response: HttpResponse) -> Vec<u8> {
        ByteStream::new(response.into_body()).collect().await.unwrap().to_vec()
    }

    fn plain() -> Transport {
        Transport::trusting(RootCertStore::empty())
    }

    /// A server's certificate for `127.0.0.1`, and its key.
    fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        (made.cert.der().clone(), key)
    }

    async fn listen_with_tls((certificate, key): (CertificateDer<'static>, PrivateKeyDer<'static>)) -> SocketAddr {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        listen(move |connection| {
            let accepted = acceptor.accept(connection);
            async move {
                if let Ok(connection) = accepted.await {
                    answer(connection, HELLO).await;
                }
            }
        })
        .await
    }

    #[tokio::test]
    async fn a_connection_is_kept_until_the_sdk_closes_it() {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let address = listen(move |connection| {
            counted.fetch_add(1, Ordering::Relaxed);
            answer(connection, HELLO)
        })
        .await;
        let transport = plain();
        let capture = CaptureSmithyConnection::new();
        for (is_given_up, connections_so_far) in [(false, 1), (true, 1), (false, 2)] {
            let mut request = get(&format!("http://{address}/"));
            request.add_extension(capture.clone());
            let response = transport.call(request).await.unwrap();
            if is_given_up {
                capture.get().expect("the connection that answered").poison();
            }
            assert_eq!(body(response).await, b"hello");
            assert_eq!(connections.load(Ordering::Relaxed), connections_so_far);
        }
    }

    #[tokio::test]
    async fn over_tls_a_server_with_a_trusted_certificate_answers() {
        let (certificate, key) = certificate();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let address = listen_with_tls((certificate, key)).await;
        let response = Transport::trusting(roots).call(get(&format!("https://{address}/"))).await.unwrap();
        assert_eq!((response.status().as_u16(), body(response).await), (200, b"hello".to_vec()));
    }

    #[tokio::test]
    async fn no_request_goes_to_a_server_without_a_trusted_certificate() {
        let address = listen_with_tls(certificate()).await;
        let transport = Transport::trusting(Trust::Amazon.roots());
        let error = transport.call(get(&format!("https://{address}/"))).await.unwrap_err();
        assert!(error.is_io(), "{error:?}");
        assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
    }

    #[tokio::test]
    async fn a_closed_port_is_a_connect_error() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = plain().call(get(&format!("http://{address}/"))).await.unwrap_err();
        assert!(error.is_io(), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_at_its_timeout() {
        let address = listen(async |_silent| std::future::pending().await).await;
        let begun = tokio::time::Instant::now();
        let error = plain().call(get(&format!("https://{address}/"))).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(begun.elapsed().as_secs(), CONNECT_TIMEOUT.as_secs());
    }

    #[tokio::test]
    async fn an_incomplete_answer_may_be_retried() {
        for part in [b"".as_slice(), b"HTTP/1.1 200 OK\r\ncontent-le"] {
            let address = listen(move |mut connection| async move {
                let mut request = [0; 1024];
                let _ = connection.read(&mut request).await.unwrap();
                connection.write_all(part).await.unwrap();
            })
            .await;
            let error = plain().call(get(&format!("http://{address}/"))).await.unwrap_err();
            assert_eq!(error.as_other(), Some(ErrorKind::TransientError), "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_no_http_is_not_retried() {
        let address = listen(|connection| answer(connection, b"SSH-2.0-OpenSSH_9.6\r\n")).await;
        let error = plain().call(get(&format!("http://{address}/"))).await.unwrap_err();
        assert!(error.is_other() && error.as_other().is_none(), "{error:?}");
    }
}
