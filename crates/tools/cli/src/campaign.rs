//! The campaign: thousands of rehearsals with faults, each judged on the eight promises.
//!
//! | module | owns |
//! |---|---|
//! | [`families`] | the kinds of faults, with the behaviour of the original project and of this one |
//! | [`matrix`] | every fault at every moment of a run |
//! | `restarts` | executions that are started again, for the matrix |
//! | `field` | events around a run in a busy account |
//! | [`sources`] | restores from a chosen backup, and dry runs |
//! | [`random`] | two or three faults at once, and other worlds, by seed |
//! | [`command`] | the command: options, progress, output |
//! | [`requests`] | the functions' requests to AWS, for the proof of their permissions |
//! | [`tally`] | the results of the runs, as tables |
//!
//! This module owns a single run of the campaign ([`Case`]) and runs many side by side ([`run`]). The promises are those of
//! the oracle ([`crate::oracle`]).

pub mod command;
pub mod families;
mod field;
pub mod matrix;
pub mod random;
pub mod requests;
mod restarts;
pub mod sources;
pub mod tally;

use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::{Duration, SystemTime};

use rds_simulator::{
    Intervention, Lag, OPERATOR, Outcome, RecordedRequest, Simulator, When, World, WorldError, WorldState,
};
use serde_json::Value;
use states_language::StateMachine;
use tokio::time::Instant;
use trapheus_common::document::SnapshotReplacement;

use crate::environment::Interceptor;
use crate::injection::InjectedFault;
use crate::oracle::manual_recovery::{self, ManualRecovery};
use crate::oracle::{Broken, Evidence, Promise, examine, final_mail};
use crate::rehearsal::{BEGIN, DEFAULT_WORLD, Rehearsal};
use crate::report::Report;
use families::Family;

/// One run: its input, its world and its faults.
#[derive(Clone, Debug)]
pub struct Case {
    pub family: &'static Family,
    pub event: Value,
    pub world: Arc<World>,
    pub seed: u64,
    pub snapshot_replacement: SnapshotReplacement,
    /// Whether the deployment takes a final snapshot of the original before its deletion.
    pub final_snapshot: bool,
    /// Whether the deployment sends an alert for a success.
    pub success_notice: bool,
    pub faults: Vec<InjectedFault>,
    /// Whether all faults are ones that a run overcomes by itself.
    pub must_succeed: bool,
}

impl Case {
    /// A run without faults.
    pub fn new(family: &'static Family, event: &Value) -> Self {
        Self {
            family,
            event: event.clone(),
            world: Arc::clone(&WORLD),
            seed: 0,
            snapshot_replacement: SnapshotReplacement::default(),
            final_snapshot: false,
            success_notice: false,
            faults: Vec::new(),
            must_succeed: families::HARMLESS.contains(&family),
        }
    }

    #[must_use]
    pub fn with(mut self, faults: impl IntoIterator<Item = InjectedFault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// The command that rehearses this run. The method writes the world to a file for the command.
    pub fn replay(&self) -> Result<String, String> {
        // Writing to a String cannot fail.
        let mut command = format!("echo '{}' | trapheus rehearse -", self.event);
        if self.seed != 0 {
            let _ = write!(command, " --seed {}", self.seed);
        }
        if self.snapshot_replacement == SnapshotReplacement::DeleteFirst {
            command.push_str(" --snapshot-replacement DeleteFirst");
        }
        if self.final_snapshot {
            command.push_str(" --final-snapshot");
        }
        if self.success_notice {
            command.push_str(" --success-notice");
        }
        let world = serde_json::to_string_pretty(&*self.world).map_err(|error| error.to_string())?;
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        let folder = std::env::temp_dir().join("trapheus-campaign");
        let path = folder.join(format!("world-{:016x}.json", hasher.finish()));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, world))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        let _ = write!(command, " --world {}", path.display());
        for fault in &self.faults {
            let _ = write!(command, " --fault '{}'", fault.to_string().replace('\'', r"'\''"));
        }
        Ok(command)
    }
}

/// The delay until reads show a change, in every world of the campaign.
const LAG: Lag = Lag { tags_seconds: 20.0, rename_seconds: 10.0, execution_seconds: 30.0 };

/// The built-in world with delayed reads. All cases that do not change it share it.
static WORLD: LazyLock<Arc<World>> = LazyLock::new(|| {
    // The world is compiled in, and many tests rehearse it.
    let built_in = World::from_json(DEFAULT_WORLD).unwrap_or_else(|error| panic!("the built-in world: {error}"));
    Arc::new(World { lag: LAG, ..built_in })
});

/// Changes of the deployed pipeline. A test removes safeguards, to prove that the oracle notices their absence.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub definition: Option<StateMachine>,
    pub interceptor: Option<Rc<dyn Interceptor>>,
    pub without_recovery: bool,
}

/// A run and the oracle's verdict.
#[derive(Debug)]
pub struct Examined {
    pub report: Report,
    pub requests: Vec<RecordedRequest>,
    pub broken: Vec<Broken>,
}

/// Rehearses a case and examines it.
pub fn examined(case: &Case, changes: &Changes) -> Result<Examined, WorldError> {
    // The whole rehearsal is in this process. It needs no I/O, and the clock advances when all tasks sleep.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| panic!("cannot set up a runtime without I/O: {error}"));
    runtime.block_on(rehearse(case, changes))
}

