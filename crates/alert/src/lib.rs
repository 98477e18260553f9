//! What people are told about a run: what was asked, which step failed and why, what exists now and what to do.
//!
//! | module | owns |
//! |---|---|
//! | [`run`] | reading a state document of any shape: what was asked, how far the run came, what failed |
//! | [`cause`] | known causes in one plain sentence, and what to do about them |
//! | [`origin`] | the origin of each database, proven by resource ids and claims |
//! | [`world`] | the look at RDS: which database and snapshot exists now, under which name |
//! | [`verdict`] | whether that is as it should be, and the commands that put it right |
//! | [`content`] | the alert as data: subject, sections, links; everything a person reads is worded here |
//! | [`text`], [`html`], [`slack`] | three renderers of that data, which say the same |
//! | [`words`] | subjects and headlines as constants, for programs that read alerts |
//! | [`link`] | addresses in the AWS console, in every partition |
//!
//! Nothing here decides about the run or sends anything: an alert reads and reports, and `trapheus-email` and
//! `trapheus-slack` send it. A look at RDS that fails is reported in the alert and does not stop it.

use trapheus_common::timestamp::Timestamp;
use trapheus_common::document::{AlertEvent, AlertPhase};

use crate::content::Alert;
use crate::run::Run;

pub mod cause;
pub mod content;
#[cfg(test)]
mod fixtures;
pub mod html;
pub mod link;
pub mod origin;
pub mod plain;
pub mod run;
pub mod slack;
pub mod text;
pub mod verdict;
pub mod words;
pub mod world;

/// Words the alert. The first one is made without a look at RDS, so that nothing delays it; the others look.
pub async fn compose(rds: &aws_sdk_rds::Client, region: &str, now: Timestamp, event: &AlertEvent) -> Alert {
    let run = Run::read(&event.execution, &event.document).failed_in(event.failed_state.as_deref());
    match event.phase {
        AlertPhase::First => Alert::first(&run, region),
        AlertPhase::Export => Alert::export(&run, region),
        AlertPhase::Final => Alert::last(&run, &world::look(rds, &run).await, region),
        AlertPhase::Success => Alert::success(&run, &world::look(rds, &run).await, now, region),
    }
}
