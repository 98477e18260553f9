//! A real HTTP server that takes messages, and a connector that carries requests to it over a real socket.
//!
//! The code under test runs under paused time, in which every wait for a socket would time out at once. So a thread of its own
//! sends each request through the deployed connector, and blocks the test meanwhile. A request without an answer stays pending,
//! until the time-out of the code under test ends it in paused time.
//!
//! The last word of a webhook's path determines its behaviour: `500`, `504`, `redirect`, `hang`, `gone`, `dead`, `lost`. Any other
//! webhook takes messages.

use std::future::pending;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use trapheus_common::clients;
use trapheus_common::trust::Trust;

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Message {
    pub path: String,
    /// The host that the request is for.
    pub host: String,
    pub body: Value,
}

/// A running server.
#[derive(Clone, Debug)]
pub struct Receiver {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Vec<Message>>,
    /// Notifies the connector of a request that the server does not answer.
    hangs: Notify,
}

impl Receiver {
    /// Serves on a free port until the process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("a bound socket").to_string();
        let receiver = Self { address, shared: Arc::default() };
        let served = receiver.clone();
        std::thread::spawn(move || real().block_on(served.serve(listener)));
        receiver
    }

    /// Every message so far, in order, refused and unanswered ones included.
    pub fn received(&self) -> Vec<Message> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A connector that sends the requests for every host to this server.
    pub fn connector(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(Wire(self.clone()))
    }

    async fn serve(self, listener: TcpListener) {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listening socket");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let server = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| server.clone().answer(request));
                // The client may close the connection at any time.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    async fn answer(self, request: hyper::Request<Incoming>) -> io::Result<hyper::Response<Full<Bytes>>> {
        let path = request.uri().path().to_owned();
        let host =
            request.headers().get("x-sent-to").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        let message = Message { path: path.clone(), host, body: serde_json::from_slice(&body).unwrap_or_default() };
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        let elsewhere = format!("http://{}/services/T0/B0/elsewhere", self.address);
        let (status, body) = match word(&path) {
            "500" => (500, "something_went_wrong"),
            "504" => (504, ""),
            "redirect" => (302, ""),
            "gone" => (404, "no_service"),
            // The server has taken the message. The connection ends without an answer.
            "lost" => return Err(io::Error::other("no answer")),
            "hang" => {
                self.shared.hangs.notify_one();
                pending().await
            }
            _ => (200, "ok"),
        };
        let response = hyper::Response::builder().status(status).header("location", elsewhere);
        Ok(response.body(Full::from(body)).expect("a response"))
    }
}

/// The last word of a path, which determines the behaviour of the webhook.
fn word(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// A runtime whose time is real.
fn real() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[derive(Debug)]
struct Wire(Receiver);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Receiver { address, shared } = self.0.clone();
        let carried = std::thread::spawn(move || real().block_on(carry(&address, &shared, request)));
        match carried.join().expect("a request that is sent") {
            Some(answer) => HttpConnectorFuture::ready(answer),
            None => HttpConnectorFuture::new(pending()),
        }
    }
}

/// Sends the request to the server instead of its host, through the deployed connector. Returns nothing if no answer will come.
async fn carry(
    address: &str,
    shared: &Shared,
    mut request: HttpRequest,
) -> Option<Result<HttpResponse, ConnectorError>> {
    let uri: hyper::Uri = request.uri().parse().expect("an address");
    // No server listens on port 1.
    let address = if word(uri.path()) == "dead" { "127.0.0.1:1" } else { address };
    request.headers_mut().insert("x-sent-to", uri.host().unwrap_or_default().to_owned());
    request.set_uri(format!("http://{address}{}", uri.path())).expect("an address");
    tokio::select! {
        answer = clients::connector(Trust::System).call(request) => Some(match answer {
            Ok(response) => Ok(in_memory(response).await),
            Err(error) => Err(error),
        }),
        () = shared.hangs.notified() => None,
    }
}

/// A copy of the response that does not need the connection.
async fn in_memory(response: HttpResponse) -> HttpResponse {
    let status = StatusCode::try_from(response.status().as_u16()).expect("a status");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    HttpResponse::new(status, SdkBody::from(body))
}
