//! Character sets: (0008,0005) to text, with ISO 2022 code extensions. PS3.5 section 6.1, PS3.3 C.12.1.1.2.
//!
//! Strict in meaning, lenient in spelling: misspelt defined terms are read as meant (B-023), UTF-8 octets under a
//! Latin-1 or missing declaration are read as UTF-8, and designations return to the first character set at every
//! delimiter and line end (B-020).

use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7,
    ISO_8859_8, ISO_8859_15, SHIFT_JIS, WINDOWS_874, WINDOWS_1252, WINDOWS_1254,
};

use dicom_core::VR;

/// What octets above 127 (and below, for double-byte sets) mean at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repertoire {
    Ascii,
    Utf8,
    Gb18030,
    Gbk,
    Latin1,
    Latin2,
    Latin3,
    Latin4,
    Latin5,
    Latin9,
    Cyrillic,
    Arabic,
    Greek,
    Hebrew,
    Thai,
    Katakana,
    Korean,
    SimplifiedChinese,
    Kanji,
    SupplementaryKanji,
}

/// The character set of a data set, decided once from (0008,0005).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CharacterSet {
    initial: Repertoire,
    extended: bool,
    declared: bool,
    assumed: bool,
}

impl Default for CharacterSet {
    /// What holds when (0008,0005) is absent: ISO_IR 6.
    fn default() -> Self {
        Self { initial: Repertoire::Ascii, extended: false, declared: false, assumed: false }
    }
}

impl CharacterSet {
    /// `ISO_IR 192`, which this node writes.
    pub const UTF_8: Self = Self { initial: Repertoire::Utf8, extended: false, declared: true, assumed: false };

    /// Reads the value of (0008,0005).
    pub fn from_value(value: &[u8]) -> Self {
        let value = String::from_utf8_lossy(value);
        let terms: Vec<&str> = value.split('\\').map(|term| term.trim_matches([' ', '\0'])).collect();
        if terms.iter().all(|term| term.is_empty()) {
            return Self::default();
        }
        let mut set = Self { declared: true, ..Self::default() };
        let first = terms.first().copied().unwrap_or_default();
        if first.is_empty() {
            set.initial = Repertoire::Ascii;
        } else {
            let (repertoire, exact) = repertoire_of(first);
            set.assumed |= !exact;
            set.initial = repertoire.unwrap_or(Repertoire::Ascii);
        }
        set.extended = terms.len() > 1 || first.to_ascii_uppercase().contains("2022");
        for term in terms.iter().skip(1) {
            set.assumed |= !repertoire_of(term).1;
        }
        if set.extended {
            // A double-byte set may be the only value; it is still designated by escapes, ASCII holds until then.
            if matches!(
                set.initial,
                Repertoire::Kanji | Repertoire::SupplementaryKanji | Repertoire::Korean | Repertoire::SimplifiedChinese
            ) {
                set.initial = Repertoire::Ascii;
            }
            if matches!(set.initial, Repertoire::Utf8 | Repertoire::Gb18030 | Repertoire::Gbk) {
                set.extended = false;
            }
        }
        set
    }

    /// True if the declaration was misspelt or unknown, so that a report should say what was assumed.
    pub fn is_assumed(&self) -> bool {
        self.assumed
    }

    /// True if the declaration allows code extensions by escape sequences.
    pub fn is_extended(&self) -> bool {
        self.extended
    }

