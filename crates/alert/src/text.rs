//! The alert as plain text.

use crate::content::{Alert, Block};

/// Renders the text part of the mail.
pub fn render(alert: &Alert) -> String {
    let mut lines = vec![alert.headline.clone()];
    for section in &alert.sections {
        lines.extend([String::new(), section.title.to_owned(), "-".repeat(section.title.len())]);
        for (position, block) in section.blocks.iter().enumerate() {
            if position > 0 {
                lines.push(String::new());
            }
            lines.extend(lines_of(block));
        }
    }
    for link in &alert.links {
        lines.extend([String::new(), format!("{}:", link.label), link.address.clone()]);
    }
    lines.join("\n") + "\n"
}

fn lines_of(block: &Block) -> Vec<String> {
    match block {
        Block::Paragraph(paragraph) => vec![paragraph.clone()],
        Block::Quote(lines) => lines.iter().map(|line| format!("> {line}")).collect(),
        Block::List(items) => items.iter().map(|item| format!("- {item}")).collect(),
        Block::Facts(facts) => {
            let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or_default() + 1;
            facts.iter().map(|(label, fact)| format!("{:width$} {fact}", format!("{label}:"))).collect()
        }
        Block::Commands(commands) => {
            let entries = commands.iter().map(|command| format!("# {}\n{}", command.purpose, command.line));
            vec![entries.collect::<Vec<_>>().join("\n\n")]
        }
    }
}
