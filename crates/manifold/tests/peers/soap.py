"""SOAP 1.2 with WS-Addressing and MTOM, written from the specifications for the tests: builds requests by hand and reads
answers with Python's own MIME parser. Source: ITI TF-2 Appendix V, XOP 1.0, MTOM 1.0."""

import base64
import email.parser
import email.policy
import sys
import urllib.parse
import uuid

import requests
from lxml import etree

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://www.w3.org/2005/08/addressing",
    "xop": "http://www.w3.org/2004/08/xop/include",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "q": "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0",
    "rim": "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0",
    "rs": "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0",
    "lcm": "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0",
    "x": "urn:ihe:iti:xds-b:2007",
}


class SoapFault(Exception):
    """The other side answered with a fault; `code` is its local name, `reason` its text."""

    def __init__(self, code, reason, status):
        super().__init__(f"{code} (HTTP {status}): {reason}")
        self.code, self.reason, self.status = code, reason, status


class Answer:
    """What came back: the envelope, the attachments by Content-ID, and the headers."""

    def __init__(self, response):
        self.status = response.status_code
        self.content_type = response.headers.get("Content-Type", "")
        root, self.parts = split(self.content_type, response.content)
        parser = etree.XMLParser(resolve_entities=False, huge_tree=True)
        self.envelope = etree.fromstring(root, parser)
        assert self.envelope.tag == "{%s}Envelope" % NS["s"], self.envelope.tag

    def body(self):
        """The only child of the SOAP body."""
        children = list(self.envelope.find("s:Body", NS))
        assert len(children) == 1, [child.tag for child in children]
        return children[0]

    def header(self, name):
        return self.envelope.findtext(f"s:Header/{name}", namespaces=NS)

    def raise_for_fault(self):
        fault = self.envelope.find("s:Body/s:Fault", NS)
        if fault is not None:
            code = fault.findtext("s:Code/s:Value", namespaces=NS).split(":")[-1]
            reason = fault.findtext("s:Reason/s:Text", namespaces=NS)
            raise SoapFault(code, reason, self.status)

    def octets(self, element):
        """The binary content of an element: its attachment, or its own base64."""
        include = element.find("xop:Include", NS)
        if include is None:
            return base64.b64decode(element.text or "")
        href = include.get("href")
        assert href.startswith("cid:"), href
        return self.parts[urllib.parse.unquote(href[4:])]

    def inlined(self):
        """The envelope with every attachment as base64 in its place, as schemas describe it."""
        copy = etree.fromstring(etree.tostring(self.envelope))
        inline(copy, lambda cid: self.parts[cid])
        return etree.tostring(copy, xml_declaration=True, encoding="UTF-8")


def split(content_type, content):
    """The octets of the envelope and the attachments by Content-ID; a plain message has none. Strict about what MTOM wants."""
    if not content_type.lower().startswith("multipart/"):
        return content, {}
    head = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
    assert not message.defects, message.defects
    assert message.get_content_type() == "multipart/related", content_type
    assert message.get_param("type") == "application/xop+xml", content_type
    assert message.get_param("start-info") == "application/soap+xml", content_type
    parts = list(message.iter_parts())
    ids = [part["Content-ID"] for part in parts]
    assert all(ids) and len(set(ids)) == len(ids), ids
    start = message.get_param("start")
    root = ids.index(start) if start else 0
    assert parts[root].get_content_type() == "application/xop+xml", parts[root]["Content-Type"]
    # The parser decodes by charset and line; what counts is the octets between the boundaries.
    octets = raw_parts(content, message.get_boundary())
    assert len(octets) == len(parts)
    attachments = {}
    for index, (part, data) in enumerate(zip(parts, octets)):
        if index != root:
            assert part["Content-Transfer-Encoding"] == "binary", part.items()
            attachments[part["Content-ID"].strip("<>")] = data
    return octets[root], attachments


def inline(envelope, part):
    """Replaces each xop:Include by the base64 of `part(cid)`."""
    for include in list(envelope.iter("{%s}Include" % NS["xop"])):
        parent = include.getparent()
        octets = part(include.get("href")[4:])
        parent.remove(include)
        parent.text = base64.b64encode(octets).decode()


def raw_parts(content, boundary):
    """The octets of each part of a multipart body, without its headers."""
    delimiter = b"\r\n--" + boundary.encode()
    pieces = (b"\r\n" + content).split(delimiter)
    assert pieces[-1].startswith(b"--"), "the closing delimiter is missing"
    parts = []
    for piece in pieces[1:-1]:
        assert piece.startswith(b"\r\n"), piece[:40]
        # A part without headers has its empty line at once; every part here has some.
        _, _, body = piece[2:].partition(b"\r\n\r\n")
        parts.append(body)
    return parts


def envelope(to, action, body, extra_headers=""):
    """`body` is the XML of the body's child, with its own namespace declarations."""
    header = "" if action is None else f'<a:Action s:mustUnderstand="1">{action}</a:Action>'
    return (
        f'<s:Envelope xmlns:s="{NS["s"]}" xmlns:a="{NS["a"]}"><s:Header>{header}'
        f"<a:MessageID>urn:uuid:{uuid.uuid4()}</a:MessageID>"
        "<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>"
        f"<a:To>{to}</a:To>{extra_headers}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def post(to, action, body, headers=None, extra_headers="", name_action=True):
    """Sends a plain SOAP request; `name_action=False` leaves the action to the Content-Type."""
    message = envelope(to, action if name_action else None, body, extra_headers)
    sent = {"Content-Type": f'application/soap+xml; charset=UTF-8; action="{action}"'}
    response = requests.post(to, data=message, headers=sent | (headers or {}), timeout=60)
    return Answer(response)


def post_mtom(to, action, body, attachments, headers=None, extra_headers="", name_action=True):
    """Sends an MTOM request; `attachments` are (Content-ID without brackets, type, octets) and `body` refers to them."""
    boundary = f"MIMEBoundary_{uuid.uuid4().hex}"
    root = envelope(to, action if name_action else None, body, extra_headers)
    pieces = [
        f"--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n"
        "Content-Transfer-Encoding: binary\r\nContent-ID: <root@tests.invalid>\r\n\r\n".encode(),
        root,
    ]
    for content_id, content_type, octets in attachments:
        pieces.append(
            f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: <{content_id}>\r\n\r\n".encode()
        )
        pieces.append(octets)
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    content_type = (
        f'multipart/related; boundary="{boundary}"; type="application/xop+xml"; start="<root@tests.invalid>"; '
        f'start-info="application/soap+xml"; action="{action}"'
    )
    sent = {"Content-Type": content_type} | (headers or {})
    return Answer(requests.post(to, data=b"".join(pieces), headers=sent, timeout=60))


def include(content_id):
    return f'<xop:Include xmlns:xop="{NS["xop"]}" href="cid:{content_id}"/>'


def write_body(message_file, body_file):
    """The body of a recorded message as a document of its own."""
    body = etree.parse(message_file).getroot().find("s:Body", NS)[0]
    etree.ElementTree(etree.fromstring(etree.tostring(body))).write(body_file, xml_declaration=True, encoding="UTF-8")


if __name__ == "__main__":
    write_body(*sys.argv[2:])
