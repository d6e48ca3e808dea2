"""Failures of other systems as checks on the wire, each under its number in the list of field cases.

    field_cases.py NUMBER ENDPOINTS FOLDER
"""

import base64
import hashlib
import http.client
import io
import os
import re
import socket
import struct
import subprocess
import sys
import urllib.parse

import numpy
import pydicom
import requests

import made
import network
import soap
import xds
from network import check

EXPLICIT_LE = "1.2.840.10008.1.2.1"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
DICOM_PARTS = 'multipart/related; type="application/dicom"'


def get(url, accept=DICOM_PARTS):
    return requests.get(url, headers={"Accept": accept}, timeout=30)


def parts(response):
    check(response.status_code == 200, f"{response.url}: {response.status_code} {response.text[:300]}")
    boundary = re.search('boundary="?([^";]+)', response.headers["Content-Type"]).group(1)
    return soap.raw_parts(response.content, boundary)


def published(net, node, *data_sets):
    """Waits until all can be retrieved: their manifest is registered. The base address."""
    base = net.at(node, "RAD-107")
    for data in data_sets:
        url = f"{base}/studies/{data.StudyInstanceUID}/series/{data.SeriesInstanceUID}/instances/{data.SOPInstanceUID}"
        network.until(f"{url}", lambda: requests.get(url, headers={"Accept": "*/*"}, timeout=30).status_code == 200)
    return base


def instance_url(base, data):
    return f"{base}/studies/{data.StudyInstanceUID}/series/{data.SeriesInstanceUID}/instances/{data.SOPInstanceUID}"


def b_001(net, folder):
    """A stored JPEG Lossless slice: decoded by default, untouched with transfer-syntax=*."""
    plain, data = made.image(folder, "P0001")
    packed = os.path.join(folder, "packed.dcm")
    subprocess.run(["dcmcjpeg", "+e1", "+ud", plain, packed], check=True)
    check(pydicom.dcmread(packed).file_meta.TransferSyntaxUID == JPEG_LOSSLESS, "dcmcjpeg made something else")
    check(made.send(net, "north", packed) == [0], "not stored")
    url = instance_url(published(net, "north", data), data)
    (part,) = parts(get(url))
    came = pydicom.dcmread(io.BytesIO(part))
    check(came.file_meta.TransferSyntaxUID == EXPLICIT_LE, f"default is {came.file_meta.TransferSyntaxUID}")
    check(numpy.array_equal(came.pixel_array, data.pixel_array), "other pixels")
    (part,) = parts(get(url, DICOM_PARTS + "; transfer-syntax=*"))
    check(pydicom.dcmread(io.BytesIO(part)).file_meta.TransferSyntaxUID == JPEG_LOSSLESS, "transcoded")
    sent = hashlib.sha256(made.data_set_octets(made.read_file(packed))).hexdigest()
    check(hashlib.sha256(made.data_set_octets(part)).hexdigest() == sent, "other octets than were sent")
    (named,) = parts(get(url, f"{DICOM_PARTS}; transfer-syntax={JPEG_LOSSLESS}"))
    check(named == part, "the stored syntax by name gives other octets")


def b_003(net, folder):
    """Six spellings of Accept that name what we have, and some that do not."""
    path, data = made.image(folder, "P0001")
    check(made.send(net, "north", path) == [0], "not stored")
    url = instance_url(published(net, "north", data), data)
    for accept in (
        'multipart/related; type="application/dicom"',
        "multipart/related; type=application/dicom",
        'multipart/related ; type = "application/dicom" ; transfer-syntax = *',
        'multipart/related; type="image/jp2"; q=1.0, multipart/related; type="application/dicom"; q=0.7, application/dicom+json; q=0.1',
        "*/*",
        None,
    ):
        response = bare_get(url, accept)
        check(response[0] == 200, f"Accept {accept!r}: {response[0]} {response[1][:300]}")
    for accept in ("text/html", 'multipart/related; type="image/jp2"', "application/pdf;q=0.5"):
        response = bare_get(url, accept)
        check(response[0] == 406, f"Accept {accept!r}: {response[0]} {response[1][:300]}")
        check(len(response[1]) > 20, f"Accept {accept!r}: no reason")


