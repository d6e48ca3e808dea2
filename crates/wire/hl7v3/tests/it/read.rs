//! Documents of others.

use crate::support::*;
use hl7v3::DecodeError;
use hl7v3::cda::{self, Block, CdaDocument, Content, Inline, Relation};
use model::*;

fn sample(name: &str) -> Option<CdaDocument> {
    let bytes = std::fs::read(shared(&format!("reports/{name}"))?).unwrap();
    Some(cda::decode(&bytes).unwrap())
}

fn tiny_pdf() -> Option<Vec<u8>> {
    Some(std::fs::read(shared("reports/tiny-report.pdf")?).unwrap())
}

#[test]
fn the_sample_with_accession_links_patient_order_and_study() {
    let Some(read) = sample("cda-xds-sd-pdf-ps320-accession.xml") else { return };
    assert_eq!(read.title.as_deref(), Some("CT chest"));
    assert_eq!(read.effective_time, Some(dtm("20250603092500")));
    assert_eq!(read.patient_ids[0].to_string(), "PID-000123^^^&2.25.7301.9.1&ISO");
    assert_eq!(read.patient_ids.len(), 2);
    assert_eq!(read.patient_name.to_hl7(), "Exämple^Pat");
    assert_eq!((read.birth_date.clone(), read.sex), (Some(dtm("19700101")), Some(Sex::Female)));
    assert_eq!(read.authors.len(), 1);
    assert_eq!(read.authors[0].person.as_ref().map(Xcn::as_str), Some("R200^Radio^Rita^^^Dr.^^^&2.25.7301.9.6&ISO"));
    assert_eq!(read.custodian.as_ref().map(Xon::as_str), Some("Example Hospital^^^^^^^^^2.25.7301.9.10"));
    assert_eq!(
        read.orders,
        [Order {
            accession_number: "ACC-2025-0042".into(),
            accession_issuer: Some(oid("2.25.7301.9.2")),
            placer_order_number: "PLC-77".into(),
            placer_issuer: Some(oid("2.25.7301.9.3")),
        }]
    );
    assert_eq!(read.studies[0].study.as_ref().map(|s| s.as_str()), Some("2.25.7301.1"));
    assert_eq!(read.studies[0].translations.len(), 2);
    assert_eq!(read.studies[0].start, Some(dtm("20250603071500")));
    assert_eq!(read.pdf(), tiny_pdf().as_deref());
}

#[test]
fn the_replacement_names_what_it_replaces() {
    let Some(read) = sample("cda-xds-sd-pdf-replacement.xml") else { return };
    assert_eq!(read.version, Some(2));
    assert_eq!(read.related.len(), 1);
    assert_eq!((read.related[0].relation, read.related[0].unique_id.as_str()), (Relation::Replaces, "2.25.7301.5.1"));
}

/// A field document: mistyped xsi namespace, study UID with a literal extension, no scanner, null flavours everywhere.
#[test]
fn the_french_field_document_is_read() {
    let Some(read) = sample("drimbox-cda-pdf-body-replaced.xml") else { return };
    let study = &read.studies[0];
    assert_eq!(study.study.as_ref().map(|s| s.as_str()), Some("2.16.840.1.113669.632.20.1211.10000231621"));
    assert_eq!(study.start, Some(dtm("20210409")));
    assert!(study.performer.as_ref().is_some_and(|p| p.name() == "CENTRE HOSPITALIER XXXXXX"));
    assert_eq!(read.orders[0].accession_number, "0901160050");
    assert_eq!(read.orders[0].placer_order_number, "1298989898");
    assert_eq!(read.language.as_deref(), Some("fr-FR"));
    assert_eq!(read.effective_time, Some(dtm("20190924120223")));
    assert!(read.legal_authenticator.is_some());
    assert_eq!(read.pdf(), tiny_pdf().as_deref());
}

#[test]
fn a_structured_report_is_sections_with_text() {
    let Some(read) = sample("cda-ps320-imaging-report.xml") else { return };
    let Content::Structured(sections) = &read.content else { panic!("{:?}", read.content) };
    assert!(sections.len() > 1);
    assert!(sections.iter().all(|s| !s.title.is_empty() && s.code.is_some()));
    let blocks: Vec<_> = sections.iter().flat_map(|s| &s.blocks).collect();
    assert!(blocks.iter().any(|b| matches!(b, Block::Table { rows, .. } if !rows.is_empty())));
    assert!(blocks.iter().any(|b| matches!(b, Block::List { items, .. } if !items.is_empty())));
    let link = |b: &&Block| matches!(b, Block::Paragraph(run) if run.iter().any(|i| matches!(i, Inline::Link { .. })));
    assert!(blocks.iter().any(link));
}

#[test]
fn a_hostile_narrative_keeps_no_dangerous_address() {
    let Some(read) = sample("cda-hostile-narrative.xml") else { return };
    let Content::Structured(sections) = &read.content else { panic!("{:?}", read.content) };
    let mut hrefs = Vec::new();
    collect(sections, &mut hrefs);
    assert!(hrefs.iter().all(|h| h.starts_with("https://") || h.starts_with("http://")), "{hrefs:?}");
}

