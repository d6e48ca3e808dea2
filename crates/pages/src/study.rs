//! The page of a study's images: the viewer's frame, the strip of series, and what it says before a script runs.

use crate::episodes::episodes;
use crate::identity::{Demographics, Difference, IdentityBand, differences};
use crate::timeline::{Lines, ReportLink, TimelineInput, episode_of};
use crate::words::{self, Badge, FactGroup};
use crate::{Frame, Reader, Texts, urls};
use askama::Template;
use model::{Code, Manifest, ManifestInstance, ManifestSeries, ObjectId, schemes};

/// Modalities of objects without a picture.
const NO_PICTURE: [&str; 17] = [
    "SR", "KO", "PR", "DOC", "REG", "RWV", "FID", "RTSTRUCT", "RTPLAN", "RTRECORD", "PLAN", "AU", "ECG", "HD", "EPS",
    "M3D", "STAIN",
];

/// One series in the strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesTile {
    pub uid: String,
    pub number: String,
    /// Description, else modality and number.
    pub title: String,
    pub badge: Badge,
    /// `40 images`, or what it is instead.
    pub count: String,
    /// A picture of its middle; `None` for what has none.
    pub thumbnail: Option<String>,
    pub first: Option<String>,
    /// Images flagged by a key object note.
    pub significant: usize,
}

/// The page.
#[derive(Template)]
#[template(path = "study.html")]
pub struct StudyPage {
    pub frame: Frame,
    pub band: IdentityBand,
    pub title: String,
    /// `12 March 2026, 10:15`.
    pub date: String,
    pub place: String,
    pub badges: Vec<Badge>,
    pub series: Vec<SeriesTile>,
    pub images: String,
    pub reports: Vec<ReportLink>,
    pub differences: Vec<Difference>,
    pub facts: Vec<FactGroup>,
    /// Where the script finds series and instances.
    pub data_href: String,
}

/// True for a series that has pictures.
pub fn has_pictures(series: &ManifestSeries) -> bool {
    let modality = series.modality.as_deref().unwrap_or("");
    let kos = |i: &ManifestInstance| i.sop_class.as_str() == model::DocumentEntry::KOS_SOP_CLASS;
    !NO_PICTURE.contains(&modality) && !series.instances.iter().all(kos)
}

/// Frames of an instance; the manifest says nothing of single ones.
pub fn frames(instance: &ManifestInstance) -> u32 {
    instance.number_of_frames.unwrap_or(1).max(1)
}

impl StudyPage {
    /// `None` when the entry is not among the input's.
    pub fn of(
        input: &TimelineInput<'_>,
        id: &ObjectId,
        manifest: &Manifest,
        frame: Frame,
        reader: &Reader,
    ) -> Option<StudyPage> {
        let texts = reader.texts;
        let entry = input.entries.iter().find(|entry| entry.id == *id)?;
        let href = urls::patient(&frame.base, &frame.patient);
        let here = urls::study(&href, id);
        let lines = Lines { input, href: &href, reader };
        let all = episodes(input.entries, input.associations);
        let episode = episode_of(&all, id)?;
        let mut found = differences(&Demographics::from(manifest), input.patient, reader);
        for difference in differences(&Demographics::from(&entry.source_patient_info), input.patient, reader) {
            if !found.contains(&difference) {
                found.push(difference);
            }
        }
        let series: Vec<SeriesTile> = manifest.series.iter().map(|series| tile(series, &here, texts)).collect();
        let pictures = manifest.series.iter().filter(|series| has_pictures(series));
        let images: u32 = pictures.flat_map(|series| &series.instances).map(frames).sum();
        Some(StudyPage {
            band: IdentityBand::of(input.patient, &href, reader),
            title: lines.title(episode),
            date: date(entry, manifest, reader),
            place: words::place(entry),
            badges: words::modalities(entry).map(|code| Badge::of(texts, code)).collect(),
            series,
            images: texts.count("images", images as usize),
            reports: episode.reports.iter().map(|chain| lines.report_link(chain)).collect(),
            differences: found,
            facts: lines.facts(episode),
            data_href: format!("{here}/images"),
            frame,
        })
    }

    fn t(&self) -> Texts {
        self.frame.texts
    }
}

/// Date and time as the hospital wrote them, else the registry's.
pub fn date(entry: &model::DocumentEntry, manifest: &Manifest, reader: &Reader) -> String {
    let local = manifest.study_date.as_deref().and_then(|date| reader.local(date, manifest.study_time.as_deref()));
    match local {
        Some(when) if when.time.is_empty() => when.date,
        Some(when) => format!("{}, {}", when.date, when.time),
        None => entry.service_start_time.as_ref().map(|at| reader.moment(at)).unwrap_or_default(),
    }
}

/// Description of a series, else what it is and its number.
pub fn series_title(series: &ManifestSeries, texts: Texts) -> String {
    let description = series.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let badge = badge(series, texts);
    description.map(str::to_owned).unwrap_or_else(|| match &series.number {
        Some(number) => texts.fill("series.numbered", &[("what", &badge.name), ("number", number)]),
        None => badge.name,
    })
}

fn badge(series: &ManifestSeries, texts: Texts) -> Badge {
    let modality = series.modality.as_deref().unwrap_or("").trim();
    if modality.is_empty() {
        let unknown = texts.say("modality.unknown").to_owned();
        return Badge { value: String::new(), label: unknown.clone(), name: unknown };
    }
    Badge::of(texts, &Code::new(modality, schemes::DCM, modality))
}

fn tile(series: &ManifestSeries, here: &str, texts: Texts) -> SeriesTile {
    let shown = has_pictures(series);
    let badge = badge(series, texts);
    let address = |instance: &ManifestInstance, frame: u32| {
        format!("{here}/series/{}/instance/{}/frame/{frame}", series.uid.as_str(), instance.sop_instance.as_str())
    };
    let middle = series.instances.get(series.instances.len() / 2).filter(|_| shown);
    let total: u32 = series.instances.iter().map(frames).sum();
    SeriesTile {
        uid: series.uid.as_str().to_owned(),
        number: series.number.clone().unwrap_or_default(),
        title: series_title(series, texts),
        count: if shown { texts.count("images", total as usize) } else { texts.say("series.no_picture").to_owned() },
        thumbnail: middle.map(|instance| format!("{}?width=160", address(instance, frames(instance).div_ceil(2)))),
        first: series.instances.first().filter(|_| shown).map(|instance| address(instance, 1)),
        significant: series.instances.iter().filter(|instance| !instance.significant.is_empty()).count(),
        badge,
    }
}
