//! Runs the plans of tests against a node: sections in order, steps in order, and first whatever a step refers to.

use super::kit::{Kit, Test};
use super::log::SectionLog;
use super::tree::Tree;
use super::wire::{self, Answer, Message, Peer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// The authority of the patient ids that a run feeds.
pub const PATIENT_DOMAIN: &str = "1.3.6.1.4.1.21367.13.20.1000";
pub const REGISTRY: &str = "/xds/registry";
pub const REPOSITORY: &str = "/xds/repository";

/// How one plan (a section of a test) went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub test: String,
    pub section: String,
    /// Err: expected and got.
    pub outcome: Result<(), String>,
}

/// A run: what was logged and which identifiers are taken.
pub struct Runner<'p> {
    pub(super) kit: &'p Kit,
    peer: &'p dyn Peer,
    pub(super) logs: HashMap<(String, String), SectionLog>,
    started: HashSet<String>,
    ran: Vec<Ran>,
    /// The current patient of a test, or of a feed that several tests share.
    patients: HashMap<String, String>,
    count: u64,
    /// What plans state and this runner does not evaluate, with how often.
    pub ignored: BTreeMap<String, usize>,
    /// Documents provided so far by unique id.
    pub(super) provided: HashMap<String, Vec<u8>>,
    /// Second of the last message, for plans that wait.
    pub(super) last_second: u64,
    leave_out: &'p dyn Fn(&str, &str) -> bool,
}

impl<'p> Runner<'p> {
    /// A run against a fresh node. `leave_out` says which plans are not run at all.
    pub fn new(kit: &'p Kit, peer: &'p dyn Peer, leave_out: &'p dyn Fn(&str, &str) -> bool) -> Runner<'p> {
        Runner {
            kit,
            peer,
            logs: HashMap::new(),
            started: HashSet::new(),
            ran: Vec::new(),
            patients: HashMap::new(),
            count: 0,
            ignored: BTreeMap::new(),
            provided: HashMap::new(),
            last_second: 0,
            leave_out,
        }
    }

    /// Runs a test unless it ran, and what it refers to. Its plans are in [`Runner::ran`] afterwards.
    pub fn run(&mut self, test: &Test) {
        if !self.started.insert(test.name.clone()) {
            return;
        }
        for section in &test.sections {
            if (self.leave_out)(&test.name, section) {
                continue;
            }
            let outcome = self.run_section(&test.name, section);
            self.ran.push(Ran { test: test.name.clone(), section: section.clone(), outcome });
        }
    }

    /// Every plan run so far, also of tests that ran because another refers to them.
    pub fn ran(&self) -> &[Ran] {
        &self.ran
    }

    fn run_section(&mut self, test: &str, section: &str) -> Result<(), String> {
        let plan = self.kit.plan(test, section)?;
        self.logs.insert((test.to_owned(), section.to_owned()), SectionLog::default());
        for step in plan.children_named("TestStep") {
            let id = step.attr("id").unwrap_or_default();
            self.run_step(test, section, id, step).map_err(|reason| format!("step {id}: {reason}"))?;
        }
        Ok(())
    }

    /// The log of a section, run first when it did not run.
    pub(super) fn log(&mut self, test: &str, section: &str) -> Result<&SectionLog, String> {
        let key = (test.to_owned(), section.to_owned());
        if !self.logs.contains_key(&key) && !self.started.contains(test) {
            let referred = self.kit.test(test)?;
            self.run(&referred);
        }
        self.logs.get(&key).ok_or_else(|| format!("{test}/{section} left no log"))
    }

    /// The patient of a test, or of a feed by its test's name; made known to the node when first asked for.
    pub(super) fn patient(&mut self, owner: &str) -> Result<String, String> {
        match self.patients.get(owner) {
            Some(patient) => Ok(patient.clone()),
            None => self.new_patient(owner),
        }
    }

    /// A new patient for a test, known to the node.
    pub(super) fn new_patient(&mut self, owner: &str) -> Result<String, String> {
        let patient = self.unknown_patient();
        self.feed(&patient)?;
        self.patients.insert(owner.to_owned(), patient.clone());
        Ok(patient)
    }

    /// A patient id that nobody has told the node of.
    pub(super) fn unknown_patient(&mut self) -> String {
        format!("KIT-{}^^^&{PATIENT_DOMAIN}&ISO", self.next())
    }

    /// ITI-44 add.
    pub(super) fn feed(&mut self, patient: &str) -> Result<(), String> {
        let id = patient.split('^').next().unwrap_or_default();
        let number = self.next();
        let body = include_str!("feed.xml")
            .replace("$number$", &number.to_string())
            .replace("$domain$", PATIENT_DOMAIN)
            .replace("$id$", id);
        let body = Tree::parse(body.as_bytes())?;
        let message = wire::simple("urn:hl7-org:v3:PRPA_IN201301UV02", &self.uuid(), &body);
        let answer = self.exchange(REGISTRY, &message, "urn:hl7-org:v3:MCCI_IN000002UV01")?;
        let code = answer.body.all("typeCode").first().and_then(|code| code.attr("code")).unwrap_or_default();
        if code == "CA" || code == "AA" { Ok(()) } else { Err(format!("the patient feed was answered by {code}")) }
    }

    /// Posts a message and checks the addressing of its answer.
    pub(super) fn exchange(&mut self, path: &str, message: &Message, action: &str) -> Result<Answer, String> {
        self.last_second = second();
        let reply = self.peer.post(path, &message.content_type, &message.body)?;
        let answer = wire::read(&reply)?;
        if answer.body.name == "Fault" {
            return Ok(answer);
        }
        if answer.action != action {
            return Err(format!("expected the response action {action}, got {}", answer.action));
        }
        if answer.relates_to != message.message_id {
            return Err(format!("expected RelatesTo {}, got {}", message.message_id, answer.relates_to));
        }
        Ok(answer)
    }

    /// Sends octets as they are in a file.
    pub(super) fn post_raw(&mut self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer, String> {
        self.last_second = second();
        wire::read(&self.peer.post(path, content_type, body)?)
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// `urn:uuid:`, new in this run.
    pub(super) fn uuid(&mut self) -> String {
        format!("urn:uuid:5e1f0000-0000-4000-8000-{:012x}", self.next())
    }

    /// An OID, new in this run.
    pub(super) fn unique_id(&mut self) -> String {
        format!("2.999.390.{}", self.next())
    }

    pub(super) fn ignore(&mut self, what: &str) {
        *self.ignored.entry(what.to_owned()).or_default() += 1;
    }
}

/// Seconds since 1970.
pub(super) fn second() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

/// A time as DTM to the second, UTC.
pub(super) fn dtm(second: u64) -> String {
    // Days to a date of the Gregorian calendar, years beginning in March so that the leap day is the last.
    let (days, rest) = (second / 86_400 + 719_468, second % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::dtm;

    #[test]
    fn seconds_become_dates_of_the_calendar() {
        assert_eq!(dtm(0), "19700101000000");
        assert_eq!(dtm(951_782_400), "20000229000000");
        assert_eq!(dtm(1_735_689_599), "20241231235959");
    }
}
