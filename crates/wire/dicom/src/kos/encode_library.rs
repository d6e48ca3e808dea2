//! The described part of a MADO manifest's content tree: procedures and the image library, one group for each series and
//! one entry for each instance. CP-2595 (TID 2010 row 4b, 1600, 1602, 1601, 1609); spec/mcwg.md 4.3.

use std::collections::HashSet;

use model::{Code, ManifestInstance, ManifestSeries, schemes};

use super::encode::{Encoder, date, is_integer, non_empty, time, valued, write_listed};
use super::modalities::modality_name;
use super::writer::Writer;
use crate::{Tag, VR, tags};

/// Relationship of everything that describes.
const CONTEXT: &str = "HAS ACQ CONTEXT";

/// Code and meaning of a concept of DCM.
type Concept = (&'static str, &'static str);

const LIBRARY: Concept = ("111028", "Image Library");
const GROUP: Concept = ("126200", "Image Library Group");
const MODALITY: Concept = ("121139", "Modality");
const TARGET_REGION: Concept = ("123014", "Target Region");
const PROCEDURE_CODE: Concept = ("121023", "Procedure Code");
const STUDY_RELATED_SERIES: Concept = ("131565", "Number of Study Related Series");
const SERIES_UID: Concept = ("112002", "Series Instance UID");
const SERIES_NUMBER: Concept = ("113607", "Series Number");
const SERIES_DESCRIPTION: Concept = ("131563", "Series Description");
const SERIES_DATE: Concept = ("131561", "Series Date");
const SERIES_TIME: Concept = ("131562", "Series Time");
const LATERALITY: Concept = ("111027", "Image Laterality");
const SERIES_RELATED_INSTANCES: Concept = ("131564", "Number of Series Related Instances");
const INSTANCE_NUMBER: Concept = ("113609", "Instance Number");
const NUMBER_OF_FRAMES: Concept = ("121140", "Number of Frames");
const DOCUMENT_TITLE: Concept = ("121144", "Document Title");
const KEY_OBJECT_DESCRIPTION: Concept = ("113012", "Key Object Description");

impl Encoder<'_> {
    /// TID 2010 row 4b.
    pub(super) fn procedures(&self, w: &mut Writer) {
        for procedure in valued(&self.manifest.procedures) {
            w.item(|w| {
                head(w, "HAS CONCEPT MOD", "CODE", PROCEDURE_CODE);
                self.designators.write_codes(w, tags::CONCEPT_CODE_SEQUENCE, [procedure]);
            });
        }
    }

    /// TID 1600.
    pub(super) fn library(&self, w: &mut Writer) {
        let series: Vec<&ManifestSeries> = self.manifest.series.iter().filter(|s| !s.instances.is_empty()).collect();
        let mut known = HashSet::new();
        let modalities = series.iter().filter_map(|series| non_empty(series.modality.as_deref()));
        let modalities: Vec<&str> = modalities.filter(|modality| known.insert(*modality)).collect();
        container(w, LIBRARY, |w| {
            for modality in modalities {
                self.code(w, MODALITY, &modality_code(modality));
            }
            for region in valued(&self.manifest.regions) {
                self.code(w, TARGET_REGION, region);
            }
            number(w, STUDY_RELATED_SERIES, series.len(), ("{series}", "series"));
            for series in series {
                container(w, GROUP, |w| self.group(w, series));
            }
        });
    }

    /// TID 1602. The texts are cut as those of the evidence are: a manifest that says two things of one is malformed.
    fn group(&self, w: &mut Writer, series: &ManifestSeries) {
        if let Some(modality) = non_empty(series.modality.as_deref()) {
            self.code(w, MODALITY, &modality_code(modality));
        }
        value(w, "UIDREF", SERIES_UID, |w| w.uid(tags::UID, series.uid.as_str()));
        if let Some(number) = non_empty(series.number.as_deref()).filter(|number| is_integer(number)) {
            text(w, SERIES_NUMBER, number);
        }
        if let Some(description) = non_empty(series.description.as_deref()) {
            text(w, SERIES_DESCRIPTION, description);
        }
        for (value_type, concept, tag, vr, said) in [
            ("DATE", SERIES_DATE, tags::DATE, VR::DA, date(series.date.as_deref())),
            ("TIME", SERIES_TIME, tags::TIME, VR::TM, time(series.time.as_deref())),
        ] {
            if !said.is_empty() {
                value(w, value_type, concept, |w| w.line(tag, vr, said, 16));
            }
        }
        if let Some(region) = &series.region {
            match region.code.is_empty() {
                true => text(w, TARGET_REGION, region.label()),
                false => self.code(w, TARGET_REGION, region),
            }
        }
        for laterality in valued(series.laterality.as_slice()) {
            self.code(w, LATERALITY, laterality);
        }
        number(w, SERIES_RELATED_INSTANCES, series.instances.len(), ("{instances}", "instances"));
        for instance in &series.instances {
            w.item(|w| self.entry(w, instance));
        }
    }

    /// TID 1601, with TID 1609 for a key object note.
    fn entry(&self, w: &mut Writer, instance: &ManifestInstance) {
        write_listed(w, instance);
        let instance_number = instance.instance_number.as_deref().filter(|number| is_integer(number));
        let frames = instance.number_of_frames;
        let note = instance.key_object_note.as_ref();
        if instance_number.is_none() && frames.is_none() && note.is_none() {
            return;
        }
        w.sequence(tags::CONTENT_SEQUENCE, |w| {
            if let Some(instance_number) = instance_number {
                text(w, INSTANCE_NUMBER, instance_number);
            }
            if let Some(frames) = frames {
                number(w, NUMBER_OF_FRAMES, frames as usize, ("{frames}", "frames"));
            }
            if let Some(note) = note {
                if !note.title.code.is_empty() {
                    self.code(w, DOCUMENT_TITLE, &note.title);
                }
                if let Some(description) = non_empty(note.description.as_deref()) {
                    value(w, "TEXT", KEY_OBJECT_DESCRIPTION, |w| w.paragraph(tags::TEXT_VALUE, description));
                }
            }
        });
    }

    fn code(&self, w: &mut Writer, concept: Concept, code: &Code) {
        value(w, "CODE", concept, |w| self.designators.write_codes(w, tags::CONCEPT_CODE_SEQUENCE, [code]));
    }
}

