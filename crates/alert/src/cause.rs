//! The cause of a failure, found in the words of its error. Causes and remedies: [`trapheus_common::causes`].
//!
//! This module only explains. The error has already decided the run, so a wrong guess costs only a less helpful mail.

use trapheus_common::causes::{Cause, Row, TABLE};

use crate::run::Failure;

/// The cause of this failure, if it is a known one.
pub fn of(failure: &Failure) -> Option<Cause> {
    let text = format!("{} {}", failure.name, failure.message());
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.')))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| !word.is_empty())
        .collect();
    let fits = |row: &&Row| {
        row.names().any(|name| words.contains(&name)) || row.wordings.iter().any(|phrase| is_said(phrase, &words))
    };
    TABLE.iter().find(fits).map(|row| row.cause)
}

/// The lines of an error without the remedy, which the alert gives in a section of its own.
pub fn without_remedy(failure: &Failure) -> Vec<String> {
    let remedy = of(failure).map(|cause| cause.in_brackets());
    let strip = |line: &String| remedy.as_ref().map_or_else(|| line.clone(), |remedy| line.replace(remedy, ""));
    failure.lines.iter().map(strip).collect()
}

/// Whether the words contain the phrase, in any case; `*` is any word, such as a name.
fn is_said(phrase: &str, words: &[&str]) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let is_here =
        |said: &[&str]| phrase.iter().zip(said).all(|(sign, word)| *sign == "*" || sign.eq_ignore_ascii_case(word));
    words.windows(phrase.len()).any(is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table in docs/errors.md.
    fn table() -> String {
        let rows = TABLE.iter().map(|row| format!("| {} | {} |", row.cause.meaning, row.cause.remedy));
        rows.collect::<Vec<_>>().join("\n") + "\n"
    }

    #[test]
    fn every_known_cause_is_documented_in_the_same_words() {
        const HEAD: &str = "| what an alert says | and advises |\n|---|---|\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, after) = page.split_once(HEAD).unwrap();
        let (rows, rest) = after.split_once("\n\n").map_or((after, ""), |(rows, rest)| (rows, rest));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let rest = if rest.is_empty() { String::new() } else { format!("\n{rest}") };
            std::fs::write(path, format!("{before}{HEAD}{}{rest}", table())).unwrap();
        } else {
            assert_eq!(rows.trim_end(), table().trim_end(), "UPDATE_GOLDEN=1 writes docs/errors.md anew");
        }
    }

    fn meaning(name: &str, message: &str) -> Option<&'static str> {
        of(&Failure::new(name, message)).map(|cause| cause.meaning)
    }

    #[test]
    fn the_particular_cause_wins_over_the_general_one() {
        let quota = meaning("InstanceRestoreException", "cannot restore: InstanceQuotaExceeded: too many").unwrap();
        assert!(quota.contains("quota"), "{quota}");
        let key = meaning("AccessDeniedException", "cannot: KMSKeyNotAccessibleFault: no").unwrap();
        assert!(key.contains("KMS key"), "{key}");
        let place =
            meaning("ExportException", "cannot export: ExportTaskLimitReachedFault: limit of 5 reached").unwrap();
        assert!(place.contains("exports in progress"), "{place}");
        let protection = meaning(
            "DeletionException",
            "cannot delete: InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection and try again.",
        );
        assert!(protection.unwrap().contains("Deletion protection"));
        let permission = meaning(
            "AccessDeniedException",
            "orders-temp was not deleted: cannot lift its deletion protection: AccessDenied: not authorized",
        );
        assert!(permission.unwrap().contains("permission"), "{permission:?}");
    }

    #[test]
    fn every_refusal_before_the_first_change_is_explained() {
        for (name, message, said) in [
            (
                "PreflightException",
                "the snapshot `orders-snapshot` was taken of `billing` (db-1), not of `orders`",
                "not a backup",
            ),
            (
                "InstanceRestoreException",
                "the restore is not used: the snapshot was replaced: it is x now",
                "not a backup",
            ),
            (
                "PreflightException",
                "the snapshot `x` holds data as of y, 3 days old, and `maximumAge` allows 36 hours",
                "older",
            ),
            ("PreflightException", "RDS no longer offers version 11.9 of aurora-postgresql", "engine version"),
            ("InstanceRestoreException", "cannot restore: CertificateNotFound: rds-ca-2019", "certificate authority"),
            (
                "PreflightException",
                "`orders` has 47 tags; RDS allows 50, and a run needs room",
                "no room for its claim",
            ),
            (
                "PreflightException",
                "the settings take 120000 bytes in the state document, which has room for",
                "state document",
            ),
            ("PreflightException", "`billing` is not among DatabaseNames", "DatabaseNames"),
            ("PreflightException", "`orders` lacks the tag `trapheus:allowed`", "trapheus:allowed"),
            ("ClaimException", "cannot claim it: its plan was made at x, which is too long ago", "too old"),
            (
                "ClaimException",
                "the execution arn:aws:states:us-east-1:123456789012:execution:Other:1 of another state machine holds it",
                "another state machine claims",
            ),
            ("Lambda.ResourceNotReadyException", "The function is inactive", "deactivated"),
            (
                "ServiceUnavailableException",
                "cannot describe: ExpiredToken: the token has expired",
                "No permission is missing",
            ),
        ] {
            let meaning = meaning(name, message).unwrap_or_default();
            assert!(meaning.contains(said), "{message}: {meaning}");
        }
    }

    #[test]
    fn the_remedy_in_an_error_of_a_function_is_taken_out() {
        let quota = trapheus_common::causes::of_code("InstanceQuotaExceeded").unwrap();
        let said = format!("cannot restore{}: InstanceQuotaExceeded: too many", quota.in_brackets());
        let failure = Failure::new("InstanceRestoreException", &said);
        assert_eq!(of(&failure), Some(quota));
        assert_eq!(without_remedy(&failure), ["cannot restore: InstanceQuotaExceeded: too many"]);
        let other = Failure::new("InstanceRestoreException", "cannot restore (for a reason): Strange: no");
        assert_eq!(without_remedy(&other), other.lines);
    }

    #[test]
    fn a_phrase_is_found_around_a_name() {
        let missing =
            meaning("InstanceRestoreException", "cannot restore: the DB snapshot orders-snapshot does not exist");
        assert!(missing.unwrap().contains("snapshot"));
        assert_eq!(meaning("RenameException", "the snapshot is there, and orders does not exist"), None);
    }

    #[test]
    fn a_status_in_the_text_is_recognised() {
        let network = meaning("InstanceRestoreException", "DB instance orders is in status incompatible-network.");
        assert!(network.unwrap().contains("network"));
    }

    #[test]
    fn a_name_that_merely_looks_like_a_code_explains_nothing() {
        assert_eq!(meaning("RenameException", "cannot rename storage-full-backup"), None);
        assert_eq!(meaning("RenameException", ""), None);
    }
}
