//! One alert of a rehearsal, as it is sent.
//!
//! The preview shows the alert that the rehearsed functions passed to SES or to Slack. It neither words nor renders the
//! alert itself.

use std::time::Duration;

use rds_simulator::{Mail, Post, WorldError};

use crate::rehearsal::Rehearsal;

/// One of a run's alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// The alert that is sent at once.
    First,
    /// The alert that says what exists now; for a successful run, its notice.
    Final,
}

/// The format of the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The HTML part of the mail.
    Html,
    /// The mail's subject and its text part.
    Text,
    /// The message to Slack, as JSON.
    Slack,
}

/// Rehearses the event and returns one of the alerts, or `None` if the run sent none. A success always sends its notice,
/// whatever the rehearsal's setting. For a run that fails after its notice, the result is the alert about the failure.
pub fn alert(rehearsal: Rehearsal, which: Which, format: Format) -> Result<Option<String>, WorldError> {
    let told = Rehearsal { success_notice: true, ..rehearsal.clone() };
    let mut report = rehearsal.run(&mut ())?;
    if report.status == "SUCCEEDED" {
        report = told.run(&mut ())?;
    }
    // The alerts of the run itself, or of its recovery if the run was stopped before its first alert.
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
