//! The slots of a stored query by name and coding. Source: spec/xds.md 16.1.

use std::borrow::Cow;

use model::{Dtm, DtmRange, Invalid};
use xml::Element;

use super::QueryError;
use super::coding::{self, Literal};
use crate::findings::placed;
use crate::names::ns;
use crate::objects::{trimmed, values};

/// The slots of a query. A parameter is only read when somebody asks for it.
pub(super) struct Parameters<'a> {
    slots: Vec<(&'a str, Vec<Cow<'a, str>>)>,
}

impl<'a> Parameters<'a> {
    pub(super) fn read(adhoc: Element<'a>) -> Self {
        let slots = adhoc.children_named(ns::RIM, "Slot");
        let slots = slots.map(|slot| (slot.attr("name").unwrap_or_default(), values(slot)));
        Parameters { slots: slots.filter(|(name, _)| name.starts_with('$')).collect() }
    }

    fn slots<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [Cow<'a, str>]> {
        self.slots.iter().filter(move |(n, _)| *n == name).map(|(_, values)| values.as_slice())
    }

    /// The values of a parameter that has one slot at most: two slots would mean AND, which it does not know, and must
    /// not be merged or cut (field case B-033).
    fn one_slot(&self, name: &'static str) -> Result<Vec<Literal>, QueryError> {
        let mut slots = self.slots(name);
        let Some(first) = slots.next() else { return Ok(Vec::new()) };
        if slots.next().is_some() {
            let rule = "must be given in one slot: alternatives are values of one list".to_owned();
            return Err(QueryError::ParameterNumber { parameter: name, rule });
        }
        literals(name, first)
    }

    /// Leniency: a single value in list form (`('x')`) means the same.
    pub(super) fn single<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, QueryError> {
        let literals = self.one_slot(name)?;
        match literals.as_slice() {
            [] => Ok(None),
            [Literal::Number(number)] => {
                let rule = "must be a string in single quotes";
                Err(QueryError::InvalidParameter(Invalid::new(name, rule, number)))
            }
            [Literal::Text(text)] => parse(text).map(Some).map_err(|e| QueryError::InvalidParameter(placed(e, name))),
            several => {
                let rule = format!("must have one value, not {}", several.len());
                Err(QueryError::ParameterNumber { parameter: name, rule })
            }
        }
    }

    /// A parameter with several values, alternatives of each other.
    pub(super) fn list<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Vec<T>, QueryError> {
        strings(name, self.one_slot(name)?, &parse)
    }

    /// A parameter whose slots may be repeated: every slot must be met.
    pub(super) fn and_lists<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Vec<Vec<T>>, QueryError> {
        let mut and = Vec::new();
        for slot in self.slots(name) {
            let or = strings(name, literals(name, slot)?, &parse)?;
            if !or.is_empty() {
                and.push(or);
            }
        }
        Ok(and)
    }

    /// One number, as it is written; a quoted one means the same.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<String>, QueryError> {
        match self.one_slot(name)?.as_slice() {
            [] => Ok(None),
            [literal] => Ok(Some(literal.as_str().to_owned())),
            several => {
                let rule = format!("must have one value, not {}", several.len());
                Err(QueryError::ParameterNumber { parameter: name, rule })
            }
        }
    }

    pub(super) fn range(&self, from: &'static str, to: &'static str) -> Result<DtmRange, QueryError> {
        Ok(DtmRange { from: self.time(from)?, to: self.time(to)? })
    }

    /// A time, padded to 14 digits. It is a number in this coding; quoted ones are seen and mean the same.
    fn time(&self, name: &'static str) -> Result<Option<u64>, QueryError> {
        let literals = self.one_slot(name)?;
        match literals.as_slice() {
            [] => Ok(None),
            [literal] => match Dtm::parse(literal.as_str()) {
                Ok(time) => Ok(Some(time.start())),
                Err(invalid) => Err(QueryError::InvalidParameter(placed(invalid, name))),
            },
            several => {
                let rule = format!("must have one value, not {}", several.len());
                Err(QueryError::ParameterNumber { parameter: name, rule })
            }
        }
    }
}

/// All values of one slot: the lists of several rim:Value are one list. Leniency: empty values count as absent.
fn literals(name: &'static str, values: &[Cow<str>]) -> Result<Vec<Literal>, QueryError> {
    let mut all = Vec::new();
    for value in values {
        let value = trimmed(Cow::Borrowed(value));
        if !value.is_empty() {
            let literals = coding::parse(&value);
            all.extend(literals.map_err(|rule| QueryError::InvalidParameter(Invalid::new(name, rule, &value)))?);
        }
    }
    Ok(all)
}

fn strings<T>(
    name: &'static str,
    literals: Vec<Literal>,
    parse: &impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Vec<T>, QueryError> {
    let parsed = literals.iter().map(|literal| match literal {
        Literal::Text(text) => parse(text).map_err(|e| QueryError::InvalidParameter(placed(e, name))),
        Literal::Number(number) => {
            let rule = "must have its values in single quotes";
            Err(QueryError::InvalidParameter(Invalid::new(name, rule, number)))
        }
    });
    parsed.collect()
}
