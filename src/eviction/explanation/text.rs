//! An explanation as a text for a person.

use std::fmt::{self, Write};
use std::time::Duration;

use super::{
    Explanation, LimitExplanation, Otherwise, PodName, RankedName, Ranking, ReclaimExplanation, Sight, Step,
    StepExplanation, ThresholdExplanation, ThresholdState,
};
use crate::api::{GoDuration, Quantity};
use crate::eviction::{DiskLayout, RankBy, Resource};
use crate::machine::Timestamp;

/// How many pods of a ranking are shown; the alternate form `{:#}` shows all.
const SHOWN: usize = 10;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tick at {}", self.at)?;
        match self.layout {
            Some(layout) => writeln!(f, "; {}.", layout_in_words(layout))?,
            None => writeln!(f, "; how the disks are laid out is not known.")?,
        }
        if let Some(problem) = &self.problem {
            writeln!(f, "Problem: {problem}.")?;
        }
        self.write_thresholds(f)?;
        let pressures: Vec<_> = self.pressures.iter().map(|pressure| pressure.name()).collect();
        let pressures = if pressures.is_empty() { "none".to_owned() } else { pressures.join(", ") };
        writeln!(f, "Conditions: {pressures}.")?;
        self.over_limit.iter().try_for_each(|limit| write!(f, "{limit}"))?;
        self.steps.iter().take(1).try_for_each(|step| step.write_beginning(f))?;
        self.reclaims.iter().try_for_each(|reclaim| write!(f, "{reclaim}"))?;
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))?;
        if let Some(ranking) = &self.ranking {
            ranking.write_order(f, self)?;
        }
        for evicted in &self.evicted {
            let (pod, grace) = (&evicted.pod, seconds(evicted.grace_seconds));
            writeln!(f, "\n{pod} has to go, with {grace} of grace: {}", evicted.message.trim_end())?;
            if let Some(refused) = &evicted.refused {
                writeln!(f, "That was refused: {refused}. It stays, and the next tick chooses again.")?;
            }
        }
        if let (Some(otherwise), Some(evicted)) = (&self.otherwise, self.evicted.first()) {
            otherwise.write(f, &evicted.pod, self.steps.last())?;
        }
        if self.evicted.is_empty() {
            writeln!(f, "\nNobody has to go.")?;
        }
        Ok(())
    }
}

impl Explanation {
    fn write_thresholds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.thresholds.iter().map(|threshold| threshold.columns(self.at));
        write_table(f, &rows.collect::<Vec<_>>())
    }
}

impl ThresholdExplanation {
    fn columns(&self, at: Timestamp) -> [String; 4] {
        let resource = self.threshold.signal.resource();
        let amount = |units: i64| Amount(resource, i128::from(units) * GIGA).to_string();
        let quantity = |quantity: &Quantity| Amount(resource, quantity.nanos_saturating()).to_string();
        let left = match (self.available, self.capacity) {
            (Some(available), Some(capacity)) => {
                format!("{} of {} left", amount(available), amount(capacity))
            }
            _ => "not observed".to_owned(),
        };
        let kind = if self.threshold.is_hard() { "hard" } else { "soft" };
        let needed = self.needed.as_ref().map(|needed| format!("{kind}: {}", quantity(needed)));
        let missing = self.headroom.as_ref().map(|headroom| quantity(&-headroom.clone()));
        let short =
            || missing.as_ref().map_or_else(|| "met".to_owned(), |missing| format!("{missing} short"));
        let so_far = |since: Timestamp| GoDuration(at - since);
        let mut state = match self.state {
            ThresholdState::Unmet => match &self.headroom {
                Some(headroom) => format!("{} to spare", quantity(headroom)),
                None => "not met".to_owned(),
            },
            ThresholdState::InGrace { until, since } => {
                let left = GoDuration(until - at);
                format!("{} for {}; counts in {left}, at {until}", short(), so_far(since))
            }
            ThresholdState::Met { since } if at == since => short(),
            ThresholdState::Met { since } => format!("{} for {}", short(), so_far(since)),
            ThresholdState::Held { since } => {
                let missing = missing.as_deref().unwrap_or("some");
                format!("was short, and held for {}: {missing} more to free", so_far(since))
            }
            ThresholdState::NotCounted => "not counted in this tick".to_owned(),
        };
        match (self.sight, self.state) {
            (_, ThresholdState::NotCounted | ThresholdState::Unmet) | (Sight::Fresh, _) => {}
            (Sight::Stale, _) => state.push_str("; not measured anew, so nobody goes for it"),
            (Sight::Unobserved, _) => state.push_str("; not observed, so nobody goes for it"),
        }
        [self.threshold.signal.to_string(), left, needed.unwrap_or_else(|| kind.to_owned()), state]
    }
}

