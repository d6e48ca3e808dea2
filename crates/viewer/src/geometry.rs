//! Where a frame lies: spacing and its source, orientation letters, position, the windows it offers; lengths and angles
//! (PS3.3 C.7.6.2, 10.7 Basic Pixel Spacing Calibration, C.8.5.5 ultrasound regions, C.7.6.1.1.1 Patient Orientation).

use crate::lut::{Preset, presets};
use crate::object::Object;
use crate::tags;
use dicom::{DataSet, Tag};

/// Where a pixel size comes from; a measurement names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpacingSource {
    /// Pixel Spacing (0028,0030): in the patient.
    Patient,
    /// Imager Pixel Spacing (0018,1164): at the detector, not corrected for magnification.
    Detector,
    /// Nominal Scanned Pixel Spacing (0018,2010): at the scanned film.
    Film,
    /// Calibrated ultrasound region.
    UltrasoundRegion,
}

/// Size of a pixel in mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing {
    /// Distance between the centres of neighbouring columns (across).
    pub column_mm: f64,
    /// Distance between the centres of neighbouring rows (down).
    pub row_mm: f64,
    /// Where it comes from.
    pub source: SpacingSource,
}

impl Spacing {
    /// Distance in mm between two points given as (column, row).
    pub fn length_mm(&self, a: (f64, f64), b: (f64, f64)) -> f64 {
        ((a.0 - b.0) * self.column_mm).hypot((a.1 - b.1) * self.row_mm)
    }
}

/// The angle at `corner` between the lines to `a` and `b`, points as (column, row), in degrees 0..180.
///
/// Shape: `None` when a line has no length. Without spacing pixels are taken as square.
pub fn angle_degrees(spacing: Option<&Spacing>, corner: (f64, f64), a: (f64, f64), b: (f64, f64)) -> Option<f64> {
    let (x, y) = spacing.map_or((1.0, 1.0), |spacing| (spacing.column_mm, spacing.row_mm));
    let from = |point: (f64, f64)| ((point.0 - corner.0) * x, (point.1 - corner.1) * y);
    let (u, v) = (from(a), from(b));
    let product = u.0.hypot(u.1) * v.0.hypot(v.1);
    (product > 0.0).then(|| ((u.0 * v.0 + u.1 * v.1) / product).clamp(-1.0, 1.0).acos().to_degrees())
}

/// Letters for the four edges of the picture: R, L, A, P, H, F, up to three each, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edges {
    /// Left edge.
    pub left: String,
    /// Right edge.
    pub right: String,
    /// Top edge.
    pub top: String,
    /// Bottom edge.
    pub bottom: String,
}

/// Where one frame lies and what the file says about showing it.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Rows of the frame; 0 when the object has no image.
    pub rows: u32,
    /// Columns of the frame; 0 when the object has no image.
    pub columns: u32,
    /// Number of frames.
    pub frames: u32,
    /// Size of a pixel; `None`: not calibrated.
    pub spacing: Option<Spacing>,
    /// Orientation letters; `None` when the file does not tell.
    pub edges: Option<Edges>,
    /// Directions of a row and of a column in the patient (L, P, H positive).
    pub orientation: Option<[f64; 6]>,
    /// Centre of the first pixel in mm in the patient.
    pub position: Option<[f64; 3]>,
    /// Distance along the normal of the slices in mm: what slices are sorted and linked by.
    pub slice_mm: Option<f64>,
    /// Slice thickness in mm.
    pub thickness_mm: Option<f64>,
    /// Frame of Reference UID: slices of equal ones can be compared in space.
    pub frame_of_reference_uid: Option<String>,
    /// Time between frames in ms, for playing.
    pub frame_time_ms: Option<f64>,
    /// Laterality of a paired part, `L` or `R`.
    pub laterality: Option<String>,
    /// Windows that the file offers, its first one is used when none is asked for.
    pub windows: Vec<Preset>,
}

