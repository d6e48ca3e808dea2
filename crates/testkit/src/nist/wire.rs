//! SOAP 1.2 with WS-Addressing, plain and as MTOM, written by hand: the test kit's side of the wire shares no code with
//! the node's. Source: spec xds.md sections 3 and 4.

use super::tree::{Tree, escape};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const BOUNDARY: &str = "MIMEBoundary_of_the_kit";
const ROOT: &str = "root@kit.example";

/// Where messages go. The implementation here is HTTP on a socket; a test may give another.
pub trait Peer {
    /// One POST and its answer.
    fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Reply, String>;
}

/// What came back over HTTP.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// A node on a loopback port, one connection per message.
#[derive(Debug)]
pub struct HttpPeer {
    /// `127.0.0.1:N`.
    pub address: String,
}

impl Peer for HttpPeer {
    fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Reply, String> {
        let broken = |error: std::io::Error| format!("the connection to {path} broke: {error}");
        let mut stream = TcpStream::connect(&self.address).map_err(broken)?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).map_err(broken)?;
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).map_err(broken)?;
        reply(&octets)
    }
}

fn reply(octets: &[u8]) -> Result<Reply, String> {
    let end = find(octets, b"\r\n\r\n").ok_or("the answer has no end of its header")?;
    let head = String::from_utf8_lossy(&octets[..end]).into_owned();
    let header = |name: &str| {
        let line = head
            .lines()
            .skip(1)
            .find(|line| line.split_once(':').is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name)));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("the answer has no status")?;
    let body = &octets[end + 4..];
    let chunked = header("transfer-encoding").eq_ignore_ascii_case("chunked");
    let body = if chunked { unchunked(body)? } else { body.to_vec() };
    Ok(Reply { status, content_type: header("content-type"), body })
}

fn unchunked(mut rest: &[u8]) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\r\n").ok_or("a chunk has no size")?;
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| format!("a chunk has the size {size}"))?;
        if size == 0 {
            return Ok(body);
        }
        body.extend(rest.get(end + 2..end + 2 + size).ok_or("a chunk ends early")?);
        rest = rest.get(end + 4 + size..).ok_or("a chunk ends early")?;
    }
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|window| window == wanted)
}

/// A message ready to be posted.
#[derive(Debug)]
pub struct Message {
    pub content_type: String,
    pub body: Vec<u8>,
    pub message_id: String,
}

fn envelope(action: &str, message_id: &str, body: &Tree) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\"><s:Header>\
         <a:Action s:mustUnderstand=\"1\">{}</a:Action><a:MessageID>{message_id}</a:MessageID>\
         <a:ReplyTo><a:Address>{ADDRESSING}/anonymous</a:Address></a:ReplyTo><a:To>http://node.example/</a:To>\
         </s:Header><s:Body>{}</s:Body></s:Envelope>",
        escape(action),
        body.to_xml()
    )
}

/// A simple SOAP message.
pub fn simple(action: &str, message_id: &str, body: &Tree) -> Message {
    Message {
        content_type: format!("application/soap+xml; charset=UTF-8; action=\"{action}\""),
        body: envelope(action, message_id, body).into_bytes(),
        message_id: message_id.to_owned(),
    }
}

/// A message with attachments by Content-ID; without any it is multipart all the same.
pub fn mtom(action: &str, message_id: &str, body: &Tree, attachments: &[(String, Vec<u8>)]) -> Message {
    let mut octets = format!(
        "--{BOUNDARY}\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n\
         Content-Transfer-Encoding: binary\r\nContent-ID: <{ROOT}>\r\n\r\n{}\r\n",
        envelope(action, message_id, body)
    )
    .into_bytes();
    for (id, content) in attachments {
        octets.extend(
            format!(
                "--{BOUNDARY}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\
                 Content-ID: <{id}>\r\n\r\n"
            )
            .into_bytes(),
        );
        octets.extend(content);
        octets.extend(b"\r\n");
    }
    octets.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    Message {
        content_type: format!(
            "multipart/related; boundary=\"{BOUNDARY}\"; type=\"application/xop+xml\"; start=\"<{ROOT}>\"; \
             start-info=\"application/soap+xml\"; action=\"{action}\""
        ),
        body: octets,
        message_id: message_id.to_owned(),
    }
}

