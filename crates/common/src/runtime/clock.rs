//! Wall-clock time that follows Tokio's clock.
//!
//! A function needs the time of day (the state document carries deadlines in RFC 3339) and sleeps on Tokio's clock. Each
//! invocation joins the two once: a frozen Lambda sandbox may stop the monotonic clock between invocations. A rehearsal
//! runs both under virtual time.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::timestamp::Timestamp;

/// The time of day, counted from a known moment on Tokio's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: SystemTime,
    monotonic: Instant,
}

impl Clock {
    /// A clock that shows `wall` now.
    pub fn showing(wall: SystemTime) -> Self {
        Self { wall, monotonic: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        (self.wall + self.monotonic.elapsed()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_virtual_time() {
        let clock = Clock::showing(UNIX_EPOCH + Duration::from_secs(100));
        tokio::time::advance(Duration::from_secs(6 * 3600)).await;
        assert_eq!(clock.now().epoch_seconds(), 100 + 6 * 3600);
    }
}
