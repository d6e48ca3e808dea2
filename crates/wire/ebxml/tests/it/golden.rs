//! What peers see, byte for byte. `UPDATE_GOLDEN=1` rewrites the files; the commit that changes one says why.

use std::borrow::Cow;
use std::path::Path;

use ebxml::*;
use model::*;

use crate::support::{fixture, parse, written};
use crate::values::*;

/// Line breaks between elements make the file readable; nothing else differs from what is sent.
fn broken_into_lines(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).unwrap().replace("><", ">\n<") + "\n"
}

fn check(name: &str, bytes: &[u8]) {
    let text = broken_into_lines(bytes);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/made").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = fixture(&format!("made/{name}"));
    for (number, (got, wanted)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(got, wanted, "{name} line {}", number + 1);
    }
    assert_eq!(text.len(), golden.len(), "{name}");
}

#[test]
fn a_submission_is_written_and_read_back() {
    let bytes = written(|xml| encode_submission(&submission(), xml));
    check("iti42_request.xml", &bytes);
    let golden = fixture("made/iti42_request.xml");
    let decoded = decode_submission(&parse(golden.as_bytes()).root()).unwrap();
    assert_eq!(decoded, Decoded { value: submission(), not_kept: Vec::new() });
    assert_eq!(decoded.value.validate(), Vec::new());
}

#[test]
fn a_submission_leaves_out_what_the_registry_assigns() {
    let mut sent = submission();
    sent.entries[0].logical_id = Some(id(&registered(1)));
    sent.entries[0].version = Some(7);
    sent.entries[0].availability_status = AvailabilityStatus::Deprecated;
    sent.folders[0].last_update_time = Some(dtm("20250314091731"));
    let bytes = written(|xml| encode_submission(&sent, xml));
    assert_eq!(decode_submission(&parse(&bytes).root()).unwrap().value, submission());
}

#[test]
fn documents_are_provided_as_parts_and_inline() {
    let documents = [
        ProvidedDocument { id: id("D1"), content: Content::Part(Cow::Borrowed("doc1%40src.example")) },
        ProvidedDocument { id: id("D2"), content: Content::of(b"\x00\xff binary") },
    ];
    let bytes = written(|xml| encode_provide(&submission(), &documents, xml));
    check("iti41_request.xml", &bytes);
    let document = parse(&bytes);
    let provide = decode_provide(&document.root()).unwrap().value;
    assert_eq!(provide.submission, submission());
    assert_eq!(provide.documents, documents);
    assert_eq!(provide.documents[0].content.content_id().as_deref(), Some("doc1@src.example"));
    assert_eq!(provide.documents[1].content.octets().unwrap().unwrap(), b"\x00\xff binary");
    assert!(provide.entries_without_document().is_empty() && provide.documents_without_entry().is_empty());
}

#[test]
fn a_query_is_written_and_read_back() {
    let query = DocumentQuery {
        document_types: vec![DocumentType::Stable, DocumentType::OnDemand],
        class_codes: vec![CodeTerm::of("IMAGES", schemes::IHE_CLASS)],
        type_codes: vec![CodeTerm::of("24627-2", schemes::LOINC)],
        format_codes: vec![CodeTerm::of("a^b", "2.999.30.1")],
        practice_setting_codes: vec![CodeTerm::of("RAD", "2.999.30.3")],
        healthcare_facility_type_codes: vec![CodeTerm::of("HOSP", "2.999.30.2")],
        event_code_list: vec![
            vec![CodeTerm::of("CT", schemes::DCM), CodeTerm::of("MR", schemes::DCM)],
            vec![CodeTerm::of("51185008", schemes::SNOMED_CT)],
        ],
        confidentiality_codes: vec![vec![CodeTerm::of("N", schemes::CONFIDENTIALITY)]],
        creation_time: DtmRange { from: Some(20250101000000), to: None },
        service_start_time: DtmRange { from: Some(20250101000000), to: Some(20260101000000) },
        service_stop_time: DtmRange { from: None, to: Some(20260101000000) },
        author_person: vec!["%^Roe^%".to_owned(), "^O'Hara%".to_owned()],
        ..DocumentQuery::of_patient(patient()).approved()
    };
    let by_reference = DocumentQuery {
        reference_ids: vec![
            vec![ReferenceTerm::Exact(ReferenceId::accession("A'1", Some(oid("2.999.2.8"))))],
            vec![ReferenceTerm::Like("2.25.%^urn:ihe:iti:xds:2016:studyInstanceUID".to_owned())],
        ],
        ..DocumentQuery::of_patient(patient()).approved()
    };
    let many = ObjectNames::UniqueIds((0..20).map(|n| uid(&format!("2.999.5.1.{n}^long.extension"))).collect());
    for (name, query, return_type) in [
        ("iti18_find_documents.xml", StoredQuery::FindDocuments(query), ReturnType::LeafClass),
        ("iti18_find_by_reference.xml", StoredQuery::FindDocumentsByReferenceId(by_reference), ReturnType::ObjectRef),
        ("iti18_get_documents.xml", StoredQuery::GetDocuments(many), ReturnType::LeafClass),
        (
            "iti18_get_associations.xml",
            StoredQuery::GetAssociations { ids: vec![id(&registered(1)), id(&registered(2))] },
            ReturnType::LeafClass,
        ),
    ] {
        let request = QueryRequest { query: query.into(), return_type, home_community_id: Some(home()) };
        let bytes = written(|xml| encode_query(&request, xml));
        check(name, &bytes);
        assert_eq!(decode_query(&parse(&bytes).root()), Ok(request));
    }
}