pub(crate) fn geometry(object: &Object<'_>, frame: u32) -> Geometry {
    let set = object.data_set();
    let orientation = numbers(object, frame, tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT);
    let orientation: Option<[f64; 6]> = orientation.filter(|cosines: &[f64; 6]| is_orientation(cosines));
    let position: Option<[f64; 3]> =
        numbers(object, frame, tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT);
    let measures = object.group(frame, tags::PIXEL_MEASURES_SEQUENCE).unwrap_or(set);
    let positive = |number: Option<f64>| number.filter(|number| number.is_finite() && *number > 0.0);
    Geometry {
        rows: set.u16(tags::ROWS).map_or(0, u32::from),
        columns: set.u16(tags::COLUMNS).map_or(0, u32::from),
        frames: object.frames(),
        spacing: spacing(object, frame),
        edges: orientation.map(|cosines| edges(&cosines)).or_else(|| written_edges(set)),
        orientation,
        position,
        slice_mm: orientation.zip(position).map(|(cosines, at)| along_normal(&cosines, &at)),
        thickness_mm: positive(measures.decimal(tags::SLICE_THICKNESS)),
        frame_of_reference_uid: set.uid(tags::FRAME_OF_REFERENCE_UID),
        frame_time_ms: positive(set.decimal(tags::FRAME_TIME)),
        laterality: set.text(tags::IMAGE_LATERALITY).filter(|side| matches!(side.as_str(), "L" | "R")),
        windows: presets(object, frame),
    }
}

/// Height of a pixel by its width; 1 when the file does not tell or tells nonsense.
pub(crate) fn aspect(object: &Object<'_>, frame: u32) -> f64 {
    let set = object.data_set();
    let from_ratio = || {
        let pair: [f64; 2] = decimals(set, tags::PIXEL_ASPECT_RATIO)?;
        Some(pair[0] / pair[1])
    };
    let ratio = match spacing(object, frame) {
        Some(spacing) => Some(spacing.row_mm / spacing.column_mm),
        None => from_ratio(),
    };
    // Differences below a thousandth are rounding, beyond twenty an error.
    ratio.filter(|ratio| (0.05..=20.0).contains(ratio) && (ratio - 1.0).abs() > 0.001).unwrap_or(1.0)
}

fn spacing(object: &Object<'_>, frame: u32) -> Option<Spacing> {
    let set = object.data_set();
    let measures = object.group(frame, tags::PIXEL_MEASURES_SEQUENCE).unwrap_or(set);
    let of = |from: &DataSet, tag: Tag, source: SpacingSource| {
        let [row_mm, column_mm] = decimals(from, tag)?;
        (row_mm > 0.0 && column_mm > 0.0).then_some(Spacing { column_mm, row_mm, source })
    };
    of(measures, tags::PIXEL_SPACING, SpacingSource::Patient)
        .or_else(|| of(set, tags::IMAGER_PIXEL_SPACING, SpacingSource::Detector))
        .or_else(|| of(set, tags::NOMINAL_SCANNED_PIXEL_SPACING, SpacingSource::Film))
        .or_else(|| ultrasound_spacing(set))
}

/// The first region whose both directions are in cm.
fn ultrasound_spacing(set: &DataSet) -> Option<Spacing> {
    set.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS).iter().find_map(|region| {
        let is_cm = |tag| region.u16(tag) == Some(3);
        if !is_cm(tags::PHYSICAL_UNITS_X_DIRECTION) || !is_cm(tags::PHYSICAL_UNITS_Y_DIRECTION) {
            return None;
        }
        let mm = |tag| region.decimal(tag).map(|cm| cm.abs() * 10.0).filter(|mm| mm.is_finite() && *mm > 0.0);
        Some(Spacing {
            column_mm: mm(tags::PHYSICAL_DELTA_X)?,
            row_mm: mm(tags::PHYSICAL_DELTA_Y)?,
            source: SpacingSource::UltrasoundRegion,
        })
    })
}

fn decimals<const N: usize>(set: &DataSet, tag: Tag) -> Option<[f64; N]> {
    let values: Vec<f64> = set.texts(tag).iter().filter_map(|text| text.trim().parse().ok()).collect();
    let array: [f64; N] = values.try_into().ok()?;
    array.iter().all(|value| value.is_finite()).then_some(array)
}

fn numbers<const N: usize>(object: &Object<'_>, frame: u32, group: Tag, tag: Tag) -> Option<[f64; N]> {
    decimals(object.group(frame, group).unwrap_or(object.data_set()), tag)
}

