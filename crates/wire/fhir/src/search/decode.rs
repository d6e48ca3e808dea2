//! ITI-67 query strings to [`DocumentQuery`]. Source: spec/fhir.md sections 2, 9, 17; MHD 2:3.67.4.1.2.

use super::subject::Subject;
use super::token::{self, Token};
use super::understood::{DocumentSearch, Handling, Ignored, SearchOptions, Sort, SortKey, Total};
use super::{Parameters, SearchError, codes, date, one_date, relations, unescape};
use crate::document_reference::unique_id_of_url;
use crate::identifier::object_id;
use model::{AvailabilityStatus, CodeTerm, DocumentQuery, DtmRange, Page, ReferenceTerm, UniqueId, reference_types};

/// Reads the query of `GET DocumentReference?...`. For POST `_search`, join URL and body by `&`.
///
/// Shape: alternatives in one parameter are OR, repetitions AND; systems are folded to OIDs; no statuses named means
/// all of them.
/// Errors: see [`SearchError`]; neither patient nor another criterion that an index answers; in strict handling, any
/// parameter that lenient handling would leave out.
/// Source: MHD 2:3.67.4.1.2, TF-2 Appendix Z.2.
pub fn decode(query: &str, options: &SearchOptions) -> Result<DocumentSearch, SearchError> {
    let parameters = Parameters::decode(query)?;
    let mut reader = Reader {
        options,
        query: DocumentQuery { document_types: options.document_types.clone(), ..DocumentQuery::default() },
        search: DocumentSearch::default(),
        nothing: false,
        subject: Subject::default(),
        identifiers: None,
        locations: None,
        count: options.default_count.min(options.max_count),
    };
    for (name, value) in parameters.iter() {
        // FHIR ignores a parameter without a value; a form sends its empty fields too.
        if value.trim().is_empty() {
            continue;
        }
        let understood = reader.read(name, value)?;
        match understood {
            Ok(()) if name == "_count" => {
                reader.search.understood.push(name, &reader.count.to_string());
            }
            Ok(()) => reader.search.understood.push(name, value),
            Err(reason) if options.handling == Handling::Strict => {
                return Err(SearchError::not_supported(name, reason, ""));
            }
            Err(reason) => {
                let parameter = name.chars().take(80).collect();
                reader.search.ignored.push(Ignored { parameter, reason });
            }
        }
    }
    reader.finish()
}

const UNKNOWN: &str = "is not a parameter of this search";
const NOT_OFFERED: &str = "is not offered here";

struct Reader<'o> {
    options: &'o SearchOptions,
    query: DocumentQuery,
    search: DocumentSearch,
    nothing: bool,
    subject: Subject,
    identifiers: Option<token::IdentifierTerms>,
    locations: Option<Vec<UniqueId>>,
    count: usize,
}

type Understood = Result<(), &'static str>;

