//! A rehearsal or an execution as a person reads it: the header, the timeline, the executions that followed, the summary.
//!
//! This module owns the timeline's layout and its colours. The caller owns the destination, and decides whether it gets
//! colours. The command passes the terminal, the golden timelines a buffer. [`crate::terminal`] owns the width, and
//! [`crate::summary`] the text below the timeline.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;
use rds_simulator::WorldError;
use serde_json::Value;

use crate::injection::InjectedFault;
use crate::rehearsal::Rehearsal;
use crate::report::{OtherRun, Report, RunRole, clock};
use crate::struck::Struck;
use crate::summary;
use crate::terminal::{self, Width, cut};
use crate::timeline::{Audience, Step, StepStatus};

/// The style of an error, here and on standard error.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
const QUIET: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// The name of the world that is compiled in.
pub const BUILT_IN_WORLD: &str = "built-in";
/// The number of characters of detail beside a step, where no width limits them.
const DETAIL: usize = 90;
/// The columns of the time, the mark and the gaps after them.
const MARGIN: usize = 19;
/// The columns up to the end of the duration.
const STEP: usize = MARGIN + 38 + 1 + 10;
/// A detail with less room than this moves to a line of its own.
const ROOM: usize = 40;

/// The style of an execution's end.
pub fn style_of(status: &str) -> Style {
    if status == "SUCCEEDED" { GOOD } else { ERROR }
}

/// Prints timelines.
///
/// Errors are ignored: a failed write leaves no way to report it, and the exit status shows the end of the run.
pub struct Screen<W> {
    out: W,
    width: Width,
    live: Live,
    /// The start of the shown execution.
    offset: f64,
    folding: Folding,
}

impl<W: Write + Send> Screen<W> {
    pub fn new(out: W, width: Width) -> Self {
        Self { out, width, live: Live::default(), offset: 0.0, folding: Folding::default() }
    }

    /// Also shows the running step, on a terminal.
    #[must_use]
    pub fn live(self) -> Self {
        Self { live: Live { is_on: true, bar: None }, ..self }
    }

    /// Rehearses, and shows the whole run. `world` is the name of its world.
    pub fn show(&mut self, rehearsal: Rehearsal, world: &str) -> Result<Report, WorldError> {
        self.header(&rehearsal, world);
        let report = rehearsal.run(&mut self.live);
        self.live.end();
        let report = report?;
        self.timeline(&report.steps, &strikes_of(&report, &report.execution));
        for other in report.others.iter().filter(|other| other.is_worth_showing()) {
            self.other(&report, other);
        }
        let _ = writeln!(self.out);
        let _ = summary::write(&report, self.width, &mut self.out);
        Ok(report)
    }

    fn header(&mut self, rehearsal: &Rehearsal, world: &str) {
        let Rehearsal { event, seed, faults, .. } = rehearsal;
        let title = format!("Rehearsal of {}", subject(event));
        let _ = writeln!(self.out, "{STRONG}{}{STRONG:#}", self.width.wrap(&title, "", "  "));
        let facts = format!("simulated: no AWS account is read or changed. World: {world}. Seed: {seed}");
        let _ = writeln!(self.out, "{}", self.width.wrap(&facts, "  ", "  "));
        for fault in faults {
            let _ = writeln!(self.out, "{}", self.width.wrap(&format!("fault: {fault}"), "  ", "    "));
        }
        let _ = writeln!(self.out);
    }

