//! Feeds and asks a peer: an `Identity` over FHIR. PIXm 2:3.104.

use crate::edge::fhir_client::FhirPeer;
use actors::{BoxFuture, Cx, Fault, Found, Identity, PatientNews, Refusal};
use fhir::bundle::decode_searchset;
use http::header;
use model::{Patient, PatientId};

/// Tells a peer about patients, and reads them there.
#[derive(Clone)]
pub struct Client {
    pub peer: FhirPeer,
}

impl Client {
    async fn patients(&self, query: &str, cx: &Cx, about: Option<&PatientId>) -> Result<Vec<Patient>, Refusal> {
        let url = format!("{}/Patient?{query}", self.peer.base);
        let body = self.peer.get(&url, cx, about).await?;
        let bad = |e: fhir::DecodeError| self.peer.unavailable(format!("sent a bad answer: {e}"));
        let page = decode_searchset(&body, None).map_err(bad)?;
        let mut patients = Vec::with_capacity(page.patients.len());
        for patient in page.patients {
            patients.push(patient.map_err(bad)?.patient);
        }
        Ok(patients)
    }
}

impl Identity for Client {
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let body = fhir::patient::encode(patient);
            let condition = fhir::patient::encode_condition(&patient.id);
            let put = || {
                let url = format!("{}/Patient?{condition}", self.peer.base);
                self.peer.http.put(&url).header(header::CONTENT_TYPE, fhir::MEDIA_TYPE).body(body.clone())
            };
            if news == PatientNews::Revised {
                self.peer.exchange(put(), cx, Some(&patient.id)).await?;
                return Ok(());
            }
            let url = format!("{}/Patient", self.peer.base);
            let create = self.peer.http.post(&url).header(header::CONTENT_TYPE, fhir::MEDIA_TYPE);
            let create = create.header("if-none-exist", &condition).body(body.clone());
            match self.peer.exchange(create, cx, Some(&patient.id)).await {
                Ok(_) => Ok(()),
                // ITI-104 itself knows PUT only.
                Err(refusal) if not_offered(&refusal) => {
                    self.peer.exchange(put(), cx, Some(&patient.id)).await.map(|_| ())
                }
                Err(refusal) => Err(refusal),
            }
        })
    }

    fn merge<'a>(
        &'a self,
        survivor: &'a Patient,
        subsumed: &'a PatientId,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            // A manager of ITI-104 wants to know the survivor before; it stays known there when the merge is refused.
            self.feed(survivor, PatientNews::Added, cx).await?;
            // A Patient needs a name: both are the same person now.
            let gone = Patient { id: subsumed.clone(), other_ids: Vec::new(), ..survivor.clone() };
            let url = format!("{}/Patient?{}", self.peer.base, fhir::patient::encode_condition(subsumed));
            let put = self.peer.http.put(&url).header(header::CONTENT_TYPE, fhir::MEDIA_TYPE);
            let body = fhir::patient::encode_merge(&gone, &survivor.id);
            self.peer.exchange(put.body(body), cx, Some(subsumed)).await.map(|_| ())
        })
    }

    fn find<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        Box::pin(async move {
            let found = self.patients(&fhir::patient::encode_condition(id), cx, Some(id)).await?;
            let is_it = |p: &Patient| p.id == *id || p.other_ids.contains(id);
            Ok(found.into_iter().find(is_it))
        })
    }

    fn search<'a>(&'a self, text: &'a str, limit: usize, cx: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async move {
            let mut query = format!("_count={limit}");
            if !text.trim().is_empty() {
                query.push_str("&_content=");
                fhir::search::percent_encode_into(text.trim(), &mut query);
            }
            let mut found = self.patients(&query, cx, None).await?;
            found.truncate(limit);
            Ok(Found::all(found))
        })
    }
}

fn not_offered(refusal: &Refusal) -> bool {
    matches!(refusal.first(), Fault::Remote { code, .. }
        if ["HTTP 404", "HTTP 405", "HTTP 501"].iter().any(|status| code.starts_with(status)))
}
