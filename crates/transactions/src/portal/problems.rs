//! Faults in the words of a reader: what happened, who caused it, what to do now. ui.md, principle 7. The texts are in the
//! language files; here is the choice, in a `match` without `_`.

use super::Asked;
use actors::{Fault, Refusal, SilentParty};
use http::StatusCode;
use pages::{Problem, Silent, Texts};
use viewer::RenderError;

/// An error on its way to a reader.
#[derive(Debug)]
pub(super) struct Trouble {
    pub status: StatusCode,
    kind: Kind,
    /// Party or reason that the text names.
    detail: String,
    /// For the log: without patient data.
    pub log: String,
    /// Id of another log line, where the fault happened.
    log_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    UnknownPatient,
    NoDocument,
    /// The registry knows it, its repository does not give it.
    Lost,
    NoImages,
    NoPage,
    NotImages,
    NotShown,
    BadRequest,
    TooMany,
    Denied,
    Busy,
    Silent,
    Remote,
    Unsupported,
    Internal,
}

impl Kind {
    /// Keys of the three texts.
    const fn keys(self) -> [&'static str; 3] {
        match self {
            Kind::UnknownPatient => {
                ["problem.unknown_patient.what", "problem.unknown_patient.who", "problem.unknown_patient.advice"]
            }
            Kind::NoDocument => ["problem.no_document.what", "problem.no_document.who", "problem.no_document.advice"],
            Kind::Lost => ["problem.lost.what", "problem.lost.who", "problem.lost.advice"],
            Kind::NoImages => ["problem.no_images.what", "problem.no_images.who", "problem.no_images.advice"],
            Kind::NoPage => ["problem.no_page.what", "problem.no_page.who", "problem.no_page.advice"],
            Kind::NotImages => ["problem.not_images.what", "problem.not_images.who", "problem.not_images.advice"],
            Kind::NotShown => ["problem.not_shown.what", "problem.not_shown.who", "problem.not_shown.advice"],
            Kind::BadRequest => ["problem.bad_request.what", "problem.bad_request.who", "problem.bad_request.advice"],
            Kind::TooMany => ["problem.too_many.what", "problem.too_many.who", "problem.too_many.advice"],
            Kind::Denied => ["problem.denied.what", "problem.denied.who", "problem.denied.advice"],
            Kind::Busy => ["problem.busy.what", "problem.busy.who", "problem.busy.advice"],
            Kind::Silent => ["problem.silent.what", "problem.silent.who", "problem.silent.advice"],
            Kind::Remote => ["problem.remote.what", "problem.remote.who", "problem.remote.advice"],
            Kind::Unsupported => ["problem.unsupported.what", "problem.unsupported.who", "problem.unsupported.advice"],
            Kind::Internal => ["problem.internal.what", "problem.internal.who", "problem.internal.advice"],
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Kind::UnknownPatient | Kind::NoDocument | Kind::Lost | Kind::NoImages | Kind::NoPage => {
                StatusCode::NOT_FOUND
            }
            Kind::NotImages | Kind::NotShown => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::BadRequest | Kind::TooMany => StatusCode::BAD_REQUEST,
            Kind::Denied => StatusCode::FORBIDDEN,
            Kind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Silent => StatusCode::GATEWAY_TIMEOUT,
            Kind::Remote => StatusCode::BAD_GATEWAY,
            Kind::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn again(self) -> bool {
        matches!(self, Kind::Busy | Kind::Silent | Kind::Remote | Kind::Internal)
    }
}

impl Trouble {
    pub fn of(kind: Kind, detail: impl Into<String>) -> Trouble {
        let detail = detail.into();
        Trouble { status: kind.status(), kind, log: format!("{kind:?}"), detail, log_id: None }
    }

    /// There is no patient behind it.
    pub fn leads_nowhere(&self) -> bool {
        matches!(self.kind, Kind::UnknownPatient | Kind::NoPage)
    }

    /// For the reader; the reference is this request's, or that of the line which knows more.
    pub fn problem(self, asked: &Asked) -> Problem {
        let texts = asked.texts;
        let [what, who, advice] = self.kind.keys().map(|key| texts.with(key, "detail", &self.detail));
        let reference = self.log_id.unwrap_or_else(|| asked.cx.request_id.clone());
        Problem { what, who, advice, reference, again: self.kind.again() }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Trouble::from(refusal.first())
    }
}

impl From<&Fault> for Trouble {
    fn from(fault: &Fault) -> Self {
        // Texts of a peer or of a rule; who wrote them did not mean them for patients, yet they help who asks for help.
        let (kind, detail) = match fault {
            Fault::UnknownPatient(_) => (Kind::UnknownPatient, String::new()),
            // Only documents that the registry listed a moment ago are asked for.
            Fault::DocumentNotFound(_) | Fault::UnknownRepository { .. } => (Kind::Lost, fault.to_string()),
            Fault::ImagesNotFound(_) => (Kind::NoImages, fault.to_string()),
            Fault::InvalidContent { reason, .. } => (Kind::NotShown, reason.clone()),
            Fault::NotAcceptable(_) | Fault::InvalidInstance { .. } | Fault::InstanceConflict(_) => {
                (Kind::NotShown, fault.to_string())
            }
            Fault::TooManyResults { limit } => (Kind::TooMany, limit.to_string()),
            Fault::Denied(reason) => (Kind::Denied, reason.clone()),
            Fault::Busy | Fault::OutOfResources(_) => (Kind::Busy, String::new()),
            Fault::PeerUnavailable { peer, .. } => (Kind::Silent, peer.clone()),
            Fault::Remote { peer, code, context, .. } => (Kind::Remote, format!("{peer}: {code}, {context}")),
            Fault::Unsupported(what) => (Kind::Unsupported, what.clone()),
            Fault::Internal { .. } => (Kind::Internal, String::new()),
            Fault::InvalidMetadata(_)
            | Fault::InvalidDocument(_)
            | Fault::DuplicateUniqueIdInMessage(_)
            | Fault::DuplicateUniqueId { .. }
            | Fault::NonIdenticalHash(_)
            | Fault::NonIdenticalSize(_)
            | Fault::PatientIdDoesNotMatch { .. }
            | Fault::UnresolvedReference { .. }
            | Fault::DeprecatedTarget(_)
            | Fault::Update { .. }
            | Fault::ReferencesExist { .. }
            | Fault::Unreferenced { .. }
            | Fault::MissingDocument(_)
            | Fault::MissingDocumentMetadata(_)
            | Fault::UnknownQuery(_)
            | Fault::MissingParameter { .. }
            | Fault::ParameterNumber { .. }
            | Fault::InvalidQuery(_)
            | Fault::NotSinglePatient => (Kind::BadRequest, String::new()),
        };
        let log_id = match fault {
            Fault::Internal { log_id } => Some(log_id.clone()),
            _ => None,
        };
        Trouble { status: kind.status(), kind, detail, log: format!("{fault:?}"), log_id }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::from(&fault)
    }
}

impl From<RenderError> for Trouble {
    fn from(error: RenderError) -> Self {
        let kind = match &error {
            RenderError::NoSuchFrame { .. } => Kind::NoImages,
            RenderError::BadRequest(_) => Kind::BadRequest,
            RenderError::Io(_) => Kind::Internal,
            RenderError::NotRenderable(_)
            | RenderError::TooLarge { .. }
            | RenderError::Broken(_)
            | RenderError::Dicom(_) => Kind::NotShown,
        };
        let log = error.to_string();
        // An error of our own disk names a path; that is for the log.
        let detail = if kind == Kind::Internal { String::new() } else { log.clone() };
        Trouble { status: kind.status(), kind, detail, log, log_id: None }
    }
}

/// Who has not answered, and why, in words.
pub(super) fn silent(parties: &[SilentParty], texts: Texts) -> Vec<Silent> {
    let words = |party: &SilentParty| {
        let reason = match &party.fault {
            Fault::PeerUnavailable { reason, .. } => texts.with("silent.reason", "reason", reason),
            Fault::Remote { code, context, .. } => texts.with("silent.refused", "reason", format!("{code}, {context}")),
            other => texts.with("silent.reason", "reason", other),
        };
        Silent { name: party.name.clone(), reason }
    };
    parties.iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_three_texts() {
        let kinds = [
            Kind::UnknownPatient,
            Kind::NoDocument,
            Kind::Lost,
            Kind::NoImages,
            Kind::NoPage,
            Kind::NotImages,
            Kind::NotShown,
            Kind::BadRequest,
            Kind::TooMany,
            Kind::Denied,
            Kind::Busy,
            Kind::Silent,
            Kind::Remote,
            Kind::Unsupported,
            Kind::Internal,
        ];
        for (tag, _) in Texts::all() {
            let texts = Texts::of(tag).unwrap();
            for key in kinds.iter().flat_map(|kind| kind.keys()).chain(["silent.reason", "silent.refused"]) {
                assert!(texts.find(key).is_some_and(|text| !text.is_empty()), "{tag}: {key}");
            }
        }
    }
}
