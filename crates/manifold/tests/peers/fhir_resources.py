"""fhir.resources reads strictly what a node answers: no unknown element, no empty text, every type and cardinality.

    fhir_resources.py ENDPOINTS PATIENT FILE...    searches page by page, reads, retrieves; then every file
"""

import hashlib
import json
import pathlib
import sys

import requests
from fhir.resources.R4B import get_fhir_model_class

import network
from network import check

PAGE = 2


def resource(text):
    """The model of a resource; it writes the very JSON that it was read from, or something was dropped."""
    value = json.loads(text)
    read = get_fhir_model_class(value["resourceType"]).model_validate(value)
    written = json.loads(read.model_dump_json())
    check(normal(written) == normal(value), f"{value['resourceType']}: written again it is another one")
    return read


def normal(value):
    """Instants spell their zone and fractions in several ways; everything else is compared as it is."""
    if isinstance(value, dict):
        return {key: normal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [normal(inner) for inner in value]
    return value.replace("+00:00", "Z") if isinstance(value, str) else value


def get(url, parameters=None):
    response = requests.get(url, params=parameters, headers={"Accept": "application/fhir+json"}, timeout=30)
    check(response.status_code == 200, f"{response.url}: {response.status_code} {response.text[:500]}")
    return resource(response.text)


def search(base, domain, patient):
    """Every current document of the patient, over all pages."""
    url, found = f"{base}/DocumentReference", []
    parameters = {"patient.identifier": f"urn:oid:{domain}|{patient}", "status": "current", "_count": PAGE}
    while url:
        page = get(url, parameters)
        entries = page.entry or []
        check(len(entries) <= PAGE, f"{len(entries)} entries on a page of {PAGE}")
        found += [entry.resource for entry in entries]
        links = {link.relation: link.url for link in page.link}
        url, parameters = links.get("next"), None
    check(len(found) == page.total and len({r.id for r in found}) == page.total, f"total {page.total}")
    check(page.total > PAGE, f"{page.total} documents are no proof of paging")
    return found


def retrieve(attachment):
    response = requests.get(attachment.url, timeout=30)
    check(response.status_code == 200, f"{attachment.url}: {response.status_code}")
    check(response.headers["Content-Type"] == attachment.contentType, response.headers["Content-Type"])
    check(len(response.content) == attachment.size, f"size {len(response.content)}, not {attachment.size}")
    check(hashlib.sha1(response.content).digest() == attachment.hash, f"{attachment.url}: another hash")
    return len(response.content)


def main(endpoints, patient, *files):
    net = network.Network(endpoints)
    base = net.at("central", "ITI-67")
    statement = get(f"{base}/metadata")
    check(statement.fhirVersion == "4.0.1", statement.fhirVersion)
    octets = 0
    found = search(base, net.domain, patient)
    for reference in found:
        read = get(f"{base}/DocumentReference/{reference.id}")
        check(read.content == reference.content, f"{reference.id}: read it has other content")
        octets += retrieve(reference.content[0].attachment)
    for file in files:
        resource(pathlib.Path(file).read_text(encoding="utf-8"))
    print(f"fhir.resources read {len(found)} documents of {octets} octets, and {len(files)} other resources")


if __name__ == "__main__":
    main(*sys.argv[1:])
