//! The environment of executions: one simulated region, the functions, the rule that starts a recovery, and the faults of
//! functions and executions.
//!
//! This module owns the effect of every fault that is not the simulator's. A called function works to its end,
//! whatever happens to the calling execution, as in Lambda. Calls are therefore separate tasks. All code here stays on one
//! thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use rds_simulator::Simulator;
use serde_json::{Value, json};
use states_language::{
    Execution, ExecutionOptions, HistoryEvent, Observer, Outcome, StateMachine, Status, StopHandle, TaskFailure,
    TaskHandler, TaskRequest,
};
use tokio::time::Instant;
use trapheus_common::functions::PipelineStep;

use crate::cost::Usage;
use crate::fleet::{Failure, Fleet};
use crate::injection::{Beside, FunctionFault, FunctionFaultKind, InjectedFault};
use crate::lambda::{INACTIVE, Idle, LambdaError, SERVICE_FAILED, THROTTLED};
use crate::rehearsal::{ACCOUNT, Clients, REGION, STATE_MACHINE, execution_arn};
use crate::report::{OtherRun, Redriven, RunRole};
use crate::struck::{Strikes, Struck};
use crate::timeline::{Audience, Step, Timeline};

/// The time from the end of an execution until the rule has started its recovery. EventBridge usually takes this long.
const RULE_LATENCY: Duration = Duration::from_secs(1);

/// An interceptor between the state machine and the functions. A test uses it to remove a safeguard.
pub trait Interceptor: fmt::Debug {
    /// Answers a call, for example with [`Call::proceed`].
    fn call<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Result<Value, Failure>>;
}

/// One invocation of a function.
#[derive(Debug)]
pub struct Call<'a> {
    pub function: &'a str,
    /// The calling state.
    pub state: &'a str,
    pub payload: Value,
    /// The ARN of the calling execution.
    pub execution: &'a str,
    pub simulator: &'a Simulator,
    pub fleet: &'a Fleet,
}

impl Call<'_> {
    /// Calls the function itself.
    pub async fn proceed(self) -> Result<Value, Failure> {
        self.fleet.call(self.function, self.payload).await
    }
}

/// An execution to start.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) role: Option<RunRole>,
    pub(crate) name: String,
    pub(crate) input: Value,
    pub(crate) seed: u64,
    pub(crate) fleet: Rc<Fleet>,
}

impl Run {
    pub(crate) fn arn(&self) -> String {
        execution_arn(&self.name)
    }
}

/// An execution that has ended.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) steps: Vec<Step>,
    /// The earlier ends, each followed by a redrive.
    pub(crate) redriven: Vec<Redriven>,
}

/// The state that all executions of a rehearsal share.
pub(crate) struct Environment {
    pub(crate) simulator: Simulator,
    pub(crate) machine: StateMachine,
    pub(crate) interceptor: Option<Rc<dyn Interceptor>>,
    /// The wall-clock time at the start of the simulator's clock.
    pub(crate) epoch: SystemTime,
    pub(crate) recovers: bool,
    /// The faults of the first execution.
    pub(crate) execution_faults: Vec<InjectedFault>,
    /// Functions that sleep in this world.
    pub(crate) idle: RefCell<Idle>,
    function_faults: RefCell<Vec<Faulty>>,
    /// Faults of functions and executions that took effect.
    struck: RefCell<Vec<Struck>>,
    usage: Cell<Usage>,
    others: RefCell<Vec<OtherRun>>,
    /// The number of second runs started so far.
    seconds: Cell<u64>,
    /// The number of entries into a state that a fault names, by role. All executions of a role count together: a fault
    /// strikes once, though each recovery may lead to another one.
    entries: RefCell<HashMap<(Option<RunRole>, String), u32>>,
}

impl Environment {
    pub(crate) fn new(simulator: Simulator, machine: StateMachine, epoch: SystemTime) -> Self {
        Self {
            simulator,
            machine,
            interceptor: None,
            epoch,
            recovers: false,
            execution_faults: Vec::new(),
            idle: RefCell::default(),
            function_faults: RefCell::default(),
            struck: RefCell::default(),
            usage: Cell::default(),
            others: RefCell::default(),
            seconds: Cell::default(),
            entries: RefCell::default(),
        }
    }

