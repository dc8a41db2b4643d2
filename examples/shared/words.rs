//! Words that fit, and do no harm.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// As much of a text as fits.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |character: &char| {
        let needs = character.width().unwrap_or_default();
        left.checked_sub(needs).map(|rest| left = rest).is_some()
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

/// Without what a terminal would take for a command.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
