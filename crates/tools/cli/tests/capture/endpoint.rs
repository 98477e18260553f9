//! An endpoint that answers as RDS does, in the Query protocol, from recorded answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// The parameters of a request.
pub(crate) type Parameters = BTreeMap<String, String>;

/// The answer to an action: its result, or a status, a code and a message.
pub(crate) type Answer = Result<Value, (u16, &'static str, String)>;

/// A server on a port of this machine, until the process ends.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    actions: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    /// Serves the answers of a function of action and parameters.
    pub(crate) fn serving(answer: impl FnMut(&str, &Parameters) -> Answer + Send + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let actions: Arc<Mutex<Vec<String>>> = Arc::default();
        let (noted, answer) = (Arc::clone(&actions), Arc::new(Mutex::new(answer)));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                listener.set_nonblocking(true).expect("a listener of Tokio's");
                let listener = TcpListener::from_std(listener).expect("a listener of Tokio's");
                while let Ok((stream, _)) = listener.accept().await {
                    let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                    tokio::spawn(async move {
                        let service = service_fn(move |request: Request<Incoming>| {
                            let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                            async move {
                                let body = request.into_body().collect().await.expect("a request").to_bytes();
                                let parameters: Parameters = serde_urlencoded::from_bytes(&body).expect("a form");
                                let action = parameters["Action"].clone();
                                noted.lock().expect("no panic").push(action.clone());
                                let answer = (answer.lock().expect("no panic"))(&action, &parameters);
                                Ok::<_, Infallible>(response(&action, answer))
                            }
                        });
                        // A client that closes its connection is no failure of the server.
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
        });
        Self { address, actions }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every action so far, in order.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.actions.lock().expect("no panic").clone()
    }
}

fn response(action: &str, answer: Answer) -> Response<Full<Bytes>> {
    const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";
    let (status, text) = match answer {
        Ok(result) => {
            let mut text = format!("<{action}Response xmlns=\"{NAMESPACE}\">");
            element(&mut text, &format!("{action}Result"), "", &result);
            (200, format!("{text}</{action}Response>"))
        }
        Err((status, code, message)) => (
            status,
            format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
                 </Error><RequestId>1</RequestId></ErrorResponse>"
            ),
        ),
    };
    let response = Response::builder().status(status).header("content-type", "text/xml");
    response.body(Full::new(Bytes::from(text))).expect("a response")
}

/// Writes a value as the AWS CLI prints it as the element that RDS sends.
fn element(xml: &mut String, name: &str, parent: &str, value: &Value) {
    match value {
        Value::Null => {}
        // A recording that lost a moment.
        Value::Object(fields) if fields.is_empty() && name.ends_with("Time") => {}
        // An invented answer shows the endpoint of a cluster in the form of an instance's.
        Value::Object(fields) if (name, parent) == ("Endpoint", "DBCluster") => {
            element(xml, name, parent, &fields["Address"]);
        }
        Value::Object(fields) => nest(xml, name, |xml| {
            for (field, value) in fields {
                element(xml, field, name, value);
            }
        }),
        Value::Array(items) => nest(xml, name, |xml| {
            for item in items {
                element(xml, member_of(name, parent), name, item);
            }
        }),
        Value::String(text) => nest(xml, name, |xml| xml.push_str(&quick_xml::escape::escape(text))),
        other => nest(xml, name, |xml| xml.push_str(&other.to_string())),
    }
}

fn nest(xml: &mut String, name: &str, content: impl FnOnce(&mut String)) {
    xml.extend(["<", name, ">"]);
    content(xml);
    xml.extend(["</", name, ">"]);
}

/// The name of a list's elements in RDS's service model.
fn member_of(list: &str, parent: &str) -> &'static str {
    match (list, parent) {
        ("AssociatedRoles", "DBCluster") => "DBClusterRole",
        ("AssociatedRoles", _) => "DBInstanceRole",
        ("AvailabilityZones", _) => "AvailabilityZone",
        ("DBClusterMembers", _) => "DBClusterMember",
        ("DBClusterOptionGroupMemberships", _) => "DBClusterOptionGroup",
        ("DBClusterSnapshots", _) => "DBClusterSnapshot",
        ("DBClusters", _) => "DBCluster",
        ("DBEngineVersions", _) => "DBEngineVersion",
        ("DBInstances", _) => "DBInstance",
        ("DBParameterGroups", _) => "DBParameterGroup",
        ("DBSecurityGroups", _) => "DBSecurityGroup",
        ("DBSnapshots", _) => "DBSnapshot",
        ("DBSubnetGroups", _) => "DBSubnetGroup",
        ("DomainMemberships", _) => "DomainMembership",
        ("OptionGroupMemberships", _) => "OptionGroupMembership",
        ("ProcessorFeatures", _) => "ProcessorFeature",
        ("ReadReplicaDBInstanceIdentifiers", _) => "ReadReplicaDBInstanceIdentifier",
        ("ReadReplicaIdentifiers", _) => "ReadReplicaIdentifier",
        ("Subnets", _) => "Subnet",
        ("TagList", _) => "Tag",
        ("ValidUpgradeTarget", _) => "UpgradeTarget",
        ("VpcSecurityGroups", _) => "VpcSecurityGroupMembership",
        _ => "member",
    }
}
