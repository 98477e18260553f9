//! The layout of a picture: layered, from top to bottom.
//!
//! The classic four steps, kept small for graphs of about sixty states:
//!
//! - Ways that lead back are set aside.
//! - Every state gets the rank of the longest way to it. Labels of ways get a rank in between.
//! - The states of a rank are ordered by the places of their neighbours, so that few ways cross.
//! - Each state is placed as near to its neighbours as its rank allows.
//!
//! Ways that lead back run beside the states: on the right if they span one rank, else on the left. Source of the steps:
//! Sugiyama, Tagawa, Toda, "Methods for visual understanding of hierarchical system structures" (1981).

use super::graph::{Edge, Graph, Node, Shape};

/// The width of one character of a state's name, and of a label.
const NAME_ADVANCE: f64 = 7.3;
pub(super) const LABEL_ADVANCE: f64 = 6.1;
const NODE_HEIGHT: f64 = 32.0;
const REMARK_HEIGHT: f64 = 16.0;
/// The space between two states of a rank, and between two ranks.
const GAP: f64 = 26.0;
const RANK_GAP: f64 = 26.0;
/// For a rank that holds only labels: the space above it, where ways fan out; the space below it; its height.
const FAN_GAP: f64 = 17.0;
const LABEL_GAP: f64 = 13.0;
const LABEL_HEIGHT: f64 = 12.0;
/// The width of a way that passes a rank.
const PASSING_WIDTH: f64 = 8.0;
/// The distance by which a way back swings out.
const SWING: f64 = 16.0;
/// The space around the branches of a Parallel, and above them for its name.
pub(super) const PADDING: f64 = 16.0;
pub(super) const HEADING: f64 = 30.0;
/// The weight of a straight course: for a chain or a passing way; if one side has no other way; otherwise.
const STRAIGHT: f64 = 32.0;
const RATHER_STRAIGHT: f64 = 2.0;
const ANYHOW: f64 = 1.0;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A state's box: the middle of its upper edge, and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Place {
    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(super) fn middle(&self) -> f64 {
        self.top + self.height / 2.0
    }
}

/// The course of a way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Route {
    /// Down, through these points, with its label halfway.
    Down { points: Vec<Point>, label: Option<Point> },
    /// Back up beside the states: from, to, and the distance from them.
    Back { from: Point, to: Point, lane: f64 },
}

#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) places: Vec<Place>,
    pub(super) routes: Vec<Route>,
    /// For each state, its branches.
    pub(super) branches: Vec<Vec<Layout>>,
}

/// Lays out a graph from (0, 0).
pub(super) fn layout(graph: &Graph) -> Layout {
    let branches: Vec<Vec<Layout>> =
        graph.nodes.iter().map(|node| node.branches.iter().map(layout).collect()).collect();
    let sizes: Vec<(f64, f64)> = graph.nodes.iter().zip(&branches).map(|(node, inner)| size(node, inner)).collect();
    let ranking = Ranking::of(graph);
    let mut layers = Layers::of(graph, &ranking, &sizes);
    layers.order();
    layers.place();
    layers.finish(graph, &ranking, &sizes, branches)
}

fn size(node: &Node, branches: &[Layout]) -> (f64, f64) {
    let letters = |text: &str| characters(text);
    let remark = node.remark.as_deref();
    let name_width = letters(&node.name) * NAME_ADVANCE + if node.shape == Shape::Choice { 44.0 } else { 28.0 };
    let remark_width = remark.map_or(0.0, |remark| letters(remark) * LABEL_ADVANCE + 28.0);
    if branches.is_empty() {
        return (name_width.max(remark_width), NODE_HEIGHT + if remark.is_some() { REMARK_HEIGHT } else { 0.0 });
    }
    let inner: f64 = branches.iter().map(|branch| branch.width + 2.0 * PADDING).sum();
    let height = branches.iter().map(|branch| branch.height).fold(0.0, f64::max) + 2.0 * PADDING;
    let between = PADDING * (1.0 + count(branches.len()));
    ((inner + between).max(name_width), height + HEADING + PADDING)
}

