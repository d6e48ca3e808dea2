package manifold.interop;

import static org.openehealth.ipf.commons.ihe.xds.core.metadata.AvailabilityStatus.APPROVED;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Code;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.DocumentEntry;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.ObjectReference;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.XDSMetaClass;
import org.openehealth.ipf.commons.ihe.xds.core.responses.RetrievedDocument;

/** What must hold of an answer; an AssertionError says what was found instead. */
final class Expect {
    private Expect() {}

    /** An entry that was read is the one that was sent. */
    static void same(DocumentEntry sent, DocumentEntry read) {
        Map<String, Function<DocumentEntry, Object>> attributes = new HashMap<>();
        attributes.put("uniqueId", DocumentEntry::getUniqueId);
        attributes.put("title", entry -> entry.getTitle().getValue());
        attributes.put("comments", entry -> entry.getComments().getValue());
        attributes.put("author", DocumentEntry::getAuthors);
        attributes.put("classCode", DocumentEntry::getClassCode);
        attributes.put("typeCode", DocumentEntry::getTypeCode);
        attributes.put("formatCode", DocumentEntry::getFormatCode);
        attributes.put("confidentialityCode", DocumentEntry::getConfidentialityCodes);
        attributes.put("eventCodeList", DocumentEntry::getEventCodeList);
        attributes.put("healthcareFacilityTypeCode", DocumentEntry::getHealthcareFacilityTypeCode);
        attributes.put("practiceSettingCode", DocumentEntry::getPracticeSettingCode);
        attributes.put("creationTime", DocumentEntry::getCreationTime);
        attributes.put("serviceStartTime", DocumentEntry::getServiceStartTime);
        attributes.put("serviceStopTime", DocumentEntry::getServiceStopTime);
        attributes.put("languageCode", DocumentEntry::getLanguageCode);
        attributes.put("mimeType", DocumentEntry::getMimeType);
        attributes.put("patientId", DocumentEntry::getPatientId);
        attributes.put("sourcePatientId", DocumentEntry::getSourcePatientId);
        attributes.put("sourcePatientInfo", entry -> String.valueOf(entry.getSourcePatientInfo()));
        attributes.put("referenceIdList", DocumentEntry::getReferenceIdList);
        attributes.put("objectType", DocumentEntry::getType);
        attributes.forEach((name, of) -> equal(of.apply(sent), of.apply(read), name));
        equal(APPROVED, read.getAvailabilityStatus(), "availabilityStatus");
        equal(read.getEntryUuid(), read.getLogicalUuid(), "logicalID");
        equal("1", read.getVersion().getVersionName(), "version");
    }

    /** What the registry knows of a document's octets. */
    static void stored(DocumentEntry read, byte[] octets, String repository) {
        equal(sha1(octets), read.getHash().toLowerCase(), "hash");
        equal((long) octets.length, read.getSize(), "size");
        equal(repository, read.getRepositoryUniqueId(), "repositoryUniqueId");
    }

    static void equal(Object expected, Object found, String what) {
        holds(expected == null ? found == null : expected.equals(found),
                what + ": expected " + expected + ", found " + found);
    }

    static void holds(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    static <M extends XDSMetaClass> M byUuid(List<M> objects, String uuid) {
        return objects.stream().filter(object -> object.getEntryUuid().equals(uuid)).findFirst()
                .orElseThrow(() -> new AssertionError(uuid + " did not come"));
    }

    static Set<String> uuids(List<? extends XDSMetaClass> objects) {
        return objects.stream().map(XDSMetaClass::getEntryUuid).collect(Collectors.toCollection(TreeSet::new));
    }

    static Set<String> ids(List<ObjectReference> references) {
        return references.stream().map(ObjectReference::getId).collect(Collectors.toCollection(TreeSet::new));
    }

    /** A code as queries name it, without its display name. */
    static Code code(Code code) {
        return new Code(code.getCode(), null, code.getSchemeName());
    }

    static byte[] content(RetrievedDocument document) throws IOException {
        ByteArrayOutputStream octets = new ByteArrayOutputStream();
        document.getDataHandler().writeTo(octets);
        return octets.toByteArray();
    }

    static String sha1(byte[] octets) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(octets));
        } catch (java.security.NoSuchAlgorithmException impossible) {
            throw new AssertionError("every Java has SHA-1", impossible);
        }
    }
}
