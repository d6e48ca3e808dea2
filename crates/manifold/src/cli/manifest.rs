//! `manifold manifest`: key object selections shown, checked, made and converted. Source: spec/dicom.md sections 2 to 11,
//! spec/fhir.md section 17.

use super::connection::{Connection, Parties, Via, circumstances};
use super::documents;
use super::output::{self, Format};
use super::publish::files;
use super::stop::Stop;
use clap::{Args, Subcommand};
use dicom::kos::{self, Finding, NewManifest, Severity, Source, StudyInstance, Titles};
use model::{
    Manifest as Content, ManifestFlavour, Oid, RetrieveLocationUid, SeriesInstanceUid, SopInstanceUid, UniqueId, Xon,
};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use transactions::manifest_forms;

/// Shows, checks, makes and converts manifests (DICOM key object selections)
#[derive(Args, Debug)]
pub struct Manifest {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Subcommand, Debug)]
pub enum What {
    /// Shows what a manifest lists and where it can be fetched
    #[command(
        after_help = "Example:\n  manifold manifest show 2.25.123456 --endpoints demo.json\n  manifold manifest show manifest.dcm"
    )]
    Show(Box<Show>),
    /// Checks a file against DICOM and the sharing profiles; errors are exit code 1
    #[command(after_help = "Example:\n  manifold manifest check manifest.dcm")]
    Check(Check),
    /// Makes the manifest of a study from a folder of its objects
    #[command(
        after_help = "Example:\n  manifold manifest make study/ -o manifest.dcm --institution 'North Hospital^^^^^&2.999.1.2&ISO^^^^1' \\\n    --patient-issuer 2.999.7 --location-uid 2.25.301 --base-url https://north.example/dicomweb"
    )]
    Make(Box<Make>),
    /// Gives a DICOM manifest as FHIR manifest (MADO), or the other way round
    #[command(after_help = "Example:\n  manifold manifest convert manifest.dcm --to fhir -o manifest.json")]
    Convert(Convert),
}

#[derive(Args, Debug)]
pub struct Show {
    /// A file, or the uniqueId of a registered manifest
    #[arg(value_name = "FILE|UNIQUE_ID")]
    pub what: String,
    /// Protocol to ask by; without it XDS where somebody answers it
    #[arg(long, value_enum)]
    pub via: Option<Via>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Args, Debug)]