    /// Takes the faults, and passes the simulator its part.
    pub(crate) fn inject(&mut self, faults: Vec<InjectedFault>) {
        for fault in faults {
            match fault {
                InjectedFault::Request(rule) => self.simulator.inject(rule),
                InjectedFault::Intervention(intervention) => self.simulator.intervene(intervention),
                InjectedFault::Function(fault) => self.function_faults.get_mut().push(Faulty::new(fault)),
                other => self.execution_faults.push(other),
            }
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        self.usage.get()
    }

    /// The executions besides the first, in the order of their start.
    pub(crate) fn take_others(&self) -> Vec<OtherRun> {
        let mut others = self.others.take();
        others.sort_by(|one, other| one.started_seconds.total_cmp(&other.started_seconds));
        others
    }

    /// The effects of every fault, once all executions have ended. `run` is the execution whose requests carry no label.
    pub(crate) fn take_strikes(&self, run: &Run) -> Strikes {
        let functions = self.function_faults.take().into_iter().map(|faulty| InjectedFault::Function(faulty.fault));
        let others = functions.chain(self.execution_faults.iter().cloned());
        Strikes::new(&self.simulator, others, self.struck.take(), &run.name)
    }

    /// Records that a fault takes effect now.
    fn strike(&self, fault: InjectedFault, occurrence: u32, execution: &str, state: &str) {
        self.struck.borrow_mut().push(Struck {
            execution: Some(execution.to_owned()),
            state: Some(state.to_owned()),
            function: match &fault {
                InjectedFault::Function(fault) => Some(fault.function.clone()),
                _ => None,
            },
            ..Struck::new(fault, self.simulator.now().as_secs_f64(), occurrence)
        });
    }

    fn wall_clock(&self) -> SystemTime {
        self.epoch + self.simulator.now()
    }

    /// Runs an execution to its last end. After each end, a recovery follows if the rule says so.
    pub(crate) async fn execute(self: &Rc<Self>, run: &Run, audience: &mut dyn Audience) -> Ended {
        let options = self.options(run);
        let arn = options.execution_arn.clone();
        self.register(&options);
        let halt = Rc::new(Halt::default());
        let calls = Calls { environment: Rc::clone(self), fleet: Rc::clone(&run.fleet), halt: Rc::clone(&halt) };
        let mut watch = Watch { timeline: Timeline::new(audience), environment: self, run, halt: &halt };
        let mut redriven = Vec::new();
        let mut execution = Execution::new(&self.machine, &calls, options);
        if self.is_redriven(run) {
            execution = execution.keeping_bookmark();
        }
        let mut outcome = self.attend(execution, &mut watch).await;
        while outcome.status != Status::Succeeded {
            let ends = redriven.len() + 1;
            if self.recovers && run.role != Some(RunRole::Recovery) {
                self.start_recovery(run, outcome.status.name(), ends);
            }
            let Some((fault, pause)) = self.redrive_of(run, ends) else { break };
            let ended_seconds = self.simulator.now().as_secs_f64();
            tokio::time::sleep(pause).await;
            let at = Timestamp::try_from(self.wall_clock()).unwrap_or_default();
            // A redrive that Step Functions refuses does not strike.
            let Ok(execution) = Execution::redrive(&self.machine, &calls, &outcome, at) else { break };
            self.note_redrive(&arn, fault, ends);
            let at_seconds = self.simulator.now().as_secs_f64();
            let (status, error) = (outcome.status.name().to_owned(), outcome.error.clone());
            redriven.push(Redriven { status, error, ended_seconds, at_seconds });
            outcome = self.attend(execution, &mut watch).await;
        }
        self.use_more(|usage| usage.transitions += outcome.state_transitions);
        Ended { outcome, steps: watch.timeline.into_steps(), redriven }
    }

    /// Runs an execution from its start or redrive to the next end, and publishes that end.
    async fn attend<'e>(&self, mut execution: Execution<'e>, watch: &'e mut Watch<'_>) -> Outcome {
        watch.halt.listen(execution.stop_handle());
        let arn = watch.run.arn();
        let outcome = execution.observed_by(watch).run().await;
        let stopped = self.wall_clock();
        self.simulator.update_execution(&arn, |execution| {
            outcome.status.name().clone_into(&mut execution.status);
            execution.stop_date = Some(stopped);
            execution.error.clone_from(&outcome.error);
            execution.cause.clone_from(&outcome.cause);
        });
        outcome
    }

