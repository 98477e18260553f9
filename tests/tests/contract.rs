//! Checks the contract between the state machine and the functions on the definition itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use trapheus_common::ErrorKind;
use trapheus_common::document::Task;
use trapheus_common::functions::{self, PipelineStep};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::input::ValidateOptions;
use trapheus_common::poll::PollPolicy;
use trapheus_common::tags::{OURS, Role};
use trapheus_tests::EXECUTION;

const DEFINITION: &str = include_str!("../../statemachine/trapheus.asl.json");
const TEMPLATE: &str = include_str!("../../template.yaml");

fn definition() -> Value {
    serde_json::from_str(DEFINITION).expect("the definition is JSON")
}

/// Every state of the machine and of the machines nested in it, by name.
fn states() -> BTreeMap<String, Value> {
    fn collect(machine: &Value, found: &mut BTreeMap<String, Value>) {
        for (name, state) in machine["States"].as_object().expect("a machine has states") {
            for branch in state["Branches"].as_array().into_iter().flatten() {
                collect(branch, found);
            }
            let twice = found.insert(name.clone(), state.clone());
            assert!(twice.is_none(), "{name} is defined twice");
        }
    }
    let mut found = BTreeMap::new();
    collect(&definition(), &mut found);
    found
}

fn of_type(kind: &str) -> BTreeMap<String, Value> {
    states().into_iter().filter(|(_, state)| state["Type"] == kind).collect()
}

/// Collects the strings of all lists under a key, at any depth.
fn strings_under(key: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if name == key {
                    found.extend(inner.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
                }
                strings_under(key, inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings_under(key, item, found)),
        _ => {}
    }
}

/// All tasks except those that only wake a function.
fn working_tasks() -> BTreeMap<String, Value> {
    of_type("Task").into_iter().filter(|(name, _)| !name.starts_with("Wake")).collect()
}

#[test]
fn every_task_keeps_the_document_of_earlier_states() {
    for (name, state) in working_tasks() {
        // A recovery writes the whole document of the execution that it completes, so its own input is replaced too.
        let path = state["ResultPath"].as_str().unwrap_or_default();
        assert!(path.starts_with("$.") || name == "FindInterruptedExecution", "{name} has no ResultPath of its own");
        for catch in state["Catch"].as_array().unwrap_or_else(|| panic!("{name} catches nothing")) {
            let path = catch["ResultPath"].as_str().unwrap_or_default();
            assert!(path.starts_with("$."), "{name} catches without a ResultPath");
        }
    }
}

/// Errors of Lambda that pass by themselves, by the reference of Lambda's Invoke. Denials do not pass.
const TRANSIENT: [&str; 16] = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ResourceNotReadyException",
    "Lambda.ResourceConflictException",
    "Lambda.ENINotReadyException",
    "Lambda.ENILimitReachedException",
    "Lambda.SubnetIPAddressLimitReachedException",
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
    "Lambda.CodeArtifactUserPendingException",
    "Lambda.KMSDisabledException",
    "Lambda.KMSInvalidStateException",
    "Lambda.KMSNotFoundException",
];
/// The transient errors after which the function may have worked, because only its answer was lost.
const UNCERTAIN: [&str; 4] = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
];
/// Errors of a function that ended without an answer.
const CRASHES: [&str; 2] = ["Lambda.Unknown", "Runtime.ExitError"];

/// Whether no later step repeats this task after its failure: the search of a recovery, the rollback, the alerts.
fn is_last_resort(name: &str) -> bool {
    let definition = definition();
    let mut names = BTreeSet::new();
    for parallel in ["FailedState", "FinalAlerts"] {
        for branch in definition["States"][parallel]["Branches"].as_array().expect("branches") {
            names.extend(branch["States"].as_object().expect("states").keys().cloned());
        }
    }
    name == "FindInterruptedExecution" || names.contains(name)
}

