//! The alert as HTML: one column, inline styles, colours for borders only. So it reads well in a narrow window and in a
//! dark one.

use crate::content::{Alert, Block};

const BODY: &str = "margin:0 auto;padding:16px;max-width:640px;font:15px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,\
                    Arial,sans-serif;overflow-wrap:anywhere";
const HEADLINE: &str = "margin:0 0 16px;font-size:17px;font-weight:600";
const TITLE: &str = "margin:24px 0 4px;font-size:15px;font-weight:600;border-bottom:1px solid #888888";
const PARAGRAPH: &str = "margin:8px 0";
const LIST: &str = "margin:8px 0;padding-left:20px";
const ITEM: &str = "margin:4px 0";
const QUOTE: &str = "margin:8px 0;padding-left:10px;border-left:3px solid #cc5500;white-space:pre-wrap";
const CODE: &str = "margin:8px 0;padding-left:10px;border-left:3px solid #3377cc;white-space:pre-wrap;\
                    font:13px/1.5 Menlo,Consolas,monospace";

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">"#;

/// Renders the HTML part of the mail.
pub fn render(alert: &Alert) -> String {
    let mut parts = vec![
        HEAD.to_owned(),
        format!("<title>{}</title>", escaped(&alert.subject)),
        "</head>".to_owned(),
        format!("<body style=\"{BODY}\">"),
        element("p", HEADLINE, &escaped(&alert.headline)),
    ];
    for section in &alert.sections {
        parts.push(element("h2", TITLE, &escaped(section.title)));
        parts.extend(section.blocks.iter().map(rendered));
    }
    if !alert.links.is_empty() {
        parts.push(element("h2", TITLE, "Links"));
    }
    for link in &alert.links {
        let anchor = format!("<a href=\"{}\">{}</a>", escaped(&link.address), escaped(&link.label));
        parts.push(element("p", PARAGRAPH, &anchor));
    }
    parts.push("</body>\n</html>\n".to_owned());
    parts.join("\n")
}

fn rendered(block: &Block) -> String {
    match block {
        Block::Paragraph(paragraph) => element("p", PARAGRAPH, &escaped(paragraph)),
        Block::Quote(lines) => element("blockquote", QUOTE, &escaped(&lines.join("\n"))),
        Block::List(items) => {
            let items: Vec<String> = items.iter().map(|item| element("li", ITEM, &escaped(item))).collect();
            element("ul", LIST, &items.join("\n"))
        }
        Block::Facts(facts) => {
            let facts: Vec<String> =
                facts.iter().map(|(label, fact)| format!("<b>{}:</b> {}", escaped(label), escaped(fact))).collect();
            element("p", PARAGRAPH, &facts.join("<br>\n"))
        }
        Block::Commands(commands) => {
            let lines: Vec<String> = commands
                .iter()
                .map(|command| format!("# {}\n{}", escaped(&command.purpose), escaped(&command.line)))
                .collect();
            element("pre", CODE, &lines.join("\n\n"))
        }
    }
}

/// `content` is HTML already.
fn element(name: &str, style: &str, content: &str) -> String {
    format!("<{name} style=\"{style}\">{content}</{name}>")
}

/// Text as HTML text or as an attribute's value.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Link, Section};
    use crate::text;
    use crate::verdict::Command;

    const HOSTILE: &str = "<img src=x onerror='a()'> & \"b\"";

    /// An alert in which every text is hostile.
    fn hostile() -> Alert {
        let text = || HOSTILE.to_owned();
        let command = Command { purpose: text(), line: text() };
        let blocks = vec![
            Block::Paragraph(text()),
            Block::Quote(vec![text()]),
            Block::List(vec![text()]),
            Block::Facts(vec![("Task", text())]),
            Block::Commands(vec![command]),
        ];
        Alert {
            about: text(),
            subject: text(),
            headline: text(),
            sections: vec![Section { title: "Everything", blocks }],
            links: vec![Link { label: text(), address: text() }],
        }
    }

    #[test]
    fn everything_is_escaped() {
        let html = render(&hostile());
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("onerror='"), "{html}");
        // Subject, headline, one for each block and two for the command, label and address.
        assert_eq!(html.matches("&lt;img src=x onerror=&#39;a()&#39;&gt; &amp; &quot;b&quot;").count(), 10);
    }

    #[test]
    fn text_says_all_that_html_says() {
        // The subject is the HTML's title; the text has it in the mail's header only.
        assert_eq!(text::render(&hostile()).matches(HOSTILE).count(), 9);
    }
}
