//! Every error code that a registry and a repository can give, provoked on a live node: its severity, its place, and a
//! sentence that names element, rule and value. Source: ITI TF-3 Table 4.2.4.1-2; spec/xds.md section 25.

use super::client::{Client, cx, patient};
use super::refusals::registered_by_hand;
use super::wire::{self, APPROVED, Answer, FIND_DOCUMENTS, GET_DOCUMENTS, REGISTRY, REPOSITORY};
use super::{calm, documents, node};
use crate::network::Files;
use ebxml::{ProvidedDocument, RegistryError, Severity};
use model::{
    Association, AssociationType, Code, DocumentEntry, DocumentQuery, ExtraSlot, Folder, ObjectId, ObjectNames,
    Sha1Hash, StoredQuery, Submission, Text, UniqueId, schemes,
};
use std::collections::BTreeSet;

/// What is wanted of the error: its code, where it lies, and words of its sentence.
type Wanted<'a> = (&'a str, Option<&'a str>, &'a [&'a str]);

/// Collects what was provoked: transaction and code.
#[derive(Default)]
struct Provoked(BTreeSet<(&'static str, String)>);

impl Provoked {
    fn failure(&mut self, transaction: &'static str, answer: &Answer, wanted: Wanted) {
        let failure = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure";
        assert_eq!(answer.response_status(), failure, "{}", answer.text());
        self.check(transaction, answer, Severity::Error, wanted);
    }

    fn warning(&mut self, transaction: &'static str, answer: &Answer, wanted: Wanted) {
        let success = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success";
        assert_eq!(answer.response_status(), success, "{}", answer.text());
        self.check(transaction, answer, Severity::Warning, wanted);
    }

    fn check(&mut self, transaction: &'static str, answer: &Answer, severity: Severity, wanted: Wanted) {
        let (code, location, words) = wanted;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let errors = answer.errors();
        let codes: Vec<&str> = errors.iter().map(|e| e.code.as_str()).collect();
        assert_eq!(codes, [code], "{transaction}: {}", answer.text());
        let RegistryError { context, location: found, severity: is, .. } = &errors[0];
        assert_eq!(*is, severity, "{transaction} {code}");
        assert_eq!(found.as_deref(), location, "{transaction} {code}: {context}");
        for word in words {
            assert!(context.contains(word), "{transaction} {code}: no `{word}` in `{context}`");
        }
        check_sentence(context);
        // Written, not left to a default, and the list says the highest of its severities.
        let urn = severity_urn(severity);
        let text = answer.text();
        assert!(text.contains(&format!("severity=\"{urn}\"")) && text.contains(&format!("highestSeverity=\"{urn}\"")));
        self.0.insert((transaction, code.to_owned()));
    }
}

fn severity_urn(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error",
        Severity::Warning => "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning",
    }
}

/// One sentence, and nothing of the program's inside.
fn check_sentence(context: &str) {
    assert!(!context.is_empty() && !context.ends_with('.'), "`{context}`");
    for foreign in ["\n", "\r", ". ", "panicked", "src/", ".rs", "Err(", "Some(", "sqlite", "/work", "/tmp"] {
        assert!(!context.contains(foreign), "`{foreign}` in `{context}`");
    }
}

fn fresh() -> Submission {
    documents::report("P0008", &documents::fresh_unique_id())
}

fn changed(change: impl FnOnce(&mut Submission)) -> Submission {
    let mut submission = fresh();
    change(&mut submission);
    submission
}

fn wrong() -> Code {
    Code::new("WRONG", schemes::IHE_CLASS, "No such code")
}

/// A second document with the same uniqueId.
fn twice(submission: &mut Submission) {
    let first = submission.entries[0].clone();
    let second = DocumentEntry { id: cx().identifiers.entry_uuid(), ..first };
    let member = Association {
        id: cx().identifiers.entry_uuid(),
        target: second.id.clone(),
        ..submission.associations[0].clone()
    };
    submission.entries.push(second);
    submission.associations.push(member);
}

fn replace(submission: &mut Submission, target: &ObjectId) {
    let link = Association {
        id: cx().identifiers.entry_uuid(),
        kind: AssociationType::Rplc,
        source: submission.entries[0].id.clone(),
        target: target.clone(),
        submission_set_status: None,
        ..submission.associations[0].clone()
    };
    submission.associations.push(link);
}

fn published(centre: &Client, submission: Submission) -> DocumentEntry {
    let unique_id = submission.entries[0].unique_id.clone();
    centre.register(submission).expect("a registration");
    centre.with_unique_id(&unique_id).expect("an answer").pop().expect("the document")
}

fn at(id: &ObjectId) -> Option<&str> {
    Some(id.as_str())
}

fn registering(centre: &Client, provoked: &mut Provoked) {
    let register = |submission: &Submission| wire::ask(centre, REGISTRY, wire::REGISTER, &wire::register(submission));
    let by_hand = |change: &dyn Fn(&mut Submission)| registered_by_hand(changed(change));
    const ITI: &str = "ITI-42";

    let bad = by_hand(&|s| s.entries[0].class_code = wrong());
    let words = ["DocumentEntry.classCode", "value set", "WRONG"];
    provoked.failure(ITI, &register(&bad), ("XDSRegistryMetadataError", at(&bad.entries[0].id), &words));
    let bad = by_hand(&|s| s.entries[0].source_patient_id = None);
    let words = ["DocumentEntry.sourcePatientId", "required"];
    provoked.failure(ITI, &register(&bad), ("XDSRegistryMetadataError", at(&bad.entries[0].id), &words));
    // A value with line ends in it does not break the sentence.
    let bad = by_hand(&|_| ());
    let text = wire::register(&bad).replace(">en<", ">no&#10;language\r\nat all<");
    let answer = wire::ask(centre, REGISTRY, wire::REGISTER, &text);
    let words = ["DocumentEntry.languageCode", "must be a language tag", "no language at all"];
    provoked.failure(ITI, &answer, ("XDSRegistryMetadataError", at(&bad.entries[0].id), &words));

    let nobody = patient("P9999");
    let bad = by_hand(&|s| {
        s.set.patient_id = nobody.clone();
        s.entries[0].patient_id = nobody.clone();
    });
    let words = ["patientId must be known", "ITI-44", "P9999^^^&2.999.7&ISO"];
    provoked.failure(ITI, &register(&bad), ("XDSUnknownPatientId", None, &words));
    let bad = by_hand(&|s| s.entries[0].patient_id = patient("P0009"));
    let words = ["patientId must be", "P0008^^^", "got `P0009^^^"];
    provoked.failure(ITI, &register(&bad), ("XDSPatientIdDoesNotMatch", at(&bad.entries[0].id), &words));
    let bad = registered_by_hand(changed(twice));
    let mut bad = bad;
    let like_first = bad.entries[0].clone();
    bad.entries[1] = DocumentEntry { id: bad.entries[1].id.clone(), ..like_first };
    let unique_id = bad.entries[0].unique_id.as_str();
    let words = ["uniqueId", unique_id, "more than once"];
    provoked.failure(ITI, &register(&bad), ("XDSRegistryDuplicateUniqueIdInMessage", Some(unique_id), &words));

    let first = registered_by_hand(fresh());
    let known = published(centre, first.clone());
    let bad = by_hand(&|s| s.set.unique_id = first.set.unique_id.clone());
    let unique_id = first.set.unique_id.as_str();
    let words = ["SubmissionSet uniqueId", unique_id, "already registered"];
    provoked.failure(ITI, &register(&bad), ("XDSDuplicateUniqueIdInRegistry", Some(unique_id), &words));
    let unique_id = known.unique_id.as_str();
    let mut bad = by_hand(&|s| s.entries[0].unique_id = known.unique_id.clone());
    bad.entries[0].hash = Some(Sha1Hash::from_bytes([1; 20]));
    let words = ["uniqueId", unique_id, "another hash"];
    provoked.failure(ITI, &register(&bad), ("XDSNonIdenticalHash", Some(unique_id), &words));
    let mut bad = by_hand(&|s| s.entries[0].unique_id = known.unique_id.clone());
    bad.entries[0].size_octets = Some(7);
    let words = ["uniqueId", unique_id, "another size"];
    provoked.failure(ITI, &register(&bad), ("XDSNonIdenticalSize", Some(unique_id), &words));

    let nothing = cx().identifiers.entry_uuid();
    let bad = by_hand(&|s| replace(s, &nothing));
    let words = ["targetObject", nothing.as_str(), "neither in this submission nor in the registry"];
    provoked.failure(ITI, &register(&bad), ("UnresolvedReferenceException", at(&nothing), &words));
    centre.register(by_hand(&|s| replace(s, &known.id))).expect("a replacement");
    let bad = by_hand(&|s| replace(s, &known.id));
    let words = ["targetObject", known.id.as_str(), "deprecated"];
    provoked.failure(ITI, &register(&bad), ("XDSRegistryDeprecatedDocumentError", at(&known.id), &words));

    let good = registered_by_hand(fresh());
    let slot = "<rim:Slot name=\"codingScheme\">";
    let extra = "<rim:Slot name=\"urn:example:2024:colour\"><rim:ValueList><rim:Value>red</rim:Value></rim:ValueList></rim:Slot>";
    let text = wire::register(&good);
    let (before, after) = text.split_once(slot).expect("a code");
    let answer = wire::ask(centre, REGISTRY, wire::REGISTER, &format!("{before}{extra}{slot}{after}"));
    let words = ["has a slot inside its classification", "urn:example:2024:colour"];
    provoked.warning(ITI, &answer, ("XDSExtraMetadataNotSaved", at(&good.entries[0].id), &words));
    let good = by_hand(&|s| s.entries[0].practice_setting_code = wrong());
    let words = ["DocumentEntry.practiceSettingCode", "value set", "WRONG"];
    provoked.warning(ITI, &register(&good), ("XDSRegistryMetadataError", at(&good.entries[0].id), &words));
}

fn providing(centre: &Client, provoked: &mut Provoked) {
    const ITI: &str = "ITI-41";
    let provide = |submission: &Submission, documents: &[(&ObjectId, &[u8])]| {
        let documents: Vec<ProvidedDocument> = documents
            .iter()
            .map(|(id, octets)| ProvidedDocument { id: (*id).clone(), content: ebxml::Content::of(octets) })
            .collect();
        let body = wire::written(|w| ebxml::encode_provide(submission, &documents, w));
        let answer = wire::ask_mtom(centre, REPOSITORY, wire::PROVIDE, &body, &[]);
        assert!(answer.is_mtom(), "a refusal is packed as the request was");
        answer
    };
    let one = |submission: &Submission, octets: &[u8]| provide(submission, &[(&submission.entries[0].id, octets)]);

    let lone = fresh();
    let id = &lone.entries[0].id;
    let words = ["DocumentEntry", id.as_str(), "no Document"];
    provoked.failure(ITI, &provide(&lone, &[]), ("XDSMissingDocument", at(id), &words));
    let other = ObjectId::parse("Document07").unwrap();
    let answer = provide(&lone, &[(id, b"<report/>"), (&other, b"<report/>")]);
    let words = ["Document Document07", "no DocumentEntry"];
    provoked.failure(ITI, &answer, ("XDSMissingDocumentMetadata", Some("Document07"), &words));
    let bad = changed(|s| s.entries[0].hash = Some(Sha1Hash::from_bytes([1; 20])));
    let words = ["DocumentEntry.hash", "must be that of the document's octets", "0101010101"];
    provoked.failure(ITI, &one(&bad, b"<report/>"), ("XDSRepositoryMetadataError", at(&bad.entries[0].id), &words));
    let bad = changed(|s| s.entries[0].size_octets = Some(77));
    let words = ["DocumentEntry.size", "must be that of the document's octets", "77"];
    provoked.failure(ITI, &one(&bad, b"<report/>"), ("XDSRepositoryMetadataError", at(&bad.entries[0].id), &words));
    let bad = changed(twice);
    let answer = provide(&bad, &[(&bad.entries[0].id, b"<one/>"), (&bad.entries[1].id, b"<two/>")]);
    let unique_id = bad.entries[0].unique_id.as_str();
    let words = ["uniqueId", unique_id, "more than once"];
    provoked.failure(ITI, &answer, ("XDSRepositoryDuplicateUniqueIdInMessage", Some(unique_id), &words));
    let bad = documents::manifest("P0008", &documents::fresh_unique_id(), "2.25.7");
    let unique_id = bad.entries[0].unique_id.as_str();
    let words = [unique_id, "is no manifest"];
    provoked.failure(ITI, &one(&bad, b"no DICOM"), ("InvalidDocumentContent", Some(unique_id), &words));

    // What the registry finds comes through as the registry says it.
    let first = fresh();
    assert_eq!(one(&first, b"<first/>").errors(), []);
    let unique_id = first.entries[0].unique_id.as_str();
    let bad = changed(|s| s.entries[0].unique_id = first.entries[0].unique_id.clone());
    let words = ["uniqueId", unique_id, "another hash"];
    provoked.failure(ITI, &one(&bad, b"<other/>"), ("XDSNonIdenticalHash", Some(unique_id), &words));
    let bad = changed(|s| s.entries[0].class_code = wrong());
    let words = ["DocumentEntry.classCode", "value set", "WRONG"];
    provoked.failure(ITI, &one(&bad, b"<report/>"), ("XDSRegistryMetadataError", at(&bad.entries[0].id), &words));
    let bad = changed(|s| s.entries[0].patient_id = patient("P0009"));
    let words = ["patientId must be", "P0009"];
    provoked.failure(ITI, &one(&bad, b"<report/>"), ("XDSPatientIdDoesNotMatch", at(&bad.entries[0].id), &words));
    let nobody = patient("P9999");
    let bad = changed(|s| {
        s.set.patient_id = nobody.clone();
        s.entries[0].patient_id = nobody.clone();
    });
    provoked.failure(
        ITI,
        &one(&bad, b"<report/>"),
        ("XDSUnknownPatientId", None, &["patientId must be known", "P9999"]),
    );
    let nothing = cx().identifiers.entry_uuid();
    let bad = changed(|s| replace(s, &nothing));
    let words = ["targetObject", nothing.as_str()];
    provoked.failure(ITI, &one(&bad, b"<report/>"), ("UnresolvedReferenceException", at(&nothing), &words));
}

fn asking(centre: &Client, provoked: &mut Provoked) {
    const ITI: &str = "ITI-18";
    let ask = |query: &str| wire::ask(centre, REGISTRY, wire::QUERY, query);
    const PATIENT: (&str, &[&str]) = ("$XDSDocumentEntryPatientId", &["'P0008^^^&2.999.7&ISO'"]);
    let find = |slots: &[(&str, &[&str])]| ask(&wire::stored_query(FIND_DOCUMENTS, slots));

    let words = ["AdhocQuery.id", "urn:uuid:00000000"];
    let unknown = wire::stored_query("urn:uuid:00000000-0000-4000-8000-000000000000", &[PATIENT, APPROVED]);
    provoked.failure(ITI, &ask(&unknown), ("XDSUnknownStoredQuery", None, &words));
    let of_another = wire::stored_query(
        "urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f",
        &[PATIENT, APPROVED, ("$XDSDocumentEntryClassCode", &["('REPORTS^^1.3.6.1.4.1.19376.1.2.6.1')"])],
    );
    provoked.failure(ITI, &ask(&of_another), ("XDSUnknownStoredQuery", None, &["AdhocQuery.id", "ITI-51"]));
    let status = Some(APPROVED.0);
    let words = [APPROVED.0, "required"];
    provoked.failure(ITI, &find(&[PATIENT]), ("XDSStoredQueryMissingParam", status, &words));
    let words = [APPROVED.0, "must be given in one slot"];
    provoked.failure(ITI, &find(&[PATIENT, APPROVED, APPROVED]), ("XDSStoredQueryParamNumber", status, &words));
    let both = wire::stored_query(
        GET_DOCUMENTS,
        &[
            ("$XDSDocumentEntryEntryUUID", &["('urn:uuid:00000000-0000-4000-8000-000000000000')"]),
            ("$XDSDocumentEntryUniqueId", &["('2.25.1')"]),
        ],
    );
    let words = ["$XDSDocumentEntryEntryUUID must not be given together with $XDSDocumentEntryUniqueId"];
    provoked.failure(ITI, &ask(&both), ("XDSStoredQueryParamNumber", Some("$XDSDocumentEntryEntryUUID"), &words));
    let class = "$XDSDocumentEntryClassCode";
    let words = [class, "code^^scheme", "got `REPORTS`"];
    let answer = find(&[PATIENT, APPROVED, (class, &["('REPORTS')"])]);
    provoked.failure(ITI, &answer, ("XDSRegistryError", Some(class), &words));
    let whole = wire::stored_query(FIND_DOCUMENTS, &[PATIENT, APPROVED]).replace("LeafClass", "RegistryObject");
    let words = ["ResponseOption.returnType", "LeafClass or ObjectRef", "got `RegistryObject`"];
    provoked.failure(ITI, &ask(&whole), ("XDSRegistryError", Some("ResponseOption.returnType"), &words));

    let ours = published(centre, registered_by_hand(fresh()));
    let theirs = published(centre, registered_by_hand(documents::report("P0009", &documents::fresh_unique_id())));
    let ids = format!("('{}','{}')", ours.id, theirs.id);
    let of_two = wire::stored_query(GET_DOCUMENTS, &[("$XDSDocumentEntryEntryUUID", &[&ids])]);
    provoked.failure(ITI, &ask(&of_two), ("XDSResultNotSinglePatient", None, &["more than one patient", "ObjectRef"]));
    assert_eq!(ask(&of_two.replace("LeafClass", "ObjectRef")).errors(), []);

    // A node that gives one object at most.
    let files = Files::write(&[]);
    let small = files.serve("central", &[("MANIFOLD__LIMITS__QUERY_RESULTS", "1")]);
    let small = Client::to(&small);
    for _ in 0..2 {
        small.register(registered_by_hand(fresh())).expect("a registration");
    }
    let answer = wire::ask(&small, REGISTRY, wire::QUERY, &wire::stored_query(FIND_DOCUMENTS, &[PATIENT, APPROVED]));
    provoked.failure(ITI, &answer, ("XDSTooManyResults", None, &["more than 1 objects match"]));
    assert!(!answer.text().contains("ExtrinsicObject"), "and then none at all");
}

fn retrieving(centre: &Client, provoked: &mut Provoked) {
    const ITI: &str = "ITI-43";
    let ask = |body: &str| {
        let answer = wire::ask_mtom(centre, REPOSITORY, wire::RETRIEVE, body, &[]);
        assert!(answer.is_mtom(), "a failure is packed as the request was");
        answer
    };
    let words = ["DocumentUniqueId", "2.25.404"];
    let answer = ask(&wire::retrieve("2.999.1.1", "2.25.404"));
    provoked.failure(ITI, &answer, ("XDSDocumentUniqueIdError", Some("2.25.404"), &words));
    let words = ["RepositoryUniqueId", "2.999.66"];
    let answer = ask(&wire::retrieve("2.999.66", "2.25.404"));
    provoked.failure(ITI, &answer, ("XDSUnknownRepositoryId", Some("2.25.404"), &words));
    let words = ["DocumentRequest.RepositoryUniqueId must be an OID", "got `here`"];
    let answer = ask(&wire::retrieve("here", "2.25.404"));
    provoked.failure(ITI, &answer, ("XDSRepositoryError", Some("2.25.404"), &words));
}

/// RAD-69, at a hospital.
fn retrieving_images(provoked: &mut Provoked) {
    const RAD: &str = "RAD-69";
    let hospital = node(calm(), "north");
    let ask = |repository: &str, study: &str, namespace: &str| {
        let body = format!(
            "<r:RetrieveImagingDocumentSetRequest xmlns:r=\"urn:ihe:rad:xdsi-b:2009\" xmlns:x=\"{namespace}\">\
             <r:StudyRequest studyInstanceUID=\"{study}\"><r:SeriesRequest seriesInstanceUID=\"2.25.4042\">{}\
             </r:SeriesRequest></r:StudyRequest><r:TransferSyntaxUIDList><r:TransferSyntaxUID>1.2.840.10008.1.2.1\
             </r:TransferSyntaxUID></r:TransferSyntaxUIDList></r:RetrieveImagingDocumentSetRequest>",
            wire::document_request(repository, "2.25.4043")
        );
        let action = "urn:ihe:rad:2009:RetrieveImagingDocumentSet";
        let answer = wire::ask_mtom(&hospital, "/xds/imaging", action, &body, &[]);
        assert!(answer.is_mtom(), "a failure is packed as the request was");
        assert_eq!(answer.envelope().action(), Some("urn:ihe:iti:2007:RetrieveDocumentSetResponse"));
        answer
    };
    let xds = "urn:ihe:iti:xds-b:2007";
    let at = Some("2.25.4043");
    let words = ["2.25.4043", "urn:dicom:wado:0017"];
    provoked.failure(RAD, &ask("1.3.6.1.4.1000", "2.25.4041", xds), ("XDSDocumentUniqueIdError", at, &words));
    let words = ["RepositoryUniqueId", "2.999.66"];
    provoked.failure(RAD, &ask("2.999.66", "2.25.4041", xds), ("XDSUnknownRepositoryId", at, &words));
    let answer = ask("1.3.6.1.4.1000", "2.25.4041", "urn:ihe:rad:xdsi-b:2009");
    let words = ["SeriesRequest", "at least one DocumentRequest of urn:ihe:iti:xds-b:2007"];
    let at = answer.errors()[0].location.clone();
    assert!(at.is_some(), "{}", answer.text());
    provoked.failure(RAD, &answer, ("XDSRepositoryError", at.as_deref(), &words));
}

/// ITI-57, and ITI-92, which forbids more.
fn updating(centre: &Client, provoked: &mut Provoked) {
    let first = published(centre, registered_by_hand(fresh()));
    let mark = |name: &str, value: &str| ExtraSlot { name: name.into(), values: vec![value.into()] };
    let version = |previous: &str| {
        let mut update = fresh();
        let id = update.entries[0].id.clone();
        update.entries[0] = DocumentEntry { id, title: Text::plain("Second reading"), ..first.clone() };
        update.associations[0].extra.push(mark("PreviousVersion", previous));
        update
    };
    let with = |change: &dyn Fn(&mut Submission)| {
        let mut update = version("1");
        change(&mut update);
        update
    };
    let full = |update: &Submission| {
        let body = wire::written(|w| ebxml::encode_update(update, w));
        wire::ask(centre, REGISTRY, wire::UPDATE, &body)
    };
    let restricted = |update: &Submission| {
        let body = wire::written(|w| ebxml::encode_update(update, w));
        wire::ask(centre, REGISTRY, "urn:ihe:iti:2018:RestrictedUpdateDocumentSet", &body)
    };

    let bad = with(&|s| s.entries[0].logical_id = None);
    let words = [bad.entries[0].id.as_str(), "logicalID", "lid"];
    provoked.failure("ITI-57", &full(&bad), ("XDSMetadataUpdateError", at(&bad.entries[0].id), &words));
    let bad = version("7");
    let words = ["PreviousVersion must be 1", "7"];
    provoked.failure("ITI-57", &full(&bad), ("XDSMetadataVersionError", at(&bad.entries[0].id), &words));
    provoked.failure("ITI-92", &restricted(&bad), ("XDSMetadataVersionError", at(&bad.entries[0].id), &words));
    let bad = with(&|s| s.associations[0].extra.push(mark("AssociationPropagation", "maybe")));
    let words = ["AssociationPropagation", "yes", "maybe"];
    let answer = full(&bad);
    provoked.failure("ITI-57", &answer, ("XDSMetadataUpdateOperationError", at(&bad.entries[0].id), &words));
    let bad = with(&|s| s.set.patient_id = patient("P0009"));
    let words = ["patientId must be P0009", "got `P0008"];
    provoked.failure("ITI-57", &full(&bad), ("XDSPatientIdDoesNotMatch", at(&bad.entries[0].id), &words));
    let theirs = published(centre, registered_by_hand(documents::report("P0009", &documents::fresh_unique_id())));
    let mut bad = fresh();
    bad.entries.clear();
    let submit = &mut bad.associations[0];
    (submit.kind, submit.submission_set_status) = (AssociationType::SubmitAssociation, None);
    let link = Association {
        id: cx().identifiers.entry_uuid(),
        kind: AssociationType::Apnd,
        source: first.id.clone(),
        target: theirs.id.clone(),
        ..submit.clone()
    };
    submit.target = link.id.clone();
    let id = link.id.clone();
    bad.associations.push(link);
    let words = [id.as_str(), "two patients"];
    provoked.failure("ITI-57", &full(&bad), ("XDSPatientIDReconciliationError", at(&id), &words));
    let bad = with(&|s| s.entries[0].mime_type = "pdf".into());
    let words = ["DocumentEntry.mimeType", "pdf"];
    provoked.failure("ITI-57", &full(&bad), ("XDSRegistryMetadataError", at(&bad.entries[0].id), &words));
    let nothing = cx().identifiers.entry_uuid();
    let mut bad = fresh();
    bad.entries.clear();
    let submit = &mut bad.associations[0];
    (submit.kind, submit.submission_set_status) = (AssociationType::UpdateAvailabilityStatus, None);
    submit.target = nothing.clone();
    let approved = model::AvailabilityStatus::Approved.urn();
    let deprecated = model::AvailabilityStatus::Deprecated.urn();
    submit.extra = vec![mark("OriginalStatus", approved), mark("NewStatus", deprecated)];
    let answer = full(&bad);
    let words = [nothing.as_str()];
    provoked.failure("ITI-57", &answer, ("UnresolvedReferenceException", at(&nothing), &words));

    let bad = with(&|s| s.entries[0].source_patient_id = Some(patient("P0009")));
    let words = ["sourcePatientId"];
    let answer = restricted(&bad);
    provoked.failure("ITI-92", &answer, ("UnmodifiableMetadataError", at(&bad.entries[0].id), &words));
    let bad = with(&|s| s.entries[0].unique_id = UniqueId::parse("2.25.78").unwrap());
    let words = ["uniqueId", first.unique_id.as_str()];
    let answer = restricted(&bad);
    provoked.failure("ITI-92", &answer, ("XDSMetadataIdentifierError", at(&bad.entries[0].id), &words));
    let bad = with(&|s| s.associations[0].extra.push(mark("AssociationPropagation", "no")));
    let words = ["AssociationPropagation", "no"];
    let answer = restricted(&bad);
    provoked.failure("ITI-92", &answer, ("XDSMetadataAnnotationError", at(&bad.entries[0].id), &words));
    let bad = with(&|s| {
        s.entries[0].patient_id = patient("P0009");
        s.set.patient_id = patient("P0009");
    });
    let words = ["patientId"];
    let answer = restricted(&bad);
    provoked.failure("ITI-92", &answer, ("XDSPatientIDReconciliationError", at(&bad.entries[0].id), &words));
    let mut bad = fresh();
    let id = bad.entries[0].id.clone();
    bad.entries.clear();
    bad.folders = vec![folder(&id)];
    bad.associations[0].submission_set_status = None;
    bad.associations[0].extra.push(mark("PreviousVersion", "1"));
    provoked.failure("ITI-92", &restricted(&bad), ("XDSObjectTypeError", at(&id), &["folder", "documents only"]));
    let mut bad = fresh();
    bad.entries.clear();
    let status = &mut bad.associations[0];
    (status.kind, status.submission_set_status) = (AssociationType::UpdateAvailabilityStatus, None);
    status.target = first.id.clone();
    status.extra = vec![mark("OriginalStatus", approved), mark("NewStatus", deprecated)];
    let id = bad.associations[0].id.clone();
    provoked.failure(
        "ITI-92",
        &restricted(&bad),
        ("XDSInvalidRequestException", at(&id), &["UpdateAvailabilityStatus"]),
    );
    // None of all this was done.
    let now = centre.with_unique_id(&first.unique_id).expect("an answer");
    assert_eq!(now, [first]);
}

fn folder(id: &ObjectId) -> Folder {
    Folder {
        id: id.clone(),
        logical_id: Some(cx().identifiers.entry_uuid()),
        version: None,
        availability_status: model::AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("Work-up"),
        comments: Text::default(),
        code_list: vec![Code::new("EPI", "2.999.30.5", "Episode")],
        patient_id: patient("P0008"),
        unique_id: UniqueId::parse(&documents::fresh_unique_id()).unwrap(),
        last_update_time: None,
        extra: Vec::new(),
    }
}

fn removing(centre: &Client, provoked: &mut Provoked) {
    let metadata = |ids: &[&ObjectId]| {
        let ids: Vec<ObjectId> = ids.iter().map(|id| (*id).clone()).collect();
        let body = wire::written(|w| ebxml::encode_remove_objects(&ids, w));
        wire::ask(centre, REGISTRY, wire::REMOVE_METADATA, &body)
    };
    let submission = registered_by_hand(fresh());
    let set = submission.set.unique_id.clone();
    let entry = published(centre, submission);
    let contents = StoredQuery::GetSubmissionSetAndContents {
        submission_set: ObjectNames::UniqueIds(vec![set]),
        documents: DocumentQuery::default(),
    };
    let objects = centre.query(contents).expect("an answer");
    let (set, member) = (&objects.submission_sets[0].id, &objects.associations[0].id);
    let nothing = cx().identifiers.entry_uuid();
    let words = ["ObjectRef.id", nothing.as_str(), "nor in the registry"];
    provoked.failure("ITI-62", &metadata(&[&nothing]), ("UnresolvedReferenceException", at(&nothing), &words));
    let text = wire::written(|w| ebxml::encode_remove_objects(std::slice::from_ref(&nothing), w));
    let answer = wire::ask(centre, REGISTRY, wire::REMOVE_METADATA, &text.replace(nothing.as_str(), "urn:uuid:1"));
    provoked.failure(
        "ITI-62",
        &answer,
        ("UnresolvedReferenceException", Some("urn:uuid:1"), &["ObjectRef.id urn:uuid:1"]),
    );
    let words = [entry.id.as_str(), member.as_str(), "refers to it"];
    provoked.failure("ITI-62", &metadata(&[&entry.id]), ("ReferencesExistException", at(&entry.id), &words));
    let words = [set.as_str(), "without any content"];
    let answer = metadata(&[&entry.id, member]);
    provoked.failure("ITI-62", &answer, ("XDSUnreferencedObjectException", at(set), &words));

    let documents = |requests: &str| {
        let body = format!(
            "<m:RemoveDocumentsRequest xmlns:m=\"urn:ihe:iti:rmd:2017\" xmlns:x=\"urn:ihe:iti:xds-b:2007\">{requests}\
             </m:RemoveDocumentsRequest>"
        );
        wire::ask(centre, REPOSITORY, wire::REMOVE_DOCUMENTS, &body)
    };
    let words = ["DocumentUniqueId", "2.25.404"];
    let answer = documents(&wire::document_request("2.999.1.1", "2.25.404"));
    provoked.failure("ITI-86", &answer, ("XDSDocumentUniqueIdError", Some("2.25.404"), &words));
    let words = ["RepositoryUniqueId", "2.999.66"];
    let answer = documents(&wire::document_request("2.999.66", "2.25.404"));
    provoked.failure("ITI-86", &answer, ("XDSUnknownRepositoryId", Some("2.25.404"), &words));
    let words = ["DocumentRequest.RepositoryUniqueId must be an OID", "got `here`"];
    let answer = documents(&wire::document_request("here", "2.25.404"));
    provoked.failure("ITI-86", &answer, ("XDSRemoveDocumentsError", Some("2.25.404"), &words));
}

/// Section 25.2: codes and the transactions of a registry and a repository that give them; and why one is not provoked
/// here.
const TABLE: [(&str, &[&str], &str); 34] = [
    ("InvalidDocumentContent", &["ITI-41"], ""),
    ("UnresolvedReferenceException", &["ITI-41", "ITI-42", "ITI-57", "ITI-62"], ""),
    ("XDSDocumentUniqueIdError", &["ITI-43", "ITI-86", "RAD-69"], ""),
    ("XDSDuplicateUniqueIdInRegistry", &["ITI-42"], ""),
    ("XDSExtraMetadataNotSaved", &["ITI-42"], ""),
    ("XDSMissingDocument", &["ITI-41"], ""),
    ("XDSMissingDocumentMetadata", &["ITI-41"], ""),
    ("XDSNonIdenticalHash", &["ITI-41", "ITI-42"], ""),
    ("XDSNonIdenticalSize", &["ITI-42"], ""),
    ("XDSPatientIdDoesNotMatch", &["ITI-41", "ITI-42", "ITI-57"], ""),
    ("XDSRegistryDeprecatedDocumentError", &["ITI-42"], ""),
    ("XDSRegistryDuplicateUniqueIdInMessage", &["ITI-42"], ""),
    ("XDSRepositoryDuplicateUniqueIdInMessage", &["ITI-41"], ""),
    ("XDSRegistryError", &["ITI-18"], ""),
    ("XDSRepositoryError", &["ITI-43", "RAD-69"], ""),
    ("XDSRegistryMetadataError", &["ITI-41", "ITI-42", "ITI-57"], ""),
    ("XDSRepositoryMetadataError", &["ITI-41"], ""),
    ("XDSRegistryNotAvailable", &[], "a_repository_whose_registry_is_away_says_so_and_takes_the_document_later"),
    ("XDSRepositoryOutOfResources", &[], "a_full_repository_refuses_documents_and_keeps_what_it_has"),
    ("XDSRegistryBusy", &[], "comes by chance under load; the mapping is every_fault_has_a_code_of_its_transactions"),
    ("XDSResultNotSinglePatient", &["ITI-18"], ""),
    ("XDSStoredQueryMissingParam", &["ITI-18"], ""),
    ("XDSStoredQueryParamNumber", &["ITI-18"], ""),
    ("XDSTooManyResults", &["ITI-18"], ""),
    ("XDSUnknownPatientId", &["ITI-41", "ITI-42"], ""),
    ("XDSUnknownRepositoryId", &["ITI-43", "ITI-86", "RAD-69"], ""),
    ("XDSUnknownStoredQuery", &["ITI-18"], ""),
    ("XDSMetadataUpdateError", &["ITI-57"], ""),
    ("XDSMetadataUpdateOperationError", &["ITI-57"], ""),
    ("XDSMetadataVersionError", &["ITI-57", "ITI-92"], ""),
    ("XDSPatientIDReconciliationError", &["ITI-57", "ITI-92"], ""),
    ("ReferencesExistException", &["ITI-62"], ""),
    ("XDSUnreferencedObjectException", &["ITI-62"], ""),
    ("XDSRemoveDocumentsError", &["ITI-86"], ""),
];

/// Codes of ITI-92 alone.
const RESTRICTED: [&str; 5] = [
    "XDSObjectTypeError",
    "XDSMetadataIdentifierError",
    "XDSInvalidRequestException",
    "UnmodifiableMetadataError",
    "XDSMetadataAnnotationError",
];

#[test]
fn every_error_code_comes_with_its_place_and_one_sentence() {
    let centre = node(calm(), "central");
    let mut provoked = Provoked::default();
    registering(&centre, &mut provoked);
    providing(&centre, &mut provoked);
    asking(&centre, &mut provoked);
    retrieving(&centre, &mut provoked);
    retrieving_images(&mut provoked);
    updating(&centre, &mut provoked);
    removing(&centre, &mut provoked);
    let mut expected: BTreeSet<(&str, String)> = RESTRICTED.iter().map(|code| ("ITI-92", (*code).to_owned())).collect();
    for (code, transactions, elsewhere) in TABLE {
        assert_ne!(transactions.is_empty(), elsewhere.is_empty(), "{code}");
        expected.extend(transactions.iter().map(|transaction| (*transaction, code.to_owned())));
    }
    assert_eq!(provoked.0, expected);
}
