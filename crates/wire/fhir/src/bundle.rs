//! Searchset Bundles: the answer of ITI-66, ITI-67 and ITI-78, written and read.
//! Source: spec/fhir.md sections 2 (search results Bundle), 9.6; TF-2 Appendix Z.1.

use crate::datatypes::Str;
use crate::document_reference::{self, DecodeContext, EncodeContext, Received};
use crate::error::DecodeError;
use crate::operation_outcome::OperationOutcome;
use crate::patient::{self, PatientFeed};
use crate::resource::Resource;
use crate::{json, search};
use model::{DocumentEntry, Oid, Patient, PatientId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

/// Links of a page: absolute URLs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Links<'a> {
    /// The search as understood: unknown parameters left out.
    pub self_url: &'a str,
    pub next: Option<&'a str>,
    pub previous: Option<&'a str>,
}

#[derive(Serialize)]
struct WireBundle<'a, E: Serialize> {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    r#type: &'static str,
    total: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    link: Vec<WireLink<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<E>,
}

// Each entry is built when it is written and dropped after it: a page of a thousand never lies in memory as structs.
struct Entries<I>(RefCell<Option<I>>);

impl<'a, I: Iterator<Item = WireEntry<'a>>> Serialize for Entries<I> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}

#[derive(Serialize, Deserialize)]
struct WireLink<'a> {
    #[serde(default)]
    relation: Str<'a>,
    #[serde(default)]
    url: Str<'a>,
}

#[derive(Serialize)]
struct WireEntry<'a> {
    #[serde(rename = "fullUrl")]
    full_url: String,
    resource: WireResource<'a>,
    search: WireSearch,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireResource<'a> {
    Typed(Box<Resource<'a>>),
    Encoded(Box<RawValue>),
}

#[derive(Serialize)]
struct WireSearch {
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<[MatchGrade; 1]>,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchGrade {
    url: &'static str,
    value_code: &'static str,
}

fn of_mode(mode: &'static str) -> WireSearch {
    WireSearch { extension: None, mode, score: None }
}

/// A match of ITI-119 as it is written: a score from 0 to 1 in thousandths, and a code of match-grade.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    pub patient: &'a Patient,
    pub thousandths: u32,
    pub grade: &'static str,
}

/// The matches of ITI-119 in the order given, compact JSON. Source: PDQm 2:3.119.4.2.2.
pub fn match_searchset<'a>(
    matches: &'a [Scored<'a>],
    fhir_base: &str,
    total: u64,
    outcomes: &[OperationOutcome],
) -> Vec<u8> {
    let resources = matches.iter().map(|scored| {
        let grade = MatchGrade { url: "http://hl7.org/fhir/StructureDefinition/match-grade", value_code: scored.grade };
        let score = Some(f64::from(scored.thousandths) / 1000.0);
        let search = WireSearch { extension: Some([grade]), mode: "match", score };
        typed(Resource::Patient(patient::to_resource(scored.patient)), search)
    });
    let self_url = format!("{}/Patient/$match", fhir_base.trim_end_matches('/'));
    write_entries(resources, fhir_base, total, &Links { self_url: &self_url, ..Links::default() }, outcomes)
}

/// A page of DocumentReferences, compact JSON.
///
/// Shape: `total` counts the matches over all pages; `entry` is absent when there is nothing; `included`, what `_include`
/// asked for, follows the matches with `search.mode` include, then the outcomes with outcome.
/// Source: MHD 2:3.67.4.2.2.
pub fn searchset<'a>(
    entries: impl IntoIterator<Item = &'a DocumentEntry>,
    included: &'a [DocumentEntry],
    fhir_base: &str,
    cx: &EncodeContext<'a>,
    total: u64,
    links: &Links<'a>,
    outcomes: &[OperationOutcome],
) -> Vec<u8> {
    let document = |entry| Resource::DocumentReference(Box::new(document_reference::to_resource(entry, cx)));
    let matches = entries.into_iter().map(|entry| typed(document(entry), of_mode("match")));
    let included = included.iter().map(|entry| typed(document(entry), of_mode("include")));
    write_entries(matches.chain(included), fhir_base, total, links, outcomes)
}

/// A page of Patients, compact JSON, with the identifiers of `domains` alone when there are any.
pub fn patient_searchset<'a>(
    patients: impl IntoIterator<Item = &'a Patient>,
    domains: Option<&[Oid]>,
    fhir_base: &str,
    total: u64,
    links: &Links<'a>,
    outcomes: &[OperationOutcome],
) -> Vec<u8> {
    let resources = patients.into_iter().map(|p| Resource::Patient(patient::to_resource_in(p, domains)));
    write_entries(resources.map(|r| typed(r, of_mode("match"))), fhir_base, total, links, outcomes)
}

