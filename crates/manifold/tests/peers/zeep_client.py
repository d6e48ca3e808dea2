"""zeep knows nothing but the WSDLs and schemas that a node serves, and asks ITI-18, ITI-43 and RAD-69 with them.

    zeep_client.py ask ENDPOINTS                compared with a client that was written from the specifications
    zeep_client.py schemas ENDPOINTS FOLDER     saves the schemas to FOLDER for a validator, all of them under ours.xsd
    zeep_client.py bodies FOLDER EXAMPLE...     writes the SOAP body's child of each example to FOLDER, but no fault
"""

import os
import re
import sys

import requests
import zeep
from lxml import etree

import an_image
import network
import soap
import xds
from network import check

XS = "{http://www.w3.org/2001/XMLSchema}"
OPERATIONS = {
    "DocumentRegistry": {
        "DocumentRegistry_RegistryStoredQuery",
        "DocumentRegistry_RegisterDocumentSet-b",
        "DocumentRegistry_RegisterOnDemandDocumentEntry",
        "DocumentRegistry_UpdateDocumentSet",
        "DocumentRegistry_DeleteDocumentSet",
        "DocumentRegistry_PRPA_IN201301UV02",
        "DocumentRegistry_PRPA_IN201302UV02",
        "DocumentRegistry_PRPA_IN201304UV02",
    },
    "DocumentRepository": {
        "DocumentRepository_ProvideAndRegisterDocumentSet-b",
        "DocumentRepository_RetrieveDocumentSet",
        "DocumentRepository_RemoveDocuments",
    },
    "ImagingDocumentSource": {"ImagingDocumentSource_RetrieveImagingDocumentSet"},
}


def load(address, name):
    """A client of the service at an address. zeep adds WS-Addressing by itself because the WSDL names actions; its
    WsAddressingPlugin on top would say everything twice."""
    client = zeep.Client(address + "?wsdl")
    services = client.wsdl.services
    check(list(services) == [f"{name}_Service"], f"{address}: {list(services)}")
    ports = services[f"{name}_Service"].ports
    check(list(ports) == [f"{name}_Port_Soap12"], f"{address}: {list(ports)}")
    operations = set(ports[f"{name}_Port_Soap12"].binding._operations)
    check(OPERATIONS[name] <= operations, f"{address} lacks {OPERATIONS[name] - operations}")
    return client.service


def slot(name, value):
    return {"name": f"${name}", "ValueList": {"Value": [value]}}


def query(registry, query_id, slots, return_type="LeafClass"):
    return registry["DocumentRegistry_RegistryStoredQuery"](
        ResponseOption={"returnType": return_type, "returnComposedObjects": True},
        AdhocQuery={"id": query_id, "Slot": [slot(name, value) for name, value in slots]},
    )


def objects(answer, kind):
    """The objects of one kind in an answer's list; zeep reads an empty list as none."""
    listed = answer.RegistryObjectList
    return [found[kind] for found in (listed and listed._value_1) or [] if kind in found]


def main_ask(endpoints):
    net = network.Network(endpoints)
    registry = load(net.at("central", "ITI-18"), "DocumentRegistry")
    repository = load(net.at("central", "ITI-43"), "DocumentRepository")
    count = 0
    for patient in net.patients:
        slots = xds.patient_slots(net.cx(patient))
        answer = query(registry, xds.FIND_DOCUMENTS, slots)
        check(answer.status == xds.SUCCESS, f"{patient}: {answer.status}")
        expected = {e.id: e for e in xds.find_documents(net.at("central", "ITI-18"), net.cx(patient))}
        entries = objects(answer, "ExtrinsicObject")
        check({entry.id for entry in entries} == set(expected), f"{patient}: zeep reads other entries")
        for entry in entries:
            same(entry, expected[entry.id])
        references = objects(query(registry, xds.FIND_DOCUMENTS, slots, "ObjectRef"), "ObjectRef")
        check({reference.id for reference in references} == set(expected), f"{patient}: other references")
        if entries:
            ids = [("XDSDocumentEntryEntryUUID", xds.listed(*expected))]
            got = objects(query(registry, xds.GET_DOCUMENTS, ids), "ExtrinsicObject")
            check({entry.id for entry in got} == set(expected), f"{patient}: GetDocuments gives others")
            retrieve(net, repository, expected.values())
        count += len(entries)
    check(count > 0, "nothing was found")
    refused(net, registry)
    image(net)
    print(f"zeep reads {count} entries as they are")


