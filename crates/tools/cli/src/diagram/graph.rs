//! The part of a definition that a picture shows.
//!
//! Every Task of the machine has a `Catch`, and an arrow for each would hide the rest. A Task with a `Catch` therefore
//! bears a dot. A state that catches for several gets one arrow for all of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// How much of the machine a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Every state; branches of a Parallel drawn inside it.
    Everything,
    /// A step, its wait and the Choice behind it as one state; a Parallel as one state.
    Overview,
}

/// The shape of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Task,
    Choice,
    Pass,
    Parallel,
    Succeed,
    Fail,
    /// A state of another picture.
    Elsewhere,
}

/// A state.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) comment: Option<String>,
    /// A second line under the name.
    pub(super) remark: Option<String>,
    /// Whether its failures are caught by a state that catches for many.
    pub(super) catches: bool,
    /// Whether it catches for many states, drawn as one arrow.
    pub(super) is_caught_into: bool,
    pub(super) branches: Vec<Graph>,
}

/// A way from one state to another.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
    /// Taken after a failure.
    pub(super) is_catch: bool,
}

/// States and the ways between them, in the order of their discovery.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    /// The state that catches the failures of dotted states, if the picture does not show it.
    pub(super) fails_into: Option<String>,
}

impl Graph {
    /// The states reached from `from`, with those in `until` only as signposts.
    pub(super) fn of(states: &Value, from: &[&str], until: &[&str], detail: Detail) -> Self {
        let empty = Map::new();
        let states = states.as_object().unwrap_or(&empty);
        let mut walk = Walk { states, until, detail, graph: Self::default(), index: BTreeMap::new() };
        for name in from {
            walk.visit(name);
        }
        walk.follow_catches();
        walk.graph
    }
}

struct Walk<'a> {
    states: &'a Map<String, Value>,
    until: &'a [&'a str],
    detail: Detail,
    graph: Graph,
    index: BTreeMap<&'a str, usize>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, name: &str) -> usize {
        if let Some(&known) = self.index.get(name) {
            return known;
        }
        let Some((name, state)) = self.states.get_key_value(name) else {
            return self.add(signpost(name));
        };
        let is_elsewhere = self.until.contains(&name.as_str());
        let collapsed = (self.detail == Detail::Overview).then(|| self.behind_the_wait(name, state)).flatten();
        let index = self.add(if is_elsewhere { signpost(name) } else { self.node(name, state, collapsed.is_some()) });
        self.index.insert(name, index);
        if !is_elsewhere {
            let ways = collapsed.map_or_else(|| ways(state), |next| vec![(next, String::new())]);
            for (target, label) in ways {
                let to = self.visit(target);
                self.graph.edges.push(Edge { from: index, to, label, is_catch: false });
            }
        }
        index
    }

    fn add(&mut self, node: Node) -> usize {
        self.graph.nodes.push(node);
        self.graph.nodes.len() - 1
    }

    fn node(&self, name: &str, state: &Value, repeats: bool) -> Node {
        let branches = state["Branches"].as_array().map(Vec::as_slice).unwrap_or_default();
        let starts = || branches.iter().filter_map(|branch| branch["StartAt"].as_str());
        let is_open = self.detail == Detail::Everything;
        let remark = match () {
            () if repeats => Some("↻ waits until complete".to_owned()),
            () if !branches.is_empty() && !is_open => Some(starts().collect::<Vec<_>>().join(" ∥ ")),
            () => None,
        };
        Node {
            name: name.to_owned(),
            shape: match state["Type"].as_str().unwrap_or_default() {
                "Choice" => Shape::Choice,
                "Pass" => Shape::Pass,
                "Parallel" => Shape::Parallel,
                "Succeed" => Shape::Succeed,
                "Fail" => Shape::Fail,
                _ => Shape::Task,
            },
            comment: state["Comment"].as_str().map(str::to_owned),
            remark,
            catches: false,
            is_caught_into: false,
            branches: if is_open {
                starts()
                    .zip(branches)
                    .map(|(start, branch)| Graph::of(&branch["States"], &[start], &[], self.detail))
                    .collect()
            } else {
                Vec::new()
            },
        }
    }

    /// The state that follows a step, its wait and the Choice that leads back to both.
    fn behind_the_wait(&self, name: &str, state: &'a Value) -> Option<&'a str> {
        let wait = state["Next"].as_str()?;
        let choice = self.states.get(wait)?["Next"].as_str()?;
        let choice = self.states.get(choice).filter(|choice| choice["Type"] == "Choice")?;
        let targets: Vec<&str> = ways(choice).into_iter().map(|(target, _)| target).collect();
        let mut onward = targets.iter().copied().filter(|target| *target != name && *target != wait);
        let next = onward.next()?;
        (targets.contains(&name) && targets.contains(&wait) && onward.next().is_none()).then_some(next)
    }

    /// Adds the states that only a failure reaches, and draws the ways to them as arrows or dots.
    fn follow_catches(&mut self) {
        let mut sources: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
        // A state that catches a failure may itself fail, so this list grows.
        let mut position = 0;
        while position < self.graph.nodes.len() {
            let node = &self.graph.nodes[position];
            let state = self.states.get(&node.name).filter(|_| node.shape != Shape::Elsewhere);
            for catch in state.and_then(|state| state["Catch"].as_array()).into_iter().flatten() {
                let Some(target) = catch["Next"].as_str() else { continue };
                if self.until.contains(&target) && !self.index.contains_key(target) {
                    self.graph.nodes[position].catches = true;
                    self.graph.fails_into = Some(target.to_owned());
                } else {
                    self.visit(target);
                    sources.entry(target).or_default().push(position);
                }
            }
            position += 1;
        }
        for (target, from) in sources {
            let to = self.index[target];
            let leads_there = |graph: &Graph, from| graph.edges.iter().any(|edge| (edge.from, edge.to) == (from, to));
            match from.as_slice() {
                [only] if leads_there(&self.graph, *only) => {
                    self.graph.nodes[*only].remark.get_or_insert_with(|| "goes on even if it fails".to_owned());
                }
                [only] => {
                    self.graph.edges.push(Edge { from: *only, to, label: "fails".to_owned(), is_catch: true });
                }
                many => {
                    self.graph.nodes[to].is_caught_into = true;
                    for &node in many {
                        self.graph.nodes[node].catches = true;
                    }
                }
            }
        }
    }
}

