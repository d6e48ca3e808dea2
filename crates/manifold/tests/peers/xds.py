"""XDS.b for the tests, from the specifications alone: stored queries, retrieve, submissions, and metadata as plain values.
Source: ITI TF-2 3.18, 3.41, 3.43, ITI TF-3 4.2."""

import hashlib
import uuid
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import soap
from soap import NS

FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
FIND_BY_REFERENCE = "urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
GET_ASSOCIATIONS = "urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155"

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
FAILURE = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"

KOS_FORMAT = ("1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.2.6.1")
STUDY_REFERENCE = "urn:ihe:iti:xds:2016:studyInstanceUID"
ACCESSION_REFERENCE = "urn:ihe:iti:xds:2013:accession"

CLASSIFICATIONS = {
    "classCode": "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a",
    "confidentialityCode": "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f",
    "eventCodeList": "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4",
    "formatCode": "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "healthcareFacilityTypeCode": "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practiceSettingCode": "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead",
    "typeCode": "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983",
}
AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
PATIENT_ID = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
UNIQUE_ID = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
OBJECT_TYPE = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:"


class RegistryErrors(Exception):
    """An answer that reports failure: `errors` are (code, context, location, severity)."""

    def __init__(self, errors):
        super().__init__("; ".join(f"{code}: {context} [{location}]" for code, context, location, _ in errors))
        self.errors = errors
        self.codes = [code for code, _, _, severity in errors if severity.endswith(":Error")]


def registry_errors(body):
    return [
        (e.get("errorCode"), e.get("codeContext"), e.get("location"), e.get("severity"))
        for e in body.iter("{%s}RegistryError" % NS["rs"])
    ]


# --- ITI-18 ------------------------------------------------------------------------------------------------------------


def text(value):
    """A single string parameter."""
    return "'" + value.replace("'", "''") + "'"


def listed(*values):
    """A list of strings: OR."""
    return "(" + ",".join(text(v) for v in values) + ")"


def codes(*pairs):
    """A list of codes (value, scheme): OR."""
    return listed(*(f"{value}^^{scheme}" for value, scheme in pairs))


def query_body(query_id, slots, return_type="LeafClass"):
    """`slots` are (name without $, value) in order; the same name twice is two slots."""
    written = "".join(
        f'<rim:Slot name="${name}"><rim:ValueList>'
        + "".join(f"<rim:Value>{escape(v)}</rim:Value>" for v in ([value] if isinstance(value, str) else value))
        + "</rim:ValueList></rim:Slot>"
        for name, value in slots
    )
    return (
        f'<q:AdhocQueryRequest xmlns:q="{NS["q"]}" xmlns:rim="{NS["rim"]}">'
        f'<q:ResponseOption returnType="{return_type}" returnComposedObjects="true"/>'
        f'<rim:AdhocQuery id="{query_id}">{written}</rim:AdhocQuery></q:AdhocQueryRequest>'
    )


def query_answer(registry, query_id, slots, return_type="LeafClass"):
    """The SOAP answer and its body, whatever its status."""
    answer = soap.post(registry, "urn:ihe:iti:2007:RegistryStoredQuery", query_body(query_id, slots, return_type))
    answer.raise_for_fault()
    assert answer.header("a:Action") == "urn:ihe:iti:2007:RegistryStoredQueryResponse"
    body = answer.body()
    assert body.tag == "{%s}AdhocQueryResponse" % NS["q"], body.tag
    return answer, body


def query(registry, query_id, slots):
    """Entries and associations of a LeafClass answer. Errors: RegistryErrors."""
    _, body = query_answer(registry, query_id, slots)
    if body.get("status") != SUCCESS:
        raise RegistryErrors(registry_errors(body))
    entries = [Entry.read(e) for e in body.iter("{%s}ExtrinsicObject" % NS["rim"])]
    associations = [Association.read(a) for a in body.iter("{%s}Association" % NS["rim"])]
    return entries, associations


