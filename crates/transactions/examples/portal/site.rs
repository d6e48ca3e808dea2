//! A site in memory for the portal: invented patients, studies and reports behind fakes of the four traits, with the cases
//! that a portal has to show well: replaced, withdrawn, silent, unreadable, empty, structured, plain text.

use actors::{BoxFuture, Cx, Fault, Found, Imaging, Refusal, Registered, Registry, SilentParty};
use dicom::kos::{self, NewManifest, StudyInstance};
use model::{
    Association, AssociationType, AvailabilityStatus, Code, DocumentEntry, DocumentQuery, Dtm, ManifestFlavour,
    ManifestSeries, ObjectId, Oid, Order, Patient, PatientId, PersonName, RegionMap, RegionRule, Report, ReportContent,
    ReportStudy, RetrieveLocationUid, SeriesInstanceUid, Sex, SopInstanceUid, StudyInstanceUid, Submission,
    TransferSyntaxUid, UniqueId, Xcn, Xon, schemes,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use synth::{Hospital, Part, StudyPlan};
use testkit::{FakeImaging, FakeInstance, MemoryIdentity, MemoryRegistry, MemoryRepository};
use transactions::edge::Edge;
use transactions::portal::{CACHE_OCTETS, Portal};

/// Nothing of this patient is shared.
pub const EMPTY: &str = "P0099";
/// A source of this patient is silent.
pub const SILENT: &str = "P0009";

pub struct Site {
    pub identity: Arc<MemoryIdentity>,
    pub registry: Arc<SometimesSilent>,
    pub repository: Arc<MemoryRepository>,
    pub imaging: Arc<FakeImaging>,
}

/// A registry that lacks an answer for [`SILENT`].
pub struct SometimesSilent(pub MemoryRegistry);

impl Registry for SometimesSilent {
    fn register<'a>(&'a self, submission: Submission, cx: &'a Cx) -> BoxFuture<'a, Result<Registered, Refusal>> {
        self.0.register(submission, cx)
    }

    fn find<'a>(
        &'a self,
        query: &'a DocumentQuery,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<DocumentEntry>, Refusal>> {
        Box::pin(async move {
            let mut found = self.0.find(query, cx).await?;
            if query.patient_id.as_ref().is_some_and(|patient| patient.id == SILENT) {
                let reason = "no answer within 8 s".to_owned();
                let fault = Fault::PeerUnavailable { peer: "Region West".into(), reason };
                found.silent.push(SilentParty { name: "Region West".into(), fault });
            }
            Ok(found)
        })
    }

    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>> {
        self.0.associations(ids, cx)
    }
}

pub fn regions() -> RegionMap {
    let rule = |part: &str, code: &str| RegionRule {
        body_parts: vec![part.into()],
        codes: Vec::new(),
        regions: RegionMap::coarse().into_iter().filter(|region| region.code == code).collect(),
    };
    RegionMap {
        rules: vec![
            rule("CHEST", "67734004"),
            rule("ABDOMEN", "63337009"),
            rule("HEAD", "774007"),
            rule("LSPINE", "1141981001"),
            rule("HEART", "80891009"),
            rule("BREAST", "76752008"),
        ],
        equivalents: Vec::new(),
    }
}

/// The objects of one part of a study, made once however many sites there are.
fn made(plan: &StudyPlan, part: Part) -> Vec<synth::Instance> {
    static MADE: Mutex<BTreeMap<(String, bool), Vec<synth::Instance>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().expect("no panic");
    let instances = made.entry((plan.key.clone(), part == Part::First)).or_insert_with(|| {
        let mut instances = Vec::new();
        synth::write_part(plan, part, |instance| {
            instances.push(instance);
            Ok(())
        })
        .expect("a study");
        instances
    });
    instances.clone()
}

/// An OID, checked by hand.
fn oid(text: &str) -> Oid {
    Oid::parse(text).expect("an OID")
}

fn uuid(words: &str) -> ObjectId {
    let uid = synth::uid(words);
    let number: u128 = uid.trim_start_matches("2.25.").parse().expect("a UID under 2.25");
    ObjectId::from_uuid_bytes(number.to_be_bytes())
}