    /// Whether a person will redrive this execution.
    fn is_redriven(&self, run: &Run) -> bool {
        let redrives = |fault: &InjectedFault| matches!(fault, InjectedFault::Redrive { .. });
        run.role.is_none() && self.execution_faults.iter().any(redrives)
    }

    /// The redrive that follows this end of the execution, and the time until then.
    fn redrive_of(&self, run: &Run, ends: usize) -> Option<(InjectedFault, Duration)> {
        let mut faults = self.execution_faults.iter().filter(|_| run.role.is_none());
        faults.find_map(|fault| match fault {
            InjectedFault::Redrive { occurrence, seconds } if usize::try_from(*occurrence) == Ok(ends) => {
                Some((fault.clone(), Duration::from_secs_f64(*seconds)))
            }
            _ => None,
        })
    }

    /// Publishes that the execution runs again.
    fn note_redrive(&self, arn: &str, fault: InjectedFault, ends: usize) {
        let at = self.wall_clock();
        self.simulator.update_execution(arn, |execution| execution.redrive(at));
        let occurrence = u32::try_from(ends).unwrap_or(u32::MAX);
        self.struck.borrow_mut().push(Struck {
            execution: Some(arn.to_owned()),
            ..Struck::new(fault, self.simulator.now().as_secs_f64(), occurrence)
        });
    }

    fn options(&self, run: &Run) -> ExecutionOptions {
        ExecutionOptions {
            execution_arn: run.arn(),
            execution_name: run.name.clone(),
            state_machine_arn: format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STATE_MACHINE}"),
            state_machine_name: STATE_MACHINE.to_owned(),
            role_arn: format!("arn:aws:iam::{ACCOUNT}:role/Trapheus"),
            start_time: Timestamp::try_from(self.wall_clock()).unwrap_or_default(),
            seed: run.seed,
            ..ExecutionOptions::new(run.input.clone())
        }
    }

    /// Publishes the execution for lookups, such as those of the claim.
    fn register(&self, execution: &ExecutionOptions) {
        self.simulator.register_execution(rds_simulator::Execution {
            arn: execution.execution_arn.clone(),
            state_machine_arn: execution.state_machine_arn.clone(),
            status: "RUNNING".to_owned(),
            input: execution.input.to_string(),
            start_date: self.wall_clock(),
            stop_date: None,
            error: None,
            cause: None,
            redriven: None,
        });
    }

    /// Starts the recovery, as the rule does after each end of the execution.
    fn start_recovery(self: &Rc<Self>, of: &Run, status: &str, ends: usize) {
        let stopped_at = Timestamp::try_from(self.wall_clock()).unwrap_or_default();
        let stopped_at = stopped_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let input = json!({"task": "recover", "execution": of.arn(), "status": status, "stoppedAt": stopped_at});
        let again = if ends == 1 { String::new() } else { format!("-{ends}") };
        self.start(RunRole::Recovery, format!("{}-recovery{again}", of.name), input, of, RULE_LATENCY);
    }

    fn start_second(self: &Rc<Self>, beside: &Run, event: Option<&Value>) {
        self.seconds.set(self.seconds.get() + 1);
        let name = format!("{}-second-{}", beside.name, self.seconds.get());
        let input = event.unwrap_or(&beside.input).clone();
        self.start(RunRole::Second, name, input, beside, Duration::ZERO);
    }

    /// Starts another execution beside the running ones.
    fn start(self: &Rc<Self>, role: RunRole, name: String, input: Value, beside: &Run, after: Duration) {
        // Each execution has its own caller, which distinguishes its requests from those of others.
        let caller = self.simulator.on_behalf_of(&name);
        let Clients { rds, ses, sfn, webhooks } = Clients::of(&caller);
        let fleet = Rc::new(Fleet { rds, ses, sfn, webhooks, ..(*beside.fleet).clone() });
        let seed = beside.seed.wrapping_add(0x9E37_79B9).rotate_left(u32::from(role == RunRole::Recovery));
        let run = Run { role: Some(role), name, input, seed, fleet };
        let environment = Rc::clone(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(after).await;
            let started_seconds = environment.simulator.now().as_secs_f64();
            let Ended { outcome, steps, .. } = environment.execute(&run, &mut ()).await;
            let changes = environment.simulator.changes_by(&run.name);
            let other = OtherRun::new(role, run.arn(), run.input, outcome, steps, started_seconds, changes);
            environment.others.borrow_mut().push(other);
        });
    }

    /// The fault of this invocation. Every matching fault counts the invocation, and the first takes effect.
    fn meet(&self, invocation: &Invocation) -> Option<FunctionFaultKind> {
        let only_wakes = invocation.payload == json!({"wake": true});
        let now = self.simulator.now();
        let mut met = None;
        let mut faults = self.function_faults.borrow_mut();
        for faulty in faults.iter_mut().filter(|faulty| faulty.fault.function == invocation.function) {
            if let Some(number) = faulty.meets(only_wakes, now) {
                met.get_or_insert_with(|| (faulty.fault.clone(), number));
            }
        }
        let (fault, occurrence) = met?;
        let kind = fault.fault;
        self.strike(InjectedFault::Function(fault), occurrence, &invocation.execution, &invocation.state);
        Some(kind)
    }

    /// Invokes a function as Lambda does, with its faults.
    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failure> {
        let begin = Instant::now();
        let limit = PipelineStep::of_function(&invocation.function).time_limit;
        let sleeps = self.idle.borrow_mut().sleeps(&invocation.function, self.simulator.now());
        // A function that sleeps in this world meets no other fault.
        let met = if sleeps { None } else { self.meet(&invocation) };
        let answer = match met {
            _ if sleeps => Err(refused(INACTIVE)),
            None => self.work(invocation).await,
            Some(FunctionFaultKind::Crash) => Err(Failure::crashed()),
            Some(FunctionFaultKind::ServiceException) => Err(refused(SERVICE_FAILED)),
            Some(FunctionFaultKind::TooManyRequests) => Err(refused(THROTTLED)),
            Some(FunctionFaultKind::Lambda(error)) => Err(error.into()),
            Some(FunctionFaultKind::Asleep(_)) => Err(refused(INACTIVE)),
            Some(FunctionFaultKind::AnswerLost) => {
                // The function's answer is lost.
                let _ = self.work(invocation).await;
                Err(Failure::ended_without_answer())
            }
            Some(FunctionFaultKind::TimeOut) => {
                let _ = self.work(invocation).await;
                tokio::time::sleep_until(begin + limit).await;
                Err(Failure::timed_out(limit))
            }
        };
        self.use_more(|usage| {
            usage.invocations += 1;
            usage.function_time += begin.elapsed();
        });
        answer
    }

    async fn work(&self, invocation: Invocation) -> Result<Value, Failure> {
        let Invocation { function, state, payload, execution, fleet } = invocation;
        let call = Call {
            function: &function,
            state: &state,
            payload,
            execution: &execution,
            simulator: &self.simulator,
            fleet: &fleet,
        };
        let answer = async {
            match &self.interceptor {
                Some(interceptor) => interceptor.call(call).await,
                None => call.proceed().await,
            }
        };
        rds_simulator::in_step(&state, answer).await
    }

    fn use_more(&self, add: impl FnOnce(&mut Usage)) {
        let mut usage = self.usage.get();
        add(&mut usage);
        self.usage.set(usage);
    }
}