def bare_get(url, accept):
    """GET with exactly this Accept, or none. requests would add its own."""
    target = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
    connection.putrequest("GET", target.path, skip_accept_encoding=True)
    if accept is not None:
        connection.putheader("Accept", accept)
    connection.endheaders()
    response = connection.getresponse()
    return response.status, response.read()


def b_005(net, folder):
    """Every part has its own headers, one empty line, and then the object; the end is marked without Content-Length."""
    study, series = made.uid(), made.uid()
    made_files = [made.image(folder, "P0001", study, series) for _ in range(2)]
    check(made.send(net, "north", *(path for path, _ in made_files)) == [0, 0], "not stored")
    # The big-endian twin has to be converted: nobody knows the length of the answer when it begins.
    converted = [made.image(folder, "P0002", None, None, "MR_small_bigendian.dcm") for _ in range(2)]
    for _, data in converted[1:]:
        data.StudyInstanceUID = converted[0][1].StudyInstanceUID
        data.save_as(converted[1][0], enforce_file_format=True)
    check(made.send(net, "north", *(path for path, _ in converted)) == [0, 0], "not stored")
    base = published(net, "north", *(data for _, data in made_files + converted))
    lengths = []
    for uid, accept in ((study, DICOM_PARTS + "; transfer-syntax=*"), (converted[0][1].StudyInstanceUID, DICOM_PARTS)):
        response = get(f"{base}/studies/{uid}", accept)
        lengths.append("Content-Length" in response.headers)
        boundary = re.search('boundary="?([^";]+)', response.headers["Content-Type"]).group(1).encode()
        check(response.content.rstrip(b"\r\n").endswith(b"--" + boundary + b"--"), "no closing delimiter")
        pieces = (b"\r\n" + response.content).split(b"\r\n--" + boundary)[1:-1]
        check(len(pieces) == 2, f"{len(pieces)} parts")
        for piece in pieces:
            head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            names = [line.split(b":")[0].lower() for line in head.split(b"\r\n")]
            check(b"content-type" in names, f"headers of a part: {head}")
            check(body[128:132] == b"DICM", f"octets 128 to 131 are {body[128:132]}")
            given = re.search(rb"(?im)^content-length: *(\d+)", head)
            check(given is None or int(given.group(1)) == len(body), f"{head} for {len(body)} octets")
    check(lengths == [True, False], f"Content-Length given: {lengths}")


def b_007(net, folder):
    """Two studies of different patients with the same Series Instance UID stay apart."""
    series = made.uid()
    files = [made.image(folder, patient, None, series) for patient in ("P0004", "P0005")]
    for path, _ in files:
        check(made.send(net, "north", path) == [0], "not stored")
    base = published(net, "north", *(data for _, data in files))
    for _, data in files:
        for level in (f"{base}/studies/{data.StudyInstanceUID}", f"{base}/studies/{data.StudyInstanceUID}/series/{series}"):
            found = [str(pydicom.dcmread(io.BytesIO(p)).SOPInstanceUID) for p in parts(get(level))]
            check(found == [data.SOPInstanceUID], f"{level} gives {found}")
    one, other = (data for _, data in files)
    response = get(f"{base}/studies/{one.StudyInstanceUID}/series/{series}/instances/{other.SOPInstanceUID}")
    check(response.status_code == 404, f"an instance of the other study: {response.status_code}")


def b_010(net, folder):
    """Garbage in a UID segment is a short 400 or 404 on every level, never a 500."""
    path, data = made.image(folder, "P0001")
    check(made.send(net, "north", path) == [0], "not stored")
    base = published(net, "north", data)
    target = urllib.parse.urlsplit(base)
    bad = ["1.2.abc..3", "1." + "2" * 63, "%00", "..", "", "..%2f..%2fetc%2fpasswd", "1.2.3%0d%0aX-Y:%20z", "%ff%fe"]
    for segment in bad:
        for level in (
            f"studies/{segment}",
            f"studies/{data.StudyInstanceUID}/series/{segment}",
            f"studies/{data.StudyInstanceUID}/series/{data.SeriesInstanceUID}/instances/{segment}",
        ):
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
            connection.request("GET", f"{target.path}/{level}", headers={"Accept": DICOM_PARTS})
            response = connection.getresponse()
            body = response.read()
            check(response.status in (400, 404), f"{level}: {response.status} {body[:200]}")
            check(0 < len(body) < 1000, f"{level}: a reason of {len(body)} octets")
            check(response.headers["X-Y"] is None, f"{level}: the segment wrote a header")