impl fmt::Display for LimitExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pod, over) = (&self.pod, Amount(Resource::EphemeralStorage, self.exceeded.over_nanos()));
        let message = self.exceeded.message();
        write!(f, "{pod} is {over} over a limit of its own: {}", message.trim_end())?;
        writeln!(f, "{}", if self.is_spared { " It is critical, and stays." } else { "" })
    }
}

impl fmt::Display for ReclaimExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        match (&self.error, self.freed_bytes) {
            (Some(error), _) => writeln!(f, "Freeing {what} failed: {error}."),
            (None, _) if self.is_pending => writeln!(f, "Being freed: {what}."),
            (None, Some(bytes)) => {
                writeln!(
                    f,
                    "Freed: {what}, {}.",
                    Amount(Resource::EphemeralStorage, i128::from(bytes) * GIGA)
                )
            }
            (None, None) => writeln!(f, "Freed: {what}."),
        }
    }
}

impl StepExplanation {
    fn write_beginning(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_hard { "hard" } else { "soft" };
        writeln!(f, "The {kind} threshold of {} is acted on first.", self.signal)
    }
}

impl fmt::Display for StepExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = self.signal;
        let by_then = |f: &mut fmt::Formatter<'_>| match self.available_after {
            Some(left) => write!(f, "{} left by then", Amount(signal.resource(), i128::from(left) * GIGA)),
            None => write!(f, "not observed since"),
        };
        match self.outcome {
            Step::Reclaims => writeln!(f, "{signal}: not decided yet."),
            Step::Resolved => {
                write!(f, "{signal}: ")?;
                by_then(f)?;
                writeln!(f, ", which is enough.")
            }
            Step::Unproven => {
                write!(f, "{signal}: ")?;
                by_then(f)?;
                writeln!(f, ", and not measured anew: the next tick says whether that is enough.")
            }
            Step::NobodyCanGo => writeln!(f, "{signal}: there is no pod that can go."),
            Step::NoRanking => writeln!(f, "{signal}: nobody goes for it."),
            Step::Evicts => {
                let Some(needed) = &self.needed_after else { return Ok(()) };
                write!(f, "{signal}: ")?;
                by_then(f)?;
                let needed = Amount(signal.resource(), needed.nanos_saturating());
                writeln!(f, ", which is not enough: it takes {needed}.")
            }
        }
    }
}

