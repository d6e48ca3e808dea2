//! Entries in words and as JSON: words before codes, dates readable, times in UTC as the registry keeps them.

use super::output::visible;
use model::{AvailabilityStatus, Code, DocumentEntry, Dtm, Precision, RegionMap, reference_types, schemes};
use serde_json::{Value, json};

/// What an entry's document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Images,
    Report,
    Other,
}

pub fn kind(entry: &DocumentEntry) -> Kind {
    match entry.class_code.code.as_str() {
        "IMAGES" => Kind::Images,
        "REPORTS" => Kind::Report,
        _ if entry.is_kos() => Kind::Images,
        _ => Kind::Other,
    }
}

/// `Images: CT chest`.
pub fn what(entry: &DocumentEntry) -> String {
    let title = entry.title.value().filter(|t| !t.trim().is_empty()).unwrap_or(entry.type_code.label());
    let kind = match kind(entry) {
        Kind::Images => "Images",
        Kind::Report => "Report",
        Kind::Other => entry.class_code.label(),
    };
    visible(&format!("{kind}: {title}"))
}

/// When the service took place, else when the document was made.
pub fn time(entry: &DocumentEntry) -> Option<&Dtm> {
    entry.service_start_time.as_ref().or(entry.creation_time.as_ref())
}

/// `2026-03-12 09:15`, as precise as it is.
pub fn readable_time(time: &Dtm) -> String {
    let text = time.as_str();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or("");
    match time.precision() {
        Precision::Year => text.to_owned(),
        Precision::Month => format!("{}-{}", part(0, 4), part(4, 6)),
        Precision::Day | Precision::Hour => format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8)),
        Precision::Minute | Precision::Second => {
            format!("{}-{}-{} {}:{}", part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 12))
        }
    }
}

/// RFC 3339 as far as the value goes: `2026-03-12T09:15:03Z`, `2026-03-12`, `2026`.
pub fn iso_time(time: &Dtm) -> String {
    let text = time.as_str();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or("00");
    match time.precision() {
        Precision::Year => text.to_owned(),
        Precision::Month => format!("{}-{}", part(0, 4), part(4, 6)),
        Precision::Day => format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8)),
        _ => {
            let (date, hour) = (format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8)), part(8, 10));
            format!("{date}T{hour}:{}:{}Z", part(10, 12), part(12, 14))
        }
    }
}

pub fn modalities(entry: &DocumentEntry) -> Vec<&Code> {
    entry.event_code_list.iter().filter(|c| c.scheme == schemes::DCM).collect()
}

pub fn regions<'a>(entry: &'a DocumentEntry, map: &RegionMap) -> Vec<&'a Code> {
    entry.event_code_list.iter().filter(|c| map.is_region(c)).collect()
}

/// Event codes that are neither a modality nor a region: what was done.
pub fn procedures<'a>(entry: &'a DocumentEntry, map: &RegionMap) -> Vec<&'a Code> {
    entry.event_code_list.iter().filter(|c| c.scheme != schemes::DCM && !map.is_region(c)).collect()
}

/// Name of the first institution that wrote it.
pub fn institution(entry: &DocumentEntry) -> String {
    entry.authors.iter().flat_map(|a| &a.institutions).next().map(|i| visible(&i.name())).unwrap_or_default()
}

pub fn status(entry: &DocumentEntry) -> &'static str {
    match entry.availability_status {
        AvailabilityStatus::Approved => "current",
        AvailabilityStatus::Deprecated => "replaced",
    }
}

pub fn labels(codes: &[&Code]) -> String {
    let labels: Vec<&str> = codes.iter().map(|c| c.label()).collect();
    visible(&labels.join(", "))
}

/// Modalities are known by their codes.
pub fn modality_codes(entry: &DocumentEntry) -> String {
    let codes: Vec<&str> = modalities(entry).iter().map(|c| c.code.as_str()).collect();
    visible(&codes.join(", "))
}

fn code_json(code: &Code) -> Value {
    json!({ "code": code.code, "scheme": code.scheme, "display": code.display.value() })
}

/// One entry for programs; the schema is docs/cli/query.schema.json.
pub fn entry_json(entry: &DocumentEntry, map: &RegionMap) -> Value {
    let codes = |codes: Vec<&Code>| codes.into_iter().map(code_json).collect::<Vec<_>>();
    let references: Vec<String> = entry.reference_id_list.iter().map(ToString::to_string).collect();
    let reference = |kind: &'static str| entry.references(kind).collect::<Vec<_>>();
    json!({
        "unique_id": entry.unique_id.as_str(),
        "entry_uuid": entry.id.as_str(),
        "class": match kind(entry) { Kind::Images => "images", Kind::Report => "reports", Kind::Other => "other" },
        "class_code": code_json(&entry.class_code),
        "type_code": code_json(&entry.type_code),
        "format_code": code_json(&entry.format_code),
        "title": entry.title.value(),
        "status": match entry.availability_status {
            AvailabilityStatus::Approved => "approved",
            AvailabilityStatus::Deprecated => "deprecated",
        },
        "patient_id": entry.patient_id.to_string(),
        "service_start": entry.service_start_time.as_ref().map(iso_time),
        "creation_time": entry.creation_time.as_ref().map(iso_time),
        "modalities": codes(modalities(entry)),
        "regions": codes(regions(entry, map)),
        "procedures": codes(procedures(entry, map)),
        "institution": Some(institution(entry)).filter(|name| !name.is_empty()),
        "study_uids": reference(reference_types::STUDY_INSTANCE_UID),
        "accession_numbers": reference(reference_types::ACCESSION),
        "reference_ids": references,
        "mime_type": entry.mime_type,
        "size": entry.size_octets,
        "hash": entry.hash.as_ref().map(|h| h.as_str()),
        "repository_unique_id": entry.repository_unique_id.as_ref().map(|r| r.as_str()),
        "home_community_id": entry.home_community_id.as_ref().map(ToString::to_string),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_precise_as_they_are_known() {
        for (dtm, readable, iso) in [
            ("2026", "2026", "2026"),
            ("202603", "2026-03", "2026-03"),
            ("20260312", "2026-03-12", "2026-03-12"),
            ("2026031209", "2026-03-12", "2026-03-12T09:00:00Z"),
            ("20260312091503", "2026-03-12 09:15", "2026-03-12T09:15:03Z"),
        ] {
            let time = Dtm::parse(dtm).unwrap();
            assert_eq!((readable_time(&time).as_str(), iso_time(&time).as_str()), (readable, iso));
        }
    }
}
