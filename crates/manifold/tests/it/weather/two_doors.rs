//! Two doors, one truth: random publications, replacements, updates, merges and removals, each through a door chosen at
//! random, and after each the same random question to both doors. Field by field the answers are equal.
//!
//! `MANIFOLD_DOOR_OPERATIONS` says how many operations, `MANIFOLD_SEED` repeats a run. Source: spec/fhir.md sections 5, 9.

use super::client::{Client, cx, patient, sentences};
use super::{calm, documents, node};
use fhir::bundle::{Found, decode_searchset};
use fhir::provide_bundle::{DocumentToProvide, ProvideOptions, encode};
use model::{
    Association, AssociationType, Author, AvailabilityStatus, Code, CodeTerm, DocumentEntry, DocumentQuery,
    DocumentType, Dtm, DtmRange, ExtraSlot, Hd, ObjectId, Oid, PatientId, ReferenceId, ReferenceTerm, Sha1Hash,
    SourcePatientInfo, StudyInstanceUid, Submission, Text, UniqueId, Xcn, Xon, reference_types, schemes,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers that look random, the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// True in so many of a hundred cases.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn some<T: Clone>(&mut self, from: &[T], percent: usize) -> Vec<T> {
        from.iter().filter(|_| self.chance(percent)).cloned().collect()
    }
}

fn classes() -> [Code; 2] {
    ["REPORTS", "SUMMARIES"].map(|code| Code::new(code, schemes::IHE_CLASS, "Class"))
}

fn types() -> [Code; 3] {
    ["18748-4", "85430-7", "18726-0"].map(|code| Code::new(code, schemes::LOINC, "Type"))
}

fn formats() -> [Code; 2] {
    ["urn:ihe:iti:xds-sd:pdf:2008", "urn:ihe:rad:TEXT"].map(|code| Code::new(code, schemes::IHE_FORMAT, "Format"))
}

fn events() -> [Code; 4] {
    [
        Code::new("CT", schemes::DCM, "Computed Tomography"),
        Code::new("MR", schemes::DCM, "Magnetic Resonance"),
        Code::new("51185008", schemes::SNOMED_CT, "Thoracic structure"),
        Code::new("113091000", schemes::SNOMED_CT, "Magnetic resonance imaging"),
    ]
}

