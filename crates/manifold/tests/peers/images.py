"""Images by WADO-RS and RAD-69, asked for with dicomweb-client and compared octet by octet.

    images.py seeded ENDPOINTS          every study of the seeded demo, from the node that its manifest names
    images.py rad69 ENDPOINTS           the same by RAD-69, asked for with dicomtrolley
    images.py pydicom ENDPOINTS LIST    the files of pydicom_files.py: what was sent is what comes back, or its pixels do
"""

import collections
import io
import os
import sys
import warnings

import numpy
import pydicom
import requests
from dicomtrolley.core import InstanceReference
from dicomtrolley.rad69 import Rad69, Rad69ServerError
from dicomweb_client.api import DICOMwebClient

import network
import pydicom_files
import soap
import xds
from network import check

ANY_SYNTAX = (("application/dicom", "*"),)
# No transfer syntax named: the default of PS3.18, Explicit VR Little Endian.
DEFAULT = ("application/dicom",)
EXPLICIT_LE = "1.2.840.10008.1.2.1"
# Syntaxes that are not decoded: DCT of more than eight bits. Where there is no original to decode to, the standard lets
# the stored form pass under the default (PS3.18 8.7.3.5); where there is, the answer is 406.
NOT_DECODED = {"1.2.840.10008.1.2.4.51"}
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"}


def parts(url, accept='multipart/related; type="application/dicom"; transfer-syntax=*'):
    """The octets of every part of an answer."""
    response = requests.get(url, headers={"Accept": accept}, timeout=60)
    check(response.status_code == 200, f"{url}: {response.status_code} {response.text[:300]}")
    content_type = response.headers["Content-Type"]
    check(content_type.startswith("multipart/related"), content_type)
    boundary = content_type.split("boundary=")[1].split(";")[0].strip('"')
    return soap.raw_parts(response.content, boundary)


def read(octets):
    return pydicom.dcmread(io.BytesIO(octets))


def by_instance(octets_of_parts):
    found = {str(read(part).SOPInstanceUID): part for part in octets_of_parts}
    check(len(found) == len(octets_of_parts), "an instance came twice")
    return found


# --- the seeded studies ------------------------------------------------------------------------------------------------


def main_seeded(endpoints):
    net = network.Network(endpoints)
    manifests = [e for e in net.entries() if e.is_manifest]
    bases, instances = collections.Counter(), 0
    for entry in manifests:
        documents, _ = xds.retrieve(net.repository(entry), (entry.slot("repositoryUniqueId"), entry.unique_id))
        manifest = read(documents[0][2])
        for study in manifest.CurrentRequestedProcedureEvidenceSequence:
            base, count = retrieve_study(study)
            bases[base] += 1
            instances += count
    expected = {node["endpoints"]["RAD-107"] for node in net.nodes.values() if "RAD-107" in node["endpoints"]}
    check(set(bases) == expected, f"studies came from {set(bases)}, not {expected}")
    print(f"{instances} instances of {len(manifests)} studies retrieved at three levels from {dict(bases)}")


