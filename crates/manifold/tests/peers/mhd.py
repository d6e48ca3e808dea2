"""MHD and the FHIR patient feed, compared with what ITI-18 says of the same documents.

    mhd.py search ENDPOINTS    ITI-67: every parameter, combinations, paging
    mhd.py feed ENDPOINTS      ITI-104 makes a patient known; ITI-41 for unknown ones and with bad codes is refused
"""

import datetime
import itertools
import sys
import uuid

import requests

import network
import xds
from network import check
from xds import APPROVED, DEPRECATED

# Coding systems as FHIR names them.
SYSTEMS = {
    "2.16.840.1.113883.6.1": "http://loinc.org",
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "1.2.840.10008.2.16.4": "http://dicom.nema.org/resources/ontology/DCM",
    "2.16.840.1.113883.5.25": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
}
TOKENS = {
    "category": "classCode",
    "type": "typeCode",
    "setting": "practiceSettingCode",
    "facility": "healthcareFacilityTypeCode",
    "event": "eventCodeList",
    "format": "formatCode",
    "security-label": "confidentialityCode",
}
RELATED = {
    xds.STUDY_REFERENCE: lambda cx: f"urn:dicom:uid|urn:oid:{cx[0]}",
    xds.ACCESSION_REFERENCE: lambda cx: f"urn:oid:{cx[3].split('&')[1]}|{cx[0]}",
}


class Mhd:
    def __init__(self, net):
        self.net, self.base = net, net.at("central", "ITI-67")
        self.count = self.empty = 0

    def search(self, parameters, post=False):
        """All resources of all pages, in order."""
        url, found, totals = self.base + "/DocumentReference", [], set()
        while url:
            if post:
                response = requests.post(url + "/_search", data=parameters, timeout=30)
                post = False
            else:
                response = requests.get(url, params=parameters, timeout=30)
            check(response.status_code == 200, f"{response.url}: {response.status_code} {response.text[:500]}")
            bundle = response.json()
            check(bundle["resourceType"] == "Bundle" and bundle["type"] == "searchset", "no searchset")
            totals.add(bundle["total"])
            outcomes = [e["resource"] for e in bundle.get("entry", []) if e["search"]["mode"] == "outcome"]
            check(not outcomes, f"{parameters}: {outcomes}")
            found += [e["resource"] for e in bundle.get("entry", []) if e["search"]["mode"] == "match"]
            links = {link["relation"]: link["url"] for link in bundle["link"]}
            check("self" in links, "no self link")
            url, parameters = links.get("next"), None
        check(totals == {len(found)}, f"total {totals}, but {len(found)} came")
        return found

    def compare(self, patient, parameters, expected, what, statuses="current", post=False):
        parameters = [
            ("patient.identifier", f"urn:oid:{self.net.domain}|{patient}"),
            ("status", statuses),
            *parameters,
        ]
        found = self.search(parameters, post)
        self.count += 1
        ids = [unique_id(r) for r in found]
        check(len(set(ids)) == len(ids), f"{patient} {what}: a document came twice")
        wanted = {e.unique_id for e in expected}
        check(set(ids) == wanted, f"{patient} {what}: found {len(ids)}, expected {len(wanted)}: {set(ids) ^ wanted}")
        self.empty += not wanted
        return found


def unique_id(reference):
    return reference["masterIdentifier"]["value"].removeprefix("urn:oid:")


def system(scheme):
    return SYSTEMS.get(scheme, f"urn:oid:{scheme}")


def main_search(endpoints):
    net = network.Network(endpoints)
    mhd = Mhd(net)
    registry = net.at("central", "ITI-18")
    for patient in net.patients:
        everything = xds.find_documents(registry, net.cx(patient), statuses=(APPROVED, DEPRECATED))
        entries = [e for e in everything if e.status == APPROVED]
        by_status(mhd, patient, everything)
        resources(mhd, patient, entries)
        by_codes(mhd, patient, entries)
        by_related(mhd, patient, entries)
        by_identifier(mhd, patient, everything)
        by_time(mhd, patient, entries)
        by_submission(mhd, patient, entries)
        by_author(mhd, patient, entries)
        by_pages(mhd, patient, everything)
    refused(mhd)
    check(mhd.count > 2 * mhd.empty, f"{mhd.empty} of {mhd.count} searches were to find nothing: no proof")
    print(f"{mhd.count} searches agree with ITI-18, of which {mhd.empty} were to find nothing")


