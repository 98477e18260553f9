//! Handlers of the email crate.
