//! What a node's own calls say about a peer: it answers, or since when it does not and why. Nobody is called to find out.

use super::FlowEventKind;

/// A peer as the calls of this process found it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeerState {
    /// Not called since the process began.
    #[default]
    NotCalled,
    Answers,
    /// Since when, unix microseconds: the first of the calls that failed in a row.
    Silent {
        since: i64,
    },
}

/// A peer for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerReport {
    pub name: String,
    pub address: String,
    pub state: PeerState,
    /// When it answered last, unix microseconds.
    pub last_success: Option<i64>,
    /// When a call failed last, and why.
    pub last_error: Option<(i64, String)>,
}

/// What is kept of one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    state: PeerState,
    last_success: Option<i64>,
    last_error: Option<(i64, String)>,
}

impl Heard {
    /// One call ended. Shape: the event, when the peer was lost or is back.
    pub(super) fn hear(&mut self, outcome: Result<(), String>, now: i64) -> Option<(FlowEventKind, Option<String>)> {
        let before = self.state;
        match outcome {
            Ok(()) => {
                self.last_success = Some(now);
                self.state = PeerState::Answers;
                matches!(before, PeerState::Silent { .. }).then_some((FlowEventKind::PeerBack, None))
            }
            Err(words) => {
                self.last_error = Some((now, words.clone()));
                if matches!(before, PeerState::Silent { .. }) {
                    return None;
                }
                self.state = PeerState::Silent { since: now };
                Some((FlowEventKind::PeerLost, Some(words)))
            }
        }
    }

    pub(super) fn report(self, name: &str, address: &str) -> PeerReport {
        let Heard { state, last_success, last_error } = self;
        PeerReport { name: name.to_owned(), address: address.to_owned(), state, last_success, last_error }
    }
}

/// The text without what may name a patient: the queries of URLs, and identifiers in the form of CX.
pub(crate) fn nameless(text: &str) -> String {
    let word = |word: &str| match word.split_once('?') {
        Some((before, _)) if before.contains("://") => {
            format!("{before}{}", if word.ends_with(':') { ":" } else { "" })
        }
        _ if word.contains("^^^") => "…".to_owned(),
        _ => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_lost_once_and_back_once() {
        let mut peer = Heard::default();
        assert_eq!(peer.clone().report("a", "b").state, PeerState::NotCalled);
        assert_eq!(peer.hear(Ok(()), 1), None);
        assert_eq!(peer.hear(Err("refused".into()), 2), Some((FlowEventKind::PeerLost, Some("refused".into()))));
        assert_eq!(peer.hear(Err("timed out".into()), 3), None);
        let report = peer.clone().report("central", "http://c");
        assert_eq!(report.state, PeerState::Silent { since: 2 });
        assert_eq!((report.last_success, report.last_error), (Some(1), Some((3, "timed out".to_owned()))));
        assert_eq!(peer.hear(Ok(()), 4), Some((FlowEventKind::PeerBack, None)));
        assert_eq!(peer.report("central", "http://c").state, PeerState::Answers);
    }

    #[test]
    fn what_names_a_patient_is_not_kept() {
        let text = "cannot reach http://c/fhir/DocumentReference?patient.identifier=P0001: connection refused";
        assert_eq!(nameless(text), "cannot reach http://c/fhir/DocumentReference: connection refused");
        assert_eq!(nameless("why? nobody knows"), "why? nobody knows");
        let text = "patientId must be known; got `P0001^^^&2.999.7&ISO`, which is not";
        assert_eq!(nameless(text), "patientId must be known; got … which is not");
    }
}
