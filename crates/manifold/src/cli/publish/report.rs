//! Publishing a report: a PDF is wrapped as CDA (XDS-SD with the imaging header), a CDA goes out as it is; a DICOM SR is
//! refused. Source: spec/mcwg.md 3.4, 3.6, R-56; spec/reports.md sections 11 and 14.

use super::super::connection::{Parties, Via, circumstances};
use super::super::stop::Stop;
use super::super::{documents, output};
use super::facts::{self, StudyFacts};
use actors::{DocumentContent, Fault, ProvidedDocument};
use dicom::sop_classes::{Payload, storage_class};
use hl7v3::cda::{self, CdaDocument, EntryDefaults, Relation};
use hl7v3::pdf;
use model::{
    AvailabilityStatus, Code, DocumentEntry, Invalid, ObjectId, Oid, Order, PatientId, Report, ReportContent,
    StudyInstanceUid, UniqueId, Xcn, Xon, schemes,
};
use std::path::Path;
use std::time::Duration;
use transactions::report_source::{self, Outgoing};

/// Largest report that is read into memory, octets.
const MOST_OCTETS: u64 = 64 << 20;
/// SubmissionSet.sourceId of the command line.
const SOURCE_ID: &str = "2.25.248427126555077267715136301672050488401";

/// A report file, looked at.
pub enum ReportFile {
    Pdf(Vec<u8>),
    Cda(Box<CdaDocument>, Vec<u8>),
}

/// What the user said about the report.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    pub title: Option<String>,
    pub preliminary: bool,
    pub replaces: Option<UniqueId>,
    pub author: Option<Xcn>,
    pub institution: Option<Xon>,
    pub language: String,
    /// For manifests that are still on their way.
    pub patience: Duration,
    /// By ITI-41 or ITI-65.
    pub via: Option<Via>,
}

/// A published report.
#[derive(Clone, Debug)]
pub struct Published {
    pub entry: DocumentEntry,
    pub at: String,
    pub replaced: Option<UniqueId>,
    pub warnings: Vec<Invalid>,
}

/// Reads a report and says what it is.
///
/// Errors: no PDF or CDA; a locked PDF; a DICOM object, and an SR with the reason of R-56.
pub fn read(path: &Path) -> Result<ReportFile, Stop> {
    let shown = path.display();
    let failed = |reason: String| Stop::failed(format!("{shown} cannot be published as a report: {reason}"));
    let length = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
    if length > MOST_OCTETS {
        return Err(failed(format!("it has {length} octets, at most {MOST_OCTETS} are taken")));
    }
    let bytes = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).trim_ascii_start();
    if bytes.get(128..132) == Some(b"DICM") {
        return Err(failed(dicom_reason(&bytes)));
    }
    if text.starts_with(b"{") {
        return Err(Stop::not_available(&format!("publishing a FHIR document ({shown})")));
    }
    if text.starts_with(b"<") {
        let document = cda::decode(&bytes).map_err(|e| failed(format!("it is no CDA document: {e}")))?;
        return Ok(ReportFile::Cda(Box::new(document), bytes));
    }
    let facts = pdf::check(&bytes).map_err(|e| failed(e.to_string()))?;
    if facts.encrypted {
        return Err(failed(
            "the PDF is encrypted, so not every reader could open it; export it without protection".into(),
        ));
    }
    if !facts.active_content.is_empty() {
        let kinds: Vec<String> = facts.active_content.iter().map(|k| format!("{k:?}")).collect();
        output::note(&format!("{shown} holds active content ({}), which viewers will not run", kinds.join(", ")));
    }
    Ok(ReportFile::Pdf(bytes))
}

fn dicom_reason(bytes: &[u8]) -> String {
    let class = dicom::Header::from_slice(bytes).map(|h| h.sop_class_uid).unwrap_or_default();
    match storage_class(&class).map(|c| c.payload) {
        Some(Payload::StructuredReport) => {
            "it is a DICOM Structured Report. Reports are shared as CDA or PDF, not as DICOM SR (R-56): an SR is part of \
             its study and nobody would find it as a report. Give it as a PATH to publish it with the study, and the \
             readable report as PDF or CDA"
                .to_owned()
        }
        Some(Payload::Pdf | Payload::Cda) => {
            "it is a DICOM object with a document inside; give the document itself, and the object as a PATH".to_owned()
        }
        _ => "it is a DICOM object; give it as a PATH, it belongs to the study".to_owned(),
    }
}

