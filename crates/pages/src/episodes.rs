//! Which documents are one line: versions behind the current one, twins beside it, a report with its study. Nothing here
//! is about looks. ui.md, principle 4; linkage rules of spec/mcwg.md 3.2 and 3.4.

use model::{Association, AssociationType, AvailabilityStatus, DocumentEntry, ObjectId, reference_types};
use std::collections::{HashMap, HashSet};

/// A document with its earlier versions, its other formats and whether it is an addendum.
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    pub current: &'a DocumentEntry,
    /// Newest first.
    pub earlier: Vec<&'a DocumentEntry>,
    /// The same content in another format.
    pub twins: Vec<&'a DocumentEntry>,
    /// It adds to another document.
    pub addendum: bool,
}

impl<'a> Chain<'a> {
    pub fn entries(&self) -> impl Iterator<Item = &'a DocumentEntry> {
        std::iter::once(self.current).chain(self.earlier.iter().copied()).chain(self.twins.iter().copied())
    }

    /// Nothing of it is current any more.
    pub fn withdrawn(&self) -> bool {
        self.current.availability_status == AvailabilityStatus::Deprecated
    }
}

/// One line of the timeline: a study, its reports, or both.
#[derive(Clone, Debug, Default)]
pub struct Episode<'a> {
    /// The best first: current before withdrawn, KOS before others.
    pub studies: Vec<Chain<'a>>,
    /// Newest first, addenda after what they add to.
    pub reports: Vec<Chain<'a>>,
}

impl<'a> Episode<'a> {
    pub fn chains(&self) -> impl Iterator<Item = &Chain<'a>> {
        self.studies.iter().chain(&self.reports)
    }

    pub fn holds(&self, id: &ObjectId) -> bool {
        self.chains().flat_map(Chain::entries).any(|entry| entry.id == *id)
    }
}

/// True for manifests of every kind: a study's list of images, not something to read.
pub fn is_manifest(entry: &DocumentEntry) -> bool {
    entry.is_kos() || entry.format_code.code.to_ascii_lowercase().contains("mado:fhir-manifest")
}

/// Every document in the line or lines it belongs to, in no particular order. A report about two studies is in both.
pub fn episodes<'a>(entries: &'a [DocumentEntry], associations: &[Association]) -> Vec<Episode<'a>> {
    let chains = chains(entries, associations);
    let (manifests, reports): (Vec<_>, Vec<_>) = chains.into_iter().partition(|chain| is_manifest(chain.current));
    let mut out: Vec<Episode> = Vec::new();
    let mut by_study: HashMap<&str, usize> = HashMap::new();
    for chain in manifests {
        let study = chain.current.study_instance_uids().next();
        let known = study.and_then(|study| by_study.get(study).copied());
        let at = known.unwrap_or_else(|| {
            out.push(Episode::default());
            out.len() - 1
        });
        if let Some(study) = study {
            by_study.entry(study).or_insert(at);
        }
        out[at].studies.push(chain);
    }
    let with_study = out.len();
    let mut parents: Vec<(usize, ObjectId)> = Vec::new();
    for chain in reports {
        let mut homes = matching(&out[..with_study], chain.current);
        if homes.is_empty() {
            let others =
                out[with_study..].iter().position(|e| e.reports.iter().any(|r| related(r.current, chain.current)));
            homes = others.map(|at| vec![with_study + at]).unwrap_or_default();
        }
        if homes.is_empty() {
            // An addendum without identifiers of its own goes where its parent is.
            let parent = associations
                .iter()
                .find(|a| a.kind == AssociationType::Apnd && a.source == chain.current.id)
                .map(|a| a.target.clone());
            out.push(Episode::default());
            homes = vec![out.len() - 1];
            parents.extend(parent.map(|parent| (out.len() - 1, parent)));
        }
        for at in homes {
            out[at].reports.push(chain.clone());
        }
    }
    for (at, parent) in parents {
        if let Some(home) = out.iter().position(|episode| episode.holds(&parent)).filter(|home| *home != at) {
            let moved = std::mem::take(&mut out[at].reports);
            out[home].reports.extend(moved);
        }
    }
    out.retain(|episode| episode.chains().next().is_some());
    for episode in &mut out {
        episode.studies.sort_by_key(|chain| (chain.withdrawn(), !chain.current.is_kos()));
        episode.reports.sort_by(|a, b| {
            let time = |chain: &Chain| chain.current.creation_time.as_ref().map(|t| t.start());
            (a.withdrawn(), a.addendum).cmp(&(b.withdrawn(), b.addendum)).then(time(b).cmp(&time(a)))
        });
    }
    out
}

