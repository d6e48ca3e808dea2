//! LIKE patterns against an oracle that is too simple to be wrong. Source: spec/xds.md 16.1.

use model::like_matches;
use proptest::prelude::*;

fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|n| naive(rest, &text[n..])),
        Some(('_', rest)) => !text.is_empty() && naive(rest, &text[1..]),
        Some((c, rest)) => text.first() == Some(c) && naive(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn patterns_mean_what_the_oracle_says(pattern in "[%_ab^]{0,7}", text in "[ab^é]{0,9}") {
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(like_matches(&pattern, &text), naive(&p, &t));
    }

    #[test]
    fn a_pattern_without_wildcards_matches_itself_only(text in "[^%_]{0,20}", other in "[^%_]{0,20}") {
        prop_assert!(like_matches(&text, &text));
        prop_assert_eq!(like_matches(&text, &other), text == other);
    }
}

#[test]
fn a_hostile_pattern_ends_soon() {
    let pattern = "%a".repeat(2000);
    assert!(!like_matches(&format!("{pattern}b"), &"a".repeat(4000)));
    assert!(like_matches(&pattern, &"a".repeat(4000)));
}

#[test]
fn case_matters_and_a_name_inside_is_found() {
    assert!(like_matches("%^Roe^%", "12^Roe^Richard"));
    assert!(!like_matches("%^roe^%", "12^Roe^Richard"));
    assert!(!like_matches("Roe", "^Roe^Richard"));
    assert!(like_matches("%", ""));
    assert!(!like_matches("_", ""));
}
