//! ITI-18 Registry Stored Query, and ITI-51 Multi-Patient Stored Query, which has an action and queries of its own.
//! ITI TF-2 3.18, 3.51; spec/xds.md section 16.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::Side;
use crate::edge::registry_errors;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::{Access, Binding, Transaction};
use actors::{Answered, BoxFuture, Cx, Fault, Found, Refusal, Registry};
use ebxml::{QueryError, QueryRequest, QueryResponse, QueryResponseWriter, RegistryError, ResponseStatus, ReturnType};
use model::{
    Association, DocumentEntry, DocumentQuery, Folder, HomeCommunityId, ObjectId, RegistryObjects, RegistryQuery,
    StoredQuery, SubmissionSet,
};
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

pub static MULTI_PATIENT: Transaction = Transaction {
    id: "ITI-51",
    name: "Multi-Patient Stored Query",
    section: "ITI TF-2 3.51",
    binding: Binding::Soap {
        path: "/xds/registry",
        action: "urn:ihe:iti:2009:MultiPatientStoredQuery",
        response_action: "urn:ihe:iti:2009:MultiPatientStoredQueryResponse",
        mtom: false,
    },
    access: Access::Query,
};

/// Answers a consumer.
pub struct Server {
    transaction: &'static Transaction,
    registry: Arc<dyn Registry>,
    home: Option<HomeCommunityId>,
    edge: Edge,
}

impl Server {
    /// ITI-18 and ITI-51 over the same registry.
    pub fn both(
        registry: &Arc<dyn Registry>,
        home: Option<&HomeCommunityId>,
        edge: &Edge,
    ) -> [Arc<dyn SoapTransaction>; 2] {
        [&TRANSACTION, &MULTI_PATIENT].map(|transaction| -> Arc<dyn SoapTransaction> {
            let (registry, home, edge) = (registry.clone(), home.cloned(), edge.clone());
            Arc::new(Server { transaction, registry, home, edge })
        })
    }

    async fn answer(&self, request: &QueryRequest, cx: &Cx) -> Result<Answered, Refusal> {
        let stored = &request.query.stored;
        if stored.spans_patients() != (self.transaction == &MULTI_PATIENT) {
            let other = if stored.spans_patients() { "ITI-51" } else { "ITI-18" };
            return Err(Fault::UnknownQuery(format!("a query of {other}, which has an action of its own")).into());
        }
        let answered = self.registry.query(&request.query, cx).await?;
        let mixed = !stored.spans_patients() && answered.objects.span_patients();
        if mixed && request.return_type == ReturnType::LeafClass {
            return Err(Fault::NotSinglePatient.into());
        }
        Ok(answered)
    }
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        self.transaction
    }

    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let (decoded, text) = {
                let body = request.envelope.body_named(ebxml::ns::QUERY, "AdhocQueryRequest").map_err(|e| e.fault())?;
                (ebxml::decode_query(&body), body.to_xml())
            };
            let (patient, answer) = match decoded {
                Ok(query) => {
                    let patient = query.query.stored.patient_id().cloned();
                    (patient, self.answer(&query, cx).await.map(|a| (a, query.return_type)))
                }
                Err(error) => (None, Err(query_fault(error).into())),
            };
            let facts = Facts { patient, objects: Vec::new(), query: Some(text) };
            self.edge.audit(self.transaction, Outcome::of(&answer), facts, cx);
            Ok(match answer {
                Ok((answered, return_type)) => reply(answered, return_type, self.home.clone()),
                Err(refusal) => {
                    let errors = registry_errors::errors(refusal.faults(), Side::Registry);
                    SoapReply::of(move |w| ebxml::encode_query_response(&QueryResponse::failure(errors), w))
                }
            })
        })
    }
}

