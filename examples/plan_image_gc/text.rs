//! The plan in a terminal.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use node_lifecycle::eviction::{Amount, Resource};
use node_lifecycle::image::{ImageFilesystem, ImageGcReason};

use super::differ::MARK;
use super::report::{Demand, Image, Report, Why};
use super::shell::colored;
use super::usage::How;
use super::words::{clean, shortened};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const NOTE: Style = colored(AnsiColor::Cyan);
const GOES: Style = colored(AnsiColor::Red);
/// How many images of a list are shown, unless all are.
const SHOWN: usize = 4;
/// How wide a name is at the most.
const NAME: usize = 50;

pub(crate) fn draw(report: &Report, all: bool) -> String {
    let mut text = format!(
        "{BOLD}{} with {}, as {} decides{BOLD:#}\n{DIM}{}{DIM:#}\n",
        clean(&report.node),
        counted(report.goes.len() + report.next.len() + report.stays.len(), "image"),
        report.decides.name(),
        clean(&report.files.join(", "))
    );
    for note in &report.notes {
        text.push_str(&format!("{NOTE}note:{NOTE:#} {}\n", clean(note)));
    }
    text.push_str(&format!("\n{}: {}\n", report.at.truncated_to_seconds(), disk(report)));
    text.push_str(&format!("{}\n\n", asked(report)));

    let width = columns(report, all);
    match report.goes.as_slice() {
        [] => text.push_str("Nothing goes.\n"),
        goes => {
            let title =
                format!("{} {}, in this order:", counted(goes.len(), "image"), verb(goes.len(), "go"));
            text.push_str(&format!("{BOLD}{title}{BOLD:#}\n"));
            list(&mut text, goes, (0, all, GOES), width, |image| why_it_goes(report, image));
            text.push_str(&format!("That frees {}{}.\n", bytes(report.freed_bytes), afterwards(report)));
        }
    }
    for error in &report.errors {
        text.push_str(&format!("{MARK}{}{MARK:#}\n", clean(error)));
    }
    if !report.next.is_empty() {
        let title =
            if report.goes.is_empty() { "If something had to go, it would be" } else { "Next would be" };
        text.push_str(&format!("\n{BOLD}{title}, in this order:{BOLD:#}\n"));
        list(&mut text, &report.next, (report.goes.len(), all, Style::new()), width, |image| {
            let freed = image.freed_bytes.unwrap_or_default();
            format!("{}, then {} are freed", last_used(report, image), bytes(freed))
        });
    }
    if !report.stays.is_empty() {
        text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", staying(report)));
        // What stays for another reason than its use is said in any case.
        let (used, others): (Vec<_>, Vec<_>) = report.stays.iter().partition(|image| image.why == Why::InUse);
        let shown = if all { used.len() } else { SHOWN.min(used.len()) };
        for image in others.into_iter().chain(used.iter().take(shown).copied()) {
            row(&mut text, image, ("-", Style::new()), width, &why_it_stays(report, image));
        }
        match used.len() - shown {
            0 => {}
            more => text.push_str(&format!("  and {more} more in use (--all)\n")),
        }
    }
    if !report.differences.is_empty() {
        text.push('\n');
    }
    for difference in &report.differences {
        text.push_str(&difference.line(report.decides.other(), clean));
    }
    text
}

/// How full the disk is.
fn disk(report: &Report) -> String {
    let images = report.disk.image_bytes.map(|used| format!("images take {}", bytes(used)));
    match (report.disk.size, report.disk.used_percent) {
        (Some(disk), Some(percent)) => {
            let left = format!("{} of {} left", bytes(disk.available_bytes), bytes(disk.capacity_bytes));
            let images = images.map(|images| format!(", and {images}")).unwrap_or_default();
            format!("the disk of images is {percent}% full, with {left}{images}.")
        }
        (Some(_), None) => "the disk of images is said to hold nothing at all.".to_owned(),
        (None, _) => {
            format!("{}.", images.unwrap_or_else(|| "nothing is known of the disk of images".to_owned()))
        }
    }
}

/// What is to be done about it.
pub(crate) fn asked(report: &Report) -> String {
    match report.demand {
        Some(Demand::All) => return "All images that nobody uses are to go.".to_owned(),
        Some(Demand::Bytes(wanted)) => return format!("{} are to be freed.", bytes(wanted)),
        None => {}
    }
    let (high, low) = (report.policy.high_threshold_percent, report.policy.low_threshold_percent);
    let until = if high == low {
        format!("Images go until it is {low}% full")
    } else {
        format!("From {high}% on images go until it is {low}% full")
    };
    let missing =
        report.disk.size.filter(|_| report.disk.used_percent >= Some(high)).map(|disk| missing(disk, low));
    let missing = match missing {
        Some(0) => ", which it is".to_owned(),
        Some(missing) => format!(", which takes {}", bytes(missing)),
        None => String::new(),
    };
    let ages = match report.policy.maximum_age {
        Duration::ZERO => String::new(),
        maximum => format!("; any goes that nobody has used for more than {}", age(maximum)),
    };
    format!("{until}{missing}{ages}.")
}

/// What is missing to the low threshold, in bytes.
fn missing(disk: ImageFilesystem, low: i32) -> u64 {
    let wanted =
        u128::from(disk.capacity_bytes) * u128::from(100_u32.saturating_sub(low.unsigned_abs())) / 100;
    u64::try_from(wanted.saturating_sub(disk.available_bytes.into())).unwrap_or(u64::MAX)
}

fn afterwards(report: &Report) -> String {
    match report.disk.used_percent_afterwards {
        Some(percent) => format!(", and the disk is {percent}% full then"),
        None => String::new(),
    }
}

