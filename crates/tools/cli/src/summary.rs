//! The text below a timeline: the end of the execution, the databases that exist now, the downtime, the effort, and a last
//! line about the database.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;
use rds_simulator::{NameHistory, OPERATOR};

use crate::report::{OtherRun, Report, clock};
use crate::screen::{ERROR, GOOD, WARNING, lines_of_cause, style_of};
use crate::terminal::Width;

/// The columns of a label.
const LABEL: usize = 24;
/// The columns of the bar where no width limits it, and the least.
const BAR: usize = 40;
const LEAST_BAR: usize = 8;
/// The number of actions that a terminal shows.
const FREQUENT: usize = 2;
/// The columns that the words around the bar need.
const AROUND_BAR: usize = 28;

/// Writes the summary.
pub fn write(report: &Report, width: Width, out: &mut dyn Write) -> io::Result<()> {
    for redriven in &report.redriven {
        let (ended, pause) = (redriven.ended_seconds, redriven.at_seconds - redriven.ended_seconds);
        writeln!(out, "{} after {}, redriven {} later", redriven.status, clock(ended), clock(pause))?;
    }
    let style = style_of(&report.status);
    writeln!(out, "{style}{}{style:#} after {}", report.status, clock(report.duration_seconds))?;
    if let Some(error) = &report.error {
        writeln!(out, "\n{ERROR}{error}{ERROR:#}")?;
        for line in lines_of_cause(report.cause.as_deref().unwrap_or_default()) {
            writeln!(out, "{}", width.wrap(line.trim_start(), &format!("  {}", indent_of(line)), "    "))?;
        }
    }
    for other in report.others.iter().filter(|other| !other.is_worth_showing()) {
        let of = other.input["execution"].as_str().unwrap_or_default();
        let whose = if of == report.execution { "Its recovery" } else { "The other execution's recovery" };
        let text = format!("{whose} had nothing to do: {} after {}", other.status, clock(other.duration_seconds));
        writeln!(out, "\n{}", width.wrap(&text, "", "  "))?;
    }
    write_warnings(report, width, out)?;
    writeln!(out, "\nWhat exists now")?;
    write_rows(&existing(report), width, out)?;
    writeln!(out)?;
    write_effort(report, width, out)?;
    let (style, text) = verdict(report);
    writeln!(out, "\n{style}{}{style:#}", width.wrap(&text, "", "  "))
}

fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// A fault without an effect must not look like one that the run survived.
fn write_warnings(report: &Report, width: Width, out: &mut dyn Write) -> io::Result<()> {
    let refused = report.struck.iter().filter_map(|strike| Some((strike, strike.refused.as_ref()?)));
    let refused = refused.map(|(strike, code)| format!("RDS refused what this fault does ({code}): {}", strike.fault));
    let never = report.never_struck.iter().map(|fault| format!("this fault never struck: {fault}"));
    for (position, warning) in never.chain(refused).enumerate() {
        let gap = if position == 0 { "\n" } else { "" };
        let text = width.wrap(&format!("Warning: {warning}"), "", "  ");
        writeln!(out, "{gap}{WARNING}{text}{WARNING:#}")?;
    }
    Ok(())
}

fn write_effort(report: &Report, width: Width, out: &mut dyn Write) -> io::Result<()> {
    let mut field = |label: &str, value: &str| {
        let text = if width.is_narrow() {
            width.wrap(&format!("{label}: {value}"), "", "  ")
        } else {
            width.wrap(value, &format!("{label:<LABEL$}"), &" ".repeat(LABEL))
        };
        writeln!(out, "{text}")
    };
    if let Some(data) = &report.data {
        field("Data of the backup", &data.text())?;
    }
    if let Some(history) = history(report) {
        field("Downtime of the name", &over_time(history, report.world.at_seconds, cells(width)))?;
    }
    let calls: u64 = report.rds_calls.values().sum();
    field("RDS API calls", &format!("{calls}{}", by_count(&report.rds_calls, width)))?;
    let Report { state_transitions, function_invocations, function_seconds, .. } = report;
    let functions = format!("{function_invocations} function invocations of {} in all", clock(*function_seconds));
    field("State transitions", &format!("{state_transitions} and {functions}"))?;
    field("Alerts sent", &format!("{} by mail, {} to Slack", report.mails.len(), report.posts.len()))?;
    field("Estimated cost", &format!("${:.4} beside RDS itself", report.cost.total()))
}