def by_status(mhd, patient, everything):
    of = {s: [e for e in everything if e.status == s] for s in (APPROVED, DEPRECATED)}
    mhd.compare(patient, [], of[APPROVED], "current")
    mhd.compare(patient, [], of[DEPRECATED], "superseded", "superseded")
    mhd.compare(patient, [], everything, "both", "current,superseded")
    mhd.compare(patient, [], everything, "both, by POST", "current,superseded", post=True)


def resources(mhd, patient, entries):
    """What a resource says is what the entry says."""
    known = {e.unique_id: e for e in entries}
    for reference in mhd.compare(patient, [], entries, "as resources"):
        entry = known[unique_id(reference)]
        context = reference["context"]
        for found, attribute in (
            (reference["category"], "classCode"),
            ([reference["type"]], "typeCode"),
            (reference["securityLabel"], "confidentialityCode"),
            (context.get("event", []), "eventCodeList"),
            ([context["practiceSetting"]], "practiceSettingCode"),
            ([context["facilityType"]], "healthcareFacilityTypeCode"),
        ):
            codes = [(c["code"], c["system"]) for concept in found for c in concept["coding"][:1]]
            wanted = [(code, system(scheme)) for code, scheme in entry.codes[attribute]]
            check(codes == wanted, f"{entry.unique_id} {attribute}: {codes}, registered {wanted}")
        attachment = reference["content"][0]["attachment"]
        check(attachment["contentType"] == entry.mime_type, attachment)
        check(instant(attachment["creation"]) == moment(entry.slot("creationTime")), attachment)
        check(attachment["title"] == entry.title, f"{attachment['title']}, registered {entry.title}")
        entry_uuid = [i["value"] for i in reference["identifier"] if i.get("value", "").startswith("urn:uuid:")]
        check(entry_uuid == [entry.id], f"{entry.unique_id}: entryUUID {entry_uuid}, registered {entry.id}")
        related = {r["identifier"]["value"].removeprefix("urn:oid:") for r in context.get("related", [])}
        wanted = {r.split("^")[0] for r in entry.references}
        check(wanted <= related, f"{entry.unique_id}: related {related}, registered {wanted}")


def by_codes(mhd, patient, entries):
    for parameter, attribute in TOKENS.items():
        present = sorted({code for e in entries for code in e.codes[attribute]})
        for code, scheme in present:
            expected = [e for e in entries if (code, scheme) in e.codes[attribute]]
            value = f"{system(scheme)}|{code}" if attribute != "formatCode" else code
            mhd.compare(patient, [(parameter, value)], expected, f"{parameter} {value}")
        if present:
            code = present[0][0]
            expected = [e for e in entries if any(c[0] == code for c in e.codes[attribute])]
            mhd.compare(patient, [(parameter, code)], expected, f"{parameter} {code} of any system")
            mhd.compare(patient, [(parameter, f"urn:oid:2.999.404|{code}")], [], f"{parameter} of another system")
            either = [e for e in entries if {present[0], present[-1]} & set(e.codes[attribute])]
            value = f"{present[0][0]},{present[-1][0]}"
            mhd.compare(patient, [(parameter, value)], either, f"{parameter} {value}")
    events = sorted({code for e in entries for code in e.codes["eventCodeList"]})
    for one, other in itertools.combinations(events, 2):
        both = [e for e in entries if {one, other} <= set(e.codes["eventCodeList"])]
        parameters = [("event", f"{system(s)}|{c}") for c, s in (one, other)]
        mhd.compare(patient, parameters, both, f"event {one} AND {other}")
    images = [e for e in entries if e.is_manifest]
    parameters = [("category", "IMAGES"), ("format", xds.KOS_FORMAT[0])]
    mhd.compare(patient, parameters, images, "manifests by category and format")


def by_related(mhd, patient, entries):
    for reference in sorted({r for e in entries for r in e.references}):
        cx = reference.split("^")
        if cx[4] in RELATED:
            expected = [e for e in entries if reference in e.references]
            parameters = [("related:identifier", RELATED[cx[4]](cx))]
            mhd.compare(patient, parameters, expected, f"related {reference}")
    mhd.compare(patient, [("related:identifier", "urn:dicom:uid|urn:oid:2.999.404")], [], "related to nothing")


def by_identifier(mhd, patient, everything):
    for entry in everything[:4]:
        for value in (f"urn:ietf:rfc:3986|urn:oid:{entry.unique_id}", f"urn:oid:{entry.unique_id}", entry.id):
            parameters = [("identifier", value)]
            mhd.compare(patient, parameters, [entry], f"identifier {value}", "current,superseded")
    mhd.compare(patient, [("identifier", "urn:ietf:rfc:3986|urn:oid:2.999.404")], [], "an unknown identifier")


