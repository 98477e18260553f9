//! The oracle reports a missing safeguard: each test takes one safeguard away, and a run breaks a promise.
//!
//! No safeguard of the pipeline can be switched off. The tests take safeguards away from outside: out of the state machine's
//! definition, or between the state machine and its functions. With all safeguards in place, the same runs break no promise.

use std::fmt::Write as _;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_rds::types::Tag;
use rds_simulator::{Fault, InstanceSpec, InstanceState, Outcome, Timings};
use serde_json::{Value, json};
use trapheus_cli::campaign::matrix::{event, failing_restores, function, intervention, request};
use trapheus_cli::campaign::{Case, Changes, Examined, examined, families, matrix};
use trapheus_cli::environment::{Call, Interceptor};
use trapheus_cli::fleet::{Failure, Fleet};
use trapheus_cli::injection::{Beside, FunctionFaultKind, InjectedFault};
use trapheus_cli::rehearsal::{BEGIN, Clients, DEFINITION, load};
use trapheus_cli::report::Report;
use trapheus_common::poll::PollPolicy;
use trapheus_common::timestamp::Timestamp;

/// Checks that all cases keep every promise with all safeguards, and that a case breaks one without a safeguard.
pub(crate) fn assert_found_out(cases: &[Case], with: &Changes, without: &Changes) {
    let kept = outcomes(cases, with);
    assert!(kept.iter().all(|(is_kept, _)| *is_kept), "with every safeguard in place:\n{}", told(&kept));
    let broken = outcomes(cases, without);
    assert!(broken.iter().any(|(is_kept, _)| !is_kept), "no promise is broken without it:\n{}", told(&broken));
}

/// Whether each run kept the promises, with the text of its result.
fn outcomes(cases: &[Case], changes: &Changes) -> Vec<(bool, String)> {
    let outcome = |case: &Case| {
        let Examined { report, broken, .. } = examined(case, changes).expect("a world that can exist");
        // Writing to a String cannot fail.
        let Report { status, error, cause, .. } = &report;
        let mut text = format!("{}\n  {status} {error:?} {cause:?}", case.replay().expect("a command"));
        for other in &report.others {
            let _ = write!(text, "\n  {:?} {} {:?} {:?}", other.role, other.status, other.error, other.cause);
        }
        for one in &broken {
            let _ = write!(text, "\n  {}: {}", one.promise, one.what);
        }
        (broken.is_empty(), text)
    };
    cases.iter().map(outcome).collect()
}

fn told(outcomes: &[(bool, String)]) -> String {
    outcomes.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
}

pub(crate) fn intercepted(without: Without) -> Changes {
    Changes { interceptor: Some(Rc::new(without)), ..Changes::default() }
}

/// Runs without the recovery, which would otherwise repair the failure of the rollback.
pub(crate) fn no_recovery() -> Changes {
    Changes { without_recovery: true, ..Changes::default() }
}

pub(crate) fn orders(task: &str) -> Case {
    Case::new(families::RANDOM, &event("orders", task, false))
}

/// A restore of `orders` that ends in a bad status.
pub(crate) fn failing() -> Case {
    orders("db_restore").with(failing_restores("orders").remove(0))
}

/// A change of the deployed definition.
pub(crate) fn redefined(change: impl Fn(&str, &mut Value), base: Changes) -> Changes {
    fn walk(states: &mut Value, change: &impl Fn(&str, &mut Value)) {
        for (name, state) in states.as_object_mut().into_iter().flatten() {
            change(name, state);
            for branch in state.get_mut("Branches").and_then(Value::as_array_mut).into_iter().flatten() {
                walk(&mut branch["States"], change);
            }
        }
    }
    let mut definition: Value = serde_json::from_str(DEFINITION).expect("JSON");
    walk(&mut definition["States"], &change);
    Changes { definition: Some(load(&definition.to_string()).expect("a state machine")), ..base }
}

