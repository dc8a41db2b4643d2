//! The explanation in a terminal.

use anstyle::{AnsiColor, Color, Style};
use node_lifecycle::api::PsiData;
use node_lifecycle::eviction::{PsiObservation, RankBy, Resource, Signal};

use super::decide::{Order, Place};
use super::report::Report;
use super::words::clean;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
pub(crate) const NOTE: Style = colored(AnsiColor::Cyan);
pub(crate) const ERROR: Style = colored(AnsiColor::Red).bold();
const MARK: Style = colored(AnsiColor::Yellow).bold();

/// How many pods are shown where not all are asked for.
const SHOWN: usize = 10;

const fn colored(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

pub(crate) fn draw(report: &Report, all: bool) -> String {
    let mut text = format!(
        "{BOLD}{} with {} active pod{}, as {} decides{BOLD:#}\n{DIM}{}{DIM:#}\n",
        clean(&report.node),
        report.active_pods,
        if report.active_pods == 1 { "" } else { "s" },
        report.decides.name(),
        clean(&report.files.join(", "))
    );
    for note in &report.notes {
        text.push_str(&format!("{NOTE}note:{NOTE:#} {}\n", clean(note)));
    }
    if let Some(psi) = &report.psi {
        text.push_str(&stalls(psi));
    }
    text.push('\n');
    match &report.explanation {
        Some(explanation) if all => text.push_str(&format!("{explanation:#}")),
        Some(explanation) => text.push_str(&explanation.to_string()),
        None => text
            .push_str("Nothing is watched on this node: it has no thresholds, and local disk no limits.\n"),
    }
    if let Some(order) = report.order_beyond() {
        text.push_str(&ranking(order, all));
    }
    if !report.differences.is_empty() {
        text.push('\n');
    }
    for difference in &report.differences {
        let fields = match difference.fields.as_slice() {
            [] => "several differences together".to_owned(),
            fields => fields.join(", "),
        };
        text.push_str(&format!(
            "{MARK}! {} would answer otherwise:{MARK:#} {} ({fields})\n",
            report.decides.other().name(),
            clean(&difference.otherwise)
        ));
    }
    if let Some(forecast) = &report.forecast {
        text.push_str(&format!("\n{BOLD}If things go on as since {}:{BOLD:#}\n{forecast}", report.since()));
    }
    text
}

/// For how much of the time tasks wait.
fn stalls(psi: &PsiObservation) -> String {
    let shares = |PsiData { avg10, avg60, avg300, .. }| format!("{avg10} {avg60} {avg300}");
    let all = [("cpu", psi.system.cpu), ("memory", psi.system.memory), ("io", psi.system.io)];
    let all = all.into_iter().filter_map(|(what, stats)| {
        let stats = stats?;
        Some(format!("{what} some {}, full {}", shares(stats.some), shares(stats.full)))
    });
    let all: Vec<_> = all.collect();
    format!("PSI, in percent of the last 10s, 1m and 5m: {}.\n", all.join("; "))
}

/// Who would go for a signal that is not low.
fn ranking(order: &Order, all: bool) -> String {
    let mut text = format!("\nIf {} was low, pods would go in this order:\n", order.signal);
    let shown = if all { order.pods.len() } else { SHOWN };
    let mut turn = 0;
    let rows: Vec<[String; 4]> = order
        .pods
        .iter()
        .take(shown)
        .map(|place| {
            turn += usize::from(!place.is_critical);
            let number = if place.is_critical { " - ".to_owned() } else { format!("{turn:>2}.") };
            let name = format!("{number} {}", place.pod);
            let remark = if place.is_critical { "critical, never goes" } else { "" };
            [name, format!("priority {}", place.key.priority), use_of(order, place), remark.to_owned()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for [name, priority, usage, remark] in &rows {
        let line =
            format!("  {name:<0$}  {priority:<1$}  {usage:<2$}  {remark}", widths[0], widths[1], widths[2]);
        text.push_str(&clean(line.trim_end()));
        text.push('\n');
    }
    if let more @ 1.. = order.pods.len().saturating_sub(shown) {
        text.push_str(&format!("  and {more} more\n"));
    }
    text
}

/// `uses 2.4Gi, requests 512Mi`.
pub(crate) fn use_of(order: &Order, place: &Place) -> String {
    let resource = order.signal.resource();
    let key = &place.key;
    let used = amount(resource, key.usage.into());
    match order.by {
        _ if key.no_stats => "not measured".to_owned(),
        RankBy::Pids => format!("has {used} processes"),
        _ if resource == Resource::Inodes => format!("has {used} inodes"),
        _ => {
            let request = key.request().bytes_saturating();
            format!("uses {used}, requests {}", amount(resource, request.into()))
        }
    }
}

/// What is left of a signal, or is needed of it.
pub(crate) fn amount_of(signal: Signal, amount_left: i64) -> String {
    amount(signal.resource(), amount_left.into())
}

/// An amount that is short enough to read: bytes with a binary prefix and one digit after the point.
pub(crate) fn amount(resource: Resource, amount: i128) -> String {
    if matches!(resource, Resource::Inodes | Resource::Pids) || amount.unsigned_abs() < 1024 {
        return amount.to_string();
    }
    let prefixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let fits = |power: &usize| amount.unsigned_abs() >> (10 * power) < 1024;
    let power = (1..prefixes.len()).find(fits).unwrap_or(prefixes.len());
    let unit = 1_i128 << (10 * power);
    let tenths = (amount * 10 + unit / 2).div_euclid(unit);
    let prefix = prefixes.get(power - 1).copied().unwrap_or_default();
    match tenths.unsigned_abs() % 10 {
        0 => format!("{}{prefix}", tenths / 10),
        rest => format!("{}.{rest}{prefix}", tenths / 10),
    }
}
