//! The original's settings that RDS would refuse for a new database. Preflight leaves them out of the plan and reports
//! them.
//!
//! Pure functions. All other settings stay as they are: the table in [`trapheus_common::settings`] says which call takes
//! which of them.

use trapheus_common::settings::{ClusterSettings, InstanceSettings};

use crate::answers::OrderableOptions;

/// Leaves out a certificate authority that RDS no longer has: the restored database gets the default authority.
pub(crate) fn certificate(
    owner: &str,
    certificate: &mut Option<String>,
    known: Option<&Vec<String>>,
) -> Option<String> {
    let gone = certificate.take_if(|wanted| known.is_some_and(|known| !known.is_empty() && !known.contains(wanted)))?;
    Some(format!(
        "the certificate authority {gone} of `{owner}` is no longer offered: the restored database gets the default one of \
         the region, which its clients have to trust"
    ))
}

/// Leaves out an Availability Zone that the subnet group does not cover, or in which AWS no longer offers the class. RDS
/// then chooses another zone.
pub(crate) fn zone(
    owner: &str,
    settings: &mut InstanceSettings,
    covered: &[String],
    orderable: &OrderableOptions,
) -> Option<String> {
    // Beside Multi-AZ a restore names no zone.
    if settings.multi_az == Some(true) {
        return None;
    }
    let is_covered = |zone: &str| covered.is_empty() || covered.iter().any(|covered| covered == zone);
    let zone = settings.availability_zone.take_if(|zone| !is_covered(zone) || orderable.elsewhere_only(owner, zone))?;
    let why = if is_covered(&zone) {
        let class = settings.instance_class.as_deref().unwrap_or_default();
        format!("does not offer the class {class} for new databases")
    } else {
        format!("is not covered by its subnet group ({})", covered.join(", "))
    };
    Some(format!("the Availability Zone {zone} of `{owner}` {why}: RDS chooses another one"))
}

/// Leaves out the zones of a cluster that its subnet group does not cover. RDS lists three zones of storage for every
/// cluster. If RDS does not list the group's zones, the restore names none.
pub(crate) fn zones(settings: &mut ClusterSettings, covered: &[String]) {
    settings.availability_zones.retain(|zone| covered.contains(zone));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_certificate_authority_that_rds_no_longer_has_is_left_out() {
        let known = vec!["rds-ca-rsa2048-g1".to_owned()];
        for (has, known, left_out) in [
            (Some("rds-ca-2019"), Some(&known), true),
            (Some("rds-ca-rsa2048-g1"), Some(&known), false),
            (Some("rds-ca-2019"), None, false),
            (Some("rds-ca-2019"), Some(&Vec::new()), false),
            (None, Some(&known), false),
        ] {
            let mut has = has.map(str::to_owned);
            let was = has.clone();
            let note = certificate("orders", &mut has, known);
            assert_eq!((has.is_none() && was.is_some(), note.is_some()), (left_out, left_out), "{was:?}");
        }
    }

    #[test]
    fn a_zone_is_left_out_where_the_subnet_group_does_not_cover_it() {
        let covered = ["us-east-1a".to_owned(), "us-east-1b".to_owned()];
        for (zone_now, multi_az, covered, left_out) in [
            ("us-east-1f", false, &covered[..], true),
            ("us-east-1a", false, &covered, false),
            ("us-east-1f", true, &covered, false),
            ("us-east-1f", false, &[], false),
        ] {
            let mut settings = InstanceSettings {
                availability_zone: Some(zone_now.into()),
                multi_az: Some(multi_az),
                ..InstanceSettings::default()
            };
            let note = zone("orders", &mut settings, covered, &OrderableOptions::default());
            assert_eq!((settings.availability_zone.is_none(), note.is_some()), (left_out, left_out), "{zone_now}");
        }
        let three = ["us-east-1a", "us-east-1b", "us-east-1f"].map(str::to_owned);
        for (covered, expected) in [(&covered[..], 2), (&[], 0)] {
            let mut settings = ClusterSettings { availability_zones: three.to_vec(), ..ClusterSettings::default() };
            zones(&mut settings, covered);
            assert_eq!(settings.availability_zones.len(), expected);
        }
    }
}
