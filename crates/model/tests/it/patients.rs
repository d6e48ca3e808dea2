//! sourcePatientInfo as submitted. Source: ITI TF-3 4.2.3.2.23; field case B-035.

use crate::samples::{dtm, entry, fields, patient};
use model::*;
use proptest::prelude::*;

fn lines(lines: &[&str]) -> SourcePatientInfo {
    SourcePatientInfo(lines.iter().map(|l| (*l).to_owned()).collect())
}

proptest! {
    #[test]
    fn what_is_written_of_a_patient_is_read_back(
        ids in proptest::collection::vec("[A-Z^&~|\\\\é]{1,6}", 0..4),
        family in "[A-Za-z^&~|\\\\]{1,8}",
        given in "[A-Za-z^&~|\\\\]{0,8}",
    ) {
        let ids: Vec<PatientId> = ids.iter().map(|id| patient(id)).collect();
        let name = PersonName { family, given, ..PersonName::default() };
        let birth = dtm("19700102");
        let info = SourcePatientInfo::of(&ids, &name, Some(&birth), Some(Sex::Female));
        prop_assert_eq!(info.ids(), ids);
        prop_assert_eq!(info.name(), Some(name));
        prop_assert_eq!(info.birth_date(), Some(birth));
        prop_assert_eq!(info.sex(), Some(Sex::Female));
        let entry = DocumentEntry { source_patient_info: info, ..entry("d") };
        prop_assert_eq!(entry.validate(), vec![]);
    }

    #[test]
    fn lines_of_any_text_never_panic(text in proptest::collection::vec("(PID-)?[0-9]{0,3}\\|?\\PC{0,12}", 0..4)) {
        let info = SourcePatientInfo(text);
        let _ = (info.ids(), info.name(), info.birth_date(), info.sex());
        let _ = DocumentEntry { source_patient_info: info, ..entry("d") }.validate();
    }
}

#[test]
fn b_035_repetitions_and_repeated_fields_are_all_read() {
    let three = lines(&["PID-3|A^^^&2.999.1&ISO~B^^^&2.999.2&ISO~C^^^&2.999.3&ISO"]);
    assert_eq!(three.ids().iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["A", "B", "C"]);
    let split = lines(&["PID-3|A^^^&2.999.1&ISO", "PID-3|B^^^&2.999.2&ISO~", "PID-3|"]);
    assert_eq!(split.ids().len(), 2);
    let names = lines(&["PID-5|Doe^Jane", "PID-5|Smith^Jane"]);
    assert_eq!(names.field(5).collect::<Vec<_>>(), ["Doe^Jane", "Smith^Jane"]);
    assert_eq!(names.name().map(|n| n.family), Some("Doe".into()));
    let timed = lines(&["PID-7|19700102093000"]);
    assert_eq!(timed.birth_date(), Some(dtm("19700102")));
    for info in [three, split, names, timed] {
        let entry = DocumentEntry { source_patient_info: info, ..entry("d") };
        assert_eq!(entry.validate(), vec![]);
    }
}

#[test]
fn what_is_no_field_of_a_pid_segment_is_refused() {
    for line in ["", "PID-3", "PID-|x", "PID-x|y", "PID-+3|x", "pid-3|x", "Doe^Jane", "PID3|x"] {
        let entry = DocumentEntry { source_patient_info: lines(&[line]), ..entry("d") };
        assert_eq!(fields(&entry.validate()), ["DocumentEntry.sourcePatientInfo"], "{line}");
    }
    for twice in [["PID-7|1970", "PID-7|1971"], ["PID-8|F", "PID-8|M"]] {
        let entry = DocumentEntry { source_patient_info: lines(&twice), ..entry("d") };
        assert_eq!(fields(&entry.validate()), ["DocumentEntry.sourcePatientInfo"], "{twice:?}");
    }
}

#[test]
fn unreadable_parts_of_a_patient_are_left_out() {
    let odd = lines(&["PID-3|no authority~B^^^&2.999.2&ISO", "PID-7|unknown", "PID-8|X", "PID-11|somewhere"]);
    assert_eq!(odd.ids(), [PatientId::new("B", Oid::parse("2.999.2").unwrap())]);
    assert_eq!((odd.birth_date(), odd.sex(), odd.name()), (None, None, None));
    for sex in [Sex::Male, Sex::Female, Sex::Other, Sex::Unknown] {
        assert_eq!(Sex::from_code(sex.code()), Some(sex));
    }
    assert_eq!(Sex::from_code("f"), None);
}

#[test]
fn searches_see_neither_case_nor_accents() {
    for (text, folded) in [
        ("  MÜLLER ", "muller"),
        ("Mu\u{308}ller", "muller"),
        ("Straße", "strasse"),
        ("Łukasz  Żółć", "lukasz zolc"),
        ("Nguyễn", "nguyen"),
        ("ΆΝΝΑ", "αννα"),
        ("Пётр", "пётр"),
        ("東京", "東京"),
    ] {
        assert_eq!(model::fold(text), folded);
    }
    assert!(model::starts("de la cruz-o'neil").eq([
        "de la cruz-o'neil",
        "la cruz-o'neil",
        "cruz-o'neil",
        "o'neil",
        "neil"
    ]));
}
