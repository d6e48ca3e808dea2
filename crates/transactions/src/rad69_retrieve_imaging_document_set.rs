//! RAD-69 Retrieve Imaging Document Set: named instances of one or several studies over SOAP. RAD TF-2 4.69;
//! spec/xds.md section 22.

mod client;

pub use client::Client;

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::{Side, error_code};
use crate::edge::registry_errors;
use crate::edge::soap_server::{Attachment, SoapReply, SoapRequest, SoapTransaction};
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, ByteStream, Cx, Fault, Imaging, InstanceAddress, InstanceStream, WantedSyntax};
use ebxml::{Content, ImagingDocumentRequest, RegistryError, RetrieveImagingRequest, RetrieveResponse};
use futures_util::{StreamExt, TryStreamExt, stream};
use model::{Invalid, Oid, SopInstanceUid, UniqueId};
use std::sync::Arc;
use tokio::sync::Mutex;

pub static TRANSACTION: Transaction = Transaction {
    id: "RAD-69",
    name: "Retrieve Imaging Document Set",
    section: "RAD TF-2 4.69",
    binding: Binding::Soap {
        path: "/xds/imaging",
        action: "urn:ihe:rad:2009:RetrieveImagingDocumentSet",
        // ITI's action, not RAD's: so say the WSDL files of IPF and dcm4chee.
        response_action: "urn:ihe:iti:2007:RetrieveDocumentSetResponse",
        mtom: true,
    },
    access: Access::Retrieve,
};

const MIME_TYPE: &str = "application/dicom";

/// Answers an image consumer.
pub struct Server {
    /// This node's archive.
    pub imaging: Arc<dyn Imaging>,
    /// How requests may call this source: the Retrieve Location UID of its manifests, its source id, and what the
    /// configuration says that peers call it.
    pub repository_unique_ids: Vec<Oid>,
    pub edge: Edge,
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        &TRANSACTION
    }

    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let decoded = {
                let named = request.envelope.body_named(ebxml::ns::XDS_I, "RetrieveImagingDocumentSetRequest");
                ebxml::decode_retrieve_imaging_request(&named.map_err(|e| e.fault())?)
            };
            match decoded {
                Ok(request) => Ok(self.answer(request, cx).await),
                Err(findings) => {
                    let first = findings.first().map(|f| format!("{f:?}")).unwrap_or_default();
                    self.edge.audit(&TRANSACTION, Outcome::MinorFailure(first), Facts::default(), cx);
                    let errors = findings.iter().map(malformed).collect();
                    let failure = RetrieveResponse::of(Vec::new(), errors);
                    Ok(SoapReply::of(move |w| ebxml::encode_retrieve_response(&failure, w)))
                }
            }
        })
    }
}

impl Server {
    /// The status is decided for every instance before the first is read, because it is written in front of them.
    async fn answer(&self, request: RetrieveImagingRequest, cx: &Cx) -> SoapReply {
        let RetrieveImagingRequest { documents, transfer_syntaxes } = request;
        let syntaxes: Vec<WantedSyntax> = transfer_syntaxes.into_iter().map(WantedSyntax::Uid).collect();
        let addresses: Vec<InstanceAddress> =
            documents.iter().filter(|d| self.is_ours(&d.repository_unique_id)).map(address).collect();
        let mut objects: Vec<String> = documents.iter().map(|d| d.study.to_string()).collect();
        objects.dedup();
        let asked = documents.len();
        let picked = self.imaging.pick(&addresses, &syntaxes, cx).await;
        let (mut outcomes, instances): (Box<dyn Iterator<Item = Result<(), Fault>> + Send>, InstanceStream) =
            match picked {
                Ok(picked) => (Box::new(picked.outcomes.into_iter()), picked.instances),
                Err(refusal) => {
                    let fault = refusal.first().clone();
                    (Box::new(std::iter::repeat_with(move || Err(fault.clone()))), Box::pin(stream::empty()))
                }
            };
        let (mut sent, mut faults) = (Vec::new(), Vec::new());
        for document in documents {
            let outcome = match self.is_ours(&document.repository_unique_id) {
                true => outcomes.next().unwrap_or_else(|| Err(Fault::Internal { log_id: cx.request_id.clone() })),
                false => Err(unknown_repository(&document)),
            };
            match outcome {
                Ok(()) => sent.push(document),
                Err(fault) => faults.push((document.sop_instance, fault)),
            }
        }
        let outcome = match faults.first() {
            None => Outcome::Success,
            Some((_, fault @ Fault::Internal { .. })) => Outcome::SeriousFailure(format!("{fault:?}")),
            Some((_, fault)) => {
                Outcome::MinorFailure(format!("{} of {asked} instances not sent: {fault:?}", faults.len()))
            }
        };
        self.edge.audit(&TRANSACTION, outcome, Facts { patient: None, objects, query: None }, cx);
        let errors = faults.iter().map(|(instance, fault)| not_sent(instance, fault)).collect();
        reply(sent, errors, instances, &cx.request_id)
    }

