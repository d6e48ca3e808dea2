//! One request until its final response, fed with events and with octets; what was agreed on when an association begins.

use bytes::Bytes;
use dicom::dimse::{
    Association, CommandSet, ElementError, Event, ExtendedNegotiation, MOST_DATA_SET_OCTETS, Operation,
    ProposedContext, RequestorConfig, Response, RetrieveOutcome, RetrieveResult, Step, SubOperations, field, status,
};
use dicom::sop_classes::{STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE};
use dicom::transfer_syntaxes::{EXPLICIT_LE, IMPLICIT_LE};
use dicom::{DataSet, Tag, tags};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

fn command(context: u8, command: CommandSet) -> Event {
    let has_data = command.has_data_set();
    Event::Command { context, command, has_data }
}

fn data(context: u8, octets: &'static [u8], last: bool) -> Event {
    Event::Data { context, octets: Bytes::from_static(octets), last }
}

fn found(status: u16, data: bool) -> CommandSet {
    CommandSet::response(&CommandSet::find_request(5, STUDY_ROOT_FIND), status, None, data)
}

#[test]
fn answers_come_whole_and_the_last_response_ends_the_operation() {
    let mut operation = Operation::new(5, 1);
    assert!(matches!(operation.take(command(1, found(status::PENDING, true))), Step::Wait));
    assert!(matches!(operation.take(data(1, b"ab", false)), Step::Wait));
    // Of another context: not ours.
    assert!(matches!(operation.take(data(3, b"xx", true)), Step::Wait));
    match operation.take(data(1, b"cd", true)) {
        Step::Pending(Response { data_set: Ok(Some(octets)), .. }) => assert_eq!(octets, b"abcd"),
        other => panic!("{other:?}"),
    }
    // A match without a data set, and a final response with one that was not announced (B-062).
    let step = operation.take(command(1, found(status::PENDING, false)));
    assert!(matches!(step, Step::Pending(Response { data_set: Ok(None), .. })));
    let step = operation.take(command(1, found(status::SUCCESS, false)));
    assert!(matches!(step, Step::Final(_)));
    assert!(matches!(operation.take(data(1, b"late", true)), Step::Wait));
}

#[test]
fn a_response_to_another_message_and_the_end_of_the_association_break_it() {
    let mut operation = Operation::new(6, 1);
    match operation.take(command(1, found(status::SUCCESS, false))) {
        Step::Broken(reason) => assert_eq!(reason, "expected a response to message 6, got one to 5"),
        other => panic!("{other:?}"),
    }
    for event in [Event::Aborted("why".into()), Event::Released, Event::Accepted(Vec::new())] {
        assert!(matches!(Operation::new(6, 1).take(event), Step::Broken(_)));
    }
}

#[test]
fn an_answer_of_any_length_takes_bounded_memory() {
    let mut operation = Operation::new(5, 1);
    operation.take(command(1, found(status::PENDING, true)));
    let piece = Bytes::from(vec![0; 1 << 20]);
    for _ in 0..=MOST_DATA_SET_OCTETS >> 20 {
        let step = operation.take(Event::Data { context: 1, octets: piece.clone(), last: false });
        assert!(matches!(step, Step::Wait));
    }
    let step = operation.take(data(1, b"", true));
    assert!(matches!(step, Step::Pending(Response { data_set: Err(ElementError::TooLong), .. })));
}

#[test]
fn stores_and_responses_of_a_get_may_be_interleaved() {
    // P40: a response to the C-GET comes between a store and its data set.
    let request = CommandSet::get_request(5, STUDY_ROOT_GET);
    let mut operation = Operation::with_stores(5, 1);
    let store = CommandSet::store_request(9, CT, "2.25.1");
    assert!(matches!(operation.take(command(3, store.clone())), Step::StoreBegins { context: 3, .. }));
    assert!(matches!(operation.take(data(3, b"ab", false)), Step::StoreData { end: None, .. }));
    let pending = CommandSet::response(&request, status::PENDING, None, false);
    assert!(matches!(operation.take(command(1, pending)), Step::Pending(_)));
    match operation.take(data(3, b"cd", true)) {
        Step::StoreData { octets, end: Some((3, ended)) } => assert_eq!((&octets[..], ended), (&b"cd"[..], store)),
        other => panic!("{other:?}"),
    }
    let last = CommandSet::response(&request, status::SUCCESS, None, false);
    assert!(matches!(operation.take(command(1, last)), Step::Final(_)));
}

