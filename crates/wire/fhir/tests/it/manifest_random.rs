//! A manifest as FHIR and back is the same for everything the map has a place for, and damaged documents never panic.

use crate::manifests::{NUMBER, assert_manifest, manifest, name, read, sop_instance};
use crate::oid;
use fhir::manifest::{decode, encode};
use model::{
    Code, KeyObjectNote, Manifest, ManifestInstance, ManifestSeries, Order, PatientId, PersonName, RetrieveLocationUid,
    SeriesInstanceUid, Sex, SopClassUid, Xon, escape, schemes,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn text(most: usize) -> impl Strategy<Value = String> {
    let pattern =
        format!("[A-Za-z0-9äößŁ山Ж&<>\"',.()/-]([A-Za-z0-9 äößŁ山Ж&<>\"',.()/-]{{0,{}}}[A-Za-z0-9ä])?", most - 2);
    proptest::string::string_regex(&pattern).unwrap()
}

fn date() -> impl Strategy<Value = String> {
    (1900..2100_u32, 1..13_u32, 1..29_u32).prop_map(|(y, m, d)| format!("{y:04}{m:02}{d:02}"))
}

fn time() -> impl Strategy<Value = String> {
    (0..24_u32, 0..60_u32, 0..61_u32, "(\\.[0-9]{1,6})?").prop_map(|(h, m, s, f)| format!("{h:02}{m:02}{s:02}{f}"))
}

/// A day, with a time or not.
fn start() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    option::of((date(), option::of(time()))).prop_map(|start| match start {
        Some((date, time)) => (Some(date), time),
        None => (None, None),
    })
}

fn offset() -> impl Strategy<Value = String> {
    "[+-](0[0-9]|1[0-3])[0-5][0-9]".prop_map(|text| text)
}

fn code() -> impl Strategy<Value = Code> {
    let scheme = prop_oneof![Just(schemes::SNOMED_CT), Just(schemes::DCM), Just("2.999.5.1"), Just("99LOCAL")];
    let coded = ("[A-Z0-9-]{1,24}", scheme, text(64)).prop_map(|(code, scheme, show)| Code::new(code, scheme, show));
    prop_oneof![coded, text(64).prop_map(|show| Code::new("", "", show))]
}

fn order() -> impl Strategy<Value = Order> {
    let number = || ("[A-Z0-9/-]{0,16}", option::of("2\\.999\\.[1-9]{1,3}"));
    (number(), number()).prop_filter_map("an empty request", |((accession, of), (placer, by))| {
        let issuer = |number: &str, text: Option<String>| text.filter(|_| !number.is_empty()).map(|text| oid(&text));
        (!accession.is_empty() || !placer.is_empty()).then(|| Order {
            accession_issuer: issuer(&accession, of),
            placer_issuer: issuer(&placer, by),
            accession_number: accession,
            placer_order_number: placer,
        })
    })
}

fn person() -> impl Strategy<Value = PersonName> {
    (text(20), option::of((text(20), option::of(text(8)))), option::of(text(8)), option::of(text(8))).prop_map(
        |(family, given, prefix, suffix)| {
            let (given, middle) = given.unwrap_or_default();
            let (prefix, suffix) = (prefix.unwrap_or_default(), suffix.unwrap_or_default());
            PersonName { family, given, middle: middle.unwrap_or_default(), prefix, suffix }
        },
    )
}

type InstanceSeed = (Option<u32>, Option<u32>, Option<(Code, Option<String>)>);

fn instance() -> impl Strategy<Value = InstanceSeed> {
    (option::of(0..=i32::MAX as u32), option::of(1..5000_u32), option::of((code(), option::of(text(64)))))
}

