//! A page with bars: what is on top of it, its sections and their scales.

use std::io;

use node_lifecycle::machine::Timestamp;

use super::pen::{CENTERED, LINE, PLAIN, Pen, SMALL, TITLE, Type};
use super::words::shortened;

pub(crate) const WIDTH: usize = 1200;
pub(crate) const MARGIN: usize = 24;
/// Where bars begin, and how long they can be.
pub(crate) const LEFT: usize = 316;
pub(crate) const BAR: usize = 490;
/// Where the words beside them begin.
pub(crate) const RIGHT: usize = LEFT + BAR + 16;
/// From a section's top to its first bar, and from its last one to the next section.
pub(crate) const HEAD: usize = 64;
pub(crate) const GAP: usize = 30;
pub(crate) const TOP: usize = 74;
/// How many characters fit in a name, and beside a bar.
pub(crate) const NAME: usize = 36;
pub(crate) const WORDS: usize = 56;

pub(crate) const ROOM: &str = "#eceff2";
pub(crate) const USED: &str = "#6f9bd1";
pub(crate) const SHORT: &str = "#d1453b";

impl Pen {
    /// A white page of this height, with what is shown and what comes of it.
    pub(crate) fn page(height: usize, node: &str, at: Timestamp, verdict: &str) -> io::Result<Self> {
        let mut pen = Self::sheet((WIDTH, height))?;
        pen.tooltip(&format!("{node}: {verdict}"))?;
        pen.rect((0, 0, WIDTH, height), "#ffffff", 0, None)?;
        pen.text((MARGIN, 34), &format!("{node} at {at}"), TITLE)?;
        pen.text((MARGIN, 56), &shortened(verdict, 160), PLAIN)?;
        Ok(pen)
    }

    /// The scale of a section's bars, from its top to its bottom, up to `most`.
    pub(crate) fn quarters(
        &mut self,
        (top, bottom): (usize, usize),
        most: i128,
        label: impl Fn(i128) -> String,
    ) -> io::Result<()> {
        for quarter in 0..=4 {
            let x = LEFT + BAR * quarter / 4;
            let at = most * i128::try_from(quarter).unwrap_or_default() / 4;
            self.line((x, top + HEAD - 6, x, bottom), LINE, 1, "")?;
            self.text((x, top + HEAD - 10), &label(at), CENTERED)?;
        }
        Ok(())
    }

    /// A section's title, and what its colours mean.
    pub(crate) fn head(&mut self, top: usize, title: &str, legend: &[(&str, &str)]) -> io::Result<()> {
        self.line((MARGIN, top, WIDTH - MARGIN, top), LINE, 1, "")?;
        self.text((MARGIN, top + 24), title, Type { size: 14, ..TITLE })?;
        let mut x = WIDTH - MARGIN;
        for (fill, label) in legend.iter().rev() {
            x -= label.len() * 6 + 38;
            self.rect((x, top + 13, 16, 12), fill, 3, None)?;
            self.text((x + 22, top + 23), label, SMALL)?;
        }
        Ok(())
    }
}

/// As much of a bar as an amount is of another one.
pub(crate) fn scaled(amount: i128, of: i128) -> usize {
    let pixels = amount.saturating_mul(BAR as i128).checked_div(of).unwrap_or_default();
    usize::try_from(pixels.clamp(0, BAR as i128)).unwrap_or_default()
}
