//! Many repositories behind one: repositoryUniqueId decides which of them is asked.

use crate::{BoxFuture, Cx, DocumentRequest, Fault, ProvidedDocument, Refusal, Registered, Repository, Retrieved};
use model::{Oid, Submission};
use std::sync::Arc;

/// Routes retrieves by repositoryUniqueId.
#[derive(Clone, Default)]
pub struct RepositoryDirectory {
    repositories: Vec<(Oid, Arc<dyn Repository>)>,
}

impl RepositoryDirectory {
    pub fn with(mut self, unique_id: Oid, repository: Arc<dyn Repository>) -> Self {
        self.repositories.push((unique_id, repository));
        self
    }
}

impl Repository for RepositoryDirectory {
    fn provide<'a>(
        &'a self,
        _submission: Submission,
        _documents: Vec<ProvidedDocument>,
        _cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        let what = "providing a document without naming one repository".to_owned();
        Box::pin(async move { Err(Fault::Unsupported(what).into()) })
    }

    fn retrieve<'a>(
        &'a self,
        requests: &'a [DocumentRequest],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        Box::pin(async move {
            let mut retrieved = Retrieved { documents: Vec::new(), faults: Vec::new() };
            for (id, repository) in &self.repositories {
                let own: Vec<_> = requests.iter().filter(|r| r.repository_unique_id == *id).cloned().collect();
                if own.is_empty() {
                    continue;
                }
                match repository.retrieve(&own, cx).await {
                    Ok(part) => {
                        retrieved.documents.extend(part.documents);
                        retrieved.faults.extend(part.faults);
                    }
                    Err(refusal) => retrieved.faults.extend(refusal.faults().iter().cloned()),
                }
            }
            // Whoever asked sees its own order, not that of the places.
            let position = |r: &DocumentRequest| requests.iter().position(|asked| asked == r);
            retrieved.documents.sort_by_key(|document| position(&document.request));
            let known = |r: &&DocumentRequest| self.repositories.iter().any(|(id, _)| *id == r.repository_unique_id);
            for request in requests.iter().filter(|r| !known(r)) {
                let repository = request.repository_unique_id.clone();
                let unique_id = request.unique_id.clone();
                retrieved.faults.push(Fault::UnknownRepository { repository, unique_id });
            }
            Ok(retrieved)
        })
    }
}
