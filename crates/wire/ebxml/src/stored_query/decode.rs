//! q:AdhocQueryRequest to a query. Source: spec/xds.md 16.1, 16.2.

use model::{
    AssociationType, AvailabilityStatus, CodeTerm, DocumentQuery, DocumentType, FolderQuery, Invalid, ObjectId,
    ObjectNames, Oid, PatientId, ReferenceId, ReferenceTerm, RegistryQuery, StoredQuery, SubmissionSetQuery, UniqueId,
    unescape,
};
use xml::Element;

use super::parameters::Parameters;
use super::{QueryError, QueryRequest, ReturnType};
use crate::error::named;
use crate::findings::{home_community_id, placed};
use crate::names::{ON_DEMAND_ENTRY, STABLE_ENTRY, ns, query, same_urn, same_uuid, status};
use crate::objects::association_type;

/// Reads q:AdhocQueryRequest.
///
/// Shape: unknown parameters are ignored, as IHE wants it for extensions; maxResults and startIndex too.
/// Errors: the first rule that is broken.
/// Source: ITI TF-2 3.18.4.1.2.3, 3.51.4.1.2.
pub fn decode_query(request: &Element) -> Result<QueryRequest, QueryError> {
    if !request.is(ns::QUERY, "AdhocQueryRequest") {
        return Err(QueryError::NotAQuery(named(request)));
    }
    let invalid = |field: &str, rule: &str, value: &str| QueryError::InvalidRequest(Invalid::new(field, rule, value));
    let option = request.child(ns::QUERY, "ResponseOption");
    let return_type = match option.and_then(|o| o.attr("returnType")).unwrap_or_default().trim() {
        "LeafClass" => ReturnType::LeafClass,
        "ObjectRef" => ReturnType::ObjectRef,
        other => return Err(invalid("ResponseOption.returnType", "must be LeafClass or ObjectRef", other)),
    };
    let mut queries = request.children_named(ns::RIM, "AdhocQuery");
    let (Some(adhoc), None) = (queries.next(), queries.next()) else {
        return Err(invalid("AdhocQueryRequest", "must hold one rim:AdhocQuery", ""));
    };
    // Leniency: an empty home counts as absent.
    let home = adhoc.attr("home").map(str::trim).filter(|home| !home.is_empty());
    let home_community_id = home
        .map(home_community_id)
        .transpose()
        .map_err(|e| QueryError::InvalidRequest(placed(e, "AdhocQuery.home")))?;
    let parameters = Parameters::read(adhoc);
    let former_versions = metadata_level(&parameters)? == 2;
    let stored = stored_query(adhoc.attr("id").unwrap_or_default(), &parameters)?;
    let association_statuses = optional_statuses(&parameters, "$XDSAssociationStatus")?;
    let query = RegistryQuery { stored, association_statuses, former_versions };
    Ok(QueryRequest { query, return_type, home_community_id })
}