/// Lines whose study the report is about: by study UID, and only where that says nothing by accession number.
fn matching(lines: &[Episode], report: &DocumentEntry) -> Vec<usize> {
    let by = |kind: &'static str| -> Vec<usize> {
        let wanted = keys(report, kind);
        let hit = |line: &Episode| {
            line.studies.iter().any(|study| keys(study.current, kind).iter().any(|key| wanted.contains(key)))
        };
        lines.iter().enumerate().filter(|(_, line)| hit(line)).map(|(at, _)| at).collect()
    };
    let same_study = by(reference_types::STUDY_INSTANCE_UID);
    if same_study.is_empty() { by(reference_types::ACCESSION) } else { same_study }
}

fn related(a: &DocumentEntry, b: &DocumentEntry) -> bool {
    [reference_types::STUDY_INSTANCE_UID, reference_types::ACCESSION].iter().any(|kind| {
        let wanted = keys(a, kind);
        keys(b, kind).iter().any(|key| wanted.contains(key))
    })
}

/// Accession numbers of two issuers stay apart: the key holds the issuer.
fn keys(entry: &DocumentEntry, kind: &str) -> Vec<String> {
    entry.reference_id_list.iter().filter(|r| r.kind == kind).map(|r| r.match_key()).collect()
}

fn chains<'a>(entries: &'a [DocumentEntry], associations: &[Association]) -> Vec<Chain<'a>> {
    let by_id: HashMap<&ObjectId, &DocumentEntry> = entries.iter().map(|entry| (&entry.id, entry)).collect();
    let mut replaces: HashMap<&ObjectId, Vec<&ObjectId>> = HashMap::new();
    let mut replaced: HashSet<&ObjectId> = HashSet::new();
    let mut twin_of: HashMap<&ObjectId, &ObjectId> = HashMap::new();
    let mut addenda: HashSet<&ObjectId> = HashSet::new();
    for association in associations {
        let (source, target) = (&association.source, &association.target);
        if !by_id.contains_key(source) || source == target {
            continue;
        }
        match association.kind {
            AssociationType::Rplc | AssociationType::XfrmRplc if by_id.contains_key(target) => {
                replaces.entry(source).or_default().push(target);
                replaced.insert(target);
            }
            AssociationType::Xfrm if by_id.contains_key(target) => {
                twin_of.insert(source, target);
            }
            AssociationType::Apnd => {
                addenda.insert(source);
            }
            _ => {}
        }
    }
    let mut out: Vec<Chain> = Vec::new();
    let mut used: HashSet<&ObjectId> = HashSet::new();
    // Second pass: what only a circle of replacements holds; hostile, yet it must not vanish.
    for pass in 0..2 {
        for entry in entries {
            if used.contains(&entry.id) || (pass == 0 && replaced.contains(&entry.id)) {
                continue;
            }
            used.insert(&entry.id);
            let mut earlier = Vec::new();
            let mut open = vec![&entry.id];
            while let Some(id) = open.pop() {
                for older in replaces.get(id).into_iter().flatten().copied() {
                    if used.insert(older) {
                        earlier.extend(by_id.get(older).copied());
                        open.push(older);
                    }
                }
            }
            earlier.sort_by_key(|entry| std::cmp::Reverse(entry.creation_time.as_ref().map(|t| t.start())));
            out.push(Chain { current: entry, earlier, twins: Vec::new(), addendum: addenda.contains(&entry.id) });
        }
    }
    fold_twins(out, &twin_of)
}

