//! q:AdhocQueryRequest to a query. Source: spec/xds.md 16.1, 16.2.

use std::borrow::Cow;

use model::{
    AvailabilityStatus, CodeTerm, DocumentQuery, DocumentType, Dtm, DtmRange, Invalid, ObjectId, PatientId,
    ReferenceId, ReferenceTerm, UniqueId, unescape,
};
use xml::Element;

use super::coding::{self, Literal};
use super::{QueryError, QueryRequest, ReturnType, StoredQuery, get_documents};
use crate::error::named;
use crate::findings::{home_community_id, placed};
use crate::names::{ON_DEMAND_ENTRY, STABLE_ENTRY, ns, query, same_urn, same_uuid, status};
use crate::objects::{trimmed, values};

/// Reads q:AdhocQueryRequest.
///
/// Shape: unknown parameters are ignored, as IHE wants it for extensions; maxResults and startIndex too.
/// Errors: the first rule that is broken.
/// Source: ITI TF-2 3.18.4.1.2.3.
pub fn decode_query(request: &Element) -> Result<QueryRequest, QueryError> {
    if !request.is(ns::QUERY, "AdhocQueryRequest") {
        return Err(QueryError::NotAQuery(named(request)));
    }
    let invalid = |field: &str, rule: &str, value: &str| QueryError::InvalidRequest(Invalid::new(field, rule, value));
    let option = request.child(ns::QUERY, "ResponseOption");
    let return_type = match option.and_then(|o| o.attr("returnType")).unwrap_or_default().trim() {
        "LeafClass" => ReturnType::LeafClass,
        "ObjectRef" => ReturnType::ObjectRef,
        other => return Err(invalid("ResponseOption.returnType", "must be LeafClass or ObjectRef", other)),
    };
    let mut queries = request.children_named(ns::RIM, "AdhocQuery");
    let (Some(adhoc), None) = (queries.next(), queries.next()) else {
        return Err(invalid("AdhocQueryRequest", "must hold one rim:AdhocQuery", ""));
    };
    let id = adhoc.attr("id").unwrap_or_default();
    // Leniency: an empty home counts as absent.
    let home = adhoc.attr("home").map(str::trim).filter(|home| !home.is_empty());
    let home_community_id = home
        .map(home_community_id)
        .transpose()
        .map_err(|e| QueryError::InvalidRequest(placed(e, "AdhocQuery.home")))?;
    let parameters = Parameters::read(adhoc);
    let query = if same_uuid(id, query::FIND_DOCUMENTS) {
        StoredQuery::FindDocuments(find_documents(&parameters)?)
    } else if same_uuid(id, query::FIND_DOCUMENTS_BY_REFERENCE_ID) {
        let mut query = find_documents(&parameters)?;
        query.reference_ids = reference_ids(&parameters)?;
        StoredQuery::FindDocumentsByReferenceId(query)
    } else if same_uuid(id, query::GET_DOCUMENTS) {
        StoredQuery::GetDocuments(documents_by_id(&parameters)?)
    } else if same_uuid(id, query::GET_ASSOCIATIONS) {
        let ids = parameters.list("$uuid", ObjectId::parse)?;
        if ids.is_empty() {
            return Err(QueryError::MissingParameter { parameter: "$uuid", rule: "is required" });
        }
        StoredQuery::GetAssociations { ids }
    } else {
        let shown: String = id.chars().take(80).collect();
        return Err(match query::NOT_ANSWERED.iter().find(|(known, _)| same_uuid(id, known)) {
            Some((_, name)) => QueryError::Unsupported { id: shown, name },
            None => QueryError::Unknown(shown),
        });
    };
    Ok(QueryRequest { query, return_type, home_community_id })
}

fn find_documents(p: &Parameters) -> Result<DocumentQuery, QueryError> {
    let patient_id = p.single("$XDSDocumentEntryPatientId", PatientId::parse)?;
    if patient_id.is_none() {
        return Err(QueryError::MissingParameter { parameter: "$XDSDocumentEntryPatientId", rule: "is required" });
    }
    Ok(DocumentQuery {
        patient_id,
        statuses: statuses(p)?,
        document_types: document_types(p)?,
        class_codes: p.list("$XDSDocumentEntryClassCode", code)?,
        type_codes: p.list("$XDSDocumentEntryTypeCode", code)?,
        format_codes: p.list("$XDSDocumentEntryFormatCode", code)?,
        practice_setting_codes: p.list("$XDSDocumentEntryPracticeSettingCode", code)?,
        healthcare_facility_type_codes: p.list("$XDSDocumentEntryHealthcareFacilityTypeCode", code)?,
        event_code_list: p.and_lists("$XDSDocumentEntryEventCodeList", code)?,
        confidentiality_codes: p.and_lists("$XDSDocumentEntryConfidentialityCode", code)?,
        creation_time: p.range("$XDSDocumentEntryCreationTimeFrom", "$XDSDocumentEntryCreationTimeTo")?,
        service_start_time: p.range("$XDSDocumentEntryServiceStartTimeFrom", "$XDSDocumentEntryServiceStartTimeTo")?,
        service_stop_time: p.range("$XDSDocumentEntryServiceStopTimeFrom", "$XDSDocumentEntryServiceStopTimeTo")?,
        author_person: p.list("$XDSDocumentEntryAuthorPerson", |text| Ok(text.to_owned()))?,
        ..DocumentQuery::default()
    })
}

