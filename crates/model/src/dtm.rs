//! DTM: a UTC time with its precision, exactly as written. Source: ITI TF-3 4.2.3.1.3.

use crate::Invalid;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// `YYYY[MM[DD[hh[mm[ss]]]]]`, UTC. The text is the value: 2025 and 20250101 differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dtm(String);

impl Dtm {
    /// Errors: a length other than 4, 6, 8, 10, 12, 14; a character that is no digit; a month, day, hour, minute or
    /// second out of range (second 60 included: it does not exist in DTM).
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |rule: &str| Err(Invalid::new("", rule.to_owned(), text));
        if !matches!(text.len(), 4 | 6 | 8 | 10 | 12 | 14) || !text.bytes().all(|b| b.is_ascii_digit()) {
            return wrong("must be a UTC time YYYY[MM[DD[hh[mm[ss]]]]], digits only");
        }
        let field = |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<u32>().ok());
        let year = field(0..4).unwrap_or(0);
        let month = field(4..6).unwrap_or(1);
        if !(1..=12).contains(&month) {
            return wrong("has a month outside 01..12");
        }
        if !(1..=days_in_month(year, month)).contains(&field(6..8).unwrap_or(1)) {
            return wrong("has a day that this month does not have");
        }
        if field(8..10).unwrap_or(0) > 23 || field(10..12).unwrap_or(0) > 59 || field(12..14).unwrap_or(0) > 59 {
            return wrong("has a time of day outside 000000..235959");
        }
        Ok(Dtm(text.to_owned()))
    }

    /// From seconds since 1970-01-01T00:00:00Z, to the second; negative before it, as for films older than that. Years
    /// are clamped to 0000..9999.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let seconds = seconds.clamp(-62_167_219_200, 253_402_300_799);
        let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        Dtm(format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", time / 3600, time / 60 % 60, time % 60))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn precision(&self) -> Precision {
        match self.0.len() {
            4 => Precision::Year,
            6 => Precision::Month,
            8 => Precision::Day,
            10 => Precision::Hour,
            12 => Precision::Minute,
            _ => Precision::Second,
        }
    }

    /// The first second this value covers, as a number of 14 digits that orders as time does.
    pub fn start(&self) -> u64 {
        const FILL: &str = "00000101000000";
        let text = format!("{}{}", self.0, &FILL[self.0.len()..]);
        text.parse().unwrap_or(0)
    }

    /// The last second this value covers, in the form of [`Dtm::start`].
    pub fn end(&self) -> u64 {
        let mut text = self.0.clone();
        if text.len() == 4 {
            text.push_str("12");
        }
        if text.len() == 6 {
            let year = text[0..4].parse().unwrap_or(0);
            let month = text[4..6].parse().unwrap_or(12);
            text.push_str(&format!("{:02}", days_in_month(year, month)));
        }
        const FILL: &str = "00000000235959";
        text.push_str(&FILL[text.len()..]);
        text.parse().unwrap_or(u64::MAX)
    }

    /// Seconds since 1970-01-01T00:00:00Z of [`Dtm::start`].
    pub fn unix_seconds(&self) -> i64 {
        let start = self.start();
        let (date, time) = (start / 1_000_000, start % 1_000_000);
        let days = days_from_civil((date / 10_000) as i64, (date / 100 % 100) as i64, (date % 100) as i64);
        days * 86_400 + (time / 10_000 * 3600 + time / 100 % 100 * 60 + time % 100) as i64
    }
}

impl fmt::Display for Dtm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}
