//! The user's tags of a restored database, which become the original's.

use std::collections::BTreeSet;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Tag;
use trapheus_common::tags::{self, Tags};
use trapheus_common::{Result, rds};

/// Sets the user's tags to the original's. Trapheus's tags stay; the release removes them.
pub(crate) async fn same_tags(rds: &Client, arn: Option<&str>, wanted: &Tags, present: &[Tag]) -> Result<()> {
    let arn = arn.unwrap_or_default();
    let (missing, surplus) = tag_changes(wanted, &tags::of_the_user(present));
    if !missing.is_empty() {
        rds::add_tags(rds, arn, missing).await?;
    }
    if !surplus.is_empty() {
        let surplus: Vec<&str> = surplus.iter().map(String::as_str).collect();
        rds::remove_tags(rds, arn, &surplus).await?;
    }
    Ok(())
}

/// The tags to set, and the keys to remove.
fn tag_changes(wanted: &Tags, present: &Tags) -> (Vec<Tag>, BTreeSet<String>) {
    let missing = wanted
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(value))
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    let surplus = present.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    (missing, surplus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags_of(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn missing_or_different_tags_are_set_and_additional_ones_removed() {
        let wanted = tags_of(&[("team", "shop"), ("stage", "prod"), ("same", "same")]);
        let present = tags_of(&[("stage", "dev"), ("same", "same"), ("stray", "x")]);
        let (missing, surplus) = tag_changes(&wanted, &present);
        let missing: Vec<_> = missing.iter().map(|tag| (tag.key().unwrap(), tag.value().unwrap())).collect();
        assert_eq!(missing, [("stage", "prod"), ("team", "shop")]);
        assert_eq!(surplus.into_iter().collect::<Vec<_>>(), ["stray"]);
    }
}
