"""ITI-18 against an evaluation in Python: what each parameter and each combination must find follows from the LeafClass of
everything. Source: ITI TF-2 3.18.

    stored_queries.py ENDPOINTS FOLDER   bodies are written to FOLDER for a schema validator
"""

import itertools
import os
import re
import sys

import network
import soap
import xds
from network import check
from xds import APPROVED, DEPRECATED, codes, listed, text

CODE_PARAMETERS = {
    "ClassCode": "classCode",
    "TypeCode": "typeCode",
    "PracticeSettingCode": "practiceSettingCode",
    "HealthcareFacilityTypeCode": "healthcareFacilityTypeCode",
    "EventCodeList": "eventCodeList",
    "ConfidentialityCode": "confidentialityCode",
    "FormatCode": "formatCode",
}
REPEATABLE = ("EventCodeList", "ConfidentialityCode")
MODALITIES = "1.2.840.10008.2.16.4"
OTHER = ("NOSUCH", "2.999.404")


class Asked:
    """One registry, everything it holds of each patient, and what was compared."""

    def __init__(self, net, folder):
        self.net, self.folder = net, folder
        self.registry = net.at("central", "ITI-18")
        self.all = {p: xds.find_documents(self.registry, net.cx(p), statuses=(APPROVED, DEPRECATED)) for p in net.patients}
        self.count = self.empty = 0

    def entries(self, patient):
        return [e for e in self.all[patient] if e.status == APPROVED]

    def compare(self, query_id, slots, expected, what):
        """LeafClass and ObjectRef find exactly the expected entries."""
        answer, body = xds.query_answer(self.registry, query_id, slots)
        self.count += 1
        check(body.get("status") == xds.SUCCESS, f"{what}: {xds.registry_errors(body)}")
        self.keep(answer)
        found = [xds.Entry.read(e) for e in body.iter("{%s}ExtrinsicObject" % soap.NS["rim"])]
        ids = [e.id for e in found]
        check(len(set(ids)) == len(ids), f"{what}: an entry came twice")
        wanted = {e.id for e in expected}
        check(set(ids) == wanted, f"{what}: found {len(ids)}, expected {len(wanted)}; differing {set(ids) ^ wanted}")
        known = {e.id: e for e in expected}
        check(all(known[e.id] == e for e in found), f"{what}: an entry reads otherwise than before")
        refs = xds.query_ids(self.registry, query_id, slots)
        check(sorted(refs) == sorted(wanted), f"{what}: ObjectRef found {len(refs)}, expected {len(wanted)}")
        self.empty += not wanted

    def find(self, patient, slots, expected, what, statuses=(APPROVED,)):
        slots = xds.patient_slots(self.net.cx(patient), *statuses) + slots
        self.compare(xds.FIND_DOCUMENTS, slots, expected, f"{patient} {what}")

    def refused(self, query_id, slots, code, what):
        answer, body = xds.query_answer(self.registry, query_id, slots)
        self.keep(answer)
        got = [error[0] for error in xds.registry_errors(body)]
        check(body.get("status") == xds.FAILURE, f"{what}: {body.get('status')}")
        check(got == [code], f"{what}: {xds.registry_errors(body)}, expected {code}")
        objects = body.find("rim:RegistryObjectList", soap.NS)
        check(objects is not None and len(objects) == 0, f"{what}: a failure lists objects")

    def keep(self, answer):
        number = len(os.listdir(self.folder))
        with open(os.path.join(self.folder, f"{number:04}.xml"), "wb") as file:
            file.write(answer.inlined())


def main(endpoints, folder):
    asked = Asked(network.Network(endpoints), folder)
    check(any(asked.all.values()), "the registry is empty")
    for patient in asked.net.patients:
        statuses(asked, patient)
        single_codes(asked, patient)
        modality_and_region(asked, patient)
        times(asked, patient)
        authors(asked, patient)
        object_types(asked, patient)
        references(asked, patient)
    get_documents(asked)
    associations(asked)
    refusals(asked)
    check(asked.count > 2 * asked.empty, f"{asked.empty} of {asked.count} queries were to find nothing: no proof")
    print(f"{asked.count} queries agree, of which {asked.empty} were to find nothing")