fn stored_query(id: &str, p: &Parameters) -> Result<StoredQuery, QueryError> {
    type Read = fn(&Parameters) -> Result<StoredQuery, QueryError>;
    let known: [(&str, Read); 17] = [
        (query::FIND_DOCUMENTS, |p| Ok(StoredQuery::FindDocuments(find_documents(p)?))),
        (query::FIND_DOCUMENTS_BY_REFERENCE_ID, |p| {
            Ok(StoredQuery::FindDocumentsByReferenceId(with_references(find_documents(p)?, p)?))
        }),
        (query::FIND_SUBMISSION_SETS, |p| Ok(StoredQuery::FindSubmissionSets(find_submission_sets(p)?))),
        (query::FIND_FOLDERS, |p| Ok(StoredQuery::FindFolders(find_folders(p)?))),
        (query::GET_ALL, get_all),
        (query::GET_DOCUMENTS, |p| Ok(StoredQuery::GetDocuments(DOCUMENTS.read(p)?))),
        (query::GET_FOLDERS, |p| Ok(StoredQuery::GetFolders(FOLDERS.read(p)?))),
        (query::GET_ASSOCIATIONS, |p| Ok(StoredQuery::GetAssociations { ids: uuids(p)? })),
        (query::GET_DOCUMENTS_AND_ASSOCIATIONS, |p| Ok(StoredQuery::GetDocumentsAndAssociations(DOCUMENTS.read(p)?))),
        (query::GET_SUBMISSION_SETS, |p| Ok(StoredQuery::GetSubmissionSets { ids: uuids(p)? })),
        (query::GET_SUBMISSION_SET_AND_CONTENTS, |p| {
            let (submission_set, documents) = (SUBMISSION_SETS.read_one(p)?, contents(p)?);
            Ok(StoredQuery::GetSubmissionSetAndContents { submission_set, documents })
        }),
        (query::GET_FOLDER_AND_CONTENTS, |p| {
            let (folder, documents) = (FOLDERS.read_one(p)?, contents(p)?);
            Ok(StoredQuery::GetFolderAndContents { folder, documents })
        }),
        (query::GET_FOLDERS_FOR_DOCUMENT, |p| Ok(StoredQuery::GetFoldersForDocument(DOCUMENTS.read_one(p)?))),
        (query::GET_RELATED_DOCUMENTS, get_related_documents),
        (query::FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, |p| {
            let (patient_ids, documents) = several_patients(p)?;
            Ok(StoredQuery::FindDocumentsForMultiplePatients { patient_ids, documents })
        }),
        (query::FIND_DOCUMENTS_BY_REFERENCE_ID_FOR_MULTIPLE_PATIENTS, |p| {
            let patient_ids = p.list(PATIENT, PatientId::parse)?;
            let documents = with_references(document_criteria(p)?, p)?;
            Ok(StoredQuery::FindDocumentsByReferenceIdForMultiplePatients { patient_ids, documents })
        }),
        (query::FIND_FOLDERS_FOR_MULTIPLE_PATIENTS, |p| {
            let patient_ids = p.list("$XDSFolderPatientId", PatientId::parse)?;
            let folders = folder_criteria(p)?;
            if folders.codes.is_empty() {
                return Err(missing("$XDSFolderCodeList", "is required in a query over several patients"));
            }
            Ok(StoredQuery::FindFoldersForMultiplePatients { patient_ids, folders })
        }),
    ];
    if let Some((_, read)) = known.iter().find(|(known, _)| same_uuid(id, known)) {
        return read(p);
    }
    let shown: String = id.chars().take(80).collect();
    Err(match query::NOT_ANSWERED.iter().find(|(known, _)| same_uuid(id, known)) {
        Some((_, name)) => QueryError::Unsupported { id: shown, name },
        None => QueryError::Unknown(shown),
    })
}

const PATIENT: &str = "$XDSDocumentEntryPatientId";

fn missing(parameter: &'static str, rule: &'static str) -> QueryError {
    QueryError::MissingParameter { parameter, rule }
}

/// `$MetadataLevel` of metadata update: 1 for readers that know no versions, which is the default; 2 for those that do.
fn metadata_level(p: &Parameters) -> Result<u8, QueryError> {
    match p.number("$MetadataLevel")?.as_deref() {
        None | Some("1") => Ok(1),
        Some("2") => Ok(2),
        Some(other) => Err(QueryError::InvalidParameter(Invalid::new("$MetadataLevel", "must be 1 or 2", other))),
    }
}

fn find_documents(p: &Parameters) -> Result<DocumentQuery, QueryError> {
    let patient_id = p.single(PATIENT, PatientId::parse)?.ok_or_else(|| missing(PATIENT, "is required"))?;
    Ok(DocumentQuery { patient_id: Some(patient_id), ..document_criteria(p)? })
}

