//! Stages, reasons and changes in the reader's language.

use super::facts::{Change, ChangeKind, PeerFacts, Reach, Reason, ReasonKind, Stage, StudyFacts};
use super::{CONSOLE, study_href};
use crate::{Reader, Texts};
use model::Dtm;
use std::collections::HashMap;

/// A time, without its date when that is today.
pub(super) fn moment(reader: &Reader, at: &Dtm) -> String {
    let (when, today) = (reader.when(at), reader.when(&reader.now));
    match (when.iso == today.iso, when.time.is_empty()) {
        (true, false) => when.time,
        (_, true) => when.date,
        (false, false) if when.year == today.year => format!("{}, {}", when.short, when.time),
        (false, false) => format!("{}, {}", when.date, when.time),
    }
}

/// A study in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyRow {
    /// Of the row, within its list.
    pub anchor: String,
    pub uid: String,
    pub href: String,
    pub retry: String,
    pub accession: String,
    pub ae_title: String,
    pub objects: String,
    /// Class of the state's mark: `ok`, `wait` or `bad`.
    pub mark: &'static str,
    pub state: String,
    /// When it came, was published, is tried next; empty when nothing is to be said.
    pub time: String,
    pub stuck: bool,
    pub reason: String,
    /// In the language of whoever said it.
    pub words: String,
    pub code: String,
    pub since: String,
    pub advice: String,
}

impl StudyRow {
    pub(super) fn of(facts: &StudyFacts, list: &str, reader: &Reader) -> StudyRow {
        let texts = reader.texts;
        let at = |key: &str, time: &Dtm| texts.with(key, "time", moment(reader, time));
        let (mark, state, time) = match &facts.stage {
            Stage::Waiting { due: Some(due) } => ("wait", "console.state.waiting", at("console.time.due", due)),
            Stage::Waiting { due: None } => ("wait", "console.state.waiting", at("console.time.came", &facts.last)),
            Stage::UnderWay => ("wait", "console.state.under_way", at("console.time.came", &facts.last)),
            Stage::Retrying { next, .. } if *next <= reader.now => {
                ("bad", "console.state.retrying", texts.say("console.time.now").to_owned())
            }
            Stage::Retrying { next, .. } => ("bad", "console.state.retrying", at("console.time.next", next)),
            Stage::Failed { .. } => ("bad", "console.state.failed", texts.say("console.time.never").to_owned()),
            Stage::Held => ("bad", "console.state.held", texts.say("console.time.never").to_owned()),
            Stage::Published { at: time, .. } => ("ok", "console.state.published", at("console.time.published", time)),
            Stage::Withdrawn { at: time } => ("ok", "console.state.withdrawn", at("console.time.withdrawn", time)),
            Stage::Nothing => ("ok", "console.state.nothing", at("console.time.came", &facts.last)),
        };
        let reason = facts.reason.as_ref().map(|reason| ReasonWords::of(reason, texts)).unwrap_or_default();
        let attempts = match facts.stage {
            Stage::Retrying { attempts, .. } | Stage::Failed { attempts } if attempts > 0 => {
                texts.count("console.attempts", attempts as usize)
            }
            _ => String::new(),
        };
        let since = facts.reason.as_ref().map(|reason| at("console.since", &reason.since)).unwrap_or_default();
        StudyRow {
            anchor: format!("{list}-{}", facts.uid),
            href: study_href(&facts.uid),
            retry: format!("{}/retry", study_href(&facts.uid)),
            uid: facts.uid.clone(),
            accession: facts.accession.clone().unwrap_or_default(),
            ae_title: facts.ae_title.clone(),
            objects: texts.count("console.objects", facts.objects as usize),
            mark,
            state: texts.say(state).to_owned(),
            time,
            stuck: facts.stage.is_stuck(),
            reason: reason.what,
            words: reason.words,
            code: reason.code,
            since: [since, attempts].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
            advice: reason.advice,
        }
    }
}

/// A reason in words.
#[derive(Default)]
struct ReasonWords {
    what: String,
    words: String,
    code: String,
    advice: String,
}

impl ReasonWords {
    fn of(reason: &Reason, texts: Texts) -> ReasonWords {
        let (what, advice) = match reason.kind {
            ReasonKind::Held => ("console.reason.held", "console.advice.held"),
            ReasonKind::Silent => ("console.reason.silent", "console.advice.silent"),
            ReasonKind::Refused => ("console.reason.refused", "console.advice.refused"),
            ReasonKind::UnknownPatient => ("console.reason.unknown_patient", "console.advice.unknown_patient"),
            ReasonKind::Full => ("console.reason.full", "console.advice.full"),
            ReasonKind::Internal => ("console.reason.internal", "console.advice.internal"),
            ReasonKind::Other => ("console.reason.other", "console.advice.other"),
        };
        let party = match &reason.party {
            Some(party) => party.as_str(),
            None => texts.say("console.party.registry"),
        };
        ReasonWords {
            what: texts.with(what, "party", party),
            words: reason.words.clone(),
            code: reason.code.clone().unwrap_or_default(),
            advice: texts.with(advice, "party", party),
        }
    }
}

