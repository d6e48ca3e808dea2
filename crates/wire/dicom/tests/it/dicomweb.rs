//! DICOMweb requests and answers.

use bytes::Bytes;
use dicom::dicomweb::{
    Acceptance, CLIENT_ACCEPT, Delivered, ExplicitLe, NotAcceptable, Part, PartEvent, PartReader, PartWriter,
    PathError, Representation, Resource, Target, json,
};
use dicom::transfer_syntaxes::{
    EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, JPEG_2000_LOSSLESS, JPEG_BASELINE, JPEG_LOSSLESS_SV1,
};
use dicom::{DataSet, Tag, VR};

use crate::samples;

fn instance() -> Target {
    Target::parse("/studies/2.25.1/series/2.25.2/instances/2.25.3").unwrap()
}

fn study() -> Target {
    Target::parse("studies/2.25.1/").unwrap()
}

/// Status, or how the object is sent: multipart or single, stored or explicit.
fn outcome(accept: &str, target: &Target, stored: &str, explicit_le: ExplicitLe) -> String {
    let answered = Acceptance::negotiate(Some(accept), None, target).and_then(|all| all.deliver(stored, explicit_le));
    match answered {
        Ok(delivery) => format!(
            "{} {}",
            if delivery.representation == Representation::Multipart { "multi" } else { "single" },
            if delivery.delivered == Delivered::AsStored { "stored" } else { "explicit" }
        ),
        Err(error) => error.status().to_string(),
    }
}

#[test]
fn the_table_of_accept_headers_holds() {
    const DICOM: &str = "multipart/related; type=\"application/dicom\"";
    let (i, s) = (&instance(), &study());
    let wanted = format!("{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.90");
    let listed = format!("{wanted};q=0.9, {DICOM}; transfer-syntax=*;q=0.1");
    let any = format!("{DICOM}; transfer-syntax=*");
    for (accept, target, stored, able, expected) in [
        (DICOM, s, EXPLICIT_LE, ExplicitLe::Yes, "multi stored"),
        (DICOM, s, JPEG_LOSSLESS_SV1, ExplicitLe::Yes, "multi explicit"),
        // B-001: no JPEG under an Accept that did not allow it.
        (DICOM, s, JPEG_LOSSLESS_SV1, ExplicitLe::No, "406"),
        (DICOM, s, JPEG_LOSSLESS_SV1, ExplicitLe::TooLong, "multi stored"),
        (DICOM, s, JPEG_BASELINE, ExplicitLe::No, "406"),
        (DICOM, s, IMPLICIT_LE, ExplicitLe::Yes, "multi explicit"),
        (&any, s, JPEG_LOSSLESS_SV1, ExplicitLe::Yes, "multi stored"),
        (&any, s, "2.25.77", ExplicitLe::No, "multi stored"),
        (&any, s, IMPLICIT_LE, ExplicitLe::Yes, "multi stored"),
        (&any, s, EXPLICIT_BE, ExplicitLe::Yes, "multi stored"),
        (&wanted, s, EXPLICIT_LE, ExplicitLe::Yes, "406"),
        (&wanted, s, JPEG_2000_LOSSLESS, ExplicitLe::Yes, "multi stored"),
        (&listed, s, JPEG_LOSSLESS_SV1, ExplicitLe::Yes, "multi stored"),
        ("application/dicom", s, EXPLICIT_LE, ExplicitLe::Yes, "406"),
        ("application/dicom", i, EXPLICIT_LE, ExplicitLe::Yes, "single stored"),
        ("multipart/related", s, JPEG_LOSSLESS_SV1, ExplicitLe::Yes, "multi explicit"),
        ("multipart/*", s, EXPLICIT_LE, ExplicitLe::Yes, "multi stored"),
        ("*/*", i, EXPLICIT_LE, ExplicitLe::Yes, "multi stored"),
        ("", i, EXPLICIT_LE, ExplicitLe::Yes, "multi stored"),
        ("application/dicom+json", s, EXPLICIT_LE, ExplicitLe::Yes, "406"),
        ("image/png, multipart/related; type=\"application/dicom\"", s, EXPLICIT_LE, ExplicitLe::Yes, "400"),
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            s,
            EXPLICIT_LE,
            ExplicitLe::Yes,
            "multi stored",
        ),
        (
            "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
            s,
            EXPLICIT_LE,
            ExplicitLe::Yes,
            "406",
        ),
        (
            "multipart/related; type=application/dicom; transfer-syntax=1.2.840.10008.1.2",
            s,
            IMPLICIT_LE,
            ExplicitLe::Yes,
            "406",
        ),
        ("garbage", s, EXPLICIT_LE, ExplicitLe::Yes, "406"),
        ("image/png;q=0", i, EXPLICIT_LE, ExplicitLe::Yes, "406"),
        ("*/*;q=0", i, EXPLICIT_LE, ExplicitLe::Yes, "406"),
    ] {
        assert_eq!(outcome(accept, target, stored, able), expected, "{accept} of {stored}");
    }
}

