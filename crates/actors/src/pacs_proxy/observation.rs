//! What a PACS holds, kept as rows of the node's store: found by polling and by being told, compared, and believed to be
//! gone only after it was missed several times. Source: spec/dicom.md sections 6, 22.6; mcwg.md section 6.

use super::{
    Inventory, KnownStudy, ListedInstance, ListedStudy, Pacs, STUDY, Transfers, missed::Missed, notices,
    unread::UnreadStudy,
};
use crate::flows::note_accession;
use crate::store_faults::internal;
use crate::{Cx, Fault};
use model::{Dtm, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{InstanceSelect, MetadataStore, Sha256, StoreError, StoreExt, StoredInstance, StudySelect, WriteTx};

/// Node state: studies by date, `YYYYMMDD/UID`, so that a poll knows what should be in its answer.
const DAY: &str = "pacs-day";
/// Node state: what was missed, per study. Lines: SOP Instance UID, times, unix microseconds of the last time.
const MISSED: &str = "pacs-missed";
/// Node state: the study that was reconciled last.
const CURSOR: &str = "pacs-reconciled";
const MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * MICROS;
/// A PACS that lists nothing that it had is believed after so long.
pub(super) const EMPTY_FOR: i64 = DAY_MICROS;
/// Other studies that are looked for before a whole study is believed to be gone.
const WITNESSES: usize = 3;
/// Studies of one window, and studies that wait for a second look.
const MOST: usize = 1_000_000;

/// When to look, and what to believe.
#[derive(Clone, Debug)]
pub struct ObservationPolicy {
    pub poll_micros: i64,
    /// A poll asks for the studies of so many days, today included.
    pub window_days: u32,
    /// So many successive looks have to miss something...
    pub confirm_queries: u32,
    /// ...at least so far apart, before it is gone.
    pub confirm_apart_micros: i64,
    /// One study of all that are known is looked at again each time; 0: never.
    pub reconcile_micros: i64,
}

/// How far the node's picture and the PACS are apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PacsSync {
    /// Studies of which something is missed or changed since their manifest, or whose look failed.
    pub out_of_sync: usize,
    /// Unix microseconds of the last poll that was answered.
    pub polled_at: Option<i64>,
    /// Why the PACS cannot be read at the moment.
    pub fault: Option<Fault>,
}

/// Looks at one PACS.
pub struct PacsObserver {
    pub(super) store: Arc<dyn MetadataStore>,
    pub(super) pacs: Arc<dyn Pacs>,
    transfers: Arc<Transfers>,
    policy: ObservationPolicy,
    schedule: Mutex<Schedule>,
}

#[derive(Default)]
pub(super) struct Schedule {
    started: bool,
    next_poll: i64,
    next_reconcile: i64,
    /// Studies to look at, and when. One that is here because it was missed has its time in the store too.
    due: BTreeMap<StudyInstanceUid, i64>,
    /// Those of them that somebody asked for: what is known of the study itself may have changed.
    asked: HashSet<StudyInstanceUid>,
    /// Studies that could not be read, and why.
    pub(super) failed: BTreeMap<StudyInstanceUid, UnreadStudy>,
    polled_at: Option<i64>,
    fault: Option<Fault>,
}

/// What one look found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    added: usize,
    changed: usize,
    removed: usize,
    missed: usize,
    look_again_at: Option<i64>,
}

impl PacsObserver {
    pub fn new(
        store: Arc<dyn MetadataStore>,
        pacs: Arc<dyn Pacs>,
        transfers: Arc<Transfers>,
        policy: ObservationPolicy,
    ) -> Self {
        PacsObserver { store, pacs, transfers, policy, schedule: Mutex::default() }
    }

    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same as [`PacsObserver::ask`], forgotten when the node stops before.
    pub fn look_at(&self, study: StudyInstanceUid) {
        let mut schedule = self.schedule();
        schedule.asked.insert(study.clone());
        schedule.due.insert(study, 0);
    }

    /// Polls now, as when the node starts.
    pub fn poll_now(&self) {
        self.schedule().next_poll = 0;
    }