fn statuses(p: &Parameters) -> Result<Vec<AvailabilityStatus>, QueryError> {
    const NAME: &str = "$XDSDocumentEntryStatus";
    let written = p.list(NAME, |text| Ok(text.to_owned()))?;
    let mut known = Vec::new();
    for urn in &written {
        // An unknown status is ignored: later supplements may bring more.
        let status = if same_urn(urn, status::APPROVED) {
            AvailabilityStatus::Approved
        } else if same_urn(urn, status::DEPRECATED) {
            AvailabilityStatus::Deprecated
        } else {
            continue;
        };
        if !known.contains(&status) {
            known.push(status);
        }
    }
    match (known.is_empty(), written.is_empty()) {
        (false, _) => Ok(known),
        (true, true) => Err(QueryError::MissingParameter { parameter: NAME, rule: "is required" }),
        (true, false) => Err(QueryError::MissingParameter {
            parameter: NAME,
            rule: "must name a known status: the URN of Approved or of Deprecated",
        }),
    }
}

fn document_types(p: &Parameters) -> Result<Vec<DocumentType>, QueryError> {
    let mut types = Vec::new();
    let written = p.list("$XDSDocumentEntryType", |text| {
        if same_uuid(text, STABLE_ENTRY) {
            Ok(DocumentType::Stable)
        } else if same_uuid(text, ON_DEMAND_ENTRY) {
            Ok(DocumentType::OnDemand)
        } else {
            Err(Invalid::new("", "must be the UUID of stable or of on-demand document entries", text))
        }
    })?;
    for kind in written {
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    Ok(types)
}

fn reference_ids(p: &Parameters) -> Result<Vec<Vec<ReferenceTerm>>, QueryError> {
    const NAME: &str = "$XDSDocumentEntryReferenceIdList";
    let terms = p.and_lists(NAME, |text| {
        if text.contains(['%', '_']) {
            return Ok(ReferenceTerm::Like(text.to_owned()));
        }
        ReferenceId::parse(text).map(ReferenceTerm::Exact)
    })?;
    if terms.is_empty() {
        return Err(QueryError::MissingParameter { parameter: NAME, rule: "is required" });
    }
    Ok(terms)
}

fn documents_by_id(p: &Parameters) -> Result<DocumentQuery, QueryError> {
    const ENTRY: &str = "$XDSDocumentEntryEntryUUID";
    const UNIQUE: &str = "$XDSDocumentEntryUniqueId";
    const LOGICAL: &str = "$XDSDocumentEntryLogicalID";
    let entry_ids = p.list(ENTRY, ObjectId::parse)?;
    let unique_ids = p.list(UNIQUE, UniqueId::parse)?;
    match (entry_ids.is_empty(), unique_ids.is_empty()) {
        (false, false) => Err(QueryError::ParameterNumber {
            parameter: ENTRY,
            rule: format!("must not be given together with {UNIQUE}"),
        }),
        (true, true) if p.slots(LOGICAL).next().is_some() => Err(QueryError::MissingParameter {
            parameter: LOGICAL,
            rule: "is not supported: give $XDSDocumentEntryEntryUUID or $XDSDocumentEntryUniqueId",
        }),
        (true, true) => {
            Err(QueryError::MissingParameter { parameter: ENTRY, rule: "or $XDSDocumentEntryUniqueId is required" })
        }
        _ => Ok(get_documents(entry_ids, unique_ids)),
    }
}

/// `code^^scheme`, both parts required.
fn code(text: &str) -> Result<CodeTerm, Invalid> {
    let parts: Vec<&str> = text.split('^').collect();
    match parts.as_slice() {
        [code, "", scheme] if !code.is_empty() && !scheme.is_empty() => {
            Ok(CodeTerm::of(unescape(code), unescape(scheme)))
        }
        _ => Err(Invalid::new("", "must be a code and its scheme in the form 'code^^scheme'", text)),
    }
}

/// The slots of a query. A parameter is only read when somebody asks for it.
struct Parameters<'a> {
    slots: Vec<(&'a str, Vec<Cow<'a, str>>)>,
}

