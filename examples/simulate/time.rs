//! Times and durations in few characters.

use std::time::Duration;

/// `64ms`, `2.07s`, `60.04s`, `2m14.2s`, `1h02m`.
pub(crate) fn short(time: Duration) -> String {
    let millis = time.saturating_add(Duration::from_micros(500)).as_millis();
    match millis {
        0 if time.is_zero() => "0s".to_owned(),
        0 => "<1ms".to_owned(),
        1..1_000 => format!("{millis}ms"),
        1_000..100_000 => with_fraction((millis + 5) / 10, 100, "s"),
        100_000..3_600_000 => {
            let tenths = (millis + 50) / 100;
            match tenths % 600 {
                0 => format!("{}m", tenths / 600),
                rest => format!("{}m{}", tenths / 600, with_fraction(rest, 10, "s")),
            }
        }
        _ => format!("{}h{:02}m{:02}s", millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60),
    }
}

/// Parts of a whole as a decimal number without needless zeros.
fn with_fraction(parts: u128, of: u128, unit: &str) -> String {
    let (whole, fraction) = (parts / of, parts % of);
    let digits = if of == 100 { format!("{fraction:02}") } else { fraction.to_string() };
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { format!("{whole}{unit}") } else { format!("{whole}.{digits}{unit}") }
}

/// As [`short`], or a dash.
pub(crate) fn short_or_dash(time: Option<Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), short)
}
