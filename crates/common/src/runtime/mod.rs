//! How a function runs: its entry point, its clients, its time, and the polling.

mod aws_error;
pub mod clients;
pub mod clock;
pub mod connect_error;
pub mod lambda;
mod options;
pub mod poll;
pub mod trust;

pub use aws_error::AwsFailure;
