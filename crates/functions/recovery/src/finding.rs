//! The repair that an interrupted execution needs: a pure decision from its end and from the databases.
//!
//! In doubt a person decides. A recovery never replaces a verified database by the original, and never accepts an
//! unverified one as the successor.

use trapheus_common::document::Finding;

use crate::interrupted::Ending;
use crate::observation::{Observation, Original, Restored};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) finding: Finding,
    pub(crate) reason: &'static str,
    /// Whether further reads would not help. A database that a rename hides answers again later.
    pub(crate) is_final: bool,
}

pub(crate) fn decide(ending: Ending, observation: &Observation) -> Decision {
    let found = |finding, reason| Decision { finding, reason, is_final: !observation.is_incomplete };
    let for_now = |finding, reason| Decision { finding, reason, is_final: false };
    // Tags show late, so a doubt may pass.
    if let Some(doubt) = observation.doubt {
        return for_now(Finding::Unresolved, doubt);
    }
    if observation.has_claim_without_role {
        let is_alone = observation.original == Original::NotFound
            && observation.restored.is_none()
            && observation.taken.own
            && !observation.taken.parked;
        return if is_alone {
            found(Finding::Release, "the database is under its name, and only marks are left to lift")
        } else {
            found(Finding::Unresolved, "tags that identify the original were removed")
        };
    }
    match (observation.original, &observation.restored) {
        // A failed release may have left tags, which this recovery removes.
        (Original::Here, Some(Restored { is_verified: true, is_in_place: true, .. }))
            if ending == Ending::Told && !observation.has_tags_to_remove =>
        {
            found(
                Finding::Nothing,
                "the restored database is verified and stays; people know that the original is left over",
            )
        }
        (Original::Here, Some(Restored { is_verified: true, .. })) => {
            found(Finding::LeftOver, "the restored database is verified and stays; the original is left over")
        }
        (Original::Here, _) => found(Finding::RollBack, "the original is there, and no restored database was verified"),
        (Original::Deleting, Some(Restored { is_verified: true, .. })) => {
            for_now(Finding::LeftOver, "the restored database is verified and stays; the original is being deleted")
        }
        (Original::Deleting, _) => {
            found(Finding::Unresolved, "the original is being deleted, and no restored database was verified")
        }
        // Between two names an original does not answer, so only the last read counts as proof of its absence.
        (Original::NotFound, Some(Restored { is_verified: true, .. })) if observation.taken.own => {
            for_now(Finding::Release, "the restored database is verified, and the original is gone")
        }
        (Original::NotFound, Some(Restored { is_verified: true, .. })) => {
            for_now(Finding::Unresolved, "the restored database is verified, and was renamed or deleted")
        }
        // The rollback has probably released the original. The restored database could not be deleted, or a person renamed
        // it.
        (Original::NotFound, Some(Restored { is_in_place: false, .. }))
            if ending == Ending::Told
                && observation.taken.own
                && !observation.taken.parked
                && !observation.has_tags_to_remove =>
        {
            for_now(Finding::Nothing, "a database is under the name; people know that a restored one is left over")
        }
        (Original::NotFound, Some(_)) => {
            for_now(Finding::Unresolved, "the original does not answer, and the restored database was not verified")
        }
        (Original::NotFound, None) => without_claims(ending, observation),
    }
}

