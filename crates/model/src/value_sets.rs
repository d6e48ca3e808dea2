//! Value sets of an affinity domain: which codes an attribute may carry, and what happens when it carries another.
//! Source: ITI TF-2 3.42.4.1.3.6; design section 1 (`codes.toml`).

use crate::{Code, DocumentEntry, Folder, Invalid, SubmissionSet};

/// What to do with a code outside the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Refuse,
    Warn,
    Off,
}

/// The coded attributes a list can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodedAttribute {
    ClassCode,
    TypeCode,
    FormatCode,
    ConfidentialityCode,
    EventCodeList,
    HealthcareFacilityTypeCode,
    PracticeSettingCode,
    ContentTypeCode,
    FolderCodeList,
    MimeType,
}

impl CodedAttribute {
    pub const ALL: [CodedAttribute; 10] = [
        CodedAttribute::ClassCode,
        CodedAttribute::TypeCode,
        CodedAttribute::FormatCode,
        CodedAttribute::ConfidentialityCode,
        CodedAttribute::EventCodeList,
        CodedAttribute::HealthcareFacilityTypeCode,
        CodedAttribute::PracticeSettingCode,
        CodedAttribute::ContentTypeCode,
        CodedAttribute::FolderCodeList,
        CodedAttribute::MimeType,
    ];

    /// The attribute's name in the metadata tables.
    pub fn name(self) -> &'static str {
        match self {
            CodedAttribute::ClassCode => "classCode",
            CodedAttribute::TypeCode => "typeCode",
            CodedAttribute::FormatCode => "formatCode",
            CodedAttribute::ConfidentialityCode => "confidentialityCode",
            CodedAttribute::EventCodeList => "eventCodeList",
            CodedAttribute::HealthcareFacilityTypeCode => "healthcareFacilityTypeCode",
            CodedAttribute::PracticeSettingCode => "practiceSettingCode",
            CodedAttribute::ContentTypeCode => "contentTypeCode",
            CodedAttribute::FolderCodeList => "codeList",
            CodedAttribute::MimeType => "mimeType",
        }
    }
}

/// The codes of one attribute. For `mimeType` the code is the type and the scheme is not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueList {
    pub attribute: CodedAttribute,
    pub check: Check,
    pub codes: Vec<Code>,
}

/// All lists; an attribute without a list is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueSets {
    pub lists: Vec<ValueList>,
}

/// What [`ValueSets`] found: reasons to refuse, and reasons to warn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub refused: Vec<Invalid>,
    pub warned: Vec<Invalid>,
}

impl ValueSets {
    /// Checks every coded attribute of a submission's objects.
    pub fn check(&self, set: &SubmissionSet, entries: &[DocumentEntry], folders: &[Folder]) -> Findings {
        let mut findings = Findings::default();
        for entry in entries {
            let mime = Code::new(entry.mime_type.clone(), "", "");
            let single = std::slice::from_ref::<Code>;
            for (attribute, codes) in [
                (CodedAttribute::ClassCode, single(&entry.class_code)),
                (CodedAttribute::TypeCode, single(&entry.type_code)),
                (CodedAttribute::FormatCode, single(&entry.format_code)),
                (CodedAttribute::HealthcareFacilityTypeCode, single(&entry.healthcare_facility_type_code)),
                (CodedAttribute::PracticeSettingCode, single(&entry.practice_setting_code)),
                (CodedAttribute::ConfidentialityCode, &entry.confidentiality_codes[..]),
                (CodedAttribute::EventCodeList, &entry.event_code_list[..]),
                (CodedAttribute::MimeType, single(&mime)),
            ] {
                self.check_codes(attribute, codes, "DocumentEntry", entry.id.as_str(), &mut findings);
            }
        }
        let content = std::slice::from_ref(&set.content_type_code);
        self.check_codes(CodedAttribute::ContentTypeCode, content, "SubmissionSet", set.id.as_str(), &mut findings);
        for folder in folders {
            let codes = &folder.code_list;
            self.check_codes(CodedAttribute::FolderCodeList, codes, "Folder", folder.id.as_str(), &mut findings);
        }
        findings
    }

    fn check_codes(&self, attribute: CodedAttribute, codes: &[Code], kind: &str, object: &str, out: &mut Findings) {
        let Some(list) = self.lists.iter().find(|l| l.attribute == attribute) else { return };
        for code in codes {
            let known = list
                .codes
                .iter()
                .any(|c| if attribute == CodedAttribute::MimeType { c.code == code.code } else { c.means(code) });
            if known || list.check == Check::Off {
                continue;
            }
            let value = format!("{}^^{}", code.code, code.scheme);
            let rule = "must be a code of this affinity domain's value set";
            let finding = Invalid::new(format!("{kind}.{}", attribute.name()), rule, value).on(object);
            match list.check {
                Check::Refuse => out.refused.push(finding),
                Check::Warn => out.warned.push(finding),
                Check::Off => {}
            }
        }
    }
}