    /// Errors: the store's.
    pub async fn sync(&self) -> Result<PacsSync, StoreError> {
        let (missed, unpublished) = self
            .store
            .read(|tx| {
                let always = StudySelect::Due { quiet_before: i64::MAX, changed_before: i64::MAX };
                let mut unpublished = tx.studies(always, MOST)?;
                unpublished.extend(tx.studies(StudySelect::Held, MOST)?);
                Ok::<_, StoreError>((tx.states(MISSED, "", MOST)?, unpublished))
            })
            .await?;
        let schedule = self.schedule();
        let mut apart: HashSet<&str> = missed.iter().map(|(study, _)| study.as_str()).collect();
        // Of what was never published the registry promises nothing.
        let promised = unpublished.iter().filter(|study| study.publication.is_some());
        apart.extend(promised.map(|study| study.study.as_str()));
        apart.extend(schedule.failed.keys().map(StudyInstanceUid::as_str));
        let fault =
            schedule.fault.clone().or_else(|| schedule.failed.values().next().map(|unread| unread.fault.clone()));
        Ok(PacsSync { out_of_sync: apart.len(), polled_at: schedule.polled_at, fault })
    }

    /// Does what is due; returns how long to wait (microseconds) before calling again.
    pub async fn turn(&self, cx: &Cx) -> i64 {
        let now = cx.now_unix_micros();
        self.transfers.forget_old(now);
        if let Err(error) = self.start(cx).await {
            tracing::error!(request_id = cx.request_id, %error, "cannot read what is known of the PACS");
            return MICROS;
        }
        if self.schedule().next_poll <= now {
            let polled = self.poll(cx).await;
            self.polled(polled, cx);
        }
        loop {
            let now = cx.now_unix_micros();
            let next = self.schedule().due.iter().find(|(_, at)| **at <= now).map(|(study, _)| study.clone());
            let Some(study) = next else { break };
            self.schedule().due.remove(&study);
            self.look(study, None, cx).await;
        }
        self.reconcile(cx).await;
        let schedule = self.schedule();
        let now = cx.now_unix_micros();
        let reconcile = (self.policy.reconcile_micros > 0).then_some(schedule.next_reconcile);
        let next = schedule.due.values().copied().chain(reconcile).chain([schedule.next_poll]).min();
        next.map_or(MICROS, |at| at - now).clamp(20_000, MICROS)
    }

    /// What waited for a second look before the node stopped.
    async fn start(&self, cx: &Cx) -> Result<(), StoreError> {
        if self.schedule().started {
            return Ok(());
        }
        let read = self.store.read(|tx| Ok::<_, StoreError>((tx.states(MISSED, "", MOST)?, notices::asked(tx, MOST)?)));
        let (missed, asked) = read.await?;
        let mut schedule = self.schedule();
        for (study, lines) in missed {
            if let Ok(study) = StudyInstanceUid::parse(&study) {
                let last = Missed::decode(&lines).0.values().map(|(_, at)| *at).max().unwrap_or(0);
                schedule.due.insert(study, last + self.policy.confirm_apart_micros);
            }
        }
        for study in asked {
            schedule.asked.insert(study.clone());
            schedule.due.insert(study, 0);
        }
        schedule.next_reconcile = cx.now_unix_micros() + self.policy.reconcile_micros;
        schedule.started = true;
        Ok(())
    }

    fn polled(&self, outcome: Result<(), Fault>, cx: &Cx) {
        let now = cx.now_unix_micros();
        let mut schedule = self.schedule();
        match outcome {
            Ok(()) => {
                schedule.next_poll = now + self.policy.poll_micros;
                schedule.polled_at = Some(now);
                schedule.fault = None;
            }
            Err(fault) => {
                // Sooner than the next poll would be, but a PACS in trouble is not helped by haste.
                schedule.next_poll = now + self.policy.poll_micros.min(30 * MICROS);
                tracing::warn!(request_id = cx.request_id, pacs = self.pacs.name(), %fault, "the PACS cannot be polled");
                schedule.fault = Some(fault);
            }
        }
    }