/// The mean total time of a retrier, in seconds. Full jitter takes half of each interval on average.
fn mean_patience(retrier: &Value) -> f64 {
    let number = |key: &str| retrier[key].as_f64().unwrap_or(f64::INFINITY);
    let mut interval = number("IntervalSeconds");
    let mut sum = 0.0;
    for _ in 0..retrier["MaxAttempts"].as_u64().expect("a number of attempts") {
        sum += interval.min(number("MaxDelaySeconds")) / 2.0;
        interval *= number("BackoffRate");
    }
    sum
}

#[test]
fn every_task_is_retried_by_one_rule_and_catches_everything() {
    for (name, state) in of_type("Task") {
        let last_resort = is_last_resort(&name);
        let retriers = state["Retry"].as_array().expect("a list of retriers");
        let of = |error: &str| {
            let is_named = |retrier: &&Value| retrier["ErrorEquals"].as_array().unwrap().contains(&json!(error));
            retriers.iter().find(is_named).unwrap_or_else(|| panic!("{name} gives up at {error}"))
        };
        // A sleeping function in a VPC may take ten minutes to wake. A rollback retries for half an hour.
        let least = if last_resort { 1_800.0 } else { 600.0 };
        let sends = is_alert(&state) && !name.starts_with("Wake");
        for error in TRANSIENT.into_iter().filter(|error| !(sends && UNCERTAIN.contains(error))) {
            assert!(mean_patience(of(error)) >= least, "{name} gives up too soon at {error}");
        }
        for error in ["RateExceededException", "ServiceUnavailableException"] {
            assert!(!last_resort || mean_patience(of(error)) >= 1_800.0, "{name} gives up too soon at {error}");
        }
        for error in CRASHES {
            let crash = of(error);
            if sends {
                assert_eq!(crash, of("UnansweredException"), "{name}");
            } else if last_resort {
                assert_eq!(crash, of(TRANSIENT[0]), "{name}");
            } else {
                assert_eq!(crash["MaxAttempts"], 3, "{name}");
            }
        }
        for error in ["Sandbox.Timedout", "States.Timeout"] {
            assert!(of(error)["MaxAttempts"].as_u64().is_some_and(|most| most <= 3), "{name} may hang for long");
        }
        for denial in ["Lambda.EC2AccessDeniedException", "Lambda.KMSAccessDeniedException", "AccessDeniedException"] {
            assert!(!state["Retry"].to_string().contains(denial), "{name}");
        }
        for retrier in retriers {
            assert_eq!(retrier["JitterStrategy"], "FULL", "{name}");
        }
        assert!(state["TimeoutSeconds"].is_u64(), "{name} may hang");
    }
    for (name, state) in working_tasks() {
        assert_eq!(state["Catch"][0]["ErrorEquals"], json!(["States.ALL"]), "{name}");
    }
}

/// Neither SES nor Slack recognises a repeated message. The function makes one call that may send the message. Neither the SDK
/// nor the function repeats it (`tests/handlers/email.rs`, `tests/handlers/slack.rs`). So each call of the function sends one
/// message at most. This test counts the calls that may send one: the first call, and the attempts of every retrier whose error
/// does not exclude a sent message.
#[test]
fn an_alert_is_sent_three_times_at_most() {
    let ours = [ErrorKind::Unanswered.name()];
    let may_have_sent =
        || UNCERTAIN.into_iter().chain(CRASHES).chain(["Sandbox.Timedout", "States.Timeout"]).chain(ours);
    let alerts: Vec<_> = working_tasks().into_iter().filter(|(_, state)| is_alert(state)).collect();
    assert_eq!(alerts.len(), 8, "mail and Slack, of a failure, of its end, of an export and of a success");
    for (name, state) in alerts {
        let is_uncertain = |retrier: &&Value| {
            let errors = retrier["ErrorEquals"].as_array().expect("a list of errors").iter().filter_map(Value::as_str);
            errors.into_iter().any(|error| may_have_sent().any(|uncertain| uncertain == error) || error == "States.ALL")
        };
        let uncertain: Vec<&Value> =
            state["Retry"].as_array().expect("a list of retriers").iter().filter(is_uncertain).collect();
        let attempts: u64 = uncertain.iter().map(|retrier| retrier["MaxAttempts"].as_u64().expect("a number")).sum();
        assert_eq!(1 + attempts, 3, "{name}");
        let [retrier] = uncertain[..] else { panic!("{name} counts attempts in several retriers") };
        for error in may_have_sent() {
            assert!(retrier["ErrorEquals"].as_array().unwrap().contains(&json!(error)), "{name} gives up at {error}");
        }
        // The last try comes late enough to outlast a short failure. It comes early enough for the recovery, which begins only
        // after the execution's end.
        let last = retrier["IntervalSeconds"].as_u64().unwrap() * retrier["BackoffRate"].as_u64().unwrap();
        assert!((60..=120).contains(&last), "the last try of {name} comes after {last} s");
        let parallel = definition();
        for parallel in
            ["FailedState", "FinalAlerts", "SuccessNotices", "ExportAlerts"].map(|name| &parallel["States"][name])
        {
            assert!(parallel["Retry"].is_null(), "a retried parallel state sends every alert again");
        }
    }
}