def statuses(asked, patient):
    of = {s: [e for e in asked.all[patient] if e.status == s] for s in (APPROVED, DEPRECATED)}
    asked.find(patient, [], of[APPROVED], "approved")
    asked.find(patient, [], of[DEPRECATED], "deprecated", (DEPRECATED,))
    asked.find(patient, [], asked.all[patient], "both", (APPROVED, DEPRECATED))


def with_any(entries, attribute, wanted):
    return [e for e in entries if set(e.codes[attribute]) & set(wanted)]


def single_codes(asked, patient):
    """Each code alone, two codes as OR, the right code in a wrong scheme."""
    entries = asked.entries(patient)
    for parameter, attribute in CODE_PARAMETERS.items():
        name = "XDSDocumentEntry" + parameter
        present = sorted({code for e in entries for code in e.codes[attribute]})
        for code in present:
            asked.find(patient, [(name, codes(code))], with_any(entries, attribute, [code]), f"{parameter} {code}")
        if present:
            two = [present[0], present[-1]]
            expected = with_any(entries, attribute, two)
            asked.find(patient, [(name, codes(*two))], expected, f"{parameter} {two}")
            # The same list, over two values of one slot.
            asked.find(patient, [(name, [codes(two[0]), codes(two[1])])], expected, f"{parameter} {two} in two values")
            asked.find(patient, [(name, codes((present[0][0], OTHER[1])))], [], f"{parameter} in another scheme")
        both = with_any(entries, attribute, present[:1])
        if parameter in REPEATABLE and present:
            slots = [(name, codes(present[0], OTHER)), (name, codes(*present))]
            asked.find(patient, slots, both, f"{parameter} twice")
            asked.find(patient, [(name, codes(present[0])), (name, codes(OTHER))], [], f"{parameter} AND another")


def modality_and_region(asked, patient):
    """What a reader asks for: (these modalities) AND (these regions) AND images only."""
    entries = asked.entries(patient)
    events = {code for e in entries for code in e.codes["eventCodeList"]}
    modalities = sorted(code for code in events if code[1] == MODALITIES)
    regions = sorted(code for code in events if code[1] != MODALITIES)
    name = "XDSDocumentEntryEventCodeList"
    for modality, region in itertools.product(modalities, regions):
        expected = [e for e in entries if {modality, region} <= set(e.codes["eventCodeList"])]
        asked.find(patient, [(name, codes(modality)), (name, codes(region))], expected, f"{modality} AND {region}")
        either = with_any(entries, "eventCodeList", [modality, region])
        asked.find(patient, [(name, codes(modality, region))], either, f"{modality} OR {region}")
        images = [e for e in expected if e.is_manifest]
        slots = [(name, codes(modality)), (name, codes(region)), ("XDSDocumentEntryFormatCode", codes(xds.KOS_FORMAT))]
        asked.find(patient, slots, images, f"images of {modality} AND {region}")


def padded(time):
    """A time as 14 digits: the first moment it may mean."""
    return time + "00000101000000"[len(time) :]


def times(asked, patient):
    """From is inclusive, To is not; an entry without service times is not restricted by them."""
    entries = asked.entries(patient)
    for parameter, attribute, optional in (
        ("CreationTime", "creationTime", False),
        ("ServiceStartTime", "serviceStartTime", True),
        ("ServiceStopTime", "serviceStopTime", True),
    ):
        name = "XDSDocumentEntry" + parameter
        present = sorted({e.slot(attribute) for e in entries if e.slot(attribute)})

        def within(low, high):
            return [
                e
                for e in entries
                if (optional and not e.slot(attribute))
                or (e.slot(attribute) and padded(low) <= padded(e.slot(attribute)) < padded(high))
            ]

        for time in present[:3]:
            asked.find(patient, [(name + "From", time)], within(time, "9999"), f"{parameter} from {time}")
            asked.find(patient, [(name + "To", time)], within("0001", time), f"{parameter} before {time}")
            year = time[:4]
            after = str(int(year) + 1)
            slots = [(name + "From", year), (name + "To", after)]
            asked.find(patient, slots, within(year, after), f"{parameter} in {year}")
        if len(present) > 1:
            low, high = present[0], present[-1]
            asked.find(
                patient,
                [(name + "From", low), (name + "To", text(high))],
                within(low, high),
                f"{parameter} {low} to {high}, quoted",
            )


