//! Whole runs whose messages go to a real HTTP server. No failure of Slack changes the mails or the rollback.

use std::rc::Rc;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use serde_json::{Value, json};
use trapheus_cli::environment::{Call, Interceptor};
use trapheus_cli::fleet::Failure;
use trapheus_cli::rehearsal::Rehearsal;
use trapheus_cli::report::Report;
use trapheus_common::clients::lazy;
use trapheus_tests::web::Receiver;

use super::{assert_untouched, database, event, world, world_with};

/// Connects the function `slack` to a real server, through the webhooks of these paths.
#[derive(Debug)]
struct OverTheWire {
    receiver: Receiver,
    webhooks: &'static [&'static str],
}

impl Interceptor for OverTheWire {
    fn call<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        async move {
            if call.function != "slack" {
                return call.proceed().await;
            }
            let addresses = self.webhooks.iter().map(|word| format!("https://hooks.slack.com/services/T0/B0/{word}"));
            call.simulator.put_secret("trapheus/slack", &json!(addresses.collect::<Vec<_>>()).to_string());
            call.simulator.put_parameter("/trapheus/slack", "");
            let mut fleet = call.fleet.clone();
            let http = self.receiver.connector();
            fleet.webhooks.http = lazy(|| http);
            fleet.call(call.function, call.payload).await
        }
        .boxed_local()
    }
}

/// A restore that ends in a bad status and is rolled back.
fn failing(webhooks: &'static [&'static str]) -> (Report, Receiver) {
    let receiver = Receiver::start();
    let world = world_with(json!([
        {"action": "RestoreDBInstanceFromDBSnapshot", "fault": {"kind": "endsIn", "status": "failed"}}
    ]));
    let interceptor: Rc<dyn Interceptor> = Rc::new(OverTheWire { receiver: receiver.clone(), webhooks });
    let rehearsal =
        Rehearsal { interceptor: Some(interceptor), ..Rehearsal::new(event("orders", "db_restore", false), world) };
    (rehearsal.run(&mut ()).expect("a world that can exist"), receiver)
}

/// The states that last until the last alert has been sent or given up, and the last state.
const AROUND: [&str; 3] = ["FailedState", "FinalAlerts", "RestorePipelineFailed"];

/// Every step with its start, except the steps of Slack and the states that wait for them.
fn steps(report: &Report) -> Vec<(&str, f64)> {
    let is_slack = |state: &str| state.starts_with("Post") || AROUND.contains(&state);
    let steps = report.steps.iter().filter(|step| !is_slack(&step.state));
    steps.map(|step| (step.state.as_str(), step.started_seconds)).collect()
}

/// Checks that the same steps start at the same time, within 25 seconds. More random numbers make pauses a little longer or
/// shorter. One try of a webhook that does not answer takes ten seconds.
fn assert_not_delayed(report: &Report, well: &Report, why: &str) {
    let (steps, expected) = (steps(report), steps(well));
    let names = |steps: &[(&str, f64)]| steps.iter().map(|(state, _)| (*state).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&steps), names(&expected), "{why}");
    for ((state, started), (_, expected)) in steps.iter().zip(&expected) {
        assert!((started - expected).abs() < 25.0, "{why}: {state} began after {started} s instead of {expected} s");
    }
}

#[test]
fn a_bad_webhook_delays_and_stops_neither_the_others_nor_the_mail_nor_the_rollback() {
    let (well, _) = failing(&["good"]);
    for bad in ["dead", "500", "redirect", "gone", "hang"] {
        let webhooks: &'static [&'static str] = vec![bad, "good"].leak();
        let (report, slack) = failing(webhooks);
        assert_eq!((report.status.as_str(), &report.error), ("FAILED", &well.error), "{bad}");
        assert_untouched(&report, bad);
        assert_not_delayed(&report, &well, bad);
        let subjects = |report: &Report| report.mails.iter().map(|mail| mail.subject.clone()).collect::<Vec<_>>();
        assert_eq!(subjects(&report), subjects(&well), "{bad}");
        let good: Vec<_> = slack.received().into_iter().filter(|message| message.path.ends_with("good")).collect();
        let told: Vec<_> =
            good.iter().map(|message| message.body["text"].as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(told, subjects(&report), "{bad}");
        let elsewhere = slack.received().iter().filter(|message| message.path.ends_with("elsewhere")).count();
        assert_eq!(elsewhere, 0, "a redirect is followed");
    }
}

#[test]
fn without_a_working_webhook_the_mail_and_the_rollback_continue() {
    let (well, _) = failing(&["good"]);
    let (report, slack) = failing(&["dead", "500", "redirect", "gone", "hang"]);
    assert_untouched(&report, "no webhook works");
    assert_not_delayed(&report, &well, "no webhook works");
    assert_eq!((report.mails.len(), report.error), (2, well.error));
    // Each of the two alerts is sent three times in all, because the first message may have been posted.
    let hung = slack.received().iter().filter(|message| message.path.ends_with("hang")).count();
    assert_eq!(hung, 6);
}

