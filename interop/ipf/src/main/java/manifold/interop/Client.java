package manifold.interop;

import static manifold.interop.Expect.*;
import static org.openehealth.ipf.commons.ihe.xds.core.metadata.AvailabilityStatus.APPROVED;
import static org.openehealth.ipf.commons.ihe.xds.core.metadata.AvailabilityStatus.DEPRECATED;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Association;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.AssociationType;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.AvailabilityStatus;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Code;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.DocumentEntry;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Folder;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.Identifiable;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.LocalizedString;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.ObjectReference;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.ReferenceId;
import org.openehealth.ipf.commons.ihe.xds.core.metadata.SubmissionSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.DocumentReference;
import org.openehealth.ipf.commons.ihe.xds.core.requests.ProvideAndRegisterDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.QueryRegistry;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RegisterDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RemoveMetadata;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RetrieveDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RetrieveImagingDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RetrieveSeries;
import org.openehealth.ipf.commons.ihe.xds.core.requests.RetrieveStudy;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.FindDocumentsByReferenceIdQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.FindDocumentsQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.FindFoldersQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.FindSubmissionSetsQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.GetAllQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.GetAssociationsQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.GetDocumentsQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.GetFolderAndContentsQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.GetFoldersForDocumentQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.GetRelatedDocumentsQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.GetSubmissionSetAndContentsQuery;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.Query;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.QueryList;
import org.openehealth.ipf.commons.ihe.xds.core.requests.query.QueryReturnType;
import org.openehealth.ipf.commons.ihe.xds.core.responses.ErrorCode;
import org.openehealth.ipf.commons.ihe.xds.core.responses.ErrorInfo;
import org.openehealth.ipf.commons.ihe.xds.core.responses.QueryResponse;
import org.openehealth.ipf.commons.ihe.xds.core.responses.Response;
import org.openehealth.ipf.commons.ihe.xds.core.responses.RetrievedDocument;
import org.openehealth.ipf.commons.ihe.xds.core.responses.RetrievedDocumentSet;
import org.openehealth.ipf.commons.ihe.xds.core.responses.Severity;
import org.openehealth.ipf.commons.ihe.xds.core.responses.Status;

/**
 * Publishes, finds, retrieves, replaces, updates and removes documents of one patient at a running node, as a product on IPF
 * would. Prints a line per step; ends with 1 at the first answer that IPF's validators refuse or that says something else
 * than it must.
 *
 * <p>Arguments are NAME=VALUE: registry, repository (addresses), repository-id, patient (CX, known to the node); for RAD-69
 * also imaging (address), study, series, instance, location (UIDs).
 */
public final class Client {
    private static final byte[] FIRST = Samples.octets("No finding.\r\nSecond line.");
    private static final byte[] SECOND = Samples.octets("--boundary\r\nContent-ID: <a>\r\n\r\nÄ\u0001\n--boundary--\r\n");
    private static final byte[] REPLACEMENT = Samples.octets("A finding after all.");
    /** A repository that nobody runs. */
    private static final String ELSEWHERE = "2.999.1.2.77";
    private static final String ACCESSION = "A-77";
    private static final String STUDY = Samples.uid();

    private final Ipf ipf;
    private final Map<String, String> arguments;
    private final Identifiable patient;
    private final Samples samples;
    private int steps;

    private Client(Ipf ipf, Map<String, String> arguments) {
        this.ipf = ipf;
        this.arguments = arguments;
        patient = Identifiable.parse(arguments.get("patient"));
        samples = new Samples(patient);
    }

