//! Modality LUT, VOI window and VOI LUT (PS3.3 C.11.1, C.11.2): from stored values to grey levels.

use crate::object::Object;
use crate::pixels::Bits;
use crate::tags;
use dicom::DataSet;

/// How a window maps values (PS3.3 C.11.2.1.2 and C.11.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Function {
    /// LINEAR: the usual window, half a unit shifted as the standard has it.
    #[default]
    Linear,
    /// LINEAR_EXACT: without the half unit.
    LinearExact,
    /// SIGMOID.
    Sigmoid,
}

impl Function {
    /// Reads the DICOM term, or the one of WADO-RS (`linear`, `linear-exact`, `sigmoid`); `None` for other words.
    pub fn from_term(term: &str) -> Option<Function> {
        match term.trim().to_ascii_lowercase().replace('_', "-").as_str() {
            "" | "linear" => Some(Function::Linear),
            "linear-exact" => Some(Function::LinearExact),
            "sigmoid" => Some(Function::Sigmoid),
            _ => None,
        }
    }
}

/// A window of values, in units after the modality LUT (HU for CT).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Middle.
    pub center: f64,
    /// Width, more than 0 (LINEAR: at least 1).
    pub width: f64,
    /// How it maps.
    pub function: Function,
}

impl Window {
    /// A linear window.
    pub fn linear(center: f64, width: f64) -> Window {
        Window { center, width, function: Function::Linear }
    }

    /// Grey level 0..1 of a value.
    pub(crate) fn level(&self, value: f64) -> f64 {
        match self.function {
            Function::Linear => {
                let (center, width) = (self.center - 0.5, self.width.max(1.0) - 1.0);
                if value <= center - width / 2.0 {
                    0.0
                } else if value > center + width / 2.0 {
                    1.0
                } else {
                    (value - center) / width + 0.5
                }
            }
            Function::LinearExact => ((value - self.center) / self.width.max(f64::MIN_POSITIVE) + 0.5).clamp(0.0, 1.0),
            Function::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - self.center) / self.width.max(f64::MIN_POSITIVE)).exp()),
        }
    }
}

/// A window that the file offers, with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// The window.
    pub window: Window,
    /// Window Center & Width Explanation (0028,1055); empty when the file gives none.
    pub explanation: String,
}

/// A lookup table of the file: modality or VOI.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    first: i64,
    /// Highest value that an entry can have.
    pub most: f64,
    entries: Vec<u16>,
}

impl Table {
    /// Reads descriptor and data of one item; `None` when they are unusable.
    pub(crate) fn read(item: &DataSet, signed: bool) -> Option<Table> {
        let descriptor = item.octets(tags::LUT_DESCRIPTOR)?;
        let data = item.octets(tags::LUT_DATA)?;
        Table::from_octets(descriptor, data, signed)
    }

    pub(crate) fn from_octets(descriptor: &[u8], data: &[u8], signed: bool) -> Option<Table> {
        let word = |index: usize| {
            descriptor.get(index * 2..index * 2 + 2).and_then(|o| o.first_chunk()).map(|o| u16::from_le_bytes(*o))
        };
        let (count, first, bits) = (word(0)?, word(1)?, word(2)?);
        // 0 means 65536 (PS3.3 C.11.1.1).
        let count = if count == 0 { 65_536 } else { usize::from(count) };
        let first = if signed { i64::from(first as i16) } else { i64::from(first) };
        let entries: Vec<u16> = if data.len() >= count * 2 {
            data.chunks_exact(2).take(count).map(|o| u16::from_le_bytes([o[0], o[1]])).collect()
        } else if data.len() >= count {
            // 8-bit entries, packed.
            data.iter().take(count).map(|value| u16::from(*value)).collect()
        } else {
            return None;
        };
        let highest = entries.iter().copied().max()?;
        let by_bits = (1u32 << u32::from(bits.clamp(1, 16))) - 1;
        Some(Table { first, most: f64::from(by_bits.max(u32::from(highest))), entries })
    }

    /// The entry of a value; values beyond the ends take the end's entry.
    pub(crate) fn entry(&self, value: f64) -> f64 {
        let last = self.entries.len().saturating_sub(1) as f64;
        let index = (value.round() - self.first as f64).clamp(0.0, last) as usize;
        f64::from(self.entries.get(index).copied().unwrap_or(0))
    }
}

/// From stored values to the modality's units.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Modality {
    Rescale { slope: f64, intercept: f64 },
    Table(Table),
}

impl Modality {
    /// Stored values are the values.
    pub(crate) const IDENTITY: Modality = Modality::Rescale { slope: 1.0, intercept: 0.0 };

    pub(crate) fn of(object: &Object<'_>, frame: u32, signed: bool) -> Modality {
        let set = object.data_set();
        if let Some(table) = set.item(tags::MODALITY_LUT_SEQUENCE).and_then(|item| Table::read(item, signed)) {
            return Modality::Table(table);
        }
        let from = object.group(frame, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE).unwrap_or(set);
        let finite = |number: Option<f64>| number.filter(|number| number.is_finite());
        let slope = finite(from.decimal(tags::RESCALE_SLOPE)).filter(|slope| *slope != 0.0).unwrap_or(1.0);
        Modality::Rescale { slope, intercept: finite(from.decimal(tags::RESCALE_INTERCEPT)).unwrap_or(0.0) }
    }

