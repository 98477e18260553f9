//! The alert as a Slack message of Block Kit.
//!
//! The module knows Slack's limits (<https://docs.slack.dev/reference/block-kit/blocks>) and its escaping. Of a message
//! that is too long, the end is left out, where the least urgent text is. The message says so.

use serde_json::{Value, json};

use crate::content::{Alert, Block, Section};
use crate::plain;

/// The most blocks of a message.
const MOST_BLOCKS: usize = 50;
/// The longest text of a section, and of a header.
const LONGEST_TEXT: usize = 3_000;
const LONGEST_HEADER: usize = 150;
/// The fence around a command.
const FENCE: &str = "```";

/// Renders the payload of an incoming webhook.
pub fn render(alert: &Alert) -> Value {
    let links: Vec<String> = alert.links.iter().map(|link| anchor(&link.address, &link.label)).collect();
    // Facts that a person acts on come first, because Slack's limits may cut off the rest.
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": plain::line(&alert.subject, LONGEST_HEADER)}}),
    ];
    blocks.extend(texts(&[escaped(&alert.headline)]));
    if !links.is_empty() {
        blocks.extend(texts(&[links.join("\n")]));
    }
    blocks.extend(alert.sections.iter().flat_map(section));
    if blocks.len() > MOST_BLOCKS {
        blocks.truncate(MOST_BLOCKS - 1);
        blocks.extend(texts(&["_The rest is too long for Slack: it is in the mail._".to_owned()]));
    }
    // A notification shows `text`; Slack itself shows the blocks wherever it can.
    json!({"text": escaped(&alert.subject), "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

fn section(section: &Section) -> Vec<Value> {
    let mut blocks = vec![json!({"type": "divider"})];
    let mut lines = vec![format!("*{}*", escaped(section.title))];
    for block in &section.blocks {
        match block {
            Block::Paragraph(paragraph) => lines.push(escaped(paragraph)),
            Block::Quote(quoted) => lines.extend(quoted.iter().map(|line| format!("> {}", escaped(line)))),
            Block::List(items) => lines.extend(items.iter().map(|item| format!("• {}", escaped(item)))),
            Block::Facts(facts) => {
                lines.extend(facts.iter().map(|(label, fact)| format!("*{}:* {}", escaped(label), escaped(fact))));
            }
            Block::Commands(commands) => {
                blocks.extend(texts(&lines));
                lines.clear();
                for command in commands {
                    let code = format!("# {}\n{}", command.purpose, command.line);
                    blocks.extend(texts(&[fenced(&code)]));
                }
            }
        }
    }
    blocks.extend(texts(&lines));
    blocks
}

/// The lines in as few sections as possible.
fn texts(lines: &[String]) -> Vec<Value> {
    let mut texts: Vec<String> = Vec::new();
    for line in lines {
        let line = shortened(line);
        match texts.last_mut() {
            Some(text) if text.chars().count() + 1 + line.chars().count() <= LONGEST_TEXT => {
                text.push('\n');
                text.push_str(&line);
            }
            _ => texts.push(line),
        }
    }
    texts.iter().map(|text| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})).collect()
}

/// A command as code. A command that is cut is useless, so one that is too long is left out.
fn fenced(code: &str) -> String {
    let code = escaped(code).replace(FENCE, "'''");
    let fenced = format!("{FENCE}\n{code}\n{FENCE}");
    if fenced.chars().count() <= LONGEST_TEXT {
        fenced
    } else {
        "_This command is too long for Slack: it is in the mail._".to_owned()
    }
}

/// The text, cut to the limit of a section, with no half of an escaped character at its end.
fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST_TEXT - 1).collect();
    if let Some(begin) = short.rfind('&').filter(|begin| !short[*begin..].contains(';')) {
        short.truncate(begin);
    }
    short.push('…');
    short
}

/// A link, whose label cannot end it.
fn anchor(address: &str, label: &str) -> String {
    let address = escaped(address).replace('|', "%7C");
    format!("<{address}|{}>", escaped(label).replace('|', " "))
}

/// Escapes Slack's three control characters: without them a text contains neither a link nor a mention.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Link;
    use crate::verdict::Command;

    fn alert(blocks: Vec<Block>) -> Alert {
        Alert {
            about: "orders".to_owned(),
            subject: "Trapheus: restore of orders failed".to_owned(),
            headline: "It failed.".to_owned(),
            sections: vec![Section { title: "What failed", blocks }],
            links: vec![Link { label: "The execution".to_owned(), address: "https://console/?a=b&c=d".to_owned() }],
        }
    }

    fn blocks(message: &Value) -> &Vec<Value> {
        message["blocks"].as_array().unwrap()
    }

    fn all_text(message: &Value) -> String {
        let texts: Vec<&str> = blocks(message).iter().filter_map(|block| block["text"]["text"].as_str()).collect();
        texts.join("\n")
    }

    fn assert_within_limits(message: &Value) {
        assert!(blocks(message).len() <= MOST_BLOCKS, "{} blocks", blocks(message).len());
        for block in blocks(message) {
            let text = block["text"]["text"].as_str().unwrap_or_default();
            let longest = if block["type"] == "header" { LONGEST_HEADER } else { LONGEST_TEXT };
            assert!(text.chars().count() <= longest, "{} characters", text.chars().count());
            assert!(block["type"] == "divider" || !text.is_empty(), "Slack refuses an empty text");
        }
    }

    #[test]
    fn nothing_in_an_alert_becomes_a_mention_or_a_link() {
        let text = || "<!channel> & <https://evil|here> ```".to_owned();
        let command = Command { purpose: text(), line: text() };
        let message = render(&alert(vec![
            Block::Paragraph(text()),
            Block::Quote(vec![text()]),
            Block::List(vec![text()]),
            Block::Facts(vec![("Task", text())]),
            Block::Commands(vec![command]),
        ]));
        let all = all_text(&message);
        assert!(!all.contains("<!channel>") && !all.contains("<https://evil"), "{all}");
        assert_eq!(all.matches("&lt;!channel&gt; &amp;").count(), 6, "{all}");
        assert!(all.contains("<https://console/?a=b&amp;c=d|The execution>"), "{all}");
        assert!(all.contains("'''\n```"), "a fence in a command does not end its block: {all}");
        assert_within_limits(&message);
    }

    #[test]
    fn the_message_says_that_text_too_long_for_slack_is_left_out() {
        let many = (0..80).map(|n| Command { purpose: format!("step {n}"), line: "aws rds".to_owned() }).collect();
        let message = render(&alert(vec![Block::Commands(many)]));
        assert_within_limits(&message);
        assert_eq!(blocks(&message).len(), MOST_BLOCKS);
        assert!(all_text(&message).ends_with("it is in the mail._"));

        let long = Command { purpose: "long".to_owned(), line: "x".repeat(LONGEST_TEXT) };
        let message = render(&alert(vec![Block::Commands(vec![long])]));
        assert_within_limits(&message);
        assert!(all_text(&message).contains("This command is too long for Slack"));
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_lines_share_sections() {
        let message = render(&alert(vec![Block::Paragraph("&".repeat(LONGEST_TEXT))]));
        assert_within_limits(&message);
        assert!(all_text(&message).ends_with("&amp;…"), "{}", all_text(&message));

        let message = render(&alert(vec![Block::List(vec!["ö".repeat(1_000); 5])]));
        assert_within_limits(&message);
        assert_eq!(all_text(&message).matches("• ").count(), 5);
    }
}
