//! What a PACS can do and what it does otherwise than the standard says, found by asking it: the questions that a proxy asks,
//! tried out, and the quirks that make them work. Source: spec/dicom.md sections 22.3, 22.6.

use super::PacsAddress;
use dicom::Tag;
use dicom::dimse::query::{
    DateRange, Deviation, InstanceCriteria, InstanceMatch, Level, Match, Query, Quirks, ReturnKeys, SeriesCriteria,
    SeriesMatch, StudyCriteria, StudyMatch,
};
use dicom::dimse::{FindOutcome, ProposedContext};
use dicom::error::TagText;
use dicom::sop_classes::{STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE};
use model::StudyInstanceUid;
use net::DimseClient;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Answers that are looked at; more are cancelled.
const ENOUGH: usize = 50;

/// What was found.
#[derive(Debug, Default)]
pub struct Survey {
    pub steps: Vec<Step>,
    /// As `[actors.pacs_proxy] quirks` names them.
    pub quirks: Vec<String>,
    /// It offers C-GET in the study root.
    pub get: bool,
    /// It offers C-MOVE in the study root.
    pub moves: bool,
}

/// One question and what came of it, in words for the operator.
#[derive(Debug)]
pub struct Step {
    pub what: &'static str,
    pub verdict: Verdict,
    pub words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// Not as the standard says, and borne.
    Borne,
    /// It does not offer this.
    Absent,
    /// A proxy cannot work with it.
    Bad,
}

/// The answers to one question.
struct Answers<M> {
    found: Vec<M>,
    deviations: BTreeSet<String>,
    seen: Vec<Deviation>,
    unreadable: Option<String>,
    outcome: FindOutcome,
}

impl<M> Answers<M> {
    fn usable(&self) -> bool {
        (self.outcome.is_complete() || self.outcome.cancelled) && self.unreadable.is_none()
    }

    fn trouble(&self) -> String {
        self.unreadable.clone().unwrap_or_else(|| self.outcome.to_string())
    }
}

impl Survey {
    /// Asks a PACS for the studies between two days (`YYYYMMDD`) and looks into one of them. Blocks.
    pub fn of(address: &PacsAddress, first: &str, last: &str) -> Self {
        let mut survey = Survey::default();
        let services = [STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET];
        let client = match address.connect(services.iter().map(|class| ProposedContext::service(class)).collect()) {
            Ok(client) => client,
            Err(fault) => {
                survey.say("query/retrieve", Verdict::Absent, fault.to_string());
                return survey;
            }
        };
        let offered = |class: &str| client.association().context_of(class).is_some();
        (survey.moves, survey.get) = (offered(STUDY_ROOT_MOVE), offered(STUDY_ROOT_GET));
        if !offered(STUDY_ROOT_FIND) {
            survey.say("query/retrieve", Verdict::Absent, "it offers no C-FIND in the study root".to_owned());
            return survey;
        }
        match (survey.moves, survey.get) {
            (false, false) => {
                survey.say("query/retrieve", Verdict::Bad, "it offers C-FIND, and neither C-MOVE nor C-GET".to_owned());
            }
            (moves, get) => {
                let all = [("C-FIND", true), ("C-MOVE", moves), ("C-GET", get)];
                let named: Vec<&str> = all.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
                survey.say(
                    "query/retrieve",
                    Verdict::Good,
                    format!("it offers {} in the study root", named.join(", ")),
                );
            }
        }
        survey.second_association(address);
        let _ = client.release();
        survey.questions(address, first, last);
        survey
    }

    fn say(&mut self, what: &'static str, verdict: Verdict, words: String) {
        self.steps.push(Step { what, verdict, words });
    }

    fn quirk(&mut self, quirk: String) {
        if !self.quirks.contains(&quirk) {
            self.quirks.push(quirk);
        }
    }

