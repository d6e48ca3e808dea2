//! Chest radiographs: rays through the thorax phantom, path lengths in mm of soft tissue, a film-like response.
//!
//! Soft parts are followed ray by ray with the painting order of the scene; vessels and bones are added as path lengths
//! at full resolution, which keeps their edges sharp.

use super::chest;
use super::projection::{Curve, Ray, Shadow};
use super::shape::range;
use super::tissue::Tissue;
use super::{Blob, Scene};
use crate::random::{Grain, Walk};

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
pub(super) fn density(tissue: Tissue) -> f32 {
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

/// Pixels between rays through the soft parts.
const STEP: usize = 3;

impl View {
    /// Index of the axis across the image and of the ray.
    fn axes(&self) -> (usize, usize) {
        if self.lateral { (1, 0) } else { (0, 1) }
    }

    fn soft_paths(&self, scene: &Scene) -> Vec<f32> {
        let (columns, rows) = (COLUMNS.div_ceil(STEP) + 1, ROWS.div_ceil(STEP) + 1);
        let shapes: Vec<Shadow> = scene.shapes.iter().map(|shape| Shadow::new(shape, self.axes())).collect();
        let mut coarse = vec![0.0f32; columns * rows];
        let mut active: Vec<&Shadow> = Vec::new();
        let mut ray = Ray::default();
        let mut bends = [Walk::new(301), Walk::new(302), Walk::new(311), Walk::new(312)];
        for (row, line) in coarse.chunks_exact_mut(columns).enumerate() {
            let z = up((row * STEP) as f32);
            // Shapes that this row can meet, bending included; the last painted first.
            active.clear();
            active.extend(shapes.iter().rev().filter(|shape| (z - shape.centre.1).abs() < shape.reach.1 + 4.0));
            for (column, path) in line.iter_mut().enumerate() {
                let u = across((column * STEP) as f32);
                // A little bending keeps the outlines from looking drawn with a compass.
                let mut bend = |i: usize| {
                    2.6 * bends[i].at(u / 34.0, z / 34.0, 0.0) + 0.7 * bends[i + 1].at(u / 9.0, z / 9.0, 0.0)
                };
                let (u, z) = (u + bend(0), z + bend(2));
                ray.clear();
                for shape in &active {
                    if let Some((from, to)) = shape.span(u, z) {
                        *path += shape.density * ray.cover(from, to);
                    }
                }
            }
        }
        widen(&coarse, columns)
    }

    /// Adds path lengths of bones or vessels at full resolution.
    fn add(&self, path: &mut [f32], scene: &Scene, strength: f32) {
        for shape in &scene.shapes {
            let factor = added(shape.tissue()) * strength;
            if factor == 0.0 {
                continue;
            }
            let shadow = Shadow::new(shape, self.axes());
            let row = ROWS as f32 / 2.0 - (shadow.centre.1 + 14.0) / PIXEL;
            for r in range(row, shadow.reach.1 / PIXEL + 1.0, ROWS) {
                let z = up(r as f32);
                let Some((low, high)) = shadow.columns(z) else { continue };
                let (middle, half) = ((low + high) / 2.0 / PIXEL + COLUMNS as f32 / 2.0, (high - low) / 2.0 / PIXEL);
                for c in range(middle, half + 1.0, COLUMNS) {
                    if let Some(length) = shadow.length(across(c as f32), z) {
                        path[r * COLUMNS + c] += factor * length;
                    }
                }
            }
        }
    }
}

/// mm from the middle of the film to a column.
#[inline]
fn across(column: f32) -> f32 {
    (column - COLUMNS as f32 / 2.0) * PIXEL
}

/// z of a row; the centre of the film is at z = -14.
#[inline]
fn up(row: f32) -> f32 {
    (ROWS as f32 / 2.0 - row) * PIXEL - 14.0
}

/// Values between the rays.
fn widen(coarse: &[f32], columns: usize) -> Vec<f32> {
    let mut fine = vec![0.0f32; COLUMNS * ROWS];
    let mut line = vec![0.0f32; columns];
    for (row, out) in fine.chunks_exact_mut(COLUMNS).enumerate() {
        let (r, t) = (row / STEP, (row % STEP) as f32 / STEP as f32);
        let at = |r: usize| &coarse[r * columns..(r + 1) * columns];
        for ((value, top), bottom) in line.iter_mut().zip(at(r)).zip(at(r + 1)) {
            *value = top + (bottom - top) * t;
        }
        for (some, pair) in out.chunks_mut(STEP).zip(line.windows(2)) {
            for (index, value) in some.iter_mut().enumerate() {
                *value = pair[0] + (pair[1] - pair[0]) * (index as f32 / STEP as f32);
            }
        }
    }
    fine
}

/// Path lengths to grey values: edge emphasis, an S-shaped response, quantum grain.
fn develop(path: &[f32], (middle, spread): (f32, f32), seed: u64) -> Vec<u16> {
    let blurred = super::picture::wide_mean(path, COLUMNS);
    let grain = Grain::new(seed);
    let response = Curve::new(-9.0, 9.0, 2048, |x| 1.0 / (1.0 + (-x).exp()));
    let mut pixels = vec![0u16; path.len()];
    let lines = path.chunks(COLUMNS).zip(blurred.chunks(COLUMNS)).zip(pixels.chunks_mut(COLUMNS));
    for (row, ((line, wide), out)) in lines.enumerate() {
        let grain = grain.row(row + 31);
        for (column, ((length, wide), out)) in line.iter().zip(wide).zip(out).enumerate() {
            let sharp = length + 0.55 * (length - wide);
            let level = response.at((sharp - middle) / spread);
            let quantum = grain[(column + 7) % Grain::SIZE] * (10.0 + 16.0 * level);
            *out = (level * 3900.0 + 60.0 + quantum).clamp(0.0, 4095.0) as i32 as u16;
        }
    }
    pixels
}
