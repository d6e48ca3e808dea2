//! Coding parameters: presets, their defaults and limits, and what follows from them. ITU-T T.87 C.2.4.1 and A.2.1.

use super::error::Problem;

/// An LSE segment of type 1; 0 asks for the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Presets {
    pub(super) maximum: u32,
    pub(super) thresholds: [u32; 3],
    pub(super) reset: u32,
}

/// What the coding of a scan depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    /// MAXVAL, at most 65535.
    pub(super) maximum: i32,
    /// NEAR, at most 255.
    pub(super) near: i32,
    /// T1, T2, T3.
    pub(super) thresholds: [i32; 3],
    /// RESET.
    pub(super) reset: u32,
    /// RANGE, at most 65536: how many prediction errors there are.
    pub(super) range: i32,
    /// qbpp: bits of a prediction error.
    pub(super) error_bits: u32,
    /// LIMIT: the longest code.
    pub(super) limit: u32,
}

impl Parameters {
    /// Fills in defaults and checks the limits for samples of `precision` bits.
    pub(super) fn new(presets: &Presets, precision: u32, near: u32) -> Result<Self, Problem> {
        let full = (1 << precision) - 1;
        let maximum = within("MAXVAL", or(presets.maximum, full), 1, full)?;
        let near = within("NEAR", near, 0, (maximum / 2).min(255))?;
        let [t1, t2, t3] = default_thresholds(maximum, near);
        let t1 = within("T1", or(presets.thresholds[0], t1), near + 1, maximum)?;
        let t2 = within("T2", or(presets.thresholds[1], t2), t1, maximum)?;
        let t3 = within("T3", or(presets.thresholds[2], t3), t2, maximum)?;
        let reset = within("RESET", or(presets.reset, 64), 3, maximum.max(255))?;
        let range = (maximum + 2 * near) / (2 * near + 1) + 1;
        let sample_bits = bits(maximum + 1).max(2);
        Ok(Self {
            maximum: maximum as i32,
            near: near as i32,
            thresholds: [t1 as i32, t2 as i32, t3 as i32],
            reset,
            range: range as i32,
            error_bits: bits(range),
            limit: 2 * (sample_bits + sample_bits.max(8)),
        })
    }

    /// True if every sum of prediction and error only needs its low bits: lossless, MAXVAL one less than a power of two.
    pub(super) fn is_plain(&self) -> bool {
        self.near == 0 && self.range & (self.range - 1) == 0
    }
}

fn or(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}

fn within(what: &'static str, found: u32, least: u32, most: u32) -> Result<u32, Problem> {
    if (least..=most).contains(&found) { Ok(found) } else { Err(Problem::Range { what, least, most, found }) }
}

/// Bits that tell `count` values apart.
fn bits(count: u32) -> u32 {
    count.next_power_of_two().trailing_zeros()
}

/// Source: T.87 C.2.4.1.1.1.
fn default_thresholds(maximum: u32, near: u32) -> [u32; 3] {
    let (maximum, near) = (u64::from(maximum), u64::from(near));
    let [b1, b2, b3] = [3_u64, 7, 21];
    let wanted = if maximum >= 128 {
        let factor = (maximum.min(4095) + 128) / 256;
        [factor * (b1 - 2) + 2 + 3 * near, factor * (b2 - 3) + 3 + 5 * near, factor * (b3 - 4) + 4 + 7 * near]
    } else {
        let factor = 256 / (maximum + 1);
        [(b1 / factor + 3 * near).max(2), (b2 / factor + 5 * near).max(3), (b3 / factor + 7 * near).max(4)]
    };
    let mut least = near + 1;
    wanted.map(|value| {
        least = if value > maximum || value < least { least } else { value };
        least as u32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_standard() {
        let of = |precision, near| Parameters::new(&Presets::default(), precision, near).unwrap();
        let eight = of(8, 0);
        assert_eq!((eight.thresholds, eight.range, eight.error_bits, eight.limit), ([3, 7, 21], 256, 8, 32));
        // T.87 C.2.4.1.1.1: a factor of 16 for 12 bits and more.
        assert_eq!(of(12, 0).thresholds, [18, 67, 276]);
        assert_eq!(of(16, 0).thresholds, [18, 67, 276]);
        let near = of(8, 3);
        assert_eq!((near.thresholds, near.range, near.error_bits), ([12, 22, 42], 38, 6));
        assert_eq!(of(2, 0).thresholds, [2, 3, 3]);
        assert!(of(16, 0).is_plain() && !near.is_plain());
    }

    #[test]
    fn presets_outside_their_limits_are_refused_by_name() {
        let refused = |presets: Presets, near| Parameters::new(&presets, 8, near).unwrap_err().to_string();
        assert_eq!(refused(Presets::default(), 128), "NEAR is 128, allowed are 0 to 127");
        assert_eq!(refused(Presets { maximum: 256, ..Presets::default() }, 0), "MAXVAL is 256, allowed are 1 to 255");
        let thresholds = [9, 5, 21];
        assert_eq!(refused(Presets { thresholds, ..Presets::default() }, 0), "T2 is 5, allowed are 9 to 255");
        assert_eq!(refused(Presets { reset: 2, ..Presets::default() }, 0), "RESET is 2, allowed are 3 to 255");
    }
}
