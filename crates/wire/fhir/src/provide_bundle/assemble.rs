//! The parts of a Bundle to one submission: references become ids, relatesTo and List.entry become associations.
//! Source: spec/fhir.md sections 5.2, 5.3, 6; ITI TF-3 4.2.2.

use super::decode::{Part, PartKind, ProvideContext, base64};
use super::{BundleDocument, BundleEntry, EntryKind, FolderUpdate, ProvidedBundle, association, has_member};
use crate::bundle::Pool;
use crate::datatypes::Reference;
use crate::document_reference::{self, DecodeContext, Received, patient_of};
use crate::error::DecodeError;
use crate::identifier::{object_id, to_patient_id};
use crate::list::{self, Kind, ListContext, ReceivedList};
use crate::participant::Participants;
use crate::{Resource, json, patient};
use model::{
    AvailabilityStatus, Folder, ObjectId, PatientId, Submission, SubmissionSet, SubmissionSetStatus, Text, UniqueId,
};
use serde_json::value::RawValue;

pub(super) fn assemble(
    parts: Vec<Part<'_>>,
    pool: &Pool<'_>,
    cx: &ProvideContext<'_>,
) -> Result<ProvidedBundle, Vec<DecodeError>> {
    let mut assembly = Assembly {
        pool,
        cx,
        findings: Vec::new(),
        patient: None,
        ids: vec![None; parts.len()],
        warnings: vec![Vec::new(); parts.len()],
        content_of: vec![None; parts.len()],
    };
    assembly.find_patient(&parts);
    let received = assembly.documents(&parts);
    let seed = seed(&received, &parts);
    let set = assembly.submission_set(&parts, &seed);
    let folders = assembly.folders(&parts, &seed);
    let (Some((set_entry, mut set)), true) = (set, assembly.findings.is_empty()) else {
        return Err(assembly.findings);
    };
    let mut received = received;
    for (entry, document) in &mut received {
        let filled = cx.defaults.complete(&mut document.entry, &set.0.submission_time);
        if !filled.is_empty() {
            let text = format!("the metadata are Minimal; this server completed {}", filled.join(", "));
            assembly.warnings[*entry].push(text);
        }
    }
    if cx.defaults.complete_set(&mut set.0, received.first().map(|(_, d)| &d.entry)) {
        assembly.warnings[set_entry].push("the metadata are Minimal; this server completed ihe-designationType".into());
    }
    let mut submission = Submission { set: set.0, entries: Vec::new(), folders: Vec::new(), associations: Vec::new() };
    assembly.members_of_set(&mut submission, &parts, set.1);
    let documents = assembly.contents(&received, &parts);
    assembly.relations(&mut submission, &received, &parts);
    submission.entries = received.into_iter().map(|(_, document)| document.entry).collect();
    let folder_updates = assembly.place_folders(&mut submission, folders, &parts);
    assembly.check_unused(&parts);
    let entries = assembly.entries(&parts);
    match assembly.findings.is_empty() {
        true => Ok(ProvidedBundle { submission, documents, folder_updates, entries }),
        false => Err(assembly.findings),
    }
}

struct Assembly<'b, 'c> {
    pool: &'b Pool<'b>,
    cx: &'b ProvideContext<'c>,
    findings: Vec<DecodeError>,
    /// Of the Patient entry, with its position; else of the first subject that tells.
    patient: Option<(Option<usize>, PatientId)>,
    /// Ids of documents, folders and the set, by entry.
    ids: Vec<Option<ObjectId>>,
    warnings: Vec<Vec<String>>,
    /// The document that points to a content.
    content_of: Vec<Option<UniqueId>>,
}

/// A finding of one resource as one of its Bundle.
fn within(entry: usize, finding: DecodeError) -> DecodeError {
    let rest = finding.path.split_once('.').map_or("", |(_, rest)| rest);
    let dot = if rest.is_empty() { "" } else { "." };
    DecodeError { path: format!("Bundle.entry[{entry}].resource{dot}{rest}"), ..finding }
}

