//! Faults, there and back.

use soap::names::{ADDRESSING_FAULT, SOAP, SOAP_FAULT, WSA, WSSE};
use soap::{Envelope, Fault, FaultCode, Subcode};

use crate::{decode, fixture, soap12};

fn written(fault: &Fault) -> Envelope {
    let bytes = fault.encode(Some("urn:uuid:1"));
    Envelope::decode(&bytes, None, xml::Limits::default()).unwrap()
}

#[test]
fn every_code_and_subcode_survives_the_wire() {
    use FaultCode::{DataEncodingUnknown, MustUnderstand, Receiver, Sender, VersionMismatch};
    let other = Subcode::Other(Box::new(("urn:x".into(), "Busy".into())));
    let subcodes = [
        None,
        Some(Subcode::ActionNotSupported),
        Some(Subcode::InvalidAddressingHeader),
        Some(Subcode::MessageAddressingHeaderRequired),
        Some(Subcode::DestinationUnreachable),
        Some(Subcode::InvalidSecurity),
        Some(Subcode::InvalidSecurityToken),
        Some(Subcode::FailedAuthentication),
        Some(Subcode::FailedCheck),
        Some(Subcode::SecurityTokenUnavailable),
        Some(Subcode::UnsupportedSecurityToken),
        Some(other),
    ];
    for code in [VersionMismatch, MustUnderstand, DataEncodingUnknown, Sender, Receiver] {
        for subcode in &subcodes {
            let fault = Fault { subcode: subcode.clone(), ..Fault::new(code, "a < b & c") };
            let envelope = written(&fault);
            assert_eq!(envelope.fault(), Some(fault.clone()));
            assert_eq!(envelope.action(), Some(fault.action()));
            assert_eq!(envelope.addressing().relates_to.as_deref(), Some("urn:uuid:1"));
            assert_eq!(envelope.check_response("urn:uuid:1", &[]), Err(fault));
        }
    }
}

#[test]
fn status_and_action_follow_the_code() {
    for (fault, status, action) in [
        (Fault::sender("x"), 400, SOAP_FAULT),
        (Fault::receiver("x"), 500, SOAP_FAULT),
        (Fault::new(FaultCode::MustUnderstand, "x"), 500, SOAP_FAULT),
        (Fault::action_not_supported("urn:x"), 400, ADDRESSING_FAULT),
        (Fault::header_required("Action"), 400, ADDRESSING_FAULT),
        (Fault::sender("x").with(Subcode::FailedCheck), 400, SOAP_FAULT),
    ] {
        assert_eq!((fault.http_status(), fault.action()), (status, action), "{fault}");
    }
}

#[test]
fn blocks_not_understood_are_listed_in_the_header() {
    let fault =
        Fault { not_understood: vec![(WSSE.into(), "Security".into())], ..Fault::new(FaultCode::MustUnderstand, "x") };
    let envelope = written(&fault);
    let block = envelope.header_block(SOAP, "NotUnderstood").unwrap();
    assert_eq!(block.qname(block.attr("qname").unwrap()), Some((Some(WSSE), "Security")));
}

#[test]
fn a_version_mismatch_says_which_version_is_spoken() {
    let envelope = written(&Fault::new(FaultCode::VersionMismatch, "x"));
    let upgrade = envelope.header_block(SOAP, "Upgrade").unwrap();
    let supported = upgrade.child(SOAP, "SupportedEnvelope").unwrap();
    assert_eq!(supported.qname(supported.attr("qname").unwrap()), Some((Some(SOAP), "Envelope")));
}

#[test]
fn a_missing_header_is_named_in_the_detail() {
    let envelope = written(&Fault::header_required("MessageID"));
    let detail = envelope.body().child(SOAP, "Detail").unwrap();
    let header = detail.child(WSA, "ProblemHeaderQName").unwrap();
    assert_eq!(header.qname(&header.text()), Some((Some(WSA), "MessageID")));
}

#[test]
fn detail_is_carried_as_xml() {
    let fault = Fault { detail: Some("<x:why xmlns:x=\"urn:x\">1 &lt; 2</x:why>".into()), ..Fault::sender("x") };
    let envelope = written(&fault);
    let why = envelope.body().child(SOAP, "Detail").unwrap().child("urn:x", "why").unwrap();
    assert_eq!(why.text(), "1 < 2");
    let read = envelope.fault().unwrap().detail.unwrap();
    let read = xml::Document::parse(read.as_bytes(), xml::Limits::default()).unwrap();
    assert!(read.root().is("urn:x", "why"));
}

#[test]
fn faults_of_others_are_read_leniently() {
    let text = String::from_utf8(fixture("spec/soap-fault.xml")).unwrap();
    let fault = decode(&text).unwrap().fault().unwrap();
    assert_eq!((fault.code, fault.subcode), (FaultCode::Sender, Some(Subcode::ActionNotSupported)));
    let text = String::from_utf8(fixture("peer/nist-fault.xml")).unwrap();
    let fault = decode(&text).unwrap().fault().unwrap();
    assert_eq!((fault.code, fault.subcode), (FaultCode::Sender, None));
    assert!(fault.reason.contains("MTOM is required"));
    let odd =
        decode(&soap12("", "<s:Fault><s:Code><s:Value>x:Odd</s:Value></s:Code></s:Fault>")).unwrap().fault().unwrap();
    assert_eq!((odd.code, odd.reason.as_str()), (FaultCode::Receiver, ""));
    let languages = "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang='de'>nein</s:Text><s:Text xml:lang='en-US'>no</s:Text></s:Reason></s:Fault>";
    assert_eq!(decode(&soap12("", languages)).unwrap().fault().unwrap().reason, "no");
    assert_eq!(decode(&soap12("", "<b/>")).unwrap().fault(), None);
}
