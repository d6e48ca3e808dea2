//! ITI-66 query strings: submission sets and folders of a patient. Source: spec/fhir.md sections 2, 8; MHD 2:3.66.4.1.2.

use super::subject::Subject;
use super::token::{self, Token};
use super::understood::{Handling, Ignored, SearchOptions, Understood};
use super::{COMMUNITIES, Parameters, SearchError, codes, date, one_date, parameter, unescape};
use crate::capability::SearchParameter;
use crate::identifier::{fold_uid, object_id};
use crate::list::LIST_TYPES;
use model::{
    Author, AvailabilityStatus, CodeTerm, Folder, HomeCommunityId, ObjectId, Oid, PatientId, PeriodMatch,
    SubmissionSet, UniqueId,
};

/// What [`decode`] takes beside criteria.
pub const RESULT_PARAMETERS: &[&str] = &["_count", "_sort", "_summary", "_total", "_format", "_pretty"];

/// The parameters [`decode`] answers, for the CapabilityStatement.
pub const PARAMETERS: &[SearchParameter] = &[
    parameter("_id", "token", Some("http://hl7.org/fhir/SearchParameter/Resource-id")),
    SearchParameter {
        documentation: Some("The same time as `date`."),
        ..parameter("_lastUpdated", "date", Some("http://hl7.org/fhir/SearchParameter/Resource-lastUpdated"))
    },
    parameter("patient", "reference", Some("http://hl7.org/fhir/SearchParameter/clinical-patient")),
    parameter("patient.identifier", "token", None),
    parameter("subject", "reference", Some("http://hl7.org/fhir/SearchParameter/List-subject")),
    parameter("subject.identifier", "token", None),
    SearchParameter {
        documentation: Some("submissionset or folder; both when it is left out."),
        ..parameter("code", "token", Some("http://hl7.org/fhir/SearchParameter/clinical-code"))
    },
    SearchParameter {
        documentation: Some("current; retired (or superseded) for folders that are no longer valid."),
        ..parameter("status", "token", Some("http://hl7.org/fhir/SearchParameter/List-status"))
    },
    SearchParameter {
        documentation: Some("submissionTime of a submission set, lastUpdateTime of a folder; `_sort` takes it too."),
        ..parameter("date", "date", Some("http://hl7.org/fhir/SearchParameter/clinical-date"))
    },
    SearchParameter {
        documentation: Some("Of submission sets; folders have no author."),
        ..parameter("source.family", "string", None)
    },
    SearchParameter {
        documentation: Some("Of submission sets; folders have no author."),
        ..parameter("source.given", "string", None)
    },
    parameter(
        "designationType",
        "token",
        Some("https://profiles.ihe.net/ITI/MHD/SearchParameter/List-DesignationType"),
    ),
    SearchParameter {
        documentation: Some("Of submission sets, with or without urn:oid:; folders have none."),
        ..parameter("sourceId", "token", Some("https://profiles.ihe.net/ITI/MHD/SearchParameter/List-SourceId"))
    },
    parameter("identifier", "token", Some("http://hl7.org/fhir/SearchParameter/List-identifier")),
    COMMUNITIES,
];

/// Most lists that are sorted in memory are those of one patient; a position is the time and id of the last one given.
#[derive(Clone, Debug, Default)]
pub struct ListSearch {
    pub patient_id: Option<PatientId>,
    /// A literal `patient` reference that is not of this node's making.
    pub patient_reference: Option<String>,
    pub submission_sets: bool,
    pub folders: bool,
    /// Empty: any.
    pub statuses: Vec<AvailabilityStatus>,
    /// Entry UUIDs and uniqueIds, one of which must be the list's; absent: any.
    pub identifiers: Option<(Vec<ObjectId>, Vec<UniqueId>)>,
    /// Resource ids as entryUUIDs; absent: any.
    pub ids: Option<Vec<ObjectId>>,
    dates: Vec<PeriodMatch>,
    source_family: Vec<String>,
    source_given: Vec<String>,
    designation_types: Vec<Vec<CodeTerm>>,
    source_ids: Option<Vec<Oid>>,
    /// Nothing can match.
    pub nothing: bool,
    pub count_only: bool,
    /// Oldest first.
    pub ascending: bool,
    pub page_size: usize,
    pub format: Option<String>,
    pub page_token: Option<String>,
    pub target_communities: Vec<HomeCommunityId>,
    pub ignored: Vec<Ignored>,
    pub understood: Understood,
}

