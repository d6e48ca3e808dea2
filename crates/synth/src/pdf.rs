//! The report as a one-page PDF/A-2b: head of the hospital, patient band, sections, signature; text can be extracted.
//! krilla draws and embeds; breaking lines and placing them is done here.

use crate::patients::{Patient, readable_name};
use crate::{StudyPlan, SynthError};
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use krilla::{Document, SerializeSettings};

const REGULAR: &[u8] = include_bytes!("../fonts/OpenSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/OpenSans-Bold.ttf");

const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 56.0;
const INK: (u8, u8, u8) = (28, 32, 38);
const QUIET: (u8, u8, u8) = (96, 104, 114);
const ACCENT: (u8, u8, u8) = (16, 84, 128);
const BAND: (u8, u8, u8) = (236, 241, 245);

/// The report of a plan as PDF/A-2b, one A4 page, fonts embedded.
///
/// Errors: `Plan` when the plan has no report or its text does not fit one page; `Pdf` when the file cannot be made.
pub fn report_pdf(plan: &StudyPlan, patient: &Patient) -> Result<Vec<u8>, SynthError> {
    let Some(report) = &plan.report else {
        return Err(SynthError::Plan(format!("{}: there is no report to lay out", plan.key)));
    };
    let failed = |what: &str| SynthError::Pdf(what.to_string());
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .finish()
        .map_err(|cause| SynthError::Pdf(format!("{cause:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let page_size = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| failed("the page has no size"))?;
    let mut page = document.start_page_with(page_size);
    let fits = draw(page.surface(), plan, patient)?;
    page.finish();
    if !fits {
        return Err(SynthError::Plan(format!("{}: the report is longer than one page", plan.key)));
    }
    document.set_metadata(
        Metadata::new()
            .title(report.title.clone())
            .language("en".to_string())
            .authors(vec![report.author_readable()])
            .creator("manifold synth".to_string())
            .document_id(plan.key.clone())
            .creation_date(written_at(&report.signed_at, plan)),
    );
    document.finish().map_err(|cause| SynthError::Pdf(format!("{cause:?}")))
}

/// Draws the whole page; says whether the text ended above the foot.
fn draw(surface: Surface<'_>, plan: &StudyPlan, patient: &Patient) -> Result<bool, SynthError> {
    let face = |bytes| Face::new(bytes).ok_or_else(|| SynthError::Pdf("a built-in font cannot be read".to_string()));
    let mut sheet = Sheet { surface, regular: face(REGULAR)?, bold: face(BOLD)?, y: 0.0 };
    head(&mut sheet, plan);
    patient_band(&mut sheet, plan, patient);
    sheet.y += 16.0;
    if let Some(report) = &plan.report {
        sheet.section("Indication", std::slice::from_ref(&report.indication), false);
        sheet.section("Technique", std::slice::from_ref(&report.technique), false);
        sheet.section("Comparison", std::slice::from_ref(&report.comparison), false);
        sheet.section("Findings", &report.findings, false);
        sheet.section("Impression", &report.impression, true);
        signature(&mut sheet, plan, &report.author_readable(), &report.signed_at);
    }
    let fits = sheet.y < HEIGHT - 60.0;
    sheet.line(MARGIN, HEIGHT - 46.0, WIDTH - 2.0 * MARGIN, 0.6, QUIET);
    sheet.y = HEIGHT - 34.0;
    sheet.put(
        MARGIN,
        7.5,
        false,
        QUIET,
        "Invented patient, examination and findings, made for demonstration and tests.",
    );
    sheet.put_right(WIDTH - MARGIN, 7.5, false, QUIET, "Page 1 of 1");
    sheet.surface.finish();
    Ok(fits)
}

fn head(sheet: &mut Sheet<'_>, plan: &StudyPlan) {
    sheet.y = 62.0;
    sheet.put(MARGIN, 19.0, true, ACCENT, plan.hospital.institution());
    sheet.put_right(WIDTH - MARGIN, 9.0, false, QUIET, plan.hospital.address());
    sheet.y += 14.0;
    sheet.put(MARGIN, 9.5, false, QUIET, "Department of Radiology");
    sheet.put_right(WIDTH - MARGIN, 9.0, false, QUIET, "Examination report");
    sheet.line(MARGIN, sheet.y + 9.0, WIDTH - 2.0 * MARGIN, 1.6, ACCENT);
    sheet.y += 38.0;
    let title = plan.report.as_ref().map_or("", |report| report.title.as_str());
    sheet.put(MARGIN, 15.0, true, INK, title);
    sheet.y += 12.0;
}

fn patient_band(sheet: &mut Sheet<'_>, plan: &StudyPlan, patient: &Patient) {
    let top = sheet.y;
    sheet.rectangle(MARGIN, top, WIDTH - 2.0 * MARGIN, 76.0, BAND);
    let sex = match patient.sex {
        "F" => "female",
        "M" => "male",
        _ => "other",
    };
    sheet.y = top + 21.0;
    sheet.put(MARGIN + 12.0, 13.0, true, INK, &patient.display_name());
    sheet.y += 17.0;
    let born = format!("born {}, {sex}", long_date(patient.birth_date));
    sheet.put(MARGIN + 12.0, 9.5, false, INK, &born);
    sheet.y += 14.0;
    sheet.put(MARGIN + 12.0, 9.5, false, INK, &format!("Patient ID {}", patient.id));
    sheet.y += 14.0;
    sheet.put(MARGIN + 12.0, 9.5, false, INK, &format!("Referred by {}", spoken_name(plan.referring)));
    let right = MARGIN + 272.0;
    let rows = [
        ("Examination", plan.description.to_string()),
        ("Date", format!("{}, {}", long_date(plan.date), short_time(plan.time))),
        ("Accession number", plan.accession.clone()),
        ("Order", format!("{} / {}", plan.placer_order, plan.filler_order)),
    ];
    sheet.y = top + 20.0;
    for (name, value) in rows {
        sheet.put(right, 8.5, false, QUIET, name);
        sheet.put(right + 84.0, 9.5, false, INK, &value);
        sheet.y += 15.0;
    }
    sheet.y = top + 76.0;
}

fn signature(sheet: &mut Sheet<'_>, plan: &StudyPlan, author: &str, signed_at: &str) {
    sheet.y += 22.0;
    let when = format!(
        "Signed electronically on {} at {}",
        long_date(signed_at),
        short_time(signed_at.get(8..).unwrap_or_default())
    );
    sheet.put(MARGIN, 9.5, false, QUIET, &when);
    sheet.y += 15.0;
    sheet.put(MARGIN, 10.5, true, INK, author);
    sheet.y += 13.0;
    sheet.put(MARGIN, 9.5, false, INK, &format!("Consultant radiologist, {}", plan.hospital.institution()));
}

/// A font for drawing and the same font for measuring.
struct Face<'a> {
    font: Font,
    metrics: ttf_parser::Face<'a>,
}

impl Face<'_> {
    fn new(bytes: &'static [u8]) -> Option<Face<'static>> {
        Some(Face { font: Font::new(bytes.to_vec().into(), 0)?, metrics: ttf_parser::Face::parse(bytes, 0).ok()? })
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let units: u32 = text
            .chars()
            .filter_map(|letter| self.metrics.glyph_index(letter))
            .filter_map(|glyph| self.metrics.glyph_hor_advance(glyph))
            .map(u32::from)
            .sum();
        units as f32 * size / f32::from(self.metrics.units_per_em().max(1))
    }
}

struct Sheet<'a> {
    surface: Surface<'a>,
    regular: Face<'static>,
    bold: Face<'static>,
    /// Base line of the next text.
    y: f32,
}

impl Sheet<'_> {
    fn fill(&mut self, colour: (u8, u8, u8)) {
        let paint = rgb::Color::new(colour.0, colour.1, colour.2).into();
        self.surface.set_fill(Some(Fill { paint, ..Fill::default() }));
    }

    fn rectangle(&mut self, x: f32, y: f32, width: f32, height: f32, colour: (u8, u8, u8)) {
        let mut builder = PathBuilder::new();
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            builder.push_rect(rect);
        }
        if let Some(path) = builder.finish() {
            self.fill(colour);
            self.surface.draw_path(&path);
        }
    }

    fn line(&mut self, x: f32, y: f32, width: f32, thickness: f32, colour: (u8, u8, u8)) {
        self.rectangle(x, y, width, thickness, colour);
    }

    fn put(&mut self, x: f32, size: f32, bold: bool, colour: (u8, u8, u8), text: &str) {
        if text.is_empty() {
            return;
        }
        self.fill(colour);
        let font = if bold { self.bold.font.clone() } else { self.regular.font.clone() };
        self.surface.draw_text(Point::from_xy(x, self.y), font, size, text, false, TextDirection::LeftToRight);
    }

    fn put_right(&mut self, right: f32, size: f32, bold: bool, colour: (u8, u8, u8), text: &str) {
        let face = if bold { &self.bold } else { &self.regular };
        let x = right - face.width(text, size);
        self.put(x, size, bold, colour, text);
    }

    /// A heading and its paragraphs; nothing when there is no text. `numbered` puts 1., 2. before them.
    fn section(&mut self, heading: &str, paragraphs: &[String], numbered: bool) {
        if paragraphs.iter().all(String::is_empty) {
            return;
        }
        self.y += 10.0;
        self.put(MARGIN, 10.5, true, ACCENT, heading);
        self.y += 15.0;
        for (index, paragraph) in paragraphs.iter().enumerate() {
            let indent = if numbered { 16.0 } else { 0.0 };
            if numbered {
                self.put(MARGIN, 10.0, true, INK, &format!("{}.", index + 1));
            }
            let lines = wrap(&self.regular, paragraph, 10.0, WIDTH - 2.0 * MARGIN - indent);
            for line in lines {
                self.put(MARGIN + indent, 10.0, numbered, INK, &line);
                self.y += 14.0;
            }
            self.y += 3.0;
        }
    }
}

