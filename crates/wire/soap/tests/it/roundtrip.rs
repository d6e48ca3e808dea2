//! What one of us sends another of us reads, in any pieces; damage never panics.

use proptest::prelude::*;
use soap::{Binary, Head, Limits, MtomWriter, binary, encode};

use crate::message::in_pieces;

fn message(random: [u8; 16], documents: &[Vec<u8>], inline: bool) -> (String, Vec<u8>) {
    let writer = MtomWriter::new(random);
    let head = Head::request("urn:act", "urn:uuid:1", "https://x");
    let envelope = encode(&head, |w| {
        w.start("r");
        for (at, octets) in documents.iter().enumerate() {
            w.start("d");
            if inline && at % 2 == 0 {
                w.text(&soap::encode_base64(octets));
            } else {
                soap::include(w, &writer.content_id(at + 1));
            }
            w.end();
        }
        w.end();
    });
    let mut body = writer.root(&envelope);
    for (at, octets) in documents.iter().enumerate() {
        if !(inline && at % 2 == 0) {
            body.extend(writer.part(at + 1, "application/octet-stream"));
            body.extend(octets);
        }
    }
    body.extend(writer.close());
    (writer.content_type("urn:act"), body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn documents_arrive_octet_for_octet(
        random in any::<[u8; 16]>(),
        documents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5),
        inline in any::<bool>(),
        size in 1..500usize,
    ) {
        let (content_type, body) = message(random, &documents, inline);
        let (envelope, mut parts) = in_pieces(&content_type, &body, size, Limits::default()).unwrap();
        let mut received = Vec::new();
        for document in envelope.body().children() {
            received.push(match binary(document).unwrap() {
                Binary::Inline(octets) => octets,
                Binary::Part(href) => parts.take(&href).unwrap().to_vec(),
            });
        }
        prop_assert_eq!(received, documents);
        prop_assert!(parts.is_empty());
    }

    #[test]
    fn damage_is_read_or_refused(at in 0..1200usize, insert in prop::collection::vec(any::<u8>(), 0..5), size in 1..300usize) {
        let (content_type, mut body) = message([3; 16], &[b"one".to_vec(), b"two".to_vec()], true);
        let at = at.min(body.len());
        let end = (at + 3).min(body.len());
        body.splice(at..end, insert);
        let whole = in_pieces(&content_type, &body, usize::MAX, Limits::default()).map(|(envelope, _)| envelope.body().to_xml());
        let pieces = in_pieces(&content_type, &body, size, Limits::default()).map(|(envelope, _)| envelope.body().to_xml());
        prop_assert_eq!(whole, pieces);
    }
}