    /// The defined term this declaration was read as.
    pub fn term(&self) -> &'static str {
        match self.initial {
            Repertoire::Ascii => "ISO_IR 6",
            Repertoire::Utf8 => "ISO_IR 192",
            Repertoire::Gb18030 => "GB18030",
            Repertoire::Gbk => "GBK",
            Repertoire::Latin1 => "ISO_IR 100",
            Repertoire::Latin2 => "ISO_IR 101",
            Repertoire::Latin3 => "ISO_IR 109",
            Repertoire::Latin4 => "ISO_IR 110",
            Repertoire::Latin5 => "ISO_IR 148",
            Repertoire::Latin9 => "ISO_IR 203",
            Repertoire::Cyrillic => "ISO_IR 144",
            Repertoire::Arabic => "ISO_IR 127",
            Repertoire::Greek => "ISO_IR 126",
            Repertoire::Hebrew => "ISO_IR 138",
            Repertoire::Thai => "ISO_IR 166",
            Repertoire::Katakana => "ISO_IR 13",
            Repertoire::Korean => "ISO 2022 IR 149",
            Repertoire::SimplifiedChinese => "ISO 2022 IR 58",
            Repertoire::Kanji => "ISO 2022 IR 87",
            Repertoire::SupplementaryKanji => "ISO 2022 IR 159",
        }
    }

    /// The defined term a value is read as when its octets are not what (0008,0005) declares.
    pub fn correction(&self, value: &[u8]) -> Option<&'static str> {
        if self.extended || value.is_ascii() {
            return None;
        }
        match (self.initial, std::str::from_utf8(value).is_ok()) {
            (Repertoire::Ascii | Repertoire::Latin1, true) => Some("ISO_IR 192"),
            (Repertoire::Ascii | Repertoire::Utf8, false) => Some("ISO_IR 100"),
            _ => None,
        }
    }

    /// Decodes a value as it stands, padding taken off. Several values stay joined by backslashes.
    pub fn decode(&self, value: &[u8], vr: VR) -> String {
        let text = self.decode_octets(value, vr);
        trim(&text, vr).to_owned()
    }

    /// Decodes a value into its single values, padding taken off each.
    pub fn decode_values(&self, value: &[u8], vr: VR) -> Vec<String> {
        if matches!(vr, VR::LT | VR::ST | VR::UT | VR::UR) {
            let text = self.decode(value, vr);
            return if text.is_empty() { Vec::new() } else { vec![text] };
        }
        let text = self.decode_octets(value, vr);
        let text = text.trim_end_matches(['\0', ' ']);
        if text.is_empty() {
            return Vec::new();
        }
        text.split('\\').map(|one| trim(one, vr).to_owned()).collect()
    }

    fn decode_octets(&self, value: &[u8], vr: VR) -> String {
        if value.is_ascii() && !value.contains(&0x1B) {
            return String::from_utf8_lossy(value).into_owned();
        }
        // Only these VRs are subject to (0008,0005); elsewhere stray octets are shown as Latin-1.
        let subject = matches!(vr, VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT | VR::UN);
        let initial = if subject { self.initial } else { Repertoire::Ascii };
        match initial {
            // Latin-1 under a UTF-8 declaration: a readable guess beats replacement characters (B-023).
            Repertoire::Utf8 => match std::str::from_utf8(value) {
                Ok(text) => text.to_owned(),
                Err(_) => whole(WINDOWS_1252, value),
            },
            Repertoire::Gb18030 => whole(GB18030, value),
            Repertoire::Gbk => whole(GBK, value),
            _ if self.extended && subject => iso_2022(value, initial, vr),
            // Deviation: escapes without a declaration of code extensions; no text has an ESC of its own.
            Repertoire::Ascii | Repertoire::Latin1 if subject && value.contains(&0x1B) => iso_2022(value, initial, vr),
            Repertoire::Ascii | Repertoire::Latin1 => match std::str::from_utf8(value) {
                // Deviation: writers declare ISO_IR 100 or nothing and write UTF-8; Latin-1 text almost never is valid UTF-8.
                Ok(text) => text.to_owned(),
                Err(_) => whole(WINDOWS_1252, value),
            },
            other => {
                let mut out = String::new();
                single(&mut out, other, value);
                out
            }
        }
    }
}

fn trim(text: &str, vr: VR) -> &str {
    match vr {
        // Leading spaces are significant in texts (PS3.5 Table 6.2-1).
        VR::LT | VR::ST | VR::UT | VR::UC => text.trim_end_matches(['\0', ' ']),
        VR::UI => text.trim_matches(['\0', ' ']),
        _ => text.trim_end_matches('\0').trim_matches(['\0', ' ']),
    }
}

