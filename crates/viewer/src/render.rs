//! The rendering chain (PS3.3 C.11, PS3.18 8.3.5): frame, modality LUT, VOI window or LUT, photometric interpretation,
//! pixel aspect ratio, size, picture format.

use crate::encode::{Picture, encode};
use crate::error::{RenderError, broken};
use crate::lut::{Modality, Padding, Table, Window, presets, voi_table};
use crate::object::Object;
use crate::pixels::{Bits, Description, Photometric, Raw, words};
use crate::{colour, geometry, scale};

/// Picture format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG of a quality from 1 to 100: lossy, not for primary diagnosis.
    Jpeg(u8),
    /// PNG, 8 bits per sample.
    Png,
}

/// How a picture should look.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderRequest {
    /// Window to use; `None`: what the file offers, else the spread of its values. Ignored for colour.
    pub window: Option<Window>,
    /// Which of the file's windows to use when `window` is `None`, from 0; beyond the last one: the first.
    pub preset: usize,
    /// Part of the image that is shown; `None`: all of it.
    pub region: Option<Region>,
    /// Widest picture; `None`: the image's own width.
    pub max_width: Option<u32>,
    /// Highest picture; `None`: the image's own height.
    pub max_height: Option<u32>,
    /// Enlarge small images up to the given size.
    pub enlarge: bool,
    /// Swap black and white (the negative for colour).
    pub invert: bool,
    /// Picture format.
    pub format: Format,
}

/// A part of an image, in its pixels; what lies outside the image is left away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Leftmost column, from 0.
    pub x: u32,
    /// Uppermost row, from 0.
    pub y: u32,
    /// Columns, at least 1; `None`: up to the right edge.
    pub width: Option<u32>,
    /// Rows, at least 1; `None`: down to the lower edge.
    pub height: Option<u32>,
    /// Left and right change places.
    pub mirror: bool,
    /// Top and bottom change places.
    pub flip: bool,
}

impl Region {
    /// What of the picture lies in the region: its size and its samples. Errors: `BadRequest` when nothing does.
    fn cut(
        &self,
        samples: &[u8],
        (width, height): (u32, u32),
        channels: usize,
    ) -> Result<((u32, u32), Vec<u8>), RenderError> {
        let within = |from: u32, length: Option<u32>, most: u32| {
            let left = most.checked_sub(from).filter(|left| *left > 0)?;
            Some(length.unwrap_or(left).min(left)).filter(|length| *length > 0)
        };
        let (Some(columns), Some(rows)) = (within(self.x, self.width, width), within(self.y, self.height, height))
        else {
            let text = format!("the region lies outside the image of {width} by {height} pixels");
            return Err(RenderError::BadRequest(text));
        };
        let mut cut = Vec::with_capacity(columns as usize * rows as usize * channels);
        for row in 0..rows {
            let row = self.y + if self.flip { rows - 1 - row } else { row };
            let start = (row as usize * width as usize + self.x as usize) * channels;
            let line = &samples[start..start + columns as usize * channels];
            if self.mirror {
                line.rchunks_exact(channels).for_each(|pixel| cut.extend_from_slice(pixel));
            } else {
                cut.extend_from_slice(line);
            }
        }
        Ok(((columns, rows), cut))
    }
}

impl Default for RenderRequest {
    fn default() -> Self {
        RenderRequest {
            window: None,
            preset: 0,
            region: None,
            max_width: None,
            max_height: None,
            enlarge: false,
            invert: false,
            format: Format::Jpeg(90),
        }
    }
}

/// A picture.
#[derive(Clone, PartialEq)]
pub struct Rendered {
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// `image/jpeg` or `image/png`.
    pub mime: &'static str,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The window that was used; `None` for colour and where a VOI LUT of the file was used.
    pub window: Option<Window>,
    /// Whether information was lost on the way to the picture: always so with JPEG and when it was made smaller.
    pub lossy: bool,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rendered({} {}x{}, {} octets)", self.mime, self.width, self.height, self.bytes.len())
    }
}

/// Longest side of a picture.
const MOST_SIDE: u32 = 16_384;

