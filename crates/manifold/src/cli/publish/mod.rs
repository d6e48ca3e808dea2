//! `manifold publish`: DICOM files become a stored study (its node makes the manifest), a PDF or CDA becomes a report.
//! Source: design.md section 2.

mod facts;
pub mod files;
mod report;
mod sending;

use super::connection::{Connection, Parties, Via};
use super::output::{self, Format};
use super::stop::Stop;
use clap::Args;
pub use facts::identity;
#[cfg(test)]
pub use facts::tests::sample_entry;
use files::NotSendable;
use model::{PatientId, StudyInstanceUid, UniqueId, Xcn, Xon};
use report::{Published, ReportFile, Wishes};
use sending::{Destination, Object, Sent};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Publishes studies and reports.
///
/// DICOM files and folders are sent to the node's archive, which makes the manifest when the study is complete. A report
/// (PDF or CDA) goes to a repository; what it has to know of its studies is read from their manifests, so that both share
/// their identifiers.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold publish study/ --endpoints demo.json --node north\n  manifold publish --report report.pdf --patient P0001 --study 2.25.123 --endpoints demo.json --node north\n  manifold publish study/ --dicom 10.0.0.7:11112 --aet PACS1"
)]
pub struct Publish {
    /// DICOM files, or folders of them
    #[arg(value_name = "PATH", required_unless_present = "report")]
    pub paths: Vec<PathBuf>,
    /// A report as PDF or CDA
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Patient the report is about: ID of the endpoints file's domain, OID|ID, or ID^^^&OID&ISO
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Study the report is about; may be given several times. Without it, the studies sent along
    #[arg(long, value_name = "UID")]
    pub study: Vec<String>,
    /// Title of the report; without it the study's
    #[arg(long, value_name = "T", requires = "report")]
    pub title: Option<String>,
    /// The report is a draft: it says so and nobody has signed it
    #[arg(long, requires = "report", conflicts_with = "final_")]
    pub preliminary: bool,
    /// The report is final (the default)
    #[arg(long = "final", id = "final_", requires = "report")]
    pub final_: bool,
    /// uniqueId of the report that this one takes the place of
    #[arg(long, value_name = "UID", requires = "report")]
    pub replaces: Option<String>,
    /// Publish the report by ITI-41 or by ITI-65; without it by ITI-41 where somebody answers that
    #[arg(long, value_enum, requires = "report")]
    pub via: Option<Via>,
    /// Who wrote the report: Family^Given, or an XCN
    #[arg(long, value_name = "NAME", requires = "report")]
    pub author: Option<String>,
    /// Institution of the report (XON); without it the study's
    #[arg(long, value_name = "XON", requires = "report")]
    pub institution: Option<String>,
    /// Language of the report
    #[arg(long, value_name = "TAG", default_value = "en")]
    pub language: String,
    /// Archive to send to, instead of the endpoints file's
    #[arg(long, value_name = "HOST:PORT", requires = "aet")]
    pub dicom: Option<String>,
    /// AE title of that archive
    #[arg(long, value_name = "AET", requires = "dicom")]
    pub aet: Option<String>,
    /// AE title to send as; the archive knows by it which institution a study belongs to
    #[arg(long, value_name = "AET", default_value = "MANIFOLD")]
    pub calling_aet: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Publish) -> Result<(), Stop> {
    super::log_when_asked();
    let parties = Parties::open(&options.connection)?;
    let patient = options.patient.as_deref().map(|id| parties.patient_id(id)).transpose()?;
    let mut studies = Vec::new();
    for uid in &options.study {
        studies.push(StudyInstanceUid::parse(uid).map_err(Stop::usage)?);
    }
    let wishes = options.wishes(&parties)?;
    // Looked at before anything is sent: half of what was asked for is worse than nothing.
    let report = options.report.as_deref().map(report::read).transpose()?;
    let objects = objects(&options.paths)?;
    if let Some(patient) = &patient {
        same_patient(&objects, patient)?;
    }
    let sent = match objects.is_empty() {
        true => Vec::new(),
        false => send(&options, &parties, objects.clone()).await?,
    };
    if options.format == Format::Table && !sent.is_empty() {
        output::print(&sent_text(&sent))?;
    }
    let all_stored = sent.iter().all(|s| s.accepted);
    let published = match report {
        Some(_) if !all_stored => {
            output::note("the report was not published, because not all of its study was stored");
            None
        }
        Some(report) => {
            if studies.is_empty() {
                studies = studies_of(&objects)?;
            }
            let patient = patient.map_or_else(|| patient_of(&report, &objects, &parties), |p| Ok(Some(p)))?;
            Some(report::publish(&parties, report, patient, studies, &wishes).await?)
        }
        None => None,
    };
    match options.format {
        Format::Json => output::print_json(&result_json(&sent, published.as_ref()))?,
        Format::Table => {
            if let Some(published) = &published {
                output::print(&published_text(published))?;
            }
            if published.is_none() && !sent.is_empty() && all_stored {
                let wait = parties.endpoints.as_ref().and_then(|e| e.quiet_time_ms);
                let wait = wait.map(|ms| format!(" for {} s", ms.div_ceil(1000))).unwrap_or_default();
                output::note(&format!("the manifest is published when nothing more came{wait}"));
            }
        }
    }
    if all_stored { Ok(()) } else { Err(Stop::Told) }
}

