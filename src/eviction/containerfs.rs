//! The thresholds of `containerfs`, which follow those of another file system.

use super::{DiskLayout, EvictionConfig, Filesystem, Signal, Threshold};

/// The thresholds of a node whose layout of disks is known, each list in the order of [`Threshold::precedence`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayoutThresholds {
    /// Those that were configured. One of `containerfs` has become that of the file system which it follows; where
    /// that has none, it is left out.
    pub configured: Vec<Threshold>,
    /// Those that `containerfs` has beyond. (The kubelet does not count them in the tick that finds the layout.)
    pub derived: Vec<Threshold>,
    /// What was configured for `containerfs` and does not count.
    pub overridden: Vec<Threshold>,
}

impl EvictionConfig {
    /// The thresholds of a node with that layout of disks (KEP-4191).
    ///
    /// The hard and the soft thresholds of `containerfs` are those of the file system that has the writeable layers,
    /// as [`DiskLayout::containerfs_follows`] says, and not what is configured for it. Where there are several of one
    /// signal and kind, the last one counts.
    ///
    /// ```
    /// use node_lifecycle::eviction::{DiskLayout, EvictionConfig};
    ///
    /// let thresholds = EvictionConfig::default().thresholds_for(DiskLayout::Dedicated);
    /// let derived: Vec<_> = thresholds.derived.iter().map(ToString::to_string).collect();
    /// assert_eq!(derived, ["containerfs.available<15%", "containerfs.inodesFree<5%"]);
    /// ```
    #[must_use]
    pub fn thresholds_for(&self, layout: DiskLayout) -> LayoutThresholds {
        let mut thresholds =
            LayoutThresholds { configured: self.thresholds.clone(), ..LayoutThresholds::default() };
        let followed = match layout.containerfs_follows() {
            Some(Filesystem::Nodefs) => Some([Signal::NodefsAvailable, Signal::NodefsInodesFree]),
            Some(Filesystem::Imagefs) => Some([Signal::ImagefsAvailable, Signal::ImagefsInodesFree]),
            Some(Filesystem::Containerfs) | None => None,
        };
        if let Some([available, inodes_free]) = followed {
            for hard in [true, false] {
                thresholds.follow(Signal::ContainerfsAvailable, available, hard);
                thresholds.follow(Signal::ContainerfsInodesFree, inodes_free, hard);
            }
        }
        thresholds.configured.sort_by(Threshold::precedence);
        thresholds.derived.sort_by(Threshold::precedence);
        thresholds
    }
}

impl LayoutThresholds {
    /// All that count, in order.
    #[must_use]
    pub fn into_all(self) -> Vec<Threshold> {
        let mut all = self.configured;
        all.extend(self.derived);
        all.sort_by(Threshold::precedence);
        all
    }

    fn follow(&mut self, signal: Signal, followed: Signal, hard: bool) {
        let is_it = |it: &Threshold, signal| it.signal == signal && it.is_hard() == hard;
        let followed = self.configured.iter().rfind(|it| is_it(it, followed));
        let followed = followed.map(|it| Threshold { signal, ..it.clone() });
        let own = self.configured.iter().rposition(|it| is_it(it, signal));
        let own = own.map(|at| self.configured.remove(at));
        // The order is made good in the end.
        let list = if own.is_some() { &mut self.configured } else { &mut self.derived };
        list.extend(followed);
        self.overridden.extend(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Compat;
    use crate::eviction::{EvictionSettings, Platform};

    fn printed(thresholds: &[Threshold]) -> Vec<String> {
        let print = |threshold: &Threshold| format!("{threshold} {}", threshold.grace_period.as_secs());
        thresholds.iter().map(print).collect()
    }

    #[test]
    fn what_is_configured_for_containerfs_gives_way() {
        let settings: EvictionSettings = serde_json::from_str(
            r#"{"evictionHard":
                    {"containerfs.available": "1Gi", "containerfs.inodesFree": "1%", "imagefs.available": "15%"},
                "evictionSoft": {"imagefs.available": "20%", "nodefs.inodesFree": "7%"},
                "evictionSoftGracePeriod": {"imagefs.available": "5s", "nodefs.inodesFree": "9s"}}"#,
        )
        .unwrap();
        let (config, _) = settings.config(Platform::Linux, Compat::default()).unwrap();
        let LayoutThresholds { configured, derived, overridden } =
            config.thresholds_for(DiskLayout::Dedicated);
        assert_eq!(
            printed(&configured),
            [
                "containerfs.available<15% 0",
                "imagefs.available<15% 0",
                "imagefs.available<20% 5",
                "nodefs.inodesFree<7% 9"
            ]
        );
        assert_eq!(printed(&derived), ["containerfs.available<20% 5"]);
        assert_eq!(printed(&overridden), ["containerfs.available<1Gi 0", "containerfs.inodesFree<1% 0"]);

        let one = config.thresholds_for(DiskLayout::One);
        assert_eq!(printed(&one.derived), ["containerfs.inodesFree<7% 9"]);
        assert_eq!(config.thresholds_for(DiskLayout::LayersApart).into_all(), config.thresholds);
    }

    #[test]
    fn of_several_the_last_counts() {
        let settings: EvictionSettings = serde_json::from_str(
            r#"{"evictionHard": {"nodefs.available": "1%", "containerfs.available": "2%"},
                "evictionSoft": {"nodefs.available": "3%", "containerfs.available": "4%"},
                "evictionSoftGracePeriod": {"nodefs.available": "0s", "containerfs.available": "0s"}}"#,
        )
        .unwrap();
        let (config, _) = settings.config(Platform::Linux, Compat::default()).unwrap();
        let found = config.thresholds_for(DiskLayout::Split);
        assert_eq!(
            printed(&found.configured),
            [
                "containerfs.available<2% 0",
                "containerfs.available<3% 0",
                "nodefs.available<1% 0",
                "nodefs.available<3% 0"
            ]
        );
        assert_eq!(
            (found.derived.len(), printed(&found.overridden)),
            (0, vec!["containerfs.available<4% 0".to_owned()])
        );
    }
}