pub(crate) fn render(object: &Object<'_>, frame: u32, request: &RenderRequest) -> Result<Rendered, RenderError> {
    if request.max_width == Some(0) || request.max_height == Some(0) {
        return Err(RenderError::BadRequest("a picture must be at least one pixel wide and high".to_string()));
    }
    let usable = |window: Window| window.center.is_finite() && window.width.is_finite() && window.width > 0.0;
    if !request.window.is_none_or(usable) {
        return Err(RenderError::BadRequest("the window needs a width of more than 0".to_string()));
    }
    object.check_image()?;
    object.check_frame(frame)?;
    let description = Description::read(object.data_set())?;
    let raw = object.frame(frame, &description)?;
    let (colour, samples, window) = match raw.photometric {
        Photometric::Monochrome1 | Photometric::Monochrome2 => {
            let (samples, window) = grey(object, frame, request, &description, &raw)?;
            (false, samples, window)
        }
        Photometric::Palette => (true, colour::palette(&raw, &description, object.data_set())?, None),
        _ => (true, colour::rgb(&raw, &description)?, None),
    };
    let mut samples = samples;
    if colour && request.invert {
        samples.iter_mut().for_each(|value| *value = 255 - *value);
    }
    let mut from = (description.columns, description.rows);
    if let Some(region) = request.region {
        (from, samples) = region.cut(&samples, from, if colour { 3 } else { 1 })?;
    }
    let to = size(from, geometry::aspect(object, frame), request);
    let as_sizes = |(width, height): (u32, u32)| (width as usize, height as usize);
    let samples = scale::resize(&samples, as_sizes(from), as_sizes(to), if colour { 3 } else { 1 });
    let picture = Picture { width: to.0, height: to.1, colour, samples };
    let bytes = encode(&picture, request.format)?;
    let (mime, lossy) = match request.format {
        Format::Jpeg(_) => ("image/jpeg", true),
        Format::Png => ("image/png", to.0 < from.0 || to.1 < from.1),
    };
    Ok(Rendered { bytes, mime, width: to.0, height: to.1, window, lossy })
}

/// Size of the picture: square pixels, within the request, never 0.
fn size(from: (u32, u32), aspect: f64, request: &RenderRequest) -> (u32, u32) {
    // `aspect` is the height of a pixel by its width: the longer side grows, no pixel is dropped.
    let (mut width, mut height) = (f64::from(from.0), f64::from(from.1));
    if aspect > 1.0 {
        height *= aspect;
    } else {
        width /= aspect;
    }
    let limit = |asked: Option<u32>| f64::from(asked.unwrap_or(MOST_SIDE).min(MOST_SIDE));
    let mut factor = (limit(request.max_width) / width).min(limit(request.max_height) / height);
    if !request.enlarge || (request.max_width.is_none() && request.max_height.is_none()) {
        factor = factor.min(1.0);
    }
    let side = |length: f64| ((length * factor).round() as u32).clamp(1, MOST_SIDE);
    (side(width), side(height))
}

/// The VOI step that applies.
enum Voi {
    Window(Window),
    Table(Table),
}

impl Voi {
    fn level(&self, value: f64) -> f64 {
        match self {
            Voi::Window(window) => window.level(value),
            Voi::Table(table) => table.entry(value) / table.most,
        }
    }
}

fn grey(
    object: &Object<'_>,
    frame: u32,
    request: &RenderRequest,
    description: &Description,
    raw: &Raw,
) -> Result<(Vec<u8>, Option<Window>), RenderError> {
    let mut description = *description;
    if raw.bits_allocated != description.bits_allocated {
        // A lossless JPEG of 8 bits in 16 allocated comes out as octets, and the reverse.
        description.bits_allocated = raw.bits_allocated;
        description.bits_stored = description.bits_stored.min(raw.bits_allocated);
        description.high_bit = description.bits_stored - 1;
    }
    let bits = Bits::new(&description);
    let pixels = (u64::from(description.rows) * u64::from(description.columns)) as usize;
    let modality = Modality::of(object, frame, description.signed);
    let padding = Padding::of(object.data_set(), &bits);
    let voi = match (request.window, voi_of_file(object, frame, request, &modality, description.signed)) {
        (Some(window), _) => Voi::Window(window),
        (None, Some(voi)) => voi,
        (None, None) => Voi::Window(automatic(object, frame, raw, &description, &modality, padding)?),
    };
    let inverse = (raw.photometric == Photometric::Monochrome1) != request.invert;
    let shade = |index: u32| -> u8 {
        let stored = bits.value(index);
        if padding.is_some_and(|padding| padding.holds(stored)) {
            return 0; // background, whichever way the grey scale runs
        }
        let level = voi.level(modality.apply(stored));
        let level = if inverse { 1.0 - level } else { level };
        (level * 255.0).round().clamp(0.0, 255.0) as u8
    };
    let mut samples = Vec::with_capacity(pixels);
    if bits.count() <= 16 {
        let table: Vec<u8> = (0..1u32 << bits.count()).map(shade).collect();
        words(raw, pixels, |word| samples.push(table[bits.index(word) as usize]));
    } else {
        words(raw, pixels, |word| samples.push(shade(bits.index(word))));
    }
    if samples.len() < pixels {
        return broken(format!("{pixels} pixels were expected, {} came", samples.len()));
    }
    let window = match voi {
        Voi::Window(window) => Some(window),
        Voi::Table(_) => None,
    };
    Ok((samples, window))
}