    public static void main(String[] args) {
        Map<String, String> arguments = new HashMap<>();
        for (String argument : args) {
            String[] pair = argument.split("=", 2);
            arguments.put(pair[0], pair.length == 2 ? pair[1] : "");
        }
        for (String name : List.of("registry", "repository", "repository-id", "patient")) {
            if (!arguments.containsKey(name)) {
                System.err.println("the argument " + name + "=... is missing");
                System.exit(2);
            }
        }
        // Nobody reads CXF's remarks; what it refuses arrives as an exception.
        System.setProperty("org.apache.cxf.Logger", "org.apache.cxf.common.logging.Slf4jLogger");
        var addresses =
                new Ipf.Addresses(arguments.get("registry"), arguments.get("repository"), arguments.get("imaging"));
        int status = 0;
        try (Ipf ipf = new Ipf(addresses)) {
            Client client = new Client(ipf, arguments);
            client.run();
            System.out.println(client.steps + " steps, all accepted");
        } catch (Exception | AssertionError refused) {
            System.out.println("REFUSED");
            refused.printStackTrace(System.out);
            status = 1;
        }
        System.exit(status);
    }

    private void run() throws Exception {
        DocumentEntry first = samples.entry("Chest CT, report");
        first.getReferenceIdList().add(Samples.accession(ACCESSION));
        first.getReferenceIdList().add(Samples.study(STUDY));
        DocumentEntry second = samples.entry("Chest CT, second reading");
        second.getReferenceIdList().add(Samples.accession(ACCESSION));
        Folder folder = samples.folder("Chest");
        SubmissionSet provided = provide(first, second, folder);
        DocumentEntry registered = samples.entry("Kept elsewhere");
        SubmissionSet register = register(registered);

        find(List.of(first, second, registered));
        getDocuments(first, second);
        getAll(List.of(first, second, registered), List.of(provided, register), folder);
        sets(provided, first, second, folder);
        folders(folder, second);
        byReference(first, second);
        retrieve(first, second);

        DocumentEntry replacement = replace(first);
        DocumentEntry updated = update(second);
        deprecate(updated);
        remove(registered, register);
        refusals(replacement, first);
        images();
    }

    // --- publication ---

    private SubmissionSet provide(DocumentEntry first, DocumentEntry second, Folder folder) throws Exception {
        SubmissionSet set = samples.submissionSet("Two documents, one in a folder");
        var request = ProvideAndRegisterDocumentSet.supportiveBuilderWith(set)
                .withDocument(Samples.document(first, FIRST))
                .withDocument(Samples.document(second, SECOND))
                .withFolder(folder)
                .withAssociation(Samples.association(
                        AssociationType.HAS_MEMBER, folder.getEntryUuid(), second.getEntryUuid()))
                .build();
        success("ITI-41 provides two documents, one in a folder", ipf.iti41(request));
        return set;
    }

    private SubmissionSet register(DocumentEntry entry) throws Exception {
        entry.setHash(sha1(FIRST));
        entry.setSize((long) FIRST.length);
        entry.setRepositoryUniqueId(ELSEWHERE);
        SubmissionSet set = samples.submissionSet("One document that another repository has");
        success("ITI-42 registers a document of another repository",
                ipf.iti42(RegisterDocumentSet.supportiveBuilderWith(set).withDocument(entry).build()));
        return set;
    }

    private DocumentEntry replace(DocumentEntry old) throws Exception {
        DocumentEntry replacement = samples.entry("Chest CT, report, corrected");
        replacement.getReferenceIdList().add(Samples.accession(ACCESSION));
        var request = ProvideAndRegisterDocumentSet.supportiveBuilderWith(samples.submissionSet("A replacement"))
                .withDocument(Samples.document(replacement, REPLACEMENT))
                .withAssociation(Samples.association(
                        AssociationType.REPLACE, replacement.getEntryUuid(), old.getEntryUuid()))
                .build();
        success("ITI-41 replaces a document", ipf.iti41(request));

        GetRelatedDocumentsQuery query = new GetRelatedDocumentsQuery();
        query.setUuid(old.getEntryUuid());
        query.setAssociationTypes(List.of(AssociationType.REPLACE));
        QueryResponse related = leaves("ITI-18 GetRelatedDocuments finds what replaced it", query);
        equal(uuids(List.of(old, replacement)), uuids(related.getDocumentEntries()), "related documents");
        equal(1, related.getAssociations().size(), "related associations");
        Association association = related.getAssociations().get(0);
        equal(AssociationType.REPLACE, association.getAssociationType(), "the type of association");
        equal(replacement.getEntryUuid(), association.getSourceUuid(), "the source of the replacement");
        for (DocumentEntry entry : related.getDocumentEntries()) {
            boolean isOld = entry.getEntryUuid().equals(old.getEntryUuid());
            equal(isOld ? DEPRECATED : APPROVED, entry.getAvailabilityStatus(), "the status after the replacement");
        }
        return replacement;
    }