#[test]
fn the_functions_of_rollback_recovery_and_alerts_are_woken_before_any_change() {
    let definition = definition();
    let wake = &definition["States"]["WakeFunctions"];
    let woken: BTreeSet<String> = wake["Branches"]
        .as_array()
        .expect("branches")
        .iter()
        .flat_map(|branch| branch["States"].as_object().expect("states").values())
        .map(|state| {
            assert_eq!((&state["Parameters"], &state["ResultPath"]), (&json!({"wake": true}), &Value::Null));
            state["Resource"].as_str().expect("a function").to_owned()
        })
        .collect();
    let mut needed = BTreeSet::new();
    for parallel in ["FailedState", "FinalAlerts"] {
        strings_of("Resource", &definition["States"][parallel], &mut needed);
    }
    needed.insert("${RecoverFunctionArn}".to_owned());
    assert_eq!(woken, needed);
    assert_eq!(definition["States"]["ValidateInput"]["Next"], "WakeFunctions");
    assert_eq!(wake["Next"], "ShouldRestoreClusterOrInstance");
    assert_eq!((&wake["ResultPath"], &wake["Catch"][0]["ErrorEquals"]), (&Value::Null, &json!(["States.ALL"])));
}

/// Collects the string values of a key, at any depth.
fn strings_of(key: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|inner| strings_of(key, inner, found));
        }
        Value::Array(items) => items.iter().for_each(|item| strings_of(key, item, found)),
        _ => {}
    }
}

/// Whether a state only sends an alert.
fn is_alert(state: &Value) -> bool {
    ["${EmailFunctionArn}", "${SlackFunctionArn}"].iter().any(|function| state["Resource"] == *function)
}

/// Whether a task changes something in a rollback. Such a task is retried for longer, because no later step repeats it.
fn is_persistent(name: &str) -> bool {
    ["DiscardFailed", "RevertOld", "DiscardDbInstance", "DiscardCluster"].iter().any(|step| name.starts_with(step))
}

#[test]
fn the_rollback_retries_renames_and_deletions_that_a_run_does_not() {
    for (name, state) in of_type("Task") {
        let last = state["Retry"].as_array().and_then(|retriers| retriers.last()).expect("a retrier");
        let tries_again = last["ErrorEquals"] == json!(["RenameException", "DeletionException"]);
        assert_eq!(tries_again, is_persistent(&name), "{name}");
        assert_eq!(last["JitterStrategy"], "FULL", "{name}");
    }
}

#[test]
fn a_preflight_without_a_connection_gives_up_soon() {
    for name in ["PreflightDbInstance", "PreflightCluster"] {
        let first = &states()[name]["Retry"][0];
        assert_eq!(first["ErrorEquals"], json!([ErrorKind::EndpointUnreachable.name()]), "{name}");
        assert_eq!(first["MaxAttempts"], 2, "{name}");
    }
}

