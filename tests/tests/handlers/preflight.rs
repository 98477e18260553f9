//! Handlers of the preflight crate.
