//! The coding rules of ITI-18, one line each. Source: spec/xds.md 16.1, 16.2.

use ebxml::{QueryError, QueryRequest, ReturnType, decode_query, encode_query, query_for_documents};
use model::*;

use crate::support::{parse, written};
use crate::values::{id, oid, patient, registered, uid};

const FIND: &str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d";
const BY_REFERENCE: &str = "urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492";
const GET: &str = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4";
const ASSOCIATIONS: &str = "urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155";
const PATIENT: (&str, &[&str]) = ("$XDSDocumentEntryPatientId", &["'P-0042^^^&2.999.7&ISO'"]);
const APPROVED: (&str, &[&str]) =
    ("$XDSDocumentEntryStatus", &["('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')"]);

fn request(id: &str, attributes: &str, slots: &[(&str, &[&str])]) -> String {
    let slots: String = slots
        .iter()
        .map(|(name, values)| {
            let values: String =
                values.iter().map(|v| format!("<rim:Value>{}</rim:Value>", v.replace('&', "&amp;"))).collect();
            format!("<rim:Slot name=\"{name}\"><rim:ValueList>{values}</rim:ValueList></rim:Slot>")
        })
        .collect();
    format!(
        "<q:AdhocQueryRequest xmlns:q=\"urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0\" \
         xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\"><q:ResponseOption returnType=\"LeafClass\"/>\
         <rim:AdhocQuery id=\"{id}\" {attributes}>{slots}</rim:AdhocQuery></q:AdhocQueryRequest>"
    )
}

fn decode(text: &str) -> Result<QueryRequest, QueryError> {
    decode_query(&parse(text.as_bytes()).root())
}

/// FindDocuments of the patient's approved documents with these slots besides.
fn find(slots: &[(&str, &[&str])]) -> Result<DocumentQuery, QueryError> {
    let slots = [&[PATIENT, APPROVED], slots].concat();
    match decode(&request(FIND, "", &slots))?.query.stored {
        StoredQuery::FindDocuments(query) => Ok(query),
        other => panic!("{other:?}"),
    }
}

fn asked() -> DocumentQuery {
    DocumentQuery::of_patient(patient()).approved()
}

fn check_error(result: Result<impl std::fmt::Debug, QueryError>, kind: fn(&QueryError) -> bool, text: &str) {
    let error = result.expect_err(text);
    assert!(kind(&error), "{error:?}");
    assert!(error.to_string().contains(text), "expected `{text}`, got `{error}`");
}

fn missing(e: &QueryError) -> bool {
    matches!(e, QueryError::MissingParameter { .. })
}

fn number(e: &QueryError) -> bool {
    matches!(e, QueryError::ParameterNumber { .. })
}

fn invalid(e: &QueryError) -> bool {
    matches!(e, QueryError::InvalidParameter(_))
}

fn bad_request(e: &QueryError) -> bool {
    matches!(e, QueryError::InvalidRequest(_))
}

#[test]
fn every_parameter_of_find_documents_is_read() {
    let code = "('a^^2.999.1')";
    let read = find(&[
        ("$XDSDocumentEntryClassCode", &[code]),
        ("$XDSDocumentEntryTypeCode", &[code]),
        ("$XDSDocumentEntryPracticeSettingCode", &[code]),
        ("$XDSDocumentEntryHealthcareFacilityTypeCode", &[code]),
        ("$XDSDocumentEntryFormatCode", &[code]),
        ("$XDSDocumentEntryEventCodeList", &[code]),
        ("$XDSDocumentEntryConfidentialityCode", &[code]),
        ("$XDSDocumentEntryAuthorPerson", &["('%^Roe^%','_x')"]),
        ("$XDSDocumentEntryType", &["('urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248')"]),
        ("$XDSDocumentEntryCreationTimeFrom", &["2025"]),
        ("$XDSDocumentEntryCreationTimeTo", &["20250203"]),
        ("$XDSDocumentEntryServiceStartTimeFrom", &["202502031415"]),
        ("$XDSDocumentEntryServiceStartTimeTo", &["'20250203141516'"]),
        ("$XDSDocumentEntryServiceStopTimeFrom", &["202502"]),
        ("$XDSDocumentEntryServiceStopTimeTo", &["2025020314"]),
        ("$Unknown", &["not even quoted"]),
        ("$XDSDocumentEntryClassCodeScheme", &["x"]),
    ]);
    let a = || vec![CodeTerm::of("a", "2.999.1")];
    let range = |from, to| DtmRange { from: Some(from), to: Some(to) };
    assert_eq!(
        read,
        Ok(DocumentQuery {
            class_codes: a(),
            type_codes: a(),
            practice_setting_codes: a(),
            healthcare_facility_type_codes: a(),
            format_codes: a(),
            event_code_list: vec![a()],
            confidentiality_codes: vec![a()],
            author_person: vec!["%^Roe^%".to_owned(), "_x".to_owned()],
            document_types: vec![DocumentType::OnDemand],
            creation_time: range(20250101000000, 20250203000000),
            service_start_time: range(20250203141500, 20250203141516),
            service_stop_time: range(20250201000000, 20250203140000),
            ..asked()
        })
    );
}