def like(pattern, value):
    """% stands for any characters, _ for one."""
    parts = [{"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern]
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def authors(asked, patient):
    entries = asked.entries(patient)
    persons = sorted({person for e in entries for person in e.author_persons})
    for person in persons[:2]:
        family = person.split("^")[1]
        for pattern in (person, f"%^{family}^%", f"%{family[:3]}%", f"%^_{family[1:]}%", "%nobody%"):
            expected = [e for e in entries if any(like(pattern, p) for p in e.author_persons)]
            asked.find(patient, [("XDSDocumentEntryAuthorPerson", listed(pattern))], expected, f"author {pattern}")
        expected = [e for e in entries if any(like(f"%{family}%", p) or p == "x'y" for p in e.author_persons)]
        pattern = listed(f"%{family}%", "x'y")
        asked.find(patient, [("XDSDocumentEntryAuthorPerson", pattern)], expected, f"author {family} or x'y")


def object_types(asked, patient):
    entries = asked.entries(patient)
    for types in ([xds.STABLE], [xds.ON_DEMAND], [xds.STABLE, xds.ON_DEMAND]):
        expected = [e for e in entries if e.object_type in types]
        asked.find(patient, [("XDSDocumentEntryType", listed(*types))], expected, f"of types {types}")


def references(asked, patient):
    """FindDocumentsByReferenceId: one id, OR, AND, with another parameter, and of another patient."""
    entries = asked.entries(patient)
    present = sorted({r for e in entries for r in e.references})
    name = "XDSDocumentEntryReferenceIdList"
    base = xds.patient_slots(asked.net.cx(patient))

    def find(slots, expected, what):
        asked.compare(xds.FIND_BY_REFERENCE, base + slots, expected, f"{patient} {what}")

    def having(*wanted):
        return [e for e in entries if set(e.references) & set(wanted)]

    for reference in present:
        find([(name, listed(reference))], having(reference), f"reference {reference}")
    if len(present) > 1:
        first, last = present[0], present[-1]
        find([(name, listed(first, last))], having(first, last), f"{first} OR {last}")
        both = [e for e in entries if {first, last} <= set(e.references)]
        find([(name, listed(first)), (name, listed(last))], both, f"{first} AND {last}")
    for entry in entries:
        studies = [r for r in entry.references if r.endswith(xds.STUDY_REFERENCE)]
        accessions = [r for r in entry.references if r.endswith(xds.ACCESSION_REFERENCE)]
        if studies and accessions:
            both = [e for e in entries if studies[0] in e.references and accessions[0] in e.references]
            find([(name, listed(studies[0])), (name, listed(accessions[0]))], both, "study AND accession")
            images = [e for e in both if e.is_manifest]
            slots = [(name, listed(studies[0])), ("XDSDocumentEntryFormatCode", codes(xds.KOS_FORMAT))]
            find(slots, [e for e in having(studies[0]) if e in images or e.is_manifest], "manifests of a study")
            break
    find([(name, listed("2.999.404^^^^" + xds.STUDY_REFERENCE))], [], "an unknown study")
    for other, theirs in asked.all.items():
        if other != patient and theirs and theirs[0].references:
            foreign = theirs[0].references[0]
            find([(name, listed(foreign))], having(foreign), "a reference of another patient")
            break


def get_documents(asked):
    """By entryUUID and by uniqueId, deprecated ones too; unknown ids find nothing."""
    for patient in asked.net.patients[:4]:
        entries = asked.all[patient]
        if not entries:
            continue
        uuids, unique_ids = [e.id for e in entries], [e.unique_id for e in entries]
        asked.compare(xds.GET_DOCUMENTS, [("XDSDocumentEntryEntryUUID", listed(*uuids))], entries, f"{patient} by UUIDs")
        slots = [("XDSDocumentEntryUniqueId", listed(*unique_ids))]
        asked.compare(xds.GET_DOCUMENTS, slots, entries, f"{patient} by uniqueIds")
        slots = [("XDSDocumentEntryEntryUUID", listed(uuids[0], "urn:uuid:00000000-0000-4000-8000-000000000404"))]
        asked.compare(xds.GET_DOCUMENTS, slots, entries[:1], f"{patient} one known, one not")
    slots = [("XDSDocumentEntryUniqueId", listed("2.999.404"))]
    asked.compare(xds.GET_DOCUMENTS, slots, [], "an unknown uniqueId")
    filled = [entries for entries in asked.all.values() if entries]
    mixed = [("XDSDocumentEntryEntryUUID", listed(filled[0][0].id, filled[1][0].id))]
    asked.refused(xds.GET_DOCUMENTS, mixed, "XDSResultNotSinglePatient", "two patients")
    ids = xds.query_ids(asked.registry, xds.GET_DOCUMENTS, mixed)
    check(sorted(ids) == sorted([filled[0][0].id, filled[1][0].id]), "two patients as ObjectRef")


def associations(asked):
    """Every entry is a member of a submission set; every deprecated one was replaced once, by a document of its study."""
    prefix = "urn:oasis:names:tc:ebxml-regrep:AssociationType:"
    replaced = 0
    for entries in asked.all.values():
        if not entries:
            continue
        known = {e.id: e for e in entries}
        slots = [("uuid", listed(*known))]
        answer, _ = xds.query_answer(asked.registry, xds.GET_ASSOCIATIONS, slots)
        asked.keep(answer)
        _, found = xds.query(asked.registry, xds.GET_ASSOCIATIONS, slots)
        check(len({a.id for a in found}) == len(found), "an association came twice")
        check(all(a.source in known or a.target in known for a in found), "an association of something else came")
        refs = xds.query_ids(asked.registry, xds.GET_ASSOCIATIONS, slots)
        check(sorted(refs) == sorted(a.id for a in found), "ObjectRef and LeafClass differ")
        for entry in entries:
            members = [a for a in found if a.target == entry.id and a.kind == prefix + "HasMember"]
            check(len(members) == 1, f"{entry.id} is a member of {len(members)} submission sets")
            replacing = [a for a in found if a.target == entry.id and a.kind.endswith("AssociationType:RPLC")]
            check(len(replacing) == (entry.status == DEPRECATED), f"{entry.id}, {entry.status}: {len(replacing)} RPLC")
            for association in replacing:
                check(known[association.source].studies == entry.studies, "it was replaced by another study")
                replaced += 1
            # Alone, an entry brings its own associations and no others.
            _, alone = xds.query(asked.registry, xds.GET_ASSOCIATIONS, [("uuid", listed(entry.id))])
            own = {a.id for a in found if entry.id in (a.source, a.target)}
            check({a.id for a in alone} == own, f"{entry.id} alone: {len(alone)} associations, {len(own)} expected")
    check(replaced > 0, "nothing was ever replaced")


def refusals(asked):
    patient = ("XDSDocumentEntryPatientId", text(asked.net.cx(asked.net.patients[0])))
    status = ("XDSDocumentEntryStatus", listed(APPROVED))
    find, missing, number = xds.FIND_DOCUMENTS, "XDSStoredQueryMissingParam", "XDSStoredQueryParamNumber"
    asked.refused(find, [patient], missing, "no status")
    asked.refused(find, [status], missing, "no patient")
    asked.refused(xds.FIND_BY_REFERENCE, [patient, status], missing, "no reference")
    asked.refused(xds.GET_DOCUMENTS, [], missing, "no id")
    asked.refused(xds.GET_ASSOCIATIONS, [], missing, "no uuid")
    class_code = ("XDSDocumentEntryClassCode", codes(OTHER))
    asked.refused(find, [patient, status, class_code, class_code], number, "a class code in two slots")
    ids = [("XDSDocumentEntryEntryUUID", listed("urn:uuid:00000000-0000-4000-8000-000000000404")), ("XDSDocumentEntryUniqueId", listed("2.999.1"))]
    asked.refused(xds.GET_DOCUMENTS, ids, number, "both kinds of id")
    unknown = "urn:uuid:00000000-0000-4000-8000-000000000404"
    asked.refused(unknown, [patient, status], "XDSUnknownStoredQuery", "an unknown query")
    # B-033: a single-valued slot sent twice is never read as the first one alone.
    twice = [patient, ("XDSDocumentEntryStatus", listed(APPROVED)), ("XDSDocumentEntryStatus", listed(DEPRECATED))]
    asked.refused(find, twice, number, "two status slots")


if __name__ == "__main__":
    main(*sys.argv[1:])
