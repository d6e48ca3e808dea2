"""STOW-RS with dicomweb-client: what is stored, what is refused, and in which words.

    stow.py ENDPOINTS FOLDER    an empty network; FOLDER takes the files that are made
"""

import os
import sys

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from requests.exceptions import HTTPError

import made
import network
from images import parts, read
from network import check

BOUNDARY = "a boundary of ours"
MULTIPART = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
FAILED, REFERENCED, OTHER = "00081198", "00081199", "0008119A"


def body(*octets, closed=True):
    whole = b"".join(
        f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + one + b"\r\n" for one in octets
    )
    return whole + (f"--{BOUNDARY}--\r\n".encode() if closed else b"")


def post(url, data, content_type=MULTIPART, accept="application/dicom+json"):
    headers = {"Content-Type": content_type, "Accept": accept}
    return requests.post(url, data=data, headers=headers, timeout=60)


def reasons(answer):
    return [item["00081197"]["Value"][0] for item in answer.json().get(FAILED, {}).get("Value", [])]


def words(answer):
    return answer.headers.get("Warning", "")


def main(endpoints, folder):
    net = network.Network(endpoints)
    node = next(name for name, node in net.nodes.items() if "STOW-RS" in node["endpoints"])
    base = net.at(node, "STOW-RS")
    client = DICOMwebClient(base)

    # A study of three, by the peer's own client; published like any other.
    study, series = made.uid(), made.uid()
    files = [made.image(folder, "P0004", study, series) for _ in range(3)]
    answer = client.store_instances([data for _, data in files], study_instance_uid=study)
    check(len(answer.ReferencedSOPSequence) == 3 and "FailedSOPSequence" not in answer, str(answer))
    check(answer.RetrieveURL == f"{base}/studies/{study}", str(answer.RetrieveURL))
    manifest = network.until("the manifest", lambda: [e for e in net.entries() if study in str(e.slots)])
    check(len(manifest) == 1, f"{len(manifest)} manifests")
    came = {str(read(part).SOPInstanceUID): read(part) for part in parts(f"{base}/studies/{study}")}
    check(all(came[str(data.SOPInstanceUID)] == data for _, data in files), "other data sets came back")

    # The same again is the same, by whichever door.
    octets = [made.read_file(path) for path, _ in files]
    again = post(f"{base}/studies", body(*octets))
    check(again.status_code == 200 and len(again.json()[REFERENCED]["Value"]) == 3, f"{again.status_code} {again.text}")
    check(made.send(net, node, files[0][0]) == [0], "C-STORE of what STOW-RS has stored")
    check(post(f"{base}/studies", octets[0], "application/dicom").status_code == 200, "one file by itself")

    # Each part is judged by itself.
    other = pydicom.dcmread(files[0][0])
    other.PatientComments = "other content"
    other.save_as(os.path.join(folder, "other.dcm"), enforce_file_format=True)
    changed = made.read_file(os.path.join(folder, "other.dcm"))
    stranger, strange = made.image(folder, "P0004")
    of_no_class = octets[1].replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.9.9.9.9.9\0")
    of_no_syntax = octets[1].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0")
    table = [
        ("other content under a known UID", f"{base}/studies", changed, 0x0111, "other content"),
        ("another study than the address", f"{base}/studies/{study}", made.read_file(stranger), 0xA900, study),
        ("an unknown SOP class", f"{base}/studies", of_no_class, 0x0122, "5.9.9.9.9.9"),
        ("an unknown transfer syntax", f"{base}/studies", of_no_syntax, 0xC122, "1.2.840.10008.9.9.9"),
        ("a data set that breaks off", f"{base}/studies", made.read_file(stranger)[:-500], 0xA900, "7FE0,0010"),
    ]
    for what, url, one, code, word in table:
        refused = post(url, body(one))
        check(refused.status_code == 409, f"{what}: {refused.status_code} {refused.text}")
        check(reasons(refused) == [code], f"{what}: {refused.text}")
        check(word.lower() in words(refused).lower(), f"{what}: {words(refused)}")
        check(REFERENCED not in refused.json(), f"{what}: {refused.text}")
    mixed = post(f"{base}/studies", body(b"no DICOM at all", octets[1], changed))
    check(mixed.status_code == 202, f"mixed: {mixed.status_code}")
    check(len(mixed.json()[REFERENCED]["Value"]) == 1 and reasons(mixed) == [0x0111], mixed.text)
    check(mixed.json()[OTHER]["Value"][0]["00081197"]["Value"] == [0xC000], mixed.text)
    try:
        client.store_instances([other])
        check(False, "the peer's client took a refusal for success")
    except HTTPError as refusal:
        check(refusal.response.status_code == 409, str(refusal))

    # An object that is kept but cannot be shared is a warning.
    path, nobody = made.image(folder, "")
    held = post(f"{base}/studies", body(made.read_file(path)))
    item = held.json()[REFERENCED]["Value"][0]
    check(held.status_code == 202 and item["00081196"]["Value"][0] >= 0xB000, f"{held.status_code} {held.text}")
    check("Patient ID" in words(held), words(held))

    # What may be done where.
    for path, posted in (("studies", True), (f"studies/{study}", True), (f"studies/{study}/series/{series}", False)):
        allowed = requests.options(f"{base}/{path}", timeout=60).headers["Allow"]
        check(("POST" in allowed) == posted, f"{path}: {allowed}")

    # What is no request.
    for what, status, answer in [
        ("metadata and bulk data", 415, post(f"{base}/studies", b"[]", 'multipart/related; type="application/dicom+json"; boundary=x')),
        ("JSON", 415, post(f"{base}/studies", b"{}", "application/json")),
        ("no boundary", 400, post(f"{base}/studies", b"", 'multipart/related; type="application/dicom"')),
        ("XML wanted", 406, post(f"{base}/studies", body(octets[0]), accept="application/dicom+xml")),
        ("no part", 400, post(f"{base}/studies", body())),
        ("no UID in the address", 400, post(f"{base}/studies/x", body(octets[0]))),
    ]:
        check(answer.status_code == status, f"{what}: {answer.status_code} {answer.text}")
        check(answer.json()["detail"] and answer.json()["reference"], f"{what}: {answer.text}")
    cut = post(f"{base}/studies", body(octets[0], made.read_file(stranger), closed=False)[:-2000])
    check(cut.status_code == 400, f"cut off: {cut.status_code}")
    check(cut.json()["stored_before"] == [str(files[0][1].SOPInstanceUID)], cut.text)
    check(requests.get(f"{base}/studies/{strange.StudyInstanceUID}", timeout=60).status_code == 404, "half an object")
    print("stored, refused and told")


if __name__ == "__main__":
    main(*sys.argv[1:])
