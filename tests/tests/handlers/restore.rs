//! Handlers of the restore crate.
