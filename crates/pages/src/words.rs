//! Words before codes: what a modality, a region and a document are called. ui.md, principle 3.

use crate::{Reader, Texts};
use model::{Author, Code, DocumentEntry, ReferenceId, RegionMap, Xcn, schemes};

/// A modality as a text badge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// Value of the filter: modalities that mean the same to a reader share it.
    pub value: String,
    /// `CT`, `X-ray`.
    pub label: String,
    /// `Computed tomography`.
    pub name: String,
}

/// Modalities that mean the same to a reader: CR and DX are both X-ray.
pub fn modality_family(code: &str) -> &str {
    match code {
        "CR" | "DX" | "RG" => "XR",
        "IO" | "PX" => "DENTAL",
        "IVUS" | "BDUS" => "US",
        "OP" | "OPT" | "OPM" | "OPV" | "OCT" | "OPTENF" | "OPTBSV" => "EYE",
        "PET" => "PT",
        other => other,
    }
}

impl Badge {
    pub(crate) fn of(texts: Texts, code: &Code) -> Badge {
        let family = modality_family(code.code.trim());
        let known = texts.find(&format!("modality.{family}"));
        let label = known.unwrap_or(family).to_owned();
        let name = match (texts.find(&format!("modality.{family}.long")), known) {
            (Some(name), _) | (None, Some(name)) => name.to_owned(),
            (None, None) => code.label().to_owned(),
        };
        Badge { value: family.to_owned(), label, name }
    }
}

/// Modality codes of an entry: DCM codes in eventCodeList.
pub(crate) fn modalities(entry: &DocumentEntry) -> impl Iterator<Item = &Code> {
    entry.event_code_list.iter().filter(|code| is_modality(code))
}

fn is_modality(code: &Code) -> bool {
    let short = (1..=10).contains(&code.code.len()) && code.code.bytes().all(|b| b.is_ascii_uppercase());
    (code.scheme == schemes::DCM || code.scheme == "DCM") && short
}

/// Coarse regions of an entry, as our own codes.
pub(crate) fn regions(entry: &DocumentEntry, map: &RegionMap) -> Vec<Code> {
    let mut out: Vec<Code> = Vec::new();
    for code in entry.event_code_list.iter().filter(|code| map.is_region(code)) {
        if let Some(region) = map.normalise(code)
            && !out.iter().any(|known| known.means(&region))
        {
            out.push(region);
        }
    }
    out
}

/// `Head and neck`.
pub(crate) fn region_name(texts: Texts, code: &Code) -> String {
    texts.find(&format!("region.{}", code.code)).map_or_else(|| code.label().to_owned(), str::to_owned)
}

/// What was done: codes that are neither modality nor region.
pub(crate) fn procedures<'a>(entry: &'a DocumentEntry, map: &'a RegionMap) -> impl Iterator<Item = &'a Code> {
    entry.event_code_list.iter().filter(|code| !is_modality(code) && !map.is_region(code))
}

/// A title that says something; "Radiology report" does not.
pub(crate) fn telling_title(texts: Texts, entry: &DocumentEntry) -> Option<String> {
    let title = entry.title.value().map(str::trim).filter(|title| !title.is_empty())?;
    let plain = title.to_lowercase();
    let empty = texts.say("title.generic").split(',').any(|word| word.trim() == plain);
    (!empty).then(|| title.to_owned())
}

/// The hospital: the author's institution, else what kind of facility it is.
pub(crate) fn place(entry: &DocumentEntry) -> String {
    let institution = entry.authors.iter().flat_map(|author| &author.institutions).map(|xon| xon.name());
    let mut named = institution.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    named.next().unwrap_or_else(|| entry.healthcare_facility_type_code.label().to_owned())
}

/// `Dr. Märta Lindqvist`, from HL7 components.
pub(crate) fn person(xcn: &Xcn) -> Option<String> {
    let parts = [6, 3, 4, 2, 5].map(|n| xcn.component(n));
    let name = parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ");
    if !name.is_empty() {
        return Some(name);
    }
    let id = xcn.component(1);
    (!id.is_empty()).then_some(id)
}

/// Persons among the authors.
pub(crate) fn persons(authors: &[Author]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in authors.iter().filter_map(|author| author.person.as_ref()).filter_map(person) {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

/// A number and who gave it: `A3002 (2.999.1.2.3)`.
pub(crate) fn reference(reference: &ReferenceId) -> String {
    let issuer = reference
        .authority
        .as_ref()
        .and_then(|hd| hd.oid.as_ref().map(|oid| oid.as_str().to_owned()).or_else(|| hd.namespace.clone()));
    match issuer {
        Some(issuer) => format!("{} ({issuer})", reference.id),
        None => reference.id.clone(),
    }
}

/// `CT of chest · 169069000 (2.16.840.1.113883.6.96)`.
pub(crate) fn code_with_words(code: &Code) -> String {
    if code.label() == code.code {
        return format!("{} ({})", code.code, code.scheme);
    }
    format!("{} · {} ({})", code.label(), code.code, code.scheme)
}

/// A name and its value in a list of facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: String,
    pub value: String,
    /// Identifiers and codes are set in another face.
    pub code: bool,
}

impl Fact {
    pub(crate) fn words(name: &str, value: impl Into<String>) -> Fact {
        Fact { name: name.to_owned(), value: value.into(), code: false }
    }

    pub(crate) fn code(name: &str, value: impl Into<String>) -> Fact {
        Fact { name: name.to_owned(), value: value.into(), code: true }
    }
}

/// Facts under one heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactGroup {
    /// Empty where there is only one.
    pub title: String,
    pub facts: Vec<Fact>,
}