def moment(dtm):
    """An XDS time as UTC: the first moment it may mean."""
    padded = dtm + "00000101000000"[len(dtm) :]
    return datetime.datetime.strptime(padded, "%Y%m%d%H%M%S").replace(tzinfo=datetime.timezone.utc)


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def by_time(mhd, patient, entries):
    """`creation` and `period`; a study has only a start, and is over when it begins."""
    times = sorted(moment(e.slot("creationTime")) for e in entries)
    for time in times[:2]:
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        since = [e for e in entries if moment(e.slot("creationTime")) >= time]
        mhd.compare(patient, [("creation", f"ge{text}")], since, f"created since {text}")
        before = [e for e in entries if moment(e.slot("creationTime")) < time]
        mhd.compare(patient, [("creation", f"lt{text}")], before, f"created before {text}")
        day = time.strftime("%Y-%m-%d")
        on = [e for e in entries if moment(e.slot("creationTime")).strftime("%Y-%m-%d") == day]
        mhd.compare(patient, [("creation", day)], on, f"created on {day}")
    starts = sorted({moment(e.slot("serviceStartTime")) for e in entries if e.slot("serviceStartTime")})
    for start in starts:
        day, after = start.date(), start.date() + datetime.timedelta(days=1)
        low, high = (datetime.datetime(d.year, d.month, d.day, tzinfo=datetime.timezone.utc) for d in (day, after))
        expected = [e for e in entries if overlaps(e, low, high)]
        parameters = [("period", f"ge{day}"), ("period", f"lt{after}")]
        mhd.compare(patient, parameters, expected, f"period {day}")
        expected = [e for e in entries if overlaps(e, low, datetime.datetime.max.replace(tzinfo=datetime.timezone.utc))]
        mhd.compare(patient, [("period", f"ge{day}")], expected, f"period since {day}")


def overlaps(entry, low, high):
    start = entry.slot("serviceStartTime")
    if not start:
        return True
    stop = entry.slot("serviceStopTime") or start
    return moment(start) < high and moment(stop) >= low


def by_author(mhd, patient, entries):
    families = sorted({person.split("^")[1] for e in entries for person in e.author_persons})
    for family in families:
        expected = [e for e in entries if any(p.split("^")[1] == family for p in e.author_persons)]
        mhd.compare(patient, [("author.family", family)], expected, f"author {family}")
        mhd.compare(patient, [("author.family", family.lower())], expected, f"author {family.lower()}")


def by_pages(mhd, patient, everything):
    for size in (1, 2, 5):
        parameters = [("_count", str(size))]
        mhd.compare(patient, parameters, everything, f"{size} a page", "current,superseded")


def by_submission(mhd, patient, entries):
    """`date` and `_lastUpdated`. ITI-18 does not say when an entry was submitted, so the resources themselves do."""
    dates = {unique_id(r): instant(r["date"]) for r in mhd.compare(patient, [], entries, "to see their dates")}
    for time in sorted(set(dates.values()))[:2]:
        text, day = time.strftime("%Y-%m-%dT%H:%M:%SZ"), time.date()
        for value, rule in (
            (f"ge{text}", lambda t, time=time: t >= time),
            (f"gt{text}", lambda t, time=time: t > time),
            (f"lt{text}", lambda t, time=time: t < time),
            (str(day), lambda t, day=day: t.date() == day),
            (f"ne{day}", lambda t, day=day: t.date() != day),
            (f"eb{day}", lambda t, day=day: t.date() < day),
        ):
            expected = [e for e in entries if rule(dates[e.unique_id])]
            for parameter in ("date", "_lastUpdated"):
                mhd.compare(patient, [(parameter, value)], expected, f"{parameter} {value}")
    found = mhd.search(
        [("patient.identifier", f"urn:oid:{mhd.net.domain}|{patient}"), ("status", "current"), ("_sort", "-date")]
    )
    times = [instant(r["date"]) for r in found]
    check(times == sorted(times, reverse=True), f"{patient}: not sorted by date: {times}")


def refused(mhd):
    for query in ("status=current", "patient.identifier=urn%253Aoid%253A2.999.7%257CP0001&status=current"):
        response = requests.get(f"{mhd.base}/DocumentReference?{query}", timeout=30)
        check(response.status_code == 400, f"{query}: {response.status_code}")
        check(response.json()["resourceType"] == "OperationOutcome", response.text[:300])


