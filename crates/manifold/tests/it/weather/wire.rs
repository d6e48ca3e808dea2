//! Messages octet for octet, as peers write them that are not ours, and answers as they came.

use super::client::Client;
use bytes::Bytes;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use xml::XmlWriter;

pub const REGISTRY: &str = "/xds/registry";
pub const REPOSITORY: &str = "/xds/repository";
pub const QUERY: &str = "urn:ihe:iti:2007:RegistryStoredQuery";
pub const REGISTER: &str = "urn:ihe:iti:2007:RegisterDocumentSet-b";
pub const PROVIDE: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
pub const RETRIEVE: &str = "urn:ihe:iti:2007:RetrieveDocumentSet";
pub const UPDATE: &str = "urn:ihe:iti:2010:UpdateDocumentSet";
pub const REMOVE_METADATA: &str = "urn:ihe:iti:2010:DeleteDocumentSet";
pub const REMOVE_DOCUMENTS: &str = "urn:ihe:iti:2017:RemoveDocuments";

/// The MessageID of every message here, with letters in both cases: answers repeat it byte for byte.
pub const MESSAGE_ID: &str = "urn:uuid:0FBFDCED-6c01-4d09-a110-2201afedaa02";

/// What came back.
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    pub fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or_default()
    }

    pub fn is_mtom(&self) -> bool {
        self.content_type().starts_with("multipart/related")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message: its envelope and what is beside it.
    pub fn message(&self) -> (soap::Envelope, soap::Parts<Bytes>) {
        let body = Bytes::copy_from_slice(&self.body);
        let read = soap::MessageReader::read_all(self.content_type(), body, soap::Limits::default());
        read.unwrap_or_else(|error| panic!("{error}: {} {}", self.head, self.text()))
    }

    pub fn envelope(&self) -> soap::Envelope {
        self.message().0
    }

    pub fn fault(&self) -> soap::Fault {
        self.envelope().fault().unwrap_or_else(|| panic!("no fault: {} {}", self.status, self.text()))
    }

    /// Every rs:RegistryError of the answer, whatever it is an answer to.
    pub fn errors(&self) -> Vec<ebxml::RegistryError> {
        let envelope = self.envelope();
        let body = envelope.body();
        let decoded = match body.name() {
            "AdhocQueryResponse" => ebxml::decode_query_response(&body).map(|r| r.errors),
            "RegistryResponse" => ebxml::decode_registry_response(&body).map(|r| r.errors),
            "RetrieveDocumentSetResponse" => ebxml::decode_retrieve_response(&body).map(|r| r.errors),
            other => panic!("{other}: {}", self.text()),
        };
        decoded.unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// `status` of the response, the URN as written.
    pub fn response_status(&self) -> String {
        let envelope = self.envelope();
        let found = envelope.body().descendants().find_map(|e| e.attr("status").map(str::to_owned));
        found.unwrap_or_else(|| panic!("no status: {}", self.text()))
    }
}

/// Sends octets as they are and reads the whole answer; the request must ask for the connection to be closed.
pub fn send(client: &Client, request: &[u8]) -> Answer {
    let mut stream = open(client);
    stream.write_all(request).expect("the octets go out");
    read(stream)
}

pub fn open(client: &Client) -> TcpStream {
    let address = client.base().strip_prefix("http://").expect("a loopback address");
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
    stream
}

pub fn read(mut stream: TcpStream) -> Answer {
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).expect("an answer and its end");
    let end = octets.windows(4).position(|w| w == b"\r\n\r\n").expect("the end of a head");
    let head = String::from_utf8_lossy(&octets[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    let mut answer = Answer { status, head, body: octets.split_off(end + 4) };
    if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        answer.body = unchunked(&answer.body);
    }
    answer
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|w| w == b"\r\n").expect("the size of a chunk");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).expect("a number"), 16).expect("a number");
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

