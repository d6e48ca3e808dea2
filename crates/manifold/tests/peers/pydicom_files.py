"""Sends the files that pydicom bundles with dcmtk's storescu to the node `north`, each in its own transfer syntax, and follows
what becomes of them: the answer to each, what is held, and the manifests at `central`.

    pydicom_files.py list                        prints the list of what should happen, made from the files alone
    pydicom_files.py send ENDPOINTS LIST FOLDER  does it and compares; the manifests are written to FOLDER
"""

import collections
import hashlib
import os
import re
import subprocess
import sys
import time
import warnings

import pydicom
import pydicom.data
import requests

import network
import xds
from network import check

ROOT = os.path.join(os.path.dirname(pydicom.data.__file__), "test_files")
# What storescu calls the transfer syntaxes, without 1.2.840.10008.1.
OPTIONS = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.5": "-xr",
}
# What the files alone do not tell: storescu reads a file whole before it sends it, and gives these up.
BY_HAND = {
    "MR_truncated.dcm": "storescu cannot read it: the pixel data end too early",
    "SC_rgb_jpeg.dcm": "storescu cannot read it: implicit VR that calls itself explicit",
    "rtdose_rle.dcm": "storescu cannot read it: an RLE syntax and native pixel data",
    "rtdose_rle_1frame.dcm": "storescu cannot read it: an RLE syntax and native pixel data",
    "rtplan_truncated.dcm": "storescu cannot read it: it ends too early",
}
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"


def files():
    """Paths of the DICOM files, relative and in the order in which they are sent."""
    found = []
    for folder, _, names in os.walk(ROOT):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if name.endswith(".dcm") or is_part10(path):
                found.append(path)
    return sorted(found)


