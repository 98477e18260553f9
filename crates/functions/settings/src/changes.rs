//! The changes to request: the original's settings that a modification can still give to the restored database.
//!
//! RDS refuses a whole call for one of its parameters. So the essential settings have a call of their own. A refused call
//! with several settings is split: one call for each setting, with its companions. A companion is a setting without which
//! RDS refuses the first one, or whose default clashes with it.

use trapheus_common::settings::{ClusterSettings, InstanceSettings, Setting, SettingCall, Settings, Weight};

/// Settings to request, all in one call.
pub(crate) struct Changes<S: Settings> {
    /// The settings that differ, with their companions; all others are left out.
    pub(crate) settings: S,
    differing: Vec<&'static Setting<S>>,
    original: S,
}

impl<S: Together> Changes<S> {
    fn new(original: &S, differing: Vec<&'static Setting<S>>) -> Self {
        let settings = original.with_companions(original.picked(differing.iter().copied()));
        Self { settings, differing, original: original.clone() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.differing.is_empty()
    }

    /// Whether a remaining difference would lead to a rollback.
    pub(crate) fn are_essential(&self) -> bool {
        self.differing.iter().any(|setting| setting.weight == Weight::Essential)
    }

    /// In words: `the backup window, log exports`.
    pub(crate) fn in_words(&self) -> String {
        self.differing.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ")
    }

    /// The essential settings, then all others, each in one call; no call without settings.
    pub(crate) fn by_weight(self) -> impl Iterator<Item = Self> {
        let Self { differing, original, .. } = self;
        let (essential, optional): (Vec<_>, Vec<_>) =
            differing.into_iter().partition(|setting| setting.weight == Weight::Essential);
        let calls = [essential, optional].map(|differing| Self::new(&original, differing));
        calls.into_iter().filter(|changes| !changes.is_empty())
    }

    /// Each setting in a call of its own, with its companions.
    pub(crate) fn one_by_one(&self) -> Vec<Self> {
        let mut calls: Vec<Self> = Vec::new();
        for &setting in &self.differing {
            let alone = Self::new(&self.original, vec![setting]);
            // The call of another setting may already contain it.
            match calls.iter_mut().find(|call| call.settings == alone.settings) {
                Some(call) => call.differing.push(setting),
                None => calls.push(alone),
            }
        }
        calls
    }
}

/// Settings, some of which need others in the same call.
pub(crate) trait Together: Settings + Clone + PartialEq {
    /// The picked settings, with their companions.
    fn with_companions(&self, picked: Self) -> Self;
}

/// The companions in the settings of both a DB instance and a DB cluster, picked from `$all`.
macro_rules! pick_shared_companions {
    ($all:expr, $picked:expr) => {
        if $picked.monitoring_interval.is_some() || $picked.monitoring_role_arn.is_some() {
            $picked.monitoring_interval = $all.monitoring_interval;
            $picked.monitoring_role_arn.clone_from(&$all.monitoring_role_arn);
        }
        // RDS refuses the advanced mode without Performance Insights and a long retention in the same call. It takes
        // neither the key nor the retention without Performance Insights.
        let detailed =
            $picked.performance_insights_kms_key_id.is_some() || $picked.performance_insights_retention_days.is_some();
        if $picked.database_insights_mode.is_some() || detailed {
            $picked.performance_insights = $all.performance_insights;
            $picked.performance_insights_retention_days = $all.performance_insights_retention_days;
        }
        // Each window may overlap with the other's default, which RDS refuses.
        if $picked.maintenance_window.is_some() || $picked.backup_window.is_some() {
            $picked.maintenance_window.clone_from(&$all.maintenance_window);
            $picked.backup_window.clone_from(&$all.backup_window);
        }
        if $picked.managed_master_password {
            $picked.managed_master_password_kms_key_id.clone_from(&$all.managed_master_password_kms_key_id);
        }
    };
}

impl Together for InstanceSettings {
    fn with_companions(&self, mut picked: Self) -> Self {
        pick_shared_companions!(self, picked);
        // A change of storage is one operation, and the next one has to wait for hours.
        if picked.allocated_storage.is_some() || picked.iops.is_some() || picked.storage_throughput.is_some() {
            picked.allocated_storage = self.allocated_storage;
            picked.iops = self.iops;
            picked.storage_throughput = self.storage_throughput;
        }
        picked
    }
}

impl Together for ClusterSettings {
    fn with_companions(&self, mut picked: Self) -> Self {
        pick_shared_companions!(self, picked);
        picked
    }
}

/// The changes of a restored DB instance.
pub(crate) fn of_instance(
    original: &InstanceSettings,
    restored: &InstanceSettings,
    engine: &str,
) -> Changes<InstanceSettings> {
    // The restored database is at least as large as its snapshot, so the maximum has less room to grow.
    let size = original.allocated_storage.max(restored.allocated_storage);
    let grows = size > restored.allocated_storage;
    let sized = original.of_size(size, engine);
    let mut differing = modifiable(&sized, restored, engine);
    differing.retain(|setting| grows || !is_storage(setting));
    Changes::new(&sized, differing)
}

/// Whether a setting changes the storage itself.
fn is_storage(setting: &Setting<InstanceSettings>) -> bool {
    ["the allocated storage", "the provisioned IOPS", "the storage throughput"].contains(&setting.name)
}

/// The changes of a member of an Aurora cluster: the member's own settings, not its cluster's.
pub(crate) fn of_member(
    original: &InstanceSettings,
    restored: &InstanceSettings,
    engine: &str,
) -> Changes<InstanceSettings> {
    let mut differing = modifiable(original, restored, engine);
    differing.retain(|setting| setting.is_set_by(SettingCall::Create));
    Changes::new(original, differing)
}

/// The changes of a restored DB cluster.
pub(crate) fn of_cluster(
    original: &ClusterSettings,
    restored: &ClusterSettings,
    engine: &str,
) -> Changes<ClusterSettings> {
    Changes::new(original, modifiable(original, restored, engine))
}

fn modifiable<S: Settings>(original: &S, restored: &S, engine: &str) -> Vec<&'static Setting<S>> {
    let mut differing = original.differing(restored);
    differing.retain(|setting| setting.is_taken_by(SettingCall::Modify, original, engine));
    differing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_settings_need_no_change() {
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
    fn a_setting_that_only_the_restore_can_set_is_not_requested() {
        let original = InstanceSettings {
            kms_key_id: Some("key-1".into()),
            port: Some(5433),
            parameter_group: Some("ours".into()),
            ..InstanceSettings::default()
        };
        assert!(of_instance(&original, &InstanceSettings::default(), "postgres").is_empty());
    }

    #[test]
    fn only_a_members_own_settings_are_requested() {
        let original = InstanceSettings {
            promotion_tier: Some(3),
            backup_retention_days: Some(7),
            copy_tags_to_snapshot: Some(true),
            ..InstanceSettings::default()
        };
        let changes = of_member(&original, &InstanceSettings::default(), "aurora-postgresql");
        assert_eq!(changes.in_words(), "the promotion tier");
    }

    fn words<S: Together>(calls: impl IntoIterator<Item = Changes<S>>) -> Vec<String> {
        calls.into_iter().map(|changes| changes.in_words()).collect()
    }

    #[test]
    fn the_essential_settings_have_a_call_of_their_own() {
        let original = InstanceSettings {
            managed_master_password: true,
            security_groups: vec!["sg-1".into()],
            backup_retention_days: Some(14),
            max_allocated_storage: Some(200),
            ..InstanceSettings::default()
        };
        let calls = of_instance(&original, &InstanceSettings::default(), "postgres").by_weight();
        assert_eq!(
            words(calls),
            [
                "the security groups, the managed master password",
                "the maximum of storage autoscaling, backup retention",
            ]
        );
        assert_eq!(words(of_instance(&original, &original, "postgres").by_weight()), Vec::<String>::new());
        let original = ClusterSettings {
            managed_master_password: true,
            http_endpoint: Some(true),
            maintenance_window: Some("sun:04:00-sun:04:30".into()),
            ..ClusterSettings::default()
        };
        let calls = of_cluster(&original, &ClusterSettings::default(), "aurora-mysql").by_weight();
        assert_eq!(words(calls), ["the managed master password", "the maintenance window"]);
    }

    #[test]
    fn a_refused_call_is_split_into_one_for_each_setting_with_its_companions() {
        let original = InstanceSettings {
            max_allocated_storage: Some(200),
            monitoring_interval: Some(60),
            monitoring_role_arn: Some("arn:role".into()),
            backup_window: Some("03:00-03:30".into()),
            maintenance_window: Some("sun:04:00-sun:04:30".into()),
            performance_insights: Some(true),
            performance_insights_retention_days: Some(465),
            database_insights_mode: Some("advanced".into()),
            ..InstanceSettings::default()
        };
        let changes = of_instance(&original, &InstanceSettings::default(), "postgres");
        assert_eq!(
            words(changes.one_by_one()),
            [
                "the maximum of storage autoscaling",
                "the backup window, the maintenance window",
                "the monitoring interval, the monitoring role",
                "the mode of Database Insights",
                "Performance Insights",
                "the retention of Performance Insights",
            ]
        );
    }

    #[test]
    fn only_sql_server_grows_after_the_restore_and_with_all_figures_of_its_storage() {
        let original = InstanceSettings {
            storage_type: Some("io1".into()),
            allocated_storage: Some(500),
            iops: Some(20_000),
            ..InstanceSettings::default()
        };
        let restored = InstanceSettings { allocated_storage: Some(100), iops: Some(5_000), ..original.clone() };
        let changes = of_instance(&original, &restored, "sqlserver-se");
        assert_eq!((changes.settings.allocated_storage, changes.settings.iops), (Some(500), Some(20_000)));
        assert_eq!(changes.one_by_one().len(), 1);
        assert!(of_instance(&original, &restored, "postgres").is_empty());
        assert!(of_instance(&restored, &original, "sqlserver-se").is_empty(), "storage never shrinks");
    }

    #[test]
    fn the_maximum_of_autoscaling_is_compared_with_the_restored_size() {
        let original =
            InstanceSettings { allocated_storage: Some(100), max_allocated_storage: Some(200), ..Default::default() };
        let restored = |gib| InstanceSettings { allocated_storage: Some(gib), ..InstanceSettings::default() };
        assert!(!of_instance(&original, &restored(100), "postgres").is_empty());
        assert!(of_instance(&original, &restored(190), "postgres").is_empty());
    }
}
