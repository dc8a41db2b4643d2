//! Laws of `Quantity`, held against a plain and slow big-integer reading of the grammar.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use node_lifecycle::api::{Format, Quantity};
use num_bigint::BigInt;
use proptest::prelude::*;

/// The amount of a valid text with at least one digit, in nano units: rounded away from zero, binary ones
/// capped.
fn nanos(text: &str) -> BigInt {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut numerator: BigInt = format!("0{integer}{fraction}").parse().unwrap();
    let mut power = 9 - i32::try_from(fraction.len()).unwrap();
    let binary = suffix.ends_with('i');
    match suffix {
        "" => {}
        "E" => power += 18,
        _ if binary => {
            let place = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|s| *s == suffix).unwrap();
            numerator <<= 10 * (place + 1);
        }
        _ if suffix.starts_with(['e', 'E']) => power += suffix[1..].parse::<i32>().unwrap(),
        _ => {
            let place =
                ["n", "u", "m", "", "k", "M", "G", "T", "P"].iter().position(|s| *s == suffix).unwrap();
            power += 3 * i32::try_from(place).unwrap() - 9;
        }
    }
    let scale = BigInt::from(10).pow(power.unsigned_abs());
    let mut magnitude = if power >= 0 { numerator * scale } else { (numerator + &scale - 1) / scale };
    if binary {
        magnitude = magnitude.min(BigInt::from(i64::MAX) * 1_000_000_000);
    }
    if negative { -magnitude } else { magnitude }
}

fn suffix() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["", "n", "u", "m", "k", "M", "G", "T", "P", "E"]).prop_map(String::from),
        prop::sample::select(vec!["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]).prop_map(String::from),
        (prop::bool::ANY, -40..40_i32).prop_map(|(upper, e)| format!("{}{e}", if upper { 'E' } else { 'e' })),
        (0..60_u32).prop_map(|e| format!("e+{e}")),
    ]
}

/// A text of the grammar; short, long and borderline numbers alike.
fn valid() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        "[0-9]{1,5}(\\.[0-9]{0,4})?",
        "0{0,3}[0-9]{1,20}0{0,9}",
        "[0-9]{0,21}\\.[0-9]{1,30}",
        "[0-9]{1,40}\\.?",
        Just("9223372036854775807".to_owned()),
        Just("9223372036854775808".to_owned()),
        Just("9223372036854775807.999999999".to_owned()),
    ];
    ("[+-]?", number, suffix()).prop_map(|(sign, number, suffix)| format!("{sign}{number}{suffix}"))
}

/// A canonical text with its format, made from its parts.
fn canonical() -> impl Strategy<Value = (String, Format)> {
    let number = prop_oneof![1..100_000_u64, any::<u64>()].prop_filter("no zero", |n| *n > 0);
    let whole = number.clone().prop_filter("a multiple of 1000", |n| n % 1000 != 0);
    let decimal = (whole.clone(), prop::sample::select(vec!["n", "u", "m", "", "k", "M", "G", "T", "P"]))
        .prop_map(|(number, suffix)| (format!("{number}{suffix}"), Format::DecimalSi));
    let exa = (number.clone(), 0..30_usize)
        .prop_map(|(number, zeros)| (format!("{number}{}E", "0".repeat(zeros)), Format::DecimalSi));
    let exponent = (whole, (-3..320_i32).prop_filter("none", |e| *e != 0))
        .prop_map(|(number, groups)| (format!("{number}e{}", 3 * groups), Format::DecimalExponent));
    let binary = (number, 1..=6_u32).prop_map(|(number, place)| {
        let number = (number >> (10 * place + 1)).max(1);
        let number = if number % 1024 == 0 { number + 1 } else { number };
        let suffix = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][place as usize - 1];
        (format!("{number}{suffix}"), Format::BinarySi)
    });
    (prop::bool::ANY, prop_oneof![decimal, exa, exponent, binary])
        .prop_map(|(negative, (text, format))| (if negative { format!("-{text}") } else { text }, format))
}

