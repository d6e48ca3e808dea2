//! What the demo's hospitals send: studies by C-STORE to their nodes, reports by ITI-41, exactly as a modality and a
//! reporting system would.

use super::network::{Layout, PATIENT_DOMAIN, oid, xon};
use crate::node::{RandomIdentifiers, SystemClock};
use actors::Cx;
use anyhow::{Context, anyhow};
use dicom::dimse::{ProposedContext, RequestorConfig, status};
use model::{
    Code, Dtm, Oid, Order, Patient, PatientId, PersonName, RegionMap, Report, ReportContent, ReportStudy, Sex,
    StudyInstanceUid, UniqueId, Xcn, Xon, schemes,
};
use net::{DimseClient, HttpClient, HttpClientOptions};
use std::sync::Arc;
use std::time::Duration;
use synth::{Part, StudyPlan, SynthError};
use transactions::edge::soap_client::SoapPeer;
use transactions::iti41_provide_and_register_document_set::Client;
use transactions::report_source::{self, Outgoing};

/// Storage classes of the invented objects.
const CLASSES: [&str; 8] = [
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.3.1",
    "1.2.840.10008.5.1.4.1.1.1.2",
    "1.2.840.10008.5.1.4.1.1.88.11",
    "1.2.840.10008.5.1.4.1.1.88.22",
    "1.2.840.10008.5.1.4.1.1.88.59",
];
const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";

/// Sends one part of a study on one association. Blocks.
pub fn send(layout: &Layout, plan: &StudyPlan, part: Part) -> anyhow::Result<usize> {
    let node = layout.archive(plan.hospital);
    let address = format!("127.0.0.1:{}", layout.dicom_port(node));
    let contexts = ProposedContext::to_store(CLASSES.iter().map(|class| (*class, EXPLICIT_LE)))
        .map_err(|count| anyhow!("{count} presentation contexts are too many"))?;
    let config = RequestorConfig::new(plan.calling_ae, &node.to_uppercase(), contexts);
    let mut association = DimseClient::connect(&address, config, Duration::from_secs(5))?;
    let mut sent = 0;
    synth::write_part(plan, part, |instance| {
        let context = association
            .context_for(instance.sop_class, instance.transfer_syntax)
            .ok_or_else(|| SynthError::Sink(format!("{node} does not take class {}", instance.sop_class)))?;
        let data_set = dicom::scan::scan_slice(&instance.bytes, &dicom::scan::Options::default())
            .map_err(|e| SynthError::Sink(e.to_string()))?
            .data_set_offset;
        let mut octets = &instance.bytes[usize::try_from(data_set).unwrap_or(0)..];
        let response = association
            .store(context, instance.sop_class, &instance.uid, &mut octets)
            .map_err(|e| SynthError::Sink(e.to_string()))?;
        match response.status() {
            Some(status::SUCCESS) => {
                sent += 1;
                Ok(())
            }
            code => {
                let why = response.error_comment().unwrap_or_default();
                Err(SynthError::Sink(format!("{node} answered {code:04x?} to {}: {why}", instance.uid)))
            }
        }
    })
    .with_context(|| format!("sending study {}", plan.study_uid))?;
    association.release()?;
    Ok(sent)
}

/// uniqueId of the study's report, if it has one.
pub fn report_id(plan: &StudyPlan) -> anyhow::Result<Option<UniqueId>> {
    let id = UniqueId::parse(&synth::uid(&format!("report/{}", plan.key)))?;
    Ok(plan.has_report().then_some(id))
}

