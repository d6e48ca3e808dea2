//! Questions to a PACS by C-FIND, and its objects looked into where its answers leave out what a manifest needs.
//! Source: spec/dicom.md sections 7, 22.3, 22.6; spec/mcwg.md section 6.

use super::PacsLine;
use super::quirks::PacsQuirks;
use super::records::{InstanceRecord, StudyRecord};
use actors::{BoxFuture, Cx, Fault, Inventory, ListedInstance, ListedStudy, Pacs, Transfers, Wanted};
use dicom::dimse::query::{
    DateRange, InstanceCriteria, InstanceMatch, Match, Query, SeriesCriteria, SeriesMatch, StudyCriteria, StudyMatch,
    TimeRange,
};
use dicom::dimse::{ElementError, FindOutcome, ProposedContext};
use dicom::sop_classes::{KEY_OBJECT_SELECTION, STUDY_ROOT_FIND};
use model::{Dtm, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid};
use net::DimseClient;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A number of answers that is a multiple of this may be where the PACS stopped without a word (spec/dicom.md 22.3).
const ROUND: usize = 100;
const DAY_SECONDS: i64 = 86_400;

/// The questions of a proxy to its PACS.
pub struct PacsQueries {
    pub line: PacsLine,
    /// Brings objects that have to be looked into.
    pub transfers: Arc<Transfers>,
}

/// One series, and its instances where their classes are known.
struct Listing {
    study: StudyRecord,
    instances: Vec<ListedInstance>,
    /// Series of which the PACS does not say enough.
    unclear: BTreeMap<SeriesInstanceUid, Unclear>,
}

/// What has to be learnt from the objects of a series themselves.
enum Unclear {
    /// The classes of these instances.
    Classes(Vec<InstanceMatch>),
    /// Which instances there are: none is listed though there are so many.
    Instances(u32),
}

fn find<M: Match>(client: &mut DimseClient, query: &Query<M>) -> Result<Vec<M>, String> {
    let mut found = Vec::new();
    let (mut unreadable, mut elsewhere) = (None, None);
    let outcome: FindOutcome = client
        .find(query, &mut |answer| {
            match answer {
                Ok(one) => found.push(one.value),
                // Some PACS answer with more than was asked for.
                Err(error @ ElementError::Elsewhere { .. }) => elsewhere = Some(error.to_string()),
                Err(error) => unreadable = Some(error.to_string()),
            }
            ControlFlow::Continue(())
        })
        .map_err(|e| e.to_string())?;
    let level = query.level().as_str();
    if !outcome.is_complete() {
        return Err(format!("C-FIND at {level} level: {outcome}"));
    }
    // What cannot be read may be what is looked for: an answer without it would say that it is gone.
    match (unreadable, elsewhere) {
        (Some(reason), _) => Err(format!("C-FIND at {level} level: an answer cannot be read: {reason}")),
        // What is asked for is not gone because the PACS talks of something else.
        (None, Some(reason)) if found.is_empty() => Err(format!("C-FIND at {level} level: {reason}")),
        (None, _) => Ok(found),
    }
}

/// Studies of some days; where their number looks like a limit, day by day, and where a day's does, in parts of it.
fn studies_between(
    client: &mut DimseClient,
    quirks: &PacsQuirks,
    first: &str,
    last: &str,
) -> Result<Vec<StudyMatch>, String> {
    let ask = |client: &mut DimseClient, first: &str, last: &str, time: Option<TimeRange>| {
        let date = DateRange::new(Some(first), Some(last)).map_err(|e| e.to_string())?;
        let criteria = StudyCriteria { date: Some(date), time, ..StudyCriteria::default() };
        find(client, &Query::studies(&criteria, &quirks.query).map_err(|e| e.to_string())?)
    };
    let looks_cut = |found: &[StudyMatch]| !found.is_empty() && found.len().is_multiple_of(ROUND);
    let found = ask(client, first, last, None)?;
    if !looks_cut(&found) {
        return Ok(found);
    }
    let mut all: BTreeMap<StudyInstanceUid, StudyMatch> = found.into_iter().map(|s| (s.study.clone(), s)).collect();
    for day in days(first, last) {
        let of_day = ask(client, &day, &day, None)?;
        let cut = looks_cut(&of_day);
        all.extend(of_day.into_iter().map(|study| (study.study.clone(), study)));
        for hour in (0..24).filter(|_| cut) {
            let time = TimeRange::new(Some(&format!("{hour:02}0000")), Some(&format!("{hour:02}5959.999999")));
            let of_hour = ask(client, &day, &day, Some(time.map_err(|e| e.to_string())?))?;
            all.extend(of_hour.into_iter().map(|study| (study.study.clone(), study)));
        }
    }
    Ok(all.into_values().collect())
}

