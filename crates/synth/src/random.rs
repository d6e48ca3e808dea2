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

fn lattice(x: i32, y: i32, z: i32, seed: u32) -> f32 {
    let mut h = (x as u32)
        .wrapping_mul(0x8da6_b343)
        .wrapping_add((y as u32).wrapping_mul(0xd816_3841))
        .wrapping_add((z as u32).wrapping_mul(0xcb1a_b31f))
        .wrapping_add(seed.wrapping_mul(0x1656_67b1));
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h & 0xffff) as f32 / 32767.5 - 1.0
}

/// Smooth noise in space, -1..1, one feature per unit of length.
pub(crate) fn noise(x: f32, y: f32, z: f32, seed: u32) -> f32 {
    let (fx, fy, fz) = (x.floor(), y.floor(), z.floor());
    let (ix, iy, iz) = (fx as i32, fy as i32, fz as i32);
    let fade = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty, tz) = (fade(x - fx), fade(y - fy), fade(z - fz));
    let mut planes = [0.0f32; 2];
    for (dz, plane) in planes.iter_mut().enumerate() {
        let z = iz + dz as i32;
        let near = lattice(ix, iy, z, seed) * (1.0 - tx) + lattice(ix + 1, iy, z, seed) * tx;
        let far = lattice(ix, iy + 1, z, seed) * (1.0 - tx) + lattice(ix + 1, iy + 1, z, seed) * tx;
        *plane = near * (1.0 - ty) + far * ty;
    }
    planes[0] * (1.0 - tz) + planes[1] * tz
}

/// Several octaves of [`noise`], about -1..1.
pub(crate) fn fractal(x: f32, y: f32, z: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut scale, mut total) = (0.0, 1.0, 1.0, 0.0);
    for octave in 0..octaves {
        sum += weight * noise(x * scale, y * scale, z * scale, seed.wrapping_add(octave));
        total += weight;
        weight *= 0.55;
        scale *= 2.03;
    }
    sum / total
}

/// A square tile of image grain, deviation about 1, correlated over about two pixels as reconstructed noise is.
pub(crate) struct Grain {
    values: Vec<f32>,
}

impl Grain {
    const SIZE: usize = 256;

    pub(crate) fn new(seed: u64) -> Grain {
        let mut random = Random::new(seed);
        let raw: Vec<f32> = (0..Self::SIZE * Self::SIZE).map(|_| random.normal()).collect();
        let at = |x: usize, y: usize| raw[(y % Self::SIZE) * Self::SIZE + x % Self::SIZE];
        let mut values = Vec::with_capacity(raw.len());
        for y in 0..Self::SIZE {
            for x in 0..Self::SIZE {
                let sum = 2.0 * at(x, y)
                    + at(x + 1, y)
                    + at(x + Self::SIZE - 1, y)
                    + at(x, y + 1)
                    + at(x, y + Self::SIZE - 1);
                values.push(sum / 2.83); // root of 4 + 1 + 1 + 1 + 1
            }
        }
        Grain { values }
    }

    /// The grain of one pixel; `shift` moves the tile so that slices differ.
    pub(crate) fn at(&self, x: usize, y: usize, shift: (usize, usize)) -> f32 {
        self.values[((y + shift.1) % Self::SIZE) * Self::SIZE + (x + shift.0) % Self::SIZE]
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
    fn grain_has_a_deviation_of_about_one() {
        let grain = Grain::new(3);
        let mean: f32 = grain.values.iter().sum::<f32>() / grain.values.len() as f32;
        let variance: f32 = grain.values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / grain.values.len() as f32;
        assert!(mean.abs() < 0.05 && (0.7..1.3).contains(&variance.sqrt()), "{mean} {variance}");
    }
}