def query_ids(registry, query_id, slots):
    """Ids of an ObjectRef answer."""
    _, body = query_answer(registry, query_id, slots, "ObjectRef")
    if body.get("status") != SUCCESS:
        raise RegistryErrors(registry_errors(body))
    assert not list(body.iter("{%s}ExtrinsicObject" % NS["rim"]))
    return [ref.get("id") for ref in body.iter("{%s}ObjectRef" % NS["rim"])]


def patient_slots(patient, *statuses):
    """The two parameters that every Find query needs."""
    return [
        ("XDSDocumentEntryPatientId", text(patient)),
        ("XDSDocumentEntryStatus", listed(*(statuses or (APPROVED,)))),
    ]


def find_documents(registry, patient, *more, statuses=(APPROVED,)):
    return query(registry, FIND_DOCUMENTS, patient_slots(patient, *statuses) + list(more))[0]


def by_reference(registry, patient, *references, statuses=(APPROVED,)):
    slots = patient_slots(patient, *statuses) + [("XDSDocumentEntryReferenceIdList", listed(r)) for r in references]
    return query(registry, FIND_BY_REFERENCE, slots)[0]


def cx(value, domain):
    return f"{value}^^^&{domain}&ISO"


@dataclass
class Entry:
    """A DocumentEntry as a LeafClass answer describes it; codes are (value, scheme)."""

    id: str
    status: str
    mime_type: str
    object_type: str
    patient_id: str
    unique_id: str
    title: str
    slots: dict
    codes: dict
    author_persons: list
    home: str

    @staticmethod
    def read(element):
        identifiers = {
            e.get("identificationScheme"): e.get("value") for e in element.findall("rim:ExternalIdentifier", NS)
        }
        found = {name: [] for name in CLASSIFICATIONS}
        persons = []
        for classification in element.findall("rim:Classification", NS):
            scheme = classification.get("classificationScheme")
            slots = read_slots(classification)
            if scheme == AUTHOR:
                persons += slots.get("authorPerson", [])
            for name, urn in CLASSIFICATIONS.items():
                if scheme == urn:
                    found[name].append((classification.get("nodeRepresentation"), slots["codingScheme"][0]))
        title = element.find("rim:Name/rim:LocalizedString", NS)
        return Entry(
            id=element.get("id"),
            status=element.get("status"),
            mime_type=element.get("mimeType"),
            object_type=element.get("objectType"),
            patient_id=identifiers[PATIENT_ID],
            unique_id=identifiers[UNIQUE_ID],
            title="" if title is None else title.get("value"),
            slots=read_slots(element),
            codes=found,
            author_persons=persons,
            home=element.get("home"),
        )

    def slot(self, name):
        values = self.slots.get(name, [])
        return values[0] if values else None

    @property
    def references(self):
        return self.slots.get("urn:ihe:iti:xds:2013:referenceIdList", [])

    @property
    def studies(self):
        return [r.split("^")[0] for r in self.references if r.endswith("^" + STUDY_REFERENCE)]

    @property
    def is_manifest(self):
        return KOS_FORMAT in self.codes["formatCode"]


@dataclass
class Association:
    id: str
    kind: str
    source: str
    target: str

    @staticmethod
    def read(element):
        return Association(
            element.get("id"), element.get("associationType"), element.get("sourceObject"), element.get("targetObject")
        )


def read_slots(element):
    return {
        slot.get("name"): [value.text or "" for value in slot.findall("rim:ValueList/rim:Value", NS)]
        for slot in element.findall("rim:Slot", NS)
    }


# --- ITI-43 ------------------------------------------------------------------------------------------------------------


