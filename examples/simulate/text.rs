//! The timeline in a terminal.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::axis::{Axis, Layout};
use super::moments::moments;
use super::shell::colored;
use super::state::{DELETION, End, Look, Mark, RESTART, Standing, State};
use super::ticks::{Setting, Tick, ticks};
use super::time::short;
use super::timeline::{Lane, Timeline};
use super::words::{clean, shortened};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const RED: Style = colored(AnsiColor::Red);

/// What is said of a pod that is gone as soon as it comes.
pub(crate) const NOTHING: &str = "Nothing of it is started.";

/// How many moments are listed before the middle is left out.
const MOMENTS: usize = 40;

/// Text in cells, each with its own style.
struct Row(Vec<(char, Style)>);

impl Row {
    fn blank(width: usize) -> Self {
        Self(vec![(' ', Style::new()); width])
    }

    fn put(&mut self, column: usize, glyph: char, style: Style) {
        if let Some(cell) = self.0.get_mut(column) {
            *cell = (glyph, style);
        }
    }

    fn fill(&mut self, columns: std::ops::Range<usize>, glyph: char, style: Style) {
        for column in columns {
            self.put(column, glyph, style);
        }
    }

    fn write(&mut self, column: usize, text: &str, style: Style) {
        for (n, character) in text.chars().enumerate() {
            self.put(column + n, character, style);
        }
    }

    /// Without blanks at the end.
    fn print(&self, out: &mut String) {
        let end = self.0.iter().rposition(|(glyph, _)| *glyph != ' ').map_or(0, |last| last + 1);
        let mut current = Style::new();
        for (glyph, style) in self.0.iter().take(end) {
            if *style != current {
                out.push_str(&format!("{current:#}{style}"));
                current = *style;
            }
            out.push(*glyph);
        }
        out.push_str(&format!("{current:#}\n"));
    }
}

/// What the signs mean. Those of what is rare are explained where they are used.
pub(crate) fn legend(pods: &[Timeline], width: usize) -> String {
    let lanes = || pods.iter().flat_map(|pod| &pod.lanes);
    let has_state = |state| lanes().flat_map(|lane| &lane.spans).any(|span| span.state == state);
    let states = State::DRAWN.into_iter().filter(|state| *state != State::PostStart || has_state(*state));
    let states = states.map(State::look);
    let ends = End::ALL.into_iter().map(End::look);
    let mut out = String::new();
    let mut column = 0;
    let marked = |mark: &Mark| lanes().flat_map(|lane| &lane.marks).any(|(_, known)| known.is_like(*mark));
    let marks = Mark::ALL.into_iter().filter(marked).map(Mark::look);
    let stands = |standing: &Standing| {
        *standing != Standing::Restarting
            || pods.iter().flat_map(|pod| &pod.standings).any(|(_, known)| known == standing)
    };
    let standings = Standing::DRAWN.into_iter().filter(stands).map(Standing::look);
    let restarts = pods.iter().any(|pod| !pod.restarts.is_empty()).then_some(RESTART);
    let looks = states.chain(ends).chain(marks).chain(standings).chain([DELETION]).chain(restarts);
    for Look { glyph, style, label, .. } in looks {
        let needs = label.width() + 5;
        if column > 0 && column + needs > width {
            out.push('\n');
            column = 0;
        }
        let sample: String =
            if matches!(glyph, '✓' | '✗' | '†' | '┃' | '┊' | '↻') || glyph.is_ascii_lowercase() {
                glyph.into()
            } else {
                [glyph; 2].iter().collect()
            };
        out.push_str(&format!("{style}{sample}{style:#} {label}   "));
        column += needs + 1;
    }
    let signs: Vec<_> = out.lines().map(str::trim_end).collect();
    let note = wrapped(NOT_TO_SCALE, width).join(&format!("{DIM:#}\n{DIM}"));
    format!("{}\n{DIM}{note}{DIM:#}\n", signs.join("\n"))
}

const NOT_TO_SCALE: &str =
    "The axis is not to scale: what takes long is drawn shorter. Times with a + count from the deletion.";

/// One pod: its title, axis, lanes and moments.
pub(crate) fn draw(pod: &Timeline, width: usize) -> String {
    let name = shortened(&pod.name, width);
    let source = shortened(&clean(&pod.source), width.saturating_sub(name.width() + 2).max(1));
    let mut out = format!("{BOLD}{name}{BOLD:#}  {DIM}{source}{DIM:#}\n");
    let names = pod.lanes.iter().map(|lane| lane.name.width()).max().unwrap_or_default().clamp(5, width / 4);
    let kinds = pod.lanes.iter().map(|lane| lane.kind.to_string().width()).max().unwrap_or_default();
    let margin = names + kinds + 5;
    let room = width.saturating_sub(margin).max(10);
    let axis = pod.axis(Layout { width: room, piece: 1, mark: 1, tail: 1 });

    if pod.end.is_zero() {
        out.push_str(&format!("  {DIM}{NOTHING}{DIM:#}\n"));
        return out;
    }
    let indent = " ".repeat(margin);
    for row in scale(pod, &axis) {
        out.push_str(&indent);
        row.print(&mut out);
    }
    out.push_str(&format!("  {:names$}  {:kinds$} ", "pod", ""));
    phases(pod, &axis).print(&mut out);
    if pod.standings.len() > 1 {
        out.push_str(&format!("  {:names$}  {:kinds$} ", "ready", ""));
        standings(pod, &axis).print(&mut out);
    }
    for lane in &pod.lanes {
        let name = shortened(&lane.name, names);
        let gap = " ".repeat(names - name.width());
        out.push_str(&format!("  {name}{gap}  {DIM}{:kinds$}{DIM:#} ", lane.kind.to_string()));
        cells(pod, lane, &axis).print(&mut out);
    }
    out.push('\n');
    list_moments(pod, width, &mut out);
    out
}

