//! The behaviour of the simulator, tested through the real SDK clients under paused time.
//!
//! One binary with a module per subject, because linking the SDK is slow. Every test in the modules of behaviours is named
//! after an entry of `BEHAVIOURS`; `completeness` checks that both agree.

mod backups;
mod clones;
mod clusters;
mod completeness;
mod copies;
mod exports;
mod faults;
mod instances;
mod interventions;
mod lag;
mod network;
mod offers;
mod origins;
mod point_in_time;
mod restores;
mod services;
mod sharing;
mod snapshots;
mod stale;
mod storage;
mod support;
mod wire;
