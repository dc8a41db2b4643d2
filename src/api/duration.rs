//! Durations as Go writes them, and so Kubernetes.

use std::fmt;
use std::time::Duration;

/// Prints a duration as Go does: `10s`, `1m20s`, `5m0s`, `1h0m0s`, `1.5s`, `250ms`, `0s`.
///
/// ```
/// use node_lifecycle::api::GoDuration;
/// use std::time::Duration;
///
/// assert_eq!(GoDuration(Duration::from_secs(80)).to_string(), "1m20s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub Duration);

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write_decimal(f, nanos, 3, "µs"),
            1_000_000..1_000_000_000 => write_decimal(f, nanos, 6, "ms"),
            _ => {
                let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
                match minutes {
                    0 => {}
                    1..60 => write!(f, "{minutes}m")?,
                    _ => write!(f, "{}h{}m", minutes / 60, minutes % 60)?,
                }
                write_decimal(f, rest, 9, "s")
            }
        }
    }
}

/// Writes `value / 10^scale` without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, value: u128, scale: u32, unit: &str) -> fmt::Result {
    let one = 10_u128.pow(scale);
    write!(f, "{}", value / one)?;
    let (mut fraction, mut digits) = (value % one, scale as usize);
    if fraction != 0 {
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, ".{fraction:0digits$}")?;
    }
    f.write_str(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (1_000_000_001, "1.000000001s"),
            (10_000_000_000, "10s"),
            (80_000_000_000, "1m20s"),
            (300_000_000_000, "5m0s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(GoDuration(Duration::from_nanos(nanos)).to_string(), text);
        }
    }
}
