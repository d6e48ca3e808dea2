//! lcm:RemoveObjectsRequest of ITI-62 and rmd:RemoveDocumentsRequest of ITI-86. Source: spec/xds.md 19.3, 19.4.

use model::{Invalid, ObjectId};
use xml::{Element, XmlWriter};

use crate::error::named;
use crate::findings::placed;
use crate::names::ns;
use crate::retrieve::{DocumentRequest, encode_address, read_requests};

/// Objects that one request may name.
const MOST_OBJECTS: usize = 5000;

/// Reads lcm:RemoveObjectsRequest: the ids to remove, each once, at least one.
///
/// Errors: all findings. A query instead of ids (rim:AdhocQuery) and a deletionScope are refused, as IHE wants them absent.
pub fn decode_remove_objects(request: &Element) -> Result<Vec<ObjectId>, Vec<Invalid>> {
    if !request.is(ns::LCM, "RemoveObjectsRequest") {
        let rule = "must be lcm:RemoveObjectsRequest of ebRS 3.0";
        return Err(vec![Invalid::new("RemoveObjectsRequest", rule, named(request))]);
    }
    let mut refused = Vec::new();
    // IPF's own validator leaves an empty rim:AdhocQuery behind in the request it looks at; one without id, home and content
    // asks for nothing (peer/ipf_iti62_empty_query.xml).
    if request.child(ns::RIM, "AdhocQuery").is_some_and(|query| !asks_for_nothing(&query)) {
        let rule = "must be absent: the objects to remove are named one by one";
        refused.push(Invalid::new("RemoveObjectsRequest.AdhocQuery", rule, ""));
    }
    if let Some(scope) = request.attr("deletionScope") {
        let rule = "must be absent: metadata is removed, never the documents with it";
        refused.push(Invalid::new("RemoveObjectsRequest.deletionScope", rule, scope));
    }
    let lists = request.children_named(ns::RIM, "ObjectRefList");
    let refs: Vec<Element> = lists.flat_map(|list| list.children_named(ns::RIM, "ObjectRef")).collect();
    if refs.is_empty() {
        refused.push(Invalid::new("ObjectRefList", "must name at least one object", ""));
    }
    if refs.len() > MOST_OBJECTS {
        let rule = format!("must name at most {MOST_OBJECTS} objects");
        return Err(vec![Invalid::new("ObjectRefList", rule, "")]);
    }
    let mut ids = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for element in refs {
        match ObjectId::parse(element.attr("id").unwrap_or_default().trim()) {
            Ok(id) if seen.insert(id.clone()) => ids.push(id),
            Ok(_) => {}
            Err(invalid) => refused.push(placed(invalid, "ObjectRef.id")),
        }
    }
    if refused.is_empty() { Ok(ids) } else { Err(refused) }
}

fn asks_for_nothing(query: &Element) -> bool {
    query.attributes().next().is_none() && query.is_blank()
}

/// Writes lcm:RemoveObjectsRequest with its own namespace declarations.
pub fn encode_remove_objects(ids: &[ObjectId], xml: &mut XmlWriter) {
    xml.start("lcm:RemoveObjectsRequest").ns("lcm", ns::LCM).ns("rim", ns::RIM).start("rim:ObjectRefList");
    for id in ids {
        xml.start("rim:ObjectRef").attr("id", id.as_str()).end();
    }
    xml.end().end();
}

/// Reads rmd:RemoveDocumentsRequest: at least one document.
///
/// Leniency: one profile's schema allows a single DocumentRequest and another's many; many are read.
/// Errors: all findings; `object` of a finding is the DocumentUniqueId.
pub fn decode_remove_documents(request: &Element) -> Result<Vec<DocumentRequest>, Vec<Invalid>> {
    if !request.is(ns::RMD, "RemoveDocumentsRequest") {
        let rule = "must be the request of ITI-86";
        return Err(vec![Invalid::new("RemoveDocumentsRequest", rule, named(request))]);
    }
    read_requests(request, "RemoveDocumentsRequest")
}

/// Writes rmd:RemoveDocumentsRequest with its own namespace declarations.
pub fn encode_remove_documents(requests: &[DocumentRequest], xml: &mut XmlWriter) {
    xml.start("m:RemoveDocumentsRequest").ns("m", ns::RMD).ns("x", ns::XDS);
    for request in requests {
        xml.start("x:DocumentRequest");
        encode_address(
            request.home_community_id.as_ref(),
            request.repository_unique_id.as_str(),
            request.document_unique_id.as_str(),
            xml,
        );
        xml.end();
    }
    xml.end();
}
