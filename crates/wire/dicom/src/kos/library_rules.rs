//! What the content tree of a manifest must look like, item by item: relationship, value type, generation of the concept
//! codes. CP-2595 (TID 2010, 1600, 1602, 1601, 1609); spec/mcwg.md 4.3.

use super::finding::Findings;
use super::library::Concept;
use crate::{DataSet, tags};

/// The place of content under these concepts: `(0040,A730) ContentSequence 111028.126200`.
pub(super) fn place(concepts: &[&str]) -> String {
    match concepts.is_empty() {
        true => "(0040,A730) ContentSequence".to_owned(),
        false => format!("(0040,A730) ContentSequence {}", concepts.join(".")),
    }
}

/// Relationship type and value types of a concept; `None` for content no rule is known for.
fn expected(concept: Concept) -> Option<(&'static str, &'static [&'static str])> {
    const CONTEXT: &str = "HAS ACQ CONTEXT";
    Some(match concept {
        Concept::Library | Concept::Group => ("CONTAINS", &["CONTAINER"]),
        Concept::Modality | Concept::DocumentTitle | Concept::Laterality => (CONTEXT, &["CODE"]),
        Concept::TargetRegion | Concept::SeriesDescription => (CONTEXT, &["CODE", "TEXT"]),
        Concept::ProcedureCode => ("HAS CONCEPT MOD", &["CODE"]),
        Concept::StudyRelatedSeries | Concept::SeriesRelatedInstances | Concept::NumberOfFrames => (CONTEXT, &["NUM"]),
        Concept::SeriesInstanceUid => (CONTEXT, &["UIDREF"]),
        Concept::SeriesNumber | Concept::InstanceNumber => (CONTEXT, &["TEXT"]),
        Concept::SeriesDate => (CONTEXT, &["DATE"]),
        Concept::SeriesTime => (CONTEXT, &["TIME"]),
        // In a note's own tree it stands under CONTAINS, in a library entry it describes.
        Concept::KeyObjectDescription | Concept::Other => return None,
    })
}

/// Reports what one content item does otherwise than its template. `above` are the concepts it stands under.
pub(super) fn judge(item: &DataSet, concept: Concept, above: &[&str], findings: &mut Findings) {
    let relationship = item.text(tags::RELATIONSHIP_TYPE).unwrap_or_default();
    let value_type = item.text(tags::VALUE_TYPE).unwrap_or_default();
    if item.contains(tags::REFERENCED_SOP_SEQUENCE) {
        if relationship != "CONTAINS" {
            findings.tree(&place(above), "must refer to instances by CONTAINS", relationship);
        }
        return;
    }
    let Some((by, types)) = expected(concept) else { return };
    let name = item.item(tags::CONCEPT_NAME_CODE_SEQUENCE);
    let code = name.and_then(|name| name.text(tags::CODE_VALUE)).unwrap_or_default();
    let mut path = above.to_vec();
    path.push(&code);
    let place = place(&path);
    let designator = name.and_then(|name| name.text(tags::CODING_SCHEME_DESIGNATOR)).unwrap_or_default();
    if code.starts_with("MADOTEMP") || code.starts_with("ddd") {
        findings.tree(&place, "must be the final code of DCM, not one of a draft", &code);
    } else if designator != "DCM" {
        findings.tree(&place, "must be a concept of DCM", designator);
    }
    if relationship != by {
        findings.tree(&place, format!("must stand under {by}"), relationship);
    }
    if !types.contains(&value_type.as_str()) {
        findings.tree(&place, format!("must have value type {}", types.join(" or ")), &value_type);
    }
    let valued = match value_type.as_str() {
        "CODE" => {
            let values = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE];
            let code = item.item(tags::CONCEPT_CODE_SEQUENCE);
            code.is_some_and(|code| values.iter().any(|tag| code.text(*tag).is_some()))
        }
        "CONTAINER" if item.text(tags::CONTINUITY_OF_CONTENT).as_deref() != Some("SEPARATE") => {
            let continuity = item.text(tags::CONTINUITY_OF_CONTENT).unwrap_or_default();
            findings.tree(&place, "must have Continuity of Content SEPARATE", continuity);
            true
        }
        "CONTAINER" => true,
        "TEXT" => item.text(tags::TEXT_VALUE).is_some_and(|text| !text.trim().is_empty()),
        "UIDREF" => item.uid(tags::UID).is_some(),
        "DATE" => item.text(tags::DATE).is_some(),
        "TIME" => item.text(tags::TIME).is_some(),
        "NUM" => item.item(tags::MEASURED_VALUE_SEQUENCE).is_some_and(|value| value.contains(tags::NUMERIC_VALUE)),
        _ => true,
    };
    if !valued {
        findings.tree(&place, format!("must have a value of type {value_type}"), "");
    }
}
