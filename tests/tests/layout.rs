//! The allowed dependencies between the crates: no shipped crate depends on a tool, and no function on another function.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The packages of a folder below `crates/`, each with its dependencies in this workspace.
fn dependencies(folder: &str) -> BTreeMap<String, Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(folder);
    let folders = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let manifests = folders.map(|entry| entry.expect("a folder").path().join("Cargo.toml"));
    manifests.filter(|manifest| manifest.exists()).map(|manifest| package(&manifest)).collect()
}

fn package(manifest: &PathBuf) -> (String, Vec<String>) {
    let text = std::fs::read_to_string(manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    let name = text.lines().find_map(|line| line.strip_prefix("name = ")).expect("a name").trim_matches('"').to_owned();
    let shipped = text.split("[dependencies]").nth(1).unwrap_or_default().split("\n[").next().unwrap_or_default();
    let names = shipped.lines().filter_map(|line| line.split(['.', ' ']).next());
    let own = |name: &&str| name.starts_with("trapheus-") || OUTSIDE.contains(name);
    (name, names.filter(own).map(str::to_owned).collect())
}

/// Packages without the prefix of the workspace, because they do not depend on Trapheus.
const OUTSIDE: [&str; 2] = ["rds-simulator", "states-language"];
/// Packages that functions may depend on.
const SHARED: [&str; 2] = ["trapheus-common", "trapheus-alert"];

#[test]
fn no_function_depends_on_another_or_on_a_tool() {
    let functions = dependencies("functions");
    assert!(functions.len() >= 13, "{functions:?}");
    for (function, dependencies) in functions {
        let other = dependencies.iter().find(|dependency| !SHARED.contains(&dependency.as_str()));
        assert_eq!(other, None, "{function} may depend on {SHARED:?} only");
    }
}

#[test]
fn the_shared_crates_depend_on_neither_functions_nor_tools() {
    let shared = dependencies("");
    assert_eq!(shared["trapheus-common"], [""; 0]);
    assert_eq!(shared["trapheus-alert"], ["trapheus-common"]);
}

#[test]
fn the_simulator_and_the_interpreter_do_not_depend_on_the_functions() {
    let tools = dependencies("tools");
    for tool in OUTSIDE {
        assert_eq!(tools[tool], [""; 0], "{tool}");
    }
}