    // --- queries ---

    private QueryResponse leaves(String step, Query query) throws Exception {
        return ask(step, query, QueryReturnType.LEAF_CLASS);
    }

    private QueryResponse ask(String step, Query query, QueryReturnType type) throws Exception {
        QueryRegistry request = new QueryRegistry(query);
        request.setReturnType(type);
        return success(step, ipf.iti18(request));
    }

    private FindDocumentsQuery findQuery(FindDocumentsQuery query, AvailabilityStatus... statuses) {
        query.setPatientId(patient);
        query.setStatus(Arrays.asList(statuses));
        return query;
    }

    private List<DocumentEntry> found(AvailabilityStatus... statuses) throws Exception {
        QueryRegistry request = new QueryRegistry(findQuery(new FindDocumentsQuery(), statuses));
        request.setReturnType(QueryReturnType.LEAF_CLASS);
        QueryResponse response = ipf.iti18(request);
        equal(Status.SUCCESS, response.getStatus(), "the status of FindDocuments");
        return response.getDocumentEntries();
    }

    private void find(List<DocumentEntry> sent) throws Exception {
        FindDocumentsQuery query = findQuery(new FindDocumentsQuery(), APPROVED);
        List<DocumentEntry> entries = leaves("ITI-18 FindDocuments gives entries as they were sent", query)
                .getDocumentEntries();
        equal(uuids(sent), uuids(entries), "FindDocuments");
        for (DocumentEntry entry : sent) {
            same(entry, byUuid(entries, entry.getEntryUuid()));
        }
        stored(byUuid(entries, sent.get(0).getEntryUuid()), FIRST, arguments.get("repository-id"));
        stored(byUuid(entries, sent.get(1).getEntryUuid()), SECOND, arguments.get("repository-id"));
        stored(byUuid(entries, sent.get(2).getEntryUuid()), FIRST, ELSEWHERE);
        List<ObjectReference> references =
                ask("ITI-18 FindDocuments gives references", query, QueryReturnType.OBJECT_REF).getReferences();
        equal(uuids(sent), ids(references), "FindDocuments, ObjectRef");

        FindDocumentsQuery narrow = findQuery(new FindDocumentsQuery(), APPROVED, DEPRECATED);
        narrow.setClassCodes(List.of(code(sent.get(0).getClassCode())));
        narrow.setTypeCodes(List.of(code(sent.get(0).getTypeCode())));
        narrow.setFormatCodes(List.of(code(sent.get(0).getFormatCode())));
        narrow.setEventCodes(new QueryList<>(code(sent.get(0).getEventCodeList().get(0))));
        narrow.setConfidentialityCodes(new QueryList<>(code(sent.get(0).getConfidentialityCodes().get(0))));
        narrow.setAuthorPersons(List.of("%O'Hara%"));
        narrow.getCreationTime().setFrom("2025");
        narrow.getCreationTime().setTo("2026");
        narrow.getServiceStartTime().setFrom("20250314");
        narrow.getServiceStartTime().setTo("20250315");
        equal(uuids(sent), uuids(leaves("ITI-18 FindDocuments by codes, author and times", narrow).getDocumentEntries()),
                "FindDocuments by everything");
        narrow.getCreationTime().setFrom("2026");
        narrow.getCreationTime().setTo("2027");
        equal(Set.of(), uuids(leaves("ITI-18 FindDocuments that finds nothing", narrow).getDocumentEntries()), "nothing");
    }

