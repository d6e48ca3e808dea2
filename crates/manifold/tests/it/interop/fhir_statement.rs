//! The CapabilityStatement and the OpenAPI document of a running node are true: what they list is answered, and nothing else
//! is. Source: http://hl7.org/fhir/R4/http.html; spec/fhir.md section 2; OpenAPI Specification 3.1.0.

use super::peers::{self, Peer};
use crate::network::Network;
use crate::weather::client::{Client, cx, wait_for};
use crate::weather::documents::{fresh_unique_id, report};
use serde_json::Value;
use std::collections::BTreeSet;
use transactions::{Binding, TRANSACTIONS};

/// A node with a patient and a document of this call's own.
struct Door {
    base: String,
    http: reqwest::Client,
    patient: String,
    statement: Value,
}

impl Door {
    fn open() -> Door {
        let network: &Network = super::scratch();
        let patient = format!("DOOR{}", actors::short_id(&cx().identifiers.uuid()));
        let client = Client::of(&network.http("central"));
        client.feed(&patient);
        client.provide(report(&patient, &fresh_unique_id()), b"<report/>").expect("a submission");
        let (base, http) = (network.endpoint("central", "ITI-67"), reqwest::Client::new());
        let mut door = Door { base, http, patient, statement: Value::Null };
        let (status, statement) = door.ask("GET", "/metadata");
        assert_eq!(status, 200);
        door.statement = statement;
        door
    }

    /// Status, and the answer where it is JSON. What is sent with a body is no resource, so that it changes nothing.
    fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        request = request.header("prefer", "handling=strict");
        if method == reqwest::Method::POST || method == reqwest::Method::PUT || method == reqwest::Method::PATCH {
            let form = path.contains("_search");
            let kind = if form { "application/x-www-form-urlencoded" } else { "application/fhir+json" };
            request = request.header("content-type", kind).body(if form { "" } else { "{}" });
        }
        wait_for(async {
            let answer = request.send().await.expect("the node answers");
            let status = answer.status().as_u16();
            let octets = answer.bytes().await.expect("a body");
            (status, serde_json::from_slice(&octets).unwrap_or(Value::Null))
        })
    }

    fn resources(&self) -> &[Value] {
        self.statement["rest"][0]["resource"].as_array().expect("resources")
    }

    /// Answered by an existing resource or a refusal of what was sent, and not by "nobody is here".
    fn is_answered(&self, method: &str, path: &str) -> bool {
        let (status, _) = self.ask(method, path);
        !matches!(status, 404 | 405)
    }

    /// The id of a resource of this type.
    fn id(&self, kind: &str) -> String {
        let (searched, criterion) = match kind {
            "Patient" => ("Patient", "identifier"),
            "Binary" => ("DocumentReference", "patient.identifier"),
            other => (other, "patient.identifier"),
        };
        let (status, found) = self.ask("GET", &format!("/{searched}?{criterion}=urn:oid:2.999.7%7C{}", self.patient));
        let id = found["entry"][0]["resource"]["id"].as_str();
        id.unwrap_or_else(|| panic!("no {kind}: {status} {found:#}")).to_owned()
    }

    /// A search with one criterion more than it needs; gives the self link.
    fn searched(&self, kind: &str, name: &str, value: &str) -> Result<String, String> {
        let anchor = match (kind, name) {
            ("Patient", _) | (_, "patient" | "subject" | "patient.identifier" | "subject.identifier") => String::new(),
            _ => format!("&patient.identifier=urn:oid:2.999.7%7C{}", self.patient),
        };
        let (status, found) =
            self.ask("GET", &format!("/{kind}?{name}={}{anchor}", fhir::search::percent_encode(value)));
        let entries = found["entry"].as_array().cloned().unwrap_or_default();
        let told = entries.iter().any(|entry| entry["search"]["mode"] == "outcome");
        match (status, told) {
            (200, false) => Ok(found["link"][0]["url"].as_str().unwrap_or_default().to_owned()),
            _ => Err(format!("{status} {found:#}")),
        }
    }
}

