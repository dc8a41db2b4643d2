//! When which of many machines has to be woken.

use crate::machine::Timestamp;

/// The deadlines of numbered machines. Asking for the first one is O(1); moving one allocates nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Deadlines {
    /// By number.
    of: Vec<Option<Timestamp>>,
    /// The latest first.
    sorted: Vec<(Timestamp, usize)>,
}

impl Deadlines {
    /// Begins anew with as many machines as there are deadlines.
    pub(super) fn fill(&mut self, deadlines: impl Iterator<Item = Option<Timestamp>>) {
        self.of.clear();
        self.of.extend(deadlines);
        self.sorted.clear();
        self.sorted.reserve(self.of.len());
        self.sorted.extend(self.of.iter().enumerate().filter_map(|(at, due)| Some(((*due)?, at))));
        self.sorted.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// The deadline of a machine is another one.
    pub(super) fn set(&mut self, at: usize, due: Option<Timestamp>) {
        let Some(known) = self.of.get_mut(at).filter(|known| **known != due) else { return };
        let before = std::mem::replace(known, due);
        let place = |sorted: &[(Timestamp, usize)], due: Timestamp| {
            sorted.partition_point(|entry| (due, at) < *entry)
        };
        let old = before.map(|before| place(&self.sorted, before));
        match (old, due) {
            // It moves within its list.
            (Some(old), Some(due)) => {
                let new = place(&self.sorted, due);
                if new > old {
                    self.sorted[old..new].rotate_left(1);
                    self.sorted[new - 1] = (due, at);
                } else {
                    self.sorted[new..=old].rotate_right(1);
                    self.sorted[new] = (due, at);
                }
            }
            (Some(old), None) => _ = self.sorted.remove(old),
            (None, Some(due)) => self.sorted.insert(place(&self.sorted, due), (due, at)),
            (None, None) => {}
        }
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.sorted.last().map(|(due, _)| *due)
    }

    /// A machine whose time has come at `now`: the earliest, and of equals the lowest.
    pub(super) fn due(&self, now: Timestamp) -> Option<usize> {
        self.sorted.last().filter(|(due, _)| *due <= now).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_of_equals_the_lowest() {
        let at = Timestamp::from_unix_seconds;
        let mut deadlines = Deadlines::default();
        deadlines.fill([Some(at(3)), None, Some(at(2)), Some(at(2))].into_iter());
        assert_eq!(
            (deadlines.first(), deadlines.due(at(1)), deadlines.due(at(2))),
            (Some(at(2)), None, Some(2))
        );
        deadlines.set(2, Some(at(5)));
        deadlines.set(1, Some(at(1)));
        assert_eq!(deadlines.due(at(9)), Some(1));
        deadlines.set(1, None);
        assert_eq!(deadlines.due(at(9)), Some(3));
    }
}
