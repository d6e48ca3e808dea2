//! `manifold images`: the instances of a study, as its manifest lists them, over WADO-RS or RAD-69. What is there
//! already is not fetched again; what is missing is said. Source: design.md section 2, RAD TF-2 4.69 and 4.107, PS3.18 10.4.

mod fetch;
pub mod plan;
mod reconcile;

use super::connection::{Connection, Parties, Party, Via, circumstances};
use super::output::{self, Format};
use super::stop::Stop;
use super::{documents, manifest, publish, query};
use clap::{Args, ValueEnum};
use dicom::kos::{self, Titles};
use fetch::{Fetched, Folder, Source};
use model::{
    AvailabilityStatus, DocumentQuery, Manifest, Oid, Patient, PatientId, SeriesInstanceUid, StudyInstanceUid,
};
use plan::{Plan, SeriesPlan};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use transactions::rad69_retrieve_imaging_document_set as rad69;

/// Fetches the images of a study, or of one series, and verifies that everything came.
///
/// Files are DIR/SERIES/INSTANCE.dcm. The same command again goes on where it was interrupted.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold images --study 2.25.123 --patient P0001 -o images --list SHA256SUMS --endpoints demo.json\n  manifold images --manifest manifest.dcm -o images\n  manifold images --study 2.25.123 -o images --via mhd,rad69 --endpoints demo.json"
)]
pub struct Images {
    /// Study whose manifest is looked up in the registry
    #[arg(long, value_name = "UID", required_unless_present = "manifest", conflicts_with = "manifest")]
    pub study: Option<String>,
    /// A manifest file instead
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Patient of the study: a registry finds a study by its patient over XDS
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Folder to write to
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Only this series
    #[arg(long, value_name = "UID")]
    pub series: Option<String>,
    /// Write the SHA-256 of every file there, in the form of sha256sum
    #[arg(long, value_name = "SHA256SUMS")]
    pub list: Option<PathBuf>,
    /// Write the registry's patient into the files; what stood there is kept in Original Attributes Sequence
    #[arg(long)]
    pub reconcile: bool,
    /// WADO-RS base to ask instead of the manifest's
    #[arg(long, value_name = "URL")]
    pub wado: Option<String>,
    /// Series fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub parallel: u8,
    /// Protocol to find the manifest by (without it XDS where somebody answers it), and `rad69` to fetch by RAD-69
    /// instead of WADO-RS
    #[arg(long, value_enum, value_delimiter = ',')]
    pub via: Vec<ImagesVia>,
    /// Address of RAD-69, instead of that of the endpoints file's node; implies `--via rad69`
    #[arg(long, value_name = "URL")]
    pub rad69: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

/// How the manifest is found, and how images are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImagesVia {
    /// The manifest by ITI-18 and ITI-43.
    Xds,
    /// The manifest by ITI-67 and ITI-68.
    Mhd,
    /// The images by RAD-69.
    Rad69,
}

pub async fn run(options: Images) -> Result<(), Stop> {
    super::log_when_asked();
    let parties = Parties::open(&options.connection)?;
    let series = options.series.as_deref().map(SeriesInstanceUid::parse).transpose().map_err(Stop::usage)?;
    let manifests = options.manifests(&parties).await?;
    let patient = match options.reconcile {
        true => Some(options.registry_patient(&parties, &manifests).await?),
        false => None,
    };
    let plan = Plan::of(&manifests, series.as_ref(), options.wado.as_deref())?;
    let sources = options.sources(&parties, &plan)?;
    let folder = Folder::open(&options.output)?;
    let bar = output::progress(plan.instance_count() as u64, "instances");
    let fetched = fetch::fetch(&sources, &plan, &folder, usize::from(options.parallel), &bar).await?;
    bar.finish_and_clear();
    let reconciled = match &patient {
        Some(patient) => Some(reconcile::files(&folder, &plan, patient, &circumstances().now())?),
        None => None,
    };
    if let Some(list) = &options.list {
        let text = folder.sha256_list(&plan, list)?;
        super::serve::write_atomically(list, text.as_bytes())?;
    }
    report(&options, &plan, &fetched, reconciled)?;
    if fetched.missing(&plan).is_empty() && fetched.faults.is_empty() { Ok(()) } else { Err(Stop::Told) }
}

