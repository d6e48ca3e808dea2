//! lcm:SubmitObjectsRequest: the body of ITI-42 and ITI-61 and the metadata of ITI-41 and RAD-68.
//! Source: spec/xds.md sections 7-10, 12, 14; ITI TF-2 3.42.4.1.2.

use std::collections::HashMap;

use model::{Invalid, Submission, SubmissionSet};
use xml::{Element, XmlWriter};

use crate::error::named;
use crate::findings::{Decoded, Findings, Reading};
use crate::names::{FOLDER_NODE, LIMITED_METADATA_NODES, SUBMISSION_SET_NODE, ns, same_uuid};
use crate::objects::{
    ObjectWriter, RawObject, SubIds, Writing, read_association, read_entry, read_folder, read_submission_set, same_id,
    write_association, write_entry, write_folder, write_submission_set,
};

/// Objects in one submission. The rules between objects compare many with many.
const MOST_OBJECTS: usize = 5000;

/// Reads a submission.
///
/// Shape: order is kept. What the registry assigns (status, logical id, version, lastUpdateTime) is not taken from the
/// message: status is Approved, the others absent. The rules that need the whole submission are
/// [`Submission::validate`]'s, which the caller asks next.
/// Errors: everything that is wrong, each finding with field, rule, value and object. When there is any, the findings of
/// `validate` for the objects that could be read are added, so that the sender learns all at once.
/// Source: ITI TF-2 3.42.4.1.3; spec/xds.md section 14 rows 1, 3 and 5.
pub fn decode_submission(request: &Element) -> Result<Decoded<Submission>, Vec<Invalid>> {
    decode(request, Reading::Submission)
}

/// Reads the submission of an update (ITI-57, ITI-92).
///
/// Shape and errors: as [`decode_submission`]; logical ids are taken from the message, and so are the update's
/// association types and its marks, which are [`model::Association::annotation`]'s.
/// Source: spec/xds.md 19.1, 19.2.
pub fn decode_update(request: &Element) -> Result<Decoded<Submission>, Vec<Invalid>> {
    decode(request, Reading::Update)
}

fn decode(request: &Element, reading: Reading) -> Result<Decoded<Submission>, Vec<Invalid>> {
    if !request.is(ns::LCM, "SubmitObjectsRequest") {
        let rule = "must be lcm:SubmitObjectsRequest of ebRS 3.0";
        return Err(vec![Invalid::new("SubmitObjectsRequest", rule, named(request))]);
    }
    let mut lists = request.children_named(ns::RIM, "RegistryObjectList");
    let (Some(list), None) = (lists.next(), lists.next()) else {
        let rule = "must hold one rim:RegistryObjectList";
        return Err(vec![Invalid::new("SubmitObjectsRequest", rule, "")]);
    };
    if list.children().nth(MOST_OBJECTS).is_some() {
        let rule = format!("must hold at most {MOST_OBJECTS} objects");
        return Err(vec![Invalid::new("RegistryObjectList", rule, "")]);
    }
    let mut findings = Findings::new(reading);
    let outside = classifications_beside(list, &mut findings);
    let mut sets = Vec::new();
    let mut packages = 0;
    let (mut entries, mut folders, mut associations) = (Vec::new(), Vec::new(), Vec::new());
    for child in list.children() {
        let id = child.attr("id").unwrap_or_default().trim();
        let beside = outside.get(&key(id)).map_or(&[][..], Vec::as_slice);
        match child.name() {
            _ if child.namespace() != Some(ns::RIM) => unknown(child, &mut findings),
            "ExtrinsicObject" => {
                let object = RawObject::read(child, "DocumentEntry", beside, &mut findings);
                entries.extend(read_entry(object, &mut findings));
            }
            "RegistryPackage" => match package(child, beside) {
                Package::SubmissionSet => {
                    packages += 1;
                    let object = RawObject::read(child, "SubmissionSet", beside, &mut findings);
                    sets.extend(read_submission_set(object, &mut findings));
                }
                Package::Folder => {
                    let object = RawObject::read(child, "Folder", beside, &mut findings);
                    folders.extend(read_folder(object, &mut findings));
                }
                Package::Unclear(rule) => {
                    findings.refuse(Invalid::new("RegistryPackage.classificationNode", rule, "").on(id));
                }
            },
            "Association" => {
                let object = RawObject::read(child, "Association", beside, &mut findings);
                associations.extend(read_association(object, &mut findings));
            }
            // Read with the object it classifies.
            "Classification" => {}
            // Leniency: a habit of ebRIM 2.1; it says nothing here.
            "ObjectRef" => {}
            _ => unknown(child, &mut findings),
        }
    }
    if packages != 1 {
        let rule = format!("must hold one submission set, not {packages}");
        findings.refuse(Invalid::new("SubmissionSet", rule, ""));
    }
    match sets.pop() {
        Some(set) if findings.refused.is_empty() => {
            Ok(Decoded { value: Submission { set, entries, folders, associations }, not_kept: findings.not_kept })
        }
        set => {
            sets.extend(set);
            let read = sets.iter().map(SubmissionSet::validate);
            let read = read.chain(entries.iter().map(|e| e.validate())).chain(folders.iter().map(|f| f.validate()));
            for invalid in read.flatten() {
                if findings.full() {
                    break;
                }
                // What could not be read is absent for `validate`; saying so again would mislead.
                let said = |known: &Invalid| known.object == invalid.object && known.field.starts_with(&invalid.field);
                if !findings.refused.iter().any(said) {
                    findings.refuse(invalid);
                }
            }
            Err(findings.refused)
        }
    }
}

