"""What WADO-RS gives beside instances, asked for with dicomweb-client and compared with what pydicom makes of the objects.

    dicomweb_resources.py images ENDPOINTS              attributes, frames, bulk data and pictures of seeded studies
    dicomweb_resources.py pydicom ENDPOINTS LIST        attributes and frames of the files of pydicom_files.py
    dicomweb_resources.py documents ENDPOINTS FOLDER    a PDF and a video, sent to an empty network
"""

import collections
import os
import sys
import warnings

import numpy
import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

import made
import network
import pydicom_files
import soap
import xds
from images import ANY_SYNTAX, LOSSY, NOT_DECODED, parts, pixels, read
from network import check

# Written by the server, not the object: the syntax of the bulk data; addresses instead of octets.
ADDED = {"00083002"}
NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
OCTETS = 'multipart/related; type="application/octet-stream"'


def main_images(endpoints):
    net = network.Network(endpoints)
    seen, frames, pictures = set(), 0, 0
    for entry in (e for e in net.entries() if e.is_manifest):
        documents, _ = xds.retrieve(net.repository(entry), (entry.slot("repositoryUniqueId"), entry.unique_id))
        for study in read(documents[0][2]).CurrentRequestedProcedureEvidenceSequence:
            base = study.ReferencedSeriesSequence[0].RetrieveURL.split("/studies/")[0]
            client = DICOMwebClient(base)
            uid = str(study.StudyInstanceUID)
            instances = list(client.iter_study(uid, media_types=ANY_SYNTAX))
            compare_attributes(client, uid, instances)
            for dataset in instances:
                kind = (str(dataset.SOPClassUID), str(dataset.file_meta.TransferSyntaxUID))
                if kind in seen or "PixelData" not in dataset:
                    continue
                seen.add(kind)
                frames += compare_frames(client, base, dataset)
                pictures += look_at_pictures(client, base, dataset)
            look_at_all(base, uid, instances)
    check(len(seen) > 3 and frames > 3 and pictures > 3, f"{len(seen)} kinds, {frames} frames, {pictures} pictures")
    refuse(base, uid)
    print(f"{frames} frames and {pictures} pictures of {len(seen)} kinds of images")


