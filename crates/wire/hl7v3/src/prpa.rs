//! ITI-44 Patient Identity Feed HL7 V3: the messages of the three triggers and their acknowledgement, as the element in
//! the SOAP body. Source: spec/xds.md 20, spec/reports.md 9, HL7 V3 NE2008 schemas PRPA_IN201301UV02, 302, 304 and
//! MCCI_IN000002UV01.

use crate::datatypes::{
    InstanceId, child_time, clean, leaf, read_name, read_sex, time_text, write_birth_time, write_name, write_sex,
};
use crate::{DecodeError, NAMESPACE, details};
use model::{Dtm, Oid, Patient, PatientDetails, PatientId, PersonName, Sex};
use xml::{Element, XmlWriter};

/// Root of every interactionId.
const INTERACTIONS: &str = "2.16.840.1.113883.1.6";
/// Code system of trigger events.
const TRIGGERS: &str = "2.16.840.1.113883.1.18";

/// What happened to the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    Add,
    Revise,
    /// Duplicates resolved.
    Merge,
}

impl Trigger {
    /// Name of the message, which is also its interaction id; the SOAP action is `urn:hl7-org:v3:` in front of it.
    pub fn interaction(self) -> &'static str {
        match self {
            Trigger::Add => "PRPA_IN201301UV02",
            Trigger::Revise => "PRPA_IN201302UV02",
            Trigger::Merge => "PRPA_IN201304UV02",
        }
    }

    fn event(self) -> &'static str {
        match self {
            Trigger::Add => "PRPA_TE201301UV02",
            Trigger::Revise => "PRPA_TE201302UV02",
            Trigger::Merge => "PRPA_TE201304UV02",
        }
    }

    fn named(interaction: &str) -> Option<Trigger> {
        [Trigger::Add, Trigger::Revise, Trigger::Merge].into_iter().find(|t| t.interaction() == interaction)
    }
}

/// Name of the acknowledgement message.
pub const ACKNOWLEDGEMENT: &str = "MCCI_IN000002UV01";

/// The transmission wrapper of a message or acknowledgement that we write. Identifiers and the time are the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmission {
    pub id: InstanceId,
    pub creation_time: Dtm,
    /// OID of the sending device.
    pub sender: Oid,
    pub receiver: Oid,
}

/// A feed message as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientFeed {
    pub message_id: InstanceId,
    pub trigger: Trigger,
    pub creation_time: Option<Dtm>,
    /// Device OIDs of the wrapper, for the acknowledgement and the audit.
    pub sender: Option<String>,
    pub receiver: Option<String>,
    /// patient/id: those of the source's own domains that have an OID; of a merge, the survivor's. At least one.
    pub patient_ids: Vec<PatientId>,
    /// Identifiers of the same person elsewhere (asOtherIDs).
    pub other_ids: Vec<PatientId>,
    pub name: PersonName,
    pub birth_date: Option<Dtm>,
    pub sex: Option<Sex>,
    pub details: PatientDetails,
    /// Of a merge: identifiers that are gone. IHE wants exactly one; the identity manager decides about more.
    pub subsumed: Vec<PatientId>,
}

impl std::fmt::Debug for PatientFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PatientFeed")
            .field("message_id", &self.message_id)
            .field("trigger", &self.trigger)
            .field("patient_ids", &self.patient_ids)
            .field("subsumed", &self.subsumed)
            .finish_non_exhaustive()
    }
}

impl PatientFeed {
    /// The patient under its identifier in `domain`; `None` when the message has none there.
    pub fn patient(&self, domain: &Oid) -> Option<Patient> {
        let all = || self.patient_ids.iter().chain(&self.other_ids);
        let id = all().find(|id| id.domain == *domain)?;
        Some(Patient {
            id: id.clone(),
            other_ids: all().filter(|other| *other != id).cloned().collect(),
            name: self.name.clone(),
            birth_date: self.birth_date.clone(),
            sex: self.sex,
            details: self.details.clone(),
        })
    }
}

/// How a message was received. Accept codes answer the transport (what ITI-44 asks for), application codes the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckCode {
    AcceptAccept,
    AcceptError,
    AcceptReject,
    ApplicationAccept,
    ApplicationError,
    ApplicationReject,
}

