//! One object of every kind, read back.

use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, Tag, from_reader};
use std::collections::HashSet;
use synth::{Contrast, Instance, Part, Region, SeriesKind, StudyPlan, seed_studies, write_instances, write_part};

/// The first plan that has a series of this kind, cut down to that series and to a few instances.
fn small_plan(wanted: impl Fn(&SeriesKind) -> bool, instances: u32) -> StudyPlan {
    let mut plan = seed_studies().into_iter().find(|plan| plan.series.iter().any(|s| wanted(&s.kind))).unwrap();
    plan.series.retain(|series| wanted(&series.kind));
    plan.series.truncate(1);
    plan.series[0].instances = instances;
    if let SeriesKind::Us { frames } = &mut plan.series[0].kind {
        *frames = 2;
    }
    plan
}

fn made(plan: &StudyPlan) -> Vec<Instance> {
    let mut all = Vec::new();
    write_instances(plan, |instance| {
        all.push(instance);
        Ok(())
    })
    .unwrap();
    all
}

fn open(instance: &Instance) -> DefaultDicomObject {
    from_reader(instance.bytes.as_slice()).unwrap()
}

fn text(object: &DefaultDicomObject, tag: Tag) -> String {
    object.element(tag).unwrap().to_str().unwrap().into_owned()
}

fn number(object: &DefaultDicomObject, tag: Tag) -> usize {
    object.element(tag).unwrap().to_int().unwrap()
}