    private void getDocuments(DocumentEntry first, DocumentEntry second) throws Exception {
        GetDocumentsQuery query = new GetDocumentsQuery();
        query.setUuids(List.of(first.getEntryUuid(), second.getEntryUuid()));
        equal(uuids(List.of(first, second)),
                uuids(leaves("ITI-18 GetDocuments by entryUUID", query).getDocumentEntries()), "GetDocuments");
        query = new GetDocumentsQuery();
        query.setUniqueIds(List.of(second.getUniqueId()));
        equal(uuids(List.of(second)),
                uuids(leaves("ITI-18 GetDocuments by uniqueId", query).getDocumentEntries()), "GetDocuments");
    }

    private void getAll(List<DocumentEntry> entries, List<SubmissionSet> sets, Folder folder) throws Exception {
        GetAllQuery query = new GetAllQuery();
        query.setPatientId(patient);
        query.setStatusDocuments(List.of(APPROVED));
        query.setStatusSubmissionSets(List.of(APPROVED));
        query.setStatusFolders(List.of(APPROVED));
        QueryResponse all = leaves("ITI-18 GetAll", query);
        equal(uuids(entries), uuids(all.getDocumentEntries()), "documents of GetAll");
        equal(uuids(sets), uuids(all.getSubmissionSets()), "submission sets of GetAll");
        equal(uuids(List.of(folder)), uuids(all.getFolders()), "folders of GetAll");
        // Three set to document, one set to folder, one folder to document, one set to that.
        equal(6, all.getAssociations().size(), "associations of GetAll");
    }

    private void sets(SubmissionSet set, DocumentEntry first, DocumentEntry second, Folder folder) throws Exception {
        FindSubmissionSetsQuery find = new FindSubmissionSetsQuery();
        find.setPatientId(patient);
        find.setStatus(List.of(APPROVED));
        find.setSourceIds(List.of(set.getSourceId()));
        find.setContentTypeCodes(List.of(code(set.getContentTypeCode())));
        List<SubmissionSet> sets = leaves("ITI-18 FindSubmissionSets", find).getSubmissionSets();
        equal(2, sets.size(), "submission sets");
        SubmissionSet read = byUuid(sets, set.getEntryUuid());
        equal(set.getUniqueId(), read.getUniqueId(), "SubmissionSet.uniqueId");
        equal(set.getTitle().getValue(), read.getTitle().getValue(), "SubmissionSet.title");
        equal(set.getAuthors(), read.getAuthors(), "SubmissionSet.author");
        equal(set.getContentTypeCode(), read.getContentTypeCode(), "SubmissionSet.contentTypeCode");

        GetSubmissionSetAndContentsQuery contents = new GetSubmissionSetAndContentsQuery();
        contents.setUniqueId(set.getUniqueId());
        QueryResponse inside = leaves("ITI-18 GetSubmissionSetAndContents", contents);
        equal(uuids(List.of(first, second)), uuids(inside.getDocumentEntries()), "documents of the set");
        equal(uuids(List.of(folder)), uuids(inside.getFolders()), "folders of the set");
        equal(5, inside.getAssociations().size(), "associations of the set");
    }

