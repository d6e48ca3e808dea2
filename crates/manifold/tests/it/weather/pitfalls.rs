//! What implementations get wrong on the wire, on a live node; each test says which rows of docs/conformance.md it proves.
//! Source: spec/xds.md section 27.

use super::client::patient;
use super::refusals::registered_by_hand;
use super::wire::{
    self, APPROVED, FIND_DOCUMENTS, GET_DOCUMENTS, PROVIDE, QUERY, REGISTRY, REPOSITORY, RETRIEVE, addressed,
    mtom_type, package, post, send, soap12,
};
use super::{calm, documents, node};
use model::{AvailabilityStatus, Code, CodeTerm, DocumentEntry, DocumentQuery, Oid, Sha1Hash, StoredQuery, schemes};
use std::net::TcpListener;

/// Name and values of a parameter.
type Slot<'s> = (&'s str, &'s [&'s str]);

const PATIENT: Slot = ("$XDSDocumentEntryPatientId", &["'P0010^^^&2.999.7&ISO'"]);

/// P-01, and on the wire P-03, P-04, P-05, P-06, P-34, P-35, P-37, P-38.
#[test]
fn a_bad_query_gets_a_code_of_queries_and_an_empty_list_of_objects() {
    let centre = node(calm(), "central");
    let class = "$XDSDocumentEntryClassCode";
    let author = "$XDSDocumentEntryAuthorPerson";
    let status = |value: &'static [&'static str]| (APPROVED.0, value);
    let of = |value: &'static [&'static str]| (PATIENT.0, value);
    let cases: [(&str, Vec<Slot>, &str); 14] = [
        ("no patient", vec![APPROVED], "XDSStoredQueryMissingParam"),
        ("GetAll's name of the patient", vec![("$patientId", PATIENT.1), APPROVED], "XDSStoredQueryMissingParam"),
        ("no status", vec![PATIENT], "XDSStoredQueryMissingParam"),
        ("two patients", vec![PATIENT, PATIENT, APPROVED], "XDSStoredQueryParamNumber"),
        ("a semicolon", vec![PATIENT, APPROVED, (class, &["('a^^1';'b^^1')"])], "XDSRegistryError"),
        ("a code without its scheme", vec![PATIENT, APPROVED, (class, &["('REPORTS')"])], "XDSRegistryError"),
        ("a code without quotes", vec![PATIENT, APPROVED, (class, &["(REPORTS^^1)"])], "XDSRegistryError"),
        ("a quote that is not doubled", vec![PATIENT, APPROVED, (author, &["('O'Hara')"])], "XDSRegistryError"),
        ("a quote behind a backslash", vec![PATIENT, APPROVED, (author, &["('O\\'Hara')"])], "XDSRegistryError"),
        ("a patient without quotes", vec![of(&["P0010^^^&2.999.7&ISO"]), APPROVED], "XDSRegistryError"),
        ("an & escaped twice", vec![of(&["'P0010^^^&amp;2.999.7&amp;ISO'"]), APPROVED], "XDSRegistryError"),
        ("a namespace in the patient's id", vec![of(&["'P0010^^^HOSP&2.999.7&ISO'"]), APPROVED], "XDSRegistryError"),
        ("a type in the patient's id", vec![of(&["'P0010^^^&2.999.7&ISO^PI'"]), APPROVED], "XDSRegistryError"),
        (
            "a status of responses",
            vec![PATIENT, status(&["('urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Approved')"])],
            "XDSStoredQueryMissingParam",
        ),
    ];
    for (what, slots, code) in cases {
        let answer = wire::ask(&centre, REGISTRY, QUERY, &wire::stored_query(FIND_DOCUMENTS, &slots));
        let codes: Vec<String> = answer.errors().into_iter().map(|e| e.code).collect();
        assert_eq!(codes, [code], "{what}: {}", answer.text());
        assert_eq!(answer.response_status(), "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure", "{what}");
        let envelope = answer.envelope();
        let list = envelope.body().child(ebxml::ns::RIM, "RegistryObjectList").expect("it is mandatory");
        assert_eq!(list.children().count(), 0, "{what}");
    }
    // A raw & is no XML at all.
    let raw = wire::stored_query(FIND_DOCUMENTS, &[PATIENT, APPROVED]).replace("&amp;", "&");
    assert_eq!(wire::ask(&centre, REGISTRY, QUERY, &raw).fault().code, soap::FaultCode::Sender);
}

