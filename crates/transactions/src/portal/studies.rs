//! Opening a study: its page, what the viewer's script needs to know, and the number of its images.

use super::cases::entry_id;
use super::problems::{Kind, Trouble};
use super::{Asked, Here, OPEN_IMAGES, answers};
use crate::edge::audit::{Facts, Outcome};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use model::{AvailabilityStatus, DocumentEntry, Manifest, ManifestSeries, ObjectId, PatientId};
use pages::{Filter, StudyPage, Texts};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a right that was found to exist is not asked for again while images are turned over.
const OPENED_MICROS: i64 = 30_000_000;
const MOST_OPENED: usize = 1024;

/// Who opened what.
type Key = (String, Option<IpAddr>, PatientId, ObjectId);

/// Studies that were opened a moment ago.
#[derive(Default)]
pub(super) struct Opened(Mutex<HashMap<Key, (i64, Arc<OpenStudy>)>>);

/// A study whose images the caller may see: exactly those that its manifest lists.
pub(super) struct OpenStudy {
    pub entry: DocumentEntry,
    pub manifest: Arc<Manifest>,
}

impl Here {
    /// The study, after the registry has said that the manifest is current and this patient's.
    pub(super) async fn open(&self, patient: &str, entry: &str, asked: &Asked) -> Result<Arc<OpenStudy>, Trouble> {
        let caller = &asked.cx.caller;
        let key = (caller.name.clone(), caller.address, self.patient_id(patient)?, entry_id(entry)?);
        let now = asked.cx.now_unix_micros();
        {
            let opened = self.opened.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((until, study)) = opened.get(&key)
                && *until > now
            {
                return Ok(study.clone());
            }
        }
        let entry = self.entry(patient, entry, asked).await?;
        if entry.availability_status != AvailabilityStatus::Approved {
            return Err(Trouble::of(Kind::NoImages, ""));
        }
        let manifest = self.manifest(&entry, asked).await?;
        let study = Arc::new(OpenStudy { entry, manifest });
        let mut opened = self.opened.0.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= MOST_OPENED {
            opened.retain(|_, (until, _)| *until > now);
        }
        if opened.len() < MOST_OPENED {
            opened.insert(key, (now + OPENED_MICROS, study.clone()));
        }
        Ok(study)
    }
}

pub(super) async fn study(
    State(here): State<Arc<Here>>,
    Path((patient, entry)): Path<(String, String)>,
    request: Request,
) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.study_page(&patient, &entry, &asked).await {
        Ok(page) => answers::page(StatusCode::OK, &asked, &page),
        Err(trouble) => here.trouble(&asked, &patient, trouble),
    }
}

pub(super) async fn images(
    State(here): State<Arc<Here>>,
    Path((patient, entry)): Path<(String, String)>,
    request: Request,
) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.viewer_data(&patient, &entry, &asked).await {
        Ok(value) => answers::json(&value),
        Err(trouble) => answers::json_trouble(&asked, trouble),
    }
}

pub(super) async fn count(
    State(here): State<Arc<Here>>,
    Path((patient, entry)): Path<(String, String)>,
    request: Request,
) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.open(&patient, &entry, &asked).await {
        Ok(study) => {
            let n = image_count(&study.manifest);
            answers::json(&json!({ "images": n, "words": asked.texts.count("images", n) }))
        }
        Err(trouble) => answers::json_trouble(&asked, trouble),
    }
}

/// Images with a picture, every frame counted.
pub(super) fn image_count(manifest: &Manifest) -> usize {
    let shown = manifest.series.iter().filter(|series| pages::has_pictures(series));
    shown.flat_map(|series| &series.instances).map(|instance| pages::frames(instance) as usize).sum()
}