fn plausible(name: &str, kind: &str, patient: &str) -> String {
    match (name, kind) {
        ("status", _) => "current".into(),
        ("code", _) => "submissionset".into(),
        ("gender", _) => "female".into(),
        ("active", _) => "true".into(),
        ("telecom", _) => "phone|+41 31 555 00 00".into(),
        ("_id", _) => "1b4e28ba-2fa1-11d2-883f-0016d3cca427".into(),
        ("study-instance-uid", _) => "urn:oid:2.25.1".into(),
        ("sourceId", _) => "urn:oid:2.999.1".into(),
        ("targetCommunityIdList", _) => "urn:oid:2.999.1".into(),
        ("related", _) => "urn:dicom:uid|urn:oid:2.25.1".into(),
        ("_count", _) => "3".into(),
        ("_sort", _) => "-date".into(),
        ("_summary", _) => "count".into(),
        ("_total", _) => "accurate".into(),
        ("_include", _) => "DocumentReference:relatesto".into(),
        ("relationship", _) => format!("DocumentReference/{}$replaces", "1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
        ("_format", _) => "json".into(),
        ("_pretty", _) => "true".into(),
        (_, "date") => "ge2026-01-01".into(),
        (_, "reference") => format!("Patient/2.999.7-{patient}"),
        (_, "string") => "Muster".into(),
        _ => format!("urn:oid:2.999.7|{patient}"),
    }
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().into_iter().flatten().filter_map(|one| one[key].as_str()).collect()
}

#[test]
fn every_listed_parameter_is_answered_in_strict_handling_and_no_other_of_r4() {
    let door = Door::open();
    let mut searched = 0;
    for resource in door.resources() {
        let kind = resource["type"].as_str().expect("a type");
        let listed: BTreeSet<&str> = texts(&resource["searchParam"], "name").into_iter().collect();
        for parameter in resource["searchParam"].as_array().into_iter().flatten() {
            let text = |key: &str| parameter[key].as_str().expect("a name and a type");
            let value = plausible(text("name"), text("type"), &door.patient);
            let link = door.searched(kind, text("name"), &value);
            let link = link.unwrap_or_else(|answer| panic!("{kind}?{}={value}: {answer}", text("name")));
            assert!(link.contains(&format!("{}=", text("name"))), "{kind}: {} is not in {link}", text("name"));
            searched += 1;
        }
        let includes = resource["searchInclude"].as_array().into_iter().flatten();
        for include in includes.map(|include| include.as_str().expect("a text")) {
            let link = door.searched(kind, "_include", include);
            assert!(link.as_ref().is_ok_and(|link| link.contains("_include=")), "{kind}: {include}: {link:?}");
        }
        if listed.is_empty() {
            continue;
        }
        for name in OF_R4.iter().filter(|name| !listed.contains(*name)) {
            let answer = door.searched(kind, name, "x");
            assert!(answer.is_err(), "{kind}?{name} is answered and not listed");
        }
    }
    assert!(searched > 40, "{searched} parameters");
}

/// Search parameters of R4 on any resource, on DocumentReference, List and Patient.
const OF_R4: &[&str] = &[
    "_content",
    "_filter",
    "_has",
    "_id",
    "_lastUpdated",
    "_list",
    "_profile",
    "_query",
    "_security",
    "_source",
    "_tag",
    "_text",
    "_type",
    "_include",
    "_revinclude",
    "_elements",
    "_contained",
    "active",
    "address",
    "address-city",
    "address-country",
    "address-postalcode",
    "address-state",
    "address-use",
    "authenticator",
    "author",
    "birthdate",
    "category",
    "code",
    "contenttype",
    "custodian",
    "date",
    "death-date",
    "deceased",
    "description",
    "email",
    "empty-reason",
    "encounter",
    "encounter.identifier",
    "event",
    "facility",
    "family",
    "format",
    "gender",
    "general-practitioner",
    "given",
    "identifier",
    "item",
    "language",
    "link",
    "location",
    "name",
    "notes",
    "organization",
    "patient",
    "period",
    "phone",
    "phonetic",
    "related",
    "relatesto",
    "relation",
    "relationship",
    "security-label",
    "setting",
    "source",
    "status",
    "subject",
    "telecom",
    "title",
    "type",
];

#[test]
fn every_listed_interaction_and_operation_is_answered_and_nothing_else_is() {
    let door = Door::open();
    let rest = &door.statement["rest"][0];
    let system = texts(&rest["interaction"], "code");
    for (code, method, path) in [
        ("transaction", "POST", ""),
        ("search-system", "GET", "?_type=Patient"),
        ("history-system", "GET", "/_history"),
    ] {
        assert_eq!(door.is_answered(method, path), system.contains(&code), "{code}");
    }
    for resource in door.resources() {
        let kind = resource["type"].as_str().expect("a type");
        let listed = texts(&resource["interaction"], "code");
        let id = door.id(kind);
        // Nobody's, for what would change or remove something.
        let other = "2.999.7-NOBODY-AT-ALL";
        for (code, method, path) in [
            ("read", "GET", format!("/{kind}/{id}")),
            ("vread", "GET", format!("/{kind}/{id}/_history/1")),
            ("history-instance", "GET", format!("/{kind}/{id}/_history")),
            ("history-type", "GET", format!("/{kind}/_history")),
            ("search-type", "GET", format!("/{kind}?_count=1")),
            ("search-type", "POST", format!("/{kind}/_search?_count=1")),
            ("create", "POST", format!("/{kind}")),
            ("update", "PUT", format!("/{kind}/{other}")),
            ("patch", "PATCH", format!("/{kind}/{id}")),
            ("delete", "DELETE", format!("/{kind}/{other}")),
        ] {
            assert_eq!(door.is_answered(method, &path), listed.contains(&code), "{code}: {method} {path}");
        }
        let by_identifier = format!("/{kind}?identifier=urn:oid:2.999.7%7CNOBODY-AT-ALL");
        let says = |key: &str| resource[key] == true || resource[key] == "single";
        assert_eq!(door.is_answered("PUT", &by_identifier), says("conditionalUpdate"), "{kind}");
        assert_eq!(door.is_answered("DELETE", &by_identifier), says("conditionalDelete"), "{kind}");
        let operations = texts(&resource["operation"], "name");
        for name in
            ["ihe-pix", "match", "generate-metadata", "everything", "validate", "docref", "generate", "find", "meta"]
        {
            let answered = door.is_answered("POST", &format!("/{kind}/${name}"));
            assert_eq!(answered, operations.contains(&name), "{kind}/${name}");
        }
    }
    let listed: BTreeSet<&str> = door.resources().iter().filter_map(|one| one["type"].as_str()).collect();
    for kind in ["Binary", "Bundle", "DocumentManifest", "Encounter", "ImagingStudy", "Observation", "Practitioner"] {
        let answered =
            door.is_answered("GET", &format!("/{kind}?_count=1")) || door.is_answered("POST", &format!("/{kind}"));
        assert!(!answered || listed.contains(kind), "{kind}");
    }
}

#[test]
fn every_transaction_below_fhir_is_in_the_openapi_document_and_every_path_of_it_is_answered() {
    let door = Door::open();
    let (status, document) = door.ask("GET", "/openapi.json");
    assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
    let paths = document["paths"].as_object().expect("paths");
    for transaction in TRANSACTIONS {
        let Binding::Http { method, path } = &transaction.binding else { continue };
        let Some(below) = path.strip_prefix("/fhir") else { continue };
        let below = if below.is_empty() { "/" } else { below };
        let operation = &paths[below][method.to_ascii_lowercase()];
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.contains(transaction.id), "{}: {operation:#}", transaction.id);
    }
    let mut ids = BTreeSet::new();
    let unique_id = report_address(&door);
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{operation:#}");
            let kind = path.split('/').nth(1).unwrap_or_default();
            // Nobody's, for what would change or remove something.
            let (id, query) = match method.as_str() {
                "put" | "delete" if path.contains("{id}") => ("2.999.7-NOBODY-AT-ALL".to_owned(), ""),
                "put" | "delete" => (String::new(), "?identifier=urn:oid:2.999.7%7CNOBODY-AT-ALL"),
                _ if path.contains("{id}") => (door.id(kind), ""),
                _ => (String::new(), ""),
            };
            let url = format!("{}{query}", path.replace("{id}", &id).replace("{unique_id}", &unique_id));
            assert!(door.is_answered(&method.to_ascii_uppercase(), &url), "{method} {path}");
            let search = operation["operationId"].as_str().is_some_and(|id| id.starts_with("get-search-type"));
            for parameter in operation["parameters"].as_array().filter(|_| search).into_iter().flatten() {
                let name = parameter["name"].as_str().expect("a name");
                let words = parameter["description"].as_str().unwrap_or_default();
                let of = |kind: &&&str| words.contains(&format!("of type {kind}."));
                let of_type = ["date", "reference", "string"].iter().find(of).copied().unwrap_or("token");
                let answer = door.searched(kind, name, &plausible(name, of_type, &door.patient));
                assert!(answer.is_ok(), "{path}?{name}: {answer:?}");
            }
        }
    }
}

