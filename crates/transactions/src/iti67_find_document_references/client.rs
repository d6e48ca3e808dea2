//! Asks a peer: a `Registry` over ITI-67. MHD 2:3.67; spec/fhir.md sections 9, 16.

use crate::edge::fhir_client::FhirPeer;
use actors::{BoxFuture, Cx, Fault, Found, Refusal, Registered, Registry};
use fhir::bundle::{Searchset, decode_searchset};
use fhir::document_reference::Received;
use model::{Association, AvailabilityStatus, DocumentEntry, DocumentQuery, ObjectId, PatientId, Submission, UniqueId};

/// Pages followed for one answer; a peer that always has another one is not followed for ever.
const MOST_PAGES: usize = 1000;

/// Finds documents at a peer. Entries come without repositoryUniqueId, which FHIR does not carry; their bytes are had
/// by ITI-68.
#[derive(Clone)]
pub struct Client {
    pub peer: FhirPeer,
    /// Most entries of an answer without pages.
    pub most_entries: usize,
}

impl Client {
    /// The address of a document's bytes, as its DocumentReference says. `None` when the peer does not know it.
    pub async fn address(&self, unique_id: &UniqueId, cx: &Cx) -> Result<Option<String>, Refusal> {
        let query = DocumentQuery { unique_ids: vec![unique_id.clone()], ..DocumentQuery::default() };
        let page = self.page(&self.first(&query), None, cx).await?;
        let mut found = page.documents.into_iter().filter_map(Result::ok).collect::<Vec<_>>();
        found.sort_by_key(|f| f.received.entry.availability_status != AvailabilityStatus::Approved);
        Ok(found.iter().find_map(|f| f.document_url(&self.peer.base)).map(|url| self.peer.absolute(&url)))
    }

    fn first(&self, query: &DocumentQuery) -> String {
        format!("{}/DocumentReference?{}", self.peer.base, fhir::search::encode(query).query)
    }

    async fn page(&self, url: &str, patient: Option<&PatientId>, cx: &Cx) -> Result<Searchset, Refusal> {
        let body = self.peer.get(url, cx, patient).await?;
        let page =
            decode_searchset(&body, patient).map_err(|e| self.peer.unavailable(format!("sent a bad answer: {e}")))?;
        match page.outcomes.iter().find(|o| o.is_error()) {
            Some(outcome) => {
                let text = outcome.issues.first().and_then(|i| i.diagnostics.clone()).unwrap_or_default();
                Err(self.peer.unavailable(format!("answered in part: {text}")).into())
            }
            None => Ok(page),
        }
    }

    /// Documents of a page that meet the query.
    fn accepted(&self, page: Searchset, query: &DocumentQuery, exact: bool) -> Result<Vec<Received>, Refusal> {
        // What the parameters could not say is decided here; regions and names of authors the peer may know better.
        let rest = (!exact).then(|| DocumentQuery {
            event_code_list: Vec::new(),
            author_family: Vec::new(),
            author_given: Vec::new(),
            ..query.clone()
        });
        let mut accepted = Vec::with_capacity(page.documents.len());
        for document in page.documents {
            let found = document.map_err(|e| self.peer.unavailable(format!("sent a bad document: {e}")))?;
            if rest.as_ref().is_none_or(|rest| rest.matches(&found.received.entry)) {
                accepted.push(found.received);
            }
        }
        Ok(accepted)
    }

    /// Every page of a search.
    async fn all(&self, query: &DocumentQuery, cx: &Cx) -> Result<Vec<Received>, Refusal> {
        let exact = fhir::search::encode(query).exact;
        let mut url = self.first(query);
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut page = self.page(&url, query.patient_id.as_ref(), cx).await?;
            let next = page.next.take();
            found.extend(self.accepted(page, query, exact)?);
            if found.len() > self.most_entries {
                return Err(Fault::TooManyResults { limit: self.most_entries }.into());
            }
            match next {
                Some(next) => url = self.peer.absolute(&next),
                None => return Ok(found),
            }
        }
        Err(self.peer.unavailable(format!("sent {MOST_PAGES} pages and no end")).into())
    }
}

impl Registry for Client {
    fn register<'a>(&'a self, _: Submission, _: &'a Cx) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("registering over ITI-67".to_owned()).into()) })
    }

    fn find<'a>(
        &'a self,
        query: &'a DocumentQuery,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<DocumentEntry>, Refusal>> {
        Box::pin(async move {
            let Some(asked) = &query.page else {
                let found = self.all(query, cx).await?;
                return Ok(Found::all(found.into_iter().map(|r| r.entry).collect()));
            };
            let url = match &asked.after {
                Some(next) => self.peer.absolute(next),
                None if asked.size == 0 => format!("{}&_summary=count", self.first(query)),
                None => self.first(query),
            };
            let mut page = self.page(&url, query.patient_id.as_ref(), cx).await?;
            let (next, total) = (page.next.take(), page.total);
            let exact = fhir::search::encode(query).exact;
            let items = if asked.size == 0 { Vec::new() } else { self.accepted(page, query, exact)? };
            Ok(Found {
                items: items.into_iter().map(|r| r.entry).collect(),
                next: next.filter(|_| asked.size > 0),
                total: total.filter(|_| exact),
                silent: Vec::new(),
            })
        })
    }

    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>> {
        Box::pin(async move {
            let mut found = Vec::new();
            // MHD has no query for relations: those of which the ids are the source stand in their relatesTo.
            for some in ids.chunks(100) {
                let query = DocumentQuery { entry_ids: some.to_vec(), ..DocumentQuery::default() };
                for received in self.all(&query, cx).await? {
                    for relation in &received.relates_to {
                        let Some(target) = relation.entry_id() else { continue };
                        found.push(Association {
                            id: ObjectId::from_uuid_bytes(cx.identifiers.uuid()),
                            kind: relation.kind,
                            source: received.entry.id.clone(),
                            target,
                            availability_status: AvailabilityStatus::Approved,
                            home_community_id: received.entry.home_community_id.clone(),
                            submission_set_status: None,
                            documentation: None,
                            extra: Vec::new(),
                        });
                    }
                }
            }
            Ok(Found::all(found))
        })
    }
}
