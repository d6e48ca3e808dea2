//! Token values: `system|code`, `|code`, `code`, `system|`, and what they mean for codes, identifiers and references.
//! Source: spec/fhir.md sections 2, 9.4, 9.5; http://hl7.org/fhir/R4/search.html#token; field case B-053.

use super::SearchError;
use super::parameters::{split_unescaped, unescape};
use crate::identifier::{DICOM_UID, fold_uid, to_unique_id};
use crate::systems::{RFC_3986, scheme_of, strip_prefix_ignore_case};
use model::{
    CodeTerm, HomeCommunityId, ObjectId, Oid, ReferenceId, ReferenceTerm, StudyInstanceUid, UniqueId, reference_types,
};

/// One token. `system` absent: any; empty: none. `value` absent: any.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub system: Option<String>,
    pub value: Option<String>,
}

const MAX_ALTERNATIVES: usize = 500;

/// The alternatives of one parameter, split at commas. Empty ones are skipped, as FHIR ignores empty parameters.
pub(crate) fn alternatives<'v>(name: &str, value: &'v str) -> Result<Vec<&'v str>, SearchError> {
    let parts = split_unescaped(value, ',');
    if parts.len() > MAX_ALTERNATIVES {
        return Err(SearchError::value(name, "must have at most 500 alternatives", ""));
    }
    Ok(parts.into_iter().map(str::trim).filter(|p| !p.is_empty()).collect())
}

pub(super) fn tokens(name: &str, value: &str) -> Result<Vec<Token>, SearchError> {
    alternatives(name, value)?.into_iter().map(|text| token(name, text)).collect()
}

/// System and value of one token, as [`Token`] has them.
pub(crate) fn split_token(name: &str, text: &str) -> Result<(Option<String>, Option<String>), SearchError> {
    token(name, text).map(|token| (token.system, token.value))
}

fn token(name: &str, text: &str) -> Result<Token, SearchError> {
    let parts = split_unescaped(text, '|');
    let part = |t: &str| Some(unescape(t)).filter(|t| !t.is_empty());
    match parts.as_slice() {
        [value] => Ok(Token { system: None, value: part(value) }),
        ["", ""] => Err(SearchError::value(name, "must have a system or a value beside the bar", "")),
        [system, value] => Ok(Token { system: Some(unescape(system)), value: part(value) }),
        _ => Err(SearchError::value(name, "must have at most one bar that is not escaped", "")),
    }
}

impl Token {
    /// `|code` becomes an empty scheme, which no registered code has.
    pub fn code_term(self) -> CodeTerm {
        CodeTerm { code: self.value, scheme: self.system.map(|s| scheme_of(&s).to_owned()) }
    }

    fn is_system(&self, system: &str) -> bool {
        self.system.as_deref() == Some(system)
    }
}

/// Where an identifier of a DocumentReference is looked for.
#[derive(Default)]
pub(super) struct IdentifierTerms {
    pub entry_ids: Vec<ObjectId>,
    pub unique_ids: Vec<UniqueId>,
}

/// A UUID may be an entryUUID and a uniqueId; everything else is a uniqueId. `|value` matches nothing: every
/// identifier we write has a system.
pub(super) fn identifiers(name: &str, tokens: Vec<Token>) -> Result<IdentifierTerms, SearchError> {
    let mut out = IdentifierTerms::default();
    for token in tokens {
        let Some(value) = token.value.as_deref() else {
            return Err(SearchError::not_supported(name, "must have a value after the system", ""));
        };
        if token.is_system("") {
            continue;
        }
        let is_uri = token.system.is_none() || token.is_system(RFC_3986);
        if is_uri && let Some(id) = ObjectId::parse(value).ok().filter(ObjectId::is_uuid) {
            out.entry_ids.push(id);
        }
        if let Some(id) = to_unique_id(token.system.as_deref(), Some(value)) {
            out.unique_ids.push(id);
        }
    }
    Ok(out)
}

