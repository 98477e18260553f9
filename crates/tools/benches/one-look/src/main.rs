//! A Lambda function that reads one DB instance with the clients of Trapheus's functions, and answers. It is never
//! deployed. It consists of the SDK, TLS and the runtime, with no logic of Trapheus. No function that makes one call can
//! cost less. See `crates/tools/benches/functions`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use trapheus_common::clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    let rds = &rds;
    run(service_fn(async |_: LambdaEvent<Box<RawValue>>| {
        let look = rds.describe_db_instances().db_instance_identifier("orders").send().await?;
        Ok::<_, Error>(look.db_instances().len())
    }))
    .await
}