    /// One question for the studies of the last days; what differs from what is known is looked at.
    async fn poll(&self, cx: &Cx) -> Result<(), Fault> {
        let now = cx.now_unix_micros();
        let day = |micros: i64| Dtm::from_unix_seconds(micros.div_euclid(MICROS)).as_str()[..8].to_owned();
        // A day more on both sides: the PACS's clock is another one, in another time zone.
        let (first, last) = (day(now - DAY_MICROS * i64::from(self.policy.window_days)), day(now + DAY_MICROS));
        let listed = self.pacs.studies(&first, &last, cx).await?;
        let known = self.known_days(first, last).await.map_err(|e| failed(e, cx))?;
        let mut seen = HashSet::new();
        for study in listed {
            if !seen.insert(study.study.clone()) {
                continue;
            }
            let before = self.known(&study.study).await.map_err(|e| failed(e, cx))?;
            let same = before.is_some_and(|before| before.listed == study) && study.counts;
            // What is missed may be back although the study looks as it did.
            let awaited = self.schedule().due.remove(&study.study).is_some();
            if !same || awaited {
                self.look(study.study.clone(), Some(study), cx).await;
            }
        }
        for gone in known.into_iter().filter(|study| !seen.contains(study)) {
            // It may have got another date, or it is gone.
            self.schedule().due.entry(gone).or_insert(0);
        }
        Ok(())
    }

    async fn known_days(&self, first: String, last: String) -> Result<Vec<StudyInstanceUid>, StoreError> {
        let days: Vec<(String, Vec<u8>)> = self.store.read(move |tx| tx.states(DAY, &first, MOST)).await?;
        let of_window = days.into_iter().take_while(|(key, _)| key.as_bytes().get(..8) <= Some(last.as_bytes()));
        let uids = of_window.filter_map(|(key, _)| StudyInstanceUid::parse(key.split_once('/')?.1).ok());
        Ok(uids.collect())
    }

    async fn known(&self, study: &StudyInstanceUid) -> Result<Option<KnownStudy>, StoreError> {
        let uid = study.clone();
        let bytes: Option<Vec<u8>> = self.store.read(move |tx| tx.state(STUDY, uid.as_str())).await?;
        Ok(bytes.and_then(|bytes| KnownStudy::decode(study.clone(), &bytes)))
    }