fn voi_of_file(
    object: &Object<'_>,
    frame: u32,
    request: &RenderRequest,
    modality: &Modality,
    signed: bool,
) -> Option<Voi> {
    let offered = presets(object, frame);
    if let Some(preset) = offered.get(request.preset).or(offered.first()) {
        return Some(Voi::Window(preset.window));
    }
    voi_table(object, frame, modality, signed).map(Voi::Table)
}

/// The window when neither the request nor the file has one: 8-bit images are shown as they are, as every viewer does;
/// others by the spread of their values. All frames of a loop get the window of its middle frame, or it would flicker.
fn automatic(
    object: &Object<'_>,
    frame: u32,
    raw: &Raw,
    description: &Description,
    modality: &Modality,
    padding: Option<Padding>,
) -> Result<Window, RenderError> {
    let bits = Bits::new(description);
    if bits.count() == 8 && *modality == Modality::IDENTITY {
        return Ok(Window::linear(if description.signed { 0.0 } else { 128.0 }, 256.0));
    }
    let pixels = (u64::from(description.rows) * u64::from(description.columns)) as usize;
    let middle = object.frames().div_ceil(2);
    if middle == frame || object.frames() == 1 {
        return Ok(spread(raw, pixels, &bits, modality, padding));
    }
    let reference = object.frame(middle, &Description::read(object.data_set())?)?;
    Ok(spread(&reference, pixels, &bits, modality, padding))
}

/// A window over what is in the frame: from the 0.5th to the 99.5th percentile, padding left out.
fn spread(raw: &Raw, pixels: usize, bits: &Bits, modality: &Modality, padding: Option<Padding>) -> Window {
    // 16 bits at most are counted; wider values are sorted into as many classes.
    let drop = bits.count().saturating_sub(16);
    let classes = 1usize << (bits.count() - drop);
    let mut counts = vec![0u64; classes];
    words(raw, pixels, |word| {
        let index = bits.index(word);
        if !padding.is_some_and(|padding| padding.holds(bits.value(index))) {
            counts[(index >> drop) as usize] += 1;
        }
    });
    // In the order of the values, not of the bits: the modality LUT may turn them round.
    let mut order: Vec<(f64, u64)> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(class, count)| (modality.apply(bits.value((class as u32) << drop)), *count))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = order.iter().map(|(_, count)| count).sum();
    let at = |share: f64| {
        let wanted = (total as f64 * share) as u64;
        let mut seen = 0;
        order
            .iter()
            .find(|(_, count)| {
                seen += count;
                seen > wanted
            })
            .or(order.last())
            .map_or(0.0, |(value, _)| *value)
    };
    let (low, high) = (at(0.005), at(0.995));
    if bits.count() == 1 {
        return Window::linear(1.0, 2.0); // masks: 0 is black, 1 is white
    }
    Window::linear((low + high + 1.0) / 2.0, (high - low + 1.0).max(2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_the_shape_of_the_body_and_the_limits_of_the_request() {
        let request = |width, height, enlarge| RenderRequest {
            max_width: width,
            max_height: height,
            enlarge,
            ..RenderRequest::default()
        };
        assert_eq!(size((512, 512), 1.0, &request(None, None, false)), (512, 512));
        assert_eq!(size((512, 256), 1.0, &request(Some(128), Some(128), false)), (128, 64));
        assert_eq!(size((100, 50), 1.0, &request(Some(400), Some(400), false)), (100, 50));
        assert_eq!(size((100, 50), 1.0, &request(Some(400), Some(400), true)), (400, 200));
        // Pixels twice as high as wide: the picture is stretched downwards.
        assert_eq!(size((100, 100), 2.0, &request(None, None, false)), (100, 200));
        assert_eq!(size((100, 100), 0.5, &request(None, None, false)), (200, 100));
        assert_eq!(size((4000, 1), 1.0, &request(Some(10), None, false)), (10, 1));
    }
}