fn characters(text: &str) -> f64 {
    count(text.chars().count())
}

/// A small count as a coordinate.
fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::MAX, f64::from)
}

/// The ways that lead back, and the rank of every state.
struct Ranking {
    is_back: Vec<bool>,
    ranks: Vec<usize>,
}

impl Ranking {
    fn of(graph: &Graph) -> Self {
        let mut search = Search {
            graph,
            is_back: vec![false; graph.edges.len()],
            seen: vec![Seen::Not; graph.nodes.len()],
            done: Vec::new(),
        };
        for node in 0..graph.nodes.len() {
            search.visit(node);
        }
        let Search { is_back, done, .. } = search;
        let mut ranks = vec![0; graph.nodes.len()];
        for &node in done.iter().rev() {
            for (edge, _) in graph.edges.iter().zip(&is_back).filter(|(edge, back)| edge.from == node && !**back) {
                let length = if edge.label.is_empty() { 1 } else { 2 };
                ranks[edge.to] = ranks[edge.to].max(ranks[node] + length);
            }
        }
        let mut ranking = Self { is_back, ranks };
        ranking.sink_failures(graph);
        ranking
    }

    /// States that only a failure reaches belong at the bottom, where the run ends.
    fn sink_failures(&mut self, graph: &Graph) {
        let lowest = self.ranks.iter().copied().max().unwrap_or_default();
        for root in (0..graph.nodes.len()).filter(|&node| graph.nodes[node].is_caught_into) {
            let mut below = vec![root];
            let mut position = 0;
            while position < below.len() {
                let next = graph.edges.iter().filter(|edge| edge.from == below[position]).map(|edge| edge.to);
                let new: Vec<usize> = next.filter(|node| !below.contains(node)).collect();
                below.extend(new);
                position += 1;
            }
            let is_apart = graph.edges.iter().all(|edge| below.contains(&edge.from) || !below.contains(&edge.to));
            let depth = below.iter().map(|&node| self.ranks[node]).max().unwrap_or_default();
            if is_apart {
                for node in below {
                    self.ranks[node] += lowest - depth;
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Not,
    /// On the way that the search follows now.
    Here,
    Done,
}

/// A depth-first search. A way back is one to a state that the search follows now.
struct Search<'a> {
    graph: &'a Graph,
    is_back: Vec<bool>,
    seen: Vec<Seen>,
    /// The states, each after all those that it leads to.
    done: Vec<usize>,
}

impl Search<'_> {
    fn visit(&mut self, node: usize) {
        if self.seen[node] != Seen::Not {
            return;
        }
        self.seen[node] = Seen::Here;
        for edge in 0..self.graph.edges.len() {
            if self.graph.edges[edge].from == node {
                let to = self.graph.edges[edge].to;
                if self.seen[to] == Seen::Here {
                    self.is_back[edge] = true;
                } else {
                    self.visit(to);
                }
            }
        }
        self.seen[node] = Seen::Done;
        self.done.push(node);
    }
}

/// An element of a rank: a state, or a way that passes through.
#[derive(Clone, Debug)]
struct Vertex {
    rank: usize,
    /// The room on the left and on the right of its centre.
    left: f64,
    right: f64,
    x: f64,
    /// The neighbours, with the weight of a straight way to each.
    above: Vec<(usize, f64)>,
    below: Vec<(usize, f64)>,
}

impl Vertex {
    fn new(rank: usize, width: f64) -> Self {
        Self { rank, left: width / 2.0, right: width / 2.0, x: 0.0, above: Vec::new(), below: Vec::new() }
    }
}

/// The states come first among the vertices, in their own order.
struct Layers {
    vertices: Vec<Vertex>,
    ranks: Vec<Vec<usize>>,
    /// For each way down, the vertices that it passes.
    paths: Vec<Vec<usize>>,
}

impl Layers {
    fn of(graph: &Graph, ranking: &Ranking, sizes: &[(f64, f64)]) -> Self {
        let mut vertices: Vec<Vertex> =
            sizes.iter().zip(&ranking.ranks).map(|(&(width, _), &rank)| Vertex::new(rank, width)).collect();
        for (edge, _) in graph.edges.iter().zip(&ranking.is_back).filter(|(_, back)| **back) {
            make_room(&mut vertices, graph, ranking, edge, sizes);
        }
        let mut paths = Vec::new();
        for (edge, back) in graph.edges.iter().zip(&ranking.is_back) {
            let mut path = vec![edge.from];
            if !back {
                for rank in ranking.ranks[edge.from] + 1..ranking.ranks[edge.to] {
                    let is_label = path.len() == 1 && !edge.label.is_empty();
                    let width = if is_label { characters(&edge.label) * LABEL_ADVANCE } else { PASSING_WIDTH };
                    vertices.push(Vertex::new(rank, width));
                    path.push(vertices.len() - 1);
                }
                path.push(edge.to);
            }
            for pair in path.windows(2) {
                vertices[pair[0]].below.push((pair[1], ANYHOW));
                vertices[pair[1]].above.push((pair[0], ANYHOW));
            }
            paths.push(path);
        }
        straighten(&mut vertices, graph.nodes.len());
        let mut ranks = vec![Vec::new(); vertices.iter().map(|vertex| vertex.rank + 1).max().unwrap_or_default()];
        for (index, vertex) in vertices.iter().enumerate() {
            ranks[vertex.rank].push(index);
        }
        Self { vertices, ranks, paths }
    }

    /// Reduces crossings: orders each rank by the mean place of its neighbours, downwards and upwards in turn.
    fn order(&mut self) {
        for sweep in 0..24 {
            let down = sweep % 2 == 0;
            let order: Vec<usize> =
                if down { (0..self.ranks.len()).collect() } else { (0..self.ranks.len()).rev().collect() };
            for rank in order {
                let mut keyed: Vec<(f64, usize)> = self.ranks[rank]
                    .iter()
                    .enumerate()
                    .map(|(position, &vertex)| {
                        let Vertex { above, below, .. } = &self.vertices[vertex];
                        let neighbours = if down { above } else { below };
                        (self.mean_position(neighbours).unwrap_or(count(position)), vertex)
                    })
                    .collect();
                keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                self.ranks[rank] = keyed.into_iter().map(|(_, vertex)| vertex).collect();
            }
        }
    }

    fn mean_position(&self, vertices: &[(usize, f64)]) -> Option<f64> {
        let position = |vertex: usize| {
            let rank = &self.ranks[self.vertices[vertex].rank];
            rank.iter().position(|&other| other == vertex).map_or(0.0, count)
        };
        mean(vertices.iter().map(|&(vertex, _)| (position(vertex), 1.0)))
    }

    /// Turns chains and passing ways into straight columns, each as near to its neighbours as the others allow.
    fn place(&mut self) {
        let columns = Columns::of(self).settled(self);
        for (vertex, &column) in self.vertices.iter_mut().zip(&columns.of_vertex) {
            vertex.x = columns.xs[column];
        }
    }

    fn finish(self, graph: &Graph, ranking: &Ranking, sizes: &[(f64, f64)], branches: Vec<Vec<Layout>>) -> Layout {
        let left = self.vertices.iter().map(|vertex| vertex.x - vertex.left).fold(f64::INFINITY, f64::min);
        let right = self.vertices.iter().map(|vertex| vertex.x + vertex.right).fold(f64::NEG_INFINITY, f64::max);
        let mut tops = Vec::new();
        let mut heights = Vec::new();
        let mut bottom = 0.0;
        let mut held_states = false;
        for rank in 0..self.ranks.len() {
            let height = (0..graph.nodes.len())
                .filter(|&node| ranking.ranks[node] == rank)
                .map(|node| sizes[node].1)
                .fold(None, |tallest: Option<f64>, height| Some(tallest.map_or(height, |tallest| tallest.max(height))));
            let gap = match (held_states, height.is_some()) {
                (true, true) => RANK_GAP,
                (true, false) => FAN_GAP,
                (false, _) => LABEL_GAP,
            };
            let top = if rank == 0 { 0.0 } else { bottom + gap };
            held_states = height.is_some();
            let height = height.unwrap_or(LABEL_HEIGHT);
            tops.push(top);
            heights.push(height);
            bottom = top + height;
        }
        let places: Vec<Place> = sizes
            .iter()
            .enumerate()
            .map(|(node, &(width, height))| {
                let rank = ranking.ranks[node];
                let top =
                    if branches[node].is_empty() { tops[rank] + (heights[rank] - height) / 2.0 } else { tops[rank] };
                Place { x: self.vertices[node].x - left, top, width, height }
            })
            .collect();
        let routes = graph
            .edges
            .iter()
            .zip(&ranking.is_back)
            .zip(&self.paths)
            .map(|((edge, &back), path)| {
                let (from, to) = (places[edge.from], places[edge.to]);
                if back {
                    return way_back(graph, ranking, edge, &places);
                }
                let label = path.get(1).filter(|_| !edge.label.is_empty()).map(|&label| {
                    let rank = self.vertices[label].rank;
                    Point { x: self.vertices[label].x - left, y: tops[rank] + heights[rank] / 2.0 }
                });
                let mut points = vec![Point { x: from.x, y: from.bottom() }];
                for &passed in &path[1..path.len() - 1] {
                    let x = self.vertices[passed].x - left;
                    let rank = self.vertices[passed].rank;
                    points.push(Point { x, y: tops[rank] });
                    points.push(Point { x, y: tops[rank] + heights[rank] });
                }
                points.push(Point { x: to.x, y: to.top });
                Route::Down { points, label }
            })
            .collect();
        Layout { width: (right - left).max(0.0), height: bottom, places, routes, branches }
    }
}

/// Sets the weight of a straight course for each way from rank to rank.
fn straighten(vertices: &mut [Vertex], states: usize) {
    for from in 0..vertices.len() {
        for position in 0..vertices[from].below.len() {
            let to = vertices[from].below[position].0;
            let is_passing = from >= states && to >= states;
            let weight = match (vertices[from].below.len(), vertices[to].above.len()) {
                _ if is_passing => STRAIGHT,
                (1, 1) => STRAIGHT,
                (1, _) | (_, 1) => RATHER_STRAIGHT,
                _ => ANYHOW,
            };
            vertices[from].below[position].1 = weight;
            for (_, upwards) in vertices[to].above.iter_mut().filter(|(other, _)| *other == from) {
                *upwards = weight;
            }
        }
    }
}

/// Makes room for a way back and its label beside the states that it passes.
fn make_room(vertices: &mut [Vertex], graph: &Graph, ranking: &Ranking, edge: &Edge, sizes: &[(f64, f64)]) {
    let passed = passed_by(graph, ranking, edge);
    let half = passed.iter().map(|&node| sizes[node].0 / 2.0).fold(0.0, f64::max);
    let room = half + SWING + 8.0 + characters(&edge.label) * LABEL_ADVANCE;
    for node in passed {
        let vertex = &mut vertices[node];
        let side = if is_short(ranking, edge) { &mut vertex.right } else { &mut vertex.left };
        *side = side.max(room);
    }
}

/// A way back to the rank above runs on the right. A way back that passes states runs on the left.
fn is_short(ranking: &Ranking, edge: &Edge) -> bool {
    ranking.ranks[edge.from] - ranking.ranks[edge.to] <= 1
}

/// The two ends of a way back, and the states between them.
fn passed_by(graph: &Graph, ranking: &Ranking, edge: &Edge) -> Vec<usize> {
    let leads = |from: usize, to: usize| {
        graph.edges.iter().zip(&ranking.is_back).any(|(edge, back)| !back && edge.from == from && edge.to == to)
    };
    let is_passed =
        |&node: &usize| node == edge.from || node == edge.to || (leads(edge.to, node) && leads(node, edge.from));
    (0..graph.nodes.len()).filter(is_passed).collect()
}

fn way_back(graph: &Graph, ranking: &Ranking, edge: &Edge, places: &[Place]) -> Route {
    let side = if is_short(ranking, edge) { 1.0 } else { -1.0 };
    let beside = |place: &Place| place.x + side * place.width / 2.0;
    let end = |node: usize| Point { x: beside(&places[node]), y: places[node].middle() };
    let passed = passed_by(graph, ranking, edge);
    let out = passed.iter().map(|&node| side * beside(&places[node])).fold(f64::NEG_INFINITY, f64::max);
    Route::Back { from: end(edge.from), to: end(edge.to), lane: side * (out + SWING) }
}

fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = values.fold((0.0, 0.0), |(sum, weight), (value, w)| (sum + value * w, weight + w));
    (weight > 0.0).then(|| sum / weight)
}

/// Columns of vertices that stand exactly below each other, with the least distance of columns that meet in a rank.
struct Columns {
    of_vertex: Vec<usize>,
    xs: Vec<f64>,
    /// Left column, right column, distance.
    apart: Vec<(usize, usize, f64)>,
}

impl Columns {
    /// Joins vertices that belong on a straight line. Ways that cross stay apart, since a column cannot be on both sides of
    /// another.
    fn of(layers: &Layers) -> Self {
        let count = layers.vertices.len();
        let mut columns = Self { of_vertex: (0..count).collect(), xs: vec![0.0; count], apart: Vec::new() };
        columns.apart = columns.distances(layers);
        for (from, vertex) in layers.vertices.iter().enumerate() {
            for &(to, _) in vertex.below.iter().filter(|&&(_, weight)| weight >= STRAIGHT) {
                let (kept, joined) = (columns.of_vertex[from], columns.of_vertex[to]);
                let of_vertex = columns.of_vertex.iter().map(|&column| if column == joined { kept } else { column });
                let mut tried = Self { of_vertex: of_vertex.collect(), xs: columns.xs.clone(), apart: Vec::new() };
                tried.apart = tried.distances(layers);
                if tried.pack() {
                    columns = tried;
                }
            }
        }
        columns.pack();
        columns
    }

