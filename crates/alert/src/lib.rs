//! The alerts about a run: the request, the failed step and its reason, the databases that exist now, and the remedy.
//!
//! | module | owns |
//! |---|---|
//! | [`run`] | reading a state document of any shape: the request, the progress of the run, the failure |
//! | [`cause`] | known causes, each in one plain sentence, with their remedies |
//! | [`origin`] | the origin of each database, proven by resource ids and claims |
//! | [`resources`] | the look at RDS: which database and snapshot exists now, under which name |
//! | [`verdict`] | whether the databases are in order, and the commands that repair them |
//! | [`content`] | the alert as data: subject, sections, links; the words of every alert |
//! | [`text`], [`html`], [`slack`] | three renderers of that data, which say the same |
//! | [`words`] | subjects and headlines as constants, for programs that read alerts |
//! | [`link`] | addresses in the AWS console, in every partition |
//!
//! This crate neither decides about the run nor sends anything: `trapheus-email` and `trapheus-slack` send the alert. A
//! failed look at RDS becomes a sentence in the alert and does not stop it.

use trapheus_common::document::{AlertEvent, AlertPhase};
use trapheus_common::timestamp::Timestamp;

use crate::content::Alert;
use crate::run::Run;

mod backup;
pub mod cause;
pub mod content;
#[cfg(test)]
mod fixtures;
pub mod html;
pub mod link;
pub mod origin;
pub mod plain;
pub mod resources;
pub mod run;
pub mod slack;
pub mod text;
pub mod verdict;
pub mod words;

/// Writes the alert. The first alert makes no call to RDS, so nothing delays it; the others look at RDS.
pub async fn compose(rds: &aws_sdk_rds::Client, region: &str, now: Timestamp, event: &AlertEvent) -> Alert {
    let run = Run::read(&event.execution, &event.document).failed_in(event.failed_state.as_deref());
    match event.phase {
        AlertPhase::First => Alert::first(&run, region),
        AlertPhase::Export => Alert::export(&run, region),
        AlertPhase::Final => Alert::last(&run, &resources::look(rds, &run).await, region),
        AlertPhase::Success => Alert::success(&run, &resources::look(rds, &run).await, now, region),
    }
}