/// A page of Lists, each encoded by [`crate::list`], with its resource id. Compact JSON.
pub fn list_searchset(
    lists: Vec<(String, Vec<u8>)>,
    fhir_base: &str,
    total: u64,
    links: &Links<'_>,
    outcomes: &[OperationOutcome],
) -> Vec<u8> {
    let entries = lists.into_iter().filter_map(|(id, octets)| {
        let text = RawValue::from_string(String::from_utf8(octets).ok()?).ok()?;
        Some((Some(format!("List/{id}")), WireResource::Encoded(text), of_mode("match")))
    });
    write_entries(entries, fhir_base, total, links, outcomes)
}

/// Path below the base where there is one, the resource, and why it is in the answer. A patient whose id is too long for
/// FHIR has no path; fullUrl still has to be there.
type Entry<'a> = (Option<String>, WireResource<'a>, WireSearch);

fn typed(resource: Resource<'_>, search: WireSearch) -> Entry<'_> {
    let path = resource.id().map(|id| format!("{}/{id}", resource.type_name()));
    (path, WireResource::Typed(Box::new(resource)), search)
}

fn write_entries<'a>(
    matches: impl Iterator<Item = Entry<'a>>,
    fhir_base: &str,
    total: u64,
    links: &Links<'a>,
    outcomes: &[OperationOutcome],
) -> Vec<u8> {
    let base = fhir_base.strip_suffix('/').unwrap_or(fhir_base);
    let outcomes = outcomes.iter().map(|o| typed(Resource::OperationOutcome(o.clone()), of_mode("outcome")));
    let mut entries = matches.chain(outcomes).enumerate().map(|(i, (path, resource, search))| {
        let full_url = path.map_or_else(|| placeholder(i + 1), |path| format!("{base}/{path}"));
        WireEntry { full_url, resource, search }
    });
    let capacity = 512 + 4096 * entries.size_hint().0.min(4096);
    let entry = entries.next().map(|first| Entries(RefCell::new(Some(std::iter::once(first).chain(entries)))));
    let link = [("self", Some(links.self_url)), ("previous", links.previous), ("next", links.next)];
    let link = link.into_iter().filter_map(|(relation, url)| {
        Some(WireLink { relation: relation.into(), url: url.filter(|u| !u.is_empty())?.into() })
    });
    let link = link.collect();
    json::encode_with(&WireBundle { resource_type: "Bundle", r#type: "searchset", total, link, entry }, capacity)
}

// Every entry needs a fullUrl (MHD), an OperationOutcome has no address of its own.
fn placeholder(number: usize) -> String {
    format!("urn:uuid:00000000-0000-4000-8000-{number:012x}")
}

/// A page as a reader needs it.
#[derive(Debug, Default)]
pub struct Searchset {
    pub total: Option<u64>,
    pub self_url: Option<String>,
    /// To be followed literally.
    pub next: Option<String>,
    /// One per DocumentReference; one that cannot be read does not lose the others.
    pub documents: Vec<Result<Found, DecodeError>>,
    /// One per Patient.
    pub patients: Vec<Result<PatientFeed, DecodeError>>,
    pub outcomes: Vec<OperationOutcome>,
}

/// A document of a page, with its fullUrl, against which its relative references are resolved.
#[derive(Clone, Debug)]
pub struct Found {
    pub full_url: Option<String>,
    pub received: Received,
}

#[derive(Deserialize)]
struct ReadBundle<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
    #[serde(default)]
    r#type: Str<'a>,
    #[serde(default)]
    total: Option<u64>,
    #[serde(default, borrow)]
    link: Vec<WireLink<'a>>,
    #[serde(default, borrow)]
    entry: Vec<ReadEntry<'a>>,
}

#[derive(Deserialize)]
struct ReadEntry<'a> {
    #[serde(rename = "fullUrl", default)]
    full_url: Option<Str<'a>>,
    #[serde(default, borrow)]
    resource: Option<&'a RawValue>,
    #[serde(default, borrow)]
    search: Option<ReadSearch<'a>>,
}

#[derive(Deserialize)]
struct ReadSearch<'a> {
    #[serde(default, borrow)]
    mode: Option<Str<'a>>,
}

/// The entries of a Bundle as targets of references.
pub(crate) struct Pool<'a> {
    resources: Vec<Option<&'a RawValue>>,
    /// By fullUrl and by its last two steps, `Type/id`: a look-up per reference must not walk the Bundle.
    by_url: HashMap<&'a str, usize>,
    /// Entries whose fullUrl another has already.
    repeated: Vec<(usize, &'a str)>,
    /// Each reference reads its target again: without it many references to one large resource would take hours.
    budget: Cell<usize>,
}