#[test]
fn every_error_name_is_one_that_a_function_or_aws_raises() {
    let aws: BTreeSet<&str> =
        TRANSIENT.into_iter().chain(CRASHES).chain(["Sandbox.Timedout", "States.ALL", "States.Timeout"]).collect();
    let ours: BTreeSet<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
    let mut named = BTreeSet::new();
    strings_under("ErrorEquals", &definition(), &mut named);
    for name in &named {
        assert!(aws.contains(name.as_str()) || ours.contains(name.as_str()), "no code raises {name}");
    }
}

#[test]
fn exactly_the_retryable_errors_are_retried() {
    let mut retried = BTreeSet::new();
    for (_, state) in of_type("Task").iter().filter(|(name, _)| !is_persistent(name)) {
        strings_under("ErrorEquals", &state["Retry"], &mut retried);
    }
    for kind in ErrorKind::ALL {
        assert_eq!(retried.contains(kind.name()), kind.retryable(), "{}", kind.name());
    }
}

#[test]
fn both_branches_know_every_task_that_an_input_may_name() {
    let states = states();
    for choice in ["ShouldTakeDbSnapshot", "ShouldTakeClusterSnapshot"] {
        let text = states[choice].to_string();
        for task in Task::ALL {
            assert!(text.contains(&format!("\"{}\"", task.name())), "{choice} does not know {}", task.name());
        }
        assert!(states[choice].get("Default").is_none(), "{choice} runs something for an unknown task");
    }
}

/// The text of the cluster branch for this text of the instance branch.
fn twin(text: &str) -> String {
    [
        ("DbInstance", "Cluster"),
        ("DbSnapshot", "ClusterSnapshot"),
        ("DbUpdate", "ClusterUpdate"),
        ("StartSnapshot", "StartClusterSnapshot"),
        ("InstanceFunctionArn", "ClusterFunctionArn"),
        ("database", "cluster"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (instance, cluster)| text.replace(instance, cluster))
}

#[test]
fn the_two_branches_mirror_each_other() {
    let states = states();
    let is_instance = |name: &str| name != twin(name) && !name.starts_with("Wake");
    let instance: Map<String, Value> = states
        .iter()
        .filter(|(name, _)| is_instance(name))
        .map(|(name, state)| (name.clone(), state.clone()))
        .collect();
    assert!(instance.len() > 25, "the instance branch has only {} states", instance.len());
    let mirrored: Value = serde_json::from_str(&twin(&Value::Object(instance).to_string())).expect("still JSON");
    let cluster: Map<String, Value> = states
        .into_iter()
        .filter(|(name, _)| name.contains("Cluster") && name != "ShouldRestoreClusterOrInstance")
        .filter(|(name, _)| !name.starts_with("Wake"))
        .collect();
    for (name, state) in mirrored.as_object().expect("an object") {
        assert_eq!(cluster.get(name), Some(state), "{name}");
    }
    assert_eq!(cluster.len(), mirrored.as_object().expect("an object").len());
}

/// The function that a task calls.
fn function_of(task: &Value) -> Option<&'static str> {
    functions::names().find(|function| task["Resource"] == format!("${{{}}}", functions::substitution(function)))
}

/// Whether the function's step comes after the commit. Such a step finishes the run even after a redrive.
fn is_after_commit(function: &str) -> bool {
    let place = |wanted: &str| functions::STEPS.iter().position(|step| step.functions.contains(&wanted));
    place(function) > place("commit-instance")
}

#[test]
fn a_step_before_the_end_of_the_commit_gets_the_context_object_and_the_rollback_does_not() {
    let mut told = 0;
    for (name, task) in working_tasks() {
        if task["Parameters"].get("plan.$").is_none() {
            continue;
        }
        let is_of_the_run = definition()["States"].get(&name).is_some();
        let is_late = function_of(&task).is_some_and(is_after_commit);
        // A step with the rollback's deadline gets the context object only for that deadline.
        if task["Parameters"].get("rollbackStartedAt.$").is_some() {
            assert!(!is_of_the_run, "{name}");
            continue;
        }
        let expected = if is_of_the_run && !is_late { json!("$$.Execution") } else { Value::Null };
        assert_eq!(task["Parameters"]["execution.$"], expected, "{name}");
        told += usize::from(!expected.is_null());
    }
    assert!(told >= 12, "only {told} steps get the context object");
}

