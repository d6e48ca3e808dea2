//! Character sets as MSH-18 names them (HL7 table 0211). Source: spec/reports.md section 3.

use encoding_rs::Encoding;

/// How the octets of a message are characters. ASCII is in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

/// Why a message is not read as MSH-18 says, or MSH-18 says nothing of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CharsetFlaw {
    /// No MSH-18, or one that says ASCII, and octets beyond ASCII.
    Unstated,
    /// A name that is in no table.
    Unknown(String),
    /// The octets break the rules of the set that is named.
    DoesNotFit(String),
}

impl Charset {
    pub const UTF_8: Charset = Charset(encoding_rs::UTF_8);
    /// Stands for ISO 8859-1 as well, of which it has every printable character.
    pub const WINDOWS_1252: Charset = Charset(encoding_rs::WINDOWS_1252);

    /// By one value of MSH-18. `None`: a name nobody knows, or a set that cannot travel in MLLP (UTF-16, UTF-32).
    pub fn named(name: &str) -> Option<Charset> {
        let folded: String = name.trim().chars().map(|c| if c == '_' { ' ' } else { c.to_ascii_uppercase() }).collect();
        let label = match folded.as_str() {
            "UNICODE UTF-8" | "UNICODE" | "UTF-8" | "UTF8" => "utf-8",
            "ISO IR6" | "ISO IR 6" => "utf-8",
            "8859/1" | "ISO IR100" | "ISO IR 100" => "windows-1252",
            "8859/2" => "iso-8859-2",
            "8859/3" => "iso-8859-3",
            "8859/4" => "iso-8859-4",
            "8859/5" => "iso-8859-5",
            "8859/6" => "iso-8859-6",
            "8859/7" => "iso-8859-7",
            "8859/8" => "iso-8859-8-i",
            "8859/9" => "windows-1254",
            "8859/10" => "iso-8859-10",
            "8859/13" => "iso-8859-13",
            "8859/14" => "iso-8859-14",
            "8859/15" => "iso-8859-15",
            "8859/16" => "iso-8859-16",
            "ISO IR14" => "shift_jis",
            "ISO IR87" | "ISO IR159" => "iso-2022-jp",
            "GB 18030-2000" | "GB 18030" => "gb18030",
            "KS X 1001" => "euc-kr",
            "BIG-5" | "BIG5" => "big5",
            // Leniency: peers write the names of the Web, such as windows-1252.
            _ => name.trim(),
        };
        let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
        let is_wide = encoding == encoding_rs::UTF_16BE || encoding == encoding_rs::UTF_16LE;
        (!is_wide).then_some(Charset(encoding))
    }

    /// The set of a whole MSH-18: the first repetition, unless a further one adds Japanese by escape sequences (ISO
    /// 2022), which the first alone would not read. `Err` holds the name that is not known.
    pub(crate) fn of_field<'a>(names: impl Iterator<Item = &'a str>) -> Result<Option<Charset>, String> {
        let mut chosen = None;
        for name in names.map(str::trim).take(16) {
            if name.is_empty() || name.eq_ignore_ascii_case("ASCII") {
                continue;
            }
            let charset = Charset::named(name).ok_or_else(|| name.chars().take(40).collect::<String>())?;
            if chosen.is_none() || charset.0 == encoding_rs::ISO_2022_JP {
                chosen = Some(charset);
            }
        }
        Ok(chosen)
    }

    /// `None` when the octets break the set's rules.
    pub fn decode(self, octets: &[u8]) -> Option<String> {
        self.0.decode_without_bom_handling_and_without_replacement(octets).map(|text| text.into_owned())
    }

    /// What cannot be written becomes a question mark.
    pub fn encode(self, text: &str) -> Vec<u8> {
        let (octets, _, lossy) = self.0.encode(text);
        if !lossy {
            return octets.into_owned();
        }
        // encoding_rs writes numeric character references, which mean nothing here.
        let mut buffer = [0; 4];
        text.chars()
            .flat_map(|c| match self.0.encode(c.encode_utf8(&mut buffer)) {
                (octets, _, false) => octets.into_owned(),
                _ => vec![b'?'],
            })
            .collect()
    }

    /// As MSH-18 names it, where it has a name there.
    pub fn name(self) -> &'static str {
        const NAMES: [(&Encoding, &str); 4] = [
            (encoding_rs::UTF_8, "UNICODE UTF-8"),
            (encoding_rs::WINDOWS_1252, "8859/1"),
            (encoding_rs::ISO_8859_2, "8859/2"),
            (encoding_rs::ISO_8859_15, "8859/15"),
        ];
        NAMES.iter().find(|(encoding, _)| *encoding == self.0).map_or(self.0.name(), |(_, name)| name)
    }
}

/// Reads a message's octets by the rule of spec/reports.md section 3: what is stated if it fits, else UTF-8 if it
/// fits, else windows-1252, which fits nearly always.
pub(crate) fn read(octets: &[u8], stated: Result<Option<Charset>, String>) -> (String, Charset, Option<CharsetFlaw>) {
    let is_ascii = octets.is_ascii();
    let flaw = match stated {
        Ok(Some(charset)) => match charset.decode(octets) {
            Some(text) => return (text, charset, None),
            None => CharsetFlaw::DoesNotFit(charset.name().to_owned()),
        },
        Ok(None) => CharsetFlaw::Unstated,
        Err(name) => CharsetFlaw::Unknown(name),
    };
    // Text in ASCII is safe whatever it was meant to be, and a wrong name does no harm.
    let flaw = if is_ascii { None } else { Some(flaw) };
    match Charset::UTF_8.decode(octets) {
        Some(text) => (text, Charset::UTF_8, flaw),
        None => {
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(octets);
            (text.into_owned(), Charset::WINDOWS_1252, flaw)
        }
    }
}
