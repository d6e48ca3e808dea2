//! Times: DTM of the model (UTC, with precision) to and from FHIR dateTime, date and search values.
//! Source: spec/fhir.md section 3 (DTM row) and 9.2; http://hl7.org/fhir/R4/datatypes.html#dateTime.

use model::{Dtm, Precision};

/// A DTM as dateTime.
///
/// Shape: years, months and days as they are; hours and minutes are padded to `hh:mm:ssZ`, because FHIR has no shorter
/// form, so those two precisions come back as seconds.
pub fn encode(dtm: &Dtm) -> String {
    let t = dtm.as_str();
    let part = |from: usize, to: usize| t.get(from..to).unwrap_or("00");
    match dtm.precision() {
        Precision::Year => t.to_owned(),
        Precision::Month => format!("{}-{}", part(0, 4), part(4, 6)),
        Precision::Day => encode_date(dtm),
        _ => format!("{}T{}:{}:{}Z", encode_date(dtm), part(8, 10), part(10, 12), part(12, 14)),
    }
}

/// A DTM as instant, which has no precision but the second: the first one that the DTM covers.
pub fn encode_instant(dtm: &Dtm) -> String {
    let start = dtm.start();
    let (date, clock) = (start / 1_000_000, start % 1_000_000);
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", clock / 10_000, clock / 100 % 100, clock % 100)
}

/// A DTM as date: never with a time.
pub fn encode_date(dtm: &Dtm) -> String {
    let t = dtm.as_str();
    match (t.get(0..4), t.get(4..6), t.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        (Some(year), Some(month), None) => format!("{year}-{month}"),
        _ => t.to_owned(),
    }
}

/// A dateTime, instant, date or search value as DTM: converted to UTC, fractions of a second cut off.
///
/// Shape: a time without a zone is UTC, as everything in XDS is. Seconds may be left out (search values do). A blank
/// before the offset is a `+` that a form decoder has eaten.
/// Errors: the rule that was broken, without the value.
pub fn decode(text: &str) -> Result<Dtm, &'static str> {
    const SHAPE: &str = "must be a date or time as in 2026, 2026-02, 2026-02-24 or 2026-02-24T16:23:10+01:00";
    let text = text.trim();
    if !text.is_ascii() {
        return Err(SHAPE);
    }
    let (date, time) = match text.find(['T', 't']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let number = |t: &str, digits: usize| -> Result<u32, &'static str> {
        if t.len() == digits && t.bytes().all(|b| b.is_ascii_digit()) {
            t.parse().map_err(|_| SHAPE)
        } else {
            Err(SHAPE)
        }
    };
    let mut parts = date.split('-');
    let year = number(parts.next().unwrap_or(""), 4)?;
    let month = parts.next().map(|m| number(m, 2)).transpose()?;
    let day = parts.next().map(|d| number(d, 2)).transpose()?;
    if parts.next().is_some() || (time.is_some() && day.is_none()) {
        return Err(SHAPE);
    }
    let mut digits = format!("{year:04}");
    for part in [month, day].into_iter().flatten() {
        digits.push_str(&format!("{part:02}"));
    }
    const RANGE: &str = "must be a date and time that exist";
    let date = Dtm::parse(&digits).map_err(|_| RANGE)?;
    let Some(time) = time else { return Ok(date) };

    let zone_at = time.find(['Z', 'z', '+', '-', ' ']);
    let (clock, zone) = time.split_at(zone_at.unwrap_or(time.len()));
    let (whole, fraction) = clock.split_once('.').map_or((clock, None), |(w, f)| (w, Some(f)));
    if fraction.is_some_and(|f| f.is_empty() || !f.bytes().all(|b| b.is_ascii_digit())) {
        return Err(SHAPE);
    }
    let mut parts = whole.split(':');
    let hour = number(parts.next().unwrap_or(""), 2)?;
    let minute = number(parts.next().unwrap_or(""), 2)?;
    let second = parts.next().map(|s| number(s, 2)).transpose()?;
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return Err(SHAPE);
    }
    // FHIR instants may carry a leap second, which DTM does not have.
    let second = second.map(|s| if s == 60 { 59 } else { s });
    if hour > 23 || minute > 59 || second.is_some_and(|s| s > 59) {
        return Err(RANGE);
    }
    let offset = offset_minutes(zone, &number)?;
    let mut civil = Civil {
        year: i64::from(year),
        month: month.unwrap_or(1),
        day: day.unwrap_or(1),
        minutes: i64::from(hour * 60 + minute) - offset,
    };
    civil.carry();
    let mut digits = format!("{:04}{:02}{:02}", civil.year, civil.month, civil.day);
    digits.push_str(&format!("{:02}{:02}", civil.minutes / 60, civil.minutes % 60));
    if let Some(second) = second {
        digits.push_str(&format!("{second:02}"));
    }
    Dtm::parse(&digits).map_err(|_| RANGE)
}