impl Here {
    async fn study_page(&self, patient: &str, entry: &str, asked: &Asked) -> Result<StudyPage, Trouble> {
        let id = entry_id(entry)?;
        let case = self.case(patient, asked).await?;
        let opened = self.open(patient, entry, asked).await;
        let outcome = match &opened {
            Ok(_) => Outcome::Success,
            Err(trouble) => Outcome::MinorFailure(trouble.log.clone()),
        };
        let study = opened.as_ref().ok().map(|study| study.manifest.study.as_str().to_owned());
        let facts = Facts { patient: Some(case.patient.id.clone()), objects: study.into_iter().collect(), query: None };
        self.portal.edge.audit(&OPEN_IMAGES, outcome, facts, &asked.cx);
        let opened = opened?;
        let filter = Filter::default();
        let input = self.input(&case, &filter);
        let page = StudyPage::of(&input, &id, &opened.manifest, self.frame(asked, patient), &asked.reader);
        page.ok_or_else(|| Trouble::of(Kind::NoDocument, ""))
    }

    async fn viewer_data(&self, patient: &str, entry: &str, asked: &Asked) -> Result<Value, Trouble> {
        let opened = self.open(patient, entry, asked).await?;
        let (manifest, texts) = (&opened.manifest, asked.texts);
        let known = self.patient(&opened.entry.patient_id, asked).await?;
        let band = pages::IdentityBand::of(&known, "", &asked.reader);
        let place = opened.entry.authors.iter().flat_map(|author| &author.institutions).map(|xon| xon.name()).next();
        let title = opened.entry.title.value().unwrap_or("").to_owned();
        let path = asked.here.split('?').next().unwrap_or("");
        Ok(json!({
            "base": path.strip_suffix("/images").unwrap_or(path),
            "title": title,
            "date": pages::study_date(&opened.entry, manifest, &asked.reader),
            "place": place.unwrap_or_default(),
            "patient": { "name": band.name, "facts": format!("{} · {}\n{}", band.born, band.sex, band.id) },
            "series": manifest.series.iter().map(|series| series_data(series, texts)).collect::<Vec<_>>(),
            "texts": script_texts(texts),
        }))
    }
}

fn series_data(series: &ManifestSeries, texts: Texts) -> Value {
    let instances: Vec<Value> = match pages::has_pictures(series) {
        true => {
            series.instances.iter().map(|i| json!([i.sop_instance.as_str(), pages::frames(i).min(10_000)])).collect()
        }
        false => Vec::new(),
    };
    json!({
        "uid": series.uid.as_str(),
        "number": series.number.as_deref().unwrap_or(""),
        "title": pages::series_title(series, texts),
        "modality": series.modality.as_deref().unwrap_or(""),
        "instances": instances,
        "presets": presets(series, texts),
    })
}

/// Windows that every reader of CT expects; other modalities have no units to name any by.
fn presets(series: &ManifestSeries, texts: Texts) -> Vec<Value> {
    if series.modality.as_deref() != Some("CT") {
        return Vec::new();
    }
    let all = [
        ("viewer.window.soft", 40, 400),
        ("viewer.window.lung", -600, 1500),
        ("viewer.window.bone", 400, 1800),
        ("viewer.window.brain", 40, 80),
        ("viewer.window.liver", 80, 150),
    ];
    all.iter().map(|(key, center, width)| json!({ "name": texts.say(key), "center": center, "width": width })).collect()
}

fn script_texts(texts: Texts) -> Value {
    json!({
        "loading": texts.say("viewer.loading"),
        "failed": texts.say("viewer.failed"),
        "reference": texts.say("error.reference"),
        "noPicture": texts.say("viewer.no_picture"),
        "image": texts.say("viewer.image"),
        "series": texts.say("viewer.series"),
        "level": texts.say("viewer.level"),
        "zoom": texts.say("viewer.zoom"),
        "thickness": texts.say("viewer.thickness"),
        "uncalibrated": texts.say("viewer.uncalibrated"),
        "detector": texts.say("viewer.detector"),
        "film": texts.say("viewer.film"),
        "region": texts.say("viewer.region"),
        "windowFile": texts.say("viewer.window.file"),
        "windowOwn": texts.say("viewer.window.own"),
    })
}
