//! The user's input: from its JSON to a [`Request`], or one error with every problem. `ValidateInput` and a recovery parse
//! it.
//!
//! The parser refuses an unknown field rather than ignoring it: a misspelt field would otherwise silently change the run.
//! Every derived name has to fit for every task. So a run can restore each snapshot that another run has taken.

use crate::document::{ExportRequest, Request, RunOptions, Task, ValidateEvent};
use crate::error::listed;
use crate::identifiers::{DatabaseIdentifier, DatabaseKind, ExportIdentifier, IdentifierError, SnapshotIdentifier};
use crate::source_request::SourceRequest;
use crate::{Error, ErrorKind, Result, functions, identifiers};
use serde_json::{Map, Value};

/// The fields a user may give; the first [`REQUIRED`] of them are required.
const FIELDS: [&str; 8] =
    ["identifier", "task", "isCluster", "source", "maximumAge", "dryRun", "export", "waitForExport"];
const REQUIRED: usize = 3;
/// The field in which a state machine that starts an execution gives its own execution. AWS recommends it and reads it
/// itself: <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-nested-workflows.html>
pub const STARTED_BY: &str = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID";
/// No snapshot is older than RDS.
const LONGEST_AGE_DAYS: u64 = 36_500;
/// A task that this function never receives: the state machine sends it to the function of that name.
const RECOVER: &str = "recover";
/// No name in RDS is longer, so an error does not repeat a longer text in full.
const LONGEST_SHOWN: usize = 63;

/// The deployment's options for every run.
#[derive(Clone, Copy, Debug)]
pub struct ValidateOptions {
    /// The time after which a run's waits give up.
    pub run_seconds: u64,
    /// Whether a run exports its snapshot unless the input decides otherwise.
    pub export_snapshots: bool,
    pub options: RunOptions,
}

/// Checks the input of an execution and derives every name its run works with.
pub fn validate(options: ValidateOptions, event: ValidateEvent) -> Result<Request> {
    let Value::Object(input) = &event.input else {
        return Err(Error::without_identifier(
            ErrorKind::InvalidInput,
            format!("the input is {}; it has to be an object with {}", described(&event.input), quoted(required())),
        ));
    };
    let mut problems = unknown_fields(input);
    problems.extend(unfit_execution(&event.execution));
    let kind = keep(is_cluster(input), &mut problems).map(DatabaseKind::of);
    let task = keep(task(input), &mut problems);
    let identifier = keep(identifier(input), &mut problems);
    let export = keep_all(export(input, task, options.export_snapshots), &mut problems);
    let maximum_age = keep(maximum_age(input, task), &mut problems);
    let source = keep_all(source(input, kind, task), &mut problems);
    let dry_run = keep(flag(input, "dryRun"), &mut problems).map(|dry_run| dry_run == Some(true));
    let names = match (kind, identifier) {
        (Some(kind), Some(identifier)) => keep_all(Names::derive(kind, identifier), &mut problems),
        _ => None,
    };
    let (Some(kind), Some(task), Some(names), Some(export), Some(maximum_age_seconds)) =
        (kind, task, names, export, maximum_age)
    else {
        return Err(refusal(input, &problems));
    };
    let (Some(source), Some(dry_run), true) = (source, dry_run, problems.is_empty()) else {
        return Err(refusal(input, &problems));
    };
    let export = export.map(|wait| ExportRequest {
        identifier: ExportIdentifier::of_execution(&names.identifier, &event.execution, event.start_time),
        wait,
    });
    Ok(Request {
        identifier: names.identifier,
        snapshot_identifier: names.snapshot,
        task,
        kind,
        execution: event.execution,
        started_at: event.start_time,
        deadline: event.start_time.plus_seconds(options.run_seconds),
        export,
        maximum_age_seconds,
        source,
        dry_run,
        options: options.options,
    })
}

/// The user's name and the name of its snapshot. The other names of the run fit as well.
struct Names {
    identifier: DatabaseIdentifier,
    snapshot: SnapshotIdentifier,
}

