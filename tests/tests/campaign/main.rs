//! A small campaign, and tests that the oracle reports a missing safeguard.

mod mutations;
mod oracle;
mod safeguards;
mod small;
