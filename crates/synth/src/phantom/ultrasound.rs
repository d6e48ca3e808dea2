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

    /// The texture at a place; both parts count from 0 up.
    #[inline]
    fn at(&self, radial: f32, angular: f32) -> f32 {
        let (r, a) = (radial as i32, angular as i32);
        let (fr, fa) = (radial - r as f32, angular - a as f32);
        let (r, a) = (r as u32 as usize, a as u32 as usize);
        let (r0, r1) = (r % RADIAL, (r + 1) % RADIAL);
        let (near, far) = (a % ANGULAR * RADIAL, (a + 1) % ANGULAR * RADIAL);
        let near = self.values[near + r0] * (1.0 - fr) + self.values[near + r1] * fr;
        let far = self.values[far + r0] * (1.0 - fr) + self.values[far + r1] * fr;
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

/// One pixel of the sector, and what does not change from frame to frame.
struct Place {
    index: u32,
    /// cm to the right and deep, in the heart's measure.
    x: f32,
    y: f32,
    /// Place in the speckle texture.
    radial: f32,
    lateral: f32,
    /// Echo of what does not move: muscle, pericardium.
    still: f32,
    /// Whether the heart is here.
    heart: bool,
    near: f32,
    gain: f32,
}

/// The field of view.
pub(crate) struct Sector {
    places: Vec<Place>,
    response: Response,
}

fn soft(level: f32, width: f32) -> f32 {
    ((1.0 - level) / width + 0.5).clamp(0.0, 1.0)
}

impl Sector {
    pub(crate) fn new() -> Sector {
        let mut places = Vec::new();
        for index in 0..ROWS * COLUMNS {
            let (row, column) = (index / COLUMNS, index % COLUMNS);
            let (dx, dy) = ((column as f32 - APEX.0) * PIXEL_CM, (row as f32 - APEX.1) * PIXEL_CM);
            // The sector is narrower than a right angle.
            if dx.abs() > dy {
                continue;
            }
            let (radius, angle) = ((dx * dx + dy * dy).sqrt(), dx.atan2(dy));
            if !(0.35..=DEPTH).contains(&radius) || angle.abs() > HALF_ANGLE {
                continue;
            }
            let (x, y) = (dx * 1.12, dy);
            let (still, heart) = still(x, y);
            places.push(Place {
                index: index as u32,
                x,
                y,
                radial: radius * 30.0,
                lateral: angle / HALF_ANGLE * 72.0 + 80.0,
                still,
                heart,
                near: 0.14 * (-(radius / 1.1).powi(2)).exp(),
                gain: (1.0 - 0.25 * (angle / HALF_ANGLE).powi(4)) * (1.0 - 0.012 * radius),
            });
        }
        Sector { places, response: Response::new() }
    }

    /// One frame of a beat, 8-bit grey.
    pub(crate) fn frame(&self, speckle: &Speckle, index: usize, count: usize) -> Vec<u8> {
        let echo = Echo::new(&Beat::at(index as f32 / count.max(1) as f32));
        let mut pixels = vec![0u8; ROWS * COLUMNS];
        // Blood flickers from frame to frame.
        let (radial, lateral) = (index as f32 * 61.0, (index * 17 % ANGULAR + ANGULAR) as f32 - 80.0);
        for place in &self.places {
            let (strength, moved) =
                if place.heart { echo.at(place.x, place.y, place.still) } else { (place.still, 0.0) };
            let speckle_here = speckle.at(place.radial + moved * 30.0, place.lateral);
            let flicker = speckle.at(place.radial + radial, place.lateral + lateral);
            // Gain falls at the edges and slightly with depth.
            let amplitude = ((strength + place.near) * speckle_here * 0.8 + 0.006 * flicker) * place.gain;
            pixels[place.index as usize] = self.response.grey(amplitude);
        }
        furniture(&mut pixels, index, count);
        pixels
    }
}

/// Echo strength at a place outside the cavities, and whether the heart is there.
fn still(x: f32, y: f32) -> (f32, bool) {
    // Outside: lung and ribs give weak, even echoes; the heart is one muscle with cavities.
    let heart = ellipse(x, y, (0.1, 6.4), (4.6, 6.2));
    let atria = ellipse(x, y, (0.0, 11.2), (4.7, 3.0));
    let mut strength = 0.028 + 0.115 * soft(heart, 0.05).max(soft(atria, 0.06) * 0.7);
    if heart > 1.25 && atria > 1.25 {
        return (strength, false);
    }
    // Pericardium: the brightest line.
    if y > 2.2 && y < 10.0 {
        strength += 0.55 * bell((heart - 1.0) / 0.022) * if x > 0.0 { 1.0 } else { 0.55 };
    }
    strength += 0.26 * bell((atria - 1.0) / 0.03) * if y > 11.0 { 1.0 } else { 0.0 };
    (strength, true)
}

/// A cavity or an opening of the heart: an ellipse with a soft border.
struct Cavity {
    centre: (f32, f32),
    per_radius: (f32, f32),
    width: f32,
}

impl Cavity {
    fn new(centre: (f32, f32), radii: (f32, f32), width: f32) -> Cavity {
        Cavity { centre, per_radius: (1.0 / radii.0, 1.0 / radii.1), width }
    }

    /// The square of the distance from the centre in radii.
    #[inline]
    fn level2(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = ((x - self.centre.0) * self.per_radius.0, (y - self.centre.1) * self.per_radius.1);
        dx * dx + dy * dy
    }
}

/// Half the width of a leaflet's echo.
const LEAFLET: f32 = 0.085 * 2.6;

/// A valve leaflet from hinge to tip.
struct Leaflet {
    hinge: (f32, f32),
    tip: (f32, f32),
}

impl Leaflet {
    #[inline]
    fn echo(&self, x: f32, y: f32) -> f32 {
        let (a, b) = (self.hinge, self.tip);
        let near = |a: f32, b: f32, v: f32| a.min(b) - LEAFLET < v && v < a.max(b) + LEAFLET;
        if near(a.1, b.1, y) && near(a.0, b.0, x) { 0.5 * bell(segment(x, y, a, b) / 0.085) } else { 0.0 }
    }
}

/// The moving parts of the heart at one moment.
struct Echo {
    ventricle: f32,
    /// Depth of the valve plane.
    base: f32,
    cavities: [Cavity; 4],
    /// Openings from atria to ventricles, each with its two leaflets.
    valves: [(Cavity, [Leaflet; 2]); 2],
}

impl Echo {
    fn new(beat: &Beat) -> Echo {
        let (v, a, swing) = (beat.ventricle, beat.atrium, beat.valve);
        let base = 9.0 + (1.0 - v) * -2.6; // the valve plane moves towards the apex
        let sides = [((0.15, base), (3.35, base)), ((-0.35, base - 0.3), (-3.65, base - 0.3))];
        let valves = sides.map(|(septal, lateral): ((f32, f32), (f32, f32))| {
            let middle = ((septal.0 + lateral.0) / 2.0, septal.1);
            let leaflets = [septal, lateral].map(|hinge| {
                let closed = (middle.0 + (hinge.0 - middle.0) * 0.04, middle.1 + 0.22);
                let open = (hinge.0 + (middle.0 - hinge.0) * 0.34, middle.1 - 1.55);
                let tip = (closed.0 + (open.0 - closed.0) * swing, closed.1 + (open.1 - closed.1) * swing);
                Leaflet { hinge, tip }
            });
            (Cavity::new(middle, (1.05, 0.95), 0.2), leaflets)
        });
        let cavities = [
            Cavity::new((1.55, 5.2 + (base - 9.0) * 0.5), (2.15 * v, 3.6 * (0.5 + 0.5 * v)), 0.07),
            Cavity::new((-2.15, 6.0 + (base - 9.0) * 0.5), (1.45 * v.powf(0.8), 2.75 * (0.6 + 0.4 * v)), 0.09),
            Cavity::new((1.75, base + 2.3), (1.95 * a, 2.0 * a), 0.07),
            Cavity::new((-2.1, base + 2.1), (1.85 * a, 1.85 * a), 0.07),
        ];
        Echo { ventricle: v, base, cavities, valves }
    }

    /// Echo strength at a place, and how much the tissue has moved towards the probe.
    fn at(&self, x: f32, y: f32, still: f32) -> (f32, f32) {
        const BLOOD: f32 = 0.012;
        let mut strength = still;
        for cavity in &self.cavities {
            let level2 = cavity.level2(x, y);
            if level2 > 1.3 {
                continue;
            }
            let level = level2.sqrt();
            let inside = soft(level, cavity.width);
            // The inner lining reflects a little more than the muscle.
            if inside < 1.0 {
                strength += 0.10 * bell((level - 1.04) / 0.035) * (1.0 - inside);
            }
            strength += (BLOOD - strength) * inside;
        }
        for (opening, leaflets) in &self.valves {
            let level2 = opening.level2(x, y);
            if level2 < 1.21 {
                strength += (BLOOD - strength) * soft(level2.sqrt(), opening.width);
            }
            strength += leaflets[0].echo(x, y) + leaflets[1].echo(x, y);
        }
        // Atrial septum with its thin middle.
        if (-0.6..0.3).contains(&x) && y > self.base - 0.4 {
            strength += 0.2 * bell(segment(x, y, (-0.12, self.base), (-0.2, self.base + 4.4)) / 0.14);
        }
        let moved = (1.0 - self.ventricle) * 1.6 * (1.0 - (y - 9.0).abs() / 12.0).max(0.0);
        (strength.max(0.004), moved)
    }
}

/// Grey values of amplitudes on a scale of 46 dB, by the leading bits of the amplitude.
struct Response {
    greys: Vec<u8>,
}

impl Response {
    /// Weaker amplitudes are black, stronger ones than 1 white.
    const LEAST: f32 = 1.0 / 256.0;
    /// How many trailing bits do not count.
    const SHIFT: u32 = 14;

    fn new() -> Response {
        let number = |amplitude: f32| amplitude.to_bits() >> Self::SHIFT;
        let grey = |number: u32| {
            let decibel = 20.0 * f32::from_bits(number << Self::SHIFT).log10();
            let level = ((decibel + 46.0) / 46.0).clamp(0.0, 1.0);
            (level.powf(1.15) * 248.0) as u8
        };
        Response { greys: (number(Self::LEAST)..=number(1.0)).map(grey).collect() }
    }

    #[inline]
    fn grey(&self, amplitude: f32) -> u8 {
        let first = Self::LEAST.to_bits() >> Self::SHIFT;
        let number = amplitude.clamp(Self::LEAST, 1.0).to_bits() >> Self::SHIFT;
        self.greys[(number - first) as usize]
    }
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
