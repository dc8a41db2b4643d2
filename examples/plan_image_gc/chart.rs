//! The plan as a picture: the disk against its thresholds, and the images in their order.

use std::io;

use super::pen::{FAINT, INK, PLAIN, Pen, SMALL, Type};
use super::report::{Image, Report, Why};
use super::sheet::{BAR, GAP, HEAD, LEFT, MARGIN, NAME, RIGHT, ROOM, SHORT, TOP, USED, WORDS, scaled};
use super::text::{bytes, last_used, why_it_goes, why_it_stays};
use super::words::shortened;

/// From one bar to the next.
const DISK: usize = 40;
const IMAGE: usize = 26;
/// How many images are drawn of each list.
const IMAGES: usize = 40;

const NEXT: &str = "#d98e1f";
const STAYS: &str = "#a8b0b9";
const OTHER: &str = "#c3cad2";

pub(crate) fn draw(report: &Report) -> io::Result<Vec<u8>> {
    let lists = [&report.goes, &report.next, &report.stays];
    let rows: usize = lists.iter().map(|list| list.len().min(IMAGES)).sum();
    let disk = if report.disk.used_percent.is_some() { HEAD + DISK + GAP } else { 0 };
    let images = TOP + disk;
    let height = images + HEAD + rows * IMAGE + GAP;

    let mut pen = Pen::page(height, &report.node, report.at.truncated_to_seconds(), &verdict(report))?;
    pen.disk(report, TOP)?;
    pen.images(report, images)?;
    pen.finish()
}

/// What comes of it, in a sentence.
fn verdict(report: &Report) -> String {
    let decides = report.decides.name();
    match report.goes.len() {
        0 => format!("As {decides} decides, no image goes."),
        1 => format!("As {decides} decides, 1 image goes, and {} are freed.", bytes(report.freed_bytes)),
        goes => {
            format!("As {decides} decides, {goes} images go, and {} are freed.", bytes(report.freed_bytes))
        }
    }
}

impl Pen {
    /// What is used of the disk, what of that goes, and a line for each threshold.
    fn disk(&mut self, report: &Report, top: usize) -> io::Result<()> {
        let (Some(disk), Some(percent)) = (report.disk.size, report.disk.used_percent) else { return Ok(()) };
        let legend = [(OTHER, "used by others"), (USED, "images"), (SHORT, "goes")];
        self.head(top, "The disk of images, with a line for each threshold", &legend)?;
        let y = top + HEAD;
        let capacity = i128::from(disk.capacity_bytes);
        let used = capacity - i128::from(disk.available_bytes.min(disk.capacity_bytes));
        let images = i128::from(report.disk.image_bytes.unwrap_or_default()).min(used);
        let goes = i128::from(report.freed_bytes).min(used);
        // What goes is the end of what images take, and images are the end of what is used.
        let parts = [
            (0, used - images.max(goes), OTHER, "used by others"),
            (used - images.max(goes), used - goes, USED, "images"),
            (used - goes, used, SHORT, "goes"),
        ];
        self.text((MARGIN, y + 15), "imagefs", PLAIN)?;
        self.rect((LEFT, y, BAR, 20), ROOM, 3, None)?;
        for (from, to, fill, what) in parts {
            let (from, to, amount) = (scaled(from, capacity), scaled(to, capacity), to - from);
            let amount = bytes(u64::try_from(amount).unwrap_or_default());
            self.rect((LEFT + from, y, to - from, 20), fill, 3, Some(&format!("{what}: {amount}")))?;
        }
        let policy = &report.policy;
        let thresholds = [(policy.high_threshold_percent, ""), (policy.low_threshold_percent, "4 2")];
        for (threshold, dashes) in thresholds.into_iter().filter(|_| report.demand.is_none()) {
            let x = LEFT + scaled(threshold.into(), 100);
            self.line((x, y - 4, x, y + 24), INK, 2, dashes)?;
        }
        let left = format!(
            "{percent}% full: {} of {} left",
            bytes(disk.available_bytes),
            bytes(disk.capacity_bytes)
        );
        self.text((RIGHT, y + 8), &shortened(&left, WORDS), SMALL)?;
        let then = report.disk.used_percent_afterwards.unwrap_or(percent);
        let then = format!(
            "{then}% full afterwards; high {}%, low {}%",
            policy.high_threshold_percent, policy.low_threshold_percent
        );
        self.text((RIGHT, y + 22), &shortened(&then, WORDS), SMALL)?;
        Ok(())
    }

    fn images(&mut self, report: &Report, top: usize) -> io::Result<()> {
        let legend = [(SHORT, "goes"), (NEXT, "would go next"), (STAYS, "stays")];
        self.head(top, "Images by their sizes, in the order in which they go", &legend)?;
        let lists = [(&report.goes, SHORT), (&report.next, NEXT), (&report.stays, STAYS)];
        let drawn = lists
            .into_iter()
            .flat_map(|(list, fill)| list.iter().take(IMAGES).map(move |image| (image, fill)));
        let drawn: Vec<_> = drawn.collect();
        let most = drawn.iter().map(|(image, _)| image.size_bytes).max().unwrap_or_default();
        let bottom = top + HEAD + drawn.len() * IMAGE;
        self.quarters((top, bottom), most.into(), |amount| bytes(u64::try_from(amount).unwrap_or_default()))?;
        let mut turn = 0;
        for (n, (image, fill)) in drawn.iter().enumerate() {
            let can_go = image.frees_bytes.is_some();
            turn += usize::from(can_go);
            let number = if can_go { format!("{turn}.") } else { "–".to_owned() };
            self.image(report, image, (&number, fill), (most, top + HEAD + n * IMAGE))?;
        }
        let total = report.goes.len() + report.next.len() + report.stays.len();
        match total.saturating_sub(drawn.len()) {
            0 => Ok(()),
            more => self.text((MARGIN, bottom + 16), &format!("and {more} more"), SMALL),
        }
    }

    /// A bar as long as an image is large.
    fn image(
        &mut self,
        report: &Report,
        image: &Image,
        (number, fill): (&str, &str),
        (most, y): (u64, usize),
    ) -> io::Result<()> {
        let words = match image.why {
            Why::Goes { .. } => why_it_goes(report, image),
            Why::Enough => last_used(report, image),
            _ => why_it_stays(report, image),
        };
        let words = format!("{}, {words}", bytes(image.size_bytes));
        let goes = matches!(image.why, Why::Goes { .. });
        let ink = if image.frees_bytes.is_some() { PLAIN.fill } else { FAINT };
        let style = Type { fill: ink, weight: if goes { "600" } else { "400" }, ..PLAIN };
        self.text((MARGIN + 18, y + 14), number, Type { anchor: "end", ..style })?;
        self.text((MARGIN + 26, y + 14), &short_name(&image.name), Type { size: 12, ..style })?;
        let length = scaled(image.size_bytes.into(), most.into());
        self.rect((LEFT, y + 3, length, 14), fill, 0, Some(&format!("{}: {words}", image.name)))?;
        self.text((RIGHT, y + 14), &shortened(&words, WORDS), Type { fill: ink, ..SMALL })
    }
}

/// A name without its registry where that is too long: what tells images apart is at its end.
fn short_name(name: &str) -> String {
    const FITS: usize = NAME - 6;
    match name.split_once('/') {
        Some((_, path)) if name.chars().count() > FITS => shortened(&format!("…/{path}"), FITS),
        _ => shortened(name, FITS),
    }
}