#[test]
fn every_wait_is_repeated_until_it_is_complete() {
    for (name, state) in of_type("Choice") {
        let text = state.to_string();
        if text.contains("TASK_COMPLETE") {
            let waits = state["Default"].as_str().unwrap_or_default();
            assert!(waits.contains("Status"), "{name} continues with {waits} while the task is pending");
        }
    }
}

#[test]
fn a_failure_ends_failed_with_the_first_error() {
    let states = states();
    assert_eq!(states["RestorePipelineFailed"]["Type"], "Fail");
    assert_eq!(states["RestorePipelineFailed"]["ErrorPath"], "$.error.Error");
    assert_eq!(states["RestorePipelineFailed"]["CausePath"], "$.error.Cause");
    let ends: Vec<String> = of_type("Succeed").into_keys().collect();
    assert_eq!(ends, ["RestorePipelineComplete"]);
}

#[test]
fn every_alert_is_sent_by_mail_and_to_slack_and_stops_nothing() {
    let definition = definition();
    let states = states();
    for (parallel, phase, sent, posted, next) in [
        ("FailedState", "first", "SendFailureAlert", "PostFailureAlert", "FinalAlerts"),
        ("FinalAlerts", "final", "SendFinalAlert", "PostFinalAlert", "HasRecovered"),
        ("SuccessNotices", "success", "SendSuccessNotice", "PostSuccessNotice", "ShouldDeleteOriginal"),
    ] {
        let parallel = &definition["States"][parallel];
        let starts: Vec<&Value> =
            parallel["Branches"].as_array().unwrap().iter().map(|branch| &branch["StartAt"]).collect();
        for (name, function) in [(sent, "${EmailFunctionArn}"), (posted, "${SlackFunctionArn}")] {
            assert!(starts.contains(&&json!(name)), "{name} does not start at once");
            let state = &states[name];
            assert_eq!(
                (&state["Resource"], &state["Parameters"]["phase"]),
                (&json!(function), &json!(phase)),
                "{name}"
            );
            let caught = state["Catch"][0]["Next"].as_str().expect("a state to catch in");
            assert_eq!((&states[caught]["Type"], &state["End"]), (&json!("Pass"), &json!(true)), "{name}");
        }
        assert_eq!(parallel["Catch"][0]["ErrorEquals"], json!(["States.ALL"]));
        assert_eq!((&parallel["Catch"][0]["Next"], &parallel["Next"]), (&json!(next), &json!(next)));
    }
}

#[test]
fn neither_alert_nor_rollback_can_fail_the_failed_state() {
    let definition = definition();
    let failed_state = &definition["States"]["FailedState"];
    for branch in failed_state["Branches"].as_array().expect("branches") {
        for (name, state) in branch["States"].as_object().expect("states") {
            match state["Type"].as_str().expect("a type") {
                "Task" => {
                    // The last step but one may fail. The original is back by then, so its claim is released all the same.
                    let mut next = state["Catch"][0]["Next"].as_str().expect("a state to catch in");
                    if next.starts_with("Release") {
                        next = branch["States"][next]["Catch"][0]["Next"].as_str().expect("a state to catch in");
                    }
                    assert_eq!(branch["States"][next]["Type"], "Pass", "{name}");
                }
                "Choice" => assert!(state["Default"].is_string(), "{name} may choose nothing"),
                "Pass" => {}
                // A length from the document might be missing.
                "Wait" => assert!(state["Seconds"].is_u64(), "{name} waits for a length that may be missing"),
                other => panic!("{name} is a {other}, which may fail"),
            }
        }
    }
    assert_eq!(failed_state["Catch"][0]["ErrorEquals"], json!(["States.ALL"]));
}