/// A SOAP answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub action: String,
    pub relates_to: String,
    /// The child of the Body.
    pub body: Tree,
    /// Whether it came as multipart/related.
    pub multipart: bool,
    /// The other parts by Content-ID without brackets.
    pub attachments: HashMap<String, Vec<u8>>,
}

/// Reads an answer. Errors: it is no SOAP 1.2 message.
pub fn read(reply: &Reply) -> Result<Answer, String> {
    let multipart = reply.content_type.to_ascii_lowercase().starts_with("multipart/related");
    let (root, attachments) = if multipart { parts(reply)? } else { (reply.body.clone(), HashMap::new()) };
    let about = |error: String| format!("HTTP {}, {}: {error}", reply.status, reply.content_type);
    let envelope = Tree::parse(&root).map_err(about)?;
    if envelope.name != "Envelope" || envelope.namespace != SOAP {
        return Err(about(format!("expected a SOAP 1.2 envelope, got {}", envelope.name)));
    }
    let text = |name: &str| {
        let header = envelope.child("Header").and_then(|header| header.child(name));
        header.map(|found| found.trimmed().to_owned()).unwrap_or_default()
    };
    let (action, relates_to) = (text("Action"), text("RelatesTo"));
    let body = envelope.child("Body").ok_or_else(|| about("the envelope has no Body".into()))?;
    let [body] = &body.children[..] else { return Err(about("expected one element in the Body".into())) };
    if reply.status != 200 && body.name != "Fault" {
        return Err(about(format!("expected status 200 with a {}", body.name)));
    }
    Ok(Answer { action, relates_to, body: body.clone(), multipart, attachments })
}

type Parts = (Vec<u8>, HashMap<String, Vec<u8>>);

fn parts(reply: &Reply) -> Result<Parts, String> {
    let boundary = parameter(&reply.content_type, "boundary").ok_or("multipart/related without a boundary")?;
    let start = parameter(&reply.content_type, "start").unwrap_or_default();
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let whole = [b"\r\n", &reply.body[..]].concat();
    let mut rest = &whole[..];
    let (mut root, mut others) = (None, HashMap::new());
    while let Some(at) = find(rest, &delimiter) {
        rest = &rest[at + delimiter.len()..];
        if rest.starts_with(b"--") {
            break;
        }
        let end = find(rest, &delimiter).ok_or("a part has no end")?;
        let part = &rest[..end];
        let head = find(part, b"\r\n\r\n").ok_or("a part has no header")?;
        let header = String::from_utf8_lossy(&part[..head]).into_owned();
        let id = header.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-id").then(|| value.trim().to_owned())
        });
        let id = id.unwrap_or_default();
        let content = part[head + 4..].to_vec();
        if root.is_none() && (start.is_empty() || id == start) {
            root = Some(content);
        } else {
            others.insert(id.trim_matches(['<', '>']).to_owned(), content);
        }
    }
    Ok((root.ok_or("no part is the start of the message")?, others))
}

fn parameter(content_type: &str, name: &str) -> Option<String> {
    let lower = content_type.to_ascii_lowercase();
    let at = lower.find(&format!("{name}="))? + name.len() + 1;
    let rest = &content_type[at..];
    Some(match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
        None => rest.split(';').next().unwrap_or_default().trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_mtom_is_read_with_its_attachment() {
        let body = Tree::new("urn:x", "Body1");
        let message = mtom("urn:act", "urn:uuid:1", &body, &[("doc@kit.example".into(), b"a\r\n--b".to_vec())]);
        let reply = Reply { status: 200, content_type: message.content_type, body: message.body };
        let answer = read(&reply).unwrap();
        assert_eq!((answer.action.as_str(), answer.body.name.as_str(), answer.multipart), ("urn:act", "Body1", true));
        assert_eq!(answer.attachments["doc@kit.example"], b"a\r\n--b");
    }

    #[test]
    fn chunks_are_joined_and_broken_ones_refused() {
        assert_eq!(unchunked(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").unwrap(), b"abcde");
        assert!(unchunked(b"5\r\nabc\r\n").is_err() && unchunked(b"zz\r\n").is_err() && unchunked(b"").is_err());
    }

    #[test]
    fn an_answer_that_is_no_soap_is_an_error_with_its_status() {
        let reply = Reply { status: 415, content_type: "text/plain".into(), body: b"no".to_vec() };
        assert!(read(&reply).unwrap_err().starts_with("HTTP 415"));
    }
}