impl ListSearch {
    /// The one list with this entryUUID.
    pub fn of_id(id: ObjectId) -> Self {
        ListSearch { ids: Some(vec![id]), submission_sets: true, folders: true, ..ListSearch::default() }
    }

    /// Everything but the patient and the kind, on a submission set.
    pub fn matches_set(&self, set: &SubmissionSet) -> bool {
        let source = self.source_ids.as_ref().is_none_or(|ids| ids.contains(&set.source_id));
        let time = Some(&set.submission_time);
        source
            && self.named(&set.id, &set.unique_id)
            && self.has_status(set.availability_status)
            && self.dates.iter().all(|condition| condition.matches(time, time))
            && self.designated(std::slice::from_ref(&set.content_type_code))
            && written_by(&set.authors, &self.source_family, 2)
            && written_by(&set.authors, &self.source_given, 3)
    }

    /// Everything but the patient and the kind, on a folder; author and sourceId, which it has not, do not count.
    pub fn matches_folder(&self, folder: &Folder) -> bool {
        let time = folder.last_update_time.as_ref();
        self.named(&folder.id, &folder.unique_id)
            && self.has_status(folder.availability_status)
            && self.dates.iter().all(|condition| time.is_some() && condition.matches(time, time))
            && self.designated(&folder.code_list)
    }

    fn named(&self, id: &ObjectId, unique_id: &UniqueId) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(id))
            && self.identifiers.as_ref().is_none_or(|(ids, uids)| ids.contains(id) || uids.contains(unique_id))
    }

    fn has_status(&self, status: AvailabilityStatus) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&status)
    }

    fn designated(&self, has: &[model::Code]) -> bool {
        self.designation_types.iter().all(|or| or.is_empty() || has.iter().any(|c| or.iter().any(|t| t.matches(c))))
    }
}

fn written_by(authors: &[Author], wanted: &[String], component: usize) -> bool {
    let mut persons = authors.iter().filter_map(|a| a.person.as_ref());
    wanted.is_empty()
        || persons.any(|p| wanted.iter().any(|w| model::fold(&p.component(component)).starts_with(&model::fold(w))))
}

/// Reads the query of `GET List?...`. For POST `_search`, join URL and body by `&`.
///
/// Shape: alternatives in one parameter are OR, repetitions AND.
/// Errors: see [`SearchError`]; neither patient nor identifier nor `_id`; in strict handling, any parameter that lenient
/// handling would leave out.
pub fn decode(query: &str, options: &SearchOptions) -> Result<ListSearch, SearchError> {
    let mut search = ListSearch {
        submission_sets: true,
        folders: true,
        page_size: options.default_count.min(options.max_count),
        ..ListSearch::default()
    };
    let mut subject = Subject::default();
    for (name, value) in Parameters::decode(query)?.iter() {
        // FHIR ignores a parameter without a value; a form sends its empty fields too.
        if value.trim().is_empty() {
            continue;
        }
        let understood = match subject.read(name, value, options) {
            Some(read) => read.map(Ok)?,
            None => read(&mut search, name, value, options)?,
        };
        match understood {
            Ok(()) if name == "_count" => search.understood.push(name, &search.page_size.to_string()),
            Ok(()) => search.understood.push(name, value),
            Err(reason) if options.handling == Handling::Strict => {
                return Err(SearchError::not_supported(name, reason, ""));
            }
            Err(reason) => search.ignored.push(Ignored { parameter: name.chars().take(80).collect(), reason }),
        }
    }
    search.nothing |= subject.nobody;
    search.patient_id = subject.id;
    search.patient_reference = subject.reference;
    search.count_only |= search.page_size == 0;
    let anchored = search.patient_id.is_some() || search.identifiers.is_some() || search.ids.is_some();
    if !anchored && !search.nothing && search.patient_reference.is_none() && search.page_token.is_none() {
        let rule = "or patient is required (or identifier, or _id)";
        return Err(SearchError::missing("patient.identifier", rule));
    }
    Ok(search)
}