pub struct Check {
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Args, Debug)]
pub struct Convert {
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Form to make
    #[arg(long, value_enum)]
    pub to: Form,
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Form of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    Fhir,
    Kos,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavour {
    #[default]
    Mcwg,
    Xdsi,
    Mado,
}

#[derive(Args, Debug)]
pub struct Make {
    /// Folder with the objects of one study
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Where to write the manifest
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Which study, when the folder has several
    #[arg(long, value_name = "UID")]
    pub study: Option<String>,
    /// Who publishes
    #[arg(long, value_name = "XON")]
    pub institution: Option<String>,
    /// Issuer of patient ids that come without one
    #[arg(long, value_name = "OID")]
    pub patient_issuer: Option<String>,
    /// Issuer of accession numbers that come without one
    #[arg(long, value_name = "OID")]
    pub accession_issuer: Option<String>,
    /// Issuer of placer order numbers that come without one
    #[arg(long, value_name = "OID")]
    pub placer_issuer: Option<String>,
    /// Place where the instances can be fetched (0040,E011)
    #[arg(long, value_name = "UID")]
    pub location_uid: String,
    /// WADO-RS base of that place, without /studies
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Offset from UTC of times without one, such as +0100
    #[arg(long, value_name = "OFFSET", default_value = "+0000", allow_hyphen_values = true)]
    pub timezone: String,
    #[arg(long, value_enum, default_value_t)]
    pub flavour: Flavour,
}

pub async fn run(options: Manifest) -> Result<(), Stop> {
    match options.what {
        What::Show(options) => show(*options).await,
        What::Check(options) => check(&options),
        What::Make(options) => make(&options),
        What::Convert(options) => convert(&options),
    }
}

/// Reads a file that may be a manifest.
pub fn read(file: &Path) -> Result<Vec<u8>, Stop> {
    let failed = |reason: String| Stop::failed(format!("cannot read {}: {reason}", file.display()));
    let length = std::fs::metadata(file).map_err(|e| failed(e.to_string()))?.len();
    if length > kos::MOST_OCTETS as u64 {
        return Err(failed(format!("it has {length} octets, a manifest has at most {}", kos::MOST_OCTETS)));
    }
    std::fs::read(file).map_err(|e| failed(e.to_string()))
}

async fn show(options: Show) -> Result<(), Stop> {
    let path = Path::new(&options.what);
    let bytes = if path.exists() {
        read(path)?
    } else {
        let unique_id = UniqueId::parse(&options.what).map_err(Stop::usage)?;
        if options.what.contains(['/', '\\']) {
            return Err(Stop::failed(format!("there is no file {}", options.what)));
        }
        let parties = Parties::open(&options.connection)?;
        let entry = documents::entry(&parties, options.via, &unique_id).await?;
        documents::bytes(&parties, options.via, &entry, kos::MOST_OCTETS as u64).await?
    };
    let decoded = kos::decode_titled(&bytes, Titles::Any)
        .map_err(|e| Stop::failed(format!("{} is no manifest: {e}", options.what)))?;
    match options.format {
        Format::Json => output::print_json(&shown(&decoded)),
        Format::Table => {
            let texts: Vec<String> = decoded.manifests.iter().map(text).collect();
            output::print(&texts.join("\n"))?;
            for finding in &decoded.deviations {
                output::note(&output::visible(&finding.to_string()));
            }
            Ok(())
        }
    }
}

fn text(manifest: &Content) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "{name:<12} {}", output::visible(&value));
        }
    };
    line("manifest", manifest.sop_instance.to_string());
    line("flavour", flavour(manifest.flavour).to_owned());
    line("study", manifest.study.to_string());
    let id = manifest.patient_id.as_ref().map(ToString::to_string);
    let id = id.unwrap_or_else(|| format!("{} (issuer not known)", manifest.patient_id_text));
    line("patient", format!("{}, {id}", manifest.patient_name.display()));
    line("description", manifest.study_description.clone().unwrap_or_default());
    line("start", manifest.study_start().map(|t| super::wording::readable_time(&t) + " UTC").unwrap_or_default());
    line("institution", manifest.institution.as_ref().map(Xon::name).unwrap_or_default());
    for order in &manifest.orders {
        let issuer = order.accession_issuer.as_ref().map(|o| format!(" of {o}")).unwrap_or_default();
        line("accession", format!("{}{issuer}", order.accession_number));
    }
    let labels = |codes: &[model::Code]| codes.iter().map(|c| c.label().to_owned()).collect::<Vec<_>>().join(", ");
    line("procedures", labels(&manifest.procedures));
    line("regions", labels(&manifest.regions));
    line("instances", format!("{} in {} series", manifest.instance_count(), manifest.series.len()));
    out.push('\n');
    out.push_str(&output::table(
        ["series", "number", "modality", "description", "instances", "retrieve URL"],
        manifest.series.iter().map(|s| {
            [
                s.uid.to_string(),
                s.number.clone().unwrap_or_default(),
                s.modality.clone().unwrap_or_default(),
                s.description.clone().unwrap_or_default(),
                s.instances.len().to_string(),
                s.retrieve_url.clone().unwrap_or_default(),
            ]
        }),
    ));
    out
}

fn flavour(flavour: ManifestFlavour) -> &'static str {
    match flavour {
        ManifestFlavour::Mcwg => "mcwg",
        ManifestFlavour::Xdsi => "xdsi",
        ManifestFlavour::Mado => "mado",
    }
}