def b_012_a(net, folder):
    """A Study Instance UID padded with a blank is found by the UID, and served as it was stored."""
    study = made.uid()[:36] + "1"
    path, data = made.image(folder, "P0006", study)
    octets = made.read_file(path)
    check(octets.count(study.encode() + b"\0") == 1, "the UID is not padded")
    padded = octets.replace(study.encode() + b"\0", study.encode() + b" ")
    with open(path, "wb") as file:
        file.write(padded)
    check(made.send(net, "north", path) == [0], "not stored")
    base = published(net, "north", data)
    (part,) = parts(get(f"{base}/studies/{study}", DICOM_PARTS + "; transfer-syntax=*"))
    check(made.data_set_octets(part) == made.data_set_octets(padded), "other octets than were sent")
    found_in_registry(net, "P0006", study)


def b_012_b(net, folder):
    """A UID with a leading zero in a component is stored, matched and served literally."""
    study = "2.25.1055.1.20111103.05453119"
    path, data = made.image(folder, "P0007", study=study)
    made.storescu(net, "north", path)
    base = published(net, "north", data)
    (part,) = parts(get(f"{base}/studies/{study}"))
    check(str(pydicom.dcmread(io.BytesIO(part)).StudyInstanceUID) == study, "another UID came back")
    entry = found_in_registry(net, "P0007", study)
    documents, _ = xds.retrieve(net.repository(entry), (entry.slot("repositoryUniqueId"), entry.unique_id))
    manifest = pydicom.dcmread(io.BytesIO(documents[0][2]))
    listed = [str(s.StudyInstanceUID) for s in manifest.CurrentRequestedProcedureEvidenceSequence]
    check(listed == [study], f"the manifest lists {listed}")
    check(get(f"{base}/studies/2.25.1055.1.20111103.5453119").status_code == 404, "found without its zero")


def found_in_registry(net, patient, study):
    reference = f"{study}^^^^{xds.STUDY_REFERENCE}"
    found = xds.by_reference(net.at("central", "ITI-18"), net.cx(patient), reference)
    check(len(found) == 1, f"ITI-18 finds {len(found)} manifests of study {study}")
    return found[0]


def b_012_c(net, folder):
    """An association whose Implementation Class UID is padded with NUL is accepted."""
    host, port, title = net.dimse("north")

    def item(kind, value):
        return struct.pack(">BBH", kind, 0, len(value)) + value

    verification, implicit_le = b"1.2.840.10008.1.1", b"1.2.840.10008.1.2"
    context = item(0x20, b"\x01\0\0\0" + item(0x30, verification) + item(0x40, implicit_le))
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"2.25.424242\0") + item(0x55, b"PADDED"))
    body = (
        struct.pack(">HH", 1, 0)
        + title.encode().ljust(16)
        + b"PADDER".ljust(16)
        + bytes(32)
        + item(0x10, b"1.2.840.10008.3.1.1.1")
        + context
        + user
    )
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.sendall(struct.pack(">BBI", 1, 0, len(body)) + body)
        kind, answer = read_pdu(connection)
        check(kind == 2, f"PDU {kind} {answer.hex()} instead of A-ASSOCIATE-AC")
        check(item(0x21, b"\x01\0\0\0" + item(0x40, implicit_le)) in answer, "Verification was not accepted")
        connection.sendall(struct.pack(">BBI", 5, 0, 4) + bytes(4))
        kind, _ = read_pdu(connection)
        check(kind == 6, f"PDU {kind} instead of A-RELEASE-RP")


def read_pdu(connection):
    def exactly(count):
        octets = b""
        while len(octets) < count:
            more = connection.recv(count - len(octets))
            check(more, "the connection was closed")
            octets += more
        return octets

    kind, _, length = struct.unpack(">BBI", exactly(6))
    return kind, exactly(length)


