//! Invented patients, studies and reports for the demo, tests and benchmarks (design.md section 4, spec/dicom.md
//! sections 2, 4 and 23).
//!
//! Everything is a function of fixed tables and seeds: two runs give the same bytes and the same UIDs (all under 2.25).
//! No person, examination or finding here is real. Where to start reading: [`PATIENTS`], [`seed_studies`],
//! [`write_instances`], [`report_pdf`], [`write_tree`]; [`study_of`] for benchmarks.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bench;
mod instances;
mod object;
mod patients;
mod pdf;
mod phantom;
mod plan;
mod random;
mod reports;
mod seed;
mod tree;
mod uid;

pub use bench::{StudyOf, headers_study, study_of};
pub use instances::{Instance, write_instances, write_part};
pub use patients::{PATIENT_DOMAIN, PATIENTS, Patient};
pub use pdf::report_pdf;
pub use plan::{Code, Contrast, Hospital, Part, Region, ReportText, SeriesKind, SeriesPlan, StudyPlan};
pub use seed::{seed_studies, studies_under_own_numbers};
pub use tree::write_tree;
pub use uid::uid;

/// What can go wrong while objects, reports or files are made.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// An object could not be written as a DICOM file; names the step.
    #[error("could not write a dicom object: {0}")]
    Object(String),
    /// A report could not be laid out as PDF.
    #[error("could not lay out the report as pdf: {0}")]
    Pdf(String),
    /// A file or folder could not be written.
    #[error("could not write {path}: {source}")]
    Io {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The caller's sink refused an instance and gave this reason.
    #[error("the receiver of the instances refused one: {0}")]
    Sink(String),
    /// A plan asks for something that cannot be made.
    #[error("the study plan cannot be made: {0}")]
    Plan(String),
}