/// What tells this submission from every other, for uniqueIds that the sender left out.
fn seed(received: &[(usize, Received)], parts: &[Part<'_>]) -> Vec<u8> {
    let mut seed = Vec::new();
    for (_, document) in received {
        seed.extend_from_slice(document.entry.unique_id.as_str().as_bytes());
        seed.push(0);
    }
    for part in parts {
        match &part.kind {
            PartKind::SubmissionSet(raw) => seed.extend_from_slice(raw.get().as_bytes()),
            PartKind::Content { octets, .. } => seed.extend_from_slice(octets),
            _ => {}
        }
    }
    seed
}

impl Assembly<'_, '_> {
    fn wrong(&mut self, entry: usize, element: &str, rule: &str, value: &str) {
        self.findings.push(DecodeError::value(format!("Bundle.entry[{entry}].{element}"), rule, value));
    }

    fn read<'r>(&mut self, entry: usize, raw: &'r RawValue) -> Option<Resource<'r>> {
        match serde_json::from_str(raw.get()) {
            Ok(resource) => Some(resource),
            Err(e) => {
                self.findings.push(json::wrong(&format!("Bundle.entry[{entry}].resource"), &e));
                None
            }
        }
    }

    fn find_patient(&mut self, parts: &[Part<'_>]) {
        let mut entries = parts.iter().enumerate().filter_map(|(i, part)| match &part.kind {
            PartKind::Patient(raw) => Some((i, *raw, part.url.as_str())),
            _ => None,
        });
        if let Some((i, raw, url)) = entries.next() {
            let resource = raw.and_then(|raw| self.read(i, raw));
            let named = match &resource {
                Some(Resource::Patient(p)) => p.identifier.iter().find_map(to_patient_id),
                _ => None,
            };
            let asked = || match url.split_once('?') {
                Some((_, query)) => patient::decode_condition(query).ok(),
                None => patient::id_of_reference(url),
            };
            match named.or_else(asked) {
                Some(id) => self.patient = Some((Some(i), id)),
                None => {
                    self.wrong(i, "resource.identifier", "must have a system of urn:oid: and an OID, and a value", "")
                }
            }
        }
        if let Some((i, ..)) = entries.next() {
            self.wrong(i, "resource", "must be the only Patient: a submission is about one", "");
        }
        for part in parts {
            if self.patient.is_some() {
                break;
            }
            let (PartKind::SubmissionSet(raw) | PartKind::Folder(raw) | PartKind::Document(raw)) = part.kind else {
                continue;
            };
            let (contained, subject) = match serde_json::from_str::<Resource<'_>>(raw.get()) {
                Ok(Resource::List(list)) => (list.contained, list.subject),
                Ok(Resource::DocumentReference(document)) => (document.contained, document.subject),
                _ => continue,
            };
            let resolve = |reference: &str| self.pool.resolve(reference);
            let participants = Participants { contained: &contained, resolve: Some(&resolve) };
            let found = patient_of("subject", subject.as_ref(), &participants, None).ok();
            self.patient = found.map(|id| (None, id));
        }
    }

    /// Who is meant when a subject does not say it itself: it is absent, or it names the Patient entry.
    fn stand_in(&self, subject: Option<&Reference<'_>>) -> Option<PatientId> {
        let (entry, id) = self.patient.as_ref()?;
        let named = subject.and_then(|r| r.reference.as_deref());
        let meant = match named {
            None => true,
            Some(reference) => entry.is_some() && self.pool.index(reference) == *entry,
        };
        meant.then(|| id.clone())
    }

    fn documents(&mut self, parts: &[Part<'_>]) -> Vec<(usize, Received)> {
        let mut out = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let PartKind::Document(raw) = part.kind else { continue };
            let Some(Resource::DocumentReference(resource)) = self.read(i, raw) else { continue };
            let patient = self.stand_in(resource.subject.as_ref());
            let resolve = |reference: &str| self.pool.resolve(reference);
            let cx = DecodeContext { full_url: None, patient: patient.as_ref(), resolve: Some(&resolve) };
            if let Err(finding) = document_reference::refuse_unfinished(&resource, "DocumentReference") {
                self.findings.push(within(i, finding));
                continue;
            }
            let mut received = match document_reference::from_resource(&resource, &cx) {
                Ok(received) => received,
                Err(finding) => {
                    self.findings.push(within(i, finding));
                    continue;
                }
            };
            if received.entry.availability_status != AvailabilityStatus::Approved {
                self.wrong(i, "resource.status", "must be current: a new document is", "superseded");
            }
            if !received.has_entry_uuid {
                received.entry.id = (self.cx.fresh_id)();
            }
            // PractitionerRoles of one person are one author: only nobody at all is worth a word.
            if received.entry.authors.is_empty() && !resource.author.is_empty() {
                received.warnings.push("author: no reference could be followed, so there is none".to_owned());
            }
            self.ids[i] = Some(received.entry.id.clone());
            self.warnings[i].append(&mut received.warnings);
            out.push((i, received));
        }
        out
    }

    fn list(&mut self, i: usize, raw: &RawValue, seed: &[u8]) -> Option<ReceivedList> {
        let Some(Resource::List(list)) = self.read(i, raw) else { return None };
        let patient = self.stand_in(list.subject.as_ref());
        let resolve = |reference: &str| self.pool.resolve(reference);
        let unique_id = (self.cx.derive_unique_id)(&[seed, raw.get().as_bytes()].concat());
        let cx = ListContext { patient: patient.as_ref(), unique_id: Some(&unique_id), resolve: Some(&resolve) };
        let received = list::from_resource(&list, &cx).map_err(|finding| self.findings.push(within(i, finding)));
        let mut received = received.ok()?;
        self.warnings[i].append(&mut received.warnings);
        Some(received)
    }

    /// The one submission set, its position and its members.
    fn submission_set(&mut self, parts: &[Part<'_>], seed: &[u8]) -> Option<(usize, (SubmissionSet, Vec<String>))> {
        let sets: Vec<(usize, &RawValue)> = parts
            .iter()
            .enumerate()
            .filter_map(|(i, part)| match part.kind {
                PartKind::SubmissionSet(raw) => Some((i, raw)),
                _ => None,
            })
            .collect();
        let [(i, raw)] = sets.as_slice() else {
            let rule = "must have exactly one List with the code submissionset";
            self.findings.push(DecodeError::value("Bundle.entry", rule, &sets.len().to_string()));
            return None;
        };
        let received = self.list(*i, raw, seed)?;
        let Kind::SubmissionSet(mut set) = received.kind else { return None };
        if set.availability_status != AvailabilityStatus::Approved {
            self.wrong(*i, "resource.status", "must be current", "retired");
        }
        if !received.has_entry_uuid {
            set.id = (self.cx.fresh_id)();
        }
        self.ids[*i] = Some(set.id.clone());
        Some((*i, (*set, received.members)))
    }

    /// Folders, new and old, with their members.
    fn folders(&mut self, parts: &[Part<'_>], seed: &[u8]) -> Vec<(usize, Folder, Vec<String>)> {
        let mut out = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let PartKind::Folder(raw) = part.kind else { continue };
            let Some(received) = self.list(i, raw, seed) else { continue };
            let Kind::Folder(mut folder) = received.kind else { continue };
            if part.put {
                let in_url = part.url.strip_prefix("List/").and_then(object_id);
                match in_url.or_else(|| folder.id.is_uuid().then(|| folder.id.clone())) {
                    Some(id) => folder.id = id,
                    None => {
                        self.wrong(i, "request.url", "must be List/ and the id of a folder that is here", &part.url)
                    }
                }
            } else if !received.has_entry_uuid {
                folder.id = (self.cx.fresh_id)();
            }
            self.ids[i] = Some(folder.id.clone());
            out.push((i, *folder, received.members));
        }
        out
    }

    /// The object that a reference means: of this Bundle, else by its resource id, else what the registry will not know.
    fn target(&self, reference: &str) -> (ObjectId, Option<usize>) {
        if let Some(i) = self.pool.index(reference)
            && let Some(id) = self.ids.get(i).and_then(Option::as_ref)
        {
            return (id.clone(), Some(i));
        }
        let last = reference.trim_end_matches('/').rsplit('/').next().unwrap_or(reference);
        let id = if reference.starts_with("urn:uuid:") {
            ObjectId::parse(reference).ok()
        } else {
            object_id(last).or_else(|| ObjectId::parse(reference).ok())
        };
        // A reference that can be no id at all stands for an object that nobody has.
        (id.unwrap_or_else(|| (self.cx.fresh_id)()), None)
    }

    fn members_of_set(&mut self, submission: &mut Submission, parts: &[Part<'_>], members: Vec<String>) {
        for member in members {
            let (id, entry) = self.target(&member);
            let status = match entry.map(|i| (&parts[i].kind, parts[i].put)) {
                Some((PartKind::Document(_), _)) => Some(SubmissionSetStatus::Original),
                // A folder that is there already is no member: the set lists what it adds to it.
                Some((PartKind::Folder(_), true)) => continue,
                Some((PartKind::Folder(_), false)) => None,
                Some(_) => {
                    let rule = "must list documents and folders";
                    self.findings.push(DecodeError::value("List.entry.item", rule, &member));
                    continue;
                }
                None if member.contains("List/") => continue,
                None => Some(SubmissionSetStatus::Reference),
            };
            let mut link = has_member((self.cx.fresh_id)(), submission.set.id.clone(), id);
            link.submission_set_status = status;
            submission.associations.push(link);
        }
    }

    fn contents(&mut self, received: &[(usize, Received)], parts: &[Part<'_>]) -> Vec<BundleDocument> {
        let mut out = Vec::new();
        for (i, document) in received {
            const URL: &str = "resource.content[0].attachment.url";
            let entry_id = document.entry.id.clone();
            let Some(url) = document.url.as_deref() else {
                match document.data.as_deref().map(base64) {
                    Some(Some(octets)) => out.push(BundleDocument { entry_id, octets: octets.into() }),
                    Some(None) => self.wrong(*i, "resource.content[0].attachment.data", "must be base64", ""),
                    None => self.wrong(*i, URL, "is required: it names the Binary with the document", ""),
                }
                continue;
            };
            let content = self.pool.index(url).map(|at| (at, &parts[at].kind));
            let Some((at, PartKind::Content { content_type, octets, is_fhir })) = content else {
                self.wrong(*i, URL, "must be the fullUrl of a Binary or a document Bundle that comes along", url);
                continue;
            };
            self.content_of[at] = Some(document.entry.unique_id.clone());
            let mime = document.entry.mime_type.as_str();
            let bare = |text: &str| text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            match content_type.as_deref().map(bare) {
                Some(came) if came != bare(mime) => {
                    self.wrong(at, "resource.contentType", "must be that of the DocumentReference", &came);
                }
                None if *is_fhir && mime == crate::xml::MEDIA_TYPE => match crate::xml::to_xml(octets) {
                    Ok(xml) => {
                        out.push(BundleDocument { entry_id, octets: xml.into() });
                        continue;
                    }
                    Err(finding) => self.findings.push(within(at, finding)),
                },
                None if *is_fhir && mime != crate::MEDIA_TYPE => {
                    let rule = "must be application/fhir+json or application/fhir+xml: the document is a FHIR Bundle";
                    self.wrong(*i, "resource.content[0].attachment.contentType", rule, mime);
                }
                None if !is_fhir => self.wrong(at, "resource.contentType", "is required", ""),
                _ => {}
            }
            out.push(BundleDocument { entry_id, octets: octets.clone() });
        }
        out
    }

    fn relations(&mut self, submission: &mut Submission, received: &[(usize, Received)], parts: &[Part<'_>]) {
        let mut replaced: Vec<ObjectId> = Vec::new();
        let patches: Vec<(usize, ObjectId)> = parts
            .iter()
            .enumerate()
            .filter_map(|(i, part)| match &part.kind {
                PartKind::Patch(id) => Some((i, self.target(&format!("DocumentReference/{id}")).0)),
                _ => None,
            })
            .collect();
        for (i, document) in received {
            for relation in &document.relates_to {
                let (target, _) = self.target(&relation.target);
                if relation.kind.replaces() {
                    if !patches.iter().any(|(_, id)| *id == target) {
                        let text = "relatesTo replaces without a PATCH of the replaced document: it is superseded all the same";
                        self.warnings[*i].push(text.to_owned());
                    }
                    replaced.push(target.clone());
                }
                let id = (self.cx.fresh_id)();
                submission.associations.push(association(id, relation.kind, document.entry.id.clone(), target));
            }
        }
        for (i, id) in patches {
            if !replaced.contains(&id) {
                let rule = "must be the target of a relatesTo with the code replaces in this Bundle";
                self.wrong(i, "request.url", rule, &parts[i].url);
            }
            self.ids[i] = Some(id);
        }
    }

    /// New folders with their members; the old ones are left to the registry's content.
    fn place_folders(
        &mut self,
        submission: &mut Submission,
        folders: Vec<(usize, Folder, Vec<String>)>,
        parts: &[Part<'_>],
    ) -> Vec<FolderUpdate> {
        let mut updates = Vec::new();
        for (entry, mut folder, members) in folders {
            let members: Vec<ObjectId> = members.iter().map(|member| self.target(member).0).collect();
            if parts[entry].put {
                updates.push(FolderUpdate { entry, folder, members });
                continue;
            }
            if folder.code_list.is_empty() {
                folder.code_list.push(self.cx.defaults.type_code.clone());
                self.warnings[entry].push("the metadata are Minimal; this server completed ihe-designationType".into());
            }
            if folder.title.is_empty() {
                folder.title = Text::plain("untitled");
                self.warnings[entry].push("the metadata are Minimal; this server completed title".into());
            }
            for document in members {
                let member = has_member((self.cx.fresh_id)(), folder.id.clone(), document);
                let link = has_member((self.cx.fresh_id)(), submission.set.id.clone(), member.id.clone());
                submission.associations.extend([member, link]);
            }
            submission.folders.push(folder);
        }
        updates
    }

    fn check_unused(&mut self, parts: &[Part<'_>]) {
        for (i, part) in parts.iter().enumerate() {
            if matches!(part.kind, PartKind::Content { .. }) && self.content_of[i].is_none() {
                let rule = "must be the attachment.url of a DocumentReference of this Bundle";
                self.wrong(i, "fullUrl", rule, part.full_url.as_deref().unwrap_or(""));
            }
        }
    }

    fn entries(&mut self, parts: &[Part<'_>]) -> Vec<BundleEntry> {
        let mut out = Vec::with_capacity(parts.len());
        for (i, part) in parts.iter().enumerate() {
            let id = self.ids[i].clone();
            let kind = match (&part.kind, id) {
                (PartKind::SubmissionSet(_), Some(id)) => EntryKind::SubmissionSet(id),
                (PartKind::Document(_), Some(id)) => EntryKind::Document(id),
                (PartKind::Folder(_), Some(id)) => EntryKind::Folder { id, is_new: !part.put },
                (PartKind::Patch(_), Some(id)) => EntryKind::Patch(id),
                (PartKind::Content { .. }, _) => match self.content_of[i].take() {
                    Some(unique_id) => EntryKind::Content(unique_id),
                    None => continue,
                },
                (PartKind::Patient(_), _) => match &self.patient {
                    Some((_, id)) => EntryKind::Patient(id.clone()),
                    None => continue,
                },
                _ => continue,
            };
            out.push(BundleEntry { kind, warnings: std::mem::take(&mut self.warnings[i]) });
        }
        out
    }
}
