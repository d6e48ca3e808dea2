//! DTM, and the two ways to ask for times. Source: ITI TF-3 4.2.3.1.3; spec/xds.md 9 and 16.1, spec/fhir.md 9.2.

use crate::samples::dtm;
use model::{Dtm, DtmRange, PeriodMatch, Precision};
use proptest::prelude::*;

fn days(year: u32, month: u32) -> u32 {
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1]
}

fn any_dtm() -> impl Strategy<Value = String> {
    let whole = (0..=9999_u32, 1..=12_u32, 1..=31_u32, 0..=23_u32, 0..=59_u32, 0..=59_u32, 0..6_usize);
    whole.prop_map(|(year, month, day, hour, minute, second, precision)| {
        let day = day.min(days(year, month));
        let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
        text[..[4, 6, 8, 10, 12, 14][precision]].to_owned()
    })
}

proptest! {
    #[test]
    fn a_time_keeps_its_text_and_its_precision(text in any_dtm()) {
        let time = Dtm::parse(&text).unwrap();
        prop_assert_eq!(time.as_str(), &text);
        prop_assert_eq!(Dtm::parse(&time.to_string()).unwrap(), time.clone());
        let precisions = [
            Precision::Year, Precision::Month, Precision::Day, Precision::Hour, Precision::Minute, Precision::Second,
        ];
        prop_assert_eq!(time.precision(), precisions[text.len().saturating_sub(2) / 2 - 1]);
    }

    #[test]
    fn a_time_starts_before_it_ends_and_both_begin_with_its_text(text in any_dtm()) {
        let time = Dtm::parse(&text).unwrap();
        prop_assert!(time.start() <= time.end());
        prop_assert_eq!(time.start() == time.end(), text.len() == 14);
        for edge in [time.start(), time.end()] {
            let edge = format!("{edge:014}");
            prop_assert!(edge.starts_with(&text), "{} {}", edge, text);
            prop_assert!(Dtm::parse(&edge).is_ok(), "{}", edge);
        }
        // The next second is outside.
        let after = Dtm::from_unix_seconds(dtm(&format!("{:014}", time.end())).unix_seconds() + 1);
        prop_assert!(!after.as_str().starts_with(&text) || text.starts_with("9999"));
    }

    #[test]
    fn seconds_since_1970_lead_back_to_the_same_time(text in any_dtm()) {
        let time = Dtm::parse(&text).unwrap();
        let whole = format!("{:014}", time.start());
        prop_assert_eq!(Dtm::from_unix_seconds(time.unix_seconds()), dtm(&whole));
    }

    #[test]
    fn times_order_as_seconds_do(a in any_dtm(), b in any_dtm()) {
        let (a, b) = (dtm(&a), dtm(&b));
        prop_assert_eq!(a.start().cmp(&b.start()), a.unix_seconds().cmp(&b.unix_seconds()));
    }

    #[test]
    fn every_second_of_ten_thousand_years_survives(seconds in -62_167_219_200_i64..=253_402_300_799) {
        let time = Dtm::from_unix_seconds(seconds);
        prop_assert_eq!(Dtm::parse(time.as_str()).unwrap().unix_seconds(), seconds);
    }

    #[test]
    fn text_that_is_no_time_is_refused_and_never_panics(text in "\\PC{0,16}") {
        if let Ok(time) = Dtm::parse(&text) {
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit()) && matches!(text.len(), 4 | 6 | 8 | 10 | 12 | 14));
            prop_assert_eq!(time.as_str(), text);
        }
    }

    #[test]
    fn a_range_holds_its_start_and_not_its_end(from in proptest::option::of(0..20_u64), to in proptest::option::of(0..20_u64), value in 0..20_u64) {
        let range = DtmRange { from, to };
        let expected = from.is_none_or(|f| value >= f) && to.is_none_or(|t| value < t);
        prop_assert_eq!(range.contains(value), expected);
        prop_assert_eq!(range.is_open(), from.is_none() && to.is_none());
    }
}