/// P-08 within one community, P-14, P-19, P-34.
#[test]
fn every_object_of_an_answer_says_what_it_is_where_it_is_from_and_which_version() {
    let centre = node(calm(), "central");
    let submission = registered_by_hand(documents::report("P0010", &documents::fresh_unique_id()));
    let set = submission.set.unique_id.to_string();
    centre.register(submission).expect("a registration");
    let contents = "urn:uuid:e8e3cb2c-e39c-46b9-99e4-c12f57260b83";
    let quoted = format!("'{set}'");
    let query = wire::stored_query(contents, &[("$XDSSubmissionSetUniqueId", &[&quoted])]);
    let answer = wire::ask(&centre, REGISTRY, QUERY, &query);
    let envelope = answer.envelope();
    let mut seen = Vec::new();
    for element in envelope.body().descendants().filter(|e| e.namespace() == Some(ebxml::ns::RIM)) {
        let (name, kind) = (element.name(), element.attr("objectType").unwrap_or_default());
        let is_object = matches!(name, "ExtrinsicObject" | "RegistryPackage" | "Association");
        match name {
            "ExtrinsicObject" => assert_eq!(kind, "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"),
            "RegistryPackage" | "Association" | "Classification" | "ExternalIdentifier" => {
                assert_eq!(kind, format!("urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:{name}"));
            }
            _ => {}
        }
        if is_object {
            seen.push(name);
            assert_eq!(element.attr("home"), Some("urn:oid:2.999.1"), "{}", element.to_xml());
            assert_eq!(element.attr("status"), Some("urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"));
        }
        if matches!(name, "ExtrinsicObject" | "RegistryPackage") {
            assert_eq!(element.attr("lid"), element.attr("id"), "the first version");
        }
        if name == "ExtrinsicObject" {
            let version = element.child(ebxml::ns::RIM, "VersionInfo").and_then(|v| v.attr("versionName"));
            assert_eq!(version, Some("1"));
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["Association", "ExtrinsicObject", "RegistryPackage"]);
    let text = answer.text();
    assert!(text.contains("P0010^^^&amp;2.999.7&amp;ISO") && !text.contains("&amp;amp;"), "escaped once");

    let refs = wire::ask(&centre, REGISTRY, QUERY, &query.replace("LeafClass", "ObjectRef")).envelope();
    let refs: Vec<_> = refs
        .body()
        .descendants()
        .filter(|e| e.name() == "ObjectRef")
        .map(|e| e.attr("home").map(str::to_owned))
        .collect();
    assert_eq!(refs, vec![Some("urn:oid:2.999.1".to_owned()); 3]);
}

/// P-07: a slot of that name says nothing, and the attribute is no obstacle.
#[test]
fn the_community_that_is_asked_stands_in_an_attribute() {
    let centre = node(calm(), "central");
    let plain = wire::stored_query(FIND_DOCUMENTS, &[PATIENT, APPROVED]);
    let slot = wire::stored_query(FIND_DOCUMENTS, &[PATIENT, APPROVED, ("$homeCommunityId", &["'urn:oid:2.999.66'"])]);
    let attribute = plain.replace("<rim:AdhocQuery ", "<rim:AdhocQuery home=\"urn:oid:2.999.1\" ");
    for query in [plain, slot, attribute] {
        let answer = wire::ask(&centre, REGISTRY, QUERY, &query);
        assert_eq!(answer.response_status(), "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success");
    }
}

/// P-25, P-31, P-32, P-33: octets in, octets out, whatever they are and however they come.
#[test]
fn documents_come_out_as_they_went_in_whatever_their_octets() {
    let centre = node(calm(), "central");
    let repository = Oid::parse("2.999.1.1").unwrap();
    let all: Vec<u8> = (0..=255).collect();
    let contents: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("a last line end", b"text\r\n".to_vec()),
        ("line ends alone", b"\r\n\r\n".to_vec()),
        ("a first line end, as NIST sends DICOM", [b"\r\n", &all[..]].concat()),
        ("a byte order mark", b"\xef\xbb\xbf<report/>".to_vec()),
        ("NUL", b"a\0b\0".to_vec()),
        ("every octet", all.clone()),
        ("half a delimiter", b"x\r\n--boundar\r\n--boundary\xff".to_vec()[..14].to_vec()),
        ("no UTF-8", b"\xc3\x28 caf\xe9".to_vec()),
    ];
    for (what, content) in &contents {
        let digest = |submission: &model::Submission| {
            let found = centre.with_unique_id(&submission.entries[0].unique_id).expect("an answer");
            (found[0].size_octets, found[0].hash.clone())
        };
        let check = |submission: &model::Submission, answer: &wire::Answer, way: &str| {
            assert!(answer.errors().is_empty(), "{what} {way}: {}", answer.text());
            let stored = centre.retrieve(&repository, &submission.entries[0].unique_id).expect("the document");
            assert!(stored == *content, "{what} {way}: {stored:?}");
            assert_eq!(digest(submission).0, Some(content.len() as u64), "{what} {way}");
        };
        let fresh = || documents::report("P0010", &documents::fresh_unique_id());
        let (beside, inside, broken) = (fresh(), fresh(), fresh());
        let answer = wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &wire::provide(&beside), &[("one@weather", content)]);
        assert!(answer.is_mtom());
        check(&beside, &answer, "beside the envelope");
        // Inline, in a package and without one; base64 in lines as mail has it.
        let answer = wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &wire::provide_inline(&inside, content), &[]);
        check(&inside, &answer, "inside");
        let base64 = soap::encode_base64(content);
        let lines: String =
            base64.as_bytes().chunks(5).map(|l| format!("\r\n\t {}", String::from_utf8_lossy(l))).collect();
        let body = wire::provide_inline(&broken, content);
        let body = if base64.is_empty() { body } else { body.replace(&base64, &lines) };
        check(&broken, &wire::ask(&centre, REPOSITORY, PROVIDE, &body), "in lines");
        let hashes = [&beside, &inside, &broken].map(|s| digest(s).1);
        assert!(hashes[0].is_some() && hashes.iter().all(|h| *h == hashes[0]), "{what}");
    }
    // SHA-1 of nothing.
    let empty = documents::report("P0010", &documents::fresh_unique_id());
    wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &wire::provide_inline(&empty, b""), &[]);
    let found = centre.with_unique_id(&empty.entries[0].unique_id).expect("an answer");
    assert_eq!(found[0].hash, Sha1Hash::parse("da39a3ee5e6b4b0d3255bfef95601890afd80709").ok());
}

