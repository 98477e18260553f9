//! Text from outside made safe to show: the user's input, error messages, names in RDS.
//!
//! The module removes characters that could forge a line or a header: line breaks, control and direction characters. It
//! also cuts texts that are too long. The HTML renderer escapes for HTML.

use std::time::Duration;

use serde_json::Value;
use trapheus_common::timestamp::Timestamp;

/// `1 h 02 min`, `3 min 20 s`, `20 s`.
pub fn duration(duration: Duration) -> String {
    let total = duration.as_secs();
    let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds:02} s"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

/// `2026-01-28 08:00 UTC`.
pub fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('T') {
        Some((day, time)) if time.len() >= 5 => format!("{day} {} UTC", &time[..5]),
        _ => text,
    }
}

/// `3 days old`, `30 hours old`, `90 minutes old`: at least two of a unit, except for minutes.
pub fn age(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match (minutes / 60 / 24, minutes / 60) {
        (days @ 2.., _) => format!("{days} days old"),
        (_, hours @ 2..) => format!("{hours} hours old"),
        _ if minutes == 1 => "1 minute old".to_owned(),
        _ if minutes == 0 => "less than a minute old".to_owned(),
        _ => format!("{minutes} minutes old"),
    }
}

/// One line of at most `longest` characters.
pub fn line(text: &str, longest: usize) -> String {
    let visible: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    shortened(&visible.split_whitespace().collect::<Vec<_>>().join(" "), longest)
}

/// Several lines, each as [`line()`], without the empty ones.
pub fn lines(text: &str, longest: usize) -> Vec<String> {
    text.lines().map(|text| line(text, longest)).filter(|line| !line.is_empty()).collect()
}

/// Any JSON value on one line: a string without quotes, any other value as JSON.
pub fn value(value: &Value, longest: usize) -> String {
    match value {
        Value::String(text) => line(text, longest),
        other => line(&other.to_string(), longest),
    }
}

fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(longest.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Whether the character is a control character, changes the direction of writing, or has no width.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_become_two() {
        assert_eq!(line("orders\r\nBcc: all@example.com\u{2028}x", 80), "orders Bcc: all@example.com x");
        assert_eq!(line("safe\u{202e}txt.exe", 80), "safe txt.exe");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(line(&"ö".repeat(10), 5), "öööö…");
        assert_eq!(line("12345", 5), "12345");
    }

    #[test]
    fn a_duration_reads_as_people_write_it() {
        let written = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!([written(59), written(200), written(3_725)], ["59 s", "3 min 20 s", "1 h 02 min"]);
    }

    #[test]
    fn an_age_reads_as_people_say_it() {
        let said = |minutes: u64| age(Duration::from_secs(60 * minutes));
        assert_eq!(
            [said(0), said(1), said(90), said(30 * 60), said(48 * 60), said(90 * 60)],
            ["less than a minute old", "1 minute old", "90 minutes old", "30 hours old", "2 days old", "3 days old"]
        );
        assert_eq!(moment(Timestamp::parse("2026-01-28T08:00:59Z").unwrap()), "2026-01-28 08:00 UTC");
    }

    #[test]
    fn a_value_that_is_no_string_is_shown_as_json() {
        assert_eq!(value(&serde_json::json!({"a": [1, null]}), 80), r#"{"a":[1,null]}"#);
    }
}