/// A whole HTTP request.
pub fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: weather\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An envelope around header blocks and a body.
pub fn soap12(header: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// The header blocks of a request.
pub fn addressed(action: &str) -> String {
    format!(
        "<a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:MessageID>{MESSAGE_ID}</a:MessageID>\
         <a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>\
         <a:To>http://weather/</a:To>"
    )
}

/// Asks in plain SOAP.
pub fn ask(client: &Client, path: &str, action: &str, body: &str) -> Answer {
    let content_type = soap::plain_content_type(action);
    send(client, &post(path, &content_type, soap12(&addressed(action), body).as_bytes()))
}

/// A package of an envelope and attachments.
pub fn package(envelope: &str, attachments: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = format!(
        "--boundary\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n\
         Content-Transfer-Encoding: binary\r\nContent-ID: <root@weather>\r\n\r\n{envelope}"
    )
    .into_bytes();
    for (id, content) in attachments {
        let head = format!(
            "\r\n--boundary\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\
             Content-ID: <{id}>\r\n\r\n"
        );
        body.extend([head.as_bytes(), content].concat());
    }
    body.extend(b"\r\n--boundary--\r\n");
    body
}

pub fn mtom_type(action: &str) -> String {
    format!(
        "multipart/related; boundary=\"boundary\"; type=\"application/xop+xml\"; start=\"<root@weather>\"; \
         start-info=\"application/soap+xml\"; action=\"{action}\""
    )
}

/// Asks in MTOM.
pub fn ask_mtom(client: &Client, path: &str, action: &str, body: &str, attachments: &[(&str, &[u8])]) -> Answer {
    let whole = package(&soap12(&addressed(action), body), attachments);
    send(client, &post(path, &mtom_type(action), &whole))
}

/// What an encoder writes, as text.
pub fn written(write: impl FnOnce(&mut XmlWriter)) -> String {
    let mut xml = XmlWriter::new();
    write(&mut xml);
    String::from_utf8(xml.finish()).expect("UTF-8")
}

/// A stored query with these slots; values are escaped here and quoted by whoever gives them.
pub fn stored_query(id: &str, slots: &[(&str, &[&str])]) -> String {
    let escaped = |value: &str| value.replace('&', "&amp;").replace('<', "&lt;");
    let slots: String = slots
        .iter()
        .map(|(name, values)| {
            let values: String = values.iter().map(|v| format!("<rim:Value>{}</rim:Value>", escaped(v))).collect();
            format!("<rim:Slot name=\"{name}\"><rim:ValueList>{values}</rim:ValueList></rim:Slot>")
        })
        .collect();
    format!(
        "<q:AdhocQueryRequest xmlns:q=\"urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0\" \
         xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\"><q:ResponseOption returnType=\"LeafClass\" \
         returnComposedObjects=\"true\"/><rim:AdhocQuery id=\"{id}\">{slots}</rim:AdhocQuery></q:AdhocQueryRequest>"
    )
}

pub const FIND_DOCUMENTS: &str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d";
pub const GET_DOCUMENTS: &str = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4";
pub const APPROVED: (&str, &[&str]) =
    ("$XDSDocumentEntryStatus", &["('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')"]);

/// A request for one document.
pub fn retrieve(repository: &str, unique_id: &str) -> String {
    format!(
        "<x:RetrieveDocumentSetRequest xmlns:x=\"urn:ihe:iti:xds-b:2007\">{}</x:RetrieveDocumentSetRequest>",
        document_request(repository, unique_id)
    )
}

pub fn document_request(repository: &str, unique_id: &str) -> String {
    format!(
        "<x:DocumentRequest><x:RepositoryUniqueId>{repository}</x:RepositoryUniqueId>\
         <x:DocumentUniqueId>{unique_id}</x:DocumentUniqueId></x:DocumentRequest>"
    )
}

/// A submission with its one document as an attachment `one@weather`.
pub fn provide(submission: &model::Submission) -> String {
    written(|w| {
        let id = submission.entries[0].id.clone();
        let content = ebxml::Content::Part("one@weather".into());
        ebxml::encode_provide(submission, &[ebxml::ProvidedDocument { id, content }], w);
    })
}

/// The same with the document inside.
pub fn provide_inline(submission: &model::Submission, document: &[u8]) -> String {
    written(|w| {
        let id = submission.entries[0].id.clone();
        ebxml::encode_provide(submission, &[ebxml::ProvidedDocument { id, content: ebxml::Content::of(document) }], w);
    })
}

pub fn register(submission: &model::Submission) -> String {
    written(|w| ebxml::encode_submission(submission, w))
}
