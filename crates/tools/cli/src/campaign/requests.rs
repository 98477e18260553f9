//! Every request that the functions of a campaign make, each once: what the proof of their permissions is fed with.
//!
//! The format is that of `tests/deployment/permissions/README.md`. What people do in the rehearsals is left out, and so is
//! when a request was made and what became of it: a permission is needed for refused ones as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rds_simulator::RecordedRequest;
use serde_json::json;

/// Distinct requests, as lines of JSON.
#[derive(Debug, Default)]
pub struct Requests(BTreeSet<String>);

impl Requests {
    /// Takes those that functions have made.
    pub fn add(&mut self, requests: &[RecordedRequest]) {
        for request in requests.iter().filter(|request| !request.role.is_empty()) {
            // The place in a list or the words of a mail allow nothing, and there would be no end of different ones.
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

    /// Writes one in each line.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let lines: String = self.0.iter().flat_map(|line| [line, "\n"]).collect();
        fs::write(path, lines).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}
