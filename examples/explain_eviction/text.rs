//! The explanation in a terminal.

use anstyle::{AnsiColor, Style};
use node_lifecycle::api::PsiData;
use node_lifecycle::eviction::{Amount, PsiObservation, RankBy, RankedName, Ranking, Resource};

use super::report::Report;
use super::shell::colored;
use super::words::clean;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const NOTE: Style = colored(AnsiColor::Cyan);

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
        let signal = order.signal;
        let order = if all { format!("{order:#}") } else { order.to_string() };
        text.push_str(&format!("\nIf {signal} was low:\n{order}"));
    }
    if !report.differences.is_empty() {
        text.push('\n');
    }
    for difference in &report.differences {
        text.push_str(&difference.line(report.decides.other(), clean));
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

/// `uses 2.4Gi, requests 512Mi`.
pub(crate) fn use_of(order: &Ranking, place: &RankedName) -> String {
    let resource = order.signal.resource();
    let key = &place.key;
    let used = Amount::of_units(resource, key.usage);
    match order.by {
        _ if key.no_stats => "not measured".to_owned(),
        RankBy::Pids => format!("has {used} processes"),
        _ if resource == Resource::Inodes => format!("has {used} inodes"),
        _ => {
            format!("uses {used}, requests {}", Amount::of(resource, &key.request()))
        }
    }
}
