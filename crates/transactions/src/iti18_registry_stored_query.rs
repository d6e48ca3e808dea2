//! ITI-18 Registry Stored Query. ITI TF-2 3.18; spec/xds.md section 16.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::Side;
use crate::edge::registry_errors;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, Fault, Found, Refusal, Registry};
use ebxml::{
    QueryError, QueryRequest, QueryResponse, QueryResponseWriter, RegistryError, ResponseStatus, ReturnType,
    StoredQuery,
};
use model::{Association, DocumentEntry, DocumentQuery, HomeCommunityId, ObjectId};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-18",
    name: "Registry Stored Query",
    section: "ITI TF-2 3.18",
    binding: Binding::Soap {
        path: "/xds/registry",
        action: "urn:ihe:iti:2007:RegistryStoredQuery",
        response_action: "urn:ihe:iti:2007:RegistryStoredQueryResponse",
        mtom: false,
    },
    access: Access::Query,
};

/// Answers a consumer.
pub struct Server {
    pub registry: Arc<dyn Registry>,
    pub home: Option<HomeCommunityId>,
    pub edge: Edge,
}

enum Answer {
    Documents(Found<DocumentEntry>),
    Associations(Found<Association>),
}

impl Server {
    async fn find(&self, request: &QueryRequest, cx: &Cx) -> Result<Answer, Refusal> {
        match &request.query {
            StoredQuery::FindDocuments(query) | StoredQuery::FindDocumentsByReferenceId(query) => {
                Ok(Answer::Documents(self.registry.find(query, cx).await?))
            }
            StoredQuery::GetDocuments(query) => {
                let found = self.registry.find(query, cx).await?;
                let first = found.items.first().map(|e| &e.patient_id);
                let mixed = found.items.iter().any(|e| Some(&e.patient_id) != first);
                if mixed && request.return_type == ReturnType::LeafClass {
                    return Err(Fault::NotSinglePatient.into());
                }
                Ok(Answer::Documents(found))
            }
            StoredQuery::GetAssociations { ids } => {
                Ok(Answer::Associations(self.registry.associations(ids, cx).await?))
            }
        }
    }
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        &TRANSACTION
    }

    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let (decoded, text) = {
                let body = request.envelope.body_named(ebxml::ns::QUERY, "AdhocQueryRequest").map_err(|e| e.fault())?;
                (ebxml::decode_query(&body), body.to_xml())
            };
            let (patient, answer) = match decoded {
                Ok(query) => (patient_of(&query.query), self.find(&query, cx).await.map(|a| (a, query.return_type))),
                Err(error) => (None, Err(query_fault(error).into())),
            };
            let facts = Facts { patient, objects: Vec::new(), query: Some(text) };
            self.edge.audit(&TRANSACTION, Outcome::of(&answer), facts, cx);
            let home = self.home.clone();
            Ok(SoapReply::of(move |w| match answer {
                Err(refusal) => {
                    let errors = registry_errors::errors(refusal.faults(), Side::Registry);
                    ebxml::encode_query_response(&QueryResponse::failure(errors), w);
                }
                Ok((answer, return_type)) => write(answer, return_type, home.as_ref(), w),
            }))
        })
    }
}

fn write(answer: Answer, return_type: ReturnType, home: Option<&HomeCommunityId>, w: &mut xml::XmlWriter) {
    let silent = match &answer {
        Answer::Documents(found) => &found.silent,
        Answer::Associations(found) => &found.silent,
    };
    let errors: Vec<RegistryError> = silent.iter().map(|s| registry_errors::error(&s.fault, Side::Registry)).collect();
    let has_results = match &answer {
        Answer::Documents(found) => !found.items.is_empty(),
        Answer::Associations(found) => !found.items.is_empty(),
    };
    let mut writer = QueryResponseWriter::start(w, ResponseStatus::of(&errors, has_results), &errors);
    match (answer, return_type) {
        (Answer::Documents(found), ReturnType::LeafClass) => {
            for mut entry in found.items {
                entry.home_community_id = entry.home_community_id.or_else(|| home.cloned());
                writer.entry(&entry);
            }
        }
        (Answer::Documents(found), ReturnType::ObjectRef) => {
            found.items.iter().for_each(|e| writer.object_ref(&e.id, e.home_community_id.as_ref().or(home)));
        }
        (Answer::Associations(found), ReturnType::LeafClass) => {
            found.items.iter().for_each(|a| writer.association(a));
        }
        (Answer::Associations(found), ReturnType::ObjectRef) => {
            found.items.iter().for_each(|a| writer.object_ref(&a.id, a.home_community_id.as_ref().or(home)));
        }
    }
    writer.end();
}