fn code(code: &synth::Code) -> Code {
    let scheme = match code.scheme {
        "SCT" => schemes::SNOMED_CT,
        "LN" => schemes::LOINC,
        other => other,
    };
    Code::new(code.value, scheme, code.meaning)
}

fn person(plan: &StudyPlan) -> &'static synth::Patient {
    plan.person().expect("a patient of the seed")
}

fn patient_id(id: &str) -> PatientId {
    PatientId::new(id, oid(synth::PATIENT_DOMAIN))
}

fn utc(local: &str, offset: &str) -> Dtm {
    let hours: i64 = offset[1..3].parse().expect("an offset");
    Dtm::from_unix_seconds(Dtm::parse(local).expect("a time").unix_seconds() - hours * 3600)
}

fn issuer(plan: &StudyPlan) -> &'static str {
    match plan.hospital {
        Hospital::North => "2.999.1.2",
        Hospital::South => "2.999.1.4",
    }
}

fn institution(plan: &StudyPlan) -> Xon {
    Xon::parse(&format!("{}^^^^^&{}&ISO^^^^1", plan.hospital.institution(), issuer(plan))).expect("an XON")
}

impl Site {
    /// The studies of `plans` with their reports.
    pub fn of(plans: &[StudyPlan]) -> Site {
        let identity = MemoryIdentity::new(oid(synth::PATIENT_DOMAIN));
        for known in synth::PATIENTS {
            identity.patients.lock().expect("no panic").push(Patient {
                id: patient_id(known.id),
                other_ids: Vec::new(),
                name: PersonName::from_dicom(known.name),
                birth_date: Dtm::parse(known.birth_date).ok(),
                sex: Sex::from_code(known.sex),
                details: Default::default(),
            });
        }
        identity.patients.lock().expect("no panic").push(Patient {
            id: patient_id(EMPTY),
            other_ids: Vec::new(),
            name: PersonName::from_dicom("NILSSON^Björn"),
            birth_date: None,
            sex: None,
            details: Default::default(),
        });
        let mut site = Site {
            identity: Arc::new(identity),
            registry: Arc::new(SometimesSilent(MemoryRegistry::default())),
            repository: Arc::new(MemoryRepository::default()),
            imaging: Arc::new(FakeImaging::default()),
        };
        for plan in plans {
            site.add_study(plan);
            site.add_report(plan);
        }
        site
    }

    fn register(&mut self, entry: DocumentEntry, octets: Vec<u8>) {
        let (id, mime_type) = (entry.unique_id.clone(), entry.mime_type.clone());
        let repository = std::mem::take(&mut self.repository);
        let repository = Arc::into_inner(repository).expect("one owner").with(id, &mime_type, octets);
        self.repository = Arc::new(repository);
        self.registry.0.entries.lock().expect("no panic").push(entry);
    }

    fn add_study(&mut self, plan: &StudyPlan) {
        let (mut first, mut all) = (Vec::new(), Vec::new());
        for part in [Part::First, Part::Later] {
            for instance in made(plan, part) {
                let header = dicom::Header::from_slice(&instance.bytes).expect("a readable object");
                let described = StudyInstance::from_header(&header).expect("a described object");
                self.imaging.instances.lock().expect("no panic").push(FakeInstance {
                    study: described.study.clone(),
                    series: described.series.clone(),
                    instance: described.sop_instance.clone(),
                    transfer_syntax: TransferSyntaxUid::parse(instance.transfer_syntax).expect("a UID"),
                    octets: instance.bytes.into(),
                    break_after: None,
                });
                if part == Part::First {
                    first.push(described.clone());
                }
                all.push(described);
            }
        }
        if plan.grows() {
            let old = self.add_manifest(plan, &first, "first");
            let new = self.add_manifest(plan, &all, "all");
            self.deprecate(&old);
            self.relate(AssociationType::Rplc, &new, &old);
        } else {
            self.add_manifest(plan, &all, "all");
        }
    }