/// A modality of CID 33 with its meaning; a term of another time stands for itself.
fn modality_code(modality: &str) -> Code {
    Code::new(modality, schemes::DCM, modality_name(modality).unwrap_or(modality))
}

fn head(w: &mut Writer, relationship: &str, value_type: &str, concept: Concept) {
    w.line(tags::RELATIONSHIP_TYPE, VR::CS, relationship, 16);
    w.line(tags::VALUE_TYPE, VR::CS, value_type, 16);
    coded(w, tags::CONCEPT_NAME_CODE_SEQUENCE, concept, "DCM");
}

fn coded(w: &mut Writer, tag: Tag, (code, meaning): (&str, &str), designator: &str) {
    w.sequence(tag, |w| {
        w.item(|w| {
            w.line(tags::CODE_VALUE, VR::SH, code, 16);
            w.line(tags::CODING_SCHEME_DESIGNATOR, VR::SH, designator, 16);
            w.line(tags::CODE_MEANING, VR::LO, meaning, 64);
        });
    });
}

fn container(w: &mut Writer, concept: Concept, content: impl FnOnce(&mut Writer)) {
    w.item(|w| {
        head(w, "CONTAINS", "CONTAINER", concept);
        w.line(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE", 16);
        w.sequence(tags::CONTENT_SEQUENCE, content);
    });
}

fn value(w: &mut Writer, value_type: &str, concept: Concept, value: impl FnOnce(&mut Writer)) {
    w.item(|w| {
        head(w, CONTEXT, value_type, concept);
        value(w);
    });
}

/// One line, as the LO or IS that says the same elsewhere.
fn text(w: &mut Writer, concept: Concept, text: &str) {
    value(w, "TEXT", concept, |w| w.line(tags::TEXT_VALUE, VR::UT, text, 64));
}

fn number(w: &mut Writer, concept: Concept, number: usize, units: (&str, &str)) {
    value(w, "NUM", concept, |w| {
        w.sequence(tags::MEASURED_VALUE_SEQUENCE, |w| {
            w.item(|w| {
                coded(w, tags::MEASUREMENT_UNITS_CODE_SEQUENCE, units, "UCUM");
                w.line(tags::NUMERIC_VALUE, VR::DS, &number.to_string(), 16);
            });
        });
    });
}