def retrieve_answer(repository, *wanted):
    """Asks for documents, given as (repositoryUniqueId, uniqueId); whatever the answer's status."""
    requests = "".join(
        f"<x:DocumentRequest><x:RepositoryUniqueId>{repository_id}</x:RepositoryUniqueId>"
        f"<x:DocumentUniqueId>{escape(unique_id)}</x:DocumentUniqueId></x:DocumentRequest>"
        for repository_id, unique_id in wanted
    )
    body = f'<x:RetrieveDocumentSetRequest xmlns:x="{NS["x"]}">{requests}</x:RetrieveDocumentSetRequest>'
    answer = soap.post_mtom(repository, "urn:ihe:iti:2007:RetrieveDocumentSet", body, [])
    answer.raise_for_fault()
    assert answer.content_type.startswith("multipart/related"), answer.content_type
    assert answer.header("a:Action") == "urn:ihe:iti:2007:RetrieveDocumentSetResponse"
    return answer


def retrieve(repository, *wanted):
    """(uniqueId, mimeType, octets) of each document, and the answer. Errors: RegistryErrors unless all were found."""
    answer = retrieve_answer(repository, *wanted)
    body = answer.body()
    if body.find("rs:RegistryResponse", NS).get("status") != SUCCESS:
        raise RegistryErrors(registry_errors(body))
    documents = []
    for document in body.findall("x:DocumentResponse", NS):
        content = document.find("x:Document", NS)
        assert content.find("xop:Include", NS) is not None, "the document is not beside the envelope"
        unique_id = document.findtext("x:DocumentUniqueId", namespaces=NS)
        documents.append((unique_id, document.findtext("x:mimeType", namespaces=NS), answer.octets(content)))
    return documents, answer


# --- ITI-41 ------------------------------------------------------------------------------------------------------------


@dataclass
class Document:
    """What a test submits. Codes are (value, display, scheme)."""

    patient: str
    content: bytes = b"A document."
    mime_type: str = "text/plain"
    unique_id: str = field(default_factory=lambda: uid())
    class_code: tuple = ("REPORTS", "Reports", "1.3.6.1.4.1.19376.1.2.6.1")
    type_code: tuple = ("18748-4", "Diagnostic imaging study", "2.16.840.1.113883.6.1")
    format_code: tuple = ("urn:ihe:rad:TEXT", "Text report", "1.3.6.1.4.1.19376.1.2.3")
    confidentiality: tuple = ("N", "normal", "2.16.840.1.113883.5.25")
    facility: tuple = ("22232009", "Hospital", "2.16.840.1.113883.6.96")
    practice: tuple = ("394914008", "Radiology", "2.16.840.1.113883.6.96")
    event_codes: list = field(default_factory=list)
    references: list = field(default_factory=list)
    creation_time: str = "20250314091500"
    service_start: str = "20250314083000"
    title: str = "A document made for a test"


def uid():
    return f"2.25.{uuid.uuid4().int}"


