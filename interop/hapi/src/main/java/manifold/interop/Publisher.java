package manifold.interop;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.hl7.fhir.r4.model.Attachment;
import org.hl7.fhir.r4.model.Binary;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CodeableConcept;
import org.hl7.fhir.r4.model.Coding;
import org.hl7.fhir.r4.model.DocumentReference;
import org.hl7.fhir.r4.model.Enumerations.DocumentReferenceStatus;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.Identifier;
import org.hl7.fhir.r4.model.ListResource;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Practitioner;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.Resource;

/**
 * A Document Source made of HAPI's generic client: provides three documents of Comprehensive metadata, finds them again page
 * by page, reads them and fetches their octets. Once in JSON, once in XML.
 *
 * <p>Arguments are BASE, DOMAIN (an OID) and PATIENT, who is known there.
 */
final class Publisher {
    private static final String MHD = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/";
    private static final String URI_SYSTEM = "urn:ietf:rfc:3986";
    private static final int DOCUMENTS = 3;
    private static final int PAGE = 2;

    private final HttpClient http = HttpClient.newHttpClient();
    private final IGenericClient client;
    private final Identifier patient;
    private final EncodingEnum encoding;
    /** What was provided, by masterIdentifier. */
    private final Map<String, DocumentReference> provided = new LinkedHashMap<>();
    private final Map<String, byte[]> octets = new LinkedHashMap<>();

    private Publisher(FhirContext context, List<String> arguments, EncodingEnum encoding) {
        client = context.newRestfulGenericClient(arguments.get(0));
        client.setEncoding(encoding);
        patient = new Identifier().setSystem("urn:oid:" + arguments.get(1)).setValue(arguments.get(2));
        this.encoding = encoding;
    }

    static void run(List<String> arguments) throws Exception {
        FhirContext context = FhirContext.forR4();
        for (EncodingEnum encoding : List.of(EncodingEnum.JSON, EncodingEnum.XML)) {
            Publisher publisher = new Publisher(context, arguments, encoding);
            String submission = publisher.provide();
            publisher.readList(submission);
            publisher.find();
            System.out.println("the HAPI client provided, found, read and retrieved " + DOCUMENTS + " documents in "
                    + encoding);
        }
    }

    /** Returns the location of the submission set. */
    private String provide() throws Exception {
        ListResource set = new ListResource();
        set.getMeta().addProfile(MHD + "IHE.MHD.Comprehensive.SubmissionSet");
        set.addExtension(MHD + "ihe-designationType", concept("http://loinc.org", "18748-4"));
        set.addExtension(MHD + "ihe-sourceId", new Identifier().setSystem(URI_SYSTEM).setValue("urn:oid:2.999.4.1"));
        set.addIdentifier(identifier(Identifier.IdentifierUse.USUAL, uid()));
        set.setStatus(ListResource.ListStatus.CURRENT).setMode(ListResource.ListMode.WORKING).setDate(new Date());
        set.setCode(concept("https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes", "submissionset"));
        set.setTitle("Provided by HAPI").setSubject(new Reference().setIdentifier(patient));
        Practitioner author = new Practitioner();
        author.setId("author");
        author.addName().setFamily("Beispiel").addGiven("Ada");
        set.setSource(new Reference("#author")).addContained(author);
        Bundle bundle = new Bundle().setType(Bundle.BundleType.TRANSACTION);
        bundle.getMeta().addProfile(MHD + "IHE.MHD.Comprehensive.ProvideBundle");
        add(bundle, set);
        for (int number = 0; number < DOCUMENTS; number++) {
            Binary binary = new Binary().setContentType("text/plain");
            binary.setData(("Befund \u00e4 " + number + ", " + encoding).getBytes(StandardCharsets.UTF_8));
            DocumentReference reference = document(number, binary.getData());
            set.addEntry().setItem(new Reference(add(bundle, reference)));
            reference.getContentFirstRep().getAttachment().setUrl(add(bundle, binary));
            provided.put(reference.getMasterIdentifier().getValue(), reference);
            octets.put(reference.getMasterIdentifier().getValue(), binary.getData());
        }
        Bundle answer = client.transaction().withBundle(bundle).execute();
        Checks.equal(Bundle.BundleType.TRANSACTIONRESPONSE, answer.getType(), "type of the answer");
        Checks.equal(bundle.getEntry().size(), answer.getEntry().size(), "entries of the answer");
        for (Bundle.BundleEntryComponent entry : answer.getEntry()) {
            Checks.equal("201 Created", entry.getResponse().getStatus(), "status of an entry");
            Checks.holds(entry.getResponse().hasLocation(), "an entry says where it is");
        }
        return answer.getEntryFirstRep().getResponse().getLocation();
    }