fn signpost(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        shape: Shape::Elsewhere,
        comment: None,
        remark: None,
        catches: false,
        is_caught_into: false,
        branches: Vec::new(),
    }
}

/// The next states if a state does not fail, each once.
fn ways(state: &Value) -> Vec<(&str, String)> {
    let mut ways: Vec<(&str, String)> = Vec::new();
    let choices = state["Choices"].as_array().into_iter().flatten();
    let choices = choices.filter_map(|rule| Some((rule["Next"].as_str()?, condition(rule))));
    let default = state["Default"].as_str().map(|target| (target, "otherwise".to_owned()));
    let next = state["Next"].as_str().map(|target| (target, String::new()));
    for (target, label) in choices.chain(default).chain(next) {
        match ways.iter_mut().find(|(known, _)| *known == target) {
            Some((_, known)) => *known = format!("{known} or {label}"),
            None => ways.push((target, label)),
        }
    }
    ways
}

/// A Choice rule in a few words: the last part of each path, and its required value.
fn condition(rule: &Value) -> String {
    let all = |key: &str, between: &str| {
        rule[key].as_array().map(|rules| rules.iter().map(condition).collect::<Vec<_>>().join(between))
    };
    if let Some(text) = all("And", " and ").or_else(|| all("Or", " or ")) {
        return text;
    }
    if rule["Not"].is_object() {
        let inner = condition(&rule["Not"]);
        return format!("no {}", inner.strip_prefix("has ").unwrap_or(&inner));
    }
    let subject = rule["Variable"].as_str().and_then(|path| path.rsplit('.').next()).unwrap_or_default();
    let is_test = |key: &str| !["Variable", "Next", "Comment"].contains(&key);
    match rule.as_object().into_iter().flatten().find(|(key, _)| is_test(key)) {
        Some((key, Value::Bool(true))) if key == "IsPresent" => format!("has {subject}"),
        // `TASK_COMPLETE` and `TASK_PENDING` are the words of a wait.
        Some((_, Value::String(wanted))) => {
            wanted.strip_prefix("TASK_").map_or_else(|| wanted.clone(), str::to_ascii_lowercase)
        }
        Some((_, Value::Bool(false))) => format!("no {subject}"),
        Some((_, Value::Bool(true))) | None => subject.to_owned(),
        Some((_, wanted)) => format!("{subject} {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_reads_in_a_few_words() {
        for (rule, words) in [
            (json!({"Variable": "$.task", "StringEquals": "db_restore", "Next": "X"}), "db_restore"),
            (json!({"Variable": "$.isCluster", "BooleanEquals": true}), "isCluster"),
            (json!({"Variable": "$.verification", "IsPresent": true}), "has verification"),
            (json!({"Not": {"Variable": "$.claim", "IsPresent": true}}), "no claim"),
            (
                json!({"And": [{"Variable": "$.a.task", "StringEquals": "TASK_COMPLETE"}, {"Variable": "$.a.more", "BooleanEquals": true}]}),
                "complete and more",
            ),
        ] {
            assert_eq!(condition(&rule), words);
        }
    }

    #[test]
    fn many_catches_become_one_dot_and_a_single_catch_an_arrow() {
        let catch = |next: &str| json!([{"ErrorEquals": ["States.ALL"], "Next": next}]);
        let states = json!({
            "A": {"Type": "Task", "Next": "B", "Catch": catch("Many")},
            "B": {"Type": "Task", "Next": "C", "Catch": catch("Many")},
            "C": {"Type": "Task", "End": true, "Catch": catch("One")},
            "Many": {"Type": "Pass", "End": true},
            "One": {"Type": "Pass", "End": true}
        });
        let graph = Graph::of(&states, &["A"], &[], Detail::Everything);
        let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["A", "B", "C", "Many", "One"]);
        assert!(graph.nodes[3].is_caught_into && !graph.nodes[4].is_caught_into);
        let catches: Vec<_> =
            graph.edges.iter().filter(|edge| edge.is_catch).map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(catches, [(2, 4)]);
    }

    #[test]
    fn an_overview_folds_a_step_with_its_wait() {
        let states = json!({
            "Step": {"Type": "Task", "Next": "Wait"},
            "Wait": {"Type": "Task", "Next": "Ready"},
            "Ready": {"Type": "Choice", "Default": "Wait", "Choices": [
                {"Variable": "$.more", "BooleanEquals": true, "Next": "Step"},
                {"Variable": "$.task", "StringEquals": "TASK_COMPLETE", "Next": "End"}
            ]},
            "End": {"Type": "Succeed"}
        });
        let names = |detail| -> Vec<String> {
            Graph::of(&states, &["Step"], &[], detail).nodes.into_iter().map(|node| node.name).collect()
        };
        assert_eq!(names(Detail::Overview), ["Step", "End"]);
        assert_eq!(names(Detail::Everything), ["Step", "Wait", "Ready", "End"]);
    }
}
