//! DocumentEntry as rim:ExtrinsicObject. Source: spec/xds.md 10.1.

use model::{DocumentEntry, DocumentType, Dtm, Invalid, Oid, PatientId, ReferenceId, Sha1Hash, SourcePatientInfo, Xcn};

use super::raw::RawObject;
use super::reader::Reader;
use super::writer::ObjectWriter;
use crate::findings::{Findings, Reading};
use crate::names::{LIMITED_METADATA_NODES, ON_DEMAND_ENTRY, STABLE_ENTRY, entry as scheme, same_uuid};

/// `None` when something is missing that an entry cannot be without; the findings say what.
pub(crate) fn read_entry(object: RawObject, findings: &mut Findings) -> Option<DocumentEntry> {
    let mut r = Reader::new(object, findings);
    if limited(&mut r) {
        return None;
    }
    let id = r.id();
    let document_type = document_type(&mut r);
    let mime_type = mime_type(&mut r);
    let creation_time = r.parsed("creationTime", Dtm::parse);
    let hash = r.parsed("hash", Sha1Hash::parse);
    let size_octets = r.parsed("size", size);
    let language_code = r.required("languageCode", |text| Ok(text.to_owned()));
    let legal_authenticator = r.parsed("legalAuthenticator", Xcn::parse);
    let repository_unique_id = r.parsed("repositoryUniqueId", Oid::parse);
    let service_start_time = r.parsed("serviceStartTime", Dtm::parse);
    let service_stop_time = r.parsed("serviceStopTime", Dtm::parse);
    let source_patient_id = r.parsed("sourcePatientId", PatientId::parse);
    // Any number of values, also of the same PID field, exactly as submitted: a PID-3 too long for one value is split
    // over several (field case B-035).
    let source_patient_info = r.values("sourcePatientInfo").into_iter().map(|v| v.into_owned()).collect();
    let uri = uri(&mut r);
    let reference_id_list = r.all_parsed(scheme::REFERENCE_ID_LIST, "referenceIdList", ReferenceId::parse);
    let document_availability = r.value("documentAvailability").map(|v| v.into_owned());
    let authors = r.authors(scheme::AUTHOR);
    let class_code = r.code(scheme::CLASS_CODE, "classCode");
    let type_code = r.code(scheme::TYPE_CODE, "typeCode");
    let format_code = r.code(scheme::FORMAT_CODE, "formatCode");
    let healthcare_facility_type_code = r.code(scheme::HEALTHCARE_FACILITY_TYPE_CODE, "healthcareFacilityTypeCode");
    let practice_setting_code = r.code(scheme::PRACTICE_SETTING_CODE, "practiceSettingCode");
    let confidentiality_codes = r.code_list(scheme::CONFIDENTIALITY_CODE, "confidentialityCode");
    let event_code_list = r.code_list(scheme::EVENT_CODE_LIST, "eventCodeList");
    let patient_id = r.patient_id(scheme::PATIENT_ID);
    let unique_id = r.unique_id(scheme::UNIQUE_ID);
    let home_community_id = r.home();
    let logical_id = r.logical_id();
    let version = r.version();
    let availability_status = r.availability_status();
    let extra = r.extra();
    Some(DocumentEntry {
        id: id?,
        logical_id,
        version,
        availability_status,
        document_type: document_type?,
        mime_type: mime_type?,
        home_community_id,
        title: r.object.name,
        comments: r.object.description,
        authors,
        class_code: class_code?,
        type_code: type_code?,
        format_code: format_code?,
        healthcare_facility_type_code: healthcare_facility_type_code?,
        practice_setting_code: practice_setting_code?,
        confidentiality_codes,
        event_code_list,
        patient_id: patient_id?,
        unique_id: unique_id?,
        creation_time,
        hash,
        size_octets,
        language_code: language_code?,
        legal_authenticator,
        repository_unique_id,
        service_start_time,
        service_stop_time,
        source_patient_id,
        source_patient_info: SourcePatientInfo(source_patient_info),
        uri,
        reference_id_list,
        document_availability,
        submission_time: None,
        extra,
    })
}

/// Limited metadata (XDR, XDM) is never accepted by an XDS registry or repository (section 11). One finding says so,
/// instead of one for everything that such an object lacks.
pub(crate) fn limited(r: &mut Reader) -> bool {
    r.use_nodes(&LIMITED_METADATA_NODES);
    let limited = LIMITED_METADATA_NODES.iter().any(|node| r.object.has_node(node));
    if limited && r.reading() != Reading::Answer {
        r.refuse("limitedMetadata", "must not be declared: this actor needs full metadata", "");
        return true;
    }
    false
}

fn document_type(r: &mut Reader) -> Option<DocumentType> {
    match r.attribute("objectType") {
        Some(uuid) if same_uuid(uuid, STABLE_ENTRY) => Some(DocumentType::Stable),
        Some(uuid) if same_uuid(uuid, ON_DEMAND_ENTRY) => Some(DocumentType::OnDemand),
        other => {
            let rule = "must be the UUID of a stable or of an on-demand document entry";
            r.refuse("objectType", rule, other.unwrap_or_default());
            // Leniency: an entry that a registry answers without a type is taken for a stable one, and noted.
            (other.is_none() && r.reading() == Reading::Answer).then_some(DocumentType::Stable)
        }
    }
}