/// Takes a safeguard away between the state machine and its functions.
#[derive(Debug)]
pub(crate) enum Without {
    /// Any database under the name counts as the original.
    ResourceIds,
    /// Any database under the name carries our tags.
    Tags,
    /// No claim stops a run.
    Claim,
    /// The preflight finds no problem.
    Preflight(Clients),
    /// A single read is enough.
    Agreement,
    /// The old snapshot is deleted first.
    ReplacementOrder,
    /// The snapshot of the run is deleted before its end.
    TakenSnapshot,
    /// The run restores this snapshot instead of the pinned one.
    PinnedBackup(&'static str),
    /// Any snapshot that has the name now counts as the pinned one.
    Pin,
    /// Copied claims count, because a recovery does not compare resource ids.
    ProvenClaims,
    /// Of two databases with the claim of the original, the wrong one counts.
    SecondCandidate,
    /// A database that a rollback has moved aside is deleted without a final snapshot.
    LastSnapshot,
    /// A recovery gives up if it cannot read the end of the execution at once.
    Patience,
    /// A wait reads only the name.
    OtherName,
    /// The status of a cluster counts, but not the statuses of its members.
    Members,
    /// Readers that the run does not know stop the deletion.
    AutoScaledReaders,
    /// An expired token counts as a denial.
    FreshTokens,
    /// The alert cannot read the databases, because another simulator answers its requests.
    Sight(Clients),
    /// The validation ignores unknown fields of the input.
    KnownFields,
    /// A tag that does not show at once counts as missing.
    LateTags,
}

impl Interceptor for Without {
    fn call<'a>(&'a self, call: Call<'a>) -> Pin<Box<dyn Future<Output = Result<Value, Failure>> + 'a>> {
        Box::pin(self.answer(call))
    }
}

impl Without {
    async fn answer(&self, mut call: Call<'_>) -> Result<Value, Failure> {
        self.spoil(&mut call).await;
        let other = |change: &dyn Fn(&mut Fleet)| {
            let mut fleet = call.fleet.clone();
            change(&mut fleet);
            fleet
        };
        match self {
            Self::Claim if call.function.starts_with("claim-") => {
                let identifier = &call.payload["request"]["identifier"];
                return Ok(json!({"taskname": "Claim", "identifier": identifier, "more": false}));
            }
            Self::Preflight(elsewhere) if call.function.starts_with("preflight-") => {
                let fleet = other(&|fleet| fleet.rds = elsewhere.rds.clone());
                return fleet.call(call.function, call.payload).await;
            }
            Self::Agreement => {
                let fleet = other(&|fleet| {
                    fleet.poll_policy =
                        PollPolicy { consecutive_reads: 1, consecutive_reads_in_doubt: 1, ..fleet.poll_policy };
                });
                return fleet.call(call.function, call.payload).await;
            }
            Self::LateTags if call.function != "recover" && !call.function.starts_with("wait-") => {
                let answer = tokio::time::timeout(Duration::from_secs(5), call.proceed()).await;
                let gave_up = |_| failure("ClaimException", "the claim does not show");
                return answer.unwrap_or_else(|elapsed| Err(gave_up(elapsed)));
            }
            Self::Patience if call.function == "recover" => {
                let answer = tokio::time::timeout(Duration::from_secs(20), call.proceed()).await;
                let gave_up = |_| failure("RecoveryException", "the execution could not be looked up");
                return answer.unwrap_or_else(|elapsed| Err(gave_up(elapsed)));
            }
            Self::Members if matches!(call.function, "wait-cluster" | "verify-cluster") => {
                let identifier = call.payload["request"]["identifier"].as_str().unwrap_or_default().to_owned();
                let resource_id = call.simulator.state().cluster(&identifier).map(|found| found.resource_id.clone());
                let is_wait = call.function.starts_with("wait-");
                return call.proceed().await.or_else(|_| {
                    Ok(if is_wait {
                        json!({"task": "TASK_COMPLETE", "taskname": "Restore", "identifier": identifier, "observed": ""})
                    } else {
                        let differences = Vec::<String>::new();
                        json!({
                            "taskname": "Verification", "identifier": identifier, "resourceId": resource_id,
                            "differences": differences,
                        })
                    })
                });
            }
            Self::AutoScaledReaders if call.function == "delete-cluster" => {
                let state = call.simulator.state();
                if state.instances.iter().any(|found| found.identifier.starts_with("application-autoscaling-")) {
                    return Err(failure("DeletionException", "a member of the cluster is not known"));
                }
            }
            Self::FreshTokens => {
                let simulator = call.simulator;
                let so_far = simulator.requests().len();
                return call.proceed().await.map_err(|error| {
                    let expired = Outcome::Error("ExpiredToken".to_owned());
                    let is_expired = simulator.requests()[so_far..].iter().any(|request| request.outcome == expired);
                    if is_expired { failure("AccessDeniedException", "the token has expired") } else { error }
                });
            }
            Self::Sight(elsewhere) if call.function == "email" => {
                let fleet = other(&|fleet| fleet.rds = elsewhere.rds.clone());
                return fleet.call(call.function, call.payload).await;
            }
            _ => {}
        }
        call.proceed().await
    }

