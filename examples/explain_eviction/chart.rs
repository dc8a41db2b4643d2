//! The explanation as a picture: what is used against what has to be left, and whose turn it is.

use std::collections::BTreeMap;
use std::io;

use node_lifecycle::eviction::{
    Amount, DiskResource, RankBy, RankedName, Ranking, Signal, ThresholdExplanation, ThresholdState,
};

use super::pen::{FAINT, INK, PLAIN, Pen, SMALL, Type};
use super::report::Report;
use super::sheet::{BAR, GAP, HEAD, LEFT, MARGIN, NAME, RIGHT, ROOM, SHORT, TOP, USED, WORDS, scaled};
use super::text::use_of;
use super::words::shortened;

/// From one bar to the next.
const SIGNAL: usize = 40;
const POD: usize = 26;
/// How many pods are drawn.
const PODS: usize = 40;

const WAITS: &str = "#d98e1f";
const ABOVE: &str = "#2f5f9e";
const CRITICAL: &str = "#a8b0b9";

pub(crate) fn draw(report: &Report) -> io::Result<Vec<u8>> {
    let signals = signals(report);
    let order = report.ranking.as_ref().filter(|order| !order.pods.is_empty());
    let drawn = order.map_or(0, |order| order.pods.len().min(PODS));
    let ranking = TOP + HEAD + signals.len() * SIGNAL + GAP;
    let height = ranking + order.map_or(0, |_| HEAD + drawn * POD + GAP);

    let mut pen = Pen::page(height, &report.node, report.at, &verdict(report))?;
    pen.signals(&signals, TOP)?;
    if let Some(order) = order {
        pen.order(order, report, ranking)?;
    }
    pen.finish()
}

/// What comes of it, in a sentence.
fn verdict(report: &Report) -> String {
    let gone = report.explanation.iter().flat_map(|explanation| &explanation.evicted);
    let gone: Vec<_> = gone.map(|gone| gone.pod.to_string()).collect();
    let decides = report.decides.name();
    match gone.as_slice() {
        [] => format!("As {decides} decides, nobody has to go."),
        [one] => format!("As {decides} decides, {one} has to go."),
        all => format!("As {decides} decides, {} have to go.", all.join(", ")),
    }
}

/// The thresholds that were observed, by their signals.
fn signals(report: &Report) -> BTreeMap<Signal, Vec<&ThresholdExplanation>> {
    let mut signals: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let all = report.explanation.iter().flat_map(|explanation| &explanation.thresholds);
    for seen in all.filter(|seen| seen.available.is_some()) {
        signals.entry(seen.threshold.signal).or_default().push(seen);
    }
    signals
}

impl Pen {
    fn signals(
        &mut self,
        signals: &BTreeMap<Signal, Vec<&ThresholdExplanation>>,
        top: usize,
    ) -> io::Result<()> {
        let legend = [(USED, "used"), (WAITS, "short, in its grace period"), (SHORT, "short")];
        self.head(top, "What is used, with a line for each threshold, dashed if it is a soft one", &legend)?;
        for (n, (signal, thresholds)) in signals.iter().enumerate() {
            self.signal(*signal, thresholds, top + HEAD + n * SIGNAL)?;
        }
        Ok(())
    }

    /// A bar of what is used, with a line for each threshold: where it ends when only that much is left.
    fn signal(&mut self, signal: Signal, thresholds: &[&ThresholdExplanation], y: usize) -> io::Result<()> {
        let Some(first) = thresholds.first() else { return Ok(()) };
        let (available, capacity) = (first.available.unwrap_or_default(), first.capacity.unwrap_or_default());
        let until = |left: i64| scaled(capacity.saturating_sub(left).into(), capacity.into());
        let amount = |units: i64| Amount::of_units(signal.resource(), units);
        let words = format!("{} of {} left", amount(available), amount(capacity));
        self.text((MARGIN, y + 15), signal.name(), PLAIN)?;
        self.rect((LEFT, y, BAR, 20), ROOM, 3, None)?;
        self.rect(
            (LEFT, y, until(available), 20),
            colour(thresholds),
            3,
            Some(&format!("{signal}: {words}")),
        )?;
        let mut needs = Vec::new();
        for seen in thresholds {
            let Some(needed) = &seen.needed else { continue };
            let is_hard = seen.threshold.is_hard();
            let (kind, dashes) = if is_hard { ("hard", "") } else { ("soft", "4 2") };
            let x = LEFT + until(needed.value_saturating());
            self.line((x, y - 4, x, y + 24), INK, 2, dashes)?;
            needs.push(format!("{kind}: {}", Amount::of(signal.resource(), needed)));
        }
        self.text((RIGHT, y + 8), &shortened(&words, WORDS), SMALL)?;
        self.text((RIGHT, y + 22), &shortened(&format!("needed, {}", needs.join("; ")), WORDS), SMALL)
    }