/// Objects go out one by one: what is in memory is the objects, and never all their XML.
fn reply(answered: Answered, return_type: ReturnType, home: Option<HomeCommunityId>) -> SoapReply {
    let Answered { objects, silent } = answered;
    let errors: Vec<RegistryError> = silent.iter().map(|s| registry_errors::error(&s.fault, Side::Registry)).collect();
    let status = ResponseStatus::of(&errors, !objects.is_empty());
    let RegistryObjects { entries, submission_sets, folders, associations } = objects;
    let mut rest = submission_sets
        .into_iter()
        .map(Object::SubmissionSet)
        .chain(folders.into_iter().map(Object::Folder))
        .chain(entries.into_iter().map(|entry| Object::Entry(Box::new(entry))))
        .chain(associations.into_iter().map(Object::Association));
    let pieces = move |w: &mut xml::XmlWriter| match rest.next() {
        Some(object) => {
            object.write(return_type, home.as_ref(), &mut QueryResponseWriter::resume(w));
            true
        }
        None => false,
    };
    let body = move |w: &mut xml::XmlWriter, _: &soap::MtomWriter| {
        QueryResponseWriter::start(w, status, &errors);
    };
    SoapReply { body: Box::new(body), pieces: Some(Box::new(pieces)), attachments: Vec::new() }
}

enum Object {
    SubmissionSet(SubmissionSet),
    Folder(Folder),
    Entry(Box<DocumentEntry>),
    Association(Association),
}

impl Object {
    /// Writes the object, or its id. Home is this node's where the object names no other.
    fn write(mut self, return_type: ReturnType, home: Option<&HomeCommunityId>, writer: &mut QueryResponseWriter) {
        let (id, own) = match &mut self {
            Object::SubmissionSet(set) => (&set.id, &mut set.home_community_id),
            Object::Folder(folder) => (&folder.id, &mut folder.home_community_id),
            Object::Entry(entry) => (&entry.id, &mut entry.home_community_id),
            Object::Association(association) => (&association.id, &mut association.home_community_id),
        };
        if return_type == ReturnType::ObjectRef {
            return writer.object_ref(id, own.as_ref().or(home));
        }
        if own.is_none() {
            *own = home.cloned();
        }
        match &self {
            Object::SubmissionSet(set) => writer.submission_set(set),
            Object::Folder(folder) => writer.folder(folder),
            Object::Entry(entry) => writer.entry(entry),
            Object::Association(association) => writer.association(association),
        }
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
    let stored = ebxml::query_for_documents(query).map_err(Fault::InvalidQuery)?;
    let response = ask(peer, stored.into(), cx).await?;
    // What the stored query could not say is decided here, so that every registry gives the same answer.
    let mut entries: Vec<_> = response.entries.into_iter().filter(|e| query.matches(e)).collect();
    if let Some(page) = &query.page {
        entries.truncate(page.size);
    }
    Ok(Found::all(entries))
}

/// Asks a registry for the associations of objects.
pub(crate) async fn associations(peer: &SoapPeer, ids: &[ObjectId], cx: &Cx) -> Result<Found<Association>, Refusal> {
    let response = ask(peer, StoredQuery::GetAssociations { ids: ids.to_vec() }.into(), cx).await?;
    Ok(Found::all(response.associations))
}

/// Asks a registry anything.
pub(crate) async fn query(peer: &SoapPeer, query: &RegistryQuery, cx: &Cx) -> Result<Answered, Refusal> {
    let response = ask(peer, query.clone(), cx).await?;
    let objects = RegistryObjects {
        entries: response.entries,
        submission_sets: response.submission_sets,
        folders: response.folders,
        associations: response.associations,
    };
    Ok(Answered { objects, silent: Vec::new() })
}

async fn ask(peer: &SoapPeer, query: RegistryQuery, cx: &Cx) -> Result<QueryResponse, Refusal> {
    let transaction = if query.stored.spans_patients() { &MULTI_PATIENT } else { &TRANSACTION };
    let request = QueryRequest { query, return_type: ReturnType::LeafClass, home_community_id: None };
    let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| ebxml::encode_query(&request, w);
    let answer = peer.exchange(transaction, body, Vec::new(), 0, cx).await?;
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