def main_pydicom(endpoints, list_file):
    warnings.simplefilter("ignore")
    base = network.Network(endpoints).at("north", "RAD-107")
    client = DICOMwebClient(base)
    problems, kinds, studies = [], collections.Counter(), set()
    for path, what, why in pydicom_files.read_list(list_file):
        if what != "accepted" or why:
            continue
        sent = pydicom.dcmread(os.path.join(pydicom_files.ROOT, path), force=True)
        study, series, instance = (str(sent[k].value) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
        try:
            if study not in studies:
                studies.add(study)
                compare_attributes(client, study, [read(part) for part in parts(f"{base}/studies/{study}")])
            if "PixelData" in sent:
                syntax = pydicom_files.transfer_syntax(path)
                kinds[compare_decoded(f"{base}/studies/{study}/series/{series}/instances/{instance}", sent, syntax)] += 1
        except AssertionError as problem:
            problems.append(f"{path}: {problem}")
    check(not problems, "\n".join(problems))
    print(f"attributes of {len(studies)} studies; frames: {dict(kinds)}")


def compare_decoded(url, sent, syntax):
    """The last frame, decoded."""
    count = str(getattr(sent, "NumberOfFrames", 1))
    number = int(count) if count.isdigit() else 1
    accept = f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.1"
    response = requests.get(f"{url}/frames/{number}", headers={"Accept": accept}, timeout=60)
    expected = pixels(sent)
    if response.status_code != 200:
        check(response.status_code == 406, f"{response.status_code} {response.text[:300]}")
        check(syntax in NOT_DECODED or expected is None, f"406 for {syntax}: {response.text}")
        return "406"
    if expected is None:
        return "nothing to compare with"
    octets = soap.raw_parts(response.content, response.headers["Content-Type"].split("boundary=")[1].strip('"'))[0]
    expected = expected[-1] if number > 1 else expected
    if sent.BitsAllocated == 1:
        check(octets[: expected.size // 8] == numpy.packbits(expected.ravel(), bitorder="little").tobytes()[: expected.size // 8], "bits")
        return "bits"
    if sent.SamplesPerPixel == 3 and getattr(sent, "PlanarConfiguration", 0) == 1 and len(octets) == expected.nbytes:
        expected = numpy.moveaxis(expected, -1, 0) if syntax in NATIVE else expected
    found = numpy.frombuffer(octets[: expected.nbytes], expected.dtype.newbyteorder("<"))
    check(found.size == expected.size, f"{len(octets)} octets for {expected.nbytes}")
    furthest = int(numpy.abs(expected.ravel().astype("int64") - found.astype("int64")).max())
    check(furthest <= (4 if syntax in LOSSY else 0), f"pixels in {syntax} differ by up to {furthest}")
    return "lossy" if syntax in LOSSY else "identical"


def place(dataset):
    return str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)


def compare_attributes(client, study, instances):
    """Every attribute that pydicom writes is there with the same values, and no other."""
    found = {one["00080018"]["Value"][0]: one for one in client.retrieve_study_metadata(study)}
    check(len(found) == len(instances), f"attributes of {len(found)} of {len(instances)} instances")
    for dataset in instances:
        told = found[str(dataset.SOPInstanceUID)]
        # Values that break their VR are left out by pydicom and told as text by the server.
        expected = dataset.to_json_dict(1 << 30, lambda element: "", suppress_invalid_tags=True)
        for key, element in expected.items():
            check(key in told, f"{key} of {dataset.SOPClassUID} is missing")
            mine = told[key]
            # What is stored with an unknown VR is known to pydicom where it knows the private creator.
            if mine["vr"] == "UN" and int(key[:4], 16) % 2 == 1:
                continue
            check(mine["vr"] == element["vr"], f"{key}: {mine['vr']} for {element['vr']}")
            if "BulkDataURI" in mine:
                continue
            check(same(mine.get("Value"), element.get("Value")), f"{key}: {mine} for {element}")
            check(mine.get("InlineBinary") == element.get("InlineBinary"), f"{key}: other octets")
        elements = {f"{element.tag:08X}" for element in dataset}
        check(set(told) - elements <= ADDED, f"{set(told) - elements} come from nowhere")


def same(mine, theirs):
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(same(m, t) for m, t in zip(mine, theirs))
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return all(same(mine.get(key), theirs.get(key)) for key in mine.keys() | theirs.keys())
    if isinstance(mine, (int, float)) and isinstance(theirs, (int, float)):
        return abs(mine - theirs) <= 1e-6 * max(1, abs(theirs))
    if isinstance(mine, str) and isinstance(theirs, str):
        return mine.rstrip(" ") == theirs.rstrip(" ")
    # What is empty has no value in the one and an empty list, or a name without groups, in the other.
    return mine == theirs or (not mine and not theirs)


def compare_frames(client, base, dataset):
    """Frames decoded by the server are what pydicom decodes; as stored they are what lies in the object."""
    count = int(getattr(dataset, "NumberOfFrames", 1) or 1)
    numbers = sorted({1, count, (count + 1) // 2})
    got = client.retrieve_instance_frames(*place(dataset), numbers, media_types=(("application/octet-stream", "1.2.840.10008.1.2.1"),))
    check(len(got) == len(numbers), f"{len(got)} of {len(numbers)} frames")
    pixels = dataset.pixel_array if count > 1 else dataset.pixel_array[numpy.newaxis]
    for number, octets in zip(numbers, got):
        expected = pixels[number - 1].astype(pixels.dtype.newbyteorder("<")).tobytes()
        if dataset.file_meta.TransferSyntaxUID.is_compressed and dataset.SamplesPerPixel == 3:
            check(len(octets) == len(expected), f"frame {number} of {dataset.SOPInstanceUID}: {len(octets)} octets")
            continue
        check(octets[: len(expected)] == expected, f"frame {number} of {dataset.SOPInstanceUID} differs")
    url = f"{base}/studies/{{}}/series/{{}}/instances/{{}}".format(*place(dataset))
    beyond = requests.get(f"{url}/frames/{count + 1}", headers={"Accept": OCTETS}, timeout=60)
    check(beyond.status_code == 404 and str(count) in beyond.json()["detail"], f"{beyond.status_code} {beyond.text}")
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        whole = requests.get(f"{url}/bulkdata/7FE00010", timeout=60)
        check(whole.content == dataset.PixelData, "the bulk data of the pixels differ")
        check(client.retrieve_bulkdata(f"{url}/bulkdata/7FE00010") == [dataset.PixelData], "bulk data in a multipart")
        part = requests.get(f"{url}/bulkdata/7FE00010", headers={"Range": "bytes=10-19"}, timeout=60)
        check((part.status_code, part.content) == (206, dataset.PixelData[10:20]), f"range: {part.status_code}")
        none = requests.get(f"{url}/bulkdata/7FE00010", headers={"Range": "bytes=99999999999-"}, timeout=60)
        check(none.status_code == 416, f"a range beyond the end: {none.status_code}")
    return len(got)


def look_at_pictures(client, base, dataset):
    jpeg = client.retrieve_instance_rendered(*place(dataset), media_types=("image/jpeg",))
    check(jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9"), "no JPEG")
    png = client.retrieve_instance_frames_rendered(*place(dataset), [1], media_types=("image/png",))
    check(png.startswith(b"\x89PNG"), "no PNG")
    url = f"{base}/studies/{{}}/series/{{}}/instances/{{}}".format(*place(dataset))
    small = requests.get(f"{url}/thumbnail", params={"viewport": "64,64"}, headers={"Accept": "image/png"}, timeout=60)
    check(small.status_code == 200, f"{small.status_code} {small.text[:200]}")
    size = [int.from_bytes(small.content[at : at + 4], "big") for at in (16, 20)]
    check(max(size) == 64, f"a thumbnail of {size}")
    for accept, level in (("image/jpeg", "studies/{0}"), ("*/*", "studies/{0}/series/{1}")):
        of_all = requests.get(f"{base}/{level.format(*place(dataset))}/thumbnail", headers={"Accept": accept}, timeout=60)
        check(of_all.headers["Content-Type"] == "image/jpeg", f"{level}: {of_all.status_code} {of_all.text[:200]}")
    region = {"viewport": "64,64,0,0,-2,1"}
    cut = requests.get(f"{url}/rendered", params=region, headers={"Accept": "image/png"}, timeout=60)
    size = [int.from_bytes(cut.content[at : at + 4], "big") for at in (16, 20)]
    check(cut.status_code == 200 and size[0] == 64, f"a region: {cut.status_code}, {size}")
    worse = requests.get(f"{url}/rendered", params={"quality": "1"}, headers={"Accept": "image/jpeg"}, timeout=60)
    check(len(worse.content) < len(jpeg), "quality 1 is no smaller")
    for name, value in (("quality", "0"), ("viewport", "0,1"), ("viewport", "9,9,0,0"), ("window", "1,0,linear"), ("window", "1,2,cubic")):
        bad = requests.get(f"{url}/rendered", params={name: value}, headers={"Accept": "image/jpeg"}, timeout=60)
        check(bad.status_code == 400 and name in bad.json()["detail"], f"{name}={value}: {bad.status_code}")
    other = requests.get(f"{url}/rendered", headers={"Accept": "image/webp"}, timeout=60)
    check(other.status_code == 406, f"image/webp: {other.status_code}")
    return 2


def look_at_all(base, study, instances):
    """All pictures of a study are one answer."""
    images = [one for one in instances if "PixelData" in one]
    pictures = parts(f"{base}/studies/{study}/rendered", 'multipart/related; type="image/jpeg"')
    check(len(pictures) == len(images), f"{len(pictures)} pictures of {len(images)} images")
    check(all(picture.startswith(b"\xff\xd8") for picture in pictures), "no JPEG")


def main_documents(endpoints, folder):
    """Documents and videos go out octet by octet, and a part of them."""
    net = network.Network(endpoints)
    base = net.at("north", "RAD-107")
    pdf, film = b"%PDF-1.4 " + os.urandom(3001), b"\x00\x00\x00\x18ftypmp42" + os.urandom(700_001)
    document = instance("1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.1.2.1", "DOC")
    document.EncapsulatedDocument, document.MIMETypeOfEncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2), "application/pdf"
    document.EncapsulatedDocumentLength = len(pdf)
    video = instance("1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.1.2.4.102", "ES")
    video.Rows, video.Columns, video.SamplesPerPixel, video.NumberOfFrames = 1080, 1920, 3, 25
    video.PhotometricInterpretation, video.PlanarConfiguration = "YBR_PARTIAL_420", 0
    video.BitsAllocated, video.BitsStored, video.HighBit, video.PixelRepresentation = 8, 8, 7, 0
    video.PixelData = encapsulate([film + b"\0" * (len(film) % 2)], fragments_per_frame=2, has_bot=False)
    video["PixelData"].is_undefined_length = True
    for dataset in (document, video):
        path = os.path.join(folder, f"{dataset.SOPInstanceUID}.dcm")
        dataset.save_as(path, enforce_file_format=True)
        check(made.send(net, "north", path) == [0], f"{dataset.SOPClassUID} was not taken")
    for dataset, kind, octets in ((document, "application/pdf", pdf), (video, "video/mp4", film)):
        url = f"{base}/studies/{{}}/series/{{}}/instances/{{}}".format(*place(dataset))
        ask = lambda path, **headers: requests.get(f"{url}/{path}", headers=headers, timeout=60)
        network.until("the manifest", lambda: ask("metadata").status_code == 200)
        for accept in (kind, "*/*"):
            got = ask("rendered", Accept=accept)
            check(got.status_code == 200 and got.headers["Content-Type"].startswith(kind), f"{got.status_code} {got.text[:200]}")
            check(got.content.rstrip(b"\0") == octets.rstrip(b"\0"), f"{kind}: other octets")
        middle = ask("rendered", Accept=kind, Range="bytes=1000-2999")
        check((middle.status_code, middle.content) == (206, octets[1000:3000]), f"{kind}: {middle.status_code}")
        check(parts(f"{url}/rendered", f'multipart/related; type="{kind}"')[0][:3000] == octets[:3000], "in a multipart")
        picture = ask("rendered", Accept="image/jpeg")
        check(picture.status_code == 406, f"a picture of {kind}: {picture.status_code}")
    stream = ask("bulkdata/7FE00010", Accept="video/*")
    check(stream.content.rstrip(b"\0") == film.rstrip(b"\0"), "the bulk data of a video differ")
    frame = ask("frames/1", Accept=OCTETS)
    check(frame.status_code == 406 and "7FE00010" in frame.json()["detail"], f"a frame of a video: {frame.status_code}")
    print("a PDF and a video came as they are")


def instance(sop_class, transfer_syntax, modality):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = made.uid(), made.uid(), made.uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientID, dataset.PatientName, dataset.Modality = "P0003", "Made^For^A^Test", modality
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber, dataset.StudyID = "20260312", "101500", "", "1"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.ReferringPhysicianName = "", "", ""
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    return dataset


def refuse(base, study):
    """What nobody's manifest lists has no attributes either."""
    for path in ("studies/2.25.404/metadata", f"studies/{study}/series/2.25.404/metadata"):
        nothing = requests.get(f"{base}/{path}", timeout=60)
        check(nothing.status_code == 404, f"{path}: {nothing.status_code}")
    xml = requests.get(f"{base}/studies/{study}/metadata", headers={"Accept": "application/dicom+xml"}, timeout=60)
    check(xml.status_code == 406, f"XML: {xml.status_code}")


if __name__ == "__main__":
    globals()[f"main_{sys.argv[1]}"](*sys.argv[2:])
