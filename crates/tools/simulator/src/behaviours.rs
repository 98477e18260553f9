//! The behaviours that the simulator models, with the evidence for each.
//!
//! Every entry has a contract test of the same name in `tests/contract`, and every contract test has an entry.

/// The source of a behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// AWS documents the behaviour at this address.
    Documented { source: &'static str },
    /// RDS answered like this, and the answer was recorded.
    Recorded { source: &'static str },
    /// No source states the behaviour. It follows from the documentation or from reports by users of other tools.
    Inferred,
}

/// One behaviour of RDS that the simulator models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// The name of the behaviour and of its contract test.
    pub id: &'static str,
    pub statement: &'static str,
    pub evidence: Evidence,
}

const fn documented(id: &'static str, statement: &'static str, source: &'static str) -> Behaviour {
    Behaviour { id, statement, evidence: Evidence::Documented { source } }
}

const fn recorded(id: &'static str, statement: &'static str) -> Behaviour {
    Behaviour { id, statement, evidence: Evidence::Recorded { source: RECORDINGS } }
}

const fn inferred(id: &'static str, statement: &'static str) -> Behaviour {
    Behaviour { id, statement, evidence: Evidence::Inferred }
}

/// A behaviour that users of other tools reported, with RDS's answer in their words.
const fn reported(id: &'static str, statement: &'static str, source: &'static str) -> Behaviour {
    Behaviour { id, statement, evidence: Evidence::Recorded { source } }
}

const RECORDINGS: &str = "answers of RDS from 2015 to 2026, recorded by the tests of Cloud Custodian";
const MODEL: &str = "RDS service model, API version 2014-10-31";
const GUIDE: &str = "Amazon RDS User Guide";
const AURORA: &str = "Amazon Aurora User Guide";
const REFERENCE: &str = "Amazon RDS API Reference";
const STATES: &str = "AWS Step Functions API Reference";

