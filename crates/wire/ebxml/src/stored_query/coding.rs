//! How ITI-18 writes parameter values: quoted strings, numbers and lists. Source: spec/xds.md 16.1.

use std::borrow::Cow;

/// One value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// Between single quotes, with doubled quotes resolved.
    Text(String),
    /// Bare digits.
    Number(String),
}

impl Literal {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Literal::Text(text) | Literal::Number(text) => text,
        }
    }
}

/// Reads one rim:Value: a literal, or a list of them in round brackets, separated by commas.
///
/// Errors: what was expected, as a rule about the parameter.
pub(crate) fn parse(value: &str) -> Result<Vec<Literal>, Cow<'static, str>> {
    let mut rest = value.trim();
    let Some(inside) = rest.strip_prefix('(') else {
        let literal = literal(&mut rest)?;
        return if rest.is_empty() {
            Ok(vec![literal])
        } else {
            Err("must be one value in single quotes, or a list such as ('a','b')".into())
        };
    };
    let mut rest = inside.trim_start();
    let mut literals = Vec::new();
    loop {
        literals.push(literal(&mut rest)?);
        rest = rest.trim_start();
        if let Some(more) = rest.strip_prefix(',') {
            rest = more.trim_start();
        } else {
            break;
        }
    }
    match rest.strip_prefix(')').map(str::trim) {
        Some("") => Ok(literals),
        Some(_) => Err("must end with the bracket that closes its list".into()),
        None if rest.starts_with(';') => Err("must separate the values of a list by commas, not by semicolons".into()),
        None => Err("must separate the values of a list by commas and close it with a bracket".into()),
    }
}

fn literal(rest: &mut &str) -> Result<Literal, Cow<'static, str>> {
    if let Some(mut tail) = rest.strip_prefix('\'') {
        let mut text = String::new();
        loop {
            let Some(quote) = tail.find('\'') else {
                return Err("must close its single quote; a quote inside a value is doubled".into());
            };
            text.push_str(&tail[..quote]);
            tail = &tail[quote + 1..];
            match tail.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    tail = more;
                }
                None => break,
            }
        }
        *rest = tail;
        return Ok(Literal::Text(text));
    }
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if end == 0 {
        return Err("must have its values in single quotes, or be a number".into());
    }
    let number = rest[..end].to_owned();
    *rest = &rest[end..];
    Ok(Literal::Number(number))
}

/// `'text'` with quotes doubled.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        if c == '\'' {
            out.push('\'');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// Lists of at most 256 characters each, as many as it takes: the schema's limit for a rim:Value.
pub(crate) fn lists<'v>(values: impl Iterator<Item = &'v str>) -> Vec<String> {
    const LONGEST: usize = 256;
    let mut lists: Vec<String> = Vec::new();
    let mut length = 0;
    for value in values {
        let value = quoted(value);
        let added = value.chars().count() + 1;
        match lists.last_mut() {
            Some(list) if length + added < LONGEST => {
                list.push(',');
                list.push_str(&value);
                length += added;
            }
            _ => {
                lists.push(format!("({value}"));
                length = added;
            }
        }
    }
    for list in &mut lists {
        list.push(')');
    }
    lists
}
