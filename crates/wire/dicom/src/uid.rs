//! UID text rules: trimming of padding and the syntax check. PS3.5 sections 6.2 (UI) and 9.

/// Why a text is not a UID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UidError {
    /// Nothing there.
    #[error("a UID must not be empty")]
    Empty,
    /// More than 64 characters.
    #[error("a UID has at most 64 characters, this one has {0}")]
    TooLong(usize),
    /// A character other than digits and full stops.
    #[error("a UID has only digits and full stops, this one has another character at position {0}")]
    Character(usize),
    /// Two full stops in a row, or one at an end.
    #[error("a UID component is empty at position {0}")]
    EmptyComponent(usize),
}

/// Takes the padding off a UID: trailing NULs and spaces, leading spaces.
pub fn trim(value: &str) -> &str {
    // UI values arrive NUL-padded to even length, some peers pad with spaces: compare without (B-012).
    value.trim_matches(|c: char| c == '\0' || c == ' ')
}

/// Checks the syntax of a UID as it may appear in a path or a query.
///
/// Components with a leading zero are let pass: they exist in the field and are matched literally (B-012).
pub fn check(value: &str) -> Result<(), UidError> {
    if value.is_empty() {
        return Err(UidError::Empty);
    }
    if value.len() > 64 {
        return Err(UidError::TooLong(value.chars().count()));
    }
    if let Some(at) = value.bytes().position(|b| !b.is_ascii_digit() && b != b'.') {
        return Err(UidError::Character(at + 1));
    }
    let mut at = 1;
    for component in value.split('.') {
        if component.is_empty() {
            return Err(UidError::EmptyComponent(at));
        }
        at += component.len() + 1;
    }
    Ok(())
}

/// True if a component starts with a superfluous zero: worth a warning, not a refusal.
pub fn has_leading_zero(value: &str) -> bool {
    value.split('.').any(|component| component.len() > 1 && component.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_named_and_leading_zeros_are_kept() {
        assert_eq!(check("1.2.abc..3"), Err(UidError::Character(5)));
        assert_eq!(check("1.2..3"), Err(UidError::EmptyComponent(5)));
        assert_eq!(check(""), Err(UidError::Empty));
        assert_eq!(check(&"1".repeat(65)), Err(UidError::TooLong(65)));
        assert_eq!(check("1.2."), Err(UidError::EmptyComponent(5)));
        assert_eq!(check("2.25.1055.1.20111103.05453119"), Ok(()));
        assert!(has_leading_zero("2.25.1055.1.20111103.05453119"));
        assert!(!has_leading_zero("2.25.0.1"));
        assert_eq!(trim("2.25.1 \0"), "2.25.1");
    }
}
