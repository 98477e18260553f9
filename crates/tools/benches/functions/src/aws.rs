//! The account that the functions call: the simulator, over HTTP or over HTTPS with a temporary certificate.

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

/// Each start gets its own world, so that the first start cannot change the results of the second.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    /// The certificates that a client trusts. A client reads them over HTTP too, since it does not yet know its endpoint.
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

/// A file of certificate authorities: as many as a function reads in AWS, plus the account's own. The measurement thus
/// includes the time to read them.
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
        // A file that cannot be removed costs a few kilobytes in the temporary directory.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, simulator: Simulator) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, tls.clone(), simulator.clone()));
    }
}

/// Errors are ignored. A client without an answer fails and reports the failure itself. A function ends without closing its
/// connections, as expected.
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

/// A server certificate for this machine, and the authority that signed it.
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