impl Publish {
    fn wishes(&self, parties: &Parties) -> Result<Wishes, Stop> {
        let replaces = self.replaces.as_deref().map(UniqueId::parse).transpose();
        let institution = self.institution.as_deref().map(Xon::parse).transpose();
        // With objects sent along, their manifest follows after the quiet time.
        let patience = match self.paths.is_empty() {
            true => Duration::ZERO,
            false => {
                let quiet = parties.endpoints.as_ref().and_then(|e| e.quiet_time_ms).unwrap_or(30_000);
                Duration::from_millis(quiet.min(600_000)) + Duration::from_secs(30)
            }
        };
        Ok(Wishes {
            title: self.title.clone(),
            preliminary: self.preliminary,
            replaces: replaces.map_err(|e| Stop::usage(format!("--replaces: {e}")))?,
            author: self.author.as_deref().map(author).transpose()?,
            institution: institution.map_err(|e| Stop::usage(format!("--institution: {e}")))?,
            language: self.language.clone(),
            patience,
            via: self.via,
        })
    }
}

/// `Family^Given`, or an XCN: that has an authority or begins with its empty identifier.
fn author(text: &str) -> Result<Xcn, Stop> {
    if text.starts_with('^') || text.contains('&') {
        return Xcn::parse(text).map_err(|e| Stop::usage(format!("--author: {e}")));
    }
    let (family, given) = text.split_once('^').unwrap_or((text, ""));
    if family.trim().is_empty() {
        return Err(Stop::usage("--author must be Family^Given, or an XCN"));
    }
    Ok(Xcn::from_name(family.trim(), given.trim()))
}

/// Headers of everything that is to be sent. A file that was named must be an object; others in a folder need not.
fn objects(paths: &[PathBuf]) -> Result<Vec<Object>, Stop> {
    let candidates = files::collect(paths)?;
    let bar = output::progress(candidates.len() as u64, "files looked at");
    let mut objects = Vec::new();
    let mut others = 0;
    for candidate in candidates {
        bar.inc(1);
        match files::header(&candidate.path) {
            Ok(header) => objects.push(Object { path: candidate.path, header }),
            Err(NotSendable::Other) if !candidate.named => others += 1,
            Err(reason) => {
                return Err(Stop::failed(format!("{}: {reason}; nothing was sent", candidate.path.display())));
            }
        }
    }
    bar.finish_and_clear();
    if others > 0 {
        output::note(&format!("{others} files are no DICOM objects and were left out"));
    }
    if objects.is_empty() && !paths.is_empty() {
        return Err(Stop::failed("there is no DICOM object among the files given"));
    }
    Ok(objects)
}

/// Objects of somebody else must not go out under the patient that was named.
fn same_patient(objects: &[Object], patient: &PatientId) -> Result<(), Stop> {
    let other = objects.iter().find(|o| o.header.patient.id.as_deref().map(str::trim) != Some(patient.id.as_str()));
    match other {
        Some(other) => Err(Stop::failed(format!(
            "{} has another Patient ID than the --patient given; nothing was sent",
            other.path.display()
        ))),
        None => Ok(()),
    }
}

fn studies_of(objects: &[Object]) -> Result<Vec<StudyInstanceUid>, Stop> {
    let mut studies: Vec<StudyInstanceUid> = Vec::new();
    for object in objects {
        let study = StudyInstanceUid::parse(&object.header.study_instance_uid).map_err(Stop::failed)?;
        if !studies.contains(&study) {
            studies.push(study);
        }
    }
    Ok(studies)
}

