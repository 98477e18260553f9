//! Lambda function `validate-input`: see [`trapheus_preflight::validate`].

use trapheus_common::lambda;
use trapheus_preflight::validate::{ValidateOptions, validate};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let options = ValidateOptions::from_environment()?;
    lambda::run(async |event, _| validate(options, event)).await
}
