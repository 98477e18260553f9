//! The parts of an ARN that decide how a call names a resource.

/// The account in an ARN.
pub fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// The region in an ARN.
pub fn region(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| !region.is_empty())
}

/// The snapshot as calls of the account in `own` name it: by name, or by ARN if it is another account's.
pub fn name_for_calls<'a>(snapshot: &'a str, own: &str) -> &'a str {
    let name = snapshot.splitn(7, ':').nth(6).filter(|_| snapshot.starts_with("arn:"));
    match name {
        Some(name) if account(snapshot) == account(own) && region(snapshot) == region(own) => name,
        _ => snapshot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_accounts_snapshot_is_named_by_its_arn() {
        let own = "arn:aws:states:us-east-1:123456789012:execution:trapheus:run";
        let automated = "arn:aws:rds:us-east-1:123456789012:snapshot:rds:orders-2026";
        let shared = "arn:aws:rds:us-east-1:210987654321:snapshot:theirs";
        assert_eq!(name_for_calls(automated, own), "rds:orders-2026");
        assert_eq!(name_for_calls(shared, own), shared);
        assert_eq!(name_for_calls("nightly", own), "nightly");
        let far = "arn:aws:rds:eu-west-1:123456789012:snapshot:nightly";
        assert_eq!(name_for_calls(far, own), far, "another region may have a snapshot of the same name");
    }
}