/// The most frequent actions on a terminal, all of them in a pipe.
fn by_count(calls: &BTreeMap<String, u64>, width: Width) -> String {
    if calls.is_empty() {
        return String::new();
    }
    let mut calls: Vec<_> = calls.iter().collect();
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown = width.columns().map_or(calls.len(), |_| FREQUENT.min(calls.len()));
    let (shown, others) = calls.split_at(shown);
    let mut shown: Vec<String> = shown.iter().map(|(action, count)| format!("{count} {action}")).collect();
    if !others.is_empty() {
        shown.push(format!("{} others", others.iter().map(|(_, count)| **count).sum::<u64>()));
    }
    format!(" ({})", shown.join(", "))
}

fn cells(width: Width) -> usize {
    let label = if width.is_narrow() { 2 } else { LABEL };
    let room = width.columns().map_or(BAR, |columns| columns.saturating_sub(label + AROUND_BAR));
    room.clamp(LEAST_BAR, BAR)
}

/// The times in which the event's database answered under its name.
fn history(report: &Report) -> Option<&NameHistory> {
    let is_cluster = report.input["isCluster"] == true;
    report.world.names.iter().find(|history| history.is_cluster == is_cluster && names(report, &history.name))
}

/// `up ████▁▁▁▁███ up, 20m 40s down`: the name from the first time that it answered until now.
fn over_time(history: &NameHistory, now: f64, cells: usize) -> String {
    let down = match history.downtime_seconds {
        seconds if seconds > 0.0 => format!("{} down", clock(seconds)),
        _ => "never down".to_owned(),
    };
    let Some((first, _)) = history.answered.first() else { return down };
    let up: Vec<(f64, f64)> = history.answered.iter().map(|(from, to)| (*from, to.unwrap_or(now))).collect();
    let is_up = history.answered.last().is_some_and(|(_, to)| to.is_none());
    let gap_at_the_end = up.last().filter(|_| !is_up).map(|(_, to)| (*to, now));
    let gaps = up.windows(2).map(|pair| (pair[0].1, pair[1].0)).chain(gap_at_the_end);
    let bar: String = bar(*first, now, &up, gaps, cells).into_iter().map(|up| if up { '█' } else { '▁' }).collect();
    format!("up {bar} {}, {down}", if is_up { "up" } else { "down" })
}

/// Whether the name is up in each cell: for most of the cell, but every span has at least one cell. A gap takes it last, so
/// that the bar shows the shortest downtime.
#[expect(clippy::cast_precision_loss, reason = "a terminal has less than 2^52 columns")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cell's number is small and positive")]
fn bar(first: f64, now: f64, up: &[(f64, f64)], gaps: impl Iterator<Item = (f64, f64)>, cells: usize) -> Vec<bool> {
    let length = (now - first).max(f64::MIN_POSITIVE) / cells as f64;
    let cell = |at: f64| (((at - first) / length) as usize).min(cells - 1);
    let up_within =
        |from: f64, to: f64| up.iter().map(|span| (span.1.min(to) - span.0.max(from)).max(0.0)).sum::<f64>();
    let mut bar: Vec<bool> = (0..cells)
        .map(|cell| first + cell as f64 * length)
        .map(|from| up_within(from, from + length) * 2.0 > length)
        .collect();
    for ((from, to), is_up) in up.iter().map(|span| (*span, true)).chain(gaps.map(|span| (span, false))) {
        if !bar[cell(from)..=cell(to)].contains(&is_up) {
            bar[cell(f64::midpoint(from, to))] = is_up;
        }
    }
    bar
}