/// Pieces of the grammar in any order, and some that only look like it.
fn near_miss() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "+",
            "-",
            ".",
            "e",
            "E",
            "i",
            "Ki",
            "Pi",
            "Ei",
            "m",
            "n",
            "u",
            "µ",
            "k",
            "K",
            "0",
            "000",
            "1",
            "9e",
            "e999999999",
            "E-999999999",
            "e9223372036854775807",
            "e9223372036854775808",
            "e-9223372036854775808",
            " ",
            "\n",
            "１",
            "_",
            ",",
        ])
        .prop_map(String::from),
        "[0-9]{1,30}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn hash(quantity: &Quantity) -> u64 {
    let mut hasher = DefaultHasher::new();
    quantity.hash(&mut hasher);
    hasher.finish()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_text_reads_and_prints_as_itself((text, format) in canonical()) {
        let quantity = quantity(&text);
        prop_assert_eq!(quantity.to_string(), text.as_str());
        prop_assert_eq!(quantity.format(), format);
        prop_assert_eq!(serde_json::to_value(&quantity).unwrap(), text);
    }

    #[test]
    fn printing_keeps_the_amount(text in valid()) {
        let read = quantity(&text);
        let printed = read.to_string();
        prop_assert_eq!(nanos(&printed), nanos(&text));
        prop_assert_eq!(&quantity(&printed), &read);
        prop_assert_eq!(hash(&quantity(&printed)), hash(&read));
        for format in [Format::DecimalSi, Format::BinarySi, Format::DecimalExponent] {
            prop_assert_eq!(&quantity(&read.clone().with_format(format).to_string()), &read);
        }
    }

    #[test]
    fn order_is_that_of_exact_numbers(a in valid(), b in valid()) {
        prop_assert_eq!(quantity(&a).cmp(&quantity(&b)), nanos(&a).cmp(&nanos(&b)));
        prop_assert_eq!(quantity(&a) == quantity(&b), nanos(&a) == nanos(&b));
    }

    #[test]
    fn sums_and_differences_are_exact(a in valid(), b in valid()) {
        let (x, y) = (quantity(&a), quantity(&b));
        let sum = &x + &y;
        prop_assert_eq!(nanos(&sum.to_string()), nanos(&a) + nanos(&b));
        prop_assert_eq!(&sum, &(&y + &x));
        prop_assert_eq!(x.checked_add(&y), Some(sum.clone()));
        let difference = &x - &y;
        prop_assert_eq!(nanos(&difference.to_string()), nanos(&a) - nanos(&b));
        prop_assert_eq!(&difference, &-(&y - &x));
        prop_assert_eq!(&(&difference + &y), &x);
        let format = if x.is_zero() { y.format() } else { x.format() };
        prop_assert_eq!(sum.format(), format);
        prop_assert_eq!(difference.format(), format);
    }

    #[test]
    fn integers_are_rounded_away_from_zero_or_refused(text in valid()) {
        let read = quantity(&text);
        let exact = nanos(&text);
        for (unit, actual, saturating) in [
            (1_000_000_000_u32, read.value().ok(), read.value_saturating()),
            (1_000_000, read.milli_value().ok(), read.milli_value_saturating()),
        ] {
            let up = BigInt::from(unit - 1);
            let rounded = if exact < BigInt::ZERO { (&exact - up) / unit } else { (&exact + up) / unit };
            prop_assert_eq!(actual, i64::try_from(&rounded).ok());
            prop_assert_eq!(BigInt::from(saturating), rounded.clamp(i64::MIN.into(), i64::MAX.into()));
        }
        let bytes = (&exact + 999_999_999_u32).max(BigInt::ZERO) / 1_000_000_000_u32;
        prop_assert_eq!(BigInt::from(read.bytes_saturating()), bytes.min(u64::MAX.into()));
        prop_assert_eq!(read.signum(), exact.cmp(&BigInt::ZERO) as i32);
    }

    #[test]
    fn sums_stop_at_the_limit(negative in prop::bool::ANY, text in valid()) {
        let limit = quantity(if negative { "-1e1000" } else { "1e1000" });
        let other = quantity(&text);
        for sum in [&limit + &other, &other + &limit, &limit - &other, &other - &limit] {
            let printed = sum.to_string();
            prop_assert_eq!(quantity(&printed), sum);
        }
        let further = if (other.signum() < 0) == negative { &limit + &other } else { &limit - &other };
        prop_assert_eq!(further, limit);
    }

    #[test]
    fn what_the_kubelet_prints_is_the_same_amount_below_1000_exa(text in valid()) {
        let read = quantity(&text);
        let kubelet = Quantity::kubelet_text(&text).unwrap();
        if read.clone().with_format(Format::DecimalSi) < quantity("1000E") && read > quantity("-1000E") {
            prop_assert_eq!(quantity(&kubelet), read);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), near_miss()]) {
        match Quantity::parse(&text) {
            Ok(read) => {
                prop_assert_eq!(quantity(&read.to_string()), read);
                prop_assert!(Quantity::kubelet_text(&text).is_ok());
            }
            Err(error) => {
                prop_assert!(error.to_string().len() < 2000);
                prop_assert!(Quantity::kubelet_text(&text).is_err());
            }
        }
        let _ = serde_json::from_str::<Quantity>(&text);
    }
}
