//! The command `trapheus capture` as a person or a script uses it.

use std::process::{Command, Output};

use rds_simulator::{Options, Simulator, World};
use serde_json::Value;
use trapheus_cli::rehearsal::DEFAULT_WORLD;

use crate::endpoint::Endpoint;

/// Runs `trapheus` with no configuration of AWS but these variables.
fn trapheus(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapheus"));
    command
        .args(arguments)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command.envs(variables.iter().copied());
    command.output().expect("the command ends")
}

const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "eu-west-1")];

fn text(stream: &[u8]) -> String {
    String::from_utf8(stream.to_vec()).expect("UTF-8")
}

/// Serves the built-in world over HTTP until the process ends.
fn simulated() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let world = World::from_json(DEFAULT_WORLD).expect("the built-in world");
            let simulator = Simulator::new(world, Options::default()).expect("a possible world");
            listener.set_nonblocking(true).expect("a listener of Tokio's");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener of Tokio's");
            rds_simulator::serve(simulator, listener).await.expect("a server");
        });
    });
    format!("http://{address}")
}

#[test]
fn a_captured_world_can_be_rehearsed_and_its_tags_can_be_hidden() {
    let url = simulated();
    let file = format!("{}/captured.json", env!("CARGO_TARGET_TMPDIR"));
    let capture = ["capture", "orders", "--endpoint-url", &url, "--redact", "-o", &file];
    let output = trapheus(&capture, &CREDENTIALS);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    assert_eq!(text(&output.stdout), "");
    let world: Value = serde_json::from_str(&std::fs::read_to_string(&file).expect("the world")).expect("JSON");
    assert_eq!(world["instances"].as_array().map(Vec::len), Some(1));
    assert_eq!(world["instances"][0]["tags"]["team"], "hidden");
    let event = format!("{}/captured-event.json", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&event, r#"{"identifier": "orders", "task": "db_restore", "isCluster": false}"#).expect("a file");
    let output = trapheus(&["rehearse", &event, "--world", &file, "--json"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_database_that_does_not_exist_is_refused_beside_those_that_do() {
    let url = simulated();
    let output = trapheus(&["capture", "nowhere", "shop", "--endpoint-url", &url], &CREDENTIALS);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("refused: `nowhere`: there is neither"), "{}", text(&output.stderr));
    let world: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(world["clusters"][0]["identifier"], "shop");
    let output = trapheus(&["capture", "orders", "--cluster", "--endpoint-url", &url], &CREDENTIALS);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("`orders`: there is no DB cluster of this name"), "{}", text(&output.stderr));
}

#[test]
fn missing_credentials_and_a_missing_region_are_one_sentence_with_the_remedy() {
    let output = trapheus(&["capture", "orders", "--endpoint-url", "http://127.0.0.1:9"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "error: there is no AWS region: give `--region`, or set AWS_REGION\n");
    let capture = ["capture", "orders", "--endpoint-url", "http://127.0.0.1:9", "--region", "eu-west-1"];
    let output = trapheus(&capture, &[]);
    assert_eq!(
        text(&output.stderr),
        "error: there are no AWS credentials: sign in with `aws sso login`, or run `aws configure`\n"
    );
    let output = trapheus(&[capture.as_slice(), &["--profile", "staging"]].concat(), &[]);
    let said = text(&output.stderr);
    assert!(
        said.contains("no AWS credentials of the profile `staging`") && said.contains("--profile staging"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn expired_and_unknown_credentials_are_one_sentence_with_the_remedy() {
    for (code, words) in [
        ("ExpiredToken", "the AWS credentials have expired: sign in with `aws sso login`"),
        ("InvalidClientTokenId", "AWS does not accept the credentials (InvalidClientTokenId): sign in with"),
    ] {
        let endpoint = Endpoint::serving(move |_, _| Err((403, code, "no".to_owned())));
        let output = trapheus(&["capture", "orders", "--endpoint-url", &endpoint.url()], &CREDENTIALS);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(words) && said.lines().count() == 1, "{said}");
        assert_eq!(endpoint.actions().len(), 1);
    }
}
