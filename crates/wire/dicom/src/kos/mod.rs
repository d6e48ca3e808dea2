//! Key object selections: manifests written, read and checked, key object notes and rejection notes recognised, and a
//! manifest's registry metadata. Model to bytes and back; UIDs and times are passed in.
//!
//! `build` (instances of a study to a manifest), `encode`, `decode`, `check`, `document_entry`.
//! spec/dicom.md sections 2 to 11, spec/mcwg.md sections 3 to 5; PS3.3 A.35.4, PS3.16 TID 2010 and 1600.

mod build;
mod check;
mod coding;
mod content;
mod decode;
mod encode;
mod encode_library;
mod entry;
mod finding;
mod from_header;
mod library;
mod library_rules;
mod modalities;
mod open;
mod study;
mod titles;
mod writer;

pub use build::{BuildError, KeyObjects, NewManifest, Source, StudyInstance, build, rejected};
pub use check::check;
pub use coding::scheme_of;
pub use content::content_fingerprint;
pub use decode::{DecodeError, Decoded, Titles, decode, decode_note, decode_titled};
pub use encode::{EncodeError, MOST_DESCRIBED_INSTANCES, MOST_INSTANCES, encode};
pub use entry::{EntryDefaults, document_entry, format_code};
pub use finding::{Finding, Severity};
pub use modalities::modality_name;
pub use open::MOST_OCTETS;
pub use titles::TitleKind;

use crate::Tag;

/// (0040,E012) Display URI, younger than the dictionary. Source: CP-2595.
const DISPLAY_URI: Tag = Tag(0x0040, 0xE012);

/// The series number a manifest has unless a series of the study has it. Source: spec/mcwg.md 4.1.
const KOS_SERIES_NUMBER: u64 = 59;