/// Publishes a report about a patient and studies.
pub async fn publish(
    parties: &Parties,
    file: ReportFile,
    patient: Option<PatientId>,
    studies: Vec<StudyInstanceUid>,
    wishes: &Wishes,
) -> Result<Published, Stop> {
    match file {
        ReportFile::Pdf(bytes) => publish_pdf(parties, bytes, patient, &studies, wishes).await,
        ReportFile::Cda(document, bytes) => publish_cda(parties, &document, bytes, patient, &studies, wishes).await,
    }
}

async fn publish_pdf(
    parties: &Parties,
    bytes: Vec<u8>,
    patient: Option<PatientId>,
    studies: &[StudyInstanceUid],
    wishes: &Wishes,
) -> Result<Published, Stop> {
    let patient = patient.ok_or_else(|| Stop::usage("a PDF does not say whose it is: give --patient ID"))?;
    let (at, repository) = parties.publish_to(wishes.via)?;
    let facts = facts::studies(parties, &patient, studies, wishes.patience).await?;
    let replaced = match &wishes.replaces {
        Some(id) => Some(replaced(parties, id, &patient).await?),
        None => None,
    };
    let subject = facts::patient(parties, &patient, &facts).await?;
    let cx = circumstances();
    let unique_id = UniqueId::parse(&cx.identifiers.uid()).map_err(Stop::failed)?;
    let report = report(bytes, subject, &facts, replaced.as_ref(), wishes, unique_id, cx.now())?;
    for finding in cda::findings(&report) {
        match finding.field.as_str() {
            "author" => output::note("the report does not say who wrote it; --author does"),
            _ => output::note(&output::visible(&finding.to_string())),
        }
    }
    let outgoing = Outgoing {
        report: &report,
        study_codes: facts.iter().map(|f| (f.study.study.clone(), f.codes.clone())).collect(),
        replaces: replaced.iter().map(|r| r.entry.id.clone()).collect(),
        source_id: source_id()?,
    };
    let (entry, registered) =
        report_source::publish(outgoing, &*repository, &cx).await.map_err(|r| refused(&r, &patient, &at.name))?;
    let replaced = replaced.map(|r| r.entry.unique_id);
    Ok(Published { entry, at: at.name, replaced, warnings: registered.warnings })
}

/// The report that a PDF becomes.
fn report(
    pdf: Vec<u8>,
    patient: model::Patient,
    facts: &[StudyFacts],
    replaced: Option<&Replaced>,
    wishes: &Wishes,
    unique_id: UniqueId,
    now: model::Dtm,
) -> Result<Report, Stop> {
    let institution = wishes.institution.clone().or_else(|| facts.iter().find_map(|f| f.institution.clone()));
    let institution = institution.ok_or_else(|| {
        Stop::usage(
            "nothing says which institution the report is of: give --institution XON, or --study of a published study",
        )
    })?;
    let title = wishes.title.clone().or_else(|| facts.iter().find_map(|f| f.title.clone()));
    let title = title.unwrap_or_else(|| "Imaging report".to_owned());
    let title = if wishes.preliminary { format!("Preliminary: {title}") } else { title };
    let mut orders: Vec<Order> = Vec::new();
    for order in facts.iter().flat_map(|f| &f.orders) {
        if !orders.contains(order) {
            orders.push(order.clone());
        }
    }
    Ok(Report {
        set_id: replaced.map_or_else(|| unique_id.clone(), |r| r.set_id.clone()),
        version: replaced.map_or(1, |r| r.version.saturating_add(1)),
        replaces: replaced.map(|r| r.entry.unique_id.clone()),
        unique_id,
        patient,
        title,
        kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
        language: wishes.language.clone(),
        effective_time: now,
        // Who only drafted it has not signed it (spec/reports.md R16).
        legal_authenticator: wishes.author.clone().filter(|_| !wishes.preliminary),
        author: wishes.author.clone(),
        institution,
        studies: facts.iter().map(|f| f.study.clone()).collect(),
        orders,
        content: ReportContent::Pdf(pdf),
    })
}