/// `targetCommunityIdList`.
pub(super) fn communities(name: &str, value: &str) -> Result<Vec<HomeCommunityId>, SearchError> {
    let one = |text: &str| {
        HomeCommunityId::parse(text).map_err(|_| SearchError::value(name, "must be urn:oid: and an OID", text))
    };
    alternatives(name, value)?.into_iter().map(one).collect()
}

/// `study-instance-uid`, in any of its spellings.
pub(super) fn study(name: &str, token: &Token) -> Result<Option<ReferenceTerm>, SearchError> {
    let known = [None, Some(DICOM_UID), Some(RFC_3986)].contains(&token.system.as_deref());
    if !known {
        // Another system, or none at all: no study UID is written so.
        return Ok(None);
    }
    let value = token.value.as_deref().unwrap_or("");
    let uid = StudyInstanceUid::parse(fold_uid(value))
        .map_err(|_| SearchError::value(name, "must be a DICOM UID, with or without urn:oid: in front", value))?;
    Ok(Some(ReferenceTerm::Exact(ReferenceId::study(&uid))))
}

/// An identifier of `context.related`, of one type or of any.
pub(super) fn reference(name: &str, token: &Token, kind: Option<&str>) -> Result<Option<ReferenceTerm>, SearchError> {
    let kind_text = kind.map(str::to_owned);
    let id = token.value.clone();
    let system = match token.system.as_deref() {
        None => {
            let id = id.map(|id| fold_uid(&id).to_owned());
            return Ok(Some(ReferenceTerm::Parts { id, authority: None, kind: kind_text }));
        }
        Some(system) => system,
    };
    if system.is_empty() {
        return Ok(Some(ReferenceTerm::Parts { id, authority: Some(String::new()), kind: kind_text }));
    }
    if system == DICOM_UID {
        if kind.is_some_and(|kind| kind != reference_types::STUDY_INSTANCE_UID) {
            return Ok(None);
        }
        let kind = Some(reference_types::STUDY_INSTANCE_UID.to_owned());
        return match &token.value {
            Some(_) => study(name, token),
            None => Ok(Some(ReferenceTerm::Parts { id: None, authority: None, kind })),
        };
    }
    if system == RFC_3986 {
        let id = id.map(|id| fold_uid(&id).to_owned());
        return Ok(Some(ReferenceTerm::Parts { id, authority: None, kind: kind_text }));
    }
    let oid = Oid::parse(strip_prefix_ignore_case(system, "urn:oid:").unwrap_or(system)).ok();
    Ok(match (oid, id, kind) {
        // The authority of a reference id is an OID: another system cannot occur.
        (None, ..) => None,
        (Some(oid), Some(id), Some(kind)) => Some(ReferenceTerm::Exact(ReferenceId {
            id,
            authority: Some(model::Hd::of(oid)),
            kind: kind.to_owned(),
            home: None,
        })),
        (Some(oid), id, _) => {
            Some(ReferenceTerm::Parts { id, authority: Some(oid.as_str().to_owned()), kind: kind_text })
        }
    })
}

/// What both lists allow: an entry has one such code, and it must be in each of them.
/// Errors: more than 10000 pairs, which two short parameters can make.
pub(super) fn intersect(name: &str, left: &[CodeTerm], right: &[CodeTerm]) -> Result<Vec<CodeTerm>, SearchError> {
    if left.len() * right.len() > 10_000 {
        return Err(SearchError::not_supported(name, "has too many alternatives in each repetition", ""));
    }
    let both = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) if a != b => Err(()),
        (Some(a), _) => Ok(Some(a.clone())),
        (None, b) => Ok(b.clone()),
    };
    let mut out: Vec<CodeTerm> = Vec::new();
    for l in left {
        for r in right {
            if let (Ok(code), Ok(scheme)) = (both(&l.code, &r.code), both(&l.scheme, &r.scheme)) {
                let term = CodeTerm { code, scheme };
                if !out.contains(&term) {
                    out.push(term);
                }
            }
        }
    }
    Ok(out)
}
