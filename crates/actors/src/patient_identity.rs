//! Patient Identity Manager on this node's own store. Source: ITI TF-2 3.8, 3.44, PIXm 2:3.104; spec/xds.md section 20.

use crate::store_faults::{internal, storage};
use crate::{BoxFuture, Cx, Fault, Found, Identity, PatientNews, Refusal, SUBSUMED, SURVIVOR};
use model::{Invalid, Oid, Page, Patient, PatientId, PatientQuery, fold};
use std::sync::Arc;
use store::{MetadataStore, PatientState, StoreError, StoreExt, WriteTx};

/// Keeps the patients of one domain.
#[derive(Clone)]
pub struct PatientIdentity {
    store: Arc<dyn MetadataStore>,
    domain: Oid,
}

impl PatientIdentity {
    pub fn new(store: Arc<dyn MetadataStore>, domain: Oid) -> Self {
        PatientIdentity { store, domain }
    }
}

/// What is known of a patient after news of it. The identifiers of several sources add up, so that a source that knows
/// its own number alone breaks no link; a number that is wrong is replaced by one of its domain, or removed.
pub fn linked(known: Option<&Patient>, told: Patient, news: PatientNews) -> Patient {
    let Some(known) = known else { return told };
    let (mut out, others) = match news {
        PatientNews::Added => (known.clone(), told.other_ids),
        PatientNews::Revised => {
            let named = |id: &&PatientId| told.other_ids.iter().any(|other| other.domain == id.domain);
            let kept = known.other_ids.iter().filter(|id| !named(id)).cloned().collect();
            (told, kept)
        }
    };
    take_ids(&mut out, others);
    out
}

fn take_ids(patient: &mut Patient, ids: Vec<PatientId>) {
    for id in ids {
        if !patient.ids().any(|known| *known == id) {
            patient.other_ids.push(id);
        }
    }
}

fn refused(field: &str, rule: &str) -> Refusal {
    Fault::InvalidMetadata(Invalid::new(field, rule, "")).into()
}

