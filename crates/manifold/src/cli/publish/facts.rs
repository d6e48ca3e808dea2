//! What a report has to know of its studies and its patient, from the registry: so that report and manifest share their
//! identifiers, and the registry's identity wins. Source: spec/mcwg.md 3.4, 3.6; design.md section 2.

use super::super::connection::{Parties, circumstances};
use super::super::stop::Stop;
use super::super::{output, query, wording};
use actors::{Identity, Registry};
use model::{
    AvailabilityStatus, Code, DocumentEntry, DocumentQuery, Dtm, Order, Patient, PatientId, ReferenceId, RegionMap,
    ReportStudy, StudyInstanceUid, Xon, reference_types,
};
use std::time::{Duration, Instant};
use transactions::iti104_patient_identity_feed_fhir as iti104;

/// A study as its manifest's entry describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyFacts {
    pub study: ReportStudy,
    /// Modality and region.
    pub codes: Vec<Code>,
    pub orders: Vec<Order>,
    pub institution: Option<Xon>,
    pub title: Option<String>,
    pub entry: Option<DocumentEntry>,
}

impl StudyFacts {
    /// A study of which no manifest is registered.
    fn unknown(study: StudyInstanceUid) -> Self {
        StudyFacts {
            study: ReportStudy { study, procedure: None, start: None, stop: None },
            codes: Vec::new(),
            orders: Vec::new(),
            institution: None,
            title: None,
            entry: None,
        }
    }

    fn of(study: StudyInstanceUid, entry: DocumentEntry, map: &RegionMap) -> Self {
        let mut codes: Vec<Code> = wording::modalities(&entry).into_iter().cloned().collect();
        codes.extend(wording::regions(&entry, map).into_iter().cloned());
        StudyFacts {
            study: ReportStudy {
                study,
                procedure: wording::procedures(&entry, map).first().map(|c| (*c).clone()),
                start: entry.service_start_time.clone(),
                stop: entry.service_stop_time.clone(),
            },
            codes,
            orders: orders(&entry),
            institution: entry.authors.iter().flat_map(|a| &a.institutions).next().cloned(),
            title: entry.title.value().map(str::to_owned),
            entry: Some(entry),
        }
    }
}

/// Accession and order numbers. Their order is that of the requests; where one of two is missing somewhere, which belong
/// together is not known and each stands alone.
fn orders(entry: &DocumentEntry) -> Vec<Order> {
    let of = |kind: &'static str| {
        let issuer = |r: &ReferenceId| r.authority.as_ref().and_then(|hd| hd.oid.clone());
        let list = entry.reference_id_list.iter().filter(move |r| r.kind == kind);
        list.map(|r| (r.id.clone(), issuer(r))).collect::<Vec<_>>()
    };
    let (accessions, placers) = (of(reference_types::ACCESSION), of(reference_types::ORDER));
    let with_accession =
        |(accession_number, accession_issuer)| Order { accession_number, accession_issuer, ..Order::default() };
    let with_placer =
        |(placer_order_number, placer_issuer)| Order { placer_order_number, placer_issuer, ..Order::default() };
    if accessions.len() == placers.len() {
        let pairs = accessions.into_iter().zip(placers);
        return pairs
            .map(|(accession, placer)| {
                let Order { placer_order_number, placer_issuer, .. } = with_placer(placer);
                Order { placer_order_number, placer_issuer, ..with_accession(accession) }
            })
            .collect();
    }
    accessions.into_iter().map(with_accession).chain(placers.into_iter().map(with_placer)).collect()
}