/// Two unit vectors at right angles, with some tolerance for rounding.
fn is_orientation(cosines: &[f64; 6]) -> bool {
    let [a, b, c, d, e, f] = *cosines;
    let unit = |x: f64, y: f64, z: f64| ((x * x + y * y + z * z) - 1.0).abs() < 0.02;
    unit(a, b, c) && unit(d, e, f) && (a * d + b * e + c * f).abs() < 0.02
}

fn along_normal(cosines: &[f64; 6], at: &[f64; 3]) -> f64 {
    let [a, b, c, d, e, f] = *cosines;
    let normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    normal.iter().zip(at).map(|(n, p)| n * p).sum()
}

fn edges(cosines: &[f64; 6]) -> Edges {
    let [a, b, c, d, e, f] = *cosines;
    Edges {
        left: letters([-a, -b, -c]),
        right: letters([a, b, c]),
        top: letters([-d, -e, -f]),
        bottom: letters([d, e, f]),
    }
}

/// Letters of a direction: the strongest first, weak components (below about 6 degrees) left out.
fn letters(direction: [f64; 3]) -> String {
    let names = [('L', 'R'), ('P', 'A'), ('H', 'F')];
    let mut parts: Vec<(f64, char)> = direction
        .iter()
        .zip(names)
        .filter(|(value, _)| value.abs() > 0.1)
        .map(|(value, (plus, minus))| (value.abs(), if *value > 0.0 { plus } else { minus }))
        .collect();
    parts.sort_by(|x, y| y.0.total_cmp(&x.0));
    parts.into_iter().map(|(_, letter)| letter).collect()
}

/// Patient Orientation (0020,0020): letters of the right and the bottom edge.
fn written_edges(set: &DataSet) -> Option<Edges> {
    let values = set.texts(tags::PATIENT_ORIENTATION);
    let [right, bottom] = values.as_slice() else { return None };
    let opposite = |text: &str| -> Option<String> {
        text.chars()
            .map(|letter| match letter {
                'L' => Some('R'),
                'R' => Some('L'),
                'A' => Some('P'),
                'P' => Some('A'),
                'H' => Some('F'),
                'F' => Some('H'),
                _ => None,
            })
            .collect()
    };
    let (right, bottom) = (right.trim(), bottom.trim());
    if right.is_empty() || bottom.is_empty() || right.len() > 3 || bottom.len() > 3 {
        return None;
    }
    Some(Edges { left: opposite(right)?, top: opposite(bottom)?, right: right.to_string(), bottom: bottom.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axial_sagittal_and_oblique_planes_have_their_letters() {
        let axial = edges(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!((axial.left.as_str(), axial.right.as_str()), ("R", "L"));
        assert_eq!((axial.top.as_str(), axial.bottom.as_str()), ("A", "P"));
        let sagittal = edges(&[0.0, 1.0, 0.0, 0.0, 0.0, -1.0]);
        assert_eq!((sagittal.left.as_str(), sagittal.right.as_str()), ("A", "P"));
        assert_eq!((sagittal.top.as_str(), sagittal.bottom.as_str()), ("H", "F"));
        assert_eq!(letters([0.9, 0.42, 0.05]), "LP");
    }

    #[test]
    fn orientation_that_is_no_pair_of_unit_vectors_is_not_believed() {
        assert!(is_orientation(&[1.0, 0.0, 0.0, 0.0, 0.6, 0.8]));
        assert!(!is_orientation(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
        assert!(!is_orientation(&[0.0; 6]));
    }

    #[test]
    fn lengths_and_angles_use_both_spacings() {
        let spacing = Spacing { column_mm: 0.5, row_mm: 2.0, source: SpacingSource::Patient };
        assert_eq!(spacing.length_mm((0.0, 0.0), (6.0, 2.0)), 5.0);
        let right = angle_degrees(Some(&spacing), (0.0, 0.0), (10.0, 0.0), (0.0, 10.0)).unwrap();
        assert!((right - 90.0).abs() < 1e-9);
        let half = angle_degrees(Some(&spacing), (0.0, 0.0), (4.0, 0.0), (4.0, 1.0)).unwrap();
        assert!((half - 45.0).abs() < 1e-9);
        assert_eq!(angle_degrees(None, (1.0, 1.0), (1.0, 1.0), (2.0, 2.0)), None);
    }
}