impl AckCode {
    pub const ALL: [AckCode; 6] = [
        AckCode::AcceptAccept,
        AckCode::AcceptError,
        AckCode::AcceptReject,
        AckCode::ApplicationAccept,
        AckCode::ApplicationError,
        AckCode::ApplicationReject,
    ];

    pub fn code(self) -> &'static str {
        match self {
            AckCode::AcceptAccept => "CA",
            AckCode::AcceptError => "CE",
            AckCode::AcceptReject => "CR",
            AckCode::ApplicationAccept => "AA",
            AckCode::ApplicationError => "AE",
            AckCode::ApplicationReject => "AR",
        }
    }

    /// True for CA and AA.
    pub fn accepted(self) -> bool {
        matches!(self, AckCode::AcceptAccept | AckCode::ApplicationAccept)
    }
}

/// A remark of the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AckDetail {
    /// `E`, `W` or `I`.
    pub kind: DetailKind,
    pub code: Option<String>,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailKind {
    Error,
    Warning,
    Information,
}

impl DetailKind {
    fn code(self) -> &'static str {
        match self {
            DetailKind::Error => "E",
            DetailKind::Warning => "W",
            DetailKind::Information => "I",
        }
    }
}

/// An acknowledgement as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    pub message_id: InstanceId,
    pub code: AckCode,
    /// Id of the message that is acknowledged.
    pub target: InstanceId,
    pub details: Vec<AckDetail>,
}

/// PRPA_IN201301UV02: a patient that is new.
pub fn encode_add(patient: &Patient, transmission: &Transmission) -> Vec<u8> {
    encode(Trigger::Add, patient, None, transmission)
}

/// PRPA_IN201302UV02: a patient whose data changed. The message holds all that is known, not the difference.
pub fn encode_revise(patient: &Patient, transmission: &Transmission) -> Vec<u8> {
    encode(Trigger::Revise, patient, None, transmission)
}

/// PRPA_IN201304UV02: `subsumed` is `survivor`.
pub fn encode_merge(survivor: &Patient, subsumed: &PatientId, transmission: &Transmission) -> Vec<u8> {
    encode(Trigger::Merge, survivor, Some(subsumed), transmission)
}

/// MCCI_IN000002UV01, from the receiver of the message `target`.
pub fn encode_ack(transmission: &Transmission, code: AckCode, target: &InstanceId, details: &[AckDetail]) -> Vec<u8> {
    let mut xml = XmlWriter::new();
    wrapper(&mut xml, ACKNOWLEDGEMENT, transmission, "NE");
    xml.start("acknowledgement");
    xml.start("typeCode").attr("code", code.code()).end();
    xml.start("targetMessage");
    target.write(&mut xml, "id");
    xml.end();
    for detail in details {
        xml.start("acknowledgementDetail").attr("typeCode", detail.kind.code());
        if let Some(code) = detail.code.as_deref().map(clean).filter(|c| !c.is_empty() && !c.contains(' ')) {
            xml.start("code").attr("code", &code).end();
        }
        leaf(&mut xml, "text", &detail.text);
        xml.end();
    }
    xml.finish()
}

fn encode(trigger: Trigger, patient: &Patient, subsumed: Option<&PatientId>, transmission: &Transmission) -> Vec<u8> {
    let mut xml = XmlWriter::with_capacity(4096);
    wrapper(&mut xml, trigger.interaction(), transmission, "AL");
    xml.start("controlActProcess").attr("classCode", "CACT").attr("moodCode", "EVN");
    xml.start("code").attr("code", trigger.event()).attr("codeSystem", TRIGGERS).end();
    xml.start("subject").attr("typeCode", "SUBJ").attr("contextConductionInd", "false");
    xml.start("registrationEvent").attr("classCode", "REG").attr("moodCode", "EVN");
    xml.start("id").attr("nullFlavor", "NA").end();
    xml.start("statusCode").attr("code", "active").end();
    xml.start("subject1").attr("typeCode", "SBJ");
    write_patient(&mut xml, patient);
    xml.end();
    xml.start("custodian").attr("typeCode", "CST").start("assignedEntity").attr("classCode", "ASSIGNED");
    InstanceId::root(patient.id.domain.as_str()).write(&mut xml, "id");
    xml.end().end();
    if let Some(subsumed) = subsumed {
        xml.start("replacementOf").attr("typeCode", "RPLC");
        xml.start("priorRegistration").attr("classCode", "REG").attr("moodCode", "EVN");
        xml.start("statusCode").attr("code", "obsolete").end();
        xml.start("subject1").attr("typeCode", "SBJ").start("priorRegisteredRole").attr("classCode", "PAT");
        patient_id(subsumed).write(&mut xml, "id");
        xml.end().end().end().end();
    }
    xml.finish()
}

