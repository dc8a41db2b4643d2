//! What has been there before.

use std::collections::BTreeSet;

/// The things that have been seen. The first few of them allocate nothing.
pub(super) struct Seen<T> {
    first: [Option<T>; 8],
    more: BTreeSet<T>,
}

impl<T: Copy + Ord> Seen<T> {
    pub(super) const fn new() -> Self {
        Self { first: [None; 8], more: BTreeSet::new() }
    }

    /// Whether it has not been there before.
    pub(super) fn insert(&mut self, it: T) -> bool {
        if self.first.contains(&Some(it)) {
            return false;
        }
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => {
                *place = Some(it);
                true
            }
            None => self.more.insert(it),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_new_once() {
        let mut seen = Seen::new();
        assert!((0..20).all(|n| seen.insert(n)));
        assert!(!(0..20).any(|n| seen.insert(n)));
        assert!(seen.insert(20));
    }
}