    /// Changes the world or the call before a function gets it.
    async fn spoil(&self, call: &mut Call<'_>) {
        let identifier = call.payload["request"]["identifier"].as_str().unwrap_or_default().to_owned();
        let execution = call.payload["request"]["execution"].as_str().unwrap_or_default().to_owned();
        let is_rollback = call.function.starts_with("discard-") || call.payload["destination"] == "home";
        match self {
            Self::ResourceIds if is_rollback => {
                let world = call.simulator.state();
                if let Some(found) = world.instance(&identifier) {
                    call.payload["plan"]["original"]["resourceId"] = found.resource_id.clone().into();
                }
            }
            Self::Tags if call.function.starts_with("discard-") => {
                let role = ("trapheus:role", "restored");
                mark(call, &identifier, &[("trapheus:execution", &execution), role]).await;
            }
            Self::Claim if !execution.is_empty() => {
                // Each function sees its own claim on the databases. A preflight sees a claim of no execution.
                let owner = if call.function.starts_with("preflight-") { "nobody" } else { &execution };
                for name in [identifier.clone(), format!("{identifier}-temp")] {
                    mark(call, &name, &[("trapheus:execution", owner)]).await;
                }
            }
            Self::TakenSnapshot
                if call.function.starts_with("release-") && call.execution.ends_with(":rehearsal-0") =>
            {
                let gone = call.fleet.rds.delete_db_snapshot().db_snapshot_identifier(format!("{identifier}-snapshot"));
                // A repeated call finds nothing to delete.
                let _ = gone.send().await;
            }
            Self::PinnedBackup(other)
                if call.function.starts_with("restore-") && call.simulator.state().instance(&identifier).is_none() =>
            {
                let tags = [("trapheus:execution", execution.as_str()), ("trapheus:role", "restored")];
                let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
                let restore = call.fleet.rds.restore_db_instance_from_db_snapshot().db_snapshot_identifier(*other);
                let restore = restore.db_instance_identifier(&identifier).set_tags(Some(tags.to_vec()));
                restore.send().await.expect("the simulator restores any snapshot");
            }
            Self::Pin => pin_what_is_there(call),
            Self::ProvenClaims if call.function == "recover" => believe_copies(call).await,
            Self::SecondCandidate if call.function == "recover" => {
                for found in claimed(call).into_iter().filter(|found| found.resource_id != BYSTANDER) {
                    unmark(call, found.arn, &["trapheus:execution", "trapheus:role", "trapheus:resource-id"]).await;
                }
            }
            Self::LastSnapshot if call.function.starts_with("discard-") => delete_aside(call).await,
            Self::OtherName if call.function.starts_with("wait-") => {
                let goal = call.payload.pointer_mut("/task/waitFor").and_then(Value::as_object_mut);
                let available = goal.filter(|goal| goal["goal"] == "available");
                available.and_then(|goal| goal.remove("resourceId"));
            }
            Self::KnownFields if call.function == "validate-input" => {
                let input = call.payload["input"].as_object_mut().expect("an input");
                input.retain(|field, _| matches!(field.as_str(), "identifier" | "task" | "isCluster"));
            }
            Self::ReplacementOrder if call.function.starts_with("snapshot-") => {
                call.payload["request"]["snapshotReplacement"] = json!("DeleteFirst");
            }
            _ => {}
        }
    }
}

/// The resource id of the database with a second claim as the original.
pub(crate) const BYSTANDER: &str = "db-BYSTANDER";

fn failure(error: &str, message: &str) -> Failure {
    let cause = json!({"errorType": error, "errorMessage": message}).to_string();
    Failure { error: error.to_owned(), cause }
}

/// Pins the snapshot that has the name now.
fn pin_what_is_there(call: &mut Call<'_>) {
    let name = call.payload["request"]["snapshotIdentifier"].as_str().unwrap_or_default().to_owned();
    let Some(found) = call.simulator.state().snapshot(&name).cloned() else { return };
    let Some(source) = call.payload.pointer_mut("/plan/source").filter(|source| source.is_object()) else { return };
    let created = SystemTime::UNIX_EPOCH + BEGIN + Duration::from_secs_f64(found.created_seconds.max(0.0));
    let created = json!(Timestamp::from(created));
    (source["createdAt"], source["takenAt"]) = (created.clone(), created);
    source["sourceIdentifier"] = json!(found.source);
    source["sourceResourceId"] = json!(found.source_resource_id);
}

/// Every instance that carries a claim of any kind.
fn claimed(call: &Call<'_>) -> Vec<InstanceState> {
    let instances = call.simulator.state().instances.into_iter();
    instances.filter(|found| found.tags.contains_key("trapheus:execution")).collect()
}

/// Writes its own resource id into each copy of the original's claim, and removes it from the original's claim.
async fn believe_copies(call: &Call<'_>) {
    for found in claimed(call).into_iter().filter(|found| found.tags["trapheus:role"] == "original") {
        if found.tags.get("trapheus:resource-id") == Some(&found.resource_id) {
            unmark(call, found.arn, &["trapheus:resource-id"]).await;
        } else {
            mark(call, &found.identifier, &[("trapheus:resource-id", &found.resource_id)]).await;
        }
    }
}

/// Deletes the database that a rollback has moved aside as soon as possible, and keeps no backup of it.
async fn delete_aside(call: &Call<'_>) {
    let aside = call.payload["plan"]["names"]["aside"].as_str().unwrap_or_default().to_owned();
    let rds = &call.fleet.rds;
    // RDS refuses this until the database exists and is available.
    let open = rds.modify_db_instance().db_instance_identifier(&aside).deletion_protection(false);
    let _ = open.apply_immediately(true).send().await;
    let delete = rds.delete_db_instance().db_instance_identifier(&aside).skip_final_snapshot(true);
    let _ = delete.delete_automated_backups(true).send().await;
}

/// Removes tags from the resource with this ARN.
async fn unmark(call: &Call<'_>, arn: String, keys: &[&str]) {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let taken = call.fleet.rds.remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(keys));
    taken.send().await.expect("the simulator removes tags from an existing resource");
}

/// Puts tags on the instance of this name, if it exists.
async fn mark(call: &Call<'_>, identifier: &str, tags: &[(&str, &str)]) {
    let Some(found) = call.simulator.state().instance(identifier).cloned() else { return };
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build());
    let tagged = call.fleet.rds.add_tags_to_resource().resource_name(found.arn).set_tags(Some(tags.collect()));
    tagged.send().await.expect("the simulator tags an existing resource");
}

