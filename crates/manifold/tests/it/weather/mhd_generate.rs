//! ITI-106: a document that comes without metadata is published with what it says of itself, or refused with what is missing.
//! Source: spec/fhir.md sections 7, 18; spec/reports.md section 14.

use super::client::{Client, cx, patient};
use super::documents;
use super::mhd_simple::{centre, fresh, id_of, refusal, registered, repository, subject};
use crate::network::Files;
use hl7v3::cda;
use model::{
    AvailabilityStatus, Code, DocumentEntry, Dtm, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, Oid,
    Order, ReferenceId, Report, ReportContent, ReportStudy, RetrieveLocationUid, SeriesInstanceUid, SopClassUid,
    SopInstanceUid, StudyInstanceUid, UniqueId, Xcn, Xon, schemes,
};
use serde_json::{Value, json};

/// `$generate-metadata` of one document.
fn generate(client: &Client, resource: &Value) -> (u16, Value) {
    let body = json!({"resourceType": "Parameters", "parameter": [{"name": "document", "resource": resource}]});
    client.fhir("POST", "/DocumentReference/$generate-metadata", Some(&body))
}

fn binary(content_type: &str, octets: &[u8]) -> Value {
    json!({"resourceType": "Binary", "contentType": content_type, "data": soap::encode_base64(octets)})
}

/// The document that was published, by what the answer refers to.
fn generated(client: &Client, resource: &Value, unique_id: &UniqueId) -> DocumentEntry {
    let (status, answer) = generate(client, resource);
    assert_eq!((status, &answer["resourceType"]), (200, &json!("Parameters")), "{answer:#}");
    assert_eq!(answer["parameter"][0]["name"], "DocumentReference");
    let reference = answer["parameter"][0]["valueReference"]["reference"].as_str().expect("a reference");
    let (status, read) = client.fhir("GET", &format!("/{reference}"), None);
    assert_eq!((status, read["status"].as_str()), (200, Some("current")), "{read:#}");
    let entry = registered(client, unique_id).pop().expect("the entry");
    assert_eq!(entry.id, id_of(&format!("/{reference}")));
    // The same again is the same.
    assert_eq!(generate(client, resource), (200, answer));
    entry
}

fn order() -> Order {
    Order {
        accession_number: "A17".into(),
        accession_issuer: Some(Oid::parse("2.999.9").unwrap()),
        placer_order_number: String::new(),
        placer_issuer: None,
    }
}

fn cda_report(unique_id: &UniqueId, patient_id: &str) -> Report {
    let time = |text: &str| Dtm::parse(text).unwrap();
    Report {
        unique_id: unique_id.clone(),
        set_id: fresh(),
        version: 1,
        replaces: None,
        patient: model::Patient {
            id: patient(patient_id),
            other_ids: vec![model::PatientId::new("L-17", Oid::parse("2.999.1.2").unwrap())],
            name: model::PersonName::from_dicom("Muster^Anna"),
            birth_date: Some(time("19770530")),
            sex: Some(model::Sex::Female),
            details: Default::default(),
        },
        title: "CT knee".into(),
        kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
        language: "de".into(),
        effective_time: time("20260301082510"),
        author: Some(Xcn::from_name("Curie", "Irène")),
        institution: Xon::parse("Hospital North").unwrap(),
        legal_authenticator: Some(Xcn::from_name("Curie", "Irène")),
        studies: vec![ReportStudy {
            study: StudyInstanceUid::parse("2.25.1717").unwrap(),
            start: Some(time("20260224152310")),
            stop: None,
            procedure: None,
        }],
        orders: vec![order()],
        content: ReportContent::Pdf(b"%PDF-1.4".to_vec()),
    }
}

