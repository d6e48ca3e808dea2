"""Small DICOM files for the tests, and sending them octet by octet or with dcmtk."""

import os
import subprocess

import pydicom
import pydicom.data
from pydicom.uid import generate_uid
from pynetdicom import AE, _config

# A file goes out as it lies on disk, without being read and written anew.
_config.STORE_SEND_CHUNKED_DATASET = True


def uid():
    return generate_uid(prefix=None)


def image(folder, patient, study=None, series=None, base="CT_small.dcm"):
    """A copy of one of pydicom's files under another identity; its path and data set."""
    data = pydicom.dcmread(pydicom.data.get_testdata_file(base, download=False))
    data.PatientID, data.PatientName = patient, "Made^For^A^Test"
    for stale in ("OtherPatientIDs", "IssuerOfPatientID", "PatientBirthDate", "OtherPatientIDsSequence"):
        if stale in data:
            delattr(data, stale)
    data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID = study or uid(), series or uid(), uid()
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    path = os.path.join(folder, f"{data.SOPInstanceUID}.dcm")
    data.save_as(path, enforce_file_format=True)
    return path, data


def data_set_octets(octets):
    """What follows the file meta information of a Part 10 file."""
    assert octets[128:132] == b"DICM", octets[120:140]
    assert octets[132:140] == b"\x02\x00\x00\x00UL\x04\x00", octets[132:144]
    return octets[144 + int.from_bytes(octets[140:144], "little") :]


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def send(net, node, *paths, calling="CT1"):
    """C-STORE of files as they lie on disk; their statuses."""
    host, port, title = net.dimse(node)
    entity = AE(ae_title=calling)
    for path in paths:
        meta = pydicom.dcmread(path, stop_before_pixels=True).file_meta
        entity.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
    association = entity.associate(host, port, ae_title=title)
    assert association.is_established, f"{node} refused the association"
    try:
        return [association.send_c_store(path).Status for path in paths]
    finally:
        association.release()


def storescu(net, node, path, *options):
    """The same by dcmtk."""
    host, port, title = net.dimse(node)
    command = ["storescu", "-v", "-R", *options, "-aec", title, "-aet", "CT1", host, str(port), path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "(Success)" in done.stdout + done.stderr, done.stdout + done.stderr
