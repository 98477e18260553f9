//! The simulator over HTTP/1, for an AWS client in any language that uses the address as its endpoint.
//!
//! Besides the services' own paths, `GET /_simulator/state`, `/_simulator/mails`, `/_simulator/posts` and
//! `/_simulator/requests` answer with JSON for people and tests.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::dispatch::response;
use crate::{ConnectionError, Simulator};

/// Serves until the future is dropped. The error comes from the listener.
pub async fn serve(simulator: Simulator, listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let simulator = simulator.clone();
        tokio::spawn(async move {
            let stream = Breakable { stream, breaks: Arc::default() };
            let breaks = Arc::clone(&stream.breaks);
            let service = service_fn(move |request| answer(simulator.clone(), request, Arc::clone(&breaks)));
            // A connection that a fault breaks is not a failure of the server.
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
}

/// An error makes hyper close the connection without an answer: the client sees a lost response.
async fn answer(
    simulator: Simulator,
    request: Request<Incoming>,
    breaks: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let response = match look(&simulator, &parts) {
        Some(response) => response,
        None => match simulator.handle(Request::from_parts(parts, body)).await {
            Err(ConnectionError::Reset) => {
                breaks.store(true, Ordering::Relaxed);
                response(200, "text/xml", String::new())
            }
            answer => answer?,
        },
    };
    Ok(response.map(Full::new))
}

/// A connection that can break in the middle of an answer.
struct Breakable {
    stream: TcpStream,
    /// If set, only the first bytes of the next write arrive.
    breaks: Arc<AtomicBool>,
}

/// The number of bytes of a broken answer that arrive: a part of its head.
const BROKEN_AFTER: usize = 20;

impl AsyncRead for Breakable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.breaks.load(Ordering::Relaxed) {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        let part = &bytes[..bytes.len().min(BROKEN_AFTER)];
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, part));
        Poll::Ready(written.and(Err(io::ErrorKind::ConnectionReset.into())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn look(simulator: &Simulator, parts: &http::request::Parts) -> Option<Response<Bytes>> {
    let json = match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/_simulator/state") => serde_json::to_string_pretty(&simulator.state()),
        (&Method::GET, "/_simulator/mails") => serde_json::to_string_pretty(&simulator.mails()),
        (&Method::GET, "/_simulator/posts") => serde_json::to_string_pretty(&simulator.posts()),
        (&Method::GET, "/_simulator/requests") => serde_json::to_string_pretty(&simulator.requests()),
        _ => return None,
    };
    Some(match json {
        Ok(json) => response(200, "application/json", json),
        Err(error) => response(500, "text/plain", error.to_string()),
    })
}