    private void folders(Folder folder, DocumentEntry member) throws Exception {
        FindFoldersQuery find = new FindFoldersQuery();
        find.setPatientId(patient);
        find.setStatus(List.of(APPROVED));
        find.setCodes(new QueryList<>(code(folder.getCodeList().get(0))));
        List<Folder> folders = leaves("ITI-18 FindFolders", find).getFolders();
        equal(uuids(List.of(folder)), uuids(folders), "FindFolders");
        equal(folder.getTitle().getValue(), folders.get(0).getTitle().getValue(), "Folder.title");
        equal(folder.getCodeList(), folders.get(0).getCodeList(), "Folder.codeList");
        holds(folders.get(0).getLastUpdateTime() != null, "Folder.lastUpdateTime is given by the registry");

        GetFolderAndContentsQuery contents = new GetFolderAndContentsQuery();
        contents.setUuid(folder.getEntryUuid());
        QueryResponse inside = leaves("ITI-18 GetFolderAndContents", contents);
        equal(uuids(List.of(member)), uuids(inside.getDocumentEntries()), "documents of the folder");
        GetFoldersForDocumentQuery of = new GetFoldersForDocumentQuery();
        of.setUniqueId(member.getUniqueId());
        equal(uuids(List.of(folder)), uuids(leaves("ITI-18 GetFoldersForDocument", of).getFolders()), "its folders");
        GetAssociationsQuery associations = new GetAssociationsQuery();
        associations.setUuids(List.of(member.getEntryUuid()));
        equal(2, leaves("ITI-18 GetAssociations", associations).getAssociations().size(), "associations of the member");
    }

    private void byReference(DocumentEntry first, DocumentEntry second) throws Exception {
        var query = new FindDocumentsByReferenceIdQuery();
        findQuery(query, APPROVED);
        query.setTypedReferenceIds(new QueryList<>(Samples.accession(ACCESSION)));
        equal(uuids(List.of(first, second)),
                uuids(leaves("ITI-18 FindDocumentsByReferenceId by accession number", query).getDocumentEntries()),
                "by accession number");
        QueryList<ReferenceId> both = new QueryList<>(Samples.accession(ACCESSION));
        both.getOuterList().add(List.of(Samples.study(STUDY), Samples.study(Samples.uid())));
        query.setTypedReferenceIds(both);
        List<ObjectReference> references =
                ask("ITI-18 FindDocumentsByReferenceId by accession number and study, references", query,
                        QueryReturnType.OBJECT_REF).getReferences();
        equal(uuids(List.of(first)), ids(references), "by accession number and study");
    }

    // --- retrieval ---

    private void retrieve(DocumentEntry first, DocumentEntry second) throws Exception {
        RetrieveDocumentSet request = new RetrieveDocumentSet();
        String repository = arguments.get("repository-id");
        request.getDocuments().add(new DocumentReference(repository, first.getUniqueId(), null));
        request.getDocuments().add(new DocumentReference(repository, second.getUniqueId(), null));
        RetrievedDocumentSet answer = success("ITI-43 gives both documents octet by octet", ipf.iti43(request));
        equal(2, answer.getDocuments().size(), "documents retrieved");
        for (RetrievedDocument document : answer.getDocuments()) {
            boolean isFirst = document.getRequestData().getDocumentUniqueId().equals(first.getUniqueId());
            equal(Samples.TEXT, document.getMimeType(), "mimeType");
            holds(Arrays.equals(isFirst ? FIRST : SECOND, content(document)), "the octets are those that were provided");
        }

        String missing = Samples.uid();
        request.getDocuments().set(1, new DocumentReference(repository, missing, null));
        RetrievedDocumentSet partial = ipf.iti43(request);
        equal(Status.PARTIAL_SUCCESS, partial.getStatus(), "the status with one document of two");
        equal(1, partial.getDocuments().size(), "documents retrieved");
        refusal("ITI-43 names the document that is missing", partial, ErrorCode.DOCUMENT_UNIQUE_ID_ERROR);
        equal(missing, partial.getErrors().get(0).getLocation(), "the location of the error");

        RetrieveDocumentSet elsewhere = new RetrieveDocumentSet();
        elsewhere.getDocuments().add(new DocumentReference("2.999.404", first.getUniqueId(), null));
        refused("ITI-43 refuses another repository's id", ipf.iti43(elsewhere), ErrorCode.UNKNOWN_REPOSITORY_ID);
    }