#[test]
fn values_of_one_slot_are_alternatives_and_slots_are_conditions() {
    let term = |code: &str| CodeTerm::of(code, "1");
    let read = find(&[
        ("$XDSDocumentEntryEventCodeList", &["('a^^1','b^^1')", "('c^^1')"]),
        ("$XDSDocumentEntryEventCodeList", &["('d^^1')"]),
        ("$XDSDocumentEntryClassCode", &["( 'a^^1' , 'b^^1' )", " 'c^^1' "]),
    ])
    .unwrap();
    assert_eq!(read.event_code_list, [vec![term("a"), term("b"), term("c")], vec![term("d")]]);
    assert_eq!(read.class_codes, [term("a"), term("b"), term("c")]);
}

#[test]
fn a_slot_that_may_not_be_repeated_is_refused_when_it_is() {
    for (name, values) in [
        ("$XDSDocumentEntryStatus", &["('urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated')"][..]),
        ("$XDSDocumentEntryPatientId", &["'P2^^^&2.999.7&ISO'"]),
        ("$XDSDocumentEntryClassCode", &["('a^^1')"]),
        ("$XDSDocumentEntryAuthorPerson", &["('%')"]),
        ("$XDSDocumentEntryCreationTimeFrom", &["2025"]),
        ("$XDSDocumentEntryType", &["('urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248')"]),
    ] {
        let text = format!("{name} must be given in one slot");
        check_error(find(&[(name, values), (name, values)]), number, &text);
    }
    check_error(find(&[APPROVED]), number, "$XDSDocumentEntryStatus must be given in one slot");
}

#[test]
fn a_single_value_is_one_value() {
    check_error(
        decode(&request(FIND, "", &[(PATIENT.0, &["('a^^^&2.999.7&ISO','b^^^&2.999.7&ISO')"]), APPROVED])),
        number,
        "$XDSDocumentEntryPatientId must have one value, not 2",
    );
    check_error(
        find(&[("$XDSDocumentEntryCreationTimeTo", &["2025", "2026"])]),
        number,
        "$XDSDocumentEntryCreationTimeTo must have one value, not 2",
    );
    let list = decode(&request(FIND, "", &[(PATIENT.0, &["('P-0042^^^&2.999.7&ISO')"]), APPROVED])).unwrap();
    assert_eq!(list.query.stored, StoredQuery::FindDocuments(asked()));
}

#[test]
fn quotes_commas_and_brackets_are_read_by_the_rule() {
    let author = |value: &str| find(&[("$XDSDocumentEntryAuthorPerson", &[value])]).map(|q| q.author_person);
    assert_eq!(author("('O''Hara%')").unwrap(), ["O'Hara%"]);
    assert_eq!(author("('')").unwrap(), [""]);
    assert_eq!(author("('a,b','(c)')").unwrap(), ["a,b", "(c)"]);
    assert_eq!(author("'plain'").unwrap(), ["plain"]);
    assert_eq!(author("").unwrap(), [""; 0]);
    for (wrong, text) in [
        ("('a';'b')", "by commas, not by semicolons; got `('a';'b')`"),
        ("('a' 'b')", "by commas and close it with a bracket"),
        ("('a'", "by commas and close it with a bracket"),
        ("('a',)", "in single quotes, or be a number"),
        ("()", "in single quotes, or be a number"),
        ("('a')x", "must end with the bracket that closes its list"),
        ("('a", "must close its single quote"),
        ("('a\\'b')", "by commas and close it with a bracket"),
        ("\"a\"", "in single quotes, or be a number"),
        ("Roe", "in single quotes, or be a number"),
        ("'a','b'", "or a list such as ('a','b')"),
        ("(7)", "$XDSDocumentEntryAuthorPerson must have its values in single quotes; got `7`"),
    ] {
        check_error(author(wrong), invalid, text);
    }
}

