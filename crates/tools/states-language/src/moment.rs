//! Timestamps of the States Language: RFC 3339 with an upper-case `T`, and `Z` unless there is an offset.
//!
//! Owns their grammar and their order, up to the last second of the year 9999, which is beyond [`Timestamp::MAX`].

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

/// The largest offset from UTC that Java reads, in minutes.
const MAXIMUM_OFFSET: i64 = 18 * 60;

/// A point in time, as the time since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(SignedDuration);

impl Moment {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits_at =
            |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|bytes| bytes.iter().all(u8::is_ascii_digit));
        let well_formed = digits_at(0..4)
            && bytes.get(4) == Some(&b'-')
            && digits_at(5..7)
            && bytes.get(7) == Some(&b'-')
            && digits_at(8..10)
            && bytes.get(10) == Some(&b'T')
            && digits_at(11..13)
            && bytes.get(13) == Some(&b':')
            && digits_at(14..16)
            && bytes.get(16) == Some(&b':')
            && digits_at(17..19);
        if !well_formed {
            return None;
        }
        let mut local = 19;
        if bytes.get(local) == Some(&b'.') {
            let digits = bytes[local + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            local += 1 + digits;
        }
        // The text up to here is ASCII.
        let (local, zone) = text.split_at(local);
        let local: DateTime = local.parse().ok()?;
        let since = local.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
        since.checked_sub(offset(zone)?).map(Self)
    }

    /// The time from `time` to this moment; negative if it is past.
    pub(crate) fn since(self, time: Timestamp) -> SignedDuration {
        self.0.saturating_sub(time.duration_since(Timestamp::UNIX_EPOCH))
    }
}

/// `Z` or `±hh:mm`.
fn offset(zone: &str) -> Option<SignedDuration> {
    if zone == "Z" {
        return Some(SignedDuration::ZERO);
    }
    let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = zone.as_bytes() else {
        return None;
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let (hours, minutes) = (digit(h1)? * 10 + digit(h2)?, digit(m1)? * 10 + digit(m2)?);
    let offset = hours * 60 + minutes;
    if minutes > 59 || offset > MAXIMUM_OFFSET {
        return None;
    }
    Some(SignedDuration::from_mins(if *sign == b'-' { -offset } else { offset }))
}
