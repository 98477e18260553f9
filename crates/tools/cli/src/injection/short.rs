//! The short form of a fault: `WHERE=WHAT`, both read and written.
//!
//! `WHERE` is one of these:
//!
//! - An action, a function or a state. `@IDENTIFIER` limits an action to one database. `#N` is its Nth occurrence, and `xM`
//!   are M occurrences in a row.
//! - A person's moment: `at:SECONDS` or `after:ACTION#N+SECONDS`.
//! - The `end` of the execution.
//!
//! Some faults have no short form and are written as JSON. Examples are a fault for one caller only, and a value with
//! a comma.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use rds_simulator::{Fault, FaultRule, Intervention, RDS_ACTIONS, When};
use serde_json::Value;
use trapheus_common::functions;

use crate::lambda::LambdaError;

use super::{Beside, FunctionFault, FunctionFaultKind, InjectedFault, request_actions, state_names, unknown};

/// The faults of requests, in the short form.
const REQUEST_FAULTS: [&str; 13] = [
    "throttle",
    "serverError",
    "denied",
    "error:CODE",
    "responseLost",
    "connectionReset",
    "connectionRefused",
    "slow:SECONDS",
    "notFoundFor:SECONDS",
    "late:SECONDS",
    "stale:SECONDS",
    "endsIn:STATUS",
    "stuck",
];
/// The faults of functions, in the short form.
const FUNCTION_FAULTS: [&str; 7] =
    ["crash", "answerLost", "timeOut", "serviceException", "tooManyRequests", "lambda:ERROR", "asleep:SECONDS"];
const STATE_FAULTS: [&str; 3] = ["abort", "abortAfter", "secondRun"];
/// The place for an execution's end without success.
const END: &str = "end";
/// The prefix of a state that a recovery enters.
const OF_RECOVERY: &str = "recovery:";

/// The place of a fault.
struct Place<'a> {
    name: &'a str,
    identifier: Option<&'a str>,
    occurrence: u32,
    times: u32,
}

pub(super) fn parse(text: &str) -> Result<InjectedFault, String> {
    let (place, what) = text
        .split_once('=')
        .ok_or("write it as WHERE=WHAT, such as `ModifyDBInstance=throttle`, or as a JSON object")?;
    if let Some(moment) = place.strip_prefix("at:") {
        return intervention(When::At(seconds(moment)?), what);
    }
    if let Some(moment) = place.strip_prefix("after:") {
        return intervention(after(moment)?, what);
    }
    if let Some(state) = place.strip_prefix(OF_RECOVERY) {
        return beside_recovery(&self::place(state)?, what);
    }
    let place = self::place(place)?;
    let name = place.name;
    if name == END {
        return end(&place, what);
    }
    if name == "*" || request_actions().any(|action| action == name) {
        return request(&place, what);
    }
    if place.identifier.is_some() {
        return Err(format!("`@` narrows an action to an identifier, and `{name}` is none"));
    }
    if functions::names().any(|function| function == name) {
        return function(&place, what);
    }
    if state_names().any(|state| state == name) {
        return state(&place, what);
    }
    let all = request_actions().chain(functions::names()).chain(state_names());
    Err(unknown("action, function or state", name, all))
}

fn place(text: &str) -> Result<Place<'_>, String> {
    let (rest, counts) = text.split_once('#').map_or((text, None), |(rest, counts)| (rest, Some(counts)));
    let (name, identifier) = rest.split_once('@').map_or((rest, None), |(name, identifier)| (name, Some(identifier)));
    let (occurrence, times) = match counts {
        None => (1, 1),
        Some(counts) => match counts.split_once('x') {
            None => (number(counts)?, 1),
            Some((occurrence, times)) => (number(occurrence)?, number(times)?),
        },
    };
    Ok(Place { name, identifier, occurrence, times })
}

fn number(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a count: write `#2` for the second time, `#2x3` for three in a row"))
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number of seconds"))
}

/// The value after the colon, for a fault that requires one.
fn needed<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, String> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| format!("`{name}` needs a value: `{name}:…`"))
}

fn split(what: &str) -> (&str, Option<&str>) {
    what.split_once(':').map_or((what, None), |(name, value)| (name, Some(value)))
}

