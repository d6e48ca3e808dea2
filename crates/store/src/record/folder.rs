//! Folder as a stored record. Version 1: the fields of ITI TF-3 Table 4.2.3.4 in a fixed order.

use super::bytes::{Memo, Reader, Writer, version_of};
use crate::StoreError;
use model::Folder;

const V1: u8 = 1;

pub(crate) fn encode_folder(folder: &Folder) -> Vec<u8> {
    let mut w = Writer::new(V1);
    w.object_id(&folder.id);
    w.option(folder.logical_id.as_ref(), Writer::object_id);
    w.option(folder.version.as_ref(), |w, version| w.number(u64::from(*version)));
    w.status(folder.availability_status);
    w.option(folder.home_community_id.as_ref(), |w, home| w.text(&home.to_string()));
    w.localized(&folder.title);
    w.localized(&folder.comments);
    w.codes(&folder.code_list);
    w.patient_id(&folder.patient_id);
    w.text(folder.unique_id.as_str());
    w.option(folder.last_update_time.as_ref(), |w, time| w.text(time.as_str()));
    w.extra(&folder.extra);
    w.finish()
}

/// Errors: `Newer`, `Corrupt`.
pub(crate) fn decode_folder(record: &[u8]) -> Result<Folder, StoreError> {
    let (_, rest) = version_of(record, V1, "folder")?;
    let mut memo = Memo::default();
    let mut r = Reader::new(rest, "folder", &mut memo)?;
    let folder = Folder {
        id: r.object_id()?,
        logical_id: r.option(Reader::object_id)?,
        version: r.option(|r| {
            let number = r.number()?;
            u32::try_from(number).map_err(|_| r.wrong("a version past 32 bits"))
        })?,
        availability_status: r.status()?,
        home_community_id: r.option(Reader::home)?,
        title: r.localized()?,
        comments: r.localized()?,
        code_list: r.codes()?,
        patient_id: r.patient_id()?,
        unique_id: r.unique_id()?,
        last_update_time: r.option(Reader::dtm)?,
        extra: r.extra()?,
    };
    r.end()?;
    Ok(folder)
}