/// Lambda refuses an invocation with an error of its table.
fn refused(name: &str) -> Failure {
    LambdaError::named(name).map_or_else(|problem| unreachable!("{problem}"), Failure::from)
}

/// A function's fault, and its invocations so far.
struct Faulty {
    fault: FunctionFault,
    /// The number of invocations that do more than wake the function.
    seen: u32,
    /// The time of the first call while the function was asleep.
    called: Option<Duration>,
}

impl Faulty {
    fn new(fault: FunctionFault) -> Self {
        Self { fault, seen: 0, called: None }
    }

    /// The number of this invocation, if it meets the fault. An invocation that only wakes the function does not count, and
    /// the only fault that it can meet is sleep.
    fn meets(&mut self, only_wakes: bool, now: Duration) -> Option<u32> {
        let number = self.seen + 1;
        if !only_wakes {
            self.seen = number;
        }
        let FunctionFault { occurrence, times, fault, .. } = self.fault;
        let is_met = match fault {
            FunctionFaultKind::Asleep(seconds) => {
                let wakes_after = Duration::from_secs(seconds.into());
                number >= occurrence && now < *self.called.get_or_insert(now) + wakes_after
            }
            _ => !only_wakes && (occurrence..=occurrence.saturating_add(times.saturating_sub(1))).contains(&number),
        };
        is_met.then_some(number)
    }
}

/// A call of a function, which outlives the calling execution.
struct Invocation {
    function: String,
    state: String,
    payload: Value,
    execution: String,
    fleet: Rc<Fleet>,
}

