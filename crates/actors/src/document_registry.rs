//! Document Registry on this node's own store: the rules of ITI-42 that need what is registered already, and queries.
//! Source: ITI TF-2 3.42.4.1.3, TF-3 4.2.2; spec/xds.md sections 12-14.

use crate::document_update::{apply_update, update_faults};
use crate::metadata_removal::remove_objects;
use crate::registration::{apply, fresh_ids, message_faults, registry_faults, rename};
use crate::store_faults::{internal, storage};
use crate::stored_queries::{self, NotAnswered};
use crate::{Answered, BoxFuture, Cx, Fault, Found, Refusal, Registered, Registry, UpdateKind};
use model::{
    Association, DocumentEntry, DocumentQuery, DocumentType, Invalid, ObjectId, Oid, Page, RegistryQuery, Submission,
    ValueSets,
};
use std::sync::Arc;
use store::{MetadataStore, StoreExt, WriteTx};

/// What an affinity domain decides.
#[derive(Clone, Debug)]
pub struct RegistryPolicy {
    /// The domain whose patient ids are registered.
    pub patient_domain: Oid,
    /// True when a patient that no feed named may be registered to.
    pub accept_unknown_patients: bool,
    pub value_sets: ValueSets,
    /// Most entries, submission sets and folders in an answer without pages.
    pub query_limit: usize,
    /// True when a query may be about all patients at once (ITI-51 without a patient): it reads every entry there is.
    pub population_queries: bool,
}

/// A registry on the node's own store.
#[derive(Clone)]
pub struct DocumentRegistry {
    store: Arc<dyn MetadataStore>,
    policy: Arc<RegistryPolicy>,
}

/// Runs in the transaction of a registration, before it is decided; its error undoes everything. Reasons to refuse are
/// told together with the registry's own.
pub(crate) type Alongside = Box<dyn FnOnce(&mut dyn WriteTx) -> Result<(), Refusal> + Send>;

impl DocumentRegistry {
    pub fn new(store: Arc<dyn MetadataStore>, policy: RegistryPolicy) -> Self {
        DocumentRegistry { store, policy: Arc::new(policy) }
    }

    /// Registers, and does `alongside` in the same transaction: a repository's documents become durable with their
    /// metadata, with one commit.
    pub(crate) async fn register_with(
        &self,
        submission: Submission,
        expected: DocumentType,
        alongside: Option<Alongside>,
        cx: &Cx,
    ) -> Result<Registered, Refusal> {
        let mut faults = message_faults(&submission, expected);
        let findings = self.policy.value_sets.check(&submission.set, &submission.entries, &submission.folders);
        faults.extend(findings.refused.into_iter().map(Fault::InvalidMetadata));
        let ids = fresh_ids(&submission, cx);
        let now = cx.now();
        let policy = self.policy.clone();
        let registered = self
            .store
            .write(move |tx| {
                if let Some(alongside) = alongside
                    && let Err(refusal) = alongside(tx)
                {
                    if refusal.faults().iter().any(Fault::is_transient) {
                        return Err(Outcome::Refused(refusal));
                    }
                    faults.extend(refusal.faults().iter().cloned());
                }
                faults.extend(registry_faults(tx, &submission, &policy).map_err(Outcome::Store)?);
                if let Some(refusal) = Refusal::of(distinct(faults)) {
                    return Err(Outcome::Refused(refusal));
                }
                let submission = rename(submission, &ids);
                apply(tx, submission, &now).map_err(Outcome::Store)?;
                Ok(ids.into_iter().collect())
            })
            .await;
        match registered {
            Ok(ids) => Ok(Registered { ids, warnings: findings.warned }),
            Err(outcome) => Err(outcome.refusal(cx)),
        }
    }
}

/// Repository and registry may find the same.
fn distinct(faults: Vec<Fault>) -> Vec<Fault> {
    let mut out: Vec<Fault> = Vec::with_capacity(faults.len());
    for fault in faults {
        if !out.contains(&fault) {
            out.push(fault);
        }
    }
    out
}

enum Outcome {
    Refused(Refusal),
    Store(store::StoreError),
}

impl Outcome {
    fn refusal(self, cx: &Cx) -> Refusal {
        match self {
            Outcome::Refused(refusal) => refusal,
            Outcome::Store(error) => storage(error, &cx.request_id),
        }
    }
}

impl From<store::StoreError> for Outcome {
    fn from(error: store::StoreError) -> Self {
        Outcome::Store(error)
    }
}

