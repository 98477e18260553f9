//! The times in which a database answered under a name, which give the downtime of the name. The times in which RDS itself
//! worked, which separate the waits for RDS from the client's own.
//!
//! A name *answers* while the database of that name takes connections. A backup or a modification does not interrupt it. The
//! short `available` of a rename before its reboot does not count.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::resources::Millis;

/// One name of a DB instance or DB cluster over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NameHistory {
    pub name: String,
    pub is_cluster: bool,
    /// From (inclusive) and to (exclusive), in seconds since the start. The last span is open while the name answers.
    pub answered: Vec<(f64, Option<f64>)>,
    /// Seconds without an answer, counted from the first time that the name answered.
    pub downtime_seconds: f64,
}

/// From and to; the last span is open while the condition lasts.
type Spans = Vec<(Millis, Option<Millis>)>;

#[derive(Debug, Default)]
pub(crate) struct History {
    /// The keys are whether the database is a cluster, and its name.
    names: BTreeMap<(bool, String), Spans>,
    working: Spans,
}

impl History {
    /// Records whether any operation is under way now, and which databases answer. An element of `all` says whether the
    /// database is a cluster, its name, and whether it answers.
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

    /// From and to, in seconds since the start: the times in which RDS worked.
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

/// Opens a span, or closes the last one.
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
