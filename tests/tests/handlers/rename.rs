//! Handlers of the rename crate.
