//! The look of a picture: calm colours, one for each type of state, on a card that follows the reader's light or dark
//! scheme.

use super::graph::{Edge, Graph, Node, Shape};
use super::layout::{HEADING, LABEL_ADVANCE, Layout, PADDING, Place, Point, Route, layout};

const MARGIN: f64 = 28.0;
const TITLE_HEIGHT: f64 = 40.0;
const FOOT_HEIGHT: f64 = 26.0;

/// Many SVG viewers do not support CSS variables, so the style has none.
const STYLE: &str = "
text { fill: #24292f; font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
  text-anchor: middle; }
.title { font: 600 15px -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; text-anchor: start; }
.heading { font-weight: 600; }
.label, .remark, .foot { font-size: 10px; }
.label, .remark, .foot, .faint { fill: #636c76; }
.label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
.start { text-anchor: start; } .end { text-anchor: end; }
.way { fill: none; stroke: #818b98; stroke-width: 1.3; marker-end: url(#tip); } .tip { fill: #818b98; }
.catch { stroke: #cf222e; stroke-dasharray: 4 3; marker-end: url(#bad-tip); } .mark, .bad-tip { fill: #cf222e; }
.card, .branch { fill: #ffffff; stroke: #d1d9e0; } .parallel { fill: #f6f8fa; stroke: #afb8c1; }
.task { fill: #ddf4ff; stroke: #54aeff; } .choice { fill: #fff8c5; stroke: #d4a72c; } .pass { fill: #f6f8fa; stroke: #afb8c1; }
.succeed { fill: #dafbe1; stroke: #4ac26b; } .fail { fill: #ffebe9; stroke: #ff8182; }
.elsewhere { fill: none; stroke: #818b98; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .label, .remark, .foot, .faint { fill: #9198a1; } .label { stroke: #0d1117; }
  .way { stroke: #7d8590; } .tip { fill: #7d8590; } .catch { stroke: #ff7b72; } .mark, .bad-tip { fill: #ff7b72; }
  .card, .branch { fill: #0d1117; stroke: #3d444d; } .parallel { fill: #161b22; stroke: #484f58; }
  .task { fill: #0c2d4d; stroke: #1f6feb; } .choice { fill: #3b2e05; stroke: #9e7a13; } .pass { fill: #161b22; stroke: #484f58; }
  .succeed { fill: #0f2f1a; stroke: #2ea043; } .fail { fill: #3d1214; stroke: #da3633; } .elsewhere { fill: none; stroke: #7d8590; }
}
";

/// Draws a graph under a title.
pub(super) fn draw(title: &str, graph: &Graph) -> String {
    let layout = layout(graph);
    let foot = foot(graph);
    let words = |text: &str| u32::try_from(text.chars().count()).map_or(0.0, f64::from);
    let width = layout.width.max(words(title) * 8.5).max(words(&foot) * LABEL_ADVANCE + 16.0) + 2.0 * MARGIN;
    let height = layout.height + 2.0 * MARGIN + TITLE_HEIGHT + if foot.is_empty() { 0.0 } else { FOOT_HEIGHT };
    let mut parts = vec![
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
             aria-label=\"{title}\">",
            w = number(width),
            h = number(height),
            title = escaped(title),
        ),
        format!("<style>{STYLE}</style>"),
        format!("<defs>{}{}</defs>", tip("tip"), tip("bad-tip")),
        format!(
            "<rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
            number(width - 1.0),
            number(height - 1.0)
        ),
        text("title", MARGIN, MARGIN + 8.0, title),
    ];
    let left = (width - layout.width) / 2.0;
    parts.push(format!("<g transform=\"translate({} {})\">", number(left), number(MARGIN + TITLE_HEIGHT)));
    content(&mut parts, graph, &layout);
    parts.push("</g>".to_owned());
    if !foot.is_empty() {
        let y = height - MARGIN + 8.0;
        parts.push(mark(MARGIN + 3.0, y - 3.5));
        parts.push(text("foot start", MARGIN + 12.0, y, &foot));
    }
    parts.push("</svg>\n".to_owned());
    parts.join("\n")
}

/// The meaning of the dot; empty if the picture has none.
fn foot(graph: &Graph) -> String {
    fn caught(graph: &Graph) -> Option<&str> {
        let here = graph.nodes.iter().find(|node| node.is_caught_into).map(|node| node.name.as_str());
        here.or_else(|| graph.nodes.iter().flat_map(|node| &node.branches).find_map(caught))
    }
    match graph.fails_into.as_deref().or_else(|| caught(graph)) {
        Some(target) => format!("an error that retries do not mend leads to {target}"),
        None => String::new(),
    }
}

fn tip(id: &str) -> String {
    format!(
        "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto-start-reverse\"><path d=\"M0 0.5 8 4 0 7.5z\" class=\"{id}\"/></marker>"
    )
}

fn content(parts: &mut Vec<String>, graph: &Graph, layout: &Layout) {
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        parts.push(way(edge, route));
    }
    for ((node, place), branches) in graph.nodes.iter().zip(&layout.places).zip(&layout.branches) {
        state(parts, node, *place, branches);
    }
    // The labels come last, so that no line runs through a word.
    for (edge, route) in graph.edges.iter().zip(&layout.routes).filter(|(edge, _)| !edge.label.is_empty()) {
        parts.push(label(edge, route));
    }
}

fn way(edge: &Edge, route: &Route) -> String {
    let class = if edge.is_catch { "way catch" } else { "way" };
    let path = match route {
        Route::Down { points, .. } => down(points),
        Route::Back { from, to, lane } => back(*from, *to, *lane),
    };
    format!("<path class=\"{class}\" d=\"{path}\"/>")
}

/// A smooth way from point to point, vertical at both ends.
fn down(points: &[Point]) -> String {
    let mut path = String::new();
    for (position, to) in points.iter().enumerate() {
        let step = match position.checked_sub(1).map(|before| points[before]) {
            None => format!("M{}", point(*to)),
            Some(from) if (from.x - to.x).abs() < 0.5 => format!(" L{}", point(*to)),
            Some(from) => {
                let half = f64::midpoint(from.y, to.y);
                format!(
                    " C{} {} {}",
                    point(Point { x: from.x, y: half }),
                    point(Point { x: to.x, y: half }),
                    point(*to)
                )
            }
        };
        path.push_str(&step);
    }
    path
}

/// Out to the lane, up, and back in, with round corners.
fn back(from: Point, to: Point, lane: f64) -> String {
    let side = (lane - from.x).signum();
    let (x, radius) = (lane - side * 8.0, 8.0);
    [
        format!("M{}", point(from)),
        format!("H{}", number(x)),
        format!("Q{} {}", point(Point { x: lane, y: from.y }), point(Point { x: lane, y: from.y - radius })),
        format!("V{}", number(to.y + radius)),
        format!("Q{} {}", point(Point { x: lane, y: to.y }), point(Point { x, y: to.y })),
        format!("H{}", number(to.x)),
    ]
    .join(" ")
}

fn label(edge: &Edge, route: &Route) -> String {
    match route {
        Route::Down { points, label } => {
            let at = label.unwrap_or(points[0]);
            text("label", at.x, at.y + 3.5, &edge.label)
        }
        Route::Back { from, to, lane } => {
            let (class, x) = if *lane > from.x { ("label start", lane + 5.0) } else { ("label end", lane - 5.0) };
            text(class, x, f64::midpoint(from.y, to.y) + 3.5, &edge.label)
        }
    }
}

fn state(parts: &mut Vec<String>, node: &Node, place: Place, branches: &[Layout]) {
    parts.push("<g>".to_owned());
    if let Some(comment) = &node.comment {
        parts.push(format!("<title>{}</title>", escaped(comment)));
    }
    if node.is_caught_into {
        let (x, top) = (place.x, place.top);
        parts.push(format!("<path class=\"way catch\" d=\"M{} {} V{}\"/>", number(x), number(top - 22.0), number(top)));
        parts.push(mark(x, top - 24.0));
    }
    parts.push(outline(node, place));
    if branches.is_empty() {
        let y = place.top + 20.0;
        let class = if node.shape == Shape::Elsewhere { "faint" } else { "name" };
        parts.push(text(class, place.x, y, &node.name));
        if let Some(remark) = &node.remark {
            parts.push(text("remark", place.x, y + 16.0, remark));
        }
    } else {
        let remark = node.remark.as_ref().map(|remark| format!(" ({remark})")).unwrap_or_default();
        parts.push(text("heading", place.x, place.top + 20.0, &format!("{}{remark}", node.name)));
        inside(parts, node, place, branches);
    }
    if node.catches {
        parts.push(mark(place.x + place.width / 2.0 - 9.0, place.top + 9.0));
    }
    parts.push("</g>".to_owned());
}

fn inside(parts: &mut Vec<String>, node: &Node, place: Place, branches: &[Layout]) {
    let taken: f64 = branches.iter().map(|branch| branch.width + 3.0 * PADDING).sum::<f64>() - PADDING;
    let mut x = place.x - taken / 2.0;
    let top = place.top + HEADING;
    let height = place.height - HEADING - PADDING;
    for (graph, branch) in node.branches.iter().zip(branches) {
        let width = branch.width + 2.0 * PADDING;
        parts.push(format!(
            "<rect class=\"branch\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>",
            number(x),
            number(top),
            number(width),
            number(height)
        ));
        parts.push(format!("<g transform=\"translate({} {})\">", number(x + PADDING), number(top + PADDING)));
        content(parts, graph, branch);
        parts.push("</g>".to_owned());
        x += width + PADDING;
    }
}

fn outline(node: &Node, place: Place) -> String {
    let Place { x, top, width, height } = place;
    let (left, right) = (x - width / 2.0, x + width / 2.0);
    let (class, radius) = match node.shape {
        Shape::Choice => {
            let (middle, bottom) = (top + height / 2.0, top + height);
            let corners = [
                (left, middle),
                (left + 12.0, top),
                (right - 12.0, top),
                (right, middle),
                (right - 12.0, bottom),
                (left + 12.0, bottom),
            ];
            let corners: Vec<String> = corners.iter().map(|&(x, y)| point(Point { x, y })).collect();
            return format!("<polygon class=\"choice\" points=\"{}\"/>", corners.join(" "));
        }
        Shape::Task => ("task", 6.0),
        Shape::Pass => ("pass", 6.0),
        Shape::Parallel => ("parallel", 8.0),
        Shape::Succeed => ("succeed", height / 2.0),
        Shape::Fail => ("fail", height / 2.0),
        Shape::Elsewhere => ("elsewhere", height / 2.0),
    };
    format!(
        "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
        number(left),
        number(top),
        number(width),
        number(height),
        number(radius)
    )
}

fn mark(x: f64, y: f64) -> String {
    format!("<circle class=\"mark\" cx=\"{}\" cy=\"{}\" r=\"3\"/>", number(x), number(y))
}

fn text(class: &str, x: f64, y: f64, words: &str) -> String {
    format!("<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>", number(x), number(y), escaped(words))
}

fn point(Point { x, y }: Point) -> String {
    format!("{} {}", number(x), number(y))
}

/// A tenth of a pixel is exact enough, and the same on every machine.
fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // Adding zero turns `-0` into `0`.
    (rounded + 0.0).to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
