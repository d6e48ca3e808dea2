//! Stored records: the bytes in which objects of the model are kept. They are formats of their own: the first octet is
//! the version, and a version once released is read for ever. A changed model changes the code here and adds a version;
//! it needs no migration.
//!
//! Reading is on the path of every query, so the encoding is written by hand: fields in a fixed order, lengths as
//! variable-size numbers, frequent texts (schemes, types) as a number in a table, UUIDs and hashes in binary.

mod association;
mod bytes;
mod entry;
mod folder;
mod parts;
mod patient;
mod submission_set;

pub(crate) use association::{decode_association, encode_association};
pub(crate) use bytes::Memo;
pub(crate) use entry::{decode_entry, encode_entry, peek_entry};
pub(crate) use folder::{decode_folder, encode_folder};
pub(crate) use patient::{decode_patient, encode_patient};
pub(crate) use submission_set::{decode_submission_set, encode_submission_set};

#[cfg(test)]
#[path = "../../tests/it/samples.rs"]
mod samples;
#[cfg(test)]
mod tests;