/// P-29, P-28: what a reference names is a part of the message, or nothing.
#[test]
fn a_reference_to_anything_but_a_part_is_refused_and_never_followed() {
    let centre = node(calm(), "central");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a listener that does not wait");
    let here = format!("http://{}/secret", listener.local_addr().expect("an address"));
    for href in [here.as_str(), "file:///etc/passwd", "HTTP://127.0.0.1/", "mid:x", "one@weather", "cid:nobody@weather"]
    {
        let submission = documents::report("P0010", &documents::fresh_unique_id());
        let body = wire::provide(&submission).replace("cid:one@weather", href);
        let answer = wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &body, &[("one@weather", b"<report/>")]);
        // A fault, or a refusal that says what is wrong with the element.
        let said = match answer.envelope().fault() {
            Some(fault) => {
                assert_eq!((answer.status, fault.code), (400, soap::FaultCode::Sender), "{href}");
                fault.reason
            }
            None => answer.errors().first().unwrap_or_else(|| panic!("{href} was accepted")).context.clone(),
        };
        assert!(said.contains("cid:"), "{href}: {said}");
        assert!(centre.with_unique_id(&submission.entries[0].unique_id).expect("an answer").is_empty(), "{href}");
    }
    let called = listener.accept();
    assert!(called.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "the node called the address");
}

/// P-37: the statuses of retrieval, as URNs.
#[test]
fn a_retrieval_says_success_partial_success_or_failure() {
    let centre = node(calm(), "central");
    let submission = documents::report("P0010", &documents::fresh_unique_id());
    let unique_id = submission.entries[0].unique_id.as_str();
    wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &wire::provide_inline(&submission, b"<report/>"), &[]);
    let (there, absent) =
        (wire::document_request("2.999.1.1", unique_id), wire::document_request("2.999.1.1", "2.25.404"));
    let other = wire::document_request("2.999.66", "2.25.405");
    for (requests, status, locations) in [
        (there.clone(), "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success", vec![]),
        (
            format!("{absent}{there}{other}"),
            "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess",
            vec!["2.25.404", "2.25.405"],
        ),
        (absent.clone(), "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure", vec!["2.25.404"]),
    ] {
        let body = format!(
            "<x:RetrieveDocumentSetRequest xmlns:x=\"urn:ihe:iti:xds-b:2007\">{requests}</x:RetrieveDocumentSetRequest>"
        );
        let answer = wire::ask_mtom(&centre, REPOSITORY, RETRIEVE, &body, &[]);
        assert_eq!((answer.status, answer.response_status().as_str()), (200, status));
        let named: Vec<String> = answer.errors().into_iter().filter_map(|e| e.location).collect();
        assert_eq!(named, locations);
    }
}

/// P-44: Document/@id is the entry's id; a Content-ID is known to its reference only.
#[test]
fn a_document_belongs_to_the_entry_of_its_id_and_not_of_its_content_id() {
    let centre = node(calm(), "central");
    let submission = documents::report("P0010", &documents::fresh_unique_id());
    let id = submission.entries[0].id.to_string();
    let good = wire::provide(&submission);
    // The ids exchanged: the document has the Content-ID as its id, and the part that of the entry.
    let exchanged = good
        .replace(&format!("Document id=\"{id}\""), "Document id=\"one@weather\"")
        .replace("cid:one@weather", &format!("cid:{id}"));
    assert_ne!(exchanged, good);
    let whole = package(&soap12(&addressed(PROVIDE), &exchanged), &[(&id, b"<report/>")]);
    let answer = send(&centre, &post(REPOSITORY, &mtom_type(PROVIDE), &whole));
    let mut codes: Vec<(String, Option<String>)> = answer.errors().into_iter().map(|e| (e.code, e.location)).collect();
    codes.sort();
    let expected = [("XDSMissingDocument", id.as_str()), ("XDSMissingDocumentMetadata", "one@weather")];
    assert_eq!(codes, expected.map(|(code, at)| (code.to_owned(), Some(at.to_owned()))));
    let answer = wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &good, &[("one@weather", b"<report/>")]);
    assert_eq!(answer.errors(), []);
}