/// The patient of a PDF is that of the objects sent along; a CDA names its own.
fn patient_of(report: &ReportFile, objects: &[Object], parties: &Parties) -> Result<Option<PatientId>, Stop> {
    let ReportFile::Pdf(_) = report else { return Ok(None) };
    let mut ids: Vec<&str> = objects.iter().filter_map(|o| o.header.patient.id.as_deref()).collect();
    ids.sort_unstable();
    ids.dedup();
    match ids.as_slice() {
        [] => Ok(None),
        [id] => parties.patient_id(id).map(Some),
        _ => Err(Stop::usage("the objects belong to several patients: say whose report it is by --patient ID")),
    }
}

async fn send(options: &Publish, parties: &Parties, objects: Vec<Object>) -> Result<Vec<Sent>, Stop> {
    let (address, called) = match (&options.dicom, &options.aet) {
        (Some(address), Some(aet)) => (address.clone(), aet.clone()),
        _ => archive(parties)?,
    };
    let timeout = Duration::from_secs(10);
    let to = Destination { address, called, calling: options.calling_aet.clone(), timeout };
    let bar = output::progress(objects.len() as u64, "objects sent");
    let progress = bar.clone();
    let sent = tokio::task::spawn_blocking(move || sending::send(&objects, &to, || progress.inc(1)))
        .await
        .map_err(|e| Stop::failed(format!("sending broke off: {e}")))?;
    bar.finish_and_clear();
    sent
}

/// Address and AE title of the archive. Only the node that was named will do: another hospital's archive is no substitute.
pub fn archive(parties: &Parties) -> Result<(String, String), Stop> {
    let Some(endpoints) = &parties.endpoints else {
        return Err(Stop::usage(
            "nothing says where to send: give --endpoints FILE --node NAME or --dicom HOST:PORT --aet AET",
        ));
    };
    let node = match &parties.connection.node {
        Some(name) => endpoints.node(name)?,
        None => {
            let archives: Vec<_> = endpoints.nodes.iter().filter(|n| n.get("DIMSE").is_some()).collect();
            match archives.as_slice() {
                [one] => *one,
                several => {
                    let names: Vec<&str> = several.iter().map(|n| n.name.as_str()).collect();
                    return Err(Stop::usage(format!("say to which archive by --node: {}", names.join(", "))));
                }
            }
        }
    };
    match (node.get("DIMSE"), node.get("DIMSE-AET")) {
        (Some(address), Some(aet)) => Ok((address.to_owned(), aet.to_owned())),
        _ => Err(Stop::usage(format!("node {} takes no DICOM objects (it has no DIMSE address)", node.name))),
    }
}

fn sent_text(sent: &[Sent]) -> String {
    let rows =
        sent.iter().map(|s| [s.path.display().to_string(), s.sop_instance.clone(), s.outcome(), s.remark.clone()]);
    let mut text = output::table(["file", "instance", "result", "remark"], rows);
    let stored = sent.iter().filter(|s| s.accepted).count();
    let mut studies: Vec<&str> = sent.iter().map(|s| s.study.as_str()).collect();
    studies.sort_unstable();
    studies.dedup();
    text.push_str(&format!("\n{stored} of {} objects stored, of {} studies\n", sent.len(), studies.len()));
    for study in studies {
        text.push_str(&format!("study {study}\n"));
    }
    text
}

fn result_json(sent: &[Sent], published: Option<&Published>) -> Value {
    json!({ "objects": sent.iter().map(sent_json).collect::<Vec<_>>(), "report": published.map(published_json) })
}

fn sent_json(sent: &Sent) -> Value {
    json!({
        "file": sent.path, "study_uid": sent.study, "sop_instance_uid": sent.sop_instance, "accepted": sent.accepted,
        "status": sent.status.map(|s| format!("{s:04x}")), "remark": Some(&sent.remark).filter(|r| !r.is_empty()),
    })
}

fn published_text(published: &Published) -> String {
    let mut text = format!("report published at {}\n", published.at);
    if let Some(replaced) = &published.replaced {
        text.push_str(&format!("takes the place of {replaced}\n"));
    }
    for study in published.entry.study_instance_uids() {
        text.push_str(&format!("about study {}\n", output::visible(study)));
    }
    for warning in &published.warnings {
        text.push_str(&format!("warning: {}\n", output::visible(&warning.to_string())));
    }
    text.push_str(&format!("uniqueId {}\n", published.entry.unique_id));
    text
}

