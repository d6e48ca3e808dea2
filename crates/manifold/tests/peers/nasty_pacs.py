"""PACS that behave badly, each on a port of its own; prints `TITLE PORT` for each and serves until it is ended.
A C-MOVE goes to the port that the destination's title ends with, such as P18141.

Every PACS has one study of three CT images unless its habit says otherwise; all UIDs follow from the title."""

import datetime
import sys
import threading
import time

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind as FIND,
    StudyRootQueryRetrieveInformationModelMove as MOVE,
    Verification,
)

TODAY = datetime.date.today()


def study_uid(title, number=0):
    return f"2.25.{int.from_bytes(title.encode(), 'big')}" + (f".{number}" if number else "")


class Pacs:
    """One PACS. `studies`: UID to date, series and instances."""

    def __init__(self, title):
        self.title = title
        self.asked = {}
        self.lock = threading.Lock()
        self.open = 0
        self.studies = {}
        if title == "CAP":
            for number in range(1, 131):
                # 60, 40 and 30 on three days.
                day = TODAY - datetime.timedelta(days=0 if number <= 60 else 1 if number <= 100 else 2)
                self.put(study_uid(title, number), day, {1: 1})
        elif title in ("FORGETS", "ELSEWHERE"):
            for number in range(3):
                self.put(study_uid(title, number), TODAY, {1: 3})
        elif title == "TWO_SERIES":
            self.put(study_uid(title), TODAY, {1: 3, 2: 2})
        else:
            self.put(study_uid(title), TODAY, {1: 3})

    def put(self, uid, day, counts):
        series = {f"{uid}.{s}": [f"{uid}.{s}.{n}" for n in range(1, count + 1)] for s, count in counts.items()}
        self.studies[uid] = (day.strftime("%Y%m%d"), series)

    def times(self, what):
        """How often something was asked for, this time included."""
        with self.lock:
            self.asked[what] = self.asked.get(what, 0) + 1
            return self.asked[what]


PACS = {}


def of(event):
    return PACS[event.assoc.ae.ae_title]


class Octets(Dataset):
    """An answer whose octets are as given: see `as_given`."""

    octets = b""


def element(tag, vr, value):
    value = value if isinstance(value, bytes) else value.encode()
    value += b"" if len(value) % 2 == 0 else b"\0" if vr == b"UI" else b" "
    number = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    return number + vr + len(value).to_bytes(2, "little") + value


def answer(pacs, level):
    data = Dataset()
    data.QueryRetrieveLevel = level
    if pacs.title == "LEVEL":
        data.QueryRetrieveLevel = "IMAGE" if level == "STUDY" else "STUDY"
    if pacs.title != "LATIN1":
        data.SpecificCharacterSet = "ISO_IR 192"
    return data


def of_study(pacs, uid):
    day, series = pacs.studies[uid]
    count = sum(len(instances) for instances in series.values())
    if pacs.title == "LATIN1":
        data = Octets()
        data.octets = b"".join(
            element(tag, vr, value)
            for tag, vr, value in (
                (0x00080020, b"DA", day),
                (0x00080030, b"TM", "101500"),
                (0x00080050, b"SH", "N-1"),
                (0x00080052, b"CS", "STUDY"),
                (0x00081030, b"LO", "CT Schädel".encode("latin-1")),
                (0x00100010, b"PN", "Müller^Änne".encode("latin-1")),
                (0x00100020, b"LO", "P0001"),
                (0x0020000D, b"UI", uid),
                (0x00201208, b"IS", str(count)),
            )
        )
        return data
    data = answer(pacs, "STUDY")
    data.StudyInstanceUID = uid
    data.PatientID = "P0001"
    data.StudyDate = day
    if pacs.title == "DATES":
        octets = Octets()
        octets.octets = b"".join(
            element(tag, vr, value)
            for tag, vr, value in (
                (0x00080020, b"DA", f"{day[:4]}.{day[4:6]}.{day[6:]}"),
                (0x00080030, b"TM", "10:15:00"),
                (0x00080052, b"CS", "STUDY"),
                (0x00100010, b"PN", "Nasty^Ned"),
                (0x00100020, b"LO", "P0001\0"),
                (0x0020000D, b"UI", uid),
                (0x00201208, b"IS", str(count)),
            )
        )
        return octets
    if pacs.title == "BARE":
        return data
    data.StudyTime = "101500"
    data.AccessionNumber = "N-1"
    data.PatientName = "Nasty^Ned"
    data.StudyDescription = "CT of a nasty PACS"
    data.NumberOfStudyRelatedSeries = len(series)
    data.NumberOfStudyRelatedInstances = 0 if pacs.title in ("ZERO", "MISS_ONCE", "ELSEWHERE") else count
    return data