impl Names {
    fn derive(kind: DatabaseKind, identifier: DatabaseIdentifier) -> std::result::Result<Self, Vec<String>> {
        let names = (identifier.temporary(kind), identifier.snapshot(kind), identifier.temporary_snapshot(kind));
        match names {
            (Ok(_), Ok(snapshot), Ok(_)) => Ok(Self { identifier, snapshot }),
            (temporary, snapshot, temporary_snapshot) => Err([
                (temporary.err(), "the name the original is moved to"),
                (snapshot.err(), "the snapshot the restore is made from"),
                (temporary_snapshot.err(), "the name a replacement snapshot is first taken as"),
            ]
            .into_iter()
            .filter_map(|(error, purpose)| Some(too_long(&identifier, &error?, purpose)))
            .collect()),
        }
    }
}

/// A derived name that does not fit, with the longest `identifier` whose derived name fits.
fn too_long(identifier: &DatabaseIdentifier, error: &IdentifierError, purpose: &str) -> String {
    let IdentifierError::TooLong { identifier: derived, longest, .. } = error else {
        return format!("{purpose} is refused by RDS: {error}");
    };
    let own = identifier.as_str().len();
    let room = longest.saturating_sub(derived.len() - own);
    format!("{error}; it is {purpose}, so `identifier` may have at most {room} characters and `{identifier}` has {own}")
}

fn identifier(input: &Map<String, Value>) -> std::result::Result<DatabaseIdentifier, String> {
    let text = string(input, "identifier", "the name of a DB instance or DB cluster")?;
    if text.chars().count() > LONGEST_SHOWN {
        let length = text.chars().count();
        return Err(format!("`identifier` has {length} characters; RDS allows at most {LONGEST_SHOWN}"));
    }
    // RDS has the same rules for both kinds.
    DatabaseIdentifier::parse(DatabaseKind::Instance, text).map_err(|error| format!("`identifier`: {error}"))
}

fn task(input: &Map<String, Value>) -> std::result::Result<Task, String> {
    let names = Task::ALL.map(Task::name).into_iter().chain([RECOVER]).collect::<Vec<_>>();
    let known = quoted(names.iter().copied());
    let text = string(input, "task", &format!("one of {known}"))?;
    Task::ALL.into_iter().find(|task| task.name() == text).ok_or_else(|| {
        let suggestion = closest(text, &names);
        format!("`task` is `{}`, which is not known; it is one of {known}{suggestion}", shown(text))
    })
}

fn is_cluster(input: &Map<String, Value>) -> std::result::Result<bool, String> {
    match input.get("isCluster") {
        Some(Value::Bool(is_cluster)) => Ok(*is_cluster),
        Some(Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            Err(format!("`isCluster` is the string \"{text}\"; write {text} without quotes"))
        }
        Some(other) => {
            Err(format!("`isCluster` is {}; write true for a DB cluster and false for a DB instance", described(other)))
        }
        None => Err("`isCluster` is missing; write true for a DB cluster and false for a DB instance".to_owned()),
    }
}

/// Whether the run exports the snapshot and waits for the export. A field without an effect is refused.
fn export(
    input: &Map<String, Value>,
    task: Option<Task>,
    by_default: bool,
) -> std::result::Result<Option<bool>, Vec<String>> {
    let mut problems = Vec::new();
    let export = keep(flag(input, "export"), &mut problems).flatten();
    let wait = keep(flag(input, "waitForExport"), &mut problems).flatten().unwrap_or(false);
    // Without a known task there is nothing to compare the fields with.
    let takes_snapshot = task.is_none_or(Task::takes_snapshot);
    let name = task.map(Task::name).unwrap_or_default();
    if export == Some(true) && !takes_snapshot {
        problems.push(format!("`export` is true, but `{name}` takes no snapshot that could be exported"));
    }
    let exports = takes_snapshot && export.unwrap_or(by_default);
    if wait && !takes_snapshot {
        problems.push(format!("`waitForExport` is true, but `{name}` exports nothing"));
    } else if wait && !exports {
        problems.push("`waitForExport` is true, but nothing is exported; add `\"export\": true`".to_owned());
    }
    if problems.is_empty() { Ok(exports.then_some(wait)) } else { Err(problems) }
}

