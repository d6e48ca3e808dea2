//! decode(encode(x)) == x for random values, and all of it valid by the schema; decoders never panic.

use ebxml::*;
use model::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::schema::{check_valid, validator};
use crate::support::{parse, written};

/// Text as attributes carry it: anything XML can hold, not empty.
fn text() -> impl Strategy<Value = String> {
    "[ -~äß中\u{1F600}\t\n\r&<>'\"]{1,20}"
}

/// Text as slot values carry it: no white space at either end.
fn value() -> impl Strategy<Value = String> {
    "[!-~äß中]([ -~äß中\n]{0,18}[!-~äß中])?"
}

fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9.&^|~\\\\'-]{0,8}"
}

fn oid() -> impl Strategy<Value = Oid> {
    "2\\.999(\\.(0|[1-9][0-9]{0,4})){0,4}".prop_map(|text| Oid::parse(&text).unwrap())
}

fn home() -> impl Strategy<Value = HomeCommunityId> {
    oid().prop_map(|oid| HomeCommunityId::parse(&format!("urn:oid:{oid}")).unwrap())
}

fn uuid() -> impl Strategy<Value = ObjectId> {
    any::<[u8; 16]>().prop_map(ObjectId::from_uuid_bytes)
}

fn object_id() -> impl Strategy<Value = ObjectId> {
    prop_oneof![uuid(), "(sub-*|[A-Za-z])[A-Za-z0-9]{0,6}".prop_map(|text| ObjectId::parse(&text).unwrap())]
}

fn unique_id() -> impl Strategy<Value = UniqueId> {
    "[!-~]{1,40}".prop_map(|text| UniqueId::parse(&text).unwrap())
}

fn patient_id() -> impl Strategy<Value = PatientId> {
    (value(), oid()).prop_map(|(id, domain)| PatientId::new(id, domain))
}

fn dtm() -> impl Strategy<Value = Dtm> {
    (0i64..4_000_000_000, 0usize..6).prop_map(|(seconds, precision)| {
        let full = Dtm::from_unix_seconds(seconds);
        Dtm::parse(&full.as_str()[..4 + 2 * precision]).unwrap()
    })
}

fn international() -> impl Strategy<Value = Text> {
    let string = (text(), of("[a-z]{2}(-[A-Z]{2})?"), of("UTF-8")).prop_map(|(value, lang, charset)| LocalizedString {
        value,
        lang,
        charset,
    });
    vec(string, 0..3).prop_map(Text)
}

/// Attributes lose no white space; the code itself is trimmed.
fn code() -> impl Strategy<Value = Code> {
    (value(), value(), international()).prop_map(|(code, scheme, display)| Code {
        code: no_breaks(code),
        scheme,
        display,
    })
}

/// nodeRepresentation is a code: line breaks inside are beyond anything seen.
fn no_breaks(text: String) -> String {
    text.replace('\n', " ")
}

fn author() -> impl Strategy<Value = Author> {
    let person =
        value().prop_filter_map("a person", |text| Xcn::parse(&format!("^{}", text.replace(['^', '&'], "-"))).ok());
    let institution =
        value().prop_filter_map("an organisation", |text| Xon::parse(&text.replace(['^', '&'], "-")).ok());
    let address = value().prop_filter_map("an address", |text| Xtn::parse(&text).ok());
    (of(person), vec(institution, 0..3), vec(value(), 0..2), vec(value(), 0..2), vec(address, 0..2)).prop_map(
        |(person, institutions, roles, specialties, telecommunications)| Author {
            person,
            institutions,
            roles,
            specialties,
            telecommunications,
        },
    )
}

fn extra() -> impl Strategy<Value = Vec<ExtraSlot>> {
    let slot = (0u32..1000, vec("[ -~\n]{0,12}", 0..3));
    vec(slot, 0..3).prop_map(|slots| {
        let mut out: Vec<ExtraSlot> = Vec::new();
        for (n, values) in slots {
            let name = format!("urn:example:{n}");
            if out.iter().all(|s| s.name != name) {
                out.push(ExtraSlot { name, values });
            }
        }
        out
    })
}

