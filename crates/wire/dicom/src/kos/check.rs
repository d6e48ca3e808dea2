//! The check behind `manifold manifest check`: what dciodvfy and dsrdump report and what they are silent about.
//! spec/dicom.md sections 2, 3 and 11, spec/mcwg.md 4.2; PS3.3 A.35.4, PS3.5 6.2.

use std::collections::{HashMap, HashSet};

use dicom_core::VR;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;
use model::{Manifest, ManifestFlavour, Uid};

use super::decode::{DecodeError, Titles, read};
use super::encode::is_integer;
use super::finding::{Finding, Findings, Severity};
use super::library::Tree;
use super::library_rules::place;
use super::open;
use super::titles::TitleKind;
use crate::sop_classes::{KEY_OBJECT_SELECTION, Payload, ReferenceType, reference_type, storage_class};
use crate::values::{is_date, is_time};
use crate::{DataSet, Element, Tag, Value, tags};

const CONTENT: Tag = tags::CONTENT_SEQUENCE;
const EVIDENCE: Tag = tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE;

/// Attributes of the outermost level: `true` if a value is required (type 1), else the attribute may be empty (type 2).
const REQUIRED: &[(Tag, bool)] = &[
    (tags::SOP_CLASS_UID, true),
    (tags::SOP_INSTANCE_UID, true),
    (tags::STUDY_DATE, false),
    (tags::CONTENT_DATE, true),
    (tags::STUDY_TIME, false),
    (tags::CONTENT_TIME, true),
    (tags::ACCESSION_NUMBER, false),
    (tags::MODALITY, true),
    (tags::MANUFACTURER, false),
    (tags::REFERRING_PHYSICIAN_NAME, false),
    (tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, false),
    (tags::PATIENT_NAME, false),
    (tags::PATIENT_ID, false),
    (tags::PATIENT_BIRTH_DATE, false),
    (tags::PATIENT_SEX, false),
    (tags::STUDY_INSTANCE_UID, true),
    (tags::SERIES_INSTANCE_UID, true),
    (tags::STUDY_ID, false),
    (tags::SERIES_NUMBER, true),
    (tags::INSTANCE_NUMBER, true),
    (tags::VALUE_TYPE, true),
    (tags::CONCEPT_NAME_CODE_SEQUENCE, true),
    (tags::CONTINUITY_OF_CONTENT, true),
    (EVIDENCE, true),
    (CONTENT, true),
];

/// Attributes with one value they must have.
const FIXED: &[(Tag, &str)] =
    &[(tags::MODALITY, "KO"), (tags::VALUE_TYPE, "CONTAINER"), (tags::CONTINUITY_OF_CONTENT, "SEPARATE")];

