//! A Lambda function that returns its input. It is never deployed. It consists of the runtime alone, without an SDK,
//! logging or a handler. Any cost of another function beyond this one's is therefore that function's own. See
//! `crates/tools/benches/functions`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload))).await
}