/// Ids as they are looked up: UUIDs in lower case.
fn key(id: &str) -> String {
    if same_id(id, &id.to_ascii_lowercase()) { id.to_ascii_lowercase() } else { id.to_owned() }
}

/// Leniency: a Classification may stand beside the object it classifies, as some senders do with the mark of the
/// submission set (spec/xds.md section 27 row 15).
fn classifications_beside<'a>(list: Element<'a>, findings: &mut Findings) -> HashMap<String, Vec<Element<'a>>> {
    let mut beside: HashMap<String, Vec<Element<'a>>> = HashMap::new();
    let mut ids: Option<Vec<String>> = None;
    for child in list.children_named(ns::RIM, "Classification") {
        let ids = ids.get_or_insert_with(|| {
            let objects = list.children().filter(|c| c.name() != "Classification" && c.name() != "ObjectRef");
            let mut ids: Vec<String> = objects.filter_map(|c| c.attr("id")).map(|id| key(id.trim())).collect();
            ids.sort_unstable();
            ids
        });
        let target = child.attr("classifiedObject").unwrap_or_default().trim();
        let target_key = key(target);
        if ids.binary_search(&target_key).is_err() {
            let rule = "must be the id of an object of this submission";
            let id = child.attr("id").unwrap_or_default();
            findings.refuse(Invalid::new("Classification.classifiedObject", rule, target).on(id));
            continue;
        }
        beside.entry(target_key).or_default().push(child);
    }
    beside
}

fn unknown(element: Element, findings: &mut Findings) {
    let rule = "must hold document entries, submission set, folders and associations only";
    findings.refuse(Invalid::new("RegistryObjectList", rule, named(&element)));
}

enum Package {
    SubmissionSet,
    Folder,
    Unclear(&'static str),
}

fn package(element: Element, beside: &[Element]) -> Package {
    let inside = element.children_named(ns::RIM, "Classification");
    let (mut sets, mut folders, mut limited_sets, mut limited_folders) = (0, 0, 0, 0);
    for classification in inside.chain(beside.iter().copied()) {
        let node = classification.attr("classificationNode").unwrap_or_default().trim();
        sets += usize::from(same_uuid(node, SUBMISSION_SET_NODE));
        folders += usize::from(same_uuid(node, FOLDER_NODE));
        // Limited metadata has marks of its own, instead of or beside the plain ones.
        limited_sets += usize::from(same_uuid(node, LIMITED_METADATA_NODES[1]));
        limited_folders += usize::from(same_uuid(node, LIMITED_METADATA_NODES[2]));
    }
    match (sets + limited_sets, folders + limited_folders) {
        (0, 0) => Package::Unclear("must mark the package as a submission set or a folder"),
        (1.., 1..) => Package::Unclear("must not mark the package as submission set and folder at once"),
        (_, 0) if sets > 1 => Package::Unclear("must mark the submission set once"),
        (0, _) if folders > 1 => Package::Unclear("must mark the folder once"),
        (_, 0) => Package::SubmissionSet,
        (0, _) => Package::Folder,
    }
}

/// Writes lcm:SubmitObjectsRequest with its own namespace declarations.
///
/// What the registry assigns is left out: status, logical id, version, lastUpdateTime.
/// Source: ITI TF-2 3.42.4.1.2; valid by lcm.xsd.
pub fn encode_submission(submission: &Submission, xml: &mut XmlWriter) {
    encode(submission, Writing::Submission, xml);
}

/// [`encode_submission`] with the logical ids, for ITI-57 and ITI-92.
pub fn encode_update(submission: &Submission, xml: &mut XmlWriter) {
    encode(submission, Writing::Update, xml);
}

fn encode(submission: &Submission, writing: Writing, xml: &mut XmlWriter) {
    xml.start("lcm:SubmitObjectsRequest").ns("lcm", ns::LCM).ns("rim", ns::RIM);
    xml.start("rim:RegistryObjectList");
    let ids = std::iter::once(submission.set.id.as_str())
        .chain(submission.entries.iter().map(|e| e.id.as_str()))
        .chain(submission.folders.iter().map(|f| f.id.as_str()))
        .chain(submission.associations.iter().map(|a| a.id.as_str()));
    let mut w = ObjectWriter::new(xml, writing, SubIds::symbolic(ids));
    for entry in &submission.entries {
        write_entry(&mut w, entry);
    }
    write_submission_set(&mut w, &submission.set);
    for folder in &submission.folders {
        write_folder(&mut w, folder);
    }
    for association in &submission.associations {
        write_association(&mut w, association);
    }
    xml.end().end();
}
