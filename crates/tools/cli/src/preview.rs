//! One alert of a rehearsal, as it is sent.
//!
//! It shows what the rehearsed functions have handed over to SES and to Slack, so it words and renders nothing itself.

use std::time::Duration;

use rds_simulator::{Mail, Post, WorldError};

use crate::rehearsal::Rehearsal;

/// Which of a run's alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// The one that is sent at once.
    First,
    /// The one that says what exists now; of a run that succeeded, its notice.
    Final,
}

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The HTML part of the mail.
    Html,
    /// The mail's subject and its text part.
    Text,
    /// The message to Slack, as JSON.
    Slack,
}

/// Rehearses, and renders one of the alerts; nothing if none was sent. A success is told of, whatever the rehearsal says;
/// a run that fails after its notice is shown by its failure.
pub fn alert(rehearsal: Rehearsal, which: Which, format: Format) -> Result<Option<String>, WorldError> {
    let told = Rehearsal { success_notice: true, ..rehearsal.clone() };
    let mut report = rehearsal.run(&mut ())?;
    if report.status == "SUCCEEDED" {
        report = told.run(&mut ())?;
    }
    // Those of the run itself; those of its recovery if it was stopped before it could send any.
    let is_own = |at: Duration| at.as_secs_f64() <= report.duration_seconds;
    let mut mails: Vec<&Mail> = report.mails.iter().filter(|mail| is_own(mail.at)).collect();
    let mut posts: Vec<&Post> = report.posts.iter().filter(|post| is_own(post.at)).collect();
    if mails.is_empty() && posts.is_empty() {
        mails.extend(&report.mails);
        posts.extend(&report.posts);
    }
    let (mail, post) = match which {
        Which::First => (mails.first(), posts.first()),
        Which::Final => (mails.last(), posts.last()),
    };
    Ok(match format {
        Format::Html => mail.and_then(|mail| mail.html.clone()),
        Format::Text => mail.and_then(|mail| Some(format!("Subject: {}\n\n{}", mail.subject, mail.text.as_ref()?))),
        Format::Slack => post.map(|post| format!("{:#}\n", post.body)),
    })
}