impl Images {
    fn manifest_via(&self) -> Option<Via> {
        self.via.iter().rev().find_map(|via| match via {
            ImagesVia::Xds => Some(Via::Xds),
            ImagesVia::Mhd => Some(Via::Mhd),
            ImagesVia::Rad69 => None,
        })
    }

    /// Where each series of the plan is fetched, in its order.
    fn sources(&self, parties: &Parties, plan: &Plan) -> Result<Vec<Source>, Stop> {
        if self.rad69.is_none() && !self.via.contains(&ImagesVia::Rad69) {
            return Ok(plan.series.iter().map(|series| Source::wado(&parties.http, series)).collect());
        }
        let source = |series: &SeriesPlan| {
            let explicit = self.rad69.as_ref().map(|url| Party { name: url.clone(), url: url.clone() });
            let party = explicit.or_else(|| parties.rad69_beside(&series.base)).ok_or_else(|| {
                Stop::failed(format!(
                    "no node of the endpoints file answers RAD-69 for {} at {}; name its address by --rad69 URL",
                    shown(series),
                    series.base
                ))
            })?;
            let location = series.location.as_ref().ok_or_else(|| {
                Stop::failed(format!(
                    "the manifest names no Retrieve Location UID for {}, which RAD-69 needs; fetch it by WADO-RS",
                    shown(series)
                ))
            })?;
            let repository_unique_id = Oid::parse(location.as_str()).map_err(Stop::failed)?;
            let peer = parties.soap(party);
            Ok(Source::Rad69(rad69::Client { peer, repository_unique_id, home_community_id: None }))
        };
        plan.series.iter().map(source).collect()
    }

    async fn manifests(&self, parties: &Parties) -> Result<Vec<Manifest>, Stop> {
        match (&self.manifest, &self.study) {
            (Some(file), _) => decode(&manifest::read(file)?, &file.display().to_string()),
            (None, study) => {
                let study = study.as_deref().unwrap_or_default();
                registered(parties, study, self.patient.as_deref(), self.manifest_via()).await
            }
        }
    }

    async fn registry_patient(&self, parties: &Parties, manifests: &[Manifest]) -> Result<Patient, Stop> {
        if let Some(id) = &self.patient {
            return identity(parties, &parties.patient_id(id)?).await;
        }
        let domain = parties.domain()?;
        let mut ids = manifests.iter().flat_map(|m| m.patient_id.iter().chain(&m.other_patient_ids));
        match ids.find(|id| Some(&id.domain) == domain.as_ref()) {
            Some(id) => identity(parties, id).await,
            None => Err(Stop::usage("--reconcile has to know the registry's patient: give --patient ID")),
        }
    }
}

/// Every current manifest of a study, from the registry.
pub async fn registered(
    parties: &Parties,
    study: &str,
    patient: Option<&str>,
    via: Option<Via>,
) -> Result<Vec<Manifest>, Stop> {
    let study = StudyInstanceUid::parse(study).map_err(Stop::usage)?;
    let mut query = DocumentQuery { statuses: vec![AvailabilityStatus::Approved], ..DocumentQuery::default() };
    query.patient_id = patient.map(|id| parties.patient_id(id)).transpose()?;
    query.reference_ids.push(vec![query::study_term(study.as_str())?]);
    // MHD finds a study without its patient; XDS does not.
    let via = match (&query.patient_id, via, parties.try_party("ITI-67")) {
        (None, None, Some(_)) => Some(Via::Mhd),
        (None, None, None) | (None, Some(Via::Xds), _) => {
            return Err(Stop::usage("over XDS a study is found by its patient: give --patient ID"));
        }
        (_, via, _) => via,
    };
    let found = parties.registry_via(via)?.find(&query, &circumstances()).await?;
    query::tell_silent(&found.silent);
    let mut manifests = Vec::new();
    for entry in found.items.iter().filter(|e| e.is_kos()) {
        let bytes = documents::bytes(parties, via, entry, kos::MOST_OCTETS as u64).await?;
        let all = decode(&bytes, entry.unique_id.as_str())?;
        manifests.extend(all.into_iter().filter(|m| m.study == study));
    }
    if manifests.is_empty() {
        return Err(Stop::failed(format!(
            "no current manifest of study {study} is registered; `manifold query` lists what there is"
        )));
    }
    Ok(manifests)
}

