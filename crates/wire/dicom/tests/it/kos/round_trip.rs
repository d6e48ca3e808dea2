//! `decode(encode(m)) == m` for what the flavour can carry, and no panic on damaged octets.

use dicom::kos::{check, decode, decode_note, encode};
use model::{
    Code, KeyObjectNote, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, Order, PatientId, PersonName,
    RetrieveLocationUid, SeriesInstanceUid, Sex, SignificantImage, SopClassUid, StudyInstanceUid, Xon, escape, schemes,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::make::{CT, ECG, KO, SR, as_written, instance_uid, manifest, oid};

fn text(most: usize) -> impl Strategy<Value = String> {
    let pattern = format!("[A-Za-z0-9äöüßéŁ山Ж&,.()/-]([A-Za-z0-9 äöüßéŁ山Ж&,.()/-]{{0,{}}}[A-Za-z0-9äöü])?", most - 2);
    proptest::string::string_regex(&pattern).unwrap()
}

fn date() -> impl Strategy<Value = String> {
    (1900..2100_u32, 1..13_u32, 1..29_u32).prop_map(|(y, m, d)| format!("{y:04}{m:02}{d:02}"))
}

fn time() -> impl Strategy<Value = String> {
    (0..24_u32, 0..60_u32, 0..60_u32, "(\\.[0-9]{1,6})?").prop_map(|(h, m, s, f)| format!("{h:02}{m:02}{s:02}{f}"))
}

fn code() -> impl Strategy<Value = Code> {
    let scheme = prop_oneof![Just(schemes::SNOMED_CT), Just(schemes::DCM), Just("2.999.5.1"), Just("99LOCAL")];
    ("[A-Z0-9]{1,24}", scheme, text(64)).prop_map(|(code, scheme, display)| Code::new(code, scheme, display))
}

fn order() -> impl Strategy<Value = Order> {
    ("[A-Z0-9]{1,16}", option::of("2\\.999\\.[1-9]{1,3}"), "[A-Z0-9]{0,20}", option::of("2\\.999\\.[1-9]{1,3}"))
        .prop_map(|(accession_number, accession_issuer, placer_order_number, placer_issuer)| Order {
            accession_number,
            accession_issuer: accession_issuer.map(|text| oid(&text)),
            placer_order_number,
            placer_issuer: placer_issuer.map(|text| oid(&text)),
        })
}

fn person() -> impl Strategy<Value = PersonName> {
    (text(20), option::of(text(20)), option::of(text(8))).prop_map(|(family, given, prefix)| PersonName {
        family,
        given: given.unwrap_or_default(),
        prefix: prefix.unwrap_or_default(),
        ..PersonName::default()
    })
}

fn instance() -> impl Strategy<Value = (String, Option<i32>, Option<u32>, bool)> {
    let class = prop_oneof![Just(CT.to_owned()), Just(SR.to_owned()), Just(ECG.to_owned()), Just("2.25.77".to_owned())];
    (class, option::of(any::<i32>()), option::of(1..5000_u32), any::<bool>())
}

type SeriesSeed = (
    Option<String>,
    Option<String>,
    Option<u16>,
    Option<(String, Option<String>)>,
    Vec<(String, Option<i32>, Option<u32>, bool)>,
    bool,
    (Option<Code>, bool),
);

fn series() -> impl Strategy<Value = SeriesSeed> {
    (
        option::of("[A-Z]{2,8}"),
        option::of(text(64)),
        option::of(any::<u16>()),
        option::of((date(), option::of(time()))),
        vec(instance(), 1..6),
        any::<bool>(),
        (option::of(prop_oneof![code(), text(64).prop_map(|part| Code::new("", "", part))]), any::<bool>()),
    )
}

/// Series with unique UIDs, and one note that flags the chosen instances.
fn assemble(seeds: Vec<SeriesSeed>, title: Code, description: Option<String>, study: &str) -> Vec<ManifestSeries> {
    let note_series = SeriesInstanceUid::parse("2.25.8.500").unwrap();
    let note = instance_uid("2.25.8.500.1");
    let mut flagged = false;
    let mut out: Vec<ManifestSeries> = Vec::new();
    for (s, (modality, descr, number, start, instances, located, (region, sided))) in seeds.into_iter().enumerate() {
        let uid = SeriesInstanceUid::parse(&format!("2.25.8.{}", s + 1)).unwrap();
        let (date, time) = start.map_or((None, None), |(date, time)| (Some(date), time));
        let instances = instances.into_iter().enumerate().map(|(i, (class, number, frames, flag))| {
            flagged |= flag;
            let flag = SignificantImage { note_series: note_series.clone(), note: note.clone(), title: title.clone() };
            ManifestInstance {
                sop_class: SopClassUid::parse(&class).unwrap(),
                sop_instance: instance_uid(&format!("2.25.8.{}.{}", s + 1, i + 1)),
                instance_number: number.map(|number| number.to_string()),
                number_of_frames: frames,
                significant: if flagged { vec![flag] } else { Vec::new() },
                key_object_note: None,
            }
        });
        out.push(ManifestSeries {
            modality,
            description: descr,
            number: number.map(|number| number.to_string()),
            date,
            time,
            region,
            laterality: sided.then(|| Code::new("24028007", schemes::SNOMED_CT, "Right")),
            retrieve_location_uid: located.then(|| RetrieveLocationUid::parse("2.25.8.9").unwrap()),
            retrieve_url: Some(format!("https://example.org/a/studies/{study}/series/{uid}")),
            retrieve_ae_title: located.then(|| "ARCHIVE 1".to_owned()),
            instances: instances.collect(),
            uid,
        });
    }
    if flagged {
        let instance = ManifestInstance {
            sop_class: SopClassUid::parse(KO).unwrap(),
            sop_instance: note,
            instance_number: Some("1".to_owned()),
            number_of_frames: None,
            significant: Vec::new(),
            key_object_note: Some(KeyObjectNote { title, description }),
        };
        out.push(ManifestSeries { uid: note_series, instances: vec![instance], ..out[0].clone() });
        let last = out.len() - 1;
        out[last].retrieve_url = Some(format!("https://example.org/a/studies/{study}/series/2.25.8.500"));
    }
    out
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let patient = (any::<bool>(), "[A-Z0-9-]{1,64}", person(), option::of(date()), 0..4_u8, any::<bool>());
    let study =
        (option::of(date()), option::of(time()), option::of(text(64)), option::of("[A-Z0-9]{1,16}"), any::<bool>());
    let codes = (vec(order(), 0..3), vec(code(), 0..3), code(), option::of(text(120)));
    let who = (text(64), option::of(text(20)), date(), time(), option::of("[+-](0[0-9]|1[0-2])[0-5][0-9]"));
    let flavour = prop_oneof![Just(ManifestFlavour::Mcwg), Just(ManifestFlavour::Xdsi), Just(ManifestFlavour::Mado)];
    (flavour, patient, study, codes, who, vec(series(), 1..4), vec(code(), 0..3)).prop_map(
        |(flavour, patient, study, codes, who, seeds, regions)| {
            let (issued, id, name, birth_date, sex, own_study) = patient;
            let (study_date, study_time, study_description, study_id, others) = study;
            let (mut orders, mut procedures, title, description) = codes;
            let (manufacturer, institution, content_date, content_time, timezone) = who;
            // What stands twice is read once.
            orders.dedup_by(|a, b| a.accession_number == b.accession_number);
            procedures.dedup_by(|a, b| a.means(b));
            if procedures.len() > 1 && procedures[0].means(&procedures[procedures.len() - 1]) {
                procedures.truncate(1);
            }
            let uid = StudyInstanceUid::parse("2.25.8").unwrap();
            Manifest {
                flavour,
                sop_instance: instance_uid("2.25.8.900.1"),
                series_instance: SeriesInstanceUid::parse("2.25.8.900").unwrap(),
                own_study: if own_study { StudyInstanceUid::parse("2.25.80").unwrap() } else { uid.clone() },
                patient_id: issued.then(|| PatientId::new(id.clone(), oid("2.999.7"))),
                patient_id_text: if issued { String::new() } else { id },
                other_patient_ids: if others { vec![PatientId::new("X1", oid("2.999.8"))] } else { Vec::new() },
                patient_name: name,
                birth_date,
                sex: [None, Some(Sex::Male), Some(Sex::Female), Some(Sex::Other)][usize::from(sex)],
                study_date,
                study_time,
                study_description,
                study_id,
                referring_physician: Some("Müller^Anna".to_owned()),
                orders,
                procedures,
                regions,
                manufacturer,
                institution: institution
                    .map(|name| Xon::parse(&format!("{}^^^^^&2.999.1&ISO^^^^H1", escape(&name))).unwrap()),
                content_date,
                content_time,
                timezone,
                display_uri: (flavour != ManifestFlavour::Xdsi)
                    .then(|| "https://example.org/view?study=2.25.8".to_owned()),
                series: assemble(seeds, title, description, "2.25.8"),
                study: uid,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_reads_back_the_same(manifest in any_manifest()) {
        let mut expected = as_written(&manifest);
        if expected.flavour != ManifestFlavour::Mcwg {
            for series in &mut expected.series {
                series.retrieve_url = series.wado_base().map(str::to_owned);
            }
        }
        let octets = encode(&manifest).unwrap();
        let mut decoded = decode(&octets).unwrap();
        prop_assert_eq!(decoded.manifests.len(), 1);
        prop_assert_eq!(decoded.manifests.remove(0), expected);
        prop_assert_eq!(encode(&manifest).unwrap(), octets);
    }

    #[test]
    fn damaged_octets_are_refused_or_read_but_never_panic(
        at in vec((0..6000_usize, any::<u8>()), 1..8),
        cut in option::of(0..6000_usize),
    ) {
        let mut octets = encode(&manifest(ManifestFlavour::Mcwg)).unwrap();
        for (at, octet) in at {
            if let Some(place) = octets.get_mut(at) {
                *place = octet;
            }
        }
        if let Some(cut) = cut {
            octets.truncate(cut);
        }
        let _ = decode(&octets);
        let _ = decode_note(&octets);
        let _ = check(&octets);
    }

    #[test]
    fn random_octets_never_panic(octets in vec(any::<u8>(), 0..400), dressed in any::<bool>()) {
        let mut whole = vec![0; 128];
        whole.extend_from_slice(b"DICM");
        whole.extend_from_slice(&octets);
        let _ = check(if dressed { &whole } else { &octets });
    }
}
