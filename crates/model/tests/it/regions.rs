//! From body parts and fine codes to the coarse regions. Source: spec/mcwg.md 3.5.

use crate::samples::code;
use model::{Code, RegionMap, RegionRule, schemes};
use proptest::prelude::*;

const THORAX: &str = "67734004";
const ABDOMEN: &str = "63337009";
const HEAD_AND_NECK: &str = "774007";
const SPINE: &str = "1141981001";

fn sct(text: &str) -> Code {
    code(text, schemes::SNOMED_CT)
}

fn map() -> RegionMap {
    let words = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    RegionMap {
        rules: vec![
            RegionRule {
                body_parts: words(&["CHEST", "LUNG"]),
                codes: words(&["51185008"]),
                regions: vec![sct(THORAX)],
            },
            RegionRule {
                body_parts: words(&["CHESTABDOMEN"]),
                codes: words(&["CTTA"]),
                regions: vec![sct(THORAX), sct(ABDOMEN)],
            },
        ],
        equivalents: [
            ("737561001", SPINE),
            ("421060004", SPINE),
            ("69536005", HEAD_AND_NECK),
            ("45048000", HEAD_AND_NECK),
        ]
        .map(|(other, ours)| (other.to_owned(), sct(ours)))
        .to_vec(),
    }
}

fn check(anatomic: &[&str], body_parts: &[&str], procedures: &[&str], expected: &[&str]) {
    let codes = |texts: &[&str]| texts.iter().map(|t| sct(t)).collect::<Vec<_>>();
    let (anatomic, procedures) = (codes(anatomic), codes(procedures));
    let found = map().regions(&anatomic, body_parts.iter().copied(), &procedures);
    let found: Vec<&str> = found.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(found, expected, "{anatomic:?} {body_parts:?} {procedures:?}");
}

proptest! {
    #[test]
    fn a_region_is_never_invented(
        codes in proptest::collection::vec("[0-9]{6,9}|CTTA|51185008", 0..4),
        parts in proptest::collection::vec("[A-Z ]{0,8}|chest", 0..4),
    ) {
        let codes: Vec<Code> = codes.iter().map(|c| sct(c)).collect();
        let map = map();
        let found = map.regions(&codes, parts.iter().map(String::as_str), &codes);
        let coarse = RegionMap::coarse();
        prop_assert!(found.iter().all(|f| coarse.iter().any(|c| c.means(f))));
        let known = codes.iter().any(|c| map.normalise(c).is_some() || map.rules.iter().any(|r| r.codes.contains(&c.code)))
            || parts.iter().any(|p| map.rules.iter().any(|r| r.body_parts.contains(&p.trim().to_uppercase())));
        prop_assert_eq!(found.is_empty(), !known);
        for (n, one) in found.iter().enumerate() {
            prop_assert!(!found[..n].iter().any(|before| before.means(one)));
        }
    }
}

#[test]
fn body_parts_and_codes_lead_to_coarse_regions() {
    check(&[], &[], &[], &[]);
    check(&[], &["CHEST"], &[], &[THORAX]);
    check(&[], &[" chest "], &[], &[THORAX]);
    check(&[], &["CHEST", "LUNG"], &[], &[THORAX]);
    check(&[], &["CHESTABDOMEN"], &[], &[THORAX, ABDOMEN]);
    check(&[], &["TAIL"], &[], &[]);
    check(&["51185008"], &[], &[], &[THORAX]);
    check(&[ABDOMEN], &["CHEST"], &[], &[ABDOMEN, THORAX]);
    check(&["123456789"], &[], &[], &[]);
}

#[test]
fn a_procedure_counts_only_when_the_images_say_nothing() {
    check(&[], &[], &["CTTA"], &[THORAX, ABDOMEN]);
    check(&[ABDOMEN], &[], &["CTTA"], &[ABDOMEN]);
    check(&[], &["TAIL"], &["CTTA"], &[THORAX, ABDOMEN]);
}

#[test]
fn the_three_codes_of_the_spine_are_one() {
    let map = map();
    for spine in [SPINE, "737561001", "421060004"] {
        assert_eq!(map.normalise(&sct(spine)).unwrap().code, SPINE, "{spine}");
        assert_eq!(map.same_region(spine), [SPINE, "421060004", "737561001"], "{spine}");
        check(&[spine], &[], &[], &[SPINE]);
    }
    assert_eq!(map.same_region("69536005"), ["45048000", "69536005", HEAD_AND_NECK]);
    assert_eq!(map.same_region("CT"), ["CT"]);
}

#[test]
fn a_modality_is_no_region_and_neither_is_a_procedure() {
    let map = map();
    assert!(map.is_region(&sct(THORAX)));
    assert!(map.is_region(&sct("737561001")));
    assert!(!map.is_region(&code("CT", schemes::DCM)));
    assert!(!map.is_region(&code(THORAX, schemes::DCM)));
    assert!(!map.is_region(&sct("51185008")));
    assert_eq!(RegionMap::coarse().len(), 10);
    assert!(RegionMap::coarse().iter().all(|c| map.is_region(c)));
}