    /// Shows steps in the order of their ends, and each strike at the step that met it.
    fn timeline(&mut self, steps: &[Step], strikes: &[Strike<'_>]) {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by_key(|step| step.ended);
        let mut folding = Folding::default();
        let mut lines: Vec<Visits> = steps.into_iter().filter_map(|step| folding.add(step)).collect();
        lines.extend(folding.rest());
        let places: Vec<usize> = strikes.iter().map(|strike| strike.place(&lines, self.offset)).collect();
        let struck_at = |place: usize| strikes.iter().zip(&places).filter(move |(_, at)| **at == place);
        for (place, line) in lines.iter().enumerate() {
            for (strike, _) in struck_at(place) {
                self.strike(strike, Some(&line.step));
            }
            self.line(line);
        }
        for (strike, _) in struck_at(lines.len()) {
            self.strike(strike, None);
        }
    }

    fn other(&mut self, report: &Report, other: &OtherRun) {
        let title = match other.role {
            RunRole::Recovery => {
                let of = other.input["execution"].as_str().and_then(|arn| arn.rsplit(':').next()).unwrap_or_default();
                format!("Recovery, started because the execution {of} did not succeed")
            }
            RunRole::Second => format!("Another execution, started meanwhile: {}", other.input),
        };
        let _ = writeln!(self.out, "\n{STRONG}{}{STRONG:#}", self.width.wrap(&title, "", "  "));
        self.offset = other.started_seconds;
        self.timeline(&other.steps, &strikes_of(report, &other.execution));
        self.offset = 0.0;
        let style = style_of(&other.status);
        let _ = writeln!(self.out, "{style}{}{style:#} after {}", other.status, clock(other.duration_seconds));
        if let Some(error) = &other.error {
            let cause = other.cause.as_deref().map(one_line).unwrap_or_default();
            let _ = writeln!(self.out, "{}", self.width.wrap(&format!("{error}: {cause}"), "  ", "  "));
        }
    }

    fn line(&mut self, Visits { step, count }: &Visits) {
        if is_quiet_wake(step) {
            return;
        }
        let mark = match step.status {
            StepStatus::Succeeded => ("ok", GOOD),
            StepStatus::Pending => ("..", WARNING),
            StepStatus::Running | StepStatus::Failed => ("FAILED", ERROR),
            StepStatus::Aborted => ("CUT", ERROR),
        };
        let mut notes = Vec::new();
        if *count > 1 {
            notes.push(format!("{count} waits"));
        }
        match step.retries {
            0 => {}
            1 => notes.push("1 retry".to_owned()),
            retries => notes.push(format!("{retries} retries")),
        }
        notes.extend(step.error.clone());
        let detail = step.detail.as_deref().map(one_line).unwrap_or_default();
        self.row(self.offset + step.started_seconds, mark, step, &notes.join("  "), &detail);
    }

    fn row(&mut self, at: f64, (mark, style): (&str, Style), step: &Step, notes: &str, detail: &str) {
        let (at, took) = (time(at), clock(step.seconds));
        if let Some(columns) = self.width.columns().filter(|_| self.width.is_narrow()) {
            let _ = writeln!(self.out, "{at}  {style}{mark:<6}{style:#}  {took:>10}");
            for text in [step.state.as_str(), notes].into_iter().filter(|text| !text.is_empty()) {
                let _ = writeln!(self.out, "  {}", cut(text, columns - 2));
            }
            if !detail.is_empty() {
                let _ = writeln!(self.out, "  {QUIET}{}{QUIET:#}", cut(detail, columns - 2));
            }
            return;
        }
        let _ = write!(self.out, "{at}  {style}{mark:<6}{style:#}  {:<38} {took:>10}", step.state);
        let beside = |text: &str| if text.is_empty() { 0 } else { 2 + text.chars().count() };
        let room = self.width.columns().map(|columns| columns.saturating_sub(STEP));
        let is_beside = room.is_none_or(|room| beside(notes) + beside(detail) <= room || room >= beside(notes) + ROOM);
        let (gap, room) = match room {
            _ if notes.is_empty() && detail.is_empty() => ("", 0),
            Some(room) if is_beside => ("  ", room.saturating_sub(2 + beside(notes))),
            None => ("  ", DETAIL),
            Some(room) => {
                let _ = write!(self.out, "\n{:MARGIN$}", "");
                ("", (room + STEP).saturating_sub(MARGIN + beside(notes)))
            }
        };
        let between = if notes.is_empty() || detail.is_empty() { "" } else { "  " };
        let _ = writeln!(self.out, "{gap}{notes}{between}{QUIET}{}{QUIET:#}", cut(detail, room));
    }

    fn strike(&mut self, strike: &Strike<'_>, step: Option<&Step>) {
        let mark = if strike.is_by_a_person() { "person" } else { "fault" };
        let at = time(strike.struck.at_seconds);
        let times = if strike.count > 1 { format!(", {} times", strike.count) } else { String::new() };
        let text = format!("{}{times}: {}", strike.struck.fault, strike.outcome(step));
        let text = if self.width.is_narrow() {
            format!("{at}  {mark}\n{}", self.width.wrap(&text, "  ", "  "))
        } else {
            self.width.wrap(&text, &format!("{at}  {mark:<6}  "), &" ".repeat(MARGIN))
        };
        let _ = writeln!(self.out, "{WARNING}{text}{WARNING:#}");
    }

    /// Prints a line above the live one.
    fn above(&mut self, visits: &Visits) {
        match self.live.bar.clone() {
            Some(bar) => bar.suspend(|| self.line(visits)),
            None => self.line(visits),
        }
    }

    /// Shows the waits whose goal was not met when the execution ended, and removes the live line.
    pub fn finish(&mut self) {
        self.live.end();
        for visits in self.folding.rest() {
            self.line(&visits);
        }
    }
}

/// A screen follows an execution: it prints each step as it ends, and shows the running one.
impl<W: Write + Send> Audience for Screen<W> {
    fn step_began(&mut self, step: &Step) {
        self.live.step_began(step);
    }

