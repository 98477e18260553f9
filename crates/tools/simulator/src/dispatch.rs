//! From a request to an answer: finds the service, applies the faults and records the request.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use serde::Serialize;

use crate::actions::{self, Content};
use crate::error::{ApiError, ApiResult};
use crate::executions::{self, Known};
use crate::faults::{Fault, Faults, Intervention, Met, Strike, StruckBy, When};
use crate::mail::{self, Mail};
use crate::named::{Named, named};
use crate::origins::Noted;
use crate::post::{POST_ACTIONS, Post};
use crate::query::Params;
use crate::resources::Millis;
use crate::secrets;
use crate::state::{Spoiled, Spoiler, State, millis};
use crate::xml;

/// The connection broke or was never made; there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    #[error("connection refused")]
    Refused,
    #[error("connection closed before the answer arrived")]
    Lost,
    /// In hyper's words, which are the words that a function receives.
    #[error("connection closed before message completed")]
    Reset,
}

/// The API that a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Rds,
    Ses,
    States,
    SecretsManager,
    Ssm,
    /// Not AWS: an endpoint that takes messages, such as a chat's webhook.
    Web,
}

impl Service {
    /// The prefix of the service's actions in a policy.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Rds => "rds",
            Self::Ses => "ses",
            Self::States => "states",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Web => "",
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Ok,
    /// The wire code of the error.
    Error(String),
    /// Applied, but the answer was lost.
    ResponseLost,
    /// Not applied.
    ConnectionRefused,
}

/// A request as the simulator received it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedRequest {
    /// Since the start, on the simulator's clock.
    #[serde(serialize_with = "as_seconds")]
    pub at: Duration,
    pub service: Service,
    pub action: String,
    pub parameters: BTreeMap<String, String>,
    /// The resources that the request named, as they were when it came. The keys are type and name, as in `db:orders`.
    pub resources: BTreeMap<String, Named>,
    pub outcome: Outcome,
    /// The caller: the label of [`crate::Simulator::on_behalf_of`], or the application in the user agent.
    pub caller: String,
    /// The role of [`crate::in_role`] that the request was made under, or empty.
    pub role: String,
    /// The step of [`crate::in_step`] that the request was made in, or empty.
    pub step: String,
}

pub(crate) fn as_seconds<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64())
}

/// The parameter under which the path of a message is recorded.
const PATH: &str = "Path";

/// The recorded caller of an intervention.
pub const OPERATOR: &str = "meddler";

/// The world and everything around it that changes: faults, recorded requests, mails, executions.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) state: State,
    pub(crate) faults: Faults,
    pub(crate) requests: Vec<RecordedRequest>,
    pub(crate) mails: Vec<Mail>,
    pub(crate) posts: Vec<Post>,
    pub(crate) executions: Vec<Known>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) parameters: BTreeMap<String, String>,
    /// Every rule that took effect, in order.
    pub(crate) strikes: Vec<Strike>,
    pub(crate) interventions: Vec<Intervention>,
    /// Interventions that wait for a time: the time in milliseconds, and the position of the intervention.
    timed: Vec<(Millis, usize)>,
    /// Interventions that wait for a request: the position, and how often the request was seen.
    awaiting: Vec<(usize, u32)>,
    request_number: u64,
    /// The limit of requests a second.
    bucket: Bucket,
}

/// An answer, and the time that it takes.
pub(crate) struct Answer {
    pub(crate) result: Result<Response<Bytes>, ConnectionError>,
    pub(crate) delay_seconds: f64,
}

/// A token bucket. It is full at first and holds the tokens of one second. A refused request takes no token.
#[derive(Debug, Default)]
struct Bucket {
    /// Thousandths of a token that were taken and not refilled.
    missing: Millis,
    at: Millis,
}

impl Bucket {
    fn take(&mut self, per_second: u32, now: Millis) -> bool {
        let per_second = Millis::from(per_second);
        self.missing = self.missing.saturating_sub(now.saturating_sub(self.at).saturating_mul(per_second));
        self.at = now;
        let is_granted = self.missing + 1000 <= per_second * 1000;
        if is_granted {
            self.missing += 1000;
        }
        is_granted
    }
}

/// A request whose service and action are known.
struct Call {
    service: Service,
    action: String,
    parameters: BTreeMap<String, String>,
    fields: Vec<(String, String)>,
    body: Bytes,
}

