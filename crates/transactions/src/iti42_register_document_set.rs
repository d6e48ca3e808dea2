//! ITI-42 Register Document Set-b. ITI TF-2 3.42; spec/xds.md section 14.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::Side;
use crate::edge::registry_errors;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::{
    Access, Binding, Transaction, iti18_registry_stored_query as iti18, iti57_update_document_set as iti57,
    iti61_register_on_demand_document_entry as iti61, iti62_remove_metadata as iti62,
};
use actors::{Answered, BoxFuture, Cx, Fault, Found, Refusal, Registered, Registry, UpdateKind};
use ebxml::{Decoded, RegistryError, RegistryResponse};
use model::{Association, DocumentEntry, DocumentQuery, Invalid, ObjectId, RegistryQuery, Submission};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-42",
    name: "Register Document Set-b",
    section: "ITI TF-2 3.42",
    binding: Binding::Soap {
        path: "/xds/registry",
        action: "urn:ihe:iti:2007:RegisterDocumentSet-b",
        response_action: "urn:ihe:iti:2007:RegisterDocumentSet-bResponse",
        mtom: false,
    },
    access: Access::Publish,
};

/// Answers a repository.
pub struct Server {
    pub registry: Arc<dyn Registry>,
    pub edge: Edge,
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        &TRANSACTION
    }

    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let register = |submission| self.registry.register(submission, cx);
            respond(&TRANSACTION, &self.edge, &request, ebxml::decode_submission, register, cx).await
        })
    }
}

/// Answers any transaction that carries a submission to a registry.
pub(crate) async fn respond<F>(
    transaction: &'static Transaction,
    edge: &Edge,
    request: &SoapRequest,
    decode: fn(&xml::Element) -> Result<Decoded<Submission>, Vec<Invalid>>,
    register: impl FnOnce(Submission) -> F,
    cx: &Cx,
) -> Result<SoapReply, soap::Fault>
where
    F: Future<Output = Result<Registered, Refusal>>,
{
    let decoded = {
        let body = request.envelope.body_named(ebxml::ns::LCM, "SubmitObjectsRequest").map_err(|e| e.fault())?;
        decode(&body)
    };
    let (facts, registered, not_kept) = match decoded {
        Ok(decoded) => (facts(&decoded.value), register(decoded.value).await, decoded.not_kept),
        Err(findings) => (Facts::default(), Err(invalid(findings)), Vec::new()),
    };
    edge.audit(transaction, Outcome::of(&registered), facts, cx);
    let mut response = response(registered, Side::Registry);
    response.errors.extend(not_kept.iter().map(registry_errors::not_kept));
    Ok(SoapReply::of(move |w| ebxml::encode_registry_response(&response, w)))
}

/// Findings of a decoder as a refusal.
pub(crate) fn invalid(findings: Vec<model::Invalid>) -> Refusal {
    let faults = findings.into_iter().map(Fault::InvalidMetadata).collect();
    Refusal::of(faults).unwrap_or_else(|| Fault::Unsupported("a submission that cannot be read".into()).into())
}

pub(crate) fn facts(submission: &Submission) -> Facts {
    Facts {
        patient: Some(submission.set.patient_id.clone()),
        objects: vec![submission.set.unique_id.to_string()],
        query: None,
    }
}

pub(crate) fn response(registered: Result<Registered, Refusal>, side: Side) -> RegistryResponse {
    let errors: Vec<RegistryError> = match &registered {
        Ok(registered) => registered.warnings.iter().map(registry_errors::warning).collect(),
        Err(refusal) => registry_errors::errors(refusal.faults(), side),
    };
    RegistryResponse::of(errors)
}

/// What a peer answered to a submission.
pub(crate) fn registered(
    peer: &SoapPeer,
    envelope: &soap::Envelope,
    patient: Option<&model::PatientId>,
) -> Result<(), Refusal> {
    let unreadable = |reason: String| Refusal::from(peer.unavailable(reason));
    let response = envelope
        .body_named(ebxml::ns::RS, "RegistryResponse")
        .map_err(|e| unreadable(format!("sent a bad answer: {e}")))
        .and_then(|body| {
            ebxml::decode_registry_response(&body).map_err(|e| unreadable(format!("sent a bad answer: {e}")))
        })?;
    match registry_errors::refusal(&peer.name, &response.errors, patient) {
        Some(refusal) => Err(refusal),
        None if response.status == ebxml::ResponseStatus::Success => Ok(()),
        None => Err(unreadable("answered Failure without an error".into())),
    }
}

/// Sends a submission by any of the transactions that carry one to a registry.
async fn submit(
    peer: &SoapPeer,
    transaction: &'static Transaction,
    submission: Submission,
    cx: &Cx,
) -> Result<Registered, Refusal> {
    // Logical ids stand only in updates; every other submission has none.
    let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| ebxml::encode_update(&submission, w);
    let answer = peer.exchange(transaction, body, Vec::new(), 0, cx).await?;
    registered(peer, &answer.envelope, Some(&submission.set.patient_id)).map(|()| Registered::default())
}

/// Asks a registry: a `Registry` over ITI-42, 18, 51, 57, 61, 62 and 92.
pub struct Client {
    pub peer: SoapPeer,
}

impl Registry for Client {
    fn register<'a>(&'a self, submission: Submission, cx: &'a Cx) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(submit(&self.peer, &TRANSACTION, submission, cx))
    }

    fn register_on_demand<'a>(
        &'a self,
        submission: Submission,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(submit(&self.peer, &iti61::TRANSACTION, submission, cx))
    }

    fn update<'a>(
        &'a self,
        submission: Submission,
        kind: UpdateKind,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(submit(&self.peer, iti57::transaction(kind), submission, cx))
    }

    fn remove<'a>(&'a self, ids: &'a [ObjectId], cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(iti62::remove(&self.peer, ids, cx))
    }

    fn query<'a>(&'a self, query: &'a RegistryQuery, cx: &'a Cx) -> BoxFuture<'a, Result<Answered, Refusal>> {
        Box::pin(iti18::query(&self.peer, query, cx))
    }

    fn find<'a>(
        &'a self,
        query: &'a DocumentQuery,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<DocumentEntry>, Refusal>> {
        Box::pin(iti18::find(&self.peer, query, cx))
    }

    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>> {
        Box::pin(iti18::associations(&self.peer, ids, cx))
    }
}
