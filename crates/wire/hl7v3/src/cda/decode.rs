//! Reading anybody's CDA for display and registration: what the header says, and the body. Tolerant: a header element we
//! cannot use is left out, because the report is worth more than its form. Source: spec/reports.md 11, 15; mcwg.md 3.6.

use super::DICOM_NAMESPACE;
use super::narrative::{self, Section};
use crate::datatypes::{
    InstanceId, child_time, read_code, read_name, read_organisation, read_person, read_sex, read_time, some,
};
use crate::{DecodeError, NAMESPACE};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::{Author, Code, Dtm, Oid, Order, PatientId, PersonName, Sex, StudyInstanceUid, UniqueId, Xcn, Xon, Xtn};
use xml::{Document, Element, Limits};

/// What a document says. Absent things were absent, or of no use as they stood.
#[derive(Clone, PartialEq, Eq)]
pub struct CdaDocument {
    pub template_ids: Vec<String>,
    pub unique_id: Option<UniqueId>,
    pub set_id: Option<UniqueId>,
    pub version: Option<u32>,
    pub related: Vec<RelatedDocument>,
    pub kind: Option<Code>,
    pub title: Option<String>,
    /// UTC.
    pub effective_time: Option<Dtm>,
    pub confidentiality: Option<Code>,
    pub language: Option<String>,
    /// Those with an OID as authority.
    pub patient_ids: Vec<PatientId>,
    pub patient_name: PersonName,
    pub birth_date: Option<Dtm>,
    pub sex: Option<Sex>,
    /// Persons and organisations that wrote it; devices are left out.
    pub authors: Vec<Author>,
    pub custodian: Option<Xon>,
    pub legal_authenticator: Option<Xcn>,
    pub studies: Vec<CdaStudy>,
    pub orders: Vec<Order>,
    pub content: Content,
}

/// A serviceEvent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdaStudy {
    pub study: Option<StudyInstanceUid>,
    pub procedure: Option<Code>,
    /// Translations of the procedure code: modality, region.
    pub translations: Vec<Code>,
    pub start: Option<Dtm>,
    pub stop: Option<Dtm>,
    pub performer: Option<Xon>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Replaces,
    Appends,
    Transforms,
}

/// An earlier or other document that this one is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedDocument {
    pub relation: Relation,
    pub unique_id: UniqueId,
}

/// The body.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// `media_type` in lower case without parameters, as claimed, or by the bytes where nothing useful was claimed.
    NonXml {
        media_type: String,
        bytes: Vec<u8>,
    },
    /// The body lies elsewhere; we do not fetch it.
    Reference {
        media_type: String,
        href: String,
    },
    Structured(Vec<Section>),
}

impl CdaDocument {
    /// The embedded PDF, whatever the document calls it.
    pub fn pdf(&self) -> Option<&[u8]> {
        match &self.content {
            Content::NonXml { bytes, .. } if bytes.starts_with(b"%PDF-") => Some(bytes),
            _ => None,
        }
    }

    /// The embedded plain text: UTF-8, or ISO 8859-1 where the bytes are no UTF-8, because the element has no way to
    /// name its character set.
    pub fn text(&self) -> Option<String> {
        match &self.content {
            Content::NonXml { media_type, bytes } if media_type == "text/plain" => {
                Some(match std::str::from_utf8(bytes) {
                    Ok(text) => text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned(),
                    Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
                })
            }
            _ => None,
        }
    }
}

impl std::fmt::Debug for CdaDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CdaDocument")
            .field("unique_id", &self.unique_id)
            .field("effective_time", &self.effective_time)
            .field("studies", &self.studies.len())
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::NonXml { media_type, bytes } => write!(f, "NonXml({media_type}, {} octets)", bytes.len()),
            Content::Reference { media_type, .. } => write!(f, "Reference({media_type})"),
            Content::Structured(sections) => write!(f, "Structured({} sections)", sections.len()),
        }
    }
}

/// Bounds of one document: a PDF of about 90 MB, and markup as spec/reports.md 15 bounds it.
const LIMITS: Limits = Limits { size_octets: 128 << 20, depth: 200, nodes: 200_000, attributes: 128, namespaces: 256 };

/// The XML of a CDA document.
pub(super) fn parse(bytes: &[u8]) -> Result<Document, DecodeError> {
    let document = Document::parse(bytes, LIMITS)?;
    let root = document.root();
    if !root.is(NAMESPACE, "ClinicalDocument") {
        let got = root.name().chars().take(40).collect();
        return Err(DecodeError::Root { expected: "a ClinicalDocument of urn:hl7-org:v3", got });
    }
    Ok(document)
}

