//! What the console's pages are made from: plain values, in no words of any language yet.

use super::MINUTES;
use model::Dtm;

/// How far a study is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Until it has been quiet for long enough.
    Waiting {
        due: Option<Dtm>,
    },
    UnderWay,
    /// Tried again by itself.
    Retrying {
        next: Dtm,
        attempts: u32,
    },
    /// Given up until somebody acts.
    Failed {
        attempts: u32,
    },
    /// Not tried until somebody acts.
    Held,
    Published {
        at: Dtm,
        manifest: String,
    },
    Withdrawn {
        at: Dtm,
    },
    Nothing,
}

impl Stage {
    pub fn is_stuck(&self) -> bool {
        matches!(self, Stage::Retrying { .. } | Stage::Failed { .. } | Stage::Held)
    }
}

/// Which kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonKind {
    Held,
    Silent,
    Refused,
    UnknownPatient,
    Full,
    Internal,
    Other,
}

/// Why a study is stuck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub kind: ReasonKind,
    /// Who did not answer or refused.
    pub party: Option<String>,
    /// The standard's code.
    pub code: Option<String>,
    /// As the party or the rule put it.
    pub words: String,
    pub since: Dtm,
}

/// A study on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyFacts {
    pub uid: String,
    pub accession: Option<String>,
    pub ae_title: String,
    pub objects: u64,
    pub size_octets: u64,
    /// Shown on the study's own page only.
    pub patient_id: String,
    pub patient_domain: String,
    pub first: Dtm,
    pub last: Dtm,
    pub stage: Stage,
    pub reason: Option<Reason>,
}

/// An object that is stored and not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldObject {
    pub study: String,
    pub instance: String,
    pub ae_title: String,
    pub reason: String,
}

/// Whether a peer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    NotCalled,
    Answers,
    Silent {
        since: Dtm,
    },
    /// It is there, and does not give what it is asked for.
    Refuses,
}

/// A peer as the node's calls found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerFacts {
    pub name: String,
    pub address: String,
    pub reach: Reach,
    pub last_success: Option<Dtm>,
    pub last_error: Option<(Dtm, String)>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Published,
    Replaced,
    Withdrawn,
    Delayed,
    Failed,
    Held,
    Retried,
    PeerLost,
    PeerBack,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Dtm,
    pub kind: ChangeKind,
    pub study: Option<String>,
    pub peer: Option<String>,
    pub who: Option<String>,
    pub words: Option<String>,
}

/// Which studies the list shows, as it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    #[default]
    All,
    Waiting,
    Stuck,
    Settled,
}

impl Shown {
    /// The value of `stage=`.
    pub fn of(text: &str) -> Option<Shown> {
        Shown::ALL.into_iter().find(|shown| shown.value() == text)
    }

    pub const ALL: [Shown; 4] = [Shown::All, Shown::Waiting, Shown::Stuck, Shown::Settled];

    pub fn value(self) -> &'static str {
        match self {
            Shown::All => "",
            Shown::Waiting => "waiting",
            Shown::Stuck => "stuck",
            Shown::Settled => "published",
        }
    }
}

/// What a node without studies needs to get its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstStudy {
    /// Send one: the command.
    Send(String),
    /// It would publish what it has, but takes nothing in by itself: a PACS is observed.
    Observe,
    /// The node plays no imaging document source.
    NoSource,
}

/// Counts per minute of the last hour, oldest first.
#[derive(Clone, Debug)]
pub struct Hour {
    pub received: [u32; MINUTES],
    pub published: [u32; MINUTES],
    pub failed: [u32; MINUTES],
    pub answered: [u32; MINUTES],
    pub started: Dtm,
}

/// Everything on the page.
#[derive(Clone, Debug)]
pub struct ConsoleInput {
    pub waiting: u64,
    pub stuck: u64,
    pub settled: u64,
    pub stuck_studies: Vec<StudyFacts>,
    pub held_objects: Vec<HeldObject>,
    pub peers: Vec<PeerFacts>,
    pub changes: Vec<Change>,
    pub hour: Hour,
    pub studies: Vec<StudyFacts>,
    /// There are more behind the last study.
    pub more: bool,
    /// The list goes on behind a study.
    pub is_later_page: bool,
    /// What was searched for.
    pub text: String,
    pub shown: Shown,
    pub first_study: FirstStudy,
    /// In the node's registry.
    pub documents: u64,
    /// What became of the reader's last command.
    pub said: Option<String>,
}
