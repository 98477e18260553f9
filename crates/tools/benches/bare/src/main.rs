//! A Lambda function that answers with what it is given. It is never deployed: it is the runtime alone, without an SDK,
//! logging or a handler, so what another function costs beyond it is that function's own. See
//! `crates/tools/benches/functions`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload))).await
}
