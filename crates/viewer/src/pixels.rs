//! What the image pixel module says (PS3.3 C.7.6.3) and the samples of one frame.

use crate::error::{RenderError, refuse};
use crate::tags;
use dicom::DataSet;

/// Most samples of one frame that are decoded: 8 K x 8 K in colour.
pub(crate) const MOST_SAMPLES: u64 = 3 * 8192 * 8192;

/// Photometric interpretation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Photometric {
    Monochrome1,
    Monochrome2,
    Palette,
    Rgb,
    YbrFull,
    YbrFull422,
    YbrPartial422,
    /// JPEG 2000 components; the decoder gives RGB.
    YbrJpeg2000,
}

/// The image pixel module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Description {
    pub rows: u32,
    pub columns: u32,
    pub samples: u16,
    pub photometric: Photometric,
    /// True: RRR GGG BBB; false: RGB RGB RGB.
    pub by_plane: bool,
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub high_bit: u16,
    pub signed: bool,
}

impl Description {
    /// Reads and checks the attributes.
    pub(crate) fn read(set: &DataSet) -> Result<Description, RenderError> {
        let number = |tag, name: &str| match set.u16(tag) {
            Some(number) => Ok(number),
            None => refuse(format!("{name} is missing")),
        };
        let rows = u32::from(number(tags::ROWS, "Rows (0028,0010)")?);
        let columns = u32::from(number(tags::COLUMNS, "Columns (0028,0011)")?);
        let bits_allocated = number(tags::BITS_ALLOCATED, "Bits Allocated (0028,0100)")?;
        let samples = set.u16(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        let bits_stored = set.u16(tags::BITS_STORED).unwrap_or(bits_allocated);
        let high_bit = set.u16(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1));
        let word = set.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
        let photometric = match word.trim() {
            "MONOCHROME1" => Photometric::Monochrome1,
            "MONOCHROME2" => Photometric::Monochrome2,
            "PALETTE COLOR" => Photometric::Palette,
            "RGB" => Photometric::Rgb,
            "YBR_FULL" => Photometric::YbrFull,
            "YBR_FULL_422" => Photometric::YbrFull422,
            "YBR_PARTIAL_422" => Photometric::YbrPartial422,
            "YBR_ICT" | "YBR_RCT" => Photometric::YbrJpeg2000,
            // Some writers leave it out; one sample is grey, three are RGB.
            "" if samples == 1 => Photometric::Monochrome2,
            "" if samples == 3 => Photometric::Rgb,
            other => return refuse(format!("photometric interpretation {} is not supported", short(other))),
        };
        let description = Description {
            rows,
            columns,
            samples,
            photometric,
            by_plane: set.u16(tags::PLANAR_CONFIGURATION) == Some(1),
            bits_allocated,
            bits_stored,
            high_bit,
            signed: set.u16(tags::PIXEL_REPRESENTATION) == Some(1),
        };
        description.check()?;
        Ok(description)
    }

    fn check(&self) -> Result<(), RenderError> {
        if self.rows == 0 || self.columns == 0 {
            return refuse("the image has no rows or no columns");
        }
        let grey =
            matches!(self.photometric, Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette);
        let expected = if grey { 1 } else { 3 };
        if self.samples != expected {
            return refuse(format!("{expected} samples per pixel were expected, {} came", self.samples));
        }
        let allowed: &[u16] = if grey { &[1, 8, 16, 32] } else { &[8, 16] };
        if !allowed.contains(&self.bits_allocated) {
            return refuse(format!("Bits Allocated {} is not supported", self.bits_allocated));
        }
        if self.bits_stored == 0 || self.bits_stored > self.bits_allocated {
            return refuse(format!("Bits Stored {} of {} allocated", self.bits_stored, self.bits_allocated));
        }
        if self.high_bit >= self.bits_allocated || self.high_bit + 1 < self.bits_stored {
            return refuse(format!("High Bit {} with {} bits stored", self.high_bit, self.bits_stored));
        }
        let samples = self.count();
        if samples > MOST_SAMPLES {
            return Err(RenderError::TooLarge { samples, limit: MOST_SAMPLES });
        }
        Ok(())
    }

