//! The colour transforms that one family of encoders puts around JPEG-LS, named in an APP8 segment `mrfx`. DICOM has no
//! use for them and files have them all the same. All sums are modulo the number of sample values.

/// A reversible transform of three components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColourTransform {
    /// Red and blue less green.
    Hp1,
    /// Red less green, blue less the mean of both.
    Hp2,
    /// Green with a quarter of the differences, which come next.
    Hp3,
}

impl ColourTransform {
    /// Three samples as they were before, `precision` bits each.
    pub(super) fn undo(self, [a, b, c]: [u16; 3], precision: u32) -> [u16; 3] {
        let (count, [a, b, c]) = (1 << precision, [a, b, c].map(i32::from));
        let (half, quarter) = (count / 2, count / 4);
        let wrap = |sum: i32| sum & (count - 1);
        let [red, green, blue] = match self {
            Self::Hp1 => [wrap(a + b - half), b, wrap(c + b - half)],
            Self::Hp2 => {
                let red = wrap(a + b - half);
                [red, b, wrap(c + ((red + b) >> 1) - half)]
            }
            Self::Hp3 => {
                let green = wrap(a - ((c + b) >> 2) + quarter);
                [wrap(c + green - half), green, wrap(b + green - half)]
            }
        };
        [red as u16, green as u16, blue as u16]
    }
}
