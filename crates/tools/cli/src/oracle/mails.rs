//! Decides whether the mails are true, and examines the effects of the last mail's commands.
//!
//! The evidence about databases is the world's own memory. A command may remove an unverified restored database if the
//! original takes its place. No command may take the name from a healthy database, or touch another one.

use rds_simulator::{Mail, WorldState};
use trapheus_alert::words;

use super::roles::{AUTO_SCALED, Home};
use super::{Broken, Case, Promise, final_mail, is_about};
use crate::steps;

pub(super) fn examine(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let mut say = |promise, what: String| broken.push(Broken { promise, what });
    for mail in case.mails() {
        for what in untrue_of_databases(case, mail) {
            say(Promise::I2, what);
        }
    }
    if let Some(what) = untrue_of_home(case) {
        say(Promise::I2, what);
    }
    for what in untrue_of_failure(case) {
        say(Promise::I2, what);
    }
    commands(case, &mut say);
}

/// Untrue statements of a mail about a database.
fn untrue_of_databases(case: &Case<'_>, mail: &Mail) -> Vec<String> {
    let lines = mail.text.as_deref().unwrap_or_default().lines();
    // A reader of Auto Scaling counts as a part of its cluster.
    let lines = lines.filter(|line| !line.contains(AUTO_SCALED));
    let untrue = lines.filter_map(|line| {
        let resource_id = resource_id_in(line)?;
        let (is_original, is_made) = (case.roles.is_original(resource_id), case.is_made_by_the_run(resource_id));
        let is_untrue = if line.contains(words::FOREIGN) || line.contains(words::NOT_CREATED) {
            is_original || is_made
        } else if line.contains(words::RESTORED) {
            !is_made
        } else {
            line.contains(&format!(", {} (", words::THE_ORIGINAL)) && !is_original
        };
        is_untrue.then(|| format!("{:?} says what is not so: {}", mail.subject, line.trim()))
    });
    untrue.collect()
}

/// The resource id that a line of a mail gives in brackets.
fn resource_id_in(line: &str) -> Option<&str> {
    let mut brackets = line.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    brackets.find(|inner| inner.starts_with("db-") || inner.starts_with("cluster-"))
}

/// Alerts that do not name the failed state. After a redrive, alerts are about several failures.
fn untrue_of_failure(case: &Case<'_>) -> Vec<String> {
    let Some(failed) = case.first_failure().map(steps::of_run).filter(|_| case.e.report.redriven.is_empty()) else {
        return Vec::new();
    };
    let execution = case.e.report.execution.as_str();
    let own = case.mails().filter(|mail| fact(mail, words::RECOVERY).is_none() && is_about(mail, &[execution]));
    let said = own.filter_map(|mail| Some((mail, fact(mail, words::STEP).filter(|step| *step != words::EXPORT)?)));
    let untrue = said.filter(|(_, said)| *said != failed);
    untrue
        .map(|(mail, said)| format!("{:?} names {said} as the failed step, which is {failed}", mail.subject))
        .collect()
}

/// The first fact of a mail under this label.
fn fact<'a>(mail: &'a Mail, label: &str) -> Option<&'a str> {
    let mut lines = mail.text.as_deref().unwrap_or_default().lines();
    lines.find_map(|line| line.strip_prefix(label)?.strip_prefix(':')).map(str::trim)
}

/// Untrue statements in the last mail's subject about the database with the service name.
fn untrue_of_home(case: &Case<'_>) -> Option<String> {
    let mail = final_mail(case.e.report)?;
    let holder = case.roles.holder(&case.e.report.world).map(|holder| holder.resource_id);
    let is_so = if mail.subject.contains(words::BACK) || mail.subject.contains(words::UNTOUCHED) {
        let succeeds = |holder| case.succeeded() && !case.claimant.is_first && case.is_made_by_the_run(holder);
        holder.is_some_and(|holder| case.roles.is_original(holder) || succeeds(holder))
    } else if mail.subject.contains(words::IN_PLACE) {
        holder.is_some_and(|holder| case.roles.is_made_by_runs(holder))
    } else {
        true
    };
    (!is_so && case.roles.removals().is_empty())
        .then(|| format!("{:?} is not so: {} is {holder:?}", mail.subject, case.roles.identifier))
}

/// The harm that the commands of the last mail do.
fn commands(case: &Case<'_>, say: &mut impl FnMut(Promise, String)) {
    let Some(manual_recovery) = case.e.manual_recovery else { return };
    let (before, after) = (case.e.after, &manual_recovery.after);
    if let Some(holder) = case.roles.holder(before).filter(|holder| holder.is_healthy) {
        let now = case.roles.holder(after).map(|holder| holder.resource_id);
        let gives_way = case.roles.is_made_by_runs(holder.resource_id)
            && !case.is_verified()
            && now.is_some_and(|now| case.roles.is_original(now));
        if now != Some(holder.resource_id) && !gives_way {
            let what = format!("the mail's commands take the name from {}, which is healthy", holder.resource_id);
            say(Promise::I6, what);
        }
    }
    for original in case.roles.originals().iter().filter(|original| original.is_in(before) && !original.is_in(after)) {
        if !(case.is_verified() && case.roles.home(after) == Home::Restored) {
            say(Promise::I4, format!("the mail's commands remove the original {}", original.identifier));
        }
    }
    for stranger in case.roles.strangers() {
        let [was, is] = [before, after].map(|world| name_of(world, stranger));
        if was != is {
            say(Promise::I6, format!("the mail's commands touch {}, which is another's", was.unwrap_or(stranger)));
        }
    }
}

fn name_of<'a>(world: &'a WorldState, resource_id: &str) -> Option<&'a str> {
    let instance = world.instances.iter().find(|found| found.resource_id == resource_id);
    let cluster = world.clusters.iter().find(|found| found.resource_id == resource_id);
    instance.map(|found| found.identifier.as_str()).or(cluster.map(|found| found.identifier.as_str()))
}
