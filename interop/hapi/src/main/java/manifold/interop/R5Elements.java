package manifold.interop;

import java.util.List;

/**
 * Elements of R5 as extensions, by which MADO says modality and body site. HL7's own definitions come in a package that is
 * not on Maven Central, and a validator that has none takes such an extension for an error.
 */
final class R5Elements {
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

    /** StructureDefinitions in JSON. */
    static final List<String> DEFINITIONS = List.of(MODALITY, BODY_SITE);

    private R5Elements() {}
}