#[test]
fn spellings_of_accept_mean_the_same() {
    // B-003, P1
    for accept in [
        "multipart/related; type=\"application/dicom\"",
        "multipart/related; type=application/dicom",
        "multipart/related ; type = \"application/dicom\" ",
        "Multipart/Related;TYPE=\"Application/DICOM\";q=1.0",
        "multipart/related; type=\"\"application/dicom\"\"",
        "multipart/related; type=%22application/dicom%22",
        "multipart/related; type=\"application/dicom+xml\";q=1, multipart/related; type=\"application/dicom\";q=0.5, */*;q=0.1",
        "multipart/related; type=application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50; transfer-syntax=1.2.840.10008.1.2.1",
    ] {
        assert_eq!(outcome(accept, &study(), JPEG_LOSSLESS_SV1, ExplicitLe::Yes), "multi explicit", "{accept}");
    }
    let client = outcome(CLIENT_ACCEPT, &study(), JPEG_LOSSLESS_SV1, ExplicitLe::No);
    assert_eq!(client, "multi stored");
}

#[test]
fn the_accept_parameter_overrides_the_header_and_has_no_wildcards() {
    let target = instance();
    let all = Acceptance::negotiate(Some("image/png"), Some("application/dicom;transfer-syntax=*"), &target).unwrap();
    assert_eq!(all.deliver(JPEG_BASELINE, ExplicitLe::No).unwrap().representation, Representation::SinglePart);
    let refused = Acceptance::negotiate(None, Some("*/*"), &target);
    assert!(matches!(refused, Err(NotAcceptable::BadRequest(_))));
    assert!(Acceptance::negotiate(None, None, &target).is_ok());
}

#[test]
fn garbage_in_a_path_is_answered_with_a_reason() {
    // B-010
    let long = "1".repeat(65);
    for bad in ["1.2.abc..3", long.as_str(), "%00", "..%2F", "", "1..2", "1.2 ", "%zz", "-1"] {
        for path in [
            format!("/studies/{bad}"),
            format!("/studies/2.25.1/series/{bad}/x").replace("/x", ""),
            format!("/studies/2.25.1/series/2.25.2/instances/{bad}"),
        ] {
            let error = Target::parse(&path).unwrap_err();
            assert!(matches!(error.status(), 400 | 404), "{path}");
            assert!(!error.to_string().is_empty() && error.to_string().len() < 120);
        }
    }
    assert_eq!(Target::parse("/studies/../x").unwrap_err().status(), 400);
    assert_eq!(Target::parse("/studies/2.25.1/metadata"), Err(PathError::NotOffered("metadata")));
    assert_eq!(Target::parse("/studies/2.25.1/../.."), Err(PathError::NotAResource));
    assert_eq!(Target::parse("/studies//series/1").unwrap_err().to_string(), "study UID: a UID must not be empty");
    let literal = Target::parse("/studies/2.25.1055.05453119").unwrap();
    assert_eq!(literal.path(), "/studies/2.25.1055.05453119");
}

