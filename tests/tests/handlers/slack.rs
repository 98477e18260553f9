//! The handler of the slack crate: messages arrive at a real HTTP server.

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use rds_simulator::{Fault, FaultRule};
use serde_json::{Value, json};
use trapheus_common::clients::lazy;
use trapheus_common::document::{AlertEvent, AlertPhase, SlackOutput};
use trapheus_common::{ErrorKind, Result};
use trapheus_slack::{Clients, SlackOptions};
use trapheus_tests::web::Receiver;
use trapheus_tests::{EXECUTION, Harness};

fn address(word: &str) -> String {
    format!("https://hooks.slack.com/services/T0/B0/{word}")
}

/// A harness whose secret and parameter hold these webhooks, and a server in the place of Slack.
fn with_webhooks(in_secret: &[&str], in_parameter: &[&str]) -> (Harness, Receiver) {
    let harness = Harness::new(json!({"instances": [{"identifier": "orders", "engine": "postgres"}]}));
    let addresses = |words: &[&str]| words.iter().map(|word| address(word)).collect::<Vec<_>>();
    harness.simulator.put_secret("trapheus/slack", &json!(addresses(in_secret)).to_string());
    harness.simulator.put_parameter("/trapheus/slack", &addresses(in_parameter).join("\n"));
    (harness, Receiver::start())
}

async fn send(harness: &Harness, http: SharedHttpConnector, options: &SlackOptions) -> Result<SlackOutput> {
    let clients = Clients { http: lazy(|| http), ..harness.clients.webhooks.clone() };
    let document = json!({"input": {"identifier": "orders", "task": "restore_all"},
                          "error": {"Error": "InvalidInputException", "Cause": "there is no task `restore_all`"}});
    let failed_state = Some("ValidateInput".to_owned());
    let event = AlertEvent { phase: AlertPhase::First, execution: EXECUTION.to_owned(), failed_state, document };
    trapheus_slack::send(&clients, options, event, harness.invocation()).await
}

fn both() -> SlackOptions {
    SlackOptions::new("trapheus/slack", "/trapheus/slack", "us-east-1")
}

fn paths(receiver: &Receiver) -> Vec<String> {
    let mut paths: Vec<String> = receiver.received().into_iter().map(|message| message.path).collect();
    paths.sort();
    paths
}

#[tokio::test(start_paused = true)]
async fn every_webhook_of_secret_and_parameter_gets_the_alert() {
    let (harness, slack) = with_webhooks(&["one", "two"], &["three"]);
    let output = send(&harness, slack.connector(), &both()).await.unwrap();
    assert_eq!(output, SlackOutput { phase: AlertPhase::First, delivered: 3, undelivered: Vec::new() });
    assert_eq!(paths(&slack), ["/services/T0/B0/one", "/services/T0/B0/three", "/services/T0/B0/two"]);
    for message in slack.received() {
        assert_eq!(message.host, "hooks.slack.com");
        assert_eq!(message.body["text"], "Trapheus: run of orders failed at ValidateInput (nothing was touched)");
        let blocks = message.body["blocks"].as_array().unwrap();
        let said = blocks.iter().any(|block| block["text"]["text"].as_str().unwrap_or_default().contains(EXECUTION));
        assert!(said, "{}", message.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_webhook_stops_no_other_one() {
    for (bad, reason, tries) in [
        ("dead", "no connection could be made", 0),
        ("lost", "the connection broke before an answer", 1),
        ("500", "HTTP 500 (something_went_wrong)", 3),
        ("504", "HTTP 504", 1),
        ("gone", "HTTP 404 (no_service)", 1),
        ("redirect", "HTTP 302, and redirects are not followed", 1),
        ("hang", "no answer within 10 seconds", 1),
    ] {
        let (harness, slack) = with_webhooks(&[bad, "good"], &[]);
        let output = send(&harness, slack.connector(), &both()).await.unwrap();
        assert_eq!((output.delivered, output.undelivered), (1, vec![format!("webhook 1: {reason}")]), "{bad}");
        let mut expected = vec![format!("/services/T0/B0/{bad}"); tries];
        expected.push("/services/T0/B0/good".to_owned());
        expected.sort();
        assert_eq!(paths(&slack), expected, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_configured_webhook_the_step_does_nothing() {
    let (harness, slack) = with_webhooks(&["one"], &[]);
    let output = send(&harness, slack.connector(), &SlackOptions::new("", " ", "us-east-1")).await.unwrap();
    assert_eq!((output.delivered, output.undelivered.len()), (0, 0));
    assert!(slack.received().is_empty() && harness.simulator.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn readable_webhooks_are_used_although_others_cannot_be_read() {
    let (harness, slack) = with_webhooks(&["one"], &["two"]);
    harness.simulator.inject(always("GetSecretValue", Fault::Denied {}));
    let output = send(&harness, slack.connector(), &both()).await.unwrap();
    assert_eq!(paths(&slack), ["/services/T0/B0/two"]);
    assert_eq!(output.delivered, 1);
    assert!(output.undelivered[0].starts_with("the secret trapheus/slack cannot be read"), "{:?}", output.undelivered);
}

#[tokio::test(start_paused = true)]
async fn if_no_webhook_takes_the_alert_the_error_states_whether_a_retry_can_help() {
    for (webhooks, kind) in [
        (vec!["500"], ErrorKind::ServiceUnavailable),
        (vec!["500", "gone"], ErrorKind::ServiceUnavailable),
        // One message may have been posted.
        (vec!["500", "hang"], ErrorKind::Unanswered),
        (vec!["504", "500"], ErrorKind::Unanswered),
        (vec!["dead", "lost"], ErrorKind::Unanswered),
        (vec!["dead", "gone"], ErrorKind::EndpointUnreachable),
        (vec!["gone", "redirect"], ErrorKind::Alert),
        (vec![], ErrorKind::Alert),
    ] {
        let (harness, slack) = with_webhooks(&webhooks, &[]);
        let error = send(&harness, slack.connector(), &both()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{webhooks:?}: {}", error.report());
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_is_neither_in_an_error_nor_in_the_recorded_requests() {
    let (harness, slack) = with_webhooks(&["dead", "gone", "500", "redirect", "hang"], &[]);
    let elsewhere = json!({"a": "https://example.com/services/T0/B0/stolen", "b": address("gone")}).to_string();
    harness.simulator.put_parameter("/trapheus/slack", &elsewhere);
    let error = send(&harness, slack.connector(), &both()).await.unwrap_err();
    let report = error.report();
    assert!(report.contains("webhook 6: its address is not one of a Slack incoming webhook"), "{report}");
    assert!(!report.contains("T0") && !report.contains("example.com"), "{report}");
    let requests: Value = serde_json::to_value(harness.simulator.requests()).unwrap();
    assert!(!requests.to_string().contains("hooks.slack.com"), "{requests}");
}

/// Fails every call of an action.
fn always(action: &str, fault: Fault) -> FaultRule {
    FaultRule { action: action.to_owned(), identifier: None, caller: None, occurrence: 1, times: u32::MAX, fault }
}
