//! Asks a source for instances: an `Imaging` over RAD-69. RAD TF-2 4.69; spec/xds.md section 22.

use super::TRANSACTION;
use crate::edge::error_code::remote_fault;
use crate::edge::file_meta::{FileMeta, file_meta};
use crate::edge::instance_parts::{PartSource, instances};
use crate::edge::soap_client::{ArrivingParts, SoapPeer};
use actors::{
    BoxFuture, Cx, Fault, ImageRequest, Images, Imaging, InstanceAddress, PickedImages, Refusal, ServedInstance,
    WantedSyntax, once,
};
use dicom::dicomweb::PartEvent;
use ebxml::{Content, ImagingDocumentRequest, RegistryError, RetrieveImagingRequest, Severity};
use futures_util::{StreamExt, stream};
use model::{HomeCommunityId, Oid, SeriesInstanceUid, SopInstanceUid, TransferSyntaxUid};
use soap::MessageEvent;
use std::collections::{HashMap, HashSet};

/// What a reader takes that takes everything: RAD-69 has no word for "as it is stored". Section 22, and what else DICOM
/// stores.
const EVERY_SYNTAX: [&str; 24] = [
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.100",
    "1.2.840.10008.1.2.4.101",
    "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.4.103",
    "1.2.840.10008.1.2.4.104",
    "1.2.840.10008.1.2.4.105",
    "1.2.840.10008.1.2.4.106",
    "1.2.840.10008.1.2.4.107",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
];

/// Fetches named instances at a peer.
///
/// Leniency: the answer's action is not looked at; besides ITI's, `urn:ihe:rad:2009:RetrieveImagingDocumentSetResponse`
/// is in the field, and the body says what it is.
#[derive(Clone)]
pub struct Client {
    pub peer: SoapPeer,
    /// Retrieve Location UID of the manifest that names the instances.
    pub repository_unique_id: Oid,
    /// Of the manifest's community, when the peer is a gateway.
    pub home_community_id: Option<HomeCommunityId>,
}

impl Imaging for Client {
    /// RAD-69 names every instance, so it cannot ask for a whole series or study.
    fn fetch<'a>(&'a self, request: &'a ImageRequest, cx: &'a Cx) -> BoxFuture<'a, Result<Images, Refusal>> {
        Box::pin(async move {
            let (Some(series), Some(instance)) = (request.series.clone(), request.instance.clone()) else {
                let what = "fetching a series or study by RAD-69 without naming its instances".to_owned();
                return Err(Fault::Unsupported(what).into());
            };
            let wanted = [InstanceAddress { study: request.study.clone(), series, instance }];
            let picked = self.pick(&wanted, &request.syntaxes, cx).await?;
            match picked.outcomes.into_iter().find_map(Result::err) {
                Some(fault) => Err(fault.into()),
                None => Ok(Images { plan: None, instances: picked.instances }),
            }
        })
    }

    fn pick<'a>(
        &'a self,
        wanted: &'a [InstanceAddress],
        syntaxes: &'a [WantedSyntax],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<PickedImages, Refusal>> {
        Box::pin(async move {
            let request = self.request(wanted, syntaxes);
            let body =
                |w: &mut xml::XmlWriter, _: &soap::MtomWriter| ebxml::encode_retrieve_imaging_request(&request, w);
            let answer = self.peer.exchange_arriving(&TRANSACTION, body, cx).await?;
            let bad = |e: String| self.peer.unavailable(format!("sent a bad answer: {e}"));
            let root = answer.envelope.body_named(ebxml::ns::XDS, "RetrieveDocumentSetResponse");
            let root = root.map_err(|e| bad(e.to_string()))?;
            let response = ebxml::decode_retrieve_response(&root).map_err(|e| bad(e.to_string()))?;
            let series: HashMap<SopInstanceUid, SeriesInstanceUid> =
                wanted.iter().map(|a| (a.instance.clone(), a.series.clone())).collect();
            let (mut inline, mut coming, mut promised) = (Vec::new(), HashMap::new(), HashSet::new());
            for (n, document) in response.documents.iter().enumerate() {
                promised.insert(document.document_unique_id.as_str());
                match &document.content {
                    Content::Part(cid) => {
                        coming.insert(cid.to_string(), n);
                        if let Some(decoded) = document.content.content_id() {
                            coming.insert(decoded, n);
                        }
                    }
                    Content::Inline(_) => {
                        let octets = document.content.octets().unwrap_or(Ok(Vec::new()));
                        inline.push(self.inline(octets.map_err(|e| bad(e.to_string()))?));
                    }
                }
            }
            let outcomes = wanted.iter().map(|address| self.outcome(address, &promised, &response.errors)).collect();
            let awaited: HashSet<usize> = coming.values().copied().collect();
            let arriving = match answer.parts {
                Some(parts) => {
                    let peer = self.peer.name.clone();
                    let parts = Parts { peer: peer.clone(), parts, coming, awaited, skipping: false };
                    instances(parts, peer, None, false)
                }
                None if !awaited.is_empty() => {
                    return Err(bad("it names parts and has none".to_owned()).into());
                }
                None => Box::pin(stream::empty()),
            };
            let peer = self.peer.clone();
            let known = move |served: Result<ServedInstance, Fault>| {
                let served = served?;
                match series.get(&served.sop_instance) {
                    Some(series) => Ok(ServedInstance { series: Some(series.clone()), ..served }),
                    None => {
                        let what = format!("sent instance {}, which was not asked for", served.sop_instance);
                        Err(peer.unavailable(what))
                    }
                }
            };
            let instances = Box::pin(stream::iter(inline).chain(arriving).map(known));
            Ok(PickedImages { outcomes, instances })
        })
    }
}

