//! UIDs under 2.25, derived from words (PS3.5 B.2; spec/dicom.md section 4): the same words give the same UID.

use uuid::Uuid;

/// The name space of every UID made here; random once, fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d61_6e69_666f_4c64_8073_796e_7468_0001);

/// A UID that depends only on `words`.
///
/// Shape: `2.25.` and a 128-bit number in decimal, at most 44 characters, no leading zero.
/// Source: PS3.5 B.2; the number is a name-based UUID (version 5) of the words.
pub fn uid(words: &str) -> String {
    format!("2.25.{}", Uuid::new_v5(&NAMESPACE, words.as_bytes()).as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_uid_and_other_words_another() {
        assert_eq!(uid("a"), uid("a"));
        assert_ne!(uid("a"), uid("b"));
        let made = uid("study");
        assert!(made.starts_with("2.25.") && made.len() <= 44, "{made}");
        assert!(made[5..].chars().all(|c| c.is_ascii_digit()) && !made[5..].starts_with('0'), "{made}");
    }
}
