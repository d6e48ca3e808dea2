//! Colour frames to 8-bit RGB: RGB, YBR variants (PS3.3 C.7.6.3.1.2) and palettes (C.7.6.3.1.5, C.7.9.2).

use crate::error::{RenderError, broken, refuse};
use crate::lut::Table;
use crate::pixels::{Bits, Description, Photometric, Raw, words};
use crate::tags;
use dicom::{DataSet, Tag};

/// A colour frame with three samples as RGB, 8 bits each.
pub(crate) fn rgb(raw: &Raw, description: &Description) -> Result<Vec<u8>, RenderError> {
    let pixels = (u64::from(description.rows) * u64::from(description.columns)) as usize;
    // Samples to 8 bits first; one octet per sample afterwards.
    let octets: Vec<u8> = if raw.bits_allocated == 16 {
        let shift = u32::from(description.bits_stored.min(16)).saturating_sub(8);
        let grow = 8u32.saturating_sub(u32::from(description.bits_stored));
        raw.octets
            .chunks_exact(2)
            .map(|o| ((u32::from(u16::from_le_bytes([o[0], o[1]])) >> shift) << grow).min(255) as u8)
            .collect()
    } else {
        raw.octets.clone()
    };
    let needed = if raw.subsampled { pixels.div_ceil(2) * 4 } else { pixels * 3 };
    if octets.len() < needed {
        return broken(format!("{needed} samples were expected, {} came", octets.len()));
    }
    let mut out = Vec::with_capacity(pixels * 3);
    if raw.subsampled {
        for four in octets.chunks_exact(4) {
            let [first, second, cb, cr] = [four[0], four[1], four[2], four[3]];
            for luma in [first, second] {
                if out.len() < pixels * 3 {
                    out.extend_from_slice(&convert(raw.photometric, [luma, cb, cr]));
                }
            }
        }
    } else if raw.by_plane {
        let (red, rest) = octets.split_at(pixels);
        let (green, blue) = rest.split_at(pixels);
        for ((r, g), b) in red.iter().zip(green).zip(blue) {
            out.extend_from_slice(&convert(raw.photometric, [*r, *g, *b]));
        }
    } else if raw.photometric == Photometric::Rgb {
        out.extend_from_slice(&octets[..pixels * 3]);
    } else {
        for three in octets.chunks_exact(3).take(pixels) {
            out.extend_from_slice(&convert(raw.photometric, [three[0], three[1], three[2]]));
        }
    }
    Ok(out)
}

fn convert(photometric: Photometric, sample: [u8; 3]) -> [u8; 3] {
    let [y, cb, cr] = sample.map(f32::from);
    let (y, cb, cr) = match photometric {
        Photometric::YbrFull | Photometric::YbrFull422 => (y, cb - 128.0, cr - 128.0),
        Photometric::YbrPartial422 => {
            ((y - 16.0) * 255.0 / 219.0, (cb - 128.0) * 255.0 / 224.0, (cr - 128.0) * 255.0 / 224.0)
        }
        _ => return sample,
    };
    let channel = |value: f32| value.round().clamp(0.0, 255.0) as u8;
    [channel(y + 1.402 * cr), channel(y - 0.344_136 * cb - 0.714_136 * cr), channel(y + 1.772 * cb)]
}

/// A palette frame as RGB.
pub(crate) fn palette(raw: &Raw, description: &Description, set: &DataSet) -> Result<Vec<u8>, RenderError> {
    if description.bits_allocated > 16 {
        return refuse("a palette for more than 16 bits");
    }
    let channels = [
        channel(
            set,
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        )?,
        channel(
            set,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        )?,
        channel(
            set,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        )?,
    ];
    let bits = Bits::new(description);
    let pixels = (u64::from(description.rows) * u64::from(description.columns)) as usize;
    let mut out = Vec::with_capacity(pixels * 3);
    words(raw, pixels, |word| {
        let value = bits.value(bits.index(word)) as f64;
        for table in &channels {
            out.push((table.entry(value) * 255.0 / table.most).round().clamp(0.0, 255.0) as u8);
        }
    });
    if out.len() < pixels * 3 {
        return broken("the frame has too few samples");
    }
    Ok(out)
}

fn channel(set: &DataSet, descriptor: Tag, data: Tag, segmented: Tag) -> Result<Table, RenderError> {
    let Some(description) = set.octets(descriptor) else {
        return refuse("a palette descriptor is missing");
    };
    let signed = set.u16(tags::PIXEL_REPRESENTATION) == Some(1);
    let table = match (set.octets(data), set.octets(segmented)) {
        (Some(data), _) => Table::from_octets(description, data, signed),
        (None, Some(segments)) => expand(segments).and_then(|data| Table::from_octets(description, &data, signed)),
        (None, None) => None,
    };
    table.map_or_else(|| refuse("a palette is missing or shorter than its descriptor says"), Ok)
}

/// Segmented palettes: discrete and linear segments (PS3.3 C.7.9.2); indirect ones repeat earlier segments.
fn expand(octets: &[u8]) -> Option<Vec<u8>> {
    const MOST: usize = 65_536;
    let words: Vec<u16> = octets.chunks_exact(2).map(|o| u16::from_le_bytes([o[0], o[1]])).collect();
    let mut out: Vec<u16> = Vec::new();
    let mut at = 0;
    while let (Some(kind), Some(count)) = (words.get(at), words.get(at + 1)) {
        let count = usize::from(*count);
        match kind {
            0 => {
                out.extend_from_slice(words.get(at + 2..at + 2 + count)?);
                at += 2 + count;
            }
            1 => {
                let (from, to) = (f64::from(*out.last()?), f64::from(*words.get(at + 2)?));
                out.extend((1..=count).map(|step| (from + (to - from) * step as f64 / count as f64).round() as u16));
                at += 3;
            }
            // Indirect segments appear in no file we have seen.
            _ => return None,
        }
        if out.len() > MOST {
            return None;
        }
    }
    Some(out.into_iter().flat_map(u16::to_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_range_luma_and_chroma_become_known_colours() {
        assert_eq!(convert(Photometric::YbrFull, [76, 85, 255]), [254, 0, 0]);
        assert_eq!(convert(Photometric::YbrFull, [128, 128, 128]), [128, 128, 128]);
        assert_eq!(convert(Photometric::YbrPartial422, [16, 128, 128]), [0, 0, 0]);
        assert_eq!(convert(Photometric::YbrPartial422, [235, 128, 128]), [255, 255, 255]);
        assert_eq!(convert(Photometric::Rgb, [1, 2, 3]), [1, 2, 3]);
    }

    #[test]
    fn segmented_palettes_are_written_out() {
        let words = [0u16, 1, 0, 1, 4, 100];
        let octets: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let table: Vec<u16> =
            expand(&octets).unwrap().chunks_exact(2).map(|o| u16::from_le_bytes([o[0], o[1]])).collect();
        assert_eq!(table, [0, 25, 50, 75, 100]);
        assert!(expand(&[1, 0, 4, 0, 100, 0]).is_none());
    }
}
