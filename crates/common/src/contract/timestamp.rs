//! The moments that the state document carries, to the second, as RFC 3339.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 9999-12-31T23:59:59Z: RFC 3339 has no later year.
const LAST: u64 = 253_402_300_799;

/// A moment, to the second, as the state document carries it: `2026-01-31T08:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub const fn from_epoch_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    pub const fn epoch_seconds(self) -> u64 {
        self.0
    }

    /// The moment `seconds` later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// Parses RFC 3339, the format of Step Functions (`$$.Execution.StartTime`).
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::from_str(text, Format::DateTimeWithOffset).ok()?;
        u64::try_from(time.secs()).ok().filter(|seconds| *seconds <= LAST).map(Self)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        let text = DateTime::from_secs(seconds).fmt(Format::DateTime).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not an RFC 3339 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_step_functions_writes_them() {
        for text in ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.123Z", "2026-01-31T09:00:00+01:00"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), "2026-01-31T08:00:00Z", "{text}");
        }
        assert!(Timestamp::parse("yesterday").is_none());
        assert!(Timestamp::parse("9999-12-31T23:59:59Z").is_some());
        assert!(Timestamp::parse("9999-12-31T23:59:59-01:00").is_none());
    }
}
