//! The account the functions call: the simulator, over HTTP or over HTTPS with a certificate made for the occasion.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rds_simulator::{Options, Simulator, World};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use trapheus_cli::rehearsal::{BEGIN, DEFAULT_WORLD};

use crate::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// A world of its own for each start, so that the first never changes what the second meets.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    /// What a client has to trust; it reads that over HTTP too, as it does not know yet whom it will call.
    pub(crate) trust: Trust,
    server: JoinHandle<()>,
}

impl Account {
    pub(crate) async fn serve(scheme: Scheme, authorities: &str) -> Result<Self> {
        let options = Options { seed: 0, start_time: std::time::UNIX_EPOCH + BEGIN, speed: 1.0 };
        let simulator = Simulator::new(World::from_json(DEFAULT_WORLD)?, options)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (config, own) = certified()?;
        let trust = Trust::in_all_of(authorities, &own)?;
        let (name, tls) = match scheme {
            Scheme::Http => ("http", None),
            Scheme::Https => ("https", Some(TlsAcceptor::from(Arc::new(config)))),
        };
        let server = tokio::spawn(accept(listener, tls, simulator));
        Ok(Self { endpoint: format!("{name}://{address}"), trust, server })
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A file of authorities: as many as a function reads in AWS, so that reading them is measured, and the account's own.
pub(crate) struct Trust(pub(crate) PathBuf);

impl Trust {
    fn in_all_of(authorities: &str, own: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("bench-functions-{}.pem", std::process::id()));
        std::fs::write(&path, authorities.to_owned() + own)?;
        Ok(Self(path))
    }
}

impl Drop for Trust {
    fn drop(&mut self) {
        // What cannot be removed is a few kilobytes among the temporary files.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, simulator: Simulator) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, tls.clone(), simulator.clone()));
    }
}

/// Who is left without an answer fails, and says so; that a function is ended without closing its connections is as it should be.
async fn converse(stream: TcpStream, tls: Option<TlsAcceptor>, simulator: Simulator) {
    let service = service_fn(move |request| answer(simulator.clone(), request));
    let http = http1::Builder::new();
    let _ = match tls {
        None => http.serve_connection(TokioIo::new(stream), service).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
            Err(error) => return eprintln!("no handshake: {error}"),
        },
    };
}

async fn answer(simulator: Simulator, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(simulator.handle(Request::from_parts(parts, body)).await?.map(Full::new))
}

/// A server's certificate for this machine, and the authority that vouches for it.
fn certified() -> Result<(ServerConfig, String)> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((config, authority.pem()))
}
