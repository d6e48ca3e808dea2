//! Every rule that a message alone can break, with the field that its finding names. Source: spec/xds.md 10-12, 14.

use crate::samples::*;
use model::*;

/// Changes a good submission and expects findings on these fields and objects, in order.
fn check(name: &str, change: impl FnOnce(&mut Submission), expected: &[(&str, &str)]) {
    let mut submission = submission();
    change(&mut submission);
    let found = submission.validate();
    let found: Vec<(&str, &str)> =
        found.iter().map(|i| (i.field.as_str(), i.object.as_deref().unwrap_or("-"))).collect();
    assert_eq!(found, expected, "{name}");
}

fn check_entry(name: &str, change: impl FnOnce(&mut DocumentEntry), field: &str) {
    check(name, |s| change(&mut s.entries[0]), &[(&format!("DocumentEntry.{field}"), "doc")]);
}

#[test]
fn a_good_submission_has_no_finding() {
    check("document in a folder", |_| {}, &[]);
    check(
        "document alone",
        |s| {
            s.folders.clear();
            s.associations.truncate(1);
        },
        &[],
    );
}

#[test]
fn rules_of_a_document_entry() {
    let blank = || Code::new("", "2.999.1", "");
    let unschemed = || Code::new("X", "", "");
    check_entry("classCode without code", |e| e.class_code = blank(), "classCode");
    check_entry("classCode without scheme", |e| e.class_code = unschemed(), "classCode");
    check_entry("typeCode", |e| e.type_code = blank(), "typeCode");
    check_entry("formatCode", |e| e.format_code = blank(), "formatCode");
    check_entry("facility", |e| e.healthcare_facility_type_code = blank(), "healthcareFacilityTypeCode");
    check_entry("setting", |e| e.practice_setting_code = unschemed(), "practiceSettingCode");
    check_entry("no confidentiality", |e| e.confidentiality_codes.clear(), "confidentialityCode");
    check_entry("confidentiality", |e| e.confidentiality_codes.push(blank()), "confidentialityCode");
    check_entry("event code", |e| e.event_code_list.push(unschemed()), "eventCodeList");
    check_entry("empty author", |e| e.authors.push(Author { roles: vec!["x".into()], ..Author::default() }), "author");
    for mime in ["", "pdf", "application/", "/pdf", "a/b/c", "text/plain; charset=utf-8", "te xt/plain"] {
        check_entry(mime, |e| e.mime_type = mime.into(), "mimeType");
    }
    for language in ["", "1", "en_GB", "en-", "englisches-wort", "-en", "e n"] {
        check_entry(language, |e| e.language_code = language.into(), "languageCode");
    }
    check_entry("long title", |e| e.title = Text::plain("ä".repeat(129)), "title");
    check_entry("source patient", |e| e.source_patient_id = None, "sourcePatientId");
    check_entry("no creation time", |e| e.creation_time = None, "creationTime");
    check_entry("on demand with one", |e| e.document_type = DocumentType::OnDemand, "creationTime");
    check_entry("stop before start", |e| e.service_stop_time = Some(dtm("202503140829")), "serviceStopTime");
    check_entry("patient info", |e| e.source_patient_info.0.push("x".into()), "sourcePatientInfo");
}

#[test]
fn what_a_document_entry_may_be() {
    for (name, change) in [
        ("the longest title", (|e| e.title = Text::plain("ä".repeat(128))) as fn(&mut DocumentEntry)),
        ("no title", |e| e.title = Text::default()),
        ("on demand", |e| {
            e.document_type = DocumentType::OnDemand;
            e.creation_time = None;
        }),
        ("stop within the precision of start", |e| {
            e.service_start_time = Some(dtm("202503140830"));
            e.service_stop_time = Some(dtm("20250314"));
        }),
        ("no times", |e| (e.service_start_time, e.service_stop_time) = (None, None)),
        ("a media type with a suffix", |e| e.mime_type = "application/fhir+json".into()),
        ("a regional language", |e| e.language_code = "fr-CH".into()),
        ("no author", |e| e.authors.clear()),
        ("an author by mail", |e| {
            let telecommunications = vec![Xtn::parse("^NET^Internet^a@example.org").unwrap()];
            e.authors = vec![Author { telecommunications, ..Author::default() }];
        }),
        ("extra metadata", |e| {
            e.extra.push(ExtraSlot { name: "urn:example:2019:deletionStatus".into(), values: vec![] });
        }),
    ] {
        check(name, |s| change(&mut s.entries[0]), &[]);
    }
}

