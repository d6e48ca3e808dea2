//! Statuses and severities (spec/xds.md 25.1), and answers that are not as they should be.

use ebxml::*;

use crate::support::{fixture, parse, sentences, written};
use crate::values::{answer, retrieved};

#[test]
fn the_status_follows_from_errors_and_results() {
    let error = || vec![RegistryError::error("XDSRegistryError", "e")];
    let warning = || vec![RegistryError::warning("XDSRegistryError", "w")];
    assert_eq!(RegistryResponse::of(Vec::new()).status, ResponseStatus::Success);
    assert_eq!(RegistryResponse::of(warning()).status, ResponseStatus::Success);
    assert_eq!(RegistryResponse::of(error()).status, ResponseStatus::Failure);
    assert_eq!(ResponseStatus::of(&error(), true), ResponseStatus::PartialSuccess);
    assert_eq!(RetrieveResponse::of(retrieved().documents, Vec::new()).status, ResponseStatus::Success);
    assert_eq!(RetrieveResponse::of(retrieved().documents, error()).status, ResponseStatus::PartialSuccess);
    assert_eq!(RetrieveResponse::of(Vec::new(), error()).status, ResponseStatus::Failure);
    assert_eq!(QueryResponse::failure(error()).status, ResponseStatus::Failure);
}

#[test]
fn contradicting_statuses_are_read_as_what_they_must_mean() {
    let response =
        |fixture_name: &str| decode_registry_response(&parse(fixture(fixture_name).as_bytes()).root()).unwrap();
    let success_with_error = response("peer/nist_regresp_suc_err.xml");
    assert_eq!(success_with_error.status, ResponseStatus::Failure);
    assert_eq!(success_with_error.errors[0].code, "XDSUnknownPatientId");
    let failure_without_error = response("peer/nist_regresp_fail_noerr.xml");
    assert_eq!(failure_without_error, RegistryResponse { status: ResponseStatus::Failure, errors: Vec::new() });

    let bytes = written(|xml| encode_retrieve_response(&retrieved(), xml));
    let text = String::from_utf8(bytes).unwrap();
    let success = text.replace(
        "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess",
        "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success",
    );
    let document = parse(success.as_bytes());
    assert_eq!(decode_retrieve_response(&document.root()).unwrap().status, ResponseStatus::PartialSuccess);
}

#[test]
fn a_status_must_be_a_known_urn() {
    let text = |status: &str| {
        format!("<rs:RegistryResponse xmlns:rs=\"urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0\" status=\"{status}\"/>")
    };
    let read = |status: &str| decode_registry_response(&parse(text(status).as_bytes()).root()).map(|r| r.status);
    assert_eq!(
        read("urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:PartialSuccess"),
        Ok(ResponseStatus::PartialSuccess)
    );
    assert_eq!(read("Urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"), Ok(ResponseStatus::Success));
    for wrong in ["Success", "", "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:success"] {
        let error = read(wrong).unwrap_err().to_string();
        assert!(
            error.contains("RegistryResponse.status must be the URN of Success, PartialSuccess or Failure"),
            "{error}"
        );
    }
    let error = decode_registry_response(&parse(b"<a/>").root()).unwrap_err();
    assert_eq!(error.to_string(), "expected rs:RegistryResponse, got a in no namespace");
}

#[test]
fn errors_without_severity_or_context_are_errors() {
    let text = "<rs:RegistryResponse xmlns:rs=\"urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0\" \
                status=\"urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure\"><rs:RegistryErrorList>\
                <rs:RegistryError errorCode=\"A\"/><rs:RegistryError errorCode=\"B\" codeContext=\"c\" location=\" l \" severity=\"x\"/>\
                </rs:RegistryErrorList></rs:RegistryResponse>";
    let response = decode_registry_response(&parse(text.as_bytes()).root()).unwrap();
    assert_eq!(response.errors, [RegistryError::error("A", ""), RegistryError::error("B", "c").at("l")]);
}