fn request(place: &Place<'_>, what: &str) -> Result<InjectedFault, String> {
    let (name, value) = split(what);
    let fault = match name {
        "throttle" => Fault::Throttle { code: value.unwrap_or("Throttling").to_owned() },
        "serverError" => match value.unwrap_or("503").parse() {
            Ok(status) => Fault::ServerError { status },
            Err(_) => return Err(format!("`{}` is no HTTP status", value.unwrap_or_default())),
        },
        "denied" => Fault::Denied {},
        "error" => {
            let (code, message) = split(needed(name, value)?);
            Fault::Error { code: code.to_owned(), message: message.unwrap_or_default().to_owned() }
        }
        "responseLost" => Fault::ResponseLost {},
        "connectionReset" => Fault::ConnectionReset {},
        "connectionRefused" => Fault::ConnectionRefused {},
        "slow" => Fault::Slow { seconds: seconds(needed(name, value)?)? },
        "notFoundFor" => Fault::NotFoundFor { seconds: seconds(needed(name, value)?)? },
        "late" => Fault::Late { seconds: seconds(needed(name, value)?)? },
        "stale" => Fault::Stale { seconds: seconds(needed(name, value)?)? },
        "endsIn" => Fault::EndsIn { status: needed(name, value)?.to_owned() },
        "stuck" => Fault::Stuck { seconds: value.map(seconds).transpose()? },
        _ => return Err(unknown("fault of requests", name, REQUEST_FAULTS)),
    };
    let takes_none = matches!(
        fault,
        Fault::Denied {} | Fault::ResponseLost {} | Fault::ConnectionReset {} | Fault::ConnectionRefused {}
    );
    if takes_none && value.is_some() {
        return Err(format!("`{name}` takes no value"));
    }
    Ok(InjectedFault::Request(FaultRule {
        action: place.name.to_owned(),
        identifier: place.identifier.map(str::to_owned),
        caller: None,
        occurrence: place.occurrence,
        times: place.times,
        fault,
    }))
}

fn function(place: &Place<'_>, what: &str) -> Result<InjectedFault, String> {
    let (name, value) = split(what);
    let fault = match name {
        "crash" => FunctionFaultKind::Crash,
        "answerLost" => FunctionFaultKind::AnswerLost,
        "serviceException" => FunctionFaultKind::ServiceException,
        "tooManyRequests" => FunctionFaultKind::TooManyRequests,
        "timeOut" => FunctionFaultKind::TimeOut,
        "lambda" => FunctionFaultKind::Lambda(LambdaError::named(needed(name, value)?)?),
        "asleep" => {
            let seconds = needed(name, value)?;
            FunctionFaultKind::Asleep(
                seconds.parse().map_err(|_| format!("`{seconds}` is no whole number of seconds"))?,
            )
        }
        _ => return Err(unknown("fault of functions", name, FUNCTION_FAULTS)),
    };
    let takes_value = matches!(fault, FunctionFaultKind::Lambda(_) | FunctionFaultKind::Asleep(_));
    if value.is_some() && !takes_value {
        return Err(format!("`{name}` takes no value"));
    }
    let function = place.name.to_owned();
    Ok(InjectedFault::Function(FunctionFault { function, occurrence: place.occurrence, times: place.times, fault }))
}

fn state(place: &Place<'_>, what: &str) -> Result<InjectedFault, String> {
    let (name, value) = split(what);
    if place.times != 1 {
        return Err(format!("`{name}` happens once, at one time the state is entered: `{}#2`", place.name));
    }
    let (state, occurrence) = (place.name.to_owned(), place.occurrence);
    match (name, value) {
        ("abort", None) => Ok(InjectedFault::Abort { state, occurrence }),
        ("abortAfter", None) => Ok(InjectedFault::AbortAfter { state, occurrence }),
        ("secondRun", None) => Ok(InjectedFault::SecondRun { state, occurrence, beside: Beside::First, event: None }),
        ("secondRun", Some(event)) => {
            let event = serde_json::from_str(event).map_err(|error| format!("its event is not JSON: {error}"))?;
            Ok(InjectedFault::SecondRun { state, occurrence, beside: Beside::First, event: Some(event) })
        }
        ("abort" | "abortAfter", Some(_)) => Err(format!("`{name}` takes no value")),
        _ => Err(unknown("disturbance at states", name, STATE_FAULTS)),
    }
}

/// A person's action beside a recovery.
fn beside_recovery(place: &Place<'_>, what: &str) -> Result<InjectedFault, String> {
    match state(place, what)? {
        InjectedFault::SecondRun { state, occurrence, event, .. } => {
            Ok(InjectedFault::SecondRun { state, occurrence, beside: Beside::Recovery, event })
        }
        _ => Err(format!("beside a recovery only `secondRun` happens: `{OF_RECOVERY}{}=secondRun`", place.name)),
    }
}