fn document_criteria(p: &Parameters) -> Result<DocumentQuery, QueryError> {
    Ok(DocumentQuery {
        statuses: statuses(p, "$XDSDocumentEntryStatus")?,
        document_types: document_types(p)?,
        document_availabilities: p.list("$XDSDocumentEntryDocumentAvailability", |text| Ok(text.to_owned()))?,
        class_codes: p.list("$XDSDocumentEntryClassCode", code)?,
        type_codes: p.list("$XDSDocumentEntryTypeCode", code)?,
        format_codes: p.list("$XDSDocumentEntryFormatCode", code)?,
        practice_setting_codes: p.list("$XDSDocumentEntryPracticeSettingCode", code)?,
        healthcare_facility_type_codes: p.list("$XDSDocumentEntryHealthcareFacilityTypeCode", code)?,
        event_code_list: p.and_lists("$XDSDocumentEntryEventCodeList", code)?,
        confidentiality_codes: p.and_lists("$XDSDocumentEntryConfidentialityCode", code)?,
        creation_time: p.range("$XDSDocumentEntryCreationTimeFrom", "$XDSDocumentEntryCreationTimeTo")?,
        service_start_time: p.range("$XDSDocumentEntryServiceStartTimeFrom", "$XDSDocumentEntryServiceStartTimeTo")?,
        service_stop_time: p.range("$XDSDocumentEntryServiceStopTimeFrom", "$XDSDocumentEntryServiceStopTimeTo")?,
        author_person: p.list("$XDSDocumentEntryAuthorPerson", |text| Ok(text.to_owned()))?,
        ..DocumentQuery::default()
    })
}

/// ITI-51: any number of patients, and at least one of the codes that keep such a query narrow.
fn several_patients(p: &Parameters) -> Result<(Vec<PatientId>, DocumentQuery), QueryError> {
    let patient_ids = p.list(PATIENT, PatientId::parse)?;
    let documents = document_criteria(p)?;
    if documents.class_codes.is_empty()
        && documents.event_code_list.is_empty()
        && documents.healthcare_facility_type_codes.is_empty()
    {
        let rule = "or $XDSDocumentEntryEventCodeList or $XDSDocumentEntryHealthcareFacilityTypeCode is required in a \
                    query over several patients";
        return Err(missing("$XDSDocumentEntryClassCode", rule));
    }
    Ok((patient_ids, documents))
}

fn with_references(query: DocumentQuery, p: &Parameters) -> Result<DocumentQuery, QueryError> {
    const NAME: &str = "$XDSDocumentEntryReferenceIdList";
    let reference_ids = p.and_lists(NAME, |text| {
        if text.contains(['%', '_']) {
            return Ok(ReferenceTerm::Like(text.to_owned()));
        }
        ReferenceId::parse(text).map(ReferenceTerm::Exact)
    })?;
    if reference_ids.is_empty() {
        return Err(missing(NAME, "is required"));
    }
    Ok(DocumentQuery { reference_ids, ..query })
}

fn find_submission_sets(p: &Parameters) -> Result<SubmissionSetQuery, QueryError> {
    const PATIENT: &str = "$XDSSubmissionSetPatientId";
    Ok(SubmissionSetQuery {
        patient_id: p.single(PATIENT, PatientId::parse)?.ok_or_else(|| missing(PATIENT, "is required"))?,
        source_ids: p.list("$XDSSubmissionSetSourceId", Oid::parse)?,
        submission_time: p.range("$XDSSubmissionSetSubmissionTimeFrom", "$XDSSubmissionSetSubmissionTimeTo")?,
        author_person: p.single("$XDSSubmissionSetAuthorPerson", |text| Ok(text.to_owned()))?.into_iter().collect(),
        content_type_codes: p.list("$XDSSubmissionSetContentType", code)?,
        statuses: statuses(p, "$XDSSubmissionSetStatus")?,
    })
}