#[test]
fn a_cda_is_published_with_what_its_header_says() {
    let (centre, unique_id) = (centre(), fresh());
    let octets = cda::encode(&cda_report(&unique_id, "P0010"));
    let entry = generated(&centre, &binary("text/xml; charset=utf-8", &octets), &unique_id);
    assert_eq!(
        (entry.mime_type.as_str(), entry.format_code.code.as_str()),
        ("text/xml", "urn:ihe:iti:xds-sd:pdf:2008")
    );
    assert_eq!((entry.title.value(), entry.language_code.as_str()), (Some("CT knee"), "de"));
    assert_eq!((entry.type_code.code.as_str(), &entry.patient_id), ("18748-4", &patient("P0010")));
    assert_eq!(entry.creation_time, Some(Dtm::parse("20260301082510").unwrap()));
    assert_eq!(entry.service_start_time, Some(Dtm::parse("20260224152310").unwrap()));
    assert_eq!(entry.source_patient_id.map(|id| id.id), Some("L-17".to_owned()));
    let study = ReferenceId::study(&StudyInstanceUid::parse("2.25.1717").unwrap());
    assert!(entry.reference_id_list.contains(&study));
    assert!(entry.reference_id_list.iter().any(|id| id.id == "A17"), "{:?}", entry.reference_id_list);
    assert_eq!(centre.retrieve(&repository(), &unique_id).unwrap(), octets);
    // What it lacks is the recipient's.
    assert_eq!((entry.class_code.code.as_str(), entry.practice_setting_code.code.as_str()), ("UNK", "UNK"));

    // A correction replaces, which only ITI-65 does here.
    let next = Report { replaces: Some(unique_id.clone()), version: 2, ..cda_report(&fresh(), "P0010") };
    let (status, answer) = generate(&centre, &binary("text/xml", &cda::encode(&next)));
    assert_eq!(refusal((status, &answer)).1, "not-supported");
    assert_eq!(registered(&centre, &unique_id)[0].availability_status, AvailabilityStatus::Approved);
}

#[test]
fn a_fhir_document_is_published_with_what_its_composition_says() {
    let centre = centre();
    let number = UniqueId::parse(cx().identifiers.entry_uuid().as_str()).unwrap();
    let document = json!({
        "resourceType": "Bundle", "type": "document", "timestamp": "2026-03-01T09:25:10+01:00",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": number.as_str()},
        "entry": [
            {"fullUrl": "urn:uuid:cfe88e31-6c3a-54c5-bfca-803e5afe4031", "resource": {
                "resourceType": "Composition", "status": "final", "title": "CT knee", "language": "de",
                "type": {"coding": [{"system": "http://loinc.org", "code": "18748-4", "display": "Imaging study"}]},
                "subject": {"reference": "urn:uuid:2f46196b-c1c1-53cb-aabd-dde4acc2aa4f"},
                "date": "2026-03-01T09:25:10+01:00", "author": [{"display": "Curie"}],
            }},
            {"fullUrl": "urn:uuid:2f46196b-c1c1-53cb-aabd-dde4acc2aa4f", "resource": {
                "resourceType": "Patient", "identifier": [subject("P0011")["identifier"]],
            }},
            {"fullUrl": "urn:uuid:6d1d738d-641f-5192-991e-c6c9e5cf2005", "resource": {
                "resourceType": "ImagingStudy", "status": "available",
                "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:2.25.1718"}],
                "subject": {"reference": "urn:uuid:2f46196b-c1c1-53cb-aabd-dde4acc2aa4f"},
            }},
        ],
    });
    let entry = generated(&centre, &document, &number);
    assert_eq!((entry.mime_type.as_str(), &entry.patient_id), ("application/fhir+json", &patient("P0011")));
    assert_eq!((entry.title.value(), entry.type_code.code.as_str()), (Some("CT knee"), "18748-4"));
    assert_eq!(entry.reference_id_list, [ReferenceId::study(&StudyInstanceUid::parse("2.25.1718").unwrap())]);
    let stored: Value = serde_json::from_slice(&centre.retrieve(&repository(), &number).unwrap()).unwrap();
    assert_eq!(stored, document);
}