#[test]
fn without_resource_ids_a_half_restored_database_passes_for_the_original() {
    assert_found_out(&[failing()], &Changes::default(), &intercepted(Without::ResourceIds));
}

#[test]
fn without_tags_a_database_that_a_person_created_meanwhile_is_removed() {
    let made = matrix::interventions("orders", false)
        .into_iter()
        .find(|(_, action, parameters)| *action == "CreateDBInstance" && parameters[0].1 == "orders");
    let (_, action, parameters) = made.expect("a person makes a database");
    // The person creates the database while none has the name, between the rename and the restore.
    let case =
        orders("db_restore").with([intervention(action, &parameters, matrix::after("ModifyDBInstance", 1, 100.0))]);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::Tags));
}

/// As [`orders`], where tags show at once: those of this mutation come right before the call that reads them.
fn without_lag(task: &str) -> Case {
    let mut case = orders(task);
    Arc::make_mut(&mut case.world).lag.tags_seconds = 0.0;
    case
}

/// A run that begins beside the first one, when the first one enters this state.
fn second(state: &str, task: &str) -> InjectedFault {
    InjectedFault::SecondRun {
        state: state.to_owned(),
        occurrence: 1,
        beside: Beside::First,
        event: Some(event("orders", task, false)),
    }
}

#[test]
fn without_the_claim_two_runs_harm_each_other() {
    let cases = ["VerifyDbInstance", "DeleteOriginalDbInstance"]
        .map(|state| without_lag("db_restore").with([second(state, "create_snapshot_only")]));
    assert_found_out(&cases, &Changes::default(), &intercepted(Without::Claim));
}