fn manifest_json(manifest: &Content) -> Value {
    let code = |c: &model::Code| json!({ "code": c.code, "scheme": c.scheme, "display": c.display.value() });
    let series: Vec<Value> = manifest
        .series
        .iter()
        .map(|s| {
            let instances: Vec<Value> = s
                .instances
                .iter()
                .map(|i| {
                    json!({ "sop_class_uid": i.sop_class.as_str(), "sop_instance_uid": i.sop_instance.as_str(),
                        "number": i.instance_number, "frames": i.number_of_frames,
                        "significant": !i.significant.is_empty() })
                })
                .collect();
            json!({ "series_uid": s.uid.as_str(), "number": s.number, "modality": s.modality,
                "description": s.description, "retrieve_url": s.retrieve_url, "wado_base": s.wado_base(),
                "retrieve_location_uid": s.retrieve_location_uid.as_ref().map(|u| u.as_str()), "instances": instances })
        })
        .collect();
    let orders: Vec<Value> = manifest
        .orders
        .iter()
        .map(|o| {
            json!({ "accession_number": o.accession_number, "placer_order_number": o.placer_order_number,
                "accession_issuer": o.accession_issuer.as_ref().map(Oid::as_str),
                "placer_issuer": o.placer_issuer.as_ref().map(Oid::as_str) })
        })
        .collect();
    json!({
        "sop_instance_uid": manifest.sop_instance.as_str(), "flavour": flavour(manifest.flavour),
        "study_uid": manifest.study.as_str(), "patient_id": manifest.patient_id.as_ref().map(ToString::to_string),
        "patient_name": manifest.patient_name.to_dicom(), "birth_date": manifest.birth_date,
        "sex": manifest.sex.map(model::Sex::code), "study_description": manifest.study_description,
        "study_start": manifest.study_start().as_ref().map(super::wording::iso_time),
        "institution": manifest.institution.as_ref().map(Xon::as_str), "orders": orders,
        "procedures": manifest.procedures.iter().map(code).collect::<Vec<_>>(),
        "regions": manifest.regions.iter().map(code).collect::<Vec<_>>(), "series": series,
    })
}

fn shown(decoded: &kos::Decoded) -> Value {
    let title = &decoded.title;
    json!({
        "title": { "code": title.code, "scheme": title.scheme, "display": title.display.value() },
        "manifests": decoded.manifests.iter().map(manifest_json).collect::<Vec<_>>(),
        "deviations": decoded.deviations.iter().map(finding_json).collect::<Vec<_>>(),
    })
}

fn checked(file: &Path, findings: &[Finding]) -> Value {
    let errors = errors(findings);
    json!({
        "file": file, "errors": errors, "warnings": findings.len() - errors,
        "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
    })
}

fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|f| f.severity == Severity::Error).count()
}

fn finding_json(finding: &Finding) -> Value {
    json!({ "severity": finding.severity.to_string(), "place": finding.place, "rule": finding.rule,
        "value": finding.value, "count": finding.count })
}

/// What is to be said of a FHIR manifest; what makes it unreadable, or loses part of it, is an error.
fn check_fhir(octets: &[u8]) -> Vec<Finding> {
    let finding = |severity, e: &fhir::DecodeError| Finding {
        severity,
        place: e.path.clone(),
        rule: e.rule.clone(),
        value: e.value.clone(),
        count: 1,
    };
    match fhir::manifest::decode(octets, &manifest_forms::kos_name) {
        Err(error) => vec![finding(Severity::Error, &error)],
        Ok(decoded) => {
            let mut findings: Vec<Finding> = Vec::new();
            if decoded.left_out > 0 {
                let rule = "must hold series and instances that can be read".to_owned();
                let (place, value) = ("ImagingStudy.series".to_owned(), format!("{} cannot", decoded.left_out));
                findings.push(Finding { severity: Severity::Error, place, rule, value, count: 1 });
            }
            findings.extend(decoded.deviations.iter().map(|e| finding(Severity::Warning, e)));
            findings
        }
    }
}

fn check(options: &Check) -> Result<(), Stop> {
    let octets = read(&options.file)?;
    let is_json = octets.iter().find(|octet| !octet.is_ascii_whitespace()) == Some(&b'{');
    let findings = if is_json { check_fhir(&octets) } else { kos::check(&octets) };
    let errors = errors(&findings);
    match options.format {
        Format::Json => output::print_json(&checked(&options.file, &findings))?,
        Format::Table => {
            let mut out = String::new();
            for finding in &findings {
                let _ = writeln!(out, "{}", output::visible(&finding.to_string()));
            }
            let _ = writeln!(out, "{}: {errors} errors, {} warnings", options.file.display(), findings.len() - errors);
            output::print(&out)?;
        }
    }
    if errors == 0 { Ok(()) } else { Err(Stop::Told) }
}