/// A manifest of a study of two images.
fn manifest() -> Manifest {
    let image = |n: u32| ManifestInstance {
        sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
        sop_instance: SopInstanceUid::parse(&format!("2.25.1720.{n}")).unwrap(),
        instance_number: None,
        number_of_frames: None,
        significant: Vec::new(),
        key_object_note: None,
    };
    let series = ManifestSeries {
        uid: SeriesInstanceUid::parse("2.25.1720").unwrap(),
        modality: Some("CT".into()),
        description: None,
        number: Some("2".into()),
        date: None,
        time: None,
        region: None,
        laterality: None,
        retrieve_location_uid: Some(RetrieveLocationUid::parse("2.25.301").unwrap()),
        retrieve_url: None,
        retrieve_ae_title: None,
        instances: vec![image(1), image(2)],
    };
    let study = StudyInstanceUid::parse("2.25.1719").unwrap();
    Manifest {
        flavour: ManifestFlavour::Mado,
        sop_instance: SopInstanceUid::parse(&documents::fresh_unique_id()).unwrap(),
        series_instance: SeriesInstanceUid::parse(&documents::fresh_unique_id()).unwrap(),
        study: study.clone(),
        own_study: study,
        patient_id: Some(patient("P0012")),
        patient_id_text: String::new(),
        other_patient_ids: Vec::new(),
        patient_name: model::PersonName::from_dicom("MUSTER^Anna"),
        birth_date: Some("19770530".into()),
        sex: Some(model::Sex::Female),
        study_date: Some("20260312".into()),
        study_time: Some("101503".into()),
        study_description: Some("CT knee".into()),
        study_id: None,
        referring_physician: None,
        orders: vec![order()],
        procedures: Vec::new(),
        regions: vec![Code::new("61685007", schemes::SNOMED_CT, "Lower extremity")],
        manufacturer: "manifold".into(),
        institution: None,
        content_date: "20260312".into(),
        content_time: "103000".into(),
        timezone: Some("+0100".into()),
        display_uri: None,
        series: vec![series],
    }
}

#[test]
fn a_manifest_is_published_with_what_it_lists() {
    let (centre, manifest) = (centre(), manifest());
    let unique_id = UniqueId::from(&manifest.sop_instance);
    let octets = dicom::kos::encode(&manifest).expect("a manifest");
    let entry = generated(&centre, &binary("application/dicom", &octets), &unique_id);
    assert!(entry.is_kos() && entry.mime_type == "application/dicom");
    assert_eq!(entry.patient_id, patient("P0012"));
    assert!(entry.reference_id_list.contains(&ReferenceId::study(&manifest.study)));
    assert!(entry.reference_id_list.iter().any(|id| id.id == "A17"), "{:?}", entry.reference_id_list);
    let codes: Vec<&str> = entry.event_code_list.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["CT", "61685007"]);
    assert_eq!(entry.service_start_time, Some(Dtm::parse("20260312091503").unwrap()));
    assert_eq!(centre.retrieve(&repository(), &unique_id).unwrap(), octets);
}

