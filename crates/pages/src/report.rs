//! The report page: what the document says, in a frame of facts, with its study one click away.

use crate::episodes::{Chain, episodes, is_manifest};
use crate::identity::{Demographics, Difference, IdentityBand, differences};
use crate::timeline::{Lines, ReportLink, StudyLink, TimelineInput, episode_of};
use crate::words::{self, Badge, Fact, FactGroup};
use crate::{Frame, Problem, Reader, Texts, urls};
use askama::Template;
use model::{AvailabilityStatus, Dtm, ObjectId, Xcn};

/// What there is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Shown by the browser's own reader.
    Pdf,
    Text(String),
    /// HTML from [`crate::narrative::html`].
    Narrative(String),
    /// Nothing here can show it; it can be saved.
    File {
        media_type: String,
    },
    /// The document could not be had.
    Missing(Problem),
}

/// What the document's own header says, where it has one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Header {
    pub demographics: Demographics,
    pub title: Option<String>,
    pub effective_time: Option<Dtm>,
    pub authors: Vec<String>,
    pub signed_by: Option<Xcn>,
    pub custodian: Option<String>,
    pub procedures: Vec<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
pub struct ReportPage {
    pub frame: Frame,
    pub band: IdentityBand,
    pub title: String,
    /// `12 March 2026`.
    pub date: String,
    pub iso_date: String,
    pub place: String,
    pub badges: Vec<Badge>,
    pub body: Body,
    /// There is nothing to save.
    pub missing: bool,
    pub document_href: String,
    /// `48 KB`; empty when unknown.
    pub size: String,
    pub studies: Vec<StudyLink>,
    /// Other reports of the same line.
    pub others: Vec<ReportLink>,
    /// A newer version, when this one is replaced.
    pub newer: Option<ReportLink>,
    pub withdrawn: bool,
    pub differences: Vec<Difference>,
    pub facts: Vec<Fact>,
    pub codes: Vec<FactGroup>,
    pub language: String,
}

impl ReportPage {
    /// `None` when the entry is not among the input's, or is no document to read.
    pub fn of(
        input: &TimelineInput<'_>,
        id: &ObjectId,
        header: &Header,
        body: Body,
        frame: Frame,
        reader: &Reader,
    ) -> Option<ReportPage> {
        let texts = reader.texts;
        let entry = input.entries.iter().find(|entry| entry.id == *id && !is_manifest(entry))?;
        let href = urls::patient(&frame.base, &frame.patient);
        let lines = Lines { input, href: &href, reader };
        let all = episodes(input.entries, input.associations);
        let episode = episode_of(&all, id)?;
        let of_this = |chain: &&Chain<'_>| chain.entries().any(|other| other.id == *id);
        let chain = episode.reports.iter().find(of_this);
        let newer = chain.filter(|chain| chain.current.id != *id && !chain.twins.iter().any(|twin| twin.id == *id));
        let newer = newer.map(|chain| lines.report_link(chain));
        let others = episode.reports.iter().filter(|chain| !of_this(chain)).map(|chain| lines.report_link(chain));
        let studies = all
            .iter()
            .filter(|episode| episode.holds(id))
            .flat_map(|episode| &episode.studies)
            .filter(|chain| !chain.withdrawn())
            .map(|chain| lines.study_link(chain.current))
            .collect();
        let service = entry.service_start_time.as_ref().or(entry.creation_time.as_ref());
        let when = service.map(|at| reader.when(at)).unwrap_or_default();
        let own_title = header.title.clone().or_else(|| entry.title.value().map(str::to_owned));
        let own_title = own_title.filter(|title| !title.trim().is_empty());
        let mut found = differences(&header.demographics, input.patient, reader);
        for difference in differences(&Demographics::from(&entry.source_patient_info), input.patient, reader) {
            if !found.contains(&difference) {
                found.push(difference);
            }
        }
        Some(ReportPage {
            band: IdentityBand::of(input.patient, &href, reader),
            title: own_title.unwrap_or_else(|| lines.title(episode)),
            date: when.date,
            iso_date: when.iso,
            place: words::place(entry),
            badges: words::modalities(entry).map(|code| Badge::of(texts, code)).collect(),
            document_href: format!("{}/document", urls::report(&href, id)),
            size: entry.size_octets.filter(|size| *size > 0).map(|size| octets(texts, size)).unwrap_or_default(),
            studies,
            others: others.collect(),
            newer,
            withdrawn: entry.availability_status == AvailabilityStatus::Deprecated,
            differences: found,
            facts: facts(entry, header, reader),
            codes: vec![FactGroup {
                title: String::new(),
                facts: [words::shared_codes(entry, reader), words::own_codes(entry, reader)].concat(),
            }],
            language: entry.language_code.clone(),
            missing: matches!(body, Body::Missing(_)),
            body,
            frame,
        })
    }

    fn t(&self) -> Texts {
        self.frame.texts
    }
}

fn facts(entry: &model::DocumentEntry, header: &Header, reader: &Reader) -> Vec<Fact> {
    let texts = reader.texts;
    let mut facts = Vec::new();
    if let Some(at) = &entry.service_start_time {
        facts.push(Fact::words(texts.say("fact.examined"), reader.moment(at)));
    }
    for procedure in &header.procedures {
        facts.push(Fact::words(texts.say("fact.procedure"), procedure));
    }
    if let Some(at) = header.effective_time.as_ref().or(entry.creation_time.as_ref()) {
        facts.push(Fact::words(texts.say("fact.written"), reader.moment(at)));
    }
    let mut authors = words::persons(&entry.authors);
    authors.extend(header.authors.iter().filter(|name| !authors.contains(name)).cloned().collect::<Vec<_>>());
    if !authors.is_empty() {
        facts.push(Fact::words(texts.say("fact.author"), authors.join(", ")));
    }
    let signed = header.signed_by.as_ref().or(entry.legal_authenticator.as_ref()).and_then(words::person);
    match signed {
        Some(name) => facts.push(Fact::words(texts.say("fact.signed"), name)),
        None => facts.push(Fact::words(texts.say("fact.signed"), texts.say("fact.not_signed"))),
    }
    facts.push(Fact::words(texts.say("fact.place"), words::place(entry)));
    if let Some(custodian) = &header.custodian
        && *custodian != words::place(entry)
    {
        facts.push(Fact::words(texts.say("fact.custodian"), custodian));
    }
    let confidential = entry.confidentiality_codes.iter().filter(|code| code.code != "N");
    for code in confidential {
        facts.push(Fact::words(texts.say("fact.confidentiality"), code.label()));
    }
    facts
}

/// `48 KB`.
pub(crate) fn octets(texts: Texts, size: u64) -> String {
    match size {
        0..1024 => texts.with("size.octets", "n", size),
        1024..1_048_576 => texts.with("size.kilo", "n", size.div_ceil(1024)),
        _ => texts.with("size.mega", "n", format!("{:.1}", size as f64 / 1_048_576.0)),
    }
}