#[test]
fn rules_of_a_submission_set() {
    type Change = fn(&mut SubmissionSet);
    let cases: [(Change, &str); 6] = [
        (|s| s.content_type_code.code.clear(), "contentTypeCode"),
        (|s| s.unique_id = unique("not an OID"), "uniqueId"),
        (|s| s.title = Text::plain("x".repeat(257)), "title"),
        (|s| s.authors.push(Author::default()), "author"),
        (|s| s.intended_recipients.push("||^NET^Internet^a@example.org".into()), "intendedRecipient"),
        (|s| s.intended_recipients.push(String::new()), "intendedRecipient"),
    ];
    for (change, field) in cases {
        check(field, |s| change(&mut s.set), &[(&format!("SubmissionSet.{field}"), "set")]);
    }
    for recipient in ["North^^^^^^^^^2.999.3.1", "North|^Roe", "|^Roe^Richard|", "|^Roe^Richard"] {
        check(recipient, |s| s.set.intended_recipients.push(recipient.into()), &[]);
    }
}

#[test]
fn rules_of_a_folder() {
    type Change = fn(&mut Folder);
    let cases: [(Change, &str); 4] = [
        (|f| f.title = Text::default(), "title"),
        (|f| f.code_list.clear(), "codeList"),
        (|f| f.code_list[0].scheme.clear(), "codeList"),
        (|f| f.unique_id = unique("F1"), "uniqueId"),
    ];
    for (change, field) in cases {
        check(field, |s| change(&mut s.folders[0]), &[(&format!("Folder.{field}"), "folder")]);
    }
}

#[test]
fn ids_are_unique_over_all_kinds() {
    check(
        "association and folder",
        |s| s.associations[2].id = id("folder"),
        &[("id", "folder"), ("Association.sourceObject", "folder"), ("Association.SubmissionSetStatus", "a4")],
    );
    check("association and set", |s| s.associations[1].id = id("set"), &[("id", "set")]);
    let mut twice = submission();
    twice.entries.push(entry("doc"));
    assert!(fields(&twice.validate()).contains(&"id"));
    assert_eq!(twice.duplicate_unique_ids(), ["2.25.1"]);
    twice.folders[0].unique_id = twice.set.unique_id.clone();
    assert_eq!(twice.duplicate_unique_ids(), ["2.25.1", "2.25.1001"]);
    assert_eq!(submission().duplicate_unique_ids(), Vec::<&str>::new());
}

#[test]
fn every_object_hangs_on_the_submission_set() {
    check("document without member", |s| drop(s.associations.remove(0)), &[("DocumentEntry", "doc")]);
    check("folder without member", |s| drop(s.associations.remove(1)), &[("Folder", "folder")]);
    check(
        "folder membership without member",
        |s| drop(s.associations.remove(3)),
        &[("Association.sourceObject", "a3")],
    );
    check(
        "nothing at all",
        |s| s.associations.clear(),
        &[("DocumentEntry", "doc"), ("Folder", "folder"), ("SubmissionSet", "set")],
    );
}

