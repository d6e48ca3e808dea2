package manifold.interop;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.SearchStyleEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import ca.uhn.fhir.rest.server.exceptions.InvalidRequestException;
import ca.uhn.fhir.rest.server.exceptions.ResourceNotFoundException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.r4.model.Attachment;
import org.hl7.fhir.r4.model.Binary;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.CapabilityStatement.CapabilityStatementRestResourceComponent;
import org.hl7.fhir.r4.model.DocumentReference;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Patient;

/**
 * A Document Consumer made of HAPI's generic client: reads the statement, searches page by page, reads every resource,
 * fetches every document.
 *
 * <p>Arguments are NAME=VALUE: `base`, `domain` (an OID) and `patient`, who has at least three documents.
 */
final class Consumer {
    private static final int PAGE = 2;

    private final HttpClient http = HttpClient.newHttpClient();
    private final IGenericClient client;
    private final String domain;
    private final String patient;

    private Consumer(Map<String, String> arguments) {
        FhirContext context = FhirContext.forR4();
        // The client's own first step: no call succeeds before it could read the server's statement.
        context.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.ONCE);
        client = context.newRestfulGenericClient(arguments.get("base"));
        domain = "urn:oid:" + arguments.get("domain");
        patient = arguments.get("patient");
    }

    static void run(List<String> arguments) throws Exception {
        Map<String, String> named = new LinkedHashMap<>();
        for (String argument : arguments) {
            String[] parts = argument.split("=", 2);
            named.put(parts[0], parts[1]);
        }
        Consumer consumer = new Consumer(named);
        consumer.statement();
        Map<String, DocumentReference> found = consumer.search(SearchStyleEnum.GET);
        Checks.holds(found.keySet().equals(consumer.search(SearchStyleEnum.POST).keySet()), "POST finds what GET finds");
        int octets = 0;
        for (DocumentReference reference : found.values()) {
            consumer.read(reference);
            octets += consumer.retrieve(reference);
        }
        consumer.demographics();
        consumer.refusals();
        System.out.println("the HAPI client found, read and retrieved " + found.size() + " documents, " + octets
                + " octets");
    }

    private void statement() {
        CapabilityStatement statement = client.capabilities().ofType(CapabilityStatement.class).execute();
        Checks.equal("4.0.1", statement.getFhirVersion().toCode(), "fhirVersion");
        List<String> searched = statement.getRestFirstRep().getResource().stream()
                .filter(resource -> resource.getType().equals("DocumentReference"))
                .map(CapabilityStatementRestResourceComponent::getInteraction)
                .flatMap(interactions -> interactions.stream().map(interaction -> interaction.getCode().toCode()))
                .toList();
        Checks.holds(searched.contains("search-type") && searched.contains("read"), "DocumentReference is searched and read");
    }

    /** Every current document of the patient, by id, in pages. */
    private Map<String, DocumentReference> search(SearchStyleEnum style) {
        Bundle page = client.search().forResource(DocumentReference.class)
                .where(new TokenClientParam("patient.identifier").exactly().systemAndIdentifier(domain, patient))
                .and(new TokenClientParam("status").exactly().code("current"))
                .count(PAGE).usingStyle(style).returnBundle(Bundle.class).execute();
        int total = page.getTotal();
        Map<String, DocumentReference> found = new LinkedHashMap<>();
        int pages = 1;
        while (true) {
            Checks.holds(page.getEntry().size() <= PAGE, "a page has at most " + PAGE + " entries");
            Checks.equal(total, page.getTotal(), "total");
            for (Bundle.BundleEntryComponent entry : page.getEntry()) {
                DocumentReference reference = (DocumentReference) entry.getResource();
                Checks.holds(entry.getFullUrl().endsWith("/" + reference.getIdElement().getIdPart()), "fullUrl has the id");
                Checks.holds(found.put(reference.getIdElement().getIdPart(), reference) == null, "a document comes once");
            }
            if (page.getLink(Bundle.LINK_NEXT) == null) {
                break;
            }
            page = client.loadPage().next(page).execute();
            pages++;
        }
        Checks.equal(total, found.size(), "documents on all pages");
        Checks.holds(pages > 1, "there is more than one page");
        return found;
    }

    private void read(DocumentReference found) {
        DocumentReference read = client.read().resource(DocumentReference.class)
                .withId(found.getIdElement().getIdPart()).encoded(EncodingEnum.JSON).execute();
        Checks.holds(found.getMasterIdentifier().equalsDeep(read.getMasterIdentifier()), "the same masterIdentifier");
        Checks.holds(found.getContentFirstRep().equalsDeep(read.getContentFirstRep()), "the same content");
        Checks.holds(found.getContext().equalsDeep(read.getContext()), "the same context");
    }

    /** The octets at the address as it is; the HAPI client's own way, a Binary by id, gives the same. */
    private int retrieve(DocumentReference reference) throws Exception {
        Attachment attachment = reference.getContentFirstRep().getAttachment();
        HttpResponse<byte[]> answer = http.send(HttpRequest.newBuilder(URI.create(attachment.getUrl())).build(),
                HttpResponse.BodyHandlers.ofByteArray());
        Checks.equal(200, answer.statusCode(), "the status of a retrieve");
        Checks.equal(attachment.getContentType(), answer.headers().firstValue("Content-Type").orElse(""), "Content-Type");
        byte[] octets = answer.body();
        byte[] digest = MessageDigest.getInstance("SHA-1").digest(octets);
        Checks.holds(Arrays.equals(attachment.getHash(), digest), "the hash of the document");
        Checks.equal(attachment.getSize(), octets.length, "the size of the document");
        Binary binary = client.read().resource(Binary.class).withId(reference.getIdElement().getIdPart()).execute();
        Checks.holds(Arrays.equals(octets, binary.getData()), "the Binary holds the same octets");
        Checks.equal(attachment.getContentType(), binary.getContentType(), "contentType of the Binary");
        return octets.length;
    }

    private void demographics() {
        Bundle found = client.search().forResource(Patient.class)
                .where(Patient.IDENTIFIER.exactly().systemAndIdentifier(domain, patient))
                .returnBundle(Bundle.class).execute();
        Checks.equal(1, found.getEntry().size(), "patients of one identifier");
        Patient one = (Patient) found.getEntryFirstRep().getResource();
        Patient read = client.read().resource(Patient.class).withId(one.getIdElement().getIdPart()).execute();
        Checks.holds(one.getIdentifierFirstRep().equalsDeep(read.getIdentifierFirstRep()), "the same patient");
    }

    /** A refusal is an exception with an OperationOutcome in it. */
    private void refusals() {
        try {
            client.search().forResource(DocumentReference.class)
                    .where(new TokenClientParam("status").exactly().code("current"))
                    .returnBundle(Bundle.class).execute();
            throw new AssertionError("a search without a patient was answered");
        } catch (InvalidRequestException refused) {
            explained(refused);
        }
        try {
            client.read().resource(DocumentReference.class).withId("1b4e28ba-2fa1-11d2-883f-0016d3cca427").execute();
            throw new AssertionError("a document that nobody has was read");
        } catch (ResourceNotFoundException refused) {
            explained(refused);
        }
    }

    private static void explained(BaseServerResponseException refused) {
        OperationOutcome outcome = (OperationOutcome) refused.getOperationOutcome();
        Checks.holds(outcome != null && outcome.getIssueFirstRep().hasDiagnostics(), "a refusal says why: " + refused);
    }
}