fn read(
    search: &mut ListSearch,
    name: &str,
    value: &str,
    options: &SearchOptions,
) -> Result<Result<(), &'static str>, SearchError> {
    match name {
        "code" => {
            let (mut sets, mut folders) = (false, false);
            for Token { system, value } in token::tokens(name, value)? {
                if system.as_deref().is_none_or(|s| s == LIST_TYPES) {
                    sets |= matches!(value.as_deref(), Some("submissionset") | None);
                    folders |= matches!(value.as_deref(), Some("folder") | None);
                }
            }
            search.submission_sets &= sets;
            search.folders &= folders;
        }
        "status" => {
            let mut statuses = Vec::new();
            for token in token::tokens(name, value)? {
                match token.value.as_deref() {
                    Some("current") => statuses.push(AvailabilityStatus::Approved),
                    Some("retired" | "superseded") => statuses.push(AvailabilityStatus::Deprecated),
                    // entered-in-error: legal, and no list has it.
                    _ => {}
                }
            }
            statuses.retain(|s| search.has_status(*s));
            search.nothing |= statuses.is_empty();
            search.statuses = statuses;
        }
        "date" | "_lastUpdated" | "_lastupdated" => search.dates.push(date::period(name, one_date(name, value)?)?),
        "source.family" | "source:Practitioner.family" => names(&mut search.source_family, name, value)?,
        "source.given" | "source:Practitioner.given" => names(&mut search.source_given, name, value)?,
        "designationType" => search.designation_types.push(codes(name, value)?),
        "sourceId" => {
            let tokens = token::tokens(name, value)?;
            let mut ids: Vec<Oid> =
                tokens.iter().filter_map(|t| Oid::parse(fold_uid(t.value.as_deref()?)).ok()).collect();
            if let Some(before) = &search.source_ids {
                ids.retain(|id| before.contains(id));
            }
            search.source_ids = Some(ids);
        }
        "identifier" => {
            let terms = token::identifiers(name, token::tokens(name, value)?)?;
            let mut found = (terms.entry_ids, terms.unique_ids);
            if let Some((ids, uids)) = &search.identifiers {
                found.0.retain(|id| ids.contains(id));
                found.1.retain(|id| uids.contains(id));
            }
            search.identifiers = Some(found);
        }
        "_id" => {
            let mut ids: Vec<ObjectId> =
                token::alternatives(name, value)?.into_iter().filter_map(|id| object_id(&unescape(id))).collect();
            if let Some(before) = &search.ids {
                ids.retain(|id| before.contains(id));
            }
            search.ids = Some(ids);
        }
        "targetCommunityIdList" => search.target_communities.extend(token::communities(name, value)?),
        "_count" => {
            let count: usize =
                value.parse().map_err(|_| SearchError::value(name, "must be a whole number, 0 or more", value))?;
            search.page_size = count.min(options.max_count);
        }
        "_summary" => match value {
            "count" => search.count_only = true,
            "false" => {}
            "true" | "text" | "data" => return Ok(Err("is not offered here")),
            _ => return Err(SearchError::value(name, "must be count, true, text, data or false", value)),
        },
        "_total" => {
            if !matches!(value, "none" | "estimate" | "accurate") {
                return Err(SearchError::value(name, "must be none, estimate or accurate", value));
            }
        }
        "_sort" => match value {
            "date" | "_lastUpdated" => search.ascending = true,
            "-date" | "-_lastUpdated" => search.ascending = false,
            _ => return Ok(Err("takes date and _lastUpdated")),
        },
        "_format" => {
            search.format = Some(value.replace("fhir json", "fhir+json").replace("fhir xml", "fhir+xml"));
        }
        "_pretty" => {}
        "_page" => search.page_token = Some(value.to_owned()),
        _ => {
            let base = name.split([':', '.']).next().unwrap_or(name);
            let ours = matches!(
                base,
                "patient"
                    | "subject"
                    | "code"
                    | "status"
                    | "date"
                    | "source"
                    | "designationType"
                    | "sourceId"
                    | "identifier"
            );
            // A modifier changes what a parameter means: leaving it out would answer another question.
            if ours && base != name {
                return Err(SearchError::not_supported(name, "has a modifier or chain that is not offered here", ""));
            }
            return Ok(Err("is not a parameter of this search"));
        }
    }
    Ok(Ok(()))
}

fn names(field: &mut Vec<String>, name: &str, value: &str) -> Result<(), SearchError> {
    let names: Vec<String> = token::alternatives(name, value)?.into_iter().map(unescape).collect();
    if !field.is_empty() && *field != names {
        return Err(SearchError::not_supported(name, "may be given once; separate alternatives by commas", ""));
    }
    *field = names;
    Ok(())
}
