//! Patients in memory.

use actors::{BoxFuture, Cx, Fault, Found, Identity, PatientNews, Refusal};
use model::{Invalid, Oid, Patient, PatientId};
use std::sync::Mutex;

/// Keeps the patients of one domain.
pub struct MemoryIdentity {
    pub domain: Oid,
    pub patients: Mutex<Vec<Patient>>,
    /// Answers every call, when there is one.
    pub fault: Mutex<Option<Fault>>,
}

impl MemoryIdentity {
    pub fn new(domain: Oid) -> Self {
        MemoryIdentity { domain, patients: Mutex::default(), fault: Mutex::default() }
    }

    fn begin(&self) -> Result<(), Refusal> {
        match self.fault.lock().expect("no panic").clone() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }
}

impl Identity for MemoryIdentity {
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, _: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            self.begin()?;
            if patient.id.domain != self.domain {
                let rule = format!("must be assigned by {}", self.domain);
                return Err(Fault::InvalidMetadata(Invalid::new("patientId", rule, "")).into());
            }
            let mut patients = self.patients.lock().expect("no panic");
            match (patients.iter_mut().find(|p| p.id == patient.id), news) {
                (Some(_), PatientNews::Added) => {}
                (Some(known), PatientNews::Revised) => *known = patient.clone(),
                (None, _) => patients.push(patient.clone()),
            }
            Ok(())
        })
    }

    fn find<'a>(&'a self, id: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            Ok(self.patients.lock().expect("no panic").iter().find(|p| p.id == *id).cloned())
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
