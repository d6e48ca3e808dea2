//! Mammograms: a compressed breast with glandular tissue that runs to the nipple, ligaments, skin, the pectoral muscle in
//! oblique views, and a few benign calcifications on the left.

use crate::random::{Fractal, Grain, Random, Walk};

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
    let mut tissue = Breast::new(centre, depth, half, oblique, seed);
    let mut coarse = vec![0.0f32; rows * columns];
    for (row, line) in coarse.chunks_exact_mut(columns).enumerate() {
        for (column, level) in line.iter_mut().enumerate() {
            *level = tissue.level(column as f32 * 2.0 * PIXEL, row as f32 * 2.0 * PIXEL);
        }
    }
    let mut pixels = vec![0u16; ROWS * COLUMNS];
    let mut mean = vec![0.0f32; columns];
    let mut line = vec![0.0f32; COLUMNS];
    for (row, out) in pixels.chunks_exact_mut(COLUMNS).enumerate() {
        let at = |r: usize| &coarse[r * columns..(r + 1) * columns];
        for ((mean, a), b) in mean.iter_mut().zip(at(row / 2)).zip(at(row.div_ceil(2))) {
            *mean = (a + b) / 2.0;
        }
        for (two, pair) in line.chunks_exact_mut(2).zip(mean.windows(2)) {
            two[0] = pair[0];
            two[1] = (pair[0] + pair[1]) / 2.0;
        }
        let y = row as f32 * PIXEL;
        for (cx, cy, radius) in &calcifications {
            let reach = radius + 0.2;
            let first = ((cx - reach) / PIXEL).max(0.0) as usize;
            let last = ((cx + reach) / PIXEL).max(0.0) as usize + 1;
            if (y - cy).abs() < reach {
                for (column, value) in line.iter_mut().enumerate().take(last + 1).skip(first) {
                    let distance2 = (column as f32 * PIXEL - cx).powi(2) + (y - cy).powi(2);
                    if distance2 < reach * reach && *value > 0.2 {
                        *value += 0.34 * (1.0 - distance2 / (reach * reach));
                    }
                }
            }
        }
        if !left {
            line.reverse();
        }
        // The tile is moved from repetition to repetition, so that it does not show.
        let shift = row / Grain::SIZE * 37;
        let tiles = line.chunks(Grain::SIZE).zip(out.chunks_mut(Grain::SIZE)).enumerate();
        for (tile, (values, out)) in tiles {
            let grain = grain.row(row + tile * 53);
            for (column, (value, out)) in values.iter().zip(out).enumerate() {
                let noise = grain[(column + shift) % Grain::SIZE] * 0.006;
                *out = ((value + noise * (0.3 + value)) * 4095.0).clamp(0.0, 4095.0) as i32 as u16;
            }
        }
    }
    let text = format!("{}{}", if left { "L" } else { "R" }, if oblique { "MLO" } else { "CC" });
    // Dots of 5 pixels: 30 pixels a letter.
    let column = if left { COLUMNS - 40 - 30 * text.len() } else { 40 };
    super::picture::letters(&mut pixels, COLUMNS, (column, 48), 5, &text, 3900);
    pixels
}

/// Grey level beside the breast.
const BACKGROUND: f32 = 0.015;

/// The tissue of one view; places are mm from the chest wall and from the top.
struct Breast {
    centre: f32,
    depth: f32,
    half: f32,
    oblique: bool,
    border: Walk,
    bend: Walk,
    ducts: Fractal,
    clumps: Fractal,
    ridge: Fractal,
    fine: Fractal,
    vessels: [Walk; 2],
    edge: Walk,
    fibres: Walk,
}

impl Breast {
    fn new(centre: f32, depth: f32, half: f32, oblique: bool, seed: u32) -> Breast {
        Breast {
            centre,
            depth,
            half,
            oblique,
            border: Walk::new(seed + 1),
            bend: Walk::new(seed + 2),
            ducts: Fractal::new(4, seed + 3),
            clumps: Fractal::new(5, seed + 4),
            ridge: Fractal::new(3, seed + 5),
            fine: Fractal::new(3, seed + 6),
            vessels: [Walk::new(seed + 7), Walk::new(seed + 7)],
            edge: Walk::new(seed + 8),
            fibres: Walk::new(seed + 9),
        }
    }