#[test]
fn a_code_has_code_and_scheme() {
    let codes = |value: &str| find(&[("$XDSDocumentEntryFormatCode", &[value])]).map(|q| q.format_codes);
    assert_eq!(codes("('urn:ihe:x:2024^^1.2.3')").unwrap(), [CodeTerm::of("urn:ihe:x:2024", "1.2.3")]);
    assert_eq!(codes("('R\\T\\D^^a\\S\\b')").unwrap(), [CodeTerm::of("R&D", "a^b")]);
    for wrong in ["('a')", "('a^^')", "('^^1')", "('a^b^1')", "('a^^1^x')", "('a^1')"] {
        check_error(codes(wrong), invalid, "must be a code and its scheme in the form 'code^^scheme'");
    }
}

#[test]
fn unknown_statuses_are_ignored_until_none_is_left() {
    let with = |value: &str| decode(&request(FIND, "", &[PATIENT, ("$XDSDocumentEntryStatus", &[value])]));
    let statuses = |value: &str| match with(value).unwrap().query.stored {
        StoredQuery::FindDocuments(query) => query.statuses,
        other => panic!("{other:?}"),
    };
    use AvailabilityStatus::{Approved, Deprecated};
    let prefix = "urn:oasis:names:tc:ebxml-regrep:StatusType:";
    assert_eq!(
        statuses(&format!("('{prefix}Deprecated','{prefix}Submitted','{prefix}Approved')")),
        [Deprecated, Approved]
    );
    assert_eq!(statuses(&format!("('{prefix}Approved','{prefix}Approved')")), [Approved]);
    assert_eq!(statuses(&format!("('{}')", format!("{prefix}Approved").replace("urn:", "Urn:"))), [Approved]);
    let text = "$XDSDocumentEntryStatus must name a known status";
    check_error(with(&format!("('{prefix}Submitted')")), missing, text);
    check_error(with("('urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Approved')"), missing, text);
    check_error(with("('Approved')"), missing, text);
    check_error(with(&format!("{prefix}Approved")), invalid, "in single quotes");
    check_error(decode(&request(FIND, "", &[PATIENT])), missing, "$XDSDocumentEntryStatus is required");
}

#[test]
fn the_patient_is_required_and_well_formed() {
    let with = |value: &str| decode(&request(FIND, "", &[(PATIENT.0, &[value]), APPROVED]));
    check_error(decode(&request(FIND, "", &[APPROVED])), missing, "$XDSDocumentEntryPatientId is required");
    check_error(decode(&request(FIND, "", &[("$patientId", PATIENT.1), APPROVED])), missing, "is required");
    check_error(with("P-0042^^^&2.999.7&ISO"), invalid, "in single quotes");
    check_error(with("'P-0042'"), invalid, "must name the assigning authority as ^^^&OID&ISO");
    check_error(with("42"), invalid, "must be a string in single quotes");
}

#[test]
fn times_are_times() {
    let from = |value: &str| find(&[("$XDSDocumentEntryServiceStartTimeFrom", &[value])]);
    for wrong in ["20251301", "'2025-01-01'", "('2025')x", "20250101000000.5", "20250101T10"] {
        assert!(from(wrong).is_err(), "{wrong}");
    }
    assert_eq!(from("(20250101)").unwrap().service_start_time.from, Some(20250101000000));
}

#[test]
fn references_are_exact_or_patterns_and_required() {
    const NAME: &str = "$XDSDocumentEntryReferenceIdList";
    let with =
        |slots: &[(&str, &[&str])]| match decode(&request(BY_REFERENCE, "", &[&[PATIENT, APPROVED], slots].concat()))?
            .query
            .stored
        {
            StoredQuery::FindDocumentsByReferenceId(query) => Ok(query.reference_ids),
            other => panic!("{other:?}"),
        };
    let accession = "acc1^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:accession";
    let exact = ReferenceTerm::Exact(ReferenceId::accession("acc1", Some(oid("2.999.8"))));
    let quoted = format!("('{accession}')");
    assert_eq!(with(&[(NAME, &[&quoted])]).unwrap(), [vec![exact.clone()]]);
    assert_eq!(
        with(&[(NAME, &[&quoted, "('acc%','_')"]), (NAME, &[&quoted])]).unwrap(),
        [vec![exact.clone(), ReferenceTerm::Like("acc%".to_owned()), ReferenceTerm::Like("_".to_owned())], vec![exact],]
    );
    check_error(with(&[]), missing, "$XDSDocumentEntryReferenceIdList is required");
    check_error(with(&[(NAME, &["('acc1')"])]), invalid, "must have a type in component 5; got `acc1`");
}

