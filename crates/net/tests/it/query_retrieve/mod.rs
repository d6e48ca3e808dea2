//! Query and retrieval against PACS of others: dcmtk's dcmqrscp, Orthanc, and pynetdicom playing a bad one.

mod nasty;
mod peers;
mod study;

use dicom::dimse::query::{
    DateRange, InstanceCriteria, InstanceMatch, PatientCriterion, Query, Quirks, Retrieve, SeriesCriteria, SeriesMatch,
    StudyCriteria, StudyInstanceUid, StudyMatch, TimeRange,
};
use dicom::dimse::query::{Deviation, Found, Match};
use dicom::dimse::{FindOutcome, ProposedContext, RetrieveOutcome, RetrieveResult, status};
use dicom::sop_classes::STUDY_ROOT_FIND;
use dicom::tags;
use net::{DimseClient, IncomingObject, StoreSink};
use peers::Pacs;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use study::{CT_INSTANCES, CT_SERIES, Receiver, SC_SERIES};

/// Every answer of a query; each must be readable.
pub fn all<M: Match>(client: &mut DimseClient, query: &Query<M>) -> (Vec<Found<M>>, FindOutcome) {
    let mut found = Vec::new();
    let outcome = client.find(query, &mut |answer| {
        found.push(answer.unwrap());
        ControlFlow::Continue(())
    });
    (found, outcome.unwrap())
}

/// Keeps what comes; answers each with `answer`.
pub struct Keeping {
    pub objects: BTreeMap<String, Vec<u8>>,
    open: Option<(IncomingObject, Vec<u8>)>,
    answer: u16,
}

impl Keeping {
    pub fn answering(answer: u16) -> Self {
        Self { objects: BTreeMap::new(), open: None, answer }
    }
}

impl StoreSink for Keeping {
    fn begin(&mut self, object: &IncomingObject) {
        assert!(self.open.is_none(), "the object before has not ended");
        self.open = Some((object.clone(), Vec::new()));
    }

    fn data(&mut self, octets: bytes::Bytes) {
        self.open.as_mut().unwrap().1.extend_from_slice(&octets);
    }

    fn end(&mut self) -> u16 {
        let (object, octets) = self.open.take().unwrap();
        self.objects.insert(object.sop_instance, octets);
        self.answer
    }
}

fn go_on(_: &dicom::dimse::SubOperations) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Data sets by what their elements are: a PACS may write lengths and group lengths in its own way.
fn same(octets: &[u8], sent: &[u8]) {
    let read = |octets: &[u8]| {
        let mut set = dicom::dataset::decode(octets, dicom::transfer_syntaxes::Encoding::EXPLICIT_LE).unwrap();
        let group_lengths: Vec<_> = set.elements().iter().map(|e| e.tag).filter(|tag| tag.1 == 0).collect();
        for tag in group_lengths {
            set.remove(tag);
        }
        set
    };
    assert!(read(octets) == read(sent), "the object has changed on the way");
}