fn confidentialities() -> [Code; 3] {
    ["N", "R", "V"].map(|code| Code::new(code, schemes::CONFIDENTIALITY, "Confidentiality"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Xds,
    Mhd,
    /// ITI-105: one document alone.
    Simple,
}

/// What the run knows of the registry: enough to choose from, nothing to compare with.
struct Run {
    centre: Client,
    random: Random,
    patients: Vec<PatientId>,
    /// Merged away.
    gone: Vec<PatientId>,
    documents: Vec<UniqueId>,
    studies: Vec<StudyInstanceUid>,
    done: BTreeMap<&'static str, usize>,
}

impl Run {
    fn door(&mut self) -> Door {
        if self.random.chance(50) { Door::Xds } else { Door::Mhd }
    }

    /// A patient whom one of the doors makes known.
    fn new_patient(&mut self) {
        let id = patient(&format!("D{:x}", self.random.next()));
        let body = json!({
            "resourceType": "Patient",
            "identifier": [{"system": format!("urn:oid:{}", id.domain), "value": id.id}],
            "name": [{"family": "Doors", "given": ["Two"]}],
        });
        let (status, answer) =
            self.centre.fhir("PUT", &format!("/Patient?identifier=urn:oid:{}%7C{}", id.domain, id.id), Some(&body));
        assert_eq!(status, 201, "{answer:#}");
        self.patients.push(id);
    }

    fn time(&mut self) -> Dtm {
        let r = &mut self.random;
        let (day, hour) = (1 + r.below(28), r.below(24));
        let text = format!("2026{:02}{day:02}{hour:02}{:02}{:02}", 1 + r.below(3), r.below(60), r.below(60));
        Dtm::parse(&text).expect("a time")
    }

    /// A submission of one document with metadata of every kind.
    fn submission(&mut self, of: &PatientId) -> Submission {
        let mut submission = documents::report(&of.id, &documents::fresh_unique_id());
        let (times, study) = ([self.time(), self.time()], self.random.below(self.studies.len()));
        let study = self.studies[study].clone();
        let r = &mut self.random;
        let entry = &mut submission.entries[0];
        entry.class_code = r.pick(&classes()).clone();
        entry.type_code = r.pick(&types()).clone();
        entry.format_code = r.pick(&formats()).clone();
        entry.event_code_list = r.some(&events(), 40);
        entry.confidentiality_codes = vec![r.pick(&confidentialities()).clone()];
        if r.chance(20) {
            let second = r.pick(&confidentialities()).clone();
            if !entry.confidentiality_codes[0].means(&second) {
                entry.confidentiality_codes.push(second);
            }
        }
        entry.title =
            if r.chance(80) { Text::plain(format!("Ti\"t<l>e & {}", r.below(1000))) } else { Text::default() };
        entry.comments = if r.chance(30) { Text::plain("two\nlines") } else { Text::default() };
        entry.language_code = (*r.pick(&["en", "fr-CH", "de"])).to_owned();
        entry.creation_time = Some(times[0].clone());
        entry.service_start_time = r.chance(70).then(|| times[0].clone());
        let later = entry.service_start_time.as_ref().is_some_and(|start| times[1].start() >= start.start());
        entry.service_stop_time = later.then(|| times[1].clone());
        entry.reference_id_list = Vec::new();
        if r.chance(80) {
            entry.reference_id_list.push(ReferenceId::study(&study));
        }
        for (kind, percent) in [(reference_types::ACCESSION, 50), (reference_types::ENCOUNTER, 20)] {
            if r.chance(percent) {
                let authority = Some(Hd::of(Oid::parse("2.999.1.2.3").expect("an OID")));
                let id = format!("N{}", r.below(20));
                entry.reference_id_list.push(ReferenceId { id, authority, kind: kind.to_owned(), home: None });
            }
        }
        if r.chance(60) {
            let xcn = Xcn::parse("HP-77^Curie^Irène^M^^Dr^^^&2.999.2&ISO").expect("an XCN");
            let institutions = vec![Xon::parse("North Hospital^^^^^&2.999.5&ISO^^^^1").expect("an XON")];
            let roles =
                if r.chance(50) { vec!["66862007^Radiologist^^&2.16.840.1.113883.6.96&ISO".into()] } else { vec![] };
            entry.authors.push(Author { person: Some(xcn.clone()), institutions, roles, ..Author::default() });
            entry.legal_authenticator = Some(xcn);
        }
        if r.chance(40) {
            let id = entry.source_patient_id.clone().expect("a source patient");
            entry.source_patient_info = SourcePatientInfo(vec![
                format!("PID-3|{id}"),
                "PID-5|Doors^Two".into(),
                "PID-7|19800102".into(),
                "PID-8|F".into(),
            ]);
        }
        submission
    }

    fn octets(&mut self) -> Vec<u8> {
        format!("<report>{}</report>", self.random.next()).into_bytes()
    }

    /// Sends a submission of one document. Errors: the XDS code that the door answered.
    fn publish(&self, submission: &Submission, octets: &[u8], door: Door) -> Result<(), String> {
        match door {
            Door::Xds => match self.centre.provide(submission.clone(), octets) {
                Ok(_) => Ok(()),
                Err(refusal) => {
                    let sentence = sentences(&refusal).remove(0);
                    Err(sentence.split(':').next().unwrap_or_default().to_owned())
                }
            },
            Door::Mhd | Door::Simple => {
                let documents = [DocumentToProvide { entry_id: &submission.entries[0].id, octets }];
                let options = ProvideOptions { patch: true, extra_slots: false };
                let bundle: Value = serde_json::from_slice(&encode(submission, &documents, options)).expect("JSON");
                let (path, body, expected) = match door {
                    Door::Simple => ("/DocumentReference", simple(&bundle), 201),
                    Door::Xds | Door::Mhd => ("", bundle, 200),
                };
                match self.centre.fhir("POST", path, Some(&body)) {
                    (status, _) if status == expected => Ok(()),
                    (_, answer) => Err(answer["issue"][0]["details"]["text"].as_str().unwrap_or_default().to_owned()),
                }
            }
        }
    }

    /// A current document of the run, as the registry has it.
    fn current(&mut self) -> Option<DocumentEntry> {
        for _ in 0..8 {
            let at = self.random.below(self.documents.len());
            let unique_id = self.documents.get(at)?.clone();
            let found = self.centre.with_unique_id(&unique_id).expect("an answer");
            if let Some(entry) = found.into_iter().find(|e| e.availability_status == AvailabilityStatus::Approved) {
                return Some(entry);
            }
        }
        None
    }

    fn act(&mut self) -> &'static str {
        let dice = self.random.below(100);
        let door = self.door();
        if self.patients.len() < 5 {
            self.new_patient();
        }
        match dice {
            0..40 => self.publish_new(door),
            40..58 => self.relate(AssociationType::Rplc, door),
            58..68 => {
                let kind = *self.random.pick(&[AssociationType::Apnd, AssociationType::Xfrm, AssociationType::Signs]);
                self.relate(kind, door)
            }
            68..76 => self.deprecate(),
            76..85 => self.update(),
            85..88 => self.merge(),
            88..94 => self.remove(),
            _ => self.refused(),
        }
    }

    fn publish_new(&mut self, door: Door) -> &'static str {
        let at = self.random.below(self.patients.len());
        let of = self.patients[at].clone();
        let (submission, octets) = (self.submission(&of), self.octets());
        let door = if self.random.chance(20) { Door::Simple } else { door };
        assert_eq!(self.publish(&submission, &octets, door), Ok(()), "{door:?}");
        self.documents.push(submission.entries[0].unique_id.clone());
        match door {
            Door::Xds => "ITI-41",
            Door::Mhd => "ITI-65",
            Door::Simple => "ITI-105",
        }
    }

    fn related(&mut self, kind: AssociationType, target: &DocumentEntry) -> Submission {
        let mut submission = self.submission(&target.patient_id);
        let relation = Association {
            id: cx().identifiers.entry_uuid(),
            kind,
            source: submission.entries[0].id.clone(),
            target: target.id.clone(),
            submission_set_status: None,
            ..submission.associations[0].clone()
        };
        submission.associations.push(relation);
        submission
    }

    fn relate(&mut self, kind: AssociationType, door: Door) -> &'static str {
        let Some(target) = self.current() else { return "nothing to relate to" };
        let (submission, octets) = (self.related(kind, &target), self.octets());
        assert_eq!(self.publish(&submission, &octets, door), Ok(()), "{kind:?} {door:?}");
        self.documents.push(submission.entries[0].unique_id.clone());
        match (kind, door) {
            (AssociationType::Rplc, Door::Xds) => "replacement by ITI-41",
            (AssociationType::Rplc, Door::Mhd | Door::Simple) => "replacement by ITI-65",
            (_, Door::Xds) => "relation by ITI-41",
            (_, Door::Mhd | Door::Simple) => "relation by ITI-65",
        }
    }

    fn deprecate(&mut self) -> &'static str {
        let Some(target) = self.current() else { return "nothing to deprecate" };
        let mut update = documents::report(&target.patient_id.id, &documents::fresh_unique_id());
        update.entries.clear();
        let change = &mut update.associations[0];
        (change.kind, change.submission_set_status) = (AssociationType::UpdateAvailabilityStatus, None);
        change.target = target.id.clone();
        change.extra = vec![
            mark("OriginalStatus", AvailabilityStatus::Approved.urn()),
            mark("NewStatus", AvailabilityStatus::Deprecated.urn()),
        ];
        self.centre.update(update, actors::UpdateKind::Full).expect("a new status");
        "deprecation by ITI-57"
    }

    fn update(&mut self) -> &'static str {
        let Some(first) = self.current() else { return "nothing to update" };
        let mut update = documents::report(&first.patient_id.id, &documents::fresh_unique_id());
        let id = update.entries[0].id.clone();
        let title = Text::plain(format!("Reading {}", self.random.below(1000)));
        let event_code_list = self.random.some(&events(), 50);
        let previous = first.version.unwrap_or(1).to_string();
        update.entries[0] = DocumentEntry { id, title, event_code_list, submission_time: None, ..first };
        update.associations[0].extra.push(mark("PreviousVersion", &previous));
        self.centre.update(update, actors::UpdateKind::Full).expect("a new version");
        "new version by ITI-57"
    }

    /// Two patients become one, by the FHIR feed: the XDS one is another test's.
    fn merge(&mut self) -> &'static str {
        if self.patients.len() < 2 {
            return "nobody to merge";
        }
        let subsumed = self.patients.remove(self.random.below(self.patients.len()));
        let survivor = self.patients[self.random.below(self.patients.len())].clone();
        let identifier = |id: &PatientId| json!({"system": format!("urn:oid:{}", id.domain), "value": id.id});
        let body = json!({
            "resourceType": "Patient", "active": false, "identifier": [identifier(&subsumed)],
            "name": [{"family": "Doors"}],
            "link": [{"type": "replaced-by", "other": {"identifier": identifier(&survivor)}}],
        });
        let path = format!("/Patient?identifier=urn:oid:{}%7C{}", subsumed.domain, subsumed.id);
        let (status, answer) = self.centre.fhir("PUT", &path, Some(&body));
        assert_eq!(status, 200, "{answer:#}");
        self.gone.push(subsumed);
        "merge by ITI-104"
    }

    /// A document that nothing refers to goes, with the submission set that brought it.
    fn remove(&mut self) -> &'static str {
        let Some(target) = self.current() else { return "nothing to remove" };
        let links = self.centre.associations(std::slice::from_ref(&target.id));
        let [link] = links.as_slice() else { return "not removed: it is referred to" };
        let members = self.centre.associations(std::slice::from_ref(&link.source));
        if members.len() != 1 || target.version != Some(1) {
            return "not removed: it is referred to";
        }
        self.centre.remove(&[target.id, link.id.clone(), link.source.clone()]).expect("a removal");
        self.documents.retain(|id| *id != target.unique_id);
        "removal by ITI-62"
    }

    /// What breaks a rule is refused by both doors, for the same reason.
    fn refused(&mut self) -> &'static str {
        let of = self.patients[self.random.below(self.patients.len())].clone();
        let mut submission = self.submission(&of);
        let octets = self.octets();
        let target = self.current();
        match self.random.below(5) {
            0 => {
                let nobody = patient("NOBODY");
                (submission.set.patient_id, submission.entries[0].patient_id) = (nobody.clone(), nobody);
            }
            1 => submission.entries[0].hash = Some(Sha1Hash::from_bytes([7; 20])),
            2 => submission.entries[0].class_code = Code::new("WRONG", schemes::IHE_CLASS, "Wrong"),
            3 => match self.gone.last() {
                Some(gone) => {
                    (submission.set.patient_id, submission.entries[0].patient_id) = (gone.clone(), gone.clone());
                }
                None => return "nobody gone",
            },
            _ => match target {
                Some(target) => submission.entries[0].unique_id = target.unique_id,
                None => return "nothing to collide with",
            },
        }
        let codes = [Door::Xds, Door::Mhd].map(|door| self.publish(&submission, &octets, door));
        assert!(codes[0].is_err() && codes[0] == codes[1], "{codes:?}");
        "refusal by both"
    }

    /// A question about one patient, sometimes one who was merged away.
    fn question(&mut self) -> DocumentQuery {
        let from = if !self.gone.is_empty() && self.random.chance(10) { &self.gone } else { &self.patients };
        let at = self.random.below(from.len());
        let mut query = DocumentQuery::of_patient(from[at].clone());
        query.document_types = vec![DocumentType::Stable, DocumentType::OnDemand];
        query.statuses = match self.random.below(3) {
            0 => vec![AvailabilityStatus::Approved],
            1 => vec![AvailabilityStatus::Deprecated],
            _ => vec![AvailabilityStatus::Approved, AvailabilityStatus::Deprecated],
        };
        let range = [self.time(), self.time()].map(|time| time.start());
        let study = self.studies[self.random.below(self.studies.len())].clone();
        let r = &mut self.random;
        let terms = |codes: Vec<Code>| codes.into_iter().map(|c| CodeTerm::of(c.code, c.scheme)).collect::<Vec<_>>();
        if r.chance(25) {
            query.class_codes = terms(r.some(&classes(), 60));
        }
        if r.chance(25) {
            query.type_codes = terms(r.some(&types(), 60));
        }
        if r.chance(25) {
            query.format_codes = terms(r.some(&formats(), 60));
        }
        if r.chance(30) {
            let lists = [terms(r.some(&events(), 50)), terms(r.some(&events(), 60))];
            query.event_code_list = lists.into_iter().take(1 + r.below(2)).filter(|list| !list.is_empty()).collect();
        }
        if r.chance(20) {
            query.confidentiality_codes = vec![terms(vec![r.pick(&confidentialities()).clone()])];
        }
        if r.chance(20) {
            let (from, to) = (range[0].min(range[1]), range[0].max(range[1]));
            query.creation_time = DtmRange { from: Some(from), to: Some(to) };
        }
        if r.chance(20) {
            query.reference_ids = vec![vec![ReferenceTerm::Exact(ReferenceId::study(&study))]];
        }
        query
    }

    /// Everything that the FHIR door answers, page by page, with what is related to it.
    fn by_mhd(&self, query: &DocumentQuery) -> Vec<Found> {
        let patient_id = query.patient_id.as_ref();
        let mut path = format!("/DocumentReference?{}&_count=50", fhir::search::encode(query).query);
        let mut out = Vec::new();
        loop {
            let (status, answer) = self.centre.fhir("GET", &path, None);
            assert_eq!(status, 200, "{answer:#}");
            let page = decode_searchset(&serde_json::to_vec(&answer).expect("JSON"), patient_id).expect("a searchset");
            assert!(page.outcomes.is_empty(), "{answer:#}");
            out.extend(page.documents.into_iter().map(|found| found.unwrap_or_else(|e| panic!("{e}"))));
            let Some(next) = page.next else {
                assert_eq!(page.total, Some(out.len() as u64), "the total is that of all pages");
                return out;
            };
            path = next.split("/fhir").nth(1).expect("an address below /fhir").to_owned();
        }
    }

    fn compare(&mut self, after: &str) {
        let query = self.question();
        let xds: BTreeMap<String, DocumentEntry> = self
            .centre
            .find(&query)
            .unwrap_or_else(|e| panic!("after {after}: {:?}", sentences(&e)))
            .into_iter()
            .map(|entry| (entry.id.to_string(), comparable(entry)))
            .collect();
        let found = self.by_mhd(&query);
        let mhd: BTreeMap<String, DocumentEntry> = found
            .iter()
            .map(|found| (found.received.entry.id.to_string(), comparable(found.received.entry.clone())))
            .collect();
        let ids = |of: &BTreeMap<String, DocumentEntry>| of.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(ids(&xds), ids(&mhd), "after {after}, {query:?}");
        for (id, entry) in &xds {
            assert_eq!(Some(entry), mhd.get(id), "after {after}");
        }
        if self.random.chance(15) && !found.is_empty() {
            self.compare_relations(after, &found);
        }
    }

    fn compare_relations(&self, after: &str, found: &[Found]) {
        let ids: Vec<ObjectId> = found.iter().map(|f| f.received.entry.id.clone()).collect();
        let relation =
            |kind: AssociationType, source: &ObjectId, target: &ObjectId| format!("{kind:?} {source} {target}");
        let associations = self.centre.associations(&ids);
        let relations = associations.iter().filter(|a| a.kind.is_relationship() && ids.contains(&a.source));
        let xds: BTreeSet<String> = relations.map(|a| relation(a.kind, &a.source, &a.target)).collect();
        let of = |found: &Found| {
            let source = found.received.entry.id.clone();
            let targets = found.received.relates_to.clone().into_iter();
            targets.map(move |r| relation(r.kind, &source, &r.entry_id().expect("an entryUUID"))).collect::<Vec<_>>()
        };
        let mhd: BTreeSet<String> = found.iter().flat_map(of).collect();
        assert_eq!(xds, mhd, "after {after}");
    }
}