def of_series(pacs, study, uid, number):
    data = answer(pacs, "SERIES")
    data.StudyInstanceUID, data.SeriesInstanceUID = study, uid
    data.Modality = "CT"
    if pacs.title == "BARE":
        return data
    data.SeriesNumber = number
    data.SeriesDescription = "Series"
    data.NumberOfSeriesRelatedInstances = 0 if pacs.title == "ZERO" else len(pacs.studies[study][1][uid])
    return data


def of_image(pacs, study, series, uid, number):
    data = answer(pacs, "IMAGE")
    data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID = study, series, uid
    if pacs.title not in ("NO_CLASS", "BARE"):
        data.SOPClassUID = CTImageStorage
    if pacs.title != "BARE":
        data.InstanceNumber = number
    return data


def matches(pacs, query):
    """The answers that the query deserves."""
    level = query.QueryRetrieveLevel
    if level == "STUDY":
        wanted = query.get("StudyInstanceUID") or []
        wanted = [wanted] if isinstance(wanted, str) else list(wanted)
        day = str(query.get("StudyDate") or "")
        first, _, last = day.partition("-")
        for uid, (date, _) in pacs.studies.items():
            if wanted and uid not in wanted:
                continue
            if day and not (first or "0") <= date <= (last if "-" in day else first or "9"):
                continue
            yield of_study(pacs, uid)
        return
    day, all_series = pacs.studies.get(query.StudyInstanceUID, (None, {}))
    if level == "SERIES":
        for number, uid in enumerate(all_series, 1):
            yield of_series(pacs, query.StudyInstanceUID, uid, number)
        return
    instances = all_series.get(query.SeriesInstanceUID, [])
    for number, uid in enumerate(instances, 1):
        yield of_image(pacs, query.StudyInstanceUID, query.SeriesInstanceUID, uid, number)


def on_find(event):
    pacs, query = of(event), event.identifier
    level, title = query.QueryRetrieveLevel, pacs.title
    time_of_asking = pacs.times(level)
    if title == "PICKY" and "ProcedureCodeSequence" in query:
        yield 0xA900, None
        return
    found = list(matches(pacs, query))
    if title == "CAP":
        found = found[:100]
    if title == "IMAGELESS" and level == "IMAGE":
        found = []
    if title == "MISS_ONCE" and level == "IMAGE" and time_of_asking == 2:
        found = found[:-1]
    if title == "FORGETS" and pacs.asked.get("STUDY", 0) > 1:
        # It has lost its index: it has nothing any more, and says so without an error.
        found = []
    if title == "MORE" or title == "ELSEWHERE" and pacs.asked.get("STUDY", 0) > 1:
        other = "2.25.999"
        found = found if title == "MORE" or level == "STUDY" else []
        pacs.studies[other] = (TODAY.strftime("%Y%m%d"), {f"{other}.1": [f"{other}.1.1"]})
        if level == "SERIES":
            found.append(of_series(pacs, other, f"{other}.1", 9))
        elif level == "IMAGE":
            found.append(of_image(pacs, other, f"{other}.1", f"{other}.1.1", 9))
        elif query.get("StudyInstanceUID"):
            found.insert(0, of_study(pacs, other))
        else:
            found = [one for one in found if one.StudyInstanceUID != other]
        del pacs.studies[other]
    if title == "A700" and level == "IMAGE":
        yield 0xFF00, found[0]
        yield 0xA700, None
        return
    for number, one in enumerate(found):
        if title == "SLOW":
            time.sleep(0.15)
        if title == "ABORT_FIND" and level == "IMAGE" and number == 1:
            event.assoc.abort()
            return
        if title == "OPTIONAL":
            yield 0xFF01, one
            continue
        yield 0xFF00, one
        if title == "TWICE":
            yield 0xFF00, one
    if title == "BROKEN" and level == "IMAGE":
        cut = Octets()
        cut.octets = element(0x00080018, b"UI", "2.25.77")[:-3]
        yield 0xFF00, cut


