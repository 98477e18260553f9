//! A rehearsal as a person reads it: the timeline line by line, the executions that followed, the summary.
//!
//! This module owns the layout and the colours. The caller owns the destination, and decides whether it gets colours. The
//! command passes the terminal, the golden timelines a buffer.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rds_simulator::WorldError;

use crate::rehearsal::Rehearsal;
use crate::report::{OtherRun, Report, RunRole, clock};
use crate::timeline::{Audience, Step, StepStatus};

/// The style of an error, here and on standard error.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const WAITING: Style = AnsiColor::Yellow.on_default();
const QUIET: Style = Style::new().dimmed();

/// The number of characters of detail that fit beside a step.
const DETAIL: usize = 90;

/// Prints steps as they end. A live screen, such as a terminal, also shows the running step.
///
/// Errors are ignored: a failed write leaves no way to report it, and the exit status shows the end of the run.
pub struct Screen<W> {
    out: W,
    live: bool,
    /// The start of the shown execution.
    offset: f64,
}

impl<W: Write + Send> Screen<W> {
    pub fn new(out: W, live: bool) -> Self {
        Self { out, live, offset: 0.0 }
    }

    /// Rehearses, and shows each step as it happens, then the executions that followed.
    pub fn show(&mut self, rehearsal: Rehearsal) -> Result<Report, WorldError> {
        let report = rehearsal.run(self)?;
        self.others(&report);
        let _ = write!(self.out, "\n{}", report.summary());
        Ok(report)
    }

    /// Shows the timelines of a finished rehearsal.
    pub fn timelines(&mut self, report: &Report) {
        self.steps(&report.steps);
        self.others(report);
    }

    fn others(&mut self, report: &Report) {
        for other in report.others.iter().filter(|other| other.is_worth_showing()) {
            self.other(other);
        }
    }

    /// Shows steps in the order of their ends, as a live screen does.
    fn steps(&mut self, steps: &[Step]) {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by_key(|step| step.ended);
        for step in steps {
            self.line(step);
        }
    }

    fn other(&mut self, other: &OtherRun) {
        let _ = match other.role {
            RunRole::Recovery => {
                let of = other.input["execution"].as_str().and_then(|arn| arn.rsplit(':').next()).unwrap_or_default();
                writeln!(self.out, "\nRecovery, started because the execution {of} did not succeed")
            }
            RunRole::Second => writeln!(self.out, "\nAnother execution, started meanwhile: {}", other.input),
        };
        self.offset = other.started_seconds;
        self.steps(&other.steps);
        self.offset = 0.0;
        let _ = writeln!(self.out, "{} after {}", other.status, clock(other.duration_seconds));
        if let Some(error) = &other.error {
            let cause = other.cause.as_deref().map(one_line).unwrap_or_default();
            let _ = writeln!(self.out, "  {error}: {cause}");
        }
    }

    fn line(&mut self, step: &Step) {
        if is_quiet_wake(step) {
            return;
        }
        let (mark, style) = match step.status {
            StepStatus::Succeeded => ("ok", GOOD),
            StepStatus::Pending => ("..", WAITING),
            StepStatus::Running | StepStatus::Failed => ("FAILED", ERROR),
            StepStatus::Aborted => ("CUT", ERROR),
        };
        let retries = match step.retries {
            0 => String::new(),
            1 => "  1 retry".to_owned(),
            n => format!("  {n} retries"),
        };
        let error = step.error.as_deref().map(|error| format!("  {error}")).unwrap_or_default();
        let detail = step.detail.as_deref().map(one_line).filter(|detail| !detail.is_empty());
        let detail = detail.map(|detail| format!("  {QUIET}{detail}{QUIET:#}")).unwrap_or_default();
        let _ = writeln!(
            self.out,
            "{}  {style}{mark:<6}{style:#}  {:<38} {:>10}{retries}{error}{detail}",
            time(self.offset + step.started_seconds),
            step.state,
            clock(step.seconds),
        );
    }
}

impl<W: Write + Send> Audience for Screen<W> {
    fn step_began(&mut self, step: &Step) {
        if self.live && !step.state.starts_with("Wake") {
            let began = time(step.started_seconds);
            let _ = write!(self.out, "{began}  {QUIET}…{QUIET:#} {}", step.state);
            // A line without a flush appears late.
            let _ = self.out.flush();
        }
    }

    fn step_ended(&mut self, step: &Step) {
        if self.live {
            let _ = write!(self.out, "\r\x1b[2K");
        }
        self.line(step);
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

/// The first line, cut to the room beside a step. The next line follows if the first ends with a colon.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Identifier:"));
    let mut line = lines.next().unwrap_or_default().to_owned();
    if let Some(next) = lines.next().filter(|_| line.ends_with(':')) {
        line.push(' ');
        line.push_str(next);
    }
    match line.char_indices().nth(DETAIL) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A rehearsal as text, without colours.
pub fn plain(rehearsal: Rehearsal) -> Result<(Report, String), WorldError> {
    let mut out = Vec::new();
    let report = Screen::new(anstream::StripStream::new(&mut out), false).show(rehearsal)?;
    Ok((report, String::from_utf8_lossy(&out).into_owned()))
}
