//! The campaign as a test: a small one, and that the judge finds out when a safeguard is missing.

mod mutations;
mod oracle;
mod safeguards;
mod small;
