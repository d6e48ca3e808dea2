//! Association as a stored record. Version 1: the fields of ITI TF-3 4.2.2 in a fixed order.

use super::bytes::{Memo, Reader, Writer, version_of};
use crate::StoreError;
use model::{Association, AssociationType, SubmissionSetStatus};

const V1: u8 = 1;

fn kind_number(kind: AssociationType) -> u8 {
    match kind {
        AssociationType::HasMember => 0,
        AssociationType::Rplc => 1,
        AssociationType::Apnd => 2,
        AssociationType::Xfrm => 3,
        AssociationType::XfrmRplc => 4,
        AssociationType::Signs => 5,
        AssociationType::IsSnapshotOf => 6,
        AssociationType::UpdateAvailabilityStatus => 7,
        AssociationType::SubmitAssociation => 8,
    }
}

pub(crate) fn encode_association(association: &Association) -> Vec<u8> {
    let mut w = Writer::new(V1);
    w.object_id(&association.id);
    w.byte(kind_number(association.kind));
    w.object_id(&association.source);
    w.object_id(&association.target);
    w.status(association.availability_status);
    w.option(association.home_community_id.as_ref(), |w, home| w.text(&home.to_string()));
    w.byte(match association.submission_set_status {
        None => 0,
        Some(SubmissionSetStatus::Original) => 1,
        Some(SubmissionSetStatus::Reference) => 2,
    });
    w.option(association.documentation.as_ref(), Writer::code);
    w.extra(&association.extra);
    w.finish()
}

/// Errors: `Newer`, `Corrupt`.
pub(crate) fn decode_association(record: &[u8]) -> Result<Association, StoreError> {
    let (_, rest) = version_of(record, V1, "association")?;
    let mut memo = Memo::default();
    let mut r = Reader::new(rest, "association", &mut memo)?;
    let id = r.object_id()?;
    let number = r.byte()?;
    let kind = AssociationType::ALL.into_iter().find(|kind| kind_number(*kind) == number);
    let association = Association {
        id,
        kind: kind.ok_or_else(|| r.wrong("an association type this version does not know"))?,
        source: r.object_id()?,
        target: r.object_id()?,
        availability_status: r.status()?,
        home_community_id: r.option(Reader::home)?,
        submission_set_status: match r.byte()? {
            0 => None,
            1 => Some(SubmissionSetStatus::Original),
            2 => Some(SubmissionSetStatus::Reference),
            _ => return Err(r.wrong("a submission set status that is none of 0, 1, 2")),
        },
        documentation: r.option(Reader::code)?,
        extra: r.extra()?,
    };
    r.end()?;
    Ok(association)
}
