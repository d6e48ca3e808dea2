//! Invented studies: instances as an archive knows them, the source that publishes them, and ready manifests.

use dicom::kos::{KeyObjects, NewManifest, Source, StudyInstance, build};
use model::{
    Code, Dtm, Manifest, ManifestFlavour, Oid, Order, PersonName, RegionMap, RegionRule, RetrieveLocationUid,
    SeriesInstanceUid, Sex, SopClassUid, SopInstanceUid, StudyInstanceUid, Xon, schemes,
};

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const SR: &str = "1.2.840.10008.5.1.4.1.1.88.33";
pub const KO: &str = "1.2.840.10008.5.1.4.1.1.88.59";
pub const ECG: &str = "1.2.840.10008.5.1.4.1.1.9.1.1";
pub const US_MULTI_FRAME: &str = "1.2.840.10008.5.1.4.1.1.3.1";

pub fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub fn instance_uid(text: &str) -> SopInstanceUid {
    SopInstanceUid::parse(text).unwrap()
}

/// An instance of study 2.25.7000: series `2.25.7000.{series}`, instance `2.25.7000.{series}.{number}`.
pub fn instance(class: &str, modality: &str, series: u32, number: u32) -> StudyInstance {
    StudyInstance {
        study: StudyInstanceUid::parse("2.25.7000").unwrap(),
        series: SeriesInstanceUid::parse(&format!("2.25.7000.{series}")).unwrap(),
        sop_class: SopClassUid::parse(class).unwrap(),
        sop_instance: instance_uid(&format!("2.25.7000.{series}.{number}")),
        modality: Some(modality.to_owned()),
        series_number: Some(series.to_string()),
        series_description: Some(format!("Serie {series} für {modality}")),
        series_date: Some("20250603".to_owned()),
        series_time: Some("091530.25".to_owned()),
        first_date: None,
        first_time: None,
        instance_number: Some(number.to_string()),
        number_of_frames: None,
        study_date: Some("20250603".to_owned()),
        study_time: Some("091500".to_owned()),
        study_description: Some("CT Thorax".to_owned()),
        study_id: Some("S42".to_owned()),
        referring_physician: Some("Müller^Anna^^Dr.".to_owned()),
        orders: vec![Order {
            accession_number: "ACC-2025-0042".to_owned(),
            accession_issuer: Some(oid("2.25.9.2")),
            placer_order_number: "PLC-77".to_owned(),
            placer_issuer: Some(oid("2.25.9.3")),
        }],
        procedures: vec![Code::new("169069000", schemes::SNOMED_CT, "CT of chest")],
        requested_procedures: Vec::new(),
        anatomic_regions: Vec::new(),
        body_part: Some("CHEST".to_owned()),
        laterality: None,
        patient_id: Some("P0001".to_owned()),
        patient_issuer: Some(oid("2.25.9.1")),
        other_patient_ids: Vec::new(),
        patient_name: PersonName::from_dicom("Exämple^Pat"),
        birth_date: Some("19700101".to_owned()),
        sex: Some(Sex::Female),
        timezone: None,
        key_objects: None,
    }
}

/// A key object note or rejection note in a series of its own.
pub fn note(title: (&str, &str), description: Option<&str>, series: u32, references: &[&str]) -> StudyInstance {
    StudyInstance {
        key_objects: Some(KeyObjects {
            title: Code::new(title.0, schemes::DCM, title.1),
            description: description.map(str::to_owned),
            references: references.iter().map(|uid| instance_uid(uid)).collect(),
        }),
        body_part: None,
        ..instance(KO, "KO", series, 1)
    }
}

pub fn source(flavour: ManifestFlavour) -> Source {
    Source {
        flavour,
        institution: Some(Xon::parse("Example Hospital^^^^^&2.25.9.5&ISO^^^^H1").unwrap()),
        patient_issuer: Some(oid("2.25.9.1")),
        accession_issuer: Some(oid("2.25.9.2")),
        placer_issuer: Some(oid("2.25.9.3")),
        retrieve_base_url: Some("https://img.example.org/dicomweb/".to_owned()),
        retrieve_location_uid: RetrieveLocationUid::parse("2.25.9.9").unwrap(),
        retrieve_ae_title: Some("ARCHIVE".to_owned()),
        regions: RegionMap {
            rules: vec![RegionRule {
                body_parts: vec!["CHEST".to_owned()],
                codes: Vec::new(),
                regions: vec![Code::new("67734004", schemes::SNOMED_CT, "Upper trunk")],
            }],
            equivalents: Vec::new(),
        },
        timezone: "+0200".to_owned(),
        manufacturer: "manifold".to_owned(),
    }
}

pub fn new_manifest() -> NewManifest {
    NewManifest {
        sop_instance: instance_uid("2.25.7000.900.1"),
        series_instance: SeriesInstanceUid::parse("2.25.7000.900").unwrap(),
        created: Dtm::parse("20250603081530").unwrap(),
    }
}

/// Two CT slices, a multi-frame ultrasound, an ECG, a report and a note that flags the second slice.
pub fn study() -> Vec<StudyInstance> {
    let mut loop_ = instance(US_MULTI_FRAME, "US", 2, 1);
    loop_.number_of_frames = Some(30);
    vec![
        instance(CT, "CT", 1, 2),
        instance(CT, "CT", 1, 1),
        loop_,
        instance(ECG, "ECG", 3, 1),
        instance(SR, "SR", 4, 1),
        note(("113000", "Of Interest"), Some("Rundherd, 8 mm"), 5, &["2.25.7000.1.2"]),
    ]
}

pub fn manifest(flavour: ManifestFlavour) -> Manifest {
    build(&study(), &source(flavour), &new_manifest()).unwrap()
}

/// What a flavour can carry of a manifest: what reading back must give.
pub fn as_written(manifest: &Manifest) -> Manifest {
    let mut out = manifest.clone();
    if out.flavour != ManifestFlavour::Mado {
        out.regions.clear();
        for series in &mut out.series {
            (series.region, series.laterality) = (None, None);
        }
    }
    if out.flavour == ManifestFlavour::Xdsi {
        for series in &mut out.series {
            (series.modality, series.description, series.number) = (None, None, None);
            (series.date, series.time) = (None, None);
            for instance in &mut series.instances {
                instance.significant.clear();
                (instance.instance_number, instance.number_of_frames, instance.key_object_note) = (None, None, None);
            }
        }
    }
    out
}
