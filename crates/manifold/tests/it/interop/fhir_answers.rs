//! One answer of every kind that a node's FHIR door gives, as files for validators: the statement, searches, reads,
//! changes and refusals, over documents of every shape that a registry may hold. Source: spec/fhir.md sections 2, 5, 9, 13.

use crate::network::Network;
use crate::weather::client::{Client, cx, wait_for};
use crate::weather::documents::{entry_id, fresh_unique_id, report};
use model::{
    Association, AssociationType, Author, Code, DocumentType, Dtm, ObjectId, Oid, ReferenceId, SourcePatientInfo,
    Submission, Text, UniqueId, Xcn, Xon, Xtn, schemes,
};
use reqwest::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(super) const JSON: (&str, &str) = ("content-type", "application/fhir+json");

/// Answers in files, named after what was asked.
pub struct Answers {
    folder: TempDir,
    base: String,
    http: reqwest::Client,
}

impl Answers {
    /// Asks for everything. Documents are published for a patient of this call's own.
    pub fn collect(seeded: &Network, scratch: &Network) -> Answers {
        let base = seeded.endpoint("central", "ITI-67");
        let mut answers = Answers { folder: crate::network::folder(), base, http: reqwest::Client::new() };
        answers.statement();
        answers.seeded_documents(seeded);
        answers.manifests(seeded);
        answers.refusals();
        answers.base = scratch.endpoint("central", "ITI-67");
        let patient = format!("FHIR{}", actors::short_id(&cx().identifiers.uuid()));
        answers.patients(&patient);
        publish_every_shape(&Client::of(&scratch.http("central")), &patient);
        answers.published_documents(&patient);
        answers.provided(&patient);
        answers
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// In JSON, or in XML.
    pub fn files(&self, ending: &str) -> Vec<PathBuf> {
        super::peers::files(self.folder(), ending)
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    fn statement(&self) {
        self.ask("metadata", 200, Method::GET, "metadata", &[], "");
    }

    fn seeded_documents(&self, network: &Network) {
        for patient in network.endpoints()["patients"].as_array().expect("the demo has patients") {
            let id = patient["id"].as_str().expect("an id");
            let path = of_patient(id, "&status=current,superseded");
            self.ask(&format!("search-{id}"), 200, Method::GET, &path, &[], "");
        }
        let page = self.ask("search-page", 200, Method::GET, &of_patient("P0001", "&status=current&_count=2"), &[], "");
        let next = page["link"].as_array().expect("links").iter().find(|link| link["relation"] == "next");
        let next = next.and_then(|link| link["url"].as_str()).expect("a next page");
        self.ask("search-next-page", 200, Method::GET, next, &[], "");
        let form = of_patient("P0001", "&status=current");
        let (_, form) = form.split_once('?').expect("a query");
        let posted = [("content-type", "application/x-www-form-urlencoded")];
        self.ask("search-posted", 200, Method::POST, "DocumentReference/_search", &posted, form);
        for (name, query) in [
            ("none", "&status=current&type=urn:oid:2.999.404%7Cnothing"),
            ("count-0", "&status=current&_count=0"),
            ("unknown-parameter", "&status=current&unheard-of=1"),
        ] {
            self.ask(&format!("search-{name}"), 200, Method::GET, &of_patient("P0001", query), &[], "");
        }
        let id = page["entry"][0]["resource"]["id"].as_str().expect("an id");
        self.ask("read", 200, Method::GET, &format!("DocumentReference/{id}"), &[], "");
        let accept = [("accept", "application/fhir+json")];
        self.ask("binary", 200, Method::GET, &format!("Binary/{id}"), &accept, "");
        let found = self.ask("patients", 200, Method::GET, "Patient?identifier=urn:oid:2.999.7%7CP0001", &[], "");
        self.ask("patients-none", 200, Method::GET, "Patient?identifier=urn:oid:2.999.7%7CNOBODY", &[], "");
        self.ask("patients-by-name", 200, Method::GET, "Patient?family=M&unheard-of=1", &[], "");
        let id = found["entry"][0]["resource"]["id"].as_str().expect("an id");
        self.ask("patient", 200, Method::GET, &format!("Patient/{id}"), &[], "");
    }

    fn published_documents(&self, patient: &str) {
        let path = of_patient(patient, "&status=current,superseded");
        let found = self.ask("search-every-shape", 200, Method::GET, &path, &[], "");
        let entries = found["entry"].as_array().expect("entries");
        for (number, entry) in entries.iter().enumerate() {
            let id = entry["resource"]["id"].as_str().expect("an id");
            self.ask(&format!("read-shape-{number}"), 200, Method::GET, &format!("DocumentReference/{id}"), &[], "");
        }
        let includes = "&_include=DocumentReference:relatesto&relation=replaces,signs";
        let path = of_patient(patient, &format!("&status=current,superseded{includes}"));
        let included = self.ask("search-with-includes", 200, Method::GET, &path, &[], "").to_string();
        assert!(included.contains(r#""mode":"include""#), "{included}");
        let text = found.to_string();
        for part in ["replaces", "appends", "transforms", "signs", "Organization", "PractitionerRole", "authenticator"]
        {
            assert!(text.contains(part), "no document has {part}: {text}");
        }
        let of = |profile: &str| entries.iter().filter(|e| e["resource"].to_string().contains(profile)).count();
        assert!(of("Minimal") > 0 && of("Comprehensive") > 0, "documents of both profiles: {text}");
    }

    fn refusals(&self) {
        let nobody = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";
        let get = |name: &str, status: u16, path: &str, headers: &[(&str, &str)]| {
            self.ask(&format!("refused-{status}-{name}"), status, Method::GET, path, headers, "");
        };
        get("no-patient", 400, "DocumentReference?status=current", &[]);
        get("bad-date", 400, &of_patient("P0001", "&status=current&date=yesterday"), &[]);
        get("no-document", 404, &format!("DocumentReference/{nobody}"), &[]);
        get("no-bytes", 404, "document/2.999.404", &[]);
        get("no-such-type", 404, "Observation/1", &[]);
        get("no-such-patient", 404, "Patient/2.999.7-NOBODY", &[]);
        get("turtle", 406, "metadata", &[("accept", "text/turtle")]);
        get("other-version", 406, "metadata", &[("accept", "application/fhir+json; fhirVersion=5.0")]);
        self.ask("refused-405-delete", 405, Method::DELETE, "DocumentReference", &[], "");
        let text = [("content-type", "text/plain")];
        let path = "Patient?identifier=urn:oid:2.999.7%7CP0001";
        self.ask("refused-415-text", 415, Method::PUT, path, &text, "hello");
        let lenient = [("prefer", "handling=strict")];
        get("strict", 400, &of_patient("P0001", "&status=current&unheard-of=1"), &lenient);
    }

    /// Asks, demands that status, and keeps the answer; `path` is below the base, or a whole URL. What may be asked twice
    /// and chooses no form itself is asked for XML too.
    pub(super) fn ask(
        &self,
        name: &str,
        status: u16,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Value {
        let again =
            matches!(method, Method::GET | Method::POST) && headers.iter().all(|(header, _)| *header != "accept");
        if again {
            let headers = [headers, &[("accept", fhir::xml::MEDIA_TYPE)]].concat();
            let text = self.exchange(name, status, method.clone(), path, &headers, body);
            assert!(text.starts_with('<'), "{name}: {text}");
            std::fs::write(self.folder().join(format!("{name}.xml")), &text).expect("the answer can be written");
        }
        let text = self.exchange(name, status, method, path, headers, body);
        std::fs::write(self.folder().join(format!("{name}.json")), &text).expect("the answer can be written");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
    }

    fn exchange(
        &self,
        name: &str,
        status: u16,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> String {
        let url = match path {
            "" => self.base.clone(),
            whole if whole.contains("://") => whole.to_owned(),
            below => format!("{}/{below}", self.base),
        };
        let mut request = self.http.request(method, &url).body(body.to_owned());
        for (header, value) in headers {
            request = request.header(*header, *value);
        }
        let (found, text) = wait_for(async {
            let response = request.send().await.expect("the node answers");
            (response.status().as_u16(), response.text().await.expect("a whole answer"))
        });
        assert_eq!(found, status, "{name}: {text}");
        text
    }
}

fn of_patient(id: &str, more: &str) -> String {
    format!("DocumentReference?patient.identifier=urn:oid:2.999.7%7C{id}{more}")
}

/// Documents with all that an entry may have, with hardly anything, on demand, and tied to each other in every way.
fn publish_every_shape(node: &Client, patient: &str) {
    let provide = |change: &dyn Fn(&mut Submission)| {
        let mut submission = report(patient, &fresh_unique_id());
        change(&mut submission);
        let id = entry_id(&submission).clone();
        node.provide(submission, b"<report/>").expect("a submission");
        id
    };
    let first = provide(&|submission| full(submission, patient));
    let replaced = provide(&bare);
    for (kind, target) in [
        (AssociationType::Rplc, &replaced),
        (AssociationType::Apnd, &first),
        (AssociationType::Xfrm, &first),
        (AssociationType::Signs, &first),
    ] {
        provide(&|submission| tie(submission, kind, target));
    }
    let mut on_demand = report(patient, &fresh_unique_id());
    let entry = &mut on_demand.entries[0];
    (entry.document_type, entry.creation_time) = (DocumentType::OnDemand, None);
    entry.repository_unique_id = Oid::parse("2.999.1.99").ok();
    node.register_on_demand(on_demand).expect("an on-demand entry");
}

pub(super) fn full(submission: &mut Submission, patient: &str) {
    let entry = &mut submission.entries[0];
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    let xon = |text: &str| Xon::parse(text).expect("an XON");
    let xtn = |text: &str| Xtn::parse(text).expect("an XTN");
    let person = Xcn::parse("R77^Müller-O'Hara^Zoë^M^^Dr.^^^&2.999.1.2.5&ISO").expect("an XCN");
    entry.authors = vec![
        Author {
            person: Some(person.clone()),
            institutions: vec![xon("North Hospital^^^^^&2.999.1.2&ISO^^^^1"), xon("University^^^^^^^^^2.999.1.3")],
            roles: texts(&["Radiologist", "309343006^^^&2.16.840.1.113883.6.96&ISO"]),
            specialties: texts(&["394914008^Radiology^^&2.16.840.1.113883.6.96&ISO"]),
            telecommunications: vec![xtn("^WPN^PH^^41^31^5550000"), xtn("^^Internet^zoe@example.org")],
        },
        Author { institutions: vec![xon("Reading Centre")], ..Author::default() },
        Author { person: Xcn::parse("^Scanner^Model 3").ok(), ..Author::default() },
    ];
    entry.legal_authenticator = Some(person);
    entry.comments = Text::plain("two lungs & one <heart>");
    entry.confidentiality_codes.push(Code::new("R", schemes::CONFIDENTIALITY, "restricted"));
    entry.event_code_list = vec![
        Code::new("CT", schemes::DCM, "Computed Tomography"),
        Code::new("51185008", schemes::SNOMED_CT, "Thoracic structure"),
    ];
    let dtm = |text: &str| Dtm::parse(text).ok();
    (entry.creation_time, entry.service_start_time) = (dtm("20260301"), dtm("202603010930"));
    entry.service_stop_time = dtm("20260301094501");
    entry.source_patient_info = SourcePatientInfo(vec![
        "PID-3|MRN-77^^^&2.999.1.2.7&ISO".into(),
        format!("PID-3|{patient}^^^&2.999.7&ISO"),
        "PID-5|Feed^Test^Second^^Dr.".into(),
        "PID-7|19991231".into(),
        "PID-8|O".into(),
        "PID-11|Main Street 1^^Bern^BE^3000^CH".into(),
    ]);
    entry.reference_id_list = [
        "2.25.1791026475^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
        "ACC-1^^^&2.999.1.2.3&ISO^urn:ihe:iti:xds:2013:accession",
        "ORDER-1^^^&2.999.1.2.4&ISO^urn:ihe:iti:xds:2013:order",
        "VISIT-1^^^&2.999.1.2.6&ISO^urn:ihe:iti:xds:2015:encounterId",
        "2.25.99^^^^urn:ihe:iti:xds:2013:uniqueId",
    ]
    .map(|text| ReferenceId::parse(text).expect("a reference id"))
    .into();
}

/// As little as a registry takes: a CDA's two-part id, a year, no title, nothing of the source patient.
fn bare(submission: &mut Submission) {
    let entry = &mut submission.entries[0];
    entry.unique_id = UniqueId::parse(&format!("{}^part-1", entry.unique_id.as_str())).expect("a uniqueId");
    (entry.title, entry.creation_time) = (Text::default(), Dtm::parse("2026").ok());
}

fn tie(submission: &mut Submission, kind: AssociationType, target: &ObjectId) {
    let tied = Association {
        id: cx().identifiers.entry_uuid(),
        kind,
        source: entry_id(submission).clone(),
        target: target.clone(),
        submission_set_status: None,
        ..submission.associations[0].clone()
    };
    submission.associations.push(tied);
}