#[test]
fn a_success_is_reported_only_if_the_stack_asks_for_it() {
    let restore = || Rehearsal::new(event("orders", "create_snapshot", false), world());
    let silent = restore().run(&mut ()).expect("a world that can exist");
    assert_eq!((silent.status.as_str(), silent.mails.len(), silent.posts.len()), ("SUCCEEDED", 0, 0));
    let told = Rehearsal { success_notice: true, ..restore() }.run(&mut ()).expect("a world that can exist");
    assert_eq!((told.status.as_str(), told.mails.len(), told.posts.len()), ("SUCCEEDED", 1, 2));
    assert_eq!(told.output.as_ref().map(|output| &output["notice"]["slack"]["delivered"]), Some(&json!(2)));
    let mail = told.mails[0].text.clone().unwrap_or_default();
    assert!(mail.contains("Duration:") && mail.contains("without an available database under the name"), "{mail}");
    assert_eq!(database(&told.world, "orders", false).map(|(_, status)| status), Some("available"));
}

#[test]
fn the_notice_is_sent_before_the_original_is_deleted_and_the_claim_released() {
    for (identifier, is_cluster, task, around) in [
        ("orders", false, "create_snapshot", ["ProtectDbInstance", "DeleteOriginalDbInstance"]),
        ("shop", true, "db_restore", ["ProtectCluster", "DeleteOriginalCluster"]),
        ("orders", false, "create_snapshot_only", ["GetDbSnapshotStatus", "ReleaseDbInstance"]),
        ("ledger", true, "create_snapshot_only", ["GetClusterSnapshotStatus", "ReleaseCluster"]),
    ] {
        let rehearsal = Rehearsal::new(event(identifier, task, is_cluster), world());
        let report = Rehearsal { success_notice: true, ..rehearsal }.run(&mut ()).expect("a world that can exist");
        assert_eq!((report.status.as_str(), report.mails.len()), ("SUCCEEDED", 1), "{identifier}: {task}");
        let entered = |name| report.steps.iter().position(|step| step.state == name).expect(name);
        let [before, after] = around.map(entered);
        assert!((before..after).contains(&entered("SuccessNotices")), "{identifier}: {task}");
        let text = report.mails[0].text.clone().unwrap_or_default();
        let says_what_is_left = text.contains(&format!("The original, {identifier}-temp, is deleted next"));
        assert_eq!(says_what_is_left, task != "create_snapshot_only", "{text}");
    }
}

#[test]
fn a_run_that_fails_after_its_notice_sends_both_alerts_of_a_failure() {
    let faults = json!([{"action": "DeleteDBInstance", "times": 1000, "fault": {"kind": "denied"}}]);
    let rehearsal = Rehearsal::new(event("orders", "db_restore", false), world_with(faults));
    let report = Rehearsal { success_notice: true, ..rehearsal }.run(&mut ()).expect("a world that can exist");
    assert_eq!(report.status, "FAILED");
    let subjects: Vec<&str> = report.mails.iter().map(|mail| mail.subject.as_str()).collect();
    let [notice, first, last] = subjects.as_slice() else { panic!("{subjects:?}") };
    assert!(notice.ends_with("is verified (nothing to do)"), "{notice}");
    assert!(first.contains("failed at DeleteOriginalDbInstance (the restored database stays)"), "{first}");
    assert!(last.starts_with("Trapheus: ACTION NEEDED"), "{last}");
}

#[test]
fn a_notice_that_cannot_be_sent_fails_no_run() {
    let faults = json!([
        {"action": "SendEmail", "times": 1000, "fault": {"kind": "denied"}},
        {"action": "PostMessage", "times": 1000, "fault": {"kind": "serverError"}}
    ]);
    let rehearsal = Rehearsal::new(event("orders", "db_restore", false), world_with(faults));
    let report = Rehearsal { success_notice: true, ..rehearsal }.run(&mut ()).expect("a world that can exist");
    assert_eq!((report.status.as_str(), report.mails.len(), report.posts.len()), ("SUCCEEDED", 0, 0));
    let notice = &report.output.as_ref().expect("an output")["notice"];
    assert_eq!(
        (&notice["mail"]["Error"], &notice["slack"]["Error"]),
        (&json!("AccessDeniedException"), &json!("ServiceUnavailableException"))
    );
}

#[test]
fn a_mail_that_ses_takes_without_an_answer_is_sent_three_times_at_most() {
    for fault in [json!({"kind": "slow", "seconds": 3_600.0}), json!({"kind": "responseLost"})] {
        let faults = json!([
            {"action": "RestoreDBInstanceFromDBSnapshot", "fault": {"kind": "endsIn", "status": "failed"}},
            {"action": "SendEmail", "times": 1000, "fault": fault}
        ]);
        let rehearsal = Rehearsal::new(event("orders", "db_restore", false), world_with(faults));
        let report = rehearsal.run(&mut ()).expect("a world that can exist");
        assert_untouched(&report, "SES does not answer");
        let copies = |last: bool| report.mails.iter().filter(|mail| mail.subject.contains("(final") == last).count();
        assert_eq!((copies(false), copies(true)), (3, 3));
    }
}
