//! Copies of snapshots: in the region, from another region, and of what another account shares.
//!
//! A copy is made in the region of the caller. It carries neither the option group nor the tags of its source by itself.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html>

use super::Content;
use super::snapshots::{check_quota, show, show_of_cluster, tags_for};
use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::lag::Tagged;
use crate::names;
use crate::query::{Params, Tags};
use crate::resources::{AVAILABLE, Life, Progress, Snapshot, is_aurora};
use crate::sharing::{Encryption, Found};
use crate::state::{State, Step, Target};

/// The source and target names, and the properties that a copy may change.
struct Copying {
    source: String,
    target: String,
    kms_key_id: Option<String>,
    copy_tags: bool,
    tags: Option<Tags>,
    /// Only the regions of AWS for governments read it.
    pre_signed_url: Option<String>,
}

impl Copying {
    fn take(params: &mut Params, [source, target]: [&str; 2]) -> ApiResult<Self> {
        Ok(Self {
            source: params.require(source)?,
            target: params.require(target)?,
            kms_key_id: params.take("KmsKeyId").filter(|key| !key.is_empty()),
            copy_tags: params.get("CopyTags")?.unwrap_or(false),
            tags: params.tags()?,
            pre_signed_url: params.take("PreSignedUrl").filter(|url| !url.is_empty()),
        })
    }

    /// Refuses a source in another status than `available`.
    fn check_status<S>(&self, source: &Found<S>, code: &'static str) -> ApiResult<()> {
        let status = &source.snapshot.life.status;
        if *status == AVAILABLE {
            return Ok(());
        }
        Err(ApiError::new(code, format!("Cannot copy the snapshot {} because it is in status {status}.", self.source)))
    }

    /// Refuses what RDS does not copy from another region or account.
    fn check<S: Encryption>(&self, state: &State, source: &Found<S>) -> ApiResult<()> {
        if source.region.is_some() {
            self.check_crossing(state, source)?;
        } else if self.pre_signed_url.is_some() {
            return Err(ApiError::combination("PreSignedUrl can't be specified for a copy inside of a region."));
        }
        source.check_key()?;
        if source.is_shared && source.is_encrypted() && self.kms_key_id.is_none() {
            return Err(ApiError::key_not_accessible("None"));
        }
        if source.is_shared && self.copy_tags {
            return Err(ApiError::combination("The tags of a snapshot of another account can't be copied."));
        }
        let has_region = |arn: &str| arn.split(':').nth(3) == Some(state.region.as_str());
        match &self.kms_key_id {
            Some(key) if key.starts_with("arn:") && !has_region(key) => Err(ApiError::key_not_accessible(key)),
            _ => Ok(()),
        }
    }

    fn check_crossing<S: Encryption>(&self, state: &State, source: &Found<S>) -> ApiResult<()> {
        state.check_granted("rds:CrossRegionCommunication")?;
        let most = state.limits.snapshot_copies;
        if state.copies_from_other_regions() >= most {
            let message = format!("Cannot copy more than {most} snapshots across regions");
            return Err(ApiError::new("SnapshotQuotaExceeded", message));
        }
        if source.is_encrypted() && self.kms_key_id.is_none() {
            return Err(ApiError::value("Must specify new KMS key for cross region encrypted snapshot copy."));
        }
        if source.is_encrypted() && state.partition() == "aws-us-gov" && self.pre_signed_url.is_none() {
            return Err(ApiError::combination(
                "A copy of an encrypted snapshot between these regions needs PreSignedUrl.",
            ));
        }
        Ok(())
    }

    /// A copy under way. It has its own creation time, and keeps that of the original.
    fn copy<S: Clone + Encryption>(&self, state: &State, source: &Found<S>, name: String) -> Snapshot<S> {
        let original = &source.snapshot;
        let has_new_key = self.kms_key_id.as_deref().is_some_and(|key| original.settings.key() != Some(key));
        let is_in_full = source.is_shared || source.region.is_some() || has_new_key;
        let timings = &state.timings;
        let seconds = if is_in_full { timings.copy_snapshot_in_full } else { timings.copy_snapshot };
        let mut copy = Snapshot {
            life: Life::new(name, "copying"),
            kind: "manual".to_owned(),
            tags: Tagged::default(),
            created: state.wall_clock(),
            original_created: original.original_created,
            copy_of: Some(source.arn.clone()),
            copying_from: source.key,
            from_region: source.region.clone(),
            progress: Some(Progress::new(state.wall_clock(), timings.copy_queue, seconds)),
            ..original.clone()
        };
        if let Some(key) = &self.kms_key_id {
            copy.settings.encrypt(key.clone());
        }
        copy
    }
}

