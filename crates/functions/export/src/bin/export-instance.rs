//! Lambda function `export-instance`: see [`trapheus_export::instance`].

use trapheus_common::{clients, lambda};
use trapheus_export::{ExportOptions, instance};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    let text = |name| lambda::setting(name, String::new());
    let options = ExportOptions {
        bucket: text("EXPORT_BUCKET")?,
        role_arn: text("EXPORT_ROLE_ARN")?,
        kms_key_arn: text("EXPORT_KMS_KEY_ARN")?,
    };
    lambda::run(async |event, at| instance::export(&rds, &options, event, at).await).await
}
