//! What one PACS does otherwise than the standard says, as configuration names it and `manifold check dicom://` finds it.
//! Source: spec/dicom.md section 22.3.

use dicom::Tag;
use dicom::dimse::query::{Quirks, RequestCharacterSet, ReturnKeys};
use dicom::text::CharacterSet;
use std::fmt;

/// Everything that is known about one PACS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacsQuirks {
    /// How questions are written and answers are read.
    pub query: Quirks,
    /// It serves one association of ours at a time.
    pub one_association: bool,
    /// Another AE title of ours for questions and retrievals.
    pub calling_ae_title: Option<String>,
    /// Offset of its local time from UTC, where answers do not say.
    pub timezone: Option<String>,
    /// Its counts of instances say nothing.
    pub no_counts: bool,
}

/// A quirk that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadQuirk {
    pub quirk: String,
}

impl fmt::Display for BadQuirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no quirk; there are `without GGGG,EEEE`, `character-set TERM`, `latin1-requests`, `one-association`, \
             `calling-ae TITLE`, `timezone +HHMM`, `no-counts`",
            self.quirk
        )
    }
}

impl std::error::Error for BadQuirk {}

impl PacsQuirks {
    /// Reads a list of quirks, each a word and sometimes a value. Errors: [`BadQuirk`] for the first that is none.
    pub fn parse<'a>(quirks: impl IntoIterator<Item = &'a str>) -> Result<Self, BadQuirk> {
        let mut out = PacsQuirks::default();
        let mut without = Vec::new();
        for text in quirks {
            let bad = || BadQuirk { quirk: text.to_owned() };
            let (word, value) = text.trim().split_once(' ').map_or((text.trim(), ""), |(w, v)| (w, v.trim()));
            match (word, value) {
                ("without", tag) => without.push(tag_of(tag).ok_or_else(bad)?),
                ("character-set", term) if !term.is_empty() => {
                    let set = CharacterSet::from_value(term.as_bytes());
                    if set.is_assumed() {
                        return Err(bad());
                    }
                    out.query.default_character_set = set;
                }
                ("latin1-requests", "") => out.query.request_character_set = RequestCharacterSet::Latin1,
                ("one-association", "") => out.one_association = true,
                ("no-counts", "") => out.no_counts = true,
                ("calling-ae", title) if !title.is_empty() && title.len() <= 16 => {
                    out.calling_ae_title = Some(title.to_owned());
                }
                ("timezone", offset) if is_offset(offset) => out.timezone = Some(offset.to_owned()),
                _ => return Err(bad()),
            }
        }
        out.query.return_keys = ReturnKeys::all().without(&without);
        Ok(out)
    }
}

/// `GGGG,EEEE` in hexadecimal, with parentheses or without.
fn tag_of(text: &str) -> Option<Tag> {
    let (group, element) = text.trim_matches(['(', ')']).split_once(',')?;
    let number = |text: &str| (text.len() == 4).then(|| u16::from_str_radix(text, 16).ok()).flatten();
    Some(Tag(number(group)?, number(element)?))
}

fn is_offset(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or("");
    digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()) && &digits[..2] <= "14" && &digits[2..] < "60"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_are_read_and_what_is_none_is_named() {
        let quirks = PacsQuirks::parse([
            "without 0008,1032",
            "without (0040,0275)",
            "character-set ISO_IR 100",
            "latin1-requests",
            "one-association",
            "calling-ae NORTH2",
            "timezone +0100",
            "no-counts",
        ])
        .unwrap();
        assert!(quirks.one_association && quirks.no_counts);
        assert_eq!(quirks.calling_ae_title.as_deref(), Some("NORTH2"));
        assert_eq!(quirks.timezone.as_deref(), Some("+0100"));
        assert_eq!(quirks.query.default_character_set.term(), "ISO_IR 100");
        let keys: Vec<Tag> = quirks.query.return_keys.of(dicom::dimse::query::Level::Study).collect();
        assert!(!keys.contains(&Tag(0x0008, 0x1032)) && keys.contains(&Tag(0x0008, 0x1030)));
        for none in ["", "without", "without 8,1032", "character-set KLINGON", "timezone 1", "timezone +1561", "shy"] {
            let error = PacsQuirks::parse(["one-association", none]).unwrap_err();
            assert_eq!(error.quirk, none);
            assert!(error.to_string().contains("without GGGG,EEEE"));
        }
    }
}
