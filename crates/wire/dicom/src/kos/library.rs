//! The content tree of a manifest: the flat list of references, procedures, and the image library of MADO manifests in
//! all its generations. CP-2595 (TID 2010, 1600, 1602, 1601, 1609); spec/mcwg.md 4.3, spec/dicom.md section 8.
//!
//! Lenient in spelling: concepts are told by code value whatever their scheme, relationship and value types are judged
//! ([`super::library_rules`]) but not needed, unknown content is skipped.

use model::Code;

use super::coding::CodeReader;
use super::finding::Findings;
use super::library_rules::{judge, place};
use super::titles::TitleKind;
use crate::{DataSet, Tag, tags};

const CONTENT: Tag = tags::CONTENT_SEQUENCE;

/// What the tree says of the study.
#[derive(Default)]
pub(super) struct Tree {
    /// (121023, DCM, "Procedure Code").
    pub(super) procedures: Vec<Code>,
    /// (121139, DCM, "Modality") of the library.
    pub(super) modalities: Vec<String>,
    /// (123014, DCM, "Target Region") of the library.
    pub(super) regions: Vec<Code>,
    /// (131565, DCM, "Number of Study Related Series").
    pub(super) number_of_series: Option<i64>,
    pub(super) groups: Vec<Group>,
    /// The flat list.
    pub(super) references: Vec<Reference>,
}

/// A leaf of the flat list.
pub(super) struct Reference {
    pub(super) value_type: String,
    pub(super) sop_class: String,
    pub(super) sop_instance: String,
}

/// One image library group: a series.
#[derive(Default)]
pub(super) struct Group {
    pub(super) uid: Option<String>,
    pub(super) modality: Option<String>,
    pub(super) number: Option<String>,
    pub(super) description: Option<String>,
    pub(super) date: Option<String>,
    pub(super) time: Option<String>,
    /// Without a code when it was a text.
    pub(super) region: Option<Code>,
    pub(super) laterality: Option<Code>,
    pub(super) number_of_instances: Option<i64>,
    pub(super) entries: Vec<Entry>,
}

/// One library entry: an instance.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) sop_instance: String,
    pub(super) description: Description,
}

/// What stands with an entry.
#[derive(Default)]
pub(super) struct Description {
    pub(super) number: Option<String>,
    pub(super) frames: Option<u32>,
    /// (121144, DCM, "Document Title") of a key object note.
    pub(super) note_title: Option<Code>,
    /// (113012, DCM, "Key Object Description").
    pub(super) note_text: Option<String>,
}

/// The concepts that matter, by final and trial codes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Concept {
    Library,
    Group,
    Modality,
    TargetRegion,
    ProcedureCode,
    StudyRelatedSeries,
    SeriesInstanceUid,
    SeriesNumber,
    SeriesDescription,
    SeriesDate,
    SeriesTime,
    SeriesRelatedInstances,
    Laterality,
    InstanceNumber,
    NumberOfFrames,
    DocumentTitle,
    KeyObjectDescription,
    Other,
}

fn concept(code: &str) -> Concept {
    match code {
        "111028" => Concept::Library,
        "126200" => Concept::Group,
        "121139" => Concept::Modality,
        "123014" => Concept::TargetRegion,
        "121023" => Concept::ProcedureCode,
        "131565" | "MADOTEMP009" | "ddd009" => Concept::StudyRelatedSeries,
        "112002" => Concept::SeriesInstanceUid,
        "113607" => Concept::SeriesNumber,
        "131563" | "MADOTEMP002" | "ddd002" => Concept::SeriesDescription,
        "131561" | "MADOTEMP003" | "ddd003" => Concept::SeriesDate,
        "131562" | "MADOTEMP004" | "ddd004" => Concept::SeriesTime,
        "131564" | "MADOTEMP007" | "ddd007" => Concept::SeriesRelatedInstances,
        "111027" => Concept::Laterality,
        "113609" => Concept::InstanceNumber,
        "121140" => Concept::NumberOfFrames,
        "121144" => Concept::DocumentTitle,
        "113012" => Concept::KeyObjectDescription,
        _ => Concept::Other,
    }
}

/// Reads the tree of a data set. The nesting is bounded by the reader of the data set.
pub(super) fn read(root: &DataSet, codes: &CodeReader, findings: &mut Findings) -> Tree {
    let mut reader = TreeReader { codes, findings, tree: Tree::default() };
    reader.root(root.items(CONTENT));
    reader.tree
}

/// (113012, DCM, "Key Object Description") of a note.
pub(super) fn note_description(root: &DataSet) -> Option<String> {
    root.items(CONTENT)
        .iter()
        .find(|item| concept_of(item) == Concept::KeyObjectDescription)
        .and_then(|item| item.text(tags::TEXT_VALUE))
}

struct TreeReader<'a> {
    codes: &'a CodeReader,
    findings: &'a mut Findings,
    tree: Tree,
}

