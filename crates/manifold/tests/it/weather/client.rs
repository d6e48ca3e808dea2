//! A consumer and source for tests: our own clients of the wire, called without async, and the node's status page.

use crate::network::Served;
use actors::{
    Clock, Cx, DocumentContent, DocumentRequest, Fault, Identifiers, ImageRequest, Imaging, InstanceAddress,
    ProvidedDocument, Refusal, Registered, Registry, Repository, UpdateKind, WantedSyntax,
};
use bytes::Bytes;
use futures_util::StreamExt;
use model::{
    Association, AssociationType, DocumentEntry, DocumentQuery, ObjectId, Oid, PatientId, ReferenceId, ReferenceTerm,
    RegistryObjects, SeriesInstanceUid, SopInstanceUid, StoredQuery, StudyInstanceUid, Submission, TransferSyntaxUid,
    UniqueId,
};
use net::{HttpClient, HttpClientOptions};
use serde_json::Value;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use transactions::edge::soap_client::SoapPeer;
use transactions::{
    iti41_provide_and_register_document_set as iti41, iti42_register_document_set as iti42,
    rad69_retrieve_imaging_document_set as rad69, rad107_wado_rs,
};

/// Nothing here takes longer unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer to a FHIR resource; the body as JSON where it is that.
pub struct Sent {
    pub status: u16,
    headers: http::HeaderMap,
    pub body: Value,
}

impl Sent {
    /// A header, empty when it is absent.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }
}

/// Calls one node.
#[derive(Clone)]
pub struct Client {
    base: String,
    http: HttpClient,
}

impl Client {
    /// A client of the node whose HTTP port is at `base`.
    pub fn of(base: &str) -> Client {
        let options =
            HttpClientOptions { connect: Duration::from_secs(5), idle: PATIENCE, ..HttpClientOptions::default() };
        Client { base: base.to_owned(), http: HttpClient::new(&options).expect("a client without TLS") }
    }

    /// A client of a node in a process of its own.
    pub fn to(served: &Served) -> Client {
        let ready = served.endpoint("ready");
        Client::of(ready.split("/health/").next().expect("a URL"))
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn peer(&self, path: &str) -> SoapPeer {
        SoapPeer {
            name: "the node".into(),
            url: format!("{}{path}", self.base),
            http: self.http.clone(),
            message_octets: 64 << 20,
        }
    }

    /// Sends a request below `/fhir` and reads the answer: status, and body as JSON where it is that.
    pub fn fhir(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}/fhir{path}", self.base);
        let mut request = match method {
            "GET" => self.http.get(&url),
            "PUT" => self.http.put(&url),
            _ => self.http.post(&url),
        };
        if let Some(body) = body {
            let octets = serde_json::to_vec(body).expect("JSON");
            request = request.header("content-type", "application/fhir+json").body(octets);
        }
        wait_for(async {
            let answer = self.http.send(request).await.expect("an answer");
            let status = answer.status().as_u16();
            let octets = answer.bytes().await.expect("a body");
            (status, serde_json::from_slice(&octets).unwrap_or(Value::Null))
        })
    }

    fn registry(&self) -> iti42::Client {
        iti42::Client { peer: self.peer("/xds/registry") }
    }

    fn repository(&self) -> iti41::Client {
        iti41::Client { peer: self.peer("/xds/repository"), memory_octets: 256 << 20 }
    }

    /// ITI-18.
    pub fn find(&self, query: &DocumentQuery) -> Result<Vec<DocumentEntry>, Refusal> {
        wait_for(async { Ok(self.registry().find(query, &cx()).await?.items) })
    }

    /// Manifests of a patient's study, whatever their status.
    pub fn manifests(&self, patient_id: &str, study: &str) -> Result<Vec<DocumentEntry>, Refusal> {
        let study = StudyInstanceUid::parse(study).expect("a UID");
        let reference_ids = vec![vec![ReferenceTerm::Exact(ReferenceId::study(&study))]];
        let entries = self.find(&DocumentQuery { reference_ids, ..DocumentQuery::of_patient(patient(patient_id)) })?;
        Ok(entries.into_iter().filter(DocumentEntry::is_kos).collect())
    }

    /// The Approved manifests of a study.
    pub fn current_manifests(&self, patient_id: &str, study: &str) -> Result<Vec<DocumentEntry>, Refusal> {
        let mut all = self.manifests(patient_id, study)?;
        all.retain(|e| e.availability_status == model::AvailabilityStatus::Approved);
        Ok(all)
    }

    /// Waits for a current manifest of a study.
    pub fn await_manifest(&self, patient_id: &str, study: &str) -> DocumentEntry {
        until("a current manifest", || self.current_manifests(patient_id, study).expect("an answer").pop())
    }

    pub fn with_unique_id(&self, unique_id: &UniqueId) -> Result<Vec<DocumentEntry>, Refusal> {
        self.find(&DocumentQuery { unique_ids: vec![unique_id.clone()], ..DocumentQuery::default() })
    }

    /// ITI-18 GetAssociations.
    pub fn associations(&self, ids: &[ObjectId]) -> Vec<Association> {
        wait_for(async { self.registry().associations(ids, &cx()).await }).expect("associations").items
    }