#[test]
fn what_is_no_utc_time_is_refused() {
    for text in [
        "",
        "2",
        "202",
        "20250",
        "2025031",
        "202503140",
        "20250314091",
        "2025031409150",
        "202503140915000",
        "20251301",
        "20250001",
        "20250230",
        "20230229",
        "19000229",
        "20250400",
        "20250431",
        "2025031424",
        "202503140960",
        "20250314091560",
        "20250314235960",
        "20250314T0915",
        "20250314091500Z",
        "2025-03-14",
        "20250314091500.1",
        "+2025031",
        " 2025",
        "2025 ",
        "２０２５",
        "20250314091500+0100",
    ] {
        assert!(Dtm::parse(text).is_err(), "{text}");
    }
    for text in ["0000", "20240229", "20000229", "99991231235959", "2025031423"] {
        assert!(Dtm::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn known_moments_have_their_known_seconds() {
    for (text, seconds) in [
        ("19700101000000", 0),
        ("19691231235959", -1),
        ("20000229120000", 951_825_600),
        ("20380119031407", 2_147_483_647),
        ("19650704", -141_868_800),
        ("99991231235959", 253_402_300_799),
    ] {
        assert_eq!(dtm(text).unix_seconds(), seconds, "{text}");
    }
    assert_eq!(Dtm::from_unix_seconds(i64::MIN).as_str(), "00000101000000");
    assert_eq!(Dtm::from_unix_seconds(i64::MAX).as_str(), "99991231235959");
}

#[test]
fn a_year_ends_with_its_last_second() {
    for (text, start, end) in [
        ("2025", 20250101000000, 20251231235959),
        ("202402", 20240201000000, 20240229235959),
        ("202302", 20230201000000, 20230228235959),
        ("20250314", 20250314000000, 20250314235959),
        ("2025031409", 20250314090000, 20250314095959),
        ("202503140915", 20250314091500, 20250314091559),
        ("20250314091530", 20250314091530, 20250314091530),
    ] {
        assert_eq!((dtm(text).start(), dtm(text).end()), (start, end), "{text}");
    }
}

/// Condition for a prefix on one day, 2025-03-14, as spec/fhir.md 9.2 defines it; written out by hand.
fn on_day(prefix: &str) -> PeriodMatch {
    let (first, last) = (Some(20250314000000), Some(20250314235959));
    let (before, after) = (Some(20250313235959), Some(20250315000000));
    let open = PeriodMatch::default();
    match prefix {
        "eq" => PeriodMatch { start_at_least: first, stop_at_most: last, ..open },
        "ne" => PeriodMatch { start_at_least: first, stop_at_most: last, negate: true, ..open },
        "gt" => PeriodMatch { stop_at_least: after, ..open },
        "lt" => PeriodMatch { start_at_most: before, ..open },
        "ge" => PeriodMatch { stop_at_least: first, ..open },
        "le" => PeriodMatch { start_at_most: last, ..open },
        "sa" => PeriodMatch { start_at_least: after, ..open },
        "eb" => PeriodMatch { stop_at_most: before, ..open },
        "ap" => PeriodMatch { start_at_most: last, stop_at_least: first, ..open },
        other => panic!("no prefix {other}"),
    }
}

#[test]
fn each_prefix_selects_the_services_that_it_names() {
    // Service times against the day 2025-03-14: wholly before, touching its start, inside, exactly the day, covering
    // it, touching its end, wholly after; open ends.
    type Service = (&'static str, Option<&'static str>, Option<&'static str>, &'static [&'static str]);
    let services: [Service; 11] = [
        ("before", Some("20250312"), Some("20250313"), &["ne", "lt", "le", "eb"]),
        ("into it", Some("20250313"), Some("202503141200"), &["ne", "lt", "ge", "le", "ap"]),
        ("inside", Some("202503140830"), Some("202503140900"), &["eq", "ge", "le", "ap"]),
        ("the day", Some("20250314"), Some("20250314"), &["eq", "ge", "le", "ap"]),
        ("around it", Some("20250313"), Some("20250315"), &["ne", "gt", "lt", "ge", "le", "ap"]),
        ("out of it", Some("202503142359"), Some("20250315"), &["ne", "gt", "ge", "le", "ap"]),
        ("after", Some("20250315"), Some("20250316"), &["ne", "gt", "ge", "sa"]),
        ("running since before", Some("20250301"), None, &["ne", "gt", "lt", "ge", "le", "ap"]),
        ("running since after", Some("20250401"), None, &["ne", "gt", "ge", "sa"]),
        ("ended before", None, Some("20250301"), &["ne", "lt", "le", "eb"]),
        ("unknown", None, None, &["ne", "gt", "lt", "ge", "le", "ap"]),
    ];
    for (name, start, stop, expected) in services {
        let (start, stop) = (start.map(dtm), stop.map(dtm));
        for prefix in ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"] {
            let matches = on_day(prefix).matches(start.as_ref(), stop.as_ref());
            assert_eq!(matches, expected.contains(&prefix), "{prefix} and a service that is {name}");
        }
    }
}