/// Both leave optional keys out and deviate in nothing else.
fn finds_at_every_level(pacs: &Pacs) {
    let mut client = study::connect(pacs, study::find_and_move());
    let quirks = Quirks::default();
    let mut deviations = Vec::new();
    let day = DateRange::new(Some("20250601"), Some("20250603")).unwrap();
    let patient = PatientCriterion { id: "P-41".into(), issuer: dicom::header::Issuer::default() };
    let hour = TimeRange::new(Some("1000"), Some("1100")).unwrap();
    for criteria in [
        StudyCriteria { date: Some(day), ..StudyCriteria::default() },
        StudyCriteria { patient: Some(patient), ..StudyCriteria::default() },
        StudyCriteria { accession_number: Some("ACC-41".into()), ..StudyCriteria::default() },
        StudyCriteria { time: Some(hour), ..StudyCriteria::default() },
        StudyCriteria {
            studies: vec![study::study(), StudyInstanceUid::parse("2.25.9").unwrap()],
            ..StudyCriteria::default()
        },
    ] {
        let (found, outcome) = all(&mut client, &Query::studies(&criteria, &quirks).unwrap());
        assert!(outcome.is_complete(), "{outcome}");
        assert_eq!(found.len(), 1, "{criteria:?}");
        let StudyMatch { study, patient, date, accession_number, description, referring_physician_name, .. } =
            &found[0].value;
        assert_eq!(study.as_str(), study::STUDY);
        assert_eq!(patient.id.as_deref(), Some("P-41"));
        assert_eq!(patient.name.as_deref(), Some("Müller^Änne"));
        assert_eq!(date.as_deref(), Some("20250603"));
        assert_eq!(accession_number.as_deref(), Some("ACC-41"));
        assert_eq!(description.as_deref(), Some("CT Schädel"));
        assert_eq!(referring_physician_name.as_deref(), Some("Ärztin^Ada"));
        deviations.extend(found[0].deviations.clone());
    }
    let before = DateRange::new(None, Some("20250602")).unwrap();
    let criteria = StudyCriteria { date: Some(before), ..StudyCriteria::default() };
    let (found, outcome) = all(&mut client, &Query::studies(&criteria, &quirks).unwrap());
    assert!(found.is_empty() && outcome.is_complete(), "{outcome}");

    let (found, _) = all(&mut client, &Query::series(&SeriesCriteria::of(study::study()), &quirks).unwrap());
    let mut of_series: Vec<SeriesMatch> = found.iter().map(|found| found.value.clone()).collect();
    of_series.sort_by_key(|one| one.number);
    let told: Vec<_> = of_series.iter().map(|one| (one.series.as_str(), one.modality.as_deref(), one.number)).collect();
    assert_eq!(told, [(CT_SERIES, Some("CT"), Some(1)), (SC_SERIES, Some("OT"), Some(2))]);
    // What a PACS does not return is a deviation; nothing is invented in its place.
    let unknown = found[0].deviations.contains(&Deviation::KeyMissing(tags::SERIES_DESCRIPTION));
    let description = of_series[0].description.as_deref();
    assert_eq!(description, if unknown { None } else { Some("Dünne Schichten") });
    deviations.extend(found.into_iter().flat_map(|found| found.deviations));

    let criteria = InstanceCriteria::of(study::study(), study::series(CT_SERIES));
    let (found, _) = all(&mut client, &Query::instances(&criteria, &quirks).unwrap());
    let mut instances: Vec<InstanceMatch> = found.iter().map(|found| found.value.clone()).collect();
    instances.sort_by_key(|one| one.number);
    assert_eq!(instances.len(), CT_INSTANCES);
    for (at, one) in instances.iter().enumerate() {
        assert_eq!(one.sop_instance, study::instance(at + 1));
        assert_eq!(one.number, Some(at as i64 + 1));
    }
    deviations.extend(found.into_iter().flat_map(|found| found.deviations));
    client.release().unwrap();
    let others: Vec<_> = deviations.iter().filter(|one| !matches!(one, Deviation::KeyMissing(_))).collect();
    assert!(others.is_empty(), "{others:?}");
}

fn moves_to_our_listener(pacs: &Pacs, receiver: &Receiver) {
    let mut client = study::connect(pacs, study::find_and_move());
    let sent = study::objects();
    let mut calls = 0;
    let whole = Retrieve::studies(&[study::study()]).unwrap();
    let outcome = client.move_to(&whole, "MANIFOLD", &mut |_| {
        calls += 1;
        ControlFlow::Continue(())
    });
    let outcome = outcome.unwrap();
    assert_eq!(outcome.result, RetrieveResult::Complete, "{outcome}");
    assert_eq!(outcome.sub_operations.completed, Some(sent.len() as u16), "{outcome}");
    assert!(calls > 0, "no pending response was told");
    {
        let received = receiver.received.lock().unwrap();
        assert_eq!(received.objects.len(), sent.len());
        for (uid, octets) in &received.objects {
            same(octets, &sent[uid].1);
        }
        assert_eq!(received.with_originator, sent.len());
    }
    receiver.received.lock().unwrap().objects.clear();
    let one = Retrieve::instances(&study::study(), &study::series(CT_SERIES), &[study::instance(3)]).unwrap();
    let outcome = client.move_to(&one, "MANIFOLD", &mut go_on).unwrap();
    assert_eq!(outcome.result, RetrieveResult::Complete, "{outcome}");
    assert_eq!(receiver.received.lock().unwrap().objects.keys().collect::<Vec<_>>(), [&study::ct_uid(3)]);
    client.release().unwrap();
}

fn nothing_is_there(pacs: &Pacs) -> RetrieveOutcome {
    let mut client = study::connect(pacs, study::find_and_move());
    let other = Retrieve::studies(&[StudyInstanceUid::parse("2.25.404").unwrap()]).unwrap();
    let outcome = client.move_to(&other, "MANIFOLD", &mut go_on).unwrap();
    client.release().unwrap();
    outcome
}

fn gets_on_one_association(pacs: &Pacs) {
    let mut client = study::connect(pacs, study::to_get());
    let sent = study::objects();
    let mut sink = Keeping::answering(status::SUCCESS);
    let whole = Retrieve::studies(&[study::study()]).unwrap();
    let outcome = client.get(&whole, &mut sink, &mut go_on).unwrap();
    assert_eq!(outcome.result, RetrieveResult::Complete, "{outcome}");
    assert_eq!(sink.objects.len(), sent.len());
    for (uid, octets) in &sink.objects {
        same(octets, &sent[uid].1);
    }
    let series = Retrieve::series(&study::study(), &[study::series(SC_SERIES)]).unwrap();
    let mut sink = Keeping::answering(status::SUCCESS);
    let outcome = client.get(&series, &mut sink, &mut go_on).unwrap();
    assert_eq!((outcome.result, sink.objects.len()), (RetrieveResult::Complete, 1), "{outcome}");
    client.release().unwrap();
}

