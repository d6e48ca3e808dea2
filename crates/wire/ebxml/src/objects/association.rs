//! Association as rim:Association. Source: spec/xds.md 10.4, 12.

use model::{Association, AssociationType, ExtraSlot, ObjectId, SubmissionSetStatus};

use super::raw::RawObject;
use super::reader::Reader;
use super::writer::ObjectWriter;
use crate::findings::{Findings, Reading, placed};
use crate::names::{DOCUMENTATION, object_type, same_urn};

/// `None` when something is missing that an association cannot be without; the findings say what.
pub(crate) fn read_association(object: RawObject, findings: &mut Findings) -> Option<Association> {
    let mut r = Reader::new(object, findings);
    let id = r.id();
    let kind = kind(&mut r);
    let source = end(&mut r, "sourceObject");
    let target = end(&mut r, "targetObject");
    let submission_set_status = match r.value("SubmissionSetStatus") {
        None => None,
        Some(text) => match &*text {
            "Original" => Some(SubmissionSetStatus::Original),
            "Reference" => Some(SubmissionSetStatus::Reference),
            other => {
                r.refuse("SubmissionSetStatus", "must be Original or Reference", other);
                None
            }
        },
    };
    let mut annotations = Vec::new();
    for name in Association::ANNOTATIONS {
        let values: Vec<String> = r.values(name).into_iter().map(|value| value.into_owned()).collect();
        match (r.reading(), values.first()) {
            (_, None) => {}
            (Reading::Submission, Some(value)) => {
                let rule = "must be absent: metadata update is another transaction (ITI-57)";
                r.refuse(name, rule, value);
            }
            (Reading::Update | Reading::Answer, Some(_)) => {
                annotations.push(ExtraSlot { name: name.to_owned(), values });
            }
        }
    }
    let documentation = r.optional_code(DOCUMENTATION, "documentation");
    let home_community_id = r.home();
    // The model keeps no logical id of an association; this only refuses an update.
    r.logical_id();
    let availability_status = match (r.reading(), r.attribute("status")) {
        // Leniency: registries without metadata update answer associations without a status; they are all Approved.
        (Reading::Answer, None) => model::AvailabilityStatus::Approved,
        _ => r.availability_status(),
    };
    for (field, text) in [("name", r.object.name.clone()), ("description", r.object.description.clone())] {
        if let Some(text) = text.value() {
            r.not_kept(field, "has no place in an association and is not kept", text);
        }
    }
    let mut extra = annotations;
    extra.extend(r.extra());
    Some(Association {
        id: id?,
        kind: kind?,
        source: source?,
        target: target?,
        availability_status,
        home_community_id,
        submission_set_status,
        documentation,
        extra,
    })
}

fn kind(r: &mut Reader) -> Option<AssociationType> {
    let written = r.attribute("associationType").unwrap_or_default();
    match association_type(written) {
        Some(AssociationType::UpdateAvailabilityStatus | AssociationType::SubmitAssociation)
            if r.reading() == Reading::Submission =>
        {
            r.refuse(
                "associationType",
                "must be none of metadata update, which is another transaction (ITI-57)",
                written,
            );
            None
        }
        Some(kind) => Some(kind),
        None => {
            r.refuse("associationType", "must be the URN of a known association type", written);
            None
        }
    }
}

fn end(r: &mut Reader, name: &str) -> Option<ObjectId> {
    match r.attribute(name) {
        None => {
            r.refuse(name, "is required", "");
            None
        }
        Some(text) => match ObjectId::parse(text) {
            Ok(id) => Some(id),
            Err(invalid) => {
                let label = r.object.label();
                r.findings.refuse(placed(invalid, &format!("Association.{name}")).on(label));
                None
            }
        },
    }
}

/// The type that a URN names.
pub(crate) fn association_type(written: &str) -> Option<AssociationType> {
    AssociationType::ALL.into_iter().find(|kind| same_urn(written, association_urn(*kind)))
}

pub(crate) fn association_urn(kind: AssociationType) -> &'static str {
    match kind {
        AssociationType::HasMember => "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember",
        AssociationType::Rplc => "urn:ihe:iti:2007:AssociationType:RPLC",
        AssociationType::Apnd => "urn:ihe:iti:2007:AssociationType:APND",
        AssociationType::Xfrm => "urn:ihe:iti:2007:AssociationType:XFRM",
        AssociationType::XfrmRplc => "urn:ihe:iti:2007:AssociationType:XFRM_RPLC",
        AssociationType::Signs => "urn:ihe:iti:2007:AssociationType:signs",
        AssociationType::IsSnapshotOf => "urn:ihe:iti:2010:AssociationType:IsSnapshotOf",
        AssociationType::UpdateAvailabilityStatus => "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus",
        AssociationType::SubmitAssociation => "urn:ihe:iti:2010:AssociationType:SubmitAssociation",
    }
}

pub(crate) fn write_association(w: &mut ObjectWriter, association: &Association) {
    let id = &association.id;
    w.start(
        "rim:Association",
        id,
        None,
        association.home_community_id.as_ref(),
        object_type::ASSOCIATION,
        association.availability_status,
    );
    w.xml.attr("associationType", association_urn(association.kind));
    w.xml.attr("sourceObject", association.source.as_str()).attr("targetObject", association.target.as_str());
    if let Some(status) = association.submission_set_status {
        let status = match status {
            SubmissionSetStatus::Original => "Original",
            SubmissionSetStatus::Reference => "Reference",
        };
        w.slot("SubmissionSetStatus", status);
    }
    w.extra(&association.extra);
    if let Some(code) = &association.documentation {
        w.code(id, DOCUMENTATION, code);
    }
    w.xml.end();
}