async fn publish_cda(
    parties: &Parties,
    document: &CdaDocument,
    bytes: Vec<u8>,
    patient: Option<PatientId>,
    studies: &[StudyInstanceUid],
    wishes: &Wishes,
) -> Result<Published, Stop> {
    if wishes.title.is_some() || wishes.author.is_some() || wishes.preliminary {
        return Err(Stop::usage(
            "a CDA document is published as it is: --title, --author and --preliminary are for a PDF",
        ));
    }
    let patient = match patient {
        Some(patient) => patient,
        None => patient_of(document, parties.domain()?.as_ref())?,
    };
    let own = document.patient_ids.iter().find(|id| id.domain == patient.domain);
    if own.is_some_and(|own| *own != patient) {
        return Err(Stop::failed(
            "the CDA document is about another patient than the --patient given; nothing was published",
        ));
    }
    let (at, repository) = parties.publish_to(wishes.via)?;
    let cx = circumstances();
    let mut defaults = EntryDefaults::new(cx.identifiers.entry_uuid());
    if !studies.is_empty() {
        let named: Vec<&str> = document.studies.iter().filter_map(|s| s.study.as_ref()).map(|s| s.as_str()).collect();
        if let Some(other) = studies.iter().find(|s| !named.contains(&s.as_str())) {
            return Err(Stop::failed(format!(
                "the CDA document does not name study {other}; it names {}",
                if named.is_empty() { "none".to_owned() } else { named.join(", ") }
            )));
        }
        // Modality and region as on the manifests, where the document does not say them.
        for facts in facts::studies(parties, &patient, studies, wishes.patience).await? {
            defaults.event_code_list.extend(facts.codes);
        }
        defaults.event_code_list.dedup_by(|a, b| a.means(b));
    }
    let mut entry = document.document_entry(&patient, &defaults).map_err(Stop::failed)?;
    if entry.authors.is_empty()
        && let Some(institution) = wishes.institution.clone().or_else(|| document.custodian.clone())
    {
        entry.authors.push(model::Author { institutions: vec![institution], ..model::Author::default() });
    }
    let replaced = match &wishes.replaces {
        Some(id) => Some(replaced(parties, id, &patient).await?),
        None => None,
    };
    if let Some(own) = document.related.iter().find(|r| r.relation == Relation::Replaces)
        && replaced.is_none()
    {
        output::note(&format!(
            "the document says that it replaces {}; give --replaces {} to have the registry do so",
            own.unique_id, own.unique_id
        ));
    }
    let replaces: Vec<ObjectId> = replaced.iter().map(|r| r.entry.id.clone()).collect();
    let submission = report_source::submission(entry.clone(), &replaces, source_id()?, &cx);
    let documents =
        vec![ProvidedDocument { entry_id: entry.id.clone(), content: DocumentContent::Memory(bytes.into()) }];
    let registered =
        repository.provide(submission, documents, &cx).await.map_err(|r| refused(&r, &patient, &at.name))?;
    let replaced = replaced.map(|r| r.entry.unique_id);
    Ok(Published { entry, at: at.name, replaced, warnings: registered.warnings })
}

fn patient_of(document: &CdaDocument, domain: Option<&Oid>) -> Result<PatientId, Stop> {
    let in_domain = document.patient_ids.iter().find(|id| Some(&id.domain) == domain);
    in_domain.cloned().ok_or_else(|| {
        let domains: Vec<&str> = document.patient_ids.iter().map(|id| id.domain.as_str()).collect();
        Stop::usage(format!(
            "the CDA document has no patient id of the affinity domain (its domains: {}); give --patient ID",
            if domains.is_empty() { "none".to_owned() } else { domains.join(", ") }
        ))
    })
}

/// The version that a new one takes the place of.
struct Replaced {
    entry: DocumentEntry,
    set_id: UniqueId,
    version: u32,
}

async fn replaced(parties: &Parties, id: &UniqueId, patient: &PatientId) -> Result<Replaced, Stop> {
    let entry = documents::entry(parties, None, id).await?;
    if entry.patient_id != *patient {
        return Err(Stop::failed(format!("document {id} is about another patient; nothing was published")));
    }
    if entry.availability_status == AvailabilityStatus::Deprecated {
        return Err(Stop::failed(format!(
            "document {id} is replaced already; replace its current version (`manifold query` lists it)"
        )));
    }
    // setId and version stand in the document only; one that cannot be read starts a new count.
    let old = documents::bytes(parties, None, &entry, MOST_OCTETS).await.ok().and_then(|b| cda::decode(&b).ok());
    let (set_id, version) = match old {
        Some(old) => (old.set_id.unwrap_or_else(|| id.clone()), old.version.unwrap_or(1)),
        None => {
            output::note(&format!("document {id} could not be read as CDA: its setId is taken to be its uniqueId"));
            (id.clone(), 1)
        }
    };
    Ok(Replaced { entry, set_id, version })
}

fn source_id() -> Result<Oid, Stop> {
    Oid::parse(SOURCE_ID).map_err(Stop::failed)
}

