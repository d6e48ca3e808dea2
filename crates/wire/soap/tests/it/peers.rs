//! Messages of real peers: those in our fixtures, and every SOAP message of the shared samples.

use std::path::{Path, PathBuf};

use soap::names::WSSE;
use soap::{Binary, DecodeError, Envelope, FaultCode, binary};

use crate::{decode, fixture, http, read};

const XDS: &str = "urn:ihe:iti:xds-b:2007";
const PROVIDE: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";

fn only_document(envelope: &Envelope) -> Binary {
    let request = envelope.body_named(XDS, "ProvideAndRegisterDocumentSetRequest").unwrap();
    let documents: Vec<_> = request.children_named(XDS, "Document").collect();
    assert_eq!(documents.len(), 1);
    binary(documents[0]).unwrap()
}

#[test]
fn the_request_of_the_specification_is_read() {
    let (content_type, body) = http(&fixture("spec/iti41-request-mtom.http"));
    let (envelope, parts) = read(&content_type, &body).unwrap();
    envelope.check_request(&[]).unwrap();
    assert_eq!(envelope.action(), Some(PROVIDE));
    let Binary::Part(href) = only_document(&envelope) else { panic!("inline") };
    assert!(!parts.get(&href).unwrap().is_empty());
}

#[test]
fn a_percent_encoded_reference_of_a_peer_finds_its_part() {
    let content_type = r#"multipart/related; boundary="MIMEBoundary_95b57d7287e4fa4b528a8f050c41f8ad829c20332f23b48d"; type="application/xop+xml"; start-info="application/soap+xml"; action="urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b""#;
    let (envelope, parts) = read(content_type, &fixture("peer/nist-encoded-url.body")).unwrap();
    let Binary::Part(href) = only_document(&envelope) else { panic!("inline") };
    assert!(href.as_str().contains('%'));
    assert!(parts.get(&href).is_some());
}

#[test]
fn a_net_message_with_the_document_inline_is_read() {
    let content_type = r#"multipart/related; boundary="uuid:376733a6-6a2d-4583-a687-04c08acf6a49+id=17"; type="application/xop+xml"; start-info="application/soap+xml""#;
    let (envelope, parts) = read(content_type, &fixture("peer/nist-net-inline.body")).unwrap();
    assert_eq!(envelope.action(), Some(PROVIDE));
    assert!(parts.is_empty());
    assert!(matches!(only_document(&envelope), Binary::Inline(octets) if !octets.is_empty()));
}

#[test]
fn an_axis2_capture_with_padded_delimiters_is_read() {
    let (content_type, body) = http(&fixture("peer/nist-axis2-padded.http"));
    let (envelope, parts) = read(&content_type, &body).unwrap();
    let Binary::Part(href) = only_document(&envelope) else { panic!("inline") };
    assert!(parts.get(&href).unwrap().ends_with(b"perish from the earth."));
}

#[test]
fn an_answer_with_a_signed_timestamp_is_understood_by_those_who_know_it() {
    let text = String::from_utf8(fixture("peer/nist-must-understand.xml")).unwrap();
    let envelope = decode(&text).unwrap();
    let request = "urn:uuid:14E44AA3CFD146478C1524056439066";
    assert_eq!(envelope.check_response(request, &[]).unwrap_err().code, FaultCode::MustUnderstand);
    envelope.check_response(request, &[(WSSE, "Security")]).unwrap();
}

#[test]
fn a_stored_query_of_a_peer_is_read() {
    let text = String::from_utf8(fixture("peer/nist-stored-query.xml")).unwrap();
    let envelope = decode(&text).unwrap();
    assert_eq!(envelope.action(), Some("urn:ihe:iti:2007:RegistryStoredQuery"));
    assert!(envelope.body_named("urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0", "AdhocQueryRequest").is_ok());
}

fn shared() -> Option<PathBuf> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = crate_folder.ancestors().map(|up| up.join("../shared/data/xds")).find(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("skipped: ../shared/data/xds not present");
    }
    folder
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn every_shared_envelope_is_read_or_refused_for_its_known_fault() {
    let Some(folder) = shared() else { return };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let mut read = 0;
    for file in found {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if !name.ends_with(".xml") || !text.contains(":Envelope") || name.contains("testplan") {
            continue;
        }
        match decode(&text) {
            Ok(envelope) => {
                read += 1;
                assert!(!envelope.body().name().is_empty());
            }
            Err(DecodeError::Structure { .. })
                if name == "soap-pnr-soap-order.xml" || name == "empty-soap-wrapper.xml" => {}
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }
    assert!(read >= 50, "only {read} envelopes read");
}

#[test]
fn every_shared_multipart_is_read() {
    let Some(folder) = shared() else { return };
    let folder = folder.join("samples/nist");
    for (file, boundary) in [
        ("PnrXop/Xop.body.txt", "MIMEBoundary_95b57d7287e4fa4b528a8f050c41f8ad829c20332f23b48d"),
        ("PnrXop/NoXop.body.txt", "MIMEBoundary_95b57d7287e4fa4b528a8f050c41f8ad829c20332f23b48d"),
        ("PnrXop/PnrNoXop-submit.body.txt", "MIMEBoundary_95b57d7287e4fa4b528a8f050c41f8ad829c20332f23b48d"),
        ("mime/multipart.body.txt", "MIMEBoundary_ba2e384099b4a244bc1c7bab88c735b4f94aeb2925619b62"),
        ("mime/sample_mtom_message.txt", "MIMEBoundary_494859fac46e21a68c012f8f4fe208a370fc32b6e07ae79f"),
    ] {
        let body = std::fs::read(folder.join(file)).unwrap();
        let (envelope, parts) = read(&format!("multipart/related; boundary=\"{boundary}\""), &body).unwrap();
        assert_eq!(envelope.action(), Some(PROVIDE), "{file}");
        match only_document(&envelope) {
            // Its reference names a host that the Content-IDs lack.
            Binary::Part(href) if file.contains("sample_mtom") => assert!(parts.get(&href).is_none()),
            Binary::Part(href) => assert!(parts.get(&href).is_some(), "{file}"),
            Binary::Inline(octets) => assert!(!octets.is_empty()),
        }
    }
    for file in ["mime/selftest-socket-request.txt", "msgval/http-mtom-pnr.txt", "http/http-simple.txt"] {
        let (content_type, body) = http(&std::fs::read(folder.join(file)).unwrap());
        let (envelope, _) = read(&content_type, &body).unwrap();
        assert_eq!(envelope.action(), Some(PROVIDE), "{file}");
    }
}
