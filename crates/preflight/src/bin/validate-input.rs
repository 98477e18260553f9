//! Lambda function `validate-input`: see [`trapheus_preflight::validate`].

use trapheus_common::document::{Options, SnapshotReplacement};
use trapheus_common::lambda;
use trapheus_preflight::validate::{ValidateOptions, validate};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let options = ValidateOptions {
        run_seconds: lambda::setting("RUN_DEADLINE_SECONDS", 86_400)?,
        options: Options {
            snapshot_replacement: lambda::setting("SNAPSHOT_REPLACEMENT", SnapshotReplacement::default())?,
            keep_automated_backups: lambda::setting("KEEP_AUTOMATED_BACKUPS", true)?,
            final_snapshot: lambda::setting("FINAL_SNAPSHOT", false)?,
            rollback_seconds: lambda::setting("ROLLBACK_DEADLINE_SECONDS", 21_600)?,
        },
    };
    lambda::run(async |event, _| validate(options, event)).await
}