/// Opens the message and writes what stands before its content.
fn wrapper(xml: &mut XmlWriter, interaction: &str, transmission: &Transmission, accept_ack: &str) {
    xml.start(interaction).ns("", NAMESPACE).attr("ITSVersion", "XML_1.0");
    transmission.id.write(xml, "id");
    xml.start("creationTime").attr("value", &time_text(&transmission.creation_time)).end();
    InstanceId::new(INTERACTIONS, interaction).write(xml, "interactionId");
    xml.start("processingCode").attr("code", "P").end();
    xml.start("processingModeCode").attr("code", "T").end();
    xml.start("acceptAckCode").attr("code", accept_ack).end();
    for (name, kind, device) in [("receiver", "RCV", &transmission.receiver), ("sender", "SND", &transmission.sender)] {
        xml.start(name).attr("typeCode", kind);
        xml.start("device").attr("classCode", "DEV").attr("determinerCode", "INSTANCE");
        InstanceId::root(device.as_str()).write(xml, "id");
        xml.end().end();
    }
}

fn patient_id(id: &PatientId) -> InstanceId {
    InstanceId::new(id.domain.as_str(), &id.id)
}

fn write_patient(xml: &mut XmlWriter, patient: &Patient) {
    xml.start("patient").attr("classCode", "PAT");
    patient_id(&patient.id).write(xml, "id");
    xml.start("statusCode").attr("code", "active").end();
    xml.start("patientPerson").attr("classCode", "PSN").attr("determinerCode", "INSTANCE");
    write_name(xml, &patient.name);
    details::write_telecoms(xml, &patient.details);
    write_sex(xml, patient.sex);
    if patient.birth_date.is_some() {
        write_birth_time(xml, patient.birth_date.as_ref());
    }
    details::write_addresses(xml, &patient.details);
    for other in &patient.other_ids {
        xml.start("asOtherIDs").attr("classCode", "PAT");
        patient_id(other).write(xml, "id");
        organisation(xml, "scopingOrganization", &other.domain);
        xml.end().end();
    }
    details::write_mother(xml, &patient.details);
    xml.end();
    organisation(xml, "providerOrganization", &patient.id.domain);
    xml.start("contactParty").attr("classCode", "CON").start("telecom").attr("nullFlavor", "NI").end().end();
    xml.end().end();
}

/// Left open. The organisation of an identifier has the identifier's own root (ITI TF-2 3.44.4.1.2).
fn organisation(xml: &mut XmlWriter, name: &str, domain: &Oid) {
    xml.start(name).attr("classCode", "ORG").attr("determinerCode", "INSTANCE");
    InstanceId::root(domain.as_str()).write(xml, "id");
}

/// Reads the element in the SOAP body.
///
/// Errors: another message; no message id, which an acknowledgement could name; no patient identifier with an OID; a
/// merge that names nobody who is subsumed.
pub fn decode(message: &Element<'_>) -> Result<PatientFeed, DecodeError> {
    let message = *message;
    let trigger =
        Trigger::named(message.name()).filter(|_| message.namespace() == Some(NAMESPACE)).ok_or_else(|| {
            DecodeError::Root {
                expected: "PRPA_IN201301UV02, PRPA_IN201302UV02 or PRPA_IN201304UV02",
                got: got(message),
            }
        })?;
    let event = path(message, &["controlActProcess", "subject", "registrationEvent"])?;
    let patient = path(event, &["subject1", "patient"])?;
    let patient_ids = ids(patient);
    if patient_ids.is_empty() {
        return Err(missing(patient, "an id with an OID as root and an extension"));
    }
    let subsumed: Vec<PatientId> = event
        .children_named(NAMESPACE, "replacementOf")
        .filter_map(|r| path(r, &["priorRegistration", "subject1", "priorRegisteredRole"]).ok())
        .flat_map(ids)
        .collect();
    if trigger == Trigger::Merge && subsumed.is_empty() {
        return Err(missing(event, "replacementOf with the id that is subsumed"));
    }
    let person = patient.child(NAMESPACE, "patientPerson");
    Ok(PatientFeed {
        message_id: message_id(message)?,
        trigger,
        creation_time: child_time(message, "creationTime"),
        sender: device(message, "sender"),
        receiver: device(message, "receiver"),
        patient_ids,
        other_ids: person
            .map(|p| p.children_named(NAMESPACE, "asOtherIDs").flat_map(ids).collect())
            .unwrap_or_default(),
        name: person.map(read_name).unwrap_or_default(),
        birth_date: person.and_then(|p| p.child(NAMESPACE, "birthTime")).and_then(|b| day(b.attr("value")?)),
        sex: person.and_then(read_sex),
        details: person.map(details::read).unwrap_or_default(),
        subsumed,
    })
}

