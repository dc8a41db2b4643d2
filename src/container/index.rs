//! Containers of one pod by number, and sets of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A container of a pod by its place in the compiled pod: init containers first, then app containers, then
/// ephemeral ones, each in spec order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerIndex(pub u8);

impl ContainerIndex {
    /// As an index into slices that have one entry a container.
    #[must_use]
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContainerKind {
    /// An init container that has to end well before the next one starts.
    Init,
    /// An init container that is kept running (`restartPolicy: Always`, KEP-753).
    Sidecar,
    /// A container of `spec.containers`.
    App,
    /// A container that was added for debugging.
    Ephemeral,
}

impl ContainerKind {
    /// Whether it stands in `spec.initContainers`.
    #[must_use]
    pub const fn is_init(self) -> bool {
        matches!(self, Self::Init | Self::Sidecar)
    }
}

impl fmt::Display for ContainerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "init",
            Self::Sidecar => "sidecar",
            Self::App => "app",
            Self::Ephemeral => "ephemeral",
        })
    }
}

/// A set of a pod's containers. A pod has at most [`ContainerSet::CAPACITY`] of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerSet(u128);

impl ContainerSet {
    /// How many containers a pod can have here.
    pub const CAPACITY: usize = 128;
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    const fn bit(index: ContainerIndex) -> u128 {
        match 1_u128.checked_shl(index.0 as u32) {
            Some(bit) => bit,
            None => 0,
        }
    }

    /// Whether a container is in it.
    #[must_use]
    pub const fn contains(self, index: ContainerIndex) -> bool {
        self.0 & Self::bit(index) != 0
    }

    /// Puts a container in. An index beyond the capacity is no container of any pod and is passed over.
    pub const fn insert(&mut self, index: ContainerIndex) {
        self.0 |= Self::bit(index);
    }

    /// Takes a container out.
    pub const fn remove(&mut self, index: ContainerIndex) {
        self.0 &= !Self::bit(index);
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of this one is in the other.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Its members, lowest index first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = ContainerIndex> {
        Members(self)
    }
}

struct Members(ContainerSet);

impl Iterator for Members {
    type Item = ContainerIndex;
    fn next(&mut self) -> Option<ContainerIndex> {
        let index = ContainerIndex(u8::try_from(self.0.0.trailing_zeros()).ok().filter(|bit| *bit < 128)?);
        self.0.remove(index);
        Some(index)
    }
}

impl DoubleEndedIterator for Members {
    fn next_back(&mut self) -> Option<ContainerIndex> {
        let index = ContainerIndex(u8::try_from(self.0.0.checked_ilog2()?).ok()?);
        self.0.remove(index);
        Some(index)
    }
}

impl FromIterator<ContainerIndex> for ContainerSet {
    fn from_iter<I: IntoIterator<Item = ContainerIndex>>(members: I) -> Self {
        let mut set = Self::EMPTY;
        members.into_iter().for_each(|index| set.insert(index));
        set
    }
}

impl fmt::Debug for ContainerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|index| index.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_from_both_ends() {
        let set: ContainerSet = [127, 0, 5].into_iter().map(ContainerIndex).collect();
        assert_eq!(set.iter().map(|index| index.0).collect::<Vec<_>>(), [0, 5, 127]);
        assert_eq!(set.iter().rev().map(|index| index.0).collect::<Vec<_>>(), [127, 5, 0]);
        assert_eq!(set.len(), 3);
    }

    #[test]
    fn an_index_beyond_the_capacity_is_passed_over() {
        let mut set = ContainerSet::EMPTY;
        set.insert(ContainerIndex(128));
        assert!(set.is_empty() && !set.contains(ContainerIndex(200)));
    }
}