/// The deletion, times, and the axis with a tick below each.
fn scale(pod: &Timeline, axis: &Axis) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(deletion) = pod.deleted {
        let (mut row, column) = (Row::blank(axis.width()), axis.column(deletion.at));
        let text = format!("deleted at {}", short(deletion.at));
        match column.checked_sub(text.len() + 1) {
            Some(from) => row.write(from, &format!("{text} ▼"), RED),
            None => row.write(column, &format!("▼ {text}"), RED),
        }
        rows.push(row);
    }
    let (mut labels, mut line) = (Row::blank(axis.width()), Row::blank(axis.width()));
    line.fill(0..axis.column(pod.end) + 1, '─', DIM);
    let setting = Setting {
        width: |text| text.chars().count(),
        // Where it does not fit to the right it may to the left.
        places: |column, width| [column, (column + 1).saturating_sub(width)],
        gap: 1,
    };
    for Tick { column, left, text } in ticks(pod, axis, &setting) {
        labels.write(left, &text, DIM);
        line.put(column, '┴', DIM);
    }
    for at in &pod.restarts {
        line.put(axis.begin(*at), RESTART.glyph, RESTART.style);
    }
    if let Some(deletion) = pod.deleted {
        line.put(axis.column(deletion.at), DELETION.glyph, DELETION.style);
    }
    rows.extend([labels, line]);
    rows
}

/// The pod's own lane: its phases, in words where there is room.
fn phases(pod: &Timeline, axis: &Axis) -> Row {
    let mut row = Row::blank(axis.width());
    let ends = pod.phases.iter().skip(1).map(|(at, _)| *at).chain([pod.end]);
    for ((from, phase), to) in pod.phases.iter().zip(ends) {
        let (begin, end) = (axis.begin(*from), axis.column(to));
        row.fill(begin..end, '─', DIM);
        let word = phase.to_string();
        let mark =
            pod.deleted.map(|deletion| axis.column(deletion.at)).filter(|mark| (begin..end).contains(mark));
        let place = match mark {
            Some(mark) if mark - begin >= word.len() => Some(begin),
            Some(mark) if end - mark > word.len() => Some(mark + 1),
            None if end.saturating_sub(begin) >= word.len() => Some(begin),
            _ => None,
        };
        if let Some(place) = place {
            row.write(place, &word, BOLD);
        }
    }
    if pod.gone_at.is_some() {
        row.put(axis.column(pod.end), '╴', DIM);
    }
    mark(pod, axis, &mut row);
    row
}

/// What the pod's conditions come to.
fn standings(pod: &Timeline, axis: &Axis) -> Row {
    let mut row = Row::blank(axis.width());
    let ends = pod.standings.iter().skip(1).map(|(at, _)| *at).chain([pod.end]);
    for ((from, standing), to) in pod.standings.iter().zip(ends) {
        let Look { glyph, style, .. } = standing.look();
        let goes_on = to == pod.end && pod.gone_at.is_none();
        row.fill(axis.begin(*from)..axis.column(to) + usize::from(goes_on), glyph, style);
    }
    mark(pod, axis, &mut row);
    row
}

fn cells(pod: &Timeline, lane: &Lane, axis: &Axis) -> Row {
    let mut row = Row::blank(axis.width());
    for span in lane.spans.iter().filter(|span| span.state != State::Ended) {
        let Look { glyph, style, .. } = span.state.look();
        let mut end = axis.column(span.to);
        if span.to == pod.end && pod.gone_at.is_none() {
            // It goes on.
            end += 1;
        }
        row.fill(axis.begin(span.from)..end, glyph, style);
    }
    for (at, mark) in &lane.marks {
        let Look { glyph, style, .. } = mark.look();
        row.put(axis.begin(*at), glyph, style);
    }
    for exit in &lane.exits {
        let Look { glyph, style, .. } = exit.end.look();
        row.put(axis.begin(exit.at), glyph, style);
    }
    mark(pod, axis, &mut row);
    row
}

fn mark(pod: &Timeline, axis: &Axis, row: &mut Row) {
    for at in &pod.restarts {
        row.put(axis.begin(*at), RESTART.glyph, RESTART.style);
    }
    if let Some(deletion) = pod.deleted {
        row.put(axis.column(deletion.at), DELETION.glyph, DELETION.style);
    }
}

fn list_moments(pod: &Timeline, width: usize, out: &mut String) {
    let moments = moments(pod);
    let times = moments.iter().map(|moment| pod.clock(moment.at).len()).max().unwrap_or_default();
    let left_out = moments.len().saturating_sub(MOMENTS);
    let mut last = None;
    for (n, moment) in moments.iter().enumerate() {
        if left_out > 0 && (MOMENTS / 2..MOMENTS / 2 + left_out).contains(&n) {
            if n == MOMENTS / 2 {
                out.push_str(&format!("  {:times$}  {DIM}… {left_out} more, see --json …{DIM:#}\n", ""));
            }
            continue;
        }
        let time = pod.clock(moment.at);
        let time = if last.as_ref() == Some(&time) { String::new() } else { time };
        let text = shortened(&clean(&moment.text), width.saturating_sub(times + 4));
        out.push_str(&format!("  {DIM}{time:>times$}{DIM:#}  {text}\n"));
        if !time.is_empty() {
            last = Some(time);
        }
    }
}

/// Broken into lines between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.width() + 1 + word.width() <= width => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
