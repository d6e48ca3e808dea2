//! Answers to ITI-65 and about Lists: a submission with everything, one that is completed, refusals, searches and reads of
//! submission sets and folders, and the FHIR manifest of a stored KOS. MHD; spec/fhir.md sections 5, 6, 8, 17.

use super::fhir_answers::{Answers, JSON, full};
use crate::network::Network;
use crate::weather::client::cx;
use crate::weather::documents::{fresh_unique_id, report};
use fhir::provide_bundle::{DocumentToProvide, ProvideOptions, encode};
use model::{Association, AssociationType, AvailabilityStatus, Folder, ObjectId, Submission, Text, UniqueId};
use reqwest::Method;
use serde_json::{Value, json};

fn bundle(submission: &Submission) -> Value {
    let documents: Vec<_> =
        submission.entries.iter().map(|e| DocumentToProvide { entry_id: &e.id, octets: b"<report/>" }).collect();
    let octets = encode(submission, &documents, ProvideOptions { patch: true, extra_slots: false });
    serde_json::from_slice(&octets).expect("JSON")
}

/// A submission set with authors and recipients, a document with everything, and a folder that holds it.
fn whole(patient: &str) -> Submission {
    let mut submission = report(patient, &fresh_unique_id());
    full(&mut submission, patient);
    let entry = &submission.entries[0];
    let set = &mut submission.set;
    set.authors = entry.authors.clone();
    (set.title, set.comments) = (Text::plain("Shoulder, both sides"), Text::plain("first & <only>"));
    set.intended_recipients = vec![
        "North Hospital^^^^^&2.999.1.2&ISO^^^^1|R77^Müller-O'Hara^Zoë^M^^Dr.^^^&2.999.1.2.5&ISO|^^Internet^zoe@example.org"
            .into(),
        "|R78^Beispiel^Ada^^^^^^&2.999.1.2.5&ISO".into(),
        "South Hospital".into(),
    ];
    let folder = Folder {
        id: cx().identifiers.entry_uuid(),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("Shoulder"),
        comments: Text::plain("follow up"),
        code_list: vec![entry.type_code.clone()],
        patient_id: entry.patient_id.clone(),
        unique_id: UniqueId::parse(&fresh_unique_id()).expect("a uniqueId"),
        last_update_time: None,
        extra: Vec::new(),
    };
    let member = |id: &str, source: &ObjectId, target: &ObjectId| Association {
        id: ObjectId::parse(id).expect("a symbolic id"),
        kind: AssociationType::HasMember,
        source: source.clone(),
        target: target.clone(),
        submission_set_status: None,
        ..submission.associations[0].clone()
    };
    let links = [
        member("f", &submission.set.id, &folder.id),
        member("m", &folder.id, &entry.id),
        member("s", &submission.set.id, &ObjectId::parse("m").expect("a symbolic id")),
    ];
    submission.associations.extend(links);
    submission.folders.push(folder);
    submission
}

impl Answers {
    pub(super) fn provided(&self, patient: &str) {
        let post = |name: &str, status: u16, sent: &Value| {
            self.ask(name, status, Method::POST, "", &[JSON], &sent.to_string())
        };
        let sent = bundle(&whole(patient));
        let answer = post("provided", 200, &sent);
        self.told(patient, &answer);
        let shown = bundle(&report(patient, &fresh_unique_id()));
        let prefer = [JSON, ("prefer", "return=representation")];
        self.ask("provided-and-shown", 200, Method::POST, "", &prefer, &shown.to_string());
        let mut minimal = bundle(&report(patient, &fresh_unique_id()));
        let document = minimal["entry"][1]["resource"].as_object_mut().expect("a document");
        for element in ["type", "category", "context", "securityLabel"] {
            document.remove(element);
        }
        let list = minimal["entry"][0]["resource"]["extension"].as_array_mut().expect("extensions");
        list.retain(|extension| !extension["url"].as_str().is_some_and(|url| url.contains("designation")));
        let answer = post("provided-minimal-with-warnings", 200, &minimal);
        assert!(answer.to_string().contains("\"warning\""), "{answer:#}");

        let refused = |name: &str, status: u16, change: &dyn Fn(&mut Value)| {
            let mut sent = bundle(&report(patient, &fresh_unique_id()));
            change(&mut sent);
            post(&format!("refused-{status}-{name}"), status, &sent);
        };
        refused("provide-batch", 422, &|sent| sent["type"] = json!("batch"));
        refused("provide-code", 422, &|sent| {
            sent["entry"][1]["resource"]["category"][0]["coding"][0]["code"] = json!("WRONG");
        });
        refused("provide-no-document", 422, &|sent| {
            let missing = json!("urn:uuid:00000000-0000-4000-8000-0000000000aa");
            sent["entry"][1]["resource"]["content"][0]["attachment"]["url"] = missing;
        });
        refused("provide-many-findings", 422, &|sent| {
            sent["entry"][0]["request"]["method"] = json!("PUT");
            sent["entry"][1]["request"]["method"] = json!("GET");
        });
        let mut other = sent;
        other["entry"][1]["resource"]["content"][0]["attachment"]["title"] = json!("another title");
        post("refused-409-provide-duplicate", 409, &other);
        self.ask("refused-400-provide-broken", 400, Method::POST, "", &[JSON], "{");
        let text = [("content-type", "text/plain")];
        self.ask("refused-415-provide-text", 415, Method::POST, "", &text, "{}");
    }

