//! Storage figures: the combinations of size, IOPS and throughput that RDS accepts, by engine and storage type.
//!
//! Pure. <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html>

use crate::error::{ApiError, ApiResult};
use crate::settings::{ClusterSettings, InstanceSettings};

/// The gp3 defaults from the threshold on. Below the threshold the figures are fixed.
const LARGE_GP3: Performance = Performance { iops: 12_000, throughput: 500 };
const SMALL_GP3: Performance = Performance { iops: 3_000, throughput: 125 };
/// IOPS for each GiB.
const MOST_GP3_IOPS: u32 = 500;
const MOST_IO1_IOPS: u32 = 50;
const MOST_IO2_IOPS: u32 = 1_000;

struct Performance {
    iops: u32,
    throughput: u32,
}

/// The figures in a call, and the resulting storage.
#[derive(Clone, Copy)]
pub(crate) struct Figures<'a> {
    engine: &'a str,
    storage_type: Option<&'a str>,
    gib: u32,
    /// The value in the call.
    iops: Option<u32>,
    throughput: Option<u32>,
    /// The value in the call, or else the present value.
    resulting_iops: Option<u32>,
}

impl<'a> Figures<'a> {
    pub(crate) fn of_instance(engine: &'a str, asked: &InstanceSettings, result: &'a InstanceSettings) -> Self {
        Self {
            engine,
            storage_type: result.storage_type.as_deref(),
            gib: result.allocated_storage.unwrap_or(0),
            iops: asked.iops,
            throughput: asked.storage_throughput,
            resulting_iops: result.iops,
        }
    }

    pub(crate) fn of_cluster(engine: &'a str, asked: &ClusterSettings, result: &'a ClusterSettings) -> Self {
        Self {
            engine,
            storage_type: result.storage_type.as_deref(),
            gib: result.allocated_storage.unwrap_or(0),
            iops: asked.iops,
            throughput: None,
            resulting_iops: result.iops,
        }
    }

    /// The size from which gp3 accepts figures. SQL Server accepts them at each size.
    fn threshold(&self) -> u32 {
        match self.engine.split('-').next() {
            Some("sqlserver") => 0,
            Some("oracle") => 200,
            _ => 400,
        }
    }

    fn least(&self) -> Performance {
        if self.threshold() == 0 { SMALL_GP3 } else { LARGE_GP3 }
    }

    /// Refuses figures that RDS does not accept for this storage.
    pub(crate) fn check(&self) -> ApiResult<()> {
        let asks = self.iops.is_some() || self.throughput.is_some();
        match self.storage_type {
            Some("gp3") if asks => self.check_gp3(),
            Some("gp2" | "standard") if asks => {
                refuse("You can't specify IOPS or storage throughput with this storage type.")
            }
            Some("io1" | "io2") if self.resulting_iops.is_none() => {
                refuse("You must specify IOPS for io1 and io2 storage.")
            }
            Some("io1" | "io2") if self.throughput.is_some() => {
                refuse("You can't specify storage throughput with this storage type.")
            }
            Some("io1") => self.check_ratio(self.resulting_iops, MOST_IO1_IOPS),
            Some("io2") => self.check_ratio(self.resulting_iops, MOST_IO2_IOPS),
            _ => Ok(()),
        }
    }

    fn check_gp3(&self) -> ApiResult<()> {
        let (engine, threshold, least) = (self.engine, self.threshold(), self.least());
        if self.gib < threshold {
            return refuse(format!(
                "You can't specify IOPS or storage throughput for engine {engine} and a storage size less than {threshold}."
            ));
        }
        if self.iops.is_some_and(|iops| iops < least.iops) {
            return refuse(format!(
                "Invalid iops value for engine {engine} and storage type gp3: at least {}.",
                least.iops
            ));
        }
        if self.throughput.is_some_and(|throughput| throughput < least.throughput) {
            return refuse(format!(
                "Invalid storage throughput for engine {engine} and storage type gp3: at least {}.",
                least.throughput
            ));
        }
        self.check_ratio(self.iops, MOST_GP3_IOPS)
    }

    fn check_ratio(&self, iops: Option<u32>, most: u32) -> ApiResult<()> {
        let limit = self.gib.saturating_mul(most);
        match iops.filter(|iops| *iops > limit) {
            Some(iops) => refuse(format!(
                "The IOPS to GiB ratio is too high: {iops} IOPS for {} GiB, at most {most} for each.",
                self.gib
            )),
            None => Ok(()),
        }
    }

    /// The gp3 IOPS or throughput that a call does not name: at least the minimum for the size.
    pub(crate) fn gp3_default(&self, recorded: Option<u32>, is_iops: bool) -> Option<u32> {
        let large = self.gib >= self.threshold();
        let least = if large { self.least() } else { SMALL_GP3 };
        let least = if is_iops { least.iops } else { least.throughput };
        recorded.map(|recorded| if large { recorded.max(least) } else { least })
    }
}