/// The last line: whether the database is available, and which one it is.
fn verdict(report: &Report) -> (Style, String) {
    let Some(name) = report.input["identifier"].as_str().map(str::to_ascii_lowercase) else {
        return (style_of(&report.status), format!("The execution ended {}", report.status));
    };
    let is_cluster = report.input["isCluster"] == true;
    let of = |world: &rds_simulator::WorldState| {
        if is_cluster {
            world.cluster(&name).map(|one| (one.resource_id.clone(), one.answers, one.status.as_ref().to_owned()))
        } else {
            world.instance(&name).map(|one| (one.resource_id.clone(), one.answers, one.status.as_ref().to_owned()))
        }
    };
    match (of(&report.world_before), of(&report.world)) {
        (None, None) => (WARNING, format!("{name} does not exist, as before the run")),
        (Some(_), None) => (ERROR, format!("{name} does not exist any more")),
        (_, Some((_, false, status))) => (ERROR, format!("{name} is not available: its status is {status}")),
        (before, Some((resource_id, true, _))) => {
            let style = if report.succeeded() { GOOD } else { WARNING };
            let which = match before {
                Some((original, ..)) if original == resource_id => "the original".to_owned(),
                _ => origin(report, None, &name, &resource_id),
            };
            (style, format!("{name} is available: {which}, {resource_id}"))
        }
    }
}

/// A database or a snapshot.
struct Row {
    noun: &'static str,
    identifier: String,
    status: String,
    remark: String,
    resource_id: String,
}

/// Writes the rows in columns. Where they do not fit, the resource id moves to its own line. On a narrow screen, each row is
/// a sentence.
fn write_rows(rows: &[Row], width: Width, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "  nothing under this name");
    }
    let longest = |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).len()).max().unwrap_or_default();
    let (noun, identifier) = (longest(|row| row.noun), longest(|row| &row.identifier));
    let (status, remark) = (longest(|row| &row.status), longest(|row| &row.remark));
    let without_id = 2 + noun + 2 + identifier + 2 + status + 2 + remark;
    let with_id = without_id + 2 + longest(|row| &row.resource_id);
    for row in rows {
        let Row { noun: what, identifier: name, status: state, remark: origin, resource_id } = row;
        let text = format!("  {what:<noun$}  {name:<identifier$}  {state:<status$}  {origin:<remark$}");
        if width.fits(with_id) {
            writeln!(out, "{}", format!("{text}  {resource_id}").trim_end())?;
        } else if width.fits(without_id) {
            writeln!(out, "{}", text.trim_end())?;
            if !resource_id.is_empty() {
                writeln!(out, "      {resource_id}")?;
            }
        } else {
            let id = if resource_id.is_empty() { String::new() } else { format!(", {resource_id}") };
            let text = format!("{} {name}, {state}, {origin}{id}", what.trim_start());
            writeln!(out, "{}", width.wrap(&text, "  ", "    "))?;
        }
    }
    Ok(())
}

