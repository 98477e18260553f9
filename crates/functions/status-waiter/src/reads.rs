//! The reads of a cluster and its members, which all have to be available: which part the next read asks for.
//!
//! RDS describes clusters and instances in two calls. While one of the two is not available, each read asks only for that
//! one. Every twentieth read asks for both. Once both are available, the next read asks only for the one that became
//! available last. The other was available before it. No step reads again after a rollback, so there each read asks for
//! both.
//!
//! The decisions are pure; [`crate::cluster`] makes the calls.

use trapheus_common::poll::Look;
use trapheus_common::wait::acceptor::Verdict;

use crate::both;

/// A part of a cluster that one call describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Cluster,
    Members,
}

impl Part {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Cluster => Self::Members,
            Self::Members => Self::Cluster,
        }
    }

    /// Joins the reads of this part and the other, always in the same order.
    fn with(self, seen: Look, seen_of_other: Look) -> Look {
        match self {
            Self::Cluster => both(seen, seen_of_other),
            Self::Members => both(seen_of_other, seen),
        }
    }
}

/// The state of the reads of one wait.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    count: u32,
    /// The part that the next read asks for first.
    part: Part,
    /// The last observation of the other part, if both were available.
    other: Option<Look>,
    is_rollback: bool,
}

/// The next act after the read of one part.
#[derive(Debug)]
pub(crate) enum Act {
    /// The read is complete with this result.
    Answer(Look),
    /// The read also needs the other part.
    ReadOther(Look),
}

impl Reads {
    /// Every so many reads both parts are read: the other may have failed meanwhile.
    const BOTH: u32 = 20;

    /// The first read is of the members, which take longer than their cluster.
    pub(crate) const fn new(is_rollback: bool) -> Self {
        Self { count: 0, part: Part::Members, other: None, is_rollback }
    }

    /// Begins a read, and returns the part that it asks for first.
    pub(crate) const fn begin(&mut self) -> Part {
        self.count += 1;
        self.part
    }

    /// Decides after the read of the first part.
    pub(crate) fn decide(&mut self, seen: Look) -> Act {
        let other_was = self.other.take();
        if self.count.is_multiple_of(Self::BOTH) {
            return Act::ReadOther(seen);
        }
        match (seen.verdict == Verdict::Complete, other_was) {
            (false, _) => Act::Answer(seen),
            (true, Some(other_was)) if !self.is_rollback => {
                self.other = Some(other_was.clone());
                Act::Answer(self.part.with(seen, other_was))
            }
            (true, _) => Act::ReadOther(seen),
        }
    }

    /// Joins the reads of both parts. If only the first part is available, the next read begins with the other.
    pub(crate) fn join(&mut self, seen: Look, seen_of_other: Look) -> Look {
        let part = self.part;
        match (seen.verdict == Verdict::Complete, seen_of_other.verdict == Verdict::Complete) {
            (true, true) => self.other = Some(seen_of_other.clone()),
            (true, false) => self.part = part.other(),
            (false, _) => {}
        }
        part.with(seen, seen_of_other)
    }
}

#[cfg(test)]
mod tests {
    use trapheus_common::wait::acceptor::Backoff;

    use super::*;

    fn look(part: Part, is_available: bool) -> Look {
        let verdict = if is_available { Verdict::Complete } else { Verdict::Pending };
        Look { verdict, seen: format!("{part:?}"), absent: false, backoff: Backoff::Growing }
    }

    /// One read of a cluster in this state: the parts read, and whether the result is complete.
    fn read(reads: &mut Reads, cluster: bool, members: bool) -> (Vec<Part>, bool) {
        let of = |part| look(part, if part == Part::Cluster { cluster } else { members });
        let part = reads.begin();
        match reads.decide(of(part)) {
            Act::Answer(look) => (vec![part], look.verdict == Verdict::Complete),
            Act::ReadOther(seen) => {
                let joined = reads.join(seen, of(part.other()));
                (vec![part, part.other()], joined.verdict == Verdict::Complete)
            }
        }
    }

    /// Every sequence of eight states of the two parts.
    fn in_every_history(mut check: impl FnMut(&[(bool, bool)])) {
        for code in 0..4_u32.pow(8) {
            let states: Vec<_> = (0..8).map(|at| (code >> (2 * at) & 1 == 1, code >> (2 * at + 1) & 1 == 1)).collect();
            check(&states);
        }
    }

    #[test]
    fn a_read_is_complete_only_if_both_parts_were_read_as_available() {
        for is_rollback in [false, true] {
            in_every_history(|states| {
                let mut reads = Reads::new(is_rollback);
                let mut last = (false, false);
                for &(cluster, members) in states {
                    let (parts, complete) = read(&mut reads, cluster, members);
                    if parts.contains(&Part::Cluster) {
                        last.0 = cluster;
                    }
                    if parts.contains(&Part::Members) {
                        last.1 = members;
                    }
                    assert!(!complete || last == (true, true), "{states:?}");
                    assert!(!complete || !is_rollback || (cluster && members), "{states:?}");
                }
            });
        }
    }

    #[test]
    fn the_part_that_is_not_available_is_read_alone_until_it_is() {
        let mut reads = Reads::new(false);
        assert_eq!(read(&mut reads, false, false), (vec![Part::Members], false));
        assert_eq!(read(&mut reads, false, true), (vec![Part::Members, Part::Cluster], false));
        assert_eq!(read(&mut reads, false, true), (vec![Part::Cluster], false));
        assert_eq!(read(&mut reads, true, true), (vec![Part::Cluster, Part::Members], true));
        assert_eq!(read(&mut reads, true, true), (vec![Part::Cluster], true));
    }

    #[test]
    fn every_twentieth_read_is_of_both_parts() {
        let mut reads = Reads::new(false);
        let both: Vec<u32> = (1..=60).filter(|_| read(&mut reads, true, false).0.len() == 2).collect();
        assert_eq!(both, [20, 40, 60]);
    }

    #[test]
    fn a_rollback_reads_both_parts_before_every_complete_result() {
        let mut reads = Reads::new(true);
        for _ in 0..4 {
            assert_eq!(read(&mut reads, true, true).0.len(), 2);
        }
    }
}
