//! A rehearsal as a person reads it: the timeline line by line, the executions that followed, the summary.
//!
//! Owns the layout and the colours. Where it goes, and whether colours get there, is the caller's: the command gives it
//! the terminal, the golden timelines a buffer.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rds_simulator::WorldError;

use crate::rehearsal::Rehearsal;
use crate::report::{OtherRun, Report, RunRole, clock};
use crate::timeline::{Audience, Step, StepStatus};

/// An error, here and on standard error.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const WAITING: Style = AnsiColor::Yellow.on_default();
const QUIET: Style = Style::new().dimmed();

/// Characters of detail that fit beside a step.
const DETAIL: usize = 90;

/// Prints steps as they end; a live one, such as a terminal, the one that is running as well.
///
/// Nobody is left to tell if it cannot be written, and the exit status says how the run ended; so errors are ignored.
pub struct Screen<W> {
    out: W,
    live: bool,
    /// When the execution that is shown began.
    offset: f64,
}

impl<W: Write + Send> Screen<W> {
    pub fn new(out: W, live: bool) -> Self {
        Self { out, live, offset: 0.0 }
    }

    /// Rehearses, showing each step as it happens, then what followed.
    pub fn show(&mut self, rehearsal: Rehearsal) -> Result<Report, WorldError> {
        let report = rehearsal.run(self)?;
        for other in report.others.iter().filter(|other| other.is_worth_showing()) {
            self.other(other);
        }
        let _ = write!(self.out, "\n{}", report.summary());
        Ok(report)
    }

    fn other(&mut self, other: &OtherRun) {
        let what = match other.role {
            RunRole::Recovery => "Recovery, started because the execution did not succeed",
            RunRole::Second => "Another execution, started meanwhile",
        };
        let _ = writeln!(self.out, "\n{what}: {}", other.input);
        self.offset = other.started_seconds;
        for step in &other.steps {
            self.line(step);
        }
        let _ = writeln!(self.out, "{} after {}", other.status, clock(other.duration_seconds));
        if let Some(error) = &other.error {
            let cause = other.cause.as_deref().map(one_line).unwrap_or_default();
            let _ = writeln!(self.out, "  {error}: {cause}");
        }
    }

    fn line(&mut self, step: &Step) {
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
        let detail = step.detail.as_deref().map(one_line).unwrap_or_default();
        let _ = writeln!(
            self.out,
            "{}  {style}{mark:<6}{style:#}  {:<38} {:>10}{retries}{error}  {QUIET}{detail}{QUIET:#}",
            time(self.offset + step.started_seconds),
            step.state,
            clock(step.seconds),
        );
    }
}

impl<W: Write + Send> Audience for Screen<W> {
    fn step_began(&mut self, step: &Step) {
        if self.live {
            let began = time(step.started_seconds);
            let _ = write!(self.out, "{began}  {QUIET}…{QUIET:#} {}", step.state);
            // A line that is not flushed is only seen late.
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

fn time(seconds: f64) -> String {
    let total = std::time::Duration::from_secs_f64(seconds.max(0.0)).as_secs();
    format!("+{:02}:{:02}:{:02}", total / 3_600, total / 60 % 60, total % 60)
}

/// The first line, as far as it fits beside a step.
fn one_line(text: &str) -> String {
    let line =
        text.split('\n').find(|line| !line.trim().is_empty() && !line.starts_with("Identifier:")).unwrap_or(text);
    let mut short: String = line.trim().chars().take(DETAIL).collect();
    if line.trim().chars().count() > DETAIL {
        short.push('…');
    }
    short
}