/// A person's action after the execution has ended without success.
fn end(place: &Place<'_>, what: &str) -> Result<InjectedFault, String> {
    if place.identifier.is_some() || place.times != 1 {
        return Err(format!("an execution is redriven after one of its ends: `{END}#2=redrive:600`"));
    }
    match split(what) {
        ("redrive", value) => {
            let seconds = seconds(needed("redrive", value)?)?;
            Ok(InjectedFault::Redrive { occurrence: place.occurrence, seconds })
        }
        (name, _) => Err(unknown("disturbance at the end", name, ["redrive:SECONDS"])),
    }
}

fn after(text: &str) -> Result<When, String> {
    let (place, delay) = text.split_once('+').map_or((text, None), |(place, delay)| (place, Some(delay)));
    let place = self::place(place)?;
    if place.identifier.is_some() || place.times != 1 {
        return Err("a person acts after one request: `after:ACTION#N+SECONDS`".to_owned());
    }
    let delay_seconds = delay.map_or(Ok(0.0), seconds)?;
    Ok(When::After { action: place.name.to_owned(), occurrence: place.occurrence, delay_seconds })
}

fn intervention(when: When, what: &str) -> Result<InjectedFault, String> {
    let (action, parameters) = split(what);
    let mut given = BTreeMap::new();
    for parameter in parameters.unwrap_or_default().split(',').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter
            .split_once('=')
            .ok_or_else(|| format!("`{parameter}` is no parameter: write `DBInstanceIdentifier=orders`"))?;
        given.insert(name.to_owned(), value.to_owned());
    }
    if !RDS_ACTIONS.contains(&action) {
        return Err(unknown("action of RDS", action, RDS_ACTIONS.iter().copied()));
    }
    Ok(InjectedFault::Intervention(Intervention { when, action: action.to_owned(), parameters: given }))
}

impl fmt::Display for InjectedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match write(self) {
            Some(short) => f.write_str(&short),
            None => f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?),
        }
    }
}

impl fmt::Display for FunctionFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash => f.write_str("crash"),
            Self::AnswerLost => f.write_str("answerLost"),
            Self::ServiceException => f.write_str("serviceException"),
            Self::TooManyRequests => f.write_str("tooManyRequests"),
            Self::TimeOut => f.write_str("timeOut"),
            Self::Lambda(error) => write!(f, "lambda:{}", error.name()),
            Self::Asleep(seconds) => write!(f, "asleep:{seconds}"),
        }
    }
}

/// The short form, if it exists and reads back as the same fault.
fn write(fault: &InjectedFault) -> Option<String> {
    match fault {
        InjectedFault::Request(rule) => {
            let fault = write_fault(&rule.fault)?;
            if rule.caller.is_some() {
                return None;
            }
            let identifier = match &rule.identifier {
                Some(identifier) if identifier.contains(['#', '=']) => return None,
                Some(identifier) => format!("@{identifier}"),
                None => String::new(),
            };
            Some(format!("{}{identifier}{}={fault}", rule.action, counts(rule.occurrence, rule.times)))
        }
        InjectedFault::Function(FunctionFault { function, occurrence, times, fault }) => {
            Some(format!("{function}{}={fault}", counts(*occurrence, *times)))
        }
        InjectedFault::Abort { state, occurrence } => Some(format!("{state}{}=abort", counts(*occurrence, 1))),
        InjectedFault::AbortAfter { state, occurrence } => {
            Some(format!("{state}{}=abortAfter", counts(*occurrence, 1)))
        }
        InjectedFault::Redrive { occurrence, seconds } => {
            Some(format!("{END}{}=redrive:{seconds}", counts(*occurrence, 1)))
        }
        InjectedFault::SecondRun { state, occurrence, beside, event } => {
            let whose = if *beside == Beside::Recovery { OF_RECOVERY } else { "" };
            let event = event.as_ref().map(|event: &Value| format!(":{event}")).unwrap_or_default();
            Some(format!("{whose}{state}{}=secondRun{event}", counts(*occurrence, 1)))
        }
        InjectedFault::Intervention(intervention) => write_intervention(intervention),
    }
}

fn counts(occurrence: u32, times: u32) -> String {
    match (occurrence, times) {
        (1, 1) => String::new(),
        (occurrence, 1) => format!("#{occurrence}"),
        (occurrence, times) => format!("#{occurrence}x{times}"),
    }
}

