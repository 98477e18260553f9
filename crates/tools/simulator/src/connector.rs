//! The simulator as the HTTP client of an AWS SDK: no socket, no thread, the same bytes.

use std::io;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use bytes::Bytes;

use crate::{ConnectionError, Simulator};

#[derive(Clone, Debug)]
pub(crate) struct Connector(pub(crate) Simulator);

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let simulator = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = as_http(&request)?;
            match simulator.handle(request).await {
                Ok(response) => as_sdk(response),
                // The kind of error that an operating system reports: the client knows that it sent nothing.
                Err(ConnectionError::Refused) => {
                    Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionRefused).into()))
                }
                Err(error @ ConnectionError::Lost) => Err(ConnectorError::io(error.into())),
                // The error that a client makes of hyper's "incomplete message": not an I/O error, and worth a retry.
                Err(error @ ConnectionError::Reset) => {
                    Err(ConnectorError::other(error.into(), Some(ErrorKind::TransientError)))
                }
            }
        })
    }
}

fn as_http(request: &HttpRequest) -> Result<http::Request<Bytes>, ConnectorError> {
    let unreadable = || ConnectorError::user("the simulator takes requests whose body is in memory".into());
    let body = request.body().bytes().ok_or_else(unreadable)?;
    let mut converted = http::Request::builder().method(request.method()).uri(request.uri());
    for (name, value) in request.headers() {
        converted = converted.header(name, value);
    }
    converted.body(Bytes::copy_from_slice(body)).map_err(|error| ConnectorError::user(error.into()))
}

fn as_sdk(response: http::Response<Bytes>) -> Result<HttpResponse, ConnectorError> {
    let (parts, body) = response.into_parts();
    let status =
        StatusCode::try_from(parts.status.as_u16()).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut converted = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            converted.headers_mut().insert(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(converted)
}
