"""Makes the key object selection of a study with pydicom and highdicom, and says how long that took.

usage: manifest.py STUDY_FOLDER OUTPUT OTHER_MANIFEST

Prints {"seconds": .., "listed": {"theirs": .., "ours": ..}}: reading the headers, building and writing; imports are not
counted. OTHER_MANIFEST is only read afterwards, to count what it lists.
"""

import json
import sys
import time
from pathlib import Path

import pydicom
from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr.coding import CodedConcept
from highdicom.uid import UID


def make(folder: Path, output: Path) -> None:
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in sorted(folder.iterdir())]
    title = CodedConcept("113030", "DCM", "Manifest")
    content = KeyObjectSelection(document_title=title, referenced_objects=headers)
    document = KeyObjectSelectionDocument(
        evidence=headers,
        content=content,
        series_instance_uid=UID(),
        series_number=1,
        sop_instance_uid=UID(),
        instance_number=1,
        manufacturer="bench",
        institution_name="North Hospital",
    )
    document.save_as(output)


def listed(file: Path) -> int:
    evidence = pydicom.dcmread(file).CurrentRequestedProcedureEvidenceSequence
    return sum(len(series.ReferencedSOPSequence) for study in evidence for series in study.ReferencedSeriesSequence)


def main() -> None:
    folder, output, other = (Path(argument) for argument in sys.argv[1:])
    started = time.perf_counter()
    make(folder, output)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "listed": {"theirs": listed(output), "ours": listed(other)}}))


main()
