"""Reports as CDA documents that hold a PDF.

    reports.py seeded ENDPOINTS FOLDER           writes every report to FOLDER, ready for the CDA schema
    reports.py make_pdf FILE                     makes a small PDF like no other
    reports.py published ENDPOINTS PATIENT FILE FOLDER   the newest report of a patient holds exactly that PDF
"""

import base64
import os
import sys
import uuid

from lxml import etree

import network
import xds
from network import check

CDA = {"c": "urn:hl7-org:v3"}
# Extension elements of DICOM PS3.20, which the base schema cannot know.
EXTENSION = "urn:dicom-org:ps3-20"


def reports(net, patients=None):
    """(entry, octets) of the reports in force."""
    registry = net.at("central", "ITI-18")
    found = []
    for patient in patients or net.patients:
        for entry in xds.find_documents(registry, net.cx(patient)):
            if not entry.is_manifest:
                wanted = (entry.slot("repositoryUniqueId"), entry.unique_id)
                documents, _ = xds.retrieve(net.repository(entry), wanted)
                found.append((entry, documents[0][2]))
    return found


def pdf_of(document):
    """The octets of the PDF that the body of a CDA document holds."""
    text = document.find("c:component/c:nonXMLBody/c:text", CDA)
    check(text is not None, "the document has no nonXMLBody")
    check(text.get("mediaType") == "application/pdf", f"the body is {text.get('mediaType')}")
    check(text.get("representation") == "B64", f"the body is {text.get('representation')}")
    return base64.b64decode(text.text, validate=False)


def write_for_schema(entry, octets, folder):
    """The document without extension elements, and without anything else less."""
    document = etree.fromstring(octets)
    for element in list(document.iter("{%s}*" % EXTENSION)):
        element.getparent().remove(element)
    with open(os.path.join(folder, entry.unique_id + ".xml"), "wb") as file:
        file.write(etree.tostring(document, xml_declaration=True, encoding="UTF-8"))
    return document


def main_seeded(endpoints, folder):
    net = network.Network(endpoints)
    found = reports(net)
    check(found, "the demo has no reports")
    for entry, octets in found:
        check(entry.mime_type == "text/xml", f"{entry.unique_id} is {entry.mime_type}")
        document = write_for_schema(entry, octets, folder)
        pdf = pdf_of(document)
        check(pdf.startswith(b"%PDF-") and b"%%EOF" in pdf[-32:], f"{entry.unique_id} holds no PDF")
        with open(os.path.join(folder, entry.unique_id + ".pdf"), "wb") as file:
            file.write(pdf)
        patient = document.find("c:recordTarget/c:patientRole/c:id", CDA)
        written = xds.cx(patient.get("extension"), patient.get("root"))
        check(written == entry.patient_id, f"{entry.unique_id} is of {written}, registered for {entry.patient_id}")
    print(f"{len(found)} reports")


def main_make_pdf(file):
    stream = f"BT /F1 18 Tf 36 100 Td (Report {uuid.uuid4()}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    # The second line of a PDF holds octets above 127, and here every octet there is: nothing may touch them.
    out = bytearray(b"%PDF-1.4\n%" + bytes(b for b in range(256) if b not in (10, 13)) + b"\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    with open(file, "wb") as written:
        written.write(out)


def main_published(endpoints, patient, file, folder):
    net = network.Network(endpoints)
    with open(file, "rb") as opened:
        published = opened.read()
    entry, octets = max(reports(net, [patient]), key=lambda found: found[0].slot("creationTime"))
    document = write_for_schema(entry, octets, folder)
    found = pdf_of(document)
    check(found == published, f"the report holds {len(found)} octets, other than the {len(published)} published")
    print(f"{entry.title}: {len(found)} octets, as published")


if __name__ == "__main__":
    {"seeded": main_seeded, "make_pdf": main_make_pdf, "published": main_published}[sys.argv[1]](*sys.argv[2:])