fn report_address(door: &Door) -> String {
    let path = format!("/DocumentReference?patient.identifier=urn:oid:2.999.7%7C{}", door.patient);
    let (_, found) = door.ask("GET", &path);
    let url = found["entry"][0]["resource"]["content"][0]["attachment"]["url"].as_str().expect("a URL");
    url.rsplit('/').next().expect("a uniqueId").to_owned()
}

#[test]
fn a_published_validator_takes_the_openapi_document_and_the_command_line_prints_the_same() {
    let door = Door::open();
    let (_, document) = door.ask("GET", "/openapi.json");
    let folder = crate::network::folder();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, document.to_string()).expect("the document can be written");
    if peers::present(&[Peer::NpmFhir, Peer::Program("node")]) {
        let mut command = peers::node("openapi.mjs");
        command.arg(&file);
        peers::succeed(command);
    }
    let files = crate::network::Files::write(&["--empty"]);
    let mut command = std::process::Command::new(crate::network::MANIFOLD);
    command.args(["config", "openapi"]).arg(files.path("central"));
    let printed: Value = serde_json::from_str(&peers::succeed(command)).expect("JSON");
    // Another network, at other ports.
    for part in ["paths", "components", "info"] {
        assert_eq!(printed[part], document[part], "{part}");
    }
}
