//! Integration tests of the DICOM codec crate: one binary, a module per part.

mod dimse;
mod header;
mod make;
mod samples;
mod scan;