impl Registry for DocumentRegistry {
    fn register<'a>(&'a self, submission: Submission, cx: &'a Cx) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(self.register_with(submission, DocumentType::Stable, None, cx))
    }

    fn register_on_demand<'a>(
        &'a self,
        submission: Submission,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(self.register_with(submission, DocumentType::OnDemand, None, cx))
    }

    fn update<'a>(
        &'a self,
        submission: Submission,
        kind: UpdateKind,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            let findings = self.policy.value_sets.check(&submission.set, &submission.entries, &submission.folders);
            let refused: Vec<Fault> = findings.refused.into_iter().map(Fault::InvalidMetadata).collect();
            let ids = fresh_ids(&submission, cx);
            let (now, policy) = (cx.now(), self.policy.clone());
            let updated = self
                .store
                .write(move |tx| {
                    let mut faults = refused;
                    let plan = update_faults(tx, &submission, kind, &policy, &mut faults)?;
                    if let Some(refusal) = Refusal::of(distinct(faults)) {
                        return Err(Outcome::Refused(refusal));
                    }
                    apply_update(tx, rename(submission, &ids), plan.renamed(&ids), &now)?;
                    Ok(ids.into_iter().collect())
                })
                .await;
            match updated {
                Ok(ids) => Ok(Registered { ids, warnings: findings.warned }),
                Err(outcome) => Err(outcome.refusal(cx)),
            }
        })
    }

    fn remove<'a>(&'a self, ids: &'a [ObjectId], cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let ids = ids.to_vec();
            let removed = self.store.write(move |tx| match Refusal::of(remove_objects(tx, &ids)?) {
                Some(refusal) => Err(Outcome::Refused(refusal)),
                None => Ok(()),
            });
            removed.await.map_err(|outcome| outcome.refusal(cx))
        })
    }

    fn query<'a>(&'a self, query: &'a RegistryQuery, cx: &'a Cx) -> BoxFuture<'a, Result<Answered, Refusal>> {
        Box::pin(async move {
            // One patient's objects are read here, as in `find`; what may touch many takes a reader's thread.
            let answered = if query.stored.spans_patients() {
                let (query, policy) = (query.clone(), self.policy.clone());
                self.store.read(move |tx| stored_queries::answer(tx, &query, &policy)).await
            } else {
                self.store.read_blocking(|tx| stored_queries::answer(tx, query, &self.policy))
            };
            match answered {
                Ok(objects) => Ok(Answered { objects, silent: Vec::new() }),
                Err(NotAnswered::Refused(refusal)) => Err(refusal),
                Err(NotAnswered::Store(store::StoreError::TooMany { limit })) => {
                    Err(Fault::TooManyResults { limit }.into())
                }
                Err(NotAnswered::Store(error)) => Err(internal(error, &cx.request_id)),
            }
        })
    }

    fn find<'a>(
        &'a self,
        query: &'a DocumentQuery,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<DocumentEntry>, Refusal>> {
        Box::pin(async move {
            if !query.is_anchored() {
                let rule = "must name a patient, an entryUUID, a uniqueId or a reference id";
                return Err(Fault::InvalidQuery(Invalid::new("query", rule, "")).into());
            }
            let limit = self.policy.query_limit;
            let paged = query.page.is_some();
            let clamped = query
                .page
                .as_ref()
                .filter(|page| page.size > limit)
                .map(|page| DocumentQuery { page: Some(Page { size: limit, ..page.clone() }), ..query.clone() });
            let query = clamped.as_ref().unwrap_or(query);
            // On this thread: a patient's entries take some ten microseconds to read, the way to a reader's thread and
            // back twice that. The limit on results bounds how long it can take.
            let found = self.store.read_blocking(|tx| tx.find(query));
            match found {
                Ok(found) if !paged && found.entries.len() > limit => Err(Fault::TooManyResults { limit }.into()),
                Ok(found) => Ok(Found {
                    items: found.entries,
                    next: found.next,
                    total: found.total.map(|n| n as u64),
                    silent: Vec::new(),
                }),
                Err(store::StoreError::TooMany { limit }) => Err(Fault::TooManyResults { limit }.into()),
                Err(store::StoreError::BadPage) => {
                    let rule = "is not a position this registry gave";
                    Err(Fault::InvalidQuery(Invalid::new("page", rule, "")).into())
                }
                Err(error) => Err(internal(error, &cx.request_id)),
            }
        })
    }

    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>> {
        Box::pin(async move {
            let ids = ids.to_vec();
            let found = self.store.read(move |tx| tx.associations_of(&ids)).await;
            found.map(Found::all).map_err(|error| internal(error, &cx.request_id))
        })
    }
}
