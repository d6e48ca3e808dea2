//! Chest radiographs: rays through the thorax phantom, path lengths in mm of soft tissue, a film-like response.
//!
//! Soft parts are followed ray by ray with the painting order of the scene; vessels and bones are added as path lengths
//! at full resolution, which keeps their edges sharp.

use super::chest;
use super::tissue::Tissue;
use super::{Blob, Form, Scene, Shape, Tube};
use crate::random::{Grain, noise};

/// Rows of a radiograph.
pub(crate) const ROWS: usize = 1120;
/// Columns of a radiograph.
pub(crate) const COLUMNS: usize = 1024;
/// Pixel size in mm.
pub(crate) const PIXEL: f32 = 0.38;

/// A radiograph as 12-bit values, bright where attenuation is high.
///
/// `lateral` looks from the patient's right to the left with the front at the left edge; otherwise postero-anterior with
/// the patient's right at the left edge.
pub(crate) fn image(key: &str, lateral: bool, nodule_mm: f32, seed: u64) -> Vec<u16> {
    let view = View { lateral };
    let mut soft = chest::soft_parts(key, true);
    if nodule_mm > 0.0 {
        soft.blob(chest::nodule(nodule_mm));
    }
    if !lateral {
        // Nothing lies beside the neck and above the shoulders.
        for side in [-1.0f32, 1.0] {
            let above = Blob::new([side * 176.0, 0.0, 206.0], [126.0, 300.0, 84.0], Tissue::Air);
            soft.blob(above.turned(0.0, side * 24.0, 0.0));
        }
    }
    let mut path = view.soft_paths(&soft);
    view.add(&mut path, &chest::vessels(key), 1.15);
    view.add(&mut path, &chest::bones(), 1.0);
    develop(&path, if lateral { (168.0, 58.0) } else { (128.0, 44.0) }, seed)
}

struct View {
    lateral: bool,
}

/// mm of water that stop as much as one mm of a tissue.
fn density(tissue: Tissue) -> f32 {
    match tissue {
        Tissue::Air | Tissue::Gas => 0.0,
        Tissue::Lung => 0.20,
        Tissue::Fat | Tissue::Mesentery => 0.90,
        Tissue::CorticalBone => 2.6,
        Tissue::Marrow => 1.5,
        Tissue::Cartilage => 1.15,
        _ => 1.0,
    }
}

/// What a bone or vessel adds to the tissue it is painted on.
fn added(tissue: Tissue) -> f32 {
    match tissue {
        Tissue::CorticalBone => 1.15,
        Tissue::Marrow => 0.36 - 1.15, // it replaces cortical bone
        Tissue::Blood => 0.8,
        Tissue::Cartilage => 0.12,
        Tissue::Gas => -0.5,
        _ => 0.0,
    }
}

impl View {
    /// Index of the axis across the image and of the ray.
    fn axes(&self) -> (usize, usize) {
        if self.lateral { (1, 0) } else { (0, 1) }
    }

    /// mm across and up for a pixel; the centre of the film is at z = -14.
    fn at(&self, column: f32, row: f32) -> (f32, f32) {
        ((column - COLUMNS as f32 / 2.0) * PIXEL, (ROWS as f32 / 2.0 - row) * PIXEL - 14.0)
    }

