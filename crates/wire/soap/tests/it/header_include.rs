//! Field case B-048: base64 of the header sent as attachments.

use soap::names::WSSE;
use soap::{Binary, DecodeError, FaultCode, binary};

use crate::{fixture, read, soap12};

const MTOM: &str =
    r#"multipart/related; boundary=b; type="application/xop+xml"; start="<root@made>"; action="urn:act""#;

const TOKEN: &str =
    "<t xmlns='urn:t'><xop:Include xmlns:xop='http://www.w3.org/2004/08/xop/include' href='cid:t'/></t>";

fn root(header: &str) -> String {
    format!("--b\r\nContent-ID: <root@made>\r\n\r\n{}\r\n", soap12(header, "<d/>"))
}

fn part(id: &str, content: &str) -> String {
    format!("--b\r\nContent-ID: <{id}>\r\n\r\n{content}\r\n")
}

#[test]
fn a_security_token_sent_as_attachment_is_back_in_the_header() {
    let (envelope, parts) = read(MTOM, &fixture("made/token-as-attachment.mtom")).unwrap();
    envelope.check_request(&[(WSSE, "Security")]).unwrap();
    assert_eq!(envelope.action(), Some("urn:act"));
    let token = envelope.header_block(WSSE, "Security").unwrap().child(WSSE, "BinarySecurityToken").unwrap();
    assert_eq!(binary(token), Ok(Binary::Inline(b"token".to_vec())));
    assert_eq!(token.source(), "<wsse:BinarySecurityToken>dG9rZW4=</wsse:BinarySecurityToken>");
    let document = envelope.body().children().next().unwrap();
    let Binary::Part(href) = binary(document).unwrap() else { panic!("resolved too much") };
    assert_eq!(parts.get(&href).unwrap().as_ref(), b"document");
}

#[test]
fn it_works_in_any_order_and_with_several() {
    let two = format!("{TOKEN}{}", TOKEN.replace("cid:t", "CID:u%2Bv"));
    let pieces = [root(&two), part("t", "one"), part("u+v", "two"), part("x", "other")];
    for order in [[0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0], [1, 2, 3, 0], [3, 1, 0, 2]] {
        let body: String = order.iter().map(|&at| pieces[at].as_str()).collect();
        let (envelope, parts) = read(MTOM, (body + "--b--").as_bytes()).unwrap();
        let tokens: Vec<Binary> = envelope.header_blocks().map(|block| binary(block).unwrap()).collect();
        assert_eq!(tokens, [Binary::Inline(b"one".to_vec()), Binary::Inline(b"two".to_vec())]);
        assert_eq!(parts.len(), 3);
    }
}

#[test]
fn what_cannot_be_resolved_is_a_fault_that_says_so() {
    let large = "x".repeat(300_000);
    for (body, expected) in [
        (root(TOKEN), "<t>"),
        (root(TOKEN) + &part("u", "x"), "<t>"),
        (part("t", &large) + &root(TOKEN), "<t>"),
        (root(TOKEN) + &part("t", &large), "<t>"),
        (root(&TOKEN.replace("cid:t", "file:///etc/passwd")), "cid:"),
        (root(&TOKEN.replace("</t>", "x</t>")), "alone"),
        (root(&TOKEN.repeat(65)) + &part("t", "x"), "64"),
    ] {
        let error = read(MTOM, (body + "--b--").as_bytes()).unwrap_err();
        assert!(matches!(&error, DecodeError::Binary { path, .. } if path.starts_with("Envelope/Header")), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.fault().code, FaultCode::Sender);
    }
    let plain = read("application/soap+xml", soap12(TOKEN, "<d/>").as_bytes()).unwrap_err();
    assert!(matches!(plain, DecodeError::Binary { .. }), "{plain}");
}