fn reference_id() -> impl Strategy<Value = ReferenceId> {
    let authority = (of("[A-Za-z]{1,6}"), oid()).prop_map(|(namespace, oid)| Hd { namespace, oid: Some(oid) });
    (word(), of(authority), "urn:[a-z0-9:]{1,20}", of("&2\\.999\\.[1-9]&ISO"))
        .prop_map(|(id, authority, kind, home)| ReferenceId { id, authority, kind, home })
}

fn status() -> impl Strategy<Value = AvailabilityStatus> {
    prop_oneof![Just(AvailabilityStatus::Approved), Just(AvailabilityStatus::Deprecated)]
}

fn document_type() -> impl Strategy<Value = DocumentType> {
    prop_oneof![Just(DocumentType::Stable), Just(DocumentType::OnDemand)]
}

fn entry(id: impl Strategy<Value = ObjectId>) -> impl Strategy<Value = DocumentEntry> {
    let registry = (of(uuid()), of(any::<u32>()), status(), document_type(), of(home()), of(oid()));
    let texts = (
        international(),
        international(),
        "[a-z]{1,8}/[a-z]{1,8}",
        "[a-z]{2}",
        of("[!-~]{1,600}"),
        of("urn:[a-z]{1,9}"),
    );
    let codes = ((code(), code(), code(), code(), code()), vec(code(), 0..3), vec(code(), 0..4), vec(author(), 0..3));
    let times = (of(dtm()), of(dtm()), of(dtm()));
    let patient = (patient_id(), of(patient_id()), vec("PID-[0-9]\\|[!-~]{0,20}", 0..4));
    let bytes = (of(any::<[u8; 20]>()), of(any::<u64>()), of(value()));
    let rest = (unique_id(), vec(reference_id(), 0..3), extra());
    (id, registry, texts, codes, times, patient, bytes, rest).prop_map(
        |(id, registry, texts, codes, times, patient, bytes, rest)| {
            let person = bytes.2.and_then(|text| Xcn::parse(&format!("^{}", text.replace(['^', '&'], "-"))).ok());
            DocumentEntry {
                id,
                logical_id: registry.0,
                version: registry.1,
                availability_status: registry.2,
                document_type: registry.3,
                mime_type: texts.2,
                home_community_id: registry.4,
                title: texts.0,
                comments: texts.1,
                authors: codes.3,
                class_code: codes.0.0,
                type_code: codes.0.1,
                format_code: codes.0.2,
                healthcare_facility_type_code: codes.0.3,
                practice_setting_code: codes.0.4,
                confidentiality_codes: codes.1,
                event_code_list: codes.2,
                patient_id: patient.0,
                unique_id: rest.0,
                creation_time: times.0,
                hash: bytes.0.map(Sha1Hash::from_bytes),
                size_octets: bytes.1,
                language_code: texts.3,
                legal_authenticator: person,
                repository_unique_id: registry.5,
                service_start_time: times.1,
                service_stop_time: times.2,
                source_patient_id: patient.1,
                source_patient_info: SourcePatientInfo(patient.2),
                uri: texts.4,
                reference_id_list: rest.1,
                document_availability: texts.5,
                submission_time: None,
                extra: rest.2,
            }
        },
    )
}

fn set(id: impl Strategy<Value = ObjectId>) -> impl Strategy<Value = SubmissionSet> {
    let texts = (international(), international(), vec(value(), 0..3));
    (id, (status(), of(home()), extra()), texts, vec(author(), 0..2), code(), (patient_id(), oid(), unique_id(), dtm()))
        .prop_map(|(id, registry, texts, authors, content_type_code, ids)| SubmissionSet {
            id,
            availability_status: registry.0,
            home_community_id: registry.1,
            title: texts.0,
            comments: texts.1,
            authors,
            content_type_code,
            patient_id: ids.0,
            source_id: ids.1,
            unique_id: ids.2,
            submission_time: ids.3,
            intended_recipients: texts.2,
            extra: registry.2,
        })
}

