//! The targets behind DICOMweb: Accept headers, addresses, multipart bodies of objects, and data sets as they are looked into
//! and told in JSON.

use crate::{alone, peak};
use bytes::Bytes;
use dicom::dicomweb::{Acceptance, PartEvent, PartReader, Target, json, media_ranges};
use dicom::part10::file_meta_of;
use dicom::scan::{Keep, Options, scan_reader, scan_slice};
use std::path::Path;
use testkit::fuzz::{Corpus, Random, Runs};

/// In `check`; `deep` has many more.
const RUNS: u64 = 20_000;
/// What a mutant of at most 64 KiB may make a decoder allocate.
const MOST_OCTETS: usize = 16 << 20;
const BOUNDARY: &str = "a-boundary-of-ours";

fn within_bounds<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (result, octets) = peak(work);
    assert!(octets <= MOST_OCTETS, "{what} allocated {octets} octets for a message of at most 64 KiB");
    result
}

/// The DICOM fixtures that a mutant can hold.
fn files() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/dicom/fixtures/made");
    let entries = std::fs::read_dir(folder).expect("the fixtures");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "dcm"));
    paths.sort();
    let files: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a fixture")).collect();
    assert!(files.len() > 10, "the fixtures have moved");
    files.into_iter().filter(|file| file.len() <= 60 << 10).collect()
}

#[test]
fn accept_headers_and_addresses() {
    let _turn = alone();
    let headers = [
        "multipart/related; type=\"application/dicom\"; transfer-syntax=*, application/dicom;q=0.5",
        "multipart/related;type=application/octet-stream;transfer-syntax=1.2.840.10008.1.2.1;q=0.9, */*;q=0.1",
        "image/jpeg, image/png;q=0.2, application/dicom+json",
        "/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1,2%2C3",
        "/studies/2.25.1/series/2.25.2/instances/2.25.3/bulkdata/7FE00010",
        "/studies/2.25.1/series/2.25.2/thumbnail",
    ];
    let words = [
        ";",
        ",",
        "q=",
        "q=1.0000",
        "q=-1",
        "=\"",
        "\\\"",
        "*/*",
        "type=",
        "transfer-syntax=",
        "multipart/related",
        "/frames/",
        "/rendered",
        "/metadata",
        "4294967296",
        "%00",
        "%2F",
        "..",
        "\u{feff}",
        "\t",
        "\0",
    ];
    let corpus = Corpus::new(headers.iter().map(|text| text.as_bytes().to_vec()).collect(), &words);
    let target = Target { study: "2.25.1".to_owned(), series: None, instance: None };
    let instance = Target::parse("/studies/2.25.1/series/2.25.2/instances/2.25.3").expect("an address");
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        let text = String::from_utf8_lossy(input);
        within_bounds("Accept", || {
            let at = random.below(text.len() + 1);
            let (first, second) = text.split_at((at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0));
            for wanted in [&target, &instance] {
                if let Ok(acceptance) = Acceptance::negotiate(Some(first), Some(second), wanted) {
                    assert!(!acceptance.alternatives.is_empty());
                }
                let _ = Acceptance::negotiate(Some(&text), None, wanted);
            }
            assert!(
                media_ranges(Some(&text), None).iter().all(|range| range.quality > 0 && !range.syntaxes.is_empty())
            );
            if let Ok((target, resource)) = Target::parse_resource(&text) {
                assert!(!target.study.is_empty() && !resource.name().is_empty());
            }
        });
    });
}

#[test]
fn multipart_bodies() {
    let _turn = alone();
    let part = |file: &[u8]| {
        let mut body = format!("--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n").into_bytes();
        body.extend_from_slice(&file[..file.len().min(8 << 10)]);
        body.extend_from_slice(b"\r\n");
        body
    };
    let files = files();
    let bodies = files.chunks(2).map(|two| {
        let mut body: Vec<u8> = two.iter().flat_map(|file| part(file)).collect();
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        body
    });
    let words = ["\r\n--", "--\r\n", BOUNDARY, "Content-Type: ", "Content-Length: 99999999999", "\r\n\r\n", ":", " "];
    let corpus = Corpus::new(bodies.collect(), &words);
    let content_type = format!("multipart/related; type=\"application/dicom\"; boundary=\"{BOUNDARY}\"");
    Runs::of_environment(RUNS)
        .each(&corpus, |input, random| within_bounds("multipart", || parts(&content_type, input, random)));
}

/// Reads a body in pieces of random size. Every part begins and ends in order, and nothing follows the last.
fn parts(content_type: &str, body: &[u8], random: &mut Random) {
    let mut reader = PartReader::new(content_type).expect("a content type");
    let (mut rest, mut inside, mut complete, mut head) = (body, false, false, Vec::new());
    loop {
        match reader.next_event() {
            Ok(Some(PartEvent::Start { .. })) => {
                assert!(!inside && !complete);
                (inside, head) = (true, Vec::new());
            }
            Ok(Some(PartEvent::Data(octets))) => {
                assert!(inside);
                head.extend_from_slice(&octets);
            }
            Ok(Some(PartEvent::End)) => {
                assert!(inside);
                inside = false;
                let _ = file_meta_of(&head);
            }
            Ok(Some(PartEvent::Complete)) => {
                assert!(!inside && !complete);
                complete = true;
            }
            Err(_) => return,
            Ok(None) if rest.is_empty() && complete => return,
            Ok(None) if rest.is_empty() => {
                reader.finish();
                // What ends within a part is no complete body: an error or nothing more.
                if let Ok(Some(PartEvent::Complete)) = reader.next_event() {
                    assert!(!inside);
                }
                return;
            }
            Ok(None) => {
                let (piece, more) = rest.split_at((1 + random.below(4096)).min(rest.len()));
                rest = more;
                reader.feed(Bytes::copy_from_slice(piece));
            }
        }
    }
}

#[test]
fn data_sets() {
    let _turn = alone();
    let corpus = Corpus::new(files(), &["\u{fffe}", "SQ\0\0", "UN\0\0", "OB\0\0", "\0\0\0\0"]);
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        let keep = *random.choose(&[Keep::Nothing, Keep::Everything, Keep::PrivateBinaryToo]);
        let options = Options { keep, ..Options::default() };
        let told = within_bounds("a data set", || {
            let scan = scan_slice(input, &options).ok()?;
            let encoded = json::encode(&scan.data_set, &|tag| Some(json::key(tag)));
            let _ = dicom::Header::from_scan(&scan);
            if let Some(pixels) = &scan.pixels {
                let _ = pixels.frames(scan.number_of_frames(), None);
            }
            Some((scan.data_set, encoded.to_string()))
        });
        // A file is looked into as octets in memory are.
        let of_file = scan_reader(std::io::Cursor::new(input), &options);
        match (told, of_file) {
            (Some((set, text)), Ok(scan)) => {
                assert_eq!(json::encode(&scan.data_set, &|tag| Some(json::key(tag))).to_string(), text);
                assert_eq!(scan.data_set.elements().len(), set.elements().len());
            }
            (None, Err(_)) => {}
            (Some(_), Err(error)) => panic!("only the file is refused: {error}"),
            (None, Ok(_)) => panic!("only the octets in memory are refused"),
        }
    });
}