    fn is_ours(&self, repository: &Oid) -> bool {
        self.repository_unique_ids.contains(repository)
    }
}

fn address(document: &ImagingDocumentRequest) -> InstanceAddress {
    InstanceAddress {
        study: document.study.clone(),
        series: document.series.clone(),
        instance: document.sop_instance.clone(),
    }
}

fn unknown_repository(document: &ImagingDocumentRequest) -> Fault {
    let repository = document.repository_unique_id.clone();
    match UniqueId::parse(document.sop_instance.as_str()) {
        Ok(unique_id) => Fault::UnknownRepository { repository, unique_id },
        Err(_) => Fault::Unsupported(format!("asking this source for instances of repository {repository}")),
    }
}

/// What is wrong with the request, by the element that it is about.
fn malformed(finding: &Invalid) -> RegistryError {
    registry_errors::error(&Fault::InvalidQuery(finding.clone()), Side::Repository)
}

/// One error per instance; IHE has one code for several of DICOM's reasons, so DICOM's is in the text.
fn not_sent(instance: &SopInstanceUid, fault: &Fault) -> RegistryError {
    let text = match fault {
        Fault::ImagesNotFound(_) => format!("{fault} (urn:dicom:wado:0017)"),
        Fault::NotAcceptable(_) => format!("{fault} (urn:dicom:wado:0007)"),
        other => other.to_string(),
    };
    RegistryError::error(error_code(fault, Side::Repository), text).at(instance.to_string())
}

fn reply(
    sent: Vec<ImagingDocumentRequest>,
    errors: Vec<RegistryError>,
    instances: InstanceStream,
    request_id: &str,
) -> SoapReply {
    let instances = Arc::new(Mutex::new(instances));
    let attachments = sent
        .iter()
        .map(|document| Attachment {
            content_type: MIME_TYPE.to_owned(),
            body: next_body(instances.clone(), document.sop_instance.clone(), request_id.to_owned()),
        })
        .collect();
    let body = move |w: &mut xml::XmlWriter, mtom: &soap::MtomWriter| {
        let documents = sent
            .into_iter()
            .enumerate()
            .filter_map(|(n, document)| {
                Some(ebxml::RetrievedDocument {
                    home_community_id: document.home_community_id,
                    repository_unique_id: document.repository_unique_id,
                    // It was one when it was read.
                    document_unique_id: UniqueId::parse(document.sop_instance.as_str()).ok()?,
                    new_repository_unique_id: None,
                    new_document_unique_id: None,
                    mime_type: MIME_TYPE.to_owned(),
                    content: Content::Part(mtom.content_id(n + 1).into()),
                })
            })
            .collect();
        ebxml::encode_retrieve_response(&RetrieveResponse::of(documents, errors), w);
    };
    SoapReply { body: Box::new(body), pieces: None, attachments }
}

/// The next instance, opened when its octets are asked for: parts are written one after the other.
fn next_body(instances: Arc<Mutex<InstanceStream>>, expected: SopInstanceUid, request_id: String) -> ByteStream {
    let opened = async move {
        match instances.lock().await.next().await {
            Some(Ok(served)) if served.sop_instance == expected => Ok(served.body),
            Some(Err(fault)) => Err(fault),
            Some(Ok(_)) | None => {
                tracing::error!(request_id, "the archive gave another instance than it had said");
                Err(Fault::Internal { log_id: request_id })
            }
        }
    };
    Box::pin(stream::once(opened).try_flatten())
}
