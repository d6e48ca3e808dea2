//! SubmissionSet as a stored record. Version 1: the fields of ITI TF-3 Table 4.2.3.3 in a fixed order.

use super::bytes::{Memo, Reader, Writer, version_of};
use crate::StoreError;
use model::SubmissionSet;

const V1: u8 = 1;

pub(crate) fn encode_submission_set(set: &SubmissionSet) -> Vec<u8> {
    let mut w = Writer::new(V1);
    w.object_id(&set.id);
    w.status(set.availability_status);
    w.option(set.home_community_id.as_ref(), |w, home| w.text(&home.to_string()));
    w.localized(&set.title);
    w.localized(&set.comments);
    w.authors(&set.authors);
    w.code(&set.content_type_code);
    w.patient_id(&set.patient_id);
    w.word(set.source_id.as_str());
    w.text(set.unique_id.as_str());
    w.text(set.submission_time.as_str());
    w.strings(&set.intended_recipients);
    w.extra(&set.extra);
    w.finish()
}

/// Errors: `Newer`, `Corrupt`.
pub(crate) fn decode_submission_set(record: &[u8]) -> Result<SubmissionSet, StoreError> {
    let (_, rest) = version_of(record, V1, "submission set")?;
    let mut memo = Memo::default();
    let mut r = Reader::new(rest, "submission set", &mut memo)?;
    let set = SubmissionSet {
        id: r.object_id()?,
        availability_status: r.status()?,
        home_community_id: r.option(Reader::home)?,
        title: r.localized()?,
        comments: r.localized()?,
        authors: r.authors()?,
        content_type_code: r.code()?,
        patient_id: r.patient_id()?,
        source_id: r.oid()?,
        unique_id: r.unique_id()?,
        submission_time: r.dtm()?,
        intended_recipients: r.strings()?,
        extra: r.extra()?,
    };
    r.end()?;
    Ok(set)
}
