//! What a submission is refused for, and what is forgiven: a good one with one change each.

use ebxml::{Decoded, decode_provide, decode_submission};
use model::{Invalid, Submission};

use crate::support::{fixture, parse, sentences};
use crate::values::submission;

/// The good submission with every occurrence of `from` replaced; `from` has to occur.
fn changed(from: &str, to: &str) -> String {
    let text = fixture("made/iti42_request.xml");
    assert!(text.contains(from), "{from} is not in the fixture");
    text.replace(from, to)
}

/// The same, only the first occurrence.
fn first(from: &str, to: &str) -> String {
    changed(from, from).replacen(from, to, 1)
}

fn decode(text: &str) -> Result<Decoded<Submission>, Vec<Invalid>> {
    decode_submission(&parse(text.as_bytes()).root())
}

fn check_refused(text: &str, expected: &[&str]) {
    let findings = decode(text).expect_err(expected[0]);
    let found = sentences(&findings);
    for sentence in expected {
        assert!(found.contains(sentence), "expected `{sentence}`, found:\n{found}");
    }
    assert_eq!(findings.len(), expected.len(), "found more:\n{found}");
}

fn check_same(text: &str) {
    match decode(text) {
        Ok(decoded) => assert_eq!(decoded.value, submission()),
        Err(findings) => panic!("{}", sentences(&findings)),
    }
}

fn slot(name: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|v| format!("<rim:Value>{v}</rim:Value>")).collect();
    format!("<rim:Slot name=\"{name}\"><rim:ValueList>{values}</rim:ValueList></rim:Slot>")
}

/// The first entry starts with this slot.
const FIRST_SLOT: &str = "<rim:Slot name=\"creationTime\">";

fn with_slot(slot: &str) -> String {
    first(FIRST_SLOT, &format!("{slot}{FIRST_SLOT}"))
}

#[test]
fn a_broken_value_is_refused_with_its_field_rule_and_object() {
    check_refused(
        &changed("20250314091500", "2025-03-14"),
        &["D1: DocumentEntry.creationTime must be a UTC time YYYY[MM[DD[hh[mm[ss]]]]], digits only; got `2025-03-14`"],
    );
    check_refused(
        &first("6b1f2c7de0a94c5d8e3f70912ab4c6d8e0f1a2b3", "6b1f"),
        &["D1: DocumentEntry.hash must be a SHA-1 of 40 hexadecimal digits; got `6b1f`"],
    );
    check_refused(
        &first("<rim:Value>31844<", "<rim:Value>+31844<"),
        &["D1: DocumentEntry.size must be a number of octets in decimal digits; got `+31844`"],
    );
    check_refused(
        &first("value=\"P-0042^^^&amp;2.999.7&amp;ISO\"", "value=\"P-0042^^^NS&amp;2.999.7&amp;ISO\""),
        &["D1: DocumentEntry.patientId must leave the namespace"],
    );
    check_refused(
        &first("St Example &amp; Sons^^^^^^^^^2.999.3.1", "St Example^^^^^^^^^77"),
        &["D1: DocumentEntry.author.authorInstitution.XON.10 must be an OID"],
    );
    check_refused(
        &first("<rim:Value>2.999.10.1<", "<rim:Value>urn:oid:2.999.10.1<"),
        &["DocumentEntry.repositoryUniqueId"],
    );
    check_refused(
        &first("A-2025-0099^^^&amp;2.999.2.8&amp;ISO^urn:ihe:iti:xds:2013:accession", "A-2025-0099"),
        &["D1: DocumentEntry.referenceIdList must have a type in component 5"],
    );
    check_refused(&first("home=\"urn:oid:2.999.1\"", "home=\"here\""), &["D1: DocumentEntry.homeCommunityId"]);
    check_refused(
        &first(">Original<", ">original<"),
        &["A1: Association.SubmissionSetStatus must be Original or Reference"],
    );
    check_refused(
        &changed("urn:ihe:iti:2007:AssociationType:RPLC", "urn:ihe:iti:2007:AssociationType:RLPC"),
        &["A6: Association.associationType must be the URN of a known association type"],
    );
    check_refused(&changed("targetObject=\"A4\"", "targetObject=\"\""), &["A5: Association.targetObject is required"]);
    check_refused(
        &changed("urn:uuid:a0000000-0000-4000-8000-000000000001", "urn:uuid:1"),
        &["A6: Association.targetObject must be urn:uuid: and 8-4-4-4-12 hexadecimal digits; got `urn:uuid:1`"],
    );
}