fn read(content_type: &str, body: &[u8], step: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut reader = PartReader::new(content_type).map_err(|error| error.to_string())?;
    let mut objects: Vec<Vec<u8>> = Vec::new();
    let mut complete = false;
    let mut pieces = body.chunks(step).map(Bytes::copy_from_slice);
    loop {
        while let Some(event) = reader.next_event().map_err(|error| error.to_string())? {
            match event {
                PartEvent::Start { .. } => objects.push(Vec::new()),
                PartEvent::Data(octets) => objects.last_mut().unwrap().extend_from_slice(&octets),
                PartEvent::End => {}
                PartEvent::Complete => complete = true,
            }
        }
        match pieces.next() {
            Some(piece) => reader.feed(piece),
            None if complete => return Ok(objects),
            None => {
                reader.finish();
                let Some(event) = reader.next_event().map_err(|error| error.to_string())? else {
                    return Err("cut".into());
                };
                if event == PartEvent::Complete {
                    return Ok(objects);
                }
            }
        }
    }
}

#[test]
fn what_is_written_reads_back_with_the_length_that_was_promised() {
    // B-005
    let objects: [&[u8]; 3] = [b"first\r\n--", b"second", b"\r\nthird"];
    let mut writer = PartWriter::new([9; 16]);
    let content_type = writer.content_type();
    let parts: Vec<Part<'_>> = objects
        .iter()
        .map(|object| Part {
            transfer_syntax: EXPLICIT_LE,
            content_length: Some(object.len() as u64),
            content_location: Some("https://north.example/dicomweb/studies/2.25.1"),
        })
        .collect();
    let (heads, close, total) = writer.plan(&parts);
    let mut body = Vec::new();
    for (head, object) in heads.iter().zip(objects) {
        let text = String::from_utf8(head.clone()).unwrap();
        assert!(text.contains("Content-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"));
        body.extend_from_slice(head);
        body.extend_from_slice(object);
    }
    body.extend_from_slice(&close);
    assert_eq!(total, Some(body.len() as u64));
    for step in [1, 7, body.len()] {
        assert_eq!(read(&content_type, &body, step).unwrap(), objects);
    }
    assert!(read(&content_type, &body[..body.len() - close.len()], 9).is_err());
    assert_eq!(read("application/dicom; transfer-syntax=1.2.840.10008.1.2.1", b"DICM", 2).unwrap(), [b"DICM"]);
    assert!(read("text/html", b"", 1).is_err());
}

#[test]
fn sample_bodies_of_other_servers_are_read() {
    let Some(folder) = samples::folder("dicom") else { return };
    let content_type = "multipart/related; type=\"application/dicom\"; boundary=\"------=_Part_7f3a91.KOS\"";
    let first =
        read(content_type, &std::fs::read(folder.join("multipart-01-two-instances.body")).unwrap(), 4096).unwrap();
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|object| object[128..132] == *b"DICM"));
    for name in [
        "02-no-content-length",
        "03-preamble-epilogue",
        "08-empty-part-headers",
        "09-wrong-content-length",
        "10-transport-padding",
    ] {
        let body = std::fs::read(folder.join(format!("multipart-{name}.body"))).unwrap();
        for step in [1, 1000] {
            let objects = read(content_type, &body, step).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(objects.iter().all(|object| object[128..132] == *b"DICM"), "{name}");
        }
    }
    let cut = std::fs::read(folder.join("multipart-05-no-closing-delimiter.body")).unwrap();
    assert!(read(content_type, &cut, 500).is_err());
}