/// Reads an acknowledgement.
///
/// Errors: another message; no acknowledgement with a code that HL7 knows.
pub fn decode_ack(message: &Element<'_>) -> Result<Ack, DecodeError> {
    let message = *message;
    if !message.is(NAMESPACE, ACKNOWLEDGEMENT) {
        return Err(DecodeError::Root { expected: ACKNOWLEDGEMENT, got: got(message) });
    }
    let acknowledgement = path(message, &["acknowledgement"])?;
    // Leniency: the first edition of the schema has the code as an attribute.
    let code = acknowledgement.child(NAMESPACE, "typeCode").and_then(|t| t.attr("code"));
    let code = code.or_else(|| acknowledgement.attr("typeCode")).map(str::trim);
    let code = AckCode::ALL.into_iter().find(|c| Some(c.code()) == code).ok_or_else(|| DecodeError::Wrong {
        path: acknowledgement.path(),
        expected: "a typeCode of CA, CE, CR, AA, AE or AR",
        got: "another or none",
    })?;
    let target = path(acknowledgement, &["targetMessage", "id"]).map(InstanceId::read).unwrap_or_default();
    let details = acknowledgement.children_named(NAMESPACE, "acknowledgementDetail").take(100).map(detail).collect();
    Ok(Ack { message_id: message_id(message).unwrap_or_default(), code, target, details })
}

fn detail(element: Element<'_>) -> AckDetail {
    let kind = match element.attr("typeCode").map(str::trim) {
        Some("W") => DetailKind::Warning,
        Some("I") => DetailKind::Information,
        _ => DetailKind::Error,
    };
    let code = element.child(NAMESPACE, "code").and_then(|c| c.attr("code"));
    let text = element.child(NAMESPACE, "text").map(|t| t.trimmed().into_owned()).unwrap_or_default();
    AckDetail { kind, code: code.map(str::to_owned), text }
}

fn path<'a>(from: Element<'a>, names: &[&'static str]) -> Result<Element<'a>, DecodeError> {
    names.iter().try_fold(from, |at, name| at.child(NAMESPACE, name).ok_or_else(|| missing(at, name)))
}

fn missing(element: Element<'_>, what: &'static str) -> DecodeError {
    DecodeError::Missing { path: element.path(), what }
}

fn got(element: Element<'_>) -> String {
    element.name().chars().take(40).collect()
}

fn message_id(message: Element<'_>) -> Result<InstanceId, DecodeError> {
    let id = InstanceId::read(path(message, &["id"])?);
    if id == InstanceId::default() {
        return Err(missing(message, "a message id with a root"));
    }
    Ok(id)
}

fn device(message: Element<'_>, side: &'static str) -> Option<String> {
    path(message, &[side, "device", "id"]).ok().and_then(|id| InstanceId::read(id).root)
}

/// Identifiers with an OID as root; others (names of authorities, null flavours) say nothing to a registry. Each once.
fn ids(element: Element<'_>) -> Vec<PatientId> {
    let mut ids = Vec::new();
    for id in element.children_named(NAMESPACE, "id").filter_map(|id| InstanceId::read(id).patient_id()) {
        if !ids.contains(&id) && ids.len() < 256 {
            ids.push(id);
        }
    }
    ids
}

/// A birth date to the day.
fn day(text: &str) -> Option<Dtm> {
    let digits: String = text.trim().chars().take(8).take_while(char::is_ascii_digit).collect();
    Dtm::parse(&digits).ok()
}
