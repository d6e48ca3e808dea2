package manifold.interop;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.parser.LenientErrorHandler;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Resource;

/**
 * Prints one line for each issue, `severity | file | place | message`, and a closing line.
 *
 * <p>Files are JSON or XML; a folder stands for the files in it.
 */
final class Validate {
    private static final Pattern ENTRY = Pattern.compile("Bundle\\.entry\\[(\\d+)]");

    private final FhirContext context = FhirContext.forR4();
    private final Profiles profiles;
    private final FhirValidator validator = context.newValidator();
    private final TreeMap<String, Integer> counts = new TreeMap<>();
    private final Set<String> met = new TreeSet<>();
    private int resources;

    private Validate(Path folder) throws IOException {
        profiles = new Profiles(context, folder);
        FhirInstanceValidator instances = new FhirInstanceValidator(profiles.support);
        instances.setErrorForUnknownProfiles(folder != null);
        validator.registerValidatorModule(instances);
    }

    static void run(List<String> arguments) throws IOException {
        boolean named = arguments.size() >= 2 && arguments.get(0).equals("--profiles");
        Validate validate = new Validate(named ? Path.of(arguments.get(1)) : null);
        for (Path file : files(arguments.subList(named ? 2 : 0, arguments.size()))) {
            validate.file(file, named);
        }
        validate.close();
    }

    private static List<Path> files(List<String> arguments) throws IOException {
        List<Path> files = new ArrayList<>();
        for (String argument : arguments) {
            Path path = Path.of(argument);
            if (Files.isDirectory(path)) {
                try (Stream<Path> inside = Files.list(path)) {
                    inside.sorted().forEach(files::add);
                }
            } else {
                files.add(path);
            }
        }
        return files;
    }

    private void file(Path file, boolean guides) throws IOException {
        String text = Files.readString(file);
        resources++;
        Resource resource = parse(text);
        ValidationOptions options = new ValidationOptions();
        if (guides) {
            for (String profile : Profiles.of(resource)) {
                options.addProfile(profile);
                met.add(profile);
            }
        }
        for (SingleValidationMessage issue : validator.validateWithResult(text, options).getMessages()) {
            say(severity(issue, resource), file, issue.getLocationString(), issue.getMessage());
        }
    }

    /**
     * What an issue counts as.
     *
     * <p>An entry of a Bundle that none of its profile's kinds of entry fits is an error: the validator looks at such an
     * entry no further and often only mentions it, but it is an error in it that keeps it from fitting. `known` is what the
     * validator says against the specification, or cannot know:
     *
     * <ul>
     *   <li>An OperationOutcome among the matches fits no kind of entry. R4 and ITI TF-2 Appendix Z have it there for
     *       warnings; MHD's profile of the answer to ITI-66 forgets it in a closed list.
     *   <li>MADO is no published package yet: its profiles cannot be looked up.
     *   <li>An answer of $ihe-pix without anybody is a Parameters with nothing in it (PIXm 2:3.83.4.2.2), which R4 allows
     *       by ele-1 and JSON passes; the validator's reader of XML wants content.
     * </ul>
     */
    private static String severity(SingleValidationMessage issue, Resource resource) {
        String message = issue.getMessage();
        String place = String.valueOf(issue.getLocationString());
        Matcher entry = ENTRY.matcher(place);
        if (resource instanceof Bundle bundle && entry.matches() && message.contains("any known slice")) {
            Resource inside = bundle.getEntry().get(Integer.parseInt(entry.group(1))).getResource();
            return inside instanceof OperationOutcome ? "known" : "error";
        }
        boolean unpublished = message.contains("https://profiles.ihe.net/RAD/MADO/StructureDefinition/")
                && (message.contains("could not be found") || message.startsWith("Invalid profile. Failed to retrieve"));
        boolean nobody = place.equals("/f:Parameters") && message.equals("Element must have some content");
        return unpublished || nobody ? "known" : issue.getSeverity().getCode();
    }

    private Resource parse(String text) {
        IParser parser = EncodingEnum.detectEncoding(text).newParser(context);
        // Only the type and a few elements are looked at here; what is wrong with the rest, the validator says.
        parser.setParserErrorHandler(new LenientErrorHandler(false).disableAllErrors());
        return (Resource) parser.parseResource(text);
    }

    private void say(String severity, Path file, String place, String message) {
        counts.merge(severity, 1, Integer::sum);
        System.out.println(String.join(" | ", severity, file.getFileName().toString(), place == null ? "" : place,
                message.replaceAll("\\s+", " ")));
    }

    private void close() {
        System.out.println(resources + " resources against R4, " + profiles.definitions + " definitions of guides and "
                + met.size() + " profiles by type: " + counts);
    }
}