#[test]
fn what_is_not_expected_is_refused_in_protocol() {
    let refusal = |step: Step| match step {
        Step::Refuse { context, response } => (context, response.command_field(), response.status()),
        other => panic!("{other:?}"),
    };
    // Nobody stores during a C-FIND; nobody stores without an object; events are reported elsewhere.
    let store = CommandSet::store_request(9, CT, "2.25.1");
    let step = Operation::new(5, 1).take(command(3, store.clone()));
    assert_eq!(refusal(step), (3, field::C_STORE_RSP, Some(status::UNRECOGNIZED_OPERATION)));
    let step = Operation::with_stores(5, 1).take(Event::Command { context: 3, command: store, has_data: false });
    assert_eq!(refusal(step), (3, field::C_STORE_RSP, Some(status::CANNOT_UNDERSTAND)));
    let event = CommandSet::event_report_request(2, CT, "2.25.1", 1, true);
    let step = Operation::new(5, 1).take(command(1, event));
    assert_eq!(refusal(step), (1, field::N_EVENT_REPORT_RSP, Some(status::UNRECOGNIZED_OPERATION)));
}

/// The outcome of a C-MOVE by status and counters (completed, failed, warning).
fn moved(status: u16, counts: [Option<u16>; 3], last: SubOperations, arrived: Option<u64>) -> RetrieveOutcome {
    let request = CommandSet::move_request(5, STUDY_ROOT_MOVE, "MANIFOLD");
    let mut command = CommandSet::response(&request, status, None, false);
    for (element, count) in [0x1021, 0x1022, 0x1023].into_iter().zip(counts) {
        if let Some(count) = count {
            command.elements_mut().put_u16(Tag(0x0000, element), count);
        }
    }
    RetrieveOutcome::of(&Response { command, data_set: Ok(None) }, EXPLICIT_LE, last, arrived, false)
}

#[test]
fn a_retrieval_is_what_arrived_not_what_the_status_says() {
    use RetrieveResult::{Cancelled, Complete, NothingMoved, PartlyFailed, Refused};
    let none = SubOperations::default();
    let earlier = SubOperations { completed: Some(2), ..none };
    for (status, counts, last, arrived, result) in [
        (0x0000, [Some(3), Some(0), Some(0)], none, None, Complete),
        (0x0000, [Some(0), Some(0), Some(0)], none, None, NothingMoved),
        // Some say no numbers at all: nothing speaks against the status.
        (0x0000, [None; 3], none, None, Complete),
        // The last pending response counts where the final one says nothing.
        (0x0000, [None; 3], earlier, None, Complete),
        (0xA702, [None; 3], earlier, None, PartlyFailed),
        // Success with failures is none.
        (0x0000, [Some(2), Some(1), Some(0)], none, None, PartlyFailed),
        (0xB000, [Some(2), Some(1), Some(0)], none, None, PartlyFailed),
        (0xB000, [Some(0), Some(3), Some(0)], none, None, NothingMoved),
        (0xB000, [Some(0), Some(0), Some(3)], none, None, Complete),
        (0xB000, [None; 3], none, None, PartlyFailed),
        // C-GET: what came counts, whatever the PACS has counted.
        (0x0000, [Some(3), Some(0), Some(0)], none, Some(0), NothingMoved),
        (0x0000, [Some(0), Some(0), Some(0)], none, Some(3), Complete),
        (0xA801, [None; 3], none, None, Refused),
        (0xA701, [Some(0), Some(0), Some(0)], none, None, Refused),
        (0xC123, [None; 3], none, Some(1), PartlyFailed),
        (0xFE00, [Some(1), Some(0), Some(0)], none, None, Cancelled),
    ] {
        let outcome = moved(status, counts, last, arrived);
        assert_eq!(outcome.result, result, "{status:04X} {counts:?} {arrived:?}");
    }
    let text = moved(0xA801, [None; 3], none, None).to_string();
    assert_eq!(
        text,
        "refused: status A801, the move destination is unknown: the peer must be told our AE title, host and port"
    );
}