impl Client {
    fn request(&self, wanted: &[InstanceAddress], syntaxes: &[WantedSyntax]) -> RetrieveImagingRequest {
        let mut seen = HashSet::new();
        let transfer_syntaxes = syntaxes
            .iter()
            .flat_map(|syntax| match syntax {
                WantedSyntax::AsStored => EVERY_SYNTAX.to_vec(),
                WantedSyntax::Default => vec![EVERY_SYNTAX[0]],
                WantedSyntax::Uid(uid) => vec![uid.as_str()],
            })
            .filter_map(|uid| TransferSyntaxUid::parse(uid).ok())
            .filter(|uid| seen.insert(uid.clone()))
            .collect();
        let documents = wanted
            .iter()
            .map(|address| ImagingDocumentRequest {
                study: address.study.clone(),
                series: address.series.clone(),
                home_community_id: self.home_community_id.clone(),
                repository_unique_id: self.repository_unique_id.clone(),
                sop_instance: address.instance.clone(),
            })
            .collect();
        RetrieveImagingRequest { documents, transfer_syntaxes }
    }

    /// What the answer says of one instance. Its own error before one that names no instance.
    fn outcome(
        &self,
        address: &InstanceAddress,
        promised: &HashSet<&str>,
        errors: &[RegistryError],
    ) -> Result<(), Fault> {
        let uid = address.instance.as_str();
        if promised.contains(uid) {
            return Ok(());
        }
        let mut errors = errors.iter().filter(|e| e.severity == Severity::Error);
        let own = errors.clone().find(|e| e.location.as_deref() == Some(uid));
        let error = own
            .or_else(|| errors.find(|e| e.location.is_none()))
            .ok_or_else(|| self.peer.unavailable(format!("sent neither instance {uid} nor an error about it")))?;
        Err(match error.code.as_str() {
            // dcm4chee says XDSMissingDocument (section 27, row 42).
            "XDSDocumentUniqueIdError" | "XDSMissingDocument" => {
                Fault::ImagesNotFound(format!("instance {uid} of study {}", address.study))
            }
            _ if error.context.contains("urn:dicom:wado:0007") || error.code == "urn:dicom:wado:0007" => {
                Fault::NotAcceptable(format!("{}: {}", self.peer.name, error.context))
            }
            code => remote_fault(&self.peer.name, code, &error.context, Some(uid)),
        })
    }

    fn inline(&self, octets: Vec<u8>) -> Result<ServedInstance, Fault> {
        let FileMeta::Known { sop_instance, transfer_syntax } = file_meta(&octets) else {
            let what = "sent a document that is no DICOM file with a file meta group".to_owned();
            return Err(self.peer.unavailable(what));
        };
        let size_octets = Some(octets.len() as u64);
        Ok(ServedInstance { series: None, sop_instance, transfer_syntax, size_octets, body: once(octets.into()) })
    }
}

/// The parts that the answer names; others are passed over.
struct Parts {
    peer: String,
    parts: ArrivingParts,
    /// Content-ID, as written and decoded, to the document it belongs to.
    coming: HashMap<String, usize>,
    /// Documents whose part has not come yet.
    awaited: HashSet<usize>,
    skipping: bool,
}

impl Parts {
    fn begins(&mut self, content_id: &str) -> bool {
        let bare = content_id.trim().trim_start_matches('<').trim_end_matches('>');
        let decoded = || Content::Part(bare.into()).content_id();
        let found = self.coming.get(bare).copied();
        let Some(document) = found.or_else(|| self.coming.get(decoded()?.as_str()).copied()) else { return false };
        self.awaited.remove(&document)
    }
}

impl PartSource for Parts {
    fn broken(&self, reason: String) -> Fault {
        Fault::PeerUnavailable { peer: self.peer.clone(), reason }
    }

    async fn next(&mut self) -> Result<PartEvent, Fault> {
        loop {
            match self.parts.next().await? {
                MessageEvent::PartStart { content_id, .. } => {
                    self.skipping = !self.begins(content_id.as_deref().unwrap_or_default());
                    if !self.skipping {
                        return Ok(PartEvent::Start { transfer_syntax: None, content_location: None });
                    }
                }
                MessageEvent::PartData(_) | MessageEvent::PartEnd if self.skipping => {}
                MessageEvent::PartData(octets) => return Ok(PartEvent::Data(octets)),
                MessageEvent::PartEnd => return Ok(PartEvent::End),
                MessageEvent::End if !self.awaited.is_empty() => {
                    let missing = self.awaited.len();
                    let reason = format!("ended its answer with {missing} of the promised instances missing");
                    return Err(self.broken(reason));
                }
                MessageEvent::End => return Ok(PartEvent::Complete),
                MessageEvent::Envelope(_) => {}
            }
        }
    }
}