fn write_fault(fault: &Fault) -> Option<String> {
    Some(match fault {
        Fault::Throttle { code } if code == "Throttling" => "throttle".to_owned(),
        Fault::Throttle { code } => format!("throttle:{code}"),
        Fault::ServerError { status: 503 } => "serverError".to_owned(),
        Fault::ServerError { status } => format!("serverError:{status}"),
        Fault::Denied {} => "denied".to_owned(),
        // The code's own colon would be read as the start of the message.
        Fault::Error { code, .. } if code.contains(':') || code.is_empty() => return None,
        Fault::Error { code, message } if message.is_empty() => format!("error:{code}"),
        Fault::Error { code, message } => format!("error:{code}:{message}"),
        Fault::ResponseLost {} => "responseLost".to_owned(),
        Fault::ConnectionReset {} => "connectionReset".to_owned(),
        Fault::ConnectionRefused {} => "connectionRefused".to_owned(),
        Fault::Slow { seconds } => format!("slow:{seconds}"),
        Fault::NotFoundFor { seconds } => format!("notFoundFor:{seconds}"),
        Fault::Late { seconds } => format!("late:{seconds}"),
        Fault::Stale { seconds } => format!("stale:{seconds}"),
        Fault::EndsIn { status } => format!("endsIn:{status}"),
        Fault::Stuck { seconds: Some(seconds) } => format!("stuck:{seconds}"),
        Fault::Stuck { seconds: None } => "stuck".to_owned(),
    })
}

