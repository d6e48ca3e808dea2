//! A query to q:AdhocQueryRequest. Source: spec/xds.md 16.1, 16.2.

use model::{CodeTerm, DocumentQuery, DocumentType, DtmRange, ObjectId, ReferenceTerm, UniqueId};
use xml::XmlWriter;

use super::coding::{lists, quoted};
use super::{QueryRequest, ReturnType, StoredQuery};
use crate::names::{ON_DEMAND_ENTRY, STABLE_ENTRY, ns, query};
use crate::objects::status_urn;

/// Writes q:AdhocQueryRequest with its own namespace declarations.
///
/// What the stored query has no parameter for is not written; [`StoredQuery::for_documents`] makes queries that lose
/// nothing here.
pub fn encode_query(request: &QueryRequest, xml: &mut XmlWriter) {
    xml.start("q:AdhocQueryRequest").ns("q", ns::QUERY).ns("rim", ns::RIM);
    let return_type = match request.return_type {
        ReturnType::LeafClass => "LeafClass",
        ReturnType::ObjectRef => "ObjectRef",
    };
    xml.start("q:ResponseOption").attr("returnType", return_type).attr("returnComposedObjects", "true").end();
    let id = match &request.query {
        StoredQuery::FindDocuments(_) => query::FIND_DOCUMENTS,
        StoredQuery::FindDocumentsByReferenceId(_) => query::FIND_DOCUMENTS_BY_REFERENCE_ID,
        StoredQuery::GetDocuments(_) => query::GET_DOCUMENTS,
        StoredQuery::GetAssociations { .. } => query::GET_ASSOCIATIONS,
    };
    xml.start("rim:AdhocQuery").attr("id", id);
    if let Some(home) = &request.home_community_id {
        xml.attr("home", &home.to_string());
    }
    match &request.query {
        StoredQuery::FindDocuments(query) => find_documents(query, xml),
        StoredQuery::FindDocumentsByReferenceId(query) => {
            find_documents(query, xml);
            for terms in &query.reference_ids {
                let terms: Vec<String> = terms.iter().filter_map(reference).collect();
                list(xml, "$XDSDocumentEntryReferenceIdList", terms.iter().map(String::as_str));
            }
        }
        StoredQuery::GetDocuments(query) => {
            list(xml, "$XDSDocumentEntryEntryUUID", query.entry_ids.iter().map(ObjectId::as_str));
            if query.entry_ids.is_empty() {
                list(xml, "$XDSDocumentEntryUniqueId", query.unique_ids.iter().map(UniqueId::as_str));
            }
        }
        StoredQuery::GetAssociations { ids } => list(xml, "$uuid", ids.iter().map(ObjectId::as_str)),
    }
    xml.end().end();
}

fn find_documents(query: &DocumentQuery, xml: &mut XmlWriter) {
    if let Some(patient) = &query.patient_id {
        slot(xml, "$XDSDocumentEntryPatientId", &[quoted(&patient.to_string())]);
    }
    list(xml, "$XDSDocumentEntryStatus", query.statuses.iter().map(|s| status_urn(*s)));
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
    let types = query.document_types.iter().map(|kind| match kind {
        DocumentType::Stable => STABLE_ENTRY,
        DocumentType::OnDemand => ON_DEMAND_ENTRY,
    });
    list(xml, "$XDSDocumentEntryType", types);
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
