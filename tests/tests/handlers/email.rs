//! Handlers of the email crate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rds_simulator::{Fault, FaultRule, Mail, Simulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trapheus_common::clients;
use trapheus_common::document::{AlertEvent, AlertOutput, AlertPhase, Task};
use trapheus_common::trust::Trust;
use trapheus_common::{ErrorKind, Result};
use trapheus_email::EmailOptions;
use trapheus_tests::{EXECUTION, Harness};

fn world() -> Value {
    json!({
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"deletionProtection": true}}],
        "clusters": [{"identifier": "shop", "engine": "aurora-postgresql",
                      "members": [{"identifier": "shop-1"}, {"identifier": "shop-2"}]}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}]
    })
}

async fn send(harness: &Harness, phase: AlertPhase, document: Value) -> Result<AlertOutput> {
    let options = EmailOptions::new("trapheus@example.com", "oncall@example.com,dba@example.com", "us-east-1");
    let failed_state = Some("RestoreDbInstanceFromSnapshot".to_owned());
    let event = AlertEvent { phase, execution: EXECUTION.to_owned(), failed_state, document };
    trapheus_email::send(&harness.clients.ses, harness.rds(), &options, event, harness.invocation()).await
}

fn only_mail(simulator: &Simulator) -> Mail {
    let mails = simulator.mails();
    assert_eq!(mails.len(), 1);
    mails[0].clone()
}

/// Fails every call of an action.
fn always(action: &str, fault: Fault) -> FaultRule {
    FaultRule { action: action.to_owned(), identifier: None, caller: None, occurrence: 1, times: u32::MAX, fault }
}

/// The document of a restore of `orders` that failed after the rename.
async fn renamed_away(harness: &Harness) -> Value {
    let event = Box::pin(harness.claimed_instance("orders", Task::DbRestore)).await;
    let rename = Harness::parking(&event);
    let renaming = async || trapheus_rename::instance::rename(harness.rds(), rename.clone()).await;
    let renamed = Box::pin(harness.run_instance(&event.request, renaming)).await.unwrap();
    json!({
        "identifier": "orders", "task": "db_restore", "isCluster": false,
        "request": event.request, "plan": event.plan, "claim": {}, "rename": renamed,
        "error": {"Error": "InstanceRestoreException", "Cause": "{\"errorMessage\": \"cannot restore orders\"}"}
    })
}

