//! A query to q:AdhocQueryRequest. Source: spec/xds.md 16.1, 16.2.

use model::{
    AvailabilityStatus, CodeTerm, DocumentQuery, DocumentType, DtmRange, FolderQuery, ObjectId, ObjectNames, Oid,
    PatientId, ReferenceTerm, StoredQuery, SubmissionSetQuery, UniqueId,
};
use xml::XmlWriter;

use super::coding::{lists, quoted};
use super::{QueryRequest, ReturnType};
use crate::names::{ON_DEMAND_ENTRY, STABLE_ENTRY, ns, query};
use crate::objects::{association_urn, status_urn};

/// Writes q:AdhocQueryRequest with its own namespace declarations.
///
/// What the stored query has no parameter for is not written; [`super::query_for_documents`] makes queries that lose
/// nothing here.
pub fn encode_query(request: &QueryRequest, xml: &mut XmlWriter) {
    xml.start("q:AdhocQueryRequest").ns("q", ns::QUERY).ns("rim", ns::RIM);
    let return_type = match request.return_type {
        ReturnType::LeafClass => "LeafClass",
        ReturnType::ObjectRef => "ObjectRef",
    };
    xml.start("q:ResponseOption").attr("returnType", return_type).attr("returnComposedObjects", "true").end();
    xml.start("rim:AdhocQuery").attr("id", query_id(&request.query.stored));
    if let Some(home) = &request.home_community_id {
        xml.attr("home", &home.to_string());
    }
    parameters(&request.query.stored, xml);
    statuses(xml, "$XDSAssociationStatus", &request.query.association_statuses);
    if request.query.former_versions {
        slot(xml, "$MetadataLevel", &["2".to_owned()]);
    }
    xml.end().end();
}

fn query_id(stored: &StoredQuery) -> &'static str {
    match stored {
        StoredQuery::FindDocuments(_) => query::FIND_DOCUMENTS,
        StoredQuery::FindDocumentsByReferenceId(_) => query::FIND_DOCUMENTS_BY_REFERENCE_ID,
        StoredQuery::FindSubmissionSets(_) => query::FIND_SUBMISSION_SETS,
        StoredQuery::FindFolders(_) => query::FIND_FOLDERS,
        StoredQuery::GetAll { .. } => query::GET_ALL,
        StoredQuery::GetDocuments(_) => query::GET_DOCUMENTS,
        StoredQuery::GetFolders(_) => query::GET_FOLDERS,
        StoredQuery::GetAssociations { .. } => query::GET_ASSOCIATIONS,
        StoredQuery::GetDocumentsAndAssociations(_) => query::GET_DOCUMENTS_AND_ASSOCIATIONS,
        StoredQuery::GetSubmissionSets { .. } => query::GET_SUBMISSION_SETS,
        StoredQuery::GetSubmissionSetAndContents { .. } => query::GET_SUBMISSION_SET_AND_CONTENTS,
        StoredQuery::GetFolderAndContents { .. } => query::GET_FOLDER_AND_CONTENTS,
        StoredQuery::GetFoldersForDocument(_) => query::GET_FOLDERS_FOR_DOCUMENT,
        StoredQuery::GetRelatedDocuments { .. } => query::GET_RELATED_DOCUMENTS,
        StoredQuery::FindDocumentsForMultiplePatients { .. } => query::FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS,
        StoredQuery::FindDocumentsByReferenceIdForMultiplePatients { .. } => {
            query::FIND_DOCUMENTS_BY_REFERENCE_ID_FOR_MULTIPLE_PATIENTS
        }
        StoredQuery::FindFoldersForMultiplePatients { .. } => query::FIND_FOLDERS_FOR_MULTIPLE_PATIENTS,
    }
}