#[test]
fn every_catch_that_begins_the_failure_handling_records_the_state_it_caught() {
    let definition = definition();
    let of_run = definition["States"].as_object().expect("states");
    for (name, state) in states() {
        for catch in state["Catch"].as_array().into_iter().flatten() {
            let handles = ["FailedState", "NoteSleepingFunction"].iter().any(|handler| catch["Next"] == *handler);
            let expected = match catch["Next"].as_str() {
                _ if handles && of_run.contains_key(&name) => json!({"failedState.$": "$$.State.Name"}),
                Some("RollbackIncomplete") => json!({"failedRollbackState.$": "$$.State.Name"}),
                _ => Value::Null,
            };
            assert_eq!(catch["Assign"], expected, "{name}");
        }
    }
    // Step Functions ends an execution if it reads a variable without a value.
    let first = definition["StartAt"].as_str().expect("a start");
    assert_eq!(of_run[first]["Assign"], json!({"failedState": ""}));
    for (name, state) in working_tasks().into_iter().filter(|(_, state)| is_alert(state)) {
        let of_failure = state["Parameters"]["phase"] == "first" || state["Parameters"]["phase"] == "final";
        let expected = if of_failure { json!("$failedState") } else { Value::Null };
        assert_eq!(state["Parameters"]["failedState.$"], expected, "{name}");
    }
    assert_eq!(states()["RollbackIncomplete"]["Parameters"], json!({"state.$": "$failedRollbackState"}));
}

#[test]
fn only_a_catch_leads_to_an_incomplete_rollback() {
    for (name, state) in states() {
        let is_next = |target: &Value| *target == "RollbackIncomplete";
        let choices = state["Choices"].as_array().into_iter().flatten().any(|choice| is_next(&choice["Next"]));
        assert!(!choices && !is_next(&state["Next"]) && !is_next(&state["Default"]), "{name}");
    }
}

