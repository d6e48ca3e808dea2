//! Patients in memory.

use actors::{BoxFuture, Cx, Fault, Found, Identity, PatientNews, Refusal, SUBSUMED, SURVIVOR, linked};
use model::{Invalid, Oid, Patient, PatientId, PatientQuery};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Keeps the patients of one domain.
pub struct MemoryIdentity {
    pub domain: Oid,
    pub patients: Mutex<Vec<Patient>>,
    /// Domains that a feed has named.
    pub seen: Mutex<BTreeSet<Oid>>,
    /// Who was merged away, and into whom.
    pub subsumed: Mutex<Vec<(PatientId, PatientId)>>,
    /// Answers every call, when there is one.
    pub fault: Mutex<Option<Fault>>,
}

impl MemoryIdentity {
    pub fn new(domain: Oid) -> Self {
        MemoryIdentity {
            domain,
            patients: Mutex::default(),
            seen: Mutex::default(),
            subsumed: Mutex::default(),
            fault: Mutex::default(),
        }
    }

    fn is_subsumed(&self, id: &PatientId) -> bool {
        self.subsumed.lock().expect("no panic").iter().any(|(subsumed, _)| subsumed == id)
    }

    fn begin(&self) -> Result<(), Refusal> {
        match self.fault.lock().expect("no panic").clone() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }
}

fn refused(field: &str, rule: &str) -> Refusal {
    Fault::InvalidMetadata(Invalid::new(field, rule, "")).into()
}

impl Identity for MemoryIdentity {
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, _: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            self.begin()?;
            if patient.id.domain != self.domain {
                let rule = format!("must be assigned by {}", self.domain);
                return Err(Fault::InvalidMetadata(Invalid::new("patientId", rule, "")).into());
            }
            if self.is_subsumed(&patient.id) {
                return Err(refused("patientId", "was merged into another patient"));
            }
            let mut patients = self.patients.lock().expect("no panic");
            self.seen.lock().expect("no panic").extend(patient.ids().map(|id| id.domain.clone()));
            match patients.iter_mut().find(|p| p.id == patient.id) {
                Some(known) => *known = linked(Some(&*known), patient.clone(), news),
                None => patients.push(patient.clone()),
            }
            Ok(())
        })
    }

    fn merge<'a>(
        &'a self,
        survivor: &'a Patient,
        subsumed: &'a PatientId,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            self.begin()?;
            for (field, id) in [(SURVIVOR, &survivor.id), (SUBSUMED, subsumed)] {
                if id.domain != self.domain {
                    return Err(refused(field, &format!("must be assigned by {}; got {}", self.domain, id.domain)));
                }
                if self.is_subsumed(id) {
                    return Err(refused(field, "was merged into another patient before"));
                }
            }
            let mut patients = self.patients.lock().expect("no panic");
            if survivor.id == *subsumed || !patients.iter().any(|p| p.id == *subsumed) {
                return Err(refused(SUBSUMED, "must be known and differ from the surviving one"));
            }
            let at = patients.iter().position(|p| p.id == *subsumed).expect("it is known");
            let gone = patients.remove(at);
            if !patients.iter().any(|p| p.id == survivor.id) {
                patients.push(survivor.clone());
            }
            let into = patients.iter_mut().find(|p| p.id == survivor.id).expect("it was added");
            *into = linked(Some(&*into), gone, PatientNews::Added);
            self.subsumed.lock().expect("no panic").push((subsumed.clone(), survivor.id.clone()));
            Ok(())
        })
    }

    fn survivor<'a>(&'a self, id: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<Option<PatientId>, Refusal>> {
        Box::pin(async move {
            let subsumed = self.subsumed.lock().expect("no panic");
            Ok(subsumed.iter().find(|(gone, _)| gone == id).map(|(_, survivor)| survivor.clone()))
        })
    }

    fn find<'a>(&'a self, id: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            Ok(self.patients.lock().expect("no panic").iter().find(|p| p.id == *id).cloned())
        })
    }

    fn remove<'a>(&'a self, id: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<bool, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            let mut patients = self.patients.lock().expect("no panic");
            if id.domain == self.domain {
                let before = patients.len();
                patients.retain(|p| p.id != *id);
                return Ok(patients.len() < before);
            }
            let mut having: Vec<&mut Patient> = patients.iter_mut().filter(|p| p.other_ids.contains(id)).collect();
            match having.as_mut_slice() {
                [] => Ok(false),
                [one] => {
                    one.other_ids.retain(|other| other != id);
                    Ok(true)
                }
                _ => Err(refused("patientId", "must be an identifier of one patient; several have it")),
            }
        })
    }

    fn query<'a>(&'a self, query: &'a PatientQuery, _: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            let patients = self.patients.lock().expect("no panic");
            let mut all: Vec<Patient> = patients.iter().filter(|p| query.matches(p)).cloned().collect();
            let Some(page) = &query.page else { return Ok(Found::all(all)) };
            let total = Some(all.len() as u64);
            let at: usize = page.after.as_deref().map_or(Ok(0), str::parse).map_err(|_| refused("page", "is none"))?;
            let end = (at + page.size).min(all.len());
            let next = (end < all.len() && page.size > 0).then(|| end.to_string());
            all.truncate(end);
            Ok(Found { next, total, ..Found::all(all.split_off(at.min(end))) })
        })
    }

    fn domains<'a>(&'a self, _: &'a Cx) -> BoxFuture<'a, Result<Vec<Oid>, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            let mut domains = self.seen.lock().expect("no panic").clone();
            domains.insert(self.domain.clone());
            Ok(domains.into_iter().collect())
        })
    }

    fn search<'a>(&'a self, text: &'a str, limit: usize, _: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            let text = text.to_lowercase();
            let starts = |p: &&Patient| {
                p.id.id.to_lowercase().starts_with(&text) || p.name.family.to_lowercase().starts_with(&text)
            };
            let patients = self.patients.lock().expect("no panic");
            Ok(Found::all(patients.iter().filter(starts).take(limit).cloned().collect()))
        })
    }
}
