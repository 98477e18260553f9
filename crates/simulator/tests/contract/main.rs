//! What the simulator does, asked through the real SDK clients under paused time.
//!
//! One binary with a module per subject, because linking the SDK is slow. `support` has the helpers.

mod instances;
mod support;