    /// While the first is open, and put to use: some accept it and hang up then.
    fn second_association(&mut self, address: &PacsAddress) {
        let what = "two associations";
        match nobodys_study().map(|query| ask(address, &query)) {
            Some(Err(reason)) => {
                self.quirk("one-association".to_owned());
                self.say(what, Verdict::Borne, format!("it does not bear a second one beside the first: {reason}"));
            }
            _ => self.say(what, Verdict::Good, "it bears a second association beside the first".to_owned()),
        }
    }

    fn questions(&mut self, address: &PacsAddress, first: &str, last: &str) {
        let criteria = DateRange::new(Some(first), Some(last))
            .map(|date| StudyCriteria { date: Some(date), ..StudyCriteria::default() });
        let Ok(criteria) = criteria else { return };
        let studies = self.level::<StudyMatch>(address, "studies", |quirks| Query::studies(&criteria, quirks).ok());
        let Some(studies) = studies else { return };
        if studies.is_empty() {
            let words =
                format!("it has no study from {first} to {last}: try more days, what follows was not looked at");
            self.say("studies", Verdict::Borne, words);
            return;
        }
        self.times(&studies);
        // One with several series shows more; one that is not too large is answered soon.
        let size = |study: &StudyMatch| study.number_of_instances.unwrap_or(1);
        let Some(study) = studies.iter().min_by_key(|study| size(study).abs_diff(100)) else { return };
        let of_study = SeriesCriteria::of(study.study.clone());
        let series = self.level::<SeriesMatch>(address, "series", |quirks| Query::series(&of_study, quirks).ok());
        let Some(series) = series else { return };
        if series.is_empty() {
            self.say("series", Verdict::Bad, format!("it lists study {} and no series of it", study.study));
            return;
        }
        let mut listed = Some(0);
        for one in series.iter().take(ENOUGH) {
            let of_series = InstanceCriteria::of(study.study.clone(), one.series.clone());
            let ask = |quirks: &Quirks| Query::instances(&of_series, quirks).ok();
            let Some(found) = self.level::<InstanceMatch>(address, "instances", ask) else { return };
            let without = found.iter().filter(|instance| instance.sop_class.is_none()).count();
            if without > 0 {
                let words =
                    format!("{without} of {} answers say no SOP class: it is learnt by retrieving them", found.len());
                self.once("SOP classes", Verdict::Borne, words);
            }
            if found.is_empty() {
                let words = "a series has no instances at this level: they are learnt by retrieving it".to_owned();
                self.once("instances", Verdict::Borne, words);
                listed = None;
            }
            listed = listed.filter(|_| found.len() < ENOUGH).map(|sum| sum + found.len() as u64);
        }
        self.counts(study, listed.filter(|_| series.len() < ENOUGH));
        self.elsewhere(address);
    }

    /// One level, with every key a manifest can use; where that fails, with those that it bears.
    fn level<M: Match>(
        &mut self,
        address: &PacsAddress,
        what: &'static str,
        query: impl Fn(&Quirks) -> Option<Query<M>>,
    ) -> Option<Vec<M>> {
        let with = |keys: ReturnKeys| Quirks { return_keys: keys, ..Quirks::default() };
        let left_out: Vec<Tag> = self.quirks.iter().filter_map(|quirk| left_out(quirk)).collect();
        let ask = |keys: ReturnKeys| query(&with(keys)).map(|query| ask(address, &query));
        let full = ask(ReturnKeys::all().without(&left_out));
        let answers = match full {
            Some(Ok(answers)) if answers.usable() && !answers.found.is_empty() => answers,
            failed => {
                let every: Vec<Tag> = ReturnKeys::all().of(M::LEVEL).collect();
                let bare = ask(ReturnKeys::all().without(&every));
                match (failed, bare) {
                    (failed, Some(Ok(bare))) if bare.usable() && !bare.found.is_empty() => {
                        let words = match failed {
                            Some(Ok(answers)) => answers.trouble(),
                            Some(Err(reason)) => reason,
                            None => String::new(),
                        };
                        let hated = self.hated(address, &every, bare.found.len(), &query);
                        let named: Vec<String> = hated.iter().map(|tag| TagText(*tag).to_string()).collect();
                        let words = format!("asked for everything: {words}; it answers without {}", named.join(", "));
                        self.say(what, Verdict::Borne, words);
                        bare
                    }
                    (Some(Ok(answers)), _) if answers.usable() => answers,
                    (Some(Ok(answers)), _) => {
                        self.say(what, Verdict::Bad, answers.trouble());
                        return None;
                    }
                    (Some(Err(reason)), _) => {
                        self.say(what, Verdict::Bad, reason);
                        return None;
                    }
                    (None, _) => return None,
                }
            }
        };
        self.deviations(what, &answers);
        Some(answers.found)
    }