#[test]
fn a_broken_object_does_not_take_the_others_with_it() {
    let bytes = written(|xml| encode_query_response(&answer(), xml));
    let text = String::from_utf8(bytes).unwrap();
    // One attribute that an entry cannot be without, one that it can, a status, and a link.
    let text = text
        .replacen("41a5887f-8865-4c09-adf7-e362475b143a", "00000000-0000-4000-8000-000000000000", 1)
        .replacen(
            "<rim:Slot name=\"lastUpdateTime\"><rim:ValueList><rim:Value>2025",
            "<rim:Slot name=\"lastUpdateTime\"><rim:ValueList><rim:Value>x",
            1,
        )
        .replacen("urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember", "urn:x", 1);
    let response = decode_query_response(&parse(text.as_bytes()).root()).unwrap();
    assert_eq!(response.entries, &answer().entries[1..]);
    assert_eq!(response.folders[0].last_update_time, None);
    assert_eq!(response.submission_sets, answer().submission_sets);
    assert!(response.associations.is_empty());
    assert_eq!(response.object_refs, answer().object_refs);
    let lost = sentences(&response.unreadable);
    for expected in [
        "urn:uuid:a0000000-0000-4000-8000-000000000001: DocumentEntry.classCode is required",
        "urn:uuid:a0000000-0000-4000-8000-000000000003: Folder.lastUpdateTime must be a UTC time",
        "urn:uuid:a0000000-0000-4000-8000-000000000005: Association.associationType must be the URN",
    ] {
        assert!(lost.contains(expected), "expected `{expected}`, found:\n{lost}");
    }
    assert_eq!(response.unreadable.len(), 3, "{lost}");
}

#[test]
fn a_broken_document_does_not_take_the_others_with_it() {
    let bytes = written(|xml| encode_retrieve_response(&retrieved(), xml));
    let text = String::from_utf8(bytes).unwrap().replacen(
        "<x:RepositoryUniqueId>2.999.10.1<",
        "<x:RepositoryUniqueId>here<",
        1,
    );
    let document = parse(text.as_bytes());
    let response = decode_retrieve_response(&document.root()).unwrap();
    assert_eq!(response.documents, &retrieved().documents[1..]);
    assert!(sentences(&response.unreadable).contains("2.999.5.1: DocumentResponse.RepositoryUniqueId must be an OID"));
}

#[test]
fn a_retrieval_names_every_wrong_request() {
    let text = "<x:RetrieveDocumentSetRequest xmlns:x=\"urn:ihe:iti:xds-b:2007\">\
                <x:DocumentRequest><x:DocumentUniqueId>1</x:DocumentUniqueId><x:HomeCommunityId/></x:DocumentRequest>\
                <x:DocumentRequest><x:RepositoryUniqueId>2.999.1</x:RepositoryUniqueId></x:DocumentRequest>\
                <x:DocumentRequest><x:DocumentUniqueId> 7 </x:DocumentUniqueId><x:RepositoryUniqueId>2.999.1</x:RepositoryUniqueId></x:DocumentRequest>\
                </x:RetrieveDocumentSetRequest>";
    let findings = decode_retrieve_request(&parse(text.as_bytes()).root()).unwrap_err();
    assert_eq!(
        sentences(&findings),
        "1: DocumentRequest.RepositoryUniqueId is required; got ``\nDocumentRequest.DocumentUniqueId is required; got ``"
    );
    assert_eq!(findings[0].object.as_deref(), Some("1"));
    let empty = "<x:RetrieveDocumentSetRequest xmlns:x=\"urn:ihe:iti:xds-b:2007\"/>";
    assert!(decode_retrieve_request(&parse(empty.as_bytes()).root()).is_err());
    assert!(decode_retrieve_request(&parse(b"<a/>").root()).is_err());
}

