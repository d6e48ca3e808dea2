//! What a document says of itself: the DocumentEntry of a CDA, of a FHIR document and of a manifest, for a source that sends
//! the document alone. Source: spec/fhir.md sections 7, 18; spec/reports.md sections 11, 14; spec/dicom.md section 9.

use dicom::kos;
use fhir::DecodeError;
use fhir::generate_metadata::Document;
use fhir::metadata_defaults::MetadataDefaults;
use hl7v3::cda::{self, CdaDocument, Relation};
use model::{AssociationType, DocumentEntry, ObjectId, Oid, PatientId, UniqueId};

/// A document with the metadata found in it.
pub struct Described {
    /// Codes that the document lacks are empty or the recipient's defaults.
    pub entry: DocumentEntry,
    pub octets: Vec<u8>,
    /// Documents that it replaces, appends, transforms or signs.
    pub relations: Vec<(AssociationType, UniqueId)>,
}

const BINARY: &str = "Parameters.parameter[0].resource";

/// Reads the metadata of a document. `domain` is the one whose patient identifiers are registered; absent: any.
///
/// Errors: every finding: a kind of document that says nothing of itself, such as a PDF; one that is not what its type says;
/// one without its identifier, or about a patient without an identifier of `domain`.
pub fn describe(
    document: Document,
    id: ObjectId,
    domain: Option<&Oid>,
    defaults: &MetadataDefaults,
) -> Result<Described, Vec<DecodeError>> {
    let (content_type, octets) = match document {
        Document::Bundle(octets) => return of_fhir(octets, None, id, domain),
        Document::Binary { content_type, octets } => (content_type, octets),
    };
    let bare = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let one = |finding: DecodeError| vec![finding];
    match bare.as_str() {
        "text/xml" | "application/xml" | "application/hl7-cda+xml" | "application/cda+xml" => {
            of_cda(octets, id, domain, defaults).map_err(one)
        }
        "application/fhir+json" | "application/json+fhir" => of_fhir(octets, None, id, domain),
        "application/fhir+xml" => {
            let json = fhir::xml::to_json(&octets).map_err(one)?;
            let mut described = of_fhir(json, Some(octets), id, domain)?;
            described.entry.mime_type = fhir::xml::MEDIA_TYPE.to_owned();
            Ok(described)
        }
        "application/dicom" => of_manifest(octets, id, domain, defaults).map_err(one),
        "application/pdf" => {
            let rule = "is a PDF, which says neither its uniqueId nor its patient: send them in a parameter `metadata`, by \
                        ITI-105, or wrapped as CDA";
            Err(one(DecodeError::required(BINARY, rule)))
        }
        _ => {
            let rule = "must be that of a CDA (text/xml), a FHIR document (application/fhir+json) or a DICOM manifest \
                        (application/dicom); others need a parameter `metadata`, or ITI-105";
            Err(one(DecodeError::not_supported(format!("{BINARY}.contentType"), rule, &bare)))
        }
    }
}

/// `stored` is what is kept where that is not the JSON itself.
fn of_fhir(
    json: Vec<u8>,
    stored: Option<Vec<u8>>,
    id: ObjectId,
    domain: Option<&Oid>,
) -> Result<Described, Vec<DecodeError>> {
    let described = fhir::document_bundle::decode(&json, id, domain)?;
    Ok(Described { entry: described.entry, octets: stored.unwrap_or(json), relations: described.relates_to })
}

/// The identifier under which the document is registered. Errors: none of them is of the domain.
fn patient<'a>(
    mut ids: impl Iterator<Item = &'a PatientId>,
    domain: Option<&Oid>,
    place: &str,
) -> Result<PatientId, DecodeError> {
    let found = ids.find(|id| domain.is_none_or(|domain| id.domain == *domain));
    found.cloned().ok_or_else(|| DecodeError::required(place, "must hold an identifier of the affinity domain"))
}

fn of_cda(
    octets: Vec<u8>,
    id: ObjectId,
    domain: Option<&Oid>,
    defaults: &MetadataDefaults,
) -> Result<Described, DecodeError> {
    let wrong = |e: hl7v3::DecodeError| DecodeError::value(format!("{BINARY}.data"), format!("must be a CDA: {e}"), "");
    let document: CdaDocument = cda::decode(&octets).map_err(wrong)?;
    let patient = patient(document.patient_ids.iter(), domain, "ClinicalDocument.recordTarget.patientRole.id")?;
    let entry = document.document_entry(
        &patient,
        &cda::EntryDefaults {
            id,
            class_code: defaults.class_code.clone(),
            format_code: None,
            healthcare_facility_type_code: defaults.healthcare_facility_type_code.clone(),
            practice_setting_code: defaults.practice_setting_code.clone(),
            event_code_list: Vec::new(),
            source_patient_id: None,
            type_code: defaults.type_code.clone(),
            confidentiality: defaults.confidentiality_code.clone(),
            language: defaults.language_code.clone(),
        },
    );
    let entry = entry.map_err(|invalid| DecodeError::required(invalid.field, invalid.rule))?;
    let relations = document.related.iter().map(|related| {
        let kind = match related.relation {
            Relation::Replaces => AssociationType::Rplc,
            Relation::Appends => AssociationType::Apnd,
            Relation::Transforms => AssociationType::Xfrm,
        };
        (kind, related.unique_id.clone())
    });
    let relations = relations.collect();
    Ok(Described { entry, octets, relations })
}

/// A manifest of several studies is one document, with what all of them say.
fn of_manifest(
    octets: Vec<u8>,
    id: ObjectId,
    domain: Option<&Oid>,
    defaults: &MetadataDefaults,
) -> Result<Described, DecodeError> {
    let place = format!("{BINARY}.data");
    let wrong = |e: kos::DecodeError| DecodeError::value(&place, format!("must be a DICOM manifest: {e}"), "");
    let manifests = kos::decode(&octets).map_err(wrong)?.manifests;
    let mut whole: Option<DocumentEntry> = None;
    for manifest in &manifests {
        let ids = manifest.patient_id.iter().chain(&manifest.other_patient_ids);
        let patient_id = patient(ids, domain, "(0010,0020) PatientID with its issuer")?;
        let entry = kos::document_entry(
            manifest,
            &kos::EntryDefaults {
                id: id.clone(),
                patient_id,
                source_patient_domain: None,
                class_code: defaults.class_code.clone(),
                type_code: defaults.type_code.clone(),
                procedure_as_type_code: false,
                healthcare_facility_type_code: defaults.healthcare_facility_type_code.clone(),
                practice_setting_code: defaults.practice_setting_code.clone(),
                confidentiality_codes: vec![defaults.confidentiality_code.clone()],
                language_code: defaults.language_code.clone(),
                institution: None,
                authors: Vec::new(),
            },
        );
        match &mut whole {
            None => whole = Some(entry),
            Some(whole) => {
                let more = entry.reference_id_list.into_iter();
                let more: Vec<_> = more.filter(|id| !whole.reference_id_list.contains(id)).collect();
                whole.reference_id_list.extend(more);
                for code in entry.event_code_list {
                    if !whole.event_code_list.iter().any(|known| known.means(&code)) {
                        whole.event_code_list.push(code);
                    }
                }
            }
        }
    }
    let entry = whole.ok_or_else(|| DecodeError::required(&place, "must list a study"))?;
    Ok(Described { entry, octets, relations: Vec::new() })
}
