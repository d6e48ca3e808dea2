//! From a plan to its objects, one at a time: a study is never whole in memory.

use crate::SynthError;
use crate::object::{Place, ct, document, mg, mr, projection, us};
use crate::plan::{Part, SeriesKind, SeriesPlan, StudyPlan};

/// One DICOM object as a file (PS3.10).
#[derive(Clone, PartialEq, Eq)]
pub struct Instance {
    /// SOP Instance UID.
    pub uid: String,
    /// SOP Class UID.
    pub sop_class: &'static str,
    /// Transfer Syntax UID; Explicit VR Little Endian.
    pub transfer_syntax: &'static str,
    /// The file: preamble, file meta information, data set.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("uid", &self.uid).field("octets", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Makes every instance of a plan, in order, and hands each to `sink`.
///
/// Shape: one instance in memory at a time; the largest of the seed is 7.4 MB. The same plan gives the same bytes.
/// Errors: the sink's own, which stops the work; `Object` or `Plan` when an object cannot be made.
pub fn write_instances(
    plan: &StudyPlan,
    sink: impl FnMut(Instance) -> Result<(), SynthError>,
) -> Result<(), SynthError> {
    write_part(plan, Part::All, sink)
}

/// Makes the instances of one part of a plan, see [`Part`].
pub fn write_part(
    plan: &StudyPlan,
    part: Part,
    mut sink: impl FnMut(Instance) -> Result<(), SynthError>,
) -> Result<(), SynthError> {
    let mut scanned = None;
    for series in &plan.series {
        let first_later = series.instances.saturating_sub(series.later);
        let indexes = match part {
            Part::First => 0..first_later,
            Part::Later => first_later..series.instances,
            Part::All => 0..series.instances,
        };
        if !indexes.is_empty() {
            write_series(plan, series, indexes, &mut scanned, &mut sink)?;
        }
    }
    Ok(())
}

fn write_series(
    plan: &StudyPlan,
    series: &SeriesPlan,
    indexes: std::ops::Range<u32>,
    scanned: &mut Option<mr::Body>,
    sink: &mut impl FnMut(Instance) -> Result<(), SynthError>,
) -> Result<(), SynthError> {
    let places = indexes.map(|index| Place { plan, series, index });
    match series.kind {
        SeriesKind::Ct { region, size } => {
            let body = ct::Body::new(plan, region);
            places.map(|place| ct::instance(&place, &body, size)).try_for_each(|made| sink(made?))
        }
        SeriesKind::Mr { region, contrast, size, sagittal } => {
            // The body is kept for the next series: its slices are the same.
            let body = scanned.take().filter(|body| body.region == region);
            let body = scanned.insert(body.unwrap_or_else(|| mr::Body::new(plan, region)));
            places.map(|place| mr::instance(&place, body, contrast, size, sagittal)).try_for_each(|made| sink(made?))
        }
        SeriesKind::Cr { lateral, inverted } => {
            places.map(|place| projection::instance(&place, lateral, inverted)).try_for_each(|made| sink(made?))
        }
        SeriesKind::Us { frames } => places.map(|place| us::instance(&place, frames)).try_for_each(|made| sink(made?)),
        SeriesKind::Mg => places.map(|place| mg::instance(&place)).try_for_each(|made| sink(made?)),
        SeriesKind::Sr => places.map(|place| document::report(&place)).try_for_each(|made| sink(made?)),
        SeriesKind::KeyNote => places.map(|place| document::key_note(&place)).try_for_each(|made| sink(made?)),
    }
}
