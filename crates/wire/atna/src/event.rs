//! One audit event as a value, and how it is put together. Source: DICOM PS3.15 A.5.2, IHE ITI TF-2 3.20.

use crate::coded::Coded;
use crate::codes;
use model::{HomeCommunityId, Oid, PatientId, StudyInstanceUid, UniqueId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// EventActionCode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "C")]
    Create,
    #[serde(rename = "R")]
    Read,
    #[serde(rename = "U")]
    Update,
    #[serde(rename = "D")]
    Delete,
    #[serde(rename = "E")]
    Execute,
}

impl Action {
    pub fn code(self) -> &'static str {
        match self {
            Action::Create => "C",
            Action::Read => "R",
            Action::Update => "U",
            Action::Delete => "D",
            Action::Execute => "E",
        }
    }
}

/// EventOutcomeIndicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Outcome {
    Success,
    /// The request was refused or could not be met: wrong input, unknown patient, denied.
    MinorFailure,
    /// The node failed at it.
    SeriousFailure,
    /// The application is no longer available.
    MajorFailure,
}

impl Outcome {
    pub fn indicator(self) -> u8 {
        match self {
            Outcome::Success => 0,
            Outcome::MinorFailure => 4,
            Outcome::SeriousFailure => 8,
            Outcome::MajorFailure => 12,
        }
    }
}

impl From<Outcome> for u8 {
    fn from(outcome: Outcome) -> u8 {
        outcome.indicator()
    }
}

impl TryFrom<u8> for Outcome {
    type Error = &'static str;

    fn try_from(indicator: u8) -> Result<Self, Self::Error> {
        [Outcome::Success, Outcome::MinorFailure, Outcome::SeriousFailure, Outcome::MajorFailure]
            .into_iter()
            .find(|outcome| outcome.indicator() == indicator)
            .ok_or("expected an outcome of 0, 4, 8 or 12")
    }
}

/// The system that records: AuditSourceIdentification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSource {
    /// The node's name.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise_site: Option<String>,
    /// AuditSourceTypeCode 1 to 9; 4 is an application server.
    pub kind: u8,
}

impl AuditSource {
    /// An application server.
    pub fn new(id: impl Into<String>) -> Self {
        AuditSource { id: id.into(), enterprise_site: None, kind: 4 }
    }
}

/// One end of a transaction, before it is known which role it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// UserID: the endpoint URI, the wsa:ReplyTo address, the AE title, the device and facility of MSH.
    pub user_id: String,
    /// AlternativeUserID: the process id of this node, the AE titles.
    pub process: Option<String>,
    /// Host name or IP address.
    pub host: Option<String>,
}

impl Endpoint {
    pub fn new(user_id: impl Into<String>) -> Self {
        Endpoint { user_id: user_id.into(), ..Endpoint::default() }
    }

    pub fn process(mut self, id: impl Into<String>) -> Self {
        self.process = Some(id.into());
        self
    }

    pub fn at(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    pub(crate) fn participant(self, roles: Vec<Coded>, requestor: bool) -> ActiveParticipant {
        ActiveParticipant {
            user_id: self.user_id,
            alternative_user_id: self.process,
            user_name: None,
            requestor,
            roles,
            network: self.host,
        }
    }
}

/// Who took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveParticipant {
    pub user_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative_user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    pub requestor: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Coded>,
    /// IP address or host name; the type code follows from its form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// ParticipantObjectTypeCode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectType {
    Person,
    System,
    Organization,
    Other,
}

impl ObjectType {
    pub fn code(self) -> u8 {
        match self {
            ObjectType::Person => 1,
            ObjectType::System => 2,
            ObjectType::Organization => 3,
            ObjectType::Other => 4,
        }
    }
}

/// ParticipantObjectTypeCodeRole; those that occur here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectRole {
    Patient,
    Report,
    Resource,
    SecurityResource,
    /// "Job" in PS3.15; IHE uses it for a submission set.
    Job,
    Query,
}

impl ObjectRole {
    pub fn code(self) -> u8 {
        match self {
            ObjectRole::Patient => 1,
            ObjectRole::Report => 3,
            ObjectRole::Resource => 4,
            ObjectRole::SecurityResource => 13,
            ObjectRole::Job => 20,
            ObjectRole::Query => 24,
        }
    }
}

/// How many instances of a class a transfer had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SopClassCount {
    pub uid: String,
    pub instances: u64,
}

