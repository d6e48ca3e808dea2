"""fhir.resources builds and strictly writes what a Document Source provides by ITI-65; then it is found page by page, read
and retrieved.

    fhir_publish.py BASE DOMAIN PATIENT    the patient is known there; DOMAIN is an OID
"""

import base64
import datetime
import hashlib
import sys
import uuid

import requests
from fhir.resources.R4B.bundle import Bundle, BundleEntry, BundleEntryRequest
from fhir.resources.R4B.binary import Binary
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.list import List

from fhir_resources import get, resource
from network import check

DOCUMENTS = 3
MHD = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/"
JSON = "application/fhir+json"


def concept(system, code):
    return {"coding": [{"system": system, "code": code}]}


def uid():
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:2.25.{uuid.uuid4().int}"}


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0).isoformat()


def document(number, octets, url, subject):
    return DocumentReference(
        meta={"profile": [f"{MHD}IHE.MHD.Comprehensive.DocumentReference"]},
        contained=[{"resourceType": "Patient", "id": "source", "identifier": [subject["identifier"]]}],
        masterIdentifier=uid(),
        status="current",
        type=concept("http://loinc.org", "85430-7"),
        category=[concept("urn:oid:1.3.6.1.4.1.19376.1.2.6.1", "REPORTS")],
        subject=subject,
        date=now(),
        securityLabel=[concept("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N")],
        content=[
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "language": "en",
                    "url": url,
                    "size": len(octets),
                    "hash": base64.b64encode(hashlib.sha1(octets).digest()).decode(),
                    "title": f"Result {number}",
                    "creation": now(),
                },
                "format": {
                    "system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
                    "code": "urn:ihe:rad:PDF",
                },
            }
        ],
        context={
            "facilityType": concept("http://snomed.info/sct", "22232009"),
            "practiceSetting": concept("http://snomed.info/sct", "394914008"),
            "sourcePatientInfo": {"reference": "#source"},
            "period": {"start": now()},
        },
    )


def submission_set(members, subject):
    return List(
        meta={"profile": [f"{MHD}IHE.MHD.Comprehensive.SubmissionSet"]},
        extension=[
            {"url": f"{MHD}ihe-designationType", "valueCodeableConcept": concept("http://loinc.org", "18748-4")},
            {
                "url": f"{MHD}ihe-sourceId",
                "valueIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.999.4.3"},
            },
        ],
        identifier=[{"use": "usual", **uid()}],
        status="current",
        mode="working",
        title="Provided by fhir.resources",
        code=concept("https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes", "submissionset"),
        subject=subject,
        date=now(),
        entry=[{"item": {"reference": url}} for url in members],
    )


def created(full_url, one):
    request = BundleEntryRequest(method="POST", url=one.get_resource_type())
    return BundleEntry(fullUrl=full_url, resource=one, request=request)


def provide(base, subject, contents):
    """Posts one Bundle; gives the DocumentReferences that were sent and where each entry went."""
    fresh = lambda: f"urn:uuid:{uuid.uuid4()}"
    urls, places = [fresh() for _ in contents], [fresh() for _ in contents]
    sent = [document(n, octets, place, subject) for n, (octets, place) in enumerate(zip(contents, places))]
    entries = [created(fresh(), submission_set(urls, subject))]
    entries += [created(url, one) for url, one in zip(urls, sent)]
    for place, octets in zip(places, contents):
        binary = Binary(contentType="application/pdf", data=base64.b64encode(octets).decode())
        entries.append(created(place, binary))
    meta = {"profile": [f"{MHD}IHE.MHD.Comprehensive.ProvideBundle"]}
    bundle = Bundle(meta=meta, type="transaction", entry=entries)
    body = bundle.model_dump_json().encode()
    headers = {"Content-Type": JSON, "Accept": JSON}
    response = requests.post(base, data=body, headers=headers, timeout=30)
    check(response.status_code == 200, f"{response.status_code} {response.text[:500]}")
    answer = resource(response.text)
    check(answer.type == "transaction-response" and len(answer.entry) == len(entries), response.text[:500])
    check({entry.response.status for entry in answer.entry} == {"201 Created"}, response.text[:500])
    return sent, [entry.response.location for entry in answer.entry]


def search(base, subject):
    """Every document of the patient by masterIdentifier, in pages of two."""
    token = f"{subject['identifier']['system']}|{subject['identifier']['value']}"
    url, parameters = f"{base}/DocumentReference", {"patient.identifier": token, "_count": 2}
    found, pages = {}, 0
    while url:
        page = get(url, parameters)
        found |= {entry.resource.masterIdentifier.value: entry.resource for entry in page.entry}
        url, parameters, pages = {link.relation: link.url for link in page.link}.get("next"), None, pages + 1
    check(pages > 1, "one page is no proof of paging")
    return found


def codes(concepts):
    return [(coding.system, coding.code) for one in concepts for coding in one.coding]


def main(base, domain, patient):
    subject = {"identifier": {"system": f"urn:oid:{domain}", "value": patient}}
    contents = [f"%PDF-1.4 result {number}".encode() for number in range(DOCUMENTS)]
    sent, locations = provide(base, subject, contents)
    members = get(f"{base}/{locations[0]}").entry
    check({m.item.reference for m in members} == set(locations[1 : DOCUMENTS + 1]), "members of the submission set")
    found = search(base, subject)
    for one, location, octets in zip(sent, locations[1:], contents):
        known = found[one.masterIdentifier.value]
        check(get(f"{base}/{location}") == known, f"{location}: read it is another one")
        ours, theirs = one.content[0].attachment, known.content[0].attachment
        for name in ("contentType", "language", "size", "hash", "title", "creation"):
            check(getattr(ours, name) == getattr(theirs, name), f"{location}: {name}")
        check(one.content[0].format.code == known.content[0].format.code, f"{location}: format")
        check(codes([one.type, *one.category]) == codes([known.type, *known.category]), f"{location}: codes")
        check(one.context.period.start == known.context.period.start, f"{location}: period")
        response = requests.get(theirs.url, timeout=30)
        check(response.status_code == 200 and response.content == octets, f"{theirs.url}: {response.status_code}")
    print(f"fhir.resources provided, found, read and retrieved {len(sent)} documents")


if __name__ == "__main__":
    main(*sys.argv[1:])