    fn step_ended(&mut self, step: &Step) {
        if let Some(visits) = self.folding.add(step) {
            self.above(&visits);
        }
    }
}

/// The line of the running step. It begins with the first step, because a line that is printed beside it must use `suspend`.
#[derive(Default)]
struct Live {
    is_on: bool,
    bar: Option<ProgressBar>,
}

impl Live {
    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Audience for Live {
    fn step_began(&mut self, step: &Step) {
        if self.is_on && !step.state.starts_with("Wake") {
            let bar = self.bar.get_or_insert_with(terminal::spinner);
            bar.set_message(format!("{}  {}", time(step.started_seconds), step.state));
        }
    }

    fn step_ended(&mut self, _: &Step) {}
}

/// Visits to one state in a row, as one step.
struct Visits {
    step: Step,
    count: u32,
}

/// Joins a wait with its repetitions.
#[derive(Default)]
struct Folding(Vec<Visits>);

impl Folding {
    /// Returns the step, with the waits before it; `None` if the machine waits again.
    fn add(&mut self, step: &Step) -> Option<Visits> {
        let held = self.0.iter().position(|held| held.step.state == step.state).map(|place| self.0.remove(place));
        let visits = match held {
            None => Visits { step: step.clone(), count: 1 },
            Some(Visits { step: before, count }) => {
                let mut joined = step.clone();
                joined.started_seconds = before.started_seconds;
                joined.seconds = step.started_seconds + step.seconds - before.started_seconds;
                joined.retries += before.retries;
                Visits { step: joined, count: count + 1 }
            }
        };
        if step.status != StepStatus::Pending {
            return Some(visits);
        }
        self.0.push(visits);
        None
    }

    fn rest(&mut self) -> Vec<Visits> {
        std::mem::take(&mut self.0)
    }
}

/// A fault, as often as it struck in a row.
struct Strike<'a> {
    struck: &'a Struck,
    count: usize,
}

/// The strikes on an execution, in order. The requested execution also gets those of people, which no execution met.
fn strikes_of<'a>(report: &'a Report, execution: &str) -> Vec<Strike<'a>> {
    let is_first = execution == report.execution;
    let met = |struck: &&Struck| struck.execution.as_deref().map_or(is_first, |met| met == execution);
    let mut strikes: Vec<Strike<'a>> = Vec::new();
    for struck in report.struck.iter().filter(met) {
        let is_repeated = |last: &&mut Strike<'_>| {
            last.struck.fault == struck.fault
                && last.struck.state == struck.state
                && last.struck.refused == struck.refused
        };
        match strikes.last_mut().filter(is_repeated) {
            Some(last) => last.count += 1,
            None => strikes.push(Strike { struck, count: 1 }),
        }
    }
    strikes
}

