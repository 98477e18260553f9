//! The input of a recovery: an execution by its ARN, or a database by its name and kind. A refusal of any other input lists
//! all problems at once.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Map, Value};
use trapheus_common::identifiers::execution_machine;
use trapheus_common::input::STARTED_BY;
use trapheus_common::timestamp::Timestamp;
use trapheus_common::{Error, ErrorKind, Result};

/// The subject of the recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Execution { arn: String, event: Option<Event> },
    Database { identifier: String, is_cluster: bool },
}

/// The facts of the event with which the rule started the recovery. Step Functions may show the same only minutes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) status: ExecutionStatus,
    pub(crate) stopped_at: Option<Timestamp>,
}

/// Both forms of the input, for a refusal.
const FORMS: &str = "`{\"task\": \"recover\", \"execution\": \"<ARN of the execution>\"}` or `{\"task\": \"recover\", \
                     \"identifier\": \"<name>\", \"isCluster\": <true or false>}`";
const FIELDS: [&str; 7] = ["task", "execution", "status", "stoppedAt", "identifier", "isCluster", STARTED_BY];

pub(crate) fn parse(input: &Value) -> Result<Subject> {
    let empty = Map::new();
    let fields = input.as_object().unwrap_or(&empty);
    let mut problems: Vec<String> = fields
        .keys()
        .filter(|field| !FIELDS.contains(&field.as_str()))
        .map(|field| format!("`{}` is not a field of a recovery", field.escape_debug()))
        .collect();
    let event = event(fields, &mut problems);
    let subject = match (fields.get("execution"), fields.get("identifier"), fields.get("isCluster")) {
        (Some(Value::String(arn)), None, None) if execution_machine(arn).is_some() => {
            Some(Subject::Execution { arn: arn.clone(), event })
        }
        (Some(Value::String(arn)), None, None) => {
            problems.push(format!("`execution` is `{}`, which is not the ARN of an execution", arn.escape_debug()));
            None
        }
        (None, Some(Value::String(identifier)), Some(Value::Bool(is_cluster))) if event.is_none() => {
            Some(Subject::Database { identifier: identifier.clone(), is_cluster: *is_cluster })
        }
        _ => {
            problems.push("the fields do not say what to recover".to_owned());
            None
        }
    };
    match subject {
        Some(subject) if problems.is_empty() => Ok(subject),
        _ => {
            let message = format!("{}: give {FORMS}; nothing was touched", problems.join("; "));
            Err(match fields.get("identifier").and_then(Value::as_str) {
                Some(identifier) => Error::new(ErrorKind::InvalidInput, identifier, message),
                None => Error::without_identifier(ErrorKind::InvalidInput, message),
            })
        }
    }
}

/// The status and time of the event. Only the rule provides them.
fn event(fields: &Map<String, Value>, problems: &mut Vec<String>) -> Option<Event> {
    let status = match fields.get("status")? {
        Value::String(status) => ExecutionStatus::from(status.as_str()),
        other => ExecutionStatus::from(other.to_string().as_str()),
    };
    if !matches!(status, ExecutionStatus::Failed | ExecutionStatus::Aborted | ExecutionStatus::TimedOut) {
        problems.push(format!("`status` is `{status}`, not FAILED, ABORTED or TIMED_OUT"));
    }
    // An unreadable time counts as a missing one.
    let stopped_at = fields.get("stoppedAt").and_then(Value::as_str).and_then(Timestamp::parse);
    Some(Event { status, stopped_at })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws-cn:states:cn-north-1:123456789012:execution:trapheus:run-1";

    #[test]
    fn an_execution_or_a_database_is_recovered() {
        let execution = parse(&json!({"task": "recover", "execution": ARN})).unwrap();
        assert_eq!(execution, Subject::Execution { arn: ARN.to_owned(), event: None });
        let nested = parse(&json!({"task": "recover", "execution": ARN, STARTED_BY: "arn:parent"})).unwrap();
        assert_eq!(nested, execution, "a state machine may start a recovery, too");
        let database = parse(&json!({"task": "recover", "identifier": "orders", "isCluster": true})).unwrap();
        assert_eq!(database, Subject::Database { identifier: "orders".to_owned(), is_cluster: true });
    }

    #[test]
    fn the_rule_gives_the_status_and_the_end_of_the_execution() {
        for status in ["FAILED", "ABORTED", "TIMED_OUT"] {
            let input =
                json!({"task": "recover", "execution": ARN, "status": status, "stoppedAt": "2026-01-31T08:00:00Z"});
            let Subject::Execution { event: Some(event), .. } = parse(&input).unwrap() else { panic!("{status}") };
            assert_eq!((event.status.as_str(), event.stopped_at), (status, Timestamp::parse("2026-01-31T08:00:00Z")));
        }
        let input =
            json!({"task": "recover", "execution": ARN, "status": "ABORTED", "stoppedAt": 1_767_600_000_000_u64});
        let Subject::Execution { event: Some(event), .. } = parse(&input).unwrap() else { panic!() };
        assert_eq!(event.stopped_at, None);
    }

    #[test]
    fn any_other_input_is_refused_with_the_valid_forms() {
        for (input, problem) in [
            (json!({"task": "recover"}), "do not say what"),
            (json!({"task": "recover", "identifier": "orders"}), "do not say what"),
            (json!({"task": "recover", "identifier": "orders", "isCluster": "true"}), "do not say what"),
            (
                json!({"task": "recover", "execution": ARN, "identifier": "orders", "isCluster": true}),
                "do not say what",
            ),
            (json!({"task": "recover", "execution": "run-1"}), "`run-1`, which is not the ARN"),
            (json!({"task": "recover", "execution": ARN.replace("execution", "express")}), "not the ARN"),
            (json!({"task": "recover", "execution": ARN, "colour": "red"}), "`colour` is not a field"),
            (json!({"task": "recover", "execution": ARN, "status": "RUNNING"}), "`status` is `RUNNING`"),
            (json!({"task": "recover", "execution": ARN, "status": 7}), "`status` is `7`"),
            (
                json!({"task": "recover", "identifier": "orders", "isCluster": true, "status": "ABORTED"}),
                "do not say what",
            ),
        ] {
            let error = parse(&input).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.report().contains(problem) && error.report().contains("\"execution\""), "{}", error.report());
        }
    }
}
