//! Integration tests of the DICOM codec crate: one binary, a module per part.

mod dicomweb;
mod dimse;
mod header;
mod jpeg_ls;
mod kos;
mod make;
mod notifications;
mod operation;
mod query;
mod samples;
mod scan;
mod tools;
mod transcode;