#[test]
fn a_retrieval_of_images_names_every_wrong_element() {
    let wrong = |text: &str| sentences(&decode_retrieve_imaging_request(&parse(text.as_bytes()).root()).unwrap_err());
    let head =
        "<r:RetrieveImagingDocumentSetRequest xmlns:r=\"urn:ihe:rad:xdsi-b:2009\" xmlns:x=\"urn:ihe:iti:xds-b:2007\">";
    let tail = "</r:RetrieveImagingDocumentSetRequest>";
    let all = wrong(&format!("{head}{tail}"));
    assert!(all.contains("at least one StudyRequest") && all.contains("TransferSyntaxUID is required"), "{all}");
    // dcm4chee had DocumentRequest in the namespace of RAD-69; the schema has it in that of XDS.b.
    let all = wrong(&format!(
        "{head}<r:StudyRequest studyInstanceUID=\"2.25.x\"><r:SeriesRequest seriesInstanceUID=\"2.25.2\"><r:DocumentRequest/>\
         </r:SeriesRequest><r:SeriesRequest/></r:StudyRequest><r:TransferSyntaxUIDList><r:TransferSyntaxUID>x</r:TransferSyntaxUID>\
         </r:TransferSyntaxUIDList>{tail}"
    ));
    for part in [
        "StudyRequest/@studyInstanceUID",
        "at least one DocumentRequest of urn:ihe:iti:xds-b:2007",
        "SeriesRequest/@seriesInstanceUID is required",
        "TransferSyntaxUIDList.TransferSyntaxUID",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    let many = "<r:StudyRequest/>".repeat(5_000);
    assert!(wrong(&format!("{head}{many}{tail}")).lines().count() <= 1_000);
    assert!(decode_retrieve_imaging_request(&parse(b"<a/>").root()).is_err());
}

#[test]
fn the_same_object_has_the_same_ids_in_every_answer() {
    let bytes = written(|xml| encode_query_response(&answer(), xml));
    let again = written(|xml| encode_query_response(&answer(), xml));
    assert_eq!(bytes, again);
    let document = parse(&bytes);
    let mut ids: Vec<&str> = document.root().descendants().filter_map(|e| e.attr("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "every id occurs once");
    assert!(ids.iter().all(|id| model::ObjectId::parse(id).unwrap().is_uuid()));
}

#[test]
fn nothing_of_a_patient_is_in_debug() {
    let error = RegistryError::error("XDSUnknownPatientId", "P-0042^^^&2.999.7&ISO");
    let content = Content::of(b"secret");
    let shown = format!("{error:?} {content:?}");
    assert!(!shown.contains("P-0042") && !shown.contains("c2Vj"), "{shown}");
}

#[test]
fn a_removal_of_documents_has_its_element_in_one_namespace_and_its_children_in_another() {
    let text = |outer: &str, inner: &str| {
        format!(
            "<m:RemoveDocumentsRequest xmlns:m=\"{outer}\" xmlns:x=\"{inner}\"><x:DocumentRequest>\
             <x:RepositoryUniqueId>2.999.10.1</x:RepositoryUniqueId><x:DocumentUniqueId>2.999.5.1</x:DocumentUniqueId>\
             </x:DocumentRequest></m:RemoveDocumentsRequest>"
        )
    };
    let (rmd, xds) = ("urn:ihe:iti:rmd:2017", "urn:ihe:iti:xds-b:2007");
    let requests = decode_remove_documents(&parse(text(rmd, xds).as_bytes()).root()).unwrap();
    assert_eq!(requests[0].document_unique_id.as_str(), "2.999.5.1");
    let bytes = written(|xml| encode_remove_documents(&requests, xml));
    let document = parse(&bytes);
    assert!(document.root().is(rmd, "RemoveDocumentsRequest"));
    assert!(document.root().descendants().skip(1).all(|e| e.namespace() == Some(xds)), "{}", document.root().to_xml());
    for (outer, inner) in [(rmd, rmd), (xds, xds), (xds, rmd)] {
        assert!(decode_remove_documents(&parse(text(outer, inner).as_bytes()).root()).is_err(), "{outer} {inner}");
    }
}
