//! The texts of all pages, one file per language in `texts/`: lines `key = text`, `{name}` for what is filled in. What a
//! language lacks is shown in English. ui.md, principle 9.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

const FILES: &[(&str, &str)] = &[
    ("en", include_str!("../texts/en.txt")),
    ("de", include_str!("../texts/de.txt")),
    ("fr", include_str!("../texts/fr.txt")),
];

static CATALOGUE: LazyLock<Vec<(&'static str, HashMap<&'static str, &'static str>)>> =
    LazyLock::new(|| FILES.iter().map(|(tag, text)| (*tag, parse(text))).collect());

fn parse(text: &'static str) -> HashMap<&'static str, &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, text)| (key.trim(), text.trim()))
        .collect()
}

/// The texts of one language; English by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    language: usize,
}

impl Texts {
    /// The language with this tag, or with its first part: `fr-CH` is `fr`.
    pub fn of(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or("").trim().to_ascii_lowercase();
        CATALOGUE.iter().position(|(known, _)| *known == primary).map(|language| Texts { language })
    }

    /// The best language for an `Accept-Language` header; English when there is none.
    pub fn accepted(header: &str) -> Self {
        let mut wanted: Vec<(f32, &str)> = header
            .split(',')
            .take(32)
            .map(|part| match part.split_once(';') {
                Some((tag, q)) => (q.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(1.0), tag),
                None => (1.0, part),
            })
            .collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted.iter().filter(|(q, _)| *q > 0.0).find_map(|(_, tag)| Texts::of(tag)).unwrap_or_default()
    }

    /// Every language there is: tag and its own name.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
        (0..CATALOGUE.len()).map(|language| (CATALOGUE[language].0, Texts { language }.say("language")))
    }

    /// Tag for `lang=`.
    pub fn tag(self) -> &'static str {
        CATALOGUE[self.language].0
    }

    /// The text, or `None` where no language has it.
    pub fn find(self, key: &str) -> Option<&'static str> {
        CATALOGUE[self.language].1.get(key).or_else(|| CATALOGUE[0].1.get(key)).copied()
    }

    /// The text; the key itself would show a mistake that a test finds first.
    pub fn say(self, key: &str) -> &str {
        match self.find(key) {
            Some(text) => text,
            None => key,
        }
    }

    /// The text with one place filled in.
    pub fn with(self, key: &str, name: &str, value: impl Display) -> String {
        self.fill(key, &[(name, &value)])
    }

    /// The text with several places filled in.
    pub fn fill(self, key: &str, values: &[(&str, &dyn Display)]) -> String {
        let mut rest = self.say(key);
        let mut out = String::with_capacity(rest.len() + 32);
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            let Some(end) = tail.find('}') else {
                rest = &rest[at..];
                break;
            };
            let value = values.iter().find(|(name, _)| *name == &tail[..end]);
            match value {
                Some((_, value)) => out.push_str(&value.to_string()),
                None => out.push_str(&rest[at..at + end + 2]),
            }
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        out
    }

    /// `key.one` or `key.other` with `{n}` filled in.
    pub fn count(self, key: &str, n: usize) -> String {
        let one = n == 1 || (n == 0 && self.tag() == "fr");
        self.with(&format!("{key}.{}", if one { "one" } else { "other" }), "n", n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_a_page_uses_has_an_english_text() {
        let sources = [
            include_str!("console/mod.rs"),
            include_str!("console/words.rs"),
            include_str!("error.rs"),
            include_str!("identity.rs"),
            include_str!("patients.rs"),
            include_str!("report.rs"),
            include_str!("study.rs"),
            include_str!("timeline.rs"),
            include_str!("words.rs"),
            include_str!("../templates/base.html"),
            include_str!("../templates/console.html"),
            include_str!("../templates/console_change.html"),
            include_str!("../templates/console_study.html"),
            include_str!("../templates/console_stuck.html"),
            include_str!("../templates/error.html"),
            include_str!("../templates/identity.html"),
            include_str!("../templates/patients.html"),
            include_str!("../templates/report.html"),
            include_str!("../templates/study.html"),
            include_str!("../templates/timeline.html"),
        ];
        let english = Texts::default();
        let mut seen = 0;
        for source in sources {
            for (call, plural) in [("say(\"", false), ("with(\"", false), ("fill(\"", false), ("count(\"", true)] {
                for (at, _) in source.match_indices(call) {
                    let key = source[at + call.len()..].split('"').next().unwrap();
                    for key in
                        if plural { vec![format!("{key}.one"), format!("{key}.other")] } else { vec![key.into()] }
                    {
                        assert!(english.find(&key).is_some(), "no English text for {key}");
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 50, "{seen}");
    }

    #[test]
    fn every_language_knows_only_keys_of_english_and_fills_the_same_places() {
        let places = |text: &str| {
            let mut found: Vec<String> =
                text.split('{').skip(1).filter_map(|t| Some(t.split_once('}')?.0.into())).collect();
            found.sort();
            found.dedup();
            found
        };
        for (tag, texts) in CATALOGUE.iter().skip(1) {
            for (key, text) in texts {
                let english = CATALOGUE[0].1.get(key).unwrap_or_else(|| panic!("{tag}: {key} is not in English"));
                assert_eq!(places(text), places(english), "{tag}: {key}");
            }
            for key in CATALOGUE[0].1.keys() {
                assert!(texts.contains_key(key), "{tag} lacks {key}");
            }
        }
    }

    #[test]
    fn a_reader_gets_the_best_language_there_is() {
        assert_eq!(Texts::accepted("").tag(), "en");
        assert_eq!(Texts::accepted("xx, en;q=0.5").tag(), "en");
        assert_eq!(Texts::accepted("en;q=0.4, fr-CH;q=0.9, de;q=0.8").tag(), "fr");
        assert_eq!(Texts::of("de").unwrap().count("images", 2), "2 Bilder");
        assert_eq!(Texts::accepted("en-GB").tag(), "en");
        assert_eq!(Texts::accepted(&",".repeat(10_000)).tag(), "en");
    }

    #[test]
    fn places_are_filled_once_and_unknown_ones_stay() {
        let texts = Texts::default();
        assert_eq!(texts.with("an absent key {n} {x}", "n", "{x}"), "an absent key {x} {x}");
        assert_eq!(texts.with("open {n", "n", 1), "open {n");
    }
}