    /// The next of all known studies is looked at, in the order of their UIDs, round and round.
    async fn reconcile(&self, cx: &Cx) {
        let now = cx.now_unix_micros();
        if self.policy.reconcile_micros == 0 || self.schedule().next_reconcile > now {
            return;
        }
        self.schedule().next_reconcile = now + self.policy.reconcile_micros;
        let next = self
            .store
            .write(|tx| {
                let cursor = tx.state(CURSOR, "")?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
                let mut next = tx.states(STUDY, &cursor, 1)?;
                if next.is_empty() {
                    next = tx.states(STUDY, "", 1)?;
                }
                let Some((uid, _)) = next.pop() else { return Ok(None) };
                tx.put_state(CURSOR, "", Some(uid.as_bytes()))?;
                Ok::<_, StoreError>(Some(uid))
            })
            .await;
        match next {
            Ok(Some(uid)) => {
                if let Ok(study) = StudyInstanceUid::parse(&uid) {
                    self.look(study, None, cx).await;
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(request_id = cx.request_id, %error, "cannot choose a study to reconcile"),
        }
    }

    /// Looks at one study, and looks again later when something is missed or the look failed.
    async fn look(&self, study: StudyInstanceUid, listed: Option<ListedStudy>, cx: &Cx) {
        let asked = self.schedule().asked.remove(&study);
        let outcome = self.observe(&study, listed, asked, cx).await;
        let mut schedule = self.schedule();
        match outcome {
            Ok(change) => {
                schedule.failed.remove(&study);
                if change.added + change.changed + change.removed + change.missed > 0 {
                    let Change { added, changed, removed, missed, .. } = change;
                    tracing::info!(request_id = cx.request_id, pacs = self.pacs.name(), %study, added, changed, removed, missed, "study observed");
                }
                if let Some(at) = change.look_again_at {
                    schedule.due.insert(study, at);
                }
            }
            Err(fault) => {
                tracing::warn!(request_id = cx.request_id, pacs = self.pacs.name(), %study, %fault, "a study cannot be read from the PACS");
                let again = cx.now_unix_micros() + self.policy.poll_micros.min(30 * MICROS);
                schedule.due.insert(study.clone(), again);
                if asked {
                    schedule.asked.insert(study.clone());
                }
                let before = schedule.failed.remove(&study);
                schedule.failed.insert(study.clone(), UnreadStudy::of(study, fault, again, before, cx));
            }
        }
    }

    async fn observe(
        &self,
        study: &StudyInstanceUid,
        listed: Option<ListedStudy>,
        asked: bool,
        cx: &Cx,
    ) -> Result<Change, Fault> {
        let before = self.known(study).await.map_err(|e| failed(e, cx))?;
        let listed = match (listed, &before) {
            (Some(listed), _) => Some(listed),
            // What is known stands for the study; whether it is still there its series tell.
            (None, Some(known)) if known.listed.counts && !asked => Some(known.listed.clone()),
            (None, _) => self.pacs.study(study, cx).await?,
        };
        let Some(listed) = listed.or_else(|| before.as_ref().map(|known| known.listed.clone())) else {
            let uid = study.clone();
            let answered = self.store.write(move |tx| notices::answered(tx, &uid)).await;
            return answered.map(|()| Change::default()).map_err(|e: StoreError| failed(e, cx));
        };
        let uid = study.clone();
        let rows: Result<Vec<StoredInstance>, StoreError> =
            self.store.read(move |tx| tx.instances(InstanceSelect::Study(&uid))).await;
        let rows = rows.map_err(|e| failed(e, cx))?;
        let known = rows.into_iter().map(|row| (row.instance.clone(), listed_instance(row))).collect();
        let inventory = self.pacs.inventory(&listed, &known, cx).await?;
        let withhold = if inventory.instances.is_empty() && !known.is_empty() {
            !self.lists_others(study, cx).await?
        } else {
            false
        };
        let change = self.keep(listed, inventory, withhold, cx).await.map_err(|e| failed(e, cx))?;
        if change.changed + change.removed > 0 {
            self.transfers.forget(study);
        }
        Ok(change)
    }

    /// Whether the PACS still lists another study that is known: one that lists none of them has other troubles.
    /// True when there is no other.
    async fn lists_others(&self, study: &StudyInstanceUid, cx: &Cx) -> Result<bool, Fault> {
        let uid = study.to_string();
        let others: Result<Vec<StudyInstanceUid>, StoreError> = self
            .store
            .read(move |tx| {
                let behind = tx.states(STUDY, &uid, WITNESSES)?;
                let before = tx.states(STUDY, "", WITNESSES)?;
                let uids = behind.into_iter().chain(before).map(|(other, _)| other).filter(|other| *other != uid);
                let uids: HashSet<String> = uids.collect();
                Ok(uids.iter().take(WITNESSES).filter_map(|uid| StudyInstanceUid::parse(uid).ok()).collect())
            })
            .await;
        let others = others.map_err(|e| failed(e, cx))?;
        let none = others.is_empty();
        for other in others {
            if self.pacs.study(&other, cx).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(none)
    }

    /// Brings the rows of a study to what the PACS lists; what is missed goes when it was missed often enough.
    async fn keep(
        &self,
        listed: ListedStudy,
        inventory: Inventory,
        withhold: bool,
        cx: &Cx,
    ) -> Result<Change, StoreError> {
        let (now, policy, ae_title) = (cx.now_unix_micros(), self.policy.clone(), self.pacs.ae_title().to_owned());
        self.store
            .write(move |tx| {
                let study = &listed.study;
                let mut change = Change::default();
                let known: HashMap<SopInstanceUid, StoredInstance> = tx
                    .instances(InstanceSelect::Study(study))?
                    .into_iter()
                    .map(|row| (row.instance.clone(), row))
                    .collect();
                let mut seen = HashSet::new();
                for instance in &inventory.instances {
                    if !seen.insert(instance.instance.clone()) {
                        continue;
                    }
                    let row = row(&listed, instance, &ae_title, now);
                    match known.get(&row.instance) {
                        Some(before) if before.sha256 == row.sha256 && before.series == row.series => continue,
                        Some(_) => {
                            tx.remove_instances(study, std::slice::from_ref(&row.instance), now)?;
                            change.changed += 1;
                        }
                        None => change.added += 1,
                    }
                    tx.add_instance(&row)?;
                }
                let missing: Vec<SopInstanceUid> = known.into_keys().filter(|uid| !seen.contains(uid)).collect();
                let missed = tx.state(MISSED, study.as_str())?.map(|lines| Missed::decode(&lines)).unwrap_or_default();
                let (missed, gone) = missed.again(missing, &policy, withhold, now);
                change.removed = gone.len();
                change.missed = missed.0.len();
                change.look_again_at = missed.0.values().map(|(_, at)| at + policy.confirm_apart_micros).min();
                tx.remove_instances(study, &gone, now)?;
                let lines = (!missed.0.is_empty()).then(|| missed.encode());
                tx.put_state(MISSED, study.as_str(), lines.as_deref())?;
                notices::answered(tx, study)?;
                remember(tx, listed, inventory, &change, now)?;
                Ok(change)
            })
            .await
    }
}

/// Keeps what is said of the study itself; a change of it alone makes the study due too. A study of which nothing is left
/// is forgotten here, its row stays until its manifest is withdrawn.
fn remember(
    tx: &mut dyn WriteTx,
    listed: ListedStudy,
    inventory: Inventory,
    change: &Change,
    now: i64,
) -> Result<(), StoreError> {
    let (study, accession) = (listed.study.clone(), inventory.accession.clone());
    let before = tx.state(STUDY, study.as_str())?.and_then(|bytes| KnownStudy::decode(study.clone(), &bytes));
    let day = |known: &KnownStudy| known.listed.date.as_ref().map(|date| format!("{date}/{study}"));
    let is_gone = inventory.instances.is_empty() && change.missed == 0;
    let after = match (&before, is_gone) {
        (_, true) => None,
        // Nothing is said of a study that is missed: what was known stays.
        (Some(before), false) if inventory.instances.is_empty() => Some(before.clone()),
        _ => Some(KnownStudy { listed, header: inventory.header }),
    };
    if before == after {
        return Ok(());
    }
    if let Some(before) = &before
        && let Some(key) = day(before)
    {
        tx.put_state(DAY, &key, None)?;
    }
    if let Some(after) = &after
        && let Some(key) = day(after)
    {
        tx.put_state(DAY, &key, Some(b""))?;
    }
    tx.put_state(STUDY, study.as_str(), after.as_ref().map(KnownStudy::encode).as_deref())?;
    if before.is_none() && after.is_some() {
        note_accession(tx, &study, &accession)?;
    }
    let only_said = change.added + change.changed + change.removed == 0;
    let header_differs = before.as_ref().map(|b| &b.header) != after.as_ref().map(|a| &a.header);
    if only_said && header_differs && tx.study(&study)?.is_some() {
        tx.touch_study(&study, now)?;
    }
    // What it was held for may be mended.
    if before.is_some() && header_differs {
        notices::resume(tx, &study)?;
    }
    if tx.study(&study)?.is_some_and(|state| state.held.is_some()) && header_differs {
        tx.hold_study(&study, None)?;
    }
    Ok(())
}

fn failed(error: StoreError, cx: &Cx) -> Fault {
    internal(error, &cx.request_id).first().clone()
}

fn listed_instance(row: StoredInstance) -> ListedInstance {
    ListedInstance { series: row.series, instance: row.instance, sop_class: row.sop_class, header: row.header }
}

/// A row without a file: the PACS has it.
fn row(listed: &ListedStudy, instance: &ListedInstance, ae_title: &str, now: i64) -> StoredInstance {
    let mut identity = instance.header.clone();
    identity.extend_from_slice(instance.sop_class.as_str().as_bytes());
    StoredInstance {
        study: listed.study.clone(),
        series: instance.series.clone(),
        instance: instance.instance.clone(),
        sop_class: instance.sop_class.clone(),
        // Nobody knows before it comes.
        transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2").expect("a UID of the standard"),
        file: format!("pacs/{}/{}", listed.study, instance.instance),
        size_octets: 0,
        sha256: Sha256::of(&identity),
        header: instance.header.clone(),
        patient_id: listed.patient_id.clone(),
        patient_issuer: listed.patient_issuer.clone(),
        received_at: now,
        calling_ae: ae_title.to_owned(),
        held: None,
    }
}
