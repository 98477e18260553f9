//! The allowed dependencies between the crates: no shipped crate depends on a tool, and no function on another function.
//! Also the facts that only one place may spell: names of states, and commands of the AWS CLI.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

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

/// The Rust files below a folder, with their text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            found.push((path, text));
        }
    }
    found
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")
}

/// The lines of code, without comments and without the tests at the end of a file.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    shipped.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The names after each `crate::` of a file: `{a, b}` of a list as well.
fn imports(text: &str) -> Vec<String> {
    let code: String = code(text).collect::<Vec<_>>().join("\n");
    let name = |text: &str| text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                found.extend(list.split('}').next().unwrap_or_default().split(',').map(|one| name(one.trim())));
            }
            None => found.push(name(rest)),
        }
    }
    found
}

/// The folders of the common crate from the lowest up, with the modules of each.
const LAYERS: [&str; 3] = ["contract", "runtime", "rds"];

#[test]
fn the_contract_knows_no_aws_client_and_no_layer_knows_the_one_above() {
    let common = crates().join("common/src");
    let mut below: Vec<String> = vec!["Error".into(), "ErrorKind".into(), "Result".into()];
    for layer in LAYERS {
        let files = sources(&common.join(layer));
        below.push(layer.to_owned());
        let modules =
            std::fs::read_dir(common.join(layer)).expect("a layer").map(|entry| entry.expect("an entry").path());
        below.extend(modules.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())));
        if layer == "runtime" {
            below.push("AwsFailure".to_owned());
        }
        for (path, text) in files {
            let above = imports(&text).into_iter().find(|name| !below.contains(name));
            assert_eq!(above, None, "{} is in the layer {layer}", path.display());
            // The SDK's plain types can write a moment as RFC 3339; they know no service.
            let knows_aws = |line: &str| {
                ["aws_sdk", "aws_config", "aws_smithy_runtime", "lambda_runtime"].iter().any(|name| line.contains(name))
            };
            let client = code(&text).find(|line| layer == "contract" && knows_aws(line)).map(str::to_owned);
            assert_eq!(client, None, "{}", path.display());
        }
    }
}

#[test]
fn no_modules_of_a_shipped_crate_import_each_other_in_a_circle() {
    let shared = ["common", "alert"].map(|name| crates().join(name));
    let functions = std::fs::read_dir(crates().join("functions")).expect("the functions");
    let functions = functions.map(|entry| entry.expect("an entry").path());
    for folder in shared.into_iter().chain(functions).map(|path| path.join("src")).filter(|path| path.exists()) {
        let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, text) in sources(&folder) {
            let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
            let module = stem(&path).filter(|stem| stem != "mod").or_else(|| stem(path.parent()?)).expect("a module");
            known.entry(module).or_default().extend(imports(&text));
        }
        let modules: Vec<String> = known.keys().filter(|name| *name != "lib").cloned().collect();
        for module in &modules {
            let mut reached: Vec<&String> = Vec::new();
            let mut next: Vec<&String> = known[module].iter().filter(|name| *name != module).collect();
            while let Some(name) = next.pop() {
                if !reached.contains(&name) && modules.contains(name) {
                    reached.push(name);
                    next.extend(&known[name]);
                }
            }
            assert!(!reached.contains(&module), "{}: {module} imports itself through {reached:?}", folder.display());
        }
    }
}

/// Every name of a state of the state machine, in quotes.
fn quoted_states() -> Vec<String> {
    fn collect(machine: &Value, found: &mut Vec<String>) {
        for (name, state) in machine["States"].as_object().expect("a machine has states") {
            found.push(format!("\"{name}\""));
            state["Branches"].as_array().into_iter().flatten().for_each(|branch| collect(branch, found));
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(include_str!("../../statemachine/trapheus.asl.json")).expect("JSON"), &mut found);
    found
}

/// The lines of code below `crates/`, tests and examples excepted, each with its file.
fn lines_of_code() -> Vec<(PathBuf, String)> {
    let files =
        sources(&crates()).into_iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "src"));
    let lines =
        |(path, text): (PathBuf, String)| code(&text).map(|line| (path.clone(), line.to_owned())).collect::<Vec<_>>();
    files.flat_map(lines).collect()
}

#[test]
fn no_code_spells_the_name_of_a_state() {
    let states = quoted_states();
    assert!(states.len() > 100, "{states:?}");
    for (path, line) in lines_of_code() {
        let named = states.iter().find(|state| line.contains(state.as_str()));
        assert_eq!(named, None, "the definition knows it, and `steps` finds it: {}", path.display());
    }
}

#[test]
fn only_one_module_of_the_shipped_crates_builds_commands_of_the_aws_cli() {
    // The table of causes names operations, without a value that needs quotes.
    let may = ["common/src/contract/commands.rs", "common/src/contract/causes.rs"];
    let is_shipped =
        |path: &Path| !path.starts_with(crates().join("tools")) && !may.iter().any(|own| path.ends_with(own));
    for (path, line) in lines_of_code().into_iter().filter(|(path, _)| is_shipped(path)) {
        let builds = ["aws rds", "aws stepfunctions", "--db-instance-identifier {", "--db-cluster-identifier {"];
        assert!(!builds.iter().any(|part| line.contains(part)), "{}: {line}", path.display());
    }
}
