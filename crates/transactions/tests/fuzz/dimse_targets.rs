//! The targets on associations: command sets, answers of C-FIND, data sets of notifications, and the association machine.
//! Source: PS3.7, PS3.4 Annexes C, F, J, R.

use crate::{alone, peak};
use dicom::dimse::commitment::{CommitmentFailure, CommitmentOutcome, CommitmentRequest};
use dicom::dimse::instance_availability::{AvailabilityNotification, AvailableInstance, AvailableSeries};
use dicom::dimse::procedure_step::{PerformedSeries, ProcedureStep, ScheduledStep, StepStatus};
use dicom::dimse::query::{
    Availability, InstanceCriteria, Match, Query, Quirks, SeriesCriteria, SeriesInstanceUid, StudyCriteria,
    StudyInstanceUid,
};
use dicom::dimse::{
    Association, CommandSet, ElementError, Operation, ProposedContext, RequestorConfig, SopReference, Step,
    SubOperations,
};
use dicom::text::CharacterSet;
use dicom::transfer_syntaxes::{EXPLICIT_LE, IMPLICIT_LE};
use dicom::{DataSet, VR, tags};
use testkit::fuzz::{Corpus, Runs};

/// In `check`; `deep` has many more.
const RUNS: u64 = 20_000;

/// What a mutant of at most 64 KiB may make a decoder allocate: an element for every eight octets of it, and copies.
const MOST_OCTETS: usize = 16 << 20;

const WORDS: &[&str] = &[
    "\u{8}\0\u{5}\0",
    "\u{8}\0\u{5}\0CS\n\0ISO_IR 192",
    "ISO_IR 144",
    "\\ISO 2022 IR 87",
    "\u{1b}$B",
    "\u{1b}(B",
    "\u{1b}$)C",
    "\0\0",
    "\\",
    "2.25.1",
    "1.2..3",
    "2025.06.03",
    "10:15:30",
    "SQ\0\0",
    "UN\0\0",
    "OB\0\0",
    "UNAVAILABLE",
    "IN PROGRESS",
    " \0\r\0UI",
    " \0\u{e}\0UI",
    "CT/SR",
    "99999999999999999999",
];

fn within_bounds(what: &str, work: impl FnOnce()) {
    let ((), octets) = peak(work);
    assert!(octets <= MOST_OCTETS, "{what} allocated {octets} octets for a message of at most 64 KiB");
}

fn reference(number: u32) -> SopReference {
    SopReference { sop_class: "1.2.840.10008.5.1.4.1.1.2".into(), sop_instance: format!("2.25.{number}") }
}

/// A data set in both transfer syntaxes.
fn both(set: &DataSet) -> [Vec<u8>; 2] {
    [set.encode_explicit_le(), set.encode_implicit_le()]
}

fn item(values: &[(dicom::Tag, &str)]) -> DataSet {
    let mut item = DataSet::new();
    for (tag, value) in values {
        item.put_text(*tag, value);
    }
    item
}

/// An answer that has something of every kind.
fn answer() -> DataSet {
    let issuer = || item(&[(tags::UNIVERSAL_ENTITY_ID, "2.999.7"), (tags::UNIVERSAL_ENTITY_ID_TYPE, "ISO")]);
    let code = || {
        item(&[
            (tags::CODE_VALUE, "169069000"),
            (tags::CODING_SCHEME_DESIGNATOR, "SCT"),
            (tags::CODE_MEANING, "CT of chest"),
        ])
    };
    let mut set = item(&[
        (tags::SPECIFIC_CHARACTER_SET, "ISO_IR 100"),
        (tags::QUERY_RETRIEVE_LEVEL, "STUDY"),
        (tags::STUDY_DATE, "20250603"),
        (tags::STUDY_TIME, "101530"),
        (tags::PATIENT_ID, "P-1"),
        (tags::STUDY_INSTANCE_UID, "2.25.1"),
        (tags::SERIES_INSTANCE_UID, "2.25.2"),
        (tags::SOP_INSTANCE_UID, "2.25.3"),
        (tags::SERIES_NUMBER, "3"),
        (tags::NUMBER_OF_STUDY_RELATED_INSTANCES, "12"),
        (tags::INSTANCE_AVAILABILITY, "ONLINE"),
        (tags::TIMEZONE_OFFSET_FROM_UTC, "+0200"),
    ]);
    set.put_texts(tags::MODALITIES_IN_STUDY, &["CT", "SR"]);
    set.put_octets(tags::PATIENT_NAME, VR::PN, *b"M\xFCller=\x1B$B;3ED\x1B(B");
    set.put_items(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, vec![issuer()]);
    set.put_items(tags::PROCEDURE_CODE_SEQUENCE, vec![code(), code()]);
    let mut request = item(&[(tags::REQUESTED_PROCEDURE_ID, "RP-1")]);
    request.put_items(tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, vec![issuer()]);
    set.put_items(tags::REQUEST_ATTRIBUTES_SEQUENCE, vec![request]);
    set
}