fn folder(id: impl Strategy<Value = ObjectId>) -> impl Strategy<Value = Folder> {
    let registry = (of(uuid()), of(any::<u32>()), status(), of(home()), of(dtm()));
    (id, registry, (international(), international()), vec(code(), 0..3), (patient_id(), unique_id()), extra())
        .prop_map(|(id, registry, texts, code_list, ids, extra)| Folder {
            id,
            logical_id: registry.0,
            version: registry.1,
            availability_status: registry.2,
            home_community_id: registry.3,
            title: texts.0,
            comments: texts.1,
            code_list,
            patient_id: ids.0,
            unique_id: ids.1,
            last_update_time: registry.4,
            extra,
        })
}

fn association(id: impl Strategy<Value = ObjectId>) -> impl Strategy<Value = Association> {
    let kind = proptest::sample::select(&AssociationType::ALL[..]);
    let set_status = proptest::sample::select(&[SubmissionSetStatus::Original, SubmissionSetStatus::Reference][..]);
    (id, kind, object_id(), object_id(), (status(), of(home()), of(set_status), of(code()), extra())).prop_map(
        |(id, kind, source, target, rest)| Association {
            id,
            kind,
            source,
            target,
            availability_status: rest.0,
            home_community_id: rest.1,
            submission_set_status: rest.2,
            documentation: rest.3,
            extra: rest.4,
        },
    )
}

/// As it is before a registry has seen it.
fn submission() -> impl Strategy<Value = Submission> {
    let objects = (
        set(object_id()),
        vec(entry(object_id()), 0..3),
        vec(folder(object_id()), 0..2),
        vec(association(object_id()), 0..4),
    );
    objects.prop_map(|(mut set, mut entries, mut folders, mut associations)| {
        set.availability_status = AvailabilityStatus::Approved;
        for entry in &mut entries {
            entry.availability_status = AvailabilityStatus::Approved;
            (entry.logical_id, entry.version) = (None, None);
        }
        for folder in &mut folders {
            folder.availability_status = AvailabilityStatus::Approved;
            (folder.logical_id, folder.version, folder.last_update_time) = (None, None, None);
        }
        for association in &mut associations {
            association.availability_status = AvailabilityStatus::Approved;
            if matches!(
                association.kind,
                AssociationType::UpdateAvailabilityStatus | AssociationType::SubmitAssociation
            ) {
                association.kind = AssociationType::Apnd;
            }
        }
        Submission { set, entries, folders, associations }
    })
}

fn errors() -> impl Strategy<Value = Vec<RegistryError>> {
    let severity = prop_oneof![Just(Severity::Error), Just(Severity::Warning)];
    let error = ("XDS[A-Za-z]{1,12}", value(), of(value()), severity)
        .prop_map(|(code, context, location, severity)| RegistryError { code, context, location, severity });
    vec(error, 0..3)
}

fn answer() -> impl Strategy<Value = QueryResponse> {
    let refs = vec((uuid(), of(home())).prop_map(|(id, home_community_id)| ObjectRef { id, home_community_id }), 0..4);
    let objects = (
        vec(entry(uuid()), 0..3),
        vec(set(uuid()), 0..2),
        vec(folder(uuid()), 0..2),
        vec(association(uuid()), 0..3),
        refs,
    );
    (errors(), objects).prop_map(|(errors, (entries, submission_sets, folders, associations, object_refs))| {
        let found = !(entries.is_empty()
            && submission_sets.is_empty()
            && folders.is_empty()
            && associations.is_empty()
            && object_refs.is_empty());
        QueryResponse {
            status: ResponseStatus::of(&errors, found),
            errors,
            entries,
            submission_sets,
            folders,
            associations,
            object_refs,
            unreadable: Vec::new(),
        }
    })
}