/// Fills in the figures that the call does not name. For gp3 they depend on the size.
pub(crate) fn settle(engine: &str, asked: &InstanceSettings, result: &mut InstanceSettings) {
    if result.storage_type.as_deref() != Some("gp3") {
        return;
    }
    let figures = Figures::of_instance(engine, asked, result);
    let iops = asked.iops.or_else(|| figures.gp3_default(result.iops, true));
    let throughput = asked.storage_throughput.or_else(|| figures.gp3_default(result.storage_throughput, false));
    result.iops = iops;
    result.storage_throughput = throughput;
}

/// Refuses an autoscaling maximum that leaves less than ten percent for growth.
pub(crate) fn check_maximum(asked: &InstanceSettings, result: &InstanceSettings) -> ApiResult<()> {
    let concerned = asked.max_allocated_storage.is_some() || asked.allocated_storage.is_some();
    let (Some(maximum), Some(size)) = (result.max_allocated_storage, result.allocated_storage) else { return Ok(()) };
    if concerned && u64::from(maximum) * 10 < u64::from(size) * 11 {
        return refuse("Max storage size must be greater than storage size");
    }
    Ok(())
}

fn refuse(message: impl Into<String>) -> ApiResult<()> {
    Err(ApiError::combination(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(storage_type: &str, gib: u32, iops: Option<u32>, throughput: Option<u32>) -> InstanceSettings {
        InstanceSettings {
            storage_type: Some(storage_type.to_owned()),
            allocated_storage: Some(gib),
            iops,
            storage_throughput: throughput,
            ..InstanceSettings::default()
        }
    }

    #[test]
    fn every_storage_takes_the_figures_of_its_engine_and_size() {
        let cases = [
            ("postgres", "gp3", 399, Some(3_000), None, false),
            ("postgres", "gp3", 399, None, Some(125), false),
            ("postgres", "gp3", 399, None, None, true),
            ("postgres", "gp3", 400, Some(3_000), None, false),
            ("postgres", "gp3", 400, Some(12_000), Some(125), false),
            ("postgres", "gp3", 400, Some(12_000), Some(500), true),
            ("db2-se", "gp3", 400, Some(12_000), Some(500), true),
            ("oracle-ee", "gp3", 199, Some(12_000), None, false),
            ("oracle-ee", "gp3", 200, Some(12_000), None, true),
            ("sqlserver-se", "gp3", 20, Some(3_000), Some(125), true),
            ("sqlserver-se", "gp3", 20, Some(2_999), None, false),
            ("sqlserver-se", "gp3", 20, Some(10_001), None, false),
            ("mysql", "io1", 100, Some(5_000), None, true),
            ("mysql", "io1", 100, Some(5_001), None, false),
            ("mysql", "io1", 100, None, None, false),
            ("mysql", "io1", 100, Some(5_000), Some(500), false),
            ("mysql", "io2", 100, Some(100_000), None, true),
            ("mysql", "io2", 100, Some(100_001), None, false),
            ("mysql", "gp2", 100, Some(3_000), None, false),
            ("mysql", "standard", 100, None, None, true),
        ];
        for (engine, storage_type, gib, iops, throughput, accepted) in cases {
            let asked = settings(storage_type, gib, iops, throughput);
            let answer = Figures::of_instance(engine, &asked, &asked).check();
            assert_eq!(answer.is_ok(), accepted, "{engine} {storage_type} {gib} {iops:?} {throughput:?}: {answer:?}");
        }
    }

    #[test]
    fn gp3_without_requested_figures_has_those_of_its_size() {
        let cases = [
            (500, Some(3_000), Some(125), (Some(12_000), Some(500))),
            (500, Some(16_000), None, (Some(16_000), None)),
            (100, Some(12_000), Some(500), (Some(3_000), Some(125))),
        ];
        for (gib, iops, throughput, expected) in cases {
            let mut result = settings("gp3", gib, iops, throughput);
            settle("postgres", &InstanceSettings::default(), &mut result);
            assert_eq!((result.iops, result.storage_throughput), expected, "{gib} {iops:?}");
        }
    }

    #[test]
    fn the_maximum_leaves_a_tenth_to_grow() {
        for (size, maximum, accepted) in [(100, 110, true), (100, 109, false), (100, 100, false), (190, 200, false)] {
            let mut asked = settings("gp3", size, None, None);
            asked.max_allocated_storage = Some(maximum);
            assert_eq!(check_maximum(&asked, &asked).is_ok(), accepted, "{size} {maximum}");
        }
    }
}
