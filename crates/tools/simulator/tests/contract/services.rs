//! The other services: mail, executions, and the simulator over a socket.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sesv2::error::ProvideErrorMetadata as _;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use aws_sdk_sfn::types::ExecutionStatus;
use rds_simulator::{Execution, Service, Simulator};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{sfn, simulated, start_time};

fn text(data: &str) -> Content {
    Content::builder().data(data).build().unwrap()
}

fn ses(simulator: &Simulator) -> aws_sdk_sesv2::Client {
    let config = aws_sdk_sesv2::Config::builder()
        .behavior_version(aws_sdk_sesv2::config::BehaviorVersion::latest())
        .region(aws_sdk_sesv2::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(aws_sdk_sesv2::config::retry::RetryConfig::disabled())
        .http_client(simulator.http_client());
    aws_sdk_sesv2::Client::from_conf(config.build())
}

#[tokio::test(start_paused = true)]
async fn mail_is_kept_with_all_its_parts() {
    let (simulator, _) = simulated("{}");
    let body = Body::builder().text(text("plain")).html(text("<b>rich</b>")).build();
    let message = Message::builder().subject(text("Restore of orders failed")).body(body).build();
    let request = ses(&simulator).send_email().from_email_address("dba@example.com");
    let request = request.destination(Destination::builder().to_addresses("oncall@example.com").build());
    let sent = request.content(EmailContent::builder().simple(message).build()).send().await.unwrap();
    assert!(sent.message_id().is_some());
    let mails = simulator.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.as_slice()),
        ("dba@example.com", ["oncall@example.com".to_owned()].as_slice())
    );
    assert_eq!(mails[0].subject, "Restore of orders failed");
    assert_eq!((mails[0].text.as_deref(), mails[0].html.as_deref()), (Some("plain"), Some("<b>rich</b>")));
    assert_eq!(simulator.requests()[0].service, Service::Ses);
}