fn code_term() -> impl Strategy<Value = CodeTerm> {
    (value(), value()).prop_map(|(code, scheme)| CodeTerm::of(code, scheme))
}

fn terms() -> impl Strategy<Value = Vec<CodeTerm>> {
    vec(code_term(), 0..4)
}

fn range() -> impl Strategy<Value = DtmRange> {
    (of(dtm()), of(dtm())).prop_map(|(from, to)| DtmRange { from: from.map(|t| t.start()), to: to.map(|t| t.start()) })
}

fn reference_term() -> impl Strategy<Value = ReferenceTerm> {
    prop_oneof![
        reference_id().prop_map(ReferenceTerm::Exact),
        value().prop_map(|text| ReferenceTerm::Like(format!("%{text}"))),
    ]
}

fn find_documents() -> impl Strategy<Value = DocumentQuery> {
    let filled =
        |terms: Vec<Vec<CodeTerm>>| -> Vec<Vec<CodeTerm>> { terms.into_iter().filter(|t| !t.is_empty()).collect() };
    let statuses = prop_oneof![
        Just(vec![AvailabilityStatus::Approved]),
        Just(vec![AvailabilityStatus::Deprecated, AvailabilityStatus::Approved]),
    ];
    let types = prop_oneof![Just(vec![]), Just(vec![DocumentType::OnDemand, DocumentType::Stable])];
    let codes = (terms(), terms(), terms(), terms(), terms());
    (
        patient_id(),
        statuses,
        types,
        codes,
        vec(terms(), 0..3),
        vec(terms(), 0..3),
        (range(), range(), range()),
        vec(value(), 0..3),
    )
        .prop_map(
            move |(patient_id, statuses, document_types, codes, events, confidentiality, ranges, author_person)| {
                DocumentQuery {
                    patient_id: Some(patient_id),
                    statuses,
                    document_types,
                    class_codes: codes.0,
                    type_codes: codes.1,
                    format_codes: codes.2,
                    practice_setting_codes: codes.3,
                    healthcare_facility_type_codes: codes.4,
                    event_code_list: filled(events),
                    confidentiality_codes: filled(confidentiality),
                    creation_time: ranges.0,
                    service_start_time: ranges.1,
                    service_stop_time: ranges.2,
                    author_person,
                    ..DocumentQuery::default()
                }
            },
        )
}

fn names() -> impl Strategy<Value = ObjectNames> {
    prop_oneof![
        vec(uuid(), 1..30).prop_map(ObjectNames::Ids),
        vec(unique_id(), 1..30).prop_map(ObjectNames::UniqueIds),
        vec(uuid(), 1..30).prop_map(ObjectNames::LogicalIds),
    ]
}

fn one_name() -> impl Strategy<Value = ObjectNames> {
    prop_oneof![
        uuid().prop_map(|id| ObjectNames::Ids(vec![id])),
        unique_id().prop_map(|id| ObjectNames::UniqueIds(vec![id])),
    ]
}

/// The filters on documents inside something.
fn contents() -> impl Strategy<Value = DocumentQuery> {
    find_documents().prop_map(|query| DocumentQuery {
        format_codes: query.format_codes,
        confidentiality_codes: query.confidentiality_codes,
        document_types: query.document_types,
        ..DocumentQuery::default()
    })
}