def ct(pacs, study, series, uid):
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, uid
    data.StudyInstanceUID, data.SeriesInstanceUID = study, series
    data.PatientID, data.PatientName, data.Modality = "P0001", "Nasty^Ned", "CT"
    data.StudyDate, data.InstanceNumber = pacs.studies[study][0], uid.rpartition(".")[2]
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 16, 12, 11
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = bytes(128)
    data["PixelData"].VR = "OW"
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


def store_by_hand(pacs, destination, port, objects):
    """Stores without telling the one who asked."""
    ae = AE(pacs.title)
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", port, ae_title=destination)
    for one in objects:
        assoc.send_c_store(one)
    assoc.release()


def on_move(event):
    pacs, query, title = of(event), event.identifier, of(event).title
    port = int(event.move_destination.strip().lstrip("P"))
    study, series = query.StudyInstanceUID, query.SeriesInstanceUID
    wanted = query.get("SOPInstanceUID") or pacs.studies[study][1][series]
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    objects = [ct(pacs, study, series, uid) for uid in wanted]
    if title == "UNKNOWN":
        yield None, None
        return
    if title == "ONE" and pacs.open > 1:
        raise RuntimeError("two associations")
    yield "127.0.0.1", port
    if title == "NOTHING":
        yield 0
        return
    if title == "NO_PENDING":
        store_by_hand(pacs, event.move_destination.strip(), port, objects)
        yield 0
        return
    yield len(objects)
    if title == "MOVE_A702":
        yield 0xA702, None
        return
    for number, one in enumerate(objects):
        if title == "SLOW":
            time.sleep(0.15)
        if title == "ABORT_MOVE" and number == 1:
            event.assoc.abort()
            return
        if title == "STALL" and number == 1:
            time.sleep(6)
        if title == "OTHER":
            one.SOPInstanceUID = f"2.25.888.{number}"
        if title == "SHORT" and number == 2 or title == "NEVER" and one.SOPInstanceUID.endswith(".3"):
            yield 0xB000, None
            return
        yield 0xFF00, one


def on_requested(event):
    pacs = of(event)
    if pacs.title == "REFUSES" and pacs.times("association") > 0:
        event.assoc.acse.send_reject(0x01, 0x01, 0x07)
        event.assoc.kill()


def on_accepted(event):
    pacs = of(event)
    with pacs.lock:
        pacs.open += 1
        too_many = pacs.title == "ONE" and pacs.open > 1
    if too_many:
        event.assoc.abort()


def on_over(event):
    pacs = of(event)
    with pacs.lock:
        pacs.open -= 1


def main():
    import pynetdicom.service_class as service

    encode = service.encode

    def as_given(data, implicit, little, deflated=False):
        return data.octets if isinstance(data, Octets) else encode(data, implicit, little, deflated)

    service.encode = as_given
    for title in sys.argv[1:]:
        PACS[title] = Pacs(title)
        ae = AE(title)
        ae.maximum_associations = 20
        for context in (Verification, FIND, MOVE):
            ae.add_supported_context(context, [ExplicitVRLittleEndian])
        ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        handlers = [
            (evt.EVT_C_FIND, on_find),
            (evt.EVT_C_MOVE, on_move),
            (evt.EVT_REQUESTED, on_requested),
            (evt.EVT_ACCEPTED, on_accepted),
            (evt.EVT_CONN_CLOSE, on_over),
        ]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        print(title, server.server_address[1], flush=True)
    while True:
        time.sleep(60)


main()
