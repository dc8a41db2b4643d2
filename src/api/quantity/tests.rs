use super::{Format, ParseQuantityError, Quantity};

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

#[test]
fn canonical_text_has_no_fraction_and_the_largest_suffix() {
    for (input, canonical) in [
        ("0", "0"),
        ("-0.0Gi", "0"),
        ("1.5", "1500m"),
        ("1000000", "1M"),
        ("-0005.50", "-5500m"),
        ("1.5Gi", "1536Mi"),
        ("1000Ki", "1000Ki"),
        ("1Ki", "1Ki"),
        ("0.5Ki", "512"),
        (".001Ki", "1024m"),
        ("1023.999Mi", "1073740775424m"),
        ("12E6", "12e6"),
        ("1e100", "10e99"),
        ("100e-1", "10"),
        ("123456789.123456789", "123456789123456789n"),
        ("-1.000001k", "-1000001m"),
        ("92233720368547758079n", "92233720368547758079n"),
    ] {
        assert_eq!(quantity(input).to_string(), canonical, "{input}");
        assert_eq!(quantity(input).to_kubelet_string(), canonical, "{input}");
    }
}

#[test]
fn what_is_finer_than_nano_is_rounded_away_from_zero() {
    for (input, canonical) in [
        ("0.1n", "1n"),
        ("-0.1n", "-1n"),
        ("1.0000000001", "1000000001n"),
        ("1e-999999999", "1e-9"),
        ("0.5e-9223372036854775808", "1e-9"),
        ("-12.26e-9", "-13e-9"),
        ("0.9999999999Ki", "1023999999898n"),
        (
            "99999999999999999999999999999999999999.0000000001",
            "99999999999999999999999999999999999999000000001n",
        ),
    ] {
        assert_eq!(quantity(input).to_string(), canonical, "{input}");
        assert_eq!(Quantity::kubelet_text(input).unwrap(), canonical, "{input}");
    }
}

#[test]
fn the_kubelet_repeats_short_numbers_as_they_were_typed() {
    for input in ["+0014M", "1.E", "-098.311e18", "5E3", "329.Gi", "1.234567", "123456789012345678"] {
        assert_eq!(Quantity::kubelet_text(input).unwrap(), input);
    }
    for (input, text) in [
        ("0.5", "500m"),
        ("5000", "5k"),
        ("5E+2", "500"),
        ("8Ki", "8Ki"),
        ("08Ki", "8Ki"),
        ("1.0Ki", "1Ki"),
        ("01Pi", "1Pi"),
        ("+1234567890123456789", "1234567890123456789"),
        ("2000E", "2"),
    ] {
        assert_eq!(Quantity::kubelet_text(input).unwrap(), text, "{input}");
    }
}

#[test]
fn a_binary_fraction_is_exact_however_long() {
    // 2^-60 Ei is one byte; a little more is one nano unit more.
    let exact = format!("{}Ei", "0.000000000000000000867361737988403547205962240695953369140625");
    assert_eq!(quantity(&exact).to_string(), "1");
    let more = format!("{}1Ei", exact.trim_end_matches("Ei"));
    assert_eq!(quantity(&more).to_string(), "1000000001n");
    let barely = format!("{}{}1Ei", exact.trim_end_matches("Ei"), "0".repeat(500));
    assert_eq!(quantity(&barely).to_string(), "1000000001n");
}

#[test]
fn binary_amounts_are_capped_when_read() {
    for input in ["8Ei", "16Ei", "9223372036854775808Ki", "7.99999999999999999999Ei", &"9".repeat(5000)] {
        let input = if input.ends_with('i') { input.to_owned() } else { format!("{input}Ki") };
        assert_eq!(quantity(&input), Quantity::from_units(i64::MAX), "{input}");
        assert_eq!(quantity(&format!("-{input}")), Quantity::from_units(-i64::MAX), "{input}");
    }
    assert_eq!(quantity("7Ei").value(), Ok(7 << 60));
}