fn stored_query() -> impl Strategy<Value = StoredQuery> {
    let codes = || find_documents().prop_map(|query| (query.event_code_list, query.type_codes, query.statuses));
    prop_oneof![
        names().prop_map(StoredQuery::GetDocuments),
        names().prop_map(StoredQuery::GetFolders),
        names().prop_map(StoredQuery::GetDocumentsAndAssociations),
        one_name().prop_map(StoredQuery::GetFoldersForDocument),
        vec(uuid(), 1..30).prop_map(|ids| StoredQuery::GetSubmissionSets { ids }),
        (one_name(), contents()).prop_map(|(submission_set, documents)| StoredQuery::GetSubmissionSetAndContents {
            submission_set,
            documents
        }),
        (one_name(), contents())
            .prop_map(|(folder, documents)| StoredQuery::GetFolderAndContents { folder, documents }),
        (one_name(), find_documents(), any::<bool>()).prop_map(|(document, query, all)| {
            let documents = DocumentQuery { document_types: query.document_types, ..DocumentQuery::default() };
            let some = [AssociationType::Apnd, AssociationType::XfrmRplc];
            let association_types = if all { AssociationType::ALL.to_vec() } else { some.to_vec() };
            StoredQuery::GetRelatedDocuments { document, association_types, documents }
        }),
        (find_documents(), codes()).prop_map(|(query, (codes, types, statuses))| {
            StoredQuery::FindSubmissionSets(SubmissionSetQuery {
                patient_id: query.patient_id.expect("a patient"),
                source_ids: vec![Oid::parse("2.999.3").expect("an OID")],
                submission_time: query.creation_time,
                author_person: query.author_person.into_iter().take(1).collect(),
                content_type_codes: if codes.is_empty() { types } else { codes.concat() },
                statuses,
            })
        }),
        (find_documents(), codes()).prop_map(|(query, (codes, _, statuses))| {
            let (patient_id, last_update_time) = (query.patient_id, query.creation_time);
            StoredQuery::FindFolders(FolderQuery { patient_id, last_update_time, codes, statuses })
        }),
        (find_documents(), contents()).prop_map(|(query, documents)| StoredQuery::GetAll {
            patient_id: query.patient_id.expect("a patient"),
            documents: DocumentQuery { statuses: query.statuses.clone(), ..documents },
            submission_set_statuses: vec![AvailabilityStatus::Approved],
            folder_statuses: query.statuses,
        }),
        (find_documents(), vec(reference_term(), 1..4)).prop_map(|(query, references)| {
            let patient_ids = query.patient_id.clone().into_iter().collect();
            let documents = DocumentQuery { patient_id: None, reference_ids: vec![references], ..query };
            StoredQuery::FindDocumentsByReferenceIdForMultiplePatients { patient_ids, documents }
        }),
        (find_documents(), vec(code_term(), 1..4)).prop_map(|(query, class_codes)| {
            let patient_ids = query.patient_id.clone().into_iter().collect();
            let documents = DocumentQuery { patient_id: None, class_codes, ..query };
            StoredQuery::FindDocumentsForMultiplePatients { patient_ids, documents }
        }),
        (find_documents(), vec(code_term(), 1..4)).prop_map(|(query, codes)| {
            let patient_ids = query.patient_id.into_iter().collect();
            let folders = FolderQuery { codes: vec![codes], statuses: query.statuses, ..FolderQuery::default() };
            StoredQuery::FindFoldersForMultiplePatients { patient_ids, folders }
        }),
        find_documents().prop_map(StoredQuery::FindDocuments),
        (find_documents(), vec(vec(reference_term(), 1..4), 1..3)).prop_map(|(query, reference_ids)| {
            StoredQuery::FindDocumentsByReferenceId(DocumentQuery { reference_ids, ..query })
        }),
        vec(uuid(), 1..30).prop_map(|ids| StoredQuery::GetAssociations { ids }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn submissions_survive(submission in submission()) {
        let bytes = written(|xml| encode_submission(&submission, xml));
        let decoded = decode_submission(&parse(&bytes).root());
        prop_assert_eq!(decoded, Ok(Decoded { value: submission, not_kept: Vec::new() }));
    }

    #[test]
    fn answers_survive(answer in answer()) {
        let bytes = written(|xml| encode_query_response(&answer, xml));
        prop_assert_eq!(decode_query_response(&parse(&bytes).root()), Ok(answer));
    }

    #[test]
    fn queries_survive(query in stored_query(), home_community_id in of(home()), whole in any::<bool>()) {
        let return_type = if whole { ReturnType::LeafClass } else { ReturnType::ObjectRef };
        let query = RegistryQuery { former_versions: !whole, ..query.into() };
        let request = QueryRequest { query, return_type, home_community_id };
        let bytes = written(|xml| encode_query(&request, xml));
        prop_assert_eq!(decode_query(&parse(&bytes).root()), Ok(request));
    }

    #[test]
    fn retrievals_survive(errors in errors(), documents in vec((unique_id(), oid(), of(home()), vec(any::<u8>(), 0..50)), 0..4)) {
        let requests: Vec<DocumentRequest> = documents.iter().map(|(document, repository, home, _)| DocumentRequest {
            home_community_id: home.clone(),
            repository_unique_id: repository.clone(),
            document_unique_id: document.clone(),
        }).collect();
        if !requests.is_empty() {
            let bytes = written(|xml| encode_retrieve_request(&requests, xml));
            prop_assert_eq!(decode_retrieve_request(&parse(&bytes).root()), Ok(requests));
        }
        let documents = documents.iter().map(|(document, repository, home, octets)| RetrievedDocument {
            home_community_id: home.clone(),
            repository_unique_id: repository.clone(),
            document_unique_id: document.clone(),
            new_repository_unique_id: home.as_ref().map(|home| home.oid().clone()),
            new_document_unique_id: home.is_some().then(|| document.clone()),
            mime_type: "application/dicom".to_owned(),
            content: Content::of(octets),
        }).collect();
        let response = RetrieveResponse::of(documents, errors);
        let bytes = written(|xml| encode_retrieve_response(&response, xml));
        let document = parse(&bytes);
        prop_assert_eq!(decode_retrieve_response(&document.root()), Ok(response.clone()));
    }

    /// A message with one piece overwritten is read or refused, never a panic.
    #[test]
    fn damaged_messages_do_no_harm(submission in submission(), at in any::<prop::sample::Index>(), piece in "[ -~]{0,6}") {
        let text = String::from_utf8(written(|xml| encode_submission(&submission, xml))).unwrap();
        let start = text.char_indices().map(|(i, _)| i).nth(at.index(text.chars().count())).unwrap_or(0);
        let end = text[start..].char_indices().map(|(i, _)| start + i).nth(piece.len()).unwrap_or(text.len());
        let damaged = format!("{}{piece}{}", &text[..start], &text[end..]);
        if let Ok(document) = xml::Document::parse_text(damaged, xml::Limits::default()) {
            for element in document.root().descendants() {
                let _ = decode_submission(&element);
            }
        }
    }

    #[test]
    fn parameter_values_do_no_harm(value in "[ -~]{0,30}") {
        let text = format!(
            "<q:AdhocQueryRequest xmlns:q=\"{}\" xmlns:rim=\"{}\"><q:ResponseOption returnType=\"LeafClass\"/>\
             <rim:AdhocQuery id=\"urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155\"><rim:Slot name=\"$uuid\"><rim:ValueList>\
             <rim:Value>{}</rim:Value></rim:ValueList></rim:Slot></rim:AdhocQuery></q:AdhocQueryRequest>",
            ns::QUERY, ns::RIM, value.replace('&', "&amp;").replace('<', "&lt;"),
        );
        let _ = decode_query(&parse(text.as_bytes()).root());
    }
}

proptest! {
    // One process each, so few.
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_are_valid(submission in submission(), answer in answer(), query in stored_query()) {
        let Some(schema) = validator() else { return Ok(()) };
        check_valid(&schema, "submission", &written(|xml| encode_submission(&submission, xml)));
        check_valid(&schema, "answer", &written(|xml| encode_query_response(&answer, xml)));
        let request = QueryRequest { query: query.into(), return_type: ReturnType::LeafClass, home_community_id: None };
        check_valid(&schema, "query", &written(|xml| encode_query(&request, xml)));
    }
}
