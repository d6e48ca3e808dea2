//! What stands in for metadata that a Minimal DocumentReference leaves out: a registry holds no incomplete entry, and MHD
//! lets the recipient complete it. Source: spec/fhir.md sections 4, 5.1 (limitedMetadata), 7; spec/xds.md section 11.

use model::{Code, DocumentEntry, Dtm, SubmissionSet};

/// HL7 NullFlavor, the scheme of a code that says that nothing is known.
const NULL_FLAVOR: &str = "2.16.840.1.113883.5.1008";

/// Values for a whole recipient. The preset says what is true without further knowledge: the codes are unknown, the
/// language is undetermined, the confidentiality is normal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataDefaults {
    pub class_code: Code,
    pub type_code: Code,
    pub format_code: Code,
    pub healthcare_facility_type_code: Code,
    pub practice_setting_code: Code,
    pub confidentiality_code: Code,
    /// A tag of RFC 5646.
    pub language_code: String,
}

impl Default for MetadataDefaults {
    fn default() -> Self {
        let unknown = || Code::new("UNK", NULL_FLAVOR, "unknown");
        MetadataDefaults {
            class_code: unknown(),
            type_code: unknown(),
            // TF-3 4.2.3.2.9: the media type says all there is to say.
            format_code: Code::new(
                "urn:ihe:iti:xds:2017:mimeTypeSufficient",
                model::schemes::IHE_FORMAT,
                "mimeType Sufficient",
            ),
            healthcare_facility_type_code: unknown(),
            practice_setting_code: unknown(),
            confidentiality_code: Code::new("N", model::schemes::CONFIDENTIALITY, "normal"),
            language_code: "und".to_owned(),
        }
    }
}

impl MetadataDefaults {
    /// Fills what is missing in `entry`; `submitted` stands in for creationTime. Shape: the FHIR elements that were filled.
    pub fn complete(&self, entry: &mut DocumentEntry, submitted: &Dtm) -> Vec<&'static str> {
        let mut filled = Vec::new();
        for (code, default, element) in [
            (&mut entry.class_code, &self.class_code, "category"),
            (&mut entry.type_code, &self.type_code, "type"),
            (&mut entry.format_code, &self.format_code, "content.format"),
            (&mut entry.healthcare_facility_type_code, &self.healthcare_facility_type_code, "context.facilityType"),
            (&mut entry.practice_setting_code, &self.practice_setting_code, "context.practiceSetting"),
        ] {
            if is_absent(code) {
                *code = default.clone();
                filled.push(element);
            }
        }
        if entry.confidentiality_codes.is_empty() {
            entry.confidentiality_codes.push(self.confidentiality_code.clone());
            filled.push("securityLabel");
        }
        if entry.language_code.is_empty() {
            entry.language_code.clone_from(&self.language_code);
            filled.push("content.attachment.language");
        }
        if entry.creation_time.is_none() {
            entry.creation_time = Some(submitted.clone());
            filled.push("content.attachment.creation");
        }
        if entry.source_patient_id.is_none() {
            entry.source_patient_id = Some(entry.patient_id.clone());
            filled.push("context.sourcePatientInfo");
        }
        filled
    }

    /// The contentTypeCode of a set without one: the typeCode of its first document. Shape: true when it was filled.
    pub fn complete_set(&self, set: &mut SubmissionSet, first: Option<&DocumentEntry>) -> bool {
        let absent = is_absent(&set.content_type_code);
        if absent {
            set.content_type_code = first.map_or(&self.type_code, |entry| &entry.type_code).clone();
        }
        absent
    }
}

fn is_absent(code: &Code) -> bool {
    code.code.is_empty() && code.scheme.is_empty() && code.display.is_empty()
}