fn find_folders(p: &Parameters) -> Result<FolderQuery, QueryError> {
    const PATIENT: &str = "$XDSFolderPatientId";
    let patient_id = p.single(PATIENT, PatientId::parse)?.ok_or_else(|| missing(PATIENT, "is required"))?;
    Ok(FolderQuery { patient_id: Some(patient_id), ..folder_criteria(p)? })
}

fn folder_criteria(p: &Parameters) -> Result<FolderQuery, QueryError> {
    Ok(FolderQuery {
        patient_id: None,
        last_update_time: p.range("$XDSFolderLastUpdateTimeFrom", "$XDSFolderLastUpdateTimeTo")?,
        codes: p.and_lists("$XDSFolderCodeList", code)?,
        statuses: statuses(p, "$XDSFolderStatus")?,
    })
}

fn get_all(p: &Parameters) -> Result<StoredQuery, QueryError> {
    const PATIENT: &str = "$patientId";
    Ok(StoredQuery::GetAll {
        patient_id: p.single(PATIENT, PatientId::parse)?.ok_or_else(|| missing(PATIENT, "is required"))?,
        documents: DocumentQuery { statuses: statuses(p, "$XDSDocumentEntryStatus")?, ..contents(p)? },
        submission_set_statuses: statuses(p, "$XDSSubmissionSetStatus")?,
        folder_statuses: statuses(p, "$XDSFolderStatus")?,
    })
}

fn get_related_documents(p: &Parameters) -> Result<StoredQuery, QueryError> {
    const TYPES: &str = "$AssociationTypes";
    let association_types = p.list(TYPES, |text| {
        association_type(text).ok_or_else(|| Invalid::new("", "must be the URN of a known association type", text))
    })?;
    if association_types.is_empty() {
        return Err(missing(TYPES, "is required"));
    }
    let kinds = AssociationType::ALL.into_iter().filter(|kind| association_types.contains(kind)).collect();
    let documents = DocumentQuery { document_types: document_types(p)?, ..DocumentQuery::default() };
    Ok(StoredQuery::GetRelatedDocuments { document: DOCUMENTS.read_one(p)?, association_types: kinds, documents })
}

/// The filters on documents inside something.
fn contents(p: &Parameters) -> Result<DocumentQuery, QueryError> {
    Ok(DocumentQuery {
        format_codes: p.list("$XDSDocumentEntryFormatCode", code)?,
        confidentiality_codes: p.and_lists("$XDSDocumentEntryConfidentialityCode", code)?,
        document_types: document_types(p)?,
        ..DocumentQuery::default()
    })
}

fn uuids(p: &Parameters) -> Result<Vec<ObjectId>, QueryError> {
    let ids = p.list("$uuid", ObjectId::parse)?;
    if ids.is_empty() { Err(missing("$uuid", "is required")) } else { Ok(ids) }
}

/// The parameters that name objects of one kind, of which exactly one is given.
struct Naming {
    id: &'static str,
    unique_id: &'static str,
    /// From metadata update; submission sets have no versions.
    logical_id: Option<&'static str>,
    /// What to say when none is given.
    required: &'static str,
}

const DOCUMENTS: Naming = Naming {
    id: "$XDSDocumentEntryEntryUUID",
    unique_id: "$XDSDocumentEntryUniqueId",
    logical_id: Some("$XDSDocumentEntryLogicalID"),
    required: "or $XDSDocumentEntryUniqueId is required",
};
const FOLDERS: Naming = Naming {
    id: "$XDSFolderEntryUUID",
    unique_id: "$XDSFolderUniqueId",
    logical_id: Some("$XDSFolderLogicalID"),
    required: "or $XDSFolderUniqueId is required",
};
const SUBMISSION_SETS: Naming = Naming {
    id: "$XDSSubmissionSetEntryUUID",
    unique_id: "$XDSSubmissionSetUniqueId",
    logical_id: None,
    required: "or $XDSSubmissionSetUniqueId is required",
};

