//! Dates and times in words, in the reader's language and time zone. ui.md, principle 3.

use crate::Texts;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Dtm, Precision};

/// Who reads: language, time zone, and today.
#[derive(Clone, Debug)]
pub struct Reader {
    pub texts: Texts,
    /// Zone in which times are shown; a day without a time is shown as it is.
    pub zone: TimeZone,
    /// Now, for ages and for "today".
    pub now: Dtm,
}

/// A time as the parts that a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// `12 March 2026`, `March 2026` or `2026`.
    pub date: String,
    /// `12 Mar`; empty when the day is not known.
    pub short: String,
    /// `10:15 CET`; empty when the time is not known.
    pub time: String,
    pub year: String,
    /// For the `datetime` attribute.
    pub iso: String,
}

impl Reader {
    /// A DTM, which is UTC, as the reader would say it.
    pub fn when(&self, at: &Dtm) -> When {
        let has_time = at.precision() >= Precision::Hour;
        let (date, time) = match Timestamp::from_second(at.unix_seconds()) {
            Ok(timestamp) if has_time => {
                let zoned = timestamp.to_zoned_datetime(self.zone.clone());
                let zone = zoned.strftime("%Z").to_string();
                (zoned.date(), format!("{:02}:{:02} {zone}", zoned.hour(), zoned.minute()))
            }
            _ => (civil(at), String::new()),
        };
        self.parts(date, at.precision().min(Precision::Day), time)
    }

    /// Date and time as written in a manifest, local to its hospital.
    pub fn local(&self, date: &str, time: Option<&str>) -> Option<When> {
        let day = Dtm::parse(date).ok()?;
        let time = time.map(|t| t.chars().take_while(char::is_ascii_digit).take(4).collect::<String>());
        let time = time.filter(|t| t.len() == 4).map(|t| format!("{}:{}", &t[..2], &t[2..])).unwrap_or_default();
        Some(self.parts(civil(&day), day.precision().min(Precision::Day), time))
    }

    fn parts(&self, date: Date, precision: Precision, time: String) -> When {
        let texts = self.texts;
        let month = texts.say(MONTHS[(date.month() - 1) as usize].0).to_owned();
        let short = texts.say(MONTHS[(date.month() - 1) as usize].1).to_owned();
        let year = date.year().to_string();
        match precision {
            Precision::Year => When { date: year.clone(), short: String::new(), iso: year.clone(), time, year },
            Precision::Month => When {
                date: texts.fill("date.month", &[("month", &month), ("year", &year)]),
                short,
                iso: format!("{}-{:02}", date.year(), date.month()),
                time,
                year,
            },
            _ => When {
                date: texts.fill("date.day", &[("day", &date.day()), ("month", &month), ("year", &year)]),
                short: texts.fill("date.short", &[("day", &format!("{:02}", date.day())), ("month", &short)]),
                iso: date.to_string(),
                time,
                year,
            },
        }
    }

    /// `12 March 2026`.
    pub fn day(&self, at: &Dtm) -> String {
        self.when(at).date
    }

    /// `12 March 2026, 10:15 CET`.
    pub fn moment(&self, at: &Dtm) -> String {
        let when = self.when(at);
        if when.time.is_empty() { when.date } else { format!("{}, {}", when.date, when.time) }
    }

    /// Whole years since a birth date that is known to the day.
    pub fn age(&self, birth: &Dtm) -> Option<i16> {
        if birth.precision() < Precision::Day {
            return None;
        }
        let (birth, today) = (civil(birth), civil(&self.now));
        let before = (today.month(), today.day()) < (birth.month(), birth.day());
        let years = today.year() - birth.year() - i16::from(before);
        (0..=150).contains(&years).then_some(years)
    }
}

/// A DTM is always a valid date; years before 1 do not exist in it.
fn civil(at: &Dtm) -> Date {
    let start = at.start() / 1_000_000;
    Date::new((start / 10_000) as i16, (start / 100 % 100) as i8, (start % 100) as i8).unwrap_or(Date::MIN)
}

const MONTHS: [(&str, &str); 12] = [
    ("month.1", "month.short.1"),
    ("month.2", "month.short.2"),
    ("month.3", "month.short.3"),
    ("month.4", "month.short.4"),
    ("month.5", "month.short.5"),
    ("month.6", "month.short.6"),
    ("month.7", "month.short.7"),
    ("month.8", "month.short.8"),
    ("month.9", "month.short.9"),
    ("month.10", "month.short.10"),
    ("month.11", "month.short.11"),
    ("month.12", "month.short.12"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> Reader {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        Reader { texts: Texts::default(), zone, now: Dtm::parse("20260312101503").unwrap() }
    }

    fn dtm(text: &str) -> Dtm {
        Dtm::parse(text).unwrap()
    }

    #[test]
    fn a_time_is_shown_in_the_readers_zone_and_a_day_as_it_is() {
        let reader = reader();
        assert_eq!(reader.moment(&dtm("20260312091503")), "12 March 2026, 10:15 CET");
        // Late in the evening in UTC is the next day in Central Europe, and in summer two hours on.
        assert_eq!(reader.moment(&dtm("20260630231500")), "1 July 2026, 01:15 CEST");
        assert_eq!(reader.moment(&dtm("20260630")), "30 June 2026");
        assert_eq!(reader.moment(&dtm("202606")), "June 2026");
        assert_eq!(reader.moment(&dtm("2026")), "2026");
        assert_eq!(reader.when(&dtm("20260203")).short, "03 Feb");
        assert_eq!(reader.when(&dtm("20260203")).iso, "2026-02-03");
        assert_eq!(reader.local("20260312", Some("101503.5")).unwrap().time, "10:15");
        assert!(reader.local("nonsense", None).is_none());
    }

    #[test]
    fn an_age_is_counted_in_whole_years_and_only_from_a_known_day() {
        let reader = reader();
        assert_eq!(reader.age(&dtm("19610412")), Some(64));
        assert_eq!(reader.age(&dtm("19610312")), Some(65));
        assert_eq!(reader.age(&dtm("196103")), None);
        assert_eq!(reader.age(&dtm("20270101")), None);
    }
}
