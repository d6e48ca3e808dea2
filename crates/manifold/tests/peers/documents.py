"""Every registered document has the octets that its metadata describes, by ITI-43 from the repository it names and by ITI-68
from the centre.

    documents.py ENDPOINTS FOLDER   SOAP messages and manifests are written to FOLDER for other checkers
"""

import base64
import hashlib
import os
import sys

import requests

import network
import soap
import xds
from network import check


class Bodies:
    """Keeps what was said, for a schema validator."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def keep(self, name, octets):
        self.count += 1
        with open(os.path.join(self.folder, f"{self.count:03}-{name}.xml"), "wb") as file:
            file.write(octets)


def main(endpoints, folder):
    net = network.Network(endpoints)
    bodies = Bodies(folder)
    entries = []
    for patient in net.patients:
        slots = xds.patient_slots(net.cx(patient), xds.APPROVED, xds.DEPRECATED)
        answer, body = xds.query_answer(net.at("central", "ITI-18"), xds.FIND_DOCUMENTS, slots)
        check(body.get("status") == xds.SUCCESS, f"{patient}: {xds.registry_errors(body)}")
        bodies.keep("iti18-answer", answer.inlined())
        entries += [xds.Entry.read(e) for e in body.iter("{%s}ExtrinsicObject" % soap.NS["rim"])]
    repositories = {entry.slot("repositoryUniqueId") for entry in entries}
    check(repositories == {"2.999.1.1", "2.999.1.3"}, f"documents lie in {repositories}")
    check(any(e.status == xds.DEPRECATED for e in entries), "nothing was ever replaced")
    references = iti67(net)
    for entry in entries:
        octets = by_iti43(net, entry, bodies)
        by_iti68(references, entry, octets)
        if entry.is_manifest:
            with open(os.path.join(folder, entry.unique_id + ".dcm"), "wb") as file:
                file.write(octets)
    several_at_once(net, entries, bodies)
    missing(net, entries, bodies)
    print(f"{len(entries)} documents are the same both ways; {bodies.count} messages kept")


def iti67(net):
    """attachment by uniqueId, of every document of the known patients."""
    found = {}
    for patient in net.patients:
        url = net.at("central", "ITI-67") + "/DocumentReference"
        parameters = {"patient.identifier": f"urn:oid:{net.domain}|{patient}", "status": "current,superseded"}
        while url:
            response = requests.get(url, params=parameters, timeout=30)
            check(response.status_code == 200, f"ITI-67: {response.status_code} {response.text[:500]}")
            bundle = response.json()
            for entry in bundle.get("entry", []):
                reference = entry["resource"]
                unique_id = reference["masterIdentifier"]["value"].removeprefix("urn:oid:")
                found[unique_id] = reference["content"][0]["attachment"]
            links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
            url, parameters = links.get("next"), None
    return found


def by_iti43(net, entry, bodies):
    documents, answer = xds.retrieve(net.repository(entry), (entry.slot("repositoryUniqueId"), entry.unique_id))
    bodies.keep("iti43-answer", answer.inlined())
    check(len(documents) == 1, f"{entry.unique_id}: {len(documents)} documents")
    unique_id, mime_type, octets = documents[0]
    check(unique_id == entry.unique_id, f"asked for {entry.unique_id}, got {unique_id}")
    check(mime_type == entry.mime_type, f"{unique_id}: {mime_type}, registered as {entry.mime_type}")
    check(str(len(octets)) == entry.slot("size"), f"{unique_id}: {len(octets)} octets, registered {entry.slot('size')}")
    check(xds.sha1(octets) == entry.slot("hash"), f"{unique_id}: SHA-1 {xds.sha1(octets)}, not {entry.slot('hash')}")
    return octets


def by_iti68(references, entry, octets):
    attachment = references.get(entry.unique_id)
    check(attachment is not None, f"{entry.unique_id} is not found by ITI-67")
    response = requests.get(attachment["url"], headers={"Accept": entry.mime_type}, timeout=30)
    check(response.status_code == 200, f"{attachment['url']}: {response.status_code} {response.text[:300]}")
    check(response.content == octets, f"{entry.unique_id}: ITI-68 and ITI-43 differ")
    content_type = response.headers["Content-Type"].split(";")[0].strip()
    check(content_type == entry.mime_type, f"{entry.unique_id}: {content_type}, registered as {entry.mime_type}")
    check(attachment["contentType"] == entry.mime_type, f"attachment.contentType {attachment['contentType']}")
    check(attachment["size"] == len(octets), f"attachment.size {attachment['size']}")
    hashed = base64.b64encode(hashlib.sha1(octets).digest()).decode()
    check(attachment["hash"] == hashed, f"attachment.hash {attachment['hash']}, not {hashed}")


def several_at_once(net, entries, bodies):
    """All documents of one repository in one answer."""
    for repository_id in ("2.999.1.1", "2.999.1.3"):
        wanted = [e for e in entries if e.slot("repositoryUniqueId") == repository_id]
        documents, answer = xds.retrieve(
            net.repository(wanted[0]), *((repository_id, entry.unique_id) for entry in wanted)
        )
        bodies.keep("iti43-answer-several", answer.inlined())
        hashes = {unique_id: xds.sha1(octets) for unique_id, _, octets in documents}
        check(hashes == {e.unique_id: e.slot("hash") for e in wanted}, f"repository {repository_id} answered others")


def missing(net, entries, bodies):
    """What is not there is named, and what is there comes all the same."""
    entry = entries[0]
    repository, repository_id = net.repository(entry), entry.slot("repositoryUniqueId")
    answer = xds.retrieve_answer(repository, (repository_id, entry.unique_id), (repository_id, "2.999.404"))
    bodies.keep("iti43-answer-partial", answer.inlined())
    body = answer.body()
    status = body.find("rs:RegistryResponse", soap.NS).get("status")
    check(status == "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess", status)
    check([e[0] for e in xds.registry_errors(body)] == ["XDSDocumentUniqueIdError"], xds.registry_errors(body))
    check(xds.registry_errors(body)[0][2] == "2.999.404", xds.registry_errors(body))
    check(len(body.findall("x:DocumentResponse", soap.NS)) == 1, "the document that is there did not come")
    for wanted, code in (
        ((repository_id, "2.999.404"), "XDSDocumentUniqueIdError"),
        (("2.999.404.1", entry.unique_id), "XDSUnknownRepositoryId"),
    ):
        try:
            xds.retrieve(repository, wanted)
        except xds.RegistryErrors as refused:
            check(refused.codes == [code], f"{wanted}: {refused}")
        else:
            raise AssertionError(f"{wanted} was answered")


if __name__ == "__main__":
    main(*sys.argv[1:])
