//! What is taken from the front, mostly not to the end.

use serde::{Deserialize, Serialize};

/// Items in order, of which no more are sorted than are taken.
///
/// To take `k` of `n` costs O(n) plus O(k log k), as the sorted part grows by factors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Queue<T> {
    /// From the last to the first: what is not sorted yet, then what is.
    items: Vec<T>,
    sorted: usize,
    /// How many are sorted next.
    chunk: usize,
}

const FIRST_CHUNK: usize = 32;

impl<T: Ord> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { items: Vec::new(), sorted: 0, chunk: FIRST_CHUNK }
    }

    /// Puts other items in the place of what is left.
    pub(super) fn refill(&mut self, items: impl Iterator<Item = T>) {
        self.items.clear();
        self.items.extend(items);
        self.sorted = 0;
        self.chunk = FIRST_CHUNK;
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        if self.sorted == 0 {
            let later = self.items.len().saturating_sub(self.chunk.max(1));
            if later > 0 {
                self.items.select_nth_unstable_by(later, |a, b| b.cmp(a));
            }
            let next = self.items.get_mut(later..).unwrap_or_default();
            next.sort_unstable_by(|a, b| b.cmp(a));
            self.sorted = next.len();
            self.chunk = self.chunk.saturating_mul(8);
        }
        self.sorted = self.sorted.saturating_sub(1);
        self.items.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_in_order_whatever_is_in_it() {
        for count in [0, 1, 31, 32, 33, 5000] {
            let mut queue = Queue::new();
            for _ in 0..2 {
                queue.refill((0..count).map(|n: u32| n.wrapping_mul(0x9e37_79b9) % 1000));
                let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
                assert_eq!(taken.len(), count as usize);
                assert!(taken.is_sorted());
            }
        }
    }
}