#[test]
fn the_suffix_decides_the_format_but_a_binary_fraction_below_one_is_decimal() {
    for (input, format) in [
        ("1", Format::DecimalSi),
        ("1E", Format::DecimalSi),
        ("1E1", Format::DecimalExponent),
        ("0Ki", Format::BinarySi),
        ("1Ki", Format::BinarySi),
        (".0001Ki", Format::DecimalSi),
        ("-.0001Ki", Format::DecimalSi),
    ] {
        assert_eq!(quantity(input).format(), format, "{input}");
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let error = |text: &str| Quantity::parse(text).unwrap_err();
    assert_eq!(error(""), ParseQuantityError::Empty);
    assert!(matches!(error("1Mi1"), ParseQuantityError::Suffix { .. }));
    assert!(matches!(error("1 "), ParseQuantityError::Form { at: 1, found: ' ', .. }));
    assert!(matches!(error("1MiB"), ParseQuantityError::Form { at: 3, found: 'B', .. }));
    assert!(matches!(error("１"), ParseQuantityError::Form { at: 0, found: '１', .. }));
    assert!(matches!(error("237.7620µ"), ParseQuantityError::Form { at: 8, found: 'µ', .. }));
    assert!(matches!(error("1K"), ParseQuantityError::Suffix { meant: Some("k"), .. }));
    assert!(matches!(error("1e"), ParseQuantityError::Suffix { meant: None, .. }));
    assert!(matches!(error("1e+"), ParseQuantityError::Suffix { meant: None, .. }));
    assert!(matches!(error("1e99999999999999999999"), ParseQuantityError::Suffix { .. }));
    assert_eq!(
        error("1MiB").to_string(),
        "quantity \"1MiB\" has 'B' at byte 3, where no such character can be: \
         right would be a number and an optional suffix, such as 2, 1.5, 500m, 2Gi or 1e3"
    );
    let long = error(&"x".repeat(10_000)).to_string();
    assert!(long.len() < 300, "{long}");
}

#[test]
fn amounts_beyond_the_limit_are_refused_without_computing_them() {
    for input in ["1e1001", "1e999999999", "-1e9223372036854775807", "1.1e1000", "1e1000000000"] {
        assert!(matches!(Quantity::parse(input), Err(ParseQuantityError::TooLarge { .. })), "{input}");
    }
    assert!(matches!(Quantity::parse(&"9".repeat(1_000_000)), Err(ParseQuantityError::TooLarge { .. })));
    assert_eq!(quantity("0e999999999"), Quantity::ZERO);
    assert_eq!(quantity("1e1000"), quantity("10e999"));
    assert_eq!(quantity(&format!("0.{}1", "0".repeat(1_000_000))).to_string(), "1n");
}

#[test]
fn a_missing_number_is_zero_where_kubernetes_reads_it_so() {
    for input in [".", "+", "-", "-.", "k", "E", "Ki", "Ti", "e3", "e-9", "e+99"] {
        assert!(quantity(input).is_zero(), "{input}");
    }
    for input in ["Pi", "Ei", "e-10", "-.Pi"] {
        assert!(matches!(Quantity::parse(input), Err(ParseQuantityError::NoDigits { .. })), "{input}");
    }
    assert!(quantity("0Pi").is_zero());
}

#[test]
fn sums_have_the_format_of_the_left_operand_unless_that_is_zero() {
    assert_eq!((quantity("1Gi") - quantity("512M")).to_string(), "548576Ki");
    assert_eq!((quantity("0") + quantity("1Mi")).to_string(), "1Mi");
    assert_eq!((quantity("1M") + quantity("1Mi")).to_string(), "2048576");
    let total: Quantity = [quantity("1Gi"), quantity("1")].iter().sum();
    assert_eq!(total.format(), Format::BinarySi);
    assert_eq!(-quantity("1500m"), quantity("-1.5"));
}

#[test]
fn there_is_one_form_for_each_amount() {
    let far = quantity("9223372036854775808");
    let back = &far - &quantity("1n");
    assert!(back < far && back > quantity("9223372036854775807"));
    assert_eq!(&back + &quantity("1n"), far);
    assert_eq!(-(-Quantity::from_units(i64::MIN)), Quantity::from_units(i64::MIN));
    assert_eq!(-&far, Quantity::from_units(i64::MIN));
    assert_eq!(Quantity::from_bytes(u64::MAX) - far, Quantity::from_units(i64::MAX));
}

#[test]
fn binary_sums_beyond_the_cap_print_so_that_they_read_back() {
    let sum = quantity("4Ei") + quantity("4Ei");
    assert_eq!(sum.to_kubelet_string(), "8Ei");
    assert_eq!(sum.to_string(), "9223372036854775808");
    assert_eq!(quantity(&sum.to_string()), sum);
    assert_eq!((-sum).to_string(), "-9223372036854775808");
}

#[test]
fn integers_are_rounded_away_from_zero_and_bounded() {
    for (input, value, milli) in [
        ("1n", 1, 1),
        ("-1n", -1, -1),
        ("1.0001", 2, 1001),
        ("-1.0001", -2, -1001),
        ("-9223372036854775.808", -9_223_372_036_854_776, i64::MIN),
    ] {
        assert_eq!(quantity(input).value(), Ok(value), "{input}");
        assert_eq!(quantity(input).milli_value(), Ok(milli), "{input}");
    }
    assert_eq!(quantity("9223372036854775807.1").value_saturating(), i64::MAX);
    assert!(quantity("9223372036854775807.1").value().is_err());
    assert_eq!(quantity("-9223372036854775808").value(), Ok(i64::MIN));
    assert_eq!(quantity("-10E").value_saturating(), i64::MIN);
    assert_eq!(quantity("18446744073709551614.5").bytes_saturating(), u64::MAX);
    assert_eq!(quantity("9223372036854775807.5").bytes_saturating(), 1 << 63);
    assert_eq!(quantity("-5").bytes_saturating(), 0);
}

#[test]
fn json_takes_strings_numbers_and_null() {
    let read = |json: &str| serde_json::from_str::<Quantity>(json);
    for (json, canonical) in [
        ("\"1.5Gi\"", "1536Mi"),
        ("\" 5m\\n\"", "5m"),
        ("2", "2"),
        ("-2", "-2"),
        ("18446744073709551615", "18446744073709551615"),
        ("0.1", "100m"),
        ("1.5e3", "1500"),
        ("1e300", &format!("1{}E", "0".repeat(282))),
        ("null", "0"),
    ] {
        assert_eq!(read(json).unwrap().to_string(), canonical, "{json}");
    }
    for json in ["true", "[]", "{}", "{\"a\": 1}", "\"x\""] {
        let error = read(json).unwrap_err().to_string();
        assert!(error.contains("2Gi"), "{error}");
    }
}

#[test]
fn width_and_debug_are_for_people() {
    assert_eq!(format!("{:>6}|{:<6}|", quantity("1Mi"), quantity("500m")), "   1Mi|500m  |");
    assert_eq!(format!("{:?}", quantity("1Mi")), "Quantity(1Mi, BinarySi)");
}

#[test]
fn a_quantity_is_small() {
    assert!(size_of::<Quantity>() <= 24);
    assert_eq!(size_of::<Option<Quantity>>(), size_of::<Quantity>());
}