fn make(options: &Make) -> Result<(), Stop> {
    let oid = |name: &str, text: &Option<String>| {
        text.as_deref().map(Oid::parse).transpose().map_err(|e| Stop::usage(format!("{name}: {e}")))
    };
    let institution = options.institution.as_deref().map(Xon::parse).transpose();
    let source = Source {
        flavour: match options.flavour {
            Flavour::Mcwg => ManifestFlavour::Mcwg,
            Flavour::Xdsi => ManifestFlavour::Xdsi,
            Flavour::Mado => ManifestFlavour::Mado,
        },
        institution: institution.map_err(|e| Stop::usage(format!("--institution: {e}")))?,
        patient_issuer: oid("--patient-issuer", &options.patient_issuer)?,
        accession_issuer: oid("--accession-issuer", &options.accession_issuer)?,
        placer_issuer: oid("--placer-issuer", &options.placer_issuer)?,
        retrieve_base_url: options.base_url.clone(),
        retrieve_location_uid: RetrieveLocationUid::parse(&options.location_uid).map_err(Stop::usage)?,
        retrieve_ae_title: None,
        regions: super::regions()?,
        timezone: options.timezone.clone(),
        manufacturer: "manifold".to_owned(),
    };
    let instances = instances(&options.dir, options.study.as_deref())?;
    let cx = circumstances();
    let uid = || cx.identifiers.uid();
    let new = NewManifest {
        sop_instance: SopInstanceUid::parse(&uid()).map_err(Stop::failed)?,
        series_instance: SeriesInstanceUid::parse(&uid()).map_err(Stop::failed)?,
        created: cx.now(),
    };
    let manifest = kos::build(&instances, &source, &new).map_err(Stop::failed)?;
    let bytes = kos::encode(&manifest).map_err(Stop::failed)?;
    super::serve::write_atomically(&options.output, &bytes)?;
    for finding in kos::check(&bytes) {
        output::note(&output::visible(&finding.to_string()));
    }
    output::print(&format!(
        "{}: manifest {} of study {}, {} instances in {} series\n",
        options.output.display(),
        manifest.sop_instance,
        manifest.study,
        manifest.instance_count(),
        manifest.series.len()
    ))
}

/// The same conversion that ITI-68 does on request.
fn convert(options: &Convert) -> Result<(), Stop> {
    let stored = read(&options.file)?;
    let made = match options.to {
        Form::Fhir => manifest_forms::fhir_of_kos(&stored),
        Form::Kos => manifest_forms::kos_of_fhir(&stored),
    };
    for deviation in deviations(&stored, options.to) {
        output::note(&output::visible(&deviation));
    }
    let made = made.map_err(|e| Stop::failed(format!("{} cannot be converted: {e}", options.file.display())))?;
    super::serve::write_atomically(&options.output, &made)?;
    if options.to == Form::Kos {
        for finding in kos::check(&made) {
            output::note(&output::visible(&finding.to_string()));
        }
    }
    output::print(&format!("{}: {} octets\n", options.output.display(), made.len()))
}

/// What was otherwise than it should be in a manifest that is converted.
fn deviations(stored: &[u8], to: Form) -> Vec<String> {
    match to {
        Form::Fhir => kos::decode(stored).map(|d| texts(&d.deviations)).unwrap_or_default(),
        Form::Kos => {
            let decoded = fhir::manifest::decode(stored, &manifest_forms::kos_name);
            decoded.map(|d| texts(&d.deviations)).unwrap_or_default()
        }
    }
}