impl Desk {
    pub(crate) fn new(state: State, faults: Faults, interventions: Vec<Intervention>) -> Self {
        let mut desk = Self {
            state,
            faults,
            requests: Vec::new(),
            mails: Vec::new(),
            posts: Vec::new(),
            executions: Vec::new(),
            secrets: BTreeMap::new(),
            parameters: BTreeMap::new(),
            strikes: Vec::new(),
            interventions: Vec::new(),
            timed: Vec::new(),
            awaiting: Vec::new(),
            request_number: 0,
            bucket: Bucket::default(),
        };
        for intervention in interventions {
            desk.add_intervention(intervention);
        }
        desk
    }

    pub(crate) fn add_intervention(&mut self, intervention: Intervention) {
        let position = self.interventions.len();
        match intervention.when {
            When::At(seconds) => self.timed.push((millis(seconds), position)),
            When::After { .. } => self.awaiting.push((position, 0)),
        }
        self.interventions.push(intervention);
    }

    /// Moves the world to `now` and performs the interventions that fall due on the way.
    pub(crate) fn advance(&mut self, now: Millis) {
        while let Some(index) = self.next_timed(now) {
            let (due, position) = self.timed.swap_remove(index);
            self.state.advance(due);
            self.intervene(position);
        }
        self.state.advance(now);
    }

    /// The earliest intervention due by `now`. Among equals, the first in the file comes first.
    fn next_timed(&self, now: Millis) -> Option<usize> {
        let due = self.timed.iter().enumerate().filter(|(_, (due, _))| *due <= now);
        due.min_by_key(|(_, (due, _))| *due).map(|(index, _)| index)
    }

    fn intervene(&mut self, position: usize) {
        let Some(intervention) = self.interventions.get(position).cloned() else { return };
        let fields = intervention.parameters.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let resources = named(&self.state, &intervention.parameters);
        let noted = Noted::before(&self.state, &intervention.action, &intervention.parameters);
        let result = actions::perform(&mut self.state, &intervention.action, Params::new(fields));
        noted.after(&mut self.state, OPERATOR);
        self.state.observe();
        let outcome = result.map_or_else(|error| Outcome::Error(error.code.into_owned()), |_| Outcome::Ok);
        tracing::debug!(action = intervention.action, ?outcome, "an operator intervened");
        let at = Duration::from_millis(self.state.now);
        let request = self.requests.len();
        self.strikes.push(Strike { by: StruckBy::Intervention(position), at, occurrence: 1, request });
        self.requests.push(RecordedRequest {
            at,
            service: Service::Rds,
            action: intervention.action,
            parameters: intervention.parameters,
            resources,
            outcome,
            caller: OPERATOR.to_owned(),
            role: String::new(),
            step: String::new(),
        });
    }

    /// Schedules the interventions that waited for this request.
    fn wake_interventions(&mut self, action: &str) {
        let now = self.state.now;
        let mut due = Vec::new();
        let interventions = &self.interventions;
        self.awaiting.retain_mut(|(position, seen)| {
            let intervention = &interventions[*position];
            let When::After { action: wanted, occurrence, delay_seconds } = &intervention.when else { return false };
            if wanted != action {
                return true;
            }
            *seen += 1;
            if *seen < *occurrence {
                return true;
            }
            due.push((now.saturating_add(millis(*delay_seconds)), *position));
            false
        });
        self.timed.extend(due);
        self.advance(now);
    }

