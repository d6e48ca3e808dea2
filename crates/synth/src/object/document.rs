//! Structured documents: a text report (Basic Text SR, PS3.3 A.35.1, TID 2000) and a key image note (Key Object
//! Selection, PS3.3 A.35.4, TID 2010; spec/dicom.md sections 2 and 3).

use super::{DataSet, Place, ct, finish, later};
use crate::SynthError;
use crate::instances::Instance;
use crate::plan::{Code, SeriesKind, code};
use dicom_dictionary_std::{tags, uids};

fn container(title: Code, template: &str, content: Vec<DataSet>) -> DataSet {
    let mut root = DataSet::new();
    root.text(tags::VALUE_TYPE, "CONTAINER")
        .code(tags::CONCEPT_NAME_CODE_SEQUENCE, title)
        .text(tags::CONTINUITY_OF_CONTENT, "SEPARATE")
        .sequence(tags::CONTENT_SEQUENCE, content);
    if !template.is_empty() {
        let mut item = DataSet::new();
        item.text(tags::MAPPING_RESOURCE, "DCMR").text(tags::TEMPLATE_IDENTIFIER, template);
        root.sequence(tags::CONTENT_TEMPLATE_SEQUENCE, vec![item]);
    }
    root
}

fn contains(mut item: DataSet) -> DataSet {
    item.text(tags::RELATIONSHIP_TYPE, "CONTAINS");
    item
}

fn text_item(name: Code, text: &str) -> DataSet {
    let mut item = DataSet::new();
    item.text(tags::RELATIONSHIP_TYPE, "CONTAINS")
        .text(tags::VALUE_TYPE, "TEXT")
        .code(tags::CONCEPT_NAME_CODE_SEQUENCE, name)
        .text(tags::TEXT_VALUE, text);
    item
}

/// The item that says which order a document answers.
fn request(place: &Place<'_>) -> DataSet {
    let plan = place.plan;
    let mut item = DataSet::new();
    item.text(tags::STUDY_INSTANCE_UID, plan.study_uid.as_str())
        .sequence(tags::REFERENCED_STUDY_SEQUENCE, Vec::new())
        .text(tags::ACCESSION_NUMBER, plan.accession.as_str())
        .text(tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST, plan.placer_order.as_str())
        .text(tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST, plan.filler_order.as_str())
        .text(tags::REQUESTED_PROCEDURE_ID, plan.procedure_id.as_str())
        .text(tags::REQUESTED_PROCEDURE_DESCRIPTION, plan.description)
        .code(tags::REQUESTED_PROCEDURE_CODE_SEQUENCE, plan.procedure);
    item
}

fn merge(set: &mut DataSet, other: DataSet) {
    for element in other.0 {
        set.0.put(element);
    }
}

/// The text of the study's report as a structured report.
pub(crate) fn report(place: &Place<'_>) -> Result<Instance, SynthError> {
    let plan = place.plan;
    let Some(report) = &plan.report else {
        return Err(SynthError::Plan(format!("{}: a structured report needs report text", plan.key)));
    };
    let mut language = DataSet::new();
    language
        .text(tags::RELATIONSHIP_TYPE, "HAS CONCEPT MOD")
        .text(tags::VALUE_TYPE, "CODE")
        .code(tags::CONCEPT_NAME_CODE_SEQUENCE, code("121049", "DCM", "Language of Content Item and Descendants"))
        .code(tags::CONCEPT_CODE_SEQUENCE, code("en", "RFC5646", "English"));
    let section = |name: Code, item: Code, texts: &[String]| {
        contains(container(name, "", texts.iter().map(|text| text_item(item, text)).collect()))
    };
    let content = vec![
        language,
        section(
            code("121060", "DCM", "History"),
            code("121060", "DCM", "History"),
            std::slice::from_ref(&report.indication),
        ),
        section(code("121070", "DCM", "Findings"), code("121071", "DCM", "Finding"), &report.findings),
        section(code("121072", "DCM", "Impressions"), code("121073", "DCM", "Impression"), &report.impression),
    ];
    let written = report.signed_at.get(8..14).map_or_else(|| later(plan.time, 3600), str::to_string);

    let mut observer = DataSet::new();
    observer
        .text(tags::VERIFYING_ORGANIZATION, plan.hospital.institution())
        .text(tags::VERIFICATION_DATE_TIME, report.signed_at.as_str())
        .text(tags::VERIFYING_OBSERVER_NAME, report.author)
        .sequence(tags::VERIFYING_OBSERVER_IDENTIFICATION_CODE_SEQUENCE, Vec::new());

    let mut set = place.common(uids::BASIC_TEXT_SR_STORAGE);
    set.sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new())
        .text(tags::CONTENT_DATE, plan.date)
        .text(tags::CONTENT_TIME, written)
        .text(tags::COMPLETION_FLAG, "COMPLETE")
        .text(tags::VERIFICATION_FLAG, "VERIFIED")
        .sequence(tags::VERIFYING_OBSERVER_SEQUENCE, vec![observer])
        .code(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, plan.procedure)
        .sequence(tags::REFERENCED_REQUEST_SEQUENCE, vec![request(place)]);
    merge(&mut set, container(code("18747-6", "LN", "CT Report"), "2000", content));
    finish(set, uids::BASIC_TEXT_SR_STORAGE, place.uid())
}

/// A key image note, title Of Interest, that points at the most telling slice of the first series.
pub(crate) fn key_note(place: &Place<'_>) -> Result<Instance, SynthError> {
    let plan = place.plan;
    let Some(target) = plan.series.first() else {
        return Err(SynthError::Plan(format!("{}: a key image note needs an image series", plan.key)));
    };
    let sop_class = match target.kind {
        SeriesKind::Ct { .. } => uids::CT_IMAGE_STORAGE,
        SeriesKind::Mr { .. } => uids::MR_IMAGE_STORAGE,
        _ => return Err(SynthError::Plan(format!("{}: key images are taken from CT or MR series", plan.key))),
    };
    let index = ct::nodule_slice(target.instances);
    let reference = || {
        let mut item = DataSet::new();
        item.text(tags::REFERENCED_SOP_CLASS_UID, sop_class)
            .text(tags::REFERENCED_SOP_INSTANCE_UID, plan.instance_uid(target, index));
        item
    };
    let mut image = DataSet::new();
    image
        .text(tags::RELATIONSHIP_TYPE, "CONTAINS")
        .text(tags::VALUE_TYPE, "IMAGE")
        .sequence(tags::REFERENCED_SOP_SEQUENCE, vec![reference()]);
    let note = format!("Nodule in the right lower lobe, slice {}", index + 1);
    let content = vec![text_item(code("113012", "DCM", "Key Object Description"), &note), image];

    let mut series = DataSet::new();
    series
        .text(tags::SERIES_INSTANCE_UID, target.uid.as_str())
        .sequence(tags::REFERENCED_SOP_SEQUENCE, vec![reference()]);
    let mut evidence = DataSet::new();
    evidence
        .text(tags::STUDY_INSTANCE_UID, plan.study_uid.as_str())
        .sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![series]);

    let mut set = place.common(uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE);
    set.sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new())
        .text(tags::CONTENT_DATE, plan.date)
        .text(tags::CONTENT_TIME, later(plan.time, 4200))
        .sequence(tags::REFERENCED_REQUEST_SEQUENCE, vec![request(place)])
        .sequence(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence]);
    merge(&mut set, container(code("113000", "DCM", "Of Interest"), "2010", content));
    finish(set, uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE, place.uid())
}
