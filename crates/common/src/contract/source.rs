//! The pinned backup: the facts that identify one backup for ever.
//!
//! A snapshot's name may pass to another snapshot. Its ARN, its time of creation and its source's resource id together may
//! not. A snapshot without these facts, such as one in creation, cannot be pinned. A moment is pinned by the resource id of
//! its database, because RDS gives every restored database a new one.

use std::fmt;
use std::time::Duration;

use crate::document::Source;

/// The snapshot that has the pinned snapshot's name now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Gone,
    /// A snapshot that cannot be pinned, such as one in creation.
    Unpinned,
    Pinned(Source),
}

impl Seen {
    /// The result of a read, with the function that pins a snapshot of its kind.
    pub fn of<T>(found: Option<&T>, pin: fn(&T) -> Option<Source>) -> Self {
        found.map_or(Self::Gone, |found| pin(found).map_or(Self::Unpinned, Self::Pinned))
    }
}

/// The difference between the snapshot of this name and the pinned one; `None` if they are the same, or if no snapshot has
/// the name.
///
/// A snapshot that cannot be pinned is another one, because the pinned one could.
pub fn difference(pinned: &Source, now: &Seen) -> Option<String> {
    if *now == Seen::Gone {
        return None;
    }
    let Seen::Pinned(now) = now else {
        return Some(format!(
            "the snapshot {} is being taken anew; the run chose the one of {}",
            pinned.arn, pinned.taken_at
        ));
    };
    let words = |source: &Source| {
        let of = source.source_identifier.as_deref().unwrap_or("a database that RDS does not name");
        let id = source.source_resource_id.as_deref().unwrap_or("no resource id");
        format!("{}, taken of {of} ({id}) at {}", source.arn, source.taken_at)
    };
    let is_same =
        now.arn == pinned.arn && now.taken_at == pinned.taken_at && now.source_resource_id == pinned.source_resource_id;
    (!is_same).then(|| format!("the snapshot was replaced: it is {} now; the run chose {}", words(now), words(pinned)))
}

/// The age of data in words: `3 days`, `5 hours`, `12 minutes`.
pub struct Age(pub Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            172_800.. => (seconds / 86_400, "day"),
            7_200.. => (seconds / 3_600, "hour"),
            _ => (seconds / 60, "minute"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::SourceKind;
    use crate::timestamp::Timestamp;

    fn pinned() -> Source {
        Source {
            kind: SourceKind::Snapshot,
            arn: "arn:aws:rds:us-east-1:123456789012:snapshot:orders-snapshot".into(),
            created_at: Timestamp::from_epoch_seconds(1_000),
            taken_at: Timestamp::from_epoch_seconds(1_000),
            source_identifier: Some("orders".into()),
            source_resource_id: Some("db-1".into()),
            engine_version: None,
            allocated_gib: None,
        }
    }

    #[test]
    fn a_snapshot_is_the_pinned_one_by_arn_time_and_source() {
        assert_eq!(difference(&pinned(), &Seen::Pinned(pinned())), None);
        let renamed = Source { source_identifier: Some("orders-temp".into()), ..pinned() };
        assert_eq!(difference(&pinned(), &Seen::Pinned(renamed)), None, "its source has another name now");
        for other in [
            Source { arn: "arn:other".into(), ..pinned() },
            Source { taken_at: Timestamp::from_epoch_seconds(1_001), ..pinned() },
            Source { source_resource_id: Some("db-2".into()), ..pinned() },
            Source { source_resource_id: None, ..pinned() },
        ] {
            let words = difference(&pinned(), &Seen::Pinned(other)).unwrap();
            assert!(words.contains("was replaced") && words.contains("db-1"), "{words}");
        }
        assert!(difference(&pinned(), &Seen::Unpinned).unwrap().contains("taken anew"));
        assert_eq!(difference(&pinned(), &Seen::Gone), None);
    }

    #[test]
    fn an_age_has_the_largest_unit_that_fits_twice() {
        for (seconds, words) in
            [(0, "0 minutes"), (60, "1 minute"), (7_199, "119 minutes"), (7_200, "2 hours"), (259_200, "3 days")]
        {
            assert_eq!(Age(Duration::from_secs(seconds)).to_string(), words);
        }
    }
}
