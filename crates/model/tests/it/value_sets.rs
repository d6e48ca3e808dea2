//! Codes outside an affinity domain's lists. Source: ITI TF-2 3.42.4.1.3.6.

use crate::samples::{code, entry, fields, folder, set};
use model::*;

fn only(attribute: CodedAttribute, check: Check, codes: Vec<Code>) -> ValueSets {
    ValueSets { lists: vec![ValueList { attribute, check, codes }] }
}

fn findings(sets: &ValueSets) -> Findings {
    sets.check(&set(), &[entry("doc")], &[folder("folder")])
}

#[test]
fn a_code_outside_its_list_is_refused_warned_about_or_let_through() {
    for (attribute, field, times) in [
        (CodedAttribute::ClassCode, "DocumentEntry.classCode", 1),
        (CodedAttribute::TypeCode, "DocumentEntry.typeCode", 1),
        (CodedAttribute::FormatCode, "DocumentEntry.formatCode", 1),
        (CodedAttribute::ConfidentialityCode, "DocumentEntry.confidentialityCode", 1),
        (CodedAttribute::EventCodeList, "DocumentEntry.eventCodeList", 2),
        (CodedAttribute::HealthcareFacilityTypeCode, "DocumentEntry.healthcareFacilityTypeCode", 1),
        (CodedAttribute::PracticeSettingCode, "DocumentEntry.practiceSettingCode", 1),
        (CodedAttribute::MimeType, "DocumentEntry.mimeType", 1),
        (CodedAttribute::ContentTypeCode, "SubmissionSet.contentTypeCode", 1),
        (CodedAttribute::FolderCodeList, "Folder.codeList", 1),
    ] {
        let expected = vec![field; times];
        let refused = findings(&only(attribute, Check::Refuse, vec![code("other", "2.999.1")]));
        assert_eq!((fields(&refused.refused), refused.warned), (expected.clone(), vec![]), "{field}");
        let warned = findings(&only(attribute, Check::Warn, Vec::new()));
        assert_eq!((warned.refused, fields(&warned.warned)), (vec![], expected), "{field}");
        assert_eq!(findings(&only(attribute, Check::Off, Vec::new())), Findings::default(), "{field}");
        assert!(field.ends_with(attribute.name()));
    }
    assert_eq!(CodedAttribute::ALL.len(), 10);
}

#[test]
fn a_listed_code_passes_whatever_it_is_called_and_the_scheme_counts() {
    let images = Code::new("IMAGES", schemes::IHE_CLASS, "Bilder");
    let class = |code| findings(&only(CodedAttribute::ClassCode, Check::Refuse, vec![code]));
    assert_eq!(class(images), Findings::default());
    let found = class(Code::new("IMAGES", "2.999.1", "display of IMAGES"));
    assert_eq!(found.refused[0].value, format!("IMAGES^^{}", schemes::IHE_CLASS));
    assert_eq!(found.refused[0].object.as_deref(), Some("doc"));
}

#[test]
fn a_media_type_has_no_scheme_to_compare() {
    let lists = only(CodedAttribute::MimeType, Check::Refuse, vec![Code::new("application/dicom", "whatever", "")]);
    assert_eq!(findings(&lists), Findings::default());
}

#[test]
fn an_attribute_without_a_list_is_free() {
    assert_eq!(findings(&ValueSets::default()), Findings::default());
}