impl TreeReader<'_> {
    fn root(&mut self, items: &[DataSet]) {
        for item in items {
            judge(item, concept_of(item), &[], self.findings);
            if let Some(reference) = item.item(tags::REFERENCED_SOP_SEQUENCE) {
                self.tree.references.push(Reference {
                    value_type: item.text(tags::VALUE_TYPE).unwrap_or_default(),
                    sop_class: reference.uid(tags::REFERENCED_SOP_CLASS_UID).unwrap_or_default(),
                    sop_instance: reference.uid(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default(),
                });
                continue;
            }
            match concept_of(item) {
                Concept::ProcedureCode => self.tree.procedures.extend(self.code_value(item)),
                Concept::Library => self.library(item.items(CONTENT)),
                _ => {
                    let name = self.codes.first(item, tags::CONCEPT_NAME_CODE_SEQUENCE);
                    if item.contains(CONTENT) && name.is_some_and(|name| TitleKind::of(&name).is_manifest()) {
                        // Deviation: the sample in FHIR Binary form of RAD.MADO repeats the root as its only child.
                        let rule = "must not repeat the root container as a child";
                        self.findings.tree(&place(&[]), rule, "");
                        self.root(item.items(CONTENT));
                    }
                }
            }
        }
    }

    fn library(&mut self, items: &[DataSet]) {
        for item in items {
            judge(item, concept_of(item), &["111028"], self.findings);
            match concept_of(item) {
                Concept::Modality => self.tree.modalities.extend(self.code_value(item).map(|code| code.code)),
                Concept::TargetRegion => self.tree.regions.extend(self.code_value(item)),
                Concept::StudyRelatedSeries => self.tree.number_of_series = number(item),
                Concept::Group => {
                    let group = self.group(item.items(CONTENT));
                    self.tree.groups.push(group);
                }
                _ => {}
            }
        }
    }

    fn group(&mut self, items: &[DataSet]) -> Group {
        let mut group = Group::default();
        let mut pending = Description::default();
        let mut siblings = false;
        for item in items {
            judge(item, concept_of(item), &["111028", "126200"], self.findings);
            if let Some(reference) = item.item(tags::REFERENCED_SOP_SEQUENCE) {
                let mut description = std::mem::take(&mut pending);
                for child in item.items(CONTENT) {
                    judge(child, concept_of(child), &["111028", "126200", "entry"], self.findings);
                    self.describe(child, &mut description);
                }
                let sop_instance = reference.uid(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default();
                group.entries.push(Entry { sop_instance, description });
                continue;
            }
            let text = || text(item);
            match concept_of(item) {
                Concept::SeriesInstanceUid => group.uid = item.uid(tags::UID).or_else(text),
                Concept::Modality => group.modality = self.code_value(item).map(|code| code.code).or_else(text),
                Concept::SeriesNumber => group.number = text(),
                Concept::SeriesDescription => {
                    group.description = text().or_else(|| self.code_value(item).map(|code| code.label().to_owned()));
                }
                Concept::SeriesDate => group.date = item.text(tags::DATE).or_else(text),
                Concept::SeriesTime => group.time = item.text(tags::TIME).or_else(text),
                Concept::SeriesRelatedInstances => group.number_of_instances = number(item),
                Concept::TargetRegion => {
                    let as_text = || text().map(|text| Code::new("", "", text));
                    group.region = self.code_value(item).or_else(as_text).filter(|code| !code.label().is_empty());
                }
                Concept::Laterality => group.laterality = self.code_value(item).filter(|code| !code.code.is_empty()),
                // Deviation: the MADO samples put an entry's descriptors before it instead of into it.
                _ => siblings |= self.describe(item, &mut pending),
            }
        }
        if siblings {
            let rule = "of an instance must stand in its library entry, not before it";
            self.findings.tree(&place(&["111028", "126200"]), rule, "");
        }
        group
    }

    /// Takes one descriptor of an entry; false if it is none.
    fn describe(&self, item: &DataSet, into: &mut Description) -> bool {
        match concept_of(item) {
            Concept::InstanceNumber => into.number = text(item),
            Concept::NumberOfFrames => into.frames = number(item).and_then(|frames| u32::try_from(frames).ok()),
            Concept::DocumentTitle => into.note_title = self.code_value(item),
            Concept::KeyObjectDescription => into.note_text = text(item),
            _ => return false,
        }
        true
    }

    fn code_value(&self, item: &DataSet) -> Option<Code> {
        self.codes.first(item, tags::CONCEPT_CODE_SEQUENCE)
    }
}

pub(super) fn concept_of(item: &DataSet) -> Concept {
    let name = item.item(tags::CONCEPT_NAME_CODE_SEQUENCE).and_then(|name| name.text(tags::CODE_VALUE));
    name.map_or(Concept::Other, |code| concept(&code))
}

fn text(item: &DataSet) -> Option<String> {
    item.text(tags::TEXT_VALUE).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A number as NUM, or as TEXT the way MADO Rev 1.1 had it: `20`, in its samples `(20, UCUM, "instances")`.
fn number(item: &DataSet) -> Option<i64> {
    let measured = item.item(tags::MEASURED_VALUE_SEQUENCE).and_then(|value| value.text(tags::NUMERIC_VALUE));
    let said = measured.or_else(|| text(item))?;
    said.trim_start_matches('(').split(',').next()?.trim().parse().ok()
}
