"""Prints where an instance of the seeded demo is, as arguments for a client of RAD-69.

    an_image.py ENDPOINTS
"""

import io
import sys

import pydicom

import network
import xds
from network import check


def an_image(net):
    """(RAD-69 address, study, series, retrieve location, SOP instance) of an instance that a manifest lists."""
    (entry, *_) = [e for e in net.entries() if e.is_manifest]
    documents, _ = xds.retrieve(net.repository(entry), (entry.slot("repositoryUniqueId"), entry.unique_id))
    manifest = pydicom.dcmread(io.BytesIO(documents[0][2]))
    study = manifest.CurrentRequestedProcedureEvidenceSequence[0]
    series = study.ReferencedSeriesSequence[0]
    location = series.RetrieveLocationUID
    # Retrieve locations of the demo's hospitals.
    node = {"2.25.301": "north", "2.25.302": "south"}.get(location)
    check(node, f"the manifest names {location}")
    instance = series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return net.at(node, "RAD-69"), study.StudyInstanceUID, series.SeriesInstanceUID, location, instance


def main(endpoints):
    names = ("imaging", "study", "series", "location", "instance")
    print(*(f"{name}={value}" for name, value in zip(names, an_image(network.Network(endpoints)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