/// P-47: what a code is called decides nothing, neither when it comes nor when it is asked for.
#[test]
fn a_display_name_decides_nothing() {
    let centre = node(calm(), "central");
    let mut submission = registered_by_hand(documents::report("P0010", &documents::fresh_unique_id()));
    let unique_id = submission.entries[0].unique_id.clone();
    submission.entries[0].class_code = Code::new("REPORTS", schemes::IHE_CLASS, "Befunde & anderes");
    let answer = wire::ask(&centre, REGISTRY, wire::REGISTER, &wire::register(&submission));
    assert_eq!(answer.errors(), [], "no warning either");
    let query = DocumentQuery {
        class_codes: vec![CodeTerm::of("REPORTS", schemes::IHE_CLASS)],
        ..DocumentQuery::of_patient(patient("P0010")).approved()
    };
    let found = centre.query(StoredQuery::FindDocuments(query)).expect("an answer").entries;
    let found = found.iter().find(|e| e.unique_id == unique_id).expect("it is found by code and scheme");
    assert_eq!(found.class_code.display.value(), Some("Befunde & anderes"), "and kept as it came");
}

/// P-48: a repository adds hash, size and its own id, and forwards the rest as it came.
#[test]
fn a_repository_adds_hash_size_and_its_own_id_and_nothing_else() {
    let centre = node(calm(), "central");
    let mut submission = documents::report("P0010", &documents::fresh_unique_id());
    let sent = &mut submission.entries[0];
    sent.source_patient_id = Some(model::PatientId::new("MRN&77", Oid::parse("2.999.2.7").unwrap()));
    sent.repository_unique_id = Some(Oid::parse("2.999.66").unwrap());
    sent.extra = vec![model::ExtraSlot { name: "urn:example:2024:colour".into(), values: vec!["red".into()] }];
    let sent = sent.clone();
    let answer =
        wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &wire::provide(&submission), &[("one@weather", b"<report/>")]);
    assert_eq!(answer.errors(), []);
    let found = centre.with_unique_id(&sent.unique_id).expect("an answer").pop().expect("the document");
    let expected = DocumentEntry {
        hash: found.hash.clone(),
        size_octets: Some(9),
        repository_unique_id: Some(Oid::parse("2.999.1.1").unwrap()),
        // What the registry assigns.
        logical_id: Some(sent.id.clone()),
        version: Some(1),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: found.home_community_id.clone(),
        ..sent
    };
    assert!(found.hash.is_some());
    assert_eq!(found, expected, "the entryUUID, the patient and everything else are the source's");
}

/// P-02 and P-17 on the wire: objects come once each, however many names lead to them.
#[test]
fn an_object_is_in_an_answer_once() {
    let centre = node(calm(), "central");
    let submission = registered_by_hand(documents::report("P0010", &documents::fresh_unique_id()));
    let unique_id = submission.entries[0].unique_id.clone();
    centre.register(submission).expect("a registration");
    let entry = centre.with_unique_id(&unique_id).expect("an answer").pop().expect("the document");
    let twice = format!("('{}','{}')", entry.id, entry.id.to_string().to_uppercase().replace("URN:UUID:", "urn:uuid:"));
    let name = "$XDSDocumentEntryEntryUUID";
    for query in [
        wire::stored_query(GET_DOCUMENTS, &[(name, &[&twice])]),
        // GetDocumentsAndAssociations, and GetSubmissionSets of a document and its association.
        wire::stored_query("urn:uuid:bab9529a-4a10-40b3-a01f-f68a615d247a", &[(name, &[&twice, &twice])]),
        wire::stored_query("urn:uuid:51224314-5390-4169-9b91-b1980040715a", &[("$uuid", &[&twice])]),
    ] {
        let answer = wire::ask(&centre, REGISTRY, QUERY, &query);
        assert_eq!(answer.errors(), []);
        let envelope = answer.envelope();
        let list = envelope.body().child(ebxml::ns::RIM, "RegistryObjectList").expect("objects");
        let mut ids: Vec<&str> = list.children().filter_map(|e| e.attr("id")).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert!(all > 0 && ids.len() == all, "{}", answer.text());
    }
}