#[test]
fn an_answer_is_written_and_read_back() {
    for (name, response) in [
        ("iti18_answer.xml", answer()),
        ("iti18_failure.xml", QueryResponse::failure(vec![RegistryError::error("XDSRegistryError", "why & where")])),
    ] {
        let bytes = written(|xml| encode_query_response(&response, xml));
        check(name, &bytes);
        assert_eq!(decode_query_response(&parse(&bytes).root()), Ok(response));
    }
}

#[test]
fn an_answer_in_pieces_is_the_same_answer() {
    let whole = written(|xml| encode_query_response(&answer(), xml));
    let mut xml = xml::XmlWriter::new();
    let mut pieces = Vec::new();
    let response = answer();
    let mut w = QueryResponseWriter::start(&mut xml, response.status, &response.errors);
    for entry in &response.entries {
        w.entry(entry);
        assert!(!xml.is_empty());
        pieces.extend(xml.take());
        w = QueryResponseWriter::resume(&mut xml);
    }
    response.submission_sets.iter().for_each(|s| w.submission_set(s));
    response.folders.iter().for_each(|f| w.folder(f));
    pieces.extend(xml.take());
    let mut w = QueryResponseWriter::resume(&mut xml);
    response.associations.iter().for_each(|a| w.association(a));
    response.object_refs.iter().for_each(|r| w.object_ref(&r.id, r.home_community_id.as_ref()));
    w.end();
    pieces.extend(xml.finish());
    assert_eq!(pieces, whole);
}

#[test]
fn registry_responses_are_written_and_read_back() {
    let warning = RegistryError::warning("XDSExtraMetadataNotSaved", "slot urn:example:colour was not stored").at("D1");
    let error = RegistryError::error("XDSUnknownPatientId", "P-0042^^^&2.999.7&ISO is not known");
    for (name, response) in [
        ("response_success.xml", RegistryResponse::success()),
        ("response_warning.xml", RegistryResponse::of(vec![warning.clone()])),
        ("response_failure.xml", RegistryResponse::of(vec![warning, error])),
    ] {
        let bytes = written(|xml| encode_registry_response(&response, xml));
        check(name, &bytes);
        assert_eq!(decode_registry_response(&parse(&bytes).root()), Ok(response));
    }
}

#[test]
fn instances_are_asked_for_in_the_order_given() {
    let document = |series: &str, instance: &str, home_community_id| ImagingDocumentRequest {
        study: StudyInstanceUid::parse("2.999.7.1").unwrap(),
        series: SeriesInstanceUid::parse(series).unwrap(),
        home_community_id,
        repository_unique_id: oid("2.999.10.1"),
        sop_instance: SopInstanceUid::parse(instance).unwrap(),
    };
    let request = RetrieveImagingRequest {
        documents: vec![
            document("2.999.7.1.1", "2.999.7.1.1.1", None),
            document("2.999.7.1.1", "2.999.7.1.1.2", Some(home())),
            document("2.999.7.1.2", "2.999.7.1.2.1", None),
            document("2.999.7.1.1", "2.999.7.1.1.3", None),
        ],
        transfer_syntaxes: ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"]
            .map(|uid| TransferSyntaxUid::parse(uid).unwrap())
            .to_vec(),
    };
    let bytes = written(|xml| encode_retrieve_imaging_request(&request, xml));
    check("rad69_request.xml", &bytes);
    assert_eq!(decode_retrieve_imaging_request(&parse(&bytes).root()), Ok(request));
}

#[test]
fn retrievals_are_written_and_read_back() {
    let bytes = written(|xml| encode_retrieve_request(&retrieve_requests(), xml));
    check("iti43_request.xml", &bytes);
    assert_eq!(decode_retrieve_request(&parse(&bytes).root()), Ok(retrieve_requests()));

    let bytes = written(|xml| encode_retrieve_response(&retrieved(), xml));
    check("iti43_response.xml", &bytes);
    let document = parse(&bytes);
    let decoded = decode_retrieve_response(&document.root()).unwrap();
    assert_eq!(decoded, retrieved());
    assert_eq!(decoded.status, ResponseStatus::PartialSuccess);
    assert_eq!(decoded.documents[0].content.octets().unwrap().unwrap(), b"Hello\n");
}
