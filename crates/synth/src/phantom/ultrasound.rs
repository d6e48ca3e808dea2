//! Echocardiography: an apical four chamber loop. Chambers grow and shrink over the beat, valve leaflets swing, speckle
//! comes from a polar texture, so that it widens with depth and moves with the tissue.

use crate::random::Random;

/// Rows of a frame.
pub(crate) const ROWS: usize = 480;
/// Columns of a frame.
pub(crate) const COLUMNS: usize = 640;
/// Size of a pixel in cm.
pub(crate) const PIXEL_CM: f32 = 16.0 / 410.0;

const APEX: (f32, f32) = (320.0, 22.0);
const DEPTH: f32 = 16.0;
const HALF_ANGLE: f32 = 0.74;
const RADIAL: usize = 512;
const ANGULAR: usize = 192;

/// Polar speckle: one texture for tissue, one for the rest.
pub(crate) struct Speckle {
    values: Vec<f32>,
}

impl Speckle {
    pub(crate) fn new(key: &str) -> Speckle {
        let mut random = Random::from_words(key);
        let mut component = || -> Vec<f32> {
            let raw: Vec<f32> = (0..RADIAL * ANGULAR).map(|_| random.normal()).collect();
            let at = |r: isize, a: isize| {
                let r = r.rem_euclid(RADIAL as isize) as usize;
                let a = a.rem_euclid(ANGULAR as isize) as usize;
                raw[a * RADIAL + r]
            };
            let mut out = Vec::with_capacity(raw.len());
            for a in 0..ANGULAR as isize {
                for r in 0..RADIAL as isize {
                    let sum = at(r, a) + 0.6 * (at(r - 1, a) + at(r + 1, a)) + 0.7 * (at(r, a - 1) + at(r, a + 1));
                    out.push(sum / 1.65);
                }
            }
            out
        };
        let (real, imaginary) = (component(), component());
        // The envelope of random echoes; mean about 1.25.
        Speckle { values: real.iter().zip(&imaginary).map(|(re, im)| (re * re + im * im).sqrt()).collect() }
    }

    fn at(&self, radial: f32, angular: f32) -> f32 {
        let r = radial.rem_euclid(RADIAL as f32);
        let a = angular.rem_euclid(ANGULAR as f32);
        let (r0, a0) = (r as usize % RADIAL, a as usize % ANGULAR);
        let (fr, fa) = (r - r.floor(), a - a.floor());
        let get = |r: usize, a: usize| self.values[(a % ANGULAR) * RADIAL + r % RADIAL];
        let near = get(r0, a0) * (1.0 - fr) + get(r0 + 1, a0) * fr;
        let far = get(r0, a0 + 1) * (1.0 - fr) + get(r0 + 1, a0 + 1) * fr;
        near * (1.0 - fa) + far * fa
    }
}

/// State of the heart at a phase of the beat, 0..1 (0 is the start of contraction).
struct Beat {
    /// 1 relaxed, less when contracted.
    ventricle: f32,
    atrium: f32,
    /// 0 closed, 1 open.
    valve: f32,
}

impl Beat {
    fn at(phase: f32) -> Beat {
        // Contraction takes a third of the beat, then quick filling, rest, and the atrial kick.
        let squeeze =
            if phase < 0.35 { (std::f32::consts::PI * phase / 0.70).sin() } else { (-(phase - 0.35) * 7.0).exp() };
        let kick = (-((phase - 0.93) / 0.05).powi(2)).exp();
        let filling = (-((phase - 0.52) / 0.09).powi(2)).exp();
        Beat {
            ventricle: 1.0 - 0.27 * squeeze,
            atrium: 0.84 + 0.24 * squeeze - 0.08 * kick,
            valve: filling.max(0.85 * kick),
        }
    }
}

fn ellipse(x: f32, y: f32, centre: (f32, f32), radii: (f32, f32)) -> f32 {
    (((x - centre.0) / radii.0).powi(2) + ((y - centre.1) / radii.1).powi(2)).sqrt()
}

/// A bell curve, 0 where it would be invisible.
fn bell(x: f32) -> f32 {
    if x.abs() > 2.6 { 0.0 } else { (-x * x).exp() }
}

