//! DocumentEntry, SubmissionSet, Folder and Association as ebRIM registry objects: one file each, reading and writing
//! side by side. Source: spec/xds.md sections 7-10.

mod association;
mod document_entry;
mod folder;
mod raw;
mod reader;
mod submission_set;
mod writer;

pub(crate) use association::{association_type, association_urn, read_association, write_association};
pub(crate) use document_entry::{read_entry, write_entry};
pub(crate) use folder::{read_folder, write_folder};
pub(crate) use raw::{RawObject, same_id, trimmed, values};
pub(crate) use submission_set::{read_submission_set, write_submission_set};
pub(crate) use writer::{ObjectWriter, SubIds, Writing, status_urn};
