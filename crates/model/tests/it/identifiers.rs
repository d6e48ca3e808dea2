//! OIDs, UIDs, object ids and uniqueIds. Source: spec/xds.md 9 and 13; field case B-012.

use model::{HomeCommunityId, ObjectId, Oid, Sha1Hash, SopInstanceUid, StudyInstanceUid, Uid, UniqueId};
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_entry_uuid_is_one_whatever_its_case(bytes in any::<[u8; 16]>(), upper in any::<bool>(), scheme in prop_oneof![Just("urn:uuid:"), Just("URN:UUID:"), Just("Urn:Uuid:")]) {
        let id = ObjectId::from_uuid_bytes(bytes);
        prop_assert!(id.is_uuid());
        let hex = id.as_str().strip_prefix("urn:uuid:").unwrap().to_owned();
        let written = format!("{scheme}{}", if upper { hex.to_ascii_uppercase() } else { hex });
        let read = ObjectId::parse(&written).unwrap();
        prop_assert_eq!(read.to_string(), read.as_str());
        prop_assert_eq!(read, id);
    }

    #[test]
    fn a_symbolic_id_keeps_its_case(text in "[A-Za-z][A-Za-z0-9:._-]{0,40}") {
        prop_assume!(!text.to_ascii_lowercase().starts_with("urn:uuid:"));
        let id = ObjectId::parse(&text).unwrap();
        prop_assert_eq!(id.as_str(), text);
        prop_assert!(!id.is_uuid());
    }

    #[test]
    fn identifiers_never_panic(text in "\\PC{0,80}") {
        let _ = (ObjectId::parse(&text), Oid::parse(&text), Uid::parse(&text), UniqueId::parse(&text));
        let _ = (HomeCommunityId::parse(&text), Sha1Hash::parse(&text));
    }

    #[test]
    fn a_uid_loses_only_its_padding(arcs in proptest::collection::vec("[0-9]{1,6}", 1..8), padding in "[\\x00 ]{0,3}") {
        let uid = arcs.join(".");
        prop_assume!(uid.len() <= 64);
        let read = Uid::parse(&format!("{uid}{padding}")).unwrap();
        prop_assert_eq!(read.as_str(), &uid);
        prop_assert_eq!(read.is_strict(), arcs.iter().all(|a| a == "0" || !a.starts_with('0')));
    }

    #[test]
    fn a_hash_is_one_whatever_its_case(bytes in any::<[u8; 20]>()) {
        let hash = Sha1Hash::from_bytes(bytes);
        prop_assert_eq!(Sha1Hash::parse(&hash.as_str().to_ascii_uppercase()).unwrap(), hash.clone());
        prop_assert_eq!(hash.to_bytes(), bytes);
    }
}

#[test]
fn a_urn_that_is_no_uuid_is_refused() {
    for text in [
        "urn:uuid:",
        "urn:uuid:1",
        "urn:uuid:a0000000-0000-4000-8000-00000000000",
        "urn:uuid:a0000000-0000-4000-8000-00000000000g",
        "urn:uuid:a00000000000-4000-8000-0000000000011",
        "urn:uuid:{a0000000-0000-4000-8000-000000000001}",
        "",
    ] {
        assert!(ObjectId::parse(text).is_err(), "{text}");
    }
    assert!(ObjectId::parse(&"x".repeat(257)).is_err());
    assert!(ObjectId::parse(&"x".repeat(256)).is_ok());
}

#[test]
fn b_012_a_zero_led_uid_is_kept_to_the_letter() {
    let uid = StudyInstanceUid::parse("1.2.392.200036.9116.1055.1.20111103.05453119").unwrap();
    assert_eq!(uid.as_str(), "1.2.392.200036.9116.1055.1.20111103.05453119");
    assert!(!uid.uid().is_strict());
    assert_eq!(StudyInstanceUid::parse("2.25.1 ").unwrap(), StudyInstanceUid::parse("2.25.1\0").unwrap());
    assert!(StudyInstanceUid::parse("2.25.1 ").unwrap().uid().is_strict());
}

#[test]
fn what_could_leave_a_folder_is_no_uid() {
    for text in ["", "\0", "..", "1..2", ".1", "1.", "1.2.abc..3", "../1", "1/2", "1%00", " 1.2", "1.2\u{661}", "1.2\n"]
    {
        let refused = SopInstanceUid::parse(text).unwrap_err();
        assert_eq!(refused.field, "SOPInstanceUID", "{text}");
    }
    assert!(Uid::parse(&"1".repeat(65)).is_err());
    assert!(Uid::parse(&"1".repeat(64)).is_ok());
}

#[test]
fn an_oid_has_no_prefix_and_no_leading_zero() {
    for text in ["2.999.1", "0.0", "1.2.840.10008", "3.1"] {
        assert!(Oid::parse(text).is_ok(), "{text}");
    }
    for text in ["", "2", "2.", ".2", "2..9", "02.9", "2.09", "urn:oid:2.999", "2.999 ", "2.-1"] {
        assert!(Oid::parse(text).is_err(), "{text}");
    }
    assert!(Oid::parse("1.2.840").unwrap().is_strict() && !Oid::parse("3.1").unwrap().is_strict());
    assert!(Oid::parse(&format!("2.{}", "1".repeat(62))).is_ok());
    assert!(Oid::parse(&format!("2.{}", "1".repeat(63))).is_err());
}

#[test]
fn a_home_community_is_an_oid_with_its_prefix() {
    let home = HomeCommunityId::parse("urn:oid:2.999.1").unwrap();
    assert_eq!((home.to_string().as_str(), home.oid().as_str()), ("urn:oid:2.999.1", "2.999.1"));
    for text in ["2.999.1", "urn:oid:", "urn:oid:x", "urn:uuid:2.999.1"] {
        assert_eq!(HomeCommunityId::parse(text).unwrap_err().field, "homeCommunityId", "{text}");
    }
}

#[test]
fn a_unique_id_is_opaque_text_without_outer_spaces() {
    for text in ["2.25.1", "2.25.1^ABC", "urn:uuid:x", "https://example.org/1", "ä b"] {
        assert_eq!(UniqueId::parse(text).unwrap().as_str(), text);
    }
    assert_ne!(UniqueId::parse("a").unwrap(), UniqueId::parse("A").unwrap());
    for text in ["", " 1", "1 ", "a\nb", "a\0"] {
        assert_eq!(UniqueId::parse(text).unwrap_err().field, "uniqueId", "{text:?}");
    }
    assert!(UniqueId::parse(&"ä".repeat(256)).is_ok());
    assert!(UniqueId::parse(&"ä".repeat(257)).is_err());
}