impl Strike<'_> {
    /// Whether it is an action of a person; else it is a fault of AWS.
    fn is_by_a_person(&self) -> bool {
        !matches!(self.struck.fault, InjectedFault::Request(_) | InjectedFault::Function(_))
    }

    /// The line before which it belongs: that of the step that met it, or the first that ended later.
    fn place(&self, lines: &[Visits], offset: f64) -> usize {
        let at = self.struck.at_seconds - offset;
        let end = |step: &Step| step.started_seconds + step.seconds;
        let is_met = |Visits { step, .. }: &Visits| {
            let is_running = at >= step.started_seconds - ROUNDING && at <= end(step) + ROUNDING;
            self.struck.state.as_ref() == Some(&step.state) && is_running
        };
        let is_later = |Visits { step, .. }: &Visits| end(step) >= at;
        lines.iter().position(is_met).or_else(|| lines.iter().position(is_later)).unwrap_or(lines.len())
    }

    /// The effect, in a few words.
    fn outcome(&self, step: Option<&Step>) -> String {
        match &self.struck.fault {
            InjectedFault::Abort { .. } | InjectedFault::AbortAfter { .. } => "the execution is stopped".to_owned(),
            InjectedFault::Redrive { .. } => "the execution is redriven".to_owned(),
            InjectedFault::SecondRun { .. } => "another execution starts".to_owned(),
            InjectedFault::Intervention(_) => match &self.struck.refused {
                Some(code) => format!("RDS refuses it ({code})"),
                None => "RDS accepts it".to_owned(),
            },
            InjectedFault::Request(_) | InjectedFault::Function(_) => {
                step.filter(|step| self.struck.state.as_ref() == Some(&step.state)).map_or_else(
                    || "struck".to_owned(),
                    |step| match (step.status, step.retries) {
                        (StepStatus::Succeeded | StepStatus::Pending, 0) => "the step goes on".to_owned(),
                        (StepStatus::Succeeded | StepStatus::Pending, _) => "the step is called again".to_owned(),
                        (StepStatus::Failed | StepStatus::Running, _) => "the step fails".to_owned(),
                        (StepStatus::Aborted, _) => "the execution ends in the step".to_owned(),
                    },
                )
            }
        }
    }
}

/// The clocks of the simulator and of Step Functions count in milliseconds.
const ROUNDING: f64 = 0.001;

/// The task and the database of an event.
fn subject(event: &Value) -> String {
    let task = event["task"].as_str().unwrap_or("an event without a task");
    let kind = if event["isCluster"] == true { "DB cluster" } else { "DB instance" };
    match (event["identifier"].as_str(), event["execution"].as_str()) {
        (Some(identifier), _) => format!("{task}, {kind} {identifier}"),
        (None, Some(execution)) => format!("{task}, execution {execution}"),
        (None, None) => task.to_owned(),
    }
}

/// Whether a function woke at once. Eleven such lines would tell a reader nothing.
fn is_quiet_wake(step: &Step) -> bool {
    step.state.starts_with("Wake") && step.retries == 0 && step.status == StepStatus::Succeeded
}

fn time(seconds: f64) -> String {
    let total = std::time::Duration::from_secs_f64(seconds.max(0.0)).as_secs();
    format!("+{:02}:{:02}:{:02}", total / 3_600, total / 60 % 60, total % 60)
}

/// The lines of a cause, without the database that the original project's causes begin with, which the reader knows.
pub fn lines_of_cause(cause: &str) -> Vec<&str> {
    let lines = cause.lines().map(str::trim_end);
    let mut lines: Vec<&str> =
        lines.filter(|line| !line.trim().is_empty() && !line.starts_with("Identifier:")).collect();
    if let Some(last) = lines.last_mut() {
        *last = last.trim_end_matches(':');
    }
    lines
}

/// The first line of a cause. The next line follows if the first ends with a colon.
fn one_line(cause: &str) -> String {
    let mut lines = lines_of_cause(cause).into_iter().map(str::trim);
    let mut line = lines.next().unwrap_or_default().to_owned();
    if let Some(next) = lines.next().filter(|_| line.ends_with(':')) {
        line.push(' ');
        line.push_str(next);
    }
    line
}

/// A rehearsal in the built-in world as text, without colours.
pub fn plain(rehearsal: Rehearsal) -> Result<(Report, String), WorldError> {
    let mut out = Vec::new();
    let stripped = anstream::StripStream::new(&mut out);
    let report = Screen::new(stripped, Width::UNLIMITED).show(rehearsal, BUILT_IN_WORLD)?;
    Ok((report, String::from_utf8_lossy(&out).into_owned()))
}
