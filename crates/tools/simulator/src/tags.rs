//! Rules for tags: reserved prefixes, alphabet, lengths, and 50 to a resource.

use crate::error::{ApiError, ApiResult};
use crate::query::Tags;

const MOST: usize = 50;
const RESERVED: &[&str] = &["aws:", "rds:"];
/// The characters that a key or value may have besides letters, digits and spaces.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Tag.html>
const SIGNS: &str = "_.:/=+-@";

fn is_permitted(letter: char) -> bool {
    letter.is_alphanumeric() || letter.is_whitespace() || SIGNS.contains(letter)
}

/// Refuses tags that a caller must not write.
pub(crate) fn check(tags: &Tags) -> ApiResult<()> {
    for (key, value) in tags {
        let reserved = |text: &str| RESERVED.iter().any(|prefix| text.to_ascii_lowercase().starts_with(prefix));
        if reserved(key) || reserved(value) {
            return Err(ApiError::value(format!("The tag {key} uses a prefix reserved by AWS (aws: or rds:).")));
        }
        if let Some(foreign) = key.chars().chain(value.chars()).find(|letter| !is_permitted(*letter)) {
            return Err(ApiError::value(format!(
                "The tag {key} contains the character {foreign:?}, which is not allowed."
            )));
        }
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(ApiError::value(format!(
                "The tag {key} is not between 1 and 128 characters, or its value is over 256."
            )));
        }
    }
    let mut keys: Vec<&str> = tags.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    if let Some([key, _]) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(ApiError::value(format!("The tag {key} is given twice.")));
    }
    check_count(tags.len())
}

/// The tags of a new resource.
pub(crate) fn checked(tags: Option<Tags>) -> ApiResult<Tags> {
    let tags = tags.unwrap_or_default();
    check(&tags)?;
    Ok(tags)
}

/// Adds tags, and replaces the values of keys that exist.
pub(crate) fn add(tags: &mut Tags, new: Tags) -> ApiResult<()> {
    check(&new)?;
    let added = new.iter().filter(|(key, _)| !tags.iter().any(|(known, _)| known == key)).count();
    check_count(tags.len() + added)?;
    for (key, value) in new {
        match tags.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => tags.push((key, value)),
        }
    }
    Ok(())
}

fn check_count(count: usize) -> ApiResult<()> {
    if count > MOST {
        return Err(ApiError::value(format!("A resource can have {MOST} tags at most; this would make {count}.")));
    }
    Ok(())
}

/// The tags that pass to a copy: all except those that AWS wrote.
pub(crate) fn without_reserved(tags: &Tags) -> Tags {
    tags.iter().filter(|(key, _)| !RESERVED.iter().any(|prefix| key.starts_with(prefix))).cloned().collect()
}
