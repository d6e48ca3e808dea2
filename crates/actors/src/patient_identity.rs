//! Patient Identity Manager on this node's own store. Source: ITI TF-2 3.8, 3.44, PIXm 2:3.104; spec/xds.md section 20.

use crate::store_faults::{internal, storage};
use crate::{BoxFuture, Cx, Fault, Found, Identity, PatientNews, Refusal, SUBSUMED, SURVIVOR};
use model::{Invalid, Oid, Patient, PatientId};
use std::sync::Arc;
use store::{MetadataStore, PatientSearch, PatientState, StoreError, StoreExt};

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
                .write(move |tx| match news {
                    PatientNews::Added if tx.patient(&patient.id)?.is_some() => Ok(()),
                    PatientNews::Added | PatientNews::Revised => tx.put_patient(&patient),
                })
                .await;
            fed.map_err(|error| match error {
                StoreError::Refused(_) => {
                    let rule = "was merged into another patient and cannot be fed again";
                    Fault::InvalidMetadata(Invalid::new("patientId", rule, "")).into()
                }
                error => storage(error, &cx.request_id),
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
                    match tx.patient_state(&survivor.id)? {
                        PatientState::Active => {}
                        PatientState::Unknown => tx.put_patient(&survivor)?,
                        PatientState::MergedInto(_) => {
                            return Ok(Err(refused(SURVIVOR, "was merged into another patient before; name that one")));
                        }
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

    fn find<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        Box::pin(async move {
            let id = id.clone();
            let found = self.store.read(move |tx| tx.patient(&id)).await;
            found.map_err(|error| internal(error, &cx.request_id))
        })
    }

    fn search<'a>(&'a self, text: &'a str, limit: usize, cx: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async move {
            let text = text.trim().to_owned();
            let found = self
                .store
                .read(move |tx| {
                    let everybody = PatientSearch { limit, ..PatientSearch::default() };
                    if text.is_empty() {
                        return tx.patients(&everybody);
                    }
                    let mut found = tx.patients(&PatientSearch { id: Some(text.clone()), ..everybody.clone() })?;
                    // The whole text first: `van Dyke` is a family name.
                    let mut names = vec![(text.clone(), None)];
                    for (at, _) in text.match_indices([' ', ',']) {
                        let given = text[at..].trim_matches([' ', ',']);
                        names.push((text[..at].trim_end_matches([' ', ',']).to_owned(), Some(given.to_owned())));
                    }
                    names.truncate(8);
                    for (family, given) in names {
                        let by_name = PatientSearch { family: Some(family), given, ..everybody.clone() };
                        for patient in tx.patients(&by_name)? {
                            if !found.iter().any(|p| p.id == patient.id) {
                                found.push(patient);
                            }
                        }
                    }
                    found.truncate(limit);
                    Ok(found)
                })
                .await;
            found.map(Found::all).map_err(|error: StoreError| internal(error, &cx.request_id))
        })
    }
}