impl Naming {
    fn read(&self, p: &Parameters) -> Result<ObjectNames, QueryError> {
        let ids = p.list(self.id, ObjectId::parse)?;
        let unique_ids = p.list(self.unique_id, UniqueId::parse)?;
        let logical_ids = match self.logical_id {
            Some(name) => p.list(name, ObjectId::parse)?,
            None => Vec::new(),
        };
        let together = |a: &'static str, b: &str| {
            let rule = format!("must not be given together with {b}");
            Err(QueryError::ParameterNumber { parameter: a, rule })
        };
        match (ids.is_empty(), unique_ids.is_empty(), logical_ids.is_empty()) {
            (false, true, true) => Ok(ObjectNames::Ids(ids)),
            (true, false, true) => Ok(ObjectNames::UniqueIds(unique_ids)),
            (true, true, false) => Ok(ObjectNames::LogicalIds(logical_ids)),
            (true, true, true) => Err(missing(self.id, self.required)),
            (false, false, _) => together(self.id, self.unique_id),
            (false, true, false) => together(self.id, self.logical_id.unwrap_or_default()),
            (true, false, false) => together(self.unique_id, self.logical_id.unwrap_or_default()),
        }
    }

    /// As [`Naming::read`], for queries about one object.
    fn read_one(&self, p: &Parameters) -> Result<ObjectNames, QueryError> {
        let names = self.read(p)?;
        let (parameter, count) = match &names {
            ObjectNames::Ids(ids) => (self.id, ids.len()),
            ObjectNames::UniqueIds(ids) => (self.unique_id, ids.len()),
            ObjectNames::LogicalIds(ids) => (self.logical_id.unwrap_or_default(), ids.len()),
        };
        if count > 1 {
            let rule = format!("must have one value, not {count}");
            return Err(QueryError::ParameterNumber { parameter, rule });
        }
        Ok(names)
    }
}

fn statuses(p: &Parameters, name: &'static str) -> Result<Vec<AvailabilityStatus>, QueryError> {
    let known = optional_statuses(p, name)?;
    if known.is_empty() { Err(missing(name, "is required")) } else { Ok(known) }
}

/// The known statuses named. An unknown one is ignored, because later supplements may bring more; none that is known is
/// as good as no value.
fn optional_statuses(p: &Parameters, name: &'static str) -> Result<Vec<AvailabilityStatus>, QueryError> {
    let written = p.list(name, |text| Ok(text.to_owned()))?;
    let mut known = Vec::new();
    for urn in &written {
        let status = if same_urn(urn, status::APPROVED) {
            AvailabilityStatus::Approved
        } else if same_urn(urn, status::DEPRECATED) {
            AvailabilityStatus::Deprecated
        } else {
            continue;
        };
        if !known.contains(&status) {
            known.push(status);
        }
    }
    if known.is_empty() && !written.is_empty() {
        return Err(missing(name, "must name a known status: the URN of Approved or of Deprecated"));
    }
    Ok(known)
}

fn document_types(p: &Parameters) -> Result<Vec<DocumentType>, QueryError> {
    let mut types = Vec::new();
    let written = p.list("$XDSDocumentEntryType", |text| {
        if same_uuid(text, STABLE_ENTRY) {
            Ok(DocumentType::Stable)
        } else if same_uuid(text, ON_DEMAND_ENTRY) {
            Ok(DocumentType::OnDemand)
        } else {
            Err(Invalid::new("", "must be the UUID of stable or of on-demand document entries", text))
        }
    })?;
    for kind in written {
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    Ok(types)
}

/// `code^^scheme`, both parts required.
fn code(text: &str) -> Result<CodeTerm, Invalid> {
    let parts: Vec<&str> = text.split('^').collect();
    match parts.as_slice() {
        [code, "", scheme] if !code.is_empty() && !scheme.is_empty() => {
            Ok(CodeTerm::of(unescape(code), unescape(scheme)))
        }
        _ => Err(Invalid::new("", "must be a code and its scheme in the form 'code^^scheme'", text)),
    }
}
