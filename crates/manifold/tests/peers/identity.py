"""The patient identity feed by people who are not us: python-hl7 sends, hl7apy reads the acknowledgements, and what became
of patients and documents is asked for by ITI-18, ITI-41 and ITI-104. Source: ITI TF-2 3.8, 3.44.

    identity.py ENDPOINTS
"""

import sys
import uuid
from xml.sax.saxutils import escape

import hl7
import requests
from hl7.client import MLLPClient
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

import network
import soap
import xds
from network import check

RUN = uuid.uuid4().hex[:8].upper()


class Feed:
    """One connection for everything; the sender names its character set."""

    def __init__(self, net):
        host, port = net.at("central", "ITI-8").rsplit(":", 1)
        self.domain = net.domain
        self.client = MLLPClient(host, int(port))
        self.count = 0

    def cx(self, patient):
        return f"{patient}^^^&{self.domain}&ISO"

    def send(self, event, pid, more=(), charset="UNICODE UTF-8", encoding="utf-8", version="2.3.1"):
        """(code, text) of the acknowledgement, which both readers must understand and which must name the message."""
        self.count += 1
        control = f"{RUN}-{self.count}"
        segments = [
            f"MSH|^~\\&|PAS|HOSP|REGISTRY|REGION|20250314101500||{event}|{control}|P|{version}||||||{charset}",
            "EVN||20250314101500",
            f"PID|||{pid}",
            *more,
        ]
        answer = self.client.send_message("\r".join(segments).encode(encoding) + b"\r")
        check(answer[:1] == b"\x0b" and answer[-2:] == b"\x1c\r", f"no frame: {answer!r}")
        text = answer[1:-2].decode(encoding)
        read = hl7.parse(text)
        msa = read.segment("MSA")
        check(str(msa[2]) == control, f"the acknowledgement names {msa[2]}, not {control}")
        check(str(read.segment("MSH")[3]) == "REGISTRY" and str(read.segment("MSH")[5]) == "PAS", "sent to somebody else")
        trigger = event.split("^")[1]
        check(str(read.segment("MSH")[9]).startswith(f"ACK^{trigger}"), f"MSH-9 is {read.segment('MSH')[9]}")
        parsed = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=False)
        check(parsed.msa.msa_1.value == str(msa[1]), "two readers of one acknowledgement differ")
        if version == "2.3.1":
            reason = str(msa[3]) if len(msa) > 3 else ""
        else:
            errors = [s for s in read if str(s[0]) == "ERR"]
            reason = str(errors[0][8]) if errors else ""
        return str(msa[1]), read.unescape(reason)

    def accept(self, *arguments, **options):
        code, reason = self.send(*arguments, **options)
        check(code == "AA", f"{arguments}: {code} {reason}")

    def refuse(self, expected, *arguments, code="AE", **options):
        came, reason = self.send(*arguments, **options)
        check(came == code, f"{arguments}: {came} {reason}, expected {code}")
        for word in expected:
            check(word in reason, f"{arguments}: `{reason}` does not say {word}")

    def add(self, patient, name, **options):
        self.accept("ADT^A04^ADT_A01", f"{self.cx(patient)}||{name}||19610412|F", ["PV1||N"], **options)

    def merge_parts(self, survivor, subsumed):
        return "ADT^A40^ADT_A39", f"{self.cx(survivor)}||Doe^Jane", [f"MRG|{self.cx(subsumed)}"]

    def merge(self, survivor, subsumed):
        self.accept(*self.merge_parts(survivor, subsumed))


