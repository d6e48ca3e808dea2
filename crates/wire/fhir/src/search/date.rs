//! Date values with prefixes, against an instant (`creation`) and against an interval (`period`, `date`).
//! Source: spec/fhir.md sections 9.2, 9.3; http://hl7.org/fhir/R4/search.html#date.

use super::SearchError;
use crate::datetime::{self, second_after, second_before};
use model::{BirthDateTerm, DtmRange, PeriodMatch};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
    Ap,
}

// A value covers the whole interval of its precision: first and last second, 14 digits.
struct DateValue {
    prefix: Prefix,
    first: u64,
    last: u64,
}

fn parse(name: &str, text: &str) -> Result<DateValue, SearchError> {
    let known = [
        ("eq", Prefix::Eq),
        ("ne", Prefix::Ne),
        ("gt", Prefix::Gt),
        ("lt", Prefix::Lt),
        ("ge", Prefix::Ge),
        ("le", Prefix::Le),
        ("sa", Prefix::Sa),
        ("eb", Prefix::Eb),
        ("ap", Prefix::Ap),
    ];
    let found = known.into_iter().find_map(|(word, prefix)| text.strip_prefix(word).map(|rest| (prefix, rest)));
    let (prefix, value) = found.unwrap_or((Prefix::Eq, text));
    let starts_with_digit = value.bytes().next().is_some_and(|b| b.is_ascii_digit());
    if !starts_with_digit {
        let rule = "must be a date or time, with or without one of eq ne lt gt ge le sa eb ap in front";
        return Err(SearchError::value(name, rule, text));
    }
    let dtm = datetime::decode(value).map_err(|rule| SearchError::value(name, rule, text))?;
    Ok(DateValue { prefix, first: dtm.start(), last: dtm.end() })
}

/// One condition on a single time. `sa` is `gt` and `eb` is `lt` there; `ap` is the stated interval itself.
/// Errors: no date; `ne`, which is no range.
pub(super) fn range(name: &str, text: &str) -> Result<DtmRange, SearchError> {
    let value = parse(name, text)?;
    let after = second_after(value.last);
    Ok(match value.prefix {
        Prefix::Eq | Prefix::Ap => DtmRange { from: Some(value.first), to: Some(after) },
        Prefix::Gt | Prefix::Sa => DtmRange { from: Some(after), to: None },
        Prefix::Ge => DtmRange { from: Some(value.first), to: None },
        Prefix::Lt | Prefix::Eb => DtmRange { from: None, to: Some(value.first) },
        Prefix::Le => DtmRange { from: None, to: Some(after) },
        Prefix::Ne => {
            return Err(SearchError::not_supported(name, "takes no prefix ne", text));
        }
    })
}

/// The part that both ranges share.
pub(super) fn intersect(left: DtmRange, right: DtmRange) -> DtmRange {
    let pick = |a: Option<u64>, b: Option<u64>, best: fn(u64, u64) -> u64| match (a, b) {
        (Some(a), Some(b)) => Some(best(a, b)),
        (a, b) => a.or(b),
    };
    DtmRange { from: pick(left.from, right.from, u64::max), to: pick(left.to, right.to, u64::min) }
}

/// One condition on the time of service, or on a time of submission from its first second to its last.
///
/// Shape: eq: the time lies within the value; ne: it does not; gt, lt, ge, le: some of it lies after, before, in or
/// after, in or before the value; sa, eb: all of it lies after, before; ap: they overlap.
pub(super) fn period(name: &str, text: &str) -> Result<PeriodMatch, SearchError> {
    let value = parse(name, text)?;
    let (first, last) = (Some(value.first), Some(value.last));
    let (before, after) = (Some(second_before(value.first)), Some(second_after(value.last)));
    let open = PeriodMatch::default();
    Ok(match value.prefix {
        Prefix::Eq => PeriodMatch { start_at_least: first, stop_at_most: last, ..open },
        Prefix::Ne => PeriodMatch { start_at_least: first, stop_at_most: last, negate: true, ..open },
        Prefix::Gt => PeriodMatch { stop_at_least: after, ..open },
        Prefix::Lt => PeriodMatch { start_at_most: before, ..open },
        Prefix::Ge => PeriodMatch { stop_at_least: first, ..open },
        Prefix::Le => PeriodMatch { start_at_most: last, ..open },
        Prefix::Sa => PeriodMatch { start_at_least: after, ..open },
        Prefix::Eb => PeriodMatch { stop_at_most: before, ..open },
        Prefix::Ap => PeriodMatch { start_at_most: last, stop_at_least: first, ..open },
    })
}

/// One condition on a birth date, which covers the day, month or year that is known of it. The value is a patient's and
/// stays out of the error.
pub(crate) fn birth_date(name: &str, text: &str) -> Result<BirthDateTerm, SearchError> {
    let value = parse(name, text).map_err(|error| SearchError { value: String::new(), ..error })?;
    let after = second_after(value.last);
    Ok(match value.prefix {
        Prefix::Eq => BirthDateTerm::Within(value.first, after),
        Prefix::Ne => BirthDateTerm::NotWithin(value.first, after),
        Prefix::Gt => BirthDateTerm::From(after),
        Prefix::Lt => BirthDateTerm::Before(value.first),
        Prefix::Ge => BirthDateTerm::From(value.first),
        Prefix::Le => BirthDateTerm::Before(after),
        Prefix::Sa => BirthDateTerm::AllFrom(after),
        Prefix::Eb => BirthDateTerm::AllBefore(value.first),
        Prefix::Ap => BirthDateTerm::Overlaps(value.first, after),
    })
}
