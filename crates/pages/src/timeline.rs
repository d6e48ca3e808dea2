//! The timeline: one line per study with its reports, newest first, filters over it, and who has not answered.
//! ui.md, principles 1 to 6 and the wireframe.

use crate::episodes::{Chain, Episode, episodes};
use crate::identity::{Demographics, Difference, IdentityBand, differences};
use crate::words::{self, Badge, Fact, FactGroup};
use crate::{Frame, Reader, Texts, urls};
use askama::Template;
use model::{Association, Code, DocumentEntry, Dtm, ObjectId, Patient, RegionMap, UniqueId};
use std::collections::HashMap;

/// A party that did not answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    pub name: String,
    pub reason: String,
}

/// What the reader asked to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// [`Badge::value`], or a DICOM modality.
    pub modality: String,
    /// Code of a coarse region, ours or an equivalent.
    pub region: String,
    /// Days, both inclusive.
    pub from: Option<Dtm>,
    pub to: Option<Dtm>,
    /// A date that could not be read, to be shown again.
    pub bad_date: String,
}

impl Filter {
    /// From the parameters of the form: `modality`, `region`, `from`, `to`; dates as `2026-03-12`, `2026-03` or `2026`.
    pub fn of<'a>(parameter: impl Fn(&str) -> Option<&'a str>) -> Filter {
        let text = |name| parameter(name).unwrap_or("").trim().chars().take(64).collect::<String>();
        let mut bad_date = String::new();
        let mut date = |name| {
            let written = text(name);
            let digits = written.replace('-', "");
            let read = Some(digits).filter(|d| d.len() <= 8).and_then(|digits| Dtm::parse(&digits).ok());
            if read.is_none() && !written.is_empty() {
                bad_date = written;
            }
            read
        };
        let (from, to) = (date("from"), date("to"));
        Filter { modality: text("modality"), region: text("region"), from, to, bad_date }
    }

    pub fn is_empty(&self) -> bool {
        self.modality.is_empty() && self.region.is_empty() && self.from.is_none() && self.to.is_none()
    }
}

/// What the timeline is made from.
pub struct TimelineInput<'a> {
    pub patient: &'a Patient,
    pub entries: &'a [DocumentEntry],
    pub associations: &'a [Association],
    pub regions: &'a RegionMap,
    pub filter: &'a Filter,
    pub silent: Vec<Silent>,
    /// Images of studies whose manifest has been read already.
    pub image_counts: HashMap<UniqueId, usize>,
    /// Only the newest entries were read; there are more.
    pub truncated: Option<usize>,
}

/// A choice in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

/// A report to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLink {
    pub href: String,
    pub title: String,
    /// `12 March 2026, Dr. Märta Lindqvist`.
    pub line: String,
    pub addendum: bool,
    /// Its author took it back; it stays readable.
    pub withdrawn: bool,
}

/// Images to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyLink {
    pub href: String,
    /// `412 images`; empty when the manifest has not been read yet.
    pub count: String,
    /// Where a script may ask for the number.
    pub count_href: String,
}

/// An earlier version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub words: String,
    pub href: Option<String>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub anchor: String,
    pub date: String,
    pub short_date: String,
    pub iso_date: String,
    pub time: String,
    pub year: String,
    pub title: String,
    pub place: String,
    pub badges: Vec<Badge>,
    pub regions: String,
    pub reports: Vec<ReportLink>,
    pub study: Option<StudyLink>,
    /// More places where the same study is.
    pub other_studies: Vec<(String, StudyLink)>,
    /// Nothing in it is current any more.
    pub withdrawn: bool,
    /// `replaced once, last on 1 December 2025`; empty when there is one version.
    pub replaced: String,
    pub versions: Vec<Version>,
    pub differences: Vec<Difference>,
    pub facts: Vec<FactGroup>,
    sort: u64,
}

/// The lines of one year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Year {
    pub year: String,
    pub lines: Vec<Line>,
}

/// The page.
#[derive(Template)]
#[template(path = "timeline.html")]
pub struct TimelinePage {
    pub frame: Frame,
    pub band: IdentityBand,
    pub years: Vec<Year>,
    /// `5 examinations`, or `2 of 5 examinations`.
    pub summary: String,
    pub shown: usize,
    pub total: usize,
    pub modalities: Vec<Choice>,
    pub regions: Vec<Choice>,
    pub from: String,
    pub to: String,
    pub bad_date: String,
    pub filtered: bool,
    /// `as of 10:15 CET`.
    pub as_of: String,
    pub silent: Vec<Silent>,
    pub truncated: Option<usize>,
}