fn texts<T: ToString>(findings: &[T]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// What the objects of a folder say, of one study.
fn instances(dir: &Path, study: Option<&str>) -> Result<Vec<StudyInstance>, Stop> {
    let found = files::collect(&[dir.to_owned()])?;
    let bar = output::progress(found.len() as u64, "files");
    let mut instances = Vec::new();
    for path in found {
        bar.inc(1);
        match files::header(&path.path) {
            Ok(header) => {
                let mut instance = StudyInstance::from_header(&header)
                    .map_err(|e| Stop::failed(format!("{}: {e}", path.path.display())))?;
                if let Some(note) = &mut instance.key_objects {
                    note.description = read(&path.path).ok().and_then(|b| kos::decode_note(&b).ok()?.description);
                }
                instances.push(instance);
            }
            Err(reason) => output::note(&format!("{} is left out: {reason}", path.path.display())),
        }
    }
    bar.finish_and_clear();
    if let Some(study) = study {
        instances.retain(|i| i.study.as_str() == study);
    }
    let mut studies: Vec<&str> = instances.iter().map(|i| i.study.as_str()).collect();
    studies.sort_unstable();
    studies.dedup();
    match studies.as_slice() {
        [] => Err(Stop::failed(format!("{} holds no DICOM object of the study", dir.display()))),
        [_] => Ok(instances),
        several => Err(Stop::usage(format!(
            "{} holds {} studies; choose one by --study: {}",
            dir.display(),
            several.len(),
            several.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(dir: &Path, output: &Path) -> Make {
        Make {
            dir: dir.to_owned(),
            output: output.to_owned(),
            study: None,
            institution: Some("North Hospital^^^^^&2.999.1.2&ISO^^^^1".into()),
            patient_issuer: Some("2.999.7".into()),
            accession_issuer: Some("2.999.1.2.3".into()),
            placer_issuer: Some("2.999.1.2.4".into()),
            location_uid: "2.25.301".into(),
            base_url: Some("https://north.example/dicomweb".into()),
            timezone: "+0100".into(),
            flavour: Flavour::Mcwg,
        }
    }

    #[test]
    fn a_manifest_made_from_a_folder_is_without_fault_and_shown_as_the_schema_says() {
        let dir = tempfile::tempdir().unwrap();
        let study = synth::study_of(3, 16, 16, 1);
        for index in 0..3 {
            std::fs::write(dir.path().join(format!("{index}.dcm")), study.instance(index).unwrap().bytes).unwrap();
        }
        std::fs::write(dir.path().join("notes.txt"), "no object").unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        make(&options(dir.path(), file.path())).unwrap();
        let bytes = read(file.path()).unwrap();
        let findings = kos::check(&bytes);
        assert_eq!(findings, []);
        super::super::schemas::check_schema("manifest-check", &checked(file.path(), &findings));
        let value = shown(&kos::decode(&bytes).unwrap());
        super::super::schemas::check_schema("manifest-show", &value);
        assert_eq!(value["manifests"][0]["series"][0]["instances"].as_array().unwrap().len(), 3);
        assert!(text(&kos::decode(&bytes).unwrap().manifests[0]).contains("3 in 1 series"));
    }

    #[test]
    fn a_mado_manifest_is_made_and_converted_to_fhir_and_back() {
        let dir = tempfile::tempdir().unwrap();
        let study = synth::study_of(3, 16, 16, 1);
        for index in 0..3 {
            std::fs::write(dir.path().join(format!("{index}.dcm")), study.instance(index).unwrap().bytes).unwrap();
        }
        let files = tempfile::tempdir().unwrap();
        let at = |name: &str| files.path().join(name);
        let flavour = Flavour::Mado;
        make(&Make { flavour, ..options(dir.path(), &at("made.dcm")) }).unwrap();
        let made = read(&at("made.dcm")).unwrap();
        assert_eq!(errors(&kos::check(&made)), 0);
        let turn = |file: &str, to: Form, output: &str| convert(&Convert { file: at(file), to, output: at(output) });
        turn("made.dcm", Form::Fhir, "made.json").unwrap();
        turn("made.json", Form::Kos, "back.dcm").unwrap();
        let back = kos::decode(&read(&at("back.dcm")).unwrap()).unwrap().manifests.remove(0);
        let made = kos::decode(&made).unwrap().manifests.remove(0);
        assert_eq!((back.flavour, back.study.as_str()), (ManifestFlavour::Mado, made.study.as_str()));
        assert_eq!((back.series.len(), &back.regions), (made.series.len(), &made.regions));
        assert!(
            matches!(turn("made.json", Form::Fhir, "x.json"), Err(Stop::Failed(text)) if text.contains("manifest"))
        );
    }

    #[test]
    fn a_folder_of_several_studies_asks_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut studies = Vec::new();
        for seed in [1, 2] {
            let study = synth::study_of(1, 16, 16, seed);
            std::fs::write(dir.path().join(format!("{seed}.dcm")), study.instance(0).unwrap().bytes).unwrap();
            studies.push(study.study_uid().to_owned());
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut options = options(dir.path(), file.path());
        assert!(matches!(make(&options), Err(Stop::Usage(text)) if text.contains("2 studies")));
        options.study = Some(studies[0].clone());
        make(&options).unwrap();
    }

    #[test]
    fn findings_are_shown_as_the_schema_says() {
        let findings = kos::check(b"no manifest");
        super::super::schemas::check_schema("manifest-check", &checked(Path::new("f"), &findings));
        assert_eq!(errors(&findings), 1);
    }
}