fn offset_minutes(zone: &str, number: &impl Fn(&str, usize) -> Result<u32, &'static str>) -> Result<i64, &'static str> {
    const SHAPE: &str = "must have a time zone Z or +hh:mm";
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Ok(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':').ok_or(SHAPE)?;
    let (hours, minutes) = (number(hours, 2).map_err(|_| SHAPE)?, number(minutes, 2).map_err(|_| SHAPE)?);
    if hours > 14 || minutes > 59 {
        return Err(SHAPE);
    }
    Ok(sign * i64::from(hours * 60 + minutes))
}

// A day and minutes of it, which may lie up to a day outside until carried.
struct Civil {
    year: i64,
    month: u32,
    day: u32,
    minutes: i64,
}

impl Civil {
    fn carry(&mut self) {
        if self.minutes < 0 {
            self.minutes += 1440;
            (self.year, self.month, self.day) = day_before(self.year, self.month, self.day);
        } else if self.minutes >= 1440 {
            self.minutes -= 1440;
            (self.year, self.month, self.day) = day_after(self.year, self.month, self.day);
        }
    }
}

fn day_before(year: i64, month: u32, day: u32) -> (i64, u32, u32) {
    match (month, day) {
        (1, 1) => (year - 1, 12, 31),
        (_, 1) => (year, month - 1, days_in_month(year, month - 1)),
        _ => (year, month, day - 1),
    }
}

fn day_after(year: i64, month: u32, day: u32) -> (i64, u32, u32) {
    match (month, day) {
        (12, 31) => (year + 1, 1, 1),
        _ if day >= days_in_month(year, month) => (year, month + 1, 1),
        _ => (year, month, day + 1),
    }
}

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The second after `time`, both in the 14-digit form of [`Dtm::start`].
pub fn second_after(time: u64) -> u64 {
    shift(time, 1)
}

/// The second before `time`, both in the 14-digit form of [`Dtm::start`].
pub fn second_before(time: u64) -> u64 {
    shift(time, -1)
}

fn shift(time: u64, by: i64) -> u64 {
    let (date, clock) = (time / 1_000_000, time % 1_000_000);
    let seconds = (clock / 10_000 * 3600 + clock / 100 % 100 * 60 + clock % 100) as i64 + by;
    let (year, month, day) = ((date / 10_000) as i64, (date / 100 % 100) as u32, (date % 100) as u32);
    let ((year, month, day), seconds) = match seconds {
        s if s < 0 => (day_before(year, month, day), s + 86_400),
        s if s >= 86_400 => (day_after(year, month, day), s - 86_400),
        s => ((year, month, day), s),
    };
    let clock = (seconds / 3600 * 10_000 + seconds / 60 % 60 * 100 + seconds % 60) as u64;
    (year.max(0) as u64 * 10_000 + u64::from(month) * 100 + u64::from(day)) * 1_000_000 + clock
}

/// A 14-digit time as DTM to the second. `None` when it is no such time.
pub fn from_digits(time: u64) -> Option<Dtm> {
    Dtm::parse(&format!("{time:014}")).ok()
}