    fn add_manifest(&mut self, plan: &StudyPlan, instances: &[StudyInstance], version: &str) -> ObjectId {
        let words = format!("{}/{version}", plan.key);
        let source = kos::Source {
            flavour: ManifestFlavour::Mcwg,
            institution: Some(institution(plan)),
            patient_issuer: Some(oid(synth::PATIENT_DOMAIN)),
            accession_issuer: Some(oid(&format!("{}.3", issuer(plan)))),
            placer_issuer: Some(oid(&format!("{}.4", issuer(plan)))),
            retrieve_base_url: Some(format!("https://{}.example/dicomweb", plan.hospital.as_str())),
            retrieve_location_uid: RetrieveLocationUid::parse("2.25.301").expect("a UID"),
            retrieve_ae_title: None,
            regions: regions(),
            timezone: plan.utc_offset().to_owned(),
            manufacturer: "manifold".into(),
        };
        let created = utc(&format!("{}{}", plan.date, plan.time), plan.utc_offset());
        let created = Dtm::from_unix_seconds(created.unix_seconds() + if version == "first" { 1800 } else { 70_000 });
        let new = NewManifest {
            sop_instance: SopInstanceUid::parse(&synth::uid(&format!("kos/{words}"))).expect("a UID"),
            series_instance: SeriesInstanceUid::parse(&synth::uid(&format!("kos-series/{words}"))).expect("a UID"),
            created,
        };
        let manifest = kos::build(instances, &source, &new).expect("a manifest");
        let defaults = kos::EntryDefaults {
            id: uuid(&format!("entry/{words}")),
            patient_id: patient_id(person(plan).id),
            source_patient_domain: Some(oid(synth::PATIENT_DOMAIN)),
            class_code: Code::new("IMAGES", schemes::IHE_CLASS, "Images"),
            type_code: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
            procedure_as_type_code: false,
            healthcare_facility_type_code: Code::new("22232009", schemes::SNOMED_CT, "Hospital"),
            practice_setting_code: Code::new("394914008", schemes::SNOMED_CT, "Radiology"),
            confidentiality_codes: vec![Code::new("N", schemes::CONFIDENTIALITY, "normal")],
            language_code: "en".into(),
            institution: None,
            authors: Vec::new(),
        };
        let mut entry = kos::document_entry(&manifest, &defaults);
        entry.repository_unique_id = Some(oid("2.999.1.1"));
        let octets = kos::encode(&manifest).expect("an encoded manifest");
        entry.size_octets = Some(octets.len() as u64);
        let id = entry.id.clone();
        self.register(entry, octets);
        id
    }

    fn add_report(&mut self, plan: &StudyPlan) {
        let (Some(text), Some(known)) = (&plan.report, plan.person()) else { return };
        let unique_id = UniqueId::parse(&synth::uid(&format!("report/{}", plan.key))).expect("a uniqueId");
        let xcn = |pn: &str| {
            let name = PersonName::from_dicom(pn);
            Xcn::parse(&format!("^{}^{}^^^{}", name.family, name.given, name.prefix)).ok()
        };
        let content = match known.id {
            // One hospital still sends plain text.
            "P0004" => ReportContent::Text(text.plain()),
            _ => ReportContent::Pdf(synth::report_pdf(plan, known).expect("a PDF")),
        };
        let report = Report {
            unique_id: unique_id.clone(),
            set_id: unique_id,
            version: 1,
            replaces: None,
            patient: Patient {
                id: patient_id(known.id),
                other_ids: Vec::new(),
                name: PersonName::from_dicom(plan.object_name()),
                birth_date: Dtm::parse(known.birth_date).ok(),
                sex: Sex::from_code(known.sex),
                details: Default::default(),
            },
            title: text.title.clone(),
            kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
            confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
            language: "en".into(),
            effective_time: utc(&text.signed_at, plan.utc_offset()),
            author: xcn(text.author),
            institution: institution(plan),
            legal_authenticator: xcn(text.author),
            studies: vec![ReportStudy {
                study: StudyInstanceUid::parse(&plan.study_uid).expect("a UID"),
                procedure: Some(code(&plan.procedure)),
                start: Some(utc(&format!("{}{}", plan.date, plan.time), plan.utc_offset())),
                stop: None,
            }],
            orders: vec![Order {
                accession_number: plan.accession.clone(),
                accession_issuer: Some(oid(&format!("{}.3", issuer(plan)))),
                placer_order_number: plan.placer_order.clone(),
                placer_issuer: Some(oid(&format!("{}.4", issuer(plan)))),
            }],
            content,
        };
        let mut defaults = hl7v3::cda::EntryDefaults::new(uuid(&format!("report-entry/{}", plan.key)));
        let modality = Code::new(plan.modality, schemes::DCM, kos::modality_name(plan.modality).unwrap_or_default());
        defaults.event_code_list = vec![modality];
        let regions = regions().regions([&code(&plan.region)], [plan.body_part], [&code(&plan.procedure)]);
        defaults.event_code_list.extend(regions);
        let mut entry = hl7v3::cda::document_entry(&report, &defaults);
        entry.repository_unique_id = Some(oid("2.999.1.1"));
        let mut octets = hl7v3::cda::encode(&report);
        if known.id == "P0003" {
            octets = structured(&String::from_utf8(octets).expect("UTF-8"), text);
        }
        entry.size_octets = Some(octets.len() as u64);
        let id = entry.id.clone();
        match (known.id, plan.modality) {
            // The repository lost it.
            ("P0007", _) => self.registry.0.entries.lock().expect("no panic").push(entry),
            // Its author took it back.
            ("P0005", "US") => {
                self.register(entry, octets);
                self.deprecate(&id);
            }
            _ => self.register(entry, octets),
        }
    }

