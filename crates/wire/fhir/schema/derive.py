"""Prints r4.txt, the table of elements that the XML form needs, from the StructureDefinitions of FHIR R4 (4.0.1).

usage: python3 derive.py hapi-fhir-validation-resources-r4.jar > r4.txt

The jar (Maven: ca.uhn.hapi.fhir) holds profiles-types.xml and profiles-resources.xml as HL7 published them.
"""
import sys
import zipfile
import xml.etree.ElementTree as ET

F = "{http://hl7.org/fhir}"
FOLDER = "org/hl7/fhir/r4/model/profile/"
HEAD = """\
# FHIR R4 (4.0.1): types and their elements in the order of the specification.
# ORIGIN: derived by derive.py from the StructureDefinitions profiles-types.xml and profiles-resources.xml of HL7 FHIR R4
# 4.0.1 (http://hl7.org/fhir/R4/, CC0), as packed in Maven's ca.uhn.hapi.fhir:hapi-fhir-validation-resources-r4:8.8.0.
# kind name < base: element type; ... A base's elements come first. After a name `*` repeats, `[x]` is one of the types that
# follow, `@` before it is an attribute in XML. The type `.` is the part of that name, `*` any type of the first line.
# Kinds: p primitive, t type, r resource, d resource < DomainResource, b part < BackboneElement, e part < Element.
"""


def value(element, path):
    found = element.find("/".join(F + step for step in path.split("/")))
    return None if found is None else found.get("value")


def types(element):
    """Codes of the types of an ElementDefinition; FHIRPath's own types stand for FHIR's."""
    out = []
    for one in element.findall(F + "type"):
        code = value(one, "code")
        if code.startswith("http://hl7.org/fhirpath/System."):
            extension = one.find(F + "extension")
            code = value(extension, "valueUrl") if extension is not None else "string"
        if code not in out:
            out.append(code)
    return out


def tables(definition, everything):
    """Lines of one StructureDefinition: itself and its backbone elements."""
    name, kind = value(definition, "type"), value(definition, "kind")
    base = (value(definition, "baseDefinition") or "").rsplit("/", 1)[-1]
    elements = definition.findall(f"{F}snapshot/{F}element")
    inherited = {
        value(e, "path").split(".", 1)[-1]
        for e in elements
        if value(e, "base/path") != value(e, "path") and value(e, "path").count(".") == 1
    }
    parents = {value(e, "path").rsplit(".", 1)[0] for e in elements if "." in value(e, "path")}
    rows = {name: (base, [])}
    for element in elements:
        path = value(element, "path")
        if "." not in path:
            continue
        parent, leaf = path.rsplit(".", 1)
        if parent == name and leaf in inherited:
            continue
        if path in parents:
            type_text, backbone = ".", types(element)[0]
            rows[path] = (backbone, [])
        elif value(element, "contentReference"):
            type_text = value(element, "contentReference").lstrip("#")
        else:
            type_text = ",".join(types(element))
            if leaf.endswith("[x]") and set(types(element)) == everything:
                type_text = "*"
        if parent in rows and parent != name and leaf in ("id", "extension", "modifierExtension"):
            continue
        attribute = "@" if any(r.get("value") == "xmlAttr" for r in element.findall(F + "representation")) else ""
        repeats = "*" if value(element, "max") not in ("0", "1") else ""
        rows[parent][1].append(f"{attribute}{leaf}{repeats} {type_text}")
    if kind == "primitive-type":
        yield f"p {name}"
        return
    for row, (base, parts) in rows.items():
        if row != name:
            head = f"{ {'BackboneElement': 'b', 'Element': 'e'}[base]} {row}"
        elif base == "DomainResource":
            head = f"d {row}"
        else:
            head = f"{'r' if kind == 'resource' else 't'} {row}{' < ' + base if base else ''}"
        yield f"{head}:{' ' if parts else ''}{'; '.join(parts)}"


def main(jar):
    definitions = []
    with zipfile.ZipFile(jar) as archive:
        for file in ("profiles-types.xml", "profiles-resources.xml"):
            root = ET.fromstring(archive.read(FOLDER + file))
            definitions += root.iter(F + "StructureDefinition")
    definitions = [d for d in definitions if value(d, "derivation") != "constraint" and value(d, "kind") != "logical"]
    extension = next(d for d in definitions if value(d, "type") == "Extension")
    open_value = next(e for e in extension.iter(F + "element") if value(e, "path") == "Extension.value[x]")
    everything = set(types(open_value))
    sys.stdout.write(HEAD)
    sys.stdout.write(f"* {','.join(types(open_value))}\n")
    for definition in definitions:
        for line in tables(definition, everything):
            print(line)


main(sys.argv[1])