impl<'a> Pool<'a> {
    /// `entries`: fullUrl and resource of each, in order.
    pub(crate) fn new(entries: impl Iterator<Item = (Option<&'a str>, Option<&'a RawValue>)>) -> Self {
        let mut pool = Pool {
            resources: Vec::new(),
            by_url: HashMap::new(),
            repeated: Vec::new(),
            budget: Cell::new(MAX_RESOLVED_OCTETS),
        };
        let mut full_urls = HashSet::new();
        for (i, (url, resource)) in entries.enumerate() {
            pool.resources.push(resource);
            let Some(url) = url else { continue };
            if !full_urls.insert(url) {
                pool.repeated.push((i, url));
                continue;
            }
            pool.by_url.insert(url, i);
            if let Some((at, _)) = url.rmatch_indices('/').nth(1) {
                pool.by_url.entry(&url[at + 1..]).or_insert(i);
            }
        }
        pool
    }

    /// Which entry a reference names.
    pub(crate) fn index(&self, reference: &str) -> Option<usize> {
        self.by_url.get(reference).copied()
    }

    pub(crate) fn resolve(&self, reference: &str) -> Option<Resource<'static>> {
        let target = self.resources.get(self.index(reference)?).copied()??.get();
        self.budget.set(self.budget.get().checked_sub(target.len())?);
        serde_json::from_str::<Resource<'_>>(target).ok()
    }

    pub(crate) fn repeated(&self) -> impl Iterator<Item = (usize, &'a str)> + '_ {
        self.repeated.iter().copied()
    }
}

/// The largest number of entries read from one page.
pub const MAX_ENTRIES: usize = 20_000;

const MAX_RESOLVED_OCTETS: usize = 128 << 20;

/// Reads a searchset. `patient` is the one that was asked for: it stands in where a subject cannot be resolved.
///
/// Shape: included resources (`search.mode` include) resolve references and are not listed.
/// Errors: not a Bundle of type searchset, or more than [`MAX_ENTRIES`] entries. A bare OperationOutcome is a page
/// without entries and that outcome.
pub fn decode_searchset(bytes: &[u8], patient: Option<&PatientId>) -> Result<Searchset, DecodeError> {
    if bytes.len() > json::MAX_OCTETS {
        let rule = format!("must have at most {} octets, has {}", json::MAX_OCTETS, bytes.len());
        return Err(DecodeError::structure("Bundle", rule));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bundle: ReadBundle<'_> = serde_json::from_slice(bytes).map_err(|e| json::wrong("Bundle", &e))?;
    if bundle.resource_type == "OperationOutcome" {
        let outcomes = vec![crate::operation_outcome::decode(bytes)?];
        return Ok(Searchset { outcomes, ..Searchset::default() });
    }
    if bundle.resource_type != "Bundle" {
        return Err(DecodeError::structure("Bundle", "must be a resource of that type"));
    }
    if bundle.r#type != "searchset" {
        return Err(DecodeError::value("Bundle.type", "must be searchset", &bundle.r#type));
    }
    if bundle.entry.len() > MAX_ENTRIES {
        let rule = format!("must have at most {MAX_ENTRIES} entries, has {}", bundle.entry.len());
        return Err(DecodeError::structure("Bundle.entry", rule));
    }
    let link = |relation: &str| bundle.link.iter().find(|l| l.relation == relation).map(|l| l.url.clone().into_owned());
    let mut out = Searchset { total: bundle.total, self_url: link("self"), next: link("next"), ..Searchset::default() };
    let pool = Pool::new(bundle.entry.iter().map(|entry| (entry.full_url.as_deref(), entry.resource)));
    let resolve = |reference: &str| pool.resolve(reference);
    for (i, entry) in bundle.entry.iter().enumerate() {
        let Some(raw) = entry.resource else { continue };
        let mode = entry.search.as_ref().and_then(|search| search.mode.as_deref());
        if mode == Some("include") {
            continue;
        }
        let path = format!("Bundle.entry[{i}].resource");
        let full_url = entry.full_url.as_deref();
        let cx = DecodeContext { full_url, patient, resolve: Some(&resolve) };
        let resource = match serde_json::from_str::<Resource<'_>>(raw.get()) {
            Ok(resource) => resource,
            Err(e) => {
                out.documents.push(Err(json::wrong(&path, &e)));
                continue;
            }
        };
        match resource {
            Resource::DocumentReference(document) => {
                let full_url = full_url.map(str::to_owned);
                let received = document_reference::from_resource(&document, &cx);
                out.documents.push(received.map(|received| Found { full_url, received }));
            }
            Resource::Patient(patient) => out.patients.push(patient::from_resource(&patient, None)),
            Resource::OperationOutcome(outcome) => out.outcomes.push(outcome),
            _ => {}
        }
    }
    Ok(out)
}

impl Found {
    /// `attachment.url` made absolute against the fullUrl of the entry, or against `fhir_base`.
    pub fn document_url(&self, fhir_base: &str) -> Option<String> {
        let url = self.received.url.as_deref()?;
        if url.contains("://") || url.starts_with("urn:") {
            return Some(url.to_owned());
        }
        let base = self.full_url.as_deref().and_then(|u| u.rfind("/DocumentReference/").map(|at| &u[..at]));
        let base = base.unwrap_or(fhir_base);
        Some(search::join_url(base, url))
    }
}