    /// The folder once more under another title, which is not taken; and every search of Lists.
    fn told(&self, patient: &str, answer: &Value) {
        let at = |n: usize| answer["entry"][n]["response"]["location"].as_str().expect("a location");
        let folder = self.ask("read-folder", 200, Method::GET, at(3), &[], "");
        let set = self.ask("read-submission-set", 200, Method::GET, at(0), &[], "");
        let text = set.to_string();
        for part in ["intendedRecipient", "source", "note", "designationType", "sourceId"] {
            assert!(text.contains(part), "no {part}: {set:#}");
        }
        let submission = report(patient, &fresh_unique_id());
        let mut sent = bundle(&submission);
        let mut changed = folder;
        changed["title"] = json!("Knee");
        let added = sent["entry"][1]["fullUrl"].clone();
        changed["entry"].as_array_mut().expect("members").push(json!({"item": {"reference": added}}));
        sent["entry"].as_array_mut().expect("entries").push(json!({
            "fullUrl": format!("{}/{}", self.base(), at(3)), "resource": changed,
            "request": {"method": "PUT", "url": at(3)},
        }));
        self.ask("provided-folder-with-warnings", 200, Method::POST, "", &[JSON], &sent.to_string());
        for (name, query) in [
            ("sets", "&code=submissionset&status=current"),
            ("folders", "&code=folder&status=current"),
            ("all", "&unheard-of=1"),
            ("none", "&code=folder&status=retired"),
            ("count-0", "&_count=0"),
        ] {
            let path = format!("List?patient.identifier=urn:oid:2.999.7%7C{patient}{query}");
            self.ask(&format!("lists-{name}"), 200, Method::GET, &path, &[], "");
        }
        let path = format!("List?patient.identifier=urn:oid:2.999.7%7C{patient}&_count=1&_sort=date");
        let page = self.ask("lists-page", 200, Method::GET, &path, &[], "");
        let next = page["link"].as_array().expect("links").iter().find(|link| link["relation"] == "next");
        let next = next.and_then(|link| link["url"].as_str()).expect("a next page");
        self.ask("lists-next-page", 200, Method::GET, next, &[], "");
        self.ask("refused-400-lists-no-patient", 400, Method::GET, "List?code=folder", &[], "");
        let nobody = "List/1b4e28ba-2fa1-11d2-883f-0016d3cca427";
        self.ask("refused-404-no-list", 404, Method::GET, nobody, &[], "");
    }

    /// The FHIR form of every manifest of a seeded patient.
    pub(super) fn manifests(&self, network: &Network) {
        let domain = network.endpoints()["patient_domain"].as_str().expect("a domain");
        let kos = "format=1.2.840.10008.5.1.4.1.1.88.59&status=current";
        let path = format!("DocumentReference?patient.identifier=urn:oid:{domain}%7CP0001&{kos}");
        let found = self.ask("search-manifests", 200, Method::GET, &path, &[], "");
        let entries = found["entry"].as_array().expect("manifests");
        for (number, entry) in entries.iter().enumerate() {
            let url = entry["resource"]["content"][0]["attachment"]["url"].as_str().expect("a URL");
            let manifest = [("accept", "application/fhir+json")];
            let manifest = self.ask(&format!("manifest-{number}"), 200, Method::GET, url, &manifest, "");
            assert_eq!(manifest["resourceType"], "Bundle", "{manifest:#}");
        }
        self.ask("refused-406-manifest", 406, Method::GET, &first_url(entries), &[("accept", "image/png")], "");
    }
}

fn first_url(entries: &[Value]) -> String {
    entries[0]["resource"]["content"][0]["attachment"]["url"].as_str().expect("a URL").to_owned()
}