# --- the patient feed --------------------------------------------------------------------------------------------------


def main_feed(endpoints):
    net = network.Network(endpoints)
    repository = net.at("central", "ITI-41")
    patient = f"T{uuid.uuid4().hex[:10].upper()}"
    document = xds.Document(patient=net.cx(patient))
    refuse(repository, document, ["XDSUnknownPatientId"])
    check(xds.query_ids(net.at("central", "ITI-18"), xds.GET_DOCUMENTS, by_id(document)) == [], "something was kept")
    resource = {
        "resourceType": "Patient",
        "identifier": [{"system": f"urn:oid:{net.domain}", "value": patient}],
        "active": True,
        "name": [{"family": "Feed", "given": ["Test"]}],
        "gender": "other",
        "birthDate": "1999-12-31",
    }
    url = net.at("central", "ITI-104") + "/Patient"
    parameters = {"identifier": f"urn:oid:{net.domain}|{patient}"}
    headers = {"Content-Type": "application/fhir+json"}
    for expected in (201, 200):  # made, then revised
        response = requests.put(url, params=parameters, json=resource, headers=headers, timeout=30)
        check(response.status_code == expected, f"ITI-104: {response.status_code} {response.text[:500]}")
    xds.provide(repository, document)
    found = xds.find_documents(net.at("central", "ITI-18"), net.cx(patient))
    check([e.unique_id for e in found] == [document.unique_id], "the document is not there")
    parameters = {"patient.identifier": f"urn:oid:{net.domain}|{patient}", "status": "current"}
    known = requests.get(url, params={"identifier": f"urn:oid:{net.domain}|{patient}"}, timeout=30).json()
    (resource,) = [entry["resource"] for entry in known["entry"]]
    by_reference = [{"patient": f"Patient/{resource['id']}"}, {"patient": f"{url}/{resource['id']}"}]
    for who in [parameters, *by_reference]:
        asked = {"status": "current"} | who
        found = requests.get(net.at("central", "ITI-67") + "/DocumentReference", params=asked, timeout=30).json()
        check(found.get("total") == 1, f"ITI-67 with {asked}: {found}")
        date = found["entry"][0]["resource"].get("date")
        check(date == "2025-03-14T09:17:30Z", f"date is {date}, not the submission set's submissionTime")
    bad_codes(net, repository, net.cx(patient))
    print(f"patient {patient} was unknown, fed, and has a document")


def bad_codes(net, repository, patient):
    """Codes outside the value sets are refused by a sentence that names the element, the rule and the value."""
    for attribute, field, value in (
        ("classCode", "class_code", ("NOSUCHCLASS", "Nothing", "1.3.6.1.4.1.19376.1.2.6.1")),
        ("classCode", "class_code", ("REPORTS", "Reports", "2.999.404")),
        ("formatCode", "format_code", ("NOSUCHFORMAT", "Nothing", "1.3.6.1.4.1.19376.1.2.3")),
        ("confidentialityCode", "confidentiality", ("Z", "Nothing", "2.16.840.1.113883.5.25")),
    ):
        document = xds.Document(patient=patient, **{field: value})
        error = refuse(repository, document, ["XDSRegistryMetadataError"])
        for word in (attribute, value[0], value[2]):
            check(word in error, f"`{error}` does not name {word}")
        check("one of" in error or "must" in error, f"`{error}` names no rule")
        ids = xds.query_ids(net.at("central", "ITI-18"), xds.GET_DOCUMENTS, by_id(document))
        check(ids == [], "something of a refused submission was kept")
    document = xds.Document(patient=patient, practice=("NOSUCH", "Nothing", "2.999.404"))
    answer = xds.provide(repository, document)
    warnings = xds.registry_errors(answer.body())
    check(len(warnings) == 1 and warnings[0][3].endswith(":Warning"), f"warnings: {warnings}")
    check("practiceSettingCode" in warnings[0][1] and "NOSUCH" in warnings[0][1], f"warnings: {warnings}")


def by_id(document):
    return [("XDSDocumentEntryUniqueId", xds.listed(document.unique_id))]


def refuse(repository, document, codes):
    """The text of the error with which a submission is refused."""
    try:
        xds.provide(repository, document)
    except xds.RegistryErrors as refused:
        check(refused.codes == codes, f"refused by {refused}, expected {codes}")
        return refused.errors[0][1]
    raise AssertionError(f"accepted, expected {codes}")


if __name__ == "__main__":
    {"search": main_search, "feed": main_feed}[sys.argv[1]](*sys.argv[2:])