    pub(crate) fn apply(&self, stored: i64) -> f64 {
        match self {
            Modality::Rescale { slope, intercept } => stored as f64 * slope + intercept,
            Modality::Table(table) => table.entry(stored as f64),
        }
    }
}

/// The windows that the file offers for a frame, usable ones only, in its order.
pub(crate) fn presets(object: &Object<'_>, frame: u32) -> Vec<Preset> {
    let set = object.group(frame, tags::FRAME_VOILUT_SEQUENCE).unwrap_or(object.data_set());
    let numbers = |tag| -> Vec<Option<f64>> {
        set.texts(tag).iter().map(|text| text.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect()
    };
    let (centers, widths) = (numbers(tags::WINDOW_CENTER), numbers(tags::WINDOW_WIDTH));
    let names = set.texts(tags::WINDOW_CENTER_WIDTH_EXPLANATION);
    let function = set.text(tags::VOILUT_FUNCTION).and_then(|term| Function::from_term(&term)).unwrap_or_default();
    let pairs = centers.into_iter().zip(widths).enumerate();
    pairs
        .filter_map(|(index, (center, width))| {
            let window = Window { center: center?, width: width.filter(|width| *width > 0.0)?, function };
            Some(Preset { window, explanation: names.get(index).cloned().unwrap_or_default() })
        })
        .collect()
}

/// The file's VOI LUT for a frame.
pub(crate) fn voi_table(object: &Object<'_>, frame: u32, modality: &Modality, signed: bool) -> Option<Table> {
    let set = object.group(frame, tags::FRAME_VOILUT_SEQUENCE).unwrap_or(object.data_set());
    // The first mapped value is signed when the values that enter can be (PS3.3 C.11.2.1.1).
    let signed = match modality {
        Modality::Rescale { intercept, .. } => signed || *intercept < 0.0,
        Modality::Table(_) => false,
    };
    set.item(tags::VOILUT_SEQUENCE).and_then(|item| Table::read(item, signed))
}

/// Values that mean "no pixel here" (PS3.3 C.7.5.1.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Padding {
    low: i64,
    high: i64,
}

impl Padding {
    pub(crate) fn of(set: &DataSet, bits: &Bits) -> Option<Padding> {
        // The VR is US or SS, or unknown in implicit files: only the bits count, read as the pixels are.
        let number = |tag| {
            let octets = set.octets(tag)?;
            let word = octets.first_chunk().map(|o| u32::from(u16::from_le_bytes(*o)))?;
            let mask = if bits.count() >= 16 { u32::MAX } else { (1 << bits.count()) - 1 };
            // A padding value beyond the stored bits marks nothing that can be told apart.
            Some(bits.value(word & mask & 0xffff))
        };
        let value = number(tags::PIXEL_PADDING_VALUE)?;
        let limit = number(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value);
        Some(Padding { low: value.min(limit), high: value.max(limit) })
    }

    pub(crate) fn holds(&self, value: i64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linear_window_is_the_one_of_the_standard() {
        // PS3.3 C.11.2.1.2.1: centre 2048, width 4096 on 12 bits is the identity.
        let window = Window::linear(2048.0, 4096.0);
        assert_eq!(window.level(0.0), 0.0);
        assert_eq!(window.level(4095.0), 1.0);
        assert!((window.level(2047.5) - 0.5).abs() < 1e-9);
        // Width 1 is a threshold.
        let threshold = Window::linear(100.0, 1.0);
        assert_eq!((threshold.level(99.0), threshold.level(100.0)), (0.0, 1.0));
        let exact = Window { center: 50.0, width: 100.0, function: Function::LinearExact };
        assert_eq!((exact.level(0.0), exact.level(50.0), exact.level(100.0)), (0.0, 0.5, 1.0));
        let sigmoid = Window { center: 50.0, width: 100.0, function: Function::Sigmoid };
        assert_eq!(sigmoid.level(50.0), 0.5);
        assert!((sigmoid.level(100.0) - 0.880797).abs() < 1e-5);
    }

    #[test]
    fn tables_take_their_end_entries_beyond_the_ends() {
        let descriptor: Vec<u8> = [4u16, 10, 8].iter().flat_map(|word| word.to_le_bytes()).collect();
        let data: Vec<u8> = [0u16, 100, 200, 255].iter().flat_map(|word| word.to_le_bytes()).collect();
        let table = Table::from_octets(&descriptor, &data, false).unwrap();
        assert_eq!([9.0, 10.0, 12.0, 13.0, 99.0].map(|v| table.entry(v)), [0.0, 0.0, 200.0, 255.0, 255.0]);
        assert_eq!(table.most, 255.0);
        let signed: Vec<u8> = [4u16, (-2i16) as u16, 8].iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(Table::from_octets(&signed, &data, true).unwrap().entry(-1.0), 100.0);
        assert!(Table::from_octets(&descriptor, &data[..3], false).is_none());
    }

    #[test]
    fn terms_of_both_worlds_name_the_functions() {
        assert_eq!(Function::from_term("LINEAR_EXACT"), Some(Function::LinearExact));
        assert_eq!(Function::from_term("linear-exact"), Some(Function::LinearExact));
        assert_eq!(Function::from_term("SIGMOID "), Some(Function::Sigmoid));
        assert_eq!(Function::from_term("cubic"), None);
    }
}
