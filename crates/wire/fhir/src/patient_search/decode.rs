//! Reading the search string of ITI-78, parameter by parameter.

use super::{PatientSearch, PatientSearchOptions};
use crate::identifier::{domain, patient_id};
use crate::patient;
use crate::search::{
    Handling, Ignored, Parameters, SearchError, birth_date, split_alternatives, split_token, unescape,
};
use model::{AllOf, Page, PatientIdTerm, TelecomSystem, TelecomTerm, TextMode, TextTerm};

const UNKNOWN: &str = "is not a parameter of this search";
const NOT_OFFERED: &str = "is not offered here";

/// Reads a query string, or a form body joined to one by `&`.
///
/// Errors: a value that breaks its parameter's rule, a modifier that is not offered; with `handling` strict also a
/// parameter that is not answered. Values that could be a patient's are never in the message.
pub fn decode(query: &str, options: &PatientSearchOptions) -> Result<PatientSearch, SearchError> {
    let mut search = PatientSearch::default();
    let mut count = options.default_count;
    let parameters = Parameters::decode(query)?;
    for (name, value) in parameters.iter().filter(|(_, value)| !value.trim().is_empty()) {
        let mut understood = value.to_owned();
        let read = match name {
            "_count" => {
                let rule = "must be a whole number, 0 or more";
                count = value.parse().map_err(|_| SearchError::value(name, rule, value))?;
                count = count.min(options.max_count);
                understood = count.to_string();
                Ok(())
            }
            "_summary" if value == "count" => {
                count = 0;
                Ok(())
            }
            "_summary" if value == "false" => Ok(()),
            "_total" if matches!(value, "none" | "estimate" | "accurate") => Ok(()),
            "_total" => return Err(SearchError::value(name, "must be none, estimate or accurate", value)),
            "_pretty" => Ok(()),
            "_format" => {
                search.format = Some(value.replace("fhir json", "fhir+json").replace("fhir xml", "fhir+xml"));
                Ok(())
            }
            "_page" => {
                search.page_token = Some(value.to_owned());
                Ok(())
            }
            "_content" => {
                search.query.begins.push(value.to_owned());
                Ok(())
            }
            _ => criterion(&mut search, name, value)?,
        };
        match read {
            Ok(()) => search.understood.push((name.to_owned(), understood)),
            Err(reason) if options.handling == Handling::Strict => {
                return Err(SearchError::not_supported(name, reason, ""));
            }
            Err(reason) => {
                search.ignored.push(Ignored { parameter: name.chars().take(80).collect(), reason });
            }
        }
    }
    search.query.page = Some(Page { size: count, after: None });
    Ok(search)
}