def b_024(net, folder):
    """A manifest that lives in a study of its own is accepted, and found by the study it lists."""
    path, data = made.image(folder, "P0008")
    check(made.send(net, "north", path) == [0], "not stored")
    published(net, "north", data)
    ours = found_in_registry(net, "P0008", data.StudyInstanceUID)
    documents, _ = xds.retrieve(net.repository(ours), (ours.slot("repositoryUniqueId"), ours.unique_id))
    manifest = pydicom.dcmread(io.BytesIO(documents[0][2]))
    listed, own = made.uid(), made.uid()
    manifest.StudyInstanceUID, manifest.SeriesInstanceUID = own, made.uid()
    manifest.SOPInstanceUID = manifest.file_meta.MediaStorageSOPInstanceUID = made.uid()
    manifest.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID = listed
    written = io.BytesIO()
    manifest.save_as(written, enforce_file_format=True)
    document = xds.Document(
        patient=net.cx("P0008"),
        content=written.getvalue(),
        mime_type="application/dicom",
        unique_id=str(manifest.SOPInstanceUID),
        class_code=("IMAGES", "Images", "1.3.6.1.4.1.19376.1.2.6.1"),
        format_code=(xds.KOS_FORMAT[0], "Key Object Selection Document", xds.KOS_FORMAT[1]),
        references=[f"{listed}^^^^{xds.STUDY_REFERENCE}"],
    )
    xds.provide(net.at("central", "ITI-41"), document)
    found = found_in_registry(net, "P0008", listed)
    check(found.unique_id == document.unique_id, "another document is found")
    others = xds.by_reference(net.at("central", "ITI-18"), net.cx("P0008"), f"{own}^^^^{xds.STUDY_REFERENCE}")
    check(others == [], "the manifest's own study is offered")


def comes_back(net, document):
    repository = net.at("central", "ITI-43")
    documents, _ = xds.retrieve(repository, (net.nodes["central"]["repository_unique_id"], document.unique_id))
    check(documents == [(document.unique_id, document.mime_type, document.content)], "something else came back")


def b_046(net, folder):
    """ITI-41 as plain SOAP, the document inline: handled, or refused by a sentence that says MTOM."""
    document = xds.Document(patient=net.cx("P0009"), content=bytes(range(256)) * 300)
    body = xds.provide_body(document, base64.b64encode(document.content).decode())
    answer = soap.post(net.at("central", "ITI-41"), xds.PROVIDE, body)
    try:
        xds.read_provided(answer)
    except soap.SoapFault as fault:
        check(fault.code == "Sender" and re.search("MTOM|XOP", fault.reason), str(fault))
    else:
        check(answer.content_type.startswith("application/soap+xml"), f"a plain request got {answer.content_type}")
        comes_back(net, document)


def b_048(net, folder):
    """xop:Include in the security header, an extra SOAPAction, the action in the Content-Type only: all pass."""
    token = os.urandom(300)
    security = (
        f'<wsse:Security xmlns:wsse="{soap.NS["wsse"]}" s:mustUnderstand="%d"><wsse:BinarySecurityToken '
        'EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary">'
        f'{soap.include("token@tests.invalid")}</wsse:BinarySecurityToken></wsse:Security>'
    )
    for options in (
        {"extra_headers": security % 0},
        {"extra_headers": security % 1},
        {"headers": {"SOAPAction": f'"{xds.PROVIDE}"'}},
        {"name_action": False},
        {"extra_headers": security % 1, "headers": {"SOAPAction": '""'}, "name_action": False},
    ):
        document = xds.Document(patient=net.cx("P0010"), content=os.urandom(1000))
        attachments = [("doc1@tests.invalid", document.mime_type, document.content)]
        if "extra_headers" in options:
            attachments.insert(0, ("token@tests.invalid", "application/octet-stream", token))
        body = xds.provide_body(document, soap.include("doc1@tests.invalid"))
        answer = soap.post_mtom(net.at("central", "ITI-41"), xds.PROVIDE, body, attachments, **options)
        xds.read_provided(answer)
        comes_back(net, document)


if __name__ == "__main__":
    number, endpoints, folder = sys.argv[1:]
    globals()[number](network.Network(endpoints), folder)