    // --- update and removal ---

    private DocumentEntry update(DocumentEntry sent) throws Exception {
        DocumentEntry entry = byUuid(found(APPROVED), sent.getEntryUuid());
        String previous = entry.getVersion().getVersionName();
        entry.setEntryUuid(Samples.uuid());
        entry.setAvailabilityStatus(null);
        entry.setTitle(new LocalizedString("Chest CT, second reading, renamed", "en", "UTF-8"));
        SubmissionSet set = samples.submissionSet("A new title");
        var request = RegisterDocumentSet.supportiveBuilderWith(set).withDocument(entry)
                .withAssociation(Samples.update(set, entry.getEntryUuid(), previous)).build();
        success("ITI-57 updates an entry", ipf.iti57(request));

        List<DocumentEntry> current = found(APPROVED);
        DocumentEntry version = current.stream()
                .filter(e -> e.getUniqueId().equals(sent.getUniqueId())).findFirst().orElseThrow();
        equal("Chest CT, second reading, renamed", version.getTitle().getValue(), "the title after the update");
        equal(entry.getLogicalUuid(), version.getLogicalUuid(), "the logical id after the update");
        equal(Integer.parseInt(previous) + 1, Integer.parseInt(version.getVersion().getVersionName()), "the version");
        holds(uuids(found(DEPRECATED)).contains(sent.getEntryUuid()), "the version before is deprecated");
        GetDocumentsQuery versions = new GetDocumentsQuery();
        versions.setLogicalUuid(List.of(entry.getLogicalUuid()));
        versions.setMetadataLevel(2);
        equal(2, leaves("ITI-18 GetDocuments by logical id gives both versions", versions).getDocumentEntries().size(),
                "versions");

        SubmissionSet late = samples.submissionSet("Too late");
        entry.setEntryUuid(Samples.uuid());
        var again = RegisterDocumentSet.supportiveBuilderWith(late).withDocument(entry)
                .withAssociation(Samples.update(late, entry.getEntryUuid(), previous)).build();
        refused("ITI-57 refuses an update of an old version", ipf.iti57(again), ErrorCode.METADATA_VERSION_ERROR);
        return version;
    }

    private void deprecate(DocumentEntry entry) throws Exception {
        SubmissionSet set = samples.submissionSet("Withdrawn");
        Association change =
                Samples.association(AssociationType.UPDATE_AVAILABILITY_STATUS, set.getEntryUuid(), entry.getEntryUuid());
        change.setOriginalStatus(APPROVED);
        change.setNewStatus(DEPRECATED);
        success("ITI-57 changes a status",
                ipf.iti57(RegisterDocumentSet.supportiveBuilderWith(set).withAssociation(change).build()));
        holds(uuids(found(DEPRECATED)).contains(entry.getEntryUuid()), "the entry is deprecated");
        SubmissionSet again = samples.submissionSet("Withdrawn again");
        Association twice = Samples.association(
                AssociationType.UPDATE_AVAILABILITY_STATUS, again.getEntryUuid(), entry.getEntryUuid());
        twice.setOriginalStatus(APPROVED);
        twice.setNewStatus(DEPRECATED);
        refused("ITI-57 refuses a change from a status that the entry has not",
                ipf.iti57(RegisterDocumentSet.supportiveBuilderWith(again).withAssociation(twice).build()),
                ErrorCode.METADATA_UPDATE_OPERATION_ERROR);
    }

