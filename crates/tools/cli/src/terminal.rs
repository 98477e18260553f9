//! The terminal: its width, text and tables that fit it, and progress on it.
//!
//! Every printed line fits the width, down to 40 columns. A pipe or a file has no width: its lines keep their full length.
//! `COLUMNS` replaces the terminal's own width, also for a pipe. Progress is on standard error, so that a redirected result
//! stays clean.

use std::time::Duration;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use terminal_size::terminal_size;
use textwrap::core::display_width;

/// Below this width, a line holds one thing only.
const NARROW: usize = 60;
/// A smaller width is ignored, since no word would fit.
const LEAST: usize = 20;

/// The columns that a text may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width(Option<usize>);

impl Width {
    /// The width of a pipe or a file.
    pub const UNLIMITED: Self = Self(None);

    /// So many columns.
    pub fn of(columns: usize) -> Self {
        Self(Some(columns.max(LEAST)))
    }

    /// The width of standard output.
    pub fn of_stdout() -> Self {
        let given = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
        let own = || terminal_size().map(|(columns, _)| usize::from(columns.0));
        given.filter(|columns| *columns > 0).or_else(own).map_or(Self::UNLIMITED, Self::of)
    }

    /// The number of columns; `None` if every line fits.
    pub fn columns(self) -> Option<usize> {
        self.0
    }

    pub fn is_narrow(self) -> bool {
        self.0.is_some_and(|columns| columns < NARROW)
    }

    pub fn fits(self, columns: usize) -> bool {
        self.0.is_none_or(|available| columns <= available)
    }

    /// The text in lines of this width. The first begins with `first`, the others with `others`.
    pub fn wrap(self, text: &str, first: &str, others: &str) -> String {
        let Some(columns) = self.0 else { return format!("{first}{text}") };
        let options = textwrap::Options::new(columns)
            .initial_indent(first)
            .subsequent_indent(others)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(text, options)
    }
}

/// The text, cut to so many columns.
pub fn cut(text: &str, columns: usize) -> String {
    if display_width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    for character in text.chars() {
        if display_width(&cut) + display_width(character.encode_utf8(&mut [0; 4])) >= columns {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// A table that a person reads, or that a Markdown document contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableStyle {
    Drawn(Width),
    Markdown,
}

/// Draws a table. If its columns do not fit, each row becomes a paragraph. The first `names` columns name the row, and the
/// others hold figures.
pub fn table(header: &[&str], names: usize, rows: &[Vec<String>], style: TableStyle) -> String {
    let mut table = Table::new();
    table.set_header(header.iter().copied()).add_rows(rows);
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let width = match style {
        TableStyle::Markdown => {
            table.load_style(presets::ASCII_MARKDOWN);
            return format!("{table}\n");
        }
        TableStyle::Drawn(width) => width,
    };
    let line = LineStyle::none().fill('─').junction('─');
    table.load_style(comfy_table::TableStyle::new().header_separator(line));
    let longest = |column: usize, part: fn(&str) -> usize| {
        let cells = rows.iter().filter_map(|row| row.get(column).map(String::as_str));
        cells.chain([header[column]]).map(part).max().unwrap_or_default()
    };
    let lengths = |part: fn(&str) -> usize| (0..header.len()).map(|column| longest(column, part)).collect::<Vec<_>>();
    // The library draws the lines' junctions as one space between the columns.
    let fits = |lengths: &[usize], padding: usize| {
        width.fits(lengths.iter().map(|length| length + padding + 1).sum::<usize>().saturating_sub(1))
    };
    let is_whole = fits(&lengths(display_width), 1);
    for column in table.column_iter_mut() {
        column.set_padding((0, u16::from(is_whole)));
    }
    if is_whole {
        return trimmed(&table);
    }
    let least = lengths(longest_word);
    if !fits(&least, 0) {
        return paragraphs(header, names, rows, width);
    }
    // A row of several lines needs a line below it.
    table.load_style(comfy_table::TableStyle::new().header_separator(line).row_separator(line));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(narrowed(width.columns().unwrap_or(usize::MAX)));
    for (column, least) in table.column_iter_mut().zip(least) {
        column.set_constraint(ColumnConstraint::LowerBoundary(comfy_table::Width::Fixed(narrowed(least))));
    }
    trimmed(&table)
}

fn trimmed(table: &Table) -> String {
    table.trim_fmt() + "\n"
}

fn longest_word(text: &str) -> usize {
    text.split_whitespace().map(display_width).max().unwrap_or_default()
}

fn narrowed(columns: usize) -> u16 {
    u16::try_from(columns).unwrap_or(u16::MAX)
}

fn paragraphs(header: &[&str], names: usize, rows: &[Vec<String>], width: Width) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&width.wrap(&row[..names.min(row.len())].join(", "), "", "  "));
        text.push('\n');
        let figures: Vec<String> =
            header.iter().zip(row).skip(names).map(|(head, figure)| format!("{head} {figure}")).collect();
        text.push_str(&width.wrap(&figures.join(", "), "  ", "  "));
        text.push('\n');
    }
    text
}

/// Progress through work of a known length.
///
/// It hides itself if standard error is no terminal. `wide_msg` cuts the message to the width.
pub fn progress(length: usize) -> ProgressBar {
    styled(ProgressBar::new(length as u64), "{bar:20} {pos}/{len} {wide_msg}")
}

/// Progress through work of an unknown length.
pub fn spinner() -> ProgressBar {
    styled(ProgressBar::new_spinner(), "{spinner} {wide_msg}")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [&str; 3] = ["database", "whole run", "RDS calls"];

    fn drawn(columns: usize) -> String {
        let rows = [vec!["Multi-AZ DB cluster".to_owned(), "1h 09m 05s".to_owned(), "162".to_owned()]];
        table(&HEADER, 1, &rows, TableStyle::Drawn(Width::of(columns)))
    }

    fn widest(text: &str) -> usize {
        text.lines().map(display_width).max().unwrap_or_default()
    }

    #[test]
    fn a_table_fits_its_width_and_keeps_every_word_whole() {
        for columns in [20, 24, 30, 40, 44, 80] {
            let text = drawn(columns);
            assert!(widest(&text) <= columns, "{columns} columns:\n{text}");
            for word in ["Multi-AZ", "cluster", "05s", "162", "database"] {
                let is_in_a_paragraph = word == "database" && !text.contains('─');
                assert!(is_in_a_paragraph || text.contains(word), "{columns} columns lack {word}:\n{text}");
            }
        }
    }

    #[test]
    fn a_table_that_does_not_fit_becomes_paragraphs() {
        let row = ["Multi-AZ DB cluster", "1h 09m 05s", "162", "52"].map(str::to_owned).to_vec();
        let header = ["database", "whole run", "RDS calls", "transitions"];
        let text = table(&header, 1, &[row], TableStyle::Drawn(Width::of(30)));
        assert_eq!(text, "Multi-AZ DB cluster\n  whole run 1h 09m 05s, RDS\n  calls 162, transitions 52\n");
    }

    #[test]
    fn a_text_is_cut_by_its_columns_not_its_bytes() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("数据库", 4), "数…");
    }

    #[test]
    fn a_pipe_keeps_long_lines() {
        let long = "word ".repeat(60);
        assert_eq!(Width::UNLIMITED.wrap(long.trim(), "", "  ").lines().count(), 1);
        assert!(widest(&Width::of(40).wrap(&long, "", "  ")) <= 40);
    }
}