#[test]
fn documents_are_asked_by_one_kind_of_id() {
    const ENTRY: &str = "$XDSDocumentEntryEntryUUID";
    const UNIQUE: &str = "$XDSDocumentEntryUniqueId";
    let one = registered(1);
    let quoted = format!("('{}')", one.to_uppercase().replace("URN:UUID:", "urn:uuid:"));
    let read = |slots: &[(&str, &[&str])]| decode(&request(GET, "home=\"urn:oid:2.999.1\"", slots));
    assert_eq!(
        read(&[(ENTRY, &[&quoted, "('urn:uuid:a0000000-0000-4000-8000-000000000002')"])]).unwrap(),
        QueryRequest {
            query: StoredQuery::GetDocuments(ObjectNames::Ids(vec![id(&one), id(&registered(2))])).into(),
            return_type: ReturnType::LeafClass,
            home_community_id: Some(crate::values::home()),
        }
    );
    assert_eq!(
        read(&[(UNIQUE, &["('2.999.5.1^x')"])]).unwrap().query.stored,
        StoredQuery::GetDocuments(ObjectNames::UniqueIds(vec![uid("2.999.5.1^x")]))
    );
    assert_eq!(
        read(&[("$XDSDocumentEntryLogicalID", &[&quoted])]).unwrap().query.stored,
        StoredQuery::GetDocuments(ObjectNames::LogicalIds(vec![id(&one)]))
    );
    check_error(read(&[(ENTRY, &[&quoted]), (UNIQUE, &["('1')"])]), number, "must not be given together with");
    check_error(read(&[]), missing, "$XDSDocumentEntryEntryUUID or $XDSDocumentEntryUniqueId is required");
    check_error(
        read(&[(UNIQUE, &["('1')"]), ("$XDSDocumentEntryLogicalID", &[&quoted])]),
        number,
        "$XDSDocumentEntryUniqueId must not be given together with $XDSDocumentEntryLogicalID",
    );
    check_error(read(&[(ENTRY, &["('urn:uuid:1')"])]), invalid, "must be urn:uuid: and 8-4-4-4-12");
}

#[test]
fn associations_are_asked_by_uuid() {
    let read = |slots: &[(&str, &[&str])]| decode(&request(ASSOCIATIONS, "", slots)).map(|r| r.query.stored);
    let quoted = format!("('{}')", registered(1));
    assert_eq!(read(&[("$uuid", &[&quoted])]), Ok(StoredQuery::GetAssociations { ids: vec![id(&registered(1))] }));
    check_error(read(&[]), missing, "$uuid is required");
    check_error(read(&[("$uuid", &[&quoted]), ("$uuid", &[&quoted])]), number, "$uuid must be given in one slot");
}

#[test]
fn a_query_nobody_answers_is_unknown_with_a_reason() {
    let unknown = |e: &QueryError| matches!(e, QueryError::Unknown(_));
    let unsupported = |e: &QueryError| matches!(e, QueryError::Unsupported { .. });
    check_error(decode(&request("urn:uuid:1", "", &[])), unknown, "must be the id of a stored query; got `urn:uuid:1`");
    check_error(
        decode(&request(&format!(" {FIND}"), "", &[PATIENT, APPROVED])),
        unknown,
        "must be the id of a stored query",
    );
    check_error(
        decode(&request("urn:uuid:4308b1df-36de-4bef-8e2e-ba91f593c435", "", &[])),
        unsupported,
        "AdhocQuery.id names the stored query FindDocumentsExclude, which is not supported yet",
    );
    assert!(decode(&request(&FIND.to_uppercase(), "", &[PATIENT, APPROVED])).is_ok(), "UUIDs have no case");
}