/// Looks the studies up, waiting for manifests that are still on their way until `patience` is over.
pub async fn studies(
    parties: &Parties,
    patient: &PatientId,
    studies: &[StudyInstanceUid],
    patience: Duration,
) -> Result<Vec<StudyFacts>, Stop> {
    let map = super::super::regions()?;
    let registry = parties.registry_via(None)?;
    let deadline = Instant::now() + patience;
    let mut out = Vec::with_capacity(studies.len());
    for study in studies {
        let facts = loop {
            if let Some(entry) = manifest(&*registry, patient, study).await? {
                break StudyFacts::of(study.clone(), entry, &map);
            }
            if Instant::now() >= deadline {
                output::note(&format!(
                    "no manifest of study {study} is registered for this patient: the report names the study, without its requests, time and region"
                ));
                break StudyFacts::unknown(study.clone());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        out.push(facts);
    }
    Ok(out)
}

/// The current manifest's entry of a study.
pub async fn manifest(
    registry: &dyn Registry,
    patient: &PatientId,
    study: &StudyInstanceUid,
) -> Result<Option<DocumentEntry>, Stop> {
    let mut query = DocumentQuery::of_patient(patient.clone()).approved();
    query.reference_ids.push(vec![query::study_term(study.as_str())?]);
    let found = registry.find(&query, &circumstances()).await?;
    query::tell_silent(&found.silent);
    let manifests = found
        .items
        .into_iter()
        .filter(|e| wording::kind(e) == wording::Kind::Images && e.availability_status == AvailabilityStatus::Approved);
    Ok(manifests.max_by_key(|e| e.creation_time.as_ref().map(Dtm::start)))
}

/// Who the patient is, as the identity manager knows it; `None` when there is none, it does not answer or does not know.
pub async fn identity(parties: &Parties, id: &PatientId) -> Result<Option<Patient>, Stop> {
    let Some(party) = parties.try_party("ITI-104").or_else(|| parties.try_party("ITI-78")) else { return Ok(None) };
    let name = party.name.clone();
    let client = iti104::Client { peer: parties.fhir(party) };
    match client.find(id, &circumstances()).await {
        Ok(known) => Ok(known.map(|known| Patient { id: id.clone(), ..known })),
        Err(refusal) => {
            output::note(&format!("{name} does not say who the patient is: {refusal}"));
            Ok(None)
        }
    }
}

/// Who the patient is: the registry's identity, else what a manifest's source once wrote.
///
/// Errors: nobody knows.
pub async fn patient(parties: &Parties, id: &PatientId, facts: &[StudyFacts]) -> Result<Patient, Stop> {
    let entries = || facts.iter().filter_map(|f| f.entry.as_ref());
    let local = entries().filter_map(|e| e.source_patient_id.clone()).find(|local| local != id);
    let known = identity(parties, id).await?;
    if let Some(known) = known {
        let other_ids = local.into_iter().collect();
        return Ok(Patient { id: id.clone(), other_ids, ..known });
    }
    let Some(info) = entries().map(|e| &e.source_patient_info).find(|info| info.name().is_some()) else {
        return Err(Stop::failed(format!(
            "neither the identity manager nor a manifest says who patient {} of {} is; feed the identity first or name a published study by --study",
            id.id, id.domain
        )));
    };
    output::note("the patient's name is taken from the manifest of the study: no identity manager knows it");
    Ok(Patient {
        id: id.clone(),
        other_ids: local.into_iter().collect(),
        name: info.name().unwrap_or_default(),
        birth_date: info.birth_date(),
        sex: info.sex(),
        details: Default::default(),
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use hl7v3::cda::EntryDefaults;
    use model::{ObjectId, Oid, Report, ReportContent, UniqueId, schemes};

    fn oid(text: &str) -> Oid {
        Oid::parse(text).unwrap()
    }

    /// An invented entry with everything that output shows.
    pub fn sample_entry() -> DocumentEntry {
        entry(&["2.25.9^^^^urn:ihe:iti:xds:2016:studyInstanceUID", "A1^^^^urn:ihe:iti:xds:2013:accession"])
    }

    /// An entry as a manifest has it, for what the facts read of it.
    pub fn entry(references: &[&str]) -> DocumentEntry {
        let id = PatientId::new("P1", oid("2.999.7"));
        let report = Report {
            unique_id: UniqueId::parse("2.25.1").unwrap(),
            set_id: UniqueId::parse("2.25.1").unwrap(),
            version: 1,
            replaces: None,
            patient: Patient {
                id,
                other_ids: vec![],
                name: Default::default(),
                birth_date: None,
                sex: None,
                details: Default::default(),
            },
            title: "CT chest".into(),
            kind: Code::new("18748-4", schemes::LOINC, ""),
            confidentiality: Code::new("N", schemes::CONFIDENTIALITY, ""),
            language: "en".into(),
            effective_time: Dtm::parse("20260312").unwrap(),
            author: None,
            institution: Xon::parse("North").unwrap(),
            legal_authenticator: None,
            studies: vec![],
            orders: vec![],
            content: ReportContent::Text(String::new()),
        };
        let mut entry = hl7v3::cda::document_entry(&report, &EntryDefaults::new(ObjectId::parse("e").unwrap()));
        entry.reference_id_list = references.iter().map(|r| ReferenceId::parse(r).unwrap()).collect();
        entry.event_code_list = vec![
            Code::new("CT", schemes::DCM, "Computed Tomography"),
            Code::new("67734004", schemes::SNOMED_CT, "Upper trunk"),
            Code::new("169069000", schemes::SNOMED_CT, "CT of chest"),
        ];
        entry
    }

    #[test]
    fn numbers_that_come_in_pairs_stay_together() {
        let entry = entry(&[
            "A1^^^&2.999.3&ISO^urn:ihe:iti:xds:2013:accession",
            "O1^^^&2.999.4&ISO^urn:ihe:iti:xds:2013:order",
        ]);
        let orders = orders(&entry);
        assert_eq!(orders.len(), 1);
        assert_eq!((orders[0].accession_number.as_str(), orders[0].placer_order_number.as_str()), ("A1", "O1"));
        assert_eq!(orders[0].placer_issuer, Some(oid("2.999.4")));
    }

    #[test]
    fn numbers_of_which_some_lack_a_partner_stand_alone() {
        let entry = entry(&[
            "A1^^^^urn:ihe:iti:xds:2013:accession",
            "A2^^^^urn:ihe:iti:xds:2013:accession",
            "O1^^^^urn:ihe:iti:xds:2013:order",
        ]);
        let orders = orders(&entry);
        let numbers: Vec<_> =
            orders.iter().map(|o| (o.accession_number.as_str(), o.placer_order_number.as_str())).collect();
        assert_eq!(numbers, [("A1", ""), ("A2", ""), ("", "O1")]);
    }

    #[test]
    fn modality_region_and_procedure_are_told_apart() {
        let study = StudyInstanceUid::parse("2.25.9").unwrap();
        let facts = StudyFacts::of(study, entry(&[]), &super::super::super::regions().unwrap());
        let codes: Vec<&str> = facts.codes.iter().map(|c| c.code.as_str()).collect();
        assert_eq!(codes, ["CT", "67734004"]);
        assert_eq!(facts.study.procedure.unwrap().code, "169069000");
    }
}
