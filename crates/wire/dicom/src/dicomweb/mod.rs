//! DICOMweb retrieval (WADO-RS, RAD-107): what is asked for, what may be answered, and the parts of the
//! answer on both sides. PS3.18 sections 8 and 10.4; spec dicom.md 12 to 16. No HTTP in here: header values in and out.

mod accept;
pub mod json;
mod parts;
mod path;

pub use accept::{
    Acceptable, Acceptance, Delivered, Delivery, ExplicitLe, MediaRange, NotAcceptable, Representation, Syntax,
    media_ranges,
};
pub use parts::{CLIENT_ACCEPT, Part, PartEvent, PartReader, PartWriter};
pub use path::{PathError, Resource, Target};