    fn soft_paths(&self, scene: &Scene) -> Vec<f32> {
        const STEP: usize = 3;
        let (columns, rows) = (COLUMNS.div_ceil(STEP) + 1, ROWS.div_ceil(STEP) + 1);
        let mut coarse = vec![0.0f32; columns * rows];
        let mut spans: Vec<(f32, f32, f32)> = Vec::new();
        let mut edges: Vec<f32> = Vec::new();
        for row in 0..rows {
            // Shapes that this row can meet, bending included.
            let (_, height) = self.at(0.0, (row * STEP) as f32);
            let active: Vec<&Shape> = scene
                .shapes
                .iter()
                .filter(|shape| {
                    let (low, high) = heights(shape);
                    low - 4.0 < height && height < high + 4.0
                })
                .collect();
            for column in 0..columns {
                let (u, z) = self.at((column * STEP) as f32, (row * STEP) as f32);
                // A little bending keeps the outlines from looking drawn with a compass.
                let bend =
                    |seed| 2.6 * noise(u / 34.0, z / 34.0, 0.0, seed) + 0.7 * noise(u / 9.0, z / 9.0, 0.0, seed + 1);
                let (u, z) = (u + bend(301), z + bend(311));
                spans.clear();
                edges.clear();
                for shape in &active {
                    if let Some((from, to, tissue)) = self.span(shape, u, z) {
                        spans.push((from, to, density(tissue)));
                        edges.push(from);
                        edges.push(to);
                    }
                }
                edges.sort_by(f32::total_cmp);
                let mut sum = 0.0;
                for pair in edges.windows(2) {
                    let middle = (pair[0] + pair[1]) / 2.0;
                    // The last painted shape that covers this piece of the ray counts.
                    if let Some(span) = spans.iter().rev().find(|span| span.0 <= middle && middle <= span.1) {
                        sum += span.2 * (pair[1] - pair[0]);
                    }
                }
                coarse[row * columns + column] = sum;
            }
        }
        let mut fine = vec![0.0f32; COLUMNS * ROWS];
        for row in 0..ROWS {
            let (r, fr) = (row / STEP, (row % STEP) as f32 / STEP as f32);
            for column in 0..COLUMNS {
                let (c, fc) = (column / STEP, (column % STEP) as f32 / STEP as f32);
                let get = |r: usize, c: usize| coarse[r * columns + c];
                let top = get(r, c) * (1.0 - fc) + get(r, c + 1) * fc;
                let bottom = get(r + 1, c) * (1.0 - fc) + get(r + 1, c + 1) * fc;
                fine[row * COLUMNS + column] = top * (1.0 - fr) + bottom * fr;
            }
        }
        fine
    }

    /// The part of a ray inside a shape.
    fn span(&self, shape: &Shape, u: f32, z: f32) -> Option<(f32, f32, Tissue)> {
        match shape {
            Shape::Blob(blob) => self.blob_span(blob, u, z).map(|(from, to)| (from, to, blob.tissue)),
            Shape::Tube(tube) => {
                let (half, middle, _) = self.tube_span(tube, u, z, false)?;
                Some((middle - half, middle + half, tube.tissue))
            }
        }
    }

    fn blob_span(&self, blob: &Blob, u: f32, z: f32) -> Option<(f32, f32)> {
        let (across, along) = self.axes();
        let reach = blob.radii.iter().copied().fold(0.0, f32::max) * 1.3;
        if (u - blob.centre[across]).abs() > reach || (z - blob.centre[2]).abs() > reach {
            return None;
        }
        if blob.form != Form::Ellipsoid {
            // Trunks and blocks are taken as they stand; the few that are turned are turned little.
            let block = blob.form == Form::Block;
            let part = |d: f32, r: f32| {
                let q = (d / r).abs();
                if block { q * q * q * q } else { q * q * q.sqrt() }
            };
            let rest =
                1.0 - part(u - blob.centre[across], blob.radii[across]) - part(z - blob.centre[2], blob.radii[2]);
            if rest <= 0.0 {
                return None;
            }
            let half = blob.radii[along] * rest.powf(if block { 0.25 } else { 0.4 });
            return Some((blob.centre[along] - half, blob.centre[along] + half));
        }
        let axes = blob.axes();
        let mut from = [0.0; 3];
        from[across] = u - blob.centre[across];
        from[2] = z - blob.centre[2];
        let (mut a, mut b, mut c) = (0.0, 0.0, -1.0);
        for (axis, radius) in axes.iter().zip(blob.radii) {
            let (p, d) = (super::dot(*axis, from) / radius, axis[along] / radius);
            a += d * d;
            b += 2.0 * p * d;
            c += p * p;
        }
        let disc = b * b - 4.0 * a * c;
        if disc <= 0.0 {
            return None;
        }
        let root = disc.sqrt();
        Some((blob.centre[along] + (-b - root) / (2.0 * a), blob.centre[along] + (-b + root) / (2.0 * a)))
    }