/// The greatest age of the backup, in seconds: `36h`, `7d`.
fn maximum_age(input: &Map<String, Value>, task: Option<Task>) -> std::result::Result<Option<u64>, String> {
    const FORM: &str = "a number of hours or days such as \"36h\" or \"7d\"";
    let text = match input.get("maximumAge") {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => return Err(format!("`maximumAge` is {}; it is {FORM}, as a string", described(other))),
    };
    let unit = |unit: char, seconds: u64| {
        let digits = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<u64>().ok().filter(|count| (1..=LONGEST_AGE_DAYS).contains(count)).map(|count| count * seconds)
    };
    let age = unit('h', 3_600).or_else(|| unit('d', 86_400));
    let age = age.ok_or_else(|| format!("`maximumAge` is \"{}\"; it is {FORM}", shown(text)))?;
    match task {
        Some(task) if task.takes_snapshot() => {
            Err(format!("`maximumAge` is given, but `{}` takes its own snapshot", task.name()))
        }
        _ => Ok(Some(age)),
    }
}

/// The backup that the input chooses. A task that takes its own snapshot restores that one.
fn source(
    input: &Map<String, Value>,
    kind: Option<DatabaseKind>,
    task: Option<Task>,
) -> std::result::Result<Option<SourceRequest>, Vec<String>> {
    let Some(given) = input.get("source") else { return Ok(None) };
    match task {
        Some(task) if task.takes_snapshot() => {
            Err(vec![format!("`source` is given, but `{}` takes its own snapshot: use `db_restore`", task.name())])
        }
        _ => SourceRequest::parse(kind, given).map(Some),
    }
}

/// An execution's name becomes the value of a tag, which allows fewer characters than Step Functions does.
fn unfit_execution(execution: &str) -> Option<String> {
    let unfit = identifiers::unfit_in_tag_value(execution);
    (!identifiers::is_tag_value(execution)).then(|| {
        format!(
            "the execution is called `{}`. Its name becomes the value of a tag, and RDS takes no `{unfit}` there. \
             Start it under another name, of letters, digits and `_ . = + - @`",
            execution.rsplit(':').next().unwrap_or_default()
        )
    })
}

/// An optional boolean.
fn flag(input: &Map<String, Value>, field: &str) -> std::result::Result<Option<bool>, String> {
    match input.get(field) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            Err(format!("`{field}` is the string \"{text}\"; write {text} without quotes"))
        }
        Some(other) => Err(format!("`{field}` is {}; it is true or false, or left out", described(other))),
    }
}

fn required() -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().take(REQUIRED)
}

/// A text that is present and not empty.
fn string<'a>(input: &'a Map<String, Value>, field: &str, meaning: &str) -> std::result::Result<&'a str, String> {
    match input.get(field) {
        Some(Value::String(text)) if text.is_empty() => Err(format!("`{field}` is empty; it is {meaning}")),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(format!("`{field}` is {}; it is {meaning}, as a string", described(other))),
        None => Err(format!("`{field}` is missing; it is {meaning}")),
    }
}

fn unknown_fields(input: &Map<String, Value>) -> Vec<String> {
    let unknown = input.keys().filter(|field| !FIELDS.contains(&field.as_str()) && field.as_str() != STARTED_BY);
    unknown
        .map(|field| {
            let more = if functions::keys().any(|key| key == field) || field == "input" {
                format!("; `{field}` is a key that the state machine writes itself")
            } else {
                closest(field, &FIELDS)
            };
            format!("`{}` is not a known field; the fields are {}{more}", shown(field), quoted(FIELDS))
        })
        .collect()
}

/// The known word that the user probably meant, if one is close.
fn closest(text: &str, known: &[&str]) -> String {
    let letters = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
    let distance = |known: &&&str| strsim::osa_distance(&letters(text), &letters(known));
    match known.iter().min_by_key(distance) {
        Some(near) if distance(&near) <= 2 => format!("; did you mean `{near}`?"),
        _ => String::new(),
    }
}

fn refusal(input: &Map<String, Value>, problems: &[String]) -> Error {
    let message = listed("the input is not a request that can be run, and nothing was touched", problems);
    match input.get("identifier").and_then(Value::as_str) {
        Some(identifier) if !identifier.is_empty() => Error::new(ErrorKind::InvalidInput, shown(identifier), message),
        _ => Error::without_identifier(ErrorKind::InvalidInput, message),
    }
}

/// A value in words: its type, and the value itself if it is short.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(value) => format!("the string \"{}\"", shown(value)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The user's text, cut if it is too long for a name.
fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn keep<T>(outcome: std::result::Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    keep_all(outcome.map_err(|problem| vec![problem]), problems)
}

