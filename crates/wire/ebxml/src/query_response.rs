//! q:AdhocQueryResponse: the answer to ITI-18 and ITI-38. Source: spec/xds.md sections 7, 16.3, 25.1.

use model::{Association, DocumentEntry, Folder, HomeCommunityId, Invalid, ObjectId, SubmissionSet};
use xml::{Element, XmlWriter};

use crate::error::{DecodeError, expect};
use crate::findings::{Findings, Reading, home_community_id};
use crate::names::{FOLDER_NODE, SUBMISSION_SET_NODE, ns};
use crate::objects::{
    ObjectWriter, RawObject, SubIds, Writing, read_association, read_entry, read_folder, read_submission_set,
    write_association, write_entry, write_folder, write_submission_set,
};
use crate::registry_response::{RegistryError, ResponseStatus, decode_errors, encode_errors, reconciled};

/// A reference to an object: what a query for ObjectRef answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    pub id: ObjectId,
    pub home_community_id: Option<HomeCommunityId>,
}

/// What a registry answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryResponse {
    pub status: ResponseStatus,
    pub errors: Vec<RegistryError>,
    pub entries: Vec<DocumentEntry>,
    pub submission_sets: Vec<SubmissionSet>,
    pub folders: Vec<Folder>,
    pub associations: Vec<Association>,
    pub object_refs: Vec<ObjectRef>,
    /// Only of a decoded answer: what could not be read. The object with a broken attribute is there without it, unless
    /// it cannot be without; then the whole object is missing. Never encoded.
    pub unreadable: Vec<Invalid>,
}

impl QueryResponse {
    /// A failed query: no objects. At least one error belongs in it.
    pub fn failure(errors: Vec<RegistryError>) -> Self {
        QueryResponse { status: ResponseStatus::Failure, errors, ..QueryResponse::success() }
    }

