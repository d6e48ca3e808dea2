"""A PACS that behaves badly. What it does is chosen by the AE title it is called by; it prints its port and serves until
it is ended. Argument: the port that MANIFOLD listens on."""

import sys
import time

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    StudyRootQueryRetrieveInformationModelFind as FIND,
    StudyRootQueryRetrieveInformationModelGet as GET,
    StudyRootQueryRetrieveInformationModelMove as MOVE,
    StorageCommitmentPushModel,
    Verification,
)

DESTINATION = int(sys.argv[1])
STUDY = "2.25.4100"


def called(event):
    return event.assoc.requestor.primitive.called_ae_title.strip()


def study(uid=STUDY, charset="ISO_IR 192", name="Müller^Änne"):
    data = Dataset()
    data.QueryRetrieveLevel = "STUDY"
    if charset is not None:
        data.SpecificCharacterSet = charset
    data.StudyInstanceUID = uid
    data.PatientName = name
    data.PatientID = "P-41"
    data.StudyDate = "20250603"
    return data


class Octets(Dataset):
    """An answer whose octets are as given: pynetdicom encodes it by `encode`, which is replaced below."""

    octets = b""


def element(group, number, vr, value):
    """An element in Explicit VR Little Endian with a short length."""
    value += b"" if len(value) % 2 == 0 else b" "
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr + len(value).to_bytes(2, "little")
    return head + value


def raw(*elements):
    data = Octets()
    data.octets = b"".join(element(*one) for one in elements)
    return data


def on_find(event):
    title = called(event)
    if title == "LATIN1":
        yield 0xFF00, raw(
            (0x0008, 0x0020, b"DA", b"2025.06.03"),
            (0x0008, 0x0030, b"TM", b"10:15:30"),
            (0x0008, 0x0052, b"CS", b"STUDY"),
            (0x0008, 0x0061, b"CS", b"CT/SR"),
            (0x0010, 0x0010, b"PN", "Müller^Änne".encode("latin-1")),
            (0x0010, 0x0020, b"LO", b"P-41\0\0"),
            (0x0010, 0x4000, b"LT", b"not asked for"),
            (0x0020, 0x000D, b"UI", STUDY.encode() + b"\0"),
            (0x0020, 0x1208, b"IS", b"0"),
        )
    elif title == "CYRILLIC":
        yield 0xFF00, raw(
            (0x0008, 0x0052, b"CS", b"STUDY"),
            (0x0010, 0x0010, b"PN", "Люксембург".encode("iso8859-5")),
            (0x0020, 0x000D, b"UI", STUDY.encode() + b"\0"),
        )
    elif title == "BROKEN":
        yield 0xFF00, study("2.25.1")
        yield 0xFF00, raw((0x0008, 0x0052, b"CS", b"STUDY"))
        yield 0xFF00, raw((0x0020, 0x000D, b"UI", b"1.2.abc."))
        cut = raw((0x0020, 0x000D, b"UI", b"1.2.3.4"))
        cut.octets = cut.octets[:-3]
        yield 0xFF00, cut
        yield 0xFF00, study("2.25.2")
    elif title == "OPTIONAL":
        yield 0xFF01, study()
    elif title == "RESOURCES":
        yield 0xFF00, study()
        yield 0xA700, None
    elif title == "IDENTIFIER":
        status = Dataset()
        status.Status = 0xA900
        status.OffendingElement = [0x00080061]
        status.ErrorComment = "no such key"
        yield status, None
    elif title == "ABORT":
        yield 0xFF00, study()
        event.assoc.abort()
    elif title == "DEAF":
        # Never looks for a C-CANCEL.
        for number in range(1, 400):
            yield 0xFF00, study(f"2.25.{number}")
            time.sleep(0.05)
    elif title == "OBEDIENT":
        for number in range(1, 400):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, study(f"2.25.{number}")
            time.sleep(0.02)
    elif title == "SILENT":
        time.sleep(4)
    else:
        yield 0xFF00, study()


def ct(number):
    data = Dataset()
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = f"2.25.4110.{number}"
    data.StudyInstanceUID, data.SeriesInstanceUID = STUDY, "2.25.4110"
    data.PatientID, data.Modality = "P-41", "CT"
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


def on_move(event):
    title = called(event)
    if title == "UNKNOWN":
        yield None, None
        return
    yield "127.0.0.1", DESTINATION
    if title == "EMPTY":
        yield 0
        return
    yield 3
    if title == "RESOURCES":
        yield 0xA702, None
    elif title == "ABORT":
        event.assoc.abort()
    elif title == "SILENT":
        time.sleep(4)
    else:
        for number in range(1, 4):
            yield 0xFF00, ct(number)


def on_get(event):
    title = called(event)
    yield 0 if title == "EMPTY" else 3
    if title == "EMPTY":
        return
    for number in range(1, 4):
        if event.is_cancelled:
            yield 0xFE00, None
            return
        if title == "ABORT" and number == 2:
            event.assoc.abort()
        yield 0xFF00, ct(number)
        time.sleep(0.1)


def on_action(event):
    data = Dataset()
    wanted = event.action_information
    ok = event.action_type == 1 and wanted.TransactionUID == "2.25.77" and len(wanted.ReferencedSOPSequence) == 2
    if called(event) == "DUPLICATE":
        return 0x0131, None
    return (0x0000 if ok else 0x0115), data


def on_create(event):
    data = event.attribute_list
    known = event.request.AffectedSOPInstanceUID == "2.25.88"
    if "PerformedProcedureStepStatus" in data:
        ok = data.PerformedProcedureStepStatus == "IN PROGRESS" and data.Modality == "CT"
    else:
        instance = data.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        ok = instance.InstanceAvailability == "UNAVAILABLE" and instance.ReferencedSOPInstanceUID == "2.25.1"
    return (0x0000 if ok and known else 0x0106), Dataset()


def on_set(event):
    data = event.modification_list
    ok = data.PerformedProcedureStepStatus == "COMPLETED"
    return (0x0000 if ok else 0x0106), Dataset()


def on_event(event):
    data = event.event_information
    ok = event.event_type == 2 and data.FailedSOPSequence[0].FailureReason == 0x0112
    return (0x0000 if ok else 0x0113), None


def on_extended(event):
    """Agrees to relational queries and to nothing else."""
    return {uid: b"\x01\x00\x00" for uid in event.app_info if uid == FIND}


def main():
    import pynetdicom.service_class as service

    encode = service.encode

    def as_given(data, implicit, little, deflated=False):
        return data.octets if isinstance(data, Octets) else encode(data, implicit, little, deflated)

    service.encode = as_given
    ae = AE("NASTY")
    ae.maximum_associations = 20
    for context in (Verification, FIND, MOVE, GET, InstanceAvailabilityNotification, ModalityPerformedProcedureStep):
        ae.add_supported_context(context, [ExplicitVRLittleEndian])
    ae.add_supported_context(StorageCommitmentPushModel, ImplicitVRLittleEndian, scu_role=True, scp_role=True)
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian, scu_role=True, scp_role=True)
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    handlers = [
        (evt.EVT_C_FIND, on_find),
        (evt.EVT_C_MOVE, on_move),
        (evt.EVT_C_GET, on_get),
        (evt.EVT_N_ACTION, on_action),
        (evt.EVT_N_CREATE, on_create),
        (evt.EVT_N_SET, on_set),
        (evt.EVT_N_EVENT_REPORT, on_event),
        (evt.EVT_SOP_EXTENDED, on_extended),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    print(server.server_address[1], flush=True)
    while True:
        time.sleep(60)


main()