fn parameters(stored: &StoredQuery, xml: &mut XmlWriter) {
    match stored {
        StoredQuery::FindDocuments(query) => find_documents(query, xml),
        StoredQuery::FindDocumentsByReferenceId(query) => {
            find_documents(query, xml);
            references(query, xml);
        }
        StoredQuery::FindSubmissionSets(query) => find_submission_sets(query, xml),
        StoredQuery::FindFolders(query) => {
            if let Some(patient) = &query.patient_id {
                slot(xml, "$XDSFolderPatientId", &[quoted(&patient.to_string())]);
            }
            folders(query, xml);
        }
        StoredQuery::GetAll { patient_id, documents, submission_set_statuses, folder_statuses } => {
            slot(xml, "$patientId", &[quoted(&patient_id.to_string())]);
            statuses(xml, "$XDSDocumentEntryStatus", &documents.statuses);
            statuses(xml, "$XDSSubmissionSetStatus", submission_set_statuses);
            statuses(xml, "$XDSFolderStatus", folder_statuses);
            contents(documents, xml);
        }
        StoredQuery::GetDocuments(names) | StoredQuery::GetDocumentsAndAssociations(names) => {
            named(names, DOCUMENTS, xml);
        }
        StoredQuery::GetFoldersForDocument(names) => named(names, DOCUMENTS, xml),
        StoredQuery::GetFolders(names) => named(names, FOLDERS, xml),
        StoredQuery::GetAssociations { ids } | StoredQuery::GetSubmissionSets { ids } => {
            list(xml, "$uuid", ids.iter().map(ObjectId::as_str));
        }
        StoredQuery::GetSubmissionSetAndContents { submission_set, documents } => {
            named(submission_set, SUBMISSION_SETS, xml);
            contents(documents, xml);
        }
        StoredQuery::GetFolderAndContents { folder, documents } => {
            named(folder, FOLDERS, xml);
            contents(documents, xml);
        }
        StoredQuery::GetRelatedDocuments { document, association_types, documents } => {
            named(document, DOCUMENTS, xml);
            list(xml, "$AssociationTypes", association_types.iter().map(|kind| association_urn(*kind)));
            document_types(documents, xml);
        }
        StoredQuery::FindDocumentsForMultiplePatients { patient_ids, documents } => {
            patients(xml, "$XDSDocumentEntryPatientId", patient_ids);
            find_documents(documents, xml);
        }
        StoredQuery::FindDocumentsByReferenceIdForMultiplePatients { patient_ids, documents } => {
            patients(xml, "$XDSDocumentEntryPatientId", patient_ids);
            find_documents(documents, xml);
            references(documents, xml);
        }
        StoredQuery::FindFoldersForMultiplePatients { patient_ids, folders: query } => {
            patients(xml, "$XDSFolderPatientId", patient_ids);
            folders(query, xml);
        }
    }
}