fn published_json(published: &Published) -> Value {
    json!({
        "unique_id": published.entry.unique_id.as_str(), "published_at": published.at,
        "replaces": published.replaced.as_ref().map(|r| r.as_str()),
        "study_uids": published.entry.study_instance_uids().collect::<Vec<_>>(),
        "reference_ids": published.entry.reference_id_list.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "patient_id": published.entry.patient_id.to_string(), "title": published.entry.title.value(),
        "format_code": published.entry.format_code.code,
        "warnings": published.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn object(patient: &str, study: &str) -> Object {
        let mut header = dicom::Header { study_instance_uid: study.into(), ..dicom::Header::default() };
        header.patient.id = Some(patient.into());
        Object { path: "f.dcm".into(), header }
    }

    fn parties(file: &str, node: Option<&str>) -> Parties {
        let connection = Connection { node: node.map(str::to_owned), ..Connection::default() };
        let mut parties = Parties::open(&connection).unwrap();
        parties.endpoints = Some(super::super::endpoints::Endpoints::parse(file, Path::new("e.json")).unwrap());
        parties
    }

    #[test]
    fn what_is_printed_is_what_the_schema_says() {
        let sent = Sent {
            path: "a.dcm".into(),
            study: "2.25.1".into(),
            sop_instance: "2.25.2".into(),
            status: Some(0xA900),
            accepted: false,
            remark: "no".into(),
        };
        let published = Published { entry: sample_entry(), at: "central".into(), replaced: None, warnings: vec![] };
        super::super::schemas::check_schema("publish", &result_json(&[sent], Some(&published)));
        super::super::schemas::check_schema("publish", &result_json(&[], None));
    }

    const TWO: &str = r#"{"patient_domain":"2.999.7","nodes":[
        {"name":"central","endpoints":{}},
        {"name":"north","endpoints":{"DIMSE":"h:1","DIMSE-AET":"NORTH"}},
        {"name":"south","endpoints":{"DIMSE":"h:2","DIMSE-AET":"SOUTH"}}]}"#;

    #[test]
    fn an_archive_is_never_guessed() {
        assert_eq!(archive(&parties(TWO, Some("south"))).unwrap(), ("h:2".into(), "SOUTH".into()));
        assert_eq!(
            archive(&parties(TWO, None)).err(),
            Some(Stop::Usage("say to which archive by --node: north, south".into()))
        );
        assert!(matches!(archive(&parties(TWO, Some("central"))), Err(Stop::Usage(_))));
        let one = r#"{"nodes":[{"name":"n","endpoints":{"DIMSE":"h:1","DIMSE-AET":"N"}}]}"#;
        assert_eq!(archive(&parties(one, None)).unwrap().1, "N");
    }

    #[test]
    fn objects_of_somebody_else_are_not_sent() {
        let patient = PatientId::new("P1", model::Oid::parse("2.999.7").unwrap());
        assert!(same_patient(&[object("P1", "2.25.1"), object("P1 ", "2.25.1")], &patient).is_ok());
        assert!(matches!(same_patient(&[object("P1", "1"), object("P2", "1")], &patient), Err(Stop::Failed(_))));
    }

    #[test]
    fn a_pdf_belongs_to_the_patient_of_the_objects_sent_along() {
        let parties = parties(TWO, None);
        let pdf = ReportFile::Pdf(Vec::new());
        let of = |objects: &[Object]| patient_of(&pdf, objects, &parties);
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[object("P1", "2.25.1")]).unwrap().unwrap().to_string(), "P1^^^&2.999.7&ISO");
        assert!(of(&[object("P1", "2.25.1"), object("P2", "2.25.2")]).is_err());
    }

    #[test]
    fn studies_are_named_once_each() {
        let studies = studies_of(&[object("P", "2.25.1"), object("P", "2.25.2"), object("P", "2.25.1")]).unwrap();
        assert_eq!(studies.iter().map(|s| s.as_str()).collect::<Vec<_>>(), ["2.25.1", "2.25.2"]);
    }

    #[test]
    fn an_author_is_a_name_or_an_xcn() {
        assert_eq!(author("Radio^Rita").unwrap().as_str(), "^Radio^Rita");
        assert_eq!(author("R1^Radio^Rita^^^^^^&2.999.1&ISO").unwrap().component(1), "R1");
        assert!(author("").is_err() && author("^").is_err());
    }
}