    pub fn deprecate(&self, id: &ObjectId) {
        for entry in self.registry.0.entries.lock().expect("no panic").iter_mut().filter(|entry| entry.id == *id) {
            entry.availability_status = AvailabilityStatus::Deprecated;
        }
    }

    fn relate(&self, kind: AssociationType, source: &ObjectId, target: &ObjectId) {
        self.registry.0.associations.lock().expect("no panic").push(Association {
            id: uuid(&format!("{source}{target}")),
            kind,
            source: source.clone(),
            target: target.clone(),
            availability_status: AvailabilityStatus::Approved,
            home_community_id: None,
            submission_set_status: None,
            documentation: None,
            extra: Vec::new(),
        });
    }

    pub fn portal(&self, edge: Edge, cache_folder: &Path) -> Portal {
        let imaging: Arc<dyn Imaging> = self.imaging.clone();
        let directory = move |_: &ManifestSeries| -> Result<Arc<dyn Imaging>, Fault> { Ok(imaging.clone()) };
        Portal {
            identity: self.identity.clone(),
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            imaging: Arc::new(directory),
            regions: regions(),
            edge,
            patient_domain: oid(synth::PATIENT_DOMAIN),
            time_zone: pages::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone"),
            node: "central".into(),
            cache_folder: cache_folder.to_path_buf(),
            cache_octets: CACHE_OCTETS,
        }
    }
}

/// The same report with sections instead of a PDF.
fn structured(cda: &str, text: &synth::ReportText) -> Vec<u8> {
    let paragraph = |text: &str| format!("<paragraph>{text}</paragraph>");
    let section = |title: &str, body: String| {
        format!("<component><section><title>{title}</title><text>{body}</text></section></component>")
    };
    let findings: String = text.findings.iter().map(|finding| paragraph(finding)).collect();
    let impression: String = text.impression.iter().map(|line| format!("<item>{line}</item>")).collect();
    let table = "<table><caption>Dose</caption><tbody><tr><th>Series</th><th>DLP</th></tr>\
                 <tr><td>Head axial</td><td>812 mGy cm</td></tr></tbody></table>";
    let body = [
        section("Indication", paragraph(&text.indication)),
        section("Technique", paragraph(&text.technique) + table),
        section("Findings", findings),
        section("Impression", format!("<list listType=\"ordered\">{impression}</list>")),
    ];
    let start = cda.find("<nonXMLBody").expect("a body");
    let end = cda.find("</nonXMLBody>").expect("a body") + "</nonXMLBody>".len();
    let structured = format!("<structuredBody>{}</structuredBody>", body.concat());
    format!("{}{structured}{}", &cda[..start], &cda[end..]).into_bytes()
}