    fn distances(&self, layers: &Layers) -> Vec<(usize, usize, f64)> {
        let pairs = layers.ranks.iter().flat_map(|rank| rank.windows(2));
        pairs
            .map(|pair| {
                let (left, right) = (&layers.vertices[pair[0]], &layers.vertices[pair[1]]);
                (self.of_vertex[pair[0]], self.of_vertex[pair[1]], left.right + GAP + right.left)
            })
            .collect()
    }

    /// Puts every column as far left as possible. Returns false if no such order exists.
    fn pack(&mut self) -> bool {
        self.xs.fill(0.0);
        // A chain of columns has at most as many links as there are columns. A column that still moves afterwards moves for
        // ever.
        for _ in 0..=self.xs.len() {
            let mut moved = false;
            for &(left, right, distance) in &self.apart {
                if self.xs[right] < self.xs[left] + distance {
                    self.xs[right] = self.xs[left] + distance;
                    moved = true;
                }
            }
            if !moved {
                return true;
            }
        }
        false
    }

    /// Moves columns towards their neighbours, together with the columns that they push, until no move gains.
    fn settled(mut self, layers: &Layers) -> Self {
        const MOST_ROUNDS: usize = 200;
        for _ in 0..MOST_ROUNDS {
            let mut moved = 0.0;
            for side in [1.0, -1.0] {
                for column in 0..self.xs.len() {
                    moved += self.push(layers, column, side);
                }
            }
            if moved < 1.0 {
                break;
            }
        }
        self
    }