fn segment(x: f32, y: f32, a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t = (((x - a.0) * dx + (y - a.1) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
    ((x - a.0 - dx * t).powi(2) + (y - a.1 - dy * t).powi(2)).sqrt()
}

/// Echo strength at `x` cm to the right and `y` cm deep, and how much the tissue has moved towards the probe.
fn echo(x: f32, y: f32, beat: &Beat) -> (f32, f32) {
    let v = beat.ventricle;
    let base = 9.0 + (1.0 - v) * -2.6; // the valve plane moves towards the apex
    let soft = |level: f32, width: f32| ((1.0 - level) / width + 0.5).clamp(0.0, 1.0);
    // Outside: lung and ribs give weak, even echoes; the heart is one muscle with cavities.
    let mut strength = 0.028;
    let heart = ellipse(x, y, (0.1, 6.4), (4.6, 6.2));
    let atria = ellipse(x, y, (0.0, 11.2), (4.7, 3.0));
    strength += 0.115 * soft(heart, 0.05).max(soft(atria, 0.06) * 0.7);
    // Pericardium: the brightest line.
    if heart > 1.25 && atria > 1.25 {
        return (strength, 0.0);
    }
    let line = bell((heart - 1.0) / 0.022);
    if y > 2.2 && y < 10.0 {
        strength += 0.55 * line * if x > 0.0 { 1.0 } else { 0.55 };
    }
    strength += 0.26 * bell((atria - 1.0) / 0.03) * if y > 11.0 { 1.0 } else { 0.0 };
    let cavities = [
        ((1.55, 5.2 + (base - 9.0) * 0.5), (2.15 * v, 3.6 * (0.5 + 0.5 * v)), 0.07),
        ((-2.15, 6.0 + (base - 9.0) * 0.5), (1.45 * v.powf(0.8), 2.75 * (0.6 + 0.4 * v)), 0.09),
        ((1.75, base + 2.3), (1.95 * beat.atrium, 2.0 * beat.atrium), 0.07),
        ((-2.1, base + 2.1), (1.85 * beat.atrium, 1.85 * beat.atrium), 0.07),
    ];
    for (centre, radii, width) in cavities {
        let level = ellipse(x, y, centre, radii);
        let inside = soft(level, width);
        // The inner lining reflects a little more than the muscle.
        strength += 0.10 * bell((level - 1.04) / 0.035) * (1.0 - inside);
        strength += (0.012 - strength) * inside;
    }
    // Openings from atria to ventricles, then the leaflets.
    for (septal, lateral) in [((0.15, base), (3.35, base)), ((-0.35, base - 0.3), (-3.65, base - 0.3))] {
        let middle = ((septal.0 + lateral.0) / 2.0, septal.1);
        let opening = soft(ellipse(x, y, middle, (1.05, 0.95)), 0.2);
        strength += (0.012 - strength) * opening;
        let swing = beat.valve;
        for hinge in [septal, lateral] {
            let closed = (middle.0 + (hinge.0 - middle.0) * 0.04, middle.1 + 0.22);
            let open = (hinge.0 + (middle.0 - hinge.0) * 0.34, middle.1 - 1.55);
            let tip = (closed.0 + (open.0 - closed.0) * swing, closed.1 + (open.1 - closed.1) * swing);
            let distance = segment(x, y, hinge, tip);
            strength += 0.5 * bell(distance / 0.085);
        }
    }
    // Atrial septum with its thin middle.
    let septum = segment(x, y, (-0.12, base), (-0.2, base + 4.4));
    strength += 0.2 * bell(septum / 0.14);
    let moved = (1.0 - v) * 1.6 * (1.0 - (y - 9.0).abs() / 12.0).max(0.0);
    (strength.max(0.004), moved)
}

/// One frame, 8-bit grey; `phase` is the part of the beat, 0..1.
pub(crate) fn frame(speckle: &Speckle, index: usize, count: usize) -> Vec<u8> {
    let phase = index as f32 / count.max(1) as f32;
    let beat = Beat::at(phase);
    let mut pixels = vec![0u8; ROWS * COLUMNS];
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let (dx, dy) = ((column as f32 - APEX.0) * PIXEL_CM, (row as f32 - APEX.1) * PIXEL_CM);
            let radius = (dx * dx + dy * dy).sqrt();
            let angle = dx.atan2(dy);
            if radius > DEPTH || !(0.35..).contains(&radius) || angle.abs() > HALF_ANGLE {
                continue;
            }
            let (strength, moved) = echo(dx * 1.12, dy, &beat);
            let lateral = angle / HALF_ANGLE * 72.0;
            let speckle_here = speckle.at((radius + moved) * 30.0, lateral + 80.0);
            // Blood flickers from frame to frame; gain falls at the edges and slightly with depth.
            let flicker = speckle.at(radius * 30.0 + index as f32 * 61.0, lateral + index as f32 * 17.0);
            let near = 0.14 * (-(radius / 1.1).powi(2)).exp();
            let gain = (1.0 - 0.25 * (angle / HALF_ANGLE).powi(4)) * (1.0 - 0.012 * radius);
            let amplitude = ((strength + near) * speckle_here * 0.8 + 0.006 * flicker) * gain;
            let decibel = 20.0 * amplitude.max(1e-4).log10();
            let level = ((decibel + 46.0) / 46.0).clamp(0.0, 1.0);
            pixels[row * COLUMNS + column] = (level.powf(1.15) * 248.0) as u8;
        }
    }
    furniture(&mut pixels, index, count);
    pixels
}

/// What a scanner draws around its picture: grey bar, depth scale, ECG with the moving mark.
fn furniture(pixels: &mut [u8], index: usize, count: usize) {
    let mut set = |column: usize, row: usize, value: u8| {
        if column < COLUMNS && row < ROWS {
            pixels[row * COLUMNS + column] = value;
        }
    };
    for row in 40..200 {
        for column in 612..622 {
            set(column, row, 255 - ((row - 40) * 255 / 160) as u8);
        }
    }
    for cm in 0..=16 {
        let row = (APEX.1 + cm as f32 / PIXEL_CM) as usize;
        for column in 590..if cm % 5 == 0 { 602 } else { 596 } {
            set(column, row, 190);
        }
    }
    // One beat: P wave, QRS complex, T wave.
    let wave = |phase: f32| {
        let bump = |at: f32, width: f32, height: f32| height * (-((phase - at) / width).powi(2)).exp();
        bump(0.88, 0.03, 5.0) + bump(0.02, 0.012, 26.0) - bump(0.045, 0.012, 9.0)
            + bump(0.30, 0.05, 8.0)
            + bump(1.02, 0.012, 26.0)
            - bump(0.985, 0.008, 4.0)
    };
    let mut last = None::<usize>;
    for column in 40..600 {
        let phase = ((column - 40) as f32 / 186.0).fract();
        let row = (462.0 - wave(phase)) as usize;
        let (low, high) = last.map_or((row, row), |before: usize| (before.min(row), before.max(row)));
        for r in low..=high {
            set(column, r, 150);
        }
        last = Some(row);
    }
    let mark = 40 + 186 + (186.0 * index as f32 / count.max(1) as f32) as usize;
    for row in 432..470 {
        set(mark, row, 235);
    }
}