fn write_intervention(intervention: &Intervention) -> Option<String> {
    let mut text = match &intervention.when {
        When::At(seconds) => format!("at:{seconds}="),
        When::After { action, occurrence, delay_seconds } => {
            let delay = if *delay_seconds == 0.0 { String::new() } else { format!("+{delay_seconds}") };
            format!("after:{action}{}{delay}=", counts(*occurrence, 1))
        }
    };
    text.push_str(&intervention.action);
    for (position, (name, value)) in intervention.parameters.iter().enumerate() {
        if value.contains(',') {
            return None;
        }
        let separator = if position == 0 { ':' } else { ',' };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{name}={value}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every short form.
    const FORMS: &[&str] = &[
        "ModifyDBInstance=throttle",
        "ModifyDBInstance=throttle:RequestLimitExceeded",
        "ModifyDBInstance#2x3=denied",
        "ModifyDBInstance#1x2=serverError:500",
        "DescribeDBInstances#4=serverError",
        "CreateDBInstance@shop-1=endsIn:failed",
        "RestoreDBInstanceFromDBSnapshot=stuck:7200",
        "RestoreDBInstanceFromDBSnapshot=stuck",
        "RestoreDBInstanceFromDBSnapshot=notFoundFor:45.5",
        "CreateDBSnapshot=error:SnapshotQuotaExceeded",
        "CreateDBSnapshot=error:SnapshotQuotaExceeded:one too many: 100",
        "*#12=slow:30",
        "DeleteDBInstance=responseLost",
        "DeleteDBInstance=connectionRefused",
        "SendEmail#1x3=connectionReset",
        "AddTagsToResource=late:60",
        "ModifyDBInstance#2=late:7.5",
        "DescribeExecution#1x9=stale:120",
        "SendEmail#1x99=error:MessageRejected",
        "DescribeExecution=throttle",
        "rename-instance=crash",
        "rename-instance#2=answerLost",
        "wait-cluster#1x3=serviceException",
        "email=tooManyRequests",
        "email=timeOut",
        "recover#1x4=lambda:Lambda.ENILimitReachedException",
        "discard-instance=asleep:120",
        "discard-instance#2=asleep:600",
        "DbInstanceRename=abort",
        "DbInstanceRename#2=abortAfter",
        "DbInstanceRename=secondRun",
        "recovery:RevertOldDbInstanceRename#2=secondRun",
        "end=redrive:600",
        "end#2=redrive:0.5",
        r#"DbInstanceRename=secondRun:{"identifier":"orders","task":"create_snapshot","isCluster":false}"#,
        "at:600=DeleteDBInstance:DBInstanceIdentifier=orders,SkipFinalSnapshot=true",
        "after:ModifyDBInstance=StopDBInstance:DBInstanceIdentifier=orders-temp",
        "after:ModifyDBInstance#2+30=RemoveTagsFromResource:ResourceName=arn:aws:rds:us-east-1:123456789012:db:orders,TagKeys.member.1=trapheus:execution",
    ];

    #[test]
    fn every_short_form_reads_back_as_it_was_written() {
        for form in FORMS {
            let fault: InjectedFault = form.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(fault.to_string(), *form);
        }
    }

    #[test]
    fn every_fault_reads_back_from_json() {
        for form in FORMS {
            let fault: InjectedFault = form.parse().unwrap();
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(json.parse::<InjectedFault>().unwrap(), fault, "{json}");
        }
    }

    #[test]
    fn a_fault_without_a_short_form_is_written_as_json() {
        for json in [
            r#"{"request":{"action":"ModifyDBInstance","caller":"someone","occurrence":1,"times":1,"fault":{"kind":"denied"}}}"#,
            r#"{"meddling":{"when":{"at":1.0},"action":"DeleteDBInstance","parameters":{"DBInstanceIdentifier":"a,b"}}}"#,
        ] {
            assert_eq!(json.parse::<InjectedFault>().unwrap().to_string(), json);
        }
    }

    #[test]
    fn an_impossible_fault_is_refused_with_the_known_names() {
        for (text, said) in [
            ("ModifyDBInstance", "WHERE=WHAT"),
            ("ModifyDBInstanc=throttle", "did you mean `ModifyDBInstance`"),
            ("DbInstanceRenam=abort", "did you mean `DbInstanceRename`"),
            ("rename-instanc=crash", "did you mean `rename-instance`"),
            ("nothing-like-it=crash", "`--fault help` lists all names"),
            ("ModifyDBInstance=throtle", "did you mean `throttle`"),
            ("ModifyDBInstance=abort", "known are: throttle"),
            ("ModifyDBInstance=endsIn", "`endsIn` needs a value"),
            ("ModifyDBInstance=endsIn:faild", "did you mean `failed`"),
            ("ModifyDBInstance=denied:please", "`denied` takes no value"),
            ("ModifyDBInstance=slow:soon", "`soon` is no number of seconds"),
            ("ModifyDBInstance=slow:-1", "-1 is no number of seconds"),
            ("SendEmail=connectionReset:now", "`connectionReset` takes no value"),
            ("AddTagsToResource=late", "`late` needs a value"),
            ("AddTagsToResource=late:-1", "-1 is no number of seconds"),
            ("DescribeExecution=stale:soon", "`soon` is no number of seconds"),
            ("DescribeDBInstances=stale:60", "`DescribeDBInstances` does not look at executions"),
            (
                r#"{"request": {"action": "*", "fault": {"kind": "stale", "seconds": 9}}}"#,
                "DescribeExecution, ListExecutions",
            ),
            ("ModifyDBInstance=serverError:404", "500 to 599"),
            ("ModifyDBInstance#0=denied", "count from 1"),
            ("ModifyDBInstance#1x0=denied", "0 times"),
            ("ModifyDBInstance#two=denied", "`two` is not a count"),
            ("rename-instance@orders=crash", "narrows an action"),
            ("rename-instance=denied", "known are: crash"),
            ("rename-instance=crash:now", "`crash` takes no value"),
            ("rename-instance=lambda", "`lambda` needs a value"),
            ("rename-instance=lambda:ServiceExeption", "did you mean `Lambda.ServiceException`"),
            ("rename-instance=lambda:Lambda.ENINotReady", "did you mean `Lambda.ENINotReadyException`"),
            ("rename-instance=asleep", "`asleep` needs a value"),
            ("rename-instance=asleep:long", "`long` is no whole number of seconds"),
            ("rename-instance#1x2=asleep:60", "falls asleep once"),
            (
                r#"{"function": {"function": "email", "fault": {"lambda": "Lambda.Unknwon"}}}"#,
                "did you mean `Lambda.Unknown`",
            ),
            ("DbInstanceRename=crash", "known are: abort"),
            ("DbInstanceRename#1x2=abort", "happens once"),
            ("DbInstanceRename=secondRun:{", "not JSON"),
            ("ShouldRestoreClusterOrInstance=abortAfter", "calls no function"),
            ("recovery:RevertOldDbInstanceRename=abort", "only `secondRun` happens"),
            ("end=redrive", "`redrive` needs a value"),
            ("end=redrive:soon", "no number of seconds"),
            ("end#1x2=redrive:1", "one of its ends"),
            ("end=abort", "known are: redrive:SECONDS"),
            ("at:soon=DeleteDBInstance", "no number of seconds"),
            ("at:1=DeleteDBInstanc", "did you mean `DeleteDBInstance`"),
            ("at:1=DeleteDBInstance:orders", "`orders` is no parameter"),
            ("after:ModifyDBInstanc=DeleteDBInstance", "did you mean `ModifyDBInstance`"),
            ("after:ModifyDBInstance#1x2=DeleteDBInstance", "after one request"),
            (r#"{"abort": {"state": "DbInstanceRenam"}}"#, "did you mean `DbInstanceRename`"),
            (r#"{"abrt": {"state": "DbInstanceRename"}}"#, "unknown variant `abrt`"),
            (r#"{"abort": {"stat": "DbInstanceRename"}}"#, "unknown field `stat`"),
        ] {
            let error = text.parse::<InjectedFault>().expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
