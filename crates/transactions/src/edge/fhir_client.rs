//! FHIR on the client side: one exchange with a peer, bodies bounded, refusals read. Source: spec/fhir.md section 2.

use super::operation_outcome;
use actors::{Cx, Fault, Refusal};
use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use model::PatientId;
use net::HttpClient;

/// A peer's FHIR base.
#[derive(Clone)]
pub struct FhirPeer {
    /// How people call it; in every error.
    pub name: String,
    /// Without a slash at the end.
    pub base: String,
    pub http: HttpClient,
    /// Largest answer, octets.
    pub message_octets: usize,
}

/// An answer that was no refusal.
pub struct FhirAnswer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl FhirPeer {
    /// Reads a resource or a page.
    ///
    /// Errors: `PeerUnavailable` without an answer; `Remote` with the peer's reason for a refusal.
    pub async fn get(&self, url: &str, cx: &Cx, patient: Option<&PatientId>) -> Result<Bytes, Refusal> {
        Ok(self.exchange(self.http.get(url), cx, patient).await?.body)
    }

    /// Sends any request; the answer is asked for in JSON, which is all that is read here. `patient` is whom it is about.
    pub async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        cx: &Cx,
        patient: Option<&PatientId>,
    ) -> Result<FhirAnswer, Refusal> {
        let mut response = self.send(request.header(header::ACCEPT, fhir::MEDIA_TYPE), cx).await?;
        let status = response.status();
        // A refusal is short; whatever goes on after that is not read.
        let limit = if status.is_success() { self.message_octets } else { 256 * 1024 };
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
                Ok(Some(_)) if !status.is_success() => break,
                Ok(Some(_)) => {
                    return Err(self.unavailable(format!("sent an answer of more than {limit} octets")).into());
                }
                Ok(None) => break,
                Err(error) => {
                    let url = response.url().to_string();
                    return Err(self.unavailable(self.http.explain(&url, &error).to_string()).into());
                }
            }
        }
        if status.is_success() {
            return Ok(FhirAnswer { status, body: body.freeze() });
        }
        Err(operation_outcome::refusal(&self.name, status, &body, patient))
    }

    /// Sends a request and gives the answer before its body is read.
    pub async fn send(&self, mut request: reqwest::RequestBuilder, cx: &Cx) -> Result<reqwest::Response, Fault> {
        if let Some(traceparent) = &cx.traceparent {
            request = request.header("traceparent", traceparent);
        }
        self.http.send(request).await.map_err(|e| self.unavailable(without_query(&e.to_string())))
    }

    /// A link of this peer at the address that we know it by: its public name may not be reachable from here, and no
    /// answer may send us to another host.
    pub fn absolute(&self, link: &str) -> String {
        if link.starts_with(&self.base) {
            return link.to_owned();
        }
        let after_host = |url: &str| {
            url.find("://")
                .map(|at| at + 3)
                .map(|from| from + url[from..].find(['/', '?', '#']).unwrap_or(url.len() - from))
        };
        match (after_host(link), after_host(&self.base)) {
            (Some(path), Some(host)) => format!("{}{}", &self.base[..host], &link[path..]),
            _ => format!("{}/{}", self.base, link.trim_start_matches('/')),
        }
    }

    pub fn unavailable(&self, reason: String) -> Fault {
        Fault::PeerUnavailable { peer: self.name.clone(), reason }
    }
}

/// The query of a URL may name a patient; faults are logged.
fn without_query(text: &str) -> String {
    text.split(' ')
        .map(|word| match word.split_once('?') {
            Some((before, _)) if before.contains("://") => {
                format!("{before}{}", if word.ends_with(':') { ":" } else { "" })
            }
            _ => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}
