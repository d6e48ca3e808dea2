//! Envelopes: structure, addressing, what must be understood, and what we write.

use mime::ContentType;
use soap::names::{ANONYMOUS, SOAP, WSSE};
use soap::{DecodeError, Envelope, FaultCode, Head, Subcode, encode};

use crate::{decode, soap12};

#[test]
fn addressing_is_read_and_trimmed() {
    let envelope = decode(&soap12(
        " <a:To s:mustUnderstand='true'> https://x </a:To><a:MessageID>\nurn:uuid:1\n</a:MessageID>
          <a:ReplyTo s:mustUnderstand='1'><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
          <a:FaultTo><a:Address>https://f</a:Address></a:FaultTo><a:From><a:Address>https://o</a:Address></a:From>
          <a:RelatesTo RelationshipType='urn:other'>urn:uuid:8</a:RelatesTo><a:RelatesTo>urn:uuid:9</a:RelatesTo>
          <a:Action s:mustUnderstand='1'> urn:act </a:Action>",
        "<b/>",
    ))
    .unwrap();
    let addressing = envelope.addressing();
    assert_eq!(addressing.to.as_deref(), Some("https://x"));
    assert_eq!(addressing.message_id.as_deref(), Some("urn:uuid:1"));
    assert_eq!(addressing.reply_to.as_deref(), Some(ANONYMOUS));
    assert_eq!(addressing.fault_to.as_deref(), Some("https://f"));
    assert_eq!(addressing.from.as_deref(), Some("https://o"));
    assert_eq!(addressing.relates_to.as_deref(), Some("urn:uuid:9"));
    assert_eq!(envelope.action(), Some("urn:act"));
    assert!(addressing.is_synchronous());
    assert_eq!(envelope.body().name(), "b");
    envelope.check_request(&[]).unwrap();
    let elsewhere = decode(&soap12("<a:ReplyTo><a:Address>https://r</a:Address></a:ReplyTo>", "<b/>")).unwrap();
    assert!(!elsewhere.addressing().is_synchronous());
}

#[test]
fn what_is_not_soap_1_2_is_a_version_mismatch() {
    for text in [
        "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><b/></e:Body></e:Envelope>",
        "<Envelope/>",
        "<html/>",
    ] {
        let error = decode(text).unwrap_err();
        assert!(matches!(error, DecodeError::Version { .. }), "{error}");
        let fault = error.fault();
        assert_eq!((fault.code, fault.http_status()), (FaultCode::VersionMismatch, 500));
    }
}

#[test]
fn header_and_body_come_once_and_in_order() {
    let s = format!("xmlns:s='{SOAP}'");
    for text in [
        format!("<s:Envelope {s}/>"),
        format!("<s:Envelope {s}><s:Header/></s:Envelope>"),
        format!("<s:Envelope {s}><s:Body><b/></s:Body><s:Header/></s:Envelope>"),
        format!("<s:Envelope {s}><s:Header/><s:Header/><s:Body><b/></s:Body></s:Envelope>"),
        format!("<s:Envelope {s}><s:Body><b/></s:Body><s:Body><b/></s:Body></s:Envelope>"),
        format!("<s:Envelope {s}><x/><s:Body><b/></s:Body></s:Envelope>"),
        format!("<s:Envelope {s}><s:Body/></s:Envelope>"),
        format!("<s:Envelope {s}><s:Body><b/><c/></s:Body></s:Envelope>"),
    ] {
        let error = decode(&text).unwrap_err();
        assert!(
            matches!(&error, DecodeError::Structure { path, .. } if path.starts_with("Envelope")),
            "{text}: {error}"
        );
        assert_eq!(error.fault().code, FaultCode::Sender);
    }
    assert!(decode(&format!("<s:Envelope {s}><s:Body><b/></s:Body></s:Envelope>")).is_ok());
}

#[test]
fn doubled_empty_or_draft_addressing_is_refused() {
    for header in [
        "<a:Action>x</a:Action><a:Action>x</a:Action>",
        "<a:MessageID>x</a:MessageID><a:MessageID>y</a:MessageID>",
        "<a:Action> </a:Action>",
        "<a:ReplyTo>https://x</a:ReplyTo>",
        "<w:Action xmlns:w='http://schemas.xmlsoap.org/ws/2004/08/addressing'>x</w:Action>",
        "<w:To xmlns:w='http://schemas.xmlsoap.org/ws/2003/03/addressing'>x</w:To>",
    ] {
        let fault = decode(&soap12(header, "<b/>")).unwrap_err().fault();
        assert_eq!(
            (fault.code, fault.subcode),
            (FaultCode::Sender, Some(Subcode::InvalidAddressingHeader)),
            "{header}"
        );
    }
}

#[test]
fn missing_headers_are_named() {
    let fault = decode(&soap12("<a:MessageID>x</a:MessageID>", "<b/>")).unwrap().check_request(&[]).unwrap_err();
    assert_eq!((fault.subcode, fault.problem_header), (Some(Subcode::MessageAddressingHeaderRequired), Some("Action")));
    let fault = decode(&soap12("<a:Action>x</a:Action>", "<b/>")).unwrap().check_request(&[]).unwrap_err();
    assert_eq!(
        (fault.subcode, fault.problem_header),
        (Some(Subcode::MessageAddressingHeaderRequired), Some("MessageID"))
    );
}

