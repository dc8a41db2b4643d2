//! The axis: from times to columns.
//!
//! A start takes milliseconds, a back-off minutes. On a linear axis one of the two cannot be seen, so this one
//! is cut where something happens, and each piece is as wide as a root of its length: what is longer is wider,
//! and nothing that can be shown vanishes.

use std::collections::BTreeSet;
use std::time::Duration;

/// What is nearer than this to what happened before it counts as the same moment.
const SAME_MOMENT: Duration = Duration::from_millis(2);

/// From times to columns, or pixels.
#[derive(Debug)]
pub(crate) struct Axis {
    /// When something happens, ascending.
    stops: Vec<Duration>,
    /// Per stop, the column where it is.
    columns: Vec<usize>,
    width: usize,
    /// A moment that has columns of its own, and how many.
    mark: Option<(Duration, usize)>,
}

/// What the pieces of an axis need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) width: usize,
    /// The least width of a piece, where there is room.
    pub(crate) piece: usize,
    /// The width of the moment that has columns of its own.
    pub(crate) mark: usize,
    /// What stays free at the end.
    pub(crate) tail: usize,
}

impl Axis {
    /// An axis on which all of `moments` are places; pieces after one of `wide` are at least twice as wide as
    /// others.
    pub(crate) fn new(
        moments: impl IntoIterator<Item = Duration>,
        wide: &[Duration],
        mark: Option<Duration>,
        layout: Layout,
    ) -> Self {
        let mut stops: Vec<_> = moments.into_iter().chain(mark).chain([Duration::ZERO]).collect();
        stops.sort_unstable();
        stops.dedup_by(|later, earlier| {
            *later == *earlier || *later - *earlier < SAME_MOMENT && Some(*later) != mark
        });
        let mark = mark.map(|at| (at, layout.mark));
        let free = layout.width.saturating_sub(layout.tail + layout.mark * usize::from(mark.is_some()));
        let wide: BTreeSet<_> = wide.iter().collect();
        let is_wide = |from: Duration, to: Duration| wide.range(from..to).next().is_some();
        let pieces: Vec<_> = stops
            .windows(2)
            .map(|ends| {
                let least = if is_wide(ends[0], ends[1]) { 2 * layout.piece } else { layout.piece };
                (least, weight(ends[1] - ends[0]))
            })
            .collect();
        let widths = share_out(free, &pieces);
        let mut columns = vec![0];
        let mut column = 0;
        for (stop, width) in stops.iter().zip(widths) {
            let marked = mark.filter(|(at, _)| at == stop).map_or(0, |(_, width)| width);
            column += marked + width;
            columns.push(column);
        }
        Self { stops, columns, width: layout.width, mark }
    }

    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Where what begins at a moment begins: behind the mark, if there is one.
    pub(crate) fn begin(&self, at: Duration) -> usize {
        let marked = self.mark.filter(|(mark, _)| *mark == self.stop(at)).map_or(0, |(_, width)| width);
        self.column(at) + marked
    }

    /// Where what ends at a moment ends: before the mark.
    pub(crate) fn column(&self, at: Duration) -> usize {
        let stop = self.stops.partition_point(|stop| *stop <= at).saturating_sub(1);
        self.columns.get(stop).copied().unwrap_or_default()
    }

    /// The moment that stands for this one.
    fn stop(&self, at: Duration) -> Duration {
        let stop = self.stops.partition_point(|stop| *stop <= at).saturating_sub(1);
        self.stops.get(stop).copied().unwrap_or_default()
    }

    /// Its places, in order.
    pub(crate) fn stops(&self) -> &[Duration] {
        &self.stops
    }
}

/// How wide a piece wants to be: the fourth root of its length, so that 160 s are twice as wide as 10 s.
fn weight(length: Duration) -> u128 {
    let nanos = length.as_nanos().min(u128::from(u64::MAX));
    (nanos << 64).isqrt().isqrt().max(1)
}

/// Divides columns among pieces: to each what it needs at least, the rest by weight. Where there are too few,
/// all go by weight.
fn share_out(columns: usize, pieces: &[(usize, u128)]) -> Vec<usize> {
    let least: usize = pieces.iter().map(|(least, _)| least).sum();
    let rest = columns.checked_sub(least);
    let total: u128 = pieces.iter().map(|(_, weight)| weight).sum();
    let mut so_far = 0;
    let part = |weight: u128| {
        let part = weight * rest.unwrap_or(columns) as u128 / total.max(1);
        usize::try_from(part).unwrap_or(columns)
    };
    pieces
        .iter()
        .map(|(least, weight)| {
            let before = part(so_far);
            so_far += weight;
            part(so_far) - before + if rest.is_some() { *least } else { 0 }
        })
        .collect()
}