def is_part10(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.read(132)[128:] == b"DICM"


def header(path):
    """What storescu would read: Part 10, or a bare data set when there is no preamble."""
    warnings.simplefilter("ignore")
    return pydicom.dcmread(os.path.join(ROOT, path), stop_before_pixels=True, force=True)


def content(path):
    """The data set's octets: of two files that differ only in their file meta, the second is no conflict."""
    with open(os.path.join(ROOT, path), "rb") as file:
        octets = file.read()
    meta = header(path).file_meta
    if octets[128:132] == b"DICM" and "FileMetaInformationGroupLength" in meta:
        octets = octets[144 + meta.FileMetaInformationGroupLength :]
    return hashlib.sha256(octets).hexdigest()


def verdict(path, first):
    """What should become of a file, and why. `first` holds the content of each identity seen so far."""
    data = header(path)
    if path in BY_HAND:
        return "not storable", BY_HAND[path]
    if str(data.file_meta.get("MediaStorageSOPClassUID", "")) == MEDIA_DIRECTORY:
        return "not storable", "a media directory, no composite instance"
    if not data.get("SOPClassUID") or not data.get("SOPInstanceUID"):
        return "not storable", "no SOP Class UID or SOP Instance UID"
    what, why = "accepted", ""
    if not data.get("StudyInstanceUID"):
        what, why = "held", "no Study Instance UID"
    elif not data.get("PatientID"):
        what, why = "held", "no Patient ID"
    identity = str(data.SOPInstanceUID)
    if identity not in first:
        first[identity] = (path, content(path))
    elif first[identity][1] != content(path):
        return "duplicate UID", f"other octets than {first[identity][0]}"
    return what, why


def make_list():
    print("# What becomes of the files that pydicom bundles when they are sent to a node, in this order.")
    print("# Made by tests/peers/pydicom_files.py from the files alone; what storescu cannot read was found by trying.")
    first = {}
    for path in files():
        what, why = verdict(path, first)
        print(f"{path}\t{what}\t{why}")


def read_list(path):
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    return [(row[0], row[1], row[2] if len(row) > 2 else "") for row in rows]


def transfer_syntax(path):
    """The file's own; for a bare data set, how it is written."""
    data = header(path)
    if "TransferSyntaxUID" in data.file_meta:
        return str(data.file_meta.TransferSyntaxUID)
    implicit, little_endian = data.original_encoding
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little_endian else "1.2.840.10008.1.2.2"


def send(network_, path):
    """The status of the C-STORE response, or None when storescu sent nothing; and what it printed."""
    host, port, title = network_.dimse("north")
    option = OPTIONS[transfer_syntax(path)]
    command = ["storescu", "-d", "-R", option, "-aec", title, "-aet", "CT1", host, str(port), path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    output = done.stdout + done.stderr
    status = re.search(r"DIMSE Status\s+: (0x[0-9a-f]{4})", output)
    if status:
        return int(status.group(1), 16), output
    return None, output


def main_send(endpoints, list_file, folder):
    net = network.Network(endpoints)
    rows = read_list(list_file)
    check([row[0] for row in rows] == files(), "the list names other files than pydicom bundles; make it again")
    problems = []
    accepted = collections.defaultdict(set)
    held = {}
    for path, what, why in rows:
        status, output = send(net, path)
        expected = {"accepted": [0x0000], "held": [0x0000, 0xB007], "duplicate UID": [0x0111], "not storable": [None]}
        if status not in expected[what]:
            shown = "nothing sent" if status is None else f"{status:#06x}"
            problems.append(f"{path}: {what} ({why}), but {shown}\n{output[-1500:]}")
        data = header(path)
        if what == "accepted":
            accepted[str(data.StudyInstanceUID)].add(str(data.SOPInstanceUID))
        if what == "held":
            held[str(data.SOPInstanceUID)] = why
    check(not problems, "\n".join(problems))
    print(f"{len(rows)} files sent; {len(accepted)} studies to be published, {len(held)} instances held")
    patients = {str(header(p).StudyInstanceUID): str(header(p).PatientID) for p, what, _ in rows if what == "accepted"}
    check_held(net, held)
    sent_at = time.monotonic()
    manifests = network.until("all studies at the centre", lambda: complete(net, accepted, patients))
    waited, quiet = time.monotonic() - sent_at, net.endpoints["quiet_time_ms"] / 1000
    print(f"all studies at the centre {waited:.1f} s after the last file, with a quiet time of {quiet} s")
    for study, octets in manifests.items():
        with open(os.path.join(folder, f"{study}.dcm"), "wb") as file:
            file.write(octets)
    check_nothing_else(net, accepted, patients)


def complete(net, accepted, patients):
    """Study to manifest, once each study has exactly one current manifest that lists exactly its accepted instances."""
    manifests = {}
    for study, instances in accepted.items():
        found = references(net, patients[study], study)
        check(len(found) <= 1, f"study {study} has {len(found)} current manifests")
        if not found:
            return None
        url = found[0]["content"][0]["attachment"]["url"]
        octets = requests.get(url, timeout=30).content
        if listed(octets) != instances:
            return None
        manifests[study] = octets
    return manifests


def references(net, patient, study):
    """Current manifests of a study by ITI-67."""
    parameters = {
        "patient.identifier": f"urn:oid:{net.domain}|{patient}",
        "status": "current",
        "related:identifier": f"urn:dicom:uid|urn:oid:{study}",
    }
    response = requests.get(net.at("central", "ITI-67") + "/DocumentReference", params=parameters, timeout=30)
    check(response.status_code == 200, f"ITI-67 answered {response.status_code}: {response.text[:500]}")
    bundle = response.json()
    found = [e["resource"] for e in bundle.get("entry", []) if e["resource"]["resourceType"] == "DocumentReference"]
    return [r for r in found if r["content"][0]["attachment"]["contentType"] == "application/dicom"]


def listed(octets):
    """The instances in the evidence of a manifest."""
    manifest = pydicom.dcmread(pydicom.filebase.DicomBytesIO(octets))
    found = set()
    for study in manifest.CurrentRequestedProcedureEvidenceSequence:
        for series in study.ReferencedSeriesSequence:
            for item in series.ReferencedSOPSequence:
                found.add(str(item.ReferencedSOPInstanceUID))
    return found


def check_held(net, held):
    status = requests.get(net.http("north") + "/health/status", timeout=30).json()
    shown = {item["instance"]: item["reason"] for item in status["held_instances"]}
    check(set(shown) == set(held), f"held are {sorted(shown)}, not {sorted(held)}")
    for instance, why in held.items():
        words = why.removeprefix("no ")
        check(words in shown[instance], f"{instance} is held because `{shown[instance]}`, not `{why}`")


def check_nothing_else(net, accepted, patients):
    """The centre knows no other manifests of these patients, and no other studies were published."""
    registry = net.at("central", "ITI-18")
    found = []
    for patient in set(patients.values()):
        entries = xds.find_documents(registry, net.cx(patient))
        found += [study for e in entries if e.is_manifest for study in e.studies]
    check(sorted(found) == sorted(accepted), f"published are {sorted(found)}, not {sorted(accepted)}")
    status = requests.get(net.http("north") + "/health/status", timeout=30).json()
    check(status["studies"]["published"] == len(accepted), f"north says {status['studies']}")
    check(not status["studies"]["waiting"], f"still waiting: {status['studies']['waiting']}")


if __name__ == "__main__":
    if sys.argv[1] == "list":
        make_list()
    else:
        main_send(*sys.argv[2:])