#[tokio::test(start_paused = true)]
async fn the_first_alert_is_sent_without_a_read_of_rds() {
    let harness = Harness::new(world());
    let document = renamed_away(&harness).await;
    let looks = harness.simulator.requests().len();
    let output = send(&harness, AlertPhase::First, document).await.unwrap();
    assert_eq!(output.phase, AlertPhase::First);
    assert!(!output.message_id.is_empty());
    assert_eq!(harness.simulator.requests().len(), looks + 1, "one SendEmail and nothing else");
    let mail = only_mail(&harness.simulator);
    assert_eq!(mail.from, "trapheus@example.com");
    assert_eq!(mail.to, ["dba@example.com", "oncall@example.com"]);
    assert_eq!(mail.subject, "Trapheus: restore of orders failed at RestoreDbInstanceFromSnapshot (rolling back)");
    for part in [mail.text.unwrap(), mail.html.unwrap()] {
        assert!(part.contains("cannot restore orders"), "{part}");
        assert!(part.contains("The rollback has begun"), "{part}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_final_alert_lists_the_databases_and_the_remaining_commands() {
    let harness = Harness::new(world());
    let document = renamed_away(&harness).await;
    let resource_id = document["plan"]["original"]["resourceId"].as_str().unwrap().to_owned();
    send(&harness, AlertPhase::Final, document).await.unwrap();
    let mail = only_mail(&harness.simulator);
    assert!(mail.subject.starts_with("Trapheus: ACTION NEEDED: restore of orders failed"), "{}", mail.subject);
    for part in [mail.text.unwrap(), mail.html.unwrap()] {
        for said in [
            format!("DB instance orders-temp: available, the original ({resource_id}), deletion protection on"),
            "No DB instance is named orders.".to_owned(),
            "Snapshot orders-snapshot: available".to_owned(),
            "aws rds modify-db-instance --db-instance-identifier orders-temp --new-db-instance-identifier orders \
             --apply-immediately --region us-east-1"
                .to_owned(),
        ] {
            assert!(part.contains(&said), "{said}\nis not in\n{part}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_final_alert_of_a_cluster_lists_its_members() {
    let harness = Harness::new(world());
    let event = harness.claimed_cluster("shop", Task::DbRestore).await;
    let document = json!({
        "request": event.request, "plan": event.plan, "claim": {}, "downtime": {"since": "2026-01-31T08:00:00Z"},
        "error": {"Error": "RenameException", "Cause": "cannot rename shop"}
    });
    send(&harness, AlertPhase::Final, document).await.unwrap();
    let text = only_mail(&harness.simulator).text.unwrap();
    assert!(text.contains("shop is the original again, and available."), "{text}");
    assert_eq!(text.matches("writer of shop").count(), 1, "{text}");
    assert_eq!(text.matches("member of shop").count(), 1, "{text}");
    assert!(text.contains("Snapshot shop-snapshot: available"), "{text}");
}

/// For a while after a rename request, RDS shows the database as available under its old name.
#[tokio::test(start_paused = true)]
async fn the_final_alert_reports_a_database_that_a_person_is_renaming_as_not_available() {
    let harness = Harness::new(world());
    let rds = harness.rds();
    let failed = json!({"Error": "InstanceUnavailableException", "Cause": "somebody is renaming it"});

    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    let rename = rds.modify_db_instance().db_instance_identifier("orders").new_db_instance_identifier("orders-old");
    rename.apply_immediately(true).send().await.unwrap();
    let document = json!({"request": event.request, "plan": event.plan, "claim": {}, "error": failed});
    send(&harness, AlertPhase::Final, document).await.unwrap();

    let event = harness.claimed_cluster("shop", Task::DbRestore).await;
    let rename = rds.modify_db_cluster().db_cluster_identifier("shop").new_db_cluster_identifier("shop-old");
    rename.apply_immediately(true).send().await.unwrap();
    let document = json!({"request": event.request, "plan": event.plan, "claim": {}, "error": failed});
    send(&harness, AlertPhase::Final, document).await.unwrap();

    for mail in harness.simulator.mails() {
        assert!(mail.subject.contains("ACTION NEEDED"), "{}", mail.subject);
        let text = mail.text.unwrap();
        assert!(text.contains("is the original, but not available yet: its status is renaming."), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_of_rds_does_not_stop_the_alert() {
    for (fault, reason) in [
        (Fault::Denied {}, "AccessDenied"),
        (Fault::ServerError { status: 503 }, "cannot describe DB instances"),
        (Fault::Slow { seconds: 3_600.0 }, "RDS"),
    ] {
        let harness = Harness::new(world());
        let document = renamed_away(&harness).await;
        harness.simulator.inject(always("DescribeDBInstances", fault));
        send(&harness, AlertPhase::Final, document).await.unwrap();
        let mail = only_mail(&harness.simulator);
        assert!(mail.subject.contains("final: could not look at RDS"), "{}", mail.subject);
        let text = mail.text.unwrap();
        assert!(text.contains("The databases could not be looked at"), "{text}");
        assert!(text.contains(reason), "{text}");
        assert!(text.contains("Snapshot orders-snapshot: available"), "the alert still lists the snapshots: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_of_any_shape_is_mailed() {
    for document in [
        json!({"input": {"identifier": "or\r\nders <b>", "task": 5}, "error": {"Error": "InvalidInputException", "Cause": "{}"}}),
        json!({"input": [1, 2]}),
        json!(null),
        json!("orders"),
    ] {
        for phase in [AlertPhase::First, AlertPhase::Final] {
            let harness = Harness::new(world());
            send(&harness, phase, document.clone()).await.unwrap();
            let mail = only_mail(&harness.simulator);
            assert!(!mail.subject.chars().any(char::is_control), "{:?}", mail.subject);
            assert!(mail.text.unwrap().contains("othing was touched"), "{document}");
            assert!(!mail.html.unwrap().contains("<b>ders"), "{document}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_ses_refuses_fails_with_the_error_of_ses_and_without_addresses() {
    let fault = Fault::Error {
        code: "MessageRejected".to_owned(),
        message: "Email address is not verified: oncall@example.com".to_owned(),
    };
    let harness = Harness::new(world());
    harness.simulator.inject(always("SendEmail", fault));
    let error = send(&harness, AlertPhase::First, json!({"input": {"identifier": "orders"}})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Alert);
    assert!(error.report().contains("MessageRejected: Email address is not verified"), "{}", error.report());
    assert!(!error.report().contains('@'), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn throttling_by_ses_is_left_to_the_state_machines_retry() {
    let harness = Harness::new(world());
    harness.simulator.inject(always("SendEmail", Fault::Throttle { code: "TooManyRequestsException".to_owned() }));
    let error = send(&harness, AlertPhase::First, json!({"input": {"identifier": "orders"}})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateExceeded);
    assert!(error.kind().retryable());
}

#[tokio::test(start_paused = true)]
async fn a_mail_without_an_answer_is_sent_once_and_reported_as_unanswered() {
    for (fault, taken, kind) in [
        (Fault::Slow { seconds: 3_600.0 }, 1, ErrorKind::Unanswered),
        (Fault::ResponseLost {}, 1, ErrorKind::Unanswered),
        // With 500, 502 and 504, SES may have taken the mail before it failed. With 503, it has not taken the mail.
        (Fault::ServerError { status: 500 }, 0, ErrorKind::Unanswered),
        (Fault::ServerError { status: 502 }, 0, ErrorKind::Unanswered),
        (Fault::ServerError { status: 504 }, 0, ErrorKind::Unanswered),
        (Fault::ServerError { status: 503 }, 0, ErrorKind::ServiceUnavailable),
        (Fault::ConnectionReset {}, 1, ErrorKind::Unanswered),
        // Nothing was sent, so the state machine may repeat the call without a limit.
        (Fault::ConnectionRefused {}, 0, ErrorKind::EndpointUnreachable),
    ] {
        let harness = Harness::new(world());
        harness.simulator.inject(always("SendEmail", fault.clone()));
        let error = send(&harness, AlertPhase::First, json!({"identifier": "orders"})).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {}", error.report());
        assert_eq!((harness.simulator.mails().len(), harness.simulator.requests().len()), (taken, 1), "{fault:?}");
    }
}

/// A server that takes one request on each connection, answers with these bytes, and closes. It counts the requests.
async fn closing(said: &'static [u8]) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) {
                if connection.read_buf(&mut request).await.unwrap() == 0 {
                    break;
                }
            }
            counted.fetch_add(1, Ordering::Relaxed);
            connection.write_all(said).await.unwrap();
        }
    });
    (address, requests)
}

/// Whether the body has the length that its header states.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.is_none_or(|length| body.len() >= length.trim().parse::<usize>().unwrap())
}

/// Sends a mail as the deployed function does, except for the host: through the SDK with its retries, hyper, and a socket.
#[tokio::test]
async fn a_mail_whose_connection_ends_after_the_request_is_unanswered_and_not_repeated() {
    for said in [b"".as_slice(), b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{"] {
        let (address, requests) = closing(said).await;
        let config = aws_sdk_sesv2::Config::builder()
            .behavior_version(aws_sdk_sesv2::config::BehaviorVersion::latest())
            .region(aws_sdk_sesv2::config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_sesv2::config::Credentials::new("key", "secret", None, None, "test"))
            .endpoint_url(format!("http://{address}"))
            .http_client(clients::http_client(Trust::System))
            .timeout_config(clients::timeouts())
            .retry_config(clients::retries())
            .build();
        let ses = clients::lazy(move || aws_sdk_sesv2::Client::from_conf(config));
        let harness = Harness::new(world());
        let options = EmailOptions::new("trapheus@example.com", "oncall@example.com", "us-east-1");
        let document = json!({"identifier": "orders"});
        let event =
            AlertEvent { phase: AlertPhase::First, execution: EXECUTION.to_owned(), failed_state: None, document };
        let sent = trapheus_email::send(&ses, harness.rds(), &options, event, harness.invocation()).await;
        let error = sent.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unanswered, "{}", error.report());
        assert_eq!(requests.load(Ordering::Relaxed), 1, "{}", error.report());
    }
}
