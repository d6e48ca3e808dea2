//! What happened, newest first: the last events of the node in a ring of the store, and those of each study beside it.
//! They are written in the transaction of what they tell.

use model::StudyInstanceUid;
use store::{OutboxRead, StoreError, WriteTx};

/// Node state: the ring, by slot.
const RING: &str = "flow-event";
/// Node state: how many events were written.
const WRITTEN: &str = "flow-events-written";
/// Node state: events of a study, one a line.
const HISTORY: &str = "study-history";
const SLOTS: u64 = 512;
/// Events that are kept of one study.
const MOST_OF_STUDY: usize = 40;
/// Longest text of an event, characters.
const MOST_WORDS: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEventKind {
    Published,
    Replaced,
    Withdrawn,
    /// Did not work, and will be tried again by itself.
    Delayed,
    /// Given up, until somebody acts.
    Failed,
    /// Not tried, until somebody acts.
    Held,
    /// Somebody asked for another attempt.
    Retried,
    PeerLost,
    PeerBack,
}

const KINDS: [(FlowEventKind, &str); 9] = [
    (FlowEventKind::Published, "published"),
    (FlowEventKind::Replaced, "replaced"),
    (FlowEventKind::Withdrawn, "withdrawn"),
    (FlowEventKind::Delayed, "delayed"),
    (FlowEventKind::Failed, "failed"),
    (FlowEventKind::Held, "held"),
    (FlowEventKind::Retried, "retried"),
    (FlowEventKind::PeerLost, "peer-lost"),
    (FlowEventKind::PeerBack, "peer-back"),
];

/// One thing that happened.
#[derive(Clone, PartialEq, Eq)]
pub struct FlowEvent {
    /// Unix microseconds.
    pub at: i64,
    pub kind: FlowEventKind,
    pub study: Option<StudyInstanceUid>,
    pub peer: Option<String>,
    /// Who asked for it, when somebody did.
    pub who: Option<String>,
    /// The reason, or the manifest.
    pub words: Option<String>,
}

// The words of a registry may name a patient.
impl std::fmt::Debug for FlowEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FlowEvent({:?} {:?} {:?} at {})", self.kind, self.study, self.peer, self.at)
    }
}

impl FlowEvent {
    pub(crate) fn of(kind: FlowEventKind, at: i64) -> Self {
        FlowEvent { at, kind, study: None, peer: None, who: None, words: None }
    }

    pub(crate) fn study(kind: FlowEventKind, study: &StudyInstanceUid, at: i64) -> Self {
        FlowEvent { study: Some(study.clone()), ..FlowEvent::of(kind, at) }
    }

    /// One line: version, time, kind, study, peer, who and words, a tab between them.
    fn encode(&self) -> String {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, name)| name);
        let plain = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or("");
            text.chars().take(MOST_WORDS).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()
        };
        let study = self.study.as_ref().map_or("", StudyInstanceUid::as_str);
        let (peer, who, words) = (plain(&self.peer), plain(&self.who), plain(&self.words));
        format!("1\t{}\t{kind}\t{study}\t{peer}\t{who}\t{words}", self.at)
    }

    fn decode(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        if parts.next()? != "1" {
            return None;
        }
        let at = parts.next()?.parse().ok()?;
        let name = parts.next()?;
        let kind = KINDS.iter().find(|(_, known)| *known == name)?.0;
        let mut optional = || parts.next().map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        let study = optional()?.map(|uid| StudyInstanceUid::parse(&uid)).transpose().ok()?;
        Some(FlowEvent { at, kind, study, peer: optional()?, who: optional()?, words: optional()? })
    }
}

/// Notes an event.
pub(crate) fn record(tx: &mut dyn WriteTx, event: &FlowEvent) -> Result<(), StoreError> {
    let line = event.encode();
    let written = tx.state(WRITTEN, "")?.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok()).unwrap_or(0_u64);
    tx.put_state(RING, &format!("{:03}", written % SLOTS), Some(format!("{written}\n{line}").as_bytes()))?;
    tx.put_state(WRITTEN, "", Some((written + 1).to_string().as_bytes()))?;
    if let Some(study) = &event.study {
        let before = tx.state(HISTORY, study.as_str())?.and_then(|bytes| String::from_utf8(bytes).ok());
        let before = before.unwrap_or_default();
        let kept = before.lines().take(MOST_OF_STUDY - 1);
        let lines: Vec<&str> = std::iter::once(line.as_str()).chain(kept).collect();
        tx.put_state(HISTORY, study.as_str(), Some(lines.join("\n").as_bytes()))?;
    }
    Ok(())
}

/// The last events, newest first, at most `limit`.
pub(super) fn recent<T: OutboxRead + ?Sized>(tx: &T, limit: usize) -> Result<Vec<FlowEvent>, StoreError> {
    let read = |(_, bytes): (String, Vec<u8>)| {
        let text = String::from_utf8(bytes).ok()?;
        let (number, line) = text.split_once('\n')?;
        Some((number.parse::<u64>().ok()?, FlowEvent::decode(line)?))
    };
    let mut events: Vec<(u64, FlowEvent)> = tx.states(RING, "", SLOTS as usize)?.into_iter().filter_map(read).collect();
    events.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    Ok(events.into_iter().take(limit).map(|(_, event)| event).collect())
}

/// Everything that is kept of one study, newest first.
pub(super) fn history<T: OutboxRead + ?Sized>(tx: &T, study: &StudyInstanceUid) -> Result<Vec<FlowEvent>, StoreError> {
    let text = tx.state(HISTORY, study.as_str())?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    Ok(text.lines().filter_map(FlowEvent::decode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{SqliteStore, StoreExt};

    #[test]
    fn the_ring_keeps_the_last_events_and_each_study_its_own() {
        let store = SqliteStore::in_memory().unwrap();
        let study = |n: u64| StudyInstanceUid::parse(&format!("2.25.{}", n + 1)).unwrap();
        for n in 0..SLOTS + 20 {
            let event = FlowEvent {
                words: Some(format!("a\tb\n{n}")),
                ..FlowEvent::study(FlowEventKind::Delayed, &study(n % 3), n as i64)
            };
            store.write_blocking(move |tx| record(tx, &event)).unwrap();
        }
        let last: Vec<FlowEvent> = store.read_blocking(|tx| recent(tx, 1000)).unwrap();
        assert_eq!(last.len() as u64, SLOTS);
        assert_eq!((last[0].at, last[511].at), (531, 20));
        assert_eq!(last[0].words.as_deref(), Some("a b 531"));
        let own = store.read_blocking(|tx| history(tx, &study(0))).unwrap();
        assert_eq!((own.len(), own[0].at), (MOST_OF_STUDY, 531));
        assert_eq!(store.read_blocking(|tx| recent(tx, 2)).unwrap().len(), 2);
    }

    #[test]
    fn every_kind_is_read_as_it_was_written() {
        for (kind, _) in KINDS {
            let event = FlowEvent { peer: Some("central".into()), ..FlowEvent::of(kind, -5) };
            assert_eq!(FlowEvent::decode(&event.encode()), Some(event));
        }
        assert_eq!(FlowEvent::decode("1\t5\tunheard\t\t\t\t"), None);
        assert_eq!(FlowEvent::decode(""), None);
    }
}
