//! r:RetrieveImagingDocumentSetRequest: the body of RAD-69 and RAD-75. Their answer is that of ITI-43
//! ([`crate::decode_retrieve_response`]). Source: spec/xds.md section 22.

use std::collections::HashSet;

use model::{HomeCommunityId, Invalid, Oid, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use xml::{Element, XmlWriter};

use crate::error::{DecodeError, expect};
use crate::findings::{Findings, Reading, placed};
use crate::names::ns;
use crate::retrieve::{decode_address, encode_address};

/// Most instances in one request: several of the largest studies there are.
const MOST_INSTANCES: usize = 50_000;
/// Most transfer syntaxes; the standard has fewer.
const MOST_SYNTAXES: usize = 200;

/// One instance that is asked for, with the series and study that it has to be in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImagingDocumentRequest {
    pub study: StudyInstanceUid,
    pub series: SeriesInstanceUid,
    pub home_community_id: Option<HomeCommunityId>,
    /// Retrieve Location UID of the manifest.
    pub repository_unique_id: Oid,
    /// DocumentUniqueId.
    pub sop_instance: SopInstanceUid,
}

/// Instances of one or several studies, and the encodings that their reader takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrieveImagingRequest {
    /// In the order of the request.
    pub documents: Vec<ImagingDocumentRequest>,
    /// Their order is no preference.
    pub transfer_syntaxes: Vec<TransferSyntaxUid>,
}

/// Writes r:RetrieveImagingDocumentSetRequest with its own namespace declarations. Neighbours of one series share its
/// element; what is in order stays in order.
pub fn encode_retrieve_imaging_request(request: &RetrieveImagingRequest, xml: &mut XmlWriter) {
    xml.start("r:RetrieveImagingDocumentSetRequest").ns("r", ns::XDS_I).ns("x", ns::XDS);
    for study in request.documents.chunk_by(|a, b| a.study == b.study) {
        xml.start("r:StudyRequest").attr("studyInstanceUID", study[0].study.as_str());
        for series in study.chunk_by(|a, b| a.series == b.series) {
            xml.start("r:SeriesRequest").attr("seriesInstanceUID", series[0].series.as_str());
            for document in series {
                xml.start("x:DocumentRequest");
                encode_address(
                    document.home_community_id.as_ref(),
                    document.repository_unique_id.as_str(),
                    document.sop_instance.as_str(),
                    xml,
                );
                xml.end();
            }
            xml.end();
        }
        xml.end();
    }
    xml.start("r:TransferSyntaxUIDList");
    for syntax in &request.transfer_syntaxes {
        xml.leaf("r:TransferSyntaxUID", syntax.as_str());
    }
    xml.end().end();
}

/// Reads r:RetrieveImagingDocumentSetRequest: at least one instance and one transfer syntax.
///
/// Leniency: the children of a DocumentRequest and of the request are read in any order.
/// Errors: all findings, each with the element it is about; `object` is the SOP Instance UID where one is known, which
/// IHE wants as location.
pub fn decode_retrieve_imaging_request(request: &Element) -> Result<RetrieveImagingRequest, Vec<Invalid>> {
    expect(request, ns::XDS_I, "r:RetrieveImagingDocumentSetRequest").map_err(|error| match error {
        DecodeError::Invalid(invalid) => vec![invalid],
        DecodeError::Element { expected, got } => vec![Invalid::new(expected, "must be the request", got)],
    })?;
    let mut findings = Findings::new(Reading::Answer);
    let mut documents = Vec::new();
    for study in at_least_one(request, ns::XDS_I, "StudyRequest", &mut findings) {
        let study_uid = uid(study, "StudyRequest", "studyInstanceUID", StudyInstanceUid::parse, &mut findings);
        for series in at_least_one(&study, ns::XDS_I, "SeriesRequest", &mut findings) {
            let series_uid = uid(series, "SeriesRequest", "seriesInstanceUID", SeriesInstanceUid::parse, &mut findings);
            for element in at_least_one(&series, ns::XDS, "DocumentRequest", &mut findings) {
                let mut refused = Vec::new();
                let address = decode_address(element, &mut refused);
                refused.into_iter().for_each(|invalid| findings.refuse(invalid));
                let Some(address) = address else { continue };
                let sop_instance = match SopInstanceUid::parse(address.document_unique_id.as_str()) {
                    Ok(sop_instance) => sop_instance,
                    Err(invalid) => {
                        let at = address.document_unique_id.as_str();
                        findings.refuse(placed(invalid, "DocumentRequest.DocumentUniqueId").on(at));
                        continue;
                    }
                };
                if documents.len() == MOST_INSTANCES {
                    let rule = format!("must ask for at most {MOST_INSTANCES} instances at once");
                    return Err(vec![Invalid::new("RetrieveImagingDocumentSetRequest", rule, "more")]);
                }
                if let (Some(study), Some(series)) = (&study_uid, &series_uid) {
                    documents.push(ImagingDocumentRequest {
                        study: study.clone(),
                        series: series.clone(),
                        home_community_id: address.home_community_id,
                        repository_unique_id: address.repository_unique_id,
                        sop_instance,
                    });
                }
            }
            if findings.full() {
                return Err(findings.refused);
            }
        }
    }
    let transfer_syntaxes = transfer_syntaxes(request, &mut findings);
    match findings.refused.is_empty() {
        true => Ok(RetrieveImagingRequest { documents, transfer_syntaxes }),
        false => Err(findings.refused),
    }
}

fn at_least_one<'a>(parent: &Element<'a>, namespace: &str, name: &str, findings: &mut Findings) -> Vec<Element<'a>> {
    let found: Vec<_> = parent.children_named(namespace, name).collect();
    if found.is_empty() {
        findings.refuse(Invalid::new(parent.name(), format!("must hold at least one {name} of {namespace}"), ""));
    }
    found
}

/// The UID in an attribute, trimmed.
fn uid<T>(
    element: Element<'_>,
    name: &str,
    attribute: &str,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    findings: &mut Findings,
) -> Option<T> {
    let field = format!("{name}/@{attribute}");
    let text = element.attr(attribute).unwrap_or_default().trim();
    if text.is_empty() {
        findings.refuse(Invalid::new(field, "is required", ""));
        return None;
    }
    parse(text).map_err(|invalid| findings.refuse(placed(invalid, &field))).ok()
}

/// Every listed syntax once. Leniency: empty elements beside others are passed over.
fn transfer_syntaxes(request: &Element, findings: &mut Findings) -> Vec<TransferSyntaxUid> {
    const FIELD: &str = "TransferSyntaxUIDList.TransferSyntaxUID";
    let (mut syntaxes, mut seen) = (Vec::new(), HashSet::new());
    let mut refused = false;
    for list in request.children_named(ns::XDS_I, "TransferSyntaxUIDList") {
        for element in list.children_named(ns::XDS_I, "TransferSyntaxUID") {
            let text = element.trimmed();
            if text.is_empty() || !seen.insert(text.clone()) {
                continue;
            }
            if seen.len() > MOST_SYNTAXES {
                findings.refuse(Invalid::new(FIELD, format!("must occur at most {MOST_SYNTAXES} times"), "more"));
                return syntaxes;
            }
            match TransferSyntaxUid::parse(&text) {
                Ok(syntax) => syntaxes.push(syntax),
                Err(invalid) => {
                    refused = true;
                    findings.refuse(placed(invalid, FIELD));
                }
            }
        }
    }
    if syntaxes.is_empty() && !refused {
        findings.refuse(Invalid::new(FIELD, "is required", ""));
    }
    syntaxes
}
