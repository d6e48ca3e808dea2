//! DocumentEntry as a stored record. Version 1: an octet of flags for what is rare or short, then the fields of ITI TF-3
//! Table 4.2.3.2 in a fixed order.

use super::bytes::{Memo, Reader, Writer, first_number, version_of};
use crate::StoreError;
use model::{AvailabilityStatus, DocumentEntry, DocumentType, SourcePatientInfo};

const V1: u8 = 1;
const WHAT: &str = "document entry";

// Flags of version 1, in the number behind the version octet.
const DEPRECATED: u64 = 1;
const ON_DEMAND: u64 = 1 << 1;
const LOGICAL_ID: u64 = 1 << 2;
/// The logical id is the entry's own id.
const LOGICAL_IS_ID: u64 = 1 << 3;
const VERSION: u64 = 1 << 4;
const HOME: u64 = 1 << 5;
const CREATION_TIME: u64 = 1 << 6;
const HASH: u64 = 1 << 7;
const SIZE: u64 = 1 << 8;
const LEGAL_AUTHENTICATOR: u64 = 1 << 9;
const REPOSITORY: u64 = 1 << 10;
const START: u64 = 1 << 11;
const STOP: u64 = 1 << 12;
const SOURCE_PATIENT: u64 = 1 << 13;
const URI: u64 = 1 << 14;
const AVAILABILITY: u64 = 1 << 15;
const SUBMISSION_TIME: u64 = 1 << 16;

pub(crate) fn encode_entry(entry: &DocumentEntry) -> Vec<u8> {
    let mut w = Writer::new(V1);
    let logical_is_id = entry.logical_id.as_ref() == Some(&entry.id);
    let mut flags = 0;
    for (flag, set) in [
        (DEPRECATED, entry.availability_status == AvailabilityStatus::Deprecated),
        (ON_DEMAND, entry.document_type == DocumentType::OnDemand),
        (LOGICAL_ID, entry.logical_id.is_some() && !logical_is_id),
        (LOGICAL_IS_ID, logical_is_id),
        (VERSION, entry.version.is_some()),
        (HOME, entry.home_community_id.is_some()),
        (CREATION_TIME, entry.creation_time.is_some()),
        (HASH, entry.hash.is_some()),
        (SIZE, entry.size_octets.is_some()),
        (LEGAL_AUTHENTICATOR, entry.legal_authenticator.is_some()),
        (REPOSITORY, entry.repository_unique_id.is_some()),
        (START, entry.service_start_time.is_some()),
        (STOP, entry.service_stop_time.is_some()),
        (SOURCE_PATIENT, entry.source_patient_id.is_some()),
        (URI, entry.uri.is_some()),
        (AVAILABILITY, entry.document_availability.is_some()),
        (SUBMISSION_TIME, entry.submission_time.is_some()),
    ] {
        if set {
            flags |= flag;
        }
    }
    w.number(flags);
    w.object_id(&entry.id);
    if let Some(id) = entry.logical_id.as_ref().filter(|_| !logical_is_id) {
        w.object_id(id);
    }
    if let Some(version) = entry.version {
        w.number(u64::from(version));
    }
    w.word(&entry.mime_type);
    if let Some(home) = &entry.home_community_id {
        w.text(&home.to_string());
    }
    w.localized(&entry.title);
    w.localized(&entry.comments);
    w.authors(&entry.authors);
    for code in [
        &entry.class_code,
        &entry.type_code,
        &entry.format_code,
        &entry.healthcare_facility_type_code,
        &entry.practice_setting_code,
    ] {
        w.code(code);
    }
    w.codes(&entry.confidentiality_codes);
    w.codes(&entry.event_code_list);
    w.patient_id(&entry.patient_id);
    w.text(entry.unique_id.as_str());
    if let Some(hash) = &entry.hash {
        w.raw(&hash.to_bytes());
    }
    if let Some(size) = entry.size_octets {
        w.number(size);
    }
    w.word(&entry.language_code);
    if let Some(person) = &entry.legal_authenticator {
        w.text(person.as_str());
    }
    if let Some(repository) = &entry.repository_unique_id {
        w.word(repository.as_str());
    }
    for time in [&entry.creation_time, &entry.service_start_time, &entry.service_stop_time].into_iter().flatten() {
        w.text(time.as_str());
    }
    if let Some(id) = &entry.source_patient_id {
        w.patient_id(id);
    }
    w.strings(&entry.source_patient_info.0);
    if let Some(uri) = &entry.uri {
        w.text(uri);
    }
    w.references(&entry.reference_id_list);
    if let Some(availability) = &entry.document_availability {
        w.text(availability);
    }
    if let Some(time) = &entry.submission_time {
        w.text(time.as_str());
    }
    w.extra(&entry.extra);
    w.finish()
}