    /// The associations in which one document replaces another: (new, old).
    pub fn replacements(&self, ids: &[ObjectId]) -> Vec<(ObjectId, ObjectId)> {
        let mut all = self.associations(ids);
        all.retain(|a| a.kind == AssociationType::Rplc);
        all.into_iter().map(|a| (a.source, a.target)).collect()
    }

    /// ITI-41 or RAD-68 of one document.
    pub fn provide(&self, submission: Submission, document: &[u8]) -> Result<Registered, Refusal> {
        let entry_id = submission.entries[0].id.clone();
        let content = DocumentContent::Memory(Bytes::copy_from_slice(document));
        let documents = vec![ProvidedDocument { entry_id, content }];
        wait_for(async { self.repository().provide(submission, documents, &cx()).await })
    }

    /// ITI-42.
    pub fn register(&self, submission: Submission) -> Result<Registered, Refusal> {
        wait_for(async { self.registry().register(submission, &cx()).await })
    }

    /// ITI-61.
    pub fn register_on_demand(&self, submission: Submission) -> Result<Registered, Refusal> {
        wait_for(async { self.registry().register_on_demand(submission, &cx()).await })
    }

    /// ITI-57 or ITI-92.
    pub fn update(&self, submission: Submission, kind: UpdateKind) -> Result<Registered, Refusal> {
        wait_for(async { self.registry().update(submission, kind, &cx()).await })
    }

    /// ITI-62.
    pub fn remove(&self, ids: &[ObjectId]) -> Result<(), Refusal> {
        wait_for(async { self.registry().remove(ids, &cx()).await })
    }

    /// ITI-18 or ITI-51.
    pub fn query(&self, stored: StoredQuery) -> Result<RegistryObjects, Refusal> {
        wait_for(async { self.registry().query(&stored.into(), &cx()).await }).map(|answered| answered.objects)
    }

    /// ITI-86 of one document. Shape: the faults.
    pub fn remove_document(&self, repository: &Oid, unique_id: &UniqueId) -> Vec<Fault> {
        let request = DocumentRequest {
            home_community_id: None,
            repository_unique_id: repository.clone(),
            unique_id: unique_id.clone(),
        };
        wait_for(async { self.repository().remove(&[request], &cx()).await }).expect("an answer")
    }

    /// ITI-43 of one document.
    pub fn retrieve(&self, repository: &Oid, unique_id: &UniqueId) -> Result<Vec<u8>, Refusal> {
        let request = DocumentRequest {
            home_community_id: None,
            repository_unique_id: repository.clone(),
            unique_id: unique_id.clone(),
        };
        wait_for(async {
            let mut retrieved = self.repository().retrieve(&[request], &cx()).await?;
            if let Some(fault) = retrieved.faults.pop() {
                return Err(Refusal::from(fault));
            }
            let document = retrieved.documents.pop().expect("a document or a fault");
            Ok(collect(document.body).await?)
        })
    }