/// Reads a defined term as meant; false if it is not spelt as the standard says.
fn repertoire_of(term: &str) -> (Option<Repertoire>, bool) {
    let upper = term.to_ascii_uppercase();
    match upper.as_str() {
        "" => return (Some(Repertoire::Ascii), true),
        "GB18030" => return (Some(Repertoire::Gb18030), upper == term),
        "GBK" => return (Some(Repertoire::Gbk), upper == term),
        "UTF-8" | "UTF8" | "UTF_8" => return (Some(Repertoire::Utf8), false),
        "ISO-8859-1" | "ISO8859-1" | "LATIN1" => return (Some(Repertoire::Latin1), false),
        _ => {}
    }
    let number = upper.rfind("IR").map(|at| {
        let digits: String =
            upper[at + 2..].trim_start_matches([' ', '_', '-']).chars().take_while(char::is_ascii_digit).collect();
        digits
    });
    let found = number.as_deref().and_then(|number| {
        Some(match number {
            "6" => Repertoire::Ascii,
            "13" => Repertoire::Katakana,
            "14" => Repertoire::Katakana,
            "58" => Repertoire::SimplifiedChinese,
            "87" => Repertoire::Kanji,
            "100" => Repertoire::Latin1,
            "101" => Repertoire::Latin2,
            "109" => Repertoire::Latin3,
            "110" => Repertoire::Latin4,
            "126" => Repertoire::Greek,
            "127" => Repertoire::Arabic,
            "138" => Repertoire::Hebrew,
            "144" => Repertoire::Cyrillic,
            "148" => Repertoire::Latin5,
            "149" => Repertoire::Korean,
            "159" => Repertoire::SupplementaryKanji,
            "166" => Repertoire::Thai,
            "192" => Repertoire::Utf8,
            "203" => Repertoire::Latin9,
            _ => return None,
        })
    });
    let digits = number.unwrap_or_default();
    let exact = found.is_some()
        && (term == format!("ISO 2022 IR {digits}") || (term == format!("ISO_IR {digits}") && digits != "6"));
    (found, exact)
}

fn whole(encoding: &'static Encoding, octets: &[u8]) -> String {
    encoding.decode_without_bom_handling(octets).0.into_owned()
}

fn single(out: &mut String, repertoire: Repertoire, octets: &[u8]) {
    let encoding = match repertoire {
        Repertoire::Latin2 => ISO_8859_2,
        Repertoire::Latin3 => ISO_8859_3,
        Repertoire::Latin4 => ISO_8859_4,
        Repertoire::Latin5 => WINDOWS_1254,
        Repertoire::Latin9 => ISO_8859_15,
        Repertoire::Cyrillic => ISO_8859_5,
        Repertoire::Arabic => ISO_8859_6,
        Repertoire::Greek => ISO_8859_7,
        Repertoire::Hebrew => ISO_8859_8,
        Repertoire::Thai => WINDOWS_874,
        Repertoire::Korean => EUC_KR,
        Repertoire::SimplifiedChinese => GBK,
        Repertoire::Kanji | Repertoire::SupplementaryKanji => EUC_JP,
        Repertoire::Katakana => SHIFT_JIS,
        Repertoire::Utf8 => encoding_rs::UTF_8,
        Repertoire::Gb18030 => GB18030,
        Repertoire::Gbk => GBK,
        // Windows-1252 is Latin-1 plus printable characters where Latin-1 has controls.
        Repertoire::Ascii | Repertoire::Latin1 => WINDOWS_1252,
    };
    out.push_str(&encoding.decode_without_bom_handling(octets).0);
}