fn read<M: Match>(query: &Query<M>, octets: &[u8]) {
    for syntax in [EXPLICIT_LE, IMPLICIT_LE] {
        match query.decode(octets, syntax) {
            Ok(found) => found.deviations.iter().for_each(|deviation| drop(deviation.to_string())),
            Err(error) => assert!(error.to_string().len() < 8192, "an error is for people"),
        }
    }
}

#[test]
fn answers() {
    let _turn = alone();
    let corpus = Corpus::new(both(&answer()).to_vec(), WORDS);
    let sets = [&b""[..], b"ISO_IR 144", b"GB18030", b"\\ISO 2022 IR 149"].map(CharacterSet::from_value);
    let study = StudyInstanceUid::parse("2.25.1").unwrap();
    let series = SeriesInstanceUid::parse("2.25.2").unwrap();
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        let quirks = Quirks { default_character_set: *random.choose(&sets), ..Quirks::default() };
        within_bounds("an answer", || {
            read(&Query::studies(&StudyCriteria::default(), &quirks).unwrap(), input);
            read(&Query::series(&SeriesCriteria::of(study.clone()), &quirks).unwrap(), input);
            let criteria = InstanceCriteria::of(study.clone(), series.clone());
            read(&Query::instances(&criteria, &quirks).unwrap(), input);
        });
    });
}

/// What was understood is written and understood as the same.
fn again<T: PartialEq + std::fmt::Debug>(
    input: &[u8],
    decode: fn(&[u8], &str) -> Result<T, ElementError>,
    encode: impl Fn(&T) -> DataSet,
) {
    for syntax in [EXPLICIT_LE, IMPLICIT_LE] {
        if let Ok(value) = decode(input, syntax) {
            let set = encode(&value);
            let back = decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap_or_else(|e| panic!("{e} of {value:?}"));
            assert_eq!(decode(&encode(&back).encode_implicit_le(), IMPLICIT_LE).unwrap(), back);
        }
    }
}

#[test]
fn notifications() {
    let _turn = alone();
    let request = CommitmentRequest { transaction: "2.25.7".into(), instances: vec![reference(1), reference(2)] };
    let outcome = CommitmentOutcome {
        transaction: "2.25.7".into(),
        retrieve_ae_title: Some("ARCHIVE".into()),
        committed: vec![reference(1)],
        failed: vec![(reference(2), CommitmentFailure::NoSuchInstance)],
    };
    let available = AvailableInstance {
        reference: reference(1),
        availability: Availability::Unavailable,
        retrieve_ae_title: Some("PACS".into()),
        retrieve_location: Some("2.999.8".into()),
    };
    let notification = AvailabilityNotification {
        study: "2.25.100".into(),
        procedure_steps: vec![reference(50)],
        series: vec![AvailableSeries { series: "2.25.101".into(), instances: vec![available] }],
    };
    let step = ProcedureStep {
        status: Some(StepStatus::Completed),
        scheduled: vec![ScheduledStep { study: Some("2.25.100".into()), accession_number: Some("ACC-1".into()) }],
        modality: Some("CT".into()),
        discontinuation: Vec::new(),
        series: vec![PerformedSeries {
            series: "2.25.101".into(),
            retrieve_ae_title: Some("CT1".into()),
            images: vec![reference(1)],
            others: vec![reference(2)],
        }],
    };
    let sets = [request.data_set(), outcome.data_set(), notification.data_set(), step.create(), step.update()];
    let corpus = Corpus::new(sets.iter().flat_map(both).collect(), WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, _| {
        within_bounds("a notification", || {
            again(input, CommitmentRequest::decode, CommitmentRequest::data_set);
            again(input, CommitmentOutcome::decode, CommitmentOutcome::data_set);
            again(input, AvailabilityNotification::decode, AvailabilityNotification::data_set);
            again(input, ProcedureStep::decode, ProcedureStep::create);
        });
    });
}