/// Reads a CDA document in any encoding the XML reader knows, with or without a byte order mark.
///
/// Errors: no XML, a DTD, past a limit; another document than a CDA; a body that is neither base64 nor text.
pub fn decode(bytes: &[u8]) -> Result<CdaDocument, DecodeError> {
    let document = parse(bytes)?;
    let root = document.root();
    let patient_role = child(root, "recordTarget").and_then(|t| child(t, "patientRole"));
    let patient = patient_role.and_then(|role| child(role, "patient"));
    let legal = child(root, "legalAuthenticator").and_then(|l| child(l, "assignedEntity"));
    Ok(CdaDocument {
        template_ids: children(root, "templateId").filter_map(|t| some(t.attr("root")?.trim())).collect(),
        unique_id: child(root, "id").and_then(|id| InstanceId::read(id).unique_id()),
        set_id: child(root, "setId").and_then(|id| InstanceId::read(id).unique_id()),
        version: child(root, "versionNumber").and_then(|v| v.attr("value")?.trim().parse().ok()),
        related: children(root, "relatedDocument").filter_map(related).collect(),
        kind: child(root, "code").and_then(read_code),
        title: child(root, "title").and_then(|t| some(&t.trimmed())),
        effective_time: child_time(root, "effectiveTime"),
        confidentiality: child(root, "confidentialityCode").and_then(read_code).map(confidentiality),
        language: child(root, "languageCode").and_then(|l| some(l.attr("code")?.trim())),
        patient_ids: patient_role
            .map(|role| children(role, "id").filter_map(|id| InstanceId::read(id).patient_id()).collect())
            .unwrap_or_default(),
        patient_name: patient.map(read_name).unwrap_or_default(),
        birth_date: patient.and_then(|p| child(p, "birthTime")).and_then(birth_date),
        sex: patient.and_then(read_sex),
        authors: children(root, "author").filter_map(author).collect(),
        custodian: child(root, "custodian")
            .and_then(|c| child(c, "assignedCustodian"))
            .and_then(|c| child(c, "representedCustodianOrganization"))
            .and_then(read_organisation),
        legal_authenticator: legal.and_then(|l| read_person(l, child(l, "assignedPerson")?)),
        studies: children(root, "documentationOf").filter_map(|d| child(d, "serviceEvent")).filter_map(study).collect(),
        orders: children(root, "inFulfillmentOf").filter_map(|i| child(i, "order")).flat_map(orders).collect(),
        content: content(root)?,
    })
}

fn child<'a>(element: Element<'a>, name: &str) -> Option<Element<'a>> {
    element.child(NAMESPACE, name)
}

fn children<'a, 'n>(element: Element<'a>, name: &'n str) -> impl Iterator<Item = Element<'a>> + use<'a, 'n> {
    element.children_named(NAMESPACE, name)
}

fn confidentiality(code: Code) -> Code {
    // The element has only ever one scheme; writers leave it out.
    if code.scheme.is_empty() { Code { scheme: model::schemes::CONFIDENTIALITY.into(), ..code } } else { code }
}

/// To the day, and never moved by an offset: a birth date is a local date.
fn birth_date(element: Element<'_>) -> Option<Dtm> {
    let digits: String = element.attr("value")?.trim().chars().take(8).take_while(char::is_ascii_digit).collect();
    Dtm::parse(&digits).ok()
}

fn related(element: Element<'_>) -> Option<RelatedDocument> {
    let relation = match element.attr("typeCode")?.trim() {
        "RPLC" => Relation::Replaces,
        "APND" => Relation::Appends,
        "XFRM" => Relation::Transforms,
        _ => return None,
    };
    let unique_id = InstanceId::read(child(child(element, "parentDocument")?, "id")?).unique_id()?;
    Some(RelatedDocument { relation, unique_id })
}

fn author(element: Element<'_>) -> Option<Author> {
    let assigned = child(element, "assignedAuthor")?;
    if child(assigned, "assignedAuthoringDevice").is_some() {
        return None;
    }
    let author = Author {
        person: child(assigned, "assignedPerson").and_then(|person| read_person(assigned, person)),
        institutions: children(assigned, "representedOrganization").filter_map(read_organisation).collect(),
        roles: child(element, "functionCode").and_then(read_code).map(|c| c.label().to_owned()).into_iter().collect(),
        specialties: child(assigned, "code").and_then(read_code).map(|c| c.label().to_owned()).into_iter().collect(),
        telecommunications: children(assigned, "telecom").filter_map(|t| telecommunication(t.attr("value")?)).collect(),
    };
    (author.person.is_some() || !author.institutions.is_empty()).then_some(author)
}

/// TEL as XTN: an e-mail address or a telephone number.
fn telecommunication(value: &str) -> Option<Xtn> {
    let value = value.trim();
    let text = match (value.strip_prefix("mailto:"), value.strip_prefix("tel:")) {
        (Some(mail), _) => format!("^^Internet^{}", model::escape(mail)),
        (_, Some(number)) if !number.is_empty() => format!("^PRN^PH^^^^^^^^^{}", model::escape(number)),
        _ => return None,
    };
    Xtn::parse(&text).ok()
}