#[test]
fn failed_instances_are_named_whatever_else_the_list_has() {
    let mut list = DataSet::new();
    list.put_texts(tags::FAILED_SOP_INSTANCE_UID_LIST, &["2.25.1", "junk", "2.25.3"]);
    let command = CommandSet::response(&CommandSet::get_request(5, STUDY_ROOT_GET), 0xB000, Some("disk"), true);
    for (octets, named) in [(list.encode_implicit_le(), vec!["2.25.1", "2.25.3"]), (vec![1, 2, 3], vec![])] {
        let response = Response { command: command.clone(), data_set: Ok(Some(octets)) };
        let outcome = RetrieveOutcome::of(&response, IMPLICIT_LE, SubOperations::default(), Some(2), false);
        assert_eq!(outcome.failed_instances, named);
        assert_eq!(outcome.result, RetrieveResult::PartlyFailed);
        assert!(outcome.to_string().contains("the peer says \"disk\""), "{outcome}");
    }
}

/// A-ASSOCIATE-AC that accepts contexts 1 and 3 with these user items.
fn accepting(user_items: &[Vec<u8>]) -> Vec<u8> {
    let item = |kind: u8, body: &[u8]| [&[kind, 0][..], &(body.len() as u16).to_be_bytes(), body].concat();
    let context = |id: u8| item(0x21, &[&[id, 0, 0, 0][..], &item(0x40, EXPLICIT_LE.as_bytes())].concat());
    let mut user = item(0x51, &[0, 0, 0x40, 0]);
    user.extend(user_items.concat());
    let body = [vec![0, 1, 0, 0], vec![b' '; 32], vec![0; 32], context(1), context(3), item(0x50, &user)].concat();
    [&[2, 0][..], &(body.len() as u32).to_be_bytes(), &body].concat()
}

#[test]
fn roles_and_extended_negotiation_are_asked_for_and_their_answers_read() {
    let contexts = ProposedContext::to_get([CT, CT], &[EXPLICIT_LE, IMPLICIT_LE]).unwrap();
    assert_eq!(contexts.len(), 2);
    let mut config = RequestorConfig::new("MANIFOLD", "PACS", contexts);
    config.extended = vec![ExtendedNegotiation::find(true, false)];
    let sub_item = |kind: u8, class: &str, rest: &[u8]| {
        let body = [&(class.len() as u16).to_be_bytes()[..], class.as_bytes(), rest].concat();
        [&[kind, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
    };
    let mut association = Association::requestor(config.clone()).unwrap();
    let request = association.take_output();
    for asked in [sub_item(0x54, CT, &[1, 1]), sub_item(0x56, STUDY_ROOT_FIND, &[1, 0, 0])] {
        assert!(request.windows(asked.len()).any(|window| window == asked), "{asked:?}");
    }
    let answered = accepting(&[sub_item(0x54, CT, &[0, 1]), sub_item(0x56, STUDY_ROOT_FIND, &[1, 0, 0, 0])]);
    association.feed(&answered).unwrap();
    assert!(association.is_provider_of(CT) && !association.is_provider_of(STUDY_ROOT_GET));
    assert_eq!(association.extended(STUDY_ROOT_FIND), Some(&[1, 0, 0, 0][..]));
    assert_eq!(association.context_of(CT).map(|context| context.id), Some(3));
    // Refused, left out, and malformed: the basic service.
    for answer in [vec![sub_item(0x54, CT, &[1, 0])], vec![], vec![vec![0x54, 0, 0, 1, 9], vec![0x56, 0, 0, 2, 0, 9]]] {
        let mut association = Association::requestor(config.clone()).unwrap();
        association.feed(&accepting(&answer)).unwrap();
        assert!(!association.is_provider_of(CT));
        assert_eq!(association.extended(STUDY_ROOT_FIND), None);
        assert_eq!(association.contexts().len(), 2);
    }
    let many: Vec<String> = (0..128).map(|n| format!("2.25.{n}")).collect();
    assert_eq!(ProposedContext::to_get(many.iter().map(String::as_str), &[EXPLICIT_LE]), Err(128));
}