impl<'a> Parameters<'a> {
    fn read(adhoc: Element<'a>) -> Self {
        let slots = adhoc.children_named(ns::RIM, "Slot");
        let slots = slots.map(|slot| (slot.attr("name").unwrap_or_default(), values(slot)));
        Parameters { slots: slots.filter(|(name, _)| name.starts_with('$')).collect() }
    }

    fn slots<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [Cow<'a, str>]> {
        self.slots.iter().filter(move |(n, _)| *n == name).map(|(_, values)| values.as_slice())
    }

    /// The values of a parameter that has one slot at most: two slots would mean AND, which it does not know, and must
    /// not be merged or cut (field case B-033).
    fn one_slot(&self, name: &'static str) -> Result<Vec<Literal>, QueryError> {
        let mut slots = self.slots(name);
        let Some(first) = slots.next() else { return Ok(Vec::new()) };
        if slots.next().is_some() {
            let rule = "must be given in one slot: alternatives are values of one list".to_owned();
            return Err(QueryError::ParameterNumber { parameter: name, rule });
        }
        literals(name, first)
    }

    /// Leniency: a single value in list form (`('x')`) means the same.
    fn single<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, QueryError> {
        let literals = self.one_slot(name)?;
        match literals.as_slice() {
            [] => Ok(None),
            [Literal::Number(number)] => {
                let rule = "must be a string in single quotes";
                Err(QueryError::InvalidParameter(Invalid::new(name, rule, number)))
            }
            [Literal::Text(text)] => parse(text).map(Some).map_err(|e| QueryError::InvalidParameter(placed(e, name))),
            several => {
                let rule = format!("must have one value, not {}", several.len());
                Err(QueryError::ParameterNumber { parameter: name, rule })
            }
        }
    }

    /// A parameter with several values, alternatives of each other.
    fn list<T>(&self, name: &'static str, parse: impl Fn(&str) -> Result<T, Invalid>) -> Result<Vec<T>, QueryError> {
        strings(name, self.one_slot(name)?, &parse)
    }

    /// A parameter whose slots may be repeated: every slot must be met.
    fn and_lists<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Vec<Vec<T>>, QueryError> {
        let mut and = Vec::new();
        for slot in self.slots(name) {
            let or = strings(name, literals(name, slot)?, &parse)?;
            if !or.is_empty() {
                and.push(or);
            }
        }
        Ok(and)
    }

    fn range(&self, from: &'static str, to: &'static str) -> Result<DtmRange, QueryError> {
        Ok(DtmRange { from: self.time(from)?, to: self.time(to)? })
    }

    /// A time, padded to 14 digits. It is a number in this coding; quoted ones are seen and mean the same.
    fn time(&self, name: &'static str) -> Result<Option<u64>, QueryError> {
        let literals = self.one_slot(name)?;
        match literals.as_slice() {
            [] => Ok(None),
            [literal] => match Dtm::parse(literal.as_str()) {
                Ok(time) => Ok(Some(time.start())),
                Err(invalid) => Err(QueryError::InvalidParameter(placed(invalid, name))),
            },
            several => {
                let rule = format!("must have one value, not {}", several.len());
                Err(QueryError::ParameterNumber { parameter: name, rule })
            }
        }
    }
}

/// All values of one slot: the lists of several rim:Value are one list. Leniency: empty values count as absent.
fn literals(name: &'static str, values: &[Cow<str>]) -> Result<Vec<Literal>, QueryError> {
    let mut all = Vec::new();
    for value in values {
        let value = trimmed(Cow::Borrowed(value));
        if !value.is_empty() {
            let literals = coding::parse(&value);
            all.extend(literals.map_err(|rule| QueryError::InvalidParameter(Invalid::new(name, rule, &value)))?);
        }
    }
    Ok(all)
}

fn strings<T>(
    name: &'static str,
    literals: Vec<Literal>,
    parse: &impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Vec<T>, QueryError> {
    let parsed = literals.iter().map(|literal| match literal {
        Literal::Text(text) => parse(text).map_err(|e| QueryError::InvalidParameter(placed(e, name))),
        Literal::Number(number) => {
            let rule = "must have its values in single quotes";
            Err(QueryError::InvalidParameter(Invalid::new(name, rule, number)))
        }
    });
    parsed.collect()
}
