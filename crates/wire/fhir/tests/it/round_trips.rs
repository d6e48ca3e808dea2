//! decode(encode(x)) == x for everything FHIR has a place for.

use crate::profiles::assert_document_reference;
use crate::{entry, oid};
use fhir::document_reference::{DecodeContext, EncodeContext, decode, encode};
use model::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const BASE: &str = "https://central.example/fhir";

fn text() -> impl Strategy<Value = String> {
    // Separators of HL7 and FHIR and characters that JSON escapes, but no outer blanks, which FHIR forbids.
    "[A-Za-z0-9äß^&~|\\\\\"<>,$%/-]([A-Za-z0-9 äß^&~|\\\\\"<>,$%/-]{0,20}[A-Za-z0-9äß^&~|\"<>,$%/-])?"
}

fn word() -> impl Strategy<Value = String> {
    "[A-Za-zäöü&^-]{1,12}"
}

fn any_oid() -> impl Strategy<Value = Oid> {
    "2\\.999(\\.[1-9][0-9]{0,4}){1,4}".prop_map(|t| oid(&t))
}

fn code() -> impl Strategy<Value = Code> {
    let schemes = prop_oneof![
        Just(schemes::DCM.to_owned()),
        Just(schemes::SNOMED_CT.to_owned()),
        Just(schemes::LOINC.to_owned()),
        Just(schemes::IHE_CLASS.to_owned()),
        Just(schemes::IHE_FORMAT.to_owned()),
        Just(schemes::CONFIDENTIALITY.to_owned()),
        Just(schemes::DICOM_UID_REGISTRY.to_owned()),
        any_oid().prop_map(|o| o.as_str().to_owned()),
        Just("https://codes.example/local".to_owned()),
        Just("Local Codes".to_owned()),
    ];
    ("[A-Za-z0-9:.-]{1,16}", schemes, option::of(text())).prop_map(|(code, scheme, display)| Code {
        code,
        scheme,
        display: display.map_or_else(Text::default, Text::plain),
    })
}

fn distinct_codes(max: usize) -> impl Strategy<Value = Vec<Code>> {
    vec(code(), 0..max).prop_map(|codes| {
        let mut out: Vec<Code> = Vec::new();
        for code in codes {
            if !out.iter().any(|c| c.means(&code)) {
                out.push(code);
            }
        }
        out
    })
}

fn time() -> impl Strategy<Value = Dtm> {
    let full = (1900u32..2100, 1u32..13, 1u32..29, 0u32..24, 0u32..60, 0u32..60);
    (full, 0usize..4).prop_map(|((y, mo, d, h, mi, s), precision)| {
        let text = format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}");
        Dtm::parse(&text[..[4, 6, 8, 14][precision]]).unwrap()
    })
}

fn patient_id() -> impl Strategy<Value = PatientId> {
    (text(), any_oid()).prop_map(|(id, domain)| PatientId::new(id, domain))
}

fn xcn() -> impl Strategy<Value = Xcn> {
    (option::of("[A-Z0-9]{1,8}"), word(), word(), option::of(word()), option::of(word()), option::of(any_oid()))
        .prop_map(|(id, family, given, middle, prefix, authority)| {
            let authority = authority.filter(|_| id.is_some()).map(|oid| Hd::of(oid).to_string()).unwrap_or_default();
            let e = |t: Option<String>| t.map(|t| escape(&t)).unwrap_or_default();
            let parts = [e(id), escape(&family), escape(&given), e(middle), String::new(), e(prefix), String::new()];
            let line = format!("{}^^{authority}", parts.join("^"));
            Xcn::parse(line.trim_end_matches('^')).unwrap()
        })
}

fn xon() -> impl Strategy<Value = Xon> {
    (text(), 0usize..3, any_oid(), "[A-Z0-9]{1,8}").prop_map(|(name, kind, oid, id)| {
        let line = match kind {
            0 => escape(&name),
            1 => format!("{}^^^^^&{oid}&ISO^^^^{id}", escape(&name)),
            _ => format!("{}^^^^^^^^^{oid}", escape(&name)),
        };
        Xon::parse(&line).unwrap()
    })
}

