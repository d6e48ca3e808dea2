//! The human readable part of a manifest: what a reader without knowledge of MADO sees. Source: spec/mcwg.md 4.8 (Composition
//! row); http://hl7.org/fhir/R4/narrative.html.

use super::resources::Narrative;
use super::time;
use model::{Manifest, ManifestSeries};

/// Rows of a table in XHTML.
struct Table(String);

impl Table {
    fn new() -> Self {
        Table("<div xmlns=\"http://www.w3.org/1999/xhtml\"><table><tbody>".to_owned())
    }

    fn row(&mut self, name: &str, value: &str) {
        if !value.trim().is_empty() {
            self.0.push_str(&format!("<tr><td><b>{name}</b></td><td>{}</td></tr>", escape(value.trim())));
        }
    }

    fn end(mut self) -> Narrative<'static> {
        // A table needs a row.
        if self.0.ends_with("<tbody>") {
            self.row("Content", "nothing is known");
        }
        self.0.push_str("</tbody></table></div>");
        Narrative { status: Some("generated".into()), div: Some(self.0.into()) }
    }
}

/// Text for XHTML; characters that XML 1.0 does not have are left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {}
            c => out.push(c),
        }
    }
    out
}

/// Patient, creator, study, dates, modalities, regions, requests and the link to a viewer.
pub(super) fn study(manifest: &Manifest, modalities: &[&str], created: &str) -> Narrative<'static> {
    let m = manifest;
    let labels = |codes: &[model::Code]| codes.iter().map(model::Code::label).collect::<Vec<_>>().join(", ");
    let zone = m.timezone.as_deref();
    let mut table = Table::new();
    table.row("Study Instance UID", m.study.as_str());
    table.row("Subject", &m.patient_name.display());
    table.row("Author", &m.manufacturer);
    table.row("Organization", &m.institution.as_ref().map(model::Xon::name).unwrap_or_default());
    table.row("Created", created);
    table.row("Description", m.study_description.as_deref().unwrap_or(""));
    let started = time::date_time(m.study_date.as_deref(), m.study_time.as_deref(), zone);
    table.row("Study start", started.as_deref().unwrap_or(""));
    table.row("Modalities", &modalities.join(", "));
    table.row("Anatomical regions", &labels(&m.regions));
    for order in &m.orders {
        table.row("Accession number", &order.accession_number);
    }
    table.row("Procedures", &labels(&m.procedures));
    table.row("Number of series", &m.series.len().to_string());
    // Only an address that a browser may follow becomes a link; the resource has it whatever it is.
    if let Some(uri) = m.display_uri.as_deref().filter(|uri| uri.starts_with("https://") || uri.starts_with("http://"))
    {
        table.0.push_str(&format!("<tr><td><b>Viewer</b></td><td><a href=\"{0}\">{0}</a></td></tr>", escape(uri)));
    }
    table.end()
}

/// Title and table of one series.
pub(super) fn series(series: &ManifestSeries, offset: Option<&str>) -> (String, Narrative<'static>) {
    let words = ["Series", series.number.as_deref().unwrap_or(""), series.modality.as_deref().unwrap_or("")];
    let title: Vec<&str> = words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    let mut table = Table::new();
    table.row("Series Instance UID", series.uid.as_str());
    table.row("Modality", series.modality.as_deref().unwrap_or(""));
    table.row("Description", series.description.as_deref().unwrap_or(""));
    table.row("Number of instances", &series.instances.len().to_string());
    table.row("Body site", series.region.as_ref().map_or("", model::Code::label));
    table.row("Laterality", series.laterality.as_ref().map_or("", model::Code::label));
    let started = time::date_time(series.date.as_deref(), series.time.as_deref(), offset);
    table.row("Started", started.as_deref().unwrap_or(""));
    (title.join(" "), table.end())
}