fn collect(sections: &[cda::Section], hrefs: &mut Vec<String>) {
    fn blocks(list: &[Block], hrefs: &mut Vec<String>) {
        for block in list {
            match block {
                Block::Paragraph(run) => hrefs.extend(run.iter().filter_map(|i| match i {
                    Inline::Link { href, .. } => Some(href.clone()),
                    _ => None,
                })),
                Block::List { items, .. } => items.iter().for_each(|i| blocks(i, hrefs)),
                Block::Table { rows, .. } => rows.iter().flatten().for_each(|c| blocks(&c.content, hrefs)),
            }
        }
    }
    for section in sections {
        blocks(&section.blocks, hrefs);
        collect(&section.sections, hrefs);
    }
}

#[test]
fn a_doctype_is_refused() {
    let Some(path) = shared("reports/cda-hostile-doctype.xml") else { return };
    let refused = cda::decode(&std::fs::read(path).unwrap()).unwrap_err();
    assert!(matches!(refused, DecodeError::Xml(_)), "{refused}");
}

fn document(body: &str) -> String {
    format!("<ClinicalDocument xmlns='urn:hl7-org:v3'><id root='2.25.1'/>{body}</ClinicalDocument>")
}

fn body(text: &str) -> String {
    document(&format!("<component><nonXMLBody>{text}</nonXMLBody></component>"))
}

#[test]
fn byte_order_marks_and_other_encodings_are_read() {
    let text = body("<text mediaType='text/plain'>Größe</text>");
    let marked = [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat();
    let wide: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> =
        format!("<?xml version='1.0' encoding='ISO-8859-1'?>{text}").chars().map(|c| c as u8).collect();
    for bytes in [marked, wide, latin] {
        assert_eq!(cda::decode(&bytes).unwrap().text().as_deref(), Some("Größe"));
    }
}

#[test]
fn bodies_are_found_as_they_are_written_in_the_field() {
    let read = |text: &str| cda::decode(body(text).as_bytes()).unwrap().content;
    let pdf = |media_type: &str| Content::NonXml { media_type: media_type.into(), bytes: b"%PDF-1.4".to_vec() };
    let b64 = "JVBE\r\n  Ri0xLjQ";
    assert_eq!(read(&format!("<text representation='B64'>{b64}=</text>")), pdf("application/pdf"));
    assert_eq!(read(&format!("<text representation='B64'>{b64}</text>")), pdf("application/pdf"));
    assert_eq!(read(&format!("<text>{b64}=</text>")), pdf("application/pdf"));
    assert_eq!(read(&format!("<text mediaType='Application/PDF; x=y'>{b64}</text>")), pdf("application/pdf"));
    assert_eq!(read(&format!("<text mediaType='image/x'><![CDATA[{b64}]]></text>")), pdf("image/x"));
    let elsewhere = Content::Reference { media_type: "application/pdf".into(), href: "r.pdf".into() };
    assert_eq!(read("<text mediaType='application/pdf'><reference value='r.pdf'/></text>"), elsewhere);
}

#[test]
fn a_broken_body_says_what_is_wrong_with_it_and_where() {
    let refused = |text: &str| cda::decode(body(text).as_bytes()).unwrap_err().to_string();
    let path = "ClinicalDocument/component/nonXMLBody/text";
    assert!(refused("<text representation='B64'>%%%</text>").starts_with(&format!("{path}: expected base64")));
    assert_eq!(refused("<text/>"), format!("expected the content of the body at {path}, got none"));
    assert!(refused("<text compression='DF' representation='B64'>eA==</text>").contains("compress"));
    let none = cda::decode(document("").as_bytes()).unwrap_err().to_string();
    assert_eq!(none, "expected a body at ClinicalDocument, got none");
    let other = cda::decode(b"<Bundle xmlns='http://hl7.org/fhir'/>").unwrap_err().to_string();
    assert_eq!(other, "expected a ClinicalDocument of urn:hl7-org:v3, got Bundle");
}

#[track_caller]
fn check_irregularities(document: &str, expected: &[&str]) {
    let found: Vec<_> = cda::check(document.as_bytes()).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

/// Field case B-056 (b).
#[test]
fn irregularities_are_named_by_line_and_path() {
    let ours = String::from_utf8(cda::encode(&report())).unwrap();
    check_irregularities(&ours, &[]);
    check_irregularities(
        &ours.replace("<custodian>", "\n<custodian x=\"\">").replace("root=\"2.999.7\"", "root=\"2.999.07\""),
        &[
            "line 1, ClinicalDocument/recordTarget/patientRole/id[1]: @root must be an OID or a UUID",
            "line 2, ClinicalDocument/custodian: @x must not be empty",
        ],
    );
    check_irregularities(
        &document(""),
        &[
            "line 1, ClinicalDocument: must have typeId",
            "line 1, ClinicalDocument: must have code",
            "line 1, ClinicalDocument: must have effectiveTime",
            "line 1, ClinicalDocument: must have confidentialityCode",
            "line 1, ClinicalDocument: must have recordTarget",
            "line 1, ClinicalDocument: must have author",
            "line 1, ClinicalDocument: must have custodian",
            "line 1, ClinicalDocument: must have component",
        ],
    );
    let Some(path) = shared("reports/cda-xds-sd-pdf.xml") else { return };
    check_irregularities(&std::fs::read_to_string(path).unwrap(), &[]);
}
