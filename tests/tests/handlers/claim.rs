//! Handlers of the claim crate.