fn patient_of(query: &StoredQuery) -> Option<model::PatientId> {
    match query {
        StoredQuery::FindDocuments(q) | StoredQuery::FindDocumentsByReferenceId(q) | StoredQuery::GetDocuments(q) => {
            q.patient_id.clone()
        }
        StoredQuery::GetAssociations { .. } => None,
    }
}

/// A query that cannot be read, in the domain's words.
fn query_fault(error: QueryError) -> Fault {
    match error {
        QueryError::Unknown(id) => Fault::UnknownQuery(id),
        QueryError::Unsupported { id, name } => Fault::UnknownQuery(format!("{id} ({name})")),
        QueryError::MissingParameter { parameter, rule } => {
            Fault::MissingParameter { parameter: parameter.to_owned(), rule: rule.to_owned() }
        }
        QueryError::ParameterNumber { parameter, rule } => {
            Fault::ParameterNumber { parameter: parameter.to_owned(), rule }
        }
        QueryError::InvalidParameter(invalid) | QueryError::InvalidRequest(invalid) => Fault::InvalidQuery(invalid),
        QueryError::NotAQuery(what) => {
            Fault::InvalidQuery(model::Invalid::new("AdhocQueryRequest", "must be a stored query", what))
        }
    }
}

/// Asks a registry for documents.
pub(crate) async fn find(peer: &SoapPeer, query: &DocumentQuery, cx: &Cx) -> Result<Found<DocumentEntry>, Refusal> {
    if !query.submission_time.is_empty() {
        // Its answers do not carry the time, so filtering here would claim that nothing was found.
        return Err(Fault::Unsupported("the time of submission as a criterion of ITI-18".into()).into());
    }
    let stored = StoredQuery::for_documents(query).map_err(Fault::InvalidQuery)?;
    let response = ask(peer, stored, cx).await?;
    // What the stored query could not say is decided here, so that every registry gives the same answer.
    let mut entries: Vec<_> = response.entries.into_iter().filter(|e| query.matches(e)).collect();
    if let Some(page) = &query.page {
        entries.truncate(page.size);
    }
    Ok(Found::all(entries))
}

/// Asks a registry for the associations of objects.
pub(crate) async fn associations(peer: &SoapPeer, ids: &[ObjectId], cx: &Cx) -> Result<Found<Association>, Refusal> {
    let response = ask(peer, StoredQuery::GetAssociations { ids: ids.to_vec() }, cx).await?;
    Ok(Found::all(response.associations))
}

async fn ask(peer: &SoapPeer, query: StoredQuery, cx: &Cx) -> Result<QueryResponse, Refusal> {
    let request = QueryRequest { query, return_type: ReturnType::LeafClass, home_community_id: None };
    let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| ebxml::encode_query(&request, w);
    let answer = peer.exchange(&TRANSACTION, body, Vec::new(), 0, cx).await?;
    let bad = |e: String| peer.unavailable(format!("sent a bad answer: {e}"));
    let body = answer.envelope.body_named(ebxml::ns::QUERY, "AdhocQueryResponse").map_err(|e| bad(e.to_string()))?;
    let response = ebxml::decode_query_response(&body).map_err(|e| bad(e.to_string()))?;
    if let Some(invalid) = response.unreadable.first() {
        return Err(bad(invalid.to_string()).into());
    }
    match registry_errors::refusal(&peer.name, &response.errors, None) {
        Some(refusal) => Err(refusal),
        None => Ok(response),
    }
}