impl Reader<'_> {
    fn read(&mut self, name: &str, value: &str) -> Result<Understood, SearchError> {
        if let Some(read) = self.subject.read(name, value, self.options) {
            return read.map(Ok);
        }
        match name {
            "status" => self.status(name, value)?,
            "identifier" => {
                let terms = token::identifiers(name, token::tokens(name, value)?)?;
                self.identifiers = Some(match self.identifiers.take() {
                    None => terms,
                    Some(mut before) => {
                        before.entry_ids.retain(|id| terms.entry_ids.contains(id));
                        before.unique_ids.retain(|id| terms.unique_ids.contains(id));
                        before
                    }
                });
            }
            "_id" => self.resource_id(name, value)?,
            "category" => self.single(name, value, |q| &mut q.class_codes)?,
            "type" => self.single(name, value, |q| &mut q.type_codes)?,
            "format" => self.single(name, value, |q| &mut q.format_codes)?,
            "setting" => self.single(name, value, |q| &mut q.practice_setting_codes)?,
            "facility" => self.single(name, value, |q| &mut q.healthcare_facility_type_codes)?,
            // Modality and region are codes of eventCodeList; the names are MADO's, the second in three spellings.
            "event" | "modality" | "anatomical-region" | "bodysite" | "body-site" | "bodySite" => {
                let terms = codes(name, value)?;
                if !terms.is_empty() {
                    self.query.event_code_list.push(terms);
                }
            }
            "security-label" => {
                let terms = codes(name, value)?;
                if !terms.is_empty() {
                    self.query.confidentiality_codes.push(terms);
                }
            }
            "creation" => self.creation(name, value)?,
            "period" => self.query.periods.push(date::period(name, one_date(name, value)?)?),
            // The registry keeps no other time at which it learnt of something.
            "date" | "_lastUpdated" | "_lastupdated" => {
                self.query.submission_time.push(date::period(name, one_date(name, value)?)?);
            }
            "author.family" | "author:Practitioner.family" => self.author(name, value, |q| &mut q.author_family)?,
            "author.given" | "author:Practitioner.given" => self.author(name, value, |q| &mut q.author_given)?,
            "related:identifier" => self.references(name, value, |t| token::reference(name, t, None))?,
            "related" => {
                // Many servers lack :identifier, so clients send the token without it (spec/fhir.md 9.5).
                if !value.contains('|') {
                    return Ok(Err("takes system|value; references to resources are not kept"));
                }
                self.references(name, value, |t| token::reference(name, t, None))?;
            }
            "encounter:identifier" | "encounter.identifier" => {
                self.references(name, value, |t| token::reference(name, t, Some(reference_types::ENCOUNTER)))?;
            }
            "study-instance-uid" => self.references(name, value, |t| token::study(name, t))?,
            "accession-number" => {
                self.references(name, value, |t| token::reference(name, t, Some(reference_types::ACCESSION)))?;
            }
            "targetCommunityIdList" => {
                self.search.target_communities.extend(token::communities(name, value)?);
            }
            _ if name.starts_with('_') => return self.control(name, value),
            "contenttype" => self.words(name, value, |q| &mut q.mime_types)?,
            "language" => self.words(name, value, |q| &mut q.language_codes)?,
            "relatesto" | "relatesto:DocumentReference" => {
                self.relations(relations::relates_to(name, value, self.options.fhir_base.as_deref())?);
            }
            "relatesto:identifier" => self.relations(relations::relates_to_identifier(name, value)?),
            "relation" => self.relations(relations::relation(name, value)?),
            "relationship" => {
                self.relations(relations::relationship(name, value, self.options.fhir_base.as_deref())?);
            }
            "location" => self.location(name, value)?,
            "custodian" | "encounter" | "author" | "authenticator" | "description" => return Ok(Err(NOT_OFFERED)),
            _ => return self.unknown(name),
        }
        Ok(Ok(()))
    }

    // A modifier changes what a parameter means: leaving it out would answer another question.
    fn unknown(&self, name: &str) -> Result<Understood, SearchError> {
        const KNOWN: [&str; 14] = [
            "patient",
            "subject",
            "status",
            "identifier",
            "category",
            "type",
            "format",
            "setting",
            "facility",
            "event",
            "security-label",
            "creation",
            "date",
            "period",
        ];
        let base = name.split([':', '.']).next().unwrap_or(name);
        let is_ours = KNOWN.contains(&base)
            || matches!(base, "related" | "author" | "modality" | "study-instance-uid")
            || matches!(base, "relatesto" | "relation" | "relationship" | "location");
        if is_ours && base != name {
            return Err(SearchError::not_supported(name, "has a modifier or chain that is not offered here", ""));
        }
        Ok(Err(UNKNOWN))
    }

    fn control(&mut self, name: &str, value: &str) -> Result<Understood, SearchError> {
        match name {
            "_count" => {
                let count: usize =
                    value.parse().map_err(|_| SearchError::value(name, "must be a whole number, 0 or more", value))?;
                self.count = count.min(self.options.max_count);
            }
            "_summary" => match value {
                "count" => self.search.count_only = true,
                "false" => {}
                "true" | "text" | "data" => return Ok(Err(NOT_OFFERED)),
                _ => return Err(SearchError::value(name, "must be count, true, text, data or false", value)),
            },
            "_total" => {
                self.search.total = Some(match value {
                    "none" => Total::None,
                    "estimate" => Total::Estimate,
                    "accurate" => Total::Accurate,
                    _ => return Err(SearchError::value(name, "must be none, estimate or accurate", value)),
                });
            }
            "_sort" => {
                for text in token::alternatives(name, value)? {
                    let (descending, key) = match text.strip_prefix('-') {
                        Some(key) => (true, key),
                        None => (false, text),
                    };
                    let key = match key {
                        "date" => SortKey::Date,
                        "creation" => SortKey::Creation,
                        "_lastUpdated" => SortKey::LastUpdated,
                        _ => return Ok(Err("takes date, creation and _lastUpdated")),
                    };
                    self.search.sort.push(Sort { key, descending });
                }
            }
            "_format" => {
                self.search.format = Some(value.replace("fhir json", "fhir+json").replace("fhir xml", "fhir+xml"))
            }
            "_pretty" => {}
            "_page" => self.search.page_token = Some(value.to_owned()),
            "_include" => return Ok(self.include(value)),
            "_revinclude" | "_elements" | "_contained" | "_containedType" | "_tag" | "_profile" | "_security"
            | "_source" => return Ok(Err(NOT_OFFERED)),
            _ => return Ok(Err(UNKNOWN)),
        }
        Ok(Ok(()))
    }

    /// `DocumentReference:element`, with the type of the target after it or without.
    fn include(&mut self, value: &str) -> Understood {
        let mut words = value.trim().split(':');
        let (of, element, target) = (words.next(), words.next(), words.next());
        if of != Some("DocumentReference") || words.next().is_some() {
            return Err("takes DocumentReference:relatesto and DocumentReference:author");
        }
        match (element, target) {
            (Some("relatesto"), None | Some("DocumentReference")) => self.search.include_related = true,
            // They are contained in each document.
            (Some("author" | "authenticator"), _) => {}
            _ => return Err("takes DocumentReference:relatesto and DocumentReference:author"),
        }
        Ok(())
    }

    fn relations(&mut self, terms: Vec<relations::RelationTerm>) {
        self.nothing |= terms.is_empty();
        self.search.relations.push(terms);
    }

    /// The address of one document is at one server: of others' none is known here.
    fn location(&mut self, name: &str, value: &str) -> Result<(), SearchError> {
        let base = self.options.fhir_base.as_deref();
        let addresses = token::alternatives(name, value)?.into_iter();
        let mut found: Vec<_> = addresses.filter_map(|url| unique_id_of_url(&unescape(url), base?)).collect();
        if let Some(before) = &self.locations {
            found.retain(|id| before.contains(id));
        }
        self.nothing |= found.is_empty();
        self.locations = Some(found);
        Ok(())
    }

    fn status(&mut self, name: &str, value: &str) -> Result<(), SearchError> {
        let mut statuses = Vec::new();
        for token in token::tokens(name, value)? {
            let system_ok =
                token.system.as_deref().is_none_or(|s| s == "http://hl7.org/fhir/document-reference-status");
            let status = match token.value.as_deref() {
                Some("current") if system_ok => AvailabilityStatus::Approved,
                Some("superseded") if system_ok => AvailabilityStatus::Deprecated,
                // entered-in-error and the like: legal, and no entry has it.
                _ => continue,
            };
            if !statuses.contains(&status) {
                statuses.push(status);
            }
        }
        if !self.query.statuses.is_empty() {
            statuses.retain(|s| self.query.statuses.contains(s));
        }
        self.nothing |= statuses.is_empty();
        self.query.statuses = statuses;
        Ok(())
    }

    fn resource_id(&mut self, name: &str, value: &str) -> Result<(), SearchError> {
        let ids = token::alternatives(name, value)?;
        let mut ids: Vec<_> = ids.into_iter().filter_map(|id| object_id(&unescape(id))).collect();
        if !self.query.entry_ids.is_empty() {
            ids.retain(|id| self.query.entry_ids.contains(id));
        }
        self.nothing |= ids.is_empty();
        self.query.entry_ids = ids;
        Ok(())
    }

    fn single(
        &mut self,
        name: &str,
        value: &str,
        field: fn(&mut DocumentQuery) -> &mut Vec<CodeTerm>,
    ) -> Result<(), SearchError> {
        let terms = codes(name, value)?;
        if terms.is_empty() {
            return Ok(());
        }
        let field = field(&mut self.query);
        if field.is_empty() {
            *field = terms;
        } else {
            *field = token::intersect(name, field, &terms)?;
            self.nothing |= field.is_empty();
        }
        Ok(())
    }

    /// A code that has no system of its own in XDS; one that is given does not matter.
    fn words(
        &mut self,
        name: &str,
        value: &str,
        field: fn(&mut DocumentQuery) -> &mut Vec<String>,
    ) -> Result<(), SearchError> {
        let mut words: Vec<String> = token::tokens(name, value)?.into_iter().filter_map(|t| t.value).collect();
        let field = field(&mut self.query);
        if !field.is_empty() {
            words.retain(|word| field.iter().any(|before| before.eq_ignore_ascii_case(word)));
        }
        self.nothing |= words.is_empty();
        *field = words;
        Ok(())
    }

    fn creation(&mut self, name: &str, value: &str) -> Result<(), SearchError> {
        let range = date::intersect(self.query.creation_time, date::range(name, one_date(name, value)?)?);
        self.nothing |= matches!(range, DtmRange { from: Some(from), to: Some(to) } if from >= to);
        self.query.creation_time = range;
        Ok(())
    }

    fn author(
        &mut self,
        name: &str,
        value: &str,
        field: fn(&mut DocumentQuery) -> &mut Vec<String>,
    ) -> Result<(), SearchError> {
        let names: Vec<String> = token::alternatives(name, value)?.into_iter().map(unescape).collect();
        let field = field(&mut self.query);
        if !field.is_empty() && *field != names {
            return Err(SearchError::not_supported(name, "may be given once; separate alternatives by commas", ""));
        }
        *field = names;
        Ok(())
    }

    fn references(
        &mut self,
        name: &str,
        value: &str,
        term: impl Fn(&Token) -> Result<Option<ReferenceTerm>, SearchError>,
    ) -> Result<(), SearchError> {
        let mut terms = Vec::new();
        for token in token::tokens(name, value)? {
            terms.extend(term(&token)?);
        }
        self.nothing |= terms.is_empty();
        self.query.reference_ids.push(terms);
        Ok(())
    }

    fn finish(self) -> Result<DocumentSearch, SearchError> {
        let Reader { mut query, mut search, mut nothing, subject, identifiers, locations, count, .. } = self;
        nothing |= subject.nobody;
        query.patient_id = subject.id;
        search.patient_reference = subject.reference;
        search.count_only |= count == 0;
        let size = if search.count_only { 0 } else { count };
        query.page = Some(Page { size, after: search.page_token.clone() });
        query.unique_ids = locations.clone().unwrap_or_default();
        let mut queries = Vec::new();
        match identifiers {
            None => queries.push(query),
            Some(mut terms) => {
                if let Some(locations) = locations {
                    terms.unique_ids.retain(|id| locations.contains(id));
                }
                if !terms.unique_ids.is_empty() {
                    queries.push(DocumentQuery { unique_ids: terms.unique_ids, ..query.clone() });
                }
                let mut entry_ids = terms.entry_ids;
                if !query.entry_ids.is_empty() {
                    entry_ids.retain(|id| query.entry_ids.contains(id));
                }
                if !entry_ids.is_empty() {
                    queries.insert(0, DocumentQuery { entry_ids, ..query });
                }
            }
        }
        if nothing {
            queries.clear();
        }
        let open = queries.iter().any(|q| !q.is_anchored());
        let by_relation = search.relations.iter().any(|or| or.iter().all(|term| term.target.is_some()));
        if open && !by_relation && search.patient_reference.is_none() && search.page_token.is_none() {
            let rule = "or patient is required (or identifier, relatesto, location, or a reference id with its value)";
            return Err(SearchError::missing("patient.identifier", rule));
        }
        search.queries = queries;
        Ok(search)
    }
}
