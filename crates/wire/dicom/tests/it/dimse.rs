//! The association machine: both sides against each other, and bytes that real peers send.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dicom::dimse::{
    AcceptorConfig, Association, CommandSet, Event, ProposedContext, Rejection, RequestorConfig, field, status,
};
use dicom::transfer_syntaxes::{EXPLICIT_LE, IMPLICIT_LE, JPEG_LOSSLESS_SV1};
use dicom::{DataSet, Tag, VR};
use proptest::prelude::*;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const GIB: &str = "2.25.7.1";

fn requestor(contexts: Vec<ProposedContext>) -> Association {
    Association::requestor(RequestorConfig::new("CT1", "NORTH", contexts)).unwrap()
}

fn storing(pairs: &[(&str, &str)]) -> Vec<ProposedContext> {
    ProposedContext::to_store(pairs.iter().copied()).unwrap()
}

/// Passes bytes both ways until both sides are quiet; accepts what is requested.
fn settle(scu: &mut Association, scp: &mut Association) -> (Vec<Event>, Vec<Event>) {
    let (mut at_scu, mut at_scp) = (Vec::new(), Vec::new());
    loop {
        let to_scp = scu.take_output();
        let to_scu = scp.take_output();
        if to_scp.is_empty() && to_scu.is_empty() {
            return (at_scu, at_scp);
        }
        let _ = scp.feed(&to_scp);
        let _ = scu.feed(&to_scu);
        while let Some(event) = scp.next_event() {
            if matches!(event, Event::Requested(_)) {
                scp.accept().unwrap();
            }
            at_scp.push(event);
        }
        while let Some(event) = scu.next_event() {
            at_scu.push(event);
        }
    }
}

fn associated(contexts: Vec<ProposedContext>) -> (Association, Association) {
    let mut scu = requestor(contexts);
    let mut scp = Association::acceptor(AcceptorConfig::default());
    settle(&mut scu, &mut scp);
    (scu, scp)
}

/// Neighbouring data events joined, since they depend on how bytes arrived.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut out: Vec<Event> = Vec::new();
    for event in events {
        if let (Event::Data { context: new, octets: more, last }, Some(Event::Data { context, octets, last: seen })) =
            (&event, out.last_mut())
            && new == context
            && !*seen
        {
            *octets = Bytes::from([octets.as_ref(), more.as_ref()].concat());
            *seen = *last;
            continue;
        }
        out.push(event);
    }
    out
}

