//! Calls every function of the state machine twice, in whole runs. The second call changes nothing and gives the same answer. A
//! run that continues with either answer has the same end.
//!
//! The table of runs must reach every function, so a new function cannot be forgotten. The tests of the handlers and of the
//! pipeline cover answers that are lost between AWS and a function.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::rc::Rc;

use rds_simulator::{Outcome, Simulator, World};
use serde_json::{Value, json};
use trapheus_cli::environment::{Call, Interceptor};
use trapheus_cli::fleet::Failure;
use trapheus_cli::injection::InjectedFault;
use trapheus_cli::rehearsal::{DEFAULT_WORLD, DEFINITION, Rehearsal};
use trapheus_cli::report::Report;
use trapheus_common::functions;

/// The answer with which the run continues.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    First,
    /// The first answer was lost on its way to Step Functions.
    Second,
}

/// Calls every function twice.
#[derive(Debug)]
struct Twice {
    heard: Heard,
    called: RefCell<BTreeSet<String>>,
    differences: RefCell<Vec<String>>,
}

type Answer = Result<Value, Failure>;

impl Interceptor for Twice {
    fn call<'a>(&'a self, call: Call<'a>) -> Pin<Box<dyn Future<Output = Answer> + 'a>> {
        Box::pin(self.twice(call))
    }
}

impl Twice {
    async fn twice(&self, call: Call<'_>) -> Answer {
        let Call { function, state, payload, simulator, fleet, .. } = call;
        self.called.borrow_mut().insert(function.to_owned());
        let first = fleet.call(function, payload.clone()).await;
        if is_pending(&first) {
            // The function has used up its time, and the state machine calls it again.
            return first;
        }
        let before = changes(simulator).len();
        let second = fleet.call(function, payload).await;
        let mut changed = changes(simulator).split_off(before);
        changed.retain(|action| !may_ask_again(function, action));
        if !changed.is_empty() {
            self.complain(format!("{state}: the second call asked for {changed:?}"));
        }
        if !same(function, &first, &second) {
            self.complain(format!("{state}: {first:?}, then {second:?}"));
        }
        match self.heard {
            Heard::First => first,
            Heard::Second => second,
        }
    }

    fn complain(&self, words: String) {
        self.differences.borrow_mut().push(words);
    }
}

fn is_pending(answer: &Answer) -> bool {
    answer.as_ref().is_ok_and(|answer| answer["task"] == "TASK_PENDING")
}

/// RDS does not show requested settings at once, so the second call requests the same settings.
fn may_ask_again(function: &str, action: &str) -> bool {
    function.starts_with("configure-") && action.starts_with("Modify")
}

/// The requests that changed something in RDS.
fn changes(simulator: &Simulator) -> Vec<String> {
    let is_told = |action: &str| action == "SendEmail" || action == "PostMessage";
    let looks =
        |action: &str| ["Describe", "List", "Get"].iter().any(|look| action.starts_with(look)) || is_told(action);
    let requests = simulator.requests().into_iter();
    let done = requests.filter(|request| matches!(request.outcome, Outcome::Ok | Outcome::ResponseLost));
    done.map(|request| request.action).filter(|action| !looks(action)).collect()
}

/// Whether two answers have the same effect on the run.
fn same(function: &str, first: &Answer, second: &Answer) -> bool {
    match (function.split('-').next(), first, second) {
        // Two calls send two mails, each with an id of its own. A mail that comes twice is better than none.
        (Some("email"), Ok(_), Ok(_)) => true,
        // A wait answers with its end, which is later in the second call.
        (Some("wait"), Ok(first), Ok(second)) => untimed(first) == untimed(second),
        // The notes of a discard name its changes, and the second call changes nothing.
        (Some("discard"), Ok(first), Ok(second)) => without_notes(first) == without_notes(second),
        _ => first == second,
    }
}

fn without_notes(answer: &Value) -> Value {
    let mut answer = answer.clone();
    answer["notes"].take();
    answer
}

fn untimed(answer: &Value) -> Value {
    let mut answer = answer.clone();
    answer["at"].take();
    answer
}

/// A run: its input, the faults of the world, and a fault of the execution.
type Run = (Value, Value, Option<InjectedFault>);