#[test]
fn the_action_may_stand_only_in_the_content_type() {
    let text = soap12("<a:MessageID>x</a:MessageID>", "<b/>");
    for value in [
        "application/soap+xml; action=\"urn:act\"",
        "multipart/related; start-info=\"application/soap+xml; action=\\\"urn:act\\\"\"",
        "application/xop+xml; type=\"application/soap+xml; action=\\\"urn:act\\\"\"",
    ] {
        let content_type = ContentType::parse(value).unwrap();
        let envelope = Envelope::decode(text.as_bytes(), Some(&content_type), xml::Limits::default()).unwrap();
        assert_eq!(envelope.action(), Some("urn:act"));
        envelope.check_request(&[]).unwrap();
    }
    let content_type = ContentType::parse("application/soap+xml; action=\"urn:other\"").unwrap();
    let both = soap12("<a:Action>urn:act</a:Action>", "<b/>");
    let envelope = Envelope::decode(both.as_bytes(), Some(&content_type), xml::Limits::default()).unwrap();
    assert_eq!(envelope.action(), Some("urn:act"));
}

#[test]
fn blocks_that_must_be_understood_are_refused_by_name() {
    let check = |block: &str, understood: &[(&str, &str)]| {
        let text = soap12(&format!("<a:Action>x</a:Action><a:MessageID>y</a:MessageID>{block}"), "<b/>");
        decode(&text).unwrap().check_request(understood)
    };
    let block = |attributes: &str| format!("<w:Security xmlns:w='{WSSE}' {attributes}/>");
    for attributes in [
        "s:mustUnderstand='1'",
        "s:mustUnderstand='true'",
        "s:mustUnderstand='1' s:role='http://www.w3.org/2003/05/soap-envelope/role/next'",
        "s:mustUnderstand='1' s:role='http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver'",
    ] {
        let fault = check(&block(attributes), &[]).unwrap_err();
        assert_eq!(fault.code, FaultCode::MustUnderstand, "{attributes}");
        assert_eq!(fault.not_understood, [(WSSE.to_owned(), "Security".to_owned())]);
        check(&block(attributes), &[(WSSE, "Security")]).unwrap();
    }
    for attributes in [
        "",
        "s:mustUnderstand='0'",
        "s:mustUnderstand='false'",
        "mustUnderstand='1'",
        "s:mustUnderstand='1' s:role='urn:someone-else'",
        "s:mustUnderstand='1' s:role='http://www.w3.org/2003/05/soap-envelope/role/none'",
    ] {
        check(&block(attributes), &[]).unwrap();
    }
    assert_eq!(check(&block("s:mustUnderstand='yes'"), &[]).unwrap_err().code, FaultCode::Sender);
}

#[test]
fn an_answer_belongs_to_its_request() {
    let answer = |header: &str| decode(&soap12(header, "<b/>")).unwrap();
    answer("<a:RelatesTo>urn:uuid:1</a:RelatesTo>").check_response("urn:uuid:1", &[]).unwrap();
    answer("").check_response("urn:uuid:1", &[]).unwrap();
    assert!(answer("<a:RelatesTo>urn:uuid:2</a:RelatesTo>").check_response("urn:uuid:1", &[]).is_err());
}

#[test]
fn the_body_is_asked_for_by_name() {
    let envelope = decode(&soap12("", "<b xmlns='urn:b'/>")).unwrap();
    assert!(envelope.body_named("urn:b", "b").is_ok());
    let error = envelope.body_named("urn:c", "b").unwrap_err();
    assert_eq!(error.to_string(), "Envelope/Body: expected {urn:c}b, got {urn:b}b");
}

#[test]
fn a_request_is_written_as_the_specification_prints_it() {
    let head = Head {
        blocks: b"<x:y xmlns:x=\"urn:x\"/>",
        ..Head::request("urn:ihe:iti:2007:RegistryStoredQuery", "urn:uuid:1", "https://reg.example/?a&b")
    };
    let bytes = encode(&head, |w| {
        w.start("q").ns("", "urn:q").text("<").end();
    });
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
         <s:Header><a:Action s:mustUnderstand=\"1\">urn:ihe:iti:2007:RegistryStoredQuery</a:Action>\
         <a:MessageID>urn:uuid:1</a:MessageID>\
         <a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>\
         <a:To>https://reg.example/?a&amp;b</a:To><x:y xmlns:x=\"urn:x\"/></s:Header>\
         <s:Body><q xmlns=\"urn:q\">&lt;</q></s:Body></s:Envelope>"
    );
}

#[test]
fn debug_shows_no_content() {
    let envelope = decode(&soap12("<a:Action>x</a:Action><t>SECRET</t>", "<b>SECRET</b>")).unwrap();
    assert!(!format!("{envelope:?}").contains("SECRET"));
}