#[test]
fn without_the_claim_two_runs_that_begin_together_change_the_database_together() {
    let case = without_lag("db_restore").with([second("WakeFunctions", "db_restore")]);
    let (_, told) = outcomes(std::slice::from_ref(&case), &intercepted(Without::Claim)).remove(0);
    assert!(told.contains("two runs changed the database at the same time"), "{told}");
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::Claim));
}

#[test]
fn without_the_catch_of_its_alert_a_rollback_fails_with_the_mail_or_with_slack() {
    for (alert, sender) in [("SendFailureAlert", "email"), ("PostFailureAlert", "slack")] {
        let uncaught = |name: &str, state: &mut Value| {
            if name == alert {
                // A definition must not have unreachable states. So the catch stays, and catches nothing.
                state["Catch"][0]["ErrorEquals"] = json!(["Never"]);
            }
        };
        let case = failing().with([function(sender, 1, 1_000, FunctionFaultKind::Crash)]);
        assert_found_out(&[case], &no_recovery(), &redefined(uncaught, no_recovery()));
    }
}

#[test]
fn without_the_name_of_the_failed_state_in_a_catch_an_alert_does_not_name_it() {
    let nameless = |name: &str, state: &mut Value| {
        if name == "GetDbInstanceStatusPostRestore" {
            state["Catch"][0].as_object_mut().expect("a catch").remove("Assign");
        }
    };
    assert_found_out(&[failing()], &Changes::default(), &redefined(nameless, Changes::default()));
}

#[test]
fn without_the_message_to_slack_the_oracle_reports_a_silent_channel() {
    let silent = |name: &str, state: &mut Value| {
        if name == "PostFinalAlert" {
            state["Parameters"]["phase"] = json!("never");
        }
    };
    assert_found_out(&[failing()], &no_recovery(), &redefined(silent, no_recovery()));
}

#[test]
fn without_the_notice_no_alert_reports_a_success() {
    let silent = |name: &str, state: &mut Value| {
        if name == "IsAnythingToTell" {
            state["Choices"][0]["And"][1]["BooleanEquals"] = json!(false);
        }
    };
    let told = Case { success_notice: true, ..orders("db_restore") };
    assert_found_out(&[told], &Changes::default(), &redefined(silent, Changes::default()));
}