def same(entry, expected):
    """What zeep made of an entry says what the entry says."""
    identifiers = {i.identificationScheme: i.value for i in entry.ExternalIdentifier}
    check(identifiers[xds.UNIQUE_ID] == expected.unique_id, f"{entry.id}: uniqueId {identifiers}")
    check(identifiers[xds.PATIENT_ID] == expected.patient_id, f"{entry.id}: patientId {identifiers}")
    check(entry.Name.LocalizedString[0].value == expected.title, f"{entry.id}: title {entry.Name}")
    check(entry.mimeType == expected.mime_type, f"{entry.id}: {entry.mimeType}")
    check(entry.objectType == expected.object_type, f"{entry.id}: {entry.objectType}")
    check(entry.status == expected.status, f"{entry.id}: {entry.status}")
    check(entry.VersionInfo.versionName == "1", f"{entry.id}: version {entry.VersionInfo}")
    slots = {s.name: s.ValueList.Value for s in entry.Slot}
    check(slots["hash"] == [expected.slot("hash")], f"{entry.id}: hash {slots['hash']}")
    (type_code,) = [c for c in entry.Classification if c.classificationScheme == xds.CLASSIFICATIONS["typeCode"]]
    scheme = type_code.Slot[0].ValueList.Value[0]
    check([(type_code.nodeRepresentation, scheme)] == expected.codes["typeCode"], f"{entry.id}: {type_code}")


def retrieve(net, repository, entries):
    """ITI-43 asked in plain SOAP: the answer reads as the schemas say, attachments and all."""
    for entry in entries:
        if net.repository(entry) != net.at("central", "ITI-43"):
            continue
        wanted = {"RepositoryUniqueId": entry.slot("repositoryUniqueId"), "DocumentUniqueId": entry.unique_id}
        answer = repository["DocumentRepository_RetrieveDocumentSet"](DocumentRequest=[wanted])
        check(answer.RegistryResponse.status == xds.SUCCESS, f"{entry.unique_id}: {answer.RegistryResponse}")
        (document,) = answer.DocumentResponse
        check(document.mimeType == entry.mime_type, f"{entry.unique_id}: {document.mimeType}")
        check(xds.sha1(document.Document) == entry.slot("hash"), f"{entry.unique_id}: zeep reads other octets")


def image(net):
    """RAD-69 of one instance."""
    address, study, series, location, instance = an_image.an_image(net)
    wanted = {"RepositoryUniqueId": location, "DocumentUniqueId": instance}
    answer = load(address, "ImagingDocumentSource")["ImagingDocumentSource_RetrieveImagingDocumentSet"](
        StudyRequest=[
            {
                "studyInstanceUID": study,
                "SeriesRequest": [{"seriesInstanceUID": series, "DocumentRequest": [wanted]}],
            }
        ],
        TransferSyntaxUIDList={"TransferSyntaxUID": ["1.2.840.10008.1.2.1"]},
    )
    check(answer.RegistryResponse.status == xds.SUCCESS, f"RAD-69: {answer.RegistryResponse}")
    (document,) = answer.DocumentResponse
    check(document.Document[128:132] == b"DICM" and instance.encode() in document.Document, "zeep reads no DICOM file")


def refused(net, registry):
    patient = [("XDSDocumentEntryPatientId", xds.text(net.cx(net.patients[0])))]
    answer = query(registry, xds.FIND_DOCUMENTS, patient)
    check(answer.status == xds.FAILURE, answer.status)
    errors = answer.RegistryErrorList.RegistryError
    check([error.errorCode for error in errors] == ["XDSStoredQueryMissingParam"], errors)
    check("$XDSDocumentEntryStatus" in errors[0].codeContext, errors)
    check(errors[0].severity.endswith(":Error"), errors)
    check(not objects(answer, "ExtrinsicObject"), "a failure lists objects")


def main_schemas(endpoints, folder):
    net = network.Network(endpoints)
    address = net.at("central", "ITI-18")
    # The imaging source's schema is served everywhere, but only its own WSDL imports it.
    wanted, known = ["xdsi-b.xsd"], {}
    for key in ("ITI-18", "ITI-43"):
        wsdl = etree.fromstring(get(net.at("central", key) + "?wsdl"))
        for imported in wsdl.iter(XS + "import"):
            wanted.append(imported.get("schemaLocation").split("?xsd=")[1])
    while wanted:
        name = wanted.pop()
        if name in known:
            continue
        text = get(f"{address}?xsd={name}").decode()
        known[name] = etree.fromstring(text.encode()).get("targetNamespace")
        wanted += re.findall(r'schemaLocation="[^"]*\?xsd=([^"]+)"', text)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(re.sub(r'schemaLocation="[^"]*\?xsd=', 'schemaLocation="', text))
    imports = "".join(f'<xs:import namespace="{known[name]}" schemaLocation="{name}"/>' for name in sorted(known))
    with open(os.path.join(folder, "ours.xsd"), "w", encoding="utf-8") as file:
        file.write(f'<xs:schema xmlns:xs="{XS[1:-1]}">{imports}</xs:schema>')


def get(address):
    response = requests.get(address, timeout=30)
    check(response.status_code == 200, f"{address}: {response.status_code} {response.text[:300]}")
    return response.content


def main_bodies(folder, *examples):
    for example in examples:
        root = etree.parse(example).getroot()
        body = root.find("s:Body", soap.NS)
        element = root if body is None else body[0]
        if etree.QName(element).namespace == soap.NS["s"]:
            continue
        with open(os.path.join(folder, os.path.basename(example)), "wb") as file:
            file.write(etree.tostring(element, with_tail=False))


if __name__ == "__main__":
    {"ask": main_ask, "schemas": main_schemas, "bodies": main_bodies}[sys.argv[1]](*sys.argv[2:])