    private DocumentReference document(int number, byte[] content) throws Exception {
        DocumentReference reference = new DocumentReference();
        reference.getMeta().addProfile(MHD + "IHE.MHD.Comprehensive.DocumentReference");
        reference.setMasterIdentifier(new Identifier().setSystem(URI_SYSTEM).setValue(uid()));
        reference.setStatus(DocumentReferenceStatus.CURRENT).setDate(new Date());
        reference.setType(concept("http://loinc.org", "85430-7"));
        reference.addCategory(concept("urn:oid:1.3.6.1.4.1.19376.1.2.6.1", "REPORTS"));
        reference.addSecurityLabel(concept("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N"));
        reference.setSubject(new Reference().setIdentifier(patient));
        Attachment attachment = reference.addContent().getAttachment();
        attachment.setContentType("text/plain").setLanguage("de").setTitle("Befund " + number).setCreation(new Date());
        attachment.setHash(MessageDigest.getInstance("SHA-1").digest(content)).setSize(content.length);
        reference.getContentFirstRep().setFormat(new Coding().setCode("urn:ihe:rad:TEXT")
                .setSystem("http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"));
        DocumentReference.DocumentReferenceContextComponent context = reference.getContext();
        context.setFacilityType(concept("http://snomed.info/sct", "22232009"));
        context.setPracticeSetting(concept("http://snomed.info/sct", "394914008"));
        Patient source = new Patient();
        source.setId("source");
        source.addIdentifier(patient);
        reference.addContained(source);
        context.setSourcePatientInfo(new Reference("#source"));
        return reference;
    }

    /** A created resource: returns its fullUrl. */
    private static String add(Bundle bundle, Resource resource) {
        String url = "urn:uuid:" + UUID.randomUUID();
        bundle.addEntry().setFullUrl(url).setResource(resource).getRequest().setMethod(Bundle.HTTPVerb.POST)
                .setUrl(resource.fhirType());
        return url;
    }

    private void readList(String location) {
        ListResource set = client.read().resource(ListResource.class).withId(new IdType(location).getIdPart()).execute();
        Checks.equal("Provided by HAPI", set.getTitle(), "title of the submission set");
        Checks.equal(DOCUMENTS, set.getEntry().size(), "members of the submission set");
    }

    private void find() throws Exception {
        Bundle page = client.search().forResource(DocumentReference.class)
                .where(new TokenClientParam("patient.identifier").exactly()
                        .systemAndIdentifier(patient.getSystem(), patient.getValue()))
                .count(PAGE).returnBundle(Bundle.class).execute();
        int found = 0;
        int pages = 0;
        for (; page != null; pages++) {
            for (Bundle.BundleEntryComponent entry : page.getEntry()) {
                DocumentReference reference = (DocumentReference) entry.getResource();
                found += provided.containsKey(reference.getMasterIdentifier().getValue()) ? 1 : 0;
                compare(reference);
            }
            page = page.getLink(Bundle.LINK_NEXT) == null ? null : client.loadPage().next(page).execute();
        }
        Checks.equal(DOCUMENTS, found, "documents that were provided and found");
        Checks.holds(pages > 1, "there is more than one page");
    }

    /** What came back is what was sent, as far as a registry keeps it; read it is what was found. */
    private void compare(DocumentReference found) throws Exception {
        DocumentReference sent = provided.get(found.getMasterIdentifier().getValue());
        if (sent == null) {
            return;
        }
        DocumentReference read = client.read().resource(DocumentReference.class)
                .withId(found.getIdElement().getIdPart()).execute();
        Checks.holds(read.getContent().get(0).equalsDeep(found.getContent().get(0)), "read it is what was found");
        Checks.holds(code(sent.getType()).equals(code(read.getType())), "the type that was sent");
        Checks.holds(code(sent.getCategoryFirstRep()).equals(code(read.getCategoryFirstRep())), "the category");
        Attachment attachment = read.getContentFirstRep().getAttachment();
        Attachment of = sent.getContentFirstRep().getAttachment();
        Checks.equal(of.getTitle(), attachment.getTitle(), "title");
        Checks.equal(of.getLanguage(), attachment.getLanguage(), "language");
        Checks.holds(Arrays.equals(of.getHash(), attachment.getHash()), "hash");
        HttpResponse<byte[]> answer = http.send(HttpRequest.newBuilder(URI.create(attachment.getUrl())).build(),
                HttpResponse.BodyHandlers.ofByteArray());
        Checks.equal(200, answer.statusCode(), "status of a retrieve");
        byte[] sentOctets = octets.get(found.getMasterIdentifier().getValue());
        Checks.holds(Arrays.equals(sentOctets, answer.body()), "the octets that were sent");
    }

    private static String code(CodeableConcept concept) {
        return concept.getCodingFirstRep().getSystem() + "|" + concept.getCodingFirstRep().getCode();
    }

    private static CodeableConcept concept(String system, String code) {
        return new CodeableConcept().addCoding(new Coding().setSystem(system).setCode(code));
    }

    private static Identifier identifier(Identifier.IdentifierUse use, String value) {
        return new Identifier().setUse(use).setSystem(URI_SYSTEM).setValue(value);
    }

    /** An OID made of a UUID. */
    private static String uid() {
        return "urn:oid:2.25." + new BigInteger(UUID.randomUUID().toString().replace("-", ""), 16);
    }
}
