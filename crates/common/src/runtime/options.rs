//! The deployment's options for every run, from the environment of a function.

use crate::document::{RunOptions, SnapshotReplacement};
use crate::error::Result;
use crate::input::ValidateOptions;
use crate::lambda;

impl ValidateOptions {
    /// The options in the function's environment, the same for `validate-input` and `recover`.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            run_seconds: lambda::setting("RUN_DEADLINE_SECONDS", 86_400)?,
            export_snapshots: lambda::setting("EXPORT_SNAPSHOTS", false)?,
            options: RunOptions {
                snapshot_replacement: lambda::setting("SNAPSHOT_REPLACEMENT", SnapshotReplacement::default())?,
                keep_automated_backups: lambda::setting("KEEP_AUTOMATED_BACKUPS", true)?,
                final_snapshot: lambda::setting("FINAL_SNAPSHOT", false)?,
                rollback_seconds: lambda::setting("ROLLBACK_DEADLINE_SECONDS", 21_600)?,
                success_notice: lambda::setting("SUCCESS_NOTICE", false)?,
            },
        })
    }
}
