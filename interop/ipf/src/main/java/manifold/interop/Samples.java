package manifold.interop;

import jakarta.activation.DataHandler;
import jakarta.activation.DataSource;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.UUID;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.AssigningAuthority;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Association;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.AssociationLabel;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.AssociationType;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Author;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.CXiAssigningAuthority;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Code;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Document;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.DocumentEntry;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Folder;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Identifiable;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.LocalizedString;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Organization;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.PatientInfo;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Person;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.ReferenceId;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.SubmissionSet;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.XcnName;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.XpnName;

/** Invented metadata of one patient. Codes are of the node's own value sets; identifiers are under 2.25 and 2.999. */
final class Samples {
    static final String TEXT = "text/plain";

    private final Identifiable patient;

    Samples(Identifiable patient) {
        this.patient = patient;
    }

    static String uid() {
        UUID uuid = UUID.randomUUID();
        byte[] octets = HexFormat.of().parseHex(uuid.toString().replace("-", ""));
        return "2.25." + new BigInteger(1, octets);
    }

    static String uuid() {
        return "urn:uuid:" + UUID.randomUUID();
    }

    static byte[] octets(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static Code code(String code, String display, String scheme) {
        return new Code(code, new LocalizedString(display), scheme);
    }

    static ReferenceId accession(String number) {
        var authority = new CXiAssigningAuthority(null, "2.999.1.2.3", "ISO");
        return new ReferenceId(number, authority, ReferenceId.ID_TYPE_CODE_ACCESSION);
    }

    static ReferenceId study(String uid) {
        return new ReferenceId(uid, null, ReferenceId.ID_TYPE_STUDY_INSTANCE_ID);
    }

    Author author() {
        Author author = new Author();
        author.setAuthorPerson(new Person(new Identifiable("R77", new AssigningAuthority("2.999.1.2.5")),
                new XcnName("Müller-O'Hara", "Zoë", null, null, "Dr.", null)));
        author.getAuthorInstitution().add(new Organization("North Hospital", "1", new AssigningAuthority("2.999.1.2")));
        author.getAuthorRole().add(new Identifiable("Radiologist"));
        return author;
    }

    SubmissionSet submissionSet(String title) {
        SubmissionSet set = new SubmissionSet();
        set.setEntryUuid(uuid());
        set.setUniqueId(uid());
        set.setPatientId(patient);
        set.setSourceId("2.999.1.2.9");
        set.setSubmissionTime("20250314091730");
        set.setTitle(new LocalizedString(title));
        set.setContentTypeCode(code("18748-4", "Diagnostic imaging study", "2.16.840.1.113883.6.1"));
        set.getAuthors().add(author());
        return set;
    }

    DocumentEntry entry(String title) {
        DocumentEntry entry = new DocumentEntry();
        entry.setEntryUuid(uuid());
        entry.setUniqueId(uid());
        entry.setPatientId(patient);
        entry.setSourcePatientId(new Identifiable("MRN-77", new AssigningAuthority("2.999.1.2.7")));
        PatientInfo info = new PatientInfo();
        info.getIds().add(new Identifiable("MRN-77", new AssigningAuthority("2.999.1.2.7")));
        info.getNames().add(new XpnName("Invented", "Ipf", null, null, null, null));
        info.setDateOfBirth("19700102");
        info.setGender("F");
        entry.setSourcePatientInfo(info);
        entry.setTitle(new LocalizedString(title, "en", "UTF-8"));
        entry.setComments(new LocalizedString("two lungs & one <heart>"));
        entry.setMimeType(TEXT);
        entry.setLanguageCode("en");
        entry.setCreationTime("20250314091500");
        entry.setServiceStartTime("202503140830");
        entry.setServiceStopTime("202503140845");
        entry.getAuthors().add(author());
        entry.setClassCode(code("REPORTS", "Reports", "1.3.6.1.4.1.19376.1.2.6.1"));
        entry.setTypeCode(code("18748-4", "Diagnostic imaging study", "2.16.840.1.113883.6.1"));
        entry.setFormatCode(code("urn:ihe:rad:TEXT", "Text report", "1.3.6.1.4.1.19376.1.2.3"));
        entry.getConfidentialityCodes().add(code("N", "normal", "2.16.840.1.113883.5.25"));
        entry.setHealthcareFacilityTypeCode(code("22232009", "Hospital", "2.16.840.1.113883.6.96"));
        entry.setPracticeSettingCode(code("394914008", "Radiology", "2.16.840.1.113883.6.96"));
        entry.getEventCodeList().add(code("CT", "Computed Tomography", "1.2.840.10008.2.16.4"));
        return entry;
    }

    Folder folder(String title) {
        Folder folder = new Folder();
        folder.setEntryUuid(uuid());
        folder.setUniqueId(uid());
        folder.setPatientId(patient);
        folder.setTitle(new LocalizedString(title));
        folder.getCodeList().add(code("EPISODE", "Episode", "2.999.30.5"));
        return folder;
    }

    static Document document(DocumentEntry entry, byte[] content) {
        return new Document(entry, new DataHandler(new Octets(content, entry.getMimeType())));
    }

    /** A document in memory. */
    private record Octets(byte[] content, String mimeType) implements DataSource {
        @Override
        public InputStream getInputStream() {
            return new ByteArrayInputStream(content);
        }

        @Override
        public OutputStream getOutputStream() {
            throw new UnsupportedOperationException("a document is only read");
        }

        @Override
        public String getContentType() {
            return mimeType;
        }

        @Override
        public String getName() {
            return null;
        }
    }

    static Association association(AssociationType type, String source, String target) {
        return new Association(type, uuid(), source, target);
    }

    /** What ties a new version of an entry to the submission that brings it. */
    static Association update(SubmissionSet set, String target, String previousVersion) {
        Association member = association(AssociationType.HAS_MEMBER, set.getEntryUuid(), target);
        member.setLabel(AssociationLabel.ORIGINAL);
        member.setPreviousVersion(previousVersion);
        return member;
    }
}