    /// Moves a column and all that touch it on that side, if the group as a whole gains from it. Returns the distance.
    fn push(&mut self, layers: &Layers, column: usize, side: f64) -> f64 {
        const TOUCH: f64 = 0.001;
        let mut group = vec![column];
        let mut position = 0;
        while position < group.len() {
            for (other, _) in self.gaps(group[position], side).filter(|&(_, gap)| gap < TOUCH) {
                if !group.contains(&other) {
                    group.push(other);
                }
            }
            position += 1;
        }
        let wishes = group.iter().flat_map(|&member| self.wishes(layers, member));
        let Some(wish) = mean(wishes).map(|wish| wish * side).filter(|wish| *wish > TOUCH) else {
            return 0.0;
        };
        let room = group
            .iter()
            .flat_map(|&member| self.gaps(member, side))
            .filter(|(other, _)| !group.contains(other))
            .map(|(_, gap)| gap)
            .fold(wish, f64::min);
        for member in group {
            self.xs[member] += side * room;
        }
        room
    }

    /// The columns beside this one, and the room to each.
    fn gaps(&self, column: usize, side: f64) -> impl Iterator<Item = (usize, f64)> {
        self.apart.iter().filter_map(move |&(left, right, distance)| {
            let (this, other) = if side > 0.0 { (left, right) } else { (right, left) };
            (this == column && other != column).then(|| (other, self.xs[right] - self.xs[left] - distance))
        })
    }