    /// Keys that spoil the answer, each asked for by itself.
    fn hated<M: Match>(
        &mut self,
        address: &PacsAddress,
        every: &[Tag],
        expected: usize,
        query: &impl Fn(&Quirks) -> Option<Query<M>>,
    ) -> Vec<Tag> {
        let mut hated = Vec::new();
        for key in every {
            let others: Vec<Tag> = every.iter().copied().filter(|other| other != key).collect();
            let quirks = Quirks { return_keys: ReturnKeys::all().without(&others), ..Quirks::default() };
            let answers = query(&quirks).map(|query| ask(address, &query));
            let borne = answers.is_some_and(|a| a.is_ok_and(|a| a.usable() && a.found.len() >= expected));
            if !borne {
                hated.push(*key);
                self.quirk(format!("without {:04X},{:04X}", key.0, key.1));
            }
        }
        hated
    }

    fn deviations<M: Match>(&mut self, what: &'static str, answers: &Answers<M>) {
        if M::LEVEL != Level::Image || !answers.found.is_empty() {
            let some = if answers.outcome.cancelled { "at least " } else { "" };
            let words = format!("{some}{} at {} level", answers.found.len(), M::LEVEL.as_str());
            self.once(what, Verdict::Good, words);
        }
        for words in &answers.deviations {
            self.once(what, Verdict::Borne, words.clone());
        }
        let missing = answers.seen.iter().filter_map(|deviation| match deviation {
            Deviation::KeyMissing(tag) => Some(TagText(*tag).to_string()),
            _ => None,
        });
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            self.once(what, Verdict::Borne, format!("asked for and not in the answers: {}", missing.join(", ")));
        }
        for deviation in &answers.seen {
            match deviation {
                Deviation::CharacterSetMissing { .. } => {
                    let words = "(0008,0005) is missing and there is text beyond ASCII: it was guessed; say which set it is \
                                 with a quirk such as `character-set ISO_IR 100`";
                    self.once("character set", Verdict::Borne, words.to_owned());
                }
                Deviation::CountZero(_) => self.quirk("no-counts".to_owned()),
                _ => {}
            }
        }
    }

    /// The same sentence once, however many answers say it.
    fn once(&mut self, what: &'static str, verdict: Verdict, words: String) {
        if !self.steps.iter().any(|step| step.what == what && (step.words == words || verdict == Verdict::Good)) {
            self.say(what, verdict, words);
        }
    }

    fn times(&mut self, studies: &[StudyMatch]) {
        let silent = studies.iter().filter(|study| study.timezone.is_none()).count();
        if silent > 0 {
            let words = format!(
                "{silent} of {} studies say no offset from UTC (0008,0201): if its clock is not the one of the \
                 source's `timezone`, say so with a quirk such as `timezone +0100`",
                studies.len()
            );
            self.say("time zone", Verdict::Borne, words);
        }
        let nobody = studies.iter().filter(|study| study.patient.id.is_none()).count();
        if nobody > 0 {
            let words = format!("{nobody} of {} studies have no patient id: they will be held", studies.len());
            self.say("patients", Verdict::Borne, words);
        }
    }

    /// `listed`: instances of the study, where all of them were seen.
    fn counts(&mut self, study: &StudyMatch, listed: Option<u64>) {
        let what = "counts";
        match (study.number_of_instances, listed) {
            (None, _) => {
                let words =
                    "it does not count the instances of a study: what grows is found by looking at each study again";
                self.say(what, Verdict::Borne, words.to_owned());
            }
            (Some(said), Some(listed)) if u64::from(said) != listed => {
                self.quirk("no-counts".to_owned());
                let words = format!("it counts {said} instances of study {} and lists {listed}", study.study);
                self.say(what, Verdict::Borne, words);
            }
            (Some(_), Some(_)) => self.say(what, Verdict::Good, "it counts what it lists".to_owned()),
            (Some(_), None) => {}
        }
    }

    /// A study that nobody has.
    fn elsewhere(&mut self, address: &PacsAddress) {
        let Some(query) = nobodys_study() else { return };
        let what = "a study that is not there";
        match ask(address, &query) {
            Ok(answers) if answers.outcome.answers == 0 && answers.usable() => {
                self.say(what, Verdict::Good, "no answer, as it should be".to_owned());
            }
            Ok(answers) if answers.usable() => {
                let others = answers.outcome.answers;
                self.say(what, Verdict::Borne, format!("answered with {others} others: it does not match by UID"));
            }
            Ok(answers) => self.say(what, Verdict::Borne, answers.trouble()),
            Err(reason) => self.say(what, Verdict::Bad, reason),
        }
    }
}