def slot(name, *values):
    written = "".join(f"<rim:Value>{escape(v)}</rim:Value>" for v in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{written}</rim:ValueList></rim:Slot>'


def classification(of, scheme, code, slots):
    name = f'<rim:Name><rim:LocalizedString value="{escape(code[1])}"/></rim:Name>' if code else ""
    return (
        f'<rim:Classification id="urn:uuid:{uuid.uuid4()}" objectType="{OBJECT_TYPE}Classification" '
        f'classificationScheme="{scheme}" classifiedObject="{of}" nodeRepresentation="{code[0] if code else ""}">'
        f"{slots}{name}</rim:Classification>"
    )


def coded(of, scheme, code):
    return classification(of, scheme, code, slot("codingScheme", code[2]))


def identifier(of, scheme, value, name):
    return (
        f'<rim:ExternalIdentifier id="urn:uuid:{uuid.uuid4()}" objectType="{OBJECT_TYPE}ExternalIdentifier" '
        f'registryObject="{of}" identificationScheme="{scheme}" value="{escape(value)}">'
        f'<rim:Name><rim:LocalizedString value="{name}"/></rim:Name></rim:ExternalIdentifier>'
    )


def submission(document):
    """The SubmitObjectsRequest of one document `D1`."""
    author = slot("authorPerson", "^Roe^Richard^^^Dr") + slot("authorInstitution", "Test Hospital^^^^^^^^^2.999.3.1")
    references = slot("urn:ihe:iti:xds:2013:referenceIdList", *document.references) if document.references else ""
    attributes = [
        ("classCode", document.class_code),
        ("confidentialityCode", document.confidentiality),
        ("formatCode", document.format_code),
        ("healthcareFacilityTypeCode", document.facility),
        ("practiceSettingCode", document.practice),
        ("typeCode", document.type_code),
    ] + [("eventCodeList", code) for code in document.event_codes]
    entry = (
        f'<rim:ExtrinsicObject id="D1" mimeType="{document.mime_type}" objectType="{STABLE}">'
        + slot("creationTime", document.creation_time)
        + slot("languageCode", "en")
        + slot("serviceStartTime", document.service_start)
        + slot("sourcePatientId", document.patient)
        + references
        + f'<rim:Name><rim:LocalizedString value="{escape(document.title)}"/></rim:Name>'
        + classification("D1", AUTHOR, None, author)
        + "".join(coded("D1", CLASSIFICATIONS[name], code) for name, code in attributes)
        + identifier("D1", PATIENT_ID, document.patient, "XDSDocumentEntry.patientId")
        + identifier("D1", UNIQUE_ID, document.unique_id, "XDSDocumentEntry.uniqueId")
        + "</rim:ExtrinsicObject>"
    )
    kind = ("18748-4", "Diagnostic imaging study", "2.16.840.1.113883.6.1")
    package = (
        f'<rim:RegistryPackage id="S1" objectType="{OBJECT_TYPE}RegistryPackage">'
        + slot("submissionTime", "20250314091730")
        + f'<rim:Classification id="urn:uuid:{uuid.uuid4()}" objectType="{OBJECT_TYPE}Classification" '
        'classifiedObject="S1" classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"/>'
        + classification("S1", "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", None, author)
        + coded("S1", "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", kind)
        + identifier("S1", "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8", uid(), "XDSSubmissionSet.uniqueId")
        + identifier("S1", "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", "2.999.20.1", "XDSSubmissionSet.sourceId")
        + identifier(
            "S1", "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", document.patient, "XDSSubmissionSet.patientId"
        )
        + "</rim:RegistryPackage>"
    )
    member = (
        f'<rim:Association id="A1" objectType="{OBJECT_TYPE}Association" '
        'associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember" sourceObject="S1" '
        f'targetObject="D1">{slot("SubmissionSetStatus", "Original")}</rim:Association>'
    )
    return (
        f'<lcm:SubmitObjectsRequest xmlns:lcm="{NS["lcm"]}" xmlns:rim="{NS["rim"]}"><rim:RegistryObjectList>'
        f"{entry}{package}{member}</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"
    )


PROVIDE = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"


def provide_body(document, content):
    """`content` is what stands inside x:Document: base64, or an xop:Include."""
    return (
        f'<x:ProvideAndRegisterDocumentSetRequest xmlns:x="{NS["x"]}">{submission(document)}'
        f'<x:Document id="D1">{content}</x:Document></x:ProvideAndRegisterDocumentSetRequest>'
    )


def read_provided(answer):
    """Warnings of an accepted submission. Errors: SoapFault, RegistryErrors."""
    answer.raise_for_fault()
    body = answer.body()
    assert body.tag == "{%s}RegistryResponse" % NS["rs"], body.tag
    assert answer.header("a:Action") == PROVIDE + "Response"
    if body.get("status") != SUCCESS:
        raise RegistryErrors(registry_errors(body))
    return registry_errors(body)


def provide(repository, document):
    """Submits by MTOM. Returns the answer. Errors: as `read_provided`."""
    body = provide_body(document, soap.include("doc1@tests.invalid"))
    attachments = [("doc1@tests.invalid", document.mime_type, document.content)]
    answer = soap.post_mtom(repository, PROVIDE, body, attachments)
    read_provided(answer)
    return answer


def sha1(octets):
    return hashlib.sha1(octets).hexdigest()