fn role() -> impl Strategy<Value = String> {
    prop_oneof![word().prop_map(|w| escape(&w)), ("[0-9]{3,8}", any_oid()).prop_map(|(c, o)| format!("{c}^^^&{o}&ISO"))]
}

fn xtn() -> impl Strategy<Value = Xtn> {
    prop_oneof![
        "\\^(WPN|PRN)?\\^Internet\\^[a-z]{1,8}@[a-z]{1,8}\\.example",
        "\\^(WPN|PRN)?\\^PH\\^\\^\\^\\^\\^\\^\\^\\^\\^\\+[0-9]{4,12}",
        "\\^(WPN|PRN)?\\^FX\\^\\^\\^\\^\\^\\^\\^\\^\\^\\+[0-9]{4,12}",
        "\\^PRN\\^CP\\^\\^\\^\\^\\^\\^\\^\\^\\^\\+[0-9]{4,12}",
    ]
    .prop_map(|t| Xtn::parse(&t).unwrap())
}

fn author() -> impl Strategy<Value = Author> {
    let parts = (option::of(xcn()), vec(xon(), 0..4), vec(role(), 0..3), vec(role(), 0..3), vec(xtn(), 0..3));
    parts
        .prop_map(|(person, institutions, roles, specialties, telecommunications)| Author {
            person,
            institutions,
            roles,
            specialties,
            telecommunications,
        })
        .prop_filter("an author is someone", |a| a.validate("author").is_ok())
}

fn reference() -> impl Strategy<Value = ReferenceId> {
    let id = "[A-Z0-9][A-Za-z0-9^|-]{0,14}";
    let hd = || option::of(any_oid().prop_map(Hd::of));
    prop_oneof![
        (any_oid(), hd()).prop_map(|(uid, authority)| ReferenceId {
            id: uid.as_str().to_owned(),
            authority,
            kind: reference_types::STUDY_INSTANCE_UID.to_owned(),
            home: None,
        }),
        (id, hd(), 0usize..4).prop_map(|(id, authority, kind)| ReferenceId {
            id,
            authority,
            kind: [
                reference_types::ACCESSION,
                reference_types::ORDER,
                reference_types::REFERRAL,
                "urn:example:2026:other",
            ][kind]
                .to_owned(),
            home: None,
        }),
    ]
}

fn unique_id() -> impl Strategy<Value = UniqueId> {
    prop_oneof![
        any_oid().prop_map(|o| o.as_str().to_owned()),
        (any_oid(), "[A-Za-z0-9|-]{1,12}").prop_map(|(o, e)| format!("{o}^{e}")),
        Just("urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001".to_owned()),
        Just("http://ids.example/documents|manifest-1".to_owned()),
        "[A-Za-z][A-Za-z0-9-]{0,20}",
    ]
    .prop_map(|t| UniqueId::parse(&t).unwrap())
}

fn source_patient() -> impl Strategy<Value = (Option<PatientId>, SourcePatientInfo)> {
    let name = option::of((word(), word()));
    let lines = (vec(patient_id(), 1..3), name, option::of(0u32..28), option::of(0usize..4), option::of(word()));
    lines.prop_map(|(mut ids, name, day, sex, street)| {
        ids.dedup();
        let mut lines: Vec<String> = ids.iter().map(|id| format!("PID-3|{id}")).collect();
        if let Some((family, given)) = name {
            lines.push(format!("PID-5|{}^{}", escape(&family), escape(&given)));
        }
        if let Some(day) = day {
            lines.push(format!("PID-7|197705{:02}", day + 1));
        }
        if let Some(sex) = sex {
            lines.push(format!("PID-8|{}", ["M", "F", "O", "U"][sex]));
        }
        if let Some(street) = street {
            lines.push(format!("PID-11|{}^^Metropolis^^44130^CH", escape(&street)));
        }
        (ids.pop(), SourcePatientInfo(lines))
    })
}