/// Stops one execution.
#[derive(Default)]
struct Halt {
    handle: Cell<Option<StopHandle>>,
    halted: Cell<bool>,
    /// The state whose function ends before the execution is stopped, with the reason and the number of the entry.
    after: RefCell<Option<(String, InjectedFault, u32)>>,
}

impl Halt {
    /// Prepares for an execution that is about to run, or to run again.
    fn listen(&self, handle: StopHandle) {
        self.handle.set(Some(handle));
        self.halted.set(false);
        self.after.take();
    }

    fn stop(&self) {
        self.halted.set(true);
        if let Some(handle) = self.handle.take() {
            handle.stop(None, None);
        }
    }

    /// Stops the execution if a stop is due after the function of this state. Returns the reason and the number of the
    /// entry.
    fn stop_after(&self, state: &str) -> Option<(InjectedFault, u32)> {
        let (_, why, occurrence) = self.after.borrow_mut().take_if(|(after, ..)| after == state)?;
        self.stop();
        Some((why, occurrence))
    }
}

/// The functions as tasks of one execution.
struct Calls {
    environment: Rc<Environment>,
    fleet: Rc<Fleet>,
    halt: Rc<Halt>,
}

impl TaskHandler for Calls {
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>> {
        if self.halt.halted.get() {
            // The stopped execution ends at its next check.
            return pending().boxed_local();
        }
        let environment = Rc::clone(&self.environment);
        let invocation = Invocation {
            function: task.function.rsplit(':').next().unwrap_or_default().to_owned(),
            state: task.state.to_owned(),
            payload: task.payload,
            execution: task.execution.to_owned(),
            fleet: Rc::clone(&self.fleet),
        };
        let work = tokio::task::spawn_local(async move { environment.invoke(invocation).await });
        async move {
            let answer = match work.await {
                Ok(answer) => answer,
                Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
                // The rehearsal itself is being dropped.
                Err(_) => pending().await,
            };
            if let Some((why, occurrence)) = self.halt.stop_after(task.state) {
                self.environment.strike(why, occurrence, task.execution, task.state);
            }
            if self.halt.halted.get() {
                return pending().await;
            }
            answer.map_err(|Failure { error, cause }| TaskFailure { error, cause })
        }
        .boxed_local()
    }
}

/// Observes one execution: feeds its timeline, and triggers the faults of an entered state.
struct Watch<'a> {
    timeline: Timeline<'a>,
    environment: &'a Rc<Environment>,
    run: &'a Run,
    halt: &'a Halt,
}

impl Observer for Watch<'_> {
    fn on_event(&mut self, event: &HistoryEvent<'_>) {
        self.timeline.on_event(event);
        if let Some(state) = event.state.filter(|_| event.kind.is_entry()) {
            self.entered(state);
        }
    }
}

impl Watch<'_> {
    fn entered(&self, state: &str) {
        let here = Some((self.run.role, state));
        let faults = self.environment.execution_faults.iter().filter(|fault| at(fault) == here);
        let mut seen = None;
        for fault in faults {
            let seen = *seen.get_or_insert_with(|| {
                let mut entries = self.environment.entries.borrow_mut();
                let seen = entries.entry((self.run.role, state.to_owned())).or_default();
                *seen += 1;
                *seen
            });
            let strike = || self.environment.strike(fault.clone(), seen, &self.run.arn(), state);
            match fault {
                InjectedFault::Abort { occurrence, .. } if *occurrence == seen => {
                    self.halt.stop();
                    strike();
                }
                InjectedFault::AbortAfter { occurrence, .. } if *occurrence == seen => {
                    self.halt.after.replace(Some((state.to_owned(), fault.clone(), seen)));
                }
                InjectedFault::SecondRun { occurrence, event, .. } if *occurrence == seen => {
                    self.environment.start_second(self.run, event.as_ref());
                    strike();
                }
                _ => {}
            }
        }
    }
}

/// The execution and the state of the fault.
fn at(fault: &InjectedFault) -> Option<(Option<RunRole>, &str)> {
    match fault {
        InjectedFault::SecondRun { state, beside: Beside::Recovery, .. } => Some((Some(RunRole::Recovery), state)),
        InjectedFault::Abort { state, .. }
        | InjectedFault::AbortAfter { state, .. }
        | InjectedFault::SecondRun { state, .. } => Some((None, state)),
        _ => None,
    }
}
