//! Every function's handler, called through the real SDK clients against the simulator.

mod claim;
mod commit;
mod delete;
mod email;
mod export;
mod idempotency;
mod preflight;
mod rename;
mod restore;
mod settings;
mod slack;
mod snapshot;
mod wait;
