//! Secrets Manager and Parameter Store, limited to reading one text by its name. `GetSecretValue` and `GetParameter` return
//! the texts that the embedder put there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::error::{ApiError, ApiResult};

/// The actions of Secrets Manager that the simulator supports.
pub const SECRET_ACTIONS: &[&str] = &["GetSecretValue"];
/// The actions of Parameter Store (Systems Manager) that the simulator supports.
pub const PARAMETER_ACTIONS: &[&str] = &["GetParameter"];

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    secret_id: Option<String>,
    name: Option<String>,
}

fn asked(body: &[u8]) -> Asked {
    serde_json::from_slice(body).unwrap_or_default()
}

fn unknown(action: &str) -> ApiError {
    ApiError::new("UnknownOperationException", format!("The simulator has no action {action}."))
}

pub(crate) fn secret(secrets: &BTreeMap<String, String>, action: &str, body: &[u8]) -> ApiResult<String> {
    if !SECRET_ACTIONS.contains(&action) {
        return Err(unknown(action));
    }
    let name = asked(body).secret_id.unwrap_or_default();
    let text = secrets.get(&name).ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    })?;
    Ok(json!({"Name": name, "SecretString": text}).to_string())
}

pub(crate) fn parameter(parameters: &BTreeMap<String, String>, action: &str, body: &[u8]) -> ApiResult<String> {
    if !PARAMETER_ACTIONS.contains(&action) {
        return Err(unknown(action));
    }
    let name = asked(body).name.unwrap_or_default();
    // The message is empty: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    let text = parameters.get(&name).ok_or_else(|| ApiError::new("ParameterNotFound", ""))?;
    Ok(json!({"Parameter": {"Name": name, "Type": "SecureString", "Value": text}}).to_string())
}

/// The recorded parameters of a request: the name, never the text.
pub(crate) fn summary(body: &[u8]) -> BTreeMap<String, String> {
    let asked = asked(body);
    let named = [("SecretId", asked.secret_id), ("Name", asked.name)];
    named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
