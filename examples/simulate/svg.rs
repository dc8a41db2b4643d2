//! The timeline as a picture.

use std::io;
use std::time::Duration;

use node_lifecycle::api::PodPhase;

use super::axis::{Axis, Layout};
use super::pen::{Area, CENTERED, FAINT, INK, LINE, PLAIN, Pen, SMALL, TITLE, Type};
use super::state::{DELETION, End, Mark, RESTART, Standing, State};
use super::text::NOTHING;
use super::ticks::{Setting, Tick, ticks};
use super::time::short;
use super::timeline::{Exit, Lane, Span, Timeline};
use super::words::{clean, shortened};

const WIDTH: usize = 1200;
/// Where the axis begins.
const LEFT: usize = 250;
const AXIS: usize = WIDTH - LEFT - 30;
/// What stays free at its end.
const TAIL: usize = 24;
/// From one lane to the next.
const LANE: usize = 30;
const BAR: usize = 20;
/// From a pod's top to its axis, and from its last lane to the next pod.
const HEAD: usize = 92;
const GAP: usize = 34;
const LEGEND: usize = 126;

/// How one state is called in a bar.
const fn word(state: State) -> &'static str {
    match state {
        State::Waiting | State::Ended => "",
        State::Pulling => "pull",
        State::Starting => "start",
        State::PostStart => "postStart",
        State::Running => "runs",
        State::Ready => "ready",
        State::BackOff => "back-off",
        State::PreStop => "preStop",
        State::Stopping => "stops",
    }
}

/// All pods, one below the other.
pub(crate) fn draw(pods: &[Timeline]) -> io::Result<Vec<u8>> {
    let heights: Vec<usize> = pods.iter().map(|pod| HEAD + (pod.lanes.len() + 2) * LANE + GAP).collect();
    let height = LEGEND + heights.iter().sum::<usize>();
    let mut pen = Pen::sheet((WIDTH, height))?;
    let names: Vec<_> = pods.iter().map(|pod| &*pod.name).collect();
    pen.tooltip(&format!("What happens to {}", names.join(", ")))?;
    pen.rect((0, 0, WIDTH, height), "#ffffff", 0, None)?;
    pen.legend()?;
    let mut top = LEGEND;
    for (pod, height) in pods.iter().zip(heights) {
        pen.pod(pod, top)?;
        top += height;
    }
    pen.finish()
}

fn axis_of(pod: &Timeline) -> Axis {
    let layout = Layout { width: AXIS, piece: 12, mark: 0, tail: TAIL };
    pod.axis(layout)
}

impl Pen {
    fn pod(&mut self, pod: &Timeline, top: usize) -> io::Result<()> {
        let axis = axis_of(pod);
        self.line((24, top, WIDTH - 24, top), LINE, 1, "")?;
        self.text((24, top + 28), &pod.name, TITLE)?;
        self.text((24, top + 46), &shortened(&clean(&pod.source), 150), SMALL)?;
        if pod.end.is_zero() {
            self.text((LEFT, top + HEAD + 15), NOTHING, SMALL)?;
        }
        let (lanes, bottom) = (top + HEAD, top + HEAD + (pod.lanes.len() + 2) * LANE);
        self.scale(pod, &axis, lanes - 8, bottom)?;
        self.lane_name("pod", "", lanes)?;
        self.phases(pod, &axis, lanes)?;
        self.lane_name("conditions", "", lanes + LANE)?;
        self.standings(pod, &axis, lanes + LANE)?;
        for (n, lane) in pod.lanes.iter().enumerate() {
            let y = lanes + (n + 2) * LANE;
            self.lane_name(&lane.name, &lane.kind.to_string(), y)?;
            self.lane(pod, lane, &axis, y)?;
        }
        self.restarts(pod, &axis, top + 64, bottom)?;
        self.deletion(pod, &axis, top + 64, bottom)
    }

