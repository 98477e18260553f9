//! The requested faults that took effect, with place and time, and those that never did.
//!
//! The simulator reports faults of requests and people ([`rds_simulator::Strike`]). The environment reports faults of
//! functions and executions. A fault that only matched has not struck. A rehearsal that met no fault must not look like one
//! that survived it.

use std::collections::BTreeMap;

use rds_simulator::{Outcome, RecordedRequest, Simulator, StruckBy};
use serde::{Serialize, Serializer};

use crate::injection::InjectedFault;
use crate::rehearsal::execution_arn;

/// A fault at the moment of its effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Struck {
    /// The requested fault; in JSON, the short form of `--fault`.
    #[serde(serialize_with = "as_text")]
    pub fault: InjectedFault,
    /// Seconds since the world began.
    pub at_seconds: f64,
    /// The number of the matching request, invocation or entry, counted from 1.
    pub occurrence: u32,
    /// The ARN of the execution that met the fault; `None` for a person's action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The entered state, or the one whose function met the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The request that met the fault, or a person's request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<StruckRequest>,
    /// The code with which RDS refused a person's request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The request of a strike.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StruckRequest {
    /// The position among all requests of the simulator.
    #[serde(skip)]
    pub position: usize,
    pub action: String,
    pub parameters: BTreeMap<String, String>,
}

/// The effects of the requested faults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strikes {
    pub(crate) struck: Vec<Struck>,
    pub(crate) never: Vec<InjectedFault>,
}

impl Strikes {
    /// Collects the faults of the simulator and the environment. `others` are the environment's faults, `struck` its
    /// strikes. `execution` is the name of the execution whose requests carry no label.
    pub(crate) fn new(
        simulator: &Simulator,
        others: impl IntoIterator<Item = InjectedFault>,
        mut struck: Vec<Struck>,
        execution: &str,
    ) -> Self {
        let faults: Vec<InjectedFault> = simulator.faults().into_iter().map(InjectedFault::Request).collect();
        let interventions: Vec<InjectedFault> =
            simulator.interventions().into_iter().map(InjectedFault::Intervention).collect();
        let requests = simulator.requests();
        struck.extend(simulator.strikes().into_iter().map(|strike| {
            let request = &requests[strike.request];
            let (at_seconds, occurrence) = (strike.at.as_secs_f64(), strike.occurrence);
            let seen = StruckRequest {
                position: strike.request,
                action: request.action.clone(),
                parameters: request.parameters.clone(),
            };
            match strike.by {
                StruckBy::Fault(rule) => Struck {
                    execution: Some(execution_of(request, execution)),
                    state: some(&request.step),
                    function: some(&request.role),
                    request: Some(seen),
                    ..Struck::new(faults[rule].clone(), at_seconds, occurrence)
                },
                StruckBy::Intervention(rule) => Struck {
                    refused: refusal(request),
                    request: Some(seen),
                    ..Struck::new(interventions[rule].clone(), at_seconds, occurrence)
                },
            }
        }));
        struck.sort_by(|one, other| one.at_seconds.total_cmp(&other.at_seconds));
        let requested = faults.into_iter().chain(interventions).chain(others);
        let never = requested.filter(|fault| !struck.iter().any(|strike| strike.fault == *fault)).collect();
        Self { struck, never }
    }
}

impl Struck {
    pub(crate) fn new(fault: InjectedFault, at_seconds: f64, occurrence: u32) -> Self {
        Self {
            fault,
            at_seconds,
            occurrence,
            execution: None,
            state: None,
            function: None,
            request: None,
            refused: None,
        }
    }
}

fn execution_of(request: &RecordedRequest, unlabelled: &str) -> String {
    execution_arn(if request.caller.is_empty() { unlabelled } else { &request.caller })
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn refusal(request: &RecordedRequest) -> Option<String> {
    match &request.outcome {
        Outcome::Error(code) => Some(code.clone()),
        _ => None,
    }
}

fn as_text<S: Serializer>(fault: &InjectedFault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fault)
}

/// The short forms, in a list.
pub(crate) fn as_texts<S: Serializer>(faults: &[InjectedFault], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(faults.iter().map(ToString::to_string))
}