fn staying(report: &Report) -> String {
    let sizes = report.stays.iter().fold(0_u64, |sum, image| sum.saturating_add(image.size_bytes));
    let count = report.stays.len();
    format!("{} of {} {}:", counted(count, "image"), bytes(sizes), verb(count, "stay"))
}

/// How wide a name and a size are.
fn columns(report: &Report, all: bool) -> (usize, usize) {
    let most = |list: &[Image], shown: usize| {
        let sizes = list.iter().take(if all { list.len() } else { shown });
        let widths = sizes.map(|image| (image.name.chars().count().min(NAME), bytes(image.size_bytes).len()));
        widths.fold((0, 0), |most, width| (most.0.max(width.0), most.1.max(width.1)))
    };
    let lists = [most(&report.goes, usize::MAX), most(&report.next, SHOWN), most(&report.stays, usize::MAX)];
    lists.into_iter().fold((0, 0), |most, width| (most.0.max(width.0), most.1.max(width.1)))
}

fn list(
    text: &mut String,
    images: &[Image],
    (before, all, style): (usize, bool, Style),
    width: (usize, usize),
    why: impl Fn(&Image) -> String,
) {
    // All that goes is shown up to a screen.
    let shown = if all { images.len() } else { if style == GOES { SHOWN * 5 } else { SHOWN } };
    for (n, image) in images.iter().enumerate().take(shown) {
        row(text, image, (&format!("{}.", before + n + 1), style), width, &why(image));
    }
    match images.len().saturating_sub(shown) {
        0 => {}
        more => text.push_str(&format!("  and {more} more (--all)\n")),
    }
}

fn row(
    text: &mut String,
    image: &Image,
    (number, style): (&str, Style),
    (name, size): (usize, usize),
    why: &str,
) {
    let shown = shortened(&clean(&image.name), NAME);
    let bytes = bytes(image.size_bytes);
    // Writing to a string does not fail.
    let _ = writeln!(text, "  {number:>3} {style}{shown:name$}{style:#}  {bytes:>size$}  {}", clean(why));
}

pub(crate) fn why_it_goes(report: &Report, image: &Image) -> String {
    let used = last_used(report, image);
    let why = match image.why {
        Why::Goes { reason: ImageGcReason::MaximumAge { unused_for: None, .. } } => {
            format!("too old: {used}, which counts as for ever")
        }
        Why::Goes { reason: ImageGcReason::MaximumAge { unused_for: Some(unused_for), .. } } => {
            match image.last_used {
                Some(_) => format!("too old: {used}"),
                None => format!("too old: {used}, there for {}", age(unused_for)),
            }
        }
        Why::Goes { reason: ImageGcReason::DiskSpace { missing_bytes, .. } } => {
            format!("{used}; {} short", bytes(missing_bytes))
        }
        _ => used,
    };
    match image.frees_bytes {
        Some(0) if image.size_bytes > 0 => format!("{why}; frees nothing, as it stays for another handler"),
        _ => why,
    }
}

pub(crate) fn why_it_stays(report: &Report, image: &Image) -> String {
    match image.why {
        Why::Pinned => "pinned by the runtime".to_owned(),
        Why::TooYoung { age: young } => {
            let minimum = age(report.policy.minimum_age);
            format!("first seen {} ago, and the minimum age is {minimum}", age(young))
        }
        Why::JustUsed => "was used just now".to_owned(),
        Why::Awaited => format!("{} for it", users(image, "wait", &[How::Waits])),
        Why::InUse | Why::Goes { .. } | Why::Enough => in_use(image),
    }
}

/// Who uses it: what runs, or else what has ended.
fn in_use(image: &Image) -> String {
    let has = |how| image.users.iter().any(|user| user.how == how);
    if has(How::Runs) {
        format!("used by {}", pods(image, &[How::Runs]))
    } else if has(How::Mounts) {
        format!("mounted by {}", pods(image, &[How::Mounts]))
    } else {
        format!("used by a container of {} that has ended and is still there", pods(image, &[How::Ended]))
    }
}

fn users(image: &Image, does: &str, how: &[How]) -> String {
    let count = image.users.iter().filter(|user| how.contains(&user.how)).count();
    format!("{} {}", pods(image, how), verb(count, does))
}

/// The pods, the first two by name.
fn pods(image: &Image, how: &[How]) -> String {
    let pods: BTreeSet<_> =
        image.users.iter().filter(|user| how.contains(&user.how)).map(|user| &*user.pod).collect();
    let mut named: Vec<_> = pods.iter().take(2).map(ToString::to_string).collect();
    match pods.len().saturating_sub(named.len()) {
        0 => {}
        more => named.push(format!("{more} more")),
    }
    match named.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => "nobody".to_owned(),
    }
}

/// `unused for 16d3h`, `never used`.
pub(crate) fn last_used(report: &Report, image: &Image) -> String {
    match image.last_used {
        Some(last) => format!("unused for {}", age(report.at.since(last))),
        None => "never used".to_owned(),
    }
}

/// `16d3h`, `5h12m`, `2m`, `50s`.
pub(crate) fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    let units =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let two = units.iter().skip(first).take(2).enumerate();
    two.filter(|(n, (count, _))| *n == 0 || *count > 0)
        .map(|(_, (count, unit))| format!("{count}{unit}"))
        .collect()
}

/// `1.5Gi`.
pub(crate) fn bytes(bytes: u64) -> String {
    Amount::of_units(Resource::Memory, bytes).to_string()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn verb(count: usize, verb: &str) -> String {
    match (count, verb) {
        (1, "go") => "goes".to_owned(),
        (1, verb) => format!("{verb}s"),
        (_, verb) => verb.to_owned(),
    }
}
