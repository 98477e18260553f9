//! What has to be asked for: what of the original's settings a modification can still bring to the restored database.
//!
//! Some settings are refused without others, or clash with what the others are by default; those go together.

use trapheus_common::settings::{Call, ClusterSettings, InstanceSettings, Setting, Settings, Weight};

/// Settings to ask for, all in one call.
pub(crate) struct Changes<S: Settings> {
    /// Those that differ, with what has to go with them; everything else is left out.
    pub(crate) settings: S,
    differing: Vec<&'static Setting<S>>,
}

impl<S: Settings> Changes<S> {
    pub(crate) fn is_empty(&self) -> bool {
        self.differing.is_empty()
    }

    /// Whether a difference that would remain is one to roll back for.
    pub(crate) fn are_essential(&self) -> bool {
        self.differing.iter().any(|setting| setting.weight == Weight::Essential)
    }

    /// In words: `the backup window, log exports`.
    pub(crate) fn in_words(&self) -> String {
        self.differing.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ")
    }
}

/// What to ask of a restored DB instance.
pub(crate) fn of_instance(
    original: &InstanceSettings,
    restored: &InstanceSettings,
    engine: &str,
) -> Changes<InstanceSettings> {
    instance_changes(original, modifiable(original, restored, engine))
}

/// What to ask of a member of an Aurora cluster: what is its own, not its cluster's.
pub(crate) fn of_member(
    original: &InstanceSettings,
    restored: &InstanceSettings,
    engine: &str,
) -> Changes<InstanceSettings> {
    let mut differing = modifiable(original, restored, engine);
    differing.retain(|setting| setting.is_set_by(Call::Create));
    instance_changes(original, differing)
}

/// What to ask of a restored DB cluster.
pub(crate) fn of_cluster(
    original: &ClusterSettings,
    restored: &ClusterSettings,
    engine: &str,
) -> Changes<ClusterSettings> {
    let differing = modifiable(original, restored, engine);
    let mut settings = original.picked(differing.iter().copied());
    if settings.monitoring_interval.is_some() || settings.monitoring_role_arn.is_some() {
        settings.monitoring_interval = original.monitoring_interval;
        settings.monitoring_role_arn.clone_from(&original.monitoring_role_arn);
    }
    if settings.database_insights_mode.is_some() {
        settings.performance_insights = original.performance_insights;
        settings.performance_insights_retention_days = original.performance_insights_retention_days;
    }
    if settings.backup_window.is_some() || settings.maintenance_window.is_some() {
        settings.backup_window.clone_from(&original.backup_window);
        settings.maintenance_window.clone_from(&original.maintenance_window);
    }
    if settings.managed_master_password {
        settings.managed_master_password_kms_key_id.clone_from(&original.managed_master_password_kms_key_id);
    }
    Changes { settings, differing }
}

fn modifiable<S: Settings>(original: &S, restored: &S, engine: &str) -> Vec<&'static Setting<S>> {
    let mut differing = original.differing(restored);
    differing.retain(|setting| setting.is_taken_by(Call::Modify, original, engine));
    differing
}

fn instance_changes(
    original: &InstanceSettings,
    differing: Vec<&'static Setting<InstanceSettings>>,
) -> Changes<InstanceSettings> {
    let mut settings = original.picked(differing.iter().copied());
    if settings.monitoring_interval.is_some() || settings.monitoring_role_arn.is_some() {
        settings.monitoring_interval = original.monitoring_interval;
        settings.monitoring_role_arn.clone_from(&original.monitoring_role_arn);
    }
    // The advanced mode is refused without Performance Insights and a long retention in the same call.
    if settings.database_insights_mode.is_some() {
        settings.performance_insights = original.performance_insights;
        settings.performance_insights_retention_days = original.performance_insights_retention_days;
    }
    // Either may overlap with what the other is by default, which RDS refuses.
    if settings.maintenance_window.is_some() || settings.backup_window.is_some() {
        settings.maintenance_window.clone_from(&original.maintenance_window);
        settings.backup_window.clone_from(&original.backup_window);
    }
    if settings.managed_master_password {
        settings.managed_master_password_kms_key_id.clone_from(&original.managed_master_password_kms_key_id);
    }
    Changes { settings, differing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_settings_leave_nothing_to_ask_for() {
        let settings = InstanceSettings { monitoring_interval: Some(60), ..InstanceSettings::default() };
        assert!(of_instance(&settings, &settings, "postgres").is_empty());
    }

    #[test]
    fn the_monitoring_role_goes_with_the_interval() {
        let original = InstanceSettings {
            monitoring_interval: Some(60),
            monitoring_role_arn: Some("arn:role".into()),
            ..InstanceSettings::default()
        };
        let restored = InstanceSettings { monitoring_role_arn: Some("arn:role".into()), ..InstanceSettings::default() };
        let changes = of_instance(&original, &restored, "postgres");
        assert_eq!(changes.settings, original);
        assert_eq!(changes.in_words(), "the monitoring interval");
    }

    #[test]
    fn both_windows_go_together() {
        let original = InstanceSettings {
            backup_window: Some("03:00-03:30".into()),
            maintenance_window: Some("sun:04:00-sun:04:30".into()),
            ..InstanceSettings::default()
        };
        let restored = InstanceSettings { maintenance_window: Some("sat:03:10-sat:03:40".into()), ..original.clone() };
        assert_eq!(of_instance(&original, &restored, "mysql").settings, original);
    }

    #[test]
    fn the_advanced_insights_mode_goes_with_its_retention() {
        let original = ClusterSettings {
            database_insights_mode: Some("advanced".into()),
            performance_insights: Some(true),
            performance_insights_retention_days: Some(465),
            ..ClusterSettings::default()
        };
        let restored = ClusterSettings { database_insights_mode: Some("standard".into()), ..original.clone() };
        assert_eq!(of_cluster(&original, &restored, "aurora-mysql").settings, original);
    }

    #[test]
    fn the_key_of_a_managed_password_is_named_only_while_it_is_being_created() {
        let original = InstanceSettings {
            managed_master_password: true,
            managed_master_password_kms_key_id: Some("key-1".into()),
            ..InstanceSettings::default()
        };
        let changes = of_instance(&original, &InstanceSettings::default(), "postgres");
        assert_eq!(changes.settings, original);
        assert!(changes.are_essential());
        let other_key =
            InstanceSettings { managed_master_password_kms_key_id: Some("key-2".into()), ..original.clone() };
        assert!(of_instance(&original, &other_key, "postgres").is_empty());
    }

    #[test]
    fn what_only_the_restore_can_set_is_not_asked_for() {
        let original = InstanceSettings {
            kms_key_id: Some("key-1".into()),
            port: Some(5433),
            parameter_group: Some("ours".into()),
            ..InstanceSettings::default()
        };
        assert!(of_instance(&original, &InstanceSettings::default(), "postgres").is_empty());
    }

    #[test]
    fn a_member_is_asked_only_for_what_is_its_own() {
        let original = InstanceSettings {
            promotion_tier: Some(3),
            backup_retention_days: Some(7),
            copy_tags_to_snapshot: Some(true),
            ..InstanceSettings::default()
        };
        let changes = of_member(&original, &InstanceSettings::default(), "aurora-postgresql");
        assert_eq!(changes.in_words(), "the promotion tier");
    }
}