/// Something that happened, as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    pub anchor: String,
    pub time: String,
    pub iso: String,
    pub mark: &'static str,
    pub what: String,
    /// The study, where there is one.
    pub study: String,
    pub href: String,
    /// The reason or the manifest, in the language of whoever said it.
    pub words: String,
}

impl ChangeRow {
    /// Lines with anchors of their own.
    pub(super) fn all(changes: &[Change], reader: &Reader) -> Vec<ChangeRow> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut row = |change: &Change| {
            let mut row = ChangeRow::of(change, reader);
            let times = seen.entry(row.anchor.clone()).or_default();
            *times += 1;
            row.anchor.push_str(&format!("-{times}"));
            row
        };
        // From the oldest on, so that what comes later leaves the anchors as they are.
        let mut rows: Vec<ChangeRow> = changes.iter().rev().map(&mut row).collect();
        rows.reverse();
        rows
    }

    /// Which manifest it is, the study's page says.
    pub(super) fn brief(self) -> ChangeRow {
        let words = if self.mark == "ok" { String::new() } else { self.words };
        ChangeRow { words, ..self }
    }

    pub(super) fn without_study(self) -> ChangeRow {
        ChangeRow { study: String::new(), ..self }
    }

    fn of(change: &Change, reader: &Reader) -> ChangeRow {
        let texts = reader.texts;
        let (mark, key) = match change.kind {
            ChangeKind::Published => ("ok", "console.change.published"),
            ChangeKind::Replaced => ("ok", "console.change.replaced"),
            ChangeKind::Withdrawn => ("ok", "console.change.withdrawn"),
            ChangeKind::Delayed => ("bad", "console.change.delayed"),
            ChangeKind::Failed => ("bad", "console.change.failed"),
            ChangeKind::Held => ("bad", "console.change.held"),
            ChangeKind::Retried => ("wait", "console.change.retried"),
            ChangeKind::PeerLost => ("bad", "console.change.peer_lost"),
            ChangeKind::PeerBack => ("ok", "console.change.peer_back"),
        };
        let peer = change.peer.as_deref().unwrap_or_default();
        let who = change.who.as_deref().unwrap_or_else(|| texts.say("console.somebody"));
        let study = change.study.clone().unwrap_or_default();
        ChangeRow {
            anchor: format!("change-{}-{:?}-{study}{peer}", change.at, change.kind),
            time: moment(reader, &change.at),
            iso: reader.when(&change.at).iso,
            mark,
            what: texts.fill(key, &[("peer", &peer), ("who", &who)]),
            href: if study.is_empty() { String::new() } else { study_href(&study) },
            study,
            words: match (&change.words, mark) {
                (Some(manifest), "ok") => texts.with("console.change.manifest", "uid", manifest),
                (words, _) => words.clone().unwrap_or_default(),
            },
        }
    }
}

/// A peer, as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRow {
    pub name: String,
    pub address: String,
    pub mark: &'static str,
    pub state: String,
    pub last_success: String,
    pub last_error: String,
    /// In the language of whoever said it.
    pub words: String,
}

impl PeerRow {
    pub(super) fn of(facts: &PeerFacts, reader: &Reader) -> PeerRow {
        let texts = reader.texts;
        let at = |key: &str, time: &Dtm| texts.with(key, "time", moment(reader, time));
        let (mark, state) = match &facts.reach {
            Reach::NotCalled => ("wait", texts.say("console.peer.not_called").to_owned()),
            Reach::Answers => ("ok", texts.say("console.peer.answers").to_owned()),
            Reach::Silent { since } => ("bad", at("console.peer.silent", since)),
            Reach::Refuses => ("bad", texts.say("console.peer.refuses").to_owned()),
        };
        // An error that is over is history; the list of changes has it.
        let error = facts.last_error.as_ref().filter(|_| mark == "bad");
        let (name, address) = (facts.name.clone(), facts.address.clone());
        PeerRow {
            name,
            address,
            mark,
            state,
            last_success: match &facts.last_success {
                Some(time) => at("console.peer.last_success", time),
                None if mark == "bad" => texts.say("console.peer.no_success").to_owned(),
                None => String::new(),
            },
            last_error: error.map(|(time, _)| at("console.peer.last_error", time)).unwrap_or_default(),
            words: error.map(|(_, words)| words.clone()).unwrap_or_default(),
        }
    }
}

/// The answer to "is everything flowing", and its mark.
pub(super) fn headline(stuck: u64, down: usize, idle: bool, texts: Texts) -> (&'static str, String) {
    let studies = || texts.count("console.headline.stuck", stuck as usize);
    let peers = || texts.count("console.headline.down", down);
    match (stuck, down) {
        (0, 0) if idle => ("ok", texts.say("console.headline.idle").to_owned()),
        (0, 0) => ("ok", texts.say("console.headline.flowing").to_owned()),
        (0, _) => ("bad", peers()),
        (_, 0) => ("bad", studies()),
        _ => ("bad", texts.fill("console.headline.both", &[("studies", &studies()), ("peers", &peers())])),
    }
}

/// Address of the list with these parameters; empty ones are left out.
pub(super) fn list_href(parameters: &[(&str, &str)]) -> String {
    let parts: Vec<String> = parameters
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", crate::urls::escape(value)))
        .collect();
    let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
    format!("{CONSOLE}{query}#studies")
}