/// ParticipantObjectDetail: the value is text here and base64 on the wire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    pub value: String,
}

/// What it was done to. Debug hides identifiers, queries and details.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantObject {
    pub id: String,
    pub id_type: Coded,
    #[serde(rename = "type")]
    pub kind: ObjectType,
    pub role: ObjectRole,
    #[serde(default, with = "crate::json::base64_text", skip_serializing_if = "Option::is_none")]
    pub query: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sop_classes: Vec<SopClassCount>,
}

impl std::fmt::Debug for ParticipantObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParticipantObject({:?} {:?})", self.kind, self.role)
    }
}

impl std::fmt::Debug for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detail({})", self.kind)
    }
}

/// A query longer than this is cut in the record, and the record says so: a receiver need not take more than 32 KiB.
pub const MOST_QUERY_OCTETS: usize = 16 * 1024;

impl ParticipantObject {
    pub fn new(id: impl Into<String>, id_type: Coded, kind: ObjectType, role: ObjectRole) -> Self {
        ParticipantObject {
            id: id.into(),
            id_type,
            kind,
            role,
            query: None,
            details: Vec::new(),
            accessions: Vec::new(),
            sop_classes: Vec::new(),
        }
    }

    pub fn detail(mut self, kind: &'static str, value: impl Into<String>) -> Self {
        self.details.push(Detail { kind: Cow::Borrowed(kind), value: value.into() });
        self
    }
}

/// What [`AuditEvent::security_alert`] can warn of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityAlert {
    /// A peer could not prove who it is.
    NodeAuthentication,
    EmergencyOverrideStarted,
    EmergencyOverrideStopped,
    SecurityConfiguration,
    UseOfRestrictedFunction,
}

impl SecurityAlert {
    fn code(self) -> Coded {
        let (code, display) = match self {
            SecurityAlert::NodeAuthentication => ("110126", "Node Authentication"),
            SecurityAlert::EmergencyOverrideStarted => ("110127", "Emergency Override Started"),
            SecurityAlert::EmergencyOverrideStopped => ("110138", "Emergency Override Stopped"),
            SecurityAlert::SecurityConfiguration => ("110129", "Security Configuration"),
            SecurityAlert::UseOfRestrictedFunction => ("110132", "Use of Restricted Function"),
        };
        Coded::of(code, "DCM", display)
    }
}

/// One record. Shape: participants in the order source, destination, users; one patient at most in most transactions,
/// and one event per patient where a standard says so.
/// Units: `time_unix_ms` in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// `ITI-18`, `C-STORE`; empty when it is about no transaction.
    pub transaction: Cow<'static, str>,
    pub event_id: Coded,
    pub type_codes: Vec<Coded>,
    pub action: Action,
    pub outcome: Outcome,
    pub outcome_description: Option<String>,
    pub time_unix_ms: i64,
    pub purpose_of_use: Vec<Coded>,
    pub participants: Vec<ActiveParticipant>,
    pub source: AuditSource,
    pub objects: Vec<ParticipantObject>,
    /// Ties the record to the log line and to the events of the same request; not part of the XML.
    pub request_id: Option<String>,
}

impl AuditEvent {
    fn base(event_id: Coded, kind: Coded, outcome: Outcome, time_unix_ms: i64, source: AuditSource) -> Self {
        AuditEvent {
            transaction: Cow::Borrowed(""),
            event_id,
            type_codes: vec![kind],
            action: Action::Execute,
            outcome,
            outcome_description: None,
            time_unix_ms,
            purpose_of_use: Vec::new(),
            participants: Vec::new(),
            source,
            objects: Vec::new(),
            request_id: None,
        }
    }

    /// The node starts (`true`) or stops. Source: PS3.15 A.5.3.1.
    pub fn application_activity(starts: bool, time_unix_ms: i64, source: AuditSource, node: Endpoint) -> Self {
        let kind = if starts { codes::APPLICATION_START } else { codes::APPLICATION_STOP };
        let mut event = Self::base(codes::APPLICATION_ACTIVITY, kind, Outcome::Success, time_unix_ms, source);
        event.participants.push(node.participant(vec![codes::APPLICATION], false));
        event
    }