/// The DocumentReference of a Bundle as ITI-105 wants it: the octets inside, and no entryUUID.
fn simple(bundle: &Value) -> Value {
    let mut document = bundle["entry"][1]["resource"].clone();
    document.as_object_mut().expect("a resource").remove("id");
    document["identifier"].as_array_mut().expect("identifiers").retain(|i| i["use"] != "official");
    let attachment = document["content"][0]["attachment"].as_object_mut().expect("an attachment");
    attachment.remove("url");
    attachment.insert("data".to_owned(), bundle["entry"][2]["resource"]["data"].clone());
    document
}

fn mark(name: &str, value: &str) -> ExtraSlot {
    ExtraSlot { name: name.into(), values: vec![value.into()] }
}

/// An entry without what one of the doors has no place for (spec/fhir.md 5.1).
fn comparable(entry: DocumentEntry) -> DocumentEntry {
    DocumentEntry {
        logical_id: None,
        version: None,
        home_community_id: None,
        repository_unique_id: None,
        uri: None,
        document_availability: None,
        submission_time: None,
        ..entry
    }
}

#[test]
fn random_operations_through_random_doors_leave_one_truth() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let operations = number("MANIFOLD_DOOR_OPERATIONS").unwrap_or(2000);
    let seed = number("MANIFOLD_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        now.as_nanos() as u64
    });
    // Shown when the test fails, and by `--nocapture`.
    println!("MANIFOLD_SEED={seed}, {operations} operations");
    let mut run = Run {
        centre: node(calm(), "central"),
        random: Random(seed),
        patients: Vec::new(),
        gone: Vec::new(),
        documents: Vec::new(),
        studies: (0..6).map(|_| StudyInstanceUid::parse(&documents::fresh_unique_id()).expect("a UID")).collect(),
        done: BTreeMap::new(),
    };
    for _ in 0..operations {
        let what = run.act();
        *run.done.entry(what).or_default() += 1;
        run.compare(what);
        // What is long ago is no longer chosen: a run of any length stays as fast as it began.
        if run.documents.len() > 400 {
            run.documents.drain(..200);
            run.patients.clear();
            run.gone.truncate(3);
        }
    }
    println!("{:?}", run.done);
    for what in ["ITI-41", "ITI-65", "ITI-105", "replacement by ITI-41", "replacement by ITI-65", "refusal by both"] {
        assert!(run.done.contains_key(what) || operations < 500, "{what} never happened: {:?}", run.done);
    }
}