#[test]
fn every_step_of_a_run_writes_the_document_key_of_its_function() {
    let of_run = definition()["States"].as_object().cloned().expect("states");
    let mut written = BTreeSet::new();
    for (name, state) in of_run.iter().filter(|(_, state)| state["Type"] == "Task") {
        let function = function_of(state).unwrap_or_else(|| panic!("{name} calls {}", state["Resource"]));
        let path = state["ResultPath"].as_str();
        match PipelineStep::of_function(function).key {
            Some(key) => assert_eq!(path, Some(format!("$.{key}")).as_deref(), "{name}"),
            // A recovery writes a whole document.
            None if function == "recover" => assert_eq!(path, None),
            None => assert!(path.is_some_and(|path| path.strip_suffix(".wait").is_some()), "{name} writes {path:?}"),
        }
        written.insert(function);
    }
    let with_key = functions::names().filter(|function| PipelineStep::of_function(function).key.is_some());
    assert_eq!(with_key.filter(|function| !written.contains(function)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_keys_of_the_document_are_those_that_the_state_machine_writes() {
    let mut paths = BTreeSet::new();
    strings_of("ResultPath", &definition(), &mut paths);
    let first = |path: &str| path.trim_start_matches("$.").split('.').next().unwrap_or_default().to_owned();
    let mut written: BTreeSet<String> = paths.iter().map(|path| first(path)).collect();
    // The result of a branch that sends an alert, and no key of the document.
    assert!(written.remove("alert"));
    // A recovery writes a whole document, with the key of its own.
    written.insert("recovery".to_owned());
    assert_eq!(written, functions::keys().map(str::to_owned).collect());
}

/// The text after each occurrence of `start` in the template, up to a character that belongs to neither a name nor a pattern.
fn words_after(start: &str) -> BTreeSet<&'static str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-?:".contains(c);
    let rest = TEMPLATE.match_indices(start).map(|(at, _)| &TEMPLATE[at + start.len()..]);
    rest.map(|rest| rest.split(|c| !is_part(c)).next().unwrap_or_default().trim_end_matches(':')).collect()
}

#[test]
fn the_permissions_name_the_tags_and_roles_that_the_functions_write() {
    let mut keys = words_after("aws:RequestTag/");
    keys.extend(words_after("aws:ResourceTag/"));
    // A person gives a database this tag.
    assert!(keys.remove("trapheus:allowed"));
    assert_eq!(keys.iter().find(|key| !OURS.contains(key)), None);
    let [execution, role, _] = OURS;
    assert!(keys.contains(execution) && keys.contains(role));

    let mut roles = BTreeSet::new();
    for line in TEMPLATE.lines() {
        for (_, value) in line.match_indices(role).map(|(at, _)| line.split_at(at + role.len())) {
            let Some(value) = value.strip_prefix(": ").filter(|value| !value.starts_with('*')) else { continue };
            // An anchor comes before the value, and one value needs no brackets.
            let value = if value.starts_with('&') { value.split_once(' ').expect("a value").1 } else { value };
            let end = if value.starts_with('[') { "]" } else { ",}" };
            let values = value.trim_start_matches('[').split(|c| end.contains(c)).next().expect("a value");
            roles.extend(values.split(", "));
        }
    }
    let known = [Role::Original, Role::Restored, Role::Verified, Role::Snapshot];
    assert_eq!(roles, known.map(Role::value).into());
}

/// Whether a name has the end that a pattern of the template names. `?` stands for one character.
fn has_end(name: &str, end: &str) -> bool {
    let Some(start) = name.len().checked_sub(end.len()) else { return false };
    name[start..].chars().zip(end.chars()).all(|(one, wanted)| wanted == '?' || one == wanted)
}

#[test]
fn the_permissions_name_the_ends_of_the_names_that_a_run_gives() {
    let mut ends = words_after(":*-");
    // RDS names the members of a Multi-AZ DB cluster.
    assert!(ends.remove("instance-?"));
    for kind in [DatabaseKind::Instance, DatabaseKind::Cluster] {
        let identifier = DatabaseIdentifier::parse(kind, "orders").expect("an identifier");
        let names = [
            identifier.parked(EXECUTION).to_string(),
            identifier.aside(EXECUTION).to_string(),
            identifier.snapshot(kind).expect("a short name").to_string(),
            identifier.replacement_snapshot(kind, EXECUTION).to_string(),
            identifier.final_snapshot_of(kind, EXECUTION).to_string(),
            identifier.discarded_snapshot_of(kind, EXECUTION).to_string(),
        ];
        for name in &names {
            assert!(ends.iter().any(|end| has_end(name, &format!("-{end}"))), "no permission covers {name}: {ends:?}");
        }
        let unused = ends.iter().find(|end| !names.iter().any(|name| has_end(name, &format!("-{end}"))));
        assert_eq!(unused, None, "{names:?}");
    }
}

/// The default of a parameter of the template.
fn default_of(parameter: &str) -> &'static str {
    let start = format!("\n  {parameter}: ");
    let (_, rest) = TEMPLATE.split_once(&start).unwrap_or_else(|| panic!("there is no parameter {parameter}"));
    let (_, default) = rest.split_once("Default: ").expect("a default");
    default.split([',', '\n', '}']).next().unwrap_or_default().trim_matches('\'')
}

#[test]
fn a_function_without_its_environment_has_the_defaults_of_the_template() {
    // No test sets the variables of a deployment.
    let ValidateOptions { run_seconds, export_snapshots, options } =
        ValidateOptions::from_environment().expect("defaults");
    let replacement = serde_json::to_value(options.snapshot_replacement).expect("a word");
    for (parameter, default) in [
        ("RunDeadlineSeconds", run_seconds.to_string()),
        ("RollbackDeadlineSeconds", options.rollback_seconds.to_string()),
        ("PollIntervalSeconds", PollPolicy::DEFAULT_SECONDS.to_string()),
        ("SnapshotReplacement", replacement.as_str().expect("a word").to_owned()),
        ("KeepAutomatedBackups", options.keep_automated_backups.to_string()),
        ("FinalSnapshot", options.final_snapshot.to_string()),
        ("ExportSnapshots", export_snapshots.to_string()),
        ("SuccessNotice", options.success_notice.to_string()),
    ] {
        assert_eq!(default_of(parameter), default, "{parameter}");
    }
}