/// The databases and snapshots that the run could have touched. Unchanged bystanders are left out.
fn existing(report: &Report) -> Vec<Row> {
    let (world, before) = (&report.world, &report.world_before);
    let mut rows = Vec::new();
    for cluster in &world.clusters {
        let known = before.clusters.iter().find(|known| known.resource_id == cluster.resource_id);
        let known = known.map(|known| known.identifier.as_str());
        if known == Some(&cluster.identifier) && !names(report, &cluster.identifier) {
            continue;
        }
        rows.push(Row {
            noun: "DB cluster",
            identifier: cluster.identifier.clone(),
            status: cluster.status.as_ref().to_owned(),
            remark: origin(report, known, &cluster.identifier, &cluster.resource_id),
            resource_id: cluster.resource_id.clone(),
        });
        for (position, member) in cluster.members.iter().enumerate() {
            let Some(member) = world.instance(member) else { continue };
            rows.push(Row {
                noun: "  member",
                identifier: member.identifier.clone(),
                status: member.status.as_ref().to_owned(),
                remark: if position == 0 { "writer" } else { "reader" }.to_owned(),
                resource_id: member.resource_id.clone(),
            });
        }
    }
    for instance in world.instances.iter().filter(|instance| instance.cluster.is_none()) {
        let known = before.instances.iter().find(|known| known.resource_id == instance.resource_id);
        let known = known.map(|known| known.identifier.as_str());
        if known == Some(&instance.identifier) && !names(report, &instance.identifier) {
            continue;
        }
        rows.push(Row {
            noun: "DB instance",
            identifier: instance.identifier.clone(),
            status: instance.status.as_ref().to_owned(),
            remark: origin(report, known, &instance.identifier, &instance.resource_id),
            resource_id: instance.resource_id.clone(),
        });
    }
    let snapshots = world.snapshots.iter().map(|s| ("DB snapshot", &s.identifier, &s.status, s.created_seconds));
    let of_clusters = world.cluster_snapshots.iter();
    let of_clusters = of_clusters.map(|s| ("DB cluster snapshot", &s.identifier, &s.status, s.created_seconds));
    for (noun, identifier, status, created) in snapshots.chain(of_clusters) {
        let is_derived = ["-snapshot", "-temp"]
            .iter()
            .any(|suffix| identifier.strip_suffix(suffix).is_some_and(|name| names(report, name)));
        if is_derived || created >= 0.0 {
            rows.push(Row {
                noun,
                identifier: identifier.clone(),
                status: status.as_ref().to_owned(),
                remark: if created >= 0.0 { "taken during this run" } else { "as before" }.to_owned(),
                resource_id: String::new(),
            });
        }
    }
    rows
}

/// The origin of a database: its former name, known by its resource id, or its creator.
fn origin(report: &Report, before: Option<&str>, now: &str, resource_id: &str) -> String {
    match before {
        Some(before) if before == now => "the original".to_owned(),
        Some(before) => format!("the original, formerly {before}"),
        None => {
            let made = report.world.made.iter().find(|made| made.resource_id == resource_id);
            let maker = made.map_or("", |made| made.caller.as_str());
            let is_by = |other: &OtherRun| other.execution.rsplit(':').next() == Some(maker);
            match maker {
                OPERATOR => "made by a person".to_owned(),
                _ if report.others.iter().any(is_by) => "restored by another run".to_owned(),
                _ => "restored by this run".to_owned(),
            }
        }
    }
}

fn names(report: &Report, identifier: &str) -> bool {
    report.input["identifier"].as_str().is_some_and(|wanted| wanted.eq_ignore_ascii_case(identifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(answered: &[(f64, Option<f64>)], downtime_seconds: f64) -> NameHistory {
        NameHistory { name: "orders".to_owned(), is_cluster: false, answered: answered.to_vec(), downtime_seconds }
    }

    #[test]
    fn the_bar_shows_when_the_name_answered() {
        let restored = history(&[(0.0, Some(60.0)), (120.0, None)], 60.0);
        assert_eq!(over_time(&restored, 200.0, 10), "up ███▁▁▁████ up, 1m 00s down");
        let soon_down = history(&[(0.0, Some(1.0)), (999.0, None)], 998.0);
        assert_eq!(over_time(&soon_down, 1_000.0, 10), "up █▁▁▁▁▁▁▁▁█ up, 16m 38s down");
        let gone = history(&[(0.0, Some(100.0))], 100.0);
        assert_eq!(over_time(&gone, 200.0, 10), "up █████▁▁▁▁▁ down, 1m 40s down");
        let untouched = history(&[(0.0, None)], 0.0);
        assert_eq!(over_time(&untouched, 200.0, 10), "up ██████████ up, never down");
    }

    #[test]
    fn the_bar_shows_a_downtime_that_is_shorter_than_a_cell() {
        let short = history(&[(0.0, Some(50.0)), (51.0, None)], 1.0);
        assert_eq!(over_time(&short, 1_000.0, 10), "up ▁█████████ up, 1s down");
    }
}
