//! Opening a report: the page around it, and its bytes.

use super::cases::entry_id;
use super::documents::Document;
use super::problems::{Kind, Trouble};
use super::{Asked, Here, OPEN_REPORT, answers};
use crate::edge::audit::{Facts, Outcome};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use hl7v3::cda::{self, CdaDocument};
use http::StatusCode;
use model::{AvailabilityStatus, DocumentEntry};
use pages::narrative::{self, Block, Cell, Inline, Section};
use pages::{Body, Demographics, Filter, Header, ReportPage, Texts, episodes};
use std::sync::Arc;

/// What there is to show, and what the document's own header says.
struct Read {
    header: Header,
    content: Content,
}

enum Content {
    Pdf(Bytes),
    Text(String),
    Narrative(Vec<Section>),
    File { media_type: String, octets: Bytes },
}

pub(super) async fn report(
    State(here): State<Arc<Here>>,
    Path((patient, entry)): Path<(String, String)>,
    request: Request,
) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.report_page(&patient, &entry, &asked).await {
        Ok(page) => answers::page(StatusCode::OK, &asked, &page),
        Err(trouble) => here.trouble(&asked, &patient, trouble),
    }
}

pub(super) async fn document(
    State(here): State<Arc<Here>>,
    Path((patient, entry)): Path<(String, String)>,
    request: Request,
) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.report_bytes(&patient, &entry, &asked).await {
        Ok(response) => response,
        Err(trouble) => here.trouble(&asked, &patient, trouble),
    }
}

impl Here {
    async fn report_page(&self, patient: &str, entry: &str, asked: &Asked) -> Result<ReportPage, Trouble> {
        let id = entry_id(entry)?;
        let case = self.case(patient, asked).await?;
        let found = case.entry(&id).filter(|entry| !episodes::is_manifest(entry));
        let Some(found) = found else {
            // The registry may know it as another patient's: that is nobody's business here.
            return Err(Trouble::of(Kind::NoDocument, ""));
        };
        // Who it is about and what else there is stays in sight when the document itself cannot be had.
        let read = self.read(found, asked).await;
        self.audit_report(found, &read.as_ref().map(|_| ()), asked);
        let (header, body) = match read {
            Ok(Read { header, content }) => (header, body(content, asked.texts)),
            Err(trouble) => {
                tracing::warn!(request_id = asked.cx.request_id, reason = trouble.log, "a report cannot be shown");
                (Header::default(), Body::Missing(trouble.problem(asked)))
            }
        };
        let filter = Filter::default();
        let input = self.input(&case, &filter);
        let page = ReportPage::of(&input, &id, &header, body, self.frame(asked, patient), &asked.reader);
        page.ok_or_else(|| Trouble::of(Kind::NoDocument, ""))
    }

    async fn report_bytes(&self, patient: &str, entry: &str, asked: &Asked) -> Result<Response, Trouble> {
        let entry = self.entry(patient, entry, asked).await?;
        if episodes::is_manifest(&entry) {
            return Err(Trouble::of(Kind::NoDocument, ""));
        }
        let read = self.read(&entry, asked).await;
        self.audit_report(&entry, &read.as_ref().map(|_| ()), asked);
        let save = asked.parameter("save").is_some();
        let name = |extension: &str| file_name(&entry, extension);
        Ok(match read?.content {
            Content::Pdf(octets) => answers::foreign("application/pdf", octets, save.then(|| name("pdf")).as_deref()),
            Content::Text(text) => {
                answers::foreign("text/plain; charset=utf-8", text.into(), save.then(|| name("txt")).as_deref())
            }
            // Never shown by a browser: it would be trusted as a page of ours.
            Content::Narrative(_) => {
                let document = self.document(&entry, asked).await?;
                answers::foreign("application/octet-stream", document.octets, Some(&name("xml")))
            }
            Content::File { octets, .. } => {
                answers::foreign("application/octet-stream", octets, Some(&name(extension(&entry.mime_type))))
            }
        })
    }

    async fn read(&self, entry: &DocumentEntry, asked: &Asked) -> Result<Read, Trouble> {
        let document = self.document(entry, asked).await?;
        let mime_type = entry.mime_type.clone();
        match tokio::task::spawn_blocking(move || read(document, &mime_type)).await {
            Ok(read) => read,
            Err(_) => Err(Trouble::of(Kind::Internal, "")),
        }
    }

    fn audit_report(&self, entry: &DocumentEntry, read: &Result<(), &Trouble>, asked: &Asked) {
        let outcome = match read {
            Ok(()) => Outcome::Success,
            Err(trouble) => Outcome::MinorFailure(trouble.log.clone()),
        };
        let objects = vec![entry.unique_id.as_str().to_owned()];
        let facts = Facts { patient: Some(entry.patient_id.clone()), objects, query: None };
        self.portal.edge.audit(&OPEN_REPORT, outcome, facts, &asked.cx);
    }
}