    /// Something that whoever guards the node should look at; `subject` is a URI or host, `description` in words and
    /// without patient data. Source: PS3.15 A.5.3.11.
    pub fn security_alert(
        alert: SecurityAlert,
        outcome: Outcome,
        time_unix_ms: i64,
        source: AuditSource,
        reporter: Endpoint,
        subject: &str,
        description: &str,
    ) -> Self {
        let mut event = Self::base(codes::SECURITY_ALERT, alert.code(), outcome, time_unix_ms, source);
        event.participants.push(reporter.participant(vec![codes::APPLICATION], true));
        event.objects.push(
            ParticipantObject::new(subject, codes::URI, ObjectType::System, ObjectRole::SecurityResource)
                .detail("Alert Description", description),
        );
        event
    }

    /// The audit log itself was read. Source: PS3.15 A.5.3.2.
    pub fn audit_log_used(time_unix_ms: i64, source: AuditSource, reader: Endpoint, log_uri: &str) -> Self {
        let mut event =
            Self::base(codes::AUDIT_LOG_USED, codes::AUDIT_LOG_USED, Outcome::Success, time_unix_ms, source);
        event.type_codes.clear();
        event.action = Action::Read;
        event.participants.push(reader.participant(Vec::new(), true));
        let log = ParticipantObject::new(log_uri, codes::URI, ObjectType::System, ObjectRole::SecurityResource);
        event.objects.push(log);
        event
    }

    /// Why it failed, in words and without patient data.
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.outcome_description = Some(description.into());
        self
    }

    /// Another action than the transaction's first: a revision or a merge instead of a creation.
    pub fn acting(mut self, action: Action) -> Self {
        self.action = action;
        for code in self.type_codes.iter_mut().filter(|code| code.system == codes::INTERACTIONS) {
            *code = crate::events::interaction(action);
        }
        self
    }

    /// The person behind the request, from a token or an assertion.
    pub fn user(mut self, user_id: impl Into<String>, name: Option<String>, roles: Vec<Coded>) -> Self {
        let user = ActiveParticipant {
            user_id: user_id.into(),
            alternative_user_id: None,
            user_name: name,
            requestor: true,
            roles,
            network: None,
        };
        self.participants.push(user);
        self
    }

    pub fn for_purpose(mut self, purpose: Coded) -> Self {
        self.purpose_of_use.push(purpose);
        self
    }

    pub fn request(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    pub fn object(mut self, object: ParticipantObject) -> Self {
        self.objects.push(object);
        self
    }

    pub fn patient(self, id: &PatientId) -> Self {
        let number = codes::PATIENT_NUMBER;
        self.object(ParticipantObject::new(id.to_string(), number, ObjectType::Person, ObjectRole::Patient))
    }

    pub fn submission_set(self, id: &UniqueId) -> Self {
        let kind = codes::SUBMISSION_SET;
        self.object(ParticipantObject::new(id.as_str(), kind, ObjectType::System, ObjectRole::Job))
    }

    /// `id`: the stored query's UUID, or empty for a search by URL. `query`: the request as it came.
    pub fn query(self, id: &str, query: &[u8]) -> Self {
        let id_type = self.type_codes.last().cloned().unwrap_or(codes::URI);
        let mut object = ParticipantObject::new(id, id_type, ObjectType::System, ObjectRole::Query);
        object.query = Some(query[..query.len().min(MOST_QUERY_OCTETS)].to_vec());
        object = object.detail("QueryEncoding", "UTF-8");
        if query.len() > MOST_QUERY_OCTETS {
            object = object.detail("QueryLength", query.len().to_string());
        }
        self.object(object)
    }

    pub fn document(self, id: &UniqueId, repository: Option<&Oid>, home: Option<&HomeCommunityId>) -> Self {
        let kind = codes::REPORT_NUMBER;
        let mut object = ParticipantObject::new(id.as_str(), kind, ObjectType::System, ObjectRole::Report);
        if let Some(repository) = repository {
            object = object.detail("Repository Unique Id", repository.as_str());
        }
        if let Some(home) = home {
            object = object.detail("ihe:homeCommunityID", home.to_string());
        }
        self.object(object)
    }

    pub fn study(self, uid: &StudyInstanceUid, sop_classes: Vec<SopClassCount>, accessions: Vec<String>) -> Self {
        let kind = codes::STUDY_INSTANCE_UID;
        let object = ParticipantObject::new(uid.as_str(), kind, ObjectType::System, ObjectRole::Report);
        self.object(ParticipantObject { sop_classes, accessions, ..object })
    }
}