    /// Success with nothing found; fill in what was.
    pub fn success() -> Self {
        QueryResponse {
            status: ResponseStatus::Success,
            errors: Vec::new(),
            entries: Vec::new(),
            submission_sets: Vec::new(),
            folders: Vec::new(),
            associations: Vec::new(),
            object_refs: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

/// Writes an answer object by object. For answers that are sent in pieces: take what the writer holds now and then, and
/// [`QueryResponseWriter::resume`]. Status and errors come before the objects, so they have to be known first.
pub struct QueryResponseWriter<'w> {
    objects: ObjectWriter<'w>,
}

impl<'w> QueryResponseWriter<'w> {
    /// Begins q:AdhocQueryResponse with its own namespace declarations.
    pub fn start(xml: &'w mut XmlWriter, status: ResponseStatus, errors: &[RegistryError]) -> Self {
        xml.start("q:AdhocQueryResponse").ns("q", ns::QUERY).ns("rim", ns::RIM).ns("rs", ns::RS);
        xml.attr("status", status.urn());
        encode_errors(errors, xml);
        // Required even when nothing is in it (section 27 row 38).
        xml.start("rim:RegistryObjectList");
        QueryResponseWriter::resume(xml)
    }

    /// Goes on with an answer that was started on the same writer.
    pub fn resume(xml: &'w mut XmlWriter) -> Self {
        QueryResponseWriter { objects: ObjectWriter::new(xml, Writing::Answer, SubIds::derived()) }
    }

    pub fn entry(&mut self, entry: &DocumentEntry) {
        write_entry(&mut self.objects, entry);
    }

    pub fn submission_set(&mut self, set: &SubmissionSet) {
        write_submission_set(&mut self.objects, set);
    }

    pub fn folder(&mut self, folder: &Folder) {
        write_folder(&mut self.objects, folder);
    }

    pub fn association(&mut self, association: &Association) {
        write_association(&mut self.objects, association);
    }

    pub fn object_ref(&mut self, id: &ObjectId, home: Option<&HomeCommunityId>) {
        let xml = &mut self.objects.xml;
        xml.start("rim:ObjectRef").attr("id", id.as_str());
        if let Some(home) = home {
            xml.attr("home", &home.to_string());
        }
        xml.end();
    }

    /// Closes the answer.
    pub fn end(self) {
        self.objects.xml.end().end();
    }
}

/// Writes a whole answer.
pub fn encode_query_response(response: &QueryResponse, xml: &mut XmlWriter) {
    let mut w = QueryResponseWriter::start(xml, response.status, &response.errors);
    response.entries.iter().for_each(|e| w.entry(e));
    response.submission_sets.iter().for_each(|s| w.submission_set(s));
    response.folders.iter().for_each(|f| w.folder(f));
    response.associations.iter().for_each(|a| w.association(a));
    response.object_refs.iter().for_each(|r| w.object_ref(&r.id, r.home_community_id.as_ref()));
    w.end();
}

/// Reads an answer as far as it can be used.
///
/// Leniency: a broken object or attribute does not take the others with it; `unreadable` says what was lost. Slots of
/// any name are kept. A missing RegistryObjectList is read as an empty one; a status that contradicts the content is
/// corrected as in [`crate::decode_registry_response`].
/// Errors: another element, no status or an unknown one.
pub fn decode_query_response(element: &Element) -> Result<QueryResponse, DecodeError> {
    expect(element, ns::QUERY, "q:AdhocQueryResponse")?;
    let written = ResponseStatus::read(element)?;
    let mut response = QueryResponse { errors: decode_errors(element), ..QueryResponse::success() };
    let mut findings = Findings::new(Reading::Answer);
    let lists = element.children_named(ns::RIM, "RegistryObjectList");
    for object in lists.flat_map(|list| list.children()).filter(|o| o.namespace() == Some(ns::RIM)) {
        let raw = |kind, findings: &mut Findings| RawObject::read(object, kind, &[], findings);
        match object.name() {
            "ExtrinsicObject" => {
                let raw = raw("DocumentEntry", &mut findings);
                response.entries.extend(read_entry(raw, &mut findings));
            }
            "RegistryPackage" => {
                let raw = raw("RegistryPackage", &mut findings);
                if raw.has_node(SUBMISSION_SET_NODE) {
                    let raw = RawObject { kind: "SubmissionSet", ..raw };
                    response.submission_sets.extend(read_submission_set(raw, &mut findings));
                } else if raw.has_node(FOLDER_NODE) {
                    let raw = RawObject { kind: "Folder", ..raw };
                    response.folders.extend(read_folder(raw, &mut findings));
                } else {
                    let rule = "must mark the package as a submission set or a folder";
                    findings.refuse(Invalid::new("RegistryPackage.classificationNode", rule, "").on(raw.label()));
                }
            }
            "Association" => {
                let raw = raw("Association", &mut findings);
                response.associations.extend(read_association(raw, &mut findings));
            }
            "ObjectRef" => response.object_refs.extend(read_object_ref(object, &mut findings)),
            _ => {}
        }
    }
    let empty = response.entries.is_empty()
        && response.submission_sets.is_empty()
        && response.folders.is_empty()
        && response.associations.is_empty()
        && response.object_refs.is_empty();
    response.status = reconciled(written, &response.errors, !empty);
    response.unreadable = findings.refused;
    Ok(response)
}

fn read_object_ref(element: Element, findings: &mut Findings) -> Option<ObjectRef> {
    let id = match ObjectId::parse(element.attr("id").unwrap_or_default().trim()) {
        Ok(id) => id,
        Err(invalid) => {
            findings.refuse(invalid.within("ObjectRef"));
            return None;
        }
    };
    let written = element.attr("home").map(str::trim).filter(|home| !home.is_empty());
    let home_community_id = match written.map(home_community_id).transpose() {
        Ok(home) => home,
        Err(invalid) => {
            findings.refuse(invalid.within("ObjectRef").on(id.as_str()));
            None
        }
    };
    Some(ObjectRef { id, home_community_id })
}