/// The decision if no database has the execution's tags.
fn without_claims(ending: Ending, observation: &Observation) -> Decision {
    let found = |finding, reason| Decision { finding, reason, is_final: true };
    match (observation.taken.own, ending) {
        (true, _) if observation.has_tags_to_remove => {
            found(Finding::Release, "the database is under its name, and only a mark is left to lift")
        }
        (true, Ending::Silent) => {
            found(Finding::Release, "the database is under its name, and nothing is left to undo")
        }
        (true, _) => found(Finding::Nothing, "the database is under its name, and nothing is left to undo"),
        (false, Ending::Untouched) => found(Finding::Nothing, "the execution left nothing to undo"),
        (false, _) => Decision {
            finding: Finding::Unresolved,
            reason: "no database answers under the name, and none carries the execution's mark",
            is_final: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Taken;

    const ENDINGS: [Ending; 4] = [Ending::Untouched, Ending::Told, Ending::Silent, Ending::Forgotten];

    fn observation(original: Original, is_verified: Option<bool>) -> Observation {
        let restored = is_verified.map(|is_verified| Restored {
            resource_id: "db-NEW".to_owned(),
            is_verified,
            is_in_place: false,
        });
        Observation { original, restored, ..Observation::default() }
    }

    #[test]
    fn the_databases_decide_for_every_ending() {
        for (original, is_verified, expected, is_final) in [
            (Original::Here, None, Finding::RollBack, true),
            (Original::Here, Some(false), Finding::RollBack, true),
            (Original::Here, Some(true), Finding::LeftOver, true),
            (Original::Deleting, Some(true), Finding::LeftOver, false),
            (Original::Deleting, Some(false), Finding::Unresolved, true),
            (Original::Deleting, None, Finding::Unresolved, true),
            (Original::NotFound, Some(true), Finding::Unresolved, false),
            (Original::NotFound, Some(false), Finding::Unresolved, false),
        ] {
            for ending in ENDINGS {
                let decision = decide(ending, &observation(original, is_verified));
                assert_eq!(
                    (decision.finding, decision.is_final),
                    (expected, is_final),
                    "{original:?} {is_verified:?} {ending:?}"
                );
            }
        }
    }

    #[test]
    fn a_leftover_beside_its_verified_successor_is_reported_once() {
        let mut left = observation(Original::Here, Some(true));
        left.restored.as_mut().unwrap().is_in_place = true;
        for ending in ENDINGS {
            let expected = if ending == Ending::Told { Finding::Nothing } else { Finding::LeftOver };
            assert_eq!(decide(ending, &left).finding, expected, "{ending:?}");
        }
        let marked = Observation { has_tags_to_remove: true, ..left };
        assert_eq!(decide(Ending::Told, &marked).finding, Finding::LeftOver, "the snapshot's tag has to be removed");
    }

    #[test]
    fn a_leftover_restored_database_beside_a_database_under_the_name_is_reported_once() {
        let own = Taken { own: true, parked: false };
        let left = Observation { taken: own, ..observation(Original::NotFound, Some(false)) };
        for ending in ENDINGS {
            let expected = if ending == Ending::Told { Finding::Nothing } else { Finding::Unresolved };
            assert_eq!(decide(ending, &left).finding, expected, "{ending:?}");
        }
        let moved = Observation { taken: Taken { own: true, parked: true }, ..left.clone() };
        assert_eq!(decide(Ending::Told, &moved).finding, Finding::Unresolved, "the original may be the other one");
        let gone = Observation { taken: Taken::default(), ..left.clone() };
        assert_eq!(decide(Ending::Told, &gone).finding, Finding::Unresolved, "nothing has the name");
        let marked = Observation { has_tags_to_remove: true, ..left };
        assert_eq!(decide(Ending::Told, &marked).finding, Finding::Unresolved, "a tag has to be removed");
    }

    #[test]
    fn a_verified_database_under_its_name_needs_nothing_but_a_release() {
        let in_place =
            Observation { taken: Taken { own: true, parked: false }, ..observation(Original::NotFound, Some(true)) };
        for ending in ENDINGS {
            let decision = decide(ending, &in_place);
            assert_eq!((decision.finding, decision.is_final), (Finding::Release, false), "{ending:?}");
        }
    }

    #[test]
    fn a_tag_without_a_role_leaves_the_decision_to_a_person() {
        let half = |own, parked| Observation {
            has_claim_without_role: true,
            taken: Taken { own, parked },
            ..Observation::default()
        };
        let (alone, beside, away) = (half(true, false), half(true, true), half(false, true));
        let other = Observation { has_claim_without_role: true, ..observation(Original::Here, None) };
        for ending in ENDINGS {
            assert_eq!(decide(ending, &alone).finding, Finding::Release, "{ending:?}");
            for unclear in [&beside, &away, &other] {
                assert_eq!(decide(ending, unclear).finding, Finding::Unresolved, "{ending:?} {unclear:?}");
            }
        }
    }

    #[test]
    fn in_doubt_about_the_claims_a_person_decides() {
        for (original, is_verified) in [
            (Original::Here, None),
            (Original::Here, Some(true)),
            (Original::NotFound, Some(false)),
            (Original::NotFound, None),
        ] {
            let doubtful = Observation { doubt: Some("two of them"), ..observation(original, is_verified) };
            for ending in ENDINGS {
                let decision = decide(ending, &doubtful);
                let expected = (Finding::Unresolved, "two of them", false);
                assert_eq!((decision.finding, decision.reason, decision.is_final), expected, "{ending:?}");
            }
        }
    }

    #[test]
    fn without_tags_all_is_well_if_the_name_answers() {
        let well = Observation { taken: Taken { own: true, parked: false }, ..Observation::default() };
        for (ending, expected) in [
            (Ending::Untouched, Finding::Nothing),
            (Ending::Told, Finding::Nothing),
            (Ending::Forgotten, Finding::Nothing),
            // No alert has been sent yet.
            (Ending::Silent, Finding::Release),
        ] {
            assert_eq!(decide(ending, &well).finding, expected, "{ending:?}");
        }
        let marked = Observation { has_tags_to_remove: true, ..well };
        assert!(ENDINGS.iter().all(|ending| decide(*ending, &marked).finding == Finding::Release));
    }

    #[test]
    fn a_name_that_does_not_answer_is_read_again_before_any_conclusion() {
        let lost = Observation::default();
        for ending in [Ending::Told, Ending::Silent, Ending::Forgotten] {
            let decision = decide(ending, &lost);
            assert_eq!((decision.finding, decision.is_final), (Finding::Unresolved, false), "{ending:?}");
        }
        assert_eq!(decide(Ending::Untouched, &lost).finding, Finding::Nothing);
    }

    #[test]
    fn an_original_with_a_member_between_two_names_is_not_judged_yet() {
        let moving = Observation { is_incomplete: true, ..observation(Original::Here, None) };
        assert!(!decide(Ending::Silent, &moving).is_final);
    }
}
