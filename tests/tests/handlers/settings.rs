//! Handlers of the settings crate.
