//! The operator's console: is everything flowing, what is stuck and why, who is down, what changed. ui.md; design section 10.
//!
//! [`ConsolePage`] and [`ConsoleStudyPage`] are built from the plain values of [`facts`].

pub mod facts;
mod sparkline;
#[cfg(test)]
mod tests;
mod words;

pub use sparkline::{MINUTES, Sparkline};
pub use words::{ChangeRow, PeerRow, StudyRow};

use crate::{Fact, Frame, Reader, Texts};
use askama::Template;
use facts::{Change, ConsoleInput, FirstStudy, HeldObject, Reach, Shown, Stage, StudyFacts};

/// Where the console is.
pub const CONSOLE: &str = "/console";

/// Address of a study's page.
pub fn study_href(uid: &str) -> String {
    format!("{CONSOLE}/study/{}", crate::urls::escape(uid))
}

/// A number with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub id: &'static str,
    pub name: String,
    pub line: Sparkline,
    /// The line for who does not see it.
    pub label: String,
}

/// A choice of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    pub name: String,
    pub count: String,
    pub href: String,
    pub chosen: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "console.html")]
pub struct ConsolePage {
    pub frame: Frame,
    pub mark: &'static str,
    pub headline: String,
    pub as_of: String,
    pub said: String,
    pub tiles: Vec<Tile>,
    /// What the numbers are about: the last hour, or since when.
    pub period: String,
    pub stuck_count: u64,
    pub stuck: Vec<StudyRow>,
    pub held: Vec<HeldObject>,
    pub peers: Vec<PeerRow>,
    pub changes: Vec<ChangeRow>,
    pub tabs: Vec<Tab>,
    pub studies: Vec<StudyRow>,
    /// Address of what comes behind; empty at the end.
    pub older: String,
    /// Address of the beginning of the list; empty when it is shown.
    pub newest: String,
    pub text: String,
    pub shown: Shown,
    pub filtered: bool,
    pub first_study: FirstStudy,
    /// How many documents others published here; empty where there are none.
    pub documents: String,
}

impl ConsolePage {
    pub fn of(input: &ConsoleInput, frame: Frame, reader: &Reader) -> ConsolePage {
        let texts = reader.texts;
        let all = input.waiting + input.stuck + input.settled;
        let down =
            input.peers.iter().filter(|peer| matches!(peer.reach, Reach::Silent { .. } | Reach::Refuses)).count();
        let idle = all == 0 && input.hour.answered.iter().all(|count| *count == 0);
        let (mark, headline) = words::headline(input.stuck, down, idle, texts);
        let minutes = input.hour.started.unix_seconds().div_euclid(60);
        let known = (reader.now.unix_seconds().div_euclid(60) - minutes + 1).clamp(1, MINUTES as i64) as usize;
        let tile = |id, key: &str, counts| {
            let (name, line) = (texts.say(key).to_owned(), Sparkline::of(counts, known));
            let label = texts.fill("console.line", &[("name", &name), ("total", &line.total), ("n", &line.highest)]);
            Tile { id, name, line, label }
        };
        let hour = &input.hour;
        let period = match known < MINUTES {
            true => texts.with("console.period.since", "time", words::moment(reader, &hour.started)),
            false => texts.say("console.period.hour").to_owned(),
        };
        let tab = |shown: Shown| {
            let (key, count) = match shown {
                Shown::All => ("console.tab.all", all),
                Shown::Waiting => ("console.tab.waiting", input.waiting),
                Shown::Stuck => ("console.tab.stuck", input.stuck),
                Shown::Settled => ("console.tab.published", input.settled),
            };
            Tab {
                name: texts.say(key).to_owned(),
                count: count.to_string(),
                href: words::list_href(&[("q", &input.text), ("stage", shown.value())]),
                chosen: shown == input.shown,
            }
        };
        let rows = |studies: &[StudyFacts], list| studies.iter().map(|s| StudyRow::of(s, list, reader)).collect();
        let last = input.studies.last().map(|study| study.uid.as_str()).filter(|_| input.more);
        let list = [("q", input.text.as_str()), ("stage", input.shown.value())];
        ConsolePage {
            mark,
            headline,
            as_of: reader.when(&reader.now).time,
            said: input.said.clone().unwrap_or_default(),
            tiles: vec![
                tile("received", "console.tile.received", &hour.received),
                tile("published", "console.tile.published", &hour.published),
                tile("failed", "console.tile.failed", &hour.failed),
                tile("answered", "console.tile.answered", &hour.answered),
            ],
            period,
            stuck_count: input.stuck,
            stuck: rows(&input.stuck_studies, "stuck"),
            held: input.held_objects.clone(),
            peers: input.peers.iter().map(|peer| PeerRow::of(peer, reader)).collect(),
            changes: ChangeRow::all(&input.changes, reader).into_iter().map(ChangeRow::brief).collect(),
            tabs: Shown::ALL.into_iter().map(tab).collect(),
            studies: rows(&input.studies, "study"),
            older: last.map(|uid| words::list_href(&[list[0], list[1], ("before", uid)])).unwrap_or_default(),
            newest: if input.is_later_page { words::list_href(&list) } else { String::new() },
            text: input.text.clone(),
            shown: input.shown,
            filtered: !input.text.is_empty() || input.shown != Shown::All,
            first_study: input.first_study.clone(),
            documents: match input.documents {
                0 => String::new(),
                count => texts.count("console.first.documents", count as usize),
            },
            frame,
        }
    }