/// Runs that together reach every function.
fn runs() -> Vec<Run> {
    let mut runs = Vec::new();
    for (identifier, is_cluster) in [("orders", false), ("shop", true), ("ledger", true)] {
        let event = |task: &str| json!({"identifier": identifier, "task": task, "isCluster": is_cluster});
        for task in ["create_snapshot", "db_restore", "create_snapshot_only"] {
            runs.push((event(task), json!([]), None));
        }
        for fault in
            [json!([]), json!([{"action": "StartExportTask", "fault": {"kind": "endsIn", "status": "failed"}}])]
        {
            let mut exporting = event("create_snapshot_only");
            exporting["export"] = json!(true);
            exporting["waitForExport"] = json!(true);
            runs.push((exporting, fault, None));
        }
        let ends = json!({"kind": "endsIn", "status": "incompatible-parameters"});
        let action = match identifier {
            "orders" => "RestoreDBInstanceFromDBSnapshot",
            "shop" => "CreateDBInstance",
            _ => "RestoreDBClusterFromSnapshot",
        };
        let ends = if identifier == "ledger" { json!({"kind": "endsIn", "status": "migration-failed"}) } else { ends };
        runs.push((event("db_restore"), json!([{"action": action, "fault": ends}]), None));
        let verify = if is_cluster { "VerifyCluster" } else { "VerifyDbInstance" };
        let abort = InjectedFault::Abort { state: verify.to_owned(), occurrence: 1 };
        runs.push((event("db_restore"), json!([]), Some(abort)));
    }
    runs
}

fn rehearse((event, faults, fault): &Run, interceptor: Option<Rc<dyn Interceptor>>) -> Report {
    let world = World::from_json(DEFAULT_WORLD).expect("the built-in world");
    let world = World { faults: serde_json::from_value(faults.clone()).expect("faults"), ..world };
    let faults = fault.iter().cloned().collect();
    let rehearsal = Rehearsal { interceptor, faults, ..Rehearsal::new(event.clone(), world) };
    rehearsal.run(&mut ()).expect("a world that can exist")
}

/// The world at the end, without times and ids, because these differ between two runs.
fn end(report: &Report) -> Vec<String> {
    let world = &report.world;
    let instances = world
        .instances
        .iter()
        .map(|one| format!("{} {} {:?} {:?}", one.identifier, one.status, one.tags, one.settings));
    let clusters =
        world.clusters.iter().map(|one| format!("{} {} {:?} {:?}", one.identifier, one.status, one.tags, one.settings));
    let snapshots = world.snapshots.iter().map(|one| format!("{} {} {:?}", one.identifier, one.status, one.tags));
    let cluster_snapshots =
        world.cluster_snapshots.iter().map(|one| format!("{} {} {:?}", one.identifier, one.status, one.tags));
    let all = instances.chain(clusters).chain(snapshots).chain(cluster_snapshots);
    // No run waits for the deletion of a database that was moved aside, nor for its final snapshot.
    all.filter(|one| !one.contains("-failed-")).collect()
}

#[test]
fn a_function_called_twice_leaves_the_same_world_and_gives_the_same_answer() {
    let mut called = BTreeSet::new();
    let mut broken = Vec::new();
    for run in runs() {
        let once = rehearse(&run, None);
        for heard in [Heard::First, Heard::Second] {
            let twice = Rc::new(Twice { heard, called: RefCell::default(), differences: RefCell::default() });
            let report = rehearse(&run, Some(twice.clone()));
            let name = format!("{} {} {:?} {heard:?}", run.0, run.1, run.2);
            broken.extend(twice.differences.take().into_iter().map(|difference| format!("{name}\n  {difference}")));
            if (&report.status, &report.error, end(&report)) != (&once.status, &once.error, end(&once)) {
                let (status, cause) = (&report.status, &report.cause);
                broken.push(format!(
                    "{name}\n  ends {status} {cause:?}\n  {:#?}\n  was {:#?}",
                    end(&report),
                    end(&once)
                ));
            }
            called.extend(twice.called.take());
        }
    }
    assert!(broken.is_empty(), "{} differences\n{}", broken.len(), broken.join("\n"));
    let of_the_machine: BTreeSet<String> = functions::names()
        .filter(|function| DEFINITION.contains(&functions::substitution(function)))
        .map(str::to_owned)
        .collect();
    assert_eq!(called, of_the_machine, "the table of runs must reach every function");
}