#[tokio::test(start_paused = true)]
async fn mail_can_fail_be_throttled_and_be_denied() {
    for (fault, status, code) in [
        (r#"{"kind": "error", "code": "MessageRejected", "message": "no"}"#, 400, "MessageRejected"),
        (r#"{"kind": "throttle"}"#, 429, "TooManyRequestsException"),
        (r#"{"kind": "denied"}"#, 403, "AccessDeniedException"),
        (r#"{"kind": "serverError"}"#, 503, "ServiceUnavailable"),
    ] {
        let (simulator, _) = simulated(&format!(r#"{{"faults": [{{"action": "SendEmail", "fault": {fault}}}]}}"#));
        let message = Message::builder().subject(text("s")).body(Body::builder().text(text("t")).build()).build();
        let request = ses(&simulator)
            .send_email()
            .from_email_address("a@example.com")
            .destination(Destination::builder().to_addresses("b@example.com").build());
        let error = request.content(EmailContent::builder().simple(message).build()).send().await.unwrap_err();
        assert_eq!(error.raw_response().map(|response| response.status().as_u16()), Some(status), "{fault}");
        assert_eq!(error.code(), Some(code), "{fault}");
        assert!(simulator.mails().is_empty());
    }
}

/// An SDK client's configuration that talks to the simulator.
macro_rules! client {
    ($sdk:ident, $simulator:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("us-east-1"))
                .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
                .retry_config($sdk::config::retry::RetryConfig::disabled())
                .http_client($simulator.http_client())
                .build(),
        )
    };
}

#[tokio::test(start_paused = true)]
async fn a_text_is_returned_by_its_name_and_never_recorded() {
    let (simulator, _) = simulated("{}");
    simulator.put_secret("chat", "one");
    simulator.put_parameter("/chat", "two");
    let secrets = client!(aws_sdk_secretsmanager, simulator);
    let parameters = client!(aws_sdk_ssm, simulator);
    let secret = secrets.get_secret_value().secret_id("chat").send().await.unwrap();
    assert_eq!(secret.secret_string(), Some("one"));
    let parameter = parameters.get_parameter().name("/chat").with_decryption(true).send().await.unwrap();
    assert_eq!(parameter.parameter().and_then(|found| found.value()), Some("two"));
    let missing = secrets.get_secret_value().secret_id("/chat").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    let missing = parameters.get_parameter().name("chat").send().await.unwrap_err();
    assert!(missing.into_service_error().is_parameter_not_found());
    let requests = simulator.requests();
    assert_eq!((requests[0].service, requests[1].service), (Service::SecretsManager, Service::Ssm));
    assert_eq!(requests[0].parameters.get("SecretId").map(String::as_str), Some("chat"));
    assert!(!format!("{requests:?}").contains("one") && !format!("{requests:?}").contains("two"));
}

#[tokio::test(start_paused = true)]
async fn a_text_can_be_denied_and_throttled() {
    for (fault, code) in [("throttle", "ThrottlingException"), ("denied", "AccessDeniedException")] {
        let fault = |action: &str| format!(r#"{{"action": "{action}", "fault": {{"kind": "{fault}"}}}}"#);
        let world = format!(r#"{{"faults": [{}, {}]}}"#, fault("GetSecretValue"), fault("GetParameter"));
        let (simulator, _) = simulated(&world);
        let secret = client!(aws_sdk_secretsmanager, simulator).get_secret_value().secret_id("chat").send().await;
        assert_eq!(secret.unwrap_err().code(), Some(code));
        let parameter = client!(aws_sdk_ssm, simulator).get_parameter().name("/chat").send().await;
        assert_eq!(parameter.unwrap_err().code(), Some(code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_kept_with_its_path_and_may_be_refused() {
    let post = |path: &str, body: &'static str| {
        let request = http::Request::post(format!("https://chat.example{path}"));
        request.header("content-type", "application/json").body(bytes::Bytes::from(body)).unwrap()
    };
    let (simulator, _) = simulated(
        r#"{"faults": [{"action": "PostMessage", "identifier": "/down", "fault": {"kind": "serverError", "status": 500}}]}"#,
    );
    let status = async |path: &str, body| simulator.handle(post(path, body)).await.unwrap().status().as_u16();
    assert_eq!(status("/up", r#"{"text": "hello"}"#).await, 200);
    assert_eq!(status("/down", r#"{"text": "hello"}"#).await, 500);
    assert_eq!(status("/up", "hello").await, 400);
    let posts = simulator.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!((posts[0].path.as_str(), posts[0].body["text"].as_str()), ("/up", Some("hello")));
}

#[tokio::test(start_paused = true)]
async fn looking_up_an_execution_can_be_throttled_and_denied() {
    for (fault, code) in [("throttle", "ThrottlingException"), ("denied", "AccessDeniedException")] {
        let fault = format!(r#"{{"faults": [{{"action": "DescribeExecution", "fault": {{"kind": "{fault}"}}}}]}}"#);
        let (simulator, _) = simulated(&fault);
        let error = sfn(&simulator).describe_execution().execution_arn("arn").send().await.unwrap_err();
        assert_eq!(error.code(), Some(code));
    }
}

#[tokio::test(start_paused = true)]
async fn executions_are_looked_up_by_arn_and_machine() {
    let (simulator, _) = simulated("{}");
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:restore";
    let arn = |name: &str| format!("arn:aws:states:us-east-1:123456789012:execution:restore:{name}");
    for name in ["first", "second"] {
        simulator.register_execution(Execution {
            arn: arn(name),
            state_machine_arn: machine.to_owned(),
            status: "RUNNING".to_owned(),
            input: r#"{"identifier":"orders"}"#.to_owned(),
            start_date: start_time(),
            stop_date: None,
            error: None,
            cause: None,
            redriven: None,
        });
    }
    let stopped = start_time() + Duration::from_secs(5);
    let update = |execution: &mut Execution| {
        execution.status = "ABORTED".to_owned();
        execution.stop_date = Some(stopped);
        execution.error = Some("Stopped".to_owned());
        execution.cause = Some("by hand".to_owned());
    };
    assert!(simulator.update_execution(&arn("first"), update));
    assert!(!simulator.update_execution(&arn("none"), update));
    let client = sfn(&simulator);
    let first = client.describe_execution().execution_arn(arn("first")).send().await.unwrap();
    assert_eq!((first.status(), first.input()), (&ExecutionStatus::Aborted, Some(r#"{"identifier":"orders"}"#)));
    assert_eq!(first.state_machine_arn(), machine);
    assert_eq!((first.error(), first.cause()), (Some("Stopped"), Some("by hand")));
    assert_eq!(first.stop_date().map(|date| date.secs()), Some(1_750_000_005));
    assert_eq!((first.redrive_count(), first.redrive_date()), (Some(0), None));
    assert!(
        simulator.update_execution(&arn("first"), |execution| execution.redrive(stopped + Duration::from_secs(60)))
    );
    let again = client.describe_execution().execution_arn(arn("first")).send().await.unwrap();
    assert_eq!((again.status(), again.stop_date()), (&ExecutionStatus::Running, None));
    assert_eq!((again.error(), again.cause()), (None, None));
    assert_eq!(again.redrive_count(), Some(1));
    assert_eq!(again.redrive_date().map(|date| date.secs()), Some(1_750_000_065));
    simulator.update_execution(&arn("first"), update);
    let missing = client.describe_execution().execution_arn(arn("none")).send().await.unwrap_err();
    assert!(missing.into_service_error().is_execution_does_not_exist());
    let running = client
        .list_executions()
        .state_machine_arn(machine)
        .status_filter(ExecutionStatus::Running)
        .send()
        .await
        .unwrap();
    assert_eq!(running.executions().iter().map(|found| found.name().to_owned()).collect::<Vec<_>>(), ["second"]);
}

/// Makes one request over a socket. Returns the answer as text, empty if the connection was dropped.
async fn over_http(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // The read of a dropped connection may also fail.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn the_server_answers_clients_and_people_and_drops_lost_responses() {
    let world = r#"{"instances": [{"identifier": "orders", "engine": "mysql"}], "faults": [{"action": "StopDBInstance", "fault": {"kind": "responseLost"}}]}"#;
    let (simulator, _) = simulated(world);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(rds_simulator::serve(simulator, listener));
    let post = |body: &str| {
        format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let found = over_http(address, &post("Action=DescribeDBInstances&Version=2014-10-31")).await;
    assert!(found.starts_with("HTTP/1.1 200 OK") && found.contains("<DBInstanceStatus>available<"), "{found}");
    let lost = over_http(address, &post("Action=StopDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders")).await;
    assert_eq!(lost, "");
    let state = over_http(address, "GET /_simulator/state HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(state.contains("\"status\": \"stopping\""), "{state}");
    server.abort();
}

#[test]
fn example_worlds_can_exist() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/worlds")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let world =
            rds_simulator::World::from_json(&text).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        Simulator::new(world, rds_simulator::Options::default())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn impossible_world_is_refused_with_the_place() {
    for (world, place) in [
        (
            r#"{"instances": [{"identifier": "a", "engine": "mysql"}, {"identifier": "A", "engine": "mysql"}]}"#,
            "instances[1].identifier",
        ),
        (r#"{"instances": [{"identifier": "a", "engine": "msql"}]}"#, "instances[0].engine"),
        (r#"{"instances": [{"identifier": "a", "engine": "mysql", "replicaOf": "b"}]}"#, "instances[0].replicaOf"),
        (r#"{"clusters": [{"identifier": "a", "engine": "mariadb"}]}"#, "clusters[0].engine"),
        (
            r#"{"clusters": [{"identifier": "a", "engine": "aurora-mysql", "members": [{"identifier": "-"}]}]}"#,
            "clusters[0].members[0].identifier",
        ),
        (r#"{"snapshots": [{"identifier": "s", "source": "gone"}]}"#, "snapshots[0].engine"),
        (r#"{"timings": {"jitter": 2}}"#, "timings.jitter"),
    ] {
        let parsed = rds_simulator::World::from_json(world).unwrap();
        let error = Simulator::new(parsed, rds_simulator::Options::default()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{place}: ")), "{error}");
    }
}