#[test]
fn the_frame_of_a_query_is_checked() {
    let good = request(FIND, "", &[PATIENT, APPROVED]);
    for (level, ok) in [("1", true), ("2", true), ("'2'", true), ("3", false), ("(1,2)", false)] {
        let read = decode(&request(FIND, "", &[PATIENT, APPROVED, ("$MetadataLevel", &[level])]));
        assert_eq!(read.is_ok(), ok, "$MetadataLevel {level}: {read:?}");
        assert_eq!(read.is_ok_and(|read| read.query.former_versions), ok && level != "1", "$MetadataLevel {level}");
    }
    let deprecated = "('urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated')";
    let read = decode(&request(
        ASSOCIATIONS,
        "",
        &[("$uuid", &[&format!("('{}')", registered(1))]), ("$XDSAssociationStatus", &[deprecated])],
    ));
    assert_eq!(read.unwrap().query.association_statuses, [AvailabilityStatus::Deprecated]);
    for wrong in ["RegistryObject", "LeafClassWithRepositoryItem", ""] {
        let text = good.replace("LeafClass", wrong);
        check_error(decode(&text), bad_request, "ResponseOption.returnType must be LeafClass or ObjectRef");
    }
    check_error(
        decode(&good.replace("<q:ResponseOption returnType=\"LeafClass\"/>", "")),
        bad_request,
        "ResponseOption.returnType",
    );
    check_error(
        decode(&request(FIND, "home=\"here\"", &[PATIENT, APPROVED])),
        bad_request,
        "AdhocQuery.home must be urn:oid:",
    );
    check_error(decode(&good.replace("rim:AdhocQuery", "rim:Other")), bad_request, "must hold one rim:AdhocQuery");
    check_error(
        decode("<a/>"),
        |e| matches!(e, QueryError::NotAQuery(_)),
        "expected q:AdhocQueryRequest, got a in no namespace",
    );
    let refs = decode(&good.replace("LeafClass", "ObjectRef")).unwrap();
    assert_eq!(refs.return_type, ReturnType::ObjectRef);
}

#[test]
fn a_question_in_the_model_becomes_the_narrowest_stored_query_that_loses_nothing() {
    let full = DocumentQuery {
        class_codes: vec![CodeTerm::of("a", "1"), CodeTerm { code: Some("b".to_owned()), scheme: None }],
        type_codes: vec![CodeTerm::of("a", "1")],
        event_code_list: vec![
            vec![CodeTerm { code: None, scheme: Some("1".to_owned()) }],
            vec![CodeTerm::of("c", "1")],
        ],
        periods: vec![PeriodMatch::default()],
        author_family: vec!["Roe".to_owned()],
        page: Some(Page { size: 5, after: None }),
        ..DocumentQuery::of_patient(patient())
    };
    let expected = DocumentQuery {
        type_codes: vec![CodeTerm::of("a", "1")],
        event_code_list: vec![vec![CodeTerm::of("c", "1")]],
        statuses: vec![AvailabilityStatus::Approved, AvailabilityStatus::Deprecated],
        ..DocumentQuery::of_patient(patient())
    };
    assert_eq!(query_for_documents(&full), Ok(StoredQuery::FindDocuments(expected)));

    let by_part = |id: Option<&str>, authority: Option<&str>, kind: Option<&str>| {
        let own = |part: Option<&str>| part.map(str::to_owned);
        let term = ReferenceTerm::Parts { id: own(id), authority: own(authority), kind: own(kind) };
        let query = DocumentQuery { reference_ids: vec![vec![term]], ..asked() };
        let stored = query_for_documents(&query).unwrap();
        let StoredQuery::FindDocumentsByReferenceId(query) = &stored else { panic!("{stored:?}") };
        let request =
            QueryRequest { query: stored.clone().into(), return_type: ReturnType::LeafClass, home_community_id: None };
        let bytes = written(|xml| encode_query(&request, xml));
        assert_eq!(decode_query(&parse(&bytes).root()), Ok(request), "it can be asked");
        query.reference_ids[0][0].clone()
    };
    let kind = reference_types::ACCESSION;
    let reference = ReferenceId::accession("A1", Some(oid("2.999.8")));
    let bare = ReferenceId::accession("A1", None);
    for (term, with, without) in [
        (by_part(Some("A1"), Some("2.999.8"), Some(kind)), true, false),
        (by_part(Some("A1"), None, None), true, true),
        (by_part(Some("A1"), Some(""), Some(kind)), false, true),
        (by_part(None, Some("2.999.8"), None), true, false),
        (by_part(Some("A2"), None, Some(kind)), false, false),
    ] {
        assert_eq!(term.matches(&reference), with, "{term:?}");
        assert_eq!(term.matches(&bare), without, "{term:?}");
    }

    let by_id = DocumentQuery { unique_ids: vec![uid("1")], entry_ids: vec![id(&registered(1))], ..asked() };
    let stored = query_for_documents(&by_id).unwrap();
    assert_eq!(stored, StoredQuery::GetDocuments(ObjectNames::Ids(vec![id(&registered(1))])));
    assert!(query_for_documents(&DocumentQuery::default()).is_err());
}

