//! Pace: how long tasks take at an engine, and so how many it should have at
//! hand. Enough that it never waits for the network, few enough that they can
//! still go elsewhere.

/// The work that an engine should have at hand.
const WORK_AT_HAND_US: u64 = 3_000;

/// The mean moves by this fraction of each new duration's difference.
const SMOOTHING: u64 = 4;

/// An exponentially weighted mean of task durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// In nanoseconds; `None` before the first task.
    mean_ns: Option<u64>,
}

impl Pace {
    pub(super) fn observe(&mut self, duration_us: u64) {
        // Bounded, so that a clock that jumped doesn't overflow anything.
        let duration_ns = duration_us.clamp(1, 1 << 40) * 1000;
        self.mean_ns = Some(match self.mean_ns {
            None => duration_ns,
            Some(mean_ns) => (mean_ns * (SMOOTHING - 1) + duration_ns) / SMOOTHING,
        });
    }

    /// Returns how many tasks an engine of this pace should have at hand: the
    /// one that runs and one that waits at least.
    pub(super) fn target(self, prefetch_max: u32) -> u32 {
        let wanted = match self.mean_ns {
            None => 2,
            Some(mean_ns) => 1 + (WORK_AT_HAND_US * 1000).div_ceil(mean_ns.max(1)),
        };
        u32::try_from(wanted)
            .unwrap_or(u32::MAX)
            .min(prefetch_max)
            .max(1)
    }

    /// Returns whether this many tasks take noticeable time; unknown ones do.
    pub(super) fn is_noticeable(self, tasks: u32) -> bool {
        self.mean_ns.is_none_or(|mean_ns| {
            mean_ns.saturating_mul(u64::from(tasks)) > WORK_AT_HAND_US * 2 * 1000
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(durations_us: &[u64]) -> Pace {
        let mut pace = Pace::default();
        durations_us
            .iter()
            .for_each(|duration_us| pace.observe(*duration_us));
        pace
    }

    #[test]
    fn one_runs_and_one_waits_at_least() {
        assert_eq!(after(&[]).target(64), 2);
        assert_eq!(after(&[10_000_000]).target(64), 2);
        assert_eq!(after(&[u64::MAX, u64::MAX]).target(64), 2);
    }

    #[test]
    fn short_tasks_are_kept_at_hand_for_some_milliseconds() {
        assert_eq!(after(&[1000]).target(64), 4);
        assert_eq!(after(&[100]).target(64), 31);
        assert_eq!(after(&[0]).target(64), 64);
        assert_eq!(after(&[0]).target(1), 1);
        assert_eq!(after(&[0]).target(0), 1);
    }

    #[test]
    fn one_long_task_is_noticed_at_once() {
        let mut pace = after(&[20; 100]);
        assert_eq!(pace.target(64), 64);
        assert!(!pace.is_noticeable(64));
        pace.observe(1_000_000);
        assert_eq!(pace.target(64), 2);
        assert!(pace.is_noticeable(1));
    }
}