#[test]
fn an_object_is_stored_and_acknowledged() {
    let (mut scu, mut scp) = associated(storing(&[(CT, EXPLICIT_LE), (CT, JPEG_LOSSLESS_SV1), (GIB, EXPLICIT_LE)]));
    // Private classes are not offered, every transfer syntax of a storage class is.
    assert_eq!(scu.contexts(), scp.contexts());
    assert_eq!(scu.contexts().len(), 2);
    let context = scu.context_for(CT, JPEG_LOSSLESS_SV1).unwrap();
    scu.send_command(context, &CommandSet::store_request(1, CT, "2.25.1.3")).unwrap();
    let data: Vec<u8> = (0..400_001_u32).map(|n| n as u8).collect();
    for chunk in data.chunks(33_333) {
        scu.send_data(context, chunk, false).unwrap();
    }
    scu.send_data(context, &[], true).unwrap();
    let (_, events) = settle(&mut scu, &mut scp);
    let events = joined(events);
    let Event::Command { command, has_data: true, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(command.command_field(), field::C_STORE_RQ);
    assert_eq!(command.sop_instance_uid().as_deref(), Some("2.25.1.3"));
    let Event::Data { octets, last: true, .. } = &events[1] else { panic!() };
    assert_eq!(octets[..400_001], data);
    assert_eq!(octets.len(), 400_002, "padded to even length");
    scp.send_command(context, &CommandSet::response(command, status::SUCCESS, None, false)).unwrap();
    let (events, _) = settle(&mut scu, &mut scp);
    let [Event::Command { command, has_data: false, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((command.status(), command.message_id_responded()), (Some(0), Some(1)));
    scu.release().unwrap();
    let (at_scu, at_scp) = settle(&mut scu, &mut scp);
    assert_eq!((at_scu.last(), at_scp.last()), (Some(&Event::Released), Some(&Event::Released)));
    assert!(scu.is_over() && scp.is_over());
}

#[test]
fn every_fragment_is_even_and_within_the_peers_limit() {
    // B-064: an object of odd length.
    let mut scu = requestor(storing(&[(CT, EXPLICIT_LE)]));
    let mut scp = Association::acceptor(AcceptorConfig { max_pdu: 1_025, ..AcceptorConfig::default() });
    settle(&mut scu, &mut scp);
    scu.send_data(1, &[7; 5_001], true).unwrap();
    let output = scu.take_output();
    let mut rest = output.as_slice();
    let mut seen = 0;
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[2..6].try_into().unwrap()) as usize;
        assert!(length <= 1_025 && length.is_multiple_of(2));
        let last = rest[11] & 2 == 2;
        seen += length - 6;
        rest = &rest[6 + length..];
        assert_eq!(last, rest.is_empty());
    }
    assert_eq!(seen, 5_002);
}

#[test]
fn a_transfer_syntax_is_taken_as_first_proposed_with_implicit_last() {
    let propose = |syntaxes: &[&str]| {
        let context = ProposedContext {
            abstract_syntax: CT.into(),
            transfer_syntaxes: syntaxes.iter().map(|syntax| (*syntax).to_owned()).collect(),
            as_provider: false,
        };
        let (scu, _) = associated(vec![context]);
        scu.contexts().first().map(|context| context.transfer_syntax.clone())
    };
    assert_eq!(propose(&[JPEG_LOSSLESS_SV1, EXPLICIT_LE]).as_deref(), Some(JPEG_LOSSLESS_SV1));
    assert_eq!(propose(&[IMPLICIT_LE, EXPLICIT_LE]).as_deref(), Some(EXPLICIT_LE));
    assert_eq!(propose(&[IMPLICIT_LE]).as_deref(), Some(IMPLICIT_LE));
    assert_eq!(propose(&["1.2.840.113619.5.2"]), None);
    assert_eq!(propose(&["1.2.840.10008.1.2.4.94"]), None);
}

/// A request by hand: what dicom-ul would refuse to write.
fn raw_request(called: &str, calling: &str, implementation: &[u8]) -> Vec<u8> {
    let item = |kind: u8, body: &[u8]| {
        let mut out = vec![kind, 0];
        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
        out.extend_from_slice(body);
        out
    };
    let mut body = vec![0, 1, 0, 0];
    body.extend_from_slice(format!("{called:<16}{calling:<16}").as_bytes());
    body.extend_from_slice(&[0; 32]);
    body.extend(item(0x10, b"1.2.840.10008.3.1.1.1\0"));
    let mut context = vec![1, 0, 0, 0];
    context.extend(item(0x30, b"1.2.840.10008.1.1\0"));
    context.extend(item(0x40, b"1.2.840.10008.1.2\0"));
    body.extend(item(0x20, &context));
    let mut user = item(0x51, &[0, 0, 0x40, 0]);
    user.extend(item(0x52, implementation));
    body.extend(item(0x50, &user));
    let mut out = vec![1, 0];
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(&body);
    out
}

#[test]
fn uids_padded_with_nul_are_accepted() {
    // B-012 (c)
    let mut scp = Association::acceptor(AcceptorConfig::default());
    scp.feed(&raw_request("NORTH", "CT1", b"2.25.99\0")).unwrap();
    let Some(Event::Requested(request)) = scp.next_event() else { panic!() };
    assert_eq!(request.implementation_class_uid.as_deref(), Some("2.25.99"));
    assert_eq!(request.max_pdu, 0x4000);
    assert_eq!(scp.accept().unwrap()[0].abstract_syntax, "1.2.840.10008.1.1");
    assert_eq!(scp.take_output()[0], 0x02);
}

#[test]
fn an_empty_or_foreign_title_is_rejected_in_form() {
    // B-064
    for (called, calling, reason) in [("NORTH", "", 3), ("", "CT1", 7), ("SOUTH", "CT1", 7)] {
        let config = AcceptorConfig { ae_titles: vec!["NORTH".into()], ..AcceptorConfig::default() };
        let mut scp = Association::acceptor(config);
        scp.feed(&raw_request(called, calling, b"2.25.99")).unwrap();
        assert!(matches!(scp.next_event(), Some(Event::Rejected { permanent: true, .. })));
        assert_eq!(scp.take_output(), [3, 0, 0, 0, 0, 4, 0, 1, 1, reason]);
        assert!(scp.is_over());
    }
    let mut scp = Association::acceptor(AcceptorConfig::default());
    scp.feed(&raw_request("NORTH", "CT1", b"2.25.99")).unwrap();
    scp.reject(Rejection::TemporaryCongestion).unwrap();
    assert_eq!(scp.take_output(), [3, 0, 0, 0, 0, 4, 0, 2, 3, 1]);
}

#[test]
fn a_rejection_reaches_the_requestor_with_its_reason() {
    let mut scu = requestor(vec![ProposedContext::verification()]);
    scu.feed(&[3, 0, 0, 0, 0, 4, 0, 1, 1, 7]).unwrap();
    let expected = Event::Rejected { permanent: true, reason: "called AE title not recognized".into() };
    assert_eq!(scu.next_event(), Some(expected));
}

fn pdv(context: u8, control: u8, data: &[u8]) -> Vec<u8> {
    let mut out = (data.len() as u32 + 2).to_be_bytes().to_vec();
    out.extend_from_slice(&[context, control]);
    out.extend_from_slice(data);
    out
}

fn pdu(pdvs: &[Vec<u8>]) -> Vec<u8> {
    let body = pdvs.concat();
    let mut out = vec![4, 0];
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(&body);
    out
}

#[test]
fn a_response_is_read_however_it_is_packed() {
    // B-062: command and data in one PDU; the command over two PDVs; data with a final response.
    let mut pending = CommandSet::response(&CommandSet::find_request(1, CT), status::PENDING, None, true);
    pending.elements_mut().put_octets(Tag(0x0000, 0x0902), VR::LO, *b"comment ");
    let octets = pending.encode();
    let (first, second) = octets.split_at(17);
    let last = CommandSet::response(&CommandSet::find_request(1, CT), status::SUCCESS, None, false).encode();
    for packed in [
        pdu(&[pdv(1, 3, &octets), pdv(1, 2, b"data")]),
        [pdu(&[pdv(1, 1, first)]), pdu(&[pdv(1, 3, second), pdv(1, 2, b"data")])].concat(),
        pdu(&[pdv(1, 1, first), pdv(1, 3, second), pdv(1, 0, b"da"), pdv(1, 2, b"ta")]),
        [pdu(&[pdv(1, 3, &octets)]), pdu(&[pdv(1, 0, b"data")]), pdu(&[pdv(1, 2, b"")])].concat(),
    ] {
        let (mut scu, _scp) = associated(storing(&[(CT, EXPLICIT_LE)]));
        scu.feed(&packed).unwrap();
        scu.feed(&pdu(&[pdv(1, 3, &last), pdv(1, 2, b"more")])).unwrap();
        let mut events = Vec::new();
        while let Some(event) = scu.next_event() {
            events.push(event);
        }
        let events = joined(events);
        assert_eq!(events.len(), 4, "{events:?}");
        assert_eq!(
            events[0],
            Event::Command { context: 1, command: CommandSet::decode(&octets).unwrap(), has_data: true }
        );
        assert_eq!(events[1], Event::Data { context: 1, octets: Bytes::from_static(b"data"), last: true });
        assert!(matches!(&events[2], Event::Command { has_data: false, .. }));
        assert_eq!(events[3], Event::Data { context: 1, octets: Bytes::from_static(b"more"), last: true });
    }
}

#[test]
fn an_error_comment_is_cut_to_64_characters() {
    // B-064
    let reason = "the disk of the archive is full; ".repeat(7);
    let request = CommandSet::store_request(9, CT, "2.25.1");
    let response = CommandSet::response(&request, status::OUT_OF_RESOURCES, Some(&reason), false);
    let back = CommandSet::decode(&response.encode()).unwrap();
    assert_eq!(back.error_comment().unwrap().len(), 64);
    assert_eq!((back.status(), back.message_id_responded()), (Some(0xA700), Some(9)));
    assert_eq!(back.command_field(), field::C_STORE_RSP);
    assert_eq!(back.sop_instance_uid().as_deref(), Some("2.25.1"));
}

#[test]
fn what_breaks_the_protocol_is_aborted_with_the_reason() {
    for (bytes, reason) in [
        (vec![9, 0, 0, 0, 0, 0], "PDU type 0x09 is unknown"),
        (vec![4, 0, 0, 0, 0, 6], "PDU type 0x04 is not expected before an association is requested"),
        (vec![1, 0, 0xFF, 0, 0, 0], "PDU of 4278190080 octets, at most 1048576 are read"),
        (vec![1, 0, 0, 0, 0, 4, 0, 1, 0, 0], "A-ASSOCIATE-RQ is malformed: Invalid PDU field length"),
    ] {
        let mut scp = Association::acceptor(AcceptorConfig::default());
        assert_eq!(scp.feed(&bytes).unwrap_err().to_string(), reason);
        assert_eq!(scp.next_event(), Some(Event::Aborted(reason.into())));
        assert_eq!(scp.take_output()[0], 7);
        assert!(scp.is_over());
    }
    let (mut scu, _) = associated(storing(&[(CT, EXPLICIT_LE)]));
    assert!(scu.feed(&pdu(&[pdv(3, 3, b"")])).unwrap_err().to_string().contains("context 3 was not accepted"));
}

#[test]
fn silence_ends_an_association() {
    let start = Instant::now();
    let (mut scu, _) = associated(vec![ProposedContext::verification()]);
    scu.tick(start);
    scu.tick(start + Duration::from_secs(59));
    assert!(!scu.is_over());
    scu.feed(&[]).unwrap();
    scu.tick(start + Duration::from_secs(61));
    assert_eq!(scu.deadline(), Some(start + Duration::from_secs(121)));
    scu.tick(start + Duration::from_secs(121));
    assert!(matches!(scu.next_event(), Some(Event::Aborted(_))));
    assert_eq!(scu.take_output()[0], 7);
}

#[test]
fn more_than_128_contexts_do_not_fit() {
    let classes: Vec<String> = (0..129).map(|n| format!("2.25.{n}")).collect();
    assert_eq!(ProposedContext::to_store(classes.iter().map(|class| (class.as_str(), EXPLICIT_LE))), Err(129));
    assert!(Association::requestor(RequestorConfig::new("A", "B", Vec::new())).is_err());
    assert!(Association::requestor(RequestorConfig::new("", "B", vec![ProposedContext::verification()])).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_cut_of_the_stream_gives_the_same_events(cuts in proptest::collection::vec(1_usize..300, 1..60), size in 0_usize..9_000) {
        let (mut scu, mut scp) = associated(storing(&[(CT, EXPLICIT_LE)]));
        scu.send_command(1, &CommandSet::store_request(1, CT, "2.25.1.3")).unwrap();
        scu.send_data(1, &vec![3; size], true).unwrap();
        scu.send_command(1, &CommandSet::echo_request(2)).unwrap();
        scu.release().unwrap();
        let stream = scu.take_output();
        let mut whole = associated(storing(&[(CT, EXPLICIT_LE)])).1;
        whole.feed(&stream).unwrap();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            scp.feed(now).unwrap();
            rest = later;
        }
        let all = |association: &mut Association| joined(std::iter::from_fn(|| association.next_event()).collect());
        prop_assert_eq!(all(&mut scp), all(&mut whole));
        prop_assert_eq!(scp.take_output(), whole.take_output());
    }

    #[test]
    fn arbitrary_bytes_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..400), kind in 1_u8..8) {
        let mut scp = Association::acceptor(AcceptorConfig::default());
        let mut body = vec![kind, 0, 0, 0];
        body.extend_from_slice(&(octets.len() as u16).to_be_bytes());
        body.extend_from_slice(&octets);
        let _ = scp.feed(&body);
        let (mut scu, mut scp) = associated(storing(&[(CT, EXPLICIT_LE)]));
        let _ = scu.feed(&body);
        let _ = scp.feed(&octets);
        let mut scu = requestor(vec![ProposedContext::verification()]);
        let _ = scu.feed(&body);
        let mut request = raw_request("NORTH", "CT1", b"2.25.99");
        let at = octets.first().map_or(0, |octet| usize::from(*octet)) % request.len();
        for (place, octet) in request[at..].iter_mut().zip(&octets) { *place = *octet; }
        let _ = Association::acceptor(AcceptorConfig::default()).feed(&request);
        let _ = DataSet::new();
    }
}