impl Ranking {
    fn write_order(&self, f: &mut fmt::Formatter<'_>, explanation: &Explanation) -> fmt::Result {
        let resource = self.signal.resource();
        let by = match self.by {
            RankBy::Pids => "by priority, then by number of processes",
            RankBy::Memory | RankBy::Disk { .. } => {
                "those above their request first, then by priority, then by how much above"
            }
        };
        writeln!(f, "\nPods in the order in which they go for {resource}, {by}:")?;
        let shown = if f.alternate() { self.pods.len() } else { SHOWN };
        let mut place = 0;
        let rows = self.pods.iter().take(shown).map(|ranked| {
            place += usize::from(!ranked.is_critical);
            let goes = explanation.evicted.iter().any(|evicted| evicted.pod == ranked.pod);
            ranked.columns(self, (!ranked.is_critical).then_some(place), goes)
        });
        write_table(f, &rows.collect::<Vec<_>>())?;
        match self.pods.len().saturating_sub(shown) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}

impl RankedName {
    fn columns(&self, ranking: &Ranking, place: Option<usize>, goes: bool) -> [String; 6] {
        let resource = ranking.signal.resource();
        let amount = |nanos| Amount(resource, nanos).to_string();
        let (usage, request, above) = if self.key.no_stats {
            ("not measured".to_owned(), String::new(), String::new())
        } else if matches!(ranking.by, RankBy::Pids) {
            (format!("{} processes", self.key.usage), String::new(), String::new())
        } else {
            let above = self.key.above_request().nanos_saturating();
            let which = if above > 0 { "above" } else { "below" };
            (
                format!("uses {}", amount(i128::from(self.key.usage) * GIGA)),
                format!("requests {}", amount(self.key.request().nanos_saturating())),
                format!("{} {which}", amount(above.saturating_abs())),
            )
        };
        let name = match place {
            Some(place) => format!("{place:>2}. {}", self.pod),
            None => format!(" -  {}", self.pod),
        };
        let remark = match place {
            _ if goes => "has to go",
            None => "critical, never goes",
            Some(_) => "",
        };
        [name, format!("priority {}", self.key.priority), usage, request, above, remark.to_owned()]
    }
}

impl Otherwise {
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        chosen: &PodName,
        step: Option<&StepExplanation>,
    ) -> fmt::Result {
        let Some(resource) = step.map(|step| step.signal.resource()) else { return Ok(()) };
        let is_one = self.enough.len() == 1;
        let enough = self.enough.iter().map(|(signal, missing)| {
            let resource = signal.resource();
            let of = if is_one { resource.name() } else { signal.name() };
            format!("{} more of {of}", Amount(resource, missing.nanos_saturating()))
        });
        let enough = enough.collect::<Vec<_>>().join(" and ");
        writeln!(f, "Nobody would have had to go if {enough} had been left.")?;
        match (&self.next, self.less) {
            (None, _) => writeln!(f, "Nobody else could have gone."),
            (Some(next), Some(less)) => {
                let less = Amount(resource, i128::from(less) * GIGA);
                writeln!(f, "If {chosen} had used {less} less, {next} would have gone.")
            }
            (Some(next), None) => writeln!(f, "{next} is next; {chosen} goes first whatever it uses."),
        }
    }
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

const fn layout_in_words(layout: DiskLayout) -> &'static str {
    match layout {
        DiskLayout::One => "one file system for everything",
        DiskLayout::Dedicated => "images and writeable layers on a file system of their own",
        DiskLayout::Split => "images on a file system of their own",
        DiskLayout::LayersApart => "writeable layers apart, which Kubernetes does not provide for",
    }
}

fn seconds(seconds: i64) -> GoDuration {
    GoDuration(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

const GIGA: i128 = 1_000_000_000;

/// An amount in billionths, short enough to read: bytes with a binary prefix and one digit after the point.
struct Amount(Resource, i128);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(resource, nanos) = *self;
        let sign = if nanos < 0 { "-" } else { "" };
        // Whole units; what is left of one counts as one, so that nothing missing shows as nothing.
        let units = nanos.unsigned_abs().div_ceil(GIGA.unsigned_abs());
        if matches!(resource, Resource::Inodes | Resource::Pids) {
            return write!(f, "{sign}{units}");
        }
        let prefixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let mut unit = 1_u128;
        let mut prefix = 0;
        while units / unit >= 1024 && prefix + 1 < prefixes.len() {
            unit *= 1024;
            prefix += 1;
        }
        let tenths = (units.saturating_mul(10) + unit / 2) / unit;
        let prefix = prefixes.get(prefix).unwrap_or(&"");
        match tenths % 10 {
            0 => write!(f, "{sign}{}{prefix}", tenths / 10),
            rest => write!(f, "{sign}{}.{rest}{prefix}", tenths / 10),
        }
    }
}

/// Rows, indented, in columns that are as wide as they have to be.
fn write_table<const N: usize>(f: &mut fmt::Formatter<'_>, rows: &[[String; N]]) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(widths) {
            if width > 0 {
                write!(line, " {cell:<width$} ")?;
            }
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