    private void remove(DocumentEntry entry, SubmissionSet set) throws Exception {
        RemoveMetadata request = new RemoveMetadata();
        request.getReferences().add(new ObjectReference(entry.getEntryUuid()));
        refused("ITI-62 refuses to leave an association without its end", ipf.iti62(request),
                ErrorCode.REFERENCE_EXISTS_EXCEPTION);
        GetAssociationsQuery associations = new GetAssociationsQuery();
        associations.setUuids(List.of(entry.getEntryUuid()));
        for (Association association : leaves("ITI-18 GetAssociations of what is to go", associations).getAssociations()) {
            request.getReferences().add(new ObjectReference(association.getEntryUuid()));
        }
        request.getReferences().add(new ObjectReference(set.getEntryUuid()));
        success("ITI-62 removes an entry, its association and its submission set", ipf.iti62(request));
        holds(!uuids(found(APPROVED, DEPRECATED)).contains(entry.getEntryUuid()), "the entry is gone");
        refused("ITI-62 refuses what is not there", ipf.iti62(request), ErrorCode.UNRESOLVED_REFERENCE_EXCEPTION);
    }

    // --- refusals ---

    private void refusals(DocumentEntry current, DocumentEntry deprecated) throws Exception {
        Samples nobody = new Samples(new Identifiable("NOBODY-" + Samples.uid(), patient.getAssigningAuthority()));
        refused("ITI-41 refuses an unknown patient", ipf.iti41(ProvideAndRegisterDocumentSet
                .supportiveBuilderWith(nobody.submissionSet("Of nobody"))
                .withDocument(Samples.document(nobody.entry("Of nobody"), FIRST)).build()), ErrorCode.UNKNOWN_PATIENT_ID);

        DocumentEntry other = samples.entry("The same id, other octets");
        other.setUniqueId(current.getUniqueId());
        refused("ITI-41 refuses other octets under a known id", ipf.iti41(ProvideAndRegisterDocumentSet
                .supportiveBuilderWith(samples.submissionSet("The same id"))
                .withDocument(Samples.document(other, SECOND)).build()), ErrorCode.NON_IDENTICAL_HASH);

        DocumentEntry late = samples.entry("Replaces what was replaced");
        refused("ITI-41 refuses to replace a deprecated document", ipf.iti41(ProvideAndRegisterDocumentSet
                .supportiveBuilderWith(samples.submissionSet("Late"))
                .withDocument(Samples.document(late, FIRST))
                .withAssociation(Samples.association(
                        AssociationType.REPLACE, late.getEntryUuid(), deprecated.getEntryUuid()))
                .build()), ErrorCode.REGISTRY_DEPRECATED_DOCUMENT_ERROR);

        DocumentEntry coded = samples.entry("A code of no value set");
        coded.setClassCode(Samples.code("NOSUCH", "No such", "2.999.404"));
        refused("ITI-41 refuses a code of no value set", ipf.iti41(ProvideAndRegisterDocumentSet
                .supportiveBuilderWith(samples.submissionSet("Coded"))
                .withDocument(Samples.document(coded, FIRST)).build()), ErrorCode.REGISTRY_METADATA_ERROR);

        FindDocumentsQuery statusless = new FindDocumentsQuery();
        statusless.setPatientId(patient);
        refused("ITI-18 refuses FindDocuments without a status", ipf.iti18Unchecked(new QueryRegistry(statusless)),
                ErrorCode.STORED_QUERY_MISSING_PARAM);
        GetDocumentsQuery both = new GetDocumentsQuery();
        both.setUuids(List.of(current.getEntryUuid()));
        both.setUniqueIds(List.of(current.getUniqueId()));
        refused("ITI-18 refuses GetDocuments by both kinds of id", ipf.iti18Unchecked(new QueryRegistry(both)),
                ErrorCode.STORED_QUERY_PARAM_NUMBER);

        // ITI TF-2 3.18.4.1.2.3.5: parameters that a registry does not know are not an error.
        FindDocumentsQuery extended = findQuery(new FindDocumentsQuery(), APPROVED);
        extended.getExtraParameters().put("$ManifoldColour", new QueryList<>("blue"));
        equal(uuids(List.of(current)),
                uuids(leaves("ITI-18 passes over a parameter that it does not know", extended).getDocumentEntries()),
                "FindDocuments with an unknown parameter");
    }