#[test]
fn an_apostrophe_is_doubled_in_the_literal_whatever_xml_makes_of_it() {
    // The rule of the literal and that of XML are two; `&apos;` is an apostrophe like any other.
    const NAME: &str = "$XDSDocumentEntryAuthorPerson";
    let good = request(FIND, "", &[PATIENT, APPROVED, (NAME, &["('%O''Hara%')"])]);
    for text in [
        good.clone(),
        good.replace("O''Hara", "O&apos;&apos;Hara"),
        good.replace("O''Hara", "O&#39;'Hara"),
        good.replace("('%O''Hara%')", "<![CDATA[('%O''Hara%')]]>"),
        good.replace("('%O''Hara%')", "(&apos;%O&apos;&apos;Hara%&apos;)"),
    ] {
        match decode(&text).unwrap().query.stored {
            StoredQuery::FindDocuments(query) => assert_eq!(query.author_person, ["%O'Hara%"], "{text}"),
            other => panic!("{other:?}"),
        }
    }
    for wrong in ["O'Hara", "O&apos;Hara", "O\\'Hara"] {
        let text = good.replace("O''Hara", wrong);
        check_error(decode(&text), invalid, "$XDSDocumentEntryAuthorPerson must separate the values");
    }
    // And what we ask doubles it once.
    let bytes = written(|xml| encode_query(&decode(&good).unwrap(), xml));
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("('%O''Hara%')") || text.contains("(&apos;%O&apos;&apos;Hara%&apos;)"), "{text}");
}

#[test]
fn each_query_has_its_own_name_for_what_it_is_about() {
    const ALL: &str = "urn:uuid:10b545ea-725c-446d-9b95-8aeb444eddf3";
    const SETS: &str = "urn:uuid:51224314-5390-4169-9b91-b1980040715a";
    let approved = APPROVED.1;
    let statuses: [(&str, &[&str]); 3] =
        [("$XDSDocumentEntryStatus", approved), ("$XDSSubmissionSetStatus", approved), ("$XDSFolderStatus", approved)];
    let of = |name: &'static str| [&[(name, PATIENT.1)], &statuses[..]].concat();
    let all = decode(&request(ALL, "", &of("$patientId"))).unwrap();
    assert!(matches!(&all.query.stored, StoredQuery::GetAll { patient_id, .. } if *patient_id == patient()));
    let written_back = String::from_utf8(written(|xml| encode_query(&all, xml))).unwrap();
    assert!(written_back.contains("\"$patientId\"") && !written_back.contains("EntryPatientId"), "{written_back}");
    check_error(decode(&request(ALL, "", &of(PATIENT.0))), missing, "$patientId is required");

    let quoted = format!("('{}')", registered(1));
    let values: &[&str] = &[&quoted];
    for query in [SETS, ASSOCIATIONS] {
        let read = decode(&request(query, "", &[("$uuid", values)])).unwrap();
        let written_back = String::from_utf8(written(|xml| encode_query(&read, xml))).unwrap();
        assert!(written_back.contains("\"$uuid\""), "{written_back}");
        let other = decode(&request(query, "", &[("$XDSDocumentEntryEntryUUID", values)]));
        check_error(other, missing, "$uuid is required");
    }
}

#[test]
fn the_community_is_an_attribute_and_no_slot() {
    let slot: (&str, &[&str]) = ("$homeCommunityId", &["'urn:oid:2.999.66'"]);
    let read = decode(&request(FIND, "home=\"urn:oid:2.999.1\"", &[PATIENT, APPROVED, slot])).unwrap();
    assert_eq!(read.home_community_id, Some(crate::values::home()));
    assert_eq!(decode(&request(FIND, "", &[PATIENT, APPROVED, slot])).unwrap().home_community_id, None);
    let written_back = String::from_utf8(written(|xml| encode_query(&read, xml))).unwrap();
    assert!(written_back.contains(" home=\"urn:oid:2.999.1\""), "{written_back}");
    assert!(!written_back.contains("homeCommunityId"), "{written_back}");
}
