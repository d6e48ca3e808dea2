//! Pixels to pictures: decoding, windows, rendering, measurement geometry (spec/dicom.md section 18 rendering chain,
//! PS3.3 C.7.6.3, C.11.1, C.11.2; spec/crates.md 4.6).
//!
//! Start at [`Object::open`] with [`Object::render`] and [`Object::geometry`]; [`render`] and [`geometry`] do both steps.
//! Everything is synchronous and bounded; a server calls it on a blocking thread. Where instances come from is not known
//! here, nor is HTML.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod colour;
mod decode;
mod encode;
mod error;
mod geometry;
mod lut;
mod object;
mod pixels;
mod render;
mod scale;
mod tags;

pub use error::RenderError;
pub use geometry::{Edges, Geometry, Spacing, SpacingSource, angle_degrees};
pub use lut::{Function, Preset, Window};
pub use object::{Object, Source, StoredFrame};
pub use render::{Format, Region, RenderRequest, Rendered};

/// Opens an object and renders one frame, counted from 1.
///
/// Errors: see [`RenderError`].
pub fn render(source: Source<'_>, frame: u32, request: &RenderRequest) -> Result<Rendered, RenderError> {
    Object::open(source)?.render(frame, request)
}

/// Opens an object and describes where one frame, counted from 1, lies in the patient.
pub fn geometry(source: Source<'_>, frame: u32) -> Result<Geometry, RenderError> {
    Object::open(source)?.geometry(frame)
}
