//! What is said, in a terminal. The configuration is a file that a kubelet takes: all else in it are comments.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::annotate::plain;
use super::compare::Comparison;
use super::differ::MARK;
use super::report::{Report, Sentence};
use super::shell::colored;
use super::story::{Story, on};
use super::words::clean;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const NOTE: Style = colored(AnsiColor::Cyan);
const WARNING: Style = colored(AnsiColor::Yellow);
const LEFT: Style = colored(AnsiColor::Red);
const RIGHT: Style = colored(AnsiColor::Green);
/// How far to the right comments stand at the most, but beside lines that are longer.
const WIDEST: usize = 56;

pub(crate) fn draw(report: &Report) -> String {
    let mut text =
        format!("{BOLD}# What {} makes of {}.{BOLD:#}\n", report.decides.name(), comment(&report.of));
    if report.left_out > 0 {
        text.push_str(&format!("{DIM}# {} defaults are left out.{DIM:#}\n", report.left_out));
    }
    sentences(&mut text, "# ", "note", NOTE, &report.notes);
    sentences(&mut text, "# ", "warning", WARNING, &report.warnings);
    sentences(&mut text, "# ", "only here", WARNING, &report.beyond_files);
    for mark in &report.differences {
        text.push_str(&format!("# {}", mark.difference.line(report.decides.other(), comment)));
    }
    text.push('\n');
    let widths = report.lines.iter().filter(|line| line.beside.is_some()).map(|line| line.text.width());
    let column = widths.filter(|width| *width <= WIDEST).max().unwrap_or_default();
    for line in &report.lines {
        let shown = clean(&line.text);
        text.push_str(&shown);
        if let Some(beside) = &line.beside {
            let gap = column.saturating_sub(shown.width()) + 2;
            let style = if line.is_set { Style::new() } else { DIM };
            text.push_str(&format!("{:gap$}{style}# {}{style:#}", "", comment(beside)));
        }
        if line.is_marked {
            text.push_str(&format!("  {MARK}!{MARK:#}"));
        }
        text.push('\n');
    }
    text
}

/// What ends where its line does, also for readers that know other ends of lines.
fn comment(text: &str) -> String {
    clean(text).replace(['\u{2028}', '\u{2029}'], "\u{fffd}")
}

fn sentences(text: &mut String, before: &str, what: &str, style: Style, sentences: &[Sentence]) {
    for sentence in sentences {
        text.push_str(&format!("{before}{style}{what}:{style:#} {}\n", comment(&sentence.text)));
    }
}

pub(crate) fn tell(story: &Story, other: &str) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}\n", clean(&story.field));
    let rows: Vec<_> = story
        .values
        .iter()
        .map(|it| {
            let (value, beside) = it.words.split_once('\t').unwrap_or((&it.words, ""));
            let below = it.path.strip_prefix(&story.field).unwrap_or(&it.path).trim_start_matches('.');
            let below = below.strip_prefix('[').and_then(|key| key.strip_suffix(']')).unwrap_or(below);
            let name = if below.is_empty() { String::new() } else { format!("{}: ", clean(below)) };
            (format!("{name}{}", clean(value)), clean(beside))
        })
        .collect();
    let width = rows.iter().map(|(value, _)| value.width()).filter(|width| *width <= WIDEST).max();
    for (value, beside) in &rows {
        let gap = width.unwrap_or_default().saturating_sub(value.width()) + 2;
        text.push_str(&format!("  {value}{:gap$}{beside}\n", ""));
    }
    if rows.is_empty() {
        text.push_str("  nobody sets it\n");
    }
    if let Some(default) = story.default.as_ref().filter(|it| !it.is_object() && story.gate.is_none()) {
        text.push_str(&format!("  if nobody set it, it would be {}\n", clean(&plain(default))));
    }
    if let Some(gate) = &story.gate {
        if !gate.summary.is_empty() {
            text.push_str(&format!("  {}\n", gate.summary));
        }
        if let (Some(enabled), Some(because)) = (gate.enabled, &gate.because) {
            text.push_str(&format!("  is {}, {because}\n", on(enabled)));
        }
        text.push_str(&format!("  stage: {}\n  history: {}\n", gate.stage, gate.past()));
        if !gate.needs.is_empty() {
            text.push_str(&format!("  needs {}\n", gate.needs.join(", ")));
        }
        let kep = gate.kep.map(|kep| format!("; KEP {kep}")).unwrap_or_default();
        let here = if gate.read_here { "" } else { "; nothing in this library depends on it" };
        text.push_str(&format!("  Kubernetes reads it in {}{here}{kep}\n", gate.read_by.join(", ")));
    } else if story.readers.is_empty() {
        text.push_str("  no machine of this library reads it\n");
    } else {
        text.push_str(&format!("  read by {}\n", story.readers.join(", ")));
    }
    sentences(&mut text, "  ", "note", NOTE, &story.notes);
    sentences(&mut text, "  ", "warning", WARNING, &story.warnings);
    for difference in &story.differences {
        text.push_str(&format!("  {MARK}! {other} would answer otherwise:{MARK:#} {}\n", clean(difference)));
    }
    text
}

pub(crate) fn compare(comparison: &Comparison) -> String {
    let mut text = format!(
        "{LEFT}- {}{LEFT:#}\n{RIGHT}+ {}{RIGHT:#}\n",
        clean(&comparison.left),
        clean(&comparison.right)
    );
    if comparison.differences.is_empty() {
        text.push_str("\nBoth make the same configuration.\n");
    }
    for difference in &comparison.differences {
        text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", clean(&difference.field)));
        let sides = [(&difference.words.0, '-', LEFT), (&difference.words.1, '+', RIGHT)];
        let width = sides.iter().map(|(words, ..)| words.0.width()).filter(|width| *width <= WIDEST).max();
        for ((value, beside), sign, style) in sides {
            let gap = width.unwrap_or_default().saturating_sub(value.width()) + 2;
            let beside =
                if beside.is_empty() { String::new() } else { format!("{:gap$}{}", "", clean(beside)) };
            text.push_str(&format!("  {style}{sign} {}{style:#}{beside}\n", clean(value)));
        }
    }
    text
}
