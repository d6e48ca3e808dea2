//! Headers of stored instances to what the builder needs of them. spec/dicom.md sections 2 and 9.

use model::{
    Code, Invalid, Oid, Order, PersonName, SeriesInstanceUid, Sex, SopClassUid, SopInstanceUid, StudyInstanceUid,
};

use super::build::{KeyObjects, StudyInstance};
use super::coding::scheme_of;
use crate::header::{self, Header, Issuer};

impl StudyInstance {
    /// What a header says of its instance.
    ///
    /// The description of a key object note is not in a header; [`super::decode_note`] reads it.
    /// Errors: one of the four UIDs is none.
    pub fn from_header(header: &Header) -> Result<Self, Invalid> {
        let h = header;
        let top = Order {
            accession_number: h.accession_number.clone().unwrap_or_default(),
            accession_issuer: oid(&h.accession_issuer),
            placer_order_number: h.placer_order_number.clone().unwrap_or_default(),
            placer_issuer: oid(&h.placer_issuer),
        };
        let requests = h.requests.iter().map(|request| Order {
            accession_number: request.accession_number.clone().unwrap_or_default(),
            accession_issuer: oid(&request.accession_issuer),
            placer_order_number: request.placer_order_number.clone().unwrap_or_default(),
            placer_issuer: oid(&request.placer_issuer),
        });
        let requested = h.requests.iter().flat_map(|request| &request.requested_procedure_codes);
        Ok(Self {
            study: StudyInstanceUid::parse(&h.study_instance_uid)?,
            series: SeriesInstanceUid::parse(&h.series_instance_uid)?,
            sop_class: SopClassUid::parse(&h.sop_class_uid)?,
            sop_instance: SopInstanceUid::parse(&h.sop_instance_uid)?,
            modality: h.modality.clone(),
            series_number: h.series_number.map(|number| number.to_string()),
            series_description: h.series_description.clone(),
            series_date: h.series_date.clone(),
            series_time: h.series_time.clone(),
            first_date: h.acquisition_date.clone().or_else(|| h.content_date.clone()),
            first_time: match h.acquisition_date {
                Some(_) => h.acquisition_time.clone(),
                None => h.content_time.clone(),
            },
            instance_number: h.instance_number.map(|number| number.to_string()),
            number_of_frames: h.number_of_frames,
            study_date: h.study_date.clone(),
            study_time: h.study_time.clone(),
            study_description: h.study_description.clone(),
            study_id: h.study_id.clone(),
            referring_physician: h.referring_physician_name.clone(),
            orders: std::iter::once(top).chain(requests).collect(),
            procedures: h.procedure_codes.iter().map(code).collect(),
            requested_procedures: h.requested_procedure_codes.iter().chain(requested).map(code).collect(),
            anatomic_regions: h.anatomic_regions.iter().map(code).collect(),
            body_part: h.body_part_examined.clone(),
            laterality: h.laterality.clone(),
            patient_id: h.patient.id.clone(),
            patient_issuer: oid(&h.patient.issuer),
            other_patient_ids: Vec::new(),
            patient_name: PersonName::from_dicom(h.patient.name.as_deref().unwrap_or("")),
            birth_date: h.patient.birth_date.clone(),
            sex: h.patient.sex.as_deref().and_then(Sex::from_code),
            timezone: h.timezone_offset.clone(),
            key_objects: h.key_objects.as_ref().map(|note| KeyObjects {
                title: note.title.as_ref().map_or_else(|| Code::new("", "", ""), code),
                description: None,
                references: note
                    .referenced
                    .iter()
                    .filter_map(|one| SopInstanceUid::parse(&one.sop_instance_uid).ok())
                    .collect(),
            }),
        })
    }
}

fn code(code: &header::Code) -> Code {
    Code::new(code.value.clone(), scheme_of(&code.scheme), code.meaning.clone())
}

fn oid(issuer: &Issuer) -> Option<Oid> {
    issuer.oid().and_then(|text| Oid::parse(text).ok())
}