impl Identity for PatientIdentity {
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            if patient.id.domain != self.domain {
                let (ours, came) = (&self.domain, &patient.id.domain);
                let rule = format!("must be assigned by {ours}, the domain of this registry; got {came}");
                let invalid = Invalid::new("patientId", rule, "");
                return Err(Fault::InvalidMetadata(invalid).into());
            }
            let patient = patient.clone();
            let fed = self
                .store
                .write(move |tx| {
                    let known = tx.patient(&patient.id)?;
                    let mut linked = linked(known.as_ref(), patient, news);
                    if let Some(refusal) = refuse_foreign(tx, known.as_ref(), &linked)? {
                        return Ok(Err(refusal));
                    }
                    let own = linked.id.domain.clone();
                    linked
                        .other_ids
                        .retain(|id| id.domain != own || known.as_ref().is_some_and(|k| k.ids().any(|i| i == id)));
                    if known.as_ref() != Some(&linked) {
                        tx.put_patient(&linked)?;
                    }
                    Ok(Ok(()))
                })
                .await;
            let fed: Result<Result<(), Refusal>, StoreError> = fed;
            fed.unwrap_or_else(|error| {
                Err(match error {
                    StoreError::Refused(_) => {
                        let rule = "was merged into another patient and cannot be fed again";
                        Fault::InvalidMetadata(Invalid::new("patientId", rule, "")).into()
                    }
                    error => storage(error, &cx.request_id),
                })
            })
        })
    }

    fn merge<'a>(
        &'a self,
        survivor: &'a Patient,
        subsumed: &'a PatientId,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            for (field, id) in [(SURVIVOR, &survivor.id), (SUBSUMED, subsumed)] {
                if id.domain != self.domain {
                    let rule =
                        format!("must be assigned by {}, the domain of this registry; got {}", self.domain, id.domain);
                    return Err(refused(field, &rule));
                }
            }
            if survivor.id == *subsumed {
                return Err(refused(SUBSUMED, "must differ from the surviving one"));
            }
            let (survivor, subsumed) = (survivor.clone(), subsumed.clone());
            let request_id = cx.request_id.clone();
            // One transaction: two merges at once cannot make a circle.
            let merged: Result<Result<(), Refusal>, StoreError> = self
                .store
                .write(move |tx| {
                    match tx.patient_state(&subsumed)? {
                        PatientState::Active => {}
                        PatientState::Unknown => {
                            return Ok(Err(refused(SUBSUMED, "must be known to this registry; no feed has named it")));
                        }
                        PatientState::MergedInto(_) => {
                            return Ok(Err(refused(
                                SUBSUMED,
                                "was merged into another patient before; a merge is not undone",
                            )));
                        }
                    }
                    if let PatientState::MergedInto(_) = tx.patient_state(&survivor.id)? {
                        return Ok(Err(refused(SURVIVOR, "was merged into another patient before; name that one")));
                    }
                    let before = tx.patient(&survivor.id)?;
                    let mut after = before.clone().unwrap_or(survivor.clone());
                    take_ids(&mut after, tx.patient(&subsumed)?.map(|gone| gone.other_ids).unwrap_or_default());
                    if before.as_ref() != Some(&after) {
                        tx.put_patient(&after)?;
                    }
                    tx.merge_patients(&survivor.id, &subsumed)?;
                    Ok(Ok(()))
                })
                .await;
            merged.map_err(|error| storage(error, &request_id))?
        })
    }

    fn survivor<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<PatientId>, Refusal>> {
        Box::pin(async move {
            let id = id.clone();
            match self.store.read(move |tx| tx.patient_state(&id)).await {
                Ok(PatientState::MergedInto(survivor)) => Ok(Some(survivor)),
                Ok(PatientState::Active | PatientState::Unknown) => Ok(None),
                Err(error) => Err(internal(error, &cx.request_id)),
            }
        })
    }

    fn remove<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<bool, Refusal>> {
        Box::pin(async move {
            let (id, ours) = (id.clone(), self.domain.clone());
            let removed: Result<Result<bool, Refusal>, StoreError> = self
                .store
                .write(move |tx| {
                    if id.domain == ours {
                        return tx.remove_patient(&id).map(Ok);
                    }
                    let having = tx.find_patients(&PatientQuery::of_id(id.clone()))?.patients;
                    let Some(first) = having.first() else { return Ok(Ok(false)) };
                    if having.len() > 1 {
                        return Ok(Err(refused("patientId", "must be an identifier of one patient; several have it")));
                    }
                    let mut left = first.clone();
                    left.other_ids.retain(|other| *other != id);
                    tx.put_patient(&left).map(|()| Ok(true))
                })
                .await;
            removed.map_err(|error| storage(error, &cx.request_id))?
        })
    }

    fn query<'a>(&'a self, query: &'a PatientQuery, cx: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async move {
            let query = query.clone();
            let found = self.store.read(move |tx| tx.find_patients(&query)).await;
            let found = found.map_err(|error| match error {
                StoreError::BadPage => Fault::InvalidQuery(Invalid::new("page", "is not one of this node", "")).into(),
                StoreError::TooMany { limit } => Fault::TooManyResults { limit }.into(),
                error => internal(error, &cx.request_id),
            })?;
            let (total, next) = (found.total.map(|total| total as u64), found.next);
            Ok(Found { total, next, ..Found::all(found.patients) })
        })
    }

    fn domains<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<Vec<Oid>, Refusal>> {
        Box::pin(async move {
            let seen = self.store.read(|tx| tx.patient_domains()).await;
            let mut domains = seen.map_err(|error| internal(error, &cx.request_id))?;
            if !domains.contains(&self.domain) {
                domains.push(self.domain.clone());
            }
            Ok(domains)
        })
    }

    fn find<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        Box::pin(async move {
            let (id, ours) = (id.clone(), self.domain.clone());
            let found = self
                .store
                .read(move |tx| {
                    if id.domain == ours {
                        return tx.patient(&id).map(|found| found.into_iter().collect());
                    }
                    Ok(tx.find_patients(&PatientQuery::of_id(id))?.patients)
                })
                .await;
            let mut having: Vec<Patient> = found.map_err(|error: StoreError| internal(error, &cx.request_id))?;
            if having.len() > 1 {
                return Err(refused("patientId", "must be an identifier of one patient; several have it"));
            }
            Ok(having.pop())
        })
    }

    fn search<'a>(&'a self, text: &'a str, limit: usize, cx: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async move {
            let begins = Some(text.trim().to_owned()).filter(|text| !text.is_empty()).into_iter().collect();
            let page = Some(Page { size: limit, after: None });
            let mut found = self.query(&PatientQuery { begins, page, ..PatientQuery::default() }, cx).await?;
            found.items.sort_by_cached_key(|patient| (fold(&patient.name.family), patient.id.id.clone()));
            (found.next, found.total) = (None, None);
            Ok(found)
        })
    }
}

/// Refuses identifiers that would make one person of two: another one of the domain itself, and one that another patient
/// has. What is known already stays, and who was merged into this patient is this patient.
fn refuse_foreign(tx: &dyn WriteTx, known: Option<&Patient>, patient: &Patient) -> Result<Option<Refusal>, StoreError> {
    let is_known = |id: &PatientId| known.is_some_and(|known| known.other_ids.contains(id));
    for id in patient.other_ids.iter().filter(|id| !is_known(id)) {
        if id.domain == patient.id.domain {
            if tx.patient_state(id)? != PatientState::MergedInto(patient.id.clone()) {
                let rule = format!(
                    "must hold one identifier of {}; two patients become one by a merge and by nothing else",
                    id.domain
                );
                return Ok(Some(refused("patientId", &rule)));
            }
            continue;
        }
        let having = tx.find_patients(&PatientQuery::of_id(id.clone()))?.patients;
        if having.iter().any(|other| other.id != patient.id) {
            let rule = format!(
                "has an identifier of {} that another patient has; it must be taken away there first",
                id.domain
            );
            return Ok(Some(refused("patientId", &rule)));
        }
    }
    Ok(None)
}
