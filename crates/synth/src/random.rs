//! Random numbers and smooth noise from a seed: a small generator, a lattice noise in space and a tile of grain.

/// SplitMix64: tiny, seedable, good enough for pictures. Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A generator whose numbers depend only on `words`.
    pub(crate) fn from_words(words: &str) -> Random {
        // FNV-1a: the words only have to be spread, not protected.
        let hash = words
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Random::new(hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform between two values.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// About normal, mean 0, deviation 1 (sum of uniforms).
    pub(crate) fn normal(&mut self) -> f32 {
        let word = self.next();
        let sum: u32 = (0..4).map(|i| ((word >> (16 * i)) & 0xffff) as u32).sum();
        // Four uniforms have variance 4/12 in units of 65536.
        (sum as f32 / 65536.0 - 2.0) * 1.732
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const STEP_X: u32 = 0x8da6_b343;
const STEP_Y: u32 = 0xd816_3841;
const STEP_Z: u32 = 0xcb1a_b31f;

/// The place of a lattice point before it is scrambled: a sum, so that neighbours are one addition away.
#[inline]
fn place(x: i32, y: i32, z: i32, seed: u32) -> u32 {
    (x as u32)
        .wrapping_mul(STEP_X)
        .wrapping_add((y as u32).wrapping_mul(STEP_Y))
        .wrapping_add((z as u32).wrapping_mul(STEP_Z))
        .wrapping_add(seed.wrapping_mul(0x1656_67b1))
}

/// The value of a lattice point, -1..1.
#[inline]
fn value_at(place: u32) -> f32 {
    let mut h = place;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h & 0xffff) as i32 as f32 / 32767.5 - 1.0
}

/// The next lower whole number, and what is above it.
#[inline]
pub(crate) fn split(v: f32) -> (i32, f32) {
    // `f32::floor` is a call on processors without SSE 4.1.
    let cut = v as i32;
    let whole = cut - i32::from((cut as f32) > v);
    (whole, v - whole as f32)
}

#[inline]
fn fade(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

#[inline]
fn between(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Smooth noise in space, -1..1, one feature per unit of length. For many places near each other see [`Walk`].
#[inline]
pub(crate) fn noise(x: f32, y: f32, z: f32, seed: u32) -> f32 {
    Walk::new(seed).at(x, y, z)
}

/// [`noise`] of one seed for places that follow each other closely: the corners of the last cell are kept.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    seed: u32,
    cell: (i32, i32),
    /// NaN before the first place.
    z: f32,
    corners: [f32; 4],
}

impl Walk {
    pub(crate) fn new(seed: u32) -> Walk {
        Walk { seed, cell: (0, 0), z: f32::NAN, corners: [0.0; 4] }
    }

    /// The noise of a place; quick while `z` stays and the cell of `x` and `y` stays.
    #[inline]
    pub(crate) fn at(&mut self, x: f32, y: f32, z: f32) -> f32 {
        let ((ix, x), (iy, y)) = (split(x), split(y));
        if (ix, iy) != self.cell || z != self.z {
            self.enter(ix, iy, z);
        }
        let [a, b, c, d] = self.corners;
        let x = fade(x);
        between(between(a, b, x), between(c, d, x), fade(y))
    }

    fn enter(&mut self, ix: i32, iy: i32, z: f32) {
        (self.cell, self.z) = ((ix, iy), z);
        let (iz, z) = split(z);
        let (low, z) = (place(ix, iy, iz, self.seed), fade(z));
        let corner = |place: u32| between(value_at(place), value_at(place.wrapping_add(STEP_Z)), z);
        self.corners = [
            corner(low),
            corner(low.wrapping_add(STEP_X)),
            corner(low.wrapping_add(STEP_Y)),
            corner(low.wrapping_add(STEP_X).wrapping_add(STEP_Y)),
        ];
    }
}

/// Adds `amount` times the [`noise`] of a line to `out`: the first place is `from`, the others follow along an axis.
pub(crate) fn add_along(out: &mut [f32], from: [f32; 3], (axis, step): (usize, f32), seed: u32, amount: f32) {
    let cells = [split(from[0]), split(from[1]), split(from[2])];
    let steps = [STEP_X, STEP_Y, STEP_Z];
    let (b, c) = ((axis + 1) % 3, (axis + 2) % 3);
    let (tb, tc) = (fade(cells[b].1), fade(cells[c].1));
    let origin = place(cells[0].0, cells[1].0, cells[2].0, seed);
    let first = cells[axis].0;
    // The noise of a whole number on the axis: the mean of the four lattice points around the line.
    let face = |whole: i32| {
        let low = origin.wrapping_add((whole.wrapping_sub(first) as u32).wrapping_mul(steps[axis]));
        let (up, right) = (low.wrapping_add(steps[b]), low.wrapping_add(steps[c]));
        let near = between(value_at(low), value_at(up), tb);
        let far = between(value_at(right), value_at(right.wrapping_add(steps[b])), tb);
        between(near, far, tc) * amount
    };
    let (mut cell, mut left, mut right) = (first, face(first), face(first.wrapping_add(1)));
    for (index, value) in out.iter_mut().enumerate() {
        let (whole, t) = split(from[axis] + step * index as f32);
        if whole != cell {
            left = if whole == cell.wrapping_add(1) { right } else { face(whole) };
            right = face(whole.wrapping_add(1));
            cell = whole;
        }
        *value += between(left, right, fade(t));
    }
}

/// Several octaves of [`noise`], about -1..1, for places that follow each other closely.
#[derive(Debug, Clone)]
pub(crate) struct Fractal {
    octaves: Vec<Walk>,
    /// One over the sum of the weights.
    scale: f32,
}

impl Fractal {
    /// Each octave is so much weaker and finer than the one before.
    pub(crate) const WEAKER: f32 = 0.55;
    pub(crate) const FINER: f32 = 2.03;

    pub(crate) fn new(octaves: u32, seed: u32) -> Fractal {
        let total: f32 = (0..octaves).map(|octave| Self::WEAKER.powi(octave as i32)).sum();
        Fractal {
            octaves: (0..octaves).map(|octave| Walk::new(seed.wrapping_add(octave))).collect(),
            scale: 1.0 / total.max(1e-6),
        }
    }

    #[inline]
    pub(crate) fn at(&mut self, x: f32, y: f32, z: f32) -> f32 {
        let (mut sum, mut weight, mut scale) = (0.0, self.scale, 1.0);
        for octave in &mut self.octaves {
            sum += weight * octave.at(x * scale, y * scale, z * scale);
            weight *= Self::WEAKER;
            scale *= Self::FINER;
        }
        sum
    }
}

/// A square tile of image grain, deviation about 1, correlated over about two pixels as reconstructed noise is.
pub(crate) struct Grain {
    rows: Vec<[f32; Self::SIZE]>,
}

impl Grain {
    /// Rows and columns of the tile.
    pub(crate) const SIZE: usize = 256;

    pub(crate) fn new(seed: u64) -> Grain {
        let mut random = Random::new(seed);
        let raw: Vec<f32> = (0..Self::SIZE * Self::SIZE).map(|_| random.normal()).collect();
        let at = |x: usize, y: usize| raw[(y % Self::SIZE) * Self::SIZE + x % Self::SIZE];
        let mut rows = vec![[0.0; Self::SIZE]; Self::SIZE];
        for (y, row) in rows.iter_mut().enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                let sum = 2.0 * at(x, y)
                    + at(x + 1, y)
                    + at(x + Self::SIZE - 1, y)
                    + at(x, y + 1)
                    + at(x, y + Self::SIZE - 1);
                *value = sum / 2.83; // root of 4 + 1 + 1 + 1 + 1
            }
        }
        Grain { rows }
    }

    /// One row of the tile; it repeats.
    #[inline]
    pub(crate) fn row(&self, y: usize) -> &[f32; Self::SIZE] {
        &self.rows[y % Self::SIZE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_bounded_and_repeats_for_the_same_seed() {
        for i in 0..500 {
            let t = i as f32 * 0.37;
            let value = noise(t, -t, t * 0.5, 7);
            assert!((-1.0..=1.0).contains(&value));
            assert_eq!(value, noise(t, -t, t * 0.5, 7));
        }
    }

    #[test]
    fn noise_along_a_line_is_the_noise_of_its_places() {
        for axis in 0..3 {
            let mut out = [0.5f32; 60];
            let from = [-3.4, 2.2, -0.7];
            add_along(&mut out, from, (axis, 0.31), 5, 2.0);
            for (index, value) in out.iter().enumerate() {
                let mut at = from;
                at[axis] += 0.31 * index as f32;
                assert!((value - 0.5 - 2.0 * noise(at[0], at[1], at[2], 5)).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn grain_has_a_deviation_of_about_one() {
        let grain = Grain::new(3);
        let values = grain.rows.as_flattened();
        let mean: f32 = values.iter().sum::<f32>() / values.len() as f32;
        let variance: f32 = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.05 && (0.7..1.3).contains(&variance.sqrt()), "{mean} {variance}");
    }
}