/// Every modelled behaviour.
pub const BEHAVIOURS: &[Behaviour] = &[
    // Instances
    inferred(
        "restored_instance_is_creating_then_backing_up_then_modifying_then_available",
        "A restored instance goes through creating, backing-up and modifying before it is available.",
    ),
    inferred(
        "created_instance_is_creating_then_backing_up_then_available",
        "A new instance goes through creating and backing-up before it is available.",
    ),
    inferred(
        "renamed_instance_lingers_then_has_no_name_then_renames_and_reboots",
        "The old name lingers as available, then neither name answers, then the new name is renaming, rebooting and available.",
    ),
    inferred(
        "renamed_instance_may_flash_available_before_it_reboots",
        "Between renaming and rebooting the new name may say available.",
    ),
    documented(
        "rename_keeps_resource_id_and_tags_and_changes_arn_and_endpoint",
        "A rename changes ARN and endpoint; resource id, tags and snapshots stay.",
        GUIDE,
    ),
    documented(
        "rename_to_a_taken_name_is_refused",
        "A name another instance has, or is about to have, is refused.",
        MODEL,
    ),
    inferred(
        "rename_of_a_renaming_instance_is_refused",
        "While a rename is under way another operation is refused, though the status says available.",
    ),
    inferred("deletion_protection_does_not_block_a_rename", "A protected instance can be renamed."),
    documented(
        "read_replica_follows_the_rename_of_its_source",
        "A read replica stays tied to its source when that is renamed.",
        GUIDE,
    ),
    documented(
        "rename_without_apply_immediately_stays_pending",
        "Without ApplyImmediately a rename waits for the maintenance window.",
        REFERENCE,
    ),
    documented(
        "apply_immediately_applies_everything_pending",
        "ApplyImmediately applies this request and everything pending.",
        GUIDE,
    ),
    documented(
        "modification_without_apply_immediately_stays_pending",
        "Without ApplyImmediately a queued setting shows in PendingModifiedValues alone.",
        GUIDE,
    ),
    inferred(
        "accepted_modification_still_shows_available_for_a_moment",
        "A modification that was accepted shows in PendingModifiedValues before the status changes.",
    ),
    documented(
        "deletion_protection_takes_effect_at_once",
        "Deletion protection needs no ApplyImmediately and no change of status.",
        GUIDE,
    ),
    documented(
        "new_parameter_group_is_pending_until_a_reboot",
        "A new parameter group is pending-reboot until the instance reboots.",
        GUIDE,
    ),
    inferred("setting_back_cancels_what_is_pending", "Asking for what is so already takes a queued modification back."),
    documented("major_upgrade_needs_a_word", "A new major version needs AllowMajorVersionUpgrade.", REFERENCE),
    documented("io_storage_needs_iops", "io1 and io2 cannot do without Iops, gp2 takes none.", GUIDE),
    documented(
        "monitoring_and_log_exports_are_configured_through_statuses",
        "Enhanced Monitoring and log exports go through configuring statuses, whatever ApplyImmediately says.",
        GUIDE,
    ),
    documented(
        "resized_storage_is_optimized_before_it_is_available",
        "After a change of storage the status is storage-optimization for a while.",
        GUIDE,
    ),
    inferred(
        "managed_password_cannot_be_set_by_hand",
        "While the master password is managed, MasterUserPassword is refused.",
    ),
    documented(
        "modifying_an_instance_that_is_not_available_is_refused",
        "InvalidDBInstanceState meets an operation in the wrong status.",
        MODEL,
    ),
    documented("protected_instance_is_not_deleted", "Deletion protection refuses a delete.", GUIDE),
    documented(
        "deleted_instance_is_deleting_then_not_found",
        "A database is deleting, then not found; deleted is never shown.",
        GUIDE,
    ),
    documented(
        "delete_needs_a_word_about_the_final_snapshot",
        "Without SkipFinalSnapshot a delete needs FinalDBSnapshotIdentifier, and never takes both.",
        REFERENCE,
    ),
    documented(
        "final_snapshot_outlives_its_instance",
        "The final snapshot is there after its source is gone.",
        REFERENCE,
    ),
    documented(
        "deleting_a_source_promotes_its_read_replicas",
        "Read replicas in the region are promoted when their source is deleted.",
        GUIDE,
    ),
    documented(
        "automated_backups_are_kept_only_when_asked",
        "DeleteAutomatedBackups=false retains automated backups.",
        REFERENCE,
    ),
    documented(
        "retained_automated_backups_have_a_quota",
        "Beyond the quota of retained backups a delete that would keep more is refused.",
        MODEL,
    ),
    documented(
        "automated_snapshots_go_with_their_instance",
        "Automated snapshots are deleted with their instance, manual ones stay.",
        GUIDE,
    ),
    documented(
        "failed_instance_takes_no_final_snapshot",
        "An instance in a status like incompatible-restore is deleted without final snapshot only.",
        REFERENCE,
    ),
    inferred(
        "delete_while_creating_may_be_refused",
        "Whether something creating can be deleted is unverified: both are modelled.",
    ),
    documented(
        "stopped_instance_answers_no_operation_but_start",
        "A stopped instance cannot be modified or snapshotted.",
        GUIDE,
    ),
    documented("instance_quota_is_enforced", "InstanceQuotaExceeded meets one instance too many.", MODEL),
    documented(
        "one_refused_parameter_refuses_the_whole_call",
        "A modification with one refused parameter changes nothing at all.",
        REFERENCE,
    ),
    documented(
        "statuses_that_take_no_modification_take_no_rename",
        "Only a database in service takes a rename: none that is being worked on, has failed or is stopped.",
        GUIDE,
    ),
    inferred(
        "final_snapshot_needs_an_available_database",
        "A final snapshot is refused wherever the database is not available; in storage work that is unverified.",
    ),
    documented(
        "taken_name_of_a_final_snapshot_stops_the_deletion",
        "A deletion whose final snapshot has a taken name is refused, and the database stays.",
        MODEL,
    ),
    documented(
        "deletion_lasts_as_long_as_its_final_snapshot",
        "A database is deleting for as long as its final snapshot takes.",
        GUIDE,
    ),
    documented(
        "stopped_database_is_started_after_seven_days",
        "RDS starts a stopped database again after seven days.",
        GUIDE,
    ),
    documented(
        "replicas_and_their_sources_are_not_stopped",
        "A read replica, an instance that has one, and a cluster that is replicated or global cannot be stopped.",
        GUIDE,
    ),
    documented(
        "stopped_cluster_takes_no_operation_but_start",
        "A stopped Aurora cluster refuses modifications, snapshots, new members, failovers and clones, and RDS starts it after seven days.",
        AURORA,
    ),
    documented(
        "start_may_find_no_capacity",
        "A start is refused with InsufficientDBInstanceCapacity, or ends in insufficient-capacity, which is no status to start from.",
        MODEL,
    ),
    // Restores of instances
    documented(
        "restore_uses_what_the_snapshot_recorded",
        "Engine version, storage, encryption, port and master user come from the snapshot.",
        REFERENCE,
    ),
    documented(
        "restore_falls_back_to_defaults_for_the_rest",
        "Groups, Multi-AZ, protection and IAM authentication are defaults unless given.",
        REFERENCE,
    ),
    inferred(
        "restore_without_tags_takes_those_of_the_source_at_the_snapshots_moment",
        "An instance restored without tags gets those its source had, with or without CopyTagsToSnapshot; tags given replace them.",
    ),
    documented(
        "restored_instance_is_a_new_resource",
        "A restored database has a resource id of its own and starts a new point-in-time history.",
        GUIDE,
    ),
    documented(
        "small_gp3_takes_neither_iops_nor_throughput",
        "gp3 below 400 GiB (Oracle 200) accepts neither Iops nor StorageThroughput.",
        GUIDE,
    ),
    documented(
        "managed_secret_is_not_restored",
        "A managed master secret is made anew by a modification, with a new ARN.",
        GUIDE,
    ),
    documented("restore_onto_a_taken_name_is_refused", "DBInstanceAlreadyExists meets a taken name.", MODEL),
    documented("groups_that_do_not_exist_are_refused", "A parameter, option or subnet group has to exist.", MODEL),
    // Restores to a point in time
    documented(
        "instance_restore_to_a_point_in_time_names_one_source_and_one_moment",
        "Exactly one of identifier, resource id and ARN of replicated backups, and either RestoreTime or UseLatestRestorableTime.",
        REFERENCE,
    ),
    reported(
        "moment_outside_of_the_window_is_refused",
        "InvalidParameterValue meets a time before the retention period and a time after LatestRestorableTime.",
        "answers of RDS in issues about Terraform and Crossplane",
    ),
    documented(
        "latest_restorable_time_is_five_minutes_behind",
        "RDS stores transaction logs every five minutes, so LatestRestorableTime is behind; it stands still while an instance is stopped.",
        GUIDE,
    ),
    documented(
        "restored_database_begins_a_new_window",
        "A window begins with the first backup of a database, so a restored database has none of its source's.",
        GUIDE,
    ),
    documented(
        "point_in_time_restore_needs_automated_backups",
        "PointInTimeRestoreNotEnabled meets a source without backup retention; turning backups off deletes them, turning them on starts anew.",
        MODEL,
    ),
    documented(
        "point_in_time_restore_of_an_instance_has_the_rules_of_a_snapshot_restore",
        "Names, quotas, groups, storage and defaults are those of a restore from a snapshot; MaxAllocatedStorage is taken, KmsKeyId is no parameter.",
        REFERENCE,
    ),
    inferred(
        "point_in_time_restore_without_tags_takes_those_of_the_source",
        "An instance restored to a point in time without tags gets those of its source.",
    ),
    inferred(
        "source_of_a_point_in_time_restore_is_neither_new_nor_going",
        "A source that is creating, renaming or deleting is refused, as is a member of a cluster.",
    ),
    documented(
        "cluster_shows_its_restorable_window",
        "A cluster shows EarliestRestorableTime and LatestRestorableTime, within its retention and since its first backup.",
        REFERENCE,
    ),
    documented(
        "cluster_restore_to_a_point_in_time_names_one_source_and_one_moment",
        "Identifier or resource id, RestoreToTime or UseLatestRestorableTime, and a moment inside the window.",
        REFERENCE,
    ),
    documented(
        "cluster_restored_to_a_point_in_time_keeps_version_and_not_port",
        "It runs the version of its source, on the default port of the engine; EngineVersion and DatabaseName are no parameters.",
        REFERENCE,
    ),
    documented(
        "unencrypted_cluster_is_not_encrypted_by_a_point_in_time_restore",
        "KmsKeyId is refused if the source is not encrypted, and else may name another key.",
        REFERENCE,
    ),
    documented(
        "multi_az_cluster_is_restored_to_a_point_in_time_in_full",
        "A Multi-AZ DB cluster is restored with DBClusterInstanceClass, and never cloned.",
        GUIDE,
    ),
    // Clones
    documented(
        "clone_is_of_an_aurora_cluster_with_an_instance_as_it_is_now",
        "copy-on-write needs an available Aurora cluster with an instance, and refuses RestoreToTime.",
        AURORA,
    ),
    documented(
        "clones_share_a_group_and_may_have_another_key",
        "A clone is there in minutes; it and its original have one CloneGroupId, and its key may differ.",
        AURORA,
    ),
    documented(
        "clone_beyond_the_limit_is_a_full_copy",
        "The 16th clone of a group becomes a full copy without a word.",
        AURORA,
    ),
    // Retained automated backups
    documented(
        "automated_backups_are_described_by_status_and_source",
        "Automated backups are active, creating or retained, and are found by identifier, resource id and filter.",
        REFERENCE,
    ),
    documented(
        "retained_backups_keep_their_window_until_they_expire",
        "Retained backups show a RestoreWindow that ends with the deletion, and go after the retention period with their snapshots.",
        GUIDE,
    ),
    documented(
        "deleted_instance_is_restored_by_its_resource_id",
        "Retained backups are restored by SourceDbiResourceId alone.",
        REFERENCE,
    ),
    documented(
        "deleted_cluster_is_restored_by_its_resource_id",
        "Retained backups of a cluster are restored by SourceDbClusterResourceId in full, not as a clone.",
        REFERENCE,
    ),
    // Snapshots
    inferred(
        "snapshot_is_creating_while_its_source_is_backing_up",
        "The source is backing-up while the snapshot is creating.",
    ),
    documented("snapshot_needs_an_available_source", "A source in another status refuses the snapshot.", MODEL),
    documented("snapshot_name_that_is_taken_is_refused", "DBSnapshotAlreadyExists meets a taken name.", MODEL),
    documented(
        "snapshot_that_is_not_available_cannot_be_restored",
        "InvalidDBSnapshotState meets a restore from a snapshot in the making.",
        MODEL,
    ),
    documented("snapshot_outlives_its_source", "A manual snapshot stays when its source is deleted.", GUIDE),
    documented("snapshots_of_members_are_refused", "A member of a cluster is snapshotted with its cluster.", AURORA),
    documented("automated_snapshots_are_not_deleted_by_hand", "Only manual snapshots can be deleted.", REFERENCE),
    documented(
        "deleting_the_source_cancels_a_running_copy",
        "A copy fails when its source is deleted before it is done.",
        REFERENCE,
    ),
    documented(
        "copy_is_copying_until_it_is_available",
        "A copy shows copying, and deleting it meanwhile cancels it.",
        REFERENCE,
    ),
    documented(
        "snapshot_is_deleted_by_its_name",
        "A deletion takes the identifier of a snapshot, not its ARN.",
        REFERENCE,
    ),
    inferred(
        "snapshot_in_the_making_shows_its_progress",
        "PercentProgress grows while a snapshot is created or copied, and is 100 only at the end.",
    ),
    inferred(
        "unavailable_snapshot_is_of_no_use",
        "A snapshot in status unavailable is described, and neither restored nor copied.",
    ),
    documented(
        "snapshots_are_described_by_type",
        "Without SnapshotType these are automated and manual ones; those of AWS Backup and of other accounts only when asked for.",
        REFERENCE,
    ),
    documented(
        "a_single_automated_snapshot_needs_its_type",
        "An automated snapshot is not found by its identifier without SnapshotType.",
        REFERENCE,
    ),
    documented(
        "snapshots_are_found_by_the_resource_id_of_their_source",
        "Filters and parameters find snapshots by resource id, source, engine and type.",
        REFERENCE,
    ),
    documented(
        "snapshot_is_upgraded_to_an_offered_version",
        "ModifyDBSnapshot upgrades a manual snapshot to a later version on offer; meanwhile it is upgrading and of no use.",
        REFERENCE,
    ),
    // Snapshots of other accounts and regions
    reported(
        "shared_snapshot_is_named_by_its_arn",
        "A snapshot of another account has its ARN as identifier and the type shared, shows no tags, and is found by the ARN alone.",
        "answers of RDS in the tests of other tools",
    ),
    documented(
        "shared_and_encrypted_instance_snapshot_is_not_restored_directly",
        "It has to be copied first; the code of the refusal is inferred.",
        GUIDE,
    ),
    documented(
        "shared_and_encrypted_aurora_snapshot_is_restored_directly",
        "A cluster is restored from it, under its key or another one, unless that is the default key.",
        AURORA,
    ),
    documented(
        "client_of_another_region_sees_the_snapshots_there",
        "A snapshot is described in its own region only, and restored there only.",
        GUIDE,
    ),
    // Copies
    documented(
        "copy_keeps_the_time_of_its_original",
        "OriginalSnapshotCreateTime is that of the first snapshot, SnapshotCreateTime that of the copy.",
        MODEL,
    ),
    documented(
        "copy_of_an_automated_snapshot_is_a_manual_one",
        "An automated snapshot is copied under a name without rds:, and the copy outlives the database.",
        GUIDE,
    ),
    reported(
        "copy_of_a_shared_encrypted_snapshot_needs_a_key_of_the_region",
        "KMSKeyNotAccessibleFault meets a copy without KmsKeyId, and one with a key of another region.",
        "awslabs/rds-snapshot-tool #70, awslabs/aurora-snapshot-tool #25",
    ),
    documented(
        "shared_snapshot_under_the_default_key_is_not_copied",
        "Snapshots under the default key of RDS cannot be shared; KMSKeyNotAccessibleFault meets their copy.",
        GUIDE,
    ),
    reported(
        "copy_from_another_region_needs_a_key_and_a_permission",
        "InvalidParameterValue meets an encrypted copy without KmsKeyId; rds:CrossRegionCommunication is checked as well.",
        "pbudzon/aws-maintenance #5",
    ),
    reported(
        "copies_from_other_regions_are_five_at_once",
        "SnapshotQuotaExceeded meets the sixth copy under way; copies inside of the region do not count.",
        "pbudzon/aws-maintenance #19",
    ),
    documented(
        "full_copy_takes_hours",
        "A copy from another region or account, or with another key, takes hours, and shows no progress while it is queued.",
        GUIDE,
    ),
    documented(
        "snapshot_with_tde_needs_an_option_group_in_another_region",
        "OptionGroupName is mandatory then; other copies across regions have the default option group.",
        REFERENCE,
    ),
    documented(
        "gov_cloud_copies_need_a_pre_signed_url",
        "An encrypted copy between GovCloud regions needs PreSignedUrl, a copy inside of a region refuses it.",
        REFERENCE,
    ),
    inferred("tags_of_the_snapshot_of_another_account_are_not_copied", "CopyTags is refused for a shared snapshot."),
    documented("copy_carries_tags_only_when_asked", "CopyTags, or tags given, decide the tags of a copy.", REFERENCE),
    documented(
        "unencrypted_cluster_snapshot_is_not_encrypted_by_copying",
        "A copy of a cluster snapshot takes a KMS key only if the source is encrypted.",
        REFERENCE,
    ),
    documented("snapshot_quota_is_enforced", "SnapshotQuotaExceeded meets one manual snapshot too many.", MODEL),
    documented(
        "copy_tags_to_snapshot_spreads_the_tags_of_the_source",
        "With CopyTagsToSnapshot a snapshot without tags of its own gets its source's.",
        GUIDE,
    ),
    documented(
        "every_kind_of_snapshot_takes_the_tags_of_a_source_that_copies_them",
        "Manual, automated and final snapshots of an instance or a cluster copy its tags if it says so, and only then.",
        GUIDE,
    ),
    inferred("cluster_restore_takes_no_tags", "A cluster restored without tags has none."),
    // Exports
    documented(
        "export_is_starting_then_in_progress_then_complete",
        "An export restores the snapshot as STARTING, writes as IN_PROGRESS with PercentProgress, and is COMPLETE.",
        GUIDE,
    ),
    documented(
        "export_identifier_that_is_taken_is_refused",
        "ExportTaskAlreadyExists meets an identifier used before, whatever became of that export.",
        MODEL,
    ),
    inferred("export_identifiers_keep_their_rules", "At most 60 letters, digits and hyphens, a letter first."),
    documented("export_needs_an_available_snapshot", "InvalidExportSourceState meets a snapshot in the making.", MODEL),
    documented(
        "snapshot_is_exported_once_at_a_time",
        "A snapshot has one export under way at the most; the code of the refusal is inferred.",
        AURORA,
    ),
    documented(
        "exports_have_a_quota",
        "More than five exports at a time are refused, by a code that the model lacks and users report.",
        GUIDE,
    ),
    documented(
        "snapshot_being_exported_can_be_deleted",
        "A snapshot may be deleted while it is exported, and the export goes on.",
        AURORA,
    ),
    documented(
        "only_some_engines_can_be_exported",
        "MariaDB, MySQL, PostgreSQL and Aurora can, not on magnetic storage; the code of the refusal is inferred.",
        GUIDE,
    ),
    documented("export_that_fails_says_why", "A FAILED export has a FailureCause.", GUIDE),
    documented(
        "canceled_export_is_canceling_then_canceled",
        "An export under way can be canceled; one that has ended cannot.",
        MODEL,
    ),
    documented(
        "exports_are_described_by_identifier_and_filter",
        "ExportTaskNotFound meets an unknown identifier; filters select by status, bucket and source.",
        REFERENCE,
    ),
    // Clusters
    documented(
        "restored_cluster_is_available_without_members",
        "A restored Aurora cluster is available before it has any member.",
        REFERENCE,
    ),
    documented(
        "members_need_an_available_cluster",
        "Instances can be created only once the cluster is available.",
        REFERENCE,
    ),
    documented(
        "first_member_created_is_the_writer",
        "The first instance created in an Aurora cluster becomes its writer.",
        AURORA,
    ),
    inferred(
        "renamed_cluster_keeps_its_members",
        "A cluster's rename leaves its members attached under their own names.",
    ),
    documented(
        "cluster_with_members_is_not_deleted",
        "InvalidDBClusterStateFault meets the delete of a cluster with active members.",
        MODEL,
    ),
    inferred(
        "deleted_cluster_goes_after_its_members",
        "A cluster deleted while its members are deleting is gone after them.",
    ),
    documented(
        "final_cluster_snapshot_outlives_its_cluster",
        "The final snapshot is there after the cluster is gone.",
        REFERENCE,
    ),
    documented(
        "members_of_a_protected_cluster_can_be_deleted",
        "A cluster's protection does not extend to its members.",
        AURORA,
    ),
    documented("protection_is_set_at_the_cluster_only", "A member takes no DeletionProtection.", REFERENCE),
    documented(
        "serverless_member_needs_scaling_at_its_cluster",
        "Serverless v2 scaling has to be set before a serverless member is created.",
        AURORA,
    ),
    documented(
        "new_cluster_parameter_group_is_pending_until_its_members_reboot",
        "Each member has the cluster's parameter group pending-reboot until it reboots.",
        AURORA,
    ),
    documented(
        "http_endpoint_has_actions_of_its_own",
        "The Data API is switched by EnableHttpEndpoint, by ModifyDBCluster for Serverless v1 alone.",
        REFERENCE,
    ),
    documented("cluster_upgrade_reaches_its_members", "Members run the engine version of their cluster.", AURORA),
    documented(
        "restored_cluster_falls_back_to_defaults",
        "Parameter group, protection and scaling are defaults unless given; a managed secret is not restored.",
        REFERENCE,
    ),
    documented(
        "cluster_names_and_quotas_are_enforced",
        "A taken name and one cluster too many are refused, the quota with a 403.",
        MODEL,
    ),
    documented(
        "multi_az_members_cannot_be_worked_on_one_by_one",
        "Members of a Multi-AZ DB cluster cannot be created, modified or deleted alone.",
        GUIDE,
    ),
    documented(
        "multi_az_clusters_have_their_limitations",
        "A Multi-AZ DB cluster is not stopped, its snapshots are not copied, its port, option group and encryption do not change.",
        GUIDE,
    ),
    documented("multi_az_cluster_reboots_as_a_whole", "RebootDBCluster is for Multi-AZ DB clusters only.", REFERENCE),
    documented(
        "each_kind_of_cluster_refuses_what_the_other_takes",
        "Class and storage belong to Multi-AZ DB clusters, serverless scaling and the Data API to Aurora.",
        REFERENCE,
    ),
    inferred(
        "multi_az_members_follow_their_cluster",
        "Members of a Multi-AZ DB cluster come, go and are renamed with it.",
    ),
    documented(
        "failover_moves_the_writer_in_half_a_minute",
        "The cluster is failing-over and takes no connections; then the named reader, or the best one, is the writer.",
        AURORA,
    ),
    documented(
        "failover_needs_an_available_reader",
        "A failover to a member that is not available, to the writer or without readers is refused; MySQL Multi-AZ takes no target.",
        REFERENCE,
    ),
    inferred("deleting_the_writer_fails_over", "Another member becomes the writer, by promotion tier."),
    documented(
        "member_of_a_global_cluster_is_not_deleted",
        "A cluster in a global cluster has to be removed from it first.",
        AURORA,
    ),
    documented(
        "cluster_is_available_before_its_members",
        "A started cluster says available while its members are still starting.",
        AURORA,
    ),
    documented(
        "failed_member_leaves_its_multi_az_cluster_available",
        "A Multi-AZ DB cluster may be available while one of its members has failed.",
        GUIDE,
    ),
    documented("ram_shared_cluster_is_not_renamed", "A cluster shared through AWS RAM cannot be renamed.", AURORA),
    documented("stopped_cluster_is_not_deleted", "A stopped Aurora cluster and its members are not deleted.", AURORA),
    documented(
        "readers_of_auto_scaling_come_and_go",
        "Aurora Auto Scaling adds and removes readers named application-autoscaling-<uuid>.",
        AURORA,
    ),
    // Offers and events of RDS
    documented(
        "certificates_are_described",
        "DescribeCertificates lists the certificate authorities that RDS has, and the default one.",
        REFERENCE,
    ),
    documented(
        "engine_versions_are_described",
        "DescribeDBEngineVersions lists the versions on offer; withdrawn ones only with IncludeAll, as deprecated.",
        REFERENCE,
    ),
    documented(
        "orderable_options_are_described",
        "DescribeOrderableDBInstanceOptions lists the zones and storage of a class, and nothing of a withdrawn version.",
        REFERENCE,
    ),
    documented(
        "account_attributes_show_quotas",
        "DescribeAccountAttributes shows what the account uses of its quotas.",
        REFERENCE,
    ),
    documented(
        "events_are_described",
        "DescribeEvents lists what happened in the past hour, by source, category and time.",
        REFERENCE,
    ),
    documented(
        "integrations_are_described",
        "DescribeIntegrations lists zero-ETL integrations with their sources and states.",
        REFERENCE,
    ),
    documented(
        "integration_fails_with_its_source",
        "A zero-ETL integration fails when its source is deleted; a rename of the source leaves it.",
        GUIDE,
    ),
    documented(
        "withdrawn_certificate_is_refused_and_still_reported",
        "CertificateNotFound meets a certificate authority that RDS no longer has; a database that has it reports it.",
        MODEL,
    ),
    inferred(
        "withdrawn_engine_version_is_refused",
        "A version that RDS no longer offers is neither restored, created nor upgraded to.",
    ),
    documented(
        "database_without_extended_support_is_upgraded_by_rds",
        "Without extended support RDS upgrades a restored database past the standard support of its version.",
        GUIDE,
    ),
    documented(
        "cluster_restore_without_version_runs_the_default_one",
        "A cluster restored without EngineVersion runs the default version of its engine.",
        REFERENCE,
    ),
    documented(
        "class_is_ordered_for_engine_and_zone",
        "A class is refused for an engine it is not offered for, and in a zone without it.",
        MODEL,
    ),
    documented(
        "multi_tenant_oracle_needs_more_permissions",
        "Restoring and deleting a multi-tenant Oracle instance also needs rights on tenant databases.",
        GUIDE,
    ),
    // Storage
    documented(
        "restored_storage_is_initialized_in_service",
        "After a restore the status is storage-initialization until all blocks are loaded; clients read and write meanwhile.",
        MODEL,
    ),
    documented(
        "database_in_storage_work_takes_modifications",
        "In storage-initialization and storage-optimization an instance is renamed and modified, and the work goes on.",
        GUIDE,
    ),
    documented(
        "snapshot_is_taken_in_storage_optimization",
        "A snapshot needs a source in status available or storage-optimization.",
        REFERENCE,
    ),
    documented(
        "storage_figures_fit_engine_and_size",
        "From its threshold on gp3 takes 12,000 IOPS and more, at most 500 for each GiB; io1 takes at most 50 for each GiB.",
        GUIDE,
    ),
    inferred(
        "gp3_has_the_figures_of_its_size",
        "A restore that asks for no figures gets those of the size, whatever the snapshot recorded below the threshold.",
    ),
    documented(
        "sql_server_takes_no_size_on_a_restore",
        "AllocatedStorage is not valid on a restore of SQL Server.",
        REFERENCE,
    ),
    documented(
        "sql_server_is_mirrored_by_a_later_modification",
        "SQL Server becomes Multi-AZ by a modification, not by its restore.",
        GUIDE,
    ),
    documented(
        "maximum_of_autoscaling_exceeds_the_size_by_a_tenth",
        "MaxAllocatedStorage must exceed AllocatedStorage by a tenth at least.",
        GUIDE,
    ),
    documented("storage_quota_is_enforced", "StorageQuotaExceeded meets one GiB too many.", MODEL),
    documented(
        "storage_is_not_changed_while_it_is_worked_on",
        "In storage-optimization an instance takes no change of its storage, not even a pending one.",
        GUIDE,
    ),
    documented(
        "additional_volumes_are_for_oracle_and_sql_server",
        "Additional storage volumes are refused for other engines, and are restored with their instance.",
        REFERENCE,
    ),
    // Network
    documented(
        "zones_beyond_the_subnet_group_are_refused",
        "InvalidVPCNetworkStateFault meets a zone that the subnet group does not cover.",
        MODEL,
    ),
    documented("cluster_shows_three_storage_zones", "A cluster shows three storage zones, whatever was asked.", AURORA),
    documented(
        "subnet_group_covers_enough_zones",
        "Multi-AZ and Aurora need two zones, a Multi-AZ DB cluster three.",
        MODEL,
    ),
    documented("zone_is_not_given_beside_multi_az", "AvailabilityZone is refused beside MultiAZ.", REFERENCE),
    documented(
        "security_groups_belong_to_the_vpc",
        "A security group of another VPC than that of the subnet group is refused.",
        GUIDE,
    ),
    documented(
        "no_security_groups_means_the_default_group",
        "A restore without security groups gives the default group of the VPC.",
        REFERENCE,
    ),
    documented(
        "outpost_backups_need_an_outpost",
        "The backup target outposts needs a subnet group on an Outpost.",
        GUIDE,
    ),
    documented(
        "aurora_without_vpc_networking_takes_no_subnet_group",
        "A cluster without VPC networking has neither a subnet group nor security groups of its own.",
        REFERENCE,
    ),
    // Groups in force
    documented(
        "reboot_of_a_rename_puts_pending_parameters_in_force",
        "The reboot of a rename applies a pending parameter group, and the database does not start if the group is incompatible.",
        GUIDE,
    ),
    recorded(
        "creating_instance_has_a_resource_id_and_no_creation_time",
        "The answer to a creation and a creating instance show resource id and ARN, no InstanceCreateTime and no endpoint.",
    ),
    inferred(
        "option_group_is_pending_while_creating",
        "An option group that is not the default one is pending-apply until the new instance is available.",
    ),
    // Reads that lag
    inferred(
        "tags_show_late_and_count_at_once",
        "A read may show the former tags after a change, while conditions on tags are judged on the new ones.",
    ),
    inferred("a_new_resource_shows_no_tags_at_first", "A read may miss the tags that a resource was made with."),
    inferred(
        "tags_never_show_again_once_newer_ones_did",
        "Once a read has shown newer tags, none shows older ones again.",
    ),
    inferred(
        "renamed_instance_shows_its_former_name_for_a_while",
        "After a rename a read may still show the former name and not find the new one, while writes go by the new one.",
    ),
    inferred(
        "renamed_cluster_and_members_show_their_former_names_for_a_while",
        "The same holds for a cluster, for its members, and for the names by which each lists the other.",
    ),
    inferred("a_taken_name_shows_what_has_it", "A name that another database takes shows that one, never both."),
    documented(
        "execution_is_unknown_at_first_and_runs_on_after_its_end",
        "DescribeExecution may not know a new execution yet, and may say RUNNING of one that has ended.",
        STATES,
    ),
    // Names, tags, wire
    documented(
        "identifiers_are_lower_cased_and_matched_in_any_case",
        "Identifiers are stored in lower case.",
        REFERENCE,
    ),
    documented(
        "identifiers_keep_their_rules",
        "1 to 63 letters, digits and hyphens, a letter first; snapshots of instances up to 255.",
        REFERENCE,
    ),
    documented(
        "tags_keep_their_rules",
        "No reserved prefix, letters, digits, spaces and a few signs, 128 and 256 characters, 50 to a resource.",
        GUIDE,
    ),
    documented(
        "errors_have_their_wire_codes_and_statuses",
        "Every error comes with its code and HTTP status, and is typed in the SDK.",
        MODEL,
    ),
    documented(
        "unknown_actions_and_parameters_are_refused",
        "An unknown action is InvalidAction; an unknown parameter is refused.",
        REFERENCE,
    ),
    documented("describe_pages_and_filters", "MaxRecords, Marker and filters select what is described.", MODEL),
];
