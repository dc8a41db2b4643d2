//! Which times stand on the axis: as many as there is room for, the telling ones first.

use std::ops::Range;
use std::time::Duration;

use super::axis::Axis;
use super::timeline::Timeline;

/// A time on the axis.
#[derive(Debug)]
pub(crate) struct Tick {
    pub(crate) column: usize,
    /// Where its text begins.
    pub(crate) left: usize,
    pub(crate) text: String,
}

/// How the text of a tick is set.
pub(crate) struct Setting {
    /// The width of a text.
    pub(crate) width: fn(&str) -> usize,
    /// Where a text may begin, by the tick's column and the text's width.
    pub(crate) places: fn(usize, usize) -> [usize; 2],
    /// What stays free between two texts.
    pub(crate) gap: usize,
}

/// The times that are shown, in no order.
pub(crate) fn ticks(pod: &Timeline, axis: &Axis, setting: &Setting) -> Vec<Tick> {
    let lanes = || pod.lanes.iter();
    let starts = lanes().flat_map(|lane| lane.starts.iter().chain(&lane.ready_at));
    let exits = lanes().flat_map(|lane| &lane.exits).map(|exit| &exit.at);
    let mut telling: Vec<Duration> = starts.chain(exits).copied().collect();
    telling.sort_unstable();
    let deletion = pod.deleted.map(|deletion| deletion.at);
    let first = [Duration::ZERO, pod.end];
    let all = first.iter().chain(&telling).chain(axis.stops());

    let mut ticks: Vec<Tick> = Vec::new();
    let mut taken: Vec<Range<usize>> = Vec::new();
    for at in all.filter(|at| Some(**at) != deletion) {
        let (column, text) = (axis.begin(*at), pod.clock(*at));
        let width = (setting.width)(&text);
        let place = (setting.places)(column, width).into_iter().find(|left| {
            let room = left.saturating_sub(setting.gap)..left + width + setting.gap;
            left + width <= axis.width()
                && taken.iter().all(|taken| room.end <= taken.start || taken.end <= room.start)
        });
        if let Some(left) = place {
            taken.push(left..left + width);
            ticks.push(Tick { column, left, text });
        }
    }
    ticks
}
