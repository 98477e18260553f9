//! What each function is called with: what it is called with first in rehearsals that together reach all of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use rds_simulator::World;
use serde_json::{Value, json};
use trapheus_cli::fleet::Failure;
use trapheus_cli::rehearsal::{DEFAULT_WORLD, Rehearsal};
use trapheus_cli::stage::{Around, Call};

use crate::Result;

#[derive(Debug, Default)]
struct Recorder(RefCell<BTreeMap<String, Value>>);

impl Around for Recorder {
    fn call<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, std::result::Result<Value, Failure>> {
        self.0.borrow_mut().entry(call.function.to_owned()).or_insert_with(|| call.payload.clone());
        // A run that is undone in the end calls what undoes it, too.
        let is_last = call.function.starts_with("verify-") && call.payload["request"]["task"] == "db_restore";
        if is_last {
            let cause = json!({"errorType": "VerificationException", "errorMessage": "as asked"}).to_string();
            let failure = Failure { error: "VerificationException".to_owned(), cause };
            return Box::pin(async { Err(failure) });
        }
        Box::pin(call.proceed())
    }
}

/// Payloads by function.
pub(crate) fn recorded() -> Result<BTreeMap<String, Value>> {
    let recorder = Rc::new(Recorder::default());
    for (identifier, is_cluster) in [("orders", false), ("shop", true)] {
        for task in ["create_snapshot", "db_restore"] {
            // What only restores has no snapshot to export.
            let export = task == "create_snapshot";
            let event = json!({"identifier": identifier, "task": task, "isCluster": is_cluster, "export": export});
            let world = World::from_json(DEFAULT_WORLD)?;
            let rehearsal = Rehearsal { around: Some(recorder.clone()), ..Rehearsal::new(event, world) };
            // How it ends is of no interest here.
            rehearsal.run(&mut ())?;
        }
    }
    Ok(recorder.0.take())
}
