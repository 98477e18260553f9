//! The cost of a run without RDS itself: state transitions, Lambda, mail.
//!
//! The prices are list prices of us-east-1, arm64, without the free tier. Their sources are the pricing pages of AWS Step
//! Functions (Standard), AWS Lambda and Amazon SES. The result is an estimate: a rehearsal's functions take no time except
//! for their waits.

use std::time::Duration;

use serde::Serialize;

/// Dollars per state transition, including retries.
const TRANSITION: f64 = 0.025 / 1_000.0;
/// Dollars per GB-second of a function.
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
/// Dollars per invocation.
const INVOCATION: f64 = 0.20 / 1_000_000.0;
/// Dollars per mail.
const MAIL: f64 = 0.10 / 1_000.0;
/// Memory of every function, in GB.
pub(crate) const MEMORY: f64 = 0.125;

/// The resources that a run used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub transitions: u64,
    pub invocations: u64,
    /// The summed run time of the functions.
    pub function_time: Duration,
    pub mails: u64,
}

/// Dollars, by service.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    pub step_functions: f64,
    pub lambda: f64,
    pub mail: f64,
}

impl Cost {
    #[expect(clippy::cast_precision_loss, reason = "no run makes 2^52 transitions")]
    pub fn of(usage: Usage) -> Self {
        Self {
            step_functions: usage.transitions as f64 * TRANSITION,
            lambda: usage.invocations as f64 * INVOCATION
                + usage.function_time.as_secs_f64() * MEMORY * GIGABYTE_SECOND,
            mail: usage.mails as f64 * MAIL,
        }
    }

    pub fn total(&self) -> f64 {
        self.step_functions + self.lambda + self.mail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_waiting_costs_less_than_a_cent() {
        let usage = Usage { transitions: 40, invocations: 12, function_time: Duration::from_secs(3_600), mails: 0 };
        let cost = Cost::of(usage);
        assert!((cost.step_functions - 0.001).abs() < 1e-9);
        assert!((cost.lambda - 0.006_002_43).abs() < 1e-7, "{}", cost.lambda);
        assert!((cost.total() - 0.007_002_43).abs() < 1e-7);
    }
}