#[test]
fn a_pdf_is_published_with_the_metadata_that_came_beside_it() {
    let (centre, unique_id) = (centre(), fresh());
    let pdf = b"%PDF-1.4 nothing but a head";
    let metadata = json!({
        "resourceType": "DocumentReference", "status": "current", "subject": subject("P0010"),
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{unique_id}")},
        "type": {"coding": [{"system": "http://loinc.org", "code": "18748-4", "display": "Diagnostic imaging study"}]},
        "content": [{"attachment": {"title": "Knee"}}],
    });
    let send = |metadata: &Value| {
        let document = json!({"name": "document", "resource": binary("application/pdf", pdf)});
        let parameter = json!([document, {"name": "metadata", "resource": metadata}]);
        let body = json!({"resourceType": "Parameters", "parameter": parameter});
        centre.fhir("POST", "/DocumentReference/$generate-metadata", Some(&body))
    };
    let (status, answer) = send(&metadata);
    assert_eq!(status, 200, "{answer:#}");
    let entry = registered(&centre, &unique_id).pop().expect("the entry");
    let reference = answer["parameter"][0]["valueReference"]["reference"].as_str().expect("a reference");
    assert_eq!(entry.id, id_of(&format!("/{reference}")));
    assert_eq!((entry.mime_type.as_str(), entry.title.value()), ("application/pdf", Some("Knee")));
    assert_eq!(centre.retrieve(&repository(), &unique_id).unwrap(), pdf);
    assert_eq!(send(&metadata), (200, answer), "the same again is the same");
    let mut nobody = metadata.clone();
    nobody["subject"] = subject("NOBODY");
    nobody["masterIdentifier"]["value"] = json!(format!("urn:oid:{}", fresh()));
    let (status, answer) = send(&nobody);
    assert_eq!((status, answer["issue"][0]["details"]["text"].as_str()), (422, Some("XDSUnknownPatientId")));
}

#[test]
fn a_document_that_says_too_little_is_refused_with_what_is_missing() {
    let centre = centre();
    let unique_id = fresh();
    let cda = String::from_utf8(cda::encode(&cda_report(&unique_id, "P0010"))).unwrap();
    let stranger = cda.replace(&format!("root=\"{}\"", synth::PATIENT_DOMAIN), "root=\"2.999.77\"");
    let nobody = cda.replace("P0010", "NOBODY");
    for (what, content_type, octets, status, code, words) in [
        ("a PDF", "application/pdf", "%PDF-1.4".to_owned(), 422, "required", "metadata"),
        ("a text", "text/plain", "Hello World".to_owned(), 422, "not-supported", "ITI-105"),
        ("no CDA", "text/xml", "<report/>".to_owned(), 422, "value", "CDA"),
        ("no manifest", "application/dicom", "Hello World".to_owned(), 422, "value", "manifest"),
        ("no JSON", "application/fhir+json", "{".to_owned(), 400, "structure", "Bundle"),
        ("another domain", "text/xml", stranger, 422, "required", "affinity domain"),
        ("unknown patient", "text/xml", nobody, 422, "not-found", "patient"),
    ] {
        let (came, answer) = generate(&centre, &binary(content_type, octets.as_bytes()));
        let (came, issue, _, sentence) = refusal((came, &answer));
        assert_eq!((came, issue.as_str()), (status, code), "{what}: {sentence}");
        assert!(sentence.contains(words) && !sentence.contains("NOBODY"), "{what}: {sentence}");
    }
    assert!(registered(&centre, &unique_id).is_empty());
}

#[test]
fn a_correction_replaces_what_it_names_where_the_node_may() {
    let files = Files::write(&["--empty"]);
    let served = files.serve("central", &[("MANIFOLD__ACTORS__MHD_DOCUMENT_RECIPIENT__SIMPLIFIED_REPLACE", "true")]);
    let centre = Client::to(&served);
    let report = cda_report(&fresh(), "P0010");
    let entry = generated(&centre, &binary("text/xml", &cda::encode(&report)), &report.unique_id);
    let next = Report { replaces: Some(report.unique_id.clone()), version: 2, ..cda_report(&fresh(), "P0010") };
    let corrected = generated(&centre, &binary("text/xml", &cda::encode(&next)), &next.unique_id);
    assert_eq!(centre.replacements(std::slice::from_ref(&entry.id)), [(corrected.id, entry.id)]);
    let unknown = Report { replaces: Some(fresh()), ..cda_report(&fresh(), "P0010") };
    let (status, answer) = generate(&centre, &binary("text/xml", &cda::encode(&unknown)));
    let (status, code, details, _) = refusal((status, &answer));
    assert_eq!((status, code.as_str(), details.as_str()), (422, "not-found", "UnresolvedReferenceException"));
}