    /// Samples of one frame.
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.columns) * u64::from(self.samples)
    }

    /// Octets of one decoded frame.
    pub(crate) fn octets(&self) -> usize {
        // At most 3 * 8192 * 8192 * 4, checked above.
        (self.count() * u64::from(self.bits_allocated.max(8)) / 8) as usize
    }

    /// Where a native frame, counted from 1, lies: start, length, and for single bits how many bits to skip.
    pub(crate) fn native_frame(&self, frame: u32) -> (u64, u64, u32) {
        let index = u64::from(frame.saturating_sub(1));
        let pixels = u64::from(self.rows) * u64::from(self.columns);
        match (self.bits_allocated, self.photometric) {
            // Frames of single bits follow each other without padding (PS3.5 8.1.1).
            (1, _) => {
                let bit = index * pixels;
                let start = bit / 8;
                (start, (bit + pixels).div_ceil(8) - start, (bit % 8) as u32)
            }
            // Two pixels share their chroma: Y Y Cb Cr.
            (bits, Photometric::YbrFull422 | Photometric::YbrPartial422) => {
                let size = pixels.div_ceil(2) * 4 * u64::from(bits) / 8;
                (index.saturating_mul(size), size, 0)
            }
            (bits, _) => {
                let size = self.count() * u64::from(bits) / 8;
                (index.saturating_mul(size), size, 0)
            }
        }
    }
}

/// A peer's word in a message: printable and short.
pub(crate) fn short(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(32).collect()
}

/// How the samples of a decoded frame are to be understood; a decoder may have changed what the attributes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    /// Samples as allocated, little endian.
    pub octets: Vec<u8>,
    /// Bits to skip at the start, for single-bit images.
    pub skip_bits: u32,
    pub bits_allocated: u16,
    pub photometric: Photometric,
    pub by_plane: bool,
    /// Chroma is stored once for two pixels.
    pub subsampled: bool,
}

impl Raw {
    pub(crate) fn native(octets: Vec<u8>, skip_bits: u32, description: &Description) -> Raw {
        let subsampled = matches!(description.photometric, Photometric::YbrFull422 | Photometric::YbrPartial422);
        Raw {
            octets,
            skip_bits,
            bits_allocated: description.bits_allocated,
            photometric: description.photometric,
            by_plane: description.by_plane,
            subsampled,
        }
    }
}

/// How stored bits become a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits {
    shift: u32,
    bits: u32,
    signed: bool,
}

impl Bits {
    pub(crate) fn new(description: &Description) -> Bits {
        let bits = u32::from(description.bits_stored);
        Bits { shift: (u32::from(description.high_bit) + 1).saturating_sub(bits), bits, signed: description.signed }
    }

    /// Number of bits that carry the value.
    pub(crate) fn count(&self) -> u32 {
        self.bits
    }

    /// The bits of the value alone, as an index from 0.
    pub(crate) fn index(&self, word: u32) -> u32 {
        let word = word >> self.shift;
        if self.bits >= 32 { word } else { word & ((1 << self.bits) - 1) }
    }

    /// The number that an index means.
    pub(crate) fn value(&self, index: u32) -> i64 {
        if self.signed && self.bits < 64 && index >> (self.bits - 1) & 1 == 1 {
            i64::from(index) - (1i64 << self.bits)
        } else {
            i64::from(index)
        }
    }
}

/// Visits every sample of a grey frame as a word; the caller's closure sees exactly `count` of them.
pub(crate) fn words(raw: &Raw, count: usize, mut visit: impl FnMut(u32)) {
    match raw.bits_allocated {
        1 => {
            for index in 0..count {
                let bit = index + raw.skip_bits as usize;
                let octet = raw.octets.get(bit / 8).copied().unwrap_or(0);
                visit(u32::from(octet >> (bit % 8) & 1));
            }
        }
        8 => raw.octets.iter().take(count).for_each(|octet| visit(u32::from(*octet))),
        16 => {
            for pair in raw.octets.chunks_exact(2).take(count) {
                visit(u32::from(u16::from_le_bytes([pair[0], pair[1]])));
            }
        }
        _ => {
            for four in raw.octets.chunks_exact(4).take(count) {
                visit(u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(stored: u16, high: u16, signed: bool) -> Bits {
        Bits::new(&Description {
            rows: 1,
            columns: 1,
            samples: 1,
            photometric: Photometric::Monochrome2,
            by_plane: false,
            bits_allocated: 16,
            bits_stored: stored,
            high_bit: high,
            signed,
        })
    }

    #[test]
    fn stored_bits_become_numbers_whatever_lies_beside_them() {
        let twelve = bits(12, 11, false);
        assert_eq!(twelve.index(0xF123), 0x123); // an overlay in the upper bits
        let signed = bits(12, 11, true);
        assert_eq!(signed.value(signed.index(0x0FFF)), -1);
        assert_eq!(signed.value(signed.index(0x0800)), -2048);
        assert_eq!(signed.value(signed.index(0x07FF)), 2047);
        let upper = bits(12, 15, false);
        assert_eq!(upper.index(0x1230), 0x123);
        let full = bits(16, 15, true);
        assert_eq!(full.value(full.index(0xFFFE)), -2);
    }
}