#[test]
fn something_required_is_missed_by_name() {
    let gone = |scheme: &str| changed(scheme, "urn:uuid:00000000-0000-4000-8000-000000000000");
    let both = |field: &str| [format!("D1: {field} is required"), format!("D2: {field} is required")];
    for (scheme, field) in [
        ("urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", "DocumentEntry.classCode"),
        ("urn:uuid:f0306f51-975f-434e-a61c-c59651d33983", "DocumentEntry.typeCode"),
        ("urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d", "DocumentEntry.formatCode"),
        ("urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "DocumentEntry.healthcareFacilityTypeCode"),
        ("urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead", "DocumentEntry.practiceSettingCode"),
        ("urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", "DocumentEntry.patientId"),
        ("urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab", "DocumentEntry.uniqueId"),
    ] {
        let expected = both(field);
        check_refused(&gone(scheme), &[&expected[0], &expected[1]]);
    }
    for (scheme, field) in [
        ("urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", "S1: SubmissionSet.contentTypeCode is required"),
        ("urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8", "S1: SubmissionSet.uniqueId is required"),
        ("urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", "S1: SubmissionSet.sourceId is required"),
        ("urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", "S1: SubmissionSet.patientId is required"),
        ("urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a", "sub1: Folder.uniqueId is required"),
        ("urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a", "sub1: Folder.patientId is required"),
    ] {
        check_refused(&gone(scheme), &[field]);
    }
    check_refused(&first("<rim:Value>en-GB<", "<rim:Value> <"), &["D1: DocumentEntry.languageCode is required"]);
    check_refused(
        &changed("<rim:Value>20250314091730<", "<rim:Value><"),
        &["S1: SubmissionSet.submissionTime is required"],
    );
    check_refused(&first(" mimeType=\"application/dicom\"", ""), &["D1: DocumentEntry.mimeType is required"]);
    check_refused(
        &first("urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1", ""),
        &["D1: DocumentEntry.objectType must be the UUID of a stable or of an on-demand document entry"],
    );
    check_refused(&first(" id=\"A3\"", ""), &["Association.entryUUID is required"]);
}

#[test]
fn what_may_be_there_once_is_refused_twice() {
    check_refused(
        &with_slot(&slot("hash", &["6b1f2c7de0a94c5d8e3f70912ab4c6d8e0f1a2b4"])),
        &["D1: DocumentEntry.hash must not have its slot twice"],
    );
    check_refused(
        &first("<rim:Value>en-GB</rim:Value>", "<rim:Value>en-GB</rim:Value><rim:Value>fr</rim:Value>"),
        &["D1: DocumentEntry.languageCode must have one value, not 2; got `fr`"],
    );
    // An event code that becomes a second class code.
    check_refused(
        &first("urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"),
        &["D1: DocumentEntry.classCode must be given once, not 2 times; got `CT`"],
    );
    check_refused(
        &first("<rim:Value>1.2.840.10008.2.16.4<", "<rim:Value>1</rim:Value><rim:Value>1.2.840.10008.2.16.4<"),
        &["D1: DocumentEntry.eventCodeList must have one codingScheme, not 2"],
    );
    check_refused(
        &first("<rim:Value>^Roe^Richard^^^Dr<", "<rim:Value>^Other</rim:Value><rim:Value>^Roe^Richard^^^Dr<"),
        &["D1: DocumentEntry.author.authorPerson must have one value, not 2"],
    );
    check_refused(
        &first("urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"),
        &["DocumentEntry.uniqueId must be given once, not 2 times", "D1: DocumentEntry.patientId is required"],
    );
}

#[test]
fn a_code_needs_code_and_scheme() {
    check_refused(
        &first("nodeRepresentation=\"IMAGES\"", "nodeRepresentation=\"\""),
        &["D1: DocumentEntry.classCode must have its code in nodeRepresentation"],
    );
    check_refused(
        &first("<rim:Value>1.3.6.1.4.1.19376.1.2.6.1<", "<rim:Value><"),
        &["D1: DocumentEntry.classCode must have a slot codingScheme; got `IMAGES`"],
    );
}

#[test]
fn links_must_point_to_the_object_around_them() {
    for wrong in ["D2", ""] {
        check_refused(
            &first("classifiedObject=\"D1\"", &format!("classifiedObject=\"{wrong}\"")),
            &["D1: DocumentEntry.Classification.classifiedObject must be the id of the object it stands in"],
        );
    }
    check_refused(
        &first("registryObject=\"S1\"", "registryObject=\"D1\""),
        &["S1: SubmissionSet.ExternalIdentifier.registryObject must be the id of the object it stands in; got `D1`"],
    );
}

#[test]
fn packages_must_say_what_they_are() {
    let set = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd";
    let folder = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2";
    check_refused(
        &changed(set, "urn:uuid:00000000-0000-4000-8000-000000000000"),
        &["RegistryPackage.classificationNode must mark the package as a submission set or a folder", "not 0"],
    );
    let findings = decode(&changed(folder, set)).unwrap_err();
    assert!(sentences(&findings).contains("must hold one submission set, not 2"));
    let twice = format!(
        "classificationNode=\"{set}\"/><rim:Classification classifiedObject=\"S1\" classificationNode=\"{set}\"/>"
    );
    check_refused(
        &changed(&format!("classificationNode=\"{set}\"/>"), &twice),
        &["must mark the submission set once", "must hold one submission set, not 0"],
    );
    let also = twice.replacen(set, folder, 1);
    check_refused(
        &changed(&format!("classificationNode=\"{set}\"/>"), &also),
        &["must not mark the package as submission set and folder at once", "must hold one submission set, not 0"],
    );
}

#[test]
fn metadata_update_is_refused() {
    check_refused(
        &first(
            "<rim:ExtrinsicObject id=\"D1\"",
            &format!("<rim:ExtrinsicObject lid=\"{}\" id=\"D1\"", crate::values::registered(9)),
        ),
        &["D1: DocumentEntry.logicalID must be absent or equal to the id: metadata update is another transaction"],
    );
    check_same(&first("<rim:ExtrinsicObject id=\"D1\"", "<rim:ExtrinsicObject lid=\"D1\" id=\"D1\""));
    check_refused(
        &first(
            "<rim:Slot name=\"SubmissionSetStatus\">",
            &(slot("PreviousVersion", &["1"]) + "<rim:Slot name=\"SubmissionSetStatus\">"),
        ),
        &["A1: Association.PreviousVersion must be absent: metadata update is another transaction"],
    );
    for kind in ["UpdateAvailabilityStatus", "SubmitAssociation"] {
        check_refused(
            &changed("urn:ihe:iti:2007:AssociationType:RPLC", &format!("urn:ihe:iti:2010:AssociationType:{kind}")),
            &["A6: Association.associationType must be none of metadata update"],
        );
    }
}

#[test]
fn limited_metadata_is_refused_with_one_finding_an_object() {
    let mark = "<rim:Classification id=\"l\" classifiedObject=\"D1\" classificationNode=\"urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85\"/>";
    let text = first("</rim:ExtrinsicObject>", &format!("{mark}</rim:ExtrinsicObject>"));
    check_refused(&text, &["D1: DocumentEntry.limitedMetadata must not be declared"]);
}

#[test]
fn unknown_slots_are_kept_by_urn_and_refused_otherwise() {
    check_refused(
        &with_slot(&slot("colour", &["red"])),
        &["D1: DocumentEntry.colour has a slot whose name is neither known nor a URN"],
    );
    let decoded = decode(&with_slot(&slot("urn:example:2024:new", &[" as it came "]))).unwrap().value;
    assert_eq!(decoded.entries[0].extra[0].name, "urn:example:2024:new");
    assert_eq!(decoded.entries[0].extra[0].values, [" as it came "]);
    assert_eq!(decoded.entries[0].extra.len(), 3);
}

#[test]
fn what_the_model_has_no_place_for_is_named() {
    let inside = "<rim:Slot name=\"codingScheme\">";
    let text = first(inside, &(slot("urn:example:2024:version", &["2"]) + inside));
    let decoded = decode(&text).unwrap();
    assert_eq!(decoded.value, submission());
    assert!(sentences(&decoded.not_kept).contains("DocumentEntry.classCode has a slot inside its classification"));
    let text = changed(
        "targetObject=\"A4\"/>",
        "targetObject=\"A4\"><rim:Name><rim:LocalizedString value=\"why\"/></rim:Name></rim:Association>",
    );
    assert!(
        sentences(&decode(&text).unwrap().not_kept).contains("A5: Association.name has no place in an association")
    );
    let other = "<rim:ExternalIdentifier id=\"e\" registryObject=\"D1\" identificationScheme=\"urn:uuid:00000000-0000-4000-8000-000000000000\" value=\"7\"/>";
    let text = first("</rim:ExtrinsicObject>", &format!("{other}</rim:ExtrinsicObject>"));
    assert!(sentences(&decode(&text).unwrap().not_kept).contains("unknown identificationScheme"));
}

#[test]
fn all_findings_come_at_once() {
    let text =
        changed("20250314091500", "x").replace("<rim:Value>en-GB<", "<rim:Value>german?<").replace("T chest", "");
    let text = text.replacen("registryObject=\"sub1\"", "registryObject=\"sub\"", 1);
    let text = text.replacen("<rim:Value>2025031409<", "<rim:Value>2024<", 1);
    let findings = decode(&text).unwrap_err();
    let found = sentences(&findings);
    for expected in [
        "D1: DocumentEntry.creationTime must be a UTC time",
        "sub1: Folder.ExternalIdentifier.registryObject",
        // These come from the model's own rules.
        "D2: DocumentEntry.languageCode must be a language tag",
        "D1: DocumentEntry.serviceStopTime must not be before serviceStartTime",
    ] {
        assert!(found.contains(expected), "expected `{expected}`, found:\n{found}");
    }
    assert!(!found.contains("creationTime is required"), "the same thing twice:\n{found}");
}

#[test]
fn spelling_is_forgiven() {
    // Pretty-printed values, UUIDs in upper case, the scheme of a URN in any case, an empty home or lid.
    check_same(&changed("<rim:Value>en-GB</rim:Value>", "<rim:Value>\n   en-GB\n  </rim:Value>"));
    check_same(&changed(
        "<rim:Value>1.3.6.1.4.1.19376.1.2.6.1</rim:Value>",
        "<rim:Value>\n 1.3.6.1.4.1.19376.1.2.6.1\t</rim:Value>",
    ));
    check_same(&changed(
        "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983",
        "urn:uuid:F0306F51-975F-434E-A61C-C59651D33983",
    ));
    check_same(&changed(
        "urn:oasis:names:tc:ebxml-regrep:AssociationType",
        "Urn:oasis:names:tc:ebxml-regrep:AssociationType",
    ));
    check_same(&first("<rim:RegistryPackage", "<rim:RegistryPackage home=\"\" lid=\"\" status=\"urn:x\""));
    check_same(&changed("home=\"urn:oid:2.999.1\"", "home=\"2.999.1\""));
    // ObjectRef of ebRIM 2.1, ids of sub-objects and their objectType left out, no Name at an identifier.
    check_same(&first("<rim:RegistryObjectList>", "<rim:RegistryObjectList><rim:ObjectRef id=\"urn:uuid:1\"/>"));
    check_same(&changed(
        "id=\"sub-1\" objectType=\"urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Classification\"",
        "",
    ));
    check_same(&changed("<rim:Name>\n<rim:LocalizedString value=\"XDSFolder.patientId\"/>\n</rim:Name>", ""));
    check_same(&first(
        "<rim:Slot name=\"creationTime\">",
        "<rim:VersionInfo versionName=\"1.1\"/><rim:Slot name=\"creationTime\" slotType=\"x\">",
    ));
    // Any order of children.
    let text = fixture("made/iti42_request.xml");
    let name = "<rim:Name>\n<rim:LocalizedString value=\"CT submission\"/>\n</rim:Name>";
    check_same(
        &text
            .replace(name, "")
            .replace("<rim:Slot name=\"submissionTime\">", &format!("{name}<rim:Slot name=\"submissionTime\">")),
    );
}

#[test]
fn a_mark_may_stand_beside_its_package() {
    let text = fixture("made/iti42_request.xml");
    let at = text.find("classificationNode=\"urn:uuid:a54d6aa5").unwrap();
    let start = text[..at].rfind("<rim:Classification").unwrap();
    let end = at + text[at..].find("/>").unwrap() + 2;
    let mark = text[start..end].to_owned();
    let moved = text.replace(&mark, "");
    check_same(&moved.replace("</rim:RegistryObjectList>", &format!("{mark}</rim:RegistryObjectList>")));
    check_same(&moved.replacen("<rim:RegistryObjectList>", &format!("<rim:RegistryObjectList>{mark}"), 1));
    let lost = mark.replace("classifiedObject=\"S1\"", "classifiedObject=\"S2\"");
    let findings =
        decode(&text.replace("</rim:RegistryObjectList>", &format!("{lost}</rim:RegistryObjectList>"))).unwrap_err();
    assert!(
        sentences(&findings)
            .contains("Classification.classifiedObject must be the id of an object of this submission; got `S2`")
    );
}

#[test]
fn source_patient_info_is_kept_as_it_came() {
    let lines = [
        "PID-3|a^^^&amp;2.999.2&amp;ISO~b^^^&amp;2.999.3&amp;ISO",
        "PID-3|c",
        "PID-5|A^B",
        "PID-5|C",
        "PID-7|197001021530",
    ];
    let old = "<rim:Slot name=\"sourcePatientInfo\">";
    let renamed = first(old, "<rim:Slot name=\"urn:example:old\">");
    let text = renamed.replacen(FIRST_SLOT, &(slot("sourcePatientInfo", &lines) + FIRST_SLOT), 1);
    let entry = &decode(&text).unwrap().value.entries[0];
    let kept: Vec<String> = lines.iter().map(|l| l.replace("&amp;", "&")).collect();
    assert_eq!(entry.source_patient_info.0, kept);
    assert_eq!(entry.source_patient_info.field(3).count(), 3);
    assert!(entry.validate().is_empty());
}

#[test]
fn a_long_uri_is_put_together() {
    let old = "<rim:Value>IHE_XDM/SUBSET01/DOC0001</rim:Value>";
    let values = |v: &[&str]| v.iter().map(|v| format!("<rim:Value>{v}</rim:Value>")).collect::<String>();
    let parts = first(old, &values(&["2|SUBSET01/", "1|IHE_XDM/", "3|DOC0001"]));
    check_same(&parts);
    for broken in [&["1|a", "1|b"][..], &["a", "b"], &["1|a", "3|b"]] {
        check_refused(
            &first(old, &values(broken)),
            &["D1: DocumentEntry.URI must have one value, or several numbered"],
        );
    }
    let bar = decode(&first(old, &values(&["1|a"]))).unwrap().value;
    assert_eq!(bar.entries[0].uri.as_deref(), Some("1|a"));
}

#[test]
fn another_element_is_refused() {
    check_refused(
        "<a/>",
        &["SubmitObjectsRequest must be lcm:SubmitObjectsRequest of ebRS 3.0; got `a in no namespace`"],
    );
    let old =
        changed("urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0", "urn:oasis:names:tc:ebxml-regrep:registry:xsd:2.1");
    check_refused(&old, &["SubmitObjectsRequest must be lcm:SubmitObjectsRequest of ebRS 3.0"]);
    check_refused(
        "<l:SubmitObjectsRequest xmlns:l=\"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0\"/>",
        &["SubmitObjectsRequest must hold one rim:RegistryObjectList"],
    );
    check_refused(
        &first("<rim:RegistryObjectList>", "<rim:RegistryObjectList><rim:Service id=\"x\"/>"),
        &["RegistryObjectList must hold"],
    );
}

#[test]
fn hostile_sizes_end_early() {
    let many = "<rim:ObjectRef id=\"x\"/>".repeat(6000);
    check_refused(
        &first("<rim:RegistryObjectList>", &format!("<rim:RegistryObjectList>{many}")),
        &["at most 5000 objects"],
    );
    let slots: String = (0..5000).map(|n| slot(&format!("urn:x:{n}"), &["v"])).collect();
    let findings = decode(&with_slot(&slots)).unwrap_err();
    assert_eq!(findings.len(), 1000, "findings are bounded");
    assert!(sentences(&findings).contains("DocumentEntry must have at most 500 slots"));
    let long = changed("\"D1\"", &format!("\"{}\"", "D".repeat(100_000))).replace("20250314091500", "x");
    let findings = decode(&long).unwrap_err();
    assert!(findings.iter().all(|f| f.object.as_ref().is_none_or(|o| o.len() <= 256)), "ids in findings are bounded");
}

#[test]
fn documents_are_found_by_id_or_refused() {
    let text = |documents: &str| {
        let metadata = fixture("made/iti42_request.xml");
        format!(
            "<x:ProvideAndRegisterDocumentSetRequest xmlns:x=\"urn:ihe:iti:xds-b:2007\" xmlns:xop=\"http://www.w3.org/2004/08/xop/include\">{metadata}{documents}</x:ProvideAndRegisterDocumentSetRequest>"
        )
    };
    let check = |documents: &str, expected: &str| {
        let document = parse(text(documents).as_bytes());
        let found = sentences(&decode_provide(&document.root()).unwrap_err());
        assert!(found.contains(expected), "{found}");
    };
    check("<x:Document>AA==</x:Document>", "Document.id must have 1 to 256 characters");
    check("<x:Document id='D1'/><x:Document id='D1'/>", "D1: Document.id must not occur twice; got `D1`");
    check(
        "<x:Document id='D1'><xop:Include href='http://x'/></x:Document>",
        "D1: Document must be a reference of the form cid:content-id; got `http://x`",
    );
    check("<x:Document id='D1'><xop:Include/></x:Document>", "cid:content-id");
    check(
        "<x:Document id='D1'><xop:Include href='cid:a'/>AA==</x:Document>",
        "must hold one xop:Include or base64 text",
    );
    check("<x:Document id='D1'><other/></x:Document>", "must hold one xop:Include or base64 text");

    let inline = "<x:Document id='D1'>\r\n SGVs\r\n bG8= \r\n</x:Document><x:Document id='D9'>####</x:Document>";
    let document = parse(text(inline).as_bytes());
    let provide = decode_provide(&document.root()).unwrap().value;
    assert_eq!(provide.documents[0].content.octets().unwrap().unwrap(), b"Hello");
    assert!(provide.documents[1].content.octets().unwrap().is_err());
    assert_eq!(provide.entries_without_document(), [&crate::values::id("D2")]);
    assert_eq!(provide.documents_without_entry(), [&crate::values::id("D9")]);
    assert!(provide.document(&crate::values::id("D1")).is_some());
}

#[test]
fn big_inline_content_survives_white_space_and_bad_padding_does_not() {
    let octets: Vec<u8> = (0..100_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let content = ebxml::Content::of(&octets);
    assert_eq!(content.octets().unwrap().unwrap(), octets);
    let ebxml::Content::Inline(text) = &content else { panic!("inline") };
    let lines: String =
        text.as_bytes().chunks(76).map(|l| format!("{}\r\n", std::str::from_utf8(l).unwrap())).collect();
    assert_eq!(ebxml::Content::Inline(lines.into()).octets().unwrap().unwrap(), octets);
    for bad in ["AA==AA==", "A", "AA=", "AAA=AAAA", "äöü="] {
        assert!(ebxml::Content::Inline(bad.into()).octets().unwrap().is_err(), "{bad}");
    }
    let padded_inside = format!("{}AA=={}", "A".repeat(4092), "A".repeat(4));
    assert!(ebxml::Content::Inline(padded_inside.into()).octets().unwrap().is_err());
    let part = ebxml::Content::part("a b%<c>@x.example");
    assert_eq!(format!("{part:?}"), "Part(a%20b%25%3Cc%3E@x.example)");
    assert_eq!(part.content_id().as_deref(), Some("a b%<c>@x.example"));
    assert_eq!(ebxml::Content::Inline("".into()).octets().unwrap().unwrap(), b"");
}

#[test]
fn a_unique_id_is_opaque_text_of_any_form_and_of_great_length() {
    let extension = format!("2.999.5^{}", "x".repeat(190));
    for unique_id in
        ["2.999.5.1^DOC-7", "urn:uuid:a0000000-0000-4000-8000-000000000001", "https://h.example/d?1", &extension]
    {
        let decoded = decode(&changed("value=\"2.999.5.1^part\"", &format!("value=\"{unique_id}\""))).unwrap().value;
        assert_eq!(decoded.entries[0].unique_id.as_str(), unique_id);
        assert!(decoded.entries[0].validate().is_empty(), "{unique_id}");
    }
}