/// Each day from the first to the last.
fn days(first: &str, last: &str) -> Vec<String> {
    let seconds = |day: &str| Dtm::parse(day).map_or(0, |day| day.unix_seconds());
    let (first, last) = (seconds(first), seconds(last));
    let count = (last - first).div_euclid(DAY_SECONDS).clamp(0, 4000);
    (0..=count).map(|n| Dtm::from_unix_seconds(first + n * DAY_SECONDS).as_str()[..8].to_owned()).collect()
}

impl PacsQueries {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut DimseClient, &PacsQuirks) -> Result<T, String> + Send + 'static,
    ) -> Result<T, Fault> {
        let work = move |address: &super::PacsAddress| {
            let mut client = address.connect(vec![ProposedContext::service(STUDY_ROOT_FIND)])?;
            let answer = question(&mut client, &address.quirks).map_err(|reason| address.silent(reason))?;
            // The answer is whole; how the PACS says goodbye is its own affair.
            let _ = client.release();
            Ok(answer)
        };
        self.line.run(work).await
    }

    /// The studies of an accession number. Errors: the PACS's.
    pub async fn of_accession(&self, accession_number: &str) -> Result<Vec<StudyInstanceUid>, Fault> {
        let wanted = accession_number.to_owned();
        let found = self.ask(move |client, quirks| {
            let criteria = StudyCriteria { accession_number: Some(wanted), ..StudyCriteria::default() };
            find(client, &Query::studies(&criteria, &quirks.query).map_err(|e| e.to_string())?)
        });
        // Some PACS answer with more than was asked for.
        let ours = |found: &StudyMatch| found.accession_number.as_deref() == Some(accession_number);
        Ok(found.await?.into_iter().filter(ours).map(|found| found.study).collect())
    }

    fn listed(&self, found: StudyMatch) -> ListedStudy {
        StudyRecord::of(&found, self.line.address.quirks.no_counts).listed(found.study)
    }

    /// What the objects of a series say themselves, where the PACS does not.
    async fn look_into(
        &self,
        study: &StudyInstanceUid,
        series: SeriesInstanceUid,
        unclear: Unclear,
        cx: &Cx,
    ) -> Result<Vec<ListedInstance>, Fault> {
        let mut found: HashMap<SopInstanceUid, ListedInstance> = HashMap::new();
        let wanted = Wanted { study: study.clone(), series: series.clone(), instance: None };
        let said = self
            .transfers
            .bring(
                wanted,
                |received, path| {
                    let header = std::fs::File::open(path).ok().and_then(|file| dicom::Header::read(file).ok());
                    let Some(header) = header else { return };
                    let instance = ListedInstance {
                        series: series.clone(),
                        instance: received.instance.clone(),
                        sop_class: received.sop_class.clone(),
                        header: InstanceRecord::of_header(&header).encode(),
                    };
                    found.insert(received.instance.clone(), instance);
                },
                cx,
            )
            .await?;
        match unclear {
            Unclear::Classes(answered) => {
                let listed = answered.into_iter().map(|answer| {
                    found.remove(&answer.sop_instance).ok_or_else(|| {
                        self.line.address.silent(format!(
                            "says no SOP class of instance {} and does not send it either: {said}",
                            answer.sop_instance
                        ))
                    })
                });
                listed.collect()
            }
            Unclear::Instances(count) if found.len() < count as usize => Err(self.line.address.silent(format!(
                "C-FIND at IMAGE level: no instance of series {series}, which has {count}, and only {} of them were sent: {said}",
                found.len()
            ))),
            Unclear::Instances(_) => {
                let mut listed: Vec<ListedInstance> = found.into_values().collect();
                listed.sort_by(|a, b| a.instance.cmp(&b.instance));
                Ok(listed)
            }
        }
    }

    /// What a key object note says: rejection notes tell what must not be listed.
    async fn note(&self, study: &StudyInstanceUid, listed: &ListedInstance, cx: &Cx) -> Result<Vec<u8>, Fault> {
        let (series, instance) = (listed.series.clone(), listed.instance.clone());
        let wanted = Wanted { study: study.clone(), series, instance: Some(instance.clone()) };
        let mut note = None;
        let look = |received: &actors::ReceivedInstance, path: &std::path::Path| {
            if received.instance == instance {
                note = read_note(path);
            }
        };
        let said = self.transfers.bring(wanted, look, cx).await?;
        let record = InstanceRecord::decode(&listed.header).unwrap_or_default();
        match note {
            Some(note) => Ok(record.with_note(&note).encode()),
            None => {
                let what = format!("does not send key object note {} so that it can be read: {said}", listed.instance);
                Err(self.line.address.silent(what))
            }
        }
    }
}