/// Numbers and codes of an entry that its study and its reports share.
pub(crate) fn shared_codes(entry: &DocumentEntry, reader: &Reader) -> Vec<Fact> {
    use model::reference_types as kinds;
    let texts = reader.texts;
    let mut facts = Vec::new();
    let kind = |kind: &str| match kind {
        kinds::STUDY_INSTANCE_UID => Some("fact.study_uid"),
        kinds::ACCESSION => Some("fact.accession"),
        kinds::ORDER => Some("fact.order"),
        _ => None,
    };
    for id in &entry.reference_id_list {
        match kind(&id.kind) {
            Some(key) => facts.push(Fact::code(texts.say(key), reference(id))),
            None => facts.push(Fact::code(&id.kind, reference(id))),
        }
    }
    for code in &entry.event_code_list {
        facts.push(Fact::code(texts.say("fact.event"), code_with_words(code)));
    }
    facts
}

/// Codes and identifiers of one document alone.
pub(crate) fn own_codes(entry: &DocumentEntry, reader: &Reader) -> Vec<Fact> {
    let texts = reader.texts;
    let mut facts = vec![Fact::code(texts.say("fact.type"), code_with_words(&entry.type_code))];
    facts.push(Fact::code(texts.say("fact.format"), code_with_words(&entry.format_code)));
    facts.push(Fact::code(texts.say("fact.unique_id"), entry.unique_id.as_str()));
    facts.push(Fact::code(texts.say("fact.entry_uuid"), entry.id.as_str()));
    if let Some(repository) = &entry.repository_unique_id {
        facts.push(Fact::code(texts.say("fact.repository"), repository.as_str()));
    }
    if let Some(home) = &entry.home_community_id {
        facts.push(Fact::code(texts.say("fact.community"), home.to_string()));
    }
    facts
}

/// A name as people look for it in a list: accents and case aside, for the letters of European languages.
pub(crate) fn sort_key(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => out.push('a'),
            'æ' => out.push_str("ae"),
            'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => out.push('c'),
            'ď' | 'đ' | 'ð' => out.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => out.push('e'),
            'ĝ' | 'ğ' | 'ġ' | 'ģ' => out.push('g'),
            'ĥ' | 'ħ' => out.push('h'),
            'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => out.push('i'),
            'ĵ' => out.push('j'),
            'ķ' => out.push('k'),
            'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => out.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => out.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => out.push('o'),
            'œ' => out.push_str("oe"),
            'ŕ' | 'ŗ' | 'ř' => out.push('r'),
            'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => out.push('s'),
            'ß' => out.push_str("ss"),
            'ţ' | 'ť' | 'ŧ' | 'ț' => out.push('t'),
            'þ' => out.push_str("th"),
            'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => out.push('u'),
            'ŵ' => out.push('w'),
            'ý' | 'ÿ' | 'ŷ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            '\'' | '’' | '-' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_is_in_the_order_that_people_expect() {
        let mut names = [
            "ZOLA",
            "ŁUKASIŃSKA",
            "D'ANGELO",
            "ÞORSTEINSDÓTTIR",
            "MÜLLER",
            "ȘTEFĂNESCU",
            "DURAND",
            "SØRENSEN",
            "MUNCH",
        ];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(
            names,
            [
                "D'ANGELO",
                "DURAND",
                "ŁUKASIŃSKA",
                "MÜLLER",
                "MUNCH",
                "SØRENSEN",
                "ȘTEFĂNESCU",
                "ÞORSTEINSDÓTTIR",
                "ZOLA"
            ]
        );
    }

    #[test]
    fn modalities_that_mean_the_same_share_a_word() {
        let badge = |code: &str| Badge::of(Texts::default(), &Code::new(code, schemes::DCM, code));
        assert_eq!(badge("CR"), badge("DX"));
        assert_eq!((badge("CT").label.as_str(), badge("CT").name.as_str()), ("CT", "Computed tomography"));
        assert_eq!(badge("XYZ").label, "XYZ");
    }

    #[test]
    fn a_person_is_called_as_people_are() {
        assert_eq!(person(&Xcn::parse("^LINDQVIST^Märta^^^Dr.").unwrap()).unwrap(), "Dr. Märta LINDQVIST");
        assert_eq!(person(&Xcn::parse("123").unwrap()).unwrap(), "123");
    }
}