def retrieve_study(study):
    """Base address and number of instances of a study; everything the manifest lists comes, and nothing else."""
    uid = str(study.StudyInstanceUID)
    listed = {
        str(item.ReferencedSOPInstanceUID): str(series.SeriesInstanceUID)
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    base = {series.RetrieveURL.split("/studies/")[0] for series in study.ReferencedSeriesSequence}.pop()
    client = DICOMwebClient(base)
    stored = {str(d.SOPInstanceUID): d for d in client.retrieve_study(uid, media_types=ANY_SYNTAX)}
    check(set(stored) == set(listed), f"study {uid}: other instances came than the manifest lists")
    default = {str(d.SOPInstanceUID): d for d in client.retrieve_study(uid, media_types=DEFAULT)}
    for instance, data in default.items():
        check(data.file_meta.TransferSyntaxUID == EXPLICIT_LE, f"{instance} came in {data.file_meta.TransferSyntaxUID}")
        check(same_pixels(data, stored[instance]), f"{instance}: other pixels")
    whole = by_instance(parts(f"{base}/studies/{uid}"))
    for series in set(listed.values()):
        level = by_instance(parts(f"{base}/studies/{uid}/series/{series}"))
        wanted = {instance for instance, its in listed.items() if its == series}
        check(set(level) == wanted, f"series {series}: other instances came than the manifest lists")
        check(all(whole[i] == octets for i, octets in level.items()), f"series {series}: other octets than the study")
        alone = sorted(wanted)[0]
        octets = parts(f"{base}/studies/{uid}/series/{series}/instances/{alone}")
        check(octets == [whole[alone]], f"instance {alone}: other octets than the study")
        one = client.retrieve_instance(uid, series, alone, media_types=ANY_SYNTAX)
        check(one == stored[alone], f"instance {alone}: another data set than the study")
    return base, len(listed)


def main_rad69(endpoints):
    """dicomtrolley gets every instance of a study that can be had in one of the three syntaxes it always asks for."""
    net = network.Network(endpoints)
    nodes = {net.at(node, "RAD-107"): net.at(node, "RAD-69") for node in ("north", "south")}
    studies, got, refused = 0, 0, 0
    for entry in [e for e in net.entries() if e.is_manifest]:
        documents, _ = xds.retrieve(net.repository(entry), (entry.slot("repositoryUniqueId"), entry.unique_id))
        for study in read(documents[0][2]).CurrentRequestedProcedureEvidenceSequence:
            uid = str(study.StudyInstanceUID)
            base = {series.RetrieveURL.split("/studies/")[0] for series in study.ReferencedSeriesSequence}.pop()
            references = [
                InstanceReference(uid, str(series.SeriesInstanceUID), str(item.ReferencedSOPInstanceUID))
                for series in study.ReferencedSeriesSequence
                for item in series.ReferencedSOPSequence
            ]
            stored = by_instance(parts(f"{base}/studies/{uid}"))
            trolley = Rad69(requests.Session(), nodes[base], request_per_series=False)
            try:
                came = list(trolley.datasets(references))
            except Rad69ServerError:
                came = []
            for data in came:
                original = read(stored[str(data.SOPInstanceUID)])
                check(same_pixels(data, original), f"{data.SOPInstanceUID}: other pixels")
            if NOT_DECODED.isdisjoint(str(read(octets).file_meta.TransferSyntaxUID) for octets in stored.values()):
                order = [reference.instance_uid for reference in references]
                check([str(data.SOPInstanceUID) for data in came] == order, f"study {uid}: not all came in order")
                studies += 1
            got, refused = got + len(came), refused + len(references) - len(came)
    check(studies > 0, "no study came whole")
    wrong = InstanceReference("2.25.1", "2.25.2", "2.25.3")
    for address in nodes.values():
        try:
            check(not list(Rad69(requests.Session(), address).datasets([wrong])), "an unknown instance came")
            check(False, "an unknown instance was not refused")
        except Rad69ServerError as refusal:
            check("XDSDocumentUniqueIdError" in str(refusal) and "2.25.3" in str(refusal), str(refusal))
    print(f"{got} instances by RAD-69, {studies} studies whole, {refused} instances not in a syntax that was asked for")


def same_pixels(one, other):
    if "PixelData" not in one:
        return one == other
    return numpy.array_equal(one.pixel_array, other.pixel_array)


# --- pydicom's files ---------------------------------------------------------------------------------------------------


def main_pydicom(endpoints, list_file):
    warnings.simplefilter("ignore")
    base = network.Network(endpoints).at("north", "RAD-107")
    problems, kinds = [], collections.Counter()
    for path, what, why in pydicom_files.read_list(list_file):
        if what == "accepted" and not why:
            try:
                kinds[compare(base, path)] += 1
            except AssertionError as problem:
                problems.append(f"{path}: {problem}")
    check(not problems, "\n".join(problems))
    print(dict(kinds))


def compare(base, path):
    """What the default representation of a file is, once everything that comes back is found to be what was sent."""
    sent = pydicom.dcmread(os.path.join(pydicom_files.ROOT, path), force=True)
    study, series, instance = (str(sent[k].value) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
    stored = by_instance(parts(f"{base}/studies/{study}"))[instance]
    for level in (f"studies/{study}/series/{series}", f"studies/{study}/series/{series}/instances/{instance}"):
        check(by_instance(parts(f"{base}/{level}"))[instance] == stored, f"other octets at {level}")
    came = read(stored)
    syntax = pydicom_files.transfer_syntax(path)
    check(came.file_meta.TransferSyntaxUID == syntax, f"sent in {syntax}, came in {came.file_meta.TransferSyntaxUID}")
    check(came.file_meta.MediaStorageSOPInstanceUID == instance, "another instance in the file meta")
    differences = [str(t) for t in sorted(set(sent.keys()) | set(came.keys())) if not same(sent, came, t)]
    check(not differences, f"other values in {differences}")
    client = DICOMwebClient(base)
    try:
        default = client.retrieve_instance(study, series, instance, media_types=DEFAULT)
    except requests.HTTPError as refused:
        check(refused.response.status_code == 406, f"the default representation: {refused}")
        check(syntax in NOT_DECODED or pixels(sent) is None, f"406 for {syntax}: {refused.response.text}")
        return "406"
    check(default.file_meta.TransferSyntaxUID == EXPLICIT_LE, f"default is {default.file_meta.TransferSyntaxUID}")
    if "PixelData" not in sent:
        differences = [str(t) for t in sorted(set(sent.keys()) | set(default.keys())) if not same(sent, default, t)]
        check(not differences, f"the default representation has other values in {differences}")
        return "no pixels"
    return compare_pixels(sent, default, syntax)


def same(one, other, tag):
    """Equal values; group lengths (retired) and trailing padding say nothing."""
    if tag.element == 0 or tag == 0xFFFCFFFC:
        return True
    if tag not in one or tag not in other:
        return False
    a, b = one[tag].value, other[tag].value
    if isinstance(a, bytes) and isinstance(b, bytes):
        return a == b or a.rstrip(b"\0 ") == b.rstrip(b"\0 ")
    return a == b


def pixels(data):
    """What pydicom decodes; None where it cannot either."""
    try:
        return data.pixel_array
    except Exception:
        return None


def compare_pixels(sent, default, syntax):
    expected = pixels(sent)
    if expected is None:
        return "nothing to compare with"
    found = default.pixel_array
    check(expected.shape == found.shape, f"pixels {found.shape}, sent {expected.shape}")
    check(expected.dtype.itemsize == found.dtype.itemsize, f"pixels {found.dtype}, sent {expected.dtype}")
    furthest = int(numpy.abs(expected.astype("int64") - found.astype("int64")).max())
    # Two decoders of a DCT may differ by a rounding in each step.
    check(furthest <= (4 if syntax in LOSSY else 0), f"pixels differ by up to {furthest}")
    return "lossy pixels" if syntax in LOSSY else "identical pixels"


if __name__ == "__main__":
    {"seeded": main_seeded, "rad69": main_rad69, "pydicom": main_pydicom}[sys.argv[1]](*sys.argv[2:])