impl TimelinePage {
    pub fn of(input: &TimelineInput<'_>, frame: Frame, reader: &Reader) -> TimelinePage {
        let href = urls::patient(&frame.base, &frame.patient);
        let made = Lines { input, href: &href, reader };
        let all = episodes(input.entries, input.associations);
        let total = all.len();
        let (modalities, regions) = made.choices(&all);
        let mut lines: Vec<Line> =
            all.iter().filter(|episode| made.wanted(episode)).map(|episode| made.line(episode)).collect();
        lines.sort_by(|a, b| b.sort.cmp(&a.sort).then_with(|| a.title.cmp(&b.title)));
        let shown = lines.len();
        let mut years: Vec<Year> = Vec::new();
        for line in lines {
            match years.last_mut() {
                Some(year) if year.year == line.year => year.lines.push(line),
                _ => years.push(Year { year: line.year.clone(), lines: vec![line] }),
            }
        }
        let texts = reader.texts;
        let filter = input.filter;
        let summary = if filter.is_empty() {
            texts.count("examinations", total)
        } else {
            texts.fill("examinations.some", &[("shown", &shown), ("total", &texts.count("examinations", total))])
        };
        let iso = |day: &Option<Dtm>| day.as_ref().map(|day| reader.when(day).iso).unwrap_or_default();
        TimelinePage {
            band: IdentityBand::of(input.patient, &href, reader),
            years,
            summary,
            shown,
            total,
            modalities,
            regions,
            from: iso(&filter.from),
            to: iso(&filter.to),
            bad_date: filter.bad_date.clone(),
            filtered: !filter.is_empty(),
            as_of: reader.when(&reader.now).time,
            silent: input.silent.clone(),
            truncated: input.truncated,
            frame,
        }
    }

    fn t(&self) -> Texts {
        self.frame.texts
    }
}

/// One line for one episode, as the report and study pages show it too.
pub(crate) struct Lines<'a> {
    pub input: &'a TimelineInput<'a>,
    /// Address of the patient.
    pub href: &'a str,
    pub reader: &'a Reader,
}