    fn t(&self) -> Texts {
        self.frame.texts
    }
}

/// One study and what happened to it.
#[derive(Template)]
#[template(path = "console_study.html")]
pub struct ConsoleStudyPage {
    pub frame: Frame,
    pub as_of: String,
    pub row: StudyRow,
    /// The patient's number and its domain; empty in an answer to the script, which is not audited.
    pub patient: String,
    pub facts: Vec<Fact>,
    pub held: Vec<HeldObject>,
    pub changes: Vec<ChangeRow>,
}

impl ConsoleStudyPage {
    pub fn of(
        study: &StudyFacts,
        held: Vec<HeldObject>,
        history: &[Change],
        frame: Frame,
        reader: &Reader,
    ) -> ConsoleStudyPage {
        let texts = reader.texts;
        let manifest = match &study.stage {
            Stage::Published { manifest, .. } => manifest.as_str(),
            _ => "",
        };
        let code = study.reason.as_ref().and_then(|reason| reason.code.as_deref()).unwrap_or_default();
        let patient = match study.patient_domain.is_empty() || study.patient_id.is_empty() {
            true => study.patient_id.clone(),
            false => format!("{} ({})", study.patient_id, study.patient_domain),
        };
        let objects = format!("{}, {}", study.objects, crate::report::octets(texts, study.size_octets));
        let facts = [
            Fact::words(texts.say("fact.accession"), study.accession.clone().unwrap_or_default()),
            Fact::words(texts.say("console.fact.ae_title"), study.ae_title.clone()),
            Fact::words(texts.say("console.fact.objects"), objects),
            Fact::words(texts.say("console.fact.first"), words::moment(reader, &study.first)),
            Fact::words(texts.say("console.fact.last"), words::moment(reader, &study.last)),
            Fact::code(texts.say("console.fact.manifest"), manifest),
            Fact::code(texts.say("console.fact.code"), code),
        ];
        ConsoleStudyPage {
            as_of: reader.when(&reader.now).time,
            // This is the page that the links would lead to.
            row: StudyRow { href: String::new(), ..StudyRow::of(study, "stuck", reader) },
            patient,
            facts: facts.into_iter().filter(|fact| !fact.value.is_empty()).collect(),
            held,
            changes: ChangeRow::all(history, reader).into_iter().map(ChangeRow::without_study).collect(),
            frame,
        }
    }

    fn t(&self) -> Texts {
        self.frame.texts
    }
}