fn read_note(path: &std::path::Path) -> Option<dicom::kos::KeyObjects> {
    let mut octets = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, dicom::kos::MOST_OCTETS as u64), &mut octets).ok()?;
    dicom::kos::decode_note(&octets).ok()
}

/// Series and instances of a study, on one association.
fn listing(
    client: &mut DimseClient,
    quirks: &PacsQuirks,
    study: &StudyInstanceUid,
    mut record: StudyRecord,
) -> Result<Listing, String> {
    let criteria = SeriesCriteria::of(study.clone());
    let series: Vec<SeriesMatch> = find(client, &Query::series(&criteria, &quirks.query).map_err(|e| e.to_string())?)?;
    let (mut instances, mut unclear) = (Vec::new(), BTreeMap::<SeriesInstanceUid, Unclear>::new());
    for one in series {
        record.add(&one);
        let criteria = InstanceCriteria::of(study.clone(), one.series.clone());
        let query = Query::instances(&criteria, &quirks.query).map_err(|e| e.to_string())?;
        let found: Vec<InstanceMatch> = find(client, &query)?;
        // Some PACS count a series and answer nothing at this level: that is no sign that the series is empty.
        if let (true, Some(count @ 1..)) = (found.is_empty(), one.number_of_instances) {
            unclear.insert(one.series.clone(), Unclear::Instances(count));
            continue;
        }
        if found.iter().any(|instance| instance.sop_class.is_none()) {
            unclear.insert(one.series.clone(), Unclear::Classes(found));
            continue;
        }
        instances.extend(found.into_iter().filter_map(|instance| {
            Some(ListedInstance {
                series: one.series.clone(),
                sop_class: instance.sop_class.clone()?,
                header: InstanceRecord::of(&instance).encode(),
                instance: instance.sop_instance,
            })
        }));
    }
    Ok(Listing { study: record, instances, unclear })
}

impl Pacs for PacsQueries {
    fn name(&self) -> &str {
        &self.line.address.name
    }

    fn ae_title(&self) -> &str {
        &self.line.address.ae_title
    }

    fn studies<'a>(
        &'a self,
        first: &'a str,
        last: &'a str,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<ListedStudy>, Fault>> {
        Box::pin(async move {
            let (first, last) = (first.to_owned(), last.to_owned());
            let found = self.ask(move |client, quirks| studies_between(client, quirks, &first, &last)).await?;
            Ok(found.into_iter().map(|study| self.listed(study)).collect())
        })
    }

    fn study<'a>(
        &'a self,
        study: &'a StudyInstanceUid,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Option<ListedStudy>, Fault>> {
        Box::pin(async move {
            let criteria = StudyCriteria { studies: vec![study.clone()], ..StudyCriteria::default() };
            let found = self.ask(move |client, quirks| {
                find(client, &Query::studies(&criteria, &quirks.query).map_err(|e| e.to_string())?)
            });
            // Some PACS answer with more than was asked for.
            let found = found.await?.into_iter().find(|found| found.study == *study);
            Ok(found.map(|found| self.listed(found)))
        })
    }

    fn inventory<'a>(
        &'a self,
        study: &'a ListedStudy,
        known: &'a HashMap<SopInstanceUid, ListedInstance>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Inventory, Fault>> {
        Box::pin(async move {
            let uid = study.study.clone();
            let record = StudyRecord::decode(&study.summary).unwrap_or_default();
            let listing = self.ask(move |client, quirks| listing(client, quirks, &uid, record)).await?;
            let Listing { study: record, mut instances, unclear } = listing;
            for (series, unclear) in unclear {
                let known_already = match &unclear {
                    Unclear::Classes(answered) => answered
                        .iter()
                        .map(|answer| known.get(&answer.sop_instance).cloned())
                        .collect::<Option<Vec<_>>>(),
                    Unclear::Instances(count) => {
                        let of_series: Vec<_> = known.values().filter(|one| one.series == series).cloned().collect();
                        (of_series.len() == *count as usize).then_some(of_series)
                    }
                };
                instances.extend(match known_already {
                    Some(known) => known,
                    None => self.look_into(&study.study, series, unclear, cx).await?,
                });
            }
            for listed in instances.iter_mut().filter(|listed| is_note(&listed.sop_class)) {
                let before = known.get(&listed.instance);
                let read = before.filter(|b| InstanceRecord::decode(&b.header).is_some_and(|r| r.knows_its_note()));
                listed.header = match read {
                    Some(before) => before.header.clone(),
                    None => self.note(&study.study, listed, cx).await?,
                };
            }
            let accession = record.accession_number().unwrap_or_default().to_owned();
            Ok(Inventory { header: record.header(), accession, instances })
        })
    }
}

fn is_note(sop_class: &SopClassUid) -> bool {
    sop_class.as_str() == KEY_OBJECT_SELECTION
}