/// Lines no wider than `width`; a single longer word stands alone.
fn wrap(face: &Face<'_>, text: &str, size: f32, width: f32) -> Vec<String> {
    // Bold text is a little wider; keep a reserve so that both faces fit.
    let width = width * 0.94;
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
        if !line.is_empty() && face.width(&longer, size) > width {
            lines.push(std::mem::replace(&mut line, word.to_string()));
        } else {
            line = longer;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `YYYYMMDD…` as `12 March 2026`; the text itself when it is no date.
fn long_date(da: &str) -> String {
    let number = |range: std::ops::Range<usize>| da.get(range).and_then(|text| text.parse::<usize>().ok());
    match (number(0..4), number(4..6), number(6..8)) {
        (Some(year), Some(month @ 1..=12), Some(day)) => format!("{day} {} {year}", MONTHS[month - 1]),
        _ => da.to_string(),
    }
}

fn short_time(tm: &str) -> String {
    match (tm.get(..2), tm.get(2..4)) {
        (Some(hour), Some(minute)) => format!("{hour}:{minute}"),
        _ => String::new(),
    }
}

/// `Family^Given^^Prefix` as `Prefix Given Family`.
fn spoken_name(pn: &str) -> String {
    let part = |index: usize| pn.split('^').nth(index).unwrap_or("");
    let given_first = [part(3), part(1)];
    let family = readable_name(part(0));
    let mut words: Vec<&str> = given_first.into_iter().filter(|word| !word.is_empty()).collect();
    let family: String = family
        .split(' ')
        .map(|word| {
            word.chars()
                .enumerate()
                .map(|(i, c)| if i == 0 { c } else { c.to_lowercase().next().unwrap_or(c) })
                .collect::<String>()
        })
        .collect::<Vec<_>>()
        .join(" ");
    words.push(&family);
    words.join(" ")
}

impl crate::ReportText {
    /// The author as `Dr. Märta Lindqvist`.
    pub fn author_readable(&self) -> String {
        spoken_name(self.author)
    }
}

fn written_at(stamp: &str, plan: &StudyPlan) -> DateTime {
    let number =
        |range: std::ops::Range<usize>| stamp.get(range).and_then(|text| text.parse::<u16>().ok()).unwrap_or(0);
    let byte = |range| u8::try_from(number(range)).unwrap_or(0);
    let offset = if plan.utc_offset() == "+0200" { 2 } else { 1 };
    DateTime::new(number(0..4))
        .month(byte(4..6).clamp(1, 12))
        .day(byte(6..8).clamp(1, 31))
        .hour(byte(8..10).min(23))
        .minute(byte(10..12).min(59))
        .second(byte(12..14).min(59))
        .utc_offset_hour(offset)
        .utc_offset_minute(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PATIENTS, seed_studies};

    #[test]
    fn every_seeded_report_fits_one_page_and_is_the_same_twice() {
        let plans = seed_studies();
        for plan in plans.iter().filter(|plan| plan.has_report()) {
            let pdf = report_pdf(plan, &PATIENTS[plan.patient]).unwrap();
            assert!(pdf.starts_with(b"%PDF-1.7") || pdf.starts_with(b"%PDF-1."), "{}", plan.key);
            assert!(pdf.len() < 100_000, "{} octets", pdf.len());
            assert_eq!(pdf, report_pdf(plan, &PATIENTS[plan.patient]).unwrap());
        }
        let silent = plans.iter().find(|plan| !plan.has_report()).unwrap();
        assert!(report_pdf(silent, &PATIENTS[0]).is_err());
    }

    #[test]
    fn names_and_dates_are_written_for_people() {
        assert_eq!(spoken_name("LINDQVIST^Märta^^Dr."), "Dr. Märta Lindqvist");
        assert_eq!(long_date("20260312101503"), "12 March 2026");
    }

    #[test]
    fn lines_are_no_wider_than_asked() {
        let face = Face::new(REGULAR).unwrap();
        let text = "A round opacity of about 15 mm projects over the right lower zone. Otherwise the lungs are clear.";
        let lines = wrap(&face, text, 10.0, 200.0);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| face.width(line, 10.0) <= 200.0));
        assert_eq!(lines.join(" "), text);
    }
}