/// By its bytes first: a PDF is a PDF whatever it is called.
fn read(document: Document, mime_type: &str) -> Result<Read, Trouble> {
    let octets = document.octets;
    let called = if mime_type.is_empty() { document.mime_type.as_str() } else { mime_type };
    let called = called.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let bare = |content| Ok(Read { header: Header::default(), content });
    if octets.starts_with(b"%PDF-") {
        return bare(Content::Pdf(octets));
    }
    match called.as_str() {
        "text/xml" | "application/xml" | "application/hl7-cda+xml" | "text/x-cda-r2+xml" => {
            match cda::decode(&octets) {
                Ok(cda) => Ok(from_cda(cda, octets)),
                Err(error) => Err(Trouble::of(Kind::NotShown, error.to_string())),
            }
        }
        "text/plain" => {
            let text = match std::str::from_utf8(&octets) {
                Ok(text) => text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned(),
                // The type says nothing of its character set; Latin 1 is what the rest write.
                Err(_) => octets.iter().map(|byte| char::from(*byte)).collect(),
            };
            bare(Content::Text(text))
        }
        _ => bare(Content::File { media_type: called, octets }),
    }
}

fn from_cda(cda: CdaDocument, octets: Bytes) -> Read {
    let person = |xcn: &model::Xcn| {
        let parts = [6, 3, 2].map(|n| xcn.component(n));
        let name = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then_some(name)
    };
    let header = Header {
        demographics: Demographics {
            ids: cda.patient_ids.clone(),
            name: Some(cda.patient_name.clone()).filter(|name| !name.is_empty()),
            birth_date: cda.birth_date.clone(),
            sex: cda.sex,
        },
        title: cda.title.clone(),
        effective_time: cda.effective_time.clone(),
        authors: cda.authors.iter().filter_map(|author| author.person.as_ref()).filter_map(person).collect(),
        signed_by: cda.legal_authenticator.clone(),
        custodian: cda.custodian.as_ref().map(|organisation| organisation.name()),
        procedures: cda.studies.iter().filter_map(|s| s.procedure.as_ref()).map(|c| c.label().to_owned()).collect(),
    };
    let content = if let Some(pdf) = cda.pdf() {
        Content::Pdf(Bytes::copy_from_slice(pdf))
    } else if let Some(text) = cda.text() {
        Content::Text(text)
    } else {
        match cda.content {
            cda::Content::Structured(sections) => Content::Narrative(sections.iter().map(section).collect()),
            cda::Content::NonXml { media_type, bytes } => Content::File { media_type, octets: bytes.into() },
            // The body lies elsewhere, and we go nowhere that a document names.
            cda::Content::Reference { media_type, .. } => Content::File { media_type, octets },
        }
    };
    Read { header, content }
}

fn section(section: &cda::Section) -> Section {
    Section {
        title: section.title.clone(),
        blocks: section.blocks.iter().map(block).collect(),
        sections: section.sections.iter().map(self::section).collect(),
    }
}

fn block(block: &cda::Block) -> Block {
    let blocks = |all: &[cda::Block]| all.iter().map(self::block).collect();
    match block {
        cda::Block::Paragraph(inlines) => Block::Paragraph(inlines.iter().map(inline).collect()),
        cda::Block::List { ordered, items } => {
            Block::List { ordered: *ordered, items: items.iter().map(|item| blocks(item)).collect() }
        }
        cda::Block::Table { caption, rows } => {
            let cell = |cell: &cda::Cell| Cell {
                heading: cell.heading,
                column_span: cell.column_span,
                row_span: cell.row_span,
                content: blocks(&cell.content),
            };
            let rows = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
            Block::Table { caption: caption.clone(), rows }
        }
    }
}

fn inline(inline: &cda::Inline) -> Inline {
    match inline {
        cda::Inline::Text { text, style } => Inline::Text {
            text: text.clone(),
            bold: style.bold,
            italic: style.italic,
            underline: style.underline,
            subscript: style.subscript,
            superscript: style.superscript,
        },
        cda::Inline::Break => Inline::Break,
        cda::Inline::Link { href, text } => Inline::Link { href: href.clone(), text: text.clone() },
        cda::Inline::Image => Inline::Image,
    }
}

fn body(content: Content, texts: Texts) -> Body {
    match content {
        Content::Pdf(_) => Body::Pdf,
        Content::Text(text) => Body::Text(text),
        Content::Narrative(sections) => Body::Narrative(narrative::html(&sections, texts.say("report.image_left_out"))),
        Content::File { media_type, .. } => Body::File { media_type },
    }
}

/// `report-2026-03-12.pdf`: without anything that a peer wrote.
fn file_name(entry: &DocumentEntry, extension: &str) -> String {
    let day = entry.service_start_time.as_ref().or(entry.creation_time.as_ref()).map(|at| at.as_str());
    let day: String = day.unwrap_or("").chars().take(8).collect();
    let status = if entry.availability_status == AvailabilityStatus::Deprecated { "earlier-report" } else { "report" };
    if day.is_empty() { format!("{status}.{extension}") } else { format!("{status}-{day}.{extension}") }
}

fn extension(mime_type: &str) -> &'static str {
    match mime_type {
        "application/fhir+json" | "application/json" => "json",
        "text/html" => "html",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "application/dicom" => "dcm",
        "text/rtf" | "application/rtf" => "rtf",
        _ => "bin",
    }
}