/// The registry's patient.
async fn identity(parties: &Parties, id: &PatientId) -> Result<Patient, Stop> {
    match publish::identity(parties, id).await? {
        Some(patient) => Ok(patient),
        None => Err(Stop::failed(format!(
            "no identity manager says who patient {} of {} is, so nothing was fetched: --reconcile needs ITI-104 or ITI-78",
            id.id, id.domain
        ))),
    }
}

fn decode(bytes: &[u8], what: &str) -> Result<Vec<Manifest>, Stop> {
    let decoded =
        kos::decode_titled(bytes, Titles::Any).map_err(|e| Stop::failed(format!("{what} is no manifest: {e}")))?;
    Ok(decoded.manifests)
}

fn report(options: &Images, plan: &Plan, fetched: &Fetched, reconciled: Option<usize>) -> Result<(), Stop> {
    let missing = fetched.missing(plan);
    match options.format {
        Format::Json => output::print_json(&summary(&options.output, plan, fetched, reconciled)),
        Format::Table => {
            let mut out = format!(
                "{} of {} instances in {}: {} fetched ({} octets), {} were there already\n",
                plan.instance_count() - missing.len(),
                plan.instance_count(),
                options.output.display(),
                fetched.received.len(),
                fetched.octets,
                fetched.present.len()
            );
            if let Some(count) = reconciled {
                out.push_str(&format!(
                    "{count} files were given the registry's patient; what stood there is kept in them\n"
                ));
            }
            output::print(&out)?;
            for fault in &fetched.faults {
                output::note(&output::visible(fault));
            }
            for (series, instance) in missing.iter().take(20) {
                output::note(&format!("missing: instance {instance} of series {series}"));
            }
            if missing.len() > 20 {
                output::note(&format!("and {} more are missing", missing.len() - 20));
            }
            for instance in &fetched.unlisted {
                output::note(&format!(
                    "instance {instance} came without being listed in the manifest; it was not kept"
                ));
            }
            Ok(())
        }
    }
}

fn summary(directory: &Path, plan: &Plan, fetched: &Fetched, reconciled: Option<usize>) -> Value {
    let missing: Vec<Value> = fetched
        .missing(plan)
        .into_iter()
        .map(|(series, instance)| json!({ "series_uid": series.as_str(), "sop_instance_uid": instance.as_str() }))
        .collect();
    json!({
        "studies": plan.studies(), "listed": plan.instance_count(), "fetched": fetched.received.len(),
        "already_there": fetched.present.len(), "octets": fetched.octets, "reconciled": reconciled, "missing": missing,
        "unlisted": fetched.unlisted.iter().map(|u| u.as_str()).collect::<Vec<_>>(), "faults": fetched.faults,
        "directory": directory,
    })
}

