//! The input of a recovery: an execution by its ARN, or a database by its name and kind. Anything else is refused, with
//! every problem at once.

use serde_json::{Map, Value};
use trapheus_common::{Error, ErrorKind, Result};
use trapheus_preflight::validate::STARTED_BY;

/// What is to be recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Execution(String),
    Database { identifier: String, is_cluster: bool },
}

/// Both forms, as a refusal shows them.
const FORMS: &str = "`{\"task\": \"recover\", \"execution\": \"<ARN of the execution>\"}` or `{\"task\": \"recover\", \
                     \"identifier\": \"<name>\", \"isCluster\": <true or false>}`";

pub(crate) fn parse(input: &Value) -> Result<Asked> {
    let empty = Map::new();
    let fields = input.as_object().unwrap_or(&empty);
    let mut problems: Vec<String> = fields
        .keys()
        .filter(|field| !["task", "execution", "identifier", "isCluster", STARTED_BY].contains(&field.as_str()))
        .map(|field| format!("`{}` is not a field of a recovery", field.escape_debug()))
        .collect();
    let asked = match (fields.get("execution"), fields.get("identifier"), fields.get("isCluster")) {
        (Some(Value::String(arn)), None, None) if is_execution(arn) => Some(Asked::Execution(arn.clone())),
        (Some(Value::String(arn)), None, None) => {
            problems.push(format!("`execution` is `{}`, which is not the ARN of an execution", arn.escape_debug()));
            None
        }
        (None, Some(Value::String(identifier)), Some(Value::Bool(is_cluster))) => {
            Some(Asked::Database { identifier: identifier.clone(), is_cluster: *is_cluster })
        }
        _ => {
            problems.push("the fields do not say what to recover".to_owned());
            None
        }
    };
    match asked {
        Some(asked) if problems.is_empty() => Ok(asked),
        _ => {
            let message = format!("{}: give {FORMS}; nothing was touched", problems.join("; "));
            Err(match fields.get("identifier").and_then(Value::as_str) {
                Some(identifier) => Error::new(ErrorKind::InvalidInput, identifier, message),
                None => Error::without_identifier(ErrorKind::InvalidInput, message),
            })
        }
    }
}

/// `arn:aws:states:<region>:<account>:execution:<state machine>:<name>`, in any partition.
fn is_execution(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts[..], ["arn", _, "states", _, _, "execution", machine, name] if !machine.is_empty() && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws-cn:states:cn-north-1:123456789012:execution:trapheus:run-1";

    #[test]
    fn an_execution_or_a_database_is_recovered() {
        let execution = parse(&json!({"task": "recover", "execution": ARN})).unwrap();
        assert_eq!(execution, Asked::Execution(ARN.to_owned()));
        let nested = parse(&json!({"task": "recover", "execution": ARN, STARTED_BY: "arn:parent"})).unwrap();
        assert_eq!(nested, execution, "a state machine may start a recovery, too");
        let database = parse(&json!({"task": "recover", "identifier": "orders", "isCluster": true})).unwrap();
        assert_eq!(database, Asked::Database { identifier: "orders".to_owned(), is_cluster: true });
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write_instead() {
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
        ] {
            let error = parse(&input).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.report().contains(problem) && error.report().contains("\"execution\""), "{}", error.report());
        }
    }
}