    pub(crate) fn handle(&mut self, request: Request<Bytes>, label: Option<&str>) -> Answer {
        self.request_number += 1;
        let request_id = format!("00000000-0000-4000-8000-{:012x}", self.request_number);
        let caller = label.map_or_else(|| caller_of(&request), str::to_owned);
        let region = region_of(&request);
        let call = match read(request) {
            Ok(call) => call,
            Err(error) => {
                return Answer {
                    result: Ok(xml_answer(error.status, xml::error(&error, &request_id))),
                    delay_seconds: 0.0,
                };
            }
        };
        self.state.asked_region = region;
        let resources = named(&self.state, &call.parameters);
        let met = self.faults.meet(&call.action, &caller, &call.parameters);
        let delay_seconds =
            met.iter().map(|met| if let Fault::Slow { seconds } = met.fault { seconds } else { 0.0 }).sum();
        if let Some(refusing) = met.iter().find(|met| met.fault == Fault::ConnectionRefused {}) {
            self.note_strikes(&met, |met| met.rule == refusing.rule);
            self.record(call, resources, caller, Outcome::ConnectionRefused);
            return Answer { result: Err(ConnectionError::Refused), delay_seconds };
        }
        let throttled = self.throttled(call.service);
        let refused = match throttled {
            Some(_) => None,
            None => met.iter().find_map(|met| Some((met.rule, self.refusal(&met.fault, &call, &caller)?))),
        };
        let (refusing, refusal) = refused.map_or((None, throttled), |(rule, refusal)| (Some(rule), Some(refusal)));
        self.state.spoiled = Spoiled::default();
        let result = match refusal {
            Some(error) => Err(error),
            None => self.perform(&call, &met, &caller),
        };
        let resets = |met: &Met| met.fault == Fault::ConnectionReset {};
        let loses_answer = |met: &Met| met.fault == Fault::ResponseLost {} || resets(met);
        let outcome = match &result {
            Err(error) => Outcome::Error(error.code.clone().into_owned()),
            Ok(_) if met.iter().any(loses_answer) => Outcome::ResponseLost,
            Ok(_) => Outcome::Ok,
        };
        let (is_applied, spoiled) = (result.is_ok(), self.state.spoiled);
        self.note_strikes(&met, |met| {
            let is_stale = spoiled.stale && matches!(met.fault, Fault::Stale { .. });
            let is_spoiled = is_stale || is_applied && (loses_answer(met) || spoils(&met.fault, spoiled));
            refusing == Some(met.rule) || is_spoiled
        });
        let broken = (outcome == Outcome::ResponseLost)
            .then(|| if met.iter().any(resets) { ConnectionError::Reset } else { ConnectionError::Lost });
        let response = respond(&call, result, &request_id);
        let action = call.action.clone();
        self.record(call, resources, caller, outcome);
        self.wake_interventions(&action);
        Answer { result: broken.map_or(Ok(response), Err), delay_seconds }
    }

    /// Records the rules that take effect on the next request. A slow answer always takes effect.
    fn note_strikes(&mut self, met: &[Met], takes_effect: impl Fn(&Met) -> bool) {
        let (at, request) = (Duration::from_millis(self.state.now), self.requests.len());
        let struck = met.iter().filter(|met| matches!(met.fault, Fault::Slow { .. }) || takes_effect(met));
        self.strikes.extend(struck.map(|met| Strike {
            by: StruckBy::Fault(met.rule),
            at,
            occurrence: met.occurrence,
            request,
        }));
    }

    /// RDS's limit for the account, if the world has one. The other services have their own limits.
    fn throttled(&mut self, service: Service) -> Option<ApiError> {
        let limit = self.state.limits.requests_per_second.filter(|_| service == Service::Rds)?;
        let is_granted = self.bucket.take(limit, self.state.now);
        (!is_granted).then(|| ApiError::new("Throttling", "Rate exceeded"))
    }

    fn refusal(&self, fault: &Fault, call: &Call, caller: &str) -> Option<ApiError> {
        match fault {
            Fault::Throttle { code } => Some(throttling(call.service, code)),
            Fault::ServerError { status } => {
                let code = if *status == 503 { "ServiceUnavailable" } else { "InternalFailure" };
                let message = "The request processing has failed because of an unknown error, exception or failure.";
                Some(ApiError { status: *status, code: code.into(), message: message.to_owned() })
            }
            Fault::Denied {} => Some(self.denied(call, caller)),
            Fault::Error { code, message } => Some(ApiError::new(code.clone(), message.clone())),
            _ => None,
        }
    }

    /// The message of AWS for a call that no policy allows.
    fn denied(&self, call: &Call, caller: &str) -> ApiError {
        let state = &self.state;
        let service = call.service.prefix();
        let caller = if caller.is_empty() { "anonymous" } else { caller };
        let principal = format!("arn:{}:sts::{}:assumed-role/{caller}/{caller}", state.partition(), state.account);
        let resource = resource_of(state, &call.parameters);
        let message = format!(
            "User: {principal} is not authorized to perform: {service}:{} on resource: {resource} because no identity-based policy allows the {service}:{} action",
            call.action, call.action
        );
        match call.service {
            Service::Rds => ApiError::new("AccessDenied", message),
            Service::Ses => ApiError { status: 403, ..ApiError::new("AccessDeniedException", message) },
            Service::States | Service::SecretsManager | Service::Ssm => ApiError::new("AccessDeniedException", message),
            Service::Web => ApiError { status: 403, ..ApiError::new("forbidden", "") },
        }
    }