def main(endpoints):
    net = network.Network(endpoints)
    feed, domain = Feed(net), net.domain
    registry, repository = net.at("central", "ITI-18"), net.at("central", "ITI-41")
    ids = [f"V8{RUN}{n}" for n in range(6)]

    def known(patient):
        parameters = {"identifier": f"urn:oid:{domain}|{patient}"}
        bundle = requests.get(net.at("central", "ITI-104") + "/Patient", params=parameters, timeout=30).json()
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def name(patient):
        (resource,) = known(patient)
        return resource["name"][0]["family"], resource["name"][0]["given"][0], resource["birthDate"]

    def found(patient):
        entries = xds.find_documents(registry, net.cx(patient))
        check(all(e.patient_id == net.cx(patient) for e in entries), f"patientId is not {patient}'s")
        return {e.unique_id for e in entries}

    def refused(patient):
        try:
            xds.provide(repository, xds.Document(patient=net.cx(patient)))
        except xds.RegistryErrors as errors:
            check(errors.codes == ["XDSUnknownPatientId"], f"refused by {errors}")
        else:
            raise AssertionError(f"a document of {patient} was accepted")

    # A04 makes known, in the character set that the message names; A08 revises; A04 again overwrites nothing.
    refused(ids[0])
    for n, (charset, encoding) in enumerate([("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("8859/15", "iso8859-15")]):
        feed.add(ids[n], "Müller^Zoë", charset=charset, encoding=encoding)
        check(name(ids[n]) == ("Müller", "Zoë", "1961-04-12"), f"{charset}: {name(ids[n])}")
    feed.accept("ADT^A08", f"{feed.cx(ids[0])}||Lefèvre^Zoë||19610412", charset="8859/1", encoding="latin-1")
    feed.add(ids[0], "Old^Name")
    check(name(ids[0]) == ("Lefèvre", "Zoë", "1961-04-12"), f"after A08: {name(ids[0])}")
    for event, patient in (("ADT^A01", ids[3]), ("ADT^A05", ids[4])):
        feed.accept(event, f"{patient}-77^^^&2.999.8&ISO~{feed.cx(patient)}||Doe^Jane", version="2.5.1")

    # Documents follow a chain of merges; the subsumed have none and take none.
    documents = {patient: xds.Document(patient=net.cx(patient)) for patient in ids[:5]}
    for document in documents.values():
        xds.provide(repository, document)
    of = lambda *patients: {documents[p].unique_id for p in patients}
    sources = {e.unique_id: e.slot("sourcePatientId") for e in xds.find_documents(registry, net.cx(ids[0]))}
    feed.merge(ids[1], ids[0])
    feed.merge(ids[2], ids[1])
    check(found(ids[2]) == of(*ids[:3]), "the survivor does not find the whole chain")
    for entry in xds.find_documents(registry, net.cx(ids[2])):
        if entry.unique_id in sources:
            check(entry.slot("sourcePatientId") == sources[entry.unique_id], "sourcePatientId was rewritten")
    for gone in ids[:2]:
        check(found(gone) == set() and known(gone) == [], f"{gone} is still there")
        refused(gone)
        feed.refuse(["PID-3", "merged"], "ADT^A08", f"{feed.cx(gone)}||Doe^Jane")
    by_id = [("XDSDocumentEntryUniqueId", xds.listed(documents[ids[0]].unique_id))]
    (entry,), _ = xds.query(registry, xds.GET_DOCUMENTS, by_id)
    check(entry.patient_id == net.cx(ids[2]), "GetDocuments names the subsumed patient")

    # Merges that break a rule change nothing, whichever feed they come by.
    for survivor, subsumed, place in (
        (ids[3], ids[3], "MRG-1"),
        (ids[3], ids[0], "MRG-1"),
        (ids[0], ids[2], "PID-3"),
        (ids[1], ids[3], "PID-3"),
        (ids[3], "NOBODY" + RUN, "MRG-1"),
    ):
        feed.refuse([place], *feed.merge_parts(survivor, subsumed))
        merge_v3(net, survivor, subsumed, "CE")
        merge_fhir(net, survivor, subsumed, 422)
    for survivor, subsumed, place in (
        (f"{ids[2]}^^^&2.999.8&ISO", feed.cx(ids[3]), "PID-3"),
        (feed.cx(ids[2]), f"{ids[3]}^^^&2.999.8&ISO", "MRG-1"),
    ):
        feed.refuse([place, domain, "2.999.8"], "ADT^A40^ADT_A39", f"{survivor}||Doe^Jane", [f"MRG|{subsumed}"])
    check(found(ids[2]) == of(*ids[:3]) and found(ids[3]) == of(ids[3]), "a refused merge changed something")
    merge_v3(net, ids[2], ids[4], "CA")
    check(found(ids[2]) == of(*ids[:3], ids[4]) and found(ids[4]) == set(), "ITI-44 merges otherwise than ITI-8")
    refused(ids[4])
    for _ in range(2):
        merge_fhir(net, ids[2], ids[3], 200)
        check(found(ids[2]) == of(*ids[:5]) and found(ids[3]) == set(), "ITI-104 merges otherwise than ITI-8")
    refused(ids[3])

    # What is wrong is named by place, rule and value, in the form of the message's version.
    for version in ("2.3.1", "2.5.1"):
        feed.refuse(["PID-3", domain, "2.999.8"], "ADT^A04^ADT_A01", "1^^^&2.999.8&ISO||Doe", version=version)
        feed.refuse(["MSH-9", "ORU^R01", "ADT^A40"], "ORU^R01^ORU_R01", feed.cx(ids[5]), code="AR", version=version)
        feed.refuse(["MSH-9", "ADT^A03"], "ADT^A03^ADT_A03", feed.cx(ids[5]), code="AR", version=version)
    feed.refuse(["MSH-18", "UNICODE UTF-8"], "ADT^A04", f"{feed.cx(ids[5])}||Müller", encoding="latin-1")
    check(known(ids[5]) == [], "a refused message made a patient known")
    print(f"{feed.count} messages on one connection")


def merge_v3(net, survivor, subsumed, expected):
    """ITI-44, Patient Registry Duplicates Resolved."""
    body = MERGE_V3.format(id=xds.uid(), domain=net.domain, survivor=escape(survivor), subsumed=escape(subsumed))
    answer = soap.post(net.at("central", "ITI-44"), "urn:hl7-org:v3:PRPA_IN201304UV02", body)
    answer.raise_for_fault()
    (code,) = answer.body().iter("{urn:hl7-org:v3}typeCode")
    check(code.get("code") == expected, f"ITI-44 {survivor} {subsumed}: {code.get('code')}, expected {expected}")


def merge_fhir(net, survivor, subsumed, expected):
    """ITI-104, Resolve Duplicate Patient."""
    of = lambda patient: {"system": f"urn:oid:{net.domain}", "value": patient}
    patient = {
        "resourceType": "Patient",
        "identifier": [of(subsumed)],
        "active": False,
        "name": [{"family": "Doe", "given": ["Jane"]}],
        "link": [{"type": "replaced-by", "other": {"identifier": of(survivor)}}],
    }
    answer = requests.put(
        net.at("central", "ITI-104") + "/Patient",
        params={"identifier": f"urn:oid:{net.domain}|{subsumed}"},
        headers={"Content-Type": "application/fhir+json"},
        json=patient,
        timeout=30,
    )
    check(answer.status_code == expected, f"ITI-104 {survivor} {subsumed}: {answer.status_code} {answer.text}")
    told = answer.json()
    if expected == 200:
        check(told["active"] is False and told["link"] == patient["link"], f"the merge is told as {told}")
    else:
        check(told["issue"][0]["expression"][0].startswith("Patient."), f"the place is not named: {told}")


MERGE_V3 = """<PRPA_IN201304UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"><id root="{id}"/>
<creationTime value="20250314101500"/><interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201304UV02"/>
<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="AL"/>
<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.999.1"/></device></receiver>
<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.999.2"/></device></sender>
<controlActProcess classCode="CACT" moodCode="EVN"><code code="PRPA_TE201304UV02" codeSystem="2.16.840.1.113883.1.6"/>
<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><id nullFlavor="NA"/><statusCode code="active"/>
<subject1 typeCode="SBJ"><patient classCode="PAT"><id root="{domain}" extension="{survivor}"/><statusCode code="active"/>
<patientPerson classCode="PSN" determinerCode="INSTANCE"><name><given>Jane</given><family>Doe</family></name></patientPerson>
<providerOrganization classCode="ORG" determinerCode="INSTANCE"><id root="{domain}"/></providerOrganization></patient></subject1>
<custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="{domain}"/></assignedEntity></custodian>
<replacementOf typeCode="RPLC"><priorRegistration classCode="REG" moodCode="EVN"><statusCode code="obsolete"/>
<subject1 typeCode="SBJ"><priorRegisteredRole classCode="PAT"><id root="{domain}" extension="{subsumed}"/></priorRegisteredRole>
</subject1></priorRegistration></replacementOf></registrationEvent></subject></controlActProcess></PRPA_IN201304UV02>"""


if __name__ == "__main__":
    main(sys.argv[1])
