package manifold.interop;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.DocumentReference;
import org.hl7.fhir.r4.model.ListResource;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Resource;

/** The guides' definitions, read from a folder, and which of them a resource has to meet. */
final class Profiles {
    private static final List<String> GUIDES = List.of("mhd-4.2.3", "pixm-3.1.0", "pdqm-3.2.0");
    private static final String MHD = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.";
    private static final String PIXM = "https://profiles.ihe.net/ITI/PIXm/StructureDefinition/IHE.PIXm.";
    private static final String PDQM = "https://profiles.ihe.net/ITI/PDQm/StructureDefinition/IHE.PDQm.";

    final IValidationSupport support;
    final int definitions;

    /** R4, and the guides in the folder when there is one. Nothing is asked over the network. */
    Profiles(FhirContext context, Path folder) throws IOException {
        PrePopulatedValidationSupport guides = new PrePopulatedValidationSupport(context);
        int read = 0;
        for (String guide : folder == null ? List.<String>of() : GUIDES) {
            for (String part : List.of("profiles", "conformance")) {
                for (Path file : jsonFiles(folder.resolve(guide).resolve(part))) {
                    guides.addResource(context.newJsonParser().parseResource(Files.readString(file)));
                    read++;
                }
            }
        }
        definitions = read;
        for (String definition : Extensions.DEFINITIONS) {
            guides.addResource(context.newJsonParser().parseResource(definition));
        }
        // Code systems of others (LOINC, SNOMED CT) are not here; a code of theirs cannot be looked up, which is no error.
        UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
        unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
        support = new ValidationSupportChain(
                new DefaultProfileValidationSupport(context),
                guides,
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context),
                new SnapshotGeneratingValidationSupport(context),
                unknown);
    }

    static List<Path> jsonFiles(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
        }
    }

    /** What a resource has to meet whatever its meta.profile says; the validator looks at that by itself. */
    static List<String> of(Resource resource) {
        if (resource instanceof DocumentReference) {
            return List.of(MHD + "Minimal.DocumentReference");
        }
        if (resource instanceof Patient) {
            return List.of(PIXM + "Patient", PDQM + "Patient");
        }
        if (resource instanceof ListResource list) {
            boolean folder = list.getCode().getCoding().stream().anyMatch(code -> "folder".equals(code.getCode()));
            return List.of(MHD + (folder ? "Minimal.Folder" : "Minimal.SubmissionSet"));
        }
        if (resource instanceof Parameters) {
            return List.of(PIXM + "Query.Parameters.Out");
        }
        return resource instanceof Bundle bundle ? ofBundle(bundle) : List.of();
    }

    private static List<String> ofBundle(Bundle bundle) {
        if (bundle.getType() == Bundle.BundleType.TRANSACTIONRESPONSE) {
            return List.of(MHD + "ProvideDocumentBundleResponse");
        }
        String self = bundle.getLinkOrCreate("self").getUrl();
        if (bundle.getType() != Bundle.BundleType.SEARCHSET || self == null) {
            return List.of();
        }
        List<String> out = new ArrayList<>();
        if (self.contains("/DocumentReference")) {
            out.add(MHD + "FindDocumentReferencesResponseMessage");
            boolean comprehensive = bundle.getEntry().stream()
                    .filter(entry -> entry.getResource() instanceof DocumentReference)
                    .allMatch(entry -> entry.getResource().getMeta().hasProfile(MHD + "Comprehensive.DocumentReference"));
            if (comprehensive) {
                out.add(MHD + "FindDocumentReferencesComprehensiveResponseMessage");
            }
        } else if (self.contains("/List")) {
            out.add(MHD + "FindDocumentListsResponseMessage");
        } else if (self.contains("/Patient?")) {
            out.add(PDQM + "QueryPatientResourceResponseMessage");
        } else if (self.endsWith("/Patient/$match")) {
            out.add(PDQM + "MatchParametersOut");
        }
        return out;
    }
}