impl State {
    /// The copies under way whose source is in another region.
    fn copies_from_other_regions(&self) -> usize {
        let instances = self.snapshots.values().map(|copy| (&copy.life, &copy.from_region));
        let clusters = self.cluster_snapshots.values().map(|copy| (&copy.life, &copy.from_region));
        instances.chain(clusters).filter(|(life, region)| life.status == "copying" && region.is_some()).count()
    }

    /// The copy waits in a queue, and is then made.
    fn start_copy(&mut self, target: Target, progress: Option<Progress>) {
        let (queue, seconds) = progress.map_or((0.0, 0.0), |progress| (progress.queue, progress.seconds));
        self.start(target, vec![(0.0, Step::Linger), (queue + seconds, Step::Available)]);
    }
}

pub(super) fn copy(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let request = Copying::take(&mut params, ["SourceDBSnapshotIdentifier", "TargetDBSnapshotIdentifier"])?;
    let option_group = params.take("OptionGroupName");
    params.finish("CopyDBSnapshot")?;
    let name = names::snapshot_identifier("TargetDBSnapshotIdentifier", &request.target)?;
    let source = state.any_snapshot(&request.source)?;
    request.check_status(&source, "InvalidDBSnapshotState")?;
    state.free_snapshot_name(&name)?;
    state.check_option_group(option_group.as_ref())?;
    check_quota(&state.snapshots, state.limits.manual_snapshots)?;
    request.check(state, &source)?;
    let leaves_group = source.is_shared || source.region.is_some();
    if source.region.is_some() && source.snapshot.tde && option_group.is_none() {
        return Err(ApiError::combination(
            "OptionGroupName must be specified for a copy of a snapshot with Transparent Data Encryption to another region.",
        ));
    }
    let tags = tags_for(request.tags.clone(), request.copy_tags, source.snapshot.tags.truth())?;
    let mut copy = request.copy(state, &source, name);
    if option_group.is_some() || leaves_group {
        let version = copy.settings.engine_version.as_deref().unwrap_or_default();
        let default = engines::default_option_group(&copy.engine, version);
        copy.settings.option_group = option_group.or(Some(default));
    }
    copy.tags = state.new_tags(tags);
    let (key, progress) = (state.fresh_key(), copy.progress);
    state.snapshots.insert(key, copy);
    state.start_copy(Target::Snapshot(key), progress);
    Ok(show(state, key))
}

pub(super) fn copy_of_cluster(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let names_of_parameters = ["SourceDBClusterSnapshotIdentifier", "TargetDBClusterSnapshotIdentifier"];
    let request = Copying::take(&mut params, names_of_parameters)?;
    params.finish("CopyDBClusterSnapshot")?;
    let name = names::identifier("TargetDBClusterSnapshotIdentifier", &request.target)?;
    let source = state.any_cluster_snapshot(&request.source)?;
    request.check_status(&source, "InvalidDBClusterSnapshotStateFault")?;
    if !is_aurora(&source.snapshot.engine) {
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.Limitations.html
        let message = "Snapshots of Multi-AZ DB clusters cannot be copied.";
        return Err(ApiError::new("InvalidDBClusterSnapshotStateFault", message));
    }
    state.free_cluster_snapshot_name(&name)?;
    check_quota(&state.cluster_snapshots, state.limits.manual_cluster_snapshots)?;
    if request.kms_key_id.is_some() && !source.is_encrypted() {
        // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html
        return Err(ApiError::combination("An unencrypted DB cluster snapshot cannot be encrypted by copying it."));
    }
    request.check(state, &source)?;
    let tags = tags_for(request.tags.clone(), request.copy_tags, source.snapshot.tags.truth())?;
    let mut copy = request.copy(state, &source, name);
    copy.tags = state.new_tags(tags);
    let (key, progress) = (state.fresh_key(), copy.progress);
    state.cluster_snapshots.insert(key, copy);
    state.start_copy(Target::ClusterSnapshot(key), progress);
    Ok(show_of_cluster(state, key))
}
