//! CDA R2 reports. We write one kind, a displayable body under the imaging header (IHE XDS-SD, PS3.20 header rules), and
//! read any kind well enough to show it. Sources: spec/reports.md 11, 12, 14, 15; spec/mcwg.md 3.6.

mod check;
mod decode;
mod encode;
mod entry;
mod narrative;

pub use check::{Irregularity, check};
pub use decode::{CdaDocument, CdaStudy, Content, RelatedDocument, Relation, decode};
pub use encode::{Wrapping, encode, encode_with, findings};
pub use entry::{EntryDefaults, document_entry};
pub use narrative::{Block, Cell, Inline, Section, Style};

/// Namespace of the DICOM extension elements, such as the accession number.
pub const DICOM_NAMESPACE: &str = "urn:dicom-org:ps3-20";

/// XDS-SD, Scanned Documents.
pub const XDS_SD: &str = "1.3.6.1.4.1.19376.1.2.20";
/// PS3.20 Imaging Report.
pub const IMAGING_REPORT: &str = "1.2.840.10008.9.1";
/// PS3.20 Imaging Addendum Report.
pub const IMAGING_ADDENDUM: &str = "1.2.840.10008.9.24";

/// formatCode of a PDF in CDA.
pub const FORMAT_PDF: &str = "urn:ihe:iti:xds-sd:pdf:2008";
/// formatCode of plain text in CDA.
pub const FORMAT_TEXT: &str = "urn:ihe:iti:xds-sd:text:2008";
/// formatCode of a CDA with structured headings.
pub const FORMAT_STRUCTURED: &str = "urn:ihe:rad:CDA:ImagingReportStructuredHeadings:2013";
