//! Handlers of the delete crate.