/// `memo` carries over what records of one patient repeat.
///
/// Errors: `Newer` for a version this program does not know, `Corrupt`.
pub(crate) fn decode_entry(record: &[u8], memo: &mut Memo) -> Result<DocumentEntry, StoreError> {
    let (_, rest) = version_of(record, V1, WHAT)?;
    decode_v1(Reader::new(rest, WHAT, memo)?)
}

fn decode_v1(mut r: Reader<'_>) -> Result<DocumentEntry, StoreError> {
    fn when<'a, T>(
        r: &mut Reader<'a>,
        present: bool,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if present { read(r).map(Some) } else { Ok(None) }
    }
    let flags = r.number()?;
    let has = |flag: u64| flags & flag != 0;
    let id = r.object_id()?;
    let logical_id =
        if has(LOGICAL_IS_ID) { Some(id.clone()) } else { when(&mut r, has(LOGICAL_ID), Reader::object_id)? };
    let version = when(&mut r, has(VERSION), |r| {
        let number = r.number()?;
        u32::try_from(number).map_err(|_| r.wrong("a version past 32 bits"))
    })?;
    let mime_type = r.word()?;
    let home_community_id = when(&mut r, has(HOME), Reader::home)?;
    let title = r.localized()?;
    let comments = r.localized()?;
    let authors = r.authors()?;
    let class_code = r.code()?;
    let type_code = r.code()?;
    let format_code = r.code()?;
    let healthcare_facility_type_code = r.code()?;
    let practice_setting_code = r.code()?;
    let confidentiality_codes = r.codes()?;
    let event_code_list = r.codes()?;
    let patient_id = r.patient_id()?;
    let unique_id = r.unique_id()?;
    let hash = when(&mut r, has(HASH), Reader::sha1)?;
    let size_octets = when(&mut r, has(SIZE), Reader::number)?;
    let language_code = r.word()?;
    let legal_authenticator = when(&mut r, has(LEGAL_AUTHENTICATOR), Reader::xcn)?;
    let repository_unique_id = when(&mut r, has(REPOSITORY), Reader::oid)?;
    let creation_time = when(&mut r, has(CREATION_TIME), Reader::dtm)?;
    let service_start_time = when(&mut r, has(START), Reader::dtm)?;
    let service_stop_time = when(&mut r, has(STOP), Reader::dtm)?;
    let source_patient_id = when(&mut r, has(SOURCE_PATIENT), Reader::patient_id)?;
    let source_patient_info = SourcePatientInfo(r.strings()?);
    let uri = when(&mut r, has(URI), Reader::text)?;
    let reference_id_list = r.references()?;
    let document_availability = when(&mut r, has(AVAILABILITY), Reader::text)?;
    let submission_time = when(&mut r, has(SUBMISSION_TIME), Reader::dtm)?;
    let extra = r.extra()?;
    r.end()?;
    Ok(DocumentEntry {
        id,
        logical_id,
        version,
        availability_status: if has(DEPRECATED) {
            AvailabilityStatus::Deprecated
        } else {
            AvailabilityStatus::Approved
        },
        document_type: if has(ON_DEMAND) { DocumentType::OnDemand } else { DocumentType::Stable },
        mime_type,
        home_community_id,
        title,
        comments,
        authors,
        class_code,
        type_code,
        format_code,
        healthcare_facility_type_code,
        practice_setting_code,
        confidentiality_codes,
        event_code_list,
        patient_id,
        unique_id,
        creation_time,
        hash,
        size_octets,
        language_code,
        legal_authenticator,
        repository_unique_id,
        service_start_time,
        service_stop_time,
        source_patient_id,
        source_patient_info,
        uri,
        reference_id_list,
        document_availability,
        submission_time,
        extra,
    })
}

/// What a query most often excludes by, read from the first octets alone.
///
/// Errors: as [`decode_entry`].
pub(crate) fn peek_entry(record: &[u8]) -> Result<(AvailabilityStatus, DocumentType), StoreError> {
    let (_, rest) = version_of(record, V1, WHAT)?;
    let flags = first_number(rest, WHAT)?;
    let status = if flags & DEPRECATED == 0 { AvailabilityStatus::Approved } else { AvailabilityStatus::Deprecated };
    let kind = if flags & ON_DEMAND == 0 { DocumentType::Stable } else { DocumentType::OnDemand };
    Ok((status, kind))
}