    /// RAD-107 of a study: SOP Instance UID and the whole file of each instance, in the stored transfer syntax.
    pub fn images(&self, study: &str) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
        let (name, base) = ("the node".to_owned(), format!("{}/dicomweb", self.base));
        let client = rad107_wado_rs::Client { name, base, http: self.http.clone() };
        let request = ImageRequest {
            study: StudyInstanceUid::parse(study).expect("a UID"),
            series: None,
            instance: None,
            syntaxes: vec![WantedSyntax::AsStored],
        };
        wait_for(async {
            let mut images = client.fetch(&request, &cx()).await?;
            let mut files = Vec::new();
            while let Some(instance) = images.instances.next().await {
                let instance = instance?;
                files.push((instance.sop_instance.to_string(), collect(instance.body).await?));
            }
            Ok(files)
        })
    }

    /// RAD-69 of one instance: its whole file.
    pub fn image_by_rad69(&self, study: &str, series: &str, instance: &str) -> Result<Vec<u8>, Refusal> {
        let client = rad69::Client {
            peer: self.peer("/xds/imaging"),
            // The demo's sources go by this name too; see `also_called`.
            repository_unique_id: Oid::parse("1.3.6.1.4.1000").expect("an OID"),
            home_community_id: None,
        };
        let wanted = [InstanceAddress {
            study: StudyInstanceUid::parse(study).expect("a UID"),
            series: SeriesInstanceUid::parse(series).expect("a UID"),
            instance: SopInstanceUid::parse(instance).expect("a UID"),
        }];
        let explicit = TransferSyntaxUid::parse("1.2.840.10008.1.2.1").expect("a UID");
        wait_for(async {
            let mut picked = client.pick(&wanted, &[WantedSyntax::Uid(explicit)], &cx()).await?;
            if let Some(Err(fault)) = picked.outcomes.pop() {
                return Err(Refusal::from(fault));
            }
            let instance = picked.instances.next().await.expect("an instance")?;
            Ok(collect(instance.body).await?)
        })
    }

    /// A page as text, with its HTTP status.
    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        wait_for(async {
            let response = self.http.send(self.http.get(&format!("{}{path}", self.base))).await;
            let response = response.map_err(|e| e.to_string())?;
            let status = response.status().as_u16();
            Ok((status, response.text().await.map_err(|e| e.to_string())?))
        })
    }

    /// HTTP status and how many octets came, however many.
    pub fn count(&self, path: &str, accept: &str) -> (u16, u64) {
        wait_for(async {
            let request = self.http.get(&format!("{}{path}", self.base)).header("accept", accept);
            let mut response = self.http.send(request).await.expect("an answer");
            let (status, mut octets) = (response.status().as_u16(), 0);
            while let Some(piece) = response.chunk().await.expect("the whole body") {
                octets += piece.len() as u64;
            }
            (status, octets)
        })
    }

    /// HTTP status and text of a DELETE.
    pub fn delete(&self, path: &str) -> (u16, String) {
        wait_for(async {
            let request = self.http.delete(&format!("{}{path}", self.base));
            let response = self.http.send(request).await.expect("an answer");
            let status = response.status().as_u16();
            (status, response.text().await.expect("a body"))
        })
    }

    /// A FHIR resource by PUT: HTTP status and text.
    pub fn put_json(&self, path: &str, body: &Value) -> (u16, String) {
        wait_for(async {
            let request = self.http.put(&format!("{}{path}", self.base));
            let request = request.header("content-type", "application/fhir+json").body(body.to_string());
            let response = self.http.send(request).await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("a whole answer"))
        })
    }

    pub fn post_json(&self, path: &str, body: &Value) -> (u16, String) {
        wait_for(async {
            let request = self.http.post(&format!("{}{path}", self.base));
            let request = request.header("content-type", "application/fhir+json").body(body.to_string());
            let response = self.http.send(request).await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("a whole answer"))
        })
    }

    /// A FHIR resource by POST with headers of one's own.
    pub fn send(&self, path: &str, headers: &[(&'static str, &str)], body: &Value) -> Sent {
        let mut request = self.http.post(&format!("{}{path}", self.base));
        request = request.header("content-type", "application/fhir+json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        wait_for(async {
            let response = self.http.send(request.body(body.to_string())).await.expect("an answer");
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let octets = response.bytes().await.expect("a body");
            Sent { status, headers, body: serde_json::from_slice(&octets).unwrap_or(Value::Null) }
        })
    }

    /// Makes a patient known by ITI-104, so that a test has one of its own.
    pub fn feed(&self, id: &str) {
        let body = serde_json::json!({
            "resourceType": "Patient",
            "identifier": [{"system": format!("urn:oid:{}", synth::PATIENT_DOMAIN), "value": id}],
            "name": [{"family": "Weather", "given": ["Bad"]}],
        });
        let path = format!("/fhir/Patient?identifier=urn:oid:{}%7C{id}", synth::PATIENT_DOMAIN);
        let (status, text) = self.put_json(&path, &body);
        assert!((200..300).contains(&status), "{text}");
    }

    /// `/health/status`.
    pub fn status(&self) -> Value {
        let (status, text) = self.get("/health/status").expect("the node answers");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("the status is JSON")
    }

    /// How many of everything the node holds.
    pub fn counts(&self) -> Value {
        self.status()["counts"].clone()
    }
}

async fn collect(mut body: actors::ByteStream) -> Result<Vec<u8>, Fault> {
    let mut octets = Vec::new();
    while let Some(chunk) = body.next().await {
        octets.extend_from_slice(&chunk?);
    }
    Ok(octets)
}

/// Runs one call to its end.
pub fn wait_for<T>(call: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    });
    runtime.block_on(call)
}

/// Asks again and again until the answer is there; fails with `what` when it never comes.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let limit = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < limit, "{what} did not happen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn cx() -> Cx {
    Cx::local("weather", Arc::new(Now), Arc::new(Random))
}

struct Now;

impl Clock for Now {
    fn now_unix_micros(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

struct Random;

impl Identifiers for Random {
    fn uuid(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}

pub fn patient(id: &str) -> PatientId {
    PatientId::new(id, Oid::parse(synth::PATIENT_DOMAIN).expect("an OID"))
}

/// Codes and sentences of a refusal as they came over the wire, one `code: sentence` each.
pub fn sentences(refusal: &Refusal) -> Vec<String> {
    let sentence = |fault: &Fault| match fault {
        Fault::Remote { code, context, .. } => format!("{code}: {context}"),
        // Only `provide` and `register` translate this one back.
        Fault::UnknownPatient(_) => format!("XDSUnknownPatientId: {fault}"),
        fault => fault.to_string(),
    };
    refusal.faults().iter().map(sentence).collect()
}

/// The one refusal that is expected: its code, and words that its sentence must hold.
pub fn check_refused<T>(outcome: Result<T, Refusal>, code: &str, words: &[&str]) {
    let Err(refusal) = outcome else { panic!("expected {code}, the node accepted") };
    let sentences = sentences(&refusal);
    let fits = |s: &String| s.starts_with(&format!("{code}: ")) && words.iter().all(|word| s.contains(word));
    assert!(sentences.iter().any(fits), "expected {code} naming {words:?}, got {sentences:?}");
}