    /// The axis with its times, and a faint line below each.
    fn scale(&mut self, pod: &Timeline, axis: &Axis, y: usize, bottom: usize) -> io::Result<()> {
        let setting = Setting {
            width: |text| text.chars().count() * 7,
            // In the middle, and at the end of the axis further to the left.
            places: |column, width| [column.saturating_sub(width / 2), (column + TAIL).saturating_sub(width)],
            gap: 10,
        };
        let end = LEFT + axis.column(pod.end);
        self.line((LEFT, y, end, y), FAINT, 1, "")?;
        for Tick { column, left, text } in ticks(pod, axis, &setting) {
            let x = LEFT + column;
            self.line((x, y, x, bottom), "#eceff2", 1, "")?;
            self.line((x, y - 4, x, y), FAINT, 1, "")?;
            self.text((LEFT + left + (setting.width)(&text) / 2, y - 8), &text, CENTERED)?;
        }
        Ok(())
    }

    fn phases(&mut self, pod: &Timeline, axis: &Axis, y: usize) -> io::Result<()> {
        let ends = pod.phases.iter().skip(1).map(|(at, _)| *at).chain([pod.end]);
        for ((from, phase), to) in pod.phases.iter().zip(ends) {
            let (fill, ink) = match phase {
                PodPhase::Succeeded => ("#dff3e7", "#14603b"),
                PodPhase::Failed => ("#f9dfdc", "#8c1d18"),
                PodPhase::Running => ("#e3ecf8", "#21466f"),
                _ => ("#eef0f3", "#4a545f"),
            };
            let area = area(axis, *from, to, y);
            self.rect(
                area,
                fill,
                3,
                Some(&format!("{phase} from {} to {}", pod.clock(*from), pod.clock(to))),
            )?;
            self.label(beside(area, pod, axis), &phase.to_string(), ink)?;
        }
        Ok(())
    }

    fn standings(&mut self, pod: &Timeline, axis: &Axis, y: usize) -> io::Result<()> {
        let ends = pod.standings.iter().skip(1).map(|(at, _)| *at).chain([pod.end]);
        for ((from, standing), to) in pod.standings.iter().zip(ends) {
            if *standing == Standing::Nothing {
                continue;
            }
            let (area, look) = (area(axis, *from, to, y), standing.look());
            let tooltip = format!("{} from {} to {}", look.label, pod.clock(*from), pod.clock(to));
            self.rect((area.0, y + 4, area.2, BAR - 8), look.fill, 3, Some(&tooltip))?;
            let word = match standing {
                Standing::Ready => "Ready",
                Standing::Initialized => "Initialized",
                Standing::Restarting => "AllContainersRestarting",
                Standing::Nothing | Standing::Network => "",
            };
            self.label(beside(area, pod, axis), word, INK)?;
        }
        Ok(())
    }

    /// A letter in a small box above the bar.
    fn mark(&mut self, mark: Mark, (x, y): (usize, usize), tooltip: &str) -> io::Result<()> {
        let look = mark.look();
        self.open("g", &[])?;
        self.tooltip(tooltip)?;
        self.rect((x.saturating_sub(6), y, 12, 12), look.fill, 3, None)?;
        let style = Type { size: 9, fill: "#ffffff", weight: "700", ..CENTERED };
        self.text((x, y + 9), &look.glyph.to_string(), style)?;
        self.close("g")
    }

    fn restarts(&mut self, pod: &Timeline, axis: &Axis, top: usize, bottom: usize) -> io::Result<()> {
        for at in &pod.restarts {
            let x = LEFT + axis.column(*at);
            self.line((x, top + 20, x, bottom), RESTART.fill, 2, "2 3")?;
            let style = Type { fill: RESTART.fill, weight: "600", ..SMALL };
            let text = format!("agent restarted at {}", pod.clock(*at));
            if x + 6 + text.len() * 7 < WIDTH {
                self.text((x + 6, bottom + 12), &text, style)?;
            } else {
                self.text((x - 6, bottom + 12), &text, Type { anchor: "end", ..style })?;
            }
        }
        Ok(())
    }

