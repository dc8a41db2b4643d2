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
        let [available, inodes_free] = match layout.containerfs_follows() {
            Some(Filesystem::Nodefs) => [Signal::NodefsAvailable, Signal::NodefsInodesFree],
            Some(Filesystem::Imagefs) => [Signal::ImagefsAvailable, Signal::ImagefsInodesFree],
            Some(Filesystem::Containerfs) | None => return thresholds,
        };
        for hard in [true, false] {
            thresholds.follow(Signal::ContainerfsAvailable, available, hard);
            thresholds.follow(Signal::ContainerfsInodesFree, inodes_free, hard);
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
        let last = |signal| {
            let is_it = |threshold: &Threshold| threshold.signal == signal && threshold.is_hard() == hard;
            self.configured.iter().rposition(is_it)
        };
        let followed = last(followed).map(|at| Threshold { signal, ..self.configured[at].clone() });
        match (last(signal), followed) {
            (Some(at), Some(followed)) => {
                self.overridden.push(std::mem::replace(&mut self.configured[at], followed));
            }
            (Some(at), None) => self.overridden.push(self.configured.remove(at)),
            (None, Some(followed)) => self.derived.push(followed),
            (None, None) => {}
        }
    }
}
