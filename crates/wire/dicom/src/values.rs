//! The forms of dates, times and offsets in text values, and the spellings that are read as meant. PS3.5 section 6.2.

use model::Dtm;

/// DA: a day of the calendar.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 8 && Dtm::parse(text).is_ok()
}

/// TM: `HH[MM[SS[.F{1-6}]]]`.
pub(crate) fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let field = |at: usize, most: u8| match whole.get(at..at + 2) {
        Some(two) => two.parse::<u8>().is_ok_and(|n| n <= most),
        None => true,
    };
    let fraction_ok = fraction.is_none_or(|f| whole.len() == 6 && (1..=6).contains(&f.len()) && digits(f));
    matches!(whole.len(), 2 | 4 | 6) && digits(whole) && field(0, 23) && field(2, 59) && field(4, 60) && fraction_ok
}

/// (0008,0201): `&ZZXX`.
pub(crate) fn is_offset(text: &str) -> bool {
    text.len() == 5 && text.starts_with(['+', '-']) && text[1..].bytes().all(|b| b.is_ascii_digit())
}

/// A date written with dots, dashes or slashes between year, month and day, as DA; `None` if it is another text.
///
/// Deviation: `2025.06.03` is the spelling of ACR-NEMA, `2025-06-03` that of databases behind a PACS.
pub(crate) fn respelt_date(text: &str) -> Option<String> {
    let octets = text.as_bytes();
    let separated = octets.len() == 10 && octets[4] == octets[7] && matches!(octets[4], b'.' | b'-' | b'/');
    let joined: String = text.chars().filter(char::is_ascii_digit).collect();
    (separated && is_date(&joined)).then_some(joined)
}

/// A time written with colons, as TM; `None` if it is another text.
///
/// Deviation: `10:23:45` is the spelling of ACR-NEMA and of databases behind a PACS.
pub(crate) fn respelt_time(text: &str) -> Option<String> {
    let joined = text.replace(':', "");
    (text.contains(':') && is_time(&joined)).then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_of_dates_and_times_are_read_and_other_texts_are_not() {
        for text in ["2025.06.03", "2025-06-03", "2025/06/03"] {
            assert_eq!(respelt_date(text).as_deref(), Some("20250603"), "{text}");
        }
        for text in ["2025-06.03", "2025-13-03", "20250603", "03.06.2025", "2025-6-3", ""] {
            assert_eq!(respelt_date(text), None, "{text}");
        }
        assert_eq!(respelt_time("10:23:45.5").as_deref(), Some("102345.5"));
        assert_eq!(respelt_time("10:23").as_deref(), Some("1023"));
        for text in ["102345", "10:23:61", ":", "ten:ten"] {
            assert_eq!(respelt_time(text), None, "{text}");
        }
    }
}
