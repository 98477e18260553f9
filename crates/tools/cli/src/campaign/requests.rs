//! Every request of a campaign's functions, each once: the input for the proof of their permissions.
//!
//! `tests/deployment/permissions/README.md` describes the format. The record leaves out the requests of people, and the
//! time and result of each request. A refused request needs a permission as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rds_simulator::RecordedRequest;
use serde_json::json;

/// Distinct requests, as lines of JSON.
#[derive(Debug, Default)]
pub struct Requests(BTreeSet<String>);

impl Requests {
    /// Adds the requests that functions have made.
    pub fn add(&mut self, requests: &[RecordedRequest]) {
        for request in requests.iter().filter(|request| !request.role.is_empty()) {
            // No permission depends on the position in a list or the subject of a mail, and their variety is unlimited.
            let matters = |name: &str| !matches!(name, "Marker" | "MaxRecords" | "Subject");
            let parameters = request.parameters.iter().filter(|(name, _)| matters(name));
            let line = json!({
                "caller": request.role,
                "service": request.service,
                "action": request.action,
                "parameters": parameters.collect::<BTreeMap<_, _>>(),
                "resources": request.resources,
            });
            self.0.insert(line.to_string());
        }
    }

    /// Writes one request in each line.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let lines: String = self.0.iter().flat_map(|line| [line, "\n"]).collect();
        fs::write(path, lines).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}