fn refuses_what_it_is_sent(pacs: &Pacs) {
    let mut client = study::connect(pacs, study::to_get());
    let mut sink = Keeping::answering(status::OUT_OF_RESOURCES);
    let whole = Retrieve::studies(&[study::study()]).unwrap();
    let outcome = client.get(&whole, &mut sink, &mut go_on).unwrap();
    // Every object came and was refused: what arrived was kept by nobody.
    assert_ne!(outcome.result, RetrieveResult::Complete, "{outcome}");
    assert!(outcome.sub_operations.failed.unwrap_or(0) > 0, "{outcome}");
    client.release().unwrap();
}

fn cancels_a_query(pacs: &Pacs) {
    let mut client = study::connect(pacs, study::find_and_move());
    let criteria = InstanceCriteria::of(study::study(), study::series(CT_SERIES));
    let query = Query::instances(&criteria, &Quirks::default()).unwrap();
    let mut told = 0;
    let outcome = client.find(&query, &mut |_| {
        told += 1;
        if told == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let outcome = outcome.unwrap();
    assert_eq!(told, 2, "{outcome}");
    assert!(outcome.cancelled && !outcome.is_complete(), "{outcome}");
    // The association lives on, and a flag of another thread does the same.
    let flag = client.cancel_flag();
    let (found, _) = all(&mut client, &query);
    assert_eq!(found.len(), CT_INSTANCES);
    flag.store(true, Ordering::Relaxed);
    let outcome = client.find(&query, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(outcome.cancelled, "{outcome}");
    client.release().unwrap();
}

fn cancels_a_retrieval(pacs: &Pacs) {
    let mut client = study::connect(pacs, study::to_get());
    let mut sink = Keeping::answering(status::SUCCESS);
    let whole = Retrieve::studies(&[study::study()]).unwrap();
    let outcome = client.get(&whole, &mut sink, &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!(outcome.result, RetrieveResult::Cancelled, "{outcome}");
    assert!(sink.open.is_none(), "an object is left half");
    client.release().unwrap();
    let mut client = study::connect(pacs, study::find_and_move());
    let outcome = client.move_to(&whole, "MANIFOLD", &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!(outcome.result, RetrieveResult::Cancelled, "{outcome}");
    client.release().unwrap();
}

#[test]
fn dcmqrscp_finds_moves_gets_and_cancels() {
    let receiver = Receiver::start();
    let Some(pacs) = peers::dcmqrscp(receiver.port) else { return };
    study::send(&pacs);
    finds_at_every_level(&pacs);
    moves_to_our_listener(&pacs, &receiver);
    let nothing = nothing_is_there(&pacs);
    assert_eq!(nothing.result, RetrieveResult::NothingMoved, "{nothing}");
    gets_on_one_association(&pacs);
    refuses_what_it_is_sent(&pacs);
    cancels_a_query(&pacs);
    cancels_a_retrieval(&pacs);
    let mut client = study::connect(&pacs, study::find_and_move());
    let whole = Retrieve::studies(&[study::study()]).unwrap();
    let refused = client.move_to(&whole, "STRANGER", &mut go_on).unwrap();
    assert_eq!(refused.result, RetrieveResult::Refused, "{refused}");
    assert!(refused.to_string().contains("the peer must be told our AE title, host and port"), "{refused}");
}

#[test]
fn orthanc_finds_moves_gets_and_cancels() {
    let receiver = Receiver::start();
    let Some(pacs) = peers::orthanc(receiver.port) else { return };
    study::send(&pacs);
    finds_at_every_level(&pacs);
    moves_to_our_listener(&pacs, &receiver);
    // It has no success without an object: C000.
    let nothing = nothing_is_there(&pacs);
    assert_eq!(nothing.result, RetrieveResult::Refused, "{nothing}");
    gets_on_one_association(&pacs);
    refuses_what_it_is_sent(&pacs);
    cancels_a_query(&pacs);
    cancels_a_retrieval(&pacs);
}

#[test]
fn what_a_peer_does_not_offer_is_an_error_with_address_title_and_step() {
    let receiver = Receiver::start();
    let Some(pacs) = peers::dcmqrscp(receiver.port) else { return };
    let mut client = study::connect(&pacs, vec![ProposedContext::verification()]);
    let query = Query::studies(&StudyCriteria::default(), &Quirks::default()).unwrap();
    let error = client.find(&query, &mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
    for part in [pacs.address.as_str(), "DCMQRSCP@", "C-FIND at STUDY level", STUDY_ROOT_FIND] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(client.echo().unwrap(), status::SUCCESS);
}