    fn perform(&mut self, call: &Call, met: &[Met], caller: &str) -> ApiResult<Content> {
        match call.service {
            Service::Rds => {
                self.state.spoiler = spoiler(met);
                let noted = Noted::before(&self.state, &call.action, &call.parameters);
                let result = actions::perform(&mut self.state, &call.action, Params::new(call.fields.clone()));
                noted.after(&mut self.state, caller);
                self.state.spoiler = Spoiler::default();
                if !call.action.starts_with("Describe") {
                    self.state.observe();
                }
                result
            }
            Service::Ses => {
                let mail = mail::read(&call.body, self.state.now)?;
                let id = format!("{:016x}-00000000", self.request_number);
                self.mails.push(mail);
                Ok(Content::Result(mail::answer(&id)))
            }
            Service::States => self.answer_of_executions(call, met).map(Content::Result),
            Service::SecretsManager => secrets::secret(&self.secrets, &call.action, &call.body).map(Content::Result),
            Service::Ssm => secrets::parameter(&self.parameters, &call.action, &call.body).map(Content::Result),
            Service::Web => {
                let body = serde_json::from_slice(&call.body)
                    .map_err(|_| ApiError::new("invalid_payload", "The body is not JSON."))?;
                let path = call.parameters.get(PATH).cloned().unwrap_or_default();
                self.posts.push(Post { at: Duration::from_millis(self.state.now), path, body });
                Ok(Content::Result("ok".to_owned()))
            }
        }
    }

    /// The answer to a read of executions, which a fault may make stale.
    fn answer_of_executions(&mut self, call: &Call, met: &[Met]) -> ApiResult<String> {
        let now =
            SystemTime::UNIX_EPOCH + Duration::from_millis(self.state.wall_clock().try_into().unwrap_or_default());
        let answer = |stale: Duration| {
            executions::answer(&executions::seen(&self.executions, now, stale), &call.action, &call.body)
        };
        let stale = met.iter().map(|met| if let Fault::Stale { seconds } = met.fault { seconds } else { 0.0 });
        let stale = Duration::from_millis(millis(stale.fold(0.0, f64::max)));
        let (fresh, stale) = (answer(Duration::ZERO), answer(stale));
        self.state.spoiled.stale = match (&fresh, &stale) {
            (Ok(fresh), Ok(stale)) => fresh != stale,
            (fresh, stale) => fresh.is_ok() != stale.is_ok(),
        };
        stale
    }

    fn record(&mut self, call: Call, resources: BTreeMap<String, Named>, caller: String, outcome: Outcome) {
        self.requests.push(RecordedRequest {
            at: Duration::from_millis(self.state.now),
            service: call.service,
            action: call.action,
            parameters: call.parameters,
            resources,
            outcome,
            caller,
            role: crate::current_role(),
            step: crate::current_step(),
        });
    }
}

/// The error for too many requests, with the code of the service. A code other than `Throttling` stays.
fn throttling(service: Service, code: &str) -> ApiError {
    match (service, code) {
        // https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
        (Service::Ses, "Throttling") => {
            ApiError { status: 429, ..ApiError::new("TooManyRequestsException", "Too many requests") }
        }
        (Service::States | Service::SecretsManager | Service::Ssm, "Throttling") => {
            ApiError::new("ThrottlingException", "Rate exceeded")
        }
        (Service::Web, _) => ApiError { status: 429, ..ApiError::new("rate_limited", "") },
        _ => ApiError::new(code.to_owned(), "Rate exceeded"),
    }
}

fn spoiler(met: &[Met]) -> Spoiler {
    let mut spoiler = Spoiler::default();
    for Met { fault, .. } in met {
        match fault {
            Fault::EndsIn { status } => spoiler.ends_in = Some(status.clone()),
            Fault::Stuck { seconds } => spoiler.stuck = Some(seconds.unwrap_or(f64::INFINITY)),
            Fault::NotFoundFor { seconds } => spoiler.hidden_for = Some(*seconds),
            Fault::Late { seconds } => spoiler.late = Some(*seconds),
            _ => {}
        }
    }
    spoiler
}

/// Whether a fault spoiled the operation that its request started.
fn spoils(fault: &Fault, spoiled: Spoiled) -> bool {
    match fault {
        Fault::EndsIn { .. } => spoiled.ends_in,
        Fault::Stuck { .. } => spoiled.stuck,
        Fault::NotFoundFor { .. } => spoiled.hidden,
        Fault::Late { .. } => spoiled.late,
        _ => false,
    }
}

/// The ARN that a denied request was about, as far as its parameters show it.
fn resource_of(state: &State, parameters: &BTreeMap<String, String>) -> String {
    let kinds = [
        ("DBInstanceIdentifier", "db"),
        ("DBClusterIdentifier", "cluster"),
        ("DBSnapshotIdentifier", "snapshot"),
        ("DBClusterSnapshotIdentifier", "cluster-snapshot"),
    ];
    let named = kinds.iter().find_map(|(parameter, kind)| parameters.get(*parameter).map(|name| state.arn(kind, name)));
    named.or_else(|| parameters.get("ResourceName").cloned()).unwrap_or_else(|| "*".to_owned())
}

