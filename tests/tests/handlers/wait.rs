//! Handlers of the status-waiter crate.