    fn lane(&mut self, pod: &Timeline, lane: &Lane, axis: &Axis, y: usize) -> io::Result<()> {
        // On a crowded axis what falls on the same place is drawn once.
        let mut drawn = None;
        for span in lane.spans.iter().filter(|span| span.state != State::Ended) {
            let area = area(axis, span.from, span.to, y);
            if drawn.replace(area) != Some(area) {
                self.span(pod, lane, span, area)?;
            }
        }
        let mut drawn = None;
        for (at, mark) in &lane.marks {
            let column = axis.begin(*at);
            if drawn.replace((column, *mark)) != Some((column, *mark)) {
                let tooltip = format!("{}: {} at {}", lane.name, mark.look().label, pod.clock(*at));
                self.mark(*mark, (LEFT + column, y.saturating_sub(5)), &tooltip)?;
            }
        }
        let mut drawn = None;
        for exit in &lane.exits {
            let column = axis.column(exit.at);
            if drawn.replace(column) != Some(column) {
                self.exit(pod, lane, exit, (LEFT + column, y + BAR / 2))?;
            }
        }
        Ok(())
    }

    fn span(&mut self, pod: &Timeline, lane: &Lane, span: &Span, area: Area) -> io::Result<()> {
        let look = span.state.look();
        if span.state == State::Waiting {
            let y = area.1;
            return self.line((area.0, y + BAR / 2, area.0 + area.2, y + BAR / 2), look.fill, 2, "2 4");
        }
        let took = short(span.to.saturating_sub(span.from));
        let tooltip = format!(
            "{} {} from {} to {}: {took}",
            lane.name,
            look.label,
            pod.clock(span.from),
            pod.clock(span.to)
        );
        self.rect(area, look.fill, 3, Some(&tooltip))?;
        let ink = match span.state {
            State::Ready | State::Starting | State::Stopping => "#ffffff",
            _ => INK,
        };
        let word = word(span.state);
        let long = format!("{word} {took}");
        self.label(area, if fits(&long, area) { &long } else { word }, ink)
    }

    fn exit(&mut self, pod: &Timeline, lane: &Lane, exit: &Exit, (x, y): (usize, usize)) -> io::Result<()> {
        let look = exit.end.look();
        self.open("g", &[])?;
        self.tooltip(&format!("{} {} ({}) at {}", lane.name, look.label, exit.code, pod.clock(exit.at)))?;
        self.sign(exit.end, (x, y))?;
        self.close("g")?;
        let is_last = lane.spans.iter().all(|span| span.state == State::Ended || span.to <= exit.at);
        if is_last {
            let text =
                if exit.end == End::Killed { "killed".to_owned() } else { format!("exit {}", exit.code) };
            let room = WIDTH.saturating_sub(x + 12 + text.len() * 7);
            if room > 0 {
                self.text((x + 12, y + 4), &text, Type { fill: look.fill, ..SMALL })?;
            }
        }
        Ok(())
    }

    /// A round sign for the end of an instance.
    fn sign(&mut self, end: End, (x, y): (usize, usize)) -> io::Result<()> {
        let (x_text, y_text) = (x.to_string(), y.to_string());
        self.empty(
            "circle",
            &[
                ("cx", &x_text),
                ("cy", &y_text),
                ("r", "8"),
                ("fill", end.look().fill),
                ("stroke", "#ffffff"),
                ("stroke-width", "1.5"),
            ],
        )?;
        let path = match end {
            End::Well => format!("M{} {y}l3 3l5 -6", x.saturating_sub(4)),
            End::Badly => format!("M{} {}l6 6m0 -6l-6 6", x.saturating_sub(3), y.saturating_sub(3)),
            End::Killed => format!("M{x} {}v10m-3 -7h6", y.saturating_sub(5)),
        };
        let stroke = [("stroke", "#ffffff"), ("stroke-width", "2"), ("fill", "none")];
        let round = [("stroke-linecap", "round"), ("stroke-linejoin", "round")];
        self.empty("path", &[&[("d", &*path)], &stroke[..], &round[..]].concat())
    }