fn keep_all<T>(outcome: std::result::Result<T, Vec<String>>, problems: &mut Vec<String>) -> Option<T> {
    outcome.map_err(|found| problems.extend(found)).ok()
}

#[cfg(test)]
mod tests {
    use crate::document::SnapshotReplacement;
    use crate::source_request::SnapshotChoice;
    use crate::timestamp::Timestamp;
    use serde_json::json;

    use super::*;

    fn run(input: Value) -> Result<Request> {
        run_where(false, input)
    }

    fn run_where(export_snapshots: bool, input: Value) -> Result<Request> {
        let options = RunOptions {
            snapshot_replacement: SnapshotReplacement::KeepUntilReplaced,
            keep_automated_backups: true,
            final_snapshot: false,
            rollback_seconds: 21_600,
            success_notice: true,
        };
        let event = ValidateEvent {
            execution: "arn:aws:states:us-east-1:123456789012:execution:trapheus:run".into(),
            start_time: Timestamp::from_epoch_seconds(1_000),
            input,
        };
        validate(ValidateOptions { run_seconds: 86_400, export_snapshots, options }, event)
    }

    fn refused(input: Value) -> String {
        let error = run(input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.report()
    }

    #[test]
    fn a_request_carries_every_derived_name_and_its_deadline() {
        let request = run(json!({"identifier": "Orders", "task": "db_restore", "isCluster": true})).unwrap();
        assert_eq!(request.identifier.as_str(), "orders");
        assert_eq!(request.snapshot_identifier.as_str(), "orders-snapshot");
        assert_eq!((request.task, request.kind), (Task::DbRestore, DatabaseKind::Cluster));
        assert_eq!(request.deadline.epoch_seconds(), 87_400);
    }

    #[test]
    fn every_task_and_kind_is_accepted() {
        for task in Task::ALL {
            for is_cluster in [false, true] {
                let request = run(json!({"identifier": "orders", "task": task.name(), "isCluster": is_cluster}));
                assert_eq!(request.unwrap().task, task);
            }
        }
    }

    #[test]
    fn an_export_is_asked_for_in_the_input_or_by_the_deployment() {
        let wanted = |by_default: bool, task: Task, more: Value| {
            let mut input = json!({"identifier": "orders", "task": task.name(), "isCluster": false});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            run_where(by_default, input).unwrap().export.map(|export| export.wait)
        };
        for task in [Task::CreateSnapshot, Task::CreateSnapshotOnly] {
            assert_eq!(wanted(false, task, json!({})), None);
            assert_eq!(wanted(true, task, json!({})), Some(false));
            assert_eq!(wanted(true, task, json!({"export": false})), None);
            assert_eq!(wanted(false, task, json!({"export": true, "waitForExport": false})), Some(false));
            assert_eq!(wanted(false, task, json!({"export": true, "waitForExport": true})), Some(true));
            assert_eq!(wanted(true, task, json!({"waitForExport": true})), Some(true));
        }
        assert_eq!(wanted(true, Task::DbRestore, json!({})), None, "there is nothing to export");
        assert_eq!(wanted(true, Task::DbRestore, json!({"export": false, "waitForExport": false})), None);
    }

    #[test]
    fn waiting_without_an_export_is_refused() {
        let input =
            json!({"identifier": "orders", "task": "create_snapshot", "isCluster": false, "waitForExport": true});
        assert!(refused(input.clone()).contains("nothing is exported"));
        let mut off = input;
        off["export"] = json!(false);
        assert!(run_where(true, off).unwrap_err().report().contains("nothing is exported"));
    }

    #[test]
    fn an_export_has_a_name_of_its_execution() {
        let input = json!({"identifier": "Orders", "task": "create_snapshot", "isCluster": true, "export": true});
        let export = run(input).unwrap().export.unwrap();
        assert!(export.identifier.as_str().starts_with("orders-19700101t001640z-"), "{}", export.identifier);
    }

    #[test]
    fn an_input_that_is_no_object_is_refused_with_its_type() {
        for (input, what) in [
            (json!(null), "null"),
            (json!("orders"), "the string \"orders\""),
            (json!(["orders"]), "an array"),
            (json!(5), "the number 5"),
        ] {
            assert!(refused(input).contains(&format!("the input is {what}")), "{what}");
        }
    }

    #[test]
    fn each_problem_is_named_with_its_remedy() {
        let good = json!({"identifier": "orders", "task": "db_restore", "isCluster": false});
        for (field, value, expected) in [
            ("identifier", json!(""), "`identifier` is empty"),
            ("identifier", json!(null), "`identifier` is null"),
            ("identifier", json!(5), "`identifier` is the number 5"),
            ("identifier", json!("or_ders"), "only letters, digits and hyphens"),
            ("identifier", json!("x".repeat(500)), "`identifier` has 500 characters"),
            ("task", json!(""), "`task` is empty"),
            ("task", json!(true), "`task` is the boolean true"),
            ("task", json!("restore_db"), "`create_snapshot`, `db_restore`, `create_snapshot_only`"),
            ("task", json!("db-restore"), "did you mean `db_restore`?"),
            ("isCluster", json!("true"), "`isCluster` is the string \"true\"; write true without quotes"),
            ("isCluster", json!("yes"), "`isCluster` is the string \"yes\""),
            ("isCluster", json!(0), "`isCluster` is the number 0"),
            ("iscluster", json!(true), "`iscluster` is not a known field"),
            ("is_cluster", json!(true), "did you mean `isCluster`?"),
            ("colour", json!("red"), "`isCluster`, `source`, `maximumAge`, `dryRun`, `export`, `waitForExport`"),
            ("maximumAge", json!(36), "`maximumAge` is the number 36; it is a number of hours or days"),
            ("maximumAge", json!("0d"), "`maximumAge` is \"0d\""),
            ("maximumAge", json!("d"), "`maximumAge` is \"d\""),
            ("maximumAge", json!("-1h"), "`maximumAge` is \"-1h\""),
            ("maximumAge", json!("1.5h"), "`maximumAge` is \"1.5h\""),
            ("maximumAge", json!("90m"), "`maximumAge` is \"90m\""),
            ("maximumAge", json!("99999999999999999999d"), "`maximumAge` is \""),
            ("source", json!("nightly"), "`source` is not an object with one of `snapshot`"),
            ("source", json!({"snapshot": "x", "latestSnapshot": "any"}), "`source` has 2 choices"),
            ("dryRun", json!("true"), "`dryRun` is the string \"true\"; write true without quotes"),
            ("export", json!("true"), "`export` is the string \"true\"; write true without quotes"),
            ("export", json!(1), "`export` is the number 1"),
            ("waitForExport", json!(null), "`waitForExport` is null"),
            ("export", json!(true), "`export` is true, but `db_restore` takes no snapshot"),
            ("waitForExport", json!(true), "`waitForExport` is true, but `db_restore` exports nothing"),
            ("waitforexport", json!(true), "did you mean `waitForExport`?"),
        ] {
            let mut input = good.clone();
            input[field] = value;
            let report = refused(input);
            assert!(report.contains(expected), "{report}");
        }
        for field in required() {
            let mut input = good.clone();
            input.as_object_mut().unwrap().remove(field);
            assert!(refused(input).contains(&format!("`{field}` is missing")), "{field}");
        }
    }

    #[test]
    fn a_field_with_the_name_of_a_document_key_is_refused_by_name() {
        for key in functions::keys().filter(|key| !FIELDS.contains(key)).chain(["input"]) {
            let mut input = json!({"identifier": "orders", "task": "db_restore", "isCluster": false});
            input[key] = json!({"identifier": "billing"});
            let report = refused(input);
            assert!(report.contains(&format!("`{key}` is not a known field")), "{report}");
            assert!(report.contains("writes itself") && !report.contains("did you mean"), "{report}");
        }
    }

    #[test]
    fn an_execution_that_another_machine_started_is_accepted() {
        let input = json!({
            "identifier": "orders", "task": "db_restore", "isCluster": false,
            STARTED_BY: "arn:aws:states:us-east-1:123456789012:execution:parent:1",
        });
        let plain = json!({"identifier": "orders", "task": "db_restore", "isCluster": false});
        assert_eq!(run(input).unwrap(), run(plain).unwrap());
    }

    #[test]
    fn an_age_is_a_number_of_hours_or_days() {
        for (text, seconds) in [("36h", 129_600), ("7d", 604_800), ("1h", 3_600)] {
            let input = json!({"identifier": "orders", "task": "db_restore", "isCluster": true, "maximumAge": text});
            assert_eq!(run(input).unwrap().maximum_age_seconds, Some(seconds), "{text}");
        }
        for task in ["create_snapshot", "create_snapshot_only"] {
            let report = refused(json!({"identifier": "orders", "task": task, "isCluster": false, "maximumAge": "7d"}));
            assert!(report.contains(&format!("`{task}` takes its own snapshot")), "{report}");
        }
    }

    #[test]
    fn a_source_belongs_to_a_restore_and_a_dry_run_to_every_task() {
        for task in Task::ALL {
            let input = json!({
                "identifier": "orders", "task": task.name(), "isCluster": false,
                "source": {"latestSnapshot": "any"}, "dryRun": true,
            });
            if task.takes_snapshot() {
                let mut plain = input.clone();
                let report = refused(input);
                assert!(report.contains(&format!("`{}` takes its own snapshot", task.name())), "{report}");
                plain.as_object_mut().unwrap().remove("source");
                assert!(run(plain).unwrap().dry_run);
                continue;
            }
            let request = run(input).unwrap();
            assert!(request.dry_run);
            let latest = SourceRequest::Latest { latest_snapshot: SnapshotChoice::Any, of: None };
            assert_eq!(request.source, Some(latest));
        }
    }

    #[test]
    fn an_execution_whose_name_fits_no_tag_is_refused_by_name() {
        let named = |name: &str| {
            let event = ValidateEvent {
                execution: format!("arn:aws:states:us-east-1:123456789012:execution:trapheus:{name}"),
                start_time: Timestamp::from_epoch_seconds(1_000),
                input: json!({"identifier": "orders", "task": "db_restore", "isCluster": false}),
            };
            let options = RunOptions {
                snapshot_replacement: SnapshotReplacement::KeepUntilReplaced,
                keep_automated_backups: true,
                final_snapshot: false,
                rollback_seconds: 21_600,
                success_notice: true,
            };
            validate(ValidateOptions { run_seconds: 86_400, export_snapshots: false, options }, event)
        };
        for name in ["refresh-weekly", "Ünïcode_1", "a.b=c+d@e"] {
            assert!(named(name).is_ok(), "{name}");
        }
        for (name, unfit) in [("refresh-(weekly)", "`()`"), ("it's", "`'`"), ("now!", "`!`")] {
            let error = named(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.report().contains(&format!("`{name}`")) && error.report().contains(unfit), "{error}");
        }
    }

    #[test]
    fn a_field_that_resembles_nothing_gets_no_suggestion() {
        let input = json!({"identifier": "a", "task": "db_restore", "isCluster": false, "colour": 1});
        assert!(!refused(input).contains("did you mean"));
    }

    #[test]
    fn all_problems_are_listed_at_once() {
        let report = refused(json!({"identifer": "orders", "task": "drop", "isCluster": "true"}));
        for problem in ["`identifer` is not", "`identifier` is missing", "`task` is `drop`", "without quotes"] {
            assert!(report.contains(problem), "{problem}: {report}");
        }
        assert_eq!(report.matches("\n- ").count(), 4, "{report}");
    }

    #[test]
    fn a_derived_name_that_does_not_fit_is_named_with_the_longest_valid_identifier() {
        let instance = refused(json!({"identifier": "a".repeat(60), "task": "db_restore", "isCluster": false}));
        assert!(instance.contains(&format!("{}-temp` is 65 characters", "a".repeat(60))), "{instance}");
        assert!(instance.contains("at most 58 characters"), "{instance}");
        assert!(!instance.contains("-snapshot"), "a DB snapshot's name has room for it: {instance}");
        let cluster = refused(json!({"identifier": "a".repeat(60), "task": "db_restore", "isCluster": true}));
        assert!(cluster.contains("-snapshot` is 69 characters"), "{cluster}");
        assert!(cluster.contains("at most 54 characters"), "{cluster}");
    }

    #[test]
    fn the_longest_identifiers_that_fit_are_accepted() {
        for (length, is_cluster) in [(58, false), (54, true)] {
            let input = json!({"identifier": "a".repeat(length), "task": "create_snapshot", "isCluster": is_cluster});
            assert!(run(input).is_ok(), "{length}");
        }
    }
}