    /// The distance to each neighbour of this column, with its weight.
    fn wishes(&self, layers: &Layers, column: usize) -> Vec<(f64, f64)> {
        let members = layers.vertices.iter().zip(&self.of_vertex).filter(|&(_, &of)| of == column);
        let neighbours = members.flat_map(|(vertex, _)| vertex.above.iter().chain(&vertex.below));
        neighbours
            .map(|&(other, weight)| (self.of_vertex[other], weight))
            .filter(|&(other, _)| other != column)
            .map(|(other, weight)| (self.xs[other] - self.xs[column], weight))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::graph::Detail;
    use super::*;

    #[test]
    fn no_two_states_overlap_and_every_way_leads_down_or_back() {
        let definition: serde_json::Value =
            serde_json::from_str(include_str!("../../../../../statemachine/trapheus.asl.json")).unwrap();
        let graph =
            Graph::of(&definition["States"], &[definition["StartAt"].as_str().unwrap()], &[], Detail::Everything);
        let layout = layout(&graph);
        for (position, a) in layout.places.iter().enumerate() {
            for b in &layout.places[position + 1..] {
                let apart_in_x = (a.x - b.x).abs() >= f64::midpoint(a.width, b.width);
                let apart_in_y = a.bottom() <= b.top || b.bottom() <= a.top;
                assert!(apart_in_x || apart_in_y, "{a:?} and {b:?}");
            }
        }
        for route in &layout.routes {
            match route {
                Route::Down { points, .. } => {
                    assert!(points.windows(2).all(|pair| pair[0].y <= pair[1].y), "{points:?}");
                }
                Route::Back { from, to, .. } => assert!(from.y >= to.y),
            }
        }
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let states = json!({
            "A": {"Type": "Task", "Next": "LongerName"},
            "LongerName": {"Type": "Choice", "Default": "A", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "C"}]},
            "C": {"Type": "Succeed"}
        });
        let layout = layout(&Graph::of(&states, &["A"], &[], Detail::Everything));
        assert!(layout.places.iter().all(|place| (place.x - layout.places[0].x).abs() < 0.01), "{:?}", layout.places);
        assert_eq!(layout.routes.iter().filter(|route| matches!(route, Route::Back { .. })).count(), 1);
    }

    #[test]
    fn a_choice_stands_midway_between_its_targets() {
        let states = json!({
            "A": {"Type": "Choice", "Default": "B", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "C"}]},
            "B": {"Type": "Succeed"},
            "C": {"Type": "Fail"}
        });
        let layout = layout(&Graph::of(&states, &["A"], &[], Detail::Everything));
        let [a, c, b] = &layout.places[..] else { panic!("three states") };
        assert!((a.x - f64::midpoint(b.x, c.x)).abs() < 0.1, "{:?}", layout.places);
        assert!((b.x - c.x).abs() > b.width);
    }
}