    /// Grey level 0..1 at a place.
    fn level(&mut self, x: f32, y: f32) -> f32 {
        let (centre, depth, oblique) = (self.centre, self.depth, self.oblique);
        // Half an ellipse, drooping a little in oblique views, with an uneven border.
        let dy = y - centre - sag_at(x, oblique);
        let stretch = if oblique && dy < 0.0 { 1.32 } else { 1.0 };
        let flat = (x / depth).powi(2) + (dy / (self.half * stretch)).powi(2);
        let nipple = (depth * 0.995, centre + sag_at(depth, oblique));
        let to_nipple = ((x - nipple.0).powi(2) + (y - nipple.1).powi(2)).sqrt();
        if flat > 1.06 && to_nipple > 3.8 {
            return BACKGROUND;
        }
        let q = flat.sqrt() / (1.0 + 0.025 * self.border.at(x / 40.0, y / 40.0, 0.0));
        if q >= 1.0 && to_nipple > 3.8 {
            return BACKGROUND;
        }
        // Thickness under compression: constant, then round at the free border.
        let inside = ((1.0 - q) * depth * 0.8).max(0.0);
        let thickness = 1.0 - (-inside / 6.5).exp();
        // Glandular tissue: a cone from the nipple to the middle of the chest wall, streaked along the ducts.
        let angle = (y - nipple.1).atan2(nipple.0 - x + 0.01);
        let cone = (1.0 - (angle / 0.82).powi(2)).clamp(0.0, 1.0)
            * (1.0 - ((to_nipple - 48.0) / 58.0).powi(2)).clamp(0.0, 1.0);
        let bend = 5.0 * self.bend.at(x / 20.0, y / 20.0, 0.0);
        let clumps = self.clumps.at(x / 15.0, y / 15.0, 2.0);
        let mut gland = 0.0;
        if cone > 0.0 {
            let ducts = self.ducts.at((to_nipple + bend) / 26.0, angle * 7.5, 0.0);
            gland = cone * (0.5 + 0.9 * ducts + 1.1 * clumps).clamp(0.0, 1.5);
        }
        // Ligaments: bright ridges; fat lobules between.
        let ridge = 1.0 - (self.ridge.at(x / 19.0 + bend * 0.04, y / 19.0, 5.0).abs() * 5.0).min(1.0);
        let fine = self.fine.at(x / 3.2, y / 3.2, 9.0);
        let mut level = 0.26 + 0.25 * gland + 0.055 * ridge * ridge + 0.03 * fine + 0.03 * clumps;
        // Vessels: two winding lines.
        for ((offset, phase), walk) in [(-24.0, 0.0), (30.0, 2.0)].into_iter().zip(&mut self.vessels) {
            if (y - centre - offset).abs() > 13.0 {
                continue;
            }
            let line = centre + offset + 7.0 * ((x / 17.0) + phase).sin() + 4.0 * walk.at(x / 9.0, phase, 0.0);
            let distance = (y - line).abs();
            if distance < 1.4 && x < depth * 0.72 {
                level += 0.07 * (1.0 - distance / 1.4);
            }
        }
        if oblique {
            // The pectoral muscle: a wedge from the upper corner of the chest wall.
            let edge = 62.0 - 0.40 * y + 3.0 * self.edge.at(0.0, y / 30.0, 0.0);
            let muscle = ((edge - x) / 9.0 + 0.5).clamp(0.0, 1.0);
            let fibres = 0.03 * self.fibres.at((x * 0.4 + y * 0.9) / 26.0, (x - 0.4 * y) / 3.5, 0.0);
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
}

fn sag_at(x: f32, oblique: bool) -> f32 {
    if oblique { 0.0011 * x * x } else { 0.0 }
}
