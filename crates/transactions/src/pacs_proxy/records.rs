//! What is kept of a PACS's answers, as versioned JSON: equal answers give equal octets. And back: what the manifest maker
//! needs of each instance. Source: spec/dicom.md sections 2, 22.3; spec/mcwg.md section 6.

use actors::ListedStudy;
use dicom::dimse::query::{InstanceMatch, SeriesMatch, StudyMatch};
use dicom::header::{self, Issuer};
use dicom::kos::{KeyObjects, StudyInstance};
use model::{Code, Oid, Order, PersonName, SeriesInstanceUid, Sex, SopClassUid, SopInstanceUid, StudyInstanceUid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the records; another one is read as nothing known, so that everything is asked for again.
const VERSION: u32 = 1;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A study, and its series where they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StudyRecord {
    version: u32,
    #[serde(skip_serializing_if = "is_default")]
    patient_id: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    patient_issuer: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    birth_date: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    sex: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    date: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    time: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    accession_number: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    accession_issuer: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    id: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    description: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    referring_physician: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    procedures: Vec<CodeRecord>,
    #[serde(skip_serializing_if = "is_default")]
    timezone: Option<String>,
    /// Counts of the PACS, for noticing changes only.
    #[serde(skip_serializing_if = "is_default")]
    counts: Option<(Option<u32>, Option<u32>)>,
    #[serde(skip_serializing_if = "is_default")]
    series: BTreeMap<String, SeriesRecord>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct SeriesRecord {
    #[serde(skip_serializing_if = "is_default")]
    modality: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    number: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    description: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    date: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    time: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    body_part: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    timezone: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    orders: Vec<OrderRecord>,
    #[serde(skip_serializing_if = "is_default")]
    requested_procedures: Vec<CodeRecord>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct OrderRecord {
    accession_number: String,
    #[serde(skip_serializing_if = "is_default")]
    accession_issuer: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    placer_order_number: String,
    #[serde(skip_serializing_if = "is_default")]
    placer_issuer: Option<String>,
}

/// Value, scheme, meaning.
type CodeRecord = (String, String, String);

/// What an instance says beside its UIDs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct InstanceRecord {
    #[serde(rename = "n", skip_serializing_if = "is_default")]
    number: Option<i64>,
    #[serde(rename = "f", skip_serializing_if = "is_default")]
    frames: Option<u32>,
    #[serde(rename = "k", skip_serializing_if = "is_default")]
    key_objects: Option<KeyObjectsRecord>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct KeyObjectsRecord {
    title: CodeRecord,
    description: Option<String>,
    references: Vec<String>,
}

fn code(code: &header::Code) -> CodeRecord {
    (code.value.clone(), code.scheme.clone(), code.meaning.clone())
}

fn oid_text(issuer: &Issuer) -> Option<String> {
    issuer.oid().map(str::to_owned)
}

fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    // Nothing here can fail to be JSON: keys are texts, and there are no numbers but whole ones.
    serde_json::to_vec(record).expect("a record is JSON")
}

impl StudyRecord {
    pub(super) fn accession_number(&self) -> Option<&str> {
        self.accession_number.as_deref()
    }

    pub(super) fn of(found: &StudyMatch, no_counts: bool) -> Self {
        StudyRecord {
            version: VERSION,
            patient_id: found.patient.id.clone(),
            patient_issuer: oid_text(&found.patient.issuer),
            name: found.patient.name.clone(),
            birth_date: found.patient.birth_date.clone(),
            sex: found.patient.sex.clone(),
            date: found.date.clone(),
            time: found.time.clone(),
            accession_number: found.accession_number.clone(),
            accession_issuer: oid_text(&found.accession_issuer),
            id: found.id.clone(),
            description: found.description.clone(),
            referring_physician: found.referring_physician_name.clone(),
            procedures: found.procedure_codes.iter().map(code).collect(),
            timezone: found.timezone.clone(),
            counts: (!no_counts).then_some((found.number_of_series, found.number_of_instances)),
            series: BTreeMap::new(),
        }
    }

    /// As the observer keeps it.
    pub(super) fn listed(self, study: StudyInstanceUid) -> ListedStudy {
        ListedStudy {
            study,
            date: self.date.clone(),
            patient_id: self.patient_id.clone().unwrap_or_default(),
            patient_issuer: self.patient_issuer.clone().unwrap_or_default(),
            counts: matches!(self.counts, Some((_, Some(_)))),
            summary: encode(&self),
        }
    }

    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        serde_json::from_slice::<StudyRecord>(octets).ok().filter(|record| record.version == VERSION)
    }

    pub(super) fn add(&mut self, found: &SeriesMatch) {
        let record = SeriesRecord {
            modality: found.modality.clone(),
            number: found.number,
            description: found.description.clone(),
            date: found.date.clone().or_else(|| found.performed_step_start_date.clone()),
            time: found.time.clone().or_else(|| found.performed_step_start_time.clone()),
            body_part: found.body_part.clone(),
            timezone: found.timezone.clone(),
            orders: found.requests.iter().map(order).collect(),
            requested_procedures: found.requests.iter().flat_map(|r| &r.requested_procedure_codes).map(code).collect(),
        };
        self.series.insert(found.series.to_string(), record);
    }

    /// What the manifest maker reads: the study without its counts, and its series.
    pub(super) fn header(mut self) -> Vec<u8> {
        self.counts = None;
        encode(&self)
    }
}

fn order(request: &header::Request) -> OrderRecord {
    OrderRecord {
        accession_number: request.accession_number.clone().unwrap_or_default(),
        accession_issuer: oid_text(&request.accession_issuer),
        placer_order_number: request.placer_order_number.clone().unwrap_or_default(),
        placer_issuer: oid_text(&request.placer_issuer),
    }
}

impl InstanceRecord {
    pub(super) fn of(found: &InstanceMatch) -> Self {
        InstanceRecord { number: found.number, frames: found.number_of_frames, key_objects: None }
    }

    pub(super) fn of_header(header: &dicom::Header) -> Self {
        InstanceRecord { number: header.instance_number, frames: header.number_of_frames, key_objects: None }
    }

    pub(super) fn with_note(mut self, note: &KeyObjects) -> Self {
        self.key_objects = Some(KeyObjectsRecord {
            title: (
                note.title.code.clone(),
                note.title.scheme.clone(),
                note.title.display.value().unwrap_or_default().to_owned(),
            ),
            description: note.description.clone(),
            references: note.references.iter().map(ToString::to_string).collect(),
        });
        self
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        serde_json::from_slice(octets).ok()
    }

    pub(super) fn knows_its_note(&self) -> bool {
        self.key_objects.is_some()
    }
}

/// The instances of a study for the manifest maker; `timezone` stands in where the PACS does not say. `None`: the record
/// is of another version, and will be replaced when the PACS is looked at next.
pub fn study_instances<'a>(
    study: &StudyInstanceUid,
    header: &[u8],
    instances: impl Iterator<Item = (&'a SeriesInstanceUid, &'a SopInstanceUid, &'a SopClassUid, &'a [u8])>,
    timezone: Option<&str>,
) -> Option<Vec<StudyInstance>> {
    let record = StudyRecord::decode(header)?;
    let oid = |text: &Option<String>| text.as_deref().and_then(|text| Oid::parse(text).ok());
    let codes = |codes: &[CodeRecord]| -> Vec<Code> {
        let scheme = dicom::kos::scheme_of;
        codes.iter().map(|(value, name, meaning)| Code::new(value.clone(), scheme(name), meaning.clone())).collect()
    };
    let top = Order {
        accession_number: record.accession_number.clone().unwrap_or_default(),
        accession_issuer: oid(&record.accession_issuer),
        ..Order::default()
    };
    let unknown = SeriesRecord::default();
    let made = instances.map(|(series_uid, sop_instance, sop_class, own)| {
        let series = record.series.get(series_uid.as_str()).unwrap_or(&unknown);
        let own = InstanceRecord::decode(own)?;
        let requests = series.orders.iter().map(|order| Order {
            accession_number: order.accession_number.clone(),
            accession_issuer: oid(&order.accession_issuer),
            placer_order_number: order.placer_order_number.clone(),
            placer_issuer: oid(&order.placer_issuer),
        });
        Some(StudyInstance {
            study: study.clone(),
            series: series_uid.clone(),
            sop_class: sop_class.clone(),
            sop_instance: sop_instance.clone(),
            modality: series.modality.clone(),
            series_number: series.number.map(|number| number.to_string()),
            series_description: series.description.clone(),
            series_date: series.date.clone(),
            series_time: series.time.clone(),
            first_date: None,
            first_time: None,
            instance_number: own.number.map(|number| number.to_string()),
            number_of_frames: own.frames,
            study_date: record.date.clone(),
            study_time: record.time.clone(),
            study_description: record.description.clone(),
            study_id: record.id.clone(),
            referring_physician: record.referring_physician.clone(),
            orders: std::iter::once(top.clone()).chain(requests).collect(),
            procedures: codes(&record.procedures),
            requested_procedures: codes(&series.requested_procedures),
            anatomic_regions: Vec::new(),
            body_part: series.body_part.clone(),
            laterality: None,
            patient_id: record.patient_id.clone(),
            patient_issuer: oid(&record.patient_issuer),
            other_patient_ids: Vec::new(),
            patient_name: PersonName::from_dicom(record.name.as_deref().unwrap_or("")),
            birth_date: record.birth_date.clone(),
            sex: record.sex.as_deref().and_then(Sex::from_code),
            timezone: series.timezone.as_deref().or(record.timezone.as_deref()).or(timezone).map(str::to_owned),
            key_objects: own.key_objects.map(|note| KeyObjects {
                title: codes(std::slice::from_ref(&note.title)).remove(0),
                description: note.description,
                references: note.references.iter().filter_map(|uid| SopInstanceUid::parse(uid).ok()).collect(),
            }),
        })
    });
    made.collect()
}
