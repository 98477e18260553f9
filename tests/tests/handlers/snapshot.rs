//! Handlers of the snapshot crate.
