//! Mammograms: a compressed breast with glandular tissue that runs to the nipple, ligaments, skin, the pectoral muscle in
//! oblique views, and a few benign calcifications on the left.

use crate::random::{Grain, Random, fractal, noise};

/// Rows of a mammogram.
pub(crate) const ROWS: usize = 1152;
/// Columns of a mammogram.
pub(crate) const COLUMNS: usize = 896;
/// Pixel size in mm at the detector.
pub(crate) const PIXEL: f32 = 0.2;

/// A mammogram as 12-bit values, bright where attenuation is high. The chest wall is at the left edge for a left breast
/// and at the right edge for a right one.
pub(crate) fn image(person: &str, left: bool, oblique: bool) -> Vec<u16> {
    // Both breasts have about the same size; their tissue differs.
    let mut random = Random::from_words(person);
    let depth = random.between(100.0, 118.0);
    let half = random.between(80.0, 92.0);
    let mut random = Random::from_words(&format!("{person}/{left}/{oblique}"));
    let seed = (random.next() & 0xffff) as u32;

    let centre = ROWS as f32 * PIXEL / 2.0 + if oblique { 16.0 } else { 0.0 };
    let grain = Grain::new(u64::from(seed));
    let calcifications: Vec<(f32, f32, f32)> = if left {
        (0..9)
            .map(|_| (random.between(20.0, 80.0), centre + random.between(-42.0, 42.0), random.between(0.22, 0.55)))
            .collect()
    } else {
        Vec::new()
    };
    // The tissue is worked out for every second pixel; grain and calcifications are finer.
    let (rows, columns) = (ROWS / 2 + 1, COLUMNS / 2 + 1);
    let mut coarse = vec![0.0f32; rows * columns];
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (column as f32 * 2.0 * PIXEL, row as f32 * 2.0 * PIXEL);
            coarse[row * columns + column] = breast_level(x, y, centre, depth, half, oblique, seed);
        }
    }
    let mut pixels = vec![0u16; ROWS * COLUMNS];
    for row in 0..ROWS {
        let y = row as f32 * PIXEL;
        for column in 0..COLUMNS {
            let from_wall = if left { column } else { COLUMNS - 1 - column };
            let x = from_wall as f32 * PIXEL;
            let at = |r: usize, c: usize| coarse[r * columns + c];
            let (r, c) = (row / 2, from_wall / 2);
            let mut value = match (row % 2, from_wall % 2) {
                (0, 0) => at(r, c),
                (0, _) => (at(r, c) + at(r, c + 1)) / 2.0,
                (_, 0) => (at(r, c) + at(r + 1, c)) / 2.0,
                _ => (at(r, c) + at(r, c + 1) + at(r + 1, c) + at(r + 1, c + 1)) / 4.0,
            };
            for (cx, cy, radius) in &calcifications {
                let distance = ((x - cx).powi(2) + (y - cy).powi(2)).sqrt();
                if distance < radius + 0.2 && value > 0.2 {
                    value += 0.34 * (1.0 - (distance / (radius + 0.2)).powi(2));
                }
            }
            let noise = grain.at(column, row, (row / 256 * 37, column / 256 * 53)) * 0.006;
            pixels[row * COLUMNS + column] = ((value + noise * (0.3 + value)) * 4095.0).clamp(0.0, 4095.0) as u16;
        }
    }
    let text = format!("{}{}", if left { "L" } else { "R" }, if oblique { "MLO" } else { "CC" });
    // Dots of 5 pixels: 30 pixels a letter.
    let column = if left { COLUMNS - 40 - 30 * text.len() } else { 40 };
    super::picture::letters(&mut pixels, COLUMNS, (column, 48), 5, &text, 3900);
    pixels
}

/// Grey level 0..1 at a place: `x` mm from the chest wall, `y` mm from the top.
fn breast_level(x: f32, y: f32, centre: f32, depth: f32, half: f32, oblique: bool, seed: u32) -> f32 {
    // Half an ellipse, drooping a little in oblique views, with an uneven border.
    let sag = if oblique { 0.0011 * x * x } else { 0.0 };
    let dy = y - centre - sag;
    let border = 1.0 + 0.025 * noise(x / 40.0, y / 40.0, 0.0, seed + 1);
    let stretch = if oblique && dy < 0.0 { 1.32 } else { 1.0 };
    let q = ((x / depth).powi(2) + (dy / (half * stretch)).powi(2)).sqrt() / border;
    let nipple = (depth * 0.995, centre + sag_at(depth, oblique));
    let to_nipple = ((x - nipple.0).powi(2) + (y - nipple.1).powi(2)).sqrt();
    if q >= 1.0 && to_nipple > 3.8 {
        return 0.015;
    }
    // Thickness under compression: constant, then round at the free border.
    let inside = ((1.0 - q) * depth * 0.8).max(0.0);
    let thickness = 1.0 - (-inside / 6.5).exp();
    // Glandular tissue: a cone from the nipple to the middle of the chest wall, streaked along the ducts.
    let angle = (y - nipple.1).atan2(nipple.0 - x + 0.01);
    let cone =
        (1.0 - (angle / 0.82).powi(2)).clamp(0.0, 1.0) * (1.0 - ((to_nipple - 48.0) / 58.0).powi(2)).clamp(0.0, 1.0);
    let bend = 5.0 * noise(x / 20.0, y / 20.0, 0.0, seed + 2);
    let ducts = fractal((to_nipple + bend) / 26.0, angle * 7.5, 0.0, 4, seed + 3);
    let clumps = fractal(x / 15.0, y / 15.0, 2.0, 5, seed + 4);
    let gland = cone * (0.5 + 0.9 * ducts + 1.1 * clumps).clamp(0.0, 1.5);
    // Ligaments: bright ridges; fat lobules between.
    let ridge = 1.0 - (fractal(x / 19.0 + bend * 0.04, y / 19.0, 5.0, 3, seed + 5).abs() * 5.0).min(1.0);
    let fine = fractal(x / 3.2, y / 3.2, 9.0, 3, seed + 6);
    let mut level = 0.26 + 0.25 * gland + 0.055 * ridge * ridge + 0.03 * fine + 0.03 * clumps;
    // Vessels: two winding lines.
    for (offset, phase) in [(-24.0, 0.0), (30.0, 2.0)] {
        let line = centre + offset + 7.0 * ((x / 17.0) + phase).sin() + 4.0 * noise(x / 9.0, phase, 0.0, seed + 7);
        let distance = (y - line).abs();
        if distance < 1.4 && x < depth * 0.72 {
            level += 0.07 * (1.0 - distance / 1.4);
        }
    }
    if oblique {
        // The pectoral muscle: a wedge from the upper corner of the chest wall.
        let edge = 62.0 - 0.40 * y + 3.0 * noise(0.0, y / 30.0, 0.0, seed + 8);
        let muscle = ((edge - x) / 9.0 + 0.5).clamp(0.0, 1.0);
        let fibres = 0.03 * noise((x * 0.4 + y * 0.9) / 26.0, (x - 0.4 * y) / 3.5, 0.0, seed + 9);
        level += (0.52 + fibres - level).max(0.0) * muscle;
    }
    // Skin: a thin bright line at the free border; the nipple is as dense as glandular tissue.
    if inside < 1.6 {
        level += 0.16;
    }
    if to_nipple < 3.8 {
        return (0.36 - 0.03 * to_nipple).max(level * thickness);
    }
    level * (0.18 + 0.82 * thickness)
}

fn sag_at(x: f32, oblique: bool) -> f32 {
    if oblique { 0.0011 * x * x } else { 0.0 }
}