fn mime_type(r: &mut Reader) -> Option<String> {
    match (r.attribute("mimeType"), r.reading()) {
        (Some(text), _) => Some(text.to_owned()),
        // The schema's default; a submission has to be explicit, because IHE requires the attribute.
        (None, Reading::Answer) => Some("application/octet-stream".to_owned()),
        (None, Reading::Submission | Reading::Update) => {
            r.refuse("mimeType", "is required", "");
            None
        }
    }
}

fn size(text: &str) -> Result<u64, Invalid> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| Invalid::new("size", "must be a number of octets in decimal digits", text))
}

const MOST_URI_PARTS: usize = 64;

/// A long URI is split over values `1|...`, `2|...`; a single value is the URI as it stands.
fn uri(r: &mut Reader) -> Option<String> {
    let values = r.values("URI");
    if values.len() < 2 {
        return values.into_iter().next().map(|v| v.into_owned());
    }
    if values.len() > MOST_URI_PARTS {
        r.refuse("URI", format!("must have at most {MOST_URI_PARTS} values"), "");
        return None;
    }
    let mut parts = Vec::with_capacity(values.len());
    for value in &values {
        match value.split_once('|').and_then(|(n, part)| Some((n.parse::<usize>().ok()?, part))) {
            Some((n, part)) if (1..=values.len()).contains(&n) && parts.iter().all(|(m, _)| *m != n) => {
                parts.push((n, part));
            }
            _ => {
                let rule = "must have one value, or several numbered 1|, 2| and so on, each once";
                r.refuse("URI", rule, value);
                return None;
            }
        }
    }
    parts.sort_unstable_by_key(|(n, _)| *n);
    Some(parts.into_iter().map(|(_, part)| part).collect())
}

/// Longest rim:Value the schema allows, in characters.
const LONGEST_VALUE: usize = 256;

fn write_uri(w: &mut ObjectWriter, uri: &str) {
    if uri.chars().count() <= LONGEST_VALUE {
        w.slot("URI", uri);
        return;
    }
    let characters: Vec<char> = uri.chars().collect();
    // Ten characters of room for the number and the bar.
    let parts: Vec<String> = characters
        .chunks(LONGEST_VALUE - 10)
        .enumerate()
        .map(|(n, part)| format!("{}|{}", n + 1, part.iter().collect::<String>()))
        .collect();
    w.slot_of("URI", parts.iter().map(String::as_str));
}

pub(crate) fn write_entry(w: &mut ObjectWriter, entry: &DocumentEntry) {
    let object_type = match entry.document_type {
        DocumentType::Stable => STABLE_ENTRY,
        DocumentType::OnDemand => ON_DEMAND_ENTRY,
    };
    let id = &entry.id;
    w.start(
        "rim:ExtrinsicObject",
        id,
        entry.logical_id.as_ref(),
        entry.home_community_id.as_ref(),
        object_type,
        entry.availability_status,
    );
    w.xml.attr("mimeType", &entry.mime_type);
    w.slot_opt("creationTime", entry.creation_time.as_ref().map(Dtm::as_str));
    w.slot_opt("hash", entry.hash.as_ref().map(Sha1Hash::as_str));
    w.slot("languageCode", &entry.language_code);
    w.slot_opt("legalAuthenticator", entry.legal_authenticator.as_ref().map(Xcn::as_str));
    w.slot_opt("repositoryUniqueId", entry.repository_unique_id.as_ref().map(Oid::as_str));
    w.slot_opt("serviceStartTime", entry.service_start_time.as_ref().map(Dtm::as_str));
    w.slot_opt("serviceStopTime", entry.service_stop_time.as_ref().map(Dtm::as_str));
    if let Some(size) = entry.size_octets {
        w.slot("size", &size.to_string());
    }
    if let Some(id) = &entry.source_patient_id {
        w.slot("sourcePatientId", &id.to_string());
    }
    w.slot_of("sourcePatientInfo", entry.source_patient_info.0.iter().map(String::as_str));
    if let Some(uri) = &entry.uri {
        write_uri(w, uri);
    }
    if !entry.reference_id_list.is_empty() {
        let ids: Vec<String> = entry.reference_id_list.iter().map(ReferenceId::to_string).collect();
        w.slot_of(scheme::REFERENCE_ID_LIST, ids.iter().map(String::as_str));
    }
    w.slot_opt("documentAvailability", entry.document_availability.as_deref());
    w.extra(&entry.extra);
    w.name(&entry.title);
    w.description(&entry.comments);
    w.version(entry.version);
    w.authors(id, scheme::AUTHOR, &entry.authors);
    w.code(id, scheme::CLASS_CODE, &entry.class_code);
    w.codes(id, scheme::CONFIDENTIALITY_CODE, &entry.confidentiality_codes);
    w.codes(id, scheme::EVENT_CODE_LIST, &entry.event_code_list);
    w.code(id, scheme::FORMAT_CODE, &entry.format_code);
    w.code(id, scheme::HEALTHCARE_FACILITY_TYPE_CODE, &entry.healthcare_facility_type_code);
    w.code(id, scheme::PRACTICE_SETTING_CODE, &entry.practice_setting_code);
    w.code(id, scheme::TYPE_CODE, &entry.type_code);
    w.identifier(id, scheme::PATIENT_ID, "XDSDocumentEntry.patientId", &entry.patient_id.to_string());
    w.identifier(id, scheme::UNIQUE_ID, "XDSDocumentEntry.uniqueId", entry.unique_id.as_str());
    w.xml.end();
}
