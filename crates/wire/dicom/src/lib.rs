//! DICOM bytes: files and data sets, DIMSE associations, DICOMweb requests. PS3.5, PS3.7, PS3.8, PS3.10, PS3.18.
//!
//! Start at `scan` (the bounded check everything from outside passes first), `header` (what an index needs),
//! `dataset` (small data sets in memory), `dimse` (the association machine), `dicomweb` (Accept, paths, parts),
//! `transcode` (stored objects as Explicit VR Little Endian) and `jpeg_ls` (the one pixel decoder of our own). No socket,
//! clock or random number is in here.
#![forbid(unsafe_code)]

pub mod dataset;
pub mod dicomweb;
pub mod dimse;
pub mod error;
pub mod header;
pub mod jpeg_ls;
pub mod kos;
pub mod part10;
pub mod scan;
pub mod sop_classes;
pub mod text;
pub mod transcode;
pub mod transfer_syntaxes;
pub mod uid;
mod values;

pub use dataset::{DataSet, Element, Value};
pub use dicom_core::{Tag, VR};
pub use dicom_dictionary_std::tags;
pub use error::DecodeError;
pub use header::Header;
pub use scan::{Limits, Scan};