#[test]
fn what_is_wanted_of_the_objects_stands_behind_them() {
    let instance = "/studies/2.25.1/series/2.25.2/instances/2.25.3";
    for (path, resource) in [
        ("/studies/2.25.1".to_owned(), Resource::Instances),
        ("/studies/2.25.1/metadata/".to_owned(), Resource::Metadata),
        ("/studies/2.25.1/series/2.25.2/thumbnail".to_owned(), Resource::Thumbnail(vec![])),
        (format!("{instance}/rendered"), Resource::Rendered(vec![])),
        (format!("{instance}/frames/3,1"), Resource::Frames(vec![3, 1])),
        (format!("{instance}/frames/1%2C2"), Resource::Frames(vec![1, 2])),
        (format!("{instance}/frames/2/rendered"), Resource::Rendered(vec![2])),
        (format!("{instance}/bulkdata/7fe00010"), Resource::Bulkdata(0x7FE0, 0x0010)),
    ] {
        let (target, found) = Target::parse_resource(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!((target.study.as_str(), found), ("2.25.1", resource), "{path}");
    }
    for (path, status) in [
        (format!("{instance}/frames/0"), 400),
        (format!("{instance}/frames/"), 404),
        (format!("{instance}/frames/1,x"), 400),
        (format!("{instance}/frames/1/metadata"), 404),
        (format!("{instance}/bulkdata/7FE0"), 400),
        ("/studies/2.25.1/frames/1".to_owned(), 404),
        ("/studies/metadata".to_owned(), 404),
        ("/metadata".to_owned(), 404),
    ] {
        let error = Target::parse_resource(&path).expect_err(&path);
        assert_eq!(error.status(), status, "{path}: {error}");
    }
}

#[test]
fn a_data_set_is_written_as_the_model_has_it() {
    let mut set = DataSet::new();
    set.put_text(Tag(0x0008, 0x0005), "ISO_IR 192");
    set.put_octets(Tag(0x0008, 0x0008), VR::CS, &b"ORIGINAL\\\\AXIAL "[..]);
    set.put_empty(Tag(0x0008, 0x0050));
    set.put_octets(Tag(0x0010, 0x0010), VR::PN, "Yamada^Tarou=山田^太郎".as_bytes());
    set.put_octets(Tag(0x0018, 0x0050), VR::DS, &b"1.250\\7"[..]);
    set.put_octets(Tag(0x0020, 0x0013), VR::IS, &b"12 "[..]);
    set.put_octets(Tag(0x0028, 0x0009), VR::AT, [0x18, 0x00, 0x63, 0x10]);
    set.put_u16(Tag(0x0028, 0x0010), 512);
    set.put_octets(Tag(0x0018, 0x9087), VR::FD, 1000.5_f64.to_le_bytes());
    set.put_octets(Tag(0x0028, 0x1201), VR::OW, vec![1; 2000]);
    set.put_octets(Tag(0x0042, 0x0011), VR::OB, vec![1, 2, 3, 0]);
    let mut item = DataSet::new();
    item.put_text(Tag(0x0008, 0x0100), "T-1");
    set.put_items(Tag(0x0008, 0x1032), vec![item, DataSet::new()]);
    let bulk = |tag: Tag| Some(format!("http://x/bulkdata/{}", json::key(tag)));
    let expected = serde_json::json!({
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", null, "AXIAL"]},
        "00080050": {"vr": "SH"},
        "00081032": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["T-1"]}}, {}]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]},
        "00180050": {"vr": "DS", "Value": [1.25, 7]},
        "00189087": {"vr": "FD", "Value": [1000.5]},
        "00200013": {"vr": "IS", "Value": [12]},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
        "00280010": {"vr": "US", "Value": [512]},
        "00281201": {"vr": "OW", "BulkDataURI": "http://x/bulkdata/00281201"},
        "00420011": {"vr": "OB", "InlineBinary": "AQIDAA=="},
    });
    assert_eq!(json::encode(&set, &bulk), expected);
}