async fn rehearse(case: &Case, changes: &Changes) -> Result<Examined, WorldError> {
    let simulator = simulator(case, World::clone(&case.world))?;
    let rehearsal = Rehearsal {
        seed: case.seed,
        snapshot_replacement: case.snapshot_replacement,
        final_snapshot: case.final_snapshot,
        success_notice: case.success_notice,
        faults: case.faults.clone(),
        recovery: !changes.without_recovery,
        definition: changes.definition.clone(),
        interceptor: changes.interceptor.clone(),
        ..Rehearsal::new(case.event.clone(), World::clone(&case.world))
    };
    let report = rehearsal.run_against(&simulator, &mut ()).await?;
    // The planned actions of people end before the oracle examines the run.
    tokio::time::sleep(last_intervention(case).saturating_sub(simulator.now())).await;
    manual_recovery::settle(&simulator).await;
    let after = simulator.state();
    let requests = simulator.requests();
    let without = without_the_run(case, &report, &requests).await?;
    let manual_recovery = match final_mail(&report).and_then(|mail| mail.text.as_deref()) {
        Some(text) => manual_recovery::play(&simulator, text).await,
        None => None,
    };
    let broken = verdict(case, &report, &requests, &after, &without, manual_recovery.as_ref());
    Ok(Examined { report, requests, broken })
}

/// The time of the last action that a person does at a fixed time.
fn last_intervention(case: &Case) -> Duration {
    let declared = case.faults.iter().filter_map(|fault| match fault {
        InjectedFault::Intervention(intervention) => Some(intervention),
        _ => None,
    });
    let times = declared.chain(&case.world.meddling).filter_map(|intervention| match intervention.when {
        When::At(seconds) => Some(Duration::from_secs_f64(seconds.max(0.0)) + Duration::from_secs(1)),
        When::After { .. } => None,
    });
    times.max().unwrap_or_default()
}

fn verdict(
    case: &Case,
    report: &Report,
    requests: &[RecordedRequest],
    after: &WorldState,
    without: &WorldState,
    manual_recovery: Option<&ManualRecovery>,
) -> Vec<Broken> {
    examine(&Evidence {
        report,
        world: &case.world,
        faults: &case.faults,
        snapshot_replacement: case.snapshot_replacement,
        final_snapshot: case.final_snapshot,
        success_notice: case.success_notice,
        must_succeed: case.must_succeed,
        requests,
        after,
        without,
        manual_recovery,
    })
}

fn simulator(case: &Case, world: World) -> Result<Simulator, WorldError> {
    let options = rds_simulator::Options { seed: case.seed, start_time: SystemTime::UNIX_EPOCH + BEGIN, speed: 1.0 };
    Simulator::new(world, options)
}

/// The world after the same time, if only people had acted and no run.
async fn without_the_run(case: &Case, report: &Report, requests: &[RecordedRequest]) -> Result<WorldState, WorldError> {
    let interventions: Vec<Intervention> = requests
        .iter()
        .filter(|request| request.caller == OPERATOR && request.outcome == Outcome::Ok)
        .map(|request| Intervention {
            when: When::At(request.at.as_secs_f64()),
            action: request.action.clone(),
            parameters: request.parameters.clone(),
        })
        .collect();
    if interventions.is_empty() {
        return Ok(report.world_before.clone());
    }
    let last = requests.last().map_or(Duration::ZERO, |request| request.at);
    let world = World { faults: Vec::new(), meddling: interventions, ..World::clone(&case.world) };
    let simulator = simulator(case, world)?;
    tokio::time::sleep_until(Instant::now() + last + Duration::from_secs(1)).await;
    manual_recovery::settle(&simulator).await;
    Ok(simulator.state())
}

/// The result of a run.
#[derive(Debug)]
pub struct Finished {
    /// The position of the run among the cases.
    pub number: usize,
    pub case: Case,
    pub status: String,
    pub error: Option<String>,
    pub requests: Vec<RecordedRequest>,
    pub broken: Vec<Broken>,
    /// Present only if the run broke a promise.
    pub report: Option<Box<Report>>,
}

/// Rehearses the cases on `jobs` threads, and passes each result to `each` as soon as it exists.
pub fn run(count: usize, case: impl Fn(usize) -> Case + Sync, jobs: usize, mut each: impl FnMut(Finished)) {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (sender, next, case) = (sender.clone(), &next, &case);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // The channel is closed once its receiver is gone.
                    if number >= count || sender.send(one(number, case(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        results.into_iter().for_each(&mut each);
    });
}

/// Runs one case. A panic counts as a broken promise to tell the truth.
fn one(number: usize, case: Case) -> Finished {
    let failed = |case: Case, what: String| Finished {
        number,
        case,
        status: "PANICKED".to_owned(),
        error: None,
        requests: Vec::new(),
        broken: vec![Broken { promise: Promise::I2, what }],
        report: None,
    };
    match catch_unwind(AssertUnwindSafe(|| examined(&case, &Changes::default()))) {
        Ok(Ok(Examined { report, requests, broken })) => Finished {
            number,
            case,
            status: report.status.clone(),
            error: report.error.clone(),
            requests,
            report: (!broken.is_empty()).then(|| Box::new(report)),
            broken,
        },
        Ok(Err(error)) => failed(case, format!("the world cannot exist: {error}")),
        Err(_) => failed(case, "it panicked".to_owned()),
    }
}