/// Publishes the report of a study, if it has one, to the repository its hospital uses.
pub async fn report(layout: &Layout, plan: &StudyPlan, regions: &RegionMap) -> anyhow::Result<()> {
    let (Some(text), Some(person), Some(unique_id)) = (&plan.report, plan.person(), report_id(plan)?) else {
        return Ok(());
    };
    let pdf = synth::report_pdf(plan, person)?;
    let cx = Cx::local("demo", Arc::new(SystemClock), Arc::new(RandomIdentifiers));
    let (repository, oid) = (layout.repository(plan.hospital), oid(plan.hospital));
    let study = StudyInstanceUid::parse(&plan.study_uid)?;
    let procedure = code(&plan.procedure);
    let report = Report {
        unique_id: unique_id.clone(),
        set_id: unique_id.clone(),
        version: 1,
        replaces: None,
        patient: Patient {
            id: PatientId::new(person.id, Oid::parse(PATIENT_DOMAIN)?),
            other_ids: Vec::new(),
            name: PersonName::from_dicom(plan.object_name()),
            birth_date: Dtm::parse(person.birth_date).ok(),
            sex: Sex::from_code(person.sex),
            details: Default::default(),
        },
        title: text.title.clone(),
        kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
        language: "en".into(),
        effective_time: utc(&text.signed_at, plan.utc_offset())?,
        author: xcn(text.author),
        institution: Xon::parse(&xon(plan.hospital))?,
        legal_authenticator: xcn(text.author),
        studies: vec![ReportStudy {
            study: study.clone(),
            procedure: Some(procedure.clone()),
            start: Some(utc(&format!("{}{}", plan.date, plan.time), plan.utc_offset())?),
            stop: None,
        }],
        orders: vec![Order {
            accession_number: plan.accession.clone(),
            accession_issuer: Some(Oid::parse(&format!("{oid}.3"))?),
            placer_order_number: plan.placer_order.clone(),
            placer_issuer: Some(Oid::parse(&format!("{oid}.4"))?),
        }],
        content: ReportContent::Pdf(pdf),
    };
    let mut codes = vec![modality(plan.modality)];
    codes.extend(regions.regions([&code(&plan.region)], [plan.body_part], [&procedure]));
    let client = Client { peer: peer(layout, repository)?, memory_octets: 1 << 20 };
    let outgoing = Outgoing {
        report: &report,
        study_codes: vec![(study, codes)],
        replaces: Vec::new(),
        source_id: Oid::parse(&format!("{oid}.8"))?,
    };
    report_source::publish(outgoing, &client, &cx)
        .await
        .with_context(|| format!("publishing the report of {}", plan.key))?;
    Ok(())
}

fn peer(layout: &Layout, node: &str) -> anyhow::Result<SoapPeer> {
    Ok(SoapPeer {
        name: node.to_owned(),
        url: format!("{}/xds/repository", layout.url(node)),
        http: HttpClient::new(&HttpClientOptions::default())?,
        message_octets: 16 << 20,
    })
}

fn code(code: &synth::Code) -> Code {
    let scheme = match code.scheme {
        "SCT" => schemes::SNOMED_CT,
        "LN" => schemes::LOINC,
        "DCM" => schemes::DCM,
        other => other,
    };
    Code::new(code.value, scheme, code.meaning)
}

fn modality(code: &str) -> Code {
    Code::new(code, schemes::DCM, dicom::kos::modality_name(code).unwrap_or(code))
}

fn xcn(pn: &str) -> Option<Xcn> {
    let name = PersonName::from_dicom(pn);
    let text = format!("^{}^{}^{}^{}^{}", name.family, name.given, name.middle, name.suffix, name.prefix);
    Xcn::parse(text.trim_end_matches('^')).ok()
}

/// A local time with its offset `+HHMM` as UTC.
fn utc(local: &str, offset: &str) -> anyhow::Result<Dtm> {
    let at = Dtm::parse(local)?.unix_seconds();
    let hours: i64 = offset.get(1..3).and_then(|h| h.parse().ok()).unwrap_or(0);
    let minutes: i64 = offset.get(3..5).and_then(|m| m.parse().ok()).unwrap_or(0);
    let seconds = hours * 3600 + minutes * 60;
    Ok(Dtm::from_unix_seconds(if offset.starts_with('-') { at + seconds } else { at - seconds }))
}
