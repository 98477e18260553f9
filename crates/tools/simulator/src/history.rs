//! When a database answered under which name, so that the downtime of a name can be told; and when RDS itself was at work,
//! so that waiting for it can be told from waiting for whoever uses it.
//!
//! A name *answers* while a database called so takes connections: the `available` a rename flashes before its
//! reboot does not count, a backup or a modification does not interrupt.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::resources::Millis;

/// One name of a DB instance or DB cluster over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NameHistory {
    pub name: String,
    pub is_cluster: bool,
    /// From (inclusive) and to (exclusive), in seconds since the start; the last is open while it answers.
    pub answered: Vec<(f64, Option<f64>)>,
    /// Seconds in which nothing answered, counted from the first time something did.
    pub downtime_seconds: f64,
}

/// From and to; open while it answers.
type Spans = Vec<(Millis, Option<Millis>)>;

#[derive(Debug, Default)]
pub(crate) struct History {
    /// By whether it is a cluster, and name.
    names: BTreeMap<(bool, String), Spans>,
    working: Spans,
}

impl History {
    /// Takes down whether any operation is under way now, and who answers: whether it is a cluster, its name, whether it
    /// answers.
    pub(crate) fn observe<'a>(
        &mut self,
        now: Millis,
        is_working: bool,
        all: impl Iterator<Item = (bool, &'a str, bool)>,
    ) {
        note(&mut self.working, now, is_working);
        let answering: Vec<(bool, &str)> =
            all.filter(|(.., answers)| *answers).map(|(is_cluster, name, _)| (is_cluster, name)).collect();
        for ((is_cluster, name), spans) in &mut self.names {
            let answers = answering.iter().any(|(kind, answering)| kind == is_cluster && answering == name);
            note(spans, now, answers);
        }
        for (is_cluster, name) in answering {
            if !self.names.keys().any(|(kind, known)| *kind == is_cluster && known == name) {
                self.names.insert((is_cluster, name.to_owned()), vec![(now, None)]);
            }
        }
    }

    /// From and to, in seconds since the start: when RDS was at work.
    pub(crate) fn working(&self, now: Millis) -> Vec<(f64, f64)> {
        self.working.iter().map(|(from, to)| (seconds(*from), seconds(to.unwrap_or(now)))).collect()
    }

    pub(crate) fn report(&self, now: Millis) -> Vec<NameHistory> {
        self.names
            .iter()
            .map(|((is_cluster, name), spans)| {
                let since = spans.first().map_or(now, |(from, _)| *from);
                let up: Millis = spans.iter().map(|(from, to)| to.unwrap_or(now).saturating_sub(*from)).sum();
                NameHistory {
                    name: name.clone(),
                    is_cluster: *is_cluster,
                    answered: spans.iter().map(|(from, to)| (seconds(*from), to.map(seconds))).collect(),
                    downtime_seconds: seconds(now.saturating_sub(since).saturating_sub(up)),
                }
            })
            .collect()
    }
}

/// Opens or closes the last span.
fn note(spans: &mut Spans, now: Millis, is_so: bool) {
    match spans.last_mut() {
        Some((_, end @ None)) if !is_so => *end = Some(now),
        Some((_, None)) => {}
        _ if is_so => spans.push((now, None)),
        _ => {}
    }
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn seconds(millis: Millis) -> f64 {
    millis as f64 / 1000.0
}