/// Every fault of a manifest, errors first; empty if there is none.
///
/// Shape: the same rule broken many times at one place is one finding with a count. Bytes that are no manifest give one
/// error that says so.
/// Source: spec/dicom.md section 11.
pub fn check(bytes: &[u8]) -> Vec<Finding> {
    let mut findings = Findings::default();
    if let Err(error) = check_into(bytes, &mut findings) {
        findings.add(Severity::Error, "the object".to_owned(), format!("is no usable manifest: {error}"), "");
    }
    let mut found = findings.into_vec();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn check_into(bytes: &[u8], findings: &mut Findings) -> Result<(), DecodeError> {
    let root = open::open(bytes, findings)?;
    values(&root, findings);
    character_set(&root, findings);
    required(&root, findings);
    misplaced(&root, findings);
    template(&root, findings);
    let read = read(&root, Titles::Manifests, findings)?;
    if TitleKind::of(&read.title) == TitleKind::StudyContent {
        let rule = "should be (113030, DCM, Manifest)";
        findings.warning(&[tags::CONCEPT_NAME_CODE_SEQUENCE], rule, &read.title.code);
    }
    let several = read.manifests.len() > 1;
    if several && root.items(tags::IDENTICAL_DOCUMENTS_SEQUENCE).is_empty() {
        let rule = "must be there when the evidence has more than one study";
        findings.error(&[tags::IDENTICAL_DOCUMENTS_SEQUENCE], rule, "");
    }
    compare(&read.manifests, &read.tree, findings);
    for manifest in &read.manifests {
        profile(manifest, &root, findings);
    }
    Ok(())
}

/// The file and what it lists against the sharing profiles. Source: spec/mcwg.md 4.2, RAD TF-3 (XDS-I.b manifest).
fn profile(manifest: &Manifest, root: &DataSet, findings: &mut Findings) {
    if manifest.lists(&manifest.sop_instance) {
        let rule = "of the manifest must not be listed in itself";
        findings.error(&[tags::SOP_INSTANCE_UID], rule, manifest.sop_instance.as_str());
    }
    for series in &manifest.series {
        let path = |tag| [EVIDENCE, tags::REFERENCED_SERIES_SEQUENCE, tag];
        match series.retrieve_url.as_deref() {
            Some(url) if !(url.starts_with("https://") || url.starts_with("http://")) => {
                findings.error(&path(tags::RETRIEVE_URL), "must be an absolute http or https URL", url);
            }
            Some(url) if url.starts_with("http://") => {
                findings.warning(&path(tags::RETRIEVE_URL), "should be https outside tests", url);
            }
            None if manifest.flavour == ManifestFlavour::Mcwg => {
                findings.error(
                    &path(tags::RETRIEVE_URL),
                    "must be there: base, /studies/ and /series/",
                    series.uid.as_str(),
                );
            }
            _ => {}
        }
        if manifest.flavour == ManifestFlavour::Mcwg {
            let ends = format!("/studies/{}/series/{}", manifest.study, series.uid);
            let url = series.retrieve_url.as_deref().unwrap_or(&ends);
            if !url.ends_with(&ends) {
                let rule = "must end with /studies/, the study, /series/ and the series";
                findings.warning(&path(tags::RETRIEVE_URL), rule, url);
            }
            if series.modality.is_none() {
                findings.error(&path(tags::MODALITY), "must be there in this flavour", series.uid.as_str());
            }
        }
        let number = series.number.as_deref().map(str::trim);
        if number.is_some() && number == root.text(tags::SERIES_NUMBER).as_deref() {
            findings.warning(
                &[tags::SERIES_NUMBER],
                "should be a number that no listed series has",
                number.unwrap_or(""),
            );
        }
    }
    if manifest.flavour == ManifestFlavour::Xdsi {
        return;
    }
    if manifest.institution.is_none() {
        findings.error(&[tags::INSTITUTION_NAME], "must name the institution", "");
    }
    if manifest.manufacturer.is_empty() {
        findings.error(&[tags::MANUFACTURER], "must have a value", "");
    }
    if manifest.study_date.is_none() {
        findings.error(&[tags::STUDY_DATE], "must have a value", "");
    }
    if manifest.flavour == ManifestFlavour::Mado {
        described(manifest, root, findings);
    }
    if !manifest.orders.is_empty() && root.items(tags::REFERENCED_REQUEST_SEQUENCE).is_empty() {
        findings.error(&[tags::REFERENCED_REQUEST_SEQUENCE], "must have an item for each request", "");
    }
}

/// What MADO asks for outside the content tree. Source: spec/mcwg.md 4.2 (R+ rows) and 4.4.
fn described(manifest: &Manifest, root: &DataSet, findings: &mut Findings) {
    if root.items(tags::OTHER_PATIENT_I_DS_SEQUENCE).is_empty() {
        let rule = "must be there and repeat the patient id";
        findings.warning(&[tags::OTHER_PATIENT_I_DS_SEQUENCE], rule, "");
    }
    if manifest.study_time.is_none() {
        findings.warning(&[tags::STUDY_TIME], "must have a value", "");
    }
    let requests = tags::REFERENCED_REQUEST_SEQUENCE;
    if root.items(requests).is_empty() {
        findings.warning(&[requests], "must have at least one request; an accession number is made where none is", "");
    }
    for item in root.items(requests) {
        for tag in [tags::ACCESSION_NUMBER, tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST] {
            if item.text(tag).is_none() {
                findings.warning(&[requests, tag], "must have a value", "");
            }
        }
    }
    for series in &manifest.series {
        if series.retrieve_url.as_deref().is_some_and(|url| url.contains("/studies/")) {
            let path = [EVIDENCE, tags::REFERENCED_SERIES_SEQUENCE, tags::RETRIEVE_URL];
            findings.warning(&path, "must be the base URI alone", series.retrieve_url.as_deref().unwrap_or(""));
        }
    }
}

/// Content tree against evidence. Source: PS3.3 C.17.6.2, spec/dicom.md section 3.
fn compare(manifests: &[Manifest], tree: &Tree, findings: &mut Findings) {
    let evidence: HashMap<&str, &str> = manifests
        .iter()
        .flat_map(Manifest::instances)
        .map(|(_, instance)| (instance.sop_instance.as_str(), instance.sop_class.as_str()))
        .collect();
    let path = [CONTENT, tags::REFERENCED_SOP_SEQUENCE, tags::REFERENCED_SOP_INSTANCE_UID];
    let mut seen: HashSet<&str> = HashSet::new();
    for reference in &tree.references {
        let uid = reference.sop_instance.as_str();
        if !seen.insert(uid) {
            findings.warning(&path, "should be listed once in the content tree", uid);
        }
        match evidence.get(uid) {
            None => findings.error(&path, "must be listed in the evidence (0040,A375) as well", uid),
            Some(class) if *class != reference.sop_class => {
                let path = [CONTENT, tags::REFERENCED_SOP_SEQUENCE, tags::REFERENCED_SOP_CLASS_UID];
                findings.error(&path, "must be the class that the evidence has", &reference.sop_class);
            }
            Some(_) => {}
        }
        value_type(&reference.value_type, &reference.sop_class, findings);
    }
    for uid in evidence.keys() {
        if !seen.contains(uid) {
            findings.error(&path, "must list every instance of the evidence (0040,A375)", uid);
        }
    }
    library(manifests, tree, findings);
}

fn value_type(value_type: &str, sop_class: &str, findings: &mut Findings) {
    let path = [CONTENT, tags::VALUE_TYPE];
    let class = storage_class(sop_class);
    let known = class.is_some();
    let expected = reference_type(sop_class);
    let has_pixels = class.is_some_and(|class| class.payload == Payload::Pixel);
    match value_type {
        // Readers take COMPOSITE for everything, and the dictionary may be younger than we know.
        "COMPOSITE" => {}
        "IMAGE" if expected == ReferenceType::Image || has_pixels || !known => {}
        "WAVEFORM" if expected == ReferenceType::Waveform || !known => {}
        "IMAGE" | "WAVEFORM" => {
            findings.error(&path, format!("must be {} for class {sop_class}", expected.as_str()), value_type);
        }
        other => findings.error(&path, "must be IMAGE, WAVEFORM or COMPOSITE", other),
    }
}

/// Image library against evidence, for manifests that have one. Source: spec/mcwg.md 4.3.
fn library(manifests: &[Manifest], tree: &Tree, findings: &mut Findings) {
    let Some(manifest) = manifests.first().filter(|manifest| manifest.flavour == ManifestFlavour::Mado) else { return };
    let error = |findings: &mut Findings, concepts: &[&str], rule: &str, value: &str| {
        findings.add(Severity::Error, place(concepts), rule.to_owned(), value);
    };
    if tree.groups.is_empty() {
        error(findings, &["111028"], "must be there with a group for each series", "");
        return;
    }
    if tree.modalities.is_empty() {
        findings.tree(&place(&["111028", "121139"]), "must give the modalities", "");
    }
    if tree.regions.is_empty() {
        findings.tree(&place(&["111028", "123014"]), "must give at least one target region", "");
    }
    match tree.number_of_series {
        None => findings.tree(&place(&["111028", "131565"]), "must give the number of series", ""),
        Some(number) if usize::try_from(number) != Ok(manifest.series.len()) => {
            let rule = format!("must count the {} series of the evidence", manifest.series.len());
            error(findings, &["111028", "131565"], &rule, &number.to_string());
        }
        Some(_) => {}
    }
    let mut groups: HashMap<&str, _> = HashMap::with_capacity(tree.groups.len());
    for group in &tree.groups {
        if let Some(uid) = group.uid.as_deref() {
            groups.entry(uid).or_insert(group);
        }
    }
    let group_of = |concept: &'static str| ["111028", "126200", concept];
    for series in &manifest.series {
        let Some(group) = groups.get(series.uid.as_str()) else {
            error(findings, &["111028", "126200"], "must be there for each series", series.uid.as_str());
            continue;
        };
        if group.modality.is_none() {
            findings.tree(&place(&group_of("121139")), "must give the modality of the series", series.uid.as_str());
        }
        match group.number_of_instances {
            None => {
                let rule = "must give the number of instances of the series";
                findings.tree(&place(&group_of("131564")), rule, series.uid.as_str());
            }
            Some(number) if usize::try_from(number) != Ok(series.instances.len()) => {
                let rule = "must count the instances of its series in the evidence";
                error(findings, &group_of("131564"), rule, &number.to_string());
            }
            Some(_) => {}
        }
        let described: HashSet<&str> = group.entries.iter().map(|entry| entry.sop_instance.as_str()).collect();
        for instance in series.instances.iter().filter(|one| !described.contains(one.sop_instance.as_str())) {
            let rule = "should have an entry for each instance";
            findings.tree(&place(&["111028", "126200"]), rule, instance.sop_instance.as_str());
        }
        for note in series.instances.iter().filter(|one| one.sop_class.as_str() == KEY_OBJECT_SELECTION) {
            if note.key_object_note.is_none() {
                let rule = "must give the title of a key object note";
                findings.tree(&place(&["111028", "126200", "entry", "121144"]), rule, note.sop_instance.as_str());
            }
        }
    }
}

fn required(root: &DataSet, findings: &mut Findings) {
    for (tag, valued) in REQUIRED {
        let empty = match root.element(*tag).map(|element| &element.value) {
            None => {
                let rule = if *valued { "must be there with a value" } else { "must be there, if only empty" };
                findings.error(&[*tag], rule, "");
                continue;
            }
            Some(Value::Items(items)) => items.is_empty(),
            Some(Value::Octets(octets)) => {
                let blank = octets.iter().all(|octet| matches!(octet, b' ' | 0));
                if blank && !octets.is_empty() {
                    findings.warning(&[*tag], "must be empty, not filled with spaces", "");
                }
                blank
            }
            Some(Value::Fragments(_)) => false,
        };
        if *valued && empty {
            findings.error(&[*tag], "must have a value", "");
        }
    }
    for (tag, fixed) in FIXED {
        if let Some(text) = root.text(*tag).filter(|text| text != fixed) {
            findings.error(&[*tag], format!("must be {fixed}"), text);
        }
    }
}

/// Attributes that belong deeper. Seen in French manifests.
fn misplaced(root: &DataSet, findings: &mut Findings) {
    for tag in [tags::RETRIEVE_URL, tags::TEXT_VALUE] {
        if root.contains(tag) {
            findings.warning(&[tag], "does not belong at this level", "");
        }
    }
}

fn template(root: &DataSet, findings: &mut Findings) {
    let path = [tags::CONTENT_TEMPLATE_SEQUENCE];
    match root.item(tags::CONTENT_TEMPLATE_SEQUENCE) {
        None => findings.error(&path, "must name template 2010 of DCMR", ""),
        Some(item) => {
            let id = item.text(tags::TEMPLATE_IDENTIFIER).unwrap_or_default();
            if id != "2010" || item.text(tags::MAPPING_RESOURCE).as_deref() != Some("DCMR") {
                findings.error(&path, "must name template 2010 of DCMR", id);
            }
        }
    }
}

fn character_set(root: &DataSet, findings: &mut Findings) {
    let path = [tags::SPECIFIC_CHARACTER_SET];
    if root.charset().is_assumed() {
        let rule = format!("must be a defined term; it was read as {}", root.charset().term());
        findings.error(&path, rule, root.text(tags::SPECIFIC_CHARACTER_SET).unwrap_or_default());
    }
    if root.contains(tags::SPECIFIC_CHARACTER_SET) {
        return;
    }
    let mut open = vec![root];
    while let Some(set) = open.pop() {
        for element in set.elements() {
            match &element.value {
                Value::Items(items) => open.extend(items),
                Value::Octets(octets) if is_text(element.vr) && !octets.is_ascii() => {
                    findings.error(&path, "must be there when text is not ASCII", "");
                    return;
                }
                _ => {}
            }
        }
    }
}

fn is_text(vr: VR) -> bool {
    matches!(vr, VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT)
}

/// Every element at every depth: its VR, its length, its form. Source: PS3.5 Table 6.2-1, PS3.6.
fn values(root: &DataSet, findings: &mut Findings) {
    let mut open: Vec<(Vec<Tag>, &DataSet)> = vec![(Vec::new(), root)];
    while let Some((path, set)) = open.pop() {
        for element in set.elements() {
            let mut path = path.clone();
            path.push(element.tag);
            let as_defined = written_vr(element, &path, findings);
            match &element.value {
                Value::Items(items) => open.extend(items.iter().map(|item| (path.clone(), item))),
                // The limits of a wrong VR say nothing about the attribute.
                Value::Octets(octets) if as_defined => value(element, octets, set, &path, findings),
                Value::Octets(_) => {}
                Value::Fragments(_) => {}
            }
        }
    }
}

/// False, and a finding, if the VR is another than the dictionary's.
fn written_vr(element: &Element, path: &[Tag], findings: &mut Findings) -> bool {
    let entry = StandardDataDictionary.by_tag(element.tag);
    match entry.map(|entry| entry.vr()) {
        Some(VirtualVr::Exact(vr)) if vr != element.vr && element.vr != VR::UN => {
            findings.error(path, format!("must be written with VR {}", vr.to_string()), element.vr.to_string());
            false
        }
        _ => true,
    }
}

fn value(element: &Element, octets: &[u8], set: &DataSet, path: &[Tag], findings: &mut Findings) {
    let limit = match element.vr {
        VR::AE | VR::CS | VR::SH => 16,
        VR::LO => 64,
        VR::UI => {
            uid(octets, path, findings);
            return;
        }
        VR::DA | VR::TM | VR::IS => usize::MAX,
        // Three component groups of 64 characters and what separates them.
        VR::PN => 64 * 3 + 2,
        _ => return,
    };
    for text in set.charset().decode_values(octets, element.vr) {
        let length = text.chars().count();
        if length > limit {
            findings.error(path, format!("must have at most {limit} characters"), format!("{length} characters"));
        }
        let wrong = match element.vr {
            _ if text.is_empty() => None,
            VR::DA => (!is_date(&text)).then_some("must be a date YYYYMMDD"),
            VR::TM => (!is_time(&text)).then_some("must be a time HHMMSS[.FFFFFF]"),
            VR::IS => (!is_integer(&text)).then_some("must be a whole number of at most 12 characters"),
            VR::CS => {
                let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b'_');
                (!text.bytes().all(allowed)).then_some("must have capitals, digits, space and underscore only")
            }
            _ => None,
        };
        if let Some(rule) = wrong {
            findings.error(path, rule, "");
        }
    }
}

fn uid(octets: &[u8], path: &[Tag], findings: &mut Findings) {
    if octets.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(octets);
    if text.ends_with(' ') {
        findings.error(path, "must be padded with NUL, not with a space", "");
    }
    let text = text.trim_end_matches(['\0', ' ']);
    match Uid::parse(text) {
        Err(_) => findings.error(path, "must be a UID: digits and dots, at most 64 characters", text),
        Ok(uid) if !uid.is_strict() => findings.error(path, "must have no leading zero in a component", text),
        Ok(_) => {}
    }
}
