package manifold.interop;

import java.util.List;
import java.util.stream.Stream;

/**
 * Extensions of HL7 that the guides name: elements of R5, by which MADO says modality and body site, and those of PDQm's
 * Patient and matches. HL7's own definitions come in packages that are not on Maven Central, and a validator that has none takes such
 * an extension for an error.
 */
final class Extensions {
    private static final String HEAD = """
            {
              "resourceType": "StructureDefinition",
              "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.%1$s",
              "name": "%1$s", "status": "active", "fhirVersion": "4.0.1", "kind": "complex-type", "abstract": false,
              "context": [{"type": "element", "expression": "DocumentReference"}],
              "type": "Extension", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
              "derivation": "constraint",
              "differential": {"element": [
                {"id": "Extension", "path": "Extension"},
            """;

    /** A CodeableConcept. */
    private static final String MODALITY = HEAD.formatted("modality") + """
                {"id": "Extension.extension", "path": "Extension.extension", "max": "0"},
                {"id": "Extension.url", "path": "Extension.url",
                 "fixedUri": "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.modality"},
                {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1,
                 "type": [{"code": "CodeableConcept"}]}
              ]}
            }
            """;

    /** A CodeableReference: the concept is a part of its own. */
    private static final String BODY_SITE = HEAD.formatted("bodySite") + """
                {"id": "Extension.extension:concept", "path": "Extension.extension", "sliceName": "concept",
                 "min": 1, "max": "1"},
                {"id": "Extension.extension:concept.url", "path": "Extension.extension.url", "fixedUri": "concept"},
                {"id": "Extension.extension:concept.value[x]", "path": "Extension.extension.value[x]", "min": 1,
                 "type": [{"code": "CodeableConcept"}]},
                {"id": "Extension.url", "path": "Extension.url",
                 "fixedUri": "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.bodySite"},
                {"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"}
              ]}
            }
            """;

    /** Named by PDQm; values are looked at where this system writes one. */
    private static final String OF_PDQM = """
            {
              "resourceType": "StructureDefinition", "url": "http://hl7.org/fhir/StructureDefinition/%1$s",
              "version": "5.2.0", "name": "%1$s", "status": "active", "fhirVersion": "4.0.1", "kind": "complex-type",
              "abstract": false, "context": [{"type": "element", "expression": "%2$s"}],
              "type": "Extension", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
              "derivation": "constraint",
              "differential": {"element": [
                {"id": "Extension", "path": "Extension"},
                {"id": "Extension.url", "path": "Extension.url",
                 "fixedUri": "http://hl7.org/fhir/StructureDefinition/%1$s"}%3$s
              ]}
            }
            """;

    private static final String VALUE = """
            ,
                {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": "%s"}]}""";

    /** StructureDefinitions in JSON. */
    static final List<String> DEFINITIONS = Stream.concat(
            Stream.of(MODALITY, BODY_SITE,
                    OF_PDQM.formatted("patient-mothersMaidenName", "Patient", VALUE.formatted("string")),
                    OF_PDQM.formatted("match-grade", "Bundle.entry.search", VALUE.formatted("code"))),
            Stream.of("individual-genderIdentity", "individual-pronouns", "individual-recordedSexOrGender")
                    .map(name -> OF_PDQM.formatted(name, "Patient", ""))).toList();

    private Extensions() {}
}
