//! CXi: an entry of referenceIdList, which links reports, manifests and orders. Source: ITI TF-3 Table 4.2.3.1.7-2,
//! MCWG linkage rules (spec/mcwg.md 3.2, 3.4).

use crate::{Hd, Invalid, StudyInstanceUid, escape, split_escaped, unescape};
use std::fmt;

/// `ID^^^AA^type[^home]`. An unknown type is kept and matched as text. Debug hides the number, unless it is a study UID.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ReferenceId {
    pub id: String,
    pub authority: Option<Hd>,
    pub kind: String,
    /// CX.6 as it came; still under discussion at IHE.
    pub home: Option<String>,
}

/// The type codes (CX.5) this system writes or understands.
pub mod reference_types {
    pub const STUDY_INSTANCE_UID: &str = "urn:ihe:iti:xds:2016:studyInstanceUID";
    pub const ACCESSION: &str = "urn:ihe:iti:xds:2013:accession";
    pub const ORDER: &str = "urn:ihe:iti:xds:2013:order";
    pub const UNIQUE_ID: &str = "urn:ihe:iti:xds:2013:uniqueId";
    pub const REFERRAL: &str = "urn:ihe:iti:xds:2013:referral";
    pub const ENCOUNTER: &str = "urn:ihe:iti:xds:2015:encounterId";
    pub const WORKFLOW: &str = "urn:ihe:iti:xdw:2013:workflowInstanceId";
}

impl ReferenceId {
    pub fn study(uid: &StudyInstanceUid) -> Self {
        ReferenceId {
            id: uid.as_str().to_owned(),
            authority: None,
            kind: reference_types::STUDY_INSTANCE_UID.to_owned(),
            home: None,
        }
    }

    pub fn accession(id: impl Into<String>, issuer: Option<crate::Oid>) -> Self {
        let kind = reference_types::ACCESSION.to_owned();
        ReferenceId { id: id.into(), authority: issuer.map(Hd::of), kind, home: None }
    }

    pub fn order(id: impl Into<String>, issuer: Option<crate::Oid>) -> Self {
        let kind = reference_types::ORDER.to_owned();
        ReferenceId { id: id.into(), authority: issuer.map(Hd::of), kind, home: None }
    }

    /// Errors: empty id or type, a second or third component, an authority that is no HD.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |rule: &str| Invalid::new("referenceIdList", rule.to_owned(), text);
        let parts = split_escaped(text, '^');
        if parts[0].is_empty() {
            return Err(wrong("must start with an identifier, in the form ID^^^&OID&ISO^type"));
        }
        if parts.iter().skip(1).take(2).any(|p| !p.is_empty()) {
            return Err(wrong("must leave components 2 and 3 empty, in the form ID^^^&OID&ISO^type"));
        }
        let authority = match parts.get(3).filter(|p| !p.is_empty()) {
            Some(hd) => Some(Hd::parse(hd).map_err(|e| wrong(&e.rule))?),
            None => None,
        };
        // `&&` names nobody.
        let authority = authority.filter(|hd| hd.namespace.is_some() || hd.oid.is_some());
        let kind = parts.get(4).filter(|p| !p.is_empty()).ok_or_else(|| wrong("must have a type in component 5"))?;
        Ok(ReferenceId {
            id: unescape(parts[0]),
            authority,
            kind: unescape(kind),
            home: parts.get(5).filter(|p| !p.is_empty()).map(|p| (*p).to_owned()),
        })
    }

    /// The text under which this reference is stored and found: study UIDs are compared without their authority,
    /// because peers write it or not; everything else by id, authority OID and type. (spec/mcwg.md 3.2)
    pub fn match_key(&self) -> String {
        let oid = match &self.authority {
            Some(hd) if self.kind != reference_types::STUDY_INSTANCE_UID => {
                let namespace = || hd.namespace.as_deref().map(escape);
                hd.oid.as_ref().map(|o| o.as_str().to_owned()).or_else(namespace).unwrap_or_default()
            }
            _ => String::new(),
        };
        format!("{}^{}^{}", escape(&self.id), oid, escape(&self.kind))
    }
}

impl fmt::Debug for ReferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = if self.kind == reference_types::STUDY_INSTANCE_UID { &self.id } else { "***" };
        write!(f, "ReferenceId({id} {:?} {})", self.authority, self.kind)
    }
}

impl fmt::Display for ReferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}^^^", escape(&self.id))?;
        if let Some(authority) = &self.authority {
            authority.fmt(f)?;
        }
        write!(f, "^{}", escape(&self.kind))?;
        match &self.home {
            Some(home) => write!(f, "^{home}"),
            None => Ok(()),
        }
    }
}