fn series() -> impl Strategy<Value = ManifestSeries> {
    let said = (option::of("[A-Z]{2,8}"), option::of(text(64)), option::of(0..=i32::MAX as u32), start());
    let codes = (option::of(code()), option::of(code()));
    let place = (option::of("2\\.999\\.[1-9]{1,2}"), option::of("https://[a-c]\\.example/rs"));
    (said, codes, place, vec(instance(), 1..5)).prop_map(|(said, (region, laterality), (location, url), seeds)| {
        let (modality, description, number, (date, time)) = said;
        let instances = seeds.into_iter().map(|(number, number_of_frames, note)| ManifestInstance {
            sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
            sop_instance: sop_instance("2.25.1"),
            instance_number: number.map(|number| number.to_string()),
            number_of_frames,
            significant: Vec::new(),
            key_object_note: note.map(|(title, description)| KeyObjectNote { title, description }),
        });
        ManifestSeries {
            uid: SeriesInstanceUid::parse("2.25.1").unwrap(),
            modality,
            description,
            number: number.map(|number| number.to_string()),
            date,
            time,
            region,
            laterality,
            retrieve_location_uid: location.map(|text| RetrieveLocationUid::parse(&text).unwrap()),
            retrieve_url: url,
            retrieve_ae_title: None,
            instances: instances.collect(),
        }
    })
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let patient = (0..3_u8, "[A-Z0-9-]{1,64}", person(), option::of(date()), 0..5_usize, vec("[A-Z0-9]{1,9}", 0..3));
    let study = (start(), option::of(text(64)), option::of("https://view\\.example/[a-z?=&]{0,20}"));
    let codes = (vec(order(), 0..4), vec(code(), 0..3), vec(code(), 0..3));
    let who = (prop_oneof![Just(String::new()), text(64)], option::of(text(40)), date(), time(), option::of(offset()));
    (patient, study, codes, who, vec(series(), 1..5)).prop_map(|(patient, study, codes, who, mut series)| {
        let (id_kind, id, name, birth_date, sex, others) = patient;
        let ((study_date, study_time), study_description, display_uri) = study;
        let (mut orders, procedures, regions) = codes;
        let (manufacturer, institution, content_date, content_time, timezone) = who;
        // What stands twice is read once.
        let mut seen = std::collections::HashSet::new();
        orders.retain(|order| seen.insert(order.clone()));
        for (s, one) in series.iter_mut().enumerate() {
            one.uid = SeriesInstanceUid::parse(&format!("2.25.8.{}", s + 1)).unwrap();
            for (i, instance) in one.instances.iter_mut().enumerate() {
                instance.sop_instance = sop_instance(&format!("2.25.8.{}.{}", s + 1, i + 1));
            }
        }
        let xon = |name: &str| Xon::parse(&format!("{}^^^^^&2.999.1&ISO^^^^H1", escape(name))).unwrap();
        Manifest {
            patient_id: (id_kind == 0).then(|| PatientId::new(id.clone(), oid("2.999.7"))),
            patient_id_text: if id_kind == 1 { id } else { String::new() },
            other_patient_ids: others.into_iter().map(|id| PatientId::new(id, oid("2.999.8"))).collect(),
            patient_name: name,
            birth_date,
            sex: [None, Some(Sex::Male), Some(Sex::Female), Some(Sex::Other), Some(Sex::Unknown)][sex],
            study_date,
            study_time,
            study_description,
            orders,
            procedures,
            regions,
            manufacturer,
            institution: institution.map(|name| xon(&name)),
            content_date,
            content_time,
            timezone,
            display_uri,
            series,
            ..manifest()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_manifest_as_fhir_and_back_is_the_same(manifest in any_manifest()) {
        let octets = encode(&manifest, NUMBER).unwrap();
        prop_assert_eq!(&encode(&manifest, NUMBER).unwrap(), &octets, "the same manifest gives the same octets");
        assert_manifest(&serde_json::from_slice(&octets).unwrap());
        let read = read(&octets).manifest;
        prop_assert_eq!(&read.series, &manifest.series);
        prop_assert_eq!(&read.orders, &manifest.orders);
        prop_assert_eq!((&read.procedures, &read.regions), (&manifest.procedures, &manifest.regions));
        let times = |m: &Manifest| [&m.study_date, &m.study_time, &m.timezone, &m.display_uri].map(Clone::clone);
        prop_assert_eq!(times(&read), times(&manifest));
        // Without a name of its own, since Debug hides the patient.
        prop_assert!(read == manifest);
    }

    #[test]
    fn damaged_documents_are_refused_or_read_but_never_panic(
        at in vec((0..9000_usize, any::<u8>()), 1..8),
        cut in option::of(0..9000_usize),
    ) {
        let mut octets = encode(&manifest(), NUMBER).unwrap();
        for (at, octet) in at {
            if let Some(place) = octets.get_mut(at) {
                *place = octet;
            }
        }
        if let Some(cut) = cut {
            octets.truncate(cut);
        }
        let _ = decode(&octets, &name);
    }
}
