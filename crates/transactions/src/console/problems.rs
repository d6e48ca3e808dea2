//! What the console cannot do, in the words of a reader: what happened, who caused it, what to do now. ui.md, principle 7.

use crate::edge::pages::Asked;
use actors::Fault;
use http::StatusCode;
use pages::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NoStudy,
    /// There is nothing to try again.
    NotStuck,
    /// Asked for by a page of another origin.
    Foreign,
    NoPage,
    BadRequest,
    Internal,
}

/// An error on its way to a reader.
#[derive(Debug)]
pub(super) struct Trouble {
    kind: Kind,
    /// What the text names.
    detail: String,
    /// For the log and the audit: without patient data.
    pub log: String,
    /// Id of another log line, where the fault happened.
    log_id: Option<String>,
}

impl Trouble {
    pub fn of(kind: Kind, detail: impl Into<String>) -> Trouble {
        Trouble { kind, detail: detail.into(), log: format!("{kind:?}"), log_id: None }
    }

    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::NoStudy | Kind::NoPage => StatusCode::NOT_FOUND,
            Kind::NotStuck => StatusCode::CONFLICT,
            Kind::Foreign => StatusCode::FORBIDDEN,
            Kind::BadRequest => StatusCode::BAD_REQUEST,
            Kind::Internal => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// For the reader; the reference is this request's, or that of the line which knows more.
    pub fn problem(self, asked: &Asked) -> Problem {
        let name = match self.kind {
            Kind::NoStudy => "no_study",
            Kind::NotStuck => "not_stuck",
            Kind::Foreign => "foreign",
            Kind::NoPage => "no_page",
            Kind::BadRequest => "bad_request",
            Kind::Internal => "internal",
        };
        let say = |part: &str| asked.texts.with(&format!("console.problem.{name}.{part}"), "detail", &self.detail);
        let (what, who, advice) = (say("what"), say("who"), say("advice"));
        let reference = self.log_id.unwrap_or_else(|| asked.cx.request_id.clone());
        Problem { what, who, advice, reference, again: self.kind == Kind::Internal }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        // The store alone is asked here.
        let log = format!("{fault:?}");
        let log_id = match fault {
            Fault::Internal { log_id } => Some(log_id),
            _ => None,
        };
        Trouble { log, log_id, ..Trouble::of(Kind::Internal, "") }
    }
}