prop_compose! {
    fn document()(
        codes in (code(), code(), code(), code(), code()),
        lists in (vec(code(), 1..4), distinct_codes(6)),
        authors in vec(author(), 0..4),
        authenticator in option::of(xcn()),
        texts in (option::of(text()), option::of(text())),
        times in (option::of(time()), option::of(time()), option::of(time())),
        ids in (patient_id(), unique_id(), any::<[u8; 16]>()),
        bytes in (option::of(any::<[u8; 20]>()), option::of(0u64..1 << 31)),
        source in source_patient(),
        references in (vec(reference(), 0..5), option::of(any_oid())),
        home in option::of(any_oid()),
        deprecated in any::<bool>(),
        extra in option::of(vec(text(), 1..3)),
    ) -> DocumentEntry {
        let text = |t: Option<String>| t.map_or_else(Text::default, Text::plain);
        let encounter = references.1.map(|o| ReferenceId {
            id: "E-1".into(), authority: Some(Hd::of(o)), kind: reference_types::ENCOUNTER.into(), home: None,
        });
        DocumentEntry {
            id: ObjectId::from_uuid_bytes(ids.2),
            availability_status: if deprecated { AvailabilityStatus::Deprecated } else { AvailabilityStatus::Approved },
            home_community_id: home.map(|o| HomeCommunityId::parse(&format!("urn:oid:{o}")).unwrap()),
            title: text(texts.0),
            comments: text(texts.1),
            authors,
            class_code: codes.0,
            type_code: codes.1,
            format_code: codes.2,
            healthcare_facility_type_code: codes.3,
            practice_setting_code: codes.4,
            confidentiality_codes: lists.0,
            event_code_list: lists.1,
            patient_id: ids.0,
            unique_id: ids.1,
            creation_time: times.0,
            service_start_time: times.1,
            service_stop_time: times.2,
            hash: bytes.0.map(Sha1Hash::from_bytes),
            size_octets: bytes.1,
            legal_authenticator: authenticator,
            source_patient_id: source.0,
            source_patient_info: source.1,
            reference_id_list: references.0.into_iter().chain(encounter).collect(),
            extra: extra.map(|values| ExtraSlot { name: "urn:example:2019:slot".into(), values }).into_iter().collect(),
            ..entry()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_comes_back_unchanged_and_is_profile_valid(entry in document()) {
        let cx = EncodeContext { extra_slots: true, ..EncodeContext::server(BASE) };
        let bytes = encode(&entry, &cx);
        assert_document_reference(&serde_json::from_slice(&bytes).unwrap());
        crate::xml_forms::round_trip("entry", &bytes);
        let received = decode(&bytes, &DecodeContext::default()).unwrap();
        prop_assert!(received.warnings.is_empty(), "{:?}", received.warnings);
        prop_assert_eq!(received.entry, entry);
    }

    #[test]
    fn hostile_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..200), cut in 0usize..4000, flip in any::<(usize, u8)>()) {
        let _ = decode(&bytes, &DecodeContext::default());
        let mut real = crate::fixture("made/searchset-page1.json");
        let at = flip.0 % real.len();
        real[at] = flip.1;
        real.truncate(real.len().saturating_sub(cut % 3));
        let _ = fhir::bundle::decode_searchset(&real, None);
        let _ = fhir::patient::decode(&real, None);
        let _ = fhir::operation_outcome::decode(&real);
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = format!(
        r#"{{"resourceType":"DocumentReference","extension":[{}{}]}}"#,
        r#"{"extension":["#.repeat(5000),
        "]}".repeat(5000)
    );
    assert!(decode(deep.as_bytes(), &DecodeContext::default()).is_err());
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{deep}}}]}}"#);
    let found = fhir::bundle::decode_searchset(bundle.as_bytes(), None);
    assert!(found.map_or(true, |page| page.documents.iter().all(Result::is_err)));
}