/// Chains whose current document is made from another one go beside that one.
fn fold_twins<'a>(chains: Vec<Chain<'a>>, twin_of: &HashMap<&ObjectId, &ObjectId>) -> Vec<Chain<'a>> {
    let home: HashMap<ObjectId, usize> = chains
        .iter()
        .enumerate()
        .flat_map(|(at, chain)| chain.entries().map(move |entry| (entry.id.clone(), at)).collect::<Vec<_>>())
        .collect();
    let moves: Vec<Option<usize>> = chains
        .iter()
        .enumerate()
        .map(|(at, chain)| {
            let target = twin_of.get(&chain.current.id).and_then(|target| home.get(*target)).copied()?;
            // Two that claim to be made from each other stay apart.
            let back = twin_of.get(&chains[target].current.id).and_then(|t| home.get(*t)).copied();
            (target != at && back.is_none()).then_some(target)
        })
        .collect();
    let mut out: Vec<Option<Chain>> = chains.into_iter().map(Some).collect();
    for (at, target) in moves.into_iter().enumerate() {
        if let Some(target) = target
            && let Some(twin) = out[at].take()
        {
            match &mut out[target] {
                Some(chain) => chain.twins.extend(twin.entries()),
                None => out[at] = Some(twin),
            }
        }
    }
    out.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apnd, ct_report, ct_study, deprecated, entry_id, rplc, xfrm};

    #[test]
    fn a_report_and_its_study_are_one_line() {
        let entries = [ct_report("r", "2.25.1", "A1"), ct_study("s", "2.25.1", "A1")];
        let lines = episodes(&entries, &[]);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].studies.len(), lines[0].reports.len()), (1, 1));
    }

    #[test]
    fn without_a_study_uid_the_accession_number_links_and_its_issuer_counts() {
        let mut report = ct_report("r", "2.25.1", "A1");
        report.reference_id_list.retain(|r| r.kind == reference_types::ACCESSION);
        let entries = [report.clone(), ct_study("s", "2.25.1", "A1"), ct_study("t", "2.25.2", "A2")];
        let lines = episodes(&entries, &[]);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().any(|l| l.holds(&entry_id("r")) && l.holds(&entry_id("s"))));
        report.reference_id_list[0].authority = Some(model::Hd::of(model::Oid::parse("2.999.9").unwrap()));
        let entries = [report, ct_study("s", "2.25.1", "A1")];
        assert_eq!(episodes(&entries, &[]).len(), 2);
    }

    #[test]
    fn a_report_about_two_studies_is_in_both_lines() {
        let mut report = ct_report("r", "2.25.1", "A1");
        report.reference_id_list.extend(ct_report("x", "2.25.2", "A1").reference_id_list);
        let entries = [report, ct_study("s", "2.25.1", "A1"), ct_study("t", "2.25.2", "A1")];
        let lines = episodes(&entries, &[]);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.reports.len() == 1));
    }

    #[test]
    fn versions_fold_under_the_current_one() {
        let entries = [
            deprecated(ct_study("a", "2.25.1", "A1")),
            deprecated(ct_study("b", "2.25.1", "A1")),
            ct_study("c", "2.25.1", "A1"),
        ];
        let lines = episodes(&entries, &[rplc("b", "a"), rplc("c", "b")]);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].studies.len(), 1);
        assert_eq!(lines[0].studies[0].current.id, entry_id("c"));
        assert_eq!(lines[0].studies[0].earlier.len(), 2);
        assert!(!lines[0].studies[0].withdrawn());
    }

    #[test]
    fn twins_are_one_line_and_an_addendum_joins_what_it_adds_to() {
        let mut addendum = ct_report("d", "2.25.1", "A1");
        addendum.reference_id_list.clear();
        let entries = [ct_report("r", "2.25.1", "A1"), ct_report("f", "2.25.1", "A1"), addendum];
        let lines = episodes(&entries, &[xfrm("f", "r"), apnd("d", "r")]);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].reports.len(), 2);
        assert_eq!(lines[0].reports[0].twins.len(), 1);
        assert!(lines[0].reports[1].addendum);
    }

    #[test]
    fn circles_lose_no_document() {
        let entries = [ct_study("a", "2.25.1", "A1"), ct_study("b", "2.25.1", "A1")];
        for associations in
            [vec![rplc("a", "b"), rplc("b", "a")], vec![xfrm("a", "b"), xfrm("b", "a")], vec![rplc("a", "a")]]
        {
            let lines = episodes(&entries, &associations);
            let count: usize = lines.iter().flat_map(|l| l.chains()).map(|c| c.entries().count()).sum();
            assert_eq!(count, 2);
        }
    }
}