/// Shape: inner error, the parameter was left out and why.
fn criterion(search: &mut PatientSearch, name: &str, value: &str) -> Result<Result<(), &'static str>, SearchError> {
    let (base, modifier) = name.split_once(':').map_or((name, None), |(base, modifier)| (base, Some(modifier)));
    let alternatives = split_alternatives(name, value)?;
    // A parameter without a value is left out, as forms send it; commas alone are a mistake that would find everybody.
    if alternatives.is_empty() {
        return match value.trim() {
            "" => Ok(Ok(())),
            _ => Err(SearchError::value(name, "must have a value between its commas", "")),
        };
    }
    let query = &mut search.query;
    let texts: Option<&mut AllOf<TextTerm>> = match base {
        "family" => Some(&mut query.family),
        "given" => Some(&mut query.given),
        "name" => Some(&mut query.name),
        "mothersMaidenName" | "mothers-maiden-name" => Some(&mut query.mothers_maiden_name),
        "address" => Some(&mut query.address),
        "address-city" => Some(&mut query.city),
        "address-state" => Some(&mut query.state),
        "address-postalcode" => Some(&mut query.postal_code),
        "address-country" => Some(&mut query.country),
        _ => None,
    };
    if let Some(texts) = texts {
        let mode = match modifier {
            None => TextMode::Start,
            Some("exact") => TextMode::Exact,
            Some("contains") => TextMode::Contains,
            Some(_) => return Err(modifier_not_offered(name)),
        };
        texts.push(alternatives.into_iter().map(|text| TextTerm::new(mode, &unescape(text))).collect());
        return Ok(Ok(()));
    }
    let known = matches!(base, "_id" | "active" | "identifier" | "telecom" | "birthdate" | "gender");
    if known && modifier.is_some() {
        return Err(modifier_not_offered(name));
    }
    match base {
        "_id" => {
            let own = alternatives.into_iter().filter_map(|id| patient::id_of_resource_id(&unescape(id)));
            let own: Vec<PatientIdTerm> = own.map(PatientIdTerm::Own).collect();
            search.nobody |= own.is_empty();
            query.ids.push(own);
        }
        // Who was merged away or removed is not answered, so that everybody is active.
        "active" => {
            let mut codes = Vec::new();
            for text in alternatives {
                match split_token(name, text)?.1.as_deref() {
                    Some("true") => codes.push(true),
                    Some("false") => codes.push(false),
                    _ => return Err(SearchError::value(name, "must be true or false", value)),
                }
            }
            search.nobody |= !codes.contains(&true);
        }
        "identifier" => identifiers(search, name, &alternatives)?,
        "telecom" => {
            let terms = alternatives.into_iter().map(|text| {
                let (system, value) = split_token(name, text)?;
                let system = match system.as_deref() {
                    None => None,
                    Some("phone") => Some(TelecomSystem::Phone),
                    Some("fax") => Some(TelecomSystem::Fax),
                    Some("email") => Some(TelecomSystem::Email),
                    Some("url") => Some(TelecomSystem::Url),
                    Some(_) => {
                        return Err(SearchError::value(name, "must have phone, fax, email or url as system", ""));
                    }
                };
                Ok(TelecomTerm { system, value })
            });
            query.telecom.push(terms.collect::<Result<_, _>>()?);
        }
        "birthdate" => {
            let terms = alternatives.into_iter().map(|text| birth_date(name, text));
            query.birth_date.push(terms.collect::<Result<_, _>>()?);
        }
        "gender" => {
            let terms = alternatives.into_iter().map(|text| {
                let (_, code) = split_token(name, text)?;
                let sex = code.as_deref().and_then(patient::sex);
                sex.ok_or_else(|| SearchError::value(name, "must be male, female, other or unknown", ""))
            });
            query.sex.push(terms.collect::<Result<_, _>>()?);
        }
        "_sort"
        | "_include"
        | "_revinclude"
        | "_elements"
        | "_summary"
        | "_lastUpdated"
        | "_profile"
        | "_tag"
        | "_security"
        | "_source"
        | "deceased"
        | "link"
        | "organization"
        | "general-practitioner"
        | "language"
        | "phone"
        | "email"
        | "phonetic"
        | "death-date"
        | "address-use" => return Ok(Err(NOT_OFFERED)),
        _ => return Ok(Err(UNKNOWN)),
    }
    Ok(Ok(()))
}

fn modifier_not_offered(name: &str) -> SearchError {
    SearchError::not_supported(name, "has a modifier that is not offered here", "")
}

/// A list of systems alone chooses the domains that are answered; with values it says whom to find.
fn identifiers(search: &mut PatientSearch, name: &str, alternatives: &[&str]) -> Result<(), SearchError> {
    let mut terms = Vec::new();
    let mut domains = Vec::new();
    for text in alternatives {
        match split_token(name, text)? {
            (None, Some(value)) => terms.push(PatientIdTerm::AnyDomain(value.trim().to_owned())),
            // No identifier here is without a domain.
            (Some(system), _) if system.is_empty() => {}
            (Some(system), Some(value)) => terms.extend(patient_id(&system, &value).map(PatientIdTerm::Exact)),
            (Some(system), None) => match domain(&system) {
                Some(domain) => {
                    terms.push(PatientIdTerm::Domain(domain.clone()));
                    domains.push(domain);
                }
                None => search.unknown_domain = true,
            },
            (None, None) => {}
        }
    }
    if !domains.is_empty() && domains.len() == terms.len() {
        search.domains = Some(match search.domains.take() {
            Some(before) => before.into_iter().filter(|domain| domains.contains(domain)).collect(),
            None => domains,
        });
    }
    search.nobody |= terms.is_empty();
    search.query.ids.push(terms);
    Ok(())
}
