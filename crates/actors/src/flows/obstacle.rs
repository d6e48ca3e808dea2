//! What is in the way of a study's publication, kept beside the study until it is out of the way.

use crate::{Fault, Refusal};
use model::StudyInstanceUid;
use store::{OutboxRead, StoreError, WriteTx};

/// Node state: the obstacle of a study. The value is [`Obstacle::encode`].
const OBSTACLE: &str = "publication-obstacle";

/// Which kind of reason, for words in the reader's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObstacleKind {
    /// No manifest can be made, or it must not be sent, until somebody acts.
    Held,
    /// The party did not answer.
    Silent,
    /// The party answered and refused.
    Refused,
    /// The registry does not know the patient.
    UnknownPatient,
    /// There is no space.
    Full,
    /// A fault of this node; `code` finds the log line.
    Internal,
    /// What the words say.
    Other,
}

const KINDS: [(ObstacleKind, &str); 7] = [
    (ObstacleKind::Held, "held"),
    (ObstacleKind::Silent, "silent"),
    (ObstacleKind::Refused, "refused"),
    (ObstacleKind::UnknownPatient, "unknown-patient"),
    (ObstacleKind::Full, "full"),
    (ObstacleKind::Internal, "internal"),
    (ObstacleKind::Other, "other"),
];

/// Why a study is not published.
#[derive(Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Since when something is in the way, unix microseconds: of the first failure in a row.
    pub since: i64,
    /// When it was met last.
    pub at: i64,
    pub kind: ObstacleKind,
    /// Who did not answer or refused.
    pub party: Option<String>,
    /// The standard's code, or the log id.
    pub code: Option<String>,
    /// In words, as the party or the rule put it.
    pub words: String,
}

// The words of a registry may name a patient.
impl std::fmt::Debug for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Obstacle({:?} {:?} {:?} since {})", self.kind, self.party, self.code, self.since)
    }
}

impl Obstacle {
    pub(crate) fn held(reason: &str, now: i64) -> Self {
        let kind = ObstacleKind::Held;
        Obstacle { since: now, at: now, kind, party: None, code: None, words: reason.to_owned() }
    }

    pub(crate) fn of(refusal: &Refusal, now: i64) -> Self {
        let (kind, party, code, words) = match refusal.first() {
            Fault::PeerUnavailable { peer, reason } => (ObstacleKind::Silent, Some(peer), None, reason.clone()),
            Fault::Remote { peer, code, context, .. } => {
                let kind = match code.contains("UnknownPatientId") {
                    true => ObstacleKind::UnknownPatient,
                    false => ObstacleKind::Refused,
                };
                (kind, Some(peer), Some(code), context.clone())
            }
            fault @ Fault::UnknownPatient(_) => (ObstacleKind::UnknownPatient, None, None, fault.to_string()),
            fault @ Fault::OutOfResources(_) => (ObstacleKind::Full, None, None, fault.to_string()),
            fault @ Fault::Internal { log_id } => (ObstacleKind::Internal, None, Some(log_id), fault.to_string()),
            fault => (ObstacleKind::Other, None, None, fault.to_string()),
        };
        let words = super::nameless(&words);
        Obstacle { since: now, at: now, kind, party: party.cloned(), code: code.cloned(), words }
    }

    /// Lines: version, since, at, kind, party, code; then the words.
    fn encode(&self) -> Vec<u8> {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind).map_or("other", |(_, name)| name);
        let one_line = |text: &Option<String>| text.as_deref().unwrap_or("").replace(['\n', '\r'], " ");
        let Obstacle { since, at, party, code, words, .. } = self;
        format!("1\n{since}\n{at}\n{kind}\n{}\n{}\n{words}", one_line(party), one_line(code)).into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.splitn(7, '\n');
        if lines.next()? != "1" {
            return None;
        }
        let (since, at) = (lines.next()?.parse().ok()?, lines.next()?.parse().ok()?);
        let name = lines.next()?;
        let kind = KINDS.iter().find(|(_, known)| *known == name)?.0;
        let mut optional = || lines.next().map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        let (party, code) = (optional()?, optional()?);
        Some(Obstacle { since, at, kind, party, code, words: lines.next()?.to_owned() })
    }
}

/// What is in the way of a study.
pub(crate) fn met<T: OutboxRead + ?Sized>(tx: &T, study: &StudyInstanceUid) -> Result<Option<Obstacle>, StoreError> {
    Ok(tx.state(OBSTACLE, study.as_str())?.and_then(|bytes| Obstacle::decode(&bytes)))
}

/// Notes an obstacle; its time starts with the first of a row. Shape: whether it differs from what was there.
pub(crate) fn meet(tx: &mut dyn WriteTx, study: &StudyInstanceUid, obstacle: Obstacle) -> Result<bool, StoreError> {
    let before = met(tx, study)?;
    let is_new = before.as_ref().is_none_or(|before| {
        (before.kind, &before.party, &before.code) != (obstacle.kind, &obstacle.party, &obstacle.code)
            || (obstacle.kind == ObstacleKind::Held && before.words != obstacle.words)
    });
    let since = before.map_or(obstacle.since, |before| before.since);
    tx.put_state(OBSTACLE, study.as_str(), Some(&Obstacle { since, ..obstacle }.encode()))?;
    Ok(is_new)
}

/// Nothing is in the way any more.
pub(crate) fn clear(tx: &mut dyn WriteTx, study: &StudyInstanceUid) -> Result<(), StoreError> {
    tx.put_state(OBSTACLE, study.as_str(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_obstacle_is_read_as_it_was_written() {
        let remote = Fault::Remote {
            peer: "central".into(),
            code: "XDSUnknownPatientId".into(),
            context: "patientId must be known\nby a feed".into(),
            location: None,
            transient: false,
        };
        let silent = Fault::PeerUnavailable { peer: "central".into(), reason: "connection refused".into() };
        for obstacle in [
            Obstacle::of(&remote.into(), 5),
            Obstacle::of(&silent.into(), 6),
            Obstacle::of(&Fault::Internal { log_id: "12ab".into() }.into(), 7),
            Obstacle::held("nothing says who issues the patient ids of CT9", 8),
        ] {
            assert_eq!(Obstacle::decode(&obstacle.encode()), Some(obstacle));
        }
        assert_eq!(Obstacle::decode(b"2\n"), None);
        assert_eq!(Obstacle::decode(b""), None);
    }
}