/// The parameters that name objects: by entryUUID, by uniqueId, by logicalID.
type Naming = [&'static str; 3];

const DOCUMENTS: Naming = ["$XDSDocumentEntryEntryUUID", "$XDSDocumentEntryUniqueId", "$XDSDocumentEntryLogicalID"];
const FOLDERS: Naming = ["$XDSFolderEntryUUID", "$XDSFolderUniqueId", "$XDSFolderLogicalID"];
/// Submission sets have no versions: their logicalID is their entryUUID.
const SUBMISSION_SETS: Naming =
    ["$XDSSubmissionSetEntryUUID", "$XDSSubmissionSetUniqueId", "$XDSSubmissionSetEntryUUID"];

fn named(names: &ObjectNames, [id, unique_id, logical_id]: Naming, xml: &mut XmlWriter) {
    match names {
        ObjectNames::Ids(ids) => list(xml, id, ids.iter().map(ObjectId::as_str)),
        ObjectNames::UniqueIds(ids) => list(xml, unique_id, ids.iter().map(UniqueId::as_str)),
        ObjectNames::LogicalIds(ids) => list(xml, logical_id, ids.iter().map(ObjectId::as_str)),
    }
}

fn patients(xml: &mut XmlWriter, name: &str, ids: &[PatientId]) {
    let texts: Vec<String> = ids.iter().map(PatientId::to_string).collect();
    list(xml, name, texts.iter().map(String::as_str));
}

fn statuses(xml: &mut XmlWriter, name: &str, statuses: &[AvailabilityStatus]) {
    list(xml, name, statuses.iter().map(|s| status_urn(*s)));
}

fn references(query: &DocumentQuery, xml: &mut XmlWriter) {
    for terms in &query.reference_ids {
        let terms: Vec<String> = terms.iter().filter_map(reference).collect();
        list(xml, "$XDSDocumentEntryReferenceIdList", terms.iter().map(String::as_str));
    }
}

fn contents(documents: &DocumentQuery, xml: &mut XmlWriter) {
    codes_slot(xml, "$XDSDocumentEntryFormatCode", &documents.format_codes);
    for codes in &documents.confidentiality_codes {
        codes_slot(xml, "$XDSDocumentEntryConfidentialityCode", codes);
    }
    document_types(documents, xml);
}

fn document_types(documents: &DocumentQuery, xml: &mut XmlWriter) {
    let types = documents.document_types.iter().map(|kind| match kind {
        DocumentType::Stable => STABLE_ENTRY,
        DocumentType::OnDemand => ON_DEMAND_ENTRY,
    });
    list(xml, "$XDSDocumentEntryType", types);
}

fn find_submission_sets(query: &SubmissionSetQuery, xml: &mut XmlWriter) {
    slot(xml, "$XDSSubmissionSetPatientId", &[quoted(&query.patient_id.to_string())]);
    list(xml, "$XDSSubmissionSetSourceId", query.source_ids.iter().map(Oid::as_str));
    let (from, to) = ("$XDSSubmissionSetSubmissionTimeFrom", "$XDSSubmissionSetSubmissionTimeTo");
    range(xml, from, to, query.submission_time);
    if let Some(person) = query.author_person.first() {
        slot(xml, "$XDSSubmissionSetAuthorPerson", &[quoted(person)]);
    }
    codes_slot(xml, "$XDSSubmissionSetContentType", &query.content_type_codes);
    statuses(xml, "$XDSSubmissionSetStatus", &query.statuses);
}

fn folders(query: &FolderQuery, xml: &mut XmlWriter) {
    range(xml, "$XDSFolderLastUpdateTimeFrom", "$XDSFolderLastUpdateTimeTo", query.last_update_time);
    for codes in &query.codes {
        codes_slot(xml, "$XDSFolderCodeList", codes);
    }
    statuses(xml, "$XDSFolderStatus", &query.statuses);
}

fn find_documents(query: &DocumentQuery, xml: &mut XmlWriter) {
    if let Some(patient) = &query.patient_id {
        slot(xml, "$XDSDocumentEntryPatientId", &[quoted(&patient.to_string())]);
    }
    statuses(xml, "$XDSDocumentEntryStatus", &query.statuses);
    let available = query.document_availabilities.iter();
    list(xml, "$XDSDocumentEntryDocumentAvailability", available.map(String::as_str));
    for (name, codes) in [
        ("$XDSDocumentEntryClassCode", &query.class_codes),
        ("$XDSDocumentEntryTypeCode", &query.type_codes),
        ("$XDSDocumentEntryPracticeSettingCode", &query.practice_setting_codes),
        ("$XDSDocumentEntryHealthcareFacilityTypeCode", &query.healthcare_facility_type_codes),
        ("$XDSDocumentEntryFormatCode", &query.format_codes),
    ] {
        codes_slot(xml, name, codes);
    }
    for codes in &query.event_code_list {
        codes_slot(xml, "$XDSDocumentEntryEventCodeList", codes);
    }
    for codes in &query.confidentiality_codes {
        codes_slot(xml, "$XDSDocumentEntryConfidentialityCode", codes);
    }
    range(xml, "$XDSDocumentEntryCreationTimeFrom", "$XDSDocumentEntryCreationTimeTo", query.creation_time);
    range(
        xml,
        "$XDSDocumentEntryServiceStartTimeFrom",
        "$XDSDocumentEntryServiceStartTimeTo",
        query.service_start_time,
    );
    range(xml, "$XDSDocumentEntryServiceStopTimeFrom", "$XDSDocumentEntryServiceStopTimeTo", query.service_stop_time);
    list(xml, "$XDSDocumentEntryAuthorPerson", query.author_person.iter().map(String::as_str));
    document_types(query, xml);
}

fn codes_slot(xml: &mut XmlWriter, name: &str, codes: &[CodeTerm]) {
    // Only what separates the components is escaped: a peer that does not unescape still finds everything else.
    let part = |text: &str| text.replace('\\', "\\E\\").replace('^', "\\S\\");
    let texts: Vec<String> = codes
        .iter()
        .filter_map(|term| Some(format!("{}^^{}", part(term.code.as_deref()?), part(term.scheme.as_deref()?))))
        .collect();
    list(xml, name, texts.iter().map(String::as_str));
}

fn reference(term: &ReferenceTerm) -> Option<String> {
    match term {
        ReferenceTerm::Exact(reference) => Some(reference.to_string()),
        ReferenceTerm::Like(pattern) => Some(pattern.clone()),
        ReferenceTerm::Parts { .. } => None,
    }
}

fn range(xml: &mut XmlWriter, from: &str, to: &str, range: DtmRange) {
    for (name, time) in [(from, range.from), (to, range.to)] {
        if let Some(time) = time {
            slot(xml, name, &[format!("{time:014}")]);
        }
    }
}

fn list<'v>(xml: &mut XmlWriter, name: &str, values: impl Iterator<Item = &'v str>) {
    let lists = lists(values);
    if !lists.is_empty() {
        slot(xml, name, &lists);
    }
}

fn slot(xml: &mut XmlWriter, name: &str, values: &[String]) {
    xml.start("rim:Slot").attr("name", name).start("rim:ValueList");
    for value in values {
        xml.leaf("rim:Value", value);
    }
    xml.end().end();
}
