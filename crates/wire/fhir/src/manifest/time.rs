//! Dates and times of DICOM, local to the offset of their object, to and from FHIR dateTime and instant. DICOM's UTC times
//! of the model are in [`crate::datetime`]; here the offset and the fraction of a second are kept.
//! PS3.5 6.2 (DA, TM), PS3.3 C.12.1 (Timezone Offset From UTC); http://hl7.org/fhir/R4/datatypes.html#dateTime.

use model::Dtm;

/// A date with its time and the offset of both, as a FHIR text says them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// `YYYYMMDD`.
    pub(super) date: String,
    /// `HHMMSS[.f]`.
    pub(super) time: Option<String>,
    /// `+0100`; absent for a date alone and for `Z`, which stands for an offset nobody gave.
    pub(super) offset: Option<String>,
}

/// `2025-06-03`, or with a time `2025-06-03T09:15:30.25+02:00`; no offset is UTC. `None` when the date is none.
pub(super) fn date_time(date: Option<&str>, time: Option<&str>, offset: Option<&str>) -> Option<String> {
    let date = date.filter(|date| date.len() == 8 && Dtm::parse(date).is_ok())?;
    let day = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]);
    let Some(clock) = time.and_then(clock) else { return Some(day) };
    let zone = offset.filter(|text| seconds(text).is_some());
    let zone = zone.map_or_else(|| "Z".to_owned(), |text| format!("{}:{}", &text[..3], &text[3..]));
    Some(format!("{day}T{clock}{zone}"))
}

/// `HH[MM[SS[.F]]]` as `hh:mm:ss[.f]`.
fn clock(time: &str) -> Option<String> {
    let (whole, fraction) = time.split_once('.').map_or((time, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !matches!(whole.len(), 2 | 4 | 6) || !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    let part = |from: usize| whole.get(from..from + 2).unwrap_or("00");
    if part(0) > "23" || part(2) > "59" || part(4) > "60" {
        return None;
    }
    let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
    Some(format!("{}:{}:{}{fraction}", part(0), part(2), part(4)))
}

/// Reads a dateTime or instant. `None` when it has no day or is none.
pub(super) fn read(text: &str) -> Option<Local> {
    let text = text.trim();
    if !text.is_ascii() {
        return None;
    }
    let (day, rest) = text.split_at_checked(10)?;
    let date: String = day.split('-').collect();
    if day.as_bytes()[4] != b'-' || day.as_bytes()[7] != b'-' || date.len() != 8 || Dtm::parse(&date).is_err() {
        return None;
    }
    if rest.is_empty() {
        return Some(Local { date, time: None, offset: None });
    }
    let rest = rest.strip_prefix(['T', 't'])?;
    let (clock_text, zone) = match rest.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, None),
        None => {
            let (clock, zone) = rest.split_at_checked(rest.len().checked_sub(6)?)?;
            let zone: String = zone.split(':').collect();
            seconds(&zone)?;
            (clock, Some(zone))
        }
    };
    let time: String = clock_text.split(':').collect();
    // Seconds are required; the fraction is cut to what TM holds.
    let (whole, fraction) = time.split_once('.').map_or((&*time, ""), |(whole, fraction)| (whole, fraction));
    if whole.len() != 6 || clock(&time).as_deref() != Some(clock_text) {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(6)];
    let time = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    Some(Local { date, time: Some(time), offset: zone })
}

impl Local {
    /// The same moment at another offset; a date without a time stays what it is.
    pub(super) fn at(self, offset: Option<&str>) -> Local {
        let Some(time) = self.time.clone() else { return self };
        if self.offset.as_deref() == offset {
            return self;
        }
        let of = |text: Option<&str>| text.and_then(seconds).unwrap_or(0);
        // DTM has no leap second.
        let whole = match &time[4..6] {
            "60" => format!("{}59", &time[..4]),
            _ => time[..6].to_owned(),
        };
        let Ok(local) = Dtm::parse(&format!("{}{whole}", self.date)) else { return self };
        let moved = Dtm::from_unix_seconds(local.unix_seconds() - of(self.offset.as_deref()) + of(offset));
        let (date, clock) = moved.as_str().split_at(8);
        Local { date: date.to_owned(), time: Some(format!("{clock}{}", &time[6..])), offset: offset.map(str::to_owned) }
    }
}

/// Seconds of `+hhmm`, at most fourteen hours as FHIR has it.
fn seconds(offset: &str) -> Option<i64> {
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    let seconds = hours * 3600 + minutes * 60;
    (minutes < 60 && seconds <= 14 * 3600).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_offset_and_fraction() {
        for (date, time, offset, text) in [
            ("20250603", Some("091530.25"), Some("+0200"), "2025-06-03T09:15:30.25+02:00"),
            ("20250603", Some("0915"), Some("-0930"), "2025-06-03T09:15:00-09:30"),
            ("20250603", Some("235960"), None, "2025-06-03T23:59:60Z"),
            ("20250603", None, Some("+0200"), "2025-06-03"),
            ("20250603", Some("250000"), Some("+0200"), "2025-06-03"),
            ("20250603", Some("091530"), Some("+9900"), "2025-06-03T09:15:30Z"),
        ] {
            assert_eq!(date_time(Some(date), time, offset).as_deref(), Some(text));
        }
        assert_eq!(date_time(Some("20251399"), Some("0915"), None), None);
        let read = read("2025-06-03T09:15:30.1234567+02:00").unwrap();
        assert_eq!((read.time.as_deref(), read.offset.as_deref()), (Some("091530.123456"), Some("+0200")));
    }

    #[test]
    fn what_is_no_time_or_has_no_day_is_none() {
        for text in ["", "2025", "2025-06", "2025-06-3", "2025-06-03T", "2025-06-03T09:15Z", "2025-06-03T09:15:30"] {
            assert_eq!(read(text), None, "{text}");
        }
        for text in ["2025-06-03T09:15:30+15:00", "2025-06-03T9:15:30Z", "2025-13-03", "2025-06-03T09:1530Z", "é"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn another_offset_is_the_same_moment() {
        let moved = read("2025-01-01T00:30:00.5+02:00").unwrap().at(Some("-0100"));
        assert_eq!(moved, read("2024-12-31T21:30:00.5-01:00").unwrap());
        let leap = read("2025-01-01T00:59:60Z").unwrap().at(Some("+0100"));
        assert_eq!(leap.time.as_deref(), Some("015959"));
    }
}