/// A question about a study that nobody has, with no key that a PACS could take offence at.
fn nobodys_study() -> Option<Query<StudyMatch>> {
    let study = StudyInstanceUid::parse("2.25.340282366920938463463374607431768211455").ok()?;
    let criteria = StudyCriteria { studies: vec![study], ..StudyCriteria::default() };
    let keys: Vec<Tag> = ReturnKeys::all().of(Level::Study).collect();
    let quirks = Quirks { return_keys: ReturnKeys::all().without(&keys), ..Quirks::default() };
    Query::studies(&criteria, &quirks).ok()
}

fn left_out(quirk: &str) -> Option<Tag> {
    let (group, element) = quirk.strip_prefix("without ")?.split_once(',')?;
    Some(Tag(u16::from_str_radix(group, 16).ok()?, u16::from_str_radix(element, 16).ok()?))
}

/// On an association of its own: one that a question has broken says nothing of the next.
fn ask<M: Match>(address: &PacsAddress, query: &Query<M>) -> Result<Answers<M>, String> {
    let client = address.connect(vec![ProposedContext::service(STUDY_ROOT_FIND)]);
    client.map_err(|fault| fault.to_string()).and_then(|client| answers(client, query))
}

fn answers<M: Match>(mut client: DimseClient, query: &Query<M>) -> Result<Answers<M>, String> {
    let (mut found, mut deviations, mut seen, mut unreadable) = (Vec::new(), BTreeSet::new(), Vec::new(), None);
    let outcome = client
        .find(query, &mut |answer| {
            match answer {
                Ok(one) => {
                    for deviation in one.deviations {
                        if !matches!(deviation, Deviation::KeyMissing(_)) {
                            deviations.insert(deviation.to_string());
                        }
                        if !seen.contains(&deviation) {
                            seen.push(deviation);
                        }
                    }
                    found.push(one.value);
                }
                Err(dicom::dimse::ElementError::Elsewhere { .. }) => {}
                Err(error) => unreadable = Some(format!("an answer cannot be read: {error}")),
            }
            if found.len() >= ENOUGH { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .map_err(|e| e.to_string())?;
    let _ = client.release();
    Ok(Answers { found, deviations, seen, unreadable, outcome })
}