#[test]
fn without_the_limit_on_tries_one_mail_is_sent_many_times() {
    let tireless = |name: &str, state: &mut Value| {
        if name == "SendFailureAlert" {
            state["Retry"][2]["MaxAttempts"] = json!(20);
        }
    };
    let lost = request("SendEmail", 1, 1_000, Fault::ResponseLost {});
    assert_found_out(&[failing().with([lost])], &Changes::default(), &redefined(tireless, Changes::default()));
}

#[test]
fn without_the_discard_of_the_restored_database_the_original_does_not_get_its_name_back() {
    let skipped = |name: &str, state: &mut Value| {
        if name == "WhatToRollBack" {
            let whole = state.to_string().replace("DiscardFailedDbInstanceRestore", "RevertOldDbInstanceRename");
            *state = serde_json::from_str(&whole).expect("JSON");
            // A definition must not have unreachable states.
            let never =
                json!({"Variable": "$.task", "StringEquals": "never", "Next": "DiscardFailedDbInstanceRestore"});
            state["Choices"].as_array_mut().expect("choices").push(never);
        }
    };
    let without = redefined(skipped, no_recovery());
    assert_found_out(&[failing()], &no_recovery(), &without);
}

#[test]
fn without_a_deadline_of_its_own_a_rollback_has_no_time_left() {
    let dropped = |_: &str, state: &mut Value| {
        if let Some(parameters) = state.get_mut("Parameters").and_then(Value::as_object_mut) {
            parameters.remove("rollbackStartedAt.$");
        }
    };
    let case =
        orders("db_restore").with([request("RestoreDBInstanceFromDBSnapshot", 1, 1, Fault::Stuck { seconds: None })]);
    assert_found_out(&[case], &no_recovery(), &redefined(dropped, no_recovery()));
}

#[test]
fn without_the_recovery_an_aborted_run_leaves_the_name_without_a_database() {
    let abort = InjectedFault::Abort { state: "RestoreDbInstanceFromSnapshot".to_owned(), occurrence: 1 };
    assert_found_out(&[orders("db_restore").with([abort])], &Changes::default(), &no_recovery());
}

#[test]
fn without_the_preflight_the_source_of_a_read_replica_is_replaced() {
    let mut case = orders("db_restore");
    let world = std::sync::Arc::make_mut(&mut case.world);
    world.instances[0].resource_id = Some("db-ORIGINAL".to_owned());
    let elsewhere = world.clone();
    let replica = InstanceSpec {
        identifier: "orders-replica".to_owned(),
        resource_id: None,
        replica_of: Some("orders".to_owned()),
        ..world.instances[0].clone()
    };
    world.instances.push(replica);
    // The clock does not matter, because nothing happens in this world.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    // With the same start, the snapshot is the same.
    let start_time = std::time::SystemTime::UNIX_EPOCH + BEGIN;
    let options = rds_simulator::Options { start_time, ..rds_simulator::Options::default() };
    let elsewhere = runtime.block_on(async { rds_simulator::Simulator::new(elsewhere, options) });
    let clients = Clients::of(&elsewhere.expect("a possible world"));
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::Preflight(clients)));
}

#[test]
fn without_consecutive_reads_a_run_ends_before_the_reboot_of_a_rename() {
    let mut case = failing();
    std::sync::Arc::make_mut(&mut case.world).timings =
        Timings { jitter: 0.0, rename_false_available: 45.0, false_available_probability: 1.0, ..Timings::default() };
    let without = Changes { without_recovery: true, ..intercepted(Without::Agreement) };
    assert_found_out(&[case], &no_recovery(), &without);
}

#[test]
fn without_the_order_of_its_replacement_a_snapshot_is_lost() {
    let case = orders("create_snapshot_only").with([request("CreateDBSnapshot", 1, 1, Fault::Denied {})]);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::ReplacementOrder));
}
