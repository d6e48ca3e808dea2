"""Prints where an instance of the seeded demo is, as arguments for a client of RAD-69.

    an_image.py ENDPOINTS
"""

import io
import sys

import pydicom

import network
import xds
from network import check


def main(endpoints):
    net = network.Network(endpoints)
    (entry, *_) = [e for e in net.entries() if e.is_manifest]
    documents, _ = xds.retrieve(net.repository(entry), (entry.slot("repositoryUniqueId"), entry.unique_id))
    manifest = pydicom.dcmread(io.BytesIO(documents[0][2]))
    study = manifest.CurrentRequestedProcedureEvidenceSequence[0]
    series = study.ReferencedSeriesSequence[0]
    location = series.RetrieveLocationUID
    # Retrieve locations of the demo's hospitals.
    node = {"2.25.301": "north", "2.25.302": "south"}.get(location)
    check(node, f"the manifest names {location}")
    print(f"imaging={net.at(node, 'RAD-69')}")
    print(f"study={study.StudyInstanceUID} series={series.SeriesInstanceUID} location={location}")
    print(f"instance={series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID}")


if __name__ == "__main__":
    main(*sys.argv[1:])
