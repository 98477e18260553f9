//! Lambda function `validate-input`: see [`trapheus_common::input`].

use trapheus_common::input::{ValidateOptions, validate};
use trapheus_common::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let options = ValidateOptions::from_environment()?;
    lambda::run(async |event, _| validate(options, event)).await
}