    /// Half length and middle of the ray inside a tube, and how much this piece counts (1, less near its ends when
    /// `joined`, so that pieces in a row add up to 1).
    fn tube_span(&self, tube: &Tube, u: f32, z: f32, joined: bool) -> Option<(f32, f32, f32)> {
        let (across, along) = self.axes();
        let axis = super::sub(tube.to, tube.from);
        let flat = (axis[across], axis[2]);
        let length2 = flat.0 * flat.0 + flat.1 * flat.1;
        let d = (u - tube.from[across], z - tube.from[2]);
        let raw = if length2 < 1e-4 { 0.0 } else { (d.0 * flat.0 + d.1 * flat.1) / length2 };
        let t = raw.clamp(0.0, 1.0);
        let radius = tube.radius_from + (tube.radius_to - tube.radius_from) * t;
        let e = (d.0 - flat.0 * t, d.1 - flat.1 * t);
        let rest = radius * radius - e.0 * e.0 - e.1 * e.1;
        if rest <= 0.0 {
            return None;
        }
        let mut weight = 1.0;
        if joined && length2 >= 1e-4 {
            let length = length2.sqrt();
            let soft = (0.4 * radius).min(0.5 * length).max(0.05);
            let ramp = |from_end: f32| ((from_end * length + soft) / (2.0 * soft)).clamp(0.0, 1.0);
            weight = ramp(raw) * ramp(1.0 - raw);
        }
        // A tube that leans towards the ray is longer along it, up to its whole length.
        let lean = (length2 / (length2 + axis[along] * axis[along]).max(1e-6)).sqrt().max(0.35);
        Some((rest.sqrt() / lean, tube.from[along] + axis[along] * t, weight))
    }

    /// Adds path lengths of bones or vessels at full resolution.
    fn add(&self, path: &mut [f32], scene: &Scene, strength: f32) {
        let (across, _) = self.axes();
        for shape in &scene.shapes {
            let (centre, half_u, half_z, tissue) = match shape {
                Shape::Blob(blob) => {
                    let reach = blob.radii.iter().copied().fold(0.0, f32::max) * 1.2;
                    ((blob.centre[across], blob.centre[2]), reach, reach, blob.tissue)
                }
                Shape::Tube(tube) => {
                    let r = tube.radius_from.max(tube.radius_to);
                    let (a, b) = (tube.from, tube.to);
                    (
                        ((a[across] + b[across]) / 2.0, (a[2] + b[2]) / 2.0),
                        (a[across] - b[across]).abs() / 2.0 + r,
                        (a[2] - b[2]).abs() / 2.0 + r,
                        tube.tissue,
                    )
                }
            };
            let factor = added(tissue) * strength;
            if factor == 0.0 {
                continue;
            }
            let column = centre.0 / PIXEL + COLUMNS as f32 / 2.0;
            let row = ROWS as f32 / 2.0 - (centre.1 + 14.0) / PIXEL;
            for r in super::range(row, half_z / PIXEL + 1.0, ROWS) {
                for c in super::range(column, half_u / PIXEL + 1.0, COLUMNS) {
                    let (u, z) = self.at(c as f32, r as f32);
                    let length = match shape {
                        Shape::Blob(blob) => self.blob_span(blob, u, z).map(|(from, to)| to - from),
                        Shape::Tube(tube) => {
                            self.tube_span(tube, u, z, true).map(|(half, _, weight)| 2.0 * half * weight)
                        }
                    };
                    if let Some(length) = length {
                        path[r * COLUMNS + c] += factor * length;
                    }
                }
            }
        }
    }
}

/// Lowest and highest z of a shape.
fn heights(shape: &Shape) -> (f32, f32) {
    match shape {
        Shape::Blob(blob) => {
            let reach = blob.radii.iter().copied().fold(0.0, f32::max) * 1.3;
            (blob.centre[2] - reach, blob.centre[2] + reach)
        }
        Shape::Tube(tube) => {
            let radius = tube.radius_from.max(tube.radius_to);
            (tube.from[2].min(tube.to[2]) - radius, tube.from[2].max(tube.to[2]) + radius)
        }
    }
}

/// Path lengths to grey values: edge emphasis, an S-shaped response, quantum grain.
fn develop(path: &[f32], (middle, spread): (f32, f32), seed: u64) -> Vec<u16> {
    let blurred = super::picture::box_blur(path, COLUMNS, 34);
    let grain = Grain::new(seed);
    path.iter()
        .zip(&blurred)
        .enumerate()
        .map(|(index, (length, wide))| {
            let sharp = length + 0.55 * (length - wide);
            let level = 1.0 / (1.0 + (-(sharp - middle) / spread).exp());
            let (row, column) = (index / COLUMNS, index % COLUMNS);
            let quantum = grain.at(column, row, (7, 31)) * (10.0 + 16.0 * level);
            (level * 3900.0 + 60.0 + quantum).clamp(0.0, 4095.0) as u16
        })
        .collect()
}