/// A series' words in errors.
fn shown(series: &SeriesPlan) -> String {
    format!("series {}", series.series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom::kos::{NewManifest, Source, StudyInstance};
    use model::{Dtm, ManifestFlavour, RetrieveLocationUid, SopInstanceUid};
    use net::{HttpLimits, listen};

    /// A manifest of three invented objects at `base`, and the objects.
    pub fn study(base: &str) -> (Manifest, Vec<synth::Instance>) {
        let study = synth::study_of(3, 16, 16, 3);
        let objects: Vec<_> = (0..3).map(|n| study.instance(n).unwrap()).collect();
        let instances: Vec<_> = objects
            .iter()
            .map(|o| StudyInstance::from_header(&dicom::Header::from_slice(&o.bytes).unwrap()).unwrap())
            .collect();
        let source = Source {
            flavour: ManifestFlavour::Mcwg,
            institution: None,
            patient_issuer: None,
            accession_issuer: None,
            placer_issuer: None,
            retrieve_base_url: Some(base.to_owned()),
            retrieve_location_uid: RetrieveLocationUid::parse("2.25.301").unwrap(),
            retrieve_ae_title: None,
            regions: super::super::regions().unwrap(),
            timezone: "+0000".into(),
            manufacturer: "manifold".into(),
        };
        let new = NewManifest {
            sop_instance: SopInstanceUid::parse("2.25.71").unwrap(),
            series_instance: SeriesInstanceUid::parse("2.25.72").unwrap(),
            created: Dtm::parse("20260312101500").unwrap(),
        };
        (kos::build(&instances, &source, &new).unwrap(), objects)
    }

    /// A WADO-RS source that gives out `objects` for whatever it is asked.
    fn serve(objects: &[&synth::Instance]) -> net::HttpServer {
        let mut writer = dicom::dicomweb::PartWriter::new([7; 16]);
        let content_type = writer.content_type();
        let mut body = Vec::new();
        for object in objects {
            let part = dicom::dicomweb::Part {
                transfer_syntax: object.transfer_syntax,
                content_length: Some(object.bytes.len() as u64),
                content_location: None,
            };
            body.extend(writer.head(&part));
            body.extend(&object.bytes);
        }
        body.extend(writer.close());
        let answer = move || {
            let (content_type, body) = (content_type.clone(), body.clone());
            async move { ([("content-type", content_type)], body) }
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        listen(listener, None, axum::Router::new().fallback(answer), HttpLimits::default()).unwrap()
    }

    async fn run(plan: &Plan, dir: &Path) -> Fetched {
        let http = super::super::connection::Trust::default().client().unwrap();
        let folder = Folder::open(dir).unwrap();
        let sources: Vec<_> = plan.series.iter().map(|series| fetch::Source::wado(&http, series)).collect();
        fetch::fetch(&sources, plan, &folder, 2, &indicatif::ProgressBar::hidden()).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_does_not_come_is_missing_and_the_next_run_goes_on() {
        let (manifest, objects) = study("http://127.0.0.1:1/dicomweb");
        let dir = tempfile::tempdir().unwrap();
        let other = synth::study_of(1, 16, 16, 9).instance(0).unwrap();
        let server = serve(&[&objects[0], &objects[1], &other]);
        let base = format!("http://{}/dicomweb/", server.address());
        let plan = Plan::of(std::slice::from_ref(&manifest), None, Some(&base)).unwrap();
        let fetched = run(&plan, dir.path()).await;
        assert_eq!((fetched.received.len(), fetched.present.len(), fetched.faults.len()), (2, 0, 0));
        assert_eq!(fetched.missing(&plan).len(), 1);
        assert_eq!(fetched.unlisted.iter().map(|u| u.as_str()).collect::<Vec<_>>(), [other.uid.as_str()]);
        super::super::schemas::check_schema("images", &summary(dir.path(), &plan, &fetched, None));
        server.stop().await;

        let server = serve(&[&objects[2]]);
        let base = format!("http://{}/dicomweb", server.address());
        let plan = Plan::of(&[manifest], None, Some(&base)).unwrap();
        let fetched = run(&plan, dir.path()).await;
        assert_eq!((fetched.received.len(), fetched.present.len()), (1, 2));
        assert!(fetched.missing(&plan).is_empty());
        let folder = Folder::open(dir.path()).unwrap();
        let list = folder.sha256_list(&plan, &dir.path().join("SHA256SUMS")).unwrap();
        assert_eq!(list.lines().count(), 3);
        assert!(list.lines().all(|l| l.len() > 66 && l[66..].ends_with(".dcm") && !l[66..].starts_with('/')), "{list}");
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_source_that_is_not_there_is_a_fault_and_everything_is_missing() {
        let (manifest, _) = study("http://127.0.0.1:1/dicomweb");
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::of(&[manifest], None, None).unwrap();
        let fetched = run(&plan, dir.path()).await;
        assert_eq!((fetched.faults.len(), fetched.missing(&plan).len()), (1, 3));
        assert!(fetched.faults[0].contains("http://127.0.0.1:1/dicomweb"), "{}", fetched.faults[0]);
    }

    #[test]
    fn a_series_without_an_address_and_one_that_is_not_listed_are_said() {
        let (mut manifest, _) = study("http://h.example/dicomweb");
        let unknown = SeriesInstanceUid::parse("2.25.5").unwrap();
        assert!(
            matches!(Plan::of(&[manifest.clone()], Some(&unknown), None), Err(Stop::Failed(t)) if t.contains("2.25.5"))
        );
        manifest.series[0].retrieve_url = None;
        assert!(matches!(Plan::of(&[manifest.clone()], None, None), Err(Stop::Failed(t)) if t.contains("--wado URL")));
        manifest.series[0].retrieve_url = Some("file:///etc".into());
        assert!(
            matches!(Plan::of(&[manifest.clone()], None, None), Err(Stop::Failed(t)) if t.contains("no http address"))
        );
        assert_eq!(Plan::of(&[manifest], None, Some("http://x/")).unwrap().series[0].base, "http://x");
    }
}