impl Lines<'_> {
    fn texts(&self) -> Texts {
        self.reader.texts
    }

    fn modalities(&self, episode: &Episode<'_>) -> Vec<Badge> {
        let mut out: Vec<Badge> = Vec::new();
        // A report repeats the codes of its study; it counts only where there is no study.
        let chains = if episode.studies.is_empty() { &episode.reports } else { &episode.studies };
        for code in chains.iter().flat_map(|chain| words::modalities(chain.current)) {
            let badge = Badge::of(self.texts(), code);
            if !out.contains(&badge) {
                out.push(badge);
            }
        }
        out
    }

    fn regions(&self, episode: &Episode<'_>) -> Vec<Code> {
        let mut out: Vec<Code> = Vec::new();
        for region in episode.chains().flat_map(|chain| words::regions(chain.current, self.input.regions)) {
            if !out.iter().any(|known| known.means(&region)) {
                out.push(region);
            }
        }
        out
    }

    fn time(episode: &Episode<'_>) -> Option<Dtm> {
        let service = episode.chains().find_map(|chain| chain.current.service_start_time.clone());
        service.or_else(|| episode.chains().find_map(|chain| chain.current.creation_time.clone()))
    }

    fn wanted(&self, episode: &Episode<'_>) -> bool {
        let filter = self.input.filter;
        let family = words::modality_family(&filter.modality);
        let modality = family.is_empty() || self.modalities(episode).iter().any(|badge| badge.value == family);
        let same = self.input.regions.same_region(&filter.region);
        let region = filter.region.is_empty() || self.regions(episode).iter().any(|region| same.contains(&region.code));
        let day = Self::time(episode).map(|time| self.reader.when(&time).iso.replace('-', ""));
        let day = day.and_then(|day| Dtm::parse(&day).ok());
        let after = filter.from.as_ref().is_none_or(|from| day.as_ref().is_some_and(|d| d.end() >= from.start()));
        let before = filter.to.as_ref().is_none_or(|to| day.as_ref().is_some_and(|d| d.start() <= to.end()));
        modality && region && after && before
    }

    fn choices(&self, all: &[Episode<'_>]) -> (Vec<Choice>, Vec<Choice>) {
        let filter = self.input.filter;
        let add = |out: &mut Vec<(Choice, usize)>, value: &str, label: &str, selected: bool| match out
            .iter_mut()
            .find(|(choice, _)| choice.value == value)
        {
            Some((_, count)) => *count += 1,
            None => out.push((Choice { value: value.to_owned(), label: label.to_owned(), selected }, 1)),
        };
        let (mut modalities, mut regions) = (Vec::new(), Vec::new());
        let family = words::modality_family(&filter.modality);
        let same = self.input.regions.same_region(&filter.region);
        for episode in all {
            for badge in self.modalities(episode) {
                let name = if badge.label == badge.name {
                    badge.label.clone()
                } else {
                    format!("{} · {}", badge.label, badge.name)
                };
                add(&mut modalities, &badge.value, &name, badge.value == family);
            }
            for region in self.regions(episode) {
                let name = words::region_name(self.texts(), &region);
                add(&mut regions, &region.code, &name, same.contains(&region.code) && !filter.region.is_empty());
            }
        }
        // What was asked for and does not occur stays chosen, or the form would lie.
        if !family.is_empty() && !modalities.iter().any(|(choice, _)| choice.selected) {
            let label = Badge::of(self.texts(), &Code::new(family, model::schemes::DCM, family)).label;
            modalities.push((Choice { value: family.to_owned(), label, selected: true }, 0));
        }
        if !filter.region.is_empty() && !regions.iter().any(|(choice, _)| choice.selected) {
            let asked = Code::new(&filter.region, model::schemes::SNOMED_CT, &filter.region);
            let code = self.input.regions.normalise(&asked).unwrap_or(asked);
            let label = words::region_name(self.texts(), &code);
            regions.push((Choice { value: filter.region.clone(), label, selected: true }, 0));
        }
        let finish = |mut all: Vec<(Choice, usize)>| {
            all.sort_by(|a, b| a.0.label.cmp(&b.0.label));
            let label =
                |(choice, count): (Choice, usize)| Choice { label: format!("{} ({count})", choice.label), ..choice };
            all.into_iter().map(label).collect()
        };
        (finish(modalities), finish(regions))
    }

    /// `CT of the chest`: the report's title, the study's, what was done, or modality and region.
    pub fn title(&self, episode: &Episode<'_>) -> String {
        let texts = self.texts();
        let study = episode.studies.first().map(|chain| chain.current);
        // The title of a report about several studies is not this study's.
        let report = episode.reports.iter().filter(|chain| !chain.addendum).map(|chain| chain.current);
        let report = report.filter(|report| report.study_instance_uids().count() < 2 || study.is_none());
        report
            .filter_map(|report| words::telling_title(texts, report))
            .next()
            .or_else(|| study.and_then(|study| words::telling_title(texts, study)))
            .or_else(|| {
                let entry = study.or_else(|| episode.reports.first().map(|chain| chain.current))?;
                words::procedures(entry, self.input.regions).next().map(|code| code.label().to_owned())
            })
            .unwrap_or_else(|| {
                let modality = self.modalities(episode).first().map(|badge| badge.name.clone());
                let regions = self.region_words(episode);
                match (modality, regions.is_empty()) {
                    (Some(modality), false) => {
                        texts.fill("title.of", &[("what", &modality), ("where", &regions.to_lowercase())])
                    }
                    (Some(modality), true) => modality,
                    (None, _) => match episode.reports.first() {
                        Some(report) => report.current.type_code.label().to_owned(),
                        None => texts.say("title.unnamed").to_owned(),
                    },
                }
            })
    }

    fn region_words(&self, episode: &Episode<'_>) -> String {
        let names = self.regions(episode).iter().map(|r| words::region_name(self.texts(), r)).collect::<Vec<_>>();
        names.join(", ")
    }

    pub fn report_href(&self, entry: &DocumentEntry) -> String {
        urls::report(self.href, &entry.id)
    }

    pub fn study_link(&self, entry: &DocumentEntry) -> StudyLink {
        let href = urls::study(self.href, &entry.id);
        let count = self.input.image_counts.get(&entry.unique_id);
        StudyLink {
            count: count.map(|n| self.texts().count("images", *n)).unwrap_or_default(),
            count_href: format!("{href}/count"),
            href,
        }
    }

    pub fn report_link(&self, chain: &Chain<'_>) -> ReportLink {
        let entry = chain.current;
        let mut parts: Vec<String> = entry.creation_time.iter().map(|at| self.reader.day(at)).collect();
        parts.extend(words::persons(&entry.authors).into_iter().take(2));
        let title = entry.title.value().map(str::trim).filter(|title| !title.is_empty());
        ReportLink {
            href: self.report_href(entry),
            title: title.unwrap_or(entry.type_code.label()).to_owned(),
            line: parts.join(", "),
            addendum: chain.addendum,
            withdrawn: chain.withdrawn(),
        }
    }

    fn replaced(&self, episode: &Episode<'_>) -> (String, Vec<Version>) {
        let texts = self.texts();
        let mut versions = Vec::new();
        let (mut times, mut last) = (0, None::<&Dtm>);
        for chain in episode.chains() {
            times += chain.earlier.len();
            if !chain.earlier.is_empty() {
                last = last.max(chain.current.creation_time.as_ref());
            }
            for older in &chain.earlier {
                let when = older.creation_time.as_ref().map(|at| self.reader.moment(at)).unwrap_or_default();
                let is_study = crate::episodes::is_manifest(older);
                let key = if is_study { "version.study" } else { "version.report" };
                versions.push(Version {
                    words: texts.with(key, "when", when),
                    // Images are shown through the current list alone.
                    href: (!is_study).then(|| self.report_href(older)),
                });
            }
            for twin in &chain.twins {
                versions.push(Version {
                    words: texts.with("version.twin", "format", twin.format_code.label()),
                    href: (!crate::episodes::is_manifest(twin)).then(|| self.report_href(twin)),
                });
            }
        }
        let words = match (times, last) {
            (0, _) => String::new(),
            (n, Some(last)) => {
                texts.fill("replaced.on", &[("times", &texts.count("replaced", n)), ("day", &self.reader.day(last))])
            }
            (n, None) => texts.count("replaced", n),
        };
        (words, versions)
    }

    pub fn differences(&self, episode: &Episode<'_>) -> Vec<Difference> {
        let mut out: Vec<Difference> = Vec::new();
        for entry in episode.chains().map(|chain| chain.current) {
            for found in differences(&Demographics::from(&entry.source_patient_info), self.input.patient, self.reader) {
                if !out.contains(&found) {
                    out.push(found);
                }
            }
        }
        out
    }

    pub fn facts(&self, episode: &Episode<'_>) -> Vec<FactGroup> {
        let texts = self.texts();
        let mut shared: Vec<Fact> = Vec::new();
        for fact in episode.chains().flat_map(|chain| words::shared_codes(chain.current, self.reader)) {
            if !shared.contains(&fact) {
                shared.push(fact);
            }
        }
        let mut groups = vec![FactGroup { title: texts.say("codes.shared").to_owned(), facts: shared }];
        let own = |key: &str, chain: &Chain<'_>| FactGroup {
            title: texts.find(key).unwrap_or_default().to_owned(),
            facts: words::own_codes(chain.current, self.reader),
        };
        groups.extend(episode.studies.iter().map(|chain| own("codes.study", chain)));
        groups.extend(episode.reports.iter().map(|chain| own("codes.report", chain)));
        groups
    }

    fn line(&self, episode: &Episode<'_>) -> Line {
        let texts = self.texts();
        let time = Self::time(episode);
        let when = time.as_ref().map(|time| self.reader.when(time)).unwrap_or_default();
        let first = episode.chains().next().map(|chain| chain.current);
        let mut studies = episode.studies.iter().filter(|chain| !chain.withdrawn());
        let study = studies.next().map(|chain| self.study_link(chain.current));
        let (replaced, versions) = self.replaced(episode);
        Line {
            anchor: first.map(|entry| urls::uuid(&entry.id).to_owned()).unwrap_or_default(),
            date: if when.date.is_empty() { texts.say("date.unknown").to_owned() } else { when.date },
            short_date: when.short,
            iso_date: when.iso,
            time: when.time,
            year: if when.year.is_empty() { texts.say("date.unknown").to_owned() } else { when.year },
            title: self.title(episode),
            place: first.map(words::place).unwrap_or_default(),
            badges: self.modalities(episode),
            regions: self.region_words(episode),
            reports: episode.reports.iter().map(|chain| self.report_link(chain)).collect(),
            study,
            other_studies: studies.map(|chain| (words::place(chain.current), self.study_link(chain.current))).collect(),
            withdrawn: episode.chains().all(Chain::withdrawn),
            replaced,
            versions,
            differences: self.differences(episode),
            facts: self.facts(episode),
            sort: time.map_or(0, |time| time.start()),
        }
    }
}

/// The line that holds a document, for the pages that open it.
pub(crate) fn episode_of<'e, 'a>(all: &'e [Episode<'a>], id: &ObjectId) -> Option<&'e Episode<'a>> {
    all.iter().find(|episode| episode.holds(id))
}