/// SDKs put `app/<name>` into the user agent when an application id is configured.
fn caller_of(request: &Request<Bytes>) -> String {
    let agents =
        ["x-amz-user-agent", "user-agent"].iter().filter_map(|name| request.headers().get(*name)?.to_str().ok());
    agents.flat_map(str::split_whitespace).find_map(|part| part.strip_prefix("app/")).unwrap_or_default().to_owned()
}

/// The region in the scope of the signature.
fn region_of(request: &Request<Bytes>) -> Option<String> {
    let authorization = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let scope = authorization.split_once("Credential=")?.1;
    scope.split('/').nth(2).map(str::to_owned)
}

fn read(request: Request<Bytes>) -> Result<Call, ApiError> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).map(str::to_owned);
    let content_type = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = content_type.is_some_and(|content_type| content_type.starts_with("application/json"));
    let path = request.uri().path().to_owned();
    let body = request.into_body();
    if path == mail::PATH {
        let parameters = mail::summary(&body);
        return Ok(Call {
            service: Service::Ses,
            action: "SendEmail".to_owned(),
            parameters,
            fields: Vec::new(),
            body,
        });
    }
    if let Some(target) = target {
        let (api, action) = target.rsplit_once('.').unwrap_or_default();
        let (service, parameters) = match api {
            "secretsmanager" => (Service::SecretsManager, secrets::summary(&body)),
            "AmazonSSM" => (Service::Ssm, secrets::summary(&body)),
            _ => (Service::States, executions::summary(&body)),
        };
        return Ok(Call { service, action: action.to_owned(), parameters, fields: Vec::new(), body });
    }
    if is_json {
        let parameters = BTreeMap::from([(PATH.to_owned(), path)]);
        let action = POST_ACTIONS[0].to_owned();
        return Ok(Call { service: Service::Web, action, parameters, fields: Vec::new(), body });
    }
    let mut fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body)
        .map_err(|error| ApiError::new("MalformedQueryString", error.to_string()))?;
    let version = take(&mut fields, "Version");
    let action =
        take(&mut fields, "Action").ok_or_else(|| ApiError::new("MissingAction", "The request has no Action."))?;
    if version.as_deref().is_some_and(|version| version != "2014-10-31") {
        return Err(ApiError::new(
            "InvalidAction",
            format!("Could not find operation {action} for version {}", version.unwrap_or_default()),
        ));
    }
    let parameters = fields.iter().map(|(key, value)| (key.clone(), shown(key, value).to_owned())).collect();
    Ok(Call { service: Service::Rds, action, parameters, fields, body })
}

/// Hides passwords in the recorded request.
fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if name.ends_with("Password") && !matches!(value, "true" | "false") { "****" } else { value }
}

fn take(fields: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = fields.iter().position(|(key, _)| key == name)?;
    Some(fields.swap_remove(at).1)
}

fn respond(call: &Call, result: ApiResult<Content>, request_id: &str) -> Response<Bytes> {
    match (call.service, result) {
        (Service::Rds, Ok(content)) => xml_answer(200, xml::answer(&call.action, &content, request_id)),
        (Service::Rds, Err(error)) => xml_answer(error.status, xml::error(&error, request_id)),
        (Service::Web, Ok(Content::Result(text))) => response(200, "text/plain", text),
        (Service::Web, Err(error)) => response(error.status, "text/plain", error.code.into_owned()),
        (_, Ok(Content::Result(json))) => json_answer(200, json, request_id, None),
        (_, Ok(Content::Nothing)) => json_answer(200, String::new(), request_id, None),
        (Service::Ses, Err(error)) => {
            let body = serde_json::json!({ "message": error.message }).to_string();
            json_answer(error.status, body, request_id, Some(&error.code))
        }
        (Service::States | Service::SecretsManager | Service::Ssm, Err(error)) => {
            let body = serde_json::json!({ "__type": error.code, "message": error.message }).to_string();
            json_answer(error.status, body, request_id, Some(&error.code))
        }
    }
}

fn xml_answer(status: u16, body: String) -> Response<Bytes> {
    response(status, "text/xml", body)
}

fn json_answer(status: u16, body: String, request_id: &str, error: Option<&str>) -> Response<Bytes> {
    let mut response = response(status, "application/json", body);
    let headers = [("x-amzn-requestid", Some(request_id)), ("x-amzn-errortype", error)];
    for (name, value) in headers {
        if let Some(value) = value.and_then(|value| http::HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

pub(crate) fn response(status: u16, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}