/// Checks what every object has: identifiers that agree with the plan, UTF-8 text, identifiers of the order.
fn check_common(plan: &StudyPlan, instance: &Instance) -> DefaultDicomObject {
    let object = open(instance);
    assert_eq!(object.meta().transfer_syntax(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(text(&object, tags::SOP_INSTANCE_UID), instance.uid);
    assert_eq!(text(&object, tags::SOP_CLASS_UID), instance.sop_class);
    assert_eq!(text(&object, tags::STUDY_INSTANCE_UID), plan.study_uid);
    assert_eq!(text(&object, tags::SERIES_INSTANCE_UID), plan.series[0].uid);
    assert_eq!(text(&object, tags::SPECIFIC_CHARACTER_SET), "ISO_IR 192");
    assert_eq!(text(&object, tags::PATIENT_NAME), plan.object_name());
    assert_eq!(text(&object, tags::PATIENT_ID), plan.person().unwrap().id);
    assert_eq!(text(&object, tags::ACCESSION_NUMBER), plan.accession);
    assert!(object.element(tags::ISSUER_OF_PATIENT_ID).is_err());
    assert!(instance.uid.starts_with("2.25.") && instance.uid.len() <= 64);
    object
}

/// Checks that the pixels are as many as the attributes say and are not all alike.
fn check_pixels(object: &DefaultDicomObject, frames: usize) {
    let octets = number(object, tags::ROWS)
        * number(object, tags::COLUMNS)
        * number(object, tags::SAMPLES_PER_PIXEL)
        * (number(object, tags::BITS_ALLOCATED) / 8)
        * frames;
    let pixels = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
    assert_eq!(pixels.len(), octets);
    assert!(pixels.iter().collect::<HashSet<_>>().len() > 30);
}

#[test]
fn ct_slices_have_hounsfield_units_and_stand_in_order() {
    let plan = small_plan(|kind| matches!(kind, SeriesKind::Ct { region: Region::Chest, size: 256 }), 3);
    let all = made(&plan);
    assert_eq!(all, made(&plan), "two runs give the same bytes");
    let mut heights = Vec::new();
    for instance in &all {
        let object = check_common(&plan, instance);
        check_pixels(&object, 1);
        let position = object.element(tags::IMAGE_POSITION_PATIENT).unwrap().to_multi_float64().unwrap();
        assert_eq!(position.len(), 3);
        heights.push(position[2]);
        // The south scanner stores signed values with padding outside its round field of view.
        assert_eq!(number(&object, tags::PIXEL_REPRESENTATION), 1);
        let corner = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
        assert_eq!(i16::from_le_bytes([corner[0], corner[1]]), -2000);
    }
    assert!(heights.windows(2).all(|pair| pair[0] > pair[1]), "{heights:?}");
}

#[test]
fn the_middle_of_the_heart_has_the_density_of_blood_and_the_lung_that_of_air() {
    let mut plan = small_plan(|kind| matches!(kind, SeriesKind::Ct { region: Region::Chest, .. }), 24);
    plan.series[0].kind = SeriesKind::Ct { region: Region::Chest, size: 128 };
    let all = made(&plan);
    // Heart near (42, -24, -66), right lung near (-90, 0, -40) in mm.
    let at = |x: f64, y: f64, z: f64| -> i16 {
        let near = |instance: &&Instance| {
            let position = open(instance).element(tags::IMAGE_POSITION_PATIENT).unwrap().to_multi_float64().unwrap();
            ((position[2] - z).abs() * 1000.0) as i64
        };
        let object = open(all.iter().min_by_key(near).unwrap());
        let position = object.element(tags::IMAGE_POSITION_PATIENT).unwrap().to_multi_float64().unwrap();
        let spacing = object.element(tags::PIXEL_SPACING).unwrap().to_multi_float64().unwrap();
        let column = ((x - position[0]) / spacing[1]).round() as usize;
        let row = ((y - position[1]) / spacing[0]).round() as usize;
        let pixels = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
        let offset = (row * 128 + column) * 2;
        i16::from_le_bytes([pixels[offset], pixels[offset + 1]])
    };
    let (heart, lung) = (at(42.0, -24.0, -66.0), at(-90.0, 0.0, -40.0));
    assert!((-20..110).contains(&heart), "{heart} HU");
    assert!(lung < -600, "{lung} HU");
}

#[test]
fn mr_slices_say_how_they_were_made() {
    let plan = small_plan(|kind| matches!(kind, SeriesKind::Mr { contrast: Contrast::Flair, .. }), 2);
    for instance in &made(&plan) {
        let object = check_common(&plan, instance);
        check_pixels(&object, 1);
        assert_eq!(text(&object, tags::INVERSION_TIME), "2400");
        assert_eq!(object.element(tags::IMAGE_ORIENTATION_PATIENT).unwrap().to_multi_float64().unwrap().len(), 6);
    }
}

#[test]
fn projections_and_loops_have_their_frames_views_and_calibration() {
    let plan = small_plan(|kind| matches!(kind, SeriesKind::Us { .. }), 1);
    let object = check_common(&plan, &made(&plan)[0]);
    check_pixels(&object, 2);
    assert!(object.element(tags::FRAME_TIME).unwrap().to_float64().unwrap() > 0.0);
    assert!(object.element(tags::SEQUENCE_OF_ULTRASOUND_REGIONS).is_ok());

    let plan = small_plan(|kind| matches!(kind, SeriesKind::Mg), 4);
    let views: Vec<String> = made(&plan)
        .iter()
        .map(|instance| {
            let object = check_common(&plan, instance);
            check_pixels(&object, 1);
            let view = object.element(tags::VIEW_CODE_SEQUENCE).unwrap().items().unwrap()[0]
                .element(tags::CODE_VALUE)
                .unwrap()
                .to_str()
                .unwrap()
                .into_owned();
            format!("{} {view}", text(&object, tags::IMAGE_LATERALITY))
        })
        .collect();
    assert_eq!(views, ["R 399162004", "L 399162004", "R 399368009", "L 399368009"]);

    let plan = small_plan(|kind| matches!(kind, SeriesKind::Cr { inverted: true, .. }), 1);
    let object = check_common(&plan, &made(&plan)[0]);
    check_pixels(&object, 1);
    assert_eq!(text(&object, tags::PHOTOMETRIC_INTERPRETATION), "MONOCHROME1");
}

#[test]
fn the_key_image_note_points_at_a_slice_of_its_own_study() {
    let plan = seed_studies().into_iter().find(|p| p.series.iter().any(|s| s.kind == SeriesKind::KeyNote)).unwrap();
    let images: HashSet<String> =
        (0..plan.series[0].instances).map(|index| plan.instance_uid(&plan.series[0], index)).collect();
    let mut documents = plan.clone();
    documents.series.retain(|series| matches!(series.kind, SeriesKind::Sr));
    let report = check_common(&documents, &made(&documents)[0]);
    assert_eq!(text(&report, tags::VERIFICATION_FLAG), "VERIFIED");

    // The note needs the image series in its plan, but not its pixels.
    let mut note = None;
    let mut notes = plan.clone();
    notes.series[0].kind = SeriesKind::Ct { region: Region::Chest, size: 16 };
    write_instances(&notes, |instance| {
        if instance.sop_class == uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE {
            note = Some(instance);
        }
        Ok(())
    })
    .unwrap();
    let note = open(&note.unwrap());
    let title = &note.element(tags::CONCEPT_NAME_CODE_SEQUENCE).unwrap().items().unwrap()[0];
    assert_eq!(title.element(tags::CODE_VALUE).unwrap().to_str().unwrap(), "113000");
    let evidence = &note.element(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE).unwrap().items().unwrap()[0];
    let series = &evidence.element(tags::REFERENCED_SERIES_SEQUENCE).unwrap().items().unwrap()[0];
    let image = &series.element(tags::REFERENCED_SOP_SEQUENCE).unwrap().items().unwrap()[0];
    let uid = image.element(tags::REFERENCED_SOP_INSTANCE_UID).unwrap().to_str().unwrap().into_owned();
    assert!(images.contains(&uid));
}

#[test]
fn a_growing_study_arrives_in_two_parts_and_the_sink_can_stop_the_work() {
    let mut plan = seed_studies().into_iter().find(StudyPlan::grows).unwrap();
    for series in &mut plan.series {
        (series.instances, series.later) = (series.instances.min(2), series.later.min(2));
        if let SeriesKind::Mr { size, .. } = &mut series.kind {
            *size = 32;
        }
    }
    assert_eq!(plan.object_name(), "MARTIN^Anne");
    let collect = |part: Part| {
        let mut uids = Vec::new();
        write_part(&plan, part, |instance| {
            uids.push(instance.uid);
            Ok(())
        })
        .unwrap();
        uids
    };
    let (first, later, all) = (collect(Part::First), collect(Part::Later), collect(Part::All));
    assert_eq!((first.len(), later.len()), (4, 2));
    assert_eq!([first, later].concat(), all);
    let stopped = write_instances(&plan, |_| Err(synth::SynthError::Sink("enough".to_string())));
    assert!(stopped.unwrap_err().to_string().contains("enough"));
}