    fn deletion(&mut self, pod: &Timeline, axis: &Axis, top: usize, bottom: usize) -> io::Result<()> {
        let Some(deletion) = pod.deleted else { return Ok(()) };
        let x = LEFT + axis.column(deletion.at);
        self.line((x, top - 8, x, bottom), DELETION.fill, 2, "5 3")?;
        let text = format!("deleted at {}, {}s of grace", short(deletion.at), deletion.grace_seconds);
        let style = Type { fill: DELETION.fill, weight: "600", ..SMALL };
        if x + 6 + text.len() * 7 < WIDTH {
            return self.text((x + 6, top - 2), &text, style);
        }
        self.text((x - 6, top - 2), &text, Type { anchor: "end", ..style })
    }

    fn lane_name(&mut self, name: &str, kind: &str, y: usize) -> io::Result<()> {
        let kind_style = Type { anchor: "end", ..SMALL };
        self.text((24, y + 15), &shortened(name, 20), PLAIN)?;
        self.text((LEFT - 14, y + 14), kind, kind_style)
    }

    fn legend(&mut self) -> io::Result<()> {
        let (mut x, mut y) = (24, 18);
        for state in State::DRAWN {
            let look = state.look();
            let needs = 34 + look.label.len() * 13 / 2;
            if x + needs > WIDTH - 24 {
                (x, y) = (24, y + 22);
            }
            if state == State::Waiting {
                self.line((x, y + 7, x + 22, y + 7), look.fill, 2, "2 4")?;
            } else {
                self.rect((x, y, 22, 14), look.fill, 3, None)?;
            }
            self.text((x + 28, y + 11), look.label, SMALL)?;
            x += needs + 6;
        }
        (x, y) = (24, y + 22);
        for end in End::ALL {
            let look = end.look();
            self.sign(end, (x + 8, y + 7))?;
            self.text((x + 22, y + 11), look.label, SMALL)?;
            x += 34 + look.label.len() * 13 / 2;
        }
        self.line((x + 8, y - 2, x + 8, y + 16), DELETION.fill, 2, "5 3")?;
        self.text((x + 18, y + 11), DELETION.label, SMALL)?;
        x += 30 + DELETION.label.len() * 13 / 2;
        self.line((x + 8, y - 2, x + 8, y + 16), RESTART.fill, 2, "2 3")?;
        self.text((x + 18, y + 11), RESTART.label, SMALL)?;
        (x, y) = (24, y + 22);
        for mark in Mark::ALL {
            self.mark(mark, (x + 8, y + 1), mark.look().label)?;
            self.text((x + 22, y + 11), mark.look().label, SMALL)?;
            x += 40 + mark.look().label.len() * 13 / 2;
        }
        (x, y) = (24, y + 22);
        for standing in Standing::DRAWN {
            self.rect((x, y + 2, 22, 10), standing.look().fill, 3, None)?;
            self.text((x + 28, y + 11), standing.look().label, SMALL)?;
            x += 44 + standing.look().label.len() * 13 / 2;
        }
        let note = "The axis is not to scale. Times with a + count from the deletion.";
        self.text((WIDTH - 24, y + 11), note, Type { anchor: "end", ..SMALL })
    }

    /// A word in the middle of a bar, if it has room there.
    fn label(&mut self, area: Area, text: &str, fill: &'static str) -> io::Result<()> {
        if !fits(text, area) {
            return Ok(());
        }
        let middle = (area.0 + area.2 / 2, area.1 + 14);
        self.text(middle, text, Type { fill, ..CENTERED })
    }
}

fn area(axis: &Axis, from: Duration, to: Duration, y: usize) -> Area {
    let (from, to) = (axis.begin(from), axis.column(to));
    (LEFT + from, y, to.saturating_sub(from).max(1), BAR)
}

/// The longer part of an area that the deletion cuts in two.
fn beside(area: Area, pod: &Timeline, axis: &Axis) -> Area {
    let (left, top, width, height) = area;
    let cut = pod.deleted.map(|deletion| LEFT + axis.column(deletion.at));
    match cut.filter(|cut| (left..left + width).contains(cut)) {
        Some(cut) if cut - left >= width / 2 => (left, top, cut - left, height),
        Some(cut) => (cut, top, left + width - cut, height),
        None => area,
    }
}

fn fits(text: &str, area: Area) -> bool {
    !text.is_empty() && text.len() * 7 + 8 <= area.2
}
