"""Makes nodes that run apart talk to each other through recorders, and looks at what was kept.

    recorded.py images ENDPOINTS FOLDER      studies go to north and south and are published and read back
    recorded.py kept REPORT FOLDER           every kind of message is there and its answer too; REPORT is in one of them
"""

import base64
import collections
import os
import re
import sys

import requests
from lxml import etree

import made
import network
import soap
import xds
from network import check

PATIENT = "P0001"


def main_images(endpoints, folder):
    net = network.Network(endpoints)
    for node in ("north", "south"):
        path, data = made.image(folder, PATIENT)
        check(made.send(net, node, path, calling="CT1" if node == "north" else "CT2") == [0], "not stored")
        reference = f"{data.StudyInstanceUID}^^^^{xds.STUDY_REFERENCE}"

        def registered():
            return xds.by_reference(net.at("central", "ITI-18"), net.cx(PATIENT), reference)

        (entry,) = network.until(f"the manifest of {node}", registered)
        found = requests.get(
            net.at("central", "ITI-67") + "/DocumentReference",
            params={"patient.identifier": f"urn:oid:{net.domain}|{PATIENT}", "identifier": entry.id, "status": "current"},
            timeout=30,
        ).json()
        url = found["entry"][0]["resource"]["content"][0]["attachment"]["url"]
        response = requests.get(url, headers={"Accept": "application/dicom"}, timeout=30)
        check(response.status_code == 200, f"{url}: {response.status_code} {response.text[:300]}")
        check(xds.sha1(response.content) == entry.slot("hash"), f"{url}: other octets than {node} published")


def main_kept(report, folder):
    kinds = collections.Counter()
    submitted = []
    for name in sorted(os.listdir(folder)):
        matched = re.fullmatch(r"\d+-\d+-(sent|answered)-(\w+)\.xml", name)
        check(matched, f"what is {name}?")
        kinds[matched.group(1), matched.group(2)] += 1
        if matched.group(2) == "ProvideAndRegisterDocumentSetRequest":
            submitted.append(etree.parse(os.path.join(folder, name)))
    pairs = {
        "AdhocQueryRequest": "AdhocQueryResponse",
        "ProvideAndRegisterDocumentSetRequest": "RegistryResponse",
        "SubmitObjectsRequest": "RegistryResponse",
        "RetrieveDocumentSetRequest": "RetrieveDocumentSetResponse",
        "PRPA_IN201301UV02": "MCCI_IN000002UV01",
    }
    for request, response in pairs.items():
        check(kinds["sent", request] and kinds["answered", response], f"no {request} with its {response}: {kinds}")
    check(kinds["sent", "Fault"] == kinds["answered", "Fault"] == 0, f"there were faults: {kinds}")
    entries = [entry for message in submitted for entry in message.iter("{%s}ExtrinsicObject" % soap.NS["rim"])]
    formats = {code for entry in entries for code in xds.Entry.read(entry).codes["formatCode"]}
    check(xds.KOS_FORMAT in formats and len(formats) > 1, f"submitted were only {formats}: RAD-68 and ITI-41 are wanted")
    with open(report, "rb") as file:
        pdf = file.read()
    documents = [d for message in submitted for d in message.iter("{%s}Document" % soap.NS["x"])]
    # The report's CDA holds the PDF as base64, and the message holds the CDA.
    written = [re.sub(rb"\s", b"", base64.b64decode(document.text)) for document in documents]
    check(any(base64.b64encode(pdf) in text for text in written), "the report is in no message")
    print(dict(kinds))


if __name__ == "__main__":
    {"images": main_images, "kept": main_kept}[sys.argv[1]](*sys.argv[2:])