/// A refusal with what to do about the commonest reason.
fn refused(refusal: &actors::Refusal, patient: &PatientId, at: &str) -> Stop {
    let unknown = refusal.faults().iter().any(|f| match f {
        Fault::UnknownPatient(_) => true,
        Fault::Remote { code, .. } => code.contains("UnknownPatient"),
        _ => false,
    });
    match unknown {
        true => Stop::failed(format!(
            "{at} does not know patient {} of {}: its identity must be fed first (ITI-8, ITI-44 or ITI-104)",
            patient.id, patient.domain
        )),
        false => Stop::failed(format!("{at} refused the report: {refusal}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Dtm, Patient, PersonName};

    fn write(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn dicom(class: &str) -> Vec<u8> {
        let mut set = dicom::DataSet::new();
        for (tag, uid) in [
            (dicom::Tag(0x0008, 0x0016), class),
            (dicom::Tag(0x0008, 0x0018), "2.25.1"),
            (dicom::Tag(0x0020, 0x000D), "2.25.2"),
            (dicom::Tag(0x0020, 0x000E), "2.25.3"),
        ] {
            set.put_octets(tag, dicom::VR::UI, uid);
        }
        dicom::part10::encode(&set)
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], expected: &str) {
        let file = write(bytes);
        match read(file.path()) {
            Err(stop) => assert!(stop.message().unwrap().contains(expected), "{stop:?}"),
            Ok(_) => panic!("expected a refusal with {expected}"),
        }
    }

    #[test]
    fn a_structured_report_is_refused_with_the_reason() {
        check_refused(&dicom("1.2.840.10008.5.1.4.1.1.88.11"), "R-56");
        check_refused(&dicom("1.2.840.10008.5.1.4.1.1.2"), "give it as a PATH");
        check_refused(&dicom("1.2.840.10008.5.1.4.1.1.104.1"), "a document inside");
    }

    #[test]
    fn what_is_no_report_says_what_it_is() {
        check_refused(b"", "nothing");
        check_refused(b"\x89PNG\r\n", "a PNG image");
        check_refused(b"<html></html>", "no CDA document");
        check_refused(b"{\"resourceType\":\"Bundle\"}", "not available in this version");
        check_refused(
            b"%PDF-1.4\n1 0 obj <</Encrypt 2 0 R>>\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n",
            "without protection",
        );
    }

    fn subject() -> Patient {
        Patient {
            id: PatientId::new("P1", Oid::parse("2.999.7").unwrap()),
            other_ids: vec![],
            name: PersonName::from_dicom("DURAND^Anne"),
            birth_date: None,
            sex: None,
            details: Default::default(),
        }
    }

    fn make(wishes: &Wishes, replaced: Option<&Replaced>) -> Result<Report, Stop> {
        let id = UniqueId::parse("2.25.77").unwrap();
        report(b"%PDF-".to_vec(), subject(), &[], replaced, wishes, id, Dtm::parse("20260312101500").unwrap())
    }

    #[test]
    fn a_preliminary_report_says_so_and_is_not_signed() {
        let wishes = Wishes {
            institution: Some(Xon::parse("North").unwrap()),
            author: Some(Xcn::from_name("Radio", "Rita")),
            title: Some("CT".into()),
            ..Wishes::default()
        };
        let last = make(&wishes, None).unwrap();
        assert_eq!((last.title.as_str(), last.legal_authenticator.is_some(), last.version), ("CT", true, 1));
        assert_eq!(last.set_id, last.unique_id);
        let first = make(&Wishes { preliminary: true, ..wishes }, None).unwrap();
        assert_eq!((first.title.as_str(), first.legal_authenticator.is_some()), ("Preliminary: CT", false));
        assert!(first.author.is_some());
    }

    #[test]
    fn a_new_version_keeps_the_set_and_counts_on() {
        let old = Replaced { entry: facts::tests::entry(&[]), set_id: UniqueId::parse("2.25.5").unwrap(), version: 3 };
        let wishes = Wishes { institution: Some(Xon::parse("North").unwrap()), ..Wishes::default() };
        let report = make(&wishes, Some(&old)).unwrap();
        assert_eq!((report.set_id.as_str(), report.version), ("2.25.5", 4));
        assert_eq!(report.replaces.unwrap().as_str(), "2.25.1");
    }

    #[test]
    fn without_an_institution_it_is_asked_for() {
        assert!(matches!(make(&Wishes::default(), None), Err(Stop::Usage(text)) if text.contains("--institution")));
    }
}