#[test]
fn commands() {
    let _turn = alone();
    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    let mut failed = CommandSet::response(&CommandSet::move_request(1, CT, "A"), 0xB000, Some("disk full"), true);
    failed.elements_mut().put_octets(dicom::Tag(0x0000, 0x0901), VR::AT, [8, 0, 0x61, 0]);
    failed.elements_mut().put_u16(dicom::Tag(0x0000, 0x1021), 3);
    let commands = [
        CommandSet::store_request(1, CT, "2.25.1"),
        CommandSet::create_request(1, CT, Some("2.25.1")),
        CommandSet::get_attributes_request(1, CT, "2.25.1", &[tags::MODALITY]),
        CommandSet::action_request(1, CT, "2.25.1", 1, true),
        CommandSet::event_report_request(1, CT, "2.25.1", 2, true),
        CommandSet::cancel_request(1),
        failed,
    ];
    let corpus = Corpus::new(commands.iter().map(CommandSet::encode).collect(), WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, _| {
        within_bounds("a command", || {
            let Ok(command) = CommandSet::decode(input) else { return };
            let _ = (command.offending_elements(), command.attribute_list(), command.error_comment());
            let _ = (SubOperations::of(&command), command.move_originator());
            let response = CommandSet::response(&command, 0, Some("done"), false);
            CommandSet::decode(&response.encode()).unwrap_or_else(|e| panic!("{e}"));
        });
    });
}

/// What a peer sends during a C-GET: acceptance, a store with its object, responses.
fn stream() -> Vec<u8> {
    let part = |kind: u8, body: &[u8]| [&[kind, 0][..], &(body.len() as u16).to_be_bytes(), body].concat();
    let context = |id: u8| part(0x21, &[&[id, 0, 0, 0][..], &part(0x40, IMPLICIT_LE.as_bytes())].concat());
    let role = [&[0, 25][..], b"1.2.840.10008.5.1.4.1.1.2", &[0, 1]].concat();
    let user = part(0x50, &[part(0x51, &[0, 0, 0x40, 0]), part(0x54, &role)].concat());
    let body = [vec![0, 1, 0, 0], vec![b' '; 32], vec![0; 32], context(1), context(3), user].concat();
    let mut out = [&[2, 0][..], &(body.len() as u32).to_be_bytes(), &body].concat();
    let mut data = |context: u8, control: u8, octets: &[u8]| {
        let length = octets.len() as u32;
        out.extend(
            [&[4, 0][..], &(length + 6).to_be_bytes(), &(length + 2).to_be_bytes(), &[context, control]].concat(),
        );
        out.extend_from_slice(octets);
    };
    let request = CommandSet::get_request(1, dicom::sop_classes::STUDY_ROOT_GET);
    data(3, 3, &CommandSet::store_request(9, "1.2.840.10008.5.1.4.1.1.2", "2.25.1").encode());
    data(3, 0, b"abcd");
    data(1, 3, &CommandSet::response(&request, 0xFF00, None, true).encode());
    data(1, 2, &answer().encode_implicit_le());
    data(3, 2, b"efgh");
    data(1, 3, &CommandSet::response(&request, 0, None, false).encode());
    out.extend([5, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    out
}

#[test]
fn associations() {
    let _turn = alone();
    let corpus = Corpus::new(vec![stream()], WORDS);
    let contexts = ProposedContext::to_get(["1.2.840.10008.5.1.4.1.1.2"], &[IMPLICIT_LE]).unwrap();
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        within_bounds("an association", || {
            let config = RequestorConfig::new("MANIFOLD", "PACS", contexts.clone());
            let mut association = Association::requestor(config).unwrap();
            let mut operation = Operation::with_stores(1, 1);
            let mut rest = input;
            let mut broken = false;
            while !rest.is_empty() && !broken {
                let (piece, more) = rest.split_at((1 + random.below(200)).min(rest.len()));
                rest = more;
                broken = association.feed(piece).is_err();
                while let Some(event) = association.next_event() {
                    if !matches!(event, dicom::dimse::Event::Accepted(_))
                        && let Step::Refuse { context, response } = operation.take(event)
                    {
                        let _ = association.send_command(context, &response);
                    }
                }
            }
            // Whatever came, an association that broke says so in its output and is over.
            assert!(!broken || association.is_over());
        });
    });
}
