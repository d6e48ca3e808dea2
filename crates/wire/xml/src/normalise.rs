//! Attribute-value normalisation (XML 1.0 3.3.3): a line break or tab written as such is a space, one written as a
//! reference stays. The parser below leaves it out, and afterwards the two can no longer be told apart.

/// Whether a value as the parser gave it has to be looked at again.
pub(crate) fn is_suspect(value: &str) -> bool {
    value.contains(['\t', '\n', '\r'])
}

/// The values between the quotes in the start tag `tag`, as they stand there, namespace declarations left out.
pub(crate) fn raw_values(tag: &str) -> Vec<&str> {
    let mut values = Vec::new();
    let mut rest = tag;
    while let Some(open) = rest.find(['"', '\'']) {
        let quote = char::from(rest.as_bytes()[open]);
        let value = &rest[open + 1..];
        let Some(close) = value.find(quote) else { break };
        if !is_declaration(attribute_name(&rest[..open])) {
            values.push(&value[..close]);
        }
        rest = &value[close + 1..];
    }
    values
}

/// The name that ends in `before`, the text up to an opening quote.
pub(crate) fn attribute_name(before: &str) -> &str {
    let name = before.trim_end().trim_end_matches('=').trim_end();
    name.rsplit([' ', '\t', '\r', '\n']).next().unwrap_or(name)
}

/// Whether an attribute declares a namespace.
pub(crate) fn is_declaration(name: &str) -> bool {
    name.strip_prefix("xmlns").is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// The normalised value of a raw one.
pub(crate) fn resolved(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        out.push_str(&rest[..at]);
        let special = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        if special != b'&' {
            // A CR with its LF is one line break.
            if special == b'\r' {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
            }
            out.push(' ');
            continue;
        }
        let (name, after) = rest.split_once(';').unwrap_or((rest, ""));
        out.extend(character(name));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What a reference means; without a DTD there are only these.
fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
