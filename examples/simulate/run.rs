//! The run: all pods on one node, from time 0 until nothing happens any more.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use node_lifecycle::api::{GoDuration, Uid};
use node_lifecycle::machine::{RestoreError, Timestamp};
use node_lifecycle::sim::{Livelock, Node, TraceEntry};

/// How long pods are left alone, and when it ends.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) delete_after: Option<Duration>,
    pub(crate) grace: Option<i64>,
    /// When the node's agent is restarted.
    pub(crate) restarts: Vec<Duration>,
    /// When nobody looks any more.
    pub(crate) end: Duration,
}

impl Schedule {
    /// What is done from outside, in the order of time; of two things at once the deletion comes first.
    fn deeds(&self) -> Vec<(Duration, Deed)> {
        let restarts = self.restarts.iter().map(|at| (*at, Deed::RestartAgent));
        let mut deeds: Vec<_> =
            self.delete_after.map(|at| (at, Deed::Delete)).into_iter().chain(restarts).collect();
        deeds.retain(|(at, _)| *at <= self.end);
        deeds.sort_by_key(|(at, _)| *at);
        deeds
    }
}

/// Something that is done from outside.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Delete,
    RestartAgent,
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Livelock(#[from] Livelock),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

/// How many things happen between two looks at the trace and the progress bar.
const STRIDE: u32 = 4096;

/// Runs a node that has its pods already, and hands over its trace as it grows.
pub(crate) fn run(
    node: &mut Node,
    pods: &[Uid],
    schedule: &Schedule,
    mut take: impl FnMut(Vec<TraceEntry>) -> std::io::Result<()>,
) -> Result<(), RunError> {
    let start = node.now();
    let end = start + schedule.end;
    let progress = Progress::new(start, schedule.end);
    for (after, deed) in schedule.deeds() {
        advance(node, start + after, &progress, &mut take)?;
        node.run_until(start + after)?;
        match deed {
            Deed::Delete => pods.iter().for_each(|pod| _ = node.delete(pod, schedule.grace)),
            Deed::RestartAgent => node.restart_agent()?,
        }
    }
    advance(node, end, &progress, &mut take)?;
    take(node.take_trace())?;
    progress.bar.finish_and_clear();
    Ok(())
}

/// Lets everything happen that happens until then.
fn advance(
    node: &mut Node,
    until: Timestamp,
    progress: &Progress,
    take: &mut impl FnMut(Vec<TraceEntry>) -> std::io::Result<()>,
) -> Result<(), RunError> {
    loop {
        for _ in 0..STRIDE {
            if node.next_event().is_none_or(|at| at > until) {
                return Ok(());
            }
            node.step()?;
        }
        progress.show(node.now());
        take(node.take_trace())?;
    }
}

/// A bar on the standard error, where that is a terminal.
struct Progress {
    start: Timestamp,
    bar: ProgressBar,
}

impl Progress {
    fn new(start: Timestamp, length: Duration) -> Self {
        let bar = ProgressBar::new(length.as_secs());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg} of {prefix} of simulated time") {
            bar.set_style(style);
        }
        bar.set_prefix(GoDuration(length).to_string());
        Self { start, bar }
    }

    fn show(&self, now: Timestamp) {
        let seconds = Duration::from_secs((now - self.start).as_secs());
        self.bar.set_message(GoDuration(seconds).to_string());
        self.bar.set_position(seconds.as_secs());
    }
}
