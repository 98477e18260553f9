//! The differences between the restored database and the original, by their weight.

use trapheus_common::document::{Source, SourceKind, TaskName, Verification};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::settings::{CERTIFICATE, Setting, Settings, Weight};
use trapheus_common::source::{self, Seen};
use trapheus_common::wait::acceptor;
use trapheus_common::{Error, ErrorKind, Result};

#[derive(Debug, Default)]
pub(crate) struct Findings {
    essential: Vec<String>,
    reported: Vec<String>,
}

impl Findings {
    /// Adds a difference that causes a rollback.
    pub(crate) fn essential(&mut self, words: impl Into<String>) {
        self.essential.push(words.into());
    }

    /// Adds a difference for a person to read.
    pub(crate) fn report(&mut self, words: impl Into<String>) {
        self.reported.push(words.into());
    }

    /// Checks that clients can use the database. A status in which RDS works on the storage may last for days, and is
    /// reported. Until its end, reads of blocks that are not loaded yet are slow.
    pub(crate) fn status(&mut self, whose: &str, status: &str) {
        if !acceptor::is_in_service(status) {
            self.essential(format!("{whose}status is {status}, not available"));
        } else if acceptor::is_lasting_in_service(status) {
            self.report(format!(
                "{whose}status is {status}: it is in service, and slower until RDS has done its work on the storage"
            ));
        }
    }

    /// Compares the settings that `concerned` selects by the table; `whose` begins each line.
    pub(crate) fn compare<S: Settings>(
        &mut self,
        whose: &str,
        (original, restored): (&S, &S),
        concerned: impl Fn(&Setting<S>) -> bool,
    ) {
        for setting in original.differing(restored).into_iter().filter(|setting| concerned(setting)) {
            // Preflight left out, and reported, an authority that RDS no longer has.
            if setting.name == CERTIFICATE && !setting.is_reported_by(original) {
                continue;
            }
            let words = format!("{whose}{}", setting.difference(original, restored));
            match setting.weight {
                Weight::Essential => self.essential(words),
                Weight::Reported => self.report(words),
                Weight::Expected => {}
            }
        }
    }

    /// Checks that the snapshot is still the pinned one. A deleted snapshot proves nothing about the restored database.
    pub(crate) fn source(&mut self, pinned: &Source, now: &Seen) {
        self.essential.extend(source::difference(pinned, now));
        if *now == Seen::Gone {
            self.report(format!("the snapshot {} no longer exists", pinned.arn));
        }
    }

    /// Checks that the restored version is the snapshot's. A difference from the original's version is reported: the
    /// snapshot is older than an upgrade. RDS does not report the version of a moment, which may be before an upgrade.
    pub(crate) fn engine_version(
        &mut self,
        original: &str,
        (kind, of_snapshot): (SourceKind, Option<&str>),
        restored: Option<&str>,
    ) {
        let restored = restored.unwrap_or("unknown");
        if restored == original {
            return;
        }
        let words = format!("the engine version: {restored}, was {original}");
        if kind == SourceKind::PointInTime {
            self.report(format!("{words} (the version of the restored moment)"));
        } else if of_snapshot == Some(restored) {
            self.report(format!("{words} (the snapshot is of {restored})"));
        } else if of_snapshot.is_some_and(|version| numbers(restored) > numbers(version)) {
            // A restore has the snapshot's version, so a newer version is an upgrade by RDS itself.
            self.report(format!("{words} (RDS upgraded the restored database itself)"));
        } else {
            self.essential(words);
        }
    }

    /// The verification's result; an error that lists every essential difference.
    pub(crate) fn concluded(self, identifier: &DatabaseIdentifier, resource_id: &str) -> Result<Verification> {
        let Self { essential, reported } = self;
        if essential.is_empty() {
            return Ok(Verification {
                taskname: TaskName::Verification,
                identifier: identifier.into(),
                resource_id: resource_id.to_owned(),
                differences: reported,
            });
        }
        let besides = match reported.as_slice() {
            [] => String::new(),
            reported => format!(" Besides: {}.", reported.join("; ")),
        };
        let message = format!("the restored database is not what the original is: {}.{besides}", essential.join("; "));
        Err(Error::new(ErrorKind::Verification, identifier, message))
    }
}

/// A version's numbers, which compare in each notation of RDS.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use trapheus_common::settings::InstanceSettings;

    use super::*;

    fn orders() -> DatabaseIdentifier {
        DatabaseIdentifier::reported("orders")
    }

    #[test]
    fn everything_essential_is_listed_in_one_error() {
        let original =
            InstanceSettings { port: Some(5432), security_groups: vec!["sg-1".into()], ..InstanceSettings::default() };
        let restored =
            InstanceSettings { port: Some(5433), backup_retention_days: Some(1), ..InstanceSettings::default() };
        let mut findings = Findings::default();
        findings.compare("", (&original, &restored), |_| true);
        let error = findings.concluded(&orders(), "db-2").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verification);
        assert_eq!(
            error.to_string(),
            "the restored database is not what the original is: the port: 5433, was 5432; the security groups: off, was \
             sg-1. Besides: backup retention: 1, was off."
        );
    }

    #[test]
    fn an_expected_difference_passes_and_a_reported_one_is_listed() {
        let original = InstanceSettings {
            availability_zone: Some("a".into()),
            deletion_protection: Some(true),
            storage_type: Some("gp3".into()),
            ..InstanceSettings::default()
        };
        let restored = InstanceSettings { storage_type: Some("gp2".into()), ..InstanceSettings::default() };
        let mut findings = Findings::default();
        findings.compare("", (&original, &restored), |_| true);
        let verification = findings.concluded(&orders(), "db-2").unwrap();
        assert_eq!(verification.differences, ["the storage type: gp2, was gp3"]);
        assert_eq!(verification.resource_id, "db-2");
    }

    #[test]
    fn a_status_has_to_be_in_service_and_a_lasting_one_is_reported() {
        for (status, essential, reported) in [
            ("available", 0, 0),
            ("backing-up", 0, 0),
            ("storage-initialization", 0, 1),
            ("storage-optimization", 0, 1),
            ("creating", 1, 0),
            ("rebooting", 1, 0),
            ("incompatible-parameters", 1, 0),
        ] {
            let mut findings = Findings::default();
            findings.status("its ", status);
            assert_eq!((findings.essential.len(), findings.reported.len()), (essential, reported), "{status}");
        }
    }

    #[test]
    fn the_engine_version_has_to_equal_the_originals_or_the_snapshots() {
        for (snapshot, restored, essential, reported) in [
            (Some("16.8"), Some("16.9"), 0, 0),
            (Some("16.8"), Some("16.8"), 0, 1),
            (Some("16.9"), Some("16.8"), 1, 0),
            (Some("16.8"), Some("16.10"), 0, 1),
            (Some("15.4"), Some("17.2"), 0, 1),
            (None, Some("16.8"), 1, 0),
            (None, None, 1, 0),
        ] {
            let mut findings = Findings::default();
            findings.engine_version("16.9", (SourceKind::Snapshot, snapshot), restored);
            assert_eq!((findings.essential.len(), findings.reported.len()), (essential, reported), "{restored:?}");
        }
        let mut of_a_moment = Findings::default();
        of_a_moment.engine_version("16.9", (SourceKind::PointInTime, Some("16.9")), Some("16.8"));
        assert_eq!((of_a_moment.essential.len(), of_a_moment.reported.len()), (0, 1));
    }
}