    // --- images ---

    private void images() throws Exception {
        if (!arguments.containsKey("imaging")) {
            System.out.println("skipped: RAD-69, because no address of an Imaging Document Source was given");
            return;
        }
        String instance = arguments.get("instance");
        RetrievedDocumentSet answer = success("RAD-69 gives an instance", ipf.rad69(imageRequest(instance)));
        equal(1, answer.getDocuments().size(), "instances retrieved");
        RetrievedDocument document = answer.getDocuments().get(0);
        equal("application/dicom", document.getMimeType(), "mimeType");
        equal(instance, document.getRequestData().getDocumentUniqueId(), "the SOP Instance UID");
        byte[] octets = content(document);
        holds(octets.length > 132 && new String(octets, 128, 4, "US-ASCII").equals("DICM"), "a DICOM file came");
        holds(new String(octets, "ISO-8859-1").contains(instance), "the file has the SOP Instance UID");
        String missing = Samples.uid();
        RetrievedDocumentSet partial = ipf.rad69(imageRequest(instance, missing));
        equal(Status.PARTIAL_SUCCESS, partial.getStatus(), "the status with one instance of two");
        equal(1, partial.getDocuments().size(), "instances retrieved");
        refusal("RAD-69 names the instance that is missing", partial, ErrorCode.DOCUMENT_UNIQUE_ID_ERROR);
        equal(missing, partial.getErrors().get(0).getLocation(), "the location of the error");
        refused("RAD-69 refuses an instance that is not there", ipf.rad69(imageRequest(missing)),
                ErrorCode.DOCUMENT_UNIQUE_ID_ERROR);
    }

    private RetrieveImagingDocumentSet imageRequest(String... instances) {
        RetrieveImagingDocumentSet request = new RetrieveImagingDocumentSet();
        String location = arguments.get("location");
        var references = Arrays.stream(instances).map(uid -> new DocumentReference(location, uid, null)).toList();
        var series = new RetrieveSeries(arguments.get("series"), references);
        request.getRetrieveStudies().add(new RetrieveStudy(arguments.get("study"), List.of(series)));
        request.getTransferSyntaxIds().add("1.2.840.10008.1.2.1");
        return request;
    }

    // --- what must hold ---

    /** An answer that must be Success without errors. Warnings are printed. */
    private <R extends Response> R success(String step, R response) {
        steps++;
        List<ErrorInfo> errors = response.getErrors();
        holds(response.getStatus() == Status.SUCCESS
                        && errors.stream().allMatch(error -> error.getSeverity() == Severity.WARNING),
                step + ": " + response.getStatus() + " " + errors);
        System.out.println(step
                + errors.stream().map(error -> " (warning: " + error.getCodeContext() + ")").collect(Collectors.joining()));
        return response;
    }

    /** An answer that must be Failure with this code and no other; any code of the standard when it is null. */
    private void refused(String step, Response response, ErrorCode code) {
        equal(Status.FAILURE, response.getStatus(), step);
        if (response instanceof QueryResponse query) {
            holds(query.getDocumentEntries().isEmpty() && query.getReferences().isEmpty(), "a failure lists no objects");
        }
        refusal(step, response, code);
    }

    private void refusal(String step, Response response, ErrorCode code) {
        steps++;
        Set<ErrorCode> codes = response.getErrors().stream()
                .filter(error -> error.getSeverity() == Severity.ERROR)
                .map(ErrorInfo::getErrorCode).collect(Collectors.toSet());
        holds(!codes.isEmpty() && !codes.contains(ErrorCode._USER_DEFINED), step + ": " + response.getErrors());
        if (code != null) {
            equal(Set.of(code), codes, step + " " + response.getErrors());
        }
        System.out.println(step + ": " + codes.stream().map(found -> found.getOpcode()).collect(Collectors.joining(", ")));
    }
}