/// Decodes text with code extensions. Source: PS3.5 6.1.2.5.
fn iso_2022(octets: &[u8], initial: Repertoire, vr: VR) -> String {
    let mut out = String::with_capacity(octets.len());
    let mut g0 = Repertoire::Ascii;
    let mut g1 = initial;
    let mut run: Vec<u8> = Vec::new();
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        if octet == 0x1B {
            if let Some((length, in_g1, repertoire)) = escape(&octets[at + 1..]) {
                flush(&mut out, &mut run, g0, g1);
                if in_g1 {
                    g1 = repertoire;
                } else {
                    g0 = repertoire;
                }
                at += 1 + length;
                continue;
            }
            // An escape of no known set is dropped, its text stays.
            at += 1;
            continue;
        }
        let double = matches!(g0, Repertoire::Kanji | Repertoire::SupplementaryKanji);
        let delimiter = match octet {
            b'\n' | b'\r' | 0x0C | b'\t' => true,
            b'\\' => !double && !matches!(vr, VR::LT | VR::ST | VR::UT),
            b'^' | b'=' => !double && vr == VR::PN,
            _ => false,
        };
        if delimiter {
            flush(&mut out, &mut run, g0, g1);
            out.push(char::from(octet));
            g0 = Repertoire::Ascii;
            g1 = initial;
            at += 1;
            continue;
        }
        run.push(octet);
        at += 1;
    }
    flush(&mut out, &mut run, g0, g1);
    out
}

fn flush(out: &mut String, run: &mut Vec<u8>, g0: Repertoire, g1: Repertoire) {
    if run.is_empty() {
        return;
    }
    match g0 {
        Repertoire::Kanji | Repertoire::SupplementaryKanji => {
            let mut euc = Vec::with_capacity(run.len() * 2);
            let mut lead = true;
            for &octet in run.iter() {
                // Space and controls stand outside the 94x94 sets.
                if octet <= 0x20 {
                    euc.push(octet);
                    lead = true;
                    continue;
                }
                if lead && g0 == Repertoire::SupplementaryKanji {
                    euc.push(0x8F);
                }
                euc.push(octet | 0x80);
                lead = !lead;
            }
            single(out, Repertoire::Kanji, &euc);
        }
        _ => {
            if run.is_ascii() {
                out.push_str(&String::from_utf8_lossy(run));
            } else {
                single(out, g1, run);
            }
        }
    }
    run.clear();
}