    fn order(&mut self, order: &Ranking, report: &Report, top: usize) -> io::Result<()> {
        let title =
            format!("Pods in the order in which they go for {}, with a line for the request", order.signal);
        let legend = [
            (USED, "used"),
            (ABOVE, "above the request"),
            (SHORT, "has to go"),
            (CRITICAL, "critical, never goes"),
        ];
        self.head(top, &title, &legend)?;
        let places = || order.pods.iter().take(PODS);
        let most = places().map(|place| place.key.usage.max(request(order, place))).max().unwrap_or_default();
        let bottom = top + HEAD + places().count() * POD;
        self.quarters((top, bottom), most.into(), |amount| {
            Amount::of_units(order.signal.resource(), amount).to_string()
        })?;
        let mut turn = 0;
        for (n, place) in places().enumerate() {
            turn += usize::from(!place.is_critical);
            let number = if place.is_critical { "–".to_owned() } else { format!("{turn}.") };
            self.place(order, place, (&number, report.goes(place)), (most, top + HEAD + n * POD))?;
        }
        match order.pods.len().saturating_sub(PODS) {
            0 => Ok(()),
            more => self.text((MARGIN, bottom + 16), &format!("and {more} more"), SMALL),
        }
    }

    /// A bar of what a pod uses, darker above its request, and a line where that ends.
    fn place(
        &mut self,
        order: &Ranking,
        place: &RankedName,
        (number, goes): (&str, bool),
        (most, y): (u64, usize),
    ) -> io::Result<()> {
        let (usage, request) = (place.key.usage, request(order, place));
        let length = |amount: u64| scaled(amount.into(), most.into());
        let (within, above) = match place {
            RankedName { is_critical: true, .. } => (CRITICAL, CRITICAL),
            _ if goes => ("#e79089", SHORT),
            _ => (USED, ABOVE),
        };
        let ink = if place.is_critical { FAINT } else { PLAIN.fill };
        let name = place.pod.to_string();
        let words = format!("{}, priority {}", use_of(order, place), place.key.priority);
        let style = Type { fill: ink, weight: if goes { "600" } else { "400" }, ..PLAIN };
        self.text((MARGIN + 18, y + 14), number, Type { anchor: "end", ..style })?;
        self.text((MARGIN + 26, y + 14), &shortened(&name, NAME), Type { size: 12, ..style })?;
        let split = length(usage.min(request));
        self.rect((LEFT, y + 3, split, 14), within, 0, Some(&format!("{name}: {words}")))?;
        self.rect(
            (LEFT + split, y + 3, length(usage) - split, 14),
            above,
            0,
            Some(&format!("{name}: {words}")),
        )?;
        if request > 0 {
            let x = LEFT + length(request);
            self.line((x, y, x, y + 20), INK, 2, "")?;
        }
        self.text((RIGHT, y + 14), &shortened(&words, WORDS), Type { fill: ink, ..SMALL })
    }
}

/// By the threshold that is met first.
fn colour(thresholds: &[&ThresholdExplanation]) -> &'static str {
    let is = |which: fn(ThresholdState) -> bool| thresholds.iter().any(|seen| which(seen.state));
    if is(|state| matches!(state, ThresholdState::Met { .. } | ThresholdState::Held { .. })) {
        SHORT
    } else if is(|state| matches!(state, ThresholdState::InGrace { .. })) {
        WAITS
    } else {
        USED
    }
}

/// What a pod requests of what is ranked; nobody can request inodes or processes.
fn request(order: &Ranking, place: &RankedName) -> u64 {
    match order.by {
        RankBy::Memory | RankBy::Disk { resource: DiskResource::Bytes, .. } => {
            place.key.request().bytes_saturating()
        }
        RankBy::Disk { resource: DiskResource::Inodes, .. } | RankBy::Pids => 0,
    }
}
