//! A Lambda Runtime API for one function. It starts the function, calls it twice, and ends it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::Result;
use crate::aws::Account;
use crate::figures::Subject;

/// The time limit of an invocation. A function that waits for RDS answers before its limit.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// The pause that lets a process come to rest after it has asked for an event.
const REST: Duration = Duration::from_millis(2);
/// No measurement takes this long: the process hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One start of a function.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// From the start of the process to its first request for an event.
    pub(crate) start: Cost,
    pub(crate) first: Cost,
    pub(crate) second: Cost,
    /// The largest memory use of the process.
    pub(crate) peak_kib: u64,
    /// The result of the second invocation: `ok`, or the error's name.
    pub(crate) outcome: String,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
}

enum Asked {
    /// The function asks for an event and receives it from this process.
    Next(Instant, oneshot::Sender<Value>),
    /// The function has answered, with the error's name if it failed.
    Answered(Instant, Option<String>),
}

pub(crate) async fn measure(subject: &Subject, account: &Account) -> Result<Sample> {
    tokio::time::timeout(PATIENCE, measure_patiently(subject, account)).await?
}

async fn measure_patiently(subject: &Subject, account: &Account) -> Result<Sample> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut command = command(subject, account, &listener.local_addr()?.to_string());
    let (sender, mut asked) = unbounded_channel();
    let server = tokio::spawn(serve(listener, sender));
    let begin = Instant::now();
    let process = Process(command.spawn()?);
    let sample = follow(process.0.id(), begin, &mut asked, &subject.payload).await;
    server.abort();
    sample
}

/// A function's process, which ends when this value is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn follow(process: u32, begin: Instant, asked: &mut UnboundedReceiver<Asked>, payload: &Value) -> Result<Sample> {
    let (at, mut event) = next(asked).await?;
    let start = Cost { time: at - begin, cpu: cpu(process).await? };
    let mut costs = [Cost::default(); 2];
    let mut outcome = "ok".to_owned();
    for cost in &mut costs {
        let before = cpu(process).await?;
        let begin = Instant::now();
        event.send(payload.clone()).map_err(|_| "the function went away")?;
        let Some(Asked::Answered(at, error)) = asked.recv().await else {
            return Err("it asked for another event without answering the one it had".into());
        };
        cost.time = at - begin;
        outcome = error.unwrap_or_else(|| "ok".to_owned());
        event = next(asked).await?.1;
        cost.cpu = cpu(process).await?.saturating_sub(before);
    }
    Ok(Sample { start, first: costs[0], second: costs[1], peak_kib: peak_kib(process)?, outcome })
}

async fn next(asked: &mut UnboundedReceiver<Asked>) -> Result<(Instant, oneshot::Sender<Value>)> {
    match asked.recv().await {
        Some(Asked::Next(at, event)) => Ok((at, event)),
        Some(Asked::Answered(_, error)) => Err(format!("it answered without a request: {error:?}").into()),
        None => Err("no server answers".into()),
    }
}

/// Starts the function as Lambda does, with the simulated account's endpoint and its certificates.
fn command(subject: &Subject, account: &Account, runtime_api: &str) -> Command {
    let mut command = Command::new(&subject.program);
    command.args(&subject.arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command.env_clear().envs([
        ("PATH", std::env::var("PATH").unwrap_or_default().as_str()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/measured"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measured"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_ENDPOINT_URL", &account.endpoint),
        ("POLL_INTERVAL_SECONDS", "1"),
        ("SENDER_EMAIL", "trapheus@example.com"),
        ("RECIPIENT_EMAIL", "oncall@example.com"),
    ]);
    // Trapheus's functions read the first variable, as OpenSSL does. AWS's other SDKs read the second.
    command.env("SSL_CERT_FILE", &account.trust.0).env("AWS_CA_BUNDLE", &account.trust.0);
    command
}

async fn serve(listener: TcpListener, asked: UnboundedSender<Asked>) {
    while let Ok((stream, _)) = listener.accept().await {
        let asked = asked.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, asked.clone()));
            // The function is ended while it waits for an answer, so an error is expected.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, asked: UnboundedSender<Asked>) -> Result<Response<Full<Bytes>>> {
    let at = Instant::now();
    if request.method() == Method::GET {
        let (sender, event) = oneshot::channel();
        asked.send(Asked::Next(at, sender))?;
        let event = event.await?;
        let deadline = (SystemTime::now() + TIME_LIMIT).duration_since(UNIX_EPOCH)?.as_millis();
        return Ok(Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("lambda-runtime-deadline-ms", deadline.to_string())
            .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:measured")
            .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
            .body(Full::from(event.to_string()))?);
    }
    let is_error = request.uri().path().ends_with("/error");
    let body = request.into_body().collect().await?.to_bytes();
    let name = |body: &Value| body["errorType"].as_str().unwrap_or("an error").to_owned();
    asked.send(Asked::Answered(
        at,
        is_error.then(|| serde_json::from_slice(&body).map_or_else(|e| e.to_string(), |body| name(&body))),
    ))?;
    Ok(Response::builder().status(202).body(Full::default())?)
}

/// The CPU time of all threads of the process so far.
async fn cpu(process: u32) -> Result<Duration> {
    tokio::time::sleep(REST).await;
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let spent = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += spent.split_whitespace().next().ok_or("the kernel keeps no schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn peak_kib(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.split_whitespace().next()).ok_or("the kernel does not say VmHWM")?;
    Ok(peak.parse()?)
}
