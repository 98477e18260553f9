//! The payload of each function: its first call in a set of rehearsals that together reach every function.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use rds_simulator::World;
use serde_json::{Value, json};
use trapheus_cli::environment::{Call, Interceptor};
use trapheus_cli::fleet::Failure;
use trapheus_cli::rehearsal::{DEFAULT_WORLD, Rehearsal};

use crate::Result;

#[derive(Debug, Default)]
struct Recorder(RefCell<BTreeMap<String, Value>>);

impl Interceptor for Recorder {
    fn call<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, std::result::Result<Value, Failure>> {
        self.0.borrow_mut().entry(call.function.to_owned()).or_insert_with(|| call.payload.clone());
        // A run whose verification fails also calls the functions of its rollback.
        let is_last = call.function.starts_with("verify-") && call.payload["request"]["task"] == "db_restore";
        if is_last {
            let cause = json!({"errorType": "VerificationException", "errorMessage": "as asked"}).to_string();
            let failure = Failure { error: "VerificationException".to_owned(), cause };
            return Box::pin(async { Err(failure) });
        }
        Box::pin(call.proceed())
    }
}

/// The payloads, by function.
pub(crate) fn recorded() -> Result<BTreeMap<String, Value>> {
    let recorder = Rc::new(Recorder::default());
    for (identifier, is_cluster) in [("orders", false), ("shop", true)] {
        for task in ["create_snapshot", "db_restore"] {
            // A run with `db_restore` takes no snapshot that it could export.
            let export = task == "create_snapshot";
            let event = json!({"identifier": identifier, "task": task, "isCluster": is_cluster, "export": export});
            let world = World::from_json(DEFAULT_WORLD)?;
            let rehearsal = Rehearsal { interceptor: Some(recorder.clone()), ..Rehearsal::new(event, world) };
            // The outcome of the rehearsal does not matter here.
            rehearsal.run(&mut ())?;
        }
    }
    Ok(recorder.0.take())
}