#[test]
fn the_status_of_a_member_says_where_its_document_is() {
    let known = "urn:uuid:a0000000-0000-4000-8000-000000000001";
    let field = "Association.SubmissionSetStatus";
    use SubmissionSetStatus::{Original, Reference};
    check("missing", |s| s.associations[0].submission_set_status = None, &[(field, "a1")]);
    check("reference to its own", |s| s.associations[0].submission_set_status = Some(Reference), &[(field, "a1")]);
    check("original elsewhere", |s| s.associations.push(member("a9", known, Some(Original))), &[(field, "a9")]);
    check("missing elsewhere", |s| s.associations.push(member("a9", known, None)), &[(field, "a9")]);
    check("reference elsewhere", |s| s.associations.push(member("a9", known, Some(Reference))), &[]);
}

#[test]
fn associations_join_what_they_may_join() {
    let known = "urn:uuid:a0000000-0000-4000-8000-000000000001";
    use AssociationType::*;
    check(
        "onto itself",
        |s| s.associations.push(association("a9", Xfrm, "doc", "doc")),
        &[("Association.targetObject", "a9")],
    );
    for kind in [Rplc, Apnd, Xfrm, XfrmRplc, Signs, IsSnapshotOf] {
        check("from a new document", |s| s.associations.push(association("a9", kind, "doc", known)), &[]);
        for source in [known, "folder", "set", "a1"] {
            let target = "urn:uuid:a0000000-0000-4000-8000-000000000002";
            check(
                source,
                |s| s.associations.push(association("a9", kind, source, target)),
                &[("Association.sourceObject", "a9")],
            );
        }
    }
    // A HasMember comes from the set or from a folder, and a folder holds documents.
    let linked = |s: &mut Submission, source: &str, target: &str| {
        s.associations.push(association("a8", HasMember, source, target));
        s.associations.push(member("a9", "a8", None));
    };
    check(
        "known document into a known folder",
        |s| linked(s, known, "urn:uuid:a0000000-0000-4000-8000-000000000002"),
        &[],
    );
    for source in ["doc", "a1"] {
        check(source, |s| linked(s, source, known), &[("Association.sourceObject", "a8")]);
    }
    for target in ["set", "a1"] {
        check(target, |s| linked(s, "folder", target), &[("Association.targetObject", "a8")]);
    }
    check("folder in a folder", |s| linked(s, known, "folder"), &[("Association.targetObject", "a8")]);
    check(
        "member to a relationship",
        |s| {
            s.associations.push(association("a8", Rplc, "doc", known));
            s.associations.push(member("a9", "a8", None));
        },
        &[("Association.targetObject", "a9")],
    );
}

#[test]
fn types_of_associations_know_what_they_do() {
    use AssociationType::*;
    assert_eq!(AssociationType::ALL.into_iter().filter(|k| k.replaces()).collect::<Vec<_>>(), [Rplc, XfrmRplc]);
    let others: Vec<_> = AssociationType::ALL.into_iter().filter(|k| !k.is_relationship()).collect();
    assert_eq!(others, [HasMember, UpdateAvailabilityStatus, SubmitAssociation]);
}

#[test]
fn all_findings_are_reported_not_only_the_first() {
    let mut bad = submission();
    bad.set.unique_id = unique("S");
    bad.entries[0].mime_type = "pdf".into();
    bad.entries[0].language_code = "?".into();
    bad.folders[0].code_list.clear();
    bad.associations.remove(0);
    assert_eq!(
        fields(&bad.validate()),
        [
            "SubmissionSet.uniqueId",
            "DocumentEntry.mimeType",
            "DocumentEntry.languageCode",
            "Folder.codeList",
            "DocumentEntry",
        ]
    );
}

#[test]
fn a_submission_knows_its_objects() {
    let submission = submission();
    for known in ["set", "doc", "folder", "a3"] {
        assert!(submission.contains(&id(known)), "{known}");
    }
    assert!(!submission.contains(&id("a9")));
    assert!(submission.entry(&id("doc")).is_some() && submission.entry(&id("folder")).is_none());
}