fn study(event: Element<'_>) -> Option<CdaStudy> {
    let code = child(event, "code");
    let time = child(event, "effectiveTime");
    let organisation = children(event, "performer")
        .filter_map(|p| child(p, "assignedEntity"))
        .filter_map(|e| child(e, "representedOrganization"))
        .find_map(read_organisation);
    let at = |bound| time.and_then(|t| child_time(t, bound));
    let study = CdaStudy {
        study: children(event, "id").find_map(study_uid),
        procedure: code.and_then(read_code),
        translations: code.map(|c| children(c, "translation").filter_map(read_code).collect()).unwrap_or_default(),
        start: at("low").or_else(|| time.and_then(|t| t.attr("value")).and_then(read_time)),
        stop: at("high"),
        performer: organisation,
    };
    let says_something = study.study.is_some() || study.procedure.is_some() || study.start.is_some();
    says_something.then_some(study)
}

/// Leniency: French documents add the literal extension `studyInstanceUID` (field sample of DRIMbox); any other extension
/// means that the root is an authority and no study.
fn study_uid(id: Element<'_>) -> Option<StudyInstanceUid> {
    let id = InstanceId::read(id);
    if id.extension.is_some_and(|e| !e.eq_ignore_ascii_case("studyInstanceUID")) {
        return None;
    }
    StudyInstanceUid::parse(id.root.as_deref()?).ok()
}

/// One order per placer or accession number, whichever are more.
fn orders(order: Element<'_>) -> Vec<Order> {
    let oid = |id: &InstanceId| id.root.as_deref().and_then(|root| Oid::parse(root).ok());
    let numbers = |found: Vec<InstanceId>| found.into_iter().filter(|id| id.extension.is_some()).collect::<Vec<_>>();
    let placed = numbers(children(order, "id").map(InstanceId::read).collect());
    let accessions = numbers(order.children_named(DICOM_NAMESPACE, "accessionNumber").map(InstanceId::read).collect());
    (0..placed.len().max(accessions.len()))
        .map(|i| {
            let (placer, accession) = (placed.get(i), accessions.get(i));
            let number = |id: Option<&InstanceId>| id.and_then(|id| id.extension.clone()).unwrap_or_default();
            Order {
                accession_number: number(accession),
                accession_issuer: accession.and_then(oid),
                placer_order_number: number(placer),
                placer_issuer: placer.and_then(oid),
            }
        })
        .collect()
}

fn content(root: Element<'_>) -> Result<Content, DecodeError> {
    let body = children(root, "component").next().ok_or_else(|| missing(root, "a body"))?;
    if let Some(structured) = child(body, "structuredBody") {
        return Ok(Content::Structured(narrative::read(structured)));
    }
    let text = child(body, "nonXMLBody").and_then(|b| child(b, "text")).ok_or_else(|| missing(body, "a body"))?;
    let claimed = text.attr("mediaType").unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if text.is_blank() || text.own_text().trim().is_empty() {
        let href = child(text, "reference").and_then(|r| some(r.attr("value")?.trim()));
        return match href {
            Some(href) => Ok(Content::Reference { media_type: claimed, href }),
            None => Err(missing(text, "the content of the body")),
        };
    }
    if text.attr("compression").is_some_and(|c| !c.trim().is_empty()) {
        let expected = "a body without compression";
        return Err(DecodeError::Wrong { path: text.path(), expected, got: "a compressed one" });
    }
    let own = text.own_text();
    let bytes = match text.attr("representation").map(str::trim) {
        Some("B64") => base64(&own, text)?,
        // Leniency: writers forget the attribute. A binary type can only be base64; text may be either.
        _ if claimed.starts_with("text/") || claimed.is_empty() => {
            base64(&own, text).ok().filter(|b| b.starts_with(b"%PDF-")).unwrap_or_else(|| own.as_bytes().to_vec())
        }
        _ => base64(&own, text)?,
    };
    let media_type = match claimed.as_str() {
        "" | "application/octet-stream" if bytes.starts_with(b"%PDF-") => "application/pdf".to_owned(),
        "" => "text/plain".to_owned(),
        _ => claimed,
    };
    Ok(Content::NonXml { media_type, bytes })
}

fn missing(element: Element<'_>, what: &'static str) -> DecodeError {
    DecodeError::Missing { path: element.path(), what }
}

/// Base64 as it is found: with line breaks and spaces, with or without padding.
fn base64(text: &str, element: Element<'_>) -> Result<Vec<u8>, DecodeError> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let packed: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    ENGINE.decode(packed).map_err(|_| DecodeError::Wrong {
        path: element.path(),
        expected: "base64",
        got: "characters that are none, or a length that is none",
    })
}
