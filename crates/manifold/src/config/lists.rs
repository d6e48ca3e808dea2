//! The files a configuration refers to: value sets (`codes.toml`), the region map (`regions.toml`), known patients
//! (`patients.csv`); and the built-in versions of the first two.

use super::ConfigError;
use fhir::metadata_defaults::MetadataDefaults;
use model::{
    Check, Code, CodedAttribute, Dtm, Oid, Patient, PatientId, PersonName, RegionMap, RegionRule, Sex, ValueList,
    ValueSets, schemes,
};
use serde::Deserialize;
use std::path::Path;

/// The value sets that apply when a node names no file, and the file `demo --write-config` writes.
pub fn default_codes_toml() -> &'static str {
    include_str!("codes.toml")
}

/// The region map that applies when a node names no file.
pub fn default_regions_toml() -> &'static str {
    include_str!("regions.toml")
}

/// `code^display^scheme`.
pub(super) fn code(text: &str) -> Result<Code, String> {
    let mut parts = text.split('^');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(code), Some(display), Some(scheme), None) if !code.is_empty() && !scheme.is_empty() => {
            Ok(Code::new(code, scheme, display))
        }
        _ => Err(format!("must have the form code^display^scheme; got `{text}`")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodesFile {
    #[serde(default)]
    list: Vec<ListEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListEntry {
    attribute: String,
    check: String,
    codes: Vec<String>,
}

/// Reads value sets; `None` gives the built-in ones.
/// Errors: unreadable file, an unknown attribute or check, a code not of the form `code^display^scheme`.
pub fn read_codes(path: Option<&Path>) -> Result<ValueSets, ConfigError> {
    let (file, text) = read(path, "codes.toml", default_codes_toml())?;
    let wrong = |key: String, rule: String| ConfigError::Invalid { file: file.clone(), key, rule };
    let parsed: CodesFile = toml::from_str(&text).map_err(|e| super::unknown_or_invalid(&file, &e))?;
    let mut sets = ValueSets::default();
    for list in parsed.list {
        let attribute = CodedAttribute::ALL.into_iter().find(|a| a.name() == list.attribute).ok_or_else(|| {
            let nearest = CodedAttribute::ALL.iter().min_by_key(|a| super::distance(a.name(), &list.attribute));
            let hint = nearest.map(|a| a.name()).unwrap_or_default();
            wrong(
                "list.attribute".into(),
                format!("`{}` is no coded attribute; did you mean `{hint}`?", list.attribute),
            )
        })?;
        let check = match list.check.as_str() {
            "refuse" => Check::Refuse,
            "warn" => Check::Warn,
            "off" => Check::Off,
            other => return Err(wrong("list.check".into(), format!("must be refuse, warn or off; got `{other}`"))),
        };
        let codes = list
            .codes
            .iter()
            .map(|text| if attribute == CodedAttribute::MimeType { Ok(Code::new(text, "", "")) } else { code(text) })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|rule| wrong(format!("list[{}].codes", list.attribute), rule))?;
        sets.lists.push(ValueList { attribute, check, codes });
    }
    Ok(sets)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionsFile {
    #[serde(default)]
    rule: Vec<RuleEntry>,
    #[serde(default)]
    equivalent: Vec<EquivalentEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    #[serde(default)]
    body_parts: Vec<String>,
    #[serde(default)]
    codes: Vec<String>,
    regions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EquivalentEntry {
    code: String,
    region: String,
}

/// Reads the region map; `None` gives the built-in one.
/// Errors: unreadable file, unknown key, a region outside the coarse value set.
pub fn read_regions(path: Option<&Path>) -> Result<RegionMap, ConfigError> {
    let (file, text) = read(path, "regions.toml", default_regions_toml())?;
    let parsed: RegionsFile = toml::from_str(&text).map_err(|e| super::unknown_or_invalid(&file, &e))?;
    let region = |text: &str| {
        let coarse = RegionMap::coarse().into_iter().find(|c| c.code == text);
        match code(text) {
            Ok(own) => Ok(own),
            Err(_) => coarse.ok_or_else(|| ConfigError::Invalid {
                file: file.clone(),
                key: "regions".into(),
                rule: format!("`{text}` is neither one of the ten coarse regions nor code^display^scheme"),
            }),
        }
    };
    let mut map = RegionMap { rules: Vec::new(), equivalents: Vec::new() };
    for rule in parsed.rule {
        map.rules.push(RegionRule {
            body_parts: rule.body_parts.iter().map(|p| p.to_ascii_uppercase()).collect(),
            codes: rule.codes,
            regions: rule.regions.iter().map(|r| region(r)).collect::<Result<_, _>>()?,
        });
    }
    for equivalent in parsed.equivalent {
        map.equivalents.push((equivalent.code, region(&equivalent.region)?));
    }
    Ok(map)
}

/// Reads `id,name,birth_date,sex` lines; the name is a DICOM PN, the date YYYY-MM-DD. A header line is skipped.
/// Errors: unreadable file, a line that breaks a rule, by its number.
pub fn read_patients(path: &Path, domain: &Oid) -> Result<Vec<Patient>, ConfigError> {
    let (file, text) = read(Some(path), "", "")?;
    let mut patients = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.starts_with("id,")) {
            continue;
        }
        let wrong = |rule: &str| ConfigError::Invalid {
            file: file.clone(),
            key: format!("line {}", number + 1),
            rule: rule.to_owned(),
        };
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [id, name, birth_date, sex] = fields[..] else {
            return Err(wrong("must have four fields: id,name,birth_date,sex"));
        };
        if id.is_empty() {
            return Err(wrong("has no id"));
        }
        let birth_date = match birth_date.replace('-', "") {
            empty if empty.is_empty() => None,
            digits => Some(Dtm::parse(&digits).map_err(|_| wrong("has a birth date that is not YYYY-MM-DD"))?),
        };
        let sex = match sex {
            "" => None,
            text => Some(Sex::from_code(text).ok_or_else(|| wrong("has a sex that is not M, F, O or U"))?),
        };
        patients.push(Patient {
            id: PatientId::new(id, domain.clone()),
            other_ids: Vec::new(),
            name: PersonName::from_dicom(name),
            birth_date,
            sex,
            details: Default::default(),
        });
    }
    Ok(patients)
}

fn read(path: Option<&Path>, name: &str, built_in: &str) -> Result<(String, String), ConfigError> {
    match path {
        None => Ok((format!("built-in {name}"), built_in.to_owned())),
        Some(path) => {
            let file = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|e| ConfigError::Read { file: file.clone(), reason: e.to_string() })?;
            Ok((file, text))
        }
    }
}

/// A code of the configuration that [`NodeConfig::validate`](super::NodeConfig) has already read once.
pub fn checked_code(text: &str) -> Code {
    code(text).unwrap_or_else(|_| Code::new(text, schemes::SNOMED_CT, ""))
}

/// What completes Minimal metadata, from codes that [`NodeConfig::validate`](super::NodeConfig) has read once.
pub fn recipient_defaults(keys: &super::RecipientMetadata) -> MetadataDefaults {
    let preset = MetadataDefaults::default();
    let code = |text: &Option<String>, preset: Code| text.as_deref().map_or(preset, checked_code);
    MetadataDefaults {
        class_code: code(&keys.class_code, preset.class_code),
        type_code: code(&keys.type_code, preset.type_code),
        format_code: code(&keys.format_code, preset.format_code),
        healthcare_facility_type_code: code(&keys.healthcare_facility_type_code, preset.healthcare_facility_type_code),
        practice_setting_code: code(&keys.practice_setting_code, preset.practice_setting_code),
        confidentiality_code: code(&keys.confidentiality_code, preset.confidentiality_code),
        language_code: keys.language_code.clone().unwrap_or(preset.language_code),
    }
}