/// An escape sequence after ESC: its length, whether it designates G1, and the set.
fn escape(rest: &[u8]) -> Option<(usize, bool, Repertoire)> {
    let known = match rest {
        [b'$', b'B', ..] | [b'$', b'@', ..] => (2, false, Repertoire::Kanji),
        [b'$', b'(', b'D', ..] => (3, false, Repertoire::SupplementaryKanji),
        [b'$', b')', b'C', ..] => (3, true, Repertoire::Korean),
        [b'$', b')', b'A', ..] => (3, true, Repertoire::SimplifiedChinese),
        [b'(', b'B' | b'J', ..] => (2, false, Repertoire::Ascii),
        [b')', b'I', ..] => (2, true, Repertoire::Katakana),
        [b'-', b'A', ..] => (2, true, Repertoire::Latin1),
        [b'-', b'B', ..] => (2, true, Repertoire::Latin2),
        [b'-', b'C', ..] => (2, true, Repertoire::Latin3),
        [b'-', b'D', ..] => (2, true, Repertoire::Latin4),
        [b'-', b'L', ..] => (2, true, Repertoire::Cyrillic),
        [b'-', b'G', ..] => (2, true, Repertoire::Arabic),
        [b'-', b'F', ..] => (2, true, Repertoire::Greek),
        [b'-', b'H', ..] => (2, true, Repertoire::Hebrew),
        [b'-', b'M', ..] => (2, true, Repertoire::Latin5),
        [b'-', b'T', ..] => (2, true, Repertoire::Thai),
        [b'-', b'b', ..] => (2, true, Repertoire::Latin9),
        _ => return None,
    };
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(charset: &[u8], value: &[u8]) -> String {
        CharacterSet::from_value(charset).decode(value, VR::PN)
    }

    #[test]
    fn designations_end_at_every_component_of_a_name() {
        // B-020
        let value = b"\xE7^\x1B$)C\xC8\xAB^\xE7";
        assert_eq!(name(b"ISO 2022 IR 100\\ISO 2022 IR 149", value), "ç^홍^ç");
    }

    #[test]
    fn the_examples_of_the_standard_read_as_printed() {
        // PS3.5 H.3.1, H.3.2, I.2, K.2
        let value = b"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B";
        assert_eq!(name(b"\\ISO 2022 IR 87", value), "Yamada^Tarou=山田^太郎=やまだ^たろう");
        let value =
            b"\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\x1B$B;3ED\x1B(J^\x1B$BB@O:\x1B(J=\x1B$B$d$^$@\x1B(J^\x1B$B$?$m$&\x1B(J";
        assert_eq!(name(b"ISO 2022 IR 13\\ISO 2022 IR 87", value), "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
        let value = b"Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7=\x1B$)C\xC8\xAB^\x1B$)C\xB1\xE6\xB5\xBF";
        assert_eq!(name(b"\\ISO 2022 IR 149", value), "Hong^Gildong=洪^吉洞=홍^길동");
        let value = b"Zhang^XiaoDong=\x1B$)A\xD5\xC5^\x1B$)A\xD0\xA1\xB6\xAB=";
        assert_eq!(name(b"\\ISO 2022 IR 58", value), "Zhang^XiaoDong=张^小东=");
    }

    #[test]
    fn misspelt_terms_are_read_as_meant_and_marked() {
        // B-023
        for (term, value, text) in [
            (&b"ISO IR 192"[..], "Müller".as_bytes(), "Müller"),
            (b"iso_ir 100", b"M\xFCller", "Müller"),
            (b"ISO_IR 6", b"Muller", "Muller"),
            (b"ISO 2022 IR 6, IS", b"M\xFCller", "Müller"),
            (b"ISO_IR 999", b"M\xFCller", "Müller"),
        ] {
            let set = CharacterSet::from_value(term);
            assert!(set.is_assumed(), "{term:?}");
            assert_eq!(set.decode(value, VR::PN), text);
        }
        assert!(!CharacterSet::from_value(b"ISO_IR 100 ").is_assumed());
        assert!(!CharacterSet::from_value(b"\\ISO 2022 IR 87").is_assumed());
    }

    #[test]
    fn utf_8_under_a_latin_declaration_is_read_as_utf_8() {
        assert_eq!(name(b"ISO_IR 100", "Müller^Änne".as_bytes()), "Müller^Änne");
        assert_eq!(name(b"", "Müller".as_bytes()), "Müller");
        assert_eq!(name(b"ISO_IR 192", b"M\xFCller"), "Müller");
        assert_eq!(CharacterSet::from_value(b"ISO_IR 192").correction(b"M\xFCller"), Some("ISO_IR 100"));
        assert_eq!(CharacterSet::from_value(b"ISO_IR 100").correction("Müller".as_bytes()), Some("ISO_IR 192"));
        assert_eq!(CharacterSet::from_value(b"ISO_IR 100").correction(b"M\xFCller"), None);
        assert_eq!(name(b"ISO_IR 144", b"\xBB\xEE\xDA\xE1\xD5\xDC"), "Люксем");
        assert_eq!(name(b"ISO_IR 148", b"\xDEeker"), "Şeker");
    }

    #[test]
    fn escapes_are_read_though_nothing_declares_them() {
        let value = b"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B";
        for declared in [&b""[..], b"ISO_IR 100", b"ISO_IR 6"] {
            assert_eq!(name(declared, value), "Yamada^Tarou=山田^太郎", "{declared:?}");
            assert!(!CharacterSet::from_value(declared).is_extended());
        }
    }

    #[test]
    fn values_are_split_and_padding_is_taken_off() {
        let set = CharacterSet::default();
        assert_eq!(set.decode_values(b"A\\ B \\", VR::LO), ["A", "B", ""]);
        assert_eq!(set.decode_values(b"a\\b ", VR::LT), ["a\\b"]);
        assert_eq!(set.decode(b"2.25.1\0", VR::UI), "2.25.1");
        assert!(set.decode_values(b"  ", VR::LO).is_empty());
    }
}
